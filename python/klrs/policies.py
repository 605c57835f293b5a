"""Kullback-Leibler divergences of policies, estimated and exact, and what PPO does with them.

The names are those that users of TRL and Stable-Baselines3 know.

==================================================== ===============================================
there                                                here
==================================================== ===============================================
SB3 ``mean((exp(log_ratio) - 1) - log_ratio)`` with  ``kl_estimators(old, new).k3``
``log_ratio = new - old`` (``approx_kl``)
TRL ``kl_estimator="k1"`` and ``"k3"`` of            ``kl_estimators(logprobs, ref_logprobs).k1``
``logprobs`` and ``ref_logprobs``                    and ``.k3``
TRL ``AdaptiveKLController``, ``FixedKLController``  the same
SB3 ``approx_kl > 1.5 * target_kl``                  ``exceeds_kl_budget(approx_kl, target_kl)``
==================================================== ===============================================

>>> from klrs import policies
>>> old, new = [-0.5, -1.5, -0.5], [-0.25, -2.0, -0.25]  # of the actions that `old` took
>>> policies.kl_estimators(old, new).k3.value
np.float64(0.0581...)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from klrs import distributions, logits
from klrs._estimates import Estimate, estimates
from klrs._numbers import number
from klrs.distributions._core import total
from klrs.distributions._foreign import as_distribution

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Result

__all__ = [
    "AdaptiveKLController",
    "Estimate",
    "FixedKLController",
    "KLEstimators",
    "exceeds_kl_budget",
    "kl_divergence",
    "kl_estimators",
]


class KLEstimators(NamedTuple):
    """Three estimates of one divergence from the same draws: see `kl_estimators`.

    Attributes
    ----------
    k1 : Estimate
        Mean of ln p - ln q: unbiased, may be negative.
    k2 : Estimate
        Mean of (ln p - ln q)²/2: biased, never negative.
    k3 : Estimate
        Mean of q/p - 1 - ln(q/p): unbiased, never negative.

    Examples
    --------
    >>> from klrs.policies import kl_estimators
    >>> k1, k2, k3 = kl_estimators([-0.5, -1.5], [-0.75, -1.0])
    >>> k2.value
    np.float64(0.078125)
    """

    k1: Estimate
    k2: Estimate
    k3: Estimate


def kl_estimators(
    log_prob_p: Distributions,
    log_prob_q: Distributions,
    *,
    axis: Axis = None,
    where: ArrayLike | None = None,
    base: float | None = None,
) -> KLEstimators:
    """Estimators k1, k2 and k3 of the divergence D(p‖q) from draws of p, with standard errors.

    Parameters
    ----------
    log_prob_p : array_like
        ln p of each draw, in nats, under the policy that drew it: float64, float32, float16,
        `ml_dtypes.bfloat16` or integers.
    log_prob_q : array_like
        ln q of the same draws; -inf for what q never does. Axes that are not averaged broadcast.
    axis : int, tuple of int or None, default None
        Axes to average over; None for all: one number for a batch of tokens. () averages nothing:
        the terms of each draw, whose standard errors are NaN, and which are 0 where `where` is
        false.
    where : array_like of bool, optional
        Draws that count, such as the tokens that are no padding; the others are not looked at. Must
        broadcast to the shape of the operands.
    base : float, optional
        Base of the logarithm, greater than 1: None for nats, 2 for bits. All three are divided by
        its natural logarithm.

    Returns
    -------
    KLEstimators
        (k1, k2, k3), each an `Estimate` (value, standard_error) of NumPy scalars, or of arrays if
        axes are left. float32 if both operands are float32 or narrower, else float64.

    Raises
    ------
    ValueError
        If `log_prob_p` is -inf or one of them inf where a draw counts; if a row has no draws; if
        shapes do not fit; if a number is out of the range that is described above.
    TypeError
        If a dtype is no real number, or an argument is of the wrong kind.
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    With δ = ln q - ln p of a draw: k1 = -δ, k2 = δ²/2 and k3 = e^δ - 1 - δ. k1 and k3 are unbiased;
    k2 and k3 are never negative, and vary less than k1 for policies that are close.

    Stable-Baselines3's ``approx_kl``, ``mean((exp(log_ratio) - 1) - log_ratio)`` with log_ratio =
    new - old, is ``kl_estimators(old, new).k3``: the old policy drew, so it is D(old‖new). TRL's
    ``kl_estimator="k1"`` and ``"k3"`` are those of ``kl_estimators(logprobs, ref_logprobs)``: the
    policy drew, so it is D(policy‖reference).

    These are values, not losses. On draws from p, and with respect to p, the gradient of k3 as a
    loss is in the mean not that of D(p‖q), but that of D(q‖p), and the gradient of k1 is 0. That of
    k2 is the gradient of D(p‖q); so is that of k1 as a part of the reward.

    k3 is computed without the cancellation that leaves ``exp(x) - 1 - x`` no digits for small x.
    Values have an error of at most 2e-15 of themselves (2e-6 for float32 results) for the floats
    that were given, also where the draws of k1 almost cancel. The standard error is the standard
    deviation of the draws (with n - 1) over the root of n, from distances to the mean, so that its
    error is at most 2e-15 of the largest term; NaN for one draw, and where the value is not finite.
    Exactly 0 for equal log-probabilities. All three are inf if q never does what was drawn. Terms
    and differences that are beyond floats have the mean that they have, where that is not.

    Nothing is copied as a whole, and all draws are read once, on all cores. The same draws have the
    same bits in any memory layout, with any number of threads and on every CPU. A row with a NaN is
    NaN; others are not affected. Tensors are read as arrays.

    References
    ----------
    J. Schulman, "Approximating KL divergence", joschu.net/blog/kl-approx.html (2020).

    Examples
    --------
    The estimates from 10 000 actions beside the exact divergence, in both orders:

    >>> import numpy as np
    >>> from klrs import logits, policies
    >>> old, new = logits.log_softmax([[1.0, 0.0, -1.0], [0.8, 0.3, -1.2]])
    >>> actions = np.random.default_rng(0).choice(3, size=10_000, p=np.exp(old))
    >>> found = policies.kl_estimators(old[actions], new[actions])
    >>> for it in found:
    ...     print(f"{it.value:.4f} +- {it.standard_error:.4f}")
    0.0234 +- 0.0022
    0.0236 +- 0.0002
    0.0252 +- 0.0003
    >>> policies.kl_divergence(old, new), policies.kl_divergence(new, old)
    (np.float64(0.0249...), np.float64(0.0267...))

    Two sequences of tokens, the second of which ends with padding:

    >>> policies.kl_estimators(
    ...     [[-0.5, -1.0], [-0.7, np.nan]],
    ...     [[-0.6, -0.9], [-0.7, np.nan]],
    ...     where=[[True, True], [True, False]],
    ...     axis=-1,
    ... ).k3.value
    array([0.00500417, 0.        ])
    """
    operands = {"log_prob_p": log_prob_p, "log_prob_q": log_prob_q}
    return KLEstimators(*estimates("kl_estimators", operands, axis=axis, where=where, base=base))


def kl_divergence(p: Any, q: Any, **keywords: Any) -> Result:
    """Exact Kullback-Leibler divergence D(p‖q) of two policies, in nats unless `base` is given.

    Parameters
    ----------
    p : array_like or Distribution
        The policy that acts (old, sampler): logits of the actions along the last axis, or a
        distribution of `klrs.distributions`, of `scipy.stats`, or of `torch.distributions`.
    q : array_like or Distribution
        The policy that it is compared with, of the same kind; batch axes broadcast.
    **keywords
        Those of `klrs.logits.kl_divergence` for logits (`axis`, `temperature`, `base`, `where`,
        `reduction`, …), and those of `klrs.distributions.kl_divergence` for distributions (`base`,
        `method`, …).

    Returns
    -------
    float or ndarray
        Divergences >= 0, one for each state.

    Raises
    ------
    TypeError
        If one is logits and the other a distribution, or an argument is of the wrong kind.
    ValueError
        If shapes do not fit, or a number is out of range.

    Notes
    -----
    Two `Normal` are policies with independent actions along the last axis: their divergences are
    summed over it (0-d ones are single). `MultivariateNormal` and all other distributions are what
    ``klrs.distributions.kl_divergence`` makes of them. Relative errors are those of the functions
    that are called.

    For gradients, differentiate these: ``klrs.value_and_grad(klrs.logits.kl_divergence)``.

    References
    ----------
    S. Kullback and R. A. Leibler, "On information and sufficiency", Ann. Math. Statist. 22 (1951);
    J. Schulman, S. Levine, P. Moritz, M. I. Jordan and P. Abbeel, "Trust region policy
    optimization", ICML 2015, arXiv:1502.05477.

    Examples
    --------
    >>> from klrs import policies
    >>> from klrs.distributions import Normal
    >>> p, q = [2.0, 1.0, -1.0], [1.0, 1.5, 0.0]
    >>> policies.kl_divergence(p, q), policies.kl_divergence(q, p)
    (np.float64(0.2956...), np.float64(0.3086...))
    >>> policies.kl_divergence(Normal([0.0, 1.0], 1.0), Normal([0.0, 0.0], [1.0, 2.0]))
    np.float64(0.4431...)
    """
    if _is_distribution(p) != _is_distribution(q):
        kinds = " and ".join(type(it).__name__ for it in (p, q))
        raise TypeError(
            f"p and q: got {kinds}, expected logits for both or distributions for both; make a "
            "distribution of logits by klrs.distributions.Categorical(logits=...)"
        )
    if not _is_distribution(p):
        return logits.kl_divergence(p, q, **keywords)
    first, other = as_distribution(p, "p"), as_distribution(q, "q")
    found = distributions.kl_divergence(first, other, **keywords)
    if not all(isinstance(it, distributions.Normal) for it in (first, other)):
        return found
    if isinstance(found, tuple):
        return tuple(_over_actions(it) for it in found)
    return _over_actions(found)


def _is_distribution(given: Any) -> bool:
    foreign = ("torch.distributions.", "scipy.stats.")
    return isinstance(given, distributions.Distribution) or type(given).__module__.startswith(
        foreign
    )


def _over_actions(divergences: Any) -> Any:
    return total(divergences)[()] if np.ndim(divergences) else divergences


class FixedKLController:
    """A coefficient of the KL penalty that stays as it is.

    Parameters
    ----------
    kl_coef : float
        The coefficient β, at least 0.

    Attributes
    ----------
    value : float
        The coefficient.

    Raises
    ------
    ValueError
        If `kl_coef` is negative or not finite.
    TypeError
        If it is no number.

    Notes
    -----
    The name and the methods are those of TRL's class.

    Examples
    --------
    >>> from klrs.policies import FixedKLController
    >>> controller = FixedKLController(0.1)
    >>> controller.update(0.5, 64)
    >>> controller.value
    0.1
    """

    def __init__(self, kl_coef: float) -> None:
        self.value = _at_least_0(kl_coef, "kl_coef")

    def __repr__(self) -> str:
        return f"FixedKLController(kl_coef={self.value!r})"

    def update(self, current: Any, n_steps: int) -> None:
        """Do nothing.

        Parameters
        ----------
        current : float or Estimate
            The divergence that was measured.
        n_steps : int
            The number of steps since the last update.
        """


class AdaptiveKLController:
    """A coefficient of the KL penalty that grows where the divergence is above its target.

    Parameters
    ----------
    init_kl_coef : float
        The coefficient β to begin with, greater than 0.
    target : float
        The divergence to keep to, greater than 0, in the unit of those that are measured.
    horizon : float
        The number of steps in which β changes by at most a fifth, greater than 0.

    Attributes
    ----------
    value : float
        The coefficient as it is now.
    target, horizon : float
        As they were given.

    Raises
    ------
    ValueError
        If a number is not greater than 0, or not finite.
    TypeError
        If an argument is no number.

    Notes
    -----
    ``update(current, n_steps)`` multiplies β by 1 + clip(current/target - 1, -0.2, 0.2) ·
    n_steps/horizon. The names and the values are those of TRL's class.

    References
    ----------
    D. M. Ziegler et al., "Fine-tuning language models from human preferences", arXiv:1909.08593
    (2019), section 2.2.

    Examples
    --------
    >>> from klrs.policies import AdaptiveKLController
    >>> controller = AdaptiveKLController(0.2, target=6.0, horizon=1000)
    >>> for measured in (12.0, 6.0, 5.7):
    ...     controller.update(measured, n_steps=250)
    ...     print(round(controller.value, 4))
    0.21
    0.21
    0.2074
    """

    def __init__(self, init_kl_coef: float, target: float, horizon: float) -> None:
        self.value = _above_0(init_kl_coef, "init_kl_coef")
        self.target = _above_0(target, "target")
        self.horizon = _above_0(horizon, "horizon")

    def __repr__(self) -> str:
        return (
            f"AdaptiveKLController(init_kl_coef={self.value!r}, target={self.target!r}, "
            f"horizon={self.horizon!r})"
        )

    def update(self, current: Any, n_steps: int) -> None:
        """Change the coefficient after a divergence was measured.

        Parameters
        ----------
        current : float or Estimate
            The divergence, of which an `Estimate` has the value.
        n_steps : int
            The number of steps since the last update, at least 0.

        Raises
        ------
        ValueError
            If `current` is NaN, or `n_steps` is negative, or is so many times `horizon`
            that the coefficient would not stay above 0 and finite. The coefficient is then as it
            was.
        TypeError
            If an argument is no number.
        """
        divergence = _measured(current, "current")
        steps = _at_least_0(n_steps, "n_steps")
        error = min(max(divergence / self.target - 1.0, -0.2), 0.2)
        factor = 1.0 + error * steps / self.horizon
        if not 0.0 < self.value * factor < math.inf:
            raise ValueError(
                f"n_steps and horizon: {steps:g} and {self.horizon:g} would multiply the "
                f"coefficient {self.value:g} by {factor:g}, expected less than 5 times the "
                "horizon; update more often, or pass a longer horizon"
            )
        self.value *= factor


def exceeds_kl_budget(kl: Any, target_kl: float | None, *, factor: float = 1.5) -> bool:
    """Whether a divergence is beyond its budget, so that the epochs of an update should stop.

    Parameters
    ----------
    kl : float or Estimate
        The divergence that was measured, such as ``kl_estimators(old, new).k3``, of which the value
        is taken.
    target_kl : float or None
        The divergence to keep to, at least 0, in the same unit. None never stops.
    factor : float, default 1.5
        How many times the target is allowed, greater than 0.

    Returns
    -------
    bool
        ``kl > factor * target_kl``.

    Raises
    ------
    ValueError
        If `kl` is NaN, which is no reason to go on; if `target_kl` is negative, or `factor` not
        greater than 0.
    TypeError
        If an argument is no number.

    Notes
    -----
    That of Stable-Baselines3's PPO, ``approx_kl > 1.5 * target_kl``, with its name and value of the
    target.

    References
    ----------
    A. Raffin et al., "Stable-Baselines3: reliable reinforcement learning implementations", J. Mach.
    Learn. Res. 22 (2021).

    Examples
    --------
    >>> from klrs.policies import exceeds_kl_budget
    >>> exceeds_kl_budget(0.014, 0.01), exceeds_kl_budget(0.016, 0.01)
    (False, True)
    >>> exceeds_kl_budget(0.016, None)
    False
    """
    measured, allowed = _measured(kl, "kl"), _above_0(factor, "factor")
    return target_kl is not None and measured > allowed * _at_least_0(target_kl, "target_kl")


def _measured(given: Any, name: str) -> float:
    """The value of a divergence; NaN is an error, as it compares like a small one."""
    if isinstance(given, KLEstimators):
        raise TypeError(f"{name}: got KLEstimators, expected one of them; pass {name}.k3")
    found = number(
        given.value if isinstance(given, Estimate) else given, name, "a number or an Estimate"
    )
    if math.isnan(found):
        raise ValueError(
            f"{name}: nan, expected a number; look for NaN in the log-probabilities, and leave out "
            "padding by where="
        )
    return found


def _above_0(given: Any, name: str) -> float:
    expected = "a finite number greater than 0"
    found = number(given, name, expected)
    if not 0 < found < math.inf:
        raise ValueError(f"{name}: {found:g}, expected {expected}")
    return found


def _at_least_0(given: Any, name: str) -> float:
    expected = "a finite number that is at least 0"
    found = number(given, name, expected)
    if not 0 <= found < math.inf:
        raise ValueError(f"{name}: {found:g}, expected {expected}")
    return found
