"""Bounds of the log evidence from draws: what `klrs.variational` gives beside its closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from klrs._docs import completed_of_draws
from klrs._estimates import Estimate, estimates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions


@completed_of_draws
def evidence_lower_bound(
    log_joint: Distributions,
    log_q: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
) -> Estimate:
    """Evidence lower bound (ELBO), the mean of ln p(x, z) - ln q(z) over draws z from q.

    The log evidence ln p(x) is the ELBO and KL(q ‖ posterior): what makes the one larger makes the
    other smaller.

    Parameters
    ----------
    {draws}
    {keywords}

    Returns
    -------
    Estimate
        {results}

    {raises}

    Notes
    -----
    The standard error is the standard deviation of the draws (with n - 1) over the root of n, from
    the distances to the mean; NaN for one draw. It says how far the mean over draws is from the
    ELBO, not how far that is below the log evidence. -inf if a `log_joint` is.

    The value has an error of 1e-15 of itself, also where the draws almost cancel or their
    differences are beyond floats. The same draws have the same bits in any memory layout, with any
    number of threads and on every CPU. A row with a NaN is NaN; others are not affected. Tensors
    are read as arrays.

    References
    ----------
    M. I. Jordan, Z. Ghahramani, T. S. Jaakkola and L. K. Saul, "An introduction to variational
    methods for graphical models", Mach. Learn. 37 (1999); D. P. Kingma and M. Welling,
    "Auto-encoding variational Bayes", arXiv:1312.6114 (2013).

    Examples
    --------
    An observation 1 of N(z, 1) with z from N(0, 1): the posterior is N(1/2, 1/2), and the evidence
    N(0, 2) at 1. With a q that is wider than the posterior, log evidence = ELBO + KL:

    >>> import numpy as np
    >>> from klrs.distributions import Normal, kl_divergence
    >>> from klrs.variational import evidence_lower_bound
    >>> q, posterior = Normal(0.5, 1), Normal(0.5, np.sqrt(0.5))
    >>> z = q.loc + q.scale * np.random.default_rng(0).standard_normal(100_000)
    >>> log_joint = Normal(z, 1).log_prob(1) + Normal(0, 1).log_prob(z)
    >>> elbo = evidence_lower_bound(log_joint, q.log_prob(z))
    >>> print(round(elbo.value, 3), "+-", round(elbo.standard_error, 3))
    -1.669 +- 0.002
    >>> log_evidence = Normal(0, np.sqrt(2)).log_prob(1)
    >>> print(round(log_evidence - kl_divergence(q, posterior), 3))
    -1.669
    """
    operands = {"log_joint": log_joint, "log_q": log_q}
    (found,) = estimates(
        "evidence_lower_bound", operands, axis=axis, where=where, base=base, keepdims=keepdims
    )
    return found


@completed_of_draws
def importance_weighted_bound(
    log_joint: Distributions,
    log_q: Distributions,
    *,
    axis: Axis = -1,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
) -> Estimate:
    """Importance-weighted bound, the logarithm of the mean of p(x, z)/q(z) over draws z from q.

    At least the evidence lower bound of the same draws, and closer to the log evidence the more
    draws there are: the bound of importance-weighted autoencoders.

    Parameters
    ----------
    {draws}
    {keywords}

    Returns
    -------
    Estimate
        {results}

    {raises}

    Notes
    -----
    ln((1/n) Σ w) with the weights w = p(x, z)/q(z), of which the largest is scaled to 1; where all
    are within a factor e of their geometric mean, as the evidence lower bound and a logarithm of at
    least 0. Equal weights, as those of the posterior are, give their logarithm: the log evidence.

    The standard error is that of a logarithm of a mean (delta method), sd(w)/(√n mean(w)); NaN for
    one draw. If few draws have all the weight, it is too small, and the bound too low.

    -inf if all of `log_joint` are. The same draws have the same bits in any memory layout, with any
    number of threads and on every CPU. A row with a NaN is NaN; others are not affected. Tensors
    are read as arrays.

    References
    ----------
    Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016,
    arXiv:1509.00519.

    Examples
    --------
    The model of `evidence_lower_bound`, whose log evidence is -1.516. From q it comes closer than
    the lower bound -1.669 does, and from the posterior every draw has it:

    >>> import numpy as np
    >>> from klrs.distributions import Normal
    >>> from klrs.variational import importance_weighted_bound
    >>> z = np.random.default_rng(0).standard_normal(100_000)
    >>> for q in (Normal(0.5, 1), Normal(0.5, np.sqrt(0.5))):
    ...     draws = q.loc + q.scale * z
    ...     log_joint = Normal(draws, 1).log_prob(1) + Normal(0, 1).log_prob(draws)
    ...     bound = importance_weighted_bound(log_joint, q.log_prob(draws))
    ...     print(bound.value.round(3), "+-", bound.standard_error.round(3))
    -1.515 +- 0.001
    -1.516 +- 0.0
    """
    operands = {"log_joint": log_joint, "log_q": log_q}
    (found,) = estimates(
        "importance_weighted_bound", operands, axis=axis, where=where, base=base, keepdims=keepdims
    )
    return found
