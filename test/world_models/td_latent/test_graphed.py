"""What torch.compile makes of the imagination is the model's own."""

from __future__ import annotations

import shutil

import pytest
import torch

from wm_planner.planning import PlannerConfig, make_planner
from wm_planner.types import Latent
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.layers import SimNorm
from wm_planner.world_models.td_latent.graphed import GraphedTDLatent

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")
needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")


@pytest.mark.slow
@needs_compiler
def test_a_graph_agrees_with_pytorch_on_a_processor(model):
    assert_agrees(model, "cpu")


@needs_cuda
def test_a_cuda_graph_agrees_with_pytorch(model):
    assert_agrees(model.to("cuda"), "cuda")


def assert_agrees(model, device):
    z = SimNorm()(torch.randn(2, model.config.latent_size, device=device))
    latent, actions = Latent(z), torch.rand(2, 30, 3, 4, device=device) * 2 - 1
    graphed = GraphedTDLatent(model, torch.float32)
    with torch.inference_mode():
        first, wanted = graphed.rollout(latent, actions), model.rollout(latent, actions)
        graphed.rollout(latent, -actions)  # must not write into what the first call gave
    for a, b in zip(first, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


@needs_cuda
def test_planning_on_cuda_leaves_the_device_only_at_the_end(model):
    model = model.to("cuda")
    planner = make_planner(with_backend(model, "auto"), model.action_space, PlannerConfig())
    latent = Latent(SimNorm()(torch.randn(1, model.config.latent_size, device="cuda")))
    generator = torch.Generator("cuda").manual_seed(0)
    for _ in range(3):
        found = planner.plan(latent, None, generator)
    torch.cuda.synchronize()
    with torch.cuda.device(0):
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with pytest.warns(UserWarning) as warned:
                planner.plan(latent, None, generator)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert found.actions.isfinite().all()
    assert len(warned) <= 2  # is there a usable candidate, and how many were not
