"""The oracle of `klrs.distributions`: integrals and sums of the definitions, in mpmath.

A distribution is its textbook log density and nothing else: no closed form of any divergence is
here. Parameters are the exact numbers that the floats are. What is asked is an integral of the
densities, by Gauss-Legendre rules on panels that are halved until nothing changes, in coordinates
in which the density falls at least exponentially at both ends; or a sum from the mode outwards,
until the terms are negligible. With `DIGITS` digits a divergence of 1e-21 keeps 35.

A small divergence of equal supports is the integral of p (ln(p/q) - 1 + q/p), which is never
negative; that of p ln(p/q) has to agree, or a panel has missed something. What has several
dimensions is reduced to one exactly: a polynomial of second order under a normal distribution has
the mean of its values at 2 d points, and a Dirichlet distribution is a product of betas once a
stick is broken.

`python tests/reference_distributions.py` writes `data/distributions.json`: the cases of `CASES`,
with parameters as hexadecimal floats and values with 25 digits. With names of groups it makes those
again and keeps the others. All take some minutes.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise, product
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from mpmath import matrix, mp, mpf
from mpmath.calculus.quadrature import GaussLegendre

DIGITS = 50
"""That are computed with."""

WRITTEN = 25
"""That are recorded."""

FILE = Path(__file__).parent / "data" / "distributions.json"

Function = Callable[[mpf], mpf]
Parameters = dict[str, Any]

# ------------------------------------------------------------------------------------ integration

FAR = mpf("1e-2")
"""A divergence from which on both signs of an integrand cost nothing."""

AGREE = mpf("1e-20")
"""Of two integrals for one divergence, relative."""

NEGLIGIBLE = mpf("1e-60")
"""What the tails are cut at, relative to the largest of the integrand."""

CHANGE = mpf("1e-27")
"""What halving a panel may change, relative to the whole: the halves are far better than that."""


@cache
def _rule(precision: int) -> list[tuple[mpf, mpf]]:
    """24 nodes and weights on [-1, 1]."""
    return GaussLegendre(mp).calc_nodes(4, precision)


def _on_panel(f: Function, a: mpf, b: mpf) -> mpf:
    middle, half = (a + b) / 2, (b - a) / 2
    return half * mp.fsum(w * f(middle + half * x) for x, w in _rule(mp.prec))


def _halved(  # noqa: PLR0917
    f: Function, a: mpf, b: mpf, whole: mpf, allowed: mpf, depth: int = 0
) -> mpf:
    middle = (a + b) / 2
    left, right = _on_panel(f, a, middle), _on_panel(f, middle, b)
    if abs(left + right - whole) <= allowed:
        return left + right
    if depth == 60:
        raise ArithmeticError(f"the integral does not settle near {mp.nstr(middle, 10)}")
    return _halved(f, a, middle, left, allowed, depth + 1) + _halved(
        f, middle, b, right, allowed, depth + 1
    )


def _outwards(f: Function, start: mpf, width: mpf, end: mpf, peak: mpf) -> Iterator[mpf]:
    """Points from the start to the end, or to where the integrand is negligible."""
    at, small = start, 0
    while at != end:
        at = min(at + width, end) if end > start else max(at - width, end)
        yield at
        small = small + 1 if abs(f(at)) * width <= NEGLIGIBLE * peak else 0
        if small == 3:
            return
        width *= mpf(1.25)


def integral(f: Function, marks: Iterable[mpf], low: mpf, high: mpf) -> mpf:
    """Of f from low to high, where the marks say what has to be seen, and where f has kinks."""
    inside = sorted({m for m in marks if low < m < high})
    if not inside:
        inside = [(low + high) / 2]
    gaps = [b - a for a, b in pairwise(inside)] or [(high - low) / 4]
    middles = [(a + b) / 2 for a, b in pairwise(inside)]
    peak = max(gaps) * max(abs(f(m)) for m in inside + middles)
    points = [
        *reversed(list(_outwards(f, inside[0], max(gaps[:3]), low, peak))),
        *inside,
        *_outwards(f, inside[-1], max(gaps[-3:]), high, peak),
    ]
    panels = [(a, b, _on_panel(f, a, b)) for a, b in pairwise(points)]
    allowed = CHANGE * mp.fsum(abs(whole) for *_, whole in panels)
    return mp.fsum(_halved(f, a, b, whole, allowed) for a, b, whole in panels)


# ---------------------------------------------------------------------------------- distributions


class Point(NamedTuple):
    """A place, with the logarithms that a density near the ends of its support is made of."""

    x: mpf
    log: mpf | None = None
    """ln x."""
    log_rest: mpf | None = None
    """ln(1 - x)."""


def _log(at: Point) -> mpf:
    return mp.log(at.x) if at.log is None else at.log


def _log_rest(at: Point) -> mpf:
    return mp.log(1 - at.x) if at.log_rest is None else at.log_rest


def _times(factor: mpf, x: mpf) -> mpf:
    """factor x, and 0 for a factor of 0: 0 ln 0 is 0."""
    return factor * x if factor else mpf(0)


class Chart(NamedTuple):
    """Coordinates u of a support."""

    place: Callable[[mpf], tuple[Point, mpf]]
    """The point at u, and ln |dx/du|."""
    find: Callable[[mpf], mpf]
    """u of x."""
    low: mpf = -mp.inf
    high: mpf = mp.inf


def _line(loc: mpf, scale: mpf) -> Chart:
    """x = loc + scale sinh u: heavy tails fall exponentially."""

    def place(u: mpf) -> tuple[Point, mpf]:
        power = mp.exp(u)
        half, inverse = scale * power / 2, scale / power / 2
        return Point(loc + half - inverse), mp.log(half + inverse)

    return Chart(place, lambda x: mp.asinh((x - loc) / scale))


def _half_line(low: mpf | int = 0) -> Chart:
    """x = e^u."""
    return Chart(
        lambda u: (Point(mp.exp(u), u), u),
        lambda x: mp.log(x) if x else -mp.inf,
        mp.log(low) if low else -mp.inf,
    )


def _log_line(loc: mpf, scale: mpf) -> Chart:
    """ln x = loc + scale sinh u."""

    def place(u: mpf) -> tuple[Point, mpf]:
        log = loc + scale * mp.sinh(u)
        return Point(mp.exp(log), log), log + mp.log(scale * mp.cosh(u))

    return Chart(place, lambda x: mp.asinh((mp.log(x) - loc) / scale))


def _interval(low: mpf, high: mpf) -> Chart:
    """x = low + (high - low) / (1 + e^-u)."""

    length = high - low
    log_length = mp.log(length)

    def place(u: mpf) -> tuple[Point, mpf]:
        log_right = -mp.log1p(mp.exp(u))
        log_left = u + log_right
        x = low + length * mp.exp(log_left)
        log = log_length + log_left if low == 0 else mp.log(x) if low > 0 else None
        rest = (1 - high) + length * mp.exp(log_right)
        log_rest = log_length + log_right if high == 1 else mp.log(rest) if high < 1 else None
        return Point(x, log, log_rest), log_length + log_left + log_right

    def find(x: mpf) -> mpf:
        if x <= low or x >= high:
            return -mp.inf if x <= low else mp.inf
        return mp.log((x - low) / (high - x))

    return Chart(place, find)


@dataclass(frozen=True, eq=False)
class Distribution:
    """A family's log density with its parameters."""

    name: str
    low: mpf
    high: mpf
    log_density: Callable[[Point], mpf]
    """Where it is not 0."""
    chart: Chart | None
    """None for a discrete one."""
    marks: list[mpf] = field(default_factory=list)
    """What has to be seen of it, in its chart; of a discrete one its mode."""

    @property
    def is_discrete(self) -> bool:
        return self.chart is None

    def log_at(self, at: Point) -> mpf:
        return self.log_density(at) if self.low <= at.x <= self.high else -mp.inf

    @property
    def places(self) -> list[mpf]:
        """Its marks and the ends of its support."""
        return [self.chart.place(u)[0].x for u in self.marks] + [self.low, self.high]


def _around(centre: mpf, width: mpf) -> list[mpf]:
    return [centre + width * k for k in (-13, -9, -6, -3, -1, 0, 1, 3, 6, 9, 13)]


def _continuous(
    name: str, log_density: Any, chart: Chart, marks: list[mpf], low: Any = -mp.inf
) -> Distribution:
    return Distribution(name, mpf(low), mp.inf, log_density, chart, marks)


def _located(name: str, of_standard: Function) -> Callable[[mpf, mpf], Distribution]:
    """A family of locations and scales, of the log density of its standard."""

    def make(loc: mpf, scale: mpf) -> Distribution:
        log_scale = mp.log(scale)

        def log_density(at: Point) -> mpf:
            return of_standard((at.x - loc) / scale) - log_scale

        marks = [mpf(k) / 2 for k in range(-7, 8)]
        return _continuous(name, log_density, _line(loc, scale), marks)

    return make


@cache
def _half_log_of_two_pi(_precision: int) -> mpf:
    return mp.log(2 * mp.pi) / 2


def _standard_normal(z: mpf) -> mpf:
    return -z * z / 2 - _half_log_of_two_pi(mp.prec)


def _power_of(z: mpf) -> mpf:
    """e^z, of which the exponent has a limit: no density is seen there."""
    return mp.exp(min(z, mpf(10**5)))


def _standard_gumbel(z: mpf) -> mpf:
    return -z - _power_of(-z)


def _student_t(df: mpf, loc: mpf, scale: mpf) -> Distribution:
    power = (df + 1) / 2
    constant = mp.loggamma(power) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    of_standard = _located("StudentT", lambda z: constant - power * mp.log1p(z * z / df))
    return of_standard(loc, scale)


def _log_normal(loc: mpf, scale: mpf) -> Distribution:
    def log_density(at: Point) -> mpf:
        return _standard_normal((_log(at) - loc) / scale) - mp.log(scale) - _log(at)

    marks = [mpf(k) / 2 for k in range(-7, 8)]
    return _continuous("LogNormal", log_density, _log_line(loc, scale), marks, 0)


def _half_normal(scale: mpf) -> Distribution:
    def log_density(at: Point) -> mpf:
        return mp.log(2) + _standard_normal(at.x / scale) - mp.log(scale)

    return _continuous(
        "HalfNormal",
        log_density,
        _half_line(),
        [mp.log(scale) + k for k in (-6, -3, -1, 0, 1, 2, 3)],
        0,
    )


def _exponential(rate: mpf) -> Distribution:
    marks = [k - mp.log(rate) for k in (-6, -3, -1, 0, 1, 2, 3, 5)]
    return _continuous("Exponential", lambda at: mp.log(rate) - rate * at.x, _half_line(), marks, 0)


def _gamma_marks(concentration: mpf, scale: mpf) -> list[mpf]:
    """Of ln x: narrow for a large concentration, and with a long left tail for a small one."""
    width = 1 / mp.sqrt(max(concentration, 1))
    centre = mp.log(max(concentration, mpf(1) / 2) * scale)
    left = [] if concentration > 1 / mpf(2) else [centre - k / concentration for k in (1, 4)]
    return left + [m for m in _around(centre, width) if m < centre + 5]


def _gamma(concentration: mpf, rate: mpf) -> Distribution:
    constant = concentration * mp.log(rate) - mp.loggamma(concentration)

    def log_density(at: Point) -> mpf:
        return constant + (concentration - 1) * _log(at) - rate * at.x

    return _continuous("Gamma", log_density, _half_line(), _gamma_marks(concentration, 1 / rate), 0)


def _inverse_gamma(concentration: mpf, rate: mpf) -> Distribution:
    constant = concentration * mp.log(rate) - mp.loggamma(concentration)

    def log_density(at: Point) -> mpf:
        return constant - (concentration + 1) * _log(at) - rate / at.x

    marks = [-u for u in _gamma_marks(concentration, 1 / rate)]
    return _continuous("InverseGamma", log_density, _half_line(), marks, 0)


def _chi_squared(df: mpf) -> Distribution:
    constant = -df / 2 * mp.log(2) - mp.loggamma(df / 2)

    def log_density(at: Point) -> mpf:
        return constant + (df / 2 - 1) * _log(at) - at.x / 2

    return _continuous("ChiSquared", log_density, _half_line(), _gamma_marks(df / 2, mpf(2)), 0)


def _beta(concentration1: mpf, concentration0: mpf) -> Distribution:
    a, b = concentration1, concentration0
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)

    def log_density(at: Point) -> mpf:
        left = _times(a - 1, _log(at)) if a != 1 else 0
        right = _times(b - 1, _log_rest(at)) if b != 1 else 0
        return constant + left + right

    centre = mp.log(a / b)
    width = min(mpf(2), mp.sqrt(1 / a + 1 / b))
    marks = _around(centre, width)
    marks += [centre - k / a for k in (1, 4) if a < 1] + [centre + k / b for k in (1, 4) if b < 1]
    chart = _interval(mpf(0), mpf(1))
    return Distribution("Beta", mpf(0), mpf(1), log_density, chart, marks)


def _pareto(scale: mpf, alpha: mpf) -> Distribution:
    constant = mp.log(alpha) + alpha * mp.log(scale)
    start = mp.log(scale)
    return _continuous(
        "Pareto",
        lambda at: constant - (alpha + 1) * _log(at),
        _half_line(scale),
        [start + k / alpha for k in (0.5, 1, 2, 4, 8, 16)],
        scale,
    )


def _weibull(scale: mpf, concentration: mpf) -> Distribution:
    log_scale, k = mp.log(scale), concentration

    def log_density(at: Point) -> mpf:
        z = k * (_log(at) - log_scale)
        return mp.log(k) + z - _power_of(z) - _log(at)

    marks = [log_scale + j / k for j in (-6, -3, -1, 0, 1, 2, 3, 5)]
    return _continuous("Weibull", log_density, _half_line(), marks, 0)


def _uniform(low: mpf, high: mpf) -> Distribution:
    log_length = mp.log(high - low)
    return Distribution(
        "Uniform",
        low,
        high,
        lambda _: -log_length,
        _interval(low, high),
        [mpf(k) for k in (-6, -3, -1, 0, 1, 3, 6)],
    )


def _von_mises(loc: mpf, concentration: mpf) -> Distribution:
    """On the circle: x runs once around it from loc - pi."""
    constant = -mp.log(2 * mp.pi * mp.besseli(0, concentration))
    width = min(1 / mp.sqrt(concentration), mpf(1)) if concentration else mpf(1)
    return Distribution(
        "VonMises",
        -mp.inf,
        mp.inf,
        lambda at: constant + concentration * mp.cos(at.x - loc),
        Chart(lambda u: (Point(loc + u), mpf(0)), lambda x: x - loc, -mp.pi, mp.pi),
        [m for m in _around(mpf(0), width) if abs(m) < 3],
    )


# --------------------------------------------------------------------------------------- discrete


@lru_cache(maxsize=64)
def _log_rising(start: mpf, precision: int) -> list[mpf]:
    """ln of start (start + 1) ... (start + k - 1), by k: it grows."""
    return [mpf(0)]


def log_rising(start: mpf, k: int) -> mpf:
    table = _log_rising(start, mp.prec)
    while len(table) <= k:
        table.append(table[-1] + mp.log(start + (len(table) - 1)))
    return table[k]


def log_factorial(k: int) -> mpf:
    return log_rising(mpf(1), k)


class Chance(NamedTuple):
    """ln of a probability, and of what it leaves."""

    log: mpf
    log_rest: mpf


def _chance(probs: mpf | None, logits: mpf | None) -> Chance:
    if logits is not None:
        return Chance(-mp.log1p(mp.exp(-logits)), -mp.log1p(mp.exp(logits)))
    return Chance(mp.log(probs) if probs else -mp.inf, mp.log1p(-probs) if probs != 1 else -mp.inf)


def _discrete(name: str, log_mass: Any, mode: Any, high: Any = mp.inf) -> Distribution:
    return Distribution(
        name, mpf(0), mpf(high), lambda at: log_mass(int(at.x)), None, [mpf(int(mode))]
    )


def _bernoulli(probs: mpf | None = None, logits: mpf | None = None) -> Distribution:
    chance = _chance(probs, logits)
    return _discrete("Bernoulli", lambda k: chance.log if k else chance.log_rest, 0, 1)


def _geometric(probs: mpf | None = None, logits: mpf | None = None) -> Distribution:
    """Failures before the first success."""
    chance = _chance(probs, logits)
    high = 0 if mp.isinf(chance.log_rest) else mp.inf
    return _discrete("Geometric", lambda k: chance.log + _times(k, chance.log_rest), 0, high)


def _binomial(
    total_count: mpf, probs: mpf | None = None, logits: mpf | None = None
) -> Distribution:
    n, chance = int(total_count), _chance(probs, logits)

    def log_mass(k: int) -> mpf:
        ways = log_factorial(n) - log_factorial(k) - log_factorial(n - k)
        return ways + _times(k, chance.log) + _times(n - k, chance.log_rest)

    low = n if mp.isinf(chance.log_rest) else 0
    high = 0 if mp.isinf(chance.log) else n
    mode = max(low, min(high, int(n * mp.exp(chance.log))))
    return Distribution(
        "Binomial", mpf(low), mpf(high), lambda at: log_mass(int(at.x)), None, [mpf(mode)]
    )


def _negative_binomial(
    total_count: mpf, probs: mpf | None = None, logits: mpf | None = None
) -> Distribution:
    """Successes before total_count failures."""
    r, chance = total_count, _chance(probs, logits)

    def log_mass(k: int) -> mpf:
        ways = log_rising(r, k) - log_factorial(k)
        return ways + _times(k, chance.log) + r * chance.log_rest

    mode = int(max(mpf(0), (r - 1) * mp.exp(chance.log - chance.log_rest)))
    return _discrete("NegativeBinomial", log_mass, mode, 0 if mp.isinf(chance.log) else mp.inf)


def _poisson(rate: mpf) -> Distribution:
    if rate == 0:
        return _discrete("Poisson", lambda k: mpf(0), 0, 0)
    log_rate = mp.log(rate)
    return _discrete("Poisson", lambda k: k * log_rate - rate - log_factorial(k), rate)


# ------------------------------------------------------------------------------------ many numbers


@dataclass(frozen=True, eq=False)
class Table:
    """Categorical: ln of the probability of each class."""

    logs: list[mpf]


def _categorical(probs: Sequence[mpf] | None = None, logits: Sequence[mpf] | None = None) -> Table:
    """Probabilities are divided by their sum."""
    if logits is None:
        logits = [mp.log(p) if p else -mp.inf for p in probs]
    total = mp.log(mp.fsum(mp.exp(x) for x in logits))
    return Table([x - total for x in logits])


@dataclass(frozen=True, eq=False)
class Normals:
    """MultivariateNormal: loc and a lower triangular root of the covariance."""

    loc: matrix
    root: matrix

    def log_at(self, x: matrix) -> mpf:
        z = mp.lu_solve(self.root, x - self.loc)
        log_root = mp.fsum(mp.log(abs(self.root[i, i])) for i in range(len(x)))
        return -mp.fsum(y * y for y in z) / 2 - log_root - len(x) * mp.log(2 * mp.pi) / 2


def _multivariate_normal(
    loc: Sequence[mpf],
    covariance_matrix: Any = None,
    scale_tril: Any = None,
    scale_diag: Sequence[mpf] | None = None,
) -> Normals:
    if scale_diag is not None:
        root = mp.diag(scale_diag)
    elif scale_tril is not None:
        root = matrix(scale_tril)
    else:
        root = mp.cholesky(matrix(covariance_matrix))
    return Normals(matrix(loc), root)


@dataclass(frozen=True, eq=False)
class Dirichlet:
    """Dirichlet, and the betas of its broken stick."""

    concentration: list[mpf]

    @property
    def constant(self) -> mpf:
        return mp.loggamma(mp.fsum(self.concentration)) - mp.fsum(
            mp.loggamma(a) for a in self.concentration
        )


def _dirichlet(concentration: Sequence[mpf]) -> Dirichlet:
    return Dirichlet(list(concentration))


FAMILIES: dict[str, Callable[..., Any]] = {
    "Normal": _located("Normal", _standard_normal),
    "LogNormal": _log_normal,
    "Laplace": _located("Laplace", lambda z: -abs(z) - mp.log(2)),
    "Cauchy": _located("Cauchy", lambda z: -mp.log(mp.pi) - mp.log1p(z * z)),
    "Gumbel": _located("Gumbel", _standard_gumbel),
    "HalfNormal": _half_normal,
    "MultivariateNormal": _multivariate_normal,
    "Exponential": _exponential,
    "Gamma": _gamma,
    "InverseGamma": _inverse_gamma,
    "ChiSquared": _chi_squared,
    "Beta": _beta,
    "Dirichlet": _dirichlet,
    "Pareto": _pareto,
    "Weibull": _weibull,
    "Uniform": _uniform,
    "VonMises": _von_mises,
    "Bernoulli": _bernoulli,
    "Geometric": _geometric,
    "Binomial": _binomial,
    "NegativeBinomial": _negative_binomial,
    "Poisson": _poisson,
    "Categorical": _categorical,
}

OTHERS: dict[str, Callable[..., Any]] = {
    "Logistic": _located("Logistic", lambda z: -abs(z) - 2 * mp.log1p(mp.exp(-abs(z)))),
    "StudentT": _student_t,
}
"""Families of SciPy that klrs has only the densities of."""


def number(x: Any) -> Any:
    """Without rounding, in lists as well."""
    if isinstance(x, list | tuple):
        return [number(y) for y in x]
    return x if isinstance(x, mpf) else mpf(float(x))


def made(name: str, parameters: Parameters) -> Any:
    """The distribution with these floats, or numbers of mpmath."""
    return (FAMILIES | OTHERS)[name](**{key: number(x) for key, x in parameters.items()})


# ------------------------------------------------------------------------------- sums of densities

Densities = Callable[[mpf, mpf, Point], mpf]
"""Of ln p, ln q and a place: what is summed. The densities are exp of the logarithms."""


def total(
    of: Densities,
    p: Distribution,
    q: Distribution,
    over: Distribution,
    seen: Sequence[Distribution] = (),
) -> mpf:
    """The integral or sum of p, q and x over the support of `over`.

    `of` gives what is relative to dx: in other coordinates both logarithms grow by ln |dx/du|, and
    a function of first order in the densities by that factor. Where `seen` have their mass has to
    be seen: of both, unless it is said.
    """
    seen = seen or (p, q)
    if over.is_discrete:
        return _sum(lambda at: of(p.log_at(at), q.log_at(at), at), over, seen)
    chart = over.chart

    def f(u: mpf) -> mpf:
        at, slope = chart.place(u)
        return of(p.log_at(at) + slope, q.log_at(at) + slope, at)

    marks = [*over.marks, *(chart.find(x) for it in (p, q) for x in _seen(it, over))]
    return integral(f, [m for m in marks if mp.isfinite(m)], chart.low, chart.high)


def _seen(it: Distribution, over: Distribution) -> list[mpf]:
    """The places of one that are inside of the other, and on the circle turned to it."""
    if it is over:
        return []
    if it.name == "VonMises":
        centre = over.chart.place(mpf(0))[0].x
        turns = 2 * mp.pi
        places = [x for x in it.places if mp.isfinite(x)]
        return [x - turns * mp.nint((x - centre) / turns) for x in places]
    return [x for x in it.places if over.low < x < over.high and mp.isfinite(x)]


def _sum(f: Callable[[Point], mpf], over: Distribution, ones: Sequence[Distribution]) -> mpf:
    """From the modes outwards."""
    low, high = int(over.low), over.high
    modes = sorted({min(max(int(it.marks[0]), low), high) for it in ones})
    first, last = int(modes[0]), int(modes[-1])
    terms = [f(Point(mpf(k))) for k in range(first, last + 1)]
    for k, step in ((first, -1), (last, 1)):
        small = 0
        while low <= k + step <= high and small < 40:
            k += step  # noqa: PLW2901
            terms.append(f(Point(mpf(k))))
            largest = max(abs(t) for t in terms[:: max(1, len(terms) // 64)])
            small = small + 1 if abs(terms[-1]) <= NEGLIGIBLE * largest else 0
    return mp.fsum(terms)


def _exp(x: mpf) -> mpf:
    return mp.exp(x) if x > -1e30 else mpf(0)


def _inside(p: Distribution, q: Distribution) -> bool:
    """Whether q has all that p has."""
    if p.is_discrete != q.is_discrete:
        return False
    return q.low <= p.low and p.high <= q.high


def _alike(p: Distribution, q: Distribution) -> bool:
    return _inside(p, q) and _inside(q, p)


def _digits(function: Callable[..., Any]) -> Callable[..., Any]:
    def verb(*of: Any, **options: Any) -> Any:
        with mp.workdps(DIGITS):
            ones = [it if not isinstance(it, tuple) else made(*it) for it in of]
            return +function(*ones, **{k: number(v) for k, v in options.items()})

    verb.__name__ = function.__name__
    return verb


# ------------------------------------------------------------------------------------------- verbs


def _kl_as_it_is(log_p: mpf, log_q: mpf, _: Point) -> mpf:
    density = _exp(log_p)
    return density * (log_p - log_q) if density else mpf(0)


def _kl_terms(log_p: mpf, log_q: mpf, _: Point) -> mpf:
    """p (ln(p/q) - 1 + q/p)."""
    if log_p < mpf("-1e30") or log_q - log_p > 1000:
        density = _exp(log_p)
        return _exp(log_q) + (density * (log_p - log_q - 1) if density else 0)
    gap = log_p - log_q
    return _exp(log_p) * (gap + mp.expm1(-gap))


@_digits
def kl_divergence(p: Any, q: Any) -> mpf:
    """The integral of p ln(p/q)."""
    if isinstance(p, Table):
        return mp.fsum(
            mp.exp(a) * (a - b) if a > -mp.inf else 0 for a, b in zip(p.logs, q.logs, strict=True)
        )
    if isinstance(p, Normals):
        return _mean_at_points(p, lambda x: p.log_at(x) - q.log_at(x))
    if isinstance(p, Dirichlet):
        return _over_stick(p, p.constant - q.constant, _differences(p, q))
    if not _inside(p, q):
        return mp.inf
    value = total(_kl_as_it_is, p, q, p, [p])
    if value > FAR or not _alike(p, q):
        return value
    never_negative = total(_kl_terms, p, q, p)
    assert abs(never_negative - value) <= AGREE * max(never_negative, value)
    return never_negative


def _differences(p: Dirichlet, q: Dirichlet) -> list[mpf]:
    return [a - b for a, b in zip(p.concentration, q.concentration, strict=True)]


def _mean_at_points(p: Normals, f: Callable[[matrix], mpf]) -> mpf:
    """The mean of a polynomial of third order at most under p.

    2 d points at the distance sqrt(d) have the moments of the standard normal up to the third.
    """
    d = len(p.loc)
    steps = [mp.sqrt(d) * p.root[:, i] for i in range(d)]
    return mp.fsum(f(p.loc + sign * step) for step in steps for sign in (1, -1)) / (2 * d)


def _over_stick(p: Dirichlet, constant: mpf, slopes: list[mpf]) -> mpf:
    """The mean of constant + sum slope_i ln x_i under p, by one integral for each break.

    x_i is a part B_i of what the parts before it left, and the B_i are independent betas: that is
    a change of coordinates, in which the density is a product.
    """
    a = p.concentration
    value = constant
    for i in range(len(a) - 1):
        part, rest = slopes[i], mp.fsum(slopes[i + 1 :])
        # The last part is all of the rest: x_i+1 ... have the factor 1 - B_i.
        here = _beta(a[i], mp.fsum(a[i + 1 :]))

        def of(log_p: mpf, _: mpf, at: Point, part: mpf = part, rest: mpf = rest) -> mpf:
            return _exp(log_p) * (part * at.log + rest * at.log_rest)

        value += total(of, here, here, here)
    return value


@_digits
def cross_entropy(p: Any, q: Any) -> mpf:
    """-the integral of p ln q."""
    if isinstance(p, Table):
        pairs = zip(p.logs, q.logs, strict=True)
        return -mp.fsum(mp.exp(a) * b if a > -mp.inf else 0 for a, b in pairs)
    if isinstance(p, Normals):
        return _mean_at_points(p, lambda x: -q.log_at(x))
    if isinstance(p, Dirichlet):
        return _over_stick(p, -q.constant, [1 - b for b in q.concentration])
    if not _inside(p, q):
        return mp.inf

    def of(log_p: mpf, log_q: mpf, at: Point) -> mpf:
        density = _exp(log_p)
        # In the chart's coordinates both logarithms have grown: ln q is asked for in those of x.
        return -density * q.log_at(at) if density else mpf(0)

    return total(of, p, q, p, [p])


@_digits
def entropy(p: Any) -> mpf:
    """-the integral of p ln p."""
    return cross_entropy(p, p)


def _log_mean(x: mpf, y: mpf) -> mpf:
    """ln of (e^x + e^y) / 2."""
    x, y = max(x, y), min(x, y)
    return x + mp.log1p(_exp(y - x)) - mp.log(2)


@_digits
def js_divergence(p: Distribution, q: Distribution) -> mpf:
    """Half of KL(p, m) + KL(q, m) with m the mean of p and q."""

    def half(log_p: mpf, log_q: mpf, _: Point) -> mpf:
        density = _exp(log_p)
        return density * (log_p - _log_mean(log_p, log_q)) / 2 if density else mpf(0)

    if _alike(p, q):
        return total(lambda x, y, at: half(x, y, at) + half(y, x, at), p, q, p)
    return total(half, p, q, p) + total(lambda x, y, at: half(y, x, at), p, q, q)


@_digits
def jeffreys_divergence(p: Any, q: Any) -> mpf:
    """KL(p, q) + KL(q, p)."""
    return kl_divergence(p, q) + kl_divergence(q, p)


def _power_excess(p: Distribution, q: Distribution, a: mpf) -> mpf:
    """The integral of p^a q^(1-a), less 1."""

    def power(log_p: mpf, log_q: mpf) -> mpf:
        return _exp(a * log_p + (1 - a) * log_q)

    def of(log_p: mpf, log_q: mpf, _: Point) -> mpf:
        return power(log_p, log_q) - a * _exp(log_p) - (1 - a) * _exp(log_q)

    if _alike(p, q):
        return total(of, p, q, p)
    if a > 1 and not _inside(p, q):
        return mp.inf
    over = p if _inside(p, q) else q
    if not (_inside(p, q) or _inside(q, p)):
        raise ValueError("one support must have the other")
    return total(lambda x, y, _: power(x, y), p, q, over) - 1


@_digits
def renyi_divergence(p: Any, q: Any, *, alpha: mpf) -> mpf:
    """ln of the integral of p^alpha q^(1-alpha), over alpha - 1."""
    if isinstance(p, Table):
        pairs = [(x, y) for x, y in zip(p.logs, q.logs, strict=True) if x > -mp.inf]
        whole = mp.fsum(_exp(alpha * x + (1 - alpha) * y) for x, y in pairs)
        return mp.log(whole) / (alpha - 1)
    if isinstance(p, Normals):
        return mp.log(_power_of_normals(p, q, alpha)) / (alpha - 1)
    excess = _power_excess(p, q, alpha)
    return mp.log1p(excess) / (alpha - 1) if excess > -1 else mp.inf


def _power_of_normals(p: Normals, q: Normals, a: mpf) -> mpf:
    """The integral of p^a q^(1-a), over coordinates in which it is a product.

    A p^-1 A^T = 1 and A q^-1 A^T diagonal: the two-sided eigenvectors make all directions
    independent, and each is an integral over a line.
    """
    d = len(p.loc)
    inverse = mp.lu_solve
    whitened = matrix(d, d)
    for j in range(d):
        column = inverse(p.root, q.root[:, j])
        for i in range(d):
            whitened[i, j] = column[i]
    values, vectors = mp.eigsy(whitened * whitened.T)
    if any(a * x <= a - 1 for x in values):
        # Along this direction p^a q^(1-a) does not fall.
        return mp.inf
    gap = vectors.T * inverse(p.root, q.loc - p.loc)
    whole = mpf(1)
    for i in range(d):
        one = FAMILIES["Normal"](mpf(0), mpf(1))
        other = FAMILIES["Normal"](gap[i], mp.sqrt(values[i]))
        whole *= 1 + _power_excess(one, other, a)
    return whole


@_digits
def bhattacharyya_distance(p: Any, q: Any) -> mpf:
    """-ln of the integral of sqrt(p q)."""
    return renyi_divergence(p, q, alpha=mpf(1) / 2) / 2


@_digits
def hellinger_distance(p: Any, q: Any) -> mpf:
    """The root of 1 - the integral of sqrt(p q)."""
    return mp.sqrt(-mp.expm1(-bhattacharyya_distance(p, q)))


def _quantiles(name: str, given: Parameters) -> tuple[Distribution, mpf, mpf]:
    """A standard distribution, and what its quantiles are multiplied by and moved by."""
    one, none = mpf(1), mpf(0)
    x = {key: number(it) for key, it in given.items()}
    if name == "Exponential":
        return made(name, {"rate": one}), x.get("scale", 1 / x.get("rate", one)), none
    if name == "HalfNormal":
        return made(name, {"scale": one}), x["scale"], none
    if name == "Uniform":
        return made(name, {"low": none, "high": one}), x["high"] - x["low"], x["low"]
    return made(name, {"loc": none, "scale": one}), x["scale"], x["loc"]


def wasserstein_distance(
    p: tuple[str, Parameters], q: tuple[str, Parameters], *, order: Any
) -> mpf:
    """The root of the integral of |P - Q|^order over all levels, with P and Q the quantiles.

    Of a family that is moved and stretched the quantiles at a level are those of its standard: the
    integral over levels is one over that. Of normal vectors it is the second order: see there.
    """
    with mp.workdps(DIGITS):
        if p[0] == "MultivariateNormal":
            return +_bures(made(*p), made(*q))
        standard, *of_p = _quantiles(*p)
        _, *of_q = _quantiles(*q)
        scale, loc, order = of_p[0] - of_q[0], of_p[1] - of_q[1], number(order)

        def of(log_p: mpf, _: mpf, at: Point) -> mpf:
            return _exp(log_p) * abs(loc + scale * at.x) ** order

        chart = standard.chart
        kink = (
            [chart.find(-loc / scale)]
            if scale and standard.low < -loc / scale < standard.high
            else []
        )
        with_kink = Distribution(
            standard.name,
            standard.low,
            standard.high,
            standard.log_density,
            chart,
            [*standard.marks, *kink],
        )
        return +(total(of, with_kink, with_kink, with_kink) ** (1 / order))


def _bures(p: Normals, q: Normals) -> mpf:
    """The root of the mean of |x - T x|^2, with T the symmetric map that takes p to q.

    A gradient of a convex function that takes p to q is the best of all maps (Brenier). T has to
    do so: it is checked here to be symmetric, positive, and to give the covariance of q.
    """
    first, second = p.root * p.root.T, q.root * q.root.T
    values, vectors = mp.eigsy(first)
    root = vectors * mp.diag([mp.sqrt(x) for x in values]) * vectors.T
    inverse = vectors * mp.diag([1 / mp.sqrt(x) for x in values]) * vectors.T
    values, vectors = mp.eigsy(root * second * root)
    best = inverse * (vectors * mp.diag([mp.sqrt(x) for x in values]) * vectors.T) * inverse
    assert min(mp.eigsy(best, eigvals_only=True)) > 0
    assert mp.mnorm(best - best.T) < mpf("1e-40") * mp.mnorm(best)
    assert mp.mnorm(best * first * best.T - second) < mpf("1e-40") * mp.mnorm(second)

    def squared(x: matrix) -> mpf:
        moved = q.loc + best * (x - p.loc)
        return mp.fsum((a - b) ** 2 for a, b in zip(x, moved, strict=True))

    return mp.sqrt(_mean_at_points(p, squared))


@_digits
def mean(p: Distribution) -> mpf:
    """The integral of x p."""
    return total(lambda x, _, at: _exp(x) * at.x, p, p, p)


@_digits
def variance(p: Distribution) -> mpf:
    """The integral of (x - mean)^2 p; on the circle of 1 - cos(x - loc)."""
    if p.name == "VonMises":
        centre = p.chart.place(mpf(0))[0].x
        return total(lambda x, _, at: _exp(x) * (1 - mp.cos(at.x - centre)), p, p, p)
    centre = mean(p)
    return total(lambda x, _, at: _exp(x) * (at.x - centre) ** 2, p, p, p)


@_digits
def total_mass(p: Distribution) -> mpf:
    """1, if the density is one."""
    return total(lambda x, *_: _exp(x), p, p, p)


@_digits
def log_prob(p: Any, *, x: Any) -> mpf:
    """The log density at x."""
    if isinstance(p, Table):
        return p.logs[int(x)]
    if isinstance(p, Normals):
        return p.log_at(matrix(x))
    if isinstance(p, Dirichlet):
        powers = [_times(a - 1, mp.log(y)) for a, y in zip(p.concentration, x, strict=True)]
        return p.constant + mp.fsum(powers)
    return p.log_at(Point(x))


VALUES: dict[str, Callable[..., mpf]] = {
    it.__name__: it
    for it in (
        kl_divergence,
        cross_entropy,
        entropy,
        js_divergence,
        jeffreys_divergence,
        renyi_divergence,
        bhattacharyya_distance,
        hellinger_distance,
        wasserstein_distance,
        mean,
        variance,
        log_prob,
    )
}

# ------------------------------------------------------------------------------------------- cases

DIFFERENCES = (1e-10, 1e-6, 1e-3, 0.1, 1.0, 1e3)
"""Relative, of parameters."""

One = tuple[str, Parameters]


class Case(NamedTuple):
    """A call, and the class that its error is reported in."""

    verb: str
    about: str
    p: One
    q: One | None = None
    options: Parameters = {}  # noqa: RUF012


def one(name: str, *values: Any) -> One:
    """With parameters in the family's order."""
    return name, dict(zip(PARAMETERS[name], values, strict=False))


PARAMETERS = {
    **dict.fromkeys(("Normal", "LogNormal", "Laplace", "Cauchy", "Gumbel"), ("loc", "scale")),
    "Logistic": ("loc", "scale"),
    "StudentT": ("df", "loc", "scale"),
    "HalfNormal": ("scale",),
    "MultivariateNormal": ("loc", "covariance_matrix"),
    "Exponential": ("rate",),
    "Gamma": ("concentration", "rate"),
    "InverseGamma": ("concentration", "rate"),
    "ChiSquared": ("df",),
    "Beta": ("concentration1", "concentration0"),
    "Dirichlet": ("concentration",),
    "Pareto": ("scale", "alpha"),
    "Weibull": ("scale", "concentration"),
    "Uniform": ("low", "high"),
    "VonMises": ("loc", "concentration"),
    "Bernoulli": ("probs",),
    "Geometric": ("probs",),
    "Binomial": ("total_count", "probs"),
    "NegativeBinomial": ("total_count", "probs"),
    "Poisson": ("rate",),
    "Categorical": ("probs",),
}

LOCATED = ("Normal", "LogNormal", "Laplace", "Cauchy", "Gumbel")


def _kl(about: Any, p: One, q: One) -> Case:
    return Case("kl_divergence", about if isinstance(about, str) else f"{about:g}", p, q)


def located(name: str) -> Iterator[Case]:
    loc, scale = 1.25, 0.7
    for e in DIFFERENCES:
        p = one(name, loc, scale)
        yield _kl(e, p, one(name, loc + e * scale, scale * (1 + e)))
        yield _kl(e, p, one(name, loc, scale * (1 + e)))
        yield _kl(e, p, one(name, loc - min(e, 100) * scale, scale))
        if e < 1 or name != "Gumbel":
            yield _kl(e, one(name, loc + e, 3.0), one(name, loc, 3.0 / (1 + e)))
    if name != "LogNormal":
        yield _kl("extreme", one(name, 3e8, 1e-8), one(name, 3e8, 2e-8))
        yield _kl("extreme", one(name, -5e-9, 1e-8), one(name, 1e-8, 1e-8))
        yield _kl("extreme", one(name, 3e8, 1e8), one(name, -1e8, 1.5e8))


def scales(name: str) -> Iterator[Case]:
    """Of one parameter."""
    for e in DIFFERENCES:
        yield _kl(e, one(name, 0.7), one(name, 0.7 * (1 + e)))
        yield _kl(e, one(name, 1e8), one(name, 1e8 / (1 + e)))
    yield _kl("extreme", one(name, 1e-8), one(name, 1.0))
    yield _kl("extreme", one(name, 1e-8), one(name, 1.25e-8))


def shapes(name: str) -> Iterator[Case]:
    for e in DIFFERENCES:
        for a, b in ((2.5, 1.3), (1e-2, 3.0), (1e4, 1e-8)):
            yield _kl(e, one(name, a, b), one(name, a * (1 + e), b * (1 + e)))
        yield _kl(e, one(name, 2.5, 1.3), one(name, 2.5 / (1 + e), 1.3))
        yield _kl(e, one(name, 0.3, 1e8), one(name, 0.3, 1e8 * (1 + e)))
        yield _kl(e, one(name, 40.0, 1.0), one(name, 40.0 * (1 + e), 1.0))
    yield _kl("extreme", one(name, 1e-2, 1.0), one(name, 1e4, 1.0))
    yield _kl("extreme", one(name, 1e4, 1.0), one(name, 1e-2, 1.0))


def chi_squared() -> Iterator[Case]:
    for e in DIFFERENCES:
        for df in (3.0, 0.02, 1e4):
            yield _kl(e, one("ChiSquared", df), one("ChiSquared", df * (1 + e)))
        yield _kl(e, one("ChiSquared", 7.0), one("ChiSquared", 7.0 / (1 + e)))


def beta() -> Iterator[Case]:
    for e in DIFFERENCES:
        for a, b in ((2.5, 0.8), (1e-2, 3.0), (1e4, 2e4)):
            yield _kl(e, one("Beta", a, b), one("Beta", a * (1 + e), b))
        yield _kl(e, one("Beta", 2.5, 0.8), one("Beta", 2.5, 0.8 / (1 + e)))
        yield _kl(e, one("Beta", 12.0, 7.0), one("Beta", 12 * (1 + e), 7 * (1 + e)))
    yield _kl("extreme", one("Beta", 1e-2, 1e-2), one("Beta", 1e3, 1e3))
    yield _kl("extreme", one("Beta", 1e4, 1e-2), one("Beta", 1.0, 1.0))


def pareto() -> Iterator[Case]:
    for e in DIFFERENCES:
        yield _kl(e, one("Pareto", 2.0, 3.0), one("Pareto", 2.0, 3.0 * (1 + e)))
        yield _kl(e, one("Pareto", 2.0, 3.0), one("Pareto", 2.0 / (1 + e), 3.0 * (1 + e)))
        yield _kl(e, one("Pareto", 1e8, 1e-2), one("Pareto", 1e8, 1e-2 / (1 + e)))
        yield _kl(e, one("Pareto", 1e-8, 1e4), one("Pareto", 1e-8 / (1 + e), 1e4))


def weibull() -> Iterator[Case]:
    for e in DIFFERENCES:
        yield _kl(e, one("Weibull", 2.0, 1.5), one("Weibull", 2.0, 1.5 * (1 + e)))
        yield _kl(e, one("Weibull", 2.0, 1.5), one("Weibull", 2.0 * (1 + e), 1.5 * (1 + e)))
        yield _kl(e, one("Weibull", 2.0, 1.5), one("Weibull", 2.0 / (1 + e), 1.5))
        yield _kl(e, one("Weibull", 1e8, 0.3), one("Weibull", 1e8 * (1 + e), 0.3 / (1 + e)))
        if e < 1:
            yield _kl(e, one("Weibull", 1e-8, 200.0), one("Weibull", 1e-8 * (1 + e), 200.0))


def uniform() -> Iterator[Case]:
    for e in DIFFERENCES:
        yield _kl(e, one("Uniform", 2.0, 3.0), one("Uniform", 2.0, 3.0 + e))
        yield _kl(e, one("Uniform", -3e8, 1e8), one("Uniform", -3e8 * (1 + e), 1e8 * (1 + e)))


def von_mises() -> Iterator[Case]:
    for e in DIFFERENCES:
        for k in (0.5, 3.0, 200.0, 1e4):
            yield _kl(e, one("VonMises", 1.0, k), one("VonMises", 1.0, k * (1 + e)))
        yield _kl(e, one("VonMises", 1.0, 3.0), one("VonMises", 1.0 + e, 3.0))
        yield _kl(e, one("VonMises", -2.0, 8.0), one("VonMises", -2.0 - e, 8.0 / (1 + e)))
    yield _kl("extreme", one("VonMises", 1.0, 1e-2), one("VonMises", 4.0, 1e4))
    yield _kl("extreme", one("VonMises", 1.0, 2.0), one("VonMises", 0.5, 0.0))
    yield _kl("extreme", one("VonMises", 3.1, 5.0), one("VonMises", -3.1, 5.0))


def bernoulli() -> Iterator[Case]:
    name = "Bernoulli"
    for e in DIFFERENCES:
        for x in (0.3, 1e-8, 1e-300):
            yield _kl(e, one(name, x * min(1 + e, 3)), one(name, x))
            yield _kl(e, one(name, x), one(name, x * min(1 + e, 3)))
        yield _kl(e, one(name, 0.9), one(name, 1 - 0.1 / (1 + e)))
        for x in (0.5, -30.0, 40.0, 700.0):
            p, q = (name, {"logits": x}), (name, {"logits": x + min(e, 20)})
            yield _kl(e, p, q)
    for p, q in ((0.0, 0.25), (1.0, 0.25), (1.0, 1 - 2**-53), (0.0, 1e-300)):
        yield _kl("extreme", one(name, p), one(name, q))
    yield _kl("extreme", (name, {"logits": -40.0}), (name, {"logits": 40.0}))


def geometric() -> Iterator[Case]:
    name = "Geometric"
    for e in DIFFERENCES:
        yield _kl(e, one(name, 0.3), one(name, 0.3 * min(1 + e, 3)))
        yield _kl(e, one(name, 0.1), one(name, 0.1 / (1 + e)))
        yield _kl(e, (name, {"logits": 3.0}), (name, {"logits": 3.0 + min(e, 20)}))
    yield _kl("extreme", one(name, 1.0), one(name, 1e-8))
    yield _kl("extreme", one(name, 1 - 2**-53), one(name, 0.5))
    yield _kl("extreme", one(name, 0.02), one(name, 0.9))


def binomial() -> Iterator[Case]:
    name = "Binomial"
    for e in DIFFERENCES:
        for n, x in ((10, 0.3), (1000, 0.02), (3, 1e-8)):
            yield _kl(e, one(name, n, x), one(name, n, x * min(1 + e, 3)))
        p, q = ({"total_count": 20, "logits": x} for x in (2.0, 2.0 + min(e, 20)))
        yield _kl(e, (name, p), (name, q))
    yield _kl("extreme", one(name, 7, 1.0), one(name, 7, 0.5))
    yield _kl("extreme", one(name, 7, 0.0), one(name, 7, 0.5))
    yield _kl("extreme", one(name, 7, 1.0), one(name, 7, 1 - 2**-53))
    yield _kl("a sum", one(name, 5, 0.3), one(name, 8, 0.2))
    yield _kl("a sum", one(name, 500, 0.3), one(name, 800, 0.2))


def negative_binomial() -> Iterator[Case]:
    name = "NegativeBinomial"
    for e in DIFFERENCES:
        for r, x in ((7.5, 0.3), (0.3, 0.8), (1e3, 0.1)):
            yield _kl(e, one(name, r, x), one(name, r, x * min(1 + e, 1.2)))
        p, q = ({"total_count": 2, "logits": x} for x in (1.0, 1.0 + min(e, 20)))
        yield _kl(e, (name, p), (name, q))
    yield _kl("extreme", one(name, 7, 0.0), one(name, 7, 0.5))
    yield _kl("a sum", one(name, 5, 0.3), one(name, 8, 0.2))
    yield _kl("a sum", one(name, 7.5, 0.3), one(name, 7.25, 0.3))


def poisson() -> Iterator[Case]:
    for e in DIFFERENCES:
        for rate in (3.5, 1e-2, 1e-300, 1e3):
            yield _kl(e, one("Poisson", rate), one("Poisson", rate * (1 + e)))
        yield _kl(e, one("Poisson", 3.5), one("Poisson", 3.5 / (1 + e)))
    yield _kl("extreme", one("Poisson", 0.0), one("Poisson", 3.0))
    yield _kl("extreme", one("Poisson", 1e-8), one("Poisson", 1e4))


def categorical() -> Iterator[Case]:
    name, x, y = "Categorical", [0.5, 0.25, 0.125, 0.125], [0.25, 0.5, 0.0625, 0.1875]
    for e in (2**-33, 2**-20, 2**-10, 2**-3, 1.0):
        about = f"{e:.0g}" if e < 1 else "1"
        moved = [a + e * (b - a) for a, b in zip(x, y, strict=True)]
        yield _kl(about, one(name, x), one(name, moved))
        logits = [[0.5, -1.25, 3.0], [0.5 + e, -1.25, 3.0 - 2 * e]]
        yield _kl(about, *((name, {"logits": it}) for it in logits))
    yield _kl("extreme", one(name, [0.0, 1.0]), one(name, [0.5, 0.5]))
    yield _kl("extreme", (name, {"logits": [0.0, 40.0]}), (name, {"logits": [0.0, 41.0]}))


def dirichlet() -> Iterator[Case]:
    name = "Dirichlet"
    for e in DIFFERENCES:
        for a in ([0.5, 1.5, 3.0], [1e-2, 1.0, 20.0, 1e3], [1e4, 2e4, 3e4]):
            yield _kl(e, one(name, a), one(name, [x * (1 + e * (i % 2)) for i, x in enumerate(a)]))
        a = [0.5, 1.5, 3.0, 0.7, 12.0]
        yield _kl(e, one(name, a), one(name, [x * (1 + e) for x in a]))
    yield _kl("extreme", one(name, [1e-2] * 3), one(name, [1e3] * 3))


def covariance(d: int, condition: float, turn: float = 0.3) -> list[list[float]]:
    """A symmetric matrix of floats: a diagonal one, turned in each plane."""
    scales = [condition ** (-i / (d - 1)) for i in range(d)]
    rows = [[scales[i] if i == j else 0.0 for j in range(d)] for i in range(d)]
    root = matrix(rows)
    for i in range(d - 1):
        rotation = mp.eye(d)
        rotation[i, i] = rotation[i + 1, i + 1] = mp.cos(turn)
        rotation[i, i + 1], rotation[i + 1, i] = mp.sin(turn), -mp.sin(turn)
        root = rotation * root * rotation.T
    return [[float(root[max(i, j), min(i, j)]) for j in range(d)] for i in range(d)]


def moved_covariance(given: list[list[float]], e: float) -> list[list[float]]:
    """Multiplied by 1 + e, e/2, e/3 ... on and beside the diagonal: still positive."""
    d = len(given)
    return [
        [
            given[i][j] * (1 + e / (1 + abs(i - j) * (e < 0.01)))
            + e * given[-1][-1] * (i == j) / (1 + i)
            for j in range(d)
        ]
        for i in range(d)
    ]


def _mvn(loc: list[float], **root: Any) -> One:
    return "MultivariateNormal", {"loc": loc, **root}


def multivariate_normal() -> Iterator[Case]:
    for e in DIFFERENCES:
        for d, condition in ((2, 3.0), (3, 100.0), (5, 1e6)):
            given = covariance(d, condition)
            loc = [0.5 * i for i in range(d)]
            near = moved_covariance(given, e)
            far = [x + e * given[-1][-1] for x in loc]
            yield _kl(e, _mvn(loc, covariance_matrix=given), _mvn(loc, covariance_matrix=near))
            yield _kl(e, _mvn(far, covariance_matrix=near), _mvn(loc, covariance_matrix=given))
        root = [[1.5, 0.0, 0.0], [-0.5, 0.25, 0.0], [2.0, 0.75, 3.0]]
        near = [
            [x * (1 + e / (1 + i + j)) for j, x in enumerate(row)] for i, row in enumerate(root)
        ]
        loc = [1.0, 2.0, 3.0]
        yield _kl(e, _mvn(loc, scale_tril=root), _mvn([x + e for x in loc], scale_tril=near))
        scale = [0.5, 1e-8, 1e8]
        near = [x * (1 + e / (i + 1)) for i, x in enumerate(scale)]
        moved = [x + e * s for x, s in zip(loc, scale, strict=True)]
        yield _kl(e, _mvn(loc, scale_diag=scale), _mvn(moved, scale_diag=near))
    yield _kl("kinds", _mvn(loc, scale_tril=root), _mvn(loc, scale_diag=[1.0, 2.0, 3.0]))
    yield _kl(
        "kinds", _mvn(loc, scale_diag=[1.0, 2.0, 3.0]), _mvn(loc, covariance_matrix=given_3())
    )
    yield _kl("kinds", _mvn(loc, covariance_matrix=given_3()), _mvn(loc, scale_tril=root))


def given_3() -> list[list[float]]:
    return covariance(3, 10.0)


def cross() -> Iterator[Case]:
    """The pairs of different families that torch has a closed form for, and with ChiSquared."""
    pairs = [
        (one("Bernoulli", x), one("Poisson", y))
        for x, y in ((0.3, 0.3), (1e-8, 1e-8), (1.0, 2.0), (0.5, 1e3), (0.0, 2.0), (0.3, 1e-8))
    ]
    betas = (one("Beta", 2.5, 0.8), one("Beta", 1e-2, 3.0), one("Beta", 1e4, 2e4))
    pairs += [(p, one("Exponential", y)) for p in betas for y in (1.5, 1e3)]
    pairs += [(p, one("Gamma", *y)) for p in betas for y in ((2.5, 1.3), (0.01, 40.0))]
    pairs += [(p, one("Normal", *y)) for p in betas for y in ((0.3, 1.0), (0.5, 1e-3))]
    pairs += [(p, one("Uniform", *y)) for p in betas for y in ((0.0, 1.0), (-3.0, 1e3))]
    for e in DIFFERENCES:
        about = f"near {e:g}" if e < 1 else "far"
        bends = (1 + e, 1 / (1 + e))
        for a in bends:
            if e <= 1:
                yield _kl(about, one("Beta", a, 1.0), one("Uniform", 0.0, 1.0))
                yield _kl(about, one("Uniform", 0.0, 1.0), one("Beta", 1.0, a))
            yield _kl(about, one("Exponential", 1.5), one("Gamma", a, 1.5))
            yield _kl(about, one("Gamma", a, 1.5 * a), one("Exponential", 1.5))
            yield _kl(about, one("ChiSquared", 3.0), one("Gamma", 1.5 * a, 0.5))
            yield _kl(about, one("ChiSquared", 2 * a), one("Exponential", 0.5))
        yield _kl(about, one("Gamma", 2.0 * (1 + e), 0.5), one("ChiSquared", 4.0))
        yield _kl(about, one("Exponential", 0.5 * (1 + e)), one("ChiSquared", 2.0))
    gammas = (one("Gamma", 2.5, 1.3), one("Gamma", 1e-2, 3.0), one("Gamma", 1e4, 1e4))
    exponentials = (one("Exponential", 1.5), one("Exponential", 1e3))
    gumbels = (one("Gumbel", 1.0, 2.0), one("Gumbel", -0.5, 0.1))
    normals = (one("Normal", 1.0, 2.0), one("Normal", -0.5, 0.1))
    laplaces = (one("Laplace", 1.0, 2.0), one("Laplace", -0.5, 0.1))
    paretos = (one("Pareto", 2.0, 2.5), one("Pareto", 0.1, 40.0))
    uniforms = (one("Uniform", 0.25, 0.75), one("Uniform", 0.125, 0.1875))
    pairs += product(exponentials, gumbels + normals)
    pairs += product(gammas, gumbels + normals)
    pairs += product(gumbels, normals)
    pairs += product(laplaces, normals)
    pairs += product(normals, gumbels[:1] + laplaces)
    pairs += product(paretos, exponentials + gammas[:2] + normals)
    pairs += [(one("Pareto", 2.0, 1.01), exponentials[0]), (one("Pareto", 2.0, 2.01), normals[0])]
    pairs += product(uniforms, betas + exponentials + gammas + gumbels + normals)
    pairs += [(u, one("Pareto", 0.125, a)) for u in uniforms for a in (0.5, 40.0)]
    pairs += [(one("ChiSquared", 3.0), it) for it in normals + gumbels]
    for p, q in pairs:
        yield _kl("far", p, q)


def integrals() -> Iterator[Case]:
    """Pairs without a closed form."""
    pairs = [
        (one("Normal", 0.3, 1.5), one("Cauchy", -1.0, 2.0)),
        (one("Laplace", 0.3, 1.5), one("Cauchy", -1.0, 2.0)),
        (one("Laplace", 0.3, 0.5), one("Gumbel", -1.0, 2.0)),
        (one("Laplace", 1e6, 1e-3), one("Cauchy", 1e6 + 1, 2e-3)),
        (one("Gumbel", 0.3, 1.5), one("Cauchy", -1.0, 2.0)),
        (one("Gumbel", 0.3, 1.5), one("Laplace", -1.0, 2.0)),
        (one("LogNormal", 0.3, 0.5), one("Gamma", 2.0, 1.0)),
        (one("Gamma", 2.0, 1.0), one("LogNormal", 0.3, 0.5)),
        (one("Weibull", 2.0, 1.5), one("Gamma", 2.0, 1.0)),
        (one("HalfNormal", 2.0), one("Exponential", 1.0)),
        (one("Exponential", 1.0), one("HalfNormal", 2.0)),
        (one("InverseGamma", 3.0, 2.0), one("Gamma", 2.0, 1.0)),
        (one("Pareto", 2.0, 0.5), one("Cauchy", 0.0, 1.0)),
        (one("HalfNormal", 2.0), one("Normal", 0.0, 2.0)),
        (one("Binomial", 20, 0.3), one("Poisson", 6.0)),
        (one("Poisson", 6.0), one("Geometric", 0.2)),
        (one("Geometric", 0.2), one("NegativeBinomial", 2.0, 0.7)),
    ]
    for p, q in pairs:
        yield _kl("no closed form", p, q)


def found() -> Iterator[Case]:
    """What a random search found wrong in early versions."""
    pairs = [
        (
            one("Beta", 0.0015858555810281075, 7.347406667847096),
            one("Beta", 0.0015858566054169864, 12.436202040589137),
        ),
        (
            one("Beta", 5.382438148505629, 0.004554002911173579),
            one("Beta", 2.0380421194313776, 0.004554002911234014),
        ),
        (
            one("Beta", 0.02426217912184985, 243.74537509803343),
            one("Gamma", 0.026947764409808134, 158.6537816714817),
        ),
        (
            one("Beta", 0.001071788855193322, 5.158375164188174),
            one("Gamma", 0.0012760310389452515, 2.9401279052617912),
        ),
        (
            one("Uniform", 138.36329458684253, 139.0138750464368),
            one("Pareto", 138.36329458684253, 3175.622690194296),
        ),
        (
            one("Uniform", 0.10007347544217658, 0.1324146486972837),
            one("Gamma", 141.15042360462925, 1118.7380379066194),
        ),
        (
            one("Normal", 2.9619468923766634, 12.070068684200422),
            one("Gumbel", 1.7896819817656517, 0.3442323347299453),
        ),
        (
            one("Gamma", 7.726477143893649e17, 894586418096711.1),
            one("Gamma", 0.6609221206024253, 1.7144198543390577e-05),
        ),
    ]
    for p, q in pairs:
        yield _kl("found", p, q)
    p = one("InverseGamma", 2.0880087569504746, 9.76865330051422)
    yield _kl("no closed form", p, one("HalfNormal", 0.05380833027899771))


def fitted() -> Iterator[Case]:
    """A beta distribution, and a gamma or normal distribution of about its mean and variance."""
    concentrations = [
        (0.03, 0.7),
        (0.7, 9397.0),
        (2.6, 14.0),
        (7.5, 7.5),
        (8.5, 3e5),
        (60.0, 1.3),
        (1e4, 1e4),
        (3e5, 2e3),
        (1e6, 1e6),
    ]
    for a, b in concentrations:
        total = a + b
        mean, deviation = a / total, math.sqrt(a * b / (total + 1)) / total
        for e in (0.0, 1e-6):
            shape = a * (total + 1) / b * (1 + e)
            about = "near" if e else "moments"
            yield _kl(about, one("Beta", a, b), one("Gamma", shape, shape * total / a * (1 + e)))
            q = one("Normal", mean * (1 + e), deviation * (1 + e))
            yield _kl(about, one("Beta", a, b), q)
    for a in (0.7, 3.0, 7.5, 12.0, 1e5):
        p, q = one("Gamma", a, 1.3), one("Normal", a / 1.3, math.sqrt(a) / 1.3)
        yield _kl("moments", p, q)


EXAMPLES = (
    one("Normal", 1.25, 0.7),
    one("Normal", 3e8, 1e-8),
    one("LogNormal", 0.3, 0.5),
    one("Laplace", -1.0, 2.0),
    one("Cauchy", 0.5, 3.0),
    one("Gumbel", 1.0, 2.0),
    one("HalfNormal", 1.7),
    one("Exponential", 1.5),
    one("Gamma", 2.5, 1.3),
    one("Gamma", 1e-2, 3.0),
    one("Gamma", 1e4, 1e-8),
    one("InverseGamma", 3.5, 1.3),
    one("ChiSquared", 5.0),
    one("Beta", 2.5, 0.8),
    one("Beta", 1e-2, 1e-2),
    one("Beta", 1e4, 2e4),
    one("Pareto", 2.0, 3.5),
    one("Weibull", 2.0, 1.5),
    one("Weibull", 2.0, 200.0),
    one("Uniform", -1.5, 2.25),
    one("VonMises", 1.0, 3.0),
    one("VonMises", 1.0, 1e4),
    one("Bernoulli", 0.3),
    one("Bernoulli", 1e-8),
    ("Bernoulli", {"logits": 40.0}),
    one("Geometric", 0.3),
    one("Binomial", 12, 0.3),
    one("NegativeBinomial", 7.5, 0.3),
    one("Poisson", 3.5),
    one("Poisson", 1e3),
)
"""Of one dimension."""

MANY = (
    one("Categorical", [0.5, 0.25, 0.125, 0.125]),
    ("Categorical", {"logits": [0.5, -1.25, 3.0]}),
    one("Dirichlet", [0.5, 1.5, 3.0]),
    one("Dirichlet", [100.0, 1e4, 0.25, 3.0]),
    _mvn([0.5, 1.0, -2.0], covariance_matrix=given_3()),
    _mvn([0.5, 1.0], scale_tril=[[1.5, 0.0], [-0.5, 0.25]]),
    _mvn([0.5, 1.0], scale_diag=[1e-8, 20.0]),
)


def entropies() -> Iterator[Case]:
    for p in EXAMPLES + MANY:
        yield Case("entropy", p[0], p)


def moments() -> Iterator[Case]:
    for p in EXAMPLES:
        if p[0] not in ("Cauchy", "VonMises"):
            yield Case("mean", p[0], p)
        if p[0] != "Cauchy":
            yield Case("variance", p[0], p)


def log_probs() -> Iterator[Case]:
    discrete = ("Bernoulli", "Geometric", "Binomial", "NegativeBinomial", "Poisson", "Categorical")
    for p in EXAMPLES + MANY[:2]:
        for x in (0.0, 1.0, 4.0) if p[0] in discrete else (0.25, 0.9, 2.2, 40.0):
            known = made(*p)
            if p[0] == "Categorical":
                inside = x < len(known.logs)
            else:
                inside = known.low < x < known.high or (known.is_discrete and x <= known.high)
            if inside and not (p[0] == "VonMises" and x > 4):
                yield Case("log_prob", p[0], p, options={"x": x})
    yield Case("log_prob", "Normal", one("Normal", 0.0, 1.0), options={"x": 1e100})
    yield Case("log_prob", "Beta", one("Beta", 1e-2, 1e-2), options={"x": 1e-300})
    yield Case("log_prob", "Dirichlet", MANY[2], options={"x": [0.25, 0.5, 0.25]})
    yield Case("log_prob", "MultivariateNormal", MANY[4], options={"x": [0.25, 0.5, 0.25]})
    yield Case("log_prob", "MultivariateNormal", MANY[5], options={"x": [0.25, 0.5]})


PAIRS = (
    (one("Normal", 1.25, 0.7), one("Normal", 0.25, 1.0)),
    (one("LogNormal", 0.3, 0.5), one("LogNormal", 0.5, 0.6)),
    (one("Laplace", -1.0, 2.0), one("Laplace", 0.0, 2.5)),
    (one("Cauchy", 0.5, 3.0), one("Cauchy", 1.5, 2.0)),
    (one("Gumbel", 1.0, 2.0), one("Gumbel", 0.5, 2.5)),
    (one("HalfNormal", 1.0), one("HalfNormal", 1.25)),
    (one("Exponential", 1.5), one("Exponential", 1.25)),
    (one("Gamma", 2.5, 1.3), one("Gamma", 2.25, 1.1)),
    (one("InverseGamma", 2.5, 1.3), one("InverseGamma", 2.25, 1.1)),
    (one("ChiSquared", 3.0), one("ChiSquared", 4.0)),
    (one("Beta", 2.5, 1.3), one("Beta", 2.25, 1.1)),
    (one("Pareto", 2.0, 3.0), one("Pareto", 2.0, 4.0)),
    (one("Weibull", 2.0, 1.5), one("Weibull", 2.5, 1.5)),
    (one("Uniform", 0.25, 0.75), one("Uniform", 0.0, 1.0)),
    (one("VonMises", 1.0, 3.0), one("VonMises", 1.5, 2.0)),
    (one("Bernoulli", 0.3), one("Bernoulli", 0.4)),
    (one("Geometric", 0.3), one("Geometric", 0.35)),
    (one("Binomial", 12, 0.3), one("Binomial", 12, 0.4)),
    (one("NegativeBinomial", 7.5, 0.3), one("NegativeBinomial", 7.5, 0.4)),
    (one("Poisson", 3.5), one("Poisson", 5.0)),
    (one("Normal", 0.3, 1.5), one("Laplace", -1.0, 2.0)),
    (one("Exponential", 1.5), one("Gamma", 1.25, 1.1)),
)
"""One pair of each family in one dimension, and two of different families."""

NEAR_PAIRS = tuple(
    (one(name, x, y), one(name, x * (1 + e), y * (1 + e)))
    for e in (1e-10, 1e-3)
    for name, x, y in (("Normal", 1.25, 0.7), ("Gamma", 2.5, 1.3), ("Beta", 2.5, 0.8))
) + tuple(
    (one(name, x), one(name, x * (1 + e)))
    for e in (1e-10, 1e-3)
    for name, x in (("Exponential", 1.5), ("Bernoulli", 0.3), ("Poisson", 3.5))
)

MANY_PAIRS = (
    (one("Categorical", [0.5, 0.25, 0.25]), one("Categorical", [0.25, 0.25, 0.5])),
    (
        _mvn([0.5, 1.0, -2.0], covariance_matrix=given_3()),
        _mvn([0.25, 1.5, -2.0], covariance_matrix=moved_covariance(given_3(), 0.1)),
    ),
    (
        _mvn([0.5, 1.0], scale_tril=[[1.5, 0.0], [-0.5, 0.25]]),
        _mvn([0.5, 1.0], scale_tril=[[1.5, 0.0], [-0.25, 0.3]]),
    ),
)


def cross_entropies() -> Iterator[Case]:
    for p, q in PAIRS + MANY_PAIRS:
        yield Case("cross_entropy", p[0], p, q)
    p, q = one("Dirichlet", [0.5, 1.5, 3.0]), one("Dirichlet", [1.5, 2.5, 0.25])
    yield Case("cross_entropy", "Dirichlet", p, q)


def symmetric() -> Iterator[Case]:
    for p, q in PAIRS + NEAR_PAIRS:
        about = "near" if (p, q) in NEAR_PAIRS else "far"
        for verb in ("jeffreys_divergence", "bhattacharyya_distance"):
            if verb[0] == "b" or p[0] != "Uniform":
                yield Case(verb, about, p, q)
    for p, q in MANY_PAIRS:
        if p[0] != "Categorical":
            yield Case("jeffreys_divergence", "far", p, q)
        yield Case("bhattacharyya_distance", "far", p, q)


def hellinger() -> Iterator[Case]:
    for p, q in PAIRS[::3] + NEAR_PAIRS[:3] + MANY_PAIRS[1:]:
        yield Case("hellinger_distance", "near" if (p, q) in NEAR_PAIRS else "far", p, q)


def renyi() -> Iterator[Case]:
    for p, q in PAIRS + NEAR_PAIRS + MANY_PAIRS:
        about = "near" if (p, q) in NEAR_PAIRS else "far"
        for alpha in (0.5, 2.0) if about == "far" else (2.0,):
            # Half of the order 1/2 is the Bhattacharyya distance: of these there are enough.
            if alpha == 2 or (p, q) in PAIRS[::4]:
                yield Case("renyi_divergence", about, p, q, {"alpha": alpha})


def jensen_shannon() -> Iterator[Case]:
    for p, q in PAIRS[::2]:
        yield Case("js_divergence", "far", p, q)
    pairs = (
        (one("Uniform", 0.0, 1.0), one("Uniform", 0.5, 2.0)),
        (one("Normal", 0.0, 1.0), one("Exponential", 1.0)),
        (one("Normal", 0.0, 1.0), one("Normal", 1e3, 1.0)),
        (one("Normal", 0.0, 1e-3), one("Normal", 1.0, 1e3)),
        NEAR_PAIRS[3],
    )
    for p, q in pairs:
        yield Case("js_divergence", "near" if (p, q) in NEAR_PAIRS else "far", p, q)


def transport() -> Iterator[Case]:
    names = ("Normal", "Laplace", "Gumbel", "Exponential", "HalfNormal", "Uniform")
    for p, q in ((p, q) for p, q in PAIRS if p[0] in names and q[0] == p[0]):
        for order in (1, 2) if p[0] != "Gumbel" else (2,):
            yield Case("wasserstein_distance", p[0], p, q, {"order": order})
    p, q = one("Normal", 1.25, 0.7), one("Normal", 1.25 + 1e-10, 0.7 * (1 + 1e-10))
    for order in (1, 2):
        yield Case("wasserstein_distance", "Normal", p, q, {"order": order})
    for p, q in MANY_PAIRS[1:]:
        yield Case("wasserstein_distance", "MultivariateNormal", p, q, {"order": 2})
    p = _mvn([0.5, 1.0, -2.0], covariance_matrix=given_3())
    for e in (1e-8, 1e-4):
        q = _mvn([0.5, 1.0, -2.0], covariance_matrix=moved_covariance(given_3(), e))
        yield Case("wasserstein_distance", f"Bures near {e:g}", p, q, {"order": 2})


DRAWS: dict[str, Callable[[random.Random], float]] = {
    "loc": lambda rng: rng.choice([0.0, rng.gauss(0, 20)]),
    "scale": lambda rng: 10 ** rng.uniform(-4, 2),
    "rate": lambda rng: 10 ** rng.uniform(-1, 1.5),
    "df": lambda rng: 10 ** rng.uniform(0.3, 2.3),
    "concentration": lambda rng: 10 ** rng.uniform(-0.3, 1.5),
    "concentration1": lambda rng: 10 ** rng.uniform(-0.3, 2.5),
    "concentration0": lambda rng: 10 ** rng.uniform(-0.3, 2.5),
    "total_count": lambda rng: float(rng.randint(2, 30)),
    "probs": lambda rng: rng.uniform(0.03, 0.97),
}
"""Parameters of random distributions."""

KINDS = (
    ("Normal", "StudentT", "Laplace", "Logistic", "Gumbel", "Cauchy"),
    ("Gamma", "Weibull", "Exponential", "LogNormal"),
    ("Beta",),
    ("Poisson", "Binomial", "Geometric", "NegativeBinomial"),
)
"""Families of one support."""

INTEGRALS = (
    "kl_divergence",
    "cross_entropy",
    "entropy",
    "js_divergence",
    "jeffreys_divergence",
    "hellinger_distance",
    "bhattacharyya_distance",
    "renyi_divergence",
)


def _random_one(name: str, rng: random.Random) -> One:
    if name == "LogNormal":
        return one(name, rng.gauss(0, 1), 10 ** rng.uniform(-1.3, 0.2))
    return name, {key: DRAWS[key](rng) for key in PARAMETERS[name]}


def _random_other(p: One, rng: random.Random) -> One:
    """One that differs from the first by 1e-7 ... 1 of it, and may be of another family."""
    kind = next(it for it in KINDS if p[0] in it)
    name, e = rng.choice([p[0], rng.choice(kind)]), 10 ** rng.uniform(-7, 0)
    if name == p[0]:
        moved = {key: x * (1 + e * rng.uniform(0, 1)) for key, x in p[1].items()}
        if "loc" in moved and name != "LogNormal":
            moved["loc"] = p[1]["loc"] + e * rng.gauss(0, 1) * p[1]["scale"]
        if "probs" in moved:
            moved["probs"] = min(moved["probs"], 0.98)
        return name, moved | {key: x for key, x in p[1].items() if key == "total_count"}
    other = _random_one(name, rng)
    if "loc" in p[1] and "loc" in other[1] and "LogNormal" not in (p[0], name):
        shift = rng.gauss(0, 2) * p[1]["scale"]
        near = {"loc": p[1]["loc"] + shift, "scale": p[1]["scale"] * 10 ** rng.uniform(-0.5, 0.5)}
        return name, other[1] | near
    return other


def claims() -> Iterator[Case]:
    """Random pairs, of which quadrature has to know its error."""
    rng = random.Random(0)
    for _ in range(160):
        p = _random_one(rng.choice(rng.choice(KINDS)), rng)
        q, verb = _random_other(p, rng), rng.choice(INTEGRALS)
        if p[0] != q[0] and "loc" in p[1] and verb in (*INTEGRALS[:2], "jeffreys_divergence"):
            # Their other divergences are mostly infinite.
            verb = "js_divergence"
        options = {"alpha": rng.choice([0.1, 0.5, 0.999])} if verb == "renyi_divergence" else {}
        yield Case(verb, "claims", p, None if verb == "entropy" else q, options)


def gradients() -> Iterator[Case]:
    pairs = [
        (p, q)
        for p, q in PAIRS + NEAR_PAIRS[:3] + MANY_PAIRS[:1]
        if p[0] == q[0] and p[0] in ("Normal", "Bernoulli", "Gamma", "Beta", "Categorical")
    ]
    pairs += [
        (_mvn([0.5, 1.0], scale_diag=[0.5, 2.0]), _mvn([0.25, 2.0], scale_diag=[0.75, 1.5])),
        (one("Dirichlet", [0.5, 1.5, 3.0]), one("Dirichlet", [1.5, 2.5, 0.25])),
        tuple(("Bernoulli", {"logits": x}) for x in (0.5, -1.25)),
        tuple(("Categorical", {"logits": x}) for x in ([0.5, -1.25, 3.0], [0.0, 1.0, 2.0])),
    ]
    for p, q in pairs:
        yield Case("kl_gradient", p[0], p, q)


def kl_gradient(p: One, q: One) -> dict[str, dict[str, Any]]:
    """By central differences of the integrals, with respect to each number of p and of q."""
    with mp.workdps(DIGITS):
        exact = [(name, {key: number(x) for key, x in given.items()}) for name, given in (p, q)]
        return {
            which: {key: _slopes(exact, i, key) for key in exact[i][1]}
            for i, which in enumerate(("p", "q"))
        }


def _slopes(pair: list[One], i: int, key: str) -> Any:
    value = pair[i][1][key]
    if isinstance(value, mpf):
        return _slope(pair, i, key, lambda step: value + step)
    return [
        _slope(pair, i, key, lambda step, k=k: [x + step * (j == k) for j, x in enumerate(value)])
        for k in range(len(value))
    ]


def _slope(pair: list[One], i: int, key: str, moved: Callable[[mpf], Any]) -> mpf:
    step, ends = mpf("1e-18"), []
    for sign in (1, -1):
        ones = list(pair)
        ones[i] = pair[i][0], pair[i][1] | {key: moved(sign * step)}
        ends.append(kl_divergence(*ones))
    return (ends[0] - ends[1]) / (2 * step)


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    **{name: lambda name=name: located(name) for name in LOCATED},
    "HalfNormal": lambda: scales("HalfNormal"),
    "Exponential": lambda: scales("Exponential"),
    "Gamma": lambda: shapes("Gamma"),
    "InverseGamma": lambda: shapes("InverseGamma"),
    "ChiSquared": chi_squared,
    "Beta": beta,
    "Dirichlet": dirichlet,
    "Pareto": pareto,
    "Weibull": weibull,
    "Uniform": uniform,
    "VonMises": von_mises,
    "Bernoulli": bernoulli,
    "Geometric": geometric,
    "Binomial": binomial,
    "NegativeBinomial": negative_binomial,
    "Poisson": poisson,
    "Categorical": categorical,
    "MultivariateNormal": multivariate_normal,
    "cross": cross,
    "integrals": integrals,
    "found": found,
    "fitted": fitted,
    "entropies": entropies,
    "moments": moments,
    "log_probs": log_probs,
    "cross_entropies": cross_entropies,
    "symmetric": symmetric,
    "hellinger": hellinger,
    "renyi": renyi,
    "jensen_shannon": jensen_shannon,
    "transport": transport,
    "claims": claims,
    "gradients": gradients,
}

# ------------------------------------------------------------------------------------- the record


def evaluate(case: Case) -> Any:
    """What the definition gives."""
    if case.verb == "kl_gradient":
        return kl_gradient(case.p, case.q)
    operands = [it for it in (case.p, case.q) if it is not None]
    return VALUES[case.verb](*operands, **case.options)


def written(x: Any) -> Any:
    """Numbers with 25 digits, floats as they are."""
    if isinstance(x, dict):
        return {key: written(y) for key, y in x.items()}
    if isinstance(x, list | tuple):
        return [written(y) for y in x]
    if isinstance(x, mpf):
        return mp.nstr(x, WRITTEN)
    return _hexadecimal(float(x)) if isinstance(x, int | float) else x


def _hexadecimal(x: float) -> str:
    """Without the zeros at the end."""
    digits, power = x.hex().split("p")
    return digits.rstrip("0").rstrip(".") + "p" + power if "." in digits else x.hex()


def read(x: Any) -> Any:
    """Floats of the record."""
    if isinstance(x, dict):
        return {key: read(y) for key, y in x.items()}
    return [read(y) for y in x] if isinstance(x, list) else float.fromhex(x)


def recorded() -> Iterator[tuple[str, Case, Any]]:
    """Each group, case and value of the file; values are as they are written."""
    for group, rows in json.loads(FILE.read_text(encoding="utf-8")).items():
        for verb, about, p, q, options, value in rows:
            p, q = ((it[0], read(it[1])) if it else None for it in (p, q))  # noqa: PLW2901
            yield group, Case(verb, about, p, q, read(options)), value


def row_of(case: Case) -> list[Any]:
    return [
        case.verb,
        case.about,
        *written([case.p, case.q, case.options]),
        written(evaluate(case)),
    ]


def _in_one_line(row: list[Any]) -> str:
    return json.dumps(row, separators=(",", ":"))


def main(names: list[str]) -> None:
    for group in names or GROUPS:
        start = perf_counter()
        rows = [row_of(case) for case in GROUPS[group]()]
        print(f"{group}: {len(rows)} in {perf_counter() - start:.0f} s", flush=True)
        record = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        record[group] = rows
        blocks = (
            json.dumps(key) + ":[\n" + ",\n".join(map(_in_one_line, record[key])) + "]"
            for key in GROUPS
            if key in record
        )
        FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
