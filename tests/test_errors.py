"""Mistakes in the arguments: which one, what was given, what was expected, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import scipy.sparse

import klrs
from inputs import (
    ENTROPY,
    FLOATS,
    MIN_ENTROPY,
    PERPLEXITY,
    PERPLEXITY_OF_P,
    RENYI_ENTROPY,
    TSALLIS_ENTROPY,
    VERBS,
    Verb,
    each_verb,
    pair,
    two_operands,
)
from messages import P, Q, in_each_operand, raises

REAL_NUMBERS = "expected real numbers (float64, float32, float16, bfloat16, integers or bool)"
BASE = "expected a number greater than 1 (2 for bits, 10 for hartleys) or None for nats"
WEIGHTS = "expected two non-negative numbers that sum to 1"
AXIS = "expected an int, a tuple of ints, or None"

each_based = pytest.mark.parametrize("verb", [v for v in VERBS if v.has_base], ids=str)
each_family = pytest.mark.parametrize("verb", [v for v in VERBS if v.parameter], ids=str)
each_weighted = pytest.mark.parametrize("verb", [v for v in VERBS if v.has_weights], ids=str)


@two_operands
def test_shapes_that_do_not_broadcast(verb: Verb) -> None:
    p, q = pair(5, 4)[0], pair(3, 4)[1]
    text = "do not broadcast; every axis but the distribution axis must match or be 1"
    with raises(ValueError, f"p and q: shapes (5, 4) and (3, 4) {text}"):
        verb(p, q)


@two_operands
@pytest.mark.parametrize("n", [1, 3, 5])
def test_length_of_the_distribution_axis(verb: Verb, n: int) -> None:
    p, q = pair(2, 4)[0], pair(2, n)[1]
    text = "; it is not stretched, so both must have the same length"
    with raises(
        ValueError, f"p and q: the distribution axis -1 has length 4 in p and {n} in q{text}"
    ):
        verb(p, q)
    with raises(
        ValueError, f"p and q: the distribution axis 0 has length {n} in p and 4 in q{text}"
    ):
        verb(q.T, p.T, axis=0)


@each_verb
def test_axis_out_of_bounds(verb: Verb) -> None:
    p, q = pair(3, 4)
    for axis in (2, -3, 100):
        with pytest.raises(
            np.exceptions.AxisError,
            match=rf"^axis: {axis} is out of bounds for arrays with 2 dimension(s|\(s\))$",
        ):
            verb(p, q, axis=axis)
    with pytest.raises(IndexError, match=r"^axis: 2 is out of bounds"):
        verb(p, q, axis=(0, 2))


@each_verb
def test_axis_twice(verb: Verb) -> None:
    p, q = pair(3, 4)
    for axis in ((0, 0), (1, -1)):
        with raises(ValueError, f"axis: {axis} names an axis twice; name each axis once"):
            verb(p, q, axis=axis)


@each_verb
def test_no_axis(verb: Verb) -> None:
    text = "axis: () names no axis; pass an int, a tuple of ints, or None for all axes"
    with raises(ValueError, text):
        verb(P, Q, axis=())


@each_verb
@pytest.mark.parametrize("axis", [0.0, "0", (0.5,), ("x",)])
def test_axis_that_is_none(verb: Verb, axis: Any) -> None:
    with raises(TypeError, f"axis: got {axis!r}, {AXIS}"):
        verb(P, Q, axis=axis)


@each_verb
def test_empty_distribution(verb: Verb) -> None:
    empty = np.empty((3, 0))
    text = "is empty in shape (3, 0); a distribution needs at least one entry"
    with raises(ValueError, f"p: the distribution axis -1 {text}"):
        verb(empty, empty)


@each_verb
def test_scalar(verb: Verb) -> None:
    for name, p, q in in_each_operand(verb, np.float64(1), P):
        with raises(
            ValueError, f"{name}: got a scalar (0-d); expected an array with a distribution axis"
        ):
            verb(p, q)


@each_verb
def test_where_of_another_shape(verb: Verb) -> None:
    p, q = pair(3, 4)
    for shape in ((3,), (2, 4), (1, 3, 4), (4, 3)):
        with raises(ValueError, f"where: shape {shape} does not broadcast to (3, 4)"):
            verb(p, q, where=np.ones(shape, bool))


@each_verb
def test_where_of_another_dtype(verb: Verb) -> None:
    for where, dtype in ((np.ones(3, np.int8), "int8"), ([1.0, 0.0, 1.0], "float64")):
        with raises(TypeError, f"where: dtype {dtype}, expected bool"):
            verb(P, Q, where=where)


NOT_REAL = [
    (np.complex128, "complex128", "take .real or abs() first"),
    (np.complex64, "complex64", "take .real or abs() first"),
    (object, "object", "convert with np.asarray(x, dtype=float)"),
    ("U3", "<U3", "convert to numbers first"),
    ("S3", "|S3", "convert to numbers first"),
    ("M8[D]", "datetime64[D]", "convert to numbers first"),
    ("m8[s]", "timedelta64[s]", "convert to numbers first"),
    (ml_dtypes.float8_e4m3fn, "float8_e4m3fn", "convert with .astype(np.float32)"),
    (ml_dtypes.float8_e5m2, "float8_e5m2", "convert with .astype(np.float32)"),
]


@each_verb
@pytest.mark.parametrize(("dtype", "shown", "remedy"), NOT_REAL, ids=[case[1] for case in NOT_REAL])
def test_dtype(verb: Verb, dtype: Any, shown: str, remedy: str) -> None:
    for name, p, q in in_each_operand(verb, np.zeros(3, dtype), P):
        with raises(TypeError, f"{name}: dtype {shown} is not supported; {REAL_NUMBERS}; {remedy}"):
            verb(p, q)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="longdouble is float64 here")
@each_verb
def test_longdouble(verb: Verb) -> None:
    shown = np.dtype(np.longdouble).name
    for name, p, q in in_each_operand(verb, P.astype(np.longdouble), P):
        with raises(
            TypeError,
            f"{name}: dtype {shown} is not supported; {REAL_NUMBERS}; "
            "convert with .astype(np.float64)",
        ):
            verb(p, q)


@each_verb
def test_void_is_not_bfloat16(verb: Verb) -> None:
    """Both are kind V with two bytes."""
    for dtype in ("V2", [("x", "<f8")]):
        for name, p, q in in_each_operand(verb, np.zeros(3, dtype), P):
            with pytest.raises(
                TypeError, match=f"^{name}: dtype .* is not supported; expected real"
            ):
                verb(p, q)


@each_verb
@pytest.mark.parametrize("make", [scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_sparse_matrix(verb: Verb, make: Callable) -> None:
    for name, p, q in in_each_operand(verb, make(np.eye(3)), np.eye(3)):
        with raises(
            TypeError, f"{name}: a SciPy sparse matrix is not supported; pass {name}.toarray()"
        ):
            verb(p, q)


@each_verb
def test_masked_array(verb: Verb) -> None:
    masked = np.ma.masked_less(P, 0.3)
    for name, p, q in in_each_operand(verb, masked, P):
        remedy = f"pass {name}.data with where=~np.ma.getmaskarray({name})"
        with raises(TypeError, f"{name}: a masked array is not supported; {remedy}"):
            verb(p, q)


class FakeDevice:
    type = "cuda"

    def __str__(self) -> str:
        return "cuda:0"


def tensor(**attributes: Any) -> Any:
    """Stands for a torch.Tensor, which klrs recognises by its module without importing torch."""
    return type("Tensor", (), {"__module__": "torch", **attributes})()


@each_verb
def test_tensor_with_a_gradient(verb: Verb) -> None:
    for name, p, q in in_each_operand(verb, tensor(requires_grad=True), P):
        text = f"{name}: a tensor that requires a gradient is not supported; pass {name}.detach()"
        with raises(TypeError, text):
            verb(p, q)


@each_verb
def test_tensor_on_a_gpu(verb: Verb) -> None:
    gpu = tensor(requires_grad=False, device=FakeDevice())
    for name, p, q in in_each_operand(verb, gpu, P):
        with raises(TypeError, f"{name}: a tensor on cuda:0 is not supported; pass {name}.cpu()"):
            verb(p, q)


@each_verb
def test_out_of_another_shape(verb: Verb) -> None:
    p, q = pair(3, 4)
    for shape in ((), (4,), (3, 1), (1, 3)):
        with raises(ValueError, f"out: shape {shape}, expected (3,)"):
            verb(p, q, out=np.empty(shape))
    with raises(ValueError, "out: shape (3,), expected (3, 1)"):
        verb(p, q, out=np.empty(3), keepdims=True)
    with raises(ValueError, "out: shape (1,), expected ()"):
        verb(p[0], q[0], out=np.empty(1))


@each_verb
def test_out_too_narrow(verb: Verb) -> None:
    cases = [(np.float64, t) for t in (np.float32, np.float16, np.int64, bool, np.complex128)]
    cases += [(kind.dtype, np.float16) for kind in FLOATS[1:]]
    for dtype, given in cases:
        p, q = pair(3, 4, dtype=dtype)
        result = verb(p, q).dtype.name
        text = (
            f"out: dtype {np.dtype(given)} cannot hold {result} results; "
            f"pass a {result} (or wider) float array"
        )
        with raises(TypeError, text):
            verb(p, q, out=np.empty(3, given))


@each_verb
def test_out_read_only(verb: Verb) -> None:
    out = np.empty(())
    out.flags.writeable = False
    with raises(ValueError, "out: is read-only; pass a writable array"):
        verb(P, Q, out=out)


@each_verb
def test_out_that_is_no_array(verb: Verb) -> None:
    for out in ([0.0], 1.0, (np.empty(()),)):
        text = f"out: got {type(out).__name__}, expected a NumPy array"
        with raises(TypeError, text):
            verb(P, Q, out=out)


@each_based
@pytest.mark.parametrize(
    ("base", "shown"), [(1, "1"), (0, "0"), (0.5, "0.5"), (-2, "-2"), (np.nan, "nan"), (1.0, "1")]
)
def test_base(verb: Verb, base: float, shown: str) -> None:
    with pytest.raises(ValueError, match=rf"(?i)^base: {shown}(\.0)?, {re.escape(BASE)}$"):
        verb(P, Q, base=base)


@each_based
@pytest.mark.parametrize("base", ["2", [2], 2j, object])
def test_base_that_is_no_number(verb: Verb, base: Any) -> None:
    start, end = re.escape(f"base: got {base!r}"), re.escape("expected a number greater than 1")
    with pytest.raises(TypeError, match=f"^{start}.*, {end}"):
        verb(P, Q, base=base)


@each_weighted
@pytest.mark.parametrize("weights", [(0.5, 0.6), (-0.5, 1.5), (0.0, 0.0), (0.25, 0.5)])
def test_weights(verb: Verb, weights: tuple) -> None:
    for given in (weights, list(weights), np.array(weights)):
        with raises(ValueError, f"weights: {weights}, {WEIGHTS}"):
            verb(P, Q, weights=given)


@each_weighted
@pytest.mark.parametrize(
    "weights", [(1.0,), (0.2, 0.3, 0.5), (np.nan, 1.0), (np.inf, 0.0), (), "ab", 0.5, (0.5, None)]
)
def test_weights_that_are_no_pair(verb: Verb, weights: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^weights: .*{re.escape(WEIGHTS)}"):
        verb(P, Q, weights=weights)


DOMAINS = {
    "renyi_entropy": ("a number from 0 to infinity", (-1, -1e-300, -np.inf)),
    "renyi_divergence": ("a number from 0 to infinity", (-1, -1e-300, -np.inf)),
    "tsallis_entropy": ("a finite number that is at least 0", (-1, -1e-300, np.inf)),
    "tsallis_divergence": ("a finite number that is at least 0", (-1, -1e-300, np.inf)),
    "alpha_divergence": ("a finite number", (np.inf, -np.inf)),
    "power_divergence": ("a finite number", (np.inf, -np.inf)),
    "skew_divergence": ("a number from 0 to 1", (-0.1, -5e-324, 1.5, 1 + 2**-52, np.inf)),
}
"""What a message calls the numbers of a family, and some that are outside."""


@each_family
def test_number_outside_the_domain(verb: Verb) -> None:
    domain, outside = DOMAINS[verb.name]
    for number in (*outside, np.nan):
        for given in (number, np.float64(number), np.array(number)):
            with pytest.raises(
                ValueError, match=rf"^{verb.parameter}: .*, expected {domain}$"
            ) as it:
                verb(P, Q, **{verb.parameter: given})
            shown = str(it.value).removeprefix(f"{verb.parameter}: ").partition(",")[0]
            # 1 + 2**-52 is not shown as 1, nor is another number rounded to one inside.
            assert np.isnan(number) if shown == "NaN" else float(shown) == number


@each_family
@pytest.mark.parametrize("number", ["2", None, True, False, [1, 2], np.array([0.5]), 2j, object])
def test_number_that_is_none(verb: Verb, number: Any) -> None:
    domain, _ = DOMAINS[verb.name]
    with raises(TypeError, f"{verb.parameter}: got {number!r}, expected {domain}"):
        verb(P, Q, **{verb.parameter: number})


@each_family
def test_number_of_any_type(verb: Verb) -> None:
    expected = verb(P, Q, **{verb.parameter: 1.0})
    for number in (
        1,
        np.int8(1),
        np.float16(1),
        np.float32(1),
        np.array(1.0),
        ml_dtypes.bfloat16(1),
    ):
        assert verb(P, Q, **{verb.parameter: number}) == expected


@each_family
def test_number_forgotten(verb: Verb) -> None:
    """It has no default: no order of Rényi's divergence is the one that everybody means."""
    call = f"{verb.name}({', '.join('pq'[: verb.operands])}, {verb.parameter}="
    text = rf"^{verb.name}\(\) needs {verb.parameter}: pass it by keyword, e\.g\. "
    with pytest.raises(TypeError, match=text + re.escape(call)) as caught:
        verb.function(*(P, Q)[: verb.operands], axis=0)
    example = re.sub(r".*e\.g\. ", "klrs.", str(caught.value))
    assert eval(example, {"klrs": klrs, "p": P, "q": Q}) >= 0


@each_family
def test_number_of_another_family(verb: Verb) -> None:
    (other,) = {"alpha", "skew"} - {verb.parameter} if verb.parameter != "lambda_" else {"alpha"}
    text = f"got an unexpected keyword argument '{other}'; expected one of {verb.parameter}, axis"
    with pytest.raises(TypeError, match=text):
        verb.function(*(P, Q)[: verb.operands], **{other: 0.5})


@pytest.mark.parametrize("verb", [v for v in VERBS if v.operands == 2 and v != PERPLEXITY], ids=str)
def test_q_forgotten(verb: Verb) -> None:
    name = verb.name
    text = (
        f"{name}() needs q: got p only; {name}(p, q) compares p (the reference) with q (the "
        "approximation); the entropy of p alone is klrs.entropy(p)"
    )
    function = verb.function
    with raises(TypeError, text):
        function(P)
    with raises(TypeError, text):
        function(P, axis=0)


def test_perplexity_of_p_alone() -> None:
    for p in (P, np.stack([P, Q])):
        expected = PERPLEXITY_OF_P(p)
        for got in (klrs.perplexity(p, None), klrs.perplexity(p, q=None)):
            np.testing.assert_array_equal(got, expected, strict=True)
        np.testing.assert_allclose(klrs.perplexity(p, p), expected, rtol=1e-15)
    with pytest.raises(TypeError, match=r"^perplexity\(\) missing .* 'p'$"):
        klrs.perplexity(q=Q)
    with raises(ValueError, "q: got a scalar (0-d); expected an array with a distribution axis"):
        klrs.perplexity(P, 2)


@two_operands
@pytest.mark.parametrize("surplus", [2, "batchmean", None])
def test_more_than_p_and_q(verb: Verb, surplus: Any) -> None:
    example = "base=2 or axis=0" if verb.has_base else "axis=0"
    if verb.parameter and surplus == 2:
        example = f"{verb.parameter}=2"
    text = (
        f"{verb.name}() takes p and q only as positional arguments, got {surplus!r} as another; "
        f"everything after q is keyword-only, e.g. {example}"
    )
    with raises(TypeError, text):
        verb.function(P, Q, surplus)


@pytest.mark.parametrize(
    ("verb", "example", "of_two"),
    [
        (ENTROPY, "base=2 or axis=0", "kl_divergence(p, q)"),
        (MIN_ENTROPY, "base=2 or axis=0", "renyi_divergence(p, q, alpha=np.inf)"),
        (RENYI_ENTROPY, "alpha=2", "renyi_divergence(p, q, alpha=0.5)"),
        (TSALLIS_ENTROPY, "alpha=2", "tsallis_divergence(p, q, alpha=0.5)"),
    ],
    ids=str,
)
def test_entropy_of_two(verb: Verb, example: str, of_two: str) -> None:
    text = (
        f"{verb.name}() takes p only as a positional argument, got 2 as another; everything after "
        f"p is keyword-only, e.g. {example}; the divergence of p from q is klrs.{of_two}"
    )
    with raises(TypeError, text):
        verb.function(P, 2)


@each_verb
@pytest.mark.parametrize("keyword", ["reduction", "epsilon", "weight", "qk"])
def test_unknown_keyword(verb: Verb, keyword: str) -> None:
    text = rf"^{verb.name}\(\) got an unexpected keyword argument '{keyword}'"
    with pytest.raises(TypeError, match=text):
        verb(P, Q, **{keyword: 1})


WITHOUT_BASE = {
    "generalized_kl_divergence": "its value is a difference of masses, not a logarithm, and always",
    "perplexity": "it is the same number in every base",
} | dict.fromkeys(
    ("alpha_divergence", "power_divergence", "tsallis_divergence", "tsallis_entropy"),
    "its value is made of powers; where the parameter makes it a logarithm, it is in nats",
)


@each_verb
@pytest.mark.parametrize(
    ("keyword", "value"), [("base", None), ("normalize", False), ("weights", None)]
)
def test_keywords_of_other_verbs(verb: Verb, keyword: str, value: Any) -> None:
    if keyword in verb.options(base=1, normalize=1, weights=1):
        verb(P, Q, **{keyword: value})
        return
    reason = ""
    if keyword == "base":
        reason = WITHOUT_BASE.get(verb.name, "its value is no logarithm and has no unit")
    elif keyword == "normalize":
        reason = "it compares measures as they are; normalize with klrs.kl_divergence"
    with pytest.raises(
        TypeError,
        match=f"got an unexpected keyword argument '{keyword}'; expected one of .*{reason}",
    ):
        verb(P, Q, **{keyword: value})


@each_verb
def test_arguments_are_checked_before_anything_is_read(verb: Verb) -> None:
    """A mistake in the arguments is named even where the data is bad too."""
    bad = np.array([-1.0, np.inf, 3.0])
    with pytest.raises(np.exceptions.AxisError):
        verb(bad, bad, axis=1)
    with pytest.raises(TypeError, match=r"^where: dtype"):
        verb(bad, bad, where=[1, 0, 1])
    if verb.parameter:
        with pytest.raises(ValueError, match=f"^{verb.parameter}: NaN"):
            verb(bad, bad, **{verb.parameter: np.nan})


def test_flags_are_true_or_false() -> None:
    p = [0.5, 0.5]
    for keywords in ({"keepdims": 1}, {"keepdims": np.True_}):
        assert klrs.entropy(p, **keywords).shape == (1,)
    for name in ("keepdims", "normalize"):
        with raises(TypeError, f"{name}: got 'yes', expected True or False"):
            klrs.entropy(p, **{name: "yes"})
        with raises(TypeError, f"{name}: got 2, expected True or False"):
            klrs.entropy(p, **{name: 2})
