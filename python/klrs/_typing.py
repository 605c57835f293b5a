"""The types of arguments and results."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SupportsDLPack(Protocol):
    """An array of another library, on the CPU."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        """Export the array."""

    def __dlpack_device__(self) -> tuple[Any, int]:
        """Where it lives."""


Distributions: TypeAlias = ArrayLike | SupportsDLPack
"""One distribution or many: anything NumPy makes an array of, and DLPack exporters."""

Axis: TypeAlias = int | tuple[int, ...] | None
"""Along which axes the distributions run; None for all of them."""

Result: TypeAlias = Any
"""A NumPy scalar for one distribution, an array for many, or `out`."""

Out = TypeVar("Out", bound=NDArray[np.floating[Any]])

Weights: TypeAlias = Sequence[float] | NDArray[np.floating[Any]]
"""Weights that sum to 1, one for each distribution of a mixture."""
