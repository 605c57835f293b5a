"""The verbs for samples: draws from two distributions, whose number may differ.

>>> from klrs import samples
>>> samples.wasserstein_distance([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
np.float64(5.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._docs import completed_on_a_line
from klrs._transport_calls import of_samples

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs._typing import Distributions, Result

__all__ = ["cramer_distance", "energy_distance", "wasserstein_distance"]


@completed_on_a_line
def wasserstein_distance(
    x: Distributions,
    y: Distributions,
    *,
    order: float = 1,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    axis: int = -1,
) -> Result:
    """Wasserstein distance of samples on a line, of any order from 1 to infinity.

    The least that it takes to move the samples `x` to where `y` are: the mean distance, or the root
    of the mean square for ``order=2``, or the longest way for ``order=inf``.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0, in the unit of the samples.
        {results}

    {raises}

    Notes
    -----
    W = (min sum m |x - y|^order)^(1/order) over all plans that move m from x to y. On the line the
    best plan is in ascending order: for as many samples, the kth smallest goes to the kth smallest.
    A metric between distributions, and it grows with the order. A row with a NaN, in a sample or in
    a weight, has the value NaN. Weights: cumulative sums that differ by no more than what n + m
    roundings of 2^-104 make of the difference of the sums are equal. Integers are read as float64:
    subtract an origin from those beyond 2^53, such as times in nanoseconds.

    The gradient (`klrs.value_and_grad`) with respect to x is sum m |x - y|^(order - 1) sign(x - y)
    over what x is moved to, times W^(1 - order). Equal samples share, by their weights, what they
    have when they move together. Where the distance is 0, it has none, and the gradient is 0. There
    is none for order infinity.

    Elsewhere: ``scipy.stats.wasserstein_distance(x, y, x_weights, y_weights)`` with `order` 1;
    POT's ``wasserstein_1d`` is W to the power of the order. For histograms there is
    `klrs.wasserstein_distance`.

    {accuracy}

    References
    ----------
    F. Santambrogio, "Optimal transport for applied mathematicians" (Birkhäuser, 2015), chapter 2;
    A. Ramdas, N. García Trillos and M. Cuturi, "On Wasserstein two-sample testing and related
    families of nonparametric tests", Entropy 19 (2017).

    Examples
    --------
    >>> import klrs
    >>> from klrs import samples
    >>> samples.wasserstein_distance([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
    np.float64(5.0)
    >>> samples.wasserstein_distance([0.0, 2.0], [1.0], x_weights=[3, 1], order=2)
    np.float64(1.0)
    >>> klrs.value_and_grad(samples.wasserstein_distance, argnums=0)([0.0, 1.0, 3.0], [2.0])
    (np.float64(1.3333333333333333), array([-0.33333333, -0.33333333,  0.33333333]))
    """
    keywords = {"order": order, "x_weights": x_weights, "y_weights": y_weights, "axis": axis}
    return of_samples("wasserstein_distance", {"x": x, "y": y}, keywords)


@completed_on_a_line
def cramer_distance(
    x: Distributions,
    y: Distributions,
    *,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    axis: int = -1,
) -> Result:
    """Cramér distance of samples on a line, the L2 distance of their cumulative functions.

    The root of the integral of (F - G)², with F the share of the samples `x` up to a point, and G
    that of `y`.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0, in the root of the unit of the samples.
        {results}

    {raises}

    Notes
    -----
    A metric between distributions. A row with a NaN has the value NaN. Where the distance is 0, the
    gradient is 0. `energy_distance` is sqrt(2) times it.

    {accuracy}

    References
    ----------
    H. Cramér, "On the composition of elementary errors", Skand. Aktuarietidskr. 11 (1928).

    Examples
    --------
    >>> from klrs import samples
    >>> samples.cramer_distance([0.0, 1.0], [4.0])
    np.float64(1.8027756377319946)
    """
    keywords = {"x_weights": x_weights, "y_weights": y_weights, "axis": axis}
    return of_samples("cramer_distance", {"x": x, "y": y}, keywords)


@completed_on_a_line
def energy_distance(
    x: Distributions,
    y: Distributions,
    *,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    axis: int = -1,
) -> Result:
    """Energy distance of samples on a line, sqrt(2) times their Cramér distance.

    The root of 2 E|X - Y| - E|X - X'| - E|Y - Y'|, with X and X' any two of the samples `x` (one
    may be both), Y and Y' any two of `y`.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances >= 0, in the root of the unit of the samples.
        {results}

    {raises}

    Notes
    -----
    A metric between distributions. A row with a NaN has the value NaN. Where the distance is 0, the
    gradient is 0. It costs a sort, not all pairs.

    Elsewhere: ``scipy.stats.energy_distance(x, y, x_weights, y_weights)``, which has the root as
    well. Székely and Rizzo mean the square.

    {accuracy}

    References
    ----------
    G. J. Székely and M. L. Rizzo, "Energy statistics: a class of statistics based on distances",
    J. Stat. Plan. Inference 143 (2013).

    Examples
    --------
    >>> from klrs import samples
    >>> samples.energy_distance([0.0, 1.0], [4.0])
    np.float64(2.5495097567963922)
    """
    keywords = {"x_weights": x_weights, "y_weights": y_weights, "axis": axis}
    return of_samples("energy_distance", {"x": x, "y": y}, keywords)
