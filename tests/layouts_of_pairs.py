"""Ways in which the same numbers can lie in memory, for functions of two arrays of reals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def misaligned(x: np.ndarray) -> np.ndarray:
    """A copy that starts one byte beyond where its dtype belongs."""
    room = np.empty(x.nbytes + 1, np.uint8)
    array = np.ndarray(x.shape, x.dtype, buffer=room, offset=1)
    array[...] = x
    return array


def strided(x: np.ndarray) -> np.ndarray:
    """Every third number of a longer array, which has NaN between them."""
    room = np.full((*x.shape[:-1], 3 * x.shape[-1]), np.nan, x.dtype)
    room[..., 1::3] = x
    return room[..., 1::3]


def read_only(x: np.ndarray) -> np.ndarray:
    array = x.copy()
    array.flags.writeable = False
    return array


def reversed_twice(x: np.ndarray) -> np.ndarray:
    """The same numbers with negative strides along every axis."""
    return x[..., ::-1][::-1].copy()[..., ::-1][::-1]


def layouts(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Equal arrays, by the name of their layout."""
    yield "Fortran", np.asfortranarray(x)
    yield "negative strides", reversed_twice(x)
    yield "strided", strided(x)
    yield "misaligned", misaligned(x)
    yield "read-only", read_only(x)
    if x.dtype.isbuiltin == 1:
        # Types that are not NumPy's own, bfloat16, have no other byte order.
        yield "byte-swapped", x.astype(x.dtype.newbyteorder())
        yield "byte-swapped and misaligned", misaligned(x.astype(x.dtype.newbyteorder()))
