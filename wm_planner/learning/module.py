"""How every family of world models learns: a LightningModule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from wm_planner.world_models.batch import Batch
from wm_planner.world_models.families import family_of
from wm_planner.world_models.family import LossConfig
from wm_planner.world_models.latent_model import LatentModel

LOGGED_EVERY = 25  # updates; losses are written so often
_STEEPEST = 10.0  # norm of the gradient


class WorldModelModule(pl.LightningModule):
    """Trains a world model on batches of sequences, by the losses of its family.

    An update is a function of the weights, the batch, the seed and its number: between two updates
    a checkpoint holds all there is.
    """

    def __init__(
        self, world_model: LatentModel, config: LossConfig, updates: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.world_model = world_model
        self.losses = family_of(world_model.config).losses(world_model, config)
        self.config = config
        self.updates, self.seed = updates, seed

    def configure_optimizers(self) -> OptimizerLRScheduler:
        c = self.config
        decoder = list(self.world_model.decoder.parameters())
        others = [p for p in self.world_model.parameters() if all(p is not d for d in decoder)]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in others if p.requires_grad]},
            {"params": decoder, "lr": c.decoder_rate * c.learning_rate},
        ]
        optimizer = torch.optim.AdamW(
            groups, c.learning_rate, weight_decay=c.weight_decay, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate(self, update: int) -> float:
        warm_up = min(1.0, (update + 1) / 100)
        return warm_up * 0.5 * (1 + math.cos(math.pi * min(1.0, update / self.updates)))

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        nn.utils.clip_grad_norm_(self.world_model.parameters(), _STEEPEST)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        terms = self.losses.terms(batch, _generator(self.seed, self.global_step))
        total = self.weighted(terms)
        if (self.global_step + 1) % LOGGED_EVERY == 0:
            self.log_dict({f"loss/{k}": v.detach() for k, v in terms.items()})
            self.log_dict({f"measured/{k}": v for k, v in self.losses.measured(batch).items()})
            self.log("loss/total", total.detach(), prog_bar=True)
        return total

    def weighted(self, terms: dict[str, Tensor]) -> Tensor:
        """The losses added up, each with the weight of its name."""
        weights = vars(self.config)
        return torch.stack([weights[name] * loss for name, loss in terms.items()]).sum()

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        super().optimizer_step(*arguments, **named)
        self.losses.after_update()


def _generator(seed: int, update: int) -> torch.Generator:
    return torch.Generator().manual_seed(
        int(np.random.default_rng((seed, update, 1)).integers(2**63))
    )
