//! Logarithms and powers of a [`Double`], for differences of them that vanish. Relative error at most 5e-30.

use core::f64::consts::LN_2;

use crate::double::Double;

/// ln 2.
const LOG_2: Double = Double { high: LN_2, low: 2.319_046_813_846_299_6e-17 };

/// 1/k.
const RECIPROCALS: [Double; 48] = {
    let mut table = [Double::reciprocal(1.0); 48];
    let mut k = 2;
    while k < table.len() {
        table[k] = Double::reciprocal(k as f64);
        k += 1;
    }
    table
};

/// ln(1 + u) of u > -1, by 2 artanh(s) with s = u/(2 + u) where that is small.
pub(super) fn ln_1p(u: Double) -> Double {
    if !(-0.3..=0.42).contains(&u.high) {
        return ln(Double::from(1.0) + u);
    }
    let s = u.divided_by(u + 2.0);
    let square = s * s;
    let series = (0..24).rev().fold(Double::default(), |sum, k| sum * square + RECIPROCALS[2 * k + 1]);
    (s * series).times(2.0)
}

/// ln x: that of a number near 1, and a multiple of ln 2. As that of a float where x has no finite logarithm.
pub(super) fn ln(x: Double) -> Double {
    if !(x.high > 0.0 && x.high < f64::INFINITY) {
        return Double::from(libm::log(x.high));
    }
    let (mantissa, mut exponent) = libm::frexp(x.high);
    let mut scaled = Double { high: mantissa, low: libm::ldexp(x.low, -exponent) };
    if scaled.high < core::f64::consts::FRAC_1_SQRT_2 {
        scaled = scaled.times(2.0);
        exponent -= 1;
    }
    ln_1p(scaled + (-1.0)) + LOG_2.times(f64::from(exponent))
}

/// e^x - 1: where x is small, that of x/16 by its power series, and (e^x - 1)² + 2 (e^x - 1) four times.
pub(super) fn exp_m1(x: Double) -> Double {
    if libm::fabs(x.high) > 0.4 {
        return exp(x) + (-1.0);
    }
    let part = x.times(0.0625);
    let series = RECIPROCALS[2..16].iter().rev().fold(Double::from(1.0), |sum, &c| sum * part * c + 1.0);
    let value = series * part;
    (0..4).fold(value, |value, _| value * (value + 2.0))
}

/// e^x; 0 and +inf beyond the floats.
#[expect(clippy::cast_possible_truncation, reason = "an integer between -2000 and 2000")]
pub(super) fn exp(x: Double) -> Double {
    let power = libm::rint(x.high / LN_2).clamp(-2000.0, 2000.0);
    let rest = x - LOG_2.times(power);
    if rest.high.is_nan() || libm::fabs(rest.high) > 0.4 {
        return Double::from(libm::exp(x.high));
    }
    let Double { high, low } = exp_m1(rest) + 1.0;
    let scaled = |part| libm::ldexp(part, power as i32);
    Double { high: scaled(high), low: scaled(low) }
}
