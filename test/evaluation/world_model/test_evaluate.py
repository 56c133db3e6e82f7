"""The command, on a tiny model with random weights; its recordings, states and tampering."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_families import tiny, tiny_config

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.tasks.grasp import Grasp
from wm_planner.errors import UserError
from wm_planner.evaluation.report.world_model import render
from wm_planner.evaluation.world_model import calibrate
from wm_planner.evaluation.world_model.beliefs import Beliefs
from wm_planner.evaluation.world_model.branches import branch, collect_moments, encode_branches
from wm_planner.evaluation.world_model.config import EvaluateConfig
from wm_planner.evaluation.world_model.effort import QUICK
from wm_planner.evaluation.world_model.evaluate import evaluate
from wm_planner.evaluation.world_model.measure import evaluate_model
from wm_planner.evaluation.world_model.physics import CASES, consistency
from wm_planner.evaluation.world_model.recording import (
    ConstantPilot,
    RandomPilot,
    encode,
    record,
)
from wm_planner.evaluation.world_model.summary import flat, table
from wm_planner.evaluation.world_model.workbench import driven_by_expert, prepare
from wm_planner.monitoring.picture_change import PictureChange, no_change
from wm_planner.monitoring.surprise import Percentiles, SurpriseScale, frame_surprise, surprise
from wm_planner.planning import PlannerConfig
from wm_planner.types import Latent, Rollout
from wm_planner.world_models.store import ModelConfig, load_model, save_model

KEYS = {
    "drift_100_over_10",
    "horizon_steps",
    "controllability_rank_correlation",
    "return_rank_correlation",
    "disagreement_error_correlation",
    "physics_told_share",
    "plan_regret",
    "return_gap_bound",
    "surprise_p999",
    "surprise_false_alarm_share",
    "value_calibration_error",
    "value_signed_error",
    "success_calibration_error",
}


@pytest.fixture(scope="module")
def env() -> ManipulationEnv:
    return ManipulationEnv(EnvConfig("grasp", image_size=32))


def test_the_command_prints_a_table_and_writes_a_page_figures_and_a_scale(
    model_folder, tmp_path, capsys, monkeypatch
):
    short = replace(QUICK, clean_episodes=1)
    monkeypatch.setattr("wm_planner.evaluation.world_model.config.Effort", lambda: short)
    monkeypatch.setattr(Grasp, "time_limit", 30)
    out, extra = tmp_path / "out", tmp_path / "extra" / "figures.json"
    evaluate(EvaluateConfig(str(model_folder), out, extra, planner="prior", calibrate=True))
    figures = json.loads((out / "evaluation.json").read_text())
    assert figures == json.loads(extra.read_text())
    assert figures.keys() >= KEYS
    assert figures["drift_100_over_10"] is None  # fewer steps were imagined
    nested = {key for key, value in figures.items() if isinstance(value, dict | list)}
    assert nested == {"video", "objects", "video_frechet", "reliability"}
    assert set(figures["reliability"]) == {"reward", "value", "success", "success_unweighted"}
    assert figures["confidence_episodes"] == 3 * figures["episodes"] == 6
    told = figures["reliability"]["value"]["moments"]
    assert told == 2 * 11 + 4 * (11 - 5)  # half of 22 steps, of which somebody played for a quarter
    for name, part in figures["reliability"].items():
        assert sum(b["moments"] for b in part["bins"]) == part["moments"] > 0
        assert 0 <= figures[f"{name}_calibration_error"] <= 1
        assert all(0 <= b["low"] <= b["high"] <= 1 for b in part["bins"])
    printed = capsys.readouterr().out
    assert "controllability, rank correlation" in printed and "value, calibration" in printed
    assert SurpriseScale.load(model_folder / "surprise.yaml").sha256 == figures["sha256"]
    page = (out / "evaluation.html").read_text()
    assert page.count("data:image/jpeg") >= 3
    assert page.count("predicted, mean of a bin</text>") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)  # self-contained
    assert figures["seconds"] < 60


def test_a_scale_alone_is_measured_and_nothing_else(model_folder, tmp_path, monkeypatch):
    short = replace(QUICK, episodes=1, readout_episodes=3, clean_episodes=2)
    monkeypatch.setattr("wm_planner.evaluation.world_model.config.Effort", lambda: short)
    monkeypatch.setattr(Grasp, "time_limit", 8)
    config = EvaluateConfig(
        str(model_folder), tmp_path, planner="prior", only="surprise", calibrate=True
    )
    figures = evaluate(config)
    assert SurpriseScale.load(model_folder / "surprise.yaml").sha256 == figures["sha256"]
    assert figures["surprise_p999"] > 0 and not figures.keys() & {"video", "drift_100_over_10"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(model_folder, tmp_path):
    config = EvaluateConfig(str(model_folder), tmp_path, quick=True)
    first, second = (evaluate(config) for _ in range(2))
    for key in first.keys() - {"seconds"}:
        assert first[key] == second[key] or first[key] != first[key], key


def test_a_scale_of_other_weights_is_refused_before_anything_is_measured(model_folder, tmp_path):
    percentiles = Percentiles(1.0, 2.0, 3.0, 4.0)
    patches = ((0.1,) * 64,) * 2
    scale = SurpriseScale((1.0,) * 16, percentiles, (percentiles,) * 2, patches, 10, "0" * 64)
    scale.save(model_folder / "surprise.yaml")
    with pytest.raises(UserError, match="--calibrate"):
        evaluate(EvaluateConfig(str(model_folder), tmp_path, quick=True))


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_measured(
    model_folder, tmp_path
):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="folder that can be written"):
        evaluate(EvaluateConfig(str(model_folder), tmp_path / "file" / "out", quick=True))


class Blind:
    """A world model that cannot decode."""

    def __init__(self, model):
        self.encode, self.advance = model.encode, model.advance
        self.propose = model.propose
        self._model = model

    def rollout(self, latent, actions):
        return self._model.rollout(latent, actions)


def test_a_model_that_does_not_decode_is_evaluated_without_pictures(model_folder):
    loaded = load_model(model_folder)
    bench = prepare(loaded, PlannerConfig(planner="prior", backend="eager"), 5_000_000, 2)
    bench = bench._replace(world_model=Blind(loaded.world_model))
    found = evaluate_model(bench, replace(QUICK, long=12, states=2, pairs=0))
    figures = flat(found)
    assert found.open_loop.frames is None and not any(key.startswith("psnr") for key in figures)
    described = {"model": "m", "task": "grasp", "sha256": "0" * 64, "seed": 5_000_000,
                 "planner": "prior", "quick": True, "git": "g", "processor": "p"}  # fmt: skip
    page = render({**described, **figures}, found, bench, [])
    assert "does not decode" in page and "A quick run" in page
    assert "--calibrate" in page  # it has no scale yet
    assert "horizon" in table(figures)


class Unrewarded(Blind):
    """A world model that knows no reward and no value."""

    def rollout(self, latent, actions):
        found = super().rollout(latent, actions)
        unknown = (torch.full_like(part, torch.nan) for part in found[1:4])
        return Rollout(actions, *unknown, found.latents)


def test_a_model_that_knows_no_reward_is_evaluated_without_decisions(model_folder):
    loaded = load_model(model_folder)
    bench = driven_by_expert(prepare(loaded, PlannerConfig(planner="noop"), 5_000_000, 1))
    bench = bench._replace(world_model=Unrewarded(loaded.world_model), beliefs=Beliefs())
    effort = replace(QUICK, episodes=1, long=12, states=2, plan_states=1, plans=3, pairs=0)
    found = evaluate_model(bench, effort)
    figures = flat(found)
    for key in ("plan_regret", "return_rank_correlation", "reward_horizon_steps",
                "disagreement_error_correlation", "return_gap"):  # fmt: skip
        assert math.isnan(figures[key]), key
    assert math.isfinite(figures["controllability_rank_correlation"])
    described = {"model": "m", "task": "grasp", "sha256": "0" * 64, "seed": 5_000_000,
                 "planner": "expert", "quick": True, "git": "g", "processor": "p"}  # fmt: skip
    page = render({**described, **figures}, found, bench, [])
    assert "imagines no rewards" in page and "knows no value" in page and "nan" not in page
    assert "regret" not in table(figures)
    assert page.count("\u2013, the model learned no rewards") == 3
    told = "calibration of its value +\u2013  the model learned no rewards"
    assert re.search(told, table(figures))
    assert found.confidence.episodes == 1  # nobody played first: there is nothing to compare


def test_without_rewards_only_the_expert_can_drive(tmp_path):
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, tiny_config("jepa"))
    save_model(tmp_path / "blind", tiny("jepa"), config)
    with pytest.raises(UserError, match="give --planner expert"):
        evaluate(EvaluateConfig(model=str(tmp_path / "blind"), out=tmp_path))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"seed": 4_999_999}, "5000000 or more"),
        ({"planner": "noop"}, "mppi, cem, prior"),
        ({"quick": True, "calibrate": True}, "drop one"),
        ({"only": "surprise"}, "add --calibrate"),
    ],
)
def test_bad_options_are_user_errors(options, expected):
    with pytest.raises(UserError, match=expected):
        EvaluateConfig(**options)


def test_calibration_seeds_are_neither_trained_nor_evaluated_on():
    assert calibrate.SEEDS.start == 4_000_000 and calibrate.SEEDS.stop == 5_000_000


def test_a_recording_is_whole_and_repeats(env, model):
    first, second = (record([env], RandomPilot(), [5_000_000], 6, "test") for _ in range(2))
    assert first.instruction is second.instruction is None
    for a, b in zip(first[:-1], second[:-1], strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))
    assert first.images.shape == (1, 7, 2, 3, 32, 32) and first.proprio.shape == (1, 7, 8)
    assert first.actions.shape == (1, 6, 4) and first.rewards.shape == (1, 6)
    assert set(first.actions[..., 3].unique().tolist()) <= {-1, 1}
    assert encode(model, first, "test").latents.z.shape == (1, 7, 16)


def test_constant_actions_differ_between_episodes_only():
    pilot = ConstantPilot()
    pilot.begin([1, 2])
    actions = pilot.act([{}, {}])
    assert np.array_equal(actions, pilot.act([{}, {}])) and not np.array_equal(*actions)


def test_branches_of_the_same_actions_are_the_same_and_of_others_differ(env, model):
    moments = collect_moments(env, model, RandomPilot(), [5_000_000], 2, 8)
    actions = torch.zeros(2, 3, 4, 4)
    actions[:, 2, :, 2] = -1
    found = branch(env, moments, actions, "test")
    encoded = encode_branches(model, moments, found)
    z = encoded.latents.z.unflatten(0, (2, 3))
    assert torch.equal(z[:, 0], z[:, 1]) and not torch.equal(z[:, 0], z[:, 2])
    assert torch.equal(z[:, 0, 0], torch.cat([m.latent.z for m in moments]))


def test_every_case_comes_about_and_leaves_the_simulation_as_it_was(env, model):
    physics = env.simulation.model
    before = physics.body_gravcomp.copy(), physics.geom_contype.copy()
    found = consistency(env, model, [5_000_000])
    assert [case.name for case in found] == list(CASES)
    for case in found:
        (pair,) = case.pairs
        assert not np.array_equal(*pair.frames), case.name
        assert pair.possible.isfinite().all() and pair.impossible.isfinite().all()
    assert np.array_equal(before[0], physics.body_gravcomp)
    assert np.array_equal(before[1], physics.geom_contype)
    assert not env.simulation.data.xfrc_applied.any()


def test_a_task_without_a_cube_has_no_impossible_futures(model):
    env = ManipulationEnv(EnvConfig("push", cameras=()))
    assert [case.pairs for case in consistency(env, model, [5_000_000])] == [()] * len(CASES)
    env.close()


def test_a_fitted_scale_has_one_in_a_thousand_clean_steps_above_one():
    generator = torch.Generator().manual_seed(0)
    differences = torch.randn(20_000, 4, generator=generator) * torch.tensor([1, 2, 3, 1e-9])
    error = torch.rand(20_000, 1, 8, 8, generator=generator)
    change = PictureChange(error, torch.zeros_like(error))
    scale = calibrate.fit_scale(calibrate.StepErrors(differences, change), "abc")
    assert scale.spread[:3] == pytest.approx((1, 2, 3), rel=0.03)
    assert scale.spread[3] > 0.05  # a number that never errs
    surprising = (frame_surprise(change, scale) > 1).float().mean()
    assert surprising == pytest.approx(0.001, abs=0.0005)
    assert scale.patches[0] == pytest.approx([3**-0.5] * 64, rel=0.05)
    assert 1 < scale.latent.p95 < scale.latent.p999


def test_a_memory_that_frames_do_not_mend_leaves_the_scale_to_the_rest_of_the_latent():
    generator = torch.Generator().manual_seed(0)
    differences = torch.randn(20_000, 6, generator=generator)
    differences[:, :4] *= 1e-7  # rounding, in most of the latent
    scale = calibrate.fit_scale(calibrate.StepErrors(differences, no_change(0)), "abc")
    assert scale.spread[4:] == pytest.approx((1, 1), rel=0.03)
    assert scale.spread[:4] == pytest.approx([0.1] * 4, rel=0.03)
    z = torch.zeros(20_000, 6)
    found = surprise(Latent(z), Latent(differences), scale)
    assert (found > 1).float().mean() == pytest.approx(0.001, abs=0.0005)
