"""`klrs.policies` from its definitions: estimators, exact divergences, controllers and the budget.

The oracle of the estimators is reference_variational.py. What TRL and Stable-Baselines3 do stands
here as they write it, in NumPy.
"""

from __future__ import annotations

import doctest
import inspect
import math
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import klrs
import reference_logits
import reference_variational as reference
from inputs import BF16, F16, F64, FLOATS, Float, assert_same_bits, each_float
from klrs import distributions, logits, policies
from klrs.policies import (
    AdaptiveKLController,
    FixedKLController,
    exceeds_kl_budget,
    kl_divergence,
    kl_estimators,
)
from layouts_of_pairs import layouts
from processes import run_python

INF, NAN = math.inf, math.nan
NAMES = ("k1", "k2", "k3")


def floats(x: Any) -> list[float]:
    return np.ravel(np.asarray(x).astype(np.float64)).tolist()


def refuses(kind: type[Exception], *pieces: str) -> Any:
    """Exactly this class, and a text with all the pieces in their order."""
    pattern = ".*".join(map(re.escape, pieces))
    return pytest.raises(kind, match=f"(?s)^{pattern}", check=lambda e: type(e) is kind)


def drawn(seed: int, *shape: int, apart: float = 0.5, kind: Float = F64) -> tuple[Any, Any]:
    """Log-probabilities of draws, as a language model gives them to its tokens."""
    random = np.random.default_rng(seed)
    log_p = -random.exponential(2, shape)
    return kind.array(log_p), kind.array(log_p + random.normal(0, apart, shape))


# ------------------------------------------------------------------------------------ the oracle


def test_the_oracle_by_hand() -> None:
    exact = reference.kl_estimators([0.0, 0.0], [-1.0, -3.0])
    assert exact["k1"].value == 2
    assert exact["k2"].value == mpf(5) / 2
    assert exact["k3"].value == pytest.approx((1 / math.e + math.e**-3 + 2) / 2, rel=1e-15)
    assert exact["k1"].standard_error == 1
    assert exact["k2"].standard_error == 2


def test_the_oracle_of_small_and_large_ratios() -> None:
    for x in (1e-300, -1e-12, 0.5, -1.0, 3.0, 700.0, -700.0):
        with mp.workprec(4000):
            expected = mp.exp(mpf(x)) - 1 - mpf(x)
            assert abs(reference.growth_rest(x) / expected - 1) <= mpf(2) ** -reference.BITS


def test_the_oracle_of_normals_is_that_of_the_standard_normal() -> None:
    for mean, scale in ((0.0, 1.0), (0.5, 2.0), (-3.0, 0.125)):
        with mp.workprec(400):
            standard = reference.kl_by_integral(mean, 2 * mp.log(mpf(scale)))
        exact = reference.kl_of_normals(mean, scale, 0.0, 1.0)
        assert abs(standard - exact) <= 1e-25
        moved = reference.kl_of_normals(4 * mean + 1, 4 * scale, 1.0, 4.0)
        assert abs(moved - exact) <= 1e-25


# ------------------------------------------------------------------------- estimators: accuracy

# How far apart the two log-probabilities of a draw are; and of what size they are themselves.
CLASSES: dict[str, tuple[float, float]] = {
    "ordinary": (0.5, 2.0),
    "after one step": (1e-3, 2.0),
    "nearly equal": (1e-7, 2.0),
    "of whole texts": (3.0, 800.0),
    "small": (1e-3, 1e-3),
    "tiny": (1e-12, 1e-12),
    "far": (25.0, 50.0),
}


def estimates(seed: int, what: str, count: int, kind: Float) -> tuple[Any, Any]:
    apart, size = CLASSES[what]
    random = np.random.default_rng(seed)
    log_p = kind.array(-random.exponential(size, (2, count)))
    return log_p, kind.array(log_p.astype(float) + random.normal(0, apart, (2, count)))


@each_float
@pytest.mark.parametrize("what", CLASSES)
@pytest.mark.parametrize("count", [1, 2, 31, 150])
def test_accuracy(
    what: str,
    count: int,
    kind: Float,
    measured: MutableMapping[tuple[str, str, str], float],
) -> None:
    log_p, log_q = estimates(count, what, count, kind)
    for base in (None, 2):
        got = kl_estimators(log_p, log_q, axis=-1, base=base)
        assert got._fields == NAMES
        for i, (a, b) in enumerate(zip(log_p, log_q, strict=True)):
            exact = reference.kl_estimators(floats(a), floats(b), base=base)
            apart = max(abs(x - y) for x, y in zip(floats(a), floats(b), strict=True))
            for name in NAMES:
                value, error = (it[i] for it in getattr(got, name))
                assert value.dtype == error.dtype == kind.result
                terms = [float(x) for x in reference.ESTIMATORS[name](floats(a), floats(b))]
                unit = 1 / math.log(base) if base else 1.0
                size = math.fsum(map(abs, terms)) / count * unit
                # A rounded difference is an argument of e^x: its rounding counts |x| times.
                steep = max(1.0, apart) if kind.result == np.float64 else 1.0
                smallest = float(np.finfo(kind.result).smallest_normal)
                wrong = abs(mpf(float(value)) - exact[name].value) / max(size, smallest)
                key = str(kind), what, name
                measured[key] = max(measured.get(key, 0.0), float(wrong / steep))
                assert wrong <= kind.bound * steep, (name, value, exact[name])
                if count == 1:
                    assert np.isnan(error)
                    continue
                spread = exact[name].standard_error
                noise = 1e-15 * steep * max(map(abs, terms)) * unit / math.sqrt(count)
                assert abs(mpf(float(error)) - spread) <= (
                    kind.bound * steep * spread + noise + smallest
                ), (name, error, spread)


@each_float
def test_accuracy_of_each_draw(kind: Float) -> None:
    for what in CLASSES:
        log_p, log_q = estimates(7, what, 60, kind)
        got = kl_estimators(log_p, log_q, axis=())
        for name in NAMES:
            value, error = getattr(got, name)
            assert value.shape == error.shape == log_p.shape
            assert np.isnan(error).all()
            exact = reference.ESTIMATORS[name](floats(log_p), floats(log_q))
            smallest = float(np.finfo(kind.result).smallest_normal)
            for x, e, a, b in zip(floats(value), exact, floats(log_p), floats(log_q), strict=True):
                number = reference.real(e)
                steep = max(1.0, abs(a - b)) if kind.result == np.float64 else 1.0
                allowed = kind.bound * steep * max(abs(number), smallest)
                assert abs(x - number) <= allowed, (name, what)


def test_where_the_usual_formula_cancels() -> None:
    """exp(x) - 1 - x of float32 has no digit left after one small step, and may be negative."""
    random = np.random.default_rng(1)
    old = np.float32(-random.exponential(2, 4000))
    new = np.float32(old + random.normal(0, 1e-4, 4000))
    ratio = new - old
    usual = (np.exp(ratio) - np.float32(1)) - ratio
    each = kl_estimators(old, new, axis=()).k3.value
    assert (usual < 0).any()
    assert (each >= 0).all()
    assert (each[ratio != 0] > 0).all()
    exact = np.mean([float(x) for x in reference.k3(floats(old[:500]), floats(new[:500]))])
    assert kl_estimators(old[:500], new[:500]).k3.value == pytest.approx(exact, rel=2e-6)


def test_standard_errors_do_not_cancel() -> None:
    log_p = -1000 + 2.0**-30 * np.array([1.0, -1, 2, 0, 5, -3])
    log_q = np.zeros(6)
    got, exact = kl_estimators(log_p, log_q), reference.kl_estimators(floats(log_p), [0.0] * 6)
    for name in ("k1", "k2"):
        error = float(exact[name].standard_error)
        assert getattr(got, name).standard_error == pytest.approx(error, rel=1e-4)


def test_values_by_hand() -> None:
    got = kl_estimators([0.0, 0.0], [-1.0, -3.0])
    assert got.k1 == (2.0, pytest.approx(1.0, rel=1e-15))
    assert got.k2 == (2.5, pytest.approx(2.0, rel=1e-15))
    assert got.k3.value == pytest.approx((math.exp(-1) + math.exp(-3) + 2) / 2, rel=1e-14)
    same = kl_estimators([-1.0, -2.0, -0.1], [-1.0, -2.0, -0.1])
    for estimate in same:
        assert estimate == (0, 0)
        assert not np.signbit(estimate.value)


# ------------------------------------------------------------------ as others know them


def test_the_approx_kl_of_stable_baselines3() -> None:
    """ppo.py: log_ratio = log_prob - rollout_data.old_log_prob."""
    old_log_prob, log_prob = drawn(2, 500)
    log_ratio = log_prob - old_log_prob
    approx_kl_div = np.mean((np.exp(log_ratio) - 1) - log_ratio)
    got = kl_estimators(old_log_prob, log_prob)
    assert got.k3.value == pytest.approx(approx_kl_div, rel=1e-12)
    assert got.k1.value == pytest.approx(np.mean(old_log_prob - log_prob), rel=1e-12)
    assert got.k2.value == pytest.approx(np.mean(log_ratio**2) / 2, rel=1e-12)


def test_the_estimators_of_trl() -> None:
    """The policy draws; `logr = ref_logprobs - logprobs` and -logr, exp(logr) - 1 - logr."""
    logprobs, ref_logprobs = drawn(3, 8, 40)
    logr = ref_logprobs - logprobs
    got = kl_estimators(logprobs, ref_logprobs)
    assert got.k1.value == pytest.approx((-logr).mean(), rel=1e-12)
    assert got.k3.value == pytest.approx(((np.exp(logr) - 1) - logr).mean(), rel=1e-12)
    mask = np.arange(40) < np.arange(5, 37, 4)[:, np.newaxis]
    of_tokens = kl_estimators(np.where(mask, logprobs, -INF), ref_logprobs, where=mask)
    expected = (((np.exp(logr) - 1) - logr) * mask).sum() / mask.sum()
    assert of_tokens.k3.value == pytest.approx(expected, rel=1e-12)
    # The KL of a sequence is that of its tokens, summed.
    each = kl_estimators(logprobs, ref_logprobs, axis=())
    np.testing.assert_allclose(each.k1.value.sum(1), (-logr).sum(1), rtol=1e-12, atol=1e-12)


# ----------------------------------------------------------------------- the laws of estimators


def test_unbiased_for_categorical_policies() -> None:
    """k1 and k3, within 5 standard errors; and k2 is not, where the policies differ much."""
    random = np.random.default_rng(4)
    for scale in (0.05, 0.5, 1.5):
        p = random.normal(0, 1, 12)
        q = p + random.normal(0, scale, 12)
        exact = float(reference_logits.kl_divergence(p.tolist(), q.tolist()))
        assert kl_divergence(p, q) == pytest.approx(exact, rel=1e-12)
        log_p, log_q = logits.log_softmax(p), logits.log_softmax(q)
        actions = random.choice(12, 40_000, p=np.exp(log_p) / np.exp(log_p).sum())
        got = kl_estimators(log_p[actions], log_q[actions])
        for estimate in (got.k1, got.k3):
            assert 0 < estimate.standard_error < exact
            assert abs(estimate.value - exact) <= 5 * estimate.standard_error
        assert got.k3.standard_error < got.k1.standard_error
    assert abs(got.k2.value - exact) > 5 * got.k2.standard_error


def test_unbiased_for_gaussian_policies() -> None:
    random = np.random.default_rng(5)
    loc, scale = random.normal(0, 1, 3), np.exp(random.normal(0, 0.3, 3))
    p = distributions.Normal(loc, scale)
    q = distributions.Normal(loc + 0.1, 1.2 * scale)
    of_dimensions = zip(loc.tolist(), scale.tolist(), (loc + 0.1).tolist(), strict=True)
    pairs = zip(of_dimensions, (1.2 * scale).tolist(), strict=True)
    exact = float(sum(reference.kl_of_normals(*pair, other) for pair, other in pairs))
    assert kl_divergence(p, q) == pytest.approx(exact, rel=1e-12)
    actions = random.normal(loc, scale, (40_000, 3))

    def log_prob(m: Any, s: Any) -> Any:
        return (-(((actions - m) / s) ** 2) / 2 - np.log(s) - math.log(2 * math.pi) / 2).sum(-1)

    got = kl_estimators(log_prob(loc, scale), log_prob(loc + 0.1, 1.2 * scale))
    for estimate in (got.k1, got.k3):
        assert 0 < estimate.standard_error < exact
        assert abs(estimate.value - exact) <= 5 * estimate.standard_error


def test_standard_errors_are_the_spread_of_estimates() -> None:
    """Of 2000 estimates from 50 draws each, about the mean of what they say of themselves."""
    log_p, log_q = drawn(6, 2000, 50, apart=0.3)
    for estimate in kl_estimators(log_p, log_q, axis=1):
        spread = estimate.value.std(ddof=1)
        said = math.sqrt(np.mean(estimate.standard_error**2))
        assert said == pytest.approx(spread, rel=0.1)


pairs = st.lists(st.tuples(st.floats(-500, 0), st.floats(-500, 0)), min_size=1, max_size=30)


@settings(max_examples=150)
@given(pairs)
def test_laws(rows: list[tuple[float, float]]) -> None:
    log_p, log_q = (np.array(it) for it in zip(*rows, strict=True))
    got = kl_estimators(log_p, log_q)
    assert got.k2.value >= 0
    assert got.k3.value >= 0
    assert got.k3.value >= got.k1.value - len(rows) - 1e-12 * abs(got.k1.value) or len(rows) > 1
    back = kl_estimators(log_q, log_p)
    assert back.k1.value == -got.k1.value
    assert_same_bits(back.k2.value, got.k2.value)
    if (log_p == log_q).all():
        assert got.k1.value == got.k2.value == got.k3.value == 0
    elif (abs(log_p - log_q) > 1e-150).any():
        assert got.k2.value > 0
        assert got.k3.value > 0
    each = kl_estimators(log_p, log_q, axis=())
    assert (each.k3.value >= 0).all()
    for name in NAMES:
        mean = math.fsum(getattr(each, name).value / len(rows))
        size = math.fsum(abs(getattr(each, name).value) / len(rows))
        if math.isfinite(size):
            assert getattr(got, name).value == pytest.approx(mean, rel=1e-13, abs=1e-13 * size)


# ------------------------------------------------------------------------ estimators: keywords


def test_kinds_of_results() -> None:
    log_p, log_q = drawn(7, 3, 5)
    for a, b, kind in (
        (log_p, log_q, np.float64),
        (np.float32(log_p), np.float32(log_q), np.float32),
        (F16.array(log_p), F16.array(log_q), np.float32),
        (F16.array(log_p), BF16.array(log_q), np.float32),
        (np.float32(log_p), log_q, np.float64),
        ([0, -1, -2], [-1, -1, -1], np.float64),
        (np.array([0, -1], np.int8), np.array([-1, -1], np.int8), np.float64),
    ):
        got = kl_estimators(a, b)
        assert isinstance(got, tuple)
        assert isinstance(got, policies.KLEstimators)
        for estimate in got:
            assert type(estimate.value) is type(estimate.standard_error) is kind
    assert isinstance(got.k1, klrs.variational.Estimate)
    k1, k2, k3 = got
    assert (k1, k2, k3) == (got.k1, got.k2, got.k3)
    alone = kl_estimators(-1.0, -2.0)
    assert type(alone.k1.value) is np.float64
    assert (alone.k1.value, alone.k2.value) == (1, 0.5)
    assert np.isnan(alone.k1.standard_error)


def test_integers_do_not_wrap() -> None:
    got = kl_estimators(np.array([0, 0], np.uint8), np.array([3, 1], np.uint8))
    assert got.k1.value == -2
    got = kl_estimators(np.int8([-100, -100]), np.int8([100, 100]))
    assert got.k2.value == 20_000


def test_halves_are_widened_before_they_are_subtracted() -> None:
    log_p, log_q = np.float16([-1000.0, -0.25]), np.float16([-0.0625, -0.25])
    assert kl_estimators(log_p, log_q).k1.value == np.float32(-999.9375 / 2)


def test_axes() -> None:
    log_p, log_q = drawn(8, 3, 4, 5)
    each = kl_estimators(log_p, log_q, axis=())
    for axis in (None, 0, 1, 2, -1, -2, (0, 1), (2, 0), (-1, -3), (0, 1, 2)):
        got = kl_estimators(log_p, log_q, axis=axis)
        for name in NAMES:
            value, error = getattr(got, name)
            terms = getattr(each, name).value
            count = terms.size // max(1, np.size(value))
            np.testing.assert_allclose(value, terms.mean(axis), rtol=1e-12)
            spread = terms.std(axis, ddof=1) / math.sqrt(count)
            np.testing.assert_allclose(error, spread, rtol=1e-11)
    whole = kl_estimators(log_p, log_q)
    flat = kl_estimators(log_p.ravel(), log_q.ravel(), axis=-1)
    for a, b in zip(whole, flat, strict=True):
        assert_same_bits(a.value, b.value)
        assert_same_bits(a.standard_error, b.standard_error)


def test_bases() -> None:
    log_p, log_q = drawn(9, 60)
    nats = kl_estimators(log_p, log_q)
    for base in (2, 10, 1.5):
        for a, b in zip(kl_estimators(log_p, log_q, base=base), nats, strict=True):
            np.testing.assert_allclose(a, np.array(b) / math.log(base), rtol=1e-14)


@each_float
def test_where_is_not_looked_at(kind: Float) -> None:
    log_p, log_q = drawn(10, 4, 30, kind=kind)
    kept = np.random.default_rng(11).random((4, 30)) < 0.6
    kept[3], kept[3, 9] = False, True
    for pad_p, pad_q in ((NAN, NAN), (-INF, -INF), (-INF, 0), (INF, NAN), (1e4, -1e4)):
        a = np.where(kept, log_p, kind.array(pad_p)).astype(kind.dtype)
        b = np.where(kept, log_q, kind.array(pad_q)).astype(kind.dtype)
        whole = kl_estimators(a, b, where=kept)
        alone = kl_estimators(log_p[kept], log_q[kept])
        rows = kl_estimators(a, b, axis=1, where=kept)
        for name in NAMES:
            np.testing.assert_allclose(
                getattr(whole, name), getattr(alone, name), rtol=max(1e-13, kind.bound)
            )
            for i in range(4):
                row = kl_estimators(log_p[i][kept[i]], log_q[i][kept[i]])
                expected = np.array(getattr(row, name))
                got = [it[i] for it in getattr(rows, name)]
                np.testing.assert_allclose(got, expected, rtol=max(1e-13, kind.bound))
            assert np.isnan(getattr(rows, name).standard_error[3])
    of_true = kl_estimators(log_p, log_q, where=True)
    for a, b in zip(of_true, kl_estimators(log_p, log_q), strict=True):
        assert_same_bits(a.value, b.value)
    column = kl_estimators(log_p, log_q, where=(np.arange(4) > 1)[:, np.newaxis])
    for a, b in zip(column, kl_estimators(log_p[2:], log_q[2:]), strict=True):
        np.testing.assert_allclose(a, b, rtol=max(1e-13, kind.bound))


@each_float
def test_layouts_have_the_same_bits(kind: Float) -> None:
    log_p, log_q = drawn(12, 6, 70, kind=kind)
    for axis in (None, 0, 1, ()):
        expected = kl_estimators(log_p, log_q, axis=axis)
        for name, other in layouts(log_p):
            got = kl_estimators(other, dict(layouts(log_q))[name], axis=axis)
            for a, b in zip(got, expected, strict=True):
                assert_same_bits(a.value, b.value)
                assert_same_bits(a.standard_error, b.standard_error)
    one = np.broadcast_to(log_q[0], log_q.shape)
    got, expected = kl_estimators(log_p, one), kl_estimators(log_p, one.copy())
    assert_same_bits(np.array(got), np.array(expected))


def test_threads_change_no_bit() -> None:
    for shape, axis in (((3, 100_000), None), ((3, 100_000), 1), ((400, 300), 0)):
        log_p, log_q = drawn(13, *shape)
        with klrs.threads(1):
            expected = np.array(kl_estimators(log_p, log_q, axis=axis))
        with klrs.threads(7):
            assert_same_bits(np.array(kl_estimators(log_p, log_q, axis=axis)), expected)


def test_inputs_are_not_modified() -> None:
    log_p, log_q = drawn(14, 5, 6)
    before = log_p.copy(), log_q.copy()
    kl_estimators(log_p, log_q)
    kl_estimators(log_p, log_q, axis=())
    assert_same_bits(log_p, before[0])
    assert_same_bits(log_q, before[1])


def test_a_column_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"old": [-1.0, -2.0], "new": [-2.0, -2.0]})
    assert kl_estimators(table["old"], table["new"]).k1.value == 0.5


# ------------------------------------------------------------------ estimators: special values


def test_draws_that_q_rules_out() -> None:
    log_p, log_q = drawn(15, 3, 20)
    expected = kl_estimators(log_p, log_q, axis=1)
    log_q[1, 4] = -INF
    got = kl_estimators(log_p, log_q, axis=1)
    for a, b in zip(got, expected, strict=True):
        assert a.value[1] == INF
        assert_same_bits(a.value[[0, 2]], b.value[[0, 2]])
        assert_same_bits(a.standard_error[[0, 2]], b.standard_error[[0, 2]])
    each = kl_estimators(log_p, log_q, axis=())
    for estimate in each:
        assert estimate.value[1, 4] == INF
        assert np.isfinite(np.delete(estimate.value[1], 4)).all()
    for estimate in kl_estimators(np.float32(log_p), np.float32(log_q)):
        assert estimate.value == INF


def test_nan_stays_in_its_row() -> None:
    log_p, log_q = drawn(16, 3, 20)
    expected = kl_estimators(log_p, log_q, axis=1)
    for which in (0, 1):
        pair = [log_p.copy(), log_q.copy()]
        pair[which][1, 5] = NAN
        got = kl_estimators(*pair, axis=1)
        for a, b in zip(got, expected, strict=True):
            assert np.isnan(a.value[1])
            assert np.isnan(a.standard_error[1])
            assert_same_bits(a.value[[0, 2]], b.value[[0, 2]])
            assert_same_bits(a.standard_error[[0, 2]], b.standard_error[[0, 2]])
        for estimate in kl_estimators(*pair):
            assert np.isnan(estimate.value)


def test_ratios_beyond_floats() -> None:
    got = kl_estimators([-800.0], [0.0])
    assert (got.k1.value, got.k2.value, got.k3.value) == (-800, 320_000, INF)
    got = kl_estimators(np.float32([-100]), np.float32([0]))
    assert (got.k1.value, got.k2.value, got.k3.value) == (-100, 5000, INF)
    got = kl_estimators([0.0], [-1e300])
    assert (got.k1.value, got.k2.value, got.k3.value) == (1e300, INF, 1e300)


@pytest.mark.parametrize("pads", [False, True])
def test_a_draw_that_cannot_be(pads: bool) -> None:
    log_p, log_q = drawn(17, 3, 5)
    log_p[1, 2] = log_p[2, 0] = -INF
    if pads:
        log_q[1, 2] = -INF
    for axis in (None, 1, ()):
        with refuses(ValueError, "log_prob_p: ", "-inf", "(1, 2)") as told:
            kl_estimators(log_p, log_q, axis=axis)
        assert "a draw from p cannot have probability 0" in str(told.value)
    with refuses(ValueError, "log_prob_p: ", "-inf", "2"):
        kl_estimators(log_p[1], log_q[1])
    assert np.isfinite(kl_estimators(log_p, log_q, where=np.isfinite(log_p)).k1.value)


# ------------------------------------------------------------------------- estimators: errors

A, B = drawn(18, 4, 6)
NO_REALS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "complex": (A + 1j, ("complex128", "real")),
    "strings": (np.full((4, 6), "1.5"), ("<U3", "numbers")),
    "objects": (A.astype(object), ("object", "float")),
    "times": (np.zeros((4, 6), "M8[s]"), ("datetime64",)),
    "bools": (A > 0, ("bool", "expected")),
    "masked": (np.ma.masked_array(A, A > 0), ("masked array", "where=")),
    "nothing": (None, ("object",)),
}


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("what", NO_REALS)
def test_what_is_no_array_of_reals(which: int, what: str) -> None:
    bad, pieces = NO_REALS[what]
    pair = [A, B]
    pair[which] = bad
    with refuses(TypeError, f"{('log_prob_p', 'log_prob_q')[which]}: ", *pieces):
        kl_estimators(*pair)


@pytest.mark.parametrize(
    ("keywords", "kind", "pieces"),
    [
        ({"axis": 2}, np.exceptions.AxisError, ("axis", "2")),
        ({"axis": -3}, np.exceptions.AxisError, ("axis", "-3")),
        ({"axis": 1.5}, TypeError, ("axis: ", "1.5", "expected an int")),
        ({"axis": (1, -1)}, ValueError, ("axis: ", "(1, -1)", "once")),
        ({"base": 1}, ValueError, ("base: 1", "expected a number greater than 1")),
        ({"base": math.nan}, ValueError, ("base: ", "expected a number greater than 1")),
        ({"base": "2"}, TypeError, ("base: ", "'2'", "expected a number")),
        ({"where": np.ones((4, 6))}, TypeError, ("where: ", "float64", "bool")),
        ({"where": [1, 0, 1, 0, 1, 0]}, TypeError, ("where: ", "int64", "bool")),
        ({"where": np.ones((4, 5), bool)}, ValueError, ("where: ", "(4, 5)", "(4, 6)")),
    ],
    ids=lambda it: str(it)[:30],
)
def test_keywords(keywords: dict[str, Any], kind: type[Exception], pieces: tuple[str, ...]) -> None:
    with refuses(kind, *pieces):
        kl_estimators(A, B, **keywords)


def test_shapes() -> None:
    with refuses(ValueError, "log_prob_p and log_prob_q", "(4, 6)", "(4, 5)"):
        kl_estimators(A, B[:, :5])
    with refuses(ValueError, "log_prob_p and log_prob_q", "(4, 6)", "(3, 6)"):
        kl_estimators(A, B[:3])
    for nothing, axis in ((np.zeros(0), None), (np.zeros((3, 0)), -1), (np.zeros((0, 3)), 0)):
        with pytest.raises(ValueError, match=r"log_prob_p|axis"):
            kl_estimators(nothing, nothing, axis=axis)
    got = kl_estimators(np.zeros((0, 3)), np.zeros((0, 3)), axis=1)
    assert got.k1.value.shape == got.k1.standard_error.shape == (0,)
    with pytest.raises(ValueError, match="inhomogeneous"):
        kl_estimators([[1.0, 2.0], [3.0]], [[0.0, 0.0], [0.0]])


def test_no_draw_is_left() -> None:
    for keywords in ({"where": False}, {"where": np.zeros((4, 6), bool)}):
        with pytest.raises(ValueError, match=r"^(where|log_prob_p)\b"):
            kl_estimators(A, B, **keywords)
    kept = np.ones((4, 6), bool)
    kept[1] = False
    with pytest.raises(ValueError, match=r"(?s)^where\b.*1|^log_prob_p\b.*1.*where"):
        kl_estimators(A, B, axis=1, where=kept)


def test_calls_that_do_not_fit() -> None:
    with pytest.raises(TypeError, match="positional"):
        kl_estimators(A, B, 0)
    with pytest.raises(TypeError, match="log_prob_q"):
        kl_estimators(A)
    with pytest.raises(TypeError, match="mask"):
        kl_estimators(A, B, mask=None)


# ------------------------------------------------------------------------- exact divergences


def test_of_logits() -> None:
    random = np.random.default_rng(19)
    p, q = random.normal(0, 2, (2, 5, 7))
    assert_same_bits(kl_divergence(p, q), logits.kl_divergence(p, q))
    for keywords in (
        {"axis": 0},
        {"base": 2},
        {"keepdims": True},
        {"reduction": "mean"},
        {"temperature": 2.0},
        {"where": np.arange(7) > 2},
    ):
        assert_same_bits(kl_divergence(p, q, **keywords), logits.kl_divergence(p, q, **keywords))
    room = np.empty(5)
    assert kl_divergence(p, q, out=room) is room
    for kind in FLOATS:
        a, b = kind.array(p), kind.array(q)
        assert_same_bits(kl_divergence(a, b), logits.kl_divergence(a, b))
        got = kl_divergence(a, b)
        for value, x, y in zip(got, a, b, strict=True):
            exact = reference_logits.kl_divergence(floats(x), floats(y))
            assert abs(float(value) / float(exact) - 1) <= kind.bound
    a, b = [0.0, 2.0], [2.0, -1.0]
    assert kl_divergence(a, b) == logits.kl_divergence(a, b)


def test_of_a_bandit_by_hand() -> None:
    """Arms pulled with 1/2, 1/2 and with 1/4, 3/4."""
    p, q = np.zeros(2), np.array([0.0, math.log(3)])
    assert kl_divergence(p, q) == pytest.approx(math.log(4 / 3) / 2, rel=1e-14)
    assert kl_divergence(q, p) == pytest.approx(0.75 * math.log(3) - math.log(2), rel=1e-14)
    assert kl_divergence(p, p) == 0


@pytest.mark.parametrize("near", [1.0, 1e-3, 1e-8])
def test_of_gaussian_policies(near: float) -> None:
    random = np.random.default_rng(20)
    loc, scale = random.normal(0, 1, (4, 3)), np.exp(random.normal(0, 0.5, (4, 3)))
    of_loc, of_scale = (
        loc + near * random.normal(0, 1, (4, 3)),
        scale * np.exp(near * random.normal(0, 0.5, (4, 3))),
    )
    p, q = distributions.Normal(loc, scale), distributions.Normal(of_loc, of_scale)
    for base in (None, 2):
        got = kl_divergence(p, q, base=base)
        assert got.shape == (4,)
        for i, value in enumerate(got):
            rows = zip(*(x[i].tolist() for x in (loc, scale, of_loc, of_scale)), strict=True)
            exact = float(sum(reference.kl_of_normals(*row) for row in rows))
            assert value == pytest.approx(exact / math.log(base or math.e), rel=1e-13)
    each = distributions.kl_divergence(p, q)
    np.testing.assert_allclose(kl_divergence(p, q), each.sum(-1), rtol=1e-14)
    assert kl_divergence(p, p).tolist() == [0] * 4


def test_kinds_of_gaussian_policies() -> None:
    normal = distributions.Normal
    one = kl_divergence(normal(1.0, 1.0), normal(0.0, 1.0))
    assert one == 0.5
    assert np.ndim(one) == 0
    row = kl_divergence(normal([1.0, 2.0], [1.0, 1.0]), normal(0.0, 1.0))
    assert row == 2.5
    assert type(row) is np.float64
    batch = kl_divergence(normal(np.ones((4, 2)), 1.0), normal(np.zeros(2), 1.0))
    assert batch.tolist() == [1.0] * 4
    # Whichever of the two has the actions on its last axis.
    assert kl_divergence(normal(0.0, 1.0), normal([1.0, 2.0], [1.0, 1.0])) == 2.5


def test_of_other_distributions() -> None:
    p = distributions.MultivariateNormal([0.0, 1.0], covariance_matrix=[[2.0, 0.5], [0.5, 1.0]])
    q = distributions.MultivariateNormal([0.5, 0.0], scale_diag=[1.0, 2.0])
    assert_same_bits(kl_divergence(p, q), distributions.kl_divergence(p, q))
    beta = distributions.Beta([1.0, 2.0], 2.0), distributions.Beta(2.0, 2.0)
    assert_same_bits(kl_divergence(*beta), distributions.kl_divergence(*beta))
    a, b = [0.0, 2.0], [2.0, -1.0]
    categorical = [distributions.Categorical(logits=x) for x in (a, b)]
    assert kl_divergence(*categorical) == pytest.approx(kl_divergence(a, b), rel=1e-13)


def test_mixed_policies() -> None:
    normal = distributions.Normal(0.0, 1.0)
    for p, q, name in ((normal, [0.0, 2.0], "q"), ([0.0, 2.0], normal, "p")):
        with pytest.raises(TypeError, match=r"(?s)^(p|q|p and q)\b.*(logits|distribution)") as told:
            kl_divergence(p, q)
        assert "list" in str(told.value) or "array" in str(told.value), name
    with pytest.raises(TypeError, match="positional"):
        kl_divergence([0.0, 2.0], [0.0, 2.0], -1)
    with pytest.raises(TypeError, match="temperature"):
        kl_divergence(normal, normal, temperature=2.0)
    with pytest.raises(ValueError, match=r"^p and q: "):
        kl_divergence(np.zeros((2, 3)), np.zeros((2, 4)))


# ------------------------------------------------------------------------------- controllers


def of_trl(value: float, current: float, target: float, n_steps: float, horizon: float) -> float:
    """AdaptiveKLController.update of TRL, line by line."""
    proportional_error = np.clip(current / target - 1, -0.2, 0.2)
    mult = 1 + proportional_error * n_steps / horizon
    return float(value * mult)


def test_the_adaptive_controller_by_hand() -> None:
    controller = AdaptiveKLController(0.2, 6.0, 10_000)
    assert controller.value == 0.2
    assert controller.update(12.0, 256) is None
    assert controller.value == pytest.approx(0.2 * (1 + 0.2 * 0.0256), rel=1e-15)
    controller.update(6.0, 256)
    assert controller.value == pytest.approx(0.2 * 1.00512, rel=1e-15)
    controller.update(0.0, 5000)
    assert controller.value == pytest.approx(0.2 * 1.00512 * 0.9, rel=1e-15)


def test_the_adaptive_controller_of_trl() -> None:
    random = np.random.default_rng(21)
    controller = AdaptiveKLController(init_kl_coef=0.15, target=6.0, horizon=10_000)
    value = 0.15
    for current in [*random.exponential(6, 40), *random.normal(6, 0.3, 40), -1.0, 0.0, 1e300]:
        n_steps = int(random.integers(1, 3000))
        controller.update(current=current, n_steps=n_steps)
        value = of_trl(value, float(current), 6.0, n_steps, 10_000)
        assert controller.value == pytest.approx(value, rel=1e-14)
        assert controller.value > 0
    for number in (np.float32(7.5), np.float64(7.5), np.array(7.5), 7):
        before = controller.value
        controller.update(number, np.int64(100))
        expected = of_trl(before, float(number), 6.0, 100, 10_000)
        assert controller.value == pytest.approx(expected, rel=1e-14)
    assert isinstance(controller.value, float)


def test_controllers_reach_their_target() -> None:
    """A KL that falls with its coefficient, as in training: both ends in balance."""
    controller = AdaptiveKLController(1e-3, target=0.05, horizon=100)
    for _ in range(2000):
        controller.update(0.01 / controller.value, 10)
    assert 0.01 / controller.value == pytest.approx(0.05, rel=1e-6)


def test_the_fixed_controller() -> None:
    controller = FixedKLController(0.2)
    assert controller.value == 0.2
    for current in (0.0, 100.0, -3.0):
        assert controller.update(current, 256) is None
        assert controller.value == 0.2
    assert FixedKLController(kl_coef=1).value == 1


@pytest.mark.parametrize("bad", [-1, NAN, INF, "0.1", None, [0.1], True])
@pytest.mark.parametrize("name", ["kl_coef", "init_kl_coef", "target", "horizon"])
def test_wrong_controllers(name: str, bad: Any) -> None:
    kind = ValueError if isinstance(bad, (int, float)) and bad is not True else TypeError
    kinds = (ValueError, TypeError) if bad is True else kind
    text = re.escape(f"{bad!r}") if kind is TypeError else ""
    make, good = FixedKLController, {"kl_coef": 0.2}
    if name != "kl_coef":
        make, good = AdaptiveKLController, {"init_kl_coef": 0.2, "target": 6.0, "horizon": 100}
    with pytest.raises(kinds, match=rf"(?s)^{name}: .*{text}.*expected"):
        make(**(good | {name: bad}))


@pytest.mark.parametrize("name", ["target", "horizon"])
def test_controllers_of_zero(name: str) -> None:
    good = {"init_kl_coef": 0.2, "target": 6.0, "horizon": 100}
    with refuses(ValueError, f"{name}: 0", "expected", "greater than 0"):
        AdaptiveKLController(**(good | {name: 0}))


@pytest.mark.parametrize(
    ("current", "n_steps", "kind", "name"),
    [
        (NAN, 10, ValueError, "current"),
        (np.float32(NAN), 10, ValueError, "current"),
        ("6", 10, TypeError, "current"),
        (None, 10, TypeError, "current"),
        ([6.0, 7.0], 10, TypeError, "current"),
        (6.0, -1, ValueError, "n_steps"),
        (6.0, NAN, ValueError, "n_steps"),
        (6.0, "10", TypeError, "n_steps"),
    ],
)
def test_wrong_updates_change_nothing(
    current: Any, n_steps: Any, kind: type[Exception], name: str
) -> None:
    controller = AdaptiveKLController(0.2, 6.0, 100)
    with pytest.raises(kind, match=rf"(?s)^{name}: .*expected"):
        controller.update(current, n_steps)
    assert controller.value == 0.2
    controller.update(12.0, 10)
    assert controller.value == pytest.approx(0.2 * 1.02, rel=1e-15)


def test_steps_beyond_the_horizon() -> None:
    """At five horizons a KL of 0 would make the coefficient 0, and then negative."""
    for n_steps in (500, 501, 10**6):
        controller = AdaptiveKLController(0.2, 6.0, 100)
        with pytest.raises(ValueError, match=r"n_steps.*horizon|horizon.*n_steps") as told:
            controller.update(0.0, n_steps)
        assert str(n_steps) in str(told.value) or "e+06" in str(told.value)
        assert "100" in str(told.value)
        assert controller.value == 0.2
    controller = AdaptiveKLController(1.0, 1.0, 1.0)
    controller.update(1e9, 1e308)
    with pytest.raises(ValueError, match="would multiply the coefficient 2e\\+307 by 2e\\+307"):
        controller.update(2.0, 1e308)
    assert controller.value == pytest.approx(2e307)
    controller = AdaptiveKLController(0.2, 6.0, 100)
    controller.update(0.0, 499)
    assert controller.value == pytest.approx(0.2 * 0.002, rel=1e-12)
    controller = AdaptiveKLController(0.2, 6.0, 100)
    controller.update(12.0, 1000)
    assert controller.value == pytest.approx(0.2 * 3, rel=1e-15)


# ------------------------------------------------------------------------------------ the budget


def test_the_budget_of_stable_baselines3() -> None:
    """approx_kl_div > 1.5 * self.target_kl."""
    for target_kl in (0.01, 0.02, 0.1):
        edge = 1.5 * target_kl
        assert exceeds_kl_budget(edge, target_kl) is False
        assert exceeds_kl_budget(np.nextafter(edge, 1), target_kl) is True
        assert exceeds_kl_budget(target_kl, target_kl) is False
        assert exceeds_kl_budget(10.0, target_kl) is True
        assert exceeds_kl_budget(0.0, target_kl) is False
        assert exceeds_kl_budget(-0.5, target_kl) is False
        assert exceeds_kl_budget(INF, target_kl) is True
    assert exceeds_kl_budget(0.015, 0.01, factor=1.0) is True
    assert exceeds_kl_budget(0.01, 0.01, factor=1.0) is False
    assert exceeds_kl_budget(0.015, target_kl=0.01, factor=2) is False


def test_no_budget_never_stops() -> None:
    assert exceeds_kl_budget(1e9, None) is False
    assert exceeds_kl_budget(INF, None) is False


def test_what_a_budget_is_compared_with() -> None:
    log_p, log_q = drawn(22, 100, apart=0.5)
    k3 = kl_estimators(log_p, log_q).k3
    assert exceeds_kl_budget(k3, k3.value / 2) is True
    assert exceeds_kl_budget(k3, k3.value) is False
    assert exceeds_kl_budget(np.float32(0.5), 0.1) is True
    assert exceeds_kl_budget(np.array(0.5), 0.1) is True
    assert exceeds_kl_budget(1, np.float64(0.1)) is True


@pytest.mark.parametrize(
    ("kl", "target_kl", "factor", "kind", "name"),
    [
        (NAN, 0.01, 1.5, ValueError, "kl"),
        (np.float32(NAN), 0.01, 1.5, ValueError, "kl"),
        ("0.1", 0.01, 1.5, TypeError, "kl"),
        (None, 0.01, 1.5, TypeError, "kl"),
        ([0.1, 0.2], 0.01, 1.5, TypeError, "kl"),
        (0.1, -0.01, 1.5, ValueError, "target_kl"),
        (0.1, NAN, 1.5, ValueError, "target_kl"),
        (0.1, "0.01", 1.5, TypeError, "target_kl"),
        (0.1, 0.01, -1.5, ValueError, "factor"),
        (0.1, 0.01, 0, ValueError, "factor"),
        (0.1, 0.01, NAN, ValueError, "factor"),
        (0.1, 0.01, "1.5", TypeError, "factor"),
    ],
)
def test_wrong_budgets(
    kl: Any, target_kl: Any, factor: Any, kind: type[Exception], name: str
) -> None:
    with pytest.raises(kind, match=rf"(?s)^{name}: .*expected"):
        exceeds_kl_budget(kl, target_kl, factor=factor)


def test_a_nan_estimate_is_no_reason_to_go_on() -> None:
    estimate = kl_estimators([NAN, -1.0], [-1.0, -1.0]).k3
    with refuses(ValueError, "kl: ", "expected"):
        exceeds_kl_budget(estimate, 0.01)


def test_three_estimates_are_no_number() -> None:
    """Which of them is to be compared is the caller's to say."""
    with pytest.raises(TypeError, match=r"(?s)^kl: .*expected"):
        exceeds_kl_budget(kl_estimators(A, B), 0.01)


# ------------------------------------------------------------------------------------ the module

FUNCTIONS = (kl_estimators, kl_divergence, exceeds_kl_budget)
CLASSES_OF_MODULE = (AdaptiveKLController, FixedKLController)


def test_the_module() -> None:
    script = "import klrs; print(klrs.policies.exceeds_kl_budget(0.02, 0.01))"
    said = run_python(script, PYTHONPATH=str(Path(klrs.__file__).parents[1]))
    assert said == "True\n"
    names = {it.__name__ for it in (*FUNCTIONS, *CLASSES_OF_MODULE)}
    assert names <= set(policies.__all__)
    for function in FUNCTIONS:
        for section in ("Parameters", "Returns", "Raises", "Examples"):
            assert f"{section}\n" in (function.__doc__ or ""), (function, section)
    said = kl_estimators.__doc__ or ""
    for name in ("Stable-Baselines3", "TRL", "k1", "k2", "k3", "Schulman"):
        assert name in said, name
    parameters = inspect.signature(kl_estimators).parameters
    assert list(parameters)[:2] == ["log_prob_p", "log_prob_q"]
    kinds = {it.kind for it in list(parameters.values())[2:]}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_controllers_say_what_they_are() -> None:
    assert repr(FixedKLController(0.25)).startswith("FixedKLController(")
    text = repr(AdaptiveKLController(0.25, 6.0, 100))
    assert text.startswith("AdaptiveKLController(")
    assert "0.25" in text


def test_examples() -> None:
    tried = doctest.testmod(policies, optionflags=doctest.ELLIPSIS)
    assert tried.failed == 0
    assert tried.attempted > 0
    finder = doctest.DocTestFinder()
    for it in (*FUNCTIONS, *CLASSES_OF_MODULE):
        assert any(test.examples for test in finder.find(it, globs={}, module=False)), it
