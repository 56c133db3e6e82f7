"""Videos and pictures can be read again and hold what was written."""

import os
import threading

import cv2
import numpy as np
import pytest

from wm_planner.errors import UserError
from wm_planner.evaluation.imagination import TILE
from wm_planner.evaluation.video import Video, film_strip, paced, write_picture

COLOURS = ((220, 30, 30), (30, 220, 30), (30, 30, 220))


def _read(path):
    capture = cv2.VideoCapture(str(path))
    rate, frames = capture.get(cv2.CAP_PROP_FPS), []
    while True:
        read, frame = capture.read()
        if not read:
            return rate, frames
        frames.append(frame[:, :, ::-1])


def test_video_holds_its_frames_at_their_rate(tmp_path):
    path = tmp_path / "new" / "video.mp4"
    with Video(path, rate_hz=10.0) as video:
        for colour in COLOURS:
            video.write(np.full((64, 96, 3), colour, np.uint8))
    rate, frames = _read(path)
    assert rate == pytest.approx(10.0)
    assert [frame.shape for frame in frames] == [(64, 96, 3)] * 3
    for frame, colour in zip(frames, COLOURS, strict=True):
        np.testing.assert_allclose(frame.mean((0, 1)), colour, atol=8)


def test_video_survives_an_exception(tmp_path):
    path = tmp_path / "video.mp4"
    with pytest.raises(KeyboardInterrupt), Video(path, rate_hz=10.0) as video:
        video.write(np.zeros((64, 96, 3), np.uint8))
        raise KeyboardInterrupt
    assert len(_read(path)[1]) == 1


def test_video_refuses_a_frame_of_another_size(tmp_path):
    """OpenCV would leave it out without a word."""
    with Video(tmp_path / "video.mp4", rate_hz=10.0) as video:
        video.write(np.zeros((64, 96, 3), np.uint8))
        with pytest.raises(UserError, match=r"\(64, 64, 3\).*\(64, 96, 3\)"):
            video.write(np.zeros((64, 64, 3), np.uint8))


def test_encoding_gives_way_to_all_else(tmp_path):
    def priority():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    mine = priority()
    with Video(tmp_path / "video.mp4", rate_hz=10.0) as video:
        video.write(np.zeros((64, 96, 3), np.uint8))
        assert video._thread.submit(priority).result() == 19
    assert priority() == mine


def test_a_video_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "video.mp4").mkdir()
    video = Video(tmp_path / "video.mp4", rate_hz=10.0)
    with pytest.raises(UserError, match="cannot write a video"), video:
        video.write(np.zeros((64, 96, 3), np.uint8))


def _picture(value):
    """As of two cameras and three imagined steps: every tile of a value of its own."""
    tiles = np.arange(10, dtype=np.uint8).reshape(2, 5) + value
    return np.kron(tiles, np.ones((TILE, TILE), np.uint8))[..., None].repeat(3, axis=2)


def test_film_strip_puts_each_camera_above_its_last_imagined_frame():
    strip = film_strip([_picture(10 * i) for i in range(9)], np.arange(9), moments=3)
    assert strip.shape == (4 * TILE, 3 * TILE, 3)
    first, middle, last = (strip[TILE // 2 :: TILE, i * TILE + TILE // 2, 0] for i in range(3))
    assert first.tolist() == [0, 4, 5, 9]
    assert (middle - first).tolist() == [40] * 4
    assert (last - first).tolist() == [80] * 4


def test_film_strip_of_nothing_is_an_error():
    with pytest.raises(UserError, match="imagination"):
        film_strip([], [])


def test_film_strip_shows_moments_that_are_far_apart_in_time_though_pictures_came_in_bursts():
    times = [5.0, 8.0, 8.1, 8.2, 8.3]
    strip = film_strip([_picture(10 * i) for i in range(5)], times, moments=5)
    assert strip.shape == (4 * TILE, 3 * TILE, 3)  # none came in between
    shown = strip[TILE // 2, TILE // 2 :: TILE, 0]
    assert shown.tolist() == [0, 10, 40]


def test_a_video_shows_each_picture_until_the_next_one():
    frames = list(paced([_picture(0), _picture(10), _picture(20)], [3.0, 3.4, 3.5], 10.0))
    assert [int(frame[0, 0, 0]) for frame in frames] == [0] * 4 + [10, 20]


def test_picture_is_written_without_loss(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    write_picture(tmp_path / "new" / "picture.png", picture)
    read = cv2.imread(str(tmp_path / "new" / "picture.png"))[:, :, ::-1]
    np.testing.assert_array_equal(read, picture)
