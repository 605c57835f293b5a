"""Distributions of SciPy and torch, and densities that are functions.

They are recognised by the module of their type, without importing anything: who has one in hand has
imported its library. What is one of our families becomes that; the others keep their density.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions import _discrete, _families, _vectors
from klrs.distributions._base import Distribution
from klrs.distributions._core import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TORCH = {
    "Normal": "loc scale",
    "LogNormal": "loc scale",
    "HalfNormal": "scale",
    "MultivariateNormal": "loc scale_tril",
    "Laplace": "loc scale",
    "Cauchy": "loc scale",
    "Gumbel": "loc scale",
    "Exponential": "rate",
    "Gamma": "concentration rate",
    "InverseGamma": "concentration rate",
    "Chi2": "df",
    "Beta": "concentration1 concentration0",
    "Dirichlet": "concentration",
    "Pareto": "scale alpha",
    "Weibull": "scale concentration",
    "Uniform": "low high",
    "VonMises": "loc concentration",
    "Bernoulli": "logits",
    "Binomial": "total_count logits",
    "Geometric": "logits",
    "NegativeBinomial": "total_count logits",
    "Poisson": "rate",
    "Categorical": "logits",
}
"""The attributes of torch's classes that our parameters are."""

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


class Density(Distribution):
    """A density that is known by its logarithm and its support, for integrals only."""

    def __init__(
        self,
        log_density: Callable[[Any], Any],
        support: tuple[float, float],
        *,
        discrete: bool = False,
        draw: Callable[[np.random.Generator, tuple[int, ...]], Any] | None = None,
        shown: str = "",
        scales: tuple[float, float] | None = None,
        breaks: tuple[float, ...] = (),
    ) -> None:
        self._set("", {}, ())
        set_ = object.__setattr__
        set_(self, "_shape", ())
        set_(self, "is_discrete", discrete)
        set_(self, "_log_density", log_density)
        set_(self, "_support", support)
        set_(self, "_sampler", draw)
        set_(self, "_shown", shown)
        set_(self, "_typical", scales)
        set_(self, "_points_between", breaks)

    _log_density: Callable[[Any], Any]
    _support: tuple[float, float]
    _sampler: Callable[[np.random.Generator, tuple[int, ...]], Any] | None
    _shown: str
    _typical: tuple[float, float] | None
    _points_between: tuple[float, ...]

    def __repr__(self) -> str:
        return self._shown

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return self._support

    @property
    def _breaks(self) -> tuple[float, ...]:
        return self._points_between

    def log_prob(self, x: Any) -> Any:
        """Logarithm of the density; -inf outside of the support."""
        point = np.asarray(x, np.float64)
        low, high = self._support
        inside = (point >= low) & (point <= high)
        start = point if inside.all() else np.where(inside, point, self._inner())
        with np.errstate(all="ignore"):
            values = np.asarray(self._log_density(start), np.float64)
        if values.shape != point.shape:
            raise ValueError(
                f"log-density: got the shape {values.shape} for points of the shape {point.shape}, "
                "expected a number for each point; pass a function of arrays, such as "
                "np.vectorize(f)"
            )
        return np.where(inside, values, -math.inf)[()]

    def entropy(self) -> Any:
        """There is no closed form."""
        raise NotImplementedError

    def _elements(self, shape: tuple[int, ...]) -> Iterator[Distribution]:
        return (self for _ in np.ndindex(*shape))

    def _inner(self) -> float:
        """A value within the support."""
        low, high = (float(it) for it in self._support)
        if math.isfinite(low) and math.isfinite(high):
            return 0.5 * (low + high)
        return low + 1.0 if math.isfinite(low) else high - 1.0 if math.isfinite(high) else 0.0

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        if self._sampler is None:
            raise ValueError(
                f"p: {self._shown} cannot be sampled; pass a distribution for method='monte_carlo'"
            )
        return self._sampler(rng, size)

    @property
    def _scales(self) -> tuple[Any, Any]:
        if self._typical is None:
            object.__setattr__(self, "_typical", self._found_scales())
        return self._typical  # type: ignore[return-value]

    def _found_scales(self) -> tuple[float, float]:
        """The highest of many points, and how far around it the density stays within e^-2."""
        low, high = (float(it) for it in self._support)
        start = self._inner()
        steps = np.concatenate([[0.0], np.geomspace(1e-9, 1e9, 181)])
        if math.isfinite(low) and math.isfinite(high):
            points = low + (high - low) * (np.arange(1, 2048) / 2048)
        elif math.isfinite(low):
            points = low + steps[1:]
        elif math.isfinite(high):
            points = high - steps[1:]
        else:
            points = start + np.concatenate([-steps[:0:-1], steps])
        logs = self.log_prob(points)
        best = int(np.nanargmax(logs))
        ends = float(points[max(best - 1, 0)]), float(points[min(best + 1, len(points) - 1)])
        middle, top = self._climbed(*ends)
        if top < logs[best]:
            middle, top = float(points[best]), float(logs[best])
        width = 1e-9 * max(1.0, abs(middle))
        while width < 1e9:
            sides = self.log_prob(np.asarray([middle - width, middle + width]))
            if np.max(sides) < top - 2.0:
                break
            width *= 1.5
        return middle, width

    def _climbed(self, low: float, high: float) -> tuple[float, float]:
        """The highest point between two, if there is one peak, and the logarithm there."""
        for _ in range(120):
            thirds = np.asarray([low + (high - low) / 3.0, high - (high - low) / 3.0])
            left, right = (float(it) for it in self.log_prob(thirds))
            low, high = (float(thirds[0]), high) if left < right else (low, float(thirds[1]))
        middle = 0.5 * (low + high)
        return middle, float(self.log_prob(middle))


def as_distribution(given: Any, name: str) -> Distribution:
    """One of our distributions, or an error that says what is expected."""
    if isinstance(given, Distribution):
        return given
    if isinstance(given, tuple):
        return _of_pair(given, name)
    package = str(type(given).__module__).partition(".")[0]
    found = None
    if package == "torch":
        found = _of_torch(given, name)
    elif package == "scipy":
        found = _of_scipy(given, name)
    if found is None:
        raise TypeError(
            f"{name}: got {type(given).__name__}, expected a distribution of klrs.distributions, a "
            "frozen distribution of scipy.stats, one of torch.distributions, or a pair "
            "(log_density, (low, high)); arrays of probabilities go to klrs itself"
        )
    return found


def _of_pair(given: tuple[Any, ...], name: str) -> Density:
    expected = (
        "expected (log_density, (low, high)), a function of arrays and the ends of its support, "
        "with the places of kinks and jumps between them"
    )
    if len(given) != 2 or not callable(given[0]):
        raise TypeError(f"{name}: got a tuple of {len(given)}, {expected}")
    try:
        low, *breaks, high = (float(it) for it in given[1])
    except (TypeError, ValueError):
        raise TypeError(f"{name}: got the support {given[1]!r}, {expected}") from None
    if not low < high:
        raise ValueError(f"{name}: support ({low:g}, {high:g}), expected low < high; swap the ends")
    if not all(low < it < high for it in breaks):
        listed = ", ".join(f"{it:g}" for it in (low, *breaks, high))
        raise ValueError(
            f"{name}: support ({listed}), expected the places of kinks and jumps between the ends; "
            "drop the others"
        )
    function = given[0]
    shown = getattr(function, "__name__", "a density")
    return Density(function, (low, high), shown=shown, breaks=tuple(breaks))


def _of_torch(given: Any, name: str) -> Distribution | None:
    kind = type(given).__name__
    if kind == "Independent" and type(given.base_dist).__name__ == "Normal":
        base = given.base_dist
        if given.reinterpreted_batch_ndims == 1:
            return _vectors.MultivariateNormal(_array(base.loc), scale_diag=_array(base.scale))
    attributes = _TORCH.get(kind)
    if attributes is not None:
        ours = {"Chi2": "ChiSquared"}.get(kind, kind)
        module = next(it for it in (_families, _discrete, _vectors) if hasattr(it, ours))
        names = attributes.split()
        if names[-1] == "logits" and "probs" in vars(given):
            names[-1] = "probs"
        made: Distribution = getattr(module, ours)(
            **{it: _array(getattr(given, it)) for it in names}
        )
        return made
    if not hasattr(given, "log_prob"):
        return None
    return _density_of_torch(given, name)


def _array(tensor: Any) -> Any:
    """A tensor as float64 numbers, without a gradient."""
    return tensor.detach().cpu().double().numpy() if hasattr(tensor, "detach") else tensor


def _density_of_torch(given: Any, name: str) -> Density:
    if tuple(given.batch_shape) or tuple(given.event_shape):
        raise TypeError(
            f"{name}: torch's {type(given).__name__} has the shape {tuple(given.batch_shape)}, and "
            f"values of the shape {tuple(given.event_shape)}; without a family of "
            "klrs.distributions only one distribution of numbers is supported"
        )
    import torch  # noqa: PLC0415

    support = given.support
    low = float(getattr(support, "lower_bound", -math.inf))
    high = float(getattr(support, "upper_bound", math.inf))

    def log_density(x: Any) -> Any:
        with torch.no_grad():
            return given.log_prob(torch.as_tensor(x, dtype=torch.float64)).numpy()

    return Density(
        log_density,
        (low, high),
        discrete=bool(getattr(support, "is_discrete", False)),
        shown=f"torch's {type(given).__name__}",
    )


def _of_scipy(given: Any, name: str) -> Distribution | None:
    if type(given).__name__ == "multivariate_normal_frozen":
        return _vectors.MultivariateNormal(given.mean, given.cov)
    if type(given).__name__ == "dirichlet_frozen":
        return _vectors.Dirichlet(given.alpha)
    family = getattr(given, "dist", None)
    if family is None or not hasattr(family, "name"):
        return None
    shapes = [] if not family.shapes else family.shapes.split(", ")
    discrete = hasattr(given, "logpmf") and not hasattr(family, "pdf")
    names = [*shapes, "loc"] if discrete else [*shapes, "loc", "scale"]
    keywords = {"loc": 0.0} if discrete else {"loc": 0.0, "scale": 1.0}
    keywords |= dict(zip(names, given.args, strict=False)) | given.kwds
    made = _ours_of_scipy(family.name, keywords)
    if made is not None:
        return made
    arrays = [it for it, value in keywords.items() if np.ndim(value)]
    if arrays:
        raise TypeError(
            f"{name}: {arrays[0]} of scipy.stats.{family.name} has the shape "
            f"{np.shape(keywords[arrays[0]])}, expected a number, since without a family of "
            "klrs.distributions only one distribution is supported; freeze one for each element"
        )
    low, high = given.support()
    center, spread = float(given.median()), 0.0
    with np.errstate(all="ignore"):
        spread = float(given.ppf(0.75) - given.ppf(0.25))
    return Density(
        given.logpmf if discrete else given.logpdf,
        (float(low), float(high)),
        discrete=discrete,
        draw=lambda rng, size: given.rvs(size=size, random_state=rng),
        shown=f"scipy.stats.{family.name}",
        scales=(center, spread if spread > 0 else 1.0),
    )


def _ours_of_scipy(name: str, keywords: dict[str, Any]) -> Distribution | None:
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
