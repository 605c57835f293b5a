"""Relative errors of klrs and its peers on rows where the usual formulas lose their digits.

All entries are multiples of one power of two and every row sums to exactly 1. So all definitions
in use (as is, normalised, generalised) have one exact value, and no error is a mere convention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from mpmath import mpf
from numpy.typing import NDArray

import contenders as by
from contenders import Contender
from measure import as_rows, largest, relative_error
from oracle import reference

Parts = NDArray[np.int64]
Rows = NDArray[np.floating]
Pair = tuple[Rows, Rows]

# Units per row: the significant bits of the dtype, so that every part of it is representable.
BITS = {"float64": 52, "float32": 24}


@dataclass(frozen=True)
class InputClass:
    """A kind of pair of distributions, and a few of them."""

    name: str
    make: Callable[[], Pair]


@dataclass(frozen=True)
class Outcome:
    """How a contender did on a class of input."""

    error: float
    """The largest relative error, as in `measure.relative_error`."""
    negative: bool
    """Whether a result is below 0, where no divergence is."""


def parts_of_one(classes: int, dtype: str, *, samples: int, concentration: float = 1.0) -> Parts:
    """Positive integers that sum to the number of units of a row; `samples` rows of them."""
    rng = np.random.default_rng(classes)
    units = 2 ** BITS[dtype]
    shares = rng.dirichlet(np.full(classes, concentration), samples)
    parts = 1 + np.floor(shares * (units - classes)).astype(np.int64)
    parts[np.arange(samples), parts.argmax(axis=1)] += units - parts.sum(axis=1)
    return parts


def probabilities(parts: Parts, dtype: str) -> Rows:
    return (parts / 2 ** BITS[dtype]).astype(dtype)


def unlike(classes: int, dtype: str, samples: int = 20) -> Pair:
    """Distributions that have nothing to do with each other."""
    parts = parts_of_one(classes, dtype, samples=2 * samples)
    return probabilities(parts[:samples], dtype), probabilities(parts[samples:], dtype)


def nearly_equal(step: int, dtype: str, samples: int = 20) -> Pair:
    """Ten classes: five that gained `step` units, five that lost them."""
    parts = parts_of_one(10, dtype, samples=samples, concentration=20.0)
    shifted = parts + step * np.where(np.arange(10) % 2, 1, -1)
    return probabilities(parts, dtype), probabilities(shifted, dtype)


def with_smallest(value: float) -> Pair:
    """As good as impossible in q, though not in p."""
    p, q = unlike(10, "float64")
    q[:, 0] += q[:, 1]
    q[:, 1] = value
    return p, q


def with_zeros() -> Pair:
    """A class that is in neither, and one that is in q only."""
    p, q = unlike(10, "float64")
    for rows, absent in ((p, [2, 3]), (q, [3])):
        rows[:, 0] += rows[:, absent].sum(axis=1)
        rows[:, absent] = 0
    return p, q


def impossible_in_q() -> Pair:
    return with_smallest(0.0)


def disjoint() -> Pair:
    """Nothing in common: the divergence is infinite, the Jensen-Shannon divergence ln 2."""
    p, q = unlike(10, "float64")
    nothing = np.zeros_like(p)
    return np.hstack([p, nothing]), np.hstack([nothing, q])


KL_CLASSES = (
    InputClass("unlike, 1000 classes", lambda: unlike(1000, "float64")),
    InputClass("near: KL about 1e-10", lambda: nearly_equal(6 * 10**9, "float64")),
    InputClass("near: KL about 1e-20", lambda: nearly_equal(6 * 10**4, "float64")),
    InputClass("neighbouring floats: KL about 1e-30", lambda: nearly_equal(1, "float64")),
    InputClass("an entry of q is 1e-300", lambda: with_smallest(1e-300)),
    InputClass("an entry of q is subnormal, 1e-310", lambda: with_smallest(1e-310)),
    InputClass("zeros in p, and in both", with_zeros),
    InputClass("q = 0 < p: KL is infinite", impossible_in_q),
    InputClass("float32, unlike, 1000 classes", lambda: unlike(1000, "float32")),
    InputClass("float32, 150 000 classes", lambda: unlike(150_000, "float32", samples=2)),
    InputClass("float32, near: KL about 1e-7", lambda: nearly_equal(750, "float32")),
    InputClass("float32, neighbouring: KL about 1e-13", lambda: nearly_equal(1, "float32")),
)

JS_CLASSES = (
    InputClass("unlike, 1000 classes", lambda: unlike(1000, "float64")),
    InputClass("near: JS about 1e-11", lambda: nearly_equal(6 * 10**9, "float64")),
    InputClass("neighbouring floats: JS about 1e-31", lambda: nearly_equal(1, "float64")),
    InputClass("nothing in common: JS is ln 2", disjoint),
    InputClass("float32, unlike, 1000 classes", lambda: unlike(1000, "float32")),
    InputClass("float32, neighbouring: JS about 1e-14", lambda: nearly_equal(1, "float32")),
)


@dataclass(frozen=True)
class Comparison:
    """Everybody who computes one quantity, on rows of every class."""

    exact: by.Oracle
    contenders: Sequence[Contender]
    classes: Sequence[InputClass]

    def outcomes(self, kind: InputClass) -> list[Outcome]:
        """One for each contender."""
        p, q = kind.make()
        exact = [self.exact(*row) for row in zip(p, q, strict=True)]
        return [outcome(contender, p, q, exact) for contender in self.contenders]


def outcome(contender: Contender, p: Rows, q: Rows, exact: Sequence[mpf]) -> Outcome:
    with np.errstate(all="ignore"):
        values = as_rows(contender.call(p, q))
    error = largest(relative_error(*pair) for pair in zip(values, exact, strict=True))
    return Outcome(error, bool((values < 0).any()))


COMPARISONS = (
    Comparison(reference.kl_divergence, [by.KLRS_KL, *by.KL_PEERS], KL_CLASSES),
    Comparison(reference.js_distance, [by.KLRS_JS, *by.JS_PEERS], JS_CLASSES),
)
