//! What is integrated, or summed, where there is no closed form: functions of the two log-densities at one point.
//!
//! Each is centred such that it has one sign, and integrates to the same number if both densities integrate to 1.

use super::special::{exp_excess, log1p_excess};

/// p ln(p/q) - p + q >= 0: q where p = 0, +inf where q = 0 < p.
pub(super) fn kl(log_p: f64, log_q: f64) -> f64 {
    if log_p == f64::NEG_INFINITY {
        return libm::exp(log_q);
    }
    let log = log_p - log_q;
    if libm::fabs(log) <= 1.0 {
        return libm::exp(log_p) * exp_excess(-log);
    }
    let p = libm::exp(log_p);
    if p == 0.0 { libm::exp(log_q) } else { p * (log - 1.0) + libm::exp(log_q) }
}

/// -p ln q.
pub(super) fn cross_entropy(log_p: f64, log_q: f64) -> f64 {
    let p = libm::exp(log_p);
    if p == 0.0 { p } else { -p * log_q }
}

/// [p ln(p/m) + q ln(q/m)] / 2 >= 0 with m = (p + q)/2.
pub(super) fn js(log_p: f64, log_q: f64) -> f64 {
    let (larger, smaller) = if log_p >= log_q { (log_p, log_q) } else { (log_q, log_p) };
    if larger == f64::NEG_INFINITY || larger.is_nan() || smaller.is_nan() {
        return if larger == f64::NEG_INFINITY { 0.0 } else { f64::NAN };
    }
    // m/p - 1 of the larger, and of the smaller: both have the mean m.
    let log = smaller - larger;
    let half = 0.5 * libm::expm1(log);
    let ratio = libm::exp(log);
    let of_smaller = if ratio == 0.0 {
        0.5 // m, since ln(m/p) p vanishes and -p + m is left
    } else if log > -1.0 {
        ratio * log1p_excess(-half / ratio)
    } else {
        ratio * (log - libm::log1p(half)) - half
    };
    0.5 * libm::exp(larger) * (log1p_excess(half) + of_smaller)
}

/// p^α q^(1-α) - α p - (1 - α) q: <= 0 for α from 0 to 1, else >= 0.
pub(super) fn power(log_p: f64, log_q: f64, alpha: f64) -> f64 {
    if log_p == f64::NEG_INFINITY {
        return -(1.0 - alpha) * libm::exp(log_q);
    }
    if log_q == f64::NEG_INFINITY {
        return if alpha > 1.0 { f64::INFINITY } else { -alpha * libm::exp(log_p) };
    }
    // In units of the larger density, with the logarithm x <= 0 of the other.
    let (larger, x, share) = if log_p > log_q { (log_p, log_q - log_p, 1.0 - alpha) } else { (log_q, log_p - log_q, alpha) };
    let raised = share * x;
    if raised > 1.0 {
        return libm::exp(larger + raised) - libm::exp(larger) * (1.0 + share * libm::expm1(x));
    }
    if x < -1.0 {
        return libm::exp(larger) * (libm::expm1(raised) - share * libm::expm1(x));
    }
    libm::exp(larger) * (exp_excess(raised) - share * exp_excess(x))
}
