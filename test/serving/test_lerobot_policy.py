"""What LeRobot's policies need is told; that they act was tried with LeRobot 0.4.4, see docs."""

import sys

import pytest

from wm_planner.errors import UserError
from wm_planner.serving.lerobot_policy import LeRobotPolicy


def test_a_folder_that_is_no_policy_is_told_which_one_is(tmp_path):
    with pytest.raises(UserError, match=r"no LeRobot policy.*checkpoints/last/pretrained_model"):
        LeRobotPolicy(tmp_path, "cpu")


def test_without_lerobot_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lerobot", None)
    (tmp_path / "config.json").write_text('{"type": "act"}')
    with pytest.raises(UserError, match="pip install lerobot 'wm_planner"):
        LeRobotPolicy(tmp_path, "cpu")


def test_what_lerobot_cannot_load_is_told(tmp_path):
    pytest.importorskip("lerobot", reason="LeRobot is not ours")
    (tmp_path / "config.json").write_text('{"type": "no such policy"}')
    with pytest.raises(UserError, match="LeRobot cannot load it"):
        LeRobotPolicy(tmp_path, "cpu")
