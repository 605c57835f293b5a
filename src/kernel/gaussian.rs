//! The divergence of a Gaussian from the standard one, entry by entry: ½ (m² + e^v - 1 - v), with the mean m and v = ln of the variance.
//!
//! A room beside the divergences, since its operands are no probabilities: nothing has to sum to 1, and nothing needs a lift.
//!
//! Neither half cancels. ½ m² is (½ m) m, so that both halves are infinite only where they are beyond floats; an `f32` block whose terms
//! or sums are so, or so small that their digits are below the smallest `f32`, is for the driver to sum in `f64`. The derivatives, m and
//! ½ (e^v - 1), come from the same exponential and are written in the same sweep, since no sum is needed for them.
//!
//! An entry may have a *floor*, the least that it counts ("free bits"): where its term is not above, the floor counts, and the
//! derivatives are 0. Entries that do not count are (0, 0) with the floor 0.

use super::{Accumulator, CACHE_LINE, PREFETCH, Shape, add, block};
use crate::lanes::{Lanes, Level, Real, Simd, dispatch, exp, prefetch};

/// The next entries of a row, or of rows one after another.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a, T> {
    /// The means.
    pub mean: &'a [T],
    /// The logarithms of the variances.
    pub log_variance: &'a [T],
    /// The least that each counts.
    pub floors: Option<&'a [T]>,
}

/// Derivatives with respect to the mean and to the log-variance.
#[derive(Debug)]
pub struct Slopes<'o, T> {
    /// Where each is written, if it is wanted.
    pub out: [Option<&'o mut [T]>; 2],
    /// What they are multiplied with: one number for all, or one for each.
    pub factors: &'o [T],
}

impl<T> Slopes<'_, T> {
    fn is_wanted(&self) -> bool {
        self.out.iter().any(Option::is_some)
    }
}

/// What is kept of a row: the sum of its terms, in the first place.
const SHAPE: Shape = Shape { terms: 0, maxima: 0 };

/// Adds the terms of the next entries of a row, of which all slices but the last have whole blocks, and writes their derivatives.
pub fn add_terms<T: Real>(level: Level, row: &mut Accumulator, entries: Entries<T>, slopes: Slopes<T>) {
    dispatch!(level, simd => match (entries.floors.is_some(), slopes.is_wanted()) {
        (false, false) => sweep::<_, T, false, false>(simd, row, entries, slopes),
        (false, true) => sweep::<_, T, false, true>(simd, row, entries, slopes),
        (true, false) => sweep::<_, T, true, false>(simd, row, entries, slopes),
        (true, true) => sweep::<_, T, true, true>(simd, row, entries, slopes),
    });
}

/// Writes the term of each entry, and its derivatives.
pub fn write_terms<T: Real>(level: Level, entries: Entries<T>, terms: &mut [T], slopes: Slopes<T>) {
    dispatch!(level, simd => match (entries.floors.is_some(), slopes.is_wanted()) {
        (false, false) => write::<_, T, false, false>(simd, entries, terms, slopes),
        (false, true) => write::<_, T, false, true>(simd, entries, terms, slopes),
        (true, false) => write::<_, T, true, false>(simd, entries, terms, slopes),
        (true, true) => write::<_, T, true, true>(simd, entries, terms, slopes),
    });
}

/// The sum of a row, which is ready for another then.
pub fn finish(row: &mut Accumulator) -> f64 {
    row.finish(SHAPE).sums[0]
}

/// The terms of a vector of entries that begins at a place, and their derivatives written; there may be fewer.
#[inline(always)]
fn visit<S: Simd, T: Real, const FLOORS: bool, const SLOPES: bool>(
    simd: S,
    entries: &Entries<T>,
    slopes: &mut Slopes<T>,
    place: usize,
) -> T::Lanes<S> {
    let places = place..entries.mean.len().min(place + T::WIDTH);
    let mean = T::Lanes::<S>::load_some(simd, &entries.mean[places.clone()]);
    let log_variance = T::Lanes::<S>::load_some(simd, &entries.log_variance[places.clone()]);
    let [by_log_variance, rest] = exp::half_growth(log_variance);
    let half = mean.constant(0.5);
    let term = (mean * half).fma(mean, rest);
    let floor = match entries.floors {
        Some(floors) if FLOORS => T::Lanes::<S>::load_some(simd, &floors[places.clone()]),
        _ => mean.constant(-1.0),
    };
    if SLOPES {
        let factor = match slopes.factors {
            [one] => T::Lanes::<S>::splat(simd, *one),
            each => T::Lanes::<S>::load_some(simd, &each[places.clone()]),
        };
        for (out, by) in slopes.out.iter_mut().zip([mean, by_log_variance]) {
            let Some(out) = out else { continue };
            let mut slope = by * factor;
            if FLOORS {
                // That of a term that is NaN is 0 here; the driver makes the whole row NaN.
                slope = Lanes::select(term.exceeds(floor), slope, mean.constant(0.0));
            }
            slope.store_some(&mut out[places.clone()]);
        }
    }
    if FLOORS { Lanes::select(floor.exceeds(term), floor, term) } else { term }
}

#[inline(always)]
fn sweep<S: Simd, T: Real, const FLOORS: bool, const SLOPES: bool>(
    simd: S,
    row: &mut Accumulator,
    entries: Entries<T>,
    mut slopes: Slopes<T>,
) {
    let count = entries.mean.len();
    for first in (0..count).step_by(block::<T>()) {
        let end = count.min(first + block::<T>());
        let mut sums = [T::Lanes::<S>::splat(simd, T::default()); 2];
        for step in (first..end).step_by(2 * T::WIDTH) {
            for operand in [entries.mean, entries.log_variance] {
                for line in (0..2 * T::WIDTH * size_of::<T>()).step_by(CACHE_LINE) {
                    prefetch(operand.as_ptr().wrapping_add(step).wrapping_byte_add(PREFETCH + line));
                }
            }
            sums[0] = sums[0] + visit::<_, _, FLOORS, SLOPES>(simd, &entries, &mut slopes, step);
            if step + T::WIDTH < end {
                sums[1] = sums[1] + visit::<_, _, FLOORS, SLOPES>(simd, &entries, &mut slopes, step + T::WIDTH);
            }
        }
        let [even, odd] = sums;
        add(simd, &mut row.superblock[0], even.fold(odd));
        row.next_block(SHAPE);
    }
}

#[inline(always)]
fn write<S: Simd, T: Real, const FLOORS: bool, const SLOPES: bool>(
    simd: S,
    entries: Entries<T>,
    terms: &mut [T],
    mut slopes: Slopes<T>,
) {
    for (step, terms) in terms.chunks_mut(T::WIDTH).enumerate() {
        visit::<_, _, FLOORS, SLOPES>(simd, &entries, &mut slopes, step * T::WIDTH).store_some(terms);
    }
}
