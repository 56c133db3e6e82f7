"""A planner whose actions are disturbed a little, so that what is tried differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.interfaces import Planner
from wm_planner.noise import Generators, normal
from wm_planner.planning.switches import switch_mask
from wm_planner.types import UNKNOWN, ActionSpace, Latent, Plan, Situation


@final
@dataclass(frozen=True)
class Disturbed:
    """Adds Gaussian noise to the action that is taken; switches and later steps stay."""

    planner: Planner
    action_space: ActionSpace
    std: float
    """Standard deviation of the noise, in action units."""

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """The plan, but for its first action."""
        plan = self.planner.plan(latent, warm_start, generator, situation)
        first = plan.actions[:, 0]  # (B, A)
        noise = self.std * normal(first.shape, generator, first.device)
        is_switch = switch_mask(self.action_space, first.device)
        disturbed = torch.where(is_switch, first, (first + noise).clamp(-1.0, 1.0))
        return plan._replace(actions=torch.cat([disturbed[:, None], plan.actions[:, 1:]], dim=1))
