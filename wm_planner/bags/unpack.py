"""Compressed parts of bags, unpacked to no more than they may be."""

from __future__ import annotations

import sys

from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class UnpackError(ValueError):
    """Bytes that are not what they say."""


def unpack(data: bytes, kind: str, limit: int) -> bytes:
    """Unpack lz4, zstd or plain bytes; more than `limit` of them are an UnpackError."""
    if kind == "":
        unpacked, whole = data, True
    elif kind == "zstd":
        unpacked, whole = _zstd(data, limit)
    elif kind == "lz4":
        unpacked, whole = _lz4(data, limit)
    else:
        raise UnpackError(f"compression {kind[:20]!r} is not known, read are zstd and lz4")
    if not whole or len(unpacked) > limit:
        raise UnpackError(f"unpacks to more than the {limit} bytes it should have, or is cut short")
    return unpacked


def _zstd(data: bytes, limit: int) -> tuple[bytes, bool]:
    decompressor = ZstdDecompressor()
    try:
        unpacked = decompressor.decompress(data, limit + 1)
    except (ZstdError, MemoryError, ValueError) as error:
        raise UnpackError(f"no zstd: {error}") from error
    return unpacked, decompressor.eof


def _lz4(data: bytes, limit: int) -> tuple[bytes, bool]:
    decompressor = LZ4FrameDecompressor()
    try:
        unpacked = decompressor.decompress(data, max_length=limit + 1)
    except (RuntimeError, MemoryError, ValueError, EOFError) as error:
        raise UnpackError(f"no lz4: {error}") from error
    return unpacked, decompressor.eof
