//! The sums of rows: which path a row takes, and how its operands get to the kernel on it.

use core::ops::Range;

use super::lift::{Lift, shift};
use super::{Driver, Operands, allocate};
use crate::element::Storage;
use crate::error::Error;
use crate::kernel::{Accumulator, COLUMNS, Columns, Kernel, Partial, RowSums, SHORT, block, chunk};
use crate::lanes::{Real, WIDE};
use crate::parallel;
use crate::tile::{Operand, Steps, TILE_ROWS};
use crate::verb::Masses;
use crate::view::MOST_COLUMNS;

/// Entries of a row that is not read together with others are brought in by so many: whole blocks, in the first-level cache.
pub(super) const BROUGHT: usize = 1024;

impl<'a, T: Real + Storage> Driver<'a, T> {
    /// Sums of rows in which lanes run across rows.
    pub(super) fn short_sums(
        &self,
        kernel: &dyn Kernel<T>,
        operands: Operands<'a>,
        rows: Range<usize>,
        lifts: &[Lift<T>],
        sums: &mut [RowSums],
    ) {
        let length = self.job.plan.length;
        let mut scratch = [[T::default(); SHORT * 16]; 2];
        let [p, q] = &mut scratch;
        let (p, q) = (&mut p[..length * T::WIDTH], &mut q[..length * T::WIDTH]);
        for (vector, sums) in sums.chunks_mut(T::WIDTH / WIDE).enumerate().take(rows.len().div_ceil(T::WIDTH)) {
            let start = rows.start + vector * T::WIDTH;
            let rows = start..rows.end.min(start + T::WIDTH);
            let lifts = &lifts[vector * T::WIDTH..][..rows.len()];
            let mut scales = [Lift::<T>::checked().scale; 16];
            let scales = if self.job.masses == Masses::One {
                &scales[..1]
            } else {
                scales.iter_mut().zip(lifts).for_each(|(scale, lift)| *scale = lift.scale);
                &scales[..T::WIDTH]
            };
            let bring = |operand: Operand, which: usize, scratch: &mut [T]| {
                if rows.len() < T::WIDTH {
                    scratch.fill(T::default());
                }
                operand.bring_across(rows.clone(), length, T::WIDTH, scratch);
                if self.job.masses != Masses::One {
                    for (lane, lift) in lifts.iter().enumerate() {
                        shift(scratch[lane..].iter_mut().step_by(T::WIDTH), lift.shifts[which]);
                    }
                }
            };
            bring(operands.p, 0, p);
            let q = if let Some(operand) = operands.q {
                bring(operand, 1, q);
                &*q
            } else {
                &*p
            };
            kernel.short(self.job.level, p, q, scales, sums);
        }
    }

    /// Sums of rows in which lanes run along the row, chunk by chunk.
    pub(super) fn serial_sums(
        &self,
        kernel: &dyn Kernel<T>,
        operands: Operands<'a>,
        rows: Range<usize>,
        lifts: &[Lift<T>],
        sums: &mut [RowSums],
    ) {
        sums.fill(RowSums::default());
        let length = self.job.plan.length;
        let mut parts = vec![Vec::with_capacity(length.div_ceil(chunk::<T>())); rows.len()];
        for start in (0..length).step_by(chunk::<T>()) {
            let entries = start..length.min(start + chunk::<T>());
            self.partial_sums(kernel, operands, rows.clone(), entries, lifts, &mut |i, part| parts[i].push(*part));
        }
        for (i, parts) in parts.iter_mut().enumerate() {
            sums[i / WIDE].set(i % WIDE, &pairwise(parts));
        }
    }

    /// Sums of every row, from those of its chunks.
    pub(super) fn long_sums(
        &self,
        kernel: &dyn Kernel<T>,
        operands: Operands<'a>,
        lifts: &[Lift<T>],
    ) -> Result<Vec<Partial>, Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        let chunks = length.div_ceil(chunk::<T>());
        let group = if operands.in_columns() { TILE_ROWS.min(rows) } else { 1 };
        let pieces = rows.div_ceil(group) * chunks;
        let mut partials = allocate(pieces * group)?;
        partials.resize(pieces * group, Partial::default());
        parallel::for_each_piece(&mut partials, group, rows.saturating_mul(length), |first, partials| {
            let (first_row, chunk_index) = (first / group / chunks * group, first / group % chunks);
            let rows = first_row..rows.min(first_row + group);
            let entries = chunk_index * chunk::<T>()..length.min((chunk_index + 1) * chunk::<T>());
            let lifts = &lifts[rows.clone()];
            self.partial_sums(kernel, operands, rows, entries, lifts, &mut |i, part| partials[i] = *part);
        });
        let mut sums = allocate(rows)?;
        let mut parts = allocate(chunks)?;
        for row in 0..rows {
            let first = row / group * group * chunks + row % group;
            parts.extend((0..chunks).map(|chunk_index| partials[first + chunk_index * group]));
            sums.push(pairwise(&mut parts));
            parts.clear();
        }
        Ok(sums)
    }

    /// Sums of some entries of some rows, handed to `take` with the row's index among them.
    fn partial_sums(
        &self,
        kernel: &dyn Kernel<T>,
        operands: Operands<'a>,
        rows: Range<usize>,
        entries: Range<usize>,
        lifts: &[Lift<T>],
        take: &mut dyn FnMut(usize, &Partial),
    ) {
        if operands.in_columns() && rows.len() > 1 {
            for (i, row) in self.column_sums(kernel, operands, rows, entries, lifts).iter().enumerate() {
                take(i, &row.finish());
            }
        } else {
            let mut scratch = Vec::new();
            for (i, (row, lift)) in rows.zip(lifts).enumerate() {
                let mut accumulator = Accumulator::default();
                self.sweep_row(kernel, operands, row, entries.clone(), lift, &mut scratch, &mut accumulator);
                take(i, &accumulator.finish());
            }
        }
    }

    /// Sums of rows whose neighbours share their cache lines: one entry of each, then the next entry.
    fn column_sums(
        &self,
        kernel: &dyn Kernel<T>,
        operands: Operands<'a>,
        rows: Range<usize>,
        entries: Range<usize>,
        lifts: &[Lift<T>],
    ) -> Vec<Accumulator> {
        let step = 2 * T::WIDTH;
        let scales: Vec<_> = lifts.iter().map(|lift| lift.scale).collect();
        let scales = if self.job.masses == Masses::One { &scales[..1] } else { &scales };
        let is_shifted = [0, 1].map(|which| lifts.iter().any(|lift| lift.shifts[which] != 0));
        let (first, operands) = (operands.p, [Some(operands.p), operands.q]);
        let lend = |start: usize| {
            let run = start..entries.end.min(start + step);
            [0, 1].map(
                |which| {
                    if is_shifted[which] { None } else { operands[which]?.borrow_columns::<T>(rows.clone(), run.clone()) }
                },
            )
        };
        let mut accumulators = vec![Accumulator::default(); rows.len()];
        let mut columns = Columns::new(kernel.terms());
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
            kernel.columns(self.job.level, &mut columns, [&p[..run.len()], &q[..run.len()]], ahead, scales);
            if run.end == entries.end || (run.end - entries.start).is_multiple_of(block::<T>()) {
                columns.fold(&mut accumulators);
            }
            lent = next;
        }
        accumulators
    }

    /// Sweeps over one row, all at once if its operands lie in memory as the kernels want them.
    #[expect(clippy::too_many_arguments, reason = "the innermost of the loops that own them")]
    fn sweep_row(
        &self,
        kernel: &dyn Kernel<T>,
        operands: Operands<'a>,
        row: usize,
        entries: Range<usize>,
        lift: &Lift<T>,
        scratch: &mut Vec<T>,
        accumulator: &mut Accumulator,
    ) {
        let level = self.job.level;
        let borrow = |operand: Operand<'a>, which: usize| {
            if lift.shifts[which] == 0 { operand.borrow::<T>(row, entries.clone()) } else { None }
        };
        let whole_p = borrow(operands.p, 0);
        let whole_q = operands.q.map_or(whole_p, |operand| borrow(operand, 1));
        if let (Some(p), Some(q)) = (whole_p, whole_q) {
            kernel.sweep(level, accumulator, p, q, lift.scale);
            return;
        }
        scratch.resize(2 * BROUGHT, T::default());
        let (scratch_p, scratch_q) = scratch.split_at_mut(BROUGHT);
        for start in entries.clone().step_by(BROUGHT) {
            let run = start..entries.end.min(start + BROUGHT);
            let within = run.start - entries.start..run.end - entries.start;
            let p = whole_p.map_or_else(|| bring(operands.p, row, &run, lift.shifts[0], scratch_p), |p| &p[within.clone()]);
            let q = match operands.q {
                None => p,
                Some(operand) => whole_q.map_or_else(|| bring(operand, row, &run, lift.shifts[1], scratch_q), |q| &q[within]),
            };
            kernel.sweep(level, accumulator, p, q, lift.scale);
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
fn bring<'s, T: Real + Storage>(operand: Operand, row: usize, run: &Range<usize>, by: i32, scratch: &'s mut [T]) -> &'s [T] {
    let scratch = &mut scratch[..run.len()];
    operand.bring(row..row + 1, run.clone(), scratch, Steps { row: 0, entry: 1 });
    shift(scratch.iter_mut(), by);
    scratch
}

/// Neighbours are combined until one is left.
fn pairwise(parts: &mut Vec<Partial>) -> Partial {
    while parts.len() > 1 {
        let pairs = parts.len().div_ceil(2);
        for pair in 0..pairs {
            parts[pair] = match parts.get(2 * pair + 1) {
                Some(right) => parts[2 * pair].combine(right),
                None => parts[2 * pair],
            };
        }
        parts.truncate(pairs);
    }
    parts[0]
}
