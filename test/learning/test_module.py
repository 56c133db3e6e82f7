"""The losses teach what they say, and a toy is learnt by heart."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.module import WorldModelModule
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.types import Latent
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig, TDLatentLossConfig

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers


def terms(module: WorldModelModule, batch: Batch) -> dict[str, torch.Tensor]:
    return module.losses.terms(batch, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory) -> tuple[WorldModelModule, EpisodeStore, dict, dict]:
    return learn(TINY, tmp_path_factory.mktemp("toy") / "two.hdf5")


def learn(network: TDLatentConfig, path: Path) -> tuple[WorldModelModule, EpisodeStore, dict, dict]:
    """A tiny model after 500 updates on two toy episodes; losses before and after.

    Its learning rate falls to zero, as in every training: at a constant one, weights and errors
    swing from update to update, and where they end depends on how the processor rounds.
    """
    torch.manual_seed(1)
    store = EpisodeStore(
        [write_dataset(path, [toy_episode(seed, steps=30) for seed in range(2)])],
        ("front", "wrist"), 32, network.discount,
    )  # fmt: skip
    module = WorldModelModule(
        TDLatent(network), TDLatentLossConfig(learning_rate=3e-3), updates=500
    )
    configured = module.configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    (judged,) = islice(store.batches(3, 64, 0, 0.0, seed=9), 1)

    def losses() -> dict[str, float]:
        with torch.no_grad():
            return {name: float(loss) for name, loss in terms(module, judged).items()}

    before = losses()
    for batch in islice(store.batches(3, 16, 0, 0.0, seed=0), 500):
        optimizer.zero_grad()
        module.weighted(terms(module, batch)).backward()
        module.configure_gradient_clipping()
        optimizer.step()
        schedule.step()
        module.losses.after_update()
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


@pytest.mark.slow
def test_two_hot_regression_learns_rewards_as_well(tmp_path):
    module, store, *_ = learn(replace(TINY, bins=101), tmp_path / "two.hdf5")
    assert_predicts_rewards(module, store)


def assert_predicts_rewards(module, store):
    """Imagined from the first frame alone, against no change."""
    (batch,) = islice(store.batches(3, 64, 0, 0.0, seed=5), 1)
    with torch.no_grad():
        z = module.world_model.embed(batch.images[:, 0], batch.proprio[:, 0])
        imagined = module.world_model.rollout(Latent(z), batch.actions[:, None]).rewards[:, 0]
    error = (imagined - batch.rewards).square().mean()
    no_change = (batch.rewards[:, :1] - batch.rewards)[:, 1:].square().mean()
    assert error < no_change / 8  # about a twentieth, whatever the seed and the processor


def test_the_learnt_prior_does_what_the_labels_say(learnt):
    module, store, *_ = learnt
    (batch,) = islice(store.batches(3, 64, 0, 0.0, seed=5), 1)
    with torch.no_grad():
        z = module.world_model.embed(batch.images[:, 0], batch.proprio[:, 0])
        mean = module.world_model.prior.at(z).mean
    assert (mean.sign() == batch.labels[:, 0]).float().mean() > 0.95


def test_the_target_follows_the_value_slowly(learnt):
    module, *_ = learnt
    online, target = module.world_model.value.last.bias, module.losses.target_value.last.bias
    with torch.no_grad():
        expected = target + module.config.target_rate * (online + 1 - target)
        online += 1
        module.losses.after_update()
        assert torch.allclose(target, expected)
        online -= 1


def test_the_losses_together_train_every_weight_and_no_target(dataset):
    torch.manual_seed(0)
    module = WorldModelModule(TDLatent(TINY), TDLatentLossConfig(), 1)
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0, unfelt=0.5), 1)
    assert batch.proprio.isnan().any()
    sum(terms(module, batch).values()).backward()
    trained = {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained == {n for n, _ in module.named_parameters() if n.startswith("world_model.")}


def test_imagination_is_held_against_every_later_frame_and_steered_by_every_action(dataset):
    torch.manual_seed(0)
    module = WorldModelModule(TDLatent(TINY), TDLatentLossConfig(), 1)
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0), 1)

    def consistency(part: str, index: int) -> float:
        changed = getattr(batch, part).clone()
        changed[:, index] = changed[:, index].flip(0)
        with torch.no_grad():
            return float(terms(module, batch._replace(**{part: changed}))["consistency"])

    unchanged = consistency("rewards", 0)  # which it does not depend on
    seen = [consistency("images", t) for t in range(4)] + [
        consistency("actions", t) for t in range(3)
    ]
    assert all(loss != pytest.approx(unchanged, rel=1e-6) for loss in seen)


def test_pictures_and_targets_give_the_encoder_no_gradient(dataset):
    module = WorldModelModule(TDLatent(TINY), TDLatentLossConfig(), 1)
    store = EpisodeStore([dataset], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(3, 8, 0, 0.0, seed=0), 1)
    terms(module, batch)["decoder"].backward()
    trained = {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained and all(name.startswith("world_model.decoder") for name in trained)


@pytest.mark.parametrize(("observed", "expected"), [(0.5, 0.5), (-0.5, 0.0)])
def test_the_value_learns_the_better_of_observed_and_bootstrapped_return(
    dataset, observed, expected
):
    """Bootstrapped is 0 here: no reward and a target that says 0. So does the value itself."""
    module = WorldModelModule(TDLatent(TINY), TDLatentLossConfig(), 1)
    for ensemble in (module.losses.target_value, module.world_model.value):
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
    assert float(terms(module, batch)["value"]) == pytest.approx(share * expected**2)


def test_without_labels_the_prior_leans_to_what_paid_off(dataset):
    """Of two actions taken in like states, the one that did better than the value expected, 0."""
    torch.manual_seed(0)
    module = WorldModelModule(TDLatent(TINY), TDLatentLossConfig(), 1)
    for parameter in module.losses.target_value.last.parameters():
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
        terms(module, batch)["prior"].backward()
        optimizer.step()
    with torch.no_grad():
        z = module.world_model.embed(batch.images[:1, 0], batch.proprio[:1, 0])
        assert (module.world_model.prior.at(z).mean > 0.3).all()


def test_latent_noise_disturbs_what_is_imagined_and_nothing_else(tmp_path):
    path = write_dataset(tmp_path / "two.hdf5", [toy_episode(seed, steps=30) for seed in range(2)])
    store = EpisodeStore([path], ("front", "wrist"), 32, TINY.discount)
    (batch,) = islice(store.batches(3, 16, 0, 0.0, seed=0), 1)
    torch.manual_seed(0)
    model, losses = TDLatent(TINY), []
    for noise in (0.0, 0.0, 0.5):
        with torch.no_grad():
            module = WorldModelModule(model, TDLatentLossConfig(latent_noise=noise), 10)
            losses.append(terms(module, batch))
    clean, again, noisy = losses
    assert clean["consistency"] == again["consistency"] != noisy["consistency"]
    assert clean["decoder"] == noisy["decoder"]


@pytest.mark.parametrize("noise", [-0.1, float("inf"), float("nan")])
def test_latent_noise_that_makes_no_sense_is_a_user_error(noise):
    with pytest.raises(UserError, match="latent_noise"):
        TDLatentLossConfig(latent_noise=noise)
