"""Gradients of the Kullback-Leibler divergence with respect to parameters: for `value_and_grad`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import klrs
from klrs.distributions import _closed
from klrs.distributions._core import evaluate
from klrs.distributions._discrete import Bernoulli, Categorical
from klrs.distributions._families import Beta, Gamma, Normal
from klrs.distributions._foreign import as_distribution
from klrs.distributions._vectors import Dirichlet, MultivariateNormal
from klrs.distributions._verbs import kl_divergence

if TYPE_CHECKING:
    from collections.abc import Callable

    from klrs.distributions._base import Distribution
    from klrs.distributions._parameters import Array

    Gradient = dict[str, Array]

_FAMILIES = (Normal, MultivariateNormal, Bernoulli, Categorical, Gamma, Beta, Dirichlet)


def of_kl(wanted: list[str], argnums: int | tuple[int, ...]) -> Callable[..., tuple[Any, Any]]:
    """A function that gives the divergence and its gradients: see `klrs.value_and_grad`."""

    def differentiated(
        p: Any, q: Any, *, base: float | None = None, reduction: str | None = None
    ) -> tuple[Any, Any]:
        first, other = as_distribution(p, "p"), as_distribution(q, "q")
        _check(first, other)
        if reduction not in (None, "sum", "mean"):
            raise ValueError(f"reduction: got {reduction!r}, expected None, 'sum' or 'mean'")
        value = np.asarray(kl_divergence(first, other, base=base, method="closed_form"))
        unit = 1.0 if base is None else 1.0 / float(evaluate("log", float(base)))
        if reduction == "mean":
            unit /= value.size
        with np.errstate(all="ignore"):
            pair = dict(zip(("p", "q"), _partials(first, other), strict=True))
        sides = {"p": first, "q": other}
        found = []
        for it in wanted:
            given = sides[it]._given
            found.append({name: _summed(unit * pair[it][name], given[name]) for name in given})
        if reduction is not None:
            value = np.asarray(value.sum() if reduction == "sum" else value.mean())
        return value[()], tuple(found) if isinstance(argnums, tuple) else found[0]

    differentiated.__name__ = differentiated.__qualname__ = "value_and_grad_of_kl_divergence"
    differentiated.__doc__ = "Value of kl_divergence, and its gradient: see `klrs.value_and_grad`."
    return differentiated


def _check(p: Distribution, q: Distribution) -> None:
    _closed.check_pair(p, q)
    for name, it in (("p", p), ("q", q)):
        is_known = type(it) in _FAMILIES and (
            not isinstance(it, MultivariateNormal) or it._is_diagonal
        )
        if not is_known:
            listed = ", ".join(kind.__name__ for kind in _FAMILIES)
            raise ValueError(
                f"{name}: there is no gradient for {it!r}, expected one of {listed} "
                "(MultivariateNormal with scale_diag=)"
            )
    if type(p) is not type(q):
        raise ValueError(
            f"p and q: {type(p).__name__} and {type(q).__name__}, expected two of one family; "
            "gradients are for those"
        )


def _summed(gradient: Array, parameter: Array) -> Array:
    """The gradient in the shape of a parameter: the sum over what that is stretched along."""
    extra = gradient.ndim - parameter.ndim
    summed = np.asarray(gradient.sum(axis=tuple(range(extra))))
    stretched = tuple(
        it for it in range(parameter.ndim) if parameter.shape[it] == 1 and summed.shape[it] != 1
    )
    return np.asarray(summed.sum(axis=stretched, keepdims=True))


def _partials(p: Distribution, q: Distribution) -> tuple[Gradient, Gradient]:
    """The derivatives of each element, by the names of the parameters."""
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return _of_categories(p, q)
    if isinstance(p, Dirichlet):
        return _of_concentrations(p._numbers[0], q._numbers[0])
    if isinstance(p, Beta) and isinstance(q, Beta):
        rows = [np.stack(np.broadcast_arrays(*it._numbers), axis=-1) for it in (p, q)]
        sides = _of_concentrations(*rows)
        one, two = (
            {
                "concentration1": it["concentration"][..., 0],
                "concentration0": it["concentration"][..., 1],
            }
            for it in sides
        )
        return one, two
    if isinstance(p, Gamma) and isinstance(q, Gamma):
        return _of_gammas(p, q)
    if isinstance(p, Bernoulli) and isinstance(q, Bernoulli):
        return _of_probabilities(p, q)
    loc = evaluate("gradient normal loc", p._numbers[0], q._numbers[0], q._numbers[1])
    scales = (
        evaluate("gradient normal first scale", p._numbers[1], q._numbers[1]),
        evaluate("gradient normal second scale", *p._numbers, *q._numbers),
    )
    name = "scale" if isinstance(p, Normal) else "scale_diag"
    shape = loc.shape
    full = [
        np.broadcast_to(it, np.broadcast_shapes(shape, scales[1].shape)) for it in (loc, *scales)
    ]
    return {"loc": full[0], name: full[1]}, {"loc": -full[0], name: full[2]}


def _of_gammas(p: Gamma, q: Gamma) -> tuple[Gradient, Gradient]:
    numbers = (*p._numbers, *q._numbers)
    sides = []
    for side, it in (("first", p), ("second", q)):
        by_rate = evaluate(f"gradient gamma {side} rate", *numbers)
        by = {"concentration": evaluate(f"gradient gamma {side} concentration", *numbers)}
        if "scale" in it._given:
            by["scale"] = -by_rate * it.rate * it.rate
        else:
            by["rate"] = by_rate
        sides.append(by)
    return sides[0], sides[1]


def _of_concentrations(first: Array, other: Array) -> tuple[Gradient, Gradient]:
    first, other = np.broadcast_arrays(first, other)
    rest, rest_of_other, added = (_of_others(it) for it in (first, other, other - first))
    by_first = evaluate("gradient dirichlet first", first, other, rest, added)
    by_other = evaluate("gradient dirichlet second", first, other, rest, rest_of_other, added)
    return {"concentration": by_first}, {"concentration": by_other}


def _of_others(terms: Array) -> Array:
    """For each entry along the last axis, the sum of those before and of those after it."""
    before, after = np.zeros_like(terms), np.zeros_like(terms)
    np.cumsum(terms[..., :-1], axis=-1, out=before[..., 1:])
    np.cumsum(terms[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return np.asarray(before + after)


def _of_probabilities(p: Bernoulli, q: Bernoulli) -> tuple[Gradient, Gradient]:
    if p._family == q._family:
        name = "probs" if "probs" in p._given else "logits"
        numbers = (*p._numbers, *q._numbers)
        one, two = (
            {name: evaluate(f"gradient {p._family} {side}", *numbers)}
            for side in ("first", "second")
        )
        return one, two
    by_logit = p.logits - q.logits
    step = q.probs - p.probs
    if "probs" in p._given:
        return {"probs": by_logit}, {"logits": step}
    return {"logits": p.variance * by_logit}, {"probs": step / (q.probs * (1.0 - q.probs))}


def _of_categories(p: Categorical, q: Categorical) -> tuple[Gradient, Gradient]:
    kinds = [next(iter(it._given)) for it in (p, q)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"p and q: Categorical by {kinds[0]} and by {kinds[1]}, expected one of them for both; "
            "the gradient is with respect to what was given"
        )
    of_logits = kinds[0] == "logits"
    verb = klrs.logits.kl_divergence if of_logits else klrs.kl_divergence
    arrays = [it._padded_logits if of_logits else it._given["probs"] for it in (p, q)]
    count = p._numbers[0].shape[-1]
    rows = np.broadcast_arrays(*arrays)
    _, found = klrs.value_and_grad(verb, argnums=(0, 1))(*rows)
    one, two = (np.asarray(it)[..., :count] for it in found)
    return {kinds[0]: one}, {kinds[0]: two}
