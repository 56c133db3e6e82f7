"""Grasp long: lift a bar that only fits between the fingers across: the hand must turn first."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.colours import rgba
from wm_planner.envs.expert import OPEN, move_to
from wm_planner.envs.props import Bar
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.lifting import HOLD_STEPS, STAGES, Lift
from wm_planner.envs.tasks.starts import AREA
from wm_planner.envs.tasks.task import Judgement

_TURNED = 0.12  # rad the hand may be off before it goes down
_OVER = 0.09  # m above the bar, where it waits for that


class GraspLong:
    """A bar of 16 x 3 x 4 cm anywhere in a 24 x 36 cm area, at any yaw.

    It is wider than any hand opens, but across; for robots whose actions turn the hand.
    """

    name = "grasp_long"
    time_limit = 100
    landmark_size = 6
    stages: tuple[str, ...] = STAGES

    def __init__(self) -> None:
        self.instruction = instructions.lift("the red block")
        self._held = 0

    def props(self) -> tuple[Bar, ...]:
        return (Bar("bar", rgba=rgba("red")),)

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._held = 0
        place = rng.uniform(*AREA)
        simulation.place("bar", np.r_[place, _rest(simulation)], rng.uniform(-np.pi, np.pi))

    def judge(self, simulation: Simulation) -> Judgement:
        lift = Lift.of(simulation, "bar", _rest(simulation))
        self._held = self._held + 1 if lift.up else 0
        off = 2 * _yaw_off(simulation)  # half a turn looks the same
        flags = np.r_[float(lift.grasped), np.cos(off), np.sin(off)]
        landmarks = np.r_[lift.offset / 0.2, flags].astype(np.float32)
        return Judgement(lift.reward, self._held >= HOLD_STEPS, landmarks, lift.stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        lift = Lift.of(simulation, "bar", _rest(simulation))
        if not lift.grasped and abs(_yaw_off(simulation)) > _TURNED:
            return move_to(goal, lift.position + np.r_[0.0, 0.0, _OVER], OPEN)
        return lift.expert(goal)

    def hand_yaw(self, simulation: Simulation) -> float:
        return _half_turn(_bar_yaw(simulation))


def _rest(simulation: Simulation) -> float:
    """Height of its centre where it lies, m."""
    return float(simulation.model.geom("bar").size[2])


def _bar_yaw(simulation: Simulation) -> float:
    turned = simulation.data.body("bar").xmat
    return float(np.arctan2(turned[3], turned[0]))


def _yaw_off(simulation: Simulation) -> float:
    """From the hand, whose fingers close along its y, to the bar, rad in [-pi/2, pi/2]."""
    across = simulation.data.site(simulation.robot.hand_site).xmat.reshape(3, 3)[:, 1]
    hand = float(np.arctan2(across[1], across[0])) + np.pi / 2
    return _half_turn(_bar_yaw(simulation) - hand)


def _half_turn(angle: float) -> float:
    """The same direction in [-pi/2, pi/2]: the bar has no front."""
    return float((angle + np.pi / 2) % np.pi - np.pi / 2)
