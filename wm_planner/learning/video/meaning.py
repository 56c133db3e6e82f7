"""What codes mean: a few labelled episodes map them to actions, and to what the joints felt.

The code of one pair of frames is coarse. Those of all pairs around a moment overlap, and together
tell finely what was done then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.learning.heads_config import STEEPEST
from wm_planner.learning.refit import descend
from wm_planner.world_models.latent_actions import LatentActions
from wm_planner.world_models.layers import mlp

_BEFORE, _AFTER = 3, 4  # steps around a moment whose codes are read
_MEMBERS = 4  # networks that are averaged
_HIDDEN = 96
_NOISE = 0.1  # on what is read, in standard deviations
_BATCH = 128
_RATE, _DECAY = 2e-3, 1e-2


class Labelled(NamedTuple):
    """An episode of which it is known what was done and felt."""

    read: Tensor  # (T, R), see `read_frames`
    actions: Tensor  # (T, A)
    proprio: Tensor  # (T, P)


class Meant(NamedTuple):
    """What an episode probably was."""

    actions: Tensor  # (T, A), switches -1 or 1
    proprio: Tensor  # (T, P)


@torch.no_grad()
def read_frames(model: LatentActions, images: Tensor) -> Tensor:
    """Of frames (T, V, C, h, w) (T, R): the codes around each, and the frame's key points."""
    points, ahead = model.see(images), model.config.ahead
    later = torch.cat([points, points[-1:].expand(ahead, -1)])[ahead:]
    codes = model.code(points, later)
    around = torch.arange(len(codes))[:, None] + torch.arange(-_BEFORE, _AFTER + 1)
    return torch.cat([codes[around.clamp(0, len(codes) - 1)].flatten(1), points], -1)


@final
class Meaning(nn.Module):
    """Small networks that are averaged: each alone knows its few episodes by heart."""

    def __init__(self, episodes: Sequence[Labelled], switches: Sequence[int]) -> None:
        """Of untrained networks; the episodes say what is usual."""
        super().__init__()
        read, actions, proprio = (torch.cat(x) for x in zip(*episodes, strict=True))
        self._mean, self._std = read.mean(0), read.std(0).clamp_min(1e-3)
        self._usual, self._spread = proprio.mean(0), proprio.std(0).clamp_min(1e-2)
        self._switches = torch.zeros(actions.shape[-1], dtype=torch.bool)
        self._switches[list(switches)] = True
        outputs = actions.shape[-1] + proprio.shape[-1]
        self.members = nn.ModuleList(mlp(read.shape[-1], _HIDDEN, outputs) for _ in range(_MEMBERS))

    def meant(self, read: Tensor) -> Meant:
        """What frames that were `read` (T, R) probably were."""
        with torch.no_grad():
            moved, felt = self._told((read - self._mean) / self._std)
        actions = torch.where(self._switches, moved.mean(0).sign(), moved.mean(0))
        return Meant(actions.clamp(-1, 1), felt.mean(0) * self._spread + self._usual)

    def loss(self, episode: Labelled, generator: torch.Generator) -> Tensor:
        """() of moments of an episode, or of several: each network reads noise of its own."""
        x = (episode.read - self._mean) / self._std
        x = x + _NOISE * torch.randn((_MEMBERS, *x.shape), generator=generator)
        moved, felt = self._told(x)
        off = moved - episode.actions
        side = F.softplus(-4 * moved * episode.actions) / 4
        done = torch.where(self._switches, side, off.square()).sum(-1).mean()
        wanted = (episode.proprio - self._usual) / self._spread
        return done + 0.1 * F.smooth_l1_loss(felt, wanted.expand_as(felt)) * wanted.shape[-1]

    def _told(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (M, T, A) and proprioception (M, T, P) by each network, of x (..., T, R)."""
        x = x.expand(_MEMBERS, *x.shape[-2:])
        told = torch.stack([member(y) for member, y in zip(self.members, x, strict=True)])
        size = len(self._switches)
        return told[..., :size], told[..., size:]


def fit_meaning(
    episodes: Sequence[Labelled], switches: Sequence[int], updates: int, seed: int
) -> Meaning:
    """Fit it to labelled episodes."""
    torch.manual_seed(seed)
    meaning = Meaning(episodes, switches)
    every = Labelled(*(torch.cat(x) for x in zip(*episodes, strict=True)))
    generator = torch.Generator().manual_seed(seed)

    def loss() -> Tensor:
        drawn = torch.randint(len(every.read), (_BATCH,), generator=generator)
        return meaning.loss(Labelled(*(x[drawn] for x in every)), generator)

    optimizer = torch.optim.AdamW(meaning.parameters(), _RATE, weight_decay=_DECAY, fused=True)
    descend(optimizer, loss, updates, STEEPEST, "meaning")
    return meaning.eval().requires_grad_(False)
