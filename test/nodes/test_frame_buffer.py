"""Which frames are planned from."""

import numpy as np
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
