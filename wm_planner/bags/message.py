"""What a bag holds, before anybody knows what it means."""

from __future__ import annotations

from typing import NamedTuple

from wm_planner.errors import UserError

MAX_MESSAGE = 2**27  # bytes


class BagError(UserError):
    """A bag that cannot be read at all; what is wrong with parts of one is told beside it."""


class Topic(NamedTuple):
    """What is said on a topic of a bag."""

    name: str  # from the root on
    kind: str  # of its messages, as in sensor_msgs/msg/Image


class Message(NamedTuple):
    """One message as it was recorded."""

    topic: Topic
    time: int  # nanoseconds, on the clock of the recorder
    data: bytes  # CDR


def checked_topic(name: str, kind: str) -> Topic:
    """A topic with names as ROS allows them, in length at least."""
    if len(name) > 500 or len(kind) > 500:
        raise BagError(f"a topic's name or type has {max(len(name), len(kind))} characters")
    return Topic(f"/{name.lstrip('/')}", kind)
