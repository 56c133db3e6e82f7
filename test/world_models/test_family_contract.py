"""What holds for every family of world models, with every planner and task, in every precision."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_families import tiny, tiny_config, whole_losses
from toy_episodes import toy_episode, write_dataset

from wm_planner.assembly import build_pipeline
from wm_planner.envs.tasks import TASKS
from wm_planner.learning.module import WorldModelModule
from wm_planner.learning.precision import autocast
from wm_planner.learning.rounds import train
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.train_config import train_config
from wm_planner.planning import PLANNERS, PlannerConfig
from wm_planner.types import Latent, Observation, View
from wm_planner.world_models.families import FAMILIES, find_family
from wm_planner.world_models.store import LoadedModel, ModelConfig, load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice about loaders and loggers

B, N, H, A = 3, 5, 4, 4
CPU = torch.device("cpu")
SEARCH = PlannerConfig(samples=16, prior_samples=4, iterations=2, elites=4, horizon=3)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """To the bit; what is not known (NaN) in one is not known in the other."""
    return torch.equal(one.isnan(), other.isnan()) and torch.equal(
        one.nan_to_num(), other.nan_to_num()
    )


every_family = pytest.mark.parametrize("family", FAMILIES)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def observation(b: int = B, seed: int = 1) -> Observation:
    images = torch.randint(256, (b, 2, 3, 32, 32), generator=generator(seed), dtype=torch.uint8)
    return Observation(images, torch.randn(b, 8, generator=generator(seed)))


def actions(b: int = B) -> torch.Tensor:
    drawn = torch.rand(b, N, H, A, generator=generator()) * 2 - 1
    drawn[..., 3] = drawn[..., 3].sign()
    return drawn


def batch_of(tmp_path: Path, family: str):
    path = write_dataset(tmp_path / "toy.hdf5", [toy_episode(seed, 16) for seed in range(2)])
    store = EpisodeStore([path], ("front", "wrist"), 32, 0.97)
    (batch,) = islice(store.batches(min(8, FAMILIES[family].horizon), 6, 0, 0.0, seed=0), 1)
    unfelt = torch.arange(6)[:, None, None] < 2
    return batch._replace(proprio=batch.proprio.masked_fill(unfelt, torch.nan))


@every_family
def test_shapes(family):
    model = tiny(family)
    latent = model.encode(observation())
    assert latent.z.shape == (B, model.latent_size)
    assert model.advance(latent, actions()[:, 0, 0]).z.shape == latent.z.shape
    rollout = model.rollout(latent, actions())
    assert rollout.rewards.shape == (B, N, H)
    assert rollout.terminal_value.shape == rollout.disagreement.shape == (B, N)
    assert rollout.latents.shape == (B, N, H, model.latent_size)
    proposal = model.propose(latent, N, H, generator())
    assert proposal.actions.shape == (B, N, H, A)
    assert proposal.mean.shape == proposal.std.shape == (B, H, A)
    assert proposal.actions.abs().max() <= 1 and (proposal.std > 0).all()
    assert set(proposal.actions[..., 3].unique().tolist()) <= {-1.0, 1.0}
    assert model.decode(latent).shape == observation().images.shape


@every_family
def test_the_same_again(family):
    """Nothing is drawn but from the generator, and nothing is kept in the module."""
    model, other = tiny(family), tiny(family)

    def found(model, seed: int) -> tuple[torch.Tensor, ...]:
        latent = model.encode(observation(), model.example(B))
        imagined = model.rollout(latent, actions())
        return *latent, *imagined, *model.propose(latent, N, H, generator(seed))

    first = found(model, 2)
    model.encode(observation(seed=7))  # something else in between
    for again in (found(model, 2), found(other, 2)):
        assert all(map(same, first, again))
    drawn, otherwise = (found(model, seed)[-3] for seed in (2, 3))
    assert not torch.equal(drawn, otherwise)


@every_family
def test_a_batch_is_its_elements_one_by_one_to_the_bit(family):
    """Published code flipped 99 of 400 outcomes with the batch size."""
    model, together = tiny(family), {}
    generators = [generator(b) for b in range(B)]
    before = model.example(B)
    together["encoded"] = model.encode(observation(), before)
    together["advanced"] = model.advance(before, actions()[:, 0, 0])
    together["rollout"] = model.rollout(before, actions())
    together["proposal"] = model.propose(before, N, H, generators)
    for b in range(B):
        row = slice(b, b + 1)
        own = Latent(before.z[row])
        alone = {
            "encoded": model.encode(Observation(*(x[row] for x in observation()[:2])), own),
            "advanced": model.advance(own, actions()[row, 0, 0]),
            "rollout": model.rollout(own, actions()[row]),
            "proposal": model.propose(own, N, H, [generator(b)]),
        }
        for name, parts in alone.items():
            for one, all_of_them in zip(parts, together[name], strict=True):
                assert same(one, all_of_them[row]), name


@every_family
def test_advance_agrees_with_rollout(family):
    model = tiny(family)
    latent = model.encode(observation())
    imagined = model.rollout(latent, actions()).latents
    for h in range(H):
        latent = model.advance(latent, actions()[:, 2, h])
        assert torch.allclose(latent.z, imagined[:, 2, h], atol=1e-5)


@every_family
def test_branches_are_advances_by_each_action(family):
    model = tiny(family)
    latent = model.encode(observation())
    found = model.branches(latent, actions()[:, :, 0])
    for n in range(found.shape[1]):
        later = model.advance(latent, actions()[:, n, 0])
        assert torch.allclose(found[:, n], later.z, atol=1e-5)


@every_family
def test_actions_steer_what_is_imagined_and_cameras_what_is_believed(family):
    model = tiny(family)
    latent = model.encode(observation())
    one, other = (model.advance(latent, a * torch.ones(B, A)) for a in (-1.0, 1.0))
    assert not torch.allclose(one.z, other.z, atol=1e-5)
    seen = observation()
    for camera in range(2):
        images = seen.images.clone()
        images[:, camera] = 255 - images[:, camera]
        assert not torch.equal(model.encode(seen._replace(images=images)).z, latent.z)


@every_family
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_weight_learns_and_an_update_repeats_to_the_bit(family, precision, tmp_path):
    batch, own = batch_of(tmp_path, family), find_family(family)
    fresh = own.build(tiny_config(family))

    def gradients() -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        module = WorldModelModule(own.build(tiny_config(family)), whole_losses(family), 1)
        with autocast(getattr(torch, precision), CPU):
            total = module.weighted(module.losses.terms(batch, generator()))
        total.backward()
        trained = module.world_model.named_parameters()
        return {name: p.grad for name, p in trained if p.requires_grad and p.grad is not None}

    first, again = gradients(), gradients()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert all(gradient.isfinite().all() for gradient in first.values())
    silent = {name.split(".")[0] for name, gradient in first.items() if not gradient.any()}
    assert not silent
    unused = {"reward", "value", "prior", "success", "landmarks"}  # where there are no rewards
    every = {name.split(".")[0] for name, p in fresh.named_parameters() if p.requires_grad}
    assert every - {name.split(".")[0] for name in first} == (set() if own.rewards else unused)


@every_family
def test_a_model_survives_the_disk_to_the_bit(family, tmp_path):
    model = tiny(family)
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config)
    save_model(tmp_path / "toy", model, config)
    loaded = load_model(tmp_path / "toy")
    assert loaded.config == config and type(loaded.world_model) is type(model)
    latent, other = (m.encode(observation()) for m in (model, loaded.world_model))
    assert all(
        map(same, model.rollout(latent, actions()), loaded.world_model.rollout(other, actions()))
    )
    assert f"family: {family}" in (tmp_path / "toy" / "config.yaml").read_text()


@every_family
def test_training_goes_on_to_the_bit(family, tmp_path):
    data = write_dataset(tmp_path / "toy.hdf5", [toy_episode(seed, 16) for seed in range(2)])
    base = train_config(family)(
        data=(data,), out=tmp_path / "whole", updates=4, batch_size=4, horizon=4, shift=1,
        network=tiny_config(family), precision="float32",
    )  # fmt: skip
    train(base)
    halved = replace(base, out=tmp_path / "halved")
    stopped_after(halved, 2)
    train(halved)
    whole, resumed = (load_model(c.directory).world_model.state_dict() for c in (base, halved))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def stopped_after(config, updates: int) -> None:
    """Train, and be interrupted."""
    step = WorldModelModule.training_step

    def interrupted(module, *arguments):
        if module.global_step == updates:
            raise KeyboardInterrupt
        return step(module, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorldModelModule, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config)


@every_family
@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize("task", TASKS)
def test_every_planner_plans_alike_alone_and_among_others(family, planner, task):
    model = tiny(family)
    config = ModelConfig(task, "panda", ("front", "wrist"), 10.0, model.config)
    loaded = LoadedModel(model, config, "0" * 64, Path("nowhere"))
    running = build_pipeline(loaded, replace(SEARCH, planner=planner))
    if running.needs_goal:
        for i in range(3):
            running.set_goal(view(9, 0).frames, episode=i)

    def plans(seeds: list[int]) -> dict[int, list[torch.Tensor]]:
        running.reset_many(seeds)
        if running.needs_goal:
            for i, seed in enumerate(seeds):
                running.set_goal(view(9, seed).frames, i)
        found: dict[int, list[torch.Tensor]] = {seed: [] for seed in seeds}
        for step in range(3):
            views = {i: view(step, seed) for i, seed in enumerate(seeds)}
            thought = running.think_many(views)
            for i, seed in enumerate(seeds):
                found[seed].append(thought.plan.actions[i])
        return found

    together = plans([1, 2, 3])
    alone = plans([2])
    assert all(torch.equal(a, b) for a, b in zip(alone[2], together[2], strict=True))
    assert all(plan.isfinite().all() for plan in together[1])


def view(step: int, seed: int) -> View:
    rng = np.random.default_rng([step, seed])
    pictures = {name: rng.integers(0, 256, (32, 32, 3), np.uint8) for name in ("front", "wrist")}
    return View(pictures, rng.normal(size=8).astype(np.float32))


@every_family
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"image_size": 40}, "image_size 40"),
        ({"hidden_size": 2.5}, "hidden_size"),
        ({"cameras": 0}, "cameras"),
        ({"landmark_size": -1}, "landmark_size"),
        ({"discount": 1.0}, "discount 1.0"),
        ({"value_members": 1}, "value_members 1"),
        ({"channels": (8, 8, 8)}, "channels"),
        ({"switches": (4,)}, "switches"),
        ({"success": "yes"}, "success"),
    ],
)
def test_shapes_that_cannot_be_are_named(family, setting, message):
    with pytest.raises(ValueError, match=message):
        tiny_config(family, **setting)
