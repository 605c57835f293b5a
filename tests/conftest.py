"""Settings of hypothesis, and the table of measured errors that ends a run."""

from __future__ import annotations

from collections.abc import MutableMapping

import hypothesis
import pytest

# derandomize: a run on somebody else's machine fails on the same example.
hypothesis.settings.register_profile("klrs", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("klrs")

Errors = MutableMapping[tuple[str, str, str], float]
"""The largest relative error by dtype, input class and verb."""

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
    dtypes, classes, verbs = (list(dict.fromkeys(column)) for column in zip(*errors, strict=True))
    terminalreporter.section("largest relative error measured (bound: f64 2e-14, others 2e-6)")
    for dtype in dtypes:
        names = (verb.removesuffix("_divergence") for verb in verbs)
        terminalreporter.line(f"{dtype:32}" + "".join(f"{name:>15}" for name in names))
        for name in classes:
            cells = [errors.get((dtype, name, verb)) for verb in verbs]
            if any(cell is not None for cell in cells):
                line = (f"{'' if cell is None else f'{cell:.1e}':>15}" for cell in cells)
                terminalreporter.line(f"  {name:30}" + "".join(line))
