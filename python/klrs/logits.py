"""The verbs for logits: unnormalised log-probabilities, as classifiers and language models give.

softmax(x / temperature) is never written down. Losses and their gradients are right where it would
be 0 or 1 in floats, never negative, and cost one read of the logits. A log-probability is a logit.

>>> from klrs import logits
>>> logits.kl_divergence([2.0, 1.0, -1.0], [1.0, 1.5, 0.0])
np.float64(0.2956...)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klrs._docs import completed_of_logits
from klrs._logits import evaluate
from klrs._logits import softmax as _softmax
from klrs._top_k import TopK

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from klrs._typing import Axis, Distributions, Out, Result

__all__ = [
    "TopK",
    "binary_cross_entropy",
    "binary_kl_divergence",
    "cross_entropy",
    "entropy",
    "jeffreys_divergence",
    "js_divergence",
    "kl_divergence",
    "log_softmax",
    "logsumexp",
    "perplexity",
    "renyi_divergence",
    "softmax",
    "total_variation_distance",
]


@completed_of_logits
def softmax(
    logits: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: Out | None = None,
) -> Result:
    """Probabilities exp(x/T) / sum exp(x/T) of logits x.

    Parameters
    ----------
    {logits}
    {keywords}

    Returns
    -------
    ndarray
        Probabilities of the shape of `logits`; 0 where `where` is false. float32 if `logits` is
        float32 or narrower, else float64.

    {raises}

    Notes
    -----
    Finite logits have a finite result at any temperature.

    {accuracy}

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
    functions", IMA J. Numer. Anal. 41 (2021).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.softmax([2.0, 1.0, -1.0])
    array([0.70538451, 0.25949646, 0.03511903])
    """
    keywords = {"axis": axis, "temperature": temperature, "where": where, "out": out}
    return _softmax("softmax", logits, keywords)


@completed_of_logits
def log_softmax(
    logits: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: Out | None = None,
) -> Result:
    """Log-probabilities x/T - ln sum exp(x/T) of logits x.

    Parameters
    ----------
    {logits}
    {keywords}

    Returns
    -------
    ndarray
        Log-probabilities <= 0 of the shape of `logits`, in nats; -inf where `where` is false.
        float32 if `logits` is float32 or narrower, else float64.

    {raises}

    Notes
    -----
    That of a confident class keeps its digits: it is not 0 where its probability rounds to 1.

    {accuracy}

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
    functions", IMA J. Numer. Anal. 41 (2021).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.log_softmax([2.0, 1.0, -1.0])
    array([-0.34901222, -1.34901222, -3.34901222])
    """
    keywords = {"axis": axis, "temperature": temperature, "where": where, "out": out}
    return _softmax("log_softmax", logits, keywords)


@completed_of_logits
def logsumexp(
    logits: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
) -> Result:
    """Logarithm ln sum exp(x/T) of logits x, in nats.

    Parameters
    ----------
    {logits}
    {keywords}

    Returns
    -------
    float or ndarray
        One number for each row.
        {results}

    {raises}

    Notes
    -----
    It is x/T of the greatest logit plus a logarithm of at least 0; the error is relative to the
    larger of the two.

    {accuracy}

    References
    ----------
    P. Blanchard, D. J. Higham and N. J. Higham, "Accurately computing the log-sum-exp and softmax
    functions", IMA J. Numer. Anal. 41 (2021).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.logsumexp([2.0, 1.0, -1.0])
    np.float64(2.349012...)
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
    }
    return evaluate("logsumexp", {"logits": logits}, keywords)[0]


@completed_of_logits
def entropy(
    logits: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
) -> Result:
    """Entropy of softmax(x/T), in nats unless `base` is given.

    Parameters
    ----------
    {logits}
    {keywords}

    Returns
    -------
    float or ndarray
        Entropies >= 0 in nats, or in units of `base`.
        {results}

    {raises}

    Notes
    -----
    That of a confident row keeps its digits.

    {accuracy}

    References
    ----------
    C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.entropy([2.0, 1.0, -1.0])
    np.float64(0.713...)
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
    }
    return evaluate("entropy", {"logits": logits}, keywords)[0]


@completed_of_logits
def cross_entropy(
    targets: ArrayLike,
    logits: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
    temperature_squared: bool = False,
) -> Result:
    """Cross-entropy of labels or distributions and softmax(x/T), in nats unless `base` is given.

    Parameters
    ----------
    targets : array_like
        Labels: integers from 0, of the shape of `logits` without `axis`. Or distributions of the
        shape of `logits`, in floats; they must sum to 1.
    {logits}
    {keywords}

    Returns
    -------
    float or ndarray
        One loss for each row, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    With labels y, class weights w, smoothing e and C classes a row costs
    -(1 - e) w[y] lp[y] - e/C sum w lp, where lp is the log_softmax; with distributions t it costs
    -sum w ((1 - e) t + e/C) lp. The mean is divided by the sum of w[y] over the rows that are not
    skipped, or by the number of rows for distributions. It is NaN if all are skipped.

    The order is that of all verbs, reference first. Elsewhere: ``F.cross_entropy(logits, targets)``
    of torch, whose default is the mean, with these options and values; it skips the label -100
    unless told otherwise, which is an error here. A class with a logit of -inf costs a smoothed
    label infinitely much; one that `where` leaves out takes no part in the smoothing. A confident
    row keeps its digits.

    {accuracy}

    References
    ----------
    C. Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR (2016), for
    label smoothing.

    Examples
    --------
    >>> from klrs import logits
    >>> logits.cross_entropy([0, 2], [[2.0, 1.0, -1.0], [0.0, 0.0, 40.0]])
    array([3.49012...e-01, 8.49670...e-18])
    >>> logits.cross_entropy([0, 2], [[2.0, 1.0, -1.0], [0.0, 0.0, 40.0]], reduction="mean")
    np.float64(0.174506...)
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "ignore_index": ignore_index,
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "sample_weight": sample_weight,
        "reduction": reduction,
        "temperature_squared": temperature_squared,
    }
    return evaluate("cross_entropy", {"targets": targets, "logits": logits}, keywords)[0]


@completed_of_logits
def perplexity(
    targets: ArrayLike,
    logits: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    class_weights: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
) -> Result:
    """Perplexity of labels or distributions under softmax(x/T): e to the cross-entropy.

    With ``reduction="mean"``, e to the mean of the cross-entropies: the perplexity of a text, of
    which each row is a token.

    Parameters
    ----------
    targets : array_like
        Labels: integers from 0, of the shape of `logits` without `axis`. Or distributions of the
        shape of `logits`, in floats; they must sum to 1.
    {logits}
    {keywords}

    Returns
    -------
    float or ndarray
        One perplexity >= 1 for each row, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    The number of classes, all alike, that would be as hard to guess. A loss that is beyond the
    range of the result's exponents is infinite.

    The options are those of `cross_entropy`. The mean is taken of the losses, so `sample_weight`
    weighs them there, and ignored labels do not count; without a reduction it multiplies each
    perplexity. "sum" is refused: a sum of perplexities is none. The gradient is the perplexity
    times that of the cross-entropy.

    Elsewhere: ``torch.exp(F.cross_entropy(logits, targets))``; ``perplexity`` of language models,
    where the mean runs over all tokens that are not ignored.

    The bound of the error is that of the cross-entropy, multiplied with it where it is above 1.

    {accuracy}

    References
    ----------
    F. Jelinek, R. L. Mercer, L. R. Bahl and J. K. Baker, "Perplexity: a measure of the difficulty
    of speech recognition tasks", J. Acoust. Soc. Am. 62 (1977).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.perplexity([0, 2], [[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
    array([1.41766..., 3.        ])
    >>> logits.perplexity([0, 2], [[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]], reduction="mean")
    np.float64(2.06228...)
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "ignore_index": ignore_index,
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "sample_weight": sample_weight,
        "reduction": reduction,
    }
    return evaluate("perplexity", {"targets": targets, "logits": logits}, keywords)[0]


@completed_of_logits
def kl_divergence(
    p: Distributions | TopK,
    q: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
    temperature_squared: bool = False,
) -> Result:
    """Kullback-Leibler divergence of softmax(p/T) and softmax(q/T), in nats unless `base`.

    Parameters
    ----------
    p : array_like or TopK
        Logits of the reference (teacher): real numbers, or -inf for classes that are left out. Or
        a `TopK`, a teacher of whom only the likeliest classes are known.
    q : array_like
        Logits of the approximation (student); batch axes broadcast against those of `p`.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    D(p‖q) with `p` the teacher and `q` the student; swap them for the reverse divergence.
    Classes with a logit of -inf have probability 0: nothing is added where both have it, and the
    value is +inf where only `q` has it.

    Elsewhere: ``F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), log_target=True,
    reduction="batchmean")`` is the mean here; near equality it is negative there.

    The error of values below 1e-24 (float64) or 1e-10 (float32) is relative to these.

    {accuracy}

    References
    ----------
    G. Hinton, O. Vinyals and J. Dean, "Distilling the knowledge in a neural network",
    arXiv:1503.02531 (2015).

    Examples
    --------
    >>> from klrs import logits
    >>> p, q = [2.0, 1.0, -1.0], [1.0, 1.5, 0.0]
    >>> logits.kl_divergence(p, q), logits.kl_divergence(q, p)
    (np.float64(0.2956...), np.float64(0.3086...))
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
        "temperature_squared": temperature_squared,
    }
    return evaluate("kl_divergence", {"p": p, "q": q}, keywords)[0]


@completed_of_logits
def js_divergence(
    p: Distributions,
    q: Distributions,
    *,
    beta: float = 0.5,
    axis: Axis = -1,
    temperature: float = 1.0,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
    temperature_squared: bool = False,
) -> Result:
    """Jensen-Shannon divergence of softmax(p/T) and softmax(q/T), in nats unless `base` is given.

    Parameters
    ----------
    {pair}
    beta : float, default 0.5
        Weight of `p` in the mixture, from 0 to 1.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    beta D(p‖m) + (1 - beta) D(q‖m), with m = beta p + (1 - beta) q, in the convention of
    distillation: beta=0 is defined as D(p‖q) and beta=1 as D(q‖p), where `klrs.js_divergence` with
    weights (1, 0) or (0, 1) is 0, its limit. Elsewhere: generalised JSD of GKD (TRL, Liger).

    {accuracy}

    References
    ----------
    R. Agarwal et al., "On-policy distillation of language models", ICLR (2024).

    Examples
    --------
    >>> from klrs import logits
    >>> p, q = [2.0, 1.0, -1.0], [1.0, 1.5, 0.0]
    >>> logits.js_divergence(p, q), logits.js_divergence(q, p)
    (np.float64(0.0733...), np.float64(0.0733...))
    """
    keywords: dict[str, Any] = {
        "beta": beta,
        "axis": axis,
        "temperature": temperature,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
        "temperature_squared": temperature_squared,
    }
    return evaluate("js_divergence", {"p": p, "q": q}, keywords)[0]


@completed_of_logits
def jeffreys_divergence(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
    temperature_squared: bool = False,
) -> Result:
    """Jeffreys divergence D(p‖q) + D(q‖p) of softmax(p/T) and softmax(q/T), in nats unless `base`.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    Symmetric. Classes with a logit of -inf have probability 0: nothing is added
    where both have it, and the value is +inf where only one has it.

    {accuracy}

    References
    ----------
    H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc. R. Soc.
    A 186 (1946).

    Examples
    --------
    >>> from klrs import logits
    >>> p, q = [2.0, 1.0, -1.0], [1.0, 1.5, 0.0]
    >>> logits.jeffreys_divergence(p, q), logits.jeffreys_divergence(q, p)
    (np.float64(0.6042...), np.float64(0.6042...))
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
        "temperature_squared": temperature_squared,
    }
    return evaluate("jeffreys_divergence", {"p": p, "q": q}, keywords)[0]


@completed_of_logits
def total_variation_distance(
    p: Distributions,
    q: Distributions,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
    temperature_squared: bool = False,
) -> Result:
    """Total variation distance 1/2 sum |p - q| of softmax(p/T) and softmax(q/T).

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Distances from 0 to 1, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    Symmetric. Elsewhere: ``distillation`` losses named TVD.

    {accuracy}

    References
    ----------
    A. B. Tsybakov, "Introduction to Nonparametric Estimation" (2009), definition 2.4.

    Examples
    --------
    >>> from klrs import logits
    >>> p, q = [2.0, 1.0, -1.0], [1.0, 1.5, 0.0]
    >>> logits.total_variation_distance(p, q), logits.total_variation_distance(q, p)
    (np.float64(0.3738...), np.float64(0.3738...))
    """
    keywords: dict[str, Any] = {
        "axis": axis,
        "temperature": temperature,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
        "temperature_squared": temperature_squared,
    }
    return evaluate("total_variation_distance", {"p": p, "q": q}, keywords)[0]


@completed_of_logits
def renyi_divergence(
    p: Distributions,
    q: Distributions,
    *,
    alpha: float,
    axis: Axis = -1,
    temperature: float = 1.0,
    base: float | None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
    temperature_squared: bool = False,
) -> Result:
    """Rényi divergence ln(sum p^a q^(1-a)) / (a - 1) of softmax(p/T) and softmax(q/T).

    Parameters
    ----------
    {pair}
    alpha : float
        The order a, from 0 to infinity. 1 is the Kullback-Leibler divergence, the limit.
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0 in nats, or in units of `base`, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    It grows with the order. Order 1/2 is symmetric, twice the Bhattacharyya distance; order
    infinity is the largest ln(p/q), and order 0 -ln of the mass that `q` has where `p` has any.
    These two have no gradient. Finite logits have a finite value at any order.

    Classes with a logit of -inf have probability 0: nothing is added where both have it. The value
    is +inf where only `q` has it and the order is at least 1, and where `p` and `q` have no class
    in common.

    The error of values below 1e-24 (float64) or 1e-10 (float32) is relative to these, and at order
    infinity to the roots of these.

    {accuracy}

    References
    ----------
    T. van Erven and P. Harremoes, "Renyi divergence and Kullback-Leibler divergence", IEEE Trans.
    Inf. Theory 60 (2014).

    Examples
    --------
    >>> from klrs import logits
    >>> p, q = [2.0, 1.0, -1.0], [1.0, 1.5, 0.0]
    >>> logits.renyi_divergence(p, q, alpha=2), logits.renyi_divergence(q, p, alpha=2)
    (np.float64(0.4912...), np.float64(0.5483...))
    """
    keywords: dict[str, Any] = {
        "alpha": alpha,
        "axis": axis,
        "temperature": temperature,
        "base": base,
        "keepdims": keepdims,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
        "temperature_squared": temperature_squared,
    }
    return evaluate("renyi_divergence", {"p": p, "q": q}, keywords)[0]


@completed_of_logits
def binary_cross_entropy(
    targets: ArrayLike,
    logits: Distributions,
    *,
    pos_weight: ArrayLike | None = None,
    temperature: float = 1.0,
    base: float | None = None,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
) -> Result:
    """Cross-entropy of two classes, the class 1 with the probability s(x/T), element by element.

    s is the logistic function: a logit is that of class 1, beside 0 for class 0.

    Parameters
    ----------
    targets : array_like
        Probabilities of class 1, from 0 to 1; labels are 0 and 1. They broadcast with `logits`.
    {logits}
    pos_weight : float or array_like, optional
        What the loss of class 1 is multiplied with, at least 0: a number, or one for each entry of
        the last axis.
    {keywords}

    Returns
    -------
    float or ndarray
        Losses >= 0 of the broadcast shape, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    With targets t and the weight w it is -(w t ln s(x/T) + (1 - t) ln s(-x/T)). A confident
    prediction keeps its digits. The gradient with respect to the logits is that of
    ``klrs.value_and_grad`` with ``argnums=1``.

    Elsewhere: ``F.binary_cross_entropy_with_logits(logits, targets)`` of torch, whose default is
    the mean, with the same `pos_weight`; ``sigmoid_cross_entropy_with_logits`` of TensorFlow;
    ``optax.sigmoid_binary_cross_entropy(logits, targets)``.

    {accuracy}

    References
    ----------
    D. R. Cox, "The regression analysis of binary sequences", J. R. Stat. Soc. B 20 (1958).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.binary_cross_entropy([1, 0, 0.5], [2.0, 1.0, 0.0])
    array([0.12692801, 1.31326169, 0.69314718])
    >>> logits.binary_cross_entropy(1, 40.0)
    np.float64(4.24835...e-18)
    """
    keywords: dict[str, Any] = {
        "pos_weight": pos_weight,
        "temperature": temperature,
        "base": base,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
    }
    return evaluate("binary_cross_entropy", {"targets": targets, "logits": logits}, keywords)[0]


@completed_of_logits
def binary_kl_divergence(
    p: Distributions,
    q: Distributions,
    *,
    temperature: float = 1.0,
    base: float | None = None,
    where: ArrayLike | None = None,
    out: Out | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: str | None = None,
) -> Result:
    """Kullback-Leibler divergence of two Bernoulli distributions, element by element.

    Their probabilities of the class 1 are s(p/T) and s(q/T), with s the logistic function.

    Parameters
    ----------
    {pair}
    {keywords}

    Returns
    -------
    float or ndarray
        Divergences >= 0 of the broadcast shape, or one number with `reduction`.
        {results}

    {raises}

    Notes
    -----
    It is `kl_divergence` of the logits (p, 0) and (q, 0). A logit of -inf is a probability of 0:
    the value is 0 where both have it, and +inf where only `q` has it. From probabilities:
    `klrs.binary_kl_divergence`.

    Elsewhere: ``kl_divergence(Bernoulli(logits=p), Bernoulli(logits=q))`` of
    ``torch.distributions`` and TensorFlow Probability.

    The error of values below 1e-24 (float64) or 1e-10 (float32) is relative to these.

    {accuracy}

    References
    ----------
    S. Kullback and R. A. Leibler, "On information and sufficiency", Ann. Math. Stat. 22 (1951).

    Examples
    --------
    >>> from klrs import logits
    >>> logits.binary_kl_divergence(2.0, 1.0), logits.binary_kl_divergence(1.0, 2.0)
    (np.float64(0.0671...), np.float64(0.0826...))
    """
    keywords: dict[str, Any] = {
        "temperature": temperature,
        "base": base,
        "where": where,
        "out": out,
        "sample_weight": sample_weight,
        "reduction": reduction,
    }
    return evaluate("binary_kl_divergence", {"p": p, "q": q}, keywords)[0]
