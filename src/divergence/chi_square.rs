//! Chi-square divergences: Pearson's, Neyman's, and the one between them, the triangular discrimination.

use super::{Divergence, Overflow, Pair, Partials, Sums};
use crate::lanes::{Lanes, power_of_two};

/// What the squares are relative to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relative {
    /// To q.
    Pearson,
    /// To p.
    Neyman,
    /// To p + q; bounded by 2.
    Triangular,
}

/// Σ (p - q)²/w with w as [`Relative`] says, as squares and never as the difference Σ p²/q - 1.
///
/// (0, 0) adds nothing; +inf where w = 0 beside a positive entry. Finite values may be as large as floats are, which lifted terms are
/// not. Normalised: r = `residual` adds r², half of it where w is the sum.
///
/// K. Pearson, Phil. Mag. 50 (1900); J. Neyman, "Contribution to the theory of the χ² test", Proc. Berkeley Symp. Math. Statist. Prob.
/// (1949); F. Topsøe, "Some inequalities for information divergence and related measures of discrimination", IEEE Trans. Inf. Theory 46
/// (2000).
pub(crate) struct ChiSquare {
    to: Relative,
    /// Whether terms are those of rows whose lifted ones are too large for floats: taken down by 2^-602, lift and mass together, as
    /// squares of (p - q)/√w, since (p - q)/w may be too large as well.
    lowered: bool,
}

impl ChiSquare {
    pub(crate) fn new(to: Relative) -> Self {
        Self { to, lowered: false }
    }

    pub(crate) fn lowered(to: Relative) -> Self {
        Self { to, lowered: true }
    }
}

impl Divergence<1> for ChiSquare {
    const OVERFLOW: Overflow = Overflow::Relative;
    const GRADIENT: bool = true;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let to = match self.to {
            Relative::Pearson => x.q,
            Relative::Neyman => x.p,
            Relative::Triangular => x.p + x.q,
        };
        let term = if self.lowered {
            let root = x.d * x.d.constant(power_of_two(-301)) / to.sqrt();
            root * root
        } else {
            x.d / to * x.d
        };
        let zero = x.d.constant(0.0);
        [if x.positive { term } else { V::select(x.d.equals(zero), zero, term) }]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [squares] = sums.terms;
        let curvature = if self.to == Relative::Triangular { 0.5 } else { 1.0 };
        let mass = sums.residual * sums.residual * squares.constant(curvature);
        let total = if self.lowered { sums.total * squares.constant(power_of_two(-602)) } else { sums.total };
        (squares / total - mass).non_negative().at_most(squares.constant(self.ceiling(1.0)))
    }

    fn ceiling(&self, _log_base: f64) -> f64 {
        if self.to == Relative::Triangular { 2.0 } else { f64::INFINITY }
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let (p, q, d) = (x.p, x.q, x.d);
        let one = p.constant(1.0);
        let (by_p, by_q) = match self.to {
            Relative::Pearson => (-(d / q + d / q), d / q * (one + p / q)),
            Relative::Neyman => (-(d / p * (one + q / p)), d / p + d / p),
            Relative::Triangular => {
                let (sum, three) = (p + q, p.constant(3.0));
                (-(d / sum * (three.fma(q, p) / sum)), d / sum * (three.fma(p, q) / sum))
            }
        };
        // Where an entry is 0, that times an infinite derivative is infinite too: its square.
        let ([share_p, share_q], share_d) = (x.shares(), d / x.unit);
        let moments = match self.to {
            Relative::Pearson => [share_p.times(by_p), share_d * (one + p / q)],
            Relative::Neyman => [-(share_d * (one + q / p)), share_q.times(by_q)],
            Relative::Triangular => [share_p * by_p, share_q * by_q],
        };
        Partials { by: [by_p, by_q], moments }
    }
}
