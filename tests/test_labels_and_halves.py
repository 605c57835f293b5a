"""Labels of short rows, which are computed all at once, and derivatives that are half floats.

Both are a shorter way to what the longer one says: these tests compare the two, bit by bit.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import klrs
import reference_logits as reference
from inputs import F32, F64, Float, assert_same_bits
from klrs import logits

ROWS = 331
"""More than a piece of work has, and no whole number of vectors."""

HALVES = (np.float16, bfloat16)
LOSSES = ("labels", "smoothed", "distributions", "kl_divergence", "js_divergence", "entropy")

both_floats = pytest.mark.parametrize("kind", [F32, F64], ids=["float32", "float64"])


def rows_of(classes: int, kind: Float) -> tuple[Any, Any]:
    """Labels and logits, from uniform rows to confident ones, ties and -inf among them."""
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(ROWS, classes)) * rng.choice([0, 0.1, 3, 30], (ROWS, 1))
    x += rng.choice([0, 1e4], (ROWS, 1))
    if classes > 1:
        x[::9, 1] = x[::9, 0]
        x[::13, classes - 1] = -np.inf
    return rng.integers(0, classes, ROWS), x.astype(kind.dtype)


@both_floats
@pytest.mark.parametrize("classes", [1, 2, 3, 8, 9, 10, 17, 32])
@pytest.mark.parametrize(
    "keywords", [{}, {"temperature": 0.7}, {"base": 2}, {"temperature": 3, "base": 10}], ids=str
)
def test_labels_of_short_rows_have_the_bits_of_their_gradient(
    classes: int, keywords: dict[str, Any], kind: Float
) -> None:
    labels, x = rows_of(classes, kind)
    base = {} if "base" not in keywords else {"base": keywords["base"]}
    temperature = {it: keywords[it] for it in keywords if it != "base"}
    values = logits.cross_entropy(labels, x, **keywords)
    one_by_one = [
        logits.cross_entropy(label, row, **keywords) for label, row in zip(labels, x, strict=True)
    ]
    assert_same_bits(values, np.array(one_by_one))
    if not base:
        assert_same_bits(
            values, klrs.value_and_grad(logits.cross_entropy)(labels, x, **temperature)[0]
        )
    # Rows along another axis, and in another order.
    assert_same_bits(values, logits.cross_entropy(labels, x.T.copy(), axis=0, **keywords))
    assert_same_bits(values[::-1], logits.cross_entropy(labels[::-1], x[::-1], **keywords))
    cube, of_cube = x[:330].reshape(30, 11, -1), labels[:330].reshape(30, 11)
    swapped = logits.cross_entropy(of_cube.T, cube.transpose(1, 0, 2), **keywords)
    assert_same_bits(values[:330].reshape(30, 11).T, swapped)


@both_floats
@pytest.mark.parametrize("classes", [2, 10, 32])
def test_labels_of_short_rows_agree_with_the_oracle(classes: int, kind: Float) -> None:
    labels, x = rows_of(classes, kind)
    values = logits.cross_entropy(labels[:60], x[:60])
    for label, row, value in zip(labels[:60], x[:60], values, strict=True):
        exact = reference.cross_entropy(int(label), row, temperature=1.0)
        assert value == pytest.approx(float(exact), rel=2e-6 if kind is F32 else 1e-13)


@both_floats
def test_digits_of_confident_labels(kind: Float) -> None:
    gaps = np.array([0.5, 1, 5, 40, 80, 100, 150, 700, 1000], kind.dtype)
    x = np.stack([np.zeros_like(gaps), -gaps, -gaps], axis=-1)
    values = logits.cross_entropy(np.zeros(len(gaps), int), x)
    exact = np.log1p(2 * np.exp(-gaps.astype(np.float64)))
    tiny = np.finfo(kind.dtype).smallest_subnormal
    assert np.all(np.abs(values - exact) <= np.maximum(2 * np.finfo(kind.dtype).eps * exact, tiny))


@both_floats
def test_short_rows_that_do_not_count(kind: Float) -> None:
    labels, x = rows_of(10, kind)
    expected = logits.cross_entropy(labels, x)
    labels, x = labels.copy(), x.copy()
    labels[::7], x[::7] = -100, np.nan
    x[3::70, 4] = np.nan
    values = logits.cross_entropy(labels, x, ignore_index=-100)
    expected[3::70] = np.nan
    expected[::7] = 0
    assert_same_bits(values, expected)
    mean = logits.cross_entropy(labels[:3], x[:3], ignore_index=-100, reduction="mean")
    assert mean == pytest.approx(float(expected[1:3].astype(np.float64).mean()), rel=1e-6)


@pytest.mark.parametrize("label", [10, -1, 2**40, -(2**63)])
def test_a_label_that_is_no_class_of_short_rows(label: int) -> None:
    labels, x = rows_of(10, F32)
    labels[200] = label
    with pytest.raises(ValueError, match=rf"targets: row 200 has the label {label}"):
        logits.cross_entropy(labels, x)


def test_an_infinite_logit_of_short_rows() -> None:
    labels, x = rows_of(10, F32)
    x[17, 3] = np.inf
    with pytest.raises(ValueError, match="logits: row 17 has"):
        logits.cross_entropy(labels, x)


def gradient_of(name: str, x: Any, y: Any, labels: Any, **keywords: Any) -> tuple[Any, Any]:
    grad = klrs.value_and_grad
    if name == "labels":
        return grad(logits.cross_entropy)(labels, x, **keywords)
    if name == "smoothed":
        return grad(logits.cross_entropy)(labels, x, label_smoothing=0.1, **keywords)
    if name == "distributions":
        return grad(logits.cross_entropy, 1)(logits.softmax(y.astype(np.float64)), x, **keywords)
    if name == "entropy":
        return grad(logits.entropy, 0)(x, **keywords)
    return grad(getattr(logits, name), 1)(y, x, **keywords)


@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
@pytest.mark.parametrize("classes", [3, 32, 33, 1000])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_half_floats_are_those_of_float32_rounded(
    name: str, classes: int, dtype: Any
) -> None:
    rng = np.random.default_rng(classes)
    x, y = (rng.normal(0, 3, (37, classes)).astype(dtype) for _ in range(2))
    x[4, 1] = y[4, 1] = -np.inf
    labels = rng.integers(0, classes, 37)
    labels[4] = 0
    where = rng.random((37, classes)) < 0.9
    where[np.arange(37), labels] = True
    # Targets that `where` leaves a part of do not sum to 1.
    left_out = {} if name == "distributions" else {"where": where}
    for keywords in ({}, left_out, {"reduction": "mean"}):
        value, got = gradient_of(name, x, y, labels, **keywords)
        wide = (x.astype(np.float32), y.astype(np.float32))
        expected_value, expected = gradient_of(name, *wide, labels, **keywords)
        assert_same_bits(value, expected_value)
        assert got.dtype == dtype
        if name == "distributions":
            # Their targets are float64, in which that is computed.
            np.testing.assert_allclose(got.astype(np.float64), expected, rtol=2e-2, atol=1e-6)
        else:
            assert_same_bits(got, expected.astype(dtype))


@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
def test_gradients_of_half_floats_in_place(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, (64, 500)).astype(dtype)
    labels = rng.integers(0, 500, 64)
    labels[5] = -100
    grad = klrs.value_and_grad(logits.cross_entropy)
    expected = grad(labels, x, ignore_index=-100)[1]
    assert not expected[5].any()
    for out in (np.empty_like(x), np.empty((500, 64), dtype).T, np.empty(x.shape, np.float32)):
        assert grad(labels, x, ignore_index=-100, out=out)[1] is out
        assert_same_bits(out.astype(dtype), expected)
    # What float32 holds is not rounded.
    assert np.any(out.astype(dtype).astype(np.float32) != out)
    along = grad(labels, x.T.copy(), ignore_index=-100, axis=0)[1]
    assert_same_bits(along.T, expected)
    stretched = klrs.value_and_grad(logits.kl_divergence, 1)(x, x[:1])[1]
    assert stretched.dtype == dtype
    assert stretched.shape == (1, 500)
    # The input may be where the gradient goes.
    assert_same_bits(grad(labels, x, ignore_index=-100, out=x)[1], expected)


@pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])
def test_gradients_of_half_floats_need_no_float32_array(dtype: Any) -> None:
    x = np.zeros((256, 4000), dtype)
    out = np.empty_like(x)
    grad = klrs.value_and_grad(logits.cross_entropy)
    labels = np.zeros(256, int)
    tracemalloc.start()
    try:
        grad(labels, x, out=out)
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 8
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, *HALVES])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_with_a_nan_has_no_gradient_and_no_other_row_changes(loss: str, dtype: Any) -> None:
    rng = np.random.default_rng(3)
    for classes in (10, 300):
        x = rng.normal(size=(40, classes)).astype(dtype)
        q = rng.normal(size=x.shape).astype(dtype)
        labels = np.arange(40) % classes
        targets = np.eye(classes)[labels].astype(dtype)
        calls = {
            "labels": (logits.cross_entropy, (labels,), {}),
            "smoothed": (logits.cross_entropy, (labels,), {"label_smoothing": 0.1}),
            "distributions": (logits.cross_entropy, (targets,), {}),
            "kl_divergence": (logits.kl_divergence, (q,), {}),
            "js_divergence": (logits.js_divergence, (q,), {}),
            "entropy": (logits.entropy, (), {}),
        }
        verb, first, keywords = calls[loss]
        grad = klrs.value_and_grad(verb, len(first))
        value, gradient = grad(*first, x, **keywords)
        x[7, 3] = np.nan
        with_nan = grad(*first, x, **keywords)
        assert np.isnan(with_nan[0][7])
        assert np.isnan(with_nan[1][7].astype(float)).all()
        others = np.arange(40) != 7
        assert_same_bits(with_nan[0][others], value[others])
        assert_same_bits(with_nan[1][others], gradient[others])
