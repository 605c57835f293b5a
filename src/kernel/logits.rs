//! Rows of logits: pairs of probabilities that are made of two logits, and what else is summed over rows or written for their entries.
//!
//! Softmax(x/T) is never written down. A row is swept over for its greatest logit m, then for its mass Σ e^((x-m)/T), and then for what
//! was asked for, from the cache. The mass is kept without the greatest entries and their number by itself, so that ln of it, which is
//! the cross-entropy of a confident row, keeps its digits.
//!
//! The log-ratio of a pair, δ = ((x - y) - c)/T, is what divergences are made of. The difference of two logits is exact with what
//! rounding took from it, c is known in two parts, and so δ keeps its *relative* error also where both rows are far from 0; the error
//! that c has is the same for all entries, and what it does to a sum is known from Σ (q - p), as when probabilities are normalised.
//!
//! Lanes run along a row, or across short rows, as everywhere; the order of additions is that of the other kernels.

use super::{Accumulator, MAX_SUMS, Partial, STEPS, Shape, add, block};
use crate::divergence::{Divergence, Log, Pair, Partials};
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, exp, is_slow, power_of_two};

/// What probabilities are multiplied with, as an exponent: terms that are as large as a float stay in range when they are added.
const LIFT: i32 = -8;
/// Log-ratios beyond which q is made of its own logit, p being too small for it.
const FAR: f64 = 40.0;
/// Exponent of p and q that are taken for 0, far from where formulas would meet a subnormal.
const NOTHING: i32 = 30;

/// What is known of a row before it is swept over once more.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogitRow {
    /// The greatest logit of p and of q.
    pub greatest: [f64; 2],
    /// Σ e^((x - greatest)/T) of each.
    pub mass: [f64; 2],
    /// The logarithm of it.
    pub log_mass: [f64; 2],
    /// What the logits of q exceed those of p by where the probabilities are equal, in two parts.
    pub apart: [f64; 2],
    /// See [`EachRow`](super::EachRow).
    pub within: f64,
    /// See [`EachRow`](super::EachRow).
    pub means: [f64; 2],
    /// See [`EachRow`](super::EachRow).
    pub factors: [f64; 2],
}

/// Some rows, or a run of one: entries of p's and q's logits (or of p's probabilities), and class weights, side by side.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a, T> {
    /// The entries. Across rows, entry k of row j is at `k * WIDTH + j`.
    pub entries: [&'a [T]; 3],
    /// Whether lanes run across rows.
    pub across: bool,
}

/// [`LogitRow`] in lanes.
#[derive(Clone, Copy)]
pub struct State<V> {
    /// 1/T, and what rounding took from it.
    inverse: [V; 2],
    greatest: [V; 2],
    mass: [V; 2],
    log_mass: [V; 2],
    apart: [V; 2],
    within: V,
    means: [V; 2],
    factors: [V; 2],
}

impl<V: Lanes> State<V> {
    #[inline(always)]
    fn new(simd: V::Simd, temperature: f64, rows: &[LogitRow]) -> Self {
        let splat = |value: f64| V::splat(simd, V::Scalar::from_f64(value));
        let high = V::Scalar::from_f64(1.0 / temperature).to_f64();
        // 1/T = high + (1 - T high)/T.
        let low = crate::lanes::fma(-temperature, high, 1.0) / temperature;
        Self {
            inverse: [splat(high), splat(low)],
            greatest: [gather(simd, rows, |row| row.greatest[0]), gather(simd, rows, |row| row.greatest[1])],
            mass: [gather(simd, rows, |row| row.mass[0]), gather(simd, rows, |row| row.mass[1])],
            log_mass: [gather(simd, rows, |row| row.log_mass[0]), gather(simd, rows, |row| row.log_mass[1])],
            apart: [gather(simd, rows, |row| row.apart[0]), gather(simd, rows, |row| row.apart[1])],
            within: gather(simd, rows, |row| row.within),
            means: [gather(simd, rows, |row| row.means[0]), gather(simd, rows, |row| row.means[1])],
            factors: [gather(simd, rows, |row| row.factors[0]), gather(simd, rows, |row| row.factors[1])],
        }
    }

    /// (greatest - x)/T >= 0, and e to the minus that.
    #[inline(always)]
    fn gap_and_power(&self, which: usize, x: V) -> (V, V) {
        let [high, low] = self.inverse;
        let (gap, rest) = difference(self.greatest[which], x);
        let scaled = gap * high;
        // What rounding took from the exponent, to first order: e^-88 would be wrong by 88 u.
        let rest = gap.fma(high, -scaled) + gap.fma(low, rest * high);
        let power = exp::exp(-scaled);
        (scaled, power.times(x.constant(1.0) - rest))
    }

    #[inline(always)]
    fn pair(&self, y: V, x: V) -> Pair<V> {
        let constant = |value: f64| x.constant(value);
        let (zero, infinity) = (constant(0.0), constant(f64::INFINITY));
        let unit = constant(power_of_two(LIFT));
        let p = self.gap_and_power(0, y).1 * (unit / self.mass[0]);
        let (apart, rest) = difference(x, y);
        let [high, low] = self.apart;
        let delta = ((apart - high) + (rest - low)) * self.inverse[0];
        let delta = V::select(apart.abs().equals(infinity), apart, delta);
        // A class that is left out of p, and of q perhaps.
        let delta = V::select(y.equals(-infinity), infinity, delta);
        let [power, less_one, rest] = exp::growth(delta);
        let (mut q, mut d, mut excess) = (p * power, p * less_one, p.times(rest));
        let far = constant(FAR);
        if (-delta).any_below(-far) {
            let is_far = delta.exceeds(far);
            let own = self.gap_and_power(1, x).1 * (unit / self.mass[1]);
            q = V::select(is_far, own, q);
            d = V::select(is_far, own - p, d);
            excess = V::select(is_far, own - p - p.times(delta), excess);
        }
        let least = constant(V::Scalar::MIN_POSITIVE.to_f64() * power_of_two(NOTHING));
        let something = |probability: V| V::select(least.exceeds(probability), zero, probability);
        Pair {
            p: something(p),
            q: something(q),
            d,
            unit,
            dominant: infinity,
            normalizing: true,
            positive: false,
            log: Some(Log { ratio: -delta, excess }),
        }
    }
}

/// `one - other` rounded, and what rounding took from it (Knuth's two-sum); the latter is 0 for infinities.
#[inline(always)]
fn difference<V: Lanes>(one: V, other: V) -> (V, V) {
    let difference = one - other;
    let back = one - difference;
    let rest = (back - other) + (one - (difference + back));
    let is_infinite = difference.abs().equals(one.constant(f64::INFINITY));
    (difference, V::select(is_infinite, one.constant(0.0), rest))
}

#[inline(always)]
fn gather<V: Lanes>(simd: V::Simd, rows: &[LogitRow], field: fn(&LogitRow) -> f64) -> V {
    if let [row] = rows {
        return V::splat(simd, V::Scalar::from_f64(field(row)));
    }
    let mut lanes = [V::Scalar::default(); 16];
    for (lane, row) in lanes.iter_mut().zip(rows) {
        *lane = V::Scalar::from_f64(field(row));
    }
    V::load(simd, &lanes[..V::Scalar::WIDTH])
}

/// What is summed over the entries of rows.
pub trait Summand: Sync {
    /// How many sums there are, and which of them are maxima.
    fn shape(&self) -> Shape;
    /// What a vector is filled up with.
    const PADDING: [f64; 3];
    /// The summands of some entries.
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; MAX_SUMS];
}

/// What is written for each entry.
pub trait Written: Sync {
    /// What a vector is filled up with.
    const PADDING: [f64; 3];
    /// What there is for p and for q.
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; 2];
}

const LOGITS: f64 = f64::NEG_INFINITY;

/// The mass without the greatest entries, and the number of those.
pub(super) struct Mass(pub(super) usize);

impl Summand for Mass {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];

    fn shape(&self) -> Shape {
        Shape::default()
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; MAX_SUMS] {
        let x = entries[self.0];
        let (zero, one) = (x.constant(0.0), x.constant(1.0));
        let is_greatest = x.equals(row.greatest[self.0]);
        let power = V::select(is_greatest, zero, row.gap_and_power(self.0, x).1);
        [power, V::select(is_greatest, one, zero), zero, zero, zero, zero]
    }
}

/// Σ e g, of powers e and gaps g below the greatest logit: the entropy is ln of the mass and the mean gap.
pub(super) struct MeanGap;

impl Summand for MeanGap {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];

    fn shape(&self) -> Shape {
        Shape::default()
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, [_, x, _]: [V; 3], row: &State<V>) -> [V; MAX_SUMS] {
        let zero = x.constant(0.0);
        let (gap, power) = row.gap_and_power(1, x);
        [power.times(gap), zero, zero, zero, zero, zero]
    }
}

/// What a cross-entropy counts a class by: w ((1 - ε) t + ε/C), with targets t, class weights w and the smoothing ε.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// Whether there are targets; if not, t is 0 and the label's share is the driver's.
    pub given: bool,
    /// Whether there are class weights; padding has none.
    pub weighted: bool,
    /// Whether logits of -inf are classes that `where` leaves out, which take no part in the smoothing.
    pub masked: bool,
    /// 1 - ε.
    pub kept: f64,
}

impl Targets {
    /// t, w and whether the class counts.
    #[inline(always)]
    fn of<V: Lanes>(&self, [t, x, w]: [V; 3]) -> [V; 3] {
        let (zero, one) = (x.constant(0.0), x.constant(1.0));
        let is_absent = x.equals(x.constant(LOGITS));
        let counts = if self.masked { V::select(is_absent, zero, one) } else { one };
        [if self.given { t } else { zero }, if self.weighted { w } else { one }, counts]
    }
}

/// With gaps g below the greatest logit: Σ w t g and Σ w g; Σ w t and Σ w; and, to be checked, Σ t and the number of classes.
pub(super) struct TargetGap(pub(super) Targets);

impl Summand for TargetGap {
    const PADDING: [f64; 3] = [0.0, LOGITS, 0.0];

    fn shape(&self) -> Shape {
        Shape { terms: 4, maxima: 0 }
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; MAX_SUMS] {
        let (gap, _) = row.gap_and_power(1, entries[1]);
        let [t, w, counts] = self.0.of(entries);
        let (target, spread) = (w * t, w * counts);
        [target.times(gap), spread.times(gap), target, spread, t, counts]
    }
}

/// Σp, Σ(q - p) and the terms of a divergence.
pub(super) struct Pairs<'d, D, const N: usize>(pub(super) &'d D);

impl<D: Divergence<N>, const N: usize> Summand for Pairs<'_, D, N> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];

    fn shape(&self) -> Shape {
        Shape { terms: N, maxima: D::MAXIMA }
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, [y, x, _]: [V; 3], row: &State<V>) -> [V; MAX_SUMS] {
        let pair = row.pair(y, x);
        let mut sums = [pair.p, pair.d, pair.p, pair.p, pair.p, pair.p];
        for (sum, term) in sums[2..].iter_mut().zip(self.0.terms(pair)) {
            *sum = term;
        }
        sums
    }
}

/// The moments of a divergence, Σ derivative times share.
pub(super) struct Moments<'d, D, const N: usize>(pub(super) &'d D);

impl<D: Divergence<N>, const N: usize> Summand for Moments<'_, D, N> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];

    fn shape(&self) -> Shape {
        Shape::default()
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, [y, x, _]: [V; 3], row: &State<V>) -> [V; MAX_SUMS] {
        let zero = x.constant(0.0);
        let [p, q] = moments::<_, _, N>(self.0, row.pair(y, x), row.within).1;
        [p, q, zero, zero, zero, zero]
    }
}

/// Shares and moments of a pair; classes of probability 0 have none.
#[inline(always)]
fn moments<V: Lanes, D: Divergence<N>, const N: usize>(divergence: &D, pair: Pair<V>, within: V) -> ([V; 2], [V; 2]) {
    let zero = pair.p.constant(0.0);
    let Partials { moments: [by_p, by_q], .. } = divergence.partials(pair, within);
    let nothing = pair.p.equals(zero) & pair.q.equals(zero);
    (pair.shares(), [V::select(nothing, zero, by_p), V::select(nothing, zero, by_q)])
}

/// The derivatives of a divergence with respect to the logits: a moment less the share of the moments' sum.
pub(super) struct Slopes<'d, D, const N: usize>(pub(super) &'d D);

impl<D: Divergence<N>, const N: usize> Written for Slopes<'_, D, N> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];

    #[inline(always)]
    fn of<V: Lanes>(&self, [y, x, _]: [V; 3], row: &State<V>) -> [V; 2] {
        let ([p, q], [by_p, by_q]) = moments::<_, _, N>(self.0, row.pair(y, x), row.within);
        let [mean_p, mean_q] = row.means;
        [(by_p - p * mean_p).times(row.factors[0]), (by_q - q * mean_q).times(row.factors[1])]
    }
}

/// What is written for each entry of one row of logits.
#[derive(Clone, Copy, Debug)]
pub enum Single {
    /// The probabilities.
    Softmax,
    /// Their logarithms.
    LogSoftmax,
    /// The derivatives of the entropy, which is `within`.
    Entropy,
    /// The derivatives of a cross-entropy, whose targets sum to `within` and of which each class has ε/C, in `means`.
    CrossEntropy(Targets),
    /// The derivatives of ln Σ e^(x/T).
    LogSumExp,
}

impl Written for Single {
    const PADDING: [f64; 3] = [0.0, LOGITS, 0.0];

    #[inline(always)]
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; 2] {
        let x = entries[1];
        let (gap, power) = row.gap_and_power(1, x);
        let share = power / row.mass[1];
        let written = match self {
            Self::Softmax => share,
            Self::LogSoftmax => -(gap + row.log_mass[1]),
            Self::Entropy => share.times((gap + row.log_mass[1]) - row.within).times(row.factors[1]),
            Self::LogSumExp => share.times(row.factors[1]),
            Self::CrossEntropy(targets) => {
                let [t, w, counts] = targets.of(entries);
                let target = w * t.fma(x.constant(targets.kept), counts * row.means[1]);
                (share * row.within - target).times(row.factors[1])
            }
        };
        [written, written]
    }
}

/// What is seen of a row at first.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The greatest entry, NaN aside; -inf if there is none.
    pub greatest: f64,
    /// Whether there is a NaN.
    pub nan: bool,
}

/// The greatest entry of each row of a tile.
pub fn scan<T: Real>(level: Level, tile: Tile<T>, which: usize, seen: &mut [Seen]) {
    dispatch!(level, simd => scan_here(simd, tile, which, seen));
}

#[inline(always)]
fn scan_here<S: Simd, T: Real>(simd: S, tile: Tile<T>, which: usize, seen: &mut [Seen]) {
    let mut greatest = [T::Lanes::<S>::splat(simd, T::from_f64(LOGITS)); 2];
    let mut nan = T::Lanes::<S>::splat(simd, T::default());
    for entries in tile.entries[which].chunks(2 * T::WIDTH) {
        for (greatest, entries) in greatest.iter_mut().zip(entries.chunks(T::WIDTH)) {
            let x = load(simd, entries, LOGITS);
            *greatest = greatest.greatest(x);
            nan = Lanes::select(x.equals(x), nan, x);
        }
    }
    let [even, odd] = greatest;
    let (mut most, mut nans) = ([T::default(); 16], [T::default(); 16]);
    even.greatest(odd).store(&mut most[..T::WIDTH]);
    nan.store(&mut nans[..T::WIDTH]);
    let lane = |j: usize| Seen { greatest: most[j].to_f64(), nan: nans[j].to_f64().is_nan() };
    if tile.across {
        for (j, seen) in seen.iter_mut().enumerate() {
            *seen = lane(j);
        }
    } else {
        seen[0] =
            (1..T::WIDTH).fold(lane(0), |a, j| Seen { greatest: a.greatest.max(lane(j).greatest), nan: a.nan | lane(j).nan });
    }
}

/// A vector, or what there is of one and padding.
#[inline(always)]
fn load<S: Simd, V: Lanes<Simd = S>>(simd: S, entries: &[V::Scalar], padding: f64) -> V {
    if entries.len() == V::Scalar::WIDTH {
        return V::load(simd, entries);
    }
    let mut padded = [V::Scalar::from_f64(padding); 16];
    padded[..entries.len()].copy_from_slice(entries);
    V::load(simd, &padded[..V::Scalar::WIDTH])
}

/// The sums of each row of a tile, or of what comes next in one row.
#[inline(always)]
fn sum<S: Simd, T: Real, M: Summand>(
    simd: S,
    summand: &M,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    out: &mut [Partial],
) {
    let state = State::<T::Lanes<S>>::new(simd, temperature, rows);
    if tile.across {
        sum_across(simd, summand, tile, &state, out);
        return;
    }
    let mut accumulator = Accumulator::default();
    for start in (0..tile.entries[1].len()).step_by(block::<T>()) {
        sum_block(simd, summand, tile, start, &state, &mut accumulator);
    }
    out[0] = accumulator.finish(summand.shape());
}

#[inline(always)]
fn sum_block<S: Simd, T: Real, M: Summand>(
    simd: S,
    summand: &M,
    tile: Tile<T>,
    start: usize,
    state: &State<T::Lanes<S>>,
    row: &mut Accumulator,
) {
    let shape = summand.shape();
    let zero = T::Lanes::<S>::splat(simd, T::default());
    let mut sums = [[zero; MAX_SUMS]; 2];
    let end = tile.entries[1].len().min(start + block::<T>());
    for first in (start..end).step_by(2 * T::WIDTH) {
        for (odd, sums) in sums.iter_mut().enumerate() {
            let first = first + odd * T::WIDTH;
            if first < end {
                step(simd, summand, tile, first..end.min(first + T::WIDTH), state, sums);
            }
        }
    }
    let [even, odd] = sums;
    for place in 0..shape.used() {
        if shape.is_maximum(place) {
            let folded = even[place].fold_greatest(odd[place]);
            Wide::load(simd, &row.superblock[place]).greatest(folded).store(&mut row.superblock[place]);
        } else {
            add(simd, &mut row.superblock[place], even[place].fold(odd[place]));
        }
    }
    row.next_block(shape);
}

#[inline(always)]
fn sum_across<S: Simd, T: Real, M: Summand>(
    simd: S,
    summand: &M,
    tile: Tile<T>,
    state: &State<T::Lanes<S>>,
    out: &mut [Partial],
) {
    let shape = summand.shape();
    let zero = T::Lanes::<S>::splat(simd, T::default());
    let mut wide = [[Wide::splat(simd, 0.0); MAX_SUMS]; 2];
    for start in (0..tile.entries[1].len()).step_by(STEPS * T::WIDTH) {
        let end = tile.entries[1].len().min(start + STEPS * T::WIDTH);
        let mut sums = [zero; MAX_SUMS];
        for first in (start..end).step_by(T::WIDTH) {
            step(simd, summand, tile, first..first + T::WIDTH, state, &mut sums);
        }
        for (part, wide) in wide.iter_mut().enumerate().take(T::Lanes::<S>::PARTS) {
            for place in 0..shape.used() {
                let more = sums[place].part(part);
                wide[place] = if shape.is_maximum(place) { wide[place].greatest(more) } else { wide[place] + more };
            }
        }
    }
    for (part, rows) in out.chunks_mut(WIDE).enumerate().take(T::Lanes::<S>::PARTS) {
        for (place, sum) in wide[part].iter().enumerate().take(shape.used()) {
            let mut lanes = [0.0; WIDE];
            sum.store(&mut lanes);
            for (row, lane) in rows.iter_mut().zip(lanes) {
                row.sums[place] = lane;
            }
        }
    }
}

#[inline(always)]
fn step<S: Simd, T: Real, M: Summand>(
    simd: S,
    summand: &M,
    tile: Tile<T>,
    range: core::ops::Range<usize>,
    state: &State<T::Lanes<S>>,
    sums: &mut [T::Lanes<S>; MAX_SUMS],
) {
    let [t, x, w] = tile.entries;
    let [of_t, of_x, of_w] = M::PADDING;
    let entries = [load(simd, &t[range.clone()], of_t), load(simd, &x[range.clone()], of_x), load(simd, &w[range], of_w)];
    if const { is_slow::<S>() } {
        step_by_call(summand, entries, state, sums);
    } else {
        step_here(summand, entries, state, sums);
    }
}

#[inline(never)]
fn step_by_call<V: Lanes, M: Summand>(summand: &M, entries: [V; 3], state: &State<V>, sums: &mut [V; MAX_SUMS]) {
    step_here(summand, entries, state, sums);
}

#[inline(always)]
fn step_here<V: Lanes, M: Summand>(summand: &M, entries: [V; 3], state: &State<V>, sums: &mut [V; MAX_SUMS]) {
    let shape = summand.shape();
    let more = summand.of(entries, state);
    for place in 0..shape.used() {
        sums[place] = if shape.is_maximum(place) { sums[place].greatest(more[place]) } else { sums[place] + more[place] };
    }
}

/// Writes what there is for each entry of the rows of a tile, row after row.
#[inline(always)]
fn write<S: Simd, T: Real, W: Written>(
    simd: S,
    written: &W,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    mut out: [Option<&mut [T]>; 2],
) {
    let state = State::<T::Lanes<S>>::new(simd, temperature, rows);
    let [t, x, w] = tile.entries;
    let [of_t, of_x, of_w] = W::PADDING;
    let length = x.len() / if tile.across { T::WIDTH } else { 1 };
    for first in (0..x.len()).step_by(T::WIDTH) {
        let range = first..x.len().min(first + T::WIDTH);
        let entries =
            [load(simd, &t[range.clone()], of_t), load(simd, &x[range.clone()], of_x), load(simd, &w[range.clone()], of_w)];
        let both = written.of(entries, &state);
        for (out, written) in out.iter_mut().zip(both) {
            let Some(out) = out else { continue };
            if tile.across {
                let mut lanes = [T::default(); 16];
                written.store(&mut lanes[..T::WIDTH]);
                for (place, &lane) in out[first / T::WIDTH..].iter_mut().step_by(length).zip(&lanes[..rows.len()]) {
                    *place = lane;
                }
            } else {
                written.store_some(&mut out[range.clone()]);
            }
        }
    }
}

/// [`Mass`] of each row of a tile.
pub fn masses<T: Real>(level: Level, which: usize, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: &mut [Partial]) {
    dispatch!(level, simd => sum(simd, &Mass(which), temperature, tile, rows, out));
}

/// [`MeanGap`] of each row of a tile.
pub fn mean_gaps<T: Real>(level: Level, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: &mut [Partial]) {
    dispatch!(level, simd => sum(simd, &MeanGap, temperature, tile, rows, out));
}

/// [`TargetGap`] of each row of a tile.
pub fn target_gaps<T: Real>(
    level: Level,
    targets: Targets,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    out: &mut [Partial],
) {
    dispatch!(level, simd => sum(simd, &TargetGap(targets), temperature, tile, rows, out));
}

/// Writes what there is for each entry of rows of logits.
pub fn write_single<T: Real>(level: Level, single: Single, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: &mut [T]) {
    dispatch!(level, simd => write(simd, &single, temperature, tile, rows, [None, Some(&mut *out)]));
}

/// The sums of a divergence.
pub(super) fn divergence_sums<T: Real, D: Divergence<N>, const N: usize>(
    level: Level,
    divergence: &D,
    moments: bool,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    out: &mut [Partial],
) {
    if !D::LOGITS {
        unreachable!("this divergence is not compiled for logits");
    }
    if moments {
        dispatch!(level, simd => sum(simd, &Moments::<D, N>(divergence), temperature, tile, rows, out));
    } else {
        dispatch!(level, simd => sum(simd, &Pairs::<D, N>(divergence), temperature, tile, rows, out));
    }
}

/// The derivatives of a divergence.
pub(super) fn divergence_slopes<T: Real, D: Divergence<N>, const N: usize>(
    level: Level,
    divergence: &D,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    mut out: [Option<&mut [T]>; 2],
) {
    if !D::LOGITS {
        unreachable!("this divergence is not compiled for logits");
    }
    let [of_p, of_q] = &mut out;
    dispatch!(level, simd => write(simd, &Slopes::<D, N>(divergence), temperature, tile, rows, [of_p.as_deref_mut(), of_q.as_deref_mut()]));
}
