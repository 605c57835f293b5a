"""A variational autoencoder of handwritten digits: the KL term and its gradients are klrs'.

    python examples/digits_vae.py

The encoder says of an image x where its code z is, q(z|x) = N(mean, exp(log_variance)); the decoder
says from z which pixels are black. Both learn what raises the ELBO, a lower bound of ln p(x):

    ELBO = E[ln p(x|z)] - KL(q(z|x) ‖ N(0, 1)),    z = mean + exp(log_variance / 2) noise.

The KL term closes dimensions of z that do not pay their price. `free_bits` charges each dimension
a least price for each image, used or not: more dimensions stay open.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

import klrs

IMAGES = np.load(Path(__file__).with_name("digits.npz"))["images"] > 8  # 1797 of 64 pixels each
HIDDEN, DIMENSIONS, EPOCHS, BATCHES, RATE, FREE_BITS = 64, 16, 30, 36, 2e-2, 0.25

kl_to_standard_normal = klrs.variational.kl_to_standard_normal
kl_and_gradients = klrs.value_and_grad(kl_to_standard_normal)
misfit_and_gradient = klrs.value_and_grad(klrs.logits.binary_cross_entropy)  # -ln p(x|z)


class Trained(NamedTuple):
    """ELBOs, the mean of each epoch in nats per image; the last codes; dimensions in use."""

    elbos: list[float]
    mean: np.ndarray
    log_variance: np.ndarray
    used: int


def forward_and_backward(weights, x, noise, free_bits):
    """The mean ELBO of some images, gradients of the loss by all weights, and the codes."""
    hidden = np.tanh(x @ weights[0] + weights[1])
    mean, log_variance = np.split(hidden @ weights[2] + weights[3], 2, axis=1)
    deviation = np.exp(log_variance / 2)
    z = mean + deviation * noise
    decoded = np.tanh(z @ weights[4] + weights[5])
    pixels = decoded @ weights[6] + weights[7]

    misfit, by_pixels = misfit_and_gradient(x, pixels, reduction="sum")
    _, (by_mean, by_log_variance) = kl_and_gradients(mean, log_variance, free_bits=free_bits)
    elbo = -(misfit + kl_to_standard_normal(mean, log_variance, reduction="sum")) / len(x)

    by_decoded = by_pixels @ weights[6].T * (1 - decoded**2)
    by_z = by_decoded @ weights[4].T
    by_code = np.hstack([by_mean + by_z, by_log_variance + by_z * noise * deviation / 2])
    by_hidden = by_code @ weights[2].T * (1 - hidden**2)
    layers = (x, by_hidden), (hidden, by_code), (z, by_decoded), (decoded, by_pixels)
    gradients = [it / len(x) for inputs, by in layers for it in (inputs.T @ by, by.sum(axis=0))]
    return elbo, gradients, (mean, log_variance)


def train(free_bits: float | None) -> Trained:
    """Stochastic gradient descent on shuffled batches."""
    random, x, elbos = np.random.default_rng(0), IMAGES.astype(float), []
    pairs = [(64, HIDDEN), (HIDDEN, 2 * DIMENSIONS), (DIMENSIONS, HIDDEN), (HIDDEN, 64)]
    weights = [it for n, m in pairs for it in (random.normal(0, n**-0.5, (n, m)), np.zeros(m))]
    for _ in range(EPOCHS):
        elbos.append(0.0)
        for batch in np.array_split(random.permutation(len(x)), BATCHES):
            noise = random.normal(size=(len(batch), DIMENSIONS))
            elbo, gradients, _ = forward_and_backward(weights, x[batch], noise, free_bits)
            elbos[-1] += float(elbo) * len(batch) / len(x)
            weights = [w - RATE * by for w, by in zip(weights, gradients, strict=True)]
    codes = forward_and_backward(weights, x, 0.0, free_bits)[-1]
    used = kl_to_standard_normal(*codes, axis=()).mean(axis=0) > 0.1  # nats per image
    return Trained(elbos, *codes, int(used.sum()))


def main() -> tuple[Trained, Trained]:
    """Train without and with free bits; print the ELBO of each epoch, and dimensions in use."""
    without, with_them = train(None), train(FREE_BITS)
    print(f"epoch  ELBO    with free_bits={FREE_BITS}")
    for epoch in range(EPOCHS):
        print(f"{epoch + 1:5}  {without.elbos[epoch]:.2f}  {with_them.elbos[epoch]:.2f}")
    print(f"in use, of {DIMENSIONS} dimensions: {without.used}, with free bits {with_them.used}")
    return without, with_them


if __name__ == "__main__":
    main()
