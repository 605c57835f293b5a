//! Special functions, and differences of functions that do not cancel.
//!
//! Valid for finite f64 unless a function says otherwise; NaN in gives NaN out. Errors are relative, measured against mpmath with
//! 60 digits by `tests/test_distributions.py`. Only `libm` is called: its bits are the same on every platform.

use core::f64::consts::PI;

/// Euler's constant.
pub(super) const EULER: f64 = 0.577_215_664_901_532_9;
/// ln(2π)/2.
pub(super) const HALF_LN_2_PI: f64 = 0.918_938_533_204_672_8;

/// From here on Stirling's series has the precision of f64.
pub(super) const STIRLING_FROM: f64 = 12.0;

/// Coefficients B(2k) / (2k (2k - 1)) of Stirling's series, for the powers 1, 3, 5, … of 1/x: numerators and denominators.
pub(super) const STIRLING_RATIOS: [[f64; 2]; 10] = [
    [1.0, 12.0],
    [-1.0, 360.0],
    [1.0, 1260.0],
    [-1.0, 1680.0],
    [1.0, 1188.0],
    [-691.0, 360_360.0],
    [1.0, 156.0],
    [-3617.0, 122_400.0],
    [43_867.0, 244_188.0],
    [-174_611.0, 125_400.0],
];

/// The same as floats.
const STIRLING: [f64; 10] = {
    let mut floats = [0.0; 10];
    let mut k = 0;
    while k < floats.len() {
        let [over, under] = STIRLING_RATIOS[k];
        floats[k] = over / under;
        k += 1;
    }
    floats
};

/// a b + c with one rounding.
pub(super) fn fma(a: f64, b: f64, c: f64) -> f64 {
    libm::fma(a, b, c)
}

/// a b - c d with an error of at most 1.5 units in the last place (Kahan; Jeannerod, Louvet and Muller, Math. Comp. 82, 2013).
pub(super) fn difference_of_products(a: f64, b: f64, c: f64, d: f64) -> f64 {
    let product = c * d;
    fma(a, b, -product) + fma(-c, d, product)
}

/// What is missing in fl(1/x) of 1/x.
pub(super) fn reciprocal_low(x: f64) -> f64 {
    let low = fma(-(1.0 / x), x, 1.0) / x;
    if low.is_finite() || x.is_nan() { low } else { 0.0 }
}

/// e^(a/b), whose exponent is not rounded.
pub(super) fn exp_of_quotient(a: f64, b: f64) -> f64 {
    let high = a / b;
    let low = fma(-high, b, a) / b;
    let value = libm::exp(high);
    if low.is_finite() { value + value * low } else { value }
}

/// x ln y, 0 for x = 0.
pub(super) fn x_log_y(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * libm::log(y) }
}

/// x ln(1 + y), 0 for x = 0.
pub(super) fn x_log1p_y(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * libm::log1p(y) }
}

/// x y, 0 for x = 0.
pub(super) fn product(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * y }
}

/// ln(a/b) of positive numbers, given d = a - b. Error 4e-16.
pub(super) fn log_ratio(a: f64, b: f64, d: f64) -> f64 {
    let u = d / b;
    if (-0.5..=1.0).contains(&u) {
        return libm::log1p(u);
    }
    let ratio = a / b;
    if ratio.is_normal() { libm::log(ratio) } else { libm::log(a) - libm::log(b) }
}

/// g(u) = u - ln(1 + u) >= 0 for u > -1. Error 5e-16.
///
/// With s = u/(2 + u), ln(1 + u) = 2 artanh(s), and u - 2s = u s: what is left has no difference of equal numbers.
pub(super) fn log1p_excess(u: f64) -> f64 {
    if !(-0.5..=1.0).contains(&u) {
        return u - libm::log1p(u);
    }
    let s = u / (2.0 + u);
    let square = s * s;
    let series = (1..=18).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    s * (u - 2.0 * square * series)
}

/// e^x - 1 - x >= 0. Error 6e-16.
pub(super) fn exp_excess(x: f64) -> f64 {
    if !(-0.5..=0.5).contains(&x) {
        return libm::expm1(x) - x;
    }
    let series = (3..=16).rev().fold(1.0, |sum, k| 1.0 + sum * x / f64::from(k));
    0.5 * x * x * series
}

/// a/b - 1 - ln(a/b) >= 0 of positive numbers, given d = a - b. Error 6e-16.
pub(super) fn ratio_excess(a: f64, b: f64, d: f64) -> f64 {
    let u = d / b;
    if (-0.5..=1.0).contains(&u) { log1p_excess(u) } else { (a / b - 1.0) - log_ratio(a, b, d) }
}

/// a²/b² - 1 - ln(a²/b²) >= 0 of positive numbers, given d = a - b. Error 8e-16.
pub(super) fn square_ratio_excess(a: f64, b: f64, d: f64) -> f64 {
    let u = d / b;
    let of_squares = u * (2.0 + u);
    if (-0.5..=1.0).contains(&of_squares) {
        return log1p_excess(of_squares);
    }
    let ratio = a / b;
    (ratio - 1.0) * (ratio + 1.0) - 2.0 * log_ratio(a, b, d)
}

/// a ln(a/b) - a + b >= 0 of numbers >= 0, given d = b - a: b for a = 0, +inf for b = 0 < a. Error 6e-16.
pub(super) fn kl_term(a: f64, b: f64, d: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a == 0.0 || b == 0.0 {
        return if a == 0.0 { b } else { f64::INFINITY };
    }
    let u = d / a;
    if (-0.5..=1.0).contains(&u) { a * log1p_excess(u) } else { d - a * log_ratio(b, a, d) }
}

/// ln(1 + e^x). Error 4e-16.
pub(super) fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + libm::log1p(libm::exp(-x)) } else { libm::log1p(libm::exp(x)) }
}

/// 1/(1 + e^(-x)). Error 4e-16.
pub(super) fn sigmoid(x: f64) -> f64 {
    if x < 0.0 {
        let power = libm::exp(x);
        power / (1.0 + power)
    } else {
        1.0 / (1.0 + libm::exp(-x))
    }
}

/// ln(p/(1 - p)), infinite at 0 and 1. Error 6e-16.
pub(super) fn logit(p: f64) -> f64 {
    let rest = 1.0 - p;
    if p == 0.0 || rest == 0.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    log_ratio(p, rest, (p - 0.5) * 2.0)
}

/// What Stirling's formula (x - 1/2) ln x - x + ln(2π)/2 lacks of lnΓ(x), for x >= 8.
pub(super) fn stirling(x: f64) -> f64 {
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    STIRLING.iter().rev().fold(0.0, |sum, c| sum * square + c) * inverse
}

/// Its derivative, for x >= 8.
fn stirling_slope(x: f64) -> f64 {
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let powers = (0..STIRLING.len()).map(|k| (2 * k + 1) as f64);
    STIRLING.iter().zip(powers).rev().fold(0.0, |sum, (c, m)| sum * square - c * m) * square
}

/// How many steps of 1 lead to where Stirling's series has the precision of f64.
fn steps_from(x: f64) -> f64 {
    if x < STIRLING_FROM { libm::ceil(STIRLING_FROM - x) } else { 0.0 }
}

/// Binet's function, what Stirling's formula lacks of lnΓ(x), and its derivative, for x > 0. Error 1e-15.
pub(super) fn binet(x: f64) -> [f64; 2] {
    let mut k = steps_from(x);
    let (mut value, mut slope) = (stirling(x + k), stirling_slope(x + k));
    while k > 0.0 {
        k -= 1.0;
        let [step, step_slope] = binet_step(x + k);
        value += step;
        slope += step_slope;
    }
    [value, slope]
}

/// What Binet's function falls by from x to x + 1, (x + 1/2) ln(1 + 1/x) - 1, and its derivative.
///
/// With t = 1/(2x + 1), that is artanh(t)/t - 1 and 2 artanh(t) - 2t/(1 - t²): power series of terms with one sign.
fn binet_step(x: f64) -> [f64; 2] {
    if x < 1.0 {
        let log = log_ratio(x + 1.0, x, 1.0);
        return [(x + 0.5) * log - 1.0, log - 0.5 / x - 0.5 / (x + 1.0)];
    }
    let t = 1.0 / (2.0 * x + 1.0);
    let square = t * t;
    let (mut value, mut slope) = (0.0, 0.0);
    for k in (1..=17).rev() {
        let c = 1.0 / f64::from(2 * k + 1);
        value = (value + c) * square;
        slope = (slope + (1.0 - c)) * square;
    }
    [value, -2.0 * t * slope]
}

/// lnΓ(x) for x > 0.
pub(super) fn ln_gamma(x: f64) -> f64 {
    if x == f64::INFINITY { x } else { libm::lgamma(x) }
}

/// ψ(x) for x > 0. Error 1e-15 of max(1, |ψ|).
///
/// Recurrence up to 12, then the asymptotic series (Abramowitz and Stegun 6.3.5 and 6.3.18).
pub(super) fn digamma(x: f64) -> f64 {
    let (mut at, mut sum) = (x, 0.0);
    while at < STIRLING_FROM {
        sum += 1.0 / at;
        at += 1.0;
    }
    libm::log(at) - 0.5 / at + stirling_slope(at) - sum
}

/// ψ'(x) for x > 0. Error 1e-15.
///
/// Recurrence up to 20, then the asymptotic series (Abramowitz and Stegun 6.4.6 and 6.4.11).
pub(super) fn trigamma(x: f64) -> f64 {
    let (mut at, mut sum) = (x, 0.0);
    while at < 20.0 {
        sum += 1.0 / (at * at);
        at += 1.0;
    }
    let inverse = 1.0 / at;
    let square = inverse * inverse;
    let powers = (0..STIRLING.len()).map(|k| ((2 * k + 1) * (2 * k + 2)) as f64);
    let series = STIRLING.iter().zip(powers).rev().fold(0.0, |total, (c, m)| total * square + c * m);
    sum + inverse + 0.5 * square + series * square * inverse
}

/// ln B(a, b) of positive numbers, without the difference of large logarithms of Γ.
///
/// A. R. DiDonato and A. H. Morris, "Algorithm 708", ACM Trans. Math. Softw. 18 (1992).
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    let sum = a + b;
    if b < STIRLING_FROM {
        return ln_gamma(a) + ln_gamma(b) - ln_gamma(sum);
    }
    let rest = stirling(b) - stirling(sum);
    if a < STIRLING_FROM {
        return ln_gamma(a) - (b - 0.5) * libm::log1p(a / b) - a * libm::log(sum) + a + rest;
    }
    HALF_LN_2_PI - 0.5 * libm::log(b) + (a - 0.5) * libm::log(a / sum) - b * libm::log1p(a / b) + stirling(a) + rest
}

/// Bregman divergence of h(a) = lnΓ(a) - a ln a + a from a to b, given d = b - a: h(b) - h(a) - d h'(a) >= 0. Error 2e-15.
///
/// That of -ln(a)/2 and of Binet's function. That of lnΓ is this plus [`kl_term`]`(b, a, -d)`.
pub(super) fn bregman_of_gamma(b: f64, a: f64, d: f64) -> f64 {
    0.5 * ratio_excess(b, a, d) + bregman_of_binet(b, a, d)
}

/// Bregman divergence of Binet's function from a to b, given d = b - a. Error 2e-15.
///
/// Steps of 1 move both to where Stirling's series is exact. With s = d/(2ab + a + b), a step adds s d/(2a (a + 1)) less a third of that
/// at most, and each term of the series is d² times a polynomial with coefficients of one sign.
pub(super) fn bregman_of_binet(b: f64, a: f64, d: f64) -> f64 {
    let mut k = steps_from(if a <= b { a } else { b });
    let mut sum = stirling_bregman(b + k, a + k, d);
    while k > 0.0 {
        k -= 1.0;
        let (x, y) = (a + k, b + k);
        let [s, excess] = step_between(y, x, d);
        sum += s * (d / x / (2.0 * (x + 1.0))) - (2.0 * y + 1.0) * excess;
    }
    sum
}

/// The derivative of Binet's function at b less that at a, given d = b - a. Error 2e-15.
pub(super) fn binet_slope_difference(b: f64, a: f64, d: f64) -> f64 {
    let mut k = steps_from(if a <= b { a } else { b });
    let (from, to) = (a + k, b + k);
    let mut sum = d / from / to * stirling_slope_series(to, from);
    while k > 0.0 {
        k -= 1.0;
        let (x, y) = (a + k, b + k);
        let [s, excess] = step_between(y, x, d);
        sum += 0.5 * s * (1.0 / x / (x + 1.0) + 1.0 / y / (y + 1.0)) - 2.0 * excess;
    }
    sum
}

/// Binet's function at b less that at a, given d = b - a, without the difference.
pub(super) fn binet_difference(b: f64, a: f64, d: f64) -> f64 {
    if d < 0.0 { bregman_of_binet(b, a, d) + d * binet(a)[1] } else { d * binet(b)[1] - bregman_of_binet(a, b, -d) }
}

/// s = d/(2xy + x + y) and artanh(s) - s, given d = y - x; 2 artanh(s) is ln(1 + 1/x) - ln(1 + 1/y).
fn step_between(y: f64, x: f64, d: f64) -> [f64; 2] {
    let s = if x > y { d / x / (2.0 * y + 1.0 + y / x) } else { d / y / (2.0 * x + 1.0 + x / y) };
    if libm::fabs(s) <= 0.3 {
        let square = s * s;
        let series = (1..=16).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
        return [s, s * square * series];
    }
    let log1p_of_quotient = |over: f64, under: f64| {
        let quotient = over / under;
        if quotient < f64::INFINITY { libm::log1p(quotient) } else { libm::log(over) - libm::log(under) }
    };
    let log = if d > 0.0 { log1p_of_quotient(d / (y + 1.0), x) } else { -log1p_of_quotient(-d / (x + 1.0), y) };
    [s, 0.5 * log - s]
}

/// Bregman divergence of [`stirling`] from `from` to `to`, both at least 12.
fn stirling_bregman(to: f64, from: f64, d: f64) -> f64 {
    let (x, y) = (1.0 / from, 1.0 / to);
    let u = d * x;
    // Σ_j (j + 1) y^(m - j) x^j, j < m, one power m after the other: T(m + 1) = y (T(m) + (m + 1) x^m).
    let (mut series, mut polynomial, mut power) = (0.0, 0.0, 1.0);
    for m in 1..2 * STIRLING.len() {
        polynomial = y * (polynomial + m as f64 * power);
        power *= x;
        if m % 2 == 1 {
            series += STIRLING[m / 2] * polynomial;
        }
    }
    u * u * series
}

/// Bregman divergence of lnΓ from a to b: lnΓ(b) - lnΓ(a) - (b - a) ψ(a) >= 0, given d = b - a.
pub(super) fn bregman_of_ln_gamma(b: f64, a: f64, d: f64) -> f64 {
    bregman_of_gamma(b, a, d) + kl_term(b, a, -d)
}

/// Bregman divergence of lnΓ from a to b, less that of the sums with `rest`, without the difference if the rests are small.
///
/// `first` is [a, b, b - a], and `rest` what is added to each of them. Excesses g(u) and g(v) differ by e v/(1 + v) + g(e/(1 + v)), e = u - v
/// being a quotient of the rests. Of the terms b ln(b/a) - b + a, with w = d₀/a₀ of the sums, the rest of a times g(w), the rest of d times
/// -ln(1 + w), and a term of b and a (1 + w) are left.
pub(super) fn bregman_difference(first: [f64; 3], rest: [f64; 3]) -> f64 {
    let ([a, b, d], [rest_a, rest_b, rest_d]) = (first, rest);
    let (a0, b0, d0) = (a + rest_a, b + rest_b, d + rest_d);
    let steps = steps_from(if a <= b { a } else { b });
    let excesses = |k: f64| {
        let (from, to, from0, to0) = (a + k, b + k, a0 + k, b0 + k);
        // From the differences, unless those are large and cancel: then from the numbers.
        let near = difference_of_products(d0, rest_a, rest_d, from0);
        let is_exact = d0 >= -0.5 * a0 || libm::fabs(near) >= 0.1 * libm::fabs(d0 * rest_a);
        let numerator = if is_exact { near } else { difference_of_products(to, from0, from, to0) };
        let scale = from * to0;
        numerator / from / from0 * (d0 / to0) + ratio_excess(to * from0, scale, numerator)
    };
    let mut sum = 0.0;
    let mut k = 0.0;
    while k < steps {
        sum += excesses(k);
        k += 1.0;
    }
    let (from, to, from0, to0) = (a + steps, b + steps, a0 + steps, b0 + steps);
    let w = d0 / from0;
    let terms = rest_a * ratio_excess(to0, from0, d0) - rest_d * log_ratio(to0, from0, d0);
    let scaled = kl_term(to, from * (to0 / from0), rest_d - w * rest_a);
    let series = stirling_bregman(to, from, d) - stirling_bregman(to0, from0, d0);
    sum + terms + scaled + 0.5 * excesses(steps) + series
}

/// By how much the entropy of Gamma(a) is below that of a normal distribution with its variance: about 1/(3a). Error 1e-15.
///
/// ln(2πe a)/2 - a - lnΓ(a) - (1 - a) ψ(a).
pub(super) fn gamma_negentropy(a: f64) -> f64 {
    let [value, slope] = binet(a);
    0.5 / a - value + (a - 1.0) * slope
}

/// Entropy of Gamma(a) with rate 1: a + lnΓ(a) + (1 - a) ψ(a).
pub(super) fn gamma_entropy(a: f64) -> f64 {
    HALF_LN_2_PI + 0.5 * libm::log(a) + 0.5 - gamma_negentropy(a)
}

/// What the negentropy of Gamma(a) has beyond 1/(3a) + 1/(12a²), and what ψ(a) lacks of ln a - 1/(2a) - 1/(12a²), for a >= 8.
pub(super) fn negentropy_rests(a: f64) -> [f64; 2] {
    let inverse = 1.0 / a;
    let square = inverse * inverse;
    let powers = (1..STIRLING.len()).map(|k| (2 * k + 1) as f64);
    let slope = STIRLING[1..].iter().zip(powers).rev().fold(0.0, |sum, (c, m)| sum * square - c * m) * square * square;
    let value = STIRLING[1..].iter().rev().fold(0.0, |sum, c| sum * square + c) * square * inverse;
    [(a - 1.0) * slope - value, slope]
}

/// ln x - ψ(x), about 1/(2x). Error 1e-15.
pub(super) fn log_minus_digamma(x: f64) -> f64 {
    0.5 / x - binet(x)[1]
}

/// Mean of |X| of a normal distribution with this mean and standard deviation.
pub(super) fn folded_normal_mean(mean: f64, deviation: f64) -> f64 {
    if deviation == 0.0 {
        return libm::fabs(mean);
    }
    let z = mean / deviation;
    deviation * libm::sqrt(2.0 / PI) * libm::exp(-0.5 * z * z) + mean * libm::erf(z * core::f64::consts::FRAC_1_SQRT_2)
}

/// ψ(b) - ψ(a) of positive numbers, given d = b - a, without the difference. Error 2e-15.
pub(super) fn digamma_difference(b: f64, a: f64, d: f64) -> f64 {
    let (mut from, mut to, mut sum) = (a, b, 0.0);
    while from < STIRLING_FROM || to < STIRLING_FROM {
        sum += d / from / to;
        from += 1.0;
        to += 1.0;
    }
    sum + log_ratio(to, from, d) + d / from / to * (0.5 + stirling_slope_series(to, from))
}

/// The difference of [`stirling_slope`] over that of `to` and `from`, times the product of both.
fn stirling_slope_series(to: f64, from: f64) -> f64 {
    let (x, y) = (1.0 / from, 1.0 / to);
    // y^n - x^n = (y - x) Σ_i y^(n - 1 - i) x^i, and y - x = -d x y.
    let (mut series, mut polynomial, mut power) = (0.0, 1.0, 1.0);
    for m in 1..2 * STIRLING.len() {
        power *= x;
        polynomial = polynomial * y + power;
        if m % 2 == 1 {
            series += STIRLING[m / 2] * m as f64 * polynomial;
        }
    }
    series
}

/// E₁(x) + γ + ln x = x - x²/4 + x³/18 - …, for 0 <= x <= 1.
pub(super) fn exponential_integral_rest(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 1..=20 {
        let k = f64::from(k);
        term *= -x / k;
        sum -= term / k;
    }
    sum
}

/// E₁(x) for x >= 1, by its continued fraction (Abramowitz and Stegun 5.1.22), evaluated from the end. Error 1e-15.
pub(super) fn exponential_integral(x: f64) -> f64 {
    let mut fraction = 0.0;
    for k in (1..=120).rev() {
        let k = f64::from(k);
        fraction = k * k / (x + 2.0 * k + 1.0 - fraction);
    }
    libm::exp(-x) / (x + 1.0 - fraction)
}
