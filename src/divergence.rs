//! What a divergence is to the rest of the crate.
//!
//! # How to add a divergence
//!
//! 1. A file in `src/divergence/`: a struct (with its parameter, if it has one) and `impl Divergence`; its name in the list below.
//!    Verbs with the same terms share a struct: every one is compiled for each type and level.
//! 2. Its line in the registry of `verb.rs`.
//! 3. One documented function in `python/klrs/` (`_divergences.py` or the file of its relatives), exported by `__init__.py`.
//! 4. Its oracle in `tests/reference.py` (and `tests/reference_gradients.py`), its line in `tests/inputs.py` and in the naive loop of
//!    `tests/kernels.rs`, and its row in the README's table of definitions.
//!
//! `tests/test_api.py` fails with the missing name when one is forgotten. Nothing else changes: dtypes, layouts, threads, checks,
//! normalisation and the gradient are the drivers' work.

use crate::lanes::Lanes;

mod chi_square;
mod cross_entropy;
mod hellinger;
mod jeffreys;
mod jensen_shannon;
mod kullback_leibler;
mod min_entropy;
mod power;
mod power_entropy;
mod skew;
mod support;
mod total_variation;
mod worst_ratio;

pub(crate) use chi_square::{ChiSquare, Relative};
pub(crate) use cross_entropy::CrossEntropy;
pub(crate) use hellinger::{Hellinger, Overlap};
pub(crate) use jeffreys::Jeffreys;
pub(crate) use jensen_shannon::JensenShannon;
pub(crate) use kullback_leibler::KullbackLeibler;
pub(crate) use min_entropy::MinEntropy;
pub(crate) use power::{LargestPower, Power, ShiftedPower};
pub(crate) use power_entropy::PowerEntropy;
pub(crate) use skew::Skew;
pub(crate) use support::Support;
pub(crate) use total_variation::TotalVariation;
pub(crate) use worst_ratio::WorstRatio;

/// One element of the two rows, many at a time. Both rows are multiplied by powers of two (and q by the quotient of the
/// sums, when normalising), so that `unit` stands for a probability of 1 and no positive value is subnormal.
#[derive(Clone, Copy)]
pub struct Pair<V> {
    /// The reference distribution.
    pub p: V,
    /// The approximation.
    pub q: V,
    /// q - p, rounded once: more than `q` and `p` know when q is a rounded product.
    pub d: V,
    /// What a probability of 1 has become.
    pub unit: V,
    /// The entry of q above this holds most of the mass of a row that is being normalised; +inf otherwise.
    pub dominant: V,
    /// Whether any of the rows is being normalised, so that q may have been rounded: the same for all entries, for a branch that
    /// saves what exact entries do not need.
    pub normalizing: bool,
    /// Whether no entry of p and q is 0: a formula may then leave out what zeros need. The same for all entries, too.
    pub positive: bool,
    /// What is known of a pair that was made of logits, which reach further than floats that are probabilities.
    pub log: Option<Log<V>>,
}

/// The logarithm of the ratio of two probabilities that were made of logits.
#[derive(Clone, Copy)]
pub struct Log<V> {
    /// ln(p/q), also where one of them is too small for a float; -inf where p is 0.
    pub ratio: V,
    /// p ln(p/q) - p + q, not a difference where that is small.
    pub excess: V,
    /// ln p.
    pub of_p: V,
}

impl<V: Lanes> Pair<V> {
    /// p and q without their lift, as what they are shares of 1.
    #[inline(always)]
    pub fn shares(&self) -> [V; 2] {
        let one = self.unit.constant(1.0) / self.unit;
        [self.p * one, self.q * one]
    }
}

/// The finished sums of a row.
#[derive(Clone, Copy)]
pub struct Sums<V, const N: usize> {
    /// Sum of each term.
    pub terms: [V; N],
    /// What the sums are divided by: the factor of the row, times its mass when normalising.
    pub total: V,
    /// Σp and Σq, to be divided by the same.
    pub masses: [V; 2],
    /// When normalising, (sum q - sum p) / sum p after q was scaled: the rounding of the scale. 0 otherwise.
    pub residual: V,
    /// The logarithm of the base, unless that is e: the value of one unit in nats.
    pub log_base: Option<V>,
    /// Whether the rows are being normalised.
    pub normalizing: bool,
}

impl<V: Lanes, const N: usize> Sums<V, N> {
    /// A value in the units that were asked for in nats.
    #[inline(always)]
    pub fn in_nats(&self, value: V) -> V {
        self.log_base.map_or(value, |log_base| value * log_base)
    }

    /// Nats in the units that were asked for.
    #[inline(always)]
    pub fn in_units(&self, nats: V) -> V {
        self.log_base.map_or(nats, |log_base| nats / log_base)
    }
}

/// Whether the terms of a row whose value is a float may be too large for one, or too small, and what is done about it when the value
/// comes out as infinite. Rows of `f32` are computed in `f64` first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// They cannot.
    Never,
    /// The row is summed once more by the verb's formula for such rows, or without the lift where it has none.
    Relative,
}

/// What a divergence is compiled for. Of logits, its moments are the derivatives times the shares, also when normalising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Rows of probabilities.
    Probabilities,
    /// Rows of logits too.
    Both,
    /// Rows of logits too, in `f64` only.
    BothWide,
    /// Rows of logits only, in `f64`.
    LogitsWide,
}

impl Rows {
    /// Whether probabilities are among them.
    #[must_use]
    pub const fn have_probabilities(self) -> bool {
        !matches!(self, Self::LogitsWide)
    }

    /// Whether logits of type `T` are.
    #[must_use]
    pub const fn have_logits<T>(self) -> bool {
        match self {
            Self::Probabilities => false,
            Self::Both => true,
            Self::BothWide | Self::LogitsWide => size_of::<T>() == size_of::<f64>(),
        }
    }
}

/// The derivatives of one pair.
#[derive(Clone, Copy)]
pub struct Partials<V> {
    /// With respect to p and to q.
    pub by: [V; 2],
    /// The same times the shares, or their limits where those are 0. Their sum is what the gradient of a normalised row is relative to.
    pub moments: [V; 2],
}

/// What the chain rule makes of a value that is a function of the sums.
#[derive(Clone, Copy)]
pub struct Chain<V> {
    /// What all derivatives are multiplied with.
    pub factor: V,
    /// A number that they are made of.
    pub within: V,
}

/// A sum over pairs of probabilities, and what is made of it.
///
/// Laws, tested for every verb: the pair (0, 0) has terms exactly 0 (padding and `where` rely on it), -0.0 counts as 0,
/// equal entries have a term of exactly 0 where the verb measures a difference, and terms are branch-free.
/// Signs, infinities and NaN in the data are the driver's concern.
pub trait Divergence<const N: usize>: Send + Sync {
    /// How many of the terms, the first, are combined by their maximum (of them and 0) instead of their sum.
    const MAXIMA: usize = 0;

    /// Whether the value sees the rounding of Σp/Σq to first order, when normalising. Most values change by its square only, and know
    /// how much from `residual`; for the others the factor is made exact, and `residual` is 0.
    const EXACT_SCALE: bool = false;

    /// Whether the kernels read half floats themselves, which saves a round trip through the cache, or are brought `f32`: for the verbs
    /// that run over logits of a vocabulary, since it doubles what is compiled.
    const HALVES: bool = false;

    /// What may be infinite that should not be.
    const OVERFLOW: Overflow = Overflow::Never;

    /// What it is compiled for.
    const ROWS: Rows = Rows::Probabilities;

    /// Whether the value of rows that are normalised is right for any factor that q was left with, which `residual` says: a row of
    /// logits then needs no other sums.
    const FREE_SCALE: bool = false;

    /// Whether it has a gradient.
    const GRADIENT: bool = false;

    /// Whether its first term is of interest for each class by itself.
    const CONTRIBUTIONS: bool = false;

    /// Whether it has one with its parameter.
    fn has_gradient(&self) -> bool {
        Self::GRADIENT
    }

    /// 1 for functions of p alone: their q is p.
    fn operands(&self) -> usize {
        2
    }

    /// The terms of one pair, homogeneous of degree 1 in (p, q, d, unit).
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; N];

    /// The number that the sums stand for.
    fn value<V: Lanes>(&self, sums: Sums<V, N>) -> V;

    /// What the derivatives of a row have in common, from its finished sums and its value in the units that were asked for.
    fn chain<V: Lanes>(&self, _sums: Sums<V, N>, value: V) -> Chain<V> {
        let one = value.constant(1.0);
        Chain { factor: one, within: one }
    }

    /// The derivatives of the value in nats by the textbook formula, but for the row's factor; `within` is the row's too. When
    /// normalizing, a constant that all entries share may be left out, of the moments too.
    ///
    /// The limits at zeros are the formula's to know; the pair (0, 0) is the driver's, which makes it 0.
    fn partials<V: Lanes>(&self, _x: Pair<V>, _within: V) -> Partials<V> {
        unreachable!("asked for the gradient of a divergence that has none")
    }

    /// What the moments of a row of logits sum to, if its value in nats tells.
    fn sums_of_moments(&self, _nats: f64) -> Option<[f64; 2]> {
        None
    }

    /// The largest value there is; rounding to a narrower type does not exceed it either.
    fn ceiling(&self, _log_base: f64) -> f64 {
        f64::INFINITY
    }
}
