"""Processes of their own, with a hard time limit: for what changes a process, or hangs if wrong."""

from __future__ import annotations

import functools
import inspect
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")

STRICT = ("-W", "error", "-W", "ignore:This process:DeprecationWarning")
"""Every warning fails but Python's own about forks beside threads, which are the purpose here."""


def run_python(script: str, *, seconds: float = 60, **environment: str) -> str:
    """What a script prints in a fresh interpreter; it must succeed in silence and in time.

    The number of threads is klrs's choice unless `environment` says one, and NumPy has none.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    here = {"PYTHONPATH": str(Path(__file__).parent), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, *STRICT, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=inherited | here | environment,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"not done after {seconds} s\n{process.communicate()[1]}")
    if process.returncode or errors:
        pytest.fail(f"exit status {process.returncode}\n{output}\n{errors}")
    return output


def in_own_process(
    seconds: float = 60, **environment: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a test run in a fresh interpreter; its parameters must have a faithful repr."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        script = (
            "import signal\n"
            # A shell's background jobs ignore SIGINT.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"from {Path(inspect.getfile(test)).stem} import {test.__name__} as test\n"
            "test.__wrapped__(**"
        )

        @functools.wraps(test)
        def run(**parameters: Any) -> None:
            print(run_python(f"{script}{parameters!r})", seconds=seconds, **environment))

        return run

    return decorate


def in_fork(work: Callable[[], object]) -> None:
    """Run it in a forked child, which must end well."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def thread_names() -> list[str]:
    """Of all threads that the operating system knows of this process."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        try:
            names.append((task / "comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended meanwhile.
    return names


def helpers() -> int:
    """How many threads of klrs this process has, once those on their way out have gone."""
    counts = [-1, -2]
    while counts[-1] != counts[-2]:
        time.sleep(0.05)
        counts.append(sum(name.startswith("klrs") for name in thread_names()))
    return counts[-1]


def uniform(*shape: int, axis: int = -1, dtype: Any = np.float64) -> np.ndarray:
    """Distributions of any size in the memory of one number."""
    return np.broadcast_to(np.array(1 / shape[axis], dtype), shape)
