"""The oracle of the tests, made importable here: one truth for tests and benchmarks."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import reference
import reference_logits
import reference_transport

__all__ = ["forget", "reference", "reference_logits", "reference_transport"]

forget = reference_logits._row_at.cache_clear
"""Give back the rows of mpmath's numbers that are kept: 20 MB for each of 32 000 logits."""
