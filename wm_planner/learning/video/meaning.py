"""What codes mean: a few labelled episodes map them to actions, and to what the joints felt.

The code of one pair of frames is coarse. Those of all pairs around a moment overlap, and with how
the key points they were made of moved, they tell finely what was done then. The map is linear: a
few hundred moments allow no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.world_models.latent_actions import LatentActions

_BEFORE, _AFTER = 3, 4  # steps around a moment whose codes are read
_LATELY, _SOON = 2, 4  # steps in which key points move, before and after it
_RIDGE = 0.3  # of the squared weights of standardised numbers, beside the mean squared error


class Labelled(NamedTuple):
    """An episode of which it is known what was done and felt."""

    read: Tensor  # (T, R), see `read_frames`
    actions: Tensor  # (T, A)
    proprio: Tensor  # (T, P)


class Meant(NamedTuple):
    """What an episode probably was."""

    actions: Tensor  # (T, A), switches -1 or 1
    proprio: Tensor  # (T, P)


class Meaning(NamedTuple):
    """A linear map from what is read to what it means."""

    usual: Tensor  # (R,)
    spread: Tensor  # (R,)
    weight: Tensor  # (R, A + P)
    bias: Tensor  # (A + P,)
    is_switch: Tensor  # (A,) bool

    def meant(self, read: Tensor) -> Meant:
        """What frames that were `read` (T, R) probably were."""
        told = (read.double() - self.usual) / self.spread @ self.weight + self.bias
        size = len(self.is_switch)
        actions, proprio = told[:, :size].float(), told[:, size:].float()
        actions = torch.where(self.is_switch, torch.where(actions > 0, 1.0, -1.0), actions)
        return Meant(actions.clamp(-1, 1), proprio)


@torch.no_grad()
def read_frames(model: LatentActions, images: Tensor) -> Tensor:
    """Of frames (T, V, C, h, w) (T, R): codes around each, and key points and how they move."""
    points = model.see(images)
    codes = model.code(points, _at(points, model.config.ahead))
    around = [_at(codes, k) for k in range(-_BEFORE, _AFTER + 1)]
    moved = [_at(points, _SOON) - points, points - _at(points, -_LATELY)]
    smooth = (_at(points, -1) + points + _at(points, 1)) / 3
    return torch.cat([*around, *moved, smooth], -1)


def _at(values: Tensor, later: int) -> Tensor:
    """(T, D) so many steps later; the first and the last ones stand for those beyond."""
    steps = torch.arange(len(values)) + later
    return values[steps.clamp(0, len(values) - 1)]


def fit_meaning(episodes: Sequence[Labelled], switches: Sequence[int]) -> Meaning:
    """The map that suits labelled episodes best, by ridge regression."""
    read, actions, proprio = (torch.cat(x).double() for x in zip(*episodes, strict=True))
    usual, spread = read.mean(0), read.std(0) + 1e-3
    wanted = torch.cat([actions, proprio], -1)
    bias = wanted.mean(0)
    x = (read - usual) / spread
    held = _RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    weight = torch.linalg.solve(x.T @ x + held, x.T @ (wanted - bias))
    is_switch = torch.zeros(actions.shape[1], dtype=torch.bool)
    is_switch[list(switches)] = True
    return Meaning(usual, spread, weight, bias, is_switch)
