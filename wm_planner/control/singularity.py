"""Joint angles for a goal of the hand, which slows down where the arm could hardly follow it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from mink import SO3

from wm_planner.control.kinematics import Kinematics
from wm_planner.control.rotation import on_the_way

_STOP = 0.25  # of the dexterity at which goals begin to slow down: there they stop


class HandGoal(NamedTuple):
    """Where the hand is sent."""

    position: np.ndarray  # (3,) m, base frame
    orientation: SO3

    def towards(self, other: HandGoal, share: float) -> HandGoal:
        """The goal that is `share` of the way to another."""
        return HandGoal(
            self.position + share * (other.position - self.position),
            on_the_way(self.orientation, other.orientation, share),
        )


class Reached(NamedTuple):
    """What became of a goal."""

    goal: HandGoal
    joints: np.ndarray  # (n,) rad
    slowed: bool


def reach(
    kinematics: Kinematics, slow_below: float, start: np.ndarray, now: HandGoal, wanted: HandGoal
) -> Reached:
    """Joint angles near `start` (n,) for the wanted goal, or for one on the way to it.

    Below a dexterity of `slow_below` (see Kinematics; 0: never) only a share of the way is gone,
    and at a quarter of it none, unless it leads to more dexterity.

    Raises:
        Unreachable: there are none.
    """
    joints = kinematics.solve(start, *wanted)
    if slow_below == 0:
        return Reached(wanted, joints, slowed=False)
    then = kinematics.dexterity(joints)
    share = float(np.clip((then / slow_below - _STOP) / (1 - _STOP), 0.0, 1.0))
    if share == 1.0 or then >= kinematics.dexterity(start):
        return Reached(wanted, joints, slowed=False)
    goal = now.towards(wanted, share)
    return Reached(goal, kinematics.solve(start, *goal), slowed=True)
