//! What is done with rows of draws: the mean of what each is worth, with its standard error.
//!
//! A draw has two log-densities, and is worth their difference x, the log-ratio, or something that is made of it: see
//! [`crate::kernel::draws`], which has the order of additions.
//!
//! ```text
//! each       rows of one draw that are no rows to the caller: their terms, and nothing else
//!
//!            short rows                 longer rows                long rows
//!            a lane each                a block of draws at a time, on all threads
//! moments    of the terms of x          merged pairwise            … of each chunk too
//! weights    where their mean is asked for: once more, about a center that the moments of x have, from the cache if the row fits there
//! settle     the values; rows with moments that are no numbers, or are beyond floats, are looked at again
//! again      a row in scalars, scaled by powers of two: sums that overflow have means that do not, and squares leave floats early
//! ```
//!
//! So the hot way has no check at all: an impossible log-density, a NaN and a difference beyond floats all leave a sum that is not
//! finite, and then it is known that there is something to look for.
//!
//! Everything is computed in `f64`, whatever was stored, and rounded once. Rows that run along an outer axis are brought in many
//! together.

use core::ops::Range;

use smallvec::SmallVec;

use crate::element::Storage;
use crate::error::{Error, allocate};
use crate::kernel::SHORT;
use crate::kernel::draws::{self, About, BLOCK, CHUNK, Distances, Draws, Estimators, MOST, Moments, Ratio, Terms, Tree, Weights};
use crate::lanes::{Level, Real, WIDE, exp, exponent_of, ln, power_of_two, times_power_of_two, two_sum};
use crate::parallel::{self, Patience, Team};
use crate::tile::{Operand, Steps};
use crate::view::Plan;

/// Squares of distances that sum to less, as an exponent, may have lost digits below the smallest floats.
const LEAST_SQUARES: i32 = -900;
/// The least exponent that a row is scaled by, and the most that is taken back: the result is 0 or infinite then.
const LEAST: i32 = -1000;
const MOST_EXPONENT: i32 = 2000;
/// Rows along an outer axis that are brought in together: a block of each stays in the second cache.
const COLUMNS: usize = 32;
/// Draws of a row that are looked at once more, at a time.
const AGAIN: usize = 256;
/// Log-ratios below, as an exponent, are so small that e^-x - 1 + x is x²/2.
const SMALL: i32 = -60;
/// From here on the terms of e^-x other than itself are nothing, and it may be no float where its mean is one.
const STEEP: f64 = 700.0;
/// From here on the square of e^x/2 is none either.
const FAR: f64 = 1400.0;

/// What is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The mean log-ratio.
    Ratio,
    /// A divergence, from draws of the first density: the means of x, of x²/2 and of e^-x - 1 + x.
    Estimators,
    /// The logarithm of the mean of e^x.
    Weights,
}

impl Of {
    /// How many estimates that are.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Ratio | Self::Weights => 1,
            Self::Estimators => MOST,
        }
    }
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The rows in the order of the result: p has the first log-densities, q the others.
    pub plan: &'a Plan<'a>,
    /// What is estimated.
    pub of: Of,
    /// What the log-densities are called.
    pub names: [&'static str; 2],
    /// Which of the two is of the density that the draws are from.
    pub sampler: usize,
    /// Whether rows are single draws, of an axis that the caller does not know: those that do not count are 0.
    pub single: bool,
    /// Logarithm of the base; `None` for nats.
    pub log_base: Option<f64>,
    /// The instructions to use.
    pub level: Level,
    /// Who does it.
    pub team: Team<'a>,
}

/// A mean and its standard error, in nats.
type Estimate = [f64; 2];

/// One for each that there is.
type Estimates = [Estimate; MOST];

/// A mistake, its row and its draw: of several the least is said.
type Found = (Mistake, usize, usize);

/// What draws cannot be. The order is that in which it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    /// There is none that counts.
    NoDraw,
    /// One has probability 0 where it is from.
    Impossible,
    /// A log-density is +inf, the first or the other.
    Infinite(usize),
}

/// The estimates of every row, in the order of the plan: the values of the first, their standard errors, those of the next.
///
/// # Panics
///
/// If there is not one place for each.
pub fn compute<T: Real + Storage>(job: &Job, out: &mut [T]) -> Result<(), Error> {
    let rows = job.plan.rows;
    assert_eq!(out.len(), 2 * job.of.count() * rows);
    if rows == 0 {
        return Ok(());
    }
    let out = out.chunks_mut(rows).collect();
    parallel::in_default_environment(|| {
        let driver = Driver::new(job);
        let found = if job.plan.length <= CHUNK { driver.batch(out) } else { driver.long(out) };
        found?.map_or(Ok(()), |found| Err(driver.error(found)))
    })
}

struct Driver<'a> {
    job: &'a Job<'a>,
    operands: [Operand<'a>; 2],
    /// Which draws count.
    mask: Option<Operand<'a>>,
    /// How many rows are brought in together.
    together: usize,
}

/// Some draws of some rows, and what is written.
struct Piece<'w, T> {
    rows: Range<usize>,
    out: SmallVec<[&'w mut [T]; 2]>,
}

/// What a thread needs.
struct Scratch {
    operands: [Vec<f64>; 2],
    counted: Vec<f64>,
    room: Box<Distances>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { operands: [vec![], vec![]], counted: vec![], room: Box::new([[0.0; BLOCK]; MOST]) }
    }
}

/// Who sweeps over rows.
trait Sweep {
    /// The moments of each of some rows, with the centers of their weights if those are asked for.
    fn moments<F: Terms<N>, const N: usize>(
        &mut self,
        rows: Range<usize>,
        centers: &[About],
        out: &mut Vec<Moments<N>>,
    ) -> Result<(), Error>;
}

/// One thread, that has rows to itself.
struct Alone<'s, 'a> {
    driver: &'s Driver<'a>,
    scratch: &'s mut Scratch,
}

impl Sweep for Alone<'_, '_> {
    fn moments<F: Terms<N>, const N: usize>(
        &mut self,
        rows: Range<usize>,
        centers: &[About],
        out: &mut Vec<Moments<N>>,
    ) -> Result<(), Error> {
        let length = self.driver.job.plan.length;
        if length <= SHORT {
            self.driver.across::<F, N>(rows, centers, self.scratch, out);
        } else {
            self.driver.along::<F, N>(rows, 0..length, centers, self.scratch, out);
        }
        Ok(())
    }
}

/// All threads, that share the chunks of the rows.
struct Together<'s, 'a>(&'s Driver<'a>);

impl Sweep for Together<'_, '_> {
    fn moments<F: Terms<N>, const N: usize>(
        &mut self,
        rows: Range<usize>,
        centers: &[About],
        out: &mut Vec<Moments<N>>,
    ) -> Result<(), Error> {
        let (driver, length) = (self.0, self.0.job.plan.length);
        let mut pieces = allocate(rows.len().div_ceil(driver.together) * length.div_ceil(CHUNK))?;
        for first in rows.clone().step_by(driver.together) {
            let group = first..rows.end.min(first + driver.together);
            for entry in (0..length).step_by(CHUNK) {
                pieces.push((group.clone(), entry..length.min(entry + CHUNK), vec![]));
            }
        }
        let elements = rows.len().saturating_mul(length);
        parallel::for_each_piece_with(&driver.job.team, &mut pieces, 1, elements, |scratch, _, pieces| {
            for (group, entries, moments) in pieces {
                let centers = centers.get(group.start - rows.start..group.end - rows.start).unwrap_or_default();
                driver.along::<F, N>(group.clone(), entries.clone(), centers, scratch, moments);
            }
        })?;
        let mut trees: Vec<Tree<N>> = allocate(rows.len())?;
        trees.resize_with(rows.len(), Tree::default);
        for (group, _, moments) in pieces {
            for (row, moments) in group.zip(moments) {
                trees[row - rows.start].push(moments);
            }
        }
        out.clear();
        out.extend(trees.iter_mut().map(Tree::finish));
        Ok(())
    }
}

impl<'a> Driver<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        // The kernel leaves out what does not count, so that operands are lent with a mask too.
        let operand = |rows| Operand { rows, mask: None, left_out: 0.0, is_asked_for: false };
        let operands = [operand(&job.plan.p), operand(&job.plan.q)];
        let in_columns = operands.iter().any(Operand::in_columns);
        Self { job, operands, mask: job.plan.mask.as_ref().map(operand), together: if in_columns { COLUMNS } else { 1 } }
    }

    /// Rows of one chunk at most, one thread each.
    fn batch<T: Real>(&self, mut out: SmallVec<[&mut [T]; 2]>) -> Result<Option<Found>, Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let step = match length {
            _ if self.job.single => BLOCK,
            ..=SHORT => WIDE,
            _ => self.together,
        };
        let many = (parallel::PIECE / length).next_multiple_of(step).max(step);
        let mut pieces = allocate(rows.div_ceil(many))?;
        for first in (0..rows).step_by(many) {
            let rows = first..rows.min(first + many);
            let out = out.iter_mut().map(|out| out.split_off_mut(..rows.len()).unwrap_or_default()).collect();
            pieces.push(Piece { rows, out });
        }
        let work = |scratch: &mut Scratch, _, pieces: &mut [Piece<T>]| {
            let mut found = None;
            for piece in pieces {
                for first in piece.rows.clone().step_by(step) {
                    let (rows, place) = (first..piece.rows.end.min(first + step), first - piece.rows.start);
                    if self.job.single {
                        self.each(rows, place, scratch, &mut piece.out, &mut found)?;
                        continue;
                    }
                    let mut sweep = Alone { driver: self, scratch: &mut *scratch };
                    self.write(rows, place, &mut sweep, &mut piece.out, &mut found)?;
                }
            }
            Ok(found)
        };
        let found = parallel::for_each_piece_with(&self.job.team, &mut pieces, 1, rows.saturating_mul(length), work)?;
        found.into_iter().try_fold(None, |first, found| Ok(first_of(first, found?)))
    }

    /// Rows of several chunks.
    fn long<T: Real>(&self, mut out: SmallVec<[&mut [T]; 2]>) -> Result<Option<Found>, Error> {
        let mut found = None;
        self.write(0..self.job.plan.rows, 0, &mut Together(self), &mut out, &mut found)?;
        Ok(found)
    }

    /// Rows of one draw.
    fn each<T: Real>(
        &self,
        rows: Range<usize>,
        place: usize,
        scratch: &mut Scratch,
        out: &mut [&mut [T]],
        found: &mut Option<Found>,
    ) -> Result<(), Error> {
        let Scratch { operands: [first, other], counted, room } = scratch;
        let lanes = rows.len().next_multiple_of(WIDE);
        let operands = self.operands.iter().zip([&mut *first, &mut *other]);
        for (operand, scratch) in operands.chain(self.mask.iter().zip([&mut *counted])) {
            scratch.resize(lanes, 0.0);
            operand.bring_across(rows.clone(), 1, scratch);
        }
        match self.job.of {
            Of::Estimators => draws::each(self.job.level, &Estimators, [first, other], room),
            // The logarithm of one weight is its ratio.
            Of::Ratio | Of::Weights => draws::each(self.job.level, &Ratio, [first, other], room),
        }
        for (index, row) in rows.enumerate() {
            let mut estimates = [[0.0, f64::NAN]; MOST];
            if self.mask.is_none() || counted[index] > 0.0 {
                for (estimate, terms) in estimates.iter_mut().zip(&**room).take(self.job.of.count()) {
                    // Adding 0 turns -0.0 into 0.0.
                    estimate[0] = terms[index] + 0.0;
                }
                if !estimates.iter().all(|[value, _]| value.is_finite()) {
                    estimates = self.again(row, found)?;
                }
            }
            self.put(estimates, place + index, out);
        }
        Ok(())
    }

    /// Short rows, one in each lane.
    fn across<F: Terms<N>, const N: usize>(
        &self,
        rows: Range<usize>,
        centers: &[About],
        scratch: &mut Scratch,
        out: &mut Vec<Moments<N>>,
    ) {
        let length = self.job.plan.length;
        let Scratch { operands: [first, other], counted, room } = scratch;
        for (operand, scratch) in self.operands.iter().zip([&mut *first, &mut *other]) {
            scratch.resize(length * WIDE, 0.0);
            operand.bring_across(rows.clone(), length, scratch);
        }
        if let Some(mask) = &self.mask {
            counted.resize(length * WIDE, 0.0);
            mask.bring_across(rows.clone(), length, counted);
        }
        let draws = Draws { log_densities: [first, other], counted: self.mask.map(|_| &counted[..]) };
        out.resize(rows.len(), Moments::NONE);
        draws::short(self.job.level, &F::of(centers), draws, room, out);
    }

    /// Longer rows, or parts of them, a block at a time.
    fn along<F: Terms<N>, const N: usize>(
        &self,
        rows: Range<usize>,
        entries: Range<usize>,
        centers: &[About],
        scratch: &mut Scratch,
        out: &mut Vec<Moments<N>>,
    ) {
        let Scratch { operands: [first, other], counted, room } = scratch;
        out.clear();
        let mut trees: Vec<Tree<N>> = vec![];
        if entries.len() > BLOCK {
            trees.resize_with(rows.len(), Tree::default);
        }
        for start in entries.clone().step_by(BLOCK) {
            let run = start..entries.end.min(start + BLOCK);
            let steps = Steps { row: run.len(), entry: 1 };
            let lent = self.operands.map(|operand| operand.borrow::<f64>(rows.start, run.clone()).is_some());
            let operands = self.operands.iter().zip([&mut *first, &mut *other]).zip(lent);
            let brought = operands.filter(|(_, is_lent)| !is_lent).map(|(brought, _)| brought);
            for (operand, scratch) in brought.chain(self.mask.iter().zip([&mut *counted])) {
                scratch.resize(rows.len() * run.len(), 0.0);
                operand.bring(rows.clone(), run.clone(), scratch, steps);
            }
            for (index, row) in rows.clone().enumerate() {
                let places = index * run.len()..(index + 1) * run.len();
                let lend = |which: usize| if lent[which] { self.operands[which].borrow(row, run.clone()) } else { None };
                let draws = Draws {
                    log_densities: [
                        lend(0).unwrap_or_else(|| &first[places.clone()]),
                        lend(1).unwrap_or_else(|| &other[places.clone()]),
                    ],
                    counted: self.mask.map(|_| &counted[places.clone()]),
                };
                let terms = F::of(centers.get(index..=index).unwrap_or_default());
                let moments = draws::block(self.job.level, &terms, draws, room);
                match trees.get_mut(index) {
                    Some(tree) => tree.push(moments),
                    None => out.push(moments),
                }
            }
        }
        out.extend(trees.iter_mut().map(Tree::finish));
    }

    /// Estimates for some rows, from a place on.
    fn write<T: Real>(
        &self,
        rows: Range<usize>,
        place: usize,
        sweep: &mut impl Sweep,
        out: &mut [&mut [T]],
        found: &mut Option<Found>,
    ) -> Result<(), Error> {
        match self.job.of {
            Of::Ratio => {
                let mut moments = vec![];
                sweep.moments::<Ratio, 1>(rows.clone(), &[], &mut moments)?;
                for (index, (row, moments)) in rows.zip(&moments).enumerate() {
                    self.put(self.settle(row, moments, found)?, place + index, out);
                }
            }
            Of::Estimators => {
                let mut moments = vec![];
                sweep.moments::<Estimators, 3>(rows.clone(), &[], &mut moments)?;
                for (index, (row, moments)) in rows.zip(&moments).enumerate() {
                    self.put(self.settle(row, moments, found)?, place + index, out);
                }
            }
            Of::Weights => {
                let (mut moments, mut weights) = (vec![], vec![]);
                sweep.moments::<Ratio, 1>(rows.clone(), &[], &mut moments)?;
                let mut lower: SmallVec<[Estimate; 1]> = SmallVec::new();
                for (row, moments) in rows.clone().zip(&moments) {
                    lower.push(self.settle(row, moments, found)?[0]);
                }
                let centers: SmallVec<[About; 1]> = moments.iter().zip(&lower).map(|(it, lower)| center(it, lower[0])).collect();
                sweep.moments::<Weights, 2>(rows, &centers, &mut weights)?;
                for (index, lower) in lower.into_iter().enumerate() {
                    let value = bound(&moments[index], lower, centers[index], &weights[index]);
                    self.put([value; MOST], place + index, out);
                }
            }
        }
        Ok(())
    }

    /// Writes the estimates of a row.
    fn put<T: Real>(&self, estimates: Estimates, place: usize, out: &mut [&mut [T]]) {
        for (estimate, out) in estimates.into_iter().zip(out.chunks_exact_mut(2)) {
            let [value, error] = self.job.log_base.map_or(estimate, |log_base| estimate.map(|nats| nats / log_base));
            let value = T::from_f64(value);
            let error = if value.to_f64().is_finite() { T::from_f64(error) } else { T::NAN };
            let [value, error] = [value, error].map(|number| if number.to_f64().is_nan() { T::NAN } else { number });
            out[0][place] = value;
            out[1][place] = error;
        }
    }

    /// The estimates of a row with these moments.
    fn settle<const N: usize>(&self, row: usize, moments: &Moments<N>, found: &mut Option<Found>) -> Result<Estimates, Error> {
        let mut estimates = [[f64::NAN; 2]; MOST];
        if moments.count == 0.0 {
            *found = first_of(*found, Some((Mistake::NoDraw, row, 0)));
            return Ok(estimates);
        }
        for (n, estimate) in estimates.iter_mut().take(N).enumerate() {
            *estimate = [moments.mean(n), moments.standard_error(n)];
            if !estimate[0].is_finite() || !moments.squares(n).is_finite() || is_low(moments, n) {
                return self.again(row, found);
            }
        }
        Ok(estimates)
    }

    /// The estimates of a row of which something is not finite or very small: in scalars, that are scaled.
    #[cold]
    fn again(&self, row: usize, found: &mut Option<Found>) -> Result<Estimates, Error> {
        let mut estimates = [[f64::NAN; 2]; MOST];
        let seen = self.look(row)?;
        if let Some((mistake, draw)) = seen.mistake {
            *found = first_of(*found, Some((mistake, row, draw)));
        }
        if seen.mistake.is_some() || seen.is_nan {
            return Ok(estimates);
        }
        if let Some(limit) = seen.limit {
            return Ok([[limit, f64::NAN]; MOST]);
        }
        let scaled = Scaled::of(&seen, self.job.level);
        let terms = self.job.of.count();
        let (mut origin, mut count) = (None, 0.0);
        let (mut sums, mut distances, mut squares) = ([Sum::default(); MOST], [Sum::default(); MOST], [Sum::default(); MOST]);
        self.visit(row, |_, pair| {
            let draw = scaled.terms(pair, terms);
            let origin = *origin.get_or_insert(draw);
            count += 1.0;
            for n in 0..terms {
                sums[n].add(draw[n][0]);
                sums[n].add(draw[n][1]);
                distances[n].add(apart(draw[n], origin[n]));
            }
        })?;
        let origin = origin.unwrap_or_default();
        let means = distances.map(|sum| sum.total() / count);
        self.visit(row, |_, pair| {
            let draw = scaled.terms(pair, terms);
            for n in 0..terms {
                let distance = apart(draw[n], origin[n]) - means[n];
                squares[n].add(distance * distance);
            }
        })?;
        for (n, estimate) in estimates.iter_mut().take(terms).enumerate() {
            let error = (squares[n].total() / (count - 1.0) / count).sqrt();
            *estimate = [sums[n].total() / count, error].map(|number| scaled.back(number, n));
        }
        Ok(estimates)
    }

    /// What there is in a row.
    fn look(&self, row: usize) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        let sampler = self.job.sampler;
        self.visit(row, |draw, pair| {
            for (which, value) in pair.into_iter().enumerate() {
                let mistake = match value {
                    f64::NEG_INFINITY if which == sampler => Some(Mistake::Impossible),
                    f64::INFINITY => Some(Mistake::Infinite(which)),
                    _ => None,
                };
                seen.is_nan |= value.is_nan();
                let place = mistake.map(|mistake| (mistake, draw));
                seen.mistake = [seen.mistake, place].into_iter().flatten().min();
            }
            let half = 0.5 * pair[0] - 0.5 * pair[1];
            if half.is_infinite() {
                seen.limit = Some(half);
            }
            seen.widest = seen.widest.max(half.abs());
            seen.steepest = seen.steepest.max(-half);
        })?;
        Ok(seen)
    }

    /// Shows every draw of a row that counts.
    fn visit(&self, row: usize, mut look: impl FnMut(usize, [f64; 2])) -> Result<(), Error> {
        let mut patience = Patience::of(&self.job.team);
        let [mut first, mut other, mut counted] = [[1.0; AGAIN]; 3];
        for start in (0..self.job.plan.length).step_by(AGAIN) {
            let run = start..self.job.plan.length.min(start + AGAIN);
            let operands = self.operands.iter().zip([&mut first, &mut other]);
            for (operand, scratch) in operands.chain(self.mask.iter().zip([&mut counted])) {
                operand.bring(row..row + 1, run.clone(), &mut scratch[..run.len()], Steps { row: 0, entry: 1 });
            }
            for (i, draw) in run.enumerate() {
                if counted[i] > 0.0 {
                    look(draw, [first[i], other[i]]);
                }
            }
            patience.ask()?;
        }
        Ok(())
    }

    /// What is said of a mistake.
    fn error(&self, (mistake, row, draw): Found) -> Error {
        let (plan, names) = (self.job.plan, self.job.names);
        let place = if self.job.single { plan.row_index(row) } else { plan.index(row, draw) };
        match mistake {
            Mistake::NoDraw => Error::NoDraw { row: plan.row_index(row) },
            Mistake::Impossible => Error::ImpossibleDraw { name: names[self.job.sampler], place },
            Mistake::Infinite(which) => Error::InfiniteLogDensity { name: names[which], place },
        }
    }
}

/// The mistake that comes first.
fn first_of(one: Option<Found>, other: Option<Found>) -> Option<Found> {
    [one, other].into_iter().flatten().min()
}

/// Whether draws differ by so little that the squares of that are no floats.
fn is_low<const N: usize>(moments: &Moments<N>, term: usize) -> bool {
    moments.squares(term) < power_of_two(LEAST_SQUARES) && moments.range[0] < moments.range[1]
}

/// What the weights of a row with that mean log-weight are taken from: from there where all are near, and from the largest elsewhere.
fn center(moments: &Moments<1>, mean: f64) -> About {
    let [least, greatest] = moments.range;
    // Around their mean, weights that are almost equal keep what they differ by.
    let is_near = greatest - mean <= 1.0 && mean - least <= 1.0;
    About { center: if is_near { mean } else { greatest }, is_near }
}

/// The logarithm of the mean weight; at least the mean log-weight, which rounding may not turn around.
fn bound(moments: &Moments<1>, lower: Estimate, about: About, weights: &Moments<2>) -> Estimate {
    if lower[0].is_nan() {
        return lower;
    }
    if about.center.is_infinite() {
        return [about.center, f64::NAN];
    }
    if about.is_near && moments.squares(0) < power_of_two(LEAST_SQUARES) {
        // Weights differ by what their logarithms do.
        return lower;
    }
    let mean = weights.mean(1) + f64::from(u8::from(about.is_near));
    let value = about.center + if about.is_near { ln::ln_1p(weights.mean(0)) } else { ln::ln(mean) };
    [value.max(lower[0]), weights.standard_error(1) / mean]
}

/// How far two numbers in two parts are from each other.
fn apart(one: [f64; 2], other: [f64; 2]) -> f64 {
    (one[0] - other[0]) + (one[1] - other[1])
}

/// A sum with what rounding has taken from it.
#[derive(Clone, Copy, Default)]
struct Sum([f64; 2]);

impl Sum {
    fn add(&mut self, number: f64) {
        let (sum, lost) = two_sum(self.0[0], number);
        self.0 = [sum, self.0[1] + lost];
    }

    /// Infinite terms, whose roundings are NaN, make infinite sums.
    fn total(self) -> f64 {
        if self.0[0].is_infinite() { self.0[0] } else { self.0[0] + self.0[1] }
    }
}

/// What was seen in a row.
#[derive(Default)]
struct Seen {
    mistake: Option<(Mistake, usize)>,
    is_nan: bool,
    /// A log-ratio that is infinite, as one of its log-densities is.
    limit: Option<f64>,
    /// Half of the largest log-ratio, either way, and of the largest below 0.
    widest: f64,
    steepest: f64,
}

/// Terms that are no larger than about 1: each times 2 to minus an exponent.
struct Scaled {
    level: Level,
    exponents: [i32; MOST],
}

impl Scaled {
    fn of(seen: &Seen, level: Level) -> Self {
        let ratio = if seen.widest > 0.0 { exponent_of(seen.widest).max(LEAST) + 1 } else { LEAST };
        let root = exponent_of(exp::exp_of(seen.steepest.min(0.5 * FAR)));
        let growth = if ratio < SMALL { 2 * ratio } else { (2 * root).max(ratio + (ratio & 1)) };
        Self { level, exponents: [ratio, 2 * ratio, growth] }
    }

    /// The first of the terms of a draw, in two parts.
    fn terms(&self, [a, b]: [f64; 2], count: usize) -> [[f64; 2]; MOST] {
        let of_ratio = self.exponents[0];
        let scaled = |number: f64| times_power_of_two(number, -of_ratio);
        // Large ones before they are subtracted, small ones as they are exact.
        let (high, low) = if of_ratio > 0 {
            two_sum(scaled(a), -scaled(b))
        } else {
            let (high, low) = two_sum(a, -b);
            (scaled(high), scaled(low))
        };
        let half_square = 0.5 * high * high;
        let growth = if count < MOST || of_ratio < SMALL { half_square } else { self.growth([a, b], high) };
        [[high, low], [half_square, 0.0], [growth, 0.0]]
    }

    /// e^-x - 1 + x, of log-densities and their scaled ratio.
    fn growth(&self, [a, b]: [f64; 2], scaled: f64) -> f64 {
        let [of_ratio, _, of_growth] = self.exponents;
        let (apart, low) = two_sum(b, -a);
        if apart > STEEP {
            let root = times_power_of_two(exp::exp_of(0.5 * apart), -of_growth / 2);
            return root * root * if low.is_nan() { 1.0 } else { 1.0 + low };
        }
        if apart < -power_of_two(-SMALL) {
            return times_power_of_two(scaled, of_ratio - of_growth);
        }
        times_power_of_two(draws::terms(self.level, &Estimators, [a, b])[2], -of_growth)
    }

    /// A mean or an error as it is without a scale.
    fn back(&self, number: f64, term: usize) -> f64 {
        times_power_of_two(number, self.exponents[term].clamp(-MOST_EXPONENT, MOST_EXPONENT))
    }
}
