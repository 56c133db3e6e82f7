"""JPEG and PNG from outside: the size is read from the header before anything is decoded."""

from __future__ import annotations

import cv2
import numpy as np

MAX_EDGE = 8192  # pixels
MAX_PIXELS = 4096 * 4096
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_CHUNKS = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD",
    b"pHYs", b"tIME", b"tEXt", b"eXIf",
}  # fmt: skip
_JPEG = b"\xff\xd8"
_ALONE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG markers of a frame's header


class PictureError(ValueError):
    """A picture that is not decoded; the message says why."""


def check_size(width: int, height: int) -> None:
    """A camera's picture, not one that fills the memory."""
    if not 0 < width <= MAX_EDGE or not 0 < height <= MAX_EDGE or width * height > MAX_PIXELS:
        raise PictureError(
            f"{width} x {height} pixels, expected at most {MAX_EDGE} on an edge and {MAX_PIXELS} "
            "in all"
        )


def decode_picture(data: bytes) -> np.ndarray | None:
    """Picture (h, w, 3) uint8 BGR of a JPEG or PNG; None if it is neither, or broken or too big."""
    try:
        return decode_checked(data)
    except PictureError:
        return None


def decode_checked(data: bytes) -> np.ndarray:
    """Picture (h, w, 3) uint8 BGR of a JPEG or PNG; a PictureError says why there is none."""
    check_size(*size_of(data))
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError(f"OpenCV cannot decode it: {error.err}") from error
    if picture is None:
        raise PictureError("OpenCV cannot decode it: it is broken")
    return picture


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the header says."""
    if data.startswith(_PNG) and len(data) >= 24:
        _check_chunks(data)
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(_JPEG):
        return _size_of_jpeg(data)
    raise PictureError("no JPEG or PNG")


def _check_chunks(data: bytes) -> None:
    """OpenCV makes room for as many bytes as a chunk of a PNG says it has, whatever comes."""
    place, kind = 8, b""
    while kind != b"IEND":
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        place += 12 + size
        if place > len(data):
            raise PictureError(f"a PNG whose part {kind!r} is cut short")
        if kind not in _CHUNKS:
            raise PictureError(f"a PNG with a part {kind!r}, which no camera sends")


def _size_of_jpeg(data: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in _FRAMES:
            height, width = data[place + 5 : place + 7], data[place + 7 : place + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    raise PictureError("a JPEG without a header")
