//! The von Mises distribution, by sums over a grid.
//!
//! For v = 1 - cos θ the mean of f(v) e^(-κv) over a full turn is that over n equidistant angles, up to the Fourier coefficients
//! beyond n: none of the functions here have any of a size that f64 could see for n >= max(64, 2π√κ/0.6) (half of the angles, by symmetry).
//! Every term is positive, so nothing cancels, for any κ.
//!
//! L. N. Trefethen and J. A. C. Weideman, "The exponentially convergent trapezoidal rule", SIAM Rev. 56 (2014).

use core::f64::consts::PI;

use super::special::exp_excess;
use crate::lanes::two_sum;

/// Calls `each` with the weights of the angles and their v, and returns what the sum of all weights is.
///
/// The grid is fine enough for concentrations up to `most`, and ends where that of `least` has no more mass.
fn over_grid(least: f64, most: f64, mut each: impl FnMut(f64, f64)) -> f64 {
    let half_turn = libm::ceil(PI * libm::sqrt(most) / 0.6).max(48.0);
    let mut k = 0.0;
    while k <= half_turn {
        let sine = libm::sin(0.5 * PI * (k / half_turn));
        let v = 2.0 * sine * sine;
        if least * v > 45.0 {
            break;
        }
        let ends = k == 0.0 || k == half_turn;
        each(if ends { 0.5 } else { 1.0 }, v);
        k += 1.0;
    }
    half_turn
}

/// e^-κ I₀(κ), and the mean of 1 - cos θ.
fn moments(kappa: f64) -> [f64; 2] {
    let (mut mass, mut first) = (0.0, 0.0);
    let all = over_grid(kappa, kappa, |weight, v| {
        let power = weight * libm::exp(-kappa * v);
        mass += power;
        first += power * v;
    });
    [mass / all, first / mass]
}

/// I₁(κ)/I₀(κ), the mean of cos θ: 1 less that of 1 - cos θ, for small κ by the power series.
fn mean_cosine(kappa: f64, first: f64) -> f64 {
    if kappa > 2.0 {
        return 1.0 - first;
    }
    let square = 0.25 * kappa * kappa;
    let (mut term, mut zeroth, mut next) = (1.0, 1.0, 1.0);
    for k in 1..=14 {
        let k = f64::from(k);
        term *= square / (k * k);
        zeroth += term;
        next += term / (k + 1.0);
    }
    0.5 * kappa * next / zeroth
}

/// sin((x - y)/2), with all its digits also where the angles are whole turns apart: the difference may be rounded by more than is left
/// of it then.
fn half_sine(x: f64, y: f64) -> f64 {
    let (difference, lost) = two_sum(x, -y);
    let half = 0.5 * difference;
    libm::sin(half) + libm::cos(half) * (0.5 * lost)
}

pub(super) fn log_prob(x: f64, mean: f64, kappa: f64) -> f64 {
    if !kappa.is_finite() {
        return f64::NAN;
    }
    let [mass, _] = moments(kappa);
    let sine = half_sine(x, mean);
    -2.0 * kappa * sine * sine - libm::log(2.0 * PI * mass)
}

pub(super) fn entropy(kappa: f64) -> f64 {
    if !kappa.is_finite() {
        return f64::NAN;
    }
    let [mass, first] = moments(kappa);
    libm::log(2.0 * PI * mass) + kappa * first
}

/// The circular variance 1 - I₁(κ)/I₀(κ).
pub(super) fn circular_variance(kappa: f64) -> f64 {
    if kappa.is_finite() { moments(kappa)[1] } else { f64::NAN }
}

/// Bregman divergence of ln I₀ from κ₁ to κ₂, and A(κ₁) κ₂ (1 - cos Δμ).
///
/// The Bregman divergence is ln of the mean of e^(-Δκ (v - E v)) under κ₁: where κ₁ and κ₂ are close, ln(1 + the mean of E(…)) with
/// E(x) = e^x - 1 - x.
pub(super) fn kl(mean1: f64, kappa1: f64, mean2: f64, kappa2: f64) -> f64 {
    if !(kappa1.is_finite() && kappa2.is_finite()) {
        return f64::NAN;
    }
    let difference = kappa2 - kappa1;
    let [mass, first] = moments(kappa1);
    let bregman = if libm::fabs(difference) <= 0.5 * kappa1.max(kappa2).max(2.0) {
        let mut sum = 0.0;
        let all = over_grid(kappa1.min(kappa2), kappa1.max(kappa2), |weight, v| {
            sum += weight * libm::exp(-kappa1 * v) * exp_excess(-difference * (v - first));
        });
        libm::log1p(sum / all / mass)
    } else {
        libm::log(moments(kappa2)[0] / mass) + difference * first
    };
    let sine = half_sine(mean1, mean2);
    bregman + mean_cosine(kappa1, first) * kappa2 * (2.0 * sine * sine)
}
