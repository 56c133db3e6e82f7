"""What goes over the wire: msgpack with NumPy arrays, as openpi's policy servers speak it.

Nothing is ever unpickled; arrays are numbers of the size that they claim.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from wm_planner.errors import UserError

MOST_BYTES = 2**26
"""Of a message, either way: a few uncompressed camera frames."""

_NUMBERS = "buif"  # kinds of NumPy types that are numbers
_NUMBER_TYPE = re.compile(rf"[<>|=]?[{_NUMBERS}][0-9]{{1,2}}")


class WireError(UserError):
    """What came over the wire is not what it should be."""


def pack(message: dict[str, Any]) -> bytes:
    """A message with arrays in it as bytes."""
    packed: bytes = _msgpack().packb(message, default=_packed)
    return packed


def unpack(data: bytes) -> dict[str, Any]:
    """The message that `pack` made the bytes of; a WireError for anything else."""
    msgpack = _msgpack()
    try:
        message = msgpack.unpackb(data, object_hook=_unpacked)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise WireError(f"{len(data)} bytes that are no message: {_short(error)}") from error
    if not isinstance(message, dict):
        raise WireError(f"a {type(message).__name__}, expected names with values")
    return message


def _packed(value: object) -> object:
    if isinstance(value, np.ndarray) and value.dtype.kind in _NUMBERS:
        data = {b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
        return {b"__ndarray__": True, **data}
    if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS:
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"a {type(value).__name__} cannot be sent")


def _unpacked(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        dtype, shape = _number_type(value), value.get(b"shape")
        data = value.get(b"data")
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"an array of shape {shape!r}")
        if not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"an array of shape {shape} whose data is not as long")
        return np.frombuffer(data, dtype).reshape(shape)
    if b"__npgeneric__" in value:
        return _number_type(value).type(value.get(b"data"))
    return value


def _number_type(value: dict[Any, Any]) -> np.dtype:
    name = value.get(b"dtype")
    if not isinstance(name, str) or not _NUMBER_TYPE.fullmatch(name):
        raise ValueError(f"an array of type {name!r}, expected numbers")
    return np.dtype(name)


def _msgpack() -> Any:
    try:
        import msgpack
    except ImportError as error:
        raise UserError(
            f"policy servers need msgpack, which is not installed ({error}); run "
            "`pip install 'wm_planner[server]'`, or `pip install msgpack`"
        ) from error
    return msgpack


def _short(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
