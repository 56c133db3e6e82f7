"""How memory, discrete variables and heads are learned together."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.family import LossConfig, Losses
from wm_planner.world_models.head_losses import (
    landmark_loss,
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
    foresee,
)


@dataclass(frozen=True)
class RSSMLossConfig(LossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        dynamics: what is foreseen against what is inferred from the next frame, in nats.
        representation: what is inferred against what was foreseen, in nats.
        overshooting: the same as `dynamics`, several steps ahead (PlaNet, arXiv:1811.04551).
        decoder: frames, from latents that they shape.
        body: proprioception, where it is known.
        reward: reward.
        value: value against the better of bootstrapped and observed return.
        prior: action prior against the expert's label, or the action taken where it paid off.
        landmarks: what only a simulation knows.
        success: whether an action ended the task well, from detached latents.
        actor: action prior, by what is imagined; from detached latents, as `critic`.
        critic: value, by what is imagined.
        free: nats that a divergence may have at no cost.
        entropy: worth of a nat of the action prior's entropy, in units of advantage.
        ahead: steps foreseen with the actions that were taken, from one state of each sequence on.
        taught: share of the frames that teach the encoder: neighbours differ little, and the way
            back through convolutions takes most of an update.
        drawn: states of a batch whose pictures are drawn.
        starts: states that imagination begins at.
        imagined: steps of it.
        target_rate: of the value target's moving average.
    """

    learning_rate: float = 8e-4
    dynamics: float = 0.5
    representation: float = 0.1
    overshooting: float = 0.2
    decoder: float = 100.0
    body: float = 2.0
    reward: float = 1.0
    value: float = 1.0
    prior: float = 1.0
    landmarks: float = 4.0
    success: float = 0.2
    actor: float = 0.05
    critic: float = 0.3
    free: float = 1.0
    entropy: float = 3e-4
    ahead: int = 5
    taught: float = 0.3
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
        for name in ("ahead", "drawn", "starts", "imagined"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")


class _Window(NamedTuple):
    """Foreseen latents, from one state of each sequence on, and what happened meanwhile."""

    foreseen: Unrolled  # (B, K, ...)
    batch: Batch  # of these K steps, without frames
    states: Tensor  # (B, K + 1) which of the sequence's states, from 0 on
    expected: Tensor  # (members, B, K + 1) values of the target


@final
class RSSMLosses(Losses):
    """Follows sequences, foresees parts of them, and imagines on from some of their states."""

    def __init__(self, model: RSSM, config: RSSMLossConfig) -> None:
        super().__init__()
        self._model = (model,)  # in a tuple: its weights are saved by the one who owns it
        self.config = config
        self.target_value = copy.deepcopy(model.value).requires_grad_(False)

    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See Losses; the generator is that of samples, and of what is drawn and imagined."""
        (model,) = self._model
        embedded = self._embedded(batch, generator)
        followed = follow(model, embedded, batch.actions, self._noise(batch, generator))
        latents = followed.latents  # (B, T + 1, D)
        with torch.no_grad():
            expected = self.target_value(latents).float()  # (K, B, T + 1)
        window = self._window(followed, batch, expected, generator)
        ahead, later = window.foreseen.latents, _later(window.batch)
        before, after = latents[:, :-1], latents[:, 1:]
        believed = window.expected[..., 1:]
        return {
            **self._divergences(followed, window),
            "decoder": self._pictures(followed, window, batch, generator),
            "body": self._body(latents, batch),
            "reward": _both(
                reward_loss(model, after, batch), reward_loss(model, ahead, window.batch)
            ),
            "value": _both(
                value_loss(model, before, expected, batch),
                value_loss(model, ahead[:, :-1], believed, later),
            ),
            "prior": _both(
                prior_loss(model, before, expected, batch),
                prior_loss(model, ahead[:, :-1], believed, later),
            ),
            "landmarks": _both(
                landmark_loss(model, latents, batch), landmark_loss(model, ahead, later)
            ),
            "success": success_loss(model, after, batch),
            **self._behaviour(latents, generator),
        }

    def after_update(self) -> None:
        """Move the value's target towards the value."""
        (model,) = self._model
        for target, online in zip(
            self.target_value.parameters(), model.value.parameters(), strict=True
        ):
            target.data.lerp_(online.data, self.config.target_rate)

    def _embedded(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Features (B, T + 1, E) of the frames; only some of the moments teach the encoder."""
        (model,) = self._model
        order = torch.randperm(batch.images.shape[1], generator=generator).to(batch.images.device)
        count = max(1, round(self.config.taught * len(order)))
        parts = []
        for times, teaches in ((order[:count], True), (order[count:], False)):
            with torch.set_grad_enabled(teaches and torch.is_grad_enabled()):
                if len(times):
                    parts.append(model.embed(batch.images[:, times], batch.proprio[:, times]))
        return torch.cat(parts, 1)[:, order.argsort()]

    def _noise(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """To follow the batch with: (T + 1, B, G, C)."""
        (model,) = self._model
        b, length = batch.images.shape[:2]
        shape = (length, b, model.config.groups, model.config.classes)
        return exponential(shape, generator, model.beginning)

    def _window(
        self, followed: Unrolled, batch: Batch, expected: Tensor, generator: torch.Generator
    ) -> _Window:
        (model,) = self._model
        (b, steps), c = batch.actions.shape[:2], model.config
        k = min(self.config.ahead, steps)
        first = torch.randint(steps - k + 1, (b, 1), generator=generator)
        states = (first + torch.arange(k + 1)).to(batch.actions.device)  # (B, K + 1)
        row = torch.arange(b, device=states.device)[:, None]
        during = Batch(
            images=batch.images[:, :0],
            proprio=batch.proprio[:, :0],
            actions=batch.actions[row, states[:, :-1]],
            rewards=batch.rewards[row, states[:, :-1]],
            returns=batch.returns[row, states],
            labels=batch.labels[row, states[:, :-1]],
            landmarks=batch.landmarks[row, states],
            success=batch.success[row, states[:, :-1]],
        )
        noise = exponential((k, b, c.groups, c.classes), generator, followed.latents)
        foreseen = foresee(model, followed.latents[row[:, 0], states[:, 0]], during.actions, noise)
        return _Window(foreseen, during, states, expected[:, row, states])

    def _divergences(self, followed: Unrolled, window: _Window) -> dict[str, Tensor]:
        """Between what is foreseen and what is inferred; balanced (arXiv:2010.02193)."""
        (model,) = self._model
        h = followed.latents[:, 1:, : model.config.memory_size]
        predicted, inferred = model.predicted(h), followed.logs[:, 1:]
        row = torch.arange(len(h), device=h.device)[:, None]
        later = followed.logs.detach()[row, window.states[:, 1:]]  # (B, K, G, C)
        pairs = {
            "dynamics": (inferred.detach(), predicted),
            "representation": (inferred, predicted.detach()),
            "overshooting": (later, window.foreseen.logs),
        }
        return {
            name: divergence(wanted, believed).clamp_min(self.config.free).mean()
            for name, (wanted, believed) in pairs.items()
        }

    def _pictures(
        self, followed: Unrolled, window: _Window, batch: Batch, generator: torch.Generator
    ) -> Tensor:
        """Of some states, as they would look if nothing covered the cameras."""
        (model,) = self._model
        length = batch.images.shape[1]
        row = torch.arange(len(batch.images), device=window.states.device)[:, None]
        seen = torch.arange(row.numel() * length, device=row.device)
        places = torch.cat([seen, (row * length + window.states[:, 1:]).flatten()])
        latents = torch.cat([followed.latents.flatten(0, 1), window.foreseen.latents.flatten(0, 1)])
        drawn = torch.randint(len(places), (self.config.drawn,), generator=generator)
        drawn = drawn.to(places.device)
        scenes = batch.images if batch.scenes is None else batch.scenes
        return picture_loss(model, latents[drawn], scenes.flatten(0, 1)[places[drawn]])

    def _body(self, latents: Tensor, batch: Batch) -> Tensor:
        """Squared error of the proprioception, where it is known."""
        (model,) = self._model
        known = batch.proprio.isfinite().all(-1, keepdim=True)
        error = model.body(latents).float() - batch.proprio.nan_to_num()
        return (error.square() * known).mean()

    def _behaviour(self, latents: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """What is learned from imagination alone, where it has any weight."""
        (model,), c = self._model, self.config
        if c.actor == c.critic == 0:
            return {}
        states = latents.detach().flatten(0, 1)
        starts = torch.randint(len(states), (c.starts,), generator=generator).to(states.device)
        imagined = imagine(model, self.target_value, states[starts], c.imagined, generator)
        return {
            "actor": actor_loss(model, imagined, c.entropy),
            "critic": critic_loss(model, imagined),
        }


def _later(batch: Batch) -> Batch:
    """The same without its first step."""
    return Batch(*(part[:, 1:] for part in batch if part is not None))


def _both(first: Tensor, second: Tensor) -> Tensor:
    """Mean of each, added up; the second may be empty."""
    return first.mean() + (second.mean() if second.numel() else 0.0)
