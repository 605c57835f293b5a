"""Mistakes in the data: the texts, the row and the place that are named, and `out` afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inputs import (
    ENTROPY,
    GENERALIZED_KL,
    INTEGERS,
    VERBS,
    Verb,
    each_float,
    each_length,
    each_verb,
    pair,
)
from messages import P, Q, in_each_operand, raises

PASS_NORMALIZE = (
    "; pass normalize=True to divide each row by its sum, or axis= if the distributions run along "
    "another axis"
)

each_checking = pytest.mark.parametrize("verb", [v for v in VERBS if v.has_normalize], ids=str)


@each_checking
def test_sum(verb: Verb) -> None:
    for name, p, q in in_each_operand(verb, np.array([0.5, 0.23, 0]), P):
        with raises(ValueError, f"{name}: sums to 0.73, not 1{PASS_NORMALIZE}"):
            verb(p, q)


@each_checking
@pytest.mark.parametrize(
    ("shape", "row", "shown"), [((4,), 3, "3"), ((3, 6), (2, 5), "(2, 5)"), ((1,), 0, "0")]
)
def test_row_of_a_sum(verb: Verb, shape: tuple, row: Any, shown: str) -> None:
    good = np.broadcast_to(P, (*shape, 3))
    bad = good.copy()
    bad[row] = [0.5, 0.5, 0.5]
    for name, p, q in in_each_operand(verb, bad, good):
        with raises(ValueError, f"{name}: row {shown} sums to 1.5, not 1{PASS_NORMALIZE}"):
            verb(p, q)
        with raises(ValueError, f"{name}: row {shown} sums to 1.5, not 1{PASS_NORMALIZE}"):
            verb(np.moveaxis(p, -1, 0), np.moveaxis(q, -1, 0), axis=0)


@each_checking
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_counts_get_the_remedy_and_labels_pass(verb: Verb, dtype: np.dtype) -> None:
    labels = np.eye(3).astype(dtype)
    verb(labels, labels)
    for name, p, q in in_each_operand(verb, np.array([1, 1, 1]).astype(dtype), P):
        with raises(ValueError, f"{name}: sums to 3, not 1{PASS_NORMALIZE}"):
            verb(p, q)


@each_checking
@each_float
@pytest.mark.parametrize("length", [1, 16, 1000, 40_000])
def test_tolerance(verb: Verb, kind: Any, length: int) -> None:
    """min(0.02, max(1e-6, 16 u + K max(u, 2^-24 if narrower than float64)))."""
    per_entry = kind.unit if kind.name == "f64" else max(kind.unit, 2.0**-24)
    tolerance = min(0.02, max(1e-6, 16 * kind.unit + length * per_entry))
    # Half of the mass or more stands on the first entry; all are exact in every dtype.
    good = kind.array(np.full(length, 2.0 ** -np.ceil(np.log2(2 * length))))
    rest = 1 - good[1:].astype(float).sum()
    for off, passes in ((0.7, True), (-0.7, True), (1.4, False), (-1.4, False)):
        row = good.copy()
        row[0] = kind.array(rest + off * tolerance)
        distance = abs(float(row.astype(float).sum()) - 1)
        # The entry is rounded to its dtype: say whether that spoilt the example.
        assert (distance < 0.95 * tolerance) if passes else (distance > 1.05 * tolerance)
        other = good.copy()
        other[0] = kind.array(rest)
        for name, p, q in in_each_operand(verb, row, other):
            if passes:
                verb(p, q)
            else:
                with pytest.raises(ValueError, match=rf"^{name}: sums to [\d.]+, not 1; pass"):
                    verb(p, q)


def test_the_sum_shown_is_not_1() -> None:
    """Six digits of 1.0000012 are 1: a message "sums to 1, not 1" would help nobody."""
    with pytest.raises(ValueError, match=r"^p: sums to 1\.00000[12]\d*, not 1; pass"):
        ENTROPY([0.5, 0.5000015])


@each_verb
def test_no_check_where_the_masses_are_free(verb: Verb) -> None:
    p, q = P * 3, Q * 7
    if verb is GENERALIZED_KL:
        assert np.isfinite(verb(p, q))
    else:
        assert np.isfinite(verb(p, q, normalize=True))


@each_checking
def test_a_row_of_zeros(verb: Verb) -> None:
    remedy = "sums to 0 and cannot be normalised; drop the row, or add a pseudocount to every entry"
    good = np.ones((3, 4))
    bad = good.copy()
    bad[1] = [0.0, -0.0, 0.0, 0.0]
    for name, p, q in in_each_operand(verb, bad, good):
        with raises(ValueError, f"{name}: row 1 {remedy}"):
            verb(p, q, normalize=True)
        with raises(ValueError, f"{name}: {remedy}"):
            verb(p[1], q[1], normalize=True)


@each_verb
@each_float
@each_length
@pytest.mark.parametrize("normalize", [False, True])
def test_negative_entry(verb: Verb, kind: Any, length: int, normalize: bool) -> None:
    good, _ = pair(3, length, dtype=kind.dtype)
    place = length - 3
    bad = good.copy()
    bad[2, [place, place + 1]] = kind.array(-0.25)
    text = (
        f"has the negative value -0.25 at position {place}; probabilities must be >= 0 "
        "(log-probabilities need np.exp first)"
    )
    options = verb.options(normalize=normalize)
    for name, p, q in in_each_operand(verb, bad, good):
        with raises(ValueError, f"{name}: row 2 {text}"):
            verb(p, q, **options)
        with raises(ValueError, f"{name}: {text}"):
            verb(p[2], q[2], **options)


@each_verb
def test_negative_integer(verb: Verb) -> None:
    for name, p, q in in_each_operand(verb, np.array([2, -1, 0]), np.array([1, 0, 0])):
        with pytest.raises(ValueError, match=f"^{name}: has the negative value -1 at position 1;"):
            verb(p, q)


@each_verb
def test_the_smallest_negative_number(verb: Verb) -> None:
    """-5e-324 is negative, -0.0 is not."""
    good = np.array([1.0, 0.0])
    verb(np.array([1.0, -0.0]), np.array([1.0, -0.0]))
    for name, p, q in in_each_operand(verb, np.array([1.0, -5e-324]), good):
        with pytest.raises(
            ValueError, match=f"^{name}: has the negative value -5e-324 at position 1"
        ):
            verb(p, q)


@each_verb
@each_float
@each_length
@pytest.mark.parametrize("normalize", [False, True])
def test_infinite_entry(verb: Verb, kind: Any, length: int, normalize: bool) -> None:
    good, _ = pair(2, 2, length, dtype=kind.dtype)
    bad = good.copy()
    bad[1, 0, 4] = np.inf
    options = verb.options(normalize=normalize)
    text = "has the infinite value inf at position 4; expected finite values"
    for name, p, q in in_each_operand(verb, bad, good):
        with raises(ValueError, f"{name}: row (1, 0) {text}"):
            verb(p, q, **options)


@each_verb
@pytest.mark.parametrize("normalize", [False, True])
def test_the_lowest_row_is_named(verb: Verb, normalize: bool) -> None:
    """Also where several threads find one each; p comes before q in the same row."""
    good, _ = pair(100_000, 8)
    low, high = good.copy(), good.copy()
    low[[71_234, 71_235, 99_999], 3] = -1
    high[[5_000 + 71_234, 99_000], 0] = -1
    options = verb.options(normalize=normalize)
    with pytest.raises(ValueError, match=r"^p: row 71234 has the negative value -1 at position 3"):
        verb(low, high, **options)
    if verb.operands == 2:
        with pytest.raises(
            ValueError, match=r"^q: row 71234 has the negative value -1 at position 3"
        ):
            verb(high, low, **options)
        with pytest.raises(
            ValueError, match=r"^p: row 71234 has the negative value -1 at position 3"
        ):
            verb(low, low, **options)


@each_verb
def test_position_counts_what_where_leaves_out(verb: Verb) -> None:
    p = np.full((2, 5), 0.25)
    p[1, 3] = -1
    keep = np.array([False, True, True, True, True])
    with pytest.raises(ValueError, match=r"^p: row 1 has the negative value -1 at position 3;"):
        verb(p, p, where=keep)


@each_verb
def test_where_that_leaves_nothing(verb: Verb) -> None:
    p, q = pair(3, 40)
    keep = np.ones((3, 40), bool)
    keep[1:] = False
    text = "; keep at least one element in each row, or drop the row"
    with raises(ValueError, f"where: leaves out every element of row 1{text}"):
        verb(p, q, where=keep)
    with raises(ValueError, f"where: leaves out every element{text}"):
        verb(p[0], q[0], where=False)


@each_verb
@pytest.mark.parametrize("rows", [3, 50_000])
def test_out_is_untouched_after_an_error(verb: Verb, rows: int) -> None:
    p, q = pair(rows, 40)
    last = rows - 1

    def broken(value: float, place: int) -> np.ndarray:
        bad = p.copy()
        bad[last, place] = value
        return bad

    mistakes: list[tuple[Any, Any, dict]] = [
        (broken(-1, 0), q, {}),
        (broken(np.inf, 39), q, {}),
        (p, q, {"where": np.arange(rows)[:, np.newaxis] < last}),
        (p, q, {"axis": 7}),
        (p.astype(complex), q, {}),
    ]
    if verb.has_base:
        mistakes += [(broken(0.9, 5), q, {}), (p, q, {"base": 1})]
        mistakes += [(np.where(np.arange(rows)[:, None] < last, p, 0), q, {"normalize": True})]
    if verb.operands == 2:
        mistakes += [(p, broken(-1, 0), {}), (p, q[:2], {})]
    out = np.full(rows, 7.0)
    for x, y, options in mistakes:
        with pytest.raises((ValueError, TypeError)):
            verb(x, y, out=out, **options)
        assert np.all(out == 7)
