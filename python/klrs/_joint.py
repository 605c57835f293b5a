"""Tables of two variables, and more than two distributions.

Each function is a few calls of the verbs, and NumPy does the rest. The module is imported when one
of them is asked for.

Mutual information and Jensen-Shannon of k are both sum w D(p‖m) with the mixture m = sum w p. Each
divergence is a verb's, right to the last digits for the m that it is given; but m is no float, and
rounding it to one adds D(m‖rounded m), near 1e-33. So m is kept as an unevaluated sum of two floats
(T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18,
1971), and what the rounding adds is subtracted: with m = high + low and e = low / high it is half
the variance of e under m where the verb normalises, and half the sum of low e where it does not.
All errors of the mixture enter by their squares: the weights of a normalised one may be rounded.
"""

from __future__ import annotations

import math
import operator
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from klrs._arrays import as_array, scale_for_sums
from klrs._divergences import generalized_kl_divergence, kl_divergence
from klrs._docs import completed
from klrs._entropies import entropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from klrs._typing import Axis, Distributions, Result, Weights

Floats: TypeAlias = "NDArray[np.float64]"

# The largest entry of a row is brought near 2 to this, exactly: neither does its sum overflow, nor
# does a product with a small weight lose digits below the smallest normal number.
SCALE_BITS = 500

# By how much weights may miss a sum of 1, as for `js_divergence`; they are divided by it.
WEIGHTS_TOLERANCE = 1e-6


@completed
def joint_entropy(
    joint: Distributions,
    *,
    axes: tuple[int, int] = (-2, -1),
    base: float | None = None,
    normalize: bool = False,
) -> Result:
    """Joint entropy H(X, Y) = -sum p(x, y) ln p(x, y), in nats unless `base` is given.

    The entropy of a table of probabilities as one distribution.

    Parameters
    ----------
    joint : array_like
        Joint distributions: a table of probabilities, or of counts with `normalize=True`.
        {dtypes}
    axes : tuple of 2 ints, default (-2, -1)
        The axes of x and of y; along other axes lie other joint distributions.
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies >= 0 in nats, or in units of `base`.
        {results}

    Raises
    ------
    ValueError
        If a table does not sum to 1 (without `normalize`) or sums to 0 (with it), or has a
        negative or infinite entry; if `axes` names an axis twice.
    TypeError
        If a dtype is no real number, or an argument is of the wrong kind.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    It is ``entropy(joint, axis=axes)``: 0 ln 0 = 0, a table with a NaN has the value NaN. At least
    the entropy of each of the two, at most their sum, which it is for independent x and y.

    {accuracy}

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).

    Examples
    --------
    >>> import klrs
    >>> klrs.joint_entropy([[0.5, 0.25], [0.0, 0.25]], base=2)
    np.float64(1.5)
    >>> klrs.joint_entropy([[3, 1], [0, 4]], normalize=True)
    np.float64(0.97431475...)
    """
    array = as_array(joint, "joint")
    return _entropy_of_tables(array, _two_axes(axes, array.ndim), base, normalize)


@completed
def conditional_entropy(
    joint: Distributions,
    *,
    given: int,
    axes: tuple[int, int] = (-2, -1),
    base: float | None = None,
    normalize: bool = False,
) -> Result:
    """Conditional entropy H(Y | X) = -sum p(x, y) ln p(y | x), in nats unless `base` is given.

    What is left of the uncertainty about one variable of a table when the other is known.

    Parameters
    ----------
    joint : array_like
        Joint distributions: a table of probabilities, or of counts with `normalize=True`.
        Of any dtype and layout that the divergences take; copied as float64.
    given : int
        The axis of the variable that is known, one of `axes`: with rows x and columns y, -2 gives
        H(Y | X) and -1 gives H(X | Y).
    axes : tuple of 2 ints, default (-2, -1)
        The axes of x and of y; along other axes lie other joint distributions.
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies >= 0 in nats, or in units of `base`.
        {results}

    Raises
    ------
    ValueError
        If a table does not sum to 1 (without `normalize`) or sums to 0 (with it), or has a
        negative or infinite entry; if `axes` names an axis twice, or `given` is none of them.
    TypeError
        If a dtype is no real number, or an argument is missing or of the wrong kind.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Computed as sum p(x) H(Y | x), whose terms are all >= 0: the difference H(X, Y) - H(X), which
    it is, would lose the digits of a small value. Never negative; exactly 0 where x determines y;
    at most H(Y), which it is for independent x and y. An x that has no mass adds nothing. A table
    with a NaN has the value NaN.

    {accuracy}

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).

    Examples
    --------
    >>> import klrs
    >>> table = [[0.5, 0.25], [0.0, 0.25]]
    >>> klrs.conditional_entropy(table, given=0, base=2)
    np.float64(0.68872187...)
    >>> klrs.conditional_entropy(table, given=1, base=2)
    np.float64(0.5)
    """
    array = as_array(joint, "joint")
    both = _two_axes(axes, array.ndim)
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"given: got {given!r}, expected an int, one of axes")
    known = operator.index(given)
    if known not in (*both, *(axis - array.ndim for axis in both)):
        raise ValueError(f"given: {known} is none of axes; expected one of {tuple(axes)}")
    known %= array.ndim
    other = both[1] if known == both[0] else both[0]
    # Asked for its errors, its dtype and its NaN.
    total = _entropy_of_tables(array, both, base, normalize)

    # Sums along the last axis of a C-ordered array are pairwise, and so both right and the same for
    # every layout of the input: hence the copy.
    table = np.array(np.moveaxis(array, (known, other), (-2, -1)), dtype=np.float64, order="C")
    if normalize:
        table *= scale_for_sums(table, (-2, -1))
    mass = table.sum(axis=-1)
    table[mass == 0] = 1.0  # any row does: it counts mass times
    terms = mass * entropy(table, base=base, normalize=True)
    value = terms.sum(axis=-1)
    if normalize:
        value = value / mass.sum(axis=-1)
    return value.astype(total.dtype)


@completed
def mutual_information(
    joint: Distributions,
    *,
    axes: tuple[int, int] = (-2, -1),
    base: float | None = None,
    normalize: bool = False,
) -> Result:
    """Mutual information sum p(x, y) ln(p(x, y) / (p(x) p(y))), in nats unless `base` is given.

    I(X; Y), how much one variable of a table says about the other: the Kullback-Leibler divergence
    of the joint distribution from the product of its marginals.

    Parameters
    ----------
    joint : array_like
        Joint distributions: a table of probabilities, or of counts with `normalize=True`.
        Of any dtype and layout that the divergences take; copied as float64.
    axes : tuple of 2 ints, default (-2, -1)
        The axes of x and of y; along other axes lie other joint distributions.
    {keywords}

    Returns
    -------
    float or ndarray
        Informations >= 0 in nats, or in units of `base`.
        {results}

    Raises
    ------
    ValueError
        If a table does not sum to 1 (without `normalize`) or sums to 0 (with it), or has a
        negative or infinite entry; if `axes` names an axis twice.
    TypeError
        If a dtype is no real number, or an argument is of the wrong kind.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Symmetric in x and y. 0 for independent ones, up to 1e-32; never negative; at most the smaller
    of H(X) and H(Y), which it is where one determines the other. 0 ln 0 = 0. A table with a NaN has
    the value NaN. It is H(X) + H(Y) - H(X, Y) and H(Y) - H(Y | X), but not computed as a
    difference: those lose the digits of a small value.

    For a table of k rows it is `js_divergence_of` its rows, with the masses of the rows as weights.
    Without `normalize` it is sum J ln(J T / (R C)) of the entries J as they are, with the sums R, C
    and T of their row, their column and the table.

    Elsewhere: ``sklearn.metrics.mutual_info_score(None, None, contingency=counts)`` is
    ``mutual_information(counts, normalize=True)``; "information gain" of decision trees; 2 N times
    it is the statistic of the G-test of independence.

    The bound below holds down to 1e-30.

    {accuracy}

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).

    Examples
    --------
    >>> import klrs
    >>> klrs.mutual_information([[0.5, 0.25], [0.0, 0.25]], base=2)
    np.float64(0.31127812...)
    >>> klrs.mutual_information([[3, 1], [0, 4]], normalize=True)
    np.float64(0.38039566...)
    """
    array = as_array(joint, "joint")
    both = _two_axes(axes, array.ndim)
    # Asked for its errors, its dtype and its NaN.
    asked = _entropy_of_tables(array, both, base, normalize)
    # The variable with fewer values along the rows: a table has the bits of its transpose, unless
    # it is square.
    short, long = sorted(both, key=lambda axis: array.shape[axis])
    rows = np.array(np.moveaxis(array, (short, long), (-2, -1)), dtype=np.float64, order="C")
    with np.errstate(under="ignore"):
        return _as_asked(_of_tables(rows, base, normalize), asked)


@completed
def js_divergence_of(
    ps: Distributions,
    *,
    weights: Weights | None = None,
    over: int = 0,
    axis: Axis = -1,
    base: float | None = None,
    normalize: bool = False,
) -> Result:
    """Jensen-Shannon divergence of k distributions, in nats unless `base` is given.

    sum w D(p‖m) over the distributions p with their `weights` w and the mixture m = sum w p: how
    much a sample says about which of them it came from.

    Parameters
    ----------
    ps : array_like
        The distributions: probabilities, or non-negative weights with `normalize=True`.
        Of any dtype and layout that the divergences take; copied as float64.
    weights : sequence of k floats, optional
        Weights of the distributions in the mixture, non-negative and with a sum of 1; 1/k each by
        default.
    over : int, default 0
        The axis along which the k distributions lie.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences in [0, H(weights)] in nats, or in units of `base`.
        {results}

    Raises
    ------
    ValueError
        If a row does not sum to 1 (without `normalize`) or sums to 0 (with it), or has a negative
        or infinite entry; if there is none; if `weights` are not k non-negative numbers that sum to
        1; if `over` is one of the axes of `axis`.
    TypeError
        If a dtype is no real number, or an argument is of the wrong kind.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    It is H(m) - sum w H(p), but not computed as a difference. Finite also where one of them is 0;
    exactly 0 for equal rows; never negative; never above the entropy of the weights (ln k for equal
    ones), which it is for disjoint supports. A distribution with weight 0 counts for nothing. With
    a NaN in one of the k distributions the value is NaN. For two it is `js_divergence`. Without
    `normalize` it is sum w (p ln(p/m) - p + m) of the entries as they are.

    Elsewhere: information radius; generalised Jensen-Shannon divergence; ``gJSD`` of philentropy
    (R).

    The bound below holds down to 1e-30.

    {accuracy}

    References
    ----------
    J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991).

    Examples
    --------
    >>> import klrs
    >>> ps = [[0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]]
    >>> klrs.js_divergence_of(ps)
    np.float64(0.23972984...)
    >>> klrs.js_divergence_of(ps, weights=[0.5, 0.5, 0.0])
    np.float64(0.04661338...)
    """
    array = as_array(ps, "ps")
    along = _axis_over(over, axis, array)
    shares = _shares(weights, array.shape[along])
    # Asked for its errors, its dtype and its NaN.
    try:
        asked = entropy(array, axis=axis, base=base, normalize=normalize)
    except (ValueError, TypeError) as error:
        raise type(error)(re.sub(r"^p:", "ps:", str(error))) from None
    axes = () if axis is None else np.atleast_1d(axis)  # None has `over` in it
    classes = sorted(int(it) % array.ndim for it in axes)
    asked = np.moveaxis(asked, along - sum(it < along for it in classes), -1)

    # Copied as for `conditional_entropy`, with the distributions along the last axis but one.
    moved = np.moveaxis(array, (along, *classes), range(-1 - len(classes), 0))
    rows = np.array(moved, dtype=np.float64, order="C")
    rows = rows.reshape(*asked.shape, math.prod(array.shape[it] for it in classes))
    # Over the largest: equal weights are 1 each, and their entropy the logarithm of an int.
    counts = [float(share / max(shares)) for share in shares]
    bound = entropy(counts, base=base, normalize=True)
    with np.errstate(under="ignore"):
        value = _of_distributions(rows, shares, normalize) / _log(base)
        return _as_asked(np.minimum(value, bound), asked.sum(axis=-1))


def _of_tables(rows: Floats, base: float | None, normalize: bool) -> Floats:
    """The mutual information of the tables along the last two axes."""
    _, exponents = np.frexp(rows.max(axis=(-2, -1), keepdims=True))
    rows = np.ldexp(rows, SCALE_BITS - exponents)
    masses = rows.sum(axis=-1)
    total = masses.sum(axis=-1)
    high, low = _mixture(rows, [Fraction(1)] * rows.shape[-2], np.ones_like(masses))
    mixtures = high[..., np.newaxis, :]
    # Any row does where there is no mass: it counts mass times.
    rows = np.where(masses[..., np.newaxis] == 0, mixtures, rows)
    terms = masses * kl_divergence(rows, mixtures, normalize=True)
    nats = terms.sum(axis=-1) / total - _variance(high, low) / 2
    bound = np.minimum(*(entropy(x, base=base, normalize=True) for x in (masses, high)))
    value: Floats = np.minimum(nats / _log(base), bound)
    if not normalize:
        value = value * np.ldexp(total, exponents[..., 0, 0] - SCALE_BITS)
    return value


def _of_distributions(rows: Floats, shares: Sequence[Fraction], normalize: bool) -> Floats:
    """The Jensen-Shannon divergence of the distributions along the last axis but one, in nats."""
    ratios = np.ones(rows.shape[:-1])
    if normalize:
        _, exponents = np.frexp(rows.max(axis=-1, keepdims=True))
        rows = np.ldexp(rows, SCALE_BITS - exponents)
        masses = rows.sum(axis=-1)
        # To the mass of the first, and not to 1: the mixture of equal rows is then that row.
        ratios = masses[..., :1] / masses
    else:
        rows = rows * 2.0**SCALE_BITS
    high, low = _mixture(rows, shares, ratios)
    # Where only the smallest of weights have mass, it may be rounded to 0.
    least = np.where(rows.max(axis=-2) > 0, np.finfo(np.float64).tiny, 0.0)
    high = np.maximum(high, least)
    for k, share in enumerate(shares):
        if not share:
            rows[..., k, :] = high  # any row does: it counts for nothing
    weights = np.array([float(share) for share in shares])
    mixtures = high[..., np.newaxis, :]
    if normalize:
        terms = weights * kl_divergence(rows, mixtures, normalize=True)
        return terms.sum(axis=-1) - _variance(high, low) / 2  # type: ignore[no-any-return]
    terms = weights * generalized_kl_divergence(rows, mixtures)
    nats = terms.sum(axis=-1) - (low * _quotients(low, high)).sum(axis=-1) / 2
    return nats * 2.0**-SCALE_BITS  # type: ignore[no-any-return]


def _mixture(rows: Floats, shares: Sequence[Fraction], ratios: Floats) -> tuple[Floats, Floats]:
    """The sum of the rows times share times ratio, as a float and what it lacks."""
    high = low = np.zeros((*rows.shape[:-2], rows.shape[-1]))
    for k, share in enumerate(shares):
        if not share:
            continue
        row = rows[..., k, :]
        ratio = ratios[..., k, np.newaxis]
        weight, rest = _two_product(np.full_like(ratio, share), ratio)
        rest = rest + float(share - Fraction(float(share))) * ratio
        product, error = _two_product(weight, row)
        high, carry = _two_sum(high, product)
        low = low + (carry + (error + rest * row))
    return _two_sum(high, low)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum, and what it lacks, exactly (D. E. Knuth)."""
    total = a + b
    b_of_it = total - a
    return total, (a - (total - b_of_it)) + (b - b_of_it)


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product, and what it lacks, exactly (T. J. Dekker)."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _halves(a: Floats) -> tuple[Floats, Floats]:
    """The leading 26 bits, and the rest."""
    shifted = a * (2.0**27 + 1)
    high = shifted - (shifted - a)
    return high, a - high


def _quotients(low: Floats, high: Floats) -> Floats:
    return np.divide(low, high, out=np.zeros_like(high), where=high > 0)


def _variance(high: Floats, low: Floats) -> Floats:
    """Of the relative errors of a mixture, under the mixture."""
    errors, mass = _quotients(low, high), high.sum(axis=-1, keepdims=True)
    errors -= (high * errors).sum(axis=-1, keepdims=True) / mass
    return ((high / mass) * errors**2).sum(axis=-1)  # type: ignore[no-any-return]


def _log(base: float | None) -> float:
    """The logarithm of the base, from the entropy of a coin: the same bits on every machine."""
    coin = [0.5, 0.5]
    return 1.0 if base is None else float(entropy(coin) / entropy(coin, base=base))


def _as_asked(value: Floats, asked: Any) -> Any:
    """The value, not below 0, with the dtype and the NaN of what was asked."""
    return np.where(np.isnan(asked), np.nan, np.maximum(value, 0.0)).astype(asked.dtype)[()]


def _shares(weights: Any, count: int) -> list[Fraction]:
    """The weights over their sum, exactly."""
    if weights is None:
        return [Fraction(1, count)] * count
    expected = f"expected {count} non-negative numbers that sum to 1, one for each distribution"
    try:
        numbers = [float(operator.pos(weight)) for weight in weights]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if len(numbers) != count:
        raise TypeError(f"weights: got {weights!r}, {expected}")
    # In this form also for NaN.
    if not (min(numbers) >= 0 and abs(sum(numbers) - 1) <= WEIGHTS_TOLERANCE):
        raise ValueError(f"weights: {tuple(numbers)}, {expected}")
    exact = [Fraction(number) for number in numbers]
    return [number / sum(exact) for number in exact]


def _axis_over(over: Any, axis: Any, ps: NDArray[Any]) -> int:
    """The axis along which the distributions of a mixture lie, counted from the first."""
    if isinstance(over, bool) or not hasattr(over, "__index__"):
        raise TypeError(f"over: got {over!r}, expected an int")
    _check_axis("over", operator.index(over), ps.ndim)
    along = operator.index(over) % ps.ndim
    axes = range(ps.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if any(isinstance(it, int | np.integer) and it in (along, along - ps.ndim) for it in axes):
        raise ValueError(
            f"over: {over} is an axis along which the distributions run (axis={axis}); "
            "pass the axis along which one lies beside the other"
        )
    if ps.shape[along] == 0:
        raise ValueError(f"ps: no distributions along axis {over} of shape {ps.shape}")
    return along


def _check_axis(name: str, axis: int, dimensions: int) -> None:
    if not -dimensions <= axis < dimensions:
        raise np.exceptions.AxisError(
            f"{name}: {axis} is out of bounds for arrays with {dimensions} "
            f"dimension{'' if dimensions == 1 else 's'}"
        )


def _two_axes(axes: Any, dimensions: int) -> tuple[int, int]:
    """The axes of x and y, counted from the first."""
    expected = "expected a tuple of two ints"
    if not isinstance(axes, tuple) or any(
        isinstance(axis, bool) or not hasattr(axis, "__index__") for axis in axes
    ):
        raise TypeError(f"axes: got {axes!r}, {expected}")
    if len(axes) != 2:
        raise ValueError(f"axes: {axes}, {expected}")
    x, y = map(operator.index, axes)
    for axis in (x, y):
        _check_axis("axes", axis, dimensions)
    if x % dimensions == y % dimensions:
        raise ValueError(f"axes: {axes} names an axis twice; name each axis once")
    return x % dimensions, y % dimensions


def _entropy_of_tables(
    joint: NDArray[Any], axes: tuple[int, int], base: float | None, normalize: bool
) -> Any:
    """The entropy over both axes, with errors that speak of tables."""
    try:
        return entropy(joint, axis=axes, base=base, normalize=normalize)
    except (ValueError, TypeError) as error:
        text = re.sub(r"^p:", "joint:", str(error))
        text = re.sub(r"\brow\b", "table", text)
        text = text.replace(
            "axis= if the distributions run along another axis",
            "axes= if x and y lie along other axes",
        )
        raise type(error)(text) from None
