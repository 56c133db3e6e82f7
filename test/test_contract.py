"""One file says how a robot speaks; what it does not say is as it always was."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from wm_planner.contract import Camera, Contract, topic
from wm_planner.errors import UserError
from wm_planner.paths import config_dir
from wm_planner.perception.framing import Framing


def test_the_shipped_file_writes_the_defaults_out():
    path = config_dir() / "interfaces" / "panda.yaml"
    assert set(yaml.safe_load(path.read_text())) == set(Contract().plain())
    assert Contract.load("panda").plain() == Contract().plain()
    assert Contract.load("some_other_robot") == Contract()


def test_a_robot_file_of_your_own_has_one_beside_it(tmp_path):
    own = Contract(
        (Camera("top", "top/color", framing=Framing(size=96)),), joint_states="arm/joint_states"
    )
    (tmp_path / "mine.interface.yaml").write_text(yaml.safe_dump(own.plain()))
    assert Contract.load(tmp_path / "mine.yaml") == own


def test_what_it_writes_it_reads():
    own = Contract(
        cameras=(
            Camera("a", "b/c", True, 0.04, Framing((1, 2, 3, 4), True, 32)),
            Camera("d", "d/color", framing=Framing((0, 0, 10, 20))),
        ),
        command_type="trajectory",
        lead=0.2,
    )
    assert Contract.read(own.plain(), "here") == own


def test_a_camera_that_nobody_declared_is_as_it_is():
    assert Contract().camera("side") == Camera("side")
    assert Camera("side").source == "side/color" and topic("side/color") == "/side/color"
    picture = np.zeros((7, 9, 3), np.uint8)
    assert Contract().frames({"side": picture})["side"] is picture


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"camera": {}}, r"unknown keys \['camera'\]"),
        ({"cameras": {}}, "expected 1 to 16"),
        ({"cameras": {"a": {"crop": [0, 0, 5]}}}, "crop is"),
        ({"cameras": {"a": {"crop": 5}}}, "expected a list"),
        ({"cameras": {"a": {"crop": [0, 0, 0, 5]}}}, "crop is"),
        ({"cameras": {"a": {"squeeze": True}}}, "true with a size"),
        ({"cameras": {"a": {"size": 2.5}}}, "whole pixels"),
        ({"cameras": {"a": {"delay": "soon"}}}, "delay is 'soon'"),
        ({"cameras": {"../a": {}}}, "no name of a camera"),
        ({"joint_states": "a b"}, "name of a ROS topic"),
        ({"actions": "guess"}, "expected one of"),
        ({"max_offset": -1}, "seconds from 0 to 10"),
        ({"lead": True}, "seconds from 0 to 10"),
    ],
)
def test_what_is_wrong_is_named(values, told):
    with pytest.raises(UserError, match=told):
        Contract.read(values, "here")
