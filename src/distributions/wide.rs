//! Sums over integers that spread too far for one term after the other.

use crate::double::Double;

use super::logarithms::{ln, ln_1p};
use super::shares::Shares;
use super::special::{binet_difference, exp_excess, kl_term};

/// The standard deviation from which the sum over integers is that of points 8 to a deviation, to all digits: both are the integral, up to
/// e^(-2π² · 64).
pub(super) const WIDE: f64 = 100.0;

/// The divergence of binomial distributions of different counts, n₁ < n₂, of which the first is wide. Error 1e-14 for one above 1e-18.
///
/// With means x of successes and y of failures, ln(p₁/p₂) of k is L = k ln(x₁/x₂) - (n₁ - k) ln((n₁ - k)/y₁) + (n₂ - k) ln((n₂ - k)/y₂), and
/// half of ln(n₁ (n₂ - k)/(n₂ (n₁ - k))), and Stirling's remainders. Where both are nearly equal, these are logarithms of numbers near 1: they
/// are taken in Doubles, of exact differences. The mean of L is that of e^-L - 1 + L as well, which is never negative.
pub(super) fn binomial_kl([n1, n2]: [f64; 2], [first, second]: [&Shares; 2]) -> f64 {
    let [x1, y1] = first.exact.map(|share| share.times(n1));
    let [x2, y2] = second.exact.map(|share| share.times(n2));
    let [log_x2, log_y2] = second.logs.map(|log| libm::log(n2) + log);
    let (more, gap) = (n2 - n1, x2 - x1);
    let ratio = log_quotient(x1, [x2, Double::default() - gap], log_x2);
    let step = 0.125 * libm::sqrt(x1.high * first.exact[1].high);
    let (mut total, mut mean, mut excess) = (0.0, 0.0, 0.0);
    for i in -128..=128 {
        let d = step * f64::from(i);
        let k = x1 + d;
        let [rest1, rest2] = [n1, n2].map(|n| Double::from(n) - k);
        let failures =
            rest2 * log_quotient(rest2, [y2, gap + -d], log_y2) - rest1 * log_quotient(rest1, [y1, Double::from(-d)], 0.0);
        let half = ln_1p(k.times(more).divided_by(rest1.times(n2))).times(0.5);
        let remainders = binet_difference(n1, n2, -more) - binet_difference(rest1.high, rest2.high, -more);
        let log = (k * ratio + failures + half + remainders).to_f64();
        let from_mean = [(k, x1, d), (rest1, y1, -d)].map(|(part, mean, d)| {
            let (part, mean) = (part.high, mean.high);
            kl_term(part, mean, -d) + 0.5 * libm::log1p(d / mean) + binet_difference(part, mean, d)
        });
        let weight = libm::exp(-from_mean[0] - from_mean[1]);
        total += weight;
        mean += weight * log;
        excess += weight * exp_excess(-log);
    }
    if mean > 0.05 * total { mean / total } else { excess / total }
}

/// ln(a/b), given b and a - b, and ln b for one below the floats.
fn log_quotient(a: Double, [b, difference]: [Double; 2], log_b: f64) -> Double {
    if b.high < 1e-270 {
        return Double::from(libm::log(a.high) - log_b);
    }
    let u = difference.divided_by(b);
    if libm::fabs(u.high) < 0.4 { ln_1p(u) } else { ln(a.divided_by(b)) }
}

/// Up to how many failures, with which probability at most, the entropy of a negative binomial distribution is the following.
pub(super) const FEW_FAILURES: f64 = 10.0;
pub(super) const SMALL: f64 = 1e-4;
/// From here on the numbers of successes are floats.
const LEAST: f64 = 1e-290;

/// The entropy of a negative binomial distribution of few failures of a small probability, given ln of the probability of x successes, also
/// between integers. Error 1e-14; NaN for a probability of failure below 1e-290.
///
/// The first terms one by one, and the others by the formula of Euler and Maclaurin: in ln x, the probability has the scale 1. The third
/// derivative where they begin is 1e-11 of the term.
pub(super) fn negative_binomial_entropy(failure: f64, log_prob: impl Fn(f64) -> f64) -> f64 {
    const FIRST: f64 = 4096.0;
    const PANEL: f64 = 0.125;
    /// Nodes and weights of the rule of Gauss and Legendre with 8 points.
    const RULE: [[f64; 2]; 4] = [
        [0.183_434_642_495_649_8, 0.362_683_783_378_362],
        [0.525_532_409_916_329, 0.313_706_645_877_887_3],
        [0.796_666_477_413_626_7, 0.222_381_034_453_374_48],
        [0.960_289_856_497_536_2, 0.101_228_536_290_376_26],
    ];
    if failure < LEAST {
        return f64::NAN;
    }
    let term = |x: f64| {
        let log = log_prob(x);
        if log == f64::NEG_INFINITY { 0.0 } else { -libm::exp(log) * log }
    };
    let mut sum = 0.5 * term(FIRST) - (term(FIRST + 1.0) - term(FIRST - 1.0)) / 24.0;
    let mut k = FIRST;
    while k > 0.0 {
        k -= 1.0;
        sum += term(k);
    }
    let (start, mut middle) = (libm::log(FIRST), 0.5 * PANEL);
    let end = libm::log(200.0) - libm::log(failure) - start;
    let mut integral = 0.0;
    while middle < end {
        for [node, weight] in RULE {
            for at in [middle - 0.5 * PANEL * node, middle + 0.5 * PANEL * node] {
                let x = FIRST * libm::exp(at);
                integral += weight * x * term(x);
            }
        }
        middle += PANEL;
    }
    sum + 0.5 * PANEL * integral
}
