"""What goes to a hand that is apart from the arm, and what never does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wm_planner.assembly import build_arm
from wm_planner.control.arm import CartesianArm, InvalidInput
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.gripper.hand import Answer
from wm_planner.nodes.gripper.switch import GripperSwitch
from wm_planner.types import JointState, Plan, PlanStatistics


class Notebook:
    """A hand that hears everything."""

    where, repeat = "a notebook", math.inf

    def __init__(self) -> None:
        self.heard: list[bool] = []

    def missing(self) -> str:
        return ""

    def tell(self, opened: bool, answer: Answer) -> None:
        self.heard.append(opened)
        answer("")

    def give_up(self) -> None:
        pass

    close = give_up


@pytest.fixture(scope="module")
def arm() -> CartesianArm:
    return build_arm("panda")


def plan(gripper: float) -> Plan:
    action = torch.tensor([0.5, 0.0, 0.0, gripper])
    nothing = torch.zeros(1)
    return Plan(action.repeat(1, 2, 1), nothing, nothing, PlanStatistics(0, 0))


def test_joint_commands_are_the_arms_and_the_hand_hears_changes_only(arm):
    waypoints, trajectories, hand = [], [], Notebook()
    switch = GripperSwitch(hand, lambda _: None)
    output = CommandOutput(arm, waypoints.append, trajectories.append, True, switch)
    start = JointState(arm.home, np.zeros(8), 0.0)
    assert output.soft_start(start) and hand.heard == []
    for gripper in (1.0, 1.0, -0.3, -1.0):
        output.follow(plan(gripper), start)
    assert hand.heard == [True, False]
    assert {len(message.data) for message in waypoints} == {7}
    assert waypoints[0].layout.dim[0].label.split(",") == list(arm.config.arm_joints)
    assert all(list(m.joint_names) == list(arm.config.arm_joints) for m in trajectories)
    assert all(len(p.positions) == len(p.velocities) == 7 for m in trajectories for p in m.points)


def test_faults_stops_and_new_starts_tell_the_hand_nothing(arm):
    hand = Notebook()
    output = CommandOutput(arm, None, None, True, GripperSwitch(hand, lambda _: None))
    start = JointState(arm.home, np.zeros(8), 0.0)
    output.soft_start(start)
    output.follow(plan(-1.0), start)
    output.hold()
    output.give_way(start)
    with pytest.raises(InvalidInput):
        output.follow(plan(math.nan), start)
    output.forget()
    output.watch_gripper()
    output.release()
    output.soft_start(start)
    assert hand.heard == [False]
    output.follow(plan(-1.0), start)
    assert hand.heard == [False, False]  # a person may have opened it meanwhile


def test_a_finger_that_nobody_measures_is_where_it_was_sent(arm):
    switch = GripperSwitch(Notebook(), lambda _: None)
    output = CommandOutput(arm, None, None, True, switch, measured=False)
    start = JointState(arm.home, np.zeros(8), 0.0)
    output.soft_start(start)
    for _ in range(5):
        output.follow(plan(-1.0), start)
    assert output.finger == pytest.approx(arm.config.finger_range[0])
    assert CommandOutput(arm, None, None, True, switch).finger is None
    measured = JointState(np.r_[start.positions[:-1], output.finger], np.zeros(8), 0.0)
    assert arm.proprioception(measured)[6] == pytest.approx(-1.0)
