"""A model learns from its own tries and is replaced if it is no worse; kills lose nothing."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import h5py
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.cli import main
from wm_planner.commands import trials
from wm_planner.commands.improve import command, held_out
from wm_planner.commands.improve.command import improve
from wm_planner.commands.improve.config import ImproveConfig
from wm_planner.envs.randomization import Randomization
from wm_planner.errors import UserError
from wm_planner.evaluation.in_process import run_in_process
from wm_planner.learning import train, try_files
from wm_planner.learning.episodes import read_episodes
from wm_planner.learning.layout import PRIVILEGED
from wm_planner.learning.try_files import TryFiles
from wm_planner.world_models.store import load_model

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers


class Killed(BaseException):
    """Nobody catches it."""


@pytest.fixture(scope="module")
def done(small) -> ImproveConfig:
    """One round."""
    config = replace(small, rounds=1, trials=2)
    improve(config)
    return config


def result(folder: Path) -> dict[str, bytes]:
    """Models, verdicts and tries."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("model.safetensors", "gate.json", "improve.json")
        for path in sorted(folder.rglob(name))
    }
    found.pop("improve.json")  # it names the folder
    for path in sorted(folder.rglob("tries.hdf5")):
        for episode in read_episodes(path):
            arrays = (*episode.frames.values(), episode.proprio, episode.actions)
            found[f"{path.parent.name} {episode.seed}"] = b"".join(a.tobytes() for a in arrays)
    return found


def test_a_round_tries_trains_and_passes_the_gate(done):
    old, new = load_model(Path(done.model)), load_model(done.directory)
    assert new.sha256 == load_model(done.folder(1)).sha256 != old.sha256
    provenance = new.config.provenance
    assert provenance["data"] == ["d.hdf5", "tries.hdf5"]
    assert (provenance["taken"], provenance["tries"]["tries"]) == (True, 2)
    (verdict,) = provenance["gate"]
    assert (verdict["beside"], verdict["trials"]) == ("the old model", 10)
    assert provenance["prior"]["updates"] == 3 and provenance["prior"]["data"] == provenance["data"]
    assert provenance["before"] == old.config.provenance


def test_tries_hold_what_a_robot_knows(done):
    path = done.folder(1) / "tries.hdf5"
    with h5py.File(path) as file:
        for demo in file["data"].values():
            assert set(demo) == {"obs", "actions", "dones"}
            assert not set(demo) & set(PRIVILEGED)
            assert set(demo["obs"]) == {"front_image", "wrist_image", "proprio"}
    assert [episode.seed for episode in read_episodes(path)] == done.seeds(1)


def test_what_is_done_is_not_done_again(done, monkeypatch):
    for name in ("_go_through", "train", "tries_in_process"):
        monkeypatch.setattr(command, name, None)
    before = (done.directory / "improve.json").read_text()
    improve(done)
    assert (done.directory / "improve.json").read_text() == before


def die(*_: object, **__: object) -> NoReturn:
    raise Killed


def after(count: int, function):
    """`function`, until it was called so often."""
    calls = iter(range(count))

    def dying(*arguments, **named):
        if next(calls, None) is None:
            raise Killed
        return function(*arguments, **named)

    return dying


def dying_trials(*arguments):
    for i, trial in enumerate(run_in_process(*arguments)):
        if i == 3:
            raise Killed
        yield trial


def test_a_run_that_is_killed_at_every_stage_ends_as_one_that_was_not(done, tmp_path):
    config = replace(done, out=tmp_path / "killed")
    copying = command.shutil.copyfile
    for where, what, how in (
        (TryFiles, "add", die),
        (TryFiles, "add", after(1, TryFiles.add)),
        (try_files, "merge_episodes", die),
        (train.Export, "write", die),
        (trials, "run_in_process", dying_trials),
        (command, "write_json", die),
        (command, "write_config", die),
        (command.shutil, "copyfile", after(1, copying)),  # into the place of the best
    ):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            patch.setattr(where, what, how)
            improve(config)
    improve(config)
    assert result(config.directory) == result(done.directory)


def test_a_real_kill_changes_nothing(done, tmp_path):
    config = replace(done, out=tmp_path / "killed")
    program = (
        "import pickle, sys; from wm_planner.commands.improve.command import improve; "
        "improve(pickle.load(sys.stdin.buffer))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    process.stdin.write(pickle.dumps(config))
    process.stdin.close()
    log = config.directory / "held_out/grasp/trials.jsonl"
    deadline = time.monotonic() + 100
    while not (log.exists() and log.stat().st_size) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (config.folder(1) / "gate.json").exists()
    improve(config)
    assert result(config.directory) == result(done.directory)


def test_a_worse_model_is_not_taken_and_the_old_one_stays(small, tmp_path, monkeypatch):
    def outcomes(config, standing, task):
        good = standing.name == command.OLD
        return {seed: good for seed in range(10)}

    monkeypatch.setattr(held_out, "_outcomes", outcomes)
    config = replace(small, out=tmp_path / "worse")
    found = improve(config)
    assert found["best"] == command.OLD
    assert [verdict["taken"] for verdict in found["rounds"]] == [False, False]
    for name in ("model.safetensors", "config.yaml"):
        kept = (config.directory / name).read_bytes()
        assert kept == (Path(config.model) / name).read_bytes()
    # the second round goes on from the old model, and on the tries of both
    provenance = load_model(config.folder(2)).config.provenance
    assert provenance["before"] == load_model(Path(config.model)).config.provenance
    assert provenance["data"] == ["d.hdf5", "tries.hdf5", "tries.hdf5"]


def test_small_steps_down_are_no_way_around(small, tmp_path, monkeypatch):
    """Each is within the margin of the last one, the second not of the first."""
    successes = {command.OLD: 10, "the model of round 1": 9, "the model of round 2": 8}

    def outcomes(config, standing, task):
        return {seed: seed < successes[standing.name] for seed in range(10)}

    monkeypatch.setattr(held_out, "_outcomes", outcomes)
    config = replace(small, out=tmp_path / "down", margin=0.1)
    found = improve(config)
    assert [verdict["taken"] for verdict in found["rounds"]] == [True, False]
    assert [v["beside"] for v in found["rounds"][1]["gate"]] == [*successes][:2]
    # what the second round began from was the first one's
    assert load_model(config.folder(2)).config.provenance["before"]["round"] == 1


def test_settings_that_changed_are_named(done):
    with pytest.raises(UserError, match="updates was 2, is now 3; go on with those, or"):
        improve(replace(done, updates=3))
    improve(replace(done, workers=2))  # another machine may have more cores


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"trials": 0}, "trials is 0, expected at least 1"),
        ({"rounds": 5}, "rounds is 5, more than the 4 trials"),
        ({"held_out": 9}, "held_out is 9, expected at least 10"),
        ({"seed": 3_999_997}, "seeds 3999997 to 4000000 of the tries reach into those held out"),
        ({"seed": 5_000_000}, "choose a smaller --seed"),
        ({"noise": 2.0}, "noise is 2.0, expected 0 to 1"),
        ({"exploration": -1.0}, "exploration is -1.0, expected 0 to"),
        ({"judge": "nobody"}, "judge is 'nobody', expected task or person"),
        ({"judge": "person"}, "--judge person needs --ros"),
        ({"model": ""}, "which model is to improve"),
        ({"model": "jepa_grasp"}, "is of family jepa, which knows no task"),
        ({"model": "grisp"}, "unknown model 'grisp': known are"),
        ({"data": ()}, r"no data: the datasets .* was trained on \(d.hdf5\)"),
        ({"data": (Path("no.hdf5"),)}, "no.hdf5: no such dataset"),
        ({"tasks": ("stack",)}, "task 'stack': the model knows 'grasp' only"),
    ],
)
def test_what_cannot_be_is_refused(small, tmp_path, changes, complaint):
    with pytest.raises(UserError, match=complaint):
        improve(replace(small, **{"out": tmp_path / "refused", **changes}))
    assert not (tmp_path / "refused").exists()


def test_the_model_itself_is_not_overwritten(small):
    with pytest.raises(UserError, match="is the model itself, which is kept"):
        improve(replace(small, out=Path(small.model)))


def test_the_command_line_knows_it(done, capsys):
    assert (
        main(["improve", "--model", done.model, "--data", str(done.data[0]), "--held-out", "3"])
        == 2
    )
    assert "held_out is 3" in capsys.readouterr().err


@pytest.mark.slow
def test_all_tasks_that_the_model_knew_are_tried_again_at_the_gate(small, tmp_path):
    texts = {"grasp": "lift the red cube", "stack": "put the red cube on the blue cube"}
    data = []
    for task, text in texts.items():
        episodes = [toy_episode(seed, labelled=False)._replace(instruction=text) for seed in (0, 2)]
        data.append(write_dataset(tmp_path / f"{task}.hdf5", episodes, simulated=False))
        with h5py.File(data[-1], "a") as file:
            file["data"].attrs["env_args"] = json.dumps({"env_name": task})
    words = replace(TINY, instruction_size=8)
    train.fit(train.TrainConfig(updates=2, batch_size=4, network=words), data, tmp_path / "old")
    config = replace(
        small, model=str(tmp_path / "old"), data=tuple(data), task="stack", rounds=1, trials=2,
        out=tmp_path / "improved",
    )  # fmt: skip
    improve(config)
    new = load_model(config.directory).config
    assert new.tasks == ("grasp", "stack")
    assert [verdict["task"] for verdict in new.provenance["gate"]] == ["grasp", "stack"]
    tries = list(read_episodes(config.folder(1) / "tries.hdf5"))
    assert {episode.instruction for episode in tries} == {texts["stack"]}
    with pytest.raises(UserError, match="task 'sort': the model knows 'grasp, stack' only"):
        improve(replace(config, task="sort", out=tmp_path / "refused"))


@pytest.mark.slow
def test_it_improves_over_ros(small, tmp_path):
    """Tries and held-out trials on two nodes; the model is the one of a run in process."""
    config = replace(small, rounds=1, trials=2, noise=0.0, randomization=Randomization())
    results = []
    for ros in (False, True):
        own = replace(config, out=tmp_path / str(ros), ros=ros)
        assert improve(own)["rounds"][0]["tries"]["failures"] == 2
        results.append([e.actions for e in read_episodes(own.folder(1) / "tries.hdf5")])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
