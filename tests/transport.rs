//! Histograms of `f32` and of `f64`, which have sums of their own each, beside exact ones, on every instruction set.

use klrs::element::Storage;
use klrs::lanes::{Level, Real, times_power_of_two};
use klrs::parallel::Team;
use klrs::transport::{Distance, Histograms, Wanted, histograms};
use klrs::view::{Axes, Plan, View};
use num_bigint::BigInt;

mod common;

use common::{levels, uniform};

const DISTANCES: [Distance; 2] = [Distance::Wasserstein(1.0), Distance::Cumulative(2.0)];

/// Numbers from 0 to 1, the same at every run.
fn numbers(length: usize, seed: u64) -> Vec<f32> {
    uniform(length, seed).into_iter().map(f32::from_f64).collect()
}

/// The distance of each row, not rounded to `f32`.
fn run<T: Storage>(distance: Distance, normalize: bool, level: Level, support: &[f64], p: &[T], q: &[T]) -> Vec<f64> {
    let shape = [p.len() / support.len(), support.len()];
    let views = [View::from_slice(p, &shape), View::from_slice(q, &shape)];
    let plan = Plan::in_order(&views[0], Some(&views[1]), None, &Axes::One(-1)).unwrap();
    let tolerances = [1e-6; 2];
    let job = Histograms { plan: &plan, distance, support, normalize, tolerances, level, team: Team::alone() };
    let mut values = vec![0.0; plan.rows];
    histograms(&job, &mut values, Wanted { out: [None, None], weights: None }).unwrap();
    values
}

/// Exponent of the last bit of a float.
fn last_bit(x: f64) -> i32 {
    i32::try_from(x.to_bits() >> 52 & 0x7ff).unwrap().max(1) - 1075
}

/// Numbers as integers, over a power of two.
fn integers(numbers: &[f64]) -> (Vec<BigInt>, i32) {
    let unit = numbers.iter().filter(|&&x| x != 0.0).map(|&x| last_bit(x)).min().unwrap_or_default();
    let integer = |&x: &f64| {
        let bits = (x.to_bits() & ((1 << 52) - 1)) | u64::from(x.abs() >= f64::MIN_POSITIVE) << 52;
        BigInt::from(bits) << (last_bit(x).max(unit) - unit)
    };
    (numbers.iter().map(integer).collect(), unit)
}

/// The nearest float of a quotient times a power of two, or one beside it.
fn quotient(number: &BigInt, over: &BigInt, exponent: i32) -> f64 {
    const BITS: i64 = 100;
    let missing = BITS - (i64::try_from(number.bits()).unwrap() - i64::try_from(over.bits()).unwrap());
    let bits = if missing > 0 { (number << missing) / over } else { number / (over << -missing) };
    times_power_of_two(u128::try_from(bits).unwrap() as f64, exponent - i32::try_from(missing).unwrap())
}

/// The distance of a row, from the definition, in integers.
fn exact(distance: Distance, support: &[f64], p: &[f64], q: &[f64]) -> f64 {
    let (entries, _) = integers(&[p, q].concat());
    let (support, unit) = integers(support);
    let (p, q) = entries.split_at(p.len());
    let (of_p, of_q): (BigInt, BigInt) = (p.iter().sum(), q.iter().sum());
    let [mut difference, mut sum] = [BigInt::ZERO, BigInt::ZERO];
    for ((p, q), positions) in p.iter().zip(q).zip(support.windows(2)) {
        difference += p * &of_q - q * &of_p;
        let term =
            if distance == DISTANCES[0] { BigInt::from(difference.magnitude().clone()) } else { &difference * &difference };
        sum += term * (&positions[1] - &positions[0]);
    }
    let total = of_p * of_q;
    if distance == DISTANCES[0] { quotient(&sum, &total, unit) } else { (2.0 * quotient(&sum, &(&total * &total), unit)).sqrt() }
}

/// Checks rows against the exact distance, all levels, and each alone.
fn check_rows<T: Storage + Real>(bound: f64, normalize: bool, support: &[f64], [p, q]: [&[T]; 2], case: &str) {
    let length = support.len();
    let wide = |row: &[T]| -> Vec<f64> { row.iter().map(|&entry| entry.to_f64()).collect() };
    for distance in DISTANCES {
        let found = run(distance, normalize, Level::new(), support, p, q);
        for (row, ((p, q), &found)) in p.chunks(length).zip(q.chunks(length)).zip(&found).enumerate() {
            let exact = exact(distance, support, &wide(p), &wide(q));
            let error = (found - exact).abs();
            assert!(error <= bound * exact, "{case} {distance:?} row {row} of {length}: {found:e}, expected {exact:e}");
            assert_eq!(run(distance, normalize, Level::new(), support, p, q), [found], "{case} {distance:?} {length}");
        }
        for level in levels() {
            assert_eq!(run(distance, normalize, level, support, p, q), found, "{case} {distance:?} {level:?} {length}");
        }
    }
}

/// Checks rows of `f32`, which may have any sum.
fn check(support: &[f64], p: &[f32], q: &[f32], case: &str) {
    check_rows(1.0 / (1_u64 << 29) as f64, true, support, [p, q], case);
}

fn positions(length: usize) -> Vec<f64> {
    (0..length).map(|position| position as f64).collect()
}

#[test]
fn rows_of_any_length() {
    for length in [1, 2, 7, 8, 31, 32, 33, 63, 64, 65, 100, 128, 1000, 5000] {
        let (p, q) = (numbers(11 * length, 1), numbers(11 * length, 2));
        check(&positions(length), &p, &q, "random");
        let even: Vec<f64> = positions(length).iter().map(|position| position * position).collect();
        check(&even, &p, &q, "uneven steps");
    }
}

#[test]
fn rows_near_equality_and_in_proportion() {
    let length = 300;
    let p = numbers(9 * length, 3);
    let support = positions(length);
    let of = |change: &dyn Fn(usize, f32) -> f32| -> Vec<f32> { p.iter().enumerate().map(|(i, &x)| change(i, x)).collect() };
    check(&support, &p, &p, "equal");
    check(&support, &p, &of(&|_, x| 4.0 * x), "in proportion");
    check(&support, &p, &of(&|_, x| 3.7 * x), "nearly in proportion");
    check(&support, &p, &of(&|_, x| x.next_up()), "one up");
    check(&support, &p, &of(&|i, x| if i % length == 150 { x.next_up() } else { x }), "one up, once");
    check(&support, &p, &of(&|i, x| if i % 3 == 0 { x.next_up() } else { 3.0 * x }), "some up");
    check(&support, &p, &of(&|i, x| if i % length == 7 { 1.0 } else { x * 1e-30 }), "nearly one-hot");
    let small = of(&|_, x| x * 1e-30);
    check(&support, &small, &numbers(9 * length, 4), "small beside large");
    check(&support, &of(&|i, x| if i % 2 == 0 { x } else { x * 1e-40 }), &small, "subnormal");
}

#[test]
fn supports_on_which_small_differences_count() {
    // After the first entries, which differ by much on the shortest of steps, there is little left, and it goes far.
    let support = [0.0, 1e-12, 1.0, 1.5];
    let (p, q) = ([0.5, 1e-10, 0.5, 0.0], [0.0, 0.5, 0.5, 1.5e-10]);
    check(&support, &p, &q, "short and long steps");
}

/// Rows that sum to 1, but for their rounding and `excess`.
fn distributions(length: usize, rows: usize, seed: u64, excess: f64) -> Vec<f64> {
    let mut numbers = uniform(rows * length, seed);
    for row in numbers.chunks_mut(length) {
        let sum: f64 = row.iter().sum();
        for entry in row {
            *entry *= (1.0 + excess) / sum;
        }
    }
    numbers
}

/// Checks rows that sum to 1, as they are and in other units.
fn check_fixed(support: &[f64], p: &[f64], q: &[f64], case: &str) {
    check_fixed_within(2.0 * f64::EPSILON, support, p, q, case);
}

fn check_fixed_within(bound: f64, support: &[f64], p: &[f64], q: &[f64], case: &str) {
    check_rows(bound, false, support, [p, q], case);
    let times = |row: &[f64], factor: f64| -> Vec<f64> { row.iter().map(|entry| factor * entry).collect() };
    for factors in [[1.0, 1.0], [1e6, 0.3], [1.1e-60, 7.0]] {
        check_rows(bound, true, support, [&times(p, factors[0]), &times(q, factors[1])], case);
    }
}

#[test]
fn rows_that_sum_to_one() {
    for length in [1, 2, 7, 8, 9, 63, 64, 65, 66, 129, 1000, 5000] {
        // Up to 2^-44 it is put in at the end.
        for excess in [0.0, 9e-7, -9e-7, 5.6e-14, -5.6e-14, 5.8e-14, 1e-17] {
            let (p, q) = (distributions(length, 19, 5, excess), distributions(length, 19, 6, 0.0));
            check_fixed(&positions(length), &p, &q, "random");
            let uneven: Vec<f64> = positions(length).iter().map(|position| position * position * position * 1e-6).collect();
            check_fixed(&uneven, &p, &q, "uneven steps");
        }
    }
    let (p, q) = (distributions(100_000, 2, 7, 0.0), distributions(100_000, 2, 8, 1e-9));
    check_fixed(&positions(100_000), &p, &q, "long");
}

#[test]
fn rows_whose_cumulative_sums_meet() {
    let (length, rows) = (300, 19);
    let support = positions(length);
    for excess in [0.0, 1e-15, -1e-15, 5e-14, -5e-14, 1e-9] {
        let (mut p, mut q) = (distributions(length, rows, 11, 0.0), distributions(length, rows, 12, excess));
        check_fixed(&support, &p, &q, "all over");
        for (row, (p, q)) in p.chunks_mut(length).zip(q.chunks_mut(length)).enumerate() {
            // Not all rows of 8 at once.
            match row % 4 {
                // Nothing at the ends: what is left of the difference is that of the sums.
                0 => {
                    for row in [&mut *p, q] {
                        row[..100].fill(0.0);
                        row[200..].fill(0.0);
                        let sum: f64 = row.iter().sum();
                        for entry in row.iter_mut() {
                            *entry /= sum;
                        }
                    }
                    for entry in q.iter_mut() {
                        *entry *= 1.0 + excess;
                    }
                }
                // The same in another order up to the middle.
                1 => {
                    q[..150].copy_from_slice(&p[..150]);
                    q[..150].reverse();
                    let [of_p, of_q] = [&p, &q].map(|row| row[150..].iter().sum::<f64>());
                    q[150..].iter_mut().for_each(|entry| *entry *= of_p / of_q * (1.0 + 2.0 * excess));
                }
                // The same up to the middle.
                2 => {
                    let [of_p, of_q] = [&p, &q].map(|row| row[150..].iter().sum::<f64>());
                    q[..150].copy_from_slice(&p[..150]);
                    q[150..].iter_mut().for_each(|entry| *entry *= of_p / of_q * (1.0 + 2.0 * excess));
                }
                _ => {}
            }
        }
        check_fixed(&support, &p, &q, "in places");
    }
}

#[test]
fn rows_that_sum_to_one_and_are_nearly_equal_or_far_apart() {
    let (length, rows) = (300, 16);
    let p = distributions(length, rows, 9, 0.0);
    let support = positions(length);
    // Beside rows that have an exact sum, others keep their bits: each second row is another.
    for near in [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3] {
        for excess in [0.0, 5e-14] {
            let mut q = distributions(length, rows, 10, excess);
            for (p, q) in p.chunks(length).zip(q.chunks_mut(length)).step_by(2) {
                for (i, (p, q)) in p.iter().zip(&mut *q).enumerate() {
                    *q = if i % 2 == 0 { p * (1.0 + near) } else { p * (1.0 - near) };
                }
                let sum: f64 = q.iter().sum();
                for entry in q {
                    *entry *= (1.0 + excess) / sum;
                }
            }
            let bound = if near < 1e-9 { 1e-13 } else { 2.0 * f64::EPSILON };
            check_fixed_within(bound, &support, &p, &q, "near");
        }
    }
    for normalize in [false, true] {
        check_rows(0.0, normalize, &support, [&p, &p], "equal");
    }
    let (mut first, mut last) = (vec![0.0; length], vec![0.0; length]);
    (first[0], last[length - 1]) = (1.0, 1.0);
    check_fixed(&support, &first, &last, "ends");
    check_fixed(&support, &last, &first, "other ends");
    let (mut p, mut q) = (vec![1e-300; length], vec![0.0; length]);
    (p[7], q[8]) = (1.0, 1.0);
    check_fixed(&support, &p, &q, "tiny entries");
    p[9] = -0.0;
    check_fixed(&support, &p, &q, "a negative zero");
}
