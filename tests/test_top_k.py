"""`klrs.logits.TopK`: a teacher of whom k classes are known, with whatever its tail has.

The digits of its values are those of test_logits_accuracy.py. Here: what "lump" and "bound" promise
of the whole teacher, where teacher and student lie in arrays, and errors.
"""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import klrs
import reference_logits as reference
from inputs import F32, F64, Float, assert_same_bits, each_float
from klrs import _top_k, logits
from klrs.logits import TopK
from messages import raises

TAILS = ("renormalize", "lump", "bound")
each_tail = pytest.mark.parametrize("tail", TAILS)
grad = klrs.value_and_grad(logits.kl_divergence)

X = np.random.default_rng(0).normal(0, 2, (5, 12))
Y = np.random.default_rng(1).normal(0, 2, (5, 12))


def likeliest(x: Any, k: int, tail: str = "renormalize", kind: Float = F64) -> TopK:
    """The k best classes of a teacher with these logits."""
    log_p = logits.log_softmax(np.asarray(x, np.float64))
    indices = np.argsort(-log_p, axis=-1)[..., :k]
    return TopK(indices, kind.array(np.take_along_axis(log_p, indices, -1)), tail=tail)


def oracle(teacher: TopK, student: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    rows = zip(teacher.indices, teacher.log_probs, student, strict=True)
    operands = [(i.tolist(), lp.tolist(), q.tolist()) for i, lp, q in rows]
    options |= {"tail": teacher.tail}
    values = [reference.top_k_kl_divergence(*it, **options) for it in operands]
    slopes = [reference.top_k_kl_divergence_gradient_q(*it, **options) for it in operands]
    return np.array(values, float), np.array(slopes, float)


@each_tail
@pytest.mark.parametrize("k", [1, 3, 11, 12])
def test_oracle(tail: str, k: int) -> None:
    teacher = likeliest(X, k, tail)
    value, gradient = grad(teacher, Y)
    expected, slopes = oracle(teacher, Y)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 3.0])
def test_temperature(temperature: float) -> None:
    teacher = likeliest(X, 4)
    value, gradient = grad(teacher, Y, temperature=temperature)
    expected, slopes = oracle(teacher, Y, temperature=temperature)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-14 / temperature)
    options = {"temperature": temperature, "temperature_squared": True}
    np.testing.assert_allclose(
        logits.kl_divergence(teacher, Y, **options), expected * temperature**2, rtol=1e-13
    )


@pytest.mark.parametrize("k", [1, 2, 5, 11])
@pytest.mark.parametrize("seed", range(20))
def test_lump_and_bound_enclose_the_truth(seed: int, k: int) -> None:
    p, q = (np.random.default_rng([seed, it]).normal(0, 3, (20, 12)) for it in (0, 1))
    truth = logits.kl_divergence(p, q)
    lump, bound = (logits.kl_divergence(likeliest(p, k, it), q) for it in ("lump", "bound"))
    assert (lump <= truth * (1 + 1e-13)).all()
    assert (truth <= bound * (1 + 1e-13)).all()
    assert (lump < bound).any()


@each_tail
def test_all_classes_are_the_teacher_itself(tail: str) -> None:
    value, gradient = grad(likeliest(X, 12, tail), Y)
    expected, slopes = grad(X, Y)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-15)


def test_lump_is_reached() -> None:
    """By the teacher whose tail has the student's proportions: no bound is better."""
    log_q = logits.log_softmax(Y)
    p = log_q + np.where(np.arange(12) < 3, 1.0, 0.0)
    teacher = TopK(np.tile([0, 1, 2], (5, 1)), logits.log_softmax(p)[:, :3], tail="lump")
    np.testing.assert_allclose(
        logits.kl_divergence(teacher, Y), logits.kl_divergence(p, Y), rtol=1e-12
    )


@pytest.mark.parametrize("seed", range(10))
def test_bound_is_the_worst_corner(seed: int) -> None:
    """Of all teachers that have the least of the k probabilities, or what is left, or nothing."""
    rng = np.random.default_rng(seed)
    known = np.array([0.4, 0.15])
    q = rng.normal(0, 2, 8)
    corners = set(itertools.permutations([0.15, 0.15, 0.15, 0.0, 0.0, 0.0]))
    with np.errstate(divide="ignore"):
        teachers = np.log([[*known, *rest] for rest in corners])
        worst = logits.kl_divergence(teachers, q).max()
        got = logits.kl_divergence(TopK([0, 1], np.log(known), tail="bound"), q)
    assert got == pytest.approx(worst, rel=1e-13)


def test_bound_uses_up_what_is_left() -> None:
    """0.5 is known, so the others have 0.5 in one class, or 0.3 and 0.2."""
    q = np.array([0.0, 3.0, 1.0, 2.0])
    for known, worst in (
        ([0.5], [0.5, 0.0, 0.5, 0.0]),
        ([0.35, 0.35], [0.35, 0.0, 0.3, 0.35]),
    ):
        indices = [0, 3][: len(known)]
        with np.errstate(divide="ignore"):
            expected, slopes = grad(np.log(worst), q)
        value, gradient = grad(TopK(indices, np.log(known), tail="bound"), q)
        assert value == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(gradient, slopes, atol=1e-15)


@each_float
@each_tail
def test_dtypes(kind: Float, tail: str) -> None:
    teacher, student = likeliest(X / 8, 6, tail, kind), kind.array(Y / 4)
    value, gradient = grad(teacher, student)
    assert value.dtype == kind.result
    assert gradient.dtype == kind.dtype
    wide = TopK(teacher.indices, np.asarray(teacher.log_probs, np.float64), tail=tail)
    expected, slopes = grad(wide, student.astype(np.float64))
    if kind in (F64, F32):
        np.testing.assert_allclose(value, expected, rtol=2e-6)
    np.testing.assert_allclose(gradient.astype(float), slopes, atol=kind.unit + 1e-9)
    one = logits.kl_divergence(
        TopK(teacher.indices[0], teacher.log_probs[0], tail=tail), student[0]
    )
    assert type(one) is kind.result.type
    assert_same_bits(one, value[0])
    if kind is F32:
        assert logits.kl_divergence(wide, student).dtype == np.float64
        assert logits.kl_divergence(teacher, student.astype(np.float64)).dtype == np.float64


@each_tail
def test_layouts(tail: str) -> None:
    x, y = (np.random.default_rng(s).normal(0, 2, (3, 4, 12)) for s in (2, 3))
    teacher = likeliest(x, 5, tail)
    value, gradient = grad(teacher, y)
    assert value.shape == (3, 4)
    for axis in (0, 1, -2):
        moved = TopK(*(np.moveaxis(it, -1, axis) for it in (teacher.indices, teacher.log_probs)))
        moved = TopK(moved.indices, moved.log_probs, tail)
        got, by_moved = grad(moved, np.moveaxis(y, -1, axis), axis=axis)
        assert_same_bits(got, value)
        assert_same_bits(np.moveaxis(by_moved, axis, -1), gradient)
        kept = logits.kl_divergence(moved, np.moveaxis(y, -1, axis), axis=axis, keepdims=True)
        assert_same_bits(kept.squeeze(axis), value)
        assert kept.ndim == 3
    back = y[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1]
    assert_same_bits(grad(teacher, back)[1], gradient)
    assert_same_bits(grad(teacher, np.asfortranarray(y))[0], value)
    swapped = TopK(
        teacher.indices.astype(">u2"), teacher.log_probs.astype(">f8").tolist(), teacher.tail
    )
    assert_same_bits(grad(swapped, y)[1], gradient)
    for i, j in itertools.product(range(3), range(4)):
        one = TopK(teacher.indices[i, j].tolist(), teacher.log_probs[i, j].tolist(), tail)
        assert_same_bits(logits.kl_divergence(one, y[i, j].tolist()), value[i, j])


@each_tail
def test_broadcasting(tail: str) -> None:
    teacher = likeliest(X, 4, tail)
    value, gradient = grad(teacher, Y[0])
    whole, slopes = grad(teacher, np.tile(Y[0], (5, 1)))
    assert_same_bits(value, whole)
    np.testing.assert_allclose(gradient, slopes.sum(0), rtol=1e-13, atol=1e-14)
    one = likeliest(X[0], 4, tail)
    value, gradient = grad(one, Y)
    whole, slopes = grad(likeliest(np.tile(X[0], (5, 1)), 4, tail), Y)
    assert_same_bits(value, whole)
    assert_same_bits(gradient, slopes)
    value = logits.kl_divergence(likeliest(X[:, None], 4, tail), Y)
    assert value.shape == (5, 5)
    assert_same_bits(value[1], logits.kl_divergence(likeliest(X[1], 4, tail), Y))


@each_tail
def test_blocks_change_no_bit(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = likeliest(X, 4, tail)
    where = np.random.default_rng(4).random((5, 12)) < 0.9
    for options in ({}, {"where": where}, {"where": where[0]}):
        monkeypatch.setattr(_top_k, "_BLOCK", 1000)
        value, gradient = grad(teacher, Y, **options)
        for entries in (1, 24, 30):
            monkeypatch.setattr(_top_k, "_BLOCK", entries)
            got, slopes = grad(teacher, Y, **options)
            assert_same_bits(got, value)
            assert_same_bits(slopes, gradient)


@each_tail
def test_options_are_those_of_kl_divergence(tail: str) -> None:
    teacher = likeliest(X, 4, tail)
    value, gradient = grad(teacher, Y)
    np.testing.assert_allclose(
        logits.kl_divergence(teacher, Y, base=2), value / np.log(2), rtol=1e-14
    )
    weights = np.array([1.0, 0.0, 2.0, 0.5, 1.0])
    for reduction, factors in (
        (None, weights),
        ("sum", weights),
        ("mean", weights / weights.sum()),
    ):
        got, slopes = grad(teacher, Y, sample_weight=weights, reduction=reduction)
        expected = value * factors
        expected = expected if reduction is None else expected.sum()
        np.testing.assert_allclose(got, expected, rtol=1e-14)
        np.testing.assert_allclose(slopes, gradient * factors[:, None], rtol=1e-13, atol=1e-16)
    assert grad(teacher, Y, reduction="mean")[0] == pytest.approx(value.mean(), rel=1e-14)
    room, place = np.empty(5), np.empty_like(Y)
    assert logits.kl_divergence(teacher, Y, out=room) is room
    assert_same_bits(room, value)
    _, written = grad(teacher, Y, out=place)
    assert written is place
    assert_same_bits(place, gradient)


def test_weight_0_leaves_out_a_row_with_nan() -> None:
    y = Y.copy()
    y[2, 4] = np.nan
    value, gradient = grad(likeliest(X, 3), y, sample_weight=[1, 1, 0, 1, 1], reduction="mean")
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert not gradient[2].any()


@each_tail
def test_where_leaves_out_classes(tail: str) -> None:
    """As if they were not there, for the teacher neither."""
    kept = np.array([1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1], bool)
    known, log_probs = [0, 3, 4, 9], np.log([0.3, 0.2, 0.1, 0.1])
    y = Y.copy()
    y[:, ~kept] = np.nan
    value, gradient = grad(TopK(known, log_probs, tail), y, where=kept)
    places = np.flatnonzero(kept).tolist()
    part = TopK([places.index(it) for it in known], log_probs, tail)
    expected, slopes = grad(part, Y[:, kept])
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(gradient[:, kept], slopes, rtol=1e-13, atol=1e-16)
    assert not gradient[:, ~kept].any()


def test_where_leaves_out_a_known_class() -> None:
    value, gradient = grad(TopK([0, 3, 4], np.log([0.3, 0.2, 0.1])), Y, where=np.arange(12) != 3)
    expected, slopes = grad(
        TopK([0, 4], np.log([0.3, 0.1])), np.where(np.arange(12) == 3, -np.inf, Y)
    )
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(gradient, slopes, atol=1e-15)


def test_masks() -> None:
    """-inf is a probability of 0, for the teacher and for the student."""
    y = [0.0, -np.inf, 1.0, -np.inf]
    half = np.log([0.5, 0.5])
    for tail in TAILS:
        assert logits.kl_divergence(TopK([0, 1], half, tail), y) == np.inf
        expected = np.log(0.5) - np.log(1 / (1 + np.e)) / 2 - np.log(np.e / (1 + np.e)) / 2
        got, gradient = grad(TopK([0, 2], half, tail), y)
        assert got == pytest.approx(expected, rel=1e-14)
        assert gradient[[1, 3]].tolist() == [0, 0]
    for tail in ("lump", "bound"):
        most = TopK([0, 2], np.log([0.5, 0.4]), tail)
        value, gradient = grad(most, y)
        assert value == np.inf
        assert np.isfinite(gradient).all()
        if tail == "lump":
            assert gradient[[1, 3]].tolist() == [0, 0]
        assert np.isfinite(logits.kl_divergence(most, [0.0, -1e5, 1.0, -1e5]))
        # What rounding leaves of 1 is no tail.
        sure = TopK([0, 2], np.float32(np.log([0.7, 0.3])), tail)
        assert np.isfinite(logits.kl_divergence(sure, np.float32(y)))
    unlikely = TopK([0, 1, 2], [np.log(0.5), -np.inf, np.log(0.5)])
    assert logits.kl_divergence(unlikely, y) == pytest.approx(expected, rel=1e-14)


@each_tail
def test_nan_stays_in_its_row(tail: str) -> None:
    teacher = likeliest(X, 4, tail)
    expected = grad(teacher, Y)
    y, log_probs = Y.copy(), teacher.log_probs.copy()
    y[1, teacher.indices[1, 2]] = np.nan
    y[2, np.setdiff1d(range(12), teacher.indices[2])[0]] = np.nan
    log_probs[4, 1] = np.nan
    got = grad(TopK(teacher.indices, log_probs, tail), y)
    for a, b in zip(got, expected, strict=True):
        assert np.isnan(a[[1, 2, 4]]).all()
        assert_same_bits(a[[0, 3]], b[[0, 3]])


@pytest.mark.parametrize("by", [1e4, -1e4, 2.0**40])
@each_tail
def test_a_constant_changes_nothing(tail: str, by: float) -> None:
    """The tail's logit keeps its digits."""
    y = np.round(Y * 8) / 8
    teacher = likeliest(X, 4, tail)
    np.testing.assert_allclose(
        logits.kl_divergence(teacher, y + by), logits.kl_divergence(teacher, y), rtol=1e-13
    )


@each_tail
def test_large_logits(tail: str) -> None:
    teacher = TopK(np.tile([0, 1], (3, 1)), np.tile(np.log([0.5, 0.25]), (3, 1)), tail)
    for size in (1e4, 1e300):
        y = np.array([[size, -size, 0, 0], [-size, -size, size, 0], [size, size, -size, -size]])
        value, gradient = grad(teacher, y)
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()
        exact, slopes = oracle(teacher, y)
        np.testing.assert_allclose(value, exact, rtol=1e-13)
        np.testing.assert_allclose(gradient, slopes, atol=1e-14)


def test_a_confident_teacher_keeps_its_tail() -> None:
    """1 - exp(-1e-9), and not 1 - 0.999999999."""
    log_probs = np.array([[-1e-9, -21.5]])
    y = np.array([[20.0, 0, -1, -2]])
    for tail in ("lump", "bound"):
        teacher = TopK(np.array([[0, 1]]), log_probs, tail)
        expected, slopes = oracle(teacher, y)
        value, gradient = grad(teacher, y)
        np.testing.assert_allclose(value, expected, rtol=1e-9)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-9)


def test_near_equality() -> None:
    """Never negative, and 0 up to what the tail's logit can say."""
    teacher = likeliest(X, 4, "lump")
    value = logits.kl_divergence(teacher, X)
    assert (value >= 0).all()
    assert (value < 1e-28).all()
    exact, _ = oracle(teacher, X + 1e-5 * Y)
    np.testing.assert_allclose(logits.kl_divergence(teacher, X + 1e-5 * Y), exact, rtol=1e-8)


def test_empty_batch() -> None:
    teacher = TopK(np.zeros((0, 2), int), np.zeros((0, 2)))
    value, gradient = grad(teacher, np.zeros((0, 12)))
    assert value.shape == (0,)
    assert gradient.shape == (0, 12)
    assert np.isnan(logits.kl_divergence(teacher, np.zeros((0, 12)), reduction="mean"))


def test_integers_are_read() -> None:
    """Logits of integers, unsigned indices, and log-probabilities that are logits."""
    value, gradient = grad(TopK(np.array([1, 0], np.uint8), [3, 1]), [1, 2, 3])
    expected, slopes = grad([1.0, 3.0, -np.inf], [1.0, 2.0, 3.0])
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(gradient, slopes, atol=1e-15)
    assert gradient.dtype == np.float64


def test_gradient_descent_finds_the_teacher() -> None:
    teacher = likeliest(X / 2, 12, "lump")
    x = np.zeros_like(X)
    for _ in range(2000):
        value, gradient = grad(teacher, x, reduction="sum")
        x -= 2 * gradient
    assert value < 1e-6


def test_it_is_frozen_and_can_be_copied() -> None:
    teacher = TopK([0, 2], [-0.5, -1.5], tail="lump")
    assert repr(teacher) == "TopK(indices=[0, 2], log_probs=[-0.5, -1.5], tail='lump')"
    with pytest.raises(AttributeError):
        teacher.tail = "bound"  # type: ignore[misc]
    for other in (pickle.loads(pickle.dumps(teacher)), copy.deepcopy(teacher)):
        assert repr(other) == repr(teacher)
    assert TopK([0], [0.0]).tail == "renormalize"


NAMES = ("js_divergence", "jeffreys_divergence", "total_variation_distance", "binary_kl_divergence")


@pytest.mark.parametrize("name", NAMES)
def test_others_do_not_take_it(name: str) -> None:
    with raises(TypeError, f"p: got a TopK, which only kl_divergence takes, not {name}"):
        getattr(logits, name)(TopK([0], [0.0]), [0.0, 1])


def kl(teacher: TopK, student: Any = X, **options: Any) -> Any:
    return logits.kl_divergence(teacher, student, **options)


LOG = np.log([[0.5, 0.25], [0.5, 0.125]])
AT = np.array([[0, 1], [3, 2]])
TWO = X[:2]

MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "tail": (
        lambda: TopK([0], [0.0], tail="drop"),
        ValueError,
        "tail: got 'drop', expected one of ('renormalize', 'lump', 'bound')",
    ),
    "range": (
        lambda: kl(TopK([[0, 1], [3, 12]], LOG), TWO),
        ValueError,
        "p.indices: row 1 has the class 12, expected an index from 0 to 11 (there are 12 classes)",
    ),
    "negative": (
        lambda: kl(TopK([0, -1], LOG[0]), X[0]),
        ValueError,
        "p.indices: has the class -1, expected an index from 0 to 11 (there are 12 classes)",
    ),
    "range, of uint64": (
        lambda: kl(TopK(np.array([0, 2**64 - 1], np.uint64), LOG[0]), X[0]),
        ValueError,
        "p.indices: has the class 18446744073709551615, expected an index from 0 to 11 (there are "
        "12 classes)",
    ),
    "twice": (
        lambda: kl(TopK([[0, 1], [7, 7]], LOG), TWO),
        ValueError,
        "p.indices: row 1 has the class 7 twice; expected distinct classes",
    ),
    "twice, of a batch": (
        lambda: kl(TopK([[[0, 1], [7, 7]]], LOG[None]), TWO[None]),
        ValueError,
        "p.indices: row (0, 1) has the class 7 twice; expected distinct classes",
    ),
    "indices of floats": (
        lambda: kl(TopK([0.0, 1.0], LOG[0])),
        TypeError,
        "p.indices: dtype float64, expected integers",
    ),
    "log_probs of strings": (
        lambda: kl(TopK([0, 1], ["a", "b"])),
        TypeError,
        "p.log_probs: dtype <U1, expected real numbers (at most float64)",
    ),
    "shapes": (
        lambda: kl(TopK([0, 1], LOG[0, :1])),
        ValueError,
        "p: indices of shape (2,) and log_probs of shape (1,); expected the same",
    ),
    "batches": (
        lambda: kl(TopK(AT, LOG)),
        ValueError,
        "p and q: shapes (2, 2) and (5, 12) do not broadcast; every axis but the distribution axis "
        "must match or be 1",
    ),
    "no class": (
        lambda: kl(TopK(np.zeros((5, 0), int), np.zeros((5, 0)))),
        ValueError,
        "p: has no class along axis 1; expected at least one",
    ),
    "axes": (
        lambda: kl(TopK(AT, LOG), TWO, axis=(0, 1)),
        ValueError,
        "axis: got (0, 1), but the classes of a TopK run along one axis",
    ),
    "all axes": (
        lambda: kl(TopK([0], [0.0]), X[0], axis=None),
        ValueError,
        "axis: got None, but the classes of a TopK run along one axis",
    ),
    "axis that does not exist": (
        lambda: kl(TopK([0], [0.0]), X[0], axis=1),
        np.exceptions.AxisError,
        "axis: 1 is out of bounds for arrays with 1 dimension",
    ),
    "temperature": (
        lambda: kl(TopK(AT, LOG, "lump"), TWO, temperature=2),
        ValueError,
        "temperature: 2, but what the classes of tail='lump' have is known at temperature 1 only; "
        "pass tail='renormalize'",
    ),
    "temperature that is none": (
        lambda: kl(TopK(AT, LOG), TWO, temperature=-1),
        ValueError,
        "temperature: -1, expected a finite number greater than 0",
    ),
    "positive": (
        lambda: kl(TopK([[0, 1], [2, 3]], [[-1.0, -1], [-1, 0.5]], "lump"), TWO),
        ValueError,
        "p.log_probs: row 1 has the value 0.5 at position 1; logarithms of probabilities must be "
        "<= 0",
    ),
    "sum": (
        lambda: kl(TopK([0, 1], np.log([0.75, 0.5]), "lump"), X[0]),
        ValueError,
        "p.log_probs: has probabilities that sum to 1.25, more than 1; pass tail='renormalize' to "
        "divide them by their sum",
    ),
    "no other class": (
        lambda: kl(TopK([0, 1], np.log([0.5, 0.25]), "lump"), X[0, :2]),
        ValueError,
        "p.log_probs: has probabilities that sum to 0.75, not 1, and there is no other class; pass "
        "tail='renormalize' to divide them by their sum",
    ),
    "not the likeliest": (
        lambda: kl(TopK([0, 1], np.log([0.5, 0.125]), "bound"), X[0, :4]),
        ValueError,
        "p.log_probs: leaves 0.375 for 2 other classes, and none of them may have more than 0.125, "
        "the least of the k probabilities; expected the likeliest classes",
    ),
    "infinite logit of the tail": (
        lambda: kl(TopK(AT, LOG), np.where(np.arange(24).reshape(2, 12) == 17, np.inf, TWO)),
        ValueError,
        "q: row 1 has the logit inf at position 5; expected finite logits, or -inf for classes "
        "that are left out",
    ),
    "infinite logit of a known class": (
        lambda: kl(TopK([0, 1], LOG[0]), [0.0, np.inf, 1, 2]),
        ValueError,
        "q: has the logit inf at position 1; expected finite logits, or -inf for classes that are "
        "left out",
    ),
    "infinite logit of the worst": (
        lambda: kl(TopK([0, 1], LOG[0], "bound"), [0.0, 1, np.inf, 2]),
        ValueError,
        "q: has the logit inf at position 2; expected finite logits, or -inf for classes that are "
        "left out",
    ),
    "all masked": (
        lambda: kl(TopK(AT, LOG), [TWO[0], np.full(12, -np.inf)]),
        ValueError,
        "q: row 1 has no class that is left: all logits are -inf or left out by where; "
        "keep at least one, or drop the row",
    ),
    "strings": (
        lambda: kl(TopK([0], [0.0]), ["a", "b"]),
        TypeError,
        "q: dtype <U1 is not supported; expected real numbers (float64, float32, float16, "
        "bfloat16, integers or bool); convert to numbers first",
    ),
    "scalar": (
        lambda: kl(TopK([0], [0.0]), 1.0),
        ValueError,
        "q: got a scalar (0-d); expected an array with a distribution axis",
    ),
    "where": (
        lambda: kl(TopK(AT, LOG), TWO, where=np.ones(11, bool)),
        ValueError,
        "where: shape (11,) does not broadcast to (2, 12)",
    ),
    "where of numbers": (
        lambda: kl(TopK(AT, LOG), TWO, where=np.ones(12)),
        TypeError,
        "where: dtype float64, expected bool",
    ),
    "out": (
        lambda: kl(TopK(AT, LOG), TWO, out=np.empty(3)),
        ValueError,
        "out: shape (3,), expected (2,)",
    ),
    "narrow out": (
        lambda: kl(TopK(AT, LOG), TWO, out=np.empty(2, np.float32)),
        TypeError,
        "out: dtype float32 cannot hold float64 results",
    ),
    "reduction": (
        lambda: kl(TopK(AT, LOG), TWO, reduction="batchmean"),
        ValueError,
        "reduction: got 'batchmean', expected one of (None, 'mean', 'sum')",
    ),
    "gradient of the teacher": (
        lambda: klrs.value_and_grad(logits.kl_divergence, 0)(TopK(AT, LOG), TWO),
        ValueError,
        "argnums: 0, but a TopK has no gradient; pass argnums=1",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str) -> None:
    call, kind, text = MISTAKES[mistake]
    with raises(kind, text):
        call()


def test_sums_of_halves_have_their_tolerance() -> None:
    """Probabilities whose logarithms were rounded to 8 or 11 bits sum to 1 only roughly."""
    x = np.random.default_rng(5).normal(0, 1, (50, 20))
    for dtype in (np.float16, ml_dtypes.bfloat16):
        teacher = likeliest(x, 20, "lump")
        rounded = TopK(teacher.indices, teacher.log_probs.astype(dtype), "lump")
        assert np.isfinite(logits.kl_divergence(rounded, x)).all()
