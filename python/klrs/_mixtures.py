"""Divergences from a mixture of the two: what a user reads of Jensen-Shannon and its halves.

The functions have no body: the work is done in Rust, by the verb's name. The texts in braces are
those of `_docs.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._calls import verb

if TYPE_CHECKING:  # NumPy's types take longer to import than all the rest.
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result, Weights


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
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    weights : sequence of 2 floats, optional
        Weights of `p` and `q` in the mixture, non-negative and with a sum of 1; 1/2 each by
        default.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences in [0, H(weights)] in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Finite also where one of the two is 0. Exactly 0 for equal rows; never negative; never above
    the entropy of the weights (ln 2 for equal ones, exactly 1 with ``base=2`` for disjoint
    supports). A weight of 0 makes it 0, its limit, where `klrs.logits.js_divergence` follows the
    convention of distillation: with ``beta`` 0 or 1 it is the Kullback-Leibler divergence of the
    two. A row with a NaN has the value NaN.

    `js_divergence_of` is that of more than two distributions.

    Elsewhere: the square of ``scipy.spatial.distance.jensenshannon``; ``tfp.vi.jensen_shannon``
    is twice this.

    The bound below holds down to 1e-30.

    {accuracy}

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
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    weights : sequence of 2 floats, optional
        Weights of `p` and `q` in the mixture, non-negative and with a sum of 1; 1/2 each by
        default.
    {keywords}

    Returns
    -------
    float or ndarray
        Distances in [0, sqrt(H(weights))].
        {results}

    {raises}

    Notes
    -----
    With `base` it is the root of the divergence in that base. A row with a NaN has the value NaN.

    Elsewhere: ``scipy.spatial.distance.jensenshannon(p, q)``, which always normalises.

    The bound below holds down to 1e-15.

    {accuracy}

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


@verb
def k_divergence(
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
    """K-divergence K(p, q) = D(p‖m) with m = (p + q)/2, in nats unless `base` is given.

    The Kullback-Leibler divergence from the middle of the two: always finite, at most ln 2.

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
    float or ndarray
        Divergences in [0, ln 2] in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Not symmetric: the mean of both orders is the Jensen-Shannon divergence. 0 ln 0 = 0; finite
    also where ``q == 0 < p``; ln 2 for disjoint supports; exactly 0 for equal rows; never
    negative. A row with a NaN has the value NaN. Without `normalize` it is sum p ln(p/m) - p + m of
    the entries as they are. It is at most half the Kullback-Leibler divergence, and
    `skew_divergence` with ``skew=0.5``.

    Elsewhere: Lin's K directed divergence.

    {accuracy}

    References
    ----------
    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.k_divergence(p, q), klrs.k_divergence(q, p)
    (np.float64(0.04746865...), np.float64(0.04575811...))
    >>> klrs.k_divergence([1, 0], [0, 1], base=2)
    np.float64(1.0)
    """


@verb
def skew_divergence(
    p: Distributions,
    q: Distributions,
    *,
    skew: float,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Skew divergence D(p‖(1-skew) p + skew q), in nats unless `base` is given.

    The Kullback-Leibler divergence from a `q` that has been mixed with some `p`: finite for
    ``skew < 1``, and near the Kullback-Leibler divergence for a `skew` near 1.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    skew : float
        Share of `q` in the mixture, from 0 to 1.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences in [0, -ln(1 - skew)] in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Not symmetric. 0 ln 0 = 0. For disjoint supports it is -ln(1 - skew), the largest value. With
    ``skew=1`` it is the Kullback-Leibler divergence, +inf where ``q == 0 < p``; with ``skew=0`` it
    is 0. Exactly 0 for equal rows; never negative. A row with a NaN has the value NaN. Without
    `normalize` it is sum p ln(p/m) - p + m of the entries as they are, with the mixture m.

    It is at most skew D(p‖q). ``skew=0.5`` is `k_divergence`. The Jensen-Shannon divergence with
    weights (a, b) is a skew_divergence(p, q, skew=b) + b skew_divergence(q, p, skew=a).

    Elsewhere: Lee's s_alpha(q, r) is ``skew_divergence(r, q, skew=alpha)``, with alpha = 0.99 in
    her experiments.

    {accuracy}

    References
    ----------
    L. Lee, "Measures of distributional similarity", Proc. 37th ACL (1999).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.skew_divergence(p, q, skew=0.99), klrs.skew_divergence(q, p, skew=0.99)
    (np.float64(0.18228951...), np.float64(0.18905936...))
    >>> klrs.skew_divergence([1, 0], [0, 1], skew=0.5, base=2)
    np.float64(1.0)
    """
