//! The exponential function, and what is left of it after its first terms.
//!
//! Method:
//!
//! 1. k = 0 for |x| <= 1, else the integer nearest to x / ln 2; r = x - k ln 2, with ln 2 in two parts (`ln` has them). |r| <= 1.
//! 2. e^r = 1 + r + r² P(r), P a polynomial for (e^r - 1 - r)/r².
//! 3. e^x = 2^k e^r, by two factors, so that it reaches 0 and infinity as gradually as its type does.
//!
//! For k = 0 nothing is taken from 1 or divided by a small x: [`expm1`], [`expm1_over`] and [`rest_over`] keep their *relative* error
//! down to x = 0. For other k they are differences of numbers that are far apart.
//!
//! | | f64 | f32 |
//! |---|---|---|
//! | relative error of `exp` (measured by `tests` below) | 2 u | 4 u |
//! | of `expm1`, `expm1_over`, `rest_over` | 6 u | 7 u |
//! | P, degree and relative error on \|r\| <= 1 | 13, 4.7e-17 | 6, 1.1e-7 |
//! | infinite from, 0 below | 709.8, -745.2 | 88.8, -103.98 |
//!
//! u = 2^-53 or 2^-24. `exp` enters P with r²/e^r <= 0.15 for k != 0. The wide interval around 0 costs three more steps of Horner's
//! scheme than |r| <= ln 2 / 2 would, and saves a second polynomial: (e^x - 1 - x)/x from the exponential loses 20 u at its edge.
//!
//! Reference: P. T. P. Tang, "Table-driven implementation of the exponential function in IEEE floating-point arithmetic", ACM TOMS 15
//! (1989) for the reduction; the coefficients are minimax in the relative error (Remez' algorithm in 300 bits).

use super::Lanes;
use super::ln::polynomial;

/// Constants of a compute type.
pub trait Coefficients {
    /// P(r), constant term first.
    const REST: &'static [f64];
    /// The same for |r| <= ln 2 / 2.
    const REST_NEAR: &'static [f64];
    /// e^x is a normal number from here on.
    const LEAST: f64;
    /// Number that, when added and taken away again, leaves the nearest integer: 1.5 times the inverse of half a unit in the last place.
    const ROUND: f64;
    /// Arguments beyond have the value that they have here, 0 or infinity.
    const FAR: f64;
    /// The largest argument for which half of e^x is finite.
    const MOST_OF_HALF: f64;
}

impl Coefficients for f64 {
    const REST: &'static [f64] = &[
        0.5,
        0.166_666_666_666_666_66,
        0.041_666_666_666_666_116,
        0.008_333_333_333_333_878,
        0.001_388_888_888_897_850_5,
        0.000_198_412_698_408_581_7,
        2.480_158_724_733_790_4e-5,
        2.755_731_935_191_406_6e-6,
        2.755_733_482_896_151_7e-7,
        2.505_209_083_981_594e-8,
        2.087_445_695_090_128_6e-9,
        1.605_983_472_795_033_5e-10,
        1.163_848_042_162_443_2e-11,
        7.679_697_619_417_86e-13,
    ];
    const REST_NEAR: &'static [f64] = &[
        0.500_000_000_000_001,
        0.166_666_666_666_664_17,
        0.041_666_666_666_535_23,
        0.008_333_333_333_493_427,
        0.001_388_888_894_248_506_7,
        0.000_198_412_695_061_741_85,
        2.480_149_414_551_957e-5,
        2.755_758_837_410_870_5e-6,
        2.762_991_337_509_487e-7,
        2.499_905_530_531_677e-8,
    ];
    const LEAST: f64 = -708.0;
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const FAR: f64 = 1000.0;
    const MOST_OF_HALF: f64 = 710.475_860_073_943_9;
}

impl Coefficients for f32 {
    const REST: &'static [f64] = &[
        0.5,
        0.166_666_954_755_783_08,
        0.041_666_515_171_527_86,
        0.008_330_930_955_708_027,
        0.001_389_133_511_111_140_3,
        0.000_203_254_749_067_127_1,
        2.496_079_468_983_225_5e-5,
    ];
    const REST_NEAR: &'static [f64] = &[
        0.499_999_935_385_076,
        0.166_665_212_363_481_42,
        0.041_668_376_148_518_79,
        0.008_368_665_016_102_854,
        0.001_381_492_934_908_146_3,
    ];
    const LEAST: f64 = -87.0;
    const ROUND: f64 = 12_582_912.0;
    const FAR: f64 = 150.0;
    const MOST_OF_HALF: f64 = 89.415_985;
}

/// An argument taken apart: x = k ln 2 + r.
struct Parts<V> {
    k: V,
    r: V,
    /// P(r).
    rest: V,
}

#[inline(always)]
fn take_apart<V: Lanes>(x: V) -> Parts<V> {
    let far = x.constant(<V::Scalar as Coefficients>::FAR);
    let x = x.at_most(far).greatest(-far);
    let round = x.constant(<V::Scalar as Coefficients>::ROUND);
    let k = x.fma(x.constant(core::f64::consts::LOG2_E), round) - round;
    let k = V::select(x.abs().exceeds(x.constant(1.0)), k, x.constant(0.0));
    let r = less_ln2(x, k);
    Parts { k, r, rest: polynomial(<V::Scalar as Coefficients>::REST, r) }
}

impl<V: Lanes> Parts<V> {
    #[inline(always)]
    fn exp(&self) -> V {
        let one = self.k.constant(1.0);
        let round = self.k.constant(<V::Scalar as Coefficients>::ROUND);
        let half = self.k.fma(self.k.constant(0.5), round) - round;
        let near = one + (self.r * self.r).fma(self.rest, self.r);
        near * half.power_of_two() * (self.k - half).power_of_two()
    }

    #[inline(always)]
    fn is_near(&self) -> V::Mask {
        self.k.equals(self.k.constant(0.0))
    }
}

/// e^x. Maximum relative error 2 u (f32: 4 u) where it is a normal number. Test: `exp_is_within_its_bound`.
#[inline(always)]
pub fn exp<V: Lanes>(x: V) -> V {
    take_apart(x).exp()
}

/// e^x for x <= 0, and 0 where it is no normal number. Maximum relative error (2 + |x|/2) u, what an x that was rounded has anyway.
/// Test: `decay_is_within_its_bound`.
///
/// It takes half of the instructions of [`exp`], having one sign, one factor, ln 2 in one part and the polynomial of half the interval.
#[inline(always)]
pub fn decay<V: Lanes>(x: V) -> V {
    V::select(x.constant(<V::Scalar as Coefficients>::LEAST).exceeds(x), x.constant(0.0), decay_or_least(x))
}

/// [`decay`], but the least value that is a normal number where that is 0: nothing beside 1, and a selection less.
#[inline(always)]
pub fn decay_or_least<V: Lanes>(x: V) -> V {
    let one = x.constant(1.0);
    let x = x.greatest(x.constant(<V::Scalar as Coefficients>::LEAST));
    let round = x.constant(<V::Scalar as Coefficients>::ROUND);
    let rounded = x.fma(x.constant(core::f64::consts::LOG2_E), round);
    let r = (rounded - round).fma(x.constant(-core::f64::consts::LN_2), x);
    let near = polynomial(<V::Scalar as Coefficients>::REST_NEAR, r).fma(r, one).fma(r, one);
    near.times_power_of_two(rounded)
}

/// e^(x + rest) times 2^[`Real::LIFT`](super::Real::LIFT), for x <= 0 down to -[`Coefficients::FAR`] and a rest that is little beside
/// 1; anything for others. Maximum relative error 2 u. Test: `lifted_decay_is_within_its_bound`.
#[inline(always)]
pub fn lifted_decay<V: Lanes>(x: V, rest: V) -> V {
    let (one, round) = (x.constant(1.0), x.constant(<V::Scalar as Coefficients>::ROUND));
    let rounded = x.fma(x.constant(core::f64::consts::LOG2_E), round);
    let r = less_ln2(x, rounded - round) + rest;
    let near = polynomial(<V::Scalar as Coefficients>::REST_NEAR, r).fma(r, one).fma(r, one);
    near.times_power_of_two(rounded + x.constant(f64::from(<V::Scalar as super::Real>::LIFT)))
}

/// x - k ln 2.
#[inline(always)]
fn less_ln2<V: Lanes>(x: V, k: V) -> V {
    let high = x.constant(-<V::Scalar as super::ln::Coefficients>::LN2_HIGH);
    let low = x.constant(-<V::Scalar as super::ln::Coefficients>::LN2_LOW);
    k.fma(low, k.fma(high, x))
}

/// e^x of one number, with the same bits on every CPU.
#[must_use]
pub fn exp_of(x: f64) -> f64 {
    let mut one = [x];
    exp_all(&mut one);
    one[0]
}

/// e^x of many numbers, in their place, with the same bits on every CPU.
pub fn exp_all(x: &mut [f64]) {
    super::dispatch!(super::Level::new(), simd => {
        for x in x.chunks_mut(super::WIDE) {
            exp(<super::Wide<_> as Lanes>::load_some(simd, x)).store_some(x);
        }
    });
}

/// e^x - 1. Maximum relative error 6 u (f32: 7 u), also for x next to 0. Test: `expm1_is_within_its_bound`.
#[inline(always)]
pub fn expm1<V: Lanes>(x: V) -> V {
    let parts = take_apart(x);
    V::select(parts.is_near(), (parts.r * parts.r).fma(parts.rest, parts.r), parts.exp() - x.constant(1.0))
}

/// e^x, e^x - 1 and e^x - 1 - x, with the errors of [`exp`], [`expm1`] and [`rest_over`].
#[inline(always)]
pub fn growth<V: Lanes>(x: V) -> [V; 3] {
    let parts = take_apart(x);
    let (near, square) = (parts.is_near(), parts.r * parts.r);
    let exp = parts.exp();
    let less_one = exp - x.constant(1.0);
    let rest = V::select(near, square * parts.rest, less_one - x);
    [exp, V::select(near, square.fma(parts.rest, parts.r), less_one), rest]
}

/// [`growth`] for |x| <= 64, with the same bits, in fewer instructions: its powers are normal numbers, and one power of two does.
#[inline(always)]
pub fn growth_within<V: Lanes>(x: V) -> [V; 3] {
    let (one, round) = (x.constant(1.0), x.constant(<V::Scalar as Coefficients>::ROUND));
    let is_far = x.abs().exceeds(one);
    let rounded = V::select(is_far, x.fma(x.constant(core::f64::consts::LOG2_E), round), round);
    let r = less_ln2(x, rounded - round);
    let (square, rest) = (r * r, polynomial(<V::Scalar as Coefficients>::REST, r));
    let near = square.fma(rest, r);
    let exp = (one + near).times_power_of_two(rounded);
    let far = exp - one;
    [exp, V::select(is_far, far, near), V::select(is_far, far - x, square * rest)]
}

/// Below, e^x is nothing beside 1; and 2^k is a normal number of both types.
const NOTHING: f64 = -64.0;

/// Half of e^x - 1 and of e^x - 1 - x, with the errors of [`expm1`] and [`rest_over`]: infinite where these halves are, NaN for NaN alone.
/// Test: `half_growth_is_within_its_bound`.
///
/// The halves of what [`growth`] gives, but those that are finite where e^x is not, and in fewer instructions: one power of two does.
#[inline(always)]
pub fn half_growth<V: Lanes>(x: V) -> [V; 2] {
    let (half, least) = (x.constant(0.5), x.constant(NOTHING));
    let most = x.constant(<V::Scalar as Coefficients>::MOST_OF_HALF);
    let low = x.at_most(most);
    let within = low.greatest(least);
    let is_far = x.abs().exceeds(x.constant(1.0));
    let round = x.constant(<V::Scalar as Coefficients>::ROUND);
    let rounded = within.fma(x.constant(core::f64::consts::LOG2_E), round);
    let r = less_ln2(within, V::select(is_far, rounded - round, x.constant(0.0)));
    let rest = polynomial(<V::Scalar as Coefficients>::REST, r);
    let half_r = r * half;
    let square = half_r * r;
    let near = square.fma(rest, half_r);
    let exp = (half + near).times_power_of_two(rounded);
    let far = V::select(x.exceeds(most), x.constant(f64::INFINITY), exp) - half;
    [V::select(is_far, far, near), V::select(is_far, low.fma(-half, far), square * rest)]
}

/// [`growth`] for |x| <= 1, with the same bits.
#[inline(always)]
pub fn growth_near<V: Lanes>(x: V) -> [V; 3] {
    let (square, rest) = (x * x, polynomial(<V::Scalar as Coefficients>::REST, x));
    let less_one = square.fma(rest, x);
    [x.constant(1.0) + less_one, less_one, square * rest]
}

/// (e^x - 1)/x, 1 at 0. Maximum relative error 6 u (f32: 7 u). Test: `expm1_over_is_within_its_bound`.
#[inline(always)]
pub fn expm1_over<V: Lanes>(x: V) -> V {
    let parts = take_apart(x);
    let one = x.constant(1.0);
    V::select(parts.is_near(), parts.r.fma(parts.rest, one), (parts.exp() - one) / x)
}

/// (e^x - 1 - x)/x, x/2 next to 0. Maximum relative error 6 u (f32: 7 u). Test: `rest_over_is_within_its_bound`.
#[inline(always)]
pub fn rest_over<V: Lanes>(x: V) -> V {
    let parts = take_apart(x);
    V::select(parts.is_near(), parts.r * parts.rest, (parts.exp() - x.constant(1.0) - x) / x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Level, Real, Simd, dispatch};

    fn lanes<S: Simd, V: Lanes<Simd = S>>(simd: S, x: f64) -> [f64; 5] {
        let x = V::splat(simd, V::Scalar::from_f64(x));
        let negative = -x.abs();
        [exp(x), expm1(x), expm1_over(x), rest_over(x), decay(negative)].map(|value| {
            let mut stored = [V::Scalar::default(); 16];
            value.store(&mut stored[..V::Scalar::WIDTH]);
            stored[0].to_f64()
        })
    }

    /// From the series near 0, where its terms have one size, and from the platform's functions, which are right to 1 u, beyond.
    #[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
    fn oracle(x: f64) -> [f64; 5] {
        let rest =
            if x.abs() < 2.0 { (2..40).rev().fold(0.0, |sum, n| (1.0 + sum) * x / f64::from(n)) } else { (x.exp_m1() - x) / x };
        let over = if x == 0.0 { 1.0 } else { x.exp_m1() / x };
        [x.exp(), x.exp_m1(), over, rest, (-x.abs()).exp()]
    }

    /// Next to 0, around the edges of the reduction, and far.
    fn arguments() -> impl Iterator<Item = f64> {
        let spread = [1e-300, 1e-17, 1e-8, 1e-3, 0.3, 0.99, 1.01, 1.2, 3.0, 30.0, 80.0, 700.0];
        let mut state = 1_u64;
        (0..60_000).map(move |i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
            spread[i % spread.len()] * (0.9 + 0.2 * uniform) * if i % 2 == 0 { 1.0 } else { -1.0 }
        })
    }

    /// Largest relative errors in units of u.
    fn worst<T: Real>(u: f64, most: f64) -> [f64; 5] {
        let mut worst = [0.0_f64; 5];
        for x in arguments().map(|x| T::from_f64(x).to_f64()).filter(|x| x.abs() < most) {
            let got = dispatch!(Level::new(), simd => lanes::<_, T::Lanes<_>>(simd, x));
            for (i, (got, exact)) in got.into_iter().zip(oracle(x)).enumerate() {
                if exact.abs() > T::MIN_POSITIVE.to_f64() {
                    // Of `decay` what is more than it may be more for a large x.
                    let more = if i == 4 { x.abs() / 2.0 } else { 0.0 };
                    worst[i] = worst[i].max((got - exact).abs() / exact.abs() / u - more);
                }
            }
        }
        worst
    }

    #[expect(clippy::disallowed_methods, reason = "powers of two are exact")]
    fn check(which: usize, double: f64, single: f64) {
        let (of_f64, of_f32) = (worst::<f64>(2.0_f64.powi(-53), 708.0)[which], worst::<f32>(2.0_f64.powi(-24), 87.0)[which]);
        println!("{of_f64:.2} u in f64, {of_f32:.2} u in f32");
        // The oracle's own error is 1 u of f64.
        assert!(of_f64 <= double + 1.0 && of_f32 <= single, "{of_f64} {of_f32}");
    }

    #[test]
    fn exp_is_within_its_bound() {
        check(0, 2.0, 4.0);
    }

    #[test]
    fn expm1_is_within_its_bound() {
        check(1, 6.0, 7.0);
    }

    #[test]
    fn expm1_over_is_within_its_bound() {
        check(2, 6.0, 7.0);
    }

    #[test]
    fn rest_over_is_within_its_bound() {
        check(3, 6.0, 7.0);
    }

    #[test]
    fn decay_is_within_its_bound() {
        check(4, 2.0, 2.0);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
    fn lifted_decay_is_within_its_bound() {
        fn lane<S: Simd, V: Lanes<Simd = S>>(simd: S, x: f64) -> f64 {
            let mut stored = [V::Scalar::default(); 16];
            lifted_decay(V::splat(simd, V::Scalar::from_f64(x)), V::splat(simd, V::Scalar::default()))
                .store(&mut stored[..V::Scalar::WIDTH]);
            stored[0].to_f64()
        }
        fn worst<T: Real>(u: f64) -> f64 {
            let most = <T as Coefficients>::FAR;
            let errors = (0..=60_000).map(|i| {
                let x = T::from_f64(-most * f64::from(i) / 60_000.0).to_f64();
                // By its root, which is no subnormal number.
                let root = (x / 2.0).exp() * crate::lanes::power_of_two(T::LIFT / 2);
                (dispatch!(Level::new(), simd => lane::<_, T::Lanes<_>>(simd, x)) / (root * root) - 1.0).abs() / u
            });
            errors.fold(0.0, f64::max)
        }
        let (of_f64, of_f32) = (worst::<f64>(f64::EPSILON / 2.0), worst::<f32>(f64::from(f32::EPSILON) / 2.0));
        println!("{of_f64:.2} u in f64, {of_f32:.2} u in f32");
        // The oracle's own error is 3 u of f64.
        assert!(of_f64 <= 5.0 && of_f32 <= 2.0, "{of_f64} {of_f32}");
    }

    fn halves<T: Real>(x: f64) -> [f64; 2] {
        fn lanes<S: Simd, V: Lanes<Simd = S>>(simd: S, x: V::Scalar) -> [f64; 2] {
            half_growth(V::splat(simd, x)).map(|value| {
                let mut stored = [V::Scalar::default(); 16];
                value.store(&mut stored[..V::Scalar::WIDTH]);
                stored[0].to_f64()
            })
        }
        dispatch!(Level::new(), simd => lanes::<_, T::Lanes<_>>(simd, T::from_f64(x)))
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "powers of two are exact")]
    fn half_growth_is_within_its_bound() {
        fn worst<T: Real>(u: f64) -> [f64; 2] {
            let mut worst = [0.0_f64; 2];
            let far = <T as Coefficients>::MOST_OF_HALF;
            for x in arguments().map(|x| T::from_f64(x).to_f64()).filter(|x| x.abs() < far) {
                let [_, less_one, _, over, _] = oracle(x);
                for (worst, (got, exact)) in worst.iter_mut().zip(halves::<T>(x).into_iter().zip([less_one, over * x])) {
                    if exact.abs() > 2.0 * T::MIN_POSITIVE.to_f64() && exact.is_finite() {
                        *worst = worst.max((2.0 * got - exact).abs() / exact.abs() / u);
                    }
                }
            }
            worst
        }
        let (of_f64, of_f32) = (worst::<f64>(2.0_f64.powi(-53)), worst::<f32>(2.0_f64.powi(-24)));
        println!("{of_f64:?} u in f64, {of_f32:?} u in f32");
        // The oracle's own error is 1 u of f64.
        assert!(of_f64.iter().all(|&worst| worst <= 7.0) && of_f32.iter().all(|&worst| worst <= 7.0));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
    fn half_growth_reaches_its_ends() {
        fn check<T: Real>(u: f64) {
            let most = <T as Coefficients>::MOST_OF_HALF;
            // By the root of e^x, which is a float where e^x is none.
            let exact = (T::from_f64(most).to_f64() / 2.0).exp();
            for half in halves::<T>(most) {
                assert!((half / exact / exact * 2.0 - 1.0).abs() < 8.0 * u, "{half}");
            }
            let infinity = f64::INFINITY;
            for (x, exact) in [
                (most * (1.0 + 4.0 * u), [infinity; 2]),
                (infinity, [infinity; 2]),
                (-infinity, [-0.5, infinity]),
                (0.0, [0.0; 2]),
                (-1000.0, [-0.5, 499.5]),
            ] {
                assert_eq!(halves::<T>(x).map(f64::to_bits), exact.map(f64::to_bits), "{x}");
            }
            assert!(halves::<T>(f64::NAN).into_iter().all(f64::is_nan));
        }
        check::<f64>(2.0_f64.powi(-53));
        check::<f32>(2.0_f64.powi(-24));
    }

    #[test]
    fn neighbours_have_the_bits_of_all() {
        fn bits<S: Simd, V: Lanes<Simd = S>>(simd: S, x: f64) -> [[u64; 3]; 2] {
            let x = V::splat(simd, V::Scalar::from_f64(x));
            [growth(x), growth_near(x)].map(|values| {
                values.map(|value| {
                    let mut stored = [V::Scalar::default(); 16];
                    value.store(&mut stored[..V::Scalar::WIDTH]);
                    stored[0].to_f64().to_bits()
                })
            })
        }
        for x in arguments().filter(|x| x.abs() <= 1.0) {
            let [all, near] = dispatch!(Level::new(), simd => bits::<_, <f64 as Real>::Lanes<_>>(simd, x));
            assert_eq!(all, near, "{x}");
            let [all, near] = dispatch!(Level::new(), simd => bits::<_, <f32 as Real>::Lanes<_>>(simd, x));
            assert_eq!(all, near, "{x} in f32");
        }
    }

    /// e^x - 1 - x.
    fn rest(x: f64) -> f64 {
        dispatch!(Level::new(), simd => growth(<crate::lanes::Wide<_> as Lanes>::splat(simd, x))[2][0])
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the oracle may use what results may not")]
    fn growth_rests_are_within_their_bound() {
        let mut worst = 0.0_f64;
        // Beyond 1e-154 squares are normal numbers.
        for x in arguments().filter(|x| x.abs() > 1e-100) {
            let got = rest(x);
            let exact = if x.abs() < 2.0 { oracle(x)[3] * x } else { x.exp_m1() - x };
            worst = worst.max((got - exact).abs() / exact / (f64::EPSILON / 2.0));
        }
        println!("{worst:.2} u");
        // The oracle's own error is 2 u.
        assert!(worst <= 8.0, "{worst}");
    }

    #[test]
    fn growth_rests_reach_their_ends() {
        let far = [0.0, -0.0, 1e-200, 710.0, 1e300, -1e300, f64::NEG_INFINITY];
        let exact = [0.0, 0.0, 0.0, f64::INFINITY, f64::INFINITY, 1e300, f64::INFINITY];
        assert_eq!(far.map(|x| rest(x).to_bits()), exact.map(f64::to_bits));
        // It has no number to spare for +inf, which no logits are.
        assert!(rest(f64::INFINITY).is_nan() && rest(f64::NAN).is_nan());
    }

    #[test]
    fn ends_are_reached() {
        for (x, exact) in
            [(0.0, 1.0), (-0.0, 1.0), (710.0, f64::INFINITY), (1e300, f64::INFINITY), (-746.0, 0.0), (f64::NEG_INFINITY, 0.0)]
        {
            let got = dispatch!(Level::new(), simd => lanes::<_, <f64 as Real>::Lanes<_>>(simd, x))[0];
            assert_eq!(got.to_bits(), f64::to_bits(exact), "{x}");
            let got = dispatch!(Level::new(), simd => lanes::<_, <f32 as Real>::Lanes<_>>(simd, x))[0];
            assert_eq!(got.to_bits(), f64::to_bits(exact), "{x} in f32");
        }
    }
}
