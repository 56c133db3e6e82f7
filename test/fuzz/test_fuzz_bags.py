"""Whatever a bag holds, importing it ends with episodes that fit, or with a UserError."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from mutations import fuzz, spoilt_bytes
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from std_msgs.msg import Bool, Float64MultiArray
from toy_bags import CONTRACT, Sent, event, sensors, written

from wm_planner.assembly import build_arm
from wm_planner.bags.bag import Bag
from wm_planner.bags.message import Message, Topic
from wm_planner.gripper_interface import GripperInterface
from wm_planner.nodes.bag_import.decode import KINDS, decode
from wm_planner.nodes.bag_import.importer import BagImporter
from wm_planner.nodes.messages import status, trajectory_message
from wm_planner.nodes.record.episode_log import Event
from wm_planner.types import Command

SECONDS = 0.6
HAND = GripperInterface("bool", "vacuum")
EXAMPLES = [25, pytest.param(300, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def arm():
    return build_arm("panda")


@pytest.fixture(scope="module")
def sent(arm) -> list[Sent]:
    """Of every kind: an episode with frames, joints, commands, statistics and marks."""
    found = sensors(10.0, SECONDS, arm.joint_names, arm.home)
    still = np.stack([arm.home, arm.home])
    for i in range(round(SECONDS * 10)):
        time = 10.0 + 0.1 * i
        command = Command(arm.joint_names, still, still, 0 * still, 0 * still, 0.02)
        values: dict[str, object] = {
            "frame_stamp": f"{time + 0.007:.6f}",
            "proprio": " ".join(["0.5"] * arm.proprio_size),
            "action": "0.1 0.2 0.3 1",
        }
        found.append(Sent("/wm_planner/joint_trajectory", trajectory_message(command), time + 0.05))
        found.append(
            Sent("/wm_planner/plan_statistics", status(b"\0", "", "", values), time + 0.06)
        )
        found.append(Sent("/vacuum", Bool(data=i > 3), time))
    found.append(Sent("/other", Float64MultiArray(data=[0.0] * 8), 10.0))
    found += [event(Event.START, 1, 9.9), event(Event.SUCCESS, 1, 20.0)]
    return sorted(found, key=lambda one: one.time)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3], ids=["mcap", "db3"])
def test_a_bag(examples, plugin, arm, sent, tmp_path):
    folder = written(tmp_path / "bag", sent, plugin)
    file = next(f for f in folder.iterdir() if f.suffix in (".mcap", ".db3"))

    def load(example: tuple[bytes, str]) -> None:
        content, actions = example
        file.write_bytes(content)
        contract = replace(CONTRACT, actions=actions, gripper=HAND)
        for found in BagImporter(Bag(file), contract, arm, "success").episodes():
            if found.episode is None:
                assert found.notes
                continue
            steps = len(found.episode.actions)
            assert np.isfinite(found.episode.actions).all()
            assert np.abs(found.episode.actions).max() <= 1
            assert found.episode.proprio.shape == (steps, arm.proprio_size)
            for camera, size in (("front", 48), ("wrist", 40)):
                assert found.episode.frames[camera].shape == (steps, size, size, 3)

    kinds = st.sampled_from(["auto", "commands", "joints"])
    fuzz(examples, st.tuples(spoilt_bytes(file.read_bytes()), kinds), load)


@pytest.mark.parametrize("examples", [100, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_message(examples, kind, sent):
    """A middleware in C++ reads it, which must not crash either."""
    valid = next(one.message for one in sent if type(one.message) is KINDS[kind])

    def load(data: bytes) -> None:
        decode(Message(Topic("/any", kind), 0, data))

    fuzz(examples, spoilt_bytes(serialize_message(valid)), load)
