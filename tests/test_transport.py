"""Transport on the line: numbers, gradients, laws, layouts, and errors."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_dtypes import bfloat16
from mpmath import mpf

import klrs
import reference_transport as reference
from inputs import assert_same_bits
from klrs import samples
from messages import raises

NAMES = ("wasserstein_distance", "cramer_distance", "energy_distance")
ORDERS = (1, 2, 3, 1.5, 7.25, 40, np.inf)
BOUNDS = {np.float64: 1e-13, np.float32: 2e-6, np.float16: 2e-6, bfloat16: 2e-6}
CALLS = [("wasserstein_distance", {"order": order}) for order in ORDERS]
CALLS += [(name, {}) for name in NAMES[1:]]
SMOOTH = [call for call in CALLS if call[1].get("order") != np.inf]

each_name = pytest.mark.parametrize("name", NAMES)
each_call = pytest.mark.parametrize(("name", "options"), CALLS)
each_smooth = pytest.mark.parametrize(("name", "options"), SMOOTH)
each_dtype = pytest.mark.parametrize("dtype", BOUNDS)


def rows(seed: int, length: int, count: int = 3) -> Any:
    return np.random.default_rng(seed).dirichlet(np.full(length, 0.7), count)


def error(value: Any, exact: mpf) -> float:
    return float(abs(mpf(float(value)) - exact) / exact) if exact else float(abs(value))


def worst(values: Any, exact: list[mpf]) -> float:
    return max(error(value, it) for value, it in zip(np.ravel(values), exact, strict=True))


# Numbers


@each_call
@pytest.mark.parametrize(
    ("dtype", "length"),
    [*((np.float64, n) for n in (1, 2, 7, 64, 65, 90)), *((d, 20) for d in BOUNDS)],
)
def test_histograms(name: str, options: dict[str, Any], dtype: Any, length: int) -> None:
    p, q = (rows(seed, length).astype(dtype) for seed in (length, 1000 + length))
    support = np.sort(np.random.default_rng(length).normal(0, 100, length))
    for positions in (None, support):
        value = getattr(klrs, name)(p, q, support=positions, normalize=True, **options)
        exact = [
            reference.DISTANCES[name](
                reference.histogram(a, positions), reference.histogram(b, positions), **options
            )
            for a, b in zip(p, q, strict=True)
        ]
        assert value.dtype == (np.float64 if dtype is np.float64 else np.float32)
        assert worst(value, exact) <= BOUNDS[dtype]


SIZES = ((1, 1), (1, 9), (12, 12), (30, 47), (48, 64))


@each_call
@pytest.mark.parametrize(
    ("dtype", "sizes"), [*((np.float64, it) for it in SIZES), *((d, (13, 20)) for d in BOUNDS)]
)
@pytest.mark.parametrize("weights", ["", "x", "y", "xy"])
def test_samples(
    name: str, options: dict[str, Any], dtype: Any, sizes: tuple[int, int], weights: str
) -> None:
    random = np.random.default_rng(sizes)
    x, y = (random.normal(i, 1 + i, (2, n)).astype(dtype) for i, n in enumerate(sizes))
    given = {f"{it}_weights": random.random(z.shape) for it, z in (("x", x), ("y", y))}
    chosen = {it: weight for it, weight in given.items() if it[0] in weights}
    value = getattr(samples, name)(x, y, **chosen, **options)
    nothing = {"x_weights": [None] * 2, "y_weights": [None] * 2}
    exact = [
        reference.DISTANCES[name](reference.sample(a, v), reference.sample(b, w), **options)
        for a, b, v, w in zip(x, y, *(nothing | chosen).values(), strict=True)
    ]
    assert value.dtype == (np.float64 if dtype is np.float64 else np.float32)
    assert worst(value, exact) <= BOUNDS[dtype]


@each_call
@pytest.mark.parametrize("scale", [1e-3, 1e-8, 1e-13, 1e-16])
@pytest.mark.parametrize("factor", [1, 3.7, 0.1])
def test_near_equality(name: str, options: dict[str, Any], scale: float, factor: float) -> None:
    """Where the cumulative functions differ by little, differences of sums would have no digits."""
    random = np.random.default_rng(3)
    p = rows(8, 50, 1)[0]
    q = p * (1 + scale * random.normal(size=50))
    p *= factor
    value = getattr(klrs, name)(p, q, normalize=True, **options)
    exact = reference.DISTANCES[name](reference.histogram(p), reference.histogram(q), **options)
    assert error(value, exact) <= 1e-13


@each_call
def test_counts_in_proportion_are_equal(name: str, options: dict[str, Any]) -> None:
    counts = np.array([1, 2, 3, 0, 7, 11, 13])
    for factor in (1, 2, 3, 7, 0.125):
        assert getattr(klrs, name)(counts, counts * factor, normalize=True, **options) == 0
    x = np.random.default_rng(0).normal(size=7)
    both = {"x_weights": counts, "y_weights": 3 * counts}
    assert getattr(samples, name)(x, x, **both, **options) == 0
    assert getattr(samples, name)(x, np.repeat(x, 3), **options) == 0


@each_call
def test_far_from_one(name: str, options: dict[str, Any]) -> None:
    """Masses and positions whose squares, or sums, are no floats."""
    p, q = np.array([3.0, 0, 1, 2]), np.array([1.0, 2, 2, 5])
    support = np.array([-2.0, 1, 1.5, 7])
    verb = getattr(klrs, name)
    expected = verb(p, q, support=support, normalize=True, **options)
    for factor in (2.0**1021, 2.0**-1070):
        value = verb(p * factor, q, support=support, normalize=True, **options)
        assert value == pytest.approx(expected, rel=1e-15)
    of_samples = getattr(samples, name)(support, p, **options)
    for exponent in (-1000, -600, 600, 1000):
        root = 0.5 if name != "wasserstein_distance" else 1.0
        times = 2.0 ** (exponent * root)
        value = verb(p, q, support=support * 2.0**exponent, normalize=True, **options)
        assert value == pytest.approx(expected * times, rel=1e-14)
        value = getattr(samples, name)(support * 2.0**exponent, p * 2.0**exponent, **options)
        assert value == pytest.approx(of_samples * times, rel=1e-14)
    huge = np.array([1.7e308]), np.array([-1e307])
    exact = reference.DISTANCES[name](*map(reference.sample, huge), **options)
    if exact < 1.7e308:
        assert error(getattr(samples, name)(*huge, **options), exact) <= 1e-15


@each_call
@pytest.mark.parametrize("step", [0.0, 1e-300, 1e-150])
def test_positions_that_are_one_or_nearly(name: str, options: dict[str, Any], step: float) -> None:
    support = [0.0, step, 1.0]
    for p, q in (([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), ([0.5, 0.25, 0.25], [0.25, 0.5, 0.25])):
        histograms = reference.histogram(p, support), reference.histogram(q, support)
        exact = reference.DISTANCES[name](*histograms, **options)
        for rows_of in (lambda row: row, lambda row: [row] * 9):
            for normalize in (False, True):
                pair = rows_of(p), rows_of(q)
                value = getattr(klrs, name)(*pair, support=support, normalize=normalize, **options)
                assert worst(value, [exact] * np.size(value)) <= 1e-13
    one = getattr(klrs, name)([0.3, 0.7], [0.6, 0.4], support=[5.0, 5.0], **options)
    assert one == 0.0


@each_call
@pytest.mark.parametrize("factor", [1e-90, 1e-40, 1e-17, 1e17, 1e40, 1e90])
def test_sums_that_are_far_apart(name: str, options: dict[str, Any], factor: float) -> None:
    p, q = factor * rows(1, 33, 1)[0], rows(2, 33, 1)[0]
    positions = np.sort(np.random.default_rng(3).normal(0, 1, 33))
    exact = reference.DISTANCES[name](
        reference.histogram(p, positions), reference.histogram(q, positions), **options
    )
    verb, of_samples = getattr(klrs, name), getattr(samples, name)
    assert error(verb(p, q, support=positions, normalize=True, **options), exact) <= 1e-13
    weights = {"x_weights": p, "y_weights": q}
    assert error(of_samples(positions, positions, **weights, **options), exact) <= 1e-13
    if options.get("order") == np.inf:
        return
    slopes = klrs.value_and_grad(verb, argnums=0)
    _, scaled = slopes(p, q, support=positions, normalize=True, **options)
    _, plain = slopes(p / factor, q, support=positions, normalize=True, **options)
    np.testing.assert_allclose(factor * scaled, plain, rtol=1e-12, atol=1e-13 * np.ptp(plain))


@pytest.mark.parametrize("factor", [1e-25, 1e-17, 1e17, 1e25])
def test_float32_sums_that_are_far_apart(factor: float) -> None:
    p, q = (factor * rows(1, 50)).astype(np.float32), rows(2, 50).astype(np.float32)
    exact = [
        reference.wasserstein_distance(*map(reference.histogram, pair))
        for pair in zip(p, q, strict=True)
    ]
    assert worst(klrs.wasserstein_distance(p, q, normalize=True), exact) <= 1e-7


@each_name
def test_tiny_differences_are_not_lost(name: str) -> None:
    p, q = np.array([1.0, 0, 1e-300]), np.array([1.0, 1e-300, 0])
    exact = reference.DISTANCES[name](reference.histogram(p), reference.histogram(q))
    assert error(getattr(klrs, name)(p, q), exact) <= 1e-15


@pytest.mark.parametrize("order", [1, 2])
def test_scipy(order: int) -> None:
    p, q = rows(0, 50), rows(1, 50)
    positions = np.sort(np.random.default_rng(2).normal(size=50))
    x, y = np.random.default_rng(3).normal(size=(2, 3, 60))
    theirs = scipy.stats.wasserstein_distance if order == 1 else scipy.stats.energy_distance
    name = "wasserstein_distance" if order == 1 else "energy_distance"
    expected = [theirs(positions, positions, a, b) for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(getattr(klrs, name)(p, q, support=positions), expected, rtol=1e-12)
    expected = [theirs(a, b[:40]) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(getattr(samples, name)(x, y[:, :40]), expected, rtol=1e-12)


def test_long_rows_agree_with_short_ones() -> None:
    """Rows beyond the cache take another way, and zeros at the end change nothing."""
    p, q = rows(4, 3000, 9), rows(5, 3000, 9)
    padded = [np.pad(row, ((0, 0), (0, 3000))) for row in (p, q)]
    for name in NAMES:
        verb = getattr(klrs, name)
        np.testing.assert_allclose(verb(*padded), verb(p, q), rtol=1e-14)
        assert_same_bits(verb(p, q), np.array([verb(a, b) for a, b in zip(p, q, strict=True)]))


def single(length: int, seed: int) -> Any:
    return np.random.default_rng(seed).dirichlet(np.full(length, 0.7)).astype(np.float32)


SINGLES: dict[str, Callable[[Any], Any]] = {
    "another": lambda p: single(p.size, 7),
    "one up": lambda p: np.where(np.arange(p.size) == 33, np.nextafter(p, np.float32(1)), p),
    "some up": lambda p: np.where(p > np.median(p), np.nextafter(p, np.float32(1)), p),
    "four times": lambda p: 4 * p,
    "nearly three times": lambda p: 3 * p,
    "one-hot": lambda p: (np.arange(p.size) == 33).astype(np.float32),
    "turned around": lambda p: p[::-1],
}


@pytest.mark.parametrize("length", [50, 700])
@pytest.mark.parametrize("case", SINGLES)
@each_name
def test_float32_is_rounded_once(name: str, case: str, length: int) -> None:
    """Sums over rows of float32 are made without the last digits of the others."""
    p = single(length, length)
    q = SINGLES[case](p)
    for positions in (None, np.sort(np.random.default_rng(0).normal(0, 100, length))):
        value = getattr(klrs, name)(p, q, support=positions, normalize=True)
        exact = reference.DISTANCES[name](
            reference.histogram(p, positions), reference.histogram(q, positions)
        )
        assert error(value, exact) <= 6e-8
        of_gradient = klrs.value_and_grad(getattr(klrs, name))
        same, _ = of_gradient(p, q, support=positions, normalize=True)
        assert_same_bits(np.array(same), np.array(value))


# Gradients


def slopes_agree(gradient: Any, exact: list[mpf], bound: float) -> None:
    largest = max(abs(it) for it in exact)
    assert max(abs(mpf(float(g)) - e) for g, e in zip(gradient, exact, strict=True)) <= (
        bound * largest
    )


@each_smooth
@pytest.mark.parametrize("case", ["plain", "zeros", "ends", "tails", "ties"])
def test_gradients_of_histograms(name: str, options: dict[str, Any], case: str) -> None:
    p, q = rows(11, 8, 1)[0], rows(12, 8, 1)[0]
    support = np.array([0, 0.5, 2, 3, 3.5, 7, 7.5, 9])
    if case == "zeros":
        p[[2, 3]] = q[[4, 6]] = 0
    if case == "ends":
        p[[0, 1]] = q[[6, 7]] = 0
    if case == "tails":
        q[[0, 1]] = p[[6, 7]] = 0
    if case == "ties":
        # The cumulative functions meet at two places: the gradient is the mean of both sides.
        p = np.array([1, 2, 1, 4, 2, 2, 1, 3]) / 16
        q = np.array([2, 1, 1, 1, 5, 2, 2, 2]) / 16
    both = klrs.value_and_grad(getattr(klrs, name), (0, 1))
    value, gradients = both(p, q, support=support, normalize=True, **options)
    assert value == getattr(klrs, name)(p, q, support=support, normalize=True, **options)
    pair = reference.histogram(p, support), reference.histogram(q, support)
    for argnum, gradient in enumerate(gradients):
        exact = reference.gradient(name, *pair, argnum, 1, **options)
        slopes_agree(gradient, exact, 1e-12)
        row = (p, q)[argnum]
        assert abs(row @ gradient) <= 1e-12 * abs(gradient).max()


@each_smooth
@pytest.mark.parametrize("sizes", [(1, 4), (5, 5), (6, 4), (5, 7)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_gradients_of_samples(
    name: str, options: dict[str, Any], sizes: tuple[int, int], weighted: bool, tied: bool
) -> None:
    random = np.random.default_rng(sizes)
    x, y = (random.normal(i, 1, n) for i, n in enumerate(sizes))
    if tied:
        x[-1], y[-1], y[0] = x[0], y[1], x[0]
    weights = [random.random(n) if weighted else None for n in sizes]
    keywords = dict(zip(("x_weights", "y_weights"), weights, strict=True))
    both = klrs.value_and_grad(getattr(samples, name), (0, 1))
    value, gradients = both(x, y, **keywords, **options)
    assert value == getattr(samples, name)(x, y, **keywords, **options)
    pair = reference.sample(x, weights[0]), reference.sample(y, weights[1])
    for argnum, gradient in enumerate(gradients):
        slopes_agree(gradient, reference.gradient(name, *pair, argnum, 0, **options), 1e-12)


@each_smooth
def test_no_gradient_where_the_distance_is_zero(name: str, options: dict[str, Any]) -> None:
    p, x = rows(0, 9, 2), np.arange(4.0)
    value, (one, other) = klrs.value_and_grad(getattr(klrs, name), (0, 1))(p, p, **options)
    assert not value.any()
    assert not one.any()
    assert not other.any()
    value, one = klrs.value_and_grad(getattr(samples, name), 0)(x, x[::-1], **options)
    assert value == 0
    assert not one.any()


@each_dtype
def test_gradients_have_the_shape_and_dtype_of_their_operand(dtype: Any) -> None:
    p, q = rows(0, 6, 4).astype(dtype), rows(1, 6, 1)[0].astype(dtype)
    loss = klrs.value_and_grad(klrs.wasserstein_distance, (0, 1))
    value, (of_p, of_q) = loss(p, q, normalize=True)
    assert value.shape == (4,)
    assert (of_p.shape, of_p.dtype, of_q.shape, of_q.dtype) == ((4, 6), dtype, (6,), dtype)
    _, each = loss(p, np.broadcast_to(q, p.shape), normalize=True)
    wide = each[1].astype(float).sum(0)
    np.testing.assert_allclose(of_q.astype(float), wide, atol=0.1 if dtype is bfloat16 else 1e-2)
    x, y = p.T, rows(2, 3, 1).T.astype(dtype)
    value, (of_x, of_y) = klrs.value_and_grad(samples.wasserstein_distance, (0, 1))(x, y, axis=0)
    assert value.shape == (4,)
    assert (of_x.shape, of_x.dtype, of_y.shape, of_y.dtype) == ((6, 4), dtype, (3, 1), dtype)


def test_options_of_a_loss() -> None:
    p, q, weights = rows(0, 6), rows(1, 6), np.array([0.5, 0, 2])
    loss = klrs.value_and_grad(klrs.wasserstein_distance)
    value, gradient = loss(p, q)
    weighted, of_weighted = loss(p, q, sample_weight=weights)
    np.testing.assert_allclose(weighted, value * weights)
    np.testing.assert_allclose(of_weighted, gradient * weights[:, None])
    mean, of_mean = loss(p, q, reduction="mean")
    np.testing.assert_allclose(mean, value.mean())
    np.testing.assert_allclose(of_mean, gradient / 3)
    out = np.empty_like(q)
    assert loss(p, q, out=out)[1] is out
    assert_same_bits(out, gradient)
    x, y = np.random.default_rng(0).normal(size=(2, 3, 7))
    of_samples = klrs.value_and_grad(samples.energy_distance, 0)
    value, gradient = of_samples(x, y)
    mean, of_mean = of_samples(x, y, reduction="mean", sample_weight=weights)
    np.testing.assert_allclose(mean, (value * weights).sum() / weights.sum())
    np.testing.assert_allclose(of_mean, gradient * (weights / weights.sum())[:, None])


# Laws

masses = st.lists(st.integers(0, 20), min_size=5, max_size=5).filter(any)
draws = st.lists(st.integers(-50, 50).map(lambda it: it / 8), min_size=1, max_size=9)


@settings(max_examples=60)
@given(masses, masses, masses)
def test_laws_of_histograms(a: list[int], b: list[int], c: list[int]) -> None:
    support = np.array([0, 1, 1.5, 4, 6])
    for name, options in CALLS:
        check_laws(
            lambda p, q, n=name, o=options: float(
                getattr(klrs, n)(p, q, support=support, normalize=True, **o)
            ),
            (a, b, c),
        )
    by_order = [
        klrs.wasserstein_distance(a, b, order=order, normalize=True)
        for order in (1, 1.5, 2, 9, np.inf)
    ]
    assert (np.diff(by_order) >= -1e-14 * by_order[-1]).all()
    equal = np.array(a) * sum(b) == np.array(b) * sum(a)
    assert (by_order[0] == 0) == bool(equal.all())


@settings(max_examples=60)
@given(draws, draws, draws)
def test_laws_of_samples(a: list[float], b: list[float], c: list[float]) -> None:
    for name, options in CALLS:

        def distance(x: Any, y: Any, name: str = name, options: Any = options) -> float:
            return float(getattr(samples, name)(x, y, **options))

        check_laws(distance, (a, b, c))
        value = distance(a, b)
        root = 1 if name == "wasserstein_distance" else 0.5
        assert distance(np.add(a, 2.5), np.add(b, 2.5)) == pytest.approx(value, rel=1e-13)
        assert distance(np.multiply(a, -3), np.multiply(b, -3)) == pytest.approx(
            value * 3**root, rel=1e-13
        )


def check_laws(distance: Callable[[Any, Any], float], three: tuple[Any, Any, Any]) -> None:
    a, b, c = three
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-13)
    assert distance(a, b) >= 0
    assert distance(a, a) == 0
    assert distance(a, c) <= (distance(a, b) + distance(b, c)) * (1 + 1e-13)


# Layouts


def results(p: Any, q: Any, x: Any, y: Any, axis: int = -1) -> list[Any]:
    """What every distance, and its gradient, says."""
    found: list[Any] = []
    for name, options in SMOOTH:
        of_histograms = klrs.value_and_grad(getattr(klrs, name), (0, 1))
        of_samples = klrs.value_and_grad(getattr(samples, name), (0, 1))
        for value, gradients in (
            of_histograms(p, q, axis=axis, normalize=True, **options),
            of_samples(x, y, axis=axis, **options),
        ):
            found += [value, *(np.moveaxis(it, axis, -1) for it in gradients)]
        found.append(getattr(klrs, name)(p, q, axis=axis, normalize=True, **options))
        found.append(getattr(samples, name)(x, y, axis=axis, **options))
    return found


def assert_same(one: list[Any], other: list[Any]) -> None:
    for a, b in zip(one, other, strict=True):
        assert_same_bits(np.ascontiguousarray(a), np.ascontiguousarray(b))


@pytest.mark.parametrize("dtype", [*BOUNDS, np.int32])
@pytest.mark.parametrize("length", [1, 5, 70])
def test_layouts_have_the_same_bits(dtype: Any, length: int) -> None:
    random = np.random.default_rng(length)
    p, q, x, y = (random.integers(1, 99, (11, n)).astype(dtype) for n in [length] * 3 + [7])
    expected = results(p, q, x, y)
    assert_same(results(*(np.asfortranarray(it) for it in (p, q, x, y))), expected)
    assert_same(results(*(np.repeat(it, 2, -1)[:, ::2] for it in (p, q, x, y))), expected)
    assert_same(results(*(it[::-1].copy()[::-1] for it in (p, q, x, y))), expected)
    assert_same(results(*(it.T.copy() for it in (p, q, x, y)), axis=0), expected)
    if dtype is not bfloat16:
        swapped = [it.astype(it.dtype.newbyteorder()) for it in (p, q, x, y)]
        assert_same(results(*swapped), expected)
    one = [results(*(it[i : i + 1] for it in (p, q, x, y))) for i in range(11)]
    assert_same([np.concatenate(it) for it in zip(*one, strict=True)], expected)


def test_threads_change_no_bit() -> None:
    random = np.random.default_rng(5)
    p, q, x = random.random((3, 300, 400))
    y = random.random((300, 90))
    with klrs.threads(1):
        expected = results(p, q, x, y)
    for threads in (2, 7):
        with klrs.threads(threads):
            assert_same(results(p, q, x, y), expected)


@each_name
def test_axes_and_broadcasting(name: str) -> None:
    verb = getattr(klrs, name)
    p, q = rows(0, 12, 6).reshape(2, 3, 12), rows(1, 12, 3)
    expected = verb(p, q)
    assert expected.shape == (2, 3)
    assert_same_bits(verb(p.reshape(2, 3, 4, 3), q.reshape(3, 4, 3), axis=(-2, -1)), expected)
    assert_same_bits(verb(p, q, keepdims=True), expected[..., None])
    assert_same_bits(np.array(verb(p[1, 2], q[2])), expected[1, 2])
    out = np.empty((2, 3))
    assert verb(p, q, out=out) is out
    assert_same_bits(out, expected)
    of_samples = getattr(samples, name)
    x, y = np.random.default_rng(0).normal(size=(2, 4, 5)), np.arange(3.0)
    expected = of_samples(x, np.broadcast_to(y, (2, 4, 3)))
    assert_same_bits(of_samples(x, y), expected)
    assert_same_bits(of_samples(np.moveaxis(x, -1, 0), y[:, None, None], axis=0), expected)
    weights = np.arange(5) + 1
    assert_same_bits(
        of_samples(x, y, x_weights=weights),
        of_samples(x, y, x_weights=np.broadcast_to(weights, x.shape)),
    )


@each_call
def test_where(name: str, options: dict[str, Any]) -> None:
    p, q = rows(0, 20), rows(1, 20)
    where = np.random.default_rng(2).random((3, 20)) < 0.6
    keywords = {"normalize": True, **options}
    value = getattr(klrs, name)(p, q, where=where, **keywords)
    expected = getattr(klrs, name)(np.where(where, p, 0), np.where(where, q, 0), **keywords)
    assert_same_bits(value, expected)
    if options.get("order") != np.inf:
        loss = klrs.value_and_grad(getattr(klrs, name), (0, 1))
        for gradient in loss(p, q, where=where, **keywords)[1]:
            assert not gradient[~where].any()


@each_call
@pytest.mark.parametrize("count", [1, 3, 8, 9])
def test_nan_stays_in_its_row(name: str, options: dict[str, Any], count: int) -> None:
    p, q = rows(0, 20, count), rows(1, 20, count)
    expected = getattr(klrs, name)(p, q, **options)
    of_samples = getattr(samples, name)(p, q, **options)
    bad = p.copy()
    bad[count // 2, 3] = np.nan
    for value, good in (
        (getattr(klrs, name)(bad, q, **options), expected),
        (getattr(samples, name)(q, bad, **options), getattr(samples, name)(q, p, **options)),
        (
            getattr(samples, name)(p, q, x_weights=np.where(np.isnan(bad), np.nan, 1), **options),
            of_samples,
        ),
    ):
        assert np.isnan(value[count // 2])
        assert (np.signbit(value[count // 2])) == 0
        others = np.arange(count) != count // 2
        np.testing.assert_allclose(value[others], good[others], rtol=1e-14)
    if options.get("order") != np.inf:
        _, gradient = klrs.value_and_grad(getattr(klrs, name))(bad, q, **options)
        assert np.isnan(gradient[count // 2]).all()
        assert np.isfinite(np.delete(gradient, count // 2, 0)).all()


@each_name
def test_no_rows(name: str) -> None:
    assert getattr(klrs, name)(np.ones((0, 3)), np.ones((0, 3))).shape == (0,)
    assert getattr(samples, name)(np.ones((0, 3)), np.ones((0, 5))).shape == (0,)
    value, gradient = klrs.value_and_grad(getattr(samples, name))(np.ones((0, 3)), np.ones((0, 5)))
    assert (value.shape, gradient.shape) == ((0,), (0, 5))


def test_minus_zero_is_zero() -> None:
    assert klrs.wasserstein_distance([-0.0, 1.0], [0.0, 1.0]) == 0
    assert samples.wasserstein_distance([-0.0, 1.0], [1.0, 0.0]) == 0


# Errors

P = np.array([0.5, 0.25, 0.25])


@each_name
def test_errors_of_histograms(name: str) -> None:
    verb = getattr(klrs, name)
    q = np.array([[0.25, 0.25, 0.5]] * 9)
    for count in (1, 9):
        bad = q[:count] * 2
        text = (
            "q: row 0 sums to 2, not 1; pass normalize=True to divide each row by its sum, or "
            "axis= if the distributions run along another axis"
        )
        with raises(ValueError, text):
            verb(P, bad)
        bad = q[:count].copy()
        bad[-1] = [-0.5, 1, 0.5]
        text = (
            f"p: row {count - 1} has the negative value -0.5 at position 0; probabilities must be "
            ">= 0 (log-probabilities need np.exp first)"
        )
        with raises(ValueError, text):
            verb(bad, q[:count])
        bad[-1, 0] = np.inf
        text = (
            f"q: row {count - 1} has the infinite value inf at position 0; expected finite values"
        )
        with raises(ValueError, text):
            verb(q[:count], bad, normalize=True)
        bad[-1] = 0
        text = (
            f"q: row {count - 1} sums to 0 and cannot be normalised; drop the row, or add a "
            "pseudocount to every entry"
        )
        with raises(ValueError, text):
            verb(q[:count], bad, normalize=True)
    text = "where: leaves out every element; keep at least one element in each row, or drop the row"
    with raises(ValueError, text):
        verb(P, P, where=[False] * 3)
    text = (
        "p and q: the distribution axis -1 has length 3 in p and 2 in q; it is not stretched, so "
        "both must have the same length"
    )
    with raises(ValueError, text):
        verb(P, [0.5, 0.5])
    with raises(TypeError, "keepdims: got 2, expected True or False"):
        verb(P, P, keepdims=2)
    with raises(ValueError, "out: shape (2,), expected ()"):
        verb(P, P, out=np.empty(2))
    with raises(np.exceptions.AxisError, "axis: 1 is out of bounds for arrays with 1 dimension"):
        verb(P, P, axis=1)


@pytest.mark.parametrize(
    ("kind", "support", "text"),
    [
        (ValueError, [0, 1], "support: shape (2,), expected (3,), one position for each entry"),
        (
            TypeError,
            [0, 1, 2j],
            "support: dtype complex128, expected real numbers (at most float64)",
        ),
        (ValueError, [0, np.nan, 2], "support: has nan at position 1; expected finite numbers"),
        (ValueError, [0, 1, np.inf], "support: has inf at position 2; expected finite numbers"),
        (
            ValueError,
            [0, 2, 1.5],
            "support: has 1.5 at position 2 after 2; expected positions in ascending order; sort "
            "them, and the entries with them",
        ),
        (
            ValueError,
            [-1.5e308, 0, 1.5e308],
            "support: runs from -1.5e+308 to 1.5e+308, further than floats reach; divide it by 2, "
            "and multiply the distance",
        ),
    ],
)
def test_errors_of_the_support(kind: type[Exception], support: Any, text: str) -> None:
    for name in NAMES:
        with raises(kind, text):
            getattr(klrs, name)(P, P, support=support)


@pytest.mark.parametrize("space", [klrs, samples])
def test_errors_of_the_order(space: Any) -> None:
    for order in (0.5, np.nan, -np.inf):
        with raises(ValueError, f"order: {order:g}, expected a number from 1 to infinity"):
            space.wasserstein_distance(P, P, order=order)
    with raises(TypeError, "order: got 'two', expected a number from 1 to infinity"):
        space.wasserstein_distance(P, P, order="two")
    text = "order: inf, for which wasserstein_distance has no gradient; pass a finite order"
    with raises(ValueError, text):
        klrs.value_and_grad(space.wasserstein_distance)(P, P, order=np.inf)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="longdouble is float64 here")
@each_name
def test_longdouble_is_no_support_and_no_weight(name: str) -> None:
    shown = np.dtype(np.longdouble).name
    verb, wide = getattr(klrs, name), np.arange(3, dtype=np.longdouble)
    text = f"support: dtype {shown}, expected real numbers (at most float64)"
    with raises(TypeError, text):
        verb(P, P, support=wide)
    text = f"sample_weight: dtype {shown}, expected real numbers (at most float64)"
    with raises(TypeError, text):
        klrs.value_and_grad(verb)(P, P, sample_weight=wide[1])


@each_name
def test_errors_of_samples(name: str) -> None:
    verb = getattr(samples, name)
    x = np.array([[0.0, 1.0], [2.0, np.inf]])
    text = "x: row 1 has the infinite value inf at position 1; expected finite values"
    with raises(ValueError, text):
        verb(x, [1.0])
    with raises(ValueError, "y: has the infinite value -inf at position 0; expected finite values"):
        verb([1.0], [-np.inf, np.nan])
    text = "y_weights: has -1 at position 1; expected finite numbers that are at least 0"
    with raises(ValueError, text):
        verb([1.0], [2.0, 3.0], y_weights=[1, -1])
    text = "y_weights: row 1 sums to 0; give at least one sample a weight above 0, or drop the row"
    with raises(ValueError, text):
        verb(np.ones((2, 1)), np.ones((2, 2)), y_weights=[[0, 1], [0, 0]])
    text = "x_weights: sums to 0; give at least one sample a weight above 0, or drop the row"
    with raises(ValueError, text):
        verb([1.0], [2.0, 3.0], x_weights=[0])
    text = (
        "x_weights: shape (3,) does not broadcast to (2,), that of x; pass one weight for each "
        "sample"
    )
    with raises(ValueError, text):
        verb([1.0, 2.0], [1.0], x_weights=[1, 1, 1])
    text = (
        "y: the distribution axis -1 is empty in shape (0,); a distribution needs at least one "
        "entry"
    )
    with raises(ValueError, text):
        verb([1.0], [])
    with raises(ValueError, "x: got a scalar (0-d); expected an array with a distribution axis"):
        verb(1.0, [1.0])
    text = (
        "x and y: shapes (2, 3) and (3, 3) do not broadcast; every axis but the distribution axis "
        "must match or be 1"
    )
    with raises(ValueError, text):
        verb(np.ones((2, 3)), np.ones((3, 3)))
    with raises(TypeError, "axis: got (0, 1), expected an int"):
        verb([1.0], [1.0], axis=(0, 1))
    with raises(np.exceptions.AxisError, "axis: 1 is out of bounds for arrays with 1 dimension"):
        verb([1.0], [1.0], axis=1)
    with pytest.raises(TypeError, match="y: dtype complex128 is not supported"):
        verb([1.0], [1j])


def test_errors_of_a_loss() -> None:
    loss = klrs.value_and_grad(klrs.wasserstein_distance)
    text = "value_and_grad of wasserstein_distance: there is no keepdims; reshape the values"
    with raises(TypeError, text):
        loss(P, P, keepdims=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'base'"):
        loss(P, P, base=2)
    text = "argnums: 2, but energy_distance has x and y only; pass 0, 1 or (0, 1)"
    with raises(ValueError, text):
        klrs.value_and_grad(samples.energy_distance, 2)


# Docstrings


@pytest.mark.parametrize("module", ["klrs._transport", "klrs.samples"])
def test_docstrings(module: str) -> None:
    found = importlib.import_module(module)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(found, optionflags=flags).failed == 0
    for name in NAMES:
        function = getattr(found, name)
        doc = inspect.getdoc(function) or ""
        assert "{" not in doc
        for section in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
            assert f"\n{section}\n---" in doc
        for parameter in inspect.signature(function).parameters:
            assert parameter in doc
