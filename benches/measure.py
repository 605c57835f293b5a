"""Times and errors: the clock of the command line, and the oracle of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache, partial
from math import inf, isinf, isnan, nan
from statistics import median
from typing import Any

import numpy as np
from mpmath import mpf
from numpy.typing import NDArray

from cases import Case, Entry
from contenders import Oracle
from klrs._timing import interleaved_medians
from workloads import Workload

MOST_ROWS_CHECKED = 500
PROCESSES_FOR_IMPORT = 11


def seconds(case: Case, budget: float) -> dict[Entry, float]:
    """The median time of each entry, all taking turns."""
    calls = {entry.name: entry_call(entry) for entry in case.entries}
    times = interleaved_medians(calls, budget=budget)
    return {entry: times[entry.name] for entry in case.entries}


def entry_call(entry: Entry) -> Any:
    return partial(entry.contender.call, *entry.workload.arrays)


def error(entry: Entry, *, entries: int, fewest: int) -> float | None:
    """The largest relative error over some rows, of what the contender means to compute.

    As many rows as hold that many entries, and at least `fewest`: the oracle takes about 10 us for
    each entry, of logits 50 us.
    """
    if entry.contender.exact is None:
        return None
    values = as_rows(entry_call(entry)())
    workload = entry.workload
    fitting = entries // workload.classes
    count = min(max(fewest, fitting), MOST_ROWS_CHECKED, workload.rows)
    rows = np.random.default_rng(0).choice(workload.rows, count, replace=False)
    return largest(
        relative_error(values[row], exact(entry.contender.exact, workload, row)) for row in rows
    )


@cache
def exact(oracle: Oracle, workload: Workload, row: int) -> mpf:
    """The exact value of a row, computed once for all who mean to compute it."""
    return oracle(*workload.row(row))


def import_seconds() -> float:
    """The median time that klrs takes to import where NumPy is, in fresh processes."""
    code = (
        "import numpy, time; t = time.perf_counter(); import klrs; print(time.perf_counter() - t)"
    )
    command = [sys.executable, "-c", code]
    # As installed: compiled once, not at each import.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return median(
        float(subprocess.check_output(command, env=env)) for _ in range(PROCESSES_FOR_IMPORT)
    )


def as_rows(result: Any) -> NDArray[np.float64]:
    """What a contender returned (an array, a tensor, a number) as one value per row."""
    return np.atleast_1d(np.asarray(result, dtype=np.float64))


def relative_error(value: float, exact: mpf) -> float:
    """abs(value / exact - 1); inf when one of the two is infinite or zero and the other is not."""
    value = float(value)
    if isnan(value):
        return nan
    if value == exact:
        return 0.0
    if isinf(value) or isinf(exact) or exact == 0:
        return inf
    return float(abs(mpf(value) - exact) / abs(exact))


def largest(errors: Any) -> float:
    """The largest of some errors, or NaN if one is."""
    return float(np.max(list(errors)))
