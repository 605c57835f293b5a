//! Derivatives of Kullback-Leibler divergences with respect to the parameters, from their exact differences.

use crate::double::Double;

use super::polygamma;
use super::special::{difference_of_products, digamma_difference, log_ratio, product, sigmoid, trigamma};

/// By the location of the first; that of the second has the opposite sign.
pub(super) fn normal_loc(m1: f64, m2: f64, s2: f64) -> f64 {
    (m1 - m2) / s2 / s2
}

pub(super) fn normal_first_scale(s1: f64, s2: f64) -> f64 {
    (s1 - s2) / s1 * ((s1 + s2) / s2 / s2)
}

pub(super) fn normal_second_scale(m1: f64, s1: f64, m2: f64, s2: f64) -> f64 {
    let (z, ratio) = ((m1 - m2) / s2, s1 / s2);
    -((s1 - s2) / s2 * (ratio + 1.0) + z * z) / s2
}

pub(super) fn bernoulli_first(p: f64, q: f64) -> f64 {
    if p == q {
        return 0.0;
    }
    log_ratio(p, q, p - q) - log_ratio(1.0 - p, 1.0 - q, q - p)
}

pub(super) fn bernoulli_second(p: f64, q: f64) -> f64 {
    if p == q { 0.0 } else { (q - p) / q / (1.0 - q) }
}

pub(super) fn bernoulli_first_logit(z1: f64, z2: f64) -> f64 {
    if z1 == z2 { 0.0 } else { product(sigmoid(z1) * sigmoid(-z1), z1 - z2) }
}

/// σ(z₂) - σ(z₁) without the difference.
pub(super) fn bernoulli_second_logit(z1: f64, z2: f64) -> f64 {
    if z1 == z2 {
        return 0.0;
    }
    let d = z2 - z1;
    if d > 0.0 { -sigmoid(z2) * sigmoid(-z1) * libm::expm1(-d) } else { sigmoid(z1) * sigmoid(-z2) * libm::expm1(d) }
}

pub(super) fn gamma_first_concentration(a1: f64, rate1: f64, low1: f64, a2: f64, rate2: f64, low2: f64) -> f64 {
    (a1 - a2) * trigamma(a1) + ((rate2 - rate1) + (low2 - low1)) / rate1
}

/// a₁ rate₂ - a₂ rate₁.
fn cross(a1: f64, rate1: f64, low1: f64, a2: f64, rate2: f64, low2: f64) -> f64 {
    difference_of_products(a1, rate2, a2, rate1) + (a1 * low2 - a2 * low1)
}

pub(super) fn gamma_first_rate(a1: f64, rate1: f64, low1: f64, a2: f64, rate2: f64, low2: f64) -> f64 {
    -cross(a1, rate1, low1, a2, rate2, low2) / rate1 / rate1
}

pub(super) fn gamma_second_concentration(a1: f64, rate1: f64, low1: f64, a2: f64, rate2: f64, low2: f64) -> f64 {
    digamma_difference(a2, a1, a2 - a1) - log_ratio(rate2, rate1, (rate2 - rate1) + (low2 - low1))
}

pub(super) fn gamma_second_rate(a1: f64, rate1: f64, low1: f64, a2: f64, rate2: f64, low2: f64) -> f64 {
    cross(a1, rate1, low1, a2, rate2, low2) / rate1 / rate2
}

/// A difference of floats, or where it has lost digits that of [`Double`]s, unless it is beyond them.
fn difference(first: f64, other: f64, exact: impl Fn() -> Double) -> f64 {
    let difference = first - other;
    if libm::fabs(difference) >= 0.25 * libm::fabs(other) {
        return difference;
    }
    let value = exact().to_f64();
    if value.is_nan() { difference } else { value }
}

/// By a concentration a of the first, of which b is that of the second, given the sum of the others, and what is added to it: with the sum s
/// and what is added to that, D, ψ'(s) D - ψ'(a) (b - a). Both are nearly equal if the others are small.
pub(super) fn dirichlet_first(a: f64, b: f64, rest: f64, rest_d: f64) -> f64 {
    let d = b - a;
    difference(product(d + rest_d, trigamma(a + rest)), product(d, trigamma(a)), || {
        let d = Double::new(b, -a);
        polygamma::trigamma(Double::new(a, rest)) * (d + rest_d) - polygamma::trigamma(Double::from(a)) * d
    })
}

/// By the concentration b of the second: ψ(b) - ψ(a) less that of the sums.
pub(super) fn dirichlet_second(a: f64, b: f64, rest: f64, rest_b: f64, rest_d: f64) -> f64 {
    let d = b - a;
    -difference(digamma_difference(b + rest_b, a + rest, d + rest_d), digamma_difference(b, a, d), || {
        let d = Double::new(b, -a);
        polygamma::digamma_difference(Double::new(b, rest_b), Double::new(a, rest), d + rest_d)
            - polygamma::digamma_difference(Double::from(b), Double::from(a), d)
    })
}
