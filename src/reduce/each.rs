//! What has a value for each entry: gradients, and the terms of a divergence.
//!
//! ```text
//! rows in the order of the result, a few at a time, a thread each
//!   group, settle      lifts, sums and values, as for values alone
//!   moments            when normalizing: Σ of derivatives times entries, which they are relative to   (the rows are in the cache now)
//!   each               the entries once more, and what there is for each is written
//! ```
//!
//! A derivative is (∂ - mean) times factor. The mean is 0 for rows as they are given. A normalised row x/Σx has the derivative of its
//! quotients less their mean, over Σx; a constant that all share falls out. The factor has the unit of the value and the row's weight.

use core::ops::Range;

use super::lift::Lift;
use super::sums::{BROUGHT, bring};
use super::{Buffers, Driver, Job, room_for};
use crate::error::{Error, Found, allocate};
use crate::kernel::{Each, EachRow, Output, RowSums};
use crate::lanes::{WIDE, fma, times_power_of_two, two_sum};
use crate::parallel;
use crate::tile::{Operand, TILE_ROWS};
use crate::verb::{Compute, Masses};

/// What is asked for: what there is for each entry of p and of q, row after row in the order of the plan.
#[derive(Debug)]
pub struct Wanted<'w, T> {
    /// What is written.
    pub each: Each,
    /// Where; a row is as long as the plan's.
    pub out: [Option<&'w mut [T]>; 2],
    /// What each row's is multiplied with, unless 1.
    pub weights: Option<&'w [f64]>,
}

/// Some rows of it.
struct Rows<'w, T> {
    first: usize,
    values: &'w mut [T],
    out: [Option<&'w mut [T]>; 2],
}

/// The value of every row, and what is wanted for each entry. After an error the latter may be written in part.
///
/// # Panics
///
/// If there is not one place for each row and entry, or the verb has no gradient where that is wanted.
pub fn each<T: Compute>(job: &Job, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
    assert_eq!(values.len(), job.plan.rows);
    let places = job.plan.rows.saturating_mul(job.plan.length);
    assert!(
        wanted.out.iter().flatten().all(|out| out.len() == places) && wanted.weights.is_none_or(|it| it.len() == values.len())
    );
    parallel::in_default_environment(|| Driver::<T>::new(job).each(values, wanted))
}

impl<T: Compute> Driver<'_, T> {
    fn each(&self, values: &mut [T], wanted: Wanted<T>) -> Result<(), Error> {
        let (rows, length) = (self.job.plan.rows, self.job.plan.length);
        if rows == 0 {
            return Ok(());
        }
        let together = (parallel::PIECE / 8 / length).clamp(1, TILE_ROWS);
        let [mut of_p, mut of_q] = wanted.out.map(|out| out.map(|out| out.chunks_mut(together * length)));
        let mut pieces: Vec<Rows<T>> = allocate(rows.div_ceil(together))?;
        for (index, values) in values.chunks_mut(together).enumerate() {
            let out = [&mut of_p, &mut of_q].map(|chunks| chunks.as_mut().and_then(Iterator::next));
            pieces.push(Rows { first: index * together, values, out });
        }
        let found = parallel::for_each_piece(&self.job.team, &mut pieces, 1, rows.saturating_mul(length), |_, pieces| {
            let mut found = None;
            let (mut lifts, mut sums) = room_for(together);
            let mut buffers = Buffers::within((&mut lifts, &mut sums));
            for piece in pieces {
                self.each_of(piece, wanted.each, wanted.weights, &mut buffers, &mut found)?;
            }
            Ok(found)
        })?;
        let mut first: Option<Found> = None;
        for found in found {
            found?.into_iter().for_each(|found| Found::keep_first(&mut first, found));
        }
        first.map_or(Ok(()), |found| Err(found.error))
    }

    fn each_of(
        &self,
        piece: &mut Rows<T>,
        each: Each,
        weights: Option<&[f64]>,
        buffers: &mut Buffers<T>,
        found: &mut Option<Found>,
    ) -> Result<(), Error> {
        let rows = piece.first..piece.first + piece.values.len();
        self.group(rows.clone(), buffers)?;
        self.settle(rows.clone(), buffers.lifts, buffers.sums, piece.values, found)?;
        let length = self.job.plan.length;
        let mut scratch = vec![T::default(); 2 * BROUGHT];
        for (group, values) in piece.values.chunks(WIDE).enumerate() {
            let first = group * WIDE;
            let lifts = &mut buffers.lifts[first..first + values.len()];
            if each == Each::Terms && self.job.masses == Masses::Normalize {
                for (lane, lift) in lifts.iter_mut().enumerate() {
                    self.make_exact(rows.start + first + lane, lift, &mut scratch);
                }
            }
            let sums = &buffers.sums[group];
            let [factors, within] = self.chains(lifts, sums, values, each);
            for (lane, lift) in lifts.iter().enumerate() {
                let row = rows.start + first + lane;
                let place = (first + lane) * length;
                let mut out = piece.out.each_mut().map(|out| out.as_mut().map(|out| &mut out[place..place + length]));
                if values[lane].to_f64().is_nan() {
                    out.iter_mut().flatten().for_each(|out| out.fill(T::NAN));
                    continue;
                }
                let of_row = self.of_row(row, lift, (sums, lane), each, (factors[lane], within[lane]), weights, &mut scratch);
                self.visit_entries(row, lift, &mut scratch, |run, entries| {
                    let out = out.each_mut().map(|out| out.as_mut().map(|out| &mut out[run.clone()]));
                    self.kernel.each(self.job.level, entries, lift.scale, &of_row, Output::Entries(out));
                });
                if let Some(mask) = &self.job.plan.mask {
                    for out in out.iter_mut().flatten() {
                        Operand { rows: mask, mask: None, left_out: 0.0, is_asked_for: false }.for_each_zero(
                            row,
                            out.len(),
                            |place| out[place] = T::default(),
                        );
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the factor of q its rest, from sums of twice the digits: a term sees it to first order, where the sum of all does not.
    fn make_exact(&self, row: usize, lift: &mut Lift<T>, scratch: &mut [T]) {
        let mut sums = [[0.0; 2]; 2];
        self.visit_entries(row, lift, scratch, |_, entries| {
            for (sum, entries) in sums.iter_mut().zip(entries) {
                *sum = entries.iter().fold(*sum, |[high, low], entry| {
                    let (next, lost) = two_sum(high, entry.to_f64());
                    [next, low + lost]
                });
            }
        });
        let (of_p, of_q) = (lift.scale.p.to_f64(), lift.scale.q.to_f64());
        let [[high_p, low_p], [high_q, low_q]] = sums;
        let rest = fma(-of_q, high_q, high_p * of_p) + (low_p * of_p - of_q * low_q);
        lift.scale.q_low = T::from_f64(rest / high_q);
    }

    fn chains(&self, lifts: &[Lift<T>], sums: &RowSums, values: &[T], each: Each) -> [[f64; WIDE]; 2] {
        if each == Each::Terms {
            return [[1.0; WIDE]; 2];
        }
        let finish = self.finish(lifts, sums);
        let mut wide = [0.0; WIDE];
        for (wide, value) in wide.iter_mut().zip(values) {
            *wide = value.to_f64();
        }
        self.kernel.chains(self.job.level, sums, &finish, self.job.log_base, &wide)
    }

    #[expect(clippy::too_many_arguments, reason = "what is known of one row")]
    fn of_row(
        &self,
        row: usize,
        lift: &Lift<T>,
        (sums, lane): (&RowSums, usize),
        each: Each,
        (factor, within): (f64, f64),
        weights: Option<&[f64]>,
        scratch: &mut [T],
    ) -> EachRow {
        let unit = factor * weights.map_or(1.0, |weights| weights[row]) / self.job.log_base.unwrap_or(1.0);
        let mut of_row = EachRow { each, within, means: [0.0; 2], factors: [unit; 2] };
        if each == Each::Terms || self.job.masses != Masses::Normalize {
            return of_row;
        }
        let total = sums.p[lane];
        let shares = total / lift.scale.unit.to_f64();
        let mut moments = [[0.0; WIDE]; 2];
        self.visit_entries(row, lift, scratch, |_, entries| {
            self.kernel.each(self.job.level, entries, lift.scale, &of_row, Output::Moments(&mut moments));
        });
        for (mean, lanes) in of_row.means.iter_mut().zip(moments) {
            let [a, b, c, d, e, f, g, h] = lanes;
            *mean = (((a + e) + (c + g)) + ((b + f) + (d + h))) / shares;
        }
        let scales =
            [lift.scale.p.to_f64(), if self.operands.q.is_some() { lift.scale.q.to_f64() } else { lift.scale.p.to_f64() }];
        for (factor, (scale, shift)) in of_row.factors.iter_mut().zip(scales.into_iter().zip(lift.shifts)) {
            *factor *= times_power_of_two(scale / total, shift);
        }
        of_row
    }

    /// Shows every entry of a row to a kernel, run by run.
    fn visit_entries(&self, row: usize, lift: &Lift<T>, scratch: &mut [T], mut visit: impl FnMut(Range<usize>, [&[T]; 2])) {
        let length = self.job.plan.length;
        let (scratch_p, scratch_q) = scratch.split_at_mut(BROUGHT);
        for start in (0..length).step_by(BROUGHT) {
            let run = start..length.min(start + BROUGHT);
            let p = entries(self.operands.p, row, &run, lift.shifts[0], scratch_p);
            let q = self.operands.q.map_or(p, |operand| entries(operand, row, &run, lift.shifts[1], scratch_q));
            visit(run, [p, q]);
        }
    }
}

/// Entries of a row of an operand: as they lie in memory if they can be taken like that, else brought in.
fn entries<'s, T: Compute>(operand: Operand<'s>, row: usize, run: &Range<usize>, shift: i32, scratch: &'s mut [T]) -> &'s [T] {
    if shift == 0
        && let Some(entries) = operand.borrow(row, run.clone())
    {
        return entries;
    }
    bring(operand, row, run, shift, scratch)
}
