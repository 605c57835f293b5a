"""The resident memory that a call adds to inputs and results at most, in a process of its own.

    python benches/memory.py 1 "klrs: kl_divergence(p, q), 20 000 x 2048 float64"

prints the bytes, of an entry of `cases.py` whose rows are divided by 1. It is a second call that is
watched: the pages of code and the stacks of threads that the first one brings in are the process's,
once, however often it calls. A process of its own, because what one peer leaves behind would serve
the next, and because not every system lets the peak of a process fall again.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from cases import Entry, all_cases, cases_of_logits

# Where Linux lets a process set its peak back. Elsewhere it is a first call that is watched.
FORGET_PEAK = Path("/proc/self/clear_refs")


def added(entry: Entry, shrink: int) -> int:
    """Bytes that a call needed beyond its inputs, its result and the process as it was before."""
    process = subprocess.run(
        [sys.executable, __file__, str(shrink), entry.name],
        # glibc then returns freed blocks at once, or those that filled the arrays serve the call.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(process.stdout)


def of_this_process(entry: Entry) -> int:
    contender, arrays = entry.contender, entry.workload.arrays
    if contender.prepare:
        contender.prepare(*arrays)
    if FORGET_PEAK.exists():
        # Kept, so that the next result takes memory of its own.
        _first = contender.call(*arrays)
        FORGET_PEAK.write_text("5")
    before = resident()
    values = contender.call(*arrays)
    # Somewhere else a page may have been given back meanwhile.
    return max(0, peak() - before - np.asarray(values).nbytes)


def entry_of(name: str, shrink: int) -> Entry:
    cases = [*all_cases(shrink), *cases_of_logits(shrink)]
    return next(entry for case in cases for entry in case.entries if entry.name == name)


def resident() -> int:
    """Bytes in memory now. Where the system does not say (macOS), the peak: an upper bound."""
    return status("VmRSS") or peak()


def peak() -> int:
    """The most bytes that were ever in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def status(field: str) -> int:
    """A size from Linux's account of this process, or 0 where there is none."""
    account = Path("/proc/self/status")
    lines = account.read_text().splitlines() if account.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


if __name__ == "__main__":
    print(of_this_process(entry_of(sys.argv[2], int(sys.argv[1]))))
