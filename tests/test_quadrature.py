"""What quadrature says of its own error is never too small.

Random pairs are in tests/data/distributions.json, see `claims` of reference_distributions.py. The
others are what was claimed wrongly once, against closed forms or integrals in mpmath.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from mpmath import mp, mpf

import reference_distributions as reference
from klrs import distributions as d
from reference_distributions import Case, One
from sampling import mixture

DIGITS = 40

FOREIGN = {"Logistic": scipy.stats.logistic, "StudentT": scipy.stats.t}

CASES = [(case, value) for group, case, value in reference.recorded() if group == "claims"]


def built(it: One) -> Any:
    name, parameters = it
    return FOREIGN[name](**parameters) if name in FOREIGN else getattr(d, name)(**parameters)


def assert_claimed(found: Any, exact: Any) -> None:
    """That a value is off by no more than was said."""
    value, error = (float(it) for it in found)
    off = float(abs(mpf(value) - exact)) if mp.isfinite(exact) else 0.0
    assert math.isfinite(value) == bool(mp.isfinite(exact))
    assert off <= error, f"{value} is off by {off:.2g}, and {error:.2g} was claimed"


@pytest.mark.parametrize("verb", reference.INTEGRALS)
def test_of_random_pairs(verb: str) -> None:
    rows = [(case, value) for case, value in CASES if case.verb == verb]
    known = 0
    for case, value in rows:
        try:
            found = called(case, 1e-10)
        except ArithmeticError:
            continue
        known += 1
        with mp.workdps(DIGITS):
            assert_claimed(found, mpf(value))
        assert not found[1] > 4e-9 * abs(found[0]) + 1e-12
    assert known > 0.5 * len(rows)


def called(case: Case, rtol: float) -> Any:
    operands = [built(it) for it in (case.p, case.q) if it is not None]
    call = getattr(d, case.verb)
    return call(*operands, method="quadrature", rtol=rtol, return_error=True, **case.options)


@pytest.mark.parametrize("rtol", [1e-10, 1e-6])
@pytest.mark.parametrize("first", [1e-3, 1e-4, 1e-5], ids=lambda it: f"{it:g}")
def test_tails_of_geometric_distributions(first: float, rtol: float) -> None:
    """A block of terms is a small part of the tail if the tail is long."""
    p, q = d.Geometric(first), d.Geometric(2 * first)
    with mp.workdps(DIGITS):
        x, y = mpf(first), mpf(2 * first)
        exact = mp.log(x / y) + (1 - x) / x * mp.log((1 - x) / (1 - y))
        found = d.kl_divergence(p, q, method="quadrature", rtol=rtol, return_error=True)
        assert_claimed(found, exact)


@pytest.mark.parametrize(
    ("p", "q", "rtol"), [(4.0, 3.0, 1e-6), (5.0, 4.0, 1e-10), (3.0, 2.5, 1e-4)]
)
def test_tails_that_are_powers(p: float, q: float, rtol: float) -> None:
    """Divergences of zeta distributions: ln ζ and its derivative."""
    found = d.kl_divergence(scipy.stats.zipf(p), scipy.stats.zipf(q), rtol=rtol, return_error=True)
    with mp.workdps(DIGITS):
        a, b = mpf(p), mpf(q)
        exact = mp.log(mp.zeta(b) / mp.zeta(a)) - (b - a) * mp.zeta(a, 1, 1) / mp.zeta(a)
        assert_claimed(found, exact)


@pytest.mark.parametrize(
    ("weight", "place", "width", "rtol"),
    [
        (1e-6, 0.3, 1e-9, 1e-8),
        (1e-6, 0.3, 1e-7, 1e-10),
        (1e-3, 0.3, 1e-9, 1e-8),
        (1e-6, 3.3, 1e-9, 1e-6),
        (1e-4, 5.0, 1e-11, 1e-4),
    ],
)
def test_spikes_that_are_few_floats_wide(
    weight: float, place: float, width: float, rtol: float
) -> None:
    """Points are rounded to floats, and some of them to the place that was declared."""
    p = mixture([1 - weight, weight], [0.0, place], [1.0, width])
    found = d.kl_divergence(
        (p, (-np.inf, place, np.inf)), d.Normal(0, 1), rtol=rtol, return_error=True
    )
    with mp.workdps(DIGITS):
        # The weights are floats, which do not add up to exactly 1.
        body, spike, c, s = (mpf(it) for it in (1 - weight, weight, place, width))

        def excess(z: mpf) -> mpf:
            """What the spike adds, in units of its width."""
            q = mp.npdf(c + z * s)
            p = body * q + spike / s * mp.npdf(z)
            return s * (p * mp.log(p / q) - body * q * mp.log(body))

        exact = mp.quad(excess, list(range(-14, 15, 2))) + body * mp.log(body)
        exact -= body + spike - 1
        assert_claimed(found, exact)
        assert abs(float(found[0]) - exact) <= rtol * exact
    assert found[1] <= 50 * rtol * found[0]


@pytest.mark.parametrize(
    ("loc", "scale", "other"), [(-14.567311191012513, 0.00033071788085473134, -14.56640929256871)]
)
def test_points_far_from_0_are_rounded(loc: float, scale: float, other: float) -> None:
    """Of a density that moves with its location: what it is divided by is the same."""
    pair = scipy.stats.logistic(loc, scale), scipy.stats.logistic(other, 1.25 * scale)
    found = d.kl_divergence(*pair, rtol=1e-12, return_error=True)
    with mp.workdps(DIGITS):
        m, s, n, r = (mpf(it) for it in (loc, scale, other, 1.25 * scale))

        def density(x: mpf, m: mpf, s: mpf) -> mpf:
            return mp.sech((x - m) / (2 * s)) ** 2 / (4 * s)

        def terms(z: mpf) -> mpf:
            x = m + z * s
            p = density(x, m, s)
            return s * p * mp.log(p / density(x, n, r))

        assert_claimed(found, mp.quad(terms, [-120, -40, -12, -4, 0, 4, 12, 40, 120]))


@pytest.mark.parametrize(("a", "b"), [(8097.317558056275, 8.399070040527269), (4.0, 3000.0)])
def test_a_density_whose_logarithm_is_off_by_a_constant(a: float, b: float) -> None:
    """SciPy's logarithms of beta functions are differences of large numbers."""
    density = scipy.stats.beta(a, b).logpdf, (0.0, 1.0)
    with mp.workdps(DIGITS):
        x, y = mpf(a), mpf(b)
        exact = mp.log(mp.beta(x, y)) + (x + y - 2) * mp.digamma(x + y)
        exact -= (x - 1) * mp.digamma(x) + (y - 1) * mp.digamma(y)
        assert_claimed(d.entropy(density, return_error=True), exact)


def test_a_constant_that_is_squared() -> None:
    """Of nearly equal densities a divergence is the square of what one of them is off by."""

    def log_density(x: Any) -> Any:
        return scipy.stats.norm.logpdf(x) + 3e-14

    found = d.kl_divergence((log_density, (-np.inf, np.inf)), d.Normal(0, 1), return_error=True)
    assert_claimed(found, mpf(0))


def test_equal_but_for_rounding() -> None:
    """A divergence of 5e-35 is no 0, as log-densities that are rounded alike say."""
    pair = d.Normal(0.0, 1.0), d.Normal(1e-17, 1.0)
    found = d.kl_divergence(*pair, method="quadrature", return_error=True)
    with mp.workdps(DIGITS):
        assert_claimed(found, mpf(1e-17) ** 2 / 2)


def test_probabilities_that_are_quotients_of_factorials() -> None:
    trials, probability = 21, 0.4975642527047123
    with mp.workdps(DIGITS):
        p = mpf(probability)
        chances = [
            mp.binomial(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(trials + 1)
        ]
        exact = -mp.fsum(x * mp.log(x) for x in chances)
        pair = d.Binomial(trials, probability), d.Binomial(trials, 0.4975652538223136)
        assert_claimed(d.entropy(pair[0], method="quadrature", return_error=True), exact)
        q = mpf(0.4975652538223136)
        logs = [mp.log(it) + k * mp.log(q / p) for k, it in enumerate(chances)]
        logs = [it + (trials - k) * mp.log((1 - q) / (1 - p)) for k, it in enumerate(logs)]
        exact = -mp.fsum(x * y for x, y in zip(chances, logs, strict=True))
        assert_claimed(d.cross_entropy(*pair, method="quadrature", return_error=True), exact)


def test_orders_near_1() -> None:
    """Far from each other, two terms of the integrand cancel up to what the order lacks of 1."""
    parameters = [
        (13.250355176505513, 0.15501594918220452),
        (0.3807045346943269, 0.5244995842335367),
    ]
    found = d.renyi_divergence(
        *(d.NegativeBinomial(*it) for it in parameters),
        alpha=0.999,
        method="quadrature",
        return_error=True,
    )
    with mp.workdps(DIGITS):
        (n, p), (m, q) = ((mpf(x), mpf(y)) for x, y in parameters)
        order = mpf(0.999)

        def log_mass(k: mpf, n: mpf, p: mpf) -> mpf:
            ways = mp.loggamma(n + k) - mp.loggamma(n) - mp.loggamma(k + 1)
            return ways + k * mp.log(p) + n * mp.log(1 - p)

        terms = (
            order * log_mass(mpf(k), n, p) + (1 - order) * log_mass(mpf(k), m, q) for k in range(99)
        )
        assert_claimed(found, mp.log(mp.fsum(map(mp.exp, terms))) / (order - 1))


def test_powers_have_the_rounding_of_both_densities() -> None:
    first, other, order = 0.5325728398446589, 0.6326454239402283, 3
    found = d.renyi_divergence(
        d.Binomial(3000, first),
        d.Binomial(3000, other),
        alpha=order,
        method="quadrature",
        return_error=True,
    )
    with mp.workdps(DIGITS):
        p, q = mpf(first), mpf(other)
        mean = p**order / q ** (order - 1) + (1 - p) ** order / (1 - q) ** (order - 1)
        assert_claimed(found, 3000 * mp.log(mean) / (order - 1))


@pytest.mark.parametrize(("a", "b"), [(1e-3, 1.1e-3), (7e-4, 8e-4), (2e-4, 2.1e-4)])
def test_mass_that_is_beyond_the_floats(a: float, b: float) -> None:
    """There the logarithms of powers go on as straight lines, and so do their roundings."""
    with mp.workdps(DIGITS):
        x, y = mpf(a), mpf(b)
        paretos = mp.log(x / y) + y / x - 1
        gammas = (x - y) * mp.digamma(x) - mp.loggamma(x) + mp.loggamma(y)
    for p, q, exact in (
        (d.Pareto(1.0, a), d.Pareto(1.0, b), paretos),
        (d.Gamma(a, 1.0), d.Gamma(b, 1.0), gammas),
    ):
        for rtol in (1e-10, 1e-6):
            found = d.kl_divergence(p, q, method="quadrature", rtol=rtol, return_error=True)
            with mp.workdps(DIGITS):
                assert_claimed(found, exact)


@pytest.mark.parametrize("rate", [1e-200, 1e200])
def test_variances_that_are_beyond_the_floats(rate: float) -> None:
    """The mean says where to look."""
    p, q = d.Exponential(rate), d.Exponential(2 * rate)
    found = d.kl_divergence(p, q, method="quadrature", return_error=True)
    with mp.workdps(DIGITS):
        assert_claimed(found, 1 - mp.log(2))


def of_beta(a: mpf, b: mpf, log_density: tuple[mpf, mpf, mpf]) -> mpf:
    """KL from ln of a density c + s ln x + r ln(1 - x)."""
    c, s, r = log_density
    whole = mp.digamma(a + b)
    log_x, log_rest = mp.digamma(a) - whole, mp.digamma(b) - whole
    return (a - 1 - s) * log_x + (b - 1 - r) * log_rest - mp.log(mp.beta(a, b)) - c


@pytest.mark.parametrize("exponent", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("a", [0.4, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("b", [0.2, 0.3, 0.662, 1.0])
def test_mass_between_the_last_floats_before_an_end(a: float, b: float, exponent: float) -> None:
    """A beta distribution knows how far from 1 it is, a function that is flat there need not."""
    q = (lambda x: math.log1p(exponent) + exponent * np.log(x), (0.0, 1.0))
    found = d.kl_divergence(d.Beta(a, b), q, method="quadrature", return_error=True)
    with mp.workdps(DIGITS):
        s = mpf(exponent)
        assert_claimed(found, of_beta(mpf(a), mpf(b), (mp.log(1 + s), s, mpf(0))))
    assert found[1] <= 1e-10 * found[0] + 1e-28


@pytest.mark.parametrize("exponent", [-0.3, -0.02, 0.02, 0.5])
def test_powers_that_only_a_function_knows(exponent: float) -> None:
    """What it is nearer to 1 than floats are is not known."""
    q = (lambda x: math.log1p(exponent) + exponent * np.log1p(-x), (0.0, 1.0))
    with mp.workdps(DIGITS):
        r = mpf(exponent)
        exact = of_beta(mpf(2), mpf(0.3), (mp.log(1 + r), mpf(0), r))
        with pytest.raises(ArithmeticError, match="at most"):
            d.kl_divergence(d.Beta(2.0, 0.3), q, method="quadrature")
        found = d.kl_divergence(
            d.Beta(2.0, 0.3), q, method="quadrature", rtol=0.01, return_error=True
        )
        assert_claimed(found, exact)


@pytest.mark.parametrize("e", [2e-7, 5e-7, 1.5e-6])
@pytest.mark.parametrize(
    ("name", "first", "other"),
    [
        ("Normal", (0.0, 1.0), (1.0, 0.0)),
        ("Normal", (0.0, 1.0), (0.0, 1.0)),
        ("Cauchy", (0.0, 1.0), (1.0, 1.0)),
        ("Gamma", (2.0, 3.0), (2.0, 0.0)),
    ],
)
def test_nearly_equal_pairs(
    name: str, first: tuple[float, float], other: tuple[float, float], e: float
) -> None:
    """Between where densities differ by too little and where differences have no other terms."""
    moved = tuple(a + e * b for a, b in zip(first, other, strict=True))
    p, q = (getattr(d, name)(*it) for it in (first, moved))
    found = d.js_divergence(p, q, return_error=True)
    with mp.workdps(DIGITS):
        pair = (reference.made(name, it) for it in (p._given, q._given))
        assert_claimed(found, reference.js_divergence(*pair))
    assert found[1] <= 1e-9 * found[0]
