//! The cross-entropy; the entropy, which is that of p with itself; and the perplexity, which is the exponential of both.

use super::{Chain, Divergence, Pair, Partials, Sums};
use crate::lanes::{Lanes, exp, ln};

/// H(p, q) = -Σ p ln q, the code length of p's samples in the code that is best for q.
///
/// ln q is the logarithm of the ratio to `unit`, accurate also for q next to 1. 0 ln 0 = 0; +inf where q = 0 < p; not below 0
/// (entries above 1 pass the check of sums and would give a negative crumb).
///
/// Normalised: an entry q_k that holds most of the mass has ln(q_k/Σq) = ln(1 - r), with r the share of the others: a small
/// number that must be summed by itself, since no rounding of Σq leaves a trace of it in q_k/Σq. So an entry of more than 9/16 of the
/// mass (there is at most one) is left out of the first term; the second collects the mass of the others, the third the weight p_k.
///
/// C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).
pub(crate) struct CrossEntropy {
    /// The entropy H(p) = H(p, p).
    pub(crate) with_itself: bool,
    /// The perplexity e^H, the number of equally likely classes that are as hard to tell.
    pub(crate) exponential: bool,
}

impl Divergence<3> for CrossEntropy {
    const HALVES: bool = true;
    const GRADIENT: bool = true;

    fn operands(&self) -> usize {
        if self.with_itself { 1 } else { 2 }
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 3] {
        let zero = x.p.constant(0.0);
        let mut log = ln::log_ratio(x.q, x.unit, None);
        if !x.positive {
            log = V::select(x.q.equals(zero), x.p.constant(f64::INFINITY), log);
        }
        let mut plain = x.p * log;
        if !x.positive {
            plain = V::select(x.p.equals(zero), zero, plain);
        }
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
        let value = ((plain + dominant) / sums.total).non_negative();
        if self.exponential { exp::exp(value) } else { sums.in_units(value) }
    }

    /// The perplexity's derivative is that of the exponent times its value.
    #[inline(always)]
    fn chain<V: Lanes>(&self, _sums: Sums<V, 3>, value: V) -> Chain<V> {
        let one = value.constant(1.0);
        Chain { factor: if self.exponential { value } else { one }, within: one }
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let log = -ln::log_of(x.q, x.unit, None);
        let [p, q] = x.shares();
        if self.with_itself {
            let by_p = log - log.constant(1.0);
            return Partials { by: [by_p; 2], moments: [q.times(by_p); 2] };
        }
        Partials { by: [log, -(x.p / x.q)], moments: [p.times(log), -p] }
    }
}
