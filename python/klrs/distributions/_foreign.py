"""Distributions of SciPy and torch, and densities that are functions.

They are recognised by the module of their type, without importing anything: who has one in hand has
imported its library. What is one of our families becomes that; the others keep their density.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions import _discrete, _families, _vectors
from klrs.distributions._base import Distribution
from klrs.distributions._core import evaluate
from klrs.distributions._parameters import first_of, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from klrs.distributions._parameters import Array

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

_OF_DEFAULT_DTYPE = {"GeneralizedPareto"}
"""Those of torch whose log-densities raise for parameters of any other dtype."""

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
    "Wishart": "cone of symmetric matrices",
    "LogisticNormal": "simplex",
    "RelaxedOneHotCategorical": "simplex",
    "LKJCholesky": "set of factors of correlations",
    "Dirichlet": "simplex",
    "VonMises": "circle",
}
"""Where values are, if that is less than all numbers, vectors or matrices around them."""

_MOST_PEAKS = 64
"""How many peaks of a density are looked at."""


class Density(Distribution):
    """A density, or an array of them, that is known by its logarithm and perhaps by its draws."""

    def __init__(
        self,
        log_density: Callable[[Any], Any],
        support: tuple[Any, Any],
        *,
        discrete: bool = False,
        draw: Callable[[np.random.Generator, tuple[int, ...]], Any] | None = None,
        shown: str = "",
        places: tuple[tuple[float, float], ...] = (),
        breaks: tuple[float, ...] = (),
        event_shape: tuple[int, ...] = (),
        surface: str = "",
        shape: tuple[int, ...] = (),
        element: Callable[[tuple[int, ...]], Density] | None = None,
        near_1: Callable[[float, float], float] | None = None,
        factors: tuple[Distribution, int] | None = None,
    ) -> None:
        self._set("", {}, ())
        set_ = object.__setattr__
        set_(self, "_shape", shape)
        set_(self, "is_discrete", discrete)
        set_(self, "_event", len(event_shape))
        set_(self, "_lengths", event_shape)
        set_(self, "_surface", surface)
        set_(self, "_log_density", log_density)
        set_(self, "_support", support)
        set_(self, "_sampler", draw)
        set_(self, "_shown", shown)
        set_(self, "_known_places", places)
        set_(self, "_found", None)
        set_(self, "_points_between", breaks)
        set_(self, "_element", element)
        set_(self, "_near_1", near_1)
        set_(self, "_parts", factors)

    _lengths: tuple[int, ...]
    _log_density: Callable[[Any], Any]
    """Of an array of values: an array with a number for each, -inf for what is no value."""
    _support: tuple[Any, Any]
    _sampler: Callable[[np.random.Generator, tuple[int, ...]], Any] | None
    _shown: str
    _known_places: tuple[tuple[float, float], ...]
    _found: tuple[tuple[float, float], ...] | None
    _points_between: tuple[float, ...]
    _element: Callable[[tuple[int, ...]], Density] | None
    """One of an array of densities."""
    _near_1: Callable[[float, float], float] | None
    """The same of x and 1 - x for a support from 0 to 1, if it has a pole at 1."""
    _parts: tuple[Distribution, int] | None

    def __repr__(self) -> str:
        return self._shown

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return self._support

    @property
    def _title(self) -> str:
        return self._shown

    @property
    def _event_shape(self) -> tuple[int, ...]:
        return self._lengths

    @property
    def _is_nan(self) -> Any:
        """Where the support is NaN, as SciPy has it for a parameter that is."""
        return np.isnan(self._support[0])

    @property
    def _factors(self) -> tuple[Distribution, int] | None:
        return self._parts

    @property
    def _breaks(self) -> tuple[float, ...]:
        # Before an end that is said to be one nothing is lost, and here it is known exactly.
        return self._points_between if self._near_1 is None else (*self._points_between, 1.0)

    def log_prob(self, x: Any) -> Any:
        """Logarithm of the density; -inf outside of the support."""
        point = np.asarray(x, np.float64)
        shape = np.broadcast_shapes(point.shape[: point.ndim - self._event], self._shape)
        point = np.broadcast_to(point, shape + self._lengths)
        if self._event:
            return self._logs(point)[()]
        low, high = self._support
        inside = (point >= low) & (point <= high)
        start = point if inside.all() else np.where(inside, point, self._inner())
        values = self._logs(start)
        at_end = np.isnan(values) & ((start == low) | (start == high))
        if at_end.any():
            # 0 times infinity: the limit is what it is next to the end.
            near = np.nextafter(start, self._inner())
            values = np.where(at_end, self._logs(np.where(at_end, near, start)), values)
        return np.where(inside, values, np.where(self._is_nan, math.nan, -math.inf))[()]

    def _logs(self, point: Array) -> Array:
        with np.errstate(all="ignore"):
            values = np.asarray(self._log_density(point), np.float64)
        expected = point.shape[: point.ndim - self._event]
        if values.shape != expected:
            raise ValueError(
                f"log-density: got the shape {values.shape} for points of the shape {point.shape}, "
                "expected a number for each point; pass a function of arrays, such as "
                "np.vectorize(f)"
            )
        return values

    def _log_prob_between(self, x: float, below: float, above: float) -> float:
        # As for Beta: near 1 the rounded x + above may be less than 1 by an ulp.
        if self._near_1 is None or not 0.0 < x <= 1.0:
            return float(self.log_prob(x))
        rest = above if x > 0.5 and abs(x + above - 1.0) <= 1e-15 else 1.0 - x
        return self._near_1(x, rest) if rest > 0.0 else float(self.log_prob(x))

    def _is_known_beside(self, end: float) -> bool:
        """Whether points that are rounded to an end of the support are told from it."""
        return self._near_1 is not None and end == 1.0

    def entropy(self) -> Any:
        """There is no closed form."""
        raise NotImplementedError

    def _elements(self, shape: tuple[int, ...]) -> Iterator[Distribution]:
        for index in np.ndindex(*shape):
            if self._element is None:
                yield self
            else:
                own = index[len(index) - len(self._shape) :]
                yield self._element(
                    tuple(i if n > 1 else 0 for i, n in zip(own, self._shape, strict=True))
                )

    def _inner(self) -> Any:
        """Values within the supports."""
        low, high = self._support
        with np.errstate(invalid="ignore"):
            one_end = np.where(
                np.isfinite(low), low + 1.0, np.where(np.isfinite(high), high - 1.0, 0.0)
            )
            return np.where(np.isfinite(low) & np.isfinite(high), 0.5 * (low + high), one_end)[()]

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        if self._sampler is None:
            raise ValueError(
                f"p: {self._shown} has no draws, which method='monte_carlo' needs; pass a "
                "distribution that can be sampled"
            )
        return self._sampler(rng, size)

    @property
    def _scales(self) -> tuple[Any, Any]:
        return self._known_places[0] if self._known_places else self._places[0]

    @property
    def _places(self) -> tuple[tuple[Any, Any], ...]:
        if self._found is None:
            found = self._known_places if self.is_discrete else self._peaks()
            object.__setattr__(self, "_found", found or (self._highest(),))
        return self._found  # type: ignore[return-value]

    def _grid(self) -> NDArray[np.float64]:
        """Points all over the support, most of them around its finite ends or its middle."""
        low, high = (float(it) for it in self._support)
        steps = np.geomspace(1e-9, 1e9, 721)
        if math.isfinite(low) and math.isfinite(high):
            points = low + (high - low) * (np.arange(1, 2048) / 2048)
        elif math.isfinite(low):
            points = low + steps
        elif math.isfinite(high):
            points = (high - steps)[::-1]
        else:
            points = self._inner() + np.concatenate([-steps[::-1], [0.0], steps])
        around = [
            center + spread * side * steps
            for center, spread in self._known_places
            for side in (-1, 1)
        ]
        points = np.unique(np.concatenate([points, *around]))
        return points[(points > low) & (points < high)]

    def _peaks(self) -> tuple[tuple[float, float], ...]:
        """Where the density is higher than to both sides, the largest mass first, and how wide."""
        brackets = self._maxima(self._grid())
        for _ in range(2):
            brackets = [
                part for it in brackets for part in self._maxima(np.linspace(*it, 65)) or [it]
            ]
        found = []
        for bracket in brackets:
            middle, top = self._climbed(*bracket)
            width = self._width(middle, top)
            found.append((top + math.log(width), middle, width))
        found.sort(reverse=True)
        return (*self._known_places, *((middle, width) for _, middle, width in found[:_MOST_PEAKS]))

    def _maxima(self, points: Any) -> list[tuple[float, float]]:
        """Intervals around points whose density is higher, by a tenth, than in between."""
        logs = np.nan_to_num(self.log_prob(points), nan=-math.inf, posinf=math.inf)
        rises = (logs[1:-1] > logs[:-2]) & (logs[1:-1] >= logs[2:]) & (logs[1:-1] < math.inf)
        kept: list[int] = []
        for i in (np.flatnonzero(rises) + 1).tolist():
            if kept and min(logs[kept[-1]], logs[i]) - logs[kept[-1] : i].min() < 0.1:
                if logs[i] > logs[kept[-1]]:
                    kept[-1] = i
            else:
                kept.append(i)
        return [(float(points[i - 1]), float(points[i + 1])) for i in kept]

    def _highest(self) -> tuple[float, float]:
        """The highest of many points, and how far around it the density stays within e^-2."""
        points = self._grid()
        logs = self.log_prob(points)
        best = int(np.nanargmax(logs))
        ends = float(points[max(best - 1, 0)]), float(points[min(best + 1, len(points) - 1)])
        middle, top = self._climbed(*ends)
        if top < logs[best]:
            middle, top = float(points[best]), float(logs[best])
        return middle, self._width(middle, top)

    def _width(self, middle: float, top: float) -> float:
        """How far around a point the density stays within e^-2 of what it is there."""
        width = 1e-9 * max(1.0, abs(middle))
        while width < 1e9:
            sides = self.log_prob(np.asarray([middle - width, middle + width]))
            if np.max(sides) < top - 2.0:
                break
            width *= 1.5
        return width

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
    packages = [str(it.__module__).partition(".")[0] for it in type(given).__mro__]
    found = None
    if "torch" in packages:
        found = _of_torch(given)
    elif packages[0] == "scipy":
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


def _of_torch(given: Any) -> Distribution | None:
    if not hasattr(given, "log_prob"):
        return None
    while type(given).__name__ == "Independent" and given.reinterpreted_batch_ndims == 0:
        given = given.base_dist
    # What others derive from torch's has its name at most.
    is_torch = str(type(given).__module__).startswith("torch.")
    ours = _ours_of_torch(given) if is_torch else None
    if ours is not None:
        return ours
    factors = None
    if type(given).__name__ == "Independent":
        parts = _of_torch(given.base_dist)
        factors = None if parts is None else (parts, given.reinterpreted_batch_ndims)
    return _density_of_torch(given, factors=factors)


def _ours_of_torch(given: Any) -> Distribution | None:
    kind = type(given).__name__
    if kind == "Independent" and type(given.base_dist).__name__ == "Normal":
        base = given.base_dist
        if given.reinterpreted_batch_ndims == 1:
            return _vectors.MultivariateNormal(_array(base.loc), scale_diag=_array(base.scale))
    if kind == "LowRankMultivariateNormal":
        factor, diagonal = _array(given.cov_factor), _array(given.cov_diag)
        covariance = factor @ factor.swapaxes(-1, -2)
        covariance += diagonal[..., None] * np.eye(diagonal.shape[-1])
        return _vectors.MultivariateNormal(_array(given.loc), covariance)
    if kind.startswith("OneHotCategorical") or (kind == "Multinomial" and given.total_count == 1):
        # Of one draw the class is known.
        return _ours_of_torch(given._categorical)
    attributes = _TORCH.get(kind)
    if attributes is None:
        return None
    ours = {"Chi2": "ChiSquared"}.get(kind, kind)
    module = next(it for it in (_families, _discrete, _vectors) if hasattr(it, ours))
    names = attributes.split()
    if names[-1] == "logits" and "probs" in vars(given):
        names[-1] = "probs"
    made: Distribution = getattr(module, ours)(**{it: _array(getattr(given, it)) for it in names})
    return made


def _array(tensor: Any) -> Any:
    """A tensor as float64 numbers, without a gradient."""
    return tensor.detach().cpu().double().numpy() if hasattr(tensor, "detach") else tensor


def _density_of_torch(
    given: Any,
    index: tuple[int, ...] = (),
    *,
    factors: tuple[Distribution, int] | None = None,
) -> Density:
    """An array of densities in float64, whatever the dtype of the parameters, or one of them."""
    import torch  # noqa: PLC0415

    own = _in_double(given)
    kind = type(given).__name__
    batch = tuple(own.batch_shape)
    at = (..., *index)
    low, high = (_array(it)[at] for it in _ends_in_torch(own))

    def log_density(x: Any) -> Any:
        # One of an array is found by asking all of them.
        points = x[(..., *(None,) * len(index))]
        points = np.broadcast_to(points, x.shape + batch) if index else points
        return _log_prob_in_torch(own, torch.tensor(points, dtype=torch.float64)).numpy()[at]

    def near_1(x: float, rest: float) -> float:
        log = math.log(x) if x < 0.5 else math.log1p(-rest)
        return float(_log_prob_of_kumaraswamy(own, torch.tensor(log, dtype=torch.float64))[at])

    def draw(rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        size = size + batch if index else size
        count = len(size) - len(batch)
        source = own if size[count:] == batch else own.expand(size[count:])
        # Draws of torch come from one generator of the whole process.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.integers(2**63)))
            return source.sample(size[:count]).numpy()[at]

    return Density(
        log_density,
        (low, high),
        discrete=bool(own.support.is_discrete),
        draw=draw,
        shown=f"torch's {kind}",
        event_shape=tuple(own.event_shape),
        surface=_surface_in_torch(own),
        shape=() if index else batch,
        element=(lambda it: _density_of_torch(given, it)) if batch and not index else None,
        near_1=near_1 if kind == "Kumaraswamy" else None,
        factors=factors,
        places=() if (batch and not index) or own.event_shape else _places_in_torch(own, index),
    )


def _places_in_torch(it: Any, index: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Where the components of a mixture are, which may be narrow."""
    parts = getattr(it, "component_distribution", None)
    if parts is None:
        return ()
    means, spreads = (_array(one)[index].tolist() for one in (parts.mean, parts.stddev))
    return tuple(pair for pair in zip(means, spreads, strict=True) if all(map(math.isfinite, pair)))


def _in_double(it: Any) -> Any:
    """A copy of what is torch's, with float64 in the place of other floats, without its checks."""
    import torch  # noqa: PLC0415

    def copied(part: Any, dtype: Any) -> Any:
        if isinstance(part, torch.Tensor):
            tensor = part.detach().cpu()
            return tensor.to(dtype) if tensor.is_floating_point() else tensor
        if isinstance(part, (list, tuple)):
            return type(part)(copied(one, dtype) for one in part)
        if isinstance(part, weakref.ref):
            # The inverse that a transform holds weakly is made anew.
            return None
        if not isinstance(part, (torch.distributions.Distribution, torch.distributions.Transform)):
            return part
        if type(part).__name__ in _OF_DEFAULT_DTYPE:
            dtype = torch.get_default_dtype()
        made = object.__new__(type(part))
        vars(made).update({name: copied(value, dtype) for name, value in vars(part).items()})
        vars(made)["_validate_args"] = False
        return made

    return copied(it, torch.float64)


def _surface_in_torch(it: Any) -> str:
    """Where the values are, or those of the parts of a mixture or of a product."""
    kind = type(it).__name__
    if kind == "MixtureSameFamily":
        return _surface_in_torch(it.component_distribution)
    return _surface_in_torch(it.base_dist) if kind == "Independent" else _SURFACES.get(kind, "")


def _ends_in_torch(it: Any) -> tuple[Any, Any]:
    """The smallest and the largest values, of the shape of the array of distributions."""
    import torch  # noqa: PLC0415

    batch = it.batch_shape
    if hasattr(it, "component_distribution"):
        low, high = _ends_in_torch(it.component_distribution)
        return low.amin(-1).expand(batch), high.amax(-1).expand(batch)
    low, high = (getattr(it.support, f"{end}_bound", None) for end in ("lower", "upper"))
    if type(it).__name__ == "VonMises":
        # Of a circle, which is declared to be all numbers.
        low, high = -math.pi, math.pi
    transforms = getattr(it, "transforms", [])
    if low is None and high is None and not it.event_shape:
        if it.support.is_discrete:
            low, high = 0.0, 1.0
        elif transforms and all(part.bijective for part in transforms):
            # A line that is moved is declared to be all numbers.
            low, high = _ends_in_torch(it.base_dist)
            for part in transforms:
                low, high = part(low), part(high)
            low, high = torch.minimum(low, high), torch.maximum(low, high)
    ends = (-math.inf if low is None else low), (math.inf if high is None else high)
    return tuple(torch.as_tensor(end, dtype=torch.float64).expand(batch) for end in ends)


def _log_prob_in_torch(it: Any, x: Any) -> Any:
    """Logarithms of densities; -inf for what is no value, where torch raises or makes up one."""
    import torch  # noqa: PLC0415

    kind = type(it).__name__
    if kind == "MixtureSameFamily":
        logs = _log_prob_in_torch(it.component_distribution, x.unsqueeze(-1 - len(it.event_shape)))
        return (logs + it.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)
    if kind == "Independent":
        logs = _log_prob_in_torch(it.base_dist, x)
        axes = it.reinterpreted_batch_ndims
        return logs.flatten(-axes).sum(-1) if axes else logs
    values = _log_prob_of_kumaraswamy(it, x.log()) if kind == "Kumaraswamy" else it.log_prob(x)
    return torch.where(_are_values_in_torch(it, x), values, -math.inf)


def _log_prob_of_kumaraswamy(it: Any, log_x: Any) -> Any:
    """The density a b x^(a - 1) (1 - x^a)^(b - 1); torch's is NaN or 0 where x^a rounds to 0 or 1.

    At the ends it is NaN if 0 is multiplied by an infinity, and else its limit.
    """
    a, b = it.concentration1, it.concentration0
    return a.log() + b.log() + (a - 1) * log_x + (b - 1) * (-(a * log_x).expm1()).log()


def _are_values_in_torch(it: Any, x: Any) -> Any:
    """Which points a distribution has in its support, also that of what it is a transform of."""
    inside = it.support.check(x)
    if type(it).__name__ == "Multinomial":
        # Torch's support has smaller sums as well.
        inside = inside & (x.sum(-1) == it.total_count)
    if hasattr(it, "transforms"):
        for part in reversed(it.transforms):
            x = part.inv(x)
        own = _are_values_in_torch(it.base_dist, x)
        inside = inside & own.reshape(*inside.shape, -1).all(-1)
    return inside


def _of_scipy(given: Any, name: str) -> Distribution | None:
    kind = type(given).__name__.removesuffix("_frozen")
    if kind == "multivariate_normal":
        return _vectors.MultivariateNormal(given.mean, given.cov)
    if kind == "dirichlet":
        return _vectors.Dirichlet(given.alpha)
    if kind in _SCIPY_ARRAYS:
        return _array_of_scipy(given, kind, name)
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
    made = _ours_of_scipy(family.name, keywords)
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
        return _density_of_scipy(family(**own), discrete=discrete)

    return _density_of_scipy(given, discrete=discrete, shape=numbers[0].shape, element=element)


def _density_of_scipy(
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


def _array_of_scipy(given: Any, kind: str, name: str) -> Distribution:
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
