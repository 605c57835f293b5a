"""Gaussians beside the standard normal: layouts, dtypes, threads, masks, free bits, gradients."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest

import klrs
from klrs.variational import kl_to_standard_normal

gradients = klrs.value_and_grad(kl_to_standard_normal)

SHAPES = [(5,), (3, 4), (2, 3, 40), (2, 300), (2, 40_000)]


def pair(shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return tuple((1.5 * rng.standard_normal(shape)).astype(dtype) for _ in range(2))


def exact(mean: Any, log_variance: Any) -> Any:
    """The term of an entry, in 400 digits."""
    with mpmath.workdps(400):
        m, v = mpmath.mpf(float(mean)), mpmath.mpf(float(log_variance))
        return (m * m + mpmath.exp(v) - 1 - v) / 2


def same(one: Any, other: Any) -> bool:
    return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True))


def everything(mean: Any, log_variance: Any, **keywords: Any) -> tuple[Any, ...]:
    value, (by_mean, by_log_variance) = gradients(mean, log_variance, **keywords)
    return value, by_mean, by_log_variance


@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_the_formula(shape: tuple[int, ...]) -> None:
    mean, log_variance = pair(shape)
    value, by_mean, by_log_variance = everything(mean, log_variance)
    terms = 0.5 * (mean**2 + np.expm1(log_variance) - log_variance)
    np.testing.assert_allclose(value, terms.sum(-1), rtol=1e-12)
    np.testing.assert_array_equal(by_mean, mean)
    np.testing.assert_allclose(by_log_variance, 0.5 * np.expm1(log_variance), rtol=2e-14)
    assert same(value, kl_to_standard_normal(mean, log_variance))
    np.testing.assert_allclose(
        kl_to_standard_normal(mean, log_variance, axis=()), terms, rtol=1e-12
    )


@pytest.mark.parametrize("scale", [1e-150, 1e-80, 1e-9, 1e-3, 1.0, 20.0])
def test_no_digits_are_lost_near_the_standard_normal(scale: float) -> None:
    mean, log_variance = (scale * it for it in pair((50,)))
    value = kl_to_standard_normal(mean, log_variance)
    sought = sum(map(exact, mean, log_variance), mpmath.mpf(0))
    assert abs(value / sought - 1) < 2e-14
    single = [it.astype(np.float32) for it in (mean, log_variance)]
    sought = sum(map(exact, *single), mpmath.mpf(0))
    if sought > 1.2e-38:
        assert abs(float(kl_to_standard_normal(*single)) / sought - 1) < 2e-6


@pytest.mark.parametrize("argument", [0, 1])
def test_gradients_are_finite_differences(argument: int) -> None:
    operands = list(pair((7,)))
    got = everything(*operands)[1 + argument]
    step = mpmath.mpf("1e-20")
    for entry in range(7):
        with mpmath.workdps(60):
            here = [mpmath.mpf(float(it[entry])) for it in operands]
            ends = []
            for sign in (-1, 1):
                there = list(here)
                there[argument] += sign * step
                m, v = there
                ends.append((m * m + mpmath.exp(v) - 1 - v) / 2)
            slope = (ends[1] - ends[0]) / (2 * step)
        assert abs(got[entry] / slope - 1) < 1e-14


@pytest.mark.parametrize("shape", [(6, 5), (6, 40), (6, 300), (3, 40_000)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_layouts_have_the_same_bits(shape: tuple[int, ...], dtype: Any) -> None:
    mean, log_variance = pair(shape, dtype)
    keywords = {"free_bits": 0.2, "reduction": None}
    sought = everything(mean, log_variance, **keywords)
    computed = np.float64 if dtype == np.float64 else np.float32
    assert sought[0].dtype == computed
    assert {it.dtype for it in sought[1:]} == {np.dtype(dtype)}

    def strided(array: Any) -> Any:
        return np.repeat(array, 2, axis=-1)[..., ::2]

    def backwards(array: Any) -> Any:
        return array[::-1, ::-1].copy()[::-1, ::-1]

    for change in (np.asfortranarray, strided, backwards):
        assert all(map(same, everything(change(mean), change(log_variance), **keywords), sought))
    other = everything(np.asfortranarray(mean), log_variance, **keywords)
    assert all(map(same, other, sought))
    turned = everything(mean.T, log_variance.T, axis=0, **keywords)
    assert all(map(same, turned, (sought[0], sought[1].T, sought[2].T)))
    if dtype in (np.float64, np.float32):
        swapped = np.dtype(dtype).newbyteorder()
        other = everything(mean.astype(swapped), log_variance.astype(swapped), **keywords)
        assert all(map(same, other, sought))


@pytest.mark.parametrize("length", [5, 100, 600])
def test_rows_of_which_every_other_is_aligned(length: int) -> None:
    """Beside an operand whose rows run along the outer axis, so that several are read together."""
    packed = np.zeros(7, [("mean", np.float64, (length,)), ("step", np.int32)])
    mean, log_variance = packed["mean"], np.asfortranarray(pair((7, length))[1])
    mean[:] = pair((7, length))[0]
    expected = everything(mean.copy(), log_variance.copy("C"))
    for got, it in zip(everything(mean, log_variance), expected, strict=True):
        assert same(got, it)


def test_threads_change_no_bit() -> None:
    for shape in ((40_000, 3), (3000, 100), (2, 200_000)):
        mean, log_variance = pair(shape, np.float32)
        for axis in (-1, 0, None, ()):
            with klrs.threads(1):
                one = everything(mean, log_variance, axis=axis, reduction="mean")
            with klrs.threads(4):
                four = everything(mean, log_variance, axis=axis, reduction="mean")
            assert all(map(same, one, four))


def test_halves_and_integers() -> None:
    mean, log_variance = np.array([1, 0, -2]), np.array([0, 1, 2])
    value, by_mean, by_log_variance = everything(mean, log_variance)
    assert same(value, kl_to_standard_normal(mean.astype(float), log_variance.astype(float)))
    assert by_mean.dtype == by_log_variance.dtype == np.float64
    half = mean.astype(np.float16), log_variance.astype(np.float16)
    assert type(kl_to_standard_normal(*half)) is np.float32
    mixed = everything(half[0], log_variance.astype(np.float64))
    assert mixed[0].dtype == np.float64
    assert (mixed[1].dtype, mixed[2].dtype) == (np.float16, np.float64)


def test_operands_broadcast_and_their_gradients_are_sums() -> None:
    mean, _ = pair((4, 1, 5))
    for other in (np.float64(0.3), np.full(5, 0.3), np.full((3, 1), 0.3)):
        value, by_mean, by_other = everything(mean, other)
        full = np.broadcast_arrays(mean, other)
        sought = everything(*(it.copy() for it in full))
        assert same(value, sought[0])
        assert by_mean.shape == mean.shape
        assert by_other.shape == other.shape
        stretched = full[0].size // max(other.size, 1)
        np.testing.assert_allclose(by_other, 0.5 * np.expm1(0.3) * stretched, rtol=1e-14)


@pytest.mark.parametrize("length", [4, 50, 400, 40_000])
@pytest.mark.parametrize("free_bits", [None, 0.3])
def test_what_where_leaves_out_is_not_read(length: int, free_bits: float | None) -> None:
    mean, log_variance = pair((3, length))
    counted = np.random.default_rng(5).random((3, length)) < 0.6
    counted[2] = False
    keywords = {"free_bits": free_bits}
    sought = [
        kl_to_standard_normal(mean[row][counted[row]], log_variance[row][counted[row]], **keywords)
        for row in (0, 1)
    ]
    mean[~counted], log_variance[~counted] = np.nan, np.inf
    value, *slopes = everything(mean, log_variance, where=counted, **keywords)
    np.testing.assert_allclose(value[:2], sought, rtol=1e-13)
    assert value[2] == 0
    for slope in slopes:
        assert not slope[~counted].any()
        assert np.isfinite(slope).all()
    each = kl_to_standard_normal(mean, log_variance, axis=(), where=counted, **keywords)
    np.testing.assert_allclose(each.sum(-1), value, rtol=1e-12)
    row = kl_to_standard_normal(mean[0], log_variance[0], where=counted[0], **keywords)
    assert row == value[0]


@pytest.mark.parametrize("length", [5, 100, 40_000])
@pytest.mark.parametrize("base", [None, 2])
def test_free_bits_raise_what_is_below(length: int, base: float | None) -> None:
    mean, log_variance = pair((2, length))
    each = kl_to_standard_normal(mean, log_variance, axis=(), base=base)
    floor = float(np.median(each))
    value, *slopes = everything(mean, log_variance, free_bits=floor, base=base)
    np.testing.assert_allclose(value, np.maximum(each, floor).sum(-1), rtol=1e-12)
    unit = 1 if base is None else np.log(base)
    is_above = each > floor * (1 + 1e-12)
    is_below = each < floor * (1 - 1e-12)
    for slope, plain in zip(slopes, (mean, 0.5 * np.expm1(log_variance)), strict=True):
        np.testing.assert_allclose(slope[is_above], (plain / unit)[is_above], rtol=1e-14)
        assert not slope[is_below].any()
    assert is_above.any()
    assert is_below.any()


def test_where_a_dimension_has_just_its_free_bits_the_gradient_is_0() -> None:
    value, by_mean, by_log_variance = everything([1.0, 1.0, 0.0], [0.0, 0.0, 0.0], free_bits=0.5)
    assert (value, by_mean.any(), by_log_variance.any()) == (1.5, False, False)
    by_mean = everything([1.0], [0.0], free_bits=np.nextafter(0.5, 0))[1]
    assert by_mean == [1.0]


def test_weights_and_reductions() -> None:
    mean, log_variance = pair((4, 6))
    rows = kl_to_standard_normal(mean, log_variance)
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    plain = everything(mean, log_variance)
    for reduction, factor in (("sum", 1.0), ("mean", 0.25)):
        value, *slopes = everything(mean, log_variance, reduction=reduction)
        np.testing.assert_allclose(value, factor * rows.sum(), rtol=1e-14)
        assert value == kl_to_standard_normal(mean, log_variance, reduction=reduction)
        for slope, of_row in zip(slopes, plain[1:], strict=True):
            np.testing.assert_allclose(slope, factor * of_row, rtol=1e-14)
    mean[1, 2] = np.nan
    value, *slopes = everything(mean, log_variance, reduction="mean", sample_weight=weights)
    np.testing.assert_allclose(value, (rows * weights).sum() / 3.5, rtol=1e-14)
    for slope, of_row in zip(slopes, plain[1:], strict=True):
        np.testing.assert_allclose(slope, weights[:, None] / 3.5 * of_row, rtol=1e-14)
    value, *slopes = everything(mean[:2], log_variance[:2])
    assert np.isnan(value[1])
    assert np.isfinite(value[0])
    assert all(np.isnan(it[1]).all() and np.isfinite(it[0]).all() for it in slopes)


def test_ends() -> None:
    inf, nan = np.inf, np.nan
    value, by_mean, by_log_variance = everything(
        [[0.0], [0.0], [inf], [-inf], [nan], [0.0]], [[inf], [-inf], [0.0], [1.0], [0.0], [nan]]
    )
    assert same(value, [inf, inf, inf, inf, nan, nan])
    assert same(by_mean.ravel(), [0, 0, inf, -inf, nan, nan])
    assert by_log_variance[3] == pytest.approx(0.5 * math.expm1(1.0), rel=1e-15)
    assert same(np.delete(by_log_variance, 3), [inf, -0.5, 0, nan, nan])
    # Half of e^v is a float where e^v is none, and half of a square too.
    assert abs(kl_to_standard_normal([0.0], [710.0]) / exact(0, 710) - 1) < 2e-14
    assert abs(kl_to_standard_normal([1.5e154], [0.0]) / exact(1.5e154, 0) - 1) < 2e-14
    for length in (1, 40):
        large = np.full(length, 2.4e19, np.float32)
        value = kl_to_standard_normal(large, np.zeros_like(large), base=1e40)
        assert abs(value / (length * exact(large[0], 0) / mpmath.log(1e40)) - 1) < 2e-6
    assert kl_to_standard_normal(np.float32([1e30]), np.float32([0])) == np.float32(inf)


def test_axes() -> None:
    mean, log_variance = pair((3, 4, 5))
    each = kl_to_standard_normal(mean, log_variance, axis=())
    for axis in (0, 1, -1, (0, 2), (1, 2), None):
        value = kl_to_standard_normal(mean, log_variance, axis=axis)
        np.testing.assert_allclose(value, each.sum(axis), rtol=1e-13)
        kept = kl_to_standard_normal(mean, log_variance, axis=axis, keepdims=True)
        assert kept.shape == each.sum(axis, keepdims=True).shape
        assert same(kept.ravel(), np.ravel(value))
        value_too, by_mean, _ = everything(mean, log_variance, axis=axis)
        assert same(value_too, value)
        assert same(by_mean, mean)
    scalar = kl_to_standard_normal(1.0, 0.0, axis=())
    assert type(scalar) is np.float64
    assert scalar == kl_to_standard_normal(1.0, 0.0, axis=None) == 0.5
    empty = np.empty((0, 4))
    assert kl_to_standard_normal(empty, empty).shape == (0,)
    assert np.isnan(kl_to_standard_normal(empty, empty, reduction="mean"))
    assert kl_to_standard_normal(empty, empty, reduction="sum") == 0


def test_out() -> None:
    mean, log_variance = pair((3, 4))
    sought = everything(mean, log_variance)
    out = np.empty(3)
    assert kl_to_standard_normal(mean, log_variance, out=out) is out
    assert same(out, sought[0])
    places = np.empty((3, 4)), np.empty((4, 3)).T
    got = gradients(mean, log_variance, out=places)[1]
    assert all(one is other for one, other in zip(got, places, strict=True))
    assert all(map(same, got, sought[1:]))
    one = klrs.value_and_grad(kl_to_standard_normal, argnums=1)(mean, log_variance, out=places[0])
    assert one[1] is places[0]
    assert same(places[0], sought[2])
    # Into the operands themselves.
    both = mean.copy(), log_variance.copy()
    got = gradients(*both, out=both)[1]
    assert all(map(same, got, sought[1:]))


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"free_bits": -1}, ValueError, "free_bits: -1, expected a finite number"),
        ({"free_bits": np.nan}, ValueError, "free_bits: nan"),
        ({"free_bits": np.inf}, ValueError, "free_bits: inf"),
        ({"free_bits": "1"}, TypeError, "free_bits: got '1'"),
        ({"base": 1}, ValueError, "base: 1"),
        ({"axis": 2}, np.exceptions.AxisError, "axis: 2 is out of bounds"),
        ({"axis": (0, 0)}, ValueError, "names an axis twice"),
        ({"axis": 0.5}, TypeError, "axis: got 0.5"),
        ({"keepdims": 1}, TypeError, "keepdims: got 1"),
        ({"keepdims": True, "reduction": "sum"}, ValueError, "keepdims: "),
        ({"reduction": "batchmean"}, ValueError, "reduction: got 'batchmean'"),
        ({"where": [1, 0, 1]}, TypeError, "where: dtype int64, expected bool"),
        ({"where": np.ones(4, bool)}, ValueError, r"where: shape \(4,\) does not broadcast"),
        ({"where": np.ones(4, bool), "axis": ()}, ValueError, r"where: shape \(4,\) does not"),
        ({"out": np.empty(3)}, ValueError, r"out: shape \(3,\), expected \(2,\)"),
        ({"out": np.empty(2, np.float32)}, TypeError, "out: dtype float32 cannot hold float64"),
    ],
)
def test_wrong_keywords(keywords: dict[str, Any], error: Any, text: str) -> None:
    mean, log_variance = pair((2, 3))
    with pytest.raises(error, match=text):
        kl_to_standard_normal(mean, log_variance, **keywords)
    if not keywords.keys() & {"keepdims", "out"}:
        with pytest.raises(error, match=text):
            gradients(mean, log_variance, **keywords)


def test_wrong_operands() -> None:
    ones = np.ones((2, 3))
    for wrong in (ones.astype(bool), ones.astype(complex), ones.astype(str), ones.astype(object)):
        with pytest.raises(TypeError, match="mean: dtype"):
            kl_to_standard_normal(wrong, ones)
        with pytest.raises(TypeError, match="log_variance: dtype"):
            kl_to_standard_normal(ones, wrong)
    with pytest.raises(ValueError, match=r"mean and log_variance: shapes \(2, 3\) and \(4,\)"):
        kl_to_standard_normal(ones, np.ones(4))
    with pytest.raises(ValueError, match="mean: got a scalar"):
        kl_to_standard_normal(1.0, 0.0)
    with pytest.raises(ValueError, match="mean: the distribution axis -1 is empty"):
        kl_to_standard_normal(ones[:, :0], ones[:, :0])


def test_wrong_calls_of_value_and_grad() -> None:
    mean, log_variance = pair((2, 3))
    with pytest.raises(TypeError, match="there is no keepdims"):
        gradients(mean, log_variance, keepdims=True)
    with pytest.raises(TypeError, match="value_and_grad of kl_to_standard_normal: missing"):
        gradients(mean)
    with pytest.raises(TypeError, match="unexpected keyword argument 'free'"):
        gradients(mean, log_variance, free=1)
    with pytest.raises(
        ValueError, match="argnums: 2, but kl_to_standard_normal has mean and log_v"
    ):
        klrs.value_and_grad(kl_to_standard_normal, argnums=2)
    with pytest.raises(ValueError, match="sample_weight: sums to 0"):
        gradients(mean, log_variance, reduction="mean", sample_weight=[0, 0])
    with pytest.raises(TypeError, match="out: got ndarray, expected a tuple of 2 arrays"):
        gradients(mean, log_variance, out=mean)
    assert same(
        gradients(mean=mean, log_variance=log_variance)[0], gradients(mean, log_variance)[0]
    )
