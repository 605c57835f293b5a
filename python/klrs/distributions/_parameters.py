"""Parameters of distributions as arrays, or an error that says what was expected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from klrs._arrays import as_array
from klrs._numbers import is_real

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Constraint(NamedTuple):
    """What a parameter may be. NaN may be anywhere: it stays in its element."""

    holds: Callable[[Array], NDArray[np.bool_]]
    expected: str
    remedy: str


REAL = Constraint(np.isfinite, "a finite number", "drop the element")
POSITIVE = Constraint(
    lambda x: (x > 0) & (x < math.inf), "a finite number greater than 0", "drop the element"
)
SCALE = POSITIVE._replace(
    remedy="pass a standard deviation or another length, not its logarithm, or drop the element"
)
NON_NEGATIVE = Constraint(
    lambda x: (x >= 0) & (x < math.inf), "a finite number of at least 0", "drop the element"
)
COUNT = Constraint(
    lambda x: (x >= 0) & (x < math.inf) & (np.floor(x) == x),
    "an integer of at least 0",
    "pass the number of trials",
)
PROBABILITY = Constraint(
    lambda x: (x >= 0) & (x <= 1), "a number from 0 to 1", "pass logits= for log-odds"
)
PROBABILITY_NOT_0 = PROBABILITY._replace(
    holds=lambda x: (x > 0) & (x <= 1), expected="a number greater than 0 and at most 1"
)
PROBABILITY_NOT_1 = PROBABILITY._replace(
    holds=lambda x: (x >= 0) & (x < 1), expected="a number of at least 0 and less than 1"
)
LOGIT = Constraint(
    lambda x: x < math.inf,
    "a finite number, or -inf for a probability of 0",
    "pass probs=1 for what is certain",
)
LOGIT_NOT_0 = Constraint(
    np.isfinite, "a finite number", "pass probs=1 for what is certain, and drop what is impossible"
)
LOGIT_NOT_1 = LOGIT._replace(remedy="drop what is certain: its variable is never finite")


def as_parameter(given: Any, name: str, *, keeps_dtype: bool = False) -> Array:
    """A parameter as a read-only float64 copy; on request, floats are as wide as they were."""
    if isinstance(given, (str, bytes)):
        raise TypeError(f"{name}: got {given!r}, expected real numbers")
    array = as_array(given, name)
    if not is_real(array.dtype):
        raise TypeError(
            f"{name}: dtype {array.dtype} is not supported; expected real numbers (at most float64)"
        )
    is_kept = keeps_dtype and array.dtype.kind not in "iub"
    copy: Array = np.array(array, array.dtype if is_kept else np.float64)
    copy.flags.writeable = False
    # A view of what is read-only cannot be made writable.
    return copy[...]


def check(array: Array, name: str, constraint: Constraint) -> None:
    """Raise for the first element that does not meet a constraint."""
    wrong = ~constraint.holds(array) & ~np.isnan(array)
    if wrong.any():
        index = first_of(wrong)
        raise ValueError(
            f"{name}: {array[index]:g}{place(index)}, expected {constraint.expected}; "
            f"{constraint.remedy}"
        )


def first_of(wrong: NDArray[np.bool_]) -> tuple[int, ...]:
    """The index of the first element that is true."""
    return tuple(int(it) for it in np.argwhere(wrong)[0])


def place(index: tuple[int, ...]) -> str:
    """Where an element is, in words; nothing for a scalar."""
    if not index:
        return ""
    return f" at index {index[0]}" if len(index) == 1 else f" at index {index}"


def broadcast_shape(family: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that parameters have in common."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        names = " and ".join(shapes)
        given = " and ".join(str(it) for it in shapes.values())
        raise ValueError(
            f"{family}: {names} have the shapes {given}, which do not broadcast; "
            "axes must match or be 1, e.g. with [:, None]"
        ) from None


def one_of(family: str, alternatives: dict[str, Any]) -> str:
    """The name of the one alternative that was given."""
    given = [name for name, value in alternatives.items() if value is not None]
    if len(given) == 1:
        return given[0]
    names = list(alternatives)
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    got = " and ".join(given) if given else "none of them"
    raise ValueError(f"{family}: got {got}, expected exactly one of {listed}; pass one")
