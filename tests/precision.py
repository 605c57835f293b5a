"""How wrong a result is: against the oracle, relative to what the bounds are relative to."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp, mpf

import reference
from inputs import CROSS_ENTROPY, ENTROPY, JS_DISTANCE, Float, Verb

FLOOR = mpf("1e-30")
"""Values of normalised rows are promised to the last digits from here on.

Below, the rounding of the division by the sums may be seen: a proportional q may give 1e-33 instead
of 0. As given, rows are not divided, and the bound holds down to the smallest numbers.
"""


def relative_error(verb: Verb, got: Any, p: Any, q: Any, options: dict[str, Any]) -> float:
    """Of one row's result; fails at once where only one answer is right: 0, inf, and the sign."""
    exact = verb.exact(p, q, **options)
    assert not np.signbit(got), describe(verb, got, p, q, options)
    if mp.isinf(exact):
        assert np.isinf(got), describe(verb, got, p, q, options)
        return 0.0
    assert np.isfinite(got), describe(verb, got, p, q, options)
    entropies = verb in (ENTROPY, CROSS_ENTROPY)
    normalize = options.get("normalize")
    if normalize and not entropies and not np.array_equal(p, q):
        floor = mp.sqrt(FLOOR) if verb is JS_DISTANCE else FLOOR
        if exact < floor:
            assert got <= 2 * floor, describe(verb, got, p, q, options)
            return 0.0
    if exact == 0 and (normalize or not entropies):
        assert got == 0, describe(verb, got, p, q, options)
        return 0.0
    # Below the smallest normal number floats are evenly spaced: the bound is absolute there.
    scale = max(exact, mpf(float(np.finfo(got.dtype).smallest_normal)))
    if entropies:
        rows = (p, q)[: verb.operands]
        scale = max(
            scale,
            FLOOR if normalize else reference.magnitude(*rows, base=options.get("base")),
        )
    return float(abs(mpf(float(got)) - exact) / scale)


def describe(verb: Verb, got: Any, p: Any, q: Any, options: dict[str, Any]) -> str:
    """A failing row as a call that can be repeated."""
    exact = mp.nstr(verb.exact(p, q, **options), 17)
    operands = ", ".join(f"{np.asarray(x).tolist()}" for x in (p, q)[: verb.operands])
    call = f"{verb}({operands}, **{options}) of {np.asarray(p).dtype}"
    return f"{got!r}, expected {exact}: {call[:2000]}"


def assert_right(verb: Verb, p: Any, q: Any, kind: Float, **options: Any) -> None:
    """One row, within the bound."""
    got = verb(p, q, **options)
    error = relative_error(verb, got, p, q, options)
    assert error <= kind.bound, describe(verb, got, p, q, options)
