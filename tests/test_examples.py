"""The worked examples run, and what they print is right."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

needs_examples = pytest.mark.skipif(not EXAMPLES.exists(), reason="the tests lie without examples")


def run_main(name: str) -> Any:
    return runpy.run_path(str(EXAMPLES / name))["main"]()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_it_runs_as_a_program(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert len(capsys.readouterr().out.splitlines()) > 3


@needs_examples
def test_the_posterior_that_is_found_is_the_exact_one() -> None:
    found, exact, elbo, divergence, evidence = run_main("posterior.py")
    assert found.loc == pytest.approx(exact.loc, rel=1e-6)
    assert found.scale == pytest.approx(exact.scale, rel=1e-6)
    # The same from the data, by the formula of a regression to the prior's mean.
    weights = runpy.run_path(str(EXAMPLES / "posterior.py"))["WEIGHTS"]
    share = 10.0**2 / (10.0**2 + 3.0**2 / weights.size)
    assert exact.loc == pytest.approx(1000.0 + share * (weights.mean() - 1000.0), rel=1e-12)
    assert exact.scale == pytest.approx(np.sqrt(share * 3.0**2 / weights.size), rel=1e-12)
    # log evidence = ELBO + KL, for a q for which neither is trivial.
    assert divergence > 20 * elbo.standard_error > 0
    assert elbo.value + divergence == pytest.approx(evidence, abs=3 * elbo.standard_error)


@needs_examples
def test_the_bandit_stops_at_its_budget() -> None:
    given = runpy.run_path(str(EXAMPLES / "bandit.py"))
    epochs = run_main("bandit.py")
    budget = 1.5 * given["TARGET_KL"]
    assert 3 < len(epochs) < given["EPOCHS"]
    assert [estimates.k3.value > budget for _, estimates in epochs] == [False] * (
        len(epochs) - 1
    ) + [True]
    for exact, estimates in epochs:
        for estimate in (estimates.k1, estimates.k3):
            assert abs(exact - estimate.value) <= 3 * estimate.standard_error


@needs_examples
def test_the_bandit_follows_the_gradient_of_its_loss() -> None:
    """Against finite differences of the surrogate, less the penalty."""
    given = runpy.run_path(str(EXAMPLES / "bandit.py"))
    rng = np.random.default_rng(1)
    old, policy = np.array([0.2, -0.2]), np.array([-0.1, 0.2])
    arms = rng.choice(2, size=50)
    advantages = rng.standard_normal(50)

    def objective(logits: Any) -> float:
        new, before = (np.exp(it) / np.exp(it).sum() for it in (logits, old))
        ratios = new[arms] / before[arms]
        clipped = np.clip(ratios, 1 - given["CLIP"], 1 + given["CLIP"])
        surrogate = np.minimum(ratios * advantages, clipped * advantages).mean()
        return float(surrogate - 0.7 * (before * np.log(before / new)).sum())

    steps = 1e-6 * np.eye(2)
    expected = [(objective(policy + it) - objective(policy - it)) / 2e-6 for it in steps]
    found = given["gradient"](policy, old, arms, advantages, 0.7)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
