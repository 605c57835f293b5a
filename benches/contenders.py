"""Who takes part: klrs, and the ways in which people compute the same numbers today.

Each contender says how it is written and what it means to compute: an oracle, so that nobody is
judged by somebody else's definition. SimSIMD and NumKong take a batch of rows in one call, if it is
C-contiguous; what they call Jensen-Shannon is the distance, as in SciPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import fsum
from typing import Any

import numkong
import numpy as np
import simsimd
from mpmath import mp, mpf
from scipy import special, stats
from scipy.spatial import distance

import klrs
from oracle import reference

Row = Any
Oracle = Callable[[Row, Row], mpf]


@dataclass(frozen=True)
class Contender:
    """One way to compute a number per row of p and q."""

    who: str
    expression: str
    call: Callable[[Any, Any], Any]
    exact: Oracle | None
    """What it means to compute; None for the plain sums, which are there for their speed."""
    prepare: Callable[[Any, Any], object] | None = None
    """Makes the room that a training loop has for its gradients, once."""

    @property
    def verb(self) -> str:
        """The function's name in the expression."""
        return self.expression.partition("(")[0]

    @property
    def is_verb(self) -> bool:
        """Whether it is klrs, called for values."""
        return self.who == "klrs" and self.verb != "value_and_grad"

    @property
    def takes_q(self) -> bool:
        """Whether a verb has two operands."""
        return "(p, q" in self.expression


def kl_as_is(p: Row, q: Row) -> mpf:
    """The sum of p ln(p/q), literally: with what p and q differ by in mass, which may be more."""
    difference = fsum([*map(float, p), *(-float(x) for x in q)])  # correctly rounded
    with mp.workprec(reference.BITS):
        return reference.kl_divergence(p, q) + difference


kl_normalized = partial(reference.kl_divergence, normalize=True)
js_distance_normalized = partial(reference.js_distance, normalize=True)


def plain_js_distance(p: Any, q: Any) -> Any:
    m = (p + q) / 2
    return np.sqrt((p * np.log(p / m) + q * np.log(q / m)).sum(-1) / 2)


try:  # by far the largest of the peers, and not to be had everywhere
    import torch
except ImportError:
    torch = None
else:
    torch.set_num_threads(klrs.get_num_threads())


def torch_kl(p: Any, q: Any) -> Any:
    p, q = torch.from_numpy(p), torch.from_numpy(q)
    return torch.nn.functional.kl_div(q.log(), p, reduction="none").sum(-1).numpy()


def torch_cross_entropy(p: Any, q: Any) -> Any:
    p, q = torch.from_numpy(p), torch.from_numpy(q)
    return -(p * q.log()).sum(-1).numpy()


SUMS = Contender("NumPy", "p.sum(); q.sum()", lambda p, q: (p.sum(), q.sum()), None)
SUM_OF_P = Contender("NumPy", "p.sum()", lambda p, q: p.sum(), None)

KLRS_KL = Contender("klrs", "kl_divergence(p, q)", klrs.kl_divergence, reference.kl_divergence)
KLRS_KL_IN_BITS = Contender(
    "klrs",
    "kl_divergence(p, q, axis=0, base=2, keepdims=True)",
    lambda p, q: klrs.kl_divergence(p, q, axis=0, base=2, keepdims=True),
    partial(reference.kl_divergence, base=2),
)
PLAIN_KL = Contender(
    "NumPy", "(p * np.log(p / q)).sum(-1)", lambda p, q: (p * np.log(p / q)).sum(-1), kl_as_is
)
REL_ENTR = Contender(
    "SciPy", "rel_entr(p, q).sum(-1)", lambda p, q: special.rel_entr(p, q).sum(-1), kl_as_is
)
STATS_ENTROPY = Contender(
    "SciPy",
    "stats.entropy(p, q, axis=-1)",
    lambda p, q: stats.entropy(p, q, axis=-1),
    kl_normalized,
)
SIMSIMD_KL = Contender("SimSIMD", "kl(p, q)", simsimd.kl, kl_as_is)
NUMKONG_KL = Contender("NumKong", "kld(p, q)", numkong.kld, kl_as_is)
TORCH_KL = Contender("torch", 'kl_div(q.log(), p, reduction="none").sum(-1)', torch_kl, kl_as_is)
KL_PEERS = [PLAIN_KL, REL_ENTR, STATS_ENTROPY, SIMSIMD_KL, NUMKONG_KL, *[TORCH_KL] * bool(torch)]

KLRS_CROSS_ENTROPY = Contender(
    "klrs", "cross_entropy(p, q)", klrs.cross_entropy, reference.cross_entropy
)
PLAIN_CROSS_ENTROPY = Contender(
    "NumPy",
    "-(p * np.log(q)).sum(-1)",
    lambda p, q: -(p * np.log(q)).sum(-1),
    reference.cross_entropy,
)
XLOGY = Contender(
    "SciPy",
    "-xlogy(p, q).sum(-1)",
    lambda p, q: -special.xlogy(p, q).sum(-1),
    reference.cross_entropy,
)
TORCH_CROSS_ENTROPY = Contender(
    "torch", "-(p * q.log()).sum(-1)", torch_cross_entropy, reference.cross_entropy
)
CROSS_ENTROPY_PEERS = [
    PLAIN_CROSS_ENTROPY,
    XLOGY,
    REL_ENTR,
    *[TORCH_CROSS_ENTROPY] * bool(torch),
]

KLRS_JS = Contender("klrs", "js_distance(p, q)", klrs.js_distance, reference.js_distance)
PLAIN_JS = Contender(
    "NumPy",
    "np.sqrt((p*np.log(p/m) + q*np.log(q/m)).sum(-1) / 2)",
    plain_js_distance,
    reference.js_distance,
)
SCIPY_JS = Contender(
    "SciPy",
    "jensenshannon(p, q, axis=-1)",
    lambda p, q: distance.jensenshannon(p, q, axis=-1),
    js_distance_normalized,
)
SIMSIMD_JS = Contender(
    "SimSIMD",
    "jensenshannon(p, q)",
    simsimd.jensenshannon,
    reference.js_distance,
)
NUMKONG_JS = Contender(
    "NumKong",
    "jensenshannon(p, q)",
    numkong.jensenshannon,
    reference.js_distance,
)
JS_PEERS = [PLAIN_JS, SCIPY_JS, SIMSIMD_JS, NUMKONG_JS]


@cache
def gradients(shape: tuple[int, ...], dtype: str) -> tuple[Any, Any]:
    """Room for the gradients, as a training loop has it."""
    return np.zeros(shape, dtype), np.zeros(shape, dtype)


def klrs_kl_with_gradients(p: Any, q: Any) -> Any:
    differentiated = klrs.value_and_grad(klrs.kl_divergence, argnums=(0, 1))
    return differentiated(p, q, out=gradients(p.shape, p.dtype.name))[0]


def copies_and_sums(p: Any, q: Any) -> None:
    by_p, by_q = gradients(p.shape, p.dtype.name)
    np.copyto(by_p, p)
    np.copyto(by_q, q)
    p.sum()
    q.sum()


def torch_kl_with_gradients(p: Any, q: Any) -> Any:
    p, q = (torch.from_numpy(x).requires_grad_() for x in (p, q))
    values = (p * (p / q).log()).sum(-1)
    values.sum().backward()
    return values.detach().numpy()


KLRS_KL_GRADIENTS = Contender(
    "klrs",
    "value_and_grad(kl_divergence, argnums=(0, 1))(p, q, out=…)",
    klrs_kl_with_gradients,
    reference.kl_divergence,
)
COPIES_AND_SUMS = Contender(
    "NumPy", "np.copyto(by_p, …); np.copyto(by_q, …); p.sum(); q.sum()", copies_and_sums, None
)
TORCH_KL_GRADIENTS = Contender(
    "torch", "(p * (p / q).log()).sum(-1); backward()", torch_kl_with_gradients, kl_as_is
)
