"""Teachers of whom only the k likeliest classes are known, as logs of language models keep them.

Whatever is done with the others, the divergence is one that `kl_divergence` computes:

- If they are one class, "the tail", or have no probability, it is that of k + 1 classes. The
  student's logit of the tail is T ln sum exp(x/T) over its other classes x.
- The bound is that of a teacher that has all classes: the worst that fits to what is known.

For the student's tail, blocks of rows are copied as float64, without the k classes. Logits are
taken relative to the row's greatest, so that the tail's keeps its digits far from 0 too.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from klrs._arrays import as_array, mask_of
from klrs._each import FLOATS, check_out, compute_dtype, handed_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

_TAILS = ("renormalize", "lump", "bound")

_BLOCK = 1 << 19
"""The number of entries that are copied at a time."""

_UNITS = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Unit roundoffs."""

_NO_ARRAYS = {"where": None, "out": None}


@dataclass(frozen=True, eq=False)
class TopK:
    """A teacher of whom the k likeliest classes are known: `p` of `klrs.logits.kl_divergence`.

    Parameters
    ----------
    indices : array_like of int
        The classes: k along the axis of the classes, distinct, from 0. Other axes are those of the
        student, and broadcast.
    log_probs : array_like
        ln of their probabilities, of the shape of `indices`. -inf is a probability of 0.
    tail : {"renormalize", "lump", "bound"}, default "renormalize"
        What is said of the other classes, the tail:

        - "renormalize": they have no probability, and those of the k classes are divided by their
          sum;
        - "lump": they are one class, for the teacher and for the student. It is the greatest lower
          bound of the divergence from the whole teacher;
        - "bound": the teacher's are where they cost most, each with at most the least of the k
          probabilities. It is the least upper bound of the divergence from the whole teacher.

    Raises
    ------
    ValueError
        If `tail` is none of these. When it is used: if shapes do not fit; if a class is negative,
        twice in a row, or none of the student's; but for "renormalize", if probabilities sum to
        more than 1, or `temperature` is not 1. For "bound", if the others cannot have what is left
        of 1, so that the k classes are not the likeliest.
    TypeError
        When it is used: if a dtype is not of integers, or of real numbers.

    Notes
    -----
    With r what is left of 1, R the student's share of the other classes and sums over the k
    classes, "lump" is sum p ln(p/q) + r ln(r/R): merging classes never makes a divergence larger
    (the log-sum inequality). The divergence is convex in the teacher, so the worst one is at a
    corner of those that are possible: the student's least likely classes have the least of the k
    probabilities each, until r is used up. It is +inf where one of them has a logit of -inf: leave
    out by `where` what no teacher has.

    A temperature changes what the tail has by an amount that depends on each class, so only
    "renormalize" takes others than 1. With it, `log_probs` may be logits.

    Classes that `where` leaves out have no part in teacher and student; r is then what the others
    have. `log_probs` may sum to 1 up to rounding; what is missing counts as nothing where the
    student has no class for it. There is a gradient with respect to the student's logits. Of "lump"
    it pulls all other classes alike, in proportion to what they have.

    The values have the errors of `kl_divergence`, for r and the student's logit of the tail as
    float64 has them: below 1e-8 they have fewer digits. r is computed by NumPy, so the last bits
    of "lump" and "bound" may depend on the CPU.

    References
    ----------
    T. M. Cover and J. A. Thomas, "Elements of Information Theory" (2006), theorem 2.7.1, for the
    log-sum inequality.

    Examples
    --------
    >>> import numpy as np
    >>> from klrs import logits
    >>> student = [1.0, 1.5, 0.0, -1.0]
    >>> for tail in ("renormalize", "lump", "bound"):
    ...     teacher = logits.TopK([0, 2], np.log([0.6, 0.3]), tail=tail)
    ...     print(tail, logits.kl_divergence(teacher, student).round(4))
    renormalize 0.8448
    lump 0.4922
    bound 0.7501
    """

    indices: ArrayLike
    log_probs: ArrayLike
    tail: str = "renormalize"

    def __post_init__(self) -> None:
        if self.tail not in _TAILS:
            raise ValueError(f"tail: got {self.tail!r}, expected one of {_TAILS}")


class _Rows(NamedTuple):
    """The operands as rows, one for each distribution, with the classes last."""

    indices: NDArray[np.int64]
    log_probs: NDArray[np.float64]
    logits: NDArray[Any]
    where: NDArray[np.bool_] | None
    batch: tuple[int, ...]
    tolerance: float
    """By how much probabilities may miss a sum of 1."""

    def named(self, row: Any) -> str:
        """How errors name a row, before what it has."""
        return _named(row, self.batch)

    def blocks(self) -> Iterator[slice]:
        """Some rows at a time."""
        step = max(1, _BLOCK // self.logits.shape[-1])
        return (slice(start, start + step) for start in range(0, len(self.logits), step))

    def rest(self, block: slice, filler: float) -> NDArray[np.float64]:
        """A copy of the student's logits, with a filler for all that are not of the tail."""
        wide = self.logits[block].astype(np.float64)
        np.put_along_axis(wide, self.indices[block], filler, axis=-1)
        if self.where is not None:
            wide[~self.where[block]] = filler
        return wide

    def relative(self) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]:
        """Greatest logits of the tail, and its logits less these; rows that have none have 0."""
        for block in self.blocks():
            rest = self.rest(block, -np.inf)
            greatest = rest.max(axis=-1)
            is_finite = np.isfinite(greatest)
            rest -= np.where(is_finite, greatest, 0)[:, np.newaxis]
            rest[~is_finite] = 0
            yield block, greatest, rest

    def kept(self) -> NDArray[np.bool_]:
        """Which of the k classes count."""
        if self.where is None:
            return np.ones(self.indices.shape, np.bool_)
        return np.take_along_axis(self.where, self.indices, axis=-1)

    def others(self) -> NDArray[np.int64]:
        """How many classes of the tail count."""
        if self.where is None:
            return np.full(len(self.logits), self.logits.shape[-1] - self.indices.shape[-1])
        others: NDArray[np.int64] = self.where.sum(axis=-1) - self.kept().sum(axis=-1)
        return others

    def left(self) -> NDArray[np.float64]:
        """What the k probabilities leave of 1; for a confident row not as a difference from 1."""
        greatest = self.log_probs.argmax(axis=-1)[:, np.newaxis]
        probabilities = np.exp(self.log_probs)
        np.put_along_axis(probabilities, greatest, 0, axis=-1)
        first = np.take_along_axis(self.log_probs, greatest, axis=-1)[:, 0]
        left: NDArray[np.float64] = -np.expm1(first) - probabilities.sum(axis=-1)
        return left


def evaluate(
    operands: dict[str, Any],
    keywords: dict[str, Any],
    *,
    wanted: Sequence[str] = (),
    outs: Sequence[Any] = (),
) -> tuple[Any, list[NDArray[Any]]]:
    """Value of `kl_divergence` of a TopK, and its gradient with respect to the student's logits."""
    if "p" in wanted:
        raise ValueError("argnums: 0, but a TopK has no gradient; pass argnums=1")
    teacher, student = operands["p"], as_array(operands["q"], "q")
    _check_options(student, keywords, teacher.tail)
    log_probs = as_array(teacher.log_probs, "p.log_probs")
    axis, rows = _rows(as_array(teacher.indices, "p.indices"), log_probs, student, keywords)
    dtype = compute_dtype(log_probs, student)

    def restored(array: NDArray[Any]) -> NDArray[Any]:
        return np.moveaxis(array.reshape(*rows.batch, array.shape[-1]), -1, axis)

    # Infinite results are right: NumPy has nothing to warn of.
    with np.errstate(all="ignore"):
        if teacher.tail != "renormalize":
            _check_probabilities(rows, teacher.tail)
        given = keywords | {"out": None}
        if teacher.tail == "bound":
            whole = {"p": restored(_worst_teacher(rows)), "q": student}
            value, gradients = _kl_divergence(whole, given, wanted, outs)
        else:
            temperature = keywords["temperature"]
            of_student = _student_columns(rows, temperature)
            has_tail = of_student[:, -1] != -np.inf
            of_teacher = _teacher_columns(rows, has_tail, is_lump=teacher.tail == "lump")
            columns = {"p": restored(of_teacher), "q": restored(of_student)}
            value, gradients = _kl_divergence(columns, given | {"where": None}, wanted)
            if wanted:
                of_columns = np.moveaxis(gradients[0], axis, -1).reshape(of_student.shape)
                gradient = restored(_spread(rows, of_columns, temperature, dtype))
                gradients = [handed_over(gradient, student, outs[0] if outs else None)]
    value = np.asarray(value).astype(dtype)[()]
    out = keywords["out"]
    if out is None:
        return value, gradients
    check_out(out, "out", np.shape(value), dtype)
    np.copyto(out, value)
    return out, gradients


def _kl_divergence(
    operands: dict[str, Any],
    keywords: dict[str, Any],
    wanted: Sequence[str] = (),
    outs: Sequence[Any] = (),
) -> tuple[Any, list[NDArray[Any]]]:
    evaluate_logits = _logits().evaluate
    value, gradients = evaluate_logits(
        "kl_divergence", operands, keywords, wanted=wanted, outs=outs
    )
    return value, gradients


def _logits() -> Any:
    """The module of the losses, which imports this one."""
    from klrs import _logits as module  # noqa: PLC0415

    return module


# ------------------------------------------------------------------------------------ k + 1 classes


def _student_columns(rows: _Rows, temperature: float) -> NDArray[np.float64]:
    """Logits of the k classes and of the tail, less the greatest of the row."""
    greatest, above = np.empty((2, len(rows.logits)))
    keywords = {"axis": -1, "temperature": temperature, "keepdims": False} | _NO_ARRAYS
    for block, of_block, relative in rows.relative():
        greatest[block] = of_block
        value, _ = _logits().evaluate("logsumexp", {"logits": relative}, keywords)
        above[block] = temperature * value
    known = np.take_along_axis(rows.logits, rows.indices, axis=-1).astype(np.float64)
    known[~rows.kept()] = -np.inf
    top = np.maximum(greatest, known.max(axis=-1))
    _check_infinite(rows, top)
    top[~np.isfinite(top)] = 0
    tail = (greatest - top) + above
    return np.concatenate([known - top[:, np.newaxis], tail[:, np.newaxis]], axis=-1)


def _teacher_columns(
    rows: _Rows, has_tail: NDArray[np.bool_], *, is_lump: bool
) -> NDArray[np.float64]:
    """Log-probabilities of the k classes and of the tail."""
    known = np.where(rows.kept(), rows.log_probs, -np.inf)
    left = np.zeros(len(known))
    if is_lump:
        left = np.maximum(rows.left(), 0)
        left[~has_tail & (left <= rows.tolerance)] = 0
    return np.concatenate([known, np.log(left)[:, np.newaxis]], axis=-1)


def _spread(
    rows: _Rows, of_columns: NDArray[np.float64], temperature: float, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """The gradient for all logits: those of the tail have shares of what its column has."""
    gradient = np.empty(rows.logits.shape, dtype)
    keywords = {"axis": -1, "temperature": temperature} | _NO_ARRAYS
    for block, greatest, relative in rows.relative():
        shares = _logits().softmax("softmax", relative, keywords)
        shares[~np.isfinite(greatest)] = 0
        shares *= of_columns[block, -1:]
        np.put_along_axis(shares, rows.indices[block], of_columns[block, :-1], axis=-1)
        gradient[block] = shares
    return gradient


# -------------------------------------------------------------------------------------- all classes


def _worst_teacher(rows: _Rows) -> NDArray[np.float64]:
    """Log-probabilities of the teacher with the largest divergence."""
    teacher = np.full(rows.logits.shape, -np.inf)
    left, others, least = np.maximum(rows.left(), 0), rows.others(), rows.log_probs.min(axis=-1)
    place = np.arange(rows.logits.shape[-1])
    for block in rows.blocks():
        rest = rows.rest(block, np.inf)
        order = rest.argsort(axis=-1, kind="stable")
        mass, share = left[block], np.exp(least[block])
        is_impossible = (rest == -np.inf).any(axis=-1)
        mass = np.where(is_impossible & (mass <= rows.tolerance), 0, mass)
        full = np.minimum(np.floor(mass / share), others[block])
        last = np.log(np.maximum(mass - full * share, 0))
        full, last, most = (it[:, np.newaxis] for it in (full, last, least[block]))
        logs = np.where(place < full, most, np.where(place == full, last, -np.inf))
        np.put_along_axis(teacher[block], order, logs, axis=-1)
        np.put_along_axis(teacher[block], rows.indices[block], rows.log_probs[block], axis=-1)
    return teacher


# --------------------------------------------------------------------------- operands, and mistakes


def _check_options(student: NDArray[Any], keywords: dict[str, Any], tail: str) -> None:
    """Raise the errors that `kl_divergence` has for dtypes and numbers, and those of a TopK."""
    if not student.ndim:
        raise ValueError("q: got a scalar (0-d); expected an array with a distribution axis")
    nothing = {"p": np.zeros((0, 1)), "q": np.zeros((0, 1), student.dtype)}
    _kl_divergence(nothing, keywords | {"axis": -1, "sample_weight": None} | _NO_ARRAYS)
    temperature = keywords["temperature"]
    if tail != "renormalize" and temperature != 1:
        raise ValueError(
            f"temperature: {temperature:g}, but what the classes of tail={tail!r} have is known at "
            "temperature 1 only; pass tail='renormalize'"
        )


def _rows(
    indices: NDArray[Any], log_probs: NDArray[Any], student: NDArray[Any], keywords: dict[str, Any]
) -> tuple[int, _Rows]:
    """Where the axis of the classes is, and the operands as rows."""
    if indices.dtype.kind not in "iu":
        raise TypeError(f"p.indices: dtype {indices.dtype}, expected integers")
    if log_probs.dtype.kind not in "iu" and log_probs.dtype.name not in FLOATS:
        raise TypeError(
            f"p.log_probs: dtype {log_probs.dtype}, expected real numbers (at most float64)"
        )
    if indices.shape != log_probs.shape:
        raise ValueError(
            f"p: indices of shape {indices.shape} and log_probs of shape {log_probs.shape}; "
            "expected the same"
        )
    dimensions = max(indices.ndim, student.ndim)
    axis = _axis(keywords["axis"], dimensions)
    operands = [_classes_last(it, axis, dimensions) for it in (indices, log_probs, student)]
    for name, array in (("p", operands[0]), ("q", operands[2])):
        if not array.shape[-1]:
            raise ValueError(f"{name}: has no class along axis {axis}; expected at least one")
    try:
        batch = np.broadcast_shapes(operands[0].shape[:-1], operands[2].shape[:-1])
    except ValueError:
        raise ValueError(
            f"p and q: shapes {indices.shape} and {student.shape} do not broadcast; every axis but "
            "the distribution axis must match or be 1"
        ) from None
    classes = operands[2].shape[-1]
    where = keywords["where"]
    if where is not None:
        where = _where(where, axis, batch, classes)
    flat = [
        np.broadcast_to(it, (*batch, it.shape[-1])).reshape(math.prod(batch), it.shape[-1])
        for it in operands
    ]
    _check_indices(flat[0], batch, classes)
    return axis, _Rows(
        flat[0].astype(np.int64),
        flat[1].astype(np.float64),
        flat[2],
        where,
        batch,
        _tolerance(log_probs.dtype, flat[1].shape[-1]),
    )


def _axis(given: Any, dimensions: int) -> int:
    if given is None or isinstance(given, tuple):
        raise ValueError(f"axis: got {given!r}, but the classes of a TopK run along one axis")
    try:
        axis = operator.index(given)
    except TypeError:
        raise TypeError(f"axis: got {given!r}, expected an int") from None
    if not -dimensions <= axis < dimensions:
        plural = "" if dimensions == 1 else "s"
        raise np.exceptions.AxisError(
            f"axis: {axis} is out of bounds for arrays with {dimensions} dimension{plural}"
        )
    return axis % dimensions


def _classes_last(array: NDArray[Any], axis: int, dimensions: int) -> NDArray[Any]:
    full = array.reshape((1,) * (dimensions - array.ndim) + array.shape)
    return np.moveaxis(full, axis, -1)


def _where(given: Any, axis: int, batch: tuple[int, ...], classes: int) -> NDArray[np.bool_]:
    shape = (*batch[:axis], classes, *batch[axis:])
    return np.moveaxis(mask_of(given, shape), axis, -1).reshape(math.prod(batch), classes)


def _tolerance(dtype: np.dtype[Any], k: int) -> float:
    """By how much a sum of probabilities may miss 1, by the dtype of their logarithms."""
    return min(0.02, max(1e-6, (16 + k) * _UNITS.get(dtype.name, 2.0**-53)))


def _named(row: Any, batch: tuple[int, ...]) -> str:
    place = tuple(int(it) for it in np.unravel_index(row, batch)) if batch else ()
    return "" if not place else f"row {place[0] if len(place) == 1 else place} "


def _first(is_wrong: NDArray[np.bool_]) -> tuple[int, ...] | None:
    """The first place where something is wrong, or None."""
    if not is_wrong.any():
        return None
    return tuple(int(it) for it in np.argwhere(is_wrong)[0])


def _check_indices(indices: NDArray[Any], batch: tuple[int, ...], classes: int) -> None:
    if place := _first((indices < 0) | (indices >= classes)):
        raise ValueError(
            f"p.indices: {_named(place[0], batch)}has the class {indices[place]}, expected an "
            f"index from 0 to {classes - 1} (there are {classes} classes)"
        )
    ordered = np.sort(indices, axis=-1)
    if place := _first(ordered[:, 1:] == ordered[:, :-1]):
        raise ValueError(
            f"p.indices: {_named(place[0], batch)}has the class {ordered[place]} twice; expected "
            "distinct classes"
        )


def _check_probabilities(rows: _Rows, tail: str) -> None:
    """Refuse what are no probabilities of the likeliest classes; not rows with a NaN."""
    remedy = "pass tail='renormalize' to divide them by their sum"
    if place := _first(rows.log_probs > rows.tolerance):
        raise ValueError(
            f"p.log_probs: {rows.named(place[0])}has the value {rows.log_probs[place]:g} at "
            f"position {place[1]}; logarithms of probabilities must be <= 0"
        )
    left, others = rows.left(), rows.others()
    if place := _first(left < -rows.tolerance):
        raise ValueError(
            f"p.log_probs: {rows.named(place[0])}has probabilities that sum to "
            f"{1 - left[place]:g}, more than 1; {remedy}"
        )
    if place := _first((others == 0) & (left > rows.tolerance)):
        raise ValueError(
            f"p.log_probs: {rows.named(place[0])}has probabilities that sum to "
            f"{1 - left[place]:g}, not 1, and there is no other class; {remedy}"
        )
    least = np.exp(rows.log_probs.min(axis=-1))
    if tail == "bound" and (place := _first(left > others * least + rows.tolerance)):
        raise ValueError(
            f"p.log_probs: {rows.named(place[0])}leaves {left[place]:g} for {others[place]} other "
            f"classes, and none of them may have more than {least[place]:g}, the least of the k "
            "probabilities; expected the likeliest classes"
        )


def _check_infinite(rows: _Rows, greatest: NDArray[np.float64]) -> None:
    if (place := _first(greatest == np.inf)) is None:
        return
    row = place[0]
    is_wrong = rows.logits[row] == np.inf
    if rows.where is not None:
        is_wrong &= rows.where[row]
    raise ValueError(
        f"q: {rows.named(row)}has the logit inf at position {int(is_wrong.argmax())}; expected "
        "finite logits, or -inf for classes that are left out"
    )
