//! Rows of logits: pairs of probabilities that are made of two logits, and what else is summed over rows or written for their entries.
//!
//! Softmax(x/T) is never written down. A row is swept over for its greatest logit m, then for its mass Σ e^((x-m)/T), and then for what
//! was asked for, from the cache. Where the greatest entries have most of the mass, it is summed once more without them, their number
//! by itself and the rounding of exponents made good, so that ln of it, the cross-entropy of a confident row, keeps its digits.
//! A divergence that is right for measures of any mass ([`Divergence::FREE_SCALE`]) does without the masses.
//!
//! The log-ratio of a pair, δ = ((x - y) - c)/T, is what divergences are made of. The difference of two logits is exact with what
//! rounding took from it, c is known in two parts, and so δ keeps its *relative* error also where both rows are far from 0; the error
//! that c has is the same for all entries, and what it does to a sum is known from Σ (q - p), as when probabilities are normalised.
//!
//! Lanes run along a row, or across short rows, as everywhere; the order of additions is that of the other kernels, for half floats too,
//! of which two vectors at a time are taken in an order of their own. What is written for these is rounded 512 entries at a time: in the
//! registers of the loop, as things are, there is no room for it.

use core::ops::Range;

use super::{Accumulator, CACHE_LINE, Entry, MAX_SUMS, PREFETCH, Partial, Run, STEPS, Shape, add, block};
use crate::divergence::{Divergence, Log, Pair, Partials};
use crate::element::{Elements, all};
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, exp, is_slow, power_of_two, prefetch};

mod binary;
mod labelled;

pub use binary::{Binary, Part, write_binary};
pub use labelled::{Labelled, label_entropies, log_masses};

/// What probabilities are multiplied with, as an exponent: terms that are as large as a float stay in range when they are added.
pub const LIFT: i32 = -8;
/// Log-ratios beyond which q is made of its own logit, p being too small for it.
const FAR: f64 = 40.0;
/// Log-ratios up to which their exponentials need no reduction.
const NEAR: f64 = 1.0;
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
    /// What e is raised to to multiply the derivatives of a cross-entropy.
    pub lift: f64,
}

/// Some rows, or a run of one: entries of p's and q's logits (or of p's probabilities), and class weights, side by side.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a, T> {
    /// The entries. Across rows, entry k of row j is at `k * WIDTH + j`, in the compute type.
    pub entries: Run<'a, T, 3>,
    /// Whether lanes run across rows.
    pub across: bool,
    /// What is read after this row, to be asked for while it is summed.
    pub ahead: [Ahead; 2],
}

impl<T: Real> Tile<'_, T> {
    /// The first entries of a row, or all of short ones.
    #[must_use]
    pub fn start(&self, count: usize) -> Self {
        let entries = if self.across { self.entries } else { self.entries.first(count) };
        Self { entries, across: self.across, ahead: [Ahead::NONE; 2] }
    }
}

/// Where a row begins in memory, and how many bytes it is from an entry to the next: 0 if there is none, or it is not a run.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    /// The first entry.
    pub from: *const u8,
    /// Bytes from one entry to the next.
    pub step: usize,
}

impl Ahead {
    /// Nothing.
    pub const NONE: Self = Self { from: core::ptr::null(), step: 0 };

    /// Asks for a block of entries, the next of those that a block is summed of meanwhile.
    #[inline(always)]
    fn ask_for(self, entries: Range<usize>) {
        for byte in (entries.start * self.step..entries.end * self.step).step_by(CACHE_LINE) {
            prefetch(self.from.wrapping_add(byte));
        }
    }
}

/// [`LogitRow`] in lanes.
#[derive(Clone, Copy)]
pub struct State<V> {
    /// 1/T, and what rounding took from it.
    inverse: [V; 2],
    /// Whether T is 1.
    is_plain: bool,
    /// Logits below are nothing beside the greatest.
    floor: [V; 2],
    greatest: [V; 2],
    /// The inverse of the mass.
    share: [V; 2],
    log_mass: [V; 2],
    apart: [V; 2],
    within: V,
    means: [V; 2],
    /// Whether some of them are not 0.
    is_relative: [bool; 2],
    factors: [V; 2],
    lift: V,
}

impl<V: Lanes> State<V> {
    #[inline(always)]
    fn new(simd: V::Simd, temperature: f64, rows: &[LogitRow]) -> Self {
        let greatest = [gather(simd, rows, |row| row.greatest[0]), gather(simd, rows, |row| row.greatest[1])];
        Self {
            inverse: inverse(temperature).map(|part| V::splat(simd, part)),
            is_plain: is_one(temperature),
            floor: [floor(greatest[0], temperature), floor(greatest[1], temperature)],
            greatest,
            share: [gather(simd, rows, |row| 1.0 / row.mass[0]), gather(simd, rows, |row| 1.0 / row.mass[1])],
            log_mass: [gather(simd, rows, |row| row.log_mass[0]), gather(simd, rows, |row| row.log_mass[1])],
            apart: [gather(simd, rows, |row| row.apart[0]), gather(simd, rows, |row| row.apart[1])],
            within: gather(simd, rows, |row| row.within),
            means: [gather(simd, rows, |row| row.means[0]), gather(simd, rows, |row| row.means[1])],
            is_relative: [0, 1].map(|which| rows.iter().any(|row| row.means[which] != 0.0)),
            factors: [gather(simd, rows, |row| row.factors[0]), gather(simd, rows, |row| row.factors[1])],
            lift: gather(simd, rows, |row| row.lift),
        }
    }

    /// For rows of q of which nothing else is wanted than what is made of this.
    #[inline(always)]
    fn of_greatest(simd: V::Simd, inverse: [V::Scalar; 2], temperature: f64, greatest: V) -> Self {
        let none = V::splat(simd, V::Scalar::default());
        Self {
            inverse: inverse.map(|part| V::splat(simd, part)),
            is_plain: is_one(temperature),
            floor: [floor(greatest, temperature); 2],
            greatest: [greatest; 2],
            share: [none; 2],
            log_mass: [none; 2],
            apart: [none; 2],
            within: none,
            means: [none; 2],
            is_relative: [false; 2],
            factors: [none; 2],
            lift: none,
        }
    }

    /// x/T, and what rounding took from it, to first order: e^-88 would be wrong by 88 u without.
    #[inline(always)]
    fn over_temperature(&self, x: V) -> (V, V) {
        let [high, low] = self.inverse;
        let scaled = x * high;
        (scaled, x.fma(high, -scaled) + x * low)
    }

    /// (greatest - x)/T >= 0, and e to the minus that.
    #[inline(always)]
    fn gap_and_power(&self, which: usize, x: V) -> (V, V) {
        let (gap, rest) = difference(self.greatest[which], x);
        let rest = V::select(gap.equals(x.constant(f64::INFINITY)), x.constant(0.0), rest);
        let (scaled, lost) = self.over_temperature(gap);
        let power = exp::exp(-scaled);
        (scaled, power.times(x.constant(1.0) - rest.fma(self.inverse[0], lost)))
    }

    /// The power of [`gap_and_power`](Self::gap_and_power) of logits other than the greatest, lifted by [`Real::LIFT`]: in range for all
    /// gaps that a mass has digits for. And 1 for the greatest. Masks are used up early, there being few registers.
    #[inline(always)]
    fn other_and_greatest(&self, which: usize, x: V) -> [V; 2] {
        let (zero, one) = (x.constant(0.0), x.constant(1.0));
        let (is_far, is_greatest) = (self.floor[which].exceeds(x), x.equals(self.greatest[which]));
        let (below, rest) = difference(V::select(is_far, self.floor[which], x), self.greatest[which]);
        let (scaled, lost) = if self.is_plain {
            (below, rest)
        } else {
            let (scaled, lost) = self.over_temperature(below);
            (scaled, rest.fma(self.inverse[0], lost))
        };
        [V::select(is_far | is_greatest, zero, exp::lifted_decay(scaled, lost)), V::select(is_greatest, one, zero)]
    }

    /// e to the minus gap, with a relative error of u times the gap: nothing where it is added to what is not smaller.
    #[inline(always)]
    fn power(&self, which: usize, x: V) -> V {
        exp::decay((x - self.greatest[which]) * self.inverse[0])
    }

    #[inline(always)]
    fn pair(&self, y: V, x: V) -> Pair<V> {
        let (apart, rest) = difference(x, y);
        let [high, low] = self.apart;
        let delta = ((apart - high) + (rest - low)) * self.inverse[0];
        if delta.all_within(y.constant(NEAR)) {
            let p = self.power(0, y) * (y.constant(power_of_two(LIFT)) * self.share[0]);
            let [power, less_one, rest] = exp::growth_near(delta);
            return self.made(y, [p, p * power, p * less_one, p * rest], -delta);
        }
        if delta.all_within(y.constant(FAR)) {
            let p = self.power(0, y) * (y.constant(power_of_two(LIFT)) * self.share[0]);
            let [power, less_one, rest] = exp::growth_within(delta);
            return self.made(y, [p, p * power, p * less_one, p * rest], -delta);
        }
        // What all divergences do alike, and the least often: compiled once for all of them.
        let (made, delta) = y.outlined(
            #[inline(always)]
            move || self.apart(y, x, apart, delta),
        );
        self.made(y, made, -delta)
    }

    /// p, q, their difference and the excess of pairs whose log-ratio is large, or infinite, and that.
    #[inline(always)]
    fn apart(&self, y: V, x: V, apart: V, delta: V) -> ([V; 4], V) {
        let unit = y.constant(power_of_two(LIFT));
        let p = self.power(0, y) * (unit * self.share[0]);
        let (infinity, far) = (y.constant(f64::INFINITY), y.constant(FAR));
        let delta = V::select(apart.abs().equals(infinity), apart, delta);
        // A class that is left out of p, and of q perhaps.
        let delta = V::select(y.equals(-infinity), infinity, delta);
        let [power, less_one, rest] = exp::growth(delta);
        let made = [p, p * power, p * less_one, p.times(rest)];
        let own = self.power(1, x) * (unit * self.share[1]);
        let of_own = [p, own, own - p, own - p - p.times(delta)];
        let is_far = delta.exceeds(far);
        let [p, q, d, excess] = select_each(is_far, of_own, made);
        // However small a share is, it is more than that of a class that is left out.
        let (no_y, no_x) = (y.equals(-infinity), x.equals(-infinity));
        let least = y.constant(V::Scalar::MIN_POSITIVE.to_f64() * power_of_two(NOTHING));
        let (some_p, some_q) = (p.greatest(least), q.greatest(least));
        let only_p = [some_p, q, q - some_p, infinity];
        let only_q = [p, some_q, some_q, some_q];
        let both = [p, q, d, excess];
        let without_x = select_each(no_y, both, only_p);
        (select_each(no_x, without_x, select_each(no_y, only_q, both)), delta)
    }

    #[inline(always)]
    fn made(&self, y: V, [p, q, d, excess]: [V; 4], ratio: V) -> Pair<V> {
        let least = p.constant(V::Scalar::MIN_POSITIVE.to_f64() * power_of_two(NOTHING));
        let zero = p.constant(0.0);
        Pair {
            p: V::select(least.exceeds(p), zero, p),
            q: V::select(least.exceeds(q), zero, q),
            d,
            unit: p.constant(power_of_two(LIFT)),
            dominant: p.constant(f64::INFINITY),
            normalizing: true,
            positive: false,
            log: Some(Log { ratio, excess, of_p: (y - self.greatest[0]) * self.inverse[0] - self.log_mass[0] }),
        }
    }
}

/// Whether nothing needs to be divided.
fn is_one(temperature: f64) -> bool {
    temperature.total_cmp(&1.0).is_eq()
}

/// 1/T, and what rounding took from it.
fn inverse<T: Real>(temperature: f64) -> [T; 2] {
    let high = T::from_f64(1.0 / temperature);
    // 1/T = high + (1 - T high)/T.
    [high, T::from_f64(crate::lanes::fma(-temperature, high.to_f64(), 1.0) / temperature)]
}

/// Logits that are so far below the greatest that their powers, lifted or not, are nothing; finite.
#[inline(always)]
fn floor<V: Lanes>(greatest: V, temperature: f64) -> V {
    let least = greatest.constant(-V::Scalar::MAX.to_f64());
    let floor = greatest - greatest.constant(<V::Scalar as exp::Coefficients>::FAR * temperature);
    V::select(least.exceeds(floor), least, floor)
}

/// `yes` where the mask is set, `no` elsewhere.
#[inline(always)]
fn select_each<V: Lanes>(mask: V::Mask, yes: [V; 4], no: [V; 4]) -> [V; 4] {
    let ([a, b, c, d], [e, f, g, h]) = (yes, no);
    [V::select(mask, a, e), V::select(mask, b, f), V::select(mask, c, g), V::select(mask, d, h)]
}

/// `one - other` rounded, and what rounding took from it (Knuth's two-sum); the latter is NaN for infinities.
#[inline(always)]
fn difference<V: Lanes>(one: V, other: V) -> (V, V) {
    let difference = one - other;
    let back = one - difference;
    (difference, (back - other) + (one - (difference + back)))
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
pub trait Summand<const N: usize>: Sync {
    /// How many sums there are, and which of them are maxima.
    fn shape(&self) -> Shape;
    /// What a vector is filled up with.
    const PADDING: [f64; 3];
    /// Whether it is compiled for half floats; if not, they are brought in as `f32`.
    const HALVES: bool;
    /// The summands of some entries.
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; N];
}

/// What is written for each entry.
pub trait Written: Sync {
    /// What a vector is filled up with.
    const PADDING: [f64; 3];
    /// See [`Summand::HALVES`].
    const HALVES: bool;
    /// What there is for p and for q; anything where it is not wanted.
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>, wanted: [bool; 2]) -> [V; 2];
}

const LOGITS: f64 = f64::NEG_INFINITY;

/// The mass; exactly, without the greatest entries and lifted by [`Real::LIFT`], and the number of those.
struct Mass<const WHICH: usize, const IS_EXACT: bool>;

impl<const WHICH: usize, const IS_EXACT: bool> Summand<2> for Mass<WHICH, IS_EXACT> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];
    const HALVES: bool = true;

    fn shape(&self) -> Shape {
        Shape::default()
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>) -> [V; 2] {
        let x = entries[WHICH];
        if IS_EXACT {
            row.other_and_greatest(WHICH, x)
        } else {
            // The mass is at least 1, to which the least powers add nothing.
            [exp::decay_or_least((x - row.greatest[WHICH]) * row.inverse[0]), x.constant(0.0)]
        }
    }
}

/// Σ e g, of powers e and gaps g below the greatest logit: the entropy is ln of the mass and the mean gap.
pub(super) struct MeanGap;

impl Summand<2> for MeanGap {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];
    const HALVES: bool = true;

    fn shape(&self) -> Shape {
        Shape::default()
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, [_, x, _]: [V; 3], row: &State<V>) -> [V; 2] {
        let zero = x.constant(0.0);
        let (gap, power) = row.gap_and_power(1, x);
        [power.times(gap), zero]
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

impl Summand<MAX_SUMS> for TargetGap {
    const PADDING: [f64; 3] = [0.0, LOGITS, 0.0];
    const HALVES: bool = false;

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

impl<D: Divergence<N>, const N: usize> Summand<MAX_SUMS> for Pairs<'_, D, N> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];
    const HALVES: bool = D::HALVES;

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

impl<D: Divergence<N>, const N: usize> Summand<2> for Moments<'_, D, N> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];
    const HALVES: bool = D::HALVES;

    fn shape(&self) -> Shape {
        Shape::default()
    }

    #[inline(always)]
    fn of<V: Lanes>(&self, [y, x, _]: [V; 3], row: &State<V>) -> [V; 2] {
        let pair = row.pair(y, x);
        let Partials { moments: [by_p, by_q], .. } = self.0.partials(pair, row.within);
        [unless_nothing(by_p, pair.shares()), unless_nothing(by_q, pair.shares())]
    }
}

/// The moment of a pair with those shares; classes of probability 0 have none.
#[inline(always)]
fn unless_nothing<V: Lanes>(moment: V, [p, q]: [V; 2]) -> V {
    let zero = p.constant(0.0);
    let nothing = p.equals(zero) & q.equals(zero);
    // Powers are in range where p and q are not.
    V::select(nothing, V::select(moment.equals(moment), moment, zero), moment)
}

/// The derivatives of a divergence with respect to the logits: a moment less the share of the moments' sum.
pub(super) struct Slopes<'d, D, const N: usize>(pub(super) &'d D);

impl<D: Divergence<N>, const N: usize> Written for Slopes<'_, D, N> {
    const PADDING: [f64; 3] = [LOGITS, LOGITS, 0.0];
    const HALVES: bool = D::HALVES;

    #[inline(always)]
    fn of<V: Lanes>(&self, [y, x, _]: [V; 3], row: &State<V>, wanted: [bool; 2]) -> [V; 2] {
        let pair = row.pair(y, x);
        let Partials { moments: by, .. } = self.0.partials(pair, row.within);
        let mut slopes = pair.shares();
        for which in [0, 1] {
            if wanted[which] {
                slopes[which] = slope(by[which], pair.shares(), row, which);
            }
        }
        slopes
    }
}

/// The derivative with respect to the logits of p or of q.
#[inline(always)]
fn slope<V: Lanes>(by: V, shares: [V; 2], row: &State<V>, which: usize) -> V {
    let (mean, factor) = (row.means[which], row.factors[which]);
    let relative = if row.is_relative[which] { by - shares[which] * mean } else { by };
    // Adding 0 turns -0.0 into 0.0.
    let slope = relative.fma(factor, mean.constant(0.0));
    if slope.all_within(mean.constant(V::Scalar::MAX.to_f64())) {
        return slope;
    }
    mean.outlined(
        #[inline(always)]
        move || {
            let by = unless_nothing(by, shares);
            // A class that makes the value infinite has an infinite derivative, and so has the mean.
            let is_infinite = by.abs().equals(mean.constant(f64::INFINITY));
            V::select(is_infinite, by, by - shares[which].times(mean)).times(factor)
        },
    )
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
    /// The derivatives of a cross-entropy, whose targets sum to `within` and of which each class has ε/C, in `means`; and whether
    /// they are multiplied with e to the row's lift.
    CrossEntropy(Targets, bool),
    /// The same of labels alone, whose own entries are the driver's: the share times `within`.
    Labels,
    /// The derivatives of ln Σ e^(x/T).
    LogSumExp,
}

impl Written for Single {
    const PADDING: [f64; 3] = [0.0, LOGITS, 0.0];
    const HALVES: bool = true;

    #[inline(always)]
    fn of<V: Lanes>(&self, entries: [V; 3], row: &State<V>, _wanted: [bool; 2]) -> [V; 2] {
        let x = entries[1];
        if let Self::Softmax | Self::LogSoftmax = self {
            let (gap, power) = row.gap_and_power(1, x);
            let written = if let Self::Softmax = self { power * row.share[1] } else { x.constant(0.0) - (gap + row.log_mass[1]) };
            return [written, written];
        }
        let power = row.power(1, x);
        if let Self::Labels = self {
            let written = power * (row.share[1] * row.within * row.factors[1]);
            return [written, written];
        }
        let share = power * row.share[1];
        let written = match self {
            Self::Softmax | Self::LogSoftmax | Self::Labels => share,
            Self::Entropy => {
                let gap = (row.greatest[1] - x) * row.inverse[0];
                share.times((gap + row.log_mass[1]) - row.within).times(row.factors[1])
            }
            Self::LogSumExp => share.times(row.factors[1]),
            Self::CrossEntropy(targets, is_lifted) => {
                let [t, w, counts] = targets.of(entries);
                let target = w * t.fma(x.constant(targets.kept), counts * row.means[1]);
                let [share, target] = if *is_lifted {
                    let gap = (row.greatest[1] - x) * row.inverse[0];
                    [exp::exp(row.lift - (gap + row.log_mass[1])), target.times(exp::exp(row.lift))]
                } else {
                    [share, target]
                };
                (share.times(row.within) - target).times(row.factors[1])
            }
        };
        [written, written]
    }
}

/// The greatest entry of each row of a tile, or of their negatives: -inf if there is none but NaN.
pub fn scan<T: Real>(level: Level, tile: Tile<T>, (which, negative): (usize, bool), greatest: &mut [f64]) {
    dispatch!(level, simd => match (tile.entries, negative) {
        (Run::Real(entries), true) => scan_here::<_, T, _, true>(simd, entries[which], tile.across, greatest),
        (Run::Real(entries), false) => scan_here::<_, T, _, false>(simd, entries[which], tile.across, greatest),
        (Run::F16(entries), false) => scan_here::<_, T, _, false>(simd, entries[which], false, greatest),
        (Run::BF16(entries), false) => scan_here::<_, T, _, false>(simd, entries[which], false, greatest),
        (Run::F16(_) | Run::BF16(_), true) => unreachable!("{BROUGHT}"),
    });
}

/// Whether half floats are computed in `T`.
const fn is_f32<T>() -> bool {
    size_of::<T>() == size_of::<f32>()
}

const BROUGHT: &str = "half floats are brought in as f32 for this";

#[inline(always)]
fn signed<V: Lanes, const NEGATIVE: bool>(x: V) -> V {
    if NEGATIVE { -x } else { x }
}

#[inline(always)]
fn scan_here<S: Simd, T: Real, E: Entry<T>, const NEGATIVE: bool>(simd: S, entries: &[E], across: bool, out: &mut [f64]) {
    let none = T::Lanes::<S>::splat(simd, T::from_f64(LOGITS));
    let mut greatest = [none; 4];
    let mut steps = entries.chunks_exact(4 * T::WIDTH);
    for entries in &mut steps {
        prefetch_after(entries);
        for (step, greatest) in greatest.iter_mut().enumerate() {
            let two = &entries[step / 2 * (2 * T::WIDTH)..][..2 * T::WIDTH];
            *greatest = greatest.greatest(signed::<_, NEGATIVE>(E::load_part(simd, two, step % 2)));
        }
    }
    for (greatest, entries) in greatest.iter_mut().zip(steps.remainder().chunks(T::WIDTH)) {
        let padded = load_padded(simd, entries, if NEGATIVE { -LOGITS } else { LOGITS });
        *greatest = greatest.greatest(signed::<_, NEGATIVE>(padded));
    }
    let [a, b, c, d] = greatest;
    let mut lanes = [T::default(); 16];
    a.greatest(b).greatest(c.greatest(d)).store(&mut lanes[..T::WIDTH]);
    if across {
        out.copy_from_slice(&lanes.map(T::to_f64)[..out.len()]);
    } else {
        out[0] = greatest_of(&lanes[..T::WIDTH]);
    }
}

/// The greatest of some numbers: -inf if there is none but NaN.
#[inline(always)]
fn greatest_of<T: Real>(numbers: &[T]) -> f64 {
    numbers
        .iter()
        .map(|number| number.to_f64())
        .fold(LOGITS, |greatest, number| if number > greatest { number } else { greatest })
}

/// Asks for the memory that comes some way after a run.
#[inline(always)]
fn prefetch_after<T>(run: &[T]) {
    for line in (0..size_of_val(run)).step_by(CACHE_LINE) {
        prefetch(run.as_ptr().wrapping_byte_add(PREFETCH + line));
    }
}

/// A vector, or what there is of one and padding.
#[inline(always)]
fn load_padded<S: Simd, T: Real, E: Entry<T>>(simd: S, entries: &[E], padding: f64) -> T::Lanes<S> {
    if entries.len() == T::WIDTH {
        return E::load(simd, entries);
    }
    let mut padded = [E::padding(padding); 16];
    padded[..entries.len()].copy_from_slice(entries);
    E::load(simd, &padded[..T::WIDTH])
}

/// The sums of each row of a tile, or of what comes next in one row.
#[inline(always)]
fn sum<S: Simd, T: Real, M: Summand<N>, const N: usize>(
    simd: S,
    summand: &M,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    out: &mut [Partial],
) {
    let state = State::<T::Lanes<S>>::new(simd, temperature, rows);
    match tile.entries {
        Run::Real(entries) if tile.across => sum_across(simd, summand, entries, &state, out),
        Run::Real(entries) => out[0] = sum_along::<_, T, _, _, N>(simd, summand, entries, tile.ahead, &state),
        Run::F16(entries) if const { M::HALVES && is_f32::<T>() } => {
            out[0] = sum_along::<_, T, _, _, N>(simd, summand, entries, tile.ahead, &state);
        }
        Run::BF16(entries) if const { M::HALVES && is_f32::<T>() } => {
            out[0] = sum_along::<_, T, _, _, N>(simd, summand, entries, tile.ahead, &state);
        }
        Run::F16(_) | Run::BF16(_) => unreachable!("{BROUGHT}"),
    }
}

#[inline(always)]
fn sum_along<S: Simd, T: Real, E: Entry<T>, M: Summand<N>, const N: usize>(
    simd: S,
    summand: &M,
    entries: [&[E]; 3],
    ahead: [Ahead; 2],
    state: &State<T::Lanes<S>>,
) -> Partial {
    let mut accumulator = Accumulator::default();
    let length = entries[1].len();
    for first in (0..length).step_by(block::<T>()) {
        let next = first..length.min(first + block::<T>());
        for ahead in ahead {
            ahead.ask_for(next.clone());
        }
        sum_block::<_, T, _, _, N>(simd, summand, entries.map(|entries| &entries[next.clone()]), state, &mut accumulator);
    }
    accumulator.finish(summand.shape())
}

#[inline(always)]
fn sum_block<S: Simd, T: Real, E: Entry<T>, M: Summand<N>, const N: usize>(
    simd: S,
    summand: &M,
    entries: [&[E]; 3],
    state: &State<T::Lanes<S>>,
    row: &mut Accumulator,
) {
    let shape = summand.shape();
    let zero = T::Lanes::<S>::splat(simd, T::default());
    let mut sums = [[zero; N]; 2];
    // The last step is filled up: one loop is compiled for all.
    let [t, x, w] = entries;
    let whole = x.len() - x.len() % (2 * T::WIDTH);
    let mut last = [[E::default(); 32]; 3];
    if whole < x.len() {
        last = padded(entries.map(|entries| &entries[whole..]), M::PADDING);
    }
    for start in (0..x.len()).step_by(2 * T::WIDTH) {
        let [t, x, w] = if start < whole {
            [t, x, w].map(|entries| &entries[start..start + 2 * T::WIDTH])
        } else {
            last.each_ref().map(|last| &last[..2 * T::WIDTH])
        };
        for (part, sums) in sums.iter_mut().enumerate() {
            let entries = [E::load_part(simd, t, part), E::load_part(simd, x, part), E::load_part(simd, w, part)];
            step(summand, entries, state, sums);
        }
    }
    let [first, second] = sums;
    for (place, parts) in first.into_iter().zip(second).enumerate().take(shape.used()) {
        let [first, second] = E::in_order(parts.into());
        if shape.is_maximum(place) {
            let folded = first.fold_greatest(second);
            Wide::load(simd, &row.superblock[place]).greatest(folded).store(&mut row.superblock[place]);
        } else {
            add(simd, &mut row.superblock[place], first.fold(second));
        }
    }
    row.next_block(shape);
}

#[inline(always)]
fn sum_across<S: Simd, T: Real, M: Summand<N>, const N: usize>(
    simd: S,
    summand: &M,
    entries: [&[T]; 3],
    state: &State<T::Lanes<S>>,
    out: &mut [Partial],
) {
    let wide = sum_wide(simd, summand, entries, state);
    for (rows, wide) in out.chunks_mut(WIDE).zip(wide) {
        for (place, sum) in wide.iter().enumerate().take(summand.shape().used()) {
            let mut lanes = [0.0; WIDE];
            sum.store(&mut lanes);
            for (row, lane) in rows.iter_mut().zip(lanes) {
                row.sums[place] = lane;
            }
        }
    }
}

/// The sums of rows that lanes run across, in as many vectors as the lanes take.
#[inline(always)]
fn sum_wide<S: Simd, T: Real, M: Summand<N>, const N: usize>(
    simd: S,
    summand: &M,
    entries: [&[T]; 3],
    state: &State<T::Lanes<S>>,
) -> [[Wide<S>; N]; 2] {
    let shape = summand.shape();
    let zero = T::Lanes::<S>::splat(simd, T::default());
    let mut wide = [[Wide::splat(simd, 0.0); N]; 2];
    let [t, x, w] = entries.map(|entries| entries.chunks(STEPS * T::WIDTH));
    for ((t, x), w) in t.zip(x).zip(w) {
        let mut sums = [zero; N];
        let [t, x, w] = [t, x, w].map(|entries| entries.chunks_exact(T::WIDTH));
        for ((t, x), w) in t.zip(x).zip(w) {
            step(summand, [t, x, w].map(|entries| Lanes::load(simd, entries)), state, &mut sums);
        }
        for (part, wide) in wide.iter_mut().enumerate().take(T::Lanes::<S>::PARTS) {
            for place in 0..shape.used() {
                let more = sums[place].part(part);
                wide[place] = if shape.is_maximum(place) { wide[place].greatest(more) } else { wide[place] + more };
            }
        }
    }
    wide
}

#[inline(always)]
fn step<V: Lanes, M: Summand<N>, const N: usize>(summand: &M, entries: [V; 3], state: &State<V>, sums: &mut [V; N]) {
    if const { is_slow::<V::Simd>() } {
        step_by_call(summand, entries, state, sums);
    } else {
        step_here(summand, entries, state, sums);
    }
}

#[inline(never)]
fn step_by_call<V: Lanes, M: Summand<N>, const N: usize>(summand: &M, entries: [V; 3], state: &State<V>, sums: &mut [V; N]) {
    step_here(summand, entries, state, sums);
}

#[inline(always)]
fn step_here<V: Lanes, M: Summand<N>, const N: usize>(summand: &M, entries: [V; 3], state: &State<V>, sums: &mut [V; N]) {
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
    out: [Option<Elements<T>>; 2],
) {
    let state = State::<T::Lanes<S>>::new(simd, temperature, rows);
    match tile.entries {
        Run::Real(entries) if tile.across => write_across(simd, written, entries, &state, rows.len(), out),
        Run::Real(entries) => write_along(simd, written, entries, &state, out),
        Run::F16(entries) if const { W::HALVES && is_f32::<T>() } => write_along(simd, written, entries, &state, out),
        Run::BF16(entries) if const { W::HALVES && is_f32::<T>() } => write_along(simd, written, entries, &state, out),
        Run::F16(_) | Run::BF16(_) => unreachable!("{BROUGHT}"),
    }
}

#[inline(always)]
fn write_across<S: Simd, T: Real, W: Written>(
    simd: S,
    written: &W,
    entries: [&[T]; 3],
    state: &State<T::Lanes<S>>,
    rows: usize,
    mut out: [Option<Elements<T>>; 2],
) {
    let length = entries[1].len() / T::WIDTH;
    let (places, mut rooms) = (0..length * rows, Rooms::NONE);
    let wanted = out.each_ref().map(Option::is_some);
    let [t, x, w] = entries.map(|entries| entries.chunks_exact(T::WIDTH));
    let mut lent = lend(&mut out, &mut rooms, &places);
    for (step, ((t, x), w)) in t.zip(x).zip(w).enumerate() {
        let both = written.of([t, x, w].map(|entries| Lanes::load(simd, entries)), state, wanted);
        for (out, written) in lent.iter_mut().zip(both) {
            let Some(out) = out else { continue };
            let mut lanes = [T::default(); 16];
            written.store(&mut lanes[..T::WIDTH]);
            for (place, &lane) in out[step..].iter_mut().step_by(length).zip(&lanes[..rows]) {
                *place = lane;
            }
        }
    }
    round(simd.level(), &mut out, &rooms, &places);
}

#[inline(always)]
fn write_along<S: Simd, T: Real, E: Entry<T>, W: Written>(
    simd: S,
    written: &W,
    entries: [&[E]; 3],
    state: &State<T::Lanes<S>>,
    mut out: [Option<Elements<T>>; 2],
) {
    let (count, mut rooms) = (entries[1].len(), Rooms::NONE);
    let wanted = out.each_ref().map(Option::is_some);
    for first in (0..count).step_by(ROOM) {
        let places = first..count.min(first + ROOM);
        let [t, x, w] = entries.map(|entries| entries[places.clone()].chunks(2 * T::WIDTH));
        let mut lent = lend(&mut out, &mut rooms, &places);
        for (step, ((t, x), w)) in t.zip(x).zip(w).enumerate() {
            let whole;
            let [t, x, w] = if x.len() == 2 * T::WIDTH {
                [t, x, w]
            } else {
                whole = padded([t, x, w], W::PADDING);
                whole.each_ref().map(|whole| &whole[..2 * T::WIDTH])
            };
            for part in [0, 1] {
                let entries = [E::load_part(simd, t, part), E::load_part(simd, x, part), E::load_part(simd, w, part)];
                let both = written.of(entries, state, wanted);
                for (out, written) in lent.iter_mut().zip(both) {
                    let Some(out) = out else { continue };
                    let start = (2 * step + part) * T::WIDTH;
                    if let Some(out) = out.get_mut(start..start + T::WIDTH) {
                        written.store(out);
                    } else if let Some(out) = out.get_mut(start..) {
                        written.store_some(out);
                    }
                }
            }
        }
        for (out, room) in out.iter_mut().zip(&rooms.0) {
            if let (Some(out), Some(room)) = (out, room) {
                E::round(simd.level(), &room.0, places.clone(), out);
            }
        }
    }
}

/// What there is of two vectors, and padding.
#[inline(always)]
fn padded<T: Real, E: Entry<T>, const N: usize>(entries: [&[E]; N], padding: [f64; N]) -> [[E; 32]; N] {
    let mut padded = padding.map(|padding| [E::padding(padding); 32]);
    for (padded, entries) in padded.iter_mut().zip(entries) {
        padded[..entries.len()].copy_from_slice(entries);
    }
    padded
}

/// Most entries that are rounded at a time: those of short rows, or of a part of a long one.
const ROOM: usize = 512;

/// Room for what is rounded to half floats, in the cache that is next and in whole lines of it.
#[repr(align(64))]
struct Room<T>([T; ROOM]);

/// Room for p and for q.
struct Rooms<T>([Option<Room<T>>; 2]);

impl<T> Rooms<T> {
    const NONE: Self = Self([None, None]);
}

/// Where to write to: the elements themselves, or room for what is rounded to half floats then.
#[inline(always)]
fn lend<'l, T: Real>(
    out: &'l mut [Option<Elements<T>>; 2],
    rooms: &'l mut Rooms<T>,
    places: &Range<usize>,
) -> [Option<&'l mut [T]>; 2] {
    let ([of_p, of_q], [room_p, room_q]) = (out, &mut rooms.0);
    [lend_one(of_p, room_p, places), lend_one(of_q, room_q, places)]
}

#[inline(always)]
fn lend_one<'l, T: Real>(
    out: &'l mut Option<Elements<T>>,
    room: &'l mut Option<Room<T>>,
    places: &Range<usize>,
) -> Option<&'l mut [T]> {
    match out.as_mut()? {
        Elements::Real(elements) => Some(&mut elements[places.clone()]),
        Elements::F16(_) | Elements::BF16(_) => Some(&mut room.get_or_insert_with(|| Room([T::default(); ROOM])).0),
    }
}

/// Rounds what was written elsewhere.
#[inline(always)]
fn round<T: Real>(level: Level, out: &mut [Option<Elements<T>>; 2], rooms: &Rooms<T>, places: &Range<usize>) {
    for (out, room) in out.iter_mut().zip(&rooms.0) {
        if let (Some(out), Some(room)) = (out, room) {
            out.round(level, places.clone(), &room.0);
        }
    }
}

/// [`Mass`] of each row of a tile.
pub fn masses<T: Real>(
    level: Level,
    (which, is_exact): (usize, bool),
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    out: &mut [Partial],
) {
    match (which, is_exact) {
        (0, false) => dispatch!(level, simd => sum(simd, &Mass::<0, false>, temperature, tile, rows, out)),
        (0, true) => dispatch!(level, simd => sum(simd, &Mass::<0, true>, temperature, tile, rows, out)),
        (_, false) => dispatch!(level, simd => sum(simd, &Mass::<1, false>, temperature, tile, rows, out)),
        (_, true) => dispatch!(level, simd => sum(simd, &Mass::<1, true>, temperature, tile, rows, out)),
    }
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
pub fn write_single<T: Real>(
    level: Level,
    single: Single,
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    mut out: Elements<T>,
) {
    dispatch!(level, simd => write(simd, &single, temperature, tile, rows, [None, Some(out.all())]));
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
    if !const { D::ROWS.have_logits::<T>() } {
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
    mut out: [Option<Elements<T>>; 2],
) {
    if !const { D::ROWS.have_logits::<T>() } {
        unreachable!("this divergence is not compiled for logits");
    }
    dispatch!(level, simd => {
        write(simd, &Slopes::<D, N>(divergence), temperature, tile, rows, all(&mut out));
    });
}
