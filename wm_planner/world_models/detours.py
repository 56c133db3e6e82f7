"""What other actions than those that were shown would have been worth.

Demonstrations hold few mistakes, so a value that is learned from them alone says nothing of where
a search goes, and a search without a prior believes in anything. But what a mistake costs is known
in part: actions move the hand by steps, so from where other actions lead, each state that was shown
is at most so many steps away as the largest of the offsets between both, and from there all goes on
as it did. The best of these ways is what the value is taught of imagined detours, and of short
cuts: an implicit behaviour cloning (Florence 2021, arXiv:2109.00137) in units of time, against
optimism about actions that no data holds (as in CQL, Kumar 2020, arXiv:2006.04779).

Demonstrations always come to the cube, so dynamics that are learned from them alone do as well,
whatever the actions. But where the hand is after other actions is known, from how it follows its
actions, and so is where a keyframe then is, seen from there: landmarks of detours are shifted ones.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.head_losses import landmark_loss
from wm_planner.world_models.latent_model import LatentModel

_LEAST = 0.02  # of a value that others are compared with
_THROWN = 0.4  # share of steps at which a switch may be on the other side
_RENEWED = 0.3  # probability a step that this is drawn anew
_UNDOING = 8.0  # steps that it takes to throw a switch back and have what that led to undone
_WASTED = 2.0  # steps that each step on the other side has cost even after that


class DetourLosses(NamedTuple):
    """Of imagined detours, (B, T)."""

    value: Tensor  # relative squared error of the value
    landmarks: Tensor  # where things then are


def detour_losses(
    model: LatentModel,
    first: Tensor,
    batch: Batch,
    expected: Tensor,
    generator: torch.Generator,
) -> DetourLosses:
    """Losses along detours that are imagined from latents `first` (B, D).

    `expected` (K, B, T + 1) is what a slowly following target says of the states that were shown:
    how long an episode then took, by chance, is no part of the difference that a detour makes.
    """
    is_switch = model.prior.is_switch
    actions = _elsewhere(batch.actions, is_switch, generator)
    z, imagined = first, []
    for action in actions.unbind(1):
        z = model.step(z, action)
        imagined.append(z)
    latents = torch.stack(imagined, 1)  # (B, T, D)
    shown = expected.float().mean(0).clamp_min(_LEAST)  # (B, T + 1)
    ways = steps_back(actions, batch.actions, is_switch)  # (B, T, T + 1)
    bound = (model.config.discount**ways * shown[:, None]).amax(-1)  # (B, T)
    values = model.value(latents).float()  # (K, B, T)
    value = ((values - bound) / shown[:, 1:]).square().mean(0)
    if batch.motion is None:
        return DetourLosses(value, torch.zeros_like(value))
    moved = (actions - batch.actions).cumsum(1) @ batch.motion  # (B, T, K)
    there = batch._replace(landmarks=batch.landmarks[:, 1:] + moved)
    return DetourLosses(value, landmark_loss(model, latents, there))


def steps_back(actions: Tensor, shown: Tensor, is_switch: Tensor) -> Tensor:
    """Steps (B, T, T + 1) from the states after `actions` to each state of the actions `shown`.

    Both (B, T, A) begin at one state. At most one unit of each action is undone in a step.
    """
    places, reached = (x.masked_fill(is_switch, 0.0).cumsum(1) for x in (shown, actions))
    places = torch.cat([torch.zeros_like(places[:, :1]), places], 1)  # (B, T + 1, A)
    away = (reached[:, :, None] - places[:, None]).abs().amax(-1)
    sides = torch.cat([shown[:, :1], shown], 1)[:, None]  # (B, 1, T + 1, A)
    wrong = ((actions[:, :, None] * sides < 0) & is_switch).any(-1)  # (B, T, T + 1)
    wasted = ((actions * shown < 0) & is_switch).any(-1).cumsum(1)  # (B, T)
    return away + _UNDOING * wrong + _WASTED * wasted[..., None]


def _elsewhere(actions: Tensor, is_switch: Tensor, generator: torch.Generator) -> Tensor:
    """Other actions (B, T, A) than `actions`."""
    b, steps, size = actions.shape

    def drawn(*shape: int) -> Tensor:
        return 2 * torch.rand(shape, generator=generator).to(actions) - 1  # in [-1, 1]

    strength = drawn(b, 1, 1).abs()
    moved = (actions + strength * (drawn(b, 1, size) + drawn(b, steps, size))).clamp(-1, 1)
    wrong = _thrown(drawn(b, steps, size), drawn(b, steps, size))
    return torch.where(is_switch, torch.where(wrong, -actions, actions), moved)


def _thrown(renewal: Tensor, side: Tensor) -> Tensor:
    """Which switches (B, T, A) are on the other side, of noise (B, T, A) in [-1, 1]."""
    wrong = torch.zeros_like(side[:, 0], dtype=torch.bool)
    steps = []
    for anew, drawn in zip(renewal.unbind(1), side.unbind(1), strict=True):
        wrong = torch.where(anew.abs() < _RENEWED, drawn.abs() < _THROWN, wrong)
        steps.append(wrong)
    return torch.stack(steps, 1)
