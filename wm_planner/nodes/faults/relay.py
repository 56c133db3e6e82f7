"""Stands between the simulation and the planner, and can spoil what passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState

Spoil = Callable[[Any], Any]  # takes a message, returns the one to pass on, or None for none
CAMERAS = ("front", "wrist")
RAW = "raw"  # namespace of what the simulation publishes


def simulation_remaps() -> dict[str, str]:
    """So that the planner hears the relay instead of the simulation."""
    topics = ["joint_states", *(f"{camera}/color" for camera in CAMERAS)]
    return {"/clock": f"/{RAW}/clock", **{topic: f"{RAW}/{topic}" for topic in topics}}


class Relay:
    """Passes on clock, joints and frames; `spoilers` by topic change them, in the order added."""

    def __init__(self, node: Node) -> None:
        self.spoilers: dict[str, Spoil] = {}
        self.newest: dict[str, Any] = {}  # by topic, as the simulation sent it
        self.publishers: dict[str, Any] = {}
        for topic, kind in (
            ("clock", Clock),
            ("joint_states", JointState),
            *((f"{camera}/color", Image) for camera in CAMERAS),
        ):
            qos = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
            self.publishers[topic] = node.create_publisher(kind, f"/{topic}", qos)
            node.create_subscription(kind, f"/{RAW}/{topic}", self._passes_on(topic), qos)

    def heal(self) -> None:
        """Pass everything on as it comes."""
        self.spoilers.clear()

    def _passes_on(self, topic: str) -> Callable[[Any], None]:
        def pass_on(message: Any) -> None:
            self.newest[topic] = message
            if topic in self.spoilers:
                message = self.spoilers[topic](message)
            if message is not None:
                self.publishers[topic].publish(message)

        return pass_on
