"""The oracle of `klrs.variational` and `klrs.policies`: each definition, in fractions and mpmath.

Floats are taken for the rational numbers that they are. Sums, differences, squares and variances
are exact; a logarithm or an exponential is computed with as many bits as it takes to keep `BITS` of
the result, whatever cancels. Where a definition is an integral it stands here as the integral too
(`kl_by_integral`, `log_evidence_by_integral`), and the closed form is tested against it.

An estimate is a pair of its value and its standard error: sd / sqrt(n), with n - 1 in the variance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from mpmath import mp, mpf

BITS = 120
"""Correct bits of each number: the bounds that are tested with it are near 2^-45."""

Exact = Fraction | mpf


def fraction(x: Any) -> Fraction:
    """The rational number that a finite float is."""
    return x if isinstance(x, Fraction) else Fraction(float(x))


def real(x: Any) -> mpf:
    """The same for mpmath, rounded to its precision of the moment."""
    if isinstance(x, Fraction):
        return mpf(x.numerator) / mpf(x.denominator)
    return x if isinstance(x, mpf) else mpf(float(x))


@lru_cache(maxsize=1 << 14)
def growth_rest(x: Any) -> mpf:
    """e^x - 1 - x, which starts with x^2 / 2: as many bits more as cancel."""
    x = fraction(x)
    if not x:
        return mpf(0)
    smallness = max(0, x.denominator.bit_length() - x.numerator.bit_length())
    with mp.workprec(BITS + 2 * smallness + 40):
        return mp.exp(real(x)) - 1 - real(x)


@lru_cache(maxsize=1 << 14)
def growth(x: Any) -> mpf:
    """e^x - 1, which starts with x."""
    x = fraction(x)
    smallness = max(0, x.denominator.bit_length() - x.numerator.bit_length())
    with mp.workprec(BITS + smallness + 40):
        return mp.exp(real(x)) - 1


def in_base(nats: mpf, base: float | None) -> mpf:
    """Nats in units of the base."""
    with mp.workprec(BITS):
        return nats if base is None else nats / mp.log(real(base))


# ------------------------------------------------------------------------- KL to a standard normal

# ln N(z; m, s^2) - ln N(z; 0, 1) = -ln s - (z - m)^2 / (2 s^2) + z^2 / 2. Under z ~ N(m, s^2) the
# mean of (z - m)^2 is s^2 and that of z^2 is m^2 + s^2: -ln s - 1/2 + (m^2 + s^2) / 2. With v = ln
# s^2 that is (m^2 + e^v - 1 - v) / 2.


@lru_cache(maxsize=1 << 16)
def kl_of_dimension(mean: float, log_variance: float) -> mpf:
    """KL(N(mean, e^log_variance) ‖ N(0, 1)) in nats; the limit where a number is infinite."""
    if mp.isnan(mean) or mp.isnan(log_variance):
        return mp.nan
    if mp.isinf(mean) or mp.isinf(log_variance):
        return mp.inf
    with mp.workprec(BITS):
        return (real(fraction(mean) ** 2) + growth_rest(log_variance)) / 2


def kl_by_integral(mean: float, log_variance: float) -> mpf:
    """The same as the integral of N ln(N / N(0, 1)), over all that is not below 1e-40 of it."""
    with mp.workdps(40):
        m, v = real(mean), real(log_variance)
        s = mp.exp(v / 2)

        def integrand(z: mpf) -> mpf:
            log_p = -(((z - m) / s) ** 2) / 2 - v / 2 - mp.log(2 * mp.pi) / 2
            log_q = -(z**2) / 2 - mp.log(2 * mp.pi) / 2
            return mp.exp(log_p) * (log_p - log_q)

        return mp.quad(integrand, [m + k * s for k in range(-16, 17, 2)])


def kl_to_standard_normal(
    mean: Iterable[float],
    log_variance: Iterable[float],
    *,
    free_bits: float | None = None,
    base: float | None = None,
) -> mpf:
    """The sum over the dimensions, each of which counts at least free_bits units of the base."""
    dimensions = Counter((float(m), float(v)) for m, v in zip(mean, log_variance, strict=True))
    total = mpf(0)
    with mp.workprec(BITS):
        for (m, v), times in dimensions.items():
            kl = in_base(kl_of_dimension(m, v), base)
            if mp.isnan(kl):
                return mp.nan
            total += times * (kl if free_bits is None else max(kl, real(free_bits)))
    return total


def kl_gradient(
    mean: float, log_variance: float, *, free_bits: float | None = None, base: float | None = None
) -> tuple[mpf, mpf]:
    """The derivatives of one dimension: mean and (e^v - 1) / 2, and 0 where max takes free_bits."""
    if free_bits is not None:
        kl = in_base(kl_of_dimension(float(mean), float(log_variance)), base)
        if kl <= real(free_bits):
            return mpf(0), mpf(0)
    with mp.workprec(BITS):
        return in_base(real(mean), base), in_base(growth(log_variance) / 2, base)


# -------------------------------------------------------------------------------------- estimates


class Estimate(NamedTuple):
    """A mean of draws, and its standard error."""

    value: mpf
    standard_error: mpf


def standard_error(terms: Sequence[Exact]) -> mpf:
    """sqrt(sum (x - mean)^2 / (n - 1) / n), and NaN for one draw."""
    n = len(terms)
    if n == 1:
        return mp.nan
    with mp.workprec(4 * BITS):
        mean = sum(terms) / n
        return mp.sqrt(real(sum((x - mean) ** 2 for x in terms)) / (n - 1) / n)


def mean_of(terms: Sequence[Exact], base: float | None = None) -> Estimate:
    """The mean of terms in nats, and its standard error."""
    with mp.workprec(4 * BITS):
        mean = real(sum(terms)) / len(terms)
    return Estimate(in_base(mean, base), in_base(standard_error(terms), base))


def differences(a: Iterable[float], b: Iterable[float]) -> list[Fraction]:
    """a - b, exactly."""
    return [fraction(x) - fraction(y) for x, y in zip(a, b, strict=True)]


def evidence_lower_bound(
    log_joint: Iterable[float], log_q: Iterable[float], *, base: float | None = None
) -> Estimate:
    """The mean of ln p(x, z) - ln q(z) over draws z of q."""
    return mean_of(differences(log_joint, log_q), base)


def importance_weighted_bound(
    log_joint: Iterable[float], log_q: Iterable[float], *, base: float | None = None
) -> Estimate:
    """ln of the mean of w = p(x, z) / q(z), and sd(w) / sqrt(n) / mean(w).

    A draw with a joint density of 0 has the weight 0.
    """
    # Without a shift: the exponents of mpmath have no limit.
    with mp.workprec(4 * BITS):
        weights = [
            mpf(0) if x == float("-inf") else mp.exp(real(fraction(x) - fraction(y)))
            for x, y in zip(log_joint, log_q, strict=True)
        ]
        mean = mp.fsum(weights) / len(weights)
        if mean == 0:
            return Estimate(-mp.inf, mp.nan)
        return Estimate(in_base(mp.log(mean), base), in_base(standard_error(weights) / mean, base))


# ---------------------------------------------------------------- the KL divergence of two policies


def k1(log_prob_p: Iterable[float], log_prob_q: Iterable[float]) -> list[Exact]:
    """ln(p / q) of each draw from p."""
    return list(differences(log_prob_p, log_prob_q))


def k2(log_prob_p: Iterable[float], log_prob_q: Iterable[float]) -> list[Exact]:
    """ln(p / q)^2 / 2 of each draw."""
    return [d**2 / 2 for d in differences(log_prob_p, log_prob_q)]


def k3(log_prob_p: Iterable[float], log_prob_q: Iterable[float]) -> list[Exact]:
    """r - 1 - ln r with r = q / p, of each draw."""
    return [growth_rest(d) for d in differences(log_prob_q, log_prob_p)]


ESTIMATORS = {"k1": k1, "k2": k2, "k3": k3}


def kl_estimators(
    log_prob_p: Sequence[float], log_prob_q: Sequence[float], *, base: float | None = None
) -> dict[str, Estimate]:
    """The three means; a base divides all of them alike."""
    return {name: mean_of(of(log_prob_p, log_prob_q), base) for name, of in ESTIMATORS.items()}


def kl_of_normals(mean: float, scale: float, of_mean: float, of_scale: float) -> mpf:
    """KL(N(mean, scale^2) ‖ N(of_mean, of_scale^2)).

    With the second moved and stretched to N(0, 1) it is the one above, at the mean (m - m') / s'
    and the log variance 2 ln(s / s').
    """
    with mp.workprec(8 * BITS):
        apart = real((fraction(mean) - fraction(of_mean)) / fraction(of_scale))
        ratio = real((fraction(scale) / fraction(of_scale)) ** 2)
        return (apart**2 + ratio - 1 - mp.log(ratio)) / 2


# ------------------------------------------------- a conjugate model: a normal mean, known variance


class Model(NamedTuple):
    """z ~ N(loc, prior_scale^2), and each x ~ N(z, noise^2)."""

    loc: float
    prior_scale: float
    noise: float
    data: tuple[float, ...]


def log_normal(x: Exact, loc: Exact, scale: Exact) -> mpf:
    """ln N(x; loc, scale^2)."""
    return -(((x - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2


def log_joint(model: Model, z: mpf) -> mpf:
    """ln p(x, z) = ln p(z) + sum ln p(x | z)."""
    loc, prior_scale, noise = map(real, model[:3])
    prior = log_normal(z, loc, prior_scale)
    return prior + mp.fsum(log_normal(real(x), z, noise) for x in model.data)


def log_evidence_by_integral(model: Model) -> mpf:
    """ln of the integral of p(x, z) over z."""
    with mp.workdps(40):
        loc, scale = posterior(model)
        points = [loc + k * scale for k in range(-16, 17, 2)]
        return mp.log(mp.quad(lambda z: mp.exp(log_joint(model, z)), points))


def log_evidence(model: Model) -> mpf:
    """ln p(x, z) - ln p(z | x), which is the same at every z."""
    with mp.workdps(40):
        loc, scale = posterior(model)
        return log_joint(model, loc) - log_normal(loc, loc, scale)


def posterior(model: Model) -> tuple[mpf, mpf]:
    """Mean and standard deviation of z given the data: precisions add, and weigh the means."""
    with mp.workdps(40):
        loc, prior_scale, noise = map(real, model[:3])
        precision = prior_scale**-2 + len(model.data) * noise**-2
        weighed = loc * prior_scale**-2 + mp.fsum(map(real, model.data)) * noise**-2
        return weighed / precision, 1 / mp.sqrt(precision)
