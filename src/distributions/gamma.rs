//! Gamma and its relatives: inverse gamma, chi-squared, exponential as a special case; beta and Dirichlet.
//!
//! Each divergence is a Bregman divergence of lnΓ, taken from the exact differences of the parameters.

use crate::double::Double;

use super::shares::{self, Shares, WHOLE};
use super::special::{
    HALF_LN_2_PI, bregman_difference, bregman_of_gamma, bregman_of_ln_gamma, difference_of_products, digamma, fma, gamma_entropy,
    gamma_negentropy, kl_term, ln_beta, ln_gamma, log_minus_digamma, log_ratio, log1p_excess, negentropy_rests, product,
    ratio_excess, stirling,
};

/// a ln y - y - lnΓ(a), the density of ln Y, given the exact d = y - a.
fn log_density_of_log(a: f64, y: f64, d: f64) -> f64 {
    if a < 12.0 {
        return a * libm::log(y) - y - ln_gamma(a);
    }
    0.5 * libm::log(a) - HALF_LN_2_PI - stirling(a) - a * ratio_excess(y, a, d)
}

pub(super) fn log_prob(x: f64, a: f64, rate: f64, low: f64) -> f64 {
    if x < 0.0 || x == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    if x == 0.0 {
        return if a == 1.0 { libm::log(rate) } else { (1.0 - a) * f64::INFINITY };
    }
    log_density_of_log(a, rate * x, fma(rate, x, -a) + low * x) - libm::log(x)
}

pub(super) fn entropy(a: f64, rate: f64) -> f64 {
    gamma_entropy(a) - libm::log(rate)
}

/// B(a₂ : a₁) + a₂ g(y - 1), with y = a₁ rate₂ / (a₂ rate₁) and the Bregman divergence B of lnΓ(a) - a ln a + a.
///
/// `low` is what a rate lacks of the inverse of a scale.
pub(super) fn kl(a1: f64, rate1: f64, low1: f64, a2: f64, rate2: f64, low2: f64) -> f64 {
    let (over, under) = (a1 * rate2, a2 * rate1);
    let difference = difference_of_products(a1, rate2, a2, rate1) + (a1 * low2 - a2 * low1);
    let excess = if over.is_normal() && under.is_normal() && over < f64::MAX && under < f64::MAX {
        ratio_excess(over, under, difference)
    } else {
        let (shape, rate) = (a1 / a2, rate2 / rate1);
        ratio_excess(shape * rate, 1.0, shape * rate - 1.0)
    };
    let shift = if excess == f64::INFINITY {
        let log = log_ratio(a1, a2, a1 - a2) + log_ratio(rate2, rate1, rate2 - rate1);
        a1 * (rate2 / rate1) - a2 * (1.0 + log)
    } else {
        a2 * excess
    };
    bregman_of_gamma(a2, a1, a2 - a1) + shift
}

pub(super) fn inverse_log_prob(x: f64, a: f64, rate: f64) -> f64 {
    if x <= 0.0 || x == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    log_density_of_log(a, rate / x, fma(-a, x, rate) / x) - libm::log(x)
}

pub(super) fn inverse_entropy(a: f64, rate: f64) -> f64 {
    gamma_entropy(a) + libm::log(rate) - 2.0 * digamma(a)
}

pub(super) fn inverse_mean(a: f64, rate: f64) -> f64 {
    if a <= 1.0 { f64::INFINITY } else { rate / (a - 1.0) }
}

pub(super) fn inverse_variance(a: f64, rate: f64) -> f64 {
    let mean = rate / (a - 1.0);
    if a <= 2.0 { f64::INFINITY } else { mean * (mean / (a - 2.0)) }
}

pub(super) fn beta_log_prob(x: f64, a: f64, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return if x.is_nan() { f64::NAN } else { f64::NEG_INFINITY };
    }
    if a + b >= WHOLE && x > 0.0 && x < 1.0 {
        let shares = Shares { exact: [Double::from(x), Double::new(1.0, -x)], logs: [libm::log(x), libm::log1p(-x)] };
        return shares::of_concentrations([a, b], &shares);
    }
    product(a - 1.0, libm::log(x)) + product(b - 1.0, libm::log1p(-x)) - ln_beta(a, b)
}

/// The density at x, given the exact x and 1 - x.
pub(super) fn beta_log_prob_between(x: f64, rest: f64, a: f64, b: f64) -> f64 {
    let log = |x: f64, rest: f64| if x <= 0.5 { libm::log(x) } else { libm::log1p(-rest) };
    let logs = [log(x, rest), log(rest, x)];
    if a + b >= WHOLE && x > 0.0 && rest > 0.0 {
        let exact =
            if x <= 0.5 { [Double::from(x), Double::new(1.0, -x)] } else { [Double::new(1.0, -rest), Double::from(rest)] };
        return shares::of_concentrations([a, b], &Shares { exact, logs });
    }
    product(a - 1.0, logs[0]) + product(b - 1.0, logs[1]) - ln_beta(a, b)
}

pub(super) fn beta_kl(a1: f64, b1: f64, a2: f64, b2: f64) -> f64 {
    dirichlet_kl(&[a1, b1, a2, b2])
}

/// Minus the divergence from the uniform distribution, whose entropy is 0; of two large powers, from that of a normal distribution.
pub(super) fn beta_entropy(a: f64, b: f64) -> f64 {
    if a < 8.0 || b < 8.0 {
        return -beta_kl(a, b, 1.0, 1.0);
    }
    HALF_LN_2_PI + 0.5 + 0.5 * libm::log(beta_variance(a, b)) - beta_negentropy(a, b)
}

pub(super) fn beta_variance(a: f64, b: f64) -> f64 {
    let sum = a + b;
    (a / sum) * (b / sum) / (sum + 1.0)
}

/// By how much the entropy of a beta distribution is below that of a normal distribution with its variance.
///
/// The sum of those of Gamma(a) and Gamma(b), less that of Gamma(a + b) and what gamma and beta variances differ by. For large powers, terms
/// of first order make a square, (a - b)² / (3 a b (a + b)); those of second order have one sign.
pub(super) fn beta_negentropy(a: f64, b: f64) -> f64 {
    let sum = a + b;
    if a < 8.0 || b < 8.0 {
        let variances = 0.5 * libm::log1p(1.0 / sum) + log_minus_digamma(sum);
        return gamma_negentropy(a) + (gamma_negentropy(b) - gamma_negentropy(sum) - variances);
    }
    let [of_a, _] = negentropy_rests(a);
    let [of_b, _] = negentropy_rests(b);
    let [of_sum, slope] = negentropy_rests(sum);
    let (x, y, z) = (1.0 / a, 1.0 / b, 1.0 / sum);
    let first = (a - b) * x * ((a - b) * y) * z / 3.0;
    let second = (x * x + y * y + z * z) / 12.0;
    let third = 0.5 * (log1p_excess(z) - 0.5 * z * z);
    first + second + (of_a + of_b - of_sum + third + slope)
}

/// Concentrations of p, then of q: Σ B(b : a) - B(b₀ : a₀) of the Bregman divergence B of lnΓ, with D = b - a, and 0 for sums.
///
/// One concentration may have most of the sum: then its B and that of the sum are nearly equal, and are taken together. Else B is split
/// into that of lnΓ(a) - a ln a + a and terms b ln(b/a) - b + a, which sum to b₀ KL(b/b₀ ‖ a/a₀).
pub(super) fn dirichlet_kl(x: &[f64]) -> f64 {
    let (from, to) = x.split_at(x.len() / 2);
    if from == to {
        return 0.0;
    }
    let pairs = || from.iter().zip(to).map(|(&a, &b)| (a, b));
    let (mut largest, mut most) = (0, 0.0);
    for (i, &a) in from.iter().enumerate() {
        if a > most {
            (largest, most) = (i, a);
        }
    }
    let others = || pairs().enumerate().filter(|&(i, _)| i != largest).map(|(_, pair)| pair);
    let rest: f64 = others().map(|(a, _)| a).sum();
    let rest_b: f64 = others().map(|(_, b)| b).sum();
    let rest_d: f64 = others().map(|(a, b)| b - a).sum();
    let last = to.get(largest).copied().unwrap_or(f64::NAN);
    if rest < most && rest < 50.0 {
        let sum: f64 = others().map(|(a, b)| bregman_of_ln_gamma(b, a, b - a)).sum();
        return at_least_0(sum + bregman_difference([most, last, last - most], [rest, rest_b, rest_d]), x);
    }
    let (a0, b0, d0) = (most + rest, last + rest_b, (last - most) + rest_d);
    let mut sum = 0.0;
    for (a, b) in pairs() {
        let share = a / a0;
        sum += bregman_of_gamma(b, a, b - a) + kl_term(b, share * b0, share * d0 - (b - a));
    }
    at_least_0(sum - bregman_of_gamma(b0, a0, d0), x)
}

/// A divergence that rounding made negative is 0; one whose terms are beyond the floats is +inf.
fn at_least_0(value: f64, x: &[f64]) -> f64 {
    if value < 0.0 {
        0.0
    } else if value.is_nan() && !x.iter().any(|x| x.is_nan()) {
        f64::INFINITY
    } else {
        value
    }
}

/// The divergence from the uniform distribution, whose density is (K - 1)!.
pub(super) fn dirichlet_entropy(x: &[f64]) -> f64 {
    let mut pair = x.to_vec();
    pair.resize(2 * x.len(), 1.0);
    -dirichlet_kl(&pair) - ln_gamma(x.len() as f64)
}

/// The point, then the concentrations.
pub(super) fn dirichlet_log_prob(x: &[f64]) -> f64 {
    let (point, concentrations) = x.split_at(x.len() / 2);
    let sum: f64 = concentrations.iter().sum();
    if sum >= WHOLE {
        return shares::of_many_concentrations(concentrations, point);
    }
    let powers = point.iter().zip(concentrations).map(|(&x, &a)| product(a - 1.0, libm::log(x)) - ln_gamma(a));
    powers.sum::<f64>() + ln_gamma(sum)
}

/// lnΓ(a), a ln(rate) and (a - 1) E ln X of a cross-entropy with Gamma(a, rate), given E X and E ln X.
pub(super) fn cross(mean: f64, log_mean: f64, a: f64, rate: f64) -> f64 {
    ln_gamma(a) - a * libm::log(rate) - product(a - 1.0, log_mean) + rate * mean
}

/// (1 + 1/(rate b))^-a: the mean of e^(-X/b) under Gamma(a, rate), as its logarithm.
pub(super) fn log_laplace(a: f64, rate: f64, b: f64) -> f64 {
    -a * libm::log1p(1.0 / (rate * b))
}

/// t - ln(1 + t), over t: 1 for t = inf.
pub(super) fn excess_over(t: f64) -> f64 {
    if t == f64::INFINITY {
        1.0
    } else if t == 0.0 {
        0.0
    } else {
        log1p_excess(t) / t
    }
}
