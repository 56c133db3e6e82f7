"""Collecting is repeatable, resumable and loses nothing finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.learning.behaviour import UNDISTURBED, Disturbance, follow_expert
from wm_planner.learning.collect import (
    EVALUATION_SEED,
    CollectConfig,
    _collect_one,
    collect,
)
from wm_planner.learning.drive import drive
from wm_planner.learning.episodes import Episode, read_episodes


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    """Four episodes by two workers."""
    out = tmp_path_factory.mktemp("collect") / "grasp.hdf5"
    return collect(CollectConfig(episodes=4, out=out, seed=30, workers=2, image_size=32))


def content(file: Path) -> dict[str, bytes]:
    """Every array and attribute of a dataset."""
    found = {}
    with h5py.File(file, "r") as source:

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            found.update({f"{name}@{k}": str(v).encode() for k, v in item.attrs.items()})
            if isinstance(item, h5py.Dataset):
                found[name] = item[()].tobytes()

        source.visititems(visit)
    return found


def test_the_layout_is_robomimics(collected):
    with h5py.File(collected, "r") as file:
        data = file["data"]
        assert set(data) == {f"demo_{i}" for i in range(4)}
        assert data.attrs["total"] == sum(data[d].attrs["num_samples"] for d in data)
        description = json.loads(data.attrs["env_args"])
        assert (description["env_name"], description["type"]) == ("grasp", 2)
        assert description["env_kwargs"]["image_size"] == 32
        for i in range(4):
            demo = data[f"demo_{i}"]
            n = demo.attrs["num_samples"]
            found = {
                name: (item.shape, item.dtype)
                for name in ("actions", "rewards", "dones", "expert_actions", "landmarks")
                for item in [demo[name]]
            }
            assert found == {
                "actions": ((n, 4), np.float32),
                "rewards": ((n,), np.float32),
                "dones": ((n,), np.uint8),
                "expert_actions": ((n, 4), np.float32),
                "landmarks": ((n, 4), np.float32),
            }
            assert set(demo["obs"]) == {"front_image", "wrist_image", "proprio"}
            for camera in ("front", "wrist"):
                frames = demo[f"obs/{camera}_image"]
                assert (frames.shape, frames.dtype) == ((n, 32, 32, 3), np.uint8)
            assert (demo["obs/proprio"].shape, demo["obs/proprio"].dtype) == ((n, 8), np.float32)
            assert demo.attrs["seed"] == 30 + i


def test_nothing_but_the_dataset_is_left(collected):
    assert [file.name for file in collected.parent.iterdir()] == ["grasp.hdf5"]


def test_episodes_hold_usable_numbers(collected):
    for episode in read_episodes(collected):
        assert 1 <= len(episode.actions) <= 70
        assert np.abs(episode.actions).max() <= 1
        assert ((episode.rewards >= 0) & (episode.rewards <= 1)).all()
        assert np.isfinite(episode.expert_actions).all()
        assert np.isfinite(episode.landmarks).all()
        assert np.abs(episode.expert_actions).max() <= 1
        assert not np.array_equal(episode.actions, episode.expert_actions), "never disturbed"
        assert episode.frames["front"].std() > 5


def test_the_same_seeds_give_the_same_dataset_whatever_the_number_of_workers(collected, tmp_path):
    config = CollectConfig(episodes=4, out=tmp_path / "g.hdf5", seed=30, workers=1, image_size=32)
    assert content(collect(config)) == content(collected)


def test_an_interrupted_collect_goes_on_from_what_is_finished(collected, tmp_path):
    config = CollectConfig(episodes=4, out=tmp_path / "g.hdf5", seed=30, workers=1, image_size=32)
    parts = tmp_path / "g.parts"
    parts.mkdir()
    _collect_one(config, parts, 31)
    with h5py.File(parts / "31.hdf5", "a") as file:
        file["data/demo_0"].attrs["kept"] = True
    (parts / "32.partial-4711").write_text("half an episode")
    collect(config)
    with h5py.File(tmp_path / "g.hdf5", "r") as file:
        assert ["kept" in file[f"data/demo_{i}"].attrs for i in range(4)] == [False, True] + [
            False
        ] * 2
    resumed = content(tmp_path / "g.hdf5")
    del resumed["data/demo_1@kept"]
    assert resumed == content(collected)
    assert [file.name for file in tmp_path.iterdir()] == ["g.hdf5"]


def test_episodes_of_other_settings_are_not_mixed_in(tmp_path):
    small = CollectConfig(episodes=1, out=tmp_path / "g.hdf5", image_size=32)
    (tmp_path / "g.parts").mkdir()
    _collect_one(small, tmp_path / "g.parts", 0)
    with pytest.raises(UserError, match=r"0\.hdf5: collected with other settings"):
        collect(CollectConfig(episodes=1, out=tmp_path / "g.hdf5", image_size=48))


def test_an_existing_dataset_is_not_overwritten(collected):
    before = collected.read_bytes()
    with pytest.raises(UserError, match=r"grasp\.hdf5: exists already"):
        collect(CollectConfig(episodes=1, out=collected))
    assert collected.read_bytes() == before


@pytest.mark.parametrize("seed", [EVALUATION_SEED, EVALUATION_SEED - 1, EVALUATION_SEED + 99])
def test_evaluation_seeds_are_refused(seed):
    with pytest.raises(UserError, match="evaluation"):
        CollectConfig(seed=seed, episodes=2)


def test_the_last_seeds_before_those_are_fine():
    assert EVALUATION_SEED == 5_000_000
    assert CollectConfig(seed=EVALUATION_SEED - 2, episodes=2).seed == 4_999_998


@pytest.mark.parametrize(
    "setting", [{"episodes": 0}, {"workers": 0}, {"task": "juggle"}, {"seed": -1}]
)
def test_settings_that_cannot_be_are_refused(setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        CollectConfig(**setting)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_collect_that_is_stopped_for_real_loses_nothing(tmp_path, how):
    out, parts = tmp_path / "g.hdf5", tmp_path / "g.parts"
    command = [sys.executable, "-m", "wm_planner.cli", "collect", "--episodes", "10"]
    command += ["--out", str(out), "--image-size", "32"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    while len(list(parts.glob("*.hdf5"))) < 3:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how), errors
    assert not out.exists()
    finished = sorted(parts.glob("*.hdf5"))
    assert 3 <= len(finished) < 10
    for file in finished:
        with h5py.File(file, "a") as part:
            part["data/demo_0"].attrs["kept"] = True
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with h5py.File(out, "r") as file:
        kept = {i for i in range(10) if "kept" in file[f"data/demo_{i}"].attrs}
    assert kept == {int(file.stem) for file in finished}
    assert [file.name for file in tmp_path.iterdir()] == ["g.hdf5"]


def test_a_person_leaves_nothing_privileged(tmp_path):
    config = CollectConfig(
        episodes=2, out=tmp_path / "g.hdf5", workers=1, image_size=32, demonstrator="person"
    )
    with h5py.File(collect(config)) as file:
        for demo in file["data"].values():
            assert set(demo) == {"obs", "actions", "dones"}
        assert json.loads(file["data"].attrs["env_args"])["demonstrator"] == "person"


def test_a_demonstrator_that_is_none_is_refused():
    with pytest.raises(UserError, match="'robot', expected expert or person"):
        CollectConfig(demonstrator="robot")


def test_an_episode_may_linger_where_the_task_is_done():
    env = ManipulationEnv(EnvConfig("grasp", image_size=32))

    def driven(linger: int) -> Episode:
        calm = Disturbance(UNDISTURBED, np.random.default_rng(0))
        return drive(env, 3, follow_expert, calm, env.task.time_limit, linger)

    short, long = driven(0), driven(7)
    env.close()
    assert short.success and long.success
    assert len(long.actions) == len(short.actions) + 7
    assert np.array_equal(long.actions[: len(short.actions)], short.actions)
    assert (short.lingered, long.lingered) == (0, 7)
    assert short.dones.tolist() == long.dones[:-7].tolist() and long.dones[-8:].all()


def test_play_is_random_and_labelled(tmp_path):
    config = CollectConfig(
        episodes=1, out=tmp_path / "play.hdf5", workers=1, image_size=32, demonstrator="play"
    )
    episode = next(read_episodes(collect(config)))
    assert not np.allclose(episode.actions, episode.expert_actions, atol=0.1)
    assert len(np.unique(episode.actions[:, 3])) == 2


@pytest.mark.parametrize("changes", [{"linger": -1}, {"demonstrator": "play", "model": Path("x")}])
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises(UserError, match=r"linger is -1|demonstrator is play"):
        CollectConfig(**changes)
