"""Messages to arrays and back."""

import time
import zlib

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.nodes.messages import (
    MessageError,
    decode_image,
    encode_image,
    joint_state,
    joint_state_message,
    seconds,
    to_time,
    trajectory_message,
    waypoint_message,
)
from wm_planner.types import Command, JointState

RNG = np.random.default_rng(0)
FRAME = RNG.integers(0, 255, (6, 5, 3), np.uint8)
FROM_RGB = {
    "rgb8": FRAME,
    "bgr8": FRAME[..., ::-1],
    "rgba8": np.dstack([FRAME, np.full((6, 5), 255, np.uint8)]),
    "bgra8": np.dstack([FRAME[..., ::-1], np.full((6, 5), 255, np.uint8)]),
}


def image(array, encoding, padding=0):
    height, width = array.shape[:2]
    rows = np.ascontiguousarray(array).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return Image(
        height=height, width=width, encoding=encoding, step=rows.shape[1], data=rows.tobytes()
    )


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("encoding", FROM_RGB)
def test_colour_images_become_rgb(encoding, padding):
    decoded = decode_image(image(FROM_RGB[encoding], encoding, padding))
    np.testing.assert_array_equal(decoded, FRAME)


@pytest.mark.parametrize("padding", [0, 3])
def test_grey_images_become_grey_rgb(padding):
    decoded = decode_image(image(FRAME[..., 0], "mono8", padding))
    np.testing.assert_array_equal(decoded, np.repeat(FRAME[..., :1], 3, axis=2))


@pytest.mark.parametrize(("kind", "tolerance"), [(".png", 0), (".jpg", 20)])
def test_compressed_images_become_rgb(kind, tolerance):
    smooth = np.tile(np.arange(0, 240, 5, dtype=np.uint8)[:, None, None], (1, 32, 3))
    smooth[..., 0] //= 2
    data = cv2.imencode(kind, smooth[..., ::-1])[1].tobytes()
    decoded = decode_image(CompressedImage(format=kind[1:], data=data))
    assert np.abs(decoded.astype(int) - smooth).max() <= tolerance


def test_encoded_frames_decode_to_themselves():
    message = encode_image(FRAME, 12.25, "front")
    np.testing.assert_array_equal(decode_image(message), FRAME)
    assert (seconds(message.header.stamp), message.header.frame_id) == (12.25, "front")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"data": b"\0" * 89}, "89 bytes, expected 90"),
        ({"step": 14}, "step 14, expected at least 15"),
        ({"encoding": "yuv422"}, "'yuv422', expected one of rgb8"),
        ({"width": 0, "step": 0, "data": b""}, "0 x 6"),
        ({"is_bigendian": 7}, "is_bigendian is 7, expected 0 or 1"),
        ({"width": 2**32 - 1, "step": 2**32 - 1}, "has step"),
        ({"height": 2**32 - 1, "step": 2**32 - 1}, "90 bytes, expected"),
        ({"width": 1, "height": 9000, "step": 3, "data": b"0" * 27000}, "1 x 9000 pixels"),
    ],
)
def test_bad_images_are_named(change, complaint):
    message = image(FRAME, "rgb8")
    for field, value in change.items():
        setattr(message, field, value)
    with pytest.raises(MessageError, match=complaint):
        decode_image(message)


def test_broken_compressed_image_is_an_error():
    with pytest.raises(MessageError, match="cannot be decoded"):
        decode_image(CompressedImage(format="jpeg", data=b"not a picture"))


def bomb(kind):
    """A picture of 60,000 x 60,000 pixels in a few bytes."""
    small = bytearray(cv2.imencode(kind, np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    if kind == ".png":
        small[16:24] = (60000).to_bytes(4, "big") * 2
        small[29:33] = zlib.crc32(small[12:29]).to_bytes(4, "big")
    else:
        place = small.index(b"\xff\xc0")
        small[place + 5 : place + 9] = (60000).to_bytes(2, "big") * 2
    return bytes(small)


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_a_picture_that_fills_the_memory_is_not_decoded(kind):
    with pytest.raises(MessageError, match="60000 x 60000 pixels, expected at most"):
        decode_image(CompressedImage(format=kind[1:], data=bomb(kind)))


def test_a_chunk_of_gigabytes_is_not_made_room_for():
    """Found by fuzzing: OpenCV allocates a PNG chunk's length before it looks for its bytes."""
    data = bytearray(cv2.imencode(".png", FRAME)[1].tobytes())
    data[33:37] = (0x7CCA025B).to_bytes(4, "big")
    started = time.process_time()
    with pytest.raises(MessageError, match=r"IDAT.*cut short"):
        decode_image(CompressedImage(format="png", data=bytes(data)))
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("kind", [".bmp", ".webp", ".tiff"])
def test_only_jpeg_and_png_are_decoded(kind):
    data = cv2.imencode(kind, FRAME)[1].tobytes()
    with pytest.raises(MessageError, match="no JPEG or PNG"):
        decode_image(CompressedImage(format="png", data=data))


def test_joints_are_mapped_by_name():
    message = JointStateMsg(name=["b", "x", "a"], position=[2.0, 9.0, 1.0], velocity=[0.2, 0, 0.1])
    state = joint_state(message, ["a", "b"])
    np.testing.assert_array_equal(state.positions, [1.0, 2.0])
    np.testing.assert_array_equal(state.velocities, [0.1, 0.2])


def test_missing_joint_is_named():
    with pytest.raises(MessageError, match=r"lacks \['b'\]"):
        joint_state(JointStateMsg(name=["a"], position=[1.0]), ["a", "b"])


def test_positions_must_match_names():
    with pytest.raises(MessageError, match="1 positions for 2 names"):
        joint_state(JointStateMsg(name=["a", "b"], position=[1.0]), ["a", "b"])


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (JointStateMsg(name=["a", "a"], position=[1.0, 2.0]), r"\['a'\] more than once"),
        (JointStateMsg(name=["a"], position=[1.0], velocity=[0.0, 0.0]), "2 velocities for 1"),
        (JointStateMsg(name=["a"] * 1000), "1000 names, expected at most"),
    ],
)
def test_a_joint_state_that_can_be_read_two_ways_is_refused(message, complaint):
    with pytest.raises(MessageError, match=complaint):
        joint_state(message, ["a"])


def test_joint_state_survives_a_round_trip():
    state = JointState(RNG.normal(size=3), RNG.normal(size=3), 3.5)
    again = joint_state(joint_state_message(state, "abc"), "abc")
    np.testing.assert_array_equal(again.positions, state.positions)
    np.testing.assert_array_equal(again.velocities, state.velocities)
    assert again.stamp == state.stamp


def test_trajectory_has_rising_times_and_ends_at_rest():
    command = Command(("a", "b"), np.zeros((3, 2)), *RNG.normal(size=(3, 60, 2)), 0.02)
    message = trajectory_message(command)
    times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in message.points]
    np.testing.assert_allclose(times, 0.02 * np.arange(1, 61))
    assert list(message.points[-1].velocities) == [0.0, 0.0]
    assert list(message.joint_names) == ["a", "b"]


def test_waypoint_names_its_order():
    message = waypoint_message(np.array([1.0, 2.0]), ["a", "b"])
    assert list(message.data) == [1.0, 2.0]
    assert message.layout.dim[0].label == "a,b"


def test_time_rounds_to_nanoseconds():
    assert seconds(to_time(1.999999999)) == pytest.approx(1.999999999, abs=1e-12)
    assert to_time(2.0).nanosec == 0
