"""One PPO-like update of a policy on a bandit with two arms, within a budget of KL divergence.

    python examples/bandit.py

Arm 1 pays more often. 2000 pulls are drawn from the old policy once, and used for several epochs:
the further the new policy goes, the less they say about it. So its divergence from the old one is
penalised, estimated from the pulls before each epoch, and ends the update when it is beyond its
budget. With two arms the exact divergence is known as well, and stands beside the estimates.
"""

import numpy as np

from klrs.logits import log_softmax, softmax
from klrs.policies import AdaptiveKLController, exceeds_kl_budget, kl_divergence, kl_estimators

PAYS = np.array([0.3, 0.7])  # how often each arm pays
PULLS, EPOCHS, RATE, CLIP, TARGET_KL = 2000, 20, 0.2, 0.2, 0.01


def gradient(policy, old, arms, advantages, kl_coef):
    """The gradient of the clipped surrogate and of the penalty kl_coef * KL(old ‖ policy)."""
    probabilities = softmax(policy)
    ratios = probabilities[arms] / softmax(old)[arms]
    is_clipped = np.where(advantages > 0, ratios > 1 + CLIP, ratios < 1 - CLIP)
    factors = np.where(is_clipped, 0.0, ratios * advantages)
    surrogate = (factors[:, None] * (np.eye(2)[arms] - probabilities)).mean(axis=0)
    return surrogate - kl_coef * (probabilities - softmax(old))


def main():
    """Update the policy; return for each epoch the exact divergence and its estimates."""
    rng = np.random.default_rng(0)
    old = np.array([0.2, -0.2])  # logits
    arms = rng.choice(2, size=PULLS, p=softmax(old))
    rewards = rng.random(PULLS) < PAYS[arms]
    advantages = (rewards - rewards.mean()) / rewards.std()
    controller = AdaptiveKLController(init_kl_coef=0.2, target=TARGET_KL, horizon=10 * PULLS)

    policy, epochs = old.copy(), []
    print("epoch  P(arm 1)  KL(old ‖ new)  k1                  k3                  penalty")
    for epoch in range(EPOCHS):
        estimates = kl_estimators(log_softmax(old)[arms], log_softmax(policy)[arms])
        exact = kl_divergence(old, policy)
        epochs.append((exact, estimates))
        k1, k3 = (f"{it.value:.5f} ± {it.standard_error:.5f}" for it in estimates[::2])
        likely = softmax(policy)[1]
        print(f"{epoch:5} {likely:9.4f} {exact:14.5f}  {k1:18}  {k3} {controller.value:10.4f}")
        if exceeds_kl_budget(estimates.k3, TARGET_KL):
            print(f"stopped: more than 1.5 times {TARGET_KL}")
            break
        policy = policy + RATE * gradient(policy, old, arms, advantages, controller.value)
        controller.update(estimates.k3, PULLS)
    return epochs


if __name__ == "__main__":
    main()
