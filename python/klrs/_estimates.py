"""Means over draws with their standard errors: what `klrs.variational` and `klrs.policies` share.

Log-densities of the same draws under two densities become rows here, whatever their axes, layout
and dtype were, and the numbers that are made of each draw become an `Estimate`.

A sum takes the draws in one order: block after block, lane by lane, then lane after lane. NumPy's
`sum` leaves its order to the CPU, and `math.fsum` takes twenty times as long. What each addition
rounds away is added as well (Knuth's TwoSum). So the bits are the same for every layout and on
every CPU, and draws that almost cancel keep their digits.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.exceptions import AxisError

from klrs import _klrs
from klrs._arrays import as_array, mask_of
from klrs._each import FLOATS, compute_dtype
from klrs._numbers import number
from klrs.distributions._core import evaluate
from klrs.distributions._parameters import place

if TYPE_CHECKING:
    from klrs._typing import Axis

    Array = np.ndarray[Any, np.dtype[np.float64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]


_BLOCK = 8192
"""Draws that are added at once: their sums, and all that comes between, stay in the cache."""


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


class Draws:
    """Log-densities of the same draws under two densities, checked, as rows of float64."""

    def __init__(
        self,
        operands: dict[str, Any],
        *,
        sampler: str,
        axis: Axis,
        where: Any,
        base: Any,
        keepdims: Any = False,
    ) -> None:
        """`sampler` is the operand of the density that the draws are from."""
        if not isinstance(keepdims, (bool, np.bool_)):
            raise TypeError(f"keepdims: got {keepdims!r}, expected True or False")
        self._log_base = _log_of_base(base)
        arrays = {name: _log_densities(given, name) for name, given in operands.items()}
        self._dtype = compute_dtype(*arrays.values())
        shape = _common_shape(arrays)
        axes = _axes(axis, len(shape))
        _check_draws(arrays, shape, axes)
        batch = [it for it in range(len(shape)) if it not in axes]
        self._order = [*batch, *axes]
        self._transposed = tuple(shape[it] for it in self._order)
        lengths = tuple(shape[it] for it in batch)
        kept = tuple(1 if it in axes else length for it, length in enumerate(shape))
        self._results = kept if keepdims else lengths
        self._rows = (math.prod(lengths), math.prod(shape[it] for it in axes))
        self.counted: Mask | None = None
        if where is not None:
            self.counted = self._as_rows(mask_of(where, shape), np.dtype(np.bool_))
            if axes and not self.counted.any(axis=-1).all():
                row = int(np.argmin(self.counted.any(axis=-1)))
                index = tuple(int(it) for it in np.unravel_index(row, lengths))
                raise ValueError(
                    f"where: leaves no draw{place(index)}, expected at least one in each row; "
                    "drop the row, or take the mean over all rows by axis=None"
                )
        self._number: Array = np.asarray(float(self._rows[1]))
        if self.counted is not None:
            self._number = self.counted.sum(axis=-1).astype(np.float64)
        self._of = {
            name: self._as_rows(np.broadcast_to(it, shape), np.dtype(np.float64))
            for name, it in arrays.items()
        }
        letter = sampler[-1]
        self._refuse(
            sampler,
            -math.inf,
            f"a draw from {letter} cannot have probability 0 there; pass the log-probabilities of "
            f"what drew, or leave the draw out by where=",
        )
        for name in operands:
            self._refuse(name, math.inf, "expected a log-density below inf; drop the draw")

    def _as_rows(self, array: Any, dtype: np.dtype[Any]) -> Any:
        """The axes of the draws last, as one."""
        return np.ascontiguousarray(array.transpose(self._order), dtype).reshape(self._rows)

    def _refuse(self, name: str, number: float, why: str) -> None:
        """Raise for the first draw that counts with a log-density that it cannot have."""
        wrong = self.clean(self._of[name], 0.0) == number
        if wrong.any():
            found = np.unravel_index(int(np.argmax(wrong)), self._transposed)
            index = [0] * len(found)
            for axis, it in zip(self._order, found, strict=True):
                index[axis] = int(it)
            raise ValueError(f"{name}: {number}{place(tuple(index))}, {why}")

    def clean(self, rows: Array, other: float) -> Array:
        """Rows with another number for the draws that do not count."""
        return rows if self.counted is None else np.where(self.counted, rows, other)

    def log_ratios(self, of: str, to: str) -> tuple[Array, Array]:
        """Differences of log-densities, and what their rounding left; 0 where nothing counts."""
        first, other = (self.clean(self._of[name], 0.0) for name in (of, to))
        high = first - other
        back = high - first
        low = (first - (high - back)) - (other + back)
        return high, np.where(np.isfinite(high), low, 0.0)

    def mean(self, rows: Array, low: Array | None = None) -> Array:
        """Mean of each row, whose entries that do not count are 0."""
        exponents, scale = _scales(rows)
        sums = _sum(_times(rows, scale), None if low is None else _times(low, scale))
        # Nothing counts where axis=() meets where=: such an entry is 0.
        return np.asarray(np.ldexp(sums / np.maximum(self._number, 1), exponents))

    def standard_error(self, rows: Array, low: Array | None = None) -> Array:
        """Standard error of the mean of each row, from the distances to it, which do not cancel."""
        exponents, scale = _scales(rows)
        # The distance to a draw first: equal draws have the error 0.
        rows = _times(rows, scale)
        distances = rows - self._first(rows)
        if low is not None:
            low = _times(low, scale)
            distances += low - self._first(low)
        distances = self.clean(distances, 0.0)
        center = np.asarray(_sum(distances) / self._number)
        distances = self.clean(distances - center[:, None], 0.0)
        variance = _sum(distances * distances) / (self._number - 1) / self._number
        return np.asarray(np.ldexp(np.sqrt(variance), exponents))

    def _first(self, rows: Array) -> Array:
        """The first draw that counts of each row."""
        if self.counted is None:
            return rows[:, :1]
        return np.take_along_axis(rows, self.counted.argmax(axis=-1)[:, None], axis=-1)

    def estimate(self, rows: Array, low: Array | None = None) -> Estimate:
        """The mean of each row with its standard error."""
        return self.in_units(self.mean(rows, low), self.standard_error(rows, low))

    def in_units(self, value: Array, error: Array) -> Estimate:
        """Numbers for the rows, in nats, in the shape, dtype and unit that were asked for."""
        value, error = (
            np.asarray(it / self._log_base, self._dtype).reshape(self._results)[()]
            for it in (value, error)
        )
        return Estimate(value, error)


def growth_rests(rows: Array) -> Array:
    """e^x - 1 - x for each x, without cancellation."""
    rests = np.array(rows, np.float64, order="C")
    _klrs.growth_rests(rests)
    return rests


def _sum(high: Array, low: Array | None = None) -> Array:
    """Sum of each row, of numbers in one part or in two."""
    length = high.shape[1]
    width = min(length, _BLOCK)
    sums = high[:, :width].copy()
    errors = np.zeros_like(sums) if low is None else low[:, :width].copy()
    for start in range(width, length, _BLOCK):
        block = high[:, start : start + _BLOCK]
        lanes = slice(block.shape[1])
        before = sums[:, lanes].copy()
        sums[:, lanes] += block
        errors[:, lanes] += _rounded_away(before, block, sums[:, lanes])
        if low is not None:
            errors[:, lanes] += low[:, start : start + _BLOCK]
    # Unlike a sum, an accumulated one has no order but that of its entries.
    partial = np.add.accumulate(sums, axis=1)
    errors[:, 1:] += _rounded_away(partial[:, :-1], sums[:, 1:], partial[:, 1:])
    total, rest = partial[:, -1], np.add.accumulate(errors, axis=1)[:, -1]
    # What an infinite sum rounds away is NaN.
    return np.where(np.isfinite(total), total + rest, total)


def _rounded_away(one: Array, other: Array, sums: Array) -> Array:
    """What is missing in the sums of two numbers."""
    part = sums - one
    return (one - (sums - part)) + (other - part)


def _scales(rows: Array) -> tuple[Any, Array | None]:
    """Exponents of powers of two, and what brings rows close to 1, where squares leave floats."""
    if not rows.size:
        return np.zeros(len(rows), np.int32), None
    largest = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    if ((largest == 0) | ((largest > 1e-100) & (largest < 1e100))).all():
        return np.zeros(len(rows), np.int32), None
    finite = np.where(np.isfinite(rows), np.abs(rows), 0.0)
    exponents = np.maximum(np.frexp(finite.max(axis=1))[1], -1000)
    return exponents, np.ldexp(1.0, -exponents)[:, None]


def _times(rows: Array, scale: Array | None) -> Array:
    return rows if scale is None else rows * scale


def _log_of_base(base: Any) -> float:
    if base is None:
        return 1.0
    expected = "a number greater than 1 (2 for bits, 10 for hartleys) or None for nats"
    found = number(base, "base", expected)
    if not 1 < found < math.inf:
        raise ValueError(f"base: {found:g}, expected {expected}")
    return float(evaluate("log", found))


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
