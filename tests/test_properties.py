"""What holds for every input, on inputs that hypothesis finds: zeros, subnormals, near equality.

Equations and inequalities that hold in exact arithmetic are tested with the rounding that the
bounds of test_accuracy.py allow, and without any where klrs promises more: 0, inf, sign, the ends
of the ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from inputs import (
    AMARI,
    BHATTACHARYYA_COEFFICIENT,
    BHATTACHARYYA_DISTANCE,
    CHI2,
    CROSS_ENTROPY,
    ENTROPY,
    F32,
    F64,
    GENERALIZED_KL,
    HELLINGER,
    JEFFREYS,
    JS,
    JS_DISTANCE,
    KL,
    MIN_ENTROPY,
    NEYMAN,
    PERPLEXITY,
    PERPLEXITY_OF_P,
    POWER,
    PSI,
    RENYI,
    RENYI_ENTROPY,
    SKEW,
    TOTAL_VARIATION,
    TRIANGULAR,
    TSALLIS,
    TSALLIS_ENTROPY,
    VERBS,
    Float,
    K,
    Verb,
    assert_same_bits,
    each_verb,
)
from precision import assert_right, steepness

BOUND = F64.bound
FAMILIES = (
    *(RENYI.at(a) for a in (0, 0.3, 1 + 1e-9, 4, math.inf)),
    *(TSALLIS.at(a) for a in (0, 0.7, 3)),
    *(AMARI.at(a) for a in (-1, 0, 1, 2)),
    *(POWER.at(a) for a in (-2.5, -1, 0, 1)),
    *(SKEW.at(a) for a in (0.1, 1)),
)
SIMILARITY = BHATTACHARYYA_COEFFICIENT
DIVERGENCES = tuple(
    v
    for v in (*VERBS, *FAMILIES)
    if v.operands == 2 and v not in (CROSS_ENTROPY, PERPLEXITY, SIMILARITY)
)
SYMMETRIC = (JEFFREYS, PSI, JS, JS_DISTANCE, TRIANGULAR, TOTAL_VARIATION, HELLINGER)
SYMMETRIC += (SIMILARITY, BHATTACHARYYA_DISTANCE, RENYI.at(0.5), TSALLIS.at(0.5))
SYMMETRIC += (AMARI.at(0), POWER.at(-0.5))
JOINTLY_CONVEX = tuple(
    v
    for v in DIVERGENCES
    if v not in (JS_DISTANCE, HELLINGER) and not (v.name == RENYI.name and v.number > 1)
)
each_divergence = pytest.mark.parametrize("verb", DIVERGENCES, ids=str)
each_normalizing = pytest.mark.parametrize("verb", [v for v in VERBS if v.has_normalize], ids=str)
each_based = pytest.mark.parametrize("verb", [v for v in VERBS if v.has_base], ids=str)

few = settings(max_examples=40)
"""For what is tested with many verbs."""

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
@few
@given(distributions(2))
def test_zero_only_for_equal_rows(verb: Verb, rows: list[np.ndarray]) -> None:
    p, q = rows
    value, exact = verb(p, q), verb.exact(p, q)
    assert not np.signbit(value)
    if np.array_equal(p, q):
        assert value == 0
    elif exact > 1e-300:  # Smaller ones may underflow.
        assert value > 0
    elif exact == 0:  # Of order 0 for equal supports.
        assert value == 0


@pytest.mark.parametrize("verb", [*VERBS, *FAMILIES], ids=str)
@few
@given(weights(1))
def test_a_row_against_itself(verb: Verb, rows: list[np.ndarray]) -> None:
    (p,) = rows
    options = verb.options(normalize=True)
    if verb in DIVERGENCES:
        assert_same_bits(verb(p, p.copy(), **options), np.float64(0.0))
    elif verb is SIMILARITY:
        assert_same_bits(verb(p, p.copy(), **options), np.float64(1.0))
    else:
        of_one = {CROSS_ENTROPY: ENTROPY, PERPLEXITY: PERPLEXITY_OF_P}.get(verb, verb)
        factor = steepness(verb, p, p, options)
        assert_close(verb(p, p, **options), of_one.exact(p, **options), BOUND * factor)


@each_verb
@few
@given(weights(2), st.randoms(use_true_random=False))
def test_permutation(verb: Verb, rows: list[np.ndarray], random: Any) -> None:
    p, q = rows
    order = list(range(len(p)))
    random.shuffle(order)
    assert_right(verb, p[order], q[order], F64, **verb.options(normalize=True))


@pytest.mark.parametrize("verb", SYMMETRIC, ids=str)
@few
@given(distributions(2))
def test_symmetry(verb: Verb, rows: list[np.ndarray]) -> None:
    p, q = rows
    assert_close(verb(p, q), mpf(float(verb(q, p))), 2 * BOUND * steepness(verb, p, q, {}))
    if verb.has_weights:
        swapped = mpf(float(verb(q, p, weights=(0.75, 0.25))))
        assert_close(verb(p, q, weights=(0.25, 0.75)), swapped, 2 * BOUND)


@pytest.mark.parametrize(
    "verb", [v for v in VERBS if v.operands == 2 and v not in SYMMETRIC], ids=str
)
def test_asymmetry(verb: Verb) -> None:
    """The order counts: D(p||q) is what the reader of a paper expects f(p, q) to be."""
    p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    assert verb(p, q) != pytest.approx(verb(q, p), rel=0.01)
    assert_right(verb, p, q, F64)
    assert_right(verb, q, p, F64)


def test_asymmetry_of_the_example_of_the_news() -> None:
    p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    assert KL(p, q) == pytest.approx(0.186098093827000820, rel=4e-16)
    assert KL(q, p) == pytest.approx(0.193325903150175419, rel=4e-16)


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


@pytest.mark.parametrize("verb", [*DIVERGENCES, SIMILARITY], ids=str)
@few
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
    less, more = verb(*merged, **options), verb(p, q, **options)
    if verb is SIMILARITY:
        less, more = more, less
    bound = BOUND * steepness(verb, p, q, options)
    # Where a divergence is 0 but for the rounding of the sums, it is up to 1e-30.
    assert less <= more * (1 + 2 * bound) + 1e-30 * max(1, min(abs(verb.number), 1e9))


@pytest.mark.parametrize("verb", JOINTLY_CONVEX, ids=str)
@few
@given(distributions(4))
def test_joint_convexity(verb: Verb, rows: list[np.ndarray]) -> None:
    # Halves of subnormal entries would be rounded.
    p0, q0, p1, q1 = (np.where(row < 1e-280, 0, row) for row in rows)
    p, q = p0 / 2 + p1 / 2, q0 / 2 + q1 / 2
    together, apart = verb(p, q), verb(p0, q0) / 2 + verb(p1, q1) / 2
    # The mixture's entries are rounded: 2^-53 of an entry moves a divergence by sqrt(D) times it,
    # the total variation by all of it, and a power by a multiple.
    steep = (1 + abs(verb.number)) * steepness(verb, p, q, {})
    moved = 1e-15 * (1 if verb is TOTAL_VARIATION else math.sqrt(apart) + apart) + 1e-31
    assert together <= apart * (1 + 2 * BOUND * steep) + moved * steep


# Families, and what joins their members to others

MODERATE = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 1e-9]), st.floats(2**-20, 1.0))


@st.composite
def moderate(draw: st.DrawFn, rows: int = 2) -> list[np.ndarray]:
    """Distributions whose powers are no extreme numbers; each may be near the one before it."""
    length = draw(st.integers(1, 12))
    result: list[np.ndarray] = []
    for _ in range(rows):
        new = np.array(draw(st.lists(MODERATE, min_size=length, max_size=length)))
        if result and draw(st.booleans()):
            apart = draw(st.sampled_from([1e-12, 1e-6, 1e-2]))
            new = result[-1] * (1 + apart * new)
        new[draw(st.integers(0, length - 1))] += not new.sum()
        result.append(new / new.sum())
    return result


Formula = Callable[[np.ndarray, np.ndarray], Any]
EQUATIONS: dict[str, tuple[Formula, Formula]] = {
    # The values that the tables of the docstrings name.
    "renyi(1/2)": (RENYI.at(0.5), lambda p, q: 2 * BHATTACHARYYA_DISTANCE(p, q)),
    "renyi(1)": (RENYI.at(1), KL),
    "renyi(2)": (RENYI.at(2), lambda p, q: np.log1p(CHI2(p, q))),
    "tsallis(1/2)": (TSALLIS.at(0.5), lambda p, q: 2 * HELLINGER(p, q) ** 2),
    "tsallis(1)": (TSALLIS.at(1), KL),
    "tsallis(2)": (TSALLIS.at(2), CHI2),
    "amari(-3)": (AMARI.at(-3), lambda p, q: CHI2(p, q) / 2),
    "amari(-1)": (AMARI.at(-1), KL),
    "amari(0)": (AMARI.at(0), lambda p, q: 4 * HELLINGER(p, q) ** 2),
    "amari(1)": (AMARI.at(1), lambda p, q: KL(q, p)),
    "amari(3)": (AMARI.at(3), lambda p, q: NEYMAN(p, q) / 2),
    "power(-2)": (POWER.at(-2), lambda p, q: NEYMAN(p, q) / 2),
    "power(-1)": (POWER.at(-1), lambda p, q: KL(q, p)),
    "power(-1/2)": (POWER.at(-0.5), lambda p, q: 4 * HELLINGER(p, q) ** 2),
    "power(0)": (POWER.at(0), KL),
    "power(1)": (POWER.at(1), lambda p, q: CHI2(p, q) / 2),
    "skew(0)": (SKEW.at(0), lambda p, q: np.float64(0)),
    "skew(1/2)": (SKEW.at(0.5), K),
    "skew(1)": (SKEW.at(1), KL),
    "renyi entropy(1)": (RENYI_ENTROPY.at(1), ENTROPY),
    "renyi entropy(inf)": (RENYI_ENTROPY.at(math.inf), MIN_ENTROPY),
    "renyi entropy(0)": (RENYI_ENTROPY.at(0), lambda p, q: np.log(np.count_nonzero(p))),
    "tsallis entropy(0)": (TSALLIS_ENTROPY.at(0), lambda p, q: np.count_nonzero(p) - 1),
    "tsallis entropy(1)": (TSALLIS_ENTROPY.at(1), ENTROPY),
    # The others.
    "neyman": (NEYMAN, lambda p, q: CHI2(q, p)),
    "jeffreys": (JEFFREYS, lambda p, q: KL(p, q) + KL(q, p)),
    "psi": (PSI, JEFFREYS),
    "js": (JS, lambda p, q: K(p, q) / 2 + K(q, p) / 2),
    "js, weights": (
        lambda p, q: JS(p, q, weights=(0.25, 0.75)),
        lambda p, q: 0.25 * SKEW.at(0.75)(p, q) + 0.75 * SKEW.at(0.25)(q, p),
    ),
    "js distance": (JS_DISTANCE, lambda p, q: np.sqrt(JS(p, q))),
    "generalized kl": (GENERALIZED_KL, KL),
    "perplexity": (PERPLEXITY, lambda p, q: np.exp(CROSS_ENTROPY(p, q))),
    "perplexity of p": (PERPLEXITY_OF_P, lambda p, q: np.exp(ENTROPY(p))),
    "cross-entropy": (CROSS_ENTROPY, lambda p, q: ENTROPY(p) + KL(p, q)),
}
ROUNDED: dict[str, tuple[Formula, Formula]] = {
    "coefficient": (SIMILARITY, lambda p, q: 1 - HELLINGER(p, q) ** 2),
    "distance": (lambda p, q: np.exp(-BHATTACHARYYA_DISTANCE(p, q)), SIMILARITY),
    "renyi(0)": (RENYI.at(0), lambda p, q: -np.log(q[p > 0].sum())),
    "renyi(inf)": (RENYI.at(math.inf), lambda p, q: np.log((p[p > 0] / q[p > 0]).max())),
    "tsallis(0)": (TSALLIS.at(0), lambda p, q: q[p == 0].sum()),
    "triangular": (TRIANGULAR, lambda p, q: 2 * CHI2(p, (p + q) / 2)),
    "total variation": (TOTAL_VARIATION, lambda p, q: np.maximum(p - q, 0).sum()),
    "renyi entropy(2)": (RENYI_ENTROPY.at(2), lambda p, q: -np.log(p @ p)),
    "tsallis entropy(2)": (TSALLIS_ENTROPY.at(2), lambda p, q: 1 - p @ p),
    "min-entropy": (MIN_ENTROPY, lambda p, q: -np.log(p.max())),
}
"""With an absolute error: the right side is a difference, or the logarithm of nearly 1."""


@pytest.mark.parametrize("name", EQUATIONS)
@given(moderate())
def test_equation(name: str, rows: list[np.ndarray]) -> None:
    p, q = rows
    # Rows that sum to 1 up to rounding have values as given that differ by that much.
    left, right = (side(p, q) for side in EQUATIONS[name])
    assert left == pytest.approx(right, rel=1e-12, abs=1e-30 + 4e-16 * ("entropy" in name))


@pytest.mark.parametrize("name", ROUNDED)
@given(moderate())
def test_equation_up_to_rounding(name: str, rows: list[np.ndarray]) -> None:
    with np.errstate(divide="ignore"):
        left, right = (side(*rows) for side in ROUNDED[name])
    assert left == pytest.approx(right, rel=1e-12, abs=4e-15)


each_order = st.one_of(
    st.floats(0, 3), st.sampled_from([0.0, 0.5, 1 - 1e-9, 1.0, 1 + 1e-9, 2.0, 10.0])
)


# Within the families 1 - alpha is rounded, which small orders see divided by themselves.
@given(moderate(), each_order.filter(lambda alpha: alpha == 0 or alpha >= 0.01))
def test_members_of_families(rows: list[np.ndarray], alpha: float) -> None:
    """One sum of powers, seen as Rényi's, Tsallis', Amari's, Cressie's and Read's."""
    p, q = rows
    close = lambda x: pytest.approx(x, rel=1e-11, abs=1e-29)  # noqa: E731
    assert AMARI.at(alpha)(p, q) == close(AMARI.at(-alpha)(q, p))
    assert POWER.at(alpha)(p, q) == close(AMARI.at(-1 - 2 * alpha)(p, q))
    less = alpha - 1
    assert POWER.at(less)(p, q) == close(POWER.at(-(less + 1))(q, p))
    tsallis, renyi = TSALLIS.at(alpha)(p, q), RENYI.at(alpha)(p, q)
    if alpha > 1e-9:
        assert POWER.at(alpha - 1)(p, q) == close(tsallis / alpha)
    if 0 < alpha < 1:
        assert (1 - alpha) * renyi == close(alpha * RENYI.at(1 - alpha)(q, p))
    if alpha != 1:
        assert tsallis == close(np.expm1((alpha - 1) * renyi) / (alpha - 1))
        entropy = np.expm1((1 - alpha) * RENYI_ENTROPY.at(alpha)(p)) / (1 - alpha)
        assert TSALLIS_ENTROPY.at(alpha)(p) == pytest.approx(entropy, rel=1e-11, abs=1e-15)


@given(moderate(), each_order, each_order)
def test_monotony_in_the_order(rows: list[np.ndarray], a: float, b: float) -> None:
    p, q = rows
    orders = [0.0, *sorted([a, b]), math.inf]
    divergences = [RENYI.at(x)(p, q) for x in orders]
    entropies = [RENYI_ENTROPY.at(x)(p) for x in orders]
    for less, more in pairwise(divergences):
        assert less <= more * (1 + 1e-11) + 1e-29
    for more, less in pairwise(entropies):
        assert less <= more * (1 + 1e-11) + 1e-15


@pytest.mark.parametrize("h", [2.0**-52, 1e-12, 1e-9])
@given(moderate())
def test_continuity_at_the_limits(h: float, rows: list[np.ndarray]) -> None:
    """On both sides of the orders at which the formulas divide by 0.

    The derivative by the order is at most the variance of ln p/q, less than 50 times the value.
    """
    p, q = (np.maximum(row, 1e-9) for row in rows)
    p, q = p / p.sum(), q / q.sum()
    for x in (1 - h, 1 + h):
        near = {
            RENYI.at(x): KL(p, q),
            TSALLIS.at(x): KL(p, q),
            AMARI.at(-x): KL(p, q),
            AMARI.at(x): KL(q, p),
            POWER.at(x - 1): KL(p, q),
            POWER.at(-x): KL(q, p),
            RENYI_ENTROPY.at(x): ENTROPY(p),
            TSALLIS_ENTROPY.at(x): ENTROPY(p),
        }
        for verb, limit in near.items():
            rounding = 4e-15 if verb.operands == 1 else 1e-29
            assert verb(p, q) == pytest.approx(limit, rel=1e-12 + 100 * h, abs=rounding), str(verb)


@given(st.integers(1, 50), each_order)
def test_uniform(k: int, alpha: float) -> None:
    p = np.full(k, 1 / k)
    rounding = {"rel": 1e-13, "abs": 1e-15}
    for x in (0.0, alpha, math.inf):
        assert RENYI_ENTROPY.at(x)(p) == pytest.approx(math.log(k), **rounding)
    assert MIN_ENTROPY(p) == pytest.approx(math.log(k), **rounding)
    assert PERPLEXITY(p) == pytest.approx(k, rel=1e-13)
    most = math.log(k) if alpha == 1 else math.expm1((1 - alpha) * math.log(k)) / (1 - alpha)
    assert TSALLIS_ENTROPY.at(alpha)(p) == pytest.approx(most, rel=1e-12, abs=1e-15)


@given(moderate())
def test_one_hot(rows: list[np.ndarray]) -> None:
    """The cross-entropy of a label is the KL divergence from it, and -ln of its probability."""
    _, q = rows
    for i, label in enumerate(np.eye(len(q))):
        assert CROSS_ENTROPY(label, q) == pytest.approx(KL(label, q), rel=1e-12, abs=1e-15)
        with np.errstate(divide="ignore"):
            assert CROSS_ENTROPY(label, q) == pytest.approx(-np.log(q[i]), rel=1e-15)
        for verb in (ENTROPY, MIN_ENTROPY, RENYI_ENTROPY, TSALLIS_ENTROPY):
            assert_same_bits(verb(label), np.float64(0))
        assert PERPLEXITY_OF_P(label) == 1


INEQUALITIES: dict[str, tuple[Formula, ...]] = {
    "pinsker": (lambda p, q: 2 * TOTAL_VARIATION(p, q) ** 2, KL),
    "hellinger and total variation": (
        lambda p, q: HELLINGER(p, q) ** 2,
        TOTAL_VARIATION,
        lambda p, q: math.sqrt(2) * HELLINGER(p, q),
    ),
    "kl": (
        lambda p, q: 2 * HELLINGER(p, q) ** 2,
        lambda p, q: 2 * BHATTACHARYYA_DISTANCE(p, q),
        KL,
        lambda p, q: np.log1p(CHI2(p, q)),
        CHI2,
    ),
    "triangular and js": (
        lambda p, q: TRIANGULAR(p, q) / 4,
        JS,
        lambda p, q: TRIANGULAR(p, q) * (math.log(2) / 2),
        lambda p, q: TOTAL_VARIATION(p, q) * math.log(2),
        lambda p, q: math.log(2),
    ),
    "triangular": (
        lambda p, q: 2 * HELLINGER(p, q) ** 2,
        TRIANGULAR,
        lambda p, q: 4 * HELLINGER(p, q) ** 2,
    ),
    "skew": (SKEW.at(0.25), lambda p, q: 0.25 * KL(p, q)),
    "k": (K, lambda p, q: KL(p, q) / 2),
    "entropies": (
        MIN_ENTROPY,
        RENYI_ENTROPY.at(2),
        ENTROPY,
        RENYI_ENTROPY.at(0.5),
        lambda p, q: math.log(len(p)),
    ),
    "collision": (lambda p, q: RENYI_ENTROPY.at(2)(p) / 2, MIN_ENTROPY),
    "gibbs": (ENTROPY, CROSS_ENTROPY),
    "perplexity": (lambda p, q: 1, PERPLEXITY_OF_P, lambda p, q: len(p)),
    "gini": (lambda p, q: 0, TSALLIS_ENTROPY, lambda p, q: 1 - 1 / len(p)),
}
"""Values that do not fall from one to the next."""


@pytest.mark.parametrize("name", INEQUALITIES)
@given(distributions(2))
def test_inequality(name: str, rows: list[np.ndarray]) -> None:
    # Rows sum to 1 up to rounding; powers of subnormals would need more than that.
    p, q = (np.where(row < 1e-280, 0, row) for row in rows)
    values = [float(side(p, q)) for side in INEQUALITIES[name]]
    rounding = 1e-14 if name in ("entropies", "collision", "gibbs") else 1e-31
    for less, more in pairwise(values):
        assert less <= more * (1 + 1e-12) + rounding, values


MOST: list[tuple[Verb, float]] = [
    (TOTAL_VARIATION, 1),
    (HELLINGER, 1),
    (SIMILARITY, 1),
    (TRIANGULAR, 2),
    (JS, math.log(2)),
    (JS_DISTANCE, math.sqrt(math.log(2))),
    (K, math.log(2)),
    # The nearest float: the platform's log1p is one below it.
    (SKEW.at(0.99), float(-mp.log(1 - mpf(0.99)))),
    (SKEW.at(0.25), float(-mp.log(1 - mpf(0.25)))),
]
"""Never exceeded, not by one unit in the last place."""


@pytest.mark.parametrize(("verb", "most"), MOST, ids=str)
@given(distributions(2), st.booleans())
def test_upper_end(verb: Verb, most: float, rows: list[np.ndarray], normalize: bool) -> None:
    p, q = rows
    assert 0 <= verb(p, q, normalize=normalize) <= most
    narrow = verb(F32.array(p), F32.array(q), normalize=normalize)
    assert 0 <= narrow <= np.float32(most)
    apart = np.append(p, np.zeros_like(q)), np.append(np.zeros_like(p), q)
    expected = 0 if verb is SIMILARITY else most
    assert verb(*apart, normalize=True) == pytest.approx(expected, rel=2 * BOUND)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
@given(distributions(2))
def test_upper_end_of_powers(alpha: float, rows: list[np.ndarray]) -> None:
    """1 / (a (1 - a)) for 0 < a < 1, reached for disjoint supports."""
    p, q = rows
    apart = np.append(p, np.zeros_like(q)), np.append(np.zeros_like(p), q)
    most = 1 / (alpha * (1 - alpha))
    for verb, factor in (
        (TSALLIS.at(alpha), alpha),
        (POWER.at(alpha - 1), 1),
        (AMARI.at(1 - 2 * alpha), 1),
    ):
        for x, y in ((p, q), apart):
            assert verb(x, y, normalize=True) <= most * factor * (1 + 2 * BOUND)
        assert verb(*apart, normalize=True) == pytest.approx(most * factor, rel=2 * BOUND)
    assert RENYI.at(alpha)(*apart) == math.inf
    assert BHATTACHARYYA_DISTANCE(*apart) == math.inf


@each_based
@few
@given(distributions(2), st.sampled_from([2, 10, 1.5, np.float32(3), math.e]))
def test_base(verb: Verb, rows: list[np.ndarray], base: float) -> None:
    p, q = rows
    assert_right(verb, p, q, F64, base=base, normalize=True)


@each_normalizing
@few
@given(weights(2), st.integers(-60, 60), st.integers(-60, 60))
def test_scaling_by_powers_of_two_changes_no_bit(
    verb: Verb, rows: list[np.ndarray], a: int, b: int
) -> None:
    # Entries that become subnormal would be rounded: none is that small here.
    p, q = (np.where(row < 1e-280, 0, row) for row in rows)
    scaled = verb(np.ldexp(p, a), np.ldexp(q, b), normalize=True)
    assert_same_bits(scaled, verb(p, q, normalize=True))


@each_verb
@few
@given(weights(2), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_any_total(verb: Verb, rows: list[np.ndarray], a: float, b: float) -> None:
    assert_right(verb, rows[0] * a, rows[1] * b, F64, **verb.options(normalize=True))


@each_verb
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
def test_two_halves_of_any_total(verb: Verb, kind: Float) -> None:
    """Neither has most of the mass, however the quotient of the sums is rounded."""
    for total in np.geomspace(1e-3, 1e3, 61):
        p, q = kind.array([1.0, 0.75]), kind.array([0.75 * total] * 2)
        assert_right(verb, p, q, kind, **verb.options(normalize=True))


@pytest.mark.parametrize("verb", [*VERBS, *FAMILIES], ids=str)
@few
@given(weights(2), st.booleans())
def test_sign_of_zero_changes_no_bit(verb: Verb, rows: list[np.ndarray], narrow: bool) -> None:
    kind = F32 if narrow else F64
    p, q = (kind.array(row / row.sum()) for row in rows)
    expected = verb(p, q)
    for x, y in ((negative(p), q), (p, negative(q)), (negative(p), negative(q))):
        assert_same_bits(verb(x, y), expected)


def negative(x: np.ndarray) -> np.ndarray:
    """With -0.0 in the place of 0."""
    return np.where(x == 0, -x, x)


INFINITE_WITHOUT_Q = {
    *(CROSS_ENTROPY, PERPLEXITY, KL, GENERALIZED_KL, JEFFREYS, PSI, CHI2, SKEW.at(1)),
    *(RENYI.at(a) for a in (1, 1 + 1e-9, 1.5, 4, math.inf)),
    *(TSALLIS.at(a) for a in (1, 1.5, 3)),
    *(AMARI.at(a) for a in (-3, -1)),
    *(POWER.at(a) for a in (0, 2 / 3, 1)),
}
"""Where an entry of q is 0 that is not 0 in p."""
INFINITE_WITHOUT_P = {
    *(JEFFREYS, PSI, NEYMAN),
    *(AMARI.at(a) for a in (1, 2)),
    *(POWER.at(a) for a in (-2.5, -1)),
}


@pytest.mark.parametrize(
    "verb", sorted({*VERBS, *FAMILIES} | INFINITE_WITHOUT_Q | INFINITE_WITHOUT_P, key=str), ids=str
)
@few
@given(weights(2, smallest=1e-100), st.lists(st.booleans(), min_size=20, max_size=20))
def test_infinite_exactly_where_a_row_lacks_something(
    verb: Verb, rows: list[np.ndarray], lacks: list[bool]
) -> None:
    p, q = rows
    lacking = np.array([False, *lacks])[: len(p)]
    options = verb.options(normalize=True)
    for zero in (0.0, -0.0):
        value = verb(p, np.where(lacking, zero, q), **options)
        assert (value == math.inf) == (verb in INFINITE_WITHOUT_Q and any(lacking))
        value = verb(np.where(lacking, zero, q), p, **options)
        assert (value == math.inf) == (verb in INFINITE_WITHOUT_P and any(lacking))


@each_verb
@few
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
