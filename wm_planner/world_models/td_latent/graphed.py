"""A TDLatent that imagines through torch.compile: fused kernels, and on a GPU one CUDA graph."""

from __future__ import annotations

import copy
from typing import final

import torch
from torch import Tensor

from wm_planner.noise import Generators
from wm_planner.types import Latent, Proposal, Rollout
from wm_planner.world_models.td_latent.network import TDLatent
from wm_planner.world_models.td_latent.wrapper import TDLatentWrapper


@final
class GraphedTDLatent(TDLatentWrapper):
    """WorldModel: rollouts by a graph that is compiled at the first call for each shape.

    Encoding, proposals and pictures are the wrapped model's own, in float32.
    """

    def __init__(self, model: TDLatent, dtype: torch.dtype) -> None:
        super().__init__(model, dtype)
        self._imagining = copy.deepcopy(model).to(dtype)
        # "reduce-overhead" records CUDA graphs; a processor's graph is compiled without them.
        self._compiled = torch.compile(
            self._imagine, mode="reduce-overhead", fullgraph=True, dynamic=False
        )

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        """See LatentModel.rollout."""
        torch.compiler.cudagraph_mark_step_begin()  # the last rollout's memory may be used again
        found = self._compiled(latent.z, actions)
        return Rollout(actions, *(part.clone() for part in found))

    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        """See LatentModel.propose."""
        return self._model.propose(latent, n, horizon, generator, goal)

    def _imagine(self, z: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        found = self._imagining.rollout(Latent(z.to(self.dtype)), actions.to(self.dtype))
        kept = (found.rewards, found.terminal_value, found.disagreement)
        return tuple(part.float() for part in kept)
