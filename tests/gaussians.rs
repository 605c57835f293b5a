//! Gaussians beside the standard one, on every instruction set that the CPU has, around the edges of blocks and paths, against a naive loop.

use klrs::element::{Boolean, Elements, Storage};
use klrs::gaussian::{Job, Wanted, compute};
use klrs::kernel::{SHORT, block, chunk};
use klrs::lanes::half::BF16;
use klrs::lanes::{Level, Real};
use klrs::parallel::Team;
use klrs::view::{Axes, Plan, View};

mod common;

use common::{levels, uniform};

/// Numbers between -`most` and `most`, the same at every run.
fn numbers<T: Real>(length: usize, seed: u64, most: f64) -> Vec<T> {
    uniform(length, seed).into_iter().map(|number| T::from_f64(most * (2.0 * number - 1.0))).collect()
}

/// The term of an entry by its definition, with the series near 0.
#[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
fn naive(mean: f64, log_variance: f64) -> f64 {
    let v = log_variance;
    let rest = if v.abs() < 1.0 { v * (2..30).rev().fold(0.0, |sum, n| (1.0 + sum) * v / f64::from(n)) } else { v.exp_m1() - v };
    0.5 * (mean * mean + rest)
}

#[derive(Clone, Copy)]
struct Call<'a> {
    shape: &'a [usize],
    axis: isize,
    free: Option<f64>,
    mask: Option<&'a [u8]>,
    weights: Option<&'a [f64]>,
    level: Level,
    threads: usize,
}

fn call(shape: &[usize], level: Level) -> Call<'_> {
    Call { shape, axis: -1, free: None, mask: None, weights: None, level, threads: 1 }
}

/// Values and both gradients.
fn run<T: Real + Storage>(call: Call, mean: &[T], log_variance: &[T]) -> [Vec<T>; 3] {
    let views = [View::from_slice(mean, call.shape), View::from_slice(log_variance, call.shape)];
    let counts: Option<Vec<Boolean>> = call.mask.map(|mask| mask.iter().map(|&byte| Boolean(byte)).collect());
    let mask = counts.as_ref().map(|counts| View::from_slice(counts, call.shape));
    let plan = Plan::in_order(&views[0], Some(&views[1]), mask.as_ref(), &Axes::One(call.axis)).unwrap();
    let team = Team { threads: call.threads, is_interrupted: &|| false };
    let job = Job { plan: &plan, free: call.free, log_base: None, level: call.level, team };
    let places = plan.rows * plan.length;
    let mut results = [vec![T::default(); plan.rows], vec![T::default(); places], vec![T::default(); places]];
    let [values, by_mean, by_variance] = &mut results;
    let out = [Some(Elements::Real(by_mean)), Some(Elements::Real(by_variance))];
    compute(&job, values, Wanted { out, weights: call.weights }).unwrap();
    let mut alone = vec![T::default(); plan.rows];
    compute(&job, &mut alone, Wanted { out: [None, None], weights: None }).unwrap();
    assert_eq!(bits(values), bits(&alone), "with and without gradients");
    results
}

fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.to_f64().to_bits()).collect()
}

fn lengths<T: Real>() -> Vec<usize> {
    let edges = [T::WIDTH, SHORT, 2 * T::WIDTH, block::<T>(), 4 * block::<T>(), 8 * block::<T>(), chunk::<T>(), 2 * chunk::<T>()];
    let mut lengths: Vec<usize> = edges.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]).collect();
    lengths.extend([1, 2, 3, 5]);
    lengths
}

/// Near the naive loop; the same bits at every level, along another axis, and with a mask that leaves nothing out.
fn check<T: Real + Storage>(bound: f64) {
    let levels = levels();
    for length in lengths::<T>() {
        for most in [1e-3, 1.0, 6.0] {
            let (mean, log_variance) = (numbers::<T>(3 * length, 1, most), numbers::<T>(3 * length, 2, most));
            let shape = [3, length];
            let got = run(call(&shape, levels[0]), &mean, &log_variance);
            for (row, value) in got[0].iter().enumerate() {
                let places = row * length..(row + 1) * length;
                let entries = mean[places.clone()].iter().zip(&log_variance[places]);
                let exact: f64 = entries.map(|(m, v)| naive(m.to_f64(), v.to_f64())).sum();
                assert!((value.to_f64() / exact - 1.0).abs() < bound, "{length}: {} {exact}", value.to_f64());
            }
            assert_eq!(bits(&got[1]), bits(&mean), "{length}: by the mean");
            for &level in &levels[1..] {
                let other = run(call(&shape, level), &mean, &log_variance);
                assert_eq!(got.each_ref().map(|it| bits(it)), other.each_ref().map(|it| bits(it)), "{length}: {level:?}");
            }
            let turned = |flat: &[T]| (0..3 * length).map(|i| flat[i % 3 * length + i / 3]).collect::<Vec<T>>();
            let columns = [length, 3];
            let across = Call { axis: 0, ..call(&columns, levels[0]) };
            let other = run(across, &turned(&mean), &turned(&log_variance));
            assert_eq!(got.each_ref().map(|it| bits(it)), other.each_ref().map(|it| bits(it)), "{length}: along axis 0");
            let all = vec![1; 3 * length];
            let masked = run(Call { mask: Some(&all), ..call(&shape, levels[0]) }, &mean, &log_variance);
            assert_eq!(got.each_ref().map(|it| bits(it)), masked.each_ref().map(|it| bits(it)), "{length}: masked");
            let free = run(Call { free: Some(0.0), ..call(&shape, levels[0]) }, &mean, &log_variance);
            assert_eq!(bits(&got[0]), bits(&free[0]), "{length}: a floor of 0");
        }
    }
}

#[test]
fn double_rows_are_near_the_naive_loop() {
    check::<f64>(1e-14);
}

#[test]
fn single_rows_are_near_the_naive_loop() {
    check::<f32>(1e-6);
}

#[test]
fn threads_change_no_bit() {
    for shape in [[700, 100], [3, 3 * chunk::<f32>() + 7], [40_000, 3]] {
        let count = shape[0] * shape[1];
        let (mean, log_variance) = (numbers::<f32>(count, 3, 2.0), numbers::<f32>(count, 4, 2.0));
        for axis in [0, 1] {
            let [one, four] = [1, 4].map(|threads| {
                let of = Call { threads, axis, free: Some(0.1), ..call(&shape, Level::new()) };
                run(of, &mean, &log_variance).map(|it| bits(&it))
            });
            assert_eq!(one, four, "{shape:?} along {axis}");
        }
    }
}

#[test]
fn floors_count_where_a_term_is_not_above() {
    for length in [5, 100, chunk::<f64>() + 9] {
        let (mean, log_variance) = (numbers::<f64>(length, 5, 1.0), numbers::<f64>(length, 6, 1.0));
        let mask: Vec<u8> = (0..length).map(|i| u8::from(i % 3 != 1)).collect();
        let shape = [length];
        let of = Call { free: Some(0.2), mask: Some(&mask), weights: Some(&[2.0]), ..call(&shape, Level::new()) };
        let [value, by_mean, by_variance] = run(of, &mean, &log_variance);
        let mut exact = 0.0;
        for i in 0..length {
            let term = naive(mean[i], log_variance[i]);
            let is_free = mask[i] == 0 || term <= 0.2;
            exact += if mask[i] == 0 { 0.0 } else { term.max(0.2) };
            assert_eq!(by_mean[i].to_bits(), f64::to_bits(if is_free { 0.0 } else { 2.0 * mean[i] }));
            assert_eq!(by_variance[i].to_bits() == 0, is_free);
        }
        // The naive sum has an error of its own.
        assert!((value[0] / exact - 1.0).abs() < 1e-12, "{} {exact}", value[0]);
    }
}

#[test]
fn what_f32_cannot_sum_is_summed_in_f64() {
    for length in [3, 40, chunk::<f32>() + 1] {
        let shape = [length];
        let zeros = vec![0.0_f32; length];
        // Each term has few digits in f32 or none.
        let tiny = vec![1e-21_f32; length];
        let exact = 0.5 * f64::from(tiny[0]) * f64::from(tiny[0]) * length as f64;
        let value = run(call(&shape, Level::new()), &tiny, &zeros)[0][0];
        assert_eq!(value.to_bits(), f32::from_f64(exact).to_bits(), "{length}");
        // Half of e^v is a float where e^v is none.
        let mut large = zeros.clone();
        large[length / 2] = 89.25;
        let value = run(call(&shape, Level::new()), &zeros, &large)[0][0];
        assert!((f64::from(value) / naive(0.0, 89.25) - 1.0).abs() < 1e-6, "{value}");
        // The sum is beyond f32, its share in the units of a base is not.
        let mean = vec![2e19_f32; length];
        let (mean, log_variance) = (View::from_slice(&mean, &shape), View::from_slice(&zeros, &shape));
        let plan = Plan::in_order(&mean, Some(&log_variance), None, &Axes::One(-1)).unwrap();
        let job = Job { plan: &plan, free: None, log_base: Some(1e6), level: Level::new(), team: Team::alone() };
        let mut value = [0.0_f32];
        compute(&job, &mut value, Wanted { out: [None, None], weights: None }).unwrap();
        assert!((f64::from(value[0]) / (2e32 * length as f64) - 1.0).abs() < 1e-6, "{}", value[0]);
    }
}

#[test]
fn sums_beyond_f64_are_right_in_units_of_a_base() {
    let (mean, log_variance) = ([1.5e154, 1.5e154, 0.0], [0.0, 0.0, 710.0]);
    let shape = [3];
    let views = [View::from_slice(&mean, &shape), View::from_slice(&log_variance, &shape)];
    let plan = Plan::in_order(&views[0], Some(&views[1]), None, &Axes::One(-1)).unwrap();
    let job = Job { plan: &plan, free: None, log_base: Some(4.0), level: Level::new(), team: Team::alone() };
    let mut value = [0.0_f64];
    compute(&job, &mut value, Wanted { out: [None, None], weights: None }).unwrap();
    let exact = 0.5 * 1.5e154 * (1.5e154 / 4.0) * 2.0 + naive(0.0, 709.0) * (core::f64::consts::E / 4.0);
    assert!((value[0] / exact - 1.0).abs() < 1e-12, "{} {exact}", value[0]);
}

#[test]
fn a_row_with_nan_is_nan_and_others_are_not() {
    for length in [4, 50, chunk::<f64>() + 5] {
        let (mut mean, log_variance) = (numbers::<f64>(3 * length, 7, 1.0), numbers::<f64>(3 * length, 8, 1.0));
        let shape = [3, length];
        let clean = run(call(&shape, Level::new()), &mean, &log_variance);
        mean[length + 1] = f64::NAN;
        let mut mask = vec![1; 3 * length];
        mask[length + 2] = 0;
        for free in [None, Some(0.0)] {
            let of = Call { free, mask: Some(&mask), ..call(&shape, Level::new()) };
            let got = run(of, &mean, &log_variance);
            assert!(got[0][1].is_nan());
            for gradient in [1, 2] {
                let row = &got[gradient][length..2 * length];
                assert!(row.iter().enumerate().all(|(i, by)| if i == 2 { by.to_bits() == 0 } else { by.is_nan() }));
                assert_eq!(bits(&got[gradient][..length]), bits(&clean[gradient][..length]));
            }
            assert_eq!(bits(&got[0][..1]), bits(&clean[0][..1]));
        }
    }
}

#[test]
fn half_floats_get_what_single_ones_are_rounded_to() {
    for length in [7, 300, 2 * chunk::<f32>()] {
        let single: Vec<f32> = numbers::<f32>(2 * length, 9, 3.0);
        let mut halves = vec![BF16::default(); 2 * length];
        f32::to_halves(Level::new(), &single, &mut halves);
        let mut wide = vec![0.0_f32; 2 * length];
        f32::from_halves(Level::new(), &halves, &mut wide);
        let shape = [2, length];
        let [values, _, by_variance] = run(call(&shape, Level::new()), &wide, &wide);
        let view = View::from_slice(&halves, &shape);
        let plan = Plan::in_order(&view, Some(&view), None, &Axes::One(-1)).unwrap();
        let job = Job { plan: &plan, free: None, log_base: None, level: Level::new(), team: Team::alone() };
        let (mut got, mut by) = (vec![0.0_f32; 2], [vec![BF16::default(); 2 * length], vec![BF16::default(); 2 * length]]);
        let [of_mean, of_variance] = &mut by;
        let out = [Some(Elements::BF16(of_mean)), Some(Elements::BF16(of_variance))];
        compute(&job, &mut got, Wanted { out, weights: None }).unwrap();
        assert_eq!(bits(&got), bits(&values), "{length}");
        let mut rounded = vec![BF16::default(); 2 * length];
        f32::to_halves(Level::new(), &by_variance, &mut rounded);
        assert!(by[0].iter().zip(&halves).all(|(by, half)| by.0 == half.0));
        assert!(by[1].iter().zip(&rounded).all(|(by, half)| by.0 == half.0));
    }
}
