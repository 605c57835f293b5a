"""Draw the README's figures. `make figures` runs it.

    python tools/make_figure.py docs/directions.svg docs/apart.svg

`directions`: one Gaussian fitted to two humps, by both directions of the KL divergence. `apart`:
two humps without common support, as a GAN's distributions are at first, and what draws them
together. The fits of both are gradient descent through `klrs.value_and_grad`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import klrs

X = np.linspace(-8, 8, 161)
HUMPS = np.exp(-8 * (X + 2) ** 2) + 1.2 * np.exp(-8 * (X - 1.5) ** 2) + 1e-6
GREY, RED, BLUE = "#b8c4d6", "#c23b22", "#2b5c9e"


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


def directions() -> Figure:
    """What each direction of the divergence makes of two humps."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
    titles = ("D(p‖q): q covers what p has", "D(q‖p): q avoids what p has not")
    for axis, title, reverse in zip(axes, titles, (False, True), strict=True):
        q, value = fit(reverse=reverse)
        p = HUMPS / HUMPS.sum()
        axis.bar(X, p, width=0.1, color=GREY, label="p")
        axis.plot(X, q, color=RED, linewidth=2, label=f"q, at {value:.2f} nats")
        axis.set(title=title, xlim=(-6, 6), yticks=[])
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.legend(frameon=False)
    return figure


def hump(place: float) -> tuple[np.ndarray, np.ndarray]:
    """A hump from 1 before its place to 1 after it and 0 elsewhere, and its slope by the place."""
    is_near = abs(X - place) < 1 - 1e-9  # rounding of the grid gives no mass to the ends
    phase = np.pi / 2 * (X - place)
    weights = is_near * np.cos(phase) ** 2
    return weights / weights.sum(), is_near * np.sin(2 * phase) * np.pi / 2 / weights.sum()


def journey(loss: Callable[..., tuple[float, np.ndarray]], place: float) -> list[float]:
    """The places that gradient descent moves a hump to, from there towards one at 0."""
    p, _ = hump(0)
    places = [place]
    for _ in range(30):
        q, by_place = hump(places[-1])
        moves = by_place != 0  # elsewhere 0 times what may be infinite
        slope = float(loss(p, q)[1][moves] @ by_place[moves])
        places.append(places[-1] - 0.1 * slope)
    return places


def js(p: np.ndarray, q: np.ndarray) -> tuple[float, np.ndarray]:
    """The Jensen-Shannon divergence and its gradient for q."""
    return klrs.value_and_grad(klrs.js_divergence)(p, q)


def wasserstein(p: np.ndarray, q: np.ndarray) -> tuple[float, np.ndarray]:
    """The Wasserstein distance and its gradient for q."""
    return klrs.value_and_grad(klrs.wasserstein_distance)(p, q, support=X)


def apart() -> Figure:
    """What divergences say about distributions without common support, and where they lead."""
    figure, (where, values, steps) = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    p, _ = hump(0)
    where.fill_between(X, p, color=GREY)
    where.plot(X, hump(3)[0], color=RED, linewidth=2)
    where.annotate("", (3, p.max() / 2), (0, p.max() / 2), arrowprops={"arrowstyle": "->"})
    for text, x, height in (("p", 0, 1.03), ("q", 3, 1.03), ("distance", 1.5, 0.55)):
        where.text(x, height * p.max(), text, ha="center")
    where.set(title="Nothing in common", xlim=(-1.5, 4.5), ylim=(0, 1.2 * p.max()), yticks=[])
    where.spines[["top", "right", "left"]].set_visible(False)

    places = np.linspace(0, 4, 41)  # of the grid
    for name, loss, color, label, place in (
        ("Wasserstein", wasserstein, BLUE, "Wasserstein", (2.6, 2.9)),
        ("JS", js, RED, "JS: ln 2, flat", (3.9, 0.85)),
    ):
        values.plot(places, [loss(p, hump(it)[0])[0] for it in places], color=color, linewidth=2)
        values.text(*place, label, color=color, ha="right")
        steps.plot(journey(loss, 3), color=color, linewidth=2, label=name)
    assert all(np.isinf(klrs.kl_divergence(p, hump(place)[0])) for place in places[1:])
    values.text(0.1, 4.6, "KL: infinite beyond distance 0")
    values.set(title="Divergence", xlabel="distance", xlim=(0, 4), ylim=(0, 5))
    steps.set(title="Gradient descent", xlabel="steps", ylabel="distance", ylim=(0, 5))
    for axis in (values, steps):
        axis.spines[["top", "right"]].set_visible(False)
    steps.legend(frameon=False)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {"directions": directions, "apart": apart}
"""By the name of the file."""


def main(paths: list[Path]) -> None:
    """Write the figures of these names."""
    settings = {
        "svg.hashsalt": "klrs",
        "svg.fonttype": "none",
        "font.size": 11,
        "axes.spines.top": False,
    }
    mpl.rcParams.update(settings)
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else None
        FIGURES[path.stem]().savefig(path, metadata=metadata)


if __name__ == "__main__":
    main([Path(path) for path in sys.argv[1:]])
