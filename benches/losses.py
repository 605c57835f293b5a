"""Who takes part with logits: klrs, and the ways in which people compute the same losses today.

Each computes one number per row, and the gradients are those of the rows with respect to the logits
of the student, q. klrs writes them to the same array each time; torch has no such option.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

import klrs
from contenders import Contender, torch
from klrs import logits
from oracle import reference_logits


@cache
def room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array for the gradient, in memory."""
    return np.ones(shape, dtype)


def room_for(_given: Any, q: Any) -> NDArray[Any]:
    return room(q.shape, q.dtype)


def with_gradient(verb: Any) -> Any:
    differentiated = klrs.value_and_grad(verb)
    return lambda given, q: differentiated(given, q, out=room_for(given, q))[0]


def tensor(array: NDArray[Any]) -> Any:
    """The same memory: torch knows the half floats of ml_dtypes only as integers."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def torch_cross_entropy(labels: Any, q: Any) -> Any:
    return torch.nn.functional.cross_entropy(q, labels, reduction="none")


def torch_kl(p: Any, q: Any) -> Any:
    functional = torch.nn.functional
    logs = functional.log_softmax(q, -1), functional.log_softmax(p, -1)
    return functional.kl_div(*logs, reduction="none", log_target=True).sum(-1)


def torch_values(loss: Any) -> Any:
    return lambda given, q: loss(tensor(given), tensor(q)).float().numpy()


def torch_with_gradient(loss: Any) -> Any:
    def call(given: Any, q: Any) -> Any:
        values = loss(tensor(given), tensor(q).requires_grad_())
        values.sum().backward()
        return values.detach().float().numpy()

    return call


READ_Q = Contender("NumPy", "q.sum()", lambda _labels, q: q.sum(), None)

KLRS_CE = Contender(
    "klrs",
    "logits.cross_entropy(labels, q)",
    logits.cross_entropy,
    reference_logits.cross_entropy,
)
KLRS_CE_GRADIENT = Contender(
    "klrs",
    "value_and_grad(logits.cross_entropy)(labels, q, out=…)",
    with_gradient(logits.cross_entropy),
    reference_logits.cross_entropy,
    prepare=room_for,
)
SCIPY_CE = Contender(
    "SciPy",
    "-log_softmax(q, axis=-1)[np.arange(len(q)), labels]",
    lambda labels, q: -special.log_softmax(q, axis=-1)[np.arange(len(q)), labels],
    reference_logits.cross_entropy,
)
TORCH_CE = Contender(
    "torch",
    'F.cross_entropy(q, labels, reduction="none")',
    torch_values(torch_cross_entropy),
    reference_logits.cross_entropy,
)
TORCH_CE_GRADIENT = Contender(
    "torch",
    'F.cross_entropy(q, labels, reduction="none").sum().backward()',
    torch_with_gradient(torch_cross_entropy),
    reference_logits.cross_entropy,
)

KLRS_KL = Contender(
    "klrs",
    "logits.kl_divergence(p, q)",
    logits.kl_divergence,
    reference_logits.kl_divergence,
)
KLRS_KL_GRADIENT = Contender(
    "klrs",
    "value_and_grad(logits.kl_divergence)(p, q, out=…)",
    with_gradient(logits.kl_divergence),
    reference_logits.kl_divergence,
    prepare=room_for,
)
TORCH_KL = Contender(
    "torch",
    "F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), log_target=True, …).sum(-1)",
    torch_values(torch_kl),
    reference_logits.kl_divergence,
)
TORCH_KL_GRADIENT = Contender(
    "torch",
    "F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), log_target=True, …).sum().backward()",
    torch_with_gradient(torch_kl),
    reference_logits.kl_divergence,
)
