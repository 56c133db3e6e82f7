"""Training learns, goes on where it was and writes a model that loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import yaml
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.module import WorldModelModule
from wm_planner.learning.rounds import train
from wm_planner.learning.train_config import TrainConfig
from wm_planner.world_models.store import load_model
from wm_planner.world_models.td_latent import TDLatentLossConfig

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers


def settings(dataset: Path, out: Path, **changes) -> TrainConfig:
    """Three small updates."""
    base = TrainConfig(out=out, updates=3, batch_size=8, horizon=2, shift=1, network=TINY)
    return replace(base, **{"data": (dataset,), **changes})


def updates(folder: Path) -> int:
    return load_model(folder).config.provenance["updates"]


def checkpoint(folder: Path) -> dict:
    return torch.load(folder / "round_0" / "checkpoints" / "last.ckpt", weights_only=True)


def test_three_updates_write_a_model_that_loads(dataset, tmp_path):
    folder = train(settings(dataset, tmp_path / "run"))
    loaded = load_model(folder)
    assert loaded.config.task == "grasp"
    assert loaded.config.cameras == ("front", "wrist")
    assert loaded.config.control_rate_hz == 10.0
    assert loaded.config.network == replace(TINY, landmark_size=8), "of keyframes"
    known = {"data": ["toy.hdf5"], "episodes": 4, "steps": 48, "seed": 0, "updates": 3}
    assert known.items() <= loaded.config.provenance.items()
    assert list(folder.glob("round_0/logs/events.out.tfevents.*")), "no TensorBoard log"


def test_the_same_seed_trains_the_same_model(dataset, tmp_path):
    models = [
        load_model(train(settings(dataset, tmp_path / name, seed=seed))).sha256
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert models[0] == models[1] != models[2]


def test_snapshots_are_models_of_their_own(dataset, tmp_path):
    folder = train(settings(dataset, tmp_path / "run", snapshots=(1, 2)))
    assert [updates(folder / f"round_0/step_{n}") for n in (1, 2)] == [1, 2]
    hashes = {
        load_model(f).sha256 for f in (folder, folder / "round_0/step_1", folder / "round_0/step_2")
    }
    assert len(hashes) == 3


def test_a_run_goes_on_from_its_checkpoint(dataset, tmp_path):
    folder = train(settings(dataset, tmp_path / "run", updates=4))
    first = checkpoint(folder)
    assert first["global_step"] == 4
    again = train(settings(dataset, tmp_path / "run", updates=6, snapshots=(1, 2, 3, 4, 5)))
    assert checkpoint(again)["global_step"] == updates(again) == 6
    assert {path.name for path in again.glob("round_0/step_*")} == {"step_5"}, "it started again"


def interrupted_at(monkeypatch, update: int, interrupt: Callable[[], None]) -> None:
    """Let the training's next run be interrupted during that update, counted from 1."""
    step = WorldModelModule.training_step

    def interrupted_step(module: WorldModelModule, *arguments):
        if module.global_step == update - 1:
            monkeypatch.setattr(WorldModelModule, "training_step", step)
            interrupt()
        return step(module, *arguments)

    monkeypatch.setattr(WorldModelModule, "training_step", interrupted_step)


def fail() -> None:
    raise RuntimeError("out of luck")


@pytest.mark.parametrize(
    ("interrupt", "raises"),
    [(lambda: os.kill(os.getpid(), signal.SIGINT), KeyboardInterrupt), (fail, RuntimeError)],
    ids=["Ctrl-C", "failure"],
)
def test_a_resumed_training_ends_where_one_in_one_go_does(
    dataset, tmp_path, monkeypatch, interrupt, raises
):
    """To the bit: weights, the value's target, optimiser; latent noise and batches are the same."""
    config = settings(
        dataset, tmp_path / "whole", updates=6, loss=TDLatentLossConfig(latent_noise=0.1)
    )
    whole = checkpoint(train(config))
    config = replace(config, out=tmp_path / "run")
    interrupted_at(monkeypatch, 4, interrupt)
    with pytest.raises(raises):
        train(config)
    assert checkpoint(config.directory)["global_step"] in (3, 4)
    resumed = checkpoint(train(config))
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert_equal(resumed[part], whole[part])


def assert_equal(a, b) -> None:
    """Nested dictionaries, lists, numbers and tensors are the same to the bit."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = list(a.values()), list(b.values())
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal(x, y)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_a_finished_run_stays_as_it_is(dataset, tmp_path):
    before = load_model(train(settings(dataset, tmp_path / "run"))).sha256
    assert load_model(train(settings(dataset, tmp_path / "run"))).sha256 == before


def test_a_real_robots_data_without_labels_and_landmarks_trains(tmp_path):
    episodes = [toy_episode(seed, labelled=False) for seed in range(3)]
    data = write_dataset(tmp_path / "real.hdf5", episodes, simulated=False)
    loaded = load_model(train(settings(data, tmp_path / "run")))
    assert loaded.config.provenance["privileged"] is False
    assert loaded.config.network.landmark_size == 8, "what proprioception will be at a keyframe"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cameras": ("front", "ceiling")}, r"lacks \['ceiling'\]"),
        ({"horizon": 12}, "longer than 12 steps"),
        ({"robot": "ur5"}, "unknown robot 'ur5'"),
        ({"data": (Path("gone.hdf5"),)}, r"gone\.hdf5: no such dataset"),
        ({"device": "abacus"}, "device 'abacus'"),
    ],
)
def test_what_cannot_be_trained_is_named(dataset, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        train(settings(dataset, tmp_path / "run", **changes))


@pytest.mark.parametrize("name", ["updates", "batch_size", "horizon", "threads"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(UserError, match=f"{name} is 0"):
        TrainConfig(**{name: 0})


@pytest.mark.slow
def test_an_interrupted_training_goes_on(dataset, tmp_path):
    """Ctrl-C on the real command: exit code 130, then the rest of the updates."""
    options = tmp_path / "train.yaml"
    network = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(TINY).items()}
    values = {"data": [str(dataset)], "out": str(tmp_path / "run"), "updates": 600,
              "batch_size": 8, "snapshots": [20, 600], "network": network}  # fmt: skip
    options.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "wm_planner.cli", "train", "--config", str(options)]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while not (tmp_path / "run/round_0/step_20/config.yaml").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    reached = checkpoint(tmp_path / "run")["global_step"]
    assert 20 <= reached < 600
    (tmp_path / "run/round_0/step_20/config.yaml").unlink()
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert updates(tmp_path / "run") == 600
    assert not (tmp_path / "run/round_0/step_20/config.yaml").exists(), "it started again"


def test_unknown_proprioception_needs_what_stands_in_for_it():
    with pytest.raises(UserError, match=r"unfelt is 0\.1, but network\.unfelt is false"):
        TrainConfig(network=replace(TINY, unfelt=False))
    with pytest.raises(UserError, match=r"unfelt is 1\.5.*probability"):
        TrainConfig(unfelt=1.5)
