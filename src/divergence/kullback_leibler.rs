//! The Kullback-Leibler divergence.

use super::{Divergence, Pair, Partials, Rows, Sums};
use crate::lanes::{Lanes, ln};

/// D(p‖q) = Σ p ln(p/q) - p + q, which is Σ p ln(p/q) for rows of equal mass.
///
/// The centred form has only non-negative terms and none of them cancels, so a sum has the relative error of its terms.
/// 0 ln 0 = 0; +inf where q = 0 < p.
///
/// Normalised: q was scaled by c = Σp/Σq, rounded. The mass that is then still missing, r = `residual`, adds r - ln(1 + r) to the
/// centred sum. |r| is a few u, and without it the value is wrong from 1e-31 (f64) down; of logits, q may have any scale.
///
/// S. Kullback and R. A. Leibler, "On information and sufficiency", Ann. Math. Statist. 22 (1951).
pub(crate) struct KullbackLeibler {
    /// Whether it is that of measures, whose masses count.
    pub(crate) generalized: bool,
}

impl Divergence<1> for KullbackLeibler {
    const HALVES: bool = true;
    const GRADIENT: bool = true;
    const CONTRIBUTIONS: bool = true;
    const ROWS: Rows = Rows::Both;
    const FREE_SCALE: bool = true;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        if let Some(log) = x.log {
            return [log.excess];
        }
        let d = x.normalizing.then_some(x.d);
        [if x.positive { ln::excess_of_positive(x.p, x.q, d) } else { ln::excess(x.p, x.q, d) }]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [excess] = sums.terms;
        let value = excess / sums.total;
        if !sums.normalizing {
            return sums.in_units(value.non_negative());
        }
        let one = value.constant(1.0);
        let mass = ln::excess_of_positive(one, one + sums.residual, Some(sums.residual));
        sums.in_units((value - mass).non_negative())
    }

    fn sums_of_moments(&self, nats: f64) -> Option<[f64; 2]> {
        Some([nats, 0.0])
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        if let Some(log) = x.log {
            // Without what all entries share: 1 - p/q says more than -p/q.
            let [p, _] = x.shares();
            return Partials { by: [log.ratio, x.d / x.q], moments: [p.times(log.ratio), x.d / x.unit] };
        }
        let log = ln::log_of(x.p, x.q, x.normalizing.then_some(x.d));
        if self.generalized {
            // It is never normalised.
            return Partials { by: [log, x.d / x.q], moments: [x.p.constant(0.0); 2] };
        }
        let [p, _] = x.shares();
        let by_p = log + x.p.constant(1.0);
        Partials { by: [by_p, -(x.p / x.q)], moments: [p.times(by_p), -p] }
    }
}
