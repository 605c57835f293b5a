"""The errors of `klrs.distributions`, by their exact text: parameter, place, value, remedy."""

from __future__ import annotations

import inspect
import math
import sys
from typing import Any

import numpy as np
import pytest
import scipy.stats

import klrs
from klrs import distributions as d
from messages import raises

FINITE = "expected a finite number; drop the element"
POSITIVE = "expected a finite number greater than 0; drop the element"
NON_NEGATIVE = "expected a finite number of at least 0; drop the element"
SCALE = (
    "expected a finite number greater than 0; pass a standard deviation or another length, not its "
    "logarithm, or drop the element"
)
PROBABILITY = "expected a number from 0 to 1; pass logits= for log-odds"
COUNT = "expected an integer of at least 0; pass the number of trials"

BAD_PARAMETERS = [
    ("Normal", {"loc": np.inf, "scale": 1}, f"Normal: loc: inf, {FINITE}"),
    ("Normal", {"loc": [0, -np.inf], "scale": 1}, f"Normal: loc: -inf at index 1, {FINITE}"),
    ("Normal", {"loc": 0, "scale": 0}, f"Normal: scale: 0, {SCALE}"),
    ("Normal", {"loc": 0, "scale": [1, -2, -3]}, f"Normal: scale: -2 at index 1, {SCALE}"),
    (
        "Normal",
        {"loc": 0, "scale": [[1, 2], [3, np.inf]]},
        f"Normal: scale: inf at index (1, 1), {SCALE}",
    ),
    ("Normal", {"loc": 0, "scale": [np.nan, -1]}, f"Normal: scale: -1 at index 1, {SCALE}"),
    ("LogNormal", {"loc": 0, "scale": -1}, f"LogNormal: scale: -1, {SCALE}"),
    ("Laplace", {"loc": 0, "scale": -1}, f"Laplace: scale: -1, {SCALE}"),
    ("Cauchy", {"loc": np.inf, "scale": 1}, f"Cauchy: loc: inf, {FINITE}"),
    ("Gumbel", {"loc": 0, "scale": 0}, f"Gumbel: scale: 0, {SCALE}"),
    ("HalfNormal", {"scale": [1, 0]}, f"HalfNormal: scale: 0 at index 1, {SCALE}"),
    ("Exponential", {"rate": -1.5}, f"Exponential: rate: -1.5, {POSITIVE}"),
    ("Exponential", {"scale": 0}, f"Exponential: scale: 0, {POSITIVE}"),
    (
        "Gamma",
        {"concentration": [1, 0], "rate": 1},
        f"Gamma: concentration: 0 at index 1, {POSITIVE}",
    ),
    ("Gamma", {"concentration": 1, "rate": np.inf}, f"Gamma: rate: inf, {POSITIVE}"),
    ("Gamma", {"concentration": 1, "scale": -1}, f"Gamma: scale: -1, {POSITIVE}"),
    (
        "InverseGamma",
        {"concentration": -1, "rate": 1},
        f"InverseGamma: concentration: -1, {POSITIVE}",
    ),
    ("InverseGamma", {"concentration": 1, "scale": 0}, f"InverseGamma: scale: 0, {POSITIVE}"),
    ("ChiSquared", {"df": 0}, f"ChiSquared: df: 0, {POSITIVE}"),
    (
        "Beta",
        {"concentration1": 0, "concentration0": 1},
        f"Beta: concentration1: 0, {POSITIVE}",
    ),
    (
        "Beta",
        {"concentration1": 1, "concentration0": [1, -1]},
        f"Beta: concentration0: -1 at index 1, {POSITIVE}",
    ),
    ("Pareto", {"scale": 0, "alpha": 1}, f"Pareto: scale: 0, {POSITIVE}"),
    ("Pareto", {"scale": 1, "alpha": -1}, f"Pareto: alpha: -1, {POSITIVE}"),
    ("Weibull", {"scale": -1, "concentration": 1}, f"Weibull: scale: -1, {POSITIVE}"),
    ("Weibull", {"scale": 1, "concentration": 0}, f"Weibull: concentration: 0, {POSITIVE}"),
    ("Uniform", {"low": -np.inf, "high": 1}, f"Uniform: low: -inf, {FINITE}"),
    ("Uniform", {"low": 0, "high": np.inf}, f"Uniform: high: inf, {FINITE}"),
    (
        "Uniform",
        {"low": [0, 1], "high": [[1], [0.5]]},
        "Uniform: low 1 and high 1 at index (0, 1), expected low < high; swap them, or drop the "
        "element",
    ),
    ("VonMises", {"loc": np.inf, "concentration": 1}, f"VonMises: loc: inf, {FINITE}"),
    (
        "VonMises",
        {"loc": 0, "concentration": -1},
        f"VonMises: concentration: -1, {NON_NEGATIVE}",
    ),
    ("Bernoulli", {"probs": [0.5, 1.5]}, f"Bernoulli: probs: 1.5 at index 1, {PROBABILITY}"),
    ("Bernoulli", {"probs": -0.25}, f"Bernoulli: probs: -0.25, {PROBABILITY}"),
    (
        "Bernoulli",
        {"logits": np.inf},
        "Bernoulli: logits: inf, expected a finite number, or -inf for a probability of 0; pass "
        "probs=1 for what is certain",
    ),
    (
        "Geometric",
        {"probs": 0},
        "Geometric: probs: 0, expected a number greater than 0 and at most 1; pass logits= for "
        "log-odds",
    ),
    (
        "Geometric",
        {"logits": -np.inf},
        "Geometric: logits: -inf, expected a finite number; pass probs=1 for what is certain, and "
        "drop what is impossible",
    ),
    ("Binomial", {"total_count": 2.5, "probs": 0.5}, f"Binomial: total_count: 2.5, {COUNT}"),
    ("Binomial", {"total_count": -1, "probs": 0.5}, f"Binomial: total_count: -1, {COUNT}"),
    ("Binomial", {"total_count": 3, "probs": 2}, f"Binomial: probs: 2, {PROBABILITY}"),
    (
        "NegativeBinomial",
        {"total_count": 0, "probs": 0.5},
        f"NegativeBinomial: total_count: 0, {POSITIVE}",
    ),
    (
        "NegativeBinomial",
        {"total_count": 1, "probs": 1},
        "NegativeBinomial: probs: 1, expected a number of at least 0 and less than 1; pass logits= "
        "for log-odds",
    ),
    (
        "NegativeBinomial",
        {"total_count": 1, "logits": np.inf},
        "NegativeBinomial: logits: inf, expected a finite number, or -inf for a probability of 0; "
        "drop what is certain: its variable is never finite",
    ),
    ("Poisson", {"rate": -1}, f"Poisson: rate: -1, {NON_NEGATIVE}"),
    ("Poisson", {"rate": np.inf}, f"Poisson: rate: inf, {NON_NEGATIVE}"),
    (
        "Categorical",
        {"probs": [[0.5, 0.5], [0.5, -0.5]]},
        f"Categorical: probs: -0.5 at index (1, 1), {PROBABILITY}",
    ),
    (
        "Categorical",
        {"probs": [[0.5, 0.5], [0.5, 0.25]]},
        "Categorical: probs: row at index 1 sums to 0.75, not 1; divide each row by its sum",
    ),
    (
        "Categorical",
        {"logits": [[0, -np.inf], [-np.inf, -np.inf]]},
        "Categorical: logits: all are -inf at index 1, expected a class that is left; not all "
        "logits of a distribution can be -inf",
    ),
    (
        "Categorical",
        {"logits": [0, np.inf]},
        "Categorical: logits: inf at index 1, expected a finite number, or -inf for a probability "
        "of 0; pass -inf for the classes that are left out",
    ),
    (
        "Categorical",
        {"probs": 0.5},
        "Categorical: probs: shape (), expected a last axis with a number for each class; "
        "Bernoulli takes the probability of one of two",
    ),
    (
        "Dirichlet",
        {"concentration": [[1, 2], [3, 0]]},
        f"Dirichlet: concentration: 0 at index (1, 1), {POSITIVE}",
    ),
    (
        "Dirichlet",
        {"concentration": [1]},
        "Dirichlet: concentration has the shape (1,), expected a last axis with at least 2 "
        "entries; Beta(a, b) is the distribution of one probability",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, np.inf], "scale_diag": [1, 1]},
        f"MultivariateNormal: loc: inf at index 1, {FINITE}",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, 0], "scale_diag": [1, 0]},
        f"MultivariateNormal: scale_diag: 0 at index 1, {SCALE}",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, 0], "covariance_matrix": [[1, 0.5], [0.25, 1]]},
        "MultivariateNormal: covariance_matrix: 0.5 at index (0, 1) but 0.25 at index (1, 0), "
        "expected a symmetric matrix; pass (S + S.T) / 2, or scale_tril= for a factor",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, 0], "covariance_matrix": [np.eye(2), [[1, 2], [2, 1]]]},
        "MultivariateNormal: covariance_matrix: matrix at index 1 has the eigenvalue -1, expected "
        "a positive definite matrix; add a small multiple of the identity, or drop a component "
        "that others determine",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, 0], "scale_tril": [[1, 0.5], [0, 1]]},
        "MultivariateNormal: scale_tril: 0.5 at index (0, 1) above the diagonal, expected 0; pass "
        "np.tril(...), or covariance_matrix= for a covariance",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, 0], "scale_tril": [[1, 0], [0, -1]]},
        "MultivariateNormal: scale_tril: -1 on the diagonal at index 1, expected numbers greater "
        "than 0; flip the sign of its column",
    ),
    (
        "MultivariateNormal",
        {"loc": [0, 0, 0], "covariance_matrix": np.eye(2)},
        "MultivariateNormal: loc and covariance_matrix have the shapes (3,) and (2, 2), expected "
        "(..., d) and (..., d, d); a scalar is a Normal",
    ),
    (
        "MultivariateNormal",
        {"loc": 0, "scale_diag": 1},
        "MultivariateNormal: loc and scale_diag have the shapes () and (), expected (..., d) and "
        "(..., d); a scalar is a Normal",
    ),
]


@pytest.mark.parametrize(("family", "parameters", "text"), BAD_PARAMETERS, ids=str)
def test_bad_parameter(family: str, parameters: dict[str, Any], text: str) -> None:
    with raises(ValueError, text):
        getattr(d, family)(**parameters)


@pytest.mark.parametrize(
    ("family", "given", "text"),
    [
        ("Exponential", {}, "got none of them, expected exactly one of rate or scale; pass one"),
        (
            "Exponential",
            {"rate": 1, "scale": 1},
            "got rate and scale, expected exactly one of rate or scale; pass one",
        ),
        (
            "Gamma",
            {"concentration": 1},
            "got none of them, expected exactly one of rate or scale; pass one",
        ),
        (
            "Gamma",
            {"concentration": 1, "rate": 1, "scale": 1},
            "got rate and scale, expected exactly one of rate or scale; pass one",
        ),
        (
            "Bernoulli",
            {"probs": 0.5, "logits": 0},
            "got probs and logits, expected exactly one of probs or logits; pass one",
        ),
        (
            "Categorical",
            {},
            "got none of them, expected exactly one of probs or logits; pass one",
        ),
        (
            "MultivariateNormal",
            {"loc": [0, 0]},
            "got none of them, expected exactly one of covariance_matrix, scale_tril or "
            "scale_diag; pass one",
        ),
        (
            "MultivariateNormal",
            {"loc": [0, 0], "scale_tril": np.eye(2), "scale_diag": [1, 1]},
            "got scale_tril and scale_diag, expected exactly one of covariance_matrix, scale_tril "
            "or scale_diag; pass one",
        ),
    ],
    ids=str,
)
def test_not_exactly_one(family: str, given: dict[str, Any], text: str) -> None:
    with raises(ValueError, f"{family}: {text}"):
        getattr(d, family)(**given)


@pytest.mark.parametrize(
    ("family", "parameters", "text"),
    [
        (
            "Normal",
            {"loc": [0, 0], "scale": [1, 1, 1]},
            "Normal: loc and scale have the shapes (2,) and (3,), which do not broadcast; axes "
            "must match or be 1, e.g. with [:, None]",
        ),
        (
            "Binomial",
            {"total_count": [1, 2], "logits": [0, 1, 2]},
            "Binomial: total_count and logits have the shapes (2,) and (3,), which do not "
            "broadcast; axes must match or be 1, e.g. with [:, None]",
        ),
        (
            "MultivariateNormal",
            {"loc": np.zeros((3, 2)), "covariance_matrix": np.broadcast_to(np.eye(2), (4, 2, 2))},
            "MultivariateNormal: loc and covariance_matrix have the shapes (3,) and (4,), which do "
            "not broadcast; axes must match or be 1, e.g. with [:, None]",
        ),
    ],
    ids=str,
)
def test_parameters_do_not_broadcast(family: str, parameters: dict[str, Any], text: str) -> None:
    with raises(ValueError, text):
        getattr(d, family)(**parameters)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("one", "Normal: loc: got 'one', expected real numbers"),
        (
            1j,
            "Normal: loc: dtype complex128 is not supported; expected real numbers (at most "
            "float64)",
        ),
        (
            np.longdouble(1),
            f"Normal: loc: dtype {np.dtype(np.longdouble)} is not supported; expected real numbers "
            "(at most float64)",
        ),
    ],
    ids=str,
)
def test_kind_of_parameter(given: Any, text: str) -> None:
    with raises(TypeError, text):
        d.Normal(given, 1)


def test_missing_parameters() -> None:
    with raises(TypeError, "Normal: scale missing, expected Normal(loc, scale); pass all of them"):
        d.Normal(0)
    text = "Normal: loc and scale missing, expected Normal(loc, scale); pass all of them"
    with raises(TypeError, text):
        d.Normal()
    text = (
        "Weibull: concentration missing, expected Weibull(scale, concentration); pass all of them"
    )
    with raises(TypeError, text):
        d.Weibull(scale=1)


FAMILIES = [getattr(d, it) for it in d.__all__ if it[0].isupper() and it != "Distribution"]
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda it: it.__name__)


def test_there_are_23_families() -> None:
    assert len(FAMILIES) == 23


def call_of(family: Any) -> str:
    """How a family is called, as Python says it."""
    every = inspect.signature(family).parameters.values()
    return f"{family.__name__}{inspect.Signature([it.replace(**BARE) for it in every])}"


BARE: dict[str, Any] = {"default": inspect.Parameter.empty, "annotation": inspect.Parameter.empty}


@each_family
def test_too_many_parameters(family: Any) -> None:
    text = (
        f"{family.__name__}: 5 parameters were given by their places, expected {call_of(family)}; "
        "leave the last ones out, or pass them by name"
    )
    with raises(TypeError, text):
        family(*[0.5] * 5)


@each_family
def test_misspelt_parameter(family: Any) -> None:
    text = (
        f"{family.__name__}: no parameter is named scal, expected {call_of(family)}; rename it, or "
        "leave it out"
    )
    for places in ((), (0.5,)):
        with raises(TypeError, text):
            family(*places, scal=1)


@each_family
def test_parameter_given_twice(family: Any) -> None:
    name = next(iter(inspect.signature(family).parameters))
    text = (
        f"{family.__name__}: {name} was given twice, expected {call_of(family)}; pass it by its "
        "place or by its name"
    )
    with raises(TypeError, text):
        family(0.5, **{name: 0.5})


@each_family
def test_nothing_is_given(family: Any) -> None:
    kind: type[Exception] = TypeError
    text = r"^{0}: .* missing, expected {0}\(.*\); pass all of them$"
    if not family._required:
        kind = ValueError
        text = r"^{0}: got none of them, expected exactly one of .* or .*; pass one$"
    with pytest.raises(kind, match=text.format(family.__name__)):
        family()


def test_vectors_without_components() -> None:
    text = (
        "MultivariateNormal: loc has the shape (0,), expected a last axis with at least 1 entry; "
        "drop what has no components"
    )
    with raises(ValueError, text):
        d.MultivariateNormal([], np.empty((0, 0)))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (scipy.stats.t(-1), "t has the parameters loc=0, scale=1, df=-1"),
        (scipy.stats.t(3, scale=[1, 0]), "t at index 1 has the parameters loc=0, scale=0, df=3"),
        (scipy.stats.nbinom(3, 1.5, 1), "nbinom has the parameters loc=1, n=3, p=1.5"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_parameters_of_scipy(given: Any, shown: str) -> None:
    """SciPy's densities are NaN for them."""
    text = f"p: scipy.stats.{shown}, of which one is out of its range; see SciPy's documentation"
    with raises(ValueError, text):
        d.entropy(given)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (scipy.stats.multinomial([3, 4], [0.5, 0.5]), "multinomial with n of the shape (2,)"),
        (scipy.stats.multinomial(3, [[0.5, 0.5]]), "multinomial with p of the shape (1, 2)"),
        (
            scipy.stats.multivariate_hypergeom([[3, 4], [1, 2]], [1, 1]),
            "multivariate_hypergeom with m of the shape (2, 2)",
        ),
        (
            scipy.stats.dirichlet_multinomial([[3, 4], [1, 2]], 2),
            "dirichlet_multinomial with alpha of the shape (2, 2)",
        ),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_arrays_of_vectors_of_scipy(given: Any, shown: str) -> None:
    text = (
        f"p: scipy.stats.{shown} is an array of distributions, expected one; freeze one for each "
        "element"
    )
    with raises(TypeError, text):
        d.entropy(given)


@pytest.mark.skipif(not hasattr(scipy.stats, "make_distribution"), reason="SciPy before 1.15")
def test_arrays_of_objects_of_scipy() -> None:
    many = scipy.stats.make_distribution(scipy.stats.gamma)(a=[1.0, 2.0])
    text = (
        "p: scipy.stats' Gamma(a=[1. 2.]) of the shape (2,) is an array of distributions, expected "
        "one; make one for each element"
    )
    with raises(TypeError, text):
        d.entropy(many)


@pytest.mark.parametrize(
    "given",
    [
        scipy.stats.ortho_group(3),
        scipy.stats.random_table([1, 2], [2, 1]),
        scipy.stats.normal_inverse_gamma(0, 1, 1, 1),
    ],
    ids=lambda it: type(it).__name__,
)
def test_distributions_of_scipy_without_a_density_of_vectors(given: Any) -> None:
    text = (
        f"q: scipy.stats.{type(given).__name__.removesuffix('_frozen')} is not supported, expected "
        "one that has a log-density and draws of one number, vector or matrix; pass log-densities "
        "at draws to klrs.policies.kl_estimators"
    )
    with raises(TypeError, text):
        d.kl_divergence(P, given)


def test_immutable() -> None:
    p = d.Normal(0, 1)
    text = "Normal is immutable: scale cannot be set; make a new distribution"
    with raises(AttributeError, text):
        p.scale = 2
    with raises(AttributeError, "Normal is immutable: loc cannot be deleted"):
        del p.loc
    with pytest.raises(ValueError, match="read-only"):
        p.loc[...] = 3


def test_sample() -> None:
    text = "rng: got int, expected a numpy.random.Generator; pass np.random.default_rng(seed)"
    with raises(TypeError, text):
        d.Normal(0, 1).sample(0)


def one_of(family: Any) -> d.Distribution:
    """A distribution of a family, or an array of two."""
    vectors = {
        "MultivariateNormal": {"loc": [0, 0], "scale_diag": [1, 1]},
        "Dirichlet": {"concentration": [1, 2]},
        "Categorical": {"probs": [0.5, 0.5]},
        "Binomial": {"total_count": 3, "probs": 0.5},
        "Uniform": {"low": 0, "high": 1},
    }
    places = inspect.signature(family).parameters.values()
    numbers = {it.name: 0.5 for it in places if it.kind is not it.KEYWORD_ONLY}
    made: d.Distribution = family(**vectors.get(family.__name__, numbers))
    return made


@each_family
@pytest.mark.parametrize("size", [-1, (2, -1), 2**62, (2**30, 2**30)])
def test_size_of_a_sample(family: Any, size: Any) -> None:
    text = (
        f"size: {size}, expected integers of at least 0, and at most 2**53 draws; pass the number "
        "of draws, or None for one of each distribution"
    )
    with raises(ValueError, text):
        one_of(family).sample(np.random.default_rng(0), size)


@pytest.mark.parametrize("size", [2.5, True, "2", (1, 2.5), [[1]]])
def test_kind_of_the_size_of_a_sample(size: Any) -> None:
    text = f"size: got {size!r}, expected an integer or a tuple of them, the number of draws"
    with raises(TypeError, text):
        d.Normal(0, 1).sample(np.random.default_rng(0), size)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (d.Poisson([1, 1e300]), "Poisson: draws of up to 1e+300 at index 1"),
        (d.Binomial(1e19, 0.5), "Binomial: draws of up to 1e+19"),
        (d.Geometric(1e-18), "Geometric: draws of up to 4e+19"),
        (d.NegativeBinomial(1e4, 1 - 2**-53), "NegativeBinomial: draws of up to 9.90792e+19"),
    ],
    ids=str,
)
def test_draws_beyond_the_integers(p: d.Distribution, text: str) -> None:
    rest = "expected at most 9e+18, for integers of 64 bits; draw from a density of the same mean "
    for sample in (p.sample, lambda rng: d.entropy(p, method="monte_carlo", rng=rng)):
        with raises(ValueError, f"{text}, {rest}and variance"):
            sample(np.random.default_rng(0))


def test_log_prob() -> None:
    text = (
        "x: shape (2,) does not broadcast with the shape (3,) of the distributions; axes must "
        "match or be 1"
    )
    with raises(ValueError, text):
        d.Normal([0, 1, 2], 1).log_prob([1, 2])
    with raises(
        TypeError, "x: dtype complex128 is not supported; expected real numbers (at most float64)"
    ):
        d.Normal(0, 1).log_prob(1j)
    for p in (d.MultivariateNormal([0, 0], np.eye(2)), d.Dirichlet([1, 2])):
        text = "x: shape (3,), expected a last axis of length 2; each value is a vector"
        with raises(ValueError, text):
            p.log_prob([0.25, 0.25, 0.5])


@pytest.mark.parametrize(
    ("p", "q", "text"),
    [
        (
            d.Normal(0, 1),
            d.Poisson(1),
            "p and q: Normal has a density, Poisson has probabilities of integers; pass two of one "
            "kind",
        ),
        (
            d.Normal(0, 1),
            d.Dirichlet([1, 1]),
            "p and q: Normal and Dirichlet are distributions of a number and of a vector; pass two "
            "of one kind",
        ),
        (
            d.Dirichlet([1, 1]),
            d.Normal(0, 1),
            "p and q: Dirichlet and Normal are distributions of a vector and of a number; pass two "
            "of one kind",
        ),
        (
            d.MultivariateNormal([0, 0], np.eye(2)),
            d.Dirichlet([1, 1]),
            "p and q: MultivariateNormal and Dirichlet, of which one is on the simplex; pass two "
            "of one kind",
        ),
        (
            d.VonMises(0, 1),
            d.Normal(0, 1),
            "p and q: VonMises and Normal, of which one is on the circle; pass two of one kind",
        ),
        (
            d.Dirichlet([1, 1]),
            d.Dirichlet([1, 1, 1]),
            "p and q: vectors of length 2 and 3, expected one length",
        ),
        (
            scipy.stats.multivariate_t([0, 0], np.eye(2), 5),
            d.MultivariateNormal([0, 0, 0], np.eye(3)),
            "p and q: vectors of length 2 and 3, expected one length",
        ),
        (
            scipy.stats.matrix_normal(np.zeros((2, 3))),
            scipy.stats.matrix_normal(np.zeros((3, 2))),
            "p and q: values of the shapes (2, 3) and (3, 2), expected one shape",
        ),
        (
            scipy.stats.matrix_normal(np.zeros((2, 3))),
            d.Normal(0, 1),
            "p and q: scipy.stats.matrix_normal and Normal are distributions of an array and of a "
            "number; pass two of one kind",
        ),
        (
            d.MultivariateNormal([0, 0], np.eye(2)),
            scipy.stats.vonmises_fisher([0, 1], 2.0),
            "p and q: MultivariateNormal and scipy.stats.vonmises_fisher, of which one is on the "
            "sphere; pass two of one kind",
        ),
        (
            scipy.stats.wishart(3, np.eye(2)),
            scipy.stats.matrix_normal(np.zeros((2, 2))),
            "p and q: scipy.stats.wishart and scipy.stats.matrix_normal, of which one is on the "
            "cone of symmetric matrices; pass two of one kind",
        ),
        (
            d.Categorical([0.5, 0.5]),
            d.Categorical([0.5, 0.25, 0.25]),
            "p and q: 2 and 3 classes, expected as many; give the classes that one lacks the "
            "probability 0",
        ),
        (
            d.Normal([0, 1], 1),
            d.Normal([0, 1, 2], 1),
            "p and q: shapes (2,) and (3,) do not broadcast; axes must match or be 1",
        ),
    ],
    ids=str,
)
def test_pairs(p: Any, q: Any, text: str) -> None:
    for verb in (d.kl_divergence, d.cross_entropy, d.js_divergence, d.hellinger_distance):
        with raises(ValueError, text):
            verb(p, q)


P, Q = d.Normal(0, 1), d.Normal(1, 2)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        (
            {"method": "exact"},
            ValueError,
            "method: got 'exact', expected None or one of 'closed_form', 'quadrature', "
            "'monte_carlo'",
        ),
        ({"rtol": 0}, ValueError, "rtol: 0, expected a number between 0 and 1, such as 1e-10"),
        ({"rtol": 1.5}, ValueError, "rtol: 1.5, expected a number between 0 and 1, such as 1e-10"),
        ({"rtol": "x"}, TypeError, "rtol: got 'x', expected a number between 0 and 1"),
        (
            {"base": 1},
            ValueError,
            "base: 1, expected a number greater than 1 (2 for bits, 10 for hartleys) or None for "
            "nats",
        ),
        (
            {"base": "e"},
            TypeError,
            "base: got 'e', expected a number greater than 1 (2 for bits) or None for nats",
        ),
        (
            {"method": "monte_carlo"},
            TypeError,
            "rng: got None, expected a numpy.random.Generator; pass np.random.default_rng(seed)",
        ),
        (
            {"method": "monte_carlo", "rng": 0},
            TypeError,
            "rng: got 0, expected a numpy.random.Generator; pass np.random.default_rng(seed)",
        ),
        (
            {"method": "monte_carlo", "rng": np.random.default_rng(0), "size": 1},
            ValueError,
            "size: 1, expected at least 2 draws",
        ),
        (
            {"method": "monte_carlo", "rng": np.random.default_rng(0), "size": 2.5},
            TypeError,
            "size: got 2.5, expected an integer, the number of draws",
        ),
    ],
    ids=str,
)
def test_options(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with raises(kind, text):
        d.kl_divergence(P, Q, **options)


@pytest.mark.parametrize("alpha", [0, -1, np.inf, np.nan])
def test_alpha(alpha: float) -> None:
    with raises(ValueError, f"alpha: {alpha:g}, expected a finite number greater than 0"):
        d.renyi_divergence(P, Q, alpha=alpha)


def test_alpha_is_needed() -> None:
    with pytest.raises(TypeError, match="alpha"):
        d.renyi_divergence(P, Q)
    with raises(TypeError, "alpha: got 'one', expected a finite number greater than 0"):
        d.renyi_divergence(P, Q, alpha="one")


def test_order() -> None:
    with raises(ValueError, "order: 3, expected 1 or 2"):
        d.wasserstein_distance(P, Q, order=3)
    text = (
        "p and q: there is no closed form of order 2 for Normal(loc=0, scale=1) and Laplace(loc=0, "
        "scale=1); draw samples from both and compare those"
    )
    with raises(ValueError, text):
        d.wasserstein_distance(P, d.Laplace(0, 1), order=2)


def test_no_closed_form() -> None:
    text = (
        "method: js_divergence has no closed form for Normal(loc=0, scale=1) and Normal(loc=1, "
        "scale=2); pass method='quadrature'"
    )
    with raises(ValueError, text):
        d.js_divergence(P, Q, method="closed_form")
    vectors = d.MultivariateNormal([0, 0], scale_diag=[1, 1])
    text = (
        "method: js_divergence has no closed form for "
        "MultivariateNormal(loc=[0., 0.], scale_diag=[1., 1.]) and "
        "MultivariateNormal(loc=[0., 0.], scale_diag=[1., 1.]); pass method='monte_carlo'"
    )
    with raises(ValueError, text):
        d.js_divergence(vectors, vectors)
    heavy = scipy.stats.multivariate_t([0, 0], np.eye(2), 5)
    text = (
        "method: kl_divergence has no closed form for scipy.stats.multivariate_t and "
        "MultivariateNormal(loc=[0., 0.], scale_diag=[1., 1.]); pass method='monte_carlo'"
    )
    with raises(ValueError, text):
        d.kl_divergence(heavy, vectors)
    text = (
        "method: entropy has no closed form for scipy.stats.multivariate_t; pass "
        "method='monte_carlo'"
    )
    with raises(ValueError, text):
        d.entropy(heavy)
    text = (
        "method: 'quadrature' is for distributions of one number, not for MultivariateNormal; pass "
        "method='monte_carlo'"
    )
    with raises(ValueError, text):
        d.kl_divergence(vectors, vectors, method="quadrature")


@pytest.mark.parametrize("given", [0.5, [0.5, 0.5], np.array([0.5, 0.5]), None, "Normal"], ids=str)
def test_no_distribution(given: Any) -> None:
    for name, p, q in (("p", given, Q), ("q", P, given)):
        text = (
            f"{name}: got {type(given).__name__}, expected a distribution of klrs.distributions, a "
            "frozen distribution of scipy.stats or one of its objects, one of torch.distributions, "
            "or a pair (log_density, (low, high)); arrays of probabilities go to klrs itself"
        )
        with raises(TypeError, text):
            d.kl_divergence(p, q)


def test_pairs_of_a_density_and_its_support() -> None:
    expected = (
        "expected (log_density, (low, high)), a function of arrays and the ends of its support, "
        "with the places of kinks and jumps between them"
    )
    with raises(TypeError, f"p: got a tuple of 3, {expected}"):
        d.kl_divergence((np.log, 0, 1), Q)
    with raises(TypeError, f"q: got the support 'all', {expected}"):
        d.kl_divergence(P, (np.log, "all"))
    with raises(ValueError, "p: support (1, 0), expected low < high; swap the ends"):
        d.kl_divergence((np.log, (1, 0)), Q)
    text = (
        "p: support (0, 2, 1), expected the places of kinks and jumps between the ends; drop the "
        "others"
    )
    with raises(ValueError, text):
        d.kl_divergence((np.log, (0, 2, 1)), Q)


@pytest.mark.parametrize(
    ("p", "q", "text"),
    [
        (
            P,
            d.Laplace(0, 1),
            "q: there is no gradient for Laplace(loc=0, scale=1), expected one of Normal, "
            "MultivariateNormal, Bernoulli, Categorical, Gamma, Beta, Dirichlet "
            "(MultivariateNormal with scale_diag=)",
        ),
        (
            P,
            d.Beta(1, 1),
            "p and q: Normal and Beta, expected two of one family; gradients are for those",
        ),
        (
            d.Categorical([0.5, 0.5]),
            d.Categorical(logits=[0, 0]),
            "p and q: Categorical by probs and by logits, expected one of them for both; the "
            "gradient is with respect to what was given",
        ),
    ],
    ids=str,
)
def test_gradients(p: Any, q: Any, text: str) -> None:
    with raises(ValueError, text):
        klrs.value_and_grad(d.kl_divergence)(p, q)


def test_reduction() -> None:
    with raises(ValueError, "reduction: got 'max', expected None, 'sum' or 'mean'"):
        klrs.value_and_grad(d.kl_divergence)(P, Q, reduction="max")
    text = "argnums: 2, but kl_divergence has p and q only; pass 0, 1 or (0, 1)"
    with raises(ValueError, text):
        klrs.value_and_grad(d.kl_divergence, argnums=2)
    text = (
        "verb: klrs.distributions.js_divergence has no gradient, expected kl_divergence; pass "
        "arrays of probabilities to the verbs of klrs for the others"
    )
    with raises(ValueError, text):
        klrs.value_and_grad(d.js_divergence)


def unnormalised(x: Any) -> Any:
    return -np.abs(x)


def of_one_number(x: Any) -> float:
    return -0.5


EVERYWHERE = (-np.inf, np.inf)


def test_densities() -> None:
    text = (
        "unnormalised: its density integrates to 2, not 1; subtract ln of the integral from the "
        "log-density, or pass a support that is not much wider than its mass, with the places of "
        "narrow peaks between its ends"
    )
    with raises(ValueError, text):
        d.kl_divergence((unnormalised, EVERYWHERE), Q)
    text = (
        "log-density: got the shape () for points of the shape (2,), expected a number for each "
        "point; pass a function of arrays, such as np.vectorize(f)"
    )
    rng = np.random.default_rng(0)
    with raises(ValueError, text):
        d.kl_divergence(P, (of_one_number, EVERYWHERE), method="monte_carlo", rng=rng, size=2)
    mixed = scipy.stats.dirichlet_multinomial([1, 2], 3)
    for name, p, q in (
        ("unnormalised", (unnormalised, EVERYWHERE), Q),
        ("scipy.stats.dirichlet_multinomial", mixed, scipy.stats.multinomial(3, [0.5, 0.5])),
    ):
        text = (
            f"p: {name} has no draws, which method='monte_carlo' needs; pass a distribution that "
            "can be sampled"
        )
        with raises(ValueError, text):
            d.kl_divergence(p, q, method="monte_carlo", rng=rng)


@pytest.mark.parametrize("concentration", [0.3, 0.5])
def test_densities_that_floats_do_not_resolve(concentration: float) -> None:
    """Between 1 and the next float there is a mass of about 1e-16 to that power."""
    p, q = (scipy.stats.gamma(concentration, loc=1.0, scale=it) for it in (1.0, 2.0))
    text = (
        "scipy.stats.gamma: the integral of its density is not found, so it is not known to be 1: "
        "it grows towards 1, where floats are too far apart to resolve it; subtract 1 from the "
        "values of both distributions (of SciPy's that start there, give loc=0), which changes no "
        "divergence"
    )
    with raises(ArithmeticError, text):
        d.kl_divergence(p, q)
    there = (scipy.stats.gamma(concentration, scale=it) for it in (1.0, 2.0))
    assert d.kl_divergence(*there) == pytest.approx(concentration * (math.log(2) - 0.5), rel=1e-12)


def test_rtol_is_out_of_reach() -> None:
    text = r"^quadrature: the error of .* is at most .*, which is more than rtol=1e-16 allows; "
    text += r"pass a larger rtol, or method='monte_carlo'$"
    with pytest.raises(ArithmeticError, match=text):
        d.kl_divergence(P, Q, method="quadrature", rtol=1e-16)


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.integrate", None)
    text = "method='quadrature' needs SciPy; install klrs[scipy], or pass method='monte_carlo'"
    with raises(ImportError, text):
        d.kl_divergence(P, Q, method="quadrature")
    assert d.kl_divergence(P, Q) > 0
