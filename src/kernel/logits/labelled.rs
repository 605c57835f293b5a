//! The cross-entropy of labels and short rows, whose logits stay in the registers' lanes from the first to the last step.
//!
//! The arithmetic is that of the steps for all rows ([`scan`](super::scan), [`masses`](super::masses) and what the driver does with
//! them), and so are the bits; what is saved is everything between the steps, which was two thirds of the time.

use super::{Ahead, Mass, State, inverse, is_one, sum_wide};
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, ln, power_of_two};

/// Numbers x below which ln(1 + x) is x.
const TINY: f64 = 1e-20;

/// What all rows have in common.
#[derive(Clone, Copy, Debug)]
pub struct Labelled {
    /// Entries of a row.
    pub length: usize,
    /// Rows with this label are skipped.
    pub ignored: Option<i64>,
    /// What logits are divided by.
    pub temperature: f64,
    /// What values are divided by; `None` for nats.
    pub log_base: Option<f64>,
}

/// The values of short rows, as [`turn`](crate::lanes::turn::turn) leaves them, with a label each: NaN for rows that are skipped, have a
/// NaN, an infinite greatest logit or a label that is no class. Whether there are no such rows.
///
/// Meanwhile the rows that come next are asked for: turned at the speed of the first cache, they would be waited for.
pub fn label_entropies<T: Real>(level: Level, of: Labelled, entries: &[T], labels: &[i64], ahead: Ahead, out: &mut [T]) -> bool {
    let inverse = inverse(of.temperature);
    dispatch!(level, simd => {
        let mut is_finite = true;
        let size = of.length * T::WIDTH;
        let rows = entries.chunks_exact(size).zip(labels.chunks(T::WIDTH)).zip(out.chunks_mut(T::WIDTH));
        for (first, ((entries, labels), out)) in (0..).step_by(size).zip(rows) {
            ahead.ask_for(first..first + size);
            let values = values(simd, of, inverse, entries, labels);
            for (out, value) in out.iter_mut().zip(values) {
                *out = T::from_f64(value);
                is_finite &= value.is_finite();
            }
        }
        is_finite
    })
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "classes of short rows are few")]
#[expect(clippy::cast_sign_loss, reason = "classes are not negative")]
fn values<S: Simd, T: Real>(simd: S, of: Labelled, inverse: [T; 2], entries: &[T], labels: &[i64]) -> [f64; 16] {
    let splat = |value: f64| T::Lanes::<S>::splat(simd, T::from_f64(value));
    let mut labelled = [T::from_f64(f64::NAN); 16];
    for (lane, (labelled, &label)) in labelled.iter_mut().zip(labels).enumerate() {
        let is_class = label.cast_unsigned() < of.length as u64 && Some(label) != of.ignored;
        if is_class {
            *labelled = entries[label as usize * T::WIDTH + lane];
        }
    }
    let labelled = T::Lanes::<S>::load(simd, &labelled[..T::WIDTH]);
    let mut greatest = splat(f64::NEG_INFINITY);
    for entry in entries.chunks_exact(T::WIDTH) {
        greatest = greatest.greatest(Lanes::load(simd, entry));
    }
    let state = State::of_greatest(simd, inverse, of.temperature, greatest);
    let sums = sum_wide(simd, &Mass::<1, true>, [entries; 3], &state);
    let mut rest = [0.0; 16];
    for (rest, [others, count]) in rest.chunks_exact_mut(WIDE).zip(sums) {
        let others = others * Wide::splat(simd, power_of_two(-T::LIFT));
        Lanes::store(others + (count - Wide::splat(simd, 1.0)), rest);
    }
    let log_mass = log_mass::<S, T>(simd, &rest);
    let mut values = [0.0; 16];
    for (part, values) in values.chunks_exact_mut(WIDE).enumerate().take(T::Lanes::<S>::PARTS) {
        let gap = greatest.part(part) - labelled.part(part);
        let gap = if is_one(of.temperature) { gap } else { gap / Wide::splat(simd, of.temperature) };
        let nats = gap + log_mass[part];
        let value = of.log_base.map_or(nats, |log_base| nats / Wide::splat(simd, log_base));
        Lanes::store(value + Wide::splat(simd, 0.0), values);
    }
    values
}

/// ln(1 + rest) of up to 16 rows in the compute type: what a logarithm in `f64` has more is lost when the value is rounded.
#[must_use]
pub fn log_masses<T: Real>(level: Level, rest: &[f64; 16]) -> [f64; 16] {
    let mut logs = [0.0; 16];
    dispatch!(level, simd => {
        let log_mass = log_mass::<_, T>(simd, rest);
        for (logs, log) in logs.chunks_exact_mut(WIDE).zip(log_mass) {
            Lanes::store(log, logs);
        }
    });
    logs
}

#[inline(always)]
fn log_mass<S: Simd, T: Real>(simd: S, rest: &[f64; 16]) -> [Wide<S>; 2] {
    let logs = ln::log1p(T::Lanes::<S>::load(simd, &rest.map(T::from_f64)[..T::WIDTH]));
    let [first, second] = [Wide::load(simd, &rest[..WIDE]), Wide::load(simd, &rest[WIDE..])];
    [unless_tiny(logs.part(0), first), unless_tiny(logs.part(1), second)]
}

/// What is subnormal in the compute type is its own logarithm.
#[inline(always)]
fn unless_tiny<V: Lanes>(log: V, rest: V) -> V {
    V::select(rest.constant(TINY).exceeds(rest), rest, log)
}
