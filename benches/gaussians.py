"""Who takes part with Gaussians beside the standard normal: klrs, and a VAE's usual formula.

Each computes one number per row from means and log-variances, and the gradients are those of the
rows with respect to both. klrs writes them to the same arrays each time; torch has no such option.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp, mpf

import klrs
from contenders import Contender, torch
from klrs.variational import kl_to_standard_normal
from losses import room

with_gradient = klrs.value_and_grad(kl_to_standard_normal)


def exact(mean: Any, log_variance: Any) -> mpf:
    """Sum of 1/2 (m² + e^v - 1 - v)."""
    with mp.workdps(60):
        pairs = [(mpf(float(m)), mpf(float(v))) for m, v in zip(mean, log_variance, strict=True)]
        return sum((m * m + mp.expm1(v) - v for m, v in pairs), mpf(0)) / 2


def rooms(mean: Any, log_variance: Any) -> tuple[Any, Any]:
    """Two arrays for the gradients."""
    both = room((2, *mean.shape), mean.dtype)
    return both[0], both[1]


def klrs_with_gradient(mean: Any, log_variance: Any) -> Any:
    return with_gradient(mean, log_variance, out=rooms(mean, log_variance))[0]


def torch_kl(mean: Any, log_variance: Any) -> Any:
    return (-0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp())).sum(-1)


def torch_values(mean: Any, log_variance: Any) -> Any:
    return torch_kl(torch.from_numpy(mean), torch.from_numpy(log_variance)).numpy()


def torch_with_gradient(mean: Any, log_variance: Any) -> Any:
    tensors = [torch.from_numpy(it).requires_grad_() for it in (mean, log_variance)]
    values = torch_kl(*tensors)
    values.sum().backward()
    return values.detach().numpy()


READ = Contender(
    "NumPy", "mean.sum(); log_variance.sum()", lambda m, v: (np.sum(m), np.sum(v)), None
)
KLRS = Contender("klrs", "kl_to_standard_normal(mean, log_variance)", kl_to_standard_normal, exact)
KLRS_GRADIENT = Contender(
    "klrs",
    "value_and_grad(kl_to_standard_normal)(mean, log_variance, out=…)",
    klrs_with_gradient,
    exact,
    prepare=rooms,
)
FORMULA = "(-0.5 * (1 + v - m.pow(2) - v.exp())).sum(-1)"
TORCH = Contender("torch", FORMULA, torch_values, exact)
TORCH_GRADIENT = Contender("torch", f"{FORMULA}.sum().backward()", torch_with_gradient, exact)
