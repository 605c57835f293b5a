"""`klrs.logits` beside its numbers: layouts, threads, rows that do not count, examples, and errors.

The numbers themselves are those of test_logits_accuracy.py and test_torch_losses.py.
"""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import klrs
import reference_logits as reference
from inputs import F16, F32, F64, Float, assert_same_bits, each_float
from klrs import _logits, _top_k, logits
from messages import raises

X = np.random.default_rng(0).normal(0, 3, (4, 40))
Y = np.random.default_rng(1).normal(0, 3, (4, 40))
LABELS = np.array([3, 39, 0, 7])
PAIRS = ("kl_divergence", "js_divergence", "jeffreys_divergence", "total_variation_distance")
SINGLE = ("entropy", "logsumexp")
LENGTHS = (1, 2, 15, 16, 17, 32, 33, 300, 20_000)

each_pair = pytest.mark.parametrize("name", PAIRS)


@pytest.fixture(autouse=True)
def _no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows such as [0, 1] look like probabilities, which is said once: here it has been said."""
    monkeypatch.setattr(_logits, "_warned", True)


def losses(x: Any, y: Any, labels: Any, **keywords: Any) -> dict[str, Any]:
    """What every loss, and the gradient of it, says of logits."""
    grad = klrs.value_and_grad
    results = {}
    for name in PAIRS:
        results[name] = grad(getattr(logits, name), (0, 1))(x, y, **keywords)
    for name in SINGLE:
        results[name] = grad(getattr(logits, name), 0)(x, **keywords)
    results["renyi"] = grad(logits.renyi_divergence, (0, 1))(x, y, alpha=0.5, **keywords)
    results["labels"] = grad(logits.cross_entropy)(labels, x, **keywords)
    results["perplexity"] = grad(logits.perplexity)(labels, x, **keywords)
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
    for name in (*PAIRS, *SINGLE, "renyi", "labels", "perplexity"):
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


# Rényi's divergence

ORDERS = (0, 0.25, 0.5, 0.999999, 1, 1.000001, 2, 7.5, np.inf)
each_order = pytest.mark.parametrize("alpha", ORDERS)
renyi = logits.renyi_divergence


@each_order
def test_renyi_agrees_with_the_oracle(alpha: float) -> None:
    for temperature in (1.0, 0.3):
        value = renyi(X, Y, alpha=alpha, temperature=temperature)
        assert value.dtype == np.float64
        for p, q, got in zip(X.tolist(), Y.tolist(), value, strict=True):
            exact = reference.renyi_divergence(p, q, alpha=alpha, temperature=temperature)
            assert got == pytest.approx(float(exact), rel=1e-13, abs=1e-15)


@each_order
def test_renyi_agrees_with_the_probabilities(alpha: float) -> None:
    p, q = (logits.softmax(x, temperature=2.0) for x in (X, Y))
    got = renyi(X, Y, alpha=alpha, temperature=2.0, base=2)
    expected = klrs.renyi_divergence(p, q, alpha=alpha, base=2, normalize=True)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_renyi_of_order_1_is_kl() -> None:
    np.testing.assert_allclose(renyi(X, Y, alpha=1), logits.kl_divergence(X, Y), rtol=1e-14)
    for alpha in (0.999999, 1.000001):
        np.testing.assert_allclose(renyi(X, Y, alpha=alpha), renyi(X, Y, alpha=1), rtol=1e-4)
        both = klrs.value_and_grad(renyi, (0, 1))
        for near, at in zip(both(X, Y, alpha=alpha)[1], both(X, Y, alpha=1)[1], strict=True):
            np.testing.assert_allclose(near, at, atol=1e-4)


@each_order
def test_laws_of_renyi(alpha: float) -> None:
    assert (renyi(X, X, alpha=alpha) == 0).all()
    assert (renyi(X, X + 1e-13 * Y, alpha=alpha) >= 0).all()
    np.testing.assert_allclose(renyi(X, X + 1024, alpha=alpha), 0, atol=1e-12)
    np.testing.assert_allclose(
        renyi(X + 64, Y - 64, alpha=alpha), renyi(X, Y, alpha=alpha), rtol=1e-12, atol=1e-15
    )
    if 0 < alpha < 1:
        # Skew symmetry.
        np.testing.assert_allclose(
            (1 - alpha) * renyi(X, Y, alpha=alpha),
            alpha * renyi(Y, X, alpha=1 - alpha),
            rtol=1e-12 if alpha < 0.9 else 1e-8,
        )
    if 0 < alpha < np.inf:
        for argnum in (0, 1):
            _, gradient = klrs.value_and_grad(renyi, argnum)(X, Y, alpha=alpha)
            np.testing.assert_allclose(gradient.sum(-1), 0, atol=1e-13 * max(1, alpha))


def test_renyi_grows_with_its_order() -> None:
    values = np.array([renyi(X, Y, alpha=alpha) for alpha in ORDERS])
    assert (np.diff(values, axis=0) > 0).all()


@pytest.mark.parametrize("argnum", [0, 1])
@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.999999, 1, 1.000001, 2, 7.5])
def test_gradient_of_renyi(alpha: float, argnum: int) -> None:
    options = {"alpha": alpha, "temperature": 0.7}
    _, gradient = klrs.value_and_grad(renyi, argnum)(X, Y, **options)
    oracle = reference.GRADIENTS["renyi_divergence"][argnum]
    assert oracle
    for p, q, got in zip(X.tolist(), Y.tolist(), gradient, strict=True):
        exact = np.array(oracle(p, q, **options), float)
        np.testing.assert_allclose(got, exact, rtol=1e-11, atol=1e-12 * abs(exact).max())


def test_renyi_of_finite_logits_is_finite() -> None:
    p, q = np.array([0.0, -1000]), np.array([-1000.0, 0])
    assert renyi(p, q, alpha=0.5) == pytest.approx(1000 - 2 * np.log(2), rel=1e-14)
    assert renyi(p, q, alpha=0) == 0
    assert renyi(p, q, alpha=1) == pytest.approx(1000, rel=1e-14)
    assert renyi(p, q, alpha=2) == pytest.approx(1000, rel=1e-14)
    assert renyi(p, q, alpha=np.inf) == pytest.approx(1000, rel=1e-14)
    for alpha in ORDERS:
        for size in (1e4, 1e100, 1e300):
            value = renyi(p / 1000 * size, q / 1000 * size, alpha=alpha)
            times = 1 if alpha >= 1 else min(alpha / (1 - alpha), 1)
            assert value == pytest.approx(times * size, rel=1e-3), (alpha, size)
            if 0 < alpha < np.inf:
                both = klrs.value_and_grad(renyi, (0, 1))
                _, gradients = both(p / 1000 * size, q / 1000 * size, alpha=alpha)
                assert np.isfinite(gradients).all(), (alpha, size)


@each_order
def test_masks_of_renyi(alpha: float) -> None:
    """Of (1/2, 1/2, 0) and (1/4, 3/4, 0), (1, 0, 0) and (0, 1, 0)."""
    mask = -np.inf
    p, q = [0.0, 0.0, mask], [0.0, np.log(3), mask]
    of_two = renyi(p[:2], q[:2], alpha=alpha)
    assert renyi(p, q, alpha=alpha) == pytest.approx(of_two, rel=1e-14, abs=1e-16)
    only = [0.0, mask, mask]
    assert renyi(only, p, alpha=alpha) == pytest.approx(np.log(2), rel=1e-14)
    expected = np.inf
    if alpha < 1:
        # The sum is 1/2^alpha.
        expected = 0 if alpha == 0 else alpha * np.log(2) / (1 - alpha)
    assert renyi(p, only, alpha=alpha) == pytest.approx(expected, rel=1e-9)
    assert renyi(only, [mask, 0.0, mask], alpha=alpha) == np.inf


# Perplexity


def test_perplexity() -> None:
    losses_of_rows = logits.cross_entropy(LABELS, X)
    np.testing.assert_allclose(logits.perplexity(LABELS, X), np.exp(losses_of_rows), rtol=1e-13)
    value = logits.perplexity(LABELS, X, reduction="mean")
    assert type(value) is np.float64
    assert value == pytest.approx(np.exp(losses_of_rows.mean()), rel=1e-13)
    assert logits.perplexity(3, np.zeros(40)) == pytest.approx(40, rel=1e-14)
    assert logits.perplexity(LABELS, np.float32(X)).dtype == np.float32
    assert logits.perplexity(LABELS, X, keepdims=True).shape == (4, 1)
    targets = logits.softmax(Y)
    options = {"label_smoothing": 0.1, "class_weights": np.linspace(0, 1, 40), "temperature": 2.0}
    np.testing.assert_allclose(
        logits.perplexity(targets, X, **options),
        np.exp(logits.cross_entropy(targets, X, **options)),
        rtol=1e-13,
    )


def test_mean_of_perplexities() -> None:
    """Weights and ignored labels are those of the losses."""
    for options in (
        {"sample_weight": [1.0, 0.0, 2.0, 0.5]},
        {"ignore_index": 39},
        {"class_weights": np.linspace(0.5, 2, 40), "ignore_index": 0},
    ):
        mean = logits.cross_entropy(LABELS, X, reduction="mean", **options)
        value, gradient = klrs.value_and_grad(logits.perplexity)(
            LABELS, X, reduction="mean", **options
        )
        assert value == pytest.approx(np.exp(mean), rel=1e-13)
        _, of_loss = klrs.value_and_grad(logits.cross_entropy)(
            LABELS, X, reduction="mean", **options
        )
        np.testing.assert_allclose(gradient, value * of_loss, rtol=1e-12)
    assert logits.perplexity(LABELS, X, ignore_index=39)[1] == 1
    assert np.isnan(logits.perplexity([5, 5], X[:2], ignore_index=5, reduction="mean"))
    weights = [1.0, 0.0, 2.0, 0.5]
    value, gradient = klrs.value_and_grad(logits.perplexity)(LABELS, X, sample_weight=weights)
    each, slopes = klrs.value_and_grad(logits.perplexity)(LABELS, X)
    np.testing.assert_allclose(value, each * weights, rtol=1e-14)
    np.testing.assert_allclose(gradient, slopes * np.array(weights)[:, None], rtol=1e-14)


def test_gradient_of_perplexity() -> None:
    value, gradient = klrs.value_and_grad(logits.perplexity)(LABELS, X, temperature=0.7)
    for label, x, got in zip(LABELS.tolist(), X.tolist(), gradient, strict=True):
        exact = np.array(reference.perplexity_gradient(label, x, temperature=0.7), float)
        np.testing.assert_allclose(got, exact, rtol=1e-11, atol=1e-12 * abs(exact).max())
    assert_same_bits(value, logits.perplexity(LABELS, X, temperature=0.7))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_perplexity_overflows_to_inf(dtype: Any) -> None:
    x = np.array([[0, 2000, -np.inf], [1, 2, 3]], dtype)
    with np.errstate(all="raise"):
        value, gradient = klrs.value_and_grad(logits.perplexity)([0, 1], x)
        mean, by_mean = klrs.value_and_grad(logits.perplexity)([0, 1], x, reduction="mean")
        np.testing.assert_array_equal(logits.perplexity([0, 1], x), value)
    assert value[0] == mean == np.inf
    assert np.isfinite(value[1])
    for it in (gradient, by_mean):
        assert not np.isnan(it).any()
        assert it[0, 2] == 0
        assert it[0, 0] < 0 < it[0, 1]
    assert logits.perplexity(0, np.array([-np.inf, 0], dtype)) == np.inf


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
    results = [doctest.testmod(module, optionflags=flags) for module in (logits, _top_k)]
    assert not any(result.failed for result in results)
    assert results[0].attempted >= 2 * (len(logits.__all__) - 1)
    assert results[1].attempted >= 4


@pytest.mark.parametrize("name", logits.__all__)
def test_everything_is_documented(name: str) -> None:
    """The sections of numpydoc, in its order, and every parameter, in that of the signature."""
    assert klrs.logits is logits
    assert "logits" in dir(klrs)
    doc = inspect.getdoc(getattr(logits, name)) or ""
    assert re.match(r"[A-Z][^\n]*\.\n\n", doc), "the first line is one sentence"
    sections = ["Parameters", "Returns", "Raises", "Notes", "References", "Examples"]
    if name == "TopK":
        sections.remove("Returns")
    assert re.findall(r"^(\w+)\n-+$", doc, re.MULTILINE) == sections
    parameters = doc.split("Parameters\n----------\n")[1].split("\n\nR")[0]
    described = re.findall(r"^(\w+) :", parameters, re.MULTILINE)
    assert described == list(inspect.signature(getattr(logits, name)).parameters)
    assert not re.search(r"{(?!None)", doc.replace('{"renormalize"', "")), "a text is missing"


@pytest.mark.parametrize("name", [*PAIRS[:1], "renyi_divergence", "binary_kl_divergence"])
def test_examples_show_both_orders(name: str) -> None:
    doc = inspect.getdoc(getattr(logits, name)) or ""
    both = re.search(
        rf"{name}\((?:p, q|.*), logits\.{name}\(.*\n\(np\.float64\((.*)\), .*\((.*)\)\)", doc
    )
    assert both
    assert both[1] != both[2]


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
        "the classes; distributions are floats: targets.astype(float)",
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
        "logits: row 1 has no class that is left: all logits are -inf or left out by where; "
        "keep at least one, or drop the row",
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
    "label of -1 in a batch": (
        lambda: logits.cross_entropy([0, 1, -1, 2], X),
        ValueError,
        "targets: row 2 has the label -1, expected an index from 0 to 39 (there are 40 classes); "
        "rows to skip are named by ignore_index",
    ),
    "labels with an axis too many": (
        lambda: logits.cross_entropy(LABELS[:, None], X),
        ValueError,
        "targets: labels of shape (4, 1), expected (4,), the shape of the logits without the axis "
        "of the classes; distributions are floats: targets.astype(float)",
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
    "batches of targets": (
        lambda: logits.cross_entropy(np.full((3, 2), 0.5), np.zeros((2, 2))),
        ValueError,
        "targets and logits: shapes (3, 2) and (2, 2) do not broadcast; every axis but the "
        "distribution axis must match or be 1",
    ),
    "classes of targets": (
        lambda: logits.cross_entropy(np.full((2, 2), 0.5), np.zeros((2, 3))),
        ValueError,
        "targets and logits: the distribution axis -1 has length 2 in targets and 3 in logits; it "
        "is not stretched, so both must have the same length",
    ),
    "order": (
        lambda: logits.renyi_divergence(X, Y, alpha=-1),
        ValueError,
        "alpha: -1, expected a number from 0 to infinity",
    ),
    "order that is none": (
        lambda: logits.renyi_divergence(X, Y, alpha="2"),
        TypeError,
        "alpha: got '2', expected a number from 0 to infinity",
    ),
    "order that is NaN": (
        lambda: logits.renyi_divergence(X, Y, alpha=np.nan),
        ValueError,
        "alpha: nan, expected a number from 0 to infinity",
    ),
    "gradient of order 0": (
        lambda: klrs.value_and_grad(logits.renyi_divergence)(X, Y, alpha=0),
        ValueError,
        "verb: renyi_divergence with the parameter 0 has no gradient",
    ),
    "gradient of order infinity": (
        lambda: klrs.value_and_grad(logits.renyi_divergence)(X, Y, alpha=np.inf),
        ValueError,
        "verb: renyi_divergence with the parameter inf has no gradient",
    ),
    "sum of perplexities": (
        lambda: logits.perplexity(LABELS, X, reduction="sum"),
        ValueError,
        "reduction: 'sum' of perplexities is no perplexity; expected None or 'mean', which is e to "
        "the mean of the cross-entropies",
    ),
    "label of a perplexity": (
        lambda: logits.perplexity([0, 1, 2, 40], X),
        ValueError,
        "targets: row 3 has the label 40, expected an index from 0 to 39 (there are 40 classes); "
        "rows to skip are named by ignore_index",
    ),
    "infinite logit beside a label": (
        lambda: logits.cross_entropy([0, 1], [[0.0, 1], [np.inf, 2]]),
        ValueError,
        "logits: row 1 has the logit inf at position 0; expected finite logits, or -inf for "
        "classes that are left out",
    ),
    "infinite logit to normalise": (
        lambda: logits.log_softmax([0.0, np.inf]),
        ValueError,
        "logits: has the logit inf at position 1; expected finite logits, or -inf for classes that "
        "are left out",
    ),
    "infinite temperature": (
        lambda: logits.kl_divergence(X, Y, temperature=np.inf),
        ValueError,
        "temperature: inf, expected a finite number greater than 0",
    ),
    "negative temperature": (
        lambda: logits.cross_entropy(LABELS, X, temperature=-0.5),
        ValueError,
        "temperature: -0.5, expected a finite number greater than 0",
    ),
    "class weights of NaN": (
        lambda: logits.cross_entropy(0, [0.0, 1], class_weights=[np.nan, 1]),
        ValueError,
        "class_weights: has nan at position 0; expected finite numbers that are at least 0",
    ),
    "negative smoothing": (
        lambda: logits.cross_entropy(0, [0.0, 1], label_smoothing=-0.1),
        ValueError,
        "label_smoothing: -0.1, expected a number from 0 to 1",
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


BETA_1: dict[str, tuple[Any, Any, str]] = {
    "infinite p": (
        [[0.0, 1], [np.inf, 0]],
        [0.0, 1],
        "p: row 1 has the logit inf at position 0; expected finite logits, or -inf for classes "
        "that are left out",
    ),
    "infinite q": (
        [0.0, 1],
        [0.0, np.inf],
        "q: has the logit inf at position 1; expected finite logits, or -inf for classes that are "
        "left out",
    ),
    "all masked in p": (
        [-np.inf, -np.inf],
        [0.0, 1],
        "p: has no class that is left: all logits are -inf or left out by where; keep at least "
        "one, or drop the row",
    ),
    "vocabularies": (
        [0.0, 1],
        [0.0, 1, 2],
        "p and q: the distribution axis -1 has length 2 in p and 3 in q; it is not stretched, so "
        "both must have the same length",
    ),
    "batches": (
        np.zeros((2, 4)),
        np.zeros((3, 4)),
        "p and q: shapes (2, 4) and (3, 4) do not broadcast; every axis but the distribution axis "
        "must match or be 1",
    ),
    "scalar": (
        1.0,
        [0.0, 1],
        "p: got a scalar (0-d); expected an array with a distribution axis",
    ),
}


@pytest.mark.parametrize("mistake", BETA_1)
@pytest.mark.parametrize("beta", [0, 0.5, 1])
def test_mistakes_name_p_and_q_at_any_beta(mistake: str, beta: float) -> None:
    p, q, text = BETA_1[mistake]
    with raises(ValueError, text):
        logits.js_divergence(p, q, beta=beta)


def test_strings_are_named_at_any_beta() -> None:
    for beta in (0, 0.5, 1):
        with pytest.raises(TypeError, match=r"^p: dtype <U1 is not supported"):
            logits.js_divergence(["a"], [0.0], beta=beta)


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, ">i4"]
)
def test_labels_of_any_integer_dtype(dtype: Any) -> None:
    expected = klrs.value_and_grad(logits.cross_entropy)(LABELS, X)
    got = klrs.value_and_grad(logits.cross_entropy)(LABELS.astype(dtype), X)
    assert_same_bits(got[0], expected[0])
    assert_same_bits(got[1], expected[1])
    wrong = np.array([3, 39, 40, 7]).astype(dtype)
    with pytest.raises(ValueError, match=r"^targets: row 2 has the label 40, expected an index"):
        logits.cross_entropy(wrong, X)


# Probabilities that are taken for logits

SAID = (
    "^{}: the first row has no negative entries and sums to 1, as probabilities do, and is taken "
    "for logits; "
)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("p", lambda p: logits.kl_divergence(p, X)),
        ("q", lambda p: logits.kl_divergence(X, p)),
        ("logits", logits.entropy),
        ("logits", lambda p: logits.cross_entropy(LABELS, p)),
        ("logits", logits.softmax),
        ("q", lambda p: klrs.value_and_grad(logits.js_divergence)(X, p)),
        ("p", lambda p: logits.js_divergence(p, X, beta=1)),
        ("logits", lambda p: logits.perplexity(LABELS, np.float32(p))),
    ],
)
def test_probabilities_are_mentioned_once(
    name: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = logits.softmax(X)
    monkeypatch.setattr(_logits, "_warned", False)
    with pytest.warns(UserWarning, match=SAID.format(name)) as told:
        call(p)
    call(p)  # a second warning would be an error
    assert len(told) == 1
    assert told[0].category is UserWarning
    assert Path(told[0].filename).name == Path(__file__).name
    message = str(told[0].message)
    assert "klrs" in message
    assert "probabilities" in message


def test_logits_are_not_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning would be an error."""
    monkeypatch.setattr(_logits, "_warned", False)
    p = logits.softmax(X)
    for x in (X, np.log(p), p[:, :39], 2 * p, -p, np.zeros((4, 40)), abs(X)):
        logits.entropy(x)
        logits.kl_divergence(x, x)
    logits.cross_entropy(p, X)
    logits.cross_entropy(p[0], X[0])
    logits.entropy([1.0])
    logits.entropy(np.zeros((0, 3)))
    logits.binary_cross_entropy(p, X)


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


@pytest.mark.parametrize(
    ("p", "q", "alpha", "temperature", "exact"),
    [
        ([800.0, 0], [1200.0, 0], 5, 1.0, 200.0),
        ([720.0, 0], [1500.0, 0], 2, 1.0, 60.0),
        ([8.0, 0], [17.0, 0], 2, 0.01, 100.0),
        ([1338.5, -480.4], [1824.0, -681.1], 5, 1.0, 231.475),
        ([1e300, -1e300, 0], [-1e300, 1e300, 0], 0.5, 1.0, 2e300),
        # Sums of powers that are subnormal, and within a factor of 2 of the largest float.
        ([520.75, -682.5, -2281.25], [-420.0, -683.75, 1270.5], 0.3, 1.0, 1200.8571428571428),
        ([1327.75, -698.0], [53.0, 1529.25], 0.5, 1.0, 1476.25),
        ([0.0, 3], [709.5, 0], 2, 1.0, 709.40282529685252),
    ],
)
def test_renyi_where_p_is_below_floats(
    p: list[float], q: list[float], alpha: float, temperature: float, exact: float
) -> None:
    """Powers p^a q^(1-a) that count although p by itself is 0 in floats."""
    options = {"alpha": alpha, "temperature": temperature}
    value, gradients = klrs.value_and_grad(logits.renyi_divergence, (0, 1))(p, q, **options)
    assert value == logits.renyi_divergence(p, q, **options)
    assert value == pytest.approx(exact, rel=1e-13)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    # One class has all of sum p^a q^(1-a): the derivatives are a/(a-1) (w - p) and q - w, over T.
    for gradient in gradients:
        assert gradient.sum() == pytest.approx(0, abs=1e-9)


def test_smoothing_sees_no_mask_that_leaves_all() -> None:
    x, label = [[-np.inf, 1.0, 2.0], [0.0, 1.0, 2.0]], [1, 1]
    plain = logits.cross_entropy(label, x, label_smoothing=0.1)
    np.testing.assert_array_equal(
        logits.cross_entropy(label, x, label_smoothing=0.1, where=True), plain
    )
    assert plain[0] == np.inf
    masked = logits.cross_entropy(label, x, label_smoothing=0.1, where=[False, True, True])
    np.testing.assert_allclose(
        masked, logits.cross_entropy([0, 0], [row[1:] for row in x], label_smoothing=0.1)
    )
    skipped = logits.cross_entropy(
        [7, 1], x, label_smoothing=0.1, where=True, ignore_index=7, reduction="sum"
    )
    assert np.isfinite(skipped)


def test_weights_of_0_and_rows_that_are_skipped() -> None:
    x = [[1e3, 0.0], [0.0, 0.0]]
    perplexity = logits.perplexity([1, 1], x, sample_weight=[0, 1])
    np.testing.assert_array_equal(perplexity, [0, 2])
    all_ignored = {"ignore_index": -100, "reduction": "mean", "sample_weight": [1, 1]}
    assert np.isnan(logits.cross_entropy([-100, -100], x, **all_ignored))
    weightless = {"class_weights": [1, 0], "reduction": "mean", "sample_weight": [1, 1]}
    assert np.isnan(logits.cross_entropy([1, 1], x, **weightless))
    with pytest.raises(ValueError, match="sample_weight: sums to 0"):
        logits.entropy(x, reduction="mean", sample_weight=[0, 0])


def test_derivatives_where_the_value_is_infinite() -> None:
    """Infinite for the class that q lacks, and no NaN where both lack one."""
    p, q = [[3.0, 1.0, 2.0, -np.inf]], [[-np.inf, 1.5, 2.0, -np.inf]]
    value, (by_p, by_q) = klrs.value_and_grad(logits.kl_divergence, (0, 1))(p, q)
    assert value[0] == np.inf
    assert by_p[0, 0] == np.inf
    assert by_p[0, 3] == by_q[0, 3] == 0
    assert not np.isnan(by_p).any()
    assert not np.isnan(by_q).any()


@pytest.mark.parametrize("kind", [np.int8, np.uint64])
def test_ignored_labels_of_any_integer_dtype(kind: type) -> None:
    x = [[1.0, 2.0], [0.0, 1.0]]
    most = int(np.iinfo(kind).max)
    labels = np.array([0, most], kind)
    values = logits.cross_entropy(labels, x, ignore_index=most)
    np.testing.assert_array_equal(values, [logits.cross_entropy(0, x[0]), 0])
    values = logits.cross_entropy(np.array([0, 1], kind), x, ignore_index=2**70)
    np.testing.assert_array_equal(values, logits.cross_entropy([0, 1], x))
    for wrong in (True, 1.5, np.array([1])):
        with pytest.raises(TypeError, match=r"ignore_index: got .* expected an integer"):
            logits.cross_entropy(labels, x, ignore_index=wrong)


def test_nothing_is_warned_of() -> None:
    """NumPy warns of bfloat16's comparisons, infinite sums and casts: errors in these tests."""
    nan, wide = np.array([[np.nan, np.nan], [1, 2]], bfloat16), np.float32([[3e38, -3e38]])
    _logits._warned = False
    try:
        assert logits.cross_entropy([-100, 0], nan, ignore_index=-100)[0] == 0
        assert logits.entropy([1e308, 1e308]) == pytest.approx(np.log(2))
        assert logits.kl_divergence(wide, -wide, sample_weight=[9])[0] == np.inf
        assert logits.binary_kl_divergence(wide, -wide, sample_weight=9).max() == np.inf
    finally:
        _logits._warned = True


def test_weights_may_be_of_bfloat16() -> None:
    x, weights = [[1.0, 2.0], [0.0, 1.0]], np.array([1, 3], bfloat16)
    np.testing.assert_array_equal(
        logits.cross_entropy([0, 1], x, class_weights=weights),
        logits.cross_entropy([0, 1], x, class_weights=[1, 3]),
    )
    np.testing.assert_array_equal(
        logits.binary_cross_entropy([0, 1], x, pos_weight=weights, sample_weight=weights),
        logits.binary_cross_entropy([0, 1], x, pos_weight=[1, 3], sample_weight=[1, 3]),
    )


@pytest.mark.parametrize("name", ["entropy", "logsumexp"])
def test_reductions_of_one_operand(name: str) -> None:
    x = np.array([[1.0, 2.0], [0.0, 3.0]])
    verb, weights = getattr(logits, name), [1.0, 3.0]
    each, by_each = klrs.value_and_grad(verb, 0)(x)
    value, gradient = klrs.value_and_grad(verb, 0)(x, reduction="mean", sample_weight=weights)
    assert value == pytest.approx(np.average(each, weights=weights))
    np.testing.assert_allclose(gradient, by_each * np.array([[0.25], [0.75]]), rtol=1e-14)
    assert verb(x, reduction="sum") == pytest.approx(each.sum())


def test_temperatures_beyond_float32() -> None:
    x = np.float32([1e-40, 0])
    assert logits.logsumexp(x, temperature=1e-40) == pytest.approx(np.log1p(np.e), rel=1e-5)
    assert logits.softmax(x, temperature=1e-40).dtype == np.float32
    assert logits.binary_cross_entropy(1.0, x[0], temperature=1e-40) == pytest.approx(
        np.log1p(np.exp(-1)), rel=1e-5
    )
    with pytest.raises(ValueError, match="temperature: 1e-310, expected a number with a finite"):
        logits.entropy([1.0, 2.0], temperature=1e-310)
