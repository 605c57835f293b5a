//! The Jensen-Shannon divergence, and the distance that is its root.

use super::{Chain, Divergence, Pair, Partials, Rows, Sums};
use crate::lanes::{Lanes, ln};

/// JS(p, q) = a D(p‖m) + b D(q‖m), m = a p + b q, with weights a + b = 1 (1/2 each unless told otherwise).
///
/// m - p = b (q - p) and m - q = -a (q - p) are known without cancellation, so both divergences keep their relative error
/// down to equality. Two logarithms an element: a polynomial in ((q-p)/(p+q))² near equality and logarithms beyond need
/// three divisions where this needs two, and hold for equal weights only.
/// Bounded by the entropy of the weights, ln 2 for equal ones; a weight of 0 makes it 0.
///
/// Normalised: r = `residual` leaves a b r²/2, the divergence of the masses (see the Kullback-Leibler divergence).
///
/// J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991). The root is a metric for equal
/// weights: D. M. Endres and J. E. Schindelin, "A new metric for probability distributions", IEEE Trans. Inf. Theory 49 (2003).
pub(crate) struct JensenShannon {
    weights: [f64; 2],
    /// H(a, b).
    bound: f64,
    /// Whether the value is the root.
    root: bool,
}

impl JensenShannon {
    pub(crate) fn divergence(weights: [f64; 2]) -> Self {
        let bound = weights.iter().filter(|&&w| w > 0.0).map(|&w| -w * ln::ln(w)).sum();
        Self { weights, bound, root: false }
    }

    pub(crate) fn distance(weights: [f64; 2]) -> Self {
        Self { root: true, ..Self::divergence(weights) }
    }
}

impl Divergence<1> for JensenShannon {
    const HALVES: bool = true;
    const GRADIENT: bool = true;
    const ROWS: Rows = Rows::Both;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let [a, b] = self.weights.map(|w| x.p.constant(w));
        let m = a.fma(x.p, b * x.q);
        let zero = a.constant(0.0);
        let excess = if x.positive { ln::excess_of_positive } else { ln::excess };
        let from_p = V::select(a.exceeds(zero), a * excess(x.p, m, Some(b * x.d)), zero);
        let from_q = V::select(b.exceeds(zero), b * excess(x.q, m, Some(-(a * x.d))), zero);
        [from_p + from_q]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [excess] = sums.terms;
        let [a, b] = self.weights;
        let mass = sums.residual * sums.residual * excess.constant(0.5 * a * b);
        let bound = excess.constant(self.bound);
        if self.root {
            // Roots first: that of a value below the smallest number is far above it.
            let square = sums.in_units((excess - mass * sums.total).non_negative());
            return (square.sqrt() / sums.total.sqrt()).at_most(sums.in_units(bound).sqrt());
        }
        sums.in_units((excess / sums.total - mass).non_negative().at_most(bound))
    }

    fn ceiling(&self, log_base: f64) -> f64 {
        let bound = self.bound / log_base;
        if self.root { bound.sqrt() } else { bound }
    }

    /// The distance has no derivative where it is 0; 0 is as good as any.
    #[inline(always)]
    fn chain<V: Lanes>(&self, _sums: Sums<V, 1>, value: V) -> Chain<V> {
        let (one, zero) = (value.constant(1.0), value.constant(0.0));
        let of_root = V::select(value.equals(zero), zero, one / (value + value));
        Chain { factor: if self.root { of_root } else { one }, within: one }
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        if self.weights.contains(&0.0) {
            // The mixture is one of the two, and the divergence 0.
            return Partials { by: [x.p.constant(0.0); 2], moments: [x.p.constant(0.0); 2] };
        }
        let [a, b] = self.weights.map(|w| x.p.constant(w));
        let [p, q] = x.shares();
        let m = a.fma(x.p, b * x.q);
        let by_p = a.times(ln::log_of(x.p, m, Some(b * x.d)));
        let by_q = b.times(ln::log_of(x.q, m, Some(-(a * x.d))));
        Partials { by: [by_p, by_q], moments: [p.times(by_p), q.times(by_q)] }
    }
}
