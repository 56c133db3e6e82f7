"""A joystick or gamepad, read from the Linux kernel's own interface: no library needed."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.play.keys import Intent

_EVENT = struct.Struct("=IhBB")  # ms, value, type, number: linux/joystick.h, js_event
_BUTTON, _AXIS, _INITIAL = 0x01, 0x02, 0x80
_FULL = 32767
_REST = 0.12  # share of an axis' range that counts as not touched
_SIDEWAYS, _TOWARDS, _HEIGHT = 0, 1, 4  # left stick; right stick, up and down
_GRIPPER, _RESET, _NEXT, _PRIOR, _QUIT = range(5)  # A, B, X, Y, left shoulder on most gamepads


class Joystick:
    """Left stick moves in the plane, right stick up and down; A gripper, B reset, X next scene,
    Y prior while held, left shoulder quits."""

    def __init__(self, device: Path = Path("/dev/input/js0")) -> None:
        """Open it.

        Raises:
            UserError: there is none, or no permission to read it.
        """
        try:
            self._file = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise UserError(
                f"{device}: {error.strerror}; plug a joystick in, choose another --joystick, or "
                "add yourself to the group 'input'"
            ) from error
        self._device = device
        self._axes: dict[int, float] = {}
        self._held: set[int] = set()
        self._rest = b""  # of an event that came in two parts

    def intent(self) -> Intent:
        """What is held now, and what was pressed since the last call.

        Raises:
            UserError: it was unplugged.
        """
        pressed = self._read()
        axis = [self._axes.get(n, 0.0) for n in (_TOWARDS, _SIDEWAYS, _HEIGHT)]
        towards, sideways, down = (a if abs(a) > _REST else 0.0 for a in axis)
        return Intent(
            (towards, sideways, -down),
            toggle=_GRIPPER in pressed,
            prior=_PRIOR in self._held | pressed,
            reset=_RESET in pressed,
            next=_NEXT in pressed,
            quit=_QUIT in pressed,
        )

    def close(self) -> None:
        os.close(self._file)

    def _read(self) -> set[int]:
        """Take in all events there are; returns the buttons that went down."""
        pressed: set[int] = set()
        try:
            while chunk := os.read(self._file, 64 * _EVENT.size):
                self._rest += chunk
        except BlockingIOError:
            pass  # no more for now
        except OSError as error:
            raise UserError(f"{self._device}: {error.strerror}; is it still plugged in?") from error
        whole = len(self._rest) - len(self._rest) % _EVENT.size
        for _, value, kind, number in _EVENT.iter_unpack(self._rest[:whole]):
            if kind & ~_INITIAL == _AXIS:
                self._axes[number] = max(-1.0, value / _FULL)
            elif kind & ~_INITIAL == _BUTTON:
                (self._held.add if value else self._held.discard)(number)
                if value and not kind & _INITIAL:
                    pressed.add(number)
        self._rest = self._rest[whole:]
        return pressed
