"""Families of integers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import klrs
from klrs.distributions._base import Distribution, Tails, parameter
from klrs.distributions._core import evaluate
from klrs.distributions._parameters import (
    COUNT,
    LOGIT,
    LOGIT_NOT_0,
    LOGIT_NOT_1,
    NON_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    PROBABILITY_NOT_0,
    PROBABILITY_NOT_1,
    Constraint,
    as_parameter,
    check,
    first_of,
    one_of,
    place,
)
from klrs.distributions._wide import (
    LEAST_COUNT,
    LEAST_FAILURE,
    WIDE,
    entropy_of_binomial,
    entropy_of_negative_binomial,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from klrs.distributions._parameters import Array

_MOST_DRAWN = 9e18
"""NumPy draws integers of 64 bits."""

_WHOLE = 24.0
"""From so many trials on, the core's probabilities are no differences of ln n!."""

_TERMS = 24.0
"""In units of 2^-51 the last place of ln 23! is 16, and of the two that it is divided by 4."""

_ALL_MASKED = "expected a class that is left; not all logits of a distribution can be -inf"


class _OfProbability(Distribution):
    """What has a probability, or its log-odds, and perhaps a count before it."""

    is_discrete = True
    _constraints: ClassVar[tuple[Constraint, Constraint]] = (PROBABILITY, LOGIT)
    _name: ClassVar[str]

    def _take(self, before: dict[str, Array], probs: Any, logits: Any) -> None:
        name = type(self).__name__
        kind = one_of(name, {"probs": probs, "logits": logits})
        if kind == "probs":
            value = parameter(name, "probs", probs, self._constraints[0])
        else:
            value = parameter(name, "logits", logits, self._constraints[1])
        family = self._name if kind == "probs" else f"{self._name}_logits"
        self._set(family, before | {kind: value}, (*before.values(), value))

    @property
    @np.errstate(all="ignore")
    def probs(self) -> Array:
        """The probabilities."""
        given = self._given.get("probs")
        return evaluate("sigmoid", self._given["logits"]) if given is None else given

    @property
    @np.errstate(all="ignore")
    def logits(self) -> Array:
        """The log-odds ln(p / (1 - p))."""
        given = self._given.get("logits")
        return evaluate("logit", self._given["probs"]) if given is None else given

    @property
    @np.errstate(all="ignore")
    def _failures(self) -> Array:
        """1 - probs."""
        given = self._given.get("logits")
        return 1.0 - self.probs if given is None else evaluate("sigmoid", -given)

    def _of_logits(self) -> tuple[Array, ...]:
        """The core's numbers with the log-odds in the place of the probability."""
        return (*self._numbers[:-1], self.logits)

    @property
    def _is_certain(self) -> Any:
        """Where the probability is exactly 1, and none only rounds to it."""
        return self._given["probs"] == 1.0 if "probs" in self._given else np.asarray(False)

    @property
    def _is_impossible(self) -> Any:
        if "probs" in self._given:
            return self._given["probs"] == 0.0
        return self._given["logits"] == -math.inf


class Bernoulli(_OfProbability):
    """Bernoulli distributions: 1 with the probability `probs`, else 0.

    Parameters
    ----------
    probs : array_like
        Probabilities of 1.
    logits : array_like
        Log-odds ln(p / (1 - p)), in place of the probabilities.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or not exactly one of them is given.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Bernoulli(probs, logits)``, ``scipy.stats.bernoulli(probs)``.

    Examples
    --------
    >>> from klrs.distributions import Bernoulli, kl_divergence
    >>> kl_divergence(Bernoulli(0.9), Bernoulli(0.5)), kl_divergence(Bernoulli(0.5), Bernoulli(0.9))
    (np.float64(0.3680...), np.float64(0.5108...))
    """

    _name = "bernoulli"

    def __init__(self, probs: ArrayLike | None = None, *, logits: ArrayLike | None = None) -> None:
        self._take({}, probs, logits)

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value that has a probability."""
        return self._full(self._is_certain), self._full(~self._is_impossible)

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.probs)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.probs * self._failures)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        return rng.random(size) < self.probs


class Binomial(_OfProbability):
    """Binomial distributions: successes among `total_count` trials.

    Parameters
    ----------
    total_count : array_like
        Number of trials, an integer of at least 0.
    probs : array_like
        Probabilities of success.
    logits : array_like
        Log-odds ln(p / (1 - p)), in place of the probabilities.

    Raises
    ------
    ValueError
        If a parameter is out of its range, not exactly one of probs and logits is given, or shapes
        do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Binomial(total_count, probs, logits)``, ``scipy.stats.binom(total_count,
    probs)``. The divergence of different counts is a sum over the values of the first, or over
    points an eighth of a standard deviation apart, and +inf if the first has more.

    Examples
    --------
    >>> from klrs.distributions import Binomial, kl_divergence
    >>> kl_divergence(Binomial(10, 0.5), Binomial(10, 0.25))
    np.float64(1.4384103...)
    """

    _name = "binomial"

    def __init__(
        self,
        total_count: ArrayLike,
        probs: ArrayLike | None = None,
        *,
        logits: ArrayLike | None = None,
    ) -> None:
        count = parameter("Binomial", "total_count", total_count, COUNT)
        self._take({"total_count": count}, probs, logits)

    @property
    def total_count(self) -> Array:
        """The number of trials."""
        return self._given["total_count"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value that has a probability."""
        low = np.where(self._is_certain, self.total_count, 0.0)
        return self._full(low), self._full(np.where(self._is_impossible, 0.0, self.total_count))

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.total_count * self.probs)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.total_count * self.probs * self._failures)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        _check_draws("Binomial", self.total_count)
        return rng.binomial(self.total_count.astype(np.int64), self.probs, size)

    @property
    def _terms(self) -> float:
        return _TERMS if self.total_count < _WHOLE else 1.0

    @np.errstate(all="ignore")
    def entropy(self) -> Any:
        """Entropy -sum p ln p in nats, of the shape `shape`."""
        successes, failures = self.total_count * self.probs, self.total_count * self._failures
        is_wide = np.asarray(np.sqrt(successes * self._failures) > WIDE)
        counts = np.where(is_wide, 1.0, self.total_count)
        values = evaluate(f"entropy {self._family}", counts, self._numbers[1])
        for index in zip(*np.nonzero(np.atleast_1d(is_wide)), strict=True):
            means = (float(np.atleast_1d(it)[index]) for it in (successes, failures))
            np.atleast_1d(values)[index] = entropy_of_binomial(*means)
        return self._full(values)


class Geometric(_OfProbability):
    """Geometric distributions: failures before the first success, from 0.

    Parameters
    ----------
    probs : array_like
        Probabilities of success, greater than 0.
    logits : array_like
        Log-odds ln(p / (1 - p)), in place of the probabilities.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or not exactly one of them is given.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Geometric(probs, logits)``. ``scipy.stats.geom(probs)`` counts the success
    too: it is this plus 1.

    Examples
    --------
    >>> from klrs.distributions import Geometric
    >>> Geometric(0.25).mean
    np.float64(3.0)
    """

    _name = "geometric"
    _constraints = (PROBABILITY_NOT_0, LOGIT_NOT_0)

    def __init__(self, probs: ArrayLike | None = None, *, logits: ArrayLike | None = None) -> None:
        self._take({}, probs, logits)

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value that has a probability."""
        return 0.0, self._full(np.where(self._is_certain, 0.0, math.inf))

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self._failures / self.probs)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self._failures / self.probs / self.probs)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        # A larger draw has the probability e^-40.
        _check_draws("Geometric", 40.0 * np.asarray(self.mean))
        return rng.geometric(self.probs, size) - 1


class NegativeBinomial(_OfProbability):
    """Negative binomial distributions: successes before `total_count` failures, from 0.

    Parameters
    ----------
    total_count : array_like
        Number of failures, greater than 0; it need not be an integer.
    probs : array_like
        Probabilities of success, less than 1.
    logits : array_like
        Log-odds ln(p / (1 - p)), in place of the probabilities.

    Raises
    ------
    ValueError
        If a parameter is out of its range, not exactly one of probs and logits is given, or shapes
        do not broadcast.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.NegativeBinomial(total_count, probs, logits)``;
    ``scipy.stats.nbinom(total_count, 1 - probs)``, which counts failures before successes. The
    divergence has a closed form for equal counts; else it is a sum over the values of the first.

    Examples
    --------
    >>> from klrs.distributions import NegativeBinomial
    >>> NegativeBinomial(3, 0.25).mean
    np.float64(1.0)
    """

    _name = "negative_binomial"
    _constraints = (PROBABILITY_NOT_1, LOGIT_NOT_1)

    def __init__(
        self,
        total_count: ArrayLike,
        probs: ArrayLike | None = None,
        *,
        logits: ArrayLike | None = None,
    ) -> None:
        count = parameter("NegativeBinomial", "total_count", total_count, POSITIVE)
        self._take({"total_count": count}, probs, logits)

    @property
    def total_count(self) -> Array:
        """The number of failures."""
        return self._given["total_count"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value that has a probability."""
        return 0.0, self._full(np.where(self._is_impossible, 0.0, math.inf))

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.total_count * self.probs / self._failures)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.total_count * self.probs / self._failures / self._failures)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        with np.errstate(all="ignore"):
            odds = self.probs / self._failures
        _check_draws("NegativeBinomial", odds * (self.total_count + 10.0 * self.total_count**0.5))
        return rng.negative_binomial(self.total_count, self._failures, size)

    @property
    def _terms(self) -> float:
        return _TERMS if self.total_count < _WHOLE else 1.0

    @np.errstate(all="ignore")
    def entropy(self) -> Any:
        """Entropy -sum p ln p in nats, of the shape `shape`.

        Returns
        -------
        float or ndarray
            `klrs.distributions.entropy` takes a `base`.

        Raises
        ------
        ArithmeticError
            If fewer than 10 failures have a probability below 1e-290.
        """
        deviation = np.asarray(np.sqrt(self.total_count * self.probs) / self._failures)
        is_wide = (deviation > WIDE) & (self.total_count >= LEAST_COUNT)
        is_beyond = (self.total_count < LEAST_COUNT) & (self._failures < LEAST_FAILURE)
        if is_beyond.any():
            least = float(np.where(is_beyond, self._failures, 1.0).min())
            raise ArithmeticError(
                f"entropy of NegativeBinomial: a probability of failure of {least:.1g}, expected "
                f"at least {LEAST_FAILURE:.0e}; pass method='monte_carlo'"
            )
        numbers = [np.where(is_wide, 1.0, self.total_count), self._numbers[1]]
        numbers[1] = np.where(is_wide, 0.0, numbers[1])
        values = evaluate(f"entropy {self._family}", *numbers)
        given = np.broadcast_arrays(self.total_count, self.probs, self._failures)
        for index in zip(*np.nonzero(np.atleast_1d(is_wide)), strict=True):
            one = (float(np.atleast_1d(it)[index]) for it in given)
            np.atleast_1d(values)[index] = entropy_of_negative_binomial(*one)
        return self._full(values)


class Poisson(Distribution):
    """Poisson distributions.

    Parameters
    ----------
    rate : array_like
        Mean, at least 0; a rate of 0 always gives 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Poisson(rate)``, ``scipy.stats.poisson(rate)``.

    Examples
    --------
    >>> from klrs.distributions import Poisson, kl_divergence
    >>> kl_divergence(Poisson(1), Poisson(2)), kl_divergence(Poisson(2), Poisson(1))
    (np.float64(0.3068528...), np.float64(0.3862943...))
    """

    is_discrete = True

    def __init__(self, rate: ArrayLike) -> None:
        given = {"rate": parameter("Poisson", "rate", rate, NON_NEGATIVE)}
        self._set("poisson", given, (given["rate"],))

    @property
    def rate(self) -> Array:
        """The rate."""
        return self._given["rate"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value that has a probability."""
        return 0.0, self._full(np.where(self.rate == 0.0, 0.0, math.inf))

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Mean of each distribution."""
        return self._full(self.rate)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variance of each distribution."""
        return self._full(self.rate)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        _check_draws("Poisson", self.rate)
        return rng.poisson(self.rate, size)

    @property
    def _terms(self) -> float:
        # Of ln 11! it is 8. From 12 on the core subtracts no ln x!, and large rates have all there.
        return 8.0 if self.rate < 4.0 * _WHOLE else 1.0


class Categorical(Distribution):
    """Categorical distributions on 0, 1, …, K - 1, along the last axis.

    Parameters
    ----------
    probs : array_like
        Probabilities; each row sums to 1 within 1e-6, or what the dtype allows if it is narrower
        than float64.
    logits : array_like
        Unnormalised log-probabilities in place of the probabilities; -inf for a probability of 0.

    Raises
    ------
    ValueError
        If a row does not sum to 1 or has a negative entry, a logit is +inf or all of a row are
        -inf, or not exactly one of them is given.
    TypeError
        If a parameter is not real.

    Notes
    -----
    Values are labels, so mean and variance are NaN, as in torch. Divergences are those of `klrs`
    for probabilities, and of `klrs.logits` where one of the two is given by logits.
    ``torch.distributions.Categorical(probs, logits)``, which divides `probs` by their sum.

    Examples
    --------
    >>> from klrs.distributions import Categorical, kl_divergence
    >>> kl_divergence(Categorical([0.5, 0.3, 0.2]), Categorical([0.3, 0.6, 0.1]))
    np.float64(0.1860980...)
    """

    is_discrete = True

    def __init__(self, probs: ArrayLike | None = None, *, logits: ArrayLike | None = None) -> None:
        kind = one_of("Categorical", {"probs": probs, "logits": logits})
        name = f"Categorical: {kind}"
        own = as_parameter(probs if kind == "probs" else logits, name, keeps_dtype=True)
        array = own.astype(np.float64)
        array.flags.writeable = False
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(
                f"{name}: shape {array.shape}, expected a last axis with a number for each class; "
                "Bernoulli takes the probability of one of two"
            )
        _check_rows(array, own.dtype, kind, name)
        is_narrow = kind == "probs" and bool(_are_wrong(array, array.dtype).any())
        # Their dtype says why their sums may miss 1, also to the verbs that they are passed on to.
        self._set("categorical", {kind: own if is_narrow else array}, (array,))
        object.__setattr__(self, "_shape", array.shape[:-1])

    def _event_axes(self, name: str) -> int:
        return 1

    @property
    @np.errstate(all="ignore")
    def probs(self) -> Array:
        """The probabilities."""
        given = self._given.get("probs")
        if given is None:
            return np.asarray(klrs.logits.softmax(self._padded_logits)[..., :-1])
        return self._numbers[0]

    @property
    def _padded_logits(self) -> Array:
        """Logits, and that of a class that is left out: so nobody takes them for probabilities."""
        logits = self.logits
        return np.concatenate([logits, np.full_like(logits[..., :1], -math.inf)], axis=-1)

    @property
    @np.errstate(all="ignore")
    def logits(self) -> Array:
        """The logits that were given, or the logarithms of the probabilities."""
        given = self._given.get("logits")
        return evaluate("log", self._given["probs"]) if given is None else given

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest label."""
        return 0.0, float(self._numbers[0].shape[-1] - 1)

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """NaN: labels have no mean."""
        return self._full(math.nan)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """NaN: labels have no variance."""
        return self._full(math.nan)

    def log_prob(self, x: ArrayLike) -> Any:
        """Logarithm of the probability of the label x, in nats.

        Parameters
        ----------
        x : array_like
            Labels, which broadcast against `shape`.

        Returns
        -------
        float or ndarray
            -inf for what is no label.

        Raises
        ------
        TypeError
            If x is not real.
        ValueError
            If shapes do not broadcast.
        """
        point = self._points(x)
        given = self._given.get("logits")
        logs = (
            self.logits if given is None else klrs.logits.log_softmax(self._padded_logits)[..., :-1]
        )
        shape = np.broadcast_shapes(point.shape, self._shape)
        count = logs.shape[-1]
        point = np.broadcast_to(point, shape)
        is_label = (point >= 0) & (point < count) & (np.floor(point) == point)
        labels = np.where(is_label, point, 0.0).astype(np.int64)
        rows = np.broadcast_to(logs, (*shape, count))
        values = np.take_along_axis(rows, labels[..., None], -1)[..., 0]
        found = np.where(is_label | np.isnan(values), values, -math.inf)
        return np.where(np.isnan(point), math.nan, found)[()]

    def entropy(self) -> Any:
        """Entropy -sum p ln p in nats, of the shape `shape`."""
        if "probs" in self._given:
            return of_probabilities(klrs.entropy, self._given["probs"])[()]
        return klrs.logits.entropy(self._padded_logits)

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        sums = np.cumsum(self.probs, axis=-1)[..., :-1]
        return (rng.random(size)[..., None] >= sums).sum(-1)

    @property
    def _tails(self) -> Tails:
        return Tails()


def _check_draws(family: str, largest: Array) -> None:
    """Raise for the first distribution whose draws may be beyond NumPy's integers."""
    wrong = np.asarray(largest > _MOST_DRAWN)
    if wrong.any():
        index = first_of(wrong)
        raise ValueError(
            f"{family}: draws of up to {np.asarray(largest)[index]:g}{place(index)}, expected at "
            f"most {_MOST_DRAWN:g}, for integers of 64 bits; draw from a density of the same mean "
            "and variance"
        )


def of_probabilities(function: Callable[..., Any], *rows: Array, **keywords: Any) -> Array:
    """A verb of klrs in float64, for rows of any dtype."""
    if all(it.dtype == np.float64 for it in rows):
        return np.asarray(function(*rows, **keywords))
    shape = np.broadcast_shapes(*(it.shape[:-1] for it in rows))
    return np.asarray(function(*rows, out=np.empty(shape), **keywords))


_UNITS = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Unit roundoffs."""


def _are_wrong(rows: Array, dtype: np.dtype[Any]) -> Any:
    """Which rows miss the sum 1 by more than probabilities of a dtype, as for the verbs of klrs."""
    unit = _UNITS.get(dtype.name, 2.0**-53)
    tolerance = min(0.02, max(1e-6, (16 + rows.shape[-1]) * unit))
    return np.asarray(np.abs(rows.sum(-1) - 1.0) > tolerance)


def _check_rows(array: Array, dtype: np.dtype[Any], kind: str, name: str) -> None:
    """Raise for the first row that is no distribution."""
    if kind == "logits":
        check(array, name, LOGIT._replace(remedy="pass -inf for the classes that are left out"))
        masked = (array == -math.inf).all(-1)
        if masked.any():
            raise ValueError(f"{name}: all are -inf{place(first_of(masked))}, {_ALL_MASKED}")
        return
    check(array, name, PROBABILITY)
    wrong = _are_wrong(array, dtype)
    if wrong.any():
        index = first_of(wrong)
        raise ValueError(
            f"{name}: row{place(index)} sums to {array[index].sum():g}, not 1; divide each row by "
            "its sum"
        )
