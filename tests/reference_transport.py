"""The oracle of transport on the line, from the definitions, in exact rational arithmetic.

A distribution is a list of points with their masses, which are divided by their sum. No klrs, no
NumPy, no plan and no potential:

- Wasserstein: the integral over u from 0 to 1 of |F^-1(u) - G^-1(u)|^order, with F^-1(u) the first
  point up to which there is at least u of the mass;
- energy: the root of 2 E|X - Y| - E|X - X'| - E|Y - Y'|, over all pairs; Cramér: of half of that.

Only powers that are no integers and the last root are rounded, by mpmath. Gradients are differences
of the oracle over a step of 2^-200: the mean of both sides, where they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from math import inf
from typing import Any

from mpmath import mp, mpf

PRECISION = 1200
"""Bits: more than twice those that the smallest step of a gradient takes away."""

STEP = Fraction(1, 2**200)

Points = Sequence[tuple[Fraction, Fraction]]
"""Points with their masses."""


def histogram(row: Sequence[Any], support: Sequence[Any] | None = None) -> Points:
    """Entries at their positions."""
    where = range(len(row)) if support is None else support
    return [(_exact(x), _exact(mass)) for x, mass in zip(where, row, strict=True)]


def sample(row: Sequence[Any], weights: Sequence[Any] | None = None) -> Points:
    """Samples with their weights."""
    masses = [1] * len(row) if weights is None else weights
    return [(_exact(x), _exact(mass)) for x, mass in zip(row, masses, strict=True)]


def wasserstein_distance(p: Points, q: Points, order: float = 1) -> mpf:
    with mp.workprec(PRECISION):
        (levels_p, points_p), (levels_q, points_q) = _quantiles(p), _quantiles(q)
        levels = sorted({*levels_p, *levels_q})
        total, longest, start, i, j = mpf(0), Fraction(0), Fraction(0), 0, 0
        exact = Fraction(0)
        for level in levels:
            while levels_p[i] < level:
                i += 1
            while levels_q[j] < level:
                j += 1
            distance, mass = abs(points_p[i] - points_q[j]), level - start
            longest = max(longest, distance)
            if order != inf and order == int(order):
                exact += mass * distance ** int(order)
            elif order != inf and distance:
                total += _rounded(mass) * _rounded(distance) ** mpf(order)
            start = level
        if order == inf:
            return _rounded(longest)
        return (total + _rounded(exact)) ** (1 / mpf(order))


def energy_distance(p: Points, q: Points) -> mpf:
    with mp.workprec(PRECISION):
        return mp.sqrt(_rounded(_squared_energy(p, q)))


def cramer_distance(p: Points, q: Points) -> mpf:
    with mp.workprec(PRECISION):
        return mp.sqrt(_rounded(_squared_energy(p, q) / 2))


DISTANCES: dict[str, Callable[..., mpf]] = {
    "wasserstein_distance": wasserstein_distance,
    "cramer_distance": cramer_distance,
    "energy_distance": energy_distance,
}


def gradient(name: str, p: Points, q: Points, argnum: int, moves: int, **options: Any) -> list[mpf]:
    """Derivatives with respect to the points (`moves` 0) or the masses (1) of p or q.

    Equal points move together, and share the derivative by their masses: alone, each of them would
    have one for either direction.
    """
    points = (p, q)[argnum]

    def at(index: int, step: Fraction) -> mpf:
        pair = [list(p), list(q)]
        for it, (x, mass) in enumerate(points):
            if moves == 0 and x == points[index][0]:
                pair[argnum][it] = (x + step, mass)
            elif moves == 1 and it == index:
                pair[argnum][it] = (x, mass + step)
        return DISTANCES[name](*pair, **options)

    slopes = []
    with mp.workprec(PRECISION):
        for index, (x, mass) in enumerate(points):
            # There is less than no mass nowhere.
            back = -STEP if moves == 0 or mass > 0 else Fraction(0)
            slope = (at(index, STEP) - at(index, back)) / _rounded(STEP - back)
            together = sum(m for other, m in points if other == x)
            slopes.append(slope * _rounded(mass / together) if moves == 0 else slope)
    return slopes


def _exact(x: Any) -> Fraction:
    return x if isinstance(x, Fraction) else Fraction(float(x))


def _rounded(x: Fraction) -> mpf:
    return mpf(x.numerator) / x.denominator


def _quantiles(points: Points) -> tuple[list[Fraction], list[Fraction]]:
    """The shares of the mass up to each point that has some, and the points, in order."""
    ordered = sorted((x, mass) for x, mass in points if mass > 0)
    total = sum(mass for _, mass in ordered)
    return [level / total for level in accumulate(m for _, m in ordered)], [x for x, _ in ordered]


def _squared_energy(p: Points, q: Points) -> Fraction:
    def mean(one: Points, other: Points) -> Fraction:
        total = sum(m for _, m in one) * sum(m for _, m in other)
        distances = (m * n * abs(x - y) for x, m in one for y, n in other if m and n)
        return sum(distances, Fraction(0)) / total

    return 2 * mean(p, q) - mean(p, p) - mean(q, q)
