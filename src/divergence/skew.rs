//! The skew divergence, and the K divergence, which is that of 1/2.

use super::{Divergence, Pair, Partials, Sums};
use crate::lanes::{Lanes, ln};

/// D(p‖m) with the mixture m = (1 - s) p + s q. m - p = s (q - p) is known without cancellation.
///
/// Bounded by -ln(1 - s), which it is where q has nothing of p; the Kullback-Leibler divergence for s = 1, 0 for s = 0.
/// Normalised: r = `residual` makes the masses of m and p differ by s r, which adds (s r)²/2.
///
/// L. Lee, "Measures of distributional similarity", Proc. ACL 37 (1999); the K divergence: J. Lin, "Divergence measures based on the
/// Shannon entropy", IEEE Trans. Inf. Theory 37 (1991).
pub(crate) struct Skew {
    skew: f64,
    bound: f64,
}

impl Skew {
    pub(crate) fn new(skew: f64) -> Self {
        // 1 - s next to s = 0 is rounded, ln(1 - s) must not be.
        Self { skew, bound: if skew < 1.0 { -ln::ln_1p(-skew) } else { f64::INFINITY } }
    }
}

impl Divergence<1> for Skew {
    const GRADIENT: bool = true;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let (kept, skew) = (x.p.constant(1.0 - self.skew), x.p.constant(self.skew));
        let m = kept.fma(x.p, skew * x.q);
        let d = Some(skew * x.d);
        [if x.positive { ln::excess_of_positive(x.p, m, d) } else { ln::excess(x.p, m, d) }]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [excess] = sums.terms;
        let residual = sums.residual * excess.constant(self.skew);
        let mass = residual * residual * excess.constant(0.5);
        sums.in_units((excess / sums.total - mass).non_negative().at_most(excess.constant(self.bound)))
    }

    fn ceiling(&self, log_base: f64) -> f64 {
        self.bound / log_base
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let (kept, skew) = (x.p.constant(1.0 - self.skew), x.p.constant(self.skew));
        let zero = x.p.constant(0.0);
        if self.skew == 0.0 {
            return Partials { by: [zero; 2], moments: [zero; 2] };
        }
        let m = kept.fma(x.p, skew * x.q);
        let ratio = x.p / m;
        let [p, _] = x.shares();
        // ln(p/m) + 1 - (1-s) p/m, and 1 - (1-s) p/m is the share s q/m that m has from q.
        let share = V::select(m.equals(zero), x.p.constant(1.0), skew * x.q / m);
        let by_p = ln::log_of(x.p, m, Some(skew * x.d)) + share;
        Partials { by: [by_p, -skew.times(ratio)], moments: [p.times(by_p), -(p * share)] }
    }
}
