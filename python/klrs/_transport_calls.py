"""Calls of the core for transport on the line, between histograms and between samples.

A call is prepared first, which finds what is wrong with its arguments, and knows the shape of its
values then. `klrs.value_and_grad` does the same, and asks for gradients as well.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.exceptions import AxisError

from klrs import _klrs as _core
from klrs._arrays import as_array
from klrs._each import Layout, check_out, compute_dtype, finish, handed_over
from klrs._numbers import is_real, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

transport_operands = {"klrs._transport": ("p", "q"), "klrs.samples": ("x", "y")}
"""The operands of the distances, by the module that they are in."""

DISTANCES = ("wasserstein_distance", "cramer_distance", "energy_distance")
"""The functions of both modules."""

_ORDERS = "a number from 1 to infinity"


class Prepared(NamedTuple):
    """A call whose arguments are understood."""

    name: str
    core: Callable[[str, dict[str, Any]], Any]
    arguments: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    layout: Layout
    """That of the rows; of the entries too, between histograms."""
    axis: int
    """Along which samples run."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return compute_dtype(*self.arrays.values())

    def value(self) -> Any:
        """The distance of each pair of rows."""
        return self.core(self.name, self.arguments | {"out": (None, None), "factors": None})

    def differentiate(
        self,
        wanted: Sequence[str],
        outs: Sequence[NDArray[Any] | None],
        factors: NDArray[np.float64] | None,
    ) -> tuple[Any, list[NDArray[Any]]]:
        """Distances, and the gradients of them with respect to the operands `wanted`."""
        order = self.arguments["order"]
        if order == math.inf:
            raise ValueError(
                f"order: inf, for which {self.name} has no gradient; pass a finite order"
            )
        inputs = [*self.arrays.values(), self.arguments.get("where"), factors]
        given_outs = dict(zip(wanted, outs, strict=True))
        written = {}
        for it, out in given_outs.items():
            is_direct = not self._is_of_samples() and self.layout.takes(out, self.dtype, inputs)
            written[it] = out if is_direct and out is not None else self._new(it)
        places = tuple(written.get(it) for it in self.arrays)
        given = self.arguments | {"out": places, "factors": factors}
        value = self.core(self.name, given)
        if factors is not None:
            for array in written.values():
                # 0 times what is NaN or infinite is no part of a loss.
                array[factors == 0] = 0
        with np.errstate(all="ignore"):
            return value, [
                written[it] if written[it] is out else self._restored(it, written[it], out)
                for it, out in given_outs.items()
            ]

    def _is_of_samples(self) -> bool:
        return "x" in self.arrays

    def _new(self, operand: str) -> NDArray[Any]:
        if self._is_of_samples():
            return np.empty(self.arguments[operand].shape, self.dtype)
        return self.layout.new(self.dtype)

    def _restored(
        self, operand: str, written: NDArray[Any], out: NDArray[Any] | None
    ) -> NDArray[Any]:
        array = self.arrays[operand]
        if self._is_of_samples():
            return handed_over(np.moveaxis(written, -1, self.axis), array, out)
        return finish(self.layout, written, array, out)


def prepare(module: str, name: str, operands: dict[str, Any], keywords: dict[str, Any]) -> Prepared:
    """Understand the arguments of a distance of `klrs`, or of `klrs.samples`."""
    arrays = {it: as_array(operand, it) for it, operand in operands.items()}
    order = _order(keywords.get("order", 1))
    if module == "klrs.samples":
        return _prepare_samples(name, arrays, order, keywords)
    axis, where = keywords["axis"], keywords["where"]
    layout = Layout([*arrays.values()], axis)
    arguments = {
        **arrays,
        "where": None if where is None else as_array(where, "where"),
        "axis": axis,
        "normalize": keywords["normalize"],
        "support": None,
        "order": order,
    }
    prepared = Prepared(name, _core.transport_of_histograms, arguments, arrays, layout, -1)
    if not layout.is_valid:
        # The core says why.
        prepared.value()
    if keywords["support"] is not None:
        arguments["support"] = _support(keywords["support"], layout)
    return prepared


def of_histograms(name: str, operands: dict[str, Any], keywords: dict[str, Any]) -> Any:
    """Values between histograms, with the axes that are kept, in `out` if there is one."""
    prepared = prepare("klrs._transport", name, operands, keywords)
    layout, keepdims, out = prepared.layout, keywords["keepdims"], keywords["out"]
    if not isinstance(keepdims, (bool, np.bool_)):
        raise TypeError(f"keepdims: got {keepdims!r}, expected True or False")
    shape = layout.rows
    if keepdims:
        shape = tuple(1 if it in layout.axes else n for it, n in enumerate(layout.shape))
    if out is not None:
        check_out(out, "out", shape, prepared.dtype)
    value = prepared.value()
    if keepdims:
        value = np.asarray(value).reshape(shape)
    if out is None:
        return value
    np.copyto(out, value)
    return out


def of_samples(name: str, operands: dict[str, Any], keywords: dict[str, Any]) -> Any:
    """Values between samples."""
    return prepare("klrs.samples", name, operands, keywords).value()


def _prepare_samples(
    name: str, arrays: dict[str, NDArray[Any]], order: float, keywords: dict[str, Any]
) -> Prepared:
    weights = {f"{it}_weights": keywords[f"{it}_weights"] for it in arrays}
    given = {it: _weights(w, it, arrays[it[0]]) for it, w in weights.items()}
    arguments: dict[str, Any] = {**arrays, **given, "order": order}
    dimensions = max(array.ndim for array in arrays.values())
    axis = _axis(keywords["axis"], dimensions)
    lined = {
        it: np.moveaxis(array.reshape((1,) * (dimensions - array.ndim) + array.shape), axis, -1)
        for it, array in arguments.items()
        if isinstance(array, np.ndarray) and array.ndim > 0
    }
    layout = Layout([np.empty(0)], -1)
    if all(array.ndim for array in arrays.values()):
        batches = [lined[it].shape[:-1] for it in arrays]
        try:
            batch = np.broadcast_shapes(*batches)
        except ValueError:
            shapes = " and ".join(str(array.shape) for array in arrays.values())
            raise ValueError(
                f"x and y: shapes {shapes} do not broadcast; every axis but the distribution axis "
                "must match or be 1"
            ) from None
        arguments |= {it: np.broadcast_to(x, (*batch, x.shape[-1])) for it, x in lined.items()}
        layout = Layout([np.broadcast_to(0, (*batch, 1))], -1)
    return Prepared(name, _core.transport_of_samples, arguments, arrays, layout, axis)


def _order(given: Any) -> float:
    order = number(given, "order", _ORDERS)
    if not order >= 1:
        raise ValueError(f"order: {order:g}, expected {_ORDERS}")
    return order


def _axis(given: Any, dimensions: int) -> int:
    try:
        if isinstance(given, bool):
            raise TypeError
        axis = operator.index(given)
    except TypeError:
        raise TypeError(f"axis: got {given!r}, expected an int") from None
    if dimensions and not -dimensions <= axis < dimensions:
        plural = "" if dimensions == 1 else "s"
        raise AxisError(
            f"axis: {axis} is out of bounds for arrays with {dimensions} dimension{plural}"
        )
    return axis


def _weights(given: Any, name: str, samples: NDArray[Any]) -> NDArray[Any] | None:
    if given is None:
        return None
    weights = as_array(given, name)
    try:
        return np.broadcast_to(weights, samples.shape)
    except ValueError:
        raise ValueError(
            f"{name}: shape {weights.shape} does not broadcast to {samples.shape}, that of "
            f"{name[0]}; pass one weight for each sample"
        ) from None


def _support(given: Any, layout: Layout) -> NDArray[np.float64]:
    """Positions of entries: finite numbers in ascending order, and not too far apart."""
    array = as_array(given, "support")
    if not is_real(array.dtype):
        raise TypeError(f"support: dtype {array.dtype}, expected real numbers (at most float64)")
    length = math.prod(layout.shape[it] for it in layout.axes)
    if array.shape != (length,):
        raise ValueError(
            f"support: shape {array.shape}, expected ({length},), one position for each entry"
        )
    support = np.ascontiguousarray(array, np.float64)
    if not np.isfinite(support).all():
        place = int(np.argmin(np.isfinite(support)))
        raise ValueError(
            f"support: has {support[place]:g} at position {place}; expected finite numbers"
        )
    descends = support[1:] < support[:-1]
    if descends.any():
        place = int(np.argmax(descends)) + 1
        raise ValueError(
            f"support: has {support[place]:g} at position {place} after {support[place - 1]:g}; "
            "expected positions in ascending order; sort them, and the entries with them"
        )
    with np.errstate(over="ignore"):
        if support.size and not np.isfinite(support[-1] - support[0]):
            raise ValueError(
                f"support: runs from {support[0]:g} to {support[-1]:g}, further than floats reach; "
                "divide it by 2, and multiply the distance"
            )
    return support
