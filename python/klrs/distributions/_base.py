"""What all families have in common: parameters, shape, and the functions of one distribution."""

from __future__ import annotations

import inspect
import math
import operator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from klrs._arrays import as_array
from klrs._numbers import is_real
from klrs.distributions._core import evaluate
from klrs.distributions._parameters import as_parameter, broadcast_shape, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from klrs.distributions._parameters import Array, Constraint


_MOST_DRAWS = 2**53
"""No memory holds more, and NumPy's arrays do not count them."""


class Tails(NamedTuple):
    """How heavy the tails are, and how fast -ln of the density grows there.

    `right`, `left` and `zero` bound the powers of x, -x and 1/x whose mean is finite. The growth is
    the power of x, -x or 1/x that -ln of the density is like; 0 stands for a logarithm. `exponent`
    is for tails exp(-x * exponent) to the left, and `growth_exponent` for a growth exp(-x * it).
    """

    right: Any = math.inf
    left: Any = math.inf
    zero: Any = math.inf
    exponent: Any = math.inf
    growth_right: Any = 0.0
    growth_left: Any = 0.0
    growth_zero: Any = 0.0
    growth_exponent: Any = 0.0


class Distribution:
    """A distribution, or an array of them: base of the families of `klrs.distributions`.

    Instances are immutable; two are equal only if they are one object.

    Examples
    --------
    >>> from klrs.distributions import Distribution, Normal
    >>> isinstance(Normal(0, 1), Distribution)
    True
    """

    _family: str
    """The family's name in the core."""
    _given: dict[str, Array]
    """Parameters as they were given, by the keywords of the constructor."""
    _numbers: tuple[Array, ...]
    """What the core's formulas take."""
    _shape: tuple[int, ...]

    is_discrete: ClassVar[bool] = False
    """Whether the values are integers, so that densities are probabilities."""
    _event: int = 0
    """How many axes a value has."""
    _surface: str = ""
    """Where the values are, if that is less than all numbers or vectors around them."""

    def _set(self, family: str, given: dict[str, Any], numbers: tuple[Array, ...]) -> None:
        set_ = object.__setattr__
        set_(self, "_family", family)
        set_(self, "_given", given)
        set_(self, "_numbers", numbers)
        shapes = {name: it.shape for name, it in given.items()}
        set_(self, "_shape", broadcast_shape(type(self).__name__, shapes))

    _names: ClassVar[tuple[str, ...]] = ()
    """The parameters by their names."""
    _positional: ClassVar[tuple[str, ...]] = ()
    """Those that have a place as well."""
    _required: ClassVar[tuple[str, ...]] = ()
    """Those that have no default."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        every = list(inspect.signature(cls.__init__).parameters.values())[1:]
        every = [it for it in every if it.kind not in kinds]
        cls._names = tuple(it.name for it in every)
        cls._positional = tuple(it.name for it in every if it.kind is not it.KEYWORD_ONLY)
        cls._required = tuple(it.name for it in every if it.default is it.empty)

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Raise for parameters that do not fit, in the words of the other errors."""
        name = cls.__name__
        missing = [it for it in cls._required[len(arguments) :] if it not in keywords]
        twice = [it for it in cls._positional[: len(arguments)] if it in keywords]
        unknown = [it for it in keywords if it not in cls._names]
        if unknown or twice or len(arguments) > len(cls._positional):
            alone = ("*", *cls._names[len(cls._positional) :])
            call = ", ".join(cls._positional + (alone if len(alone) > 1 else ()))
            if unknown:
                got, remedy = f"no parameter is named {unknown[0]}", "rename it, or leave it out"
            elif twice:
                got, remedy = f"{twice[0]} was given twice", "pass it by its place or by its name"
            else:
                got = f"{len(arguments)} parameters were given by their places"
                remedy = "leave the last ones out, or pass them by name"
            raise TypeError(f"{name}: {got}, expected {name}({call}); {remedy}")
        if missing:
            raise TypeError(
                f"{name}: {' and '.join(missing)} missing, expected "
                f"{name}({', '.join(cls._required)}); pass all of them"
            )
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"{type(self).__name__} is immutable: {name} cannot be set; make a new distribution"
        )

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} cannot be deleted")

    def __copy__(self) -> Distribution:
        return self

    def __deepcopy__(self, memo: Any) -> Distribution:
        return self

    def __reduce__(self) -> Any:
        return _made, (type(self), self._given)

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(it)}" for name, it in self._given.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of distributions: that of the parameters after broadcasting."""
        return self._shape

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest value, as floats or arrays; infinite where there is none."""
        return -math.inf, math.inf

    @property
    def mean(self) -> Any:
        """Mean of each distribution, of the shape `shape`; infinite or NaN where there is none."""
        raise NotImplementedError

    @property
    def variance(self) -> Any:
        """Variance of each distribution, of the shape `shape`."""
        raise NotImplementedError

    def log_prob(self, x: ArrayLike) -> Any:
        """Logarithm of the density at x, or of the probability of x, in nats.

        Parameters
        ----------
        x : array_like
            Values, which broadcast against `shape`.

        Returns
        -------
        float or ndarray
            -inf outside of the support; NaN where x or a parameter is NaN.

        Raises
        ------
        TypeError
            If x is not real.
        ValueError
            If shapes do not broadcast.
        """
        point = self._points(x)
        values = evaluate(f"log_prob {self._family}", point, *self._numbers)
        values = np.where(np.isinf(point) & np.isnan(values), -math.inf, values)
        return np.where(np.isnan(point) | self._is_nan, math.nan, values)[()]

    def _log_prob_between(self, x: float, below: float, above: float) -> float:
        """The same at one point, given its exact distances to the ends of an interval around it."""
        return float(self.log_prob(x))

    def entropy(self) -> Any:
        """Entropy -∫ p ln p (or the sum) in nats, of the shape `shape`.

        Returns
        -------
        float or ndarray
            That of a density may be negative. `klrs.distributions.entropy` takes a `base`.
        """
        return self._full(evaluate(f"entropy {self._family}", *self._numbers))

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] | None = None) -> Any:
        """Draw with a generator of NumPy.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where randomness comes from, such as ``numpy.random.default_rng(0)``.
        size : int or tuple of int, optional
            How many draws of each distribution: the first axes of the result.

        Returns
        -------
        float or ndarray
            Of the shape ``size + shape``, and the shape of a value.

        Raises
        ------
        TypeError
            If `rng` is no Generator, or `size` is of the wrong kind.
        ValueError
            If `size` is negative, or larger than any memory.
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng: got {type(rng).__name__}, expected a numpy.random.Generator; "
                "pass np.random.default_rng(seed)"
            )
        lead = _lengths(size)
        if not np.any(self._is_nan):
            return np.asarray(self._draw(rng, lead + self._shape), np.float64)[()]
        return self._draw_elements(rng, lead, self._shape)[()]

    def _draw_elements(
        self, rng: np.random.Generator, lead: tuple[int, ...], shape: tuple[int, ...]
    ) -> Array:
        """Draws of each distribution by itself: NaN stays in its element, which nobody draws."""
        draws = np.full(lead + shape + self._event_shape, np.nan)
        for index, one in zip(np.ndindex(*shape), self._elements(shape), strict=True):
            if not one._is_nan:
                draws[(slice(None),) * len(lead) + index] = one._draw(rng, lead)
        return draws

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        raise NotImplementedError

    @property
    def _title(self) -> str:
        """What errors call it."""
        return type(self).__name__

    @property
    def _event_shape(self) -> tuple[int, ...]:
        """The shape of a value."""
        return np.shape(self.mean)[len(self._shape) :] if self._event else ()

    @property
    def _factors(self) -> tuple[Distribution, int] | None:
        """Independent components and how many of their last axes are one value, if that is known.

        Entropies and the divergences whose value is a logarithm's are the sums of theirs.
        """
        return None

    @property
    def _tails(self) -> Tails:
        """How heavy the tails are, for divergences that are infinite because of them."""
        return Tails()

    @property
    def _scales(self) -> tuple[Any, Any]:
        """A typical value and a typical distance from it, where the mass is."""
        with np.errstate(all="ignore"):
            return self.mean, np.sqrt(self.variance)

    @property
    def _places(self) -> tuple[tuple[Any, Any], ...]:
        """All of such values and distances, the first for the most of the mass."""
        return (self._scales,)

    @property
    def _is_nan(self) -> Any:
        """Where a parameter is NaN."""
        wrong = np.zeros(self._shape, np.bool_)
        for name, it in self._given.items():
            axes = tuple(range(-self._event_axes(name), 0))
            wrong = wrong | np.isnan(it).any(axes)
        return wrong

    @property
    def _terms(self) -> float:
        """The size of what cancels in the log-density of a single one, such as ln x!."""
        return 1.0

    @property
    def _location(self) -> float:
        """Where a single distribution is, if it can be moved."""
        return 0.0

    @property
    def _breaks(self) -> tuple[float, ...]:
        """Where a density has kinks or jumps, if that was said."""
        return ()

    def _shifted(self, by: float) -> Distribution | None:
        """The distribution of X - by for a single one, or None if the family has none."""
        return None

    def _full(self, values: Any) -> Any:
        """Values of the shape of the distributions: a NumPy scalar for one."""
        full = np.broadcast_to(values, self._shape)
        return np.where(self._is_nan, math.nan, full)[()]

    def _points(self, x: Any) -> NDArray[np.float64]:
        """Where densities are asked for."""
        array = as_array(x, "x")
        if not is_real(array.dtype):
            raise TypeError(
                f"x: dtype {array.dtype} is not supported; expected real numbers (at most float64)"
            )
        point = array.astype(np.float64)
        shape = point.shape[: point.ndim - self._event]
        try:
            np.broadcast_shapes(shape, self._shape)
        except ValueError:
            raise ValueError(
                f"x: shape {point.shape} does not broadcast with the shape {self._shape} of the "
                "distributions; axes must match or be 1"
            ) from None
        return point

    def _elements(self, shape: tuple[int, ...]) -> Iterator[Distribution]:
        """One distribution after the other, in C order of the shape it is broadcast to."""
        events = {name: self._event_axes(name) for name in self._given}
        full = {
            name: np.broadcast_to(it, shape + it.shape[it.ndim - events[name] :])
            for name, it in self._given.items()
        }
        for index in np.ndindex(*shape):
            yield _made(type(self), {name: it[index] for name, it in full.items()})

    def _event_axes(self, name: str) -> int:
        """How many axes of a parameter belong to one distribution."""
        return self._event


def _made(kind: type[Distribution], given: dict[str, Any]) -> Distribution:
    return kind(**given)


def _lengths(size: Any) -> tuple[int, ...]:
    """How many draws along each of the axes before those of the distributions."""
    try:
        given = () if size is None else tuple(np.atleast_1d(size).tolist())
        if any(isinstance(it, bool) for it in given):
            raise TypeError
        lead = tuple(operator.index(it) for it in given)
    except TypeError:
        raise TypeError(
            f"size: got {size!r}, expected an integer or a tuple of them, the number of draws"
        ) from None
    if min(lead, default=0) < 0 or math.prod(lead) > _MOST_DRAWS:
        raise ValueError(
            f"size: {size}, expected integers of at least 0, and at most 2**53 draws; pass the "
            "number of draws, or None for one of each distribution"
        )
    return lead


def _shown(array: Array) -> str:
    """A parameter in a `repr`: a number, or a short list."""
    if array.ndim == 0:
        return repr(float(array)).removesuffix(".0")
    array = np.asarray(array, np.float64)
    return np.array2string(array, separator=", ", threshold=8, edgeitems=2).replace("\n", "")


def parameter(family: str, name: str, given: Any, constraint: Constraint) -> Array:
    """A parameter of a family, checked."""
    array = as_parameter(given, f"{family}: {name}")
    check(array, f"{family}: {name}", constraint)
    return array
