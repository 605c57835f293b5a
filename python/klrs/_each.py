"""Calls of the core for what has a value for each entry: arrays of the right layout, and back.

The core writes row after row, entries last, in the dtype that it computes in. Here is what is
between that and the arrays that people have: axes anywhere, operands that broadcast, `out`.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs import _klrs
from klrs._arrays import as_array
from klrs._numbers import is_beyond_float32, is_real, temperature_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FLOATS = ("float64", "float32", "float16", "bfloat16")
"""The dtypes that a gradient may have."""

_REDUCTIONS = (None, "mean", "sum")

_HALVES = ("float16", "bfloat16")

_NARROW = ("float32", *_HALVES)


def compute_dtype(*operands: NDArray[Any]) -> np.dtype[Any]:
    """The dtype that is computed in: float32 for operands that are no wider, else float64."""
    narrow = all(operand.dtype.name in _NARROW for operand in operands)
    return np.dtype(np.float32 if narrow else np.float64)


class Layout:
    """How the entries of operands lie in the arrays that the core writes to."""

    def __init__(self, operands: Sequence[NDArray[Any]], axis: Any) -> None:
        try:
            self.shape = np.broadcast_shapes(*(operand.shape for operand in operands))
            dimensions = len(self.shape)
            axes = range(dimensions) if axis is None else np.atleast_1d(axis).tolist()
            self.axes = sorted(operator.index(it) % dimensions for it in axes)
            batch = [it for it in range(dimensions) if it not in self.axes]
            self.order = [*batch, *self.axes]
            self.rows = tuple(self.shape[it] for it in batch)
        except (TypeError, ValueError, ZeroDivisionError):
            # The core refuses such arguments, and says why: it is asked with nothing to write to.
            self.shape, self.order, self.rows = (), [], ()
            self.is_valid = False
        else:
            self.is_valid = True

    def new(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array for the core to write to."""
        return np.empty([self.shape[it] for it in self.order], dtype)

    def written_dtype(
        self, operand: NDArray[Any], out: NDArray[Any] | None, computed: np.dtype[Any]
    ) -> np.dtype[Any]:
        """The dtype that the core writes a gradient in: it rounds to half floats on the way.

        Not where an operand was stretched, whose gradient is a sum, and not for an `out` that can
        hold more.
        """
        halves = operand.dtype.newbyteorder("=")
        is_half = computed == np.float32 and halves.name in _HALVES and operand.shape == self.shape
        return halves if is_half and (out is None or out.dtype == halves) else computed

    def takes(self, out: NDArray[Any] | None, dtype: np.dtype[Any], inputs: Sequence[Any]) -> bool:
        """Whether the core can write to `out` itself."""
        return (
            self.is_valid
            and out is not None
            and out.shape == self.shape
            and out.dtype == dtype
            and out.dtype.isnative
            and out.flags.carray
            and self.order == sorted(self.order)
            and not any(np.may_share_memory(out, it) for it in inputs if it is not None)
        )

    def restore(self, written: NDArray[Any]) -> NDArray[Any]:
        """What the core wrote, with the axes where the operands have them."""
        return written.transpose(np.argsort(self.order))


def call(
    name: str,
    arguments: dict[str, Any],
    out: tuple[NDArray[Any] | None, NDArray[Any] | None],
    *,
    terms: bool = False,
    weights: NDArray[np.float64] | None = None,
) -> Any:
    """Values of a verb; its derivatives, or the terms of it, are written to `out`."""
    return _klrs.each(name, arguments, terms, out, weights)


def call_of_logits(
    p: NDArray[Any], q: NDArray[Any] | None, where: NDArray[Any] | None, axis: Any, given: Any
) -> dict[str, Any]:
    """What the core is told of logits: what all calls have, and nothing else."""
    temperature = temperature_of(given)
    return {
        "p": p,
        "q": q,
        "where": where,
        "axis": axis,
        "base": None,
        "temperature": temperature,
        "weights": (0.5, 0.5),
        "alpha": 0.5,
        "swapped": False,
        "wide": is_beyond_float32(temperature),
        "labels": None,
        "ignore_index": None,
        "label_smoothing": 0.0,
        "class_weights": None,
        "written": None,
        "out": (None, None),
        "factors": None,
        "lifts": None,
    }


def check_out(out: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Refuse an `out` that cannot take what will be written to it."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name}: got {type(out).__name__}, expected a NumPy array")
    if out.shape != shape:
        raise ValueError(f"{name}: shape {out.shape}, expected {shape}")
    is_float = out.dtype.kind == "f" or out.dtype.name == "bfloat16"
    if not is_float or out.dtype.itemsize < dtype.itemsize:
        raise TypeError(f"{name}: dtype {out.dtype} cannot hold {dtype} results")
    if not out.flags.writeable:
        raise ValueError(f"{name}: is read-only; pass a writable array")
    return out


def check_reduction(reduction: Any) -> str | None:
    """Refuse what is none of the ways to make one number of a loss's rows."""
    if not isinstance(reduction, (str, type(None))) or reduction not in _REDUCTIONS:
        raise ValueError(f"reduction: got {reduction!r}, expected one of {_REDUCTIONS}")
    return reduction


def row_weights(given: Any, layout: Layout) -> NDArray[np.float64]:
    """The weight of each row, from `sample_weight`."""
    array = as_array(given, "sample_weight")
    if not is_real(array.dtype):
        raise TypeError(
            f"sample_weight: dtype {array.dtype}, expected real numbers (at most float64)"
        )
    weights = array.astype(np.float64)
    if not np.isfinite(weights).all():
        raise ValueError("sample_weight: has a value that is not finite; expected finite numbers")
    try:
        return np.array(np.broadcast_to(weights, layout.rows), order="C")
    except ValueError:
        raise ValueError(
            f"sample_weight: shape {array.shape} does not broadcast to {layout.rows}; "
            "pass one number for each row"
        ) from None


def check_mean(weights: NDArray[np.float64]) -> None:
    """Refuse weights that have no mean."""
    total = float(weights.sum())
    if weights.size and not total > 0:
        raise ValueError(f"sample_weight: sums to {total:g}; a weighted mean needs more than 0")


def finish(
    layout: Layout, written: NDArray[Any], operand: NDArray[Any], out: NDArray[Any] | None
) -> NDArray[Any]:
    """What the core wrote for an operand, with its shape and dtype."""
    return handed_over(layout.restore(written), operand, out)


def handed_over(
    gradient: NDArray[Any], operand: NDArray[Any], out: NDArray[Any] | None
) -> NDArray[Any]:
    """The gradient of an operand, which may have been stretched, in its shape and dtype."""
    gradient = unbroadcast(gradient, operand.shape)
    if out is not None:
        np.copyto(out, gradient, casting="same_kind")
        return out
    is_float = operand.dtype.name in FLOATS
    of = operand.dtype.newbyteorder("=") if is_float else np.dtype(np.float64)
    return gradient.astype(of, copy=False)


def unbroadcast(gradient: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The sum over the axes that an operand of this shape was stretched along."""
    extra = gradient.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + axis for axis, length in enumerate(shape) if length != gradient.shape[extra + axis]
    )
    if not axes:
        return gradient
    total: NDArray[Any] = gradient.sum(axis=axes, dtype=np.float64)
    return total.astype(gradient.dtype).reshape(shape)
