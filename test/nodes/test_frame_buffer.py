"""Which frames are planned from."""

import numpy as np
import pytest
from sensor_msgs.msg import Image

from wm_planner.nodes.frame_buffer import FrameBuffer
from wm_planner.nodes.messages import to_time
from wm_planner.types import JointState

PERIOD = 0.1


def frame(stamp):
    message = Image()
    message.header.stamp = to_time(stamp)
    return message


def joints(stamp):
    return JointState(np.array([stamp]), np.zeros(1), stamp)


def buffer(skew=0.02, joint_skew=0.05):
    return FrameBuffer(("front", "wrist"), skew, joint_skew)


def test_a_set_needs_every_camera_and_joints():
    b = buffer()
    b.put_image("front", frame(1.0), 0.0)
    b.put_image("wrist", frame(1.0), 0.0)
    assert b.take(PERIOD) is None
    b.put_joints(joints(1.0), 0.0)
    assert b.take(PERIOD).stamp == 1.0


def test_a_set_is_handed_out_once():
    b = buffer()
    b.put_joints(joints(1.0), 0.0)
    for camera in ("front", "wrist"):
        b.put_image(camera, frame(1.0), 0.0)
    assert b.take(PERIOD) is not None
    assert b.take(PERIOD) is None
    b.put_image("front", frame(1.0), 0.0)  # sent again
    assert b.take(PERIOD) is None


def test_frames_too_far_apart_are_no_set():
    b = buffer()
    b.put_joints(joints(1.0), 0.0)
    b.put_image("front", frame(1.0), 0.0)
    b.put_image("wrist", frame(1.03), 0.0)
    assert b.take(PERIOD) is None


def test_joints_nearest_to_the_frames_are_taken():
    b = buffer()
    for stamp in (0.96, 0.98, 1.0, 1.02):
        b.put_joints(joints(stamp), 0.0)
    for camera in ("front", "wrist"):
        b.put_image(camera, frame(0.985), 5.0)
    taken = b.take(PERIOD)
    assert taken.joints.stamp == 0.98
    assert taken.arrived == 5.0


def test_joints_too_far_from_the_frames_do_not_count():
    b = buffer()
    b.put_joints(joints(0.9), 0.0)
    for camera in ("front", "wrist"):
        b.put_image(camera, frame(1.0), 0.0)
    assert b.take(PERIOD) is None


def test_cleared_frames_are_gone():
    b = buffer()
    b.put_joints(joints(1.0), 0.0)
    for camera in ("front", "wrist"):
        b.put_image(camera, frame(1.0), 0.0)
    b.clear()
    assert b.take(PERIOD) is None and b.joints is None


def feed(b, rate_hz, seconds=2.0):
    """Stamps of the sets taken from cameras that send at this rate."""
    taken = []
    for i in range(round(seconds * rate_hz)):
        stamp = 1.0 + i / rate_hz
        b.put_joints(joints(stamp), stamp)
        for camera in ("front", "wrist"):
            b.put_image(camera, frame(stamp), stamp)
        if (frames := b.take(PERIOD)) is not None:
            taken.append(frames.stamp)
    return np.array(taken)


@pytest.mark.parametrize("rate_hz", [10.0, 15.0, 30.0, 60.0, 90.0])
def test_fast_cameras_do_not_make_actions_come_faster(rate_hz):
    taken = feed(buffer(), rate_hz)
    assert len(taken) == pytest.approx(20, abs=1)
    assert np.diff(taken).min() > 0.6 * PERIOD


def test_a_slow_camera_is_used_whenever_it_sends():
    assert len(feed(buffer(), 7.0)) == 14


def test_a_camera_that_jitters_is_used_whenever_it_sends():
    b, taken = buffer(), 0
    for i, jitter in enumerate(np.random.default_rng(0).uniform(-0.02, 0.02, 50)):
        stamp = 1.0 + 0.1 * i + jitter
        b.put_joints(joints(stamp), stamp)
        for camera in ("front", "wrist"):
            b.put_image(camera, frame(stamp), stamp)
        taken += b.take(PERIOD) is not None
    assert taken == 50


def test_joints_at_a_kilohertz_are_remembered_long_enough():
    b = buffer()
    for i in range(1000):
        b.put_joints(joints(1.0 + 0.001 * i), 0.0)
    assert b.joints.stamp == pytest.approx(1.999)
    for camera in ("front", "wrist"):
        b.put_image(camera, frame(1.2), 0.0)
    assert b.take(PERIOD).joints.stamp == pytest.approx(1.2, abs=0.011)


def test_a_frame_sent_again_is_no_news():
    b = buffer()
    b.put_image("front", frame(1.0), arrived=1.0)
    b.put_image("front", frame(1.0), arrived=2.0)
    assert b.arrivals == {"front": 1.0}


def test_rates_are_of_each_camera_and_a_gap_does_not_count():
    b = buffer()
    for i in range(10):
        b.put_image("front", frame(0.1 * i), arrived=0.1 * i)
        b.put_image("wrist", frame(0.5 * i), arrived=0.5 * i)
    b.put_image("front", frame(5.0), arrived=5.0)
    assert b.rates_hz["front"] == pytest.approx(10.0)
    assert b.rates_hz["wrist"] == pytest.approx(2.0)


def test_what_is_missing_is_named():
    b = buffer()
    assert "front, wrist" in b.complaint()
    for camera, stamp in (("front", 1.0), ("wrist", 1.5)):
        b.put_image(camera, frame(stamp), 0.0)
    assert "joint" in b.complaint()
    b.put_joints(joints(1.0), 0.0)
    assert "0.500 s apart, allowed 0.020 s" in b.complaint()
    b.put_image("front", frame(1.5), 0.0)
    assert "joint state is 0.500 s from the frames" in b.complaint()
