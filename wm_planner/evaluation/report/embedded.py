"""Pictures in a page itself, as data URIs: it opens from the disk, without a network."""

from __future__ import annotations

import base64

import cv2
import numpy as np


def jpeg(picture: np.ndarray, quality: int = 85) -> str:
    """A picture (h, w, 3) uint8 RGB."""
    return _embedded("jpeg", ".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])


def png(picture: np.ndarray, compression: int = -1) -> str:
    """A picture (h, w, 3) uint8 RGB, pixel by pixel; `compression` is 0 to 9, -1 for the usual."""
    options = [] if compression < 0 else [cv2.IMWRITE_PNG_COMPRESSION, compression]
    return _embedded("png", ".png", picture, options)


def _embedded(kind: str, suffix: str, picture: np.ndarray, options: list[int]) -> str:
    done, packed = cv2.imencode(suffix, picture[:, :, ::-1], options)
    assert done
    return f"data:image/{kind};base64," + base64.b64encode(packed.tobytes()).decode()
