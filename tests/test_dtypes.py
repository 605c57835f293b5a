"""The dtype and shape of results: those of a NumPy reduction, and the table of dtypes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from inputs import (
    F64,
    FLOATS,
    INTEGERS,
    VERBS,
    Verb,
    assert_same_bits,
    each_verb,
    pair,
    two_operands,
)

DTYPES = [*(kind.dtype for kind in FLOATS), *INTEGERS]
NARROW = [kind.dtype for kind in FLOATS if kind is not F64]


def result_dtype(*operands: np.dtype[Any]) -> np.dtype[Any]:
    """float32 where all operands are narrower floats than float64, else float64."""
    return np.dtype(np.float32 if all(dtype in NARROW for dtype in operands) else np.float64)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_entropy_dtype(dtype: np.dtype[Any]) -> None:
    p, _ = pair(3, 5, dtype=dtype)
    assert VERBS[0](p).dtype == result_dtype(dtype)


@pytest.mark.parametrize("dtypes", list(product(DTYPES, DTYPES)), ids=lambda d: f"{d[0]}-{d[1]}")
@two_operands
def test_every_pair_of_dtypes(verb: Verb, dtypes: tuple[np.dtype[Any], np.dtype[Any]]) -> None:
    """The value is that of both operands read exactly in the wider dtype."""
    for length in (5, 50):
        p, q = pair(3, length, dtype=dtypes[0])[0], pair(3, length, dtype=dtypes[1])[1]
        result = verb(p, q)
        compute = result_dtype(*dtypes)
        assert result.dtype == compute
        assert result.dtype.isnative
        # A float32 copy of half-precision entries has a tighter check of sums than the entries.
        options = verb.options(normalize=True)
        if dtypes[0] == dtypes[1] or not verb.has_base:
            assert_same_bits(
                verb(p.astype(compute), q.astype(compute), **options), verb(p, q, **options)
            )
        exact = [verb.exact(x, y) for x, y in zip(p, q, strict=True)]
        np.testing.assert_allclose(result, np.array(exact, float), rtol=2e-6)


@each_verb
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_counts(verb: Verb, dtype: np.dtype[Any]) -> None:
    """Integers of any width are read as float64."""
    p = np.array([[3, 0, 1, 7, 100], [1, 1, 1, 1, 1]]).astype(dtype)
    q = np.array([[1, 2, 3, 4, 5], [100, 1, 1, 0, 1]]).astype(dtype)
    options = verb.options(normalize=True)
    assert_same_bits(verb(p, q, **options), verb(p.astype(float), q.astype(float), **options))


@each_verb
def test_large_integers(verb: Verb) -> None:
    """2^63 and more do not fit int64; beyond 2^53 they are rounded as NumPy rounds them."""
    p = np.array([2**64 - 1, 2**63, 2**53 + 1, 5], np.uint64)
    q = np.array([2**62 + 1, 2**63 - 1, 2**53 + 3, 7], np.int64)
    options = verb.options(normalize=True)
    assert_same_bits(verb(p, q, **options), verb(p.astype(float), q.astype(float), **options))


@each_verb
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_scalars_for_one_dimension(verb: Verb, dtype: np.dtype[Any]) -> None:
    p, q = pair(4, dtype=dtype)
    value = verb(p, q)
    assert type(value) is result_dtype(dtype).type
    assert type(verb(p, q, axis=None)) is result_dtype(dtype).type
    assert verb(p, q, keepdims=True).shape == (1,)


@each_verb
def test_python_lists_give_float64(verb: Verb) -> None:
    assert type(verb([0.5, 0.5], [0.25, 0.75])) is np.float64
    assert type(verb([0, 1], [0, 1])) is np.float64


@each_verb
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "axis", [0, 1, 2, -1, -2, -3, (0,), (0, 1), (1, 0), (-1, 0), (0, 1, 2), None]
)
def test_shape_is_that_of_a_numpy_sum(verb: Verb, axis: Any, keepdims: bool) -> None:
    p, q = (np.random.default_rng(i).random((2, 3, 4)) + 0.1 for i in (0, 1))
    p, q = (x / x.sum(axis=axis, keepdims=True) for x in (p, q))
    expected = (p + q).sum(axis=axis, keepdims=keepdims)
    result = verb(p, q, axis=axis, keepdims=keepdims)
    assert type(result) is type(expected)
    assert result.shape == expected.shape


@two_operands
def test_axis_refers_to_the_broadcast_shape(verb: Verb) -> None:
    p, q = pair(5, 6, 4)[0], pair(4)[1]
    by_first = np.moveaxis(p, -1, 0)
    with_axes = q[:, np.newaxis, np.newaxis]
    assert_same_bits(verb(by_first, with_axes, axis=0), verb(p, q))
    assert_same_bits(verb(by_first, with_axes, axis=-3, keepdims=True), verb(p, q)[np.newaxis])


@each_verb
def test_indices_that_are_not_int(verb: Verb) -> None:
    """Whatever NumPy takes as an axis: anything with __index__."""
    p, q = pair(2, 3, 4)
    assert_same_bits(verb(p, q, axis=np.int8(2)), verb(p, q))
    with pytest.raises(
        TypeError, match=r"^axis: got 1\.0, expected an int, a tuple of ints, or None"
    ):
        verb(p, q, axis=1.0)
