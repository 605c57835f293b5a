//! Rényi divergences with a pole, an order above 1 where ∫ p^α q^(1-α) stops to converge.
//!
//! Just below it the integral is one over a difference that vanishes: that is taken in [`Double`]s, of parameters that are exact. NaN where
//! the whole divergence is such a difference, as it is near equality, and where a logarithm is infinite.
//!
//! Those of sequences are for orders below 1 too: of probabilities near 1 the distribution in between has no digits of what is left.

use crate::double::Double;

use super::logarithms::{exp, exp_m1, ln, ln_1p};

/// What is left of terms of this size has all digits of a float.
const LEAST: f64 = 1e-15;

/// A sum of two terms over α - 1, of which it has the sign, unless they cancel.
fn divided(terms: [Double; 2], order: f64) -> f64 {
    let size: f64 = terms.iter().map(|term| libm::fabs(term.high)).sum();
    let sum = terms[0] + terms[1];
    if libm::copysign(sum.high, sum.high * order) > LEAST * size {
        sum.divided_by(Double::from(order)).to_f64()
    } else {
        f64::NAN
    }
}

/// Of sequences that go on with probabilities g and end with f = 1 - g, given ln(g₁/g₂), ln(f₁/f₂) and g₂/f₂: Σ (g₁^α g₂^(1-α))^k is a
/// geometric series, over f₂ one of 1 - g₂/f₂ ((g₁/g₂)^α - 1), which vanishes at the pole.
fn of_sequences([going, ending]: [Double; 2], odds: Double, alpha: f64) -> f64 {
    let change = odds * exp_m1(going.times(alpha));
    if (Double::from(1.0) - change).high <= 0.0 {
        return f64::INFINITY;
    }
    divided([ending.times(alpha), ln_1p(change.times(-1.0)).times(-1.0)], alpha - 1.0)
}

/// ln(a/b), given a - b.
fn log_ratio(a: Double, b: Double, difference: Double) -> Double {
    let change = difference.divided_by(b);
    if change.high < -0.5 { ln(a) - ln(b) } else { ln_1p(change) }
}

/// ln(p/q) and ln((1 - p)/(1 - q)).
fn log_ratios(p: f64, q: f64) -> [Double; 2] {
    let rest = |p: f64| Double::new(1.0, -p);
    [log_ratio(Double::from(p), Double::from(q), Double::new(p, -q)), log_ratio(rest(p), rest(q), Double::new(q, -p))]
}

/// ln p and ln(1 - p) of p = 1/(1 + e^-z).
fn logs_of_logit(z: f64) -> [Double; 2] {
    let smaller = ln_1p(exp(Double::from(-libm::fabs(z)))).times(-1.0);
    let larger = smaller + -libm::fabs(z);
    if z > 0.0 { [smaller, larger] } else { [larger, smaller] }
}

fn log_ratios_of_logits(z1: f64, z2: f64) -> [Double; 2] {
    let (first, other) = (logs_of_logit(z1), logs_of_logit(z2));
    [first[0] - other[0], first[1] - other[1]]
}

fn swapped([success, failure]: [Double; 2]) -> [Double; 2] {
    [failure, success]
}

pub(super) fn geometric(p: f64, q: f64, alpha: f64) -> f64 {
    of_sequences(swapped(log_ratios(p, q)), Double::new(1.0, -q).divided_by(Double::from(q)), alpha)
}

pub(super) fn geometric_of_logits(z1: f64, z2: f64, alpha: f64) -> f64 {
    of_sequences(swapped(log_ratios_of_logits(z1, z2)), exp(Double::from(-z2)), alpha)
}

pub(super) fn negative_binomial(n: f64, p: f64, q: f64, alpha: f64) -> f64 {
    n * of_sequences(log_ratios(p, q), Double::from(q).divided_by(Double::new(1.0, -q)), alpha)
}

pub(super) fn negative_binomial_of_logits(n: f64, z1: f64, z2: f64, alpha: f64) -> f64 {
    n * of_sequences(log_ratios_of_logits(z1, z2), exp(Double::from(z2)), alpha)
}

/// Of x^k, which is exponential: with t = k ln(scale₁/scale₂), -t - ln(1 - (α - 1) (e^t - 1))/(α - 1).
pub(super) fn weibull(scale1: f64, k: f64, scale2: f64, alpha: f64) -> f64 {
    let order = alpha - 1.0;
    let t = (ln(Double::from(scale1)) - ln(Double::from(scale2))).times(k);
    let weight = Double::from(1.0) - exp_m1(t).times(order);
    if weight.high <= 0.0 {
        return f64::INFINITY;
    }
    divided([t.times(-order), ln(weight).times(-1.0)], order)
}
