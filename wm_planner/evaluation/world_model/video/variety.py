"""Do several samples of the future differ where it is uncertain, and agree where it is not?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.video.likeness import unit
from wm_planner.evaluation.world_model.video.reel import Reel
from wm_planner.interfaces import Decodable, Sampled


class Variety(NamedTuple):
    """Standard deviation of a pixel over samples, of 255, after each of S numbers of steps."""

    steps: tuple[int, ...]
    samples: int
    moving: Tensor  # (S,) pixels that the truth has changed since the start
    still: Tensor  # (S,) all others: nothing is uncertain there


@torch.inference_mode()
def variety(model: Sampled, reel: Reel, steps: tuple[int, ...], samples: int, seed: int) -> Variety:
    """Of `samples` futures from each start, all with the actions that were taken."""
    assert isinstance(model, Decodable)
    generator = torch.Generator().manual_seed(seed)
    seen = reel.seen.repeated(samples)
    latent = seen.latent
    actions, found = reel.actions().repeat_interleave(samples, 0), []
    now = unit(reel.real(0))
    for k in range(1, max(steps) + 1):
        latent = model.sample(latent, actions[:, k - 1], generator)
        if k in steps:
            frames = unit(model.decode(latent, seen))  # (W * S, V, C, h, w)
            frames = frames.unflatten(0, (-1, samples))
            spread = 255 * frames.std(1).mean(2)  # (W, V, h, w)
            moved = (unit(reel.real(k)) - now).abs().amax(2) > 0.1
            found.append([_mean(spread[moved]), _mean(spread[~moved])])
    moving, still = torch.tensor(found).T
    return Variety(steps, samples, moving, still)


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else float("nan")
