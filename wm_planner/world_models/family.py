"""What the rest of the package needs to know of a family of world models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from wm_planner.interfaces import WorldModel
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.network_config import NetworkConfig

M = TypeVar("M", bound=LatentModel)


@dataclass(frozen=True)
class LossConfig:
    """What the optimiser of every family is told; a family adds the weights of its losses.

    Attributes:
        learning_rate: peak of AdamW's, cosine to zero.
        weight_decay: of AdamW.
        decoder_rate: the decoder's learning rate, in units of the others'.
    """

    learning_rate: float = 6e-4
    weight_decay: float = 1e-3
    decoder_rate: float = 4.0


class Losses(nn.Module, ABC, Generic[M]):
    """What a family learns by; what it keeps besides the model, such as targets, is saved with it.

    A term is a function of the weights, the batch and the generator: an update repeats to the bit.
    """

    def __init__(self, model: M) -> None:
        super().__init__()
        self._model = (model,)  # in a tuple: its weights are saved by the one who owns it

    @property
    def model(self) -> M:
        """Whose losses these are."""
        return self._model[0]

    @abstractmethod
    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses (), unweighted, by the names of their weights in the family's LossConfig."""

    def measured(self, batch: Batch) -> dict[str, Tensor]:
        """What else the log tells now and then, (), by name; nothing is learned by it."""
        return {}

    @abstractmethod
    def after_update(self) -> None:
        """The weights have changed: targets follow."""

    def go_on(self) -> None:
        """The model has learned before: what a first update alone does is done."""


@dataclass(frozen=True)
class Family:
    """A kind of world model.

    Attributes:
        name: as models on disk and the command line call it.
        about: it in one line.
        config: frozen dataclass of the shapes of its networks.
        build: makes a model of such a config.
        loss_config: frozen dataclass of the weights of its losses.
        losses: makes the losses of a model, as that says.
        batch_size: sequences an update, unless said otherwise.
        horizon: steps of such a sequence.
        rewards: learns from rewards; else it plans towards goal images only.
        words: its models can be told what to do.
        faster: makes a model imagine faster, with products in a dtype; raises Unavailable.
        enlarged: a config with a latent and layers of a size, for benchmarks.
        renamed: prefixes of weights as they are now, and as format 1 of this family called them.
    """

    name: str
    about: str
    config: type[NetworkConfig]
    build: Callable[..., LatentModel]
    loss_config: type[LossConfig]
    losses: Callable[..., Losses[Any]]
    batch_size: int
    horizon: int
    rewards: bool = True
    words: bool = False
    faster: Callable[..., WorldModel] | None = None
    enlarged: Callable[..., NetworkConfig] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
