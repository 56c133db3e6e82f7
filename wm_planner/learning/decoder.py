"""Fit a trained model's decoder anew, on latents that stay as they are.

While a world model trains, its decoder chases latents that move, and is to show what they rightly
forget: light, colours and cameras drawn at random, frames shifted by more than a small thing
measures. Fitted at the end to the scene as it is (config/collect/nominal.yaml), it shows that one.
Nothing changes but `decoder.*`: what the model encodes, imagines and plans is the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.learning.picture_fit import (
    PictureConfig,
    descend_pictures,
    fit_pictures,
    usually,
)
from wm_planner.learning.refit import encode_all
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.pictures import Usual, as_decoded

_AT_ONCE = 1024  # moments that are imagined, for the memory it takes


@dataclass(frozen=True)
class DecoderConfig(PictureConfig):
    """Fit the decoder of a trained model anew; nothing else of the model changes.

    Attributes:
        horizon: half of the latents are encoded, the others imagined up to so many steps ahead.
    """


class Examples(NamedTuple):
    """What a decoder learns from: T moments one after another."""

    frames: Tensor  # (T, V, C, h, w) uint8
    latents: Tensor  # (K + 1, T, D): encoded, and imagined from up to K steps before
    usual: Usual


def fit_decoder(config: DecoderConfig) -> Path:
    """Fit it, from the weights it has, and return the folder of the model; see `fit_pictures`."""

    def fit(world_model: LatentModel, store: EpisodeStore) -> LatentModel:
        examples = prepare(world_model, store, config.horizon, world_model.device)

        def drawn(generator: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
            z, frames = draw(examples, config.batch_size, generator)
            return (z,), as_decoded(frames.to(z.device))

        network = world_model.decoder
        descend_pictures(world_model, network, drawn, examples.usual, config, "decoder")
        return world_model

    return fit_pictures(config, "decoder", fit)


@torch.no_grad()
def prepare(
    world_model: LatentModel, store: EpisodeStore, horizon: int, device: torch.device
) -> Examples:
    """Encode all frames, and imagine each moment from up to `horizon` steps before it.

    Where an episode is younger than that, the imagination begins with the episode.
    """
    latents = [encode_all(world_model, store)]
    begins = torch.zeros(store.steps, dtype=torch.bool)
    begins[torch.from_numpy(store.starts)] = True
    taken = store.actions.to(device)
    for ahead in range(1, horizon + 1):
        some = list(zip(latents[-1].split(_AT_ONCE), taken.split(_AT_ONCE), strict=True))
        bar = tqdm(some, desc=f"imagine {ahead} of {horizon}", unit="batch")
        later = torch.cat([world_model.step(*moments) for moments in bar]).roll(1, dims=0)  # (T, D)
        latents.append(torch.where(begins.to(device)[:, None], latents[0], later))
    return Examples(store.images, torch.stack(latents), usually(store, device))


def draw(examples: Examples, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Latents (B, D), half of them encoded, and the frames (B, V, C, h, w) of their moments."""
    moments = torch.randint(len(examples.frames), (size,), generator=generator)
    ahead = torch.randint(1, len(examples.latents), (size,), generator=generator)
    ahead[: (size + 1) // 2] = 0
    return examples.latents[ahead, moments], examples.frames[moments]
