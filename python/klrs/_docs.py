"""What the docstrings of several functions say in the same words, written once.

A docstring has the names of these texts in braces, on lines of their own: ``{dtypes}`` ends the
description of an operand, ``{keywords}`` describes the shared keywords that the function has, in
the order of its signature, ``{results}`` ends the section Returns, ``{raises}`` is the section
Raises, and ``{accuracy}`` the last paragraph of the notes. It has no other braces.

Those of `klrs.logits`, distances on a line, and means over draws have texts of their own; there
``{logits}`` describes the one operand, ``{pair}`` or ``{draws}`` the two.
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

_DTYPES = """\
float64, float32, float16, `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing is
    copied as a whole."""

_SHARED = _indented(
    {
        "dtypes": _DTYPES,
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


_KEYWORDS_OF_SAMPLES = _indented(
    {
        "order": """\
order : float, default 1
    The exponent of the distance, from 1 to infinity.""",
        "x_weights": """\
x_weights, y_weights : array_like, optional
    A weight for each sample, finite and at least 0, of any sum above 0. Must broadcast to the
    shape of the samples. Without, all count alike.""",
        "axis": """\
axis : int, default -1
    The axis along which the samples run.""",
    }
)

_KEYWORDS_ON_A_LINE = {
    **_KEYWORDS,
    "order": _KEYWORDS_OF_SAMPLES["order"],
    **_indented(
        {
            "support": """\
support : array_like, optional
    The position of each entry: one finite number each, in ascending order. 0, 1, 2, … without.""",
        }
    ),
}
"""For distances between histograms."""

_SHARED_OF_SAMPLES = _indented(
    {
        "pair": """\
x : array_like
    Samples of the one distribution, along `axis`: finite float64, float32, float16,
    `ml_dtypes.bfloat16`, integers or bools, in any order and layout.
y : array_like
    Samples of the other, as many as there are; all other axes broadcast against those of `x`.""",
        "results": """\
One for each pair of rows: a NumPy scalar for 1-D input. float32 if `x` and `y` are float32 or
    narrower, else float64.""",
        "raises": """\
Raises
------
ValueError
    If a sample is infinite, a weight is negative or infinite, or all of a row are 0; if there
    are no samples; if shapes do not fit; if a number is out of the range that is described
    above.
TypeError
    If a dtype is no real number, or an argument is of the wrong kind.
numpy.exceptions.AxisError
    If the axis does not exist.""",
        "accuracy": """\
Relative error at most 1e-13 (float64) or 2e-6 (float32 results) of the exact value for the
floats that were given. The same input has the same bits with any number of threads, memory
layout and CPU.""",
    }
)

_SHARED_ON_A_LINE = {
    **_SHARED,
    **_indented(
        {
            "pair": f"""\
p : array_like
    Histograms: probabilities, or non-negative weights with `normalize=True`.
    {_DTYPES}
q : array_like
    Histograms; batch axes broadcast against those of `p`.""",
            "accuracy": """\
Relative error at most 1e-13 (float64) or 2e-6 (float32 results) of the exact value for the
floats that were given; more where the cumulative functions differ by less than 1e-18 all along
the steps that count. The same input has the same bits with any number of threads, memory layout
and CPU.""",
        }
    ),
}

_KEYWORDS_OF_LOGITS = _indented(
    {
        "axis": """\
axis : int, tuple of int or None, default -1
    Axes along which the classes run; None for all of them.""",
        "temperature": """\
temperature : float, default 1
    What the logits are divided by, greater than 0.""",
        "base": """\
base : float, optional
    Base of the logarithm, greater than 1: None for nats, 2 for bits.""",
        "keepdims": """\
keepdims : bool, default False
    Keep the reduced axes, with length 1.""",
        "where": """\
where : array_like of bool, optional
    Classes that count; the others have no probability, and are not read.""",
        "out": """\
out : ndarray, optional
    A float array of the result's shape, at least as wide, that the result is written to.""",
        "ignore_index": """\
ignore_index : int, optional
    The label of rows to skip: they are not read, and their loss and gradient are 0.""",
        "label_smoothing": """\
label_smoothing : float, default 0
    Share of each target that is spread over all classes that count, from 0 to 1.""",
        "class_weights": """\
class_weights : array_like, optional
    A weight for each class, at least 0.""",
        "sample_weight": """\
sample_weight : array_like, optional
    A number for each row, which its value is multiplied with.""",
        "reduction": """\
reduction : {None, "mean", "sum"}, default None
    One value for each row, their mean (weighted by `sample_weight`), or their sum.""",
        "temperature_squared": """\
temperature_squared : bool, default False
    Multiply by ``temperature**2``, which keeps the size of the gradient when distilling.""",
    }
)

_KEYWORDS_OF_ELEMENTS = {
    **_KEYWORDS_OF_LOGITS,
    **_indented(
        {
            "where": """\
where : array_like of bool, optional
    Elements that count; the others are not read, have the value 0, and count in no mean.""",
            "sample_weight": """\
sample_weight : array_like, optional
    A number for each element, which its value is multiplied with.""",
            "reduction": """\
reduction : {None, "mean", "sum"}, default None
    One value for each element, their mean (weighted by `sample_weight`), or their sum.""",
        }
    ),
}
"""For functions without `axis`."""

_SHARED_OF_LOGITS = _indented(
    {
        "logits": """\
logits : array_like
    Real numbers, or -inf for classes that are left out, of any float or integer dtype and
    layout.""",
        "pair": """\
p : array_like
    Logits of the reference (teacher): real numbers, or -inf for classes that are left out.
q : array_like
    Logits of the approximation (student); batch axes broadcast against those of `p`.""",
        "results": """\
A NumPy scalar for 1-D input. float32 if all operands are float32 or narrower, else float64.""",
        "raises": """\
Raises
------
ValueError
    If a row has the logit +inf or no class that is left; if shapes do not fit; if a number is
    out of the range that is described above.
TypeError
    If a dtype is no real number, or an argument is missing or of the wrong kind.
numpy.exceptions.AxisError
    If an axis does not exist.""",
        "accuracy": """\
Relative error at most 1e-13 (float64) or 2e-6 (float32 results). The same input has the same
bits with any number of threads, memory layout and CPU. A row with a NaN is NaN; others are not
affected.""",
    }
)

_SHARED_OF_ELEMENTS = _indented(
    {
        "logits": """\
logits : array_like
    Logits of the class 1: real numbers, or -inf for a probability of 0.""",
        "pair": """\
p : array_like
    Logits of the reference (teacher): real numbers, or -inf for a probability of 0.
q : array_like
    Logits of the approximation (student); both broadcast.""",
        "results": """\
A NumPy scalar for scalars. float32 if all operands are float32 or narrower, else float64.""",
        "raises": """\
Raises
------
ValueError
    If an element has the logit +inf; if shapes do not fit; if a number is out of the range that
    is described above.
TypeError
    If a dtype is no real number, or an argument is missing or of the wrong kind.""",
        "accuracy": """\
Relative error at most 1e-13 (float64) or 2e-6 (float32 results). The same input has the same
bits with any number of threads, memory layout and CPU. An element with a NaN is NaN; others are
not affected.""",
    }
)


_KEYWORDS_OF_DRAWS = _indented(
    {
        "axis": """\
axis : int, tuple of int or None, default -1
    Axes along which the draws run; None for all of them.""",
        "base": """\
base : float, optional
    Base of the logarithm of the result, greater than 1: None for nats, 2 for bits.""",
        "keepdims": """\
keepdims : bool, default False
    Keep the axes of the draws, with length 1.""",
        "where": """\
where : array_like of bool, optional
    Draws that count; the others are not looked at. Must broadcast to the shape of the operands.""",
    }
)

_SHARED_OF_DRAWS = _indented(
    {
        "draws": """\
log_joint : array_like
    ln p(x, z) = ln p(x | z) + ln p(z) of each draw z, in nats; -inf where it is impossible.
    float64, float32, float16, `ml_dtypes.bfloat16` or integers.
log_q : array_like
    ln q(z) of the same draws. All axes but those of the draws broadcast.""",
        "results": """\
(value, standard_error), in nats unless `base` is given: a NumPy scalar each for one row of
    draws, else an array. float32 if both operands are float32 or narrower, else float64.""",
        "raises": """\
Raises
------
ValueError
    If `log_q` is -inf or one of them inf where a draw counts; if a row has no draws; if shapes
    do not fit; if a number is out of the range that is described above.
TypeError
    If a dtype is no real number, or an argument is of the wrong kind.
numpy.exceptions.AxisError
    If an axis does not exist.""",
    }
)


def complete(doc: str, parameters: Sequence[str]) -> str:
    """Put the shared texts into the docstring of a function with these parameters."""
    shared = _SHARED if "normalize" in parameters else _SHARED_OF_MEASURES
    return _filled(doc, parameters, _KEYWORDS, shared)


def completed(function: Function) -> Function:
    """Put the shared texts into the docstring of a function that has a body."""
    function.__doc__ = complete(function.__doc__ or "", _parameters_of(function))
    return function


def completed_of_logits(function: Function) -> Function:
    """Put the shared texts into the docstring of a function of logits."""
    names = _parameters_of(function)
    keywords, shared = (
        (_KEYWORDS_OF_LOGITS, _SHARED_OF_LOGITS)
        if "axis" in names
        else (_KEYWORDS_OF_ELEMENTS, _SHARED_OF_ELEMENTS)
    )
    function.__doc__ = _filled(function.__doc__ or "", names, keywords, shared)
    return function


def completed_on_a_line(function: Function) -> Function:
    """Put the shared texts into the docstring of a distance between histograms or samples."""
    names = _parameters_of(function)
    keywords, shared = (
        (_KEYWORDS_OF_SAMPLES, _SHARED_OF_SAMPLES)
        if "x" in names
        else (_KEYWORDS_ON_A_LINE, _SHARED_ON_A_LINE)
    )
    function.__doc__ = _filled(function.__doc__ or "", names, keywords, shared)
    return function


def completed_of_draws(function: Function) -> Function:
    """Put the shared texts into the docstring of a bound of the log evidence."""
    names = _parameters_of(function)
    function.__doc__ = _filled(function.__doc__ or "", names, _KEYWORDS_OF_DRAWS, _SHARED_OF_DRAWS)
    return function


def _parameters_of(function: Callable[..., Any]) -> Sequence[str]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _filled(
    doc: str, parameters: Sequence[str], keywords: dict[str, str], shared: dict[str, str]
) -> str:
    described = _NEW_LINE.join([keywords[name] for name in parameters if name in keywords])
    return doc.format_map({**shared, "keywords": described})
