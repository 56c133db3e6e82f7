"""The command on tiny models that are trained for two updates: rows, resuming, settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tiny_families import tiny_config
from toy_episodes import toy_episode, write_dataset

from wm_planner.commands.leaderboard import command, entries, figures, pictures, trying
from wm_planner.commands.leaderboard.command import leaderboard
from wm_planner.commands.leaderboard.config import LeaderboardConfig
from wm_planner.envs.tasks.grasp import Grasp
from wm_planner.errors import UserError
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.evaluation.world_model.effort import QUICK
from wm_planner.learning.train_config import TrainConfig, train_config
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.store import load_model

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers

KEYS = {
    "family", "task", "scene", "model", "sha256", "search", "planner", "prior", "without_prior",
    "noop", "plan_ms", "encode_ms", "play_fps", "updates_per_s", "batch_size", "batch_steps",
    "training", "parameters",
    "decoder_parameters", "horizon", "horizon_limit", "drift", "controllability", "decision",
    "reasons",
}  # fmt: skip
TINIEST = replace(
    QUICK, episodes=1, horizon=6, long=8, states=2, others=1, plan_states=1, plans=3, plan_steps=2,
    tail=1,
)  # fmt: skip


def tiny_training(family: str) -> Callable[..., TrainConfig]:
    """As the command trains, but small networks on small batches."""
    small = {"batch_size": 4, "horizon": 2, "shift": 1, "network": tiny_config(family)}

    def config(**options: Any) -> TrainConfig:
        return train_config(family)(**{**options, **small})

    return config


class Interrupted(Exception):
    """Somebody killed it."""


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grasp, "time_limit", 6)
        patch.setattr(entries, "train_config", tiny_training)
        patch.setattr(figures, "QUICK", TINIEST)
        patch.setattr(pictures, "_START", 2)
        patch.setattr(pictures, "_SECONDS", (0.0, 0.2))
        patch.setattr(
            trying, "GoalsConfig", partial(GoalsConfig, prefix=(0, 0), ahead=(0.5, 0.5), patience=1)
        )
        for name in ("td_latent", "jepa"):  # what is timed of their training
            patch.setitem(FAMILIES, name, replace(FAMILIES[name], batch_size=2, horizon=3))
        yield patch


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> LeaderboardConfig:
    folder = tmp_path_factory.mktemp("board")
    write_dataset(folder / "grasp.hdf5", [toy_episode(seed) for seed in range(4)])
    return LeaderboardConfig(
        families=("td_latent", "jepa"), data=folder, out=folder / "out", json=folder / "rows.json",
        updates=2, trials=1, workers=1, quick=True,
        searches={
            "td_latent": PlannerConfig(
                samples=8, prior_samples=4, elites=3, iterations=2, horizon=3
            ),
            "td_latent:goal": PlannerConfig(iterations=1),
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def result(patched, config) -> dict[str, Any]:
    """Of a run that was killed before it evaluated, and went on."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(command, "evaluated", refuse)
        leaderboard(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wm_planner.learning.rounds.fit", refuse)
        patch.setattr("wm_planner.commands.trials.run_in_process", refuse)
        patch.setattr("wm_planner.evaluation.goals.command.run_trial", refuse)
        return leaderboard(config)


def refuse(*_: Any, **__: Any) -> Any:
    raise Interrupted


def test_a_row_has_every_figure(result, config):
    written = json.loads(config.json.read_text())
    assert {"rows", "seeds", "machine", "budget", "answer", "quick", "git"} <= written.keys()
    assert written["machine"]["class"] and written["seeds"]["trials"] == [5_000_000, 5_000_000]
    row, other, blind = written["rows"]
    assert [(r["family"], r["task"]) for r in written["rows"]] == [
        ("td_latent", "grasp"), ("td_latent", "goal"), ("jepa", "goal")
    ]  # fmt: skip
    assert row.keys() == other.keys() == blind.keys() == KEYS
    searches = [tuple(r["search"].values()) for r in (row, other, blind)]
    assert searches == [(8, 2, 3), (128, 1, 5), (128, 4, 5)]
    assert other["sha256"] == row["sha256"] and other["controllability"] == row["controllability"]
    for planner in ("planner", "prior", "without_prior", "noop"):
        assert row[planner].keys() == {"successes", "n", "low", "high"} and row[planner]["n"] == 1
    assert 0 < row["plan_ms"]["p50"] <= row["plan_ms"]["p95"]
    assert row["parameters"] > row["decoder_parameters"] > 0
    assert row["play_fps"] > 0 and row["updates_per_s"] > 0 and row["training"]["updates"] == 2
    assert row["decision"].keys() == {"regret", "random_regret", "rank_correlation"}
    assert row["drift"] is None and "100 steps" in row["reasons"]["drift"]
    assert blind["decision"] is None and "knows no reward" in blind["reasons"]["decision"]
    assert blind["planner"]["n"] == blind["noop"]["n"] == 1 and blind["controllability"] is not None


def test_the_page_is_there_with_pictures_of_both_cameras(result, config):
    page = (config.out / "leaderboard.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2 and "A quick run" in page


def test_what_is_done_is_not_done_again(result, config, monkeypatch, patched):
    for name in (
        "wm_planner.learning.rounds.fit",
        "wm_planner.commands.trials.run_in_process",
        "wm_planner.evaluation.goals.command.run_trial",
        "wm_planner.commands.leaderboard.figures.evaluate_model",
        "wm_planner.commands.leaderboard.times.interleaved_ms",
        "wm_planner.commands.leaderboard.times.updates_per_second",
    ):
        monkeypatch.setattr(name, refuse)
    assert leaderboard(config)["rows"] == result["rows"]


@pytest.mark.parametrize("changes", [{"privileged": True}, {"training_seed": 1}, {"episodes": 2}])
def test_other_settings_are_not_mixed_with_what_is_there(result, config, changes, patched):
    with pytest.raises(UserError, match=f"{next(iter(changes)).removeprefix('training_')} was"):
        leaderboard(replace(config, **changes))


def test_minutes_are_updates_at_the_speed_that_was_measured_once(config, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "updates_per_second", lambda *_: 3.0)
    asked: list[int] = []
    monkeypatch.setattr(entries, "train", lambda wanted: asked.append(wanted.updates))
    timed = replace(config, minutes=0.5, out=tmp_path, quick=False)
    entry, *_ = entries.entries(timed)
    entries.model_of(entry, timed)
    monkeypatch.setattr(entries, "updates_per_second", refuse)
    entries.model_of(entry, timed)
    assert asked == [90, 90]


def test_a_taken_model_must_be_what_it_is_said_to_be(config):
    for given, expected in (
        ("td_latent:grasp=stack", "of family td_latent and task stack"),
        ("td_latent:grasp=nosuch", "unknown model"),
    ):
        with pytest.raises(UserError, match=expected):
            entries.entries(replace(config, models=(given,)))
    with pytest.raises(UserError, match="no such dataset"):
        entries.entries(replace(config, data=Path("nowhere")))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"families": ("nosuch",)}, "unknown family"),
        ({"tasks": ()}, "at least one"),
        ({"tasks": ("grasp", "grasp")}, "each once"),
        ({"seed": 4_999_999}, "5000000 or more"),
        ({"trials": 0}, "at least 1"),
        ({"minutes": -1.0}, "minutes"),
        ({"searches": {"nosuch": PlannerConfig()}}, "no row"),
        ({"searches": {"rssm:stack": PlannerConfig()}}, "no row"),
        ({"models": ("td_latent=x",)}, "family:task=folder"),
        ({"tasks": ("stack",), "models": ("td_latent:grasp=x",)}, "none of the tasks"),
        ({"models": ("td_latent:grasp=x", "td_latent:grasp=y")}, "twice"),
    ],
)
def test_bad_options_are_user_errors(options, expected):
    with pytest.raises(UserError, match=expected):
        LeaderboardConfig(**options)


def test_families_without_rewards_need_goal_pictures(config):
    with pytest.raises(UserError, match="add `goal` to --tasks"):
        entries.entries(replace(config, families=("jepa",), tasks=("grasp",), searches={}))
    (entry,) = entries.entries(replace(config, families=("jepa",), searches={}))
    assert (entry.task, entry.scene) == ("goal", "grasp")


def test_a_model_that_never_learned_without_proprioception_has_no_goal_row(config):
    taken = replace(config, families=("td_latent",), models=("td_latent:grasp=grasp_privileged",))
    grasp, goal = entries.entries(taken)
    model = load_model(entries.model_of(goal, taken))
    assert command._can_plan(grasp, model) and not command._can_plan(goal, model)
