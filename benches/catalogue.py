"""Every divergence and entropy, beside the best that people have for it today.

That is SciPy where it has the quantity, else the formula that a NumPy user writes. An expression is
written once: it is what is shown, what is timed and, in exact arithmetic, what it means to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from mpmath import mp, mpf
from scipy import special, stats
from scipy.spatial import distance

import klrs
from contenders import Contender
from oracle import reference

Names = Mapping[str, Any]


def function(expression: str, names: Names) -> Callable[[Any, Any], Any]:
    """The function of p and q that an expression is, with these names."""
    return eval(f"lambda p, q: {expression}", dict(names))


def of_one(term: Callable[[mpf], mpf]) -> Callable[[Any], Any]:
    """The function of each element of an array of mpmath's numbers."""
    return np.frompyfunc(term, 1, 1)


def of_two(term: Callable[[mpf, mpf], mpf]) -> Callable[[Any, Any], Any]:
    """The function of each pair of elements."""
    return np.frompyfunc(term, 2, 1)


def exact_power_divergence(p: Any, q: Any, axis: int, lambda_: float | str) -> SimpleNamespace:
    """SciPy's: 2 / (lambda (lambda + 1)) times the sum of p ((p/q)^lambda - 1)."""
    power = mpf(-2 if lambda_ == "neyman" else lambda_)
    total = (p * ((p / q) ** power - 1)).sum(axis)
    return SimpleNamespace(statistic=2 / (power * (power + 1)) * total)


FLOATS: Names = {
    "np": np,
    "chisquare": stats.chisquare,
    "entr": special.entr,
    "jensenshannon": distance.jensenshannon,
    "kl_div": special.kl_div,
    "power_divergence": stats.power_divergence,
    "rel_entr": special.rel_entr,
    "xlogy": special.xlogy,
}

EXACT: Names = {
    "np": SimpleNamespace(
        abs=np.abs,
        exp=of_one(mp.exp),
        log=of_one(mp.log),
        sqrt=of_one(mp.sqrt),
    ),
    "chisquare": lambda p, q, axis: SimpleNamespace(statistic=((p - q) ** 2 / q).sum(axis)),
    "entr": of_one(lambda p: -p * mp.log(p) if p else p),
    "jensenshannon": lambda p, q, axis: reference.js_distance(p, q, normalize=True),
    "kl_div": of_two(lambda p, q: p * mp.log(p / q) - p + q if p else q),
    "power_divergence": exact_power_divergence,
    "rel_entr": of_two(lambda p, q: p * mp.log(p / q) if p else p),
    "xlogy": of_two(lambda p, q: p * mp.log(q) if p else p),
}
"""The same names for arrays of mpmath's numbers."""


def exactly(expression: str, p: Any, q: Any) -> mpf:
    """The value of a peer's expression for one row, without rounding anything to floats."""
    with mp.workprec(2 * reference.BITS):
        p, q = (np.array([mpf(float(x)) for x in row], dtype=object) for row in (p, q))
        return function(expression, EXACT)(p, q)


def ours(expression: str) -> Contender:
    return Contender(
        "klrs",
        expression,
        function(expression, vars(klrs)),
        function(expression, reference.VERBS),
    )


def peer(who: str, expression: str) -> Contender:
    return Contender(who, expression, function(expression, FLOATS), partial(exactly, expression))


CATALOGUE = [
    (ours(mine), peer(who, theirs))
    for mine, who, theirs in (
        ("entropy(p)", "SciPy", "entr(p).sum(-1)"),
        ("renyi_entropy(p, alpha=2)", "NumPy", "np.log((p**2).sum(-1)) / (1 - 2)"),
        ("tsallis_entropy(p, alpha=2)", "NumPy", "(1 - (p**2).sum(-1)) / (2 - 1)"),
        ("min_entropy(p)", "NumPy", "-np.log(p.max(-1))"),
        ("perplexity(p)", "SciPy", "np.exp(entr(p).sum(-1))"),
        ("perplexity(p, q)", "SciPy", "np.exp(-xlogy(p, q).sum(-1))"),
        ("cross_entropy(p, q)", "SciPy", "-xlogy(p, q).sum(-1)"),
        ("kl_divergence(p, q)", "SciPy", "rel_entr(p, q).sum(-1)"),
        ("generalized_kl_divergence(p, q)", "SciPy", "kl_div(p, q).sum(-1)"),
        ("jeffreys_divergence(p, q)", "NumPy", "((p - q) * np.log(p / q)).sum(-1)"),
        ("population_stability_index(p, q)", "NumPy", "((p - q) * np.log(p / q)).sum(-1)"),
        ("js_divergence(p, q)", "SciPy", "jensenshannon(p, q, axis=-1) ** 2"),
        ("js_distance(p, q)", "SciPy", "jensenshannon(p, q, axis=-1)"),
        ("k_divergence(p, q)", "SciPy", "rel_entr(p, (p + q) / 2).sum(-1)"),
        ("skew_divergence(p, q, skew=0.99)", "SciPy", "rel_entr(p, 0.01 * p + 0.99 * q).sum(-1)"),
        (
            "renyi_divergence(p, q, alpha=0.5)",
            "NumPy",
            "np.log((p**0.5 * q**0.5).sum(-1)) / (0.5 - 1)",
        ),
        ("renyi_divergence(p, q, alpha=2)", "NumPy", "np.log((p**2 / q).sum(-1)) / (2 - 1)"),
        ("tsallis_divergence(p, q, alpha=0.5)", "NumPy", "((p**0.5 * q**0.5).sum(-1) - 1) / -0.5"),
        (
            "alpha_divergence(p, q, alpha=0.5)",
            "NumPy",
            "(1 - (p**0.25 * q**0.75).sum(-1)) / 0.1875",
        ),
        (
            "power_divergence(p, q, lambda_=2/3)",
            "SciPy",
            "power_divergence(p, q, axis=-1, lambda_=2/3).statistic / 2",
        ),
        ("chi2_divergence(p, q)", "SciPy", "chisquare(p, q, axis=-1).statistic"),
        (
            "neyman_chi2_divergence(p, q)",
            "SciPy",
            'power_divergence(p, q, axis=-1, lambda_="neyman").statistic',
        ),
        ("triangular_discrimination(p, q)", "NumPy", "((p - q) ** 2 / (p + q)).sum(-1)"),
        ("total_variation_distance(p, q)", "NumPy", "np.abs(p - q).sum(-1) / 2"),
        (
            "hellinger_distance(p, q)",
            "NumPy",
            "np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1) / 2)",
        ),
        ("bhattacharyya_coefficient(p, q)", "NumPy", "np.sqrt(p * q).sum(-1)"),
        ("bhattacharyya_distance(p, q)", "NumPy", "-np.log(np.sqrt(p * q).sum(-1))"),
    )
]
"""What klrs computes, and who else does."""
