//! What is done with rows of logits: one number each, and what there is for each entry.
//!
//! ```text
//!            short rows               longer rows
//!            a vector of rows         a row at a time
//! scan       the greatest logit of each operand; NaN, +inf and rows without a class are found here
//! mass       Σ e^((x-m)/T) of each, and ln of it
//! sums       of the divergence's terms, of the entropy's or of the targets'           (the row is in the cache by now)
//! value      8 rows at a time, as for probabilities (`Kernel::values`)
//! written    the entries once more, and what there is for each: softmax, or derivatives
//! ```
//!
//! A row is read from memory once and brought in whole, one thread each; that of 262 144 classes is 1 MiB of `f32`.

use core::ops::Range;

use smallvec::SmallVec;

use crate::element::DType;
use crate::error::{Error, Found};
use crate::kernel::logits::{LogitRow, Seen, Single, Targets, Tile, masses, mean_gaps, scan, target_gaps, write_single};
use crate::kernel::{Finish, Kernel, Partial, RowSums, SHORT};
use crate::lanes::{Level, Real, WIDE, ln, two_sum};
use crate::parallel::{self, Team};
use crate::tile::{Operand, Steps, TILE_ROWS};
use crate::verb::{Compute, Parameters, Verb};
use crate::view::Plan;

/// Entries of a row that is brought in with others at a time, where rows run along an outer axis.
const TOGETHER: usize = 1 << 15;

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
    /// The instructions to use.
    pub level: Level,
    /// Who does it.
    pub team: Team<'a>,
}

/// What is written for each entry of p and of q, row after row in the order of the plan.
#[derive(Debug)]
pub struct Wanted<'w, T> {
    /// Where.
    pub out: [Option<&'w mut [T]>; 2],
    /// What each row's is multiplied with, unless 1.
    pub weights: Option<&'w [f64]>,
    /// Shares or their logarithms are wanted instead of derivatives.
    pub softmax: Option<Single>,
}

/// Some rows, their values and what is written of them.
struct Piece<'w, T> {
    first: usize,
    values: &'w mut [T],
    out: [Option<&'w mut [T]>; 2],
}

/// The value of every row, in the order of the plan, and what is wanted for each entry; the latter is unspecified after an error.
///
/// # Panics
///
/// If there is not one place for each row and entry.
pub fn compute<T: Compute>(job: &Job, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
    let (rows, length) = (job.plan.rows, job.plan.length);
    assert_eq!(values.len(), rows);
    assert!(wanted.out.iter().flatten().all(|out| out.len() == rows * length));
    if rows == 0 {
        return Ok(());
    }
    parallel::in_default_environment(|| Driver::<T>::new(job, wanted.weights, wanted.softmax).run(values, wanted.out))
}

struct Driver<'a, T: Real> {
    job: &'a Job<'a>,
    kernel: Option<Box<dyn Kernel<T>>>,
    /// p's, where it has logits or targets of its own, and q's.
    operands: [Option<Operand<'a>>; 2],
    targets: Targets,
    /// Class weights, and side by side as often as there are lanes.
    class_weights: Vec<T>,
    weights: Option<&'a [f64]>,
    softmax: Option<Single>,
    across: bool,
}

/// What a thread needs.
struct Scratch<T> {
    entries: [Vec<T>; 2],
    found: Option<Found>,
}

impl<'a, T: Compute> Driver<'a, T> {
    fn new(job: &'a Job<'a>, weights: Option<&'a [f64]>, softmax: Option<Single>) -> Self {
        let plan = job.plan;
        let mask = plan.mask.as_ref();
        let has_targets = matches!(job.of, Of::CrossEntropy) && job.labels.is_none();
        let kernel = if let Of::Divergence(verb, parameters) = job.of { Some(T::kernel(verb, parameters)) } else { None };
        let left_out = if has_targets { 0.0 } else { f64::NEG_INFINITY };
        let p = Operand { rows: &plan.p, mask, left_out };
        let q = Operand { rows: &plan.q, mask, left_out: f64::NEG_INFINITY };
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
            operands: [(kernel.is_some() || has_targets).then_some(p), Some(q)],
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
        }
    }

    fn run(&self, values: &mut [T], out: [Option<&mut [T]>; 2]) -> Result<(), Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let in_columns = self.operands.iter().flatten().any(Operand::in_columns);
        let together = if self.across || in_columns { (TOGETHER / length).clamp(1, TILE_ROWS) } else { 1 };
        let mut pieces: Vec<Piece<T>> = Vec::new();
        let bytes = rows.div_ceil(together).saturating_mul(size_of::<Piece<T>>());
        pieces.try_reserve_exact(rows.div_ceil(together)).map_err(|_| Error::OutOfMemory { bytes })?;
        let [mut of_p, mut of_q] = out.map(|out| out.map(|out| out.chunks_mut(together * length)));
        for (index, values) in values.chunks_mut(together).enumerate() {
            let out = [&mut of_p, &mut of_q].map(|chunks| chunks.as_mut().and_then(Iterator::next));
            pieces.push(Piece { first: index * together, values, out });
        }
        let piece = (parallel::PIECE / (together * length)).max(1);
        let found = parallel::for_each_piece(&self.job.team, &mut pieces, piece, rows.saturating_mul(length), |_, pieces| {
            let mut scratch = Scratch { entries: [vec![], vec![]], found: None };
            for piece in pieces {
                self.piece(piece, &mut scratch);
            }
            scratch.found
        })?;
        let first = found.into_iter().flatten().min_by_key(|found| found.place);
        first.map_or(Ok(()), |found| Err(found.error))
    }

    /// Rows that are brought in together.
    fn piece(&self, piece: &mut Piece<T>, scratch: &mut Scratch<T>) {
        let length = self.job.plan.length;
        let Scratch { entries: [scratch_p, scratch_q], found } = scratch;
        let step = if self.across { T::WIDTH } else { 1 };
        let brought = if self.across { 0 } else { self.bring(piece, [scratch_p, scratch_q]) };
        for first in (0..piece.values.len()).step_by(step) {
            let rows = first..piece.values.len().min(first + step);
            let all = piece.first + rows.start..piece.first + rows.end;
            if !self.across && self.is_skipped(all.start) {
                self.skip(piece, rows.start);
                continue;
            }
            let of_p = self.operands[0].map(|operand| self.entries(operand, &all, brought & 1 != 0, first, scratch_p));
            let of_q = self.operands[1].map(|operand| self.entries(operand, &all, brought & 2 != 0, first, scratch_q));
            let Some(q) = of_q else { return };
            let p = of_p.unwrap_or(q);
            let weights = if self.targets.weighted { &self.class_weights } else { q };
            let tile = Tile { entries: [p, q, weights], across: self.across };
            let out = piece.out.each_mut().map(|out| out.as_mut().map(|out| &mut out[rows.start * length..rows.end * length]));
            self.tile(all, tile, &mut piece.values[rows.clone()], out, found);
            for row in rows {
                if self.across && self.is_skipped(piece.first + row) {
                    self.skip(piece, row);
                }
                if let Some(mask) = &self.job.plan.mask
                    && self.softmax.is_none()
                {
                    for out in piece.out.iter_mut().flatten() {
                        let operand = Operand { rows: mask, mask: None, left_out: 0.0 };
                        operand.keep(piece.first + row, &mut out[row * length..(row + 1) * length]);
                    }
                }
            }
        }
    }

    /// Brings rows in that cannot be taken as they lie in memory; which of the operands that was, as bits.
    fn bring(&self, piece: &Piece<T>, scratch: [&mut Vec<T>; 2]) -> u8 {
        let length = self.job.plan.length;
        let rows = piece.first..piece.first + piece.values.len();
        if (rows.clone()).all(|row| self.is_skipped(row)) {
            return 0;
        }
        let mut brought = 0;
        for (which, (operand, scratch)) in self.operands.iter().zip(scratch).enumerate() {
            let Some(operand) = operand else { continue };
            if operand.borrow::<T>(rows.start, 0..length).is_none() {
                scratch.resize(rows.len() * length, T::default());
                operand.bring(rows.clone(), 0..length, scratch, Steps { row: length, entry: 1 });
                brought |= 1 << which;
            }
        }
        brought
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
        self.job.labels.map(|labels| labels.labels[self.job.plan.place(row)])
    }

    fn is_skipped(&self, row: usize) -> bool {
        self.label(row).is_some_and(|label| self.job.labels.and_then(|labels| labels.ignored) == Some(label))
    }

    /// A row that is not looked at.
    fn skip(&self, piece: &mut Piece<T>, row: usize) {
        let length = self.job.plan.length;
        piece.values[row] = T::default();
        for out in piece.out.iter_mut().flatten() {
            out[row * length..(row + 1) * length].fill(T::default());
        }
    }

    /// Values of the rows of a tile, and what is wanted for their entries.
    fn tile(
        &self,
        all: Range<usize>,
        tile: Tile<T>,
        values: &mut [T],
        mut out: [Option<&mut [T]>; 2],
        found: &mut Option<Found>,
    ) {
        let job = self.job;
        let mut rows: SmallVec<[LogitRow; 16]> = SmallVec::from_elem(LogitRow::default(), all.len());
        let mut sums: SmallVec<[Partial; 16]> = SmallVec::from_elem(Partial::default(), all.len());
        let mut nan: SmallVec<[bool; 16]> = SmallVec::from_elem(false, all.len());
        let mut rest = [[0.0; 16]; 2];
        for which in 0..2 {
            if which == 0 && self.kernel.is_none() {
                continue;
            }
            let mut seen: SmallVec<[Seen; 16]> = SmallVec::from_elem(Seen { greatest: 0.0, nan: false }, all.len());
            scan(job.level, tile, which, &mut seen);
            for (i, seen) in seen.iter().enumerate() {
                nan[i] |= seen.nan;
                rows[i].greatest[which] = seen.greatest;
                if !seen.nan && seen.greatest.is_infinite() && !self.is_skipped(all.start + i) {
                    self.look_at(all.start + i, which, seen.greatest, tile, i, found);
                }
            }
            masses(job.level, which, self.job.temperature, tile, &rows, &mut sums);
            for (i, (row, sum)) in rows.iter_mut().zip(&sums).enumerate() {
                rest[which][i] = sum.sums[0] + (sum.sums[1] - 1.0);
                row.mass[which] = 1.0 + rest[which][i];
            }
            for (rows, rest) in rows.chunks_mut(WIDE).zip(rest[which].chunks(WIDE)) {
                for (row, log) in rows.iter_mut().zip(ln::ln_1p_all(job.level, rest)) {
                    row.log_mass[which] = log;
                }
            }
        }
        match job.of {
            Of::Divergence(..) => self.divergences(tile, &mut rows, &mut sums, values, &all, &mut out),
            Of::Entropy | Of::LogSumExp => self.single(tile, &mut rows, &mut sums, values, &all, &mut out),
            Of::CrossEntropy => self.cross_entropies(tile, &mut rows, &mut sums, values, (&all, &rest[1]), &mut out, found),
        }
        for (i, value) in values.iter_mut().enumerate() {
            // Logits that are far apart may have a difference beyond `f32`, and not the loss.
            if T::DTYPE == DType::F32 && value.to_f64().is_infinite() && !self.is_skipped(all.start + i) {
                let places = i * job.plan.length..(i + 1) * job.plan.length;
                let out = out.each_mut().map(|out| out.as_mut().map(|out| &mut out[places.clone()]));
                self.in_f64(all.start + i, value, out);
            }
        }
        for (i, is_nan) in nan.into_iter().enumerate() {
            if is_nan || values[i].to_f64().is_nan() {
                values[i] = T::NAN;
                let length = job.plan.length;
                out.iter_mut().flatten().for_each(|out| out[i * length..(i + 1) * length].fill(T::NAN));
            }
        }
    }

    /// A row once more, in `f64` whatever its dtype; mistakes in it have been found.
    #[cold]
    fn in_f64(&self, row: usize, value: &mut T, out: [Option<&mut [T]>; 2]) {
        let (mut wide, mut places) = ([0.0_f64], out.each_ref().map(|out| out.as_ref().map(|out| vec![0.0_f64; out.len()])));
        let mut piece =
            Piece { first: row, values: &mut wide, out: places.each_mut().map(|out| out.as_mut().map(Vec::as_mut_slice)) };
        let mut scratch = Scratch { entries: [vec![], vec![]], found: None };
        Driver::<f64>::new(self.job, self.weights, self.softmax).piece(&mut piece, &mut scratch);
        *value = T::from_f64(wide[0]);
        for (out, places) in out.into_iter().zip(places) {
            for (out, place) in out.into_iter().flatten().zip(places.into_iter().flatten()) {
                *out = T::from_f64(place);
            }
        }
    }

    /// The factor of a row's derivatives.
    fn factor(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row]) / self.job.temperature / self.job.log_base.unwrap_or(1.0)
    }

    fn in_units(&self, nats: f64) -> T {
        // Adding 0 turns -0.0 into 0.0.
        T::from_f64(nats / self.job.log_base.unwrap_or(1.0) + 0.0)
    }

    fn divergences(
        &self,
        tile: Tile<T>,
        rows: &mut [LogitRow],
        sums: &mut [Partial],
        values: &mut [T],
        all: &Range<usize>,
        out: &mut [Option<&mut [T]>; 2],
    ) {
        let Some(kernel) = &self.kernel else { return };
        let (level, temperature) = (self.job.level, self.job.temperature);
        for row in rows.iter_mut() {
            let [of_p, of_q] = row.greatest;
            let (between, rest) = two_sum(of_q, -of_p);
            let (apart, more) = two_sum(between, temperature * (row.log_mass[1] - row.log_mass[0]));
            row.apart = in_parts::<T>(apart, rest + more);
        }
        kernel.logit_sums(level, false, temperature, tile, rows, sums);
        if kernel.needs_exact_scale() {
            for (row, sum) in rows.iter_mut().zip(sums.iter()) {
                let more = temperature * ln::ln_1p(sum.sums[1] / sum.sums[0]);
                let (apart, rest) = two_sum(row.apart[0], more);
                row.apart = in_parts::<T>(apart, row.apart[1] + rest);
            }
            kernel.logit_sums(level, false, temperature, tile, rows, sums);
        }
        let ceiling = kernel.ceiling(self.job.log_base.unwrap_or(1.0));
        let wanted = out.iter().any(Option::is_some);
        for (group, values) in values.chunks_mut(WIDE).enumerate() {
            let first = group * WIDE;
            let mut lanes = RowSums::default();
            for (lane, sum) in sums[first..].iter().take(values.len()).enumerate() {
                lanes.set(lane, sum);
            }
            let finish = Finish::normalizing(&lanes);
            let results = kernel.values(level, &lanes, &finish, self.job.log_base);
            for (value, result) in values.iter_mut().zip(results) {
                *value = if result.is_nan() { T::NAN } else { T::below(result + 0.0, ceiling) };
            }
            if wanted {
                let [factors, within] = kernel.chains(level, &lanes, &finish, self.job.log_base, &results);
                for (lane, row) in rows[first..].iter_mut().take(values.len()).enumerate() {
                    row.within = within[lane];
                    row.factors = [factors[lane] * self.factor(all.start + first + lane); 2];
                }
            }
        }
        if wanted {
            kernel.logit_sums(level, true, temperature, tile, rows, sums);
            for (row, sum) in rows.iter_mut().zip(sums.iter()) {
                row.means = [sum.sums[0], sum.sums[1]];
            }
            let [of_p, of_q] = out;
            kernel.logit_slopes(level, temperature, tile, rows, [of_p.as_deref_mut(), of_q.as_deref_mut()]);
        }
    }

    fn single(
        &self,
        tile: Tile<T>,
        rows: &mut [LogitRow],
        sums: &mut [Partial],
        values: &mut [T],
        all: &Range<usize>,
        out: &mut [Option<&mut [T]>; 2],
    ) {
        let level = self.job.level;
        let is_entropy = matches!(self.job.of, Of::Entropy);
        if is_entropy {
            mean_gaps(level, self.job.temperature, tile, rows, sums);
        }
        for (i, (row, sum)) in rows.iter_mut().zip(sums.iter()).enumerate() {
            let of_mass = row.log_mass[1];
            let value =
                if is_entropy { of_mass + sum.sums[0] / row.mass[1] } else { row.greatest[1] / self.job.temperature + of_mass };
            values[i] = self.in_units(value);
            row.within = value;
            row.factors = [self.factor(all.start + i); 2];
        }
        if let Some(out) = &mut out[1] {
            let derivatives = if is_entropy { Single::Entropy } else { Single::LogSumExp };
            write_single(level, self.softmax.unwrap_or(derivatives), self.job.temperature, tile, rows, out);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what is known of a tile")]
    fn cross_entropies(
        &self,
        tile: Tile<T>,
        rows: &mut [LogitRow],
        sums: &mut [Partial],
        values: &mut [T],
        (all, rest): (&Range<usize>, &[f64; 16]),
        out: &mut [Option<&mut [T]>; 2],
        found: &mut Option<Found>,
    ) {
        let Job { level, labels, smoothing, plan, .. } = *self.job;
        let spreads = labels.is_none() || smoothing > 0.0;
        if spreads {
            target_gaps(level, self.targets, self.job.temperature, tile, rows, sums);
        }
        let length = plan.length;
        for i in 0..rows.len() {
            let row = all.start + i;
            let [mut gap, mut total, mut spread] = [0.0; 3];
            if spreads {
                let [target_gap, spread_gap, target, spread_target, _, counted] = sums[i].sums;
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
                let (share, x) = self.labelled(class, tile, i);
                let below = (rows[i].greatest[1] - x) / self.job.temperature;
                gap += if share == 0.0 { 0.0 } else { share * below };
                total += share;
            } else if let Some(class) = self.negative(tile, i) {
                let (row_index, position) = (plan.row_index(plan.place(row)), plan.entry_index(class));
                let value = tile.entries[0][self.place_of(class, i)].to_f64();
                self.report(row, Error::Negative { name: "targets", row: row_index, position, value }, found);
            } else if (sums[i].sums[4] - 1.0).abs() > self.job.tolerance {
                let error = Error::TargetSum { row: plan.row_index(plan.place(row)), sum: sums[i].sums[4] };
                self.report(row, error, found);
            }
            values[i] = self.in_units(gap + total * rows[i].log_mass[1]);
            rows[i].within = total;
            rows[i].means = [spread; 2];
            rows[i].factors = [self.factor(row); 2];
        }
        let Some(out) = &mut out[1] else { return };
        write_single(level, Single::CrossEntropy(self.spread_targets()), self.job.temperature, tile, rows, out);
        for (i, row) in rows.iter().enumerate() {
            let Some(class) = self.label(all.start + i).and_then(|label| usize::try_from(label).ok()) else { continue };
            if class >= length {
                continue;
            }
            let (share, x) = self.labelled(class, tile, i);
            let place = &mut out[i * length + class];
            if x >= row.greatest[1] && !spreads {
                // The share less 1 is what the others have, which keeps its digits.
                *place = T::from_f64(-share * (rest[i] / row.mass[1]) * row.factors[1]);
            } else if share != 0.0 {
                *place = T::from_f64(place.to_f64() - share * row.factors[1]);
            }
        }
    }

    /// Where an entry of a row of a tile is.
    fn place_of(&self, entry: usize, row: usize) -> usize {
        if self.across { entry * T::WIDTH + row } else { entry }
    }

    /// The share that the class of a label has by it, and its logit.
    fn labelled(&self, class: usize, tile: Tile<T>, row: usize) -> (f64, f64) {
        let share = (1.0 - self.job.smoothing) * self.job.class_weights.map_or(1.0, |weights| weights[class]);
        (share, tile.entries[1][self.place_of(class, row)].to_f64())
    }

    /// The first class of a row whose target is negative.
    fn negative(&self, tile: Tile<T>, row: usize) -> Option<usize> {
        (0..self.job.plan.length).find(|&class| tile.entries[0][self.place_of(class, row)] < T::default())
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
    fn look_at(&self, row: usize, which: usize, greatest: f64, tile: Tile<T>, i: usize, found: &mut Option<Found>) {
        let plan = self.job.plan;
        let name = if self.kernel.is_none() { "logits" } else { ["p", "q"][which] };
        let index = plan.row_index(plan.place(row));
        if greatest < 0.0 {
            return self.report(row, Error::AllMasked { name, row: index }, found);
        }
        let is_greatest = |&entry: &usize| tile.entries[which][self.place_of(entry, i)].to_f64() >= greatest;
        let entry = (0..plan.length).find(is_greatest).unwrap_or_default();
        self.report(row, Error::InfiniteLogit { name, row: index, position: plan.entry_index(entry) }, found);
    }
}

/// A number as one of type `T` and the rest, which is none beside infinities.
fn in_parts<T: Real>(number: f64, rest: f64) -> [f64; 2] {
    let high = T::from_f64(number).to_f64();
    let low = (number - high) + rest;
    [high, if low.is_finite() { low } else { 0.0 }]
}
