"""What a hand is sent for open and closed."""

from __future__ import annotations

import pytest

from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.gripper_interface import GripperInterface
from wm_planner.types import Grip

NAMES = ("shoulder", "elbow", "finger")


@pytest.mark.parametrize("open_is_true", [False, True])
@pytest.mark.parametrize("opened", [False, True])
def test_a_switch_says_what_it_was_told(open_is_true, opened):
    hand = GripperInterface("bool", "vacuum", open_is_true)
    assert hand.flag(opened) == (opened if open_is_true else not opened)
    assert hand.opens(hand.flag(opened)) == opened


def test_a_goal_is_an_end_of_the_fingers_way_with_the_wanted_effort():
    hand = GripperInterface("gripper_command", "gripper_cmd", max_effort=40)
    assert hand.grip(False, (0.8, 0.0)) == Grip(0.8, 40.0)
    assert hand.grip(True, (0.8, 0.0)) == Grip(0.0, 40.0)


def test_joint_commands_have_the_finger_only_where_it_is_one_of_them():
    assert GripperInterface().commanded(NAMES) == NAMES
    assert GripperInterface("set_bool", "hand").commanded(NAMES) == NAMES[:2]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (5, "gripper is 5, expected a mapping"),
        ({"kind": "bool"}, r"gripper: unknown keys \['kind'\]"),
        ({"type": "suction"}, "gripper type is 'suction', expected one of"),
        ({"type": "bool"}, "has no name of its topic"),
        ({"type": "bool", "name": "a b"}, "gripper name is 'a b'"),
        ({"name": "vacuum"}, "of type joint is commanded .* with the arm's joints"),
        ({"measured": False}, "of type joint is commanded .* with the arm's joints"),
        ({"type": "bool", "name": "v", "measured": 1}, "measured is 1, not a boolean"),
        ({"type": "gripper_command", "name": "v", "max_effort": -1}, "expected 0 or more"),
        ({"type": "gripper_command", "name": "v", "max_effort": "much"}, "expected a number"),
    ],
)
def test_a_wrong_interface_is_told(values, told):
    with pytest.raises(UserError, match=told):
        Contract.read({"gripper": values}, "here")


def test_an_interface_is_read_as_it_was_written():
    hand = GripperInterface("set_bool", "hand/on", True, False)
    assert Contract.read(Contract(gripper=hand).plain(), "here").gripper == hand
