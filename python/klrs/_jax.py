"""Verbs for JAX's arrays: values that are JAX arrays, also under `jax.jit`, `jax.grad`, `jax.vmap`.

Arrays that are there become NumPy's, and what the core answers becomes a JAX array. Without
``jax_enable_x64`` JAX has no float64: values that are float64 are rounded to float32.

Within a transformation there are no numbers yet. So the call is put off: a `jax.pure_callback`,
whose shapes and dtypes follow from those of the arguments, calls the core on the host when the
numbers are there. A `jax.custom_vjp` around it lets the core compute value and gradients in one go
where JAX asks for gradients, of those operands that it asks for. Derivatives are in reverse mode
and first ones only, but for `softmax` and `log_softmax`: theirs follow from their values, by JAX's
own operations. Rows that no gradient comes in for have 0, also where theirs is infinite.

`jax.vmap` makes one call of all its calls by an axis in front (``vmap_method="expand_dims"``): so
the host sees operands with all the axes of the entries, and counts what is in front of them. Where
the value is reduced over its rows, or an argument other than an array of rows or entries is mapped,
the calls are made one after the other (``"sequential"``).

Mistakes in the data are found by the callback, and JAX raises its own error with their text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from klrs._adapters import (
    SOFTMAXES,
    as_operand,
    convert,
    entries,
    layout_of,
    result_dtype,
    spread,
    stretched,
    value_shape,
    without_gradient,
)
from klrs._each import FLOATS
from klrs._gradients import value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def apply(verb: Callable[..., Any], operands: dict[str, Any], keywords: dict[str, Any]) -> Any:
    """Call a public function with JAX arrays."""
    call = _Call(verb, operands, keywords)
    if not call.leaves:
        return jnp.asarray(verb(**call.operands, **call.keywords))
    call.plan()
    value = (_softmax if verb.__name__ in SOFTMAXES else _loss)(call)
    return value.reshape(call.kept) if call.keeps else value


def differentiate(
    verb: Callable[..., Any],
    argnums: tuple[int, ...],
    operands: dict[str, Any],
    keywords: dict[str, Any],
) -> tuple[Any, tuple[Any, ...]]:
    """Value and gradients of a call with JAX arrays."""
    call = _Call(verb, operands, keywords)
    if not call.leaves:
        value, gradients = value_and_grad(verb, argnums)(**call.operands, **call.keywords)
        return jnp.asarray(value), tuple(map(jnp.asarray, gradients))
    call.plan(is_whole=True)
    leaves, call.leaves = call.leaves, []
    value, *gradients = call.run(leaves, [list(operands)[it] for it in argnums])
    return value, tuple(gradients)


class _Place:
    """Where a traced array was in a call."""

    def __init__(self, index: int, array: Any) -> None:
        self.index, self.shape, self.dtype = index, array.shape, array.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)


class _Call:
    """A call whose traced arrays left their places, and come back on the host."""

    def __init__(
        self, verb: Callable[..., Any], operands: dict[str, Any], keywords: dict[str, Any]
    ) -> None:
        self.verb = verb
        self.leaves: list[Any] = []
        self.names: list[str] = []
        self.operands = {it: self._operand(argument, it) for it, argument in operands.items()}
        self.keywords = {
            it: convert(argument, it, self._take)
            for it, argument in keywords.items()
            if it != "out" or argument is not None
        }
        if "out" in self.keywords:
            raise TypeError("out: JAX arrays are not written to; leave it away")

    def _operand(self, argument: Any, name: str) -> Any:
        if isinstance(argument, jax.core.Tracer):
            return self._take(argument, name)
        return as_operand(argument, name, self._take)

    def _take(self, argument: Any, name: str) -> Any:
        if isinstance(argument, jax.core.Tracer):
            self.leaves.append(argument)
            self.names.append(name)
            return _Place(len(self.leaves) - 1, argument)
        return np.asarray(argument) if isinstance(argument, jax.Array) else argument

    def plan(self, *, is_whole: bool = False) -> None:
        """Find out what comes back; with `is_whole`, gradients have the shapes of operands."""
        verb, keywords = self.verb, self.keywords
        self.layout = layout_of(verb, self.operands, keywords)
        self.keeps = keywords.get("keepdims", False)
        self.is_reduced = keywords.get("reduction") is not None
        self.entries = entries(verb, self.operands)
        if not self._fits() or (self.keeps and self.is_reduced):
            self._complain()
        keywords.pop("keepdims", None)
        self.shape = value_shape(self.layout, verb, keywords)
        self.kept = value_shape(self.layout, verb, keywords, keepdims=True)
        self.dtype = _held(result_dtype(verb, self.operands))
        self.is_whole = is_whole or self.is_reduced
        self.method = "sequential" if self.is_whole or not self._align() else "expand_dims"
        self.dimensions = [leaf.ndim for leaf in self.leaves]

    def _fits(self) -> bool:
        """Whether the shapes of the operands and the axis go together."""
        if not self.layout.is_valid:
            return False
        axis, axes, full = self.keywords.get("axis"), self.layout.axes, self.layout.shape
        exist = axis is None or all(-len(full) <= it < len(full) for it in np.atleast_1d(axis))
        along = {it for name in self.entries for it in stretched(self.operands[name].shape, full)}
        return exist and len(set(axes)) == len(axes) and along.isdisjoint(axes)

    def _align(self) -> bool:
        """Give the leaves all their axes, so that others may come before; False if some cannot."""
        all_of = dict.fromkeys([*self.entries, "where"], len(self.layout.shape))
        all_of |= dict.fromkeys({"targets", "sample_weight"} - all_of.keys(), len(self.layout.rows))
        missing = [
            all_of.get(it, -1) - leaf.ndim for it, leaf in zip(self.names, self.leaves, strict=True)
        ]
        if min(missing) < 0:
            return False
        self.leaves = [
            leaf.reshape((1,) * count + leaf.shape)
            for count, leaf in zip(missing, self.leaves, strict=True)
        ]
        return True

    def _complain(self) -> None:
        """Let the verb say what is wrong with the arguments; numbers it needs none for that."""

        def empty(argument: Any, _: str) -> Any:
            if not isinstance(argument, _Place):
                return argument
            return np.broadcast_to(np.zeros((), argument.dtype), argument.shape)

        arguments = self.operands | self.keywords
        self.verb(**{it: convert(argument, it, empty) for it, argument in arguments.items()})

    def run(self, leaves: Sequence[Any], wanted: Sequence[str]) -> list[Any]:
        """The value, and the gradients of the operands that are wanted: now, or when it can be."""
        results = [jax.ShapeDtypeStruct(self.shape, self.dtype)]
        for name in wanted:
            operand = self.operands[name]
            own = leaves[operand.index].shape if isinstance(operand, _Place) else operand.shape
            dtype = operand.dtype if operand.dtype.name in FLOATS else np.dtype(np.float64)
            shape = own if self.is_whole else self.layout.shape
            results.append(jax.ShapeDtypeStruct(shape, _held(dtype)))

        def on_host(*numbers: Any) -> list[Any]:
            answers = self._answer([np.asarray(it) for it in numbers], wanted)
            return [np.asarray(it, of.dtype) for it, of in zip(answers, results, strict=True)]

        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return list(jax.pure_callback(on_host, results, *leaves, vmap_method=self.method))
        return [jnp.asarray(it) for it in on_host(*leaves)]

    def _answer(self, numbers: list[Any], wanted: Sequence[str]) -> list[Any]:
        def put(argument: Any, _: str) -> Any:
            return numbers[argument.index] if isinstance(argument, _Place) else argument

        operands = {it: convert(argument, it, put) for it, argument in self.operands.items()}
        keywords = {it: convert(argument, it, put) for it, argument in self.keywords.items()}
        front = np.broadcast_shapes(
            *(it.shape[: it.ndim - n] for it, n in zip(numbers, self.dimensions, strict=True))
        )
        for name in self.entries if front else () if self.is_whole else wanted:
            operands[name] = spread(operands[name], front + self.layout.shape)
        if front:
            if "targets" in operands.keys() - set(self.entries):
                operands["targets"] = spread(operands["targets"], front + self.layout.rows)
            if axes := [it - len(self.layout.shape) for it in self.layout.axes]:
                keywords["axis"] = axes[0] if len(axes) == 1 else tuple(axes)
        if not wanted:
            return [self.verb(**operands, **keywords)]
        argnums = tuple(list(operands).index(it) for it in wanted)
        value, gradients = value_and_grad(self.verb, argnums)(**operands, **keywords)
        return [value, *gradients]


def _loss(call: _Call) -> Any:
    """The value of a call, with gradients from the core."""

    @jax.custom_vjp
    def value_of(*leaves: Any) -> Any:
        return call.run(leaves, ())[0]

    def forward(*leaves: Any) -> tuple[Any, Any]:
        wanted = _wanted(call, leaves)
        value, *gradients = call.run([it.value for it in leaves], wanted)
        return value, dict(zip(wanted, gradients, strict=True))

    def backward(gradients: dict[str, Any], incoming: Any) -> tuple[Any, ...]:
        if isinstance(incoming, SymbolicZero):
            return (None,) * len(call.names)
        incoming = incoming.reshape(call.kept)
        results: list[Any] = []
        for name, leaf in zip(call.names, shapes, strict=True):
            if name not in gradients:
                results.append(None)
                continue
            product = jnp.where(incoming == 0, 0, gradients[name] * incoming)
            total = product.sum(stretched(leaf.shape, product.shape)).reshape(leaf.shape)
            results.append(total.astype(leaf.dtype))
        return tuple(results)

    shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in call.leaves]
    value_of.defvjp(forward, backward, symbolic_zeros=True)
    leaves, call.leaves = call.leaves, []
    return value_of(*leaves)


def _softmax(call: _Call) -> Any:
    """Probabilities or their logarithms, whose gradients follow from them."""
    is_log = call.verb.__name__ == "log_softmax"

    @jax.custom_vjp
    def value_of(*leaves: Any) -> Any:
        return call.run(leaves, ())[0]

    def forward(*leaves: Any) -> tuple[Any, Any]:
        _wanted(call, leaves)
        values = [it.value for it in leaves]
        result = value_of(*values)
        temperature = call.keywords["temperature"]
        if isinstance(temperature, _Place):
            temperature = values[temperature.index]
        return result, (result, temperature)

    def backward(residuals: tuple[Any, Any], incoming: Any) -> tuple[Any, ...]:
        result, temperature = residuals
        axes = tuple(call.layout.axes)
        if isinstance(incoming, SymbolicZero):
            return (None,) * len(names)
        incoming = jnp.where(result == (-jnp.inf if is_log else 0), 0, incoming)
        if is_log:
            gradient = incoming - jnp.exp(result) * incoming.sum(axes, keepdims=True)
        else:
            gradient = result * (incoming - (incoming * result).sum(axes, keepdims=True))
        gradient = (gradient / temperature).astype(dtype)
        return tuple(gradient if it == "logits" else None for it in names)

    names, dtype = call.names, call.operands["logits"].dtype
    value_of.defvjp(forward, backward, symbolic_zeros=True)
    leaves, call.leaves = call.leaves, []
    return value_of(*leaves)


def _wanted(call: _Call, leaves: Sequence[Any]) -> list[str]:
    """The operands that JAX asks the gradients of; refuse other arguments that it asks for."""
    asked = [name for name, leaf in zip(call.names, leaves, strict=True) if leaf.perturbed]
    for name in asked:
        if name not in call.operands or name == "targets":
            raise without_gradient(call.verb, name, f"jax.lax.stop_gradient({name})")
    return asked


def _held(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that JAX has for one of NumPy's: without x64 there is no float64."""
    held: np.dtype[Any] = jax.dtypes.canonicalize_dtype(dtype)
    return held
