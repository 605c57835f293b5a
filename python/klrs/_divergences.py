"""Divergences without an upper bound: what a user reads of Kullback-Leibler, chi-squared and kin.

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
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Computed as sum p ln(p/q) - p + q, whose terms are all >= 0 and which is the same for rows of
    equal mass; this is also the value for rows that sum to 1 only up to rounding. With
    ``normalize=True`` it is the divergence of the exact quotients p/sum(p) and q/sum(q).
    `kl_contributions` gives the terms.

    0 ln 0 = 0; +inf where ``q == 0 < p``; exactly 0 for equal rows; never negative. A row with a
    NaN has the value NaN; other rows are not affected.

    Elsewhere: ``scipy.stats.entropy(p, q)`` is ``kl_divergence(p, q, normalize=True, axis=0)``;
    ``torch.nn.functional.kl_div(q.log(), p)`` has the operands the other way round, takes
    logarithms and averages over all elements.

    The bound below holds down to 1e-30.

    {accuracy}

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
        Reference measures: non-negative numbers.
        {dtypes}
    q : array_like
        Approximations; batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats.
        {results}

    {raises}

    Notes
    -----
    There is no `base`: the value is a difference of masses as much as a logarithm. Sums are not
    checked. +inf where ``q == 0 < p``; exactly 0 for equal rows; never negative. A row with a NaN
    has the value NaN. The bound below holds for float64 rows with a sum up to 1e260; in larger
    ones entries below about 1e-300 count as that.

    Elsewhere: ``scipy.special.kl_div(p, q).sum()``; I-divergence; Bregman divergence of p ln p.

    {accuracy}

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
def jeffreys_divergence(
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
    """Jeffreys divergence J(p, q) = sum (p - q) ln(p/q), in nats unless `base` is given.

    The Kullback-Leibler divergences of both orders added, D(p‖q) + D(q‖p): for two samples of
    which neither is the reference.

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
        Divergences >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    Symmetric, but no metric, and neither is its root. +inf where one of the two is 0 and the other
    is not; 0 in both adds nothing; exactly 0 for equal rows; never negative. A row with a NaN has
    the value NaN. The terms are >= 0, so without `normalize` it is the sum over the entries as
    they are.

    At least 4 times the Jensen-Shannon divergence, which stays finite where this is infinite.
    `population_stability_index` is the same number under the name that drift reports use.

    Elsewhere: Kullback's symmetric divergence, J-divergence; ``tfp.vi.jeffreys`` is half of it. In
    image retrieval "Jeffrey divergence" means twice the Jensen-Shannon divergence.

    {accuracy}

    References
    ----------
    H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc. R.
    Soc. Lond. A 186 (1946); S. Kullback and R. A. Leibler, "On information and sufficiency", Ann.
    Math. Statist. 22 (1951).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.jeffreys_divergence(p, q), klrs.jeffreys_divergence(q, p)
    (np.float64(0.37942399...), np.float64(0.37942399...))
    >>> klrs.jeffreys_divergence([1, 0], [0.5, 0.5])
    np.float64(inf)
    """


@verb
def population_stability_index(
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
    """Population stability index PSI = sum (p - q) ln(p/q), in nats unless `base` is given.

    How far a variable has drifted between two samples that were counted in the same bins. The rule
    of thumb is for nats: below 0.1 stable, from 0.25 on shifted.

    Parameters
    ----------
    p : array_like
        Shares of the bins in the reference ("expected"), or counts with `normalize=True`.
        {dtypes}
    q : array_like
        Shares or counts of the same bins in the current sample ("actual"); batch axes broadcast
        against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Indices >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    It is `jeffreys_divergence`, symmetric and no metric. A bin that is empty in one of the two
    makes it +inf; one that is empty in both adds nothing; exactly 0 for equal rows. A row with a
    NaN has the value NaN.

    Drift tools give a finite number for empty bins, because they put a small number into them
    (Evidently 0.0001 or less), on which the result then depends: ln of it is what an empty bin
    counts. Here that is the caller's choice: fewer bins, or `smooth` with a pseudocount, for both
    samples. Bins must be the same for both: make the edges once, from the reference, and open the
    outer ones, or what lies outside is lost.

    The rule of thumb ignores the sample sizes. Without drift, PSI times n m / (n + m), for n and m
    samples in K bins, is distributed about as chi-squared with K - 1 degrees of freedom.

    {accuracy}

    References
    ----------
    N. Siddiqi, "Credit Risk Scorecards" (Wiley, 2006); B. Yurdakul, "Statistical properties of
    population stability index", dissertation, Western Michigan University (2018).

    Examples
    --------
    >>> import klrs
    >>> import numpy as np
    >>> reference, current = np.arange(1000) % 97, np.arange(500) % 83 + 12
    >>> edges = [-np.inf, 20.5, 40.5, 60.5, 80.5, np.inf]
    >>> p, q = np.histogram(reference, edges)[0], np.histogram(current, edges)[0]
    >>> klrs.population_stability_index(p, q, normalize=True)
    np.float64(0.10540983...)

    The same with an empty bin, and with half a sample more in each:

    >>> q[0] = 0
    >>> klrs.population_stability_index(p, q, normalize=True)
    np.float64(inf)
    >>> p, q = klrs.smooth(p, pseudocount=0.5), klrs.smooth(q, pseudocount=0.5)
    >>> klrs.population_stability_index(p, q)
    np.float64(1.28692697...)
    """


@verb
def chi2_divergence(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Pearson's chi-squared divergence sum (p - q)² / q.

    How far observed shares `p` are from the expected ones `q`, in units of their sampling error:
    with N samples, N times it is Pearson's statistic.

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
        Divergences >= 0, a pure number.
        {results}

    {raises}

    Notes
    -----
    Not symmetric: the other order is `neyman_chi2_divergence`. +inf where ``q == 0 < p``; 0 in both
    adds nothing; exactly 0 for equal rows; never negative. A row with a NaN has the value NaN. For
    sums of 1 it is sum p²/q - 1. The terms are >= 0, so without `normalize` it is the sum over the
    entries as they are.

    ``renyi_divergence(p, q, alpha=2)`` is ln(1 + chi2), which bounds the Kullback-Leibler
    divergence from above. It is `tsallis_divergence` with ``alpha=2`` and twice
    `power_divergence` with ``lambda_=1``.

    Elsewhere: ``scipy.stats.chisquare(f_obs, f_exp).statistic`` is
    ``f_obs.sum() * chi2_divergence(f_obs, f_exp, normalize=True)``; ``tfp.vi.pearson`` is it. The
    chi-square of OpenCV's ``compareHist(p, q)`` divides by p.

    {accuracy}

    References
    ----------
    K. Pearson, "On the criterion that a given system of deviations from the probable in the case
    of a correlated system of variables is such that it can be reasonably supposed to have arisen
    from random sampling", Phil. Mag. 50 (1900).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.6, 0.3, 0.1], [0.3, 0.1, 0.6]
    >>> klrs.chi2_divergence(p, q), klrs.chi2_divergence(q, p)
    (np.float64(1.11666666...), np.float64(2.78333333...))
    >>> observed, expected = [16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]
    >>> (88 * klrs.chi2_divergence(observed, expected, normalize=True)).round(6)
    np.float64(3.5)
    """


@verb
def neyman_chi2_divergence(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Neyman's chi-squared divergence sum (p - q)² / p.

    Pearson's divergence with the operands the other way round, for when `p` is observed, `q` a
    model to be fitted, and the observed share shall estimate its own sampling error.

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
        Divergences >= 0, a pure number.
        {results}

    {raises}

    Notes
    -----
    Not symmetric: it is ``chi2_divergence(q, p)``. +inf where ``p == 0 < q``; 0 in both adds
    nothing; exactly 0 for equal rows; never negative. A row with a NaN has the value NaN. For sums
    of 1 it is sum q²/p - 1. The terms are >= 0, so without `normalize` it is the sum over the
    entries as they are. It is twice `power_divergence` with ``lambda_=-2``.

    Elsewhere: N times it is ``scipy.stats.power_divergence(f_obs, f_exp, lambda_="neyman")``; the
    chi-square of OpenCV's ``compareHist(p, q)``.

    {accuracy}

    References
    ----------
    J. Neyman, "Contribution to the theory of the chi-square test", Proc. Berkeley Symp. Math.
    Statist. Prob. (1949).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.6, 0.3, 0.1], [0.3, 0.1, 0.6]
    >>> klrs.neyman_chi2_divergence(p, q), klrs.neyman_chi2_divergence(q, p)
    (np.float64(2.78333333...), np.float64(1.11666666...))
    """
