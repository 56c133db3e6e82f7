"""Runs one node until SIGINT or SIGTERM, with time for a last safe command."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from typing import TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from wm_planner.errors import UserError

AnyNode = TypeVar("AnyNode", bound=Node)

_FLUSH = 0.05  # s, for the last message to leave


def spin_until_signal(make: Callable[[], AnyNode], stop: Callable[[AnyNode], None]) -> int:
    """Spin the node `make` returns; on a signal call `stop` while it can still publish.

    rclpy's own handlers would invalidate the context first: nothing could be sent any more.
    Returns the exit code: 0, or 2 when the node cannot be made.
    """
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    _log_through_ros()
    stopping = False

    def on_signal(*_: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        node = make()
    except UserError as error:
        rclpy.logging.get_logger("wm_planner").error(str(error))
        rclpy.shutdown()
        return 2
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stopping:
        executor.spin_once(timeout_sec=0.1)
    stop(node)
    time.sleep(_FLUSH)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return 0


def _log_through_ros() -> None:
    """What the package below the nodes logs appears on /rosout and the console."""
    ours = logging.getLogger("wm_planner")
    ours.setLevel(logging.INFO)
    ours.addHandler(_RosHandler())
    ours.propagate = False


class _RosHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        logger = rclpy.logging.get_logger("wm_planner")
        send = logger.warning if record.levelno >= logging.WARNING else logger.info
        send(record.getMessage())
