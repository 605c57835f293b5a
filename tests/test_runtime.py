"""What a process notices of klrs beside its results: memory, and no room left."""

from __future__ import annotations

import functools
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import klrs

STATUS = Path("/proc/self/status")

needs_proc = pytest.mark.skipif(not STATUS.exists(), reason="no /proc")


def kilobytes(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1])


@needs_proc
@pytest.mark.slow
def test_a_million_small_calls_take_no_memory() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.6, 0.1])
    rows, halves = np.full((4, 3), 1 / 3), np.full((2, 2), 0.5, np.float16)
    out, mask = np.empty(4), np.array([True, True, True])
    plain = functools.partial(klrs.kl_divergence, p, q)
    others = [
        functools.partial(klrs.js_divergence, rows, q, base=2, keepdims=True, weights=(0.25, 0.75)),
        functools.partial(
            klrs.kl_divergence, rows, q, normalize=1, axis=(-1,), where=mask, out=out
        ),
        functools.partial(klrs.entropy, halves, keepdims=np.True_, axis=None, base=np.float32(10)),
        functools.partial(klrs.cross_entropy, [0.5, 0.5], (0.25, 0.75)),
        functools.partial(klrs.entropy, [0.5, 0.6]),
        functools.partial(klrs.entropy, p, keepdims="yes"),
        functools.partial(klrs.entropy, p, 2),
        functools.partial(klrs.entropy, np.array([1j])),
    ]

    def calls(count: int) -> None:
        for _ in range(count):
            plain()
        for call in others:
            for _ in range(count // 20):
                with suppress(ValueError, TypeError):
                    call()

    calls(20_000)
    before = kilobytes("VmRSS")
    calls(1_000_000)
    assert kilobytes("VmRSS") - before < 512


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("keywords", [{}, {"normalize": True}, {"axis": 0}])
def test_files_are_not_read_into_memory(tmp_path: Path, keywords: dict[str, object]) -> None:
    shape = (2**16, 2**10) if "axis" not in keywords else (2**10, 2**16)
    for name in "pq":
        file = np.lib.format.open_memmap(tmp_path / name, "w+", np.float16, shape)
        file[:] = 2**-10
        file.flush()
    p, q = (np.load(tmp_path / name, mmap_mode="r") for name in "pq")
    most, is_done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not is_done.wait(0.002):
            most = max(most, kilobytes("RssAnon"))

    before = kilobytes("RssAnon")
    watcher = threading.Thread(target=watch)
    watcher.start()
    values = klrs.kl_divergence(p, q, **keywords)
    is_done.set()
    watcher.join()
    assert not values.any()
    assert (max(most, before) - before) / 1024 < 64


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_more_elements_than_an_int_holds(dtype: str) -> None:
    row = np.full(2**20, 2.0**-20, dtype)
    many = np.broadcast_to(row, (2**11 + 1, 2**20))
    assert (klrs.entropy(many) == klrs.entropy(row)).all()
    long = np.broadcast_to(np.array(2.0**-31, dtype), (2**31,))
    assert klrs.kl_divergence(long, long) == 0
    longer = np.broadcast_to(np.array(1, dtype), (2**31 + 2**20,))
    assert klrs.entropy(longer, normalize=True) == pytest.approx(np.log(len(longer)), rel=1e-6)


def test_results_that_memory_cannot_hold() -> None:
    rows = np.broadcast_to(1.0, (2**45, 1))
    with pytest.raises(MemoryError):
        klrs.entropy(rows)
    out = np.lib.stride_tricks.as_strided(np.zeros(1), (2**45,), (0,))
    with pytest.raises(MemoryError, match="could not allocate 281474976710656 bytes"):
        klrs.entropy(rows, out=out)
    assert out[0] == 0


@pytest.mark.parametrize("space", [klrs, klrs.samples])
@pytest.mark.parametrize("name", ["wasserstein_distance", "cramer_distance", "energy_distance"])
def test_rows_on_a_line_that_memory_cannot_hold(space: Any, name: str) -> None:
    row = np.broadcast_to(2.0**-45, (2**45,))
    with pytest.raises(MemoryError, match="could not allocate 281474976710656 bytes"):
        getattr(space, name)(row, row)
