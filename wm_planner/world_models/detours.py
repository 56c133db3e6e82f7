"""What other actions than those that were shown would have been worth.

Demonstrations hold few mistakes, so a value that is learned from them alone says nothing of where
a search goes, and a search without a prior believes in anything. But what a mistake costs is known
in part: actions move the hand by steps, so from where other actions lead, the state that was shown
is at most so many steps away as the largest of the offsets between both. After that detour all goes
on as it did. This bound is what the value is taught of imagined detours: an implicit behaviour
cloning (Florence 2021, arXiv:2109.00137) in units of time, against optimism about actions that no
data holds (as in CQL, Kumar 2020, arXiv:2006.04779).
"""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.latent_model import LatentModel

_THROWN = 0.4  # share of steps at which a switch may be on the other side
_RENEWED = 0.3  # probability a step that this is drawn anew
_UNDOING = 8.0  # steps that it takes to throw a switch back and have what that led to undone
_WASTED = 2.0  # steps that each step on the other side has cost even after that


def detour_loss(
    model: LatentModel,
    first: Tensor,
    batch: Batch,
    expected: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """(B, T): the value along imagined detours from latents `first` (B, D).

    `expected` (K, B, T + 1) is what a slowly following target says of the states that were shown.
    """
    actions, offset = _elsewhere(batch.actions, model.prior.is_switch, generator)
    z, latents = first, []
    for action in actions.unbind(1):
        z = model.step(z, action)
        latents.append(z)
    outputs = model.value.outputs(torch.stack(latents, 1))  # (K, B, T, bins)
    shown = torch.maximum(batch.returns, expected.mean(0))[:, 1:]  # (B, T)
    return model.value.read.loss(outputs, model.config.discount**offset * shown).mean(0)


def _elsewhere(
    actions: Tensor, is_switch: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Other actions (B, T, A), and how many steps (B, T) they lead away from `actions`."""
    b, steps, size = actions.shape

    def drawn(*shape: int) -> Tensor:
        return 2 * torch.rand(shape, generator=generator).to(actions) - 1  # in [-1, 1]

    strength = drawn(b, 1, 1).abs()
    moved = (actions + strength * (drawn(b, 1, size) + drawn(b, steps, size))).clamp(-1, 1)
    away = (moved - actions).masked_fill(is_switch, 0.0).cumsum(1).abs().amax(-1)  # (B, T)
    wrong = _thrown(drawn(b, steps, size), drawn(b, steps, size)) & is_switch  # (B, T, A)
    other = torch.where(is_switch, torch.where(wrong, -actions, actions), moved)
    undoing = _UNDOING * wrong.any(-1) + _WASTED * wrong.any(-1).cumsum(1)
    return other, away + undoing


def _thrown(renewal: Tensor, side: Tensor) -> Tensor:
    """Which switches (B, T, A) are on the other side, of noise (B, T, A) in [-1, 1]."""
    wrong = torch.zeros_like(side[:, 0], dtype=torch.bool)
    steps = []
    for anew, drawn in zip(renewal.unbind(1), side.unbind(1), strict=True):
        wrong = torch.where(anew.abs() < _RENEWED, drawn.abs() < _THROWN, wrong)
        steps.append(wrong)
    return torch.stack(steps, 1)
