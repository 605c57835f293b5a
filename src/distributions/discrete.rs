//! Families on integers: Bernoulli, binomial, geometric, negative binomial and Poisson, by probability or by logit.

use crate::double::Double;

use super::logarithms::exp;
use super::shares::{self, Shares, WHOLE};
use super::special::{
    HALF_LN_2_PI, binet_difference, exp_excess, kl_term, ln_beta, ln_gamma, log_ratio, log1p_excess, product, sigmoid, softplus,
    stirling, x_log_y, x_log1p_y,
};

use super::wide::{self, WIDE};

/// Whether a family on 0, 1, 2, … has x among its values.
fn is_count(x: f64) -> bool {
    (0.0..f64::INFINITY).contains(&x) && libm::floor(x) == x
}

/// -inf for what is no value of the family, NaN for NaN.
fn outside(x: f64) -> f64 {
    if x.is_nan() { x } else { f64::NEG_INFINITY }
}

/// ln p and ln(1 - p).
fn logs(p: f64) -> [f64; 2] {
    [libm::log(p), libm::log1p(-p)]
}

fn logs_of_logit(z: f64) -> [f64; 2] {
    [-softplus(-z), -softplus(z)]
}

/// The probabilities of success and of failure.
fn chances(p: f64) -> Shares {
    Shares { exact: [Double::from(p), Double::new(1.0, -p)], logs: logs(p) }
}

fn chances_of_logit(z: f64) -> Shares {
    let power = exp(Double::from(-libm::fabs(z)));
    let whole = power + 1.0;
    let (larger, smaller) = (Double::from(1.0).divided_by(whole), power.divided_by(whole));
    Shares { exact: if z > 0.0 { [larger, smaller] } else { [smaller, larger] }, logs: logs_of_logit(z) }
}

pub(super) mod bernoulli {
    use super::{
        exp_excess, kl_term, log_ratio, log1p_excess, logs, logs_of_logit, outside, product, sigmoid, softplus, x_log_y,
        x_log1p_y,
    };

    fn of_logs(x: f64, [success, failure]: [f64; 2]) -> f64 {
        if x == 1.0 {
            success
        } else if x == 0.0 {
            failure
        } else {
            outside(x)
        }
    }

    pub(in super::super) fn log_prob(x: f64, p: f64) -> f64 {
        of_logs(x, logs(p))
    }

    pub(in super::super) fn log_prob_of_logit(x: f64, z: f64) -> f64 {
        of_logs(x, logs_of_logit(z))
    }

    pub(in super::super) fn entropy(p: f64) -> f64 {
        0.0 - x_log_y(p, p) - x_log1p_y(1.0 - p, -p)
    }

    pub(in super::super) fn entropy_of_logit(z: f64) -> f64 {
        product(sigmoid(z), softplus(-z)) + product(sigmoid(-z), softplus(z))
    }

    /// Terms of both values, each with the exact difference of the probabilities.
    pub(in super::super) fn kl(p: f64, q: f64) -> f64 {
        let d = q - p;
        kl_term(p, q, d) + kl_term(1.0 - p, 1.0 - q, -d)
    }

    /// For p <= 1/2, with δ = z₂ - z₁: ln(1 + p (e^δ - 1)) - p δ, near δ = 0 as p E(δ) - g(p (e^δ - 1)). Divided by p on request.
    fn of_logits(z1: f64, z2: f64, over_p: bool) -> f64 {
        if z1 == z2 {
            return 0.0;
        }
        let p = sigmoid(z1);
        if z1 == f64::NEG_INFINITY {
            return softplus(z2);
        }
        if z2.is_infinite() {
            return f64::INFINITY;
        }
        let d = z2 - z1;
        let w = p * libm::expm1(d);
        if (-1.0..=1.0).contains(&d) {
            let unit = if over_p { 1.0 } else { p };
            let rest = log1p_excess(w);
            return unit * exp_excess(d) - if over_p && rest > 0.0 { rest / p } else { rest };
        }
        if over_p && p < 1e-290 {
            // Here p is lost to rounding, or nearly: ln(1 + w)/p is (e^δ - 1) where w is small too.
            return if d < 1.0 { exp_excess(d) } else { libm::exp(ln_softplus(z2) - z1) - 1.0 - d };
        }
        let log = if d > 700.0 { softplus(z2) - softplus(z1) } else { libm::log1p(w) };
        let value = log - product(p, d);
        if over_p { value / p } else { value }
    }

    /// ln ln(1 + e^x), also where ln(1 + e^x) is below what floats hold.
    fn ln_softplus(x: f64) -> f64 {
        if x < -40.0 { x } else { libm::log(softplus(x)) }
    }

    pub(in super::super) fn kl_of_logits(z1: f64, z2: f64) -> f64 {
        if z1 <= 0.0 { of_logits(z1, z2, false) } else { of_logits(-z1, -z2, false) }
    }

    /// Divergence over the probability of success of the first.
    pub(in super::super) fn kl_of_logits_over_p(z1: f64, z2: f64) -> f64 {
        if z1 <= 0.0 { of_logits(z1, z2, true) } else { of_logits(-z1, -z2, false) / sigmoid(z1) }
    }

    /// The probability of success under the distribution ∝ p^α q^(1-α), which need not be one between p and q.
    pub(in super::super) fn between(p: f64, q: f64, alpha: f64) -> f64 {
        if p == 0.0 || p == 1.0 {
            return p + 0.0 * q;
        }
        let odds = p / (1.0 - p);
        let log = log_ratio(p, q, p - q) - log_ratio(1.0 - p, 1.0 - q, q - p);
        let odds = odds * libm::exp((alpha - 1.0) * log);
        if odds < 1.0 { odds / (1.0 + odds) } else { 1.0 / (1.0 + 1.0 / odds) }
    }
}

/// ln of n over k.
fn ln_choose(n: f64, k: f64) -> f64 {
    if k == 0.0 || k == n { 0.0 } else { -libm::log1p(n) - ln_beta(n - k + 1.0, k + 1.0) }
}

/// The mean of f over 0 … last, from the mode of the weights outwards, given the ratio of the weights of k + 1 and k.
fn expectation(mode: f64, last: f64, ratio: impl Fn(f64) -> f64, f: impl Fn(f64) -> f64) -> f64 {
    const LEAST: f64 = 1e-24;
    let (mut total, mut sum) = (1.0, f(mode));
    let (mut k, mut weight) = (mode, 1.0);
    while k < last {
        weight *= ratio(k);
        k += 1.0;
        if weight.is_nan() || weight < LEAST {
            break;
        }
        total += weight;
        sum += weight * f(k);
    }
    (k, weight) = (mode, 1.0);
    while k > 0.0 {
        k -= 1.0;
        weight /= ratio(k);
        if weight.is_nan() || weight < LEAST {
            break;
        }
        total += weight;
        sum += weight * f(k);
    }
    sum / total
}

pub(super) mod binomial {
    use super::{
        Shares, WHOLE, WIDE, bernoulli, chances, chances_of_logit, expectation, is_count, ln_choose, outside, product, shares,
        sigmoid, wide,
    };

    fn of_chances(x: f64, n: f64, chances: &Shares) -> f64 {
        if !is_count(x) || x > n {
            return outside(x) + 0.0 * n;
        }
        let [success, failure] = chances.logs;
        if n < WHOLE || x == 0.0 || x == n {
            return ln_choose(n, x) + product(x, success) + product(n - x, failure);
        }
        shares::of_counts([x, n - x], chances)
    }

    pub(in super::super) fn log_prob(x: f64, n: f64, p: f64) -> f64 {
        of_chances(x, n, &chances(p))
    }

    pub(in super::super) fn log_prob_of_logit(x: f64, n: f64, z: f64) -> f64 {
        of_chances(x, n, &chances_of_logit(z))
    }

    /// The mean of f of a binomial variable; odds of success are p/r.
    fn mean_of(n: f64, p: f64, r: f64, f: impl Fn(f64) -> f64) -> f64 {
        if p == 0.0 || r == 0.0 || n == 0.0 {
            return f(if r == 0.0 { n } else { 0.0 });
        }
        if (n + p).is_nan() {
            return f64::NAN;
        }
        let mode = libm::floor((n + 1.0) * p).min(n);
        expectation(mode, n, |k| (n - k) / (k + 1.0) * (p / r), f)
    }

    pub(in super::super) fn entropy(n: f64, p: f64) -> f64 {
        let chances = chances(p);
        mean_of(n, p, 1.0 - p, |k| 0.0 - of_chances(k, n, &chances))
    }

    pub(in super::super) fn entropy_of_logit(n: f64, z: f64) -> f64 {
        let chances = chances_of_logit(z);
        mean_of(n, sigmoid(z), sigmoid(-z), |k| 0.0 - of_chances(k, n, &chances))
    }

    /// Of n₁ values the divergence is that of one, times n₁; for a larger n₂ the mean of the difference of both logarithms.
    fn of_counts([n1, n2]: [f64; 2], [first, second]: [&Shares; 2], each: f64) -> f64 {
        let [p, r] = first.exact.map(|share| share.high);
        let [success, failure] = second.logs;
        if n1 == n2 {
            return product(n1, each);
        }
        if p == 0.0 || n1 == 0.0 {
            return -product(n2, failure);
        }
        if n1 > n2 || success == f64::NEG_INFINITY || failure == f64::NEG_INFINITY {
            return f64::INFINITY;
        }
        if (n1 + n2 + p + each).is_nan() {
            return f64::NAN;
        }
        if n1 * p * r > WIDE * WIDE {
            return wide::binomial_kl([n1, n2], [first, second]);
        }
        mean_of(n1, p, r, |k| of_chances(k, n1, first) - of_chances(k, n2, second)).max(0.0)
    }

    pub(in super::super) fn kl(n1: f64, p: f64, n2: f64, q: f64) -> f64 {
        of_counts([n1, n2], [&chances(p), &chances(q)], bernoulli::kl(p, q))
    }

    pub(in super::super) fn kl_of_logits(n1: f64, z1: f64, n2: f64, z2: f64) -> f64 {
        of_counts([n1, n2], [&chances_of_logit(z1), &chances_of_logit(z2)], bernoulli::kl_of_logits(z1, z2))
    }
}

pub(super) mod geometric {
    use super::{bernoulli, is_count, logs, logs_of_logit, outside, product, sigmoid};

    fn of_logs(x: f64, [success, failure]: [f64; 2]) -> f64 {
        if is_count(x) { product(x, failure) + success } else { outside(x) + 0.0 * success }
    }

    pub(in super::super) fn log_prob(x: f64, p: f64) -> f64 {
        of_logs(x, logs(p))
    }

    pub(in super::super) fn log_prob_of_logit(x: f64, z: f64) -> f64 {
        of_logs(x, logs_of_logit(z))
    }

    pub(in super::super) fn entropy(p: f64) -> f64 {
        bernoulli::entropy(p) / p
    }

    pub(in super::super) fn entropy_of_logit(z: f64) -> f64 {
        if z < -700.0 { 1.0 - z } else { bernoulli::entropy_of_logit(z) / sigmoid(z) }
    }

    /// As many Bernoulli variables as a sequence has on average, 1/p.
    pub(in super::super) fn kl(p: f64, q: f64) -> f64 {
        bernoulli::kl(p, q) / p
    }

    pub(in super::super) fn kl_of_logits(z1: f64, z2: f64) -> f64 {
        bernoulli::kl_of_logits_over_p(z1, z2)
    }
}

pub(super) mod negative_binomial {
    use super::{
        Shares, WHOLE, bernoulli, binet_difference, chances, chances_of_logit, exp_excess, expectation, is_count, kl_term,
        ln_beta, log_ratio, outside, product, shares, sigmoid, softplus, wide,
    };

    fn of_chances(x: f64, n: f64, chances: &Shares) -> f64 {
        if is_count(x) { between_counts(x, n, chances) } else { outside(x) + 0.0 * n }
    }

    /// The same, also between integers.
    fn between_counts(x: f64, n: f64, chances: &Shares) -> f64 {
        let [success, failure] = chances.logs;
        if n + x < WHOLE || x == 0.0 {
            let choices = if x == 0.0 { 0.0 } else { -libm::log(n + x) - ln_beta(n, x + 1.0) };
            return choices + product(x, success) + n * failure;
        }
        shares::of_count_and_end([x, n], chances)
    }

    pub(in super::super) fn log_prob(x: f64, n: f64, p: f64) -> f64 {
        of_chances(x, n, &chances(p))
    }

    pub(in super::super) fn log_prob_of_logit(x: f64, n: f64, z: f64) -> f64 {
        of_chances(x, n, &chances_of_logit(z))
    }

    fn mean_of(n: f64, p: f64, r: f64, f: impl Fn(f64) -> f64) -> f64 {
        if (n + p).is_nan() {
            return f64::NAN;
        }
        let mode = if n > 1.0 { libm::floor((n - 1.0) * (p / r)) } else { 0.0 };
        expectation(mode, f64::INFINITY, |k| (k + n) / (k + 1.0) * p, f)
    }

    fn entropy_of(n: f64, chances: &Shares) -> f64 {
        let [p, r] = chances.exact.map(|share| share.high);
        if n < wide::FEW_FAILURES && r < wide::SMALL {
            return wide::negative_binomial_entropy(r, |x| between_counts(x, n, chances));
        }
        mean_of(n, p, r, |k| 0.0 - of_chances(k, n, chances))
    }

    pub(in super::super) fn entropy(n: f64, p: f64) -> f64 {
        entropy_of(n, &chances(p))
    }

    pub(in super::super) fn entropy_of_logit(n: f64, z: f64) -> f64 {
        entropy_of(n, &chances_of_logit(z))
    }

    /// Of equal counts of failures: as many Bernoulli variables as there are trials on average, n/(1 - p). Of others a sum, of ln(p/q) or
    /// near equality of e^-x - 1 + x with that, which is never negative; given ln(p₁/p₂) and ln of the ratio of the other probabilities.
    fn of_counts([n1, n2]: [f64; 2], first: &Shares, [success, failure]: [f64; 2], equal: f64) -> f64 {
        let [p, r] = first.exact.map(|share| share.high);
        if n1 == n2 {
            return equal;
        }
        if p == 0.0 {
            return n2 * failure;
        }
        if (n1 + n2 + success + failure).is_nan() {
            return f64::NAN;
        }
        let d = n1 - n2;
        let ends = n2 * failure + d * first.logs[1] - ln_gamma_difference(n1, n2, d);
        let log = |k: f64| ln_gamma_difference(k + n1, k + n2, d) + ends + product(k, success);
        let mean = mean_of(n1, p, r, log);
        if mean > 0.05 { mean } else { mean_of(n1, p, r, |k| exp_excess(-log(k))) }
    }

    /// lnΓ(b) - lnΓ(a), given d = b - a.
    fn ln_gamma_difference(b: f64, a: f64, d: f64) -> f64 {
        (b - 0.5) * log_ratio(b, a, d) + d * (libm::log(a) - 1.0) + binet_difference(b, a, d)
    }

    fn log_ratios(first: &Shares, second: &Shares) -> [f64; 2] {
        [0, 1].map(|i| {
            let (one, other) = (first.exact[i], second.exact[i]);
            log_ratio(one.high, other.high, (one - other).to_f64())
        })
    }

    pub(in super::super) fn kl(n1: f64, p1: f64, n2: f64, p2: f64) -> f64 {
        let first = chances(p1);
        let equal = n1 * (bernoulli::kl(p1, p2) / (1.0 - p1));
        of_counts([n1, n2], &first, log_ratios(&first, &chances(p2)), equal)
    }

    pub(in super::super) fn kl_of_logits(n1: f64, z1: f64, n2: f64, z2: f64) -> f64 {
        /// ln of σ(x) / σ(y).
        fn log_ratio_of_logits(x: f64, y: f64) -> f64 {
            let d = x - y;
            if (-30.0..=30.0).contains(&d) { libm::log1p(sigmoid(-x) * libm::expm1(d)) } else { softplus(-y) - softplus(-x) }
        }
        let ratios = [log_ratio_of_logits(z1, z2), log_ratio_of_logits(-z1, -z2)];
        of_counts([n1, n2], &chances_of_logit(z1), ratios, n1 * bernoulli::kl_of_logits_over_p(-z1, -z2))
    }

    /// The probabilities of going on and of the end of a geometric variable, which is the only failure.
    fn chances_of_end(p: f64) -> Shares {
        let Shares { exact: [end, going], logs: [log_end, log_going] } = chances(p);
        Shares { exact: [going, end], logs: [log_going, log_end] }
    }

    fn of_shares(counts: [f64; 2], first: &Shares, second: &Shares) -> f64 {
        let ([x1, y1], [x2, y2]) = (first.exact, second.exact);
        let d = (x2 - x1).to_f64();
        let each = kl_term(x1.high, x2.high, d) + kl_term(y1.high, y2.high, -d);
        of_counts(counts, first, log_ratios(first, second), counts[0] * (each / y1.high))
    }

    pub(in super::super) fn from_geometric(p1: f64, n2: f64, p2: f64) -> f64 {
        of_shares([1.0, n2], &chances_of_end(p1), &chances(p2))
    }

    pub(in super::super) fn to_geometric(n1: f64, p1: f64, p2: f64) -> f64 {
        of_shares([n1, 1.0], &chances(p1), &chances_of_end(p2))
    }
}

pub(super) mod poisson {
    use super::{HALF_LN_2_PI, expectation, is_count, kl_term, ln_gamma, log_ratio, outside, product, stirling};

    pub(in super::super) fn log_prob(x: f64, rate: f64) -> f64 {
        if !is_count(x) || rate.is_nan() {
            return outside(x) + 0.0 * rate;
        }
        if x < 12.0 {
            return product(x, libm::log(rate)) - rate - ln_gamma(x + 1.0);
        }
        -kl_term(x, rate, rate - x) - HALF_LN_2_PI - 0.5 * libm::log(x) - stirling(x)
    }

    /// The sum over the values, or for large rates its asymptotic series.
    ///
    /// R. J. Evans, J. Boersma, N. M. Blachman and A. A. Jagers, "The entropy of a Poisson distribution: problem 87-6", SIAM Rev. 30
    /// (1988).
    pub(in super::super) fn entropy(rate: f64) -> f64 {
        if rate > 1e4 {
            let x = 1.0 / rate;
            return HALF_LN_2_PI + 0.5 + 0.5 * libm::log(rate) - x * (1.0 / 12.0 + x * (1.0 / 24.0 + x * (19.0 / 360.0)));
        }
        if rate.is_nan() || rate == 0.0 {
            return rate;
        }
        expectation(libm::floor(rate), f64::INFINITY, |k| rate / (k + 1.0), |k| 0.0 - log_prob(k, rate))
    }

    /// The rate rate₁^α rate₂^(1-α), from the ratio of the two; 0 if both are 0.
    pub(in super::super) fn between(rate1: f64, rate2: f64, alpha: f64) -> f64 {
        if rate1 == 0.0 || rate2 == 0.0 {
            let certain = rate1 + rate2 == 0.0;
            return if certain { 0.0 } else { libm::pow(rate1, alpha) * libm::pow(rate2, 1.0 - alpha) };
        }
        rate1 + rate1 * libm::expm1((1.0 - alpha) * log_ratio(rate2, rate1, rate2 - rate1))
    }

    pub(in super::super) fn kl(rate1: f64, rate2: f64) -> f64 {
        kl_term(rate1, rate2, rate2 - rate1)
    }
}
