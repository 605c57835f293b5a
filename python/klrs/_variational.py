"""Calls of the core for Gaussians beside the standard one, with gradients and reductions.

The core takes rows: the axes that are summed over come last. Values of single entries
(``axis=()``) are those of rows of length 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs import _klrs
from klrs._arrays import as_array, mask_of
from klrs._each import (
    Layout,
    check_mean,
    check_out,
    check_reduction,
    compute_dtype,
    finish,
    row_weights,
)
from klrs._numbers import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OPERANDS = ("mean", "log_variance")


def evaluate(
    operands: dict[str, Any],
    keywords: dict[str, Any],
    *,
    wanted: Sequence[str] = (),
    outs: Sequence[Any] = (),
) -> tuple[Any, list[NDArray[Any]]]:
    """Values, and their gradients with respect to the operands `wanted`."""
    arrays = {it: _real(as_array(operand, it), it) for it, operand in operands.items()}
    call = _call(arrays, keywords)
    reduction = check_reduction(keywords["reduction"])
    keepdims = keywords["keepdims"]
    if not isinstance(keepdims, (bool, np.bool_)):
        raise TypeError(f"keepdims: got {keepdims!r}, expected True or False")
    if keepdims and reduction is not None:
        raise ValueError("keepdims: a loss that is reduced over its rows has no axes to keep")
    given_weights = keywords.get("sample_weight")
    if not wanted and given_weights is None and not keepdims:
        value = _klrs.kl_to_standard_normal(call)
        return _into(_reduced(value, reduction), keywords["out"]), []
    layout = Layout([*arrays.values()], keywords["axis"])
    if not layout.is_valid:
        _klrs.kl_to_standard_normal(call)  # says why
    weights = None if given_weights is None else row_weights(given_weights, layout)
    if weights is not None and reduction == "mean":
        check_mean(weights)
        weights = weights / (weights.sum() or 1.0)
    written = _places(arrays, call, layout, dict(zip(wanted, outs, strict=True)))
    call["out"] = (written.get("mean"), written.get("log_variance"))
    if wanted:
        call["factors"] = _factors(weights, layout, reduction)
    value = _klrs.kl_to_standard_normal(call)
    value = _reduced(value, reduction, weights)
    if keepdims:
        kept = [1 if it in layout.axes else n for it, n in enumerate(layout.shape)]
        value = np.asarray(value).reshape(kept)
    with np.errstate(all="ignore"):
        gradients = []
        for it, out in zip(wanted, outs, strict=True):
            gradient = written[it]
            if weights is not None:
                # 0 times what is infinite or NaN is no part of a loss.
                gradient[weights == 0] = 0
            is_finished = gradient is out or (
                out is None and _is_like(gradient, arrays[it], layout)
            )
            gradients.append(gradient if is_finished else finish(layout, gradient, arrays[it], out))
    return _into(value, keywords["out"]), gradients


def _real(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype == np.bool_:
        raise TypeError(
            f"{name}: dtype bool is not supported; expected real numbers (float64, float32, "
            f"float16, bfloat16 or integers); convert it, e.g. by {name}.astype(float)"
        )
    return array


def _call(arrays: dict[str, NDArray[Any]], keywords: dict[str, Any]) -> dict[str, Any]:
    """What the core is told, but for what it writes to."""
    mean, log_variance = arrays.values()
    axis, where = keywords["axis"], keywords["where"]
    if where is not None:
        where = as_array(where, "where")
    if mean.shape != log_variance.shape:
        try:
            mean, log_variance = np.broadcast_arrays(mean, log_variance)
        except ValueError:
            raise ValueError(
                f"mean and log_variance: shapes {mean.shape} and {log_variance.shape} do not "
                "broadcast; every axis must match or be 1"
            ) from None
    if (isinstance(axis, tuple) and not axis) or (axis is None and mean.ndim == 0):
        if where is not None:
            where = mask_of(where, mean.shape)[..., None]
        mean, log_variance, axis = mean[..., None], log_variance[..., None], -1
    return {
        "mean": mean,
        "log_variance": log_variance,
        "where": where,
        "axis": axis,
        "base": keywords["base"],
        "free_bits": _free_bits(keywords["free_bits"]),
        "out": (None, None),
        "factors": None,
    }


def _free_bits(given: Any) -> float | None:
    if given is None:
        return None
    free_bits = number(given, "free_bits", "a finite number that is at least 0, or None")
    if not 0 <= free_bits < math.inf:
        raise ValueError(f"free_bits: {free_bits:g}, expected a finite number that is at least 0")
    return free_bits


def _places(
    arrays: dict[str, NDArray[Any]],
    call: dict[str, Any],
    layout: Layout,
    outs: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    """The arrays that the core writes gradients to, those in `outs` where it can."""
    computed = compute_dtype(*arrays.values())
    written: dict[str, NDArray[Any]] = {}
    for it, out in outs.items():
        dtype = layout.written_dtype(arrays[it], out, computed)
        inputs = [*arrays.values(), call["where"], *written.values()]
        written[it] = out if layout.takes(out, dtype, inputs) else layout.new(dtype)
    return written


def _is_like(gradient: NDArray[Any], operand: NDArray[Any], layout: Layout) -> bool:
    """Whether the core wrote the gradient as it is handed over."""
    is_in_order = layout.order == sorted(layout.order)
    return is_in_order and gradient.dtype == operand.dtype and gradient.shape == operand.shape


def _factors(
    weights: NDArray[np.float64] | None, layout: Layout, reduction: str | None
) -> NDArray[np.float64] | None:
    """What the gradient of each row is multiplied with, or None where that is 1."""
    rows = math.prod(layout.rows)
    if weights is None and reduction == "mean" and rows:
        return np.full(layout.rows, 1.0 / rows)
    return weights


def _reduced(value: Any, reduction: str | None, weights: NDArray[np.float64] | None = None) -> Any:
    """The values times the weights of their rows, or one number of them."""
    if reduction is None and weights is None:
        return value
    dtype = value.dtype
    # Infinite results are right: NumPy has nothing to warn of.
    with np.errstate(all="ignore"):
        wide = np.asarray(value, np.float64)
        if weights is not None:
            wide = np.where(weights == 0, 0.0, wide) * weights
        if reduction is None:
            return wide.astype(dtype, copy=False)[()]
        total = _sum(wide)
        if reduction == "mean" and not wide.size:
            # The mean of no rows is NaN, as in NumPy and torch.
            total = math.nan
        elif reduction == "mean" and weights is None:
            total /= wide.size
        return dtype.type(total)


def _sum(numbers: NDArray[np.float64]) -> float:
    """Their sum, half of them added to the other half: NumPy's own leaves the order to the CPU."""
    left = numbers.reshape(-1)
    while left.size > 1:
        half = (left.size + 1) // 2
        first = left[:half].copy()
        first[: left.size - half] += left[half:]
        left = first
    return float(left[0]) if left.size else 0.0


def _into(value: Any, out: Any) -> Any:
    """The value, in `out` if there is one."""
    if out is None:
        return value
    check_out(out, "out", np.shape(value), value.dtype)
    np.copyto(out, value)
    return out
