"""Other planners from PyPI on the same world model, for `wm_planner bench`.

All look for the highest return, or, where the model knows no reward, for the least distance to a
goal, averaged over the horizon: for them a reward like any other.

Each is used as its documentation says, imagines as many sequences as often, and may compile what it
is given with torch.compile: its better time counts. Install them with `pip install .[bench]`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wm_planner.planning.objectives.goal_image import l2
from wm_planner.world_models.latent_model import LatentModel


@dataclass(frozen=True)
class Contest:
    """What every planner is to do: plan once for the latent `z` (D,).

    Towards the latent `goal` (D,) if there is one, else for rewards and value.
    """

    model: LatentModel
    z: Tensor
    samples: int
    iterations: int
    horizon: int
    elites: int
    goal: Tensor | None = None

    @property
    def actions(self) -> int:
        return self.model.config.action_size

    @property
    def discount(self) -> float:
        return self.model.config.discount if self.goal is None else 1.0

    def next_latent(self, z: Tensor, action: Tensor) -> Tensor:
        """Next latents (M, D)."""
        return self.model.step(z, action)

    def reward(self, z: Tensor) -> Tensor:
        """Rewards (...) of having come to latents (..., D); minus the distance to a goal."""
        if self.goal is not None:
            features = self.model.goal_features
            return -l2(features(z), features(self.goal)) / self.horizon
        return self.model.read(self.model.reward(z))

    def value(self, z: Tensor) -> Tensor:
        """Values (...) of latents (..., D), less what the ensemble disagrees by, as ours has it.

        A goal's distance goes no further than the horizon.
        """
        if self.goal is not None:
            return z.new_zeros(z.shape[:-1])
        values = self.model.value(z) / (1 - self.discount)
        return values.mean(0) - values.std(0)


Plan = Callable[[], Any]


def pytorch_mppi(contest: Contest, compiled: bool) -> Plan:
    """MPPI of pytorch-mppi; `compile` is its own way to compile what it is given."""
    import pytorch_mppi as peer

    c, limit = contest, torch.ones(contest.actions)

    def terminal(states: Tensor, _: Tensor) -> Tensor:
        return -(c.discount**c.horizon) * c.value(states[..., -1, :])

    planner = peer.MPPI(
        c.next_latent,
        lambda z, _: -c.reward(z),
        len(c.z),
        0.25 * torch.eye(c.actions),
        num_samples=c.samples,
        horizon=c.horizon,
        lambda_=0.5,
        u_min=-limit,
        u_max=limit,
        terminal_state_cost=torch.compile(terminal, dynamic=False) if compiled else terminal,
    )
    if compiled:
        planner.compile(dynamic=False)

    def plan() -> Tensor:
        planner.reset()
        for _ in range(c.iterations):
            action = planner.command(c.z, shift_nominal_trajectory=False)
        return action

    return plan


def stable_worldmodel_cem(contest: Contest, compiled: bool) -> Plan:
    """CEMSolver of stable-worldmodel, whose model gives the cost of all candidates at once."""
    from gymnasium.spaces import Box
    from stable_worldmodel.solver.cem import CEMSolver

    c = contest

    def cost(z: Tensor, actions: Tensor) -> Tensor:  # (B, N, D), (B, N, H, A)
        total = torch.zeros(actions.shape[:2])
        for t, action in enumerate(actions.clamp(-1, 1).unbind(2)):
            z = c.next_latent(z, action)
            total = total - c.discount**t * c.reward(z)
        return total - c.discount**c.horizon * c.value(z)

    cost = torch.compile(cost, dynamic=False) if compiled else cost

    class Costs(nn.Module):
        def get_cost(self, info: dict, candidates: Tensor) -> Tensor:
            return cost(info["z"], candidates)

    solver = CEMSolver(
        Costs(), num_samples=c.samples, n_steps=c.iterations, topk=c.elites, var_scale=0.5
    )
    solver.configure(
        action_space=Box(-1, 1, (1, c.actions), np.float32),
        n_envs=1,
        config=SimpleNamespace(horizon=c.horizon, action_block=1),
    )

    def plan() -> dict:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its time
            return solver.solve({"z": c.z[None]})

    return plan


def torchrl_cem(contest: Contest, compiled: bool) -> Plan:
    """CEMPlanner of torchrl; it knows rewards only, so the last one holds the value as well."""
    from torchrl.modules import CEMPlanner

    planner = CEMPlanner(
        _torchrl_env(contest, compiled, _RewardThenValue(contest, compiled)),
        planning_horizon=contest.horizon,
        optim_steps=contest.iterations,
        num_candidates=contest.samples,
        top_k=contest.elites,
    )
    return _torchrl_plan(planner, contest)


def torchrl_mppi(contest: Contest, compiled: bool) -> Plan:
    """MPPIPlanner of torchrl; its advantage estimator asks the value at every step."""
    from torchrl.modules import MPPIPlanner, ValueOperator
    from torchrl.objectives.value import TDLambdaEstimator

    reward = _Function(lambda z: contest.reward(z)[..., None], compiled)
    value = _Function(lambda z: contest.value(z)[..., None], compiled)
    planner = MPPIPlanner(
        _torchrl_env(contest, compiled, reward),
        TDLambdaEstimator(
            gamma=contest.discount, lmbda=1.0, value_network=ValueOperator(value, in_keys=["z"])
        ),
        temperature=0.5,
        planning_horizon=contest.horizon,
        optim_steps=contest.iterations,
        num_candidates=contest.samples,
        top_k=contest.elites,
    )
    return _torchrl_plan(planner, contest)


PEERS: dict[str, Callable[[Contest, bool], Plan]] = {
    "pytorch-mppi MPPI": pytorch_mppi,
    "stable-worldmodel CEM": stable_worldmodel_cem,
    "torchrl CEM": torchrl_cem,
    "torchrl MPPI": torchrl_mppi,
}


class _Function(nn.Module):
    def __init__(self, function: Callable[..., Tensor], compiled: bool) -> None:
        super().__init__()
        self._function = torch.compile(function, dynamic=False) if compiled else function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._function(*inputs)


class _RewardThenValue(nn.Module):
    """The reward of a step; after the last step of a rollout the value is added."""

    def __init__(self, contest: Contest, compiled: bool) -> None:
        super().__init__()
        c = contest
        self._reward = _Function(lambda z: c.reward(z)[..., None], compiled)
        self._last = _Function(lambda z: (c.reward(z) + c.value(z))[..., None], compiled)
        self._horizon, self._steps = c.horizon, 0

    def forward(self, z: Tensor) -> Tensor:
        self._steps = self._steps % self._horizon + 1
        return self._last(z) if self._steps == self._horizon else self._reward(z)


def _torchrl_env(contest: Contest, compiled: bool, reward: nn.Module) -> Any:
    from tensordict import TensorDict
    from tensordict.nn import TensorDictModule
    from torchrl.data import Bounded, Composite, Unbounded
    from torchrl.envs.model_based import ModelBasedEnvBase
    from torchrl.modules import WorldModelWrapper

    c = contest
    dynamics = _Function(c.next_latent, compiled)

    class Imagined(ModelBasedEnvBase):
        def __init__(self) -> None:
            super().__init__(
                WorldModelWrapper(
                    TensorDictModule(dynamics, in_keys=["z", "action"], out_keys=["z"]),
                    TensorDictModule(reward, in_keys=["z"], out_keys=["reward"]),
                ),
                batch_size=[],
            )
            self.observation_spec = Composite(z=Unbounded((len(c.z),)))
            self.state_spec = Composite(z=Unbounded((len(c.z),)))
            self.action_spec = Bounded(-1, 1, (c.actions,))
            self.reward_spec = Unbounded((1,))

        def _reset(self, _: TensorDict) -> TensorDict:
            return TensorDict({"z": c.z}, batch_size=[])

    return Imagined()


def _torchrl_plan(planner: Any, contest: Contest) -> Plan:
    start = planner.env.reset()
    return lambda: planner.planning(start)
