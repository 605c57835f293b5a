"""klrs and its peers on the same arrays: time, error and memory, as Markdown.

    python benches/compare.py [--only SPACE] [--quick] [--markdown FILE] [--update-readme]

The peers take turns with klrs in one process, and every result is checked against the oracle of the
tests. It takes some minutes and 6 GB of memory, and wants a machine that does nothing else. torch
takes part where it is installed.

    workloads.py   the arrays         contenders.py  who computes what, and what that means
    catalogue.py   every divergence   losses.py      the same of logits
    transport.py   the same on a line
    gaussians.py   the same of Gaussians beside the standard normal
    cases.py       who runs on what   measure.py     times and errors
    memory.py      peak memory
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
import klrs
import losses
import measure
import memory
import oracle
import tables
import workloads
from cases import (
    Case,
    Entry,
    Target,
    all_cases,
    cases_of_gaussians,
    cases_of_logits,
    cases_on_a_line,
    every_verb,
)

README = Path(__file__).resolve().parent.parent / "README.md"

MEMORY_LIMIT = 16_000_000
MEMORY_LIMIT_PER_THREAD = 1_000_000
IMPORT_LIMIT = 3e-3


@dataclass(frozen=True)
class Effort:
    """How large the arrays are and how long to measure and to check."""

    shrink: int = 1
    seconds_per_case: float = 15.0
    seconds_per_verb: float = 6.0
    entries_checked: int = 20_000
    fewest_rows_checked: int = 4
    accuracy_classes: int | None = None
    calls_for_memory: int | None = None


QUICK = Effort(
    shrink=400,
    seconds_per_case=0.1,
    seconds_per_verb=0.05,
    entries_checked=1000,
    fewest_rows_checked=1,
    accuracy_classes=2,
    calls_for_memory=2,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=SPACES, help="leave out what has other inputs")
    parser.add_argument("--quick", action="store_true", help="small arrays: tests this script")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables there")
    parser.add_argument(
        "--update-readme", action="store_true", help="put the tables into README.md"
    )
    options = parser.parse_args()
    effort = QUICK if options.quick else Effort()

    places: dict[str, str] = {}
    in_full: dict[Case, tables.Results] = {}
    for space in [options.only] if options.only else SPACES:
        sections, results = SPACES[space](effort)
        places |= sections
        in_full |= results
    titled = (f"# {TITLES[place]}\n\n{text}" for place, text in places.items())
    document = paragraphs(*titled, "# In full", tables.in_full(in_full))
    print(document)
    if options.markdown:
        options.markdown.write_text(document + "\n", encoding="utf-8")
    if options.update_readme:
        readme = README.read_text(encoding="utf-8")
        for place, text in places.items():
            readme = tables.replace_between(readme, place, text)
        README.write_text(readme, encoding="utf-8")


Found = tuple[dict[str, str], dict[Case, tables.Results]]
"""Text by its place in the README, and what it was made from."""


def probabilities(effort: Effort) -> Found:
    """The verbs of klrs itself."""
    cases = all_cases(effort.shrink)
    results = {case: measure_case(case, effort, effort.seconds_per_case) for case in cases}
    verbs = {
        case: measure_case(case, effort, effort.seconds_per_verb)
        for case in every_verb(effort.shrink)
    }
    ours = [entry for case in cases for entry in case.entries if entry.contender.is_verb]
    speed = paragraphs(
        f"{tables.machine()}. {tables.HOW_TO_READ}",
        tables.in_brief(results),
        tables.CATALOGUE,
        tables.catalogue(verbs),
        tables.targets(
            [
                *tables.ratio_rows(target_ratios(results)),
                tables.memory_row(memory_added(ours, effort), MEMORY_LIMIT),
                tables.import_row(measure.import_seconds(), IMPORT_LIMIT),
            ]
        ),
    )
    errors = paragraphs(
        tables.HOW_TO_READ_ACCURACY,
        *(
            tables.accuracy(comparison, comparison.classes[: effort.accuracy_classes])
            for comparison in accuracy.COMPARISONS
        ),
    )
    return {"bench": speed, "accuracy": errors}, results | verbs


def logits(effort: Effort) -> Found:
    """Those of klrs.logits."""
    cases = cases_of_logits(effort.shrink)
    results = {case: measure_case(case, effort, effort.seconds_per_case) for case in cases}
    workloads.logits.cache_clear()  # Gigabytes; the processes that follow have their own.
    losses.room.cache_clear()
    added = memory_added(
        [e for case in cases for e in case.entries if e.contender.who in ("klrs", "torch")], effort
    )
    ours = {entry: most for entry, most in added.items() if entry.contender.who == "klrs"}
    text = paragraphs(
        f"{tables.machine()}. {tables.HOW_TO_READ_LOGITS}",
        tables.of_logits(results, added),
        tables.targets(
            [
                *tables.ratio_rows(target_ratios(results)),
                tables.memory_row(ours, MEMORY_LIMIT_PER_THREAD * klrs.get_num_threads()),
            ]
        ),
    )
    return {"logits": text}, results


def on_a_line(effort: Effort) -> Found:
    """Transport, of samples and of histograms."""
    cases = cases_on_a_line(effort.shrink)
    results = {case: measure_case(case, effort, effort.seconds_per_case) for case in cases}
    text = paragraphs(
        f"{tables.machine()}. {tables.HOW_TO_READ_TRANSPORT}",
        tables.on_a_line(results),
        tables.targets(tables.ratio_rows(target_ratios(results))),
    )
    return {"transport": text}, results


def variational(effort: Effort) -> Found:
    """The KL term of a VAE, and its gradients."""
    cases = cases_of_gaussians(effort.shrink)
    results = {case: measure_case(case, effort, effort.seconds_per_case) for case in cases}
    workloads.gaussians.cache_clear()
    losses.room.cache_clear()
    rows = tables.targets(tables.ratio_rows(target_ratios(results)))
    return {"variational": paragraphs(f"{tables.machine()}.", rows)}, results


# Logits and Gaussians first, because their arrays are given back.
SPACES = {
    "logits": logits,
    "variational": variational,
    "transport": on_a_line,
    "probabilities": probabilities,
}

TITLES = {
    "logits": "Logits",
    "variational": "The KL term of a VAE",
    "transport": "On a line",
    "bench": "Speed",
    "accuracy": "Accuracy",
}
"""By the place in the README."""


def paragraphs(*texts: str) -> str:
    return "\n\n".join(texts)


def measure_case(case: Case, effort: Effort, budget: float) -> tables.Results:
    """Time and check every entry of a case."""
    print(f"measuring {case.title}", file=sys.stderr)
    with np.errstate(all="ignore"):  # peers divide by zero, where a probability underflowed
        seconds = measure.seconds(case, budget)
        enough = {"entries": effort.entries_checked, "fewest": effort.fewest_rows_checked}
        errors = {e: measure.error(e, **enough) for e in case.entries}
    oracle.forget()
    return {e: tables.Measured(seconds[e], errors[e]) for e in case.entries}


def target_ratios(results: dict[Case, tables.Results]) -> dict[Target, float]:
    """How many times as fast as its reference each target's entry is."""
    return {
        target: measured[target.reference].seconds / measured[target.entry].seconds
        for case, measured in results.items()
        for target in case.targets
    }


def memory_added(entries: list[Entry], effort: Effort) -> dict[Entry, int]:
    """What each call needs beyond its inputs and its result."""
    different = list(dict.fromkeys(entries))[: effort.calls_for_memory]
    return {entry: memory.added(entry, effort.shrink) for entry in different}


if __name__ == "__main__":
    main()
