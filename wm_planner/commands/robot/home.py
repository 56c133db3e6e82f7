"""A rest pose: the hand in front, pointing down, far from limits and from what it could hit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.commands.robot.placing import Placing
from wm_planner.commands.robot.workspace import Box, reach_grid
from wm_planner.errors import UserError

_TILT = 0.2  # rad a keyframe's hand may be off
_STARTS = 24
_CANDIDATES = 5
_INSIDE = 0.02  # m from the sides of the workspace
_AHEAD = np.linspace(0.2, 0.9, 15)  # x of places to try, of the reach
_HEIGHTS = (0.3, 0.25, 0.35, 0.2, 0.15)  # z of places to try, of the reach
_MIDDLE = 0.55  # of the way from the nearest to the farthest of them
_ROOM = 0.6  # rad from the limits that is far enough
_TURNS = np.pi  # rad from zero beyond which a joint is wound up


class Home(NamedTuple):
    """Where the arm rests."""

    joints: np.ndarray  # (n,) rad
    hand: np.ndarray  # (3,) m
    told: str


def reach_of(placing: Placing, rng: np.random.Generator) -> float:
    """How far from its base the hand gets, m."""
    spread = np.minimum(placing.upper, np.pi), np.maximum(placing.lower, -np.pi)
    poses = rng.uniform(spread[1], spread[0], (400, len(placing.lower)))
    return float(np.quantile([np.linalg.norm(placing.hand(q)) for q in poses], 0.98))


def find_home(
    placing: Placing, keyframe: np.ndarray | None, reach: float, rng: np.random.Generator
) -> Home:
    """The keyframe, if the hand points down in front there; else the best that is found.

    Raises:
        UserError: the hand cannot point down in front of the arm.
    """
    why = "the description has no keyframe 'home'"
    if keyframe is not None:
        hand, tilt = placing.hand(keyframe), placing.tilt(keyframe)
        in_front = hand[0] > 0.2 * reach and abs(hand[1]) < 0.5 * hand[0]
        if in_front and tilt < _TILT:
            return Home(keyframe, hand, "home is the description's keyframe 'home'")
        why = (
            f"the keyframe 'home' has the hand at {hand.round(2).tolist()} m, {tilt:.2f} rad from "
            "pointing down in front"
        )
    lower, upper = np.maximum(placing.lower, -_TURNS), np.minimum(placing.upper, _TURNS)
    starts = np.vstack([(lower + upper) / 2, rng.uniform(lower, upper, (_STARTS, len(lower)))])
    for height in _HEIGHTS:
        places = [np.array([ahead * reach, 0.0, height * reach]) for ahead in _AHEAD]
        reached = [p for p in places if _found(placing, p, starts[: _STARTS // 4])]
        if len(reached) > 1:
            goal = reached[0] + _MIDDLE * (reached[-1] - reached[0])
            found = _found(placing, goal, starts)
            if found:
                best = _widest(placing, found, goal, reach)
                return Home(best, placing.hand(best), f"home was searched: {why}")
    raise UserError(
        f"the hand cannot point down in front of the arm, within {reach:.2f} m along x; {why}. Is "
        "x forwards? Turn the base, or add a keyframe 'home' with the hand down"
    )


def home_in_box(placing: Placing, home: Home, box: Box) -> Home:
    """The same home, or one straight from there to the box that the hand must be in."""
    inside = np.clip(home.hand, box.lower + _INSIDE, box.upper - _INSIDE)
    if np.allclose(inside, home.hand):
        return home
    joints: np.ndarray | None = home.joints
    for share in np.linspace(0, 1, 6)[1:]:
        if joints is not None:
            joints = placing.place(home.hand + share * (inside - home.hand), joints)
    if joints is None:
        return home
    return Home(joints, placing.hand(joints), f"{home.told}; it was moved into the workspace")


def _found(placing: Placing, goal: np.ndarray, starts: np.ndarray) -> list[np.ndarray]:
    found = [q for start in starts if (q := placing.place(goal, start)) is not None]
    return [q for q in found if (np.abs(q) < 1.2 * _TURNS).all()]


def _widest(
    placing: Placing, found: list[np.ndarray], goal: np.ndarray, reach: float
) -> np.ndarray:
    """Of the most comfortable ways to be there, that from which the hand gets about most."""
    candidates: list[np.ndarray] = []
    for q in sorted(found, key=lambda q: -_comfort(placing, q, reach)):
        if len(candidates) < _CANDIDATES and all(np.abs(q - c).max() > 0.5 for c in candidates):
            candidates.append(q)
    xs = goal[0] + np.array([-0.2, -0.1, 0.1, 0.2]) * reach
    ys, zs = np.array([-0.25, 0.0, 0.25]) * reach, np.array([0.05, 1.0]) * goal[2]
    return max(
        candidates,
        key=lambda q: (
            float(reach_grid(placing, q, xs, ys, zs).mean()) + 0.3 * _comfort(placing, q, reach)
        ),
    )


def _comfort(placing: Placing, joints: np.ndarray, reach: float) -> float:
    """Larger is better: room to the limits, dexterity, elbow over the hand, nothing wound up."""
    room = float(np.minimum(joints - placing.lower, placing.upper - joints).min())
    wound = 0.05 * float(np.abs(joints).sum())
    high = min(0.0, placing.elbow_height(joints) - float(placing.hand(joints)[2])) / reach
    return min(room, _ROOM) + 3.0 * min(placing.dexterity(joints), 0.15) + 5.0 * high - wound
