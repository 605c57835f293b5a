"""What holds for every input, on inputs that hypothesis finds: zeros, subnormals, near equality.

Inequalities that hold in exact arithmetic are tested with the rounding that the bounds of
test_accuracy.py allow, and without any where klrs promises more: 0, inf, sign, the bounds of JS.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf

from inputs import (
    CROSS_ENTROPY,
    ENTROPY,
    F32,
    F64,
    GENERALIZED_KL,
    JS,
    JS_DISTANCE,
    KL,
    VERBS,
    Verb,
    assert_same_bits,
    each_verb,
)
from precision import assert_right

BOUND = F64.bound
each_divergence = pytest.mark.parametrize("verb", [KL, GENERALIZED_KL, JS, JS_DISTANCE], ids=str)
each_normalizing = pytest.mark.parametrize("verb", [v for v in VERBS if v.has_base], ids=str)

# Ordinary weights, equal ones that many rows share, and the corners: zero, tiny and subnormal.
ENTRIES = st.one_of(
    st.sampled_from([0.0, 1.0, 1.0, 2.0, 1e-270, 5e-324, 1e-310]),
    st.floats(2**-20, 1.0),
)


@st.composite
def weights(draw: st.DrawFn, rows: int, smallest: float = 0.0) -> list[np.ndarray]:
    """Rows of one length with a sum above 0; each may be a little off the one before it."""
    length = draw(st.integers(1, 20))

    def row(entries: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(entries, min_size=length, max_size=length)))

    result: list[np.ndarray] = []
    for _ in range(rows):
        if result and draw(st.booleans()):
            apart = draw(st.sampled_from([0.0, 1e-15, 1e-6, 0.1]))
            new = result[-1] * (1 + apart * row(st.floats(-1, 1)))
        else:
            new = np.maximum(row(ENTRIES), smallest)
        if not new.sum() > 1e-290:
            new[draw(st.integers(0, length - 1))] = 1.0
        result.append(new)
    return result


@st.composite
def distributions(draw: st.DrawFn, rows: int, smallest: float = 0.0) -> list[np.ndarray]:
    """Rows that sum to 1 up to rounding."""
    return [row / row.sum() for row in draw(weights(rows, smallest))]


def assert_close(got: float, exact: float | mpf, bound: float = BOUND) -> None:
    """Within the relative bound; below the smallest normal number that is an absolute one."""
    if mp.isinf(exact):
        assert got == exact
    else:
        assert abs(mpf(float(got)) - exact) <= bound * max(abs(exact), 1e-307), (got, exact)


@each_divergence
@given(distributions(2))
def test_zero_only_for_equal_rows(verb: Verb, rows: list[np.ndarray]) -> None:
    p, q = rows
    value, exact = verb(p, q), verb.exact(p, q)
    assert not np.signbit(value)
    if np.array_equal(p, q):
        assert value == 0
    elif exact > 1e-300:  # Smaller ones may underflow.
        assert value > 0


@each_verb
@given(weights(1))
def test_a_row_against_itself(verb: Verb, rows: list[np.ndarray]) -> None:
    (p,) = rows
    options = verb.options(normalize=True)
    if verb in (ENTROPY, CROSS_ENTROPY):
        assert_close(CROSS_ENTROPY(p, p, **options), ENTROPY.exact(p, **options))
    else:
        assert_same_bits(verb(p, p.copy(), **options), np.float64(0.0))


@each_verb
@given(weights(2), st.randoms(use_true_random=False))
def test_permutation(verb: Verb, rows: list[np.ndarray], random: object) -> None:
    p, q = rows
    order = list(range(len(p)))
    random.shuffle(order)
    assert_right(verb, p[order], q[order], F64, **verb.options(normalize=True))


@pytest.mark.parametrize("verb", [JS, JS_DISTANCE], ids=str)
@given(distributions(2))
def test_js_is_symmetric(verb: Verb, rows: list[np.ndarray]) -> None:
    p, q = rows
    assert_close(verb(p, q), mpf(float(verb(q, p))), 2 * BOUND)
    assert_close(
        verb(p, q, weights=(0.25, 0.75)), mpf(float(verb(q, p, weights=(0.75, 0.25)))), 2 * BOUND
    )


@given(distributions(2), st.sampled_from([(0.5, 0.5), (0.3, 0.7), (1e-6, 1 - 1e-6), (0.0, 1.0)]))
def test_js_is_bounded_by_the_entropy_of_the_weights(rows: list[np.ndarray], w: tuple) -> None:
    p, q = rows
    most = ENTROPY(np.array(w))
    assert JS(p, q, weights=w) <= most
    assert JS(p, q, weights=w, base=2) <= most / math.log(2) * (1 + 2**-52)
    assert JS(p, q) <= math.log(2)
    assert JS(p, q, base=2) <= 1
    assert JS_DISTANCE(p, q, base=2) <= 1


@given(distributions(2))
def test_js_in_f32_is_bounded(rows: list[np.ndarray]) -> None:
    p, q = map(F32.array, rows)
    assert float(JS(p, q)) <= math.log(2)
    assert JS(p, q, base=2) <= 1


@each_divergence
@given(weights(2), st.integers(0, 19), st.integers(0, 19))
def test_merging_two_outcomes_loses_information(
    verb: Verb, rows: list[np.ndarray], i: int, j: int
) -> None:
    """Data processing: no divergence grows. Integers below 2^20, so that the merge is exact."""
    p, q = (np.ceil(row / row.max() * 2**20) for row in rows)
    i, j = i % len(p), j % len(p)
    assume(i != j)
    merged = [np.append(np.delete(row, [i, j]), row[i] + row[j]) for row in (p, q)]
    options = verb.options(normalize=True)
    assert verb(*merged, **options) <= verb(p, q, **options) * (1 + 2 * BOUND) + 1e-300


@pytest.mark.parametrize("verb", [KL, GENERALIZED_KL, JS], ids=str)
@given(distributions(4))
def test_joint_convexity(verb: Verb, rows: list[np.ndarray]) -> None:
    # Halves of subnormal entries would be rounded.
    p0, q0, p1, q1 = (np.where(row < 1e-280, 0, row) for row in rows)
    together = verb(p0 / 2 + p1 / 2, q0 / 2 + q1 / 2)
    apart = verb(p0, q0) / 2 + verb(p1, q1) / 2
    # The mixture's entries are rounded: 2^-53 of an entry moves the divergence by sqrt(D) times it.
    assert together <= apart * (1 + 2 * BOUND) + 1e-15 * math.sqrt(apart) + 1e-31


@given(distributions(2))
def test_pinsker(rows: list[np.ndarray]) -> None:
    p, q = rows
    assert KL(p, q) >= np.abs(p - q).sum() ** 2 / 2 * (1 - 1e-12) - 1e-31


@each_normalizing
@given(distributions(2), st.sampled_from([2, 10, 1.5, np.float32(3), math.e]))
def test_base(verb: Verb, rows: list[np.ndarray], base: float) -> None:
    p, q = rows
    assert_right(verb, p, q, F64, base=base, normalize=True)


@given(distributions(2))
def test_cross_entropy_is_entropy_plus_divergence(rows: list[np.ndarray]) -> None:
    p, q = rows
    options = {"normalize": True}
    parts = ENTROPY(p, **options) + KL(p, q, **options)
    assert_close(CROSS_ENTROPY(p, q, **options), mpf(float(parts)), 3 * BOUND)


@each_normalizing
@given(weights(2), st.integers(-60, 60), st.integers(-60, 60))
def test_scaling_by_powers_of_two_changes_no_bit(
    verb: Verb, rows: list[np.ndarray], a: int, b: int
) -> None:
    # Entries that become subnormal would be rounded: none is that small here.
    p, q = (np.where(row < 1e-280, 0, row) for row in rows)
    scaled = verb(np.ldexp(p, a), np.ldexp(q, b), normalize=True)
    assert_same_bits(scaled, verb(p, q, normalize=True))


@each_verb
@given(weights(2), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_any_total(verb: Verb, rows: list[np.ndarray], a: float, b: float) -> None:
    assert_right(verb, rows[0] * a, rows[1] * b, F64, **verb.options(normalize=True))


@given(weights(2, smallest=1e-280), st.lists(st.booleans(), min_size=20, max_size=20))
def test_infinite_exactly_where_p_has_what_q_lacks(
    rows: list[np.ndarray], lacks: list[bool]
) -> None:
    p, q = rows
    lacks = np.array([False, *lacks])[: len(p)]
    for zero in (0.0, -0.0):
        less = np.where(lacks, zero, q)
        for verb in (KL, CROSS_ENTROPY):
            assert (verb(p, less, normalize=True) == math.inf) == any(lacks)
        assert math.isfinite(KL(less, p, normalize=True))
        assert math.isfinite(JS(p, less, normalize=True))


@each_verb
@given(distributions(4), st.integers(0, 19), st.booleans())
def test_nan_stays_in_its_row(verb: Verb, rows: list[np.ndarray], i: int, in_p: bool) -> None:
    p, q = np.array(rows[:2]), np.array(rows[2:])
    clean = verb(p, q)
    operand = p if in_p or verb.operands == 1 else q
    operand[1, i % p.shape[1]] = np.nan
    value = verb(p, q)
    assert_same_bits(value[0], clean[0])
    assert np.isnan(value[1])


@given(distributions(2, smallest=1e-200))
def test_agrees_with_scipy(rows: list[np.ndarray]) -> None:
    """Within SciPy's own error: it divides by the sums first and rounds every ratio."""
    p, q = rows
    noise = 1e-13
    assert ENTROPY(p, normalize=True) == pytest.approx(scipy.stats.entropy(p), rel=1e-12, abs=noise)
    kl = scipy.stats.entropy(p, q)
    assert KL(p, q, normalize=True) == pytest.approx(kl, rel=1e-12, abs=noise)
    generalized = scipy.special.kl_div(p, q).sum()
    assert GENERALIZED_KL(p, q) == pytest.approx(generalized, rel=1e-12, abs=noise)
    m = (p / p.sum() + q / q.sum()) / 2
    js = (scipy.stats.entropy(p, m) + scipy.stats.entropy(q, m)) / 2
    assert JS(p, q, normalize=True) == pytest.approx(js, rel=1e-12, abs=noise)
