"""In rounds the model's own planner acts and others teach; what is done is not done again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from toy_episodes import TINY

from wm_planner.errors import UserError
from wm_planner.learning import rounds
from wm_planner.learning.collect import CollectConfig, collect
from wm_planner.learning.episodes import Episode, read_episodes
from wm_planner.learning.rounds import train
from wm_planner.learning.train_config import TrainConfig
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import load_model

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> TrainConfig:
    """Three updates on two real episodes, then one round of one episode and two updates."""
    folder = tmp_path_factory.mktemp("rounds")
    data = collect(CollectConfig(episodes=2, out=folder / "d.hdf5", workers=1, image_size=32))
    config = TrainConfig(
        data=(data,), out=folder / "run", updates=3, rounds=1, round_episodes=2, round_updates=2,
        workers=1, batch_size=8, network=TINY, privileged=True,
    )  # fmt: skip
    train(config)
    return config


def own(config: TrainConfig, number: int = 1) -> list[Episode]:
    return list(read_episodes(config.directory / f"round_{number}/round_{number}.hdf5"))


def test_a_round_adds_the_planners_own_episodes_with_the_experts_labels(base):
    episodes = own(base)
    assert [episode.seed for episode in episodes] == [100_000, 100_001]
    for episode in episodes:
        assert np.isfinite(episode.expert_actions).all() and np.isfinite(episode.landmarks).all()
        # An untrained planner is nowhere near the expert; the expert's own gentle noise is 0.1.
        assert np.abs(episode.actions - episode.expert_actions).mean() > 0.2


def test_the_last_rounds_model_is_the_result_and_tells_its_history(base):
    result = load_model(base.directory)
    assert result.sha256 == load_model(base.directory / "round_1").sha256
    assert result.sha256 != load_model(base.directory / "round_0").sha256
    provenance = result.config.provenance
    assert provenance["data"] == ["d.hdf5", "round_1.hdf5"]
    assert (provenance["episodes"], provenance["updates"]) == (4, 2)
    assert (provenance["before"]["episodes"], provenance["before"]["updates"]) == (2, 3)


def test_without_privilege_a_person_takes_over(base, tmp_path):
    search = PlannerConfig(planner="noop")
    config = replace(base, out=tmp_path / "run", privileged=False, search=search)
    train(config)
    episodes = own(config)
    assert len(episodes) == 2
    for episode in episodes:
        assert np.isnan(episode.expert_actions).all() and np.isnan(episode.landmarks).all()
    with h5py.File(config.directory / "round_1/round_1.hdf5") as file:
        told = json.loads(file["data"].attrs["env_args"])
    assert told["demonstrator"] == "person" and told["search"]["planner"] == "noop"
    assert told["takes_over_from"] == str(config.directory / "round_0")
    watched = json.loads((config.directory / "watched.json").read_text())
    assert watched == {f"round_{i}": {"mastered": 0, "starts": 2} for i in range(2)}
    assert own(config, 2)[0].seed == 200_000  # of a round to come
    assert load_model(config.directory).config.provenance["privileged"] is False


def test_the_best_that_was_watched_is_the_result_and_where_rounds_begin(
    base, tmp_path, monkeypatch
):
    search = PlannerConfig(planner="noop")
    config = replace(base, out=tmp_path / "run", privileged=False, rounds=2, search=search)
    found = iter([(1, 4), (3, 4), (2, 4)])
    monkeypatch.setattr(rounds, "_outcomes", lambda *_: next(found))
    train(config)
    result, first = load_model(config.directory), load_model(config.directory / "round_1")
    assert result.sha256 == first.sha256
    last = load_model(config.directory / "round_2").config.provenance
    assert last["before"]["data"] == first.config.provenance["data"] == ["d.hdf5", "round_1.hdf5"]
    assert last["data"] == ["d.hdf5", "round_1.hdf5", "round_2.hdf5"]


@pytest.mark.parametrize("changes", [{"rounds": 0}, {"privileged": True}])
def test_settings_of_a_planner_that_nobody_watches_are_refused(base, changes):
    watched = replace(base, privileged=False, search=PlannerConfig(use_prior=False))
    with pytest.raises(UserError, match="nobody does: set rounds"):
        replace(watched, **changes)


def test_what_is_done_stays_and_only_the_missing_round_is_made(base, tmp_path):
    def stamps() -> dict[Path, int]:
        return {f: f.stat().st_mtime_ns for f in base.directory.glob("round_[01]/*.*")}

    before = stamps()
    train(replace(base, rounds=2))
    assert stamps() == before
    assert [episode.seed for episode in own(base, 2)] == [200_000, 200_001]
    assert load_model(base.directory).config.provenance["before"]["updates"] == 2


@pytest.mark.parametrize("name", ["round_episodes", "round_updates", "workers"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(UserError, match=f"{name} is 0"):
        TrainConfig(**{name: 0})
