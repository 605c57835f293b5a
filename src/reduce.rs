//! What is done with rows here: one number each.
//!
//! ```text
//!            short rows            middle rows             long rows
//!            a vector of rows      a row at a time         chunks of rows, on all threads
//! masses     Σp, Σq first, when normalising or comparing measures: they give each row its scale (`lift`)
//! sums       Σp, Σ(q-p), Σ terms                           … of each chunk, combined pairwise
//! settle     sums checked; a row that fails is looked at once more (`diagnose`); values of 8 rows at a time
//! ```
//!
//! All three come together in [`RowSums`], and which of them a row takes depends on its length alone. What there is for each entry, a
//! gradient, is written after that (`each`). A row whose terms leave the range of floats is summed once more in a way that does not
//! ([`Overflow`]).

use core::ops::Range;

use crate::divergence::Overflow;
use crate::element::{DType, Storage};
use crate::error::{Error, Found, allocate};
use crate::kernel::{Finish, Kernel, RowSums, SHORT, chunk};
use crate::lanes::{Level, Real, WIDE};
use crate::parallel::{self, Team};
use crate::tile::{Operand, TILE_ROWS};
use crate::verb::{Compute, Held, Masses, Parameters, Verb};
use crate::view::Plan;

mod diagnose;
mod each;
mod lift;
mod sums;

pub use each::{Wanted, each};

use diagnose::Verdict;
use lift::Lift;

/// Values below which `f32` rows are computed in `f64` if they see the rest of an exact factor: 2^-48 beside differences of 2^-20.
const SMALL: f64 = 1e-4;

/// A call, with its operands broadcast.
#[derive(Debug)]
pub struct Job<'a> {
    /// The rows.
    pub plan: &'a Plan<'a>,
    /// What to compute.
    pub verb: Verb,
    /// The verb's parameters.
    pub parameters: Parameters,
    /// What is asked of the masses.
    pub masses: Masses,
    /// Logarithm of the base; `None` for nats.
    pub log_base: Option<f64>,
    /// The instructions to use.
    pub level: Level,
    /// Who does it.
    pub team: Team<'a>,
}

/// The value of every row, in the plan's order.
///
/// # Panics
///
/// If there is not one place for each row in `values`.
pub fn reduce<T: Compute>(job: &Job, values: &mut [T]) -> Result<(), Error> {
    assert_eq!(values.len(), job.plan.rows);
    parallel::in_default_environment(|| rows_to_values(job, values))
}

fn rows_to_values<T: Compute>(job: &Job, values: &mut [T]) -> Result<(), Error> {
    let driver = Driver::<T>::new(job);
    let found = match values {
        _ if job.plan.length > chunk::<T>() => driver.long(values)?,
        [_] => {
            let (mut lifts, mut sums) = room_for_one();
            driver.some(0, values, &mut Buffers::within((&mut lifts, &mut sums)))?
        }
        _ => driver.batch(values)?,
    };
    found.map_or(Ok(()), |found| Err(found.error))
}

/// The rows that a kernel is run on; q is p for functions of p alone.
#[derive(Clone, Copy)]
struct Operands<'a> {
    p: Operand<'a>,
    q: Option<Operand<'a>>,
}

impl<'a> Operands<'a> {
    /// Entries of a row of both as they lie in memory, if they are of that type.
    fn borrow<S: Storage>(&self, row: usize, entries: &Range<usize>) -> Option<[&'a [S]; 2]> {
        let p = self.p.borrow(row, entries.clone())?;
        Some([p, self.q.map_or(Some(p), |q| q.borrow(row, entries.clone()))?])
    }

    fn in_columns(&self) -> bool {
        self.p.in_columns() || self.q.is_some_and(|q| q.in_columns())
    }
}

/// What a thread needs for a group of rows.
struct Buffers<'b, T> {
    lifts: &'b mut [Lift<T>],
    sums: &'b mut [RowSums],
    scratch: Vec<T>,
}

impl<'b, T: Real> Buffers<'b, T> {
    /// Around room for some rows. What one row needs is not moved about: that takes as long as to sum ten entries.
    fn within((lifts, sums): (&'b mut [Lift<T>], &'b mut [RowSums])) -> Self {
        Self { lifts, sums, scratch: vec![] }
    }
}

/// Room for one row.
#[inline(always)]
fn room_for_one<T: Real>() -> ([Lift<T>; 1], [RowSums; 1]) {
    ([Lift::checked()], [RowSums::default()])
}

/// Room for so many rows, or for a tile of them.
fn room_for<T: Real>(rows: usize) -> (Vec<Lift<T>>, Vec<RowSums>) {
    let rows = rows.min(TILE_ROWS);
    (vec![Lift::checked(); rows], vec![RowSums::default(); rows.div_ceil(WIDE)])
}

/// A pass over the data: what runs on what.
struct Pass<'k, 'a, T> {
    kernel: &'k dyn Kernel<T>,
    operands: Operands<'a>,
}

impl<T> Clone for Pass<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Pass<'_, '_, T> {}

struct Driver<'a, T: Real> {
    job: &'a Job<'a>,
    kernel: Held<T>,
    operands: Operands<'a>,
    /// What the sums of p and q may differ from 1 by.
    tolerances: [f64; 2],
}

impl<'a, T: Compute> Driver<'a, T> {
    fn new(job: &'a Job<'a>) -> Self {
        let plan = job.plan;
        let kernel = T::kernel(job.verb, job.parameters);
        let mask = plan.mask.as_ref();
        let q = (kernel.operands() == 2).then_some(Operand { rows: &plan.q, mask, left_out: 0.0, is_asked_for: false });
        let operands = Operands { p: Operand { rows: &plan.p, mask, left_out: 0.0, is_asked_for: false }, q };
        let tolerances = [&plan.p, &plan.q].map(|rows| rows.dtype().tolerance(plan.length));
        Self { job, kernel, operands, tolerances }
    }

    /// The pass that the values are made of.
    fn pass(&self) -> Pass<'_, 'a, T> {
        Pass { kernel: &*self.kernel, operands: self.operands }
    }

    /// Rows that are short enough for one thread each.
    fn batch(&self, values: &mut [T]) -> Result<Option<Found>, Error> {
        let length = self.job.plan.length;
        let grain = if length <= SHORT || self.operands.in_columns() { TILE_ROWS } else { WIDE };
        let piece = (parallel::PIECE / length).next_multiple_of(grain).max(grain);
        let elements = values.len().saturating_mul(length);
        let found = parallel::for_each_piece(&self.job.team, values, piece, elements, |first, values| {
            let (mut lifts, mut sums) = room_for(values.len());
            self.some(first, values, &mut Buffers::within((&mut lifts, &mut sums)))
        })?;
        let mut first: Option<Found> = None;
        for found in found {
            found?.into_iter().for_each(|found| Found::keep_first(&mut first, found));
        }
        Ok(first)
    }

    /// The values of the rows from `first` on, on this thread, and the first mistake.
    #[inline(always)]
    fn some(&self, first: usize, values: &mut [T], buffers: &mut Buffers<T>) -> Result<Option<Found>, Error> {
        let mut found = None;
        for (group, values) in values.chunks_mut(TILE_ROWS).enumerate() {
            let start = first + group * TILE_ROWS;
            let rows = start..start + values.len();
            self.group(rows.clone(), buffers)?;
            self.settle(rows, buffers.lifts, buffers.sums, values, &mut found)?;
        }
        Ok(found)
    }

    /// Lifts and sums of at most [`TILE_ROWS`] rows, on this thread.
    fn group(&self, rows: Range<usize>, buffers: &mut Buffers<T>) -> Result<(), Error> {
        let Buffers { lifts, sums, scratch } = buffers;
        self.lift(&mut lifts[..rows.len()], |pass, lifts, masses| {
            self.sum_rows(pass, rows.clone(), lifts, scratch, sums)?;
            for (i, mass) in masses.iter_mut().enumerate() {
                *mass = [sums[i / WIDE].p[i % WIDE], sums[i / WIDE].other[i % WIDE]];
            }
            Ok(())
        })?;
        self.sum(rows, buffers)
    }

    /// Sums of as many rows, by their lifts.
    fn sum(&self, rows: Range<usize>, buffers: &mut Buffers<T>) -> Result<(), Error> {
        let Buffers { lifts, sums, scratch } = buffers;
        self.sum_rows(self.pass(), rows.clone(), &lifts[..rows.len()], scratch, sums)
    }

    fn sum_rows(
        &self,
        pass: Pass<'_, 'a, T>,
        rows: Range<usize>,
        lifts: &[Lift<T>],
        scratch: &mut Vec<T>,
        sums: &mut [RowSums],
    ) -> Result<(), Error> {
        if self.job.plan.length <= SHORT {
            self.short_sums(pass, rows, lifts, scratch, sums);
            return Ok(());
        }
        self.serial_sums(pass, rows, lifts, scratch, sums)
    }

    /// Rows of several chunks, which threads share.
    fn long(&self, values: &mut [T]) -> Result<Option<Found>, Error> {
        let rows = self.job.plan.rows;
        let mut lifts = allocate(rows)?;
        lifts.resize(rows, Lift::checked());
        self.lift(&mut lifts, |pass, lifts, masses| {
            let sums = self.long_sums(pass, lifts)?;
            masses.iter_mut().zip(sums).for_each(|(mass, row)| *mass = [row.sums[0], row.sums[1]]);
            Ok(())
        })?;
        let sums = self.long_sums(self.pass(), &lifts)?;
        let mut found = None;
        for (group, values) in values.chunks_mut(TILE_ROWS).enumerate() {
            let start = group * TILE_ROWS;
            let rows = start..start + values.len();
            let mut lanes = [RowSums::default(); TILE_ROWS / WIDE];
            for (i, row) in sums[rows.clone()].iter().enumerate() {
                lanes[i / WIDE].set(i % WIDE, row);
            }
            self.settle(rows.clone(), &lifts[rows], &lanes, values, &mut found)?;
        }
        Ok(found)
    }

    /// Checks the sums of rows and writes their values.
    fn settle(
        &self,
        rows: Range<usize>,
        lifts: &[Lift<T>],
        sums: &[RowSums],
        values: &mut [T],
        found: &mut Option<Found>,
    ) -> Result<(), Error> {
        let ceiling = self.kernel.ceiling(self.job.log_base.unwrap_or(1.0));
        let may_overflow = self.kernel.overflow() != Overflow::Never;
        for (group, (values, lifts)) in values.chunks_mut(WIDE).zip(lifts.chunks(WIDE)).enumerate() {
            let sums = &sums[group];
            let (results, needs_f64) = self.values(lifts, sums);
            let overflows = |result: f64| may_overflow && result == f64::INFINITY;
            let is_plain = self.are_distributions(sums, values.len());
            if is_plain && !results[..values.len()].iter().any(|&result| overflows(result)) {
                for (value, result) in values.iter_mut().zip(results) {
                    // Adding 0 turns -0.0 into 0.0.
                    *value = T::below(result + 0.0, ceiling);
                }
                continue;
            }
            for (lane, (value, lift)) in values.iter_mut().zip(lifts).enumerate() {
                let row = rows.start + group * WIDE + lane;
                let again = lift.is_regular && (overflows(results[lane]) || lift.is_wide || needs_f64[lane]);
                let result = if again && T::DTYPE == DType::F32 {
                    self.in_f64(row)?
                } else if overflows(results[lane]) {
                    self.in_range(row, lift)?
                } else {
                    results[lane]
                } + 0.0;
                *value = if result.is_nan() { T::NAN } else { T::below(result, ceiling) };
                // The factor is a power of two: its inverse is exact.
                let factor = 1.0 / lift.scale.p.to_f64();
                let of_q = if self.job.masses == Masses::Normalize { sums.p[lane] + sums.other[lane] } else { sums.other[lane] };
                let masses = [sums.p[lane] * factor, of_q * factor];
                if sums.signs >> lane & 1 != 0 || !self.is_fine(lift, masses) {
                    self.look_at(row, masses, value, found)?;
                }
            }
        }
        Ok(())
    }

    /// Whether the first rows are nothing but distributions, as nearly all are that need not be normalised: a check without
    /// branches, since rows of ten entries take no longer than looking at each.
    fn are_distributions(&self, sums: &RowSums, rows: usize) -> bool {
        if self.job.masses != Masses::One || sums.signs != 0 {
            return false;
        }
        let factor = 1.0 / Lift::<T>::checked().total;
        let [of_p, of_q] = self.tolerances;
        sums.p[..rows]
            .iter()
            .zip(&sums.other)
            .fold(true, |fine, (p, q)| fine & ((p * factor - 1.0).abs() <= of_p) & ((q * factor - 1.0).abs() <= of_q))
    }

    /// Finds out what is the matter with a row.
    #[cold]
    fn look_at(&self, row: usize, masses: [f64; 2], value: &mut T, found: &mut Option<Found>) -> Result<(), Error> {
        match self.diagnose(row, masses)? {
            Verdict::Fine => {}
            Verdict::NotANumber => *value = T::NAN,
            Verdict::Mistake(error) => {
                Found::keep_first(found, Found { place: self.job.plan.place(row), error });
            }
        }
        Ok(())
    }

    /// What is known of at most 8 rows beside their sums.
    fn finish(&self, lifts: &[Lift<T>], sums: &RowSums) -> Finish {
        if self.job.masses == Masses::Normalize {
            return Finish::normalizing(sums);
        }
        let mut finish = Finish { masses: [sums.p, sums.other], ..Finish::default() };
        for (total, lift) in finish.total.iter_mut().zip(lifts) {
            *total = lift.total;
        }
        finish
    }

    /// The values of at most 8 rows, and which of them `f32` could not tell from the rounding of their scale.
    fn values(&self, lifts: &[Lift<T>], sums: &RowSums) -> ([f64; WIDE], [bool; WIDE]) {
        let values = |finish: &Finish| self.kernel.values(self.job.level, sums, finish, self.job.log_base);
        let finish = self.finish(lifts, sums);
        if !finish.normalizing {
            return (values(&finish), [false; WIDE]);
        }
        let raw = if T::DTYPE == DType::F32 { values(&Finish { residual: [0.0; WIDE], ..finish }) } else { [0.0; WIDE] };
        let results = values(&finish);
        // Where the factor was made exact, it is so to twice the digits of the type, and its rest may count beside small values.
        let is_small = |value: f64| self.kernel.needs_exact_scale() && value < SMALL;
        (results, core::array::from_fn(|lane| raw[lane] - results[lane] > 0.1 * raw[lane] || is_small(results[lane])))
    }

    /// The value of a row, computed in `f64` whatever its dtype.
    #[cold]
    fn in_f64(&self, row: usize) -> Result<f64, Error> {
        let driver = Driver::<f64>::new(self.job);
        let (mut lifts, mut sums) = room_for_one();
        driver.group(row..row + 1, &mut Buffers::within((&mut lifts, &mut sums)))?;
        let value = driver.values(&lifts, &sums[0]).0[0];
        let overflows = driver.kernel.overflow() != Overflow::Never && value == f64::INFINITY;
        if overflows { driver.in_range(row, &lifts[0]) } else { Ok(value) }
    }

    /// The value of a row that came out as infinite, by sums that stay in the range of floats if it is not.
    #[cold]
    fn in_range(&self, row: usize, lift: &Lift<T>) -> Result<f64, Error> {
        let (mut lifts, mut sums) = room_for_one();
        let mut value = |kernel: Held<T>, lift: Lift<T>| {
            let driver = Driver { kernel, ..*self };
            lifts[0] = lift;
            driver.sum(row..row + 1, &mut Buffers::within((&mut lifts, &mut sums)))?;
            Ok(driver.values(&lifts, &sums[0]).0[0])
        };
        let Job { verb, parameters, .. } = *self.job;
        let mut largest = 0.0;
        if let Some(kernel) = T::largest(verb, parameters) {
            largest = value(kernel, *lift)? * self.job.log_base.unwrap_or(1.0);
            if largest == f64::INFINITY {
                return Ok(largest);
            }
        }
        match (self.kernel.overflow(), T::relative(verb, parameters, largest)) {
            (Overflow::Relative, Some(kernel)) => value(kernel, *lift),
            (_, kernel) => value(kernel.unwrap_or_else(|| T::kernel(verb, parameters)), lift.unlifted()),
        }
    }

    /// Whether the sums of a row are what they have to be.
    fn is_fine(&self, lift: &Lift<T>, sums: [f64; 2]) -> bool {
        match self.job.masses {
            Masses::One => sums.iter().zip(self.tolerances).all(|(sum, tolerance)| (sum - 1.0).abs() <= tolerance),
            Masses::Normalize | Masses::Any => lift.is_regular && sums.iter().all(|sum| sum.is_finite()),
        }
    }
}
