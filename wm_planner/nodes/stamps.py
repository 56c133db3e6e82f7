"""Stamps of a camera whose clock is late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sensor_msgs.msg import CompressedImage, Image

from wm_planner.contract import Camera
from wm_planner.nodes.messages import seconds, to_time

Picture = TypeVar("Picture", Image, CompressedImage)


def earlier(message: Picture, delay: float) -> Picture:
    """The message, stamped `delay` s earlier."""
    if delay:
        message.header.stamp = to_time(max(0.0, seconds(message.header.stamp) - delay))
    return message


def corrected(
    camera: Camera, put: Callable[[str, Image | CompressedImage], None]
) -> Callable[[Image | CompressedImage], None]:
    """A subscription's callback that hands its pictures on with the stamps they should have."""
    return lambda message: put(camera.name, earlier(message, camera.delay))
