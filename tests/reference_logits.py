"""The oracle of `klrs.logits`: every verb and its gradients from the definitions, in mpmath.

A row is any sequence of numbers that are no probabilities but logits: its distribution is
s(x) = softmax(x / temperature). -inf is a class of probability 0, NaN makes the answer NaN, and a
row of nothing but -inf, or with +inf, has none (ValueError). mpmath's exponents have no limit, so
the only shift is by the largest logit: a difference of two floats keeps its digits where a sum of
1e300 and ln 2 would not.

What is computed cancels to first order where rows are nearly equal and to any order where they are
confident, so nothing is estimated: each result is computed again with half as many bits more until
that changes no `BITS` leading ones of any entry, or none that could be seen in a float64.

`VALUES` has the functions by the names of the verbs. `GRADIENTS` has for each the derivatives with
respect to the logits of its first and of its second operand, 1/temperature included; None stands
for an operand that has no logits, or is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, wraps
from math import isnan
from typing import Any, NamedTuple

from mpmath import mp, mpf

BITS = 100
"""Correct bits of each entry: the bounds that are tested with it are near 2^-43."""

SCALE = mp.ldexp(1, BITS)

NEGLIGIBLE = mp.ldexp(1, -1200)
"""Far below the smallest float64: entries that are smaller need no correct bits."""

FIRST_PRECISION = 192

Logits = Sequence[float]
Answer = mpf | list[mpf]


class NaNLogitError(ValueError):
    """A NaN among the logits: the answer is NaN."""


class Row(NamedTuple):
    """A row at a temperature, and at the precision of mpmath that it was made with."""

    logs: list[mpf]
    """ln s(x)."""
    shares: list[mpf]
    """s(x)."""
    total: mpf
    """ln sum exp(x / temperature)."""


def _number(x: Any) -> mpf:
    """Without rounding: mpmath's own numbers as they are, others as the floats that they are."""
    return x if isinstance(x, mpf) else mpf(float(x))


def _row(logits: Logits, temperature: float) -> Row:
    return _row_at(tuple(logits), temperature, mp.prec)


@lru_cache(maxsize=256)
def _row_at(given: tuple[float, ...], temperature: float, _precision: int) -> Row:
    logits, t = [_number(x) for x in given], _number(temperature)
    if any(mp.isnan(x) for x in logits):
        raise NaNLogitError
    largest = max(logits)
    if mp.isinf(largest):
        raise ValueError("expected a finite logit, and none that is +inf")
    at = logits.index(largest)
    gaps = [(x - largest) / t for x in logits]
    powers = [mp.exp(gap) for gap in gaps]
    others = mp.fsum(power for i, power in enumerate(powers) if i != at)
    rest = mp.log1p(others)
    return Row(
        [gap - rest for gap in gaps],
        [power / (1 + others) for power in powers],
        largest / t + rest,
    )


def _agree(x: mpf, y: mpf) -> bool:
    if x == y:
        return True
    apart = abs(x - y)
    return bool(apart <= NEGLIGIBLE or (apart < mp.inf and apart * SCALE <= abs(y)))


def _settled(evaluate: Callable[[], Answer]) -> Answer:
    """The answer at a precision that is enough."""
    bits = FIRST_PRECISION
    before: list[mpf] | None = None
    while True:
        with mp.workprec(bits):
            answer = evaluate()
            now = answer if isinstance(answer, list) else [answer]
            if before is not None and all(map(_agree, before, now)):
                return answer
        before, bits = now, bits + bits // 2


def _exactly(function: Callable[..., Answer]) -> Callable[..., Any]:
    """`function` at a precision that is enough, with the options that all verbs have.

    A base divides the answer by ln(base), and `temperature_squared` multiplies it by temperature^2.
    """

    @wraps(function)
    def verb(
        *operands: Any,
        temperature: float = 1.0,
        base: float | None = None,
        temperature_squared: bool = False,
        **options: Any,
    ) -> Any:
        def evaluate() -> Answer:
            answer = function(*operands, temperature=temperature, **options)
            scale = mpf(1) if base is None else 1 / mp.log(_number(base))
            if temperature_squared:
                scale *= _number(temperature) ** 2
            return [scale * x for x in answer] if isinstance(answer, list) else scale * answer

        try:
            return _settled(evaluate)
        except NaNLogitError:
            return mp.nan

    return verb


def _times(factor: mpf, x: mpf) -> mpf:
    """factor x, and 0 for a factor of 0: 0 ln 0 is 0."""
    return factor * x if factor else mpf(0)


# ------------------------------------------------------------------------------------ one operand


@_exactly
def log_softmax(x: Logits, *, temperature: float) -> list[mpf]:
    """ln s(x)."""
    return _row(x, temperature).logs


@_exactly
def softmax(x: Logits, *, temperature: float) -> list[mpf]:
    """s(x) = exp(x/T) / sum exp(x/T)."""
    return _row(x, temperature).shares


@_exactly
def logsumexp(x: Logits, *, temperature: float) -> mpf:
    """ln sum exp(x/T)."""
    return _row(x, temperature).total


@_exactly
def logsumexp_gradient(x: Logits, *, temperature: float) -> list[mpf]:
    """s(x) / T."""
    t = _number(temperature)
    return [share / t for share in _row(x, temperature).shares]


def _entropy(row: Row) -> mpf:
    return mp.fsum(_times(-s, log) for s, log in zip(row.shares, row.logs, strict=True))


@_exactly
def entropy(x: Logits, *, temperature: float) -> mpf:
    """H = -sum s ln s."""
    return _entropy(_row(x, temperature))


@_exactly
def entropy_gradient(x: Logits, *, temperature: float) -> list[mpf]:
    """-s (ln s + H) / T."""
    row, t = _row(x, temperature), _number(temperature)
    nats = _entropy(row)
    pairs = zip(row.shares, row.logs, strict=True)
    return [_times(-s / t, log + nats) for s, log in pairs]


# ---------------------------------------------------------------------------------- cross-entropy


def _weights_of_label(
    y: int, classes: int, label_smoothing: float, class_weights: Sequence[float] | None
) -> list[mpf]:
    """What -ln s of each class is multiplied by: (e/C) w_c, and (1-e) w_y more for the label."""
    e = _number(label_smoothing)
    w = [mpf(1)] * classes if class_weights is None else [_number(x) for x in class_weights]
    return [e * w[c] / classes + ((1 - e) * w[c] if c == y else 0) for c in range(classes)]


def _weights_of_distribution(
    t: Sequence[float], label_smoothing: float, class_weights: Sequence[float] | None
) -> list[mpf]:
    """What -ln s of each class is multiplied by: w_c ((1-e) t_c + e/C)."""
    e = _number(label_smoothing)
    w = [mpf(1)] * len(t) if class_weights is None else [_number(x) for x in class_weights]
    return [w[c] * ((1 - e) * _number(t[c]) + e / len(t)) for c in range(len(t))]


def _code_length(weights: list[mpf], x: Logits, temperature: float) -> mpf:
    logs = _row(x, temperature).logs
    return mp.fsum(_times(-w, log) for w, log in zip(weights, logs, strict=True))


def _code_length_gradient(weights: list[mpf], x: Logits, temperature: float) -> list[mpf]:
    """(s sum w - w) / T."""
    total, t = mp.fsum(weights), _number(temperature)
    pairs = zip(_row(x, temperature).shares, weights, strict=True)
    return [(s * total - w) / t for s, w in pairs]


@_exactly
def cross_entropy_of_label(
    y: int,
    x: Logits,
    *,
    temperature: float,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    ignore_index: int | None = None,
) -> mpf:
    """-(1-e) w_y ln s_y - (e/C) sum w_c ln s_c, and 0 for a label that is ignored."""
    if y == ignore_index:
        return mpf(0)
    weights = _weights_of_label(y, len(x), label_smoothing, class_weights)
    return _code_length(weights, x, temperature)


@_exactly
def cross_entropy_of_label_gradient(
    y: int,
    x: Logits,
    *,
    temperature: float,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
    ignore_index: int | None = None,
) -> list[mpf]:
    """(s sum v - v) / T with v_c what -ln s_c is multiplied by."""
    if y == ignore_index:
        return [mpf(0)] * len(x)
    weights = _weights_of_label(y, len(x), label_smoothing, class_weights)
    return _code_length_gradient(weights, x, temperature)


@_exactly
def cross_entropy_of_distribution(
    t: Sequence[float],
    x: Logits,
    *,
    temperature: float,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
) -> mpf:
    """-sum w_c t'_c ln s_c with t' = (1-e) t + e/C."""
    weights = _weights_of_distribution(t, label_smoothing, class_weights)
    return _code_length(weights, x, temperature)


@_exactly
def cross_entropy_of_distribution_gradient(
    t: Sequence[float],
    x: Logits,
    *,
    temperature: float,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
) -> list[mpf]:
    """(s sum v - v) / T with v_c = w_c t'_c."""
    weights = _weights_of_distribution(t, label_smoothing, class_weights)
    return _code_length_gradient(weights, x, temperature)


def _is_label(target: Any) -> bool:
    return hasattr(target, "__index__")


def cross_entropy(target: Any, x: Logits, **options: Any) -> Any:
    """Of a label if the target is an integer, else of a distribution."""
    of = cross_entropy_of_label if _is_label(target) else cross_entropy_of_distribution
    return of(target, x, **options)


def cross_entropy_gradient(target: Any, x: Logits, **options: Any) -> Any:
    """Of a label if the target is an integer, else of a distribution."""
    if _is_label(target):
        return cross_entropy_of_label_gradient(target, x, **options)
    return cross_entropy_of_distribution_gradient(target, x, **options)


def perplexity(target: Any, x: Logits, **options: Any) -> mpf:
    """exp of the cross-entropy."""
    nats = cross_entropy(target, x, **options)
    with mp.workprec(FIRST_PRECISION):
        return mp.exp(nats)


def perplexity_gradient(target: Any, x: Logits, **options: Any) -> Any:
    """The perplexity times the gradient of the cross-entropy."""
    value, gradient = perplexity(target, x, **options), cross_entropy_gradient(target, x, **options)
    with mp.workprec(FIRST_PRECISION):
        return [value * g for g in gradient] if isinstance(gradient, list) else gradient


# ------------------------------------------------------------------------------------ divergences


def _kl(p: Row, logs: list[mpf]) -> mpf:
    """Of s(p) and the distribution with these logarithms; exactly 0 if they are its own.

    A share is 0 where the logit is -inf, and nowhere else: mpmath's numbers do not underflow.
    """
    rows = zip(p.shares, p.logs, logs, strict=True)
    return mp.fsum(s * (log - m) for s, log, m in rows if s)


def _slope_in_first(p: Row, slopes: list[mpf], temperature: float) -> list[mpf]:
    """s (slope - sum s slope) / T: of sum s slope if the slopes were constants."""
    pairs, t = list(zip(p.shares, slopes, strict=True)), _number(temperature)
    mean = mp.fsum(_times(s, slope) for s, slope in pairs)
    return [_times(s / t, slope - mean) for s, slope in pairs]


def _ratios(p: Row, logs: list[mpf]) -> list[mpf]:
    """Of s(p) to the distribution with these logarithms, ln; and 0 where s(p) = 0."""
    rows = zip(p.shares, p.logs, logs, strict=True)
    return [log - m if s else mpf(0) for s, log, m in rows]


def _differences(p: Row, q: Row, temperature: float) -> list[mpf]:
    """(s(p) - s(q)) / T."""
    t = _number(temperature)
    return [(x - y) / t for x, y in zip(p.shares, q.shares, strict=True)]


@_exactly
def kl_divergence(p: Logits, q: Logits, *, temperature: float) -> mpf:
    """sum s(p) ln(s(p)/s(q))."""
    return _kl(_row(p, temperature), _row(q, temperature).logs)


@_exactly
def kl_divergence_gradient_p(p: Logits, q: Logits, *, temperature: float) -> list[mpf]:
    """s(p) (ln s(p)/s(q) - KL) / T."""
    rows = _row(p, temperature), _row(q, temperature)
    return _slope_in_first(rows[0], _ratios(rows[0], rows[1].logs), temperature)


@_exactly
def kl_divergence_gradient_q(p: Logits, q: Logits, *, temperature: float) -> list[mpf]:
    """(s(q) - s(p)) / T."""
    return _differences(_row(q, temperature), _row(p, temperature), temperature)


@_exactly
def jeffreys_divergence(p: Logits, q: Logits, *, temperature: float) -> mpf:
    """KL(s(p)||s(q)) + KL(s(q)||s(p))."""
    rows = _row(p, temperature), _row(q, temperature)
    return _kl(rows[0], rows[1].logs) + _kl(rows[1], rows[0].logs)


@_exactly
def jeffreys_divergence_gradient_p(p: Logits, q: Logits, *, temperature: float) -> list[mpf]:
    """[s(p) (ln s(p)/s(q) - KL) + s(p) - s(q)] / T."""
    rows = _row(p, temperature), _row(q, temperature)
    forward = _slope_in_first(rows[0], _ratios(rows[0], rows[1].logs), temperature)
    return [x + y for x, y in zip(forward, _differences(*rows, temperature), strict=True)]


def jeffreys_divergence_gradient_q(p: Logits, q: Logits, **options: Any) -> Any:
    """It is symmetric."""
    return jeffreys_divergence_gradient_p(q, p, **options)


def _logs_of_mixture(p: Row, q: Row, b: mpf) -> list[mpf]:
    pairs = zip(p.shares, q.shares, strict=True)
    return [mp.log(b * x + (1 - b) * y) if x or y else -mp.inf for x, y in pairs]


@_exactly
def js_divergence(p: Logits, q: Logits, *, temperature: float, beta: float = 0.5) -> mpf:
    """b KL(s(p)||M) + (1-b) KL(s(q)||M) with M = b s(p) + (1-b) s(q).

    For b = 0 it is KL(s(p)||s(q)) and for b = 1 KL(s(q)||s(p)): what the value divided by b, or by
    1-b, goes to.
    """
    rows, b = (_row(p, temperature), _row(q, temperature)), _number(beta)
    if b in (0, 1):
        return _kl(rows[b == 1], rows[b == 0].logs)
    if rows[0].logs == rows[1].logs:
        return mpf(0)
    mixed = _logs_of_mixture(*rows, b)
    return b * _kl(rows[0], mixed) + (1 - b) * _kl(rows[1], mixed)


@_exactly
def js_divergence_gradient_p(
    p: Logits, q: Logits, *, temperature: float, beta: float = 0.5
) -> list[mpf]:
    """b s(p) (ln s(p)/M - KL(s(p)||M)) / T, and those of its limits."""
    rows, b = (_row(p, temperature), _row(q, temperature)), _number(beta)
    if b == 0:
        return _slope_in_first(rows[0], _ratios(rows[0], rows[1].logs), temperature)
    if b == 1:
        return _differences(*rows, temperature)
    if rows[0].logs == rows[1].logs:
        return [mpf(0)] * len(p)
    slopes = [b * ratio for ratio in _ratios(rows[0], _logs_of_mixture(*rows, b))]
    return _slope_in_first(rows[0], slopes, temperature)


def js_divergence_gradient_q(p: Logits, q: Logits, *, beta: float = 0.5, **options: Any) -> Any:
    """With the operands exchanged b is 1-b."""
    with mp.workprec(FIRST_PRECISION):
        return js_divergence_gradient_p(q, p, beta=1 - _number(beta), **options)


@_exactly
def total_variation_distance(p: Logits, q: Logits, *, temperature: float) -> mpf:
    """sum |s(p) - s(q)| / 2."""
    pairs = zip(_row(p, temperature).shares, _row(q, temperature).shares, strict=True)
    return mp.fsum(abs(x - y) for x, y in pairs) / 2


@_exactly
def total_variation_distance_gradient_p(p: Logits, q: Logits, *, temperature: float) -> list[mpf]:
    """s(p) (sign - sum s(p) sign) / (2 T) with the sign of s(p) - s(q)."""
    rows = _row(p, temperature), _row(q, temperature)
    pairs = zip(rows[0].shares, rows[1].shares, strict=True)
    return _slope_in_first(rows[0], [mp.sign(x - y) / 2 for x, y in pairs], temperature)


def total_variation_distance_gradient_q(p: Logits, q: Logits, **options: Any) -> Any:
    """It is symmetric."""
    return total_variation_distance_gradient_p(q, p, **options)


def _powers(p: Row, q: Row, a: mpf) -> list[mpf]:
    """s(p)^a s(q)^(1-a) for a > 0, which is not 1."""

    def power(log: mpf, m: mpf) -> mpf:
        if mp.isinf(log) or (mp.isinf(m) and a < 1):
            return mpf(0)
        return mp.inf if mp.isinf(m) else mp.exp(a * log + (1 - a) * m)

    return [power(log, m) for log, m in zip(p.logs, q.logs, strict=True)]


@_exactly
def renyi_divergence(p: Logits, q: Logits, *, temperature: float, alpha: float) -> mpf:
    """ln(sum s(p)^a s(q)^(1-a)) / (a-1).

    Its limits: for a = 0 -ln of the share that s(q) has where s(p) > 0, for a = 1 KL, and for
    a = inf the largest ln s(p)/s(q).
    """
    rows, a = (_row(p, temperature), _row(q, temperature)), _number(alpha)
    if a == 1:
        return _kl(rows[0], rows[1].logs)
    if a == 0:
        pairs = zip(rows[0].logs, rows[1].shares, strict=True)
        missed = mp.fsum(share for log, share in pairs if mp.isinf(log))
        return -mp.log1p(-missed)
    if mp.isinf(a):
        shares = rows[0].shares
        ratios = zip(shares, _ratios(rows[0], rows[1].logs), strict=True)
        return max(ratio for s, ratio in ratios if s)
    if rows[0].logs == rows[1].logs:
        return mpf(0)
    total = mp.fsum(_powers(*rows, a))
    return mp.log(total) / (a - 1) if total else mp.inf


def _escort(p: Row, q: Row, a: mpf) -> list[mpf]:
    """The distribution that the powers are proportional to; a = inf: where their ratio is largest.

    a = 0: s(q) where s(p) > 0.
    """
    if a == 0:
        powers = [
            mpf(0) if mp.isinf(log) else share for log, share in zip(p.logs, q.shares, strict=True)
        ]
    elif mp.isinf(a):
        ratios = [
            -mp.inf if mp.isinf(log) else log - m for log, m in zip(p.logs, q.logs, strict=True)
        ]
        powers = [mpf(ratio == max(ratios)) for ratio in ratios]
    elif p.logs == q.logs:
        return p.shares
    else:
        powers = _powers(p, q, a)
    total = mp.fsum(powers)
    return [power / total for power in powers]


@_exactly
def renyi_divergence_gradient_p(
    p: Logits, q: Logits, *, temperature: float, alpha: float
) -> list[mpf]:
    """a/(a-1) (W - s(p)) / T with W proportional to s(p)^a s(q)^(1-a)."""
    rows, a = (_row(p, temperature), _row(q, temperature)), _number(alpha)
    if a == 1:
        return _slope_in_first(rows[0], _ratios(rows[0], rows[1].logs), temperature)
    scale = (mpf(1) if mp.isinf(a) else a / (a - 1)) / _number(temperature)
    pairs = zip(_escort(*rows, a), rows[0].shares, strict=True)
    return [_times(scale, w - s) for w, s in pairs]


@_exactly
def renyi_divergence_gradient_q(
    p: Logits, q: Logits, *, temperature: float, alpha: float
) -> list[mpf]:
    """(s(q) - W) / T; for a = 1, W is s(p)."""
    rows, a = (_row(p, temperature), _row(q, temperature)), _number(alpha)
    if a == 1:
        return _differences(*rows[::-1], temperature)
    if a == 0 and not any(map(mp.isinf, rows[0].logs)):
        return [mpf(0)] * len(q)
    pairs = zip(rows[1].shares, _escort(*rows, a), strict=True)
    return [(s - w) / _number(temperature) for s, w in pairs]


# ------------------------------------------------------------------------------------- top k of p


def _teacher(
    indices: Sequence[int], log_probs: Sequence[float], student: Row, temperature: float, tail: str
) -> list[mpf]:
    """Shares of all classes of a teacher of whom k are known.

    "renormalize": the others have none. "lump": they have what is left in the proportions of the
    student's, so that the divergence is that of one class. "bound": the student's least likely have
    the least of the k shares each, until nothing is left.
    """
    shares = [mpf(0)] * len(student.shares)
    others = [c for c in range(len(shares)) if c not in set(indices)]
    if tail == "renormalize":
        known = _row(log_probs, temperature).shares
    else:
        if temperature != 1:
            raise ValueError("the tail's share is known at temperature 1 only")
        known = [mp.exp(_number(log)) for log in log_probs]
        left = max(mpf(0), 1 - mp.fsum(known))
        if tail == "lump":
            whole = mp.fsum(student.shares[c] for c in others)
            for c in others:
                shares[c] = left * student.shares[c] / whole if whole else left / len(others)
        else:
            for c in sorted(others, key=lambda c: student.shares[c]):
                shares[c] = min(left, *known)
                left -= shares[c]
    for c, share in zip(indices, known, strict=True):
        shares[c] = share
    total = mp.fsum(shares)
    return [share / total for share in shares]


@_exactly
def top_k_kl_divergence(
    indices: Sequence[int],
    log_probs: Sequence[float],
    q: Logits,
    *,
    temperature: float,
    tail: str = "renormalize",
) -> mpf:
    """sum t ln(t/s(q)) with the shares t of a teacher of whom k classes are known."""
    student = _row(q, temperature)
    shares = _teacher(indices, log_probs, student, temperature, tail)
    pairs = zip(shares, student.logs, strict=True)
    return mp.fsum(t * (mp.log(t) - log) for t, log in pairs if t)


@_exactly
def top_k_kl_divergence_gradient_q(
    indices: Sequence[int],
    log_probs: Sequence[float],
    q: Logits,
    *,
    temperature: float,
    tail: str = "renormalize",
) -> list[mpf]:
    """(s(q) - t) / T."""
    student = _row(q, temperature)
    shares = _teacher(indices, log_probs, student, temperature, tail)
    return [(s - t) / _number(temperature) for s, t in zip(student.shares, shares, strict=True)]


# ----------------------------------------------------------------------------------------- binary


def _binary(x: float) -> tuple[float, float]:
    """The logits of two classes, of which the first has the probability sigmoid(x/T)."""
    return x, 0.0


@_exactly
def binary_cross_entropy(t: float, x: float, *, temperature: float, pos_weight: float = 1.0) -> mpf:
    """-(w t ln sigmoid(x/T) + (1-t) ln sigmoid(-x/T))."""
    logs, t = _row(_binary(x), temperature).logs, _number(t)
    return _times(-_number(pos_weight) * t, logs[0]) + _times(t - 1, logs[1])


@_exactly
def binary_cross_entropy_gradient(
    t: float, x: float, *, temperature: float, pos_weight: float = 1.0
) -> mpf:
    """((1-t) sigmoid(x/T) - w t sigmoid(-x/T)) / T."""
    shares, t = _row(_binary(x), temperature).shares, _number(t)
    return ((1 - t) * shares[0] - _number(pos_weight) * t * shares[1]) / _number(temperature)


def binary_kl_divergence(p: float, q: float, **options: Any) -> mpf:
    """Of two classes, with the probability sigmoid(p/T) of the first, and sigmoid(q/T)."""
    return kl_divergence(_binary(p), _binary(q), **options)


def binary_kl_divergence_gradient_p(p: float, q: float, **options: Any) -> Any:
    """sigmoid(p/T) sigmoid(-p/T) (p - q) / T^2, as the gradient of two classes has it."""
    gradient = kl_divergence_gradient_p(_binary(p), _binary(q), **options)
    return gradient[0] if isinstance(gradient, list) else gradient


def binary_kl_divergence_gradient_q(p: float, q: float, **options: Any) -> Any:
    """(sigmoid(q/T) - sigmoid(p/T)) / T."""
    gradient = kl_divergence_gradient_q(_binary(p), _binary(q), **options)
    return gradient[0] if isinstance(gradient, list) else gradient


def _rational(x: float) -> Fraction:
    return Fraction(*float(x).as_integer_ratio())


def _exact_log(x: Fraction, y: Fraction) -> mpf:
    return mp.log(mpf(x.numerator * y.denominator) / (x.denominator * y.numerator))


def binary_kl_divergence_of_probabilities(p: float, q: float, *, base: float | None = None) -> mpf:
    """p ln(p/q) + (1-p) ln((1-p)/(1-q)) for probabilities p and q: `klrs.binary_kl_divergence`."""
    if isnan(p) or isnan(q):
        return mp.nan
    x, y = _rational(p), _rational(q)

    def term(a: Fraction, b: Fraction) -> mpf:
        if a == 0:
            return mpf(0)
        return mpf(a.numerator) / a.denominator * _exact_log(a, b) if b else mp.inf

    def evaluate() -> mpf:
        nats = term(x, y) + term(1 - x, 1 - y) if x != y else mpf(0)
        return nats if base is None else nats / mp.log(_number(base))

    return _settled(evaluate)


VALUES: dict[str, Callable[..., Any]] = {
    "log_softmax": log_softmax,
    "softmax": softmax,
    "logsumexp": logsumexp,
    "entropy": entropy,
    "cross_entropy": cross_entropy,
    "perplexity": perplexity,
    "kl_divergence": kl_divergence,
    "js_divergence": js_divergence,
    "jeffreys_divergence": jeffreys_divergence,
    "total_variation_distance": total_variation_distance,
    "renyi_divergence": renyi_divergence,
    "top_k_kl_divergence": top_k_kl_divergence,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_kl_divergence": binary_kl_divergence,
}

Gradient = Callable[..., Any] | None

GRADIENTS: dict[str, tuple[Gradient, Gradient]] = {
    "logsumexp": (logsumexp_gradient, None),
    "entropy": (entropy_gradient, None),
    "cross_entropy": (None, cross_entropy_gradient),
    "perplexity": (None, perplexity_gradient),
    "kl_divergence": (kl_divergence_gradient_p, kl_divergence_gradient_q),
    "js_divergence": (js_divergence_gradient_p, js_divergence_gradient_q),
    "jeffreys_divergence": (jeffreys_divergence_gradient_p, jeffreys_divergence_gradient_q),
    "total_variation_distance": (
        total_variation_distance_gradient_p,
        total_variation_distance_gradient_q,
    ),
    "renyi_divergence": (renyi_divergence_gradient_p, renyi_divergence_gradient_q),
    "top_k_kl_divergence": (None, top_k_kl_divergence_gradient_q),
    "binary_cross_entropy": (None, binary_cross_entropy_gradient),
    "binary_kl_divergence": (binary_kl_divergence_gradient_p, binary_kl_divergence_gradient_q),
}
