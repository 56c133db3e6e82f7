"""`wm_planner play`: scripted keys into a video, at more than twenty frames a second."""

import re

import cv2
import numpy as np
import pytest

from wm_planner.cli import main
from wm_planner.errors import UserError
from wm_planner.play.keys import read_script
from wm_planner.play.play import PlayConfig, run
from wm_planner.play.window import Window, key_name


def test_the_command_writes_a_video_and_a_strip_and_says_how_fast(tmp_path, capsys):
    video, strip = tmp_path / "play.mp4", tmp_path / "strip.png"
    keys = "w*3 space a+e*2 p*4 n . esc d*5"
    options = ["--out", str(video), "--strip", str(strip), "--truth", "--keys", keys]
    assert main(["play", *options]) == 0
    steps, fps = re.search(r"(\d+) steps, (\d+) frames/s", capsys.readouterr().out).groups()
    assert int(steps) == 12, "the start of the next scene counts, what follows esc does not"
    assert int(fps) > 0
    capture = cv2.VideoCapture(str(video))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 13
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    assert cv2.imread(str(strip)).shape[1] > 500


def test_reset_and_next_start_again(dream):
    seeds, reset = [], dream.reset

    def noted(seed):
        seeds.append(seed)
        reset(seed)

    dream.reset = noted
    try:
        pictures = []
        run(dream, read_script("d*2 r d*2 n"), pictures.append, PlayConfig(seed=1))
    finally:
        del dream.reset
    assert seeds == [1, 2]
    assert len(pictures) == 7, "the start, and six steps"
    for before, after in ((0, 3), (1, 4)):
        np.testing.assert_array_equal(pictures[before], pictures[after])


def test_imagining_and_drawing_take_less_than_a_frame_of_twenty_a_second(dream):
    """2 to 5 ms on a quiet machine."""
    pace = run(dream, read_script("d*5 a*5 e*5"), lambda _: None, PlayConfig(seed=1))
    assert pace.steps == 15
    assert pace.fps > 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out": "x.mp4"}, "nobody can press keys there; give --keys"),
        ({"keys": "w", "joystick": "/dev/input/js0"}, "leave one out"),
        ({"keys": "w*x"}, "count is 'x'"),
        ({"rate_hz": -1.0}, "rate_hz is -1.0"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_what_makes_no_sense_is_named(changes, message):
    with pytest.raises(UserError, match=message):
        PlayConfig(**changes)


@pytest.mark.parametrize("display", ["", ":0"])
def test_without_a_window_there_is_a_way_out(display, monkeypatch):
    """No display, or an OpenCV that was built without windows."""

    def refuse(*_):
        raise cv2.error("The function is not implemented. Rebuild the library with GTK+ 2.x")

    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(UserError, match=r"install opencv-python`, or write a video: --out"):
        Window()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-1, ""),
        (ord("w"), "w"),
        (ord("W"), "w"),
        (0xFF52, "up"),
        (0x10FF51, "left"),
        (27, "esc"),
        (32, "space"),
        (ord("x"), ""),
        (0xFFE1, ""),
    ],
)
def test_key_codes(code, name):
    assert key_name(code) == name
