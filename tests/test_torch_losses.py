"""`klrs.logits` beside torch: its losses with their options, values and gradients, as recorded.

tools/record_torch.py asked torch and wrote tests/data/torch_losses.json, so torch is not needed
here. Its answers say what the options mean. They say nothing about the last digits: those are
compared with the oracle, by test_logits_accuracy.py.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import klrs
from klrs import logits

FILE = Path(__file__).parent / "data" / "torch_losses.json"
RECORD = json.loads(FILE.read_text(encoding="utf-8"))
CASES = RECORD["cases"]
NAMED = ("class_weights", "sample_weight", "pos_weight")
"""The keywords that may be the name of an array."""

SMALL = 1e-13
"""torch's own rounding: its losses of rows with logits of a few hundred may be wrong by so much."""

Case = dict[str, Any]


def read(written: Any) -> np.ndarray:
    """An array of the record, in which a NaN or an infinity is a string."""
    array = np.array(written)
    return array if array.dtype.kind == "i" else array.astype(np.float64)


@cache
def array(name: str) -> np.ndarray:
    return read(RECORD["arrays"][name])


def call_of(case: Case) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The operands and the keywords, with arrays in the place of their names."""
    keywords = case["keywords"].items()
    named = {key: array(it) for key, it in keywords if key in NAMED and isinstance(it, str)}
    return [array(name) for name in case["operands"]], case["keywords"] | named


def described(case: Case) -> str:
    keywords = ",".join(f"{key}={value}" for key, value in case["keywords"].items())
    return f"{case['verb']}({','.join(case['operands'])};{keywords})"


def assert_as_torch(got: Any, written: Any, case: Case, what: str) -> None:
    expected = read(written)
    assert np.shape(got) == expected.shape, f"{what} of {described(case)}"
    assert got.dtype == np.float64, f"{what} of {described(case)}"
    np.testing.assert_allclose(
        got,
        expected,
        rtol=1e-12,
        atol=SMALL,
        err_msg=f"{what} of {described(case)} is not that of torch {RECORD['torch']}",
    )


each_case = pytest.mark.parametrize("case", CASES, ids=described)
each_differentiated = pytest.mark.parametrize(
    "case", [case for case in CASES if case["gradients"]], ids=described
)


@each_case
def test_value(case: Case) -> None:
    operands, keywords = call_of(case)
    got = getattr(logits, case["verb"])(*operands, **keywords)
    assert_as_torch(got, case["value"], case, "value")


@each_differentiated
def test_gradient(case: Case) -> None:
    operands, keywords = call_of(case)
    verb = getattr(logits, case["verb"])
    for argnum, expected in case["gradients"].items():
        value, gradient = klrs.value_and_grad(verb, int(argnum))(*operands, **keywords)
        assert_as_torch(value, case["value"], case, "value beside the gradient")
        if not np.isnan(read(expected)).any():
            # torch divides by 0 where no row has a weight, and calls the gradient NaN too.
            assert_as_torch(gradient, expected, case, f"gradient {argnum}")


def test_record() -> None:
    """What the record is to have, lest a case that is left out should pass."""
    verbs = {case["verb"] for case in CASES}
    assert verbs == {
        *("cross_entropy", "perplexity", "binary_cross_entropy", "kl_divergence"),
        *("log_softmax", "softmax", "logsumexp"),
    }
    keywords = {key for case in CASES for key in case["keywords"]}
    assert keywords == {
        *("axis", "class_weights", "ignore_index", "label_smoothing", "pos_weight"),
        *("reduction", "sample_weight", "temperature", "temperature_squared"),
    }
    assert len(CASES) > 200
    assert sum(read(case["value"]).ndim == 0 and case["value"] == "nan" for case in CASES) >= 6
    assert all(case["gradients"] for case in CASES if "softmax" not in case["verb"])
