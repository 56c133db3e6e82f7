"""What is wrong with an episode of a bag is told, and what can be taken of it is."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from std_msgs.msg import Bool, Float64MultiArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from toy_bags import CONTRACT, PERIOD, Sent, event, pose, sensors, written

from wm_planner.assembly import build_arm
from wm_planner.bags.bag import Bag
from wm_planner.contract import Camera
from wm_planner.control.kinematics import Kinematics
from wm_planner.errors import UserError
from wm_planner.gripper_interface import GripperInterface
from wm_planner.nodes.bag_import import steps as steps_module
from wm_planner.nodes.bag_import.importer import BagImporter, Imported
from wm_planner.nodes.bag_import.times import check_times
from wm_planner.nodes.messages import waypoint_message
from wm_planner.nodes.record.episode_log import Event
from wm_planner.paths import mjcf_dir

START = 50.0


@pytest.fixture(scope="module")
def arm():
    return build_arm("panda")


@pytest.fixture(scope="module")
def sent(arm) -> list[Sent]:
    return sensors(START, 2.0, arm.joint_names, arm.home)


def imported(folder: Path, arm, sent, contract=CONTRACT, unmarked="success") -> list[Imported]:
    bag = Bag(written(folder / "bag", sorted(sent, key=lambda one: one.time)))
    return list(BagImporter(bag, contract, arm, unmarked).episodes())


def marked(sent: list[Sent], *marks: tuple[Event, int, float]) -> list[Sent]:
    return [*sent, *(event(*mark) for mark in marks)]


def test_joints_alone_tell_where_the_hand_went(arm, sent, tmp_path):
    (found,) = imported(tmp_path, arm, sent)
    actions, steps = found.episode.actions, len(found.episode.actions)
    hand = Kinematics(arm.config, mjcf_dir() / arm.config.mjcf).hand_position
    stamps = START + 0.007 + PERIOD * np.arange(steps + 1) + CONTRACT.lead
    places = np.stack([hand(pose(min(t, START + 1.98), arm.home)[:-1]) for t in stamps])
    moved = np.diff(places, axis=0) / arm.config.action_step
    np.testing.assert_allclose(actions[:-2, :3], moved[:-2], atol=5e-3)
    assert found.source == "joints" and set(actions[:, 3]) == {1.0, -1.0}


def with_vacuum(arm, sent: list[Sent], measured: bool = True) -> list[Sent]:
    """Commands of the arm alone, ten a second, and a hand that closes at 0.6 s and opens at 1.4."""
    told = [(0.0, False), (0.6, True), (1.0, True), (1.4, False)]
    found = [Sent("/vacuum", Bool(data=closed), START + at) for at, closed in told]
    for at in START + PERIOD * np.arange(20) + 0.001:
        names = arm.config.arm_joints
        command = waypoint_message(pose(at, arm.home)[:-1], names)
        found.append(Sent(f"/{CONTRACT.command}", command, at))
    for one in sent:
        if one.topic == "/joint_states" and not measured:
            names, message = list(one.message.name), type(one.message)()
            keep = [i for i, name in enumerate(names) if name != arm.config.finger_joint]
            message.header = one.message.header
            message.name = [names[i] for i in keep]
            message.position = [one.message.position[i] for i in keep]
            one = one._replace(message=message)
        found.append(one)
    return found


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("actions", ["commands", "joints"])
def test_a_hand_on_a_topic_tells_when_it_closed(arm, sent, tmp_path, measured, actions):
    hand = GripperInterface("bool", "vacuum", measured=measured)
    contract = replace(CONTRACT, gripper=hand, actions=actions)
    (found,) = imported(tmp_path, arm, with_vacuum(arm, sent, measured), contract)
    assert found.source == actions and not any("refused" in note for note in found.notes)
    if actions == "joints" and measured:  # as ever: by the way of the finger
        return
    gripper = found.episode.actions[:, -1]
    closed = np.flatnonzero(gripper < 0)
    assert abs(closed[0] - 5) <= 1 and abs(closed[-1] - 12) <= 1
    assert (np.diff(closed) == 1).all()


def test_a_hand_that_nothing_tells_of_is_an_error(arm, sent, tmp_path):
    hand = GripperInterface("set_bool", "hand", measured=False)
    contract = replace(CONTRACT, gripper=hand)
    with pytest.raises(UserError, match="nothing tells when the hand closed"):
        imported(tmp_path, arm, with_vacuum(arm, sent, measured=False), contract)


def test_marks_tell_where_episodes_are_and_what_became_of_them(arm, sent, tmp_path):
    marks = [
        (Event.START, 1, START), (Event.STOP, 1, START + 0.6), (Event.SUCCESS, 1, START + 0.65),
        (Event.START, 2, START + 0.7), (Event.DISCARD, 2, START + 1.2),
        (Event.START, 3, START + 1.3), (Event.FAILURE, 3, START + 2.1),
    ]  # fmt: skip
    found = imported(tmp_path, arm, marked(sent, *marks))
    assert [one.verdict for one in found] == ["success", "discard", "failure"]
    assert [one.episode is not None for one in found] == [True, False, True]
    assert found[0].episode.success and not found[2].episode.success
    assert found[0].episode.instruction == "sway"
    assert found[1].notes == ["left out: discarded"]


def test_nobody_said_so_it_is_left_out_unless_that_is_asked_for(arm, sent, tmp_path):
    (found,) = imported(tmp_path / "a", arm, sent, unmarked="")
    assert found.episode is None and "nobody said whether it worked" in found.notes[0]
    (found,) = imported(tmp_path / "b", arm, sent, unmarked="failure")
    assert found.episode is not None and not found.episode.success


def test_a_recording_that_was_killed_tells_that_it_ends_too_early(arm, sent, tmp_path):
    (found,) = imported(tmp_path, arm, marked(sent, (Event.START, 1, START)))
    assert "the recording ends within this episode" in found.notes
    assert len(found.episode.actions) > 15


def test_a_gap_cuts_an_episode_and_is_told(arm, sent, tmp_path):
    gone = [one for one in sent if not START + 0.5 < one.time < START + 0.9]
    (found,) = imported(tmp_path, arm, gone)
    assert "gaps: the longest is 0.50 s" in found.notes
    assert any("steps left out before the last gap" in note for note in found.notes)
    assert len(found.episode.actions) == 11


def test_time_that_jumps_back_is_told(arm, sent, tmp_path):
    later = sensors(START - 20, 1.0, arm.joint_names, arm.home)
    moved = [one._replace(time=one.time + 22.5) for one in later]
    (found,) = imported(tmp_path, arm, [*sent, *moved])
    assert any(note.startswith("time jumps back") for note in found.notes)
    assert any("steps left out before it" in note for note in found.notes)
    assert len(found.episode.actions) == 10


def test_frames_of_an_encoding_that_is_not_read_are_told(arm, sent, tmp_path):
    for one in sent:
        if one.topic == "/hand/picture":
            one.message.encoding = "16UC1" if one.time > START + 1.5 else "bgr8"
    try:
        (found,) = imported(tmp_path, arm, sent)
    finally:
        for one in sent:
            if one.topic == "/hand/picture":
                one.message.encoding = "bgr8"
    assert any("frames refused: image encoding is '16UC1'" in note for note in found.notes)
    assert len(found.episode.actions) == 15


def test_a_topic_that_is_missing_is_named_beside_those_there_are(arm, sent, tmp_path):
    contract = replace(CONTRACT, cameras=(*CONTRACT.cameras, Camera("side")))
    with pytest.raises(UserError, match=r"no messages on \['/side/color'\]; it has .*front/color"):
        imported(tmp_path, arm, sent, contract)


def test_stamps_of_another_clock_are_refused_with_the_way_out(arm, tmp_path):
    off = sensors(START, 2.0, arm.joint_names, arm.home, late=0.25)
    (found,) = imported(tmp_path, arm, off)
    assert found.episode is None
    assert "stamps of front are -0.2" in found.notes[0] and "delay: -0.2" in found.notes[0]
    with pytest.raises(UserError, match=r"stamps of /front/color are -0\.2.*delay: -0\.2"):
        check_times(Bag(tmp_path / "bag"), CONTRACT, lambda line: None)
    mended = [replace(camera, delay=-0.24) for camera in CONTRACT.cameras]
    contract = replace(CONTRACT, cameras=tuple(mended))
    (found,) = imported(tmp_path / "again", arm, off, contract)
    assert found.episode is not None


def test_stamps_of_simulated_time_are_said_to_be_that(sent, tmp_path):
    for later, told in ((0.0, "0.020 ±0.000"), (1.8e9, "simulated time")):
        moved = sorted((one._replace(time=one.time + later) for one in sent), key=lambda s: s.time)
        said: list[str] = []
        check_times(Bag(written(tmp_path / f"{later}", moved)), CONTRACT, said.append)
        assert sum(told in line for line in said) >= 1, said


def test_waypoints_without_a_finger_tell_where_the_hand_is_sent(arm, sent, tmp_path):
    contract = replace(CONTRACT, command="go", command_type="commands")
    sending = []
    for i in range(100):
        time = START + 0.02 * i
        command = waypoint_message(pose(time + 0.3, arm.home)[:-1], arm.joint_names[:-1])
        sending.append(Sent("/go", command, time))
    (found,) = imported(tmp_path, arm, [*sent, *sending], contract)
    ahead = np.linalg.norm(found.episode.proprio[:, 3:6], axis=1) * arm.config.goal_reach
    assert found.source == "commands" and ahead[1:-1].min() > 0.005


def test_commands_that_are_no_joint_positions_are_told(arm, sent, tmp_path):
    contract = replace(CONTRACT, command="go", command_type="commands")
    wrong = [Sent("/go", Float64MultiArray(data=[1.0, 2.0]), START + 0.1 * i) for i in range(5)]
    (found,) = imported(tmp_path, arm, [*sent, *wrong], contract)
    assert found.notes[0].startswith("5 messages of /go not read: no positions of")


def test_an_episode_that_would_fill_the_memory_is_refused_with_the_way_out(
    arm, sent, tmp_path, monkeypatch
):
    monkeypatch.setattr(steps_module, "MAX_BYTES", 50_000)
    with pytest.raises(UserError, match="declare crop and size of the cameras"):
        imported(tmp_path, arm, sent)
