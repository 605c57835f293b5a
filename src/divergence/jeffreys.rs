//! The Jeffreys divergence.

use super::{Divergence, Pair, Partials, Rows, Sums};
use crate::lanes::{Lanes, ln};

/// J(p, q) = D(p‖q) + D(q‖p) = Σ (q - p) ln(q/p). Both factors have one sign, and keep their relative error down to equality.
///
/// 0 for the pair (0, 0), +inf where only one of a pair is 0. Normalised: r = `residual` adds r² (see the Kullback-Leibler divergence).
///
/// H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc. R. Soc. A 186 (1946).
pub(crate) struct Jeffreys;

impl Divergence<1> for Jeffreys {
    const GRADIENT: bool = true;
    const ROWS: Rows = Rows::Both;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        if let Some(log) = x.log {
            return [x.d.times(-log.ratio)];
        }
        let term = x.d * ln::log_ratio(x.p, x.q, x.normalizing.then_some(x.d));
        if x.positive {
            return [term];
        }
        let zero = x.p.constant(0.0);
        let infinite = x.p.constant(f64::INFINITY);
        let of_p = V::select(x.p.equals(zero), V::select(x.q.equals(zero), zero, infinite), term);
        [V::select(x.q.equals(zero), V::select(x.p.equals(zero), zero, infinite), of_p)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [terms] = sums.terms;
        sums.in_units((terms / sums.total - sums.residual * sums.residual).non_negative())
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let log = match x.log {
            Some(log) => log.ratio,
            None => ln::log_of(x.p, x.q, x.normalizing.then_some(x.d)),
        };
        let [p, q] = x.shares();
        let d = x.d / x.unit;
        Partials { by: [log - x.d / x.p, x.d / x.q - log], moments: [p.times(log) - d, d - q.times(log)] }
    }
}
