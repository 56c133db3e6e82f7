"""What scripted experts are made of. Privileged: for demonstrations and labels only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from wm_planner.envs.simulation import Simulation

OPEN, CLOSE = 1.0, -1.0
_SLACK, _NEARLY_OPEN = 0.014, 0.02  # m that an open gripper may lack
_PRESSED = 0.001  # m that a cup is sent into what it is to hold


class Hand(NamedTuple):
    """Privileged view of the gripper."""

    position: np.ndarray  # (3,) m, between the fingertips, or of the cup's lip
    width: float  # m between the fingers; of a cup 0 when it sucks
    opening: float  # m, its width when it is open
    touching: Mapping[str, frozenset[int]]  # props that its fingers 0 and 1 touch
    cup: bool = False  # it sucks, instead of closing

    @classmethod
    def of(cls, simulation: Simulation) -> Hand:
        finger = simulation.robot.finger
        position = simulation.data.site(simulation.robot.hand_site).xpos.copy()
        width = finger.width(simulation.joint_state().positions[-1])
        cup = simulation.robot.suction
        return cls(position, width, finger.opening, simulation.touching(), cup)

    def touches(self, prop: str) -> bool:
        return prop in self.touching

    def holds(self, prop: str) -> bool:
        """Between both fingers, or by suction."""
        if self.cup:
            return self.touches(prop) and self.width < self.opening / 2
        return len(self.touching.get(prop, ())) == 2

    def point_on(self, thing: np.ndarray, half: float) -> np.ndarray:
        """Where its point belongs (3,) m to hold a thing at `thing` (3,) m, `half` m to its top."""
        if self.cup:
            return thing + np.r_[0.0, 0.0, half - _PRESSED]
        return np.r_[thing[:2], max(thing[2] - 0.002, 0.018)]


def move_to(goal: np.ndarray, target: np.ndarray, gripper: float, step: float = 0.04) -> np.ndarray:
    """Action (4,) that moves the arm's goal (3,) to `target` (3,), at most `step` m an axis."""
    return np.r_[np.clip((target - goal) / step, -1.0, 1.0), gripper]


def grasp(
    hand: Hand, goal: np.ndarray, thing: np.ndarray, half: float, funnel: float = 0.015
) -> np.ndarray:
    """Action (4,) on the way to holding a thing at `thing` (3,) m: over it, down, close; or again.

    Its top is `half` m higher. The hand comes down to it while less than `funnel` m off sideways.
    """
    grasp_point = hand.point_on(thing, half)
    offset = grasp_point - hand.position
    sideways = np.linalg.norm(offset[:2])
    if sideways < 0.012 and abs(offset[2]) < 0.012:
        return move_to(goal, grasp_point, CLOSE)
    if hand.width < hand.opening - _SLACK and (
        sideways < 0.05 and hand.position[2] < 0.06 + thing[2]
    ):
        return move_to(goal, hand.position, OPEN)
    height = grasp_point[2] + np.clip(4.0 * (sideways - funnel), 0.0, 0.08)
    if sideways > 0.05:
        height = max(height, grasp_point[2] + 0.08)
    return move_to(goal, np.r_[grasp_point[:2], height], OPEN)


def carry(
    hand: Hand, goal: np.ndarray, gap: np.ndarray, near: float = 0.12, clearance: float = 0.045
) -> np.ndarray:
    """Action (4,) on the way from holding a thing to its being `gap` (3,) m further: over, down.

    It is carried `clearance` m above its place. Up to `near` m from there it first goes straight
    up: what is there may be in the way.
    """
    target = hand.position + gap
    sideways = np.linalg.norm(gap[:2])
    if sideways > 0.012:
        low = gap[2] > -0.5 * clearance
        target[2] += clearance
        if low and sideways < near:
            target[:2] = goal[:2]
    return move_to(goal, target, CLOSE)


def leave(hand: Hand, goal: np.ndarray, thing: np.ndarray) -> np.ndarray:
    """Action (4,) on the way from a thing at `thing` (3,) m: let go, then straight up."""
    away = np.r_[goal[:2], thing[2] + 0.08]
    return move_to(goal, away if hand.width > hand.opening - _NEARLY_OPEN else hand.position, OPEN)
