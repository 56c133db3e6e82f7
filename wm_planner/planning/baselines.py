"""Planners that imagine nothing: what a search has to beat. Their expected return is NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.interfaces import WorldModel
from wm_planner.noise import Generators, uniform
from wm_planner.planning.switches import switch_mask, to_valid
from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import UNKNOWN, ActionSpace, Latent, Plan, PlanStatistics, Situation


@final
@dataclass(frozen=True)
class NoOp:
    """Stands still with every switch open."""

    action_space: ActionSpace
    horizon: int = 3
    """Steps of the plan."""

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Zeros; switches +1."""
        actions = torch.zeros(_shape(latent, self), device=latent.z.device)
        is_switch = switch_mask(self.action_space, latent.z.device)
        return _unimagined(to_valid(actions, is_switch), spread=torch.zeros_like(actions))


@final
@dataclass(frozen=True)
class RandomPlanner:
    """Draws each action uniformly, each switch by a fair coin."""

    action_space: ActionSpace
    horizon: int = 3
    """Steps of the plan."""

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Uniform in [-1, 1]; switches -1 or +1."""
        device = latent.z.device
        drawn = uniform(_shape(latent, self), generator, device)
        is_switch = switch_mask(self.action_space, device)
        std = torch.where(is_switch, 1.0, 3**-0.5)  # (A,) of a fair coin, of U(-1, 1)
        return _unimagined(to_valid(2 * drawn - 1, is_switch), spread=std.expand(drawn.shape))


@final
@dataclass(frozen=True)
class PriorPolicy:
    """Follows the learned action prior."""

    world_model: WorldModel
    action_space: ActionSpace
    horizon: int = 3
    """Steps of the plan."""

    @torch.no_grad()
    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """The prior's mean sequence; each switch on its likelier side."""
        prior = self.world_model.propose(latent, 1, self.horizon, generator, situation.goal)
        is_switch = switch_mask(self.action_space, latent.z.device)
        return _unimagined(to_valid(prior.mean, is_switch), spread=prior.std)


@final
@dataclass(frozen=True)
class FollowSuggestion:
    """Does what a policy elsewhere suggests; without a suggestion it has no plan."""

    action_space: ActionSpace
    horizon: int = 3
    """Steps of the plan."""

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """The suggested sequence; each switch on its nearer side."""
        shape, device = _shape(latent, self), latent.z.device
        if (told := situation.suggestion) is None:
            nothing = torch.full(shape, torch.nan, device=device)
            return _unimagined(nothing, spread=nothing)
        is_switch = switch_mask(self.action_space, device)
        valid = to_valid(fit_warm_start(told.actions, shape), is_switch)
        actions = valid.masked_fill(~told.known[:, None, None], torch.nan)
        return _unimagined(actions, spread=torch.full_like(actions, told.std))


def _shape(
    latent: Latent, planner: NoOp | RandomPlanner | FollowSuggestion
) -> tuple[int, int, int]:
    return latent.z.shape[0], planner.horizon, planner.action_space.size


def _unimagined(actions: Tensor, spread: Tensor) -> Plan:
    unknown = torch.full((actions.shape[0],), torch.nan, device=actions.device)
    return Plan(actions, unknown, spread, PlanStatistics(iterations=0, non_finite=0))
