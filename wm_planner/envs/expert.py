"""What scripted experts are made of. Privileged: for demonstrations and labels only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.envs.simulation import Simulation

OPEN, CLOSE = 1.0, -1.0


class Hand(NamedTuple):
    """Privileged view of the gripper."""

    position: np.ndarray  # (3,) m, between the fingertips
    width: float  # m between the fingers
    contacts: frozenset[tuple[str, str]]  # (finger body, prop) pairs that touch

    @classmethod
    def of(cls, simulation: Simulation) -> Hand:
        model, data = simulation.model, simulation.data
        pairs = model.geom_bodyid[data.contact.geom]  # (contacts, 2)
        names = {(model.body(a).name, model.body(b).name) for a, b in np.unique(pairs, axis=0)}
        contacts = frozenset(pair for a, b in names for pair in ((a, b), (b, a)))
        position = data.site(simulation.robot.hand_site).xpos.copy()
        return cls(position, 2 * simulation.joint_state().positions[-1], contacts)

    def touches(self, prop: str) -> bool:
        return any((f"panda_{side}finger", prop) in self.contacts for side in ("left", "right"))

    def touches_both_sides(self, prop: str) -> bool:
        return all((f"panda_{side}finger", prop) in self.contacts for side in ("left", "right"))


def move_to(goal: np.ndarray, target: np.ndarray, gripper: float, step: float = 0.04) -> np.ndarray:
    """Action (4,) that moves the arm's goal (3,) to `target` (3,), at most `step` m an axis."""
    return np.r_[np.clip((target - goal) / step, -1.0, 1.0), gripper]


def grasp(hand: Hand, goal: np.ndarray, thing: np.ndarray, funnel: float = 0.015) -> np.ndarray:
    """Action (4,) on the way to holding a thing at `thing` (3,) m: over it, down, close; or again.

    The hand comes down to it while less than `funnel` m off sideways.
    """
    grasp_point = np.r_[thing[:2], max(thing[2] - 0.002, 0.018)]
    offset = grasp_point - hand.position
    sideways = np.linalg.norm(offset[:2])
    if sideways < 0.012 and abs(offset[2]) < 0.012:
        return move_to(goal, grasp_point, CLOSE)
    if hand.width < 0.066 and (sideways < 0.05 and hand.position[2] < 0.06 + thing[2]):
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
    return move_to(goal, away if hand.width > 0.06 else hand.position, OPEN)
