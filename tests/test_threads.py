"""Threads: how many there are, who chooses, and that nobody can tell from the results."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import klrs
from inputs import (
    ENTROPY,
    F32,
    F64,
    GENERALIZED_KL,
    KL,
    VERBS,
    Float,
    assert_same_bits,
    bits,
    distributions,
    each_float,
    pair,
)
from messages import raises
from processes import helpers, in_own_process, linux, run_python, thread_names, uniform
from test_reproducibility import ControlRegister, flush_to_zero, needs_mxcsr


@pytest.fixture
def unchosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has called set_num_threads, and afterwards nobody has again."""
    monkeypatch.setattr(klrs._threads, "_of_process", None)


def source() -> tuple[Any, Any]:
    config = klrs.show_config(mode="dicts")
    return config["threads"], config["threads_from"]


# How many there are


COUNT = "len(__import__('os').listdir('/proc/self/task'))"


@linux
@pytest.mark.parametrize("threads", [1, 3, 8])
def test_threads_are_started_by_the_first_large_call(threads: int) -> None:
    script = f"""
import klrs, numpy
counts = [{COUNT}]
p = numpy.full(1000, 0.001)
klrs.kl_divergence(p, p, normalize=True)
counts.append({COUNT})
rows = numpy.broadcast_to(p, (4000, 1000))
for _ in range(3):
    klrs.kl_divergence(rows, rows)
    counts.append({COUNT})
print(counts)
"""
    counts = json.loads(run_python(script, KLRS_NUM_THREADS=str(threads)))
    assert counts == [1, 1, threads, threads, threads]


@linux
@in_own_process(KLRS_NUM_THREADS="4", RAYON_NUM_THREADS="7")
def test_all_threads_are_of_the_own_pool() -> None:
    """A thread without our name would be of rayon's global pool, or of a dependency."""
    klrs.kl_divergence(*pair(4000, 500))
    klrs.kl_divergence(*pair(500_000, 4), axis=0, normalize=True)
    started = thread_names()[1:]
    assert sorted(started) == ["klrs-0", "klrs-1", "klrs-2"]


@linux
@in_own_process(KLRS_NUM_THREADS="3")
def test_the_pool_grows_and_is_not_kept_twice() -> None:
    rows = uniform(4000, 1000)
    for threads, expected in ((3, 2), (2, 2), (6, 5), (1, 5), (3, 5)):
        with klrs.threads(threads):
            klrs.entropy(rows)
        assert helpers() == expected


@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core does everything anyway")
@in_own_process(KLRS_NUM_THREADS="2")
def test_helpers_do_their_share() -> None:
    rows = uniform(1_000_000, 1000)
    klrs.entropy(rows[:1000])
    klrs.entropy(rows)
    worked = {
        (task / "comm").read_text().strip(): int((task / "schedstat").read_text().split()[0])
        for task in Path("/proc/self/task").iterdir()
    }
    assert worked["klrs-0"] > 0.1 * sum(worked.values())


# Who chooses


def source_in_fresh_process(**environment: str) -> tuple[int, str]:
    script = "import klrs; print(klrs.get_num_threads(), klrs.show_config('dicts')['threads_from'])"
    number, origin = run_python(script, **environment).strip().split(" ", 1)
    return int(number), origin


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"KLRS": "5", "RAYON": "6", "OMP": "7"}, (5, "environment variable KLRS_NUM_THREADS")),
        ({"RAYON": "6", "OMP": "7"}, (6, "environment variable RAYON_NUM_THREADS")),
        ({"OMP": "7"}, (7, "environment variable OMP_NUM_THREADS")),
        ({"OMP": "4,2"}, (4, "environment variable OMP_NUM_THREADS")),
        ({"OMP": " 4 , 2 "}, (4, "environment variable OMP_NUM_THREADS")),
        ({"RAYON": "0", "OMP": "7"}, (7, "environment variable OMP_NUM_THREADS")),
        ({"KLRS": "", "RAYON": "many", "OMP": "3"}, (3, "environment variable OMP_NUM_THREADS")),
        ({"KLRS": "1000"}, (1000, "environment variable KLRS_NUM_THREADS")),
    ],
    ids=str,
)
def test_environment_variables(environment: dict[str, str], expected: tuple[int, str]) -> None:
    variables = {f"{name}_NUM_THREADS": value for name, value in environment.items()}
    assert source_in_fresh_process(**variables) == expected


@pytest.mark.parametrize("automatic", [{}, {"RAYON_NUM_THREADS": "0"}, {"KLRS_NUM_THREADS": "0"}])
def test_otherwise_what_the_process_may_use(automatic: dict[str, str]) -> None:
    number, origin = source_in_fresh_process(**automatic)
    assert 1 <= number <= (os.cpu_count() or 1)
    assert origin == "CPUs that the process may use"


@linux
def test_affinity_is_respected() -> None:
    script = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import klrs
print(klrs.get_num_threads())
"""
    assert run_python(script) == "1\n"


@pytest.mark.parametrize("nonsense", ["many", "-1", "1.5", "4,2"])
def test_nonsense_in_our_own_variable_is_said(nonsense: str) -> None:
    script = """
import klrs, warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    print(klrs.get_num_threads(), klrs.get_num_threads())
print(*(f"{w.category.__name__}: {w.message}" for w in said), sep="\\n")
"""
    assert run_python(script, KLRS_NUM_THREADS=nonsense, OMP_NUM_THREADS="3") == (
        "3 3\n"
        f"RuntimeWarning: KLRS_NUM_THREADS={nonsense!r} is no number of threads and is ignored; "
        "expected a positive integer, e.g. 4\n"
    )


@pytest.mark.usefixtures("unchosen")
def test_a_block_goes_before_the_process_and_the_process_before_the_environment() -> None:
    klrs.set_num_threads(5)
    assert source() == (5, "klrs.set_num_threads")
    with klrs.threads(3):
        assert source() == (3, "klrs.threads")
        klrs.set_num_threads(6)
        assert source() == (3, "klrs.threads")
    assert source() == (6, "klrs.set_num_threads")


def test_set_num_threads_goes_before_the_environment() -> None:
    script = "import klrs; klrs.set_num_threads(2); print(klrs.get_num_threads())"
    assert run_python(script, KLRS_NUM_THREADS="5") == "2\n"


def test_blocks_nest() -> None:
    before = source()
    with klrs.threads(3):
        with klrs.threads(np.int64(1000)):
            assert klrs.get_num_threads() == 1000
        assert klrs.get_num_threads() == 3
    assert source() == before


def test_a_block_ends_with_an_exception_too() -> None:
    before = source()
    with pytest.raises(ValueError, match="negative"), klrs.threads(3):
        klrs.entropy([-1.0, 2.0])
    assert source() == before


def test_each_python_thread_has_its_own_block() -> None:
    before = klrs.get_num_threads()
    with klrs.threads(before + 1), ThreadPoolExecutor(1) as other:
        assert other.submit(klrs.get_num_threads).result() == before
        assert klrs.get_num_threads() == before + 1


def test_each_asyncio_task_has_its_own_block() -> None:
    async def task(threads: int) -> int:
        with klrs.threads(threads):
            await asyncio.sleep(0.01)
            return klrs.get_num_threads()

    async def tasks() -> list[int]:
        return await asyncio.gather(*map(task, range(1, 9)))

    assert asyncio.run(tasks()) == list(range(1, 9))


@pytest.fixture(
    params=[klrs.set_num_threads, lambda n: klrs.threads(n).__enter__()], ids=["set", "with"]
)
def choose(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("n", [0, -1, np.int64(-7)])
def test_fewer_than_one_thread(choose: Any, n: int) -> None:
    text = (
        f"n: got {n}, expected at least 1, the calling thread; for all that the process may use, "
        "pass len(os.sched_getaffinity(0))"
    )
    before = source()
    with raises(ValueError, text):
        choose(n)
    assert source() == before


@pytest.mark.parametrize("n", [True, 1.5, 2.0, "2", None])
def test_no_number_of_threads(choose: Any, n: Any) -> None:
    before = source()
    with raises(TypeError, f"n: got {n!r}, expected a number of threads, e.g. 4"):
        choose(n)
    assert source() == before


# Who says it


def test_show_config_prints_what_it_returns(capsys: pytest.CaptureFixture[str]) -> None:
    with klrs.threads(3):
        assert klrs.show_config() is None
        config = klrs.show_config(mode="dicts")
    printed = " ".join(capsys.readouterr().out.split())
    assert config["threads_from"] == "klrs.threads"
    assert "threads 3 (klrs.threads)" in printed
    for value in config.values():
        assert str(value) in printed


def test_show_config_knows_two_modes() -> None:
    with raises(ValueError, "mode: got 'json', expected 'stdout' or 'dicts'"):
        klrs.show_config(mode="json")  # type: ignore[call-overload]


def test_info_on_the_command_line() -> None:
    script = "import runpy, sys; sys.argv = ['klrs', 'info']\n"
    script += "runpy.run_module('klrs', run_name='__main__')"
    report = run_python(script, OMP_NUM_THREADS="3")
    lines = dict(line.split(maxsplit=1) for line in report.strip().splitlines())
    assert lines["threads"] == "3 (environment variable OMP_NUM_THREADS)"
    assert lines["klrs"] == klrs.__version__
    assert {"SIMD", "build", "python"} < lines.keys()


# That nobody can tell


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((100_000, 7), 1),
        ((1500, 1000), 1),
        ((20, 50_000), 1),
        ((1_200_000,), 0),
        ((1000, 1500), 0),
        ((20_000, 60), 0),
        ((60_000, 20), 0),
    ],
)
@pytest.mark.parametrize("kind", [F64, F32], ids=str)
def test_the_number_of_threads_changes_no_bit(
    kind: Float, shape: tuple[int, ...], axis: int, normalize: bool
) -> None:
    swapped = shape[:axis] + shape[axis + 1 :] + (shape[axis],)
    p, q = (np.moveaxis(x, -1, axis) for x in pair(*swapped, dtype=kind.dtype))
    p, q = np.ascontiguousarray(p), np.ascontiguousarray(q)
    for verb in VERBS:
        options = verb.options(normalize=normalize) | {"axis": axis}
        with klrs.threads(1):
            alone = verb(p, q, **options)
        for threads in (2, 3, 8):
            with klrs.threads(threads):
                assert_same_bits(verb(p, q, **options), alone)


def test_the_first_mistake_is_named_whoever_finds_it() -> None:
    p, q = pair(4000, 500)
    p[[1234, 2345, 3999], 7] = -1
    for threads in (1, 2, 3, 8):
        with (
            klrs.threads(threads),
            pytest.raises(ValueError, match=r"^p: row 1234 has the negative"),
        ):
            klrs.kl_divergence(p, q)


@linux
@in_own_process(seconds=60, KLRS_NUM_THREADS="3")
def test_many_python_threads_share_the_pool() -> None:
    """All begin at once, so they also race for building it."""
    inputs = [pair(*shape) for shape in ((5, 9), (3000, 30), (2000, 300), (4, 200_000), (900_000,))]
    calls = [(verb, p, q) for p, q in inputs for verb in VERBS]
    begin = threading.Barrier(8)

    def call_all(seed: int) -> list[tuple[int, Any]]:
        begin.wait()
        order = np.random.default_rng(seed).permutation(len(calls))
        return [(i, bits(calls[i][0](*calls[i][1:]))) for i in order]

    with ThreadPoolExecutor(8) as threads:
        together = [dict(results) for results in threads.map(call_all, range(8))]
    one_at_a_time = {i: bits(verb(p, q)) for i, (verb, p, q) in enumerate(calls)}
    assert all(results == one_at_a_time for results in together)
    assert helpers() == 2


@in_own_process(seconds=60)
def test_python_threads_with_teams_of_many_sizes() -> None:
    """The pool is replaced under their feet."""
    p, q = pair(500, 1000)
    expected = bits(klrs.kl_divergence(p, q))

    def call(threads: int) -> bool:
        with klrs.threads(threads):
            return all(bits(klrs.kl_divergence(p, q)) == expected for _ in range(5))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(call, [1 + i * 7 % 20 for i in range(80)]))


@pytest.mark.parametrize("threads", [1, 2])
def test_other_python_threads_run_meanwhile(threads: int) -> None:
    rows, took = uniform(250_000, 1000), [0.0, 0.0]

    def call() -> None:
        with klrs.threads(threads):
            took[0] = time.perf_counter()
            klrs.kl_divergence(rows, rows)
            took[1] = time.perf_counter()

    worker = threading.Thread(target=call)
    longest_pause, last = 0.0, time.perf_counter()
    worker.start()
    while worker.is_alive():
        now = time.perf_counter()
        longest_pause, last = max(longest_pause, now - last), now
    seconds = took[1] - took[0]
    assert seconds > 0.1
    assert longest_pause < 0.5 * seconds


# threadpoolctl


THREADPOOLCTL = """
def klrs_in_info():
    (info,) = [i for i in threadpoolctl.threadpool_info() if i["internal_api"] == "klrs"]
    return info
info = klrs_in_info()
assert info["user_api"] == "klrs" and info["version"] == klrs.__version__
assert info["num_threads"] == klrs.get_num_threads() == 5
with threadpoolctl.threadpool_limits(1):
    assert klrs_in_info()["num_threads"] == klrs.get_num_threads() == 1
assert klrs.get_num_threads() == 5
with threadpoolctl.threadpool_limits({"klrs": 2}):
    assert klrs.get_num_threads() == 2
with threadpoolctl.threadpool_limits(1, user_api="blas"):
    assert klrs.get_num_threads() == 5
with klrs.threads(4):
    with threadpoolctl.threadpool_limits(1):
        assert klrs.get_num_threads() == 1
    assert klrs.get_num_threads() == 4
assert klrs.get_num_threads() == 5
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import threadpoolctl, klrs",
        "import klrs, threadpoolctl; klrs.register_threadpoolctl()",
        "import threadpoolctl, klrs; klrs.register_threadpoolctl(); klrs.register_threadpoolctl()",
    ],
    ids=["before", "after", "several times"],
)
def test_threadpoolctl_sees_and_limits_klrs(imports: str) -> None:
    pytest.importorskip("threadpoolctl")
    run_python(imports + THREADPOOLCTL, KLRS_NUM_THREADS="5")


def test_threadpoolctl_is_no_dependency() -> None:
    script = """
import sys
sys.modules["threadpoolctl"] = None
import klrs
try:
    klrs.register_threadpoolctl()
except ImportError as error:
    print(error.name)
"""
    assert run_python(script) == "threadpoolctl\n"


# The floating-point environment


FLAGS = 0x003F
"""The bits of MXCSR that say what has happened, as any float operation of Python's sets them."""
ROUND_DOWN = 0x2000
FLUSHES = {"flush to zero": 0x8000, "denormals are zero": 0x0040, "both": 0x8040}


@pytest.fixture
def register() -> Iterator[ControlRegister]:
    register = ControlRegister()
    before = register.read()
    yield register
    register.write(before)


def sensitive_calls(kind: Float) -> list[Any]:
    """Calls whose values or errors hang on subnormal entries, sums or results."""
    calls: list[Any] = []
    for shape in ((3, 7), (3, 200), (2, 40_000), (2000, 10), (400, 200), (1, 200_000)):
        p, q = pair(*shape, dtype=kind.dtype)
        p[:, 1::3], q[:, ::4] = kind.array(kind.normal / 4), kind.array(kind.normal / 8)
        calls += [(verb, p, q, verb.options(normalize=True)) for verb in VERBS]
        rng = np.random.default_rng(0)
        p, q = (kind.array(rng.random(shape) * kind.normal / 8) for _ in range(2))
        calls += [(KL, p, q, {"normalize": True}), (GENERALIZED_KL, p, q, {})]
        one = kind.array(np.eye(1, shape[1], 5) * kind.subnormal)
        calls.append((ENTROPY, np.repeat(one, shape[0], axis=0), None, {"normalize": True}))
        p, q = pair(*shape, dtype=kind.dtype)
        p[-1, 5] = kind.array(-kind.subnormal)
        calls.append((KL, p, q, {}))
    return calls


def outcome(verb: Any, p: Any, q: Any, options: dict[str, Any]) -> Any:
    try:
        return bits(verb(p, q, **options))
    except ValueError as error:
        return str(error)


def outcomes_in_mode(calls: list[Any], mode: int, register: ControlRegister) -> list[Any]:
    """What the calls give in a mode of the caller's, which must be the same after each."""
    before, outcomes = register.read(), []
    for call in calls:
        register.write(before | mode)
        outcomes.append(outcome(*call))
        left = register.read()
        register.write(before)
        assert left & ~FLAGS == (before | mode) & ~FLAGS, "the caller's mode was not restored"
    return outcomes


@needs_mxcsr
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("mode", FLUSHES.values(), ids=FLUSHES)
@each_float
def test_flushed_subnormals(
    kind: Float, mode: int, threads: int, register: ControlRegister
) -> None:
    calls = sensitive_calls(kind)
    with klrs.threads(threads):
        expected = [outcome(*call) for call in calls]
        got = outcomes_in_mode(calls, mode, register)
    assert got == expected


@needs_mxcsr
@each_float
def test_the_callers_rounding(kind: Float, register: ControlRegister) -> None:
    calls = sensitive_calls(kind)
    expected = [outcome(*call) for call in calls]
    got = outcomes_in_mode(calls, ROUND_DOWN, register)
    for value, wanted in zip(got, expected, strict=True):
        # Not the digits of an error's text.
        assert value == wanted or (isinstance(value, str) and isinstance(wanted, str))


@needs_mxcsr
@pytest.mark.parametrize("name", ["f64", "f32"])
@in_own_process(KLRS_NUM_THREADS="3")
def test_threads_started_in_the_callers_mode(name: str) -> None:
    """They inherit it, and still have it when the caller has set it back."""
    calls = sensitive_calls({"f64": F64, "f32": F32}[name])
    with flush_to_zero():
        in_mode = [outcome(*call) for call in calls]
    later = [outcome(*call) for call in calls]
    with klrs.threads(1):
        alone = [outcome(*call) for call in calls]
    assert later == alone
    assert in_mode == alone


@needs_mxcsr
def test_the_mode_is_the_callers_in_every_python_thread() -> None:
    p, q = distributions(0, 400, 1000), distributions(1, 400, 1000)

    def keeps_mode(_: int) -> bool:
        with flush_to_zero() as register:
            mode = register.read() & ~FLAGS
            klrs.kl_divergence(p, q)
            return register.read() & ~FLAGS == mode

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(keeps_mode, range(20)))
