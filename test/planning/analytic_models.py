"""World models whose best plan is known on paper."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from wm_planner.noise import normal
from wm_planner.types import Latent, Proposal, Rollout


@dataclass
class FixedPrior:
    """An action prior that always suggests `mean` (A,), and counts how often it was asked."""

    mean: Tensor
    std: float = 0.3
    calls: int = 0

    def propose(self, latent, n, horizon, generator, goal=None) -> Proposal:
        self.calls += 1
        batch = latent.z.shape[0]
        mean = self.mean.expand(batch, horizon, -1)
        noise = normal((batch, n, *mean.shape[1:]), generator, mean.device)
        actions = (mean[:, None] + self.std * noise).clamp(-1, 1)
        return Proposal(actions, mean, torch.full_like(mean, self.std))


@dataclass
class Analytic:
    """Base for models without a value: subclasses give `rewards(latent, actions)` (B, N, H)."""

    prior: FixedPrior = field(default_factory=lambda: FixedPrior(torch.zeros(2)))
    imagined: int = 0
    non_finite: int = 0

    def encode(self, observation, foreseen=None) -> Latent:
        raise NotImplementedError("analytic models start from a latent")

    def rollout(self, latent, actions) -> Rollout:
        rewards = self.rewards(latent, actions)
        self.imagined += actions.shape[1]
        self.non_finite += int((~rewards.sum(-1).isfinite()).sum())
        nothing = torch.zeros(actions.shape[:2])
        return Rollout(actions, rewards, nothing, nothing)

    def propose(self, latent, n, horizon, generator, goal=None) -> Proposal:
        return self.prior.propose(latent, n, horizon, generator)


class Quadratic(Analytic):
    """The latent is the best action; the reward is minus the squared distance from it."""

    def rewards(self, latent, actions) -> Tensor:
        return -(actions - latent.z[:, None, None]).square().sum(-1)


class TwoHills(Analytic):
    """Best far left or far right, worst in the middle: the mean of good plans is the worst plan."""

    def rewards(self, latent, actions) -> Tensor:
        return actions.square().sum(-1)


class GripperTiming(Analytic):
    """The last action is a gripper: it pays to open it from step `latent` on and never before."""

    def rewards(self, latent, actions) -> Tensor:
        step = torch.arange(actions.shape[2])
        wanted = torch.where(step >= latent.z[:, :1], 1.0, -1.0)[:, None]  # (B, 1, H)
        return actions[..., -1] * wanted - 0.1 * actions[..., 0].square()


class Cliff(Analytic):
    """The further right the better, but past 0.5 nothing is known: NaN or +inf, by `beyond`."""

    beyond: float = float("nan")

    def rewards(self, latent, actions) -> Tensor:
        return actions[..., 0].masked_fill(actions[..., 0] > 0.5, self.beyond)


class NothingKnown(Analytic):
    """NaN for the batch elements whose latent is negative."""

    def rewards(self, latent, actions) -> Tensor:
        unknown = (latent.z[:, :1, None] < 0).expand(actions.shape[:3])
        return -actions.square().sum(-1).masked_fill(unknown, torch.nan)


class DoubleIntegrator(Analytic):
    """x' = F x + G u, cost x'Qx + u'Ru, and the exact cost to go after the horizon.

    So the best plan over any horizon is the infinite-horizon linear quadratic regulator's.
    """

    F = torch.tensor([[1.0, 0.1], [0.0, 1.0]])
    G = torch.tensor([[0.005], [0.1]])
    Q = torch.eye(2)
    R = torch.eye(1) * 0.1

    def __init__(self) -> None:
        super().__init__(FixedPrior(torch.zeros(1)))
        self.P, self.K = self._riccati()

    def _riccati(self) -> tuple[Tensor, Tensor]:
        P = self.Q
        for _ in range(2000):
            K = torch.linalg.solve(self.R + self.G.T @ P @ self.G, self.G.T @ P @ self.F)
            P = self.Q + self.F.T @ P @ (self.F - self.G @ K)
        return P, K

    def optimal(self, x: Tensor, horizon: int) -> Tensor:
        """The regulator's inputs (B, H, 1) from states (B, 2)."""
        inputs = []
        for _ in range(horizon):
            inputs.append(-x @ self.K.T)
            x = x @ self.F.T + inputs[-1] @ self.G.T
        return torch.stack(inputs, dim=1)

    def rollout(self, latent, actions) -> Rollout:
        x = latent.z[:, None].expand(-1, actions.shape[1], -1)  # (B, N, 2)
        rewards = []
        for u in actions.unbind(2):
            rewards.append(-(x @ self.Q * x).sum(-1) - (u @ self.R * u).sum(-1))
            x = x @ self.F.T + u @ self.G.T
        value = -(x @ self.P * x).sum(-1)
        return Rollout(actions, torch.stack(rewards, -1), value, torch.zeros_like(value))
