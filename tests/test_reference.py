"""The oracle against closed forms and against plain sums in 400-digit arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
from mpmath import mp, mpf

import reference

DIGITS = mpf(10) ** -28

ROWS = {
    "ordinary": ([0.5, 0.3, 0.2], [0.3, 0.6, 0.1]),
    "near": ([0.5, 0.25, 0.25], [0.5, math.nextafter(0.25, 0), math.nextafter(0.25, 1)]),
    "wide": ([1.0, 1e-300, 5e-324], [1e-200, 1.0, 1e-310]),
    "zeros in p": ([0.0, 1.0, 0.0], [0.25, 0.75, 0.0]),
    "low entropy": ([1e16, 1.0], [1e30, 3.0]),
}


def plain(name: str, p: list[Decimal], q: list[Decimal]) -> Decimal:
    """The textbook formulas; 400 digits outlast any cancellation in these rows."""
    if name == "entropy":
        return -sum(a * a.ln() for a in p if a)
    if name == "cross_entropy":
        return -sum(a * b.ln() for a, b in zip(p, q, strict=True) if a)
    if name.startswith("js"):
        m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
        value = (plain("kl_divergence", p, m) + plain("kl_divergence", q, m)) / 2
        return value.sqrt() if name == "js_distance" else value
    pairs = list(zip(p, q, strict=True))
    return sum(a * (a / b).ln() for a, b in pairs if a) - sum(p) + sum(q)


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("name", reference.VERBS)
def test_against_plain_sums(name: str, rows: tuple[list[float], list[float]]) -> None:
    operands = rows[:1] if name == "entropy" else rows
    options = {} if name == "generalized_kl_divergence" else {"normalize": True}
    with localcontext() as context:
        context.prec = 400
        p, q = ([Decimal(x) for x in row] for row in rows)
        if options:
            p, q = ([x / sum(row) for x in row] for row in (p, q))
        expected = plain(name, p, q)
    value = reference.VERBS[name](*operands, **options)
    with mp.workdps(60):
        assert abs(value - mpf(str(expected))) <= DIGITS * mpf(str(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: reference.entropy([1, 1, 1, 1], normalize=True, base=2), 2),
        (lambda: reference.entropy([0, 1, 0]), 0),
        (lambda: reference.cross_entropy([1, 0], [0.25, 0.75], base=2), 2),
        (lambda: reference.cross_entropy([1, 0], [0, 1]), mp.inf),
        (
            lambda: reference.kl_divergence([0.5, 0.5], [0.125, 0.875 - 0.375], base=2),
            1 - mpf("0.375") / mp.log(2),
        ),
        (lambda: reference.kl_divergence([1, 2, 3], [2, 4, 6], normalize=True), 0),
        (lambda: reference.kl_divergence([0.5, 0.5], [1, 0]), mp.inf),
        (lambda: reference.generalized_kl_divergence([0, 0], [3, 4]), 7),
        (lambda: reference.js_divergence([1, 0], [0, 1], base=2), 1),
        (lambda: reference.js_divergence([1, 0], [0, 1], weights=(0.25, 0.75), base=2), None),
        (lambda: reference.js_divergence([1, 0], [0, 1], weights=(1, 0)), 0),
        (lambda: reference.js_distance([1, 0], [0, 1], base=4), mp.sqrt(mpf("0.5"))),
    ],
)
def test_closed_forms(value: Callable[[], mpf], expected: mpf | None) -> None:
    if expected is None:
        expected = 2 - mpf("0.75") * mp.log(3, 2)
    assert mp.almosteq(value(), expected, rel_eps=1e-15, abs_eps=0)


def test_nan_and_bad_entries() -> None:
    for name, verb in reference.VERBS.items():
        operands = [[0.5, 0.5]] * (1 if name == "entropy" else 2)
        assert mp.isnan(verb([math.nan, 1.0], *operands[1:]))
        for bad in (-1.0, math.inf):
            with pytest.raises(ValueError, match="finite, non-negative"):
                verb([bad, 1.0], *operands[1:])
        if name != "generalized_kl_divergence":
            with pytest.raises(ValueError, match="zeros"):
                verb([0.0, 0.0], *operands[1:], normalize=True)


def test_weights_are_divided_by_their_sum() -> None:
    """0.1 + 0.9 is not 1: equal rows must be at a distance of 0 all the same."""
    for weights in ((0.1, 0.9), (0.3, 0.7), (1e-10, 1 - 1e-10)):
        assert reference.js_divergence([0.3, 0.7], [0.3, 0.7], weights=weights) == 0


def test_floats_of_every_width_are_read_exactly() -> None:
    for dtype in (np.float32, np.float16):
        p, q = np.array([0.3, 0.7], dtype), np.array([0.6, 0.4], dtype)
        wide = reference.js_divergence(p.astype(float), q.astype(float))
        assert reference.js_divergence(p, q) == wide
