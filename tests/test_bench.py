"""The benchmark's script runs; what it measures is for `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from klrs._calls import definitions

SCRIPT = Path(__file__).resolve().parent.parent / "benches" / "compare.py"

PEERS = ("simsimd", "numkong", "ot")


@pytest.mark.slow
@pytest.mark.skipif(not SCRIPT.exists(), reason="only in a checkout of the repository")
def test_quick_benchmark(tmp_path: Path) -> None:
    for peer in PEERS:
        pytest.importorskip(peer, reason="`make bench` installs it, into .venv-bench")
    report = tmp_path / "report.md"
    subprocess.run([sys.executable, SCRIPT, "--quick", "--markdown", report], check=True)
    text = report.read_text(encoding="utf-8")
    for contender in ("klrs `kl_divergence(p, q)`", "SciPy `rel_entr(p, q).sum(-1)`"):
        assert contender in text
    assert "memory added to inputs and results" in text
    _, _, catalogue = text.partition("The catalogue.")
    for verb in definitions:
        assert f"\n| `{verb}(p" in catalogue


@pytest.mark.slow
@pytest.mark.skipif(not SCRIPT.exists(), reason="only in a checkout of the repository")
def test_quick_benchmark_of_transport(tmp_path: Path) -> None:
    for peer in PEERS:
        pytest.importorskip(peer, reason="`make bench` installs it, into .venv-bench")
    report = tmp_path / "report.md"
    arguments = ["--quick", "--only", "transport", "--markdown", report]
    subprocess.run([sys.executable, SCRIPT, *arguments], check=True)
    _, _, brief = report.read_text(encoding="utf-8").partition("\n\n| ")
    brief, _, targets = brief.partition("\n\n")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in brief.splitlines()[2:]]
    assert len(rows) == 10
    for title, ours, *others in rows:
        limit = 2e-6 if "float32" in title else 1e-12
        # Where the oracle is quick enough, a time and an error.
        for cell in (ours, *others) if "energy_distance" not in title else ():
            assert not cell or float(cell.rpartition(", ")[2]) < limit, title
    assert "POT `wasserstein_1d(x.T, y.T)` | 5 x |" in targets
    assert "SciPy `wasserstein_distance(x, y) of each row` | 10 x |" in targets
    assert targets.count("klrs `kl_divergence(p, q)` | 0.5 x |") == 2


@pytest.mark.slow
@pytest.mark.skipif(not SCRIPT.exists(), reason="only in a checkout of the repository")
def test_quick_benchmark_of_logits(tmp_path: Path) -> None:
    for peer in PEERS:
        pytest.importorskip(peer, reason="`make bench` installs it, into .venv-bench")
    report = tmp_path / "report.md"
    arguments = ["--quick", "--only", "logits", "--markdown", report]
    subprocess.run([sys.executable, SCRIPT, *arguments], check=True)
    text = report.read_text(encoding="utf-8")
    assert "The catalogue." not in text
    _, _, brief = text.partition("\n\n| ")
    brief, _, targets = brief.partition("\n\n")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in brief.splitlines()[2:]]
    assert len(rows) == 9
    for title, ours, *_ in rows:
        assert "logits." in title
        # A time and an error; klrs promises 2e-6.
        assert float(ours.rpartition(", ")[2]) < 2e-6, title
    assert " MB |" in brief
    assert "SciPy `-log_softmax(q, axis=-1)[np.arange(len(q)), labels]` | 10 x |" in targets
    assert "memory added to inputs and results" in targets
