"""Gradients: against the oracle, shapes and weights, layouts, and the text of every error."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import klrs
from inputs import (
    AMARI,
    BF16,
    CROSS_ENTROPY,
    ENTROPY,
    F16,
    F32,
    F64,
    GENERALIZED_KL,
    HELLINGER,
    INTEGERS,
    JS,
    JS_DISTANCE,
    KL,
    MIN_ENTROPY,
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
    Verb,
    assert_same_bits,
    distributions,
    each_float,
    one_hot,
    pair,
)
from messages import P, Q, raises
from reference_gradients import gradient
from test_layouts import LAYOUTS, fortran, misaligned, out_layouts, reverse

NEAR_1 = (1 - 1e-9, 1.0, 1 + 1e-10)
ORDERS = (1e-9, 0.5, *NEAR_1, 2.0, 7.0, 50.0)
NUMBERS: dict[Verb, tuple[float, ...]] = {
    RENYI_ENTROPY: ORDERS,
    TSALLIS_ENTROPY: ORDERS,
    RENYI: ORDERS,
    TSALLIS: (0.0, *ORDERS),
    AMARI: (-50.0, -7.0, -1.0, -1 + 1e-9, 0.0, 1e-9, 0.5, *NEAR_1, 3.0, 50.0),
    POWER: (-50.0, -7.0, -1.0, -1 + 1e-9, -0.5, 0.0, 1e-9, 2 / 3, 1.0, 50.0),
    SKEW: (0.0, 1e-9, 0.01, 0.5, 0.99, 1 - 1e-9, 1.0),
}
WEIGHTS = ((0.1, 0.9), (1e-9, 1 - 1e-9), (0.0, 1.0), (1.0, 0.0))
GRADIENTS = [verb for verb in VERBS if verb != MIN_ENTROPY]

CASES = [
    pytest.param(verb.at(number), {}, id=str(verb.at(number)))
    for verb in GRADIENTS
    for number in NUMBERS.get(verb, (verb.number,))
] + [
    pytest.param(verb, {"weights": weights}, id=f"{verb}-{weights}")
    for verb in (JS, JS_DISTANCE)
    for weights in WEIGHTS
]

each_case = pytest.mark.parametrize(("verb", "options"), CASES)
each_gradient = pytest.mark.parametrize("verb", GRADIENTS, ids=str)
with_q = pytest.mark.parametrize("verb", [v for v in GRADIENTS if v.operands == 2], ids=str)


def grad(verb: Verb, p: Any, q: Any = None, argnums: Any = None, **options: Any) -> Any:
    """The value and the gradients, of all operands unless told otherwise."""
    argnums = tuple(range(verb.operands)) if argnums is None else argnums
    function = klrs.value_and_grad(verb.function, argnums)
    return function(*(p, q)[: verb.operands], **(verb.numbers | options))


# Against the oracle


def repeated(seed: int, length: int, distinct: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Long rows with few distinct pairs, which the oracle evaluates once."""
    random = np.random.default_rng(seed)
    of = np.r_[np.arange(min(length, distinct)), random.integers(0, distinct, length)][:length]
    p, q = random.standard_exponential((2, distinct))[:, of]
    return p, q


@cache
def rows_of(kind: Float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Weights: p and q of rows, by what they are an example of."""
    random = np.random.default_rng(0)
    base, p, q = random.standard_exponential((3, 16))
    third, half = np.arange(16) % 3 == 0, np.arange(16) % 2 == 0
    wide = 25 if kind.result == np.float64 else 10
    hot, other = np.eye(4)[1], np.array([0.1, 0.2, 0.3, 0.4])
    tiny, least = kind.normal, kind.normal * (2 * kind.unit)
    return {
        **{f"{n} classes": repeated(n, n) for n in (2, 3, 15, 17, 33, 1025)},
        **{f"near {e}": (base, base * (1 + e * (p - 1))) for e in (1e-5, 1e-9, 1e-13)},
        "equal": (base, base),
        "zeros in p": (p * third, q),
        "zeros in q": (p, q * third),
        "zeros in both": (p * third, q * third),
        "sparse": (p * third, q * half),
        "one-hot p": (hot, other),
        "one-hot q": (other, hot),
        "one-hot": (hot, hot),
        "disjoint": (np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.25, 0.75])),
        "subnormal": (
            np.array([1, 1e-5, tiny * 3, least * 5, least, 0, least, 0.3, 1e-3]),
            np.array([1, least, tiny, least * 7, 0.5, least * 2, 0, 0.1, 2e-3]),
        ),
        "far": (np.exp(random.uniform(-wide, 0, 16)), np.exp(random.uniform(-wide, 0, 16))),
    }


def summands(verb: Verb, p: Any, q: Any, argnum: int, **options: Any) -> np.ndarray:
    """What the derivatives of a normalised row are the differences from their mean of."""
    shares = [np.asarray(x, np.float64) / math.fsum(np.asarray(x, np.float64)) for x in (p, q)]
    del options["normalize"]
    exact = gradient(verb.name, *shares[: verb.operands], argnum=argnum, **(verb.numbers | options))
    return np.array([float(g) for g in exact])


def check(verb: Verb, p: np.ndarray, q: np.ndarray, kind: Float, **options: Any) -> None:
    """The gradients of one row, entry by entry, within the bound."""
    value, gradients = grad(verb, p, q, **options)
    assert_same_bits(value, verb(p, q, **options))
    operands = [np.asarray(x, np.float64) for x in (p, q)[: verb.operands]]
    sums = [math.fsum(x) if options.get("normalize") else 1.0 for x in operands]
    with np.errstate(all="ignore"):
        logs = [np.log(x) - math.log(total) for x, total in zip(operands, sums, strict=True)]
        apart = np.abs(logs[0] - logs[1] if verb.operands == 2 else logs[0])
    size = 1 + np.where(np.isfinite(apart), apart, 0)
    unit = 1.0 if options.get("base") is None else math.log(options["base"])
    bound = 1e-12 if kind == F64 else 1e-5
    if verb.parameter in ("alpha", "lambda_"):
        # A power grows the error of the logarithm within.
        bound *= max(1, abs(verb.number) / 10)
    most = float(np.finfo(kind.result).max) if kind != F16 else 65504
    if verb.parameter in ("alpha", "lambda_") and verb.number:
        # A power may be beyond the range before it is multiplied or divided by its order.
        most *= min(abs(verb.number), 1 / abs(verb.number))
    for argnum, (got, total) in enumerate(zip(gradients, sums, strict=True)):
        assert got.dtype == kind.dtype
        assert got.shape == p.shape
        oracle = gradient(
            verb.name, *(p, q)[: verb.operands], argnum=argnum, **(verb.numbers | options)
        )
        wide = np.asarray(got, np.float64)
        exact = np.array([float(g) for g in oracle])
        zero = np.array([g == 0 for g in oracle])
        for again in range(2):
            limit = bound * np.maximum(size / (total * unit), np.abs(exact))
            with np.errstate(over="ignore"):
                share_overflows = np.abs(exact) * total > most * (1 - 1e-5)
            sign = np.sign(exact)
            if again:
                parts = summands(verb, p, q, argnum, **options)
                with np.errstate(invalid="ignore"):
                    mean = parts - exact * total
                largest = np.fmax(np.abs(parts), np.abs(mean)) / total
                limit = np.fmax(limit, bound * largest)
                # Where both are beyond the range there is no difference to take.
                sign = np.where(np.abs(parts) > most, np.sign(parts), sign)
            if kind in (F16, BF16):
                limit += np.abs(exact) * kind.unit + kind.subnormal
            beyond = np.isinf(exact) | (np.abs(exact) > most * (1 - 1e-5)) | share_overflows
            with np.errstate(invalid="ignore"):
                good = np.abs(wide - exact) <= limit
            # The infinity that the exact derivative rounds to is right in any case.
            right_sign = (np.sign(wide) == sign) | (np.sign(wide) == np.sign(exact))
            good |= np.isinf(wide) & right_sign & beyond
            if not options.get("normalize"):
                good &= ~zero | (wide == 0)
            good |= _at_distance_0(verb, wide, total, p, q, **options)
            if good.all() or not options.get("normalize"):
                break
        if not good.all():
            where = int(np.argmin(good))
            calls = [x.tolist() if len(x) < 40 else f"{len(x)} classes" for x in operands]
            raise AssertionError(
                f"{int((~good).sum())} entries; [{argnum}][{where}] is {got[where]}, expected "
                f"{exact[where]!r}: {verb.name}(*{calls}, **{verb.numbers | options}) of {p.dtype}"
            )


def _at_distance_0(
    verb: Verb, got: np.ndarray, total: float, p: Any, q: Any, **options: Any
) -> Any:
    """Whether any number that is no larger than a distance's derivatives is right.

    Proportional rows may have a distance of 1e-17 instead of 0: see `precision.FLOOR`.
    """
    roots = (JS_DISTANCE, HELLINGER)
    if verb not in roots or not options.get("normalize") or verb.exact(p, q, **options) > 1e-15:
        return np.zeros(len(got), bool)
    return np.abs(got) * total <= 1


TOTALS = {F64: (1e-3, 1e6), F32: (1e6, 1e-3), F16: (300.0, 0.25), BF16: (1e-3, 1e6)}
"""Of rows to be normalised."""


@each_case
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
def test_as_given(verb: Verb, options: dict[str, Any], kind: Float) -> None:
    for p, q in rows_of(kind).values():
        check(verb, kind.array(p / p.sum()), kind.array(q / q.sum()), kind, **options)


@each_case
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
def test_normalized(verb: Verb, options: dict[str, Any], kind: Float) -> None:
    if not verb.has_normalize:
        return
    for p, q in rows_of(kind).values():
        x, y = (kind.array(z / z.sum() * t) for z, t in zip((p, q), TOTALS[kind], strict=True))
        check(verb, x, y, kind, normalize=True, **options)


@each_gradient
@pytest.mark.parametrize("kind", [F16, BF16], ids=str)
def test_half_floats(verb: Verb, kind: Float) -> None:
    for name in ("3 classes", "33 classes", "sparse", "one-hot p", "near 1e-05", "subnormal"):
        p, q = rows_of(kind)[name]
        check(verb, kind.array(p / p.sum()), kind.array(q / q.sum()), kind)
        x, y = (kind.array(z / z.sum() * t) for z, t in zip((p, q), TOTALS[kind], strict=True))
        if verb.has_normalize and (x.astype(float).sum() and y.astype(float).sum()):
            check(verb, x, y, kind, normalize=True)


@each_gradient
@pytest.mark.parametrize("length", [300, 5000])
def test_long_rows(verb: Verb, length: int) -> None:
    """Longer than what is brought in at a time."""
    p, q = repeated(7, length)
    for kind in (F64, F32):
        check(verb, kind.array(p / p.sum()), kind.array(q / q.sum()), kind)
        if verb.has_normalize:
            check(verb, kind.array(p), kind.array(q), kind, normalize=True)


@pytest.mark.parametrize("verb", [v for v in GRADIENTS if v.has_base], ids=str)
def test_base(verb: Verb) -> None:
    p, q = pair(17)
    for base in (2, 10, 1.5):
        check(verb, p, q, F64, base=base)
        check(verb, 5 * p, 3 * q, F64, base=base, normalize=True)


# What gradients have in common


@each_case
def test_normalized_gradients_are_tangents(verb: Verb, options: dict[str, Any]) -> None:
    """They sum to 0 against the weights, and shrink as the weights grow."""
    if not verb.has_normalize:
        return
    if abs(verb.number) > 10:
        pytest.skip("sums of 1e40")
    p, q = (np.random.default_rng(s).gamma(3, size=(4, 40)) for s in (0, 1))
    _, gradients = grad(verb, p, q, normalize=True, **options)
    for x, g in zip((p, q), gradients, strict=False):
        assert (np.abs((x * g).sum(-1)) <= 1e-12 * (1 + np.abs(x * g).sum(-1))).all()
    _, scaled = grad(verb, 8 * p, q / 4, normalize=True, **options)
    for got, g, c in zip(scaled, gradients, (8, 0.25), strict=False):
        np.testing.assert_allclose(got * c, g, rtol=1e-10, atol=1e-12)


@each_gradient
@pytest.mark.parametrize("normalize", [False, True])
def test_difference_quotients_of_the_value(verb: Verb, normalize: bool) -> None:
    """As given they differ by a constant: the value is that of the non-negative form."""
    if normalize and not verb.has_normalize:
        return
    options = verb.options(normalize=normalize)
    p, q = (np.random.default_rng(s).dirichlet(np.full(6, 4.0)) for s in (2, 3))
    step = 1e-7
    for argnum in range(verb.operands):
        _, g = grad(verb, p, q, argnum, **options)
        steps = step * np.eye(6)
        ahead, behind = (
            verb(*(p + s, q) if argnum == 0 else (p, q + s), **options) for s in (steps, -steps)
        )
        apart = (ahead - behind) / (2 * step) - g
        if verb == GENERALIZED_KL or normalize:
            np.testing.assert_allclose(apart, 0, atol=1e-6 * (1 + np.abs(g).max()))
        assert np.ptp(apart) <= 1e-6 * (1 + np.abs(g).max())


@each_float
def test_one_hot_labels_have_one_loss(kind: Float) -> None:
    """KL(p‖q) = CE(p, q), which is -ln q of the label, and so are the gradients."""
    p, q = one_hot(0, 50, 40, dtype=kind.dtype), distributions(1, 50, 40, kind=kind)
    for options in ({}, {"normalize": True}):
        kl, of_kl = grad(KL, p, q, 1, **options)
        ce, of_ce = grad(CROSS_ENTROPY, p, q, 1, **options)
        np.testing.assert_allclose(kl, ce, rtol=2 * kind.bound, atol=1e-3 * (kind != F64))
        assert_same_bits(of_kl, of_ce)
    _, of_ce = grad(CROSS_ENTROPY, p, q, 1)
    hot = p.astype(bool)
    exact = -1 / q.astype(np.float64)[hot]
    np.testing.assert_allclose(of_ce.astype(np.float64)[hot], exact, rtol=4 * kind.unit)
    assert (of_ce[~hot] == 0).all()


@pytest.mark.parametrize("normalize", [False, True])
def test_minimising_one_minimises_the_other(normalize: bool) -> None:
    """KL(p‖q) and CE(p, q) differ by H(p), in which q has no part."""
    p, q = distributions(0, 30, 40), distributions(1, 30, 40)
    kl, of_kl = grad(KL, p, q, 1, normalize=normalize)
    ce, of_ce = grad(CROSS_ENTROPY, p, q, 1, normalize=normalize)
    assert_same_bits(of_kl, of_ce)
    np.testing.assert_allclose(ce - kl, ENTROPY(p), rtol=1e-12)


def test_descent_finds_p() -> None:
    p = np.array([0.5, 0.3, 0.2])
    for verb in (KL, CROSS_ENTROPY, JS, HELLINGER, TRIANGULAR, PSI, RENYI, POWER):
        z = np.zeros(3)
        for _ in range(1500):
            weights = np.exp(z)
            _, g = grad(verb, p, weights, 1, normalize=True)
            z -= 0.1 * weights * g
        np.testing.assert_allclose(weights / weights.sum(), p, atol=0.06)


def test_distances_of_equal_rows_have_none() -> None:
    for verb in (JS_DISTANCE, HELLINGER, TOTAL_VARIATION):
        for options in ({}, {"normalize": True}):
            value, gradients = grad(verb, P, P, **options)
            assert value == 0
            assert all((g == 0).all() for g in gradients)


# Weights and reductions


@each_gradient
def test_sample_weight_and_reductions(verb: Verb) -> None:
    p, q = pair(5, 4, 30)
    weights = np.random.default_rng(0).random((5, 4))
    weights[1, 2] = 0
    values, gradients = grad(verb, p, q)
    for given in (None, weights, weights[0], weights[:, :1], 3, weights.astype(np.float32)):
        w = np.broadcast_to(np.float64(1) if given is None else np.asarray(given, float), (5, 4))
        for reduction, factor in ((None, 1), ("sum", 1), ("mean", 1 / w.sum())):
            options = {"reduction": reduction, "sample_weight": given}
            value, got = grad(verb, p, q, **options)
            expected = values * w * factor
            np.testing.assert_allclose(
                value, expected if reduction is None else expected.sum(), rtol=1e-14
            )
            assert type(value) is (np.ndarray if reduction is None else np.float64)
            for g, alone in zip(got, gradients, strict=True):
                np.testing.assert_allclose(g, alone * w[..., None] * factor, rtol=1e-14)


def test_reduced_values_of_float32() -> None:
    p, q = pair(500, 30, dtype=np.float32)
    values, g = grad(KL, p, q, 1)
    total, of_total = grad(KL, p, q, 1, reduction="sum")
    mean, of_mean = grad(KL, p, q, 1, reduction="mean")
    assert total.dtype == mean.dtype == of_total.dtype == of_mean.dtype == np.float32
    assert total == np.float32(values.sum(dtype=np.float64))
    assert mean == np.float32(values.mean(dtype=np.float64))
    assert_same_bits(of_total, g)
    np.testing.assert_allclose(of_mean, g / 500, rtol=2e-7)
    value, _ = grad(KL, p, q, 1, sample_weight=np.ones(500))
    assert_same_bits(value, values)


def test_one_row_with_weight() -> None:
    value, g = grad(KL, P, Q, 1, sample_weight=2, reduction="sum")
    alone, of_alone = grad(KL, P, Q, 1)
    assert value == 2 * alone
    assert g.tolist() == (2 * of_alone).tolist()


def test_negative_weights() -> None:
    values, g = grad(KL, [P, P], [Q, Q], 1, sample_weight=[-1, 2])
    assert (values / KL(P, Q)).tolist() == [-1, 2]
    assert (g[1] == -2 * g[0]).all()


def test_weight_0_leaves_a_row_out() -> None:
    """Also where it would be infinite."""
    p, q = [[1, 0], [0.5, 0.5]], [[0, 1], [0.25, 0.75]]
    for options in ({}, {"normalize": True}):
        expected, g = grad(KL, p[1], q[1], **options)
        for reduction in ("sum", "mean"):
            value, got = grad(KL, p, q, sample_weight=[0, 1], reduction=reduction, **options)
            assert value == expected
            for x, y in zip(got, g, strict=True):
                assert x.tolist() == [[0, 0], y.tolist()]


def test_weight_0_leaves_out_a_row_with_nan() -> None:
    p, q = [[np.nan, 1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]
    value, (of_p, of_q) = grad(KL, p, q[0], sample_weight=[0, 0.5], reduction="mean")
    expected, gradients = grad(KL, p[1], q[0])
    assert value == expected
    assert of_p.tolist() == [[0, 0], gradients[0].tolist()]
    assert of_q.tolist() == gradients[1].tolist()


@each_float
def test_infinite_gradients_are_no_floating_point_errors(kind: Float) -> None:
    p, q = (
        kind.array([[1, 0], [0.5, 0.5]]),
        kind.array([[kind.normal * (2 * kind.unit), 1], [1, 0]]),
    )
    with np.errstate(all="raise"):
        for reduction in (None, "sum", "mean"):
            _, (of_p, of_q) = grad(KL, p, q, reduction=reduction)
        assert np.isinf(of_p.astype(float)).tolist() == [[False, True], [False, True]]
        assert np.isinf(of_q.astype(float)).tolist() == [[True, False], [False, True]]
        _, of_q = grad(KL, p, q[1], 1)
        assert of_q.astype(float).tolist() == [-1.5, -np.inf]


# Shapes


@with_q
@pytest.mark.parametrize("normalize", [False, True])
def test_broadcasting_sums_the_gradient(verb: Verb, normalize: bool) -> None:
    options = verb.options(normalize=normalize)
    p, q = distributions(1, 5, 12), distributions(2, 4, 12)
    for x, y in ((p[0], q), (p, q[0]), (p[:, None], q), (p[:, None], q[None]), (p[:1], q)):
        shape = np.broadcast_shapes(x.shape, y.shape)
        values, full = grad(
            verb, np.broadcast_to(x, shape).copy(), np.broadcast_to(y, shape).copy(), **options
        )
        for argnums in (0, 1, (0, 1), (1, 0)):
            value, got = grad(verb, x, y, argnums, **options)
            assert_same_bits(value, values)
            pairs = [(argnums, got)] if isinstance(argnums, int) else zip(argnums, got, strict=True)
            for argnum, g in pairs:
                operand = (x, y)[argnum]
                assert g.shape == operand.shape
                lost = tuple(range(len(shape) - operand.ndim))
                total = full[argnum].sum(axis=lost)
                kept = tuple(
                    i for i, n in enumerate(operand.shape) if n == 1 and total.shape[i] > 1
                )
                total = total.sum(axis=kept, keepdims=True)
                np.testing.assert_allclose(g, total, rtol=1e-12, atol=1e-12)


def test_broadcasting_weighs_each_row() -> None:
    p, q = distributions(1, 12), distributions(2, 4, 12)
    w = np.array([0.1, 0.2, 0.3, 0.4])
    value, (of_p, of_q) = grad(KL, p, q, sample_weight=w, reduction="sum")
    values, (_, full) = grad(KL, np.tile(p, (4, 1)), q)
    np.testing.assert_allclose(value, w @ values, rtol=1e-14)
    np.testing.assert_allclose(of_q, full * w[:, None], rtol=1e-14)
    np.testing.assert_allclose(of_p, w @ (np.log(p / q) + 1), rtol=1e-12)


@each_gradient
def test_axes(verb: Verb) -> None:
    p, q = (np.random.default_rng(s).standard_exponential((3, 4, 5)) for s in (0, 1))
    for axis in (0, 1, -1, -3, (0, 2), (2, 0), (1, -1), (0, 1, 2), None):
        axes = tuple(range(3)) if axis is None else tuple(np.atleast_1d(axis) % 3)
        x, y = (z / z.sum(axis=axes, keepdims=True) for z in (p, q))
        last = range(-len(axes), 0)
        moved = [np.ascontiguousarray(np.moveaxis(z, sorted(axes), last)) for z in (x, y)]
        batch = moved[0].shape[: 3 - len(axes)]
        expected, gradients = grad(verb, *(z.reshape(*batch, -1) for z in moved))
        value, got = grad(verb, x, y, axis=axis)
        assert_same_bits(value, expected)
        for g, flat in zip(got, gradients, strict=True):
            back = np.moveaxis(flat.reshape(moved[0].shape), last, sorted(axes))
            assert_same_bits(g, back)


@each_gradient
@pytest.mark.parametrize("length", [17, 1500])
def test_where(verb: Verb, length: int) -> None:
    """What is left out may be anything, and has the gradient 0."""
    random = np.random.default_rng(5)
    keep = random.random((3, length)) < 0.6
    p, q = (np.where(keep, random.standard_exponential((3, length)), 0) for _ in range(2))
    p, q = (x / x.sum(axis=-1, keepdims=True) for x in (p, q))
    for options in ({}, verb.options(normalize=True)):
        expected, gradients = grad(verb, p, q, **options)
        for garbage in (np.nan, -1, np.inf):
            x, y = (np.where(keep, z, garbage) for z in (p, q))
            value, got = grad(verb, x, y, where=keep, **options)
            assert_same_bits(value, expected)
            for g, all_of in zip(got, gradients, strict=True):
                assert_same_bits(g, np.where(keep, all_of, 0))
            _, turned = grad(verb, fortran(x), y, where=keep, **options)
            _, along_0 = grad(verb, x.T, y.T, where=keep.T, axis=0, **options)
            for g, t, a in zip(got, turned, along_0, strict=True):
                assert_same_bits(t, g)
                assert_same_bits(a.T, g)


def test_where_broadcasts() -> None:
    keep = np.arange(6) % 3 < 2
    p, q = (np.where(keep, x, 0) for x in pair(4, 6))
    _, full = grad(KL, p, q, normalize=True)
    _, got = grad(KL, np.where(keep, p, 5), np.where(keep, q, 7), where=keep, normalize=True)
    for g, expected in zip(got, full, strict=True):
        assert_same_bits(g, np.where(keep, expected, 0))


@each_gradient
def test_empty_batch(verb: Verb) -> None:
    for dtype in (np.float64, np.float32):
        empty = np.empty((2, 0, 3), dtype)
        value, gradients = grad(verb, empty, empty)
        assert_same_bits(value, np.empty((2, 0), dtype))
        for g in gradients:
            assert_same_bits(g, empty)
        value, _ = grad(verb, empty, empty, reduction="sum")
        assert_same_bits(value, dtype(0))


def test_empty_batch_with_one_operand_that_is_not() -> None:
    _, (of_p, of_q) = grad(KL, P, np.empty((0, 3)), reduction="sum")
    assert of_p.tolist() == [0, 0, 0]
    assert of_q.shape == (0, 3)
    value, of_p = grad(KL, P, np.empty((0, 3)), 0, reduction="mean")
    assert math.isnan(value)
    assert of_p.tolist() == [0, 0, 0]


# Dtypes and layouts


def test_dtypes() -> None:
    dtypes = [F64.dtype, F32.dtype, F16.dtype, BF16.dtype, *INTEGERS]
    for of_p in dtypes:
        for of_q in dtypes:
            p, _ = pair(3, 20, dtype=of_p)
            _, q = pair(3, 20, dtype=of_q)
            narrow = of_p in dtypes[1:4] and of_q in dtypes[1:4]
            common = np.float32 if narrow else np.float64
            value, gradients = grad(JS, p, q, normalize=True)
            assert value.dtype == common
            expected = grad(JS, p.astype(common), q.astype(common), normalize=True)
            assert_same_bits(value, expected[0])
            for x, g, e in zip((p, q), gradients, expected[1], strict=True):
                own = x.dtype if x.dtype in dtypes[:4] else np.dtype(np.float64)
                assert_same_bits(g, e.astype(own))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("dtype", [F64.dtype, F32.dtype, F16.dtype, BF16.dtype], ids=str)
def test_layouts_have_the_same_bits(layout: Callable[..., Any], dtype: np.dtype[Any]) -> None:
    for length in (7, 300, 2500):
        p, q = pair(4, length, dtype=dtype)
        for verb in (KL, JS, CROSS_ENTROPY, RENYI, ENTROPY, HELLINGER):
            for options in ({}, {"normalize": True}):
                expected = grad(verb, p, q, **options)
                for x, y in ((layout(p), q), (p, layout(q)), (layout(p), layout(q))):
                    value, got = grad(verb, x, y, **options)
                    assert_same_bits(value, expected[0])
                    for g, e in zip(got, expected[1], strict=True):
                        assert_same_bits(g, e)


@each_gradient
def test_single_rows_have_the_bits_of_the_batch(verb: Verb) -> None:
    for shape in ((70, 7), (9, 40), (3, 1500)):
        for dtype in (np.float64, np.float32):
            p, q = pair(*shape, dtype=dtype)
            for options in ({}, verb.options(normalize=True)):
                values, gradients = grad(verb, p, q, **options)
                for row in (0, 1, shape[0] - 1):
                    value, got = grad(verb, p[row], q[row], **options)
                    assert_same_bits(value, values[row])
                    for argnum, (g, all_of) in enumerate(zip(got, gradients, strict=True)):
                        assert_same_bits(g, all_of[row])
                        assert_same_bits(grad(verb, p[row], q[row], argnum, **options)[1], g)


@each_gradient
def test_threads_have_the_same_bits(verb: Verb) -> None:
    for shape in ((3000, 200), (1, 100_000)):
        p, q = pair(*shape)
        options = verb.options(normalize=True)
        weights = np.random.default_rng(1).random(shape[0])
        results = []
        for threads in (1, 2, 5):
            with klrs.threads(threads):
                results.append(
                    (grad(verb, p, q), grad(verb, p, q, sample_weight=weights, **options))
                )
        for result in results[1:]:
            for got, expected in zip(result, results[0], strict=True):
                assert_same_bits(got[0], expected[0])
                for g, e in zip(got[1], expected[1], strict=True):
                    assert_same_bits(g, e)
        assert_same_bits(results[0][0][0], verb(p, q))
        last = grad(verb, p[-1], q[-1])
        for g, e in zip(last[1], results[0][0][1], strict=True):
            assert_same_bits(g, e[-1])


def test_foreign_operands() -> None:
    p, q = pair(3, 4)
    expected = grad(KL, p, q)
    for x, y in ((p.tolist(), q.tolist()), (memoryview(p), tuple(map(tuple, q.tolist())))):
        value, got = grad(KL, x, y)
        assert_same_bits(value, expected[0])
        for g, e in zip(got, expected[1], strict=True):
            assert_same_bits(g, e)
    by_name = klrs.value_and_grad(klrs.kl_divergence)(q=q, p=p)
    assert_same_bits(by_name[1], expected[1][1])


@each_gradient
def test_inputs_are_not_modified(verb: Verb) -> None:
    p, q = pair(4, 30)
    x, y, w = p.copy(), q.copy(), np.arange(4.0)
    keep = np.ones(30, bool)
    for array in (x, y, w, keep):
        array.flags.writeable = False
    for reduction in (None, "sum", "mean"):
        grad(verb, x, y, where=keep, sample_weight=w, reduction=reduction)
    grad(verb, x, y, **verb.options(normalize=True))
    assert_same_bits(x, p)
    assert_same_bits(y, q)


def test_results_belong_to_the_caller() -> None:
    p, q = pair(2, 4)
    for dtype in (np.float64, np.float32):
        _, gradients = grad(KL, p.astype(dtype), q[0].astype(dtype))
        for g in gradients:
            assert g.flags.writeable
            assert not np.shares_memory(g, p)
            assert not np.shares_memory(g, q)


# Where to


@pytest.mark.parametrize("verb", [GENERALIZED_KL, KL], ids=str)
@each_float
def test_out(kind: Float, verb: Verb) -> None:
    options = verb.options(normalize=True)
    for length in (7, 1500):
        p, q = pair(3, length, dtype=kind.dtype)
        expected, (of_p, of_q) = grad(verb, p, q, **options)
        narrow = grad(verb, p.astype(kind.result), q.astype(kind.result), 1, **options)[1]
        for out in out_layouts(p.shape, kind.dtype):
            value, got = grad(verb, p, q, 1, out=out, **options)
            assert got is out
            assert_same_bits(value, expected)
            # A wider array has more of the digits.
            wider = out.dtype.itemsize > kind.dtype.itemsize
            assert_same_bits(out, (narrow if wider else of_q).astype(out.dtype))
        outs = np.empty_like(p), np.empty_like(q)
        value, got = grad(verb, p, q, out=outs, **options)
        assert got[0] is outs[0]
        assert got[1] is outs[1]
        assert_same_bits(outs[0], of_p)
        assert_same_bits(outs[1], of_q)
        for outs in ((None, np.empty_like(q)), (np.empty_like(p), None), (None, None)):
            _, got = grad(verb, p, q, out=outs, **options)
            assert all(g is o for g, o in zip(got, outs, strict=True) if o is not None)
            assert_same_bits(got[0], of_p)
            assert_same_bits(got[1], of_q)


def test_out_of_one_in_a_tuple() -> None:
    out = np.empty(3)
    _, got = grad(KL, P, Q, (1,), out=(out,))
    assert got[0] is out
    _, got = grad(KL, P, Q, 1, out=(out,))
    assert got is out


def test_out_that_is_an_operand() -> None:
    for length in (7, 1500):
        p, q = pair(4, length)
        for options in ({}, {"normalize": True}):
            _, (of_p, of_q) = grad(KL, p, q, **options)
            for swap in (False, True):
                x, y = p.copy(), q.copy()
                grad(KL, x, y, out=(y, x) if swap else (x, y), **options)
                assert_same_bits(y if swap else x, of_p)
                assert_same_bits(x if swap else y, of_q)
            x, y = p.copy(), reverse(q)
            grad(KL, x, y, 1, out=y, **options)
            assert_same_bits(y, of_q)
            x, y = p.copy(), q.copy()
            grad(KL, x, y, 1, out=y[::-1], **options)
            assert_same_bits(y[::-1], of_q)


def test_out_that_is_where_or_the_weights() -> None:
    p, q = pair(4, 4)
    w = np.arange(16.0).reshape(4, 4)
    expected = grad(KL, p, q, 1, sample_weight=w[0])[1]
    grad(KL, p, q, 1, sample_weight=w[0], out=w)
    assert_same_bits(w, expected)


def test_out_that_overlaps_another() -> None:
    out = np.empty((2, 4))
    with raises(ValueError, "out: its arrays overlap; pass one for each gradient"):
        grad(KL, *pair(2, 4), out=(out, out))
    wide = np.empty((2, 8))
    _, got = grad(KL, *pair(2, 4), out=(wide[:, ::2], wide[:, 1::2]))
    for g, expected in zip(got, grad(KL, *pair(2, 4))[1], strict=True):
        assert_same_bits(g, expected)


def test_out_touches_nothing_between_its_elements() -> None:
    p, q = pair(4, 7)
    wide = np.full((4, 9), 7.0)
    grad(KL, p, q, 1, out=wide[:, 1:-1])
    assert (wide[:, [0, -1]] == 7).all()
    assert_same_bits(wide[:, 1:-1], grad(KL, p, q, 1)[1])


def test_out_of_broadcasting_operands() -> None:
    p, q = distributions(1, 12), distributions(2, 4, 12)
    _, (of_p, of_q) = grad(KL, p, q)
    for out in (np.empty(12), misaligned(np.empty(12)), np.empty(24)[::2]):
        _, got = grad(KL, p, q, out=(out, None))
        assert got[0] is out
        assert_same_bits(out, of_p)
        assert_same_bits(got[1], of_q)
    out = np.empty((12, 4))
    grad(KL, p[:, None], q.T, 1, axis=0, out=out)
    assert_same_bits(out.T, of_q)


def test_out_that_cannot_hold_it() -> None:
    frozen = np.broadcast_to(1.0, 3)
    for out, kind, text in (
        (np.empty(2), ValueError, "out: shape (2,), expected (3,)"),
        (np.empty((1, 3)), ValueError, "out: shape (1, 3), expected (3,)"),
        (np.empty(3, np.float32), TypeError, "out: dtype float32 cannot hold float64 results"),
        (np.empty(3, int), TypeError, "out: dtype int64 cannot hold float64 results"),
        (np.empty(3, complex), TypeError, "out: dtype complex128 cannot hold float64 results"),
        (frozen, ValueError, "out: is read-only; pass a writable array"),
        ([0.0, 0.0, 0.0], TypeError, "out: got list, expected a NumPy array"),
        ((None, None), ValueError, "out: got 2 arrays, expected 1"),
    ):
        with raises(kind, text):
            grad(KL, P, Q, 1, out=out)
    with raises(TypeError, "out: got ndarray, expected a tuple of 2 arrays"):
        grad(KL, P, Q, out=np.empty(3))
    with raises(ValueError, "out: got 1 arrays, expected 2"):
        grad(KL, P, Q, out=(np.empty(3),))
    with raises(TypeError, "out: dtype float16 cannot hold float32 results"):
        grad(KL, F32.array(P), F32.array(Q), 1, out=np.empty(3, np.float16))


# NaN, and mistakes in the data


@each_gradient
@pytest.mark.parametrize("length", [5, 1500])
def test_nan_belongs_to_its_row(verb: Verb, length: int) -> None:
    p, q = pair(12, length)
    for options in ({}, verb.options(normalize=True)):
        expected, gradients = grad(verb, p, q, **options)
        for place in (0, length - 1):
            for which in range(verb.operands):
                x, y = p.copy(), q.copy()
                (x, y)[which][3, place] = np.nan
                value, got = grad(verb, x, y, **options)
                rest = np.arange(12) != 3
                assert np.isnan(value[3])
                assert_same_bits(value[rest], expected[rest])
                for g, e in zip(got, gradients, strict=True):
                    assert np.isnan(g[3]).all()
                    assert_same_bits(g[rest], e[rest])


@pytest.mark.parametrize("shape", [(40, 6), (3000, 200), (5, 2000)])
def test_the_first_bad_row_is_named(shape: tuple[int, int]) -> None:
    good = distributions(0, *shape)
    last = shape[0] - 1
    for threads in (1, 4):
        for value, text in (
            (-0.5, "has the negative value -0.5 at position 1; probabilities must be >= 0"),
            (np.inf, "has the infinite value inf at position 1; expected finite values"),
            (3, "sums to "),
        ):
            bad = good.copy()
            bad[[2, last], 1] = value
            for p, q, name in ((bad, good, "p"), (good, bad, "q")):
                with (
                    klrs.threads(threads),
                    pytest.raises(ValueError, match=rf"^{name}: row 2 {text}"),
                ):
                    grad(KL, p, q)
        zeros = good.copy()
        zeros[[2, last]] = 0
        with pytest.raises(ValueError, match=r"^q: row 2 sums to 0 and cannot be normalised;"):
            grad(KL, good, zeros, normalize=True)


@each_gradient
def test_data_errors_are_those_of_the_verb(verb: Verb) -> None:
    mistakes = ([-0.5, 0.5, 1], [np.inf, 0, 0], P.astype(complex), ["a", "b", "c"], 1.0, [[]])
    for bad in mistakes:
        with pytest.raises((ValueError, TypeError)) as expected:
            verb(bad, Q)
        with raises(expected.type, str(expected.value)):
            grad(verb, bad, Q)


# Mistakes in the arguments


def test_verbs_without_a_gradient() -> None:
    for verb, number in (
        (RENYI, 0),
        (RENYI, np.inf),
        (RENYI_ENTROPY, 0),
        (RENYI_ENTROPY, np.inf),
    ):
        text = f"verb: {verb.name} with the parameter {number:g} has no gradient"
        with raises(ValueError, text):
            grad(verb.at(number), P, Q)
    with raises(ValueError, "verb: min_entropy has no gradient"):
        grad(MIN_ENTROPY, P)


@pytest.mark.parametrize(
    "what", [np.sum, "kl_divergence", None, klrs.smooth, klrs.kl_contributions, klrs.threads]
)
def test_no_verb(what: Any) -> None:
    with raises(TypeError, f"verb: got {what!r}, expected a divergence or entropy of klrs"):
        klrs.value_and_grad(what)


def test_mistakes_in_argnums() -> None:
    for argnums in (True, 1.0, None, (), [0, 1], "p", (0, 1.0), (0, False)):
        with raises(TypeError, f"argnums: got {argnums!r}, expected 0, 1 or a tuple of them"):
            klrs.value_and_grad(klrs.kl_divergence, argnums)
    for wrong in (2, -1):
        text = f"argnums: {wrong}, but kl_divergence has p and q only; pass 0, 1 or (0, 1)"
        with raises(ValueError, text):
            klrs.value_and_grad(klrs.kl_divergence, (0, wrong))
    for argnums in (1, (0, 1)):
        with raises(ValueError, "argnums: 1, but entropy has p only; pass argnums=0"):
            klrs.value_and_grad(klrs.entropy, argnums)
    with raises(ValueError, "argnums: (1, 1) names an operand twice"):
        klrs.value_and_grad(klrs.kl_divergence, (1, 1))
    assert grad(KL, P, Q, np.int64(1))[1].tolist() == grad(KL, P, Q, 1)[1].tolist()


def test_perplexity_of_one_operand() -> None:
    assert_same_bits(grad(PERPLEXITY_OF_P, P)[1][0], klrs.value_and_grad(klrs.perplexity, 0)(P)[1])
    with raises(ValueError, "argnums: 1, but perplexity was called without q"):
        klrs.value_and_grad(klrs.perplexity)(P)
    with raises(ValueError, "argnums: (0, 1), but perplexity was called without q"):
        klrs.value_and_grad(klrs.perplexity, (0, 1))(P, None)
    assert grad(PERPLEXITY, P, Q, 1)[0] == klrs.perplexity(P, Q)


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((P,), {}),
    ((), {}),
    ((P, Q, 2), {}),
    ((P, Q), {"bas": 2}),
    ((P, Q), {"base": 1}),
    ((P, Q), {"base": "2"}),
    ((P, Q), {"axis": 1}),
    ((P, Q), {"axis": (0, 0)}),
    ((P, Q), {"axis": 0.0}),
    ((P, Q), {"axis": 1.5}),
    ((P, Q), {"axis": (0, 0.5)}),
    ((P, Q), {"axis": "0"}),
    ((P, Q), {"axis": ()}),
    ((P, Q), {"axis": True}),
    ((P, Q), {"where": [0, 1, 1]}),
    ((P, Q), {"where": [True, False]}),
    ((P, Q), {"where": [False] * 3}),
    ((P, Q[:2]), {}),
    ((P, None), {}),
    ((1.0, 1.0), {}),
    ((P * 2, Q), {}),
    (([[0.5, 0.5]], [[0.5, 0.5]] * 2), {"axis": 2}),
    ((np.empty((3, 0)), np.empty((3, 0))), {}),
    ((np.ma.array(P), Q), {}),
]


@pytest.mark.parametrize(("args", "kwargs"), CALLS, ids=range(len(CALLS)))
def test_calls_are_refused_as_the_verb_refuses_them(args: Any, kwargs: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as expected:
        klrs.kl_divergence(*args, **kwargs)
    for argnums in (0, 1, (0, 1)):
        with raises(expected.type, str(expected.value)):
            klrs.value_and_grad(klrs.kl_divergence, argnums)(*args, **kwargs)


def test_keepdims() -> None:
    with raises(
        TypeError, "value_and_grad of kl_divergence: there is no keepdims; reshape the values"
    ):
        grad(KL, P, Q, keepdims=True)


def test_missing_number() -> None:
    text = "renyi_divergence() needs alpha: pass it by keyword, e.g. renyi_divergence(p, q, alpha"
    with pytest.raises(TypeError) as error:
        klrs.value_and_grad(klrs.renyi_divergence)(P, Q)
    assert str(error.value).startswith(text)


def test_mistakes_in_the_reduction() -> None:
    for reduction in ("none", "avg", "batchmean", 1, True, ["sum"], np.array(["sum"])):
        text = f"reduction: got {reduction!r}, expected one of (None, 'mean', 'sum')"
        with raises(ValueError, text):
            grad(KL, P, Q, 1, reduction=reduction)


def test_mistakes_in_the_weights() -> None:
    p, q = np.stack([P, P]), np.stack([Q, Q])
    expected = "; pass one number for each row"
    for weights in (np.ones(3), np.ones((2, 1)), np.ones((1, 1, 2))):
        text = f"sample_weight: shape {weights.shape} does not broadcast to (2,){expected}"
        with raises(ValueError, text):
            grad(KL, p, q, sample_weight=weights)
    with raises(ValueError, f"sample_weight: shape (1,) does not broadcast to (){expected}"):
        grad(KL, P, Q, sample_weight=[1])
    for bad in (np.nan, np.inf, -np.inf):
        with raises(
            ValueError,
            "sample_weight: has a value that is not finite; expected finite numbers",
        ):
            grad(KL, p, q, sample_weight=[1, bad])
    for wrong, dtype in (("a", "<U1"), ([1j, 1], "complex128"), ([None, 1], "object")):
        with raises(
            TypeError, f"sample_weight: dtype {dtype}, expected real numbers (at most float64)"
        ):
            grad(KL, p, q, sample_weight=wrong)
    for zeros in ([0, 0], 0, [-1, 1]):
        text = "sample_weight: sums to 0; a weighted mean needs more than 0"
        with raises(ValueError, text):
            grad(KL, p, q, sample_weight=zeros, reduction="mean")


def test_the_function_says_what_it_is() -> None:
    loss = klrs.value_and_grad(klrs.kl_divergence)
    assert loss.__name__ == "value_and_grad_of_kl_divergence"
    assert "klrs.value_and_grad" in (loss.__doc__ or "")
