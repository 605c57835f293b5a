"""The public face: names, signatures, docstrings and README agree, and their examples run."""

from __future__ import annotations

import doctest
import importlib.metadata
import inspect
import pickle
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import klrs
import reference
from inputs import (
    VERBS,
    Verb,
    each_verb,
)
from klrs import _calls, _klrs

README = Path(__file__).parents[1] / "README.md"
NAMES = {verb.name for verb in VERBS}
SYMMETRIC = {
    "jeffreys_divergence",
    "population_stability_index",
    "js_divergence",
    "js_distance",
    "triangular_discrimination",
    "total_variation_distance",
    "hellinger_distance",
    "bhattacharyya_coefficient",
    "bhattacharyya_distance",
}
ASYMMETRIC = [v.name for v in VERBS if v.operands == 2 and v.name not in SYMMETRIC]
SECTIONS = ("Parameters", "Returns", "Raises", "Notes", "References", "Examples")

needs_readme = pytest.mark.skipif(not README.exists(), reason="the tests lie without README.md")


def test_registry() -> None:
    """The core, the public functions, the oracle and these tests name the same verbs.

    The public functions that are none have a body in Python.
    """
    public = {
        name
        for name in klrs.__all__
        if inspect.isbuiltin(function := getattr(klrs, name))
        and "p" in inspect.signature(function).parameters
    }
    assert set(_klrs.verbs()) == NAMES
    assert public == NAMES
    assert reference.VERBS.keys() == NAMES


def readme_section(title: str) -> str:
    """The lines under the first heading that contains the title, up to the next of its level."""
    text = README.read_text("utf-8")
    found = re.search(rf"^(#+) [^\n]*{title}[^\n]*\n", text, re.MULTILINE | re.IGNORECASE)
    assert found, f"README.md has no section {title!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


@needs_readme
def test_readme_defines_every_verb() -> None:
    """A row of the table of definitions begins with a call of the verb, with what it requires."""
    rows = re.findall(r"^\|\s*`(\w+)\((.*?)\)`", readme_section("Definitions"), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(NAMES)
    for name, arguments in rows:
        given = [argument.partition("=")[0] for argument in arguments.split(", ")]
        parameters = inspect.signature(getattr(klrs, name)).parameters.values()
        assert given == [p.name for p in parameters if p.default is p.empty]


def run_examples(name: str, text: str) -> None:
    """As doctests in one namespace, as a reader would type them one after the other."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(text, {"np": np, "klrs": klrs}, name, name, 0)
    output: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    runner.run(test, out=output.append)
    assert test.examples, f"{name} has no examples"
    assert not output, "".join(output)


@needs_readme
def test_readme_examples() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    run_examples("README.md", "\n".join(block for block in blocks if ">>>" in block))


def test_module_docstring_examples() -> None:
    run_examples("klrs", klrs.__doc__ or "")


@each_verb
def test_signature(verb: Verb) -> None:
    """Operands, what is the verb's own, and the options in one order."""
    signature = inspect.signature(verb.function)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    operands = "p, q=None" if verb.name == "perplexity" else ", ".join("pq"[: verb.operands])
    words = [operands, "*", *([verb.parameter] if verb.parameter else [])]
    words += ["weights=None"] if verb.has_weights else []
    words += ["axis=-1", *(["base=None"] if verb.has_base else [])]
    words += ["keepdims=False", "where=None", "out=None"]
    words += ["normalize=False"] if verb.has_normalize else []
    assert str(inspect.Signature(bare)) == f"({', '.join(words)})"


@each_verb
def test_annotations(verb: Verb) -> None:
    """They are what type checkers read; at run time the functions are written in C, as it were."""
    signature = inspect.signature(_calls.definitions[verb.name])
    annotations = {p.name: p.annotation for p in signature.parameters.values()}
    expected = {
        "p": "Distributions",
        "q": "Distributions | None" if verb.name == "perplexity" else "Distributions",
        "axis": "Axis",
        "base": "float | None",
        "keepdims": "bool",
        "where": "ArrayLike | None",
        "out": "Out | None",
        "normalize": "bool",
        verb.parameter: "float",
    }
    annotations.pop("weights", None)
    assert annotations == {name: expected[name] for name in annotations}
    assert signature.return_annotation == "Result"


@each_verb
def test_function_knows_its_name(verb: Verb) -> None:
    assert verb.function.__name__ == verb.name
    assert verb.function.__qualname__ == verb.name
    assert verb.function.__module__.split(".")[0] == "klrs"


@each_verb
def test_docstring_sections(verb: Verb) -> None:
    """The sections of numpydoc, in its order, and every parameter described."""
    doc = inspect.getdoc(verb.function) or ""
    assert re.match(r"[A-Z][^\n]*\.\n\n", doc), "the first line is one sentence"
    headings = re.findall(r"^(\w[\w ]*)\n-+$", doc, re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)
    parameters = doc.split("Parameters\n----------\n")[1].split("\nReturns\n")[0]
    described = re.findall(r"^(\w[\w, ]*) :", parameters, re.MULTILINE)
    names = [name for group in described for name in group.split(", ")]
    assert names == list(inspect.signature(verb.function).parameters)


@each_verb
def test_docstring_examples(verb: Verb) -> None:
    run_examples(verb.name, inspect.getdoc(verb.function) or "")


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_docstring_shows_both_orders(name: str) -> None:
    """The order of p and q is what people mistake: the examples show both numbers.

    Those of a symmetric one are the same, and the notes say so.
    """
    examples = (inspect.getdoc(getattr(klrs, name)) or "").split("Examples\n")[1]
    both = re.search(
        rf"{name}\(p, q.*, klrs\.{name}\(q, p.*\n\(np\.float64\((.*)\), .*\((.*)\)\)", examples
    )
    assert both, examples
    assert both[1] != both[2]


@pytest.mark.parametrize("name", sorted(SYMMETRIC))
def test_docstring_says_symmetric(name: str) -> None:
    assert re.search(
        r"\bmetric\b|(?<!not )\bsymmetric\b", inspect.getdoc(getattr(klrs, name)) or "", re.I
    )


def test_news_example() -> None:
    """The example of the README, to the last digit; H(p, q) = H(p) + D(p||q) in bits."""
    p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    assert klrs.kl_divergence(p, q) == pytest.approx(0.186098093827000820, rel=4e-16)
    code_length = klrs.cross_entropy(p, q, base=2)
    shortest, surplus = klrs.entropy(p, base=2), klrs.kl_divergence(p, q, base=2)
    assert code_length == pytest.approx(shortest + surplus, rel=4e-16)


def test_version() -> None:
    assert klrs.__version__ == importlib.metadata.version("klrs")


def test_import_is_light() -> None:
    """Nothing is imported that a user of klrs has not asked for, but NumPy."""
    script = "import sys, klrs; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for package in (
        "scipy",
        "pandas",
        "torch",
        "ml_dtypes",
        "mpmath",
        "argparse",
        "importlib_metadata",
    ):
        assert package not in run.stdout.split()


@each_verb
def test_functions_are_what_tools_expect(verb: Verb) -> None:
    assert pickle.loads(pickle.dumps(verb.function)) is verb.function
    assert (verb.function.__name__, verb.function.__module__) == (verb.name, "klrs")
    assert verb.name in pydoc.render_doc(verb.function)


@each_verb
def test_operands_may_be_named(verb: Verb) -> None:
    p = [0.5, 0.5]
    operands = {"p": p} if verb.operands == 1 else {"q": p, "p": p}
    assert verb.function(**operands, **verb.numbers) == verb(p, p)
