//! Teams of threads: the same bits from all of them, several at once, and a call that is told to stop.

use std::sync::atomic::{AtomicUsize, Ordering};

use klrs::error::Error;
use klrs::lanes::Level;
use klrs::parallel::{Team, for_each_piece};
use klrs::reduce::{Job, reduce};
use klrs::verb::{Masses, Parameters, Verb};
use klrs::view::{Axes, Plan, View};

const LENGTH: usize = 64;

fn team(threads: usize) -> Team<'static> {
    Team { threads, ..Team::alone() }
}

/// Rows that are distributions, and differ.
fn rows(count: usize, shift: usize) -> Vec<f64> {
    let weight = |i: usize| (1 + (i * 7 + i / LENGTH * shift) % 13) as f64;
    let weights: Vec<f64> = (0..count * LENGTH).map(weight).collect();
    weights.chunks(LENGTH).flat_map(|row| row.iter().map(|x| x / row.iter().sum::<f64>())).collect()
}

fn divergences(p: &[f64], q: &[f64], shape: &[usize], team: Team) -> Result<Vec<u64>, Error> {
    let (p, q) = (View::from_slice(p, shape), View::from_slice(q, shape));
    let plan = Plan::new(&p, Some(&q), None, &Axes::One(-1))?;
    let (verb, parameters, level) = (Verb::KlDivergence, Parameters::default(), Level::new());
    let job = Job { plan: &plan, verb, parameters, masses: Masses::Normalize, log_base: None, level, team };
    let mut values = vec![0.0; plan.rows];
    reduce(&job, &mut values)?;
    Ok(values.into_iter().map(f64::to_bits).collect())
}

#[test]
fn teams_of_any_size_have_the_same_bits() {
    let (p, q) = (rows(4000, 3), rows(4000, 5));
    for shape in [&[4000, LENGTH][..], &[4000 * LENGTH]] {
        let alone = divergences(&p, &q, shape, Team::alone());
        for threads in [2, 3, 8] {
            assert_eq!(divergences(&p, &q, shape, team(threads)), alone, "{threads} threads, {shape:?}");
        }
    }
}

#[test]
fn many_teams_work_at_once() {
    let (p, q) = (rows(2000, 3), rows(2000, 5));
    let shape = [2000, LENGTH];
    let alone = divergences(&p, &q, &shape, Team::alone());
    std::thread::scope(|scope| {
        for caller in 0..6 {
            let (p, q, alone) = (&p, &q, &alone);
            scope.spawn(move || {
                for call in 0..5 {
                    // The pool grows meanwhile.
                    assert_eq!(&divergences(p, q, &shape, team(2 + (caller + call) % 5)), alone);
                }
            });
        }
    });
}

#[test]
fn every_piece_is_done_once() {
    for threads in [1, 2, 5] {
        let mut items = vec![0_u32; 10_007];
        let count = AtomicUsize::new(0);
        let found = for_each_piece(&team(threads), &mut items, 100, usize::MAX, |first, items| {
            count.fetch_add(items.len(), Ordering::Relaxed);
            for item in items {
                *item += 1;
            }
            first
        });
        let mut found = found.expect("nobody interrupts").into_vec();
        found.sort_unstable();
        assert_eq!(found, (0..10_007).step_by(100).collect::<Vec<_>>());
        assert!(items.iter().all(|&item| item == 1) && count.into_inner() == 10_007, "{threads} threads");
    }
}

#[test]
fn an_interrupted_call_stops_soon_and_the_next_one_works() {
    for threads in [1, 3] {
        let is_interrupted = || true;
        let mut items = vec![0_u32; 10_000];
        let team = Team { threads, is_interrupted: &is_interrupted };
        let begun = std::time::Instant::now();
        let pause = std::time::Duration::from_millis(5);
        let found = for_each_piece(&team, &mut items, 1, usize::MAX, |_, _| std::thread::sleep(pause));
        assert_eq!(found.err(), Some(Error::Interrupted));
        assert!(begun.elapsed().as_millis() < 2000, "{threads} threads");
        assert!(for_each_piece(&Team::alone(), &mut items, 100, usize::MAX, |_, _| ()).is_ok());
    }
}

#[test]
fn a_panic_of_any_thread_reaches_the_caller() {
    for threads in [1, 4] {
        let mut items = vec![0_u32; 1000];
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for_each_piece(&team(threads), &mut items, 10, usize::MAX, |first, _| assert!(first != 500, "a piece fails"))
        }));
        assert!(outcome.is_err(), "{threads} threads");
        assert!(for_each_piece(&team(threads), &mut items, 10, usize::MAX, |_, _| ()).is_ok());
    }
}
