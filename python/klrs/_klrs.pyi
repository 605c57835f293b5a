from typing import Any

__all__ = ["__version__", "level", "reduce", "verbs"]

__version__: str

def verbs() -> list[str]: ...
def level() -> str: ...
def reduce(
    verb: str,
    p: Any,
    q: Any,
    axis: Any,
    base: Any,
    keepdims: bool,
    mask: Any,
    out: Any,
    normalize: bool,
    weights: Any,
) -> Any: ...
