"""Divergences between probability distributions.

Entropy, cross-entropy, Kullback-Leibler and Jensen-Shannon divergences of any NumPy array: right to
the last digits, at memory speed, the same bits on every machine.

>>> import klrs
>>> klrs.kl_divergence([0.5, 0.3, 0.2], [0.3, 0.6, 0.1])
np.float64(0.186098093827000...)
"""

from typing import TYPE_CHECKING, Any

from klrs._divergences import (
    cross_entropy,
    entropy,
    generalized_kl_divergence,
    js_distance,
    js_divergence,
    kl_divergence,
)
from klrs._klrs import __version__
from klrs._threads import (
    get_num_threads,
    register_if_loaded,
    register_threadpoolctl,
    set_num_threads,
    threads,
)

__all__ = [
    "__version__",
    "cross_entropy",
    "entropy",
    "generalized_kl_divergence",
    "get_num_threads",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "register_threadpoolctl",
    "set_num_threads",
    "show_config",
    "threads",
]

if TYPE_CHECKING:
    from klrs._config import show_config

register_if_loaded()
del register_if_loaded


def __getattr__(name: str) -> Any:
    """Import what computing does not need when it is asked for."""
    if name == "show_config":
        from klrs._config import show_config  # noqa: PLC0415

        return show_config
    raise AttributeError(f"module 'klrs' has no attribute {name!r}")
