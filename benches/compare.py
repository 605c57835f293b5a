"""klrs and its peers on the same arrays: time, error and memory, as Markdown.

    python benches/compare.py [--quick] [--markdown FILE] [--update-readme]

The peers take turns with klrs in one process, and every result is checked against the oracle of the
tests. It takes some minutes and 5 GB of memory, and wants a machine that does nothing else.

    workloads.py   the arrays         contenders.py  who computes what, and what that means
    catalogue.py   every divergence   cases.py       who runs on what
    measure.py     times and errors   memory.py      peak memory
    accuracy.py    rows on which formulas lose their digits
    tables.py      Markdown           oracle.py      the exact values
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import accuracy
import measure
import memory
import tables
from cases import Case, Entry, Target, all_cases, every_verb

README = Path(__file__).resolve().parent.parent / "README.md"

MEMORY_LIMIT = 16_000_000
IMPORT_LIMIT = 3e-3


@dataclass(frozen=True)
class Effort:
    """How large the arrays are and how long to measure and to check."""

    shrink: int = 1
    seconds_per_case: float = 15.0
    seconds_per_verb: float = 6.0
    entries_checked: int = 20_000
    accuracy_classes: int | None = None


QUICK = Effort(
    shrink=400,
    seconds_per_case=0.1,
    seconds_per_verb=0.05,
    entries_checked=1000,
    accuracy_classes=2,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small arrays: tests this script")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables there")
    parser.add_argument(
        "--update-readme", action="store_true", help="put the tables into README.md"
    )
    options = parser.parse_args()
    effort = QUICK if options.quick else Effort()

    cases = all_cases(effort.shrink)
    results = {case: measure_case(case, effort, effort.seconds_per_case) for case in cases}
    verbs = {
        case: measure_case(case, effort, effort.seconds_per_verb)
        for case in every_verb(effort.shrink)
    }
    speed = paragraphs(
        f"{tables.machine()}. {tables.HOW_TO_READ}",
        tables.in_brief(results),
        tables.CATALOGUE,
        tables.catalogue(verbs),
        tables.targets(
            target_ratios(results),
            memory_added(cases),
            MEMORY_LIMIT,
            measure.import_seconds(),
            IMPORT_LIMIT,
        ),
    )
    errors = paragraphs(
        tables.HOW_TO_READ_ACCURACY,
        *(
            tables.accuracy(comparison, comparison.classes[: effort.accuracy_classes])
            for comparison in accuracy.COMPARISONS
        ),
    )
    in_full = tables.in_full(results | verbs)
    document = paragraphs("# Speed", speed, in_full, "# Accuracy", errors)
    print(document)
    if options.markdown:
        options.markdown.write_text(document + "\n", encoding="utf-8")
    if options.update_readme:
        readme = README.read_text(encoding="utf-8")
        readme = tables.replace_between(readme, "bench", speed)
        readme = tables.replace_between(readme, "accuracy", errors)
        README.write_text(readme, encoding="utf-8")


def paragraphs(*texts: str) -> str:
    return "\n\n".join(texts)


def measure_case(case: Case, effort: Effort, budget: float) -> tables.Results:
    """Time and check every entry of a case."""
    print(f"measuring {case.title}", file=sys.stderr)
    with np.errstate(all="ignore"):  # peers divide by zero, where a probability underflowed
        seconds = measure.seconds(case, budget)
        errors = {e: measure.error(e, entries=effort.entries_checked) for e in case.entries}
    return {e: tables.Measured(seconds[e], errors[e]) for e in case.entries}


def target_ratios(results: dict[Case, tables.Results]) -> dict[Target, float]:
    """How many times as fast as its reference each target's entry is."""
    return {
        target: measured[target.reference].seconds / measured[target.entry].seconds
        for case, measured in results.items()
        for target in case.targets
    }


def memory_added(cases: list[Case]) -> dict[Entry, int]:
    """What each call of klrs needs beyond its inputs."""
    entries = dict.fromkeys(e for case in cases for e in case.entries if e.contender.is_verb)
    return {entry: memory.added(entry.contender.verb, entry.workload) for entry in entries}


if __name__ == "__main__":
    main()
