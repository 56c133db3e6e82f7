"""What is published while a recorder runs is in the bag, and the bag opens elsewhere."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray, String

from wm_planner.errors import UserError
from wm_planner.nodes import recorder as recorder_module
from wm_planner.nodes.messages import encode_image
from wm_planner.nodes.processes import ros_environment
from wm_planner.nodes.recorder import Recorder

COUNT = 20
BEST_EFFORT = QoSProfile(depth=COUNT, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Talker:
    """Publishes numbered messages, some reliable, some not."""

    def __init__(self) -> None:
        self.node = Node("talker")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.image = self.node.create_publisher(Image, "front/color", BEST_EFFORT)
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


@contextmanager
def ended(node: Node) -> Iterator[Node]:
    """The node, destroyed after the block."""
    try:
        yield node
    finally:
        node.destroy_node()


def read(bag: Path) -> dict[str, list]:
    """Messages by topic."""
    with AnyReader([bag]) as reader:
        found: dict[str, list] = {c.topic: [] for c in reader.connections}
        for connection, _, raw in reader.messages():
            found[connection.topic].append(reader.deserialize(raw, connection.msgtype))
    return found


def test_every_message_is_there_whole_and_in_order(bag):
    found = read(bag)
    assert found.keys() == {"/front/color", "/joint_states", "/commands", "/late"}
    assert [m.position[0] for m in found["/joint_states"]] == list(range(COUNT))
    assert [m.data.tolist() for m in found["/commands"]] == [[n, -n] for n in range(COUNT)]
    assert [int(m.data[0]) for m in found["/front/color"]] == list(range(COUNT))
    assert found["/front/color"][0].encoding == "rgb8"
    assert [m.data for m in found["/late"]] == ["hello"]


def test_a_latched_message_from_before_is_there(talker, tmp_path):
    with ended(Node("other")) as node:
        node.create_publisher(String, "latched", LATCHED).publish(String(data="robot"))
        talker.spin(0.5)
        with Recorder(talker.node, tmp_path / "bag"):
            talker.spin(1.0)
    assert [m.data for m in read(tmp_path / "bag")["/latched"]] == ["robot"]


@pytest.mark.parametrize("first", ["only a subscriber", "a latching publisher"])
def test_a_best_effort_publisher_that_joins_later_is_heard(talker, tmp_path, first):
    topic = first.replace(" ", "_")
    with ended(Node("other")) as node:
        if first == "only a subscriber":
            node.create_subscription(String, topic, lambda _: None, BEST_EFFORT)
        else:
            node.create_publisher(String, topic, LATCHED)
        with Recorder(talker.node, tmp_path / "bag"):
            talker.spin(0.5)
            publisher = node.create_publisher(String, topic, BEST_EFFORT)
            talker.spin(1.5)
            for number in range(COUNT):
                publisher.publish(String(data=str(number)))
                talker.spin(0.02)
    found = read(tmp_path / "bag")[f"/{topic}"]
    assert [m.data for m in found] == [str(number) for number in range(COUNT)]


def test_topics_of_unknown_types_are_skipped_and_the_bag_still_opens(talker, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "get_typestore", lambda _: get_typestore(Stores.EMPTY))
    with Recorder(talker.node, tmp_path / "bag") as recorder:
        talker.spin(0.2)
        talker.send(1)
        talker.spin(0.2)
    assert recorder.skipped >= {"/front/color", "/joint_states", "/commands"}
    assert read(tmp_path / "bag") == {}


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


@pytest.mark.parametrize("method", ["write", "close"])
def test_a_full_disk_is_a_user_error(talker, tmp_path, monkeypatch, method):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(McapWriter, method, fail)
    with (
        pytest.raises(UserError, match=r"bag: No space left.*incomplete, free some space"),
        Recorder(talker.node, tmp_path / "bag"),
    ):
        talker.spin(0.5)
        talker.send(1)
        talker.spin(0.5)
