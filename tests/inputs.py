"""What the tests share: the verbs with their oracles, the dtypes, rows to feed them, and bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mpmath import mpf

import klrs
import reference


@dataclass(frozen=True)
class Verb:
    """A function of klrs, called with p and q whether it takes one operand or two.

    One that is a family by a number, such as alpha, is a Verb for each number that is tested.
    """

    name: str
    operands: int = 2
    has_base: bool = True
    has_normalize: bool = True
    """Also whether it checks the sums."""
    has_weights: bool = False
    parameter: str = ""
    """The name of the number that it is a family by."""
    number: float = 0.0

    @property
    def function(self) -> Callable[..., Any]:
        return getattr(klrs, self.name)

    @property
    def numbers(self) -> dict[str, float]:
        return {self.parameter: self.number} if self.parameter else {}

    def at(self, number: float) -> Verb:
        """The member of the family with this number."""
        return replace(self, number=number)

    def __call__(self, p: Any, q: Any = None, **options: Any) -> Any:
        return self.function(*(p, q)[: self.operands], **(self.numbers | options))

    def exact(self, p: Any, q: Any = None, **options: Any) -> mpf:
        """The oracle's value for one row."""
        return reference.VERBS[self.name](*(p, q)[: self.operands], **(self.numbers | options))

    def options(self, **options: Any) -> dict[str, Any]:
        """Those of the options that this verb has."""
        missing = {
            name
            for name, has in (
                ("base", self.has_base),
                ("normalize", self.has_normalize),
                ("weights", self.has_weights),
            )
            if not has
        }
        return {key: value for key, value in options.items() if key not in missing}

    def __str__(self) -> str:
        return f"{self.name}[{self.number!r}]" if self.parameter else self.name


ENTROPY = Verb("entropy", operands=1)
CROSS_ENTROPY = Verb("cross_entropy")
PERPLEXITY = Verb("perplexity", has_base=False)
PERPLEXITY_OF_P = replace(PERPLEXITY, operands=1)
MIN_ENTROPY = Verb("min_entropy", operands=1)
RENYI_ENTROPY = Verb("renyi_entropy", operands=1, parameter="alpha", number=2)
TSALLIS_ENTROPY = Verb("tsallis_entropy", operands=1, has_base=False, parameter="alpha", number=2)
KL = Verb("kl_divergence")
GENERALIZED_KL = Verb("generalized_kl_divergence", has_base=False, has_normalize=False)
JEFFREYS = Verb("jeffreys_divergence")
PSI = Verb("population_stability_index")
JS = Verb("js_divergence", has_weights=True)
JS_DISTANCE = Verb("js_distance", has_weights=True)
K = Verb("k_divergence")
SKEW = Verb("skew_divergence", parameter="skew", number=0.99)
RENYI = Verb("renyi_divergence", parameter="alpha", number=1.5)
TSALLIS = Verb("tsallis_divergence", has_base=False, parameter="alpha", number=1.5)
AMARI = Verb("alpha_divergence", has_base=False, parameter="alpha", number=0.5)
POWER = Verb("power_divergence", has_base=False, parameter="lambda_", number=2 / 3)
CHI2 = Verb("chi2_divergence", has_base=False)
NEYMAN = Verb("neyman_chi2_divergence", has_base=False)
TRIANGULAR = Verb("triangular_discrimination", has_base=False)
TOTAL_VARIATION = Verb("total_variation_distance", has_base=False)
HELLINGER = Verb("hellinger_distance", has_base=False)
BHATTACHARYYA_COEFFICIENT = Verb("bhattacharyya_coefficient", has_base=False)
BHATTACHARYYA_DISTANCE = Verb("bhattacharyya_distance")

VERBS = (
    ENTROPY,
    CROSS_ENTROPY,
    PERPLEXITY,
    PERPLEXITY_OF_P,
    MIN_ENTROPY,
    RENYI_ENTROPY,
    TSALLIS_ENTROPY,
    KL,
    GENERALIZED_KL,
    JEFFREYS,
    PSI,
    JS,
    JS_DISTANCE,
    K,
    SKEW,
    RENYI,
    TSALLIS,
    AMARI,
    POWER,
    CHI2,
    NEYMAN,
    TRIANGULAR,
    TOTAL_VARIATION,
    HELLINGER,
    BHATTACHARYYA_COEFFICIENT,
    BHATTACHARYYA_DISTANCE,
)
"""Every function of klrs, the families with a number that is like any other."""


@dataclass(frozen=True)
class Float:
    """A floating-point dtype, with the limits of it that the inputs are made from."""

    name: str
    dtype: np.dtype[Any]
    unit: float
    """Unit roundoff."""
    normal: float
    """The smallest normal number."""
    result: np.dtype[Any]
    """Of a verb with operands of this dtype."""

    @property
    def bound(self) -> float:
        """The promised relative error."""
        return 2e-14 if self.result == np.float64 else 2e-6

    @property
    def subnormal(self) -> float:
        """The smallest number above 0."""
        return self.normal * self.unit * 2

    @property
    def tolerance(self) -> float:
        """Of the check of sums, for a row of one entry: longer rows have more."""
        return min(0.02, max(1e-6, 16 * self.unit))

    def array(self, x: Any) -> np.ndarray:
        """x rounded to this dtype."""
        with np.errstate(all="ignore"):
            return np.asarray(x, dtype=np.float64).astype(self.dtype)

    def __str__(self) -> str:
        return self.name


def _float(name: str, dtype: Any, result: Any) -> Float:
    info = ml_dtypes.finfo(dtype)
    unit = float(info.eps) / 2
    return Float(name, np.dtype(dtype), unit, float(info.smallest_normal), np.dtype(result))


F64 = _float("f64", np.float64, np.float64)
F32 = _float("f32", np.float32, np.float32)
F16 = _float("f16", np.float16, np.float32)
BF16 = _float("bf16", ml_dtypes.bfloat16, np.float32)
FLOATS = (F64, F32, F16, BF16)

INTEGERS = tuple(np.dtype(t) for t in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"))
"""Read as float64."""

LENGTHS = (7, 200, 20_000, 40_000)
"""Rows of each path: short (up to 32), middle, and longer than a chunk of f64 and of f32."""

each_verb = pytest.mark.parametrize("verb", VERBS, ids=str)
each_float = pytest.mark.parametrize("kind", FLOATS, ids=str)
each_length = pytest.mark.parametrize("length", LENGTHS)
two_operands = pytest.mark.parametrize("verb", [v for v in VERBS if v.operands == 2], ids=str)


def distributions(seed: int, *shape: int, kind: Float = F64) -> np.ndarray:
    """Rows along the last axis that are uniform on the simplex, rounded to `kind`."""
    x = np.random.default_rng(seed).standard_exponential(shape)
    return kind.array(x / x.sum(axis=-1, keepdims=True))


def one_hot(seed: int, *shape: int, dtype: Any = np.int64) -> np.ndarray:
    """Rows along the last axis with a single 1, as class labels have."""
    hot = np.random.default_rng(seed).integers(shape[-1], size=shape[:-1])
    return (np.arange(shape[-1]) == hot[..., np.newaxis]).astype(dtype)


def pair(*shape: int, dtype: Any = np.float64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """p and q that every verb accepts in the given dtype."""
    for kind in FLOATS:
        if kind.dtype == dtype:
            return distributions(seed, *shape, kind=kind), distributions(
                seed + 1, *shape, kind=kind
            )
    return one_hot(seed, *shape, dtype=dtype), one_hot(seed + 1, *shape, dtype=dtype)


def bits(x: Any) -> Any:
    """Dtype, shape and the bytes of every value in index order: equal only for equal results."""
    x = np.asarray(x)
    native = np.ascontiguousarray(x, dtype=x.dtype.newbyteorder("="))
    return x.dtype.newbyteorder("=").name, x.shape, native.tobytes()


def assert_same_bits(got: Any, expected: Any) -> None:
    """With the values in the message, and their difference at the first place."""
    if bits(got) != bits(expected):
        got, expected = np.asarray(got), np.asarray(expected)
        assert (got.dtype.name, got.shape) == (expected.dtype.name, expected.shape)
        np.testing.assert_array_equal(got, expected)
        raise AssertionError(f"equal values with other bits: {got!r} and {expected!r}")
