"""How tensors of torch and arrays of JAX are told from others, with stand-ins for both libraries.

What the adapters do with the real ones is in test_torch.py and test_jax.py.
"""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import klrs
from klrs import logits
from klrs._adapters import adapter_for, call, convert
from messages import P, Q, raises

LIBRARIES = {"torch": "torch", "jax": "jax", "jaxlib": "jax"}


def of(module: str) -> Any:
    """An array of a library, by the module of its type."""
    return type("Array", (), {"__module__": module, "shape": (3,), "dtype": np.dtype("f4")})()


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Both libraries are there, and their adapters tell what they are asked."""
    found: dict[str, Any] = {}
    for library in ("torch", "jax"):
        adapter = ModuleType(f"klrs._{library}")
        adapter.apply = lambda *told: told
        adapter.differentiate = lambda *told: (told, (1, 2))
        monkeypatch.setitem(sys.modules, library, ModuleType(library))
        monkeypatch.setitem(sys.modules, adapter.__name__, adapter)
        found[library] = adapter
    return found


@pytest.mark.parametrize("module", ["torch", "torch.nn.parameter", "jaxlib._jax", "jax._src.core"])
def test_an_array_is_known_by_the_module_of_its_type(module: str, adapters: dict[str, Any]) -> None:
    expected = adapters[LIBRARIES[module.partition(".")[0]]]
    assert adapter_for(of(module)) is expected
    assert adapter_for([0.5, 0.5], of(module)) is expected
    subclass = type("Mine", (type(of(module)),), {"__module__": "mine"})
    assert adapter_for(subclass(), P) is expected


@pytest.mark.usefixtures("adapters")
def test_others_have_no_adapter() -> None:
    for other in (P, P.tolist(), (0.5, 0.5), 1, None, np.float64(1), of("torchvision"), of("")):
        assert adapter_for(other, other) is None


@pytest.mark.parametrize("module", LIBRARIES)
def test_who_has_not_imported_the_library_has_none_of_its_arrays(module: str) -> None:
    if LIBRARIES[module] in sys.modules:
        pytest.skip(f"{module} is imported")
    assert adapter_for(of(module)) is None


@pytest.mark.usefixtures("adapters")
def test_both_libraries_at_once() -> None:
    text = (
        "operands: got a torch tensor and a JAX array; pass both of one library, "
        "e.g. np.asarray(x) of one of them"
    )
    with raises(TypeError, text):
        logits.kl_divergence(of("torch"), of("jax"))
    with raises(TypeError, text):
        klrs.value_and_grad(klrs.kl_divergence)(of("torch"), of("jaxlib"))
    with raises(TypeError, text):
        call("kl_divergence", (of("torch"),), {"q": of("jax")})


class Pair(NamedTuple):
    """Stands for an operand of klrs that holds two arrays."""

    indices: Any
    log_probs: Any


Pair.__module__ = "klrs.logits"


@pytest.mark.usefixtures("adapters")
def test_operands_that_hold_arrays() -> None:
    tensor = of("torch")
    assert adapter_for(Pair([1], [0.5]), P) is None
    assert adapter_for(Pair([1], tensor), P) is adapter_for(tensor)
    names = []
    converted = convert(Pair([1], tensor), "p", lambda _, name: names.append(name) or name)
    assert converted == Pair("p.indices", "p.log_probs")
    assert names == [*converted]


@pytest.mark.usefixtures("adapters")
def test_functions_of_logits_hand_their_calls_over() -> None:
    x = of("torch")
    verb, operands, keywords = logits.kl_divergence(x, Q, axis=0)
    assert verb is logits.kl_divergence
    assert operands == {"p": x, "q": Q}
    assert keywords["axis"] == 0
    assert keywords["temperature"] == 1
    for function in (logits.softmax, logits.logsumexp):
        verb, operands, _ = function(x)
        assert verb is function
        assert operands == {"logits": x}


@pytest.mark.usefixtures("adapters")
@pytest.mark.parametrize("is_behind", [True, False], ids=["call", "verb"])
def test_verbs_hand_their_calls_over(is_behind: bool) -> None:
    def kl(*args: Any, **kwargs: Any) -> Any:
        return (
            call("kl_divergence", args, kwargs)
            if is_behind
            else klrs.kl_divergence(*args, **kwargs)
        )

    x = of("jaxlib")
    assert kl(P, x) == (klrs.kl_divergence, {"p": P, "q": x}, {})
    assert kl(q=P, p=x, base=2) == (klrs.kl_divergence, {"p": x, "q": P}, {"base": 2})
    text = "kl_divergence() got an unexpected keyword argument 'dim'; expected one of"
    with pytest.raises(TypeError, match=text.replace("()", r"\(\)")):
        kl(x, P, dim=1)


@pytest.mark.usefixtures("adapters")
def test_gradients_hand_their_calls_over() -> None:
    x = of("torch")
    told, gradients = klrs.value_and_grad(klrs.kl_divergence)(P, x, base=2, reduction="mean")
    assert told == (
        klrs.kl_divergence,
        (1,),
        {"p": P, "q": x},
        {"base": 2, "reduction": "mean"},
    )
    assert gradients == 1
    told, gradients = klrs.value_and_grad(logits.kl_divergence, (1, 0))(x, Q, out=(None, None))
    assert told[:3] == (logits.kl_divergence, (1, 0), {"p": x, "q": Q})
    assert "keepdims" not in told[3]
    assert told[3]["out"] == (None, None)
    assert gradients == (1, 2)
    with raises(ValueError, "argnums: 1, but perplexity was called without q"):
        klrs.value_and_grad(klrs.perplexity)(x)


def test_what_is_called_itself_takes_arrays() -> None:
    assert call("kl_divergence", (P, Q), {}) == klrs.kl_divergence(P, Q)
    assert call("perplexity", (P.tolist(), None), {}) == klrs.perplexity(P)
    with raises(TypeError, "p: a tensor on meta is not supported; pass p.cpu()"):
        tensor = of("torch")
        type(tensor).device = type("Device", (), {"type": "meta", "__str__": lambda _: "meta"})()
        call("entropy", (tensor,), {})


SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, *_):
        assert name.partition(".")[0] not in ("torch", "jax", "jaxlib"), name

sys.meta_path.insert(0, Refuse())
import numpy as np, klrs
from klrs import logits
p = np.array([[0.5, 0.5], [0.25, 0.75]])
klrs.kl_divergence(p, p[::-1])
klrs.value_and_grad(klrs.kl_divergence)(p, p[::-1])
logits.kl_divergence(p, p[::-1])
logits.softmax(p.tolist())
klrs.value_and_grad(logits.kl_divergence, (0, 1))(p, p)
assert not {"klrs._torch", "klrs._jax"} & {*sys.modules}
"""


def test_neither_library_is_imported() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
