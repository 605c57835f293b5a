"""Parametric distributions, and how different they are.

Families take parameters that broadcast as NumPy arrays do, by torch's names and in torch's order;
SciPy's `scale` is a keyword where it differs. The verbs are those of `klrs`, in the same order:
``f(p, q)`` is D(p‖q), and everything after `q` is keyword-only.

>>> from klrs import distributions as d
>>> d.kl_divergence(d.Normal(0, 1), d.Normal([0, 1, 1 + 1e-10], 1))
array([0. , 0.5, 0.5])

==================================== ====================== ===========================
here                                 torch.distributions    scipy.stats
==================================== ====================== ===========================
Normal(loc, scale)                   Normal                 norm(loc, scale)
LogNormal(loc, scale)                LogNormal              lognorm(scale, 0, exp(loc))
HalfNormal(scale)                    HalfNormal             halfnorm(scale=scale)
MultivariateNormal(loc, S)           MultivariateNormal     multivariate_normal(loc, S)
MultivariateNormal(loc, scale_diag=) Independent(Normal, 1) multivariate_normal
Laplace(loc, scale)                  Laplace                laplace(loc, scale)
Cauchy(loc, scale)                   Cauchy                 cauchy(loc, scale)
Gumbel(loc, scale)                   Gumbel                 gumbel_r(loc, scale)
Exponential(rate) or (scale=)        Exponential            expon(scale=scale)
Gamma(a, rate) or (a, scale=)        Gamma                  gamma(a, scale=scale)
InverseGamma(a, rate) or (a, scale=) InverseGamma           invgamma(a, scale=rate)
ChiSquared(df)                       Chi2                   chi2(df)
Beta(a, b)                           Beta                   beta(a, b)
Dirichlet(a)                         Dirichlet              dirichlet(a)
Pareto(scale, alpha)                 Pareto                 pareto(alpha, scale=scale)
Weibull(scale, k)                    Weibull                weibull_min(k, scale=scale)
Uniform(low, high)                   Uniform                uniform(low, high - low)
VonMises(loc, kappa)                 VonMises               vonmises(kappa, loc)
Bernoulli(probs) or (logits=)        Bernoulli              bernoulli(probs)
Binomial(n, probs) or (n, logits=)   Binomial               binom(n, probs)
Geometric(probs) or (logits=)        Geometric              geom(probs, loc=-1)
NegativeBinomial(n, probs)           NegativeBinomial       nbinom(n, 1 - probs)
Poisson(rate)                        Poisson                poisson(rate)
Categorical(probs) or (logits=)      Categorical            multinomial(1, probs)
==================================== ====================== ===========================

torch's LowRankMultivariateNormal is a MultivariateNormal, its OneHotCategorical a Categorical, and
what is Independent the sum of its components. What else there is of one number is integrated, or
sampled as vectors and matrices are.
"""

from klrs.distributions._base import Distribution
from klrs.distributions._discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    NegativeBinomial,
    Poisson,
)
from klrs.distributions._families import (
    Beta,
    Cauchy,
    ChiSquared,
    Exponential,
    Gamma,
    Gumbel,
    HalfNormal,
    InverseGamma,
    Laplace,
    LogNormal,
    Normal,
    Pareto,
    Uniform,
    VonMises,
    Weibull,
)
from klrs.distributions._vectors import Dirichlet, MultivariateNormal
from klrs.distributions._verbs import (
    bhattacharyya_distance,
    cross_entropy,
    entropy,
    hellinger_distance,
    jeffreys_divergence,
    js_divergence,
    kl_divergence,
    renyi_divergence,
    wasserstein_distance,
)

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "ChiSquared",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "Gamma",
    "Geometric",
    "Gumbel",
    "HalfNormal",
    "InverseGamma",
    "Laplace",
    "LogNormal",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "Pareto",
    "Poisson",
    "Uniform",
    "VonMises",
    "Weibull",
    "bhattacharyya_distance",
    "cross_entropy",
    "entropy",
    "hellinger_distance",
    "jeffreys_divergence",
    "js_divergence",
    "kl_divergence",
    "renyi_divergence",
    "wasserstein_distance",
]
