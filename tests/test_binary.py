"""Two classes, of which one number says everything: from logits, and from probabilities.

Values and gradients over all dtypes are those of test_logits_accuracy.py, and those of torch of
test_torch_losses.py. Here: shapes, what is left out, the ends of the ranges, and errors.
"""

from __future__ import annotations

import doctest
import inspect
import re
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import klrs
import reference_logits as reference
from inputs import F16, F32, F64, Float, assert_same_bits, each_float
from klrs import logits
from messages import raises

bce, bkl = logits.binary_cross_entropy, logits.binary_kl_divergence
LOSSES = (bce, bkl)
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)

X = np.random.default_rng(0).normal(0, 3, (4, 5))
T = np.random.default_rng(1).random((4, 5))
"""Targets of one, and logits of the other."""


def grad(loss: Any, argnums: Any = 1) -> Any:
    return klrs.value_and_grad(loss, argnums)


def exact(loss: Any, first: Any, second: Any, **options: Any) -> Any:
    return reference.VALUES[loss.__name__](first, second, **({"temperature": 1.0} | options))


def slope(loss: Any, first: Any, second: Any, **options: Any) -> Any:
    return reference.GRADIENTS[loss.__name__][1](first, second, **({"temperature": 1.0} | options))


@each_loss
def test_scalars_and_lists(loss: Any) -> None:
    value, gradient = grad(loss)(0.25, -1.5)
    assert type(value) is np.float64
    assert value == pytest.approx(float(exact(loss, 0.25, -1.5)), rel=1e-14)
    assert gradient.shape == ()
    assert gradient == pytest.approx(float(slope(loss, 0.25, -1.5)), rel=1e-14)
    assert_same_bits(loss(0.25, [-1.5, 2.0])[0], value)
    assert loss([[0.25], [0.5]], [-1.5, 2.0]).shape == (2, 2)
    assert loss(1, 2) == pytest.approx(float(exact(loss, 1, 2)), rel=1e-14)
    assert loss(True, 2.0) == loss(1.0, 2.0)
    assert type(loss(np.float32(1), np.float32(2))) is np.float32


@each_float
@each_loss
def test_dtypes(loss: Any, kind: Float) -> None:
    t, x = kind.array(T), kind.array(X)
    value, gradient = grad(loss)(t, x)
    assert value.dtype == kind.result
    assert gradient.dtype == kind.dtype
    for first, second, got in zip(t.ravel(), x.ravel(), value.ravel(), strict=True):
        right = float(exact(loss, float(first), float(second)))
        assert got == pytest.approx(right, rel=1e-13 if kind is F64 else 2e-6)
    for integer in (np.int8, np.uint64, np.bool_):
        ones = np.ones(5, integer)
        assert_same_bits(loss(ones, X), loss(np.ones(5), X))
    mixed = loss(t, X.astype(np.float32))
    assert mixed.dtype == (np.float64 if kind is F64 else np.float32)


@each_loss
def test_layouts_and_broadcasting(loss: Any) -> None:
    value, gradient = grad(loss)(T, X)
    assert_same_bits(loss(T.T, X.T).T, value)
    assert_same_bits(grad(loss)(T[::-1], np.asfortranarray(X[::-1]))[1][::-1], gradient)
    assert_same_bits(loss(T.reshape(2, 2, 5), X.reshape(2, 2, 5)).reshape(4, 5), value)
    assert_same_bits(loss(T.astype(">f8"), np.repeat(X, 2, axis=0)[::2]), value)
    stretched, by_row = grad(loss)(T, X[0])
    assert_same_bits(stretched, loss(T, np.tile(X[0], (4, 1))))
    whole = grad(loss)(T, np.tile(X[0], (4, 1)))[1]
    np.testing.assert_allclose(by_row, whole.sum(0), rtol=1e-13)
    outer = loss(T[0][:, None], X[0])
    assert outer.shape == (5, 5)
    assert outer[2, 3] == loss(T[0, 2], X[0, 3])
    # Every length has its own lanes.
    for length in (1, 7, 16, 33, 5000):
        many = loss(np.resize(T, length), np.resize(X, length))
        assert_same_bits(many, np.resize(value, length))


@each_loss
def test_threads_change_no_bit(loss: Any) -> None:
    t, x = np.resize(T, 300_001), np.resize(X, 300_001)
    with klrs.threads(1):
        expected = grad(loss)(t, x)
    with klrs.threads(5):
        for a, b in zip(grad(loss)(t, x), expected, strict=True):
            assert_same_bits(a, b)


@each_loss
def test_empty(loss: Any) -> None:
    for shape in ((0,), (0, 5), (3, 0)):
        value, gradient = grad(loss)(np.zeros(shape), np.zeros(shape))
        assert value.shape == gradient.shape == shape
        assert np.isnan(loss(np.zeros(shape), np.zeros(shape), reduction="mean"))
        assert loss(np.zeros(shape), np.zeros(shape), reduction="sum") == 0
    assert loss([], []).dtype == np.float64
    assert loss(np.zeros(0, np.float32), np.zeros(0, np.float16)).dtype == np.float32


@pytest.mark.parametrize("base", [None, 2, 10.0])
@pytest.mark.parametrize("temperature", [0.01, 0.5, 3.0])
@each_loss
def test_options(loss: Any, temperature: float, base: float | None) -> None:
    options = {"temperature": temperature, "base": base}
    value, gradient = grad(loss)(T, X, **options)
    for first, second, got, by in zip(T.flat, X.flat, value.flat, gradient.flat, strict=True):
        assert got == pytest.approx(float(exact(loss, first, second, **options)), rel=1e-13)
        right = float(slope(loss, first, second, **options))
        assert by == pytest.approx(right, rel=1e-12, abs=1e-12)
    room, place = np.empty((4, 5)), np.empty((4, 5))
    assert loss(T, X, out=room, **options) is room
    assert_same_bits(room, value)
    assert grad(loss)(T, X, out=place, **options)[1] is place
    assert_same_bits(place, gradient)


@each_loss
def test_reductions(loss: Any) -> None:
    value, gradient = grad(loss)(T, X)
    weights = np.arange(5.0)
    for given in (None, weights, weights[3], np.resize(weights, (4, 5))):
        w = np.broadcast_to(1.0 if given is None else given, (4, 5))
        for reduction, factors in ((None, w), ("sum", w), ("mean", w / w.sum())):
            got, by = grad(loss)(T, X, sample_weight=given, reduction=reduction)
            right = value * factors if reduction is None else (value * factors).sum()
            np.testing.assert_allclose(got, right, rtol=1e-14)
            np.testing.assert_allclose(by, gradient * factors, rtol=1e-14)
            if reduction:
                assert type(got) is np.float64
    single = loss(np.float32(T), np.float32(X), reduction="mean")
    assert type(single) is np.float32
    assert single == pytest.approx(value.mean(), rel=1e-6)


@each_loss
def test_where(loss: Any) -> None:
    """Elements that are left out are not read, are 0, and count in no mean."""
    kept = np.random.default_rng(3).random((4, 5)) < 0.6
    t, x = np.where(kept, T, 7), np.where(kept, X, np.inf)
    if loss is bkl:
        t[~kept] = np.nan
    value, gradient = grad(loss)(t, x, where=kept)
    expected, slopes = grad(loss)(T, X)
    assert_same_bits(value[kept], expected[kept])
    assert_same_bits(gradient[kept], slopes[kept])
    assert not value[~kept].any()
    assert not gradient[~kept].any()
    mean, by_mean = grad(loss)(t, x, where=kept, reduction="mean")
    assert mean == pytest.approx(expected[kept].mean(), rel=1e-14)
    np.testing.assert_allclose(by_mean, np.where(kept, slopes, 0) / kept.sum(), rtol=1e-14)
    weights = np.arange(5.0) + 1
    mean = loss(t, x, where=kept, sample_weight=weights, reduction="mean")
    assert mean == pytest.approx(
        np.average(expected[kept], weights=np.tile(weights, (4, 1))[kept]), rel=1e-14
    )
    assert loss(t, x, where=kept, reduction="sum") == pytest.approx(expected[kept].sum())
    assert_same_bits(loss(T, X, where=kept[0]), np.where(kept[0], expected, 0))
    assert np.isnan(loss(T, X, where=False, reduction="mean"))


@each_loss
@each_float
def test_nan_stays_in_its_element(loss: Any, kind: Float) -> None:
    t, x = kind.array(T), kind.array(X)
    expected = grad(loss)(t, x)
    t[1, 2] = x[3, 4] = np.nan
    for got, right in zip(grad(loss)(t, x), expected, strict=True):
        is_nan = np.isnan(got.astype(float))
        assert np.argwhere(is_nan).tolist() == [[1, 2], [3, 4]]
        assert_same_bits(got[~is_nan], right[~is_nan])


@each_loss
def test_weight_0_leaves_out(loss: Any) -> None:
    x = X.copy()
    x[0, 0] = np.nan
    weights = np.ones((4, 5))
    weights[0, 0] = 0
    value, gradient = grad(loss)(T, x, sample_weight=weights, reduction="mean")
    assert np.isfinite(value)
    assert gradient[0, 0] == 0
    assert np.isfinite(gradient).all()


# Cross-entropy


def test_confident_predictions_keep_their_digits() -> None:
    assert bce(1, 40.0) == pytest.approx(4.248354255291589e-18, rel=1e-14, abs=0)
    assert bce(0, -40.0) == pytest.approx(4.248354255291589e-18, rel=1e-14, abs=0)
    assert bce(np.float32(1), np.float32(40)) == pytest.approx(4.2483542e-18, rel=1e-6, abs=0)
    assert bce(1, -40.0) == pytest.approx(40, rel=1e-15)
    for t in (1, 0):
        sign = 1 - 2 * t
        _, gradient = grad(bce)(t, -sign * 40.0)
        assert gradient == pytest.approx(sign * 4.248354255291589e-18, rel=1e-14, abs=0)


def test_ends() -> None:
    """Logits as large as they get, and those that are -inf."""
    x = np.array([1e300, -1e300, 1e300, -1e300])
    value, gradient = grad(bce)([1, 0, 0, 1], x)
    assert value.tolist() == [0, 0, 1e300, 1e300]
    assert gradient.tolist() == [0, 0, 1, -1]
    value, gradient = grad(bce)(0.25, x[:2])
    assert value.tolist() == [0.75e300, 0.25e300]
    assert gradient.tolist() == [0.75, -0.25]
    with np.errstate(all="raise"):
        value, gradient = grad(bce)([0, 1, 0.5], [-np.inf] * 3)
    assert value.tolist() == [0, np.inf, np.inf]
    assert gradient.tolist() == [0, -1, -0.5]
    assert bce([1, 0], 1.0, temperature=0.01) == pytest.approx([np.exp(-100.0), 100], rel=1e-13)


def test_pos_weight() -> None:
    weights = np.array([0.5, 1, 2, 3, 0])
    value, gradient = grad(bce)(T, X, pos_weight=weights)
    for (i, j), got in np.ndenumerate(value):
        options = {"pos_weight": weights[j]}
        assert got == pytest.approx(float(exact(bce, T[i, j], X[i, j], **options)), rel=1e-13)
        right = float(slope(bce, T[i, j], X[i, j], **options))
        assert gradient[i, j] == pytest.approx(right, rel=1e-12, abs=1e-13)
    for two in (2, [2], np.float32(2), np.full(5, 2)):
        assert_same_bits(bce(T, X, pos_weight=two), bce(T, X, pos_weight=2.0))
    assert bce(1, 2.0, pos_weight=3) == pytest.approx(3 * bce(1, 2.0), rel=1e-15)
    assert bce(0, 2.0, pos_weight=3) == bce(0, 2.0)
    assert bce(1, -np.inf, pos_weight=0) == 0


def test_it_is_the_cross_entropy_of_two_classes() -> None:
    two = np.stack([X, np.zeros_like(X)], -1)
    np.testing.assert_allclose(
        bce(T, X), logits.cross_entropy(np.stack([T, 1 - T], -1), two), rtol=1e-14
    )


# Divergence


def test_laws() -> None:
    assert not bkl(X, X).any()
    assert (bkl(X, X * (1 + 1e-15)) >= 0).all()
    np.testing.assert_allclose(bkl(X, T), bkl(-X, -T), rtol=1e-13)
    two = [np.stack([x, np.zeros_like(x)], -1) for x in (X, T)]
    np.testing.assert_allclose(bkl(X, T), logits.kl_divergence(*two), rtol=1e-13)
    value, (by_p, by_q) = grad(bkl, (0, 1))(X, T)
    assert_same_bits(grad(bkl, 0)(X, T)[1], by_p)
    assert_same_bits(grad(bkl, 1)(X, T)[1], by_q)
    assert_same_bits(bkl(X, T), value)


def test_near_equality_and_confidence() -> None:
    for p, q in (
        (40.0, 41.0),
        (-700.0, -701.0),
        (3.0, 3.0 + 1e-12),
        (500.0, 500.0 + 1e-9),
        (36.0, -36.0),
    ):
        assert bkl(p, q) == pytest.approx(float(exact(bkl, p, q)), rel=1e-13, abs=1e-300)


def test_ends_of_the_divergence() -> None:
    assert bkl([1e300, -1e300], [-1e300, 1e300]).tolist() == [1e300, 1e300]
    assert bkl([1e300, -1e300], [1e300, -1e300]).tolist() == [0, 0]
    assert bkl([-np.inf] * 2, [-np.inf, 0.0]) == pytest.approx([0, np.log(2)], rel=1e-15)
    assert bkl([0.0, -700.0], -np.inf).tolist() == [np.inf, np.inf]
    for argnum in (0, 1):
        _, gradient = grad(bkl, argnum)([-np.inf, 1e300, -np.inf], [-np.inf, 1e300, 2.0])
        assert np.isfinite(gradient).all()


# Probabilities


def test_probabilities() -> None:
    p, q = np.random.default_rng(5).random((2, 3, 7))
    value = klrs.binary_kl_divergence(p, q)
    two = [np.stack([x, 1 - x], -1) for x in (p, q)]
    np.testing.assert_allclose(value, klrs.kl_divergence(*two), rtol=1e-12)
    assert_same_bits(klrs.binary_kl_divergence(p.T, q.T).T, value)
    assert klrs.binary_kl_divergence(p[:, :1], q[:, 0]).shape == (3, 3)
    assert type(klrs.binary_kl_divergence(0.5, 0.25)) is np.float64
    assert klrs.binary_kl_divergence([], []).shape == (0,)
    np.testing.assert_allclose(
        klrs.binary_kl_divergence(p, q, base=2), value / np.log(2), rtol=1e-14
    )
    kept = p < 0.5
    assert_same_bits(
        klrs.binary_kl_divergence(np.where(kept, p, 9), q, where=kept), np.where(kept, value, 0)
    )
    room = np.empty((3, 7))
    assert klrs.binary_kl_divergence(p, q, out=room) is room
    assert_same_bits(room, value)


def test_function_of_probabilities_is_documented() -> None:
    doc = inspect.getdoc(klrs.binary_kl_divergence) or ""
    sections = ["Parameters", "Returns", "Raises", "Notes", "References", "Examples"]
    assert re.findall(r"^(\w+)\n-+$", doc, re.MULTILINE) == sections
    parameters = doc.split("Parameters\n----------\n")[1].split("\n\nR")[0]
    described = re.findall(r"^(\w+) :", parameters, re.MULTILINE)
    assert described == list(inspect.signature(klrs.binary_kl_divergence).parameters)
    test = doctest.DocTestParser().get_doctest(doc, {}, "binary_kl_divergence", None, None)
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0
    assert len(test.examples) >= 3


def test_ends_of_probabilities() -> None:
    ends = klrs.binary_kl_divergence([[0], [1], [0.5]], [0, 1, 0.5])
    two = np.log(2)
    assert ends[:2].tolist() == [[0, np.inf, two], [np.inf, 0, two]]
    assert ends[2].tolist() == [np.inf, np.inf, 0]
    assert np.isnan(klrs.binary_kl_divergence([np.nan, 0.5], [0.5, np.nan])).all()
    assert klrs.binary_kl_divergence(-0.0, 0) == 0
    assert klrs.binary_kl_divergence(True, 0.5) == two


@pytest.mark.parametrize("kind", [F64, F32, F16], ids=str)
def test_probabilities_that_are_nearly_equal(kind: Float) -> None:
    for p in (0.5, 0.3, 1e-3, kind.normal * 8):
        x, y = kind.array([p, p * (1 + 4 * kind.unit)])
        right = reference.binary_kl_divergence_of_probabilities(float(x), float(y))
        floor = mp.mpf("1e-24" if kind is F64 else "1e-10")
        got = klrs.binary_kl_divergence(x, y)
        assert got >= 0
        assert abs(mp.mpf(float(got)) - right) <= (1e-13 if kind is F64 else 2e-6) * max(
            right, floor
        )


def test_gradient_of_probabilities() -> None:
    """ln(p/q) - ln((1-p)/(1-q)) and (q-p)/(q(1-q)), by the definition in more digits."""
    p, q = np.array([0.25, 0.9, 0.5, 0.0, 1.0]), np.array([0.5, 0.2, 0.5, 0.25, 0.25])
    value, (by_p, by_q) = grad(klrs.binary_kl_divergence, (0, 1))(p, q)
    assert_same_bits(value, klrs.binary_kl_divergence(p, q))
    for place, (one, other) in enumerate(zip(p.tolist(), q.tolist(), strict=True)):
        a, b = mp.mpf(one), mp.mpf(other)
        assert by_q[place] == pytest.approx(float((b - a) / (b * (1 - b))), rel=1e-14, abs=0)
        if 0 < one < 1:
            exact_by_p = mp.log(a / b) - mp.log((1 - a) / (1 - b))
            assert by_p[place] == pytest.approx(float(exact_by_p), rel=1e-14, abs=0)
    assert by_p[2] == by_q[2] == 0
    assert (by_p[3], by_p[4]) == (-np.inf, np.inf)
    shared = grad(klrs.binary_kl_divergence, 0)(0.5, [0.25, 0.75])[1]
    assert shared == 0


def test_probabilities_agree_with_logits() -> None:
    p, q = (logits.softmax(np.stack([x, np.zeros_like(x)], -1))[..., 0] for x in (X, 3 * T))
    np.testing.assert_allclose(klrs.binary_kl_divergence(p, q), bkl(X, 3 * T), rtol=1e-11)


MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "target above 1": (
        lambda: bce([[0.5, 1], [1.5, 0]], X[0, :2]),
        ValueError,
        "targets: row 1 has the value 1.5 at position 0; probabilities must be <= 1",
    ),
    "negative target": (
        lambda: bce([0.5, -0.1], X[0, :2]),
        ValueError,
        "targets: has the negative value -0.1 at position 1; probabilities must be >= 0 "
        "(log-probabilities need np.exp first)",
    ),
    "scalar target": (
        lambda: bce(2, 0.0),
        ValueError,
        "targets: has the value 2 at position 0; probabilities must be <= 1",
    ),
    "infinite logit": (
        lambda: bce(1, [[0.0, 1], [np.inf, 2]]),
        ValueError,
        "logits: row 1 has the logit inf at position 0; expected finite logits, or -inf for "
        "classes that are left out",
    ),
    "infinite logit of p": (
        lambda: bkl([0.0, np.inf], [0.0, 1]),
        ValueError,
        "p: has the logit inf at position 1; expected finite logits, or -inf for classes that are "
        "left out",
    ),
    "infinite logit of q": (
        lambda: bkl([0.0, 1], [0.0, np.inf]),
        ValueError,
        "q: has the logit inf at position 1; expected finite logits, or -inf for classes that are "
        "left out",
    ),
    "probability above 1": (
        lambda: klrs.binary_kl_divergence([0.5, 0.5], [0.5, 1.5]),
        ValueError,
        "q: has the value 1.5 at position 1; probabilities must be <= 1",
    ),
    "shapes": (
        lambda: bce(np.zeros((2, 3)), np.zeros(2)),
        ValueError,
        "targets and logits: shapes (2, 3) and (2,) do not broadcast",
    ),
    "shapes of the divergence": (
        lambda: bkl(np.zeros((2, 3)), np.zeros(2)),
        ValueError,
        "p and q: shapes (2, 3) and (2,) do not broadcast",
    ),
    "length of pos_weight": (
        lambda: bce(T, X, pos_weight=[1, 2]),
        ValueError,
        "pos_weight: shape (2,), expected a number or (5,), one for each entry of the last axis",
    ),
    "negative pos_weight": (
        lambda: bce(T, X, pos_weight=[1, 2, -3, 0, 0]),
        ValueError,
        "pos_weight: has -3 at position 2; expected finite numbers that are at least 0",
    ),
    "pos_weight of strings": (
        lambda: bce(T, X, pos_weight="2"),
        TypeError,
        "pos_weight: dtype <U1, expected real numbers (at most float64)",
    ),
    "temperature": (
        lambda: bkl(T, X, temperature=0),
        ValueError,
        "temperature: 0, expected a finite number greater than 0",
    ),
    "reduction": (
        lambda: bce(T, X, reduction="none"),
        ValueError,
        "reduction: got 'none', expected one of (None, 'mean', 'sum')",
    ),
    "where": (
        lambda: bce(T, X, where=np.ones((4, 4), bool)),
        ValueError,
        "where: shape (4, 4) does not broadcast to (4, 5)",
    ),
    "where of numbers": (
        lambda: bkl(T, X, where=np.ones(5)),
        TypeError,
        "where: dtype float64, expected bool",
    ),
    "sample_weight": (
        lambda: bce(T, X, sample_weight=[1, 2]),
        ValueError,
        "sample_weight: shape (2,) does not broadcast to (4, 5); pass a number for each element",
    ),
    "weights of no weight": (
        lambda: bce(T, X, sample_weight=0, reduction="mean"),
        ValueError,
        "sample_weight: sums to 0; a weighted mean needs more than 0",
    ),
    "narrow out": (
        lambda: bce(T, X, out=np.empty((4, 5), np.float32)),
        TypeError,
        "out: dtype float32 cannot hold float64 results",
    ),
    "shape of out": (
        lambda: klrs.binary_kl_divergence(T, 0.5, out=np.empty(5)),
        ValueError,
        "out: shape (5,), expected (4, 5)",
    ),
    "strings": (
        lambda: bkl(["a"], [0.0]),
        TypeError,
        "p: dtype <U1 is not supported; expected real numbers (float64, float32, float16, "
        "bfloat16, integers or bool); convert to numbers first",
    ),
    "gradient of targets": (
        lambda: grad(bce, 0),
        ValueError,
        "argnums: 0, but binary_cross_entropy has a gradient for its logits only",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str) -> None:
    call, kind, text = MISTAKES[mistake]
    with raises(kind, text):
        call()
