"""What a policy elsewhere suggests, as a proposal that a search heeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.interfaces import Planner
from wm_planner.noise import Generators
from wm_planner.planning.distribution import SequenceDistribution
from wm_planner.planning.join import Part, join
from wm_planner.planning.search_config import SearchConfig
from wm_planner.planning.sequence_noise import draw
from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import (
    UNKNOWN,
    ActionSpace,
    Latent,
    Plan,
    Proposal,
    Situation,
    Suggestion,
)


def proposal_around(
    suggestion: Suggestion,
    n: int,
    config: SearchConfig,
    action_space: ActionSpace,
    generator: Generators,
) -> Proposal:
    """`n` sequences drawn around a suggestion that is known for the whole batch."""
    batch, _, size = suggestion.actions.shape
    mean = fit_warm_start(suggestion.actions, (batch, config.horizon, size))
    std = torch.full_like(mean, suggestion.std)
    around = SequenceDistribution(mean, std, action_space, config.switch_floor)
    (noise,) = draw(
        1,
        (batch, n, config.horizon),
        action_space,
        config.noise_correlation,
        config.switch_renewal,
        generator,
        mean.device,
    )
    return Proposal(around.sample(noise), mean, std)


@final
@dataclass(frozen=True)
class WhereSuggested:
    """Lets a search heed a suggestion where there is one; elsewhere it plans as if there were none.

    What is suggested to an episode changes nothing for those that are planned beside it.
    """

    search: Planner

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Best sequence found for each batch element."""
        alone = situation._replace(suggestion=None)
        known = [] if situation.suggestion is None else situation.suggestion.known.tolist()
        if not any(known):
            return self.search.plan(latent, warm_start, generator, alone)
        if all(known):
            return self.search.plan(latent, warm_start, generator, situation)
        parts = []
        for heard, whole in ((True, situation), (False, alone)):
            rows = [b for b, is_known in enumerate(known) if is_known is heard]
            own = Latent(*(part[rows] for part in latent))
            drawn = (
                generator
                if isinstance(generator, torch.Generator)
                else [generator[b] for b in rows]
            )
            warm = None if warm_start is None else warm_start[rows]
            parts.append(Part(rows, self.search.plan(own, warm, drawn, whole.of(rows))))
        size = parts[0].plan.actions.shape[2]
        return join(parts, len(known), size, latent.z.device)
