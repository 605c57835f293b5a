"""Contributions of classes to the KL divergence: the oracle, their sum, layouts, and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import klrs
import reference
from inputs import (
    BF16,
    F16,
    F32,
    F64,
    GENERALIZED_KL,
    INTEGERS,
    KL,
    Float,
    assert_same_bits,
    distributions,
    each_float,
    pair,
)
from messages import P, Q, raises
from test_layouts import LAYOUTS, fortran, out_layouts, reverse

terms = klrs.kl_contributions


def rows(kind: Float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights of rows: random, near-equal, with zeros, one-hot, disjoint, and subnormal ones."""
    random = np.random.default_rng(0)
    pairs = [random.standard_exponential((2, n)) for n in (2, 3, 15, 16, 17, 33, 300, 1025, 2500)]
    p, q = random.standard_exponential((2, 40))
    third, half = np.arange(40) % 3 == 0, np.arange(40) % 2 == 0
    near = [(p, p * (1 + e * q)) for e in (1e-5, 1e-9, 1e-13)]
    zeros = [(p * third, q), (p, q * third), (p * third, q * third), (p * third, q * half), (p, p)]
    hot, other = np.eye(4)[1], np.array([0.1, 0.2, 0.3, 0.4])
    edges = [(hot, other), (other, hot), (hot, hot), (hot, np.eye(4)[2])]
    tiny, least = kind.normal, kind.normal * (2 * kind.unit)
    subnormal = (
        np.array([1, 1e-5, tiny * 3, least * 5, least, 0, least, 0.3]),
        np.array([1, least, tiny, least * 7, 0.5, least * 2, 0, 0.1]),
    )
    return [*((a, b) for a, b in pairs), *near, *zeros, *edges, subnormal]


def shares(x: np.ndarray) -> list[Fraction]:
    """The exact quotients."""
    exact = [Fraction(float(entry)) for entry in x]
    total = sum(exact)
    return [entry / total for entry in exact]


def check(p: np.ndarray, q: np.ndarray, kind: Float, **options: Any) -> None:
    """Every term within the bound, of itself."""
    got = terms(p, q, **options)
    assert got.dtype == kind.result
    assert got.shape == p.shape
    exact = reference.ELEMENTWISE["kl_contributions"](p, q, **options)
    wide, expected = got.astype(np.float64), np.array([float(x) for x in exact])
    infinite = np.isinf(expected)
    assert not np.signbit(wide).any()
    assert (np.isinf(wide) == infinite).all()
    # Below the smallest normal number floats are evenly spaced. See also `precision.FLOOR`.
    floor = float(np.finfo(kind.result).smallest_normal)
    limit = kind.bound * np.maximum(expected, floor)
    if options.get("normalize"):
        # Shares that differ by less than the rounding of what they are the difference of, which the
        # docstring grants: what is left of that is a rounding of a rounding.
        share, other = (shares(x) for x in (p, q))
        apart = np.array([float(abs(x - y)) for x, y in zip(share, other, strict=True)])
        wide_share = np.array([float(x) for x in share])
        close = apart < 1e-16 * wide_share
        limit = np.where(close, np.maximum(limit, 1e-30 * apart + 1e-60 * wide_share), limit)
    with np.errstate(invalid="ignore"):
        good = infinite | (np.abs(wide - expected) <= limit)
    if not options.get("normalize"):
        good &= (expected != 0) | (wide == 0)
    where = int(np.argmin(good))
    assert good.all(), (where, p[where], q[where], got[where], expected[where], options)


@each_float
def test_within_the_bound(kind: Float) -> None:
    for p, q in rows(kind):
        x, y = kind.array(p / p.sum()), kind.array(q / q.sum())
        check(x, y, kind)
        check(x, y, kind, base=2)


@each_float
def test_within_the_bound_normalized(kind: Float) -> None:
    for p, q in rows(kind):
        for of_p, of_q in ((1, 1), (300, 0.25), (1e-3, 3e6)):
            if kind is F16 and of_q > 1e4:
                continue
            x, y = kind.array(p / p.sum() * of_p), kind.array(q / q.sum() * of_q)
            check(x, y, kind, normalize=True)
            check(x, y, kind, normalize=True, base=10)


def test_totals_beyond_the_range() -> None:
    p, q = np.random.default_rng(1).uniform(0.5, 1, (2, 40))
    check(p * 1.7e308, q * 1e-300, F64, normalize=True)
    check(F32.array(p * 3e38), F32.array(q * 1e-37), F32, normalize=True)


@each_float
@pytest.mark.parametrize("normalize", [False, True])
def test_the_sum_is_the_divergence(kind: Float, normalize: bool) -> None:
    for length in (3, 16, 40, 3000):
        p, q = distributions(0, 5, length, kind=kind), distributions(1, 5, length, kind=kind)
        for base in (None, 2):
            got = terms(p, q, normalize=normalize, base=base)
            total = got.sum(axis=-1, dtype=np.float64)
            np.testing.assert_allclose(
                total, KL(p, q, normalize=normalize, base=base), rtol=2 * kind.bound
            )
    p, q = (np.random.default_rng(s).random((4, 9)) for s in (0, 1))
    if normalize:
        measures = [x / x.sum(axis=-1, keepdims=True) for x in (p, q)]
        np.testing.assert_allclose(
            terms(p, q, normalize=True).sum(-1), GENERALIZED_KL(*measures), rtol=1e-13
        )


def test_by_hand() -> None:
    got = terms([0.5, 0.25, 0.25, 0], [0.25, 0.25, 0, 0.5])
    assert got.tolist() == [pytest.approx(0.5 * math.log(2) - 0.25, rel=1e-15), 0, math.inf, 0.5]


def test_equal_rows_have_none() -> None:
    for kind in (F64, F32, F16, BF16):
        p = distributions(3, 50, kind=kind)
        for options in ({}, {"normalize": True}):
            assert (terms(p, p, **options) == 0).all()


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("dtype", [F64.dtype, F32.dtype, F16.dtype, BF16.dtype], ids=str)
def test_layouts_have_the_same_bits(layout: Callable[..., Any], dtype: np.dtype[Any]) -> None:
    for length in (7, 300, 2500):
        p, q = pair(4, length, dtype=dtype)
        for normalize in (False, True):
            expected = terms(p, q, normalize=normalize)
            assert_same_bits(terms(layout(p), q, normalize=normalize), expected)
            assert_same_bits(terms(p, layout(q), normalize=normalize), expected)
            assert_same_bits(terms(layout(p[1]), q[1], normalize=normalize), expected[1])


def test_dtypes() -> None:
    dtypes = [F64.dtype, F32.dtype, F16.dtype, BF16.dtype, *INTEGERS]
    for of_p in dtypes:
        for of_q in dtypes:
            p, _ = pair(3, 20, dtype=of_p)
            _, q = pair(3, 20, dtype=of_q)
            narrow = of_p in dtypes[1:4] and of_q in dtypes[1:4]
            common = np.float32 if narrow else np.float64
            expected = terms(p.astype(common), q.astype(common), normalize=True)
            got = terms(p, q, normalize=True)
            assert got.dtype == common
            assert_same_bits(got, expected)


def test_threads_have_the_same_bits() -> None:
    for shape in ((3000, 200), (1, 100_000)):
        p, q = pair(*shape)
        results = []
        for threads in (1, 2, 5):
            with klrs.threads(threads):
                results.append((terms(p, q), terms(p, q, normalize=True)))
        for result in results[1:]:
            for got, expected in zip(result, results[0], strict=True):
                assert_same_bits(got, expected)
        assert_same_bits(terms(p[-1], q[-1]), results[0][0][-1])


def test_axes() -> None:
    p, q = (np.random.default_rng(s).standard_exponential((3, 4, 5)) for s in (0, 1))
    for axis in (0, 1, -1, -3, (0, 2), (2, 0), (1, -1), (0, 1, 2), None):
        axes = tuple(range(3)) if axis is None else tuple(np.atleast_1d(axis) % 3)
        x, y = (z / z.sum(axis=axes, keepdims=True) for z in (p, q))
        got = terms(x, y, axis=axis)
        assert got.shape == x.shape
        np.testing.assert_allclose(got.sum(axis=axes), KL(x, y, axis=axis), rtol=1e-13)
        np.testing.assert_allclose(got, terms(p, q, axis=axis, normalize=True), rtol=1e-9)
    assert_same_bits(terms(p, q, axis=0, normalize=True), terms(p.T, q.T, normalize=True).T)


def test_broadcasting() -> None:
    p, q = distributions(1, 3, 12), distributions(2, 2, 12)
    got = terms(p[:, None], q)
    assert got.shape == (3, 2, 12)
    for i in range(3):
        for j in range(2):
            assert_same_bits(got[i, j], terms(p[i], q[j]))
    assert_same_bits(terms(p, q[0]), got[:, 0])
    assert_same_bits(terms(p.T[:, :, None], q.T[:, None], axis=0), np.moveaxis(got, -1, 0))


@pytest.mark.parametrize("length", [17, 1500])
def test_where(length: int) -> None:
    random = np.random.default_rng(5)
    keep = random.random((3, length)) < 0.6
    p, q = (np.where(keep, random.standard_exponential((3, length)), 0) for _ in range(2))
    p, q = (x / x.sum(axis=-1, keepdims=True) for x in (p, q))
    for normalize in (False, True):
        expected = terms(p, q, normalize=normalize)
        assert (expected[~keep] == 0).all()
        for garbage in (np.nan, -1, np.inf):
            x, y = (np.where(keep, z, garbage) for z in (p, q))
            assert_same_bits(terms(x, y, where=keep, normalize=normalize), expected)
            assert_same_bits(terms(fortran(x), y, where=keep, normalize=normalize), expected)
            along_0 = terms(x.T, y.T, where=keep.T, axis=0, normalize=normalize)
            assert_same_bits(along_0.T, expected)
    only = np.arange(length) < 9
    got = terms(np.where(only, p, 5), q, where=only, normalize=True)
    assert (got[:, 9:] == 0).all()
    np.testing.assert_allclose(got[:, :9], terms(p[:, :9], q[:, :9], normalize=True), rtol=1e-12)


@pytest.mark.parametrize("length", [5, 1500])
def test_nan_belongs_to_its_row(length: int) -> None:
    p, q = pair(12, length)
    for normalize in (False, True):
        expected = terms(p, q, normalize=normalize)
        for which in range(2):
            x, y = p.copy(), q.copy()
            (x, y)[which][3, length - 1] = np.nan
            got = terms(x, y, normalize=normalize)
            rest = np.arange(12) != 3
            assert np.isnan(got[3]).all()
            assert_same_bits(got[rest], expected[rest])


def test_empty_batch() -> None:
    assert_same_bits(terms(np.empty((0, 3)), Q), np.empty((0, 3)))
    assert_same_bits(terms(*[np.empty((2, 0, 3), np.float32)] * 2), np.empty((2, 0, 3), np.float32))


@each_float
def test_out(kind: Float) -> None:
    p, q = pair(3, 40, dtype=kind.dtype)
    expected = terms(p, q)
    for out in out_layouts(p.shape, expected.dtype):
        assert terms(p, q, out=out) is out
        assert_same_bits(out, expected.astype(out.dtype))
    out = np.empty((2, 3, 40))
    assert terms(p, np.stack([q, p]), out=out) is out
    assert_same_bits(out[0], expected.astype(np.float64))


def test_out_that_overlaps_an_operand() -> None:
    p, q = pair(4, 1500)
    expected = terms(p, q)
    for overlap in ("p", "q", "p backwards", "q in reverse"):
        x, y = p.copy(), reverse(q) if overlap == "q in reverse" else q.copy()
        out = {"p": x, "q": y, "p backwards": x[::-1, ::-1], "q in reverse": y}[overlap]
        assert_same_bits(terms(x, y, out=out), expected)


def test_out_is_untouched_after_an_error() -> None:
    p, q = pair(40, 30)
    bad = p.copy()
    bad[39, 3] = -1
    for layout in (np.copy, fortran, reverse):
        out = layout(np.full((40, 30), 7.0))
        with raises(
            ValueError,
            "p: row 39 has the negative value -1 at position 3; probabilities must be >= 0 "
            "(log-probabilities need np.exp first)",
        ):
            terms(bad, q, out=out)
        with pytest.raises(ValueError, match=r"^q: row 39 sums to "):
            terms(p, np.abs(bad), out=out)
        with pytest.raises(ValueError, match=r"^base: "):
            terms(p, q, base=1, out=out)
        assert (out == 7).all()


def test_out_that_cannot_hold_it() -> None:
    for out, kind, text in (
        (np.empty(2), ValueError, "out: shape (2,), expected (3,)"),
        (np.empty(()), ValueError, "out: shape (), expected (3,)"),
        (np.empty(3, np.float32), TypeError, "out: dtype float32 cannot hold float64 results"),
        (np.empty(3, int), TypeError, "out: dtype int64 cannot hold float64 results"),
        (np.empty(3, complex), TypeError, "out: dtype complex128 cannot hold float64 results"),
        (np.broadcast_to(1.0, 3), ValueError, "out: is read-only; pass a writable array"),
        ([0.0, 0.0, 0.0], TypeError, "out: got list, expected a NumPy array"),
        ((np.empty(3),), TypeError, "out: got tuple, expected a NumPy array"),
    ):
        with raises(kind, text):
            terms(P, Q, out=out)
    out = np.empty(3, np.float16)
    with raises(TypeError, "out: dtype float16 cannot hold float32 results"):
        terms(P.astype(np.float16), Q.astype(np.float16), out=out)


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((P, Q), {"base": 1}),
    ((P, Q), {"base": "2"}),
    ((P, Q), {"axis": 1}),
    ((P, Q), {"axis": (0, 0)}),
    ((P, Q), {"axis": 0.0}),
    ((P, Q), {"axis": 1.5}),
    ((P, Q), {"axis": "0"}),
    ((P, Q), {"axis": ()}),
    ((P, Q), {"axis": True}),
    ((P, Q), {"where": [0, 1, 1]}),
    ((P, Q), {"where": [True, False]}),
    ((P, Q), {"where": [False] * 3}),
    ((P, Q[:2]), {}),
    ((P, None), {}),
    ((1.0, 1.0), {}),
    ((P, Q * 2), {}),
    ((P, Q * 1j), {}),
    ((P, [0.5, np.inf, 0.5]), {}),
    ((P * 0, Q), {"normalize": True}),
    ((np.empty((3, 0)), np.empty((3, 0))), {}),
    ((np.empty((2, 3)), np.empty((4, 3))), {}),
    ((np.ma.array(P), Q), {}),
]


@pytest.mark.parametrize(("args", "kwargs"), CALLS, ids=range(len(CALLS)))
def test_calls_are_refused_as_the_divergence_refuses_them(args: Any, kwargs: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as expected:
        klrs.kl_divergence(*args, **kwargs)
    with raises(expected.type, str(expected.value)):
        terms(*args, **kwargs)
    if np.shape(args[0]) == (3,):
        with raises(expected.type, str(expected.value)):
            terms(*args, out=np.empty(3), **kwargs)


def test_inputs_are_not_modified() -> None:
    p, q = pair(4, 30)
    x, y = p.copy(), q.copy()
    for array in (x, y):
        array.flags.writeable = False
    for options in ({}, {"normalize": True}, {"axis": None, "normalize": True}):
        got = terms(x, y, **options)
        assert got.flags.writeable
    assert_same_bits(x, p)
    assert_same_bits(y, q)
