"""What an episode tells, looked back at, of where things were: labels that cost nobody anything.

Where a hand closes and then holds, there was the thing; where it lets go for good, there was the
place for it; and a hand that only pushes turns behind the thing, and turns away from it at its
place. So the robot's own joints, later in an episode, label its earlier frames: keyframes,
as behaviour cloning uses them (James 2022, arXiv:2105.14829; Shridhar 2022, arXiv:2209.05451), in
the manner of hindsight (Andrychowicz 2017, arXiv:1707.01495).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wm_planner.learning.corners import corners

_LASTS = 10  # steps that a switch must stay as it is, else it was a slip
_FOLLOWS = 5  # steps in which an arm follows
_TURNS = 1.0  # largest actions that a corner sticks out of the way of the hand
_LAG = 2  # steps until the arm is where its actions led
_SCALE = 4.0  # of the offset, so that a centimetre counts


def keyframe_offsets(
    proprio: np.ndarray, actions: np.ndarray, switches: Sequence[int], success: bool
) -> np.ndarray:
    """How proprioception will have changed at the next keyframe, (T, P) float32.

    A keyframe is a step at which one of `switches` of actions (T, A) is thrown, and then left as it
    is for a second; without any, a step at which the way turns that the other actions lead; and the
    end. `proprio` (T, P) is from before each action. NaN where the episode failed: where that led
    was wrong.
    """
    if not success:
        return np.full_like(proprio, np.nan)
    thrown = [event for switch in switches for event in _lasting(actions[:, switch] > 0)]
    events = thrown or _turns(actions, switches).tolist()
    steps = np.arange(len(actions))
    following = np.full(len(actions), len(actions) - 1)
    for event in events:
        ahead = (steps <= event) & (event < following)
        following[ahead] = event
    return (_SCALE * (proprio[following] - proprio)).astype(np.float32)


def _lasting(on: np.ndarray) -> np.ndarray:
    """The steps at which a switch (T,) is thrown and then stays, or stays to the end."""
    thrown = np.flatnonzero(on[1:] != on[:-1]) + 1
    left_alone = np.diff(np.r_[thrown, len(on) + _LASTS])
    return thrown[left_alone >= _LASTS]


def _turns(actions: np.ndarray, switches: Sequence[int]) -> np.ndarray:
    """The steps at which the arm has come to where the way turns that `actions` (T, A) lead."""
    way = np.cumsum(np.delete(actions, list(switches), 1), 0, np.float64)
    turned = corners(way, _TURNS) + _LAG
    return turned[turned < len(actions)]


def motion_of(
    proprio: np.ndarray, actions: np.ndarray, spans: Sequence[slice], switches: Sequence[int]
) -> np.ndarray:
    """How keyframe offsets change by a unit of each action, (A, P) float32; zero for `switches`.

    Least squares over half a second, of `proprio` (T, P) and `actions` (T, A) of all episodes,
    which lie at `spans`: the arm follows its actions with a lag.
    """
    changes, sums = [], []
    for span in spans:
        own, given = proprio[span], actions[span].copy()
        given[:, list(switches)] = 0.0
        done = np.cumsum(given, 0)
        changes.append(own[_FOLLOWS:] - own[:-_FOLLOWS])
        sums.append(done[_FOLLOWS - 1 : -1] - done[:-_FOLLOWS] + given[:-_FOLLOWS])
    gain, *_ = np.linalg.lstsq(np.concatenate(sums), np.concatenate(changes), rcond=None)
    return (-_SCALE * gain).astype(np.float32)
