//! Rényi divergences of orders above 1 up to their pole, where ∫ p^α q^(1-α) stops to converge.
//!
//! Just below it the integral is one over a difference that vanishes: that is taken in [`Double`]s, of parameters that are exact. NaN where
//! the whole divergence is such a difference, as it is near equality, and where a logarithm is infinite.

use crate::double::Double;

use super::logarithms::{exp, exp_m1, ln, ln_1p};

/// What is left of terms of this size has all digits of a float.
const LEAST: f64 = 1e-15;

/// A sum of terms over α - 1, unless they cancel.
fn divided(terms: [Double; 3], order: f64) -> f64 {
    let size: f64 = terms.iter().map(|term| libm::fabs(term.high)).sum();
    let sum = terms[0] + terms[1] + terms[2];
    if sum.high > LEAST * size { sum.divided_by(Double::from(order)).to_f64() } else { f64::NAN }
}

/// Of sequences that go on with probabilities g and end with f = 1 - g, given ln g and ln f of both: Σ (g₁^α g₂^(1-α))^k is a geometric series,
/// of which ln(g₁^α g₂^(1-α)) vanishes at the pole.
fn of_sequences([going1, ending1]: [Double; 2], [going2, ending2]: [Double; 2], alpha: f64) -> f64 {
    let order = alpha - 1.0;
    let ratio = going1.times(alpha) - going2.times(order);
    if ratio.high >= 0.0 {
        return f64::INFINITY;
    }
    let ending = ln(Double::default() - exp_m1(ratio));
    divided([ending1.times(alpha), ending2.times(-order), ending.times(-1.0)], order)
}

/// ln p and ln(1 - p).
fn logs(p: f64) -> [Double; 2] {
    [ln(Double::from(p)), ln_1p(Double::from(-p))]
}

/// The same of 1/(1 + e^-z).
fn logs_of_logit(z: f64) -> [Double; 2] {
    let smaller = ln_1p(exp(Double::from(-libm::fabs(z)))).times(-1.0);
    let larger = smaller + -libm::fabs(z);
    if z > 0.0 { [smaller, larger] } else { [larger, smaller] }
}

fn swapped([success, failure]: [Double; 2]) -> [Double; 2] {
    [failure, success]
}

pub(super) fn geometric(p: f64, q: f64, alpha: f64) -> f64 {
    of_sequences(swapped(logs(p)), swapped(logs(q)), alpha)
}

pub(super) fn geometric_of_logits(z1: f64, z2: f64, alpha: f64) -> f64 {
    of_sequences(swapped(logs_of_logit(z1)), swapped(logs_of_logit(z2)), alpha)
}

pub(super) fn negative_binomial(n: f64, p: f64, q: f64, alpha: f64) -> f64 {
    n * of_sequences(logs(p), logs(q), alpha)
}

pub(super) fn negative_binomial_of_logits(n: f64, z1: f64, z2: f64, alpha: f64) -> f64 {
    n * of_sequences(logs_of_logit(z1), logs_of_logit(z2), alpha)
}

/// Of x^k, which is exponential: with t = k ln(scale₁/scale₂), -t - ln(1 - (α - 1) (e^t - 1))/(α - 1).
pub(super) fn weibull(scale1: f64, k: f64, scale2: f64, alpha: f64) -> f64 {
    let order = alpha - 1.0;
    let t = (ln(Double::from(scale1)) - ln(Double::from(scale2))).times(k);
    let weight = Double::from(1.0) - exp_m1(t).times(order);
    if weight.high <= 0.0 {
        return f64::INFINITY;
    }
    divided([t.times(-order), ln(weight).times(-1.0), Double::default()], order)
}
