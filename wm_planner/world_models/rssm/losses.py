"""How memory, discrete variables and heads are learned together."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.family import LossConfig, Losses
from wm_planner.world_models.head_losses import (
    landmark_loss,
    move_towards,
    picture_loss,
    prior_loss,
    reward_loss,
    success_loss,
    value_loss,
)
from wm_planner.world_models.rssm.behaviour import actor_loss, critic_loss, imagine
from wm_planner.world_models.rssm.network import RSSM
from wm_planner.world_models.rssm.sampling import (
    Unrolled,
    divergence,
    exponential,
    follow,
)


@dataclass(frozen=True)
class RSSMLossConfig(LossConfig):
    """Weights of the losses and of the optimiser.

    Dreamer weighs divergences 0.5 and 0.1 beside a squared error that is added up over all numbers
    of a picture; here it is their mean, and as much weight on divergences lets beliefs collapse.

    Attributes:
        dynamics: what is foreseen against what is inferred from the next frame, in nats.
        representation: what is inferred against what was foreseen, in nats.
        decoder: frames, from latents that they shape.
        body: proprioception, where it is known.
        reward: reward.
        value: value against the better of bootstrapped and observed return.
        prior: action prior against the expert's label, or the action taken where it paid off.
        landmarks: what only a simulation knows, or what hindsight tells of keyframes.
        success: whether an action ended the task well, from detached latents.
        actor: action prior, by what is imagined; from detached latents, as `critic`.
        critic: value, by what is imagined.
        free: nats that a divergence may have at no cost.
        entropy: worth of a nat of the action prior's entropy, in units of advantage.
        sampled: whether discrete variables are sampled while learning, as Dreamer's are; else their
            probabilities are handed on, as at run time, without the noise of samples.
        glimpses: frames of a sequence that are seen, the first and some at random; the others are
            foreseen, as several steps ahead are when planning (PlaNet, arXiv:1811.04551).
        taught: share of these that teach the encoder: frames of a sequence differ little, and the
            way back through convolutions takes most of an update.
        drawn: states of a batch whose pictures are drawn.
        starts: states that imagination begins at.
        imagined: steps of it.
        target_rate: of the value target's moving average.
    """

    learning_rate: float = 8e-4
    dynamics: float = 0.1
    representation: float = 0.01
    decoder: float = 30.0
    body: float = 2.0
    reward: float = 1.0
    value: float = 1.0
    prior: float = 2.0
    landmarks: float = 10.0
    success: float = 0.2
    actor: float = 0.05
    critic: float = 0.3
    free: float = 1.0
    entropy: float = 3e-4
    sampled: bool = False
    glimpses: int = 4
    taught: float = 0.5
    drawn: int = 48
    starts: int = 16
    imagined: int = 8
    target_rate: float = 0.02

    def __post_init__(self) -> None:
        for name in ("free", "entropy"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name} is {getattr(self, name)}, expected finite and 0 or more")
        if not 0 < self.taught <= 1:
            raise UserError(f"taught is {self.taught}, expected above 0, at most 1")
        for name in ("glimpses", "drawn", "starts", "imagined"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")


@final
class RSSMLosses(Losses[RSSM]):
    """Follows sequences at a few glimpses, and imagines on from some of their states."""

    def __init__(self, model: RSSM, config: RSSMLossConfig) -> None:
        super().__init__(model)
        self.config = config
        self.target_value = copy.deepcopy(model.value).requires_grad_(False)

    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See Losses; the generator is that of samples, and of what is drawn and imagined."""
        model = self.model
        times = self._times(batch.actions.shape[1], generator)
        embedded = self._embedded(batch, times, generator)
        noise = self._noise(batch, generator) if self.config.sampled else None
        followed = follow(model, dict(zip(times, embedded, strict=True)), batch.actions, noise)
        latents = followed.latents  # (B, T + 1, D)
        before, after = latents[:, :-1], latents[:, 1:]
        with torch.no_grad():
            expected = self.target_value(latents).float()  # (K, B, T + 1)
        return {
            **self._divergences(followed, times[1:]),
            "decoder": self._pictures(latents, batch, generator),
            "body": self._body(latents, batch),
            "reward": reward_loss(model, after, batch).mean(),
            "value": value_loss(model, before, expected, batch).mean(),
            "prior": prior_loss(model, before, expected, batch).mean(),
            "landmarks": landmark_loss(model, latents, batch).mean(),
            "success": success_loss(model, after, batch),
            **self._behaviour(latents, generator),
        }

    def after_update(self) -> None:
        """Move the value's target towards the value."""
        model = self.model
        move_towards(self.target_value, model.value, self.config.target_rate)

    def _times(self, steps: int, generator: torch.Generator) -> list[int]:
        """At which states of the sequences there is a glimpse: at the first, and rising."""
        later = torch.randperm(steps, generator=generator)[: self.config.glimpses - 1]
        return [0, *sorted((later + 1).tolist())]

    def _embedded(
        self, batch: Batch, times: list[int], generator: torch.Generator
    ) -> tuple[Tensor, ...]:
        """Features (B, E) of the frames at these times; only some of them teach the encoder."""
        model = self.model
        order = torch.randperm(len(times), generator=generator).tolist()
        count = max(1, round(self.config.taught * len(times)))
        found: dict[int, Tensor] = {}
        for part, teaches in ((order[:count], True), (order[count:], False)):
            chosen = [times[i] for i in part]
            with torch.set_grad_enabled(teaches and torch.is_grad_enabled()):
                if chosen:
                    seen = batch.images[:, chosen], batch.proprio[:, chosen]
                    embedded = model.embed(*seen, batch.told)
                    found.update(zip(chosen, embedded.unbind(1), strict=True))
        return tuple(found[t] for t in times)

    def _noise(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """To follow the batch with: (T + 1, B, G, C)."""
        model = self.model
        b, length = batch.images.shape[:2]
        shape = (length, b, model.config.groups, model.config.classes)
        return exponential(shape, generator, model.beginning)

    def _divergences(self, followed: Unrolled, times: list[int]) -> dict[str, Tensor]:
        """Between what was foreseen and what is inferred; balanced (arXiv:2010.02193)."""
        model = self.model
        if not times:
            return {}
        predicted = model.predicted(followed.latents[:, times, : model.config.memory_size])
        inferred = followed.logs[:, times]
        pairs = {
            "dynamics": (inferred.detach(), predicted),
            "representation": (inferred, predicted.detach()),
        }
        return {
            name: divergence(wanted, believed).clamp_min(self.config.free).mean()
            for name, (wanted, believed) in pairs.items()
        }

    def _pictures(self, latents: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """Of some states, as they would look if nothing covered the cameras."""
        model = self.model
        states = latents.flatten(0, 1)
        drawn = torch.randint(len(states), (self.config.drawn,), generator=generator)
        drawn = drawn.to(states.device)
        scenes = batch.images if batch.scenes is None else batch.scenes
        return picture_loss(model, states[drawn], scenes.flatten(0, 1)[drawn])

    def _body(self, latents: Tensor, batch: Batch) -> Tensor:
        """Squared error of the proprioception, where it is known."""
        model = self.model
        known = batch.proprio.isfinite().all(-1, keepdim=True)
        error = model.body(latents).float() - batch.proprio.nan_to_num()
        return (error.square() * known).mean()

    def _behaviour(self, latents: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """What is learned from imagination alone, where it has any weight."""
        model, c = self.model, self.config
        if c.actor == c.critic == 0:
            return {}
        states = latents.detach().flatten(0, 1)
        starts = torch.randint(len(states), (c.starts,), generator=generator).to(states.device)
        imagined = imagine(
            model, self.target_value, states[starts], c.imagined, generator, c.sampled
        )
        return {
            "actor": actor_loss(model, imagined, c.entropy),
            "critic": critic_loss(model, imagined),
        }
