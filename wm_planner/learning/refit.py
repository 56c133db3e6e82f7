"""What fitting a part of a trained model anew has in common, whichever part it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm, trange

from wm_planner.errors import UserError
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.provenance import git_revision
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.network_config import NetworkConfig

_WARM_UP = 100  # updates


class Clock:
    """Minutes since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def minutes(self) -> dict[str, float]:
        """Of the wall clock and of the processor, by their names in the provenance."""
        return {
            "wall_minutes": round((time.monotonic() - self._wall) / 60, 1),
            "cpu_minutes": round((time.process_time() - self._cpu) / 60, 1),
        }


def described(
    datasets: Sequence[Path], store: EpisodeStore, updates: int, seed: int, clock: Clock
) -> dict[str, Any]:
    """Where the part that was fitted comes from, for the provenance."""
    return {
        "data": [path.name for path in datasets],
        "episodes": store.episodes,
        "updates": updates,
        "seed": seed,
        "git": git_revision(),
        **clock.minutes(),
    }


@torch.no_grad()
def encode_all(world_model: LatentModel, store: EpisodeStore) -> Tensor:
    """Latents (T, D) of all frames, each episode from its beginning on."""
    encoded = []
    for first, end in tqdm(
        list(zip(store.starts.tolist(), store.ends.tolist(), strict=True)),
        desc="encode",
        unit="episode",
    ):
        seen = (store.images[first:end], store.proprio[first:end], store.actions[first : end - 1])
        told = store.told(slice(first, end), world_model.config.vocabulary)
        images, proprio, actions = (part[None].to(world_model.device) for part in seen)
        encoded.append(world_model.filtered(images, proprio, actions, told)[0])
    return torch.cat(encoded)


def one_cycle(
    optimizer: torch.optim.Optimizer, peak: float, updates: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """A short way up to the peak of the learning rate, then a cosine to zero."""
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        peak,
        total_steps=updates + 1,
        pct_start=min(0.3, _WARM_UP / updates),
        cycle_momentum=False,
    )


def descend(
    optimizer: torch.optim.Optimizer,
    loss: Callable[[], Tensor],
    updates: int,
    steepest: float,
    label: str,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Take steps down `loss`, which is drawn anew each time, and call `after` each.

    From the optimiser's learning rate as the peak; gradients of a norm above `steepest` are cut.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    schedule = one_cycle(optimizer, optimizer.defaults["lr"], updates)
    with trange(updates, desc=label, unit="update") as bar:
        for update in bar:
            value = loss()
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(parameters, steepest)
            optimizer.step()
            schedule.step()
            after()
            if update % 50 == 0:
                bar.set_postfix_str(f"loss {value.item():.4f}", refresh=False)


def check_sizes(
    network: NetworkConfig, store: EpisodeStore, names: Sequence[str], data: str
) -> None:
    """A UserError where `names` of the data have other sizes; `data` says what to give instead."""
    sizes = {
        "proprio": (network.proprio_size, store.proprio),
        "actions": (network.action_size, store.actions),
        "landmarks": (network.landmark_size, store.landmarks),
    }
    for name in names:
        wanted, values = sizes[name]
        if wanted != (found := values.shape[-1]):
            raise UserError(
                f"{name} of the data have {found} numbers, the model takes {wanted}; give data of "
                f"{data}"
            )
