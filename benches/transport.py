"""Who takes part on the line: klrs, and how people compute the same transport today.

Of samples, SciPy takes one pair of rows at a time and POT a batch, whose samples run along the
first axis; POT returns the power of the distance. Between histograms the question is what transport
costs beside a divergence that compares class by class: klrs is its own peer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import ot
from scipy import stats

import klrs
from contenders import Contender, Row, gradients
from klrs import samples
from oracle import reference_transport as reference


def of_samples(x: Row, y: Row) -> Any:
    return reference.wasserstein_distance(reference.sample(x), reference.sample(y))


def of_samples_squared(x: Row, y: Row) -> Any:
    return reference.wasserstein_distance(reference.sample(x), reference.sample(y), 2)


def of_histograms(p: Row, q: Row) -> Any:
    return reference.wasserstein_distance(reference.histogram(p), reference.histogram(q))


def of_histograms_squared(p: Row, q: Row) -> Any:
    return reference.wasserstein_distance(reference.histogram(p), reference.histogram(q), 2)


def row_by_row(distance: Any) -> Any:
    return lambda x, y: np.array([distance(*rows) for rows in zip(x, y, strict=True)])


def with_gradient(p: Any, q: Any) -> Any:
    _, by_q = gradients(p.shape, p.dtype.name)
    return klrs.value_and_grad(klrs.wasserstein_distance)(p, q, out=by_q)[0]


SAMPLES = Contender(
    "klrs", "samples.wasserstein_distance(x, y)", samples.wasserstein_distance, of_samples
)
SCIPY_SAMPLES = Contender(
    "SciPy",
    "wasserstein_distance(x, y) of each row",
    row_by_row(stats.wasserstein_distance),
    of_samples,
)
POT_SAMPLES = Contender(
    "POT",
    "wasserstein_1d(x.T, y.T)",
    lambda x, y: ot.wasserstein_1d(x.T, y.T),
    of_samples,
)

SAMPLES_SQUARED = Contender(
    "klrs",
    "samples.wasserstein_distance(x, y, order=2)",
    lambda x, y: samples.wasserstein_distance(x, y, order=2),
    of_samples_squared,
)
POT_SAMPLES_SQUARED = Contender(
    "POT",
    "np.sqrt(wasserstein_1d(x.T, y.T, p=2))",
    lambda x, y: np.sqrt(ot.wasserstein_1d(x.T, y.T, p=2)),
    of_samples_squared,
)

# The oracle takes all pairs, minutes for each row.
SAMPLES_ENERGY = Contender(
    "klrs", "samples.energy_distance(x, y)", samples.energy_distance, exact=None
)
SCIPY_ENERGY = Contender(
    "SciPy",
    "energy_distance(x, y) of each row",
    row_by_row(stats.energy_distance),
    exact=None,
)

SAMPLES_GRADIENT = Contender(
    "klrs",
    "value_and_grad(samples.wasserstein_distance)(x, y)",
    lambda x, y: klrs.value_and_grad(samples.wasserstein_distance)(x, y)[0],
    of_samples,
)

HISTOGRAMS = Contender(
    "klrs", "wasserstein_distance(p, q)", klrs.wasserstein_distance, of_histograms
)
NORMALIZED = Contender(
    "klrs",
    "wasserstein_distance(p, q, normalize=True)",
    lambda p, q: klrs.wasserstein_distance(p, q, normalize=True),
    of_histograms,
)
SQUARED = Contender(
    "klrs",
    "wasserstein_distance(p, q, order=2)",
    lambda p, q: klrs.wasserstein_distance(p, q, order=2),
    of_histograms_squared,
)
ENERGY = Contender("klrs", "energy_distance(p, q)", klrs.energy_distance, exact=None)
GRADIENT = Contender(
    "klrs",
    "value_and_grad(wasserstein_distance)(p, q, out=…)",
    with_gradient,
    of_histograms,
    prepare=lambda p, q: gradients(p.shape, p.dtype.name),
)
