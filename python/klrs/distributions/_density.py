"""A density that is known by its logarithm, and by its draws if it has some."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions._base import Distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from klrs.distributions._parameters import Array

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
        for place in self._points_between:
            # A narrow peak may be there: from where floats are the next ones.
            nearest = 4.0 * np.spacing(max(abs(place), 1e-9))
            beside = np.geomspace(nearest, max(1.0, abs(place)), 721)
            around += [place - beside, np.asarray([place]), place + beside]
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
        width, least = 1e-9 * max(1.0, abs(middle)), 4.0 * math.ulp(middle)

        def is_outside(width: float) -> bool:
            sides = self.log_prob(np.asarray([middle - width, middle + width]))
            return bool(np.max(sides) < top - 2.0)

        while is_outside(width / 1.5) and width > least:
            width /= 1.5
        while width < 1e9 and not is_outside(width):
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
