"""The formulas of the core, by name, for arrays that broadcast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from klrs import _klrs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

NAMES = frozenset(_klrs.distribution_names())
"""The names of the formulas: a verb, then the families it is for."""


def evaluate(name: str, *arguments: ArrayLike) -> NDArray[np.float64]:
    """A formula for each element of arrays that broadcast."""
    arrays = np.broadcast_arrays(*(np.asarray(it, np.float64) for it in arguments))
    flat = [np.ascontiguousarray(it).reshape(-1) for it in arrays]
    values: NDArray[np.float64] = _klrs.distribution(name, flat)
    return values.reshape(arrays[0].shape)


def evaluate_rows(name: str, *arguments: NDArray[np.float64]) -> NDArray[np.float64]:
    """A formula of rows: the last axis of the arguments, which broadcast, is reduced."""
    arrays = np.broadcast_arrays(*arguments)
    columns = [
        np.ascontiguousarray(it[..., k]).reshape(-1) for it in arrays for k in range(it.shape[-1])
    ]
    values: NDArray[np.float64] = _klrs.distribution(name, columns)
    return values.reshape(arrays[0].shape[:-1])


def total(terms: Any) -> NDArray[np.float64]:
    """The sum along the last axis, one element after the other."""
    moved = np.ascontiguousarray(np.moveaxis(terms, -1, 0))
    return np.asarray(np.add.reduce(moved, axis=0), np.float64)
