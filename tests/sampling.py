"""Values that are made of draws, and what they may be off by."""

from typing import Any

import numpy as np


def monte_carlo(verb: Any, *pair: Any, size: int = 20_000, **options: Any) -> tuple[Any, Any]:
    """A value from draws and its standard error."""
    rng = np.random.default_rng(3)
    found: tuple[Any, Any] = verb(
        *pair, method="monte_carlo", rng=rng, size=size, return_error=True, **options
    )
    return found


def assert_near(found: tuple[Any, Any], exact: Any) -> None:
    """Within 5 standard errors, which are small."""
    value, error = found
    exact = np.asarray(exact, np.float64)
    assert np.shape(value) == exact.shape
    assert (np.abs(value - exact) <= 5 * error).all(), (value, exact, error)
    assert (error <= 0.05 * np.abs(exact)).all(), error
