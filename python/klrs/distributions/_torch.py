"""Distributions of torch: one of our families, or a density in float64 with torch's draws."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions import _discrete, _families, _vectors
from klrs.distributions._density import Density

if TYPE_CHECKING:
    from klrs.distributions._base import Distribution

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

_SURFACES = {
    "Wishart": "cone of symmetric matrices",
    "LogisticNormal": "simplex",
    "RelaxedOneHotCategorical": "simplex",
    "LKJCholesky": "set of factors of correlations",
    "Dirichlet": "simplex",
    "VonMises": "circle",
}
"""Where values are, if that is less than all numbers, vectors or matrices around them."""


def of_torch(given: Any) -> Distribution | None:
    if not hasattr(given, "log_prob"):
        return None
    while type(given).__name__ == "Independent" and given.reinterpreted_batch_ndims == 0:
        given = given.base_dist
    # What others derive from torch's has its name at most.
    is_torch = str(type(given).__module__).startswith("torch.")
    ours = _ours(given) if is_torch else None
    if ours is not None:
        return ours
    factors = None
    if type(given).__name__ == "Independent":
        parts = of_torch(given.base_dist)
        factors = None if parts is None else (parts, given.reinterpreted_batch_ndims)
    return _density(given, factors=factors)


def _ours(given: Any) -> Distribution | None:
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
        return _ours(given._categorical)
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


def _density(
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
        element=(lambda it: _density(given, it)) if batch and not index else None,
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
