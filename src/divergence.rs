//! What a divergence is to the rest of the crate.
//!
//! # How to add a divergence
//!
//! 1. A file in `src/divergence/`: a struct (with its parameter, if it has one) and `impl Divergence`. Verbs with the same terms
//!    share a struct: every one is compiled for each type and level.
//! 2. Its line in the list of `verb.rs`.
//! 3. One documented function in `python/klrs/_divergences.py` and one oracle in `tests/reference.py`.
//!
//! `tests/test_api.py` fails with the missing name when one is forgotten. Nothing else changes: dtypes, layouts, threads,
//! checks and normalisation are the drivers' work.

use crate::lanes::Lanes;

mod cross_entropy;
mod jensen_shannon;
mod kullback_leibler;

pub(crate) use cross_entropy::CrossEntropy;
pub(crate) use jensen_shannon::JensenShannon;
pub(crate) use kullback_leibler::KullbackLeibler;

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
    /// Entries of q above this hold most of the mass of a row that is being normalised; +inf otherwise.
    pub dominant: V,
    /// Whether any of the rows is being normalised, so that q may have been rounded: the same for all entries, for a branch that
    /// saves what exact entries do not need.
    pub normalizing: bool,
}

/// The finished sums of a row.
#[derive(Clone, Copy)]
pub struct Sums<V, const N: usize> {
    /// Sum of each term.
    pub terms: [V; N],
    /// What the sums are divided by: the factor of the row, times its mass when normalising.
    pub total: V,
    /// When normalising, (sum q - sum p) / sum p after q was scaled: the rounding of the scale. 0 otherwise.
    pub residual: V,
    /// The logarithm of the base, unless that is e: the value of one unit in nats.
    pub log_base: Option<V>,
}

impl<V: Lanes, const N: usize> Sums<V, N> {
    /// Nats in the units that were asked for.
    #[inline(always)]
    pub fn in_units(&self, nats: V) -> V {
        self.log_base.map_or(nats, |log_base| nats / log_base)
    }
}

/// A sum over pairs of probabilities, and what is made of it.
///
/// Laws, tested for every verb: the pair (0, 0) has terms exactly 0 (padding and `where` rely on it), -0.0 counts as 0,
/// equal entries have a term of exactly 0 where the verb measures a difference, and terms are branch-free.
/// Signs, infinities and NaN in the data are the driver's concern.
pub trait Divergence<const N: usize>: Send + Sync {
    /// 1 for functions of p alone: their q is p.
    fn operands(&self) -> usize {
        2
    }

    /// The terms of one pair, homogeneous of degree 1 in (p, q, d, unit).
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; N];

    /// The number that the sums stand for.
    fn value<V: Lanes>(&self, sums: Sums<V, N>) -> V;

    /// The largest value there is; rounding to a narrower type does not exceed it either.
    fn ceiling(&self, _log_base: f64) -> f64 {
        f64::INFINITY
    }
}
