"""How fast a world model learns on this machine."""

from __future__ import annotations

from typing import Any

import torch

from wm_planner.learning.module import WorldModelModule
from wm_planner.learning.precision import autocast
from wm_planner.timing import interleaved_ms
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.families import family_of
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.store import channels_last

_UPDATES = 4  # timed; the fastest counts


def updates_per_second(network: NetworkConfig, dtype: torch.dtype, device: torch.device) -> float:
    """Gradient steps a second on a batch of noise, of the size that the family usually takes.

    Making batches and logging take little more.
    """
    family = family_of(network)
    with torch.random.fork_rng(devices=[]):
        world_model = family.build(network).to(device)
        batch = _noise(network, family.batch_size, family.horizon, device)
    channels_last(world_model)
    module = WorldModelModule(world_model, family.loss_config(), updates=_UPDATES)
    generator = torch.Generator().manual_seed(0)
    configured: Any = module.configure_optimizers()
    optimizer = configured["optimizer"]

    def update() -> None:
        with autocast(dtype, device):
            total = module.weighted(module.losses.terms(batch, generator))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    return 1e3 / min(interleaved_ms({"update": update}, _UPDATES, device.type)["update"])


def _noise(network: NetworkConfig, b: int, horizon: int, device: torch.device) -> Batch:
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
        success=torch.zeros(b, horizon, device=device),
        instruction=torch.zeros(b, 1, dtype=torch.int64, device=device)
        if c.instruction_size
        else None,
    )
