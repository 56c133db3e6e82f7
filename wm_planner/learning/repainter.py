"""Fit a network to a trained model that paints what it imagines over what was seen last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.learning.picture_fit import (
    Moments,
    PictureConfig,
    descend_pictures,
    fit_pictures,
    foreseen,
    prepare,
    usually,
)
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.families import rebuilt
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.pictures import as_decoded


@dataclass(frozen=True)
class RepainterConfig(PictureConfig):
    """Fit to a trained model what paints its futures over the frames seen last: sharper pictures.

    Nothing else of the model changes. As a decoder, it shows the scene that it is fitted to: give
    data of one light and of cameras that stay where they are (config/collect/nominal.yaml).

    Attributes:
        horizon: moments are imagined up to so many steps ahead, mostly few.
    """

    updates: int = 4000
    horizon: int = 40
    learning_rate: float = 2e-3


class Pair(NamedTuple):
    """Moments that were seen, and what came of them."""

    imagined: Tensor  # (B, D)
    before: Tensor  # (B, D)
    seen: Tensor  # (B, V * C, h, w) in [-0.5, 0.5]
    wanted: Tensor  # (B, V * C, h, w)


def fit_repainter(config: RepainterConfig) -> Path:
    """Fit it, fresh where there is none, and return the folder of the model; see `fit_pictures`."""

    def fit(before: LatentModel, store: EpisodeStore) -> LatentModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            world_model = rebuilt(before, replace(before.config, repaint=True))
        assert world_model.repainter is not None
        moments = prepare(world_model, store)

        def drawn(generator: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
            pair = draw(world_model, moments, config.batch_size, config.horizon, generator)
            return pair[:3], pair.wanted

        network = world_model.repainter
        usual = usually(store, world_model.device)
        descend_pictures(world_model, network, drawn, usual, config, "repainter")
        return world_model

    return fit_pictures(config, "repainter", fit)


@torch.no_grad()
def draw(
    world_model: LatentModel,
    moments: Moments,
    size: int,
    horizon: int,
    generator: torch.Generator,
) -> Pair:
    """Moments at random, each imagined up to `horizon` steps ahead as far as its episode goes."""
    seen = torch.randint(len(moments.frames), (size,), generator=generator)
    ahead = (horizon + 1) * torch.rand(size, generator=generator).square()  # mostly few
    ahead = torch.minimum(ahead.long(), moments.left[seen])
    imagined = foreseen(world_model, moments, seen, ahead)
    seen_frames, wanted = (
        as_decoded(moments.frames[at].to(imagined.device)) for at in (seen, seen + ahead)
    )
    return Pair(imagined, moments.latents[seen], seen_frames, wanted)
