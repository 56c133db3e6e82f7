"""What a model shows when it imagines the actions of recorded episodes, beside what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.evaluation.world_model.recording import encode
from wm_planner.evaluation.world_model.video.truth import Truth
from wm_planner.interfaces import Decodable, WorldModel
from wm_planner.types import Latent, Seen

BEFORE = 1  # frames seen before the one that an imagination starts at


class Reel(NamedTuple):
    """Imaginations of K steps, one of each of W episodes, from a true frame on."""

    truth: Truth
    start: int  # step of the episodes
    first: Latent  # parts (W, ...), encoded of the frames up to the start
    imagined: Tensor  # (W, K + 1, V, C, h, w) uint8, decoded; entry 0 of the start itself

    @property
    def seen(self) -> Seen:
        """What it was imagined from."""
        return Seen(self.real(0), self.first)

    @property
    def steps(self) -> int:
        """K."""
        return self.imagined.shape[1] - 1

    def real(self, k: int) -> Tensor:
        """Frames (W, V, C, h, w) uint8 that came k steps after the start."""
        return self.truth.recording.images[:, self.start + k]

    def shown(self, k: int) -> Tensor:
        """What their pixels show (W, V, h, w); see Truth."""
        return self.truth.shown[:, self.start + k]

    def actions(self) -> Tensor:
        """Actions (W, K, A) that were taken."""
        return self.truth.recording.actions[:, self.start : self.start + self.steps]


@torch.inference_mode()
def imagine_reels(
    world_model: WorldModel, truth: Truth, starts: Sequence[int], steps: Sequence[int], label: str
) -> list[Reel]:
    """A reel for each start: so many steps of all episodes from there."""
    latest = max(starts)
    recording = truth.recording
    seen = recording._replace(images=recording.images[:, : latest + 1])
    latents = encode(world_model, seen, label).latents
    reels = []
    for start, length in zip(starts, steps, strict=True):
        first = Latent(*(part[:, start] for part in latents))
        reels.append(_imagine(world_model, truth, start, length, first))
    return reels


@torch.inference_mode()
def decoded_encoding(world_model: WorldModel, reel: Reel, k: int) -> Tensor:
    """What the model makes of the true frames k steps after the start, (W, V, C, h, w) uint8.

    Of a latent of single frames no prediction is better than that; a memory may know more.
    """
    assert isinstance(world_model, Decodable)
    seen = reel.truth.recording.observation(reel.start + k)
    return world_model.decode(world_model.encode(seen))


def _imagine(world_model: WorldModel, truth: Truth, start: int, steps: int, first: Latent) -> Reel:
    assert isinstance(world_model, Decodable)
    actions = truth.recording.actions[:, start : start + steps]
    seen = Seen(truth.recording.images[:, start], first)
    latent, imagined = first, [world_model.decode(first, seen)]
    for action in tqdm(actions.unbind(1), desc="imagine", unit="step", leave=False):
        latent = world_model.advance(latent, action)
        imagined.append(world_model.decode(latent, seen))
    return Reel(truth, start, first, torch.stack(imagined, 1))
