//! What p has no part in: the divergences of order 0.

use super::{Divergence, Pair, Partials, Rows, Sums};
use crate::lanes::{Lanes, ln};

/// The mass that q has where p is 0, which is the Tsallis divergence of order 0; and -ln of the mass that it has where p is not,
/// which is the Rényi divergence of order 0: from the smaller of the two.
///
/// T. van Erven and P. Harremoës, "Rényi divergence and Kullback-Leibler divergence", IEEE Trans. Inf. Theory 60 (2014), section II.
pub(crate) struct Support {
    /// Whether the value is the logarithm.
    pub(crate) logarithm: bool,
}

impl Divergence<2> for Support {
    const GRADIENT: bool = true;
    const ROWS: Rows = Rows::BothWide;

    /// The logarithm jumps where an entry of p becomes 0.
    fn has_gradient(&self) -> bool {
        !self.logarithm
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 2] {
        let zero = x.p.constant(0.0);
        let outside = match x.log {
            Some(log) => log.ratio.equals(-zero.constant(f64::INFINITY)),
            None => x.p.equals(zero),
        };
        [V::select(outside, x.q, zero), V::select(outside, zero, x.q)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 2>) -> V {
        let [outside, inside] = sums.terms;
        if !self.logarithm {
            return outside / sums.total;
        }
        let mass = outside + inside;
        let far = V::select(inside.equals(mass.constant(0.0)), mass.constant(f64::INFINITY), ln::log_ratio(inside, mass, None));
        sums.in_units(V::select(inside.exceeds(outside), -ln::log1p(-(outside / mass)), far))
    }

    /// Along p, all there is are jumps.
    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let zero = x.p.constant(0.0);
        let by_q = V::select(x.p.equals(zero), x.p.constant(1.0), zero);
        let [_, q] = x.shares();
        Partials { by: [zero, by_q], moments: [zero, q * by_q] }
    }
}
