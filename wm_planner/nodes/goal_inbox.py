"""Goal images that come while the node runs: checked, and kept until the next plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sensor_msgs.msg import Image

from wm_planner.assignments import NoGoal
from wm_planner.errors import UserError
from wm_planner.nodes.diagnostics import Report
from wm_planner.nodes.fault import Fault, fault_of
from wm_planner.nodes.messages import decode_image
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.perception.goal import goal_frames, read_goal
from wm_planner.pipeline import Pipeline

NOT_HEEDED = (
    "there is a goal image, but the planner does not heed it: weigh goal_image among the objectives"
)


class GoalInbox:
    """The newest goal image that can be used; one that cannot is refused, and changes nothing."""

    def __init__(
        self,
        cameras: tuple[str, ...],
        pipeline: Pipeline,
        surroundings: Surroundings,
        report: Report,
    ) -> None:
        self._cameras, self._heeded = cameras, pipeline.needs_goal
        self._around, self._report = surroundings, report
        self._missing = pipeline.needs_goal and not pipeline.assignments.has_goal
        self._frames: dict[str, np.ndarray] | None = None

    def put(self, message: Image) -> None:
        """An image of all cameras side by side, or of the first one."""
        try:
            if not self._heeded:
                raise UserError(NOT_HEEDED)
            self._frames = goal_frames(decode_image(message), self._cameras)
        except UserError as error:
            self._report.goal = f"refused: {error}"
            self._around.warn(f"goal image refused: {error}")
        else:
            self._missing = False
            self._report.goal = f"came at {self._around.now():.3f}"
        self._around.report()
        self._around.wake()  # frames may be waiting

    def missing(self, hold: Callable[[Fault], None]) -> bool:
        """Whether there is nothing to plan for yet; then the arm is told to hold."""
        if self._missing:
            hold(fault_of(NoGoal()))
        return self._missing

    def take(self) -> dict[str, np.ndarray] | None:
        """Frames by camera (h, w, 3) uint8 RGB of a goal that is new, once."""
        frames, self._frames = self._frames, None
        return frames


def first_goal(
    pipeline: Pipeline, cameras: tuple[str, ...], path: str
) -> dict[str, np.ndarray] | None:
    """Frames of the goal that the parameters name; None where they name none."""
    if not path:
        return None
    if not pipeline.needs_goal:
        raise UserError(NOT_HEEDED)
    return read_goal(Path(path), cameras)
