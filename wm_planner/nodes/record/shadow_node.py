"""A planner in somebody's shadow: it plans at each step of who drives, and moves nothing.

It sees the same frames and is told the same proprioception. What it would do is on
~/plan_statistics and, as commands that begin where the arm is, on ~/commands, to which nobody
listens.
"""

from __future__ import annotations

from typing import Any, final

from diagnostic_msgs.msg import DiagnosticStatus

from wm_planner.control.arm import CartesianArm
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.frame_buffer import FrameSet
from wm_planner.nodes.messages import MessageError
from wm_planner.nodes.planned import Planned, read_planned
from wm_planner.nodes.planner_node import PlannerNode
from wm_planner.nodes.planning_thread import Job
from wm_planner.nodes.session import Session
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.pipeline import Pipeline
from wm_planner.types import JointState, Plan


@final
class ShadowOutput(CommandOutput):
    """Each command is the first one after a soft start: the arm did not do the last one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "burst": True})  # nothing between two plans

    def follow(self, plan: Plan, measured: JointState) -> None:
        self._arm.reset(measured)
        super().follow(plan, measured)

    def tick(self, measured: JointState | None, timeout: float) -> str | None:
        return None

    def hold(self) -> None:
        self._plan = None

    def give_way(self, measured: JointState) -> None:
        self._plan = None


@final
class ShadowSession(Session):
    """Plans when whoever drives has told the step, from what they knew."""

    _told: Planned | None = None

    def hear(self, message: DiagnosticStatus) -> None:
        """What whoever drives tells of a step."""
        try:
            self._told = read_planned(message, self._arm)
        except MessageError as error:
            self._around.warn(f"not heeded: {error}")
            return
        self._plan_if_ready()

    def _plan_if_ready(self) -> None:
        stamps = self._buffer.stamps.values()
        if self._told is None or not stamps:
            return
        if abs(min(stamps) - self._told.stamp) < 0.5 * self._output.period:
            super()._plan_if_ready()

    def _job(self, frames: FrameSet) -> Job:
        assert self._told is not None
        return super()._job(frames)._replace(proprio=self._told.proprio, held=True)


@final
class ShadowNode(PlannerNode):
    """Named `shadow` beside the node that drives, which is `wm_planner`."""

    make_output = ShadowOutput
    make_session = ShadowSession

    def _gripper(self, arm: CartesianArm) -> None:
        """The hand belongs to who drives."""
        return None

    def _surroundings(self, *arguments: Any) -> Surroundings:
        return super()._surroundings(*arguments)._replace(heard=lambda: True)

    def _connect(
        self, pipeline: Pipeline, cameras: tuple[str, ...], settings: dict[str, Any]
    ) -> Session:
        session = super()._connect(pipeline, cameras, settings)
        assert isinstance(session, ShadowSession)
        told = self._contract.statistics
        self._kept(
            self.create_subscription(DiagnosticStatus, told, session.hear, 10),
            self.destroy_subscription,
        )
        return session


def main() -> int:
    return spin_until_signal(ShadowNode, ShadowNode.take_down)


if __name__ == "__main__":
    raise SystemExit(main())
