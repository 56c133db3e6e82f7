"""The four protocols everything plugs into. Every planner works with every world model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from wm_planner.noise import Generators
from wm_planner.types import (
    UNKNOWN,
    Command,
    JointState,
    Latent,
    Observation,
    Plan,
    Proposal,
    Rollout,
    Seen,
    Situation,
    Suggestion,
    View,
)

BACKENDS = ("auto", "eager", "float32", "bfloat16")
"""Which code imagines. eager: PyTorch, the reference; float32, bfloat16: compiled, where a world
model has such code, or on a GPU recorded, which is float32; auto: the fastest on this machine."""


class WorldModel(Protocol):
    """A learned simulator of the robot and its scene, in latent space."""

    def encode(self, observation: Observation, foreseen: Latent | None = None) -> Latent:
        """Latent of what the cameras show.

        `foreseen` is the last one, advanced by what was done since; None at the start.
        """

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        """Latent one step later, when `action` (B, A) was taken."""

    def branches(self, latent: Latent, actions: Tensor) -> Tensor:
        """Latents (B, N, D) one step later, by each of `actions` (B, N, A), all at once."""

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        """Imagine `actions` (B, N, H, A) from `latent`.

        PyTorch's code keeps the latents; compiled code need not, see Objective.needs_latents.
        """

    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        """Draw `n` action sequences of `horizon` steps from the learned action prior.

        A prior that was learned to reach goals heeds `goal`; others do not look at it.
        """


@runtime_checkable
class Decodable(Protocol):
    """A world model that can show what it believes."""

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        """Latent (B, D) one step later, after an action (B, A)."""

    def decode(self, latent: Latent, seen: Seen | None = None) -> Tensor:
        """Frames (B, V, C, h, w) uint8.

        Of a latent that was imagined from what was `seen`, they may be painted over that.
        """


@runtime_checkable
class Sampled(Protocol):
    """A world model that can draw one of several futures; its `advance` is the same each time."""

    def sample(self, latent: Latent, action: Tensor, generator: Generators) -> Latent:
        """A latent one step later, when `action` (B, A) was taken, drawn by chance."""


@runtime_checkable
class MeasuresGoals(Protocol):
    """A world model that learned how far it is to a goal."""

    def goal_distance(self, z: Tensor, goal: Tensor) -> Tensor:
        """Distance (...), at least 0, from latents (..., D) to goals' latents (..., D)."""


@runtime_checkable
class ProposesSubgoals(Protocol):
    """A world model with a slower level, which foresees what lies on the way to a goal."""

    def subgoal(self, latent: Latent, goal: Latent) -> Latent:
        """What to see next on the way from latents (B, D) to goals (B, D); near ones themselves."""


class Objective(Protocol):
    """What makes an imagined future good."""

    @property
    def needs_latents(self) -> bool:
        """It looks at the latents of a rollout: code that imagines must keep them."""

    def score(self, rollout: Rollout, prior: Proposal | None, situation: Situation) -> Tensor:
        """Score (B, N) of each candidate, higher is better."""


class Adviser(Protocol):
    """A policy elsewhere that says what it would do; it may be late, wrong or gone, and says so.

    It never raises, and keeps nobody waiting for longer than it was told to.
    """

    @property
    def state(self) -> str:
        """What became of the last question, in words."""

    def forget(self) -> None:
        """Episodes begin anew, or did not do what they planned: no answer holds any more."""

    def ask(self, views: Mapping[int, View], instructions: Mapping[int, str]) -> None:
        """Send what these episodes see, and what they were told, by their number; does not wait."""

    def answer(self, under_way: Mapping[int, int]) -> Suggestion | None:
        """For these episodes, in their order, that saw something now; None: no word for any.

        It begins after so many actions that are under way since then.
        """


class Planner(Protocol):
    """Searches over action sequences by imagining them."""

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Best sequence found; `warm_start` (B, any H, A) is the last plan, shifted by a step."""


class Robot(Protocol):
    """The embodiment: turns actions into joint commands that cannot hurt the arm."""

    joint_names: tuple[str, ...]
    action_size: int
    proprio_size: int

    def reset(self, joint_state: JointState) -> None:
        """Start from the measured pose, at rest."""

    def proprioception(self, joint_state: JointState) -> np.ndarray:
        """What the world model is told of the robot's own state, (P,) float32."""

    def to_command(self, action: np.ndarray, joint_state: JointState) -> Command:
        """Trajectory for `action` (A,), starting where the last command's execution is now."""

    def hold(self) -> Command:
        """Trajectory that brakes within the limits and then stays."""
