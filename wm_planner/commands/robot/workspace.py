"""The box that the hand may be in: as much in front of the arm as it reaches pointing down."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.commands.robot.placing import Placing

_FLOOR = 0.015  # m above the table
_GRID = (9, 7, 3)
_ASIDE = 0.32  # of the reach, to both sides
_SLICES = 16  # places straight ahead that are tried first
_TOPS = (0.35, 0.25, 0.18, 0.12)  # heights of a box, of the reach
_WIDE = 0.15  # of the reach that a box should be deep
_STEP = 0.08  # m of the way to a place, on which joint angles follow
_ALL = 0.98  # share of the places that must be reached
_DEXTERITY = 0.02  # singular value below which a place does not count


class Box(NamedTuple):
    """A workspace, m, and what share of a grid in it the hand reaches."""

    lower: np.ndarray
    upper: np.ndarray
    share: float


def propose_box(placing: Placing, home: np.ndarray, reach: float) -> Box:
    """The largest box of a grid in front of the arm that the hand reaches all over."""
    xs, zs = _slice(placing, home, reach)
    ys = np.linspace(-_ASIDE * reach, _ASIDE * reach, _GRID[1])
    reached = reach_grid(placing, home, xs, ys, zs)
    best, most = (0, len(xs) - 1, 0, len(zs) - 1), -1.0
    half = len(ys) // 2
    for i in range(len(xs)):
        for j in range(i + 1, len(xs)):
            for aside in range(1, half + 1):
                for top in range(1, len(zs)):
                    part = reached[i : j + 1, half - aside : half + aside + 1, : top + 1]
                    volume = (xs[j] - xs[i]) * ys[half + aside] * (zs[top] - zs[0])
                    if part.mean() >= _ALL and volume > most:
                        best, most = (i, j, aside, top), volume
    i, j, aside, top = best if most > 0 else (len(xs) // 3, 2 * len(xs) // 3, 1, 1)
    lower = np.array([xs[i], ys[half - aside], zs[0]])
    upper = np.array([xs[j], ys[half + aside], zs[top]])
    part = reached[i : j + 1, half - aside : half + aside + 1, : top + 1]
    return Box(lower.round(3), upper.round(3), float(part.mean()))


def _slice(placing: Placing, home: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and z of a grid: what is reached straight ahead, as high as it is wide."""
    ahead = np.linspace(0.1 * reach, 0.95 * reach, _SLICES)
    best, zs = (ahead[0], ahead[-1]), np.array([_FLOOR, 0.1 * reach])
    for top in _TOPS:
        heights = np.linspace(_FLOOR, top * reach, _GRID[2])
        column = reach_grid(placing, home, ahead, np.zeros(1), heights)[:, 0].all(1)
        if column.sum() > 1:
            best, zs = (ahead[column][0], ahead[column][-1]), heights
            if np.ptp(ahead[column]) > _WIDE * reach:
                break
    return np.linspace(*best, _GRID[0]), zs


def reach_grid(
    placing: Placing, home: np.ndarray, xs: np.ndarray, ys: np.ndarray, zs: np.ndarray
) -> np.ndarray:
    """Which places (X, Y, Z) the hand reaches on the way there from home, bool."""
    start = placing.hand(home)
    reached = np.zeros((len(xs), len(ys), len(zs)), bool)
    for index in np.ndindex(*reached.shape):
        goal = np.array([xs[index[0]], ys[index[1]], zs[index[2]]])
        steps = max(1, int(np.ceil(np.linalg.norm(goal - start) / _STEP)))
        joints: np.ndarray | None = home
        for place in np.linspace(start, goal, steps + 1)[1:]:
            assert joints is not None
            joints = placing.place(place, joints)
            if joints is None:
                break
        reached[index] = joints is not None and placing.dexterity(joints) > _DEXTERITY
    return reached
