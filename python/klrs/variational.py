"""Variational inference: the term that pulls a posterior to its prior, and bounds of the evidence.

>>> from klrs import variational
>>> variational.kl_to_standard_normal([1.0, 0.0], [0.0, 0.0])
np.float64(0.5)

The log evidence is the evidence lower bound (ELBO) and KL(q ‖ posterior), whatever q is. With a
coin's worth of conjugate mathematics both sides are known. Prior z ~ N(0, 1), likelihood
x ~ N(z, 1), observed x = 1.2: the posterior is N(0.6, 1/2), and the evidence N(x; 0, 2).

>>> import numpy as np
>>> from klrs import distributions as d
>>> x, posterior, q = 1.2, d.Normal(0.6, np.sqrt(0.5)), d.Normal(0.3, 0.8)
>>> log_evidence = -0.5 * np.log(2 * np.pi * 2) - x**2 / 4
>>> z = q.loc + q.scale * np.random.default_rng(0).standard_normal(100_000)
>>> def log_normal(x, loc, scale):
...     return -0.5 * np.log(2 * np.pi) - np.log(scale) - 0.5 * ((x - loc) / scale) ** 2
>>> log_joint = log_normal(z, 0, 1) + log_normal(x, z, 1)
>>> elbo = variational.evidence_lower_bound(log_joint, log_normal(z, q.loc, q.scale))
>>> identity = elbo.value + d.kl_divergence(q, posterior)
>>> bool(abs(identity - log_evidence) < 3 * elbo.standard_error)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klrs._adapters import adapter_for
from klrs._bounds import evidence_lower_bound, importance_weighted_bound
from klrs._estimates import Estimate
from klrs._variational import evaluate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result

__all__ = [
    "Estimate",
    "evidence_lower_bound",
    "importance_weighted_bound",
    "kl_to_standard_normal",
]


def kl_to_standard_normal(
    mean: Distributions,
    log_variance: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    free_bits: float | None = None,
    reduction: str | None = None,
    out: Out | None = None,
) -> Result:
    """Kullback-Leibler divergence of Gaussians from the standard normal, the term of a VAE's loss.

    KL(N(mean, exp(log_variance)) ‖ N(0, 1)), summed over independent dimensions.

    Parameters
    ----------
    mean : array_like
        Means: float64, float32, float16, `ml_dtypes.bfloat16` or integers, in any layout; nothing
        is copied as a whole.
    log_variance : array_like
        Logarithms of the variances, ln s², in nats. Both operands broadcast, along all axes.
    axis : int, tuple of int or None, default -1
        Axes of the dimensions that are summed over; None for all axes. ``()`` sums nothing: a value
        for each dimension.
    base : float, optional
        Base of the logarithm of the result, greater than 1: None for nats, 2 for bits.
    keepdims : bool, default False
        Keep the axes that are summed over, with length 1.
    where : array_like of bool, optional
        Dimensions that count; the others are not looked at, and add 0, free bits or not. Must
        broadcast to the shape of the operands.
    free_bits : float, optional
        The least that each dimension counts, at least 0, in nats or in units of `base`: what is
        below is raised to it, and has the gradient 0. So a dimension that carries less is not
        pressed further.
    reduction : {None, "mean", "sum"}, default None
        One value for each row, their mean, or their sum.
    out : ndarray, optional
        A float array of the result's shape to write to, at least as wide as the result. It may
        overlap an input, and is untouched after any error.

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, or in units of `base`. One for each row: a NumPy scalar for 1-D
        input or with `reduction`. float32 if both operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If shapes do not fit, there is no dimension to sum over, or a number is out of the range
        that is described above.
    TypeError
        If a dtype is no real number, an argument is of the wrong kind, or `out` is too narrow.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    sum 1/2 (m² + e^v - 1 - v) with m = `mean` and v = `log_variance`. It is computed as
    1/2 (m² + E(v)), where E(v) = e^v - 1 - v is never subtracted from numbers close to it: near
    N(0, 1), where the usual ``-0.5 * (1 + v - m**2 - exp(v))`` has no digits left and may be
    negative, the value is m²/2 + v²/4.

    Every number is legal. The value is +inf where v is infinite (a variance of 0 or infinity) or m
    is, and where it is beyond the range of the dtype itself. A row with a NaN is NaN.

    The gradients are m and 1/2 (e^v - 1); ``klrs.value_and_grad(kl_to_standard_normal)`` gives both
    with the value, in one sweep. With `free_bits` they are 0 where a dimension's divergence is not
    above it. One whose 1/2 e^v is beyond the range of the dtype is infinite.

    `free_bits` is that of each dimension of each row. Where Kingma et al. average over the batch
    first, take the sum of ``np.maximum(each.mean(0), free_bits)``, where ``each`` is
    ``kl_to_standard_normal(mean, log_variance, axis=())``.

    Elsewhere: ``torch.distributions.kl_divergence(Normal(mean, (log_variance / 2).exp()),
    Normal(0, 1)).sum(-1)``; for other families `klrs.distributions.kl_divergence`. The
    Keras example of a VAE has the mean over the batch of this sum.

    Relative error at most 2e-14 (float64) or 2e-6 (float32 results), also of the gradients. The
    same input has the same bits with any number of threads, memory layout and CPU.

    References
    ----------
    D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", ICLR (2014), appendix B; D. P.
    Kingma et al., "Improved variational inference with inverse autoregressive flow", NeurIPS (2016)
    for free bits.

    Examples
    --------
    >>> import numpy as np, klrs
    >>> from klrs.variational import kl_to_standard_normal
    >>> mean, log_variance = np.array([[1.0, 0.0], [0.1, 2.0]]), np.array([[0.0, 0.0], [-1.0, 1.0]])
    >>> kl_to_standard_normal(mean, log_variance)
    array([0.5       , 2.54808063])
    >>> kl_to_standard_normal(mean, log_variance, axis=())
    array([[0.5       , 0.        ],
           [0.18893972, 2.35914091]])
    >>> kl_to_standard_normal(mean, log_variance, free_bits=0.25)
    array([0.75      , 2.60914091])

    A step of training: the loss of a batch, and what goes back into the encoder.

    >>> value, (by_mean, by_log_variance) = klrs.value_and_grad(kl_to_standard_normal)(
    ...     mean, log_variance, reduction="mean"
    ... )
    >>> value
    np.float64(1.524040317...)
    >>> by_mean
    array([[0.5 , 0.  ],
           [0.05, 1.  ]])

    Where the usual formula has lost its digits:

    >>> kl_to_standard_normal([1e-9], [0.0]), -0.5 * (1 + 0.0 - 1e-9**2 - np.exp(0.0))
    (np.float64(5e-19), np.float64(-0.0))
    """
    keywords = {
        "axis": axis,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "free_bits": free_bits,
        "reduction": reduction,
        "out": out,
    }
    operands: dict[str, Any] = {"mean": mean, "log_variance": log_variance}
    if (adapter := adapter_for(mean, log_variance)) is not None:
        return adapter.apply(kl_to_standard_normal, operands, keywords)
    return evaluate(operands, keywords)[0]
