//! Vectors of `f64` or `f32` that read like scalars: the only file that names the SIMD crate.
//!
//! Formulas are written once, on [`Lanes`], and run on every instruction set and on both compute types.
//! The logical width is fixed (8 lanes of `f64`, 16 of `f32`) whatever the CPU has, so that there is one
//! order of additions and one set of bits. `fma` is rounded once on every CPU, also on those that must
//! emulate it. No result depends on the hardware's `min` and `max` (they differ with NaN) or on approximations.
//!
//! Every function is `#[inline(always)]`: one that is not inlined into the function that [`dispatch!`]
//! compiles for a level is compiled without that level's instructions, and runs about 20 times slower.

use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Sub};

use fearless_simd::{Bytes, Select, SimdBase, SimdFloat, SimdMask, SimdWiden, f32x16, f64x8, u32x16, u64x8};
pub use fearless_simd::{Level, Simd, dispatch};

pub mod exp;
pub mod half;
pub mod ln;
pub mod turn;

/// A vector of the accumulators' type: 8 lanes of `f64`.
pub type Wide<S> = f64x8<S>;

/// Lanes of a [`Wide`] vector, the number of rows that are finished together.
pub const WIDE: usize = 8;

/// Asks for a cache line, at any address.
///
/// The kernels compute for longer than the CPU looks ahead, so from memory they would wait for whatever its own prefetcher misses:
/// KL f64 of 20 000 x 2048 took 38 ms instead of 28 (2 cores of Sapphire Rapids, where reading takes 26).
#[inline(always)]
#[expect(unsafe_code, reason = "a hint has no safe intrinsic")]
pub fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// 2^exponent, for a normal result.
#[must_use]
pub fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(u64::from((exponent + 1023).unsigned_abs()) << 52)
}

/// The exponent e of a positive number in [2^e, 2^(e+1)).
#[must_use]
pub fn exponent_of(number: f64) -> i32 {
    const SUBNORMAL: i32 = 64;
    let biased = |number: f64| i32::try_from(number.to_bits() >> 52 & 0x7ff).unwrap_or_default();
    match biased(number) {
        0 => biased(number * power_of_two(SUBNORMAL)) - SUBNORMAL - 1023,
        biased => biased - 1023,
    }
}

/// A number times 2^exponent, for any exponent that a number or a sum has.
#[must_use]
pub fn times_power_of_two(number: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    number * power_of_two(half) * power_of_two(exponent - half)
}

/// `x * factor + addend` of one number, rounded once, on every CPU.
#[must_use]
pub fn fma(x: f64, factor: f64, addend: f64) -> f64 {
    dispatch!(Level::new(), simd => {
        let [x, factor, addend] = [x, factor, addend].map(|number| <Wide<_> as Lanes>::splat(simd, number));
        x.fma(factor, addend)[0]
    })
}

/// `one + other` rounded, and what rounding took from it (Knuth).
#[must_use]
pub fn two_sum(one: f64, other: f64) -> (f64, f64) {
    let sum = one + other;
    let back = sum - one;
    (sum, (one - (sum - back)) + (other - back))
}

/// Each lane with all before it: the sums of runs of 2, of 4 and of 8 that end there, added in that order.
#[inline(always)]
pub fn running_sums<S: Simd>(simd: S, lanes: Wide<S>) -> Wide<S> {
    let zero = <Wide<S> as Lanes>::splat(simd, 0.0);
    let of_2 = lanes + zero.slide::<7>(lanes);
    let of_4 = of_2 + zero.slide::<6>(of_2);
    of_4 + zero.slide::<4>(of_4)
}

/// 32 numbers, or fewer and zeros, four times each fourth: number `4 * lane + part` in that lane of that part.
#[inline(always)]
pub fn dealt<S: Simd>(simd: S, numbers: &[f32]) -> [Wide<S>; 4] {
    let (one, other) = numbers.split_at(numbers.len().min(f32::WIDTH));
    let (one, other) = (<f32x16<S> as Lanes>::load_some(simd, one), <f32x16<S> as Lanes>::load_some(simd, other));
    let (even, odd) = (one.unzip_low(other), one.unzip_high(other));
    let ((zeroth, first), (second, third)) = (even.unzip_low(odd).widen(), even.unzip_high(odd).widen());
    [zeroth, first, second, third]
}

/// A compute type: `f64` or `f32`.
pub trait Real:
    Copy + Default + PartialOrd + Send + Sync + ln::Coefficients + exp::Coefficients + turn::Square + 'static
{
    /// The vector of this type at a level.
    type Lanes<S: Simd>: Lanes<Simd = S, Scalar = Self>;
    /// Lanes of that vector.
    const WIDTH: usize;
    /// Exponent of the power of two that rows are multiplied with: no formula meets a subnormal.
    const LIFT: i32;
    /// Largest exponent of a factor that a row is multiplied with.
    const MAX_FACTOR: i32;
    /// Exponent up to which a row can be lifted without overflow in its sums.
    const HIGH: i32;
    /// Factor, as an exponent, that makes the smallest subnormal normal.
    const SUBNORMAL_BITS: i32;
    /// Exponent of the smallest entry that needs no lift: the terms of such a pair, next to each other or not, stay normal.
    const ORDINARY: i32;
    /// The smallest normal value.
    const MIN_POSITIVE: Self;
    /// The largest finite value.
    const MAX: Self;
    /// The one NaN that results have.
    const NAN: Self;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// A run of half floats; exact.
    fn from_halves<H: half::Half>(level: Level, run: &[H], out: &mut [Self]);
    /// The nearest half floats of a run; for `f32` only.
    fn to_halves<H: half::Half>(level: Level, run: &[Self], out: &mut [H]);
    /// The same of pairs of vectors in the order of [`half::Half::load_part`], of which the last may be of a shorter run.
    fn parts_to_halves<H: half::Half>(level: Level, parts: &[Self], out: &mut [H]);
    /// The same value as `f64`; exact.
    fn to_f64(self) -> f64;
    /// The nearest value of this type that does not exceed `ceiling`.
    fn below(value: f64, ceiling: f64) -> Self;
}

impl Real for f64 {
    type Lanes<S: Simd> = f64x8<S>;
    const WIDTH: usize = 8;
    const LIFT: i32 = 600;
    const MAX_FACTOR: i32 = 1000;
    const HIGH: i32 = 940;
    const SUBNORMAL_BITS: i32 = 52;
    const ORDINARY: i32 = -500;
    const MIN_POSITIVE: Self = Self::MIN_POSITIVE;
    const MAX: Self = Self::MAX;
    const NAN: Self = Self::from_bits(0x7ff8_0000_0000_0000);

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    fn from_halves<H: half::Half>(level: Level, run: &[H], out: &mut [Self]) {
        let mut single = [0.0_f32; 256];
        for (run, out) in run.chunks(single.len()).zip(out.chunks_mut(single.len())) {
            half::widen(level, run, &mut single);
            for (out, &single) in out.iter_mut().zip(&single) {
                *out = Self::from(single);
            }
        }
    }
    fn to_halves<H: half::Half>(_level: Level, _run: &[Self], _out: &mut [H]) {
        unreachable!("half floats are computed in f32")
    }
    fn parts_to_halves<H: half::Half>(_level: Level, _parts: &[Self], _out: &mut [H]) {
        unreachable!("half floats are computed in f32")
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn below(value: f64, ceiling: f64) -> Self {
        if value > ceiling { ceiling } else { value }
    }
}

impl Real for f32 {
    type Lanes<S: Simd> = f32x16<S>;
    const WIDTH: usize = 16;
    const LIFT: i32 = 100;
    const MAX_FACTOR: i32 = 120;
    const HIGH: i32 = 100;
    const SUBNORMAL_BITS: i32 = 23;
    const ORDINARY: i32 = -60;
    const MIN_POSITIVE: Self = Self::MIN_POSITIVE;
    const MAX: Self = Self::MAX;
    const NAN: Self = Self::from_bits(0x7fc0_0000);

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is the purpose")]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn from_halves<H: half::Half>(level: Level, run: &[H], out: &mut [Self]) {
        half::widen(level, run, out);
    }
    fn to_halves<H: half::Half>(level: Level, run: &[Self], out: &mut [H]) {
        half::narrow(level, run, out);
    }
    fn parts_to_halves<H: half::Half>(level: Level, parts: &[Self], out: &mut [H]) {
        half::narrow_parts(level, parts, out);
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn below(value: f64, ceiling: f64) -> Self {
        let nearest = Self::from_f64(value);
        if f64::from(nearest) > ceiling { nearest.next_down() } else { nearest }
    }
}

/// A vector on which formulas are written.
pub trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// Proof that the CPU has the level.
    type Simd: Simd;
    /// What one lane holds.
    type Scalar: Real<Lanes<Self::Simd> = Self>;
    /// One truth value per lane.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask>;
    /// How many [`Wide`] vectors hold the lanes of this one.
    const PARTS: usize;

    /// Every lane the same.
    fn splat(simd: Self::Simd, value: Self::Scalar) -> Self;
    /// A constant beside an existing vector (rounded to the lane's type).
    fn constant(self, value: f64) -> Self;
    /// What `f` returns, compiled as a function of its own for the level.
    fn outlined<R>(self, f: impl FnOnce() -> R) -> R;
    /// The lanes from a slice of exactly the vector's width.
    fn load(simd: Self::Simd, slice: &[Self::Scalar]) -> Self;
    /// The lanes from as many half floats, or from fewer and zeros; for `f32` only.
    fn load_halves<H: half::Half>(simd: Self::Simd, run: &[H]) -> Self;
    /// One of two vectors of half floats, see [`half::Half::load_part`]; for `f32` only.
    fn load_part<H: half::Half>(simd: Self::Simd, run: &[H], part: usize) -> Self;
    /// See [`half::Half::in_order`]; for `f32` only.
    fn in_order<H: half::Half>(parts: [Self; 2]) -> [Self; 2];
    /// The lanes into a slice of exactly the vector's width.
    fn store(self, slice: &mut [Self::Scalar]);
    /// `self * factor + addend`, rounded once, on every CPU.
    fn fma(self, factor: Self, addend: Self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Where `self == other`; never for NaN.
    fn equals(self, other: Self) -> Self::Mask;
    /// Where `self > other`; never for NaN.
    fn exceeds(self, other: Self) -> Self::Mask;
    /// `yes` where the mask is set, `no` elsewhere.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// The lanes without their signs.
    fn abs(self) -> Self;
    /// 2^k for lanes that are integers and exponents of normal numbers.
    fn power_of_two(self) -> Self;
    /// `self` times 2^k where both are normal numbers; `rounded` is what [`exp::Coefficients::ROUND`] was added to, to leave k.
    fn times_power_of_two(self, rounded: Self) -> Self;
    /// `other` where it is less than `self`; `self` elsewhere, NaN included.
    fn at_most(self, other: Self) -> Self;
    /// The greater of each two lanes; `self` where `other` is NaN.
    fn greatest(self, other: Self) -> Self;
    /// The smaller of each two lanes, or either if one is NaN.
    fn least(self, other: Self) -> Self;
    /// Whether any lane is less than that of `floor`; a NaN is not.
    fn any_below(self, floor: Self) -> bool;
    /// Whether no lane is further than `bound` from 0; a NaN is.
    fn all_within(self, bound: Self) -> bool;
    /// The bits of both, to collect sign bits.
    fn or_bits(self, other: Self) -> Self;
    /// The lanes with the signs of `other`.
    fn with_sign_of(self, other: Self) -> Self;
    /// A bit per lane: its sign, set for -0.0 and for a NaN that has it.
    fn signs(self) -> u64;
    /// `(-q 2^-k, k)` with q 2^-k / p in [2/3, 3/2], for positive normal `p` and `q = self`; anything for others.
    fn near(self, p: Self) -> (Self, Self);
    /// Lanes `8 part ..` as `f64`.
    fn part(self, part: usize) -> Wide<Self::Simd>;
    /// Two accumulators as one: lane j is the sum of their lanes j and, for `f32`, j + 8.
    fn fold(self, other: Self) -> Wide<Self::Simd>;
    /// The same for accumulators of maxima.
    fn fold_greatest(self, other: Self) -> Wide<Self::Simd>;

    /// What there is of a vector, and zeros.
    #[inline(always)]
    fn load_some(simd: Self::Simd, slice: &[Self::Scalar]) -> Self {
        if slice.len() == Self::Scalar::WIDTH {
            return Self::load(simd, slice);
        }
        let mut padded = [Self::Scalar::default(); 16];
        let mut done = 0;
        // In pieces of a fixed size: a call of `memcpy` takes longer than a vector does.
        for piece in [8, 4, 2, 1] {
            if slice.len() & piece != 0 {
                padded[done..done + piece].copy_from_slice(&slice[done..done + piece]);
                done += piece;
            }
        }
        Self::load(simd, &padded[..Self::Scalar::WIDTH])
    }
    /// As many lanes as the slice has room for.
    #[inline(always)]
    fn store_some(self, slice: &mut [Self::Scalar]) {
        if slice.len() == Self::Scalar::WIDTH {
            return self.store(slice);
        }
        let mut stored = [Self::Scalar::default(); 16];
        self.store(&mut stored[..Self::Scalar::WIDTH]);
        for (out, &lane) in slice.iter_mut().zip(&stored) {
            *out = lane;
        }
    }
    /// `self + other` rounded, and what rounding took from it: [`two_sum`] of each lane.
    #[inline(always)]
    fn two_sum(self, other: Self) -> [Self; 2] {
        let sum = self + other;
        let back = sum - self;
        [sum, (self - (sum - back)) + (other - back)]
    }
    /// `self * factor`, 0 where `self` is 0, whatever the factor.
    #[inline(always)]
    fn times(self, factor: Self) -> Self {
        let zero = self.constant(0.0);
        Self::select(self.equals(zero), zero, self * factor)
    }
    /// `self`, or `other` where it is 0.
    #[inline(always)]
    fn unless_zero(self, other: Self) -> Self {
        Self::select(self.equals(self.constant(0.0)), other, self)
    }
    /// `self`, or 0 where it is less (rounding left a negative crumb); NaN stays.
    #[inline(always)]
    fn non_negative(self) -> Self {
        let zero = self.constant(0.0);
        Self::select(zero.exceeds(self), zero, self)
    }
}

/// Whether a level must do without the fused multiplication, and is slow anyway: SSE2, whose own vectors of `f64` have two lanes.
/// Nothing on it needs to be inlined, being the baseline, so its kernels are made of calls: inlined, they were half of the build.
#[must_use]
pub const fn is_slow<S: Simd>() -> bool {
    cfg!(target_arch = "x86_64") && size_of::<S::f64s>() < 32
}

/// Whether the minimum and the maximum of two lanes are one instruction, which gives the second unless the first is less, or greater:
/// so where the second is NaN, and of two zeros. Other CPUs, and the level without instructions, have other rules.
const fn keeps_second<S: Simd>() -> bool {
    cfg!(target_arch = "x86_64") && !is_slow::<S>()
}

mod emulated {
    use fearless_simd::SimdFloat;

    /// A hundred instructions.
    #[inline(never)]
    pub(super) fn fma<S: super::Simd, V: SimdFloat<S>>(x: V, factor: V, addend: V) -> V {
        x.mul_add_precise(factor, addend)
    }
}

impl<S: Simd> Lanes for f64x8<S> {
    type Simd = S;
    type Scalar = f64;
    type Mask = <Self as SimdBase<S>>::Mask;
    const PARTS: usize = 1;

    #[inline(always)]
    fn splat(simd: S, value: f64) -> Self {
        <Self as SimdBase<S>>::splat(simd, value)
    }
    #[inline(always)]
    fn constant(self, value: f64) -> Self {
        <Self as SimdBase<S>>::splat(fearless_simd::ExtractToken::token(&self), value)
    }
    #[inline(always)]
    fn outlined<R>(self, f: impl FnOnce() -> R) -> R {
        fearless_simd::ExtractToken::token(&self).vectorize(f)
    }
    #[inline(always)]
    fn load(simd: S, slice: &[f64]) -> Self {
        Self::from_slice(simd, slice)
    }
    #[inline(always)]
    fn load_halves<H: half::Half>(_simd: S, _run: &[H]) -> Self {
        unreachable!("kernels read half floats as f32")
    }
    #[inline(always)]
    fn load_part<H: half::Half>(_simd: S, _run: &[H], _part: usize) -> Self {
        unreachable!("kernels read half floats as f32")
    }
    #[inline(always)]
    fn in_order<H: half::Half>(parts: [Self; 2]) -> [Self; 2] {
        parts
    }
    #[inline(always)]
    fn store(self, slice: &mut [Self::Scalar]) {
        self.store_slice(slice);
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        if const { is_slow::<S>() } { emulated::fma(self, factor, addend) } else { self.mul_add_precise(factor, addend) }
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        SimdFloat::sqrt(self)
    }
    #[inline(always)]
    fn equals(self, other: Self) -> Self::Mask {
        self.simd_eq(other)
    }
    #[inline(always)]
    fn exceeds(self, other: Self) -> Self::Mask {
        self.simd_gt(other)
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        mask.select(yes, no)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        SimdBase::abs(self)
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        // Adding so much puts an integer, here that with the bias of exponents, into the lowest bits.
        ((self + (6_755_399_441_055_744.0 + 1023.0)).bitcast::<u64x8<S>>() << 52).bitcast()
    }
    #[inline(always)]
    fn times_power_of_two(self, rounded: Self) -> Self {
        (self.bitcast::<u64x8<S>>() + (rounded.bitcast::<u64x8<S>>() << 52)).bitcast()
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> Self {
        if const { keeps_second::<S>() } { other.min(self) } else { Self::select(self.exceeds(other), other, self) }
    }
    #[inline(always)]
    fn greatest(self, other: Self) -> Self {
        if const { keeps_second::<S>() } { other.max(self) } else { Self::select(other.exceeds(self), other, self) }
    }
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn any_below(self, floor: Self) -> bool {
        self.simd_lt(floor).any_true()
    }
    #[inline(always)]
    fn all_within(self, bound: Self) -> bool {
        SimdBase::abs(self).simd_le(bound).all_true()
    }
    #[inline(always)]
    fn or_bits(self, other: Self) -> Self {
        (self.bitcast::<u64x8<S>>() | other.bitcast::<u64x8<S>>()).bitcast()
    }
    #[inline(always)]
    fn with_sign_of(self, other: Self) -> Self {
        self.copysign(other)
    }
    #[inline(always)]
    fn signs(self) -> u64 {
        self.bitcast::<u64x8<S>>().simd_ge(1_u64 << 63).to_bitmask()
    }
    #[inline(always)]
    fn near(self, p: Self) -> (Self, Self) {
        // The difference of the bit patterns, rounded to whole exponents, is k << 52. A bias of 2048 << 52 keeps
        // it unsigned: AVX2 has no arithmetic shift of 64-bit lanes. The bias is also the sign bit, which is why
        // q without it is negative.
        const BIAS: u64 = 1 << 63;
        const TWO_52: u64 = 0x4330_0000_0000_0000;
        let q = self.bitcast::<u64x8<S>>();
        let shifted = ((q - p.bitcast::<u64x8<S>>()) + (BIAS | (1 << 51))) & (0xfff << 52);
        let k: Self = ((shifted >> 52) | TWO_52).bitcast();
        ((q - shifted).bitcast(), k - (4_503_599_627_370_496.0 + 2048.0))
    }
    #[inline(always)]
    fn part(self, _part: usize) -> Wide<S> {
        self
    }
    #[inline(always)]
    fn fold(self, other: Self) -> Wide<S> {
        self + other
    }
    #[inline(always)]
    fn fold_greatest(self, other: Self) -> Wide<S> {
        self.greatest(other)
    }
}

impl<S: Simd> Lanes for f32x16<S> {
    type Simd = S;
    type Scalar = f32;
    type Mask = <Self as SimdBase<S>>::Mask;
    const PARTS: usize = 2;

    #[inline(always)]
    fn splat(simd: S, value: f32) -> Self {
        <Self as SimdBase<S>>::splat(simd, value)
    }
    #[inline(always)]
    fn constant(self, value: f64) -> Self {
        <Self as SimdBase<S>>::splat(fearless_simd::ExtractToken::token(&self), f32::from_f64(value))
    }
    #[inline(always)]
    fn outlined<R>(self, f: impl FnOnce() -> R) -> R {
        fearless_simd::ExtractToken::token(&self).vectorize(f)
    }
    #[inline(always)]
    fn load(simd: S, slice: &[f32]) -> Self {
        Self::from_slice(simd, slice)
    }
    #[inline(always)]
    fn load_halves<H: half::Half>(simd: S, run: &[H]) -> Self {
        half::load_some(simd, run)
    }
    #[inline(always)]
    fn load_part<H: half::Half>(simd: S, run: &[H], part: usize) -> Self {
        H::load_part(simd, run, part)
    }
    #[inline(always)]
    fn in_order<H: half::Half>(parts: [Self; 2]) -> [Self; 2] {
        H::in_order(parts)
    }
    #[inline(always)]
    fn store(self, slice: &mut [Self::Scalar]) {
        self.store_slice(slice);
    }
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        if const { is_slow::<S>() } { emulated::fma(self, factor, addend) } else { self.mul_add_precise(factor, addend) }
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        SimdFloat::sqrt(self)
    }
    #[inline(always)]
    fn equals(self, other: Self) -> Self::Mask {
        self.simd_eq(other)
    }
    #[inline(always)]
    fn exceeds(self, other: Self) -> Self::Mask {
        self.simd_gt(other)
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        mask.select(yes, no)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        SimdBase::abs(self)
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        // Adding so much puts an integer, here that with the bias of exponents, into the lowest bits.
        ((self + (12_582_912.0 + 127.0)).bitcast::<u32x16<S>>() << 23).bitcast()
    }
    #[inline(always)]
    fn times_power_of_two(self, rounded: Self) -> Self {
        (self.bitcast::<u32x16<S>>() + (rounded.bitcast::<u32x16<S>>() << 23)).bitcast()
    }
    #[inline(always)]
    fn at_most(self, other: Self) -> Self {
        if const { keeps_second::<S>() } { other.min(self) } else { Self::select(self.exceeds(other), other, self) }
    }
    #[inline(always)]
    fn greatest(self, other: Self) -> Self {
        if const { keeps_second::<S>() } { other.max(self) } else { Self::select(other.exceeds(self), other, self) }
    }
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn any_below(self, floor: Self) -> bool {
        self.simd_lt(floor).any_true()
    }
    #[inline(always)]
    fn all_within(self, bound: Self) -> bool {
        SimdBase::abs(self).simd_le(bound).all_true()
    }
    #[inline(always)]
    fn or_bits(self, other: Self) -> Self {
        (self.bitcast::<u32x16<S>>() | other.bitcast::<u32x16<S>>()).bitcast()
    }
    #[inline(always)]
    fn with_sign_of(self, other: Self) -> Self {
        self.copysign(other)
    }
    #[inline(always)]
    fn signs(self) -> u64 {
        self.bitcast::<u32x16<S>>().simd_ge(1_u32 << 31).to_bitmask()
    }
    #[inline(always)]
    fn near(self, p: Self) -> (Self, Self) {
        // As for f64, with 8 bits of exponent: the bias is 256 << 23, the sign bit again.
        const BIAS: u32 = 1 << 31;
        const TWO_23: u32 = 0x4b00_0000;
        let q = self.bitcast::<u32x16<S>>();
        let shifted = ((q - p.bitcast::<u32x16<S>>()) + (BIAS | (1 << 22))) & (0x1ff << 23);
        let k: Self = ((shifted >> 23) | TWO_23).bitcast();
        ((q - shifted).bitcast(), k - (8_388_608.0 + 256.0))
    }
    #[inline(always)]
    fn part(self, part: usize) -> Wide<S> {
        let (low, high) = self.widen();
        if part == 0 { low } else { high }
    }
    #[inline(always)]
    fn fold(self, other: Self) -> Wide<S> {
        (self.part(0) + self.part(1)) + (other.part(0) + other.part(1))
    }
    #[inline(always)]
    fn fold_greatest(self, other: Self) -> Wide<S> {
        let greatest = self.greatest(other);
        greatest.part(0).greatest(greatest.part(1))
    }
}
