"""The benchmark's results as Markdown, and the places of the README that they replace."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import isinf, isnan
from pathlib import Path

import klrs
from accuracy import Comparison, InputClass, Outcome
from cases import Case, Entry, Target
from contenders import Contender
from klrs._timing import format_seconds, three_digits

HOW_TO_READ = """\
Medians of interleaved runs: klrs' time, and the times of the others as multiples of it. After each
stands the largest relative error over a sample of the rows, against the exact value of what that
library means to compute. `p.sum(); q.sum()` is there because it does nothing but read the arrays.
klrs and torch use all cores, NumPy, SciPy, SimSIMD and NumKong one."""

CATALOGUE = """\
The catalogue. "The read" is `p.sum(); q.sum()`, or `p.sum()` for one operand; the best peer is
SciPy where it has the quantity, else the formula that a NumPy user writes, which is a root or a
square for some of the parameters and takes longer for others."""

HOW_TO_READ_LOGITS = """\
Medians of interleaved runs: klrs' time, and the times of the others as multiples of it. After each
stands the largest relative error of its values over a sample of the rows. The logits q are normal
with a standard deviation of 3, p differs from them by 0.3. "The read" is `q.sum()`, or `p.sum();
q.sum()`, which do nothing else. klrs and torch use all cores, NumPy and SciPy one. Memory is what
a second call adds to its inputs and values and, in the case of klrs, to the array that `out=`
names."""

HOW_TO_READ_TRANSPORT = """\
Medians of interleaved runs: klrs' time, and the times of the others as multiples of it. After each
stands the largest relative error over a sample of the rows, except for energy distances. Samples
are normal. klrs uses all cores, SciPy and POT one."""

HOW_TO_READ_ACCURACY = """\
The largest relative error over some rows, on which every entry is a multiple of one power of two
and every row sums to exactly 1, so that all definitions agree. *wrong*: a finite number where the
answer is infinite, or the reverse; *negative*: some of the results are below 0."""

PACKAGES = ("numpy", "scipy", "simsimd", "numkong", "POT", "torch")


Row = Sequence[str]


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[int] = (0,)
) -> str:
    """A Markdown table: columns of words read from the left, the others are numbers."""
    rule = ["---" if k in words else "---:" for k in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def machine() -> str:
    """The CPU and the versions of everybody, in one sentence."""
    versions = [f"Python {platform.python_version()}", f"klrs {klrs.__version__}"]
    versions += [f"{name} {number}" for name in PACKAGES if (number := installed(name))]
    return f"{processor()}, {os.cpu_count()} cores; {', '.join(versions)}"


def processor() -> str:
    account = Path("/proc/cpuinfo")
    if account.exists():
        names = re.findall(r"^model name\s*: (.+)$", account.read_text(), re.MULTILINE)
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def contender_name(entry: Entry) -> str:
    return f"{entry.contender.who} `{entry.contender.expression}`"


def error_cell(error: float | None) -> str:
    if error is None:
        return ""
    if isnan(error):
        return "NaN"
    if isinf(error):
        return "wrong"
    if error == 0:
        return "0"
    if 1 <= error < 10:
        return f"{error:.0f}"
    # Python writes 7e-05 and 5e+03 for 7e-5 and 5e3.
    return re.sub(r"e([+-])0*", lambda sign: "e-" if sign[1] == "-" else "e", f"{error:.1g}")


@dataclass(frozen=True)
class Measured:
    """What was found out about an entry."""

    seconds: float
    error: float | None


Results = Mapping[Entry, Measured]


def in_full(results: Mapping[Case, Results]) -> str:
    """Everybody in every case: time, multiple of the time of the case's first entry, error."""
    rows = (
        [
            f"{contender_name(entry)}, {entry.workload.name}",
            format_seconds(theirs.seconds),
            f"{three_digits(theirs.seconds / measured[case.entries[0]].seconds)} x",
            error_cell(theirs.error),
        ]
        for case, measured in results.items()
        for entry, theirs in measured.items()
    )
    return table(["", "time", "ratio", "largest relative error"], rows)


COLUMNS = ("klrs", "p.sum(); q.sum()", "NumPy formula", "SciPy", "SimSIMD", "NumKong", "torch")


def in_brief(results: Mapping[Case, Results]) -> str:
    """A row per case with one workload: klrs' time, and the others as multiples of it."""
    rows = []
    for case, measured in results.items():
        if len({entry.workload for entry in case.entries}) > 1:
            continue
        ours = measured[case.entries[0]]
        cells = {"klrs": with_error(format_seconds(ours.seconds), ours)}
        for entry, theirs in measured.items():
            ratio = f"{three_digits(theirs.seconds / ours.seconds)} x"
            # Of two by the same library the first is the usual one.
            cells.setdefault(column(entry), with_error(ratio, theirs))
        rows.append([case.title, *(cells.get(name, "") for name in COLUMNS)])
    return table(*without_empty_columns(["", *COLUMNS], rows))


def catalogue(results: Mapping[Case, Results]) -> str:
    """A row per verb: klrs' time, and those of the read and of the peer as multiples of it."""
    rows = []
    for case, measured in results.items():
        ours, read, peer = (measured[entry] for entry in case.entries)
        rows.append(
            [
                f"`{case.entries[0].contender.expression}`",
                with_error(format_seconds(ours.seconds), ours),
                f"{three_digits(read.seconds / ours.seconds)} x",
                contender_name(case.entries[2]),
                with_error(f"{three_digits(peer.seconds / ours.seconds)} x", peer),
            ]
        )
    (workload,) = {entry.workload for case in results for entry in case.entries}
    header = [workload.name, "klrs", "the read", "best peer", "its time"]
    return table(header, rows, words=(0, 3))


def of_logits(results: Mapping[Case, Results], added: Mapping[Entry, int]) -> str:
    """A row per case: klrs' time, the others as multiples of it, and the memory that they take."""
    columns = ("klrs", "klrs of float32", "the read", "SciPy", "torch")
    memory = ("klrs", "torch")
    rows = []
    for case, measured in results.items():
        ours = measured[case.entries[0]]
        cells = {"klrs": with_error(format_seconds(ours.seconds), ours)}
        bytes_added = {}
        for entry, theirs in measured.items():
            ratio = f"{three_digits(theirs.seconds / ours.seconds)} x"
            name = entry.contender.who if entry.contender.exact else "the read"
            if name == "klrs" and entry != case.entries[0]:
                name = "klrs of float32"
            cells.setdefault(name, with_error(ratio, theirs))
            if entry in added:
                bytes_added.setdefault(name, f"{three_digits(added[entry] / 1e6)} MB")
        rows.append(
            [
                case.title,
                *(cells.get(name, "") for name in columns),
                *(bytes_added.get(name, "") for name in memory),
            ]
        )
    header = ["", *columns, *(f"memory, {name}" for name in memory)]
    return table(*without_empty_columns(header, rows))


def on_a_line(results: Mapping[Case, Results]) -> str:
    """A row per case: klrs' time, and those of the others and of KL as multiples of it."""
    columns = ("klrs", "SciPy", "POT", "`klrs.kl_divergence`")
    rows = []
    for case, measured in results.items():
        ours, *others = case.entries
        cells = {"klrs": with_error(format_seconds(measured[ours].seconds), measured[ours])}
        for entry in others:
            who = entry.contender.who
            ratio = f"{three_digits(measured[entry].seconds / measured[ours].seconds)} x"
            name = who if who != "klrs" else f"`klrs.{entry.contender.verb}`"
            cells[name] = with_error(ratio, measured[entry])
        rows.append([case.title, *(cells.get(name, "") for name in columns)])
    return table(["", *columns], rows)


def without_empty_columns(header: Row, rows: Sequence[Row]) -> tuple[Row, list[Row]]:
    """Only what somebody has a number for, who may be not installed."""
    used = [k for k in range(len(header)) if k == 0 or any(row[k] for row in rows)]
    return [header[k] for k in used], [[row[k] for k in used] for row in rows]


def column(entry: Entry) -> str:
    contender = entry.contender
    if contender.who == "NumPy":
        return "NumPy formula" if contender.exact else contender.expression
    return contender.who


def with_error(text: str, measured: Measured) -> str:
    return ", ".join(filter(None, [text, error_cell(measured.error)]))


# Targets


def targets(rows: Iterable[Row]) -> str:
    """The figures that the project set itself, as measured, and whether they are reached."""
    return table(["klrs", "beside", "at least", "measured", "reached"], rows)


def ratio_rows(ratios: Mapping[Target, float]) -> list[Row]:
    """What is to be faster than something else."""
    return [
        [
            f"`{target.entry.contender.expression}`, {target.entry.workload.name}",
            beside(target),
            f"{target.at_least:.2g} x",
            f"{three_digits(ratio)} x",
            verdict(ratio >= target.at_least),
        ]
        for target, ratio in ratios.items()
    ]


def memory_row(added: Mapping[Entry, int], limit: float) -> Row:
    """Who needs most."""
    most = max(added, key=added.__getitem__)
    return [
        f"the worst of all: `{most.contender.expression}`, {most.workload.name}",
        "memory added to inputs and results",
        f"under {limit / 1e6:.0f} MB",
        f"{added[most] / 1e6:.1f} MB",
        verdict(added[most] < limit),
    ]


def import_row(seconds: float, limit: float) -> Row:
    """What `import klrs` costs where NumPy is."""
    return [
        "`import klrs`",
        "after `import numpy`",
        f"under {format_seconds(limit)}",
        format_seconds(seconds),
        verdict(seconds < limit),
    ]


def beside(target: Target) -> str:
    name = contender_name(target.reference)
    if target.reference.workload == target.entry.workload:
        return name
    return f"{name}, {target.reference.workload.name}"


def verdict(reached: bool) -> str:
    return "yes" if reached else "**no**"


# Accuracy


def accuracy(comparison: Comparison, classes: Sequence[InputClass]) -> str:
    """The largest relative error of each contender on each class of input."""
    header = ["", *map(short_name, comparison.contenders)]
    rows = ([kind.name, *map(outcome_cell, comparison.outcomes(kind))] for kind in classes)
    return table(header, rows)


def short_name(contender: Contender) -> str:
    return "NumPy formula" if contender.who == "NumPy" else f"{contender.who} `{contender.verb}`"


def outcome_cell(outcome: Outcome) -> str:
    return error_cell(outcome.error) + (", negative" if outcome.negative else "")


# The README


def replace_between(text: str, name: str, content: str) -> str:
    """Put content between `<!-- name:start -->` and `<!-- name:end -->`."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"no {start} … {end} in the text")
    return f"{before}{start}\n\n{content}\n\n{end}{after}"
