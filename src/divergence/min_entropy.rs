//! The min-entropy.

use super::{Divergence, Pair, Sums};
use crate::lanes::{Lanes, ln};

/// -ln max p, the Rényi entropy of order infinity: what guessing once is worth.
///
/// Normalised, an entry that holds most of the mass is known better by what the others hold (see the cross-entropy).
///
/// T. van Erven and P. Harremoës, "Rényi divergence and Kullback-Leibler divergence", IEEE Trans. Inf. Theory 60 (2014).
pub(crate) struct MinEntropy;

impl Divergence<2> for MinEntropy {
    const MAXIMA: usize = 1;

    fn operands(&self) -> usize {
        1
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 2] {
        let zero = x.p.constant(0.0);
        [x.q, V::select(x.q.exceeds(x.dominant), zero, x.q)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 2>) -> V {
        let [largest, others] = sums.terms;
        let zero = largest.constant(0.0);
        let log = ln::log_ratio(largest, sums.total, None);
        // As given, nothing is dominant, and all are others.
        let is_dominant = largest.exceeds(others);
        let of_others = -ln::log1p(-(others / sums.total));
        sums.in_units(V::select(is_dominant, of_others, log).greatest(zero))
    }
}
