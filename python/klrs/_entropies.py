"""The public functions of one distribution, and the cross-entropy: what a user reads.

As in `_divergences.py`, the functions have no body: the work is done in Rust, by the verb's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._calls import verb

if TYPE_CHECKING:  # NumPy's types take longer to import than all the rest.
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result


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
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    0 ln 0 = 0. From 0 (one class) to ln K (K equal ones). A row with a NaN has the value NaN;
    other rows are not affected. Without `normalize` the value is that of the entries as they are,
    and not below 0: an entry above 1 passes the check of sums and would have a negative term. The
    error is relative to the sum of |p ln p|.

    It is `renyi_entropy` and `tsallis_entropy` with ``alpha=1``; `perplexity` is its exponential.

    Elsewhere: ``scipy.stats.entropy(p)`` is ``entropy(p, normalize=True, axis=0)``.

    {accuracy}

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
        Reference distributions: targets, one-hot labels.
        {dtypes}
    q : array_like
        Approximations: predicted probabilities; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Cross-entropies in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    0 ln 0 = 0, and +inf where ``q == 0 < p``. A row with a NaN has the value NaN. Without
    `normalize` the value is that of the entries as they are, and not below 0: an entry of `q`
    above 1 passes the check of sums and would have a negative term. The error is relative to the
    sum of |p ln q|.

    Elsewhere: ``sklearn.metrics.log_loss`` is its mean over samples, with one-hot `p` and hidden
    clipping.

    {accuracy}

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
def perplexity(
    p: Distributions,
    q: Distributions | None = None,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Perplexity exp H(p), or exp H(p, q) of `q` as a model of `p`.

    The effective number of classes: how many equally probable ones would be as uncertain. With
    `q` it is the number among which the model `q` seems to guess when `p` is the truth.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like, optional
        Approximations: predicted probabilities; batch axes broadcast against those of `p`. Without
        them it is the perplexity of `p` itself.
    {keywords}

    Returns
    -------
    float or ndarray
        Perplexities >= 1, a pure number.
        {results}

    {raises}

    Notes
    -----
    There is no `base`: 2 to the bits is e to the nats. From 1 (one class) to K (K equal ones) for
    `p` alone; at least that of `p` with `q`, equal to it for equal rows, and +inf where
    ``q == 0 < p``. 0 ln 0 = 0. A row with a NaN has the value NaN. Without `normalize` the
    exponent is that of the entries as they are, as in `entropy` and `cross_entropy`.

    The perplexity of a text is the exponential of the mean of its tokens' cross-entropies,
    ``np.exp(cross_entropy(p, q).mean())``, and not the mean of their perplexities.

    The bound below is to be multiplied by the (cross-)entropy in nats, where that is above 1.

    Elsewhere: the Hill number of order 1 in ecology; the perplexity of t-SNE.

    {accuracy}

    References
    ----------
    F. Jelinek, R. L. Mercer, L. R. Bahl and J. K. Baker, "Perplexity, a measure of the difficulty
    of speech recognition tasks", J. Acoust. Soc. Am. 62 (1977).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.perplexity(p)
    np.float64(2.80009407...)
    >>> klrs.perplexity(p, q), klrs.perplexity(q, p)
    (np.float64(3.37282646...), np.float64(2.97805864...))
    """


@verb
def renyi_entropy(
    p: Distributions,
    *,
    alpha: float,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Rényi entropy ln(sum p^alpha) / (1 - alpha), in nats unless `base` is given.

    A family of entropies that weigh rare classes less the larger `alpha` is: the number of classes
    at 0, Shannon's entropy at 1, collisions at 2, the most probable class at infinity.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    alpha : float
        The order, from 0 to infinity (``np.inf``); at 1 it is the limit.
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    From 0 (one class) to ln K (K equal ones), and never larger for a larger order. Classes with
    p = 0 count for nothing at any order.

    ======== ==========================================================
    alpha    value
    ======== ==========================================================
    0        ln of the number of classes with p > 0 (Hartley)
    1        `entropy`
    2        -ln sum p², the collision entropy
    infinity -ln max p, `min_entropy`
    ======== ==========================================================

    A row with a NaN has the value NaN. Without `normalize` the value is that of the entries as
    they are, and not below 0. The bound below is to be multiplied by max(1, alpha L) for finite
    `alpha`, L being the largest |ln p| of the row, and is relative to the sum of the terms.

    Elsewhere: its exponential is the Hill number of order `alpha`; ``vegan::renyi`` in R.

    {accuracy}

    References
    ----------
    A. Rényi, "On measures of entropy and information", Proc. 4th Berkeley Symp. Math. Statist.
    Prob. 1 (1961).

    Examples
    --------
    >>> import klrs
    >>> p = [0.5, 0.3, 0.2]
    >>> klrs.renyi_entropy(p, alpha=0), klrs.renyi_entropy(p, alpha=2)
    (np.float64(1.09861228...), np.float64(0.96758402...))
    >>> klrs.renyi_entropy(p, alpha=float("inf"))
    np.float64(0.69314718...)
    """


@verb
def tsallis_entropy(
    p: Distributions,
    *,
    alpha: float,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Tsallis entropy (1 - sum p^alpha) / (alpha - 1).

    The entropy of non-extensive statistics and, as Havrda-Charvát entropy or HCDT entropy, of
    ecology: from the number of classes at 0 over Shannon's at 1 to the Gini impurity at 2.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    alpha : float
        The order, often called q: finite and not negative; at 1 it is the limit.
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies >= 0, in nats for ``alpha=1`` and a pure number else.
        {results}

    {raises}

    Notes
    -----
    There is no `base`: the value is made of powers. From 0 (one class) to
    (K^(1 - alpha) - 1) / (1 - alpha) (K equal ones). Classes with p = 0 count for nothing at any
    order. A row with a NaN has the value NaN. Without `normalize` the value is that of the entries
    as they are, and not below 0.

    0 gives the number of classes with p > 0, less 1; 1 `entropy`; 2 the Gini impurity 1 - sum p²
    (Gini-Simpson index). With the Rényi entropy R of the same order in nats it is
    (exp((1 - alpha) R) - 1) / (1 - alpha). For independent x and y, T(x, y) =
    T(x) + T(y) + (1 - alpha) T(x) T(y).

    The bound below is to be multiplied by max(1, alpha L), L being the largest |ln p| of the row,
    and is relative to the sum of the terms.

    Elsewhere: ``vegan::tsallis`` in R; decision trees split by the one of order 2.

    {accuracy}

    References
    ----------
    J. Havrda and F. Charvát, "Quantification method of classification processes", Kybernetika 3
    (1967); C. Tsallis, "Possible generalization of Boltzmann-Gibbs statistics", J. Stat. Phys. 52
    (1988).

    Examples
    --------
    >>> import klrs
    >>> klrs.tsallis_entropy([1, 2], alpha=2, normalize=True)
    np.float64(0.44444444...)
    >>> klrs.tsallis_entropy([0.5, 0.3, 0.2], alpha=0.5)
    np.float64(1.40408586...)
    """


@verb
def min_entropy(
    p: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Min-entropy -ln max p, in nats unless `base` is given.

    How hard it is to guess a sample at the first attempt: the best guess is right with probability
    exp(-min-entropy). Keys and random bits are measured by it, in bits.

    Parameters
    ----------
    p : array_like
        Distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    The smallest of the Rényi entropies, that of order infinity: from 0 (one class) to ln K (K
    equal ones), at most the Shannon entropy and at least half the collision entropy (order 2). A
    row with a NaN has the value NaN. Without `normalize` the value is that of the largest entry as
    it is, and not below 0.

    Elsewhere: NIST SP 800-90B estimates it from samples.

    {accuracy}

    References
    ----------
    B. Chor and O. Goldreich, "Unbiased bits from sources of weak randomness and probabilistic
    communication complexity", SIAM J. Comput. 17 (1988); as order infinity A. Rényi, "On measures
    of entropy and information", Proc. 4th Berkeley Symp. Math. Statist. Prob. 1 (1961).

    Examples
    --------
    >>> import klrs
    >>> klrs.min_entropy([0.4, 0.3, 0.3], base=2)
    np.float64(1.32192809...)
    >>> klrs.min_entropy([[6, 1, 1], [1, 1, 1]], normalize=True)
    array([0.28768207, 1.09861229])
    """
