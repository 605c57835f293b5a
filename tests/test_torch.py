"""Verbs called with torch's tensors: values, gradients by autograd, memory, and errors.

The numbers are those of NumPy arrays, which other files test; here they are only compared. torch is
no dependency: `make test-torch` installs it into an environment of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.stats
from mpmath import mp

torch = pytest.importorskip("torch", reason="torch is not installed; make test-torch installs it")

from torch import distributions as there  # noqa: E402
from torch.autograd import gradcheck, gradgradcheck  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import klrs  # noqa: E402
from inputs import KL, MIN_ENTROPY, VERBS, Verb, assert_same_bits, pair  # noqa: E402
from klrs import _torch, logits  # noqa: E402
from klrs import distributions as d  # noqa: E402
from klrs._adapters import adapter_for, call  # noqa: E402
from messages import raises  # noqa: E402
from sampling import assert_near, monte_carlo  # noqa: E402

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
RESULTS = dict.fromkeys(DTYPES, torch.float32) | {torch.float64: torch.float64}
PAIRS = ("kl_divergence", "js_divergence", "jeffreys_divergence")
LOSSES = (*PAIRS, "cross_entropy", "logsumexp", "entropy")
SINGLE = LOSSES[-2:]
"""They have no reduction."""

each_verb = pytest.mark.parametrize("verb", VERBS, ids=str)
each_gradient = pytest.mark.parametrize("verb", [v for v in VERBS if v != MIN_ENTROPY], ids=str)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
each_loss = pytest.mark.parametrize("name", LOSSES)


def rows(*shape: int, seed: int = 0, dtype: Any = torch.float64, grad: bool = False) -> Any:
    """Logits."""
    random = np.random.default_rng(seed).normal(0, 2, shape)
    return torch.from_numpy(random).to(dtype).requires_grad_(grad)


def distributions(
    *shape: int, seed: int = 0, dtype: Any = torch.float64, grad: bool = False
) -> Any:
    return rows(*shape, seed=seed).softmax(-1).to(dtype).requires_grad_(grad)


def operands_of(name: str, *shape: int, dtype: Any = torch.float64, **options: Any) -> list[Any]:
    """What a loss takes; targets are distributions along its axis."""
    x, y = rows(*shape, dtype=dtype), rows(*shape, seed=1, dtype=dtype)
    if name == "cross_entropy":
        x = logits.softmax(x, **{it: options[it] for it in ("axis", "where") if it in options})
    return [y] if name in SINGLE else [x, y]


def numpy(tensor: Any) -> np.ndarray:
    """The same numbers as NumPy has them."""
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return tensor.detach().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.detach().numpy()


def assert_same(tensor: Any, array: Any) -> None:
    assert isinstance(tensor, torch.Tensor)
    assert tensor.shape == np.shape(array)
    assert_same_bits(numpy(tensor), np.asarray(array))


# Values


@each_dtype
@each_verb
def test_values_are_those_of_numpy(verb: Verb, dtype: Any) -> None:
    p, q = distributions(3, 40, dtype=dtype), distributions(3, 40, seed=1, dtype=dtype)
    x, y = numpy(p), numpy(q)
    for axis, keepdims, divides in ((-1, False, False), (0, True, True), (None, False, True)):
        options = verb.options(axis=axis, keepdims=keepdims, normalize=divides)
        value = verb(p, q, **options)
        assert_same(value, verb(x, y, **options))
        assert value.dtype == RESULTS[dtype]
        assert not value.requires_grad
    assert_same(verb(p[0], q[0]), verb(x[0], y[0]))
    assert_same(verb(p.mT, q.mT, axis=0), verb(x, y))
    assert_same(verb(p[:, None], q), verb(x[:, None], y))


@each_dtype
@each_loss
def test_losses_are_those_of_numpy(name: str, dtype: Any) -> None:
    function = getattr(logits, name)
    cases: list[dict[str, Any]] = [
        {},
        {"axis": 1, "keepdims": True, "temperature": 2.0},
        {"axis": (0, 2)},
        {"axis": None},
    ]
    if name not in SINGLE:
        cases += [{"reduction": "sum", "base": 2}, {"reduction": "mean"}]
    for options in cases:
        operands = operands_of(name, 3, 4, 20, dtype=dtype, **options)
        value = function(*operands, **options)
        assert value.dtype == RESULTS[dtype]
        assert_same(value, function(*map(numpy, operands), **options))


@each_dtype
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_is_that_of_numpy(name: str, dtype: Any) -> None:
    x, function = rows(3, 20, dtype=dtype), getattr(logits, name)
    for options in ({}, {"axis": 0, "temperature": 0.3}, {"axis": None}):
        value = function(x, **options)
        assert value.dtype == RESULTS[dtype]
        assert_same(value, function(numpy(x), **options))


def test_other_arguments_may_be_tensors() -> None:
    x, y = rows(4, 5), rows(4, 5, seed=1)
    where = torch.tensor([True, True, False, True, True])
    weights = torch.tensor([0.5, 2, 0, 1])
    labels = torch.tensor([1, 4, 0, 3])
    assert_same(
        logits.kl_divergence(x, y, where=where, sample_weight=weights, reduction="mean"),
        logits.kl_divergence(
            numpy(x), numpy(y), where=numpy(where), sample_weight=numpy(weights), reduction="mean"
        ),
    )
    for dtype in (torch.int64, torch.int32, torch.uint8):
        assert_same(
            logits.cross_entropy(labels.to(dtype), y, class_weights=torch.arange(5.0)),
            logits.cross_entropy(numpy(labels), numpy(y), class_weights=np.arange(5.0)),
        )
    p, q = distributions(4, 5), distributions(4, 5, seed=1)
    assert_same(
        klrs.js_divergence(p, q, where=where, weights=torch.tensor([0.1, 0.9]), normalize=True),
        klrs.js_divergence(
            numpy(p), numpy(q), where=numpy(where), weights=np.float32([0.1, 0.9]), normalize=True
        ),
    )


def test_the_other_operand_may_be_an_array_or_a_list() -> None:
    p, q = distributions(5), distributions(5, seed=1, grad=True)
    x, y = rows(5), rows(5, seed=1, grad=True)
    for function, a, b in ((klrs.kl_divergence, p, q), (logits.kl_divergence, x, y)):
        expected = function(numpy(a), numpy(b))
        for other in (numpy(a), numpy(a).tolist(), tuple(numpy(a).tolist())):
            assert_same(function(other, b), expected)
        assert_same(function(q=b, p=a), expected)


def test_integers() -> None:
    counts = torch.tensor([[1, 2, 3], [4, 5, 6]])
    expected = klrs.kl_divergence(numpy(counts), numpy(counts)[::-1], normalize=True)
    assert_same(klrs.kl_divergence(counts, counts.flip(0), normalize=True), expected)


def test_subclasses() -> None:
    weight = torch.nn.Parameter(rows(3, 5))
    value = logits.entropy(weight)
    assert type(value) is torch.Tensor
    assert value.requires_grad

    class Mine(torch.Tensor):
        pass

    assert_same(logits.entropy(weight.detach().as_subclass(Mine)), numpy(value))


# Memory


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x.mT,
        lambda x: x[:, ::2],
        lambda x: x[1:, 3:],
        lambda x: x[:1].expand(6, 8),
    ],
    ids=["contiguous", "transposed", "strided", "shifted", "expanded"],
)
@each_dtype
def test_tensors_share_their_memory(view: Callable[[Any], Any], dtype: Any) -> None:
    tensor = view(rows(6, 8, dtype=dtype))
    array = _torch._array(tensor, "p")
    assert array.shape == tensor.shape
    assert array.ctypes.data == tensor.data_ptr()
    assert array.strides == tuple(it * tensor.element_size() for it in tensor.stride())


def test_out_is_written_to_and_comes_back() -> None:
    x, y = rows(4, 5), rows(4, 5, seed=1)
    p, q = x.softmax(-1), y.softmax(-1)
    for function, a, b in ((klrs.kl_divergence, p, q), (logits.kl_divergence, x, y)):
        out = torch.zeros(8, dtype=torch.float64)[::2]
        version = out._version
        assert function(a, b, out=out) is out
        assert_same(out, function(numpy(a), numpy(b)))
        assert out._version > version
        array = np.zeros(4)
        assert function(a, b, out=array) is array
        assert_same_bits(array, numpy(out))
    out = torch.zeros(4, 5, dtype=torch.float64)
    assert logits.softmax(x, out=out) is out
    assert_same(out, logits.softmax(numpy(x)))


def test_out_and_gradients() -> None:
    x, y = rows(4, 5, grad=True), rows(4, 5, seed=1)
    text = (
        "out: operands that require a gradient need their value as a new tensor; "
        "leave out away, or call within torch.no_grad()"
    )
    with raises(TypeError, text):
        logits.kl_divergence(x, y, out=torch.zeros(4, dtype=torch.float64))
    out = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    text = (
        "out: a tensor that requires a gradient is not written to, since autograd would not know; "
        "pass out.detach(), or leave it away"
    )
    with raises(TypeError, text):
        logits.kl_divergence(y, y, out=out)
    with torch.no_grad():
        assert logits.kl_divergence(x, y, out=out) is out
    assert_same(out, logits.kl_divergence(numpy(x), numpy(y)))


def test_a_value_that_autograd_keeps_is_not_written_to_unseen() -> None:
    out = torch.zeros(4, dtype=torch.float64)
    factor = torch.ones(4, dtype=torch.float64, requires_grad=True)
    product = (factor * out).sum()
    logits.entropy(rows(4, 5), out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


def test_bfloat16_without_ml_dtypes(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows(3, 20, dtype=torch.bfloat16, grad=True), rows(3, 20, seed=1, dtype=torch.bfloat16)
    with_it = logits.kl_divergence(x, y)
    (expected,) = torch.autograd.grad(with_it.sum(), x)
    monkeypatch.setattr(_torch, "ml_dtypes", None)
    without = logits.kl_divergence(x, y)
    assert_same(without, numpy(with_it))
    (gradient,) = torch.autograd.grad(without.sum(), x)
    assert_same(gradient, numpy(expected))
    _, gradient = klrs.value_and_grad(logits.kl_divergence, 0)(x, y)
    assert_same(gradient, numpy(expected))
    out = torch.zeros(3, 20, dtype=torch.bfloat16)
    with raises(TypeError, "out: a bfloat16 tensor needs ml_dtypes; install it"):
        klrs.value_and_grad(logits.kl_divergence, 0)(x, y, out=out)


# Gradients


@each_loss
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 2.0, "reduction": "mean"},
        {"reduction": "sum", "sample_weight": torch.tensor([1.0, 0.0, 2.5])},
        {"axis": 0},
        {"axis": (1, 0), "keepdims": True},
        {"axis": None},
        {"keepdims": True, "where": torch.arange(5) != 2},
    ],
    ids=str,
)
def test_losses_pass_gradcheck(name: str, options: dict[str, Any]) -> None:
    if name in SINGLE and "reduction" in options:
        pytest.skip("has no reduction")
    *targets, logits_of = operands_of(name, 3, 5, **options)
    for operand in [logits_of, *(targets if name in PAIRS else [])]:
        operand.requires_grad_()
    function = getattr(logits, name)
    assert gradcheck(lambda *given: function(*given, **options), (*targets, logits_of))


@pytest.mark.parametrize("options", [{}, {"axis": 0, "temperature": 0.5}, {"axis": None}], ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_passes_gradcheck_twice(name: str, options: dict[str, Any]) -> None:
    x = rows(3, 5, grad=True)
    function = getattr(logits, name)
    assert gradcheck(lambda x: function(x, **options), (x,))
    assert gradgradcheck(lambda x: function(x, **options), (x,))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_classes_that_are_left_out_have_no_gradient(name: str) -> None:
    where = torch.tensor([True, True, False, True])
    x = rows(3, 4, grad=True)
    with torch.no_grad():
        x[0, 0] = -torch.inf
    value = getattr(logits, name)(x, where=where)
    coming = rows(3, 4, seed=1)
    coming[:, 2] = coming[0, 0] = torch.inf
    (gradient,) = torch.autograd.grad(value, x, coming)
    for row, kept in ((0, [1, 3]), (1, [0, 1, 3]), (2, [0, 1, 3])):
        of_row = x[row, kept].detach().requires_grad_()
        expected = getattr(torch, name)(of_row, -1)
        (expected,) = torch.autograd.grad(expected, of_row, coming[row, kept])
        torch.testing.assert_close(gradient[row, kept], expected)
        left_out = [it for it in range(4) if it not in kept]
        assert (gradient[row, left_out] == 0).all()


@each_gradient
@pytest.mark.parametrize("is_divided", [False, True], ids=["as-it-is", "normalize"])
def test_gradients_are_those_of_value_and_grad(verb: Verb, is_divided: bool) -> None:
    """Of the sum of rows, with weights: values and gradients of every verb."""
    if is_divided and not verb.has_normalize:
        pytest.skip("does not normalize")
    options = {"normalize": True} if is_divided else {}
    p, q = distributions(4, 6, grad=True), distributions(4, 6, seed=1, grad=True)
    weights = torch.tensor([1.0, -2.0, 0.0, 0.5], dtype=torch.float64)
    value = verb(p, q, **options)
    assert_same(value.detach(), verb(numpy(p), numpy(q), **options))
    operands = (p, q)[: verb.operands]
    gradients = torch.autograd.grad(value, operands, weights)
    argnums = tuple(range(verb.operands))
    function = klrs.value_and_grad(verb.function, argnums)
    arrays = [numpy(it) for it in operands]
    _, expected = function(*arrays, **verb.numbers, **options)
    for got, exact in zip(gradients, expected, strict=True):
        rounded = np.where(numpy(weights)[:, None] == 0, 0, exact * numpy(weights)[:, None])
        assert_same(got, rounded)


@each_gradient
def test_verbs_pass_gradcheck(verb: Verb) -> None:
    """With normalize=True, where gradients are those of the value."""
    if not verb.has_normalize:
        pytest.skip("does not normalize")
    operands = (distributions(3, 5, grad=True), distributions(3, 5, seed=1, grad=True))
    operands = operands[: verb.operands]
    assert gradcheck(lambda *given: verb(*given, normalize=True), operands)
    assert gradcheck(lambda *given: verb(*given, normalize=True, axis=0, keepdims=True), operands)


def test_operands_that_broadcast() -> None:
    p, q = distributions(3, 1, 5, grad=True), distributions(2, 5, seed=1, grad=True)
    assert gradcheck(lambda p, q: klrs.kl_divergence(p, q, normalize=True), (p, q))
    assert gradcheck(lambda p, q: klrs.js_divergence(p, q[0], normalize=True), (p, q))
    x, y = rows(3, 1, 5, grad=True), rows(2, 5, seed=1, grad=True)
    assert gradcheck(lambda x, y: logits.kl_divergence(x, y, keepdims=True), (x, y))
    assert gradcheck(lambda x, y: logits.kl_divergence(x, y, reduction="mean"), (x, y))
    assert gradcheck(lambda x, y: logits.kl_divergence(x[:1], y[:, None], axis=2), (x, y))


@pytest.mark.parametrize("tail", ["renormalize", "lump", "bound"])
def test_a_teacher_with_some_of_the_classes(tail: str) -> None:
    teacher = logits.log_softmax(rows(4, 7))
    log_probs, indices = teacher.topk(3)
    y = rows(2, 4, 7, seed=1, grad=True)
    top = logits.TopK(indices, log_probs, tail=tail)
    of_numpy = logits.TopK(numpy(indices), numpy(log_probs), tail=tail)
    expected = klrs.value_and_grad(logits.kl_divergence)(of_numpy, numpy(y))
    for teacher in (top, of_numpy):
        value = logits.kl_divergence(teacher, y)
        assert_same(value.detach(), expected[0])
        assert_same(torch.autograd.grad(value.sum(), y)[0], expected[1])
        got = klrs.value_and_grad(logits.kl_divergence)(teacher, y)
        for one, other in zip(got, expected, strict=True):
            assert_same(one, other)
    assert gradcheck(lambda y: logits.kl_divergence(top, y, reduction="mean"), (y,))
    assert gradcheck(lambda y: logits.kl_divergence(top, y[0, 0], keepdims=True), (y,))
    columns = logits.TopK(indices.mT, log_probs.mT, tail=tail)
    assert gradcheck(lambda y: logits.kl_divergence(columns, y.mT, axis=1), (y,))
    with torch.no_grad():
        assert_same(logits.kl_divergence(top, y), logits.kl_divergence(of_numpy, numpy(y)))
    text = (
        "p.log_probs: kl_divergence has no gradient with respect to it; pass p.log_probs.detach()"
    )
    with raises(TypeError, text):
        logits.kl_divergence(logits.TopK(indices, log_probs.requires_grad_()), y)


def test_losses_of_two_classes() -> None:
    """A value for each entry, so that what comes in is one number for each."""
    x, y = rows(3, 1, 5, grad=True), rows(2, 5, seed=1, grad=True)
    targets = torch.tensor([0, 1, 1, 0, 1])
    assert gradcheck(logits.binary_kl_divergence, (x, y))
    for options in ({}, {"reduction": "mean"}, {"where": torch.arange(5) != 2}):
        value = logits.binary_cross_entropy(targets, y, **options)
        arrays = {
            it: getattr(option, "numpy", lambda o=option: o)() for it, option in options.items()
        }
        assert_same(value.detach(), logits.binary_cross_entropy(numpy(targets), numpy(y), **arrays))
        assert gradcheck(lambda y, o=options: logits.binary_cross_entropy(targets, y, **o), (y,))
    expected = F.binary_cross_entropy_with_logits(y, targets.double().expand(2, 5))
    value = logits.binary_cross_entropy(targets, y, reduction="mean")
    torch.testing.assert_close(value, expected)
    one, other = (torch.autograd.grad(it, y)[0] for it in (value, expected))
    torch.testing.assert_close(one, other)


def test_losses_of_other_shapes() -> None:
    x, y = rows(3, 5, grad=True), rows(3, 5, seed=1, grad=True)
    labels = torch.tensor([1, 0, 4])
    assert gradcheck(lambda x, y: logits.renyi_divergence(x, y, alpha=2), (x, y))
    for reduction in (None, "mean"):
        assert gradcheck(lambda y, r=reduction: logits.perplexity(labels, y, reduction=r), (y,))
    text = "verb: renyi_divergence with the parameter inf has no gradient; pass "
    with raises(ValueError, text + "p.detach(), q.detach()"):
        logits.renyi_divergence(x, y, alpha=np.inf)


def test_tensors_that_are_not_contiguous() -> None:
    x, y = rows(5, 3, grad=True), rows(3, 10, seed=1, grad=True)
    assert gradcheck(lambda x, y: logits.js_divergence(x.mT, y[:, ::2]), (x, y))
    value = logits.kl_divergence(x.mT, y[:, ::2])
    # What comes in may have no strides.
    got = torch.autograd.grad(value.sum(), (x, y), retain_graph=True)
    expected = torch.autograd.grad(value, (x, y), torch.ones(3, dtype=torch.float64))
    for a, b in zip(got, expected, strict=True):
        assert_same(a, numpy(b))


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=str)
def test_gradients_have_the_dtype_of_their_operand(dtype: Any) -> None:
    x, y = rows(3, 20, dtype=dtype, grad=True), rows(3, 20, seed=1, dtype=dtype, grad=True)
    wide = [it.detach().double().requires_grad_() for it in (x, y)]
    for function in (logits.kl_divergence, logits.js_divergence):
        function(x, y, reduction="mean").backward()
        function(*wide, reduction="mean").backward()
    function(x[:, None], y).sum().backward()
    function(wide[0][:, None], wide[1]).sum().backward()
    for got, expected in zip((x.grad, y.grad), wide, strict=True):
        assert got.dtype == dtype
        scale = float(expected.grad.abs().max())
        error = float((got.double() - expected.grad).abs().max()) / scale
        assert error < 4 * torch.finfo(dtype).eps
    z = rows(3, 20, dtype=dtype, grad=True)
    logits.softmax(z).square().sum().backward()
    assert z.grad.dtype == dtype


def test_one_operand_may_need_no_gradient() -> None:
    x, y = rows(3, 5), rows(3, 5, seed=1, grad=True)
    (got,) = torch.autograd.grad(logits.kl_divergence(x, y).sum(), y)
    assert_same(got, klrs.value_and_grad(logits.kl_divergence)(numpy(x), numpy(y))[1])
    (got,) = torch.autograd.grad(logits.kl_divergence(y, x).sum(), y)
    assert_same(got, klrs.value_and_grad(logits.kl_divergence, 0)(numpy(y), numpy(x))[1])


def test_no_gradient_is_made_where_none_is_asked_for() -> None:
    x = rows(3, 5, grad=True)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            value = logits.kl_divergence(x, x.flip(0))
            assert not value.requires_grad
    assert logits.kl_divergence(x, x.flip(0)).requires_grad


@pytest.mark.parametrize("reduction", ["mean", None])
def test_backward_more_than_once(reduction: str | None) -> None:
    """A gradient that is kept for the next time is not added to."""
    x, y = rows(3, 5, grad=True), rows(3, 5, seed=1)
    value = logits.kl_divergence(y, x, reduction=reduction).sum()
    (expected,) = torch.autograd.grad(value, x, retain_graph=True)
    once = expected.clone()
    for times in (1, 2, 3):
        value.backward(retain_graph=True)
        torch.testing.assert_close(x.grad, once * times)
    total = value + value * 2
    x.grad = None
    total.backward(retain_graph=True)
    torch.testing.assert_close(x.grad, once * 3)
    x.grad.zero_()
    (again,) = torch.autograd.grad(value, x, retain_graph=True)
    assert_same(again, numpy(once))
    assert_same(torch.autograd.grad(value * 0, x)[0], np.zeros((3, 5)))


@pytest.mark.filterwarnings("ignore")  # torch warns of what it does itself
def test_compile_leaves_calls_as_they_are() -> None:
    layer = torch.nn.Linear(4, 3)
    x, y = rows(5, 4, dtype=torch.float32), rows(5, 3, dtype=torch.float32)

    def loss(x: Any) -> Any:
        return logits.kl_divergence(y, layer(x), reduction="mean") * 2

    (expected,) = torch.autograd.grad(loss(x), layer.bias)
    (got,) = torch.autograd.grad(torch.compile(loss, backend="eager")(x), layer.bias)
    torch.testing.assert_close(got, expected)


def test_rows_that_nothing_comes_in_for() -> None:
    """A mask leaves them out, also where their gradient is infinite."""
    p = distributions(2, 3)
    q = torch.tensor([[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]], dtype=torch.float64, requires_grad=True)
    value = klrs.kl_divergence(p, q)
    assert value.isinf().tolist() == [True, False]
    torch.where(value.isinf(), 0, value).sum().backward()
    assert (q.grad[0] == 0).all()
    assert_same(q.grad[1], klrs.value_and_grad(klrs.kl_divergence)(numpy(p)[1], numpy(q)[1])[1])


# Beside torch's own losses


@each_dtype
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.1},
        {"weight": torch.tensor([0.5, 1, 2, 0, 3])},
        {"ignore_index": 3},
    ],
    ids=str,
)
def test_cross_entropy_is_that_of_torch(options: dict[str, Any], dtype: Any) -> None:
    labels = torch.tensor([0, 3, 4, 1, 3, 2])
    x = rows(6, 5, dtype=dtype, grad=True)
    wide = x.detach().double().requires_grad_()
    ours = {"class_weights" if it == "weight" else it: value for it, value in options.items()}
    if "weight" in options:
        options = {"weight": options["weight"].double()}
    bound = max(8 * torch.finfo(dtype).eps, 1e-6 if dtype != torch.float64 else 1e-14)
    for reduction in ("mean", "sum", "none"):
        expected = F.cross_entropy(wide, labels, reduction=reduction, **options)
        (gradient,) = torch.autograd.grad(expected.sum(), wide)
        kind = None if reduction == "none" else reduction
        got = logits.cross_entropy(labels, x, reduction=kind, **ours)
        (mine,) = torch.autograd.grad(got.sum(), x)
        torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=bound)
        torch.testing.assert_close(mine.double(), gradient, rtol=0, atol=bound)


def test_soft_targets_are_those_of_torch() -> None:
    targets, x = distributions(6, 5), rows(6, 5, grad=True)
    expected = F.cross_entropy(x, targets)
    got = logits.cross_entropy(targets, x, reduction="mean")
    torch.testing.assert_close(got, expected)
    one, other = (torch.autograd.grad(it, x)[0] for it in (got, expected))
    torch.testing.assert_close(one, other)


def test_kl_divergence_is_that_of_torch() -> None:
    teacher, student = rows(6, 5), rows(6, 5, seed=1, grad=True)
    for temperature in (1.0, 4.0):
        expected = F.kl_div(
            F.log_softmax(student / temperature, -1),
            F.log_softmax(teacher / temperature, -1),
            log_target=True,
            reduction="batchmean",
        )
        got = logits.kl_divergence(teacher, student, temperature=temperature, reduction="mean")
        torch.testing.assert_close(got, expected)
        one, other = (torch.autograd.grad(it, student)[0] for it in (got, expected))
        torch.testing.assert_close(one, other)
    p, q = distributions(6, 5), distributions(6, 5, seed=1, grad=True)
    expected = F.kl_div(q.log(), p, reduction="batchmean")
    got = klrs.kl_divergence(p, q).mean()
    torch.testing.assert_close(got, expected)
    one, other = (torch.autograd.grad(it, q)[0] for it in (got, expected))
    torch.testing.assert_close(one, other)


def test_a_model_learns() -> None:
    """A linear model is trained to be its teacher, from the teacher's logits and from labels."""
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    teacher = torch.nn.Linear(8, 4)
    with torch.no_grad():
        teacher.weight *= 4
        wanted = teacher(x)
        labels = wanted.argmax(-1)
    for loss in (
        lambda y: logits.kl_divergence(wanted, y, temperature=2.0, reduction="mean"),
        lambda y: logits.cross_entropy(labels, y, reduction="mean"),
        lambda y: klrs.kl_divergence(wanted.softmax(-1), y.softmax(-1)).mean(),
        lambda y: klrs.js_divergence(wanted.softmax(-1), logits.softmax(y)).mean(),
    ):
        student = torch.nn.Linear(8, 4)
        optimizer = torch.optim.Adam(student.parameters(), lr=0.1)
        start = loss(student(x)).item()
        for _ in range(100):
            optimizer.zero_grad()
            loss(student(x)).backward()
            optimizer.step()
        with torch.no_grad():
            assert loss(student(x)).item() < 0.2 * start
            assert (student(x).argmax(-1) == labels).float().mean() > 0.95


# value_and_grad, and what is behind it all


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1,)])
def test_value_and_grad_of_tensors(argnums: Any) -> None:
    x, y = rows(3, 5, grad=True), rows(3, 5, seed=1, dtype=torch.bfloat16)
    p, q = x.softmax(-1), y.softmax(-1)
    for function, a, b in ((logits.kl_divergence, x, y), (klrs.kl_divergence, p, q)):
        differentiated = klrs.value_and_grad(function, argnums)
        for options in ({}, {"reduction": "mean"}, {"sample_weight": torch.tensor([1, 0, 2])}):
            arrays = {
                it: numpy(value) if isinstance(value, torch.Tensor) else value
                for it, value in options.items()
            }
            value, gradients = differentiated(a, b, **options)
            expected, exact = differentiated(numpy(a), numpy(b), **arrays)
            assert not value.requires_grad
            assert_same(value, expected)
            if not isinstance(argnums, tuple):
                gradients, exact = (gradients,), (exact,)
            for got, of_numpy in zip(gradients, exact, strict=True):
                assert_same(got, of_numpy)


def test_value_and_grad_writes_to_tensors() -> None:
    x, y = rows(3, 5), rows(3, 5, seed=1)
    for function, a, b in (
        (logits.kl_divergence, x, y),
        (klrs.kl_divergence, x.softmax(-1), y.softmax(-1)),
    ):
        out = torch.zeros(3, 5, dtype=torch.float64), None
        _, gradients = klrs.value_and_grad(function, (0, 1))(a, b, out=out)
        assert gradients[0] is out[0]
        _, exact = klrs.value_and_grad(function, (0, 1))(numpy(a), numpy(b))
        for got, of_numpy in zip(gradients, exact, strict=True):
            assert_same(got, of_numpy)


def test_value_and_grad_of_what_is_missing() -> None:
    p = distributions(3, 5)
    with raises(ValueError, "argnums: 1, but perplexity was called without q"):
        klrs.value_and_grad(klrs.perplexity)(p)
    value, _ = klrs.value_and_grad(klrs.perplexity, 0)(p, None)
    assert_same(value, klrs.perplexity(numpy(p)))


def test_the_call_behind_the_verbs() -> None:
    p, q = distributions(3, 5), distributions(3, 5, seed=1, grad=True)
    assert adapter_for(numpy(p), [1, 2], None, 1.0) is None
    assert adapter_for(numpy(p), q) is adapter_for(p) is _torch
    assert_same(call("kl_divergence", (p, q), {}), klrs.kl_divergence(numpy(p), numpy(q)))
    assert_same(call("perplexity", (p,), {"q": None}), klrs.perplexity(numpy(p)))
    assert call("entropy", (), {"p": q, "keepdims": True}).shape == (3, 1)
    assert call("entropy", ([0.5, 0.5],), {"base": 2}) == 1
    # A torch.Size is torch's, but no tensor.
    assert call("entropy", (torch.Size([1, 3]),), {"normalize": True}).shape == ()


# Errors


def test_verbs_without_a_gradient() -> None:
    p, q = distributions(3, 5, grad=True), distributions(3, 5, seed=1)
    with raises(ValueError, "verb: min_entropy has no gradient; pass p.detach()"):
        klrs.min_entropy(p)
    text = "verb: renyi_divergence with the parameter inf has no gradient; pass p.detach()"
    with raises(ValueError, text):
        klrs.renyi_divergence(p, q, alpha=np.inf)
    with torch.no_grad():
        assert_same(klrs.min_entropy(p), klrs.min_entropy(numpy(p)))


def test_arguments_without_a_gradient() -> None:
    x, y = rows(3, 5, grad=True), rows(3, 5, seed=1)
    weights = torch.ones(3, requires_grad=True)
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("targets", lambda: logits.cross_entropy(x.softmax(-1), y)),
        ("sample_weight", lambda: logits.cross_entropy(y.softmax(-1), x, sample_weight=weights)),
        ("temperature", lambda: logits.cross_entropy(y.softmax(-1), y, temperature=weights[0])),
    ]
    for name, function in cases:
        text = f"{name}: cross_entropy has no gradient with respect to it; pass {name}.detach()"
        with raises(TypeError, text):
            function()
        with torch.no_grad():
            function()


def test_tensors_that_are_no_plain_numbers() -> None:
    p = distributions(3, 5)
    negated = torch.complex(p, -p).conj().imag
    assert negated.is_neg()
    assert_same(klrs.entropy(negated.resolve_neg()), klrs.entropy(numpy(p)))
    for function in (klrs.entropy, logits.entropy):
        name = "p" if function is klrs.entropy else "logits"
        for bad, text in (
            (p.to("meta"), f"a tensor on meta is not supported; pass {name}.cpu()"),
            (p.to_sparse(), f"a sparse_coo tensor is not supported; pass {name}.to_dense()"),
            (
                negated,
                f"a tensor with torch's neg bit is not supported; pass {name}.resolve_neg()",
            ),
            (
                torch.complex(p, p).conj(),
                f"a tensor with torch's conj bit is not supported; pass {name}.resolve_conj()",
            ),
        ):
            with raises(TypeError, f"{name}: {text}"):
                function(bad)
        text = f"^{name}: the tensor cannot be read as an array .*Float8"
        with pytest.raises(TypeError, match=text):
            function(p.to(torch.float8_e4m3fn))
        with pytest.raises(TypeError, match=f"^{name}: the tensor cannot be read as an array"):
            torch.func.vmap(function)(p)


def test_errors_are_those_of_numpy() -> None:
    p, q = distributions(3, 5), distributions(3, 5, seed=1, grad=True)
    for operands, options in (
        ((p, q[:2]), {}),
        ((p, q * 2), {}),
        ((p, q), {"axis": 2}),
        ((p, q), {"base": 1}),
        ((p,), {}),
        ((p, q), {"reduction": "mean"}),
        ((p, q, 2), {}),
    ):
        arrays = [numpy(it) if isinstance(it, torch.Tensor) else it for it in operands]
        with pytest.raises((TypeError, ValueError)) as expected:
            klrs.kl_divergence(*arrays, **options)
        with raises(type(expected.value), str(expected.value)):
            klrs.kl_divergence(*operands, **options)
    text = "keepdims: a loss that is reduced over its rows has no axes to keep"
    with raises(ValueError, text):
        logits.kl_divergence(rows(3, 5), rows(3, 5, grad=True), keepdims=True, reduction="mean")


def test_other_functions_ask_for_tensors_without_gradients() -> None:
    p, _ = pair(3, 5)
    counts = torch.from_numpy(p)
    assert_same_bits(klrs.smooth(counts, pseudocount=1), klrs.smooth(p, pseudocount=1))
    text = "p: a tensor that requires a gradient is not supported; pass p.detach()"
    with raises(TypeError, text):
        klrs.smooth(counts.requires_grad_(), pseudocount=1)
    assert KL(counts.detach(), counts).requires_grad


# Distributions


def float64(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float64)


STUDENT = there.StudentT(3.0, 0.5, 2.0)
MIXTURE = there.MixtureSameFamily(
    there.Categorical(float64([0.25, 0.75])),
    there.Normal(float64([-1.0, 1.0]), float64([0.5, 0.75])),
)
RAISED = there.TransformedDistribution(
    there.Exponential(float64(1.0)), [there.AffineTransform(1.0, 2.0)]
)
each_of_numbers = pytest.mark.parametrize(
    ("p", "q"),
    [
        (STUDENT, d.Cauchy(0, 1)),
        (d.Normal(0, 1), STUDENT),
        (MIXTURE, d.Normal(0.5, 1)),
        (there.HalfCauchy(2.0), there.HalfCauchy(1.0)),
        (there.FisherSnedecor(2.0, 8.0), d.Exponential(2.0)),
        (there.ContinuousBernoulli(0.875), d.Uniform(0, 1)),
        (there.RelaxedBernoulli(torch.tensor(2.0), 0.25), d.Uniform(0, 1)),
        (there.Kumaraswamy(2.0, 3.0), d.Beta(1, 2)),
        (RAISED, d.Normal(0, 3)),
        (
            there.MixtureSameFamily(
                there.Categorical(float64([0.25, 0.75])),
                there.Pareto(float64([1.0, 2.0]), float64([3.0, 4.0])),
            ),
            d.Pareto(1.0, 2.0),
        ),
        (
            there.MixtureSameFamily(
                there.Categorical(float64([0.25, 0.75])), there.Poisson(float64([1.0, 3.0]))
            ),
            d.Poisson(1.5),
        ),
        (
            there.MixtureSameFamily(
                there.Categorical(float64([0.25, 0.75])),
                there.VonMises(float64([-1.0, 3.0]), float64([1.0, 2.0])),
            ),
            d.VonMises(3.0, 1.0),
        ),
        (there.Independent(STUDENT, 0), d.Cauchy(0, 1)),
    ],
    ids=lambda it: type(it).__name__,
)


@each_of_numbers
def test_draws_of_torch_agree_with_integrals(p: Any, q: Any) -> None:
    exact = d.kl_divergence(p, q, rtol=1e-6)
    assert_near(monte_carlo(d.kl_divergence, p, q, size=100_000), exact)


def test_draws_of_torch_come_from_the_generator() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found = [monte_carlo(d.entropy, STUDENT) for _ in range(2)]
    assert found[0] == found[1]
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    assert monte_carlo(d.entropy, STUDENT) == found[0]
    other = d.entropy(STUDENT, method="monte_carlo", rng=np.random.default_rng(4))
    assert other != found[0][0]
    rng = np.random.default_rng(3)
    once, again = (d.entropy(STUDENT, method="monte_carlo", rng=rng) for _ in range(2))
    assert once != again
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), expected)
    with raises(
        TypeError,
        "rng: got None, expected a numpy.random.Generator; pass np.random.default_rng(seed)",
    ):
        d.entropy(STUDENT, method="monte_carlo")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
def test_densities_of_torch_are_evaluated_in_float64(dtype: Any) -> None:
    numbers = [torch.tensor(it, dtype=dtype) for it in (3.3, 0.1, 0.7)]
    df, loc, scale = (float(it) for it in numbers)
    found = d.kl_divergence(there.StudentT(*numbers), d.Cauchy(0, 1))
    exact = d.kl_divergence(scipy.stats.t(df, loc, scale), d.Cauchy(0, 1))
    assert found == pytest.approx(float(exact), rel=1e-9)
    weights, rates = torch.tensor([0.1, 0.9], dtype=dtype), torch.tensor([0.3, 7.0], dtype=dtype)
    mixture = there.MixtureSameFamily(there.Categorical(weights), there.Exponential(rates))
    # Weights of float16 sum to 1 within 1e-3.
    shares = mixture.mixture_distribution.logits.double().softmax(-1).numpy()
    slow, fast = rates.double().numpy()

    def log_density(x: Any) -> Any:
        return np.log(shares[0] * slow * np.exp(-slow * x) + shares[1] * fast * np.exp(-fast * x))

    exact = d.kl_divergence(d.Exponential(1.0), (log_density, (0.0, np.inf)))
    assert d.kl_divergence(d.Exponential(1.0), mixture) == pytest.approx(float(exact), rel=1e-9)


class Triangle(there.Distribution):
    """Somebody's own: the density 2 x / width²."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(self, width: Any) -> None:
        self.width = torch.as_tensor(width)
        super().__init__(self.width.shape, validate_args=False)

    @property
    def support(self) -> Any:
        return there.constraints.interval(0.0, self.width)

    def log_prob(self, value: Any) -> Any:
        return torch.log(2 * value) - 2 * torch.log(self.width)

    def sample(self, sample_shape: Any = ()) -> Any:
        return self.width * torch.rand(self._extended_shape(torch.Size(sample_shape))).sqrt()


class Normal(there.Normal):
    """Somebody's own, of the name of one of ours: twice as wide."""

    def log_prob(self, value: Any) -> Any:
        return there.Normal(self.loc, 2 * self.scale).log_prob(value)


def test_distributions_that_are_derived_from_those_of_torch() -> None:
    exact = np.log(2) - 0.5 - np.log([1.0, 0.5])
    p, q = Triangle(torch.tensor([1.0, 0.5])), d.Uniform(0, 1)
    np.testing.assert_allclose(d.kl_divergence(p, q), exact, rtol=1e-9)
    assert_near(monte_carlo(d.kl_divergence, p, q), exact)
    found = d.kl_divergence(d.Normal(0, 1), Normal(0.0, 0.5))
    assert found <= 1e-12
    found = d.kl_divergence(d.Normal(0, 1), Normal(0.0, 1.0))
    assert found == pytest.approx(float(d.kl_divergence(d.Normal(0, 1), d.Normal(0, 2))), rel=1e-9)


def test_what_torch_has_is_left_as_it_is() -> None:
    df = torch.tensor(3.0, requires_grad=True)
    # torch.compile turns the checks off for good.
    p = there.StudentT(df, validate_args=True)
    monte_carlo(d.entropy, p)
    assert p.df is df
    assert p._chi2.df.dtype == torch.float32
    assert p._validate_args
    product = there.Independent(there.HalfCauchy(torch.ones(2), validate_args=True), 1)
    monte_carlo(d.entropy, product)
    with pytest.raises(ValueError, match="within the support"):
        product.log_prob(torch.tensor([-1.0, 1.0]))


def test_arrays_of_densities_of_torch() -> None:
    many, q = there.StudentT(float64([3.0, 5.0]), 0.0, float64([1.0, 2.0])), d.Cauchy(0, 1)
    single = [there.StudentT(float64(df), 0.0, scale) for df, scale in ((3.0, 1.0), (5.0, 2.0))]
    exact = np.asarray([d.kl_divergence(it, q) for it in single])
    np.testing.assert_allclose(d.kl_divergence(many, q), exact, rtol=1e-12)
    assert_near(monte_carlo(d.kl_divergence, many, q), exact)
    stretched = monte_carlo(d.kl_divergence, many, d.Cauchy(np.zeros((3, 1)), 1.0))
    assert_near(stretched, np.broadcast_to(exact, (3, 2)))
    row = there.StudentT(float64([[5.0]]), 0.0, 2.0)
    found = monte_carlo(d.kl_divergence, row, d.Cauchy(np.zeros((3, 2)), 1.0))
    assert_near(found, np.full((3, 2), exact[1]))
    assert len({*found[0].flat}) == 6
    wide = d.kl_divergence(row, d.Cauchy([0.0, 0.0], 1.0))
    np.testing.assert_allclose(wide, np.full((1, 2), exact[1]), rtol=1e-12)
    moved = there.TransformedDistribution(
        there.Exponential(float64([1.0, 1.0])), [there.AffineTransform(float64([0.0, 1.0]), 1.0)]
    )
    assert d.kl_divergence(d.Exponential(2.0), moved)[1] == np.inf
    assert monte_carlo(d.kl_divergence, d.Exponential(2.0), moved)[0][1] == np.inf
    exact = d.kl_divergence(d.Exponential(2.0), d.Exponential(1.0))
    assert d.kl_divergence(d.Exponential(2.0), moved)[0] == pytest.approx(float(exact), rel=1e-9)


LOC, FACTOR, DIAGONAL = [0.5, -1.0, 2.0], [[1.0, 0.5], [0.0, 2.0], [1.0, -1.0]], [1.0, 0.5, 2.0]


def test_vectors_of_torch_that_are_ours() -> None:
    low_rank = there.LowRankMultivariateNormal(*map(float64, (LOC, FACTOR, DIAGONAL)))
    full = d.MultivariateNormal(LOC, np.asarray(FACTOR) @ np.transpose(FACTOR) + np.diag(DIAGONAL))
    q = d.MultivariateNormal(np.zeros(3), np.eye(3))
    assert d.kl_divergence(low_rank, q) == d.kl_divergence(full, q)
    assert d.kl_divergence(low_rank.expand((4,)), q).shape == (4,)
    p, q = ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5])
    exact = d.kl_divergence(d.Categorical(p), d.Categorical(q))
    for kind in (
        there.OneHotCategorical,
        there.OneHotCategoricalStraightThrough,
        lambda it: there.Multinomial(1, it),
    ):
        assert d.kl_divergence(kind(float64(p)), kind(float64(q))) == exact
    plain = there.Independent(there.Gamma(float64([2.0, 3.0]), 1.0), 0)
    np.testing.assert_array_equal(d.entropy(plain), d.entropy(d.Gamma([2.0, 3.0], 1.0)))


def gammas(*concentrations: float) -> Any:
    return there.Independent(there.Gamma(float64(concentrations), 2.0), 1)


def test_vectors_of_torch_that_are_not_ours() -> None:
    exact = d.kl_divergence(d.Gamma([1.0, 2.0], 2.0), d.Gamma([2.0, 2.5], 2.0)).sum()
    assert_near(monte_carlo(d.kl_divergence, gammas(1.0, 2.0), gammas(2.0, 2.5)), exact)
    assert_near(monte_carlo(d.entropy, gammas(1.0, 2.0)), d.entropy(d.Gamma([1.0, 2.0], 2.0)).sum())
    nested = there.Independent(there.Independent(there.StudentT(float64([3.0, 5.0])), 0), 1)
    exact = float(scipy.stats.t([3.0, 5.0]).entropy().sum())
    assert_near(monte_carlo(d.entropy, nested), exact)
    p, q = float64([0.5, 0.25, 0.25]), float64([0.25, 0.25, 0.5])
    exact = d.kl_divergence(d.Categorical(p), d.Categorical(q))
    found = monte_carlo(d.kl_divergence, there.Multinomial(4, p), there.Multinomial(4, q))
    assert_near(found, 4 * exact)
    assert_near(
        monte_carlo(
            d.kl_divergence, there.Multinomial(4, p), scipy.stats.multinomial(4, q.numpy())
        ),
        4 * exact,
    )
    loc, scale = float64([0.5, -0.5]), float64([1.0, 0.5])
    normal = d.MultivariateNormal(loc, scale_diag=scale)
    shifted = d.MultivariateNormal([0.0, 0.0], scale_diag=[1.0, 1.0])
    exact = d.kl_divergence(normal, shifted)
    # What maps both in one way does not change the divergence.
    logistic = there.LogisticNormal(loc, scale), there.LogisticNormal(float64([0.0, 0.0]), 1.0)
    assert_near(monte_carlo(d.kl_divergence, *logistic), exact)
    moved = [
        there.TransformedDistribution(
            there.Independent(there.Normal(*it), 1),
            [there.AffineTransform(float64([1.0, 2.0]), 3.0)],
        )
        for it in ((loc, scale), (float64([0.0, 0.0]), 1.0))
    ]
    assert_near(monte_carlo(d.kl_divergence, *moved), exact)
    alike = there.MixtureSameFamily(
        there.Categorical(float64([0.25, 0.75])),
        there.Independent(there.Normal(loc.expand(2, 2), scale), 1),
    )
    assert_near(monte_carlo(d.kl_divergence, alike, shifted), exact)
    assert_near(monte_carlo(d.kl_divergence, alike.expand((2,)), shifted), [exact, exact])
    split = there.MixtureSameFamily(
        there.Categorical(float64([0.5, 0.5])), there.Dirichlet(float64([[2.0, 1.0], [1.0, 2.0]]))
    )
    # The halves 2 x and 2 (1 - x) are 1 together.
    exact = d.kl_divergence(d.Dirichlet([1.0, 1.0]), d.Dirichlet([2.0, 3.0]))
    assert_near(monte_carlo(d.kl_divergence, split, d.Dirichlet([2.0, 3.0])), exact)
    # One correlation: a uniform one, and one with the density 3/4 (1 - r²).
    flat, peaked = there.LKJCholesky(2, float64(1.0)), there.LKJCholesky(2, float64(2.0))
    exact = float(np.log(0.5) - (np.log(0.75) + 2 * np.log(2) - 2))
    assert_near(monte_carlo(d.kl_divergence, flat, peaked), exact)
    verbs = (d.cross_entropy, d.js_divergence, d.jeffreys_divergence, d.hellinger_distance)
    for verb in verbs:
        value, error = monte_carlo(verb, gammas(1.0, 2.0), gammas(2.0, 2.5))
        assert 0 < error < 0.1 * value


def test_products_are_sums_over_their_factors() -> None:
    p, q = gammas(1.0, 2.0), gammas(2.0, 2.5)
    one, other = d.Gamma([1.0, 2.0], 2.0), d.Gamma([2.0, 2.5], 2.0)
    for verb, options in (
        (d.kl_divergence, {}),
        (d.cross_entropy, {"base": 2}),
        (d.jeffreys_divergence, {}),
        (d.renyi_divergence, {"alpha": 0.5}),
        (d.renyi_divergence, {"alpha": 1.0}),
        (d.bhattacharyya_distance, {"method": "closed_form"}),
    ):
        found, error = verb(p, q, return_error=True, **options)
        value, bound = verb(one, other, return_error=True, **options)
        assert found == pytest.approx(float(value.sum()), rel=1e-15)
        assert error == pytest.approx(float(bound.sum()), rel=1e-15)
    assert d.entropy(p) == one.entropy().sum()
    affinities = 1 - d.hellinger_distance(one, other) ** 2
    expected = np.sqrt(1 - affinities.prod())
    assert d.hellinger_distance(p, q) == pytest.approx(float(expected), rel=1e-12)
    # Integrals where there is no closed form, and normal distributions as a MultivariateNormal.
    students = there.Independent(there.StudentT(float64([[3.0], [5.0]]).expand(4, 2, 1)), 2)
    normals = there.Independent(there.Normal(float64([[0.5], [1.0]]), 1.0), 2)
    exact = d.kl_divergence(d.Normal([0.5, 1.0], 1.0), scipy.stats.t([3.0, 5.0])).sum()
    np.testing.assert_allclose(d.kl_divergence(normals, students), np.full(4, exact), rtol=1e-9)
    laplaces = there.Independent(there.Laplace(float64([0.0, 1.0]), 1.0), 1)
    normals = there.Independent(there.Normal(float64([0.5, 1.0]), 1.0), 1)
    exact = d.kl_divergence(d.Normal([0.5, 1.0], 1.0), d.Laplace([0.0, 1.0], 1.0)).sum()
    assert d.kl_divergence(normals, laplaces) == pytest.approx(float(exact), rel=1e-15)
    dependent = d.MultivariateNormal([0.5, 1.0], np.eye(2))
    assert_near(monte_carlo(d.kl_divergence, dependent, laplaces), exact)
    with pytest.raises(ValueError, match=r"^method: kl_divergence has no closed form for Multi"):
        d.kl_divergence(dependent, laplaces)
    rows = float64([[0.5, 0.5], [0.25, 0.75]])
    found = d.kl_divergence(*(there.Independent(there.Dirichlet(it), 1) for it in (rows, 2 * rows)))
    exact = d.kl_divergence(d.Dirichlet(rows), d.Dirichlet(2 * rows)).sum()
    assert found == pytest.approx(float(exact), rel=1e-15)


def test_points_that_vectors_of_torch_have_not() -> None:
    normal = d.MultivariateNormal([0.0, 0.0], np.eye(2))
    assert monte_carlo(d.kl_divergence, normal, gammas(1.0, 2.0))[0] == np.inf
    raised = there.TransformedDistribution(
        there.Independent(there.Exponential(float64([1.0, 1.0])), 1),
        [there.AffineTransform(1.0, 2.0)],
    )
    assert monte_carlo(d.kl_divergence, gammas(1.0, 2.0), raised)[0] == np.inf
    assert monte_carlo(d.kl_divergence, raised, gammas(1.0, 2.0))[0] < np.inf
    more = there.Multinomial(5, float64([0.5, 0.5]))
    assert (
        monte_carlo(d.kl_divergence, there.Multinomial(4, float64([0.5, 0.5])), more)[0] == np.inf
    )


@pytest.mark.parametrize(
    ("p", "q", "text"),
    [
        (
            gammas(1.0, 2.0),
            gammas(1.0, 2.0, 3.0),
            "p and q: vectors of length 2 and 3, expected one length",
        ),
        (
            there.LogisticNormal(float64([0.0, 0.0]), 1.0),
            d.MultivariateNormal([0.0, 0.0, 0.0], np.eye(3)),
            "p and q: torch's LogisticNormal and MultivariateNormal, of which one is on the "
            "simplex; pass two of one kind",
        ),
        (
            there.Wishart(float64(3.0), torch.eye(2, dtype=torch.float64)),
            d.MultivariateNormal([0.0, 0.0], np.eye(2)),
            "p and q: torch's Wishart and MultivariateNormal are distributions of an array and of "
            "a vector; pass two of one kind",
        ),
        (
            STUDENT,
            d.Poisson(1),
            "p and q: torch's StudentT has a density, Poisson has probabilities of integers; pass "
            "two of one kind",
        ),
        (
            there.LogisticNormal(float64([0.0, 0.0]), 1.0),
            there.LogisticNormal(float64([0.0, 0.0]), 1.0),
            "method: kl_divergence has no closed form for torch's LogisticNormal and torch's "
            "LogisticNormal; pass method='monte_carlo'",
        ),
    ],
    ids=str,
)
def test_pairs_of_torch(p: Any, q: Any, text: str) -> None:
    with raises(ValueError, text):
        d.kl_divergence(p, q)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("b", [0.25, 1.0, 3.0])
def test_kumaraswamy(a: float, b: float) -> None:
    """Torch's log-density is NaN or 0 at the ends, and near 0 where x^a rounds to 0."""
    p = there.Kumaraswamy(float64(a), float64(b))
    harmonic = float(mp.harmonic(b))
    exact = 1 - 1 / b + (1 - 1 / a) * harmonic - np.log(a * b)
    for q in (d.Uniform(0, 1), d.Uniform(-1, 2)):
        length = float(q.high - q.low)
        found = d.kl_divergence(p, q)
        assert found == pytest.approx(np.log(length) - exact, rel=1e-9, abs=1e-12)
    assert d.entropy(p) == pytest.approx(exact, rel=1e-9, abs=1e-12)
    # Of X^a with its distribution Beta(1, b), and of what maps both in one way.
    other = there.Kumaraswamy(float64(a), float64(2.0))
    exact = d.kl_divergence(d.Beta(1.0, b), d.Beta(1.0, 2.0))
    assert d.kl_divergence(p, other) == pytest.approx(float(exact), rel=1e-9)
    if b >= 1:
        assert_near(monte_carlo(d.kl_divergence, p, other), exact)


def test_kumaraswamy_in_arrays() -> None:
    a, b = float64([0.5, 2.0]), float64([3.0, 0.25])
    single = [
        d.kl_divergence(there.Kumaraswamy(x, y), d.Beta(1.5, 2.0))
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(
        d.kl_divergence(there.Kumaraswamy(a, b), d.Beta(1.5, 2.0)), single, rtol=1e-12
    )
