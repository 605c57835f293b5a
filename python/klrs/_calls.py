"""Public functions from their definitions, and errors for the calls that do not fit those."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from klrs import _klrs

Function = TypeVar("Function", bound=Callable[..., Any])

_NO_SUCH_KEYWORD = {
    "base": "its value is a difference of masses, not a logarithm, and always in nats",
    "normalize": "it compares measures as they are; normalize with klrs.kl_divergence",
}

definitions: dict[str, Callable[..., Any]] = {}
"""What the public functions were made of, by their names."""


def verb(definition: Function) -> Function:
    """Make a public function, from a name, a signature and a docstring.

    The function has no body: it is computed in Rust, by its name, and called without a Python frame
    in between.
    """
    definitions[definition.__name__] = definition
    signature = inspect.signature(definition)
    bare = [it.replace(annotation=it.empty) for it in signature.parameters.values()]
    plain = signature.replace(parameters=bare, return_annotation=signature.empty)
    # The first line is what `inspect.signature` reads from functions that are written in C.
    doc = f"{definition.__name__}{plain}\n--\n\n{inspect.getdoc(definition)}"
    return _klrs.function(definition.__name__, doc, list(signature.parameters))  # type: ignore[no-any-return]


def explain(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Say what is wrong with a call that people bring from other libraries.

    That is a forgotten `q`, a third positional argument (SciPy's `base`, torch's `reduction`) or a
    keyword that the function has not; for other calls, what Python says.
    """
    definition = definitions[name]
    try:
        definition(*args, **kwargs)
    except TypeError as error:
        return _explain(definition, args, kwargs) or str(error)
    raise AssertionError(f"{name}: the call fits its signature")


def _explain(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """Say what is wrong with a call, or None for what Python says well enough."""
    verb = function.__name__
    parameters = inspect.signature(function).parameters
    operands = [name for name, it in parameters.items() if it.kind is it.POSITIONAL_OR_KEYWORD]
    keywords = [name for name in parameters if name not in operands]
    if len(args) > len(operands):
        surplus = repr(args[len(operands)])
        example = "base=2 or axis=0" if "base" in keywords else "axis=0"
        if operands == ["p"]:
            return (
                f"{verb}() takes p only as a positional argument, got {surplus} as another; "
                f"everything after p is keyword-only, e.g. {example}; "
                "the divergence of p from q is klrs.kl_divergence(p, q)"
            )
        return (
            f"{verb}() takes p and q only as positional arguments, got {surplus} as another; "
            f"everything after q is keyword-only, e.g. {example}"
        )
    if "q" in operands and len(args) == 1 and "q" not in kwargs:
        return (
            f"{verb}() needs q: got p only; {verb}(p, q) compares p (the reference) with q "
            "(the approximation); the entropy of p alone is klrs.entropy(p)"
        )
    unknown = next((name for name in kwargs if name not in parameters), None)
    if unknown is None:
        return None
    reason = _NO_SUCH_KEYWORD.get(unknown)
    return (
        f"{verb}() got an unexpected keyword argument {unknown!r}; "
        f"expected one of {', '.join(keywords)}" + (f" ({reason})" if reason else "")
    )
