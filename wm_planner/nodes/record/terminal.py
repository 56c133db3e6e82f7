"""Keys of the terminal while recording: those that mark episodes, and those that move the arm."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable
from typing import Any, TextIO

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from wm_planner.nodes.record.episode_log import Event
from wm_planner.play.joystick import Joystick
from wm_planner.play.keys import MOVES, Hands, Intent

EVENTS = {
    "b": Event.START,
    "o": Event.STOP,
    "y": Event.SUCCESS,
    "n": Event.FAILURE,
    "x": Event.DISCARD,
}
HELP = (
    "b begin, o over, y it worked, n it did not, x discard; w s away and towards, a d left and "
    "right, e q up and down, space gripper; Ctrl-C ends"
)
_PERIOD = 0.05  # s
_HELD = 0.25  # s that a key counts as held after it came: terminals repeat it, and tell no release


class Terminal:
    """In its `with` block, and while the node is spun, keys are heeded and `joy` is published.

    Where keys come from a file or a pipe, nothing is read.
    """

    def __init__(
        self,
        node: Node,
        event: Callable[[Event], object],
        joy: str = "",
        joystick: Joystick | None = None,
        keys: TextIO | None = None,
    ) -> None:
        """`joy` is the topic that keys, or the joystick, are published on; empty for none."""
        self._node, self._event, self._joystick = node, event, joystick
        terminal: TextIO | None = sys.stdin if keys is None else keys
        self._usable = terminal is not None and terminal.isatty()
        self._keys = terminal.fileno() if terminal is not None and self._usable else -1
        self._publisher = node.create_publisher(Joy, joy, 10) if joy else None
        self._held: dict[str, float] = {}  # when a key came last, monotonic seconds
        self._hands, self._toggle = Hands(), False

    def __enter__(self) -> Terminal:
        if self._usable:
            self._before: list[Any] = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)  # Ctrl-C stays what it is
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self._node.create_timer(_PERIOD, self._tick, clock=steady)
        return self

    def __exit__(self, *_: object) -> None:
        self._node.destroy_timer(self._timer)
        if self._usable:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)

    def _tick(self) -> None:
        if self._usable:
            self._read()
        if self._publisher is not None:
            intent = self._joystick.intent() if self._joystick else self._intent()
            axes = self._hands.action(intent).tolist()
            self._publisher.publish(Joy(axes=axes))

    def _intent(self) -> Intent:
        now = time.monotonic()
        held = [key for key, at in self._held.items() if now - at < _HELD]
        move = np.sum([MOVES[key] for key in held] or [(0, 0, 0)], axis=0)
        toggle, self._toggle = self._toggle, False
        return Intent((float(move[0]), float(move[1]), float(move[2])), toggle=toggle)

    def _read(self) -> None:
        while select.select([self._keys], [], [], 0)[0]:
            if not (typed := os.read(self._keys, 1)):
                return  # the terminal was closed
            key = typed.decode(errors="ignore").lower()
            if key in EVENTS:
                self._event(EVENTS[key])
            elif key in MOVES:
                self._held[key] = time.monotonic()
            elif key == " ":
                self._toggle = True
