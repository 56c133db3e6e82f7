"""`wm_planner evaluate --only video`, on a tiny model with random weights."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import cv2
import pytest
from tiny_families import tiny_config

from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.evaluation.world_model.config import EvaluateConfig
from wm_planner.evaluation.world_model.evaluate import evaluate
from wm_planner.world_models.store import ModelConfig, save_model
from wm_planner.world_models.td_latent import TDLatent
from wm_planner.world_models.words import vocabulary_of

STEPS = ["1", "2", "3", "5", "7", "10", "15", "20"]


def test_it_writes_figures_a_page_and_strips_of_video_alone(model_folder, tmp_path, capsys):
    out, extra = tmp_path / "out", tmp_path / "video.json"
    config = EvaluateConfig(
        str(model_folder), out, extra, planner="expert", only="video", episodes=1, quick=True
    )
    evaluate(config)
    figures = json.loads(extra.read_text())
    assert list(figures["video"]) == ["front", "wrist"]
    for own in figures["video"].values():
        for part in (own, own["random"], own["constant"]):
            assert (
                list(part["psnr"]) == list(part["copy_psnr"]) == list(part["floor_ssim"]) == STEPS
            )
            assert part["copy_psnr"]["1"] > part["psnr"]["1"]  # random weights show nothing
    objects = figures["objects"]
    assert list(objects["each"]) == ["hand, front", "cube, front", "cube, wrist"]
    assert list(objects["present"]) == list(objects["error_px"]) == STEPS
    assert objects["present"]["10"] == 0
    assert objects["each"]["cube, wrist"]["true_present"]["10"] == 1
    assert objects["frames"]["20"] >= 1
    assert figures["play_frames_per_s"] > 0
    assert figures["video_frechet"]["features"] == "grasp"
    assert figures["video_sample_variety"] is None  # it draws no samples
    assert not {"horizon_steps", "drift_100_over_10"} & figures.keys()
    assert "cube, front, still there" in capsys.readouterr().out
    page = (out / "video.html").read_text()
    assert page.count("data:image/png") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)  # self-contained
    for name in ("policy", "random", "constant"):
        assert cv2.imread(str(out / f"video_{name}.png")) is not None


def test_a_model_with_words_is_told_what_its_episodes_were_to_do(tmp_path):
    words = vocabulary_of([make_task("sort").instruction])
    told = tiny_config("td_latent", instruction_size=8, vocabulary=words)
    described = ModelConfig("sort", "panda", ("front", "wrist"), 10.0, told)
    save_model(tmp_path / "told", TDLatent(told), described)
    config = EvaluateConfig(
        str(tmp_path / "told"), json=tmp_path / "video.json",
        planner="expert", only="video", episodes=1, quick=True,
    )  # fmt: skip
    evaluate(config)
    figures = json.loads((tmp_path / "video.json").read_text())
    assert {"red_cube, wrist", "blue_cube, wrist"} <= figures["objects"]["each"].keys()
    assert figures["video_frechet"]["features"] == "grasp"


def test_what_cannot_be_measured_is_said_at_once():
    config = EvaluateConfig()
    assert config.effort.episodes == 8
    assert replace(config, episodes=12).effort.episodes == 12
    for wrong, match in (
        ({"only": "sound"}, "'sound', expected video"),
        ({"only": "video", "calibrate": True}, "drop one"),
        ({"episodes": -1}, "episodes is -1"),
    ):
        with pytest.raises(UserError, match=match):
            replace(config, **wrong)
