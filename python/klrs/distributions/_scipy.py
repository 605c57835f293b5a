"""Distributions of SciPy: one of our families, or their density and their draws.

There are two kinds, frozen ones such as ``scipy.stats.norm(0, 1)`` and, from SciPy 1.15 on, objects
such as ``scipy.stats.Normal(mu=0, sigma=1)`` with what is made of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions import _discrete, _families, _vectors
from klrs.distributions._core import evaluate
from klrs.distributions._density import Density
from klrs.distributions._parameters import first_of, place

if TYPE_CHECKING:
    from collections.abc import Callable

    from klrs.distributions._base import Distribution

_SCIPY: dict[str, Callable[..., Distribution]] = {
    "norm": _families.Normal,
    "laplace": _families.Laplace,
    "cauchy": _families.Cauchy,
    "gumbel_r": _families.Gumbel,
    "uniform": lambda loc, scale: _families.Uniform(loc, loc + scale),
}
"""SciPy's families of a location and a scale."""

_SCIPY_FROM_0: dict[str, Callable[..., Distribution]] = {
    "halfnorm": _families.HalfNormal,
    "lognorm": lambda scale, s: _families.LogNormal(evaluate("log", scale), s),
    "expon": lambda scale: _families.Exponential(scale=scale),
    "gamma": lambda scale, a: _families.Gamma(a, scale=scale),
    "invgamma": lambda scale, a: _families.InverseGamma(a, scale=scale),
    "pareto": lambda scale, b: _families.Pareto(scale=scale, alpha=b),
    "weibull_min": lambda scale, c: _families.Weibull(scale=scale, concentration=c),
}
"""SciPy's families of positive numbers: ours if their location is 0."""

_SCIPY_UNIT: dict[str, Callable[..., Distribution]] = {
    "chi2": _families.ChiSquared,
    "beta": lambda a, b: _families.Beta(concentration1=a, concentration0=b),
}
"""Those that are ours if their scale is 1 as well."""

_SCIPY_DISCRETE: dict[str, Callable[..., Distribution]] = {
    "bernoulli": lambda p: _discrete.Bernoulli(probs=p),
    "binom": lambda n, p: _discrete.Binomial(total_count=n, probs=p),
    "poisson": lambda mu: _discrete.Poisson(rate=mu),
    "nbinom": lambda n, p: _discrete.NegativeBinomial(n, logits=-evaluate("logit", p)),
}


_OBJECTS: dict[str, Callable[..., Distribution]] = {
    "Normal": lambda it: _families.Normal(it.mu, it.sigma),
    "StandardNormal": lambda it: _families.Normal(it.mu, it.sigma),
    "Uniform": lambda it: _families.Uniform(it.a, it.b),
    "Binomial": lambda it: _discrete.Binomial(total_count=it.n, probs=it.p),
}
"""SciPy's classes of distributions that are objects, where they are ours."""

_SCIPY_ARRAYS = {
    "multivariate_t": "loc",
    "vonmises_fisher": "mu",
    "matrix_normal": "mean",
    "matrix_t": "mean",
    "wishart": "scale",
    "invwishart": "scale",
    "multinomial": "p",
    "multivariate_hypergeom": "m",
    "dirichlet_multinomial": "alpha",
}
"""SciPy's distributions of vectors and matrices, with the parameter of the shape of a value."""

_SURFACES = {
    "vonmises_fisher": "sphere",
    "wishart": "cone of symmetric matrices",
    "invwishart": "cone of symmetric matrices",
}
"""Where values are, if that is less than all numbers, vectors or matrices around them."""


def of_scipy(given: Any, name: str) -> Distribution | None:  # noqa: PLR0911
    kind = type(given).__name__.removesuffix("_frozen")
    if kind == "multivariate_normal":
        return _vectors.MultivariateNormal(given.mean, given.cov)
    if kind == "dirichlet":
        return _vectors.Dirichlet(given.alpha)
    if kind in _SCIPY_ARRAYS:
        return _of_arrays(given, kind, name)
    if hasattr(given, "icdf"):
        return _of_object(given, name)
    family = getattr(given, "dist", None)
    if family is None and kind != type(given).__name__:
        raise TypeError(
            f"{name}: scipy.stats.{kind} is not supported, expected one that has a log-density and "
            "draws of one number, vector or matrix; pass log-densities at draws to "
            "klrs.policies.kl_estimators"
        )
    if family is None or not hasattr(family, "name"):
        return None
    shapes = [] if not family.shapes else family.shapes.split(", ")
    discrete = hasattr(given, "logpmf") and not hasattr(family, "pdf")
    names = [*shapes, "loc"] if discrete else [*shapes, "loc", "scale"]
    keywords = {"loc": 0.0} if discrete else {"loc": 0.0, "scale": 1.0}
    keywords |= dict(zip(names, given.args, strict=False)) | given.kwds
    made = _ours(family.name, keywords)
    if made is not None:
        return made
    numbers = np.broadcast_arrays(*keywords.values())
    with np.errstate(all="ignore"):
        wrong = np.isnan(given.support()[0]) & ~np.isnan(numbers).any(0)
    if wrong.any():
        index = first_of(wrong)
        shown = ", ".join(f"{it}={x[index]:g}" for it, x in zip(keywords, numbers, strict=True))
        raise ValueError(
            f"{name}: scipy.stats.{family.name}{place(index)} has the parameters {shown}, of which "
            "one is out of its range; see SciPy's documentation"
        )

    def element(index: tuple[int, ...]) -> Density:
        own = {it: x[index] for it, x in zip(keywords, numbers, strict=True)}
        return _density(family(**own), discrete=discrete)

    return _density(given, discrete=discrete, shape=numbers[0].shape, element=element)


def _density(
    given: Any, *, discrete: bool, shape: tuple[int, ...] = (), element: Any = None
) -> Density:
    places: tuple[tuple[float, float], ...] = ()
    with np.errstate(all="ignore"):
        low, high = given.support()
        if not shape:
            spread = float(given.ppf(0.75) - given.ppf(0.25))
            places = ((float(given.median()), spread if spread > 0 else 1.0),)
    return Density(
        given.logpmf if discrete else given.logpdf,
        (np.asarray(low, np.float64)[()], np.asarray(high, np.float64)[()]),
        discrete=discrete,
        draw=lambda rng, size: given.rvs(size=size, random_state=rng),
        shown=f"scipy.stats.{given.dist.name}",
        places=places,
        shape=shape,
        element=element if shape else None,
    )


def _of_object(given: Any, name: str) -> Distribution:
    """One of SciPy's objects, for which a parameter out of its range is NaN."""
    bases = {it.__name__ for it in type(given).__mro__}
    # A class that somebody made from a family of their own may have any name.
    made = _OBJECTS.get(type(given).__name__) if "CustomDistribution" not in bases else None
    if made is not None:
        return made(given)
    shown = f"scipy.stats' {' '.join(str(given).split())}"
    discrete = "DiscreteDistribution" in bases
    with np.errstate(all="ignore"):
        low, high = given.support()
        shape = np.broadcast_shapes(np.shape(low), np.shape(high))
        if shape:
            raise TypeError(
                f"{name}: {shown} of the shape {shape} is an array of distributions, expected "
                "one; make one for each element"
            )
        # Parts of a mixture may be narrow, and end where others go on.
        parts = getattr(given, "components", [given])
        quartiles = [[float(it.icdf(share)) for share in (0.25, 0.5, 0.75)] for it in parts]
        ends = {float(end) for it in parts for end in it.support()}
    return Density(
        given.logpmf if discrete else given.logpdf,
        (float(low), float(high)),
        discrete=discrete,
        draw=lambda rng, size: given.sample(size, rng=rng),
        shown=shown,
        places=tuple((it[1], it[2] - it[0] if it[2] > it[0] else 1.0) for it in quartiles),
        breaks=tuple(sorted(end for end in ends if low < end < high)),
    )


def _of_arrays(given: Any, kind: str, name: str) -> Distribution:
    """A distribution of vectors or matrices, for method='monte_carlo'."""
    parameter = _SCIPY_ARRAYS[kind]
    event = np.shape(getattr(given, parameter))
    axes = 2 if kind.startswith("matrix_") or kind.endswith("wishart") else 1
    count = getattr(given, "n", 0)
    if len(event) != axes or np.ndim(count):
        named, shape = (parameter, event) if len(event) != axes else ("n", np.shape(count))
        raise TypeError(
            f"{name}: scipy.stats.{kind} with {named} of the shape {shape} is an array of "
            "distributions, expected one; freeze one for each element"
        )
    if kind == "multinomial" and count == 1:
        return _discrete.Categorical(given.p)

    def log_density(x: Any) -> Any:
        points = np.reshape(x, (-1, *event))
        if hasattr(given, "logpmf"):
            whole = (points == np.floor(points)).all(-1)
            logs = np.where(whole, given.logpmf(points.astype(np.int64)), -math.inf)
        else:
            # The last axis of these matrices counts them.
            points = np.moveaxis(points, 0, -1) if kind.endswith("wishart") else points
            logs = given.logpdf(points)
        return np.reshape(logs, x.shape[: x.ndim - len(event)])

    def draw(rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return np.reshape(given.rvs(size=math.prod(size), random_state=rng), size + event)

    return Density(
        log_density,
        (-math.inf, math.inf),
        discrete=hasattr(given, "logpmf"),
        draw=draw if hasattr(given, "rvs") else None,
        shown=f"scipy.stats.{kind}",
        event_shape=event,
        surface=_SURFACES.get(kind, ""),
    )


def _ours(name: str, keywords: dict[str, Any]) -> Distribution | None:
    if name in _SCIPY:
        return _SCIPY[name](**keywords)
    rest = {it: x for it, x in keywords.items() if it != "loc"}
    if name == "geom" and np.all(np.asarray(keywords["loc"]) == -1):
        return _discrete.Geometric(rest["p"])
    if name == "vonmises" and np.all(np.asarray(rest["scale"]) == 1):
        return _families.VonMises(keywords["loc"], rest["kappa"])
    is_unit = np.all(np.asarray(rest.get("scale", 1.0)) == 1)
    if np.any(np.asarray(keywords["loc"]) != 0) or (name in _SCIPY_UNIT and not is_unit):
        return None
    made = _SCIPY_FROM_0.get(name) or _SCIPY_DISCRETE.get(name)
    if name in _SCIPY_UNIT:
        del rest["scale"]
        made = _SCIPY_UNIT[name]
    return None if made is None else made(**rest)
