"""`klrs.logits` beside its numbers: layouts, threads, rows that do not count, examples, and errors.

The numbers themselves are those of test_logits_accuracy.py and test_torch_losses.py.
"""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import numpy as np
import pytest

import klrs
from inputs import F16, F32, F64, Float, assert_same_bits, each_float
from klrs import logits
from messages import raises

X = np.random.default_rng(0).normal(0, 3, (4, 40))
Y = np.random.default_rng(1).normal(0, 3, (4, 40))
LABELS = np.array([3, 39, 0, 7])
PAIRS = ("kl_divergence", "js_divergence", "jeffreys_divergence", "total_variation_distance")
SINGLE = ("entropy", "logsumexp")
LENGTHS = (1, 2, 15, 16, 17, 32, 33, 300, 20_000)

each_pair = pytest.mark.parametrize("name", PAIRS)


def losses(x: Any, y: Any, labels: Any, **keywords: Any) -> dict[str, Any]:
    """What every loss, and the gradient of it, says of logits."""
    grad = klrs.value_and_grad
    results = {}
    for name in PAIRS:
        results[name] = grad(getattr(logits, name), (0, 1))(x, y, **keywords)
    for name in SINGLE:
        results[name] = grad(getattr(logits, name), 0)(x, **keywords)
    results["labels"] = grad(logits.cross_entropy)(labels, x, **keywords)
    smoothed = {"label_smoothing": 0.1, "class_weights": np.linspace(0, 1, x.shape[-1])}
    if keywords.get("axis", -1) == -1:
        results["smoothed"] = grad(logits.cross_entropy)(labels, x, **smoothed, **keywords)
    for name in ("softmax", "log_softmax"):
        results[name] = (getattr(logits, name)(x, **keywords), np.zeros(0))
    return results


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, (value, gradient) in other.items():
        assert_same_bits(np.asarray(one[name][0]), np.asarray(value))
        both = one[name][1], gradient
        pairs = zip(*both, strict=True) if isinstance(gradient, tuple) else [both]
        for a, b in pairs:
            assert_same_bits(np.asarray(a), np.asarray(b))


@each_float
@pytest.mark.parametrize("length", LENGTHS)
def test_layouts_have_the_same_bits(kind: Float, length: int) -> None:
    x, y = (kind.array(np.random.default_rng(s).normal(0, 3, (5, length))) for s in (2, 3))
    labels = np.arange(5) % length
    expected = losses(x, y, labels)
    assert_same(losses(np.asfortranarray(x), y, labels), expected)
    assert_same(losses(x[::-1][::-1], np.repeat(y, 2, axis=-1)[:, ::2], labels), expected)
    one = [losses(x[i : i + 1], y[i : i + 1], labels[i : i + 1]) for i in range(5)]
    for name in (*PAIRS, *SINGLE, "labels"):
        assert_same_bits(np.concatenate([it[name][0] for it in one]), expected[name][0])


@each_pair
def test_axis(name: str) -> None:
    verb = getattr(logits, name)
    expected = verb(X, Y)
    assert_same_bits(verb(X.T, Y.T, axis=0), expected)
    assert_same_bits(verb(X.reshape(4, 8, 5), Y.reshape(4, 8, 5), axis=(1, 2)), expected)
    assert verb(X, Y, keepdims=True).shape == (4, 1)
    value, gradient = klrs.value_and_grad(verb)(X.T.copy(), Y.T.copy(), axis=0)
    assert_same_bits(value, expected)
    assert_same_bits(gradient.T, klrs.value_and_grad(verb)(X, Y)[1])


def test_threads_change_no_bit() -> None:
    x, y = (np.random.default_rng(s).normal(0, 3, (300, 700)) for s in (4, 5))
    labels = np.arange(300)
    with klrs.threads(1):
        expected = losses(x, y, labels)
    for threads in (2, 7):
        with klrs.threads(threads):
            assert_same(losses(x, y, labels), expected)


@each_pair
def test_agrees_with_the_probabilities(name: str) -> None:
    options = {"temperature": 2.0} | ({"base": 2} if "distance" not in name else {})
    p, q = (logits.softmax(x, temperature=2.0) for x in (X, Y))
    got = getattr(logits, name)(X, Y, **options)
    of_probabilities = getattr(klrs, name)
    keywords = {it: options[it] for it in options if it != "temperature"}
    np.testing.assert_allclose(got, of_probabilities(p, q, **keywords), rtol=1e-12)


@each_pair
def test_laws(name: str) -> None:
    verb = getattr(logits, name)
    assert (verb(X, X) == 0).all()
    assert (verb(X, X + 1024) >= 0).all()
    np.testing.assert_allclose(verb(X, X + 1024), 0, atol=1e-13)
    near = X + 1e-13 * Y
    assert (verb(X, near) >= 0).all()
    for argnum in (0, 1):
        _, gradient = klrs.value_and_grad(verb, argnum)(X, Y)
        # Adding a constant to a row changes nothing.
        np.testing.assert_allclose(gradient.sum(-1), 0, atol=1e-14)
    many = [verb(X, Y * t) for t in (0.5, 1.0, 2.0)]
    assert all(np.isfinite(it).all() for it in many)


def test_ends_of_beta() -> None:
    assert_same_bits(logits.js_divergence(X, Y, beta=0), logits.kl_divergence(X, Y))
    assert_same_bits(logits.js_divergence(X, Y, beta=1), logits.kl_divergence(Y, X))
    value, (by_p, by_q) = klrs.value_and_grad(logits.js_divergence, (0, 1))(X, Y, beta=1)
    swapped, (of_q, of_p) = klrs.value_and_grad(logits.kl_divergence, (0, 1))(Y, X)
    assert_same_bits(value, swapped)
    assert_same_bits(by_p, of_p)
    assert_same_bits(by_q, of_q)


@pytest.mark.parametrize("length", [10, 40])
def test_rows_that_do_not_count_are_not_looked_at(length: int) -> None:
    x = X[:, :length].copy()
    labels = np.array([3, -100, 0, 7])
    expected = klrs.value_and_grad(logits.cross_entropy)(labels, x, ignore_index=-100)
    x[1] = np.nan
    x[1, 0] = np.inf
    value, gradient = klrs.value_and_grad(logits.cross_entropy)(labels, x, ignore_index=-100)
    assert_same_bits(value, expected[0])
    assert_same_bits(gradient, expected[1])
    assert value[1] == 0
    assert not gradient[1].any()
    mean = logits.cross_entropy(labels, x, ignore_index=-100, reduction="mean")
    assert mean == pytest.approx(value.sum() / 3, rel=1e-15)
    nothing = logits.cross_entropy([5, 5], x[:2], ignore_index=5, reduction="mean")
    assert np.isnan(nothing)


@pytest.mark.parametrize("length", [10, 40])
def test_nan_stays_in_its_row(length: int) -> None:
    x, y = X[:, :length].copy(), Y[:, :length].copy()
    expected = losses(x, y, LABELS % length)
    x[2, 1] = np.nan
    for name, (value, gradient) in losses(x, y, LABELS % length).items():
        values, others = np.asarray(value), np.asarray(expected[name][0])
        assert np.isnan(values[2]).all(), name
        assert_same_bits(np.delete(values, 2, 0), np.delete(others, 2, 0))
        for it in gradient if isinstance(gradient, tuple) else [gradient]:
            assert not it.size or np.isnan(it[2]).all(), name


@pytest.mark.parametrize("length", [10, 40])
def test_where_is_not_read(length: int) -> None:
    x, y = X[:, :length].copy(), Y[:, :length].copy()
    kept = np.arange(length) % 3 > 0
    labels = np.array([1, 2, 4, 5])
    masked = [np.where(kept, it, -np.inf) for it in (x, y)]
    expected = losses(*masked, labels)
    x[:, ~kept] = np.nan
    got = losses(x, y, labels, where=kept)
    del got["smoothed"], expected["smoothed"]  # -inf costs a smoothed label infinitely much
    assert_same(got, expected)
    assert not got["kl_divergence"][1][1][:, ~kept].any()


def test_masks() -> None:
    p, q = [0.0, 1.0, -np.inf], [0.0, -np.inf, -np.inf]
    assert logits.kl_divergence(p, q) == np.inf
    assert logits.kl_divergence(q, p) == pytest.approx(np.log1p(np.e), rel=1e-15)
    assert logits.total_variation_distance(p, q) == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-15)
    assert logits.entropy([-np.inf, 3.0, -np.inf]) == 0


def test_halves_are_widened_first() -> None:
    x = np.array([65504, -65504], np.float16)
    assert logits.entropy(x) == 0
    assert logits.cross_entropy(1, x) == 131008
    assert logits.entropy(x).dtype == np.float32


@pytest.mark.parametrize("kind", [F64, F32, F16], ids=str)
def test_out_and_gradients_in_place(kind: Float) -> None:
    x, y = kind.array(X), kind.array(Y)
    loss = klrs.value_and_grad(logits.kl_divergence, (0, 1))
    value, gradients = loss(x, y, reduction="mean", temperature=2, temperature_squared=True)
    outs = np.empty_like(x), np.empty_like(y)
    again, written = loss(x, y, reduction="mean", temperature=2, temperature_squared=True, out=outs)
    assert written[0] is outs[0]
    assert_same_bits(np.asarray(again), np.asarray(value))
    for a, b in zip(gradients, outs, strict=True):
        assert_same_bits(a, b)
    room = np.empty(4)
    assert logits.kl_divergence(x, y, out=room) is room
    room = np.empty((4, 40))
    assert logits.softmax(x, out=room) is room


def test_sample_weight() -> None:
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    each = logits.kl_divergence(X, Y)
    got = logits.kl_divergence(X, Y, sample_weight=weights, reduction="mean")
    assert got == pytest.approx((each * weights).sum() / weights.sum(), rel=1e-14)
    _, gradient = klrs.value_and_grad(logits.kl_divergence)(X, Y, sample_weight=weights)
    assert not gradient[1].any()


def test_gradient_descent_finds_the_teacher() -> None:
    loss = klrs.value_and_grad(logits.kl_divergence)
    x = np.zeros_like(X)
    for _ in range(3000):
        value, gradient = loss(X / 3, x, reduction="sum")
        x -= 2 * gradient
    assert value < 1e-6


def test_examples() -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(logits, optionflags=flags)
    assert result.failed == 0
    assert result.attempted >= 2 * len(logits.__all__)


def test_every_function_is_documented() -> None:
    assert klrs.logits is logits
    assert "logits" in dir(klrs)
    for name in logits.__all__:
        doc = inspect.getdoc(getattr(logits, name)) or ""
        for section in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
            assert f"\n{section}\n---" in doc, (name, section)
        for parameter in inspect.signature(getattr(logits, name)).parameters:
            assert f"\n{parameter} : " in doc, (name, parameter)


MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "label": (
        lambda: logits.cross_entropy([0, 40, 1, 1], X),
        ValueError,
        "targets: row 1 has the label 40, expected an index from 0 to 39 (there are 40 classes); "
        "rows to skip are named by ignore_index",
    ),
    "negative label": (
        lambda: logits.cross_entropy(-1, X[0, :3]),
        ValueError,
        "targets: has the label -1, expected an index from 0 to 2 (there are 3 classes); "
        "rows to skip are named by ignore_index",
    ),
    "labels of floats": (
        lambda: logits.cross_entropy(LABELS.astype(float), X),
        TypeError,
        "targets: labels of dtype float64, expected integers; "
        "pass targets.astype(int), or distributions of the shape of the logits",
    ),
    "shape of labels": (
        lambda: logits.cross_entropy([0, 1], X),
        ValueError,
        "targets: labels of shape (2,), expected (4,), the shape of the logits without the axis of "
        "the classes",
    ),
    "targets that are no distribution": (
        lambda: logits.cross_entropy(np.full((4, 40), 0.05), X),
        ValueError,
        "targets: row 0 sums to 2, not 1; divide each row by its sum, or pass axis= if the classes "
        "run along another axis",
    ),
    "negative target": (
        lambda: logits.cross_entropy([[0.5, 0.5, 0], [1.5, -0.5, 0]], [0.0, 1, 2]),
        ValueError,
        "targets: row 1 has the negative value -0.5 at position 1; probabilities must be >= 0 "
        "(log-probabilities need np.exp first)",
    ),
    "ignored label that is none": (
        lambda: logits.cross_entropy(0, [0.0, 1], ignore_index="padding"),
        TypeError,
        "ignore_index: got 'padding', expected an integer",
    ),
    "no axis": (
        lambda: logits.entropy(1.0),
        ValueError,
        "logits: got a scalar (0-d); expected an array with a distribution axis",
    ),
    "no class": (
        lambda: logits.softmax(np.zeros((2, 0))),
        ValueError,
        "logits: the distribution axis -1 is empty in shape (2, 0); a distribution needs at least "
        "one entry",
    ),
    "strings": (
        lambda: logits.kl_divergence(["a"], [0.0]),
        TypeError,
        "p: dtype <U1 is not supported; expected real numbers (float64, float32, float16, "
        "bfloat16, integers or bool); convert to numbers first",
    ),
    "all masked": (
        lambda: logits.entropy([[0.0, 1], [-np.inf, -np.inf]]),
        ValueError,
        "logits: row 1 has no class that is left, all logits are -inf; keep at least one, or drop "
        "the row",
    ),
    "infinite": (
        lambda: logits.kl_divergence([[0.0, 1], [2, 3]], [[0.0, 1], [2, np.inf]]),
        ValueError,
        "q: row 1 has the logit inf at position 1; expected finite logits, or -inf for classes "
        "that are left out",
    ),
    "temperature": (
        lambda: logits.softmax(X, temperature=0),
        ValueError,
        "temperature: 0, expected a finite number greater than 0",
    ),
    "temperature that is none": (
        lambda: logits.entropy(X, temperature="warm"),
        TypeError,
        "temperature: got 'warm', expected a finite number greater than 0",
    ),
    "class weights": (
        lambda: logits.cross_entropy(0, [0.0, 1], class_weights=[1, -1]),
        ValueError,
        "class_weights: has -1 at position 1; expected finite numbers that are at least 0",
    ),
    "number of class weights": (
        lambda: logits.cross_entropy(0, [0.0, 1], class_weights=[1, 1, 1]),
        ValueError,
        "class_weights: shape (3,), expected (2,), one for each class",
    ),
    "smoothing": (
        lambda: logits.cross_entropy(0, [0.0, 1], label_smoothing=1.5),
        ValueError,
        "label_smoothing: 1.5, expected a number from 0 to 1",
    ),
    "vocabularies": (
        lambda: logits.kl_divergence(X, X[:, :39]),
        ValueError,
        "p and q: the distribution axis -1 has length 40 in p and 39 in q; it is not stretched, so "
        "both must have the same length",
    ),
    "beta": (
        lambda: logits.js_divergence(X, Y, beta=2),
        ValueError,
        "beta: 2, expected a number from 0 to 1",
    ),
    "reduction": (
        lambda: logits.kl_divergence(X, Y, reduction="batchmean"),
        ValueError,
        "reduction: got 'batchmean', expected one of (None, 'mean', 'sum')",
    ),
    "gradient of targets": (
        lambda: klrs.value_and_grad(logits.cross_entropy, 0),
        ValueError,
        "argnums: 0, but cross_entropy has a gradient for its logits only",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str) -> None:
    call, kind, text = MISTAKES[mistake]
    with raises(kind, text):
        call()


def test_the_first_mistake_is_named() -> None:
    x = np.zeros((3000, 40))
    x[[2999, 77, 1500], 3] = np.inf
    for threads in (1, 4):
        with klrs.threads(threads), pytest.raises(ValueError, match=r"^logits: row 77 has"):
            logits.entropy(x)


def test_lists_scalars_and_empty_batches() -> None:
    assert isinstance(logits.kl_divergence([1, 2, 3], [3, 2, 1]), np.float64)
    assert logits.entropy(np.zeros((0, 5))).shape == (0,)
    assert logits.cross_entropy(np.zeros(0, int), np.zeros((0, 5))).shape == (0,)
    assert np.isnan(logits.kl_divergence(np.zeros((0, 5)), np.zeros((0, 5)), reduction="mean"))
    assert logits.kl_divergence(X, Y[0]).shape == (4,)
    _, gradient = klrs.value_and_grad(logits.kl_divergence)(X, Y[0])
    assert gradient.shape == (40,)
