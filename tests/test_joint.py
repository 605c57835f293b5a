"""Tables of two variables: identities, conventions, layouts, and the text of every error."""

from __future__ import annotations

import doctest
import inspect
import pickle
import re
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mpmath import mp, mpf

import klrs
import reference
from inputs import FLOATS, INTEGERS, Float, assert_same_bits, each_float
from messages import raises

TABLE = np.array([[0.5, 0.25], [0.0, 0.25]])
FUNCTIONS = (
    "joint_entropy",
    "conditional_entropy",
    "mutual_information",
    "js_divergence_of",
    "kl_contributions",
    "smooth",
)
SECTIONS = ("Parameters", "Returns", "Raises", "Notes", "References", "Examples")
PASS_NORMALIZE = (
    "; pass normalize=True to divide each table by its sum, or axes= if x and y lie along other "
    "axes"
)


def tables(seed: int, *shape: int, kind: Float = FLOATS[0]) -> np.ndarray:
    """Tables along the last two axes, each of which sums to 1 up to rounding."""
    x = np.random.default_rng(seed).standard_exponential(shape)
    return kind.array(x / x.sum(axis=(-2, -1), keepdims=True))


def exact_conditional(table: np.ndarray, normalize: bool = False) -> mpf:
    """sum p(x) H(Y | x) for rows x, from the oracle's entropy of each row."""
    with mp.workprec(200):
        masses = [mp.fsum(mpf(float(entry)) for entry in row) for row in table]
        terms = [
            mass * reference.VERBS["entropy"](row, normalize=True)
            for row, mass in zip(table, masses, strict=True)
            if mass
        ]
        return mp.fsum(terms) / (mp.fsum(masses) if normalize else 1)


def conditional(table: Any, **options: Any) -> Any:
    return klrs.conditional_entropy(table, given=-2, **options)


each_function = pytest.mark.parametrize(
    "function", [klrs.joint_entropy, conditional, klrs.mutual_information]
)


def assert_information(table: Any, bound: float = 2e-14, **options: Any) -> None:
    """Mutual information within the bound of the oracle's."""
    exact = reference.JOINT["mutual_information"](table, **options)
    value = klrs.mutual_information(table, **options)
    assert abs(mpf(float(value)) - exact) <= bound * exact, (value, exact)


@each_float
@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (40, 7), (7, 300)])
def test_conditional_entropy_is_within_its_bound(kind: Float, shape: tuple) -> None:
    table = tables(1, *shape, kind=kind)
    counts = kind.array(np.round(table.astype(float) * 1000) + 1)
    for given, normalize in ((table, False), (counts, True)):
        exact = exact_conditional(given, normalize)
        value = conditional(given, normalize=normalize)
        assert value.dtype == kind.result
        assert abs(mpf(float(value)) - exact) <= kind.bound * exact


def test_a_small_conditional_entropy_keeps_its_digits() -> None:
    """H(X, Y) - H(X), which it is, has none of them left."""
    table = np.array([[0.5, 1e-20], [0.5, 1e-25]])
    exact = exact_conditional(table)
    assert abs(mpf(float(conditional(table))) - exact) <= 2e-14 * exact
    assert klrs.joint_entropy(table) - klrs.entropy(table.sum(axis=1)) == 0


@each_float
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 4), (40, 7), (7, 300)])
def test_mutual_information_is_within_its_bound(kind: Float, shape: tuple) -> None:
    table = tables(1, *shape, kind=kind)
    counts = kind.array(np.round(table.astype(float) * 1000))
    sparse = kind.array(table * (np.random.default_rng(2).random(shape) < 0.2))
    sparse[0, 0] = 1
    assert klrs.mutual_information(table).dtype == kind.result
    assert_information(table, kind.bound)
    assert_information(table, kind.bound, base=2)
    assert_information(counts + 1, kind.bound, normalize=True)
    assert_information(sparse, kind.bound, normalize=True, base=10)


@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-8, 1e-11, 1e-13])
@pytest.mark.parametrize("shape", [(2, 2), (5, 3), (50, 40)])
def test_nearly_independent(shape: tuple, distance: float) -> None:
    """Down to 1e-30, where H(X) + H(Y) - H(X, Y) is 0 or 1e-16, of either sign."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_exponential(shape[0]), rng.standard_exponential(shape[1])
    table = np.outer(x, y) * (1 + distance * rng.uniform(-1, 1, shape))
    assert_information(table / table.sum())
    assert_information(table, normalize=True)


def test_mutual_information_of_independent_ones() -> None:
    counts = np.outer([1, 2, 5, 0], [3, 0, 7])
    assert 0 <= klrs.mutual_information(counts, normalize=True) < 1e-32
    assert klrs.mutual_information(np.full((4, 5), 0.05)) == 0
    assert klrs.mutual_information([[0.1, 0.2, 0.7]]) == 0
    assert klrs.mutual_information([[0.1], [0.2], [0.7]]) == 0
    assert klrs.mutual_information([[0.0, 0.0], [0.5, 0.5]]) == 0


def test_mutual_information_of_ones_that_determine_each_other() -> None:
    for k in (2, 3, 5, 7, 50):
        for base in (None, 2, 10):
            value = klrs.mutual_information(np.eye(k), normalize=True, base=base)
            most = klrs.entropy(np.ones(k), normalize=True, base=base)
            assert value <= most
            assert value == pytest.approx(most, rel=1e-15)


def test_mutual_information_is_what_the_entropies_differ_by() -> None:
    table = tables(8, 5, 6)
    value = klrs.mutual_information(table, base=2)
    entropies = klrs.entropy(table.sum(axis=0), base=2) + klrs.entropy(table.sum(axis=1), base=2)
    assert value == pytest.approx(entropies - klrs.joint_entropy(table, base=2), rel=1e-13)
    given = klrs.conditional_entropy(table, given=0, base=2)
    assert value == pytest.approx(klrs.entropy(table.sum(axis=0), base=2) - given, rel=1e-13)
    rows = klrs.js_divergence_of(table, weights=table.sum(axis=1), base=2, normalize=True)
    assert value == pytest.approx(rows, rel=1e-14)


def test_mutual_information_is_symmetric() -> None:
    table = tables(9, 3, 5, 6)
    turned = np.swapaxes(table, 1, 2)
    assert_same_bits(klrs.mutual_information(turned), klrs.mutual_information(table))
    square = tables(9, 6, 6)
    there, back = klrs.mutual_information(square), klrs.mutual_information(square.T)
    assert there == pytest.approx(back, rel=1e-15)


def test_chain_rule() -> None:
    table = tables(2, 5, 6)
    both = klrs.joint_entropy(table, base=2)
    for given, other in ((0, 1), (1, 0)):
        rest = klrs.conditional_entropy(table, given=given, base=2)
        alone = klrs.entropy(table.sum(axis=other), base=2)
        assert rest + alone == pytest.approx(both, rel=1e-14)


def test_joint_entropy_is_that_of_the_entries() -> None:
    table = tables(3, 2, 5, 6)
    assert_same_bits(klrs.joint_entropy(table), klrs.entropy(table, axis=(-2, -1)))
    assert klrs.joint_entropy([[3, 1], [0, 4]], normalize=True) == klrs.entropy(
        [3, 1, 0, 4], normalize=True
    )


def test_y_that_x_determines_and_rows_without_mass() -> None:
    assert conditional([[0.5, 0.0], [0.0, 0.5]]) == 0
    assert conditional([[0.0, 0.0], [0.5, 0.5]]) == klrs.entropy([0.5, 0.5])
    assert conditional([[0, 0], [1, 0]]) == 0
    assert conditional([[0.0, 0.0], [-0.0, 1.0]]) == 0


def test_nan_belongs_to_its_table() -> None:
    table = tables(4, 3, 2, 4)
    table[1, 0, 2] = np.nan
    for value in (
        klrs.joint_entropy(table),
        conditional(table),
        conditional(table, normalize=True),
        klrs.mutual_information(table),
        klrs.mutual_information(table, normalize=True),
    ):
        assert np.isnan(value).tolist() == [False, True, False]


@pytest.mark.parametrize("largest", [1.7e308, 1e-300])
@pytest.mark.parametrize("function", [conditional, klrs.mutual_information])
def test_tables_of_any_mass(function: Any, largest: float) -> None:
    """Also of a mass that is no float, beside one whose digits scaling would take."""
    table = tables(5, 8, 8)
    batch = np.stack([table / table.max() * largest, table * 1e-305, table])
    expected = function(table, normalize=True)
    with np.errstate(all="raise"):
        assert function(batch, normalize=True) == pytest.approx(expected, rel=1e-14)


@each_function
def test_layouts_have_the_same_bits(function: Any) -> None:
    table = tables(6, 30, 40, 50)
    expected = function(table)
    for same in (np.asfortranarray(table), np.repeat(table, 2, -1)[..., ::2], table.astype(">f8")):
        assert_same_bits(function(same), expected)
    assert_same_bits(function(table.tolist()), expected)


def test_axes_anywhere() -> None:
    table = tables(7, 30, 40, 50)
    expected = conditional(table)
    moved = np.moveaxis(table, (1, 2), (2, 0))
    assert_same_bits(klrs.conditional_entropy(moved, given=2, axes=(2, 0)), expected)
    assert_same_bits(klrs.conditional_entropy(moved, given=-1, axes=(0, -1)), expected)
    turned = np.moveaxis(table, 0, -1)
    assert_same_bits(klrs.joint_entropy(turned, axes=(0, -2)), klrs.joint_entropy(table))
    information = klrs.mutual_information(table)
    assert_same_bits(klrs.mutual_information(moved, axes=(-1, 0)), information)
    alone = [klrs.mutual_information(one) for one in table]
    assert_same_bits(np.array(alone), information)


@each_function
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_counts_of_any_integer(function: Any, dtype: np.dtype) -> None:
    counts = np.array([[1, 1], [0, 1]]).astype(dtype)
    expected = function(counts.astype(float), normalize=True)
    assert_same_bits(function(counts, normalize=True), expected)


@each_function
def test_empty_batch(function: Any) -> None:
    assert function(np.empty((0, 2, 3))).shape == (0,)


@each_function
def test_mistakes_in_the_data(function: Any) -> None:
    with raises(ValueError, f"joint: sums to 2, not 1{PASS_NORMALIZE}"):
        function(2 * TABLE)
    with raises(ValueError, f"joint: table 1 sums to 2, not 1{PASS_NORMALIZE}"):
        function(np.stack([TABLE, 2 * TABLE]))
    with raises(
        ValueError,
        "joint: sums to 0 and cannot be normalised; drop the table, or add a pseudocount to every "
        "entry",
    ):
        function(np.zeros((2, 2)), normalize=True)
    with raises(
        ValueError,
        "joint: has the negative value -0.25 at position (1, 0); probabilities must be >= 0 "
        "(log-probabilities need np.exp first)",
    ):
        function([[0.5, 0.5], [-0.25, 0.25]])
    with pytest.raises(TypeError, match=r"^joint: dtype complex128 is not supported"):
        function(TABLE.astype(complex))
    with pytest.raises(TypeError, match=r"^joint: a masked array .*pass joint\.data with where="):
        function(np.ma.masked_equal(TABLE, 0))
    with pytest.raises(ValueError, match=r"^base: 1, expected a number greater than 1"):
        function(TABLE, base=1)


@each_function
def test_mistakes_in_the_axes(function: Any) -> None:
    for axes in (3, [0, 1], (0, 1.0), None, (0, True)):
        with raises(TypeError, f"axes: got {axes!r}, expected a tuple of two ints"):
            function(TABLE, axes=axes)
    for axes in ((0,), (0, 1, 2), ()):
        with raises(ValueError, f"axes: {axes}, expected a tuple of two ints"):
            function(TABLE, axes=axes)
    for axes in ((0, 0), (1, -1)):
        with raises(ValueError, f"axes: {axes} names an axis twice; name each axis once"):
            function(TABLE, axes=axes)
    with raises(np.exceptions.AxisError, "axes: 2 is out of bounds for arrays with 2 dimensions"):
        function(TABLE, axes=(0, 2))
    with raises(np.exceptions.AxisError, "axes: -2 is out of bounds for arrays with 1 dimension"):
        function(TABLE[0])


def test_given_is_one_of_the_axes() -> None:
    batch = np.stack([TABLE, TABLE])
    for given in (0, 3, -4):
        with raises(ValueError, f"given: {given} is none of axes; expected one of (-2, -1)"):
            klrs.conditional_entropy(batch, given=given)
    for given in (1.0, None, True, (0,)):
        with raises(TypeError, f"given: got {given!r}, expected an int, one of axes"):
            klrs.conditional_entropy(batch, given=given)
    with pytest.raises(TypeError, match="given"):
        klrs.conditional_entropy(batch)


@pytest.mark.parametrize("function", [conditional, klrs.mutual_information])
def test_half_floats(function: Any) -> None:
    table = np.array(TABLE, ml_dtypes.bfloat16)
    assert_same_bits(function(table), function(TABLE.astype(np.float32)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_sections(name: str) -> None:
    """Of the functions with a body, as test_api.py reads those of the verbs."""
    function = getattr(klrs, name)
    doc = inspect.getdoc(function) or ""
    assert re.match(r"[A-Z][^\n]*\.\n\n", doc), "the first line is one sentence"
    assert re.findall(r"^(\w[\w ]*)\n-+$", doc, re.MULTILINE) == list(SECTIONS)
    parameters = doc.split("Parameters\n----------\n")[1].split("\nReturns\n")[0]
    described = re.findall(r"^(\w+) :", parameters, re.MULTILINE)
    assert described == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_examples(name: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doc = inspect.getdoc(getattr(klrs, name)) or ""
    test = doctest.DocTestParser().get_doctest(doc, {}, name, name, 0)
    output: list[str] = []
    doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=output.append)
    assert test.examples
    assert not output, "".join(output)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_can_be_found(name: str) -> None:
    """They are imported when they are asked for."""
    assert name in dir(klrs)
    assert pickle.loads(pickle.dumps(getattr(klrs, name))) is getattr(klrs, name)
