"""What is published while a recorder runs is in the bag, and the bag opens elsewhere."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray, String

from wm_planner.errors import UserError
from wm_planner.nodes.messages import encode_image
from wm_planner.nodes.processes import ros_environment
from wm_planner.nodes.recorder import Recorder

COUNT = 20


class Talker:
    """Publishes numbered messages, some reliable, some not."""

    def __init__(self) -> None:
        self.node = Node("talker")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        best_effort = QoSProfile(depth=COUNT, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.image = self.node.create_publisher(Image, "front/color", best_effort)
        self.joints = self.node.create_publisher(JointState, "joint_states", COUNT)
        self.commands = self.node.create_publisher(Float64MultiArray, "commands", COUNT)

    def send(self, number: int) -> None:
        self.image.publish(encode_image(np.full((4, 4, 3), number, np.uint8), 0.1, "front"))
        self.joints.publish(JointState(name=["a"], position=[float(number)]))
        self.commands.publish(Float64MultiArray(data=[number, -number]))

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.01)


@pytest.fixture(scope="module")
def talker():
    os.environ.update(ros_environment(domain_id=1 + (os.getpid() + 50) % 100))
    rclpy.init()
    talker = Talker()
    yield talker
    talker.executor.shutdown()
    talker.node.destroy_node()
    rclpy.shutdown()


@pytest.fixture(scope="module")
def bag(talker, tmp_path_factory) -> Path:
    """Twenty messages of each topic, and a topic that comes up on the way."""
    folder = tmp_path_factory.mktemp("bags") / "trial"
    with Recorder(talker.node, folder):
        talker.spin(0.5)
        for number in range(COUNT):
            talker.send(number)
            talker.spin(0.02)
        late = talker.node.create_publisher(String, "late", 10)
        talker.spin(1.0)
        late.publish(String(data="hello"))
        talker.spin(0.2)
    talker.send(99)
    talker.spin(0.2)
    return folder


def test_every_message_is_there_whole_and_in_order(bag):
    with AnyReader([bag]) as reader:
        found = {c.topic: [] for c in reader.connections}
        for connection, _, raw in reader.messages():
            found[connection.topic].append(reader.deserialize(raw, connection.msgtype))
    assert [m.position[0] for m in found["/joint_states"]] == list(range(COUNT))
    assert [m.data.tolist() for m in found["/commands"]] == [[n, -n] for n in range(COUNT)]
    assert [int(m.data[0]) for m in found["/front/color"]] == list(range(COUNT))
    assert found["/front/color"][0].encoding == "rgb8"
    assert [m.data for m in found["/late"]] == ["hello"]


def test_times_are_those_of_arrival(bag):
    with AnyReader([bag]) as reader:
        times = [time for _, time, _ in reader.messages()]
    assert times == sorted(times)
    assert 1e9 < times[-1] - times[0] < 1e10
    assert abs(times[-1] / 1e9 - time.time()) < 600


def test_the_mcap_explains_itself(bag):
    """Foxglove reads message definitions from the file."""
    content = next(bag.glob("*.mcap")).read_bytes()
    assert content.startswith(b"\x89MCAP0\r\n")
    assert b"float64[] position" in content and b"ros2msg" in content
    assert (bag / "metadata.yaml").is_file()


def test_an_existing_folder_is_not_overwritten(talker, bag):
    with pytest.raises(UserError, match="trial: exists already"):
        Recorder(talker.node, bag)


def test_a_folder_that_cannot_be_made_is_named(talker, tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"file/bag.*choose a folder"),
        Recorder(talker.node, tmp_path / "file" / "bag"),
    ):
        pass
