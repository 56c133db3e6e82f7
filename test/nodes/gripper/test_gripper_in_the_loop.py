"""Planner and simulation as processes, with a hand that is no joint of the commands."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.trial_client import TrialClient
from wm_planner.nodes.trials import trial_client

ROOT = Path(__file__).resolve().parents[3]
SEED = 4_000_000
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)

pytestmark = pytest.mark.slow


@contextmanager
def nodes(folder: Path, **gripper: Any) -> Iterator[TrialClient]:
    """Both nodes of a checkout in which the Panda's hand is told so."""
    own = folder / "checkout"
    for name in ("wm_planner", "config"):
        shutil.copytree(ROOT / name, own / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "package.xml", own)
    (own / "models").symlink_to(ROOT / "models")
    path = own / "config/interfaces/panda.yaml"
    interface = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**interface, "gripper": gripper}))
    before = Path.cwd()
    os.chdir(own)  # what `python -m wm_planner...` runs
    try:
        with trial_client(TrialsConfig(ros=True, lockstep=True), folder / "logs") as client:
            yield client
    finally:
        os.chdir(before)


def finger_after_a_second(client: TrialClient) -> float:
    """Where the simulated finger is, m, when the simulation went on for a second."""
    states: list[JointState] = []
    subscription = client.node.create_subscription(JointState, "/joint_states", states.append, 50)
    for _ in range(10):
        client.trigger("/sim/step")
    client.node.destroy_subscription(subscription)
    return float(states[-1].position[-1])


def test_grasps_with_a_hand_on_a_topic(tmp_path):
    with nodes(tmp_path, type="bool", name="vacuum") as client:
        told: list[bool] = []
        client.node.create_subscription(Bool, "vacuum", lambda m: told.append(m.data), LATCHED)
        trial, commands, *_ = client.run_trial(SEED)
        os.kill(client.processes["planner_node"], signal.SIGKILL)
        assert finger_after_a_second(client) < 0.03  # a cube, 4 cm wide, is still held
    assert trial.ended == "success"
    assert {command.shape for command in commands} == {(7,)}
    changes = np.flatnonzero(np.diff(told, prepend=not told[0]))
    assert [told[i] for i in changes][:2] == [False, True]  # open first, then closed around it


def test_grasps_with_a_hand_that_is_a_service_and_is_not_measured(tmp_path):
    with nodes(
        tmp_path, type="set_bool", name="hand/open", open_is_true=True, measured=False
    ) as client:
        texts: list[str] = []

        def hear(message: DiagnosticArray) -> None:
            texts.extend(s.message for s in message.status if s.name == "wm_planner: gripper")

        client.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 10)
        trial, commands, *_ = client.run_trial(SEED)
    assert trial.ended == "success"
    assert {command.shape for command in commands} == {(7,)}
    assert "open" in texts and "closed" in texts


@pytest.mark.parametrize("kind", ["gripper_command", "parallel_gripper_command"])
def test_grasps_with_a_hand_that_takes_actions(kind, tmp_path):
    pytest.importorskip("control_msgs.action", reason="control_msgs is not installed")
    with nodes(tmp_path, type=kind, name="gripper/gripper_cmd") as client:
        found: list[DiagnosticStatus] = []

        def hear(message: DiagnosticArray) -> None:
            found.extend(s for s in message.status if s.name == "wm_planner: gripper")

        client.node.create_subscription(DiagnosticArray, "/diagnostics", hear, 10)
        trial, commands, *_ = client.run_trial(SEED)
        os.kill(client.processes["planner_node"], signal.SIGKILL)
        assert finger_after_a_second(client) < 0.03  # a cube, 4 cm wide, is still held
    assert trial.ended == "success"
    assert {command.shape for command in commands} == {(7,)}
    assert {"open", "closed"} <= {status.message for status in found}
    assert found[-1].level == DiagnosticStatus.OK
