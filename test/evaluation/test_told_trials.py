"""Trials, and what is measured of a model, where the model is told what to do."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_families import tiny
from tiny_model import SEARCH

from wm_planner.commands.trials import run_trials
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.evaluation.records import read_run
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.evaluation.world_model.branches import branch, collect_moments, encode_branches
from wm_planner.evaluation.world_model.drift import drift
from wm_planner.evaluation.world_model.readout import fit_readout
from wm_planner.evaluation.world_model.recording import RandomPilot, encode, record
from wm_planner.world_models.model_config import ModelConfig
from wm_planner.world_models.store import save_model
from wm_planner.world_models.words import vocabulary_of

STEPS = 4


@pytest.fixture(scope="module")
def model():
    """Of `sort` and `grasp`, with random weights that heed what it is told."""
    words = vocabulary_of([make_task("sort").instruction, make_task("grasp").instruction])
    model = tiny("td_latent", instruction_size=8, vocabulary=words)
    torch.nn.init.normal_(model.encoder.heed.change.weight)
    return model


@pytest.fixture(scope="module")
def config(model, tmp_path_factory) -> TrialsConfig:
    folder = tmp_path_factory.mktemp("model") / "told"
    learned = {"tasks": ["grasp", "sort"]}
    described = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config, learned)
    save_model(folder, model, described)
    return TrialsConfig(
        task="sort", model=str(folder), planner="prior", seeds=(5_000_000,), batch=2,
        time_limit=STEPS / 10, workers=1, search=replace(SEARCH, backend="eager"),
    )  # fmt: skip


def test_every_task_that_the_model_learned_is_tried_and_no_other(config):
    for task in ("sort", "grasp"):
        assert run_trials(replace(config, task=task))["task"] == task
    with pytest.raises(UserError, match=r"'stack', but model '.*' was trained for 'grasp, sort'"):
        run_trials(replace(config, task="stack"))


def test_things_never_shown_are_tried_with_the_model_that_learned_others(config, tmp_path):
    silent = tiny("td_latent")
    described = ModelConfig("grasp_objects", "panda", ("front", "wrist"), 10.0, silent.config)
    save_model(tmp_path / "objects", silent, described)
    unseen = replace(config, task="grasp_unseen", model=str(tmp_path / "objects"))
    assert run_trials(unseen)["task"] == "grasp_unseen"
    with pytest.raises(UserError, match=r"'grasp_unseen', but model '.*' was trained for 'grasp"):
        run_trials(replace(config, task="grasp_unseen"))


def test_what_is_said_instead_changes_what_is_done(config, tmp_path):
    said, expected = "put the blue cube on the yellow mark", []
    for text in ("", said):
        run_trials(replace(config, planner="mppi", instruction=text, out=tmp_path / text))
        settings, (trial,) = read_run(tmp_path / text)
        assert settings["config"].get("instruction", "") == text
        expected.append(trial.expected_returns)
    assert len(expected[0]) == len(expected[1]) == STEPS and expected[0] != expected[1]


def test_words_that_the_model_does_not_know_are_named_before_anything_runs(config):
    with pytest.raises(UserError, match="does not know hammer; it knows the words and, blue"):
        run_trials(replace(config, instruction="lift the hammer"))
    with pytest.raises(UserError, match="knows no words"):
        run_trials(TrialsConfig(instruction="lift the red cube"))


def test_what_is_measured_of_it_is_told_as_well(model):
    words = model.config.vocabulary
    env = ManipulationEnv(EnvConfig("sort", image_size=32))
    recording = record([env], RandomPilot(), [5_000_000], STEPS, "test", words)
    assert recording.instruction.shape == (1, 16)
    encoded = encode(model, recording, "test")
    readout = fit_readout(encoded.latents.z, recording.proprio)
    assert drift(model, encoded, readout).gaps.isfinite().all()
    moments = collect_moments(env, model, RandomPilot(), [5_000_000, 5_000_002], 1, 4, words)
    futures = branch(env, moments, torch.zeros(2, 2, 2, 4), "test", vocabulary=words)
    latents = encode_branches(model, moments, futures).latents.z.unflatten(0, (2, 2))
    assert torch.equal(latents[:, 0], latents[:, 1])
    env.close()
