//! What is done with rows of logits: one number each, and what there is for each entry.
//!
//! ```text
//!            short rows               longer rows
//!            a vector of rows         a row at a time
//! scan       the greatest logit of each operand; +inf and rows without a class are found here
//! mass       Σ e^((x-m)/T) of each, and ln of it, for what needs them
//! sums       of the divergence's terms, of the entropy's or of the targets'           (the row is in the cache by now)
//! value      8 rows at a time, as for probabilities (`Kernel::values`)
//! written    the entries once more, and what there is for each: softmax, or derivatives
//! ```
//!
//! NaN is not looked for: it is in the sums of its row, and makes all of the row NaN. Two classes with one logit have no rows, but
//! values for each entry, which are written like derivatives.
//!
//! A row is read from memory once, one thread each, and then from the cache: as it lies in memory, or brought in whole. Half floats are
//! read as such in each sweep where kernels are compiled for them: getting them costs an instruction or two a vector, storing what they
//! are the traffic of twice their bytes.

use core::ops::Range;

use smallvec::SmallVec;

use crate::element::{DType, Elements, all, parts};
use crate::error::{Error, Found};
use crate::kernel::logits::{
    Ahead, Binary, LIFT, Labelled, LogitRow, Part, Single, Targets, Tile, label_entropies, log_masses, masses, mean_gaps, scan,
    target_gaps, write_binary, write_single,
};
use crate::kernel::{Finish, Kernel, Partial, RowSums, Run, SHORT};
use crate::lanes::{Level, Real, WIDE, exp, ln, power_of_two, two_sum};
use crate::parallel::{self, Team};
use crate::tile::{Operand, Steps, TILE_ROWS};
use crate::verb::{Compute, Held, Parameters, Verb};
use crate::view::Plan;

/// Entries of a row that is brought in with others at a time, where rows run along an outer axis.
const TOGETHER: usize = 1 << 15;

/// Entries of short rows whose labels are all that counts, at a time: they stay in the first cache.
const AT_ONCE: usize = 1 << 12;
/// Sums of Rényi's powers below which these are too small to have all their digits.
const LEAST_POWERS: f64 = 1e-290;
/// Entries that tell about how the masses of two rows compare.
const SAMPLE: usize = 2048;
/// Their quotient, unless they have next to nothing of the mass.
const MOST_APART: f64 = 1e4;
/// The share of a sum that a scale may have, of which the rest is the value.
const MOST_OF_SCALE: f64 = 0.75;

/// Masses below which most of a row is in its greatest entries: what the others have is not seen well beside 1.
const CONFIDENT: f64 = 1.25;

/// What is computed of logits.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// A divergence of two rows.
    Divergence(Verb, Parameters),
    /// H of one.
    Entropy,
    /// The cross-entropy of a label or of a distribution and a row of logits.
    CrossEntropy,
    /// ln Σ e^(x/T), and each entry's share or the logarithm of it.
    LogSumExp,
    /// A function of two classes, for each entry.
    Binary(Binary, Part),
}

/// The labels of rows, in the order of the result.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// A class each.
    pub labels: &'a [i64],
    /// Rows with this label are skipped.
    pub ignored: Option<i64>,
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The rows. One operand is both p and q.
    pub plan: &'a Plan<'a>,
    /// What to compute.
    pub of: Of,
    /// What logits are divided by.
    pub temperature: f64,
    /// Logarithm of the base; `None` for nats.
    pub log_base: Option<f64>,
    /// For the cross-entropy: the targets, unless p has them.
    pub labels: Option<Labels<'a>>,
    /// A weight for each class.
    pub class_weights: Option<&'a [f64]>,
    /// What labels or targets lose to all classes alike.
    pub smoothing: f64,
    /// What sums of targets may differ from 1 by.
    pub tolerance: f64,
    /// What p and q are called in errors.
    pub names: [&'static str; 2],
    /// The instructions to use.
    pub level: Level,
    /// Who does it.
    pub team: Team<'a>,
}

/// What is written for each entry of p and of q, row after row in the order of the plan.
#[derive(Debug)]
pub struct Wanted<'w, T> {
    /// Where.
    pub out: [Option<Elements<'w, T>>; 2],
    /// What each row's is multiplied with, unless 1.
    pub weights: Option<&'w [f64]>,
    /// For the cross-entropy: what e is raised to to multiply each row's once more, be it beyond floats.
    pub lifts: Option<&'w [f64]>,
    /// Shares or their logarithms are wanted instead of derivatives.
    pub softmax: Option<Single>,
}

/// Some rows, their values and what is written of them.
struct Piece<'w, T> {
    first: usize,
    values: &'w mut [T],
    out: [Option<Elements<'w, T>>; 2],
}

/// Rows that are computed together, one or as many as there are lanes.
struct Batch<'b, T> {
    rows: Range<usize>,
    tile: Tile<'b, T>,
    known: &'b mut [LogitRow],
    sums: &'b mut [Partial],
    /// Of q: the mass less 1.
    rest: [f64; 16],
    values: &'b mut [T],
    out: [Option<Elements<'b, T>>; 2],
}

/// The value of every row, in the order of the plan, and what is wanted for each entry; the latter is unspecified after an error.
///
/// # Panics
///
/// If there is not one place for each row and entry.
pub fn compute<T: Compute>(job: &Job, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
    let (rows, length) = (job.plan.rows, job.plan.length);
    assert_eq!(values.len(), rows);
    assert!(wanted.out.iter().flatten().all(|out| out.count() == rows * length));
    if rows == 0 {
        return Ok(());
    }
    parallel::in_default_environment(|| {
        Driver::<T>::new(job, [wanted.weights, wanted.lifts], wanted.softmax).run(values, wanted.out)
    })
}

struct Driver<'a, T: Real> {
    job: &'a Job<'a>,
    kernel: Option<Held<T>>,
    /// p's, where it has logits or targets of its own, and q's.
    operands: [Option<Operand<'a>>; 2],
    targets: Targets,
    /// Class weights, and side by side as often as there are lanes.
    class_weights: Vec<T>,
    /// Weights and lifts of rows.
    weights: [Option<&'a [f64]>; 2],
    softmax: Option<Single>,
    across: bool,
    /// Whether there is a label for each short row and nothing else to count.
    is_of_labels: bool,
    /// Whether rows are walked in the order of the result.
    in_order: bool,
    /// What all derivatives are multiplied with: 1/T, in the units that were asked for.
    unit: f64,
}

/// What a thread needs.
struct Scratch<T> {
    entries: [Vec<T>; 2],
    labels: Vec<i64>,
    known: [LogitRow; 16],
    sums: [Partial; 16],
    found: Option<Found>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self { entries: [vec![], vec![]], labels: vec![], known: Default::default(), sums: Default::default(), found: None }
    }
}

impl<'a, T: Compute> Driver<'a, T> {
    fn new(job: &'a Job<'a>, weights: [Option<&'a [f64]>; 2], softmax: Option<Single>) -> Self {
        let plan = job.plan;
        let mask = plan.mask.as_ref();
        let has_targets = matches!(job.of, Of::CrossEntropy) && job.labels.is_none();
        let kernel = if let Of::Divergence(verb, parameters) = job.of { Some(T::kernel(verb, parameters)) } else { None };
        let is_binary = matches!(job.of, Of::Binary(..));
        let of_probabilities = matches!(job.of, Of::Binary(Binary::Probabilities, _));
        let has_probabilities = has_targets || of_probabilities || matches!(job.of, Of::Binary(Binary::CrossEntropy(_), _));
        let p = Operand {
            rows: &plan.p,
            mask,
            left_out: if has_probabilities { 0.0 } else { f64::NEG_INFINITY },
            is_asked_for: true,
        };
        let q =
            Operand { rows: &plan.q, mask, left_out: if of_probabilities { 0.0 } else { f64::NEG_INFINITY }, is_asked_for: true };
        let across = plan.length <= SHORT;
        let lanes = if across { T::WIDTH } else { 1 };
        let spreads = has_targets || job.smoothing > 0.0;
        // Padding is no class: it has no weight.
        let weights_of: Vec<f64> = match job.class_weights {
            Some(weights) => weights.to_vec(),
            None if spreads => vec![1.0; plan.length],
            None => vec![],
        };
        Self {
            job,
            operands: [(kernel.is_some() || has_targets || is_binary).then_some(p), Some(q)],
            kernel,
            targets: Targets {
                given: has_targets,
                weighted: !weights_of.is_empty(),
                masked: mask.is_some(),
                kept: 1.0 - job.smoothing,
            },
            class_weights: weights_of.into_iter().flat_map(|weight| core::iter::repeat_n(T::from_f64(weight), lanes)).collect(),
            weights,
            softmax,
            across,
            is_of_labels: across && job.labels.is_some() && job.class_weights.is_none() && job.smoothing == 0.0,
            in_order: plan.in_result_order(),
            unit: 1.0 / job.temperature / job.log_base.unwrap_or(1.0),
        }
    }

    fn run(&self, values: &mut [T], mut out: [Option<Elements<T>>; 2]) -> Result<(), Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let in_columns = self.operands.iter().flatten().any(Operand::in_columns);
        let together = if self.is_of_labels {
            (AT_ONCE / length).next_multiple_of(T::WIDTH)
        } else if self.across || in_columns {
            (TOGETHER / length).clamp(1, TILE_ROWS)
        } else {
            1
        };
        let many = together * (parallel::PIECE / (together * length)).max(1);
        let mut pieces: Vec<Piece<T>> = Vec::new();
        let bytes = rows.div_ceil(many).saturating_mul(size_of::<Piece<T>>());
        pieces.try_reserve_exact(rows.div_ceil(many)).map_err(|_| Error::OutOfMemory { bytes })?;
        for (index, values) in values.chunks_mut(many).enumerate() {
            let out = out.each_mut().map(|out| out.as_mut().map(|out| out.take_first(many * length)));
            pieces.push(Piece { first: index * many, values, out });
        }
        let work = |scratch: &mut Scratch<T>, _, pieces: &mut [Piece<T>]| {
            for Piece { first, values, out } in pieces {
                for (index, values) in values.chunks_mut(together).enumerate() {
                    let out = out.each_mut().map(|out| out.as_mut().map(|out| out.take_first(together * length)));
                    self.piece(&mut Piece { first: *first + index * together, values, out }, scratch);
                }
            }
            scratch.found.take().map(Box::new)
        };
        let found = parallel::for_each_piece_with(&self.job.team, &mut pieces, 1, rows.saturating_mul(length), work)?;
        let first = found.into_iter().flatten().min_by_key(|found| found.place);
        first.map_or(Ok(()), |found| Err(found.error))
    }

    /// Rows that are brought in together.
    fn piece(&self, piece: &mut Piece<T>, scratch: &mut Scratch<T>) {
        let length = self.job.plan.length;
        let at_once = self.is_of_labels && piece.out.iter().all(Option::is_none);
        if at_once && self.of_labels(piece, scratch) {
            return;
        }
        let Scratch { entries: [scratch_p, scratch_q], known, sums, found, .. } = scratch;
        let step = if self.across { T::WIDTH } else { 1 };
        let is_brought = if self.across { [false; 2] } else { self.bring(piece, [scratch_p, scratch_q]) };
        for first in (0..piece.values.len()).step_by(step) {
            let rows = first..piece.values.len().min(first + step);
            if at_once && piece.values[rows.clone()].iter().all(|value| value.to_f64().is_finite()) {
                continue;
            }
            let all = piece.first + rows.start..piece.first + rows.end;
            let places = rows.start * length..rows.end * length;
            if !self.across && self.is_skipped(all.start) {
                piece.values[rows.start] = T::default();
                piece.out.iter_mut().flatten().for_each(|out| out.fill(places.clone(), T::default()));
                continue;
            }
            let entries = if let Some(halves) = self.halves(piece, all.start) {
                halves
            } else {
                let of_p = self.operands[0].map(|operand| self.entries(operand, &all, is_brought[0], first, scratch_p));
                let of_q = self.operands[1].map(|operand| self.entries(operand, &all, is_brought[1], first, scratch_q));
                let Some(q) = of_q else { return };
                Run::Real([of_p.unwrap_or(q), q, if self.targets.weighted { &self.class_weights } else { q }])
            };
            let ahead = self.operands.map(|operand| if self.across { Ahead::NONE } else { ahead(operand, all.start + 1) });
            let tile = Tile { entries, across: self.across, ahead };
            let values = &mut piece.values[rows.clone()];
            let (known, sums) = (&mut known[..rows.len()], &mut sums[..rows.len()]);
            let out = parts(&mut piece.out, &places);
            self.batch(Batch { rows: all.clone(), tile, known, sums, rest: [0.0; 16], values, out }, found);
            self.leave_out(&all, values, &mut parts(&mut piece.out, &places));
        }
    }

    /// The values of labels and short rows, all at once; whether they are finite, and no row needs to be looked at.
    fn of_labels(&self, piece: &mut Piece<T>, scratch: &mut Scratch<T>) -> bool {
        let Job { level, temperature, log_base, plan, .. } = *self.job;
        let (Some(given), Some(operand)) = (self.job.labels, self.operands[1]) else { return false };
        let (rows, length) = (piece.first..piece.first + piece.values.len(), plan.length);
        let Scratch { entries: [_, entries], labels, .. } = scratch;
        entries.resize(length * rows.len().next_multiple_of(T::WIDTH), T::default());
        operand.bring_across(rows.clone(), length, entries);
        let labels = if self.in_order {
            &given.labels[rows]
        } else {
            labels.clear();
            labels.extend(rows.map(|row| given.labels[plan.place(row)]));
            labels
        };
        let of = Labelled { length, ignored: given.ignored, temperature, log_base };
        label_entropies(level, of, entries, labels, ahead(Some(operand), piece.first + piece.values.len()), piece.values)
    }

    /// Whether the kernels that are used read half floats as they lie in memory.
    fn reads_halves(&self) -> bool {
        let are_compiled = match self.job.of {
            Of::Divergence(..) => self.kernel.as_ref().is_some_and(|kernel| kernel.reads_halves()),
            Of::CrossEntropy => self.job.labels.is_some() && self.job.smoothing == 0.0,
            Of::Entropy | Of::LogSumExp => true,
            Of::Binary(..) => false,
        };
        are_compiled && !self.across && T::DTYPE == DType::F32
    }

    /// A row of half floats that is read like that, what is made of it being written as such.
    fn halves(&self, piece: &Piece<T>, row: usize) -> Option<Run<'a, T, 3>> {
        let [p, q] = self.operands;
        let (q, entries) = (q.filter(|_| self.reads_halves())?, 0..self.job.plan.length);
        let p = p.unwrap_or(q);
        if piece.out.iter().flatten().any(|out| out.dtype() != q.rows.dtype()) {
            return None;
        }
        if let (Some(p), Some(q)) = (p.borrow(row, entries.clone()), q.borrow(row, entries.clone())) {
            return Some(Run::F16([p, q, q]));
        }
        let (p, q) = (p.borrow(row, entries.clone())?, q.borrow(row, entries)?);
        Some(Run::BF16([p, q, q]))
    }

    /// Brings rows in that cannot be taken as they lie in memory, and says which operands those are.
    fn bring(&self, piece: &Piece<T>, scratch: [&mut Vec<T>; 2]) -> [bool; 2] {
        let length = self.job.plan.length;
        let rows = piece.first..piece.first + piece.values.len();
        let mut is_brought = [false; 2];
        if (rows.clone()).all(|row| self.is_skipped(row)) || self.halves(piece, rows.start).is_some() {
            return is_brought;
        }
        for ((is_brought, operand), scratch) in is_brought.iter_mut().zip(&self.operands).zip(scratch) {
            let Some(operand) = operand else { continue };
            if operand.borrow::<T>(rows.start, 0..length).is_none() {
                *is_brought = true;
                scratch.resize(rows.len() * length, T::default());
                operand.bring(rows.clone(), 0..length, scratch, Steps { row: length, entry: 1 });
            }
        }
        is_brought
    }

    fn entries<'s>(
        &self,
        operand: Operand<'s>,
        rows: &Range<usize>,
        is_brought: bool,
        first: usize,
        scratch: &'s mut Vec<T>,
    ) -> &'s [T] {
        let length = self.job.plan.length;
        if self.across {
            scratch.resize(length * T::WIDTH, T::default());
            operand.bring_across(rows.clone(), length, scratch);
            return scratch;
        }
        if !is_brought && let Some(row) = operand.borrow(rows.start, 0..length) {
            return row;
        }
        &scratch[first * length..(first + 1) * length]
    }

    fn label(&self, row: usize) -> Option<i64> {
        let place = || if self.in_order { row } else { self.job.plan.place(row) };
        self.job.labels.map(|labels| labels.labels[place()])
    }

    fn is_skipped(&self, row: usize) -> bool {
        let ignored = self.job.labels.and_then(|labels| labels.ignored);
        ignored.is_some_and(|ignored| self.label(row) == Some(ignored))
    }

    /// Makes 0 of what there is for rows and entries that do not count.
    fn leave_out(&self, rows: &Range<usize>, values: &mut [T], out: &mut [Option<Elements<T>>; 2]) {
        let length = self.job.plan.length;
        for (i, value) in values.iter_mut().enumerate() {
            let row = rows.start + i;
            if self.across && self.is_skipped(row) {
                *value = T::default();
                out.iter_mut().flatten().for_each(|out| out.fill(i * length..(i + 1) * length, T::default()));
            }
            if let Some(mask) = self.job.plan.mask.as_ref().filter(|_| self.softmax.is_none()) {
                for out in out.iter_mut().flatten() {
                    let operand = Operand { rows: mask, mask: None, left_out: 0.0, is_asked_for: true };
                    operand.for_each_zero(row, length, |place| out.set(i * length + place, T::default()));
                }
            }
        }
    }

    /// Values of some rows, and what is wanted for their entries.
    fn batch(&self, mut batch: Batch<T>, found: &mut Option<Found>) {
        if let Of::Binary(of, part) = self.job.of {
            return self.binary(batch, of, part, found);
        }
        if self.kernel.is_some() {
            self.find_greatest(&mut batch, 0, found);
        }
        self.find_greatest(&mut batch, 1, found);
        match self.job.of {
            Of::Divergence(..) => self.divergences(&mut batch),
            Of::CrossEntropy => self.cross_entropies(&mut batch, found),
            _ => self.single(&mut batch),
        }
        let length = self.job.plan.length;
        let Batch { rows, values, mut out, .. } = batch;
        for (i, value) in values.iter_mut().enumerate().filter(|(_, value)| !value.to_f64().is_finite()) {
            let places = i * length..(i + 1) * length;
            let mut out = parts(&mut out, &places);
            // Logits that are far apart may have a difference beyond `f32`, and not the loss.
            if T::DTYPE == DType::F32 && value.to_f64().is_infinite() && !self.is_skipped(rows.start + i) {
                self.in_f64(rows.start + i, value, &mut out);
            }
            if value.to_f64().is_nan() {
                *value = T::NAN;
                out.iter_mut().flatten().for_each(|out| out.fill(0..length, T::NAN));
            }
        }
    }

    /// The greatest logit of an operand of each row.
    fn find_greatest(&self, batch: &mut Batch<T>, which: usize, found: &mut Option<Found>) {
        let mut greatest = [0.0; 16];
        scan(self.job.level, batch.tile, (which, false), &mut greatest[..batch.known.len()]);
        for (i, greatest) in greatest.into_iter().enumerate().take(batch.known.len()) {
            batch.known[i].greatest[which] = greatest;
            if greatest.is_infinite() && !self.is_skipped(batch.rows.start + i) {
                self.look_at(batch, which, i, found);
            }
        }
    }

    /// The masses of an operand, and their logarithms.
    fn weigh(&self, batch: &mut Batch<T>, which: usize) {
        let Job { level, temperature, .. } = *self.job;
        let Batch { tile, known, sums, rest: rest_of_q, .. } = batch;
        let mut rest = [0.0; 16];
        let mut ahead = [Ahead::NONE; 2];
        core::mem::swap(&mut ahead[which], &mut tile.ahead[which]);
        if !self.across {
            masses(level, (which, false), temperature, Tile { ahead, ..*tile }, known, sums);
            rest[0] = sums[0].sums[0] - 1.0;
        }
        // Of many short rows one is confident nearly always.
        if self.across || rest[0] < CONFIDENT - 1.0 {
            masses(level, (which, true), temperature, *tile, known, sums);
            for (rest, sum) in rest.iter_mut().zip(sums.iter()) {
                let [others, greatest, ..] = sum.sums;
                *rest = others * power_of_two(-T::LIFT) + (greatest - 1.0);
            }
        }
        let mut logs = [0.0; 16];
        if self.is_of_labels {
            logs = log_masses::<T>(level, &rest);
        } else {
            for (logs, rest) in logs.chunks_mut(WIDE).zip(rest.chunks(WIDE)).take(known.len().div_ceil(WIDE)) {
                logs.copy_from_slice(&ln::ln_1p_all(level, rest));
            }
        }
        for (row, (log, rest)) in known.iter_mut().zip(logs.into_iter().zip(rest)) {
            row.mass[which] = 1.0 + rest;
            row.log_mass[which] = log;
        }
        if which == 1 {
            *rest_of_q = rest;
        }
    }

    /// Functions of two classes; what is wrong with their operands is found first.
    fn binary(&self, batch: Batch<T>, of: Binary, part: Part, found: &mut Option<Found>) {
        let (logits, probabilities) = ([f64::NEG_INFINITY, f64::MAX], [0.0, 1.0]);
        let ranges = match of {
            Binary::CrossEntropy(_) => [probabilities, logits],
            Binary::Logits => [logits; 2],
            Binary::Probabilities => [probabilities; 2],
        };
        for (which, range) in ranges.into_iter().enumerate() {
            self.check_entries(&batch, (self.job.names[which], which), range, found);
        }
        let Batch { tile, known, out: [of_p, of_q], .. } = batch;
        for row in known.iter_mut() {
            let of_temperature = if part == Part::Slopes { 1.0 / self.job.temperature } else { 1.0 };
            row.factors = [of_temperature / self.job.log_base.unwrap_or(1.0); 2];
        }
        write_binary(self.job.level, (of, part), self.job.temperature, tile, known, [of_p, of_q]);
    }

    /// Finds the first entry of each row that is not in a range.
    fn check_entries(&self, batch: &Batch<T>, (name, which): (&'static str, usize), range: [f64; 2], found: &mut Option<Found>) {
        let (plan, count) = (self.job.plan, batch.known.len());
        let [mut greatest, mut of_negatives] = [[0.0; 16]; 2];
        scan(self.job.level, batch.tile, (which, false), &mut greatest[..count]);
        scan(self.job.level, batch.tile, (which, true), &mut of_negatives[..count]);
        let [low, high] = range;
        for i in (0..count).filter(|&i| greatest[i] > high || -of_negatives[i] < low) {
            let entries = (0..plan.length).map(|entry| batch.entry(which, entry, i));
            let Some((entry, value)) = entries.enumerate().find(|&(_, value)| value > high || value < low) else { continue };
            let (row, position) = (plan.row_index(plan.place(batch.rows.start + i)), plan.entry_index(entry));
            let error = match value {
                value if value > high && high > 1.0 => Error::InfiniteLogit { name, row, position },
                value if value < low => Error::Negative { name, row, position, value },
                value => Error::AboveOne { name, row, position, value },
            };
            self.report(batch.rows.start + i, error, found);
        }
    }

    /// A row once more, in `f64` whatever its dtype; mistakes in it have been found.
    #[cold]
    fn in_f64(&self, row: usize, value: &mut T, out: &mut [Option<Elements<T>>; 2]) {
        let (mut wide, mut places) = ([0.0_f64], out.each_ref().map(|out| out.as_ref().map(|out| vec![0.0_f64; out.count()])));
        let mut piece = Piece {
            first: row,
            values: &mut wide,
            out: places.each_mut().map(|out| out.as_mut().map(|out| Elements::Real(out))),
        };
        let mut scratch = Scratch::default();
        Driver::<f64>::new(self.job, self.weights, self.softmax).piece(&mut piece, &mut scratch);
        *value = T::from_f64(wide[0]);
        for (out, places) in out.iter_mut().flatten().zip(places.into_iter().flatten()) {
            for (place, &derivative) in places.iter().enumerate() {
                out.set(place, T::from_f64(derivative));
            }
        }
    }

    /// The factor of a row's derivatives.
    fn factor(&self, row: usize) -> f64 {
        self.weights[0].map_or(1.0, |weights| weights[row]) * self.unit
    }

    fn in_units(&self, nats: f64) -> T {
        // Adding 0 turns -0.0 into 0.0.
        T::from_f64(self.job.log_base.map_or(nats, |log_base| nats / log_base) + 0.0)
    }

    fn divergences(&self, batch: &mut Batch<T>) {
        let Some(kernel) = &self.kernel else { return };
        let Job { level, temperature, log_base, .. } = *self.job;
        let is_free = kernel.has_free_scale();
        if !is_free {
            self.weigh(batch, 0);
            self.weigh(batch, 1);
        }
        let Batch { tile, known, sums, .. } = batch;
        for row in known.iter_mut() {
            if is_free {
                (row.mass, row.log_mass) = ([1.0; 2], [0.0; 2]);
            }
            let [of_p, of_q] = row.greatest;
            let (between, rest) = two_sum(of_q, -of_p);
            let (apart, more) = two_sum(between, temperature * (row.log_mass[1] - row.log_mass[0]));
            row.apart = in_parts::<T>(apart, rest + more);
        }
        if is_free {
            // Any scale is right; with one that is about that of the masses, log-ratios are small.
            let compared = |which: usize, sums: &mut [Partial]| {
                masses(level, (which, false), temperature, tile.start(SAMPLE), known, sums);
                sums.iter().map(|sum| sum.sums[0]).collect::<SmallVec<[f64; 16]>>()
            };
            let (of_p, of_q) = (compared(0, sums), compared(1, sums));
            for (row, (of_p, of_q)) in known.iter_mut().zip(of_p.into_iter().zip(of_q)) {
                let ratio = of_q / of_p;
                if (MOST_APART.recip()..MOST_APART).contains(&ratio) {
                    scale_by::<T>(row, ratio - 1.0, temperature);
                }
            }
        }
        kernel.logit_sums(level, false, temperature, *tile, known, sums);
        tile.ahead = [Ahead::NONE; 2];
        let mut is_scaled = false;
        for (row, sum) in known.iter_mut().zip(sums.iter()) {
            let [p, residual, term, ..] = sum.sums;
            let residual = residual / p;
            if kernel.needs_exact_scale() || (is_free && 0.5 * residual * residual > MOST_OF_SCALE * (term / p)) {
                scale_by::<T>(row, residual, temperature);
                is_scaled = true;
            }
        }
        if is_scaled {
            kernel.logit_sums(level, false, temperature, *tile, known, sums);
        }
        let ceiling = kernel.ceiling(log_base.unwrap_or(1.0));
        let wanted = batch.out.iter().any(Option::is_some);
        let is_of_powers = matches!(self.job.of, Of::Divergence(Verb::RenyiDivergence, _));
        let mut beyond = Vec::new();
        for first in (0..batch.known.len()).step_by(WIDE) {
            let count = WIDE.min(batch.known.len() - first);
            let mut lanes = RowSums::default();
            for (lane, sum) in batch.sums[first..first + count].iter().enumerate() {
                lanes.set(lane, sum);
            }
            let finish = Finish::normalizing(&lanes);
            let mut results = kernel.values(level, &lanes, &finish, log_base);
            for (lane, result) in results.iter_mut().enumerate().take(count) {
                if (result.is_infinite() || (is_of_powers && lanes.terms[1][lane] < LEAST_POWERS))
                    && let Some((value, kernel)) = self.beyond(batch, first + lane)
                {
                    *result = value;
                    beyond.push((first + lane, kernel));
                }
                batch.values[first + lane] = if result.is_nan() { T::NAN } else { T::below(*result + 0.0, ceiling) };
            }
            if wanted {
                let [factors, within] = kernel.chains(level, &lanes, &finish, log_base, &results);
                for (lane, row) in batch.known[first..first + count].iter_mut().enumerate() {
                    row.within = within[lane];
                    row.factors = [factors[lane] * self.factor(batch.rows.start + first + lane); 2];
                    let nats = results[lane] * log_base.unwrap_or(1.0);
                    row.means = kernel.sums_of_moments(nats).unwrap_or_default();
                }
            }
        }
        if !wanted {
            return;
        }
        let Batch { tile, known, sums, .. } = batch;
        if is_free {
            for (row, sum) in known.iter_mut().zip(sums.iter()) {
                let mass = sum.sums[0] / power_of_two(LIFT);
                row.mass = row.mass.map(|of_one| of_one * mass);
                scale_by::<T>(row, sum.sums[1] / sum.sums[0], temperature);
            }
        }
        if kernel.sums_of_moments(0.0).is_none() {
            kernel.logit_sums(level, true, temperature, *tile, known, sums);
            for (row, sum) in known.iter_mut().zip(sums.iter()) {
                row.means = [sum.sums[0], sum.sums[1]];
            }
        }
        kernel.logit_slopes(level, temperature, *tile, known, all(&mut batch.out));
        for (row, kernel) in beyond {
            self.slopes_beyond(&*kernel, batch, row);
        }
    }

    /// The value of a row whose powers are beyond floats, and the formula for it, unless it is infinite.
    #[cold]
    fn beyond(&self, batch: &Batch<T>, row: usize) -> Option<(f64, Held<T>)> {
        let Of::Divergence(verb, parameters) = self.job.of else { return None };
        let mut found = None;
        for _ in 0..2 {
            let (largest, base) = T::largest_of_logits(verb, parameters, found)?;
            let above = self.sums_of_one(&*largest, batch, row, false).sums[2] / power_of_two(LIFT);
            if above == 0.0 || !above.is_finite() {
                return None;
            }
            found = Some(base + above);
        }
        let kernel = T::relative_of_logits(verb, parameters, found?)?;
        let mut lanes = RowSums::default();
        lanes.set(0, &self.sums_of_one(&*kernel, batch, row, false));
        let value = kernel.values(self.job.level, &lanes, &Finish::normalizing(&lanes), self.job.log_base)[0];
        Some((value, kernel))
    }

    /// The entries of a row of a batch by itself.
    fn alone(&self, batch: &Batch<T>, row: usize) -> [Vec<T>; 2] {
        let length = self.job.plan.length;
        [0, 1].map(|which| (0..length).map(|entry| T::from_f64(batch.entry(which, entry, row))).collect())
    }

    fn sums_of_one(&self, kernel: &dyn Kernel<T>, batch: &Batch<T>, row: usize, moments: bool) -> Partial {
        let [p, q] = self.alone(batch, row);
        let tile = alone(&p, &q);
        let mut sums = [Partial::default()];
        kernel.logit_sums(self.job.level, moments, self.job.temperature, tile, &batch.known[row..=row], &mut sums);
        sums[0]
    }

    /// The derivatives of such a row.
    #[cold]
    fn slopes_beyond(&self, kernel: &dyn Kernel<T>, batch: &mut Batch<T>, row: usize) {
        let Job { level, temperature, log_base, plan, .. } = *self.job;
        let mut lanes = RowSums::default();
        lanes.set(0, &self.sums_of_one(kernel, batch, row, false));
        let [factors, _] = kernel.chains(level, &lanes, &Finish::normalizing(&lanes), log_base, &Default::default());
        let moments = self.sums_of_one(kernel, batch, row, true);
        let mut known = batch.known[row];
        known.factors = [factors[0] * self.factor(batch.rows.start + row); 2];
        known.means = [moments.sums[0], moments.sums[1]];
        let [p, q] = self.alone(batch, row);
        let tile = alone(&p, &q);
        let places = row * plan.length..(row + 1) * plan.length;
        kernel.logit_slopes(level, temperature, tile, &[known], parts(&mut batch.out, &places));
    }

    fn single(&self, batch: &mut Batch<T>) {
        let Job { level, temperature, .. } = *self.job;
        self.weigh(batch, 1);
        let is_entropy = matches!(self.job.of, Of::Entropy);
        if is_entropy {
            mean_gaps(level, temperature, batch.tile, batch.known, batch.sums);
        }
        for (i, (row, sum)) in batch.known.iter_mut().zip(batch.sums.iter()).enumerate() {
            let of_mass = row.log_mass[1];
            let value = if is_entropy { of_mass + sum.sums[0] / row.mass[1] } else { row.greatest[1] / temperature + of_mass };
            batch.values[i] = self.in_units(value);
            row.within = value;
            row.factors = [self.factor(batch.rows.start + i); 2];
        }
        if let Some(out) = &mut batch.out[1] {
            let derivatives = if is_entropy { Single::Entropy } else { Single::LogSumExp };
            write_single(level, self.softmax.unwrap_or(derivatives), temperature, batch.tile, batch.known, out.all());
        }
    }

    fn cross_entropies(&self, batch: &mut Batch<T>, found: &mut Option<Found>) {
        let Job { level, labels, smoothing, plan, temperature, .. } = *self.job;
        self.weigh(batch, 1);
        let spreads = labels.is_none() || smoothing > 0.0;
        if spreads {
            target_gaps(level, self.targets, temperature, batch.tile, batch.known, batch.sums);
        }
        if labels.is_none() {
            self.check_entries(batch, (self.job.names[0], 0), [0.0, f64::INFINITY], found);
        }
        let (length, wanted) = (plan.length, batch.out[1].is_some());
        for i in 0..batch.known.len() {
            let row = batch.rows.start + i;
            let [mut gap, mut total, mut spread] = [0.0; 3];
            if spreads {
                let [target_gap, spread_gap, target, spread_target, _, counted] = batch.sums[i].sums;
                spread = smoothing / if self.targets.masked { counted } else { length as f64 };
                gap = (1.0 - smoothing) * target_gap + if smoothing > 0.0 { spread * spread_gap } else { 0.0 };
                total = (1.0 - smoothing) * target + spread * spread_target;
            }
            if let Some(label) = self.label(row) {
                if self.is_skipped(row) {
                    continue;
                }
                let Some(class) = usize::try_from(label).ok().filter(|&class| class < length) else {
                    let error = Error::Label { row: plan.row_index(plan.place(row)), label, classes: length };
                    self.report(row, error, found);
                    continue;
                };
                let (share, x) = self.labelled(class, batch, i);
                let below = (batch.known[i].greatest[1] - x) / temperature;
                gap += if share == 0.0 { 0.0 } else { share * below };
                total += share;
            } else if (batch.sums[i].sums[4] - 1.0).abs() > self.job.tolerance {
                let error = Error::TargetSum { row: plan.row_index(plan.place(row)), sum: batch.sums[i].sums[4] };
                self.report(row, error, found);
            }
            let known = &mut batch.known[i];
            batch.values[i] = self.in_units(gap + total * known.log_mass[1]);
            if !wanted {
                continue;
            }
            known.within = total;
            known.means = [spread; 2];
            known.factors = [self.factor(row); 2];
            known.lift = self.weights[1].map_or(0.0, |lifts| lifts[row]);
        }
        let Some(mut out) = batch.out[1].take() else { return };
        let is_lifted = self.weights[1].is_some();
        let derivatives =
            if spreads || is_lifted { Single::CrossEntropy(self.spread_targets(), is_lifted) } else { Single::Labels };
        write_single(level, derivatives, temperature, batch.tile, batch.known, out.all());
        for (i, row) in batch.known.iter().enumerate() {
            let Some(class) = self.label(batch.rows.start + i).and_then(|label| usize::try_from(label).ok()) else { continue };
            if class >= length {
                continue;
            }
            let (share, x) = self.labelled(class, batch, i);
            let place = i * length + class;
            // An infinite one times the derivatives that are 0 would be NaN.
            let share = share * if row.lift == 0.0 { 1.0 } else { exp::exp_of(row.lift).min(f64::MAX) };
            if x >= row.greatest[1] && !spreads {
                // The share less 1 is what the others have, which keeps its digits.
                out.set(place, T::from_f64(-share * (batch.rest[i] / row.mass[1]) * row.factors[1]));
            } else if share != 0.0 {
                let written = match &out {
                    Elements::Real(out) => out[place],
                    // It has been rounded.
                    Elements::F16(_) | Elements::BF16(_) => {
                        let mut one = [T::default()];
                        let (x, weight) = ([T::from_f64(x)], [T::from_f64(self.class_weight(class))]);
                        let tile = Tile { entries: Run::Real([&x, &x, &weight]), ..alone(&x, &x) };
                        write_single(level, derivatives, temperature, tile, &[*row], Elements::Real(&mut one));
                        one[0]
                    }
                };
                out.set(place, T::from_f64(written.to_f64() - share * row.factors[1]));
            }
        }
        batch.out[1] = Some(out);
    }

    /// The share that the class of a label has by it, and its logit.
    fn labelled(&self, class: usize, batch: &Batch<T>, row: usize) -> (f64, f64) {
        ((1.0 - self.job.smoothing) * self.class_weight(class), batch.entry(1, class, row))
    }

    fn class_weight(&self, class: usize) -> f64 {
        self.job.class_weights.map_or(1.0, |weights| weights[class])
    }

    /// The targets that all classes have.
    fn spread_targets(&self) -> Targets {
        if self.job.labels.is_some() && self.job.smoothing == 0.0 {
            Targets { weighted: false, ..self.targets }
        } else {
            self.targets
        }
    }

    fn report(&self, row: usize, error: Error, found: &mut Option<Found>) {
        Found::keep_first(found, Found { place: self.job.plan.place(row), error });
    }

    /// Says what is the matter with a row whose greatest logit is infinite.
    #[cold]
    fn look_at(&self, batch: &Batch<T>, which: usize, i: usize, found: &mut Option<Found>) {
        let (plan, row) = (self.job.plan, batch.rows.start + i);
        let entries = || (0..plan.length).map(|entry| batch.entry(which, entry, i));
        if entries().any(f64::is_nan) {
            return;
        }
        let name = self.job.names[which];
        let index = plan.row_index(plan.place(row));
        match entries().position(|entry| entry == f64::INFINITY) {
            Some(entry) => {
                let position = plan.entry_index(entry);
                self.report(row, Error::InfiniteLogit { name, row: index, position }, found);
            }
            None => self.report(row, Error::AllMasked { name, row: index }, found),
        }
    }
}

impl<T: Real> Batch<'_, T> {
    /// An entry of a row.
    fn entry(&self, which: usize, entry: usize, row: usize) -> f64 {
        self.tile.entries.at(which, if self.tile.across { entry * T::WIDTH + row } else { entry }).to_f64()
    }
}

/// One row, brought in.
fn alone<'a, T: Real>(p: &'a [T], q: &'a [T]) -> Tile<'a, T> {
    Tile { entries: Run::Real([p, q, q]), across: false, ahead: [Ahead::NONE; 2] }
}

/// Where a row is, to ask for it.
fn ahead(operand: Option<Operand>, row: usize) -> Ahead {
    let (from, step) = operand.map_or((core::ptr::null(), 0), |operand| operand.rows.address(row));
    Ahead { from, step }
}

/// Divides q by 1 + `residual`, the quotient of its sum and p's.
fn scale_by<T: Real>(row: &mut LogitRow, residual: f64, temperature: f64) {
    let (apart, rest) = two_sum(row.apart[0], temperature * ln::ln_1p(residual));
    row.apart = in_parts::<T>(apart, row.apart[1] + rest);
    row.mass[1] *= 1.0 + residual;
}

/// A number as one of type `T` and the rest, which is none beside infinities.
fn in_parts<T: Real>(number: f64, rest: f64) -> [f64; 2] {
    let high = T::from_f64(number).to_f64();
    let low = (number - high) + rest;
    [high, if low.is_finite() { low } else { 0.0 }]
}
