"""Calls that do not fit a signature get an error that says what would."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_NO_SUCH_KEYWORD = {
    "base": "its value is a difference of masses, not a logarithm, and always in nats",
    "normalize": "it compares measures as they are; normalize with klrs.kl_divergence",
}


def explained(function: Function) -> Function:
    """Make a public function explain the calls that people bring from other libraries.

    Those are a forgotten `q`, a third positional argument (SciPy's `base`, torch's `reduction`) and
    a keyword that the function has not. A call that fits costs one more Python frame.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # The call did fit: the error comes from inside.
            raise TypeError(_explain(function, args, kwargs) or str(error)) from None

    return call  # type: ignore[return-value]


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
