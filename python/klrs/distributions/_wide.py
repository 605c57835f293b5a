"""Entropies of integers that spread too far for adding up one value after the other.

A sum over integers is the integral of a smooth function, up to exp(-2π² variance); and the integral
is again a sum, of points that are a fraction of a standard deviation apart. Weights are taken from
Stirling's series around the mean, without a difference of large logarithms, and are divided by
their sum: so constant factors of them play no role.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from klrs.distributions._core import evaluate

if TYPE_CHECKING:
    from klrs.distributions._parameters import Array

WIDE = 100.0
"""The standard deviation from which this is exact to all digits."""

LEAST_COUNT = 10.0
"""Negative binomial distributions of fewer failures are not smooth where they begin.

Those of a small probability of failure are known to the core.
"""

LEAST_FAILURE = 1e-290
"""With a smaller probability of failure, their values are beyond the floats."""


def entropy_of_binomial(successes: float, failures: float) -> float:
    """The entropy, given both means."""
    deviation = math.sqrt(successes * (failures / (successes + failures)))
    step = deviation / 8.0
    d = step * np.arange(-96.0, 97.0)
    k, rest = successes + d, failures - d
    excess = _term(k, -d) + _term(rest, d)
    excess += 0.5 * (_log1p(d / successes) + _log1p(-d / failures))
    return _entropy(excess + _stirling(k) + _stirling(rest), step)


def entropy_of_negative_binomial(count: float, probs: float, failures: float) -> float:
    """The entropy, given the number of failures, and the probabilities of success and failure."""
    mean, trials = count * probs / failures, count / failures
    step = math.sqrt(mean / failures) / 32.0
    d = step * np.arange(-min(384.0, math.ceil(mean / step) - 1.0), 1281.0)
    k, n = mean + d, trials + d
    if probs < 0.5:
        excess = _term(k, -d) - _term(n, -d)
    else:
        # The same, without the difference of what is nearly the number of trials.
        u, v = d / mean, -count * d / (k * trials)
        excess = count * _excess(u) + n * _excess(v) - count * count * (d / k) * u / trials
    excess += 0.5 * (_log1p(d / mean) + _log1p(d / trials))
    return _entropy(excess + _stirling(k) - _stirling(n), step)


def _entropy(excess: Array, step: float) -> float:
    """The entropy of weights e^-excess a step apart."""
    weights = evaluate("exp", -excess)
    total = math.fsum(weights)
    mean = math.fsum(np.where(weights > 0, weights * excess, 0.0)) / total
    return mean + float(evaluate("log", step * total))


def _term(a: Array, d: Array) -> Array:
    """The term a ln(a/b) - a + b with d = b - a."""
    return a * _excess(d / a)


def _excess(u: Array) -> Array:
    return evaluate("log1p_excess", u)


def _log1p(x: Array) -> Array:
    return evaluate("log1p", x)


def _stirling(x: Array) -> Array:
    """What Stirling's formula lacks of the logarithm of the gamma function."""
    return (1.0 / 12.0 - 1.0 / 360.0 / (x * x)) / x
