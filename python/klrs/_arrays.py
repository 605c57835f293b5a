"""What is no plain NumPy array becomes one here, or an error that says what to do.

Other libraries' arrays are recognised by their type, without importing anything: who has one in
hand has imported its library.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(argument: Any, name: str) -> NDArray[Any]:
    """Return `argument` as a `numpy.ndarray`, without a copy where that is possible.

    Raises
    ------
    TypeError
        For masked arrays, SciPy's sparse matrices, and tensors that are not plain numbers in the
        memory of this process.
    """
    if isinstance(argument, np.ndarray):
        if isinstance(argument, np.ma.MaskedArray):
            raise TypeError(
                f"{name}: a masked array is not supported; "
                f"pass {name}.data with where=~np.ma.getmaskarray({name})"
            )
        return np.asarray(argument)
    package = str(type(argument).__module__).partition(".")[0]
    sparse = sys.modules.get("scipy.sparse")
    if package == "scipy" and sparse is not None and sparse.issparse(argument):
        raise TypeError(f"{name}: a SciPy sparse matrix is not supported; pass {name}.toarray()")
    if package == "torch":
        _check_foreign(argument, name)
    if hasattr(argument, "__dlpack__") and not hasattr(argument, "__array__"):
        return np.from_dlpack(argument)
    return np.asarray(argument)


def _check_foreign(tensor: Any, name: str) -> None:
    """Refuse a PyTorch tensor that becomes an array only with an adapter, which the verbs have."""
    if getattr(tensor, "requires_grad", False):
        message = (
            f"{name}: a tensor that requires a gradient is not supported; pass {name}.detach()"
        )
        raise TypeError(message)
    check_tensor(tensor, name)
    if str(getattr(tensor, "dtype", "")) == "torch.bfloat16":
        raise TypeError(
            f"{name}: a bfloat16 tensor is not supported; pass {name}.float(), "
            f"or {name}.view(torch.int16).numpy().view(ml_dtypes.bfloat16) to avoid the copy"
        )


def check_tensor(tensor: Any, name: str) -> None:
    """Refuse a PyTorch tensor that is not plain numbers in the memory of this process."""
    device = getattr(tensor, "device", None)
    if device is not None and getattr(device, "type", "cpu") != "cpu":
        raise TypeError(f"{name}: a tensor on {device} is not supported; pass {name}.cpu()")
    layout = str(getattr(tensor, "layout", "torch.strided"))
    if layout != "torch.strided":
        kind = layout.removeprefix("torch.")
        raise TypeError(f"{name}: a {kind} tensor is not supported; pass {name}.to_dense()")
    for view in ("conj", "neg"):
        if (is_view := getattr(tensor, f"is_{view}", None)) is not None and is_view():
            raise TypeError(
                f"{name}: a tensor with torch's {view} bit is not supported; "
                f"pass {name}.resolve_{view}()"
            )


def mask_of(where: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which elements of that shape count."""
    mask = as_array(where, "where")
    if mask.dtype != np.bool_:
        raise TypeError(f"where: dtype {mask.dtype}, expected bool")
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(f"where: shape {mask.shape} does not broadcast to {shape}") from None


def scale_for_sums(rows: NDArray[np.float64], axes: tuple[int, ...]) -> NDArray[np.float64]:
    """Return what to multiply rows by, a power of two, so that their sums do not overflow."""
    # No array has 2^64 entries.
    return np.where(rows.max(axis=axes, keepdims=True) > 2.0**900, 2.0**-64, 1.0)
