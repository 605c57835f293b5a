"""Families of divergences by an order: what a user reads of Rényi, Amari and others.

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
def renyi_divergence(
    p: Distributions,
    q: Distributions,
    *,
    alpha: float,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Rényi divergence ln(sum p^alpha q^(1-alpha)) / (alpha - 1), in nats unless `base` is given.

    A family between the overlap of the supports (order 0) and the worst ratio p/q (order infinity),
    with the Kullback-Leibler divergence at 1: the larger `alpha`, the more the classes count in
    which `p` is much larger than `q`.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    alpha : float
        The order, from 0 to infinity (``np.inf``); at 1 it is the Kullback-Leibler divergence.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Never smaller for a larger order. Symmetric for order 1/2 only; for orders between 0 and 1,
    (1 - alpha) D(p, q) of order alpha is alpha D(q, p) of order 1 - alpha.

    ======== ==========================================================================
    alpha    value
    ======== ==========================================================================
    0        -ln of the mass that `q` has where p > 0
    1/2      -2 ln sum sqrt(p q), twice `bhattacharyya_distance`
    1        `kl_divergence`
    2        ln(1 + `chi2_divergence`)
    infinity ln max p/q, the max-divergence of differential privacy
    ======== ==========================================================================

    For alpha >= 1 it is +inf where ``q == 0 < p``, for alpha < 1 only for disjoint supports. 0 in
    both adds nothing; exactly 0 for equal rows (at order 0 for equal supports too); never negative.
    A row with a NaN has the value NaN.

    Without `normalize` the logarithm is taken of what is 1 for equal rows whatever they sum to:
    for 0 < alpha < 1 the sum relative to alpha sum p + (1 - alpha) sum q, for alpha > 1 the sum
    less that, plus 1.

    The bound below is to be multiplied by max(1, alpha L) for finite `alpha`, L being the largest
    |ln p/q| of the row.

    Elsewhere: Rényi differential privacy bounds it between neighbouring data sets.

    {accuracy}

    References
    ----------
    A. Rényi, "On measures of entropy and information", Proc. 4th Berkeley Symp. Math. Statist.
    Prob. 1 (1961); T. van Erven and P. Harremoës, "Rényi divergence and Kullback-Leibler
    divergence", IEEE Trans. Inf. Theory 60 (2014).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.renyi_divergence(p, q, alpha=2), klrs.renyi_divergence(q, p, alpha=2)
    (np.float64(0.32449604...), np.float64(0.35767444...))
    >>> klrs.renyi_divergence(p, q, alpha=0.5)
    np.float64(0.09631483...)
    >>> klrs.renyi_divergence(p, q, alpha=float("inf"))
    np.float64(0.69314718...)
    """


@verb
def alpha_divergence(
    p: Distributions,
    q: Distributions,
    *,
    alpha: float,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Amari's alpha-divergence 4/(1-alpha²) (1 - sum p^((1-alpha)/2) q^((1+alpha)/2)).

    The family of information geometry, from D(p‖q) at -1 over the Hellinger distance at 0 to
    D(q‖p) at 1: `alpha` says whether `q` shall cover `p` or avoid what `p` avoids.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    alpha : float
        Any finite number; at -1 and 1 the Kullback-Leibler divergences are the limits.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0, in nats for ``alpha=-1`` and ``alpha=1``.
        {results}

    {raises}

    Notes
    -----
    There is no `base`: the value is made of powers. Swapping `p` and `q` is changing the sign of
    `alpha`: symmetric for 0 only.

    ===== ==============================================
    alpha value
    ===== ==============================================
    -3    half of `chi2_divergence`
    -1    ``kl_divergence(p, q)``
    0     4 H², with the `hellinger_distance` H
    1     ``kl_divergence(q, p)``
    3     half of `neyman_chi2_divergence`
    ===== ==============================================

    At most 4/(1 - alpha²) for |alpha| < 1, reached for disjoint supports. For alpha <= -1 it is
    +inf where ``q == 0 < p``, for alpha >= 1 where ``p == 0 < q``. 0 in both adds nothing; exactly
    0 for equal rows; never negative. A row with a NaN has the value NaN.

    Without `normalize` every term is centred, (p^a q^(1-a) - a p - (1-a) q) / (a (a-1)) with
    a = (1 - alpha)/2: it is >= 0, and the sum is the same for rows of equal mass.

    The bound below is to be multiplied by max(1, (1 + |alpha|)/2 L), L being the largest |ln p/q|
    of the row.

    Elsewhere: others call a = (1 - alpha)/2 alpha (Cichocki, Zhu and Rohwer, Minka,
    ``tfp.vi.amari_alpha``); with that a it is `power_divergence` with ``lambda_=a - 1``, and
    ``tsallis_divergence(p, q, alpha=a) / a``.

    {accuracy}

    References
    ----------
    S. Amari, "Differential-geometrical methods in statistics" (Springer, 1985), chapter 3;
    S. Amari, "alpha-divergence is unique, belonging to both f-divergence and Bregman divergence
    classes", IEEE Trans. Inf. Theory 55 (2009).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.alpha_divergence(p, q, alpha=-1), klrs.alpha_divergence(q, p, alpha=-1)
    (np.float64(0.18609809...), np.float64(0.19332590...))
    >>> klrs.alpha_divergence(p, q, alpha=0)
    np.float64(0.18806496...)
    """


@verb
def power_divergence(
    p: Distributions,
    q: Distributions,
    *,
    lambda_: float,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Cressie-Read power divergence 1/(l(l+1)) sum p ((p/q)^l - 1), with l = `lambda_`.

    The family of the statistics of goodness of fit, with observed shares `p` and expected ones `q`:
    Pearson's chi-squared, the G-test, Freeman-Tukey and Neyman's are members.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    lambda_ : float
        Any finite number; at 0 and -1 the Kullback-Leibler divergences are the limits.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0, in nats for ``lambda_=0`` and ``lambda_=-1``.
        {results}

    {raises}

    Notes
    -----
    There is no `base`: the value is made of powers. Swapping `p` and `q` is replacing `lambda_` by
    -1 - `lambda_`: symmetric for -1/2 only.

    ======= ====================================================
    lambda_ value
    ======= ====================================================
    -2      half of `neyman_chi2_divergence`
    -1      ``kl_divergence(q, p)``
    -1/2    4 H², with the `hellinger_distance` H
    0       ``kl_divergence(p, q)``, of the G-test
    2/3     the one that Cressie and Read recommend
    1       half of `chi2_divergence`
    ======= ====================================================

    At most 1/|l (l + 1)| for -1 < l < 0, reached for disjoint supports. For l >= 0 it is +inf where
    ``q == 0 < p``, for l <= -1 where ``p == 0 < q``. 0 in both adds nothing; exactly 0 for equal
    rows; never negative. A row with a NaN has the value NaN.

    Without `normalize` every term is centred, (p^a q^(1-a) - a p - (1-a) q) / (a (a-1)) with
    a = l + 1: it is >= 0, and the sum is the same for rows of equal mass.

    The bound below is to be multiplied by max(1, |lambda_| L), L being the largest |ln p/q| of the
    row.

    Elsewhere: ``scipy.stats.power_divergence(f_obs, f_exp, lambda_=l).statistic`` is
    ``2 * f_obs.sum() * power_divergence(f_obs, f_exp, lambda_=l, normalize=True)``. It is
    `alpha_divergence` with ``alpha=-1 - 2 * l``.

    {accuracy}

    References
    ----------
    N. Cressie and T. R. C. Read, "Multinomial goodness-of-fit tests", J. R. Stat. Soc. B 46
    (1984).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.power_divergence(p, q, lambda_=2 / 3), klrs.power_divergence(q, p, lambda_=2 / 3)
    (np.float64(0.18839603...), np.float64(0.20596525...))
    >>> klrs.power_divergence(p, q, lambda_=0)
    np.float64(0.18609809...)
    """


@verb
def tsallis_divergence(
    p: Distributions,
    q: Distributions,
    *,
    alpha: float,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Tsallis divergence (sum p^alpha q^(1-alpha) - 1) / (alpha - 1).

    The relative entropy of non-extensive statistics: the Kullback-Leibler divergence with a power
    in the place of the logarithm.

    Parameters
    ----------
    p : array_like
        Reference distributions: probabilities, or non-negative weights with `normalize=True`.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    alpha : float
        The order: finite and not negative; at 1 it is the Kullback-Leibler divergence.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0, in nats for ``alpha=1``.
        {results}

    {raises}

    Notes
    -----
    There is no `base`: the value is made of powers. Symmetric for 1/2 only. 0 gives the mass that
    `q` has where p = 0; 1/2 twice the square of `hellinger_distance`; 1 `kl_divergence`; 2
    `chi2_divergence`.

    At most 1/(1 - alpha) for alpha < 1, reached for disjoint supports; +inf where ``q == 0 < p``
    for alpha >= 1. 0 in both adds nothing; exactly 0 for equal rows (at order 0 for equal supports
    too); never negative. A row with a NaN has the value NaN.

    Without `normalize` every term is centred, (p^alpha q^(1-alpha) - alpha p - (1-alpha) q) /
    (alpha - 1): it is >= 0, and the sum is the same for rows of equal mass.

    With the `renyi_divergence` R of the same order in nats it is
    (exp((alpha - 1) R) - 1) / (alpha - 1); it is alpha times `power_divergence` with
    ``lambda_=alpha - 1``.

    The bound below is to be multiplied by max(1, alpha L), L being the largest |ln p/q| of the
    row.

    Elsewhere: Tsallis relative entropy, whose order is often called q.

    {accuracy}

    References
    ----------
    C. Tsallis, "Generalized entropy-based criterion for consistent testing", Phys. Rev. E 58
    (1998); L. Borland, A. R. Plastino and C. Tsallis, "Information gain within nonextensive
    thermostatistics", J. Math. Phys. 39 (1998).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.tsallis_divergence(p, q, alpha=1.5), klrs.tsallis_divergence(q, p, alpha=1.5)
    (np.float64(0.28094394...), np.float64(0.30323563...))
    >>> klrs.tsallis_divergence(p, q, alpha=0.5)
    np.float64(0.09403248...)
    """
