//! Divergences between families: the cross-entropy with the second, less the entropy of the first.
//!
//! Where the first can be close to the second (a normal distribution is the limit of gamma and beta distributions) the two are combined
//! before they are subtracted. A value is +inf where a value of the first has no density under the second, or where a mean that the
//! cross-entropy needs is infinite.

use core::f64::consts::{LN_2, PI};

use crate::double::Double;

use super::gamma;
use super::location_scale::{exponential, gumbel, half_normal, normal, pareto, uniform};
use super::special::{
    EULER, HALF_LN_2_PI, binet, binet_difference, binet_slope_difference, bregman_of_binet, exp_of_quotient, fma,
    folded_normal_mean, gamma_negentropy, kl_term, ln_beta, ln_gamma, log_ratio, log1p_excess, ratio_excess, stirling, x_log1p_y,
};

/// Divergence from a normal distribution of what has this mean and variance, and an entropy below that of a normal by `negentropy`.
fn to_normal(mean: f64, deviation: f64, negentropy: f64, m: f64, s: f64) -> f64 {
    normal::kl(mean, deviation, m, s) + negentropy
}

/// The same, given what the mean is above m and the variance above s², in units of s²: a mean and a deviation that are rounded tell
/// little of either where they are nearly m and s.
fn to_normal_nearby([above, near]: [f64; 2], deviation: f64, negentropy: f64, s: f64) -> f64 {
    if near.abs() <= 0.5 {
        let z = above / s;
        return 0.5 * (log1p_excess(near) + z * z) + negentropy;
    }
    to_normal(above, deviation, negentropy, 0.0, s)
}

/// What the mean `over / under` is above m.
fn mean_above(over: f64, under: f64, m: f64) -> f64 {
    let above = fma(-m, under, over) / under;
    if [over, under].into_iter().all(is_far_from_ends) && above.is_finite() { above } else { over / under - m }
}

/// `over / under - 1`; NaN if rounding has taken from one what it tells.
fn ratio_above(over: Double, under: Double) -> f64 {
    if [over.high, under.high].into_iter().all(is_far_from_ends) { (over - under).to_f64() / under.high } else { f64::NAN }
}

/// A factor times g(u) of the quotient 1 + u = (a/b) (c/sum), the sum being not less than c.
fn excess_of_product(factor: f64, [a, c]: [f64; 2], b: f64, sum: Double) -> f64 {
    let near = ratio_above(Double::product(a, c), sum.times(b));
    if near.abs() <= 0.5 {
        return factor * log1p_excess(near);
    }
    let ratio = a / b * (c / sum.high);
    let log = if ratio.is_normal() { libm::log(ratio) } else { log_ratio(a, b, a - b) + log_ratio(c, sum.high, c - sum.high) };
    // The factor may be b: a product is in reach of the floats then, where a/b is not.
    (factor / b * a * (c / sum.high) - factor) - factor * log
}

fn is_far_from_ends(x: f64) -> bool {
    (1e-200..1e200).contains(&x)
}

fn square(one: Double) -> Double {
    one * one
}

/// By how much the entropies of families without a shape are below that of a normal distribution: ln(2πe variance)/2 - entropy.
fn negentropy(deviation: f64, entropy: f64) -> f64 {
    0.5 + HALF_LN_2_PI + libm::log(deviation) - entropy
}

/// E (X - m)/b + E e^(-(X - m)/b) + ln b: what a Gumbel distribution says of X.
fn cross_gumbel(mean: f64, power: f64, m: f64, b: f64) -> f64 {
    (mean - m) / b + power + libm::log(b)
}

/// What a Beta distribution says of X, given the means of ln X and of ln(1 - X).
fn cross_beta(logs: [f64; 2], a: f64, b: f64) -> f64 {
    ln_beta(a, b) - (a - 1.0) * logs[0] - (b - 1.0) * logs[1]
}

/// The mean of ln X under Uniform(low, high), 0 <= low: ln(high) less an excess.
fn uniform_log_mean(low: f64, high: f64) -> f64 {
    let length = high - low;
    libm::log(high) - gamma::excess_over(length / low)
}

/// Terms of p and the rate, and of 1 - p and 1: their differences cancel each other.
pub(super) fn bernoulli_poisson(p: f64, rate: f64) -> f64 {
    kl_term(p, rate, rate - p) + kl_term(1.0 - p, 1.0, p)
}

/// A rate of 0 is certain to give 0; any other reaches numbers that the second does not.
pub(super) fn poisson_binomial(rate: f64, n: f64, q: f64) -> f64 {
    if rate > 0.0 { f64::INFINITY } else { rate - x_log1p_y(n, -q) }
}

pub(super) fn poisson_binomial_of_logit(rate: f64, n: f64, z: f64) -> f64 {
    if rate > 0.0 { f64::INFINITY } else { rate + n * super::special::softplus(z) }
}

pub(super) fn beta_exponential(a: f64, b: f64, rate: f64) -> f64 {
    beta_gamma(a, b, 1.0, rate)
}

/// With s = a + b: shape g of the ratio of the means, half of g of shape/a over s/b (of about the variances of ln X), and differences of
/// Binet's function, which is what is left of Stirling's formula.
///
/// They add up to about a/(3 b s) near equality, of which no term is more than twice as large.
pub(super) fn beta_gamma(a: f64, b: f64, shape: f64, rate: f64) -> f64 {
    let exact = Double::new(a, b);
    let means = excess_of_product(shape, [rate, a], shape, exact);
    let variances = excess_of_product(0.5, [shape, b], a, exact);
    let sum = exact.high;
    let (d, slope) = (shape - a, binet(sum)[1]);
    // Two forms of one term: a much larger shape leaves of the first a difference for small b, of the second for small a.
    let of_shapes = if a <= b {
        bregman_of_binet(shape, a, d) + shape * slope
    } else {
        d * binet_slope_difference(sum, a, b) + a * slope + binet_difference(shape, a, d)
    };
    let of_powers = 0.5 * a / sum / b - bregman_of_binet(b, sum, -a) - (b - 1.0) * binet_slope_difference(sum, b, a);
    means + variances + (of_shapes + of_powers)
}

pub(super) fn beta_normal(a: f64, b: f64, m: f64, s: f64) -> f64 {
    let deviation = libm::sqrt(gamma::beta_variance(a, b));
    let sum = Double::new(a, b);
    let near = ratio_above(Double::product(a, b), square(sum.times(s)) * (sum + 1.0));
    let above = mean_above(a, sum.high, m) - m * (sum.low / sum.high);
    to_normal_nearby([above, near], deviation, gamma::beta_negentropy(a, b), s)
}

pub(super) fn beta_uniform(a: f64, b: f64, low: f64, high: f64) -> f64 {
    if low > 0.0 || high < 1.0 {
        return f64::INFINITY;
    }
    log_ratio(high - low, 1.0, (high - 1.0) - low) - gamma::beta_entropy(a, b)
}

pub(super) fn exponential_gumbel(rate: f64, m: f64, b: f64) -> f64 {
    let product = rate * b;
    let power = exp_of_quotient(m, b) * if product.is_finite() { product / (1.0 + product) } else { 1.0 };
    cross_gumbel(1.0 / rate, power, m, b) - exponential::entropy(rate, 0.0)
}

pub(super) fn exponential_normal(rate: f64, m: f64, s: f64) -> f64 {
    let near = ratio_above(Double::from(1.0), square(Double::product(rate, s)));
    to_normal_nearby([mean_above(1.0, rate, m), near], 1.0 / rate, HALF_LN_2_PI - 0.5, s)
}

pub(super) fn exponential_half_normal(rate: f64, s: f64) -> f64 {
    exponential_normal(rate, 0.0, s) - LN_2
}

pub(super) fn gamma_gumbel(a: f64, rate: f64, m: f64, b: f64) -> f64 {
    let log = gamma::log_laplace(a, rate, b);
    let power = if log > -1.0 { exp_of_quotient(m, b) * libm::exp(log) } else { libm::exp(m / b + log) };
    cross_gumbel(a / rate, power, m, b) - gamma::entropy(a, rate)
}

pub(super) fn gamma_normal(a: f64, rate: f64, m: f64, s: f64) -> f64 {
    let near = ratio_above(Double::from(a), square(Double::product(rate, s)));
    to_normal_nearby([mean_above(a, rate, m), near], libm::sqrt(a) / rate, gamma_negentropy(a), s)
}

pub(super) fn gumbel_normal(m1: f64, b: f64, m2: f64, s: f64) -> f64 {
    let deviation = PI * b / libm::sqrt(6.0);
    let rest = 0.5 * libm::log(PI * PI / 6.0) + HALF_LN_2_PI - 0.5 - EULER;
    to_normal(gumbel::mean(m1, b), deviation, rest, m2, s)
}

pub(super) fn laplace_normal(m1: f64, b: f64, m2: f64, s: f64) -> f64 {
    to_normal(m1, core::f64::consts::SQRT_2 * b, HALF_LN_2_PI - 0.5 - 0.5 * LN_2, m2, s)
}

pub(super) fn half_normal_normal(s1: f64, m: f64, s2: f64) -> f64 {
    let z = m / s2;
    let cross = 0.5 * z * z - half_normal::mean(s1) / s2 * z;
    half_normal::kl(s1, s2) + cross + LN_2
}

pub(super) fn normal_gumbel(m1: f64, s: f64, m2: f64, b: f64) -> f64 {
    // The exponent (s/b)²/2 - z, with what each step of it has rounded off.
    let (ratio, m) = (s / b, m1 - m2);
    let back = m1 - m;
    let m_low = (m1 - (m + back)) + (back - m2);
    let (square, z) = (ratio * ratio, m / b);
    let square_low = fma(ratio, ratio, -square) + 2.0 * ratio * (fma(-ratio, b, s) / b);
    let exponent = 0.5 * square - z;
    let rounded = 0.5 * square - exponent;
    let low = 0.5 * square_low - (fma(-z, b, m) + m_low) / b + ((0.5 * square - (exponent + rounded)) + (rounded - z));
    let power = libm::exp(exponent);
    let raised = if low.is_finite() { power + power * low } else { power };
    (z - 0.5 - HALF_LN_2_PI) + raised + log_ratio(b, s, b - s)
}

pub(super) fn normal_laplace(m1: f64, s: f64, m2: f64, b: f64) -> f64 {
    folded_normal_mean(m1 - m2, s) / b + LN_2 - 0.5 - HALF_LN_2_PI + log_ratio(b, s, b - s)
}

pub(super) fn pareto_exponential(scale: f64, a: f64, rate: f64) -> f64 {
    rate * pareto::mean(scale, a) - libm::log(rate) - pareto::entropy(scale, a)
}

pub(super) fn pareto_gamma(scale: f64, a: f64, shape: f64, rate: f64) -> f64 {
    if a <= 1.0 {
        return f64::INFINITY;
    }
    gamma::cross(pareto::mean(scale, a), libm::log(scale) + 1.0 / a, shape, rate) - pareto::entropy(scale, a)
}

pub(super) fn pareto_normal(scale: f64, a: f64, m: f64, s: f64) -> f64 {
    if a <= 2.0 {
        return f64::INFINITY;
    }
    let deviation = libm::sqrt(pareto::variance(scale, a));
    to_normal(pareto::mean(scale, a), deviation, negentropy(deviation, pareto::entropy(scale, a)), m, s)
}

pub(super) fn uniform_beta(low: f64, high: f64, a: f64, b: f64) -> f64 {
    if low < 0.0 || high > 1.0 {
        return f64::INFINITY;
    }
    if low == 0.0 && high == 1.0 {
        return gamma::beta_kl(1.0, 1.0, a, b);
    }
    let logs = [uniform_log_mean(low, high), uniform_log_mean(1.0 - high, 1.0 - low)];
    (cross_beta(logs, a, b) - libm::log(high - low)).max(0.0 * a)
}

pub(super) fn uniform_exponential(low: f64, high: f64, rate: f64) -> f64 {
    if low < 0.0 {
        return f64::INFINITY;
    }
    rate * uniform::mean(low, high) - libm::log(rate) - libm::log(high - low)
}

/// The excess of the ratio of the means, lnΓ(a) - a ln a + a, and a times ln E X - E ln X of the uniform distribution.
pub(super) fn uniform_gamma(low: f64, high: f64, shape: f64, rate: f64) -> f64 {
    if low < 0.0 {
        return f64::INFINITY;
    }
    let (mean, length) = (uniform::mean(low, high), high - low);
    let means = ratio_excess(rate * mean, shape, rate * mean - shape);
    let gap = log_ratio(mean, high, -0.5 * length) + gamma::excess_over(length / low);
    let rest = if shape < 12.0 {
        ln_gamma(shape) - shape * libm::log(shape) + shape
    } else {
        HALF_LN_2_PI - 0.5 * libm::log(shape) + stirling(shape)
    };
    shape * (means + gap) + rest + (uniform_log_mean(low, high) - libm::log(length))
}

pub(super) fn uniform_gumbel(low: f64, high: f64, m: f64, b: f64) -> f64 {
    let t = (high - low) / b;
    let power = exp_of_quotient(m - low, b) * (-libm::expm1(-t) / t);
    cross_gumbel(uniform::mean(low, high), power, m, b) - libm::log(high - low)
}

pub(super) fn uniform_normal(low: f64, high: f64, m: f64, s: f64) -> f64 {
    let deviation = (high - low) / libm::sqrt(12.0);
    to_normal(uniform::mean(low, high), deviation, HALF_LN_2_PI + 0.5 - 0.5 * libm::log(12.0), m, s)
}

pub(super) fn uniform_pareto(low: f64, high: f64, scale: f64, a: f64) -> f64 {
    if low < scale {
        return f64::INFINITY;
    }
    // (a + 1) E ln(X/scale) - ln a - ln((high - low)/scale).
    let length = high - low;
    let mean = log_ratio(high, scale, high - scale) - gamma::excess_over(length / low);
    (a + 1.0) * mean - libm::log(a) - libm::log(length / scale)
}
