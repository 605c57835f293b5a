//! Histograms of `f32`, and those that sum to 1, which have sums of their own, beside the exact ones, on every instruction set.

use klrs::element::Storage;
use klrs::lanes::{Level, Real};
use klrs::parallel::Team;
use klrs::transport::{Distance, Histograms, Wanted, histograms};
use klrs::view::{Axes, Plan, View};

mod common;

use common::{levels, uniform};

/// Numbers from 0 to 1, the same at every run.
fn numbers(length: usize, seed: u64) -> Vec<f32> {
    uniform(length, seed).into_iter().map(f32::from_f64).collect()
}

/// The distance of each row, not rounded to `f32`; with sums of any size, which are the exact ones for `f64`.
fn run<T: Storage>(distance: Distance, level: Level, support: &[f64], p: &[T], q: &[T]) -> Vec<f64> {
    run_with(true, distance, level, support, p, q)
}

fn run_with<T: Storage>(normalize: bool, distance: Distance, level: Level, support: &[f64], p: &[T], q: &[T]) -> Vec<f64> {
    let shape = [p.len() / support.len(), support.len()];
    let views = [View::from_slice(p, &shape), View::from_slice(q, &shape)];
    let plan = Plan::in_order(&views[0], Some(&views[1]), None, &Axes::One(-1)).unwrap();
    let tolerances = [1e-6; 2];
    let job = Histograms { plan: &plan, distance, support, normalize, tolerances, level, team: Team::alone() };
    let mut values = vec![0.0; plan.rows];
    histograms(&job, &mut values, Wanted { out: [None, None], weights: None }).unwrap();
    values
}

fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&entry| f64::from(entry)).collect()
}

/// Checks rows against the exact sums, all levels, and each alone.
fn check(support: &[f64], p: &[f32], q: &[f32], case: &str) {
    const BOUND: f64 = 1.0 / (1_u64 << 29) as f64;
    let length = support.len();
    for distance in [Distance::Wasserstein(1.0), Distance::Cumulative(2.0)] {
        let exact = run(distance, Level::new(), support, &wide(p), &wide(q));
        let found = run(distance, Level::new(), support, p, q);
        for (row, (found, exact)) in found.iter().zip(&exact).enumerate() {
            let error = (found - exact).abs();
            assert!(error <= BOUND * exact, "{case} {distance:?} row {row} of {length}: {found:e}, expected {exact:e}");
        }
        for level in levels() {
            assert_eq!(run(distance, level, support, p, q), found, "{case} {distance:?} {level:?} {length}");
        }
        for ((p, q), found) in p.chunks(length).zip(q.chunks(length)).zip(found) {
            assert_eq!(run(distance, Level::new(), support, p, q), [found], "{case} {distance:?} {length}");
        }
    }
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

/// Checks rows that sum to 1 against the exact sums, all levels, each alone, and those that are left of 8.
fn check_fixed(support: &[f64], p: &[f64], q: &[f64], case: &str) {
    /// Both add up terms of 8 steps in one float.
    const BOUND: f64 = 2.0 * f64::EPSILON;
    let length = support.len();
    for distance in [Distance::Wasserstein(1.0), Distance::Cumulative(2.0)] {
        let exact = run(distance, Level::new(), support, p, q);
        let found = run_with(false, distance, Level::new(), support, p, q);
        for (row, (found, exact)) in found.iter().zip(&exact).enumerate() {
            let error = (found - exact).abs();
            assert!(error <= BOUND * exact, "{case} {distance:?} row {row} of {length}: {found:e}, expected {exact:e}");
        }
        for level in levels() {
            assert_eq!(run_with(false, distance, level, support, p, q), found, "{case} {distance:?} {level:?} {length}");
        }
        for ((p, q), found) in p.chunks(length).zip(q.chunks(length)).zip(found) {
            assert_eq!(run_with(false, distance, Level::new(), support, p, q), [found], "{case} {distance:?} {length}");
        }
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
            check_fixed(&support, &p, &q, "near");
        }
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
