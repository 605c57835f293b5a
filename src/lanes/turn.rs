//! Rows of a tile as its columns: squares of 8 x 8 `f64` or 16 x 16 `f32` in registers, smaller tiles one by one.
//!
//! Method: a perfect shuffle of the whole square, log2(width) times. One shuffle interleaves vector i with vector i + width/2.

use super::{Lanes, Level, Real, Simd, dispatch};

/// Puts element `i` of source `j` at `i * step + j`.
///
/// # Panics
///
/// If the sources have not all the length of the first, or `out` is too short.
pub fn turn<T: Real>(sources: &[&[T]], out: &mut [T], step: usize) {
    let length = sources.first().map_or(0, |source| source.len());
    if sources.len() == T::WIDTH && length >= T::WIDTH {
        dispatch!(Level::new(), simd => turn_squares(simd, sources, out, step, length));
    } else {
        for (j, source) in sources.iter().enumerate() {
            for (i, &value) in source[..length].iter().enumerate() {
                out[i * step + j] = value;
            }
        }
    }
}

#[inline(always)]
fn turn_squares<S: Simd, T: Real>(simd: S, sources: &[&[T]], out: &mut [T], step: usize, length: usize) {
    let mut square = [T::Lanes::<S>::splat(simd, T::default()); 16];
    for first in (0..length).step_by(T::WIDTH) {
        // The last square may overlap the one before it, and writes the same once more.
        let first = first.min(length - T::WIDTH);
        for (vector, source) in square[..T::WIDTH].iter_mut().zip(sources) {
            *vector = Lanes::load(simd, &source[first..first + T::WIDTH]);
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
            vector.store(&mut out[(first + i) * step..][..T::WIDTH]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Real>() {
        for count in [1, 3, T::WIDTH] {
            for length in [1, 5, T::WIDTH, 2 * T::WIDTH + 3] {
                let number = |i: usize, j: usize| T::from_f64((100 * i + j) as f64);
                let rows: Vec<Vec<T>> = (0..count).map(|j| (0..length).map(|i| number(i, j)).collect()).collect();
                let rows: Vec<&[T]> = rows.iter().map(Vec::as_slice).collect();
                let step = count + 2;
                let mut out = vec![T::default(); length * step];
                turn(&rows, &mut out, step);
                for i in 0..length {
                    for j in 0..count {
                        assert_eq!(out[i * step + j].to_f64().to_bits(), number(i, j).to_f64().to_bits(), "{count} {length}");
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
