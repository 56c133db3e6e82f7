"""A plan begins where the actions under way lead, however late the arm does them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import SEARCH, frames, tiny_model

from wm_planner.assembly import build_pipeline
from wm_planner.types import View
from wm_planner.world_models.store import LoadedModel


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return tiny_model()


@pytest.mark.parametrize(
    ("age", "action_delay", "steps"), [(0.0, 0.1, 1), (0.12, 0.1, 2), (0.04, 0.0, 0)]
)
def test_a_plan_begins_where_the_actions_under_way_lead(model, age, action_delay, steps):
    running = build_pipeline(model, replace(SEARCH, action_delay=action_delay))
    proprio = np.zeros(8, np.float32)
    actions = [running.think(frames(i), proprio).plan.actions[:, 0] for i in range(4)]
    latent = build_pipeline(model, SEARCH).think(frames(4), proprio).latent
    for action in actions[4 - steps :]:
        latent = model.world_model.advance(latent, action)
    torch.testing.assert_close(running.think(frames(4), proprio, age).latent.z, latent.z)


def test_actions_that_were_not_carried_out_lead_nowhere(model):
    running = build_pipeline(model, replace(SEARCH, action_delay=0.2))
    proprio = np.zeros(8, np.float32)
    first = running.think(frames(0), proprio).latent
    assert not torch.equal(running.think(frames(0), proprio).latent.z, first.z)
    running.forget_actions()
    assert torch.equal(running.think(frames(0), proprio).latent.z, first.z)


def test_each_episode_of_a_batch_has_its_own_delay(model):
    views = {
        i: View(frames(i), np.zeros(8, np.float32), age) for i, age in enumerate((0, 0.1, 0.3))
    }
    together = build_pipeline(model, SEARCH)
    together.reset_many([0, 1, 2])
    for _ in range(2):
        thought = together.think_many(views)
    for i, view in views.items():
        alone = build_pipeline(model, SEARCH)
        alone.reset(i)
        for _ in range(2):
            latent = alone.think(*view).latent
        torch.testing.assert_close(thought.latent.z[i : i + 1], latent.z)


def test_what_comes_next_is_foreseen_beforehand_when_there_is_time_and_once(model, monkeypatch):
    asked = []
    branches = type(model.world_model).branches

    def counted(self, latent, actions):
        asked.append(actions.shape)
        return branches(self, latent, actions)

    monkeypatch.setattr(type(model.world_model), "branches", counted)
    view = View(frames(0), np.zeros(8, np.float32))
    plans, foreseen = [], []
    for prepared in (False, True):
        running = build_pipeline(model, replace(SEARCH, backend="eager"))
        for _ in range(3):
            if prepared:
                running.prepare()
                running.prepare()
            before = len(asked)
            plans.append(running.think(*view).plan.actions)
            foreseen.append(len(asked) - before)
    assert foreseen == [0, 1, 1, 0, 0, 0] and len(asked) == 4
    assert all(torch.equal(*pair) for pair in zip(plans[:3], plans[3:], strict=True))
