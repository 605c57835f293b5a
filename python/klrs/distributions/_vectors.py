"""Families of vectors: multivariate normal and Dirichlet distributions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs.distributions._base import Distribution, parameter
from klrs.distributions._core import evaluate, evaluate_rows, total
from klrs.distributions._families import Normal
from klrs.distributions._parameters import (
    POSITIVE,
    REAL,
    SCALE,
    broadcast_shape,
    first_of,
    one_of,
    place,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs.distributions._parameters import Array

_HALF_LN_2_PI = 0.9189385332046728


class MultivariateNormal(Distribution):
    """Multivariate normal distributions, with vectors along the last axis.

    Parameters
    ----------
    loc : array_like
        Means, of shape (..., d).
    covariance_matrix : array_like
        Covariances, of shape (..., d, d): symmetric and positive definite.
    scale_tril : array_like
        Lower triangular factors L of covariances L Lᵀ, with a positive diagonal.
    scale_diag : array_like
        Standard deviations of independent components, of shape (..., d).

    Raises
    ------
    ValueError
        If a matrix is not symmetric, positive definite or lower triangular, a parameter is out of
        its range, not exactly one of the three is given, or shapes do not fit.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.MultivariateNormal(loc, covariance_matrix, scale_tril=)``,
    ``scipy.stats.multivariate_normal(loc, covariance_matrix)``. Independent components are torch's
    ``Independent(Normal(loc, scale_diag), 1)``. Linear algebra is NumPy's: bits depend on its
    library.

    Examples
    --------
    >>> from klrs.distributions import MultivariateNormal, kl_divergence
    >>> p = MultivariateNormal([0, 0], [[2, 1], [1, 2]])
    >>> q = MultivariateNormal([1, 0], scale_diag=[1, 2])
    >>> kl_divergence(p, q), kl_divergence(q, p)
    (np.float64(0.8938...), np.float64(0.8561...))
    """

    _event = 1

    def __init__(
        self,
        loc: ArrayLike,
        covariance_matrix: ArrayLike | None = None,
        *,
        scale_tril: ArrayLike | None = None,
        scale_diag: ArrayLike | None = None,
    ) -> None:
        name = "MultivariateNormal"
        alternatives = {
            "covariance_matrix": covariance_matrix,
            "scale_tril": scale_tril,
            "scale_diag": scale_diag,
        }
        kind = one_of(name, alternatives)
        mean = parameter(name, "loc", loc, REAL)
        constraint = SCALE if kind == "scale_diag" else REAL
        matrix = parameter(name, kind, alternatives[kind], constraint)
        axes = 1 if kind == "scale_diag" else 2
        if mean.ndim == 0 or matrix.ndim < axes or len({*matrix.shape[-axes:], mean.shape[-1]}) > 1:
            raise ValueError(
                f"{name}: loc and {kind} have the shapes {mean.shape} and {matrix.shape}, expected "
                f"(..., d) and (..., {', '.join('d' * axes)}); a scalar is a Normal"
            )
        if mean.shape[-1] == 0:
            raise ValueError(
                f"{name}: loc has the shape {mean.shape}, expected a last axis with at least 1 "
                "entry; drop what has no components"
            )
        lead = {"loc": mean.shape[:-1], kind: matrix.shape[: matrix.ndim - axes]}
        shape = broadcast_shape(name, lead)
        if kind != "scale_diag":
            factor = _factor(matrix, kind, f"{name}: {kind}")
            factor.flags.writeable = False
        else:
            factor = matrix
        self._set("multivariate_normal", {"loc": mean}, (mean, factor))
        object.__setattr__(self, "_given", {"loc": mean, kind: matrix})
        object.__setattr__(self, "_shape", shape)

    def _event_axes(self, name: str) -> int:
        return 1 if name in {"loc", "scale_diag"} else 2

    @property
    def _is_diagonal(self) -> bool:
        return "scale_diag" in self._given

    @property
    def loc(self) -> Array:
        """The means."""
        return self._given["loc"]

    @property
    def scale_tril(self) -> Array:
        """Lower triangular factors of the covariances."""
        factor = self._numbers[1]
        return factor[..., None] * np.eye(factor.shape[-1]) if self._is_diagonal else factor

    @property
    def scale_diag(self) -> Array:
        """Standard deviations of independent components, if they were given."""
        if not self._is_diagonal:
            raise AttributeError(
                "MultivariateNormal: scale_diag was not given; take the root of variance for the "
                "standard deviations of dependent components"
            )
        return self._numbers[1]

    @property
    def covariance_matrix(self) -> Array:
        """The covariances."""
        if "covariance_matrix" in self._given:
            return self._given["covariance_matrix"]
        factor = self._numbers[1]
        if self._is_diagonal:
            return (factor * factor)[..., None] * np.eye(factor.shape[-1])
        product: Array = factor @ factor.swapaxes(-1, -2)
        return product

    @property
    def _factors(self) -> tuple[Distribution, int] | None:
        return (Normal(self.loc, self._numbers[1]), 1) if self._is_diagonal else None

    @property
    def _deviations(self) -> Array:
        """The diagonal of the factor."""
        factor = self._numbers[1]
        return factor if self._is_diagonal else np.diagonal(factor, axis1=-2, axis2=-1)

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Means, of the shape ``shape + (d,)``."""
        return self._full_vectors(self.loc)

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variances of the components, of the shape ``shape + (d,)``."""
        if self._is_diagonal:
            values = self._numbers[1] * self._numbers[1]
        else:
            values = np.diagonal(self.covariance_matrix, axis1=-2, axis2=-1)
        return self._full_vectors(values)

    def _full_vectors(self, values: Array) -> Array:
        full = np.broadcast_to(values, (*self._shape, values.shape[-1]))
        return np.where(self._is_nan[..., None], math.nan, full)

    def log_prob(self, x: ArrayLike) -> Any:
        """Logarithm of the density at x, in nats.

        Parameters
        ----------
        x : array_like
            Vectors along the last axis; the others broadcast against `shape`.

        Returns
        -------
        float or ndarray
            NaN where x or a parameter is NaN.

        Raises
        ------
        TypeError
            If x is not real.
        ValueError
            If shapes do not fit.
        """
        point = _vectors(self._points(x), self.loc.shape[-1])
        z = self._standardised(point - self.loc)
        terms = -0.5 * z * z - evaluate("log", self._deviations) - _HALF_LN_2_PI
        return total(terms)[()]

    def entropy(self) -> Any:
        """Entropy in nats, of the shape `shape`."""
        return self._full(total(evaluate("log", self._deviations) + (_HALF_LN_2_PI + 0.5)))

    def _standardised(self, difference: Array) -> Array:
        """L⁻¹ times vectors."""
        factor = self._numbers[1]
        if self._is_diagonal:
            return difference / factor
        return solve(factor, difference[..., None])[..., 0]

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        normal = rng.standard_normal((*size, self.loc.shape[-1]))
        factor = self._numbers[1]
        if self._is_diagonal:
            return self.loc + factor * normal
        return self.loc + (factor @ normal[..., None])[..., 0]


class Dirichlet(Distribution):
    """Dirichlet distributions of probabilities along the last axis.

    Parameters
    ----------
    concentration : array_like
        Powers plus 1, greater than 0, of shape (..., K) with K >= 2.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there is no last axis.
    TypeError
        If a parameter is not real.

    Notes
    -----
    ``torch.distributions.Dirichlet(concentration)``, ``scipy.stats.dirichlet(concentration)``.

    Examples
    --------
    >>> from klrs.distributions import Dirichlet, kl_divergence
    >>> p, q = Dirichlet([1, 2, 3]), Dirichlet([1, 1, 1])
    >>> kl_divergence(p, q), kl_divergence(q, p)
    (np.float64(0.5511...), np.float64(1.0988...))
    """

    _event = 1
    _surface = "simplex"

    def __init__(self, concentration: ArrayLike) -> None:
        value = parameter("Dirichlet", "concentration", concentration, POSITIVE)
        if value.ndim == 0 or value.shape[-1] < 2:
            raise ValueError(
                f"Dirichlet: concentration has the shape {value.shape}, expected a last axis with "
                "at least 2 entries; Beta(a, b) is the distribution of one probability"
            )
        self._set("dirichlet", {"concentration": value}, (value,))
        object.__setattr__(self, "_shape", value.shape[:-1])

    @property
    def concentration(self) -> Array:
        """The concentrations."""
        return self._given["concentration"]

    @property
    def support(self) -> tuple[Any, Any]:
        """The smallest and the largest probability."""
        return 0.0, 1.0

    @property
    @np.errstate(all="ignore")
    def mean(self) -> Any:
        """Means, of the shape ``shape + (K,)``."""
        return self.concentration / total(self.concentration)[..., None]

    @property
    @np.errstate(all="ignore")
    def variance(self) -> Any:
        """Variances of the probabilities, of the shape ``shape + (K,)``."""
        sums = total(self.concentration)[..., None]
        share = self.concentration / sums
        return share * ((sums - self.concentration) / sums) / (sums + 1.0)

    def log_prob(self, x: ArrayLike) -> Any:
        """Logarithm of the density at x, in nats, with respect to all coordinates but one.

        Parameters
        ----------
        x : array_like
            Probabilities along the last axis; the other axes broadcast against `shape`.

        Returns
        -------
        float or ndarray
            -inf for rows with a negative entry, or with a sum that differs from 1 by more than
            1e-6. Where entries are 0, the limit as they go there together: it may be +inf.

        Raises
        ------
        TypeError
            If x is not real.
        ValueError
            If shapes do not fit.
        """
        point = _vectors(self._points(x), self.concentration.shape[-1])
        inside = (point >= 0).all(-1) & (np.abs(total(point) - 1.0) <= 1e-6)
        inside |= np.isnan(point).any(-1)
        safe = np.where(point == 0, 1.0, np.maximum(point, 0.0))
        values = evaluate_rows("log_prob dirichlet", safe, self.concentration)
        # The power of what goes to 0 decides, or if that is 0 the other entries.
        powers = total(np.where(point == 0, self.concentration - 1.0, 0.0))
        with np.errstate(invalid="ignore"):
            values = values - np.where(powers == 0, 0.0, powers * math.inf)
        return np.where(inside | np.isnan(values), values, -math.inf)[()]

    def entropy(self) -> Any:
        """Entropy in nats, of the shape `shape`."""
        return evaluate_rows("entropy dirichlet", self.concentration)[()]

    def _draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> Any:
        shape = (*size, self.concentration.shape[-1])
        # Gamma(a) as Gamma(a + 1) U^(1/a), in logarithms: those of a small a are below the floats.
        gammas = np.log(rng.standard_gamma(self.concentration + 1.0, shape))
        logs = gammas + np.log1p(-rng.random(shape)) / self.concentration
        shares = np.exp(logs - logs.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True)


def solve(factor: Array, right: Array) -> Array:
    """Forward substitution L⁻¹ R, row by row."""
    shape = np.broadcast_shapes(factor.shape[:-2], right.shape[:-2])
    result = np.empty(shape + right.shape[-2:])
    for i in range(factor.shape[-1]):
        done = (factor[..., i, :i, None] * result[..., :i, :]).sum(-2)
        result[..., i, :] = (right[..., i, :] - done) / factor[..., i, i, None]
    return result


def _vectors(point: Array, length: int) -> Array:
    if point.ndim == 0 or point.shape[-1] != length:
        raise ValueError(
            f"x: shape {point.shape}, expected a last axis of length {length}; "
            "each value is a vector"
        )
    return point


def _factor(matrix: Array, kind: str, name: str) -> Array:
    """Lower triangular factors of matrices that were given, checked; NaN where one has a NaN."""
    is_nan = np.asarray(np.isnan(matrix).any((-1, -2)))
    safe = np.where(is_nan[..., None, None], np.eye(matrix.shape[-1]), matrix)
    if kind == "scale_tril":
        wrong = np.asarray(np.triu(safe, 1) != 0)
        if wrong.any():
            index = first_of(wrong)
            raise ValueError(
                f"{name}: {safe[index]:g}{place(index)} above the diagonal, expected 0; pass "
                "np.tril(...), or covariance_matrix= for a covariance"
            )
        diagonal = np.diagonal(safe, axis1=-2, axis2=-1)
        low = np.asarray(diagonal <= 0)
        if low.any():
            index = first_of(low)
            raise ValueError(
                f"{name}: {diagonal[index]:g} on the diagonal{place(index)}, expected numbers "
                "greater than 0; flip the sign of its column"
            )
        factor = safe.copy()
    else:
        _check_symmetric(safe, name)
        factor = _cholesky(0.5 * (safe + safe.swapaxes(-1, -2)), name)
    factor[is_nan] = math.nan
    return factor


def _check_symmetric(matrix: Array, name: str) -> None:
    deviations = np.sqrt(np.abs(np.diagonal(matrix, axis1=-2, axis2=-1)))
    scale = deviations[..., :, None] * deviations[..., None, :]
    wrong = np.abs(matrix - matrix.swapaxes(-1, -2)) > 1e-12 * scale
    if wrong.any():
        index = first_of(wrong)
        other = (*index[:-2], index[-1], index[-2])
        raise ValueError(
            f"{name}: {matrix[index]:g}{place(index)} but {matrix[other]:g}{place(other)}, "
            "expected a symmetric matrix; pass (S + S.T) / 2, or scale_tril= for a factor"
        )


def _cholesky(matrix: Array, name: str) -> Array:
    try:
        return np.asarray(np.linalg.cholesky(matrix), np.float64)
    except np.linalg.LinAlgError:
        pass
    for index in np.ndindex(matrix.shape[:-2]):
        try:
            np.linalg.cholesky(matrix[index])
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(matrix[index])[0])
            raise ValueError(
                f"{name}: matrix{place(index)} has the eigenvalue {least:g}, expected a positive "
                "definite matrix; add a small multiple of the identity, or drop a component that "
                "others determine"
            ) from None
    raise AssertionError(f"{name}: each matrix has a factor")
