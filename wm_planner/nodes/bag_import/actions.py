"""What was done in each step: as it was told, or worked out from commands or joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from wm_planner.control.arm import CartesianArm
from wm_planner.nodes.bag_import.steps import Step
from wm_planner.types import JointState

_STILL = 5e-4  # m the finger must move in a step to say something


class Done(NamedTuple):
    """Of T steps."""

    proprio: np.ndarray  # (T, P) float32
    actions: np.ndarray  # (T, A) float32, in [-1, 1]
    beyond: float  # share of the steps whose motion is more than one action can make


class Targets(NamedTuple):
    """Where the arm was being sent at each step, and after the last one."""

    positions: np.ndarray  # (T + 1, J)
    gripper: np.ndarray  # (T + 1,) -1 closed, +1 open


def from_commands(steps: Sequence[Step], last: np.ndarray, arm: CartesianArm) -> Targets:
    """Of commands: where the last one before each step ends; `last` (J,) came after all steps."""
    given = [s.joints.positions if s.commanded is None else s.commanded for s in steps]
    positions = np.stack([*given, last])
    return Targets(positions, _gripper(positions[:, -1], arm))


def from_joints(
    steps: Sequence[Step], joints: Sequence[JointState], arm: CartesianArm, lead: float
) -> Targets:
    """Of joints alone: where they are `lead` s later, for an arm follows what it is sent to."""
    period = 1 / arm.config.control_rate_hz
    stamps = np.array([state.stamp for state in joints])
    order = np.argsort(stamps, kind="stable")
    measured = np.stack([state.positions for state in joints])[order]
    wanted = np.array([*(step.stamp for step in steps), steps[-1].stamp + period]) + lead
    columns = [np.interp(wanted, stamps[order], column) for column in measured.T]
    positions = np.stack(columns, axis=1)
    return Targets(positions, _gripper(positions[:, -1], arm))


def work_out(steps: Sequence[Step], targets: Targets, arm: CartesianArm) -> Done:
    """Proprioception and actions of an arm that is sent to these targets."""
    proprio, goals = [], []
    for i, (positions, gripper) in enumerate(zip(*targets, strict=True)):
        finger = arm.config.finger_range[int(gripper > 0)]
        pose = np.r_[positions[:-1], finger]
        arm.reset(JointState(pose, np.zeros_like(pose), 0.0))
        goals.append(arm.goal)
        if i < len(steps):
            proprio.append(arm.proprioception(steps[i].joints))
    moves = np.diff(np.stack(goals), axis=0) / arm.config.action_step
    beyond = float((np.abs(moves) > 1.0).any(axis=1).mean())
    actions = np.c_[np.clip(moves, -1.0, 1.0), targets.gripper[1:]]
    return Done(np.stack(proprio), actions.astype(np.float32), beyond)


def _gripper(finger: np.ndarray, arm: CartesianArm) -> np.ndarray:
    """Open or closed at each time, by where the finger (T,) is going; it stays what it was."""
    found = np.empty(len(finger))
    state = 1.0 if finger[0] > np.mean(arm.config.finger_range) else -1.0
    for i, moved in enumerate(np.diff(finger, prepend=finger[0])):
        if abs(moved) > _STILL:
            state = float(np.sign(moved))
        found[i] = state
    return found
