"""The oracle: every verb from its definition, in exact arithmetic and mpmath. No klrs, no NumPy.

A float is a rational number, so a row of floats is brought to integers over one common denominator
(`_Columns`), without rounding. All sums and differences are then exact, dividing by the row sums is
one more exact multiplication, and only the logarithms are rounded, at a precision that is chosen
from the exact integers such that each term keeps `BITS` correct bits. Terms of one sign do not
cancel, so a result has about `BITS` correct bits as well (the entropies: relative to `magnitude`).

Equal columns are evaluated once and counted: a row of 150 000 entries with few distinct values is
cheap, and a half-precision row has few distinct values.

Every function takes one row per operand, of anything that `float` reads exactly, and returns an
`mpf`. A NaN entry gives NaN. `VERBS` lists them by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from math import isfinite, isnan, lcm, prod

from mpmath import mp, mpf

BITS = 100
"""Correct bits of each term: the bounds that are tested with it are near 2^-45."""

HALF = (Fraction(1, 2), Fraction(1, 2))

VERBS: dict[str, Callable[..., mpf]] = {}


def _verb(function: Callable[..., mpf]) -> Callable[..., mpf]:
    VERBS[function.__name__] = function
    return function


class _Columns:
    """The distinct columns (p_i, q_i, ...) of the rows as integers, and how often each occurs.

    An entry x stands for x / unit. With `normalize` operand k is divided by its sum: its integers
    are multiplied by the other sums, and unit becomes the product of all sums.
    """

    def __init__(self, rows: tuple[Iterable[float], ...], normalize: bool) -> None:
        floats = [[float(x) for x in row] for row in rows]
        self.has_nan = any(isnan(x) for row in floats for x in row)
        if self.has_nan:
            return
        if not all(isfinite(x) and x >= 0 for row in floats for x in row):
            raise ValueError("expected finite, non-negative entries")
        counts = Counter(zip(*floats, strict=True))
        # Denominators of floats are powers of two: the largest is common to all.
        self.unit = max(x.as_integer_ratio()[1] for column in counts for x in column)
        columns = {tuple(map(self._integer, column)): n for column, n in counts.items()}
        if normalize:
            sums = [sum(n * c[k] for c, n in columns.items()) for k in range(len(floats))]
            if 0 in sums:
                raise ValueError("a row of zeros cannot be normalised")
            self.unit = prod(sums)
            factors = [self.unit // s for s in sums]
            columns = {
                tuple(x * f for x, f in zip(c, factors, strict=True)): n for c, n in columns.items()
            }
        self.counts = columns

    def _integer(self, x: float) -> int:
        numerator, denominator = x.as_integer_ratio()
        return numerator * (self.unit // denominator)


def _bits_lost(a: int, b: int) -> int:
    """-log2 |a/b - 1| rounded up, but 0 for a == b: the leading bits that a and b share."""
    return max(0, b.bit_length() - abs(a - b).bit_length() + 1) if a != b else 0


def _sum_kl_terms(counts: Iterable[tuple[int, int, int]], unit: int) -> mpf:
    """sum of n (p ln(p/q) - p + q) over (p, q, n), which are integers in units of 1/unit.

    With q = p (1 + x) a term is about p x^2 / 2, found as the difference of numbers of size p |x|
    that are rounded at size p: 2 log2(1/|x|) bits are lost, so that many are added.
    """
    counts = [(p, q, n) for p, q, n in counts if p != q]
    if any(q == 0 for _, q, _ in counts):
        return mp.inf
    lost = max((_bits_lost(q, p) for p, q, _ in counts if p), default=0)
    with mp.workprec(BITS + 2 * lost + 10):
        terms = (n * (p * mp.log(mpf(p) / q) - p + q if p else mpf(q)) for p, q, n in counts)
        return mp.fsum(terms) / unit


def _minus_p_ln_q(columns: _Columns, size: bool = False) -> mpf:
    """-sum p ln q, or sum |p ln q|, with p the first and q the last of each column.

    ln q of q = 1 + x is about x and its argument is rounded at size 1: log2(1/|x|) bits are lost.
    """
    unit = columns.unit
    counts = [(c[0], c[-1], n) for c, n in columns.counts.items() if c[0] and c[-1] != unit]
    if any(q == 0 for _, q, _ in counts):
        return mp.inf
    lost = max((_bits_lost(q, unit) for _, q, _ in counts), default=0)
    with mp.workprec(BITS + lost + 10):
        terms = (-n * p * mp.log(mpf(q) / unit) for p, q, n in counts)
        return mp.fsum(terms, absolute=size) / unit


def _in_base(nats: mpf, base: float | None) -> mpf:
    with mp.workprec(BITS + 10):
        return nats if base is None else nats / mp.log(mpf(float(base)))


@_verb
def entropy(p: Iterable[float], *, base: float | None = None, normalize: bool = False) -> mpf:
    """H(p) = max(0, -sum p ln p), in nats or units of ln(base).

    Shannon, A Mathematical Theory of Communication (1948), section 6. As given, p may sum to a
    little more than 1, and an entry above 1 makes its term negative: hence the maximum.
    """
    columns = _Columns((p,), normalize)
    if columns.has_nan:
        return mp.nan
    return _in_base(max(mpf(0), _minus_p_ln_q(columns)), base)


@_verb
def cross_entropy(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """H(p, q) = max(0, -sum p ln q): the mean length of a code for q on symbols of p.

    Cover and Thomas, Elements of Information Theory (2006), theorem 5.4.3: it is H(p) + D(p||q).
    """
    columns = _Columns((p, q), normalize)
    if columns.has_nan:
        return mp.nan
    return _in_base(max(mpf(0), _minus_p_ln_q(columns)), base)


@_verb
def kl_divergence(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """D(p||q) = sum p ln(p/q) - p + q.

    Kullback and Leibler, On Information and Sufficiency (1951), section 2: sum p ln(p/q) for sums
    of 1. The rest is what the sums of the floats as they were given differ by: with it every term
    is >= 0.
    """
    columns = _Columns((p, q), normalize)
    if columns.has_nan:
        return mp.nan
    counts = ((a, b, n) for (a, b), n in columns.counts.items())
    return _in_base(_sum_kl_terms(counts, columns.unit), base)


@_verb
def generalized_kl_divergence(p: Iterable[float], q: Iterable[float]) -> mpf:
    """sum p ln(p/q) - p + q for non-negative measures of any mass.

    Csiszar, Why Least Squares and Maximum Entropy? (1991): the I-divergence.
    """
    return kl_divergence(p, q)


@_verb
def js_divergence(
    p: Iterable[float],
    q: Iterable[float],
    *,
    weights: tuple[float, float] | None = None,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """w0 D(p||m) + w1 D(q||m) with m = w0 p + w1 q, and never above H(w).

    Lin, Divergence Measures Based on the Shannon Entropy (1991), section IV. Two floats seldom sum
    to exactly 1 (0.1 and 0.9 do not), so the weights are divided by their sum: otherwise m would
    not be p where p = q. The bound H(w) is for sums of 1; as given it is enforced.
    """
    columns = _Columns((p, q), normalize)
    if columns.has_nan:
        return mp.nan
    w0, w1 = _exact_weights(weights)
    # In units of the weights' common denominator m is an integer too: d m = (d w0) p + (d w1) q.
    d = lcm(w0.denominator, w1.denominator)
    d0, d1 = int(d * w0), int(d * w1)
    mixed = [(d * a, d * b, d0 * a + d1 * b, n) for (a, b), n in columns.counts.items()]
    from_p = _sum_kl_terms([(a, m, n) for a, _, m, n in mixed if d0], columns.unit * d)
    from_q = _sum_kl_terms([(b, m, n) for _, b, m, n in mixed if d1], columns.unit * d)
    with mp.workprec(BITS + 10):
        nats = _ratio(w0) * from_p + _ratio(w1) * from_q
    return _in_base(min(nats, weights_entropy(weights)), base)


@_verb
def js_distance(
    p: Iterable[float],
    q: Iterable[float],
    *,
    weights: tuple[float, float] | None = None,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """The square root of the Jensen-Shannon divergence in that base: a metric.

    Endres and Schindelin, A New Metric for Probability Distributions (2003).
    """
    divergence = js_divergence(p, q, weights=weights, base=base, normalize=normalize)
    with mp.workprec(BITS + 10):
        return mp.sqrt(divergence)


def _exact_weights(weights: tuple[float, float] | None) -> tuple[Fraction, Fraction]:
    if weights is None:
        return HALF
    w0, w1 = (Fraction(w) for w in weights)
    return w0 / (w0 + w1), w1 / (w0 + w1)


def _ratio(fraction: Fraction) -> mpf:
    return mpf(fraction.numerator) / fraction.denominator


def weights_entropy(weights: tuple[float, float] | None = None) -> mpf:
    """H(w), the largest Jensen-Shannon divergence with these weights: ln 2 for equal ones."""
    with mp.workprec(BITS + 10):
        ratios = [_ratio(w) for w in _exact_weights(weights)]
        return -mp.fsum(w * mp.log(w) for w in ratios if w)


def magnitude(*rows: Iterable[float], base: float | None = None) -> mpf:
    """sum |p ln q| (one row: sum |p ln p|): what an error of the entropies as given is relative to.

    Every other value is a sum of terms >= 0, so its errors are relative to the value itself. Here a
    term is negative where an entry is above 1, within the tolerance of the check of sums.
    """
    columns = _Columns(rows, normalize=False)
    return mp.nan if columns.has_nan else _in_base(_minus_p_ln_q(columns, size=True), base)
