"""What the docstrings of several functions say in the same words, written once.

A docstring has the names of these texts in braces, on lines of their own: ``{dtypes}`` ends the
description of an operand, ``{keywords}`` describes the shared keywords that the function has, in
the order of its signature, ``{results}`` ends the section Returns, ``{raises}`` is the section
Raises, and ``{accuracy}`` the last paragraph of the notes. It has no other braces.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

# Before Python 3.13 a docstring keeps the indentation of its source, until somebody reads it.
_NEW_LINE = "\n" if sys.version_info >= (3, 13) else "\n    "


def _indented(texts: dict[str, str]) -> dict[str, str]:
    return {name: text.replace("\n", _NEW_LINE) for name, text in texts.items()}


_KEYWORDS = _indented(
    {
        "axis": """\
axis : int, tuple of int or None, default -1
    Axes of the broadcast shape along which the distributions run; None for all of them. With
    a tuple, entries are taken in the order of ascending axes.""",
        "base": """\
base : float, optional
    Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.""",
        "keepdims": """\
keepdims : bool, default False
    Keep the reduced axes, with length 1.""",
        "where": """\
where : array_like of bool, optional
    Elements that count; the others are left out of everything, the check of sums included.
    Must broadcast to the shape of the operands.""",
        "out": """\
out : ndarray, optional
    A float array of the result's shape to write to, at least as wide as the result. It may
    overlap an input, and is untouched after any error.""",
        "normalize": """\
normalize : bool, default False
    Divide every row by its sum. Rows are then non-negative weights of any total, counts
    included. Without it, rows must sum to 1 within the tolerance of their dtype. In rows with
    a sum above 1e180, entries below 1e-300 of it count as that.""",
    }
)

_SHARED = _indented(
    {
        "dtypes": """\
float64, float32, float16, `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing is
    copied as a whole.""",
        "results": """\
One for each distribution: a NumPy scalar for 1-D input. float32 if all operands are
    float32 or narrower, else float64.""",
        "raises": """\
Raises
------
ValueError
    If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), has a negative or
    infinite entry, or is left out by `where` altogether; if shapes do not fit; if a number is
    out of the range that is described above.
TypeError
    If a dtype is no real number, an argument is missing or of the wrong kind, or `out` is too
    narrow.
numpy.exceptions.AxisError
    If an axis does not exist.""",
        "accuracy": """\
Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
floats that were given. The same input has the same bits with any number of threads, memory
layout and CPU.""",
    }
)

_SHARED_OF_MEASURES = {
    **_SHARED,
    **_indented(
        {
            "raises": """\
Raises
------
ValueError
    If a row has a negative or infinite entry, or is left out by `where` altogether; if shapes
    do not fit.
TypeError
    If a dtype is no real number, an argument is missing or of the wrong kind, or `out` is too
    narrow.
numpy.exceptions.AxisError
    If an axis does not exist."""
        }
    ),
}
"""For functions without `normalize`."""


def complete(doc: str, parameters: Sequence[str]) -> str:
    """Put the shared texts into the docstring of a function with these parameters."""
    keywords = _NEW_LINE.join([_KEYWORDS[name] for name in parameters if name in _KEYWORDS])
    shared = _SHARED if "normalize" in parameters else _SHARED_OF_MEASURES
    return doc.format_map({**shared, "keywords": keywords})


def completed(function: Function) -> Function:
    """Put the shared texts into the docstring of a function that has a body."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    function.__doc__ = complete(function.__doc__ or "", names)
    return function
