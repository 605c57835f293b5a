//! The Hellinger distance, and the overlap that it is one side of: the Bhattacharyya coefficient and distance.

use super::{Chain, Divergence, Pair, Partials, Sums};
use crate::lanes::{Lanes, ln};

/// What is said about the overlap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// H = √(½ Σ (√p - √q)²), a metric.
    Hellinger,
    /// BC = Σ √(pq) = 1 - H².
    Coefficient,
    /// -ln BC.
    Distance,
}

/// H² = ½ Σ (√p - √q)² = ½ Σ ((q - p)/(√p + √q))²: differences of the entries instead of their roots, which are rounded.
///
/// Small H² tells 1 - BC, and small BC is summed by itself: neither is found as a difference from 1. For rows of other masses BC is
/// relative to their mean, so that it is 1 for equal rows. Normalised: r = `residual` adds r²/8 to H².
///
/// E. Hellinger, "Neue Begründung der Theorie quadratischer Formen von unendlichvielen Veränderlichen", J. reine angew. Math. 136 (1909);
/// A. Bhattacharyya, "On a measure of divergence between two statistical populations defined by their probability distributions",
/// Bull. Calcutta Math. Soc. 35 (1943).
pub(crate) struct Hellinger(pub(crate) Overlap);

impl Divergence<2> for Hellinger {
    const GRADIENT: bool = true;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 2] {
        let (p, q) = (x.p.sqrt(), x.q.sqrt());
        let zero = p.constant(0.0);
        let difference = x.d / (p + q);
        let difference = if x.positive { difference } else { V::select((p + q).equals(zero), zero, difference) };
        [difference * difference * p.constant(0.5), p * q]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 2>) -> V {
        let [square, overlap] = sums.terms;
        let (half, one, zero) = (square.constant(0.5), square.constant(1.0), square.constant(0.0));
        let mass = sums.residual * sums.residual * square.constant(0.125);
        if self.0 == Overlap::Hellinger {
            // Roots first: that of a value below the smallest number is far above it.
            let square = (square - mass * sums.total).non_negative();
            return (square.sqrt() / sums.total.sqrt()).at_most(one);
        }
        let square = (square / sums.total - mass).non_negative();
        let mean = (sums.masses[0] + sums.masses[1]) * half;
        let apart = square * sums.total / mean;
        let is_near = half.exceeds(apart);
        if self.0 == Overlap::Coefficient {
            return V::select(is_near, one - apart, overlap / mean).at_most(one);
        }
        let far = V::select(overlap.equals(zero), one.constant(f64::INFINITY), ln::log_ratio(overlap, mean, None));
        sums.in_units(V::select(is_near, -ln::log1p(-apart), far).non_negative())
    }

    fn ceiling(&self, _log_base: f64) -> f64 {
        if self.0 == Overlap::Distance { f64::INFINITY } else { 1.0 }
    }

    /// 1/(4 H) for the distance H (0 where that is 0, and there is no derivative), 1/2 for BC; for -ln BC the inverse of BC goes within.
    #[inline(always)]
    fn chain<V: Lanes>(&self, sums: Sums<V, 2>, value: V) -> Chain<V> {
        let (zero, half, one) = (value.constant(0.0), value.constant(0.5), value.constant(1.0));
        let of_root = V::select(value.equals(zero), zero, value.constant(0.25) / value);
        match self.0 {
            Overlap::Hellinger => Chain { factor: of_root, within: one },
            Overlap::Coefficient => Chain { factor: half, within: one },
            Overlap::Distance => Chain { factor: -half, within: sums.total / sums.terms[1] },
        }
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, within: V) -> Partials<V> {
        let (p, q) = (x.p.sqrt(), x.q.sqrt());
        let (zero, one) = (p.constant(0.0), p.constant(1.0));
        let unit = one / x.unit;
        match self.0 {
            Overlap::Hellinger => {
                // (√p - √q)/√p, from the difference of the entries.
                let difference = x.d / (p + q);
                let share = difference * unit;
                Partials { by: [-(difference / p), difference / q], moments: [-(share * p), share * q] }
            }
            Overlap::Coefficient => Partials { by: [q / p, p / q], moments: [p * unit * q; 2] },
            // When normalizing, the mean is that of √(pq)/BC, which is 1.
            Overlap::Distance => {
                let mean = if x.normalizing { one } else { zero };
                Partials { by: [(q / p).times(within) - mean, (p / q).times(within) - mean], moments: [zero; 2] }
            }
        }
    }
}
