"""Calls that do not fit a signature: what `explain` says, for every public function."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import klrs
from klrs import _calls

P, Q = [0.5, 0.5], [0.25, 0.75]
PARAMETERS = {name: inspect.signature(it).parameters for name, it in _calls.definitions.items()}
PARAMETRIZED = {
    name: keyword
    for name, parameters in PARAMETERS.items()
    for keyword, it in parameters.items()
    if it.kind is it.KEYWORD_ONLY and it.default is it.empty
}
"""Functions with a keyword that has to be given."""


def operands(name: str) -> tuple[Any, ...]:
    return (P, Q) if "q" in PARAMETERS[name] else (P,)


def explain(name: str, *args: Any, **kwargs: Any) -> str:
    return _calls.explain(name, args, kwargs)


def test_which_functions_need_a_keyword() -> None:
    assert PARAMETRIZED == {
        "alpha_divergence": "alpha",
        "power_divergence": "lambda_",
        "renyi_divergence": "alpha",
        "renyi_entropy": "alpha",
        "skew_divergence": "skew",
        "tsallis_divergence": "alpha",
        "tsallis_entropy": "alpha",
    }


@pytest.mark.parametrize(("name", "keyword"), PARAMETRIZED.items())
def test_keyword_forgotten(name: str, keyword: str) -> None:
    shown = "p, q" if "q" in PARAMETERS[name] else "p"
    text = f"{name}() needs {keyword}: pass it by keyword, e.g. {name}({shown}, {keyword}="
    assert explain(name, *operands(name)).startswith(text)
    assert explain(name, **dict(zip("pq", operands(name), strict=False))).startswith(text)
    assert explain(name, *operands(name), axis=0, base=2).startswith(
        text if "base" in PARAMETERS[name] else f"{name}() got an unexpected keyword argument"
    )


@pytest.mark.parametrize(("name", "keyword"), PARAMETRIZED.items())
def test_parameter_by_position(name: str, keyword: str) -> None:
    """As scipy.stats and others take it."""
    assert f"keyword-only, e.g. {keyword}=0.5" in explain(name, *operands(name), 0.5)
    assert "keyword-only, e.g. alpha" not in explain(name, *operands(name), 2, **{keyword: 1})


def test_the_divergence_that_belongs_to_an_entropy() -> None:
    for name, call in (
        ("entropy", "klrs.kl_divergence(p, q)"),
        ("renyi_entropy", "klrs.renyi_divergence(p, q, alpha=0.5)"),
        ("tsallis_entropy", "klrs.tsallis_divergence(p, q, alpha=0.5)"),
        ("min_entropy", "klrs.renyi_divergence(p, q, alpha=np.inf)"),
    ):
        text = explain(name, P, Q)
        assert text.endswith(f"the divergence of p from q is {call}")


@pytest.mark.parametrize("name", PARAMETERS)
def test_base_where_there_is_none(name: str) -> None:
    if "base" in PARAMETERS[name]:
        return
    text = explain(name, *operands(name), base=2)
    assert text.startswith(f"{name}() got an unexpected keyword argument 'base'; expected one of ")
    assert text.endswith(
        {
            "generalized_kl_divergence": "(its value is a difference of masses, not a logarithm, "
            "and always in nats)",
            "perplexity": "(it is the same number in every base)",
            "alpha_divergence": "it is in nats)",
            "power_divergence": "it is in nats)",
            "tsallis_divergence": "it is in nats)",
            "tsallis_entropy": "it is in nats)",
        }.get(name, "(its value is no logarithm and has no unit)")
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_unknown_keyword_comes_before_a_missing_one(name: str) -> None:
    text = explain(name, *operands(name), reduction="mean")
    assert text.startswith(f"{name}() got an unexpected keyword argument 'reduction'; expected")


@pytest.mark.parametrize("name", PARAMETERS)
def test_text_signature(name: str) -> None:
    """Made without `inspect`, for the sake of the import, and the same as its."""
    bare = [it.replace(annotation=it.empty) for it in PARAMETERS[name].values()]
    assert str(inspect.signature(getattr(klrs, name))) == str(inspect.Signature(bare))


def test_names_of_keywords_that_many_calls_have() -> None:
    """Which tuple of names a call comes with is remembered, for a few dozen of them."""
    keywords = ["axis=0", "base=2", "keepdims=True", "normalize=True", "where=None", "out=None"]
    expected = klrs.kl_divergence(P, Q, axis=0, base=2, keepdims=True)
    calls = []
    for number in range(300):
        order = keywords[number % 6 :] + keywords[: number % 6]
        # Code of its own, which has a tuple of its own.
        calls.append(eval(f"lambda f, *given: f(*given, {', '.join(order)})"))
    for own in [*calls, *calls]:
        assert own(klrs.kl_divergence, P, Q) == expected
    own = calls[0]
    assert own(klrs.js_divergence, P, Q) == klrs.js_divergence(P, Q, base=2)
    assert own(klrs.entropy, Q) == klrs.entropy(Q, base=2)
    with pytest.raises(TypeError, match="base"):
        own(klrs.hellinger_distance, P, Q)
    with pytest.raises(TypeError, match="axis"):
        own(klrs.kl_divergence, P, Q, 0)
