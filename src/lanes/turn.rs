//! Short rows as their columns: squares of 8 x 8 `f64` or 16 x 16 `f32` in registers.
//!
//! Method: a perfect shuffle of the whole square, log2(width) times. One shuffle interleaves vector i with vector i + width/2.

use super::{Lanes, Level, Real, Simd, dispatch, prefetch};

/// How far ahead memory is asked for, in bytes: a cache line for each step of so many.
const AHEAD: usize = 4096;
const CACHE_LINE: usize = 64;
/// Room for the longest rows that are turned, as many as a vector has lanes.
const PADDED: usize = (LONGEST + 1) * 16;

/// Entries of the longest rows that are turned.
pub const LONGEST: usize = 32;

/// Puts rows that come one after another side by side, as many as a vector has lanes: entry k of row j at
/// `(j / WIDTH * length + k) * WIDTH + j % WIDTH`. Lanes without a row are 0.
///
/// # Panics
///
/// If rows are longer than [`LONGEST`] or `out` has not room for whole vectors.
pub fn turn<T: Real>(rows: &[T], length: usize, out: &mut [T]) {
    dispatch!(Level::new(), simd => turn_rows(simd, rows, length, out));
}

#[inline(always)]
fn turn_rows<S: Simd, T: Real>(simd: S, rows: &[T], length: usize, out: &mut [T]) {
    let size = length * T::WIDTH;
    // A row shorter than a vector is loaded with what comes after it, which is not stored.
    let loaded = size.max((T::WIDTH - 1) * length + T::WIDTH);
    for (start, out) in (0..rows.len()).step_by(size).zip(out.chunks_exact_mut(size)) {
        for line in (0..size * size_of::<T>()).step_by(CACHE_LINE) {
            prefetch(rows.as_ptr().wrapping_add(start).wrapping_byte_add(AHEAD + line));
        }
        let rows = &rows[start..];
        if rows.len() >= loaded {
            turn_some(simd, rows, length, out);
        } else {
            let mut padded = [T::default(); PADDED];
            let some = size.min(rows.len());
            padded[..some].copy_from_slice(&rows[..some]);
            turn_some(simd, &padded, length, out);
        }
    }
}

/// Turns as many rows as a vector has lanes.
#[inline(always)]
fn turn_some<S: Simd, T: Real>(simd: S, rows: &[T], length: usize, out: &mut [T]) {
    let mut square = [T::Lanes::<S>::splat(simd, T::default()); 16];
    for first in (0..length).step_by(T::WIDTH) {
        // The last square may overlap the one before it, and stores the same once more.
        let first = first.min(length.saturating_sub(T::WIDTH));
        for (j, vector) in square[..T::WIDTH].iter_mut().enumerate() {
            *vector = Lanes::load(simd, &rows[j * length + first..][..T::WIDTH]);
        }
        let mut size = 1;
        while size < T::WIDTH {
            let from = square;
            for i in 0..T::WIDTH / 2 {
                (square[2 * i], square[2 * i + 1]) = from[i].shuffle(from[i + T::WIDTH / 2]);
            }
            size *= 2;
        }
        for (i, vector) in square[..T::WIDTH].iter().enumerate() {
            if let Some(column) = out.get_mut((first + i) * T::WIDTH..(first + i + 1) * T::WIDTH) {
                vector.store(column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Real>() {
        let width = T::WIDTH;
        for count in [1, 3, width - 1, width, width + 1, 3 * width + 2] {
            for length in [1, 2, 5, width - 1, width, width + 1, LONGEST] {
                let number = |j: usize, k: usize| T::from_f64((100 * j + k + 1) as f64);
                let rows: Vec<T> = (0..count * length).map(|i| number(i / length, i % length)).collect();
                let mut out = vec![T::from_f64(-1.0); count.next_multiple_of(width) * length];
                turn(&rows, length, &mut out);
                for j in 0..count.next_multiple_of(width) {
                    for k in 0..length {
                        let expected = if j < count { number(j, k) } else { T::default() };
                        let got = out[(j / width * length + k) * width + j % width];
                        assert_eq!(got.to_f64().to_bits(), expected.to_f64().to_bits(), "{count} {length}: row {j}, entry {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        check::<f64>();
        check::<f32>();
    }
}
