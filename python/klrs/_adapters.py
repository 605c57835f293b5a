"""Tensors of torch and arrays of JAX: they come back as what they were.

A verb's operand is recognised by the module of its type. Neither library is imported for that: who
has an operand of theirs in hand has imported it. `klrs._torch` and `klrs._jax` do the work, each
imported with the first such operand. Both have the same two functions:

- ``apply(verb, operands, keywords)`` calls a public function, of `klrs` or of `klrs.logits`, with
  NumPy arrays, and makes what comes back the library's own. Where the library asks for gradients it
  gets those of `klrs.value_and_grad`;
- ``differentiate(verb, argnums, operands, keywords)`` is `klrs.value_and_grad` itself.

Functions and `value_and_grad` ask `adapter_for` before they look at their operands. The adapters
call them again with NumPy arrays only, so nothing comes here twice.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from klrs._arrays import as_array
from klrs._calls import definitions, explain, parameters_of
from klrs._each import Layout, compute_dtype

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_LIBRARIES = {"torch": "torch", "jax": "jax", "jaxlib": "jax"}
"""The library that a package's types are of."""

SOFTMAXES = ("softmax", "log_softmax")
"""The functions whose value has the shape of their operand, and that `value_and_grad` has not."""


def adapter_for(*operands: Any) -> ModuleType | None:
    """The adapter of the library whose arrays are among the operands, or None for NumPy's."""
    found = {it for operand in operands if (it := _library(operand)) is not None}
    if not found:
        return None
    if len(found) > 1:
        raise TypeError(
            "operands: got a torch tensor and a JAX array; pass both of one library, "
            "e.g. np.asarray(x) of one of them"
        )
    return import_module(f"klrs._{found.pop()}")


def _library(operand: Any) -> str | None:
    if type(operand) is np.ndarray or type(operand) is list:
        return None  # as nearly all are
    # A subclass may be of any module.
    for kind in type(operand).__mro__:
        package = str(kind.__module__).partition(".")[0]
        if package in _LIBRARIES and _LIBRARIES[package] in sys.modules:
            return _LIBRARIES[package]
    held = (_library(part) for part in _parts(operand).values())
    return next((it for it in held if it is not None), None)


def call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a verb of `klrs`, by its name, with operands that are not NumPy's."""
    operands, keywords = bind(name, args, kwargs)
    function = function_of("klrs", name)
    adapter = adapter_for(*operands.values())
    if adapter is None:
        return function(**{it: as_array(x, it) for it, x in operands.items()}, **keywords)
    return adapter.apply(function, operands, keywords)


def bind(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Operands and keywords of a verb's call; raise for one that does not fit its signature."""
    definition = definitions[name]
    try:
        definition(*args, **kwargs)
    except TypeError:
        raise TypeError(explain(name, args, kwargs)) from None
    names, _ = parameters_of(definition)
    given = dict(zip(names, args, strict=False)) | kwargs
    if name == "perplexity" and given.get("q", ...) is None:
        del given["q"]
    return {it: given.pop(it) for it in names if it in given}, given


def function_of(space: str, name: str) -> Callable[..., Any]:
    """A public function, by its module and its name."""
    function: Callable[..., Any] = getattr(import_module(space), name)
    return function


def convert(argument: Any, name: str, function: Callable[[Any, str], Any]) -> Any:
    """An argument after `function`, which is called with what it holds where it holds several."""
    if parts := _parts(argument):
        return type(argument)(
            **{it: convert(part, f"{name}.{it}", function) for it, part in parts.items()}
        )
    if type(argument) is tuple:
        return tuple(convert(part, name, function) for part in argument)
    return function(argument, name)


def as_operand(argument: Any, name: str, function: Callable[[Any, str], Any]) -> Any:
    """An operand after `function`, as an array unless it holds several."""
    if _parts(argument):
        return convert(argument, name, function)
    return as_array(function(argument, name), name)


def _parts(argument: Any) -> dict[str, Any]:
    """What an operand of a public class of klrs holds, such as the arrays of its fields."""
    kind = type(argument)
    if str(kind.__module__).partition(".")[0] != "klrs" or kind.__name__.startswith("_"):
        return {}
    return dict(argument._asdict() if hasattr(argument, "_asdict") else vars(argument))


def layout_of(
    verb: Callable[..., Any], operands: dict[str, Any], keywords: dict[str, Any]
) -> Layout:
    """How the entries of the operands lie, and along which axes the verb reduces them."""
    shaped = [operands[it] for it in entries(verb, operands)]
    axis = () if _is_elementwise(verb) else keywords.get("axis", -1)
    for teacher in _teachers(operands):
        # It has some of the classes, and otherwise the axes of the student.
        dimensions = max(teacher.ndim, *(operand.ndim for operand in shaped))
        if isinstance(axis, int) and -dimensions <= axis < dimensions:
            shape = [1] * (dimensions - teacher.ndim) + list(teacher.shape)
            shape[axis] = 1
            shaped.append(np.broadcast_to(0, shape))
    return Layout(shaped, axis)


def result_dtype(verb: Callable[..., Any], operands: dict[str, Any]) -> np.dtype[Any]:
    """The dtype of a value."""
    return compute_dtype(*(operands[it] for it in entries(verb, operands)), *_teachers(operands))


def _teachers(operands: dict[str, Any]) -> list[Any]:
    """What operands such as `TopK` know: numbers for some of the classes."""
    known = (_parts(operand).get("log_probs") for operand in operands.values())
    return [it if hasattr(it, "dtype") else np.asarray(it) for it in known if it is not None]


def entries(verb: Callable[..., Any], operands: dict[str, Any]) -> list[str]:
    """The names of the operands that have a number for each entry; labels have not."""
    return [
        name
        for name, operand in operands.items()
        if hasattr(operand, "dtype")
        and not (name == "targets" and operand.dtype.kind in "iu" and not _is_elementwise(verb))
    ]


def _is_elementwise(verb: Callable[..., Any]) -> bool:
    """Whether a verb has a value for each entry, and no axis."""
    return verb.__name__.startswith("binary_")


def value_shape(
    layout: Layout, verb: Callable[..., Any], keywords: dict[str, Any], *, keepdims: bool = False
) -> tuple[int, ...]:
    """The shape of a value; with `keepdims` it broadcasts to the entries."""
    if keywords.get("reduction") is not None:
        return ()
    if verb.__name__ in SOFTMAXES:
        return layout.shape
    if keepdims:
        return tuple(1 if it in layout.axes else n for it, n in enumerate(layout.shape))
    return layout.rows


def spread(array: Any, shape: tuple[int, ...]) -> Any:
    """An operand in the shape of the entries, so that each row has a gradient of its own."""
    return np.broadcast_to(array, shape)


def stretched(shape: tuple[int, ...], full: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which an operand of this shape was stretched to the full one."""
    extra = len(full) - len(shape)
    along = (it + extra for it, n in enumerate(shape) if n != full[it + extra])
    return (*range(extra), *along)


def without_gradient(verb: Callable[..., Any], name: str, remedy: str) -> TypeError:
    """The error for an argument that a gradient is asked for and has none."""
    return TypeError(f"{name}: {verb.__name__} has no gradient with respect to it; pass {remedy}")
