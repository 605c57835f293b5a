//! What is done with rows of Gaussians: the divergence from the standard one of each row, and its gradient.
//!
//! ```text
//!            short rows                          longer rows                 long rows
//!            as many as fit in the cache         a row at a time             chunks of rows, on all threads
//! entries    the terms of each, one by one       their sum, in blocks        … of each chunk, combined pairwise
//!            and the derivatives, in the same sweep: no sum is needed for them
//! settle     the value; a row whose terms or sums `f32` does not hold is summed once more in `f64`
//! ```
//!
//! Every real number is legal, so nothing is checked and nothing reported. NaN is in the sums of its row, and makes all of the row's
//! gradient NaN. Rows that run along an outer axis are brought in as many together as a tile has, a block of entries at a time.
//!
//! A value that a single entry has is that of a row of length 1.

use core::ops::Range;

use smallvec::SmallVec;

use crate::element::{DType, Elements, Storage};
use crate::error::{Error, allocate};
use crate::kernel::gaussian::{self, Entries, Slopes, add_terms, write_terms};
use crate::kernel::{Accumulator, SHORT, block, chunk};
use crate::lanes::{Level, Real, exp, power_of_two};
use crate::parallel::{self, Team};
use crate::tile::{Operand, Steps, TILE_ROWS};
use crate::view::{Plan, Rows};

/// Entries of short rows that are computed together: they stay in the first cache.
const TOGETHER: usize = 1 << 10;
/// Blocks of a row that are brought in, or rounded to half floats, at a time.
const BROUGHT: usize = 4;
/// Entries of a row that are looked at once more, at a time.
const AGAIN: usize = 256;
/// What an entry may lose below the smallest `f32`, as an exponent: 2^-149 in each of two halves.
const LOST: i32 = -148;
/// What a sum has, in parts of what it loses, if its digits are right: 2^30.
const KEPT: i32 = 30;
/// What terms are multiplied with, as an exponent, so that their sum is no infinity if the value is not: its half is that of the means.
const SCALED: i32 = -64;

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The rows in the order of the result: p has the means, q the logarithms of the variances.
    pub plan: &'a Plan<'a>,
    /// The least that each entry counts, in nats.
    pub free: Option<f64>,
    /// Logarithm of the base; `None` for nats.
    pub log_base: Option<f64>,
    /// The instructions to use.
    pub level: Level,
    /// Who does it.
    pub team: Team<'a>,
}

/// The gradients that are written, row after row in the order of the plan.
#[derive(Debug)]
pub struct Wanted<'w, T> {
    /// With respect to the means and to the log-variances.
    pub out: [Option<Elements<'w, T>>; 2],
    /// What each row's is multiplied with, unless 1.
    pub weights: Option<&'w [f64]>,
}

/// The value of every row, in the order of the plan, and the gradients; the latter are unspecified after an error.
///
/// # Panics
///
/// If there is not one place for each row and entry.
pub fn compute<T: Real + Storage>(job: &Job, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
    let (rows, length) = (job.plan.rows, job.plan.length);
    assert_eq!(values.len(), rows);
    assert!(wanted.out.iter().flatten().all(|out| out.count() == rows * length));
    assert!(wanted.weights.is_none_or(|weights| weights.len() == rows));
    if rows == 0 {
        return Ok(());
    }
    parallel::in_default_environment(|| {
        let driver = Driver::<T>::new(job, wanted.weights);
        if length <= chunk::<T>() { driver.batch(values, wanted.out) } else { driver.long(values, wanted.out) }
    })
}

struct Driver<'a, T> {
    job: &'a Job<'a>,
    operands: [Operand<'a>; 2],
    /// Which entries count, where that matters to their floors.
    mask: Option<Operand<'a>>,
    free: Option<T>,
    weights: Option<&'a [f64]>,
    /// Whether rows are brought in together.
    in_columns: bool,
}

/// Some entries of some rows, the rows' values or sums, and what is written.
struct Piece<'w, T> {
    rows: Range<usize>,
    entries: Range<usize>,
    /// Of whole rows.
    values: &'w mut [T],
    /// Of parts of rows.
    sums: SmallVec<[f64; 1]>,
    /// One for all of the rows, or one for each.
    out: SmallVec<[[Option<Elements<'w, T>>; 2]; 1]>,
}

impl<T: Real> Piece<'_, T> {
    /// What is written of the rows' entries, both counted from the piece's first; of several rows only if they are all of the same array.
    fn out_of(&mut self, rows: Range<usize>, entries: &Range<usize>) -> [Option<Elements<'_, T>>; 2] {
        let width = self.entries.len();
        let (which, first) = if self.out.len() > 1 { (rows.start, 0) } else { (0, rows.start * width) };
        let places = first + entries.start..first + (rows.len() - 1) * width + entries.end;
        self.out[which].each_mut().map(|out| out.as_mut().map(|out| out.part(places.clone())))
    }
}

/// What a thread needs.
struct Scratch<T> {
    operands: [Vec<T>; 2],
    floors: Vec<T>,
    terms: Vec<T>,
    factors: Vec<T>,
    /// What is rounded to half floats then.
    rooms: [Vec<T>; 2],
    accumulators: Vec<Accumulator>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            operands: [vec![], vec![]],
            floors: vec![],
            terms: vec![],
            factors: vec![],
            rooms: [vec![], vec![]],
            accumulators: vec![],
        }
    }
}

impl<'a, T: Real + Storage> Driver<'a, T> {
    fn new(job: &'a Job<'a>, weights: Option<&'a [f64]>) -> Self {
        let plan = job.plan;
        let mask = plan.mask.as_ref();
        let operand = |rows: &'a Rows<'a>, mask| Operand { rows, mask, left_out: 0.0, is_asked_for: false };
        let operands = [operand(&plan.p, mask), operand(&plan.q, mask)];
        Self {
            job,
            operands,
            mask: mask.map(|mask| operand(mask, None)),
            free: job.free.map(T::from_f64),
            weights,
            in_columns: operands.iter().any(Operand::in_columns),
        }
    }

    /// Rows of one chunk at most, one thread each.
    fn batch(&self, values: &mut [T], mut out: [Option<Elements<T>>; 2]) -> Result<(), Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let grain = if length <= SHORT || self.in_columns { TILE_ROWS } else { 1 };
        let many = (parallel::PIECE / length).next_multiple_of(grain).max(grain);
        let mut pieces = allocate(rows.div_ceil(many))?;
        for (index, values) in values.chunks_mut(many).enumerate() {
            let first = index * many;
            let out = out.each_mut().map(|out| out.as_mut().map(|out| out.take_first(values.len() * length)));
            let rows = first..first + values.len();
            pieces.push(Piece { rows, entries: 0..length, values, sums: SmallVec::new(), out: smallvec::smallvec![out] });
        }
        let work = |scratch: &mut Scratch<T>, _, pieces: &mut [Piece<T>]| {
            for piece in pieces {
                if length <= SHORT { self.short(piece, scratch) } else { self.whole(piece, scratch) }
            }
        };
        parallel::for_each_piece_with(&self.job.team, &mut pieces, 1, rows.saturating_mul(length), work)?;
        Ok(())
    }

    /// Rows of several chunks, which threads share.
    fn long(&self, values: &mut [T], mut out: [Option<Elements<T>>; 2]) -> Result<(), Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let together = if self.in_columns { TILE_ROWS } else { 1 };
        let chunks = length.div_ceil(chunk::<T>());
        let mut pieces = allocate(rows.div_ceil(together) * chunks)?;
        for first in (0..rows).step_by(together) {
            let rows = first..rows.min(first + together);
            let start = pieces.len();
            for entry in (0..length).step_by(chunk::<T>()) {
                let entries = entry..length.min(entry + chunk::<T>());
                let sums = smallvec::smallvec![0.0; rows.len()];
                pieces.push(Piece { rows: rows.clone(), entries, values: &mut [], sums, out: SmallVec::new() });
            }
            for _ in rows {
                for piece in &mut pieces[start..] {
                    let count = piece.entries.len();
                    piece.out.push(out.each_mut().map(|out| out.as_mut().map(|out| out.take_first(count))));
                }
            }
        }
        let work = |scratch: &mut Scratch<T>, _, pieces: &mut [Piece<T>]| {
            for piece in pieces {
                let entries = 0..piece.entries.len();
                for (row, sum) in self.sums(piece, 0..piece.rows.len(), &entries, scratch).into_iter().enumerate() {
                    piece.sums[row] = sum;
                }
            }
        };
        parallel::for_each_piece_with(&self.job.team, &mut pieces, 1, rows.saturating_mul(length), work)?;
        for group in pieces.chunks_mut(chunks) {
            for (row, index) in group[0].rows.clone().enumerate() {
                let mut sums: Vec<f64> = group.iter().map(|piece| piece.sums[row]).collect();
                values[index] = self.settle(index, pairwise(&mut sums));
                for piece in group.iter_mut() {
                    let entries = 0..piece.entries.len();
                    self.leave_out(index, values[index], piece.entries.start, &mut piece.out_of(row..row + 1, &entries));
                }
            }
        }
        Ok(())
    }

    /// Short rows: the terms of several at once, and their sums in the order of the entries.
    fn short(&self, piece: &mut Piece<T>, scratch: &mut Scratch<T>) {
        let (length, count) = (self.job.plan.length, piece.values.len());
        let together = TOGETHER / length;
        for first in (0..count).step_by(together) {
            let local = first..count.min(first + together);
            let rows = piece.rows.start + local.start..piece.rows.start + local.end;
            let places = 0..local.len() * length;
            let Scratch { operands: [of_mean, of_variance], floors, terms, factors, rooms, .. } = &mut *scratch;
            let entries = Entries {
                mean: together_or_brought(self.operands[0], &rows, length, of_mean),
                log_variance: together_or_brought(self.operands[1], &rows, length, of_variance),
                floors: self.floors(rows.clone(), 0..length, floors),
            };
            factors.clear();
            match self.weights {
                None => factors.push(self.factor(rows.start)),
                Some(_) => factors.extend(rows.clone().flat_map(|row| core::iter::repeat_n(self.factor(row), length))),
            }
            terms.resize(places.len(), T::default());
            let mut out = piece.out_of(local.clone(), &(0..length));
            with_room(self.job.level, &mut out, rooms, &places, |out| {
                write_terms(self.job.level, entries, terms, Slopes { out, factors });
            });
            for (row, terms) in rows.zip(terms.chunks_exact(length)) {
                let value = self.settle(row, terms.iter().fold(0.0, |sum, term| sum + term.to_f64()));
                let local = row - piece.rows.start;
                piece.values[local] = value;
                if value.to_f64().is_nan() {
                    self.leave_out(row, value, 0, &mut piece.out_of(local..local + 1, &(0..length)));
                }
            }
        }
    }

    /// Rows that are longer, and whole.
    fn whole(&self, piece: &mut Piece<T>, scratch: &mut Scratch<T>) {
        let (length, count) = (self.job.plan.length, piece.values.len());
        let together = if self.in_columns { TILE_ROWS } else { 1 };
        for first in (0..count).step_by(together) {
            let local = first..count.min(first + together);
            let sums = self.sums(piece, local.clone(), &(0..length), scratch);
            for (local, sum) in local.zip(sums) {
                let row = piece.rows.start + local;
                let value = self.settle(row, sum);
                piece.values[local] = value;
                self.leave_out(row, value, 0, &mut piece.out_of(local..local + 1, &(0..length)));
            }
        }
    }

    /// The sums of some rows of a piece, which begin with its first entry, and their derivatives.
    fn sums(
        &self,
        piece: &mut Piece<T>,
        local: Range<usize>,
        entries: &Range<usize>,
        scratch: &mut Scratch<T>,
    ) -> SmallVec<[f64; 1]> {
        let level = self.job.level;
        let Scratch { operands: [of_mean, of_variance], floors, rooms, accumulators, .. } = scratch;
        let rows = piece.rows.start + local.start..piece.rows.start + local.end;
        let all = piece.entries.start + entries.start..piece.entries.start + entries.end;
        let is_lent = self.operands.map(|operand| operand.borrow::<T>(rows.start, all.clone()).is_some());
        let has_halves = piece.out.iter().flatten().flatten().any(|out| !matches!(out, Elements::Real(_)));
        let step = match rows.len() {
            1 if is_lent == [true; 2] && self.free.is_none() && !has_halves => all.len(),
            1 => BROUGHT * block::<T>(),
            _ => block::<T>(),
        };
        accumulators.resize(accumulators.len().max(rows.len()), Accumulator::default());
        for first in entries.clone().step_by(step) {
            let run = first..entries.end.min(first + step);
            let read = piece.entries.start + run.start..piece.entries.start + run.end;
            let width = run.len();
            for (operand, scratch) in [(0, &mut *of_mean), (1, &mut *of_variance)] {
                if !is_lent[operand] {
                    scratch.resize(scratch.len().max(rows.len() * width), T::default());
                    self.operands[operand].bring(rows.clone(), read.clone(), scratch, Steps { row: width, entry: 1 });
                }
            }
            let floors = self.floors(rows.clone(), read.clone(), floors);
            for (index, row) in rows.clone().enumerate() {
                let places = index * width..(index + 1) * width;
                let lent =
                    |operand: usize| if is_lent[operand] { self.operands[operand].borrow(row, read.clone()) } else { None };
                let entries = Entries {
                    mean: lent(0).unwrap_or_else(|| &of_mean[places.clone()]),
                    log_variance: lent(1).unwrap_or_else(|| &of_variance[places.clone()]),
                    floors: floors.map(|floors| &floors[places.clone()]),
                };
                let factor = [self.factor(row)];
                let mut out = piece.out_of(local.start + index..local.start + index + 1, &run);
                with_room(level, &mut out, rooms, &(0..width), |out| {
                    add_terms(level, &mut accumulators[index], entries, Slopes { out, factors: &factor });
                });
            }
        }
        accumulators[..rows.len()].iter_mut().map(gaussian::finish).collect()
    }

    /// The floor of each entry, row after row, if there are any; 0 where an entry does not count.
    fn floors<'s>(&self, rows: Range<usize>, entries: Range<usize>, scratch: &'s mut Vec<T>) -> Option<&'s [T]> {
        let free = self.free?;
        let (count, width) = (rows.len() * entries.len(), entries.len());
        scratch.clear();
        scratch.resize(count, free);
        if let Some(mask) = self.mask {
            mask.bring(rows, entries, scratch, Steps { row: width, entry: 1 });
            for floor in scratch.iter_mut() {
                *floor = if *floor == T::default() { T::default() } else { free };
            }
        }
        Some(scratch)
    }

    /// The factor of a row's derivatives.
    fn factor(&self, row: usize) -> T {
        T::from_f64(self.weights.map_or(1.0, |weights| weights[row]) / self.job.log_base.unwrap_or(1.0))
    }

    /// The value of a row with that sum.
    fn settle(&self, row: usize, sum: f64) -> T {
        let length = self.job.plan.length;
        // What nothing but zeros have lost is below what `f32` holds, unless there are very many.
        let is_low = sum < length as f64 * power_of_two(LOST + KEPT) && (sum > 0.0 || length > chunk::<T>());
        let value = if sum == f64::INFINITY || (is_low && T::DTYPE == DType::F32) { self.again(row) } else { self.in_units(sum) };
        if value.is_nan() { T::NAN } else { T::from_f64(value) }
    }

    fn in_units(&self, nats: f64) -> f64 {
        self.job.log_base.map_or(nats, |log_base| nats / log_base)
    }

    /// The value of a row whose sum is beyond what was computed in: in `f64`, and where that is infinite with smaller terms.
    #[cold]
    fn again(&self, row: usize) -> f64 {
        let [mut mean, mut log_variance, mut terms] = [[0.0; AGAIN]; 3];
        let mut row_of = Accumulator::default();
        let driver = Driver::<f64>::new(self.job, None);
        let mut scaled = 0.0;
        let mut floors = vec![];
        for first in (0..self.job.plan.length).step_by(AGAIN) {
            let run = first..self.job.plan.length.min(first + AGAIN);
            let steps = Steps { row: 0, entry: 1 };
            driver.operands[0].bring(row..row + 1, run.clone(), &mut mean, steps);
            driver.operands[1].bring(row..row + 1, run.clone(), &mut log_variance, steps);
            let (mean, log_variance, terms) = (&mean[..run.len()], &log_variance[..run.len()], &mut terms[..run.len()]);
            let floors = driver.floors(row..row + 1, run, &mut floors);
            let entries = Entries { mean, log_variance, floors };
            write_terms(self.job.level, entries, terms, Slopes { out: [None, None], factors: &[] });
            add_terms(self.job.level, &mut row_of, entries, Slopes { out: [None, None], factors: &[] });
            let entries = mean.iter().zip(log_variance).zip(&*terms);
            scaled += entries.map(|((&m, &v), &term)| scaled_term(m, v, term)).sum::<f64>();
        }
        let sum = gaussian::finish(&mut row_of);
        if sum == f64::INFINITY { self.in_units(scaled) * power_of_two(-SCALED) } else { self.in_units(sum) }
    }

    /// Makes a row's derivatives NaN if its value is, and 0 where entries do not count.
    fn leave_out(&self, row: usize, value: T, first: usize, out: &mut [Option<Elements<T>>; 2]) {
        if !value.to_f64().is_nan() {
            // Entries that do not count are (0, 0), where both derivatives are 0.
            return;
        }
        for out in out.iter_mut().flatten() {
            let count = out.count();
            out.fill(0..count, T::NAN);
            if let Some(mask) = self.mask {
                mask.for_each_zero(row, first + count, |place| {
                    if place >= first {
                        out.set(place - first, T::default());
                    }
                });
            }
        }
    }
}

/// Rows one after another as they lie in memory, or brought in.
fn together_or_brought<'s, T: Real + Storage>(
    operand: Operand<'s>,
    rows: &Range<usize>,
    length: usize,
    scratch: &'s mut Vec<T>,
) -> &'s [T] {
    let lent = if operand.mask.is_some() { None } else { operand.rows.borrow_rows::<T>(rows.clone()) };
    lent.unwrap_or_else(|| {
        scratch.resize(rows.len() * length, T::default());
        operand.bring(rows.clone(), 0..length, scratch, Steps { row: length, entry: 1 });
        scratch
    })
}

/// Lends what is written to, or room that is rounded to half floats then.
fn with_room<T: Real>(
    level: Level,
    out: &mut [Option<Elements<T>>; 2],
    rooms: &mut [Vec<T>; 2],
    places: &Range<usize>,
    write: impl FnOnce([Option<&mut [T]>; 2]),
) {
    let [of_mean, of_variance] = out;
    let [room, other] = rooms;
    for (out, room) in [(&*of_mean, &mut *room), (&*of_variance, &mut *other)] {
        if matches!(out, Some(Elements::F16(_) | Elements::BF16(_))) {
            room.resize(room.len().max(places.len()), T::default());
        }
    }
    write([
        of_mean.as_mut().map(|out| out.lend(places.clone(), room)),
        of_variance.as_mut().map(|out| out.lend(places.clone(), other)),
    ]);
    for (out, room) in [(of_mean, room), (of_variance, other)] {
        if let Some(out) = out {
            out.round(level, places.clone(), room);
        }
    }
}

/// 2^[`SCALED`] times the term of an entry, where that may be beyond floats. Terms that are small beside it need not be right.
fn scaled_term(mean: f64, log_variance: f64, term: f64) -> f64 {
    if term.is_finite() || log_variance.is_infinite() {
        return term * power_of_two(SCALED);
    }
    let root = power_of_two(SCALED / 2);
    let (mean, deviation) = (mean * root, exp::exp_of(0.5 * log_variance) * root);
    0.5 * mean * mean + 0.5 * deviation * deviation - 0.5 * (1.0 + log_variance) * power_of_two(SCALED)
}

/// Neighbours are added until one is left.
fn pairwise(mut parts: &mut [f64]) -> f64 {
    while parts.len() > 1 {
        let pairs = parts.len().div_ceil(2);
        for pair in 0..pairs {
            parts[pair] = parts[2 * pair] + parts.get(2 * pair + 1).copied().unwrap_or(0.0);
        }
        parts = &mut parts[..pairs];
    }
    parts[0]
}
