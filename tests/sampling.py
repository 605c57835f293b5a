"""Values that are made of draws, what they may be off by, and densities of several parts."""

from typing import Any

import numpy as np
import scipy.special


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


def mixture(weights: list[float], locs: list[float], scales: list[float]) -> Any:
    """The log-density of a mixture of Normal distributions."""

    def log_density(x: Any) -> Any:
        z = (np.asarray(x)[..., None] - locs) / scales
        return scipy.special.logsumexp(-0.5 * z * z, -1, weights / (scales * np.sqrt(2 * np.pi)))

    locs, scales, weights = (np.asarray(it) for it in (locs, scales, weights))
    return log_density
