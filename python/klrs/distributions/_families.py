"""Families of real numbers with a density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions._base import Distribution, Tails, parameter
from klrs.distributions._core import evaluate
from klrs.distributions._parameters import (
    NON_NEGATIVE,
    POSITIVE,
    REAL,
    SCALE,
    one_of,
    place,
)
from klrs.distributions._parameters import first_of as _first_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs.distributions._parameters import Array


class _LocationScale(Distribution):
    """What has a location and a scale."""

    def __init__(self, loc: ArrayLike, scale: ArrayLike) -> None:
        name = type(self).__name__
        given = {
            "loc": parameter(name, "loc", loc, REAL),
            "scale": parameter(name, "scale", scale, SCALE),
        }
        self._set(_snake(name), given, (given["loc"], given["scale"]))

    @property
    def loc(self) -> Array:
        """The location."""
        return self._given["loc"]

    @property
    @np.errstate(all="ignore")
    def scale(self) -> Array:
        """The scale."""
        return self._given["scale"]

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.loc)

    @property
    def _location(self) -> float:
        return float(self.loc)

    def _shifted(self, by: float) -> Distribution | None:
        return type(self)(self.loc - by, self.scale)

    @property
    @np.errstate(all="ignore")
    def _scales(self) -> tuple[Any, Any]:
        return self.loc, self.scale


class Normal(_LocationScale):
    """Normal distributions with the density exp(-((x - loc)/scale)²/2) / (scale sqrt(2π)).

    Parameters
    ----------
    loc : array_like
        Mean.
    scale : array_like
        Standard deviation, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Normal(loc, scale)``, ``scipy.stats.norm(loc, scale)``.

    Examples
    --------
    >>> from klrs.distributions import Normal, kl_divergence
    >>> p, q = Normal(0, 1), Normal(1, 2)
    >>> kl_divergence(p, q), kl_divergence(q, p)
    (np.float64(0.44314718...), np.float64(1.30685281...))
    """

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.scale * self.scale)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.normal(self.loc, self.scale, size)

    @property
    def _tails(self) -> Tails:
        return Tails(growth_right=2.0, growth_left=2.0)


class LogNormal(_LocationScale):
    """Log-normal distributions: exp(X) of X with the distribution Normal(loc, scale).

    Parameters
    ----------
    loc : array_like
        Mean of the logarithm.
    scale : array_like
        Standard deviation of the logarithm, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.LogNormal(loc, scale)``, ``scipy.stats.lognorm(scale, scale=exp(loc))``.

    Examples
    --------
    >>> from klrs.distributions import LogNormal
    >>> LogNormal(0, 1).mean
    np.float64(1.6487212...)
    """

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, math.inf

    def _shifted(self, by: float) -> Distribution | None:
        return None

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(evaluate("mean log_normal", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(evaluate("variance log_normal", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def _scales(self) -> tuple[Any, Any]:
        middle = evaluate("exp", self.loc)
        return middle, middle * evaluate("expm1", self.scale)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.lognormal(self.loc, self.scale, size)


class Laplace(_LocationScale):
    """Laplace distributions with the density exp(-abs(x - loc)/scale) / (2 scale).

    Parameters
    ----------
    loc : array_like
        Mean.
    scale : array_like
        Mean distance from it, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Laplace(loc, scale)``, ``scipy.stats.laplace(loc, scale)``.

    Examples
    --------
    >>> from klrs.distributions import Laplace
    >>> Laplace(0, 1).variance
    np.float64(2.0)
    """

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(2.0 * self.scale * self.scale)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.laplace(self.loc, self.scale, size)

    @property
    def _tails(self) -> Tails:
        return Tails(exponent=1.0 / self.scale, growth_right=1.0, growth_left=1.0)


class Cauchy(_LocationScale):
    """Cauchy distributions with the density 1 / (π scale (1 + ((x - loc)/scale)²)).

    Parameters
    ----------
    loc : array_like
        Median.
    scale : array_like
        Half width at half maximum, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    There is no mean: it is NaN, and the variance inf, as in torch.
    ``torch.distributions.Cauchy(loc, scale)``, ``scipy.stats.cauchy(loc, scale)``.

    Examples
    --------
    >>> from klrs.distributions import Cauchy, Normal, kl_divergence
    >>> kl_divergence(Cauchy(0, 1), Cauchy(1, 2)), kl_divergence(Cauchy(0, 1), Normal(0, 1))
    (np.float64(0.2231435...), np.float64(inf))
    """

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """NaN: there is no mean."""
        return self._full(math.nan)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """inf, and NaN where a parameter is."""
        return self._full(self.loc * 0.0 + self.scale * math.inf)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return self.loc + self.scale * rng.standard_cauchy(size)

    @property
    def _tails(self) -> Tails:
        return Tails(right=1.0, left=1.0, exponent=0.0)


class Gumbel(_LocationScale):
    """Gumbel distributions: the density is exp(-z - exp(-z))/scale with z = (x - loc)/scale.

    Parameters
    ----------
    loc : array_like
        Mode.
    scale : array_like
        Scale, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Gumbel(loc, scale)``, ``scipy.stats.gumbel_r(loc, scale)``.

    Examples
    --------
    >>> from klrs.distributions import Gumbel
    >>> Gumbel(0, 1).mean
    np.float64(0.5772156...)
    """

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(evaluate("mean gumbel", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(evaluate("variance gumbel", *self._numbers))

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.gumbel(self.loc, self.scale, size)

    @property
    def _tails(self) -> Tails:
        return Tails(growth_right=1.0, growth_exponent=1.0 / self.scale)


class HalfNormal(Distribution):
    """Half-normal distributions: the absolute value of X with the distribution Normal(0, scale).

    Parameters
    ----------
    scale : array_like
        Standard deviation of X, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.HalfNormal(scale)``, ``scipy.stats.halfnorm(scale=scale)``.

    Examples
    --------
    >>> from klrs.distributions import HalfNormal
    >>> HalfNormal(1).mean
    np.float64(0.7978845...)
    """

    def __init__(self, scale: ArrayLike) -> None:
        given = {"scale": parameter("HalfNormal", "scale", scale, SCALE)}
        self._set("half_normal", given, (given["scale"],))

    @property
    @np.errstate(all="ignore")
    def scale(self) -> Array:
        """The scale."""
        return self._given["scale"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, math.inf

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(evaluate("mean half_normal", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(evaluate("variance half_normal", *self._numbers))

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return np.abs(rng.normal(0.0, self.scale, size))

    @property
    def _tails(self) -> Tails:
        return Tails(zero=1.0, growth_right=2.0)


class _WithRate(Distribution):
    """What has a rate, or its inverse as a scale.

    A scale is kept as it is: the core gets the rate and what it lacks of the inverse of the scale.
    """

    _rate_numbers: tuple[Array, Array]

    def _take_rate(self, rate: Any, scale: Any) -> tuple[str, Array]:
        name = type(self).__name__
        kind = one_of(name, {"rate": rate, "scale": scale})
        value = parameter(name, kind, rate if kind == "rate" else scale, POSITIVE)
        numbers = (value, np.zeros_like(value))
        if kind == "scale":
            numbers = (np.asarray(1.0 / value), evaluate("rate_low", value))
        for it in numbers:
            it.flags.writeable = False
        object.__setattr__(self, "_rate_numbers", numbers)
        return kind, value

    @property
    def rate(self) -> Array:
        """The rate."""
        return self._rate_numbers[0]

    @property
    @np.errstate(all="ignore")
    def scale(self) -> Array:
        """The scale, 1/rate."""
        return self._given["scale"] if "scale" in self._given else 1.0 / self.rate

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, math.inf


class Exponential(_WithRate):
    """Exponential distributions with the density rate exp(-rate x) for x >= 0.

    Parameters
    ----------
    rate : array_like
        Inverse of the mean, greater than 0.
    scale : array_like
        Mean, in place of the rate.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or not exactly one of them is given.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Exponential(rate)``, ``scipy.stats.expon(scale=scale)``.

    Examples
    --------
    >>> from klrs.distributions import Exponential, kl_divergence
    >>> p, q = Exponential(2), Exponential(scale=1)
    >>> kl_divergence(p, q), kl_divergence(q, p)
    (np.float64(0.1931471...), np.float64(0.3068528...))
    """

    def __init__(self, rate: ArrayLike | None = None, *, scale: ArrayLike | None = None) -> None:
        kind, value = self._take_rate(rate, scale)
        self._set("exponential", {kind: value}, self._rate_numbers)

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.scale)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.scale * self.scale)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.exponential(self.scale, size)

    @property
    def _tails(self) -> Tails:
        return Tails(zero=1.0, growth_right=1.0)


class Gamma(_WithRate):
    """Gamma distributions with the density rate^a x^(a - 1) exp(-rate x) / Γ(a), a = concentration.

    Parameters
    ----------
    concentration : array_like
        Shape, greater than 0.
    rate : array_like
        Inverse of a scale, greater than 0.
    scale : array_like
        Scale, in place of the rate.

    Raises
    ------
    ValueError
        If a parameter is out of its range, not exactly one of rate and scale is given, or shapes do
        not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Gamma(concentration, rate)``, ``scipy.stats.gamma(concentration,
    scale=scale)``.

    Examples
    --------
    >>> from klrs.distributions import Gamma, kl_divergence
    >>> p, q = Gamma(2, 1), Gamma(3, scale=0.5)
    >>> kl_divergence(p, q), kl_divergence(q, p)
    (np.float64(0.1909...), np.float64(0.1159...))
    """

    def __init__(
        self,
        concentration: ArrayLike,
        rate: ArrayLike | None = None,
        *,
        scale: ArrayLike | None = None,
    ) -> None:
        shape = parameter("Gamma", "concentration", concentration, POSITIVE)
        kind, value = self._take_rate(rate, scale)
        self._set("gamma", {"concentration": shape, kind: value}, (shape, *self._rate_numbers))

    @property
    def concentration(self) -> Array:
        """The concentration."""
        return self._given["concentration"]

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        if "scale" in self._given:
            return self._full(self.concentration * self.scale)
        return self._full(self.concentration / self.rate)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.mean * self.scale)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.gamma(self.concentration, self.scale, size)

    @property
    def _tails(self) -> Tails:
        return Tails(zero=self.concentration, growth_right=1.0)


class ChiSquared(Distribution):
    """Chi-squared distributions: Gamma(df/2, rate 1/2).

    Parameters
    ----------
    df : array_like
        Degrees of freedom, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Chi2(df)``, ``scipy.stats.chi2(df)``.

    Examples
    --------
    >>> from klrs.distributions import ChiSquared
    >>> ChiSquared([1, 2]).variance
    array([2., 4.])
    """

    def __init__(self, df: ArrayLike) -> None:
        given = {"df": parameter("ChiSquared", "df", df, POSITIVE)}
        self._set("gamma", given, (0.5 * given["df"], np.asarray(0.5), np.asarray(0.0)))

    @property
    def df(self) -> Array:
        """The degrees of freedom."""
        return self._given["df"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, math.inf

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.df)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(2.0 * self.df)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.chisquare(self.df, size)

    @property
    def _tails(self) -> Tails:
        return Tails(zero=0.5 * self.df, growth_right=1.0)


class InverseGamma(Distribution):
    """Inverse gamma distributions with the density ~ x^(-a - 1) exp(-rate/x), a = concentration.

    Parameters
    ----------
    concentration : array_like
        Shape, greater than 0.
    rate : array_like
        Scale of x, greater than 0: torch's name, as it is the rate of 1/x.
    scale : array_like
        The same number by SciPy's name.

    Raises
    ------
    ValueError
        If a parameter is out of its range, not exactly one of rate and scale is given, or shapes do
        not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.InverseGamma(concentration, rate)``, ``scipy.stats.invgamma(concentration,
    scale=rate)``.

    Examples
    --------
    >>> from klrs.distributions import InverseGamma
    >>> InverseGamma(3, 2).mean
    np.float64(1.0)
    """

    def __init__(
        self,
        concentration: ArrayLike,
        rate: ArrayLike | None = None,
        *,
        scale: ArrayLike | None = None,
    ) -> None:
        shape = parameter("InverseGamma", "concentration", concentration, POSITIVE)
        kind = one_of("InverseGamma", {"rate": rate, "scale": scale})
        value = parameter("InverseGamma", kind, rate if kind == "rate" else scale, POSITIVE)
        self._set("inverse_gamma", {"concentration": shape, kind: value}, (shape, value))

    @property
    def concentration(self) -> Array:
        """The concentration."""
        return self._given["concentration"]

    @property
    def rate(self) -> Array:
        """The rate of 1/x."""
        return self._numbers[1]

    @property
    @np.errstate(all="ignore")
    def scale(self) -> Array:
        """The scale of x: the same number as `rate`."""
        return self._numbers[1]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, math.inf

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution; inf for a concentration of at most 1."""
        return self._full(evaluate("mean inverse_gamma", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution; inf for a concentration of at most 2."""
        return self._full(evaluate("variance inverse_gamma", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def _scales(self) -> tuple[Any, Any]:
        middle = self.rate / (self.concentration + 1.0)
        return middle, middle

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return self.rate / rng.gamma(self.concentration, 1.0, size)

    @property
    def _tails(self) -> Tails:
        return Tails(right=self.concentration, growth_zero=1.0)


class Beta(Distribution):
    """Beta distributions with the density ~ x^(a - 1) (1 - x)^(b - 1) on [0, 1].

    Parameters
    ----------
    concentration1 : array_like
        a, greater than 0.
    concentration0 : array_like
        b, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Beta(concentration1, concentration0)``, ``scipy.stats.beta(concentration1,
    concentration0)``.

    Examples
    --------
    >>> from klrs.distributions import Beta, kl_divergence
    >>> p, q = Beta(2, 3), Beta(1, 1)
    >>> kl_divergence(p, q), kl_divergence(q, p)
    (np.float64(0.2349...), np.float64(0.5150...))
    """

    def __init__(self, concentration1: ArrayLike, concentration0: ArrayLike) -> None:
        given = {
            "concentration1": parameter("Beta", "concentration1", concentration1, POSITIVE),
            "concentration0": parameter("Beta", "concentration0", concentration0, POSITIVE),
        }
        self._set("beta", given, tuple(given.values()))

    @property
    def concentration1(self) -> Array:
        """The power of x, plus 1."""
        return self._given["concentration1"]

    @property
    def concentration0(self) -> Array:
        """The power of 1 - x, plus 1."""
        return self._given["concentration0"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, 1.0

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        # Halves, since the sum of two floats may be beyond them; those of the least floats are 0.
        sums = self.concentration1 + self.concentration0
        unit = np.where(np.isinf(sums), 0.5, 1.0)
        return self._full(
            unit * self.concentration1 / (unit * self.concentration1 + unit * self.concentration0)
        )

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(evaluate("variance beta", *self._numbers))

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.beta(self.concentration1, self.concentration0, size)

    def _log_prob_between(self, x: float, below: float, above: float) -> float:
        # Near 1 the rounded x + above may be less than 1 by an ulp.
        rest = above if x > 0.5 and x + above > 1.0 - 1e-15 else 1.0 - x
        if not (0.0 < x <= 1.0 and 0.0 < rest <= 1.0):
            return float(self.log_prob(x))
        return float(evaluate("log_prob_between beta", x, rest, *self._numbers))

    @property
    def _tails(self) -> Tails:
        return Tails(zero=self.concentration1)


class Pareto(Distribution):
    """Pareto distributions with the density alpha scale^alpha / x^(alpha + 1) for x >= scale.

    Parameters
    ----------
    scale : array_like
        Smallest value, greater than 0.
    alpha : array_like
        Power of the tail, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Pareto(scale, alpha)``, ``scipy.stats.pareto(alpha, scale=scale)``.

    Examples
    --------
    >>> from klrs.distributions import Pareto
    >>> Pareto(1, 3).mean, Pareto(1, 1).mean
    (np.float64(1.5), np.float64(inf))
    """

    def __init__(self, scale: ArrayLike, alpha: ArrayLike) -> None:
        given = {
            "scale": parameter("Pareto", "scale", scale, POSITIVE),
            "alpha": parameter("Pareto", "alpha", alpha, POSITIVE),
        }
        self._set("pareto", given, tuple(given.values()))

    @property
    @np.errstate(all="ignore")
    def scale(self) -> Array:
        """The smallest value."""
        return self._given["scale"]

    @property
    def alpha(self) -> Array:
        """The power of the tail."""
        return self._given["alpha"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return self._full(self.scale), math.inf

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution; inf for alpha of at most 1."""
        return self._full(evaluate("mean pareto", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution; inf for alpha of at most 2."""
        return self._full(evaluate("variance pareto", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def _scales(self) -> tuple[Any, Any]:
        return self.scale, self.scale / self.alpha

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return self.scale * (1.0 + rng.pareto(self.alpha, size))

    @property
    def _tails(self) -> Tails:
        return Tails(right=self.alpha)


class Weibull(Distribution):
    """Weibull distributions with the survival function exp(-(x/scale)^concentration), x >= 0.

    Parameters
    ----------
    scale : array_like
        Scale, greater than 0.
    concentration : array_like
        Shape, greater than 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Weibull(scale, concentration)``, ``scipy.stats.weibull_min(concentration,
    scale=scale)``.

    Examples
    --------
    >>> from klrs.distributions import Weibull
    >>> Weibull(2, 1).mean
    np.float64(2.0)
    """

    def __init__(self, scale: ArrayLike, concentration: ArrayLike) -> None:
        given = {
            "scale": parameter("Weibull", "scale", scale, POSITIVE),
            "concentration": parameter("Weibull", "concentration", concentration, POSITIVE),
        }
        self._set("weibull", given, tuple(given.values()))

    @property
    @np.errstate(all="ignore")
    def scale(self) -> Array:
        """The scale."""
        return self._given["scale"]

    @property
    def concentration(self) -> Array:
        """The shape."""
        return self._given["concentration"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return 0.0, math.inf

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(evaluate("mean weibull", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(evaluate("variance weibull", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def _scales(self) -> tuple[Any, Any]:
        return self.scale, self.scale / np.maximum(self.concentration, 1.0)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return self.scale * rng.weibull(self.concentration, size)

    @property
    def _tails(self) -> Tails:
        return Tails(zero=self.concentration, growth_right=self.concentration)


class Uniform(Distribution):
    """Uniform distributions on the interval from `low` to `high`.

    Parameters
    ----------
    low : array_like
        Smallest value.
    high : array_like
        Largest value, greater than `low`.

    Raises
    ------
    ValueError
        If a parameter is not finite, ``low >= high``, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Uniform(low, high)``, ``scipy.stats.uniform(low, high - low)``.

    Examples
    --------
    >>> from klrs.distributions import Uniform, kl_divergence
    >>> kl_divergence(Uniform(0, 1), Uniform(0, 2)), kl_divergence(Uniform(0, 2), Uniform(0, 1))
    (np.float64(0.6931471...), np.float64(inf))
    """

    def __init__(self, low: ArrayLike, high: ArrayLike) -> None:
        given = {
            "low": parameter("Uniform", "low", low, REAL),
            "high": parameter("Uniform", "high", high, REAL),
        }
        self._set("uniform", given, tuple(given.values()))
        lows, highs = np.broadcast_arrays(given["low"], given["high"])
        wrong = lows >= highs
        if wrong.any():
            index = _first_of(wrong)
            raise ValueError(
                f"Uniform: low {lows[index]:g} and high {highs[index]:g}{place(index)}, expected "
                "low < high; swap them, or drop the element"
            )

    @property
    def low(self) -> Array:
        """The smallest value."""
        return self._given["low"]

    @property
    def high(self) -> Array:
        """The largest value."""
        return self._given["high"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value."""
        return self._full(self.low), self._full(self.high)

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(evaluate("mean uniform", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(evaluate("variance uniform", *self._numbers))

    @property
    def _location(self) -> float:
        return float(self.low)

    def _shifted(self, by: float) -> Distribution | None:
        return Uniform(self.low - by, self.high - by)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        # Half of it has a length that is no more than the floats.
        return 2.0 * rng.uniform(0.5 * self.low, 0.5 * self.high, size)

    @property
    def _tails(self) -> Tails:
        return Tails(zero=1.0)


class VonMises(Distribution):
    """Von Mises distributions on the circle, with the density ~ exp(concentration cos(x - loc)).

    Parameters
    ----------
    loc : array_like
        Mean direction, in radians.
    concentration : array_like
        At least 0; 0 is the uniform distribution.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or shapes do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    Values are angles: the density has the period 2π, and its integral over one is 1. The variance
    is the circular one, 1 - I1(concentration)/I0(concentration), as in torch.
    ``torch.distributions.VonMises(loc, concentration)``, ``scipy.stats.vonmises(concentration,
    loc)``.

    Examples
    --------
    >>> from klrs.distributions import VonMises
    >>> VonMises(0, 2).variance
    np.float64(0.3022253...)
    """

    _surface = "circle"

    def __init__(self, loc: ArrayLike, concentration: ArrayLike) -> None:
        given = {
            "loc": parameter("VonMises", "loc", loc, REAL),
            "concentration": parameter("VonMises", "concentration", concentration, NON_NEGATIVE),
        }
        self._set("von_mises", given, tuple(given.values()))

    @property
    def loc(self) -> Array:
        """The mean direction."""
        return self._given["loc"]

    @property
    def concentration(self) -> Array:
        """The concentration."""
        return self._given["concentration"]

    @property
    def support(self) -> tuple[Any, Any]:
        """One period, from -π to π."""
        return -math.pi, math.pi

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean direction of each distribution."""
        return self._full(self.loc)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Circular variance of each distribution."""
        return self._full(evaluate("variance von_mises", *self._numbers))

    @property
    @np.errstate(all="ignore")
    def _scales(self) -> tuple[Any, Any]:
        turned = np.arctan2(np.sin(self.loc), np.cos(self.loc))
        return turned, 1.0 / np.sqrt(self.concentration + 1.0)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.vonmises(self.loc, self.concentration, size)


def _snake(name: str) -> str:
    """LogNormal as log_normal."""
    return "".join(f"_{it.lower()}" if it.isupper() else it for it in name).lstrip("_")
