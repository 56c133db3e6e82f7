"""Messages of a bag as the running node would have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Bool, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from wm_planner.bags.message import Message
from wm_planner.nodes.messages import MessageError

KINDS: dict[str, type] = {
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/CompressedImage": CompressedImage,
    "sensor_msgs/msg/JointState": JointStateMsg,
    "std_msgs/msg/Bool": Bool,
    "std_msgs/msg/Float64MultiArray": Float64MultiArray,
    "trajectory_msgs/msg/JointTrajectory": JointTrajectory,
    "diagnostic_msgs/msg/DiagnosticStatus": DiagnosticStatus,
}


def decode(message: Message) -> Any:
    """The ROS message; MessageError when it is none of a kind that is read."""
    if message.topic.kind not in KINDS:
        raise MessageError(f"type {message.topic.kind[:80]}, read are {', '.join(KINDS)}")
    if len(message.data) < 4 or message.data[0] != 0 or message.data[1] > 1:
        raise MessageError(f"{len(message.data)} bytes that are no CDR")
    try:
        return deserialize_message(message.data, KINDS[message.topic.kind])
    except Exception as error:  # the middleware has errors of its own
        raise MessageError(f"cannot be deserialized: {str(error)[:120]}") from error


def commanded(
    message: Float64MultiArray | JointTrajectory, names: Sequence[str], finger: float
) -> np.ndarray:
    """Joint positions (J,) that a command ends at; what lacks a finger leaves it at `finger`."""
    if isinstance(message, JointTrajectory):
        if not message.points:
            raise MessageError("a trajectory without points")
        given, values = list(message.joint_names), np.array(message.points[-1].positions)
    else:
        label = message.layout.dim[0].label if message.layout.dim else ""
        values = np.array(message.data, np.float64)
        given = label.split(",") if label else list(names[: len(values)])
    if len(given) != len(values) or len(set(given)) < len(given):
        raise MessageError(f"{len(values)} positions for joints {given[:10]}")
    if missing := [name for name in names[:-1] if name not in given]:
        raise MessageError(f"no positions of {missing}; it has {given[:10]}")
    known = dict(zip(given, values.tolist(), strict=True))
    positions = np.array([known.get(name, finger) for name in names])
    if not np.isfinite(positions).all():
        raise MessageError(f"positions {positions} are not finite")
    return positions


Decoder = Callable[[Message], Any]
