//! The cross-entropy, and the entropy, which is that of p with itself.

use super::{Divergence, Pair, Sums};
use crate::lanes::{Lanes, ln};

/// H(p, q) = -Σ p ln q, the code length of p's samples in the code that is best for q.
///
/// ln q is the logarithm of the ratio to `unit`, accurate also for q next to 1. 0 ln 0 = 0; +inf where q = 0 < p; not below 0
/// (entries above 1 pass the check of sums and would give a negative crumb).
///
/// Normalised: an entry q_k that holds most of the mass has ln(q_k/Σq) = ln(1 - r), with r the share of the others: a small
/// number that must be summed by itself, since no rounding of Σq leaves a trace of it in q_k/Σq. So entries above half the mass
/// (there is at most one) are left out of the first term; the second collects the mass of the others, the third the weight p_k.
///
/// C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).
pub(crate) struct CrossEntropy {
    /// The entropy H(p) = H(p, p).
    pub(crate) with_itself: bool,
}

impl Divergence<3> for CrossEntropy {
    fn operands(&self) -> usize {
        if self.with_itself { 1 } else { 2 }
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 3] {
        let zero = x.p.constant(0.0);
        let log = ln::log_ratio(x.q, x.unit, None);
        let log = V::select(x.q.equals(zero), x.p.constant(f64::INFINITY), log);
        let plain = V::select(x.p.equals(zero), zero, x.p * log);
        if !x.normalizing {
            return [plain, zero, zero];
        }
        let dominant = x.q.exceeds(x.dominant);
        [V::select(dominant, zero, plain), V::select(dominant, zero, x.q), V::select(dominant, x.p, zero)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 3>) -> V {
        let [plain, others, weight] = sums.terms;
        let zero = plain.constant(0.0);
        let one = plain.constant(1.0);
        let share = V::select(weight.exceeds(zero), others / sums.total, zero);
        let dominant = weight * ln::log_ratio(one - share, one, Some(share));
        sums.in_units(((plain + dominant) / sums.total).non_negative())
    }
}
