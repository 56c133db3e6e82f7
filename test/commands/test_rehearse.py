"""Policies in a dream and in simulation: tiny models, real scenes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_families import tiny

from wm_planner.assembly import build_pipeline
from wm_planner.commands.rehearse.command import rehearse
from wm_planner.commands.rehearse.config import RehearseConfig
from wm_planner.commands.rehearse.stage import Stage
from wm_planner.errors import UserError
from wm_planner.planning import PlannerConfig
from wm_planner.play.dream import Dream
from wm_planner.world_models.store import LoadedModel, ModelConfig, load_model, save_model

CAMERAS = ("front", "wrist")


def saved(folder: Path, family: str, task: str = "grasp", **changes: object) -> Path:
    model = tiny(family, **changes)
    save_model(folder, model, ModelConfig(task, "panda", CAMERAS, 10.0, model.config))
    return folder


@pytest.fixture
def dreaming(tmp_path) -> LoadedModel:
    """A model to whom no dream succeeds, until a test says otherwise."""
    model = load_model(saved(tmp_path / "dream", "rssm"))
    assert model.world_model.success is not None
    model.world_model.success[-1].bias.data.fill_(-50.0)
    return model


def test_every_policy_acts_from_every_start_in_both_and_a_killed_run_goes_on(tmp_path):
    dream, policy = saved(tmp_path / "dream", "rssm"), saved(tmp_path / "policy", "td_latent")
    config = RehearseConfig(
        model=str(dream),
        policies=(str(policy),),
        action_noise=(0.0, 1.0),
        trials=1,
        workers=1,
        out=tmp_path / "out",
        json=tmp_path / "figures.json",
    )
    result = rehearse(config)
    assert [row["action_noise"] for row in result["policies"]] == [0.0, 1.0]
    assert all(row["simulated"] == 0 and row["trials"] == 1 for row in result["policies"])
    assert json.loads((tmp_path / "figures.json").read_text())["trials"] == 1
    assert "rehearse" in (tmp_path / "out" / "rehearsal.html").read_text()

    log = tmp_path / "out" / "starts.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    told = lines[0].replace('"simulated": false', '"simulated": true')  # it is not asked again
    assert len(lines) == 2 and told != lines[0]
    log.write_text(told + lines[1][:20])
    again = rehearse(config)
    assert log.read_text() == told + lines[1]
    assert [row["simulated"] for row in again["policies"]] == [1, 0]
    with pytest.raises(UserError, match="other settings: lasting was 15, is now 3"):
        rehearse(replace(config, lasting=3))


def test_the_model_says_when_a_dream_has_succeeded(dreaming, tmp_path):
    policy = build_pipeline(
        load_model(saved(tmp_path / "policy", "td_latent")), PlannerConfig(planner="prior")
    )
    stage = Stage(dreaming, likely=0.5, lasting=3)
    failed = stage.dream(policy, 5_000_000)
    assert (failed.success, failed.steps) == (False, 100)
    dreaming.world_model.success[-1].bias.data.fill_(50.0)
    assert stage.dream(policy, 5_000_000) == (True, 3)  # it looks done at once, and must last
    stage.close()


def test_a_model_that_knows_no_success_cannot_judge(tmp_path):
    model = load_model(saved(tmp_path / "dream", "rssm", success=False))
    with pytest.raises(UserError, match="no head for success"):
        Stage(model, likely=0.5, lasting=1)


def test_a_policy_of_another_task_is_refused(tmp_path):
    dream, policy = saved(tmp_path / "dream", "rssm"), saved(tmp_path / "p", "td_latent", "stack")
    config = RehearseConfig(model=str(dream), policies=(str(policy),), workers=1, out=tmp_path)
    with pytest.raises(UserError, match="task stack, the model that dreams has grasp"):
        rehearse(config)


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 0},
        {"lasting": 0},
        {"seed": 7},
        {"likely": 1.0},
        {"policies": ()},
        {"planner": "magic"},
    ],
)
def test_what_makes_no_sense_is_refused(changes):
    (name,) = changes
    with pytest.raises(UserError, match=name):
        replace(RehearseConfig(), **changes)


def test_the_same_start_is_dreamt_the_same(dreaming, tmp_path):
    dream = Dream(dreaming)
    frames = []
    for _ in range(2):
        dream.reset(5_000_001)
        dream.advance(torch.tensor([0.3, 0.0, -0.2, 1.0]).numpy())
        frames.append(dream.frames()["front"].copy())
    dream.close()
    assert (frames[0] == frames[1]).all()
