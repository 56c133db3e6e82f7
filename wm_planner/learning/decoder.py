"""Fit a trained model's decoder anew, on latents that stay as they are.

While a world model trains, its decoder chases latents that move, and is to show what they rightly
forget: light, colours and cameras drawn at random, frames shifted by more than a small thing
measures. Fitted at the end to the scene as it is (config/collect/nominal.yaml), it shows that one.
Nothing changes but `decoder.*`: what the model encodes, imagines and plans is the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.pictures import as_decoded


@dataclass(frozen=True)
class DecoderConfig(PictureConfig):
    """Fit the decoder of a trained model anew; nothing else of the model changes.

    Attributes:
        horizon: half of the latents are encoded, the others imagined up to so many steps ahead.
    """


def fit_decoder(config: DecoderConfig) -> Path:
    """Fit it, from the weights it has, and return the folder of the model; see `fit_pictures`."""

    def fit(world_model: LatentModel, store: EpisodeStore) -> LatentModel:
        moments = prepare(world_model, store)

        def drawn(generator: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
            return draw(world_model, moments, config.batch_size, config.horizon, generator)

        network = world_model.decoder
        usual = usually(store, world_model.device)
        descend_pictures(world_model, network, drawn, usual, config, "decoder")
        return world_model

    return fit_pictures(config, "decoder", fit)


@torch.no_grad()
def draw(
    world_model: LatentModel,
    moments: Moments,
    size: int,
    horizon: int,
    generator: torch.Generator,
) -> tuple[tuple[Tensor], Tensor]:
    """Latents (B, D) of moments at random, and their frames (B, V * C, h, w) in [-0.5, 0.5].

    Half of them are encoded, the others imagined from up to `horizon` steps before; where an
    episode is younger than that, the imagination begins with the episode.
    """
    shown = torch.randint(len(moments.frames), (size,), generator=generator)
    ahead = torch.randint(1, horizon + 1, (size,), generator=generator)
    ahead[: (size + 1) // 2] = 0
    ahead = torch.minimum(ahead, moments.since[shown])
    z = foreseen(world_model, moments, shown - ahead, ahead)
    return (z,), as_decoded(moments.frames[shown].to(z.device))
