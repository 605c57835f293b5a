//! The sums of rows: which path a row takes, and how its operands get to the kernel on it.

use core::ops::Range;

use super::lift::{Lift, shift};
use super::{Driver, Pass};
use crate::element::{DType, Storage};
use crate::error::{Error, allocate};
use crate::kernel::{Accumulator, COLUMNS, Columns, Partial, RowSums, Run, Shape, block, chunk};
use crate::lanes::{Real, WIDE};
use crate::parallel::{self, Patience};
use crate::tile::{Operand, Steps, TILE_ROWS};
use crate::verb::{Compute, Masses};
use crate::view::MOST_COLUMNS;

/// Short rows that are turned together: few, so that memory is read while they are computed.
const SHORT_ROWS: usize = 32;
/// Entries of a row that is not read together with others are brought in by so many: whole blocks, in the first-level cache.
pub(super) const BROUGHT: usize = 1024;

impl<'a, T: Compute> Driver<'a, T> {
    /// Sums of rows in which lanes run across rows.
    pub(super) fn short_sums(
        &self,
        pass: Pass<'_, 'a, T>,
        rows: Range<usize>,
        lifts: &[Lift<T>],
        scratch: &mut Vec<T>,
        sums: &mut [RowSums],
    ) {
        let length = self.job.plan.length;
        let size = rows.len().min(SHORT_ROWS).next_multiple_of(T::WIDTH) * length;
        scratch.resize(2 * size, T::default());
        let (p, q) = scratch.split_at_mut(size);
        for (first, sums) in rows.clone().step_by(SHORT_ROWS).zip(sums.chunks_mut(SHORT_ROWS / WIDE)) {
            let tile = first..rows.end.min(first + SHORT_ROWS);
            let lifts = &lifts[first - rows.start..][..tile.len()];
            let mut scales = vec![];
            let scales = if self.job.masses == Masses::One {
                core::slice::from_ref(&lifts[0].scale)
            } else {
                scales.extend(lifts.iter().map(|lift| lift.scale));
                scales.resize(SHORT_ROWS, lifts[0].scale);
                &scales
            };
            let size = tile.len().next_multiple_of(T::WIDTH) * length;
            let bring = |operand: Operand, which: usize, scratch: &mut [T]| {
                operand.bring_across(tile.clone(), length, scratch);
                if self.job.masses != Masses::One {
                    for (row, lift) in lifts.iter().enumerate() {
                        let start = row / T::WIDTH * T::WIDTH * length + row % T::WIDTH;
                        shift(scratch[start..].iter_mut().step_by(T::WIDTH).take(length), lift.shifts[which]);
                    }
                }
            };
            let (p, q) = (&mut p[..size], &mut q[..size]);
            bring(pass.operands.p, 0, p);
            let q = match pass.operands.q {
                Some(operand) => {
                    bring(operand, 1, q);
                    &*q
                }
                None => &*p,
            };
            pass.kernel.short(self.job.level, length, p, q, scales, sums);
        }
    }

    /// Sums of rows in which lanes run along the row, chunk by chunk.
    pub(super) fn serial_sums(
        &self,
        pass: Pass<'_, 'a, T>,
        rows: Range<usize>,
        lifts: &[Lift<T>],
        scratch: &mut Vec<T>,
        sums: &mut [RowSums],
    ) -> Result<(), Error> {
        let length = self.job.plan.length;
        let chunks = length.div_ceil(chunk::<T>());
        for sums in &mut *sums {
            sums.signs = 0;
        }
        if chunks == 1 {
            self.partial_sums(pass, rows, 0..length, lifts, scratch, &mut |i, sum| sums[i / WIDE].set(i % WIDE, sum));
            return Ok(());
        }
        let mut partials = vec![Partial::default(); rows.len() * chunks];
        let mut patience = Patience::of(&self.job.team);
        for chunk_index in 0..chunks {
            let entries = chunk_index * chunk::<T>()..length.min((chunk_index + 1) * chunk::<T>());
            self.partial_sums(pass, rows.clone(), entries, lifts, scratch, &mut |i, part| {
                partials[i * chunks + chunk_index] = *part;
            });
            patience.ask()?;
        }
        for (i, partials) in partials.chunks_mut(chunks).enumerate() {
            sums[i / WIDE].set(i % WIDE, &pairwise(partials, pass.kernel.shape()));
        }
        Ok(())
    }

    /// Sums of every row, from those of its chunks.
    pub(super) fn long_sums(&self, pass: Pass<'_, 'a, T>, lifts: &[Lift<T>]) -> Result<Vec<Partial>, Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let chunks = length.div_ceil(chunk::<T>());
        let group = if pass.operands.in_columns() { TILE_ROWS.min(rows).max(1) } else { 1 };
        let pieces = rows.div_ceil(group) * chunks;
        let mut partials = allocate(pieces * group)?;
        partials.resize(pieces * group, Partial::default());
        parallel::for_each_piece(&self.job.team, &mut partials, group, rows.saturating_mul(length), |first, partials| {
            let (first_row, chunk_index) = (first / group / chunks * group, first / group % chunks);
            let rows = first_row..rows.min(first_row + group);
            let entries = chunk_index * chunk::<T>()..length.min((chunk_index + 1) * chunk::<T>());
            let lifts = &lifts[rows.clone()];
            self.partial_sums(pass, rows, entries, lifts, &mut vec![], &mut |i, part| partials[i] = *part);
        })?;
        let mut sums = allocate(rows)?;
        let mut parts = allocate(chunks)?;
        for row in 0..rows {
            let first = row / group * group * chunks + row % group;
            parts.clear();
            parts.extend((0..chunks).map(|chunk_index| partials[first + chunk_index * group]));
            sums.push(pairwise(&mut parts, pass.kernel.shape()));
        }
        Ok(sums)
    }

    /// Sums of some entries of some rows, handed to `take` with the row's index among them.
    fn partial_sums(
        &self,
        pass: Pass<'_, 'a, T>,
        rows: Range<usize>,
        entries: Range<usize>,
        lifts: &[Lift<T>],
        scratch: &mut Vec<T>,
        take: &mut dyn FnMut(usize, &Partial),
    ) {
        if pass.operands.in_columns() && rows.len() > 1 {
            for (i, row) in self.column_sums(pass, rows, entries, lifts).iter_mut().enumerate() {
                take(i, &row.finish(pass.kernel.shape()));
            }
        } else {
            let mut accumulator = Accumulator::default();
            for (i, (row, lift)) in rows.zip(lifts).enumerate() {
                self.sweep_row(pass, row, entries.clone(), lift, scratch, &mut accumulator);
                take(i, &accumulator.finish(pass.kernel.shape()));
            }
        }
    }

    /// Sums of rows whose neighbours share their cache lines: one entry of each, then the next entry.
    fn column_sums(
        &self,
        pass: Pass<'_, 'a, T>,
        rows: Range<usize>,
        entries: Range<usize>,
        lifts: &[Lift<T>],
    ) -> Vec<Accumulator> {
        let step = 2 * T::WIDTH;
        let scales: Vec<_> = lifts.iter().map(|lift| lift.scale).collect();
        let scales = if self.job.masses == Masses::One { &scales[..1] } else { &scales };
        let is_shifted = [0, 1].map(|which| lifts.iter().any(|lift| lift.shifts[which] != 0));
        let (first, operands) = (pass.operands.p, [Some(pass.operands.p), pass.operands.q]);
        let lend = |start: usize| {
            let run = start..entries.end.min(start + step);
            [0, 1].map(
                |which| {
                    if is_shifted[which] { None } else { operands[which]?.borrow_columns::<T>(rows.clone(), run.clone()) }
                },
            )
        };
        let mut accumulators = vec![Accumulator::default(); rows.len()];
        let mut columns = Columns::new(pass.kernel.shape());
        let mut scratch = vec![T::default(); 2 * step * COLUMNS];
        let (scratch_p, scratch_q) = scratch.split_at_mut(step * COLUMNS);
        let mut lent = lend(entries.start);
        for start in entries.clone().step_by(step) {
            let run = start..entries.end.min(start + step);
            let next = if run.end < entries.end { lend(run.end) } else { [None, None] };
            let bring =
                |operand: Operand, which: usize, scratch| bring_columns(operand, &rows, run.clone(), lifts, which, scratch);
            let p = lent[0].unwrap_or_else(|| bring(first, 0, scratch_p));
            let q = match operands[1] {
                None => p,
                Some(operand) => lent[1].unwrap_or_else(|| bring(operand, 1, scratch_q)),
            };
            let ahead = next.each_ref().map(|columns| columns.as_ref().map_or(&[][..], |columns| &columns[..run.len()]));
            pass.kernel.columns(self.job.level, &mut columns, [&p[..run.len()], &q[..run.len()]], ahead, scales);
            if run.end == entries.end || (run.end - entries.start).is_multiple_of(block::<T>()) {
                columns.fold(&mut accumulators);
            }
            lent = next;
        }
        accumulators
    }

    /// Sweeps over one row, all at once if its operands lie in memory as the kernels want them.
    fn sweep_row(
        &self,
        pass: Pass<'_, 'a, T>,
        row: usize,
        entries: Range<usize>,
        lift: &Lift<T>,
        scratch: &mut Vec<T>,
        accumulator: &mut Accumulator,
    ) {
        let level = self.job.level;
        let lend = |which: usize| lift.shifts[which] == 0;
        let whole_p = if lend(0) { pass.operands.p.borrow(row, entries.clone()) } else { None };
        let whole_q = pass.operands.q.map_or(whole_p, |q| if lend(1) { q.borrow(row, entries.clone()) } else { None });
        let whole = match (whole_p, whole_q) {
            (Some(p), Some(q)) => Some(Run::Real([p, q])),
            _ if T::DTYPE == DType::F32 && pass.kernel.reads_halves() && lend(0) && lend(1) => {
                let halves = pass.operands.borrow(row, &entries).map(Run::F16);
                halves.or_else(|| pass.operands.borrow(row, &entries).map(Run::BF16))
            }
            _ => None,
        };
        if let Some(whole) = whole {
            pass.kernel.sweep(level, accumulator, whole, lift.scale);
            return;
        }
        scratch.resize(2 * BROUGHT, T::default());
        let (scratch_p, scratch_q) = scratch.split_at_mut(BROUGHT);
        for start in entries.clone().step_by(BROUGHT) {
            let run = start..entries.end.min(start + BROUGHT);
            let within = run.start - entries.start..run.end - entries.start;
            let p = whole_p.map_or_else(|| bring(pass.operands.p, row, &run, lift.shifts[0], scratch_p), |p| &p[within.clone()]);
            let q = match pass.operands.q {
                None => p,
                Some(operand) => whole_q.map_or_else(|| bring(operand, row, &run, lift.shifts[1], scratch_q), |q| &q[within]),
            };
            pass.kernel.sweep(level, accumulator, Run::Real([p, q]), lift.scale);
        }
    }
}

/// Brings entries of some rows in, one entry of all rows after another.
fn bring_columns<'s, T: Real + Storage>(
    operand: Operand,
    rows: &Range<usize>,
    entries: Range<usize>,
    lifts: &[Lift<T>],
    which: usize,
    scratch: &'s mut [T],
) -> [&'s [T]; MOST_COLUMNS] {
    operand.bring(rows.clone(), entries, scratch, Steps { row: 1, entry: COLUMNS });
    for (row, lift) in lifts.iter().enumerate() {
        shift(scratch[row..].iter_mut().step_by(COLUMNS), lift.shifts[which]);
    }
    let mut columns: [&[T]; MOST_COLUMNS] = [&[]; MOST_COLUMNS];
    for (column, scratch) in columns.iter_mut().zip(scratch.chunks_exact(COLUMNS)) {
        *column = &scratch[..rows.len()];
    }
    columns
}

/// Brings a run of one row in.
pub(super) fn bring<'s, T: Real + Storage>(
    operand: Operand,
    row: usize,
    run: &Range<usize>,
    by: i32,
    scratch: &'s mut [T],
) -> &'s [T] {
    let scratch = &mut scratch[..run.len()];
    operand.bring(row..row + 1, run.clone(), scratch, Steps { row: 0, entry: 1 });
    shift(scratch.iter_mut(), by);
    scratch
}

/// Neighbours are combined until one is left.
fn pairwise(mut parts: &mut [Partial], shape: Shape) -> Partial {
    while parts.len() > 1 {
        let pairs = parts.len().div_ceil(2);
        for pair in 0..pairs {
            parts[pair] = match parts.get(2 * pair + 1) {
                Some(right) => parts[2 * pair].combine(right, shape),
                None => parts[2 * pair],
            };
        }
        parts = &mut parts[..pairs];
    }
    parts[0]
}
