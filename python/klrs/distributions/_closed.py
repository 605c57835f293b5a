"""Closed forms of divergences: which pairs have one, and with which numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import klrs
from klrs.distributions._core import NAMES, evaluate, evaluate_rows, total
from klrs.distributions._discrete import (
    Categorical,
    Geometric,
    NegativeBinomial,
    _OfProbability,
    of_probabilities,
)
from klrs.distributions._families import Cauchy, Gumbel, Laplace, Normal
from klrs.distributions._vectors import Dirichlet, MultivariateNormal, solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from klrs.distributions._base import Distribution
    from klrs.distributions._parameters import Array

_ZERO = np.asarray(0.0)
_ONE = np.asarray(1.0)

_LOCATED = (Normal, Laplace, Cauchy, Gumbel)
"""With a location and a scale: their divergences stay what they are in other units."""

_NEAR = 5e-12
_ASYMMETRY = 3.0
"""Integrals are of nearly equal distributions if divergences D are this small, and differ from each
other by no more than this times the root of D.
"""

_CURVED = 20.0
"""What is claimed of the next terms, relative to the first and to D.

With t = (p - q)/(p + q) they are E t⁴/12 beside E t²/2 for the Jensen-Shannon divergence: enough
for a mean of t⁴ of 240 times the square of that of t², and more asks for a larger asymmetry.
"""

_LONG = 1e4
"""A sum over integers with a larger standard deviation takes too long."""

_NEAR_IN_ORDER = 1e-15
"""Times alpha |1 - alpha|: where the rounding of r and a formula without r are equally wrong."""


def check_pair(p: Distribution, q: Distribution) -> tuple[int, ...]:
    """The shape of the results, or an error for distributions of different things."""
    names = f"p and q: {p._title} and {q._title}"
    if p.is_discrete != q.is_discrete:
        kinds = ["a density", "probabilities of integers"]
        raise ValueError(
            f"p and q: {p._title} has {kinds[p.is_discrete]}, {q._title} has "
            f"{kinds[q.is_discrete]}; pass two of one kind"
        )
    if p._event != q._event:
        one, other = (("a number", "a vector", "an array")[min(it._event, 2)] for it in (p, q))
        raise ValueError(f"{names} are distributions of {one} and of {other}; pass two of one kind")
    if p._surface != q._surface:
        raise ValueError(
            f"{names}, of which one is on the {p._surface or q._surface}; pass two of one kind"
        )
    if p._event_shape != q._event_shape:
        if p._event == 1:
            lengths = f"{p._event_shape[0]} and {q._event_shape[0]}"
            raise ValueError(f"p and q: vectors of length {lengths}, expected one length")
        raise ValueError(
            f"p and q: values of the shapes {p._event_shape} and {q._event_shape}, expected one "
            "shape"
        )
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        counts = p._numbers[0].shape[-1], q._numbers[0].shape[-1]
        if counts[0] != counts[1]:
            raise ValueError(
                f"p and q: {counts[0]} and {counts[1]} classes, expected as many; give the classes "
                "that one lacks the probability 0"
            )
    try:
        return np.broadcast_shapes(p.shape, q.shape)
    except ValueError:
        raise ValueError(
            f"p and q: shapes {p.shape} and {q.shape} do not broadcast; axes must match or be 1"
        ) from None


def is_singular(p: Distribution, q: Distribution) -> Any:
    """Where p has values that q has not."""
    (low, high), (low_q, high_q) = p.support, q.support
    return np.asarray(low < low_q) | np.asarray(high > high_q)


def is_disjoint(p: Distribution, q: Distribution) -> Any:
    """Where p and q have no values in common."""
    (low, high), (low_q, high_q) = p.support, q.support
    if p.is_discrete:
        return np.asarray(high < low_q) | np.asarray(low > high_q)
    return np.asarray(high <= low_q) | np.asarray(low >= high_q)


def is_infinite(p: Distribution, q: Distribution) -> Any:
    """Where D(p‖q) is infinite: by the supports, or since the mean of -ln q is."""
    tails, growth = p._tails, q._tails
    low, high = p.support
    right = (growth.growth_right > 0) & np.asarray(growth.growth_right >= tails.right)
    left = (growth.growth_left > 0) & np.asarray(growth.growth_left >= tails.left)
    left = left | (growth.growth_exponent > 0) & np.asarray(
        growth.growth_exponent >= tails.exponent
    )
    zero = (growth.growth_zero > 0) & np.asarray(growth.growth_zero >= tails.zero)
    return (
        is_singular(p, q)
        | right & np.asarray(high == math.inf)
        | left & np.asarray(low == -math.inf)
        | zero & np.asarray(low == 0.0)
    )


def kl(p: Distribution, q: Distribution) -> Array | None:
    """D(p‖q), or None if there is no closed form."""
    with np.errstate(all="ignore"):
        values = _kl(*_in_reach(p, q))
        if values is None:
            infinite = is_infinite(p, q) & ~(p._is_nan | q._is_nan)
            if not (infinite | p._is_nan | q._is_nan).all():
                return None
            values = np.where(infinite, math.inf, math.nan)
        # Terms that are beyond the floats leave NaN; the divergence is then beyond them as well.
        values = np.where(np.isnan(values), math.inf, np.maximum(values, 0.0))
        values = np.where(p._is_nan | q._is_nan, math.nan, values)
        return np.array(np.broadcast_to(values, check_pair(p, q)), np.float64)


def _in_reach(p: Distribution, q: Distribution) -> tuple[Distribution, Distribution]:
    """The same, or a quarter of both if locations are so far out that their difference is not."""
    if not (isinstance(p, _LOCATED) and isinstance(q, _LOCATED)):
        return p, q
    with np.errstate(invalid="ignore"):
        is_far = ~np.isfinite(p._numbers[0] - q._numbers[0])
    if not (is_far & ~(p._is_nan | q._is_nan)).any():
        return p, q
    least = float(np.nextafter(0.0, 1.0))
    first, other = (
        type(it)(
            np.where(is_far, 0.25 * it._numbers[0], it._numbers[0]),
            np.where(is_far, np.maximum(0.25 * it._numbers[1], least), it._numbers[1]),
        )
        for it in (p, q)
    )
    return first, other


def are_equal(p: Distribution, q: Distribution) -> Any:
    """Where p and q have the same parameters."""
    if type(p) is not type(q) or p._given.keys() != q._given.keys():
        return np.asarray(False)
    equal = np.asarray(True)
    for name, it in p._given.items():
        axes = tuple(range(-p._event_axes(name), 0))
        other = np.asarray(q._given[name], np.float64)
        equal = equal & (np.asarray(it, np.float64) == other).all(axes)
    return equal


def _kl(p: Distribution, q: Distribution) -> Array | None:  # noqa: PLR0911
    if isinstance(p, MultivariateNormal) and isinstance(q, MultivariateNormal):
        return _kl_of_vectors(p, q)
    if isinstance(p, Dirichlet):
        return evaluate_rows("kl_divergence dirichlet dirichlet", p._numbers[0], q._numbers[0])
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return _of_categories("kl_divergence", p, q)
    if not (p._family and q._family):
        return None
    family, first, other = _as_one(p, q)
    if not _is_short(p, q):
        return None
    if family is not None:
        return evaluate(f"kl_divergence {family} {family}", *first, *other)
    return _kl_of_families(p, q)


def _is_short(p: Distribution, q: Distribution) -> bool:
    """Whether no sum has too many terms: that of different numbers of failures is one."""
    counts = [it.total_count if isinstance(it, NegativeBinomial) else _ONE for it in (p, q)]
    if not all(isinstance(it, (Geometric, NegativeBinomial)) for it in (p, q)):
        return True
    is_long = np.asarray(p.variance > _LONG * _LONG) & (counts[0] != counts[1])
    return not (is_long & ~(p._is_nan | q._is_nan)).any()


def _kl_of_families(p: Distribution, q: Distribution) -> Array | None:
    names, numbers = [p._family, q._family], [p._numbers, q._numbers]
    if isinstance(p, _OfProbability) and names[1] == "poisson":
        names[0], numbers[0] = p._name, (*p._numbers[:-1], p.probs)
    if names[0] == "poisson" and names[1] in {"bernoulli", "bernoulli_logits"}:
        names[1] = names[1].replace("bernoulli", "binomial")
        numbers[1] = (_ONE, *numbers[1])
    name = f"kl_divergence {names[0]} {names[1]}"
    return evaluate(name, *numbers[0], *numbers[1]) if name in NAMES else None


def _as_one(
    p: Distribution, q: Distribution
) -> tuple[str | None, tuple[Array, ...], tuple[Array, ...]]:
    """The family that both belong to, and their numbers in it; or no family.

    Exponential distributions are gamma distributions, Bernoulli distributions are binomial,
    geometric distributions negative binomial. Probabilities and logits meet as logits.
    """
    if p._family == q._family:
        return p._family, p._numbers, q._numbers
    if isinstance(p, _OfProbability) and isinstance(q, _OfProbability):
        bases = {p._name, q._name}
        if len(bases) == 1 or bases == {"bernoulli", "binomial"}:
            of_probs = p._family == p._name and q._family == q._name
            sides = []
            for it in (p, q):
                numbers = it._numbers if of_probs else it._of_logits()
                missing = len(bases) == 2 and it._name == "bernoulli"
                sides.append((_ONE, *numbers) if missing else numbers)
            name = p._name if len(bases) == 1 else "binomial"
            return name if of_probs else f"{name}_logits", sides[0], sides[1]
        if bases == {"geometric", "negative_binomial"} and not (
            p._family == p._name and q._family == q._name
        ):
            # The end of a geometric variable is a failure.
            first, other = (
                (_ONE, -it.logits) if it._name == "geometric" else it._of_logits() for it in (p, q)
            )
            return "negative_binomial_logits", first, other
    if {p._family, q._family} == {"gamma", "exponential"}:
        first, other = (
            (_ONE, *it._numbers) if it._family == "exponential" else it._numbers for it in (p, q)
        )
        return "gamma", first, other
    return None, (), ()


def _of_categories(name: str, p: Categorical, q: Categorical, **keywords: Any) -> Array:
    """What klrs computes for probabilities, or for logits if one of them has those."""
    if "probs" in p._given and "probs" in q._given:
        function: Callable[..., Any] = getattr(klrs, name)
        return of_probabilities(function, p._given["probs"], q._given["probs"], **keywords)
    function = getattr(klrs.logits, name)
    return np.asarray(function(p._padded_logits, q._padded_logits, **keywords))


def _kl_of_vectors(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    """[Σ g + ‖L₂⁻¹ Δm‖²] / 2, with the eigenvalues of L₂⁻¹ (S₁ - S₂) L₂⁻ᵀ or the factors."""
    z = q._standardised(p.loc - q.loc)
    shift = total(z * z)
    if p._is_diagonal and q._is_diagonal:
        spread = _excess(p._numbers[1], q._numbers[1])
        return 0.5 * (total(spread) + shift)
    own = p.scale_tril, q.scale_tril
    lower = np.tril(solve(own[1], own[0] - own[1]), -1)
    squares = total(total(lower * lower))
    values = total(_excess(p._deviations, q._deviations)) + squares
    if "covariance_matrix" in p._given or "covariance_matrix" in q._given:
        near = _excess_of_covariances(p, q)
        values = np.where(np.isnan(near), values, near)
    return 0.5 * (values + shift)


def _excess(first: Array, other: Array) -> Array:
    return evaluate("square_ratio_excess", first, other, first - other)


def _excess_of_covariances(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    """Σ g of the eigenvalues, from the difference of the covariances; NaN where that is large."""
    whitened = _whitened(p, q)
    near = np.abs(whitened).sum(-1).max(-1) < 0.5
    safe = np.where(near[..., None, None], whitened, 0.0)
    values = np.linalg.eigvalsh(safe)
    return np.where(near, total(evaluate("log1p_excess", values)), math.nan)


def _whitened(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    """L₂⁻¹ (S₁ - S₂) L₂⁻ᵀ, from the difference of what was given."""
    factor = q.scale_tril
    if "covariance_matrix" in p._given or "covariance_matrix" in q._given:
        half = solve(factor, _difference(p, q))
        whitened = solve(factor, half.swapaxes(-1, -2))
        return 0.5 * (whitened + whitened.swapaxes(-1, -2))
    step = solve(factor, p.scale_tril - factor)
    return step + step.swapaxes(-1, -2) + step @ step.swapaxes(-1, -2)


def _difference(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    """S₁ - S₂, of which one may be L Lᵀ: with all digits, however near they are."""
    high, low = _ZERO, _ZERO
    for sign, it in ((1.0, p), (-1.0, q)):
        for product, lacking in _terms(it):
            term = sign * product
            before, high = high, np.asarray(high + term)
            rounded = high - before
            low = low + ((before - (high - rounded)) + (term - rounded) + sign * lacking)
    return np.asarray(high + low)


def _terms(it: MultivariateNormal) -> list[tuple[Array, Array]]:
    """Matrices that add up to the covariance, with what rounding took from them."""
    if "covariance_matrix" in it._given:
        return [(it.covariance_matrix, _ZERO)]
    columns = np.moveaxis(it.scale_tril, -1, 0)
    return [_product(column[..., :, None], column[..., None, :]) for column in columns]


def renyi(p: Distribution, q: Distribution, alpha: float) -> Array | None:
    """The Rényi divergence of order alpha, or None if there is no closed form.

    The distribution r ∝ p^α q^(1-α) belongs to an exponential family if p and q do, and then the
    divergence is [α D(r‖p) + (1 - α) D(r‖q)] / (1 - α): r is a stationary point of that, so its
    rounding has no effect of first order (T. van Erven and P. Harremoës, "Rényi divergence and
    Kullback-Leibler divergence", IEEE Trans. Inf. Theory 60 (2014), theorem 30). That of second
    order is ε²/(α |1 - α| Δ²) with the rounding ε and the difference Δ of the natural parameters.
    Near equality and near the orders 0 and 1, it is α [α D(p‖q) + (1 - α) D(q‖p)] instead, which is
    right up to a relative error like α |1 - α| Δ².
    """
    if alpha == 1:
        return kl(p, q)
    shape = check_pair(p, q)
    with np.errstate(all="ignore"):
        values = _renyi(p, q, alpha)
        wrong = is_disjoint(p, q) if alpha < 1 else is_singular(p, q)
        if values is None:
            if not np.all(wrong | p._is_nan | q._is_nan):
                return None
            values = _ZERO
        values = np.where(wrong, math.inf, values)
        values = np.where(are_equal(p, q), 0.0, values)
        values = np.where(p._is_nan | q._is_nan, math.nan, values)
        return np.array(np.broadcast_to(values, shape), np.float64)


def _renyi(  # noqa: PLR0911
    p: Distribution, q: Distribution, alpha: float
) -> Array | None:
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return _of_categories("renyi_divergence", p, q, alpha=alpha)
    if isinstance(p, MultivariateNormal) and isinstance(q, MultivariateNormal):
        return _renyi_of_vectors(p, q, alpha)
    if isinstance(p, Dirichlet):
        rows = p._numbers[0], q._numbers[0]
        mixed = _mixed(*rows, alpha)
        valid = np.asarray((mixed > 0).all(-1))
        mixed = np.where(valid[..., None], mixed, 1.0)
        name = "kl_divergence dirichlet dirichlet"
        pair = evaluate_rows(name, mixed, rows[0]), evaluate_rows(name, mixed, rows[1])
        both = evaluate_rows(name, *rows), evaluate_rows(name, *rows[::-1])
        combined = _combined(*pair, both[0], evaluate_rows(name, rows[0], mixed), alpha)
        return _near(np.where(valid, combined, math.inf), *both, alpha)
    family, first, other = _as_one(p, q)
    if not family:
        return None
    if family == "uniform":
        return evaluate("renyi_divergence uniform uniform", *first, *other, alpha)
    if family.removesuffix("_logits") not in {"binomial", "negative_binomial"}:
        return _renyi_of_family(family, first, other, alpha)
    if not _are_same(first[0], other[0]):
        return None
    # Of a sum of independent variables that has all that is known of them: that of one, each time.
    each = _renyi_of_family(family, (_ONE, first[1]), (_ONE, other[1]), alpha)
    return None if each is None else np.where(first[0] == 0, 0.0, first[0] * each)


def _renyi_of_family(
    family: str, first: tuple[Array, ...], other: tuple[Array, ...], alpha: float
) -> Array | None:
    first, other = _without_large_parts(family, first, other)
    found = _between(family, first, other, alpha)
    if found is None:
        return None
    numbers, valid = found
    numbers = tuple(np.where(valid, it, 1.0) for it in numbers)
    exact = _of_doubles(family, first, other, alpha)
    name = f"kl_divergence {family} {family}"
    pair = evaluate(name, *numbers, *first), evaluate(name, *numbers, *other)
    both = evaluate(name, *first, *other), evaluate(name, *other, *first)
    to_r = evaluate(name, *first, *numbers)
    combined = np.where(valid, _combined(*pair, both[0], to_r, alpha), math.inf)
    # With large parameters, divergences are that much larger than squares of relative differences.
    is_many = family in {"gamma", "inverse_gamma", "poisson"}
    unit = np.maximum(first[0], 1.0) if is_many else _ONE
    return _near(np.where(np.isnan(exact), combined, exact), *both, alpha, unit)


def _without_large_parts(
    family: str, first: tuple[Array, ...], other: tuple[Array, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Numbers with the same divergence of which r has more digits than of those.

    Locations from that of the first on, and the rarer of two values where both have the same.
    """
    if family in {"normal", "log_normal"}:
        shift = np.asarray(other[0] - first[0])
        return (np.zeros_like(shift), first[1]), (shift, other[1])
    if family in {"bernoulli", "binomial"}:
        p, q = first[-1], other[-1]
        is_common = (p > 0.5) & (q > 0.5)
        p, q = (np.where(is_common, 1.0 - it, it) for it in (p, q))
        return (*first[:-1], p), (*other[:-1], q)
    return first, other


def _of_doubles(
    family: str, first: tuple[Array, ...], other: tuple[Array, ...], alpha: float
) -> Array:
    """The divergence where the parameters of r, near a limit of the family, lose its digits.

    NaN where these have them: near equality, and where such a loss is not in the family.
    """
    name = f"renyi_divergence {family} {family}"
    if name not in NAMES or (alpha < 1 and family == "weibull"):
        return np.asarray(math.nan)
    return evaluate(name, *first, other[0 if family == "weibull" else -1], alpha)


def _combined(first: Array, other: Array, kl: Array, to_r: Array, alpha: float) -> Array:
    """[α D(r‖p) + (1 - α) D(r‖q)] / (1 - α), or D(p‖q) + D(p‖r)/(α - 1), which is the same.

    The first is a difference if α > 1, of which little is left where r is about to leave the
    family; the second then has no difference, but the rounding of r, which the first has not.
    """
    values = np.maximum(alpha / (1.0 - alpha) * first + other, 0.0)
    if alpha < 1:
        return values
    sums = kl + to_r / (alpha - 1.0)
    is_lost = ~(first <= 8.0 * (alpha - 1.0) * sums)
    return np.where(is_lost, sums, values)


def _mixed(first: Array, other: Array, alpha: float) -> Array:
    """α a + (1 - α) b, without a loss of digits where α > 1 makes it a difference."""
    if alpha < 1:
        return np.asarray(alpha * first + (1.0 - alpha) * other)
    (high, low), (high_2, low_2) = _product(alpha, first), _product(alpha - 1.0, other)
    return np.asarray((high - high_2) + (low - low_2))


def _product(a: Any, b: Any) -> tuple[Array, Array]:
    """A product and what it lacks of the exact one, 0 where that is not found in floats.

    T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math.
    18 (1971).
    """
    product = np.asarray(a * b)
    (high, low), (high_2, low_2) = _halves(a), _halves(b)
    lacking = ((high * high_2 - product) + high * low_2 + low * high_2) + low * low_2
    return product, np.where(np.isfinite(lacking), lacking, 0.0)


def _halves(x: Any) -> tuple[Array, Array]:
    """Two numbers of 26 bits each, whose sum is x."""
    scaled = 134217729.0 * np.asarray(x, np.float64)
    high = scaled - (scaled - x)
    return high, x - high


def _weight(first: Array, other: Array, alpha: float) -> Array:
    """α + (1 - α) a²/b² of scales a and b: s² of p over that of r."""
    ratio = first / other
    square = ratio * ratio
    weight = np.asarray(alpha + (1.0 - alpha) * square)
    if alpha < 1:
        return weight
    _, power = np.frexp(other)
    a, b = np.ldexp(first, -power), np.ldexp(other, -power)
    (a_high, a_low), (b_high, b_low) = _product(a, a), _product(b, b)
    (p, p_low), (q, q_low) = _product(alpha, b_high), _product(alpha - 1.0, a_high)
    rest = (p_low - q_low) + (alpha * b_low - (alpha - 1.0) * a_low)
    exact = ((p - q) + rest) / b_high
    return np.where(np.isfinite(exact), exact, weight)


def _near(values: Array, one: Array, other: Array, alpha: float, unit: Array = _ONE) -> Array:
    """The values, or what they are near equality, given both Kullback-Leibler divergences."""
    least = min(1.0, _NEAR_IN_ORDER / abs((1.0 - alpha) * alpha))
    is_near = np.maximum(one, other) < least * unit
    is_near &= np.abs(other - one) <= math.sqrt(least) * one
    return np.where(is_near, alpha * (alpha * one + (1.0 - alpha) * other), values)


def near_integral(
    formula: str, alpha: float | None, p: Distribution, q: Distribution
) -> tuple[float, float] | None:
    """An integral of two single distributions that are nearly equal, and its error, or None.

    There, densities are too close for their logarithms as floats. With t = (p - q)/(p + q), the
    Jensen-Shannon divergence is an eighth of D(p‖q) + D(q‖p) up to a relative error like t²/6; for
    Rényi's see `renyi`.
    """
    one, other = kl(p, q), kl(q, p)
    if one is None or other is None:
        return None
    first, second = float(one), float(other)
    order = 1.0 if alpha is None else alpha
    scale = (1.0 + order * order) * max(first, second)
    if not (scale < _NEAR and abs(second - first) <= _ASYMMETRY * math.sqrt(first) * first):
        return None
    if formula == "js_divergence":
        value = 0.125 * (first + second)
    elif formula == "renyi_divergence":
        value = (order - 1.0) * order * (order * first + (1.0 - order) * second)
    else:
        return None
    return value, max(1e-12, _CURVED * scale) * abs(value)


def _between(  # noqa: PLR0911
    family: str, first: tuple[Array, ...], other: tuple[Array, ...], alpha: float
) -> tuple[tuple[Array, ...], Any] | None:
    """Numbers of r ∝ p^α q^(1-α), and where there is one; None for what has none in the family."""

    def mixed(a: Array, b: Array) -> Array:
        return _mixed(a, b, alpha)

    if family in {"normal", "log_normal", "half_normal"}:
        ratio = first[-1] / other[-1]
        square = ratio * ratio
        weight = _weight(first[-1], other[-1], alpha)
        scale = first[-1] / np.sqrt(weight)
        shifted = (
            ()
            if family == "half_normal"
            else (first[0] + (1.0 - alpha) * square / weight * (other[0] - first[0]),)
        )
        return (*shifted, scale), weight > 0
    if family in {"exponential", "gamma", "inverse_gamma", "beta"}:
        if family == "exponential":
            rate = mixed(first[0], other[0])
            return (rate, _ZERO), rate > 0
        shape, rate = mixed(first[0], other[0]), mixed(first[1], other[1])
        rest = (_ZERO,) if family == "gamma" else ()
        return (shape, rate, *rest), (shape > 0) & (rate > 0)
    if family == "pareto":
        power = mixed(first[1], other[1])
        return (np.maximum(first[0], other[0]), power), power > 0
    if family == "poisson":
        rate = evaluate("between poisson", first[0], other[0], alpha)
        return (rate,), rate < math.inf
    if family == "von_mises":
        angles = 0.5 * (other[0] - first[0])
        x = mixed(first[1], other[1] * evaluate("cos", 2.0 * angles))
        y = (1.0 - alpha) * other[1] * evaluate("sin", 2.0 * angles)
        loc = first[0] + evaluate("atan2", y, x)
        return (loc, evaluate("hypot", x, y)), np.asarray(True)
    if family in {"laplace", "weibull"}:
        return _between_of_equal(family, first, other, alpha)
    return _between_of_probability(family, first, other, alpha)


def _are_same(first: Array, other: Array) -> bool:
    """Whether all are equal but those that are NaN, which stays in its element."""
    return bool(((first == other) | np.isnan(first + other)).all())


def _between_of_equal(
    family: str, first: tuple[Array, ...], other: tuple[Array, ...], alpha: float
) -> tuple[tuple[Array, ...], Any] | None:
    """Laplace distributions of one location, Weibull distributions of one concentration."""
    fixed = 0 if family == "laplace" else 1
    if not _are_same(first[fixed], other[fixed]):
        return None
    if family == "laplace":
        weight = _mixed(other[1], first[1], alpha) / other[1]
        return (first[0], first[1] / weight), weight > 0
    power = evaluate("exp", first[1] * evaluate("log", first[0] / other[0]))
    weight = alpha + (1.0 - alpha) * power
    scale = first[0] * evaluate("exp", -evaluate("log", weight) / first[1])
    return (scale, first[1]), weight > 0


def _between_of_probability(
    family: str, first: tuple[Array, ...], other: tuple[Array, ...], alpha: float
) -> tuple[tuple[Array, ...], Any] | None:
    is_logit = family.endswith("_logits")
    name = family.removesuffix("_logits")
    counts = first[:-1]
    if name not in {"bernoulli", "binomial", "geometric", "negative_binomial"}:
        return None
    p, q = first[-1], other[-1]
    if name in {"bernoulli", "binomial"}:
        if is_logit:
            value = np.asarray(alpha * p + (1.0 - alpha) * q)
        else:
            value = evaluate("between bernoulli", p, q, alpha)
        return (*counts, value), ~np.isnan(value)
    # The probability that a sequence goes on is p^α q^(1-α).
    sign = 1.0 if name == "negative_binomial" else -1.0
    if is_logit:
        logs = [evaluate("log", evaluate("sigmoid", sign * it)) for it in (p, q)]
    elif name == "geometric":
        logs = [evaluate("log1p", -it) for it in (p, q)]
    else:
        logs = [evaluate("log", it) for it in (p, q)]
    log = np.asarray(alpha * logs[0] + (1.0 - alpha) * logs[1])
    log = np.where((logs[0] == -math.inf) & (logs[1] == -math.inf), -math.inf, log)
    going, ending = evaluate("exp", log), -evaluate("expm1", log)
    value = going if name == "negative_binomial" else ending
    if is_logit:
        value = sign * (log - evaluate("log", ending))
    return (*counts, value), log < 0


def _renyi_of_vectors(p: MultivariateNormal, q: MultivariateNormal, alpha: float) -> Array:
    if p._is_diagonal and q._is_diagonal:
        pair = _without_large_parts("normal", (p.loc, p._numbers[1]), (q.loc, q._numbers[1]))
        found = _between("normal", *pair, alpha)
        assert found is not None, "normal distributions have one"
        numbers, valid = found
        numbers = tuple(np.where(valid, it, 1.0) for it in numbers)
        name = "kl_divergence normal normal"
        sides = evaluate(name, *numbers, *pair[0]), evaluate(name, *numbers, *pair[1])
        both = evaluate(name, *pair[0], *pair[1]), evaluate(name, *pair[1], *pair[0])
        combined = _combined(*sides, both[0], evaluate(name, *pair[0], *numbers), alpha)
        return total(_near(np.where(valid, combined, math.inf), *both, alpha))
    return _renyi_of_whitened(p, q, alpha)


def _renyi_of_whitened(p: MultivariateNormal, q: MultivariateNormal, alpha: float) -> Array:
    """Σ over the eigenvectors of W = L₂⁻¹ (S₁ - S₂) L₂⁻ᵀ, where both have independent components.

    With an eigenvalue w, c = 1 - α and s = 1 + c w, the difference z of the means in units of q
    adds α z²/(2s), and the variances half of g(w) - g(c w)/c, g(u) = u - ln(1 + u). For α < 1 that
    is α g(-c w/s)/c + g(α w/s): so all terms are positive, and no digits are lost near equality.
    """
    rest = 1.0 - alpha
    factor = q.scale_tril
    whitened = _whitened(p, q)
    near = np.abs(whitened).sum(-1).max(-1) < 0.5
    # Far from equality, singular values of L₂⁻¹ L₁ have digits of 1 + w that W has lost.
    far = ~(near | p._is_nan | q._is_nan)
    values, basis = np.linalg.eigh(np.where(near[..., None, None], whitened, 0.0))
    ratios = solve(factor, p.scale_tril)
    safe = np.where(far[..., None, None], ratios, np.eye(factor.shape[-1]))
    other_basis, roots, _ = np.linalg.svd(safe)
    near, far_columns = near[..., None], far[..., None, None]
    values = np.where(near, values, (roots - 1.0) * (roots + 1.0))
    basis = np.where(far_columns, other_basis, basis)
    weights = 1.0 + rest * values
    valid = (weights > 0).all(-1)
    weights = np.where(weights > 0, weights, 1.0)
    z = (basis * q._standardised(p.loc - q.loc)[..., None]).sum(-2)
    if alpha > 1:
        spread = np.where(
            near,
            evaluate("log1p_excess", values),
            evaluate("square_ratio_excess", roots, 1.0, roots - 1.0),
        )
        spread = spread - evaluate("log1p_excess", rest * values) / rest
    else:
        scales = np.sqrt(weights)
        spread = np.where(
            near,
            evaluate("log1p_excess", alpha * values / weights),
            evaluate("square_ratio_excess", roots, scales, roots - scales),
        )
        spread = spread + alpha / rest * evaluate("log1p_excess", -rest * values / weights)
    found = total(0.5 * (alpha * z * z / weights + spread))
    return np.where(valid, found, math.inf)


def js(p: Distribution, q: Distribution) -> Array | None:
    """The Jensen-Shannon divergence, or None if there is no closed form."""
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return _of_categories("js_divergence", p, q)
    if p._family == q._family == "bernoulli_logits":
        logits = (it._numbers[0] for it in (p, q))
        pairs = (np.stack([np.minimum(-it, 0.0), np.minimum(it, 0.0)], -1) for it in logits)
        return np.asarray(klrs.logits.js_divergence(*pairs))
    if p._family == q._family == "bernoulli":
        return _js_of_bernoullis(p._numbers[0], q._numbers[0])
    return None


def _js_of_bernoullis(p: Array, q: Array) -> Array:
    """The mean divergence from the mean m, less what the rounding of m adds, to second order.

    No other distribution has a smaller mean divergence: by one that is off by e it is larger by the
    divergence of m from that, e² / (2 m (1 - m)).
    """
    # From 1/2 on the other probability is exact, and has more digits.
    flipped = np.minimum(p, q) >= 0.5
    p, q = np.where(flipped, 1.0 - p, p), np.where(flipped, 1.0 - q, q)
    # So that no half is below the floats; where both are that small, all is in proportion to them.
    unit = np.where(np.maximum(p, q) < 2.0**-960, 2.0**-900, 1.0)
    p, q = p / unit, q / unit
    m = 0.5 * (p + q)
    off = 0.5 * ((p - m) + (q - m))
    spread = m * (1.0 - m)
    rounding = 0.5 * off * (off / np.where(spread > 0, spread, 1.0))
    name = "kl_divergence bernoulli bernoulli"
    found = 0.5 * (evaluate(name, p, m) + evaluate(name, q, m)) - rounding
    return np.clip(found, 0.0, math.log(2.0)) * unit


def wasserstein(p: Distribution, q: Distribution, order: float) -> Array | None:
    """The Wasserstein distance of order 1 or 2, or None if there is no closed form."""
    shape = check_pair(p, q)
    with np.errstate(all="ignore"):
        if isinstance(p, MultivariateNormal) and isinstance(q, MultivariateNormal):
            if order != 2:
                return None
            values = _bures(p, q)
        else:
            name = f"wasserstein_{order:g} {p._family} {q._family}"
            if name not in NAMES:
                return None
            values = evaluate(name, *p._numbers, *q._numbers)
        values = np.where(p._is_nan | q._is_nan, math.nan, values)
        return np.array(np.broadcast_to(values, shape), np.float64)


def _bures(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    """The root of ‖Δm‖² + min ‖L₁ - L₂ U‖² over orthogonal U."""
    shift = _length(p.loc - q.loc)
    if p._is_diagonal and q._is_diagonal:
        return evaluate("hypot", shift, _length(p._numbers[1] - q._numbers[1]))
    shape = np.broadcast_shapes(p.shape, q.shape)
    bures = np.full(shape, math.nan)
    for index, (one, other) in zip(
        np.ndindex(*shape), zip(p._elements(shape), q._elements(shape), strict=True), strict=True
    ):
        if not (one._is_nan or other._is_nan):
            bures[index] = _bures_of_two(one, other)  # type: ignore[arg-type]
    return evaluate("hypot", shift, bures)


def _length(vectors: Array) -> Array:
    """Euclidean lengths along the last axis, whose squares may be beyond the floats."""
    _, power = np.frexp(np.abs(vectors).max(-1))
    scaled = np.ldexp(vectors, -power[..., None])
    return np.asarray(np.ldexp(np.sqrt(total(scaled * scaled)), power))


def _bures_of_two(p: MultivariateNormal, q: MultivariateNormal) -> float:
    """The root of the trace of X S₂ X, of the symmetric X with (1 + X) S₂ (1 + X) = S₁.

    In the basis of the eigenvectors V of S₂ = V s² Vᵀ, C = s Vᵀ(1 + X)V s is the root of
    s Vᵀ S₁ V s = U σ² Uᵀ. From C² - s⁴ = Y C + s² Y, Y = C - s², follows Y, and with it the entries
    (Vᵀ(S₁ - S₂) V s U)ᵢⱼ / (sᵢ² + σⱼ) of a matrix whose squares add up to the trace: no digits of
    the difference are lost, but of the condition number. L₁ - L₂ U with the best orthogonal U has
    that the other way round, so the one of the two with the smaller error is taken.
    """
    power = max(int(np.frexp(np.abs(it.scale_tril).max())[1]) for it in (p, q))
    first, second = (np.ldexp(it.scale_tril, -power) for it in (p, q))
    if "covariance_matrix" in p._given or "covariance_matrix" in q._given:
        difference = np.ldexp(_difference(p, q), -2 * power)
    else:
        step = first - second
        cross = step @ second.T
        difference = cross + cross.T + step @ step.T
    if np.array_equal(first, second) and not difference.any():
        return 0.0
    vectors, deviations, _ = np.linalg.svd(second)
    basis, roots, _ = np.linalg.svd(deviations[:, None] * (vectors.T @ first))
    moved = (vectors.T @ difference @ vectors * deviations) @ basis
    near = _length((moved / ((deviations * deviations)[:, None] + roots)).reshape(-1))
    left, _, right = np.linalg.svd(second.T @ first)
    far = _length((first - second @ (left @ right)).reshape(-1))
    size = float(_length(first.reshape(-1)) + _length(second.reshape(-1))) / far
    lost = 2.0**-52 * (deviations[0] / deviations[-1]) ** 2
    found = near if lost < 2.0**-52 * size + (lost * size) ** 2 else far
    return float(np.ldexp(found, power))
