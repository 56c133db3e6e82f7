"""Keys of a terminal mark episodes and move the hand, and the terminal is left as it was."""

from __future__ import annotations

import os
import pty
import termios

import pytest
import rclpy
from rclpy.node import Node

from wm_planner.nodes.processes import ros_environment
from wm_planner.nodes.record.episode_log import Event
from wm_planner.nodes.record.terminal import EVENTS, Terminal
from wm_planner.play.keys import MOVES


@pytest.fixture
def node():
    os.environ.update(ros_environment(domain_id=1 + (os.getpid() + 63) % 100))
    rclpy.init()
    node = Node("keys")
    yield node
    node.destroy_node()
    rclpy.shutdown()


def test_no_key_means_two_things():
    assert not set(EVENTS) & set(MOVES)
    assert set(EVENTS.values()) == set(Event)


def test_keys_mark_and_move(node):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r+b", buffering=0) as terminal:
        before = termios.tcgetattr(theirs)
        said: list[Event] = []
        with Terminal(node, said.append, "joy", keys=terminal) as keys:
            sent: list[list[float]] = []
            keys._publisher.publish = lambda message: sent.append(list(message.axes))
            os.write(ours, b"bYw ")
            keys._tick()
            keys._tick()
        assert said == [Event.START, Event.SUCCESS]
        assert sent == [[-1.0, 0.0, 0.0, -1.0], [-1.0, 0.0, 0.0, -1.0]]
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


def test_where_keys_come_from_a_file_nothing_is_read(node, tmp_path):
    (tmp_path / "keys").write_text("b")
    said: list[Event] = []
    with (tmp_path / "keys").open() as file, Terminal(node, said.append, keys=file) as keys:
        keys._tick()
    assert said == []
