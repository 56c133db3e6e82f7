"""What every faster imagination leaves to the TDLatent it wraps."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from wm_planner.noise import Generators
from wm_planner.types import Latent, Observation, Proposal, Rollout
from wm_planner.world_models.td_latent.network import TDLatent


class TDLatentWrapper(ABC):
    """WorldModel: encodes, advances and decodes as its model does, imagines in its own way."""

    def __init__(self, model: TDLatent, dtype: torch.dtype) -> None:
        self._model, self.dtype = model, dtype

    @abstractmethod
    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        """See LatentModel.rollout."""

    @abstractmethod
    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        """See LatentModel.propose."""

    def encode(self, observation: Observation, foreseen: Latent | None = None) -> Latent:
        """See LatentModel.encode."""
        return self._model.encode(observation, foreseen)

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        """See LatentModel.advance."""
        return self._model.advance(latent, action)

    def decode(self, latent: Latent) -> Tensor:
        """See LatentModel.decode."""
        return self._model.decode(latent)
