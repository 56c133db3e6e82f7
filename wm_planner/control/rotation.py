"""How actions turn the hand: not at all, about the vertical, or about any axis."""

from __future__ import annotations

from typing import final

import numpy as np
from mink import SO3

from wm_planner.control.robot_config import ROTATIONS, RobotConfig

_VERTICAL = np.array([0.0, 0.0, 1.0])


@final
class HandRotation:
    """Moves the orientation that the hand is sent to, and tells it apart from home's.

    Turns are rotation vectors in the frame of the base: about their direction, by their length.
    """

    def __init__(self, config: RobotConfig, home: SO3) -> None:
        self._config, self._home = config, home
        self.size = ROTATIONS[config.rotation]
        self.proprio_size = {0: 0, 1: 3, 3: 9}[self.size]

    def allowed(self, orientation: SO3) -> SO3:
        """The nearest orientation that the hand may be sent to: home's, where nothing turns it."""
        if self.size == 0:
            return self._home
        return self._from_home(
            self._turn_from(self._home, orientation), self._config.rotation_range
        )

    def moved(self, goal: SO3, step: np.ndarray, hand: SO3) -> tuple[SO3, bool]:
        """The goal turned by an action's part (size,), not too far ahead; whether it was clipped.

        Args:
            goal: where the hand is being turned.
            step: in [-1, 1].
            hand: as it is.
        """
        wanted = self.turned(goal, step)
        inside = self.allowed(wanted)
        ahead = self._turn_from(hand, inside)
        angle = max(float(np.linalg.norm(ahead)), 1e-9)
        clipped = angle > self._config.rotation_reach or not _same(inside, wanted)
        if angle > self._config.rotation_reach:
            short = SO3.exp(ahead * self._config.rotation_reach / angle).multiply(self._level(hand))
            inside = self.allowed(short)
        return inside, clipped

    def proprioception(self, hand: SO3, goal: SO3) -> np.ndarray:
        """How the hand is turned, and how far its goal is ahead: no jump anywhere, near [-1, 1].

        Yaw: its cosine and sine from home, and the goal ahead. Full: the first two columns of its
        rotation from home (Zhou et al., CVPR 2019), and the goal ahead.
        """
        if self.size == 0:
            return np.zeros(0)
        ahead = self._turn_from(hand, goal) / self._config.rotation_reach
        if self.size == 1:
            yaw = self._turn_from(self._home, hand)[2]
            return np.r_[np.cos(yaw), np.sin(yaw), ahead[2]]
        return np.r_[hand.multiply(self._home.inverse()).as_matrix()[:, :2].T.ravel(), ahead]

    def towards(self, goal: SO3, yaw: float) -> np.ndarray:
        """Action's part (size,) that turns the goal to `yaw` rad from home, about the vertical."""
        wanted = self.allowed(SO3.exp(yaw * _VERTICAL).multiply(self._home))
        return self.between(goal, wanted)

    def between(self, start: SO3, end: SO3) -> np.ndarray:
        """Action's part (size,) that turns from one orientation to the other, as far as one can."""
        turn = self._turn_from(start, end) / self._config.rotation_step
        return np.clip(turn[3 - self.size :], -1.0, 1.0)

    def turned(self, start: SO3, step: np.ndarray) -> SO3:
        """The orientation after an action's part (size,) in [-1, 1]."""
        return SO3.exp(self._config.rotation_step * np.r_[np.zeros(3 - self.size), step]).multiply(
            start
        )

    def _turn_from(self, start: SO3, end: SO3) -> np.ndarray:
        """Rotation vector (3,) from one orientation to the other, the short way round."""
        turn = end.multiply(start.inverse())
        if self.size == 3:
            return rotation_vector(turn)
        matrix = turn.as_matrix()
        yaw = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
        return yaw * _VERTICAL

    def _from_home(self, turn: np.ndarray, most: float) -> SO3:
        angle = max(float(np.linalg.norm(turn)), 1e-9)
        return SO3.exp(turn * min(1.0, most / angle)).multiply(self._home)

    def _level(self, hand: SO3) -> SO3:
        """The hand without the tilt it must not have: any, unless actions turn it freely."""
        return hand if self.size == 3 else self._from_home(self._turn_from(self._home, hand), np.pi)


def rotation_vector(turn: SO3) -> np.ndarray:
    """Rotation vector (3,) of a turn, at most half of one; mink's own is 0 for exactly that."""
    quaternion = turn.wxyz if turn.wxyz[0] >= 0 else -turn.wxyz
    size = float(np.linalg.norm(quaternion[1:]))
    if size < 1e-12:
        return np.zeros(3)
    return 2 * np.arctan2(size, quaternion[0]) / size * quaternion[1:]


def on_the_way(start: SO3, end: SO3, share: float) -> SO3:
    """The orientation that is `share` of the way, the short way round."""
    return SO3.exp(share * rotation_vector(end.multiply(start.inverse()))).multiply(start)


def continuous(quaternion: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The same orientation (4,) with the sign that is nearer to the quaternion before it."""
    return quaternion if float(quaternion @ last) >= 0 else -quaternion


def _same(one: SO3, other: SO3) -> bool:
    return float(np.linalg.norm(rotation_vector(one.multiply(other.inverse())))) < 1e-9
