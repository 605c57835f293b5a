"""`klrs.variational` from its definitions: numbers, laws, layouts, gradients, bounds and errors.

The oracle is reference_variational.py, which is itself tested first, against the integrals.
"""

from __future__ import annotations

import doctest
import inspect
import math
import re
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import klrs
import reference_variational as reference
from inputs import BF16, F16, F32, F64, FLOATS, Float, assert_same_bits, each_float
from klrs import distributions, variational
from klrs.variational import (
    evidence_lower_bound,
    importance_weighted_bound,
    kl_to_standard_normal,
)
from layouts_of_pairs import layouts
from processes import run_python

both = klrs.value_and_grad(kl_to_standard_normal)
by_mean = klrs.value_and_grad(kl_to_standard_normal, 0)
by_log_variance = klrs.value_and_grad(kl_to_standard_normal, 1)

BOUNDS = (evidence_lower_bound, importance_weighted_bound)
each_bound = pytest.mark.parametrize("bound", BOUNDS, ids=lambda it: it.__name__)


def normal(seed: int, *shape: int, kind: Float = F64) -> tuple[np.ndarray, np.ndarray]:
    """Means and log variances as an encoder gives them."""
    random = np.random.default_rng(seed)
    return kind.array(random.normal(0, 1, shape)), kind.array(random.normal(-1, 1.5, shape))


def floats(x: Any) -> list[float]:
    return np.ravel(np.asarray(x).astype(np.float64)).tolist()


def relative_error(got: Any, exact: mpf) -> float:
    """Relative to the exact number, or to the smallest normal one, below which floats are even.

    inf is right where the exact number rounds to it, and only there.
    """
    info = np.finfo(got.dtype) if got.dtype.kind == "f" else BF16
    smallest = float(getattr(info, "smallest_normal", BF16.normal))
    largest = float(getattr(info, "max", 3.3895313892515355e38))
    got = float(got)
    if mp.isnan(exact) or math.isnan(got):
        assert mp.isnan(exact) == math.isnan(got), (got, exact)
        return 0.0
    if math.isinf(got):
        assert abs(exact) > largest * (1 - 1e-2 * (largest < 1e40)), (got, mp.nstr(exact, 20))
        assert (exact > 0) == (got > 0), (got, exact)
        return 0.0
    if mp.isinf(exact):
        return math.inf
    return float(abs(mpf(got) - exact) / max(abs(exact), mpf(smallest)))


def worst(got: Any, exact: list[mpf]) -> float:
    return max(relative_error(x, e) for x, e in zip(np.ravel(got), exact, strict=True))


# ------------------------------------------------------------------------------------ the oracle


@pytest.mark.parametrize(
    ("mean", "log_variance"), [(0.0, 1e-3), (0.5, -1.25), (-3.0, 2.0), (1e-4, 0.0), (2.0, -9.0)]
)
def test_the_oracle_is_the_integral(mean: float, log_variance: float) -> None:
    integral = reference.kl_by_integral(mean, log_variance)
    closed = reference.kl_of_dimension(mean, log_variance)
    assert abs(integral - closed) <= 1e-25 * max(closed, mpf("1e-6"))


def test_the_gradient_of_the_oracle_is_its_derivative() -> None:
    with mp.workdps(40):
        step = mpf(2) ** -40
        for m, v in ((0.5, -1.25), (-3.0, 2.0), (1e-4, 1e-5)):
            exact = reference.kl_gradient(m, v)
            for axis, slope in enumerate(exact):
                ends = []
                for sign in (1, -1):
                    at = [mpf(m), mpf(v)]
                    at[axis] += sign * step
                    ends.append((at[0] ** 2 + mp.exp(at[1]) - 1 - at[1]) / 2)
                assert abs((ends[0] - ends[1]) / (2 * step) - slope) <= 1e-20


MODELS = (
    reference.Model(0.0, 1.0, 0.5, (0.25, 1.5, -0.75, 0.125)),
    reference.Model(2.5, 3.0, 1.25, (1.0, 4.0, 2.0)),
    reference.Model(-1.0, 0.125, 2.0, (5.0,)),
)
each_model = pytest.mark.parametrize("model", MODELS, ids=range(len(MODELS)))


@each_model
def test_the_evidence_of_the_oracle_is_the_integral(model: reference.Model) -> None:
    integral = reference.log_evidence_by_integral(model)
    assert abs(integral - reference.log_evidence(model)) <= 1e-25


def test_the_estimates_of_the_oracle_by_hand() -> None:
    value, error = reference.evidence_lower_bound([1.0, 2.0, 6.0], [0.0, 0.0, 0.0])
    assert (value, error**2) == (3, pytest.approx(7 / 3, rel=1e-15))
    value, error = reference.importance_weighted_bound([math.log(2), math.log(6)], [0.0, 0.0])
    assert float(value) == pytest.approx(math.log(4), rel=1e-15)
    assert float(error) == pytest.approx(math.sqrt(8) / math.sqrt(2) / 4, rel=1e-15)


# ------------------------------------------------------------- accuracy of kl_to_standard_normal

Make = Callable[[Float], tuple[np.ndarray, np.ndarray]]


def ordinary(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    return normal(0, 6, 33, kind=kind)


def near_zero(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    """Rows down to where the square of a number is the smallest normal float, or nearly so."""
    deepest = {"f64": 150, "f32": 18, "bf16": 18, "f16": 7}[str(kind)]
    # Every power of ten where e^v - 1 - v loses its digits, and then some.
    powers = np.concatenate([np.arange(1, min(9, deepest)), np.linspace(7, deepest, 8)])
    scales = 10.0 ** -powers[:, np.newaxis]
    random = np.random.default_rng(1)
    # Away from 0, so that each is of the size of its row.
    shape = (2, len(powers), 20)
    sizes = random.uniform(1, 3, shape) * random.choice([-1, 1], shape)
    return kind.array(sizes[0] * scales), kind.array(sizes[1] * scales)


def near_zero_mean_only(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    m, _ = near_zero(kind)
    return m, np.zeros_like(m)


def near_zero_variance_only(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    _, v = near_zero(kind)
    return np.zeros_like(v), v


def around_one(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    """Where e^v - 1 - v leaves its series: |v| near ln 2 / 2, ln 2, 1."""
    v = np.concatenate([s * np.linspace(0.3, 1.1, 97) for s in (1, -1)])
    return np.zeros((194, 1), kind.dtype), kind.array(v[:, np.newaxis])


def large_variance(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    most = 700.0 if kind is F64 else 80.0
    v = np.random.default_rng(2).uniform(-most, most, (8, 19))
    v[0], v[1] = most, -most
    return kind.array(np.zeros_like(v)), kind.array(v)


def large_mean(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    most = {"f64": 1e153, "f32": 4e18, "bf16": 4e18, "f16": 6e4}[str(kind)]
    random = np.random.default_rng(3)
    m = most ** random.uniform(0, 1, (8, 19)) * random.choice([-1, 1], (8, 19))
    m[0] = most
    return kind.array(m), kind.array(random.normal(0, 1, (8, 19)))


def mixed(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of every size in one row, the largest at any place."""
    random = np.random.default_rng(4)
    sizes = 10.0 ** random.uniform(-7, 1, (2, 12, 70)) * random.choice([-1, 1], (2, 12, 70))
    return kind.array(sizes[0]), kind.array(sizes[1])


def one_dimension(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    return normal(5, 64, 1, kind=kind)


def many_dimensions(kind: Float) -> tuple[np.ndarray, np.ndarray]:
    """A few numbers in any order, so that the oracle has few exponentials to compute."""
    pairs = [x[np.random.default_rng(6).integers(0, 400, 100_003)] for x in normal(7, 400)]
    return kind.array(pairs[0]), kind.array(pairs[1])


CLASSES: tuple[Make, ...] = (
    ordinary,
    near_zero,
    near_zero_mean_only,
    near_zero_variance_only,
    around_one,
    large_variance,
    large_mean,
    mixed,
    one_dimension,
    many_dimensions,
)
each_class = pytest.mark.parametrize("make", CLASSES, ids=lambda it: it.__name__)
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"base": 2},
    {"base": 10},
    {"free_bits": 0.25},
    {"free_bits": 0.25, "base": 2},
    {"free_bits": 0},
)


def exact_values(m: np.ndarray, v: np.ndarray, **options: Any) -> list[mpf]:
    rows = zip(np.atleast_2d(m), np.atleast_2d(v), strict=True)
    return [reference.kl_to_standard_normal(floats(a), floats(b), **options) for a, b in rows]


@each_float
@each_class
def test_accuracy(
    make: Make, kind: Float, measured: MutableMapping[tuple[str, str, str], float]
) -> None:
    m, v = make(kind)
    for options in OPTIONS if make is not many_dimensions else OPTIONS[::4]:
        got = kl_to_standard_normal(m, v, **options)
        assert got.dtype == kind.result
        error = worst(got, exact_values(m, v, **options))
        key = str(kind), make.__name__, "kl_to_standard_normal"
        measured[key] = max(measured.get(key, 0.0), error)
        assert error <= kind.bound, options


@each_float
@each_class
def test_accuracy_of_each_dimension(make: Make, kind: Float) -> None:
    m, v = (x[..., :300] for x in make(kind))
    for options in OPTIONS:
        got = kl_to_standard_normal(m, v, axis=(), **options)
        assert (got.shape, got.dtype) == (m.shape, kind.result)
        pairs = zip(floats(m), floats(v), strict=True)
        exact = [reference.kl_to_standard_normal([a], [b], **options) for a, b in pairs]
        assert worst(got, exact) <= kind.bound, options


def gradient_bound(kind: Float) -> float:
    """Of a gradient in the dtype of its operand: the promised one, or a rounding to a half."""
    return max(kind.bound, 1.01 * kind.unit)


@each_float
@each_class
def test_accuracy_of_gradients(make: Make, kind: Float) -> None:
    m, v = (x[..., :300] for x in make(kind))
    for options in OPTIONS:
        value, gradients = both(m, v, **options)
        assert_same_bits(value, kl_to_standard_normal(m, v, **options))
        pairs = zip(floats(m), floats(v), strict=True)
        exact = [reference.kl_gradient(a, b, **options) for a, b in pairs]
        for axis, gradient in enumerate(gradients):
            assert (gradient.shape, gradient.dtype) == (m.shape, kind.dtype)
            error = worst(gradient, [it[axis] for it in exact])
            assert error <= gradient_bound(kind), (axis, options)


@each_float
@pytest.mark.parametrize("make", [ordinary, near_zero, large_mean], ids=lambda it: it.__name__)
def test_the_gradient_of_the_mean_is_the_mean(make: Make, kind: Float) -> None:
    m, v = make(kind)
    assert_same_bits(both(m, v)[1][0], m)


LENGTHS = (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257, 1023, 4097)


@each_float
@pytest.mark.parametrize("length", LENGTHS)
def test_every_dimension_counts_once(length: int, kind: Float) -> None:
    """Lengths around the edges of vectors and blocks: a dimension alone, and the others at 0."""
    places = sorted({0, length // 3, length // 2, max(0, length - 2), length - 1})
    m = np.zeros((len(places), length), kind.dtype)
    v = np.zeros_like(m)
    m[range(len(places)), places] = 2
    v[range(len(places)), places] = 1
    expected = (4 + math.e - 2) / 2
    for got in (kl_to_standard_normal(m, v), both(m, v)[0]):
        np.testing.assert_allclose(got.astype(float), expected, rtol=kind.bound)
    # Of a few dimensions in any order: the oracle is slow.
    few = np.random.default_rng(length).integers(0, 99, (2, length))
    a, b = (x[few] for x in normal(32, 99, kind=kind))
    assert worst(kl_to_standard_normal(a, b), exact_values(a, b)) <= kind.bound
    for place in places:
        kept = np.arange(length) != place
        got = kl_to_standard_normal(a, b, where=kept) if length > 1 else None
        if got is not None:
            assert worst(got, exact_values(a[:, kept], b[:, kept])) <= kind.bound


# ------------------------------------------------------------------------------ its special values

INF, NAN = math.inf, math.nan


@each_float
@pytest.mark.parametrize(
    ("mean", "log_variance", "expected"),
    [
        (0.0, 0.0, 0.0),
        (-0.0, -0.0, 0.0),
        (0.0, -INF, INF),
        (0.0, INF, INF),
        (INF, 0.0, INF),
        (-INF, 0.0, INF),
        (INF, -INF, INF),
        (1.0, INF, INF),
        (NAN, 0.0, NAN),
        (0.0, NAN, NAN),
        (NAN, INF, NAN),
        (INF, NAN, NAN),
    ],
)
def test_special_values(mean: float, log_variance: float, expected: float, kind: Float) -> None:
    for length in (1, 40):
        m, v = normal(0, 3, length, kind=kind)
        alone = kl_to_standard_normal(m, v)
        m[1], v[1] = (0, 0) if expected == 0 else (m[1], v[1])
        m[1, length // 2], v[1, length // 2] = mean, log_variance
        for options in ({}, {"free_bits": 0.5}, {"base": 2}):
            got = kl_to_standard_normal(m, v, **options)
            of_zeros = 0.5 * length if "free_bits" in options else 0.0
            np.testing.assert_equal(float(got[1]), expected or of_zeros)
            assert not np.signbit(got[1])
            value, _ = both(m, v, **options)
            assert_same_bits(value, got)
        assert_same_bits(kl_to_standard_normal(m, v)[[0, 2]], alone[[0, 2]])
        assert not math.isfinite(expected) or kl_to_standard_normal(m, v)[1] == 0


def test_gradients_of_special_values() -> None:
    m = np.array([INF, -INF, 0.0, 0.0, -0.0])
    v = np.array([0.0, 0.0, -INF, INF, 0.0])
    _, (slope_m, slope_v) = both(m[:, np.newaxis], v[:, np.newaxis])
    np.testing.assert_array_equal(slope_m[:, 0], m)
    np.testing.assert_array_equal(slope_v[:, 0], [0, 0, -0.5, INF, 0])
    _, gradients = both([[NAN, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, NAN]])
    assert np.isnan(gradients[0][0, 0])
    assert np.isnan(gradients[1][1, 1])
    _, gradients = both([[NAN, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]])
    assert np.isfinite(gradients[0][1]).all()
    assert np.isfinite(gradients[1][1]).all()


@pytest.mark.parametrize(
    ("kind", "mean", "log_variance"),
    [
        # e^v overflows and half of it does not; the same of a square.
        (F64, 0.0, 709.9),
        (F64, 0.0, 710.4),
        (F64, 1.5e154, 0.0),
        (F64, 1.89e154, -2.0),
        (F64, 0.0, -1.7e308),
        (F32, 0.0, 89.0),
        (F32, 0.0, 89.3),
        (F32, 2.5e19, 0.0),
        (F32, 2.6e19, 1.0),
        (F32, 0.0, -3.4e38),
    ],
)
def test_only_the_value_overflows(kind: Float, mean: float, log_variance: float) -> None:
    m, v = kind.array([mean]), kind.array([log_variance])
    exact = reference.kl_to_standard_normal(floats(m), floats(v))
    for got in (kl_to_standard_normal(m, v), both(m, v)[0], kl_to_standard_normal(m, v, axis=())):
        assert np.isfinite(got).all()
        assert relative_error(np.ravel(got)[0], exact) <= kind.bound
    slope = both(m, v)[1][1][0]
    assert relative_error(slope, reference.kl_gradient(float(m[0]), float(v[0]))[1]) <= kind.bound
    # Among many, one term more or less is seen.
    wide_m, wide_v = np.zeros((2, 500), kind.dtype), np.zeros((2, 500), kind.dtype)
    wide_m[1, 77], wide_v[1, 77] = m[0], v[0]
    got = kl_to_standard_normal(wide_m, wide_v)
    assert got[0] == 0
    assert relative_error(got[1], exact) <= kind.bound


def test_what_overflows_is_infinite() -> None:
    assert kl_to_standard_normal([2e154], [0.0]) == INF
    assert kl_to_standard_normal([0.0], [711.0]) == INF
    assert kl_to_standard_normal(np.float32([2.7e19]), np.float32([0])) == INF
    assert kl_to_standard_normal(np.float32([0]), np.float32([90])) == INF
    assert kl_to_standard_normal(np.float32([1.5e19] * 8), np.zeros(8, np.float32)) == INF


def test_a_mean_of_large_losses_does_not_overflow() -> None:
    m = np.float32([[2.5e19], [2.4e19], [2.5e19]])
    v = np.zeros_like(m)
    got = kl_to_standard_normal(m, v, reduction="mean")
    assert got.dtype == np.float32
    assert got == pytest.approx(np.mean(m.astype(float) ** 2 / 2), rel=2e-6)
    assert both(m, v, reduction="mean")[0] == pytest.approx(float(got), rel=1e-6)
    assert kl_to_standard_normal(m, v, reduction="sum") == INF


@pytest.mark.parametrize("gap", [1, 4, 8, 16, 32, 64, 100])
def test_sums_of_float32_do_not_overflow_on_the_way(gap: int) -> None:
    """Terms near the largest float32, in one lane of a vector or in several."""
    m = np.zeros(6 * gap, np.float32)
    m[::gap] = 1e19
    v = np.zeros_like(m)
    total = 6 * float(np.float32(1e19)) ** 2 / 2
    assert kl_to_standard_normal(m, v) == pytest.approx(total, rel=2e-6)
    m[::gap] = 1.4e19
    total = 6 * float(np.float32(1.4e19)) ** 2 / 2
    assert kl_to_standard_normal(m, v) == INF
    got = kl_to_standard_normal(m, v, base=10)
    assert got == pytest.approx(total / math.log(10), rel=2e-6)


# ------------------------------------------------------------------------------------ its keywords


def test_by_hand() -> None:
    assert kl_to_standard_normal([1.0, -2.0, 0.0], [0.0, 0.0, 0.0]) == 2.5
    v = math.log(4.0)
    assert kl_to_standard_normal([0.0], [v]) == pytest.approx((4 - 1 - v) / 2, rel=1e-14)


def test_the_expression_of_textbooks() -> None:
    """-1/2 sum (1 + v - m^2 - e^v): Kingma and Welling, appendix B, and everybody's VAE."""
    m, v = normal(8, 50, 20)
    expected = -0.5 * (1 + v - m**2 - np.exp(v)).sum(-1)
    np.testing.assert_allclose(kl_to_standard_normal(m, v), expected, rtol=1e-12)


def test_kl_of_the_distributions() -> None:
    m, v = normal(9, 30)
    p = distributions.Normal(m, np.exp(v / 2))
    expected = distributions.kl_divergence(p, distributions.Normal(0, 1))
    np.testing.assert_allclose(kl_to_standard_normal(m, v, axis=()), expected, rtol=1e-12)
    assert kl_to_standard_normal(m, v) == pytest.approx(expected.sum(), rel=1e-12)


def test_axes() -> None:
    m, v = normal(10, 3, 4, 5)
    each = kl_to_standard_normal(m, v, axis=())
    assert each.shape == (3, 4, 5)
    for axis in (-1, 0, 1, 2, -3, (0, 1), (2, 0), (-1, -2), (0, 1, 2), None):
        got = kl_to_standard_normal(m, v, axis=axis)
        np.testing.assert_allclose(got, each.sum(axis), rtol=1e-14)
        kept = kl_to_standard_normal(m, v, axis=axis, keepdims=True)
        assert kept.shape == each.sum(axis, keepdims=True).shape
        assert_same_bits(np.ravel(kept), np.ravel(got))
        value, gradients = both(m, v, axis=axis)
        assert_same_bits(value, got)
        np.testing.assert_allclose(gradients[0], m, rtol=1e-14)
        np.testing.assert_allclose(gradients[1], np.expm1(v) / 2, rtol=1e-13)
    assert_same_bits(kl_to_standard_normal(m, v), kl_to_standard_normal(m, v, axis=2))
    moved = kl_to_standard_normal(np.moveaxis(m, 1, 2), np.moveaxis(v, 1, 2))
    assert_same_bits(kl_to_standard_normal(m, v, axis=1), moved)
    flat = kl_to_standard_normal(m.reshape(3, 20), v.reshape(3, 20))
    assert_same_bits(kl_to_standard_normal(m, v, axis=(2, 1)), flat)
    assert_same_bits(kl_to_standard_normal(m, v, axis=(), keepdims=True), each)


def test_kinds_of_results() -> None:
    m, v = normal(11, 4, 6)
    assert type(kl_to_standard_normal(m[0], v[0])) is np.float64
    assert type(kl_to_standard_normal(m, v, axis=None)) is np.float64
    assert type(kl_to_standard_normal(m, v, reduction="mean")) is np.float64
    assert type(kl_to_standard_normal(np.float32(m), np.float32(v), axis=None)) is np.float32
    assert type(kl_to_standard_normal(1.0, 0.0, axis=())) is np.float64
    assert kl_to_standard_normal(1.0, 0.0, axis=()) == 0.5
    assert kl_to_standard_normal(np.float32(m), v).dtype == np.float64
    assert kl_to_standard_normal(F16.array(m), BF16.array(v)).dtype == np.float32
    assert kl_to_standard_normal(F16.array(m), np.float32(v)).dtype == np.float32


def test_what_numpy_reads() -> None:
    assert kl_to_standard_normal([3, 4], [0, 0]) == 12.5
    assert type(kl_to_standard_normal([3, 4], [0, 0])) is np.float64
    assert kl_to_standard_normal(((1, 2), (3, 4)), 0).tolist() == [2.5, 12.5]
    for dtype in (np.int8, np.uint8, np.int64, np.uint64, ">i2"):
        got = kl_to_standard_normal(np.array([3, 4], dtype), np.zeros(2, dtype))
        assert (got, got.dtype) == (12.5, np.float64)
    assert kl_to_standard_normal(memoryview(np.array([3.0, 4.0])), [0, 0]) == 12.5
    value, gradients = both([3, 4], [0, 0])
    assert [it.dtype for it in gradients] == [np.float64] * 2
    assert (value, gradients[0].tolist(), gradients[1].tolist()) == (12.5, [3, 4], [0, 0])


class Column:
    """What pandas, xarray and others have in common: it can be made an array."""

    def __init__(self, x: list[float]) -> None:
        self.x = x

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.x, dtype)


def test_what_can_be_made_an_array() -> None:
    assert kl_to_standard_normal(Column([3.0, 4.0]), Column([0.0, 0.0])) == 12.5
    for bound in BOUNDS:
        assert bound(Column([3.0, 3.0]), Column([1.0, 1.0])).value == pytest.approx(2, rel=1e-15)


def test_a_column_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"mean": [3.0, 4.0], "log_variance": [0.0, 0.0]})
    assert kl_to_standard_normal(table["mean"], table["log_variance"]) == 12.5


def test_mixed_dtypes_are_read_exactly() -> None:
    m, v = normal(12, 5, 40)
    for kind in FLOATS:
        narrow = kind.array(m)
        expected = kl_to_standard_normal(narrow.astype(np.float64), v)
        assert_same_bits(kl_to_standard_normal(narrow, v), expected)
        expected = kl_to_standard_normal(v, narrow.astype(np.float64))
        assert_same_bits(kl_to_standard_normal(v, narrow), expected)


@each_float
def test_operands_broadcast(kind: Float) -> None:
    m, v = normal(13, 4, 3, 6, kind=kind)
    for a, b in (
        (m, v[0, 0]),
        (m[0, 0], v),
        (m, v[:, :1]),
        (m[:1], v),
        (m, v[..., :1]),
        (m[:, :1, :1], v[0]),
        (m, v[0, 0, 0]),
        (m[0, 0, 0], v),
    ):
        wide = [np.ascontiguousarray(it) for it in np.broadcast_arrays(a, b)]
        for axis in (-1, 1, (), None):
            got = kl_to_standard_normal(a, b, axis=axis)
            assert_same_bits(got, kl_to_standard_normal(*wide, axis=axis))
        value, gradients = both(a, b)
        expected, of_wide = both(*wide)
        assert_same_bits(value, expected)
        for operand, gradient, whole in zip((a, b), gradients, of_wide, strict=True):
            assert (np.shape(gradient), gradient.dtype) == (np.shape(operand), kind.dtype)
            summed = np.asarray(whole, np.float64)
            while summed.ndim > np.ndim(operand):
                summed = summed.sum(0)
            stretched = [i for i, n in enumerate(np.shape(operand)) if n != summed.shape[i]]
            summed = summed.sum(tuple(stretched), keepdims=True)
            size = np.abs(np.asarray(whole, float)).sum() * max(1e-13, 4 * kind.unit)
            np.testing.assert_allclose(np.asarray(gradient, float), summed, rtol=0, atol=size)


def test_bases() -> None:
    m, v = normal(14, 5, 30)
    nats = kl_to_standard_normal(m, v)
    _, of_nats = both(m, v)
    for base in (2, 10, 1.5, math.e, 2.0, np.float32(4)):
        got = kl_to_standard_normal(m, v, base=base)
        np.testing.assert_allclose(got, nats / math.log(base), rtol=1e-14)
        _, gradients = both(m, v, base=base)
        for gradient, of_nat in zip(gradients, of_nats, strict=True):
            np.testing.assert_allclose(gradient, of_nat / math.log(base), rtol=1e-14)
    assert kl_to_standard_normal(1.0, 0.0, axis=(), base=2) == pytest.approx(0.5 / math.log(2))


def test_reductions() -> None:
    m, v = normal(15, 7, 3, 12)
    for keywords in ({}, {"axis": 0}, {"axis": ()}, {"axis": (0, 2)}, {"free_bits": 0.3}):
        rows = kl_to_standard_normal(m, v, **keywords)
        _, by_row = both(m, v, **keywords)
        for reduction in ("mean", "sum"):
            scale = 1 / rows.size if reduction == "mean" else 1.0
            got = kl_to_standard_normal(m, v, reduction=reduction, **keywords)
            assert got == pytest.approx(rows.sum() * scale, rel=1e-14)
            value, gradients = both(m, v, reduction=reduction, **keywords)
            assert value == pytest.approx(got, rel=1e-14)
            for gradient, of_row in zip(gradients, by_row, strict=True):
                np.testing.assert_allclose(gradient, of_row * scale, rtol=1e-13)


def test_weights_of_rows() -> None:
    m, v = normal(16, 4, 9)
    rows, by_row = both(m, v)
    weights = np.array([0.5, 0.0, 2.0, 1.0])
    value, gradients = both(m, v, sample_weight=weights)
    np.testing.assert_allclose(value, rows * weights, rtol=1e-14)
    mean, of_mean = both(m, v, sample_weight=weights, reduction="mean")
    assert mean == pytest.approx(np.average(rows, weights=weights), rel=1e-14)
    total, of_sum = both(m, v, sample_weight=weights, reduction="sum")
    assert total == pytest.approx((rows * weights).sum(), rel=1e-14)
    for i in (0, 1):
        weighed = by_row[i] * weights[:, np.newaxis]
        np.testing.assert_allclose(gradients[i], weighed, rtol=1e-13)
        np.testing.assert_allclose(of_sum[i], weighed, rtol=1e-13)
        np.testing.assert_allclose(of_mean[i], weighed / weights.sum(), rtol=1e-13)
    # A weight of 0 takes a row out, whatever is in it.
    m[1] = INF
    v[1, 3] = NAN
    value, gradients = both(m, v, sample_weight=weights, reduction="mean")
    assert value == pytest.approx(mean, rel=1e-14)
    assert not gradients[0][1].any()
    assert not gradients[1][1].any()


@each_float
def test_gradients_of_one_operand(kind: Float) -> None:
    m, v = normal(17, 4, 9, kind=kind)
    value, gradients = both(m, v, free_bits=0.1)
    assert isinstance(gradients, tuple)
    for which, only in enumerate((by_mean, by_log_variance)):
        again, gradient = only(m, v, free_bits=0.1)
        assert_same_bits(again, value)
        assert_same_bits(gradient, gradients[which])
    swapped = klrs.value_and_grad(kl_to_standard_normal, (1, 0))(m, v, free_bits=0.1)[1]
    assert_same_bits(swapped[0], gradients[1])
    assert_same_bits(swapped[1], gradients[0])


def test_gradients_are_finite_differences() -> None:
    """Of the function itself, in float64, through every keyword at once."""
    m, v = normal(18, 3, 5)
    keywords = {"free_bits": 0.4, "base": 2, "where": np.arange(5) != 2, "reduction": "mean"}
    _, gradients = both(m, v, **keywords)
    step = 1e-6
    for which, gradient in enumerate(gradients):
        for place in np.ndindex(3, 5):
            ends = []
            for sign in (1, -1):
                at = [m.copy(), v.copy()]
                at[which][place] += sign * step
                ends.append(kl_to_standard_normal(*at, **keywords))
            slope = (ends[0] - ends[1]) / (2 * step)
            assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


# --------------------------------------------------------------------------------------- free bits


def test_free_bits_by_hand() -> None:
    m, v = [3.0, 0.1, 1.0], [0.0, 0.0, 0.0]
    assert kl_to_standard_normal(m, v, free_bits=0.5) == 4.5 + 0.5 + 0.5
    assert kl_to_standard_normal(m, v, free_bits=1) == 4.5 + 1 + 1
    # The third is 1/2 itself: max has the slope 0 there.
    _, (slope_m, slope_v) = both(m, [0.5, 0.5, 0.0], free_bits=0.5)
    assert slope_m.tolist() == [3, 0, 0]
    assert slope_v[1:].tolist() == [0, 0]
    assert slope_v[0] == pytest.approx(math.expm1(0.5) / 2, rel=1e-14)


def test_free_bits_are_in_units_of_the_base() -> None:
    m = np.array([1.0])  # 0.5 nats, 0.721 bits
    assert kl_to_standard_normal(m, [0.0], free_bits=0.6) == 0.6
    bits = 0.5 / math.log(2)
    got = kl_to_standard_normal(m, [0.0], free_bits=0.6, base=2)
    assert got == pytest.approx(bits, rel=1e-14)
    raised = kl_to_standard_normal(m, [0.0], free_bits=0.8, base=2)
    assert raised == pytest.approx(0.8, rel=1e-15)
    assert both(m, [0.0], free_bits=0.6, base=2)[1][0] == pytest.approx(1 / math.log(2))
    assert both(m, [0.0], free_bits=0.8, base=2)[1][0] == 0


@each_float
def test_no_free_bits_are_none(kind: Float) -> None:
    m, v = normal(19, 5, 40, kind=kind)
    m[0], v[0] = 0, 0
    value, gradients = both(m, v)
    again, others = both(m, v, free_bits=0)
    assert_same_bits(again, value)
    for gradient, other in zip(gradients, others, strict=True):
        assert_same_bits(other + 0, gradient + 0)


def test_free_bits_are_at_least_and_monotone() -> None:
    m, v = normal(20, 30, 12)
    before = kl_to_standard_normal(m, v)
    for free_bits in (1e-300, 1e-6, 0.01, 0.5, 1.0, 20.0):
        value = kl_to_standard_normal(m, v, free_bits=free_bits)
        assert (value >= before * (1 - 1e-15)).all()
        assert (value >= 12 * free_bits * (1 - 1e-14)).all()
        before = value
    assert kl_to_standard_normal(m, v, free_bits=1e6).tolist() == [12e6] * 30


def test_free_bits_of_a_batch() -> None:
    """Kingma's variant, from the form that sums nothing: the minimum is of the batch's mean."""
    m, v = normal(21, 64, 8)
    each = kl_to_standard_normal(m, v, axis=())
    of_batch = np.maximum(each.mean(0), 0.5).sum()
    of_rows = kl_to_standard_normal(m, v, free_bits=0.5, reduction="mean")
    assert of_batch <= of_rows  # the mean of maxima is at least the maximum of means


def test_free_bits_where_nothing_is_left_out() -> None:
    m, v = [[0.0, 0.0, 9.0]], [[0.0, 0.0, 9.0]]
    kept = [True, True, False]
    assert kl_to_standard_normal(m, v, free_bits=0.25, where=kept).tolist() == [0.5]


# ------------------------------------------------------------------------------------------- where


@each_float
@pytest.mark.parametrize("length", [3, 40, 700])
def test_where(length: int, kind: Float) -> None:
    m, v = normal(22, 6, length, kind=kind)
    kept = np.random.default_rng(23).random((6, length)) < 0.6
    kept[:, 0] = True
    expected = [
        reference.kl_to_standard_normal(floats(a[k]), floats(b[k]), free_bits=0.1)
        for a, b, k in zip(m, v, kept, strict=True)
    ]
    filled = [np.where(kept, x, kind.array(fill)) for x, fill in ((m, NAN), (v, INF))]
    filled = [x.astype(kind.dtype) for x in filled]
    for a, b in ((m, v), filled):
        got = kl_to_standard_normal(a, b, where=kept, free_bits=0.1)
        assert worst(got, expected) <= kind.bound
        value, gradients = both(a, b, where=kept, free_bits=0.1)
        assert_same_bits(value, got)
        for gradient in gradients:
            assert (gradient[~kept] == 0).all()
            assert np.isfinite(gradient).all()
    assert_same_bits(
        kl_to_standard_normal(*filled, where=kept), kl_to_standard_normal(m, v, where=kept)
    )
    of_zeros = kl_to_standard_normal(*(np.where(kept, x, 0 * x[:1, :1]) for x in (m, v)))
    np.testing.assert_allclose(kl_to_standard_normal(m, v, where=kept), of_zeros, rtol=kind.bound)


def test_where_broadcasts_and_may_be_anything_of_bools() -> None:
    m, v = normal(24, 4, 5, 6)
    for kept in (
        np.arange(6) > 1,
        (np.arange(5) > 1)[:, np.newaxis],
        np.random.default_rng(0).random((4, 5, 6)) < 0.7,
        [True, True, False, True, False, True],
        np.broadcast_to(True, (4, 5, 6)),
        True,
    ):
        expected = kl_to_standard_normal(m, v, axis=())
        expected = np.where(kept, expected, 0).sum((1, 2))
        got = kl_to_standard_normal(m, v, axis=(1, 2), where=kept)
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    assert_same_bits(kl_to_standard_normal(m, v, where=True), kl_to_standard_normal(m, v))


# --------------------------------------------------------------------------------------------- out


@each_float
def test_out(kind: Float) -> None:
    m, v = normal(25, 6, 20, kind=kind)
    expected = kl_to_standard_normal(m, v, free_bits=0.1)
    room = np.empty(6, kind.result)
    assert kl_to_standard_normal(m, v, free_bits=0.1, out=room) is room
    assert_same_bits(room, expected)
    wide = np.empty(6)
    assert kl_to_standard_normal(m, v, free_bits=0.1, out=wide) is wide
    np.testing.assert_allclose(wide, expected, rtol=kind.bound)
    gaps = np.full(12, np.nan, kind.result)
    kl_to_standard_normal(m, v, free_bits=0.1, out=gaps[::2])
    assert_same_bits(gaps[::2].copy(), expected)
    assert np.isnan(gaps[1::2]).all()
    each = np.empty((6, 20), kind.result)
    assert kl_to_standard_normal(m, v, axis=(), out=each) is each
    assert_same_bits(each, kl_to_standard_normal(m, v, axis=()))
    kept = np.empty((6, 1), kind.result)
    assert kl_to_standard_normal(m, v, free_bits=0.1, keepdims=True, out=kept) is kept
    assert_same_bits(kept[:, 0].copy(), expected)


@each_float
def test_gradients_in_place(kind: Float) -> None:
    m, v = normal(26, 6, 20, kind=kind)
    value, gradients = both(m, v, free_bits=0.1, reduction="mean")
    outs = np.empty_like(m), np.empty_like(v)
    again, written = both(m, v, free_bits=0.1, reduction="mean", out=outs)
    assert_same_bits(again, value)
    for out, it, gradient in zip(outs, written, gradients, strict=True):
        assert it is out
        assert_same_bits(out, gradient)
    only = np.empty_like(v)
    assert by_log_variance(m, v, free_bits=0.1, reduction="mean", out=only)[1] is only
    assert_same_bits(only, gradients[1])
    gaps = np.full((6, 40), 7, kind.dtype)
    both(m, v, free_bits=0.1, reduction="mean", out=(gaps[:, ::2], None))
    assert_same_bits(gaps[:, ::2].copy(), gradients[0])
    assert (gaps[:, 1::2] == 7).all()


def test_inputs_are_not_modified() -> None:
    m, v = normal(27, 5, 30)
    before = m.copy(), v.copy()
    kl_to_standard_normal(m, v, free_bits=0.2, reduction="mean")
    both(m, v, free_bits=0.2)
    for bound in BOUNDS:
        bound(m, v, axis=0)
    assert_same_bits(m, before[0])
    assert_same_bits(v, before[1])


# ------------------------------------------------------------------------ same bits in every layout


@each_float
@pytest.mark.parametrize("shape", [(5, 3), (4, 40), (3, 1000)])
def test_layouts_have_the_same_bits(shape: tuple[int, int], kind: Float) -> None:
    m, v = normal(28, *shape, kind=kind)
    kept = np.random.default_rng(29).random(shape) < 0.8
    kept[:, 0] = True
    for keywords in ({}, {"axis": 0}, {"axis": ()}, {"axis": None}, {"where": kept}):
        value, gradients = both(m, v, **keywords)
        plain = kl_to_standard_normal(m, v, **keywords)
        assert_same_bits(value, plain)
        for name, other in layouts(m):
            for a, b in ((other, v), (other, dict(layouts(v))[name])):
                assert_same_bits(kl_to_standard_normal(a, b, **keywords), plain)
                again, others = both(a, b, **keywords)
                assert_same_bits(again, plain)
                for one, expected in zip(others, gradients, strict=True):
                    assert_same_bits(one, expected)
    one = np.broadcast_to(v[0], shape)
    assert_same_bits(kl_to_standard_normal(m, one), kl_to_standard_normal(m, one.copy()))
    alone = [kl_to_standard_normal(a, b) for a, b in zip(m, v, strict=True)]
    assert_same_bits(np.array(alone), kl_to_standard_normal(m, v))


@each_float
@pytest.mark.parametrize("shape", [(3000, 130), (2, 100_003)])
def test_threads_change_no_bit(shape: tuple[int, int], kind: Float) -> None:
    m, v = normal(30, *shape, kind=kind)
    with klrs.threads(1):
        expected = both(m, v, free_bits=0.1)
        of_column = kl_to_standard_normal(m, v, axis=0)
        total = kl_to_standard_normal(m, v, reduction="mean")
    for threads in (2, 7):
        with klrs.threads(threads):
            value, gradients = both(m, v, free_bits=0.1)
            assert_same_bits(value, expected[0])
            assert_same_bits(gradients[0], expected[1][0])
            assert_same_bits(gradients[1], expected[1][1])
            assert_same_bits(kl_to_standard_normal(m, v, axis=0), of_column)
            assert_same_bits(kl_to_standard_normal(m, v, reduction="mean"), total)


# -------------------------------------------------------------------------------------------- laws

reals = st.floats(-300, 300)


@settings(max_examples=150)
@given(st.lists(st.tuples(reals, reals), min_size=1, max_size=40))
def test_never_negative_and_zero_only_at_the_prior(dimensions: list[tuple[float, float]]) -> None:
    m, v = (np.array(it) for it in zip(*dimensions, strict=True))
    for dtype in (np.float64, np.float32):
        a, b = m.astype(dtype), v.astype(dtype)
        value = kl_to_standard_normal(a, b)
        assert value >= 0
        squares = np.maximum(abs(a.astype(float)), abs(b.astype(float))) ** 2
        if value == 0:
            # Squares that are no floats.
            assert (squares < 4 * np.finfo(dtype).smallest_normal).all()
        if not a.any() and not b.any():
            assert value == 0
        each = kl_to_standard_normal(a, b, axis=())
        assert (each >= 0).all()
        assert (each >= a.astype(float) ** 2 / 2 * (1 - 2e-6)).all() or dtype is np.float32


@settings(max_examples=60)
@given(st.lists(reals, min_size=1, max_size=20), st.randoms())
def test_the_order_and_the_sign_of_dimensions(means: list[float], random: Any) -> None:
    m, v = np.array(means), np.linspace(-3, 3, len(means))
    order = list(range(len(means)))
    random.shuffle(order)
    value = kl_to_standard_normal(m, v)
    assert kl_to_standard_normal(m[order], v[order]) == pytest.approx(value, rel=1e-14)
    assert_same_bits(kl_to_standard_normal(-m, v), value)
    halves = [kl_to_standard_normal(m[i::2], v[i::2]) for i in (0, 1) if len(m[i::2])]
    assert sum(halves) == pytest.approx(value, rel=1e-14)


def test_descent_finds_the_prior() -> None:
    """Its only minimum, by its own gradient."""
    m, v = normal(31, 4, 6)
    for _ in range(200):
        value, (slope_m, slope_v) = both(m, v)
        m, v = m - 0.5 * slope_m, v - 0.5 * slope_v
    assert (value <= 1e-12).all()


# --------------------------------------------------------------------------- the bounds: accuracy


def draws(seed: int, shape: tuple[int, ...], offset: float, kind: Float) -> tuple[Any, Any]:
    """ln p(x, z) and ln q(z): a model's logarithms are large, and their difference varies by 1."""
    random = np.random.default_rng(seed)
    log_q = random.normal(0, 2, shape)
    return kind.array(log_q + offset + random.normal(0, 1, shape)), kind.array(log_q)


def check_estimate(  # noqa: PLR0917
    got: Any, exact: reference.Estimate, terms: list[float], kind: Float, size: float, steep: float
) -> None:
    """The value relative to its size, the standard error to itself and the rounding of terms."""
    value, error = got
    assert value.dtype == error.dtype == kind.result
    assert abs(mpf(float(value)) - exact.value) <= kind.bound * size
    if len(terms) == 1:
        assert np.isnan(error)
        return
    noise = 4e-16 * steep * max(map(abs, terms)) / math.sqrt(len(terms))
    assert abs(mpf(float(error)) - exact.standard_error) <= (
        kind.bound * exact.standard_error + noise
    ), (error, mp.nstr(exact.standard_error, 20))


@each_float
@pytest.mark.parametrize("count", [1, 2, 3, 33, 200])
@pytest.mark.parametrize("offset", [0.0, -40.0, -1e4, 600.0, -745.0])
@pytest.mark.parametrize("base", [None, 2])
def test_accuracy_of_the_bounds(offset: float, count: int, base: float | None, kind: Float) -> None:
    log_joint, log_q = draws(count, (2, count), offset, kind)
    unit = 1 / math.log(base) if base else 1.0
    lower = evidence_lower_bound(log_joint, log_q, base=base)
    weighted = importance_weighted_bound(log_joint, log_q, base=base)
    for it in (lower, weighted):
        assert it._fields == ("value", "standard_error")
        assert it.value.shape == it.standard_error.shape == (2,)
    for i, (a, b) in enumerate(zip(log_joint, log_q, strict=True)):
        pair = floats(a), floats(b)
        apart = [x - y for x, y in zip(*pair, strict=True)]
        size = math.fsum(map(abs, apart)) / count * unit
        got = lower.value[i], lower.standard_error[i]
        exact = reference.evidence_lower_bound(*pair, base=base)
        check_estimate(got, exact, [x * unit for x in apart], kind, size, 1)
        # The larger of the two that the value is made of: the largest, and the mean below it.
        top = max(apart)
        exact = reference.importance_weighted_bound(*pair, base=base)
        size = max(abs(top), abs(float(exact.value) / unit - top), 1e-3) * unit
        got = weighted.value[i], weighted.standard_error[i]
        check_estimate(got, exact, [unit] * count, kind, size, max(1, *map(abs, apart)))


def test_standard_errors_do_not_cancel() -> None:
    """A spread of 1e-6 about 1e8: the mean of squares less the squared mean has no digit of it."""
    log_joint = 1e8 + 2.0**-20 * np.array([1.0, -1, 2, 0, 5, -3])
    got = evidence_lower_bound(log_joint, np.zeros(6))
    exact = reference.evidence_lower_bound(floats(log_joint), [0.0] * 6)
    assert float(got.standard_error) == pytest.approx(float(exact.standard_error), rel=1e-9)
    weights = importance_weighted_bound(log_joint, np.zeros(6))
    exact = reference.importance_weighted_bound(floats(log_joint), [0.0] * 6)
    assert float(weights.standard_error) == pytest.approx(float(exact.standard_error), rel=1e-8)


@each_bound
def test_kinds_of_estimates(bound: Any) -> None:
    log_joint, log_q = draws(1, (4, 30), -3.0, F64)
    one = bound(log_joint[0], log_q[0])
    assert type(one.value) is type(one.standard_error) is np.float64
    assert isinstance(one, tuple)
    assert isinstance(one, variational.Estimate)
    value, error = one
    assert (value, error) == (one.value, one.standard_error)
    narrow = bound(np.float32(log_joint[0]), np.float32(log_q[0]))
    assert type(narrow.value) is type(narrow.standard_error) is np.float32
    assert bound(np.float32(log_joint), log_q).value.dtype == np.float64
    assert bound([1, 2, 3], [0, 0, 1]).value.dtype == np.float64
    assert "standard_error=" in repr(one)


@each_bound
def test_axes_of_the_bounds(bound: Any) -> None:
    log_joint, log_q = draws(2, (3, 4, 5), -3.0, F64)
    by_last = bound(log_joint, log_q)
    assert by_last.value.shape == (3, 4)
    for i, j in np.ndindex(3, 4):
        alone = bound(log_joint[i, j], log_q[i, j])
        assert_same_bits(alone.value, by_last.value[i, j])
        assert_same_bits(alone.standard_error, by_last.standard_error[i, j])
    for axis in (0, 1, -2, (0, 1), (-1, 0), None):
        got = bound(log_joint, log_q, axis=axis)
        axes = tuple(range(3)) if axis is None else axis
        moved = np.moveaxis(log_joint, axes, range(-1, -1 - np.size(axes), -1))
        moved_q = np.moveaxis(log_q, axes, range(-1, -1 - np.size(axes), -1))
        rows = moved.shape[: 3 - np.size(axes)]
        flat = bound(moved.reshape(*rows, -1), moved_q.reshape(*rows, -1))
        for a, b in zip(got, flat, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
        kept = bound(log_joint, log_q, axis=axis, keepdims=True)
        shape = np.sum(log_joint, axis, keepdims=True).shape
        assert kept.value.shape == kept.standard_error.shape == shape
        assert_same_bits(np.ravel(kept.value), np.ravel(got.value))


@each_bound
def test_layouts_of_the_bounds(bound: Any) -> None:
    for kind in FLOATS:
        log_joint, log_q = draws(3, (4, 50), -3.0, kind)
        expected = bound(log_joint, log_q)
        for name, other in layouts(log_joint):
            got = bound(other, dict(layouts(log_q))[name])
            assert_same_bits(got.value, expected.value)
            assert_same_bits(got.standard_error, expected.standard_error)
        got = bound(log_joint.T, log_q.T, axis=0)
        assert_same_bits(got.value, expected.value)
        assert_same_bits(got.standard_error, expected.standard_error)


@each_bound
def test_threads_change_no_bit_of_the_bounds(bound: Any) -> None:
    log_joint, log_q = draws(4, (3, 100_000), -3.0, F64)
    with klrs.threads(1):
        expected = bound(log_joint, log_q)
    with klrs.threads(7):
        got = bound(log_joint, log_q)
    assert_same_bits(got.value, expected.value)
    assert_same_bits(got.standard_error, expected.standard_error)


@each_bound
def test_where_of_the_bounds(bound: Any) -> None:
    log_joint, log_q = draws(5, (3, 20), -3.0, F64)
    kept = np.random.default_rng(6).random((3, 20)) < 0.5
    kept[2], kept[2, 4] = False, True
    a, b = np.where(kept, log_joint, NAN), np.where(kept, log_q, -INF)
    got = bound(a, b, where=kept)
    for i in range(3):
        alone = bound(log_joint[i][kept[i]], log_q[i][kept[i]])
        np.testing.assert_allclose(got.value[i], alone.value, rtol=1e-13)
        np.testing.assert_allclose(got.standard_error[i], alone.standard_error, rtol=1e-12)
    assert np.isnan(got.standard_error[2])
    assert_same_bits(bound(log_joint, log_q, where=True).value, bound(log_joint, log_q).value)


def test_draws_that_the_model_rules_out() -> None:
    log_joint, log_q = np.array([-INF, -1.0, -2.0, -INF]), np.array([-1.0, -2.0, -1.0, -3.0])
    assert evidence_lower_bound(log_joint, log_q).value == -INF
    got = importance_weighted_bound(log_joint, log_q)
    exact = reference.importance_weighted_bound(floats(log_joint), floats(log_q))
    assert float(got.value) == pytest.approx(float(exact.value), rel=1e-14)
    assert float(got.standard_error) == pytest.approx(float(exact.standard_error), rel=1e-13)
    none = np.full(3, -INF)
    assert evidence_lower_bound(none, np.zeros(3)).value == -INF
    assert importance_weighted_bound(none, np.zeros(3)).value == -INF


@each_bound
def test_nan_stays_in_its_row_of_draws(bound: Any) -> None:
    log_joint, log_q = draws(7, (3, 20), -3.0, F64)
    expected = bound(log_joint, log_q)
    for which in (0, 1):
        pair = [log_joint.copy(), log_q.copy()]
        pair[which][1, 5] = NAN
        got = bound(*pair)
        for a, b in zip(got, expected, strict=True):
            assert np.isnan(a[1])
            assert_same_bits(a[[0, 2]], b[[0, 2]])


# --------------------------------------------------------------------------------- the bounds: laws


def log_joint_of(model: reference.Model, z: np.ndarray) -> np.ndarray:
    """ln p(x, z) in float64, from klrs.distributions' neighbours: NumPy only."""

    def log_normal(x: Any, loc: Any, scale: float) -> Any:
        return -(((x - loc) / scale) ** 2) / 2 - math.log(scale) - math.log(2 * math.pi) / 2

    of_data = log_normal(np.array(model.data)[:, np.newaxis], z, model.noise).sum(0)
    return log_normal(z, model.loc, model.prior_scale) + of_data


def log_density(z: np.ndarray, loc: float, scale: float) -> np.ndarray:
    return -(((z - loc) / scale) ** 2) / 2 - math.log(scale) - math.log(2 * math.pi) / 2


@each_model
def test_log_evidence_is_the_elbo_and_the_divergence(model: reference.Model) -> None:
    """For any Normal q. ln p(x, z) - ln q(z) is a parabola in z, of which the mean over q is that

    over its two points at a distance of one standard deviation: no randomness is left.
    """
    loc, scale = map(float, reference.posterior(model))
    evidence = float(reference.log_evidence(model))
    of_posterior = distributions.Normal(loc, scale)
    for m, s in ((loc, scale), (0.0, 1.0), (loc + 1, 2 * scale), (-3.0, 0.5)):
        z = np.array([m - s, m + s])
        elbo = evidence_lower_bound(log_joint_of(model, z), log_density(z, m, s)).value
        apart = distributions.kl_divergence(distributions.Normal(m, s), of_posterior)
        assert elbo + apart == pytest.approx(evidence, rel=1e-11)
        exact = reference.kl_of_normals(m, s, loc, scale)
        assert evidence - float(exact) == pytest.approx(elbo, rel=1e-11, abs=1e-11)
        assert elbo <= evidence + 1e-11


@each_model
def test_the_bounds_are_exact_where_q_is_the_posterior(model: reference.Model) -> None:
    loc, scale = map(float, reference.posterior(model))
    evidence = float(reference.log_evidence(model))
    z = np.random.default_rng(8).normal(loc, scale, 500)
    pair = log_joint_of(model, z), log_density(z, loc, scale)
    for bound in BOUNDS:
        got = bound(*pair)
        assert got.value == pytest.approx(evidence, rel=1e-12)
        assert got.standard_error <= 1e-12 * abs(evidence)


@each_model
def test_estimates_are_within_their_errors(model: reference.Model) -> None:
    loc, scale = map(float, reference.posterior(model))
    evidence = float(reference.log_evidence(model))
    m, s = loc + scale / 2, 1.5 * scale
    z = np.random.default_rng(9).normal(m, s, 20_000)
    pair = log_joint_of(model, z), log_density(z, m, s)
    elbo, error = evidence_lower_bound(*pair)
    exact = evidence - float(reference.kl_of_normals(m, s, loc, scale))
    assert error > 0
    assert abs(elbo - exact) <= 5 * error
    bound, error = importance_weighted_bound(*pair)
    assert error > 0
    assert abs(bound - evidence) <= 5 * error


@each_model
def test_more_draws_make_a_tighter_bound(model: reference.Model) -> None:
    """Jensen, for the very draws: means of bounds from 1, 5, 50 of them each, then from all."""
    z = np.random.default_rng(10).normal(0, 2, 5000)
    log_joint, log_q = log_joint_of(model, z), log_density(z, 0, 2)
    means = [evidence_lower_bound(log_joint, log_q).value]
    for size in (1, 5, 50, 5000):
        groups = log_joint.reshape(-1, size), log_q.reshape(-1, size)
        means.append(importance_weighted_bound(*groups).value.mean())
    assert means[0] == pytest.approx(means[1], rel=1e-12)
    assert (np.diff(means[1:]) > 0).all()


log_weights = st.lists(st.floats(-800, 800), min_size=1, max_size=30)


@settings(max_examples=150)
@given(log_weights)
def test_elbo_at_most_iwb_at_most_the_largest(weights: list[float]) -> None:
    zeros = np.zeros(len(weights))
    elbo = evidence_lower_bound(weights, zeros).value
    bound = importance_weighted_bound(weights, zeros).value
    slack = 1e-13 * max(1, *map(abs, weights))
    assert min(weights) - slack <= elbo <= bound + slack
    assert bound <= max(weights) + slack
    moved = importance_weighted_bound(np.array(weights) + 64, zeros)
    assert moved.value == pytest.approx(bound + 64, abs=slack + 1e-12)


def test_equal_weights_have_no_error() -> None:
    for weight in (0.1, -1000.3, 1e300):
        got = importance_weighted_bound(np.full(7, weight), np.zeros(7))
        assert got.value == pytest.approx(weight, rel=1e-15)
        assert got.standard_error == 0


# ------------------------------------------------------------------------------------------ errors


def refuses(kind: type[Exception], *pieces: str) -> Any:
    """Exactly this class, and a text with all the pieces in their order."""
    pattern = ".*".join(map(re.escape, pieces))
    return pytest.raises(kind, match=f"(?s)^{pattern}", check=lambda e: type(e) is kind)


M, V = normal(40, 4, 6)
OPERANDS = {
    kl_to_standard_normal: ("mean", "log_variance"),
    evidence_lower_bound: ("log_joint", "log_q"),
    importance_weighted_bound: ("log_joint", "log_q"),
}
NO_REALS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "complex": (M + 1j, ("complex128", "real")),
    "strings": (np.full((4, 6), "1.5"), ("<U3", "numbers")),
    "objects": (M.astype(object), ("object", "float")),
    "times": (np.zeros((4, 6), "M8[s]"), ("datetime64",)),
    "long doubles": (M.astype(np.longdouble), ("float64",)),
    "bools": (M > 0, ("bool", "expected")),
    "masked": (np.ma.masked_array(M, M > 0), ("masked array", "where=")),
    "nothing": (None, ("object",)),
}


@pytest.mark.parametrize("function", OPERANDS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("what", NO_REALS)
def test_what_is_no_array_of_reals(function: Any, which: int, what: str) -> None:
    if what == "long doubles" and np.dtype(np.longdouble) == np.float64:
        pytest.skip("a long double is a float64 here")
    bad, pieces = NO_REALS[what]
    pair = [M, V]
    pair[which] = bad
    with refuses(TypeError, f"{OPERANDS[function][which]}: ", *pieces):
        function(*pair)
    if function is kl_to_standard_normal:
        with refuses(TypeError, f"{OPERANDS[function][which]}: ", *pieces):
            both(*pair)


KEYWORDS: list[tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = [
    ({"axis": 2}, np.exceptions.AxisError, ("axis", "2")),
    ({"axis": -3}, np.exceptions.AxisError, ("axis", "-3")),
    ({"axis": 1.5}, TypeError, ("axis: ", "1.5", "expected an int")),
    ({"axis": "rows"}, TypeError, ("axis: ", "'rows'", "expected an int")),
    ({"axis": (1, 1)}, ValueError, ("axis: ", "(1, 1)", "once")),
    ({"axis": (1, -1)}, ValueError, ("axis: ", "(1, -1)", "once")),
    ({"base": 1}, ValueError, ("base: 1", "expected a number greater than 1")),
    ({"base": 0.5}, ValueError, ("base: 0.5", "expected a number greater than 1")),
    ({"base": math.nan}, ValueError, ("base: ", "expected a number greater than 1")),
    ({"base": math.inf}, ValueError, ("base: ", "expected a")),
    ({"base": "2"}, TypeError, ("base: ", "'2'", "expected a number")),
    ({"where": np.ones((4, 6))}, TypeError, ("where: ", "float64", "bool")),
    ({"where": [1, 0, 1, 0, 1, 0]}, TypeError, ("where: ", "int64", "bool")),
    ({"where": np.ones((4, 5), bool)}, ValueError, ("where: ", "(4, 5)", "(4, 6)")),
]


@pytest.mark.parametrize("function", OPERANDS, ids=lambda it: it.__name__)
@pytest.mark.parametrize(("keywords", "kind", "pieces"), KEYWORDS, ids=lambda it: str(it)[:30])
def test_keywords(
    function: Any, keywords: dict[str, Any], kind: type[Exception], pieces: tuple[str, ...]
) -> None:
    with refuses(kind, *pieces):
        function(M, V, **keywords)
    if function is kl_to_standard_normal:
        with refuses(kind, *pieces):
            both(M, V, **keywords)


@pytest.mark.parametrize(
    ("keywords", "kind", "pieces"),
    [
        ({"free_bits": -1}, ValueError, ("free_bits: -1", "expected a", "number", "at least 0")),
        ({"free_bits": -1e-9}, ValueError, ("free_bits: -1e-09", "at least 0")),
        (
            {"free_bits": math.nan},
            ValueError,
            ("free_bits: ", "expected a", "number", "at least 0"),
        ),
        ({"free_bits": math.inf}, ValueError, ("free_bits: inf", "expected a")),
        ({"free_bits": "0.5"}, TypeError, ("free_bits: ", "'0.5'", "expected a", "number")),
        ({"free_bits": [0.5]}, TypeError, ("free_bits: ", "expected a", "number")),
        ({"reduction": "avg"}, ValueError, ("reduction: ", "'avg'", "expected one of", "mean")),
        ({"reduction": "batchmean"}, ValueError, ("reduction: ", "'batchmean'", "mean")),
        ({"reduction": 1}, ValueError, ("reduction: ", "1", "expected one of")),
    ],
)
def test_keywords_of_kl_to_standard_normal(
    keywords: dict[str, Any], kind: type[Exception], pieces: tuple[str, ...]
) -> None:
    with refuses(kind, *pieces):
        kl_to_standard_normal(M, V, **keywords)
    with refuses(kind, *pieces):
        both(M, V, **keywords)


@pytest.mark.parametrize("function", OPERANDS, ids=lambda it: it.__name__)
def test_shapes(function: Any) -> None:
    names = " and ".join(OPERANDS[function])
    with refuses(ValueError, names, "(4, 6)", "(4, 5)"):
        function(M, V[:, :5])
    with refuses(ValueError, names, "(4, 6)", "(3, 6)"):
        function(M, V[:3])
    with pytest.raises(ValueError, match=f"{OPERANDS[function][0]}|axis"):
        function(M[:, :0], V[:, :0])
    with pytest.raises(ValueError, match=f"{OPERANDS[function][0]}|axis"):
        function(np.zeros((0, 6)), np.zeros((0, 6)), axis=0)
    with pytest.raises(ValueError, match=f"{OPERANDS[function][0]}|axis"):
        function(1.0, 0.0)
    with pytest.raises(ValueError, match="inhomogeneous"):
        function([[1.0, 2.0], [3.0]], [[0.0, 0.0], [0.0]])


def test_a_batch_without_rows() -> None:
    nothing = np.zeros((0, 6))
    assert kl_to_standard_normal(nothing, nothing).shape == (0,)
    assert kl_to_standard_normal(nothing, nothing, axis=()).shape == (0, 6)
    assert kl_to_standard_normal(nothing, nothing, reduction="sum") == 0
    assert np.isnan(kl_to_standard_normal(nothing, nothing, reduction="mean"))
    value, gradients = both(nothing, nothing)
    assert (value.shape, gradients[0].shape, gradients[1].shape) == ((0,), (0, 6), (0, 6))
    for bound in BOUNDS:
        got = bound(nothing, nothing)
        assert got.value.shape == got.standard_error.shape == (0,)


def test_wrong_outs() -> None:
    for out, kind, pieces in (
        (np.zeros(3), ValueError, ("out: ", "(3,)", "(4,)")),
        (np.zeros((4, 6)), ValueError, ("out: ", "(4, 6)", "(4,)")),
        (np.zeros(4, np.float32), TypeError, ("out: ", "float32", "float64")),
        (np.zeros(4, int), TypeError, ("out: ", "int64", "float64")),
        ([0.0] * 4, TypeError, ("out: ", "list", "array")),
    ):
        with refuses(kind, *pieces):
            kl_to_standard_normal(M, V, out=out)
    locked = np.zeros(4)
    locked.flags.writeable = False
    with refuses(ValueError, "out: ", "read-only", "writable"):
        kl_to_standard_normal(M, V, out=locked)
    with refuses(ValueError, "out: ", "(3,)"):
        by_mean(M, V, out=np.zeros(3))
    with refuses(TypeError, "out: ", "tuple"):
        both(M, V, out=np.zeros((4, 6)))
    same = np.zeros((4, 6))
    with refuses(ValueError, "out: ", "overlap"):
        both(M, V, out=(same, same))


def test_out_is_untouched_by_an_error() -> None:
    room = np.full(4, 7.0)
    with pytest.raises(ValueError, match="free_bits"):
        kl_to_standard_normal(M, V, free_bits=-1, out=room)
    with pytest.raises(TypeError, match="log_variance"):
        kl_to_standard_normal(M, V + 1j, out=room)
    assert (room == 7).all()


def test_calls_that_do_not_fit() -> None:
    for function in OPERANDS:
        with pytest.raises(TypeError, match="positional"):
            function(M, V, 0)
        with pytest.raises(TypeError, match=OPERANDS[function][1]):
            function(M)
        with pytest.raises(TypeError, match="dim"):
            function(M, V, dim=1)
    with refuses(ValueError, "argnums: 2", "mean and log_variance"):
        klrs.value_and_grad(kl_to_standard_normal, 2)
    with refuses(ValueError, "argnums: (0, 0)", "twice"):
        klrs.value_and_grad(kl_to_standard_normal, (0, 0))
    with pytest.raises(TypeError, match="keepdims"):
        both(M, V, keepdims=True)
    with refuses(ValueError, "keepdims: "):
        kl_to_standard_normal(M, V, reduction="mean", keepdims=True)
    with refuses(ValueError, "sample_weight: ", "(3,)", "(4,)"):
        both(M, V, sample_weight=[1, 2, 3])
    with refuses(ValueError, "sample_weight: ", "finite"):
        both(M, V, sample_weight=[1, 2, 3, NAN])
    with refuses(ValueError, "sample_weight: ", "sums to 0"):
        both(M, V, sample_weight=np.zeros(4), reduction="mean")
    for bound in BOUNDS:
        with pytest.raises((TypeError, ValueError), match=bound.__name__):
            klrs.value_and_grad(bound)


@each_bound
def test_a_draw_that_cannot_be(bound: Any) -> None:
    log_joint, log_q = draws(11, (3, 5), 0.0, F64)
    log_q[1, 2] = log_q[2, 0] = -INF
    remedy = "a draw from q cannot have probability 0"
    with refuses(ValueError, "log_q: ", "-inf", "(1, 2)") as told:
        bound(log_joint, log_q)
    assert remedy in str(told.value)
    with refuses(ValueError, "log_q: ", "-inf", "2") as told:
        bound(log_joint[1], log_q[1])
    assert remedy in str(told.value)
    log_joint[1, 2] = -INF
    with refuses(ValueError, "log_q: ", "-inf", "(1, 2)"):
        bound(log_joint, log_q)
    kept = np.isfinite(log_q)
    assert np.isfinite(bound(log_joint, log_q, where=kept).value).all()


@each_bound
def test_no_draw_is_left(bound: Any) -> None:
    log_joint, log_q = draws(12, (3, 5), 0.0, F64)
    kept = np.ones((3, 5), bool)
    kept[1] = False
    with pytest.raises(ValueError, match=r"(?s)^where\b.*1|^log_joint\b.*1.*where"):
        bound(log_joint, log_q, where=kept)
    with pytest.raises(ValueError, match=r"^(where|log_joint)\b"):
        bound(log_joint[0], log_q[0], where=False)


# ------------------------------------------------------------------------------------ the module


def test_the_module() -> None:
    script = "import klrs; print(klrs.variational.kl_to_standard_normal([3, 4], [0, 0]))"
    said = run_python(script, PYTHONPATH=str(Path(klrs.__file__).parents[1]))
    assert said == "12.5\n"
    assert {it.__name__ for it in OPERANDS} <= set(variational.__all__)
    for function in OPERANDS:
        parameters = inspect.signature(function).parameters
        kinds = [it.kind for it in parameters.values()]
        assert kinds[:2] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 2
        assert set(kinds[2:]) == {inspect.Parameter.KEYWORD_ONLY}
        for section in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
            assert f"{section}\n" in (function.__doc__ or ""), (function, section)


def test_examples() -> None:
    tried = doctest.testmod(variational, optionflags=doctest.ELLIPSIS)
    finder = doctest.DocTestFinder()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for function in OPERANDS:
        examples = finder.find(function, globs={}, module=False)
        assert any(it.examples for it in examples), function
        for it in examples:
            runner.run(it)
    assert (tried.failed, runner.failures) == (0, 0)
