//! Means over draws, on every instruction set that the CPU has, around the edges of blocks and paths, against sums that round nothing.

use klrs::draws::{Job, Of, compute};
use klrs::element::{Boolean, Storage};
use klrs::error::Error;
use klrs::kernel::SHORT;
use klrs::kernel::draws::{BLOCK, CHUNK};
use klrs::lanes::{Level, Real, WIDE, two_sum};
use klrs::parallel::Team;
use klrs::view::{Axes, Plan, View};

mod common;

use common::{levels, uniform};

/// Numbers between -`most` and `most`, the same at every run.
fn numbers(length: usize, seed: u64, most: f64) -> Vec<f64> {
    uniform(length, seed).into_iter().map(|number| most * (2.0 * number - 1.0)).collect()
}

#[derive(Clone, Copy)]
struct Call<'a> {
    of: Of,
    shape: &'a [usize],
    axis: isize,
    mask: Option<&'a [u8]>,
    level: Level,
    threads: usize,
}

fn call(of: Of, shape: &[usize], level: Level) -> Call<'_> {
    Call { of, shape, axis: -1, mask: None, level, threads: 1 }
}

/// The estimates of each row: a value and its error, and the next.
fn run<T: Storage>(call: Call, first: &[T], other: &[T]) -> Result<Vec<f64>, Error> {
    let views = [View::from_slice(first, call.shape), View::from_slice(other, call.shape)];
    let counts: Option<Vec<Boolean>> = call.mask.map(|mask| mask.iter().map(|&byte| Boolean(byte)).collect());
    let mask = counts.as_ref().map(|counts| View::from_slice(counts, call.shape));
    let plan = Plan::in_order(&views[0], Some(&views[1]), mask.as_ref(), &Axes::One(call.axis)).unwrap();
    let team = Team { threads: call.threads, is_interrupted: &|| false };
    let names = ["log_prob_p", "log_prob_q"];
    let job = Job { plan: &plan, of: call.of, names, sampler: 0, single: false, log_base: None, level: call.level, team };
    let mut out = vec![0.0; 2 * call.of.count() * plan.rows];
    compute(&job, &mut out)?;
    Ok(out)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn turned<T: Copy>(flat: &[T], length: usize) -> Vec<T> {
    (0..3 * length).map(|i| flat[i % 3 * length + i / 3]).collect()
}

fn lengths() -> Vec<usize> {
    let edges = [WIDE, SHORT, BLOCK, 2 * BLOCK, 3 * BLOCK, CHUNK, 2 * CHUNK];
    let mut lengths: Vec<usize> = edges.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]).collect();
    lengths.extend([1, 2, 3, 5, 5 * BLOCK + 77]);
    lengths
}

/// A sum of numbers in which next to nothing is rounded.
fn sum(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut rest) = (0.0, 0.0);
    for number in numbers {
        let (next, lost) = two_sum(sum, number);
        (sum, rest) = (next, rest + lost);
    }
    sum + rest
}

/// Mean and standard error, by their definitions.
fn mean(terms: &[f64]) -> [f64; 2] {
    let count = terms.len() as f64;
    let mean = sum(terms.iter().copied()) / count;
    let squares = sum(terms.iter().map(|term| (term - mean) * (term - mean)));
    [mean, (squares / (count - 1.0) / count).sqrt()]
}

/// The estimates by their definitions.
#[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
fn naive(of: Of, ratios: &[f64]) -> Vec<f64> {
    let terms = |f: fn(f64) -> f64| mean(&ratios.iter().map(|&x| f(x)).collect::<Vec<_>>());
    let series = |x: f64| x * (2..30).rev().fold(0.0, |sum, n| (1.0 + sum) * x / f64::from(n));
    match of {
        Of::Ratio => terms(|x| x).to_vec(),
        Of::Estimators => {
            let growth = ratios.iter().map(|&x| if x.abs() < 1.0 { series(-x) } else { (-x).exp_m1() + x });
            [terms(|x| x), terms(|x| 0.5 * x * x), mean(&growth.collect::<Vec<_>>())].concat()
        }
        Of::Weights => {
            let [value, error] = terms(f64::exp);
            vec![value.ln(), error / value]
        }
    }
}

const ALL: [Of; 3] = [Of::Ratio, Of::Estimators, Of::Weights];

/// Near the definitions; the same bits at every level, along another axis, with a mask that leaves nothing out, and alone.
#[test]
fn rows_are_near_the_definitions() {
    let levels = levels();
    for length in lengths() {
        for (of, most) in ALL.into_iter().flat_map(|of| [(of, 0.4), (of, 5.0)]) {
            let other = numbers(3 * length, 1, 2.0);
            let first: Vec<f64> = numbers(3 * length, 2, most).iter().zip(&other).map(|(x, b)| x + b).collect();
            let ratios: Vec<f64> = first.iter().zip(&other).map(|(a, b)| a - b).collect();
            let shape = [3, length];
            let got = run(call(of, &shape, levels[0]), &first, &other).unwrap();
            for row in 0..3 {
                let exact = naive(of, &ratios[row * length..(row + 1) * length]);
                for (estimate, exact) in exact.into_iter().enumerate() {
                    let found = got[3 * estimate + row];
                    let fits = (found - exact).abs() <= 4e-15 * exact.abs().max(most) || (length == 1 && found.is_nan());
                    assert!(fits, "{of:?} {length} {most} {row} {estimate}: {found} {exact}");
                }
            }
            for &level in &levels[1..] {
                assert_eq!(
                    bits(&got),
                    bits(&run(call(of, &shape, level), &first, &other).unwrap()),
                    "{of:?} {length}: {level:?}"
                );
            }
            let columns = [length, 3];
            let across = Call { axis: 0, ..call(of, &columns, levels[0]) };
            let along_0 = run(across, &turned(&first, length), &turned(&other, length)).unwrap();
            assert_eq!(bits(&got), bits(&along_0), "{of:?} {length}: along axis 0");
            let all = vec![1; 3 * length];
            let masked = run(Call { mask: Some(&all), ..call(of, &shape, levels[0]) }, &first, &other).unwrap();
            assert_eq!(bits(&got), bits(&masked), "{of:?} {length}: masked");
            let shared = run(Call { threads: 3, ..call(of, &shape, levels[0]) }, &first, &other).unwrap();
            assert_eq!(bits(&got), bits(&shared), "{of:?} {length}: threads");
            let places = length..2 * length;
            let alone = run(call(of, &[length], levels[0]), &first[places.clone()], &other[places]).unwrap();
            let of_row: Vec<f64> = got.iter().skip(1).step_by(3).copied().collect();
            assert_eq!(bits(&of_row), bits(&alone), "{of:?} {length}: alone");
        }
    }
}

/// Draws that do not count are not looked at, wherever they are and whatever they hold; levels and axes agree.
#[test]
fn masks_leave_nothing_of_a_draw() {
    let levels = levels();
    for length in lengths().into_iter().filter(|&length| length > 2) {
        for of in ALL {
            let (mut first, mut other) = (numbers(3 * length, 3, 3.0), numbers(3 * length, 4, 3.0));
            // The first row begins with a draw that does not count, the last has one that does: its last.
            let mut mask: Vec<u8> = (0..3 * length).map(|i| u8::from(i % 7 % 3 != 0)).collect();
            mask[2 * length..].fill(0);
            mask[3 * length - 1] = 1;
            let kept = |row: usize| (row * length..(row + 1) * length).filter(|&i| mask[i] != 0).collect::<Vec<_>>();
            let exact: Vec<Vec<f64>> =
                (0..3).map(|row| naive(of, &kept(row).into_iter().map(|i| first[i] - other[i]).collect::<Vec<_>>())).collect();
            for i in (0..3 * length).filter(|&i| mask[i] == 0) {
                let padding = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300];
                (first[i], other[i]) = (padding[i % 4], padding[(i + 1) % 3]);
            }
            let shape = [3, length];
            let job = Call { mask: Some(&mask), ..call(of, &shape, levels[0]) };
            let got = run(job, &first, &other).unwrap();
            for (row, exact) in exact.iter().enumerate() {
                for (estimate, exact) in exact.iter().enumerate() {
                    let found = got[3 * estimate + row];
                    let fits = (found - exact).abs() <= 4e-15 * exact.abs().max(9.0) || (row == 2 && found.is_nan());
                    assert!(fits, "{of:?} {length} {row} {estimate}: {found} {exact}");
                }
            }
            for &level in &levels[1..] {
                assert_eq!(bits(&got), bits(&run(Call { level, ..job }, &first, &other).unwrap()), "{of:?} {length}: {level:?}");
            }
            let mask = turned(&mask, length);
            let columns = [length, 3];
            let across = Call { axis: 0, mask: Some(&mask), ..call(of, &columns, levels[0]) };
            let along_0 = run(across, &turned(&first, length), &turned(&other, length)).unwrap();
            assert_eq!(bits(&got), bits(&along_0), "{of:?} {length}: along axis 0");
        }
    }
}

/// Single precision is widened before it is subtracted.
#[test]
fn storage_does_not_matter() {
    for length in lengths() {
        let narrow = |seed| numbers(3 * length, seed, 3.0).into_iter().map(f32::from_f64).collect::<Vec<f32>>();
        let (first, other) = (narrow(5), narrow(6));
        let wide = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        for of in ALL {
            let shape = [3, length];
            let got = run(call(of, &shape, Level::new()), &first, &other).unwrap();
            let expected = run(call(of, &shape, Level::new()), &wide(&first), &wide(&other)).unwrap();
            assert_eq!(bits(&got), bits(&expected), "{of:?} {length}");
        }
    }
}

/// By its kind, then its row, then its draw, on one thread and on several.
#[test]
fn the_first_mistake_is_said() {
    for length in [5, 100, 40_000] {
        let (mut first, mut other) = (vec![-1.0; 4 * length], vec![-2.0; 4 * length]);
        other[1] = f64::INFINITY;
        first[3 * length - 1] = f64::NEG_INFINITY;
        first[2 * length + 3] = f64::NEG_INFINITY;
        first[2] = f64::NAN;
        for threads in [1, 3] {
            let shape = [4, length];
            let job = Call { threads, ..call(Of::Estimators, &shape, Level::new()) };
            let error = run(job, &first, &other).unwrap_err().to_string();
            assert!(error.starts_with("log_prob_p: -inf at index (2, 3), a draw from p"), "{error}");
            let mask: Vec<u8> = first.iter().map(|&x| u8::from(x > f64::NEG_INFINITY)).collect();
            let error = run(Call { mask: Some(&mask), ..job }, &first, &other).unwrap_err().to_string();
            assert!(error.starts_with("log_prob_q: inf at index (0, 1), expected"), "{error}");
            let mask: Vec<u8> = (0..4 * length).map(|i| u8::from(i / length % 2 == 0)).collect();
            let error = run(Call { mask: Some(&mask), ..job }, &first, &other).unwrap_err().to_string();
            assert!(error.starts_with("where: leaves no draw at index 1, expected"), "{error}");
        }
    }
}
