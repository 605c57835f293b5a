"""Settings of hypothesis, and the table of measured errors that ends a run."""

from __future__ import annotations

from collections.abc import MutableMapping

import hypothesis
import pytest

# derandomize: a run on somebody else's machine fails on the same example.
hypothesis.settings.register_profile("klrs", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("klrs")

Errors = MutableMapping[tuple[str, str, str], float]
"""The largest relative error by dtype, input class and verb, and over all numbers of a family."""

MEASURED = pytest.StashKey[Errors]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = {}


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest) -> Errors:
    """Where test_accuracy.py enters what it measured."""
    return request.config.stash[MEASURED]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    errors = config.stash[MEASURED]
    if not errors:
        return
    dtypes, _, verbs = (list(dict.fromkeys(column)) for column in zip(*errors, strict=True))
    terminalreporter.section("largest relative error measured (bound: f64 2e-14, others 2e-6)")
    terminalreporter.line(f"{'':28}" + "".join(f"{dtype:35}" for dtype in dtypes).rstrip())
    for verb in verbs:
        line = f"{verb:28}"
        for dtype in dtypes:
            cells = [(error, key[1]) for key, error in errors.items() if key[::2] == (dtype, verb)]
            line += f"{max(cells)[0]:.1e} {max(cells)[1]:27.26}" if cells else " " * 35
        terminalreporter.line(line.rstrip())
