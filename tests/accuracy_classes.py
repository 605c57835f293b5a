"""The classes of input of test_accuracy.py: lists of (p, q), each a batch of rows, in one dtype.

Every class states what it is there for. Rows of the classes in `AS_GIVEN` pass the check of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product

import numpy as np

from inputs import Float, distributions, one_hot

Pair = tuple[np.ndarray, np.ndarray]


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _unit_sum(x: np.ndarray) -> np.ndarray:
    return x / x.sum(axis=-1, keepdims=True)


def _next(x: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The neighbour of each entry in its dtype, upwards or downwards."""
    word = x.view(np.dtype(f"i{x.itemsize}"))
    return (word + np.where(up, 1, -1).astype(word.dtype)).view(x.dtype)


def _decades(kind: Float, deepest: float, first: float = 0.1) -> np.ndarray:
    """From `first` to the smallest number that the dtype has, but not below `deepest`."""
    return np.geomspace(first, max(deepest, kind.subnormal * 2), 12)


def random(kind: Float) -> list[Pair]:
    """Uniform on the simplex, of short and middle length."""
    lengths = (1, 2, 3, 5, 8, 10, 17, 31, 32, 33, 50, 64, 100, 257)
    return [
        (distributions(k, 3, k, kind=kind), distributions(-k % 997, 3, k, kind=kind))
        for k in lengths
    ]


def near(kind: Float) -> list[Pair]:
    """q = p (1 + eps z): divergences down to 1e-30, where naive formulas lose all digits."""
    pairs = []
    for k, eps in product((2, 10, 100), 10.0 ** -np.arange(0.5, 15.1, 1)):
        if eps < kind.unit:
            break
        p = distributions(k, 2, k)
        q = _unit_sum(p * np.exp(eps * _rng(k + 1).standard_normal((2, k))))
        pairs.append((kind.array(p), kind.array(q)))
    return pairs


def neighbours(kind: Float) -> list[Pair]:
    """Entries that differ by one unit in the last place, up or down, or not at all."""
    pairs = []
    for k in (2, 3, 33, 200):
        p = distributions(k, 4, k, kind=kind)
        moved = _next(p, _rng(k).random((4, k)) < 0.5)
        pairs.append((p, np.where(_rng(k + 1).random((4, k)) < 0.5, moved, p)))
    return pairs


def near_tails(kind: Float) -> list[Pair]:
    """Equal but for tiny entries: a divergence of 1e-30 in every dtype that has such numbers."""
    pairs = []
    for tail in _decades(kind, 1e-29, first=1e-7):
        p, q = (np.full((2, 12), 0.1) for _ in range(2))
        p[:, 10:] = tail * (1 + _rng(1).random((2, 2)))
        q[:, 10:] = tail * (1 + _rng(2).random((2, 2)))
        pairs.append((kind.array(p), kind.array(q)))
    return pairs


def far(kind: Float) -> list[Pair]:
    """Entries over the whole range of the dtype: KL to 700 (f32 100, f16 16)."""
    pairs = []
    for tail in _decades(kind, 1e-305):
        two = np.array([[1 - tail, tail], [tail, 1 - tail]])
        pairs.append((kind.array(two), kind.array(two[::-1])))
    deepest = np.log10(max(1e-300, kind.normal))
    for k in (3, 20, 33, 150):
        exponents = _rng(k).uniform(deepest, 0, (2, 3, k))
        exponents[:, :, 0] = 0
        p, q = kind.array(_unit_sum(10.0**exponents))
        pairs.append((p, q[:, ::-1]))
    return pairs


def sparse(kind: Float) -> list[Pair]:
    """Zeros in p alone (KL finite), in q alone (infinite), and in both; also as -0.0."""
    pairs = []
    for k, kept in product((4, 20, 40, 300), (0.1, 0.5)):
        p, q = _rng(k).standard_exponential((2, 3, k))
        keep = _rng(k + 1).random((3, k)) < kept
        keep[:, -1] = True
        few = kind.array(_unit_sum(p * keep))
        pairs += [
            (few, kind.array(_unit_sum(q))),
            (few, kind.array(_unit_sum(q * keep))),
            (kind.array(_unit_sum(q)), few),
            (few, kind.array(_unit_sum(np.where(keep, q, -0.0)))),
        ]
    return pairs


def one_hots(kind: Float) -> list[Pair]:
    """Class labels, against a prediction, the same label and another label."""
    pairs = []
    for k in (1, 2, 10, 40, 200):
        p, q = one_hot(k, 3, k, dtype=kind.dtype), one_hot(k + 1, 3, k, dtype=kind.dtype)
        pairs += [(p, distributions(k, 3, k, kind=kind)), (p, p.copy()), (p, q)]
    return pairs


def subnormal(kind: Float) -> list[Pair]:
    """Subnormal entries beside normal ones, in p, in q and in both."""
    pairs = []
    for k in (2, 3, 20, 40, 200):
        p, q = (distributions(k + i, 3, k) for i in (0, 1))
        fine_p, fine_q = _rng(k).random((2, 3, k)) ** 4 * kind.normal + kind.subnormal
        fine_p[:, 0], fine_q[:, 0] = 1, 1
        mixed = np.where(_rng(k + 2).random((3, k)) < 0.5, fine_p, p)
        fine_p, fine_q, mixed = map(kind.array, (fine_p, fine_q, _unit_sum(mixed)))
        p, q = kind.array(p), kind.array(q)
        pairs += [(fine_p, fine_q), (p, fine_q), (fine_p, q), (mixed, q), (q, mixed)]
    return pairs


def tiny(kind: Float) -> list[Pair]:
    """Entries near the end of the range of normal numbers: 1e-300 (f64), 1e-37 (f32)."""
    size = min(1e-5, max(1e-300, kind.normal * 4))
    pairs = []
    for k in (2, 5, 33, 200):
        p, q = (1 + _rng(k).random((2, 3, k))) * size
        p[:, 0], q[:, 0] = 1, 1
        pairs += [
            (kind.array(p), kind.array(q)),
            (kind.array(p), distributions(k, 3, k, kind=kind)),
        ]
    return pairs


def low_entropy(kind: Float) -> list[Pair]:
    """Nearly all mass on one entry: entropies from 1e-30, and entries above 1."""
    pairs = []
    u = kind.unit
    for tail in _decades(kind, 1e-32):
        p = np.array([[1, tail, 0], [1, tail / 2, tail], [1 - u, u, tail]])
        q = np.array([[1, tail / 2, tail], [1 - 3 * u, 3 * u, tail], [1, tail, tail]])
        pairs.append((kind.array(_unit_sum(p)), kind.array(_unit_sum(q))))
    above = np.array([[1 + 2 * u, u], [1 - u, u], [1, u / 4]])
    return [*pairs, *((kind.array(a[None]), kind.array(b[None])) for a, b in product(above, above))]


def _pooled(kind: Float, k: int, distinct: int) -> Pair:
    """Long rows of few distinct pairs in random order: the oracle evaluates each pair once."""
    p, q = _rng(k).standard_exponential((2, distinct))
    order = _rng(k + 1).integers(distinct, size=(1, k))
    return kind.array(_unit_sum(p[order])), kind.array(_unit_sum(q[order]))


def extreme(kind: Float) -> list[Pair]:
    """Corners at which a formula runs into the ends of the range, in pairs of short rows.

    An entry as small as the dtype has, or smaller than one rounding, on either side: in ratios, in
    powers, in sums and beside zeros. Rows whose sums are at the ends of what passes the check.
    """
    rows: list[tuple[list[float], list[float]]] = [
        ([1], [1]),
        ([1, 0], [0, 1]),
        ([0.5, 0.5], [0.5, 0.5]),
        ([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]),
        ([1, 0, 0], [0.2, 0.3, 0.5]),
        ([0.3, 0.7], [float(np.nextafter(0.3, 1)), 0.7]),
        ([1 + 1e-7, 1e-9], [1 - 1e-7, 1e-9]),
        ([1 + 9e-7, 0], [1 - 9e-7, 0]),
    ]
    for t in {kind.subnormal, kind.normal * 3, kind.unit / 8, kind.unit**2}:
        rows += [
            ([1, t], [t, 1]),
            ([1, t], [1, t * 3]),
            ([1, t], [1, 0]),
            ([1, t], [0.5, 0.5]),
            ([t, 1, t], [t, t, 1]),
            ([0.5, 0.5, t], [0.5, 0.5, t * 5]),
            ([0.5, 0.5, t], [0.5, 0.5, 0]),
            ([0.25] * 4, [1, t, t, t]),
        ]
    rows += [(q, p) for p, q in rows]
    return [(kind.array([p]), kind.array([q])) for p, q in rows]


def lengths(kind: Float) -> list[Pair]:
    """Around every change of path: lanes, blocks and chunks of f64 and f32."""
    ends = (1, 2, 3, 31, 32, 33, 127, 128, 129, 255, 256, 257, 2048)
    chunks = (16_383, 16_384, 16_385, 32_768, 32_769)
    return [_pooled(kind, k, min(k, 60)) for k in ends + chunks]


def vocabulary(kind: Float) -> list[Pair]:
    """150 000 classes, as a language model has: random, and near equality."""
    p, q = _pooled(kind, 150_000, 400)
    close = kind.array(p.astype(np.float64) * (1 + kind.unit * 8 * (q > np.median(q))))
    return [(p, q), (p, close)]


def mass(kind: Float) -> list[Pair]:
    """Sums that differ by a factor from one unit in the last place to 1e4; shapes near and far."""
    pairs = []
    for k, eps in product((2, 9, 100), (1e-15, 1e-11, 1e-6, 1e-2, 1)):
        p = distributions(k, 2, k)
        q = _unit_sum(p * np.exp(eps * _rng(k).standard_normal((2, k))))
        ulp = kind.array(q)
        ulp[:, 0] = _next(ulp[:, 0], np.array([True, False]))
        pairs.append((kind.array(p), ulp))
        pairs += [(kind.array(p), kind.array(q * f)) for f in (1 + 1e-13, 1 + 1e-6, 1.1, 3.7, 1e4)]
        pairs.append((kind.array(p * 3.7), kind.array(q)))
    return pairs


def proportional(kind: Float) -> list[Pair]:
    """Rows of the same proportions, exactly or all but: the sums decide whether they are equal.

    Neighbouring Fibonacci numbers have products that differ by 1: as shares they differ by less
    than one rounding, and divergences go down to what is left of a square of that.
    """
    pairs = []
    for k in (1, 2, 5, 40):
        p = np.ceil(_rng(k).random((2, k)) * 64)
        pairs += [(kind.array(p), kind.array(p * f)) for f in (3, 5 / 8)]
    numbers = [1.0, 2.0]
    while sum(numbers[-2:]) < min(1 / kind.unit, LARGE[kind.name]):
        numbers.append(sum(numbers[-2:]))
    f = np.array(numbers)
    for i in range(0, len(f) - 2, max(1, len(f) // 12)):
        few, many = f[[i + 1, i]], f[[i + 2, i + 1]]
        pairs.append((kind.array([few, many]), kind.array([many, few])))
        pairs.append((kind.array([np.tile(few, 20)]), kind.array([np.tile(many, 20)])))
    return pairs


LARGE = {"f64": 1e300, "f32": 1e35, "f16": 3e4, "bf16": 1e35}
"""Near the end of the range; a generalised divergence may be a thousand times it."""


def wide(kind: Float) -> list[Pair]:
    """Large and small numbers in one row: ratios up to 1e300, and shares of a sum as small."""
    large, small = min(1e150, LARGE[kind.name]), max(1e-150, kind.normal)
    pairs = []
    for k in (2, 9, 40, 200):
        p, q = np.exp(_rng(k).uniform(np.log(small), np.log(large), (2, 3, k)))
        p[:, 0], q[:, -1] = large, large
        pairs += [(kind.array(p), kind.array(q)), (kind.array(p), kind.array(q[:, ::-1]))]
    return pairs


def totals(kind: Float) -> list[Pair]:
    """Sums at both ends of the range (1e-310 and 1e260 in f64), alike and against each other.

    Above 1e260 the ratio to the smallest entries is no f64: the docstrings say what counts there.
    """
    large = min(1e260, LARGE[kind.name])
    small = kind.normal / 200
    pairs = []
    for k in (2, 9, 40, 200):
        p, q = distributions(k, 2, k), distributions(k + 1, 2, k)
        for a, b in pairwise((1, large, large / 3, small, small * 3, large, small, 1, small)):
            # A subnormal total has few steps: the first entry makes sure of a sum above 0.
            x, y = kind.array(p * a), kind.array(q * b)
            x[:, 0], y[:, 0] = kind.array(a), kind.array(b)
            pairs.append((x, y))
    return pairs


def low_entropy_scaled(kind: Float) -> list[Pair]:
    """Nearly all mass on one entry, of any size: ln(p/sum(p)) near 0 and far below."""
    return [(p * kind.array(4), q * kind.array(0.5)) for p, q in low_entropy(kind)]


def counts(kind: Float) -> list[Pair]:
    """Histograms: whole numbers and zeros."""
    pairs = []
    for k in (2, 10, 100):
        p, q = _rng(k).poisson(4, (2, 3, k))
        p[:, 0], q[:, 0] = 1, 3
        pairs += [(kind.array(p), kind.array(q)), (kind.array(p), kind.array(q + 1))]
    return pairs


AS_GIVEN: tuple[Callable[[Float], list[Pair]], ...] = (
    random,
    near,
    neighbours,
    near_tails,
    far,
    sparse,
    one_hots,
    subnormal,
    tiny,
    low_entropy,
    extreme,
    lengths,
)
ANY_MASS: tuple[Callable[[Float], list[Pair]], ...] = (
    mass,
    proportional,
    wide,
    totals,
    low_entropy_scaled,
    counts,
)
