"""Calls of the core for two classes, of which one number says everything: no axis, entry by entry.

Operands broadcast as in NumPy. The core sees rows along the last axis and writes values, or
derivatives, for each of their entries; weights and reductions are NumPy's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from klrs import _klrs
from klrs._adapters import adapter_for, function_of
from klrs._arrays import as_array, mask_of
from klrs._each import (
    call_of_logits,
    check_mean,
    check_out,
    check_reduction,
    compute_dtype,
    handed_over,
)
from klrs._numbers import is_real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def of_probabilities(p: Any, q: Any, **keywords: Any) -> Any:
    """The divergence of Bernoulli distributions, from their probabilities."""
    operands = {"p": p, "q": q}
    if (adapter := adapter_for(p, q)) is not None:
        return adapter.apply(function_of("klrs", "binary_kl_divergence"), operands, keywords)
    return of_two_classes("binary_kl_divergence_of_probabilities", operands, keywords)[0]


def of_two_classes(
    name: str,
    operands: dict[str, Any],
    keywords: dict[str, Any],
    *,
    wanted: Sequence[str] = (),
    outs: Sequence[Any] = (),
) -> tuple[Any, list[NDArray[Any]]]:
    """Values for each entry, or one of all, and gradients with respect to the operands `wanted`."""
    # Infinite results are right: NumPy has nothing to warn of.
    with np.errstate(all="ignore"):
        return _evaluate(name, operands, keywords, wanted, outs)


def _evaluate(
    name: str,
    operands: dict[str, Any],
    keywords: dict[str, Any],
    wanted: Sequence[str],
    outs: Sequence[Any],
) -> tuple[Any, list[NDArray[Any]]]:
    given = {"temperature": 1.0, "reduction": None, "sample_weight": None, **keywords}
    arrays = {it: as_array(operand, it) for it, operand in operands.items()}
    shape = _shape(arrays)
    dtype = compute_dtype(*arrays.values())
    where = None if given["where"] is None else mask_of(given["where"], shape)
    call = _call(arrays, where, given, shape)
    computed = np.dtype(np.float64) if call["wide"] else dtype
    values = np.empty(shape, computed)
    gradients = {it: np.empty(shape, computed) for it in wanted}
    out = given["out"]
    reduction = check_reduction(given["reduction"])
    result_shape = shape if reduction is None else ()
    if out is not None:
        check_out(out, "out", result_shape, dtype)
    if values.size:
        rows = values.shape or (1,)
        _klrs.logits(name, call | {"written": "values", "out": (None, values.reshape(rows))})
        if wanted:
            slots = (gradients.get(it) for it in arrays)
            into = tuple(None if it is None else it.reshape(rows) for it in slots)
            _klrs.logits(name, call | {"out": into})
    factors = _factors(given, where, shape)
    if factors is not None:
        for array in (values, *gradients.values()):
            # 0 times an infinite value is no part of a loss.
            np.copyto(array, np.where(factors == 0, 0.0, array) * factors)
    if reduction is not None:
        is_empty = reduction == "mean" and not (values.size if where is None else where.any())
        values = np.asarray(np.nan if is_empty else values.sum(dtype=np.float64))
    results = [
        handed_over(gradients[it], arrays[it], place)
        for it, place in zip(wanted, outs or [None] * len(wanted), strict=True)
    ]
    values = values.astype(dtype, copy=False)
    if out is None:
        return values[()], results
    np.copyto(out, values)
    return out, results


def _shape(arrays: dict[str, NDArray[Any]]) -> tuple[int, ...]:
    shapes = {it: array.shape for it, array in arrays.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        names, given = " and ".join(shapes), " and ".join(map(str, shapes.values()))
        raise ValueError(f"{names}: shapes {given} do not broadcast") from None


def _call(
    arrays: dict[str, NDArray[Any]],
    where: NDArray[Any] | None,
    given: dict[str, Any],
    shape: tuple[int, ...],
) -> dict[str, Any]:
    rows = shape or (1,)
    p, q = [np.broadcast_to(array, rows) for array in arrays.values()]
    where = None if where is None else where.reshape(rows)
    return call_of_logits(p, q, where, -1, given["temperature"]) | {
        "base": given["base"],
        "class_weights": _pos_weight(given.get("pos_weight"), rows[-1]),
    }


def _pos_weight(given: Any, length: int) -> NDArray[np.float64] | None:
    if given is None:
        return None
    array = as_array(given, "pos_weight")
    if not is_real(array.dtype):
        raise TypeError(f"pos_weight: dtype {array.dtype}, expected real numbers (at most float64)")
    if array.ndim > 1 or array.size not in (1, length):
        raise ValueError(
            f"pos_weight: shape {array.shape}, expected a number or ({length},), one for each "
            "entry of the last axis"
        )
    weights = np.array(np.broadcast_to(array, (length,)), np.float64)
    is_wrong = ~(np.isfinite(weights) & (weights >= 0))
    if is_wrong.any():
        place = int(np.argmax(is_wrong))
        raise ValueError(
            f"pos_weight: has {weights[place]:g} at position {place}; "
            "expected finite numbers that are at least 0"
        )
    return weights


def _factors(
    given: dict[str, Any], where: NDArray[Any] | None, shape: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """What each entry is multiplied with, or None where that is 1."""
    weights = given["sample_weight"]
    is_mean = given["reduction"] == "mean"
    if weights is None and not is_mean:
        return None
    if weights is None:
        counted = np.ones(shape)
    else:
        array = as_array(weights, "sample_weight")
        if not is_real(array.dtype):
            raise TypeError(
                f"sample_weight: dtype {array.dtype}, expected real numbers (at most float64)"
            )
        try:
            counted = np.array(np.broadcast_to(array, shape), np.float64)
        except ValueError:
            raise ValueError(
                f"sample_weight: shape {array.shape} does not broadcast to {shape}; "
                "pass a number for each element"
            ) from None
        if not np.isfinite(counted).all():
            raise ValueError(
                "sample_weight: has a value that is not finite; expected finite numbers"
            )
        if is_mean:
            check_mean(counted)
    if where is not None:
        counted[~where] = 0
    total = float(counted.sum())
    return counted / total if is_mean and total > 0 else counted
