"""Finds out that what a plan rests on is missing, old or contradicts itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wm_planner.control.arm import CartesianArm
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.fault import TRACKING, Fault
from wm_planner.nodes.frame_buffer import FrameBuffer
from wm_planner.nodes.planning_thread import PlanningThread

_BLOCKED = 0.2  # s an arm must be far from its command


class Watchdogs:
    """Looks at a session's data whenever `find` is called, a few times a control period.

    Args:
        arm: its tracking error is watched.
        buffer: its frames and joint states are.
        output: knows where the arm was sent.
        thread: its plan under way is watched.
        parameter: present value of a parameter of the node.
        now: seconds, ROS time.
    """

    def __init__(
        self,
        arm: CartesianArm,
        buffer: FrameBuffer,
        output: CommandOutput,
        thread: PlanningThread,
        parameter: Callable[[str], Any],
        now: Callable[[], float],
    ) -> None:
        self._arm, self._buffer, self._output, self._thread = arm, buffer, output, thread
        self._parameter, self._now = parameter, now
        self.begin()

    def begin(self) -> None:
        """Expect data from now on."""
        self._begun = self._complete = self._tracked = time.monotonic()

    @property
    def plan_timeout(self) -> float:
        """Seconds a plan may take, and its tail be followed, at the arm's present speed."""
        return self._parameter("plan_timeout") / self._arm.speed_scale

    def find(self) -> Fault | None:
        """The first thing that is wrong now."""
        for check in (
            self._no_frame,
            self._old_frame,
            self._slow_camera,
            self._old_joints,
            self._no_set,
            self._late_plan,
            self._tracking,
        ):
            if (fault := check()) is not None:
                return fault
        return None

    def _no_frame(self) -> Fault | None:
        limit, arrivals = self._parameter("max_frame_age"), self._buffer.arrivals
        for camera in self._buffer.cameras:
            gap = time.monotonic() - max(arrivals.get(camera, self._begun), self._begun)
            if gap > limit:
                return Fault("no frame", f"none of {camera} for {gap:.3f} s, allowed {limit:.3f} s")
        return None

    def _old_frame(self) -> Fault | None:
        limit = self._parameter("max_frame_age")
        for camera, stamp in self._buffer.stamps.items():
            age = self._now() - stamp
            if age > limit:
                return Fault("stale frame", f"{camera}: {age:.3f} s old, allowed {limit:.3f} s")
            if age < -limit:
                return Fault(
                    "frame from the future",
                    f"{camera}: stamped {-age:.3f} s ahead; synchronise the clocks",
                )
        return None

    def _slow_camera(self) -> Fault | None:
        least = self._parameter("min_frame_rate_hz")
        for camera, rate in self._buffer.rates_hz.items():
            if rate < least:
                return Fault("frame rate", f"{camera} sends {rate:.1f} Hz, expected {least:.1f} Hz")
        return None

    def _old_joints(self) -> Fault | None:
        limit, joints = self._parameter("max_joint_state_age"), self._buffer.joints
        age = time.monotonic() - max(self._buffer.joints_arrived, self._begun)
        if joints is not None:
            age = max(age, self._now() - joints.stamp)
        if age > limit:
            return Fault("stale joint state", f"{age:.3f} s old, allowed {limit:.3f} s")
        return None

    def _no_set(self) -> Fault | None:
        complaint, now = self._buffer.complaint(), time.monotonic()
        if complaint is None:
            self._complete = now
        if now - self._complete > self._parameter("max_frame_age"):
            return Fault("no frame set", complaint or "")
        return None

    def _late_plan(self) -> Fault | None:
        limit = self.plan_timeout
        if (busy := self._thread.busy_for()) > limit:
            return Fault(
                "plan timeout",
                f"a plan has been under way for {busy:.3f} s, allowed {limit:.3f} s; if it never "
                "ends, clean up and configure the node",
            )
        return None

    def _tracking(self) -> Fault | None:
        limit, joints = self._parameter("max_tracking_error"), self._buffer.joints
        error = self._arm.tracking_error(joints) if self._output.ready and joints else 0.0
        now = time.monotonic()
        if error <= limit:
            self._tracked = now
        if now - self._tracked > _BLOCKED:
            return Fault(
                TRACKING,
                f"a joint is {error:.3f} rad from its command, allowed {limit:.3f} rad: the arm is "
                "blocked or pushed; call ~/reset, then ~/start",
            )
        return None
