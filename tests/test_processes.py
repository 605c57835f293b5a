"""Processes and signals: forks, pools of processes, Ctrl-C, limits. Nothing hangs."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import klrs
from inputs import KL, VERBS, bits, pair
from processes import helpers, in_fork, in_own_process, linux, uniform

pytestmark = linux

THREADS = 3
in_process_with_threads = in_own_process(seconds=60, KLRS_NUM_THREADS=str(THREADS))


def work() -> Any:
    """Four million elements: with threads, wherever it runs."""
    p, q = pair(4000, 1000)
    value = bits(KL(p, q))
    assert helpers() == THREADS - 1
    return value


def works_as(expected: Any) -> Callable[[], None]:
    def check() -> None:
        assert helpers() == 0
        assert work() == expected

    return check


needs_joblib = pytest.mark.skipif(find_spec("joblib") is None, reason="needs joblib")


# Forks


@in_process_with_threads
def test_fork_before_use() -> None:
    in_fork(work)
    in_fork(lambda: in_fork(work))


@in_process_with_threads
def test_fork_after_use() -> None:
    expected = work()
    in_fork(works_as(expected))
    assert work() == expected


@in_process_with_threads
def test_many_forks() -> None:
    rows = uniform(4000, 1000)
    expected = bits(klrs.entropy(rows))

    def check() -> None:
        assert bits(klrs.entropy(rows)) == expected

    for _ in range(30):
        check()
        in_fork(check)


@in_process_with_threads
def test_fork_of_a_fork() -> None:
    expected = work()

    def child() -> None:
        works_as(expected)()
        in_fork(works_as(expected))
        assert work() == expected

    in_fork(child)


@in_process_with_threads
def test_fork_of_a_fork_that_did_nothing() -> None:
    expected = work()
    in_fork(lambda: in_fork(works_as(expected)))


@contextlib.contextmanager
def busy(*calls: Callable[[], object]) -> Iterator[None]:
    """Each of the calls is repeated in a thread of its own."""
    stop = threading.Event()

    def repeat(call: Callable[[], object]) -> None:
        while not stop.is_set():
            call()

    threads = [threading.Thread(target=repeat, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
@in_process_with_threads
def test_fork_while_another_thread_computes() -> None:
    rows = uniform(2000, 1000)
    expected = bits(klrs.entropy(rows))

    def check() -> None:
        for _ in range(3):
            assert bits(klrs.entropy(rows)) == expected
        assert helpers() == THREADS - 1

    with busy(lambda: klrs.entropy(rows), lambda: klrs.entropy(rows[:100])):
        for _ in range(12):
            in_fork(check)
    check()


@in_process_with_threads
def test_fork_while_another_thread_builds_the_pool() -> None:
    rows = uniform(2000, 1000)
    expected = bits(klrs.entropy(rows))
    sizes = iter(range(2, 200))

    def build() -> None:
        with klrs.threads(next(sizes, 1)):
            klrs.entropy(rows)

    def check() -> None:
        assert bits(klrs.entropy(rows)) == expected

    with busy(build):
        while next(sizes, None):
            in_fork(check)


@in_process_with_threads
def test_a_choice_is_inherited() -> None:
    klrs.set_num_threads(2)

    def check() -> None:
        assert klrs.get_num_threads() == 2

    in_fork(check)


# Pools of processes


def work_of_index(_: int) -> Any:
    """For processes that find it by its name."""
    return work()


each_method = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])


@each_method
@in_process_with_threads
def test_multiprocessing(method: str) -> None:
    expected = work()
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(work_of_index, range(4), chunksize=1) == [expected] * 4
    assert work() == expected


@each_method
@in_process_with_threads
def test_process_pool_executor(method: str) -> None:
    expected = work()
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(work_of_index, range(4))) == [expected] * 4
    assert work() == expected


@needs_joblib
@in_process_with_threads
def test_joblib() -> None:
    import joblib

    expected = work()
    with joblib.parallel_config(backend="loky"):
        results = joblib.Parallel(n_jobs=2)(joblib.delayed(work_of_index)(i) for i in range(4))
    assert results == [expected] * 4


# Processes side by side, with a thread each


Answer = tuple[float, int, int]


def burst(start: float, threads: int | None) -> Answer:
    """CPU time of some work in the caches, enough of it for threads, from `start` on."""
    p, q = pair(64, 1000)
    with klrs.threads(threads) if threads else contextlib.nullcontext():
        while time.time() < start:
            klrs.kl_divergence(p, q)
        before = time.process_time()
        for _ in range(300):
            klrs.kl_divergence(p, q)
        return time.process_time() - before, klrs.get_num_threads(), helpers()


def oversubscription(run: Callable[[list[tuple[float, int | None]]], list[Answer]]) -> float:
    """What two processes at once take, as a multiple of what they take alone with one thread.

    In CPU time, which unlike time hangs little on who else uses the machine. Nothing is missed by
    that: a process with one thread and no others to wait for has no reason to stand still.
    """
    alone, together = float("inf"), float("inf")
    end = time.monotonic() + 40
    for round_ in itertools.count():
        # Ten rounds for the least times to settle, and more where others disturb them.
        if round_ >= 10 and (together <= 1.1 * alone or time.monotonic() > end):
            break
        start = time.time() + 0.05
        ((seconds, *_),) = run([(start, 1)])
        alone = min(alone, seconds)
        start = time.time() + 0.05
        answers = run([(start, None)] * 2)
        assert [answer[1:] for answer in answers] == [(1, 0)] * 2
        together = min(together, max(answer[0] for answer in answers))
    print(f"alone {alone:.4f} s, at once {together:.4f} s, load {os.getloadavg()}")
    return together / alone


def is_busy() -> bool:
    """Whether others use the machine so much that neighbours in its caches are what is measured."""
    return os.getloadavg()[0] > 2 * (os.cpu_count() or 1)


several_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")


@several_cores
@needs_joblib
@pytest.mark.slow
@in_own_process(seconds=120)
def test_workers_of_joblib_do_not_oversubscribe() -> None:
    import joblib

    with (
        joblib.parallel_config(backend="loky", inner_max_num_threads=1),
        joblib.Parallel(n_jobs=2, batch_size=1) as parallel,
    ):
        burst_later = joblib.delayed(burst)
        ratio = oversubscription(lambda calls: parallel(burst_later(*call) for call in calls))
    assert ratio <= 1.1 or is_busy()


@several_cores
@pytest.mark.slow
@in_own_process(seconds=120, OMP_NUM_THREADS="1")
def test_workers_of_multiprocessing_do_not_oversubscribe() -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        ratio = oversubscription(lambda calls: pool.starmap(burst, calls, chunksize=1))
    assert ratio <= 1.1 or is_busy()


@needs_joblib
@in_own_process()
def test_joblib_tells_workers_to_use_their_share() -> None:
    import joblib

    call = joblib.delayed(klrs.get_num_threads)
    assert joblib.Parallel(n_jobs=os.cpu_count())([call()]) == [1]


# Ctrl-C


PROMISED = 0.2

LONG_CALLS = {
    "one row": ((6_000_000_000,), 0),
    "long rows": ((300_000, 20_000), 1),
    "middle rows": ((6_000_000, 1000), 1),
    "short rows": ((20_000_000, 32), 1),
    "columns": ((1000, 6_000_000), 0),
    "long columns": ((20_000, 300_000), 0),
}
"""Seconds each, if nothing stops them."""


def seconds_until_stopped(call: Callable[[], object], after: float = 0.1) -> float:
    """From the signal, which comes when the call runs, to KeyboardInterrupt."""
    at = [0.0]

    def send() -> None:
        at[0] = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        stopped = time.perf_counter()
    else:
        raise AssertionError("the call ended before it was interrupted")
    timer.join()
    return stopped - at[0]


@pytest.mark.slow
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("case", LONG_CALLS)
@in_own_process(seconds=120)
def test_ctrl_c_stops(case: str, normalize: bool) -> None:
    shape, axis = LONG_CALLS[case]
    rows = uniform(*shape, axis=axis)
    for threads in (1, 2):
        with klrs.threads(threads):
            seconds = min(
                seconds_until_stopped(lambda: KL(rows, rows, axis=axis, normalize=normalize))
                for _ in range(3)
            )
        print(f"{threads} threads: {seconds:.3f} s")
        assert seconds < PROMISED
        works_as_ever()


def works_as_ever() -> None:
    few = uniform(1000, 1000)
    assert np.all(klrs.entropy(few) == klrs.entropy(few[0]))


@pytest.mark.parametrize("name", [verb.name for verb in VERBS])
@in_own_process(seconds=60)
def test_ctrl_c_stops_every_verb(name: str) -> None:
    verb = next(verb for verb in VERBS if verb.name == name)
    rows = uniform(300_000, 2**14, dtype="f2")
    assert seconds_until_stopped(lambda: verb(rows, rows)) < PROMISED
    works_as_ever()


@pytest.mark.parametrize("shape", [(3_000_000_000,), (3_000_000, 1000), (150_000, 20_000)])
@pytest.mark.parametrize("normalize", [False, True])
@in_own_process(seconds=60)
def test_ctrl_c_leaves_out_untouched(shape: tuple[int, ...], normalize: bool) -> None:
    rows = uniform(*shape)
    out = np.full(shape[:-1], -1.0)
    seconds_until_stopped(lambda: KL(rows, rows, normalize=normalize, out=out))
    assert np.all(out == -1)


@pytest.mark.slow
@in_own_process(seconds=60)
def test_ctrl_c_stops_the_search_for_a_mistake() -> None:
    """A sum that is not 1 is looked at again: seconds of work on one thread, after the sums."""
    right, wrong = uniform(500_000_000), np.broadcast_to(1.0, (500_000_000,))
    began = time.perf_counter()
    klrs.entropy(right)
    summed = time.perf_counter() - began
    assert seconds_until_stopped(lambda: klrs.entropy(wrong), after=2 * summed) < PROMISED


@in_own_process(seconds=60)
def test_ctrl_c_does_not_stop_other_threads() -> None:
    """Python raises in the main thread alone."""
    rows = uniform(500_000, 1000)
    values: list[np.ndarray] = []
    ended = threading.Event()

    def call() -> None:
        values.append(klrs.entropy(rows))
        ended.set()

    worker = threading.Thread(target=call)

    def start_and_wait() -> None:
        worker.start()
        ended.wait()

    assert seconds_until_stopped(start_and_wait) < PROMISED
    assert not ended.is_set()
    assert ended.wait(30)
    assert np.all(values[0] == klrs.entropy(rows[0]))


@pytest.mark.parametrize("normalize", [False, True])
@in_own_process(seconds=60)
def test_what_a_handler_raises_is_raised(normalize: bool) -> None:
    class AlarmError(Exception):
        pass

    def ring(*_: object) -> None:
        raise AlarmError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    row = uniform(3_000_000_000)
    with pytest.raises(AlarmError):
        klrs.kl_divergence(row, row, normalize=normalize)


@in_own_process(seconds=60)
def test_a_handler_that_returns_stops_nothing() -> None:
    rung = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    rows = uniform(300_000, 1000)
    values = klrs.entropy(rows)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(rung) > 1
    assert np.all(values == klrs.entropy(rows[0]))


# Limits


def allow_no_more_threads() -> None:
    """By address space: limits on processes do not hold for root. A stack is 2 MB or more."""
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 1_000_000,) * 2)


def said_by(call: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        call()
    return [f"{warning.category.__name__}: {warning.message}" for warning in said]


NO_THREADS = (
    "RuntimeWarning: klrs could not start threads (is there a limit on processes or memory?) and "
    "computes with one from now on; call klrs.set_num_threads(1) to say that this is meant"
)


@in_process_with_threads
def test_without_threads_the_caller_does_the_work_and_says_so_once() -> None:
    p, q = pair(4000, 500)
    with klrs.threads(1):
        expected = bits(klrs.kl_divergence(p, q))
    out = np.empty(4000)
    allow_no_more_threads()
    assert said_by(lambda: klrs.kl_divergence(p, q, out=out)) == [NO_THREADS]
    assert bits(out) == expected
    assert said_by(lambda: klrs.kl_divergence(p, q, out=out)) == []
    assert helpers() == 0


@in_process_with_threads
def test_without_threads_a_call_for_more_of_them_says_nothing_new() -> None:
    """The first has two pieces of work and asks for one helper, the second for two."""
    rows = uniform(4000, 1000)
    allow_no_more_threads()
    assert said_by(lambda: klrs.entropy(rows[:100])) == [NO_THREADS]
    assert said_by(lambda: klrs.entropy(rows)) == []


@in_process_with_threads
def test_a_pool_that_cannot_grow_still_works() -> None:
    rows = uniform(4000, 1000)
    expected = bits(klrs.entropy(rows))
    allow_no_more_threads()
    with klrs.threads(8):
        assert said_by(lambda: klrs.entropy(rows)) == [NO_THREADS]
        assert bits(klrs.entropy(rows)) == expected


@in_process_with_threads
def test_one_thread_on_purpose_is_no_reason_for_a_warning() -> None:
    rows = uniform(4000, 1000)
    allow_no_more_threads()
    klrs.set_num_threads(1)
    assert said_by(lambda: klrs.entropy(rows)) == []
