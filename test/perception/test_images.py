"""Frames are cropped, resized and ordered the same way in training and at run time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from einops import rearrange

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode
from wm_planner.learning.sequences import _arrays
from wm_planner.perception.images import fit, observe

PROPRIO = np.arange(8, dtype=np.float32)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_frame_of_the_right_size_is_untouched():
    frame = picture(64, 64)
    assert np.array_equal(fit(frame, 64), frame)


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4)])
def test_the_middle_square_is_cut_out(height, width):
    """The outer quarters are white, the middle is black: nothing white may be left."""
    frame = np.full((height, width, 3), 255, np.uint8)
    frame[(height - 4) // 2 : (height + 4) // 2, (width - 4) // 2 : (width + 4) // 2] = 0
    assert np.array_equal(fit(frame, 4), np.zeros((4, 4, 3), np.uint8))


def test_shrinking_averages_and_does_not_skip():
    """A checkerboard of single pixels becomes grey; picking pixels would make it black or white."""
    board = np.indices((64, 64)).sum(0) % 2 * 200
    small = fit(np.repeat(board[..., None], 3, axis=2).astype(np.uint8), 32)
    assert np.array_equal(small, np.full((32, 32, 3), 100, np.uint8))


@pytest.mark.parametrize("shape", [(480, 640), (65, 64), (16, 16), (1, 1)])
def test_any_size_fits(shape):
    fitted = fit(picture(*shape), 32)
    assert fitted.shape == (32, 32, 3)
    assert fitted.dtype == np.uint8


def test_colours_stay_in_order():
    frame = np.zeros((48, 48, 3), np.uint8)
    frame[...] = (10, 20, 30)
    assert (fit(frame, 32) == (10, 20, 30)).all()


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_frame_is_refused_with_its_shape(frame):
    with pytest.raises(UserError, match=r"expected \(h, w, 3\) uint8 RGB"):
        fit(frame, 32)


def test_cameras_come_in_the_models_order():
    frames = {"wrist": picture(32, 32, 1), "front": picture(32, 32, 2), "spare": picture(9, 9)}
    images, proprio, _ = observe(frames, PROPRIO, ("front", "wrist"), 32)
    assert images.shape == (1, 2, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert np.array_equal(images[0, 0].permute(1, 2, 0).numpy(), frames["front"])
    assert np.array_equal(images[0, 1].permute(1, 2, 0).numpy(), frames["wrist"])
    assert proprio.tolist() == [PROPRIO.tolist()]


def test_a_missing_camera_is_named_beside_those_needed():
    with pytest.raises(UserError, match=r"\['wrist'\].*\['front', 'wrist'\]"):
        observe({"front": picture(32, 32)}, PROPRIO, ("front", "wrist"), 32)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_proprioception_that_is_not_finite_is_refused(bad):
    proprio = PROPRIO.copy()
    proprio[[2, 5]] = bad
    with pytest.raises(UserError, match=r"entries \[2, 5\] that are not finite"):
        observe({"front": picture(32, 32)}, proprio, ("front",), 32)


def test_an_observation_keeps_no_hold_of_the_cameras_buffer():
    """A driver may write the next frame into the same memory."""
    frame = picture(32, 32)
    images = observe({"front": frame}, PROPRIO, ("front",), 32).images
    before = images.clone()
    frame[...] = 0
    assert torch.equal(images, before)


@pytest.mark.parametrize("shape", [(48, 64), (32, 32), (100, 60)])
def test_training_sees_exactly_what_the_robot_will_see(tmp_path, shape):
    """The same picture, through the dataset reader and through the live pipeline."""
    frames = {"front": np.stack([picture(*shape, 1), picture(*shape, 2)])}
    frames["wrist"] = frames["front"][:, ::-1]
    nothing = np.zeros((2, 0), np.float32)
    episode = Episode(
        frames, np.zeros((2, 8), np.float32), np.zeros((2, 4), np.float32),
        np.zeros(2, np.float32), np.zeros((2, 4), np.float32), nothing, success=True, seed=0,
    )  # fmt: skip
    cameras = ("wrist", "front")
    trained = _arrays(tmp_path, "demo_0", episode, cameras, 32, 0.9)[0]
    for t in range(2):
        live = observe({c: f[t] for c, f in frames.items()}, PROPRIO, cameras, 32).images[0]
        assert np.array_equal(rearrange(trained[t], "h w v c -> v c h w"), live.numpy())
