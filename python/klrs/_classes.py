"""What has a value for each entry, as its input has: terms of a divergence, two classes, shares.

The module is imported when one of the functions is asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs._arrays import as_array, scale_for_sums
from klrs._binary import of_probabilities
from klrs._divergences import generalized_kl_divergence
from klrs._docs import completed
from klrs._each import Layout, call, check_out, compute_dtype

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from klrs._typing import Axis, Distributions, Out, Result


@completed
def kl_contributions(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Terms p ln(p/q) - p + q of the Kullback-Leibler divergence, in nats unless `base` is given.

    Which classes make two distributions differ, and by how much: every term is >= 0, and their sum
    along `axis` is `kl_divergence`.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    ndarray
        Terms >= 0 in nats, or in units of `base`, of the broadcast shape of `p` and `q`. float32 if
        both are float32 or narrower, else float64.

    {raises}

    Notes
    -----
    p ln(p/q), the term of the definition, is negative where q > p and says little about one class:
    what it lacks sums to 0 over a distribution. A class counts p ln(p/q) - p + q: q where p = 0,
    +inf where ``q == 0 < p``, 0 where p = q and where `where` is false. A row with a NaN is NaN.
    With ``normalize=True`` the terms are those of p/sum(p) and q/sum(q).

    Elsewhere: ``scipy.special.kl_div(p, q)``; the terms of ``scipy.special.rel_entr(p, q)`` and of
    ``torch.nn.functional.kl_div(q.log(), p, reduction="none")`` are p ln(p/q).

    Each term has the error of the bound below; with ``normalize=True`` that holds where the shares
    p/sum(p) and q/sum(q) differ by more than 1e-16 of themselves, and terms of shares that are
    closer have an absolute error of 1e-30 of their difference.

    {accuracy}

    References
    ----------
    I. Csiszar, "Why least squares and maximum entropy? An axiomatic approach to inference for
    linear inverse problems", Ann. Statist. 19 (1991).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.kl_contributions(p, q)
    array([0.05541281, 0.09205585, 0.03862944])
    >>> klrs.kl_contributions(q, p)
    array([0.04675231, 0.11588831, 0.03068528])
    """
    arrays = as_array(p, "p"), as_array(q, "q")
    dtype = compute_dtype(*arrays)
    layout = Layout(arrays, axis)
    if out is not None and layout.is_valid:
        check_out(out, "out", layout.shape, dtype)
    # Written to `out` at the end: it is untouched after an error and may overlap an operand.
    terms = layout.new(np.dtype(np.float64) if normalize else dtype) if layout.is_valid else None
    arguments = {"p": arrays[0], "q": arrays[1], "axis": axis, "base": base, "where": where}
    arguments["normalize"] = normalize
    call("kl_divergence", arguments, (terms, None), terms=True)
    assert terms is not None, "the core refuses what has no layout"
    result = layout.restore(terms)
    if out is None:
        return result.astype(dtype, copy=False)
    np.copyto(out, result, casting="same_kind")
    return out


@completed
def binary_kl_divergence(
    p: Distributions,
    q: Distributions,
    *,
    base: float | None = None,
    where: ArrayLike | None = None,
    out: Out | None = None,
) -> Result:
    """Divergence p ln(p/q) + (1 - p) ln((1 - p)/(1 - q)) of Bernoulli distributions, elementwise.

    The Kullback-Leibler divergence of two classes, of which one number says everything: its
    probability. In nats unless `base` is given.

    Parameters
    ----------
    p : array_like
        Probabilities from 0 to 1, of the reference.
        {dtypes}
    q : array_like
        Probabilities from 0 to 1, of the approximation; both broadcast.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.
    where : array_like of bool, optional
        Elements that count; the others are not read, and have the value 0. Must broadcast to the
        shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, or in units of `base`, of the broadcast shape of `p` and `q`: a
        NumPy scalar for scalars. float32 if both are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If an element is less than 0 or greater than 1; if shapes do not fit; if a number is out of
        the range that is described above.
    TypeError
        If a dtype is no real number, an argument is missing or of the wrong kind, or `out` is too
        narrow.

    Notes
    -----
    It is ``kl_divergence`` of (p, 1 - p) and (q, 1 - q), with the exact 1 - p and 1 - q. 0 where
    both are equal, +inf where `q` is 0 or 1 and `p` is not. An element with a NaN is NaN. From
    logits: `klrs.logits.binary_kl_divergence`.

    Elsewhere: ``kl_divergence(Bernoulli(p), Bernoulli(q))`` of ``torch.distributions`` and
    TensorFlow Probability; the exponent of the Chernoff bound; the index of KL-UCB.

    Relative error at most 1e-13 (float64) or 2e-6 (float32 results), of values below 1e-24 or 1e-10
    relative to these. The same input has the same bits with any number of threads, memory layout
    and CPU.

    References
    ----------
    A. Garivier and O. Cappe, "The KL-UCB algorithm for bounded stochastic bandits and beyond", COLT
    (2011).

    Examples
    --------
    >>> import klrs
    >>> klrs.binary_kl_divergence(0.9, 0.5), klrs.binary_kl_divergence(0.5, 0.9)
    (np.float64(0.3680...), np.float64(0.5108...))
    >>> klrs.binary_kl_divergence([0.0, 0.25, 1.0], 0.5, base=2)
    array([1.        , 0.18872188, 1.        ])
    """
    return of_probabilities(p, q, base=base, where=where, out=out)


@completed
def smooth(p: Distributions, *, pseudocount: ArrayLike, axis: Axis = -1) -> Result:
    """Smoothed shares (p + c) / (sum p + K c) of K classes, with the pseudocount c.

    For counts in which a class is 0 by chance: a divergence that would be infinite becomes finite,
    by an amount that is chosen here and not hidden in the divergence. Smooth both sides alike.

    Parameters
    ----------
    p : array_like
        Counts, or other non-negative weights, of any dtype and layout that the divergences take.
    pseudocount : float or array_like
        What is added to every entry, greater than 0: one number, one for each class (1-D, along
        `axis`), or an array that broadcasts to the shape of `p`.
    {keywords}

    Returns
    -------
    ndarray
        Distributions of the shape of `p`, which sum to 1 along `axis`. float32 if `p` is float32
        or narrower, else float64.

    Raises
    ------
    ValueError
        If `p` has a negative or infinite entry or `pseudocount` one that is not finite and greater
        than 0; if shapes do not fit.
    TypeError
        If a dtype is no real number, or an argument is missing or of the wrong kind.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    With an array of pseudocounts, K c is their sum. A row of zeros becomes the distribution of the
    pseudocounts. A row with a NaN is NaN. Computed in float64, on a copy.

    c = 1 is Laplace's rule of succession, 1/2 the Jeffreys prior: the result is the mean of the
    posterior distribution for a Dirichlet prior with these parameters. Smooth counts rather than
    shares: beside shares, which sum to 1 however many samples they stand for, a pseudocount of 1
    weighs as much as all of them.

    Elsewhere: additive or Lidstone smoothing; ``alpha`` of ``sklearn.naive_bayes.MultinomialNB``.

    {accuracy}

    References
    ----------
    G. J. Lidstone, "Note on the general case of the Bayes-Laplace formula for inductive or a
    posteriori probabilities", Trans. Fac. Actuaries 8 (1920).

    Examples
    --------
    >>> import klrs
    >>> klrs.smooth([3, 1, 0], pseudocount=1)
    array([0.57142857, 0.28571429, 0.14285714])
    >>> klrs.smooth([[3, 1], [0, 0]], pseudocount=[0.5, 1.5])
    array([[0.58333333, 0.41666667],
           [0.25      , 0.75      ]])
    """
    array = as_array(p, "p")
    # Of p from itself, asked for its errors and its dtype: it takes any non-negative rows.
    dtype = generalized_kl_divergence(array, array, axis=axis).dtype
    axes = range(array.ndim) if axis is None else np.atleast_1d(axis)
    classes = sorted(int(it) % array.ndim for it in axes)
    added = _pseudocount(pseudocount, array.shape, classes)

    # In C order with the classes last, for sums that are right in any layout, as in _joint.py.
    last = tuple(range(-len(classes), 0))
    rows = np.array(np.moveaxis(array, classes, last), dtype=np.float64, order="C")
    added = np.moveaxis(added, classes, last)
    scale = scale_for_sums(np.maximum(rows, added), last)
    rows *= scale
    rows += added * scale
    batch, shape = rows.shape[: -len(classes)], rows.shape[-len(classes) :]
    sums = rows.reshape(*batch, math.prod(shape)).sum(axis=-1)
    rows /= np.expand_dims(sums, last)
    return np.moveaxis(rows, last, classes).astype(dtype, order="C", copy=False)


def _pseudocount(given: Any, shape: tuple[int, ...], classes: list[int]) -> NDArray[np.float64]:
    """The pseudocounts of all entries of an array of this shape."""
    array = as_array(given, "pseudocount")
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"pseudocount: got {given!r}, expected a number or an array of numbers")
    counts = array.astype(np.float64)
    wrong = np.argwhere(~((counts > 0) & np.isfinite(counts))).tolist()
    if wrong:
        place = tuple(wrong[0])
        given = f"{counts[place]:g}"
        if not place:
            raise ValueError(f"pseudocount: {given}, expected a finite number greater than 0")
        shown = place[0] if len(place) == 1 else place
        raise ValueError(
            f"pseudocount: has the value {given} at position {shown}; "
            "expected finite numbers greater than 0"
        )
    try:
        if counts.ndim == 1 and len(classes) == 1:
            along = [1] * len(shape)
            along[classes[0]] = counts.size
            counts = counts.reshape(along)
        return np.broadcast_to(counts, shape)
    except ValueError:
        raise ValueError(
            f"pseudocount: shape {array.shape} does not broadcast to {shape}; "
            "pass one number, or one for each class"
        ) from None
