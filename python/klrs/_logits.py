"""Calls of the core for logits: what `klrs.logits` and `value_and_grad` of its functions share.

A loss comes here with its operands and keywords by name. Labels, class weights and the weights of
rows become arrays that the core reads, the core computes values and derivatives in one go, and
what it wrote gets the shapes and dtypes that people have.
"""

from __future__ import annotations

import math
import operator
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from klrs import _klrs
from klrs._adapters import adapter_for, function_of
from klrs._arrays import as_array
from klrs._binary import of_two_classes
from klrs._each import (
    Layout,
    call_of_logits,
    check_mean,
    check_out,
    check_reduction,
    compute_dtype,
    finish,
    row_weights,
)
from klrs._numbers import is_real, number, temperature_of
from klrs._top_k import TopK
from klrs._top_k import evaluate as of_top_k

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

logit_operands = {
    "logsumexp": ("logits",),
    "entropy": ("logits",),
    "cross_entropy": ("targets", "logits"),
    "perplexity": ("targets", "logits"),
    "kl_divergence": ("p", "q"),
    "js_divergence": ("p", "q"),
    "jeffreys_divergence": ("p", "q"),
    "total_variation_distance": ("p", "q"),
    "renyi_divergence": ("p", "q"),
    "binary_cross_entropy": ("targets", "logits"),
    "binary_kl_divergence": ("p", "q"),
    "binary_kl_divergence_of_probabilities": ("p", "q"),
}
"""The operands of the functions that have a gradient, the last of which is one of `klrs` itself."""

_warned = False
"""Whether somebody was told that what looks like probabilities is taken for logits."""


class _Labels(NamedTuple):
    """Classes, one for each row, and what the rows count in a mean unless that is 1."""

    labels: NDArray[np.int64]
    ignore_index: int | None
    counts: NDArray[np.float64] | None


def evaluate(
    name: str,
    operands: dict[str, Any],
    keywords: dict[str, Any],
    *,
    wanted: Sequence[str] = (),
    outs: Sequence[Any] = (),
) -> tuple[Any, list[NDArray[Any]]]:
    """Value of a loss of logits, and its gradients with respect to the operands `wanted`."""
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
    if (adapter := adapter_for(*operands.values())) is not None:
        return adapter.apply(function_of("klrs.logits", name), operands, keywords), []
    if isinstance(operands.get("p"), TopK):
        if name != "kl_divergence":
            raise TypeError(f"p: got a TopK, which only kl_divergence takes, not {name}")
        return of_top_k(operands, keywords, wanted=wanted, outs=outs)
    if name.startswith("binary"):
        return of_two_classes(name, operands, keywords, wanted=wanted, outs=outs)
    given = dict(keywords)
    if name == "js_divergence":
        name, operands = _with_weights(operands, given)
    if name == "renyi_divergence":
        given["alpha"] = _alpha(given["alpha"], wanted)
    arrays = {it: as_array(operand, it) for it, operand in operands.items()}
    places = dict(zip(wanted, outs or [None] * len(wanted), strict=True))
    if name == "perplexity":
        value, gradients, layout = _perplexity(arrays, given, places)
    else:
        value, gradients, layout = _of_rows(name, arrays, given, places)
    results = [
        out if gradients[it] is out else finish(layout, gradients[it], arrays[it], out)
        for it, out in places.items()
    ]
    for it, array in arrays.items():
        if it != "targets":
            _warn_of_probabilities(array, it, layout)
    has_labels = "targets" in arrays and arrays["targets"].dtype.kind in "iu"
    dtype = compute_dtype(*(arrays[it] for it in arrays if it != "targets" or not has_labels))
    return _shaped(np.asarray(value).astype(dtype, copy=False)[()], given, layout), results


def _of_rows(
    name: str,
    arrays: dict[str, NDArray[Any]],
    given: dict[str, Any],
    places: Mapping[str, Any] = MappingProxyType({}),
    lifts: Any = None,
) -> tuple[Any, dict[str, NDArray[Any]], Layout]:
    """Values of a loss, reduced over the rows, and the gradients as the core writes them.

    Gradients are wanted for the operands that have a place, an array for the result or None: the
    core writes to that array if it can.

    With `lifts`, a number or one for each row, gradients are multiplied with e to them, and
    everything is computed in float64.
    """
    temperature = temperature_of(given["temperature"])
    operands = dict(arrays)
    labels = _take_labels(operands, given) if name == "cross_entropy" else None
    inputs = list(operands.values())
    layout = Layout(inputs, given["axis"])
    call = _call(inputs, given)
    wide = call["wide"] = call["wide"] or lifts is not None or name == "renyi_divergence"
    dtype = np.dtype(np.float64) if wide else compute_dtype(*inputs)
    call |= {
        "base": given.get("base"),
        "weights": given.get("weights", (0.5, 0.5)),
        "alpha": given.get("alpha", 0.5),
        "swapped": given.get("swapped", False),
        "label_smoothing": _smoothing(given),
    }
    if not layout.is_valid:
        # The core says why.
        return _klrs.logits(name, call), {}, layout
    weights = None
    if name == "cross_entropy":
        classes = math.prod(layout.shape[it] for it in layout.axes)
        weights = call["class_weights"] = _class_weights(given.get("class_weights"), classes)
    counts = None
    if labels is not None:
        of_rows = _labels_of_rows(labels, given, layout, weights)
        call["labels"], call["ignore_index"] = of_rows.labels, of_rows.ignore_index
        counts = of_rows.counts
    squared = given.get("temperature_squared", False)
    if not isinstance(squared, (bool, np.bool_)):
        raise TypeError(f"temperature_squared: got {squared!r}, expected True or False")
    scale = temperature**2 if squared else 1.0
    factors = _factors(given, layout, counts, is_value=not places)
    if places:
        if factors is not None or scale != 1:
            call["factors"] = _filled(scale if factors is None else factors * scale, layout)
        if lifts is not None:
            call["lifts"] = _filled(lifts, layout)

    read = [*inputs, call["where"], call["labels"], call["class_weights"], call["factors"]]
    gradients: dict[str, NDArray[Any]] = {}
    for it, out in places.items():
        written = layout.written_dtype(arrays[it], out, dtype)
        gradients[it] = out if layout.takes(out, written, read) else layout.new(written)
    # One operand is q to the core.
    slots = ["", *operands] if len(operands) == 1 else [*operands]
    call["out"] = tuple(gradients.get(it) for it in slots)
    value = _klrs.logits(name, call)
    if name == "cross_entropy" and call["where"] is not None and call["label_smoothing"]:
        value = _with_lacking(value, arrays["logits"], call, layout)
    if factors is not None:
        for gradient in gradients.values():
            # A row that does not count has no gradient, also where it would be infinite.
            gradient[factors == 0] = 0
    return _reduce(value, factors, scale, given, counts), gradients, layout


def _with_lacking(value: Any, logits: NDArray[Any], call: dict[str, Any], layout: Layout) -> Any:
    """Values of smoothed labels: infinite where a class that `where` leaves has a logit of -inf."""
    is_lacking = np.broadcast_to((logits == -np.inf) & call["where"], layout.shape)
    lacks: NDArray[np.bool_] = np.asarray(is_lacking.any(axis=tuple(layout.axes)))
    if call["ignore_index"] is not None:
        lacks = lacks & (call["labels"] != call["ignore_index"])
    return np.where(lacks & ~np.isnan(value), value.dtype.type(np.inf), value)[()]


def _filled(numbers: Any, layout: Layout) -> NDArray[np.float64]:
    """One number for each row."""
    return np.array(np.broadcast_to(numbers, layout.rows), np.float64, order="C")


def _perplexity(
    arrays: dict[str, NDArray[Any]], given: dict[str, Any], places: Mapping[str, Any]
) -> tuple[Any, dict[str, NDArray[Any]], Layout]:
    """E to the cross-entropy of each row, or to the mean of them."""
    if given["reduction"] == "sum":
        raise ValueError(
            "reduction: 'sum' of perplexities is no perplexity; expected None or 'mean', which is "
            "e to the mean of the cross-entropies"
        )
    weights = None if given["reduction"] == "mean" else given["sample_weight"]
    losses = given if weights is None else given | {"sample_weight": None}
    value, _, layout = _of_rows("cross_entropy", arrays, losses, lifts=0.0)
    gradients: dict[str, NDArray[Any]] = {}
    if places:
        _, gradients, _ = _of_rows("cross_entropy", arrays, given, places, lifts=value)
    value = np.array(value, np.float64)
    _klrs.exponentials(value.reshape(-1))
    if weights is not None:
        factors = row_weights(weights, layout)
        value = np.where(factors == 0, 0.0, value) * factors
    return value[()], gradients, layout


def softmax(name: str, logits: Any, keywords: dict[str, Any]) -> Any:
    """Write the probabilities, or their logarithms, for each logit."""
    with np.errstate(all="ignore"):
        return _softmax(name, logits, keywords)


def _softmax(name: str, logits: Any, keywords: dict[str, Any]) -> Any:
    if (adapter := adapter_for(logits)) is not None:
        return adapter.apply(function_of("klrs.logits", name), {"logits": logits}, keywords)
    array = as_array(logits, "logits")
    layout = Layout([array], keywords["axis"])
    dtype = compute_dtype(array)
    out = keywords["out"]
    if out is not None and layout.is_valid:
        check_out(out, "out", layout.shape, dtype)
    call = _call([array], keywords) | {"written": name}
    computed = np.dtype(np.float64) if call["wide"] else dtype
    written = layout.new(computed) if layout.is_valid else None
    call["out"] = (None, written)
    _klrs.logits("logsumexp", call)
    assert written is not None, "the core refuses what has no layout"
    _warn_of_probabilities(array, "logits", layout)
    result = layout.restore(written)
    if out is None:
        return result.astype(dtype, copy=False)
    np.copyto(out, result)
    return out


def _warn_of_probabilities(array: NDArray[Any], name: str, layout: Layout) -> None:
    """Say once that what has a row of probabilities is taken for logits."""
    global _warned  # noqa: PLW0603
    if _warned or not array.size or array.shape != layout.shape:
        return
    row = array.transpose(layout.order)[(0,) * len(layout.rows)].reshape(-1)
    if len(row) < 2 or not (row[:8] >= 0).all():
        return
    wide = row.astype(np.float64)
    if (wide >= 0).all() and abs(float(wide.sum()) - 1) < 1e-6 * math.sqrt(len(row)):
        _warned = True
        warnings.warn(
            f"{name}: the first row has no negative entries and sums to 1, as probabilities do, "
            "and is taken for logits; the functions of klrs itself take probabilities, and np.log "
            "of them are logits",
            stacklevel=5,
        )


def _call(inputs: list[NDArray[Any]], keywords: dict[str, Any]) -> dict[str, Any]:
    where = None if keywords["where"] is None else as_array(keywords["where"], "where")
    q = inputs[1] if len(inputs) > 1 else None
    return call_of_logits(inputs[0], q, where, keywords["axis"], keywords["temperature"])


def _alpha(given: Any, wanted: Sequence[str]) -> float:
    alpha = number(given, "alpha", "a number from 0 to infinity")
    if not alpha >= 0:
        raise ValueError(f"alpha: {alpha:g}, expected a number from 0 to infinity")
    if wanted and alpha in (0, math.inf):
        raise ValueError(f"verb: renyi_divergence with the parameter {alpha:g} has no gradient")
    return alpha


def _with_weights(operands: dict[str, Any], keywords: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The divergence from a mixture: its ends are defined as the divergences of the two."""
    beta = number(keywords["beta"], "beta", "a number from 0 to 1")
    if not 0 <= beta <= 1:
        raise ValueError(f"beta: {beta:g}, expected a number from 0 to 1")
    if beta == 0:
        return "kl_divergence", operands
    if beta == 1:
        keywords["swapped"] = True
        return "kl_divergence", {it: operands[it] for it in reversed(operands)}
    keywords["weights"] = (beta, 1 - beta)
    return "js_divergence", operands


def _smoothing(keywords: dict[str, Any]) -> float:
    smoothing = number(
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
    if is_real(targets.dtype) and targets.ndim == logits.ndim - reduced:
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
            "logits without the axis of the classes; distributions are floats: "
            "targets.astype(float)"
        )
    ignore_index = _ignored(keywords["ignore_index"], labels)
    # Labels beyond int64 become negative, which are no classes either.
    wide = np.ascontiguousarray(labels).astype(np.int64, copy=False)
    counts = None
    if class_weights is not None:
        inside = (wide >= 0) & (wide < len(class_weights))
        counts = np.where(inside, class_weights[np.where(inside, wide, 0)], 0.0)
    if ignore_index is not None:
        counts = np.where(wide == ignore_index, 0.0, 1.0 if counts is None else counts)
    return _Labels(wide, ignore_index, counts)


def _ignored(given: Any, labels: NDArray[Any]) -> int | None:
    """The label that is ignored, as int64 has it; None where no label can be that."""
    if given is None:
        return None
    try:
        if isinstance(given, (bool, np.ndarray)):
            raise TypeError
        number = operator.index(given)
    except TypeError:
        raise TypeError(f"ignore_index: got {given!r}, expected an integer") from None
    if labels.dtype == np.uint64 and 2**63 <= number < 2**64:
        return number - 2**64
    return number if -(2**63) <= number < 2**63 else None


def _class_weights(given: Any, classes: int) -> NDArray[np.float64] | None:
    if given is None:
        return None
    array = as_array(given, "class_weights")
    if not is_real(array.dtype):
        raise TypeError(
            f"class_weights: dtype {array.dtype}, expected real numbers (at most float64)"
        )
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
    keywords: dict[str, Any],
    layout: Layout,
    counts: NDArray[np.float64] | None,
    *,
    is_value: bool,
) -> NDArray[np.float64] | None:
    """What the loss of each row is multiplied with, or None where that is 1.

    If only the value is asked for, the mean of rows that count alike is the quotient of two sums.
    """
    reduction = check_reduction(keywords.get("reduction"))
    given = keywords.get("sample_weight")
    if given is None and (reduction != "mean" or is_value):
        return None
    weights = np.ones(layout.rows) if given is None else row_weights(given, layout)
    if reduction == "mean":
        if given is not None:
            check_mean(weights)
        total = float((weights if counts is None else weights * counts).sum())
        weights = weights / total if total > 0 else np.zeros(layout.rows)
    return weights


def _reduce(
    value: Any,
    factors: NDArray[np.float64] | None,
    scale: float,
    keywords: dict[str, Any],
    counts: NDArray[np.float64] | None,
) -> Any:
    reduction = keywords.get("reduction")
    if factors is None and scale == 1 and reduction is None:
        return value
    dtype = value.dtype
    wide = value
    if factors is not None:
        # 0 times an infinite value is no part of a loss.
        wide = np.where(factors == 0, 0.0, value) * factors
    if reduction is None:
        wide = np.asarray(wide, np.float64) * scale
        return dtype.type(wide) if np.ndim(wide) == 0 else wide.astype(dtype)
    total = np.sum(wide, dtype=np.float64) * scale
    counted = np.size(value) if counts is None else counts.sum()
    if reduction == "mean" and not counted:
        # The mean of no rows is NaN, as in NumPy and torch.
        return dtype.type(np.nan)
    return dtype.type(total / counted if reduction == "mean" and factors is None else total)


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
