"""Values with their gradients: `value_and_grad`.

The core sweeps over a row once for the value, and once more, from the cache, for the gradient,
which is written once. Here is the rest: whose gradient, in which shape, weighted by what.
"""

from __future__ import annotations

import inspect
import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from klrs._adapters import adapter_for, bind
from klrs._arrays import as_array
from klrs._calls import definitions, parameters_of
from klrs._each import (
    FLOATS,
    Layout,
    call,
    check_out,
    check_reduction,
    compute_dtype,
    finish,
    row_weights,
)
from klrs._logits import evaluate, logit_operands
from klrs._transport_calls import DISTANCES, prepare, transport_operands
from klrs._variational import OPERANDS as OPERANDS_OF_GAUSSIANS
from klrs._variational import evaluate as evaluate_gaussians

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import EllipsisType

    from numpy.typing import NDArray


class _Options(NamedTuple):
    """What a differentiated function takes beside the keywords of its verb."""

    out: Any = None
    sample_weight: Any = None
    reduction: Any = None


class _Call(NamedTuple):
    """A verb with its operands and its keywords."""

    name: str
    arrays: dict[str, NDArray[Any]]
    arguments: dict[str, Any]


def value_and_grad(
    verb: Callable[..., Any], argnums: int | tuple[int, ...] | EllipsisType = ...
) -> Callable[..., tuple[Any, Any]]:
    """Make a function that gives the value of a verb and its gradient, for use as a loss.

    Parameters
    ----------
    verb : function
        A divergence or entropy of `klrs`, such as ``klrs.kl_divergence``, or a loss of
        `klrs.logits`: then the gradient is with respect to the logits. Or
        ``klrs.distributions.kl_divergence``: then it is with respect to the parameters. Or a
        distance of `klrs.samples`: then it is with respect to the samples `x` (0) and `y` (1). Or
        ``klrs.variational.kl_to_standard_normal``, with respect to means (0) and log-variances (1).
    argnums : int or tuple of int, optional
        Of which operands the gradient is wanted: 1 is `q`, 0 is `p`, (0, 1) both. Entropies have
        `p` only: ``argnums=0``. Without, it is 1; (0, 1) for `kl_to_standard_normal`, as an encoder
        needs both.

    Returns
    -------
    function
        It takes the operands and keywords of `verb` (without `keepdims`), and beside them

        - ``sample_weight``: array_like, a number for each row, which its value and gradient are
          multiplied with; it must broadcast to the shape of the values. With 0 both are 0, also
          where they would be infinite or NaN;
        - ``reduction``: None for one value per row, "sum", or "mean" for the mean over the rows
          (with `sample_weight`, the weighted mean); torch's ``reduction="batchmean"``;
        - ``out``: an array (a tuple of them for several `argnums`; None among them allocates) of
          the operand's shape that the gradient is written to, a float at least as wide as the
          gradient. It may be an operand; after an error or an interrupt it may be half-written.

        It returns ``(value, gradient)``, with a tuple of gradients if `argnums` is a tuple. Each
        has the shape of its operand (where operands broadcast, the sum over what they are stretched
        along) and its dtype; that of integers is float64. With ``reduction=None`` a row of the
        gradient is that of the row's own value.

        That of ``klrs.distributions.kl_divergence`` takes two distributions of one family, `base`
        and ``reduction``. A gradient is a dict with an array for each parameter, by the keyword
        that it was given with and in its shape. Families: Normal, MultivariateNormal with
        ``scale_diag``, Bernoulli, Categorical, Gamma, Beta and Dirichlet.

    Raises
    ------
    TypeError
        If `verb` is none of klrs' functions, or an argument is of the wrong kind.
    ValueError
        If the verb has no gradient (`min_entropy`, Rényi orders 0 and infinity), has not the
        operand, or a row or number is none that the verb takes.

    Notes
    -----
    The gradient is that of the textbook formula, as a function of all entries: for sum p ln(p/q) it
    is ln(p/q) + 1 with respect to `p` and -p/q with respect to `q`. What `kl_divergence` computes
    for rows that are not divided, sum p ln(p/q) - p + q, has the derivatives ln(p/q) and 1 - p/q:
    they differ by a constant along each row, which no step that keeps the row's sum can tell. So
    finite differences of the value agree with the gradient up to such a constant.

    With ``normalize=True`` the gradient is that of the value of p/sum(p) and q/sum(q) with respect
    to the weights p or q. It sums to 0 against them: scaling a row changes nothing.

    At the border it is the limit from inside: d/dp of the KL divergence is -inf where ``p == 0 <
    q``, d/dq is -inf where ``q == 0 < p``. Entries that are 0 in both, and those that `where`
    leaves out, have 0. Distances (`js_distance`, `hellinger_distance`) have no derivative where
    they are 0, and `total_variation_distance` none at entries that are equal: it is 0 there. A row
    with a NaN has a gradient of NaN.

    Error of an entry at most 1e-12 (float64) or 1e-5 (float32 and narrower), times 1 + |ln(p/q)|
    or the largest summand that it is made of, and for orders beyond 10 times a tenth of that;
    gradients of float16 and bfloat16 are rounded to it. A derivative whose powers, or whose p/q,
    are beyond the range of the dtype is infinite.

    Examples
    --------
    >>> import numpy as np, klrs
    >>> p, q = [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]
    >>> klrs.value_and_grad(klrs.kl_divergence)(p, q)
    (np.float64(0.18609809...), array([-1.66666667, -0.5       , -2.        ]))

    Fit a softmax by gradient descent on D(p‖softmax(z)). The gradient with respect to z is q times
    (dq - sum q dq), which is q - p:

    >>> loss = klrs.value_and_grad(klrs.kl_divergence)
    >>> z = np.zeros(3)
    >>> for _ in range(200):
    ...     q = np.exp(z) / np.exp(z).sum()
    ...     value, dq = loss(p, q)
    ...     z -= q * (dq - q @ dq)
    >>> q.round(6)
    array([0.5, 0.3, 0.2])

    The parameters of a family:

    >>> from klrs import distributions as d
    >>> value, gradient = klrs.value_and_grad(d.kl_divergence)(d.Normal(0, 1), d.Normal(1, 2))
    >>> gradient
    {'loc': array(0.25), 'scale': array(0.25)}

    Which direction? One Gaussian is fitted to a histogram with two humps. D(p‖q) covers both, since
    it is infinite where q lacks what p has; D(q‖p) chooses one:

    >>> x = np.linspace(-8, 8, 161)
    >>> p = np.exp(-8 * (x + 2) ** 2) + 1.2 * np.exp(-8 * (x - 1.5) ** 2) + 1e-6
    >>> def fit(gradient, m=0.5, s=1.0):
    ...     for _ in range(2000):
    ...         q = np.exp(-0.5 * ((x - m) / s) ** 2) + 1e-12
    ...         dq = gradient(q) * q
    ...         m -= 0.05 * float(dq @ (x - m)) / s**2
    ...         s -= 0.05 * float(dq @ (x - m) ** 2) / s**3
    ...     return round(m, 1), round(s, 1)
    >>> forward = klrs.value_and_grad(klrs.kl_divergence, argnums=1)
    >>> fit(lambda q: forward(p, q, normalize=True)[1])
    (-0.1, 1.8)
    >>> reverse = klrs.value_and_grad(klrs.kl_divergence, argnums=0)
    >>> fit(lambda q: reverse(q, p, normalize=True)[1])
    (1.5, 0.3)
    """
    name = getattr(verb, "__name__", None)
    module = getattr(verb, "__module__", "")
    if module == "klrs.variational" and name == "kl_to_standard_normal":
        return _of_gaussians(verb, name, (0, 1) if argnums is ... else argnums)
    argnums = 1 if argnums is ... else argnums
    if module == "klrs.logits" and name in logit_operands:
        return _of_logits(verb, name, argnums)
    if module == "klrs._classes" and name == "binary_kl_divergence":
        return _of_logits(verb, f"{name}_of_probabilities", argnums)
    if module == "klrs.distributions._verbs":
        if name != "kl_divergence":
            raise ValueError(
                f"verb: klrs.distributions.{name} has no gradient, expected kl_divergence; pass "
                "arrays of probabilities to the verbs of klrs for the others"
            )
        from klrs.distributions._gradients import of_kl  # noqa: PLC0415

        return of_kl(_argnums(argnums, ("p", "q"), name), argnums)
    if module in transport_operands and name in DISTANCES:
        return _of_transport(verb, name, argnums)
    if name not in definitions or getattr(verb, "__module__", "").partition(".")[0] != "klrs":
        raise TypeError(f"verb: got {verb!r}, expected a divergence or entropy of klrs")
    operands, _ = parameters_of(definitions[name])
    wanted = _argnums(argnums, operands, name)
    numbers = tuple(operands.index(it) for it in wanted)

    def differentiated(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        options = _Options(**{it: kwargs.pop(it) for it in _Options._fields if it in kwargs})
        if "keepdims" in kwargs:
            raise TypeError(f"value_and_grad of {name}: there is no keepdims; reshape the values")
        given, arguments = bind(name, args, kwargs)
        if not given.keys() >= {*wanted}:
            raise ValueError(f"argnums: {argnums}, but {name} was called without q")
        if (adapter := adapter_for(*given.values())) is not None:
            arguments |= {it: x for it, x in options._asdict().items() if x is not None}
            value, gradients = adapter.differentiate(verb, numbers, given, arguments)
            return value, (gradients if isinstance(argnums, tuple) else gradients[0])
        arrays = {it: as_array(operand, it) for it, operand in given.items()}
        call_of = _Call(name, arrays, arguments)
        value, gradients = _differentiate(call_of, wanted, options)
        return value, (gradients if isinstance(argnums, tuple) else gradients[0])

    differentiated.__name__ = differentiated.__qualname__ = f"value_and_grad_of_{name}"
    differentiated.__doc__ = f"Value of {name}, and its gradient: see `klrs.value_and_grad`."
    return differentiated


def _of_logits(
    verb: Callable[..., Any], name: str, argnums: int | tuple[int, ...]
) -> Callable[..., tuple[Any, Any]]:
    """The same for a loss of logits, whose own keywords reduce it over its rows."""
    operands = logit_operands[name]
    wanted = _argnums(argnums, operands, name)
    if "targets" in wanted:
        raise ValueError(f"argnums: {argnums}, but {name} has a gradient for its logits only")
    numbers = tuple(operands.index(it) for it in wanted)
    signature = inspect.signature(verb)

    def differentiated(*args: Any, out: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        if "keepdims" in kwargs:
            raise TypeError(
                f"value_and_grad of {verb.__name__}: there is no keepdims; reshape the values"
            )
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"value_and_grad of {verb.__name__}: {error}") from None
        bound.apply_defaults()
        keywords = dict(bound.arguments)
        given = {it: keywords.pop(it) for it in operands}
        if (adapter := adapter_for(*given.values())) is not None:
            keywords.pop("keepdims", None)
            value, gradients = adapter.differentiate(verb, numbers, given, keywords | {"out": out})
            return value, (gradients if isinstance(argnums, tuple) else gradients[0])
        outs = _outs(out, [as_array(given[it], it) for it in wanted])
        value, gradients = evaluate(name, given, keywords, wanted=wanted, outs=outs)
        return value, (tuple(gradients) if isinstance(argnums, tuple) else gradients[0])

    differentiated.__name__ = differentiated.__qualname__ = f"value_and_grad_of_{verb.__name__}"
    differentiated.__doc__ = (
        f"Value of {verb.__name__}, and its gradient: see `klrs.value_and_grad`."
    )
    return differentiated


def _of_transport(
    verb: Callable[..., Any], name: str, argnums: int | tuple[int, ...]
) -> Callable[..., tuple[Any, Any]]:
    """The same for a distance on a line, between histograms or samples."""
    operands = transport_operands[verb.__module__]
    wanted = _argnums(argnums, operands, name)
    signature = inspect.signature(verb)

    def differentiated(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        options = _Options(**{it: kwargs.pop(it) for it in _Options._fields if it in kwargs})
        if "keepdims" in kwargs:
            raise TypeError(f"value_and_grad of {name}: there is no keepdims; reshape the values")
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"value_and_grad of {name}: {error}") from None
        bound.apply_defaults()
        keywords = dict(bound.arguments)
        given = {it: keywords.pop(it) for it in operands}
        check_reduction(options.reduction)
        prepared = prepare(verb.__module__, name, given, keywords)
        outs = _outs(options.out, [prepared.arrays[it] for it in wanted])
        weights = _weights(options, prepared.layout)
        value, gradients = prepared.differentiate(wanted, outs, weights)
        with np.errstate(all="ignore"):
            value = _reduce(value, weights, options)
        return value, (tuple(gradients) if isinstance(argnums, tuple) else gradients[0])

    differentiated.__name__ = differentiated.__qualname__ = f"value_and_grad_of_{name}"
    differentiated.__doc__ = f"Value of {name}, and its gradient: see `klrs.value_and_grad`."
    return differentiated


def _of_gaussians(
    verb: Callable[..., Any], name: str, argnums: int | tuple[int, ...]
) -> Callable[..., tuple[Any, Any]]:
    """The same for Gaussians beside the standard one."""
    wanted = _argnums(argnums, OPERANDS_OF_GAUSSIANS, name)
    numbers = tuple(OPERANDS_OF_GAUSSIANS.index(it) for it in wanted)
    signature = inspect.signature(verb)
    defaults = {
        it: x.default for it, x in signature.parameters.items() if it not in OPERANDS_OF_GAUSSIANS
    }

    def differentiated(
        *args: Any, out: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> tuple[Any, Any]:
        if "keepdims" in kwargs:
            raise TypeError(f"value_and_grad of {name}: there is no keepdims; reshape the values")
        if len(args) == len(OPERANDS_OF_GAUSSIANS) and kwargs.keys() <= defaults.keys():
            # As nearly all calls are; a signature takes longer to bind than a small batch.
            keywords = defaults | kwargs
            given = dict(zip(OPERANDS_OF_GAUSSIANS, args, strict=True))
        else:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"value_and_grad of {name}: {error}") from None
            keywords = defaults | bound.arguments
            given = {it: keywords.pop(it) for it in OPERANDS_OF_GAUSSIANS}
        if (adapter := adapter_for(*given.values())) is not None:
            keywords.pop("keepdims")
            keywords |= {"out": out, "sample_weight": sample_weight}
            value, gradients = adapter.differentiate(verb, numbers, given, keywords)
            return value, (gradients if isinstance(argnums, tuple) else gradients[0])
        outs = _outs(out, [as_array(given[it], it) for it in wanted])
        keywords["sample_weight"] = sample_weight
        value, gradients = evaluate_gaussians(given, keywords, wanted=wanted, outs=outs)
        return value, (tuple(gradients) if isinstance(argnums, tuple) else gradients[0])

    differentiated.__name__ = differentiated.__qualname__ = f"value_and_grad_of_{name}"
    differentiated.__doc__ = f"Value of {name}, and its gradient: see `klrs.value_and_grad`."
    return differentiated


def _argnums(argnums: Any, operands: tuple[str, ...], name: str) -> list[str]:
    """The names of the operands whose gradient is wanted."""
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    if not given or any(isinstance(it, bool) or not hasattr(it, "__index__") for it in given):
        raise TypeError(f"argnums: got {argnums!r}, expected 0, 1 or a tuple of them")
    wanted = [operator.index(it) for it in given]
    for it in wanted:
        if not 0 <= it < len(operands):
            remedy = "pass argnums=0" if len(operands) == 1 else "pass 0, 1 or (0, 1)"
            has = " and ".join(operands)
            raise ValueError(f"argnums: {it}, but {name} has {has} only; {remedy}")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"argnums: {argnums} names an operand twice")
    return [operands[it] for it in wanted]


def _differentiate(
    call_of: _Call, wanted: list[str], options: _Options
) -> tuple[Any, tuple[Any, ...]]:
    name, arrays, arguments = call_of
    check_reduction(options.reduction)
    inputs = list(arrays.values())
    dtype = compute_dtype(*inputs)
    layout = Layout(inputs, arguments.get("axis", -1))
    outs = _outs(options.out, [arrays[it] for it in wanted])
    weights = _weights(options, layout)

    written: dict[str, NDArray[Any]] = {}
    direct = set()
    for it, given in zip(wanted, outs, strict=True):
        if layout.takes(given, dtype, [*inputs, arguments.get("where"), *written.values()]):
            direct.add(it)
            written[it] = given
        elif layout.is_valid:
            written[it] = layout.new(dtype)
    pair = written.get("p"), written.get("q")
    value = call(name, arguments | arrays, pair, weights=weights)
    if weights is not None and not weights.all():
        for array in written.values():
            # 0 times an infinite derivative is no part of a loss, as in `_reduce`.
            array[weights == 0] = 0

    # Infinite results are right: NumPy has nothing to warn of.
    with np.errstate(all="ignore"):
        gradients = []
        for it, given in zip(wanted, outs, strict=True):
            if it in direct:
                gradients.append(given)
                continue
            gradients.append(finish(layout, written[it], arrays[it], given))
        return _reduce(value, weights, options), tuple(gradients)


def _outs(out: Any, operands: list[NDArray[Any]]) -> list[Any]:
    """The arrays to write to, or None for new ones."""
    if out is None:
        return [None] * len(operands)
    given = list(out) if isinstance(out, tuple) else [out]
    if len(operands) > 1 and not isinstance(out, tuple):
        expected = f"a tuple of {len(operands)} arrays"
        raise TypeError(f"out: got {type(out).__name__}, expected {expected}")
    if len(given) != len(operands):
        raise ValueError(f"out: got {len(given)} arrays, expected {len(operands)}")
    for it, operand in zip(given, operands, strict=True):
        if it is not None:
            is_float = operand.dtype.name in FLOATS
            check_out(it, "out", operand.shape, operand.dtype if is_float else np.dtype(np.float64))
    arrays = [it for it in given if it is not None]
    if len(arrays) > 1 and np.shares_memory(*arrays):
        raise ValueError("out: its arrays overlap; pass one for each gradient")
    return given


def _weights(options: _Options, layout: Layout) -> NDArray[np.float64] | None:
    """A factor for each row's gradient, or None where all are 1."""
    given, reduction = options.sample_weight, options.reduction
    rows = math.prod(layout.rows)
    if given is None:
        return np.full(layout.rows, 1.0 / rows) if reduction == "mean" and rows else None
    weights = row_weights(given, layout)
    if reduction == "mean":
        total = weights.sum()
        if not total > 0:
            raise ValueError(f"sample_weight: sums to {total:g}; a weighted mean needs more than 0")
        weights /= total
    return weights


def _reduce(value: Any, weights: NDArray[np.float64] | None, options: _Options) -> Any:
    dtype = value.dtype
    if weights is not None:
        # 0 times an infinite value is no part of a loss.
        wide = np.where(weights == 0, 0.0, np.asarray(value, np.float64))
        value = wide * weights
    if options.reduction is not None:
        wide = np.asarray(value, np.float64)
        # The mean of no rows is NaN, as in NumPy and torch.
        value = wide.sum() if wide.size or options.reduction == "sum" else np.float64(np.nan)
    return dtype.type(value) if np.ndim(value) == 0 else np.asarray(value).astype(dtype, copy=False)
