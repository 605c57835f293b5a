//! The cross-entropy of labels and short rows, whose logits stay in the registers' lanes from the first to the last step.
//!
//! The arithmetic is that of the steps for all rows ([`scan`](super::scan), [`masses`](super::masses) and what the driver does with
//! them), and so are the bits; what is saved is everything between the steps, which was two thirds of the time.

use super::{Ahead, Mass, State, Tile, inverse, is_one, sum_wide};
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, ln, power_of_two};

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
pub fn label_entropies<T: Real>(level: Level, of: Labelled, entries: &[T], labels: &[i64], out: &mut [T]) -> bool {
    let inverse = inverse(of.temperature);
    dispatch!(level, simd => {
        let mut is_finite = true;
        let rows = entries.chunks_exact(of.length * T::WIDTH).zip(labels.chunks(T::WIDTH));
        for ((entries, labels), out) in rows.zip(out.chunks_mut(T::WIDTH)) {
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
fn values<S: Simd, T: Real>(simd: S, of: Labelled, inverse: [T; 2], entries: &[T], labels: &[i64]) -> [f64; 16] {
    let splat = |value: f64| T::Lanes::<S>::splat(simd, T::from_f64(value));
    let mut classes = [T::from_f64(-1.0); 16];
    for (class, &label) in classes.iter_mut().zip(labels) {
        let is_class = label.cast_unsigned() < of.length as u64 && Some(label) != of.ignored;
        *class = T::from_f64(f64::from(if is_class { label as i32 } else { -1 }));
    }
    let label = T::Lanes::<S>::load(simd, &classes[..T::WIDTH]);
    let (mut class, mut greatest, mut labelled) = (splat(0.0), splat(f64::NEG_INFINITY), splat(f64::NAN));
    for entry in entries.chunks_exact(T::WIDTH) {
        let entry = Lanes::load(simd, entry);
        greatest = greatest.greatest(entry);
        labelled = Lanes::select(class.equals(label), entry, labelled);
        class = class + splat(1.0);
    }
    let state = State::of_greatest(simd, inverse, of.temperature, greatest);
    let tile = Tile { entries: [entries; 3], across: true, ahead: [Ahead::NONE; 2] };
    let sums = sum_wide(simd, &Mass::<1, true>, tile, &state);
    let mut values = [0.0; 16];
    for (part, values) in values.chunks_exact_mut(WIDE).enumerate().take(T::Lanes::<S>::PARTS) {
        let [others, count] = sums[part];
        let gap = greatest.part(part) - labelled.part(part);
        let gap = if is_one(of.temperature) { gap } else { gap / Wide::splat(simd, of.temperature) };
        let others = others * Wide::splat(simd, power_of_two(-T::LIFT));
        let nats = gap + ln::log1p(others + (count - Wide::splat(simd, 1.0)));
        let value = of.log_base.map_or(nats, |log_base| nats / Wide::splat(simd, log_base));
        Lanes::store(value + Wide::splat(simd, 0.0), values);
    }
    values
}
