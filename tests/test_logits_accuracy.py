"""The errors of `klrs.logits`: verb x dtype x class of logits, against the oracle.

The bounds are relative to the exact answer for the floats that were given: 1e-13, and 2e-6 where
the result is a float32; of gradients 1e-12 and 1e-5, relative to the row's largest derivative and
probabilities. A failure says the verb, the dtype, the case, and the error in units of the bound.

What is less than `FLOORS` of a divergence is promised to the digits that those have, and what is
summed of a large logit and a logarithm (`logsumexp`) to the digits of the larger.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import klrs
import reference_logits as reference
from inputs import BF16, F16, F32, F64, Float, each_float
from klrs import logits

FLOORS = {np.dtype(np.float64): mpf("1e-24"), np.dtype(np.float32): mpf("1e-10")}
"""The divergences, of second order in what the rows differ by, that have all promised digits."""

LARGEST = {F64: 1e300, F32: 1e38, F16: 65504.0, BF16: 3e38}
"""Of the logits that are tested."""

PERTURBATIONS = {F64: (1e-12, 1e-9, 1e-6, 1e-3), F32: (1e-5, 1e-3), F16: (1e-2,), BF16: (1e-1,)}

LENGTHS = (1, 2, 3, 10, 17, 32, 33, 100)
LONG = 100
"""The oracle is slow: longer rows are for some losses, and of 1000 float64 for all of them."""


def bound_of(result: np.dtype[Any]) -> float:
    return 1e-13 if result == np.float64 else 2e-6


# ------------------------------------------------------------------------------------------ cases


@dataclass(frozen=True, eq=False)
class Case:
    """Rows of p and q, of which one call is made."""

    name: str
    p: np.ndarray
    q: np.ndarray
    temperature: float = 1.0
    shifted: bool = False
    """Whether p and q differ by a constant, so that they are equal."""

    @property
    def labels(self) -> np.ndarray:
        """By turns the most and the least likely class that q has."""
        q = self.q.astype(np.float64)
        finite = np.where(np.isinf(q), np.inf, q)
        return np.where(np.arange(len(q)) % 2, finite.argmin(axis=-1), q.argmax(axis=-1))

    def targets(self, kind: Float) -> np.ndarray:
        """Distributions: of p, with the rounding that a user's have."""
        rows = self.p.astype(np.float64) / self.temperature
        powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
        return kind.array(powers / powers.sum(axis=-1, keepdims=True))

    def binary_targets(self, kind: Float) -> np.ndarray:
        """From 0 to 1, with both."""
        steps = np.arange(self.q.size).reshape(self.q.shape) % 9
        return kind.array(steps / 8)


def gaussian(seed: int, *shape: int, kind: Float, scale: float = 4) -> np.ndarray:
    return kind.array(np.random.default_rng(seed).normal(0, scale, shape))


def lengths(kind: Float) -> Iterator[Case]:
    """Independent logits N(0, 4^2), on both sides of the widths that kernels have."""
    for n in LENGTHS:
        p, q = (gaussian(n + seed, 2, n, kind=kind) for seed in (0, 1000))
        yield Case(f"{n} classes", p, q)


def long(kind: Float) -> Iterator[Case]:
    for n in (1000, 5000) if kind in (F64, F32) else (1000,):
        p, q = (gaussian(n + seed, 1, n, kind=kind) for seed in (0, 1))
        yield Case(f"{n} classes", p, q)


def near(kind: Float) -> Iterator[Case]:
    """Perturbed logits, as of a model that was quantised, or trained a step further."""
    for n in (2, 17, 50):
        for x in PERTURBATIONS[kind]:
            p = gaussian(n, 2, n, kind=kind)
            moved = p.astype(np.float64) + x * np.random.default_rng(1).normal(0, 1, p.shape)
            yield Case(f"{n} classes, perturbed by {x}", p, kind.array(moved))
    if kind in (F64, F32):
        x = PERTURBATIONS[kind][0]
        p = gaussian(0, 1, 2000, kind=kind)
        moved = p.astype(np.float64) + x * np.random.default_rng(1).normal(0, 1, p.shape)
        yield Case(f"2000 classes, perturbed by {x}", p, kind.array(moved))


def confident(kind: Float) -> Iterator[Case]:
    """One class has nearly all: its cross-entropy is 4.248e-18 of two, 2.08e-16 of 50 classes."""
    for n in (2, 50):
        for gap in (40, 80) if kind is not F64 else (40, 80, 600):
            q = np.zeros((4, n))
            q[:, n // 2] = gap
            p = q.copy()
            p[0, n // 2] += 0.5
            p[1, 0] += 1
            p[2, 0] += 2 * gap
            yield Case(f"{n} classes, gap {gap}", kind.array(p), kind.array(q))


def offset(kind: Float) -> Iterator[Case]:
    """Far from 0, where the dtype has few digits left; the same, or not, for p and q."""
    for by in (1000.0, 1e4):
        for n in (3, 33):
            x, y = (gaussian(seed, 2, n, kind=F64) for seed in (n, n + 1))
            yield Case(f"{n} classes + {by}", kind.array(x + by), kind.array(y + by))
            yield Case(f"{n} classes, q + {by}", kind.array(x), kind.array(y + by))
            yield Case(f"{n} classes - {by}", kind.array(x - by), kind.array(y - by))
            if kind in (F64, F32):
                eighths = np.round(x * 8) / 8
                p, q = kind.array(eighths), kind.array(eighths + by)
                yield Case(f"{n} classes shifted by {by}", p, q, shifted=True)
            if kind is F64:
                moved = (x + by) + 1e-9 * y
                yield Case(f"{n} classes + {by}, perturbed by 1e-9", x + by, moved)


def extreme(kind: Float) -> Iterator[Case]:
    """Logits as large as they get: nothing may overflow on the way to a finite answer."""
    for x in (1e4, LARGEST[kind]):
        p = [[x, -x, 0], [x, x, 0], [-x, -x, -x], [x, x, -x], [0, 1, 2]]
        q = [[-x, x, 0], [x, -x, x], [-x, -x, 0], [x, x, -x], [x, 0, x]]
        yield Case(f"+-{x:g}", kind.array(p), kind.array(q))


def tempered(kind: Float) -> Iterator[Case]:
    for temperature in (0.01, 0.7, 2.0, 10.0):
        p, q = (gaussian(seed, 2, 10, kind=kind) for seed in (5, 6))
        yield Case(f"temperature {temperature}", p, q, temperature)
        moved = p.astype(np.float64) + PERTURBATIONS[kind][-1] * q.astype(np.float64)
        yield Case(f"temperature {temperature}, near", p, kind.array(moved), temperature)
    yield Case("temperature 0.01, 2 classes", kind.array([[0.5, 0]]), kind.array([[0.25, 0]]), 0.01)


def masked(kind: Float) -> Iterator[Case]:
    """-inf: classes that one operand, or both, cannot have."""
    for n in (3, 33):
        p, q = (gaussian(seed, 6, n, kind=kind) for seed in (n, n + 1))
        p[0, 0] = q[0, 0] = -np.inf
        p[1, :2] = -np.inf
        q[2, n - 1] = -np.inf
        p[3, :-1] = -np.inf
        p[4, :-1] = q[4, :-1] = -np.inf
        p[5, 0] = q[5, n - 1] = -np.inf
        yield Case(f"{n} classes, some masked", p, q)


CLASSES = (lengths, long, near, confident, offset, extreme, tempered, masked)


@cache
def cases(make: Callable[[Float], Iterator[Case]], kind: Float) -> list[Case]:
    return list(make(kind))


# ----------------------------------------------------------------------------------------- losses


@dataclass(frozen=True)
class Loss:
    """A verb with its options, and what of a case it is called with."""

    name: str
    takes: str
    """Its operands: x, pq, or the target of a cross-entropy and x; also elementwise."""
    options: dict[str, Any] = field(default_factory=dict)
    roots: bool = False
    """Of first order in what p and q differ by."""

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}({self.takes}{';' if options else ''}{options})"

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def elementwise(self) -> bool:
        return self.name.startswith("binary")

    @property
    def differentiated(self) -> tuple[int, ...]:
        return tuple(i for i in (0, 1) if reference.GRADIENTS[self.name][i])

    def operands(self, case: Case, kind: Float) -> list[np.ndarray]:
        if self.takes == "x":
            return [case.q]
        if self.takes == "pq":
            return [case.p, case.q]
        if self.takes == "label,x":
            return [case.labels, case.q]
        binary = self.takes == "binary target,x"
        return [case.binary_targets(kind) if binary else case.targets(kind), case.q]

    def keywords(self, case: Case) -> dict[str, Any]:
        weights = {}
        if self.options.get("class_weights"):
            weights = {"class_weights": np.linspace(0.5, 2, case.q.shape[-1])}
        return self.options | weights | {"temperature": case.temperature}

    def suits(self, case: Case) -> bool:
        n = case.q.shape[-1]
        if self.elementwise:
            return n <= LONG and not np.isinf(case.q).any()
        if case.q.dtype == np.float64 and n == 1000:
            return True
        return n <= LONG or str(self) in THOROUGH

    def rows(self, case: Case, kind: Float) -> Iterator[tuple[Any, ...]]:
        """The operands of each row, or element."""
        operands = self.operands(case, kind)
        if self.elementwise:
            operands = [it.ravel() for it in operands]
        wide = (it if it.dtype.kind == "i" else it.astype(np.float64) for it in operands)
        return zip(*(it.tolist() for it in wide), strict=True)


def each_option(name: str, takes: str, key: str, *numbers: float) -> tuple[Loss, ...]:
    return tuple(Loss(name, takes, {key: number}) for number in numbers)


THOROUGH = ("kl_divergence(pq)", "cross_entropy(label,x)", "log_softmax(x)")
"""Those that see the longest rows."""

SMOOTHED = {"label_smoothing": 0.1, "class_weights": True}

ARRAYS = (Loss("log_softmax", "x"), Loss("softmax", "x"))
LOSSES = (
    Loss("logsumexp", "x"),
    Loss("entropy", "x"),
    Loss("cross_entropy", "label,x"),
    Loss("cross_entropy", "label,x", SMOOTHED),
    Loss("cross_entropy", "target,x"),
    Loss("cross_entropy", "target,x", SMOOTHED),
    Loss("perplexity", "label,x"),
    Loss("kl_divergence", "pq"),
    *each_option("js_divergence", "pq", "beta", 0, 0.1, 0.5, 1),
    Loss("jeffreys_divergence", "pq"),
    Loss("total_variation_distance", "pq", roots=True),
    *each_option("renyi_divergence", "pq", "alpha", 0, 0.5, 1, 2),
    Loss("renyi_divergence", "pq", {"alpha": math.inf}, roots=True),
    Loss("binary_cross_entropy", "binary target,x"),
    Loss("binary_cross_entropy", "binary target,x", {"pos_weight": 3.0}),
    Loss("binary_kl_divergence", "pq"),
)
DIFFERENTIATED = tuple(it for it in LOSSES if it.options.get("alpha") not in (0, math.inf))
"""Rényi's divergences of these orders have no gradient."""


def each(losses: tuple[Loss, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("loss", losses, ids=str)


each_class = pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.__name__)


@cache
def exact_values(loss: Loss, case: Case, kind: Float) -> list[Any]:
    keywords = loss.keywords(case)
    return [reference.VALUES[loss.name](*row, **keywords) for row in loss.rows(case, kind)]


def scale(loss: Loss, exact: mpf, case: Case, row: tuple[Any, ...], result: Any) -> mpf:
    """What the error is relative to."""
    size = max(abs(exact), mpf(float(np.finfo(result).smallest_normal)))
    if loss.name.endswith(("divergence", "distance")):
        return max(size, mp.sqrt(FLOORS[result]) if loss.roots else FLOORS[result])
    if loss.name == "logsumexp":
        return max(size, max(mpf(x) for x in row[0]) / case.temperature)
    if loss.name == "perplexity":
        # A power grows the error of the logarithm within.
        return size * max(1, mp.log(exact))
    return size


def relative_error(got: Any, exact: mpf, relative_to: mpf) -> float:
    """In units of the bound."""
    bound = bound_of(got.dtype)
    if np.isnan(got):
        return math.inf
    if np.isinf(got) or mp.isinf(exact):
        largest = float(np.finfo(got.dtype).max)
        agree = mp.sign(exact) == np.sign(got) and abs(exact) * (1 + bound) > largest
        return 0.0 if np.isinf(got) and agree else math.inf
    return float(abs(mpf(float(got)) - exact) / relative_to) / bound


def failure(  # noqa: PLR0917
    loss: Loss, kind: Float, case: Case, row: tuple, got: Any, exact: Any, e: float
) -> str:
    """A row that failed, such that the call can be repeated."""
    exact = [mp.nstr(x, 17) for x in (exact if isinstance(exact, list) else [exact])][:40]
    return (
        f"{loss} of {kind}, {case.name}: error {e:.3g} times the bound: "
        f"got {np.asarray(got).tolist()!r:.1000}, expected {exact}, T={case.temperature}: "
        f"{row!r:.2000}"
    )


# ------------------------------------------------------------------------------------------ tests


@each_class
@each_float
@each(LOSSES)
def test_value(loss: Loss, kind: Float, make: Callable[..., Any], measured: dict) -> None:
    rows = []
    for case in filter(loss.suits, cases(make, kind)):
        operands = loss.operands(case, kind)
        results = getattr(logits, loss.name)(*operands, **loss.keywords(case))
        assert results.shape == (case.q.shape if loss.elementwise else case.q.shape[:-1])
        assert results.dtype == kind.result
        exacts = exact_values(loss, case, kind)
        for row, got, exact in zip(loss.rows(case, kind), results.ravel(), exacts, strict=True):
            relative_to = scale(loss, exact, case, row, kind.result)
            e = relative_error(got, exact, relative_to)
            rows.append((e, loss, kind, case, row, got, exact))
    assert_bounded(rows, measured, make.__name__)


def assert_bounded(rows: list[tuple], measured: dict, name: str) -> None:
    if not rows:
        pytest.skip("the loss has the other classes")
    e, loss, kind, case, row, got, exact = max(rows, key=itemgetter(0))
    key = (kind.name, name.replace("_", " "), f"logits.{loss.name}")
    measured[key] = max(e * bound_of(kind.result), measured.get(key, 0.0))
    assert e <= 1, failure(loss, kind, case, row, got, exact, e)


@each_class
@each_float
@each(ARRAYS)
def test_each_class(loss: Loss, kind: Float, make: Callable[..., Any], measured: dict) -> None:
    """Relative to the entry, whose exponent is rounded: of softmax, exp grows that by |ln s|."""
    rows = []
    unit = float(np.finfo(kind.result).eps)
    smallest = mpf(float(np.finfo(kind.result).smallest_normal))
    for case in filter(loss.suits, cases(make, kind)):
        results = getattr(logits, loss.name)(case.q, **loss.keywords(case))
        assert results.shape == case.q.shape
        assert results.dtype == kind.result
        for row, got, exact in zip(
            loss.rows(case, kind), results, exact_values(loss, case, kind), strict=True
        ):
            errors = [0.0]
            for x, y in zip(got, exact, strict=True):
                grown = max(abs(y), smallest)
                if loss.name == "softmax" and y:
                    grown *= 1 + abs(mp.log(grown)) * unit / bound_of(kind.result)
                errors.append(relative_error(x, y, grown))
            rows.append((max(errors), loss, kind, case, row, got, exact))
    assert_bounded(rows, measured, make.__name__)


@each_class
@each_float
@each(DIFFERENTIATED)
def test_gradient(loss: Loss, kind: Float, make: Callable[..., Any]) -> None:
    rows = []
    for case in filter(loss.suits, cases(make, kind)):
        if case.shifted and loss.roots:
            # Where p is q only up to rounding, the signs of p - q are anything.
            continue
        operands, keywords = loss.operands(case, kind), loss.keywords(case)
        argnums = loss.differentiated
        verb = getattr(logits, loss.name)
        values, gradients = klrs.value_and_grad(verb, argnums)(*operands, **keywords)
        np.testing.assert_array_equal(values, verb(*operands, **keywords))
        exacts = exact_values(loss, case, kind)
        for argnum, gradient in zip(argnums, gradients, strict=True):
            assert gradient.shape == operands[argnum].shape
            assert gradient.dtype == kind.dtype
            derivative = reference.GRADIENTS[loss.name][argnum]
            each_row = gradient.reshape(-1, *gradient.shape[-1:] * (not loss.elementwise))
            for row, got, value in zip(loss.rows(case, kind), each_row, exacts, strict=True):
                if abs(value) > float(np.finfo(kind.result).max):
                    assert loss.name == "perplexity" or mp.isinf(value) or kind.result != np.float64
                    assert not np.isnan(got.astype(np.float64)).any() or mp.isinf(value)
                    continue
                exact = derivative(*row, **keywords)
                e = gradient_error(loss, kind, case, row, got, exact, value)
                rows.append((e, loss, kind, case, row, got, exact))
    if not rows:
        pytest.skip("the loss has the other classes")
    e, *of = max(rows, key=itemgetter(0))
    assert e <= 1, "gradient of " + failure(*of, e)


def gradient_error(  # noqa: PLR0917
    loss: Loss, kind: Float, case: Case, row: tuple, got: Any, exact: Any, value: mpf
) -> float:
    """In units of the bound, the row's largest.

    It is relative to the largest derivative and probability; of a probability times what the
    divergence is the mean of, which has its size, times that. A half-precision derivative is
    rounded in the end, and the largest of them are infinite.
    """
    bound = 1e-12 if kind.result == np.float64 else 1e-5
    exact = exact if isinstance(exact, list) else [exact]
    size = max(abs(x) for x in exact)
    if loss.elementwise:
        # As the two classes' largest probability.
        size += 1 + abs(value)
    else:
        distributions = row if loss.takes == "pq" else row[-1:]
        shares = [max(shares_of(tuple(x), case.temperature)) for x in distributions]
        size += max(shares) * (1 + abs(value))
    largest = ml_finfo_max(kind) * (1 - kind.unit)
    unit = kind.unit if kind in (F16, BF16) else 0
    allowed = bound * size + kind.subnormal
    errors = []
    for x, y in zip(np.atleast_1d(got).astype(np.float64).tolist(), exact, strict=True):
        beyond = math.isinf(x) and abs(y) > largest
        errors.append(0.0 if beyond else float(abs(x - y) / (allowed + unit * abs(y))))
    return math.inf if any(math.isnan(e) for e in errors) else max(errors)


@cache
def shares_of(x: tuple[float, ...], temperature: float) -> list[mpf]:
    return reference.softmax(x, temperature=temperature)


def ml_finfo_max(kind: Float) -> float:
    """The largest number of the dtype."""
    return {F64: 1.797e308, F32: 3.4028e38, F16: 65504.0, BF16: 3.3895e38}[kind]


@pytest.mark.parametrize("base", [2, 10, 1.5])
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
@each(tuple(it for it in LOSSES if it.name not in ("logsumexp", "perplexity") and not it.roots))
def test_base(loss: Loss, kind: Float, base: float) -> None:
    case = cases(tempered, kind)[2]
    operands, keywords = loss.operands(case, kind), loss.keywords(case) | {"base": base}
    results = getattr(logits, loss.name)(*operands, **keywords)
    for row, got in zip(loss.rows(case, kind), results.ravel(), strict=True):
        exact = reference.VALUES[loss.name](*row, **keywords)
        e = relative_error(got, exact, scale(loss, exact, case, row, kind.result))
        assert e <= 1, failure(loss, kind, case, row, got, exact, e)


@pytest.mark.parametrize("temperature", [0.7, 2.0])
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
@each(
    (
        Loss("cross_entropy", "label,x"),
        Loss("cross_entropy", "target,x"),
        *(it for it in DIFFERENTIATED if it.takes == "pq" and not it.elementwise),
    )
)
def test_temperature_squared(loss: Loss, kind: Float, temperature: float) -> None:
    """Values and gradients are multiplied by it, as in Hinton, Vinyals and Dean (2015)."""
    p, q = (gaussian(seed, 2, 17, kind=kind) for seed in (7, 8))
    case = Case("squared", p, q, temperature)
    keywords = loss.keywords(case) | {"temperature_squared": True}
    operands = loss.operands(case, kind)
    differentiated = klrs.value_and_grad(getattr(logits, loss.name), 1)
    values, gradients = differentiated(*operands, **keywords)
    for row, got, gradient in zip(loss.rows(case, kind), values, gradients, strict=True):
        exact = reference.VALUES[loss.name](*row, **keywords)
        e = relative_error(got, exact, scale(loss, exact, case, row, kind.result))
        assert e <= 1, failure(loss, kind, case, row, got, exact, e)
        derivatives = reference.GRADIENTS[loss.name][1](*row, **keywords)
        e = gradient_error(loss, kind, case, row, gradient, derivatives, exact)
        assert e <= 1, "gradient of " + failure(loss, kind, case, row, gradient, derivatives, e)


@pytest.mark.parametrize(
    ("classes", "expected"), [(2, 4.248354255291589e-18), (50, 2.0816935851e-16)]
)
def test_a_confident_label_costs_what_is_left(classes: int, expected: float) -> None:
    """Where ln of a probability that rounds to 1 is 0: the gap is 40 nats."""
    x = np.zeros(classes)
    x[0] = 40
    for value in (
        logits.cross_entropy(0, x),
        logits.cross_entropy(np.eye(classes)[0], x),
        -logits.log_softmax(x)[0],
        *([logits.binary_cross_entropy(1.0, 40.0)] if classes == 2 else []),
    ):
        assert value == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize("kind", [F64, F32], ids=str)
@each(tuple(it for it in LOSSES if it.name != "logsumexp" and it.takes in ("x", "pq", "label,x")))
def test_where_leaves_out_classes(loss: Loss, kind: Float) -> None:
    """As if they were not there: also for the number of classes that smoothing is spread over."""
    p, q = (gaussian(seed, 3, 33, kind=kind) for seed in (9, 10))
    if loss.elementwise:
        return
    kept = np.random.default_rng(2).random(33) < 0.6
    whole = Case("left out", np.where(kept, p, kind.array(100)), np.where(kept, q, kind.array(100)))
    part = Case("kept", p[:, kept], q[:, kept])
    operands, keywords = loss.operands(whole, kind), loss.keywords(whole)
    if loss.takes == "label,x":
        operands[0] = np.flatnonzero(kept)[part.labels]
    if "class_weights" in keywords:
        weights = np.zeros(33)
        weights[kept] = loss.keywords(part)["class_weights"]
        keywords["class_weights"] = weights
    results = getattr(logits, loss.name)(*operands, where=kept, **keywords)
    for row, got, exact in zip(
        loss.rows(part, kind), results, exact_values(loss, part, kind), strict=True
    ):
        e = relative_error(got, exact, scale(loss, exact, part, row, kind.result))
        assert e <= 1, failure(loss, kind, whole, row, got, exact, e)


# ------------------------------------------------------------------------------------- top k of p


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("k", [1, 2, 8, 33])
@pytest.mark.parametrize("tail", ["renormalize", "lump", "bound"])
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
def test_top_k(kind: Float, tail: str, k: int, temperature: float) -> None:
    if tail != "renormalize" and (temperature != 1 or k == 33):
        pytest.skip("there is no tail, or what it has at this temperature is not known")
    p, q = (gaussian(seed, 4, 33, kind=kind, scale=1.5) for seed in (11, 12))
    p[0, 5] = q[0, 5] = -np.inf
    with np.errstate(divide="ignore"):
        log_p = np.log(Case("teacher", p, q).targets(F64))
    indices = np.argsort(-log_p, axis=-1)[:, :k]
    log_probs = kind.array(np.take_along_axis(log_p, indices, axis=-1))
    # Of all classes, one is masked.
    assert np.isinf(log_probs).any() == (k == 33)
    teacher = logits.TopK(indices, log_probs, tail=tail)
    options = {"temperature": temperature}
    values, gradients = klrs.value_and_grad(logits.kl_divergence, 1)(teacher, q, **options)
    np.testing.assert_array_equal(values, logits.kl_divergence(teacher, q, **options))
    assert values.dtype == kind.result
    loss, case = Loss("kl_divergence", f"top {k}, {tail}"), Case("top k", p, q, temperature)
    rows = (it.astype(np.float64).tolist() for it in (log_probs, q))
    for *operands, got, gradient in zip(indices.tolist(), *rows, values, gradients, strict=True):
        row = tuple(operands)
        exact = reference.top_k_kl_divergence(*row, tail=tail, **options)
        e = relative_error(got, exact, max(exact, FLOORS[kind.result]))
        assert e <= 1, failure(loss, kind, case, row, got, exact, e)
        derivatives = reference.top_k_kl_divergence_gradient_q(*row, tail=tail, **options)
        e = gradient_error(loss, kind, case, row, gradient, derivatives, exact)
        assert e <= 1, "gradient of " + failure(loss, kind, case, row, gradient, derivatives, e)


# ------------------------------------------------------------------------------ from probabilities


@pytest.mark.parametrize("base", [None, 2])
@each_float
def test_binary_kl_divergence_of_probabilities(kind: Float, base: float | None) -> None:
    unit = kind.unit
    numbers = [0, kind.normal, 1e-3, 0.1, 0.3, 0.5, 0.5 + 2 * unit, 0.9, 1 - 2 * unit, 1 - unit, 1]
    p, q = (it.ravel() for it in np.meshgrid(kind.array(numbers), kind.array(numbers)))
    results = klrs.binary_kl_divergence(p, q, base=base)
    assert results.dtype == kind.result
    for x, y, got in zip(p, q, results, strict=True):
        exact = reference.binary_kl_divergence_of_probabilities(float(x), float(y), base=base)
        e = relative_error(got, exact, max(abs(exact), FLOORS[kind.result]))
        expected = mp.nstr(exact, 17)
        assert e <= 1, f"({x!r}, {y!r}) of {kind}: {got!r}, not {expected}: {e:.3g} bounds"
