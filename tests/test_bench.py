"""The benchmark's script runs; what it measures is for `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from klrs._calls import definitions

SCRIPT = Path(__file__).resolve().parent.parent / "benches" / "compare.py"


@pytest.mark.slow
@pytest.mark.skipif(not SCRIPT.exists(), reason="only in a checkout of the repository")
def test_quick_benchmark(tmp_path: Path) -> None:
    for peer in ("simsimd", "numkong"):
        pytest.importorskip(peer, reason="`make bench` installs it")
    report = tmp_path / "report.md"
    subprocess.run([sys.executable, SCRIPT, "--quick", "--markdown", report], check=True)
    text = report.read_text(encoding="utf-8")
    for contender in ("klrs `kl_divergence(p, q)`", "SciPy `rel_entr(p, q).sum(-1)`"):
        assert contender in text
    assert "memory added to the inputs" in text
    _, _, catalogue = text.partition("The catalogue.")
    for verb in definitions:
        assert f"\n| `{verb}(p" in catalogue
