"""Which frames are planned from."""

import numpy as np
import pytest

from wm_planner.perception.frame_guard import BadFrame, FrameGuard

STILL, MOVED = np.zeros(8), np.full(8, 0.1)


def picture(seed=0, shape=(64, 64, 3)):
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


@pytest.fixture
def guard():
    guard = FrameGuard(size=64, min_contrast=4.0, frozen_motion=0.05)
    guard.check({"front": picture(), "wrist": picture(1)}, STILL)
    return guard


def refused(guard, frames, positions=STILL):
    with pytest.raises(BadFrame) as caught:
        guard.check(frames, positions)
    return caught.value


def test_new_pictures_pass_while_the_arm_moves(guard):
    for i in range(5):
        guard.check({"front": picture(2 * i), "wrist": picture(2 * i + 1)}, i * MOVED)


def test_the_same_picture_passes_while_the_arm_rests(guard):
    for _ in range(5):
        guard.check({"front": picture(), "wrist": picture(1)}, STILL)


def test_one_camera_frozen_while_the_arm_moves_is_named(guard):
    bad = refused(guard, {"front": picture(9), "wrist": picture(1)}, MOVED)
    assert bad.kind == "frozen frame"
    assert "wrist" in str(bad) and "0.100 rad" in str(bad)


def test_it_stays_frozen_until_the_picture_changes(guard):
    for _ in range(3):
        assert refused(guard, {"front": picture()}, MOVED).kind == "frozen frame"
    guard.check({"front": picture(5)}, MOVED)


def test_slow_motion_adds_up(guard):
    guard.check({"front": picture()}, 0.4 * MOVED)
    assert refused(guard, {"front": picture()}, 0.8 * MOVED).kind == "frozen frame"


@pytest.mark.parametrize("value", [0, 90, 255])
def test_a_picture_of_nothing_is_refused(guard, value):
    bad = refused(guard, {"front": np.full((64, 64, 3), value, np.uint8)})
    assert bad.kind == "blank frame" and "front" in str(bad)


def test_a_change_of_size_is_refused_until_forgotten(guard):
    larger = {"front": picture(2, (128, 128, 3))}
    bad = refused(guard, larger)
    assert bad.kind == "frame size" and "128 x 128, expected 64 x 64" in str(bad)
    guard.forget()
    guard.check(larger, STILL)


def test_a_picture_smaller_than_the_models_is_refused(guard):
    guard.forget()
    assert refused(guard, {"front": picture(0, (64, 48, 3))}).kind == "frame size"
