"""The same bits: alone and in a batch, on one thread and many, whatever mode the CPU is left in."""

from __future__ import annotations

import ctypes
import mmap
import platform
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inputs import (
    F32,
    F64,
    FLOATS,
    KL,
    VERBS,
    Float,
    Verb,
    assert_same_bits,
    bits,
    distributions,
    each_float,
    each_length,
    each_verb,
    pair,
)

CANONICAL_NAN = {"float64": 0x7FF8_0000_0000_0000, "float32": 0x7FC0_0000}


@each_float
@each_length
@pytest.mark.parametrize("normalize", [False, True])
def test_batch_and_single_rows(kind: Float, length: int, normalize: bool) -> None:
    """71 short rows: two full tiles of 32 and a part, or one of 64 and a part."""
    p, q = pair(71 if length < 100 else 5, length, dtype=kind.dtype)
    for verb in VERBS:
        options = verb.options(normalize=normalize)
        alone = [verb(x, y, **options) for x, y in zip(p, q, strict=True)]
        assert_same_bits(verb(p, q, **options), np.array(alone))
        assert_same_bits(verb(p[:3], q[:3], **options), np.array(alone[:3]))


@each_float
@pytest.mark.parametrize("length", [1, 2, 7, 16, 31, 32, 33, 65])
def test_a_row_at_any_place_of_a_batch(kind: Float, length: int) -> None:
    row, other = pair(2, length, dtype=kind.dtype)
    for verb in VERBS:
        alone = verb(row[0], other[0])
        for size in (1, 2, 8, 31, 32, 33, 64, 65):
            p, q = pair(size, length, dtype=kind.dtype, seed=5)
            for place in {0, size // 2, size - 1}:
                p[place], q[place] = row[0], other[0]
                assert_same_bits(verb(p, q)[place], alone)


@pytest.mark.parametrize("shape", [(200_000, 10), (3_000, 200), (60, 20_000), (2, 1_500_000)])
@each_float
def test_large_batches_are_worth_several_threads(kind: Float, shape: tuple[int, int]) -> None:
    """Large ones are split over threads; pieces are small enough to be computed by one."""
    p, q = pair(*shape, dtype=kind.dtype)
    piece = max(1, 2_000 // shape[1])
    for verb in VERBS:
        whole = verb(p, q)
        assert_same_bits(verb(p, q), whole)
        for start in range(0, shape[0], max(piece, shape[0] // 40)):
            rows = slice(start, start + piece)
            assert_same_bits(verb(p[rows], q[rows]), whole[rows])
        assert_same_bits(verb(np.asfortranarray(p), q), whole)


@each_verb
def test_calls_from_several_threads(verb: Verb) -> None:
    p, q = pair(500, 2000)
    expected = bits(verb(p, q))
    with ThreadPoolExecutor(8) as threads:
        results = threads.map(lambda _: bits(verb(p, q)), range(32))
        assert all(result == expected for result in results)


NANS = {
    np.dtype(np.float64): (0x7FF8 << 48, 0xFFF8 << 48, (0x7FF0 << 48) + 1, (0xFFFF << 48) + 77),
    np.dtype(np.float32): (0x7FC0 << 16, 0xFFC0 << 16, (0x7F80 << 16) + 1, (0xFFFF << 16) + 77),
    np.dtype(np.float16): (0x7E00, 0xFE00, 0x7C01, 0xFFFF),
    FLOATS[-1].dtype: (0x7FC0, 0xFFC0, 0x7F81, 0xFFFF),
}


@each_float
@each_length
@each_verb
def test_nan_is_canonical(verb: Verb, kind: Float, length: int) -> None:
    """Quiet, positive and without payload, whatever NaN was in p or q."""
    p, q = pair(3, length, dtype=kind.dtype)
    clean = verb(p, q)
    for word in NANS[kind.dtype]:
        nan = np.array(word, f"u{kind.dtype.itemsize}").view(kind.dtype)
        for operand in (p, q)[: verb.operands]:
            dirty = operand.copy()
            dirty[1, length // 2] = nan
            result = verb(dirty if operand is p else p, dirty if operand is q else q)
            word_of_result = result.view(f"u{result.itemsize}")[1]
            assert word_of_result == CANONICAL_NAN[result.dtype.name]
            assert_same_bits(result[[0, 2]], clean[[0, 2]])
            wide = verb(dirty if operand is p else p, dirty if operand is q else q, out=np.empty(3))
            assert wide.view(np.uint64)[1] == CANONICAL_NAN["float64"]


LINUX_X86 = sys.platform == "linux" and platform.machine() == "x86_64"
FLUSH_TO_ZERO = 0x8040
"""The bits FTZ and DAZ of MXCSR, as torch.set_flush_denormal sets them."""

needs_mxcsr = pytest.mark.skipif(
    not LINUX_X86, reason="sets MXCSR by machine code for x86-64, in memory as Linux maps it"
)


class ControlRegister:
    """MXCSR of the calling thread, by the instructions `ldmxcsr [rdi]` and `stmxcsr [rdi]`."""

    def __init__(self) -> None:
        self.code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self.code.write(b"\x0f\xae\x17\xc3" + b"\x0f\xae\x1f\xc3")
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.code))
        function = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint32))
        self.load, self.store = function(address), function(address + 4)

    def read(self) -> int:
        value = ctypes.c_uint32()
        self.store(value)
        return value.value

    def write(self, value: int) -> None:
        self.load(ctypes.c_uint32(value))


@contextmanager
def flush_to_zero() -> Iterator[ControlRegister]:
    register = ControlRegister()
    before = register.read()
    register.write(before | FLUSH_TO_ZERO)
    try:
        yield register
    finally:
        register.write(before)


def subnormal_rows(kind: Float) -> list[tuple[Any, Any]]:
    """Small and large batches with subnormal entries, of every path."""
    pairs = []
    for shape in ((3, 7), (3, 200), (3, 20_000), (3, 40_000), (60_000, 10), (300, 2000)):
        p, q = pair(*shape, dtype=kind.dtype)
        p[:, 1::3] = kind.array(kind.normal / 4)
        q[:, ::4] = kind.array(kind.normal / 8)
        pairs.append((p, q))
    return pairs


def all_values(kind: Float) -> list[np.ndarray]:
    values = []
    for p, q in subnormal_rows(kind):
        for verb in VERBS:
            values.append(verb(p, q, **verb.options(normalize=True)))
    return values


@needs_mxcsr
@each_float
def test_flush_to_zero_of_the_caller(kind: Float) -> None:
    expected = all_values(kind)
    rows = subnormal_rows(kind)[0]
    tiny = np.full(8, 1e-310)
    with flush_to_zero() as register:
        assert np.all(tiny * 1.5 == 0), "flush-to-zero is not on"
        mode = register.read()
        values = [verb(*rows, **verb.options(normalize=True)) for verb in VERBS]
        assert register.read() == mode, "the caller's mode was not restored"
        # Errors are another way out.
        with pytest.raises(ValueError, match="negative"):
            KL([-1.0, 2.0], [0.5, 0.5])
        assert register.read() == mode, "the caller's mode was not restored after an error"
    for got, wanted in zip(values, expected, strict=False):
        assert_same_bits(got, wanted)


@needs_mxcsr
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
def test_flush_to_zero_before_the_threads_start(kind: Float) -> None:
    """New threads inherit the mode of the one that starts them: hence a process of its own."""
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy, inputs
import test_reproducibility as this
kind = {{k.name: k for k in inputs.FLOATS}}[{kind.name!r}]
rows = this.subnormal_rows(kind)
with this.flush_to_zero():
    values = [v(p, q, **v.options(normalize=True)) for p, q in rows for v in inputs.VERBS]
sys.stdout.buffer.write(b"".join(value.tobytes() for value in values))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout == b"".join(value.tobytes() for value in all_values(kind))


@each_verb
def test_inputs_are_not_modified(verb: Verb) -> None:
    p, q = distributions(0, 3, 50), distributions(1, 3, 50)
    before = bits(p), bits(q)
    verb(p, q, **verb.options(normalize=True))
    assert (bits(p), bits(q)) == before
