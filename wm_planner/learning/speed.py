"""How fast a world model learns on this machine."""

from __future__ import annotations

from typing import Any

import torch

from wm_planner.evaluation.timing import interleaved_ms
from wm_planner.learning.module import LossConfig, TDLatentModule
from wm_planner.learning.precision import autocast
from wm_planner.learning.sequences import Batch
from wm_planner.world_models.store import channels_last
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig

_UPDATES = 4  # timed; the fastest counts


def updates_per_second(
    network: TDLatentConfig,
    dtype: torch.dtype,
    device: torch.device,
    batch_size: int = 128,
    horizon: int = 3,
) -> float:
    """Gradient steps a second on a batch of noise; making batches and logging take little more."""
    with torch.random.fork_rng(devices=[]):
        world_model = TDLatent(network).to(device)
        batch = _noise(network, batch_size, horizon, device)
    channels_last(world_model)
    module = TDLatentModule(world_model, LossConfig(), updates=_UPDATES)
    configured: Any = module.configure_optimizers()
    optimizer = configured["optimizer"]

    def update() -> None:
        with autocast(dtype, device):
            losses = module.losses(batch)
            total = sum(vars(module.config)[name] * loss for name, loss in losses.items())
        optimizer.zero_grad()
        total.backward()  # type: ignore[union-attr]
        optimizer.step()

    return 1e3 / min(interleaved_ms({"update": update}, _UPDATES, device.type)["update"])


def _noise(network: TDLatentConfig, b: int, horizon: int, device: torch.device) -> Batch:
    c, t = network, horizon + 1
    return Batch(
        images=torch.randint(
            256, (b, t, c.cameras, 3, c.image_size, c.image_size), dtype=torch.uint8, device=device
        ),
        proprio=torch.randn(b, t, c.proprio_size, device=device),
        actions=torch.rand(b, horizon, c.action_size, device=device) * 2 - 1,
        rewards=torch.rand(b, horizon, device=device),
        returns=torch.rand(b, t, device=device),
        labels=torch.rand(b, horizon, c.action_size, device=device) * 2 - 1,
        landmarks=torch.randn(b, t, c.landmark_size, device=device),
    )
