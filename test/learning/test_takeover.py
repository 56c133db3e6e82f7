"""A person takes over where a model gets nowhere, and what is kept is what the person showed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from tiny_model import CONFIG, tiny_model

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.learning import collect as collecting
from wm_planner.learning import takeover
from wm_planner.learning.behaviour import GaveUp, follow_expert
from wm_planner.learning.collect import CollectConfig, _collect_one, collect
from wm_planner.learning.episodes import read_episodes
from wm_planner.learning.takeover import Takeover, outcomes, starts_of, taken_over
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import save_model

STILL = np.array([0.0, 0.0, 0.0, 1.0])
SIDEWAYS = np.array([0.0, 1.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def shown(model, tmp_path_factory) -> Path:
    """What a person shows who takes over from an arm that does nothing."""
    return collect(watched(model, tmp_path_factory.mktemp("shown") / "shown.hdf5"))


def somewhere(y: float) -> dict[str, np.ndarray]:
    """What is seen of a hand."""
    return {"proprio": np.r_[0.0, y, np.zeros(6)].astype(np.float32)}


def stay(*_: object) -> np.ndarray:
    return STILL


def give_up(*_: object) -> np.ndarray:
    raise GaveUp


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, tiny_model().world_model, CONFIG)
    return folder


def watched(model: Path, out: Path, **changes: object) -> CollectConfig:
    """A person who watches an arm that does nothing."""
    search = PlannerConfig(planner="noop", backend="eager")
    settings = {"episodes": 2, "seed": 40, "workers": 1, "image_size": CONFIG.image_size}
    return CollectConfig(
        demonstrator="person", model=model, search=search, out=out, **{**settings, **changes}
    )


def test_a_hand_at_rest_is_taken_over_after_two_seconds():
    pilot = Takeover(stay, follow_expert, most=100)
    done = [pilot(somewhere(0.0), SIDEWAYS)[1] for _ in range(25)]
    assert done == [0.0] * 19 + [1.0] * 6
    assert pilot.since == 19


def test_a_hand_that_moves_is_left_alone_until_its_time_is_over():
    pilot = Takeover(stay, follow_expert, most=40)
    done = [pilot(somewhere(0.02 * i), SIDEWAYS)[1] for i in range(45)]
    assert done == [0.0] * 40 + [1.0] * 5
    assert pilot.since == 40


def test_a_model_that_gives_up_is_taken_over_at_once():
    pilot = Takeover(give_up, follow_expert, most=40)
    assert pilot(somewhere(0.0), SIDEWAYS)[1] == 1.0
    assert pilot.since == 0


def test_whoever_masters_every_start_leaves_nothing_to_show():
    env = ManipulationEnv(EnvConfig("grasp", image_size=32))
    assert taken_over(env, lambda _: follow_expert, [3, 4], np.random.default_rng(0)) is None
    env.close()


def test_a_model_that_fails_nowhere_is_shown_nothing(tmp_path, monkeypatch):
    def here(config: CollectConfig, parts: Path, seeds: list[int]) -> Iterator[None]:
        return (_collect_one(config, parts, seed) for seed in seeds)

    monkeypatch.setattr(collecting, "_run", here)
    monkeypatch.setattr(takeover, "STARTS", 1)
    model, search = model_dir("grasp"), PlannerConfig(planner="prior")
    config = CollectConfig(
        demonstrator="person", model=model, search=search, episodes=2, out=tmp_path / "x.hdf5"
    )
    with pytest.raises(collecting.Mastered, match="grasp masters all starts from seed 0 on"):
        collect(config)
    assert not config.path.exists()


def test_the_seeds_of_takeovers_tell_how_often_a_model_was_tried():
    starts = [list(starts_of(seed, 3)) for seed in range(40, 43)]
    assert starts[0][:3] == [40, 43, 46] and len(starts[0]) == takeover.STARTS
    assert len(set().union(*starts)) == 3 * takeover.STARTS
    assert outcomes([starts[0][0], starts[1][2], starts[2][1]], 40, 3) == (3, 6)
    assert outcomes([starts[2][4]], 40, 3) == (44, 45)
    assert outcomes([], 40, 3) == (60, 60)


def test_the_demonstrations_begin_where_the_model_got_stuck(shown, model):
    episodes = list(read_episodes(shown))
    env = ManipulationEnv(EnvConfig("grasp", image_size=CONFIG.image_size))
    for episode in episodes:
        observation, _ = env.reset(seed=episode.seed)
        for _ in range(19):
            observation, *_ = env.step(STILL)
        np.testing.assert_allclose(episode.proprio[0], observation["proprio"], atol=0.02)
        assert len(episode.actions) > 10
        assert np.isnan(episode.rewards).all() and np.isnan(episode.expert_actions).all()
    env.close()
    assert any(episode.success for episode in episodes)
    with h5py.File(shown) as file:
        described = json.loads(file["data"].attrs["env_args"])
    assert (described["demonstrator"], described["takes_over_from"]) == ("person", str(model))
    assert described["search"]["planner"] == "noop"


def test_the_same_seeds_are_taken_over_alike(shown, model, tmp_path):
    again = collect(watched(model, tmp_path / "again.hdf5"))
    for once, twice in zip(read_episodes(shown), read_episodes(again), strict=True):
        np.testing.assert_array_equal(once.actions, twice.actions)


def test_episodes_taken_over_from_another_planner_are_not_mixed_in(model, tmp_path):
    config = watched(model, tmp_path / "x.hdf5", episodes=1)
    (tmp_path / "x.parts").mkdir()
    _collect_one(config, tmp_path / "x.parts", config.seed)
    with pytest.raises(UserError, match=r"40\.hdf5: collected with other settings"):
        collect(replace(config, search=PlannerConfig(planner="random", backend="eager")))


def test_starts_that_are_passed_over_are_none_of_evaluation_either(model, tmp_path):
    with pytest.raises(UserError, match="4999980 to 5000019 reach into those kept for evaluation"):
        watched(model, tmp_path / "x.hdf5", seed=4_999_980)
    assert watched(model, tmp_path / "x.hdf5", seed=4_999_960).watches


def test_a_model_of_another_robot_is_refused(model, tmp_path):
    with pytest.raises(UserError, match="learned on robot panda, and robot is ur5e; give --robot"):
        collect(watched(model, tmp_path / "x.hdf5", robot="ur5e"))
