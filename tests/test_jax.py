"""Verbs called with JAX's arrays: values, `jax.jit`, `jax.grad`, `jax.vmap`, and errors.

The numbers are those of NumPy arrays, which other files test; here they are only compared. JAX is
no dependency: `make test-jax` installs it into an environment of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed; make test-jax installs it")

import jax.numpy as jnp  # noqa: E402

import klrs  # noqa: E402
from inputs import MIN_ENTROPY, VERBS, Verb, assert_same_bits  # noqa: E402
from klrs import _jax, logits  # noqa: E402
from klrs._adapters import adapter_for, call  # noqa: E402
from messages import raises  # noqa: E402

DTYPES = ("float64", "float32", "float16", "bfloat16")
LOSSES = ("kl_divergence", "js_divergence", "jeffreys_divergence", "logsumexp", "entropy")
PAIRS = LOSSES[:3]
SOFTMAXES = ("softmax", "log_softmax")

each_verb = pytest.mark.parametrize("verb", VERBS, ids=str)
each_gradient = pytest.mark.parametrize("verb", [v for v in VERBS if v != MIN_ENTROPY], ids=str)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_loss = pytest.mark.parametrize("name", LOSSES)
each_softmax = pytest.mark.parametrize("name", SOFTMAXES)


@pytest.fixture(params=[False, True], ids=["x32", "x64"], autouse=True)
def has_x64(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Everything with JAX's default, which has no float64, and with it."""
    # It would add a note of its own to the text of each error.
    settings = {"jax_enable_x64": request.param, "jax_traceback_filtering": "off"}
    before = {name: getattr(jax.config, name) for name in settings}
    for name, setting in settings.items():
        jax.config.update(name, setting)
    yield request.param
    for name, setting in before.items():
        jax.config.update(name, setting)


def rows(*shape: int, seed: int = 0, dtype: str = "float64") -> Any:
    """Logits, in float32 where JAX has no wider dtype."""
    random = np.random.default_rng(seed).normal(0, 2, shape)
    return jnp.asarray(random).astype(jax.dtypes.canonicalize_dtype(dtype))


def distributions(*shape: int, seed: int = 0, dtype: str = "float64") -> Any:
    x = rows(*shape, seed=seed)
    return jax.nn.softmax(x).astype(jax.dtypes.canonicalize_dtype(dtype))


def operands_of(name: str, *shape: int, dtype: str = "float64") -> list[Any]:
    x, y = rows(*shape, dtype=dtype), rows(*shape, seed=1, dtype=dtype)
    return [x, y] if name in PAIRS else [y]


def assert_same(got: Any, expected: Any) -> None:
    """The bits of NumPy's result, rounded to float32 where JAX has no wider dtype."""
    assert isinstance(got, jax.Array)
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    assert_same_bits(
        np.asarray(got), expected.astype(jax.dtypes.canonicalize_dtype(expected.dtype))
    )


def assert_close(got: Any, expected: Any, *, scale: float = 1.0) -> None:
    """Equal up to rounding, of sums that JAX makes itself."""
    tolerance = scale * (1e-13 if got.dtype == np.float64 else 2e-6)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


# Values


@each_dtype
@each_verb
def test_values_are_those_of_numpy(verb: Verb, dtype: str) -> None:
    p, q = distributions(3, 40, dtype=dtype), distributions(3, 40, seed=1, dtype=dtype)
    x, y = np.asarray(p), np.asarray(q)
    for axis, keepdims, divides in ((-1, False, False), (0, True, True), (None, False, True)):
        options = verb.options(axis=axis, keepdims=keepdims, normalize=divides)
        assert_same(verb(p, q, **options), verb(x, y, **options))
    traced = jax.jit(lambda p, q: verb(p, q, **options))
    assert_same(traced(p, q), verb(x, y, **options))
    assert_same(verb(p[0], q[0]), verb(x[0], y[0]))
    assert_same(verb(p[:, None], q), verb(x[:, None], y))


@each_dtype
@each_loss
def test_losses_are_those_of_numpy(name: str, dtype: str) -> None:
    function = getattr(logits, name)
    operands = operands_of(name, 3, 4, 20, dtype=dtype)
    arrays = [*map(np.asarray, operands)]
    cases: list[dict[str, Any]] = [{}, {"axis": 1, "keepdims": True}, {"axis": (0, 2)}]
    if name in PAIRS:
        cases += [{"reduction": "sum", "temperature": 2.0}, {"reduction": "mean"}]
    for options in cases:
        expected = function(*arrays, **options)
        assert_same(function(*operands, **options), expected)
        traced = jax.jit(lambda *given, options=options: function(*given, **options))
        assert_same(traced(*operands), expected)


@each_dtype
@each_softmax
def test_softmax_is_that_of_numpy(name: str, dtype: str) -> None:
    x, function = rows(3, 20, dtype=dtype), getattr(logits, name)
    for options in ({}, {"axis": 0, "temperature": 0.3}, {"axis": None}):
        expected = function(np.asarray(x), **options)
        assert_same(function(x, **options), expected)
        assert_same(jax.jit(lambda x, options=options: function(x, **options))(x), expected)


def test_other_arguments_may_be_arrays_or_traced() -> None:
    x, y = rows(4, 5), rows(4, 5, seed=1)
    where = jnp.asarray([True, True, False, True, True])
    weights = jnp.asarray([0.5, 2, 0, 1])
    labels = jnp.asarray([1, 4, 0, 3])

    def divergence(x: Any, y: Any, where: Any, weights: Any, temperature: Any) -> Any:
        return logits.kl_divergence(
            x, y, where=where, sample_weight=weights, temperature=temperature, reduction="mean"
        )

    given = (x, y, where, weights, 2.0)
    expected = divergence(*(np.asarray(it) for it in given))
    assert_same(divergence(*given), expected)
    assert_same(jax.jit(divergence)(*given), expected)
    assert_same(jax.jit(lambda x: divergence(x, *given[1:]))(x), expected)
    assert_same(jax.jit(lambda where: divergence(x, y, where, weights, 2.0))(where), expected)

    def of_labels(labels: Any, x: Any, weights: Any) -> Any:
        return logits.cross_entropy(labels, x, class_weights=weights)

    given = (labels, x, jnp.arange(5.0))
    for transformed in (of_labels, jax.jit(of_labels)):
        assert_same(transformed(*given), of_labels(*map(np.asarray, given)))


def test_the_other_operand_may_be_an_array_or_a_list() -> None:
    p, q = distributions(5), distributions(5, seed=1)
    x, y = rows(5), rows(5, seed=1)
    for function, a, b in ((klrs.kl_divergence, p, q), (logits.kl_divergence, x, y)):
        array = np.asarray(a)
        for other in (array, array.tolist(), tuple(array.tolist())):
            expected = function(other, np.asarray(b))
            assert_same(function(other, b), expected)
            assert_same(jax.jit(lambda b, other=other, f=function: f(other, b))(b), expected)
            assert jax.grad(lambda b, other=other, f=function: f(other, b))(b).shape == b.shape
        assert_same(function(q=b, p=a), function(array, np.asarray(b)))


def test_integers() -> None:
    counts = jnp.asarray([[1, 2, 3], [4, 5, 6]])
    expected = klrs.kl_divergence(np.asarray(counts), np.asarray(counts)[::-1], normalize=True)
    function = lambda p: klrs.kl_divergence(p, p[::-1], normalize=True)  # noqa: E731
    assert_same(function(counts), expected)
    assert_same(jax.jit(function)(counts), expected)


def test_functions_are_transformed_as_they_are() -> None:
    x, y = rows(3, 5), rows(3, 5, seed=1)
    for function, p, q in (
        (klrs.kl_divergence, jax.nn.softmax(x), jax.nn.softmax(y)),
        (logits.kl_divergence, x, y),
    ):
        expected = function(np.asarray(p), np.asarray(q))
        assert_same(jax.jit(function)(p, q), expected)
        assert_same(jax.vmap(function)(p, q), expected)
        assert jax.grad(function, 1)(p[0], q[0]).shape == (5,)


def test_arrays_beyond_the_cache() -> None:
    """The callback reads them on the threads of JAX."""
    x, y = rows(1000, 2000, dtype="float32"), rows(1000, 2000, seed=1, dtype="float32")
    function = jax.jit(lambda x, y: logits.kl_divergence(x * 1, y * 1))
    assert_same(function(x, y), logits.kl_divergence(np.asarray(x), np.asarray(y)))


# Gradients


@each_gradient
@pytest.mark.parametrize("is_divided", [False, True], ids=["as-it-is", "normalize"])
def test_gradients_are_those_of_value_and_grad(verb: Verb, is_divided: bool) -> None:
    if is_divided and not verb.has_normalize:
        pytest.skip("does not normalize")
    options = {"normalize": True} if is_divided else {}
    operands = [distributions(4, 6), distributions(4, 6, seed=1)][: verb.operands]
    weights = jnp.asarray([1.0, -2.0, 0.0, 0.5])
    argnums = tuple(range(verb.operands))
    exact = klrs.value_and_grad(verb.function, argnums)
    _, expected = exact(*map(np.asarray, operands), **verb.numbers, **options)

    def loss(*given: Any) -> Any:
        return (weights * verb(*given, **options)).sum()

    for transformed in (jax.grad(loss, argnums), jax.jit(jax.grad(jax.jit(loss), argnums))):
        for got, of_numpy in zip(transformed(*operands), expected, strict=True):
            factors = np.asarray(weights)[:, None]
            assert_same(got, np.where(factors == 0, 0, of_numpy * factors))


@each_loss
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axis": 0},
        {"axis": (1, 0), "keepdims": True},
        {"axis": None, "temperature": 2.0},
        {"keepdims": True, "where": np.arange(5) != 2},
        {"reduction": "mean"},
        {"reduction": "sum", "sample_weight": np.array([1.0, 0.0, 2.5])},
    ],
    ids=str,
)
def test_gradients_of_losses(name: str, options: dict[str, Any]) -> None:
    """Those of formulas in JAX's own operations."""
    if name not in PAIRS and "reduction" in options:
        pytest.skip("has no reduction")
    operands = operands_of(name, 3, 5)
    argnums = tuple(range(len(operands)))

    def loss(*given: Any) -> Any:
        return (getattr(logits, name)(*given, **options) ** 2).sum()

    def naive(*given: Any) -> Any:
        return (formula(name, given, **options) ** 2).sum()

    expected = jax.grad(naive, argnums)(*operands)
    scale = float(max(jnp.abs(it).max() for it in expected))
    for function in (jax.grad(loss, argnums), jax.jit(jax.grad(loss, argnums))):
        for got, of_jax in zip(function(*operands), expected, strict=True):
            assert got.dtype == of_jax.dtype
            assert_close(got, of_jax, scale=4 * max(scale, 1))


def formula(name: str, operands: Any, **options: Any) -> Any:
    axis, where = options.get("axis", -1), options.get("where")
    scaled = [it / options.get("temperature", 1.0) for it in operands]
    if where is not None:
        scaled = [jnp.where(where, it, -1e30) for it in scaled]
    sums = [jax.nn.logsumexp(it, axis, keepdims=True) for it in scaled]
    logs = [it - total for it, total in zip(scaled, sums, strict=True)]

    def divergence(a: Any, b: Any) -> Any:
        return (jnp.exp(a) * (a - b)).sum(axis, keepdims=options.get("keepdims", False))

    p, q = logs[0], logs[-1]
    if name == "kl_divergence":
        value = divergence(p, q)
    elif name == "jeffreys_divergence":
        value = divergence(p, q) + divergence(q, p)
    elif name == "js_divergence":
        m = jnp.logaddexp(p, q) - np.log(2)
        value = (divergence(p, m) + divergence(q, m)) / 2
    elif name == "entropy":
        value = divergence(q, 0) * -1
    else:
        value = sums[0] if options.get("keepdims") else sums[0].squeeze(axis)
    value = value * options.get("sample_weight", 1.0)
    reduction = options.get("reduction")
    return value if reduction is None else getattr(value, reduction)()


@each_softmax
def test_softmax_has_two_derivatives(name: str) -> None:
    x = rows(3, 5)
    for axis, temperature in ((-1, 1.0), (0, 0.5), (None, 2.0)):

        def loss(x: Any, axis: Any = axis, temperature: float = temperature) -> Any:
            return (getattr(logits, name)(x, axis=axis, temperature=temperature) ** 3).sum()

        def naive(x: Any, axis: Any = axis, temperature: float = temperature) -> Any:
            return (getattr(jax.nn, name)(x / temperature, axis) ** 3).sum()

        second, of_jax = jax.jacrev(jax.grad(loss))(x), jax.hessian(naive)(x)
        for got, expected in ((jax.grad(loss)(x), jax.grad(naive)(x)), (second, of_jax)):
            assert_close(got, expected, scale=4 * float(jnp.abs(expected).max()))
        traced, of_jax = jax.jit(jax.grad(loss))(x), jax.grad(loss)(x)
        assert_close(traced, of_jax, scale=float(jnp.abs(of_jax).max()))


@each_softmax
def test_classes_that_are_left_out_have_no_gradient(name: str) -> None:
    where = np.array([True, True, False, True])
    _, backward = jax.vjp(lambda x: getattr(logits, name)(x, where=where), rows(3, 4))
    coming = rows(3, 4, seed=1).at[:, 2].set(jnp.inf)
    (gradient,) = backward(coming)
    _, of_jax = jax.vjp(getattr(jax.nn, name), rows(3, 4)[:, where])
    assert (gradient[:, 2] == 0).all()
    assert_close(gradient[:, where], of_jax(coming[:, where])[0], scale=4)


def test_operands_that_broadcast() -> None:
    x, y = rows(3, 1, 5), rows(2, 5, seed=1)
    for options in ({}, {"keepdims": True}, {"reduction": "mean"}):

        def loss(x: Any, y: Any, options: Any = options) -> Any:
            return (logits.kl_divergence(x, y, **options) ** 2).sum()

        def naive(x: Any, y: Any, options: Any = options) -> Any:
            return (formula("kl_divergence", (x, y), **options) ** 2).sum()

        expected = jax.grad(naive, (0, 1))(x, y)
        for got, of_jax in zip(jax.grad(loss, (0, 1))(x, y), expected, strict=True):
            assert got.shape == of_jax.shape
            assert_close(got, of_jax, scale=32)


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_gradients_have_the_dtype_of_their_operand(dtype: str) -> None:
    x, y = rows(3, 20, dtype=dtype), rows(3, 20, seed=1, dtype=dtype)
    wide = [it.astype("float32") for it in (x, y)]
    function = jax.grad(lambda x, y: logits.kl_divergence(x[:, None], y).mean(), (0, 1))
    for got, expected in zip(function(x, y), function(*wide), strict=True):
        assert got.dtype == dtype
        error = np.abs(got.astype("float32") - expected).max() / np.abs(expected).max()
        assert error < 4 * float(jnp.finfo(dtype).eps)


@pytest.mark.parametrize("tail", ["renormalize", "lump", "bound"])
def test_a_teacher_with_some_of_the_classes(tail: str) -> None:
    log_probs, indices = jax.lax.top_k(jax.nn.log_softmax(rows(4, 7)), 3)
    y = rows(2, 4, 7, seed=1)
    teacher = logits.TopK(np.asarray(indices), np.asarray(log_probs), tail=tail)
    exact = klrs.value_and_grad(logits.kl_divergence)(teacher, np.asarray(y))

    def divergence(indices: Any, log_probs: Any, y: Any) -> Any:
        return logits.kl_divergence(logits.TopK(indices, log_probs, tail=tail), y)

    def loss(*given: Any) -> Any:
        return divergence(*given).sum()

    for transform in (lambda f: f, jax.jit):
        assert_same(transform(divergence)(indices, log_probs, y), exact[0])
        gradient = transform(jax.grad(loss, 2))(indices, log_probs, y)
        assert_same(gradient, exact[1])
        assert_same(transform(jax.grad(lambda y: loss(indices, log_probs, y)))(y), exact[1])
    by_row = jax.vmap(divergence, (0, 0, 1), 1)(indices, log_probs, y)
    assert_same(by_row, exact[0])
    assert_same(jax.vmap(lambda y: divergence(indices, log_probs, y))(y), exact[0])
    flat = jax.vmap(jax.grad(lambda y: loss(indices, log_probs, y)))(y)
    assert_same(flat, exact[1])
    with pytest.raises(TypeError, match=r"^p\.log_probs: kl_divergence has no gradient"):
        jax.grad(loss, 1)(indices, log_probs, y)


def test_losses_of_two_classes() -> None:
    x, y, targets = rows(3, 1, 5), rows(2, 5, seed=1), jnp.asarray([0, 1, 1, 0, 1])

    def loss(targets: Any, y: Any, **options: Any) -> Any:
        return logits.binary_cross_entropy(targets, y, **options)

    def naive(targets: Any, y: Any) -> Any:
        return jax.nn.softplus(y) - targets * y

    assert_same(jax.jit(loss)(targets, y), loss(np.asarray(targets), np.asarray(y)))
    assert_same(jax.vmap(loss, (None, 0))(targets, y), loss(np.asarray(targets), np.asarray(y)))
    assert_same(jax.jit(jax.vmap(jax.vmap(loss)))(y > 0, y), loss(np.asarray(y > 0), np.asarray(y)))
    weights = rows(2, 5, seed=2)
    got = jax.jit(jax.grad(lambda y: (weights * loss(targets, y)).sum()))(y)
    assert_close(got, jax.grad(lambda y: (weights * naive(targets, y)).sum())(y), scale=4)
    got = jax.grad(lambda y: loss(targets, y, reduction="mean"))(y)
    assert_close(got, jax.grad(lambda y: naive(targets, y).mean())(y))
    function = klrs.value_and_grad(logits.binary_kl_divergence, (0, 1))
    value, exact = function(np.asarray(x), np.asarray(y))
    assert_same(jax.jit(logits.binary_kl_divergence)(x, y), value)
    gradients = jax.grad(lambda x, y: logits.binary_kl_divergence(x, y).sum(), (0, 1))(x, y)
    for one, other in zip(gradients, exact, strict=True):
        assert_close(one, other, scale=4)


def test_losses_of_other_shapes() -> None:
    x, y, labels = rows(3, 5), rows(3, 5, seed=1), jnp.asarray([1, 0, 4])
    for function, operands, options in (
        (logits.renyi_divergence, (x, y), {"alpha": 2}),
        (logits.perplexity, (labels, y), {}),
        (logits.perplexity, (labels, y), {"reduction": "mean"}),
    ):
        arrays = [*map(np.asarray, operands)]
        value, exact = klrs.value_and_grad(function)(*arrays, **options)
        loss = lambda *given, f=function, o=options: f(*given, **o)  # noqa: E731
        assert_close(jax.jit(loss)(*operands), value)
        gradient = jax.grad(lambda *given, loss=loss: loss(*given).sum(), 1)(*operands)
        assert_close(gradient, exact)


def test_labels_and_soft_targets() -> None:
    x, labels = rows(6, 5), jnp.asarray([0, 3, 4, 1, 3, 2])
    targets = distributions(6, 5, seed=1)

    def naive(x: Any, labels: Any) -> Any:
        one_hot = jax.nn.one_hot(labels, 5) if labels.ndim == 1 else labels
        return -(one_hot * jax.nn.log_softmax(x)).sum(-1).mean()

    def loss(x: Any, labels: Any) -> Any:
        return logits.cross_entropy(labels, x, reduction="mean")

    for given in (labels, targets):
        for transform in (jax.value_and_grad, lambda f: jax.jit(jax.value_and_grad(f))):
            (value, gradient), (expected, exact) = (transform(f)(x, given) for f in (loss, naive))
            assert_close(value, expected, scale=4)
            assert_close(gradient, exact, scale=4)


def test_rows_that_nothing_comes_in_for() -> None:
    p = distributions(2, 3)
    q = jnp.asarray([[0.0, 0.5, 0.5], [0.25, 0.25, 0.5]])

    def loss(q: Any) -> Any:
        value = klrs.kl_divergence(p, q)
        return jnp.where(jnp.isinf(value), 0, value).sum()

    gradient = jax.grad(loss)(q)
    assert (gradient[0] == 0).all()
    _, expected = klrs.value_and_grad(klrs.kl_divergence)(np.asarray(p)[1], np.asarray(q)[1])
    assert_same(gradient[1], expected)


def test_a_model_learns() -> None:
    x = rows(256, 8, dtype="float32")
    wanted = x @ rows(8, 4, seed=1, dtype="float32")
    labels = wanted.argmax(-1)
    for loss in (
        lambda w: logits.kl_divergence(wanted, x @ w, temperature=2.0, reduction="mean"),
        lambda w: logits.cross_entropy(labels, x @ w, reduction="mean"),
        lambda w: klrs.js_divergence(jax.nn.softmax(wanted), logits.softmax(x @ w)).mean(),
    ):
        w = jnp.zeros((8, 4), "float32")
        step = jax.jit(lambda w, loss=loss: w - jax.grad(loss)(w))
        start = loss(w)
        for _ in range(50):
            w = step(w)
        assert loss(w) < 0.2 * start


# vmap


@each_loss
def test_vmap_is_a_batch(name: str) -> None:
    function, operands = getattr(logits, name), operands_of(name, 4, 3, 5)
    expected = function(*map(np.asarray, operands))
    assert_same(jax.vmap(function)(*operands), expected)
    assert_same(jax.vmap(jax.vmap(function))(*operands), expected)
    assert_same(jax.jit(jax.vmap(function, 1, 1))(*operands), expected)
    by_axis = jax.vmap(lambda *given: function(*given, axis=0, keepdims=True))(*operands)
    assert_same(by_axis, function(*map(np.asarray, operands), axis=1, keepdims=True))
    of_all = jax.vmap(lambda *given: function(*given, axis=None))(*operands)
    assert_same(of_all, function(*map(np.asarray, operands), axis=(1, 2)))


@each_softmax
def test_vmap_of_softmax(name: str) -> None:
    x, function = rows(4, 3, 5), getattr(logits, name)
    assert_same(jax.vmap(function)(x), function(np.asarray(x)))
    by_axis = jax.vmap(lambda x: function(x, axis=0))(x)
    assert_same(by_axis, function(np.asarray(x), axis=1))
    loss = lambda x: (function(x) ** 2).sum()  # noqa: E731
    assert_same(jax.vmap(jax.grad(loss))(x), jax.grad(lambda x: loss(x).sum())(x))


def test_vmap_over_some_of_the_arguments() -> None:
    x, y = rows(4, 5), rows(3, 5, seed=1)
    a, b = np.asarray(x), np.asarray(y)
    exact = logits.kl_divergence(a[:, None], b)
    divergence = logits.kl_divergence
    assert_same(jax.vmap(divergence, (0, None))(x, y), exact)
    assert_same(jax.vmap(divergence, (None, 0))(x, y), exact.T)
    assert_same(jax.vmap(lambda x: jax.vmap(lambda y: divergence(x, y))(y))(x), exact)
    assert_same(jax.vmap(lambda y: divergence(a, y))(y), exact.T)
    assert_same(jax.vmap(divergence, (0, None))(x, y[:, None]), exact[..., None])
    where = np.arange(5) != np.arange(4)[:, None]
    got = jax.vmap(lambda where: divergence(x[0], b, where=where))(jnp.asarray(where))
    assert_same(got, np.stack([divergence(a[0], b, where=it) for it in where]))
    weights = np.arange(12.0).reshape(4, 3)
    got = jax.vmap(lambda weight: divergence(x[0], b, sample_weight=weight))(jnp.asarray(weights))
    assert_same(got, np.stack([divergence(a[0], b, sample_weight=it) for it in weights]))
    labels = np.arange(12).reshape(4, 3) % 5
    got = jax.vmap(logits.cross_entropy, (0, None))(jnp.asarray(labels), y)
    assert_same(got, logits.cross_entropy(labels, np.broadcast_to(b, (4, 3, 5))))
    got = jax.vmap(logits.cross_entropy, (None, 0))(jnp.asarray(labels[0]), rows(4, 3, 5))
    wide = np.asarray(rows(4, 3, 5))
    assert_same(got, logits.cross_entropy(np.broadcast_to(labels[0], (4, 3)), wide))
    got = jax.vmap(lambda t: divergence(x[:3], b, temperature=t))(jnp.asarray([1.0, 2.0]))
    assert_same(got, np.stack([divergence(a[:3], b, temperature=t) for t in (1.0, 2.0)]))


def test_vmap_of_losses_that_are_reduced() -> None:
    x, y = rows(4, 3, 5), rows(3, 5, seed=1)
    for options in ({"reduction": "mean"}, {"reduction": "sum", "axis": 0}):

        def loss(x: Any, y: Any, options: Any = options) -> Any:
            return logits.kl_divergence(x, y, **options)

        expected = np.stack([loss(np.asarray(it), np.asarray(y)) for it in x])
        assert_same(jax.vmap(loss, (0, None))(x, y), expected)
        gradients = jax.jit(jax.vmap(jax.grad(loss, (0, 1)), (0, None)))(x, y)
        exact = [jax.grad(loss, (0, 1))(it, y) for it in x]
        for it in (0, 1):
            assert_same(gradients[it], np.stack([pair[it] for pair in exact]))


@each_gradient
def test_vmap_of_gradients(verb: Verb) -> None:
    p, q = distributions(4, 3, 5), distributions(3, 5, seed=1)
    operands, axes = ((p, q), (0, None)) if verb.operands == 2 else ((p,), (0,))
    argnums = tuple(range(verb.operands))

    def loss(*given: Any) -> Any:
        return verb(*given).sum()

    gradients = jax.vmap(jax.grad(loss, argnums), axes)(*operands)
    exact = [jax.grad(loss, argnums)(it, *operands[1:]) for it in p]
    for it in argnums:
        assert_same(gradients[it], np.stack([pair[it] for pair in exact]))


def test_scan() -> None:
    x, y = rows(4, 3, 5), rows(3, 5, seed=1)

    def loss(y: Any) -> Any:
        def step(total: Any, x: Any) -> Any:
            return total + logits.kl_divergence(x, y).sum(), None

        return jax.lax.scan(step, jnp.zeros((), y.dtype), x)[0]

    exact = jax.grad(lambda y: sum(logits.kl_divergence(it, y).sum() for it in x))(y)
    assert_close(jax.jit(jax.grad(loss))(y), exact, scale=8)


# value_and_grad, and what is behind it all


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1,)])
def test_value_and_grad_of_arrays(argnums: Any) -> None:
    x, y = rows(3, 1, 5), rows(2, 5, seed=1, dtype="bfloat16")
    p, q = distributions(3, 1, 5), distributions(2, 5, seed=1, dtype="bfloat16")
    for function, a, b in ((logits.kl_divergence, x, y), (klrs.kl_divergence, p, q)):
        differentiated = klrs.value_and_grad(function, argnums)
        weights = jnp.asarray([1, 0])
        for options in ({}, {"reduction": "mean"}, {"sample_weight": weights}):
            arrays = {
                it: np.asarray(value) if isinstance(value, jax.Array) else value
                for it, value in options.items()
            }
            expected, exact = differentiated(np.asarray(a), np.asarray(b), **arrays)
            exact = exact if isinstance(argnums, tuple) else (exact,)
            traced = jax.jit(lambda a, b, f=differentiated, o=options: f(a, b, **o))
            for value, gradients in (differentiated(a, b, **options), traced(a, b)):
                assert_same(value, expected)
                of_jax = gradients if isinstance(argnums, tuple) else (gradients,)
                for got, of_numpy in zip(of_jax, exact, strict=True):
                    assert_same(got, of_numpy)


def test_value_and_grad_under_vmap() -> None:
    p, q = distributions(4, 5), distributions(4, 5, seed=1)
    function = klrs.value_and_grad(klrs.kl_divergence)
    for got, expected in zip(
        jax.vmap(function)(p, q), function(np.asarray(p), np.asarray(q)), strict=True
    ):
        assert_same(got, expected)


def test_the_call_behind_the_verbs() -> None:
    p, q = distributions(3, 5), distributions(3, 5, seed=1)
    x, y = np.asarray(p), np.asarray(q)
    assert adapter_for(x, [1, 2], None, 1.0) is None
    assert adapter_for(x, q) is adapter_for(p) is _jax
    assert_same(call("kl_divergence", (p, q), {}), klrs.kl_divergence(x, y))
    assert_same(call("perplexity", (p,), {"q": None}), klrs.perplexity(x))
    assert call("entropy", (), {"p": q, "keepdims": True}).shape == (3, 1)
    assert call("entropy", ([0.5, 0.5],), {"base": 2}) == 1


def test_a_tensor_and_an_array() -> None:
    class Tensor:
        __module__ = "torch"

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "torch", np)
        text = (
            "operands: got a torch tensor and a JAX array; pass both of one library, "
            "e.g. np.asarray(x) of one of them"
        )
        with raises(TypeError, text):
            klrs.kl_divergence(Tensor(), distributions(5))
        with raises(TypeError, text):
            logits.kl_divergence(rows(5), Tensor())


# Errors


def test_out() -> None:
    x, y = rows(3, 5), rows(3, 5, seed=1)
    cases: list[Callable[[], Any]] = [
        lambda: logits.kl_divergence(x, y, out=np.zeros(3)),
        lambda: jax.jit(lambda x: logits.softmax(x, out=np.zeros((3, 5))))(x),
        lambda: klrs.entropy(jax.nn.softmax(x), out=jnp.zeros(3)),
        lambda: klrs.value_and_grad(logits.kl_divergence)(x, y, out=np.zeros((3, 5))),
        lambda: klrs.value_and_grad(klrs.entropy, 0)(jax.nn.softmax(x), out=np.zeros((3, 5))),
    ]
    for function in cases:
        with raises(TypeError, "out: JAX arrays are not written to; leave it away"):
            function()


def test_arguments_without_a_gradient() -> None:
    x, y = rows(3, 5), distributions(3, 5)

    def loss(targets: Any, weights: Any, temperature: Any) -> Any:
        return logits.cross_entropy(
            targets, x, sample_weight=weights, temperature=temperature
        ).sum()

    for it, name in enumerate(("targets", "sample_weight", "temperature")):
        text = (
            f"{name}: cross_entropy has no gradient with respect to it; "
            f"pass jax.lax.stop_gradient({name})"
        )
        with raises(TypeError, text):
            jax.grad(loss, it)(y, jnp.ones(3), 2.0)
    with pytest.raises(TypeError, match=r"^temperature: softmax has no gradient"):
        jax.grad(lambda t: logits.softmax(x, temperature=t).sum())(2.0)
    with raises(ValueError, "verb: min_entropy has no gradient"):
        jax.grad(klrs.min_entropy)(y[0])


def test_errors_are_those_of_numpy() -> None:
    p, q = distributions(3, 5), distributions(3, 5, seed=1)
    for operands, options in (
        ((p, q[:2]), {}),
        ((p, q), {"axis": 2}),
        ((p, q), {"axis": (0, 0)}),
        ((p, q[:, :1]), {}),
        ((p[0, 0], q[0, 0]), {}),
        ((p,), {}),
        ((p, q), {"reduction": "mean"}),
    ):
        with pytest.raises((TypeError, ValueError)) as expected:
            klrs.kl_divergence(*map(np.asarray, operands), **options)
        for transform in (lambda f: f, jax.jit):
            function = transform(lambda *given, o=options: klrs.kl_divergence(*given, **o))
            with raises(type(expected.value), str(expected.value)):
                function(*operands)
    text = "keepdims: a loss that is reduced over its rows has no axes to keep"
    for transform in (lambda f: f, jax.jit):
        with raises(ValueError, text):
            transform(lambda x: logits.kl_divergence(x, x, keepdims=True, reduction="mean"))(
                rows(3, 5)
            )
    text = "argnums: 1, but perplexity was called without q"
    with raises(ValueError, text):
        klrs.value_and_grad(klrs.perplexity)(p)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_mistakes_in_the_data() -> None:
    """JAX raises an error of its own, with the text of klrs'."""
    p = distributions(3, 5)
    with pytest.raises(ValueError, match=r"^p: row 0 sums to 2"):
        klrs.entropy(p * 2)
    with pytest.raises(ValueError, match=r"^p: row 0 sums to 2"):
        jax.grad(lambda p: klrs.entropy(p).sum())(p * 2)
    with pytest.raises(jax.errors.JaxRuntimeError, match="p: row 0 sums to 2"):
        jax.jit(klrs.entropy)(p * 2).block_until_ready()


def test_derivatives_that_do_not_exist() -> None:
    x = rows(5)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(logits.entropy, (x,), (x,))
    with pytest.raises(ValueError, match="do not support JVP"):
        jax.jacrev(jax.grad(logits.entropy))(x)
