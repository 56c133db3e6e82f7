"""Taking a cube to where it belongs, and letting go: alone, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from wm_planner.envs.expert import Hand, carry, grasp, leave
from wm_planner.envs.simulation import Simulation

STAY_STEPS = 10  # control steps, 1 s
STAGES = ("reach", "lift", "align", "place", "release")
LANDMARKS = 8  # of a transfer
_ALIGNED = 0.025  # m the cube's centre may be off: on another it would tip at half that one's edge
_RESTING = 0.008  # m above or below where it lies flat
_AWAY = 0.06  # m from a cube to a hand that is done with it


class Transfer(NamedTuple):
    """A cube that is to be taken somewhere, as things are now."""

    hand: Hand
    position: np.ndarray  # (3,) m
    half: float  # m from its centre to its top
    gap: np.ndarray  # (3,) m from the cube to its place
    lift: float  # m, the cube above the table
    grasped: bool
    touched: bool

    @classmethod
    def onto_cube(cls, simulation: Simulation, cube: str, base: str) -> Transfer:
        """Onto another cube."""
        under = simulation.data.body(base).xpos
        return cls._of(simulation, cube, under, simulation.half_edge(base))

    @classmethod
    def onto_table(cls, simulation: Simulation, cube: str, place: np.ndarray) -> Transfer:
        """To a place (2,) m on the table."""
        return cls._of(simulation, cube, np.r_[place, 0.0], 0.0)

    @classmethod
    def _of(cls, simulation: Simulation, cube: str, under: np.ndarray, above: float) -> Transfer:
        hand, half = Hand.of(simulation), simulation.half_edge(cube)
        position = simulation.data.body(cube).xpos.copy()
        gap = under - position + np.r_[0, 0, above + half]
        grasped, touched = hand.holds(cube), hand.touches(cube)
        return cls(hand, position, half, gap, position[2] - half, grasped, touched)

    @property
    def offset(self) -> np.ndarray:
        """(3,) m from the hand to the cube."""
        return self.position - self.hand.position

    @property
    def sideways(self) -> float:
        """m it has to go sideways."""
        return float(np.linalg.norm(self.gap[:2]))

    @property
    def placed(self) -> bool:
        return self.sideways < _ALIGNED and abs(self.gap[2]) < _RESTING

    @property
    def done(self) -> bool:
        """There, and let go of."""
        return self.placed and not self.touched

    @property
    def left(self) -> bool:
        """There, and the hand out of the way."""
        return self.done and bool(np.linalg.norm(self.offset) > _AWAY)

    @property
    def reward(self) -> float:
        """In [0, 1]; above 0.85 it is done."""
        distance = float(np.linalg.norm(self.offset))
        if self.done:
            return float(0.85 + 0.15 * np.clip(distance / _AWAY, 0.0, 1.0))
        lift = np.clip(self.lift / 0.06, 0.0, 1.0)
        align = lift * (1.0 - np.tanh(6.0 * self.sideways))
        lower = 1.0 - np.tanh(12.0 * np.linalg.norm(self.gap))
        reward = 0.2 * (1.0 - np.tanh(5.0 * distance))
        reward += self.grasped * (0.1 + 0.15 * lift + 0.25 * align + 0.15 * lower)
        return float(reward)

    @property
    def landmarks(self) -> np.ndarray:
        """(LANDMARKS,) float32."""
        flags = np.r_[float(self.grasped), float(self.placed)]
        return np.r_[self.offset / 0.2, self.gap / 0.2, flags].astype(np.float32)

    @property
    def stage(self) -> int:
        """Index in STAGES; one more when it is done."""
        if self.placed:
            return 4 if self.touched else 5
        if not self.grasped:
            return 0
        if self.lift < 0.02:
            return 1
        return 2 if self.sideways > _ALIGNED else 3

    def expert(self, goal: np.ndarray, near: float = 0.12, clearance: float = 0.045) -> np.ndarray:
        """Action (4,); `near` and `clearance` are `carry`'s."""
        if self.placed:
            return leave(self.hand, goal, self.position)
        if not self.grasped:
            return grasp(self.hand, goal, self.position, self.half)
        return carry(self.hand, goal, self.gap, near, clearance)


def stages_of(*which: str) -> tuple[str, ...]:
    """Names of the stages of transfers one after the other, which are called so."""
    return (*(f"{stage} {name}" for name in which for stage in STAGES), "stay")


def judge_in_order(transfers: Sequence[Transfer]) -> tuple[float, int, bool]:
    """Reward, stage, and whether all are done, where one comes after the other."""
    done = 0
    while done < len(transfers) - 1 and transfers[done].done:
        done += 1
    now = transfers[done]
    reward = (done + now.reward) / len(transfers)
    return reward, len(STAGES) * done + now.stage, all(t.done for t in transfers)


def expert_in_order(
    transfers: Sequence[Transfer], goal: np.ndarray, near: float, clearance: float = 0.045
) -> np.ndarray:
    """Action (4,) of the first that is not done; one that is done is left before the next.

    `near` and `clearance` are `carry`'s.
    """
    for i, transfer in enumerate(transfers[:-1]):
        busy = any(later.grasped for later in transfers[i + 1 :])
        if not (transfer.left or (transfer.done and busy)):
            return transfer.expert(goal, near, clearance)
    return transfers[-1].expert(goal, near, clearance)
