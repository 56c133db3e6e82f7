"""The values that cross module boundaries, all immutable.

Axis letters, here and in every shape comment: B batch, V cameras, C h w image, P proprioception,
D latent, N candidates, H horizon, T time (waypoints), A action, J joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from torch import Tensor


class Observation(NamedTuple):
    """What the world model sees: one frame of every camera and the robot's own joints."""

    images: Tensor  # (B, V, C, h, w) uint8, RGB, cameras in the model's order
    proprio: Tensor  # (B, P) float32
    instruction: Tensor | None = None  # (B, W) int64, numbers of words, 0 for none; None: no words


class Latent(NamedTuple):
    """State of a world model. Recurrent or history state belongs here, never in the module."""

    z: Tensor  # (B, D)


class Seen(NamedTuple):
    """What cameras showed at a moment from which something is imagined."""

    images: Tensor  # (B, V, C, h, w) uint8, as in an Observation
    latent: Latent  # of that moment

    def row(self, b: int) -> Seen:
        """That of one episode, B = 1."""
        return Seen(self.images[b : b + 1], Latent(*(part[b : b + 1] for part in self.latent)))

    def repeated(self, n: int) -> Seen:
        """That of each episode `n` times, one after the other."""
        latent = Latent(*(part.repeat_interleave(n, 0) for part in self.latent))
        return Seen(self.images.repeat_interleave(n, 0), latent)


class ActionSpace(NamedTuple):
    """Actions are in [-1, 1]; those in `switches` (a gripper) are closed (-1) or open (+1)."""

    size: int
    switches: tuple[int, ...] = ()


class Proposal(NamedTuple):
    """Action sequences that the learned action prior suggests from a latent.

    Continuous actions are in [-1, 1]; a switch is -1 or +1, its mean in between.
    """

    actions: Tensor  # (B, N, H, A) drawn from the prior
    mean: Tensor  # (B, H, A) the prior's own sequence, without noise
    std: Tensor  # (B, H, A) the prior's uncertainty about it


class View(NamedTuple):
    """What the robot of one episode knows."""

    frames: Mapping[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    proprio: np.ndarray  # (P,)
    age: float = 0.0  # seconds since the frames
    speed_scale: float = 1.0  # an action takes 1 / speed_scale of the usual time
    steps: int = 1  # actions that were due since the last view


class Suggestion(NamedTuple):
    """What a policy elsewhere would do from the plan's beginning on."""

    actions: Tensor  # (B, any H, A) in [-1, 1]; NaN where it says nothing
    std: float  # how far from them to look as well, in action units

    @property
    def known(self) -> Tensor:
        """(B,) bool: there is one."""
        return self.actions.isfinite().flatten(1).all(1)


class Situation(NamedTuple):
    """What a plan may need to know besides the latent it begins at; None: not known."""

    proprio: Tensor | None = None  # (B, P) as measured with the frames
    goal: Latent | None = None  # (B, D), what the goal's picture is encoded as
    suggestion: Suggestion | None = None

    def of(self, rows: list[int]) -> Situation:
        """That of some batch elements."""
        proprio = None if self.proprio is None else self.proprio[rows]
        goal = None if self.goal is None else Latent(*(part[rows] for part in self.goal))
        told = self.suggestion
        own = None if told is None else told._replace(actions=told.actions[rows])
        return Situation(proprio, goal, own)


UNKNOWN = Situation()


class Rollout(NamedTuple):
    """Imagined consequences of candidate action sequences."""

    actions: Tensor  # (B, N, H, A) what was imagined
    rewards: Tensor  # (B, N, H) predicted reward of each step
    terminal_value: Tensor  # (B, N) predicted return after the last step, mean of the ensemble
    disagreement: Tensor  # (B, N) standard deviation of the value ensemble after the last step
    latents: Tensor | None = None  # (B, N, H, D) after each step; None: not kept


class PlanStatistics(NamedTuple):
    """How a plan came about."""

    iterations: int
    non_finite: int  # candidates whose score was not a number; none of them can win
    samples: int = 0  # candidates imagined in each iteration


class Plan(NamedTuple):
    """The action sequence a planner chose."""

    actions: Tensor  # (B, H, A) in [-1, 1]; NaN where it failed
    expected_return: Tensor  # (B,) score of the chosen sequence; NaN where none is imagined
    spread: Tensor  # (B, H, A) standard deviation the search ended with
    statistics: PlanStatistics
    candidates: Tensor | None = None  # (B, K, H, A) the best that were imagined, best first

    @property
    def failed(self) -> Tensor:
        """(B,) bool: nothing could be chosen; no arm follows actions that are no numbers."""
        return ~self.actions.isfinite().flatten(1).all(1)


class JointState(NamedTuple):
    """Measured joints, in the robot's order: arm joints, then the finger."""

    positions: np.ndarray  # (J,) rad, finger in m
    velocities: np.ndarray  # (J,) rad/s, finger in m/s
    stamp: float  # seconds


class Grip(NamedTuple):
    """Where a finger is to go, and how hard it may press."""

    position: float  # of its joint, in its unit
    max_effort: float  # N or N m; 0: as the driver likes


class Command(NamedTuple):
    """A joint trajectory that ends at rest. Waypoint i is reached (i + 1) * dt after the start."""

    joint_names: tuple[str, ...]
    start: np.ndarray  # (3, J): position, velocity and acceleration, where the last one goes on
    positions: np.ndarray  # (T, J) rad, finger in m
    velocities: np.ndarray  # (T, J) rad/s, finger in m/s
    accelerations: np.ndarray  # (T, J) rad/s^2, finger in m/s^2
    dt: float  # seconds

    def of_arm(self) -> Command:
        """The same without the finger."""
        names, start, positions, velocities, accelerations, dt = self
        arm = np.s_[:, :-1]
        return Command(
            names[:-1], start[arm], positions[arm], velocities[arm], accelerations[arm], dt
        )
