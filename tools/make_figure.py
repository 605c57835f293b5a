"""Draw the README's figure: one Gaussian fitted to two humps, by both directions of the divergence.

`make figures` runs it. The fits are gradient descent through `klrs.value_and_grad`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

import klrs

X = np.linspace(-8, 8, 161)
HUMPS = np.exp(-8 * (X + 2) ** 2) + 1.2 * np.exp(-8 * (X - 1.5) ** 2) + 1e-6


def gaussian(mean: float, deviation: float) -> np.ndarray:
    """Weights of a Gaussian on the grid, nowhere 0."""
    return np.exp(-0.5 * ((X - mean) / deviation) ** 2) + 1e-12


def fit(*, reverse: bool) -> tuple[np.ndarray, float]:
    """The Gaussian with the least D(p‖q), or D(q‖p), and that divergence."""
    loss = klrs.value_and_grad(klrs.kl_divergence, argnums=0 if reverse else 1)
    mean, deviation = 0.5, 1.0
    for _ in range(2000):
        q = gaussian(mean, deviation)
        operands = (q, HUMPS) if reverse else (HUMPS, q)
        value, by_q = loss(*operands, normalize=True)
        step = by_q * q
        mean -= 0.05 * float(step @ (X - mean)) / deviation**2
        deviation -= 0.05 * float(step @ (X - mean) ** 2) / deviation**3
    q = gaussian(mean, deviation)
    return q / q.sum(), float(value)


def main(path: Path) -> None:
    """Write the figure."""
    settings = {
        "svg.hashsalt": "klrs",
        "svg.fonttype": "none",
        "font.size": 11,
        "axes.spines.top": False,
    }
    mpl.rcParams.update(settings)
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
    titles = ("D(p‖q): q covers what p has", "D(q‖p): q avoids what p has not")
    for axis, title, reverse in zip(axes, titles, (False, True), strict=True):
        q, value = fit(reverse=reverse)
        p = HUMPS / HUMPS.sum()
        axis.bar(X, p, width=0.1, color="#b8c4d6", label="p")
        axis.plot(X, q, color="#c23b22", linewidth=2, label=f"q, at {value:.2f} nats")
        axis.set(title=title, xlim=(-6, 6), yticks=[])
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
