"""Pseudocounts: what they make of counts, and the text of every error."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import klrs
from inputs import INTEGERS, Float, assert_same_bits, distributions, each_float
from messages import raises

COUNTS = np.array([[3, 1, 0], [0, 0, 0]])


def exact(row: Any, pseudocounts: Any) -> list[float]:
    entries = [
        Fraction(float(x)) + Fraction(float(c)) for x, c in zip(row, pseudocounts, strict=True)
    ]
    total = sum(entries)
    return [float(entry / total) for entry in entries]


@each_float
@pytest.mark.parametrize("c", [0.5, 1e-9, 1e9])
def test_values(kind: Float, c: float) -> None:
    p = distributions(1, 4, 1000, kind=kind)
    p[:, ::3] = 0
    smoothed = klrs.smooth(p, pseudocount=c)
    assert smoothed.dtype == kind.result
    for row, result in zip(p, smoothed, strict=True):
        np.testing.assert_allclose(result, exact(row, [c] * 1000), rtol=kind.bound)
    klrs.entropy(smoothed)  # its check of sums


def test_one_pseudocount_for_each_class() -> None:
    c = [0.5, 1.0, 1.5]
    expected = [exact(row, c) for row in COUNTS]
    np.testing.assert_allclose(klrs.smooth(COUNTS, pseudocount=c), expected, rtol=4e-16)
    np.testing.assert_allclose(
        klrs.smooth(COUNTS.T, pseudocount=c, axis=0), np.transpose(expected), rtol=4e-16
    )
    full = np.broadcast_to(c, COUNTS.shape)
    assert_same_bits(klrs.smooth(COUNTS, pseudocount=full), klrs.smooth(COUNTS, pseudocount=c))
    by_row = klrs.smooth(COUNTS, pseudocount=[[0.5], [1.5]])
    assert_same_bits(by_row[0], klrs.smooth(COUNTS[0], pseudocount=0.5))
    assert_same_bits(by_row[1], klrs.smooth(COUNTS[1], pseudocount=1.5))


def test_a_row_of_zeros_becomes_the_pseudocounts() -> None:
    assert klrs.smooth([0, 0], pseudocount=[1, 3]).tolist() == [0.25, 0.75]


def test_axes() -> None:
    p = np.random.default_rng(2).integers(9, size=(3, 4, 5))
    for axis in (0, 1, -1, (0, 2), (2, 0), None):
        smoothed = klrs.smooth(p, pseudocount=0.5, axis=axis)
        assert smoothed.shape == p.shape
        assert smoothed.flags.c_contiguous
        np.testing.assert_allclose(smoothed.sum(axis=axis), 1, rtol=1e-15)
        added = p + 0.5
        np.testing.assert_allclose(
            smoothed, added / added.sum(axis=axis, keepdims=True), rtol=4e-16
        )


def test_axes_in_any_order() -> None:
    p = np.random.default_rng(2).random((7, 8, 9))
    expected = klrs.smooth(p, pseudocount=0.1, axis=(0, 2))
    assert_same_bits(klrs.smooth(p, pseudocount=0.1, axis=(-1, 0)), expected)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers(dtype: np.dtype) -> None:
    counts = np.array([1, 0, 1]).astype(dtype)
    assert_same_bits(klrs.smooth(counts, pseudocount=1), klrs.smooth([1.0, 0, 1], pseudocount=1))


def test_layouts_have_the_same_bits() -> None:
    p = np.random.default_rng(3).random((30, 40))
    expected = klrs.smooth(p, pseudocount=0.1)
    for same in (np.asfortranarray(p), np.repeat(p, 2, -1)[:, ::2], p.astype(">f8"), p.tolist()):
        assert_same_bits(klrs.smooth(same, pseudocount=0.1), expected)
    assert_same_bits(klrs.smooth(p.T, pseudocount=0.1, axis=0).T, expected)


def test_the_input_is_not_modified() -> None:
    p = np.array([1.0, 2.0])
    klrs.smooth(p, pseudocount=1)
    assert p.tolist() == [1, 2]


def test_nan_belongs_to_its_row() -> None:
    smoothed = klrs.smooth([[1, np.nan], [1, 2]], pseudocount=1)
    assert np.isnan(smoothed).tolist() == [[True, True], [False, False]]


def test_huge_entries() -> None:
    smoothed = klrs.smooth([[1.7e308, 1.7e308], [1e-300, 0]], pseudocount=1e-300)
    np.testing.assert_allclose(smoothed, [[0.5, 0.5], [2 / 3, 1 / 3]], rtol=4e-16)
    assert klrs.smooth([1, 0], pseudocount=1.7e308).tolist() == [0.5, 0.5]


def test_empty_batch() -> None:
    assert klrs.smooth(np.empty((0, 3)), pseudocount=1).shape == (0, 3)


def test_mistakes_in_p() -> None:
    with pytest.raises(ValueError, match=r"^p: row 1 has the negative value -1 at position 0;"):
        klrs.smooth([[1, 2], [-1, 2]], pseudocount=1)
    with pytest.raises(ValueError, match=r"^p: has the infinite value inf at position 1;"):
        klrs.smooth([1, np.inf], pseudocount=1)
    with pytest.raises(TypeError, match=r"^p: dtype complex128 is not supported;"):
        klrs.smooth([1j, 2], pseudocount=1)
    with pytest.raises(ValueError, match=r"^p: got a scalar"):
        klrs.smooth(1.0, pseudocount=1)
    with pytest.raises(np.exceptions.AxisError, match=r"^axis: 1 is out of bounds"):
        klrs.smooth([1, 2], pseudocount=1, axis=1)


@pytest.mark.parametrize(
    ("pseudocount", "shown"), [(0, "0"), (-0.5, "-0.5"), (np.nan, "nan"), (np.inf, "inf")]
)
def test_pseudocounts_out_of_range(pseudocount: float, shown: str) -> None:
    with raises(ValueError, f"pseudocount: {shown}, expected a finite number greater than 0"):
        klrs.smooth([1, 2], pseudocount=pseudocount)
    text = (
        f"pseudocount: has the value {shown} at position 1; expected finite numbers greater than 0"
    )
    with raises(ValueError, text):
        klrs.smooth([1, 2], pseudocount=[1, pseudocount])
    with raises(ValueError, text.replace("position 1", "position (0, 1)")):
        klrs.smooth([[1, 2]], pseudocount=[[1, pseudocount]])


def test_pseudocounts_that_do_not_fit() -> None:
    for pseudocount in ("1", None, 1j, True, [True, False]):
        with raises(
            TypeError, f"pseudocount: got {pseudocount!r}, expected a number or an array of numbers"
        ):
            klrs.smooth([1, 2], pseudocount=pseudocount)
    for pseudocount in (np.ones(2), np.ones((3, 3)), np.ones((1, 2, 3))):
        with raises(
            ValueError,
            f"pseudocount: shape {pseudocount.shape} does not broadcast to (2, 3); "
            "pass one number, or one for each class",
        ):
            klrs.smooth(COUNTS, pseudocount=pseudocount)
    with pytest.raises(TypeError, match="pseudocount"):
        klrs.smooth([1, 2])
