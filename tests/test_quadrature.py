"""What quadrature says of its own error is never too small.

Against closed forms or integrals in mpmath.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
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
