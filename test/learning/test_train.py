"""Training learns, goes on where it was and writes a model that loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.module import LossConfig, TDLatentModule
from wm_planner.learning.rounds import train
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train import TrainConfig
from wm_planner.types import Latent
from wm_planner.world_models.store import load_model
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

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
    assert loaded.config.network == TINY
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


def test_a_finished_run_stays_as_it_is(dataset, tmp_path):
    before = load_model(train(settings(dataset, tmp_path / "run"))).sha256
    assert load_model(train(settings(dataset, tmp_path / "run"))).sha256 == before


def test_a_real_robots_data_without_labels_and_landmarks_trains(tmp_path):
    episodes = [toy_episode(seed, labelled=False) for seed in range(3)]
    data = write_dataset(tmp_path / "real.hdf5", episodes, simulated=False)
    loaded = load_model(train(settings(data, tmp_path / "run")))
    assert loaded.config.network.landmark_size == 0
    assert loaded.world_model.landmarks is None


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


@pytest.fixture(scope="module")
def learnt(tmp_path_factory) -> tuple[TDLatentModule, EpisodeStore, dict, dict]:
    return learn(TINY, tmp_path_factory.mktemp("toy") / "two.hdf5")


def learn(network: TDLatentConfig, path: Path) -> tuple[TDLatentModule, EpisodeStore, dict, dict]:
    """A tiny model after 500 updates on two toy episodes; losses before and after."""
    torch.manual_seed(1)
    store = EpisodeStore(
        [write_dataset(path, [toy_episode(seed, steps=30) for seed in range(2)])],
        ("front", "wrist"), 32, network.discount,
    )  # fmt: skip
    module = TDLatentModule(TDLatent(network), LossConfig(), updates=500)
    optimizer = torch.optim.AdamW(module.world_model.parameters(), 3e-3)
    (judged,) = islice(store.batches(3, 64, 0, 0.0, seed=9), 1)

    def losses() -> dict[str, float]:
        with torch.no_grad():
            return {name: float(loss) for name, loss in module.losses(judged).items()}

    before = losses()
    for batch in islice(store.batches(3, 16, 0, 0.0, seed=0), 500):
        optimizer.zero_grad()
        sum(getattr(module.config, k) * v for k, v in module.losses(batch).items()).backward()
        optimizer.step()
        module.on_train_batch_end()
    return module, store, before, losses()


@pytest.mark.parametrize(
    ("name", "factor"),
    [("landmarks", 10), ("reward", 5), ("value", 5), ("decoder", 2)],
)
def test_a_few_hundred_updates_learn_two_episodes_by_heart(learnt, name, factor):
    _, _, before, after = learnt
    assert after[name] < before[name] / factor


def test_the_learnt_model_predicts_rewards_better_than_no_change_does(learnt):
    module, store, *_ = learnt
    assert_predicts_rewards(module, store)


def test_two_hot_regression_learns_rewards_as_well(tmp_path):
    module, store, *_ = learn(replace(TINY, bins=101), tmp_path / "two.hdf5")
    assert_predicts_rewards(module, store)


def assert_predicts_rewards(module, store):
    """Imagined from the first frame alone, against no change."""
    (batch,) = islice(store.batches(3, 64, 0, 0.0, seed=5), 1)
    with torch.no_grad():
        z = module.world_model.encode_frames(batch.images[:, 0], batch.proprio[:, 0])
        imagined = module.world_model.rollout(Latent(z), batch.actions[:, None]).rewards[:, 0]
    error = (imagined - batch.rewards).square().mean()
    no_change = (batch.rewards[:, :1] - batch.rewards)[:, 1:].square().mean()
    assert error < no_change / 3


def test_the_learnt_prior_does_what_the_labels_say(learnt):
    module, store, *_ = learnt
    (batch,) = islice(store.batches(3, 64, 0, 0.0, seed=5), 1)
    with torch.no_grad():
        z = module.world_model.encode_frames(batch.images[:, 0], batch.proprio[:, 0])
        mean = module.world_model.prior_at(z).mean
    assert (mean.sign() == batch.labels[:, 0]).float().mean() > 0.95


def test_the_target_follows_the_value_slowly(learnt):
    module, *_ = learnt
    online, target = module.world_model.value.last.bias, module.target_value.last.bias
    with torch.no_grad():
        expected = target + module.config.target_rate * (online + 1 - target)
        online += 1
        module.on_train_batch_end()
        assert torch.allclose(target, expected)
        online -= 1


def test_the_losses_together_train_every_weight_and_no_target(dataset):
    torch.manual_seed(0)
    module = TDLatentModule(TDLatent(TINY), LossConfig(), 1)
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0), 1)
    sum(module.losses(batch).values()).backward()
    trained = {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained == {n for n, _ in module.named_parameters() if n.startswith("world_model.")}


def test_imagination_is_held_against_every_later_frame_and_steered_by_every_action(dataset):
    torch.manual_seed(0)
    module = TDLatentModule(TDLatent(TINY), LossConfig(), 1)
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0), 1)

    def consistency(part: str, index: int) -> float:
        changed = getattr(batch, part).clone()
        changed[:, index] = changed[:, index].flip(0)
        with torch.no_grad():
            return float(module.losses(batch._replace(**{part: changed}))["consistency"])

    unchanged = consistency("rewards", 0)  # which it does not depend on
    seen = [consistency("images", t) for t in range(4)] + [
        consistency("actions", t) for t in range(3)
    ]
    assert all(loss != pytest.approx(unchanged, rel=1e-6) for loss in seen)


def test_pictures_and_targets_give_the_encoder_no_gradient(dataset):
    module = TDLatentModule(TDLatent(TINY), LossConfig(), 1)
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0), 1)
    module.losses(batch)["decoder"].backward()
    trained = {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained and all(name.startswith("world_model.decoder") for name in trained)


@pytest.mark.parametrize(("observed", "expected"), [(0.5, 0.5), (-0.5, 0.0)])
def test_the_value_learns_the_better_of_observed_and_bootstrapped_return(
    dataset, observed, expected
):
    """Bootstrapped is 0 here: no reward and a target that says 0. So does the value itself."""
    module = TDLatentModule(TDLatent(TINY), LossConfig(), 1)
    for ensemble in (module.target_value, module.world_model.value):
        for parameter in ensemble.last.parameters():
            parameter.data.zero_()
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0), 1)
    batch = batch._replace(
        rewards=torch.zeros_like(batch.rewards),
        returns=torch.full_like(batch.returns, observed),
    )
    weight = 0.7 ** torch.arange(4)
    share = float(weight[:3].sum() / weight.sum())  # of the steps that have an action
    assert float(module.losses(batch)["value"]) == pytest.approx(share * expected**2)


def test_without_labels_the_prior_leans_to_what_paid_off(dataset):
    """Of two actions taken in like states, the one that did better than the value expected, 0."""
    torch.manual_seed(0)
    module = TDLatentModule(TDLatent(TINY), LossConfig(), 1)
    for parameter in module.target_value.last.parameters():
        parameter.data.zero_()
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(1, 2, 0, 0.0, seed=0), 1)
    batch = batch._replace(
        labels=torch.full_like(batch.labels, np.nan),
        returns=torch.tensor([[0.2, 0.2], [-0.2, -0.2]]),
        images=batch.images[:1].expand_as(batch.images),
        proprio=batch.proprio[:1].expand_as(batch.proprio),
        actions=torch.tensor([[[0.8, 0.8, 0.8, 1.0]], [[-0.8, -0.8, -0.8, -1.0]]]),
    )
    optimizer = torch.optim.Adam(module.world_model.prior.parameters(), 1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        module.losses(batch)["prior"].backward()
        optimizer.step()
    with torch.no_grad():
        z = module.world_model.encode_frames(batch.images[:1, 0], batch.proprio[:1, 0])
        assert (module.world_model.prior_at(z).mean > 0.3).all()


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
