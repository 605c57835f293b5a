"""`klrs.distributions` against the oracle, and what its families and verbs promise.

tests/data/distributions.json has the exact answers for parameters that are exact floats; see
reference_distributions.py, which makes it. `BOUNDS` has what is promised of each verb, relative to
the exact value, and of those that have both signs relative to 1 where they are smaller. Of
multivariate normal distributions it is a hundredth of that for each unit of the condition number.
`python tests/test_distributions.py` prints the table of all errors.
"""

from __future__ import annotations

import copy
import doctest
import inspect
import itertools
import math
import pickle
import random
import re
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given
from mpmath import mp, mpf

import klrs
import reference_distributions as reference
from klrs import distributions as d
from reference_distributions import Case, One, one
from sampling import assert_near, mixture, monte_carlo

RECORD = list(reference.recorded())

GROUPS: dict[str, list[tuple[Case, Any]]] = defaultdict(list)
for _group, _case, _value in RECORD:
    GROUPS[_group].append((_case, _value))

BY_INTEGRALS = 1e-9
"""Of what has no closed form: rtol is 1e-10."""

BOUNDS = {
    "kl_divergence": 1e-13,
    "entropy": 1e-13,
    "cross_entropy": 1e-13,
    "jeffreys_divergence": 1e-13,
    "renyi_divergence": 1e-13,
    "bhattacharyya_distance": 1e-13,
    "hellinger_distance": 1e-13,
    "wasserstein_distance": 1e-13,
    "js_divergence": BY_INTEGRALS,
    "mean": 1e-13,
    "variance": 1e-13,
    "log_prob": 1e-13,
}

UNITS = 0.01
"""Of the bound, for each unit of the condition number of a covariance."""

NO_CLOSED_FORM = {
    "Laplace": ("renyi_divergence", "bhattacharyya_distance", "hellinger_distance"),
    "Cauchy": ("renyi_divergence", "bhattacharyya_distance", "hellinger_distance"),
    "Gumbel": ("renyi_divergence", "bhattacharyya_distance", "hellinger_distance"),
}
"""By the family of q."""

SIGNED = ("entropy", "cross_entropy", "log_prob")

FAMILIES = tuple(reference.FAMILIES)


def built(it: One) -> Any:
    """The distribution that a case is about."""
    name, parameters = it
    return getattr(d, name)(**parameters)


def called(case: Case) -> Any:
    """What klrs says."""
    p = built(case.p)
    if case.verb in ("mean", "variance"):
        return getattr(p, case.verb)
    if case.verb == "log_prob":
        return p.log_prob(case.options["x"])
    operands = [p] if case.q is None else [p, built(case.q)]
    return getattr(d, case.verb)(*operands, **case.options)


def condition(it: One | None) -> float:
    """Of the covariance."""
    if it is None or it[0] != "MultivariateNormal" or "scale_diag" in it[1]:
        return 1.0
    parameters = it[1]
    if "covariance_matrix" in parameters:
        return float(np.linalg.cond(np.array(parameters["covariance_matrix"])))
    return float(np.linalg.cond(np.array(parameters["scale_tril"])))


def bound_of(group: str, case: Case) -> float:
    if case.about in ("no closed form", "a sum"):
        return BY_INTEGRALS
    if case.q is not None and case.verb in NO_CLOSED_FORM.get(case.q[0], ()):
        return BY_INTEGRALS
    return BOUNDS[case.verb] * max(1, UNITS * condition(case.p), UNITS * condition(case.q))


def error_of(case: Case, got: Any, value: str) -> float:
    """Relative to the exact value."""
    exact = mpf(value)
    scale = max(abs(exact), 1) if case.verb in SIGNED else abs(exact)
    if not np.isfinite(got):
        too_large = abs(exact) > float(np.finfo(np.float64).max) and got == np.inf
        return 0.0 if too_large else math.inf
    if exact == 0:
        return 0.0 if got == 0 else math.inf
    smallest = float(np.finfo(np.float64).smallest_normal)
    return float(abs(mpf(float(got)) - exact) / max(scale, smallest))


# --------------------------------------------------------------------------------------- accuracy


class Measured(NamedTuple):
    """A call and its error, relative to the exact value."""

    case: Case
    got: Any
    exact: str
    error: float
    bound: float


def measure(group: str) -> list[Measured]:
    rows = []
    with mp.workdps(40):
        for case, value in GROUPS[group]:
            got = called(case)
            error, bound = error_of(case, got, value), bound_of(group, case)
            rows.append(Measured(case, got, value, error, bound))
    return rows


ACCURATE = [it for it in GROUPS if it not in ("claims", "gradients")]


@pytest.mark.parametrize("group", ACCURATE)
def test_accuracy(group: str, measured: dict) -> None:
    rows = measure(group)
    for row in rows:
        key = "f64", f"{group} {row.case.about}", f"d.{row.case.verb}"
        measured[key] = max(row.error, measured.get(key, 0.0))
    failures = [
        f"{row.case}: got {row.got!r}, expected {row.exact}: error {row.error:.2g}, bound "
        f"{row.bound:.2g}"
        for row in rows
        if not row.error <= row.bound
    ]
    assert not failures, f"{len(failures)} of {len(rows)}:\n" + "\n".join(failures)


def print_table() -> None:
    """The largest error by verb and class, and the bounds: `python tests/test_distributions.py`."""
    cells: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for group in ACCURATE:
        for row in measure(group):
            of = "" if group == row.case.about else f", {row.case.about}"
            cells[row.case.verb, group + of].append(row)
    print(f"| {'verb':22} | {'class':32} | cases | largest error | bound |")
    print(f"|{'-' * 24}|{'-' * 34}|------:|--------------:|------:|")
    for (verb, about), rows in sorted(cells.items(), key=lambda it: it[0][0]):
        error, bound = max(row.error for row in rows), max(row.bound for row in rows)
        print(f"| {verb:22} | {about:32} | {len(rows):5} | {error:13.1e} | {bound:5.0e} |")


def test_record_has_the_cases_of_the_oracle() -> None:
    made = [(group, case) for group, cases in reference.GROUPS.items() for case in cases()]
    in_file = [(group, case) for group, case, _ in RECORD]
    assert list(map(reference.written, made)) == list(map(reference.written, in_file))


CHEAP = ("Normal", "Gamma", "Bernoulli", "Poisson", "MultivariateNormal", "cross", "renyi")


@pytest.mark.parametrize("group", CHEAP)
def test_record_is_what_the_oracle_says(group: str) -> None:
    case, value = random.Random(7).choice(GROUPS[group])
    assert reference.written(reference.evaluate(case)) == value, case


def by_tanh_sinh(p: reference.Distribution, q: reference.Distribution, *points: float) -> mpf:
    """The integral of p ln(p/q), by another rule than the oracle's."""

    def f(x: mpf) -> mpf:
        at = reference.Point(x)
        log_p, log_q = p.log_at(at), q.log_at(at)
        return mp.exp(log_p) * (log_p - log_q) if log_p > -1e30 else mpf(0)

    return mp.quad(f, points)


@pytest.mark.parametrize(
    ("p", "q", "points"),
    [
        (one("Normal", 0.0, 1.0), one("Normal", 1.0, 2.0), (-30, -3, 0, 3, 30)),
        (one("Gamma", 2.5, 1.0), one("Gamma", 2.25, 1.5), (0, 1, 5, 20, 120)),
        (one("Beta", 2.5, 1.5), one("Beta", 1.25, 3.0), (0, 0.5, 1)),
        (one("Laplace", 0.0, 1.0), one("Normal", 0.5, 2.0), (-90, -5, 0, 5, 90)),
    ],
    ids=str,
)
def test_oracle_by_another_rule(p: One, q: One, points: tuple[float, ...]) -> None:
    with mp.workdps(30):
        expected = by_tanh_sinh(reference.made(*p), reference.made(*q), *points)
        assert abs(reference.kl_divergence(p, q) / expected - 1) < mpf("1e-20")


@pytest.mark.parametrize("it", reference.EXAMPLES[::3], ids=str)
def test_oracle_has_densities(it: One) -> None:
    assert abs(reference.total_mass(it) - 1) < mpf("1e-30")


def test_oracle_of_vectors_is_that_of_one_dimension() -> None:
    """A Dirichlet of two is a beta, and independent normals add up."""
    of_two = [("Dirichlet", {"concentration": it}) for it in ([0.5, 1.5], [2.0, 0.25])]
    betas = [one("Beta", 0.5, 1.5), one("Beta", 2.0, 0.25)]
    assert abs(reference.kl_divergence(*of_two) - reference.kl_divergence(*betas)) < 1e-14
    normals = [
        ("MultivariateNormal", {"loc": [0.5, x], "scale_diag": [1.5, y]})
        for x, y in ((1.0, 0.5), (2.0, 0.75))
    ]
    of_one = reference.kl_divergence(one("Normal", 1.0, 0.5), one("Normal", 2.0, 0.75))
    assert abs(reference.kl_divergence(*normals) - of_one) < 1e-14


# ------------------------------------------------------------------------------ what always holds

ALL = reference.EXAMPLES + reference.MANY

DIVERGENCES = (
    "kl_divergence",
    "js_divergence",
    "jeffreys_divergence",
    "hellinger_distance",
    "bhattacharyya_distance",
)


@pytest.mark.parametrize("it", ALL, ids=str)
def test_of_itself_is_exactly_zero(it: One) -> None:
    p, same = built(it), built(it)
    for q in (p, same):
        value = d.kl_divergence(p, q)
        assert value == 0
        assert not np.signbit(value)


@pytest.mark.parametrize("verb", DIVERGENCES)
@pytest.mark.parametrize("it", reference.EXAMPLES[::2], ids=str)
def test_other_divergences_of_itself_are_exactly_zero(it: One, verb: str) -> None:
    assert getattr(d, verb)(built(it), built(it)) == 0


RANGES = {
    "loc": (-3.0, 3.0),
    "scale": (0.1, 10.0),
    "rate": (0.1, 10.0),
    "concentration": (0.05, 200.0),
    "concentration1": (0.05, 200.0),
    "concentration0": (0.05, 200.0),
    "df": (0.1, 100.0),
    "alpha": (0.1, 20.0),
    "low": (-2.0, -1.0),
    "high": (1.0, 2.0),
    "probs": (0.001, 0.999),
}
ONE_DIMENSIONAL = tuple(
    it for it in FAMILIES if it not in ("MultivariateNormal", "Dirichlet", "Categorical")
)


def random_parameters(name: str, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    def draw(key: str) -> np.ndarray:
        if key == "total_count":
            return rng.integers(1, 50, count).astype(float)
        low, high = RANGES[key]
        if low > 0 and key != "probs":
            return np.exp(rng.uniform(math.log(low), math.log(high), count))
        return rng.uniform(low, high, count)

    return {key: draw(key) for key in reference.PARAMETERS[name]}


@pytest.mark.parametrize("ulps", [1, 100, 2**20, 2**40])
@pytest.mark.parametrize("name", ONE_DIMENSIONAL)
def test_never_negative_and_zero_only_if_equal(name: str, ulps: int) -> None:
    rng = np.random.default_rng(ulps)
    x = random_parameters(name, rng, 1000)
    y = dict(x)
    for key in reference.PARAMETERS[name]:
        if key in ("total_count", "low"):
            continue
        steps = rng.integers(-ulps, ulps + 1, 1000) if key != "high" else ulps
        y[key] = np.minimum(x[key] * (1 + steps * 2.0**-52), 1.0 if key == "probs" else np.inf)
    if name == "Pareto":
        y["scale"] = np.minimum(x["scale"], y["scale"])
    values = d.kl_divergence(getattr(d, name)(**x), getattr(d, name)(**y))
    assert (values >= 0).all()
    equal = np.all([x[key] == y[key] for key in x], axis=0)
    np.testing.assert_array_equal(values == 0, equal)


WIDE = 1e12
"""The largest parameter of what follows, and its inverse the smallest."""


@pytest.mark.parametrize("name", ONE_DIMENSIONAL)
def test_never_nan_and_never_negative_far_apart(name: str) -> None:
    rng, limit = np.random.default_rng(3), math.log(WIDE)

    def draw(key: str) -> np.ndarray:
        x = np.exp(rng.uniform(-limit, limit, 2000))
        if key == "total_count":
            return np.ceil(x)
        if key == "probs":
            return np.where(x < 1, x, 1 - np.minimum(1 / (1 + x), 0.5))
        return x * rng.choice([-1, 1], 2000) if key == "loc" else -x if key == "low" else x

    x, y = ({key: draw(key) for key in reference.PARAMETERS[name]} for _ in range(2))
    if "total_count" in x:
        y["total_count"] = x["total_count"]
    p, q, same = getattr(d, name)(**x), getattr(d, name)(**y), getattr(d, name)(**x)
    assert (d.kl_divergence(p, q) >= 0).all()
    assert (d.kl_divergence(p, same) == 0).all()
    if name not in ("Binomial", "NegativeBinomial", "Poisson"):
        assert not np.isnan(d.entropy(p)).any()
    assert name == "Cauchy" or not np.isnan(p.mean).any()
    assert not np.isnan(p.variance).any()


@given(st.sampled_from(ONE_DIMENSIONAL), st.randoms(use_true_random=False))
@example("Gumbel", random.Random(0))
def test_kl_divergence_is_cross_entropy_less_entropy(name: str, seed: Any) -> None:
    rng = np.random.default_rng(seed.randrange(2**32))
    x, y = (random_parameters(name, rng, 3) for _ in range(2))
    if "total_count" in x:
        y["total_count"] = x["total_count"]
    if name == "Pareto":
        y["scale"] = x["scale"] / 1.25
    if name == "Uniform":
        y = {"low": x["low"] - 1, "high": x["high"] + 1}
    p, q = getattr(d, name)(**x), getattr(d, name)(**y)
    kl, cross, own = d.kl_divergence(p, q), d.cross_entropy(p, q), d.entropy(p)
    finite = np.isfinite(cross)
    size = 1 + abs(cross[finite]) + abs(own[finite])
    assert (abs(kl[finite] - (cross - own)[finite]) <= 1e-11 * size).all()


@pytest.mark.parametrize("base", [2, 10, 1.5])
@pytest.mark.parametrize(
    "verb",
    [
        "kl_divergence",
        "cross_entropy",
        "js_divergence",
        "jeffreys_divergence",
        "renyi_divergence",
        "bhattacharyya_distance",
    ],
)
def test_base(verb: str, base: float) -> None:
    p, q = d.Normal([0.0, 1.0], 1.0), d.Normal(1.0, 2.0)
    options = {"alpha": 0.5} if verb == "renyi_divergence" else {}
    nats = getattr(d, verb)(p, q, **options)
    got = getattr(d, verb)(p, q, base=base, **options)
    np.testing.assert_allclose(got, nats / math.log(base), rtol=1e-15)
    np.testing.assert_allclose(d.entropy(p, base=base), d.entropy(p) / math.log(base), rtol=1e-15)


# ---------------------------------------------------------------------------- infinite divergences

INFINITE = [
    # The first has what the second has not.
    (one("Uniform", 0.0, 2.0), one("Uniform", 0.0, 1.0)),
    (one("Uniform", -1e-300, 1.0), one("Uniform", 0.0, 1.0)),
    (one("Pareto", 1.0, 3.0), one("Pareto", np.nextafter(1.0, 2.0), 3.0)),
    (one("Beta", 2.0, 3.0), one("Pareto", 1e-300, 1.0)),
    (one("Beta", 2.0, 3.0), one("Uniform", 0.1, 1.0)),
    (one("Beta", 2.0, 3.0), one("Uniform", 0.0, 0.9)),
    (one("Uniform", 0.5, 1.5), one("Beta", 2.0, 3.0)),
    (one("Uniform", -0.5, 0.5), one("Beta", 2.0, 3.0)),
    (one("Uniform", -0.5, 0.5), one("Exponential", 1.0)),
    (one("Uniform", -0.5, 0.5), one("Gamma", 2.0, 1.0)),
    (one("Uniform", 0.5, 1.5), one("Pareto", 1.0, 1.0)),
    *(
        (one(name, *values), q)
        for name, *values in (
            ("Normal", 0.0, 1.0),
            ("Laplace", 0.0, 1.0),
            ("Gumbel", 0.0, 1.0),
            ("Cauchy", 0.0, 1.0),
        )
        for q in (
            one("Beta", 1.0, 1.0),
            one("Exponential", 1.0),
            one("Gamma", 2.0, 1.0),
            one("Pareto", 1.0, 1.0),
            one("Uniform", -1e308, 7e307),
            one("HalfNormal", 1.0),
            one("LogNormal", 0.0, 1.0),
            one("Weibull", 1.0, 1.0),
            one("InverseGamma", 1.0, 1.0),
        )
    ),
    *(
        (p, q)
        for p in (one("Exponential", 1.0), one("Gamma", 2.0, 1.0))
        for q in (one("Beta", 1.0, 1.0), one("Pareto", 1e-9, 1.0), one("Uniform", 0.0, 1e9))
    ),
    (one("Pareto", 1.0, 3.0), one("Beta", 1.0, 1.0)),
    (one("Pareto", 1.0, 3.0), one("Uniform", 0.0, 1e9)),
    (one("Bernoulli", 0.5), one("Bernoulli", 0.0)),
    (one("Bernoulli", 0.5), one("Bernoulli", 1.0)),
    (one("Bernoulli", 1.0), one("Bernoulli", 0.0)),
    (one("Bernoulli", 0.5), one("Poisson", 0.0)),
    (one("Binomial", 5, 0.5), one("Binomial", 4, 0.5)),
    (one("Binomial", 5, 0.5), one("Binomial", 5, 1.0)),
    (one("Binomial", 5, 0.5), one("Binomial", 5, 0.0)),
    (one("Geometric", 0.5), one("Geometric", 1.0)),
    (one("NegativeBinomial", 3.0, 0.5), one("NegativeBinomial", 3.0, 0.0)),
    (one("Poisson", 1.0), one("Poisson", 0.0)),
    (one("Poisson", 1.0), one("Bernoulli", 0.5)),
    (one("Poisson", 1.0), one("Binomial", 1000, 0.5)),
    (one("Categorical", [0.5, 0.5]), one("Categorical", [1.0, 0.0])),
    # Tails that are too heavy.
    (one("Cauchy", 0.0, 1.0), one("Normal", 0.0, 1.0)),
    (one("Cauchy", 0.0, 1.0), one("Laplace", 0.0, 1.0)),
    (one("Pareto", 1.0, 1.0), one("Exponential", 1.0)),
    (one("Pareto", 1.0, 1.0), one("Gamma", 2.0, 1.0)),
    (one("Pareto", 1.0, 2.0), one("Normal", 0.0, 1.0)),
    (one("Laplace", 0.0, 2.0), one("Gumbel", 0.0, 2.0)),
    (one("InverseGamma", 1.0, 1.0), one("Exponential", 1.0)),
    (one("LogNormal", 0.0, 1.0), one("InverseGamma", 1.0, 1.0))[:0]
    or (one("Gamma", 1.0, 1.0), one("InverseGamma", 1.0, 1.0)),
]

FINITE = [
    (one("Pareto", 1.0, 1.0 + 1e-9), one("Exponential", 1.0), 1e9),
    (one("Pareto", 1.0, 2.0 + 1e-9), one("Normal", 0.0, 1.0), 1e9),
    (one("Binomial", 4, 1.0), one("Binomial", 4, 1.0), 0),
    (one("Poisson", 0.0), one("Poisson", 0.0), 0),
    (one("Poisson", 0.0), one("Poisson", 2.5), 2.5),
    (one("Bernoulli", 1.0), one("Bernoulli", 0.5), math.log(2)),
    (one("Bernoulli", 0.0), one("Poisson", 0.0), 0),
    (one("Binomial", 4, 1.0), one("Binomial", 4, 0.5), 4 * math.log(2)),
    (one("Geometric", 1.0), one("Geometric", 1.0), 0),
    (one("Geometric", 1.0), one("Geometric", 0.5), math.log(2)),
    (one("NegativeBinomial", 3.0, 0.0), one("NegativeBinomial", 3.0, 0.0), 0),
    (one("Beta", 1.0, 1.0), one("Uniform", 0.0, 1.0), 0),
    (one("Uniform", 0.0, 1.0), one("Beta", 1.0, 1.0), 0),
    (one("Exponential", 2.0), one("Gamma", 1.0, 2.0), 0),
    (one("ChiSquared", 2.0), one("Exponential", 0.5), 0),
    (one("VonMises", 0.0, 0.0), one("VonMises", 3.0, 0.0), 0),
    (one("Categorical", [1.0, 0.0]), one("Categorical", [0.5, 0.5]), math.log(2)),
]


TORCH_PAIRS = """\
Bernoulli: Poisson
Beta: Exponential Gamma Normal Pareto Uniform
Exponential: Beta Gamma Gumbel Normal Pareto Uniform
Gamma: Beta Exponential Gumbel Normal Pareto Uniform
Gumbel: Beta Exponential Gamma Normal Pareto Uniform
Laplace: Beta Exponential Gamma Normal Pareto Uniform
Normal: Beta Exponential Gamma Gumbel Laplace Pareto Uniform
Pareto: Beta Exponential Gamma Normal Uniform
Poisson: Bernoulli Binomial
Uniform: Beta Exponential Gamma Gumbel Normal Pareto"""
"""What torch.distributions.kl has for two different families that are ours."""

OF_TORCH = {it[0]: it for it in reference.EXAMPLES}


@pytest.mark.parametrize("line", TORCH_PAIRS.split("\n"))
def test_cross_pairs_of_torch_have_closed_forms(line: str) -> None:
    first, others = line.split(": ")
    for other in others.split():
        value = d.kl_divergence(
            built(OF_TORCH[first]), built(OF_TORCH[other]), method="closed_form"
        )
        assert value > 0


def test_known_errors_of_torch() -> None:
    """It has NaN for certain events, and for what is certain to be 0."""
    p = d.Binomial(3, 1.0)
    assert d.kl_divergence(p, p) == 0
    assert d.kl_divergence(p, d.Binomial(3, 0.5)) == pytest.approx(3 * math.log(2), rel=1e-14)
    assert d.kl_divergence(d.Binomial(3, 0.5), p) == np.inf
    zero = d.Poisson(0.0)
    assert d.kl_divergence(zero, zero) == 0
    assert d.kl_divergence(zero, d.Poisson(2.0)) == 2
    assert d.kl_divergence(d.Poisson(2.0), zero) == np.inf
    assert d.kl_divergence(zero, d.Binomial(3, 0.5)) == pytest.approx(3 * math.log(2), rel=1e-14)


@pytest.mark.parametrize(("p", "q"), INFINITE, ids=str)
def test_infinite(p: One, q: One) -> None:
    assert d.kl_divergence(built(p), built(q)) == np.inf
    assert d.cross_entropy(built(p), built(q)) == np.inf


@pytest.mark.parametrize(("p", "q", "expected"), FINITE, ids=str)
def test_finite_beside_what_is_infinite(p: One, q: One, expected: float) -> None:
    got = d.kl_divergence(built(p), built(q))
    if expected >= 1e9:
        assert 1e8 < got < np.inf
    else:
        assert got == pytest.approx(expected, rel=1e-14, abs=0)


# -------------------------------------------------------------------------------------- parameters

NAN_PARAMETERS = [(name, key) for name in ONE_DIMENSIONAL for key in reference.PARAMETERS[name]]


def three(name: str) -> dict[str, np.ndarray]:
    return random_parameters(name, np.random.default_rng(5), 3)


@pytest.mark.parametrize(("name", "key"), NAN_PARAMETERS)
def test_nan_stays_in_its_element(name: str, key: str) -> None:
    good, other = three(name), three(name)
    if name == "Uniform":
        other = {"low": good["low"] - 1, "high": good["high"] + 1}
    bad = dict(good)
    bad[key] = good[key].copy()
    bad[key][1] = np.nan
    family = getattr(d, name)
    p, broken, q = family(**good), family(**bad), family(**other)
    for got, whole in (
        (d.kl_divergence(broken, q), d.kl_divergence(p, q)),
        (d.kl_divergence(q, broken), d.kl_divergence(q, p)),
        (d.entropy(broken), d.entropy(p)),
        (d.cross_entropy(broken, q), d.cross_entropy(p, q)),
        (broken.mean, p.mean),
        (broken.variance, p.variance),
        (broken.log_prob(1.0), p.log_prob(1.0)),
    ):
        np.testing.assert_array_equal(np.delete(got, 1), np.delete(whole, 1))
    # A parameter that the function has not, such as a location in an entropy, may be NaN.
    assert np.isnan(d.kl_divergence(broken, q)[1])
    assert np.isnan(d.kl_divergence(q, broken)[1])
    assert np.isnan(broken.log_prob(1.0)[1])


@pytest.mark.parametrize("name", ["MultivariateNormal", "Dirichlet", "Categorical"])
def test_nan_stays_in_its_row(name: str) -> None:
    rows = np.array([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]])
    bad = rows.copy()
    bad[1, 0] = np.nan

    def family(x: np.ndarray) -> Any:
        if name == "MultivariateNormal":
            return d.MultivariateNormal(x, scale_diag=[1.0, 2.0])
        return getattr(d, name)(x)

    q = family(rows[::-1])
    for got, whole in (
        (d.kl_divergence(family(bad), q), d.kl_divergence(family(rows), q)),
        (d.kl_divergence(q, family(bad)), d.kl_divergence(q, family(rows))),
    ):
        assert np.isnan(got[1])
        np.testing.assert_array_equal(np.delete(got, 1), np.delete(whole, 1))


@pytest.mark.parametrize("name", ONE_DIMENSIONAL)
def test_broadcasting_is_one_by_one(name: str) -> None:
    x, y = three(name), random_parameters(name, np.random.default_rng(6), 4)
    if "total_count" in x:
        x["total_count"], y["total_count"] = x["total_count"][:1], x["total_count"][:1]
    family = getattr(d, name)
    columns = {key: it[:, None] for key, it in x.items()}
    got = d.kl_divergence(family(**columns), family(**y))
    assert got.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            p = family(**{key: it[min(i, len(it) - 1)] for key, it in x.items()})
            q = family(**{key: it[min(j, len(it) - 1)] for key, it in y.items()})
            value = d.kl_divergence(p, q)
            assert isinstance(value, np.float64)
            assert value == got[i, j]


def test_broadcasting_of_vectors() -> None:
    p = d.MultivariateNormal(np.zeros((3, 1, 2)), np.eye(2) * np.arange(1.0, 5)[:, None, None])
    q = d.MultivariateNormal([1.0, 2.0], scale_diag=[1.0, 2.0])
    assert p.shape == (3, 4)
    assert d.kl_divergence(p, q).shape == (3, 4)
    assert d.Dirichlet(np.ones((3, 1, 2))).shape == (3, 1)
    assert d.kl_divergence(d.Dirichlet(np.ones((3, 1, 2))), d.Dirichlet([2.0, 3.0])).shape == (3, 1)
    assert d.Categorical(np.full((3, 4), 0.25)).shape == (3,)


def test_empty() -> None:
    got = d.kl_divergence(d.Normal(np.zeros((0, 3)), 1.0), d.Normal(0.0, 1.0))
    assert got.shape == (0, 3)


def test_kinds_of_parameters() -> None:
    expected = d.kl_divergence(d.Normal([1.0, 2.0], 3.0), d.Normal(0.0, 0.5))
    for p in (
        d.Normal((1, 2), 3),
        d.Normal(np.array([1, 2], np.int8), np.float32(3)),
        d.Normal(np.array([1, 2], np.float16), np.array(3)),
        d.Normal(np.array([1.0, 0.0, 2.0, 0.0])[::2], np.array([3.0], ">f8")),
        d.Normal(loc=[1, 2], scale=[3, 3]),
    ):
        np.testing.assert_array_equal(d.kl_divergence(p, d.Normal(False, 0.5)), expected)


def test_float32_parameters_are_the_floats_that_they_are() -> None:
    p, q = np.float32(0.1), np.float32(0.3)
    got = d.kl_divergence(d.Poisson(p), d.Poisson(q))
    assert got == d.kl_divergence(d.Poisson(float(p)), d.Poisson(float(q)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_probabilities_of_narrow_dtypes(dtype: str) -> None:
    """Their sums miss 1 by what the dtype rounds."""
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    weights = np.exp(np.random.default_rng(3).standard_normal((2, 4, 50)))
    rows = (weights / weights.sum(-1, keepdims=True)).astype(kind)
    exact = rows.astype(np.float64)
    p, q = d.Categorical(rows[0]), d.Categorical(rows[1])
    assert np.abs(exact.sum(-1) - 1).max() > 1e-8
    for it in (p, copy.deepcopy(q), pickle.loads(pickle.dumps(p))):
        assert it.probs.dtype == np.float64
        assert not it.probs.flags.writeable
    expected = (exact[0] * np.log(exact[0] / exact[1])).sum(-1)
    got = d.kl_divergence(p, q)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=2e-2)
    np.testing.assert_array_equal(d.kl_divergence(p, p), 0)
    for verb in (d.js_divergence, d.hellinger_distance, d.bhattacharyya_distance):
        assert (verb(p, q) > 0).all()
    one_row = d.Categorical(rows[0, 0])
    np.testing.assert_array_equal(d.entropy(one_row), d.entropy(p)[0])
    assert d.kl_divergence(one_row, q).shape == (4,)
    with pytest.raises(ValueError, match="sums to"):
        d.Categorical(np.asarray([0.5, 0.375], kind))


@pytest.mark.parametrize("it", ALL, ids=str)
def test_immutable(it: One) -> None:
    name, parameters = it
    arrays = {key: np.array(x) for key, x in parameters.items()}
    p = getattr(d, name)(**arrays)
    before = d.entropy(p)
    for array in arrays.values():
        array[...] = -7
    assert d.entropy(p) == before
    for key in parameters:
        kept = getattr(p, key)
        np.testing.assert_array_equal(kept, parameters[key])
        assert not np.asarray(kept).flags.writeable
        with pytest.raises(AttributeError, match="immutable"):
            setattr(p, key, 1.0)
        with pytest.raises(AttributeError, match="immutable"):
            delattr(p, key)


@pytest.mark.parametrize("it", ALL, ids=str)
def test_repr_can_be_read_back(it: One) -> None:
    p = built(it)
    again = eval(repr(p), vars(d) | {"inf": np.inf, "nan": np.nan})
    assert type(again) is type(p)
    assert repr(again) == repr(p)


def test_repr() -> None:
    assert repr(d.Normal(0, 1.5)) == "Normal(loc=0, scale=1.5)"
    assert repr(d.Gamma(2, scale=[1, 2])) == "Gamma(concentration=2, scale=[1., 2.])"
    assert len(repr(d.Normal(np.zeros(10**5), 1))) < 200


def test_equality_is_identity() -> None:
    p, q = d.Normal(0, 1), d.Normal(0, 1)
    assert p == p  # noqa: PLR0124
    assert p != q
    assert len({p, q}) == 2


@pytest.mark.parametrize("it", ALL, ids=str)
def test_copies_and_pickles(it: One) -> None:
    p = built(it)
    for same in (copy.copy(p), copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert repr(same) == repr(p)
        assert d.kl_divergence(p, same) == 0


def test_alternatives() -> None:
    """What is given in another way is the same distribution, up to rounding."""
    pairs = [
        (d.Exponential(4.0), d.Exponential(scale=0.25)),
        (d.Gamma(2.5, 4.0), d.Gamma(2.5, scale=0.25)),
        (d.InverseGamma(2.5, 4.0), d.InverseGamma(2.5, scale=4.0)),
        (d.Bernoulli(0.5), d.Bernoulli(logits=0.0)),
        (d.Geometric(0.5), d.Geometric(logits=0.0)),
        (d.Binomial(7, 0.5), d.Binomial(7, logits=0.0)),
        (d.NegativeBinomial(7, 0.5), d.NegativeBinomial(7, logits=0.0)),
        (d.Categorical([0.5, 0.5]), d.Categorical(logits=[3.0, 3.0])),
        (
            d.MultivariateNormal([0.0, 1.0], [[4.0, 0.0], [0.0, 9.0]]),
            d.MultivariateNormal([0.0, 1.0], scale_diag=[2.0, 3.0]),
        ),
        (
            d.MultivariateNormal([0.0, 1.0], [[4.0, 2.0], [2.0, 10.0]]),
            d.MultivariateNormal([0.0, 1.0], scale_tril=[[2.0, 0.0], [1.0, 3.0]]),
        ),
    ]
    for p, q in pairs:
        assert 0 <= d.kl_divergence(p, q) < 1e-30
        assert d.entropy(p) == pytest.approx(d.entropy(q), rel=1e-14)
        x = [0.5, 0.5] if isinstance(p, d.MultivariateNormal) else 1.0
        assert p.log_prob(x) == pytest.approx(q.log_prob(x), rel=1e-14)


def test_scale_is_kept_as_it_is() -> None:
    """Its inverse as a float would be wrong by 1e-16 relative, which is all of the divergence."""
    p, q = d.Exponential(scale=3.0), d.Exponential(scale=np.nextafter(3.0, 4.0))
    e = 2.0**-51 / 3
    assert d.kl_divergence(p, q) == pytest.approx(e * e / 2, rel=1e-13)


@pytest.mark.parametrize("it", reference.EXAMPLES, ids=str)
def test_support(it: One) -> None:
    p, known = built(it), reference.made(*it)
    low, high = p.support
    assert p.is_discrete == known.is_discrete
    if it[0] != "VonMises":
        assert low == float(known.low)
        assert high == float(known.high)
        if np.isfinite(low):
            assert p.log_prob(low - 1) == -np.inf
        if np.isfinite(high):
            assert p.log_prob(high + 1) == -np.inf
    if p.is_discrete:
        assert p.log_prob(0.5) == -np.inf
    assert np.isnan(p.log_prob(np.nan))


# ---------------------------------------------------------------------------------------- sampling

DRAWS = 20_000


ORDINARY_EXAMPLES = tuple(
    it for it in reference.EXAMPLES if not {3e8, 1e-8, 40.0} & {*it[1].values()}
)


@pytest.mark.parametrize("it", ORDINARY_EXAMPLES, ids=str)
def test_samples_have_the_moments(it: One) -> None:
    p = built(it)
    x = p.sample(np.random.default_rng(1), DRAWS)
    assert x.shape == (DRAWS,)
    assert x.dtype == np.float64
    if it[0] == "Cauchy":
        x, mean = x > p.loc, 0.5
    elif it[0] == "VonMises":
        x, mean = np.cos(x - p.loc), 1 - p.variance
    else:
        mean = p.mean
    centred = x - mean
    error = centred.std() / math.sqrt(DRAWS)
    assert abs(centred.mean()) <= 6 * error
    if it[0] not in ("Cauchy", "VonMises", "Pareto"):
        squares = centred**2
        error = squares.std() / math.sqrt(DRAWS)
        assert abs(squares.mean() - p.variance) <= 6 * error


def test_samples_of_vectors_have_the_moments() -> None:
    covariance = np.array(reference.given_3())
    p = d.MultivariateNormal([0.5, 1.0, -2.0], covariance)
    x = p.sample(np.random.default_rng(1), DRAWS)
    assert x.shape == (DRAWS, 3)
    errors = np.sqrt(np.diagonal(covariance) / DRAWS)
    assert (abs(x.mean(0) - p.mean) <= 6 * errors).all()
    size = np.sqrt(np.outer(np.diagonal(covariance), np.diagonal(covariance)) * 2 / DRAWS)
    assert (abs(np.cov(x.T) - covariance) <= 6 * size).all()
    for q in (d.Dirichlet([0.5, 1.5, 3.0]), d.Dirichlet([100.0, 1e-2])):
        y = q.sample(np.random.default_rng(1), DRAWS)
        np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-12)
        assert (abs(y.mean(0) - q.mean) <= 6 * np.sqrt(q.variance / DRAWS)).all()
        spread = ((y - q.mean) ** 2).std(0) / math.sqrt(DRAWS)
        assert (abs(y.var(0) - q.variance) <= 6 * spread + 1e-12).all()
    share = np.array([0.5, 0.25, 0.125, 0.125])
    for r in (d.Categorical(share), d.Categorical(logits=np.log(share) + 3)):
        counts = np.bincount(r.sample(np.random.default_rng(1), DRAWS).astype(int), minlength=4)
        assert (abs(counts / DRAWS - share) <= 6 * np.sqrt(share * (1 - share) / DRAWS)).all()


@pytest.mark.parametrize("it", ALL, ids=str)
def test_shapes_of_samples(it: One) -> None:
    name, parameters = it
    p = built(it)
    event = np.shape(p.mean)[len(p.shape) :]
    draw = lambda size=None: p.sample(np.random.default_rng(3), size)  # noqa: E731
    assert np.shape(draw()) == event
    assert draw(4).shape == (4, *event)
    assert draw((4, 2)).shape == (4, 2, *event)
    assert draw(()).shape == event
    np.testing.assert_array_equal(draw(4), draw(4))
    rows = {key: np.array([x, x]) for key, x in parameters.items()}
    many = getattr(d, name)(**rows)
    assert many.shape == (2,)
    assert many.sample(np.random.default_rng(3), 5).shape == (5, 2, *event)
    assert many.mean.shape == many.variance.shape == (2, *event)
    assert np.shape(many.log_prob(many.sample(np.random.default_rng(3), 5))) == (5, 2)


# -------------------------------------------------------------------------------- beside SciPy

SCIPY = {
    "Normal": scipy.stats.norm,
    "LogNormal": lambda loc, scale: scipy.stats.lognorm(scale, scale=math.exp(loc)),
    "Laplace": scipy.stats.laplace,
    "Cauchy": scipy.stats.cauchy,
    "Gumbel": scipy.stats.gumbel_r,
    "HalfNormal": lambda scale: scipy.stats.halfnorm(scale=scale),
    "Exponential": lambda rate: scipy.stats.expon(scale=1 / rate),
    "Gamma": lambda concentration, rate: scipy.stats.gamma(concentration, scale=1 / rate),
    "InverseGamma": lambda concentration, rate: scipy.stats.invgamma(concentration, scale=rate),
    "ChiSquared": scipy.stats.chi2,
    "Beta": scipy.stats.beta,
    "Pareto": lambda scale, alpha: scipy.stats.pareto(alpha, scale=scale),
    "Weibull": lambda scale, concentration: scipy.stats.weibull_min(concentration, scale=scale),
    "Uniform": lambda low, high: scipy.stats.uniform(low, high - low),
    "VonMises": lambda loc, concentration: scipy.stats.vonmises(concentration, loc),
    "Bernoulli": scipy.stats.bernoulli,
    "Geometric": lambda probs: scipy.stats.geom(probs, -1),
    "Binomial": lambda total_count, probs: scipy.stats.binom(int(total_count), probs),
    "NegativeBinomial": lambda total_count, probs: scipy.stats.nbinom(total_count, 1 - probs),
    "Poisson": scipy.stats.poisson,
}
ORDINARY = {
    it[0]: it for it in reversed(reference.EXAMPLES) if "logits" not in it[1] and it[0] in SCIPY
}


@pytest.mark.parametrize("name", SCIPY)
def test_agrees_with_scipy(name: str) -> None:
    p, peer = built(ORDINARY[name]), SCIPY[name](*ORDINARY[name][1].values())
    x = np.arange(0.0, 8.0) if p.is_discrete else np.linspace(-3.0, 5.0, 33)
    if name == "VonMises":
        x = np.linspace(-2.0, 3.0, 11)
    with np.errstate(all="ignore"):
        expected = peer.logpmf(x) if p.is_discrete else peer.logpdf(x)
    np.testing.assert_allclose(p.log_prob(x), expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(d.entropy(p), float(peer.entropy()), rtol=1e-7)
    if name not in ("Cauchy", "VonMises"):
        np.testing.assert_allclose(p.mean, peer.mean(), rtol=1e-8)
        np.testing.assert_allclose(p.variance, peer.var(), rtol=1e-8)


def test_agrees_with_scipy_on_vectors() -> None:
    covariance = reference.given_3()
    p = d.MultivariateNormal([0.5, 1.0, -2.0], covariance)
    peer = scipy.stats.multivariate_normal([0.5, 1.0, -2.0], covariance)
    x = np.random.default_rng(0).normal(0, 1, (5, 3))
    np.testing.assert_allclose(p.log_prob(x), peer.logpdf(x), rtol=1e-10)
    np.testing.assert_allclose(d.entropy(p), peer.entropy(), rtol=1e-10)
    q, peer = d.Dirichlet([0.5, 1.5, 3.0]), scipy.stats.dirichlet([0.5, 1.5, 3.0])
    np.testing.assert_allclose(q.log_prob([0.25, 0.5, 0.25]), peer.logpdf([0.25, 0.5, 0.25]))
    np.testing.assert_allclose(d.entropy(q), peer.entropy(), rtol=1e-10)
    np.testing.assert_allclose(q.mean, peer.mean(), rtol=1e-10)
    np.testing.assert_allclose(q.variance, peer.var(), rtol=1e-10)


# ---------------------------------------------------------------------------------- other methods

INTEGRATED = tuple((p, q) for p, q in reference.PAIRS if p[0] in FAMILIES[:17] or p[0] == "Poisson")


@pytest.mark.parametrize(("p", "q"), INTEGRATED, ids=str)
def test_quadrature_is_the_closed_form(p: One, q: One) -> None:
    for verb in ("kl_divergence", "cross_entropy", "entropy"):
        operands = [built(p)] if verb == "entropy" else [built(p), built(q)]
        exact = getattr(d, verb)(*operands, method="closed_form")
        got, error = getattr(d, verb)(*operands, method="quadrature", return_error=True)
        assert isinstance(got, np.float64)
        assert isinstance(error, np.float64)
        assert abs(got - exact) <= max(error, 1e-13 * abs(exact))
        assert error <= 1e-10 * abs(got)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        # Narrow beside wide, on both sides, and far apart.
        (one("Normal", 0.0, 1e-8), one("Normal", 1.0, 1.0)),
        (one("Normal", 1e8, 1.0), one("Normal", 0.0, 1e8)),
        (one("Normal", 0.0, 1.0), one("Normal", 1e3, 1.0)),
        (one("Normal", 0.0, 1e3), one("Normal", 1.0, 1.0)),
        (one("Gamma", 1e4, 1.0), one("Gamma", 2.0, 1e-3)),
        (one("Beta", 1e4, 2e4), one("Beta", 1.0, 1.0)),
        (one("Weibull", 2.0, 200.0), one("Weibull", 3.0, 2.0)),
        (one("VonMises", 1.0, 1e4), one("VonMises", -2.0, 1.0)),
        (one("Poisson", 1e5), one("Poisson", 1.1e5)),
        # Heavy tails.
        (one("Cauchy", 1e6, 1.0), one("Cauchy", 0.0, 1e-3)),
        (one("Pareto", 2.0, 0.25), one("Pareto", 1.0, 0.5)),
        (one("InverseGamma", 0.5, 1.0), one("InverseGamma", 0.25, 2.0)),
        (one("Exponential", 1e-12), one("Exponential", 2e-12)),
        (one("Uniform", 1e6, 1e6 + 1e-3), one("Normal", 0.0, 1.0)),
    ],
    ids=str,
)
def test_quadrature_of_narrow_and_heavy(p: One, q: One) -> None:
    exact = d.kl_divergence(built(p), built(q))
    try:
        got, error = d.kl_divergence(built(p), built(q), method="quadrature", return_error=True)
    except ArithmeticError:
        return
    assert abs(got - exact) <= max(error, 1e-10 * exact)


@pytest.mark.parametrize("pair", reference.NEAR_PAIRS, ids=str)
def test_quadrature_near_equality_is_right_or_says_so(pair: tuple[One, One]) -> None:
    """The terms are rounded where p ln(p/q) is: below 1e-11 nothing is left of the second order."""
    p, q = (built(it) for it in pair)
    exact = d.kl_divergence(p, q)
    try:
        got, error = d.kl_divergence(p, q, method="quadrature", return_error=True)
    except ArithmeticError:
        return
    assert abs(got - exact) <= max(error, 1e-10 * exact)


@pytest.mark.parametrize("e", [1e-6, 3e-6, 1e-5, 1e-4, 1e-3])
def test_quadrature_near_equality_bounds_its_rounding(e: float) -> None:
    """That of log-densities which are close to each other, beside that of QUADPACK."""
    for p, q in (
        (d.Normal(1.25, 0.7), d.Normal(1.25 * (1 + e), 0.7 * (1 + e))),
        (d.Gamma(2.5, 1.3), d.Gamma(2.5 * (1 + e), 1.3 * (1 + 2 * e))),
        (d.Beta(2.5, 0.8), d.Beta(2.5 * (1 + e), 0.8 * (1 + e))),
    ):
        exact = d.kl_divergence(p, q)
        got, error = d.kl_divergence(p, q, method="quadrature", rtol=1e-6, return_error=True)
        assert abs(got - exact) <= error <= 1e-5 * exact


def test_quadrature_says_what_it_cannot_see() -> None:
    """A thousandth of this is below the smallest float."""
    with pytest.raises(ArithmeticError, match="rtol"):
        d.kl_divergence(d.Gamma(1e-2, 1.0), d.LogNormal(0.3, 4.0))


def test_quadrature_says_what_is_infinite() -> None:
    for p, q in INFINITE[::4]:
        assert d.kl_divergence(built(p), built(q), method="quadrature") == np.inf


def test_quadrature_of_arrays() -> None:
    p, q = d.Laplace([[0.0], [1.0]], 1.0), d.Cauchy([0.0, 1.0, np.nan], 2.0)
    values, errors = d.kl_divergence(p, q, return_error=True)
    assert values.shape == errors.shape == (2, 3)
    assert np.isnan(values[:, 2]).all()
    assert values[0, 1] == d.kl_divergence(d.Laplace(0.0, 1.0), d.Cauchy(1.0, 2.0))


def test_closed_form_is_what_is_taken() -> None:
    p, q = d.Normal([0.0, 1.0], 1.0), d.Normal(1.0, 2.0)
    values, errors = d.kl_divergence(p, q, return_error=True)
    np.testing.assert_array_equal(values, d.kl_divergence(p, q, method="closed_form"))
    np.testing.assert_array_equal(errors, 1e-13 * values)


DRAWN = [
    *((p, q) for p, q in reference.PAIRS[::2] if p[0] != "Cauchy"),
    *reference.MANY_PAIRS,
    (one("Dirichlet", [0.5, 1.5, 3.0]), one("Dirichlet", [0.75, 1.5, 2.5])),
]


@pytest.mark.parametrize(("p", "q"), DRAWN, ids=str)
def test_monte_carlo_is_within_its_error(p: One, q: One) -> None:
    first, other = built(p), built(q)
    for verb, options in (
        ("kl_divergence", {}),
        ("cross_entropy", {}),
        ("renyi_divergence", {"alpha": 0.5}),
    ):
        rng = np.random.default_rng(11)
        got, error = getattr(d, verb)(
            first, other, method="monte_carlo", size=20_000, rng=rng, return_error=True, **options
        )
        exact = getattr(d, verb)(first, other, **options)
        assert np.shape(got) == np.shape(error) == ()
        assert abs(got - exact) <= 6 * error + 1e-14 * abs(exact)
        assert error < 0.05 * (1 + abs(exact))


def test_monte_carlo_of_others() -> None:
    p, q = d.Normal([0.0, 1.0], 1.0), d.Normal(0.5, 1.25)
    for verb in ("js_divergence", "jeffreys_divergence", "hellinger_distance"):
        options: dict[str, Any] = {"method": "monte_carlo", "size": 20_000, "return_error": True}
        got, errors = getattr(d, verb)(p, q, rng=np.random.default_rng(5), **options)
        assert got.shape == errors.shape == (2,)
        assert (abs(got - getattr(d, verb)(p, q)) <= 6 * errors).all()
        again = getattr(d, verb)(p, q, rng=np.random.default_rng(5), **options)[0]
        np.testing.assert_array_equal(got, again)
    vectors = [d.MultivariateNormal([0.0, x], np.eye(2)) for x in (0.0, 1.0)]
    got, error = d.js_divergence(*vectors, rng=np.random.default_rng(5), **options)
    same = d.js_divergence(d.Normal(0.0, 1.0), d.Normal(1.0, 1.0))
    assert abs(got - same) <= 6 * error
    assert d.js_divergence(d.Uniform(0, 1), d.Uniform(2, 3), rng=rng_of(1), **options)[0] == (
        pytest.approx(math.log(2))
    )


WITHIN, AROUND = d.Uniform(0.0, 1.0), d.Uniform(0.0, 2.0)


@pytest.mark.parametrize(
    ("verb", "p", "q", "options", "error"),
    [
        ("kl_divergence", AROUND, WITHIN, {}, 0.0),
        ("cross_entropy", AROUND, WITHIN, {}, 0.0),
        ("jeffreys_divergence", AROUND, WITHIN, {}, 0.0),
        ("jeffreys_divergence", WITHIN, AROUND, {}, 0.0),
        ("renyi_divergence", AROUND, WITHIN, {"alpha": 2.0}, 0.0),
        ("kl_divergence", d.Poisson(3.0), d.Bernoulli(0.5), {}, 0.0),
        ("renyi_divergence", WITHIN, d.Uniform(2.0, 3.0), {"alpha": 0.5}, 0.0),
        # These are finite: a power that is beyond floats, an overlap that nothing is drawn from,
        # and densities that are infinite where draws are rounded to an end.
        ("renyi_divergence", d.Normal(0.0, 1.0), d.Normal(9.0, 0.9), {"alpha": 9.0}, np.inf),
        ("renyi_divergence", d.Normal(0.0, 1.0), d.Normal(100.0, 1.0), {"alpha": 0.5}, np.inf),
        ("jeffreys_divergence", d.Beta(1.0, 0.01), WITHIN, {}, np.inf),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_monte_carlo_of_what_is_infinite(
    verb: str, p: Any, q: Any, options: dict[str, float], error: float
) -> None:
    assert monte_carlo(getattr(d, verb), p, q, **options) == (np.inf, error)


def test_monte_carlo_of_what_is_infinite_in_one_element() -> None:
    q = d.Uniform(0.0, [1.0, 2.0, 4.0])
    values, errors = monte_carlo(d.kl_divergence, AROUND, q)
    np.testing.assert_allclose(values, [np.inf, 0.0, math.log(2)], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(errors, 0.0, atol=1e-12)


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# -------------------------------------------------------------------------- disjoint, and transport


def entropy_of_integers(family: str, n: float, p: float, points: int) -> mpf:
    """By the exact probabilities, at points a fraction of the standard deviation apart."""
    with mp.workdps(50):
        count, odds = mpf(n), mpf(p)
        rest = 1 - odds
        is_binomial = family == "Binomial"
        mean = count * odds if is_binomial else count * odds / rest
        spread = mp.sqrt(mean * rest if is_binomial else mean / rest)

        def log_mass(k: mpf) -> mpf:
            if is_binomial:
                choices = mp.loggamma(count + 1) - mp.loggamma(k + 1) - mp.loggamma(count - k + 1)
                return choices + k * mp.log(odds) + (count - k) * mp.log(rest)
            choices = mp.loggamma(count + k) - mp.loggamma(k + 1) - mp.loggamma(count)
            return choices + k * mp.log(odds) + count * mp.log(rest)

        step = spread / points
        logs = [
            log_mass(mean + j * step)
            for j in range(-12 * points, 40 * points)
            if mean + j * step > 0
        ]
        return -step * mp.fsum(mp.exp(x) * x for x in logs)


@pytest.mark.parametrize(
    ("family", "n", "p", "points"),
    [
        ("Binomial", 1e15, 0.3, 4),
        ("Binomial", 5e8, 0.5, 4),
        ("Binomial", 1e12, 1e-3, 4),
        ("NegativeBinomial", 1e12, 0.25, 4),
        ("NegativeBinomial", 1e9, 0.75, 4),
        ("NegativeBinomial", 1e3, 1 - 2.0**-20, 8),
        ("NegativeBinomial", 10.5, 1 - 2.0**-40, 24),
    ],
)
def test_entropy_of_wide_integers(family: str, n: float, p: float, points: int) -> None:
    exact = float(entropy_of_integers(family, n, p, points))
    kind = getattr(d, family)
    assert d.entropy(kind(n, p)) == pytest.approx(exact, rel=1e-14)
    got = d.entropy(kind([n, np.nan, 12.0], [p, p, 0.5]))
    assert got[0] == d.entropy(kind(n, p))
    assert np.isnan(got[1])
    assert got[2] == d.entropy(kind(12.0, 0.5))


@pytest.mark.parametrize(("family", "n"), [("Binomial", 40_000), ("NegativeBinomial", 5_000)])
def test_entropy_of_integers_is_one_function(family: str, n: int) -> None:
    """At a standard deviation of 100 there are two ways to it."""
    for count in (n - 4, n + 4):
        exact = float(entropy_of_integers(family, count, 0.5, 4))
        assert d.entropy(getattr(d, family)(count, 0.5)) == pytest.approx(exact, rel=1e-12)


def entropy_of_few_failures(n: float, p: float) -> mpf:
    """The first terms one by one, the others by the formula of Euler and Maclaurin."""
    with mp.workdps(30):
        count, odds = mpf(n), mpf(p)
        rest, first = 1 - odds, 2000

        def term(k: mpf) -> mpf:
            choices = mp.loggamma(count + k) - mp.loggamma(k + 1) - mp.loggamma(count)
            log_mass = choices + k * mp.log(odds) + count * mp.log(rest)
            return -mp.exp(log_mass) * log_mass

        ends = mp.log(first), mp.log(200 / rest)
        panels = mp.linspace(*ends, max(8, int((ends[1] - ends[0]) / 2)))
        whole = mp.quad(lambda u: term(mp.exp(u)) * mp.exp(u), panels)
        slopes = [mp.diff(term, first, order) for order in (1, 3)]
        ends = term(mpf(first)) / 2 - slopes[0] / 12 + slopes[1] / 720
        return mp.fsum(term(mpf(k)) for k in range(first)) + whole + ends


@pytest.mark.parametrize(
    ("n", "p"),
    [
        (1.0, 1 - 1e-5),
        (0.5, 1 - 1e-12),
        (9.5, 1 - 2.0**-40),
        (2.5, 1 - 9e-5),
        (1e-3, 1 - 1e-10),
        (1e-12, 1 - 1e-5),
    ],
)
def test_entropy_of_few_failures(n: float, p: float) -> None:
    got, exact = d.entropy(d.NegativeBinomial(n, p)), entropy_of_few_failures(n, p)
    assert abs(got / exact - 1) <= BOUNDS["entropy"]
    if n == 1:
        with mp.workdps(30):
            rest = 1 - mpf(p)
            geometric = -(mpf(p) * mp.log(p) + rest * mp.log(rest)) / rest
        assert abs(exact / geometric - 1) <= 1e-18


def test_entropy_of_few_failures_is_one_function() -> None:
    """A probability of failure of 1e-4 has two ways to it."""
    for failure in (1.01e-4, 0.99e-4):
        p = d.NegativeBinomial(1.5, 1 - failure)
        logs = p.log_prob(np.arange(1_000_000))
        assert d.entropy(p) == pytest.approx(-math.fsum(np.exp(logs) * logs), rel=1e-12)


@pytest.mark.parametrize("logits", [-600.0, 600.0, 660.0])
def test_entropy_of_few_failures_of_logits(logits: float) -> None:
    """One failure is a geometric distribution."""
    p, same = d.NegativeBinomial(1.0, logits=logits), d.Geometric(logits=-logits)
    assert d.entropy(p) == pytest.approx(d.entropy(same), rel=1e-14)


def kl_of_binomials(p: tuple[float, float], q: tuple[float, float]) -> mpf:
    """At points a sixth of the standard deviation apart."""
    with mp.workdps(80):
        counts = [tuple(map(mpf, it)) for it in (p, q)]

        def log_mass(k: mpf, n: mpf, odds: mpf) -> mpf:
            choices = mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
            return choices + k * mp.log(odds) + (n - k) * mp.log1p(-odds)

        mean = counts[0][0] * counts[0][1]
        step = mp.sqrt(mean * (1 - counts[0][1])) / 6
        logs = [[log_mass(mean + j * step, *it) for it in counts] for j in range(-100, 101)]
        return step * mp.fsum(mp.exp(x) * (x - y) for x, y in logs)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ((1e15, 0.5), (2e15, 0.5)),
        ((1e15, 0.5), (2e15, 0.25)),
        ((1e13, 0.3), (1e13 + 1, 0.3)),
        ((1e13, 0.3), (1e13 + 1, 0.3 * (1e13 / (1e13 + 1)))),
        ((1e15, 1 - 1e-9), (1e15 + 2**20, 1 - 1e-9)),
        ((1e12, 0.25), (3e12, 1e-300)),
        ((1e12, 0.25), (3e12, 1 - 1e-14)),
        ((50_000, 0.3), (50_001, 0.3)),
        ((50_000, 0.3), (90_000, 0.2)),
    ],
)
def test_kl_divergence_of_wide_binomials(p: tuple[float, float], q: tuple[float, float]) -> None:
    got, exact = d.kl_divergence(d.Binomial(*p), d.Binomial(*q)), kl_of_binomials(p, q)
    assert abs(got / exact - 1) <= BOUNDS["kl_divergence"]


@pytest.mark.parametrize("e", [1e-10, 1e-7, 1e-3, 0.3])
def test_kl_divergence_of_weibull_and_exponential(e: float) -> None:
    for k, unit in ((1 + e, 1 - e / 3), (1.0, 1 + e), (1 - e / 2, 1.0)):
        scale, by_rate, by_scale = 1.7 * unit, d.Exponential(1 / 1.7), d.Exponential(scale=1.7)
        weibull = d.Weibull(scale, k)
        for exponential in (by_rate, by_scale):
            with mp.workdps(60):
                mean = 1 / mpf(1 / 1.7) if exponential is by_rate else mpf(1.7)
                kk, ratio = mpf(k), mpf(scale) / mean
                # Means of x and of ln x, and of x^k under the exponential distribution.
                there = mp.log(kk / ratio) - mp.euler * (1 - 1 / kk) - 1
                there += ratio * mp.gamma(1 + 1 / kk)
                back = -1 - mp.log(kk) + kk * mp.log(ratio) + (kk - 1) * mp.euler
                back += ratio**-kk * mp.gamma(1 + kk)
            assert abs(d.kl_divergence(weibull, exponential) / there - 1) <= 1e-13
            assert abs(d.kl_divergence(exponential, weibull) / back - 1) <= 1e-13


def kl_of_failures(counts: tuple[mpf, mpf], going: tuple[mpf, mpf]) -> mpf:
    """The sum over the values of the first."""
    (n, m), (p, q) = counts, going
    total, weight, log = mpf(0), (1 - p) ** n, n * mp.log(1 - p) - m * mp.log(1 - q)
    for k in range(100_000):
        total += weight * log
        weight *= (n + k) / (k + 1) * p
        log += mp.log((n + k) * p / ((m + k) * q))
        if weight < 1e-45 and k > n:
            break
    return total


@pytest.mark.parametrize("e", [1e-10, 1e-7, 1e-3, 0.3])
def test_kl_divergence_of_different_counts_of_failures(e: float) -> None:
    pairs: list[tuple[Any, Any]] = [
        (d.NegativeBinomial(2.5, 0.3), d.NegativeBinomial(2.5 * (1 + e), 0.3)),
        (d.NegativeBinomial(70, 0.6 - e / 2), d.NegativeBinomial(70 * (1 + e), 0.6)),
        (d.NegativeBinomial(0.2, 0.9), d.NegativeBinomial(0.2 - e / 2, 0.9 * (1 - e))),
        (d.NegativeBinomial(3, logits=0.5), d.NegativeBinomial(3 + e, logits=0.5 - e)),
        (d.Geometric(0.3), d.NegativeBinomial(1 + e, 0.7)),
        (d.Geometric(0.3), d.NegativeBinomial(1, 0.7 - e)),
        (d.Geometric(logits=-0.5), d.NegativeBinomial(1, logits=0.5 + e)),
    ]

    def exact_of(it: Any) -> tuple[mpf, mpf]:
        is_geometric = isinstance(it, d.Geometric)
        if "logits" in it._given:
            z = mpf(float(it.logits)) * (-1 if is_geometric else 1)
            going = 1 / (1 + mp.exp(-z))
        else:
            going = mpf(float(it.probs))
            going = 1 - going if is_geometric else going
        return mpf(1 if is_geometric else float(it.total_count)), going

    for pair in pairs:
        for p, q in (pair, pair[::-1]):
            with mp.workdps(50):
                counts, going = zip(exact_of(p), exact_of(q), strict=True)
                exact = kl_of_failures(counts, going)
                assert abs(d.kl_divergence(p, q) / exact - 1) <= 1e-13, (p, q)
    certain, other = d.NegativeBinomial(2, 0.0), d.NegativeBinomial(3, 0.25)
    assert d.kl_divergence(certain, other) == pytest.approx(-3 * math.log(0.75), rel=1e-15)
    assert d.kl_divergence(other, certain) == math.inf
    assert d.kl_divergence(certain, d.NegativeBinomial(3, 0.0)) == 0


def test_kl_divergence_of_wide_binomials_of_certain_events() -> None:
    p = d.Binomial(1e12, 0.5)
    assert d.kl_divergence(p, d.Binomial(2e12, [0.0, 1.0])).tolist() == [math.inf, math.inf]
    assert d.kl_divergence(d.Binomial(2e12, 0.5), p) == math.inf
    other = d.Binomial(2e12, 0.5)
    certain = d.kl_divergence(d.Binomial(1e12, [0.0, 1.0]), other)
    np.testing.assert_allclose(certain, -other.log_prob([0.0, 1e12]), rtol=1e-15)
    rare = d.kl_divergence(d.Binomial(1e12, 1e-11), d.Binomial(2e12, 1e-11))
    assert rare == pytest.approx(10 * (1 - math.log(2)), rel=1e-9)
    assert math.isnan(d.kl_divergence(p, d.Binomial(2e12, math.nan)))


def test_sums_that_are_too_long_raise() -> None:
    with pytest.raises(ArithmeticError, match=r"a probability of failure of 1e-304, expected at"):
        d.entropy(d.NegativeBinomial([20.0, 0.5], logits=[0.0, 700.0]))
    with pytest.raises(ArithmeticError, match="pass a larger rtol, or method='monte_carlo'"):
        d.kl_divergence(scipy.stats.zipf(1.5), scipy.stats.zipf(2.0))


def test_parameters_at_the_end_of_the_floats() -> None:
    """Where a difference or a sum of two is beyond them, and the result is not."""
    p, q = d.Normal([-1e308, 0.0], 1e308), d.Normal([1e308, 1.0], 1e308)
    np.testing.assert_allclose(d.kl_divergence(p, q), [2.0, 0.0], rtol=1e-15)
    assert d.kl_divergence(d.Normal(1e308, 1.0), d.Normal(1.5e308, 1.0)) == np.inf
    near = float(np.nextafter(1e308, np.inf))
    exact = ((near - 1e308) / 1e300) ** 2 / 2
    got = d.kl_divergence(d.Normal(1e308, 1e300), d.Normal(near, 1e300))
    assert got == pytest.approx(exact, rel=1e-13)
    assert d.kl_divergence(d.Laplace(-1e308, 1e308), d.Laplace(1e308, 1e308)) < 2
    assert d.Beta(1e308, 1e308).mean == 0.5
    assert d.Beta(5e-324, 5e-324).mean == 0.5


def test_disjoint_supports() -> None:
    p, q = d.Uniform(0, 1), d.Uniform(2, 3)
    assert d.kl_divergence(p, q) == np.inf
    assert d.jeffreys_divergence(p, q) == np.inf
    assert d.js_divergence(p, q, base=2) == pytest.approx(1, rel=1e-12)
    assert d.hellinger_distance(p, q) == 1
    assert d.bhattacharyya_distance(p, q) == np.inf
    assert d.renyi_divergence(p, q, alpha=0.5) == np.inf
    assert d.renyi_divergence(p, q, alpha=2) == np.inf
    assert d.wasserstein_distance(p, q, order=1) == 2


# The definition, without what the package makes of it.


def renyi_of_bernoulli(p: float, q: float, alpha: float) -> mpf:
    with mp.workdps(400):
        x, y, a = mpf(p), mpf(q), mpf(alpha)
        success, failure = x**a * y ** (1 - a), (1 - x) ** a * (1 - y) ** (1 - a)
        return mp.log(success + failure) / (a - 1)


@pytest.mark.parametrize(
    ("p", "q", "alpha"),
    [
        (0.3, 0.2, 1000.0),
        (0.01, 0.02, 200.0),
        (1e-12, 2e-12, 30.0),
        (1e-30, 2e-30, 11.0),
        (1e-200, 2e-200, 2.0),
        (0.9999991592064774, 0.9999991587410441, 1.0 + 1e-7),
        (0.9999991592064774, 0.9999991587410441, 1.0 - 1e-6),
        (1.0 - 1e-9, 1.0 - 1.1e-9, 1e-8),
        (1.0 - 1e-9, 1.0 - 1.1e-9, 1.0 + 1e-7),
        (0.9999999999999989, 0.9999999999999987, 0.638),
        (0.7, 1e-9, 40.0),
        (0.7, 1.0 - 1e-9, 40.0),
    ],
)
def test_renyi_of_probabilities_at_high_orders_and_near_1(p: float, q: float, alpha: float) -> None:
    exact = renyi_of_bernoulli(p, q, alpha)
    value = d.renyi_divergence(d.Bernoulli(p), d.Bernoulli(q), alpha=alpha)
    assert abs(value / exact - 1) <= 1e-13
    if 1.0 - p < 1.0:
        exact = renyi_of_bernoulli(1.0 - p, 1.0 - q, alpha)
        swapped = d.renyi_divergence(d.Bernoulli(1.0 - p), d.Bernoulli(1.0 - q), alpha=alpha)
        assert abs(swapped / exact - 1) <= 1e-13
    of_many = d.renyi_divergence(d.Binomial(7, p), d.Binomial(7, q), alpha=alpha)
    assert of_many == pytest.approx(7 * value, rel=1e-14)


@pytest.mark.parametrize("alpha", [1e-8, 0.3, 1.0 - 1e-6, 1.0 + 1e-7, 3.5])
@pytest.mark.parametrize(
    ("p", "q"),
    [
        (1.0 - 1e-9, 1.0 - 1.1e-9),
        (0.9999991592064774, 0.9999991587410441),
        (1e-9, 1.001e-9),
        (0.3, 0.3 + 1e-10),
        (0.2, 0.7),
        (1e-200, 3e-200),
    ],
)
def test_renyi_of_sequences(p: float, q: float, alpha: float) -> None:
    with mp.workdps(400):
        x, y, a = mpf(p), mpf(q), mpf(alpha)
        going = (1 - x) ** a * (1 - y) ** (1 - a)
        ending = x**a * y ** (1 - a)
        exact = mp.log(ending / (1 - going)) / (a - 1) if going < 1 else mp.inf
    value = d.renyi_divergence(d.Geometric(p), d.Geometric(q), alpha=alpha)
    assert value == exact if exact == mp.inf else abs(value / exact - 1) <= 1e-13
    # Of logits that are floats: what they are rounded by counts where they are near each other.
    with mp.workdps(400):
        first, other = (float(mp.log(it / (1 - it))) for it in (x, y))
        x, y = (1 / (1 + mp.exp(-mpf(it))) for it in (first, other))
        going = x**a * y ** (1 - a)
        ending = (1 - x) ** a * (1 - y) ** (1 - a)
        exact = 3 * mp.log(ending / (1 - going)) / (a - 1) if going < 1 else mp.inf
    pair = (d.NegativeBinomial(3.0, logits=it) for it in (first, other))
    value = d.renyi_divergence(*pair, alpha=alpha)
    assert value == exact if exact == mp.inf else abs(value / exact - 1) <= 1e-13


@pytest.mark.parametrize("alpha", [1e-8, 0.5, 1.0 - 1e-6, 1.0 + 1e-7, 3.0])
@pytest.mark.parametrize("loc", [1e3, 1e6, 1e9])
def test_renyi_does_not_depend_on_where_normal_distributions_are(loc: float, alpha: float) -> None:
    there = d.renyi_divergence(d.Normal(loc, 1.0), d.Normal(loc + 0.5, 1.25), alpha=alpha)
    assert there == d.renyi_divergence(d.Normal(0.0, 1.0), d.Normal(0.5, 1.25), alpha=alpha)
    vectors = (
        d.MultivariateNormal([loc, 0.0], scale_diag=[1.0, 1.0]),
        d.MultivariateNormal([loc + 0.5, 0.0], scale_diag=[1.25, 1.0]),
    )
    assert d.renyi_divergence(*vectors, alpha=alpha) == pytest.approx(there, rel=1e-14)


def test_renyi_is_infinite_where_the_tails_are() -> None:
    """p^alpha q^(1-alpha) of a wide p and a narrow q grows."""
    p, q = d.Normal(0.0, 2.0), d.Normal(0.0, 1.0)
    assert d.renyi_divergence(p, q, alpha=2) == np.inf
    assert np.isfinite(d.renyi_divergence(p, q, alpha=1.3))
    assert d.renyi_divergence(d.Exponential(1.0), d.Exponential(2.0), alpha=2) == np.inf
    assert d.renyi_divergence(d.Gamma(1.0, 1.0), d.Gamma(2.0, 1.0), alpha=2) == np.inf
    assert np.isfinite(d.renyi_divergence(d.Gamma(1.5, 1.0), d.Gamma(2.0, 1.0), alpha=2))
    assert d.renyi_divergence(d.Bernoulli(0.5), d.Bernoulli(0.0), alpha=2) == np.inf
    got = d.renyi_divergence(d.Bernoulli(0.5), d.Bernoulli(0.0), alpha=0.5)
    assert got == pytest.approx(math.log(2), rel=1e-13)


def test_renyi_just_below_its_pole() -> None:
    """Where p^alpha q^(1-alpha) is about to grow, two large numbers have a small difference."""
    for e in (1e-2, 1e-5, 1e-9, 1e-12):
        variance = mpf(2.0) ** 2
        for alpha in (1.25, 2.0, 5.0):
            scale = float(mp.sqrt((alpha - 1) / mpf(alpha) * (1 + e)) * 2)
            with mp.workdps(40):
                ratio = alpha * mpf(scale) ** 2 / variance - (alpha - 1)
                logs = mp.log(mpf(scale)) - mp.log(2)
                exact = logs + (mp.log(mpf(scale) ** 2 / variance) - mp.log(ratio)) / (
                    2 * (alpha - 1)
                )
            p, q = d.Normal(0.5, 2.0), d.Normal(0.5, scale)
            got = d.renyi_divergence(p, q, alpha=alpha)
            assert got == pytest.approx(float(exact), rel=1e-13 * alpha)
            # ln(q/p)  + ln(q / (alpha p - (alpha - 1) q)) / (alpha - 1)  of rates p and q.
            rate = (alpha - 1) / alpha * (1 + e)
            with mp.workdps(40):
                r = alpha * mpf(rate) - (alpha - 1)
                exact = mp.log(mpf(rate)) + (mp.log(mpf(rate)) - mp.log(r)) / (alpha - 1)
            got = d.renyi_divergence(d.Exponential(rate), d.Exponential(1.0), alpha=alpha)
            assert got == pytest.approx(float(exact), rel=1e-13 * alpha)


def _power_of_sequences(going: tuple[mpf, mpf], alpha: mpf) -> mpf:
    """The sum of p^alpha q^(1-alpha) of geometric distributions, a geometric series."""
    one, other = going
    ratio = one**alpha * other ** (1 - alpha)
    return (1 - one) ** alpha * (1 - other) ** (1 - alpha) / (1 - ratio)


def _power_of_weibulls(scales: tuple[mpf, mpf], k: mpf, alpha: mpf) -> mpf:
    """The integral of p^alpha q^(1-alpha): that of an exponential in x^k."""
    one, other = (scale**-k for scale in scales)
    return one**alpha * other ** (1 - alpha) / (alpha * one + (1 - alpha) * other)


def test_powers_are_sums_and_integrals() -> None:
    with mp.workdps(30):
        one, other, alpha = mpf("0.7"), mpf("0.55"), mpf("1.75")
        terms = (
            ((1 - one) * one**k) ** alpha * ((1 - other) * other**k) ** (1 - alpha)
            for k in range(400)
        )
        power = _power_of_sequences((one, other), alpha)
        assert abs(mp.fsum(terms) / power - 1) < 1e-20
        k = mpf("1.5")

        def density(x: mpf, scale: mpf) -> mpf:
            return k / scale * (x / scale) ** (k - 1) * mp.exp(-((x / scale) ** k))

        power = mp.quad(
            lambda x: density(x, mpf(2)) ** alpha * density(x, mpf("1.75")) ** (1 - alpha),
            [0, 1, 3, 9, 40],
        )
        assert abs(power / _power_of_weibulls((mpf(2), mpf("1.75")), k, alpha) - 1) < 1e-20


@pytest.mark.parametrize("alpha", [1.125, 1.75, 2.0, 5.0])
@pytest.mark.parametrize("e", [1e-15, 1e-11, 1e-6, 1e-2, 0.4])
def test_renyi_of_what_goes_on_just_below_its_pole(e: float, alpha: float) -> None:
    """The given floats are exact: how far they are from the pole is known to all digits."""

    def check(p: d.Distribution, q: d.Distribution, power: mpf, times: float = 1.0) -> None:
        got = d.renyi_divergence(p, q, alpha=alpha)
        if power < 0:
            # Rounding the parameters took them beyond the pole.
            assert got == math.inf
            return
        exact = times * mp.log(power) / (mpf(alpha) - 1)
        assert abs(got / exact - 1) <= BOUNDS["kl_divergence"], (p, q)

    with mp.workdps(60):
        order = mpf(alpha)
        for going in (0.9999, 0.875, 0.3):
            # At the pole, going^alpha is the power alpha - 1 of the other.
            other = float(mpf(going) ** (order / (order - 1) * (1 - mpf(e))))
            power = _power_of_sequences((mpf(going), mpf(other)), order)
            check(d.NegativeBinomial(2.5, going), d.NegativeBinomial(2.5, other), power, 2.5)
            p, q = 1 - going, float(1 - mpf(other))
            power = _power_of_sequences((1 - mpf(p), 1 - mpf(q)), order)
            check(d.Geometric(p), d.Geometric(q), power)
            z = tuple(float(mp.log(mpf(it) / (1 - mpf(it)))) for it in (going, other))
            power = _power_of_sequences(tuple(1 / (1 + mp.exp(-mpf(it))) for it in z), order)
            check(*(d.NegativeBinomial(2.5, logits=it) for it in z), power, 2.5)
            check(*(d.Geometric(logits=-it) for it in z), power)
        for k in (0.3, 1.5, 200.0):
            scale = float(1.75 * (order / (order - 1) * (1 - mpf(e))) ** (1 / mpf(k)))
            power = _power_of_weibulls((mpf(scale), mpf("1.75")), mpf(k), order)
            check(d.Weibull(scale, k), d.Weibull(1.75, k), power)


def _reciprocal(*powers: mpf) -> mpf:
    """The logarithm of the integral of e^(-t x) for x > 0."""
    return -mp.log(powers[0])


def _beta_function(*concentrations: mpf) -> mpf:
    return mp.fsum(mp.loggamma(it) for it in concentrations) - mp.loggamma(mp.fsum(concentrations))


def _as_they_are(*numbers: mpf) -> tuple[mpf, ...]:
    return numbers


def _log_odds(p: mpf) -> tuple[mpf]:
    return (mp.log(p / (1 - p)),)


EXPONENTIAL_FAMILIES: list[tuple[str, tuple[float, ...], Callable[..., Any], Any, float]] = [
    # The family, its numbers, natural parameters of those, the logarithm of the partition function
    # of these, and as how many independent ones a distribution counts.
    (
        "Normal",
        (1.5, 2.0),
        lambda m, s: (m / s**2, 1 / s**2),
        lambda t, u: t * t / u / 2 - mp.log(u) / 2,
        1,
    ),
    ("HalfNormal", (1.7,), lambda s: (1 / s**2,), lambda u: -mp.log(u) / 2, 1),
    ("Exponential", (1.3,), _as_they_are, _reciprocal, 1),
    ("Pareto", (1.0, 2.3), lambda _, a: (a,), _reciprocal, 1),
    ("Weibull", (1.3, 2.2), lambda s, k: (s**-k,), _reciprocal, 1),
    ("Laplace", (0.5, 1.3), lambda _, s: (1 / s,), _reciprocal, 1),
    *(
        (name, numbers, _as_they_are, lambda a, b: mp.loggamma(a) - a * mp.log(b), 1)
        for name, numbers in [
            ("Gamma", (2.5, 1.3)),
            ("Gamma", (800.0, 3.0)),
            ("Gamma", (0.03, 30.0)),
            ("InverseGamma", (2.5, 1.3)),
        ]
    ),
    *(("Beta", it, _as_they_are, _beta_function, 1) for it in [(2.5, 1.3), (300, 0.2), (700, 900)]),
    *(("Dirichlet", it, _as_they_are, _beta_function, 1) for it in [(2.5, 1.3, 0.4), (250, 40, 2)]),
    (
        "VonMises",
        (0.5, 2.3),
        lambda m, k: (k * mp.cos(m), k * mp.sin(m)),
        lambda x, y: mp.log(mp.besseli(0, mp.hypot(x, y))),
        1,
    ),
    *(("Poisson", (it,), lambda rate: (mp.log(rate),), mp.exp, 1) for it in (3.3, 1e6)),
    ("Bernoulli", (0.3,), _log_odds, lambda t: mp.log1p(mp.exp(t)), 1),
    ("Binomial", (1e5, 0.3), lambda _, p: _log_odds(p), lambda t: mp.log1p(mp.exp(t)), 1e5),
    ("Geometric", (0.3,), lambda p: (mp.log1p(-p),), lambda t: -mp.log(-mp.expm1(t)), 1),
    (
        "NegativeBinomial",
        (70, 0.3),
        lambda _, p: (mp.log(p),),
        lambda t: -mp.log(-mp.expm1(t)),
        70,
    ),
]
KEPT = {"Pareto": 0, "Weibull": 1, "Laplace": 0, "Binomial": 0, "NegativeBinomial": 0}
"""The number that is equal in both."""

NEAR_ORDERS = [1 + sign * 10.0**-k for k in range(1, 13) for sign in (-1, 1)] + [1e-6, 0.5, 5.0]


@pytest.mark.parametrize("family", EXPONENTIAL_FAMILIES, ids=lambda it: f"{it[0]}{it[1]}")
def test_renyi_near_equality_and_near_order_1(family: Any) -> None:
    """By what the partition function is below its chord: the floats are exact."""
    name, numbers, naturals, log_partition, times = family
    with mp.workdps(60):
        for j, sign in itertools.product(range(13), (0.4, -0.3)):
            steps = [1 + 10.0**-j * it for it in (0.3, sign, 0.2)]
            other = [
                x if KEPT.get(name) == i else x * steps[i % len(numbers)]
                for i, x in enumerate(numbers)
            ]
            of_vectors = name == "Dirichlet"
            p, q = (
                getattr(d, name)(it) if of_vectors else getattr(d, name)(*it)
                for it in (numbers, other)
            )
            one, two = (naturals(*map(mpf, it)) for it in (numbers, other))
            for alpha in NEAR_ORDERS:
                got = d.renyi_divergence(p, q, alpha=alpha)
                if got == math.inf:
                    # Beyond the pole.
                    assert alpha > 1
                    assert j == 0
                    continue
                a = mpf(alpha)
                mixed = [a * x + (1 - a) * y for x, y in zip(one, two, strict=True)]
                chord = a * log_partition(*one) + (1 - a) * log_partition(*two)
                exact = times * (chord - log_partition(*mixed)) / (1 - a)
                assert abs(got / exact - 1) <= 1e-14 * max(1, alpha), (alpha, other)


def renyi_of_vectors(p: One, q: One, alpha: float) -> mpf:
    """By the determinants of the covariances and of alpha S2 + (1 - alpha) S1."""
    with mp.workdps(60):
        first, other = (mp.matrix(it[1]["covariance_matrix"]) for it in (p, q))
        step = mp.matrix(p[1]["loc"]) - mp.matrix(q[1]["loc"])
        order = mpf(alpha)
        both = order * other + (1 - order) * first
        if min(mp.eigsy(both, eigvals_only=True)) <= 0:
            return mp.inf
        ratio = mp.det(both) / mp.det(first) ** (1 - order) / mp.det(other) ** order
        shift = (step.T * mp.lu_solve(both, step))[0]
        return order / 2 * shift - mp.log(ratio) / (2 * (order - 1))


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e10])
@pytest.mark.parametrize("e", [1e-12, 1e-6, 0.3])
def test_renyi_of_vectors_keeps_its_digits(condition: float, e: float) -> None:
    """Covariances whose inverses have no digits of their difference."""
    given = reference.covariance(3, condition)
    moved = reference.moved_covariance(given, e)
    loc = [0.5, 1.0, -2.0]
    p, q = (("MultivariateNormal", {"loc": loc, "covariance_matrix": it}) for it in (given, moved))
    for alpha in (1e-3, 0.5, 0.999, 1.01, 2.0, 20.0):
        got = d.renyi_divergence(built(p), built(q), alpha=alpha)
        assert abs(got / renyi_of_vectors(p, q, alpha) - 1) <= 1e-15 * max(100, 0.01 * condition)


def exact_covariance(of: d.MultivariateNormal) -> mpf:
    """The covariance of what was given."""
    if "covariance_matrix" in of._given:
        return mp.matrix(of.covariance_matrix.tolist())
    factor = mp.matrix(of.scale_tril.tolist())
    return factor * factor.T


def test_renyi_of_vectors_by_every_root() -> None:
    given = [[4.0, 1.0], [1.0, 2.0]]
    root = np.linalg.cholesky(given)
    p = d.MultivariateNormal([[0.0, 1.0], [np.nan, 0.0]], given)
    near = d.MultivariateNormal([0.0, 1.0], scale_tril=root * (1 + 2.0**-20))
    for q in (d.MultivariateNormal([1.0, 0.5], scale_diag=[3.0, 0.25]), near):
        for alpha in (0.5, 1.0625):
            got = d.renyi_divergence(p, q, alpha=alpha)
            with mp.workdps(60):
                exact = renyi_of_vectors(
                    ("", {"loc": [0.0, 1.0], "covariance_matrix": given}),
                    ("", {"loc": q.loc.tolist(), "covariance_matrix": exact_covariance(q)}),
                    alpha,
                )
            assert np.isnan(got[1])
            assert got[0] == pytest.approx(float(exact), rel=1e-13)
    assert d.renyi_divergence(near, near, alpha=0.5) == 0


@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("e", [0.0, 1e-14, 1e-11, 1e-9, 1e-6, 1e-3, 0.3])
def test_covariances_beside_factors_keep_their_digits(condition: float, e: float) -> None:
    """The product of a factor is not rounded before it is compared."""
    loc = [0.5, 1.0, -2.0]
    given = np.array(reference.covariance(3, condition))
    moved = np.array(reference.moved_covariance(given.tolist(), e))
    deviations = np.sqrt(np.diag(given))
    pairs = [
        ({"scale_tril": np.linalg.cholesky(given)}, {"covariance_matrix": moved}),
        ({"scale_diag": deviations}, {"covariance_matrix": np.diag(np.diag(moved))}),
    ]
    for this, that in pairs:
        first, second = (d.MultivariateNormal(loc, **it) for it in (this, that))
        for p, q in ((first, second), (second, first)):
            with mp.workdps(60):
                s, t = exact_covariance(p), exact_covariance(q)
                ratio = mp.inverse(t) * s
                exact = {
                    "kl": (sum(ratio[i, i] for i in range(3)) - 3 - mp.log(mp.det(ratio))) / 2,
                    "renyi": mp.log(mp.det((s + t) / 2) / mp.sqrt(mp.det(s) * mp.det(t))),
                    "bures": bures(s, t),
                }
            if exact["kl"] < 1e-50:
                assert d.kl_divergence(p, q) == 0
                continue
            got = {
                "kl": d.kl_divergence(p, q),
                "renyi": d.renyi_divergence(p, q, alpha=0.5),
                "bures": d.wasserstein_distance(p, q, order=2),
            }
            for name, value in got.items():
                assert abs(value / exact[name] - 1) <= 1e-15 * max(10, condition), name


@pytest.mark.parametrize(("p", "q"), reference.PAIRS[:20], ids=str)
def test_orders_of_renyi(p: One, q: One) -> None:
    """It grows with the order, is the KL divergence at 1, and what it is twice at 1/2."""
    first, other = built(p), built(q)
    own = NO_CLOSED_FORM.get(p[0], ())
    orders = [0.25, 0.5, 1.0] if "renyi_divergence" in own else [0.1, 0.5, 0.99, 1.0, 1.01, 1.2]
    values = [d.renyi_divergence(first, other, alpha=a) for a in orders]
    assert all(x <= y * (1 + 1e-9) for x, y in pairwise(values))
    assert values[orders.index(1.0)] == d.kl_divergence(first, other)
    half = values[orders.index(0.5)]
    assert d.bhattacharyya_distance(first, other) == pytest.approx(half / 2, rel=1e-14)
    distance = math.sqrt(-math.expm1(-half / 2))
    assert d.hellinger_distance(first, other) == pytest.approx(distance, rel=1e-14)
    assert d.jeffreys_divergence(first, other) == d.jeffreys_divergence(other, first)


def test_transport() -> None:
    assert d.wasserstein_distance(d.Cauchy(0.0, 2.0), d.Cauchy(3.0, 2.0), order=1) == 3
    assert d.wasserstein_distance(d.Cauchy(0.0, 2.0), d.Cauchy(3.0, 2.5), order=1) == np.inf
    assert d.wasserstein_distance(d.Normal(0.0, 1.0), d.Normal(3.0, 5.0), order=2) == 5
    p, q = d.Normal([0.0, 1.0, np.nan], 1.0), d.Normal(0.0, [[1.0], [2.0]])
    for order in (1, 2):
        got = d.wasserstein_distance(p, q, order=order)
        assert got.shape == (2, 3)
        assert np.isnan(got[:, 2]).all()
        assert got[0, 0] == 0
        back = d.wasserstein_distance(q, p, order=order)
        np.testing.assert_allclose(got, back, rtol=1e-15)
    vectors = d.MultivariateNormal([0.0, 0.0], reference.covariance(2, 4.0))
    assert d.wasserstein_distance(vectors, vectors, order=2) == 0
    moved = d.MultivariateNormal([3.0, 4.0], reference.covariance(2, 4.0))
    assert d.wasserstein_distance(vectors, moved, order=2) == pytest.approx(5, rel=1e-14)


def bures(p: Any, q: Any) -> mpf:
    """The root of tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½), with digits that may cancel."""
    with mp.workdps(120):
        first, other = (mp.matrix(it) for it in (p, q))
        values, vectors = mp.eigsy(first)
        root = vectors * mp.diag([mp.sqrt(x) for x in values]) * vectors.T
        both = mp.eigsy(root * other * root, eigvals_only=True)
        sums = mp.fsum(first[i, i] + other[i, i] - 2 * mp.sqrt(both[i]) for i in range(len(p)))
        return mp.sqrt(sums)


@pytest.mark.parametrize("condition", [3.0, 1e4, 1e8])
@pytest.mark.parametrize("e", [1e-12, 1e-10, 1e-8, 1e-6, 1e-3, 0.3])
def test_bures_keeps_its_digits(condition: float, e: float) -> None:
    """Whether the covariances differ by less than the smallest eigenvalue, or by more."""
    given = reference.covariance(3, condition)
    moved = reference.moved_covariance(given, e)
    for p, q in ((given, moved), (moved, given)):
        one, other = (d.MultivariateNormal([0.0] * 3, it) for it in (p, q))
        got = d.wasserstein_distance(one, other, order=2)
        assert abs(got / bures(p, q) - 1) <= 1e-15 * max(10, condition)


def test_bures_beyond_the_squares_of_floats() -> None:
    given = np.asarray([[2.0, 1.0], [1.0, 2.0]])
    for far in (1e200, 1e-200):
        p, q = (d.MultivariateNormal([x, 0.0], given) for x in (0.0, far))
        assert d.wasserstein_distance(p, q, order=2) == pytest.approx(far, rel=1e-15)
        p, q = (d.MultivariateNormal([x, 0.0], scale_diag=[1.0, 1.0]) for x in (0.0, far))
        assert d.wasserstein_distance(p, q, order=2) == pytest.approx(far, rel=1e-15)
        p, q = (
            d.MultivariateNormal([0.0, 0.0], scale_tril=x * far * np.eye(2)) for x in (1.0, 4.0)
        )
        distance = d.wasserstein_distance(p, q, order=2)
        assert distance == pytest.approx(3 * math.sqrt(2) * far, rel=1e-14)


# ---------------------------------------------------------------------------------------- gradients

DIFFERENTIATED = klrs.value_and_grad(d.kl_divergence, (0, 1))


@pytest.mark.parametrize(("case", "exact"), GROUPS["gradients"], ids=lambda it: str(it)[:60])
def test_gradient(case: Case, exact: dict[str, dict[str, Any]]) -> None:
    p, q = built(case.p), built(case.q)
    value, gradients = DIFFERENTIATED(p, q)
    assert value == d.kl_divergence(p, q)
    for (_, parameters), got, known in zip(case[2:4], gradients, exact.values(), strict=True):
        assert got.keys() == known.keys()
        largest = max(np.abs(x).max() for x in got.values())
        for key, numbers in known.items():
            expected = np.array(numbers, np.float64)
            assert got[key].shape == np.shape(parameters[key])
            if case.p[0] == "Categorical":
                # Those of the textbook's formula, which no step that keeps the sum can tell apart.
                expected += (got[key] - expected).mean()
            np.testing.assert_allclose(got[key], expected, rtol=1e-12, atol=1e-13 * largest)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ((1000.0, 0.01), (1010.0, 0.01)),
        ((1e6, 0.01), (1e6 + 3, 0.010001)),
        ((0.002, 6e3), (0.002, 6e3 + 1e-6)),
        ((0.5, 2e9), (0.75, 1e9)),
        ((1000.0, 1e-5, 2e-3), (1010.0, 1e-5, 2e-3)),
        ((3.0, 1e-9), (3.5, 2e-9)),
        ((3.0, 2.0, 0.5), (3.5, 2.0, 0.25)),
    ],
)
def test_gradient_of_unequal_concentrations(
    first: tuple[float, ...], other: tuple[float, ...]
) -> None:
    """Each derivative has its digits, though what is left of it is small."""
    with mp.workdps(60):
        p, q = ([mpf(x) for x in it] for it in (first, other))
        of_sums = [mp.psi(1, mp.fsum(p)) * (mp.fsum(q) - mp.fsum(p)), mp.psi(0, mp.fsum(q))]
        of_sums[1] -= mp.psi(0, mp.fsum(p))
        exact = [
            [of_sums[0] - mp.psi(1, a) * (b - a) for a, b in zip(p, q, strict=True)],
            [mp.psi(0, b) - mp.psi(0, a) - of_sums[1] for a, b in zip(p, q, strict=True)],
        ]
        _, found = DIFFERENTIATED(d.Dirichlet(first), d.Dirichlet(other))
        for got, known in zip(found, exact, strict=True):
            for x, y in zip(got["concentration"], known, strict=True):
                assert abs(x / y - 1) <= 1e-13
        if len(first) == 2:
            _, of_beta = DIFFERENTIATED(d.Beta(*first), d.Beta(*other))
            for of_one, got in zip(of_beta, found, strict=True):
                assert list(of_one.values()) == list(got["concentration"])


def test_gradient_is_0_where_the_divergence_is() -> None:
    for it in (*reference.EXAMPLES, *reference.MANY):
        if it[0] in ("Normal", "Gamma", "Beta", "Dirichlet", "Bernoulli") or "scale_diag" in it[1]:
            value, gradients = DIFFERENTIATED(built(it), built(it))
            assert value == 0
            assert all((x == 0).all() for gradient in gradients for x in gradient.values())


def test_gradients_of_arrays() -> None:
    p, q = d.Normal([[0.0], [1.0]], [1.0, 2.0, np.nan]), d.Normal(0.5, 1.5)
    value, (of_p, of_q) = DIFFERENTIATED(p, q)
    assert value.shape == (2, 3)
    assert of_p["loc"].shape == (2, 1)
    assert of_p["scale"].shape == (3,)
    assert of_q["loc"].shape == of_q["scale"].shape == ()
    for j in range(2):
        ones = [DIFFERENTIATED(d.Normal(x, j + 1.0), q) for x in (0.0, 1.0)]
        np.testing.assert_array_equal(value[:, j], [it[0] for it in ones])
        expected = sum(it[1][0]["scale"] for it in ones)
        assert of_p["scale"][j] == pytest.approx(expected, rel=1e-14)
    assert np.isnan(of_p["scale"][2])
    value, gradient = klrs.value_and_grad(d.kl_divergence)(d.Normal([0.0, 1.0], 1), q, base=2)
    nats, plain = klrs.value_and_grad(d.kl_divergence)(d.Normal([0.0, 1.0], 1), q)
    np.testing.assert_allclose(value, nats / math.log(2), rtol=1e-15)
    assert gradient["scale"] == pytest.approx(float(plain["scale"]) / math.log(2), rel=1e-14)
    mean, gradient = klrs.value_and_grad(d.kl_divergence)(
        d.Normal([0.0, 1.0], 1), q, reduction="mean"
    )
    assert mean == pytest.approx(nats.mean(), rel=1e-15)
    assert gradient["scale"] == pytest.approx(float(plain["scale"]) / 2, rel=1e-14)


def test_gradients_with_a_scale() -> None:
    """That of what was given."""
    p, q = d.Gamma(2.5, scale=0.5), d.Gamma(2.25, scale=0.75)
    _, (of_p, of_q) = DIFFERENTIATED(p, q)
    _, (by_rate_p, by_rate_q) = DIFFERENTIATED(d.Gamma(2.5, 2.0), d.Gamma(2.25, 1 / 0.75))
    assert of_p["scale"] == pytest.approx(float(-by_rate_p["rate"]) / 0.5**2, rel=1e-12)
    assert of_q["scale"] == pytest.approx(float(-by_rate_q["rate"]) / 0.75**2, rel=1e-12)
    assert of_p["concentration"] == pytest.approx(float(by_rate_p["concentration"]), rel=1e-12)


# -------------------------------------------------------------------------------- foreign objects


@pytest.mark.parametrize("name", SCIPY)
def test_frozen_distributions_of_scipy(name: str) -> None:
    p, q = next(pair for pair in reference.PAIRS if pair[0][0] == name == pair[1][0])
    peers = [SCIPY[name](*it[1].values()) for it in (p, q)]
    ours = [built(it) for it in (p, q)]
    expected = d.kl_divergence(*ours)
    for first in (ours[0], peers[0]):
        for other in (ours[1], peers[1]):
            assert d.kl_divergence(first, other) == pytest.approx(float(expected), rel=1e-9)
    assert d.entropy(peers[0]) == pytest.approx(float(d.entropy(ours[0])), rel=1e-9)


def test_frozen_distributions_of_scipy_that_are_not_ours() -> None:
    student, normal = scipy.stats.t(5), scipy.stats.norm(0, 1)
    value, error = d.kl_divergence(normal, student, return_error=True)
    with mp.workdps(30):
        exact = mp.quad(
            lambda x: mp.npdf(x) * (mp.log(mp.npdf(x)) - mp.log(student_density(x, 5))),
            [-30, -5, 0, 5, 30],
        )
    assert abs(value - float(exact)) <= 1e-10 * value
    assert error <= 1e-10 * value
    got, deviation = d.kl_divergence(
        student, d.Cauchy(0, 1), method="monte_carlo", rng=rng_of(2), return_error=True
    )
    assert abs(got - d.kl_divergence(student, d.Cauchy(0, 1))) <= 6 * deviation
    shifted = scipy.stats.gamma(2.5, loc=1, scale=0.5)
    gap = d.kl_divergence(shifted, scipy.stats.gamma(2.25, loc=1, scale=0.75))
    assert gap == pytest.approx(
        float(d.kl_divergence(d.Gamma(2.5, scale=0.5), d.Gamma(2.25, scale=0.75))), rel=1e-9
    )
    assert d.kl_divergence(scipy.stats.gamma(2.5), shifted) == np.inf
    assert d.entropy(student) == pytest.approx(float(student.entropy()), rel=1e-8)


def test_arrays_of_distributions_of_scipy() -> None:
    many, q = scipy.stats.t([3, 5], scale=[1.0, 2.0]), d.Cauchy(0, 1)
    single = [scipy.stats.t(3), scipy.stats.t(5, scale=2.0)]
    exact = np.asarray([d.kl_divergence(it, q, rtol=1e-6) for it in single])
    np.testing.assert_array_equal(d.kl_divergence(many, q, rtol=1e-6), exact)
    assert_near(monte_carlo(d.kl_divergence, many, q), exact)
    stretched = monte_carlo(d.kl_divergence, many, d.Cauchy(np.zeros((3, 1)), 1.0))
    assert_near(stretched, np.broadcast_to(exact, (3, 2)))
    rows = monte_carlo(d.kl_divergence, scipy.stats.t([[5]], scale=2.0), q)
    assert_near(rows, exact[1:, None])
    bounded = scipy.stats.triang(0.5, loc=[0.0, 2.0])
    assert monte_carlo(d.kl_divergence, d.Uniform(0.0, 1.0), bounded)[0].tolist()[1] == np.inf
    integers = scipy.stats.nbinom([2, 4], 0.5, loc=1)
    np.testing.assert_allclose(d.entropy(integers), d.entropy(d.NegativeBinomial([2, 4], 0.5)))


def test_nan_stays_in_its_element_of_scipy() -> None:
    q = d.Normal(0, 1)
    for it in (scipy.stats.t([np.nan, 5]), scipy.stats.t(5, loc=[np.nan, 0])):
        for pair in ((it, q), (q, it)):
            exact = d.kl_divergence(*pair, rtol=1e-6)
            assert np.isnan(exact).tolist() == [True, False]
            values, errors = monte_carlo(d.kl_divergence, *pair)
            assert np.isnan(values).tolist() == [True, False]
            assert abs(values[1] - exact[1]) <= 5 * errors[1]
    assert np.isnan(d.entropy(scipy.stats.nbinom(3, np.nan, 1)))


OBJECTS = hasattr(scipy.stats, "make_distribution")
"""Whether SciPy has distributions that are objects."""


def object_of(name: str, **parameters: float) -> Any:
    """One of SciPy's objects, of a family that SciPy has as a frozen one."""
    return scipy.stats.make_distribution(getattr(scipy.stats, name))(**parameters)


@pytest.mark.skipif(not OBJECTS, reason="SciPy before 1.15")
def test_objects_of_scipy_that_are_ours() -> None:
    stats, q = scipy.stats, d.Normal(0.5, 2.0)
    for ours, peer in (
        (d.Normal([0.0, np.nan], 1.5), stats.Normal(mu=[0.0, np.nan], sigma=1.5)),
        (d.Normal(0.0, 1.0), stats.Normal()),
        (d.Uniform(-1.0, 2.0), stats.Uniform(a=-1.0, b=2.0)),
    ):
        np.testing.assert_array_equal(d.kl_divergence(peer, q), d.kl_divergence(ours, q))
    assert np.isnan(d.kl_divergence(stats.Normal(mu=0.0, sigma=-1.0), q))
    if hasattr(stats, "Binomial"):
        pair = stats.Binomial(n=5, p=0.25), d.Binomial(5, 0.5)
        assert d.kl_divergence(*pair) == d.kl_divergence(d.Binomial(5, 0.25), pair[1])


@pytest.mark.skipif(not OBJECTS, reason="SciPy before 1.15")
def test_objects_of_scipy_that_are_not_ours() -> None:
    stats = scipy.stats
    normal = stats.Normal(mu=0.0, sigma=1.5)
    half = stats.truncate(normal, lb=0.0)
    overlapping = stats.Mixture([stats.Uniform(a=0.0, b=1.0), stats.Uniform(a=0.3, b=2.0)])
    # What the density is on (0, 0.3), on (0.3, 1) and on (1, 2), beside 1/2.
    heights = {0.3: 0.5, 0.7: 0.5 + 0.5 / 1.7, 1.0: 0.5 / 1.7}
    steps = sum(length * it * math.log(2 * it) for length, it in heights.items())
    # Of two draws, the smaller one has the distribution of half the scale.
    first = stats.order_statistic(object_of("expon"), r=1, n=2)
    pairs: list[tuple[Any, Any, float]] = [
        (half, d.Normal(0.0, 1.5), math.log(2)),
        (half, d.HalfNormal(2.0), float(d.kl_divergence(d.HalfNormal(1.5), d.HalfNormal(2.0)))),
        (overlapping, d.Uniform(0.0, 2.0), steps),
        (first, d.Exponential(1.0), math.log(2) - 0.5),
        (d.Exponential(1.0), first, 1 - math.log(2)),
        (abs(normal), d.Normal(0.0, 1.5), math.log(2)),
    ]
    for verb, p, q in (
        ("LogNormal", stats.exp(normal), d.LogNormal(1.0, 2.0)),
        ("Gamma", object_of("gamma", a=2.5), d.Gamma(2.25, 0.75)),
    ):
        ours = {"LogNormal": d.LogNormal(0.0, 1.5), "Gamma": d.Gamma(2.5, 1.0)}[verb]
        pairs.append((p, q, float(d.kl_divergence(ours, q))))
    for p, q, exact in pairs:
        value, error = d.kl_divergence(p, q, return_error=True)
        assert abs(value - exact) <= error <= 1e-10 * exact
        drawn, deviation = monte_carlo(d.kl_divergence, p, q)
        assert abs(drawn - exact) <= 5 * deviation + 1e-14
    assert d.kl_divergence(d.Normal(0.0, 1.5), half) == np.inf
    assert d.entropy(2.0 * normal + 1.0) == pytest.approx(float(d.entropy(d.Normal(0.0, 3.0))))


@pytest.mark.skipif(not OBJECTS, reason="SciPy before 1.15")
def test_narrow_parts_of_mixtures_of_scipy() -> None:
    parts = [scipy.stats.Normal(mu=0.0, sigma=1.0), scipy.stats.Normal(mu=30.0, sigma=1e-4)]
    p = scipy.stats.Mixture(parts, weights=[0.75, 0.25])
    q = d.Normal(0.0, 5.0)
    exact = sum(
        w * (math.log(w) + d.kl_divergence(it, q))
        for w, it in zip([0.75, 0.25], parts, strict=True)
    )
    assert d.kl_divergence(p, q) == pytest.approx(exact, rel=1e-10)


@pytest.mark.skipif(not OBJECTS, reason="SciPy before 1.15")
def test_poles_within_mixtures_of_scipy() -> None:
    parts = [scipy.stats.Normal(mu=0.5, sigma=1.0), object_of("gamma", a=0.5)]
    p, q = scipy.stats.Mixture(parts, weights=[0.25, 0.75]), d.Normal(0.0, 2.0)
    exact = 0.25 * d.cross_entropy(d.Normal(0.5, 1.0), q)
    exact += 0.75 * d.cross_entropy(d.Gamma(0.5, 1.0), q)
    assert d.cross_entropy(p, q) == pytest.approx(exact, rel=1e-10)


@pytest.mark.skipif(
    not hasattr(scipy.stats, "Binomial"), reason="SciPy without objects of integers"
)
def test_objects_of_scipy_with_integers() -> None:
    for p, ours in (
        (object_of("binom", n=5, p=0.25), d.Binomial(5, 0.25)),
        (object_of("poisson", mu=3.0), d.Poisson(3.0)),
    ):
        q = d.Poisson(2.0)
        exact = d.kl_divergence(ours, q)
        assert d.kl_divergence(p, q) == pytest.approx(float(exact), rel=1e-10)
        assert_near(monte_carlo(d.kl_divergence, p, q), exact)


def sphere(kappa: float) -> tuple[mpf, mpf]:
    """Of von Mises-Fisher distributions in three dimensions: ln of the constant, mean length."""
    return mp.log(kappa / (4 * mp.pi * mp.sinh(kappa))), mp.coth(kappa) - 1 / mpf(kappa)


def test_vectors_of_scipy_that_are_not_ours() -> None:
    stats = scipy.stats
    scale = np.array([[2.0, 0.5], [0.5, 1.0]])
    half, more = mpf(5) / 2, mpf(7) / 2
    entropy = mp.log(mp.gamma(half) * 5 * mp.pi / mp.gamma(more)) + mp.log(1.75) / 2
    entropy += more * (mp.digamma(more) - mp.digamma(half))
    student = stats.multivariate_t([1.0, 2.0], scale, 5)
    assert_near(monte_carlo(d.entropy, student), float(entropy))
    one = stats.multivariate_t([0.0], [[1.0]], 5)
    exact = d.kl_divergence(stats.t(5), stats.t(3))
    assert_near(
        monte_carlo(d.kl_divergence, one, stats.multivariate_t([0.0], [[1.0]], 3), size=100_000),
        exact,
    )
    # Student's t with very many degrees of freedom is normal.
    p = d.MultivariateNormal([0.0, 0.0], scale)
    q = stats.multivariate_t([0.0, 1.0], np.eye(2), 1e12)
    exact = d.kl_divergence(p, d.MultivariateNormal([0.0, 1.0], np.eye(2)))
    assert_near(monte_carlo(d.kl_divergence, p, q), exact)

    (log_2, length_2), (log_3, _) = sphere(2.0), sphere(3.0)
    p, q = stats.vonmises_fisher([0, 0, 1], 2.0), stats.vonmises_fisher([0, 1, 0], 3.0)
    assert_near(monte_carlo(d.kl_divergence, p, q), float(log_2 - log_3 + 2 * length_2))


def test_counts_of_scipy_that_are_not_ours() -> None:
    stats = scipy.stats
    a, b = [0.25, 0.25, 0.5], [0.5, 0.25, 0.25]
    exact = d.kl_divergence(d.Categorical(a), d.Categorical(b))
    assert d.kl_divergence(stats.multinomial(1, a), stats.multinomial(1, b)) == exact
    for verb, of_one in ((d.kl_divergence, exact), (d.jeffreys_divergence, 2 * exact)):
        found = monte_carlo(verb, stats.multinomial(5, a), stats.multinomial(5, b))
        assert_near(found, 5 * of_one)
    found = monte_carlo(
        d.renyi_divergence, stats.multinomial(3, a), stats.multinomial(3, b), alpha=0.5
    )
    assert_near(found, 3 * d.renyi_divergence(d.Categorical(a), d.Categorical(b), alpha=0.5))
    # Half of the urn's balls are of the third kind; a draw of them all is certain.
    urn = stats.multivariate_hypergeom([2, 2, 4], 4)
    points = [(i, j, 4 - i - j) for i in range(3) for j in range(3)]
    logs = [float(urn.logpmf(it)) for it in points]
    others = [float(stats.multinomial(4, a).logpmf(it)) for it in points]
    exact = math.fsum(math.exp(x) * (x - y) for x, y in zip(logs, others, strict=True))
    assert_near(monte_carlo(d.kl_divergence, urn, stats.multinomial(4, a), size=100_000), exact)
    assert monte_carlo(d.kl_divergence, stats.multinomial(4, a), urn)[0] == np.inf
    mixed = stats.dirichlet_multinomial([1.0, 1.0], 2)
    # Its three values are alike.
    exact = math.fsum(x * math.log(3 * x) for x in (0.0625, 0.375, 0.5625))
    assert_near(monte_carlo(d.kl_divergence, stats.multinomial(2, [0.25, 0.75]), mixed), exact)


def test_matrices_of_scipy() -> None:
    stats = scipy.stats
    rows, columns = np.array([[2.0, 0.5], [0.5, 1.0]]), np.diag([1.0, 2.0, 3.0])
    p = stats.matrix_normal(np.ones((2, 3)), rows, columns)
    q = stats.matrix_normal(np.zeros((2, 3)))
    exact = d.kl_divergence(
        d.MultivariateNormal(np.ones(6), np.kron(rows, columns)),
        d.MultivariateNormal(np.zeros(6), np.eye(6)),
    )
    assert_near(monte_carlo(d.kl_divergence, p, q), exact)
    heavy = stats.matrix_t(np.zeros((1, 1)), [[1.0]], [[1.0]], 5)
    exact = stats.t(5, scale=math.sqrt(0.2)).entropy()
    assert_near(monte_carlo(d.entropy, heavy), exact)
    q = stats.wishart(6, np.eye(2))
    # KL of Wishart matrices of one number of degrees of freedom; inverses keep it.
    exact = 0.5 * 6 * (3.0 - math.log(1.75) - 2)
    assert_near(monte_carlo(d.kl_divergence, stats.wishart(6, rows), q), exact)
    inverse = np.linalg.inv(rows)
    p, q = stats.invwishart(6, inverse), stats.invwishart(6, np.eye(2))
    assert_near(monte_carlo(d.kl_divergence, p, q), exact)


def student_density(x: mpf, df: int) -> mpf:
    constant = mp.gamma(mpf(df + 1) / 2) / mp.gamma(mpf(df) / 2) / mp.sqrt(df * mp.pi)
    return constant * (1 + x * x / df) ** (-mpf(df + 1) / 2)


def test_densities_with_jumps() -> None:
    """QUADPACK finds a narrow step only if it is told where that is."""

    def steps(x: Any) -> Any:
        return np.log(np.where((x > 0.3) & (x < 0.3001), 5000.0, 0.5 / 0.9999))

    places = (0.0, 0.3, 0.3001, 1.0)
    exact = 0.5 * math.log(5000.0) + 0.5 * math.log(0.5 / 0.9999)
    got = d.kl_divergence((steps, places), d.Uniform(0.0, 1.0))
    assert got == pytest.approx(exact, rel=1e-10)


EVERYWHERE = -np.inf, np.inf


def test_peaks_that_nobody_declares() -> None:
    """Narrow and far from each other: they overlap nowhere, so that all is known."""
    for locs, scales in (([-5.0, 5.0], [0.01, 0.01]), ([5.0, 5.2], [0.01, 0.01])):
        p = mixture([0.25, 0.75], locs, scales), EVERYWHERE
        got, error = d.kl_divergence(p, d.Normal(0.0, 5.0), return_error=True)
        parts = zip([0.25, 0.75], locs, scales, strict=True)
        exact = sum(
            w * (math.log(w) + d.kl_divergence(d.Normal(loc, scale), d.Normal(0.0, 5.0)))
            for w, loc, scale in parts
        )
        assert abs(got - exact) <= max(error, 1e-14 * exact)
        assert error <= 1e-10 * exact


def test_a_spike_is_found_or_missing_mass_says_so() -> None:
    function = mixture([1 - 1e-6, 1e-6], [0.0, 3.3], [1.0, 1e-9])
    q = d.Normal(0.0, 1.0)
    for rtol in (1e-10, 1e-2):
        with pytest.raises(ArithmeticError, match="1e-06 of its mass is not found"):
            d.kl_divergence((function, EVERYWHERE), q, rtol=rtol)
    # Where the places of numbers are as wide as 1e-7 of the spike.
    declared = function, (-np.inf, 3.3, np.inf)
    got, error = d.kl_divergence(declared, q, rtol=1e-6, return_error=True)
    with mp.workdps(30):
        weight = mpf("1e-6")

        def excess(z: mpf) -> mpf:
            """What the spike adds, in units of its width."""
            there = mp.npdf(mpf("3.3") + z * mpf("1e-9"))
            body, spike = (1 - weight) * there, weight / mpf("1e-9") * mp.npdf(z)
            changed = (body + spike) * mp.log((body + spike) / there)
            return mpf("1e-9") * (changed - body * mp.log(1 - weight))

        exact = mp.quad(excess, list(range(-12, 13, 2))) + (1 - weight) * mp.log(1 - weight)
    assert abs(got - float(exact)) <= 1e-6 * got
    assert error <= 1e-6 * got


@pytest.mark.parametrize("place", [0.1486800294, 0.5000056, 0.49999906, 0.9307034693])
def test_a_jump_that_is_not_declared_is_within_the_error_or_raises(place: float) -> None:
    def steps(x: Any) -> Any:
        return np.where(np.asarray(x) < place, math.log(0.3 / place), math.log(0.7 / (1 - place)))

    exact = 0.3 * math.log(0.3 / place) + 0.7 * math.log(0.7 / (1 - place))
    try:
        got, error = d.kl_divergence((steps, (0.0, 1.0)), d.Uniform(0.0, 1.0), return_error=True)
    except ArithmeticError:
        return
    assert abs(got - exact) <= max(error, 1e-15) <= 1e-10 * exact


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_powers_that_grow_are_infinite(alpha: float) -> None:
    pairs: list[Any] = [
        (d.Laplace(0, 1), d.Normal(0, 1)),
        (d.Cauchy(0, 1), d.Normal(0, 1)),
        (d.Cauchy(0, 1), d.Laplace(0, 1)),
        (scipy.stats.t(3), d.Normal(0, 1)),
    ]
    for p, q in pairs:
        found = d.renyi_divergence(p, q, alpha=alpha, method="quadrature", return_error=True)
        assert found == (np.inf, 0.0)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (one("Beta", 0.01, 0.01), one("Beta", 1.0, 1.0)),
        (one("Gamma", 0.001, 1.0), one("Gamma", 2.0, 1.0)),
        (one("Pareto", 1.0, 0.01), one("Pareto", 1.0, 3.0)),
    ],
    ids=str,
)
def test_quadrature_of_powers_beyond_the_floats(p: One, q: One) -> None:
    """Much of the mass is nearer to an end than the smallest float, or farther than the largest."""
    exact = d.kl_divergence(built(p), built(q))
    got, error = d.kl_divergence(built(p), built(q), method="quadrature", return_error=True)
    assert abs(got - exact) <= max(error, 1e-13 * exact)
    assert error <= 1e-10 * exact


def skellam(k: int, a: int, b: int) -> mpf:
    return mp.exp(-a - b) * mp.sqrt(mpf(a) / b) ** k * mp.besseli(k, 2 * mp.sqrt(mpf(a * b)))


@pytest.mark.parametrize(("p", "q"), [((3, 2), (2, 2)), ((3, 2), (20, 15)), ((20, 15), (3, 2))])
def test_sums_over_all_integers(p: tuple[int, int], q: tuple[int, int]) -> None:
    """SciPy's probabilities are 0 far out, where those of p are not yet."""
    got, error = d.kl_divergence(
        scipy.stats.skellam(*p), scipy.stats.skellam(*q), return_error=True
    )
    with mp.workdps(30):
        terms = ((skellam(k, *p), skellam(k, *q)) for k in range(-70, 71))
        exact = float(mp.fsum(x * mp.log(x / y) for x, y in terms))
    assert abs(got - exact) <= max(error, 1e-12 * exact)
    assert error <= 1e-10 * exact


def test_the_end_of_a_support_is_no_point_beside_it() -> None:
    """There the second density is 0, and everywhere near it is not."""
    p, q = (scipy.stats.gamma(a, loc=1) for a in (1.0, 2.0))
    assert d.kl_divergence(p, q) == pytest.approx(np.euler_gamma, rel=1e-9)


@pytest.mark.parametrize(
    ("point", "concentration", "expected"),
    [
        ([0.0, 1.0], [2.0, 3.0], -np.inf),
        ([0.0, 1.0], [0.5, 3.0], np.inf),
        ([0.0, 0.0, 1.0], [0.5, 2.0, 3.0], -np.inf),
        ([0.0, 0.0, 1.0], [0.5, 1.25, 3.0], np.inf),
        ([0.0, 0.0, 1.0], [0.5, 1.5, 2.0], math.log(6 / math.gamma(0.5) / math.gamma(1.5))),
        ([0.0, 0.25, 0.75], [1.0, 1.0, 1.0], math.log(2)),
        ([0.0, 0.25, 0.75], [1.0, 2.0, 1.0], math.log(1.5)),
        ([0.0, np.nan, 0.75], [2.0, 2.0, 1.0], np.nan),
    ],
)
def test_density_of_dirichlet_at_its_boundary(
    point: list[float], concentration: list[float], expected: float
) -> None:
    got = d.Dirichlet(concentration).log_prob(point)
    assert got == pytest.approx(expected, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize(
    ("family", "first", "other"),
    [
        (d.Laplace, ([0.0, np.nan], 1.0), (0.0, 2.0)),
        (d.Weibull, (1.0, [1.5, np.nan]), (2.0, 1.5)),
        (d.Binomial, ([5, 7], [0.5, 0.5]), ([5, np.nan], 0.25)),
        (d.NegativeBinomial, ([5, np.nan], 0.5), (5, 0.25)),
    ],
)
def test_renyi_with_nan_has_a_closed_form(family: Any, first: Any, other: Any) -> None:
    got = d.renyi_divergence(family(*first), family(*other), alpha=0.5, method="closed_form")
    assert np.isnan(got[1])
    assert got[0] > 0


def test_pairs_of_a_density_and_its_support() -> None:
    def log_normal_density(x: Any) -> Any:
        return -x * x / 2 - math.log(2 * math.pi) / 2

    density = (log_normal_density, (-np.inf, np.inf))
    assert d.kl_divergence(density, d.Normal(1.0, 2.0)) == pytest.approx(
        float(d.kl_divergence(d.Normal(0.0, 1.0), d.Normal(1.0, 2.0))), rel=1e-10
    )
    assert d.entropy(density) == pytest.approx(float(d.Normal(0.0, 1.0).entropy()), rel=1e-10)
    triangle = (lambda x: np.log(2 * x), (0.0, 1.0))
    assert d.kl_divergence(triangle, d.Uniform(0, 1)) == pytest.approx(math.log(2) - 0.5, rel=1e-10)
    assert d.kl_divergence(triangle, d.Beta(2.0, 1.0)) <= 1e-12
    assert d.kl_divergence(d.Normal(0, 1), triangle) == np.inf


def test_distributions_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    there = torch.distributions
    p, q = there.Normal(torch.tensor([0.0, 1.0]), 1.0), there.Normal(0.0, 2.0)
    expected = d.kl_divergence(d.Normal([0.0, 1.0], 1.0), d.Normal(0.0, 2.0))
    np.testing.assert_array_equal(d.kl_divergence(p, q), expected)
    pairs = [
        (there.Gamma(2.5, 1.5), d.Gamma(2.5, 1.5)),
        (there.Bernoulli(0.25), d.Bernoulli(0.25)),
        (there.Categorical(torch.tensor([0.5, 0.25, 0.25])), d.Categorical([0.5, 0.25, 0.25])),
        (there.Chi2(3.0), d.ChiSquared(3.0)),
        (there.Poisson(3.5), d.Poisson(3.5)),
    ]
    for it, ours in pairs:
        assert d.kl_divergence(it, ours) <= 1e-12


def test_continuous_bernoulli_of_torch() -> None:
    """Torch says +inf for the uniform distribution on all of its support."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for probs in (0.3, 0.5, 0.9):
        p = torch.distributions.ContinuousBernoulli(torch.tensor(probs, dtype=torch.float64))
        for low, high in ((0.0, 1.0), (-1.0, 2.0)):
            q = torch.distributions.Uniform(low, high)
            exact = math.log(high - low) - float(p.entropy())
            assert d.kl_divergence(p, q) == pytest.approx(exact, rel=1e-9, abs=1e-12)
        assert d.kl_divergence(p, torch.distributions.Uniform(0.25, 0.75)) == np.inf


@pytest.mark.parametrize("df", [0.5, 1, 1.5, 2])
def test_a_tail_whose_mean_is_infinite(df: float) -> None:
    """SciPy's families say nothing of their tails, but the integrand does not fall."""
    p = scipy.stats.t(df)
    assert d.kl_divergence(p, d.Normal(0, 1)) == np.inf
    assert d.cross_entropy(p, d.Normal(0, 1)) == np.inf
    assert d.kl_divergence(p, d.Cauchy(0, 1)) < np.inf


@pytest.mark.parametrize("df", [2.01, 2.05])
def test_a_tail_that_floats_do_not_reach_is_no_result(df: float) -> None:
    """The mean of x² is infinite, or most of it is where x² is beyond the floats."""
    with pytest.raises(ArithmeticError, match="quadrature: the error of"):
        d.kl_divergence(scipy.stats.t(df), d.Normal(0, 1))


@pytest.mark.parametrize("far", [1.0, 5.0, 20.0, 40.0, 100.0, 200.0])
def test_overlaps_that_are_small_have_their_digits_or_raise(far: float) -> None:
    pair = d.Laplace(0, 1), d.Laplace(far, 1)
    exact = far / 2 - math.log1p(far / 2)
    if far <= 20:
        assert d.bhattacharyya_distance(*pair) == pytest.approx(exact, rel=1e-10)
    else:
        with pytest.raises(ArithmeticError, match="rtol=1e-10 allows"):
            d.bhattacharyya_distance(*pair)
    with pytest.raises(ArithmeticError, match="the error of inf is at most inf"):
        d.renyi_divergence(d.Laplace(0, 1), d.Laplace(100, 1), alpha=10)
    assert d.bhattacharyya_distance(d.Exponential(1), d.Uniform(-2, -1)) == math.inf


def test_draws_of_small_concentrations() -> None:
    rng = np.random.default_rng(0)
    draws = d.Dirichlet([1e-4, 1e-4]).sample(rng, 1000)
    np.testing.assert_allclose(draws.sum(-1), 1, rtol=1e-15)
    assert abs(draws[:, 0].mean() - 0.5) < 0.1


@pytest.mark.parametrize(
    "nan_and_one",
    [
        d.Poisson([np.nan, 1]),
        d.Binomial([np.nan, 1], 0.5),
        d.Bernoulli([np.nan, 1]),
        d.Geometric([np.nan, 0.5]),
        d.NegativeBinomial([np.nan, 2], 0.5),
        d.Categorical([[np.nan, 0.5], [0.5, 0.5]]),
        d.Dirichlet([[np.nan, 1], [1, 1]]),
        d.MultivariateNormal([[np.nan, 1], [1, 1]], scale_diag=[1, 1]),
        d.Gamma([np.nan, 1], 1),
    ],
    ids=lambda it: type(it).__name__,
)
def test_nan_is_drawn_in_its_element_only(nan_and_one: d.Distribution) -> None:
    draws = nan_and_one.sample(np.random.default_rng(0), (3, 2))
    assert draws.shape[:3] == (3, 2, 2)
    assert np.isnan(draws[:, :, 0]).all()
    assert np.isfinite(draws[:, :, 1]).all()


def test_log_densities_end_at_infinity() -> None:
    ends = [-np.inf, np.inf]
    for it in (d.Gumbel(1.5, 1.5), d.Normal(0, 1), d.Cauchy(0, 1), d.Laplace(0, 1)):
        assert it.log_prob(ends).tolist() == [-np.inf, -np.inf]


def test_parameters_cannot_be_made_writable() -> None:
    loc = d.Normal([0, 1], 1).loc
    with pytest.raises(ValueError, match="WRITEABLE"):
        loc.flags.writeable = True


def test_a_uniform_distribution_longer_than_the_floats_is_drawn() -> None:
    far = d.Uniform(-1.7e308, 1.7e308).sample(np.random.default_rng(0), 1000)
    near = d.Uniform(-1.0, 1.0).sample(np.random.default_rng(0), 1000)
    np.testing.assert_allclose(far / 1.7e308, near, rtol=0, atol=1e-15)


def test_examples() -> None:
    """Those of the public names and of the package itself."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=flags)
    for named in (d, *(getattr(d, name) for name in d.__all__)):
        for test in finder.find(named, getattr(named, "__name__", ""), globs={}):
            runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries >= 2 * len(d.__all__)


@pytest.mark.parametrize("name", d.__all__)
def test_everything_is_documented(name: str) -> None:
    """The sections of numpydoc in its order, and every parameter in that of the signature."""
    named = getattr(d, name)
    doc = inspect.getdoc(named) or ""
    assert re.match(r"[A-Z][^\n]*\.\n", doc), "the first line is one sentence"
    order = ["Parameters", "Returns", "Raises", "See Also", "Notes", "References", "Examples"]
    sections = [
        it for it in re.findall(r"^(\w[\w ]*)\n-+$", doc, re.MULTILINE) if it != "Attributes"
    ]
    assert sections == [it for it in order if it in sections]
    assert "Examples" in sections
    if name == "Distribution":
        return
    parameters = re.search(
        r"^Parameters\n-+\n(.*?)(?=\n\n\w[\w ]*\n-+\n)", doc, re.DOTALL | re.MULTILINE
    )
    assert parameters
    described = re.findall(r"^(\w+(?:, \w+)*) :", parameters[1], re.MULTILINE)
    names = [it for group in described for it in group.split(", ")]
    assert names == list(inspect.signature(named).parameters)


def _negentropy_of_beta(a: mpf, b: mpf) -> mpf:
    """Minus the entropy, from the definition of both."""
    logs = (a - 1) * mp.psi(0, a) + (b - 1) * mp.psi(0, b) - (a + b - 2) * mp.psi(0, a + b)
    return logs - mp.log(mp.beta(a, b))


NEARLY_GAMMA = [
    (0.7140178494272978, 9396.910613611044, 0.7141477443867301, 9399.338779548376),
    (0.03998195260644483, 2821.5459884847537, 0.03998413281724485, 2821.58597043736),
    (2.6, 14.0, 2.6, 16.6),
    (1e-3, 1e6, 1e-3, 1e9),
    (1e-3, 1e6, 1e-3, 1e6),
    (4.458101518531399, 8902.538128481227, 4.459396086146048, 8906.996229999759),
]
"""Beta distributions, and the gamma distributions that they nearly are."""


def _beta_from_gamma(a: mpf, b: mpf, shape: mpf, rate: mpf) -> mpf:
    log_mean = mp.psi(0, a) - mp.psi(0, a + b)
    of_gamma = shape * mp.log(rate) - mp.loggamma(shape) + (shape - 1) * log_mean
    return _negentropy_of_beta(a, b) - of_gamma + rate * a / (a + b)


def _beta_from_normal(a: mpf, b: mpf, loc: mpf, scale: mpf) -> mpf:
    mean, total = a / (a + b), a + b
    square = a * b / (total * total * (total + 1)) + (mean - loc) ** 2
    of_normal = mp.log(2 * mp.pi * scale * scale) / 2 + square / (2 * scale * scale)
    return _negentropy_of_beta(a, b) + of_normal


@pytest.mark.parametrize("numbers", NEARLY_GAMMA, ids=str)
def test_gamma_distributions_that_a_beta_nearly_is(numbers: tuple[float, ...]) -> None:
    found = d.kl_divergence(d.Beta(*numbers[:2]), d.Gamma(*numbers[2:]))
    with mp.workdps(60):
        exact = _beta_from_gamma(*map(mpf, numbers))
    assert float(abs(found / exact - 1)) <= BOUNDS["kl_divergence"]


NEARLY_NORMAL = [
    (3426.6370732137925, 3238.599682136125, 0.5141061869915168, 0.006121436832824971),
    (4813.411406984967, 4.279727950078576, 0.9995572251776148, 0.00046614612146773666),
    (1718.4902565169657, 3304.3214346271593, 0.34192638318276786, 0.0066934667178827146),
    (7039.156977403069, 0.07290557672773937, 0.9996417121222864, 3.8355003067264393e-05),
    (6748.080636411239, 0.8591013145997555, 1.0001824910646613, 0.00013988822002244372),
]
"""Beta distributions, and normal distributions of about their mean and standard deviation."""


@pytest.mark.parametrize("numbers", NEARLY_NORMAL, ids=str)
def test_normal_distributions_with_the_moments_of_a_beta(numbers: tuple[float, ...]) -> None:
    found = d.kl_divergence(d.Beta(*numbers[:2]), d.Normal(*numbers[2:]))
    with mp.workdps(60):
        exact = _beta_from_normal(*map(mpf, numbers))
    assert float(abs(found / exact - 1)) <= BOUNDS["kl_divergence"]


@pytest.mark.parametrize("e", [0.0, 1e-9, 1e-4, 0.1])
def test_beta_distributions_from_what_is_fitted_to_them(e: float) -> None:
    """Concentrations from 1e-2 to 1e6, often alike: there the leading terms cancel."""
    rng = np.random.default_rng(11)
    a, b = np.exp(rng.uniform(math.log(1e-2), math.log(1e6), (2, 200)))
    b[::3] = a[::3] * (1 + 0.1 * rng.normal(size=len(b[::3])))
    bends = 1 + e * rng.uniform(-1, 1, (4, 200))
    mean = a / (a + b)
    shape = a * (a + b + 1) / b * bends[0]
    gammas = shape, shape / mean * bends[1]
    normals = mean * bends[2], np.sqrt(mean * (b / (a + b)) / (a + b + 1)) * bends[3]
    beta, bound = d.Beta(a, b), BOUNDS["kl_divergence"]
    for q, numbers, exact in (
        (d.Gamma(*gammas), gammas, _beta_from_gamma),
        (d.Normal(*normals), normals, _beta_from_normal),
    ):
        found = d.kl_divergence(beta, q)
        with mp.workdps(60):
            for got, *one in zip(found, a, b, *numbers, strict=True):
                assert float(abs(got / exact(*map(mpf, one)) - 1)) <= bound, (q, one)


@pytest.mark.parametrize("concentration", [0.5, 3.0, 1e3, 1e6])
def test_normal_distributions_with_the_moments_of_a_gamma(concentration: float) -> None:
    rate = 1.3
    loc = concentration / rate * (1 + 1e-9)
    scale = math.sqrt(concentration) / rate * (1 - 1e-9)
    found = d.kl_divergence(d.Gamma(concentration, rate), d.Normal(loc, scale))
    a, b, m, s = map(mpf, (concentration, rate, loc, scale))
    with mp.workdps(60):
        negentropy = mp.log(b) - mp.loggamma(a) + (a - 1) * mp.psi(0, a) - a
        square = a / (b * b) + (a / b - m) ** 2
        exact = negentropy + mp.log(2 * mp.pi * s * s) / 2 + square / (2 * s * s)
    assert float(abs(found / exact - 1)) <= BOUNDS["kl_divergence"]


def _log_of_choices(k: mpf, n: mpf) -> mpf:
    return mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)


def _log_sigmoid(z: mpf) -> mpf:
    return -mp.log1p(mp.exp(-z))


def _log_of_beta(a: mpf, b: mpf) -> mpf:
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


LOG_PROBS: dict[str, Callable[..., mpf]] = {
    "Binomial": lambda x, n, p: _log_of_choices(x, n) + x * mp.log(p) + (n - x) * mp.log1p(-p),
    "Binomial of logits": lambda x, n, z: (
        _log_of_choices(x, n) + x * _log_sigmoid(z) + (n - x) * _log_sigmoid(-z)
    ),
    "NegativeBinomial": lambda x, n, p: (
        _log_of_choices(x, n + x - 1) + x * mp.log(p) + n * mp.log1p(-p)
    ),
    "NegativeBinomial of logits": lambda x, n, z: (
        _log_of_choices(x, n + x - 1) + x * _log_sigmoid(z) + n * _log_sigmoid(-z)
    ),
    "Poisson": lambda x, rate: x * mp.log(rate) - rate - mp.loggamma(x + 1),
    "Beta": lambda x, a, b: (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x) - _log_of_beta(a, b),
    "Gamma": lambda x, a, rate: a * mp.log(rate) - mp.loggamma(a) + (a - 1) * mp.log(x) - rate * x,
    "InverseGamma": lambda x, a, rate: (
        a * mp.log(rate) - mp.loggamma(a) - (a + 1) * mp.log(x) - rate / x
    ),
}
"""Logarithms of densities and probabilities, as in textbooks."""


def _draw_of(name: str, rng: np.random.Generator, size: float) -> tuple[float, ...]:
    """A point some standard deviations from the mean, and parameters of about this size."""
    a, b = size * np.exp(rng.uniform(-5, 0, 2))
    p = rng.choice([rng.uniform(0.01, 0.99), 1e-6, 1 - 1e-6, 10 / size])
    far = rng.normal() * rng.choice([0.0, 1.0, 5.0, 20.0])
    if name.startswith("Binomial"):
        n = np.ceil(size)
        x = np.clip(np.rint(n * p + far * math.sqrt(n * p * (1 - p))), 0, n)
        return x, n, (math.log(p / (1 - p)) if "logits" in name else p)
    if name.startswith("Negative"):
        mean = a * p / (1 - p)
        x = max(np.rint(mean + far * math.sqrt(mean / (1 - p))), 0.0)
        return x, a, (math.log(p / (1 - p)) if "logits" in name else p)
    if name == "Poisson":
        return max(np.rint(a + far * math.sqrt(a)), 0.0), a
    if name == "Beta":
        mean = a / (a + b)
        x = mean + far * math.sqrt(mean * (1 - mean) / (a + b + 1))
        return min(max(x, 0.1 * mean), 1 - 0.1 * (1 - mean)), a, b
    x = a * max(1 + far / math.sqrt(a), 0.1) / 1.7
    return (x if name == "Gamma" else 1 / x), a, 1.7


@pytest.mark.parametrize("size", [30.0, 1e4, 1e8, 1e12, 1e15])
@pytest.mark.parametrize("name", LOG_PROBS)
def test_log_prob_of_large_counts(name: str, size: float) -> None:
    """Logarithms of binomial coefficients and of powers are large, and nearly the same."""
    rng = np.random.default_rng(17)
    family, *of_logits = name.split(" of ")
    with mp.workdps(60):
        for _ in range(40):
            x, *numbers = _draw_of(name, rng, size)
            keys = reference.PARAMETERS[family][: len(numbers)]
            if of_logits:
                keys = ("total_count", "logits")
            p = getattr(d, family)(**dict(zip(keys, numbers, strict=True)))
            got, exact = p.log_prob(x), LOG_PROBS[name](mpf(x), *map(mpf, numbers))
            assert abs(got - exact) <= BOUNDS["log_prob"] * max(abs(exact), mpf(0.1)), (p, x)


@pytest.mark.parametrize("size", [30.0, 1e4, 1e8, 1e12, 1e15])
def test_log_prob_of_large_concentrations(size: float) -> None:
    rng = np.random.default_rng(17)
    for count in (2, 3, 20):
        concentration = size * np.exp(rng.uniform(-5, 0, count))
        concentration[0] = 0.7
        point = rng.gamma(concentration)
        point /= point.sum()
        got = d.Dirichlet(concentration).log_prob(point)
        with mp.workdps(60):
            # Shares that are rounded do not add up to 1: the density is that of the numbers.
            pairs = [(mpf(a), mpf(x)) for a, x in zip(concentration, point, strict=True)]
            exact = mp.loggamma(mp.fsum(a for a, _ in pairs)) + mp.fsum(
                (a - 1) * mp.log(x) - mp.loggamma(a) for a, x in pairs
            )
            assert abs(got / exact - 1) <= BOUNDS["log_prob"]


if __name__ == "__main__":
    print_table()


def test_js_of_bernoullis_near_equality_has_all_digits() -> None:
    rng = np.random.default_rng(11)

    def exact(p: Any, q: Any) -> Any:
        m = (p + q) / 2
        terms = [a * mp.log(a / m) + (1 - a) * mp.log((1 - a) / (1 - m)) for a in (p, q)]
        return sum(terms) / 2

    with mp.workdps(400):
        for difference in (1e-10, 1e-7, 1e-3, 0.5):
            for low in (rng.random(), 10 ** -rng.uniform(1, 300), 1 - 10 ** -rng.uniform(1, 15)):
                p, q = float(low), float(low * (1 - difference))
                sought = exact(mpf(p), mpf(q))
                got = d.js_divergence(d.Bernoulli(p), d.Bernoulli(q))
                assert sought == 0 or abs(got / sought - 1) < 1e-13, (p, q)
            for logit in rng.uniform(-40, 40, 3):
                z, y = float(logit), float(logit + difference)
                sought = exact(*(1 / (1 + mp.exp(-mpf(it))) for it in (z, y)))
                got = d.js_divergence(d.Bernoulli(logits=z), d.Bernoulli(logits=y))
                assert abs(got / sought - 1) < 1e-13, (z, y)
    ends = d.js_divergence(d.Bernoulli([0, 0, 1, 5e-324]), d.Bernoulli([0, 1, 0, 0]))
    np.testing.assert_allclose(ends, [0, math.log(2), math.log(2), 0], rtol=1e-15)
    left_out = d.Bernoulli(logits=[-np.inf, -np.inf])
    ends = d.js_divergence(left_out, d.Bernoulli(logits=[-np.inf, 0.0]))
    np.testing.assert_allclose(ends, [0, 0.75 * math.log(4 / 3)], rtol=1e-15)


@pytest.mark.parametrize(
    ("loc", "other"), [(-56.39264186327529, -741.2598391739775), (0.1, 6.383186307179586)]
)
def test_angles_may_be_whole_turns_apart(loc: float, other: float) -> None:
    with mp.workdps(60):
        share = mp.besseli(1, 2) / mp.besseli(0, 2)
        sought = share * 2 * (1 - mp.cos(mpf(loc) - mpf(other)))
    got = d.kl_divergence(d.VonMises(loc, 2.0), d.VonMises(other, 2.0))
    assert abs(got / sought - 1) < 1e-13


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (d.InverseGamma(2.05, 1), d.HalfNormal(1)),
        (d.Laplace(0, 1), d.Gumbel(0, 1.03)),
        (d.InverseGamma(3.02, 1), d.Weibull(1, 3)),
        (scipy.stats.logistic(), d.Gumbel(0, 1.02)),
    ],
)
def test_a_density_beyond_floats_makes_no_infinite_divergence(p: Any, q: Any) -> None:
    """Where x² or e^-x is none, log q is -inf, and p has mass there that floats still know."""
    with pytest.raises(ArithmeticError, match=r"method='monte_carlo'"):
        d.kl_divergence(p, q)


def test_a_divergence_that_is_infinite_far_out_still_is() -> None:
    assert d.kl_divergence(d.InverseGamma(2, 1), d.HalfNormal(1)) == np.inf
    assert d.kl_divergence(d.Laplace(0, 1), d.Gumbel(0, 0.99)) == np.inf


def test_a_density_of_scipy_whose_squares_leave_the_floats() -> None:
    stats = pytest.importorskip("scipy.stats")
    # SciPy's density of t is 0 where x² is infinite, its support is not.
    with mp.workdps(30):

        def term(x: mpf) -> mpf:
            p = 1 / (mp.pi * (1 + x * x))
            return p * mp.log(p / (2 / (mp.pi * mp.sqrt(3) * (1 + x * x / 3) ** 2)))

        exact = 2 * mp.quad(term, [0, 1, 3, 10, 100, mp.inf])
    value, error = d.kl_divergence(d.Cauchy(0, 1), stats.t(3), return_error=True)
    assert abs(value - exact) <= error <= 1e-10 * value


def test_nan_stays_in_its_element_of_draws() -> None:
    rng = np.random.default_rng(0)
    p, q = d.Poisson([math.nan, 1.0]), d.Poisson(2.0)
    found, error = d.kl_divergence(p, q, method="monte_carlo", rng=rng, return_error=True)
    assert np.isnan(found[0])
    assert np.isnan(error[0])
    assert abs(found[1] - d.kl_divergence(d.Poisson(1.0), q)) <= 5 * error[1]
