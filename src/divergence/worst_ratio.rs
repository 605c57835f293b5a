//! The largest ratio: the Rényi divergence of order infinity.

use super::{Divergence, Pair, Rows, Sums};
use crate::lanes::{Lanes, ln};

/// ln max p/q, the max-divergence. The term is its logarithm, in units of what 1 has become, so that it is as right near equality as it
/// is far from it. Normalised, it sees the rounding of Σp/Σq to first order, so that factor is made exact.
///
/// T. van Erven and P. Harremoës, "Rényi divergence and Kullback-Leibler divergence", IEEE Trans. Inf. Theory 60 (2014), theorem 6.
pub(crate) struct WorstRatio {
    /// Whether it is that of q to p.
    pub(crate) swapped: bool,
}

impl Divergence<1> for WorstRatio {
    const MAXIMA: usize = 1;
    const EXACT_SCALE: bool = true;
    const ROWS: Rows = Rows::BothWide;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        if let Some(log) = x.log {
            let ratio = if self.swapped { -log.ratio } else { log.ratio };
            return [ratio * x.unit];
        }
        let (p, q, d) = if self.swapped { (x.q, x.p, -x.d) } else { (x.p, x.q, x.d) };
        let log = ln::log_ratio(q, p, x.normalizing.then_some(-d)) * x.unit;
        let zero = p.constant(0.0);
        let log = if x.positive { log } else { V::select(q.equals(zero), p.constant(f64::INFINITY), log) };
        [if x.positive { log } else { V::select(p.equals(zero), zero, log) }]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [largest] = sums.terms;
        sums.in_units(largest / sums.total)
    }
}
