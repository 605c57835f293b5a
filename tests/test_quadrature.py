"""What quadrature says of its own error is never too small.

Against closed forms or integrals in mpmath.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
from mpmath import mp, mpf

from klrs import distributions as d

DIGITS = 40


def assert_claimed(found: Any, exact: Any) -> None:
    """That a value is off by no more than was said."""
    value, error = (float(it) for it in found)
    off = float(abs(mpf(value) - exact)) if mp.isfinite(exact) else 0.0
    assert math.isfinite(value) == bool(mp.isfinite(exact))
    assert off <= error, f"{value} is off by {off:.2g}, and {error:.2g} was claimed"


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


def mixture(weights: list[float], locs: list[float], scales: list[float]) -> Any:
    """The log-density of a mixture of Normal distributions."""

    def log_density(x: Any) -> Any:
        z = (np.asarray(x)[..., None] - locs) / scales
        return scipy.special.logsumexp(-0.5 * z * z, -1, weights / (scales * np.sqrt(2 * np.pi)))

    locs, scales, weights = (np.asarray(it) for it in (locs, scales, weights))
    return log_density


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
        assert_claimed(found, exact - (body + spike - 1))
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
