//! Densities of parts of a whole, binomial and beta and their relatives, without a difference of large logarithms.
//!
//! A part a of s has the factor (s x)^a / Γ(a) with a share x, and the whole Γ(s) / s^s. By Stirling's formula powers cancel on paper: with
//! d = s x - a, which has to be exact, a ln(s x/a) is d less a ln(a/(s x)) - a + s x. The d of all parts add up to nothing.
//!
//! C. Loader, "Fast and accurate computation of binomial probabilities" (2000).

use crate::double::Double;

use super::special::{HALF_LN_2_PI, STIRLING_FROM, kl_term, ln_gamma, product, stirling};

/// From here on a whole has a part to which Stirling's formula applies, if it has two.
pub(super) const WHOLE: f64 = 2.0 * STIRLING_FROM;

/// Two shares that add up to 1, and their logarithms, which the floats hold where they do not hold the shares.
pub(super) struct Shares {
    pub(super) exact: [Double; 2],
    pub(super) logs: [f64; 2],
}

/// What a share says that a part is, s x, and its logarithm.
#[derive(Clone, Copy)]
struct Mean {
    value: f64,
    log: f64,
}

impl Mean {
    fn new(s: f64, share: f64, log_share: f64) -> Self {
        let value = s * share;
        Self { value, log: if share < 1e-290 { libm::log(s) + log_share } else { libm::log(value) } }
    }

    /// a ln(a/(s x)) - a + s x.
    fn excess(self, a: f64, d: f64) -> f64 {
        if self.value < 1e-270 { d - a * (self.log - libm::log(a)) } else { kl_term(a, self.value, d) }
    }
}

/// ln of (s x)^(a - 1) e^-a / Γ(a), times e^-d for a large part.
fn density(a: f64, mean: Mean, d: f64) -> f64 {
    if a < STIRLING_FROM {
        return product(a - 1.0, mean.log) - ln_gamma(a) - a;
    }
    0.5 * libm::log(a) - HALF_LN_2_PI - stirling(a) - mean.excess(a, d) - mean.log
}

/// ln of (s x)^k e^-k / k!, times e^-d for a large part.
fn count(k: f64, mean: Mean, d: f64) -> f64 {
    if k < STIRLING_FROM {
        return k * mean.log - ln_gamma(k + 1.0) - k;
    }
    -0.5 * libm::log(k) - HALF_LN_2_PI - stirling(k) - mean.excess(k, d)
}

/// ln of Γ(s) e^s / s^s.
fn whole(s: f64) -> f64 {
    HALF_LN_2_PI + stirling(s) - 0.5 * libm::log(s)
}

/// The exponents d that two parts have left out: those of large ones, which are opposite.
fn left_out([a, b]: [f64; 2], d: f64) -> f64 {
    match [a, b].map(|part| part >= STIRLING_FROM) {
        [true, false] => d,
        [false, true] => -d,
        _ => 0.0,
    }
}

/// d = s x - a = x b - y a of two parts, and their means.
fn compare([a, b]: [f64; 2], shares: &Shares) -> (f64, [Mean; 2]) {
    let [x, y] = shares.exact;
    let d = (x.times(b) - y.times(a)).to_f64();
    let d = if d.is_finite() { d } else { x.high * b - y.high * a };
    (d, [0, 1].map(|i| Mean::new(a + b, shares.exact[i].high, shares.logs[i])))
}

/// Two counts of a whole of at least [`WHOLE`]: the binomial probability.
pub(super) fn of_counts(parts: [f64; 2], shares: &Shares) -> f64 {
    let ([a, b], s) = (parts, parts[0] + parts[1]);
    let (d, [first, second]) = compare(parts, shares);
    count(a, first, d) + count(b, second, -d) + left_out(parts, d) + (whole(s) + libm::log(s))
}

/// A count, and a number of failures of which the last ends it: the negative binomial probability.
pub(super) fn of_count_and_end(parts: [f64; 2], shares: &Shares) -> f64 {
    let ([a, b], s) = (parts, parts[0] + parts[1]);
    let (d, [first, second]) = compare(parts, shares);
    count(a, first, d) + (density(b, second, -d) + second.log) + left_out(parts, d) + whole(s)
}

/// Two concentrations: the beta density at a share.
pub(super) fn of_concentrations(parts: [f64; 2], shares: &Shares) -> f64 {
    let ([a, b], s) = (parts, parts[0] + parts[1]);
    let (d, [first, second]) = compare(parts, shares);
    density(a, first, d) + density(b, second, -d) + left_out(parts, d) + (whole(s) + 2.0 * libm::log(s))
}

/// Any number of them, and shares that add up to 1 but for their rounding.
pub(super) fn of_many_concentrations(parts: &[f64], shares: &[f64]) -> f64 {
    let s = parts.iter().fold(Double::default(), |sum, &a| sum + a);
    let (mut sum, mut deviations) = (0.0, Double::default());
    for (&a, &x) in parts.iter().zip(shares) {
        let d = s.times(x) + -a;
        sum += density(a, Mean::new(s.high, x, libm::log(x)), d.to_f64()) + libm::log(s.high);
        if a >= STIRLING_FROM {
            deviations = deviations + d;
        }
    }
    sum + deviations.to_f64() + whole(s.high)
}
