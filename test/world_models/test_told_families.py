"""What holds for every family that can be told what to do."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tiny_families import tiny, tiny_config
from toy_episodes import toy_episode, write_dataset

from wm_planner.assembly import build_pipeline
from wm_planner.assignments import NoInstruction
from wm_planner.errors import UserError
from wm_planner.learning.module import WorldModelModule
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlannerConfig
from wm_planner.types import Observation, View
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.model_config import ModelConfig
from wm_planner.world_models.store import LoadedModel, load_model, save_model
from wm_planner.world_models.words import tokens

WORDS = ("blue", "cube", "lift", "put", "red", "the")
LIFT, PUT = "lift the red cube", "put the red cube the blue cube"
SEARCH = PlannerConfig(samples=16, prior_samples=4, iterations=2, elites=4, horizon=3)
told_families = pytest.mark.parametrize(
    "family", [name for name, family in FAMILIES.items() if family.words]
)


def told(family: str) -> LatentModel:
    """A tiny model that heeds what it is told, as one that has learned does."""
    model = tiny(family, instruction_size=8, vocabulary=WORDS)
    torch.nn.init.normal_(model.encoder.heed.change.weight)
    return model


def loaded(model: LatentModel) -> LoadedModel:
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config)
    return LoadedModel(model, config, "0" * 64, Path("nowhere"))


def observation(*instructions: str) -> Observation:
    """The same frames for each of these."""
    b, generator = len(instructions), torch.Generator().manual_seed(1)
    images = torch.randint(256, (1, 2, 3, 32, 32), generator=generator, dtype=torch.uint8)
    proprio = torch.randn(1, 8, generator=generator)
    seen = images.expand(b, -1, -1, -1, -1), proprio.expand(b, -1)
    return Observation(*seen, tokens(instructions, WORDS))


def view(step: int) -> View:
    rng = np.random.default_rng(step)
    pictures = {name: rng.integers(0, 256, (32, 32, 3), np.uint8) for name in ("front", "wrist")}
    return View(pictures, rng.normal(size=8).astype(np.float32))


@told_families
def test_the_latent_holds_what_is_to_be_done(family):
    model = told(family)
    latent = model.encode(observation(LIFT, PUT, LIFT))
    assert torch.equal(latent.z[0], latent.z[2])
    assert not torch.allclose(latent.z[0], latent.z[1], atol=1e-4)
    later = model.advance(latent, torch.zeros(3, 4))
    assert not torch.allclose(later.z[0], later.z[1], atol=1e-4)
    alone = model.encode(observation(LIFT))  # shorter than the other: no word too many
    assert torch.equal(alone.z[0], latent.z[0])


@told_families
def test_a_model_with_words_must_be_told_and_one_without_must_not(family):
    seen = observation(LIFT)
    with pytest.raises(UserError, match=r"no instruction.*it knows the words blue, cube, lift"):
        told(family).encode(seen._replace(instruction=None))
    with pytest.raises(UserError, match="there is an instruction, but the model knows no words"):
        tiny(family).encode(seen)


@told_families
def test_words_and_their_order_are_learned(family, tmp_path):
    episodes = [toy_episode(i, 16)._replace(instruction=text) for i, text in enumerate((LIFT, PUT))]
    path = write_dataset(tmp_path / "toy.hdf5", episodes)
    store = EpisodeStore([path], ("front", "wrist"), 32, 0.97)
    horizon = min(8, FAMILIES[family].horizon)
    (batch,) = islice(store.batches(horizon, 6, 0, 0.0, seed=0, vocabulary=WORDS), 1)
    model = told(family).train().requires_grad_(True)
    module = WorldModelModule(model, FAMILIES[family].loss_config(), 1)
    module.weighted(module.losses.terms(batch, torch.Generator().manual_seed(0))).backward()
    found = {name: p.grad for name, p in model.encoder.heed.named_parameters()}
    assert all(grad.isfinite().all() and grad.any() for grad in found.values()), found.keys()
    assert not found["text.words.weight"][0].any(), "no word is no word"


@told_families
def test_words_survive_the_disk_and_models_from_before_words_load(family, tmp_path):
    model = told(family)
    save_model(tmp_path / "told", model, loaded(model).config)
    again = load_model(tmp_path / "told")
    assert again.config.network.vocabulary == WORDS
    seen = observation(LIFT)
    assert torch.equal(again.world_model.encode(seen).z, model.encode(seen).z)
    silent = tiny(family)
    save_model(tmp_path / "old", silent, loaded(silent).config)
    file = tmp_path / "old" / "config.yaml"
    values = yaml.safe_load(file.read_text())
    for name in ("instruction_size", "vocabulary"):
        del values["network"][name]
    file.write_text(yaml.safe_dump({**values, "format": 3}))
    assert load_model(tmp_path / "old").config.network == tiny_config(family)


@told_families
@pytest.mark.parametrize("planner", ["prior", "mppi"])
def test_episodes_are_told_different_things_and_planned_alike_alone_and_among_others(
    family, planner
):
    running = build_pipeline(loaded(told(family)), replace(SEARCH, planner=planner))

    def plans(*instructions: str) -> list[torch.Tensor]:
        running.reset_many([0] * len(instructions))
        running.assignments.tell(instructions)
        return [
            running.think_many({i: view(step) for i in range(len(instructions))}).plan.actions
            for step in range(2)
        ]

    for alone, among, step in zip(plans(PUT), plans(LIFT, PUT, LIFT), range(2), strict=True):
        assert torch.equal(alone[0], among[1]), step
        assert not torch.equal(among[0], among[1]), step


def silent_pipeline() -> Pipeline:
    return build_pipeline(loaded(tiny("td_latent")), SEARCH)


def test_a_pipeline_waits_for_words_that_its_model_knows():
    running = build_pipeline(loaded(told("td_latent")), SEARCH)
    assert running.needs_instruction and not silent_pipeline().needs_instruction
    with pytest.raises(NoInstruction, match="waiting for an instruction"):
        running.think(*view(0)[:2])
    with pytest.raises(UserError, match="does not know hammer; it knows the words blue"):
        running.set_instruction("lift the hammer")
    running.set_instruction("Lift the red cube!")
    running.think(*view(0)[:2])
    running.reset(seed=1)
    running.think(*view(0)[:2])  # it holds until there is another
    running.set_instruction(None)
    with pytest.raises(NoInstruction):
        running.think(*view(0)[:2])


def test_a_model_without_words_is_told_nothing():
    running = silent_pipeline()
    running.assignments.tell([LIFT])  # as a simulation does, whatever the model
    running.think(*view(0)[:2])
    with pytest.raises(UserError, match=r"knows no words.*network\.instruction_size 32"):
        running.set_instruction(LIFT)


def test_compiled_imagination_needs_to_know_nothing_of_words():
    """The words are in the latent it begins at."""
    sizes = {"latent_size": 128, "hidden_size": 32}
    model = tiny("td_latent", instruction_size=8, vocabulary=WORDS, **sizes)
    torch.nn.init.normal_(model.encoder.heed.change.weight)
    plans = []
    for backend in ("eager", "float32"):
        running = build_pipeline(loaded(model), replace(SEARCH, backend=backend))
        assert (running.world_model is model) == (backend == "eager")
        running.reset_many([0, 0])
        running.assignments.tell([LIFT, PUT])
        plans.append(running.think_many({0: view(0), 1: view(0)}).plan)
    assert torch.allclose(plans[0].actions, plans[1].actions, atol=1e-3)
    assert not torch.allclose(plans[0].expected_return[0], plans[0].expected_return[1])
