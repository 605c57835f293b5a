//! Sums of rows that lie side by side: lanes run across the rows, and the additions are those of a sweep along each.

use super::{Accumulator, Scale, Shape, Step, scales_of};
use crate::divergence::Divergence;
use crate::lanes::{Lanes, Real, Simd, WIDE, prefetch};

/// The sums of a block of up to [`COLUMNS`] rows whose entries come side by side: lanes are rows here, and each of the places that
/// an entry can have in a step has an accumulator, so that the additions are those of [`Kernel::sweep`].
#[derive(Clone, Debug)]
pub struct Columns<T> {
    /// Lane l of sum s of place i of vector v of rows at `((v * places + i) * used + s) * WIDTH + l`.
    sums: Vec<T>,
    shape: Shape,
    /// Sign bits of each row.
    signs: Vec<T>,
}

/// Most rows of [`Columns`].
pub const COLUMNS: usize = 128;

impl<T: Real> Columns<T> {
    /// Sums of 0.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let sums = vec![T::default(); COLUMNS * 2 * T::WIDTH * shape.used()];
        Self { sums, shape, signs: vec![T::default(); COLUMNS] }
    }

    /// Adds the sums to those of the rows, a block further.
    pub fn fold(&mut self, rows: &mut [Accumulator]) {
        for (vector, rows) in rows.chunks_mut(T::WIDTH).enumerate() {
            for sum in 0..self.shape.used() {
                // Two copies of the loop: asking for each number took three times as long.
                if self.shape.is_maximum(sum) {
                    self.fold_sum(vector, sum, rows, |one, other| if other > one { other } else { one });
                } else {
                    self.fold_sum(vector, sum, rows, |one, other| one + other);
                }
            }
            for row in rows {
                row.next_block(self.shape);
            }
        }
        for (row, sign) in rows.iter_mut().zip(&self.signs) {
            row.signs |= u64::from(sign.to_f64().is_sign_negative());
        }
        self.sums.fill(T::default());
    }

    #[inline(always)]
    fn fold_sum(&self, vector: usize, sum: usize, rows: &mut [Accumulator], add: impl Fn(f64, f64) -> f64) {
        let place = |i: usize| {
            let first = ((vector * 2 * T::WIDTH + i) * self.shape.used() + sum) * T::WIDTH;
            &self.sums[first..first + T::WIDTH]
        };
        for lane in 0..WIDE {
            // As `Lanes::fold`: lane j of both accumulators, and for f32 lane j + 8 with it.
            let (even, odd) = (place(lane), place(T::WIDTH + lane));
            if T::WIDTH == WIDE {
                for (row, (even, odd)) in rows.iter_mut().zip(even.iter().zip(odd)) {
                    let total = &mut row.superblock[sum][lane];
                    *total = add(*total, add(even.to_f64(), odd.to_f64()));
                }
            } else {
                let (even_high, odd_high) = (place(lane + WIDE), place(T::WIDTH + lane + WIDE));
                let high = even_high.iter().zip(odd_high);
                for (row, ((even, odd), (even_high, odd_high))) in rows.iter_mut().zip(even.iter().zip(odd).zip(high)) {
                    let total = &mut row.superblock[sum][lane];
                    let [even, odd] = [add(even.to_f64(), even_high.to_f64()), add(odd.to_f64(), odd_high.to_f64())];
                    *total = add(*total, add(even, odd));
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn add_columns<S: Simd, T: Real, D: Divergence<N>, const N: usize, const NORMALIZING: bool>(
    simd: S,
    divergence: &D,
    columns: &mut Columns<T>,
    [p, q]: [&[&[T]]; 2],
    ahead: [&[&[T]]; 2],
    scales: &[Scale<T>],
) {
    let rows = p[0].len();
    for (vector, first) in (0..rows).step_by(T::WIDTH).enumerate() {
        let lanes = first..rows.min(first + T::WIDTH);
        let scale = scales_of(simd, if scales.len() > 1 { &scales[lanes.clone()] } else { scales }, NORMALIZING);
        let size = (2 + N) * T::WIDTH;
        let places = columns.sums[vector * 2 * T::WIDTH * size..].chunks_mut(size);
        let mut signs = T::Lanes::<S>::load(simd, &columns.signs[first..first + T::WIDTH]);
        for (place, (sums, (p, q))) in places.zip(p.iter().zip(q)).enumerate() {
            for column in ahead.iter().filter_map(|ahead| ahead.get(place)) {
                prefetch(column.as_ptr().wrapping_add(first));
            }
            let mut step = Step::<T::Lanes<S>, N>::load(simd, sums);
            let (p, q) = (Lanes::load_some(simd, &p[lanes.clone()]), Lanes::load_some(simd, &q[lanes.clone()]));
            step.add(divergence, p, q, scale, &mut signs);
            step.store(sums);
        }
        signs.store(&mut columns.signs[first..first + T::WIDTH]);
    }
}
