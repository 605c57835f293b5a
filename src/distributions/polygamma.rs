//! Derivatives of lnΓ at [`Double`]s, for differences of them that vanish. Relative error at most 1e-29.

use crate::double::Double;

use super::logarithms::ln_1p;
use super::special::STIRLING_RATIOS as STIRLING;

/// From here on Stirling's series has the precision of a [`Double`].
const FROM: f64 = 40.0;

fn reciprocal(x: Double) -> Double {
    Double::from(1.0).divided_by(x)
}

/// A coefficient of Stirling's series times an integer.
fn coefficient([over, under]: [f64; 2], factor: f64) -> Double {
    Double::from(over * factor).divided_by(Double::from(under))
}

/// ψ'(x) for x > 0: recurrence, then the asymptotic series, as in [`super::special::trigamma`].
pub(super) fn trigamma(x: Double) -> Double {
    let (mut at, mut sum) = (x, Double::default());
    while at.high < FROM {
        let inverse = reciprocal(at);
        sum = sum + inverse * inverse;
        at = at + 1.0;
    }
    let inverse = reciprocal(at);
    let square = inverse * inverse;
    let powers = (0..STIRLING.len()).map(|k| ((2 * k + 1) * (2 * k + 2)) as f64);
    let terms = STIRLING.iter().zip(powers).rev();
    let series = terms.fold(Double::default(), |total, (&c, m)| total * square + coefficient(c, m));
    sum + inverse + square.times(0.5) + series * square * inverse
}

/// ψ(b) - ψ(a) of positive numbers, given d = b - a, as in [`super::special::digamma_difference`].
pub(super) fn digamma_difference(b: Double, a: Double, d: Double) -> Double {
    let (mut from, mut to, mut sum) = (a, b, Double::default());
    while from.high < FROM || to.high < FROM {
        sum = sum + d.divided_by(from).divided_by(to);
        from = from + 1.0;
        to = to + 1.0;
    }
    let (x, y) = (reciprocal(from), reciprocal(to));
    let (mut series, mut polynomial, mut power) = (Double::from(0.5), Double::from(1.0), Double::from(1.0));
    for m in 1..2 * STIRLING.len() {
        power = power * x;
        polynomial = polynomial * y + power;
        if m % 2 == 1 {
            series = series + coefficient(STIRLING[m / 2], m as f64) * polynomial;
        }
    }
    let u = d.divided_by(from);
    sum + ln_1p(u) + u.divided_by(to) * series
}
