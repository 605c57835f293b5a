//! The logarithm of a ratio, and the term of the Kullback-Leibler divergence that is built on it.
//!
//! Method, for positive normal p and q (rows are lifted by a power of two on load, so none is subnormal):
//!
//! 1. k = the exponent by which q is larger than p, so that n = q 2^-k satisfies n/p in [2/3, 3/2].
//! 2. s = (p - n) / (p + n), |s| <= 1/5. p - n is exact (Sterbenz); for k = 0 a caller's `d` = q - p stands in
//!    its place, because a q that is itself a rounded product knows its difference better than its value.
//! 3. ln(p/q) = -k ln 2 + 2 atanh(s), and atanh(s) = s (1 + z A(z)), z = s^2, A a polynomial.
//!
//! Two consequences make the divergences right near equality. ln(p/q) has a small *relative* error for q close to p,
//! since nothing is rounded before s. And with 2 p s - (p - n) = s (p - n),
//!
//! ```text
//! p ln(p/q) - p + q = s ((p - n) + 2 p z A(z)) + (q - n) - p k ln 2
//! ```
//!
//! loses nothing to cancellation either; for k = 0 the last two summands are exactly 0.
//!
//! | | f64 | f32 |
//! |---|---|---|
//! | relative error of `log_ratio`, `excess` (measured by `tests` below) | 9 u | 9 u |
//! | A, degree and relative error on z <= 1/25 | 6, 4.1e-15 | 2, 7.1e-7 |
//!
//! u = 2^-53 or 2^-24. A enters with z A <= 0.0135 beside 1, so its errors are 0.5 u and 0.2 u of the result. `log_ratio` splits
//! ln 2 in two, k times the upper part being exact; the term does not: that costs 4 u where k = ±1 and nothing elsewhere, and two
//! instructions of forty were 8 % of the time. The division stays a division: reciprocal estimates differ between CPUs, and it
//! overlaps with the polynomial. Estrin's scheme was 8 % slower than Horner's (KL f64, 8192 entries, AVX-512, Sapphire Rapids).
//!
//! Reference: P. T. P. Tang, "Table-driven implementation of the logarithm function in IEEE floating-point
//! arithmetic", ACM TOMS 16 (1990) for the reduction; the centred term is the generator u - 1 - ln u of the
//! divergence, Csiszar (1967).

use super::Lanes;

/// Constants of a compute type.
pub trait Coefficients {
    /// 2 A(z), constant term first.
    const TWICE_A: &'static [f64];
    /// Upper part of ln 2, with trailing zeros enough for an exact product with any k.
    const LN2_HIGH: f64;
    /// The rest of ln 2.
    const LN2_LOW: f64;
}

impl Coefficients for f64 {
    // Minimax of 2 (atanh(s)/s - 1)/s^2 on z in [0, 0.0401].
    const TWICE_A: &'static [f64] = &[
        0.666_666_666_666_669_4,
        0.399_999_999_993_325_64,
        0.285_714_288_369_188_7,
        0.222_221_826_835_752_67,
        0.181_846_147_304_705_22,
        0.152_836_042_340_181_86,
        0.151_193_151_686_007_25,
    ];
    // fdlibm's split: 32 bits above, so that k with its 12 bits multiplies it exactly.
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
}

impl Coefficients for f32 {
    const TWICE_A: &'static [f64] = &[0.666_667_163_372_039_8, 0.399_788_677_692_413_33, 0.299_602_657_556_533_8];
    // 9 bits above, k has 9.
    const LN2_HIGH: f64 = 0.693_359_375;
    const LN2_LOW: f64 = -2.121_944_400_546_905_7e-4;
}

/// A ratio p/q taken apart: ln(p/q) = s (2 + `tail`) - k ln 2.
struct Ratio<V> {
    /// -q 2^-k: the difference and the sum of p and q 2^-k need no negation then.
    minus_near: V,
    /// p - q 2^-k.
    num: V,
    k: V,
    s: V,
    /// z 2A(z).
    tail: V,
}

/// The polynomial in z with these coefficients, constant term first, by Horner's scheme.
#[inline(always)]
pub(super) fn polynomial<V: Lanes>(coefficients: &'static [f64], z: V) -> V {
    let mut sum = z.constant(coefficients[coefficients.len() - 1]);
    for &coefficient in coefficients.iter().rev().skip(1) {
        sum = sum.fma(z, z.constant(coefficient));
    }
    sum
}

/// `e` is p - q where the caller knows more of it than p and q do.
#[inline(always)]
fn take_apart<V: Lanes>(p: V, q: V, e: Option<V>) -> Ratio<V> {
    let (minus_near, k) = q.near(p);
    let exact = p + minus_near;
    let num = e.map_or(exact, |e| V::select(k.equals(k.constant(0.0)), e, exact));
    let s = num / (p - minus_near);
    let z = s * s;
    let a = polynomial(<V::Scalar as Coefficients>::TWICE_A, z);
    Ratio { minus_near, num, k, s, tail: z * a }
}

impl<V: Lanes> Ratio<V> {
    /// ln(p/q).
    #[inline(always)]
    fn log(&self) -> V {
        let high = self.k.constant(-<V::Scalar as Coefficients>::LN2_HIGH);
        let low = self.k.constant(-<V::Scalar as Coefficients>::LN2_LOW);
        self.k.fma(high, self.k.fma(low, self.s.fma(self.tail, self.s + self.s)))
    }

    /// p ln(p/q) - p + q.
    #[inline(always)]
    fn excess(&self, p: V, q: V) -> V {
        let curved = p.fma(self.tail, self.num);
        let far = (p * self.k).fma(p.constant(-core::f64::consts::LN_2), q + self.minus_near);
        self.s.fma(curved, far)
    }
}

/// ln(q/p) for positive p and q; anything for others. `d` is q - p where the caller knows more of it than q and p do.
///
/// Maximum relative error 9 u, also for q next to p. Test: `log_ratio_is_within_its_bound`.
#[inline(always)]
pub fn log_ratio<V: Lanes>(p: V, q: V, d: Option<V>) -> V {
    take_apart(q, p, d).log()
}

/// p ln(p/q) - p + q >= 0 for p, q >= 0, with `d` as for [`log_ratio`]: q where p = 0, +inf where only q = 0.
///
/// Maximum relative error 9 u, also for q next to p. Test: `excess_is_within_its_bound`.
#[inline(always)]
pub fn excess<V: Lanes>(p: V, q: V, d: Option<V>) -> V {
    let term = excess_of_positive(p, q, d);
    let zero = p.constant(0.0);
    let term = V::select(q.equals(zero), p.constant(f64::INFINITY), term);
    V::select(p.equals(zero), q, term)
}

/// ln(1 + x). Maximum relative error 9 u and that of 1 + x beside a 1 + x far from 1, also for x next to 0.
#[inline(always)]
pub fn log1p<V: Lanes>(x: V) -> V {
    let one = x.constant(1.0);
    log_ratio(one, one + x, Some(x))
}

/// ln(p/q) for p, q >= 0: -inf where p = 0, +inf where only q = 0. `d` is q - p as for [`log_ratio`].
#[inline(always)]
pub fn log_of<V: Lanes>(p: V, q: V, d: Option<V>) -> V {
    let zero = p.constant(0.0);
    let log = take_apart(p, q, d.map(|d| -d)).log();
    let log = V::select(q.equals(zero), p.constant(f64::INFINITY), log);
    V::select(p.equals(zero), p.constant(f64::NEG_INFINITY), log)
}

/// ln(p/q) and [`excess`], of positive p and q; anything for others.
#[inline(always)]
pub fn log_and_excess<V: Lanes>(p: V, q: V, d: Option<V>) -> (V, V) {
    let ratio = take_apart(p, q, d.map(|d| -d));
    (ratio.log(), ratio.excess(p, q))
}

/// [`excess`] where neither is 0.
#[inline(always)]
pub fn excess_of_positive<V: Lanes>(p: V, q: V, d: Option<V>) -> V {
    take_apart(p, q, d.map(|d| -d)).excess(p, q)
}

/// ln(1 + x) of up to 8 numbers.
#[must_use]
pub fn ln_1p_all(level: super::Level, x: &[f64]) -> [f64; super::WIDE] {
    let mut all = [0.0; super::WIDE];
    all[..x.len()].copy_from_slice(x);
    super::dispatch!(level, simd => log1p(super::Wide::load(simd, &all)).store(&mut all));
    all
}

/// ln(1 + x) of one number, with the same bits on every CPU.
#[must_use]
pub fn ln_1p(x: f64) -> f64 {
    let level = super::Level::new();
    super::dispatch!(level, simd => log1p(<super::Wide<_> as Lanes>::splat(simd, x))[0])
}

/// ln(x) of one number, with the same bits on every CPU.
#[must_use]
pub fn ln(x: f64) -> f64 {
    let level = super::Level::new();
    super::dispatch!(level, simd => {
        let one = super::Wide::splat(simd, 1.0);
        let x = <super::Wide<_> as Lanes>::splat(simd, x);
        log_ratio(one, x, None)[0]
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
mod tests {
    use super::*;
    use crate::lanes::{Level, Real, Simd, Wide, dispatch};

    /// A number as the unevaluated sum of two: about 32 digits.
    #[derive(Clone, Copy)]
    struct Double(f64, f64);

    impl Double {
        fn sum(a: f64, b: f64) -> Self {
            let s = a + b;
            let t = s - a;
            Self(s, (a - (s - t)) + (b - t))
        }
        fn product(a: f64, b: f64) -> Self {
            let p = a * b;
            Self(p, a.mul_add(b, -p))
        }
        fn plus(self, other: Self) -> Self {
            let Self(s, e) = Self::sum(self.0, other.0);
            let Self(t, f) = Self::sum(self.1, other.1);
            let Self(s, e) = Self::sum(s, e + t);
            Self::sum(s, e + f)
        }
        fn times(self, other: Self) -> Self {
            let Self(p, e) = Self::product(self.0, other.0);
            Self::sum(p, e + (self.0 * other.1 + self.1 * other.0))
        }
        fn over(self, other: Self) -> Self {
            let first = self.0 / other.0;
            let rest = self.plus(other.times(Self(-first, 0.0)));
            let second = rest.0 / other.0;
            let rest = rest.plus(other.times(Self(-second, 0.0)));
            Self::sum(first, second).plus(Self(rest.0 / other.0, 0.0))
        }
    }

    /// ln(q/p) by the definition atanh(s) = s + s³/3 + s⁵/5 + …, after halving or doubling q until it is near p.
    fn oracle(p: f64, q: f64) -> Double {
        let ln_2 = Double(core::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
        let (mut near, mut k) = (q, 0.0);
        while near > p * 1.5 {
            near *= 0.5;
            k += 1.0;
        }
        while near < p * 0.7 {
            near *= 2.0;
            k -= 1.0;
        }
        let s = Double::sum(near, -p).over(Double::sum(near, p));
        let z = s.times(s);
        let mut series = Double(0.0, 0.0);
        for n in (0..40_u32).rev() {
            series = z.times(series).plus(Double(1.0, 0.0).over(Double(f64::from(2 * n + 1), 0.0)));
        }
        Double(2.0, 0.0).times(s).times(series).plus(ln_2.times(Double(k, 0.0)))
    }

    /// Pairs next to each other, near, at the edges of the reduction, and far apart.
    fn pairs() -> impl Iterator<Item = (f64, f64)> {
        let mut seed = 1_u64;
        let mut uniform = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 12) as f64 / (1_u64 << 52) as f64
        };
        let spreads = [1e-15, 1e-9, 1e-4, 0.1, 0.3, 0.5, 1.0, 3.0, 30.0, 600.0];
        (0..20_000).map(move |i| {
            let p = 1.0 + uniform();
            let spread = spreads[i % spreads.len()];
            let ratio = (spread * (2.0 * uniform() - 1.0)).exp();
            (p, if i % 7 == 0 { p * (1.5 + 1e-3 * uniform()) } else { p * ratio })
        })
    }

    fn lanes<S: Simd, V: Lanes<Simd = S>>(simd: S, p: f64, q: f64) -> [f64; 2] {
        let splat = |x: f64| V::splat(simd, V::Scalar::from_f64(x));
        let (p, q) = (splat(p), splat(q));
        [log_ratio(p, q, None), excess(p, q, Some(q - p))].map(|value| {
            let mut stored = [V::Scalar::default(); 16];
            value.store(&mut stored[..V::Scalar::WIDTH]);
            stored[0].to_f64()
        })
    }

    /// Largest relative errors of `log_ratio` and `excess`, in units of u.
    fn worst<T: Real>(u: f64, round: impl Fn(f64) -> f64) -> [f64; 2] {
        let mut worst = [0.0_f64; 2];
        for (p, q) in pairs().filter(|(p, q)| u < 1e-10 || (q / p).ln().abs() < 60.0) {
            let (p, q) = (round(p), round(q));
            let got = dispatch!(Level::new(), simd => lanes::<_, T::Lanes<_>>(simd, p, q));
            let log = oracle(p, q);
            let excess = Double(-p, 0.0).times(log).plus(Double::sum(q, -p));
            for ((worst, got), exact) in worst.iter_mut().zip(got).zip([log, excess]) {
                let error = ((got - exact.0) - exact.1).abs();
                *worst = worst.max(if error == 0.0 { 0.0 } else { error / exact.0.abs() / u });
            }
        }
        worst
    }

    #[test]
    fn log_ratio_is_within_its_bound() {
        let [double, single] = [worst::<f64>(2.0_f64.powi(-53), |x| x)[0], worst::<f32>(2.0_f64.powi(-24), to_f32)[0]];
        println!("log_ratio: {double:.2} u in f64, {single:.2} u in f32");
        assert!(double <= 9.0 && single <= 9.0, "{double} {single}");
    }

    #[test]
    fn excess_is_within_its_bound() {
        let [double, single] = [worst::<f64>(2.0_f64.powi(-53), |x| x)[1], worst::<f32>(2.0_f64.powi(-24), to_f32)[1]];
        println!("excess: {double:.2} u in f64, {single:.2} u in f32");
        assert!(double <= 9.0 && single <= 9.0, "{double} {single}");
    }

    fn to_f32(x: f64) -> f64 {
        f32::from_f64(x).to_f64()
    }

    #[test]
    fn zeros_have_the_values_of_the_limits() {
        let at = |p, q| dispatch!(Level::new(), simd => lanes::<_, Wide<_>>(simd, p, q))[1].to_bits();
        assert_eq!(at(0.0, 0.25), 0.25_f64.to_bits());
        assert_eq!(at(0.25, 0.0), f64::INFINITY.to_bits());
        for (p, q) in [(0.0, 0.0), (0.25, 0.25)] {
            assert_eq!(at(p, q), 0.0_f64.to_bits());
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the nearest number is meant")]
    fn the_logarithm_of_a_base_is_the_nearest_number() {
        assert_eq!(ln(2.0), core::f64::consts::LN_2);
        assert_eq!(ln(10.0), core::f64::consts::LN_10);
    }
}
