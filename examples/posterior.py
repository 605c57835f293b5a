"""The posterior of a mean, found by minimising a Kullback-Leibler divergence.

    python examples/posterior.py

Twelve bags of flour are weighed on a scale whose error is known. With a Normal prior the posterior
of their mean is Normal as well and has a formula, which what gradient steps find can be checked by.
For any q whatsoever,

    log evidence = ELBO + KL(q ‖ posterior),

so the q that comes closest to the posterior is the one with the highest ELBO.
"""

import numpy as np

import klrs
from klrs.distributions import Normal, kl_divergence
from klrs.variational import evidence_lower_bound

WEIGHTS = np.array([998, 1003, 1001, 995, 1004, 1000, 997, 1002, 1006, 999, 1001, 1004])  # g
NOISE = 3.0  # the standard deviation of one weighing
PRIOR = Normal(1000.0, 10.0)  # what the label promises
RATE, STEPS = 0.2, 100


def log_joint(mean):
    """The logarithm of p(weights, mean), for each mean."""
    return Normal(mean[..., None], NOISE).log_prob(WEIGHTS).sum(axis=-1) + PRIOR.log_prob(mean)


def main():
    """Find the posterior; then split the log evidence for a q that is too wide."""
    precision = 1 / PRIOR.scale**2 + len(WEIGHTS) / NOISE**2  # precisions add up
    mean = (PRIOR.loc / PRIOR.scale**2 + WEIGHTS.sum() / NOISE**2) / precision
    posterior = Normal(mean, precision**-0.5)

    q = Normal(990.0, 1.0)
    value_and_gradient = klrs.value_and_grad(kl_divergence, argnums=0)
    print("step      mean   scale   KL(q ‖ posterior)")
    for step in range(STEPS + 1):
        divergence, gradient = value_and_gradient(q, posterior)
        if step % 20 == 0:
            print(f"{step:4} {q.loc:9.4f} {q.scale:7.4f}   {divergence:.2e}")
        log_scale = np.log(q.scale) - RATE * gradient["scale"] * q.scale  # keeps the scale positive
        q = Normal(q.loc - RATE * gradient["loc"], np.exp(log_scale))
    print(f"exact {mean:8.4f} {posterior.scale:7.4f}\n")

    wide = Normal(q.loc, 1.5 * q.scale)
    draws = wide.loc + wide.scale * np.random.default_rng(0).standard_normal(100_000)
    elbo = evidence_lower_bound(log_joint(draws), wide.log_prob(draws))
    divergence = kl_divergence(wide, posterior)
    evidence = log_joint(mean) - posterior.log_prob(mean)  # Bayes' theorem
    print(f"ELBO {elbo.value:.4f} ± {elbo.standard_error:.4f} of a q that is 1.5 times as wide")
    print(f"ELBO + KL {elbo.value + divergence:.4f}, log evidence {evidence:.4f}")
    return q, posterior, elbo, divergence, evidence


if __name__ == "__main__":
    main()
