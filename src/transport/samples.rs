//! Rows of samples: sorted, and compared in that order.
//!
//! Where all samples count alike, n of x against m of y, masses are integers: each x has m and each y n, of n m in all. So no rounding
//! decides whose turn it is. Weights are kept in two floats.

use core::ops::Range;

use super::staircase::{Cell, Masses};
use super::{Cost, Distance, Piece, Ratio, Sample, Samples, reserve};
use crate::double::{Double, Sum};
use crate::error::{Error, Found};
use crate::lanes::{Real, exponent_of, power_of_two, times_power_of_two};
use crate::tile::{Operand, Steps};
use crate::view::Plan;

/// Samples above which differences could overflow, and the exponent that they are multiplied with then.
const LARGE: f64 = f64::from_bits((1023 + 1000) << 52);
const SHIFT: i32 = -64;

/// What a thread needs.
#[derive(Default)]
pub(super) struct Scratch {
    sides: [Side; 2],
    /// F - G after each distinct value, and the values.
    levels: Vec<f64>,
    points: Vec<f64>,
    cells: Vec<Cell>,
}

/// A row of samples.
#[derive(Default)]
struct Side {
    /// In ascending order.
    values: Vec<f64>,
    /// Where each was; only if somebody asks.
    places: Vec<usize>,
    /// The weight of each, times a power of two; none if all count alike.
    weights: Vec<f64>,
    /// The derivatives, in ascending order.
    slopes: Vec<f64>,
    /// What is sorted.
    keys: Vec<i64>,
    placed_keys: Vec<(i64, usize)>,
    /// The weights as they came.
    brought: Vec<f64>,
}

impl Side {
    /// Reads a row and sorts it; whether it has a NaN.
    fn bring(&mut self, sample: &Sample, row: usize, with_places: bool) -> Result<bool, Error> {
        let place = || sample.plan.row_index(sample.plan.place(row));
        bring(sample.plan, row, &mut self.values)?;
        let mut has_nan = false;
        if self.values.iter().any(|value| !value.is_finite()) {
            if let Some(entry) = self.values.iter().position(|value| value.is_infinite()) {
                let (position, value) = (sample.plan.entry_index(entry), self.values[entry]);
                return Err(Error::Infinite { name: sample.names[0], row: place(), position, value });
            }
            has_nan = true;
        }
        self.brought.clear();
        if let Some(weights) = sample.weights {
            bring(weights, row, &mut self.brought)?;
            let name = sample.names[1];
            if let Some(entry) = self.brought.iter().position(|&weight| weight < 0.0 || weight.is_infinite()) {
                let (position, value) = (weights.entry_index(entry), self.brought[entry]);
                return Err(Error::Weight { name, row: place(), position, value });
            }
            if self.brought.iter().all(|&weight| weight == 0.0) {
                return Err(Error::NoWeight { name, row: place() });
            }
            has_nan |= self.brought.iter().any(|weight| weight.is_nan());
        }
        if !has_nan {
            self.sort(with_places || sample.weights.is_some())?;
        }
        Ok(has_nan)
    }

    /// Sorts the values, as the integers that floats are in the order of.
    fn sort(&mut self, with_places: bool) -> Result<(), Error> {
        let Self { values, places, weights, keys, placed_keys, brought, .. } = self;
        places.clear();
        weights.clear();
        if with_places {
            placed_keys.clear();
            reserve(placed_keys, values.len())?;
            reserve(places, values.len())?;
            placed_keys.extend(values.iter().enumerate().map(|(place, &value)| (key(value), place)));
            placed_keys.sort_unstable();
            places.extend(placed_keys.iter().map(|&(_, place)| place));
            values.clear();
            values.extend(placed_keys.iter().map(|&(key, _)| value(key)));
        } else {
            keys.clear();
            reserve(keys, values.len())?;
            keys.extend(values.iter().map(|&value| key(value)));
            // A radix sort of 8 bits a pass takes as long for 1000 samples.
            keys.sort_unstable();
            values.clear();
            values.extend(keys.iter().map(|&key| value(key)));
        }
        if !brought.is_empty() {
            reserve(weights, brought.len())?;
            let exponent = -exponent_of(brought.iter().copied().fold(0.0, f64::max));
            weights.extend(places.iter().map(|&place| times_power_of_two(brought[place], exponent)));
        }
        Ok(())
    }

    /// The weight of a sample, in ascending order.
    fn weight(&self, index: usize) -> f64 {
        if self.weights.is_empty() { 1.0 } else { self.weights[index] }
    }

    fn total(&self) -> Double {
        (0..self.values.len()).fold(Double::default(), |sum, index| sum + self.weight(index))
    }

    fn largest(&self) -> f64 {
        self.values.first().into_iter().chain(self.values.last()).fold(0.0, |largest, value| largest.max(value.abs()))
    }

    /// Gives equal samples shares, by their weights, of what they have together: which of them moves where is nobody's choice.
    #[expect(clippy::float_cmp, reason = "equal samples are meant")]
    fn share(&mut self) {
        let mut start = 0;
        while start < self.values.len() {
            let value = self.values[start];
            let end = start + self.values[start..].iter().take_while(|&&other| other == value).count();
            if end > start + 1 {
                let sum: f64 = self.slopes[start..end].iter().sum();
                let mass: f64 = (start..end).map(|index| self.weight(index)).sum();
                for index in start..end {
                    let weight = self.weight(index);
                    self.slopes[index] = if mass > 0.0 { sum * (weight / mass) } else { 0.0 };
                }
            }
            start = end;
        }
    }

    fn write<T: Real>(&self, factor: f64, out: &mut Option<&mut [T]>) {
        let Some(out) = out else { return };
        for (&place, &slope) in self.places.iter().zip(&self.slopes) {
            // Adding 0 turns -0.0 into 0.0.
            out[place] = T::from_f64(slope * factor + 0.0);
        }
    }
}

fn bring(plan: &Plan, row: usize, values: &mut Vec<f64>) -> Result<(), Error> {
    let operand = Operand { rows: &plan.p, mask: None, left_out: 0.0, is_asked_for: true };
    reserve(values, plan.length)?;
    values.resize(plan.length, 0.0);
    operand.bring(row..row + 1, 0..plan.length, values, Steps { row: 0, entry: 1 });
    Ok(())
}

/// An integer for each float, in the same order.
fn key(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// The float of an integer.
fn value(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

/// Values and gradients of some rows.
pub(super) fn piece<T: Real>(
    job: &Samples,
    row_weights: Option<&[f64]>,
    piece: &mut Piece<T>,
    scratch: &mut Scratch,
    found: &mut Option<Found>,
) {
    for (index, row) in piece.rows().enumerate() {
        let place = job.of[0].plan.place(row);
        let mut out = piece.out_of(index);
        let weight = row_weights.map_or(1.0, |weights| weights[place]);
        match compute(job, row, weight, &mut out, scratch) {
            Ok(value) => piece.values[index] = if value.is_nan() { T::NAN } else { T::from_f64(value) },
            Err(error) => Found::keep_first(found, Found { place, error }),
        }
    }
}

fn compute<T: Real>(
    job: &Samples,
    row: usize,
    weight: f64,
    out: &mut [Option<&mut [T]>; 2],
    scratch: &mut Scratch,
) -> Result<f64, Error> {
    let wants = out.iter().any(Option::is_some);
    let mut has_nan = false;
    for (side, sample) in scratch.sides.iter_mut().zip(&job.of) {
        has_nan |= side.bring(sample, row, wants)?;
    }
    if has_nan {
        out.iter_mut().flatten().for_each(|out| out.fill(T::NAN));
        return Ok(T::NAN.to_f64());
    }
    let is_large = scratch.sides.iter().any(|side| side.largest() > LARGE);
    if is_large {
        let unit = power_of_two(SHIFT);
        scratch.sides.iter_mut().flat_map(|side| &mut side.values).for_each(|value| *value *= unit);
    }
    if wants {
        for side in &mut scratch.sides {
            reserve(&mut side.slopes, side.values.len())?;
        }
    }
    let value = match job.distance {
        Distance::Wasserstein(order) => between(scratch, order, wants)?,
        Distance::Cumulative(factor) => cumulative(scratch, wants, factor)?,
    };
    if wants {
        for (side, out) in scratch.sides.iter().zip(out) {
            side.write(weight, out);
        }
    }
    let back = match job.distance {
        Distance::Wasserstein(_) => -SHIFT,
        Distance::Cumulative(_) => -SHIFT / 2,
    };
    Ok(if is_large { value * power_of_two(back) } else { value })
}

/// The Wasserstein distance.
fn between(scratch: &mut Scratch, order: f64, wants: bool) -> Result<f64, Error> {
    let Scratch { sides, cells, .. } = scratch;
    let [x, y] = &*sides;
    let lengths = [x.values.len(), y.values.len()];
    let is_weighted = !x.weights.is_empty() || !y.weights.is_empty();
    cells.clear();
    if is_weighted || lengths[0] != lengths[1] {
        reserve(cells, lengths[0] + lengths[1])?;
    }
    let mut slopes = [core::mem::take(&mut sides[0].slopes), core::mem::take(&mut sides[1].slopes)];
    let [x, y] = &*sides;
    let wanted = wants.then_some(&mut slopes);
    let value = if is_weighted {
        let (of_x, of_y) = (x.total(), y.total());
        let ratio = Ratio::new([of_x, of_y], of_x - of_y);
        let of = (|i| Double::new(x.weight(i), 0.0), |j| ratio.times(y.weight(j)));
        Masses { of, lengths, tie: ratio.tie(lengths[0] + lengths[1]) }.walk(|cell| cells.push(cell));
        transport(cells.iter().copied(), [x, y], of_x.to_f64(), order, wanted)
    } else if lengths[0] == lengths[1] {
        // One to one: what the other way comes to as well, in a fifth of the time.
        let cells = (0..lengths[0]).map(|i| Cell { at: [i; 2], mass: 1.0, next: [i + 1; 2] });
        transport(cells, [x, y], lengths[0] as f64, order, wanted)
    } else {
        let [n, m] = lengths;
        let common = greatest_common_divisor(n, m);
        let [of_x, of_y] = [m / common, n / common];
        Masses { of: (|_| of_x, |_| of_y), lengths, tie: 0.0 }.walk(|cell| cells.push(cell));
        transport(cells.iter().copied(), [x, y], n as f64 * of_x as f64, order, wanted)
    };
    for (side, slopes) in sides.iter_mut().zip(slopes) {
        side.slopes = slopes;
        if wants {
            side.share();
        }
    }
    Ok(value)
}

/// The value for a plan that moves `total` in all, and the derivatives for each sample.
fn transport(
    cells: impl Iterator<Item = Cell> + Clone,
    [x, y]: [&Side; 2],
    total: f64,
    order: f64,
    slopes: Option<&mut [Vec<f64>; 2]>,
) -> f64 {
    let lengths = [x.values.len(), y.values.len()];
    let distance = |cell: &Cell| x.values[cell.at[0]] - y.values[cell.at[1]];
    let longest = cells.clone().fold(0.0_f64, |longest, cell| longest.max(distance(&cell).abs()));
    if longest == 0.0 || order == f64::INFINITY {
        clear(slopes, lengths);
        return longest;
    }
    let cost = Cost::new(order, longest);
    let mut sum = Sum::default();
    // Shares first: a sum of them does not overflow.
    for cell in cells.clone() {
        sum.add(cell.mass / total * cost.of(distance(&cell)));
    }
    let mean = sum.value();
    if let Some(slopes) = slopes {
        clear(Some(slopes), lengths);
        let [of_x, of_y] = slopes;
        let chain = cost.chain(mean);
        for cell in cells {
            let slope = cell.mass / total * cost.slope(distance(&cell)) * chain;
            of_x[cell.at[0]] += slope;
            of_y[cell.at[1]] -= slope;
        }
    }
    cost.value(mean)
}

fn clear(slopes: Option<&mut [Vec<f64>; 2]>, lengths: [usize; 2]) {
    if let Some(slopes) = slopes {
        for (slopes, length) in slopes.iter_mut().zip(lengths) {
            slopes.clear();
            slopes.resize(length, 0.0);
        }
    }
}

/// The root of `factor` times the integral of the squared difference of the cumulative distribution functions, and its derivatives.
fn cumulative(scratch: &mut Scratch, wants: bool, factor: f64) -> Result<f64, Error> {
    let Scratch { sides: [x, y], levels, points, .. } = scratch;
    let [n, m] = [x.values.len(), y.values.len()];
    for of_points in [&mut *levels, points] {
        of_points.clear();
        reserve(of_points, n + m)?;
    }
    if x.weights.is_empty() && y.weights.is_empty() {
        let common = greatest_common_divisor(n, m);
        let [of_x, of_y] = [m / common, n / common].map(usize::cast_signed);
        let total = n as f64 * of_x as f64;
        let mut level = 0;
        merge([&x.values, &y.values], |point, [of_this_x, of_this_y]| {
            level += of_this_x.len().cast_signed() * of_x - of_this_y.len().cast_signed() * of_y;
            points.push(point);
            levels.push(level as f64 / total);
        });
    } else {
        let (of_x, of_y) = (x.total(), y.total());
        let ratio = Ratio::new([of_x, of_y], of_x - of_y);
        let even = ratio.tie(n + m);
        let mut level = Double::default();
        merge([&x.values, &y.values], |point, [of_this_x, of_this_y]| {
            level = of_this_x.fold(level, |level, i| level + x.weight(i));
            level = of_this_y.fold(level, |level, j| level - ratio.times(y.weight(j)));
            points.push(point);
            let share = level.to_f64();
            levels.push(if share.abs() > even { share / of_x.to_f64() } else { 0.0 });
        });
    }
    // After the last point both have everything.
    if let Some(last) = levels.last_mut() {
        *last = 0.0;
    }
    let largest = levels.iter().fold(0.0_f64, |largest, level| largest.max(level.abs()));
    let mut sum = Sum::default();
    for (level, points) in levels.iter().zip(points.windows(2)) {
        let ratio = if largest > 0.0 { level / largest } else { 0.0 };
        sum.add(ratio * ratio * (points[1] - points[0]));
    }
    let root = (factor * sum.value()).sqrt();
    if wants {
        let totals = [x.total().to_f64(), y.total().to_f64()];
        for (side, length) in [&mut *x, &mut *y].into_iter().zip([n, m]) {
            side.slopes.clear();
            side.slopes.resize(length, 0.0);
        }
        let mut before = 0.0;
        let mut after = levels.iter();
        let mut slopes = [core::mem::take(&mut x.slopes), core::mem::take(&mut y.slopes)];
        merge([&x.values, &y.values], |_, [of_this_x, of_this_y]| {
            let level = after.next().copied().unwrap_or_default();
            let slope = if root > 0.0 { 0.5 * (before / largest + level / largest) / root * factor } else { 0.0 };
            of_this_x.for_each(|i| slopes[0][i] = -slope * (x.weight(i) / totals[0]));
            of_this_y.for_each(|j| slopes[1][j] = slope * (y.weight(j) / totals[1]));
            before = level;
        });
        [x.slopes, y.slopes] = slopes;
    }
    Ok(largest * root)
}

/// Visits the distinct values of two rows in order, and whose they are.
#[expect(clippy::float_cmp, reason = "equal samples are meant")]
fn merge([x, y]: [&[f64]; 2], mut visit: impl FnMut(f64, [Range<usize>; 2])) {
    let [mut i, mut j] = [0, 0];
    loop {
        let point = match (x.get(i), y.get(j)) {
            (Some(&of_x), Some(&of_y)) => of_x.min(of_y),
            (Some(&point), None) | (None, Some(&point)) => point,
            (None, None) => return,
        };
        let [start_i, start_j] = [i, j];
        while x.get(i).is_some_and(|&value| value == point) {
            i += 1;
        }
        while y.get(j).is_some_and(|&value| value == point) {
            j += 1;
        }
        visit(point, [start_i..i, start_j..j]);
    }
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}
