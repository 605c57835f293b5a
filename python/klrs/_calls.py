"""Public functions from their definitions, and errors for the calls that do not fit those."""

from collections.abc import Callable
from typing import Any, TypeVar

from klrs import _klrs
from klrs._docs import complete

Function = TypeVar("Function", bound=Callable[..., Any])

_OF_POWERS = "its value is made of powers; where the parameter makes it a logarithm, it is in nats"

_WITHOUT_BASE = {
    "generalized_kl_divergence": (
        "its value is a difference of masses, not a logarithm, and always in nats"
    ),
    "perplexity": "it is the same number in every base",
    "alpha_divergence": _OF_POWERS,
    "power_divergence": _OF_POWERS,
    "tsallis_divergence": _OF_POWERS,
    "tsallis_entropy": _OF_POWERS,
}
_WITHOUT_NORMALIZE = "it compares measures as they are; normalize with klrs.kl_divergence"

_EXAMPLES = {"alpha": "alpha=0.5", "lambda_": "lambda_=1", "skew": "skew=0.5"}
"""Of the keywords that have no default."""

_OF_TWO = {
    "renyi_entropy": "klrs.renyi_divergence(p, q, alpha=0.5)",
    "tsallis_entropy": "klrs.tsallis_divergence(p, q, alpha=0.5)",
    "min_entropy": "klrs.renyi_divergence(p, q, alpha=np.inf)",
}
"""What compares two distributions as the entropy measures one: mostly the KL divergence."""

definitions: dict[str, Callable[..., Any]] = {}
"""What the public functions were made of, by their names."""


def verb(definition: Function) -> Function:
    """Make a public function, from a name, a signature and a docstring.

    The function has no body: it is computed in Rust, by its name, and called without a Python frame
    in between.
    """
    name = definition.__name__
    definitions[name] = definition
    operands, keywords = parameters_of(definition)
    defaults = _defaults(definition)
    parameters = operands + keywords
    # `inspect.signature` would say the same, and take a millisecond for all the functions.
    shown = [f"{it}={defaults[it]!r}" if it in defaults else it for it in parameters]
    shown.insert(len(operands), "*")
    # The first line is what `inspect.signature` reads from functions that are written in C.
    doc = f"{name}({', '.join(shown)})\n--\n\n{complete(definition.__doc__ or '', parameters)}"
    required = [it for it in parameters if it not in defaults]
    return _klrs.function(name, doc, list(parameters), required)  # type: ignore[no-any-return]


def parameters_of(definition: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the operands and of the keywords."""
    code = definition.__code__
    operands = code.co_argcount
    return (
        code.co_varnames[:operands],
        code.co_varnames[operands : operands + code.co_kwonlyargcount],
    )


def _defaults(definition: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of the parameters that have one."""
    operands, _ = parameters_of(definition)
    of_operands = definition.__defaults__ or ()
    optional = operands[len(operands) - len(of_operands) :]
    return {**dict(zip(optional, of_operands, strict=True)), **(definition.__kwdefaults__ or {})}


def explain(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Say what is wrong with a call that people bring from other libraries.

    That is a forgotten `q`, a third positional argument (SciPy's `base`, torch's `reduction`), a
    keyword that the function has not, or none for a parameter such as `alpha`; for other calls,
    what Python says.
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
    operands, keywords = parameters_of(function)
    defaults = _defaults(function)
    missing = next((it for it in keywords if it not in defaults and it not in kwargs), None)
    if len(args) > len(operands):
        surplus = args[len(operands)]
        example = "base=2 or axis=0" if "base" in keywords else "axis=0"
        if missing and isinstance(surplus, (int, float)):
            example = f"{missing}={surplus!r}"
        if operands == ("p",):
            of_two = _OF_TWO.get(verb, "klrs.kl_divergence(p, q)")
            return (
                f"{verb}() takes p only as a positional argument, got {surplus!r} as another; "
                f"everything after p is keyword-only, e.g. {example}; "
                f"the divergence of p from q is {of_two}"
            )
        return (
            f"{verb}() takes p and q only as positional arguments, got {surplus!r} as another; "
            f"everything after q is keyword-only, e.g. {example}"
        )
    if "q" in operands and "q" not in defaults and len(args) == 1 and "q" not in kwargs:
        return (
            f"{verb}() needs q: got p only; {verb}(p, q) compares p (the reference) with q "
            "(the approximation); the entropy of p alone is klrs.entropy(p)"
        )
    unknown = next((name for name in kwargs if name not in operands + keywords), None)
    if unknown is not None:
        reason = _reason(verb, unknown)
        return (
            f"{verb}() got an unexpected keyword argument {unknown!r}; "
            f"expected one of {', '.join(keywords)}" + (f" ({reason})" if reason else "")
        )
    given = {*operands[: len(args)], *kwargs}
    if missing and given.issuperset(it for it in operands if it not in defaults):
        call = ", ".join([*operands, _EXAMPLES[missing]])
        return f"{verb}() needs {missing}: pass it by keyword, e.g. {verb}({call})"
    return None


def _reason(verb: str, keyword: str) -> str | None:
    """Why a verb has not a keyword that most others have."""
    if keyword == "base":
        return _WITHOUT_BASE.get(verb, "its value is no logarithm and has no unit")
    return _WITHOUT_NORMALIZE if keyword == "normalize" else None
