"""A clock for comparing functions with each other: interleaved, repeated, medians.

Absolute times on a shared machine wander by tens of per cent within seconds. Calls that take turns
wander together, so the ratio of their medians holds where the ratio of two separate measurements
does not. The command line and the repository's benchmarks use this one clock.
"""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

# A reading of the clock covers at least this long, by calling short functions repeatedly: long
# against the cost of reading the clock (about 50 ns), short enough to interleave often.
SHORTEST_READING = 1e-3

FEWEST_READINGS = 3
MOST_READINGS = 101


def interleaved_medians(
    calls: Mapping[str, Callable[[], object]], *, budget: float
) -> dict[str, float]:
    """Time functions in rounds in which each has its turn.

    Parameters
    ----------
    calls : mapping of str to callable
        What to time, by name. The results are thrown away.
    budget : float
        Seconds to spend, in equal shares. Who has used up its share leaves the later rounds to the
        faster ones, after 3 readings at least; nobody gets more than 101.

    Returns
    -------
    dict of str to float
        The median of each, in seconds per call and in the order given.
    """
    # The first calls pay for page faults and lazy set-up; the second say how many fill a reading.
    for call in calls.values():
        call()
    repeats = {
        name: max(1, round(SHORTEST_READING / max(_seconds_per_call(call, 1), 1e-9)))
        for name, call in calls.items()
    }
    readings: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(MOST_READINGS):
        for name, call in calls.items():
            spent = sum(readings[name]) * repeats[name]
            if len(readings[name]) < FEWEST_READINGS or spent < budget / len(calls):
                readings[name].append(_seconds_per_call(call, repeats[name]))
    return {name: median(times) for name, times in readings.items()}


def _seconds_per_call(call: Callable[[], object], repeats: int) -> float:
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def format_seconds(seconds: float) -> str:
    """A duration to three digits, in the unit that keeps it readable: `"21.4 ms"`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{three_digits(seconds / size)} {unit}"
    return f"{three_digits(seconds / 1e-9)} ns"


def three_digits(value: float) -> str:
    """At least three digits, without an exponent: `"0.123"`, `"8.40"`, `"21.4"`, `"1830"`."""
    _, exponent = f"{value:.2e}".split("e")
    return f"{value:.{max(0, 2 - int(exponent))}f}"
