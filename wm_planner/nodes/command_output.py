"""Follows plans action by action and sends what the arm must do, as waypoints or trajectories."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from wm_planner.control.arm import CartesianArm
from wm_planner.nodes.gripper.switch import GripperSwitch
from wm_planner.nodes.messages import trajectory_message, waypoint_message
from wm_planner.types import Command, JointState, Plan

_LATE = 1.5  # control periods after which the plan's next action is used
_AS_COMMANDED = 0.02  # rad, between an arm that holds and its command
_PAUSE = 0.1  # s without commands before the arm is taken over at another pose


class CommandOutput:
    """The only way to the arm. Every command comes from `CartesianArm`, so it is inside its limits.

    Args:
        arm: turns actions into commands.
        send_waypoint: takes a Float64MultiArray; None to send no waypoints.
        send_trajectory: takes a JointTrajectory; None to send no trajectories.
        burst: send all waypoints of an action at once, for a lockstep simulation; otherwise `tick`
            sends them one by one.
        gripper: tells a hand that is apart from the arm; None: the finger is the last joint of the
            commands.
        measured: joint states have the finger's joint.
        now: the time, s, that trajectories are stamped by; None: they begin on arrival.
    """

    def __init__(
        self,
        arm: CartesianArm,
        send_waypoint: Callable[[Float64MultiArray], None] | None,
        send_trajectory: Callable[[JointTrajectory], None] | None,
        burst: bool,
        gripper: GripperSwitch | None = None,
        measured: bool = True,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._arm, self._burst = arm, burst
        self._send_waypoint, self._send_trajectory = send_waypoint, send_trajectory
        self.gripper, self._measured, self._now = gripper, measured, now
        self.overruns = 0
        self._sent = float("-inf")  # when the last waypoint went, monotonic seconds
        self._begun = False
        self._fresh = False  # nothing was sent since the last soft start
        self.forget()

    @property
    def period(self) -> float:
        """Seconds an action takes, at the arm's present speed."""
        return 1.0 / (self._arm.config.control_rate_hz * self._arm.speed_scale)

    def forget(self) -> None:
        """Send nothing until the next soft start."""
        self.ready = False
        self._plan: Plan | None = None
        if self.gripper is not None:
            self.gripper.forget()

    def release(self) -> None:
        """As `forget`; and somebody else may move the arm until the next soft start."""
        self.forget()
        self._begun = False

    @property
    def following(self) -> bool:
        """A plan is being executed."""
        return self._plan is not None

    @property
    def commanded(self) -> np.ndarray | None:
        """Where the arm was sent last (J,); None when commands may not follow from there."""
        return self._arm.commanded if self.ready else None

    @property
    def finger(self) -> float | None:
        """Where the finger was sent, of a hand that nobody measures; else None."""
        return None if self._measured else float(self._arm.commanded[-1])

    @property
    def stalled(self) -> bool:
        """The arm was left in the middle of a motion: nobody calls `tick` any more."""
        waited = time.monotonic() - self._sent
        return self.ready and not self._burst and not self._arm.resting and waited > _PAUSE

    def soft_start(self, measured: JointState) -> bool:
        """Start at rest from where the arm is; returns whether commands may follow.

        Where the arm rests as it was commanded, the commands go on without a step. Elsewhere they
        start anew at the measured pose, after a pause without any.
        """
        as_commanded = (
            self._begun
            and self._arm.resting
            and self._arm.tracking_error(measured) <= _AS_COMMANDED
        )
        if self._burst or not as_commanded:
            self.forget()
            if not self._burst and time.monotonic() - self._sent < _PAUSE:
                return False
            self._arm.reset(measured)
            self._fresh = True
        self.ready = self._begun = True
        return True

    def _still_there(self, measured: JointState) -> None:
        """Start from elsewhere when the arm was moved before it was sent anything."""
        if self._fresh and self._arm.tracking_error(measured) > _AS_COMMANDED:
            self._arm.reset(measured)

    def follow(self, plan: Plan, measured: JointState) -> None:
        """Send the first action of a new plan; InvalidInput when it must not be sent."""
        self._still_there(measured)
        self._act(plan, 0, measured)
        self._plan, self._step = plan, 0
        self._planned = self._acted = time.monotonic()

    def hold(self) -> None:
        """Drop the plan, brake and stay; an arm at rest is sent nothing."""
        self._plan = None
        if self.ready and not self._arm.resting:
            self._send(self._arm.hold())

    def give_way(self, measured: JointState) -> None:
        """Drop the plan, and stay at the measured pose."""
        self._plan = None
        if self.ready:
            self._send(self._arm.give_way(measured))

    def finish(self) -> None:
        """Send what is left of the last command, in its time: call it when nobody calls `tick`."""
        while self.ready and not self._burst and not self._arm.resting:
            self._advance()
            time.sleep(1.0 / self._arm.config.command_rate_hz)

    def watch_gripper(self) -> None:
        """Tell the hand again where that is due; call it often while plans are followed."""
        if self.gripper is not None:
            self.gripper.watch()

    def tick(self, measured: JointState | None, timeout: float) -> str | None:
        """Send the next waypoint; says why when the plan ran out and the arm must hold.

        When no new plan came in time, the rest of the last one is followed for `timeout` s.
        """
        problem = None
        late = self._plan is not None and time.monotonic() - self._acted > _LATE * self.period
        if late and measured is not None:
            problem = self._follow_on(measured, timeout)
        if self.ready:
            if measured is not None:
                self._still_there(measured)
            self._advance()
        return problem

    def _follow_on(self, measured: JointState, timeout: float) -> str | None:
        plan, age = self._plan, time.monotonic() - self._planned
        assert plan is not None
        self.overruns += 1
        self._step += 1
        if age > timeout or self._step >= plan.actions.shape[1]:
            return f"no new plan for {age:.3f} s, allowed {timeout:.3f} s"
        self._act(plan, self._step, measured)
        self._acted += self.period
        return None

    def _act(self, plan: Plan, step: int, measured: JointState) -> None:
        action = plan.actions[0, step].double().cpu().numpy()
        command = self._arm.to_command(action, measured)
        if self.gripper is not None:
            self.gripper.set(bool(action[-1] > 0))
        self._send(command)

    def _send(self, command: Command) -> None:
        if self._send_trajectory is not None:
            told = command if self.gripper is None else command.of_arm()
            age = self._age()
            stamp = None if self._now is None else self._now() - age
            self._send_trajectory(trajectory_message(told, age, stamp))
        if self._burst:
            for _ in range(self._arm.config.waypoints_per_action):
                self._advance()

    def _age(self) -> float:
        """Seconds since the waypoint that a new command goes on from."""
        if self._burst:
            return 0.0
        return min(time.monotonic() - self._sent, 1.0 / self._arm.config.command_rate_hz)

    def _advance(self) -> None:
        positions = self._arm.advance()
        self._fresh = False
        if self._send_waypoint is not None:
            told = slice(None) if self.gripper is None else slice(-1)
            self._send_waypoint(waypoint_message(positions[told], self._arm.joint_names[told]))
        self._sent = time.monotonic()  # at last: a process may be stopped in the middle of sending
