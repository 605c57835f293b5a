//! Short rows as their columns, in squares of 4 x 4 `f32` or 2 x 2 `f64`: registers of 128 bits, within which every CPU shuffles in one
//! instruction. Squares of whole vectors, which have to cross them, took 1.5 times as long for rows of 10 (AVX2, Zen 3).
//!
//! Long rows of `f64` are turned 8 entries at a time ([`turn_eight`]): with AVX-512, a quarter of the instructions.

use fearless_simd::{SimdBase, f32x4, f64x2};

use super::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, prefetch};

/// How far ahead memory is asked for, in bytes: a cache line for each step of so many.
const AHEAD: usize = 4096;
const CACHE_LINE: usize = 64;
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
    for (rows, out) in rows.chunks(size).zip(out.chunks_exact_mut(size)) {
        for line in (0..size_of_val(rows)).step_by(CACHE_LINE) {
            prefetch(rows.as_ptr().wrapping_byte_add(AHEAD + line));
        }
        if rows.len() == size {
            turn_some(simd, rows, length, out);
        } else {
            let mut padded = [T::default(); LONGEST * 16];
            padded[..rows.len()].copy_from_slice(rows);
            turn_some(simd, &padded[..size], length, out);
        }
    }
}

/// Turns as many rows as a vector has lanes.
#[inline(always)]
fn turn_some<S: Simd, T: Real>(simd: S, rows: &[T], length: usize, out: &mut [T]) {
    if length < T::SIDE {
        for (k, column) in out.chunks_exact_mut(T::WIDTH).enumerate() {
            for (j, entry) in column.iter_mut().enumerate() {
                *entry = rows[j * length + k];
            }
        }
        return;
    }
    for j in (0..T::WIDTH).step_by(T::SIDE) {
        let rows = &rows[j * length..][..T::SIDE * length];
        for first in (0..length).step_by(T::SIDE) {
            // The last square may overlap the one before it, and stores the same once more.
            let first = first.min(length - T::SIDE);
            T::turn_square(simd, &rows[first..], length, &mut out[first * T::WIDTH + j..]);
        }
    }
}

/// 8 entries of 8 rows, as columns.
#[inline(always)]
pub fn turn_eight<S: Simd>(simd: S, rows: &[&[f64]; WIDE], first: usize) -> [Wide<S>; WIDE] {
    let mut vectors = [<Wide<S> as Lanes>::splat(simd, 0.0); WIDE];
    for (row, vector) in rows.iter().zip(&mut vectors) {
        *vector = Lanes::load(simd, &row[first..first + WIDE]);
    }
    // Dealing all entries from two hands, three times, puts entry 8 j + k at 8 k + j.
    for _ in 0..WIDE.ilog2() {
        let (low, high) = vectors.split_at(WIDE / 2);
        let mut dealt = vectors;
        for ((dealt, one), other) in dealt.chunks_exact_mut(2).zip(low).zip(high) {
            (dealt[0], dealt[1]) = (one.zip_low(*other), one.zip_high(*other));
        }
        vectors = dealt;
    }
    vectors
}

/// A type whose squares are turned.
pub trait Square: Copy {
    /// Rows and columns of one.
    const SIDE: usize;

    /// Turns a square of rows that are `length` apart into one of columns that are a vector apart.
    fn turn_square<S: Simd>(simd: S, rows: &[Self], length: usize, out: &mut [Self]);
}

impl Square for f32 {
    const SIDE: usize = 4;

    #[inline(always)]
    fn turn_square<S: Simd>(simd: S, rows: &[Self], length: usize, out: &mut [Self]) {
        let (a, b) = (f32x4::from_slice(simd, &rows[..4]), f32x4::from_slice(simd, &rows[length..][..4]));
        let (c, d) = (f32x4::from_slice(simd, &rows[2 * length..][..4]), f32x4::from_slice(simd, &rows[3 * length..][..4]));
        let (ac, ca) = (a.zip_low(c), a.zip_high(c));
        let (bd, db) = (b.zip_low(d), b.zip_high(d));
        let columns = [ac.zip_low(bd), ac.zip_high(bd), ca.zip_low(db), ca.zip_high(db)];
        for (k, column) in columns.into_iter().enumerate() {
            column.store_slice(&mut out[k * Self::WIDTH..][..4]);
        }
    }
}

impl Square for f64 {
    const SIDE: usize = 2;

    #[inline(always)]
    fn turn_square<S: Simd>(simd: S, rows: &[Self], length: usize, out: &mut [Self]) {
        let (a, b) = (f64x2::from_slice(simd, &rows[..2]), f64x2::from_slice(simd, &rows[length..][..2]));
        a.zip_low(b).store_slice(&mut out[..2]);
        a.zip_high(b).store_slice(&mut out[Self::WIDTH..][..2]);
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
    fn eight_rows_become_columns() {
        let numbers: Vec<f64> = (0..97).map(f64::from).collect();
        let rows = core::array::from_fn(|row| &numbers[row * 12..][..13]);
        let mut out = [0.0; WIDE * WIDE];
        dispatch!(Level::new(), simd => {
            for (out, column) in out.chunks_exact_mut(WIDE).zip(turn_eight(simd, &rows, 5)) {
                column.store(out);
            }
        });
        for (place, found) in out.into_iter().enumerate() {
            assert_eq!(found.to_bits(), rows[place % WIDE][5 + place / WIDE].to_bits(), "{place}");
        }
    }

    #[test]
    fn rows_become_columns() {
        check::<f64>();
        check::<f32>();
    }
}
