"""Goal pictures: of all cameras side by side, or of the first one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.perception.goal import goal_frames, observe_goal, read_goal

CAMERAS = ("front", "wrist")
WIDE = np.concatenate([np.full((8, 10, 3), v, np.uint8) for v in (20, 200)], axis=1)


def test_a_wide_picture_has_all_cameras_in_the_models_order():
    frames = goal_frames(WIDE, CAMERAS)
    assert [(name, frame.shape, int(frame.mean())) for name, frame in frames.items()] == [
        ("front", (8, 10, 3), 20), ("wrist", (8, 10, 3), 200),
    ]  # fmt: skip


def test_another_picture_is_the_first_cameras():
    assert list(goal_frames(WIDE[:, :15], CAMERAS)) == ["front"]
    assert list(goal_frames(WIDE, ("front",))) == ["front"]


def test_what_is_not_shown_is_grey_and_what_is_not_felt_is_nan():
    seen = observe_goal({"front": WIDE[:, :8]}, 3, CAMERAS, 8)
    assert seen.images.shape == (1, 2, 3, 8, 8)
    assert (seen.images[0, 0] == 20).all() and (seen.images[0, 1] == 128).all()
    assert seen.proprio.shape == (1, 3) and seen.proprio.isnan().all()


def test_a_picture_from_a_file(tmp_path):
    cv2.imwrite(str(tmp_path / "goal.png"), WIDE)
    frames = read_goal(tmp_path / "goal.png", CAMERAS)
    assert np.array_equal(frames["wrist"], WIDE[:, 10:])


def test_what_is_no_goal_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for name, complaint in (("text.png", "no JPEG or PNG"), ("none.png", "No such file")):
        with pytest.raises(UserError, match=f"{name}: {complaint}"):
            read_goal(tmp_path / name, CAMERAS)
    with pytest.raises(UserError, match="21 pixels wide, no multiple of 2"):
        goal_frames(np.zeros((8, 21, 3), np.uint8), CAMERAS)
    with pytest.raises(UserError, match=r"no camera \['side'\]"):
        observe_goal({"side": WIDE}, 3, CAMERAS, 8)
    with pytest.raises(UserError, match="give one of front alone"):
        observe_goal({"wrist": WIDE}, 3, CAMERAS, 8)
