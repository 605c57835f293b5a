"""The rooms of the code: who may name which crate, and that imports go one way."""

import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"

ROOMS = [
    "python",
    "distributions",
    "reduce",
    "logits",
    "gaussian",
    "draws",
    "transport",
    "tile",
    "verb",
    "kernel",
    "divergence",
    "view",
    "element",
]
"""From the door to the formulas; a room imports only from rooms after it, and from these:"""
FOUNDATIONS = {"lanes", "double", "error", "parallel"}

HOMES = {
    "fearless_simd": "lanes",
    "libm": "distributions transport",
    "rayon": "parallel",
    "pyo3": "python",
    "numpy": "python",
}

pytestmark = pytest.mark.skipif(not SOURCES.exists(), reason="not in a checkout")


def code(path: Path) -> str:
    """A file without its comments and its unit tests."""
    text = path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
    return re.sub(r"//.*", "", text)


def room(path: Path) -> str:
    return path.relative_to(SOURCES).parts[0].removesuffix(".rs")


@pytest.mark.parametrize(("crate", "home"), HOMES.items())
def test_a_crate_is_named_in_its_room_only(crate: str, home: str) -> None:
    pattern = re.compile(rf"(?<![\w:]){crate}::")
    named = {room(path) for path in SOURCES.rglob("*.rs") if pattern.search(code(path))}
    assert named == {*home.split()}


def test_imports_go_down_only() -> None:
    wrong = []
    for path in SOURCES.rglob("*.rs"):
        here = room(path)
        if here == "lib":
            continue
        for other in set(re.findall(r"crate::(\w+)", code(path))) - {here}:
            if here in FOUNDATIONS:
                fine = here in {"parallel", "double"} and other in FOUNDATIONS
            else:
                fine = other in FOUNDATIONS or ROOMS.index(other) > ROOMS.index(here)
            if not fine:
                wrong.append(f"{path.name} imports {other}")
    assert not wrong


def test_unsafe_is_where_the_design_allows_it() -> None:
    allowed = {"view.rs", "environment.rs", "arrays.rs", "function.rs", "lanes.rs"}
    pattern = re.compile(r"\bunsafe\b(?!_code)")
    assert {path.name for path in SOURCES.rglob("*.rs") if pattern.search(code(path))} <= allowed


def test_every_unsafe_block_says_why_it_is_safe() -> None:
    for path in SOURCES.rglob("*.rs"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\bunsafe (\{|impl)", line) and not line.strip().startswith("//"):
                before = "\n".join(lines[max(0, number - 3) : number])
                assert "SAFETY" in before, f"{path.name}:{number + 1}"


def test_closures_take_no_vectors() -> None:
    """One that is not inlined is compiled for no level: derivatives took 3 times as long."""
    takes_vectors = re.compile(r"\|[^|\n]*: ?(?:V\b|\[V\b|T::Lanes)[^|\n]*\|")
    rooms = ["divergence", "kernel", "lanes"]
    paths = [path for path in SOURCES.rglob("*.rs") if room(path) in rooms]
    assert {path.name for path in paths if takes_vectors.search(code(path))} == set()
