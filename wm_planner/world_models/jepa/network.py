"""A world model that predicts features of frames, never frames: a joint-embedding predictor.

Sources: I-JEPA (arXiv:2301.08243), V-JEPA 2-AC (arXiv:2506.09985), DINO-WM (arXiv:2411.04983),
PLDM (arXiv:2502.14819). It learns from action-labelled video alone and knows no reward; what it
plans towards is a picture of a goal. Distances in steps and actions towards a goal are learned from
the order of the frames (HIQL, arXiv:2307.11949).
"""

from __future__ import annotations

from typing import final

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.types import Latent
from wm_planner.world_models.heads import ActionPrior, PriorParameters, ValueEnsemble
from wm_planner.world_models.jepa.config import JepaConfig
from wm_planner.world_models.jepa.encoders import CameraEncoders
from wm_planner.world_models.latent_model import LatentModel, one_by_one
from wm_planner.world_models.layers import mlp

_STEPS = 10.0  # what one unit of the distance's network stands for


@final
class Jepa(LatentModel):
    """Latents (D) are what each camera's frame became (V * F) and the robot's own state (P)."""

    config: JepaConfig

    def __init__(self, config: JepaConfig) -> None:
        super().__init__(config)
        c = config
        self.seen = c.cameras * c.features  # numbers of a latent that come from frames
        body, latent_size = c.proprio_size, self.seen + c.proprio_size
        self.encoder = CameraEncoders(c)
        self.unknown = nn.Parameter(torch.zeros(body)) if c.unfelt else None
        self.motion = mlp(body + c.action_size, 128, body)
        self.predictor = mlp(latent_size + body + c.action_size, c.predictor_size, self.seen)
        for foresight in (self.motion, self.predictor):  # at first, little changes
            foresight[-1].weight.data.mul_(0.1)  # type: ignore[operator,union-attr]
        towards = latent_size + 2 * self.seen
        self.distance = ValueEnsemble(2, towards, c.hidden_size)
        self.policy = ActionPrior(c, towards)
        self.slower = mlp(towards, c.predictor_size, self.seen)
        self.inverse = mlp(towards + 1, c.hidden_size, c.action_size)
        self.readout = nn.Linear(self.seen, body)
        others = (c.cameras - 1) * c.features + body
        self.across = nn.ModuleList(
            mlp(others, c.hidden_size, c.features) for _ in range(c.cameras)
        )
        self.add_heads(latent_size)

    def embed(self, images: Tensor, proprio: Tensor, instruction: Tensor | None = None) -> Tensor:
        """Latents (..., D) of images (..., V, C, h, w) and proprio (..., P), NaN where unknown.

        Goals are pictures here: there are no words to heed.
        """
        if self.unknown is not None:
            known = ~proprio.isnan().any(-1, keepdim=True)
            proprio = torch.where(known, proprio.nan_to_num(), self.unknown)
        return torch.cat([self.encoder(images), proprio], -1)

    def correct(self, foreseen: Tensor | None, embedded: Tensor) -> Tensor:
        """What is seen; this family has no memory, `foreseen` is not used."""
        return embedded

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Next latent (..., D): the robot moves as its controller does, the features follow."""
        features, body = self.goal_features(z), z[..., self.seen :]
        moved = body + self.motion(torch.cat([body, action], -1))
        change = self.predictor(torch.cat([features, body, moved, action], -1))
        return torch.cat([features + change, moved], -1)

    def goal_features(self, z: Tensor) -> Tensor:
        """What of latents (..., D) is compared with a goal: (..., V * F), the cameras' part."""
        return z[..., : self.seen]

    def prior_at(self, z: Tensor, goal: Tensor | None) -> PriorParameters:
        """The policy towards a goal (..., D) at latents (..., D); without one, towards staying."""
        return self.policy.at(self.towards(z, z if goal is None else goal))

    @property
    def goal_prior(self) -> ActionPrior:
        """The policy: see LatentModel."""
        return self.policy

    def goal_distance(self, z: Tensor, goal: Tensor) -> Tensor:
        """Steps (...) that are left to goals (..., D) from latents (..., D)."""
        return self.steps_between(z, goal.expand_as(z), self.distance).mean(0)

    def steps_between(self, z: Tensor, goal: Tensor, distance: ValueEnsemble) -> Tensor:
        """Steps (K, ...) to goals (..., D) from latents (..., D), by each head of `distance`."""
        return _STEPS * F.softplus(distance(self.towards(z, goal)).float())

    @torch.no_grad()
    def subgoal(self, latent: Latent, goal: Latent) -> Latent:
        """What should be seen `subgoal_steps` ahead on the way to a goal, or a nearer goal."""
        return Latent(*one_by_one(self._subgoal, latent.z, goal.z))

    def _subgoal(self, z: Tensor, goal: Tensor) -> tuple[Tensor]:
        body = torch.zeros_like(z[..., self.seen :])
        ahead = torch.cat([self.ahead(z, goal), body], -1)
        near = self.goal_distance(z, goal) <= self.config.subgoal_steps
        return (torch.where(near[..., None], goal, ahead),)

    def ahead(self, z: Tensor, goal: Tensor) -> Tensor:
        """Features (..., V * F) `subgoal_steps` ahead of latents (..., D) on the way to goals."""
        return self.goal_features(z) + self.slower(self.towards(z, goal))

    def across_views(self, z: Tensor) -> Tensor:
        """Each camera's features (..., V * F), from those of the others and proprioception."""
        views = self.goal_features(z).unflatten(-1, (self.config.cameras, -1))  # (..., V, F)
        found = []
        for v, guess in enumerate(self.across):
            others = torch.cat([views[..., :v, :], views[..., v + 1 :, :]], -2).flatten(-2)
            found.append(guess(torch.cat([others, z[..., self.seen :]], -1)))
        return torch.cat(found, -1)

    def towards(self, z: Tensor, goal: Tensor) -> Tensor:
        """Latents (..., D), a goal's features and the way there: what goal-reaching heads read."""
        wanted = self.goal_features(goal)
        return torch.cat([z, wanted, wanted - self.goal_features(z)], -1)

    def _imagine(self, z: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        """What a Rollout holds besides actions; nothing is known of rewards, so they are NaN."""
        b, n = actions.shape[:2]
        z = repeat(z, "b d -> (b n) d", n=n)
        latents = []
        for action in rearrange(actions, "b n h a -> h (b n) a"):
            z = self.step(z, action)
            latents.append(z)
        imagined = rearrange(torch.stack(latents), "h (b n) d -> b n h d", b=b)
        nothing = torch.full_like(actions[..., 0], torch.nan)  # (B, N, H)
        return nothing, nothing[..., 0], nothing[..., 0], imagined
