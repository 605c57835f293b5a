"""The autoencoder of examples/ learns, its gradients are those of its loss, its KL term is KL."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import klrs
from klrs.distributions import Normal

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "digits_vae.py"

pytestmark = pytest.mark.skipif(not EXAMPLE.exists(), reason="only in a checkout of the repository")


@pytest.fixture(scope="module")
def example() -> Any:
    spec = spec_from_file_location("digits_vae", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained(example: Any) -> Any:
    return example.main()


@pytest.mark.slow
def test_the_elbo_rises(trained: Any) -> None:
    for it in trained:
        assert np.isfinite(it.elbos).all()
        assert np.all(np.diff(it.elbos[::5]) > 0)
        # Pixels that are coins would have 64 ln 2 = 44.4 nats.
        assert it.elbos[0] < -30
        assert it.elbos[-1] > -22


@pytest.mark.slow
def test_free_bits_keep_dimensions_open(trained: Any) -> None:
    without, with_them = trained
    assert 0 < without.used < with_them.used <= without.mean.shape[1]


@pytest.mark.slow
def test_the_kl_term_is_that_of_the_normal_distributions(trained: Any) -> None:
    for it in trained:
        q, prior = Normal(it.mean, np.exp(it.log_variance / 2)), Normal(0, 1)
        expected = klrs.distributions.kl_divergence(q, prior)
        of_dimensions = klrs.variational.kl_to_standard_normal(it.mean, it.log_variance, axis=())
        np.testing.assert_allclose(of_dimensions, expected, rtol=1e-12)
        of_images = klrs.variational.kl_to_standard_normal(it.mean, it.log_variance)
        np.testing.assert_allclose(of_images, expected.sum(axis=-1), rtol=1e-12)


@pytest.mark.parametrize("layer", range(8))
def test_gradients_are_finite_differences(example: Any, layer: int) -> None:
    random = np.random.default_rng(layer)
    pairs = [(64, 5), (5, 6), (3, 7), (7, 64)]
    weights = [it for n, m in pairs for it in (random.normal(size=(n, m)) / 8, np.zeros(m))]
    x, noise = example.IMAGES[:4].astype(float), random.normal(size=(4, 3))
    gradient = example.forward_and_backward(weights, x, noise, None)[1][layer]
    direction = random.normal(size=gradient.shape)
    step = 1e-5

    def loss(shift: float) -> float:
        moved = [*weights]
        moved[layer] = weights[layer] + shift * direction
        return -float(example.forward_and_backward(moved, x, noise, None)[0])

    slope = (loss(step) - loss(-step)) / (2 * step)
    assert np.vdot(gradient, direction) == pytest.approx(slope, rel=1e-6)
