"""What a session needs of the node around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from wm_planner.types import Plan

Prepare = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""Frames (h, w, 3) uint8 RGB by camera, of the pictures that the cameras took."""


class Surroundings(NamedTuple):
    """The node's clock, parameters and publishers, as functions."""

    now: Callable[[], float]  # seconds, ROS time
    parameter: Callable[[str], Any]  # present value of a parameter
    warn: Callable[[str], object]
    heard: Callable[[], bool]  # somebody listens to the commands
    watched: Callable[[], bool]  # somebody looks at the imagination
    compared: Callable[[], bool]  # somebody looks at the candidates
    send_statistics: Callable[[DiagnosticStatus], None]
    send_surprise: Callable[[float], None]
    send_mark: Callable[[bool], None]  # whether it worked, says a person
    send_candidates: Callable[[Plan, float], None]  # stamp in seconds
    send_picture: Callable[[np.ndarray, float], None]  # (h, w, 3) uint8 RGB, stamp in seconds
    report: Callable[[], None]  # publish the diagnostics now
    wake: Callable[[], None]  # have `take_outcomes` called by the executor; from any thread
    prepare: Prepare = dict
