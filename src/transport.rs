//! Optimal transport on the line, and its relatives between cumulative distribution functions: what is done with rows.
//!
//! ```text
//!            histograms on one support                       samples
//! order 1    Σ |F - G| Δ   (`cumulative`)                    plan along the two sorted rows (`staircase`)
//! others     plan along the two cumulative sums (`staircase`)        the same
//! L2 of F-G  (Σ (F - G)² Δ)^(1/2)   (the same)               the same over the merged samples (`samples`)
//! ```
//!
//! Rows are compared as what they are after division by their sums, since mass can only be moved onto as much mass; whether the
//! sums have to be 1 is another question. Everything is computed in `f64`, where it matters in pairs of them ([`Double`]), and one
//! row by one thread: so the bits depend on the row alone. Rows of histograms are taken 8 at a time, one in each lane. Most values need
//! no pairs: those for `f32` are made along each row (`narrow`), those for `f64` in fixed point (`fixed`).

use core::ops::Range;

use crate::double::Double;
use crate::error::{Error, Found};
use crate::lanes::{Level, Real, WIDE};
use crate::parallel::{self, Team};
use crate::view::Plan;

mod cumulative;
mod fixed;
mod histograms;
mod narrow;
mod samples;
mod staircase;

use histograms::Driver;

/// Entries of the longest rows that are taken together: a thread needs room for 8 of each operand, should they have to be brought in.
const LONGEST: usize = 1 << 15;

/// What is computed of two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distance {
    /// The Wasserstein distance of an order from 1 to infinity.
    Wasserstein(f64),
    /// The root of a number times the integral of the squared difference of the cumulative distribution functions.
    Cumulative(f64),
}

/// A call with histograms.
#[derive(Clone, Copy, Debug)]
pub struct Histograms<'a> {
    /// The rows, with all entries along one line.
    pub plan: &'a Plan<'a>,
    /// What to compute.
    pub distance: Distance,
    /// Where the entries are, in ascending order; finite, as is the distance of the last from the first.
    pub support: &'a [f64],
    /// Whether rows may have any sum.
    pub normalize: bool,
    /// What sums may differ from 1 by, otherwise.
    pub tolerances: [f64; 2],
    /// The instructions to use.
    pub level: Level,
    /// Who does it.
    pub team: Team<'a>,
}

/// Samples, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The rows; only p's are read.
    pub plan: &'a Plan<'a>,
    /// A weight for each sample, of the same shape; all are alike without.
    pub weights: Option<&'a Plan<'a>>,
    /// What the samples and their weights are called in errors.
    pub names: [&'static str; 2],
}

/// A call with samples. Both have as many rows.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// Those of the one distribution and of the other.
    pub of: [Sample<'a>; 2],
    /// What to compute.
    pub distance: Distance,
    /// Who does it.
    pub team: Team<'a>,
}

/// The gradients that are written, row after row in the order of the plan.
#[derive(Debug)]
pub struct Wanted<'w, T> {
    /// Of the one operand and of the other.
    pub out: [Option<&'w mut [T]>; 2],
    /// What each row's is multiplied with, unless 1.
    pub weights: Option<&'w [f64]>,
}

/// Some rows, their values and what is written of them.
struct Piece<'w, T> {
    first: usize,
    values: &'w mut [T],
    out: [Option<&'w mut [T]>; 2],
    lengths: [usize; 2],
}

impl<T> Piece<'_, T> {
    fn rows(&self) -> Range<usize> {
        self.first..self.first + self.values.len()
    }

    /// What is written of one of the rows, counted from the first.
    fn out_of(&mut self, row: usize) -> [Option<&mut [T]>; 2] {
        let [n, m] = self.lengths;
        let [of_p, of_q] = &mut self.out;
        [of_p.as_mut().map(|out| &mut out[row * n..][..n]), of_q.as_mut().map(|out| &mut out[row * m..][..m])]
    }
}

/// The value of every row of histograms, in the order of the plan, and the gradients; the latter are unspecified after an error.
///
/// # Panics
///
/// If there is not one place for each row, entry and position.
pub fn histograms<T: Real>(job: &Histograms, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
    let length = job.plan.length;
    assert_eq!((values.len(), job.support.len()), (job.plan.rows, length));
    let together = if length <= LONGEST { WIDE } else { 1 };
    parallel::in_default_environment(|| {
        let driver = Driver::new(job, wanted.weights)?;
        for_each(&job.team, together, [length; 2], values, wanted.out, |piece, scratch, found| {
            driver.piece(piece, scratch, found);
        })
    })
}

/// The value of every row of samples, and the gradients; the latter are unspecified after an error.
///
/// # Panics
///
/// If there is not one place for each row and entry.
pub fn samples<T: Real>(job: &Samples, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
    let lengths = job.of.map(|sample| sample.plan.length);
    assert!(job.of.iter().all(|sample| sample.plan.rows == values.len()));
    parallel::in_default_environment(|| {
        for_each(&job.team, WIDE, lengths, values, wanted.out, |piece, scratch, found| {
            samples::piece(job, wanted.weights, piece, scratch, found);
        })
    })
}

/// Cuts the rows into pieces of as many as are taken together, and works on all; of several mistakes the first counts.
fn for_each<T: Real, B: Default>(
    team: &Team,
    together: usize,
    lengths: [usize; 2],
    values: &mut [T],
    out: [Option<&mut [T]>; 2],
    work: impl Fn(&mut Piece<T>, &mut B, &mut Option<Found>) + Sync,
) -> Result<(), Error> {
    let rows = values.len();
    assert!(out.iter().zip(lengths).all(|(out, length)| out.as_ref().is_none_or(|out| out.len() == rows * length)));
    if rows == 0 {
        return Ok(());
    }
    let [n, m] = lengths;
    let [mut of_p, mut of_q] = out;
    let mut of_p = of_p.as_mut().map(|out| out.chunks_mut(together * n));
    let mut of_q = of_q.as_mut().map(|out| out.chunks_mut(together * m));
    let mut pieces: Vec<Piece<T>> = Vec::new();
    reserve(&mut pieces, rows.div_ceil(together))?;
    for (index, values) in values.chunks_mut(together).enumerate() {
        let out = [of_p.as_mut().and_then(Iterator::next), of_q.as_mut().and_then(Iterator::next)];
        pieces.push(Piece { first: index * together, values, out, lengths });
    }
    let elements = n.max(m);
    let at_once = (parallel::PIECE / (together * elements)).max(1);
    let work = |scratch: &mut B, _, pieces: &mut [Piece<T>]| {
        let mut found = None;
        for piece in pieces {
            work(piece, scratch, &mut found);
        }
        found
    };
    let found = parallel::for_each_piece_with(team, &mut pieces, at_once, rows.saturating_mul(elements), work)?;
    let first = found.into_iter().flatten().min_by_key(|found| found.place);
    first.map_or(Ok(()), |found| Err(found.error))
}

/// Makes room for so many elements in all, or an error instead of an abort.
fn reserve<T>(vector: &mut Vec<T>, length: usize) -> Result<(), Error> {
    let bytes = length.saturating_mul(size_of::<T>());
    vector.try_reserve_exact(length.saturating_sub(vector.len())).map_err(|_| Error::OutOfMemory { bytes })
}

/// Σp/Σq: what the mass of q is multiplied with to be compared with that of p.
///
/// Where the sums are alike it is kept as 1 and the rest, so that equal entries leave nothing; elsewhere 1 would take its digits.
#[derive(Clone, Copy, Debug, Default)]
struct Ratio {
    /// 1 or 0.
    one: f64,
    rest: Double,
    /// What the rest is a ratio of.
    over: f64,
}

impl Ratio {
    /// Of Σp and Σq, given Σp - Σq.
    fn new([of_p, of_q]: [Double; 2], excess: Double) -> Self {
        let is_alike = excess.high.abs() <= 0.5 * of_q.high;
        let over = if is_alike { excess } else { of_p };
        Self { one: f64::from(u8::from(is_alike)), rest: over.divided_by(of_q), over: over.high.abs() }
    }

    /// A mass of q as one of p.
    fn times(&self, mass: f64) -> Double {
        self.rest.times(mass) + self.one * mass
    }

    /// Differences of cumulative sums of so many entries up to which they count as equal: what the ratio is rounded by.
    fn tie(&self, entries: usize) -> f64 {
        /// The relative rounding of a sum of two floats, and of what it is made of.
        const ROUNDING: f64 = 1.0 / (1_u128 << 104) as f64;
        self.over * (entries as f64 * ROUNDING)
    }
}

/// Moves of a distance between two points of the line, as far as the order of the distance matters.
#[derive(Clone, Copy, Debug)]
struct Cost {
    order: f64,
    /// What distances are divided by, so that their powers are neither too large nor too small.
    unit: f64,
}

impl Cost {
    /// For moves of which the longest is known.
    fn new(order: f64, longest: f64) -> Self {
        let exponent = longest.to_bits() >> 52;
        // Squares of numbers that are divided by a power of two are not rounded twice.
        let unit = match order {
            1.0 => 1.0,
            2.0 if exponent > 0 => f64::from_bits(exponent << 52),
            _ => longest,
        };
        Self { order, unit }
    }

    /// (distance / unit)^order.
    fn of(&self, distance: f64) -> f64 {
        power((distance / self.unit).abs(), self.order)
    }

    /// What the cost changes by with the distance, as a share of order / unit.
    fn slope(&self, distance: f64) -> f64 {
        let ratio = distance / self.unit;
        let sign = if distance > 0.0 { 1.0 } else { -1.0 };
        if distance == 0.0 { 0.0 } else { sign * power(ratio.abs(), self.order - 1.0) }
    }

    /// The distance for a mean of costs.
    fn value(&self, mean: f64) -> f64 {
        self.unit * self.root(mean)
    }

    fn root(&self, mean: f64) -> f64 {
        match self.order {
            1.0 => mean,
            2.0 => mean.sqrt(),
            order => libm::pow(mean, 1.0 / order),
        }
    }

    /// mean^(1/order - 1), which the derivative of the root has.
    fn chain(&self, mean: f64) -> f64 {
        if mean > 0.0 { self.root(mean) / mean } else { 0.0 }
    }
}

fn power(ratio: f64, order: f64) -> f64 {
    match order {
        0.0 => 1.0,
        1.0 => ratio,
        2.0 => ratio * ratio,
        order => libm::pow(ratio, order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::DType;
    use crate::view::{Axes, View};

    #[test]
    #[expect(unsafe_code, reason = "no slice is so long")]
    fn rows_that_memory_cannot_hold_are_an_error() {
        let (value, shape) = (1.0_f64, [2, 1 << 45]);
        // SAFETY: every index leads to the one element.
        let view = unsafe { View::from_raw((&raw const value).cast(), DType::F64, false, &shape, vec![0, 0]) };
        let plan = Plan::in_order(&view, None, None, &Axes::One(-1)).unwrap();
        let sample = Sample { plan: &plan, weights: None, names: ["x", "x_weights"] };
        for distance in [Distance::Wasserstein(1.0), Distance::Cumulative(1.0)] {
            let job = Samples { of: [sample, sample], distance, team: Team::alone() };
            let found = samples::<f64>(&job, &mut [0.0; 2], Wanted { out: [None, None], weights: None });
            assert_eq!(found, Err(Error::OutOfMemory { bytes: 1 << 48 }));
        }
    }

    #[test]
    fn more_than_there_is_is_an_error() {
        let mut vector = vec![1.0, 2.0];
        let bytes = usize::MAX;
        assert_eq!(reserve(&mut vector, usize::MAX), Err(Error::OutOfMemory { bytes }));
        assert_eq!(reserve(&mut vector, 5), Ok(()));
        assert_eq!((vector.len(), vector.capacity()), (2, 5));
    }
}
