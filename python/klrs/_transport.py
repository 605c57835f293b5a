"""Distances between histograms on a line, where it matters how far apart two classes are.

All others compare class by class; these know that 3 lies between 2 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._docs import completed_on_a_line
from klrs._transport_calls import of_histograms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result


@completed_on_a_line
def wasserstein_distance(
    p: Distributions,
    q: Distributions,
    *,
    support: ArrayLike | None = None,
    order: float = 1,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Wasserstein distance of histograms on a line, of any order from 1 to infinity.

    The least that it takes to move the mass of `p` to where `q` has it: the mean distance, or the
    root of the mean square for ``order=2``, or the longest way for ``order=inf``. Unlike the
    Kullback-Leibler divergence it sees how far apart two distributions are that share no class.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0, in the unit of `support`.
        {results}

    {raises}

    Notes
    -----
    W = (min sum m |x - y|^order)^(1/order) over all plans that move m from x to y. On the line the
    best plan is in ascending order, whatever the order of the distance. For order 1 that is the
    area between the cumulative distribution functions, sum |F - G| times the step to the next
    position. A metric, and it grows with the order.

    Mass can only be moved onto as much mass. So it is always the distance of p / sum(p) and
    q / sum(q), and `normalize` says whether sums other than 1 are a mistake. Exactly 0 for equal
    rows; a row with a NaN has the value NaN. For orders other than 1, cumulative sums that differ
    by no more than what 2K roundings of 2^-104 make of the difference of the sums are equal. For
    order infinity any mass counts, however small: rounding of one probability may decide.

    The gradient (`klrs.value_and_grad`) is the dual potential, centred such that it sums to 0
    against the row: what the distance changes by when mass is added at an entry, and the row
    divided by its sum. Where the two cumulative functions meet, it has a kink, and the gradient is
    the mean of both sides. Where the distance is 0, it has none, and the gradient is 0. There is
    none for order infinity.

    Elsewhere: ``scipy.stats.wasserstein_distance(x, x, p, q)`` with `order` 1; POT's
    ``wasserstein_1d`` and ``emd2_1d`` are W to the power of the order, the second with order 2.
    "Earth mover's distance"; Mallows' and Kantorovich's distance. For raw samples there is
    `klrs.samples.wasserstein_distance`.

    {accuracy}

    References
    ----------
    F. Santambrogio, "Optimal transport for applied mathematicians" (Birkhäuser, 2015), chapter 2;
    G. Peyré and M. Cuturi, "Computational optimal transport", Found. Trends Mach. Learn. 11 (2019).

    Examples
    --------
    >>> import numpy as np, klrs
    >>> p, q = [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]
    >>> klrs.wasserstein_distance(p, q), klrs.wasserstein_distance(q, p)
    (np.float64(1.0), np.float64(1.0))
    >>> klrs.wasserstein_distance(p, q, support=[0, 10, 30])
    np.float64(15.0)
    >>> klrs.wasserstein_distance(p, [1, 0, 0], order=2)
    np.float64(0.7071067811865476)

    Two distributions without a common class, as a GAN's are at first. However far apart they are,
    KL is infinite and JS is ln 2, whose gradient is 0. Wasserstein says how far it is, and where to
    go:

    >>> for far in (1, 2, 3):
    ...     p, q = np.eye(4)[0], np.eye(4)[far]
    ...     kl, js = klrs.kl_divergence(p, q), klrs.js_divergence(p, q)
    ...     print(far, kl, js.round(6), klrs.wasserstein_distance(p, q))
    1 inf 0.693147 1.0
    2 inf 0.693147 2.0
    3 inf 0.693147 3.0
    >>> klrs.value_and_grad(klrs.wasserstein_distance)(p, q)[1]
    array([-3., -2., -1.,  0.])
    """
    keywords = {
        "support": support,
        "axis": axis,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "normalize": normalize,
        "order": order,
    }
    return of_histograms("wasserstein_distance", {"p": p, "q": q}, keywords)


@completed_on_a_line
def cramer_distance(
    p: Distributions,
    q: Distributions,
    *,
    support: ArrayLike | None = None,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Cramér distance of histograms on a line, the L2 distance of their cumulative functions.

    The root of sum (F - G)² times the step to the next position. Its square has gradients that
    are right in the mean when they are taken from samples, which those of Wasserstein are not.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0, in the root of the unit of `support`.
        {results}

    {raises}

    Notes
    -----
    A metric. It is always the distance of p / sum(p) and q / sum(q), and `normalize` says whether
    sums other than 1 are a mistake. Exactly 0 for equal rows; a row with a NaN has the value NaN.
    The gradient is that of these quotients, and sums to 0 against the row; 0 where the distance
    is 0.

    Elsewhere: `energy_distance` is sqrt(2) times it. Some mean its square, the ranked probability
    score of weather forecasts where `q` is one class.

    {accuracy}

    References
    ----------
    H. Cramér, "On the composition of elementary errors", Skand. Aktuarietidskr. 11 (1928); M. G.
    Bellemare et al., "The Cramer distance as a solution to biased Wasserstein gradients",
    arXiv:1705.10743 (2017).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]
    >>> klrs.cramer_distance(p, q), klrs.cramer_distance(q, p)
    (np.float64(0.7071067811865476), np.float64(0.7071067811865476))
    """
    keywords = {
        "support": support,
        "axis": axis,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "normalize": normalize,
    }
    return of_histograms("cramer_distance", {"p": p, "q": q}, keywords)


@completed_on_a_line
def energy_distance(
    p: Distributions,
    q: Distributions,
    *,
    support: ArrayLike | None = None,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    normalize: bool = False,
) -> Result:
    """Energy distance of histograms on a line, sqrt(2) times their Cramér distance.

    The root of 2 E|X - Y| - E|X - X'| - E|Y - Y'|, with X and X' drawn from `p`, Y and Y' from `q`.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0, in the root of the unit of `support`.
        {results}

    {raises}

    Notes
    -----
    A metric: the root of 2 sum (F - G)² times the step to the next position, with the cumulative
    functions F and G. It is always the distance of p / sum(p) and q / sum(q), and `normalize` says
    whether sums other than 1 are a mistake. Exactly 0 for equal rows; a row with a NaN has the
    value NaN. The gradient is that of these quotients, and sums to 0 against the row; 0 where the
    distance is 0.

    Elsewhere: ``scipy.stats.energy_distance(x, x, p, q)``, which has the root as well. Székely and
    Rizzo mean the square.

    {accuracy}

    References
    ----------
    G. J. Székely and M. L. Rizzo, "Energy statistics: a class of statistics based on distances",
    J. Stat. Plan. Inference 143 (2013).

    Examples
    --------
    >>> import klrs
    >>> p, q = [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]
    >>> klrs.energy_distance(p, q), klrs.energy_distance(q, p)
    (np.float64(1.0), np.float64(1.0))
    """
    keywords = {
        "support": support,
        "axis": axis,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "normalize": normalize,
    }
    return of_histograms("energy_distance", {"p": p, "q": q}, keywords)
