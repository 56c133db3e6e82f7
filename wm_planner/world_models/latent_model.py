"""What a family of world models is made of: embed, correct, step, and heads that read the latent.

A latent is what is believed after a frame. Between frames `step` foresees it from an action; at
the next frame `correct` mends what was foreseen by what is seen, as a Bayes filter does. All state
is in the latent (B, D): what a family remembers, it packs into D.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from wm_planner.errors import UserError
from wm_planner.noise import Generators, draw_noise
from wm_planner.types import ActionSpace, Latent, Observation, Proposal, Rollout, Seen
from wm_planner.world_models.heads import (
    ActionPrior,
    Decoder,
    Head,
    PriorParameters,
    ValueEnsemble,
)
from wm_planner.world_models.layers import numbers
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.pictures import as_decoded
from wm_planner.world_models.repainter import Repainter
from wm_planner.world_models.words import told_words

_SPOKEN = 16  # words


class Run(Protocol):
    """Computes a function of tensors (B, ...), some of which may be None."""

    def __call__(
        self, function: Callable[..., tuple[Tensor, ...]], first: Tensor, *others: Tensor | None
    ) -> tuple[Tensor, ...]: ...


class LatentModel(nn.Module, ABC):
    """WorldModel: what is the same in every family.

    On a processor, episodes of a batch are computed one by one: products of another number of rows
    round otherwise, and an episode's plan may not depend on which others are planned beside it.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.action_space = ActionSpace(config.action_size, config.switches)
        self.run: Run = one_by_one

    def run_by(self, run: Run) -> LatentModel:
        """The same model, weights and all, which computes functions of a batch by `run`."""
        other = copy.copy(self)
        other.run = run
        return other

    def add_heads(
        self,
        latent_size: int,
        front: int | None = None,
        decoder: nn.Module | None = None,
        prior_from: int = 0,
    ) -> None:
        """To be called when the family's own networks are built.

        Heads read the first `front` numbers of the latent, None for all; of these the action prior
        leaves out those before `prior_from`. `decoder` takes latents (B, D) to frames
        (B, V * C, h, w) near [-0.5, 0.5]; None for the usual one.
        """
        c, seen = self.config, latent_size if front is None else front
        self.latent_size = latent_size
        self.reward = Head(seen, c.hidden_size, c.bins)
        self.read = numbers(c.bins)
        self.value = ValueEnsemble(c.value_members, seen, c.hidden_size, c.bins)
        self.prior = ActionPrior(c, seen - prior_from, prior_from)
        self.landmarks = Head(seen, c.hidden_size, c.landmark_size) if c.landmark_size else None
        self.decoder = Decoder(c, latent_size) if decoder is None else decoder
        self.success = Head(seen, c.hidden_size, 1) if c.success else None
        self.repainter = Repainter(c, latent_size) if c.repaint else None

    @abstractmethod
    def embed(self, images: Tensor, proprio: Tensor, instruction: Tensor | None = None) -> Tensor:
        """Features (..., E) of images (..., V, C, h, w) uint8 and proprio (..., P), one by one.

        A model with words is told an `instruction` (..., W) too, of as many axes, or of 1: what
        the latents keep of it is all that plans know.
        """

    @abstractmethod
    def correct(self, foreseen: Tensor | None, embedded: Tensor) -> Tensor:
        """Latents (..., D) of features (..., E); `foreseen` (..., D) is None at the start."""

    @abstractmethod
    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Latents (..., D) foreseen a step after `z` (..., D), if `action` (..., A) is taken."""

    def prior_at(self, z: Tensor, goal: Tensor | None) -> PriorParameters:
        """The action prior at latents (..., D); one that was learned to reach goals heeds `goal`.

        `goal` (..., D) is the latent of a goal's picture, None without one.
        """
        return self.prior.at(z)

    @property
    def goal_prior(self) -> nn.Module | None:
        """What of `prior_at` was learned to reach goals; None where a goal changes nothing."""
        return None

    def goal_features(self, z: Tensor) -> Tensor:
        """What of latents (..., D) a goal is compared by, (..., F): all, unless a family differs.

        A picture shows neither memory nor speed: what a goal picture cannot tell is no part of it.
        """
        return z

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def example(self, batch: int = 1) -> Latent:
        """Of frames of noise, the same ones every time: something to begin with."""
        c, generator = self.config, torch.Generator().manual_seed(0)
        size = (batch, c.cameras, 3, c.image_size, c.image_size)
        images = torch.randint(256, size, dtype=torch.uint8, generator=generator)
        proprio = torch.randn(batch, c.proprio_size, generator=generator)
        seen = Observation(images.to(self.device), proprio.to(self.device), self.any_words(batch))
        with torch.no_grad():
            return self.encode(seen)

    def any_words(self, batch: int = 1) -> Tensor | None:
        """An instruction (B, W) that means nothing, as long as any; None for a model without."""
        if not self.config.instruction_size:
            return None
        word = min(1, len(self.config.vocabulary))
        return torch.full((batch, _SPOKEN), word, dtype=torch.int64, device=self.device)

    def encode(self, observation: Observation, foreseen: Latent | None = None) -> Latent:
        """Latent of what the cameras show, given what was foreseen for this moment.

        Raises:
            UserError: proprioception is NaN, not known, and the model never learned without it; no
                instruction for a model with words, or one for a model without.
        """
        if not self.config.unfelt and bool(observation.proprio.isnan().any()):
            raise UserError(
                "proprioception is NaN (not known), and this model has no features that stand in "
                "for it (unfelt is false in its config.yaml); give proprioception, or train again"
            )
        check_told(self.config, observation.instruction is not None)
        before = None if foreseen is None else foreseen.z
        return Latent(*self.run(self._encoded, *observation, before))

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        """Latent one step later, when `action` (B, A) was taken."""
        return Latent(*self.run(self._advanced, latent.z, action))

    def branches(self, latent: Latent, actions: Tensor) -> Tensor:
        """Latents (B, N, D) one step later, by each of `actions` (B, N, A), all at once."""
        return self.run(self._branched, latent.z, actions)[0]

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        """Imagine actions (B, N, H, A); values are returns from the last latent on."""
        return Rollout(actions, *self.run(self._imagine, latent.z, actions))

    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        """Roll the prior: once by its mean, and n times by samples; see `prior_at` for the goal."""
        shape = (latent.z.shape[0], n + 1, horizon, self.config.action_size)
        noise = draw_noise(shape, generator, latent.z.device)
        return Proposal(*self.run(self._propose, latent.z, *noise, *(goal or ())))

    def decode(self, latent: Latent, seen: Seen | None = None) -> Tensor:
        """What the model believes the cameras show: (B, V, C, h, w) uint8.

        Of a latent that was imagined from what was `seen`, a model with a repainter paints it over
        that.
        """
        if seen is None or self.repainter is None:
            frames = self.decoder(latent.z)
        else:
            frames = self.repainter(latent.z, seen.latent.z, as_decoded(seen.images))
        frames = frames.float().add(0.5).clamp(0, 1).mul(255)
        return rearrange(frames, "b (v c) h w -> b v c h w", c=3).to(torch.uint8)

    def filtered(
        self, images: Tensor, proprio: Tensor, actions: Tensor, instruction: Tensor | None = None
    ) -> Tensor:
        """Latents (B, T + 1, D) of frames (B, T + 1, V, C, h, w), from the start on.

        `actions` (B, T, A) were taken between them, as the `instruction` (B, W) wanted it.
        """
        told = None if instruction is None else instruction[:, None].to(images.device)
        embedded = self.embed(images, proprio, told)  # (B, T + 1, E)
        z = self.correct(None, embedded[:, 0])
        latents = [z]
        for t in range(actions.shape[1]):
            z = self.correct(self.step(z, actions[:, t]), embedded[:, t + 1])
            latents.append(z)
        return torch.stack(latents, 1)

    def _encoded(
        self, images: Tensor, proprio: Tensor, told: Tensor | None, foreseen: Tensor | None
    ) -> tuple[Tensor]:
        return (self.correct(foreseen, self.embed(images, proprio, told)),)

    def _advanced(self, z: Tensor, action: Tensor) -> tuple[Tensor]:
        return (self.step(z, action),)

    def _branched(self, z: Tensor, actions: Tensor) -> tuple[Tensor]:
        b, n = actions.shape[:2]
        later = self.step(repeat(z, "b d -> (b n) d", n=n), actions.flatten(0, 1))
        return (later.unflatten(0, (b, n)),)

    def _imagine(self, z: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        """What a Rollout holds besides actions (B, N, H, A)."""
        b, n = actions.shape[:2]
        z = repeat(z, "b d -> (b n) d", n=n)
        latents = []
        for action in rearrange(actions, "b n h a -> h (b n) a"):
            z = self.step(z, action)
            latents.append(z)
        imagined = torch.stack(latents)  # (H, B * N, D)
        rewards = self.read(self.reward(imagined))  # (H, B * N)
        scale = 1.0 / (1.0 - self.config.discount)
        values = self.value(z).unflatten(1, (b, n)) * scale  # (K, B, N)
        return (
            rearrange(rewards, "h (b n) -> b n h", b=b),
            values.mean(0),
            values.std(0),
            rearrange(imagined, "h (b n) d -> b n h d", b=b),
        )

    def _propose(
        self, z: Tensor, normal: Tensor, uniform: Tensor, goal: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """A Proposal from noise (B, N + 1, H, A)."""
        shape = normal.shape[:2]
        z = repeat(z, "b d -> (b n) d", n=shape[1])  # entry 0 of n follows the mean
        goal = None if goal is None else repeat(goal, "b d -> (b n) d", n=shape[1])
        actions, means, stds = [], [], []
        for t, step_noise in enumerate(zip(normal.unbind(2), uniform.unbind(2), strict=True)):
            prior = self.prior_at(z, goal)
            prior = PriorParameters(*(part.unflatten(0, shape) for part in prior))
            action = self.prior.sample(prior, *step_noise)  # (B, N + 1, A)
            mean = prior.mean[:, 0]
            action[:, 0] = torch.where(self.prior.is_switch, mean.sign(), mean)
            actions.append(action[:, 1:])
            means.append(mean)
            stds.append(prior.std[:, 0])
            if t + 1 < normal.shape[2]:
                z = self.step(z, action.flatten(0, 1))
        return torch.stack(actions, 2), torch.stack(means, 1), torch.stack(stds, 1)


def check_told(config: NetworkConfig, told: bool) -> None:
    """A UserError unless a model is `told` what to do if, and only if, it has words for it."""
    if config.instruction_size and not told:
        raise UserError(
            "no instruction, but the model learned to be told what to do; "
            f"{told_words(config.vocabulary)}"
        )
    if told and not config.instruction_size:
        raise UserError(
            "there is an instruction, but the model knows no words: leave it out, or train a model "
            "with words (network.instruction_size 32)"
        )


def one_by_one(
    function: Callable[..., tuple[Tensor, ...]], first: Tensor, *others: Tensor | None
) -> tuple[Tensor, ...]:
    """`function` of tensors (B, ...), for each batch element alone unless they are on a GPU.

    What is None, is None for all of them.
    """
    if len(first) == 1 or first.is_cuda:
        return function(first, *others)
    nothing = [None] * len(first)
    columns = (nothing if x is None else x.split(1) for x in (first, *others))
    rows = [function(*row) for row in zip(*columns, strict=True)]
    return tuple(map(torch.cat, zip(*rows, strict=True)))
