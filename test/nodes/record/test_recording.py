"""Episodes recorded over real topics: what is in the bag, and what is left when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState, Joy
from std_srvs.srv import Trigger

from wm_planner.bags.bag import Bag
from wm_planner.contract import Camera, Contract
from wm_planner.nodes.bag_import.spans import spans
from wm_planner.nodes.messages import encode_image, to_time
from wm_planner.nodes.processes import ros_environment
from wm_planner.nodes.record.desk import RecordingDesk
from wm_planner.nodes.record.episode_log import EpisodeLog, Event, said_in
from wm_planner.nodes.record.joy_hands import LAYOUTS, JoyHands
from wm_planner.nodes.record.streams import Streams, header_stamp

CONTRACT = Contract((Camera("front"),))
RATE = 20  # Hz


class Robot:
    """Says what a robot says, and spins the recorder's node."""

    def __init__(self) -> None:
        self.node = Node("robot")
        self.recorder = Node("record")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.recorder)
        self.image = self.node.create_publisher(Image, "front/color", 10)
        self.joints = self.node.create_publisher(JointState, "joint_states", 10)
        self.other = self.node.create_publisher(Joy, "something/else", 10)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end, due = time.monotonic() + seconds, 0.0
        while time.monotonic() < end and not until():
            if time.monotonic() >= due:
                due = time.monotonic() + 1 / RATE
                self.say(time.time())
            self.executor.spin_once(timeout_sec=0.005)

    def say(self, now: float) -> None:
        self.image.publish(encode_image(np.zeros((4, 4, 3), np.uint8), now, "front"))
        message = JointState(name=["a"], position=[0.0])
        message.header.stamp = to_time(now)
        self.joints.publish(message)
        self.other.publish(Joy())

    def call(self, name: str) -> Trigger.Response:
        client = self.node.create_client(Trigger, f"/record/{name}")
        assert client.wait_for_service(5.0)
        future = client.call_async(Trigger.Request())
        self.executor.spin_until_future_complete(future, timeout_sec=5.0)
        return future.result()


@pytest.fixture(scope="module")
def robot():
    os.environ.update(ros_environment(domain_id=1 + (os.getpid() + 63) % 100))
    rclpy.init()
    robot = Robot()
    yield robot
    robot.executor.shutdown()
    robot.node.destroy_node()
    robot.recorder.destroy_node()
    rclpy.shutdown()


def test_episodes_are_what_was_between_start_and_end(robot, tmp_path):
    said: list[str] = []
    with RecordingDesk(robot.recorder, CONTRACT, tmp_path / "bag", "wave", said.append):
        robot.run(1.2)
        assert not robot.call("success").success  # nothing was started
        robot.call("start")
        robot.run(0.6)
        assert robot.call("stop").success
        robot.call("success")
        robot.run(0.6)
        robot.call("start")
        robot.run(0.4)
        robot.call("discard")
    bag = Bag(tmp_path / "bag")
    found = spans(bag)
    assert [span.verdict for span in found] == [Event.SUCCESS, Event.DISCARD]
    assert {topic.name for topic in bag.counts} == {
        "/front/color", "/joint_states", "/record/episode"
    }  # fmt: skip
    times = [m.time for m in bag.messages(bag.topics("/front/color"))]
    assert all(any(span.start <= time <= span.end for span in found) for time in times)
    assert len(times) >= 10
    report = next((text for text in said if "is recorded" in text), str(said))
    assert "front " in report and "GiB free" in report and "frames to joints 0 ms" in report, said


def test_silence_and_late_stamps_are_told():
    streams = Streams(CONTRACT)
    assert "NOTHING from front, joints" in streams.told(0.0)
    for i in range(20):
        now = 100 + 0.05 * i
        streams.hear("/joint_states", now, _stamped(now - 0.01))
        streams.hear("/front/color", now, _stamped(now - 0.08))
    told = streams.told(101.0)
    assert "front 10 Hz" in told and "stamps apart 70 ms" in told


def _stamped(stamp: float) -> bytes:
    seconds, part = divmod(stamp, 1.0)
    head = bytes([0, 1, 0, 0])
    return head + int(seconds).to_bytes(4, "little") + round(part * 1e9).to_bytes(4, "little")


def test_a_stamp_is_read_where_messages_begin_with_it():
    assert header_stamp(_stamped(12.25)) == 12.25
    assert np.isnan(header_stamp(b"\0\1"))


def test_a_verdict_corrects_the_one_before():
    written: list[DiagnosticStatus] = []
    log = EpisodeLog(written.append, "wave")
    for event in (Event.START, Event.SUCCESS, Event.FAILURE, Event.START, Event.START):
        assert log.say(event)[0]
    assert log.counts == {Event.FAILURE: 1, Event.STOP: 1} and log.running
    assert [said_in(message).number for message in written] == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("name", LAYOUTS)
def test_joysticks_move_the_hand_and_toggle_the_gripper(name):
    layout = LAYOUTS[name]
    hands = JoyHands(layout)
    assert hands.action().tolist() == [0, 0, 0, 1]
    axes = [0.0] * 6
    for axis, value in zip(layout.axes, (0.5, -0.6, 0.7), strict=True):
        axes[axis] = value
    for pressed in (0, 1, 1, 0):
        axes[3] = -1.0 if name == "action" else axes[3]
        hands.hear(Joy(axes=axes, buttons=[pressed]))
    np.testing.assert_allclose(hands.action(), [0.5, -0.6, 0.7, -1], atol=1e-6)


def test_a_joystick_that_falls_silent_moves_nothing(monkeypatch):
    hands = JoyHands(LAYOUTS["action"])
    hands.hear(Joy(axes=[1.0, 1.0, 1.0, -1.0]))
    hands.hear(Joy(axes=[float("nan")] * 4))
    later = time.monotonic() + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert hands.action().tolist() == [0, 0, 0, -1]


@pytest.mark.slow
def test_a_person_records_over_ros_and_a_kill_loses_less_than_a_second(tmp_path):
    out = tmp_path / "bag"
    command = [sys.executable, "-m", "wm_planner", "record", "--task", "grasp"]
    command += ["--teleop", "person", "--episodes", "9", "--out", str(out)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    file = out / "bag.mcap"
    deadline = time.monotonic() + 120
    while not (file.exists() and file.stat().st_size > 200_000) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2.0)
    process.send_signal(signal.SIGKILL)
    killed = time.time()
    process.wait()
    bag = Bag(out)
    assert any("cut short" in note for note in bag.notes)
    last = max(message.time for message in bag.messages(set(bag.counts)))
    assert killed - last * 1e-9 < 1.0
    result = subprocess.run(
        [sys.executable, "-m", "wm_planner", "import", str(out), "--unmarked", "failure"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert Path(tmp_path / "data" / "bag.hdf5").is_file()
