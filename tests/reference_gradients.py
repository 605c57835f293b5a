"""The oracle of `klrs.value_and_grad`: derivatives from the definitions, in mpmath.

They are derivatives of the textbook formulas, as functions of all entries: of sum p ln(p/q) for
`kl_divergence`, not of the non-negative form that is its value, and without the bounds that values
are held to. With `normalize` they are those of the formula for P = p/sum(p) and Q = q/sum(q), with
respect to the weights p or q: (g_i - sum_j P_j g_j) / sum(p), with g the derivatives at P and Q.

At an entry of 0 the derivative is its limit as the zeros of the operand that is differentiated go
to 0 from above, all alike, while the other operand stays. A class with 0 in both has 0. A distance
has no derivative where it is 0: there it is 0. A NaN entry gives NaN for every class.

Below, x is an entry of the operand that is differentiated and y that of the other, or 1 if there is
none. A slope is the derivative g for one class with the limit of x g, which may be no 0 at x = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf

from reference import BITS, HALF, Columns, NaNEntryError, _exact_weights, _power_bits, _ratio

Slope = tuple[mpf, mpf]

ZERO: Slope = (mpf(0), mpf(0))

SPARE = 400
"""Bits beyond those that are known to be lost."""


def gradient(
    name: str,
    p: Iterable[float],
    q: Iterable[float] | None = None,
    argnum: int = 0,
    *,
    base: float | None = None,
    normalize: bool = False,
    **parameters: Any,
) -> list[mpf]:
    """The derivative of the verb `name` with respect to each entry of p (argnum 0) or q (1)."""
    rows = [list(p)] if q is None else [list(p), list(q)]
    rows = rows[::-1] if argnum else rows
    try:
        columns = Columns(rows, normalize)
    except NaNEntryError:
        return [mp.nan] * len(rows[0])
    a = _parameter(name, **parameters)
    lost = 2 * _power_bits(a) + (2 * columns.near() if q is not None else 0)
    lost += columns.unit.bit_length() if normalize else 0
    with mp.workprec(BITS + 2 * lost + SPARE):
        counts = [([mpf(x) / columns.unit for x in c], n) for c, n in columns.counts.items()]
        classes = [(c[0], c[1] if q is not None else mpf(1), n) for c, n in counts]
        verb = _Verb(name, classes, argnum == 0, q is None, a)
        slopes, mean = verb.slopes()
        scale = verb.scale()
        if base is not None:
            unit = mp.log(mpf(float(base)))
            scale /= mp.sqrt(unit) if name == "js_distance" else unit
        if normalize:
            slopes = [_centred(g, mean, lost) for g in slopes]
            scale /= _ratio(sum((Fraction(float(x)) for x in rows[0]), Fraction(0)))
        present = [x or y for x, y, _ in classes]
        values = [scale * g if g and y else mpf(0) for g, y in zip(slopes, present, strict=True)]
    of = dict(zip(columns.counts, values, strict=True))
    return [of[columns.exact[floats]] for floats in columns.floats]


def _centred(g: mpf, mean: mpf, lost: int) -> mpf:
    """g - mean, and 0 where what is left of them is their rounding."""
    if mp.isinf(g):
        return g
    noise = mp.ldexp(max(abs(g), abs(mean)), -lost - SPARE // 2)
    return g - mean if mp.isinf(mean) or abs(g - mean) > noise else mpf(0)


def _parameter(
    name: str,
    *,
    alpha: float = 1,
    lambda_: float = 0,
    skew: float = 0.5,
    weights: tuple[float, float] | None = None,
) -> Fraction:
    """a of the powers p^a q^(1-a), the skew, or the weight of p: `_Verb.a`."""
    if name == "renyi_divergence" and alpha == 0:
        raise ValueError("for alpha=0 the value jumps where an entry of p becomes 0")
    return {
        "js_divergence": _exact_weights(weights, 2)[0],
        "js_distance": _exact_weights(weights, 2)[0],
        "skew_divergence": Fraction(float(skew)),
        "k_divergence": HALF,
        "hellinger_distance": HALF,
        "bhattacharyya_coefficient": HALF,
        "bhattacharyya_distance": HALF,
        "chi2_divergence": Fraction(2),
        "neyman_chi2_divergence": Fraction(-1),
        "power_divergence": Fraction(float(lambda_)) + 1,
        "alpha_divergence": (1 - Fraction(float(alpha))) / 2,
    }.get(name, Fraction(float(alpha)))


@dataclass(frozen=True)
class _Verb:
    """A verb at a row, as a function of a sum over the classes."""

    name: str
    classes: list[tuple[mpf, mpf, int]]
    """The distinct (x, y), and how often each occurs."""
    first: bool
    """Whether x is p."""
    alone: bool
    """Whether there is no y."""
    a: Fraction

    @property
    def b(self) -> Fraction:
        """What a is for p, for x: an exponent or a weight."""
        return self.a if self.first else 1 - self.a

    def slopes(self) -> tuple[list[mpf], mpf]:
        """g of each class, and the sum of x g."""
        logarithms = {"bhattacharyya_distance": Fraction(-1)}
        if self.a != 1:
            logarithms["renyi_divergence"] = 1 / (self.a - 1)
            logarithms["renyi_entropy"] = 1 / (1 - self.a)
        if self.name in logarithms:
            # c ln S, with S the sum of the powers x^b y^(1-b). Where S is 0 or infinite, so is a g.
            c = _ratio(logarithms[self.name] * self.b)
            if c == 0:
                return [mpf(0)] * len(self.classes), c
            powers = [(*_powers(x, y, self.b), n) for x, y, n in self.classes]
            total = mp.fsum(n * power for _, power, n in powers)
            return [c * (g / total if g and mp.isfinite(g) else g) for g, _, _ in powers], c
        slope = SLOPES[self.name]
        slopes = [slope(self, x, y) if x or y else ZERO for x, y, _ in self.classes]
        counts = [n for _, _, n in self.classes]
        mean = mp.fsum(n * xg for (_, xg), n in zip(slopes, counts, strict=True))
        return [g for g, _ in slopes], mean

    def scale(self) -> mpf:
        """What the slopes are multiplied by: the derivative of the value by the sum."""
        if self.name == "perplexity":
            pairs = [(x, y, n) if self.first else (y, x, n) for x, y, n in self.classes]
            codes = [(p, p if self.alone else q, n) for p, q, n in pairs]
            return mp.exp(mp.fsum(n * _x_ln(p, mpf(1), q) for p, q, n in codes))
        if self.name == "hellinger_distance":
            terms = (n * (mp.sqrt(x) - mp.sqrt(y)) ** 2 / 2 for x, y, n in self.classes)
        elif self.name == "js_distance":
            w = _ratio(self.b)
            mixed = [(x, y, _mixture(x, y, w), n) for x, y, n in self.classes]
            terms = (n * (_x_ln(w * x, x, m) + _x_ln((1 - w) * y, y, m)) for x, y, m, n in mixed)
        else:
            return mpf(1)
        distance = mp.sqrt(mp.fsum(terms))
        return 1 / (2 * distance) if distance else mpf(0)


def _ln(x: mpf, y: mpf) -> mpf:
    """ln(x/y)."""
    if x == y:
        return mpf(0)
    return -mp.inf if x == 0 else mp.inf if y == 0 else mp.log(x / y)


def _x_ln(factor: mpf, x: mpf, y: mpf) -> mpf:
    return factor * _ln(x, y) if factor else mpf(0)


def _over(x: mpf, y: mpf) -> mpf:
    return x / y if y else mp.inf


def _mixture(x: mpf, y: mpf, w: mpf) -> mpf:
    return x if x == y else w * x + (1 - w) * y


def _finite(x: mpf, g: mpf) -> Slope:
    return g, x * g


def _times(slope: Slope, factor: Fraction | int) -> Slope:
    c = _ratio(Fraction(factor))
    return (c * slope[0], c * slope[1]) if c else ZERO


def _entropy(x: mpf) -> Slope:
    """Of -sum x ln x."""
    return _ln(mpf(1), x) - 1, _x_ln(x, mpf(1), x) - x


def _kl(x: mpf, y: mpf, first: bool) -> Slope:
    """Of sum x ln(x/y), or of sum y ln(y/x)."""
    return (_ln(x, y) + 1, _x_ln(x, x, y) + x) if first else (-_over(y, x), -y)


def _skew(x: mpf, y: mpf, s: mpf, first: bool) -> Slope:
    """Of sum p ln(p/m) with m = (1-s) p + s q."""
    if s in (0, 1):
        return _kl(x, y, first) if s else ZERO
    if first:
        m = _mixture(x, y, 1 - s)
        return _ln(x, m) + 1 - (1 - s) * x / m, _x_ln(x, x, m) + x - (1 - s) * x * x / m
    return _finite(x, -s * y / _mixture(x, y, s))


def _powers(x: mpf, y: mpf, b: Fraction) -> Slope:
    """x^(b-1) y^(1-b) and x^b y^(1-b): of sum x^b y^(1-b) / b."""
    if not (x or y):
        return ZERO
    if x and y:
        ratio = mp.exp(_ratio(b - 1) * mp.log(x / y))
        return ratio, x * ratio
    if b == 1:
        return mpf(1), x
    ratio = mp.inf if (b > 1) == (y == 0) else mpf(0)
    if y == 0:
        return ratio, ratio
    return ratio, mpf(0) if b > 0 else y if b == 0 else mp.inf


def _power_divergence(x: mpf, y: mpf, b: Fraction) -> Slope:
    """Of sum (x^b y^(1-b) - b x - (1-b) y) / (b (b-1))."""
    if b == 1:
        return _ln(x, y), _x_ln(x, x, y)
    ratio, power = _powers(x, y, b)
    return (ratio - 1) / _ratio(b - 1), (power - x) / _ratio(b - 1)


def _js(x: mpf, y: mpf, w: mpf) -> Slope:
    """Of sum w x ln(x/m) + (1-w) y ln(y/m) with m = w x + (1-w) y."""
    m = _mixture(x, y, w)
    return (w * _ln(x, m), w * _x_ln(x, x, m)) if w else ZERO


def _cross_entropy(verb: _Verb, x: mpf, y: mpf) -> Slope:
    """Of -sum p ln q, and without q of -sum p ln p."""
    if verb.alone:
        return _entropy(x)
    return (_ln(mpf(1), y), _x_ln(x, mpf(1), y)) if verb.first else _kl(x, y, verb.first)


def _jeffreys(x: mpf, y: mpf) -> Slope:
    """Of sum (x - y) ln(x/y)."""
    return 1 - _over(y, x) + _ln(x, y), x - y + _x_ln(x, x, y)


def _tsallis(verb: _Verb, x: mpf, y: mpf) -> Slope:
    """Of a times the power divergence, and for a = 0 of the sum of q where p = 0."""
    if verb.a == 0:
        return ZERO if verb.first or y else (mpf(1), x)
    return _times(_power_divergence(x, y, verb.b), verb.a)


def _tsallis_entropy(x: mpf, a: Fraction) -> Slope:
    """Of sum x^a / (1-a), and for a = 1 of the entropy."""
    return _entropy(x) if a == 1 else _times(_powers(x, mpf(1), a), a / (1 - a))


SLOPES: dict[str, Callable[[_Verb, mpf, mpf], Slope]] = {
    "entropy": lambda _, x, y: _entropy(x),
    "tsallis_entropy": lambda verb, x, _: _tsallis_entropy(x, verb.a),
    "renyi_entropy": lambda _, x, y: _entropy(x),
    "cross_entropy": _cross_entropy,
    "perplexity": _cross_entropy,
    "kl_divergence": lambda verb, x, y: _kl(x, y, verb.first),
    "renyi_divergence": lambda verb, x, y: _kl(x, y, verb.first),
    "js_divergence": lambda verb, x, y: _js(x, y, _ratio(verb.b)),
    "js_distance": lambda verb, x, y: _js(x, y, _ratio(verb.b)),
    "jeffreys_divergence": lambda _, x, y: _jeffreys(x, y),
    "population_stability_index": lambda _, x, y: _jeffreys(x, y),
    "skew_divergence": lambda verb, x, y: _skew(x, y, _ratio(verb.a), verb.first),
    "k_divergence": lambda verb, x, y: _skew(x, y, _ratio(verb.a), verb.first),
    "total_variation_distance": lambda _, x, y: _finite(x, mp.sign(x - y) / 2),
    "triangular_discrimination": lambda _, x, y: _finite(x, (x - y) * (x + 3 * y) / (x + y) ** 2),
    "bhattacharyya_coefficient": lambda _, x, y: _times(_powers(x, y, HALF), HALF),
    "hellinger_distance": lambda _, x, y: _times(_power_divergence(x, y, HALF), HALF / 2),
    "chi2_divergence": lambda verb, x, y: _times(_power_divergence(x, y, verb.b), 2),
    "neyman_chi2_divergence": lambda verb, x, y: _times(_power_divergence(x, y, verb.b), 2),
    "tsallis_divergence": _tsallis,
    "generalized_kl_divergence": lambda verb, x, y: _power_divergence(x, y, verb.b),
    "power_divergence": lambda verb, x, y: _power_divergence(x, y, verb.b),
    "alpha_divergence": lambda verb, x, y: _power_divergence(x, y, verb.b),
}
"""The slopes at classes that are not (0, 0); renyi_* for alpha = 1."""
