"""How wrong a result is: against the oracle, relative to what the bounds are relative to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from mpmath import mp, mpf

import reference
from inputs import (
    AMARI,
    BHATTACHARYYA_COEFFICIENT,
    CROSS_ENTROPY,
    ENTROPY,
    HELLINGER,
    JS_DISTANCE,
    MIN_ENTROPY,
    RENYI,
    RENYI_ENTROPY,
    TOTAL_VARIATION,
    TSALLIS_ENTROPY,
    Float,
    Verb,
)

FLOOR = mpf("1e-30")
"""Values of normalised rows are promised to the last digits from here on.

Below, the rounding of the division by the sums may be seen: a proportional q may give 1e-33 instead
of 0. As given, rows are not divided, and the bound holds down to the smallest numbers.
"""

SUMS_OF_LOGS = {v.name for v in (ENTROPY, CROSS_ENTROPY, MIN_ENTROPY)}
ENTROPIES = SUMS_OF_LOGS | {RENYI_ENTROPY.name, TSALLIS_ENTROPY.name}
ROOTS = {TOTAL_VARIATION, HELLINGER, JS_DISTANCE, RENYI.at(math.inf)}
"""Of first order in what p and q differ by, where the others are of second order."""


def floor(verb: Verb) -> mpf:
    if verb in ROOTS:
        return mp.sqrt(FLOOR)
    # Of second order, a power grows by the exponent.
    return FLOOR * (1 if math.isinf(verb.number) else max(1, abs(verb.number)))


def steepness(verb: Verb, p: Any, q: Any, options: dict[str, Any]) -> float:
    """What the bound is to be multiplied by: a power grows the error of the logarithm within.

    max(1, |alpha| L) with L the largest |ln p/q|, or |ln p| of an entropy; (1 + |alpha|)/2 L of
    Amari's; of the perplexity the (cross-)entropy.
    """
    if verb.name == "perplexity":
        rows = (p, q)[: verb.operands]
        nats = (reference.entropy, reference.cross_entropy)[verb.operands - 1](*rows, **options)
        return max(1.0, float(nats))
    if verb.parameter not in ("alpha", "lambda_") or math.isinf(verb.number):
        return 1.0
    logs = []
    for operand in (p, q)[: verb.operands]:
        row = np.asarray(operand, dtype=np.float64)
        with np.errstate(divide="ignore"):
            logs.append(np.log(row))
        if options.get("normalize"):
            logs[-1] = logs[-1] - math.log(math.fsum(row / row.max())) - math.log(row.max())
    apart = logs[0] if verb.operands == 1 else np.where(np.isinf(logs[0]), 0, logs[0]) - logs[1]
    present = np.all(np.isfinite(logs), axis=0)
    power = (1 + abs(verb.number)) / 2 if verb.name == AMARI.name else abs(verb.number)
    return max(1.0, power * float(np.abs(apart[present]).max(initial=0)))


def scale(verb: Verb, exact: mpf, p: Any, q: Any, options: dict[str, Any]) -> mpf:
    """The value, or of entropies as given the sum of the sizes of their terms."""
    if verb.name not in ENTROPIES or verb.name == MIN_ENTROPY.name or math.isinf(verb.number):
        return exact
    if options.get("normalize"):
        return max(exact, FLOOR)
    base = options.get("base")
    if verb.name in SUMS_OF_LOGS:
        return max(exact, reference.magnitude(*(p, q)[: verb.operands], base=base))
    size = reference.magnitude(p, alpha=verb.number)
    if verb.name == RENYI_ENTROPY.name:
        # It is the logarithm of 1 + (1 - alpha) T.
        size /= 1 + max(0, 1 - verb.number) * size
        size /= 1 if base is None else math.log(base)
    return max(exact, size)


def relative_error(verb: Verb, got: Any, p: Any, q: Any, options: dict[str, Any]) -> float:
    """Of one row's result, in units that the bound holds for.

    Fails at once where only one answer is right: 0, inf, and the sign.
    """
    exact = verb.exact(p, q, **options)
    entropies = verb.name in ENTROPIES
    normalize = options.get("normalize")
    assert not np.signbit(got), describe(verb, got, p, q, options)
    assert not np.isnan(got), describe(verb, got, p, q, options)
    if mp.isinf(exact):
        assert np.isinf(got), describe(verb, got, p, q, options)
        return 0.0
    bound = 2e-14 if got.dtype == np.float64 else 2e-6
    if np.isinf(got):
        # Beyond the largest number of the dtype, up to the error that is allowed.
        most = exact * (1 + bound * steepness(verb, p, q, options))
        assert most > float(np.finfo(got.dtype).max), describe(verb, got, p, q, options)
        return 0.0
    second_order = not entropies and verb != BHATTACHARYYA_COEFFICIENT
    if normalize and second_order and not np.array_equal(p, q) and exact < floor(verb):
        assert got <= 2 * floor(verb), describe(verb, got, p, q, options)
        return 0.0
    if exact == 0 and (normalize or not entropies):
        assert got == 0, describe(verb, got, p, q, options)
        return 0.0
    # Below the smallest normal number floats are evenly spaced: the bound is absolute there.
    smallest = mpf(float(np.finfo(got.dtype).smallest_normal))
    error = abs(mpf(float(got)) - exact) / max(smallest, scale(verb, exact, p, q, options))
    return float(error) / steepness(verb, p, q, options)


def describe(verb: Verb, got: Any, p: Any, q: Any, options: dict[str, Any]) -> str:
    """A failing row as a call that can be repeated."""
    exact = mp.nstr(verb.exact(p, q, **options), 17)
    operands = ", ".join(f"{np.asarray(x).tolist()}" for x in (p, q)[: verb.operands])
    call = f"{verb.name}({operands}, **{verb.numbers | options}) of {np.asarray(p).dtype}"
    return f"{got!r}, expected {exact}: {call[:2000]}"


def assert_right(verb: Verb, p: Any, q: Any, kind: Float, **options: Any) -> None:
    """One row, within the bound."""
    got = verb(p, q, **options)
    error = relative_error(verb, got, p, q, options)
    assert error <= kind.bound, describe(verb, got, p, q, options)
