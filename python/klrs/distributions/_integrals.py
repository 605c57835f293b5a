"""Divergences from their definition: integrals and sums with their errors, and means of draws."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions._closed import check_pair, is_infinite, is_singular, near_integral
from klrs.distributions._density import Density
from klrs.distributions._pieces import Integral, Piece, is_power

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

_ROUNDINGS = 40.0
"""How much larger than the tolerance the bound of all roundings together may be.

It is for roundings that all have one sign, which is much rarer.
"""

_NEARLY_LAST = 600.0
"""-ln q of a probability that is about to leave the floats, if it is made from the number q."""

_MOST_LOG = 1e4
"""What -ln q may be where q has left them."""

_LEAST_MISSING = 1e-12
"""Less than it, missing mass is not told from the rounding of a density."""


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
    elif is_power(integral):
        mask = is_singular(p, q)
    else:
        mask = np.asarray(False)
    return np.broadcast_to(mask, shape)


def _of_two(
    integral: Integral, p: Distribution, q: Distribution, rtol: float
) -> tuple[float, float]:
    near = near_integral(integral.formula, integral.parameter, p, q)
    if near is not None and near[1] <= max(rtol, 1e-12) * abs(near[0]):
        return near
    missing = {it: _missing(it, rtol) for it in (p, q)}
    if p.is_discrete:
        value, error = _series(integral, p, q, rtol)
    else:
        pair = p._shifted(p._location), q._shifted(p._location)
        # Around 0, points are not rounded as they are far from it.
        moved: Any = (p, q) if None in pair else pair
        value, error = _quadrature(integral, moved[0], moved[1], rtol)
    for it, part in missing.items() if value < math.inf else ():
        lost = part * (1.0 + abs(value))
        if part <= _LEAST_MISSING:
            if integral.formula != "cross_entropy":
                # All logarithms are off by as much, which is of second order where it is centred.
                factor = part * max(1.0, integral.parameter or 0.0)
                lost = factor * (abs(value) + factor)
        elif lost > rtol * abs(value) + FLOOR:
            raise ArithmeticError(
                f"{it!r}: {part:.1g} of its mass is not found, or its log-density is rounded as "
                f"much, so rtol={rtol:g} cannot be known of {value:g}; pass the places of narrow "
                "peaks and jumps between the ends of its support, or a larger rtol"
            )
        error += lost
    return value, error


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
    return missing


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
    """The sum over integers, in blocks; the tail beyond them is bounded by the last one.

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
        seen = 0.0
        while seen <= last:
            x = start + side * np.arange(seen, min(seen + _BLOCK, last + 1.0))
            logs = p.log_prob(x), q.log_prob(x)
            terms = integral(*logs)
            least = min(least, logs[1].min(initial=0.0, where=np.isfinite(logs[1])))
            if least < -_NEARLY_LAST and not is_power(integral):
                # Here q left the floats, as logarithms of numbers do, and is not 0.
                vanished = terms == math.inf
                terms = np.where(vanished, 0.0, terms)
                error += _MOST_LOG * float(np.where(vanished, np.exp(logs[0]), 0.0).sum())
            if isinstance(integral, Integral):
                error += integral.rounding(terms, logs, (p._terms, q._terms))
            total += float(terms.sum())
            error += 2.0**-53 * abs(total)
            seen += _BLOCK
            if total == math.inf:
                if is_power(integral):
                    raise unreachable(rtol, math.inf, math.inf)
                return total, 0.0
            tail = _tail(terms, seen) if seen <= last else 0.0
            if seen > most or (seen > enough and tail <= 1e-3 * rtol * abs(total)):
                error += tail
                break
    if not error <= rtol * abs(total) + FLOOR:
        raise unreachable(rtol, error, total)
    return total, error


def _tail(terms: Array, seen: float) -> float:
    """A bound of the sum of the terms that are not seen, given the last block of those that are.

    Of n^-s it is n^(1-s)/(s - 1), and what falls faster has a larger s the farther it goes. Halves
    of a block are compared, which gives no larger s than there is.
    """
    half = _BLOCK // 2
    before, after = (abs(float(it.sum())) for it in (terms[:half], terms[half:]))
    if after == 0.0:
        return 0.0
    if seen == _BLOCK or before <= after:
        return math.inf
    power = math.log(before / after) / math.log((seen - half) / (seen - _BLOCK))
    return after / half * seen / (power - 1.0) if power > 1.0 else math.inf


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
    pieces = [Piece(integral, p, q, it) for it in pairwise(ends)]
    parts = [(piece, a, b) for piece in pieces for a, b in pairwise(piece.stops())]
    rough = [quad(it.at, a, b, limit=1, full_output=1)[0] for it, a, b in parts]
    scale = abs(sum(rough))
    if scale == math.inf:
        # A power is beyond the floats before its integral is infinite.
        if is_power(integral) and not any(piece.diverges() for piece in pieces):
            raise unreachable(rtol, math.inf, math.inf)
        return math.inf, 0.0
    total, error, rounding = [], sum(piece.unseen() for piece in pieces), 0.0
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
    allowed = rtol * abs(value) + FLOOR
    is_rough = math.isnan(value) or error > allowed or rounding > _ROUNDINGS * allowed
    if is_rough or lost > 1e-3 * rtol * abs(value) + FLOOR:
        if any(piece.diverges() for piece in pieces):
            return math.inf, 0.0
        raise unreachable(rtol, max(1e3 * lost, error + rounding), value)
    return value, error + rounding + 1e3 * lost


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
