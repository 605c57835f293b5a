//! Families of a location and a scale, and their images under exp and |x|: normal, log-normal, half-normal, Laplace, Cauchy,
//! Gumbel, Weibull, Pareto, exponential and uniform.
//!
//! A divergence is a sum of non-negative terms of the exact differences of the parameters, so it keeps its digits near equality.

use core::f64::consts::{LN_2, PI};

use super::special::{
    EULER, HALF_LN_2_PI, bregman_of_ln_gamma, digamma, exp_excess, exp_of_quotient, exponential_integral,
    exponential_integral_rest, fma, folded_normal_mean, log_ratio, log1p_excess, product, ratio_excess, reciprocal_low,
    square_ratio_excess,
};

pub(super) mod normal {
    use super::{HALF_LN_2_PI, folded_normal_mean, square_ratio_excess};

    pub(in super::super) fn log_prob(x: f64, m: f64, s: f64) -> f64 {
        let z = (x - m) / s;
        -0.5 * z * z - libm::log(s) - HALF_LN_2_PI
    }

    pub(in super::super) fn entropy(_: f64, s: f64) -> f64 {
        0.5 + HALF_LN_2_PI + libm::log(s)
    }

    /// [(Δm/s₂)² + g(s₁²/s₂² - 1)] / 2.
    pub(in super::super) fn kl(m1: f64, s1: f64, m2: f64, s2: f64) -> f64 {
        let z = (m1 - m2) / s2;
        0.5 * (z * z + square_ratio_excess(s1, s2, s1 - s2))
    }

    pub(in super::super) fn wasserstein_1(m1: f64, s1: f64, m2: f64, s2: f64) -> f64 {
        folded_normal_mean(m1 - m2, libm::fabs(s1 - s2))
    }

    pub(in super::super) fn wasserstein_2(m1: f64, s1: f64, m2: f64, s2: f64) -> f64 {
        libm::hypot(m1 - m2, s1 - s2)
    }
}

pub(super) mod log_normal {
    use super::normal;

    pub(in super::super) fn log_prob(x: f64, m: f64, s: f64) -> f64 {
        if x <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let log = libm::log(x);
        normal::log_prob(log, m, s) - log
    }

    pub(in super::super) fn entropy(m: f64, s: f64) -> f64 {
        m + normal::entropy(m, s)
    }

    pub(in super::super) fn mean(m: f64, s: f64) -> f64 {
        libm::exp(m + 0.5 * s * s)
    }

    pub(in super::super) fn variance(m: f64, s: f64) -> f64 {
        if s > 10.0 {
            // sqrt(1 - e^-s²) rounds to 1.
            let deviation = libm::exp(m + s * s);
            return deviation * deviation;
        }
        let relative = if s < 1e-8 { s } else { libm::sqrt(libm::expm1(s * s)) };
        let deviation = relative * mean(m, s);
        deviation * deviation
    }
}

pub(super) mod half_normal {
    use super::{HALF_LN_2_PI, LN_2, PI, square_ratio_excess};

    pub(in super::super) fn log_prob(x: f64, s: f64) -> f64 {
        let z = x / s;
        if x < 0.0 { f64::NEG_INFINITY } else { LN_2 - HALF_LN_2_PI - libm::log(s) - 0.5 * z * z }
    }

    pub(in super::super) fn entropy(s: f64) -> f64 {
        0.5 + HALF_LN_2_PI - LN_2 + libm::log(s)
    }

    pub(in super::super) fn mean(s: f64) -> f64 {
        s * libm::sqrt(2.0 / PI)
    }

    pub(in super::super) fn variance(s: f64) -> f64 {
        s * s * (1.0 - 2.0 / PI)
    }

    pub(in super::super) fn kl(s1: f64, s2: f64) -> f64 {
        0.5 * square_ratio_excess(s1, s2, s1 - s2)
    }
}

pub(super) mod laplace {
    use super::{LN_2, exp_excess, ratio_excess};

    pub(in super::super) fn log_prob(x: f64, m: f64, b: f64) -> f64 {
        -libm::fabs(x - m) / b - libm::log(b) - LN_2
    }

    pub(in super::super) fn entropy(_: f64, b: f64) -> f64 {
        1.0 + LN_2 + libm::log(b)
    }

    /// g(b₁/b₂ - 1) + (b₁/b₂) E(-|Δm|/b₁), with E(x) = e^x - 1 - x.
    pub(in super::super) fn kl(m1: f64, b1: f64, m2: f64, b2: f64) -> f64 {
        let distance = libm::fabs(m1 - m2);
        let y = distance / b1;
        let shift = if y > 50.0 { distance / b2 - b1 / b2 } else { b1 / b2 * exp_excess(-y) };
        ratio_excess(b1, b2, b1 - b2) + shift
    }

    pub(in super::super) fn wasserstein_1(m1: f64, b1: f64, m2: f64, b2: f64) -> f64 {
        let (m, b) = (libm::fabs(m1 - m2), libm::fabs(b1 - b2));
        if b == 0.0 { m } else { m + b * libm::exp(-m / b) }
    }

    pub(in super::super) fn wasserstein_2(m1: f64, b1: f64, m2: f64, b2: f64) -> f64 {
        libm::hypot(m1 - m2, core::f64::consts::SQRT_2 * (b1 - b2))
    }
}

pub(super) mod cauchy {
    use super::PI;

    pub(in super::super) fn log_prob(x: f64, m: f64, g: f64) -> f64 {
        let z = libm::fabs(x - m) / g;
        // z² overflows long before its logarithm does.
        let log = if z > 1e150 { 2.0 * libm::log(z) } else { libm::log1p(z * z) };
        -libm::log(PI) - libm::log(g) - log
    }

    pub(in super::super) fn entropy(_: f64, g: f64) -> f64 {
        libm::log(4.0 * PI) + libm::log(g)
    }

    /// ln(1 + (Δg² + Δm²) / (4 g₁ g₂)).
    ///
    /// F. Chyzak and F. Nielsen, "A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions",
    /// arXiv:1905.10965 (2019).
    pub(in super::super) fn kl(m1: f64, g1: f64, m2: f64, g2: f64) -> f64 {
        let (m, g) = (0.5 * m1 - 0.5 * m2, 0.5 * g1 - 0.5 * g2);
        let excess = (g / g1) * (g / g2) + (m / g1) * (m / g2);
        if excess < 1e300 {
            return libm::log1p(excess);
        }
        2.0 * libm::log(libm::hypot(m, g)) - libm::log(g1) - libm::log(g2)
    }

    pub(in super::super) fn wasserstein(m1: f64, g1: f64, m2: f64, g2: f64) -> f64 {
        if g1 == g2 {
            libm::fabs(m1 - m2)
        } else if (g1 - g2).is_nan() {
            f64::NAN
        } else {
            f64::INFINITY
        }
    }
}

/// With u = r - 1 and x = B(1 + r) + (1 - γ) u - δ, B being the Bregman divergence of lnΓ from 2, the divergence of two Gumbel
/// distributions is E(x) + B(1 + r) + g(u): r is the ratio of the scales, δ the difference of the locations in units of the second.
fn of_extremes(r: [f64; 2], u: f64, delta: f64, power: f64) -> f64 {
    let bregman = bregman_of_ln_gamma(2.0 + u, 2.0, u);
    let x = bregman + (1.0 - EULER) * u - delta;
    let rest = bregman + if u > -0.5 { log1p_excess(u) } else { u - libm::log(r[0]) };
    if libm::fabs(x) <= 1.0 {
        return exp_excess(x) + rest;
    }
    // e^x = Γ(1 + r) e^-δ, without the rounding of a large exponent.
    let t = 1.0 + r[0];
    let low = (r[0] - (t - 1.0)) + r[1];
    let gamma = libm::tgamma(t) * (1.0 + digamma(t) * low);
    let direct = gamma * power;
    let raised = if t < 171.0 && direct.is_normal() { direct } else { libm::exp(x) };
    (raised - 1.0 - x) + rest
}

pub(super) mod gumbel {
    use super::{EULER, PI, exp_of_quotient, exponential_integral, exponential_integral_rest, fma};

    pub(in super::super) fn log_prob(x: f64, m: f64, b: f64) -> f64 {
        let z = (x - m) / b;
        if z == f64::INFINITY { f64::NEG_INFINITY } else { -(z + libm::exp(-z)) - libm::log(b) }
    }

    pub(in super::super) fn entropy(_: f64, b: f64) -> f64 {
        libm::log(b) + EULER + 1.0
    }

    pub(in super::super) fn mean(m: f64, b: f64) -> f64 {
        m + EULER * b
    }

    pub(in super::super) fn variance(_: f64, b: f64) -> f64 {
        let deviation = PI * b;
        deviation * deviation / 6.0
    }

    pub(in super::super) fn kl(m1: f64, b1: f64, m2: f64, b2: f64) -> f64 {
        let ratio = b1 / b2;
        let ratio_low = fma(-ratio, b2, b1) / b2;
        let m = m1 - m2;
        let back = m1 - m;
        let m_low = (m1 - (m + back)) + (back - m2);
        let power = exp_of_quotient(-m, b2) * (1.0 - m_low / b2);
        super::of_extremes([ratio, ratio_low], (b1 - b2) / b2, m / b2, power)
    }

    /// |Δb| E|Z - z| with z = -Δm/Δb and a standard Z: |Δb| (γ - z + 2 E₁(e^-z)), as P(Z < z) = exp(-e^-z).
    pub(in super::super) fn wasserstein_1(m1: f64, b1: f64, m2: f64, b2: f64) -> f64 {
        let (m, b) = (m1 - m2, b1 - b2);
        let z = -m / b;
        if b == 0.0 || z == f64::NEG_INFINITY || z == f64::INFINITY {
            return libm::fabs(m);
        }
        let power = libm::exp(-z);
        if power <= 1.0 {
            // E₁(x) = -γ - ln x + (x - x²/4 + …).
            return libm::fabs(b) * (z - EULER + 2.0 * exponential_integral_rest(power));
        }
        libm::fabs(b) * (EULER - z + 2.0 * exponential_integral(power))
    }

    pub(in super::super) fn wasserstein_2(m1: f64, b1: f64, m2: f64, b2: f64) -> f64 {
        let b = b1 - b2;
        libm::hypot((m1 - m2) + EULER * b, PI * b / libm::sqrt(6.0))
    }
}

pub(super) mod weibull {
    use super::{EULER, bregman_of_ln_gamma, fma, log_ratio};

    pub(in super::super) fn log_prob(x: f64, scale: f64, k: f64) -> f64 {
        if x < 0.0 || x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        let log = log_ratio(x, scale, x - scale);
        let power = if x == 0.0 && k == 1.0 { 0.0 } else { (k - 1.0) * log };
        libm::log(k) - libm::log(scale) + power - libm::pow(x / scale, k)
    }

    pub(in super::super) fn entropy(scale: f64, k: f64) -> f64 {
        EULER * (1.0 - 1.0 / k) + libm::log(scale) - libm::log(k) + 1.0
    }

    pub(in super::super) fn mean(scale: f64, k: f64) -> f64 {
        scale * libm::tgamma(1.0 + 1.0 / k)
    }

    /// mean² (Γ(1 + 2/k) Γ(1)/Γ(1 + 1/k)² - 1), its logarithm as a sum of Bregman divergences.
    pub(in super::super) fn variance(scale: f64, k: f64) -> f64 {
        let step = 1.0 / k;
        let middle = 1.0 + step;
        let log = bregman_of_ln_gamma(1.0 + 2.0 * step, middle, step) + bregman_of_ln_gamma(1.0, middle, -step);
        let mean = mean(scale, k);
        let deviation = mean * libm::sqrt(libm::expm1(log));
        // Beyond the floats, as Γ(1 + 2/k) is.
        if deviation.is_nan() && !(scale + k).is_nan() { f64::INFINITY } else { deviation * deviation }
    }

    /// -ln X is Gumbel with the location -ln(scale) and the scale 1/k.
    pub(in super::super) fn kl(scale1: f64, k1: f64, scale2: f64, k2: f64) -> f64 {
        let base = scale1 / scale2;
        let base_low = fma(-base, scale2, scale1) / scale1;
        of_ratio([base, base_low], log_ratio(scale1, scale2, scale1 - scale2), [k1, k2])
    }

    /// Given the ratio of the scales, what that lacks relative to it, and its logarithm.
    fn of_ratio([base, base_low]: [f64; 2], log: f64, [k1, k2]: [f64; 2]) -> f64 {
        let ratio = k2 / k1;
        let ratio_low = fma(-ratio, k1, k2) / k1;
        let power = libm::pow(base, k2) * (1.0 + k2 * base_low);
        super::of_extremes([ratio, ratio_low], (k2 - k1) / k1, -k2 * log, power)
    }

    /// A product, what that lacks relative to it, and its logarithm.
    fn product(scale: f64, rate: f64, low: f64) -> ([f64; 2], f64) {
        let product = scale * rate;
        let lacking = fma(scale, rate, -product) + scale * low;
        ([product, lacking / product], log_ratio(product, 1.0, (product - 1.0) + lacking))
    }

    /// From an exponential distribution, of which k is 1 and the scale is the inverse of the rate.
    pub(in super::super) fn from_exponential(rate: f64, low: f64, scale: f64, k: f64) -> f64 {
        let ([product, lacking], log) = product(scale, rate, low);
        let base = 1.0 / product;
        of_ratio([base, fma(-base, product, 1.0) - lacking], -log, [1.0, k])
    }

    pub(in super::super) fn to_exponential(scale: f64, k: f64, rate: f64, low: f64) -> f64 {
        let (product, log) = product(scale, rate, low);
        of_ratio(product, log, [k, 1.0])
    }
}

pub(super) mod exponential {
    use super::{ratio_excess, reciprocal_low};

    pub(in super::super) fn log_prob(x: f64, rate: f64, _: f64) -> f64 {
        if x < 0.0 { f64::NEG_INFINITY } else { libm::log(rate) - rate * x }
    }

    pub(in super::super) fn entropy(rate: f64, _: f64) -> f64 {
        1.0 - libm::log(rate)
    }

    /// g(rate₂/rate₁ - 1). The lower halves are what the rates lack of the inverse of a scale.
    pub(in super::super) fn kl(rate1: f64, low1: f64, rate2: f64, low2: f64) -> f64 {
        ratio_excess(rate2, rate1, (rate2 - rate1) + (low2 - low1))
    }

    /// 1/rate₁ - 1/rate₂ of rates with lower halves.
    fn difference(rate1: f64, low1: f64, rate2: f64, low2: f64) -> f64 {
        libm::fabs((rate2 - rate1) + (low2 - low1)) / rate1 / rate2
    }

    pub(in super::super) fn wasserstein_1(rate1: f64, low1: f64, rate2: f64, low2: f64) -> f64 {
        difference(rate1, low1, rate2, low2)
    }

    pub(in super::super) fn wasserstein_2(rate1: f64, low1: f64, rate2: f64, low2: f64) -> f64 {
        core::f64::consts::SQRT_2 * difference(rate1, low1, rate2, low2)
    }

    pub(in super::super) fn rate_low(scale: f64) -> f64 {
        reciprocal_low(scale)
    }
}

pub(super) mod pareto {
    use super::{log_ratio, product, ratio_excess};

    pub(in super::super) fn log_prob(x: f64, scale: f64, a: f64) -> f64 {
        if x < scale {
            return f64::NEG_INFINITY;
        }
        libm::log(a) - libm::log(x) - a * log_ratio(x, scale, x - scale)
    }

    pub(in super::super) fn entropy(scale: f64, a: f64) -> f64 {
        libm::log(scale) - libm::log(a) + 1.0 + 1.0 / a
    }

    pub(in super::super) fn mean(scale: f64, a: f64) -> f64 {
        if a <= 1.0 { f64::INFINITY } else { scale * (a / (a - 1.0)) }
    }

    pub(in super::super) fn variance(scale: f64, a: f64) -> f64 {
        let mean = scale / (a - 1.0);
        if a <= 2.0 { f64::INFINITY } else { mean * mean * (a / (a - 2.0)) }
    }

    /// g(a₂/a₁ - 1) + a₂ ln(scale₁/scale₂); +inf for scale₁ < scale₂.
    pub(in super::super) fn kl(scale1: f64, a1: f64, scale2: f64, a2: f64) -> f64 {
        if scale1 < scale2 {
            return f64::INFINITY;
        }
        ratio_excess(a2, a1, a2 - a1) + product(a2, log_ratio(scale1, scale2, scale1 - scale2))
    }
}

pub(super) mod uniform {
    pub(in super::super) fn log_prob(x: f64, low: f64, high: f64) -> f64 {
        if x < low || x > high { f64::NEG_INFINITY } else { -libm::log(high - low) }
    }

    pub(in super::super) fn entropy(low: f64, high: f64) -> f64 {
        libm::log(high - low)
    }

    pub(in super::super) fn mean(low: f64, high: f64) -> f64 {
        0.5 * low + 0.5 * high
    }

    pub(in super::super) fn variance(low: f64, high: f64) -> f64 {
        let length = high - low;
        length * length / 12.0
    }

    /// ln of the ratio of the lengths; +inf unless the first lies within the second.
    pub(in super::super) fn kl(low1: f64, high1: f64, low2: f64, high2: f64) -> f64 {
        if low1 < low2 || high1 > high2 {
            return f64::INFINITY;
        }
        let length = high1 - low1;
        super::log_ratio(high2 - low2, length, (low1 - low2) + (high2 - high1))
    }

    /// -ln of ∫ p^α q^(1-α), over 1 - α; +inf without overlap.
    pub(in super::super) fn renyi(low1: f64, high1: f64, low2: f64, high2: f64, alpha: f64) -> f64 {
        if alpha > 1.0 {
            return kl(low1, high1, low2, high2);
        }
        let (low, high) = (low1.max(low2), high1.min(high2));
        if (low1 + high1 + low2 + high2).is_nan() {
            return f64::NAN;
        }
        if low >= high {
            return f64::INFINITY;
        }
        let first = super::log_ratio(high1 - low1, high - low, (low - low1) + (high1 - high));
        let second = super::log_ratio(high2 - low2, high - low, (low - low2) + (high2 - high));
        alpha / (1.0 - alpha) * first + second
    }

    /// ∫ |a + u (b - a)| du, a and b being the differences of the ends.
    pub(in super::super) fn wasserstein_1(low1: f64, high1: f64, low2: f64, high2: f64) -> f64 {
        let (a, b) = (low1 - low2, high1 - high2);
        let sum = libm::fabs(a) + libm::fabs(b);
        if a * b >= 0.0 { 0.5 * sum } else { 0.5 * (a / sum * a + b / sum * b) }
    }

    pub(in super::super) fn wasserstein_2(low1: f64, high1: f64, low2: f64, high2: f64) -> f64 {
        let (a, b) = (low1 - low2, high1 - high2);
        libm::hypot(0.5 * (a + b), (b - a) / libm::sqrt(12.0))
    }
}

pub(super) mod one_sided {
    use super::PI;

    /// Distances between half-normal distributions, in which a quantile is a multiple of the scale.
    pub(in super::super) fn half_normal_wasserstein_1(s1: f64, s2: f64) -> f64 {
        libm::fabs(s1 - s2) * libm::sqrt(2.0 / PI)
    }

    pub(in super::super) fn half_normal_wasserstein_2(s1: f64, s2: f64) -> f64 {
        libm::fabs(s1 - s2)
    }
}
