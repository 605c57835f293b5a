"""What is integrated, and a piece of it between two ends of supports, mapped to the line.

On the line tails and powers at an end decay exponentially. A piece says where it is to be divided,
what floats cannot see of it, and whether it diverges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions._core import evaluate
from klrs.distributions._density import Density
from klrs.distributions._families import VonMises

if TYPE_CHECKING:
    from collections.abc import Callable

    from klrs.distributions._base import Distribution
    from klrs.distributions._parameters import Array

    Pair = tuple[Array, Array]

_FALLS = 1e-9
"""How much the logarithm of the integrand has to fall far out, or its integral is infinite."""

_LAST = 699.0
"""Beyond it, e^t and e^-t leave the floats."""

_LAST_SQUARE = 1e150
"""Soon after it, squares leave the floats."""

_NOISE = 2.0**-51
"""How far a log-density is off, for each unit of it and of what cancels in it."""

_STRAIGHT = 2.0**-46
"""How far from a straight line logarithms may be, relative to them, which then goes on."""

_WIDTHS = (0.0, 0.25, 1.0, 3.0, 8.0, 40.0)
"""Where an integral is divided, in units of a scale around the center of a distribution."""


@dataclass(frozen=True)
class Integral:
    """What is integrated: a formula of the two log-densities, and its parameter if it has one."""

    formula: str
    parameter: float | None = None

    def __call__(self, log_p: Any, log_q: Any, /) -> Array:
        """The integrand at points."""
        rest = () if self.parameter is None else (self.parameter,)
        return evaluate(f"integrand {self.formula}", log_p, log_q, *rest)

    def rounding(
        self, terms: Array, logs: Pair, sizes: tuple[float, float], added: float = 0.0
    ) -> float:
        """How far a sum is off, as each log-density is by a few units in the last place.

        Terms of divergences are like squares of differences, those of log-densities are not. With
        what was added to them, log-densities may be smaller than they were rounded.
        """
        log_p, log_q = logs
        with np.errstate(all="ignore"):
            noises = [
                _NOISE * (size + np.fmax(np.abs(log), np.abs(log - added)))
                for log, size in zip(logs, sizes, strict=True)
            ]
            if self.formula == "cross_entropy":
                # That of the uniform distribution on [0, 1] is 0, and nothing is rounded.
                errors = np.abs(terms) * (noises[0] + 1e-15) + np.where(
                    terms == 0, 0.0, np.exp(log_p) * noises[1]
                )
            else:
                difference = np.abs(log_p - log_q)
                noise = np.where(log_p > log_q, *noises)
                share = noise / difference
                errors = np.abs(terms) * (share * (2.0 + share) + noise + 1e-15)
                # Where rounding has left no difference, the square of it is not known.
                order = self.parameter or 0.0
                most = 0.5 * max(1.0, order * abs(1.0 - order)) * noise * noise
                errors = np.where(difference > 0, errors, most * np.exp(np.fmax(log_p, log_q)))
                if self.parameter is not None:
                    # Two powers of a small quotient are near 1 each, and so is what they lack.
                    weight = np.where(log_p > log_q, abs(1.0 - order), order)
                    rest = _NOISE * weight * np.exp(np.fmax(log_p, log_q))
                    errors = errors + np.where(difference > 1.0, rest, 0.0)
                if is_power(self):
                    power = np.exp(order * log_p + (1.0 - order) * log_q)
                    rest = power * (order * noises[0] + (order - 1.0) * noises[1])
                    errors = errors + np.where((difference > 1.0) & (power > 0.0), rest, 0.0)
        return float(np.nansum(errors))


def is_power(integral: Any) -> bool:
    """Whether a power of q in the denominator is integrated."""
    return isinstance(integral, Integral) and (integral.parameter or 0.0) > 1


class Piece:
    """An interval between two ends of supports, and how it is mapped to the line."""

    def __init__(
        self,
        integral: Callable[..., Any],
        p: Distribution,
        q: Distribution,
        ends: tuple[float, float],
    ) -> None:
        self.integral, self.p, self.q = integral, p, q
        formula = integral.formula if isinstance(integral, Integral) else None
        self.is_homogeneous = formula is not None and formula != "cross_entropy"
        self.low, self.high = ends
        places = [tuple(float(x) for x in place) for it in (p, q) for place in it._places]
        # A variance may leave the floats where a mean does not.
        scales = [(c, s if 0.0 < s < math.inf else abs(c)) for c, s in places]
        self.centers = [it for it in scales if math.isfinite(it[0]) and it[1] > 0]
        self.center, self.unit = scales[0] if scales[0] in self.centers else (0.0, 1.0)
        self.last = _LAST
        if math.isfinite(self.low) == math.isfinite(self.high):
            length = self.unit if math.isinf(self.low) else self.high - self.low
            self.last -= abs(math.log(length))
        self.laws: dict[bool, Callable[[float], Pair]] = {}
        self.laws = {side > 0: law for side in (-1.0, 1.0) if (law := self.law(side)) is not None}

    def stops(self) -> list[float]:
        """Where the interval is divided, on the line."""
        if isinstance(self.p, VonMises):
            places = [
                c + w * s * side for c, s in self.centers for w in _WIDTHS for side in (-1, 1)
            ]
            return sorted({-math.pi, math.pi, *(it for it in places if abs(it) < math.pi)})
        found = {-math.inf, math.inf}
        for center, scale in self.centers:
            for width in _WIDTHS:
                for x in (center - width * scale, center + width * scale):
                    if self.low < x < self.high:
                        found.add(self.line(x))
        if len(found) == 2:
            found.add(0.0)
        for is_right in self.laws:
            far = self.last if is_right else -self.last
            fall = (self.magnitude(0.75 * far) - self.magnitude(far)) / abs(0.25 * far)
            if 0.0 < fall < 0.25:
                # A tail that falls slowly, beyond what is gone soon.
                last = (max if is_right else min)(filter(math.isfinite, found))
                found |= {last + math.copysign(width, far) for width in _WIDTHS[2:]}
                found |= {math.copysign(width / fall, far) for width in _WIDTHS[2:]}
        return sorted(it for it in found if not math.isnan(it))

    def line(self, x: float) -> float:
        """The t of an x."""
        if math.isinf(self.low) and math.isinf(self.high):
            return math.asinh((x - self.center) / self.unit)
        if math.isinf(self.high):
            return math.log(x - self.low)
        if math.isinf(self.low):
            return -math.log(self.high - x)
        return math.log((x - self.low) / (self.high - x))

    def point(self, t: float) -> tuple[float, float, float, float]:
        """The x of a t, dx/dt, and the distances from x to the ends."""
        if isinstance(self.p, VonMises):
            return t, 1.0, math.inf, math.inf
        if math.isinf(self.low) and math.isinf(self.high):
            x = self.center + self.unit * math.sinh(t)
            return x, self.unit * math.cosh(t), math.inf, math.inf
        if math.isinf(self.high):
            power = math.exp(t)
            return self.low + power, power, power, math.inf
        if math.isinf(self.low):
            power = math.exp(-t)
            return self.high - power, power, math.inf, power
        small = math.exp(-abs(t))
        length = self.high - self.low
        near, far = length * small / (1.0 + small), length / (1.0 + small)
        x = self.low + near if t < 0 else self.high - near
        return x, near / (1.0 + small), *((near, far) if t < 0 else (far, near))

    def at(self, t: float) -> float:
        """The integrand on the line; 0 where x is beyond the floats."""
        found = self.logs(t)
        if found is None:
            return 0.0
        value = float(self.integral(*found))
        return 0.0 if value == math.inf and self.is_beyond(t) else value

    def is_beyond(self, t: float) -> bool:
        """Whether a density is 0 there by x² say, though its support is not.

        That of a function may mean it, up to where squares leave the floats.
        """
        x, _, below, above = self.point(t)
        return any(
            not (isinstance(it, Density) and abs(x) < _LAST_SQUARE)
            and it.support[0] < x < it.support[1]
            and it._log_prob_between(x, below, above) == -math.inf
            for it in (self.p, self.q)
        )

    def rounding(self, t: float) -> float:
        """How far the integrand is off: by the rounding of log-densities, and by that of x."""
        found = self.logs(t)
        if found is None:
            return 0.0
        assert isinstance(self.integral, Integral), "others are not as exact as floats"
        logs = np.asarray(found[0]), np.asarray(found[1])
        term, sizes = self.integral(*logs), (self.p._terms, self.q._terms)
        if abs(t) > self.last:
            # A line that goes on is off by twice what its ends are, which are as far from 0.
            return self.integral.rounding(term, logs, sizes, 2.0 * abs(t))
        error = self.integral.rounding(term, logs, sizes, math.log(self.point(t)[1]))
        moved = self.logs(t, is_moved=True)
        change = 0.0 if moved is None else abs(float(self.integral(*moved)) - float(term))
        return error + change if math.isfinite(change) else error

    def logs(self, t: float, *, is_moved: bool = False) -> Any:
        """Logarithms of both densities, or None where x is beyond the floats and no law is known.

        They are densities on the line, which a heavy tail leaves in the floats, unless q is only a
        factor of p. Those of an x that is moved are at another number that it may be rounded to.
        """
        if abs(t) > self.last:
            law = self.laws.get(t > 0)
            return None if law is None else law(t)
        x, slope, below, above = self.point(t)
        if not (slope > 0.0 and math.isfinite(slope) and math.isfinite(x)):
            return None
        if is_moved:
            x = self.moved(t, x, slope, min(below, above))
        log_p, log_q = (self.log_prob(it, x, below, above) for it in (self.p, self.q))
        if math.inf in (log_p, log_q):
            return None
        log_slope = math.log(slope)
        return log_p + log_slope, log_q + log_slope if self.is_homogeneous else log_q

    def log_prob(self, it: Distribution, x: float, below: float, above: float) -> float:
        """Of one of both; the density of a function at an end is not that beside it."""
        if x in (self.low, self.high) and isinstance(it, Density) and not it._is_known_beside(x):
            x = math.nextafter(x, self.high if x == self.low else self.low)
        return it._log_prob_between(x, below, above)

    def moved(self, t: float, x: float, slope: float, distance: float) -> float:
        """An x to the inside by what it is off: t, the distance from an end, and x are rounded."""
        if math.isinf(distance):
            distance = abs(x - self.center)
        off = 2.0**-52 * (abs(t) * slope + distance + abs(x))
        is_left = t < 0 if math.isinf(self.low) == math.isinf(self.high) else math.isinf(self.high)
        return x + off if is_left else x - off

    def law(self, side: float) -> Callable[[float], Pair] | None:
        """The logarithms to one side of what floats reach: straight lines, for powers of x."""
        places = side * self.last * np.asarray([1.0, 0.875, 0.75, 0.625, 0.5])
        if isinstance(self.p, VonMises) or not self.has_densities(places[0]):
            return None
        found = [self.logs(float(t)) for t in places]
        if None in found or not np.isfinite(found).all():
            return None
        logs = np.asarray(found)
        slopes = (logs[0] - logs[-1]) / (places[0] - places[-1])
        lines = logs[0] + slopes * (places[:, None] - places[0])
        if (np.abs(lines - logs) > _STRAIGHT * (1.0 + np.abs(logs).max(0))).any():
            return None
        return lambda t: tuple(logs[0] + slopes * (t - places[0]))

    def has_densities(self, t: float) -> bool:
        """Whether both densities are positive there, as far as floats tell."""
        x, slope, below, above = self.point(t)
        if not (slope > 0.0 and math.isfinite(slope) and math.isfinite(x)):
            return False
        logs = (it._log_prob_between(x, below, above) for it in (self.p, self.q))
        return all(map(math.isfinite, logs))

    def reach(self, side: float) -> tuple[float, float]:
        """The last point to one side where floats hold both densities, and the first beyond."""
        stops = (side * t for t in self.stops() if math.isfinite(t))
        near, far = side * max(0.0, *stops), side * self.last
        if self.has_densities(far) or not self.has_densities(near):
            return far, far
        for _ in range(60):
            middle = 0.5 * (near + far)
            near, far = (middle, far) if self.has_densities(middle) else (near, middle)
        return near, far

    def magnitude(self, t: float) -> float:
        """The logarithm of what the integrand is like far out, where exponentials are no floats."""
        found = self.logs(t)
        if found is None:
            return -math.inf
        log_p, log_q = (float(it) for it in found)
        if not isinstance(self.integral, Integral):
            return log_p
        if self.integral.formula == "renyi_divergence":
            alpha = self.integral.parameter or 0.0
            return alpha * log_p + (1.0 - alpha) * log_q
        if self.integral.formula == "js_divergence":
            return max(log_p, log_q)
        factor = abs(log_q if self.integral.formula == "cross_entropy" else log_p - log_q)
        return log_p + math.log(factor) if factor > 0.0 else -math.inf

    def diverges(self) -> bool:
        """Whether the integrand does not fall to an end, over half of what floats reach.

        On the line a power of x is an exponential, so an integral that converges falls.
        """
        formula = self.integral.formula if isinstance(self.integral, Integral) else ""
        if formula not in {"kl_divergence", "cross_entropy"} and not is_power(self.integral):
            return False
        for side in (-1.0, 1.0):
            last = self.reach(side)[0]
            if abs(last) > 100.0:
                values = [self.magnitude(share * last) for share in (0.5, 0.75, 0.99)]
                rises = [after - before for before, after in pairwise(values)]
                if math.isfinite(values[0]) and all(-_FALLS <= it < math.inf for it in rises):
                    return True
        return False

    def breaks_off(self, side: float) -> float:
        """The integrand where it ends at once, to one side: x² is beyond floats from 1e154 on."""
        if (side > 0) in self.laws:
            return 0.0
        near, far = self.reach(side)
        if near == far:
            return abs(self.at(far))
        before, after = abs(self.at(near)), abs(self.at(far))
        return 0.0 if 0.5 * before <= after < math.inf else before

    def lost(self) -> float:
        """The integrand at the last points that are seen before an end at infinity."""
        return 0.0 if isinstance(self.p, VonMises) else max(map(self.breaks_off, (-1.0, 1.0)))

    def unknown(self, near: float, far: float, last: float, fall: float) -> float:
        """What is not known of the integrand near an end, where the last number but it is `near`.

        All of it, unless densities of functions hardly change on the way from `far`: then what they
        would change it by, as powers of the distance, until it has fallen.
        """
        logs, points = self.logs(near), (self.point(near), self.point(far))
        if logs is None:
            return last
        moved = list(logs)
        for i, it in enumerate((self.p, self.q)):
            if isinstance(it, Density):
                ends = (self.log_prob(it, x, below, above) for x, _, below, above in points)
                power = (next(ends) - next(ends)) / math.log(64.0)
                if not abs(power) <= 0.1 * fall:
                    return last
                moved[i] += power / fall
        return abs(float(self.integral(*moved)) - float(self.integral(*logs)))

    def unseen(self) -> float:
        """The integral beside finite ends, nearer to which numbers are the end itself."""
        if not any(isinstance(it, Density) for it in (self.p, self.q)):
            return 0.0
        total = 0.0
        for end, side in ((self.low, 1.0), (self.high, -1.0)):
            inside = end + side * 4.0 * math.ulp(end) if math.isfinite(end) else math.nan
            if end in {0.0, *self.p._breaks, *self.q._breaks}:
                continue
            if self.low < inside < self.high:
                near, far = self.line(inside), self.line(end + 64.0 * (inside - end))
                last, before = abs(self.at(near)), abs(self.at(far))
                # On the line the integrand is an exponential there.
                fall = math.log(before / last) / math.log(64.0) if before > last > 0.0 else 0.0
                if fall > 0.0:
                    total += self.unknown(near, far, last, fall) / fall
                elif last > 0.0:
                    total = math.inf
        return total
