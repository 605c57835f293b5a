"""Symmetric measures that compare class by class: what a user reads of Hellinger and others.

The functions have no body: the work is done in Rust, by the verb's name. The texts in braces are
those of `_docs.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._calls import verb

if TYPE_CHECKING:  # NumPy's types take longer to import than all the rest.
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result


@verb
def total_variation_distance(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Total variation distance (1/2) sum |p - q|.

    The largest difference between the probabilities that `p` and `q` give to one event; the share
    of the mass that has to be moved to make one into the other.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Distances in [0, 1].
        {results}

    {raises}

    Notes
    -----
    A metric, symmetric. 1 for disjoint supports; exactly 0 for equal rows. A row with a NaN has
    the value NaN. Without `normalize` it is the sum over the entries as they are, and not above 1.

    2 TV² is at most the Kullback-Leibler divergence in nats (Pinsker), and H² <= TV <= sqrt(2) H
    with the `hellinger_distance` H.

    Elsewhere: the "statistical distance" of cryptography; half of
    ``scipy.spatial.distance.cityblock(p, q)``; ``scipy.spatial.distance.braycurtis(p, q)``;
    ``tfp.vi.total_variation``. Some authors leave out the 1/2.

    {accuracy}

    References
    ----------
    D. A. Levin, Y. Peres and E. L. Wilmer, "Markov chains and mixing times" (AMS, 2009), chapter
    4; A. L. Gibbs and F. E. Su, "On choosing and bounding probability metrics", Int. Stat. Rev. 70
    (2002).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.5, 0.0], [0.25, 0.5, 0.25]
    >>> klrs.total_variation_distance(p, q), klrs.total_variation_distance(q, p)
    (np.float64(0.25), np.float64(0.25))
    >>> klrs.total_variation_distance([1, 0], [0, 1])
    np.float64(1.0)
    """


@verb
def hellinger_distance(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Hellinger distance sqrt((1/2) sum (sqrt(p) - sqrt(q))²).

    The Euclidean distance of the roots, scaled such that 1 means nothing in common: a metric that
    is kind to zeros and to rare classes.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Distances in [0, 1].
        {results}

    {raises}

    Notes
    -----
    A metric, symmetric. 1 for disjoint supports; exactly 0 for equal rows. A row with a NaN has
    the value NaN. Without `normalize` it is the root of the sum over the entries as they are, and
    not above 1.

    Its square is 1 - `bhattacharyya_coefficient`, half of `tsallis_divergence` with ``alpha=0.5``
    and a quarter of `alpha_divergence` with ``alpha=0``. With the total variation distance TV,
    H² <= TV <= sqrt(2) H.

    Elsewhere: some authors mean the square, or leave out the 1/2 (then the largest value is
    sqrt(2), as for the Matusita distance); ``tfp.vi.squared_hellinger`` is twice the square.
    OpenCV calls this one ``HISTCMP_BHATTACHARYYA``.

    {accuracy}

    References
    ----------
    E. Hellinger, "Neue Begründung der Theorie quadratischer Formen von unendlichvielen
    Veränderlichen", J. reine angew. Math. 136 (1909).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.hellinger_distance(p, q), klrs.hellinger_distance(q, p)
    (np.float64(0.21683228...), np.float64(0.21683228...))
    >>> klrs.hellinger_distance([1, 0], [0, 1])
    np.float64(1.0)
    """


@verb
def bhattacharyya_coefficient(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Bhattacharyya coefficient sum sqrt(p q), a similarity: 1 means equal.

    The cosine of the angle between the roots of `p` and `q`: how much the two overlap.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Similarities in [0, 1].
        {results}

    {raises}

    Notes
    -----
    Symmetric. Exactly 1 for equal rows, 0 for disjoint supports. A row with a NaN has the value
    NaN. Without `normalize` the sum is divided by the mean of the two sums, (sum p + sum q) / 2,
    which is 1 for rows that sum to 1: so equal rows give 1 whatever they sum to.

    It is 1 - H² with the `hellinger_distance` H, which is the one to take for rows that are nearly
    equal: below H = 1e-8 the coefficient rounds to 1. `bhattacharyya_distance` is -ln of it.

    Elsewhere: Hellinger affinity; the classical case of the fidelity of quantum states (some
    authors mean its square).

    {accuracy}

    References
    ----------
    A. Bhattacharyya, "On a measure of divergence between two statistical populations defined by
    their probability distributions", Bull. Calcutta Math. Soc. 35 (1943).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.bhattacharyya_coefficient(p, q), klrs.bhattacharyya_coefficient(q, p)
    (np.float64(0.95298375...), np.float64(0.95298375...))
    >>> klrs.bhattacharyya_coefficient(p, p)
    np.float64(1.0)
    """


@verb
def bhattacharyya_distance(
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
    """Bhattacharyya distance -ln sum sqrt(p q), in nats unless `base` is given.

    Half the Rényi divergence of order 1/2. It bounds the error of the best guess between `p` and
    `q`: with equal priors that is at most exp(-distance) / 2.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Symmetric, but no metric, and neither is its root: `hellinger_distance`, a function of it, is
    one. +inf for disjoint supports; exactly 0 for equal rows; never negative. A row with a NaN has
    the value NaN. Without `normalize` it is -ln of `bhattacharyya_coefficient`, whose sum is taken
    relative to the mean of the rows' sums.

    Elsewhere: OpenCV's ``HISTCMP_BHATTACHARYYA`` is the Hellinger distance.

    {accuracy}

    References
    ----------
    A. Bhattacharyya, "On a measure of divergence between two statistical populations defined by
    their probability distributions", Bull. Calcutta Math. Soc. 35 (1943); T. Kailath, "The
    divergence and Bhattacharyya distance measures in signal selection", IEEE Trans. Commun.
    Technol. 15 (1967).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.bhattacharyya_distance(p, q), klrs.bhattacharyya_distance(q, p)
    (np.float64(0.04815741...), np.float64(0.04815741...))
    >>> klrs.bhattacharyya_distance([1, 0], [0, 1])
    np.float64(inf)
    """


@verb
def triangular_discrimination(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Triangular discrimination sum (p - q)² / (p + q).

    A chi-squared that is symmetric and finite whatever is 0, and that behaves as the
    Jensen-Shannon divergence does without taking a logarithm.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Distributions; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Values in [0, 2].
        {results}

    {raises}

    Notes
    -----
    Symmetric; its root is a metric. 2 for disjoint supports; 0 in both adds nothing; exactly 0 for
    equal rows. A row with a NaN has the value NaN. Without `normalize` it is the sum over the
    entries as they are, and not above 2.

    With the Jensen-Shannon divergence in nats, T/4 <= JS <= (ln 2 / 2) T. It is twice
    `chi2_divergence` of either row from their mean.

    Elsewhere: named after Vincze and Le Cam, by some with a factor 1/2; ``tfp.vi.triangular``;
    OpenCV's ``HISTCMP_CHISQR_ALT`` and the "probabilistic symmetric chi-squared" are twice it.

    {accuracy}

    References
    ----------
    F. Topsøe, "Some inequalities for information divergence and related measures of
    discrimination", IEEE Trans. Inf. Theory 46 (2000).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.triangular_discrimination(p, q), klrs.triangular_discrimination(q, p)
    (np.float64(0.18333333...), np.float64(0.18333333...))
    >>> klrs.triangular_discrimination([1, 0], [0, 1])
    np.float64(2.0)
    """
