"""Inputs on which users of other libraries got wrong answers: data/field_cases.json.

Each case is a test here, with its input from the file, or stands in `NOT_YET` with the reason.
Several of the answers are texts there: they are turned into assertions by hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import klrs

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "data" / "field_cases.json").read_text("utf-8"))
}
TESTS: dict[str, Callable[..., None]] = {}

NOT_YET = {
    "kl-terms": "logits",
    "kl-batchmean": "elementwise terms of log-probabilities that are not normalised",
    "kl_div-inf": "elementwise, of an infinite entry: rows of klrs must be finite",
    "ent-mask": "logits",
    "ce-mask": "logits",
    "jsd-underflow": "logits",
    "grad-89558": "gradients",
    "cb": "klrs.distributions",
    "normal-close": "klrs.distributions",
    "bce": "binary cross-entropy elementwise",
    "w-hist2": "wasserstein_distance",
    "w-f32": "wasserstein_distance",
    "w-pot12": "transport",
    "k3-big": "klrs.policies",
    "bf16-self": "logits (test_bf16_rows_against_themselves has it for probabilities)",
}


def case(name: str) -> Callable[[Callable[[dict], None]], Callable[[], None]]:
    """Registers the test of a case; the test is called with the case."""

    def register(function: Callable[[dict], None]) -> Callable[[], None]:
        def test() -> None:
            function(CASES[name])

        test.__name__ = test.__qualname__ = function.__name__
        test.__doc__ = f"{CASES[name]['source']}: got {CASES[name]['wrong']}."
        TESTS[name] = test
        return test

    return register


def test_every_case_is_a_test_or_has_a_reason() -> None:
    assert not TESTS.keys() & NOT_YET.keys()
    assert TESTS.keys() | NOT_YET.keys() == CASES.keys()


def p_and_q(case: dict, dtype: type = float) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array(x, dtype) for x in case["input"].values())


def close(case: dict) -> Callable[[float], object]:
    """Within the tolerance of the case, and for all numbers beside `right` within 1e-12."""
    return lambda number: pytest.approx(number, rel=min(case["rtol"], 1e-12), abs=0)


@case("js-f32-nan")
def test_js_distance_of_close_f32_rows(case: dict) -> None:
    p, q = p_and_q(case, np.float32)
    # 1e-7 of the case is less than a float32 result resolves in the worst case.
    wide = klrs.js_distance(p.astype(float), q.astype(float), normalize=True)
    narrow = klrs.js_distance(p, q, normalize=True)
    assert narrow.dtype == np.float32
    assert narrow == pytest.approx(float(wide), rel=2e-6)
    assert wide == pytest.approx(case["right"], rel=case["rtol"])


@case("js-1ulp")
def test_js_distance_one_ulp_apart(case: dict) -> None:
    x = np.nextafter(0.5, 0)
    p, q = [x, 1 - x], [1 - x, x]
    assert klrs.js_distance(p, q) == close(case)(case["right"])
    assert klrs.js_divergence(p, q) == close(case)(1.5407439555097888535e-33)
    assert klrs.kl_divergence(p, q) == close(case)(6.162975822039155414e-33)


@case("js-subnormal2")
def test_js_distance_of_a_subnormal_entry(case: dict) -> None:
    p, q = p_and_q(case)
    assert klrs.js_distance(p, q) == close(case)(case["right"])


@case("js-zero")
def test_js_divergence_with_a_zero(case: dict) -> None:
    p, q = p_and_q(case)
    assert klrs.js_divergence(p, q) == close(case)(case["right"])
    assert klrs.js_divergence(p, q, base=2) == close(case)(0.23645279766002804408)
    assert klrs.kl_divergence(p, q) == math.inf
    assert klrs.kl_divergence(q, p) == close(case)(0.51082562376599072021)


@case("js-bounds")
def test_js_of_disjoint_supports(case: dict) -> None:
    p, q = p_and_q(case)
    assert klrs.js_divergence(p, q) == math.log(2)
    assert klrs.js_distance(p, q) == close(case)(0.83255461115769776)
    assert klrs.js_divergence(p, q, base=2) == 1.0
    assert klrs.js_distance(p, q, base=2) == 1.0


@case("js-J")
def test_js_is_not_half_of_jeffreys(case: dict) -> None:
    p, q = p_and_q(case)
    assert klrs.js_divergence(p, q) == close(case)(case["right"])


@case("kl-unnorm")
def test_kl_of_q_that_does_not_sum_to_one(case: dict) -> None:
    p, q = p_and_q(case)
    with pytest.raises(ValueError, match=r"^q: sums to 0\.6, not 1; pass normalize=True"):
        klrs.kl_divergence(p, q)
    assert klrs.kl_divergence(p, q, normalize=True) == 0
    assert klrs.generalized_kl_divergence(p, q) == close(case)(0.11082562376599069801)


@case("kl-logconfusion")
def test_kl_of_equal_rows(case: dict) -> None:
    p, q = p_and_q(case)
    assert klrs.kl_divergence(p, q) == case["right"]


@case("kl-nan")
def test_kl_of_equal_rows_with_a_zero(case: dict) -> None:
    p, q = p_and_q(case)
    assert klrs.kl_divergence(p, q) == case["right"]


@case("eps-neg")
def test_kl_of_counts(case: dict) -> None:
    p = np.arange(1, 272)
    q = np.concatenate([[0], p[1:]])
    assert klrs.kl_divergence(p, q, normalize=True) == math.inf
    assert klrs.kl_divergence(q, p, normalize=True) == close(case)(2.7132992363727257521e-05)


@case("logloss")
def test_cross_entropy_of_q_that_does_not_sum_to_one(case: dict) -> None:
    target, probabilities = p_and_q(case)
    with pytest.raises(ValueError, match=r"^q: sums to 0\.5, not 1; pass normalize=True"):
        klrs.cross_entropy(target, probabilities)
    # -ln(0.3 / 0.5) is the number that the reporter had got: now it is asked for.
    assert klrs.cross_entropy(target, probabilities, normalize=True) == close(case)(case["wrong"])


@case("fill")
def test_zeros_are_not_filled(case: dict) -> None:
    p, q = [0.99999, 1e-5, 0], [0.99999, 0, 1e-5]
    assert klrs.kl_divergence(p, q) == math.inf
    assert klrs.js_divergence(p, q, base=2) == close(case)(1e-5)


@case("nansum")
def test_kl_in_bits_with_a_zero_in_p(case: dict) -> None:
    p, q = [0, 0.5, 0.5], np.full(3, 1 / 3)
    assert klrs.kl_divergence(p, q, base=2) == close(case)(case["right"])


@case("ent-values")
def test_entropy_of_weights(case: dict) -> None:
    weights = [1, 2, 1]
    # ln 4 - (1/2) ln 2: the entropy of the weights 1/4, 2/4, 1/4 ...
    assert klrs.entropy(weights, normalize=True) == close(case)(1.5 * math.log(2))
    # ... and that of the values 1, 2, 1 as they occur: 2 of 3 and 1 of 3.
    occurrences = np.unique(weights, return_counts=True)[1]
    assert klrs.entropy(occurrences, normalize=True) == pytest.approx(0.63651416829481, rel=1e-13)


@case("mi-bits")
def test_mutual_information_of_samples(case: dict) -> None:
    counts = np.zeros((2, 2), int)
    np.add.at(counts, tuple(case["input"].values()), 1)
    nats = klrs.mutual_information(counts, normalize=True)
    assert nats == close(case)(0.01384429380839062116)
    bits = klrs.mutual_information(counts, normalize=True, base=2)
    assert bits == close(case)(0.019973094021974930126)


def test_bf16_rows_against_themselves() -> None:
    """EasyDeL#267 in probabilities: identical rows of 248 320 classes are at distance 0."""
    import ml_dtypes

    x = np.random.default_rng(0).standard_exponential((2, 248_320))
    p = (x / x.sum(axis=-1, keepdims=True)).astype(ml_dtypes.bfloat16)
    for verb in (klrs.kl_divergence, klrs.js_divergence, klrs.js_distance):
        assert np.all(verb(p, p.copy()) == 0)
