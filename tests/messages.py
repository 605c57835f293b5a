"""Expecting errors by their exact text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from inputs import Verb

P = np.array([0.5, 0.25, 0.25])
Q = np.array([0.25, 0.25, 0.5])


def raises(kind: type[Exception], text: str) -> Any:
    """Exactly this class (AxisError is a ValueError too) with exactly this text."""
    return pytest.raises(kind, match=f"^{re.escape(text)}$", check=lambda e: type(e) is kind)


def in_each_operand(verb: Verb, bad: Any, good: Any) -> list[tuple[str, Any, Any]]:
    """(name, p, q) with the bad array as either operand."""
    calls = [("p", bad, good), ("q", good, bad)]
    return calls[: verb.operands]
