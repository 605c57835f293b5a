"""The command line as a user runs it: a process, its output, its exit status."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

import klrs
import klrs.logits
import reference

HALVES = np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]])
QUARTERS = np.array([[0.5, 0.5], [0.75, 0.25], [0.5, 0.5]])

Save = Callable[[str, Any], str]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "klrs", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def report_of(*arguments: str) -> str:
    """The output of a run that must succeed in silence."""
    process = run(*arguments)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def numbers_after(start: str, report: str) -> list[float]:
    """The numbers of the line that begins so, spaces compressed."""
    lines = (" ".join(line.split()) for line in report.splitlines())
    (line,) = (line for line in lines if line.startswith(start))
    return [float(word) for word in line.removeprefix(start).split()]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes an array into a file of that name and returns its path."""

    def write(name: str, array: Any) -> str:
        path = tmp_path / name
        np.save(path, np.asarray(array))
        return str(path)

    return write


# What it says


def test_without_arguments_it_prints_help() -> None:
    report = report_of()
    assert report.startswith("usage: klrs")
    assert "demo" in report
    assert "compare" in report


def test_version() -> None:
    assert report_of("--version") == f"klrs {klrs.__version__}\n"


def test_demo() -> None:
    report = report_of("demo")
    assert "899 samples of 10 classes" in report
    assert "same top class in 887 of 899 (98.67%)" in report
    for verb in ("entropy(p)", "entropy(q)", "cross_entropy(p, q)", "kl_divergence(q, p)"):
        assert verb in report
    assert "(p * np.log(p / q)).sum(-1)" in report


def test_demo_of_logits() -> None:
    """The numbers are those of SciPy in float64, and the lines of Python say what they say."""
    _, _, section = report_of("demo").partition("the same two from their logits")
    p, q, labels = (demo_data(name) for name in ("full_logits", "4bit_logits", "labels"))
    log_p, log_q = (log_softmax(logits.astype(np.float64), axis=-1) for logits in (p, q))
    log_mean = np.logaddexp(log_p, log_q) - np.log(2)
    right = np.arange(len(labels)), labels
    loss_p, loss_q = (-log[right].mean() for log in (log_p, log_q))

    def divergence(log: Any, other: Any) -> float:
        return float((np.exp(log) * (log - other)).sum(-1).mean())

    expected = {
        'logits.cross_entropy(labels, p, reduction="mean")': loss_p,
        'logits.cross_entropy(labels, q, reduction="mean")': loss_q,
        'logits.perplexity(labels, p, reduction="mean")': np.exp(loss_p),
        'logits.perplexity(labels, q, reduction="mean")': np.exp(loss_q),
        'logits.kl_divergence(p, q, reduction="mean")': divergence(log_p, log_q),
        'logits.js_divergence(p, q, reduction="mean")': (
            (divergence(log_p, log_mean) + divergence(log_q, log_mean)) / 2
        ),
        "np.mean(p.argmax(-1) == labels)": np.mean(p.argmax(-1) == labels),
        "np.mean(q.argmax(-1) == labels)": np.mean(q.argmax(-1) == labels),
        "np.mean(p.argmax(-1) == q.argmax(-1))": np.mean(p.argmax(-1) == q.argmax(-1)),
    }
    answers, lines = section.partition("in Python, ")[::2]
    rows = re.findall(r"^  (\S.*\))((?: +[\d.]+%?)+)$", answers, re.MULTILINE)
    names: dict[str, Any] = {}
    exec("\n".join(re.findall(r"^  (\S.*)$", lines, re.MULTILINE)), names)
    assert [expression for expression, _ in rows] == [*expected]
    for expression, numbers in rows:
        first, *bits = (float(cell.removesuffix("%")) for cell in numbers.split())
        first /= 100 if "%" in numbers else 1
        assert first == pytest.approx(expected[expression], rel=5e-4)
        assert eval(expression, names) == pytest.approx(expected[expression], rel=2e-6)
        if re.search("cross_entropy|divergence", expression):
            assert bits == pytest.approx([expected[expression] / np.log(2)], rel=5e-4)
        else:
            assert not bits


def demo_data(name: str) -> Any:
    return np.load(Path(klrs.__file__).with_name("_demo") / f"digits_{name}.npy")


def test_demo_data_are_distributions_their_logits_and_labels_and_small() -> None:
    files = sorted((Path(klrs.__file__).parent / "_demo").glob("*.npy"))
    names = ["4bit", "4bit_logits", "full", "full_logits", "labels"]
    assert [file.name for file in files] == [f"digits_{name}.npy" for name in names]
    assert sum(file.stat().st_size for file in files) < 200_000
    for name in ("full", "4bit"):
        p, logits = demo_data(name), demo_data(f"{name}_logits")
        assert p.shape == logits.shape == (899, 10)
        assert p.dtype == logits.dtype == np.float32
        np.testing.assert_allclose(p.sum(axis=1, dtype=np.float64), 1, rtol=0, atol=1e-6)
        np.testing.assert_allclose(p, klrs.logits.softmax(logits), rtol=2e-6)
    assert np.unique(demo_data("labels")).tolist() == list(range(10))


def test_lines_fit_80_columns() -> None:
    assert max(map(len, report_of("demo").splitlines())) <= 80


def test_statistics_are_those_of_the_oracle(save: Save) -> None:
    rng = np.random.default_rng(3)
    p, q = rng.dirichlet(np.ones(6), size=(2, 40))
    report = report_of("compare", save("p.npy", p), save("q.npy", q))
    exact = np.array([float(reference.kl_divergence(*rows)) for rows in zip(p, q, strict=True)])
    expected = np.array(
        [exact.mean(), *np.quantile(exact, [0.5, 0.99], method="higher"), exact.max()]
    )
    nats = numbers_after("kl_divergence(p, q) nats", report)
    np.testing.assert_allclose(nats, expected, rtol=5e-4)
    most_different = int(exact.argmax())
    assert numbers_after(f"{most_different} ", re.sub(r"\d+ \(\S+\)", "", report))[0] == nats[-1]


def test_bits(save: Save) -> None:
    """A fair coin has one bit of entropy, and a sure thing is one bit away from it."""
    p, q = save("p.npy", [[1.0, 0.0]] * 3), save("q.npy", [[0.5, 0.5]] * 3)
    report = report_of("compare", p, q)
    lines = report.splitlines()
    for call, bits in (("entropy(q)", "1.000"), ("kl_divergence(p, q)", "1.000")):
        (index,) = (i for i, line in enumerate(lines) if line.startswith(call))
        assert lines[index + 1].split() == ["bits", bits, bits, bits, bits]


def test_infinite_values(save: Save) -> None:
    p, q = save("p.npy", [[0.5, 0.5], [0.5, 0.5]]), save("q.npy", [[0.5, 0.5], [1.0, 0.0]])
    report = report_of("compare", p, q)
    assert "kl_divergence(p, q) is infinite in 1" in report
    assert numbers_after("kl_divergence(p, q) nats", report)[2:] == [np.inf] * 2
    assert " nan" not in report


def test_rows_with_nan_are_counted_and_left_out(save: Save) -> None:
    p, q = save("p.npy", [[0.5, 0.5], [np.nan, 1.0]]), save("q.npy", [[0.75, 0.25], [0.5, 0.5]])
    report = report_of("compare", p, q)
    assert "1 of them contain NaN" in report
    assert "in 1 of 1 (100.00%)" in report
    assert np.isfinite(numbers_after("kl_divergence(p, q) nats", report)).all()


def test_axis_and_order_of_axes(save: Save) -> None:
    rng = np.random.default_rng(5)
    p, q = rng.dirichlet(np.ones(4), size=(2, 3, 5))
    rows = report_of("compare", save("p.npy", p), save("q.npy", q))
    columns = report_of(
        "compare", save("pt.npy", p.swapaxes(1, 2)), save("qt.npy", q.swapaxes(1, 2)), "--axis", "1"
    )
    until_timing = rows.index("time on")
    assert (
        rows[:until_timing].split("\n")[2:] == columns[: columns.index("time on")].split("\n")[2:]
    )
    assert "15 samples of 4 classes" in rows
    assert "(0, " in rows  # samples of an array with two batch axes have two coordinates


def test_normalize_reads_counts(save: Save) -> None:
    p, q = save("p.npy", [[2, 2], [1, 3]]), save("q.npy", [[5, 5], [3, 1]])
    report = report_of("compare", "--normalize", p, q)
    assert numbers_after("entropy(p) nats", report)[-1] == pytest.approx(np.log(2), rel=1e-3)
    assert "in 1 of 2 (50.00%)" in report
    assert "time on these arrays, divided by their sums" in report


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i4", "bool"])
def test_dtypes(save: Save, dtype: str) -> None:
    one_hot = np.eye(3, dtype=dtype)
    report = report_of("compare", save("p.npy", one_hot), save("q.npy", one_hot[::-1]))
    assert "same top class in 1 of 3" in report


def test_a_reader_that_stops_early_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "klrs", "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=120) == 0


def test_import_klrs_does_not_load_the_command_line() -> None:
    code = "import sys, klrs; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    ours = {"klrs.__main__", "klrs._compare", "klrs._report", "klrs._race", "klrs._timing"}
    assert not ours & set(process.stdout.split())


# What it says about mistakes


def error_of(*arguments: str) -> str:
    """The one line on standard error of a run that must fail with status 2."""
    process = run("compare", *arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("klrs compare: ")
    assert process.stderr.count("\n") == 1
    return process.stderr.removeprefix("klrs compare: ").rstrip("\n")


def test_missing_file(save: Save, tmp_path: Path) -> None:
    missing = str(tmp_path / "absent.npy")
    assert error_of(save("p.npy", HALVES), missing) == f"{missing}: No such file or directory"


def test_directory(save: Save, tmp_path: Path) -> None:
    assert error_of(str(tmp_path), save("q.npy", HALVES)) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize("content", [b"", b"0.5,0.5\n", b"PK\x03\x04"])
def test_not_an_npy_file(save: Save, tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(content)
    assert error_of(str(other), save("q.npy", HALVES)) == (
        f"{other}: not an .npy file; write one with np.save(path, array)"
    )


@pytest.mark.parametrize("kept", [20, 100, -8])
def test_truncated_file(save: Save, kept: int) -> None:
    path = Path(save("p.npy", HALVES))
    path.write_bytes(path.read_bytes()[:kept])
    assert error_of(str(path), str(path)).startswith(f"{path}: damaged or incomplete: ")


def test_python_objects(save: Save) -> None:
    objects = save("p.npy", np.array([[0.5, 0.5]], dtype=object))
    assert error_of(objects, objects) == (
        f"{objects}: holds Python objects; save numbers, np.asarray(array, dtype=float)"
    )


def test_shapes_differ(save: Save) -> None:
    p, q = save("p.npy", HALVES), save("q.npy", HALVES[:2])
    assert error_of(p, q) == (
        f"the shapes differ: (3, 2) in {p}, (2, 2) in {q};"
        " both files must hold the same samples and classes"
    )


def test_one_dimension(save: Save) -> None:
    p = save("p.npy", HALVES[0])
    assert error_of(p, p) == (
        f"{p}: shape (2,), expected one distribution per row;"
        " for a single one save array[np.newaxis]"
    )


@pytest.mark.parametrize("shape", [(0, 2), (2, 0), (3, 0, 2)])
def test_no_distributions(save: Save, shape: tuple[int, ...]) -> None:
    p = save("p.npy", np.empty(shape))
    assert error_of(p, p) == f"{p}: shape {shape} holds no distributions"


@pytest.mark.parametrize("axis", ["2", "-3"])
def test_axis_out_of_bounds(save: Save, axis: str) -> None:
    p = save("p.npy", HALVES)
    assert error_of(p, p, "--axis", axis) == (
        f"--axis {axis} is out of bounds: the files have 2 axes, from 0 to 1 (or from -2 to -1)"
    )


def test_sums_off_names_the_file_and_the_options(save: Save) -> None:
    p, q = save("p.npy", HALVES), save("q.npy", QUARTERS * 0.5)
    assert error_of(p, q) == (
        f"{q}: row 0 sums to 0.5, not 1; pass --normalize to divide each row by its sum,"
        " or --axis if the distributions run along another axis"
    )


def test_negative_entries(save: Save) -> None:
    p = save("p.npy", np.log(HALVES[:2]))
    q = save("q.npy", HALVES[:2])
    assert error_of(p, q).startswith(f"{p}: row 0 has the negative value -0.693")
    assert "np.exp" in error_of(p, q)


def test_a_row_of_zeros(save: Save) -> None:
    p, q = save("p.npy", HALVES), save("q.npy", [[0, 1], [0, 0], [1, 0]])
    assert error_of("--normalize", p, q).startswith(
        f"{q}: row 1 sums to 0 and cannot be normalised"
    )


def test_numbers_that_are_no_probabilities(save: Save) -> None:
    p = save("p.npy", HALVES.astype(complex))
    assert error_of(p, p).startswith(f"{p}: dtype complex128 is not supported")


def test_unknown_command_shows_the_usage() -> None:
    process = run("compaer")
    assert process.returncode == 2
    assert process.stderr.startswith("usage: klrs")
