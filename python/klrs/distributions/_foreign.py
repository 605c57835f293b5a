"""Distributions that are not of this module, as such.

They are recognised by the module of their type, without importing anything: who has one in hand has
imported its library. What is one of our families becomes that; the others keep their density.
"""

from __future__ import annotations

from typing import Any

from klrs.distributions._base import Distribution
from klrs.distributions._density import Density
from klrs.distributions._scipy import of_scipy
from klrs.distributions._torch import of_torch


def as_distribution(given: Any, name: str) -> Distribution:
    """One of our distributions, or an error that says what is expected."""
    if isinstance(given, Distribution):
        return given
    if isinstance(given, tuple):
        return _of_pair(given, name)
    packages = [str(it.__module__).partition(".")[0] for it in type(given).__mro__]
    found = None
    if "torch" in packages:
        found = of_torch(given)
    elif packages[0] == "scipy":
        found = of_scipy(given, name)
    if found is None:
        raise TypeError(
            f"{name}: got {type(given).__name__}, expected a distribution of klrs.distributions, a "
            "frozen distribution of scipy.stats or one of its objects, one of torch.distributions, "
            "or a pair (log_density, (low, high)); arrays of probabilities go to klrs itself"
        )
    return found


def _of_pair(given: tuple[Any, ...], name: str) -> Density:
    expected = (
        "expected (log_density, (low, high)), a function of arrays and the ends of its support, "
        "with the places of kinks and jumps between them"
    )
    if len(given) != 2 or not callable(given[0]):
        raise TypeError(f"{name}: got a tuple of {len(given)}, {expected}")
    try:
        low, *breaks, high = (float(it) for it in given[1])
    except (TypeError, ValueError):
        raise TypeError(f"{name}: got the support {given[1]!r}, {expected}") from None
    if not low < high:
        raise ValueError(f"{name}: support ({low:g}, {high:g}), expected low < high; swap the ends")
    if not all(low < it < high for it in breaks):
        listed = ", ".join(f"{it:g}" for it in (low, *breaks, high))
        raise ValueError(
            f"{name}: support ({listed}), expected the places of kinks and jumps between the ends; "
            "drop the others"
        )
    function = given[0]
    shown = getattr(function, "__name__", "a density")
    return Density(function, (low, high), shown=shown, breaks=tuple(breaks))
