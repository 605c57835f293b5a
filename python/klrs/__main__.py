"""The command line: `klrs demo`, `klrs compare p.npy q.npy` and `klrs info`; also `python -m klrs`.

Arguments become function calls here, and errors become one line on standard error with exit
status 2. What is computed stands in `_compare.py`, how it looks in `_report.py`. `import klrs`
imports neither.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import klrs
from klrs._compare import QUESTIONS, compare
from klrs._config import report
from klrs._report import format_answers, format_report

DEMO = Path(__file__).with_name("_demo")
DEMO_HEADING = (
    "p: what a classifier says about handwritten digits that it was not trained on",
    "q: what it says after its weights were rounded to 4 bits",
)
DEMO_LOGITS_HEADING = "the same two from their logits, beside the true labels\n\n"
DEMO_LOGITS_ENDING = """
in Python, before these lines (base=2 gives bits):
  from pathlib import Path
  import klrs, numpy as np
  from klrs import logits
  names = "full_logits", "4bit_logits", "labels"
  demo = Path(klrs.__file__).with_name("_demo")
  p, q, labels = (np.load(demo / f"digits_{name}.npy") for name in names)
"""
DEMO_ENDING = "the same for files of your own: klrs compare p.npy q.npy\n"

NPY_MAGIC = b"\x93NUMPY"


class InputError(Exception):
    """Something is wrong with what the user named. The text says what, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default, that of this process.

    Returns
    -------
    int
        The exit status: 0, or 2 after a mistake in the input.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        return _print(parser.format_help())
    try:
        text: str = options.run(options)
    except InputError as error:
        print(f"klrs {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # What shells say of a program that SIGINT ended.
    return _print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="klrs", description="Measure how different probability distributions are."
    )
    parser.add_argument("--version", action="version", version=f"klrs {klrs.__version__}")
    commands = parser.add_subparsers(dest="command", title="commands")
    demo = commands.add_parser(
        "demo",
        help="compare two sets of predictions that come with klrs",
        description=_demo.__doc__,
    )
    demo.set_defaults(run=_demo)
    info = commands.add_parser(
        "info", help="show what this installation is", description=_info.__doc__
    )
    info.set_defaults(run=_info)
    comparison = commands.add_parser(
        "compare", help="compare two files of distributions", description=_compare.__doc__
    )
    comparison.set_defaults(run=_compare)
    comparison.add_argument("p", type=Path, help="the reference (truth, teacher): .npy")
    comparison.add_argument("q", type=Path, help="the approximation (model, student): .npy")
    comparison.add_argument(
        "--axis",
        type=int,
        default=-1,
        help="the axis along which the distributions run (default: -1, the last)",
    )
    comparison.add_argument(
        "--normalize",
        action="store_true",
        help="divide each distribution by its sum: for counts and other weights",
    )
    return parser


def _demo(_options: argparse.Namespace) -> str:
    """Compare what a classifier predicts with what it predicts when its weights have 4 bits."""
    p, q, p_logits, q_logits, labels = (
        _load(DEMO / f"digits_{name}.npy")
        for name in ("full", "4bit", "full_logits", "4bit_logits", "labels")
    )
    sections = (
        format_report(compare(p, q), DEMO_HEADING),
        DEMO_ENDING,
        DEMO_LOGITS_HEADING
        + format_answers(QUESTIONS, p_logits, q_logits, labels)
        + DEMO_LOGITS_ENDING,
    )
    return "\n".join(sections)


def _info(_options: argparse.Namespace) -> str:
    """Show the version, the instruction set, the threads and where their number comes from."""
    return report(klrs.show_config(mode="dicts")) + "\n"


def _compare(options: argparse.Namespace) -> str:
    """Compare two .npy files of the same shape that hold one probability distribution per row."""
    p, q = _load(options.p), _load(options.q)
    _check_shapes(p, q, options)
    try:
        comparison = compare(p, q, axis=options.axis, normalize=options.normalize)
    except (ValueError, TypeError) as error:
        raise InputError(_translate(str(error), options)) from error
    heading = (f"p: {options.p} ({p.dtype})", f"q: {options.q} ({q.dtype})")
    return format_report(comparison, heading)


def _load(path: Path) -> NDArray[Any]:
    """The array in a file, mapped into memory and not read."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(NPY_MAGIC))
        if magic != NPY_MAGIC:
            raise InputError(f"{path}: not an .npy file; write one with np.save(path, array)")
        array = np.load(path, mmap_mode="r")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        reason = " ".join(str(error).split())  # one line, whatever NumPy says
        if "Python objects" in reason:
            raise InputError(
                f"{path}: holds Python objects; save numbers, np.asarray(array, dtype=float)"
            ) from error
        raise InputError(f"{path}: damaged or incomplete: {reason}") from error
    return np.asarray(array)


def _check_shapes(p: NDArray[Any], q: NDArray[Any], options: argparse.Namespace) -> None:
    if p.shape != q.shape:
        raise InputError(
            f"the shapes differ: {p.shape} in {options.p}, {q.shape} in {options.q};"
            " both files must hold the same samples and classes"
        )
    if p.ndim < 2:
        raise InputError(
            f"{options.p}: shape {p.shape}, expected one distribution per row;"
            " for a single one save array[np.newaxis]"
        )
    if not -p.ndim <= options.axis < p.ndim:
        raise InputError(
            f"--axis {options.axis} is out of bounds: the files have {p.ndim} axes, from 0 to"
            f" {p.ndim - 1} (or from -{p.ndim} to -1)"
        )
    if 0 in p.shape:
        raise InputError(f"{options.p}: shape {p.shape} holds no distributions")


def _translate(message: str, options: argparse.Namespace) -> str:
    """An error of klrs in the words of the command line: files and options."""
    for name, path in (("p", options.p), ("q", options.q)):
        if message.startswith(f"{name}: "):
            message = f"{path}{message.removeprefix(name)}"
    return message.replace("normalize=True", "--normalize").replace("axis= ", "--axis ")


def _print(text: str) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may hold what the console's encoding does not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, a pager) has seen enough. Without this the interpreter would complain
        # when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
