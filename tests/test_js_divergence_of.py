"""Jensen-Shannon of k distributions: against the oracle, its bounds, layouts, and its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpmath import mpf

import klrs
import reference
from inputs import F32, F64, INTEGERS, Float, assert_same_bits, distributions, each_float
from messages import raises

PS = np.array([[0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])
SUMS = (
    "; pass normalize=True to divide each row by its sum, or axis= if the distributions run along "
    "another axis"
)


def check(ps: Any, bound: float = 2e-14, **options: Any) -> None:
    """The value within the bound of the oracle's."""
    exact = reference.JOINT["js_divergence_of"](ps, **options)
    value = klrs.js_divergence_of(ps, **options)
    assert abs(mpf(float(value)) - exact) <= bound * exact, (value, exact)


def some_weights(k: int) -> list[Any]:
    """Equal ones, any, some that are 0, and tiny ones."""
    shares = np.random.default_rng(k).dirichlet(np.ones(k))
    some = np.where(np.arange(k) % 2, 0.0, shares)
    tiny = np.where(np.arange(k) % 2, shares * 1e-20, shares)
    return [None, shares, some / some.sum(), tiny / tiny.sum()]


@each_float
@pytest.mark.parametrize("k", [1, 2, 5, 50])
def test_within_its_bound(kind: Float, k: int) -> None:
    """Rows that have nothing in common but zeros, and rows that are mostly zeros."""
    for n in (1, 7, 200 if k < 50 else 20):
        ps = distributions(1, k, n, kind=kind)
        masses = kind.array(np.random.default_rng(2).integers(1, 9, (k, 1)))
        sparse = ps * kind.array(np.random.default_rng(3).random((k, n)) < 0.2)
        sparse[:, 0] += kind.array(0.125)
        for weights in some_weights(k):
            assert klrs.js_divergence_of(ps, weights=weights).dtype == kind.result
            check(ps, kind.bound, weights=weights)
            check(ps * masses, kind.bound, weights=weights, normalize=True, base=2)
            check(sparse, kind.bound, weights=weights, normalize=True)


@pytest.mark.parametrize("k", [2, 5, 50])
@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-8, 1e-11, 1e-13])
def test_nearly_equal(k: int, distance: float) -> None:
    """Down to 1e-30, where H(m) - sum w H(p), which it is, has no digit left."""
    rng = np.random.default_rng(4)
    for n in (2, 40):
        ps = rng.standard_exponential(n) * (1 + distance * rng.uniform(-1, 1, (k, n)))
        for weights in some_weights(k):
            check(ps / ps.sum(axis=1, keepdims=True), weights=weights)
            check(ps * rng.uniform(1, 5, (k, 1)), weights=weights, normalize=True)


def test_two_are_js_divergence() -> None:
    p, q = distributions(5, 2, 30, 40)
    for options in ({}, {"weights": (0.9, 0.1)}, {"base": 2}, {"normalize": True}):
        value = klrs.js_divergence_of([p, q], **options)
        assert value == pytest.approx(klrs.js_divergence(p, q, **options), rel=1e-14)


@pytest.mark.parametrize("k", [2, 3, 5, 7, 50])
def test_disjoint_ones_have_the_entropy_of_the_weights(k: int) -> None:
    for weights in some_weights(k):
        counts = np.ones(k) if weights is None else weights
        for base in (None, 2, 10):
            most = klrs.entropy(counts, base=base, normalize=True)
            for normalize in (False, True):
                value = klrs.js_divergence_of(
                    np.eye(k), weights=weights, base=base, normalize=normalize
                )
                assert value == pytest.approx(most, rel=2e-15)
                assert weights is not None or value <= most


def test_equal_rows_are_exactly_zero() -> None:
    for kind in (F64, F32):
        p = distributions(6, 50, kind=kind) * (np.arange(50) % 3 > 0)
        for k in (1, 3, 7):
            for weights in some_weights(k):
                ps = np.stack([p] * k)
                assert klrs.js_divergence_of(ps, weights=weights, normalize=True) == 0
                ps = ps / ps.sum(axis=1, keepdims=True)
                assert klrs.js_divergence_of(ps, weights=weights) == 0
    assert 0 <= klrs.js_divergence_of([[1, 2, 4], [3, 6, 12]], normalize=True) < 1e-32


def test_weight_of_zero() -> None:
    """What has it counts for nothing, also where the others have no mass."""
    ps = [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    for normalize in (False, True):
        for weights in ((1, 0), (0, 1)):
            assert klrs.js_divergence_of(ps, weights=weights, normalize=normalize) == 0
        two = klrs.js_divergence_of(PS[:2], normalize=normalize)
        three = klrs.js_divergence_of(PS, weights=[0.5, 0.5, 0], normalize=normalize)
        assert three == pytest.approx(two, rel=1e-15)


def test_smallest_weights() -> None:
    for smallest in (1e-17, 1e-100, 1e-300):
        for ps in ([[1, 0], [0, 1]], [[0.5, 0.5, 0], [0.25, 0.25, 0.5]], [[1, 1e-30], [0, 1]]):
            check(ps, weights=(1, smallest))
            check(ps, weights=(1, smallest), normalize=True)


def test_rows_of_any_mass() -> None:
    ps = distributions(7, 3, 40)
    expected = klrs.js_divergence_of(ps, normalize=True)
    masses = np.array([[1.7e308], [1e-305], [3.0]])
    with np.errstate(all="raise"):
        value = klrs.js_divergence_of(ps / ps.max(axis=1, keepdims=True) * masses, normalize=True)
    assert value == pytest.approx(expected, rel=1e-14)


def test_nan_belongs_to_its_element() -> None:
    """Also that of a distribution with weight 0."""
    ps = distributions(8, 3, 4, 5)
    ps[2, 1, 0] = np.nan
    with np.errstate(all="raise"):
        for weights in (None, (0.5, 0.5, 0)):
            for normalize in (False, True):
                value = klrs.js_divergence_of(ps, weights=weights, normalize=normalize)
                assert np.isnan(value).tolist() == [False, True, False, False]


def test_layouts_have_the_same_bits() -> None:
    ps = distributions(9, 3, 40, 50)
    for normalize in (False, True):
        expected = klrs.js_divergence_of(ps, normalize=normalize)
        for same in (
            np.asfortranarray(ps),
            np.repeat(ps, 2, -1)[..., ::2],
            ps.astype(">f8"),
            ps.tolist(),
        ):
            assert_same_bits(klrs.js_divergence_of(same, normalize=normalize), expected)
        alone = [klrs.js_divergence_of(ps[:, k], normalize=normalize) for k in range(40)]
        assert_same_bits(np.array(alone), expected)


def test_axes_anywhere() -> None:
    ps = distributions(10, 3, 4, 5, 42)
    expected = klrs.js_divergence_of(ps)
    assert expected.shape == (4, 5)
    for over in (1, 2, 3, -1):
        moved = np.moveaxis(ps, 0, over)
        axis = 2 if over in (3, -1) else -1
        assert_same_bits(klrs.js_divergence_of(moved, over=over, axis=axis), expected)
    turned = np.moveaxis(ps, -1, 0)
    assert_same_bits(klrs.js_divergence_of(turned, over=1, axis=0), expected)
    split = ps.reshape(3, 4, 5, 6, 7)
    for axis in ((-2, -1), (4, 3), (-1, 3)):
        assert_same_bits(klrs.js_divergence_of(split, axis=axis), expected)
    around = np.moveaxis(split, (3, 4), (0, 2))
    assert_same_bits(klrs.js_divergence_of(around, over=1, axis=(0, 2)), expected)
    assert_same_bits(klrs.js_divergence_of(around, over=1, axis=(-3, -5)), expected)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_counts_of_any_integer(dtype: np.dtype) -> None:
    counts = np.array([[1, 1, 0], [0, 1, 1]]).astype(dtype)
    expected = klrs.js_divergence_of(counts.astype(float), normalize=True)
    assert_same_bits(klrs.js_divergence_of(counts, normalize=True), expected)


def test_empty_batch() -> None:
    assert klrs.js_divergence_of(np.empty((2, 0, 3))).shape == (0,)
    assert isinstance(klrs.js_divergence_of(PS), np.float64)


def test_mistakes_in_the_data() -> None:
    with raises(ValueError, f"ps: row 1 sums to 2, not 1{SUMS}"):
        klrs.js_divergence_of(PS * [[1], [2], [1]])
    with raises(
        ValueError,
        "ps: row 2 sums to 0 and cannot be normalised; drop the row, or add a pseudocount to every "
        "entry",
    ):
        klrs.js_divergence_of([[1, 2], [3, 4], [0, 0]], normalize=True)
    with raises(
        ValueError,
        "ps: row 1 has the negative value -0.5 at position 1; probabilities must be >= 0 "
        "(log-probabilities need np.exp first)",
    ):
        klrs.js_divergence_of([[0.5, 0.5], [1.5, -0.5]])
    with pytest.raises(TypeError, match=r"^ps: dtype complex128 is not supported"):
        klrs.js_divergence_of(PS.astype(complex))
    with raises(ValueError, "ps: no distributions along axis 0 of shape (0, 3)"):
        klrs.js_divergence_of(np.empty((0, 3)))
    with pytest.raises(ValueError, match=r"^base: 1, expected a number greater than 1"):
        klrs.js_divergence_of(PS, base=1)


def test_mistakes_in_over() -> None:
    for over in (1.0, None, True, (0,), "0"):
        with raises(TypeError, f"over: got {over!r}, expected an int"):
            klrs.js_divergence_of(PS, over=over)
    with raises(np.exceptions.AxisError, "over: 2 is out of bounds for arrays with 2 dimensions"):
        klrs.js_divergence_of(PS, over=2)
    with raises(np.exceptions.AxisError, "axis: 2 is out of bounds for arrays with 2 dimensions"):
        klrs.js_divergence_of(PS, axis=2)
    for over, axis in ((1, -1), (-2, 0), (0, None), (0, (0, 1)), (1, np.int64(1))):
        with raises(
            ValueError,
            f"over: {over} is an axis along which the distributions run (axis={axis}); "
            "pass the axis along which one lies beside the other",
        ):
            klrs.js_divergence_of(PS, over=over, axis=axis)


def test_mistakes_in_the_weights() -> None:
    expected = "expected 3 non-negative numbers that sum to 1, one for each distribution"
    for weights in ((0.5, 0.6, 0.1), (-0.5, 1.0, 0.5), (0.0, 0.0, 0.0), (1e308,) * 3):
        for given in (weights, list(weights), np.array(weights)):
            with raises(ValueError, f"weights: {weights}, {expected}"):
                klrs.js_divergence_of(PS, weights=given)
    for values in ((np.nan, 0.5, 0.5), (np.inf, 0, 0), (-np.inf, np.inf, 1)):
        with pytest.raises(ValueError, match=r"^weights: .*expected 3 non-negative"):
            klrs.js_divergence_of(PS, weights=values)
    for wrong in ((0.5, 0.5), (), "abc", 0.5, (0.5, None, 0.5), (0.25,) * 4, ("1", "0", "0")):
        with raises(TypeError, f"weights: got {wrong!r}, {expected}"):
            klrs.js_divergence_of(PS, weights=wrong)
    nearly = klrs.js_divergence_of(PS, weights=(0.3333333, 0.3333333, 0.3333333))
    assert nearly == pytest.approx(klrs.js_divergence_of(PS), rel=1e-14)
