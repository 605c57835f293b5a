"""The table of errors: verb x dtype x class of input, each cell measured against its bound.

The bounds are relative to the exact answer for the floats that were given: 2e-14, and 2e-6 where
the result is a float32. `conftest.py` prints the measured table at the end of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
import pytest

import accuracy_classes as classes
from accuracy_classes import Pair
from inputs import (
    F64,
    FLOATS,
    GENERALIZED_KL,
    JS,
    JS_DISTANCE,
    KL,
    VERBS,
    Float,
    Verb,
    each_float,
    each_verb,
)
from precision import describe, relative_error

MakePairs = Callable[[Float], list[Pair]]


@pytest.fixture
def check(measured: dict) -> Callable[..., None]:
    """Measures a cell, enters it in the table and holds it to the bound.

    Each pair of the cell is one call with a batch.
    """

    def check(verb: Verb, kind: Float, name: str, pairs: list[Pair], **options: Any) -> None:
        rows = []
        for p, q in pairs:
            results = verb(p, q, **options)
            assert results.shape == p.shape[:-1]
            for got, x, y in zip(results, p, q, strict=True):
                rows.append((relative_error(verb, got, x, y, options), got, x, y))
        error, got, p, q = max(rows, key=itemgetter(0))
        key = (kind.name, name, verb.name)
        measured[key] = max(error, measured.get(key, 0.0))
        assert error <= kind.bound, describe(verb, got, p, q, options)

    return check


def each_class(*makers: MakePairs) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", makers, ids=lambda make: make.__name__)


def name_of(make: MakePairs, suffix: str = "") -> str:
    return make.__name__.replace("_", " ") + suffix


@each_class(*classes.AS_GIVEN)
@each_float
@each_verb
def test_as_given(verb: Verb, kind: Float, make: MakePairs, check: Callable[..., None]) -> None:
    check(verb, kind, name_of(make), make(kind))


@each_class(*classes.ANY_MASS, classes.random, classes.near, classes.far, classes.sparse)
@each_float
@each_verb
def test_normalized(verb: Verb, kind: Float, make: MakePairs, check: Callable[..., None]) -> None:
    if verb is GENERALIZED_KL:
        check(verb, kind, name_of(make, ", normalized"), make(kind))
    else:
        check(verb, kind, name_of(make, ", normalized"), make(kind), normalize=True)


@each_float
@each_verb
def test_long_normalized(verb: Verb, kind: Float, check: Callable[..., None]) -> None:
    pairs = [(p, q * kind.array(3)) for p, q in classes.lengths(kind)]
    check(verb, kind, "lengths, normalized", pairs, **verb.options(normalize=True))


@pytest.mark.slow
@each_float
@each_verb
def test_150_000_classes(verb: Verb, kind: Float, check: Callable[..., None]) -> None:
    check(verb, kind, "vocabulary", classes.vocabulary(kind))
    normalized = [(p, q * kind.array(3)) for p, q in classes.vocabulary(kind)]
    check(verb, kind, "vocabulary, normalized", normalized, **verb.options(normalize=True))


@pytest.mark.slow
@pytest.mark.parametrize("verb", [KL, JS], ids=str)
def test_150_000_distinct_entries(verb: Verb, check: Callable[..., None]) -> None:
    """No pair occurs twice, near equality: nothing for the oracle to save on."""
    p, q = (np.random.default_rng(i).standard_exponential((1, 150_000)) for i in (0, 1))
    q = p * (1 + 1e-9 * q)
    check(verb, F64, "vocabulary, distinct", [(p / p.sum(), q / q.sum())])


@pytest.mark.parametrize("base", [2, 10, 1.5, 1 + 2.0**-40, 1e300])
@each_float
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.has_base], ids=str)
def test_base(verb: Verb, kind: Float, base: float, check: Callable[..., None]) -> None:
    check(verb, kind, "random, base", classes.random(kind)[:8], base=base)


@pytest.mark.parametrize(
    "weights", [(0.5, 0.5), (0.1, 0.9), (0.7, 0.3), (1e-10, 1 - 1e-10), (0.0, 1.0), (1.0, 0.0)]
)
@each_float
@pytest.mark.parametrize("verb", [JS, JS_DISTANCE], ids=str)
def test_weights(verb: Verb, kind: Float, weights: tuple, check: Callable[..., None]) -> None:
    pairs = classes.random(kind)[:9] + classes.near(kind)[::4] + classes.sparse(kind)[:8]
    check(verb, kind, "random and near, weights", pairs, weights=weights)
    check(verb, kind, "mass, weights", classes.mass(kind)[::5], weights=weights, normalize=True)


@pytest.mark.parametrize("kind", [kind for kind in FLOATS if kind.name != "f16"], ids=str)
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.has_base], ids=str)
def test_total_beyond_the_range(verb: Verb, kind: Float, check: Callable[..., None]) -> None:
    """Finite weights whose sum is not a finite number of their dtype."""
    largest = float(np.finfo(kind.result).max) * 0.9
    pairs = []
    for k in (2, 9, 200):
        p, q = (np.random.default_rng(k + i).uniform(0.5, 1, (2, k)) * largest for i in (0, 1))
        pairs += [(kind.array(p), kind.array(q)), (kind.array(p), distributions_like(q, kind))]
    check(verb, kind, "total beyond the range", pairs, normalize=True)


def distributions_like(x: np.ndarray, kind: Float) -> np.ndarray:
    return kind.array(x / x.max() / x.shape[-1])
