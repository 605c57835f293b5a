"""The oracle of the tests, made importable here: one truth for tests and benchmarks."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import reference

__all__ = ["reference"]
