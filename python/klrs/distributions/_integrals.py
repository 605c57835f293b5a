"""Divergences from their definition: integrals and sums, and means over a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions._closed import check_pair, is_infinite, is_singular, near_integral
from klrs.distributions._core import evaluate
from klrs.distributions._density import Density
from klrs.distributions._families import VonMises

if TYPE_CHECKING:
    from collections.abc import Callable

    from klrs.distributions._base import Distribution
    from klrs.distributions._parameters import Array

    Pair = tuple[Array, Array]

_BLOCK = 4096
"""How many terms of a series are added at once."""
_MOST_TERMS = 50_000_000
_MOST_FOREIGN_TERMS = 2_000_000
"""Of families of others, whose densities take their time."""
_MOST_INTERVALS = 400

FLOOR = 1e-28
"""Below it, a divergence is not told from the rounding of log-densities."""

_FALLS = 1e-9
"""How much the logarithm of the integrand has to fall far out, or its integral is infinite."""

_ROUNDINGS = 20.0
"""How much larger than the tolerance the bound of all roundings together may be."""

_LAST = 699.0
"""Beyond it, e^t and e^-t leave the floats."""

_LAST_SQUARE = 1e150
"""Soon after it, squares leave the floats."""

_NEARLY_LAST = 600.0
"""-ln q of a probability that is about to leave the floats, if it is made from the number q."""

_MOST_LOG = 1e4
"""What -ln q may be where q has left them."""

_STRAIGHT = 2.0**-46
"""How far from a straight line logarithms may be, relative to them, which then goes on."""

_LEAST_MISSING = 1e-12
"""Less than it, missing mass is not told from the rounding of a density."""

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

    def rounding(self, terms: Array, log_p: Array, log_q: Array) -> float:
        """How far a sum is off: terms of divergences are like squares of differences.

        Those of log-densities are off by what each of them is rounded.
        """
        if self.formula == "cross_entropy":
            return 1e-15 * float(np.abs(terms).sum())
        with np.errstate(all="ignore"):
            difference = np.abs(log_p - log_q)
            noise = 2.0**-51 * (1.0 + np.fmin(np.abs(log_p), np.abs(log_q)))
            share = noise / difference
            relative = np.where(difference > 0, share * (2.0 + share), 1.0) + 1e-15
            errors = np.abs(terms) * np.where(np.isfinite(difference), relative, 1e-15)
        return float(np.nansum(np.where(terms == 0, 0.0, errors)))


def integrate(integral: Integral, p: Distribution, q: Distribution, rtol: float) -> Pair:
    """Integrals or sums, one for each element, and bounds of their errors."""
    shape = check_pair(p, q)
    if p._event:
        raise ValueError(
            f"method: 'quadrature' is for distributions of one number, not for {p._title}; "
            "pass method='monte_carlo'"
        )
    if not 0 < rtol < 1:
        raise ValueError(f"rtol: {rtol:g}, expected a number between 0 and 1, such as 1e-10")
    values, errors = np.empty(shape), np.zeros(shape)
    infinite = _infinite(integral, p, q, shape)
    pairs = zip(p._elements(shape), q._elements(shape), strict=True)
    for index, (one, other) in zip(np.ndindex(*shape), pairs, strict=True):
        if one._is_nan or other._is_nan:
            values[index] = math.nan
        elif infinite[index]:
            values[index] = math.inf
        else:
            values[index], errors[index] = _of_two(integral, one, other, rtol)
    return values, errors


def _infinite(integral: Integral, p: Distribution, q: Distribution, shape: tuple[int, ...]) -> Any:
    if integral.formula in {"kl_divergence", "cross_entropy"}:
        mask = is_infinite(p, q)
    elif _is_power(integral):
        mask = is_singular(p, q)
    else:
        mask = np.asarray(False)
    return np.broadcast_to(mask, shape)


def _of_two(
    integral: Integral, p: Distribution, q: Distribution, rtol: float
) -> tuple[float, float]:
    near = near_integral(integral.formula, integral.parameter, p, q)
    if near is not None:
        return near, 1e-12 * abs(near)
    missing = {it: _missing(it, rtol) for it in (p, q)}
    if p.is_discrete:
        value, error = _series(integral, p, q, rtol)
    else:
        pair = p._shifted(p._location), q._shifted(p._location)
        # Around 0, points are not rounded as they are far from it.
        moved: Any = (p, q) if None in pair else pair
        value, error = _quadrature(integral, moved[0], moved[1], rtol)
    for it, part in missing.items() if value < math.inf else ():
        lost = part * max(1.0, abs(value))
        if lost > rtol * abs(value) + FLOOR:
            raise ArithmeticError(
                f"{it!r}: {part:.1g} of its mass is not found, or its log-density is rounded as "
                f"much, so rtol={rtol:g} cannot be known of {value:g}; pass the places of narrow "
                "peaks and jumps between the ends of its support, or a larger rtol"
            )
        error += lost
    return value, error


def _is_power(integral: Any) -> bool:
    """Whether a power of q in the denominator is integrated."""
    return isinstance(integral, Integral) and (integral.parameter or 0.0) > 1


def _mass(log_p: Any, _: Any, /) -> Any:
    return np.exp(log_p)


def _missing(it: Distribution, rtol: float) -> float:
    """How much mass the density of a function lacks; an error if it does not integrate to 1."""
    if not isinstance(it, Density):
        return 0.0
    find = _series if it.is_discrete else _quadrature
    try:
        mass, _ = find(_mass, it, it, max(1e-10, min(1e-8, rtol)))
    except ArithmeticError:
        if it.is_discrete:
            raise
        remedy = (
            "; pass a support that is not much wider than its mass, with the places of kinks and "
            "jumps between its ends"
        )
        end = _pole(it)
        if end is not None:
            remedy = (
                f": it grows towards {end:g}, where floats are too far apart to resolve it; "
                f"subtract {end:g} from the values of both distributions (of SciPy's that start "
                "there, give loc=0), which changes no divergence"
            )
        raise ArithmeticError(
            f"{it!r}: the integral of its density is not found, so it is not known to be 1{remedy}"
        ) from None
    missing = abs(mass - 1.0)
    if not missing <= 1e-5:
        raise ValueError(
            f"{it!r}: its density integrates to {mass:g}, not 1; subtract ln of the integral "
            "from the log-density, or pass a support that is not much wider than its mass, with "
            "the places of narrow peaks between its ends"
        )
    return missing if missing > _LEAST_MISSING else 0.0


def _pole(it: Distribution) -> float | None:
    """An end of a support, but 0 where floats are dense, towards which a density grows."""
    for end, side in zip(map(float, it.support), (1.0, -1.0), strict=True):
        if math.isfinite(end) and end != 0.0:
            near, far = it.log_prob(end + side * math.ulp(end) * np.asarray([4.0, 256.0]))
            if near > far:
                return end
    return None


def _series(
    integral: Callable[..., Any], p: Distribution, q: Distribution, rtol: float
) -> tuple[float, float]:
    """The sum over integers, in blocks; the tail beyond a block is bounded by that block.

    It begins at the smallest integer, or in the middle of p if there is none.
    """
    ends = [float(end) for it in (p, q) for end in it.support]
    low, high = min(ends[0], ends[2]), max(ends[1], ends[3])
    if math.isfinite(low):
        sides = [(low, high)]
    else:
        middle = min(math.floor(p._scales[0]), high)
        sides = [(middle, high), (middle - 1.0, low)]
    foreign = any(isinstance(it, Density) for it in (p, q))
    most = _MOST_FOREIGN_TERMS if foreign else _MOST_TERMS
    total, error, least = 0.0, 0.0, 0.0
    for start, end in sides:
        side, last = math.copysign(1.0, end - start), abs(end - start)
        enough = max(side * (_reach(it, side) - start) for it in (p, q))
        if min(enough, last) > most:
            raise unreachable(rtol, math.inf, math.nan)
        seen, block = 0.0, 0.0
        while seen <= last:
            x = start + side * np.arange(seen, min(seen + _BLOCK, last + 1.0))
            logs = p.log_prob(x), q.log_prob(x)
            terms = integral(*logs)
            least = min(least, logs[1].min(initial=0.0, where=np.isfinite(logs[1])))
            if least < -_NEARLY_LAST and not _is_power(integral):
                # Here q left the floats, as logarithms of numbers do, and is not 0.
                vanished = terms == math.inf
                terms = np.where(vanished, 0.0, terms)
                error += _MOST_LOG * float(np.where(vanished, np.exp(logs[0]), 0.0).sum())
            if isinstance(integral, Integral):
                error += integral.rounding(terms, *logs)
            block = float(terms.sum())
            total += block
            seen += _BLOCK
            if total == math.inf:
                if _is_power(integral):
                    raise unreachable(rtol, math.inf, math.inf)
                return total, 0.0
            if seen > enough and abs(block) <= 1e-3 * rtol * abs(total):
                error += abs(block) if seen <= last else 0.0
                break
            if seen > most:
                raise unreachable(rtol, abs(block), total)
    if not error <= rtol * abs(total) + FLOOR:
        raise unreachable(rtol, error, total)
    return total, error


def _reach(it: Distribution, side: float) -> float:
    """Where nearly all of the mass of a distribution of integers is behind, going to one side."""
    center, spread = (float(x) for x in it._scales)
    reach = center + side * 12.0 * spread
    return reach if math.isfinite(reach) else float(it.support[side > 0])


def _quadrature(
    integral: Callable[..., Any], p: Distribution, q: Distribution, rtol: float
) -> tuple[float, float]:
    """The integral over the real line.

    It is divided where a support ends. Each piece is mapped to the line such that tails and powers
    at an end decay exponentially: x = c + s sinh t, x = a + s e^t, or a logistic function; there it
    is divided where the mass of p and of q is, and left to QUADPACK.
    """
    quad = _quad()
    ends = sorted({float(end) for it in (p, q) for end in (*it.support, *it._breaks)})
    pieces = [_Piece(integral, p, q, it) for it in pairwise(ends)]
    parts = [(piece, a, b) for piece in pieces for a, b in pairwise(piece.stops())]
    rough = [quad(it.at, a, b, limit=1, full_output=1)[0] for it, a, b in parts]
    scale = abs(sum(rough))
    if scale == math.inf:
        # A power is beyond the floats before its integral is infinite.
        if _is_power(integral) and not any(piece.diverges() for piece in pieces):
            raise unreachable(rtol, math.inf, math.inf)
        return math.inf, 0.0
    total, error, rounding = [], sum(piece.unseen() for piece in pieces), 0.0
    if error > 2.0 * (rtol * scale + FLOOR) and not any(piece.diverges() for piece in pieces):
        raise unreachable(rtol, error, sum(rough))
    absolute = 0.1 * (rtol * scale + FLOOR) / len(parts)
    for piece, a, b in parts:
        found = quad(
            piece.at, a, b, epsabs=absolute, epsrel=0.1 * rtol, limit=_MOST_INTERVALS, full_output=1
        )
        total.append(found[0])
        error += found[1]
        if isinstance(integral, Integral):
            rounding += abs(quad(piece.rounding, a, b, limit=1, full_output=1)[0])
    value = math.fsum(total)
    lost = max(piece.lost() for piece in pieces)
    # Roundings that all have one sign, as the bound must have them, are much rarer than tolerances.
    allowed = rtol * abs(value) + FLOOR
    is_rough = math.isnan(value) or error > allowed or rounding > _ROUNDINGS * allowed
    if is_rough or lost > 1e-3 * rtol * abs(value) + FLOOR:
        if any(piece.diverges() for piece in pieces):
            return math.inf, 0.0
        raise unreachable(rtol, max(1e3 * lost, error + rounding), value)
    return value, error + rounding


class _Piece:
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
        scales = [tuple(float(x) for x in place) for it in (p, q) for place in it._places]
        self.centers = [it for it in scales if math.isfinite(it[0]) and it[1] > 0]
        self.center, self.unit = scales[0] if scales[0] in self.centers else (0.0, 1.0)
        if not math.isfinite(self.unit):
            self.unit = 1.0
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
                # A tail that falls slowly.
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
        """How far the integrand is off."""
        found = self.logs(t)
        if found is None:
            return 0.0
        assert isinstance(self.integral, Integral), "others are not as exact as floats"
        log_p, log_q = (np.asarray(it) for it in found)
        return self.integral.rounding(self.integral(log_p, log_q), log_p, log_q)

    def logs(self, t: float) -> Any:
        """Logarithms of both densities, or None where x is beyond the floats and no law is known.

        They are densities on the line, which a heavy tail leaves in the floats, unless q is only a
        factor of p.
        """
        if abs(t) > self.last:
            law = self.laws.get(t > 0)
            return None if law is None else law(t)
        x, slope, below, above = self.point(t)
        if not (slope > 0.0 and math.isfinite(slope) and math.isfinite(x)):
            return None
        if x in (self.low, self.high) and any(
            isinstance(it, Density) and not it._is_known_beside(x) for it in (self.p, self.q)
        ):
            # The density of the end itself is not that beside it.
            return None
        log_p = self.p._log_prob_between(x, below, above)
        log_q = self.q._log_prob_between(x, below, above)
        if math.inf in (log_p, log_q):
            return None
        log_slope = math.log(slope)
        return log_p + log_slope, log_q + log_slope if self.is_homogeneous else log_q

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
        if formula not in {"kl_divergence", "cross_entropy"} and not _is_power(self.integral):
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
                last = abs(self.at(self.line(inside)))
                before = abs(self.at(self.line(end + 64.0 * (inside - end))))
                # On the line the integrand is an exponential there.
                fall = math.log(before / last) / math.log(64.0) if before > last > 0.0 else 0.0
                total += last / fall if fall > 0.0 else math.inf if last > 0.0 else 0.0
        return total


def _quad() -> Any:
    try:
        from scipy.integrate import quad  # noqa: PLC0415
    except ImportError:
        raise ImportError(
            "method='quadrature' needs SciPy; install klrs[scipy], or pass method='monte_carlo'"
        ) from None
    return quad


def unreachable(rtol: float, error: float, value: float) -> ArithmeticError:
    return ArithmeticError(
        f"quadrature: the error of {value:g} is at most {error:.1g}, which is more than "
        f"rtol={rtol:g} allows; pass a larger rtol, or method='monte_carlo'"
    )


def sampled(
    p: Distribution, q: Distribution, size: Any, rng: Any, mean_of: Callable[[Any], Any]
) -> Pair:
    """The mean of a function of draws from p, one for each element, and its standard error.

    Where it is infinite the error is 0 if a draw shows that, as q does not have it, and else inf.
    """
    shape = check_pair(p, q)
    count = 10_000 if size is None else size
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
        raise TypeError(f"size: got {size!r}, expected an integer, the number of draws")
    if count < 2:
        raise ValueError(f"size: {count}, expected at least 2 draws")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng: got {rng!r}, expected a numpy.random.Generator; pass np.random.default_rng(seed)"
        )
    with np.errstate(all="ignore"):
        if np.any(p._is_nan):
            draws = p._draw_elements(rng, (int(count),), shape)
        else:
            draws = np.asarray(p._draw(rng, (int(count), *shape)), np.float64)
        values = np.broadcast_to(np.asarray(mean_of(draws), np.float64), (int(count), *shape))
        mean = values.mean(axis=0)
        error = values.std(axis=0, ddof=1) / math.sqrt(count)
        if np.isinf(mean).any():
            lacking = np.isfinite(p.log_prob(draws)) & (q.log_prob(draws) == -math.inf)
            error = np.where(np.isinf(mean), np.where(lacking.any(axis=0), 0.0, math.inf), error)
    return np.asarray(mean), np.asarray(error)
