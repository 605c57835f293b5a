"""The oracle: every verb from its definition, in exact arithmetic and mpmath. No klrs, no NumPy.

A float is a rational number, so a row of floats is brought to integers over one common denominator
(`Columns`), without rounding. All sums and differences are then exact, dividing by the row sums is
one more exact multiplication, and only the logarithms are rounded, at a precision that is chosen
from the exact integers such that each term keeps `BITS` correct bits. Terms of one sign do not
cancel, so a result has about `BITS` correct bits as well (the entropies: relative to `magnitude`).

Equal columns are evaluated once and counted: a row of 150 000 entries with few distinct values is
cheap, and a half-precision row has few distinct values.

Every function takes one row per operand, of anything that `float` reads exactly, and returns an
`mpf`. A NaN entry gives NaN. `VERBS` lists them by name; those that take another shape are listed
in `JOINT` (several rows, or a table), and those with a value per class in `ELEMENTWISE`.

Parameters (`alpha`, `lambda_`, `skew`, `weights`) are taken as the exact rational numbers that the
floats are, and differences such as alpha - 1 are formed exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import wraps
from itertools import chain
from math import isfinite, isinf, isnan, lcm, prod
from typing import Any

from mpmath import mp, mpf

BITS = 100
"""Correct bits of each term: the bounds that are tested with it are near 2^-45."""

HALF = Fraction(1, 2)

VERBS: dict[str, Callable[..., mpf]] = {}
JOINT: dict[str, Callable[..., mpf]] = {}
ELEMENTWISE: dict[str, Callable[..., list[mpf]]] = {}


class NaNEntryError(ValueError):
    """A NaN entry: the row's value is NaN."""


def _listed_in(verbs: dict[str, Callable[..., mpf]]) -> Callable[..., Callable[..., mpf]]:
    def register(function: Callable[..., mpf]) -> Callable[..., mpf]:
        @wraps(function)
        def verb(*rows: Any, **options: Any) -> mpf:
            try:
                return function(*rows, **options)
            except NaNEntryError:
                return mp.nan

        verbs[function.__name__] = verb
        return verb

    return register


_verb = _listed_in(VERBS)
_joint_verb = _listed_in(JOINT)


class Columns:
    """The distinct columns (p_i, q_i, ...) of the rows as integers, and how often each occurs.

    An entry x stands for x / unit. With `normalize` operand k is divided by its sum: its integers
    are multiplied by the other sums, and unit becomes the product of all sums.
    """

    def __init__(self, rows: Sequence[Iterable[float]], normalize: bool) -> None:
        floats = [[float(x) for x in row] for row in rows]
        if any(isnan(x) for row in floats for x in row):
            raise NaNEntryError
        if not all(isfinite(x) and x >= 0 for row in floats for x in row):
            raise ValueError("expected finite, non-negative entries")
        self.floats = list(zip(*floats, strict=True))
        counts = Counter(self.floats)
        # Denominators of floats are powers of two: the largest is common to all.
        self.unit: int = max(x.as_integer_ratio()[1] for column in counts for x in column)
        self.exact = {column: tuple(map(self._integer, column)) for column in counts}
        """The integers of a column of floats."""
        if normalize:
            sums = [sum(n * self.exact[c][k] for c, n in counts.items()) for k in range(len(rows))]
            if 0 in sums:
                raise ValueError("a row of zeros cannot be normalised")
            self.unit = prod(sums)
            factors = [self.unit // s for s in sums]
            for column, integers in self.exact.items():
                self.exact[column] = tuple(x * f for x, f in zip(integers, factors, strict=True))
        self.counts = {self.exact[column]: n for column, n in counts.items()}

    def _integer(self, x: float) -> int:
        numerator, denominator = x.as_integer_ratio()
        return numerator * (self.unit // denominator)

    def sum(self, term: Callable[..., Any], bits: int = 0) -> mpf:
        """The sum of the terms of the columns, which scale as the entries do: over unit, once.

        Their integers go in. The terms are >= 0, and lose no more than `bits` bits.
        """
        with mp.workprec(BITS + bits + 10):
            return mp.fsum(n * term(*c) for c, n in self.counts.items()) / self.unit

    def pairs(self) -> list[tuple[int, int, int]]:
        """(p, q, n) of the columns that a divergence is made of: p = q adds nothing to it."""
        return [(p, q, n) for (p, q), n in self.counts.items() if p != q]

    def near(self) -> int:
        """The leading bits that the nearest p and q share, but for equal ones."""
        return max((_bits_lost(q, p) for p, q, _ in self.pairs() if p and q), default=0)


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


def _sum_logs(counts: Iterable[tuple[int, int, int, int]], unit: int, size: bool = False) -> mpf:
    """sum of n p ln(a/b), or of n |p ln(a/b)|, over (p, a, b, n); p is in units of 1/unit.

    ln(a/b) of a = b (1 + x) is about x and a/b is rounded at size 1: log2(1/|x|) bits are lost.
    """
    counts = [(p, a, b, n) for p, a, b, n in counts if p and a != b]
    if any(a == 0 or b == 0 for _, a, b, _ in counts):
        return mp.inf
    lost = max((_bits_lost(a, b) for _, a, b, _ in counts), default=0)
    with mp.workprec(BITS + lost + 10):
        terms = (n * p * mp.log(mpf(a) / b) for p, a, b, n in counts)
        return mp.fsum(terms, absolute=size) / unit


def _minus_p_ln_q(columns: Columns, size: bool = False) -> mpf:
    """-sum p ln q, or sum |p ln q|, with p the first and q the last of each column."""
    unit = columns.unit
    counts = ((c[0], unit, c[-1], n) for c, n in columns.counts.items())
    return _sum_logs(counts, unit, size)


def _power_bits(a: Fraction) -> int:
    """The bits that powers x^a and their differences may lose, for x from 2^-16000 to 2^16000.

    x^a = exp(a ln x) loses those of a ln x before the point; x^a - x loses those that a and 1
    share, and x^a - 1 those that a and 0 share.
    """

    def log2(x: Fraction) -> int:
        return x.numerator.bit_length() - x.denominator.bit_length()

    return 16 + (abs(log2(a)) if a else 0) + max(0, -log2(a - 1) if a != 1 else 0)


def _sum_power_terms(columns: Columns, a: Fraction) -> mpf:
    """sum (p^a q^(1-a) - a p - (1-a) q) / (a (a-1)), and its limits for a = 0 and a = 1.

    With q = p (1 + x) a term is about p x^2 / 2: as for `_sum_kl_terms`, but for the powers.
    """
    if a in (0, 1):
        pairs = columns.pairs() if a else [(q, p, n) for p, q, n in columns.pairs()]
        return _sum_kl_terms(pairs, columns.unit)

    def term(p: int, q: int) -> mpf:
        if p == q:
            return mpf(0)
        if q == 0:
            return p / _ratio(1 - a) if a < 1 else mp.inf
        if p == 0:
            return q / _ratio(a) if a > 0 else mp.inf
        mean = q * mp.exp(_ratio(a) * mp.log(mpf(p) / q))
        return (mean - _ratio(a) * p - _ratio(1 - a) * q) / _ratio(a * (a - 1))

    return columns.sum(term, 2 * columns.near() + _power_bits(a))


def _affinity(columns: Columns, a: Fraction) -> mpf:
    """sum p^a q^(1-a) for 0 < a < 1."""

    def term(p: int, q: int) -> mpf:
        return q * mp.exp(_ratio(a) * mp.log(mpf(p) / q)) if p and q else mpf(0)

    return columns.sum(term, _power_bits(a))


def _sum_tsallis_terms(columns: Columns, a: Fraction, size: bool = False) -> mpf:
    """sum (p^a - p) / (1-a) over p > 0, or the sum of the terms' sizes, and -sum p ln p for a = 1.

    With p = 1 + x a term is about -x: log2(1/|x|) bits are lost, besides those of the power.
    """
    if a == 1:
        return _minus_p_ln_q(columns, size)
    unit = columns.unit
    counts = [(p, n) for (p,), n in columns.counts.items() if p not in (0, unit)]
    lost = max((_bits_lost(p, unit) for p, _ in counts), default=0)
    with mp.workprec(BITS + lost + _power_bits(a) + 10):
        entries = [(mpf(p) / unit, n) for p, n in counts]
        terms = (n * (mp.exp(_ratio(a) * mp.log(p)) - p) / _ratio(1 - a) for p, n in entries)
        return mp.fsum(terms, absolute=size)


def _in_base(nats: mpf, base: float | None) -> mpf:
    with mp.workprec(BITS + 10):
        return nats if base is None else nats / mp.log(mpf(float(base)))


@_verb
def entropy(p: Iterable[float], *, base: float | None = None, normalize: bool = False) -> mpf:
    """H(p) = max(0, -sum p ln p), in nats or units of ln(base).

    Shannon, A Mathematical Theory of Communication (1948), section 6. As given, p may sum to a
    little more than 1, and an entry above 1 makes its term negative: hence the maximum.
    """
    columns = Columns((p,), normalize)
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
    columns = Columns((p, q), normalize)
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
    columns = Columns((p, q), normalize)
    return _in_base(_sum_kl_terms(columns.pairs(), columns.unit), base)


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

    Lin, Divergence Measures Based on the Shannon Entropy (1991), section IV.
    """
    return js_divergence_of([p, q], weights=weights, base=base, normalize=normalize)


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


def _exact_weights(weights: Iterable[float] | None, count: int) -> list[Fraction]:
    if weights is None:
        return [Fraction(1, count)] * count
    exact = [Fraction(float(w)) for w in weights]
    return [w / sum(exact) for w in exact]


def _ratio(fraction: Fraction) -> mpf:
    return mpf(fraction.numerator) / fraction.denominator


def weights_entropy(weights: Iterable[float] | None = None, count: int = 2) -> mpf:
    """H(w), the largest Jensen-Shannon divergence with these weights: ln 2 for two equal ones."""
    exact = _exact_weights(weights, count)
    d = lcm(*(w.denominator for w in exact))
    return _sum_logs([(int(d * w), d, int(d * w), 1) for w in exact], d)


@_verb
def jeffreys_divergence(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """sum (p - q) ln(p/q) = D(p||q) + D(q||p).

    Jeffreys, An Invariant Form for the Prior Probability in Estimation Problems (1946).
    """
    columns = Columns((p, q), normalize)
    counts = ((p - q, p, q, n) for p, q, n in columns.pairs())
    return _in_base(_sum_logs(counts, columns.unit), base)


@_verb
def population_stability_index(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """The Jeffreys divergence, under the name it has in credit scoring.

    Yurdakul and Naranjo, Statistical Properties of the Population Stability Index (2020).
    """
    return jeffreys_divergence(p, q, base=base, normalize=normalize)


@_verb
def skew_divergence(
    p: Iterable[float],
    q: Iterable[float],
    *,
    skew: float,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """D(p||m) with m = (1-skew) p + skew q, and never above -ln(1-skew).

    Lee, Measures of Distributional Similarity (1999), section 4, with its alpha = skew. The bound
    is for sums of 1, by p/m <= 1/(1-skew); as given it is enforced.
    """
    columns = Columns((p, q), normalize)
    s = Fraction(float(skew))
    # As for Jensen-Shannon, m is an integer in units of the denominator of s.
    d, k = s.denominator, s.numerator
    counts = [(d * p, (d - k) * p + k * q, n) for p, q, n in columns.pairs()]
    nats = _sum_kl_terms(counts, d * columns.unit)
    with mp.workprec(BITS + 10):
        bound = -mp.log1p(-_ratio(s)) if s < 1 else mp.inf
    return _in_base(min(nats, bound), base)


@_verb
def k_divergence(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """D(p||m) with m = (p + q) / 2, and never above ln 2.

    Lin, Divergence Measures Based on the Shannon Entropy (1991), section III.
    """
    return skew_divergence(p, q, skew=0.5, base=base, normalize=normalize)


@_verb
def total_variation_distance(
    p: Iterable[float], q: Iterable[float], *, normalize: bool = False
) -> mpf:
    """sum |p - q| / 2, and never above 1.

    Levin and Peres, Markov Chains and Mixing Times (2017), proposition 4.2.
    """
    columns = Columns((p, q), normalize)
    return min(mpf(1), columns.sum(lambda p, q: mpf(abs(p - q)) / 2))


def _squared_hellinger(columns: Columns) -> mpf:
    """sum (sqrt p - sqrt q)^2 / 2; near equality the difference of the roots loses bits."""

    def term(p: int, q: int) -> mpf:
        return (mp.sqrt(p) - mp.sqrt(q)) ** 2 / 2

    return columns.sum(term, columns.near())


@_verb
def hellinger_distance(p: Iterable[float], q: Iterable[float], *, normalize: bool = False) -> mpf:
    """sqrt(sum (sqrt p - sqrt q)^2 / 2), and never above 1.

    Le Cam and Yang, Asymptotics in Statistics (2000), with the factor 1/2.
    """
    squared = _squared_hellinger(Columns((p, q), normalize))
    with mp.workprec(BITS + 10):
        return mp.sqrt(min(mpf(1), squared))


@_verb
def bhattacharyya_coefficient(
    p: Iterable[float], q: Iterable[float], *, normalize: bool = False
) -> mpf:
    """sum sqrt(p q), over the mean of the sums: 1 for equal rows whatever their sum.

    Bhattacharyya, On a Measure of Divergence between Two Statistical Populations (1943). The mean
    of the sums is the coefficient and the squared Hellinger distance together.
    """
    columns = Columns((p, q), normalize)
    common, squared = _affinity(columns, HALF), _squared_hellinger(columns)
    with mp.workprec(BITS + 10):
        return common / (common + squared)


@_verb
def bhattacharyya_distance(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """-ln of the Bhattacharyya coefficient.

    Kailath, The Divergence and Bhattacharyya Distance Measures in Signal Selection (1967).
    """
    columns = Columns((p, q), normalize)
    common, squared = _affinity(columns, HALF), _squared_hellinger(columns)
    if common == 0:
        return mp.inf
    with mp.workprec(BITS + 10):
        return _in_base(mp.log1p(squared / common), base)


@_verb
def chi2_divergence(p: Iterable[float], q: Iterable[float], *, normalize: bool = False) -> mpf:
    """sum (p - q)^2 / q.

    Pearson, On the Criterion that a Given System of Deviations ... (1900), per observation.
    """
    columns = Columns((p, q), normalize)
    return columns.sum(lambda p, q: mpf((p - q) ** 2) / q if q else mp.inf if p else 0)


@_verb
def neyman_chi2_divergence(
    p: Iterable[float], q: Iterable[float], *, normalize: bool = False
) -> mpf:
    """sum (p - q)^2 / p.

    Neyman, Contribution to the Theory of the chi^2 Test (1949).
    """
    return chi2_divergence(q, p, normalize=normalize)


@_verb
def triangular_discrimination(
    p: Iterable[float], q: Iterable[float], *, normalize: bool = False
) -> mpf:
    """sum (p - q)^2 / (p + q), and never above 2.

    Topsoe, Some Inequalities for Information Divergence and Related Measures of Discrimination
    (2000).
    """
    columns = Columns((p, q), normalize)
    return min(mpf(2), columns.sum(lambda p, q: mpf((p - q) ** 2) / (p + q) if p != q else 0))


@_verb
def power_divergence(
    p: Iterable[float], q: Iterable[float], *, lambda_: float, normalize: bool = False
) -> mpf:
    """sum (p^a q^(1-a) - a p - (1-a) q) / (a (a-1)) with a = lambda_ + 1.

    Cressie and Read, Multinomial Goodness-of-Fit Tests (1984): their I^lambda, for sums of 1. What
    is linear in p and q makes every term >= 0.
    """
    return _sum_power_terms(Columns((p, q), normalize), Fraction(float(lambda_)) + 1)


@_verb
def alpha_divergence(
    p: Iterable[float], q: Iterable[float], *, alpha: float, normalize: bool = False
) -> mpf:
    """4 / (1-alpha^2) (1 - sum p^((1-alpha)/2) q^((1+alpha)/2)): power with a = (1-alpha)/2.

    Amari, Differential-Geometrical Methods in Statistics (1985). -1 is D(p||q), 1 the reverse,
    and 0 is four squared Hellinger distances.
    """
    return _sum_power_terms(Columns((p, q), normalize), (1 - Fraction(float(alpha))) / 2)


@_verb
def tsallis_divergence(
    p: Iterable[float], q: Iterable[float], *, alpha: float, normalize: bool = False
) -> mpf:
    """(sum p^alpha q^(1-alpha) - 1) / (alpha-1): alpha times the power divergence with a = alpha.

    Tsallis, Generalized Entropy-Based Criterion for Consistent Testing (1998). For alpha = 0 it
    is what q has where p is 0.
    """
    columns = Columns((p, q), normalize)
    if alpha == 0:
        return columns.sum(lambda p, q: 0 if p else q)
    divergence = _sum_power_terms(columns, Fraction(float(alpha)))
    with mp.workprec(BITS + 10):
        return mpf(float(alpha)) * divergence


@_verb
def renyi_divergence(
    p: Iterable[float],
    q: Iterable[float],
    *,
    alpha: float,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """ln(sum p^alpha q^(1-alpha)) / (alpha-1), and its limits for alpha = 0, 1, inf.

    van Erven and Harremoes, Renyi Divergence and Kullback-Leibler Divergence (2014), section II.
    As given, with S the sum of the powers, D the power divergence for a = alpha, and M = a sum p +
    (1-a) sum q: for alpha < 1 S is divided by M, which is S + a (1-a) D; for alpha > 1 (where M may
    be negative) it is replaced by 1 + a (a-1) D; for alpha = 0 by the share that q has where p > 0;
    and for alpha = inf the largest ratio is at least 1.
    """
    columns = Columns((p, q), normalize)
    return _in_base(_renyi_divergence(columns, float(alpha)), base)


def _renyi_divergence(columns: Columns, alpha: float) -> mpf:
    if isinf(alpha):
        counts = [(1, p, q, 1) for p, q, _ in columns.pairs() if p]
        return max([mpf(0), *(_sum_logs([count], 1) for count in counts)])
    if alpha == 0:
        total = sum(n * q for (_, q), n in columns.counts.items())
        kept = sum(n * q for (p, q), n in columns.counts.items() if p)
        return _sum_logs([(1, total, kept, 1)], 1)
    a = Fraction(alpha)
    divergence = _sum_power_terms(columns, a)
    if a == 1:
        return divergence
    common = _affinity(columns, a) if a < 1 else mpf(1)
    if common == 0:
        return mp.inf
    with mp.workprec(BITS + 10):
        return mp.log1p(_ratio(a * abs(a - 1)) * divergence / common) / _ratio(abs(a - 1))


@_verb
def tsallis_entropy(p: Iterable[float], *, alpha: float, normalize: bool = False) -> mpf:
    """max(0, sum (p^alpha - p) / (1-alpha)) over p > 0, and the entropy for alpha = 1.

    Tsallis, Possible Generalization of Boltzmann-Gibbs Statistics (1988), eq. 1, for sums of 1.
    """
    return max(mpf(0), _sum_tsallis_terms(Columns((p,), normalize), Fraction(float(alpha))))


@_verb
def renyi_entropy(
    p: Iterable[float],
    *,
    alpha: float,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """ln(sum p^alpha) / (1-alpha) over p > 0, and its limits for alpha = 1 and inf, but >= 0.

    Renyi, On Measures of Entropy and Information (1961), section 1. As given, with S the sum of the
    powers and T the Tsallis entropy: for alpha < 1 S is replaced by 1 + (1-alpha) T, for alpha > 1
    divided by sum p, which is S + (alpha-1) T.
    """
    if isinf(alpha):
        return min_entropy(p, base=base, normalize=normalize)
    columns, a = Columns((p,), normalize), Fraction(float(alpha))
    tsallis = max(mpf(0), _sum_tsallis_terms(columns, a))
    if a == 1:
        return _in_base(tsallis, base)
    powers = mpf(1)
    with mp.workprec(BITS + _power_bits(a) + 10):
        if a > 1:
            entries = [(mpf(p) / columns.unit, n) for (p,), n in columns.counts.items() if p]
            powers = mp.fsum(n * mp.exp(_ratio(a) * mp.log(p)) for p, n in entries)
        nats = mp.log1p(_ratio(abs(a - 1)) * tsallis / powers) / _ratio(abs(a - 1))
    return _in_base(nats, base)


@_verb
def min_entropy(p: Iterable[float], *, base: float | None = None, normalize: bool = False) -> mpf:
    """max(0, -ln max p).

    Konig, Renner and Schaffner, The Operational Meaning of Min- and Max-Entropy (2009).
    """
    columns = Columns((p,), normalize)
    largest = max(p for (p,) in columns.counts)
    return _in_base(max(mpf(0), _sum_logs([(1, columns.unit, largest, 1)], 1)), base)


@_verb
def perplexity(
    p: Iterable[float], q: Iterable[float] | None = None, *, normalize: bool = False
) -> mpf:
    """exp of the cross-entropy of p and q, or without q of the entropy of p.

    Jelinek, Mercer, Bahl and Baker, Perplexity: a Measure of the Difficulty of Speech Recognition
    Tasks (1977).
    """
    rows = (p,) if q is None else (p, q)
    nats = (entropy if q is None else cross_entropy)(*rows, normalize=normalize)
    with mp.workprec(BITS + 10):
        return mp.exp(nats)


@_joint_verb
def js_divergence_of(
    ps: Sequence[Iterable[float]],
    *,
    weights: Iterable[float] | None = None,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """sum w_k D(p_k||m) with m = sum w_k p_k, and never above H(w).

    Lin, Divergence Measures Based on the Shannon Entropy (1991), section V. Floats seldom sum to
    exactly 1 (0.1 and 0.9 do not), so the weights are divided by their sum: otherwise m would not
    be p where all are p. The bound H(w) is for sums of 1; as given it is enforced.
    """
    columns = Columns(ps, normalize)
    weights = None if weights is None else list(weights)
    exact = _exact_weights(weights, len(ps))
    # In units of the weights' common denominator m is an integer too: d m = sum (d w_k) p_k.
    d = lcm(*(w.denominator for w in exact))
    shares = [int(d * w) for w in exact]
    mixed = [
        (c, sum(s * x for s, x in zip(shares, c, strict=True)), n)
        for c, n in columns.counts.items()
    ]
    divergences = [
        _sum_kl_terms([(d * c[k], m, n) for c, m, n in mixed if share], d * columns.unit)
        for k, share in enumerate(shares)
    ]
    with mp.workprec(BITS + 10):
        nats = mp.fsum(_ratio(w) * x for w, x in zip(exact, divergences, strict=True))
    return _in_base(min(nats, weights_entropy(weights, len(ps))), base)


class _Table:
    """The entries J of a table with their row and column sums R and C, and how often each occurs.

    All are integers, which stand for x / unit; `total` is the sum of the table.
    """

    def __init__(self, joint: Sequence[Sequence[float]], normalize: bool) -> None:
        columns = Columns((list(chain.from_iterable(joint)),), normalize)
        self.unit = columns.unit
        entries = [[columns.exact[float(x),][0] for x in row] for row in joint]
        rows = [sum(row) for row in entries]
        sums = [sum(column) for column in zip(*entries, strict=True)]
        self.total = sum(rows)
        self.counts = Counter(
            (x, r, c)
            for row, r in zip(entries, rows, strict=True)
            for x, c in zip(row, sums, strict=True)
        )


@_joint_verb
def mutual_information(
    joint: Sequence[Sequence[float]], *, base: float | None = None, normalize: bool = False
) -> mpf:
    """sum J ln(J T / (R C)) with R, C and T the sums of rows, of columns, and of all.

    Shannon, A Mathematical Theory of Communication (1948), section 12; Cover and Thomas, Elements
    of Information Theory (2006), section 2.3. J and R C / T have the same sum: D(J||R C / T).
    """
    table = _Table(joint, normalize)
    counts = ((x * table.total, r * c, n) for (x, r, c), n in table.counts.items())
    return _in_base(_sum_kl_terms(counts, table.unit * table.total), base)


@_joint_verb
def joint_entropy(
    joint: Sequence[Sequence[float]], *, base: float | None = None, normalize: bool = False
) -> mpf:
    """max(0, -sum J ln J): the entropy of all entries.

    Shannon, A Mathematical Theory of Communication (1948), section 6.
    """
    return entropy(list(chain.from_iterable(joint)), base=base, normalize=normalize)


@_joint_verb
def conditional_entropy(
    joint: Sequence[Sequence[float]],
    *,
    given: int,
    base: float | None = None,
    normalize: bool = False,
) -> mpf:
    """-sum J ln(J/R) with R the sum of the row (given=0) or of the column (given=1) of an entry.

    Shannon, A Mathematical Theory of Communication (1948), section 6: given=0 is the entropy of the
    variable along the columns when that along the rows is known.
    """
    table = _Table(joint, normalize)
    counts = ((c[0], c[1 + given], c[0], n) for c, n in table.counts.items())
    return _in_base(_sum_logs(counts, table.unit), base)


def kl_contributions(
    p: Iterable[float],
    q: Iterable[float],
    *,
    base: float | None = None,
    normalize: bool = False,
) -> list[mpf]:
    """p ln(p/q) - p + q of each class: what `kl_divergence` is the sum of. All NaN with a NaN."""
    rows = [list(p), list(q)]
    try:
        columns = Columns(rows, normalize)
    except NaNEntryError:
        return [mp.nan] * len(rows[0])
    values = {
        floats: _in_base(_sum_kl_terms([(exact[0], exact[1], 1)], columns.unit), base)
        for floats, exact in columns.exact.items()
    }
    return [values[floats] for floats in columns.floats]


ELEMENTWISE["kl_contributions"] = kl_contributions


def magnitude(*rows: Iterable[float], alpha: float | None = None, base: float | None = None) -> mpf:
    """sum |p ln q| (one row: sum |p ln p|): what an error of the entropies as given is relative to.

    Every other value is a sum of terms >= 0, so its errors are relative to the value itself. Here a
    term is negative where an entry is above 1, within the tolerance of the check of sums. With
    alpha it is sum |p^alpha - p| / |1-alpha|, of the Tsallis entropy.
    """
    try:
        columns = Columns(rows, normalize=False)
    except NaNEntryError:
        return mp.nan
    if alpha is not None:
        return _sum_tsallis_terms(columns, Fraction(float(alpha)), size=True)
    return _in_base(_minus_p_ln_q(columns, size=True), base)
