"""Every layout a NumPy user can make gives the bits of the contiguous array."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inputs import (
    BF16,
    F16,
    F32,
    F64,
    FLOATS,
    VERBS,
    Verb,
    assert_same_bits,
    distributions,
    each_float,
    each_length,
    each_verb,
    pair,
)

DTYPES = (*(kind.dtype for kind in FLOATS), np.dtype(np.int64), np.dtype(np.uint8), np.dtype(bool))
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)


def fortran(x: np.ndarray) -> np.ndarray:
    return np.asfortranarray(x)


def reverse(x: np.ndarray) -> np.ndarray:
    """Negative strides on every axis."""
    backwards = (slice(None, None, -1),) * x.ndim
    return x[backwards].copy()[backwards]


def every_second(x: np.ndarray) -> np.ndarray:
    """Strides of two elements along the distribution, and a gap between the rows."""
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1] + 3), 77, dtype=x.dtype)
    wide[..., 1:-2:2] = x
    return wide[..., 1:-2:2]


def cropped(x: np.ndarray) -> np.ndarray:
    """Contiguous rows with a gap between them."""
    wide = np.full((*x.shape[:-1], x.shape[-1] + 5), 77, dtype=x.dtype)
    wide[..., 2:-3] = x
    return wide[..., 2:-3]


def misaligned(x: np.ndarray) -> np.ndarray:
    """At an odd address."""
    raw = np.empty(x.nbytes + 1, np.uint8)
    shifted = np.frombuffer(raw.data, x.dtype, count=x.size, offset=1).reshape(x.shape)
    shifted[...] = x
    return shifted


def field(x: np.ndarray) -> np.ndarray:
    """A field of a packed structured array: odd byte strides."""
    records = np.zeros(x.shape, [("before", "u1"), ("x", x.dtype), ("after", "u2")])
    records["x"] = x
    return records["x"]


def byte_swapped(x: np.ndarray) -> np.ndarray:
    if x.dtype == BF16.dtype:
        pytest.skip("ml_dtypes has no byte-swapped bfloat16")
    return x.astype(x.dtype.newbyteorder())


def byte_swapped_field(x: np.ndarray) -> np.ndarray:
    """Odd strides, odd addresses and the other byte order at once, backwards."""
    return reverse(field(byte_swapped(x)))


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


def outer_axis_in_memory(x: np.ndarray) -> np.ndarray:
    """As axis=0 of a C-ordered array, with a gap between its rows."""
    return every_second(np.ascontiguousarray(x.T)).T


LAYOUTS = (
    fortran,
    reverse,
    every_second,
    cropped,
    misaligned,
    field,
    byte_swapped,
    byte_swapped_field,
    read_only,
    outer_axis_in_memory,
)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@each_dtype
@each_length
def test_layout(layout: Callable, dtype: np.dtype, length: int) -> None:
    """Three rows are fewer than any tile, 70 short ones more than two of them."""
    p, q = pair(70 if length < 100 else 3, length, dtype=dtype)
    for verb in VERBS:
        expected = verb(p, q)
        assert_same_bits(verb(layout(p), q), expected)
        assert_same_bits(verb(p, layout(q)), expected)
        assert_same_bits(
            verb(layout(p), layout(q), **verb.options(normalize=True)),
            verb(p, q, **verb.options(normalize=True)),
        )
        assert_same_bits(verb(layout(p[0]), layout(q[0])), expected[0])


@each_dtype
@each_length
def test_memory_mapped(dtype: np.dtype, length: int, tmp_path: Path) -> None:
    p, q = pair(3, length, dtype=dtype)
    mapped = np.memmap(tmp_path / "p", dtype, "w+", offset=3, shape=p.shape)
    mapped[...] = p
    mapped.flush()
    again = np.memmap(tmp_path / "p", dtype, "r", offset=3, shape=p.shape)
    for verb in VERBS:
        result = verb(again, q)
        assert type(result) is np.ndarray
        assert_same_bits(result, verb(p, q))


@each_float
@each_length
def test_zero_strides(kind: Any, length: int) -> None:
    p, q = pair(3, length, dtype=kind.dtype)
    one = kind.array(1 / length)
    for verb in VERBS:
        flat = np.broadcast_to(one, (3, length))
        assert_same_bits(verb(flat, q), verb(flat.copy(), q))
        assert_same_bits(verb(p, flat), verb(p, flat.copy()))
        row = np.broadcast_to(p[0], (3, length))
        assert_same_bits(verb(row, q), verb(row.copy(), q))


@each_float
@each_length
@each_verb
def test_batch_axes_broadcast(verb: Verb, kind: Any, length: int) -> None:
    p, q = distributions(1, 3, length, kind=kind), distributions(2, 2, length, kind=kind)
    if verb.operands == 2:
        both = [np.stack([verb(p[i], q[j]) for j in range(2)]) for i in range(3)]
        assert_same_bits(verb(p[:, None], q), np.stack(both))
        assert_same_bits(verb(p[:, None], q[None]), np.stack(both))
        assert_same_bits(verb(p, q[0]), np.stack(both)[:, 0])
        assert_same_bits(verb(p[0], q), np.stack(both)[0])
        assert_same_bits(verb(p[:1], q), np.stack(both)[0])


@each_verb
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (0, 40_000)])
def test_empty_batch(verb: Verb, shape: tuple[int, ...]) -> None:
    empty = np.empty(shape, np.float32)
    assert_same_bits(verb(empty, empty), np.empty(shape[:-1], np.float32))
    assert_same_bits(
        verb(empty[..., ::-1], empty, keepdims=True), np.empty((*shape[:-1], 1), np.float32)
    )


SHAPES = [(3, 4, 5), (2, 3, 4, 5), (40, 1, 33), (2, 8300, 2), (3, 5, 40, 70)]


def rows_of(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """A C-ordered copy with the elements of the axes, in ascending order, along the last one."""
    last = np.moveaxis(x, axes, range(-len(axes), 0))
    return np.ascontiguousarray(last).reshape(*last.shape[: x.ndim - len(axes)], -1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@each_float
def test_every_axis_of_every_memory_order(shape: tuple[int, ...], kind: Any) -> None:
    orders = list(permutations(range(len(shape))))
    for count in range(1, len(shape) + 1):
        for axes in combinations(range(len(shape)), count):
            p, q = (np.random.default_rng(i).standard_exponential(shape) for i in (0, 1))
            p, q = (kind.array(x / x.sum(axis=axes, keepdims=True)) for x in (p, q))
            expected = [verb(rows_of(p, axes), rows_of(q, axes)) for verb in VERBS]
            for order in orders:
                # Axis `order[0]` becomes the outermost in memory, and so on.
                back = np.argsort(order)
                x, y = (z.transpose(order).copy().transpose(back) for z in (p, q))
                for verb, values in zip(VERBS, expected, strict=True):
                    assert_same_bits(verb(x, y, axis=axes), values)
            axis = axes[0] if count == 1 else tuple(a - len(shape) for a in reversed(axes))
            for verb, values in zip(VERBS, expected, strict=True):
                assert_same_bits(verb(p, y, axis=axis), values)
                if count == len(shape):
                    assert_same_bits(verb(x, q, axis=None), values)


class WithArray:
    """An array of somebody else's that NumPy can ask for."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.x if dtype is None else self.x.astype(dtype)


class OnlyDLPack:
    """An array of somebody else's that exports its memory and nothing else."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __dlpack__(self, **options: Any) -> object:
        return self.x.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.x.__dlpack_device__()


@pytest.mark.parametrize("kind", [F64, F32, F16], ids=str)
@pytest.mark.parametrize("wrapper", [WithArray, OnlyDLPack])
def test_foreign_arrays(wrapper: Callable, kind: Any) -> None:
    p, q = pair(3, 50, dtype=kind.dtype)
    for verb in VERBS:
        assert_same_bits(verb(wrapper(p), wrapper(q)), verb(p, q))
        assert_same_bits(verb(wrapper(p.T), q.T, axis=0), verb(p, q))


def test_lists_tuples_and_buffers() -> None:
    p, q = pair(2, 4)
    for verb in VERBS:
        assert_same_bits(verb(p.tolist(), q.tolist()), verb(p, q))
        assert_same_bits(verb(tuple(p[0].tolist()), q[0].tolist()), verb(p[0], q[0]))
        assert_same_bits(verb(memoryview(p), memoryview(q)), verb(p, q))
        assert_same_bits(verb([1, 0], [0.5, 0.5]), verb(np.array([1.0, 0.0]), np.array([0.5, 0.5])))


def test_columns_of_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    p, q = pair(4, 50)
    frame = pandas.DataFrame({"p": p[0], "q": q[0], "label": "text"})
    for verb in VERBS:
        assert_same_bits(verb(frame["p"], frame["q"]), verb(p[0], q[0]))
        assert_same_bits(verb(pandas.DataFrame(p.T), q.T, axis=0), verb(p, q))


def out_layouts(shape: tuple[int, ...], dtype: np.dtype) -> list[np.ndarray]:
    """Arrays to write results to, in the result's dtype and in float64."""
    return [
        layout(np.full(shape, 7, d))
        for d in dict.fromkeys([dtype, np.dtype(np.float64)])
        for layout in (np.copy, fortran, reverse, every_second, misaligned, field, byte_swapped)
    ]


@each_float
@each_length
@each_verb
def test_out(verb: Verb, kind: Any, length: int) -> None:
    p, q = pair(2, 3, length, dtype=kind.dtype)
    expected = verb(p, q)
    for out in out_layouts((2, 3), expected.dtype):
        assert verb(p, q, out=out) is out
        assert_same_bits(out, expected.astype(out.dtype))
    out = np.empty((2, 3, 1))
    assert verb(p, q, out=out, keepdims=True) is out
    assert_same_bits(out, expected[..., np.newaxis].astype(np.float64))
    scalar = np.empty(())
    assert verb(p[0, 0], q[0, 0], out=scalar) is scalar
    assert_same_bits(scalar, np.float64(expected[0, 0]))


@each_verb
def test_out_touches_nothing_between_its_elements(verb: Verb) -> None:
    p, q = pair(5, 7)
    wide = np.full((5, 3), 7.0)
    verb(p, q, out=wide[::-1, 1])
    assert np.all(wide[:, [0, 2]] == 7)
    assert_same_bits(wide[::-1, 1], verb(p, q))


@each_length
@each_verb
def test_out_that_overlaps_an_input(verb: Verb, length: int) -> None:
    p, q = pair(6, length)
    expected = verb(p, q)
    for overlap in ("p", "q", "p backwards"):
        x, y = p.copy(), q.copy()
        out = {"p": x[:, 0], "q": y[0, :6], "p backwards": x[::-1, 3]}[overlap]
        assert_same_bits(verb(x, y, out=out), expected)


@each_float
@each_length
@each_verb
def test_where_equals_zeroed_entries(verb: Verb, kind: Any, length: int) -> None:
    """What is left out may be anything: NaN, infinite, negative, any sum."""
    random = np.random.default_rng(5)
    keep = random.random((3, length)) < 0.6
    keep[:, 0] = True
    p, q = (np.where(keep, random.standard_exponential((3, length)), 0) for _ in range(2))
    p, q = (kind.array(x / x.sum(axis=-1, keepdims=True)) for x in (p, q))
    expected = verb(p, q)
    for garbage in (np.nan, -1, np.inf, 3):
        x, y = (np.where(keep, z, kind.array(garbage)) for z in (p, q))
        for layout in (np.copy, fortran, reverse, every_second, outer_axis_in_memory):
            assert_same_bits(verb(layout(x), y, where=layout(keep)), expected)
        assert_same_bits(verb(x, y, where=keep.tolist()), expected)
        assert_same_bits(verb(x.T, y.T, where=keep.T, axis=0), expected)
    everything = np.ones(1, bool)
    assert_same_bits(verb(p, q, where=everything), expected)
    assert_same_bits(verb(p, q, where=True), expected)


@each_length
@each_verb
def test_where_broadcasts_over_the_batch(verb: Verb, length: int) -> None:
    keep = np.arange(length) % 3 < 2
    x, y = (np.where(keep, z, 0) for z in pair(4, length))
    p, q = (z / z.sum(axis=-1, keepdims=True) for z in (x, y))
    expected = verb(p, q)
    assert_same_bits(verb(np.where(keep, p, 5), np.where(keep, q, 6), where=keep), expected)
    assert_same_bits(verb(np.where(keep, p, 5), q, where=keep[np.newaxis]), expected)
