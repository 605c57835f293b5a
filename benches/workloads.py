"""The arrays that the benchmark runs on: pairs of predictions as two models make them.

Logits are normal with a standard deviation of 2; those of the second model differ from them by 1,
so that KL is near 0.4 nats. This matters for SciPy: its `rel_entr` branches on p / q and takes half
the time where they are nearly equal (differences of 0.2). The others' times do not depend on the
values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pair = tuple[Array, Array]

DTYPES = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}

# While an array is being filled, in pieces: the temporaries count as memory of the process.
ENTRIES_AT_ONCE = 2**14

# A long row repeats a short one so often, divided by this power of two: its divergences are exactly
# those of the short row, which the oracle can compute.
REPEATS_OF_LONG_ROW = 2048
SHORT_ENOUGH = 150_000


@dataclass(frozen=True)
class Workload:
    """Two arrays of distributions with one shape and dtype."""

    dtype: str
    rows: int
    classes: int
    axis: int = -1
    """0 for distributions that run down the columns of a C-ordered array."""

    @property
    def name(self) -> str:
        """Shape and dtype."""
        if self.rows == 1:
            return f"one row of {spaced(self.classes)} {self.dtype}"
        shape = (self.rows, self.classes) if self.axis else (self.classes, self.rows)
        return f"{' x '.join(map(spaced, shape))} {self.dtype}"

    @property
    def repeats(self) -> int:
        """How often a single row repeats a shorter one."""
        return REPEATS_OF_LONG_ROW if self.classes > SHORT_ENOUGH else 1

    @cached_property
    def arrays(self) -> Pair:
        """P and q in memory. They stay there: several cases share them."""
        if self.rows == 1:
            p, q = (repeated(row, self.repeats) for row in self.row(0))
            return p, q
        if self.axis == 0:
            p, q = empty(self.classes, self.rows, self.dtype)
            fill(p.T, q.T)
        else:
            p, q = empty(self.rows, self.classes, self.dtype)
            fill(p, q)
        return p, q

    def row(self, index: int) -> Pair:
        """One distribution of each array, or one that has exactly the same divergences."""
        if self.rows == 1:
            return short_row(self.classes // self.repeats, self.dtype)
        p, q = (np.moveaxis(array, self.axis, -1)[index] for array in self.arrays)
        return p, q


@dataclass(frozen=True)
class Logits(Workload):
    """Logits of a student, and of the teacher it learns from or the labels.

    Those of the student are normal with a standard deviation of 3; those of the teacher differ from
    them by 0.3, so that KL is near 0.04 nats. Labels are any.
    """

    labelled: bool = False

    @property
    def arrays(self) -> Pair:
        """The teacher's logits or the labels, and the student's logits."""
        labels, teacher, student = logits(self.rows, self.classes, self.dtype)
        return (labels if self.labelled else teacher), student

    def row(self, index: int) -> Pair:
        """What is known of one sample."""
        first, student = self.arrays
        return first[index], student[index]


@dataclass(frozen=True)
class Samples(Workload):
    """As many draws as `classes` in each row, of one standard normal distribution."""

    @property
    def name(self) -> str:
        """Shape and dtype."""
        return f"{spaced(self.rows)} rows x {spaced(self.classes)} samples {self.dtype}"

    @cached_property
    def arrays(self) -> Pair:
        """X and y."""
        rng = np.random.default_rng((self.rows, self.classes))
        x, y = rng.standard_normal((2, self.rows, self.classes)).astype(DTYPES[self.dtype])
        return x, y

    def row(self, index: int) -> Pair:
        """The draws of one row."""
        x, y = self.arrays
        return x[index], y[index]


class Gaussians(Workload):
    """Means and log-variances of an encoder's latent dimensions, both standard normal."""

    @property
    def arrays(self) -> Pair:
        """The means and the log-variances."""
        return gaussians(self.rows, self.classes, self.dtype)


@cache
def gaussians(rows: int, dimensions: int, dtype: str) -> Pair:
    """Means and log-variances, shared by what is measured on them."""
    rng = np.random.default_rng((rows, dimensions))
    both = empty(rows, dimensions, dtype)
    step = max(1, ENTRIES_AT_ONCE // dimensions)
    for start in range(0, rows, step):
        for array in both:
            piece = array[start : start + step]
            piece[:] = rng.standard_normal(piece.shape)
    return both


@cache
def logits(rows: int, classes: int, dtype: str) -> tuple[Array, Array, Array]:
    """Labels, logits of the teacher and of the student, shared by what is measured on them."""
    rng = np.random.default_rng((rows, classes))
    labels = rng.integers(0, classes, rows)
    teacher, student = empty(rows, classes, dtype)
    step = max(1, ENTRIES_AT_ONCE // classes)
    for start in range(0, rows, step):
        piece = slice(start, start + step)
        learned = 3 * rng.standard_normal(student[piece].shape)
        student[piece] = learned
        teacher[piece] = learned + 0.3 * rng.standard_normal(learned.shape)
    return labels, teacher, student


@cache
def short_row(classes: int, dtype: str) -> Pair:
    p, q = empty(1, classes, dtype)
    fill(p, q)
    return p[0], q[0]


def repeated(row: Array, times: int) -> Array:
    long = np.empty((times, len(row)), row.dtype)
    long[:] = row / times
    return long.reshape(-1)


def empty(rows: int, columns: int, dtype: str) -> Pair:
    return np.empty((rows, columns), DTYPES[dtype]), np.empty((rows, columns), DTYPES[dtype])


def fill(p: Array, q: Array) -> None:
    """Write predictions of two models, row by row."""
    rng = np.random.default_rng(p.shape)
    step = max(1, ENTRIES_AT_ONCE // p.shape[1])
    for start in range(0, len(p), step):
        piece = slice(start, start + step)
        logits = 2 * rng.standard_normal(p[piece].shape)
        p[piece] = softmax(logits)
        q[piece] = softmax(logits + rng.standard_normal(logits.shape))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def spaced(number: int) -> str:
    """Digits in groups from five digits on: "2048", "20 000"."""
    return f"{number:,}".replace(",", " ") if number >= 10_000 else str(number)
