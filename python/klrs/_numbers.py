"""Numbers that keywords are, or an error that says what was expected."""

import math
from typing import Any

import numpy as np


def number(given: Any, name: str, expected: str) -> float:
    """Return `given` as a float."""
    try:
        if isinstance(given, (bool, str)):
            raise TypeError
        return float(given)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: got {given!r}, expected {expected}") from None


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether an array of this dtype has real numbers that float64 holds: not longdouble."""
    return (dtype.kind in "fiub" and dtype.itemsize <= 8) or dtype.name == "bfloat16"


def temperature_of(given: Any) -> float:
    """What logits are divided by."""
    temperature = number(given, "temperature", "a finite number greater than 0")
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature: {temperature:g}, expected a finite number greater than 0")
    if 1 / temperature == math.inf:
        raise ValueError(f"temperature: {temperature:g}, expected a number with a finite inverse")
    return temperature


def is_beyond_float32(temperature: float) -> bool:
    """Whether float32 would hold too little of a temperature, or of its inverse."""
    return not 1e-30 < temperature < 1e30
