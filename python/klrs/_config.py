"""What this installation of klrs is: for people who wonder, and for reports of bugs."""

import platform
from typing import Literal, overload

import numpy as np

from klrs import _klrs
from klrs._threads import source


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, str | int]: ...


def show_config(mode: str = "stdout") -> dict[str, str | int] | None:
    """Show the version, the instruction set, the threads and where their number comes from.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default "stdout"
        Whether to print it or to return it, as in `numpy.show_config`.

    Returns
    -------
    dict or None
        The same as a dictionary, with ``mode="dicts"``.

    Raises
    ------
    ValueError
        If `mode` is neither.

    Examples
    --------
    >>> import klrs
    >>> klrs.show_config()  # doctest: +SKIP
    klrs      0.1.0
    SIMD      AVX-512
    threads   2 (CPUs that the process may use)
    build     rustc 1.95.0, x86_64-unknown-linux-gnu, release
    python    3.13.1, NumPy 2.3.5, Linux-6.1-x86_64
    """
    if mode not in {"stdout", "dicts"}:
        raise ValueError(f"mode: got {mode!r}, expected 'stdout' or 'dicts'")
    threads, origin = source()
    config: dict[str, str | int] = {
        "klrs": _klrs.__version__,
        "simd": _klrs.level(),
        "threads": threads,
        "threads_from": origin,
        "build": _klrs.build(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
    if mode == "dicts":
        return config
    print(report(config))
    return None


def report(config: dict[str, str | int]) -> str:
    """Lay a configuration out for people."""
    rows = {
        "klrs": config["klrs"],
        "SIMD": config["simd"],
        "threads": f"{config['threads']} ({config['threads_from']})",
        "build": config["build"],
        "python": f"{config['python']}, NumPy {config['numpy']}, {config['platform']}",
    }
    return "\n".join(f"{name:<10}{value}" for name, value in rows.items())
