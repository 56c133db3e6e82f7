"""Whatever a message holds, it becomes a frame or a joint state, or a UserError."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st
from mutations import EXAMPLES, FLOATS, fuzz, spoilt_bytes
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.nodes.messages import decode_image, joint_state

FRAME = np.random.default_rng(0).integers(0, 255, (16, 12, 3), np.uint8)
SIZES = st.sampled_from([0, 1, 2, 6, 12, 16, 36, 48, 255, 2**16, 2**31, 2**32 - 1])
ENCODINGS = st.sampled_from(["rgb8", "bgr8", "rgba8", "bgra8", "mono8", "16UC1", "", "x" * 1000])
NAMES = ["a", "b", "c"]
examples = pytest.mark.parametrize("examples", EXAMPLES)


def is_frame(message: Image | CompressedImage) -> None:
    frame = decode_image(message)
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3 and frame.size
    assert frame.flags.c_contiguous


@examples
def test_images(examples):
    images = st.builds(
        Image,
        width=SIZES,
        height=SIZES,
        step=SIZES,
        encoding=ENCODINGS,
        is_bigendian=st.integers(0, 255) | st.just(0),
        data=st.integers(0, 2000).map(bytes) | st.sampled_from([576, 768, 192]).map(bytes),
    )
    fuzz(examples, images, is_frame)


@examples
@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_compressed_images(examples, kind):
    valid = cv2.imencode(kind, FRAME)[1].tobytes()
    pictures = spoilt_bytes(valid).map(lambda data: CompressedImage(format=kind[1:], data=data))
    fuzz(examples, pictures, is_frame)


@examples
def test_joint_states(examples):
    numbers = st.lists(FLOATS, max_size=5) | st.just([0.1, 0.2, 0.3])
    states = st.builds(
        JointStateMsg,
        name=st.lists(st.sampled_from([*NAMES, "d", ""]), max_size=5) | st.permutations(NAMES),
        position=numbers,
        velocity=numbers | st.just([]),
        effort=numbers,
    )

    def holds(message: JointStateMsg) -> None:
        state = joint_state(message, NAMES)
        assert state.positions.shape == state.velocities.shape == (3,)
        order = [list(message.name).index(name) for name in NAMES]
        np.testing.assert_array_equal(state.positions, np.array(message.position)[order])

    fuzz(examples, states, holds)
