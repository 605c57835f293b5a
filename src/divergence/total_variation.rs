//! The total variation distance.

use super::{Divergence, Pair, Partials, Rows, Sums};
use crate::lanes::Lanes;

/// TV(p, q) = ½ Σ |p - q|, the largest difference in the probability of an event: 0 … 1, a metric.
///
/// Normalised, it sees the rounding of Σp/Σq to first order, so that factor is made exact.
///
/// A. B. Tsybakov, "Introduction to Nonparametric Estimation" (2009), definition 2.4 and lemma 2.1.
pub(crate) struct TotalVariation;

impl Divergence<1> for TotalVariation {
    const EXACT_SCALE: bool = true;
    const GRADIENT: bool = true;
    const ROWS: Rows = Rows::Both;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        [x.d.abs() * x.d.constant(0.5)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [half] = sums.terms;
        (half / sums.total).at_most(half.constant(1.0))
    }

    fn ceiling(&self, _log_base: f64) -> f64 {
        1.0
    }

    /// At p = q, where there is none, the mean of the derivatives on both sides.
    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let (zero, half) = (x.d.constant(0.0), x.d.constant(0.5));
        let by_q = V::select(x.d.exceeds(zero), half, V::select(zero.exceeds(x.d), -half, zero));
        let [p, q] = x.shares();
        Partials { by: [-by_q, by_q], moments: [-(p * by_q), q * by_q] }
    }
}
