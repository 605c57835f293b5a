"""klrs beside the formulas that people write today, timed on the same arrays."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import klrs
from klrs._timing import interleaved_medians

Array = NDArray[Any]


@dataclass(frozen=True)
class Contender:
    """One way to compute a divergence: whose it is, how it is written, and that as a function."""

    who: str
    expression: str
    call: Callable[[Array, Array], object]


@dataclass(frozen=True)
class Timing:
    """The time of a contender, and the same as a multiple of the first contender's."""

    who: str
    expression: str
    seconds: float
    ratio: float


def race(contenders: Sequence[Contender], p: Array, q: Array, *, budget: float) -> list[Timing]:
    """Time contenders in turns on the same two arrays, for about `budget` seconds in all."""
    calls = {c.expression: partial(c.call, p, q) for c in contenders}
    with np.errstate(all="ignore"):  # the plain formulas divide by zero where a probability is 0
        seconds = interleaved_medians(calls, budget=budget)
    first = seconds[contenders[0].expression]
    return [
        Timing(c.who, c.expression, seconds[c.expression], seconds[c.expression] / first)
        for c in contenders
    ]


def kl_contenders() -> list[Contender]:
    """D(p||q): klrs, the formula in NumPy and, where it is installed, SciPy."""
    contenders = [
        Contender("klrs", "klrs.kl_divergence(p, q)", klrs.kl_divergence),
        Contender(
            "NumPy",
            "(p * np.log(p / q)).sum(-1)",
            lambda p, q: (p * np.log(p / q)).sum(-1),
        ),
    ]
    if special := _import_if_installed("scipy.special"):
        contenders.append(
            Contender(
                "SciPy",
                "scipy.special.rel_entr(p, q).sum(-1)",
                lambda p, q: special.rel_entr(p, q).sum(-1),
            )
        )
    return contenders


def js_distance_contenders() -> list[Contender]:
    """The Jensen-Shannon distance, likewise."""
    contenders = [
        Contender("klrs", "klrs.js_distance(p, q)", klrs.js_distance),
        Contender(
            "NumPy",
            "np.sqrt((p*np.log(p/m) + q*np.log(q/m)).sum(-1) / 2)",
            _plain_js_distance,
        ),
    ]
    if distance := _import_if_installed("scipy.spatial.distance"):
        contenders.append(
            Contender(
                "SciPy",
                "scipy.spatial.distance.jensenshannon(p, q, axis=-1)",
                lambda p, q: distance.jensenshannon(p, q, axis=-1),
            )
        )
    return contenders


def _plain_js_distance(p: Array, q: Array) -> Array:
    m = (p + q) / 2
    return np.asarray(np.sqrt((p * np.log(p / m) + q * np.log(q / m)).sum(-1) / 2))


def _import_if_installed(module: str) -> Any:
    """The module or None: SciPy is no dependency of klrs."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
