"""Learn codes of what was done from frames alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.learning.heads_config import STEEPEST
from wm_planner.learning.refit import Clock, descend
from wm_planner.learning.video.config import VideoLearnConfig
from wm_planner.learning.video.frames import Video, read_videos
from wm_planner.processor import configure_torch
from wm_planner.provenance import git_revision, machine
from wm_planner.world_models.latent_actions import LatentActions, shrunk
from wm_planner.world_models.latent_actions_store import save_latent_actions
from wm_planner.world_models.levels import usage
from wm_planner.world_models.store import channels_last


def learn(config: VideoLearnConfig) -> Path:
    """Learn them, print which codes are used, and return the folder they were written to.

    A run that was interrupted leaves nothing, and begins again.
    """
    configure_torch(config.threads)
    torch.manual_seed(config.seed)
    network = replace(config.network, cameras=len(config.cameras))
    video = read_videos(list(config.data), config.cameras, network.image_size)
    model = LatentActions(network)
    channels_last(model)
    clock = Clock()
    optimise(model, video, config)
    used = usage(all_codes(model, video), network.levels)
    told = share_told(model, video, config.seed)
    print(
        f"{used.codes} of {network.levels**network.digits} codes are used, as many as "
        f"{used.perplexity:.0f} that are used alike; of what changes in the frames within "
        f"{network.ahead} steps {100 * told:.0f} % is told by the code"
    )
    provenance = {
        "data": [path.name for path in config.data],
        "episodes": len(video.spans),
        "frames": len(video.images),
        "updates": config.updates,
        "seed": config.seed,
        "codes": used.codes,
        "perplexity": round(used.perplexity, 1),
        "told": round(told, 3),
        "machine": machine("cpu"),
        "git": git_revision(),
        **clock.minutes(),
    }
    save_latent_actions(config.out, model, config.cameras, provenance)
    return config.out


def optimise(model: LatentActions, video: Video, config: VideoLearnConfig) -> None:
    """Take `config.updates` steps."""
    begins, ahead = pairs(video, model.config.ahead), model.config.ahead
    rng = np.random.default_rng(config.seed)
    change = _change(video, begins[:: max(1, len(begins) // 512)], ahead)

    def loss() -> Tensor:
        at = torch.from_numpy(rng.choice(begins, config.batch_size))
        now, later = video.images[at], video.images[at + ahead]
        seen = model.see(torch.cat([now, later]))
        foreseen = model.foresee(now, model.code(*seen.chunk(2)))
        return (foreseen - shrunk(later)).square().mean() / change

    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    descend(optimizer, loss, config.updates, STEEPEST, "latent actions")
    model.eval().requires_grad_(False)


def pairs(video: Video, ahead: int) -> np.ndarray:
    """Numbers of the frames that have another one `ahead` of them."""
    begins = np.concatenate([np.arange(x.start, max(x.start, x.stop - ahead)) for x in video.spans])
    if not len(begins):
        raise UserError(f"no episode is longer than {ahead} steps; give longer ones")
    return begins


@torch.no_grad()
def all_codes(model: LatentActions, video: Video) -> Tensor:
    """Digits (M, digits) of all pairs of frames."""
    seen, ahead = model.see(video.images), model.config.ahead
    begins = torch.from_numpy(pairs(video, ahead))
    return model.code(seen[begins], seen[begins + ahead])


@torch.no_grad()
def share_told(model: LatentActions, video: Video, seed: int) -> float:
    """How much of the squared change of pixels is foreseen, of 512 pairs."""
    ahead = model.config.ahead
    at = np.random.default_rng(seed).choice(pairs(video, ahead), 512)
    change = _change(video, at, ahead)
    seen = (model.see(video.images[at + i]) for i in (0, ahead))
    off = model.foresee(video.images[at], model.code(*seen)) - shrunk(video.images[at + ahead])
    return 1 - float(off.square().mean() / change)


def _change(video: Video, at: np.ndarray, ahead: int) -> Tensor:
    """() mean squared change of pixels within `ahead` steps from frames `at` on."""
    now, later = (shrunk(video.images[at + i]) for i in (0, ahead))
    return (later - now).square().mean().clamp_min(1e-8)
