"""What a task adds to a scene: props, a start, and privileged judgement for labels and scoring."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from wm_planner.envs.props import Prop
from wm_planner.envs.simulation import Simulation


class Judgement(NamedTuple):
    """Privileged; a planner never sees it."""

    reward: float  # dense, in [0, 1]
    success: bool  # the task's condition holds now and has held long enough
    landmarks: np.ndarray  # (K,) float32, what an encoder should know, near [-1, 1]
    stage: int  # index of what is being done now, in the task's `stages`


class Task(Protocol):
    """One manipulation task."""

    name: str
    time_limit: int  # control steps
    landmark_size: int
    stages: tuple[str, ...]  # what there is to do, in order
    instruction: str  # what to do in this episode, in the words of `instructions`

    def props(self) -> tuple[Prop, ...]:
        """What lies on the table."""

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        """Place the props at random, say what is to be done, and forget the last episode."""

    def judge(self, simulation: Simulation) -> Judgement:
        """Judge the state after a control step; call once a step."""

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        """Action (4,) of the scripted expert, a function of the state and the arm's goal.

        It says dx, dy, dz and gripper; how the hand turns is up to `TurnsHand`.
        """


@runtime_checkable
class TurnsHand(Protocol):
    """A task that needs the hand turned; others keep it as it is at home."""

    def hand_yaw(self, simulation: Simulation) -> float:
        """How the expert would have the hand turned about the vertical, rad from home."""
