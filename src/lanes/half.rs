//! Half floats as `f32`, 16 at a time; exact.
//!
//! The `half` crate converts a run with a call for every 8 elements and its bfloat16 with a plain loop: 0.57 and 0.2 ns an element
//! where the kernel takes 0.28 (f32, Sapphire Rapids). The kernels load halves like this themselves, so that nothing is stored between.
//!
//! Of two vectors at a time ([`Half::load_part`]), bfloat16 takes one instruction each in place of two, and rounding a pair of them half
//! of what it takes to round one after the other: the entries at even places are one vector, those at odd places the other.

use fearless_simd::{Bytes, Select, SimdBase, SimdCombine, SimdWiden, f32x16, u16x16, u16x32, u32x16};

#[cfg(target_arch = "x86_64")]
use fearless_simd::{SimdInto, f32x8, u16x8, x86::Avx2, x86::Avx512};

use super::{Level, Simd, dispatch};

/// Elements of a vector.
const WIDTH: usize = 16;
/// Elements of two.
const TWO: usize = 2 * WIDTH;

/// A float of 16 bits.
pub trait Half: Copy + Default {
    /// Its bits.
    fn bits(self) -> u16;

    /// The values of a vector's worth.
    fn load<S: Simd>(simd: S, run: &[Self]) -> f32x16<S>;

    /// The nearest value of this type, that with the even fraction of two.
    fn round(value: f32) -> Self;

    /// One of the two vectors of values that [`TWO`] of these make, which take them in an order that is quick to get and to undo.
    #[inline(always)]
    fn load_part<S: Simd>(simd: S, run: &[Self], part: usize) -> f32x16<S> {
        Self::load(simd, &run[part * WIDTH..][..WIDTH])
    }

    /// Two vectors of what was made of those, in the order of the run.
    #[inline(always)]
    fn in_order<S: Simd>(parts: [f32x16<S>; 2]) -> [f32x16<S>; 2] {
        parts
    }

    /// Rounds pairs of vectors in the order of [`load_part`](Self::load_part) to what belongs in the order of the run.
    #[inline(always)]
    fn round_parts<S: Simd>(_simd: S, parts: &[f32], out: &mut [Self]) {
        round_all(parts, out);
    }
}

/// The bits of an IEEE half float: 5 bits of exponent.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct F16(pub u16);

/// The bits of a bfloat16, the upper half of an `f32`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct BF16(pub u16);

/// Rounds a run.
pub fn narrow<H: Half>(level: Level, run: &[f32], out: &mut [H]) {
    dispatch!(level, _simd => round_all(run, out));
}

/// The compiler makes vectors of it, by hand it is no faster.
#[inline(always)]
fn round_all<H: Half>(run: &[f32], out: &mut [H]) {
    for (out, &value) in out.iter_mut().zip(run) {
        *out = H::round(value);
    }
}

/// Rounds pairs of vectors in the order of [`Half::load_part`]; the last pair may be of a shorter run.
pub fn narrow_parts<H: Half>(level: Level, parts: &[f32], out: &mut [H]) {
    dispatch!(level, simd => H::round_parts(simd, parts, out));
}

/// Converts a run.
///
/// # Panics
///
/// If `out` is shorter than `run`.
pub fn widen<H: Half>(level: Level, run: &[H], out: &mut [f32]) {
    dispatch!(level, simd => widen_at(simd, run, out));
}

#[inline(always)]
fn widen_at<S: Simd, H: Half>(simd: S, run: &[H], out: &mut [f32]) {
    let out = &mut out[..run.len()];
    let (mut runs, mut outs) = (run.chunks_exact(WIDTH), out.chunks_exact_mut(WIDTH));
    for (run, out) in (&mut runs).zip(&mut outs) {
        H::load(simd, run).store_slice(out);
    }
    let out = outs.into_remainder();
    let mut converted = [0.0; WIDTH];
    load_some(simd, runs.remainder()).store_slice(&mut converted);
    out.copy_from_slice(&converted[..out.len()]);
}

/// The values of what there is of a vector's worth, and zeros.
#[inline(always)]
pub(super) fn load_some<S: Simd, H: Half>(simd: S, run: &[H]) -> f32x16<S> {
    if run.len() == WIDTH {
        return H::load(simd, run);
    }
    let mut padded = [H::default(); WIDTH];
    for (padded, &half) in padded.iter_mut().zip(run) {
        *padded = half;
    }
    H::load(simd, &padded)
}

/// The bits, in the lower halves of the lanes.
#[inline(always)]
fn bits<S: Simd, H: Half>(simd: S, run: &[H]) -> u32x16<S> {
    let bits: [u16; WIDTH] = core::array::from_fn(|i| run[i].bits());
    let (low, high) = u16x16::from_slice(simd, &bits).widen();
    low.combine(high)
}

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel!(
    /// By the instruction that CPUs with AVX2 have for it, in place of the eight below.
    #[inline(always)]
    fn load_8(avx2: Avx2, bits: [u16; 8]) -> f32x8<Avx2> {
        let bits: core::arch::x86_64::__m128i = u16x8::from_slice(avx2, &bits).into();
        core::arch::x86_64::_mm256_cvtph_ps(bits).simd_into(avx2)
    }
);

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel!(
    /// The same for 16.
    #[inline(always)]
    fn load_16(avx512: Avx512, bits: [u16; 16]) -> f32x16<Avx512> {
        let bits: core::arch::x86_64::__m256i = u16x16::from_slice(avx512, &bits).into();
        core::arch::x86_64::_mm512_cvtph_ps(bits).simd_into(avx512)
    }
);

impl Half for BF16 {
    #[inline(always)]
    fn bits(self) -> u16 {
        self.0
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, run: &[Self]) -> f32x16<S> {
        (bits(simd, run) << 16).bitcast()
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is what is left")]
    fn round(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
        Self(if value.is_nan() { (bits >> 16) | 0x40 } else { rounded } as u16)
    }

    /// Two of them lie in 32 bits: those that are in the lower halves, and the others. That takes one instruction a vector.
    #[inline(always)]
    fn load_part<S: Simd>(simd: S, run: &[Self], part: usize) -> f32x16<S> {
        let mut bits = [0; TWO];
        for (bits, half) in bits.iter_mut().zip(&run[..TWO]) {
            *bits = half.0;
        }
        let both: u32x16<S> = u16x32::from_slice(simd, &bits).bitcast();
        if part == IN_UPPER { (both & UPPER).bitcast() } else { (both << 16).bitcast() }
    }

    #[inline(always)]
    fn in_order<S: Simd>([even, odd]: [f32x16<S>; 2]) -> [f32x16<S>; 2] {
        [even.zip_low(odd), even.zip_high(odd)]
    }

    /// As [`round`](Half::round).
    #[inline(always)]
    fn round_parts<S: Simd>(simd: S, parts: &[f32], out: &mut [Self]) {
        let (whole, rest) = out.as_chunks_mut::<TWO>();
        let (parts, last) = parts.as_chunks::<TWO>().0.split_at(whole.len());
        for (parts, out) in parts.iter().zip(whole) {
            for (out, bits) in out.iter_mut().zip(rounded_parts(simd, parts)) {
                *out = Self(bits);
            }
        }
        if let Some(parts) = last.first() {
            for (out, bits) in rest.iter_mut().zip(rounded_parts(simd, parts)) {
                *out = Self(bits);
            }
        }
    }
}

/// The bits of bfloat16 in their order.
#[inline(always)]
fn rounded_parts<S: Simd>(simd: S, parts: &[f32; TWO]) -> [u16; TWO] {
    let even = rounded(f32x16::from_slice(simd, &parts[..WIDTH]));
    let odd = rounded(f32x16::from_slice(simd, &parts[WIDTH..]));
    let [lower, upper] = if IN_UPPER == 1 { [even, odd] } else { [odd, even] };
    ((lower >> 16) | (upper & UPPER)).bitcast::<u16x32<S>>().into()
}

/// The upper half of 32 bits.
const UPPER: u32 = 0xffff_0000;
/// Which of two half floats in 32 bits lies in the upper half: the second, unless the CPU counts bytes from there.
const IN_UPPER: usize = if cfg!(target_endian = "little") { 1 } else { 0 };

/// The bits of bfloat16, each in the upper half of 32 bits; the lower ones are left over.
#[inline(always)]
fn rounded<S: Simd>(values: f32x16<S>) -> u32x16<S> {
    let bits = values.bitcast::<u32x16<S>>();
    let rounded = bits + 0x7fff_u32 + ((bits >> 16) & 1_u32);
    values.simd_eq(values).select(rounded, bits | 0x0040_0000_u32)
}

impl Half for F16 {
    #[inline(always)]
    fn bits(self) -> u16 {
        self.0
    }

    /// The exponent and the fraction move to their places in an `f32`, whose exponent is biased by 112 more. A subnormal goes through
    /// the addition of a power of two instead, which puts its fraction where a subtraction can take it from: no arithmetic ever
    /// sees a subnormal `f32`, which would be slow.
    #[inline(always)]
    fn load<S: Simd>(simd: S, run: &[Self]) -> f32x16<S> {
        const BIAS: u32 = 112 << 23;
        const INFINITY: u32 = 0x7c00 << 13;
        const SMALLEST_NORMAL: u32 = 0x0400 << 13;
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = simd.level().as_avx512() {
            let values: [f32; 16] = load_16(avx512, core::array::from_fn(|i| run[i].0)).into();
            return f32x16::from_slice(simd, &values);
        } else if let Some(avx2) = simd.level().as_avx2() {
            let half = |first: usize| <[f32; 8]>::from(load_8(avx2, core::array::from_fn(|i| run[first + i].0)));
            return f32x8::from_slice(simd, &half(0)).combine(f32x8::from_slice(simd, &half(8)));
        }
        let splat = u32x16::splat;
        let bits = bits(simd, run);
        let sign = (bits & 0x8000_u32) << 16;
        let magnitude = (bits & 0x7fff_u32) << 13;
        let bias = magnitude.simd_ge(INFINITY).select(splat(simd, 2 * BIAS), splat(simd, BIAS));
        let power = splat(simd, BIAS + (1 << 23));
        let subnormal = (magnitude + power).bitcast::<f32x16<S>>() - power.bitcast::<f32x16<S>>();
        let value = magnitude.simd_lt(SMALLEST_NORMAL).select(subnormal.bitcast::<u32x16<S>>(), magnitude + bias);
        (value | sign).bitcast()
    }

    /// Normal numbers lose 13 bits and the difference of the biases. Subnormal ones are added to a number whose last bit is theirs.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is empty")]
    fn round(value: f32) -> Self {
        const BIAS: u32 = 112 << 23;
        const SMALLEST_NORMAL: u32 = 113 << 23;
        const BEYOND: u32 = 143 << 23;
        let bits = value.to_bits();
        let magnitude = bits & 0x7fff_ffff;
        let normal = magnitude.wrapping_add(0xfff + ((magnitude >> 13) & 1)).wrapping_sub(BIAS) >> 13;
        let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5_f32.to_bits());
        let rounded = if magnitude < SMALLEST_NORMAL { subnormal } else { normal };
        let rounded = if magnitude >= BEYOND { 0x7c00 } else { rounded };
        let rounded = if value.is_nan() { 0x7e00 } else { rounded };
        Self((rounded | ((bits >> 16) & 0x8000)) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_float_is_converted_exactly() {
        let run: Vec<F16> = (0..=u16::MAX).map(F16).collect();
        let mut out = vec![0.0; run.len()];
        widen(Level::new(), &run, &mut out);
        for (&F16(bits), got) in run.iter().zip(&out) {
            let exact = half::f16::from_bits(bits).to_f32();
            assert!(got.to_bits() == exact.to_bits() || (got.is_nan() && exact.is_nan()), "{bits:#06x}: {got}, not {exact}");
        }
        // In pairs of vectors.
        let run: Vec<BF16> = (0..=u16::MAX).map(BF16).collect();
        dispatch!(Level::new(), simd => for (run, out) in run.chunks_exact(TWO).zip(out.chunks_exact_mut(TWO)) {
            let parts = [BF16::load_part(simd, run, 0), BF16::load_part(simd, run, 1)];
            for (part, out) in BF16::in_order(parts).into_iter().zip(out.chunks_exact_mut(WIDTH)) {
                part.store_slice(out);
            }
        });
        assert!(run.iter().zip(&out).all(|(&BF16(bits), got)| got.to_bits() == u32::from(bits) << 16));
        // Not whole steps.
        let run: Vec<BF16> = (0..65_521).map(BF16).collect();
        widen(Level::new(), &run, &mut out);
        for (&BF16(bits), got) in run.iter().zip(&out) {
            assert_eq!(got.to_bits(), u32::from(bits) << 16, "{bits:#06x}");
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_half_float() {
        // Every half float, what lies in the middle between two, and the neighbours of that; infinities and NaN among them.
        let around = |bits: u32| [bits.wrapping_sub(1), bits, bits.wrapping_add(1)].map(f32::from_bits);
        let values: Vec<f32> = (0..=u32::MAX).step_by(1 << 12).flat_map(around).collect();
        let (mut halves, mut brains) = (vec![F16(0); values.len()], vec![BF16(0); values.len()]);
        narrow(Level::new(), &values, &mut halves);
        narrow(Level::new(), &values, &mut brains);
        // The same in pairs of vectors, of which the last is not whole.
        let mut parts = vec![0.0; values.len().next_multiple_of(TWO)];
        dispatch!(Level::new(), simd => for (run, parts) in values.chunks(TWO).zip(parts.chunks_exact_mut(TWO)) {
            let mut whole = [0.0; TWO];
            whole[..run.len()].copy_from_slice(run);
            for (place, &value) in whole.iter().enumerate() {
                parts[place % 2 * WIDTH + place / 2] = value;
            }
            let [first, second] = [&parts[..WIDTH], &parts[WIDTH..]].map(|part| f32x16::from_slice(simd, part));
            let ordered = BF16::in_order([first, second]).map(<[f32; WIDTH]>::from);
            assert!(ordered.as_flattened().iter().zip(whole).all(|(got, value)| got.to_bits() == value.to_bits()));
        });
        let mut paired = vec![BF16(0); values.len()];
        narrow_parts(Level::new(), &parts, &mut paired);
        assert!(paired.iter().zip(&brains).all(|(paired, brain)| paired.0 == brain.0));
        for ((&value, F16(half)), BF16(brain)) in values.iter().zip(halves).zip(brains) {
            let (exact, of_brain) = (half::f16::from_f32(value), half::bf16::from_f32(value));
            assert!(
                half == exact.to_bits() || (value.is_nan() && half & 0x7fff == 0x7e00),
                "{value:e}: {half:#06x}, not {exact}"
            );
            assert_eq!(brain, of_brain.to_bits(), "{value:e}");
        }
    }
}
