"""Divergences between probability distributions.

Entropies and divergences of any NumPy array, Kullback-Leibler and Jensen-Shannon first: right to
the last digits, at memory speed, the same bits on every machine.

>>> import klrs
>>> klrs.kl_divergence([0.5, 0.3, 0.2], [0.3, 0.6, 0.1])
np.float64(0.186098093827000...)
"""

from typing import TYPE_CHECKING, Any

from klrs._distances import (
    bhattacharyya_coefficient,
    bhattacharyya_distance,
    hellinger_distance,
    total_variation_distance,
    triangular_discrimination,
)
from klrs._divergences import (
    chi2_divergence,
    generalized_kl_divergence,
    jeffreys_divergence,
    kl_divergence,
    neyman_chi2_divergence,
    population_stability_index,
)
from klrs._entropies import (
    cross_entropy,
    entropy,
    min_entropy,
    perplexity,
    renyi_entropy,
    tsallis_entropy,
)
from klrs._klrs import __version__
from klrs._mixtures import js_distance, js_divergence, k_divergence, skew_divergence
from klrs._parametrized import (
    alpha_divergence,
    power_divergence,
    renyi_divergence,
    tsallis_divergence,
)
from klrs._threads import (
    get_num_threads,
    register_if_loaded,
    register_threadpoolctl,
    set_num_threads,
    threads,
)

__all__ = [
    "__version__",
    "alpha_divergence",
    "bhattacharyya_coefficient",
    "bhattacharyya_distance",
    "binary_kl_divergence",
    "chi2_divergence",
    "conditional_entropy",
    "cramer_distance",
    "cross_entropy",
    "energy_distance",
    "entropy",
    "generalized_kl_divergence",
    "get_num_threads",
    "hellinger_distance",
    "jeffreys_divergence",
    "joint_entropy",
    "js_distance",
    "js_divergence",
    "js_divergence_of",
    "k_divergence",
    "kl_contributions",
    "kl_divergence",
    "min_entropy",
    "mutual_information",
    "neyman_chi2_divergence",
    "perplexity",
    "population_stability_index",
    "power_divergence",
    "register_threadpoolctl",
    "renyi_divergence",
    "renyi_entropy",
    "set_num_threads",
    "show_config",
    "skew_divergence",
    "smooth",
    "threads",
    "total_variation_distance",
    "triangular_discrimination",
    "tsallis_divergence",
    "tsallis_entropy",
    "value_and_grad",
    "wasserstein_distance",
]

if TYPE_CHECKING:
    from klrs import distributions as distributions
    from klrs import logits as logits
    from klrs import policies as policies
    from klrs import samples as samples
    from klrs import variational as variational
    from klrs._classes import binary_kl_divergence, kl_contributions, smooth
    from klrs._config import show_config
    from klrs._gradients import value_and_grad
    from klrs._joint import (
        conditional_entropy,
        joint_entropy,
        js_divergence_of,
        mutual_information,
    )
    from klrs._transport import cramer_distance, energy_distance, wasserstein_distance

_LAZY = {
    "binary_kl_divergence": "_classes",
    "conditional_entropy": "_joint",
    "cramer_distance": "_transport",
    "energy_distance": "_transport",
    "joint_entropy": "_joint",
    "js_divergence_of": "_joint",
    "kl_contributions": "_classes",
    "mutual_information": "_joint",
    "show_config": "_config",
    "smooth": "_classes",
    "wasserstein_distance": "_transport",
    "distributions": "distributions",
    "logits": "logits",
    "policies": "policies",
    "samples": "samples",
    "value_and_grad": "_gradients",
    "variational": "variational",
}
"""The modules of what is imported when it is asked for: functions, and modules themselves."""

register_if_loaded()
del register_if_loaded


def __getattr__(name: str) -> Any:
    """Import what the verbs do not need, NumPy among it, when it is asked for."""
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'klrs' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    found = import_module(f"klrs.{module}")
    found = found if module == name else getattr(found, name)
    globals()[name] = found  # the next time, it is found without a call
    return found


def __dir__() -> list[str]:
    """List also what has not been imported yet."""
    return sorted({*globals(), *__all__})
