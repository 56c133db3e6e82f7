"""A linear world whose every figure is known on paper, and models that err in a known way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wm_planner.evaluation.world_model.branches import Moment
from wm_planner.evaluation.world_model.recording import Encoded, Recording
from wm_planner.types import Latent, Observation, Proposal, Rollout

DISCOUNT = 0.9
SIZE, ACTIONS = 6, 3


def world_step(z: Tensor, action: Tensor) -> Tensor:
    """A slow rotation of (..., 6), pushed by actions (..., 3) on half of the numbers."""
    pushed = torch.cat([action, torch.zeros_like(action)], -1)
    return 0.98 * z + 0.1 * z.roll(3, -1) * torch.tensor([1.0, 1, 1, -1, -1, -1]) + 0.2 * pushed


def world_reward(z: Tensor) -> Tensor:
    """Paid for being in a state (..., 6)."""
    return -z.square().mean(-1)


@dataclass
class ToyModel:
    """Perfect, unless told otherwise."""

    effect: Tensor | float = 1.0  # factor on each action
    bias: float = 0.0  # added to the latent at every step
    reward_bias: float = 0.0
    still: bool = False  # predicts no change
    disagreement: float = 0.0

    def encode(self, observation, foreseen=None) -> Latent:
        return Latent(observation.proprio)

    def advance(self, latent, action) -> Latent:
        if self.still:
            return latent
        return Latent(world_step(latent.z, self.effect * action) + self.bias)

    def rollout(self, latent, actions) -> Rollout:
        now = Latent(latent.z[:, None].expand(-1, actions.shape[1], -1))
        rewards = []
        for action in actions.unbind(2):
            now = self.advance(now, action)
            rewards.append(world_reward(now.z) + self.reward_bias)
        value = now.z[..., 0]  # anything: both sides of a comparison use it
        spread = self.disagreement * torch.ones_like(value) + now.z.norm(dim=-1)
        return Rollout(actions, torch.stack(rewards, -1), value, spread)

    def propose(self, latent, n, horizon, generator, goal=None) -> Proposal:
        shape = (len(latent.z), n, horizon, ACTIONS)
        actions = torch.rand(shape, generator=generator) * 2 - 1
        return Proposal(actions, actions.mean(1), torch.ones(shape)[:, 0])


def toy_recording(episodes: int = 6, steps: int = 40, seed: int = 0) -> Encoded:
    """Random actions in the linear world; latents and proprioception are the state itself."""
    generator = torch.Generator().manual_seed(seed)
    actions = torch.rand(episodes, steps, ACTIONS, generator=generator) * 2 - 1
    states = [torch.randn(episodes, SIZE, generator=generator)]
    for action in actions.unbind(1):
        states.append(world_step(states[-1], action))
    z = torch.stack(states, 1)
    images = torch.zeros(episodes, steps + 1, 1, 3, 8, 8, dtype=torch.uint8)
    stages = (torch.arange(steps + 1) >= steps // 2).long().expand(episodes, -1)
    recording = Recording(
        tuple(range(episodes)),
        images,
        z,
        actions,
        world_reward(z[:, 1:]),
        stages,
        stages[:, 1:] > 0,
    )
    return Encoded(recording, Latent(z))


def toy_moments(n: int = 8, seed: int = 1) -> list[Moment]:
    """States to try actions from; there is no simulation behind them."""
    z = torch.randn(n, SIZE, generator=torch.Generator().manual_seed(seed))
    seen = Observation(torch.zeros(1, 1, 3, 8, 8, dtype=torch.uint8), z[:1])
    return [Moment(i, None, seen, Latent(z[i : i + 1]), torch.zeros(ACTIONS), 0) for i in range(n)]


def toy_futures(moments: list[Moment], plans: Tensor) -> Encoded:
    """What executing plans (M, N, L, A) from their moments really leads to, M * N episodes."""
    actions = plans.flatten(0, 1)
    first = torch.cat([moment.latent.z for moment in moments])
    states = [first.repeat_interleave(plans.shape[1], 0)]
    for action in actions.unbind(1):
        states.append(world_step(states[-1], action))
    z = torch.stack(states, 1)
    images = torch.zeros(len(z), z.shape[1], 1, 3, 8, 8, dtype=torch.uint8)
    rewards, stages = world_reward(z[:, 1:]), torch.zeros(z.shape[:2], dtype=torch.int64)
    recording = Recording((0,) * len(z), images, z, actions, rewards, stages, stages[:, 1:] > 0)
    return Encoded(recording, Latent(z))
