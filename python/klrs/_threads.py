"""How many threads a call may use, and who says so.

The number is asked for by calls that are long enough for more than one thread. It comes from the
first of these that says something:

1. ``with klrs.threads(n):``, for the context (each thread and each asyncio task has its own);
2. ``klrs.set_num_threads(n)``, for the process;
3. the environment variables of `ENVIRONMENT`, read when the number is first needed;
4. what the process may use: its CPU affinity and its cgroup's quota.
"""

import functools
import operator
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from klrs import _klrs

ENVIRONMENT = ("KLRS_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS")

_of_context: ContextVar[int | None] = ContextVar("klrs.threads", default=None)
_of_process: int | None = None


def get_num_threads() -> int:
    """Say how many threads a call may use, the calling one included.

    Returns
    -------
    int
        The number that a call would use here and now, if it has work for so many.

    See Also
    --------
    threads, set_num_threads : Choose the number.
    show_config : Where the number comes from.

    Examples
    --------
    >>> import klrs
    >>> with klrs.threads(3):
    ...     klrs.get_num_threads()
    3
    """
    return source()[0]


def set_num_threads(n: int) -> None:
    """Choose how many threads calls may use, for the whole process.

    Parameters
    ----------
    n : int
        The number, the calling thread included; 1 for no others. It is taken as it is, also above
        the number of cores. Within ``with klrs.threads(m):``, m holds.

    Raises
    ------
    ValueError
        If `n` is less than 1.
    TypeError
        If `n` is no integer.

    Notes
    -----
    Results do not depend on it: they have the same bits for any number.

    Examples
    --------
    >>> import klrs
    >>> klrs.set_num_threads(2)
    >>> klrs.get_num_threads()
    2
    """
    global _of_process  # noqa: PLW0603 (the process's state is the purpose)
    _of_process = _checked(n)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Choose how many threads calls may use, in a ``with`` block.

    The choice belongs to the context: other threads and other asyncio tasks keep theirs.

    Parameters
    ----------
    n : int
        The number, the calling thread included; 1 for no others. It is taken as it is, also above
        the number of cores.

    Raises
    ------
    ValueError
        If `n` is less than 1.
    TypeError
        If `n` is no integer.

    Examples
    --------
    >>> import klrs
    >>> with klrs.threads(1):
    ...     klrs.kl_divergence([0.5, 0.5], [0.25, 0.75])
    np.float64(0.14384103622589...)
    """
    token = _of_context.set(_checked(n))
    try:
        yield
    finally:
        _of_context.reset(token)


def register_threadpoolctl() -> None:
    """Make klrs known to `threadpoolctl`, if that was imported after klrs.

    ``threadpoolctl.threadpool_info()`` then lists klrs, and ``threadpoolctl.threadpool_limits``
    limits it. Imported before klrs, `threadpoolctl` knows it already.

    Raises
    ------
    ImportError
        If threadpoolctl is not installed, or is older than 3.3.

    Examples
    --------
    >>> import klrs
    >>> klrs.register_threadpoolctl()  # doctest: +SKIP
    """
    import threadpoolctl  # type: ignore[import-untyped] # noqa: PLC0415 (no dependency)

    _register(threadpoolctl)


def source() -> tuple[int, str]:
    """Return the number of threads, and who chose it."""
    if (n := _of_context.get()) is not None:
        return n, "klrs.threads"
    if _of_process is not None:
        return _of_process, "klrs.set_num_threads"
    return _default()


@functools.cache
def _default() -> tuple[int, str]:
    for name in ENVIRONMENT:
        n = _parsed(name, os.environ.get(name, ""))
        if n is not None:
            return n, f"environment variable {name}"
    return _klrs.available_threads(), "CPUs that the process may use"


def _parsed(name: str, text: str) -> int | None:
    """Return the number in an environment variable; None for an empty one and for 0, automatic."""
    # OpenMP's variable may have a number for each level of nesting.
    first = text.split(",", maxsplit=1)[0].strip() if name.startswith("OMP") else text.strip()
    if first.isdecimal():
        return int(first) or None
    if first and name.startswith("KLRS"):
        warnings.warn(
            f"{name}={text!r} is no number of threads and is ignored; "
            "expected a positive integer, e.g. 4",
            RuntimeWarning,
            stacklevel=2,
        )
    return None


def _checked(n: int) -> int:
    """Return the number, if it is one of threads."""
    try:
        number = operator.index(n)
    except TypeError:
        raise TypeError(f"n: got {n!r}, expected a number of threads, e.g. 4") from None
    if isinstance(n, bool):
        raise TypeError(f"n: got {n!r}, expected a number of threads, e.g. 4")
    if number < 1:
        raise ValueError(
            f"n: got {number}, expected at least 1, the calling thread; "
            "for all that the process may use, pass len(os.sched_getaffinity(0))"
        )
    return number


def _register(threadpoolctl: ModuleType) -> None:
    """Register a controller, once."""
    if any(known.internal_api == "klrs" for known in threadpoolctl._ALL_CONTROLLERS):
        return

    class Controller(threadpoolctl.LibController):  # type: ignore[misc, name-defined]
        user_api = "klrs"
        internal_api = "klrs"
        filename_prefixes = ("_klrs",)

        def get_num_threads(self) -> int:
            return get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            global _of_process  # noqa: PLW0603
            if _of_context.get() is not None:
                _of_context.set(_checked(num_threads))
            elif num_threads == _default()[0]:
                _of_process = None  # What limits were lifted to is nobody's choice.
            else:
                set_num_threads(num_threads)

        def get_version(self) -> str:
            return _klrs.__version__

    try:
        threadpoolctl.register(Controller)
    except AttributeError:
        version = threadpoolctl.__version__
        text = f"threadpoolctl {version} cannot be extended; klrs needs 3.3 or later"
        raise ImportError(text) from None


def register_if_loaded() -> None:
    """Register with a `threadpoolctl` that is there already."""
    loaded = sys.modules.get("threadpoolctl")
    # Nothing that is wrong with it is a reason not to import klrs.
    if hasattr(loaded, "register") and hasattr(loaded, "_ALL_CONTROLLERS"):
        _register(loaded)  # type: ignore[arg-type]
