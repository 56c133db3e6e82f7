"""The energy of a model that knows where actions lead is least at the true one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.evaluation.goals.energy import (
    EnergyConfig,
    Transition,
    distances_of,
    energy,
    heat_maps,
    landscapes,
)
from wm_planner.planning.objectives.goal_image import DISTANCES
from wm_planner.types import ActionSpace, Latent, Rollout

CONFIG = EnergyConfig("toy", transitions=6, candidates=64)


class Point:
    """Moves by its action, or, if it is `lost`, the other way; gripper and height count nothing."""

    def __init__(self, lost: bool = False) -> None:
        self.sign, self.action_space = (-1.0 if lost else 1.0), ActionSpace(4, (3,))

    def goal_features(self, z):
        return z

    def rollout(self, latent: Latent, actions) -> Rollout:
        latents = latent.z[:, None, None] + self.sign * actions[..., :2].cumsum(2)
        nothing = torch.zeros(actions.shape[:3])
        return Rollout(actions, nothing, nothing[..., 0], nothing[..., 0], latents)


def transitions(n: int = 6, steps: int = 1) -> list[Transition]:
    generator = torch.Generator().manual_seed(1)
    found = []
    for _ in range(n):
        actions = torch.rand(steps, 4, generator=generator) * 1.6 - 0.8
        found.append(
            Transition(Latent(torch.zeros(1, 2)), Latent(actions[:, :2].sum(0)[None]), actions)
        )
    return found


@pytest.mark.parametrize("name", ["l2", "l1", "smooth_l1"])
def test_the_true_action_is_the_best_of_a_model_that_knows(name):
    knows = landscapes(Point(), transitions(), CONFIG)[name]
    assert knows.rank == 0 and knows.best_twentieth == 1
    assert knows.off < knows.off_by_chance
    lost = landscapes(Point(lost=True), transitions(), CONFIG)[name]
    assert lost.rank > 0.5 and lost.best_twentieth < 0.5


def test_distances_are_those_of_the_objective_and_the_models_own():
    assert set(distances_of(Point())) == set(DISTANCES)
    measures = SimpleNamespace(goal_features=lambda z: z, goal_distance=lambda z, goal: z[..., 0])
    assert set(distances_of(measures)) == {*DISTANCES, "learned"}


def test_heat_maps_are_dark_at_the_true_action():
    (transition,) = transitions(1)
    picture = heat_maps(Point(), [transition])
    edge = picture.shape[0]
    assert picture.shape == (edge, len(DISTANCES) * (picture.shape[1] // len(DISTANCES)), 3)
    right, up = ((transition.actions[0, :2] + 1) / 2 * 149).tolist()
    found = picture[18 + round(149 - up) - 8 : 18 + round(149 - up) + 8, 2 + round(right) - 8 :][
        :, :16
    ]
    assert (found.astype(int).max(-1) == 255).any()  # the ring


def test_figures_and_pictures_of_a_model_on_disk(tmp_path, capsys, monkeypatch):
    from tiny_families import tiny

    from wm_planner.world_models.store import ModelConfig, save_model

    model = tiny("jepa")
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config)
    save_model(tmp_path / "toy", model, config)
    monkeypatch.setattr("wm_planner.evaluation.goals.energy._FROM_EACH", 2)
    wanted = EnergyConfig(str(tmp_path / "toy"), tmp_path / "out", 2, 8, (1,), 4_000_000)
    figures = energy(wanted)
    assert 0 <= figures["learned_1"]["rank"] <= 1
    assert (tmp_path / "out" / "energy_1.png").is_file()
    assert "learned" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"transitions": 0}, "transitions is 0"),
        ({"ahead": (0,)}, "ahead"),
        ({"candidates": 1}, "candidates"),
    ],
)
def test_what_cannot_be_measured_is_named(setting, message):
    with pytest.raises(UserError, match=message):
        EnergyConfig("toy", **setting)
