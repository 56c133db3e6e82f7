"""A window of OpenCV's: shows pictures and reads keys. The headless build of OpenCV has none."""

from __future__ import annotations

import os
import sys

import cv2
import numpy as np

from wm_planner.errors import UserError

_TITLE = "wm_planner play"
_NAMED = {0xFF51: "left", 0xFF52: "up", 0xFF53: "right", 0xFF54: "down", 27: "esc", 32: "space"}
_KEYS = {*"wasdeqprn"}


class Window:
    """Use it in a `with` block."""

    def __init__(self) -> None:
        """Open it.

        Raises:
            UserError: this OpenCV has no windows, or there is no display.
        """
        try:
            _check_display()
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.waitKeyEx(1)
        except cv2.error as error:
            raise UserError(
                "no window can be opened: this OpenCV has none (opencv-python-headless), or there "
                "is no display; `pip uninstall opencv-python-headless && pip install "
                'opencv-python`, or write a video: --out play.mp4 --keys "w*10 space"'
            ) from error
        self._sized = False

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        cv2.destroyAllWindows()

    def show(self, picture: np.ndarray) -> None:
        """Show a picture (h, w, 3) uint8 RGB."""
        if not self._sized:
            cv2.resizeWindow(_TITLE, picture.shape[1], picture.shape[0])
            self._sized = True
        cv2.imshow(_TITLE, np.ascontiguousarray(picture[:, :, ::-1]))

    def keys(self, seconds: float) -> set[str]:
        """Keys pressed within `seconds` (at least a millisecond); esc when the window was closed.

        Keys of no meaning are left out.
        """
        code = cv2.waitKeyEx(max(1, round(1000 * seconds)))
        if cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return {"esc"}
        name = key_name(code)
        return {name} if name else set()


def _check_display() -> None:
    """Qt, which OpenCV opens windows with, ends the whole process where there is no display."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in displays):
        raise cv2.error("neither DISPLAY nor WAYLAND_DISPLAY is set")


def key_name(code: int) -> str:
    """The name in `keys.py` of a key code of `cv2.waitKeyEx`, or nothing."""
    if code < 0:
        return ""
    code &= 0xFFFF  # GTK sets higher bits for num lock and the like
    name = _NAMED.get(code, chr(code).lower() if code < 128 else "")
    return name if name in _KEYS or name in _NAMED.values() else ""
