"""The random numbers behind a search's candidates, drawn at once for all of its iterations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wm_planner.noise import Generators, Noise, normal, uniform
from wm_planner.types import ActionSpace


def draw(
    rounds: int,
    shape: tuple[int, int, int],
    action_space: ActionSpace,
    correlation: float,
    renewal: float,
    generator: Generators,
    device: torch.device,
) -> list[Noise]:
    """Noise of each round for `shape` (B, N, H): normal (B, N, H, A), uniform (B, N, H, S).

    The uniform numbers are for S switches and rarely change along H.

    Args:
        rounds: how often candidates are drawn.
        shape: batch, candidates and horizon.
        action_space: says which actions are switches.
        correlation: of normal numbers from step to step, in [0, 1].
        renewal: probability that a switch's number is drawn anew at a step, in [0, 1].
        generator: or one for each batch element.
        device: where the numbers are made and used.
    """
    batch, n, horizon = shape
    shape = (batch, rounds * n, horizon)
    steps = normal((*shape, action_space.size), generator, device)
    if correlation > 0:
        _correlate(steps, correlation)
    switches = (*shape, len(action_space.switches))
    held = _persistent(
        uniform(switches, generator, device), uniform(switches, generator, device) < renewal
    )
    return [Noise(*parts) for parts in zip(*(x.split(n, 1) for x in (steps, held)), strict=True)]


def _correlate(steps: Tensor, correlation: float) -> None:
    """Make `steps` (..., H, A) an AR(1) process along H; each stays standard normal.

    Coloured noise as in iCEM (Pinneri 2020, arXiv:2008.06389), which shapes its spectrum instead;
    over a horizon of a few steps there is none to shape.
    """
    fresh = math.sqrt(1 - correlation**2)
    for before, step in zip(steps.unbind(-2), steps.unbind(-2)[1:], strict=False):
        step.mul_(fresh).add_(before, alpha=correlation)


def _persistent(fresh: Tensor, renewed: Tensor) -> Tensor:
    """Each step keeps the number of the step before, or takes its own where it is `renewed`.

    A switch that is open where the number is below p_h is open with probability exactly p_h at
    each step h, yet flips within a sequence only where p_h crosses the number, or at a renewal.
    """
    step = torch.arange(fresh.shape[-2], device=fresh.device)[:, None]  # (H, 1)
    drawn_at = torch.where(renewed, step, 0).cummax(dim=-2).values  # (B, N, H, S)
    return fresh.gather(-2, drawn_at)
