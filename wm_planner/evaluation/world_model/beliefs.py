"""What a model believes of the end, read off its latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from wm_planner.world_models.families import family_of
from wm_planner.world_models.head_losses import SUCCESS_WEIGHT
from wm_planner.world_models.store import LoadedModel

Reading = Callable[[Tensor], Tensor]
"""Of latents (..., D), (...)."""


class Beliefs(NamedTuple):
    """What is read; None: the model does not know that."""

    reward: Reading | None = None  # of the step that led to the latent
    value: Reading | None = None  # discounted return from there on, times 1 - discount
    success: Reading | None = None  # probability that the task is done, as it is used
    privileged: bool = False  # rewards are the task's dense ones; else 1 where the task is done
    missing: str = "the model learned no rewards"  # why something is None

    @classmethod
    def of(cls, loaded: LoadedModel) -> Beliefs:
        """Of a model from disk; one that says nothing of privilege had it, as all once had."""
        model = loaded.world_model
        if not family_of(loaded.config.network).rewards:
            return cls()
        head = model.success
        return cls(
            lambda z: model.read(model.reward(z)).float(),
            lambda z: model.value(z).float().mean(0),
            None if head is None else lambda z: head(z)[..., 0].float().sigmoid(),
            loaded.config.privileged,
            "the model has no such head",
        )


def unweighted(probability: Tensor) -> Tensor:
    """Probabilities (...) of success as they were, had no success counted more in training.

    With a weight of w in the cross entropy the best odds are w times the true ones.
    """
    return probability / (probability + SUCCESS_WEIGHT * (1 - probability))
