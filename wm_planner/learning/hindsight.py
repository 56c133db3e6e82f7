"""What an episode tells, looked back at, of where things were: labels that cost nobody anything.

Where a hand closes and then holds, there was the thing; where it lets go for good, there was the
place for it. So the robot's own joints, later in an episode, label its earlier frames: keyframes,
as behaviour cloning uses them (James 2022, arXiv:2105.14829; Shridhar 2022, arXiv:2209.05451), in
the manner of hindsight (Andrychowicz 2017, arXiv:1707.01495).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LASTS = 10  # steps that a switch must stay as it is, else it was a slip
_SCALE = 4.0  # of the offset, so that a centimetre counts


def keyframe_offsets(
    proprio: np.ndarray, actions: np.ndarray, switches: Sequence[int], success: bool
) -> np.ndarray:
    """How proprioception will have changed at the next keyframe, (T, P) float32.

    A keyframe is a step at which one of `switches` of actions (T, A) is thrown, and then left as it
    is for a second; and the end. `proprio` (T, P) is from before each action. NaN where the episode
    failed: where that led was wrong.
    """
    if not success:
        return np.full_like(proprio, np.nan)
    steps = np.arange(len(actions))
    following = np.full(len(actions), len(actions) - 1)
    for switch in switches:
        for event in _lasting(actions[:, switch] > 0):
            ahead = (steps <= event) & (event < following)
            following[ahead] = event
    return (_SCALE * (proprio[following] - proprio)).astype(np.float32)


def _lasting(on: np.ndarray) -> np.ndarray:
    """The steps at which a switch (T,) is thrown and then stays, or stays to the end."""
    thrown = np.flatnonzero(on[1:] != on[:-1]) + 1
    left_alone = np.diff(np.r_[thrown, len(on) + _LASTS])
    return thrown[left_alone >= _LASTS]
