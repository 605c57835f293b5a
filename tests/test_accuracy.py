"""The table of errors: verb x dtype x class of input, each cell measured against its bound.

The bounds are relative to the exact answer for the floats that were given: 2e-14, and 2e-6 where
the result is a float32, and of powers a multiple (`precision.steepness`). `conftest.py` prints the
largest measured errors at the end of the run.

Six verbs see every pair of every class. Each of the others sees half of a class, chosen by hashes
as are the numbers that families take with each pair: they are the same in every run.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np
import pytest

import accuracy_classes as classes
from accuracy_classes import Pair
from inputs import (
    AMARI,
    CHI2,
    CROSS_ENTROPY,
    ENTROPY,
    F32,
    F64,
    FLOATS,
    GENERALIZED_KL,
    HELLINGER,
    JS,
    JS_DISTANCE,
    KL,
    NEYMAN,
    POWER,
    RENYI,
    RENYI_ENTROPY,
    SKEW,
    TOTAL_VARIATION,
    TSALLIS,
    TSALLIS_ENTROPY,
    VERBS,
    Float,
    Verb,
    each_float,
    each_verb,
)
from precision import assert_right, describe, relative_error

MakePairs = Callable[[Float], list[Pair]]

ORDERS = (
    *(0, 1e-300, 1e-12, 0.3, 0.5, 1 - 1e-12, 1 - 2**-53),
    *(1, 1 + 1e-12, 1.5, 2, 5, 50, 1e6),
)
NUMBERS: dict[str, tuple[float, ...]] = {
    RENYI.name: (*ORDERS, math.inf),
    RENYI_ENTROPY.name: (*ORDERS, math.inf),
    TSALLIS.name: ORDERS,
    TSALLIS_ENTROPY.name: ORDERS,
    # The same powers, on both sides of the one at which p and q change places.
    AMARI.name: tuple(sorted({x for a in ORDERS for x in (1 - 2 * a, 2 * a - 1)})),
    POWER.name: tuple(sorted({x for a in ORDERS for x in (a - 1, -a)})),
    SKEW.name: (0, 1e-300, 1e-12, 0.3, 0.5, 0.99, 1 - 2**-53, 1),
}
"""Around the limits, at which the formulas divide by 0, and far from them."""

THOROUGH = (ENTROPY, CROSS_ENTROPY, KL, GENERALIZED_KL, JS, JS_DISTANCE)


def _share(verb: Verb, pairs: list[Pair], cell: str) -> Iterator[tuple[int, Pair]]:
    """Pairs that the verb is measured with, with a number for each that is anything."""
    numbered = [(zlib.crc32(f"{verb} {cell} {i}".encode()), pair) for i, pair in enumerate(pairs)]
    numbered.sort(key=itemgetter(0))
    share = len(pairs) if verb in THOROUGH else math.ceil(len(pairs) / 2)
    return iter(numbered[:share])


@pytest.fixture
def check(measured: dict) -> Callable[..., None]:
    """Measures a cell, enters it in the table and holds it to the bound.

    Each pair of the cell is one call with a batch.
    """

    def check(verb: Verb, kind: Float, name: str, pairs: list[Pair], **options: Any) -> None:
        rows = []
        for i, (p, q) in _share(verb, pairs, f"{name} {kind}"):
            numbers = NUMBERS.get(verb.name)
            member = verb.at(numbers[i % len(numbers)]) if numbers else verb
            results = member(p, q, **options)
            assert results.shape == p.shape[:-1]
            for got, x, y in zip(results, p, q, strict=True):
                rows.append((relative_error(member, got, x, y, options), member, got, x, y))
        error, member, got, p, q = max(rows, key=itemgetter(0))
        key = (kind.name, name, verb.name)
        measured[key] = max(error, measured.get(key, 0.0))
        assert error <= kind.bound, describe(member, got, p, q, options)

    return check


def each_class(*makers: MakePairs) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", makers, ids=lambda make: make.__name__)


@cache
def _cached(make: MakePairs, kind: Float) -> list[Pair]:
    return make(kind)


def name_of(make: MakePairs, suffix: str = "") -> str:
    return make.__name__.replace("_", " ") + suffix


@each_class(*classes.AS_GIVEN)
@each_float
@each_verb
def test_as_given(verb: Verb, kind: Float, make: MakePairs, check: Callable[..., None]) -> None:
    check(verb, kind, name_of(make), _cached(make, kind))


@each_class(
    *classes.ANY_MASS,
    *(classes.random, classes.near, classes.far, classes.sparse, classes.extreme),
)
@each_float
@each_verb
def test_normalized(verb: Verb, kind: Float, make: MakePairs, check: Callable[..., None]) -> None:
    name = name_of(make, ", normalized")
    check(verb, kind, name, _cached(make, kind), **verb.options(normalize=True))


@each_float
@each_verb
def test_long_normalized(verb: Verb, kind: Float, check: Callable[..., None]) -> None:
    pairs = [(p, q * kind.array(3)) for p, q in _cached(classes.lengths, kind)]
    check(verb, kind, "lengths, normalized", pairs, **verb.options(normalize=True))


@pytest.mark.slow
@each_float
@each_verb
def test_150_000_classes(verb: Verb, kind: Float, check: Callable[..., None]) -> None:
    pairs = _cached(classes.vocabulary, kind)
    check(verb, kind, "vocabulary", pairs)
    normalized = [(p, q * kind.array(3)) for p, q in pairs]
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


@pytest.mark.parametrize(
    ("verb", "p", "q", "options", "expected"),
    [
        (RENYI_ENTROPY.at(0), [1, 5e-324], None, {}, math.log(2)),
        (TSALLIS_ENTROPY.at(0), [0.5, 0.5, 5e-324], None, {}, 2),
        (TSALLIS_ENTROPY.at(0), [1e-305, 1.0], None, {}, 1),
        (RENYI.at(1 + 1e-12), [1, 0], [1, 1e-300], {}, 1e-300),
        (RENYI.at(1 - 2**-53), [1, 5e-324], [1, 0], {}, 4.45e-308),
        (RENYI.at(1), [1, 0, 5e-324], [0, 0.8, 0.2], {}, math.inf),
        (CHI2, [0.5, 0.5], [1, -0.0], {}, math.inf),
        (CHI2, [0.125, 0, 1, 1], [1e-310, 1, 1, 1], {"normalize": True}, 1.038e308),
        (CHI2, [0.1875, 0, 1, 1, 1], [1e-310, 1, 1, 1, 1], {"normalize": True}, 1.384e308),
        (NEYMAN, [0.5, 0.5, 0], [1, 1, 5e-324], {"normalize": True}, math.inf),
        (CHI2, [0.99, 0.01], [1, 1e-311], {}, 1e307),
        (JS_DISTANCE, [1, 5e-324], [1, 0], {}, 1.3085e-162),
        (HELLINGER, [1, 5e-324], [1, 0], {}, 1.5717e-162),
        (
            RENYI.at(1e6),
            [0.42055115215903455, 0.5794488478409654],
            [1.5560410918892231, 2.1439589081107773],
            {"normalize": True},
            None,
        ),
    ],
    ids=str,
)
def test_was_wrong_once(
    verb: Verb, p: list[float], q: list[float], options: dict[str, Any], expected: float | None
) -> None:
    """Small orders, orders near 1, large ones, and roots and squares at the ends of the range."""
    rows = np.array(p), np.array(p if q is None else q)
    if expected is not None:
        assert verb(*rows, **options) == pytest.approx(expected, rel=1e-3, abs=0)
    assert_right(verb, *rows, F64, **options)


def test_order_next_to_1_of_f32_rows_was_wrong_once() -> None:
    assert_right(RENYI.at(1 - 2**-53), F32.array([1, 2**-24]), F32.array([1, 0]), F32)


def test_large_order_of_neighbouring_f32_rows_was_wrong_once() -> None:
    p = F32.array([0.37247487902641296, 0.6275250911712646])
    q = F32.array([0.3724750876426697, 0.6275249719619751])
    assert_right(TSALLIS.at(1e6), p, q, F32, normalize=True)


@pytest.mark.parametrize("verb", [TOTAL_VARIATION, RENYI.at(2), RENYI.at(math.inf)], ids=str)
def test_nearly_proportional_f32_rows_were_wrong_once(verb: Verb) -> None:
    """Equal to 14 digits, but for the sums: the shares are to be found in more than float64."""
    p, q = F32.array([196_418, 121_393]), F32.array([121_393, 75_025])
    assert_right(verb, p, q, F32, normalize=True)
