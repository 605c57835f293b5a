"""Calls of the core for logits: what `klrs.logits` and `value_and_grad` of its functions share.

A loss comes here with its operands and keywords by name. Labels, class weights and the weights of
rows become arrays that the core reads, the core computes values and derivatives in one go, and
what it wrote gets the shapes and dtypes that people have.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from klrs import _klrs
from klrs._arrays import as_array
from klrs._each import Layout, check_out, check_reduction, compute_dtype, finish, row_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

logit_operands = {
    "logsumexp": ("logits",),
    "entropy": ("logits",),
    "cross_entropy": ("targets", "logits"),
    "kl_divergence": ("p", "q"),
    "js_divergence": ("p", "q"),
    "jeffreys_divergence": ("p", "q"),
    "total_variation_distance": ("p", "q"),
}
"""The operands of the functions that have a gradient."""


class _Labels(NamedTuple):
    """Classes, one for each row, and what the rows count in a mean."""

    labels: NDArray[np.int64]
    ignore_index: int | None
    counts: NDArray[np.float64]


def evaluate(
    name: str,
    operands: dict[str, Any],
    keywords: dict[str, Any],
    *,
    wanted: Sequence[str] = (),
    outs: Sequence[Any] = (),
) -> tuple[Any, list[NDArray[Any]]]:
    """Value of a loss of logits, and its gradients with respect to the operands `wanted`."""
    given = dict(keywords)
    temperature = _temperature(given["temperature"])
    if name == "js_divergence":
        name, operands = _with_weights(operands, given)
    arrays = {it: as_array(operand, it) for it, operand in operands.items()}
    labels = None
    if name == "cross_entropy":
        labels = _take_labels(arrays, given)
    inputs = list(arrays.values())
    layout = Layout(inputs, given["axis"])
    dtype = compute_dtype(*inputs)
    call = _call(inputs, given) | {
        "base": given.get("base"),
        "weights": given.get("weights", (0.5, 0.5)),
        "label_smoothing": _smoothing(given),
    }
    if not layout.is_valid:
        # The core says why.
        return _klrs.logits(name, call), []
    weights = None
    if name == "cross_entropy":
        classes = math.prod(layout.shape[it] for it in layout.axes)
        weights = call["class_weights"] = _class_weights(given.get("class_weights"), classes)
    counts = None
    if labels is not None:
        counts = _labels_of_rows(labels, given, layout, weights)
        call["labels"], call["ignore_index"] = counts.labels, counts.ignore_index
    scale = temperature**2 if given.get("temperature_squared") else 1.0
    factors = _factors(given, layout, None if counts is None else counts.counts)
    if factors is not None or scale != 1:
        filled = np.full(layout.rows, scale) if factors is None else factors * scale
        call["factors"] = np.ascontiguousarray(filled)

    places = list(arrays)
    gradients: dict[str, NDArray[Any]] = {it: layout.new(dtype) for it in wanted}
    # One operand is q to the core.
    slots = ["", places[0]] if len(places) == 1 else places
    call["out"] = tuple(gradients.get(it) for it in slots)
    value = _klrs.logits(name, call)
    value = _reduce(value, factors, scale, given, counts)
    results = []
    for it, out in zip(wanted, outs or [None] * len(wanted), strict=True):
        if factors is not None:
            # A row that does not count has no gradient, also where it would be infinite.
            gradients[it][factors == 0] = 0
        results.append(finish(layout, gradients[it], arrays[it], out))
    return _shaped(value, given, layout), results


def softmax(name: str, logits: Any, keywords: dict[str, Any]) -> Any:
    """Write the probabilities, or their logarithms, for each logit."""
    array = as_array(logits, "logits")
    layout = Layout([array], keywords["axis"])
    dtype = compute_dtype(array)
    out = keywords["out"]
    if out is not None and layout.is_valid:
        check_out(out, "out", layout.shape, dtype)
    written = layout.new(dtype) if layout.is_valid else None
    call = _call([array], keywords) | {"written": name, "out": (None, written)}
    _klrs.logits("logsumexp", call)
    assert written is not None, "the core refuses what has no layout"
    result = layout.restore(written)
    if out is None:
        return result
    np.copyto(out, result)
    return out


def _call(inputs: list[NDArray[Any]], keywords: dict[str, Any]) -> dict[str, Any]:
    """What the core is told: the operands and the keywords that all have, and nothing else."""
    where = keywords["where"]
    return {
        "p": inputs[0],
        "q": inputs[1] if len(inputs) > 1 else None,
        "where": None if where is None else as_array(where, "where"),
        "axis": keywords["axis"],
        "base": None,
        "temperature": _temperature(keywords["temperature"]),
        "weights": (0.5, 0.5),
        "labels": None,
        "ignore_index": None,
        "label_smoothing": 0.0,
        "class_weights": None,
        "written": None,
        "out": (None, None),
        "factors": None,
    }


def _temperature(given: Any) -> float:
    number = _number(given, "temperature", "a finite number greater than 0")
    if not 0 < number < math.inf:
        raise ValueError(f"temperature: {number:g}, expected a finite number greater than 0")
    return number


def _number(given: Any, name: str, expected: str) -> float:
    try:
        if isinstance(given, (bool, str)):
            raise TypeError
        return float(given)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: got {given!r}, expected {expected}") from None


def _with_weights(operands: dict[str, Any], keywords: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The divergence from a mixture: its ends are defined as the divergences of the two."""
    beta = _number(keywords["beta"], "beta", "a number from 0 to 1")
    if not 0 <= beta <= 1:
        raise ValueError(f"beta: {beta:g}, expected a number from 0 to 1")
    if beta == 0:
        return "kl_divergence", operands
    if beta == 1:
        return "kl_divergence", {it: operands[it] for it in reversed(operands)}
    keywords["weights"] = (beta, 1 - beta)
    return "js_divergence", operands


def _smoothing(keywords: dict[str, Any]) -> float:
    smoothing = _number(
        keywords.get("label_smoothing", 0.0), "label_smoothing", "a number from 0 to 1"
    )
    if not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing: {smoothing:g}, expected a number from 0 to 1")
    return smoothing


def _take_labels(arrays: dict[str, NDArray[Any]], keywords: dict[str, Any]) -> Any:
    """Take the targets away if they are labels."""
    targets, logits = arrays["targets"], arrays["logits"]
    if targets.dtype.kind in "iu":
        return arrays.pop("targets")
    axis = keywords["axis"]
    reduced = np.atleast_1d(axis).size if axis is not None else logits.ndim
    if targets.dtype.kind == "f" and targets.ndim == logits.ndim - reduced:
        raise TypeError(
            f"targets: labels of dtype {targets.dtype}, expected integers; "
            "pass targets.astype(int), or distributions of the shape of the logits"
        )
    if keywords["ignore_index"] is not None:
        raise ValueError("ignore_index: targets are distributions, but only labels are ignored")
    return None


def _labels_of_rows(
    labels: NDArray[Any],
    keywords: dict[str, Any],
    layout: Layout,
    class_weights: NDArray[np.float64] | None,
) -> _Labels:
    if labels.shape != layout.rows:
        raise ValueError(
            f"targets: labels of shape {labels.shape}, expected {layout.rows}, the shape of the "
            "logits without the axis of the classes"
        )
    ignore_index = keywords["ignore_index"]
    if ignore_index is not None and not hasattr(ignore_index, "__index__"):
        raise TypeError(f"ignore_index: got {ignore_index!r}, expected an integer")
    if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
        raise ValueError(f"targets: has the label {labels.max()}, which is no class")
    wide = np.ascontiguousarray(labels, np.int64)
    counts = np.ones(layout.rows)
    if class_weights is not None:
        inside = (wide >= 0) & (wide < len(class_weights))
        counts = np.where(inside, class_weights[np.where(inside, wide, 0)], 0.0)
    if ignore_index is not None:
        counts = np.where(wide == ignore_index, 0.0, counts)
    return _Labels(wide, ignore_index, counts)


def _class_weights(given: Any, classes: int) -> NDArray[np.float64] | None:
    if given is None:
        return None
    array = as_array(given, "class_weights")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"class_weights: dtype {array.dtype}, expected real numbers")
    if array.shape != (classes,):
        raise ValueError(
            f"class_weights: shape {array.shape}, expected ({classes},), one for each class"
        )
    weights = np.ascontiguousarray(array, np.float64)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        place = int(np.argmin(np.isfinite(weights) & (weights >= 0)))
        raise ValueError(
            f"class_weights: has {weights[place]:g} at position {place}; "
            "expected finite numbers that are at least 0"
        )
    return weights


def _factors(
    keywords: dict[str, Any], layout: Layout, counts: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """What the loss of each row is multiplied with, or None where that is 1."""
    reduction = check_reduction(keywords.get("reduction"))
    given = keywords.get("sample_weight")
    if given is None and reduction != "mean":
        return None
    weights = np.ones(layout.rows) if given is None else row_weights(given, layout)
    if reduction == "mean":
        total = float((weights if counts is None else weights * counts).sum())
        if total < 0 or (total == 0 and given is not None and weights.size):
            raise ValueError(f"sample_weight: sums to {total:g}; a weighted mean needs more than 0")
        weights = weights / total if total else np.zeros(layout.rows)
    return weights


def _reduce(
    value: Any,
    factors: NDArray[np.float64] | None,
    scale: float,
    keywords: dict[str, Any],
    labels: _Labels | None,
) -> Any:
    reduction = keywords.get("reduction")
    if factors is None and scale == 1 and reduction is None:
        return value
    dtype = value.dtype
    wide = np.asarray(value, np.float64)
    if factors is not None:
        # 0 times an infinite value is no part of a loss.
        wide = np.where(factors == 0, 0.0, wide) * factors
    wide = wide * scale
    if reduction is not None:
        counted = wide.size if labels is None else np.count_nonzero(labels.counts)
        # The mean of no rows is NaN, as in NumPy and torch.
        total = wide.sum() if reduction == "sum" or counted else np.float64(np.nan)
        return dtype.type(total)
    return dtype.type(wide) if np.ndim(wide) == 0 else wide.astype(dtype)


def _shaped(value: Any, keywords: dict[str, Any], layout: Layout) -> Any:
    """The value with the axes that are kept, in `out` if there is one."""
    if keywords.get("keepdims"):
        if keywords.get("reduction") is not None:
            raise ValueError("keepdims: a loss that is reduced over its rows has no axes to keep")
        kept = [1 if it in layout.axes else n for it, n in enumerate(layout.shape)]
        value = np.asarray(value).reshape(kept)
    out = keywords.get("out")
    if out is None:
        return value
    check_out(out, "out", np.shape(value), value.dtype)
    np.copyto(out, value)
    return out
