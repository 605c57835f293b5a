"""What is peculiar to how estimates are computed: sums, errors, scales, and who is asked."""

from __future__ import annotations

import doctest
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import klrs
from klrs import _bounds, _estimates, policies
from klrs.distributions import Laplace, MultivariateNormal, Normal
from klrs.policies import kl_estimators

RNG = np.random.default_rng(0)


def exact_mean(numbers: Any) -> Fraction:
    return sum((Fraction(float(it)) for it in numbers), Fraction()) / len(numbers)


def exact_error(numbers: list[Any]) -> Any:
    mean = mpmath.fsum(numbers) / len(numbers)
    squares = mpmath.fsum([(it - mean) ** 2 for it in numbers])
    return mpmath.sqrt(squares / (len(numbers) - 1) / len(numbers))


@pytest.mark.parametrize("module", [policies, _bounds, _estimates], ids=lambda it: it.__name__)
def test_docstrings_run(module: Any) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testmod(module, optionflags=flags)
    assert attempted
    assert not failed


@pytest.mark.parametrize("count", [1, 2, 3, 100, 8191, 8192, 8193, 20_000])
def test_draws_that_almost_cancel_keep_their_digits(count: int) -> None:
    rng = np.random.default_rng(count)
    large = rng.standard_normal(count) * 1e10
    p = np.concatenate([large, -large]) + rng.standard_normal(2 * count)
    q = rng.standard_normal(2 * count)
    shuffled = rng.permutation(2 * count)
    p, q = p[shuffled], q[shuffled]
    exact = exact_mean(p) - exact_mean(q)
    assert abs(Fraction(float(kl_estimators(p, q).k1.value)) / exact - 1) < Fraction(1, 2**51)
    elbo = _bounds.evidence_lower_bound(p, q).value
    assert abs(Fraction(float(elbo)) / exact - 1) < Fraction(1, 2**51)


def test_the_rounding_of_a_log_ratio_is_not_lost() -> None:
    """ln q - ln p of these is no float, and e to it has an error 300 times as large."""
    p, q = [-0.1, -0.2, -0.3], [300.03, 299.07, 298.011]
    with mpmath.workdps(40):
        ratios = [mpmath.mpf(b) - mpmath.mpf(a) for a, b in zip(p, q, strict=True)]
        terms = [mpmath.exp(it) - 1 - it for it in ratios]
        value, error = mpmath.fsum(terms) / 3, exact_error(terms)
    found = kl_estimators(p, q).k3
    assert abs(found.value / value - 1) < 1e-15
    assert abs(found.standard_error / error - 1) < 1e-15


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1.0, 1e120])
def test_standard_errors_do_not_cancel(scale: float) -> None:
    """Draws that are close to each other and far from 0, and whose squares leave the floats."""
    p = (1e6 + RNG.standard_normal(1000)) * scale
    found = kl_estimators(p, np.zeros(1000)).k1
    with mpmath.workdps(60):
        exact = exact_error([mpmath.mpf(float(it)) for it in p])
    assert abs(found.standard_error / exact - 1) < 1e-14


def test_equal_draws_have_no_error() -> None:
    for number in (0.1, 1e-300, 1 / 3):
        k1, k2, k3 = kl_estimators([number] * 7, [0.0] * 7)
        assert k1.value == number
        assert k1.standard_error == k2.standard_error == k3.standard_error == 0


def test_equal_draws_have_no_error_where_the_first_is_left_out() -> None:
    """It would be from 0 that distances are taken."""
    for count in range(2, 60):
        where = [False] + [True] * count
        k1 = kl_estimators([np.nan] + [0.1] * count, [0.0] * (count + 1), where=where).k1
        assert k1.standard_error == 0


def test_infinite_terms_make_infinite_estimates() -> None:
    for log_prob_q in (-np.inf, 800.0):
        k1, k2, k3 = kl_estimators([-1.0, -2.0], [-1.0, log_prob_q])
        assert k3.value == np.inf
        assert np.isnan(k3.standard_error)
        if log_prob_q == -np.inf:
            assert k1.value == k2.value == np.inf
        else:
            assert k1.value == -401.0
            assert k2.value == 802.0**2 / 4


def test_differences_beyond_floats_have_the_mean_that_they_have() -> None:
    far = np.array([1e308, -1e308, 0.0])
    for first, other, mean in (
        (far, -far, 0.0),
        (far[:2], -far[:2], 0.0),
        (far, -far + [0.0, 0.0, 3.0], -1.0),
        ([1.7e308] * 3, [0.0] * 3, 1.7e308),
        ([1e308, 1e308, 1.0], [-1e308, 1e308, 1.0], 1e308 / 1.5),
        ([1e308], [-1e308], np.inf),
        ([-1e308, 0.0], [1e308, 0.0], -1e308),
        ([-1e308, -1e308], [1e308, 1e308], -np.inf),
    ):
        elbo = _bounds.evidence_lower_bound(first, other)
        if np.isfinite(mean):
            scaled = np.array(first) / 2.0**600 - np.array(other) / 2.0**600
            error = float(scaled.std(ddof=1)) / math.sqrt(scaled.size) * 2.0**600
            assert elbo.standard_error == pytest.approx(error, rel=1e-14, abs=1e293)
        else:
            assert np.isnan(elbo.standard_error)
        # Next to 1e308 a mean of -1 is exact all the same.
        assert elbo.value == pytest.approx(mean, rel=1e-15)
        assert kl_estimators(first, other).k1 == pytest.approx(elbo, nan_ok=True)
        with np.errstate(over="ignore"):
            most = np.max(np.array(first) - np.array(other))
        bound = _bounds.importance_weighted_bound(first, other).value
        assert bound == pytest.approx(most, abs=math.log(3))


def test_terms_beyond_floats_have_the_mean_that_they_have() -> None:
    """e^711 is no float, a thousandth of it is; and squares leave the floats long before."""
    q = np.zeros(1000)
    for number in (300.0, 400.0, 709.5, 711.0, 716.0):
        q[7] = number
        k3 = kl_estimators(np.zeros(1000), q).k3
        with mpmath.workdps(40):
            terms = [mpmath.exp(it) - 1 - it for it in map(mpmath.mpf, q.tolist())]
            value, error = mpmath.fsum(terms) / 1000, exact_error(terms)
        for got, exact in zip(k3, (value, error), strict=True):
            assert abs(mpmath.mpf(float(got)) / exact - 1) < 2e-15 * max(1.0, number / 100)
    q[7] = 718.0
    assert kl_estimators(np.zeros(1000), q).k3.value == np.inf
    q[7] = 2e154
    k2 = kl_estimators(np.zeros(1000), q).k2
    assert k2.value == pytest.approx(2e305, rel=1e-15)
    assert k2.standard_error == pytest.approx(2e305, rel=1e-14)


@pytest.mark.parametrize("size", [1e-9, 1e-60, 1e-100, 1e-150, 1e-200, 1e-290])
def test_small_terms_keep_their_digits(size: float) -> None:
    """Squares of what is below 1e-154 are 0, and so would be all errors."""
    q = size * np.array([1.0, -3.0, 2.0, 5.0])
    k1, k2, k3 = kl_estimators(np.zeros(4), q)
    with mpmath.workdps(400):
        x = [mpmath.mpf(float(it)) for it in q]
        for got, terms in ((k1, [-it for it in x]), (k2, [it * it / 2 for it in x])):
            value, error = mpmath.fsum(terms) / 4, exact_error(terms)
            assert got.value == pytest.approx(float(value), rel=1e-15, abs=1e-323)
            assert got.standard_error == pytest.approx(float(error), rel=1e-15, abs=1e-323)
    assert k3.value == pytest.approx(k2.value, rel=4 * size + 1e-15)
    assert k3.standard_error == pytest.approx(k2.standard_error, rel=4 * size + 1e-15)


def test_draws_that_do_not_count_are_not_checked() -> None:
    """In short rows, in blocks, and where a row is looked at again."""
    for count in (4, 40, 3000):
        p, q, where = np.zeros(count), np.full(count, -1e308), np.ones(count, bool)
        p[0], q[1], where[:2] = -np.inf, np.inf, False
        k1 = kl_estimators(p, q, where=where).k1
        assert k1 == (1e308, 0.0)
        assert _bounds.evidence_lower_bound(q, p, where=where).value == -1e308


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 9000), (2, 20_000)])
def test_bits_are_those_of_the_draws_in_order(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    p, q = rng.standard_normal((2, *shape))
    expected = kl_estimators(p, q, axis=-1)
    for layout in (np.asfortranarray, lambda x: np.repeat(x, 2, axis=-1)[..., ::2]):
        found = kl_estimators(layout(p), layout(q), axis=-1)
        np.testing.assert_array_equal(np.array(found), np.array(expected))
    rows = [kl_estimators(p[index], q[index]) for index in np.ndindex(*shape[:-1])]
    alone = np.array(rows).reshape(*shape[:-1], 3, 2)
    np.testing.assert_array_equal(np.moveaxis(alone, (-2, -1), (0, 1)), np.array(expected))


@pytest.mark.parametrize("length", [5, 100, 600])
def test_rows_of_which_every_other_is_aligned(length: int) -> None:
    """Beside an operand whose rows run along the outer axis, so that several are read together."""
    packed = np.zeros(7, [("log_prob", np.float64, (length,)), ("step", np.int32)])
    p = packed["log_prob"]
    p[:] = -RNG.random((7, length))
    q = np.asfortranarray(-RNG.random((7, length)))
    found = np.array(kl_estimators(p, q, axis=-1))
    np.testing.assert_array_equal(found, np.array(kl_estimators(p.copy(), q.copy("C"), axis=-1)))


Pair = tuple[float, float]
"""A sum, and what rounding has taken from it."""


def added(one: Pair, other: Pair) -> Pair:
    total = one[0] + other[0]
    part = total - one[0]
    lost = (one[0] - (total - part)) + (other[0] - part)
    return total, one[1] + other[1] + lost


def summed(x: list[float], width: int) -> Pair:
    """In lanes of so many, which are added as a tree."""
    lanes: list[Pair] = [(0.0, 0.0)] * width
    for place, number in enumerate(x):
        lanes[place % width] = added(lanes[place % width], (number, 0.0))
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [added(lanes[it], lanes[it + half]) for it in range(half)]
    return lanes[0]


@pytest.mark.parametrize("count", [1, 7, 32, 33, 512, 513, 3 * 512 + 77, 16_384, 50_000])
def test_a_sum_is_written_down(count: int) -> None:
    """Short rows one after the other, longer ones in blocks of eight lanes: a promise."""
    x = np.exp(80 * RNG.random(count)) * RNG.standard_normal(count)
    x -= x[RNG.permutation(count)]
    length, width = (count, 1) if count <= 32 else (512, 8)
    starts = range(0, count, length)
    parts = [summed(x[start : start + length].tolist(), width) for start in starts]
    while len(parts) > 1:
        pairs = [parts[it : it + 2] for it in range(0, len(parts), 2)]
        parts = [added(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    found = _bounds.evidence_lower_bound(x, np.zeros(count))
    assert found.value == (parts[0][0] + parts[0][1]) / count


@pytest.mark.parametrize("spread", [1e-12, 1e-6, 0.3, 1.0, 30.0, 800.0])
@pytest.mark.parametrize("offset", [0.0, -1000.0])
def test_importance_weights_near_and_far(spread: float, offset: float) -> None:
    """Around their mean where they are close, scaled by the largest where they are not."""
    rng = np.random.default_rng(5)
    log_joint = offset + spread * rng.standard_normal(200)
    log_q = rng.standard_normal(200)
    log_joint += log_q
    with mpmath.workdps(60):
        pairs = zip(log_joint.tolist(), log_q.tolist(), strict=True)
        weights = [mpmath.exp(mpmath.mpf(a) - mpmath.mpf(b)) for a, b in pairs]
        mean = mpmath.fsum(weights) / 200
        value, error = mpmath.log(mean), exact_error(weights) / mean
    found = _bounds.importance_weighted_bound(log_joint, log_q)
    assert abs(found.value / value - 1) < 4e-15
    assert abs(found.standard_error / error - 1) < 4e-15
    assert found.value >= _bounds.evidence_lower_bound(log_joint, log_q).value


def test_rounding_does_not_turn_jensens_inequality_around() -> None:
    log_joint = np.full(1000, 140732119997262.34)
    log_joint[0] += 1.5625
    found = _bounds.importance_weighted_bound(log_joint, np.zeros(1000))
    assert found.value >= _bounds.evidence_lower_bound(log_joint, np.zeros(1000)).value


def test_impossible_draws_have_the_weight_0() -> None:
    found = _bounds.importance_weighted_bound([[0.0, -np.inf], [-np.inf, -np.inf]], [0.0, 0.0])
    np.testing.assert_array_equal(found.value, [-math.log(2), -np.inf])
    assert found.standard_error[0] == pytest.approx(1.0)
    assert np.isnan(found.standard_error[1])
    lower = _bounds.evidence_lower_bound([0.0, -np.inf], [0.0, 0.0])
    assert lower.value == -np.inf


def test_the_place_of_a_bad_draw_is_that_of_the_argument() -> None:
    p = np.zeros((2, 3, 4))
    p[1, 2, 3] = p[1, 0, 1] = -np.inf
    for axis, place in ((None, "(1, 0, 1)"), (0, "(1, 0, 1)"), ((0, 2), "(1, 0, 1)")):
        with pytest.raises(ValueError, match="cannot have probability 0") as caught:
            kl_estimators(p, 0.0 * p.clip(0), axis=axis)
        assert f"log_prob_p: -inf at index {place}" in str(caught.value)


def test_draws_are_not_stretched() -> None:
    """One number against many, or a column against a row, is a mistake; an axis of one is none."""
    one, many = np.zeros(1), np.zeros(3)
    for p, q, axis in ((one, many, None), (many, one[0], None), (many[:, None], many, -1)):
        with pytest.raises(ValueError, match=r"shapes \(.*\) and \(.*\) do not fit.*broadcast_to"):
            kl_estimators(p, q, axis=axis)
    assert kl_estimators(many[None], many).k1.value == 0
    assert kl_estimators(many[:, None], many, axis=()).k1.value.shape == (3, 3)
    assert kl_estimators(np.zeros((4, 3)), many, axis=-1).k1.value.shape == (4,)


def test_normals_are_actions_and_others_are_not() -> None:
    p, q = Normal(np.zeros((5, 3)), 1.0), Normal(np.ones(3), 2.0)
    single = klrs.distributions.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 2.0))
    np.testing.assert_allclose(policies.kl_divergence(p, q), np.full(5, 3 * single), rtol=1e-15)
    assert policies.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 2.0)) == single
    values, errors = policies.kl_divergence(p, q, return_error=True)
    assert values.shape == errors.shape == (5,)
    assert policies.kl_divergence(Normal([0.0, 1.0], 1.0), Laplace(0.0, 1.0)).shape == (2,)
    joint = [
        MultivariateNormal(np.full(3, m), scale_diag=np.full(3, s)) for m, s in ((0, 1), (1, 2))
    ]
    assert policies.kl_divergence(*joint) == pytest.approx(3 * single, rel=1e-14)
    stats = pytest.importorskip("scipy.stats")
    frozen = stats.norm([0.0, 0.0, 0.0], 1.0), stats.norm(1.0, 2.0)
    assert policies.kl_divergence(*frozen) == pytest.approx(3 * single, rel=1e-15)


def test_logits_have_all_keywords_of_logits() -> None:
    p, q = np.random.default_rng(0).standard_normal((2, 4, 3))
    for keywords in ({"base": 2}, {"reduction": "mean"}, {"temperature": 2.0}, {"axis": 0}):
        found = policies.kl_divergence(p, q, **keywords)
        np.testing.assert_array_equal(found, klrs.logits.kl_divergence(p, q, **keywords))


def test_controllers_say_what_they_are() -> None:
    controller = policies.AdaptiveKLController(0.2, 6.0, 10_000)
    assert repr(controller) == "AdaptiveKLController(init_kl_coef=0.2, target=6.0, horizon=10000.0)"
    assert repr(policies.FixedKLController(0.1)) == "FixedKLController(kl_coef=0.1)"


def test_three_estimates_are_no_divergence() -> None:
    with pytest.raises(TypeError, match=r"kl: got KLEstimators, .*pass kl\.k3"):
        policies.exceeds_kl_budget(kl_estimators([-1.0], [-1.0]), 0.01)
