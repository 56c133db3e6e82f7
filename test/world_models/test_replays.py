"""What is recorded on a GPU is what the model computes, and stays what it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_families import tiny

from wm_planner.assembly import build_pipeline
from wm_planner.planning import PlannerConfig, make_planner
from wm_planner.types import Latent, Observation, View
from wm_planner.world_models.backend import measure_backends, with_backend
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.latent_model import one_by_one
from wm_planner.world_models.replays import Replays
from wm_planner.world_models.store import LoadedModel, ModelConfig

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")
every_family = pytest.mark.parametrize("family", FAMILIES)

SEARCH = PlannerConfig(samples=16, prior_samples=4, iterations=2, elites=4, horizon=3)


def observation(b: int, seed: int = 1) -> Observation:
    drawn = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (b, 2, 3, 32, 32), generator=drawn, dtype=torch.uint8)
    return Observation(images.cuda(), torch.randn(b, 8, generator=drawn).cuda())


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@every_family
def test_what_computes_a_model_changes_nothing_else_of_it(family):
    model, asked = tiny(family), []

    def run(function, *tensors):
        asked.append(function.__name__)
        return one_by_one(function, *tensors)

    other = model.run_by(run)
    latent = other.example(2)
    actions = torch.zeros(2, 3, 2, model.config.action_size)
    imagined = other.rollout(latent, actions)
    other.advance(latent, actions[:, 0, 0])
    other.propose(latent, 2, 3, torch.Generator().manual_seed(0))
    assert len(set(asked)) == len(asked) == 4, "a recording is known by its function's name"
    assert torch.equal(latent.z, model.example(2).z)
    assert torch.equal(imagined.latents, model.rollout(latent, actions).latents)
    assert len(asked) == 4, "and the model itself asks nobody"


@needs_cuda
@every_family
def test_a_recording_is_what_it_recorded(family):
    model = tiny(family).cuda()
    recorded = model.run_by(Replays())
    with torch.inference_mode():
        for b in (1, 3):
            first, second = model.encode(observation(b)), model.encode(observation(b, seed=2))
            found = recorded.encode(observation(b))
            recorded.encode(observation(b, seed=2))
            close(found.z, first.z)  # still, after the next
            actions = torch.rand(b, 7, 3, model.config.action_size, device="cuda") * 2 - 1
            for latent in (first, second):
                wanted, imagined = model.rollout(latent, actions), recorded.rollout(latent, actions)
                recorded.rollout(latent, -actions)
                for a, c in zip(imagined, wanted, strict=True):
                    close(a, c)
                step = actions[:, 0, 0]
                close(recorded.advance(latent, step).z, model.advance(latent, step).z)
                close(
                    recorded.encode(observation(b), latent).z,
                    model.encode(observation(b), latent).z,
                )
                drawn = [
                    world_model.propose(latent, 5, 3, torch.Generator("cuda").manual_seed(3))
                    for world_model in (recorded, model)
                ]
                for a, c in zip(*drawn, strict=True):
                    close(a, c)


@needs_cuda
@every_family
def test_recordings_are_faster_than_launches(family):
    found = measure_backends(tiny(family).cuda())
    assert set(found.ms) == {"float32", "eager"} and found.name == "float32", found


@needs_cuda
@every_family
def test_episodes_of_a_batch_that_shrinks_are_planned_on_a_gpu(family):
    model = tiny(family).cuda()
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config)
    loaded = LoadedModel(model, config, "0" * 64, Path("nowhere"))

    def plans() -> list[torch.Tensor]:
        pipeline = build_pipeline(loaded, SEARCH, "cuda")
        pipeline.reset_many(range(12))
        views = {i: view(i) for i in range(12)}
        if pipeline.needs_goal:
            for i in views:
                pipeline.set_goal(view(99).frames, i)
        found = []
        while views:
            found.append(pipeline.think_many(views).plan.actions.cpu())
            views.popitem()
        return found

    first, again = plans(), plans()
    assert all(plan.isfinite().all() for plan in first)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@needs_cuda
def test_a_model_that_is_told_what_to_do_is_recorded():
    model = tiny("td_latent", instruction_size=8, vocabulary=("lift", "cube")).cuda()
    recorded, told = model.run_by(Replays()), torch.tensor([[1, 2, 0, 0], [2, 0, 0, 0]]).cuda()
    for words in (told, told.flip(0)):
        seen = observation(2)._replace(instruction=words)
        close(recorded.encode(seen).z, model.encode(seen).z)


@needs_cuda
def test_planning_on_a_gpu_leaves_it_only_at_the_end():
    model = tiny("td_latent").cuda()
    planner = make_planner(with_backend(model, "float32"), model.action_space, SEARCH)
    latent = Latent(model.example().z)
    drawn = torch.Generator("cuda").manual_seed(0)
    for _ in range(3):
        found = planner.plan(latent, None, drawn)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with pytest.warns(UserWarning) as warned:
            planner.plan(latent, None, drawn)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert found.actions.isfinite().all()
    assert len(warned) <= 2  # is there a usable candidate, and how many were not


def view(seed: int) -> View:
    rng = np.random.default_rng(seed)
    frames = {
        camera: rng.integers(256, size=(32, 32, 3), dtype=np.uint8) for camera in ("front", "wrist")
    }
    return View(frames, rng.normal(size=8).astype(np.float32))
