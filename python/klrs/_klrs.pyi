from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "__version__",
    "available_threads",
    "build",
    "distribution",
    "distribution_names",
    "each",
    "exponentials",
    "function",
    "level",
    "logits",
    "transport_of_histograms",
    "transport_of_samples",
    "verbs",
]

__version__: str

def verbs() -> list[str]: ...
def level() -> str: ...
def build() -> str: ...
def available_threads() -> int: ...
def function(name: str, doc: str, parameters: list[str], required: list[str]) -> Any: ...
def each(
    name: str,
    arguments: dict[str, Any],
    terms: bool,
    out: tuple[Any, Any],
    weights: Any,
) -> Any: ...
def logits(name: str, call: dict[str, Any]) -> Any: ...
def exponentials(numbers: NDArray[np.float64]) -> None: ...
def distribution(name: str, arrays: list[NDArray[np.float64]]) -> NDArray[np.float64]: ...
def distribution_names() -> list[str]: ...
def transport_of_histograms(name: str, call: dict[str, Any]) -> Any: ...
def transport_of_samples(name: str, call: dict[str, Any]) -> Any: ...
