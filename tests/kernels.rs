//! Every verb, on every instruction set that the CPU has, for every length around the edges of blocks and paths, against a naive loop.

#![expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "weights below 100 fit everywhere")]

use klrs::element::{Boolean, Elements, Storage};
use klrs::error::Error;
use klrs::kernel::logits::{Binary, Part, Single};
use klrs::kernel::{SHORT, block, chunk};
use klrs::lanes::half::{BF16, F16};
use klrs::lanes::{Level, Real, power_of_two};
use klrs::logits::{self, Labels, Of, Wanted};
use klrs::parallel::Team;
use klrs::reduce::{Job, reduce};
use klrs::verb::{Compute, Masses, Parameters, Verb};
use klrs::view::{Axes, Plan, View};

mod common;

use common::{levels, uniform};

/// A distribution, rounded to the type; `sparse` ones have zeros where others have too.
fn distribution<T: Real>(length: usize, seed: u64, sparse: bool) -> Vec<T> {
    let mut weights = uniform(length, seed);
    if sparse {
        for weight in weights.iter_mut().skip(1).step_by(3) {
            *weight = 0.0;
        }
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| T::from_f64(weight / sum)).collect()
}

/// The verb by its definition, one entry after another, in `f64` and with the platform's functions; families by their default, 1/2.
#[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
fn naive(verb: Verb, p: &[f64], q: &[f64]) -> f64 {
    let x_ln_y = |x: f64, y: f64| if x == 0.0 { 0.0 } else { x * y.ln() };
    let kl = |p: f64, q: f64| x_ln_y(p, p / q) - p + q;
    let js = |p: f64, q: f64| 0.5 * (kl(p, 0.5 * (p + q)) + kl(q, 0.5 * (p + q)));
    let square = |x: f64, over: f64| if x == 0.0 { 0.0 } else { x * x / over };
    let power = |a: f64| {
        move |p: f64, q: f64| {
            let product = if p == 0.0 || q == 0.0 { 0.0 } else { p.powf(a) * q.powf(1.0 - a) };
            (product - a * p - (1.0 - a) * q) / (a * (a - 1.0))
        }
    };
    let sum = |term: &dyn Fn(f64, f64) -> f64| p.iter().zip(q).map(|(&p, &q)| term(p, q)).sum::<f64>();
    let overlap = sum(&|p, q| (p * q).sqrt());
    let powers = sum(&|p, _| p.sqrt());
    match verb {
        Verb::Entropy => sum(&|p, _| -x_ln_y(p, p)),
        Verb::CrossEntropy => sum(&|p, q| -x_ln_y(p, q)),
        Verb::Perplexity => sum(&|p, q| -x_ln_y(p, q)).exp(),
        Verb::KlDivergence | Verb::GeneralizedKlDivergence => sum(&kl),
        Verb::JsDivergence => sum(&js),
        Verb::JsDistance => sum(&js).sqrt(),
        Verb::JeffreysDivergence | Verb::PopulationStabilityIndex => sum(&|p, q| kl(p, q) + kl(q, p)),
        Verb::SkewDivergence | Verb::KDivergence => sum(&|p, q| kl(p, 0.5 * (p + q))),
        Verb::TotalVariationDistance => sum(&|p, q| 0.5 * (p - q).abs()),
        Verb::HellingerDistance => sum(&|p, q| 0.5 * (p.sqrt() - q.sqrt()).powi(2)).sqrt(),
        Verb::BhattacharyyaCoefficient => overlap,
        Verb::BhattacharyyaDistance => -overlap.ln(),
        Verb::Chi2Divergence => sum(&|p, q| square(p - q, q)),
        Verb::NeymanChi2Divergence => sum(&|p, q| square(p - q, p)),
        Verb::TriangularDiscrimination => sum(&|p, q| square(p - q, p + q)),
        Verb::PowerDivergence => sum(&power(1.5)),
        Verb::AlphaDivergence => sum(&power(0.25)),
        Verb::TsallisDivergence => 0.5 * sum(&power(0.5)),
        Verb::RenyiDivergence => -2.0 * overlap.ln(),
        Verb::MinEntropy => -p.iter().fold(0.0, |most: f64, &p| most.max(p)).ln(),
        Verb::TsallisEntropy => 2.0 * (powers - 1.0),
        Verb::RenyiEntropy => 2.0 * powers.ln(),
    }
}

fn has_two_operands(verb: Verb) -> bool {
    f64::kernel(verb, Parameters::default()).operands() == 2
}

fn run<T: Compute>(verb: Verb, masses: Masses, level: Level, p: &[T], q: &[T], shape: &[usize]) -> Result<Vec<T>, Error> {
    run_along(-1, verb, masses, level, [p, q], shape)
}

/// Distributions that run along the axis.
fn run_along<T: Compute>(
    axis: isize,
    verb: Verb,
    masses: Masses,
    level: Level,
    [p, q]: [&[T]; 2],
    shape: &[usize],
) -> Result<Vec<T>, Error> {
    let (p, q) = (View::from_slice(p, shape), View::from_slice(q, shape));
    let plan = Plan::new(&p, has_two_operands(verb).then_some(&q), None, &Axes::One(axis))?;
    let job = Job { plan: &plan, verb, parameters: Parameters::default(), masses, log_base: None, level, team: Team::alone() };
    let mut values = vec![T::default(); plan.rows];
    reduce(&job, &mut values)?;
    Ok(values)
}

fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.to_f64().to_bits()).collect()
}

/// One row of each length: near the naive loop, the same bits at every level, alone and in a batch.
fn check<T: Compute>(lengths: impl Iterator<Item = usize>, bound: f64) {
    let levels = levels();
    for length in lengths {
        for (seed, sparse) in [(1, false), (2, true)] {
            let rows: Vec<_> = (0..3).map(|row| distribution::<T>(length, 97 * seed + row, sparse)).collect();
            let others: Vec<_> = (0..3).map(|row| distribution::<T>(length, 89 * seed + row, sparse)).collect();
            let (p, q) = (rows.concat(), others.concat());
            for &verb in Verb::ALL {
                for masses in [verb.masses(), Masses::Normalize] {
                    let batch = run(verb, masses, levels[0], &p, &q, &[3, length]).unwrap();
                    let alone = run(verb, masses, levels[0], &rows[1], &others[1], &[length]).unwrap();
                    assert_eq!(bits(&batch[1..2]), bits(&alone), "{verb:?} {length}: alone");
                    for &level in &levels[1..] {
                        let other = run(verb, masses, level, &p, &q, &[3, length]).unwrap();
                        assert_eq!(bits(&batch), bits(&other), "{verb:?} {length}: {level:?}");
                    }
                    for (row, got) in batch.iter().enumerate() {
                        let wide = |x: &[T]| {
                            let sum = if masses == Masses::Normalize { x.iter().map(|x| x.to_f64()).sum() } else { 1.0 };
                            x.iter().map(|x| x.to_f64() / sum).collect::<Vec<_>>()
                        };
                        let exact = naive(verb, &wide(&rows[row]), &wide(&others[row]));
                        let error = (got.to_f64() - exact).abs();
                        assert!(error <= bound * exact.abs().max(1e-3), "{verb:?} {length}: {} is not {exact}", got.to_f64());
                    }
                }
            }
        }
    }
}

/// Entries on both sides of the smallest that needs no lift, and their neighbours: rows are swept as they are or lifted, columns are
/// always lifted.
fn check_lift<T: Compute>() {
    let length = 3 * block::<T>() + 5;
    for (row, tiny) in
        [1.0, 0.0, T::MIN_POSITIVE.to_f64(), power_of_two(T::ORDINARY), power_of_two(T::ORDINARY - 1)].into_iter().enumerate()
    {
        for place in [0, block::<T>() + 3, length - 1] {
            let mut p = distribution::<T>(length, 5 + row as u64, false);
            let rest = p[place].to_f64() - tiny / length as f64;
            p[place] = T::from_f64(tiny / length as f64);
            let large = (1..length - 1).rev().find(|&i| p[i].to_f64() > 1.0 / length as f64 && i != place).unwrap();
            p[large] = T::from_f64(p[large].to_f64() + rest);
            let mut q: Vec<T> = p.iter().map(|&p| T::from_f64(p.to_f64() * (1.0 + 2e-7))).collect();
            q.swap(0, length / 2);
            let shape = [length, 2];
            let columns = |x: &[T]| x.iter().flat_map(|&x| [x, x]).collect::<Vec<_>>();
            for &verb in Verb::ALL {
                let alone = run(verb, Masses::One, Level::new(), &p, &q, &[length]).unwrap();
                let both = run_along(0, verb, Masses::One, Level::new(), [&columns(&p), &columns(&q)], &shape).unwrap();
                assert_eq!([bits(&alone), bits(&alone)].concat(), bits(&both), "{verb:?}: {tiny:e} at {place}");
            }
        }
    }
}

#[test]
fn rows_that_need_no_lift_have_the_same_bits() {
    check_lift::<f64>();
    check_lift::<f32>();
}

/// All lengths to three blocks and one.
fn lengths<T: Real>() -> impl Iterator<Item = usize> {
    1..=3 * block::<T>() + 1
}

fn around<T: Real>() -> impl Iterator<Item = usize> {
    [8 * block::<T>(), chunk::<T>(), 2 * chunk::<T>(), 3 * chunk::<T>()].into_iter().flat_map(|n| n - 1..=n + 1)
}

#[test]
fn f64_agrees_with_the_naive_loop_at_every_length() {
    check::<f64>(lengths::<f64>(), 1e-12);
}

#[test]
fn f32_agrees_with_the_naive_loop_at_every_length() {
    check::<f32>(lengths::<f32>(), 2e-6);
}

#[test]
fn rows_around_the_switches_of_paths_agree() {
    check::<f64>(around::<f64>(), 1e-11);
    check::<f32>(around::<f32>(), 2e-6);
}

/// The same rows side by side in memory, where lanes run across them.
fn check_columns<T: Compute>() {
    for length in [3, SHORT + 1, block::<T>(), block::<T>() + 5, 9 * block::<T>() + 1, chunk::<T>() + 17] {
        for rows in [2, T::WIDTH + 1, 130] {
            let of = |seed: usize| -> Vec<T> {
                (0..rows).flat_map(|row| distribution::<T>(length, (seed + row) as u64, row % 3 == 1)).collect()
            };
            let turned =
                |rows_first: &[T]| -> Vec<T> { (0..length * rows).map(|i| rows_first[i % rows * length + i / rows]).collect() };
            let (p, q) = (of(1), of(1000));
            let (p_turned, q_turned) = (turned(&p), turned(&q));
            // Levels that emulate fma are slow, and wide rows show them nothing new.
            let levels = if rows * length > 100_000 { vec![Level::new()] } else { levels() };
            for verb in [Verb::CrossEntropy, Verb::JsDivergence] {
                for masses in [Masses::One, Masses::Normalize] {
                    let along = run(verb, masses, Level::new(), &p, &q, &[rows, length]).unwrap();
                    for &level in &levels {
                        let across = run_along(0, verb, masses, level, [&p_turned, &q_turned], &[length, rows]).unwrap();
                        assert_eq!(bits(&along), bits(&across), "{verb:?} {masses:?} {length} {rows} {level:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn rows_that_lie_side_by_side_have_the_same_bits() {
    check_columns::<f64>();
    check_columns::<f32>();
}

/// Weights stored as `S` have the bits of the same weights stored as the compute type, on every path.
fn check_storage<S: Storage, T: Compute>(store: impl Fn(u16) -> S) {
    for length in [1, 7, SHORT, SHORT + 1, 300, 1500] {
        let stored =
            |seed: u16| -> Vec<S> { (0..3 * length as u16).map(|i| store(1 + (i.wrapping_mul(31) ^ seed) % 90)).collect() };
        let (p, q) = (stored(3), stored(11));
        let plain = |run: &[S]| {
            let mut out = vec![T::default(); run.len()];
            S::convert(run, &mut out);
            out
        };
        let as_plain = run(Verb::KlDivergence, Masses::Normalize, Level::new(), &plain(&p), &plain(&q), &[3, length]).unwrap();
        let shape = [3, length];
        let (p, q) = (View::from_slice(&p, &shape), View::from_slice(&q, &shape));
        let plan = Plan::new(&p, Some(&q), None, &Axes::One(-1)).unwrap();
        for level in levels() {
            let job = Job {
                plan: &plan,
                verb: Verb::KlDivergence,
                parameters: Parameters::default(),
                masses: Masses::Normalize,
                log_base: None,
                team: Team::alone(),
                level,
            };
            let mut values = vec![T::default(); plan.rows];
            reduce(&job, &mut values).unwrap();
            assert_eq!(bits(&values), bits(&as_plain), "{:?} {length} {level:?}", S::DTYPE);
        }
    }
}

#[test]
fn every_dtype_has_the_bits_of_its_values() {
    check_storage::<F16, f32>(|x| F16(half::f16::from_f32(f32::from(x)).to_bits()));
    check_storage::<BF16, f32>(|x| BF16(half::bf16::from_f32(f32::from(x)).to_bits()));
    check_storage::<F16, f64>(|x| F16(half::f16::from_f32(f32::from(x)).to_bits()));
    check_storage::<BF16, f64>(|x| BF16(half::bf16::from_f32(f32::from(x)).to_bits()));
    check_storage::<f32, f32>(f32::from);
    check_storage::<f32, f64>(f32::from);
    check_storage::<f64, f64>(f64::from);
    check_storage::<i8, f64>(|x| x as i8);
    check_storage::<u8, f64>(|x| x as u8);
    check_storage::<i16, f64>(|x| x as i16);
    check_storage::<u16, f64>(|x| x);
    check_storage::<i32, f64>(i32::from);
    check_storage::<u32, f64>(u32::from);
    check_storage::<i64, f64>(i64::from);
    check_storage::<u64, f64>(u64::from);
    check_storage::<Boolean, f64>(|x| Boolean(u8::from(x > 0)));
}

#[test]
fn an_empty_row_is_an_error() {
    let none: [f64; 0] = [];
    let error = run(Verb::KlDivergence, Masses::One, Level::new(), &none, &none, &[2, 0]).unwrap_err();
    assert_eq!(error, Error::Empty { name: "p", axis: -1, shape: vec![2, 0] });
}

/// The laws of `Divergence`: pairs of zeros change nothing, and neither does their sign.
#[test]
fn zeros_beside_a_distribution_change_no_bit() {
    for length in [5, 31, 200, 1000] {
        let (p, q) = (distribution::<f64>(length, 5, false), distribution::<f64>(length, 6, false));
        for &verb in Verb::ALL {
            let plain = run(verb, verb.masses(), Level::new(), &p, &q, &[1, length]).unwrap();
            for zero in [0.0, -0.0] {
                // As many as fill the last step, so that the others keep their lanes.
                let filled = if length <= SHORT { SHORT } else { length.next_multiple_of(2 * f64::WIDTH) };
                let (mut p, mut q) = (p.clone(), q.clone());
                p.resize(filled, zero);
                q.resize(filled, zero);
                let padded = run(verb, verb.masses(), Level::new(), &p, &q, &[1, filled]).unwrap();
                assert_eq!(bits(&plain), bits(&padded), "{verb:?} {length} {zero:?}");
            }
        }
    }
}

/// Values and derivatives of every kind, of short and longer rows.
fn logits_at<T: Compute>(level: Level, of: Of, softmax: Option<Single>, shape: &[usize; 2]) -> Vec<u64> {
    let length = shape[1];
    let numbers = |salt: usize| -> Vec<T> {
        (0..shape[0] * length).map(|i| T::from_f64(((i * 7919 + salt) % 1009) as f64 / 50.0 - 10.0)).collect()
    };
    let (x, y) = (numbers(3), numbers(501));
    let is_pair = matches!(of, Of::Divergence(..) | Of::Binary(..));
    let (view_x, view_y) = (View::from_slice(&x, shape), View::from_slice(&y, shape));
    let plan = Plan::new(&view_x, is_pair.then_some(&view_y), None, &Axes::One(-1)).unwrap();
    let labels: Vec<i64> = (0..shape[0]).map(|row| (row % length) as i64).collect();
    let job = logits::Job {
        names: ["p", "q"],
        plan: &plan,
        of,
        temperature: 1.3,
        log_base: None,
        labels: matches!(of, Of::CrossEntropy).then_some(Labels { labels: &labels, ignored: None }),
        class_weights: None,
        smoothing: if matches!(of, Of::CrossEntropy) { 0.1 } else { 0.0 },
        tolerance: 1e-6,
        level,
        team: Team::alone(),
    };
    let mut values = vec![T::default(); shape[0]];
    let (mut of_p, mut of_q) = (vec![T::default(); x.len()], vec![T::default(); x.len()]);
    let out = [is_pair.then_some(Elements::Real(&mut of_p)), Some(Elements::Real(&mut of_q))];
    logits::compute(&job, &mut values, Wanted { out, weights: None, lifts: None, softmax }).unwrap();
    let mut found: Vec<u64> = [values, of_p, of_q].iter().flat_map(|numbers| bits(numbers)).collect();
    if matches!(of, Of::CrossEntropy) {
        // Of labels alone, and with derivatives beside them.
        let job = logits::Job { smoothing: 0.0, ..job };
        let (mut alone, mut beside, mut slopes) = (vec![T::default(); shape[0]], vec![T::default(); shape[0]], y.clone());
        let wanted = |out| Wanted { out: [None, out], weights: None, lifts: None, softmax };
        logits::compute(&job, &mut alone, wanted(None)).unwrap();
        logits::compute(&job, &mut beside, wanted(Some(Elements::Real(&mut slopes)))).unwrap();
        assert_eq!(bits(&alone), bits(&beside), "{shape:?} {level:?}");
        found.extend(bits(&alone));
    }
    found
}

/// Values and derivatives of half floats beside those of the same numbers in `f32`.
#[test]
fn logits_of_half_floats_have_the_bits_of_f32() {
    let brains: Vec<BF16> = (0..3 * 345_u16).map(|i| BF16(0x4000 + i * 13 % 400 + 0x8000 * (i % 2))).collect();
    for length in [5, 32, 345] {
        let shape = [3, length];
        let brains = &brains[..3 * length];
        let mut singles = vec![0.0_f32; brains.len()];
        f32::from_halves(Level::new(), brains, &mut singles);
        for level in levels() {
            let of_view = |view: &View, out: Elements<f32>| {
                let plan = Plan::new(view, None, None, &Axes::One(-1)).unwrap();
                let job = logits::Job {
                    names: ["p", "q"],
                    plan: &plan,
                    of: Of::CrossEntropy,
                    temperature: 1.0,
                    log_base: None,
                    labels: Some(Labels { labels: &[0, 4, 2], ignored: Some(2) }),
                    class_weights: None,
                    smoothing: 0.0,
                    tolerance: 1e-6,
                    level,
                    team: Team::alone(),
                };
                let mut values = [0.0_f32; 3];
                logits::compute(&job, &mut values, Wanted { out: [None, Some(out)], weights: None, lifts: None, softmax: None })
                    .unwrap();
                values
            };
            let (mut slopes, mut rounded) = (vec![0.0_f32; brains.len()], vec![BF16(1); brains.len()]);
            let expected = of_view(&View::from_slice(&singles, &shape), Elements::Real(&mut slopes));
            let values = of_view(&View::from_slice(brains, &shape), Elements::BF16(&mut rounded));
            assert_eq!(bits(&values), bits(&expected), "{length} {level:?}");
            let mut of_slopes = vec![BF16(0); brains.len()];
            f32::to_halves(Level::new(), &slopes, &mut of_slopes);
            let halves = |halves: &[BF16]| halves.iter().map(|half| half.0).collect::<Vec<_>>();
            assert_eq!(halves(&rounded), halves(&of_slopes), "{length} {level:?}");
        }
    }
}

fn check_logits<T: Compute>() {
    let pairs = [Verb::KlDivergence, Verb::JsDivergence, Verb::JeffreysDivergence, Verb::TotalVariationDistance];
    let orders = if T::WIDTH == 8 { vec![0.3, 2.0, 30.0] } else { vec![] };
    let of_orders = orders
        .into_iter()
        .map(|number| (Of::Divergence(Verb::RenyiDivergence, Parameters { number, ..Parameters::default() }), None));
    let kinds = pairs.map(|verb| (Of::Divergence(verb, Parameters::default()), None)).into_iter().chain([
        (Of::Entropy, None),
        (Of::CrossEntropy, None),
        (Of::LogSumExp, None),
        (Of::LogSumExp, Some(Single::Softmax)),
        (Of::LogSumExp, Some(Single::LogSoftmax)),
        (Of::Binary(Binary::Logits, Part::Values), None),
        (Of::Binary(Binary::Logits, Part::Slopes), None),
    ]);
    for (of, softmax) in kinds.chain(of_orders) {
        for shape in [[3, 1], [17, 10], [2, 33], [1, 700]] {
            let expected = logits_at::<T>(Level::new(), of, softmax, &shape);
            for level in levels() {
                assert_eq!(logits_at::<T>(level, of, softmax, &shape), expected, "{of:?} {softmax:?} {shape:?} {level:?}");
            }
        }
    }
}

#[test]
fn logits_have_the_same_bits_at_every_level() {
    check_logits::<f64>();
    check_logits::<f32>();
}
