"""Transport on the line beside SciPy and beside the KL divergence, in one run.

``python benches/transport.py`` prints a table: the best time of each, the ratio to what it is
compared with, and the largest relative difference where both compute the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats

import klrs
from klrs import samples

ROUNDS = 7


def best(contenders: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least wall time of each, taken in turns."""
    times = dict.fromkeys(contenders, np.inf)
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def show(title: str, contenders: dict[str, Callable[[], Any]]) -> None:
    """A table whose first row is what the others are compared with."""
    times = best(contenders)
    first = next(iter(times.values()))
    print(f"\n{title}\n\n| call | ms | times the first |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {seconds * 1e3:.2f} | {seconds / first:.3f} |")


def main() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 1000, 1000))
    rows = list(zip(x, y, strict=True))
    scipy_distance = scipy.stats.wasserstein_distance
    theirs = np.array([scipy_distance(*row) for row in rows])
    error = abs(samples.wasserstein_distance(x, y) / theirs - 1).max()
    print(f"klrs {klrs.__version__}, {klrs.get_num_threads()} threads; difference {error:.1e}")
    loss = klrs.value_and_grad(samples.wasserstein_distance)
    show(
        "Samples, 1000 rows x 1000",
        {
            "a loop over scipy.stats.wasserstein_distance": lambda: [
                scipy_distance(*r) for r in rows
            ],
            "klrs.samples.wasserstein_distance": lambda: samples.wasserstein_distance(x, y),
            "the same, order 2": lambda: samples.wasserstein_distance(x, y, order=2),
            "the same, of 900 samples and 1000": lambda: samples.wasserstein_distance(
                x[:, :900], y
            ),
            "klrs.samples.energy_distance": lambda: samples.energy_distance(x, y),
            "value and gradient": lambda: loss(x, y),
        },
    )
    p, q = random.dirichlet(np.ones(2048), (2, 20_000))
    gradient = np.empty_like(q)
    loss = klrs.value_and_grad(klrs.wasserstein_distance)
    show(
        "Histograms, 20 000 x 2048 float64",
        {
            "klrs.kl_divergence": lambda: klrs.kl_divergence(p, q),
            "klrs.wasserstein_distance": lambda: klrs.wasserstein_distance(p, q),
            "klrs.energy_distance": lambda: klrs.energy_distance(p, q),
            "klrs.wasserstein_distance, normalize=True": lambda: klrs.wasserstein_distance(
                p, q, normalize=True
            ),
            "klrs.wasserstein_distance, order 2": lambda: klrs.wasserstein_distance(p, q, order=2),
            "value and gradient": lambda: loss(p, q, out=gradient),
        },
    )
    p, q = (array.astype(np.float32) for array in (p, q))
    show(
        "Histograms, 20 000 x 2048 float32",
        {
            "klrs.kl_divergence": lambda: klrs.kl_divergence(p, q),
            "klrs.wasserstein_distance": lambda: klrs.wasserstein_distance(p, q),
        },
    )


if __name__ == "__main__":
    main()
