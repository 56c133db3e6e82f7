"""Keys of the terminal that say whether a try worked: y and n."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import Any, TextIO

from rclpy.node import Node
from std_srvs.srv import Trigger

_PERIOD = 0.1  # s
_SERVICES = {"y": "/wm_planner/mark_success", "n": "/wm_planner/mark_failure"}


class MarkKeys:
    """In its `with` block, and while the node is spun, y and n call the planner's services.

    Where keys come from a file or a pipe, nothing is read.
    """

    def __init__(self, node: Node, keys: TextIO | None = None) -> None:
        """`keys` is a terminal; that of the process unless given."""
        self._node = node
        terminal: TextIO | None = sys.stdin if keys is None else keys
        self._usable = terminal is not None and terminal.isatty()
        self._keys = terminal.fileno() if terminal is not None and self._usable else -1
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> MarkKeys:
        if self._usable:
            self._before: list[Any] = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)  # Ctrl-C stays what it is
            self._clients = {
                key: self._node.create_client(Trigger, name) for key, name in _SERVICES.items()
            }
            self._timer = self._node.create_timer(_PERIOD, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._usable:
            return
        self._node.destroy_timer(self._timer)
        for client in self._clients.values():
            self._node.destroy_client(client)
        termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)

    def _read(self) -> None:
        while select.select([self._keys], [], [], 0)[0]:
            if not (typed := os.read(self._keys, 1)):
                return  # the terminal was closed
            client = self._clients.get(typed.decode(errors="ignore").lower())
            if client is not None:
                client.call_async(Trigger.Request())
