"""The public functions: what a user reads. The work is done in Rust, by the verb's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._calls import verb

if TYPE_CHECKING:  # NumPy's types take longer to import than all the rest.
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result, Weights


@verb
def entropy(
    p: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Shannon entropy H(p) = -sum p ln p, in nats unless `base` is given.

    The expected code length of samples of `p` in the code that is best for `p`.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`. float64,
        float32, float16, `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing is
        copied as a whole.
    axis : int, tuple of int or None, default -1
        Axes of the broadcast shape along which the distributions run; None for all of them. With
        a tuple, entries are taken in the order of ascending axes.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    where : array_like of bool, optional
        Elements that count; the others are left out of everything, the check of sums included.
        Must broadcast to the shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.
    normalize : bool, default False
        Divide every row by its sum. Rows are then non-negative weights of any total, counts
        included. Without it, rows must sum to 1 within the tolerance of their dtype. In rows with
        a sum above 1e180, entries below 1e-300 of it count as that.

    Returns
    -------
    float or ndarray
        Entropies in nats, or in units of `base`, one for each distribution: a NumPy scalar for
        1-D input. float32 if all operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), has a negative or
        infinite entry, or is left out by `where` altogether; if shapes do not fit.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    0 ln 0 = 0. A row with a NaN has the value NaN; other rows are not affected. Without
    `normalize` the value is that of the entries as they are, and not below 0: an entry above 1
    passes the check of sums and would have a negative term. The error is relative to the sum of
    |p ln p|.

    Elsewhere: ``scipy.stats.entropy(p)`` is ``entropy(p, normalize=True, axis=0)``.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
    floats that were given. The same input has the same bits with any number of threads, memory
    layout and CPU.

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).

    Examples
    --------
    >>> import klrs
    >>> klrs.entropy([0.5, 0.25, 0.25], base=2)
    np.float64(1.5)
    >>> klrs.entropy([3, 1, 4], normalize=True)
    np.float64(0.97431475...)
    >>> klrs.entropy([[0.5, 0.5], [1.0, 0.0]], axis=-1)
    array([0.69314718, 0.        ])
    """


@verb
def cross_entropy(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Cross-entropy H(p, q) = -sum p ln q, in nats unless `base` is given.

    The expected code length of samples of `p` in the code that is best for `q`: the entropy of
    `p` plus the Kullback-Leibler divergence.

    Parameters
    ----------
    p : array_like
        Reference distributions: targets, one-hot labels. float64, float32, float16,
        `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing is copied as a whole.
    q : array_like
        Approximations: predicted probabilities; batch axes broadcast against those of `p`.
    axis : int, tuple of int or None, default -1
        Axes of the broadcast shape along which the distributions run; None for all of them. With
        a tuple, entries are taken in the order of ascending axes.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    where : array_like of bool, optional
        Elements that count; the others are left out of everything, the check of sums included.
        Must broadcast to the shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.
    normalize : bool, default False
        Divide every row by its sum. Rows are then non-negative weights of any total, counts
        included. Without it, rows must sum to 1 within the tolerance of their dtype. In rows with
        a sum above 1e180, entries below 1e-300 of it count as that.

    Returns
    -------
    float or ndarray
        Cross-entropies in nats, or in units of `base`, one for each distribution: a NumPy scalar
        for 1-D input. float32 if all operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), has a negative or
        infinite entry, or is left out by `where` altogether; if shapes do not fit.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    0 ln 0 = 0, and +inf where ``q == 0 < p``. A row with a NaN has the value NaN. Without
    `normalize` the value is that of the entries as they are, and not below 0: an entry of `q`
    above 1 passes the check of sums and would have a negative term. The error is relative to the
    sum of |p ln q|.

    Elsewhere: ``sklearn.metrics.log_loss`` is its mean over samples, with one-hot `p` and hidden
    clipping.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
    floats that were given. The same input has the same bits with any number of threads, memory
    layout and CPU.

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.cross_entropy(p, q), klrs.cross_entropy(q, p)
    (np.float64(1.21575110...), np.float64(1.09127162...))
    >>> klrs.cross_entropy([0, 1, 0], [0.1, 0.7, 0.2])
    np.float64(0.35667494...)
    """


@verb
def kl_divergence(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Kullback-Leibler divergence D(p‖q) = sum p ln(p/q), in nats unless `base` is given.

    `p` is the reference (true distribution, teacher, target), `q` the approximation. The reverse
    divergence is ``kl_divergence(q, p)``.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        float64, float32, float16, `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing
        is copied as a whole.
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    axis : int, tuple of int or None, default -1
        Axes of the broadcast shape along which the distributions run; None for all of them. With
        a tuple, entries are taken in the order of ascending axes.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    where : array_like of bool, optional
        Elements that count; the others are left out of everything, the check of sums included.
        Must broadcast to the shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.
    normalize : bool, default False
        Divide every row by its sum. Rows are then non-negative weights of any total, counts
        included. Without it, rows must sum to 1 within the tolerance of their dtype. In rows with
        a sum above 1e180, entries below 1e-300 of it count as that.

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, or in units of `base`, one for each distribution: a NumPy scalar
        for 1-D input. float32 if all operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), has a negative or
        infinite entry, or is left out by `where` altogether; if shapes do not fit.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Computed as sum p ln(p/q) - p + q, whose terms are all >= 0 and which is the same for rows of
    equal mass; this is also the value for rows that sum to 1 only up to rounding. With
    ``normalize=True`` it is the divergence of the exact quotients p/sum(p) and q/sum(q).

    0 ln 0 = 0; +inf where ``q == 0 < p``; exactly 0 for equal rows; never negative. A row with a
    NaN has the value NaN; other rows are not affected.

    Elsewhere: ``scipy.stats.entropy(p, q)`` is ``kl_divergence(p, q, normalize=True, axis=0)``;
    ``torch.nn.functional.kl_div(q.log(), p)`` has the operands the other way round, takes
    logarithms and averages over all elements.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
    floats that were given, down to 1e-30. The same input has the same bits with any number of
    threads, memory layout and CPU.

    References
    ----------
    S. Kullback and R. A. Leibler, "On information and sufficiency", Ann. Math. Statist. 22
    (1951).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.kl_divergence(p, q), klrs.kl_divergence(q, p)
    (np.float64(0.18609809...), np.float64(0.19332590...))
    >>> klrs.kl_divergence([[3, 1], [1, 1]], [1, 1], normalize=True, base=2)
    array([0.18872188, 0.        ])
    """


@verb
def generalized_kl_divergence(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
) -> Result:
    """Generalised Kullback-Leibler divergence sum p ln(p/q) - p + q of measures, in nats.

    For non-negative rows that are not meant to have the same mass (intensities, counts, NMF). It
    is the Kullback-Leibler divergence where both sum to 1.

    Parameters
    ----------
    p : array_like
        Reference measures: non-negative numbers. float64, float32, float16, `ml_dtypes.bfloat16`,
        integers or bools, in any layout; nothing is copied as a whole.
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    axis : int, tuple of int or None, default -1
        Axes of the broadcast shape along which the distributions run; None for all of them. With
        a tuple, entries are taken in the order of ascending axes.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    where : array_like of bool, optional
        Elements that count; the others are left out of everything, the check of sums included.
        Must broadcast to the shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, one for each distribution: a NumPy scalar for 1-D
        input. float32 if all operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If a row has a negative or infinite entry, or is left out by `where` altogether; if shapes
        do not fit.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    There is no `base`: the value is a difference of masses as much as a logarithm. Sums are not
    checked. +inf where ``q == 0 < p``; exactly 0 for equal rows; never negative. A row with a NaN
    has the value NaN. The bound below holds for float64 rows with a sum up to 1e260; in larger
    ones entries below about 1e-300 count as that.

    Elsewhere: ``scipy.special.kl_div(p, q).sum()``; I-divergence; Bregman divergence of p ln p.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
    floats that were given. The same input has the same bits with any number of threads, memory
    layout and CPU.

    References
    ----------
    I. Csiszar, "Why least squares and maximum entropy? An axiomatic approach to inference for
    linear inverse problems", Ann. Statist. 19 (1991).

    Examples
    --------
    >>> import klrs
    >>> p, q = [2.0, 1.0], [1.0, 1.0]
    >>> klrs.generalized_kl_divergence(p, q), klrs.generalized_kl_divergence(q, p)
    (np.float64(0.38629436...), np.float64(0.30685281...))
    >>> klrs.generalized_kl_divergence(p, p)
    np.float64(0.0)
    """


@verb
def js_divergence(
    p: Distributions,
    q: Distributions,
    *,
    weights: Weights | None = None,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Jensen-Shannon divergence, in nats unless `base` is given.

    a D(p‖m) + b D(q‖m) with the mixture m = a p + b q and `weights` (a, b). For equal weights it
    is symmetric and at most ln 2. It has no root; `js_distance` is its root.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`. float64,
        float32, float16, `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing is
        copied as a whole.
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    weights : sequence of 2 floats, optional
        Weights of `p` and `q` in the mixture, non-negative and with a sum of 1; 1/2 each by
        default.
    axis : int, tuple of int or None, default -1
        Axes of the broadcast shape along which the distributions run; None for all of them. With
        a tuple, entries are taken in the order of ascending axes.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    where : array_like of bool, optional
        Elements that count; the others are left out of everything, the check of sums included.
        Must broadcast to the shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.
    normalize : bool, default False
        Divide every row by its sum. Rows are then non-negative weights of any total, counts
        included. Without it, rows must sum to 1 within the tolerance of their dtype. In rows with
        a sum above 1e180, entries below 1e-300 of it count as that.

    Returns
    -------
    float or ndarray
        Divergences in [0, H(weights)] in nats, or in units of `base`, one for each distribution:
        a NumPy scalar for 1-D input. float32 if all operands are float32 or narrower, else
        float64.

    Raises
    ------
    ValueError
        If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), has a negative or
        infinite entry, or is left out by `where` altogether; if shapes do not fit.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Finite also where one of the two is 0. Exactly 0 for equal rows; never negative; never above
    the entropy of the weights (ln 2 for equal ones, exactly 1 with ``base=2`` for disjoint
    supports). A weight of 0 makes it 0. A row with a NaN has the value NaN.

    Elsewhere: the square of ``scipy.spatial.distance.jensenshannon``; ``tfp.vi.jensen_shannon``
    is twice this.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
    floats that were given, down to 1e-30. The same input has the same bits with any number of
    threads, memory layout and CPU.

    References
    ----------
    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.js_divergence(p, q), klrs.js_divergence(q, p)
    (np.float64(0.04661338...), np.float64(0.04661338...))
    >>> klrs.js_divergence([1, 0], [0, 1], base=2)
    np.float64(1.0)
    >>> klrs.js_divergence(p, q, weights=[0.9, 0.1])
    np.float64(0.01722051...)
    """


@verb
def js_distance(
    p: Distributions,
    q: Distributions,
    *,
    weights: Weights | None = None,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Jensen-Shannon distance: the square root of `js_divergence` in the given base.

    A metric for equal weights, bounded by sqrt(ln 2), or by 1 with ``base=2``.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`. float64,
        float32, float16, `ml_dtypes.bfloat16`, integers or bools, in any layout; nothing is
        copied as a whole.
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    weights : sequence of 2 floats, optional
        Weights of `p` and `q` in the mixture, non-negative and with a sum of 1; 1/2 each by
        default.
    axis : int, tuple of int or None, default -1
        Axes of the broadcast shape along which the distributions run; None for all of them. With
        a tuple, entries are taken in the order of ascending axes.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits, 10 for hartleys.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    where : array_like of bool, optional
        Elements that count; the others are left out of everything, the check of sums included.
        Must broadcast to the shape of the operands.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.
    normalize : bool, default False
        Divide every row by its sum. Rows are then non-negative weights of any total, counts
        included. Without it, rows must sum to 1 within the tolerance of their dtype. In rows with
        a sum above 1e180, entries below 1e-300 of it count as that.

    Returns
    -------
    float or ndarray
        Distances in [0, sqrt(H(weights))], one for each distribution: a NumPy scalar for 1-D
        input. float32 if all operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), has a negative or
        infinite entry, or is left out by `where` altogether; if shapes do not fit.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    With `base` it is the root of the divergence in that base. A row with a NaN has the value NaN.

    Elsewhere: ``scipy.spatial.distance.jensenshannon(p, q)``, which always normalises.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results) of the exact value for the
    floats that were given, down to 1e-15. The same input has the same bits with any number of
    threads, memory layout and CPU.

    References
    ----------
    D. M. Endres and J. E. Schindelin, "A new metric for probability distributions", IEEE Trans.
    Inf. Theory 49 (2003).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.js_distance(p, q), klrs.js_distance(q, p)
    (np.float64(0.21590133...), np.float64(0.21590133...))
    >>> klrs.js_distance([1, 0], [0, 1], base=2)
    np.float64(1.0)
    """
