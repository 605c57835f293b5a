"""Verbs for torch's tensors: values that are tensors, and gradients for ``loss.backward()``.

Tensors become NumPy arrays that share their memory, wherever in a call they stand. NumPy has no
bfloat16: with `ml_dtypes` its bits are read as they are, without it they are copied to float32.
Values are tensors on the CPU with the dtypes of `klrs`: float64, or float32 for operands that are
no wider; one row has a 0-d tensor.

Where an operand requires a gradient, the core computes value and gradients in one go, and the
gradients, in the operand's dtype, wait for the backward pass. It multiplies each row's with what
comes in; rows that nothing comes in for have 0, also where their gradient is infinite. So there is
no second derivative, but for `softmax` and `log_softmax`: their gradients follow from their values,
by torch's own operations. `torch.compile` leaves calls as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from klrs._adapters import (
    SOFTMAXES,
    as_operand,
    convert,
    layout_of,
    spread,
    value_shape,
    without_gradient,
)
from klrs._arrays import check_tensor
from klrs._gradients import value_and_grad

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@torch.compiler.disable
def apply(verb: Callable[..., Any], operands: dict[str, Any], keywords: dict[str, Any]) -> Any:
    """Call a public function with tensors."""
    needed = _needed(verb, operands, keywords)
    exchange = _Exchange()
    arrays = exchange.operands(operands)
    options = exchange.arrays(keywords)
    if not needed:
        return exchange.tensor(verb(**arrays, **options))
    if keywords.get("out") is not None:
        raise TypeError(
            "out: operands that require a gradient need their value as a new tensor; "
            "leave out away, or call within torch.no_grad()"
        )
    options.pop("out", None)
    loss = _Call(verb, arrays, options, tuple(needed))
    tensors = [operands[it] for it in needed]
    if verb.__name__ in SOFTMAXES:
        return _Softmax.apply(loss, *tensors)
    return _Loss.apply(loss, *tensors)


@torch.compiler.disable
def differentiate(
    verb: Callable[..., Any],
    argnums: tuple[int, ...],
    operands: dict[str, Any],
    keywords: dict[str, Any],
) -> tuple[Any, tuple[Any, ...]]:
    """Value and gradients of a call with tensors, as tensors that require none."""
    exchange = _Exchange()
    arrays = exchange.operands(operands)
    options = exchange.arrays(keywords)
    value, gradients = value_and_grad(verb, argnums)(**arrays, **options)
    names = list(operands)
    return exchange.tensor(value), tuple(
        _like(exchange.tensor(gradient), operands[names[it]])
        for it, gradient in zip(argnums, gradients, strict=True)
    )


class _Call(NamedTuple):
    """A call with arrays, some operands of which need a gradient."""

    verb: Callable[..., Any]
    arrays: dict[str, Any]
    options: dict[str, Any]
    needed: tuple[str, ...]


class _Loss(torch.autograd.Function):
    """A value, with the gradients of the operands that need one."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: torch.Tensor) -> torch.Tensor:
        """Compute the value, and keep the gradients."""
        verb, arrays, options, needed = call
        reduced = options.get("reduction") is not None
        if reduced and options.get("keepdims"):
            verb(**arrays, **options)  # says that there is nothing to keep
        layout = layout_of(verb, arrays, options)
        if layout.is_valid and not reduced:
            arrays = arrays | {it: spread(arrays[it], layout.shape) for it in needed}
        keeps = options.get("keepdims", False)
        options = {it: x for it, x in options.items() if it != "keepdims"}
        argnums = tuple(list(arrays).index(it) for it in needed)
        try:
            value, gradients = value_and_grad(verb, argnums)(**arrays, **options)
        except ValueError as error:
            if str(error).endswith("has no gradient"):
                remedy = ", ".join(f"{it}.detach()" for it in needed)
                raise ValueError(f"{error}; pass {remedy}") from None
            raise
        ctx.kept = value_shape(layout, verb, options, keepdims=True)
        ctx.like = [(it.shape, it.dtype) for it in tensors]
        ctx.save_for_backward(*map(_tensor, gradients))
        tensor = _tensor(value)
        return tensor.reshape(ctx.kept) if keeps else tensor

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, incoming: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Multiply the gradients of each row with what comes in for it."""
        incoming = incoming.reshape(ctx.kept)
        nothing = incoming == 0
        has_nothing = bool(nothing.any())
        # Mostly a loss is a mean, and nothing follows it.
        is_last = incoming.ndim == 0 and bool(incoming == 1)
        results: list[torch.Tensor | None] = [None]
        for gradient, (shape, dtype) in zip(ctx.saved_tensors, ctx.like, strict=True):
            product = gradient if is_last else gradient * incoming
            if has_nothing:
                product.masked_fill_(nothing, 0)
            results.append(product.sum_to_size(shape).to(dtype))
        return tuple(results)


class _Softmax(torch.autograd.Function):
    """Probabilities or their logarithms."""

    @staticmethod
    def forward(ctx: Any, call: _Call, logits: torch.Tensor) -> torch.Tensor:
        """Compute them, and keep them."""
        result = _tensor(call.verb(**call.arrays, **call.options))
        ctx.axes = layout_of(call.verb, call.arrays, call.options).axes
        ctx.is_log = call.verb.__name__ == "log_softmax"
        ctx.temperature = float(call.options["temperature"])
        ctx.dtype = logits.dtype
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, incoming: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Follow s (g - sum g s) / T, and (g - s sum g) / T for logarithms."""
        (result,) = ctx.saved_tensors
        left_out = result == (-torch.inf if ctx.is_log else 0)
        incoming = incoming.masked_fill(left_out, 0)
        if ctx.is_log:
            gradient = incoming - result.exp() * incoming.sum(ctx.axes, keepdim=True)
        else:
            gradient = result * (incoming - (incoming * result).sum(ctx.axes, keepdim=True))
        return None, (gradient / ctx.temperature).to(ctx.dtype)


def _needed(
    verb: Callable[..., Any], operands: dict[str, Any], keywords: dict[str, Any]
) -> list[str]:
    """The operands that require a gradient; refuse other arguments that do."""
    if not torch.is_grad_enabled():
        return []
    needed = []

    def look(argument: Any, name: str) -> Any:
        if not isinstance(argument, torch.Tensor) or not argument.requires_grad:
            return argument
        if name == "out":
            raise TypeError(
                "out: a tensor that requires a gradient is not written to, since autograd would "
                "not know; pass out.detach(), or leave it away"
            )
        if name not in operands or name == "targets":
            raise without_gradient(verb, name, f"{name}.detach()")
        needed.append(name)
        return argument

    for name, argument in (operands | keywords).items():
        convert(argument, name, look)
    return needed


class _Exchange:
    """Arrays for tensors on the way in, and on the way out tensors for arrays."""

    def __init__(self) -> None:
        self._known: list[tuple[Any, Any]] = []

    def operands(self, given: dict[str, Any]) -> dict[str, Any]:
        """Operands as arrays, those included that never were tensors."""
        return {it: as_operand(operand, it, self._array) for it, operand in given.items()}

    def arrays(self, given: dict[str, Any]) -> dict[str, Any]:
        """Arguments with an array for each tensor."""
        return {it: convert(argument, it, self._array) for it, argument in given.items()}

    def _array(self, argument: Any, name: str) -> Any:
        array = _array(argument, name) if isinstance(argument, torch.Tensor) else argument
        if name == "out" and argument is not None:
            self._known.append((array, argument))
        return array

    def tensor(self, result: Any) -> Any:
        """A tensor with a result, or the argument that it was written to."""
        for array, argument in self._known:
            if result is array:
                if isinstance(argument, torch.Tensor):
                    torch.autograd.graph.increment_version(argument)
                return argument
        return _tensor(result)


def _array(tensor: torch.Tensor, name: str) -> NDArray[Any]:
    """An array on the memory of a tensor."""
    check_tensor(tensor, name)
    plain = tensor.detach()
    if plain.dtype == torch.bfloat16:
        if ml_dtypes is not None:
            bits: NDArray[Any] = plain.view(torch.int16).numpy()
            return bits.view(ml_dtypes.bfloat16)
        if name == "out":
            raise TypeError("out: a bfloat16 tensor needs ml_dtypes; install it")
        plain = plain.float()
    try:
        array: NDArray[Any] = plain.numpy()
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            f"{name}: the tensor cannot be read as an array ({error}); pass one of float64, "
            "float32, float16 or bfloat16, outside of transformations such as torch.func.vmap"
        ) from None
    return array


def _tensor(result: Any) -> torch.Tensor:
    """A tensor on the memory of a result."""
    array = np.asarray(result)
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _like(gradient: Any, operand: Any) -> Any:
    """A gradient in the dtype of its operand, also where that was read as another."""
    if isinstance(operand, torch.Tensor) and operand.dtype == torch.bfloat16:
        return gradient.to(torch.bfloat16)
    return gradient
