"""Bags made by hand: an arm that moves, two cameras of other sizes and encodings, and events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CompressedImage, Image, JointState

from wm_planner.contract import Camera, Contract
from wm_planner.nodes.messages import to_time
from wm_planner.nodes.record.episode_log import EPISODES, Event, Said, message_of
from wm_planner.perception.framing import Framing

PERIOD = 0.1
CONTRACT = Contract(
    cameras=(
        Camera("front", compressed=True, framing=Framing(crop=(4, 20, 70, 90), size=48)),
        Camera("wrist", "hand/picture", framing=Framing(squeeze=True, size=40)),
    ),
    command="wm_planner/joint_trajectory",
    command_type="trajectory",
    max_offset=0.1,
)


class Sent(NamedTuple):
    """A message, and when it arrived."""

    topic: str
    message: Any
    time: float  # s


def written(
    path: Path,
    sent: Iterable[Sent],
    plugin: StoragePlugin = StoragePlugin.MCAP,
    mode: CompressionMode = CompressionMode.NONE,
) -> Path:
    """A bag of these messages, in this order, twenty in a chunk."""
    types, connections = get_typestore(Stores.ROS2_KILTED), {}
    writer = Writer(path, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    writer.open()
    for number, (topic, message, time) in enumerate(sent):
        kind = f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}"
        key = (topic, kind)
        if key not in connections:
            connections[key] = writer.add_connection(topic, kind, typestore=types)
        writer.write(connections[key], round(time * 1e9), serialize_message(message))
        if number % 20 == 19 and isinstance(writer.storage, McapWriter):
            writer.storage.close_chunk()
    writer.close()
    return path


def pose(time: float, home: np.ndarray) -> np.ndarray:
    """Of an arm (J,) that sways, and opens and closes its hand."""
    position = home.copy()
    position[:-1] += 0.08 * np.sin(1.3 * time + np.arange(len(home) - 1))
    position[-1] = 0.02 + 0.02 * np.sin(0.9 * time)
    return position


def joints(time: float, names: tuple[str, ...], home: np.ndarray) -> JointState:
    """In another order than the robot's, with a joint that is not its own."""
    order = [*range(len(names))][::-1]
    message = JointState(name=["lift", *(names[i] for i in order)])
    message.position = [0.5, *pose(time, home)[order].tolist()]
    message.header.stamp = to_time(time)
    return message


def front(number: int, stamp: float) -> CompressedImage:
    """JPEG of 120 x 80."""
    picture = _noise(number, 80, 120)
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    message = CompressedImage(format="jpeg", data=data)
    message.header.stamp = to_time(stamp)
    return message


def wrist(number: int, stamp: float) -> Image:
    """bgr8 of 90 x 60, its rows padded."""
    picture = np.zeros((60, 96, 3), np.uint8)
    picture[:, :90] = _noise(number + 1000, 60, 90)
    message = Image(height=60, width=90, encoding="bgr8", step=96 * 3, data=picture.tobytes())
    message.header.stamp = to_time(stamp)
    return message


def event(kind: Event, number: int, time: float, instruction: str = "sway") -> Sent:
    """A mark of the recorder."""
    return Sent(EPISODES, message_of(Said(kind, number, instruction, -1)), time)


def sensors(
    start: float, seconds: float, names: tuple[str, ...], home: np.ndarray, late: float = 0.02
) -> list[Sent]:
    """Joint states at 50 Hz, cameras at 10 Hz 13 ms apart; frames come `late` s after the fact."""
    found = []
    for i in range(round(seconds * 50)):
        time = start + 0.02 * i
        found.append(Sent("/joint_states", joints(time, names, home), time + 0.002))
    for i in range(round(seconds * 10)):
        time = start + PERIOD * i + 0.007
        found.append(Sent("/front/color", front(i, time), time + late))
        found.append(Sent("/hand/picture", wrist(i, time + 0.013), time + 0.013 + late))
    return sorted(found, key=lambda sent: sent.time)


def _noise(number: int, height: int, width: int) -> np.ndarray:
    small = np.random.default_rng(number).integers(0, 255, (6, 9, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
