"""The resident memory that a call of klrs adds to its inputs at most, in a process of its own.

    python benches/memory.py kl_divergence float64 20000 2048 -1

prints the bytes. A process of its own, because the peak of a process never falls again: after the
first peer's temporaries it would say nothing about klrs.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import klrs
from workloads import Workload


def added(verb: str, workload: Workload) -> int:
    """Bytes that klrs needed beyond the arrays and the process as it was before the call."""
    arguments = [workload.dtype, workload.rows, workload.classes, workload.axis]
    process = subprocess.run(
        [sys.executable, __file__, verb, *map(str, arguments)],
        # glibc then returns freed blocks at once, or those that filled the arrays serve the call.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(process.stdout)


def of_this_process(verb: str, workload: Workload) -> int:
    p, q = workload.arrays
    before = resident()
    getattr(klrs, verb)(p, q, axis=workload.axis)
    return peak() - before


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
    verb, dtype, *numbers = sys.argv[1:]
    print(of_this_process(verb, Workload(dtype, *map(int, numbers))))
