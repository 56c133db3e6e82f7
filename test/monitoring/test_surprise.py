"""The scale of surprise, on disk and in use."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from wm_planner.errors import UserError
from wm_planner.monitoring.picture_change import picture_change
from wm_planner.monitoring.surprise import (
    Percentiles,
    SurpriseScale,
    frame_surprise,
    surprise,
)
from wm_planner.types import Latent

SCALE = SurpriseScale(
    spread=(1.0, 2.0, 0.5, 1.0),
    latent=Percentiles(1.0, 1.5, 1.8, 2.0),
    frames=(Percentiles(0.2, 0.5, 0.8, 1.0), Percentiles(0.2, 0.5, 0.8, 2.0)),
    patches=((0.08,) * 64, (0.18,) * 64),
    steps=1000,
    sha256="abc",
)


def test_an_error_of_twice_the_spread_is_what_one_clean_step_in_a_thousand_exceeds():
    predicted = torch.zeros(3, 4)
    error = torch.tensor([2.0, 4.0, 1.0, 2.0])
    found = surprise(Latent(predicted), Latent(torch.stack([0 * error, error, -3 * error])), SCALE)
    assert found.tolist() == pytest.approx([0.0, 1.0, 3.0])


def frames(value=100):
    return torch.full((1, 2, 3, 16, 16), value, dtype=torch.uint8)


def test_one_patch_that_nobody_foresaw_is_a_surprise_of_its_camera():
    now = frames()
    now[:, 0, :, 4:6, 8:10] = 151  # 0.2 of the range, spread and least are 0.1
    found = frame_surprise(picture_change(frames(), now, frames(30), frames(30)), SCALE)
    assert found[0].tolist() == pytest.approx([2.0, 0.0])


def test_a_change_that_was_foreseen_is_none_however_wrong_the_decoded_frames_are():
    change = picture_change(frames(), frames(150), frames(20), frames(70))
    assert frame_surprise(change, SCALE)[0].tolist() == [0.0, 0.0]


def test_where_much_was_foreseen_to_change_errors_count_less():
    calm = picture_change(frames(), frames(151), frames(), frames())
    busy = picture_change(frames(), frames(151), frames(), frames(202))
    assert float(busy.error[0, 0, 0, 0]) == pytest.approx(float(calm.error[0, 0, 0, 0]))
    assert frame_surprise(busy, SCALE)[0, 0] < 0.4 * frame_surprise(calm, SCALE)[0, 0]


def test_a_scale_survives_the_disk(tmp_path: Path):
    SCALE.save(tmp_path / "surprise.yaml")
    assert SurpriseScale.load(tmp_path / "surprise.yaml") == SCALE
    assert [file.name for file in tmp_path.iterdir()] == ["surprise.yaml"]


def test_a_latent_may_have_many_numbers(tmp_path: Path):
    frames_and_all = replace(SCALE, spread=(0.1234,) * 12_000)
    frames_and_all.save(tmp_path / "surprise.yaml")
    assert SurpriseScale.load(tmp_path / "surprise.yaml") == frames_and_all


def test_a_scale_of_a_model_that_does_not_decode_has_no_cameras(tmp_path: Path):
    blind = replace(SCALE, frames=(), patches=())
    blind.save(tmp_path / "surprise.yaml")
    assert SurpriseScale.load(tmp_path / "surprise.yaml") == blind


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"spread": [1.0, 0.0]}, "positive, finite"),
        ({"spread": [1.0, math.nan]}, "positive, finite"),
        ({"spread": []}, "positive, finite"),
        ({"spread": "all"}, "expected a list"),
        ({"spread": ["a"]}, "positive, finite"),
        ({"steps": 0}, "whole number above 0"),
        ({"sha256": 7}, "expected text"),
        ({"latent": {"median": 1.0}}, r"Percentiles has keys \['median'\]"),
        ({"latent": {"median": 3.0, "p95": 2.0, "p99": 3.0, "p999": 4.0}}, "rising"),
        ({"latent": {"median": 1.0, "p95": 2.0, "p99": 3.0, "p999": math.inf}}, "finite"),
        ({"frames": [1]}, "Percentiles has keys 1"),
        ({"patches": [[0.1] * 64]}, "64 finite numbers"),
        ({"patches": [[0.1] * 63, [0.1] * 64]}, "64 finite numbers"),
        ({"patches": [[0.1] * 64, ["a"] * 64]}, "64 finite numbers"),
        ({"patches": 3}, "expected a list"),
        ({"more": 1}, "SurpriseScale has keys"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong_and_the_way_out(tmp_path, change, expected):
    path = tmp_path / "surprise.yaml"
    SCALE.save(path)
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(UserError, match=expected) as caught:
        SurpriseScale.load(path)
    assert str(path) in str(caught.value) and "--calibrate" in str(caught.value)


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "{unclosed", "!!python/object:os.system {}", ""])
def test_what_is_no_scale_at_all_is_a_user_error(tmp_path, text):
    (tmp_path / "surprise.yaml").write_text(text)
    with pytest.raises(UserError, match=r"surprise\.yaml"):
        SurpriseScale.load(tmp_path / "surprise.yaml")


def test_a_missing_and_a_huge_file_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        SurpriseScale.load(tmp_path / "surprise.yaml")
    (tmp_path / "surprise.yaml").write_text("#" * 2_000_000)
    with pytest.raises(UserError, match="more than"):
        SurpriseScale.load(tmp_path / "surprise.yaml")


def test_a_scale_of_another_model_is_refused():
    with pytest.raises(UserError, match="not of one model"):
        surprise(Latent(torch.zeros(1, 3)), Latent(torch.zeros(1, 3)), SCALE)
    one_camera = torch.zeros(1, 1, 3, 16, 16, dtype=torch.uint8)
    with pytest.raises(UserError, match="not of one model"):
        frame_surprise(picture_change(*[one_camera] * 4), SCALE)
