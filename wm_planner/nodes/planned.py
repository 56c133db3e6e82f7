"""What a planner, or a person in its place, told of a step: ~/plan_statistics read back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wm_planner.control.arm import CartesianArm
from wm_planner.nodes.messages import MessageError

_LATEST = 1e11  # s


class Planned(NamedTuple):
    """An action that was told, with the proprioception it was taken in."""

    stamp: float  # seconds, of the frames it was taken from
    proprio: np.ndarray  # (P,) float32
    action: np.ndarray  # (A,) float32, in [-1, 1]


def read_planned(message: Any, arm: CartesianArm) -> Planned:
    """Of a DiagnosticStatus, live or of a bag; a MessageError for what cannot be of this arm."""
    values = {pair.key: pair.value for pair in message.values}
    try:
        stamp = float(values["frame_stamp"])
        proprio, action = (
            np.array(values[name].split(), np.float32) for name in ("proprio", "action")
        )
    except (KeyError, ValueError) as error:
        raise MessageError(f"no statistics of a plan: {error!r}") from error
    sizes = (len(proprio), len(action))
    known = np.isfinite([stamp, *proprio, *action]).all() and abs(stamp) < _LATEST
    if sizes != (arm.proprio_size, arm.action_size) or not known or np.abs(action).max() > 1:
        raise MessageError(
            f"proprio {values['proprio'][:80]}, action {values['action'][:80]}: expected "
            f"{arm.proprio_size} and {arm.action_size} numbers, actions in [-1, 1]"
        )
    return Planned(stamp, proprio, action)
