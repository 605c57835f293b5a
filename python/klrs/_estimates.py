"""Means over draws with their standard errors: what `klrs.variational` and `klrs.policies` share.

Log-densities of the same draws under two densities are looked at here, and the core makes an
`Estimate` of them: it has the order of additions, which is that of the draws in any layout, and the
checks of what they are.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.exceptions import AxisError

from klrs import _klrs
from klrs._arrays import as_array, mask_of
from klrs._each import FLOATS

if TYPE_CHECKING:
    from klrs._typing import Axis


class Estimate(NamedTuple):
    """A mean over draws, and its standard error.

    Attributes
    ----------
    value : float or ndarray
        The mean.
    standard_error : float or ndarray
        The standard deviation of the draws (with n - 1) over the root of their number n. NaN for
        one draw, and where the value is not finite.

    Examples
    --------
    >>> from klrs.policies import kl_estimators
    >>> value, standard_error = kl_estimators([-0.5, -1.5], [-0.75, -1.0]).k1
    >>> value, standard_error
    (np.float64(-0.125), np.float64(0.375))
    """

    value: Any
    standard_error: Any


def estimates(
    name: str,
    operands: dict[str, Any],
    *,
    axis: Axis,
    where: Any,
    base: Any,
    keepdims: Any = False,
) -> list[Estimate]:
    """What a function of that name estimates from log-densities of the same draws."""
    if not isinstance(keepdims, (bool, np.bool_)):
        raise TypeError(f"keepdims: got {keepdims!r}, expected True or False")
    arrays = {it: _log_densities(given, it) for it, given in operands.items()}
    shape = _common_shape(arrays)
    axes = _axes(axis, len(shape))
    _check_draws(arrays, shape, axes)
    if where is not None:
        where = mask_of(where, shape)
    pair = [*arrays.values()]
    if not axes:
        # Rows of the core are not empty: each draw is one.
        pair = [it[..., None] for it in pair]
        where = None if where is None else where[..., None]
    call = {
        "log_densities": [it if it.ndim else it[None] for it in pair],
        "where": where,
        "axis": axes or -1,
        "single": not axes,
        "base": base,
    }
    found = _klrs.estimates(name, call)
    if keepdims:
        found = found.reshape(-1, *(1 if it in axes else n for it, n in enumerate(shape)))
    return [Estimate(found[it], found[it + 1]) for it in range(0, len(found), 2)]


def _log_densities(given: Any, name: str) -> Any:
    array = as_array(given, name)
    if array.dtype.name not in FLOATS and array.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: dtype {array.dtype}, expected real numbers (log-densities as float64, "
            f"float32, float16, bfloat16 or integers); convert it, e.g. by "
            f"np.asarray({name}, dtype=float)"
        )
    return array


def _common_shape(arrays: dict[str, Any]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        raise _mismatch(arrays) from None


def _mismatch(arrays: dict[str, Any]) -> ValueError:
    names, shapes = " and ".join(arrays), " and ".join(str(it.shape) for it in arrays.values())
    return ValueError(
        f"{names}: shapes {shapes} do not fit, expected one number of each for every draw, with "
        "other axes that match or are 1; add an axis with [:, None], or repeat what all draws "
        "share by np.broadcast_to"
    )


def _axes(axis: Any, dimensions: int) -> tuple[int, ...]:
    """The axes of the draws, in ascending order."""
    if axis is None:
        return tuple(range(dimensions))
    found = []
    for given in axis if isinstance(axis, tuple) else (axis,):
        try:
            if isinstance(given, (bool, np.bool_)):
                raise TypeError
            it = operator.index(given)
        except TypeError:
            raise TypeError(
                f"axis: got {axis!r}, expected an int, a tuple of ints, or None"
            ) from None
        if not -dimensions <= it < dimensions:
            plural = "" if dimensions == 1 else "s"
            raise AxisError(
                f"axis: {it} is out of bounds for arrays with {dimensions} dimension{plural}"
            )
        found.append(it % dimensions)
    if len(set(found)) < len(found):
        raise ValueError(f"axis: {axis} names an axis twice, expected each once")
    return tuple(sorted(found))


def _check_draws(arrays: dict[str, Any], shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """Refuse axes without draws, and operands that are stretched along those of the draws."""
    for axis in axes:
        for array in arrays.values():
            own = axis - len(shape) + array.ndim
            if shape[axis] != (array.shape[own] if own >= 0 else 1):
                raise _mismatch(arrays)
        if shape[axis] == 0:
            raise ValueError(
                f"{next(iter(arrays))}: axis {axis} of the shape {shape} has no draws, expected at "
                "least one; draw before averaging"
            )
