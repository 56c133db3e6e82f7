"""What a simulation is sent: joint commands as waypoints, and the switch of a hand of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import final

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from wm_planner.control.robot_config import RobotConfig
from wm_planner.gripper_interface import BOOL, JOINT, SET_BOOL, GripperInterface
from wm_planner.nodes.messages import MessageError, seconds
from wm_planner.nodes.sim_gripper_action import GripperController


@final
class SimulatedHand:
    """Moves the simulated finger where the hand was told to; it starts open.

    Where the finger is one of the commanded joints, it only hands them on. A UserError says where
    control_msgs is wanted and not installed.
    """

    def __init__(
        self,
        node: Node,
        interface: GripperInterface,
        robot: RobotConfig,
        finger: Callable[[], float],
    ) -> None:
        """`finger`: where it is now."""
        self._interface, self._robot, self._measured = interface, robot, finger
        self._controller: GripperController | None = None
        self._step = robot.finger_velocity / robot.command_rate_hz
        if interface.type == BOOL:
            node.create_subscription(Bool, interface.name, self._on_topic, 10)
        elif interface.type == SET_BOOL:
            node.create_service(SetBool, interface.name, self._on_call)
        elif interface.type != JOINT:
            self._controller = GripperController(node, interface, robot, self._on_goal)
        self.reset()

    def reset(self) -> None:
        if self._controller is not None:
            self._controller.give_up()
        self._end = self._finger = self._robot.finger_range[1]

    def joints(self, commanded: np.ndarray) -> np.ndarray:
        """All joints (J,) a waypoint later, for a command of the joints that commands have."""
        if not self._interface.separate:
            return commanded
        if self._controller is not None:
            self._controller.watch(float(self._measured()))
        self._finger += float(np.clip(self._end - self._finger, -self._step, self._step))
        return np.r_[commanded, self._finger]

    def _on_goal(self, position: float) -> None:
        self._end = position

    def _on_topic(self, message: Bool) -> None:
        self._end = self._robot.finger_range[int(self._interface.opens(message.data))]

    def _on_call(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        opened = self._interface.opens(request.data)
        self._end = self._robot.finger_range[int(opened)]
        response.success, response.message = True, "opening" if opened else "closing"
        return response


def waypoints_of(
    message: JointTrajectory,
    names: Sequence[str],
    start: np.ndarray,
    now: float,
    dt: float,
    count: int | None,
) -> list[np.ndarray]:
    """Positions (n,) of a trajectory dt, 2 dt, ... after `now`, s.

    From its stamp on; without one, it goes on from `start` (n,) now. `count` of them; None: to its
    end. Raises a MessageError that says what is wrong.
    """
    if tuple(message.joint_names) != tuple(names):
        raise MessageError(f"joint names {list(message.joint_names)}, expected {list(names)}")
    times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in message.points]
    sizes = {len(point.positions) for point in message.points}
    if sizes != {len(names)}:
        raise MessageError(
            f"points of {sorted(sizes)} positions, expected {len(names)}, one for each joint"
        )
    points = np.array([point.positions for point in message.points])
    knots, values = np.r_[0.0, times], np.vstack([start, points])
    if stamp := seconds(message.header.stamp):
        since = now - stamp if count is None else 0.0  # time stands while a lockstep plans
        knots, values = np.array(times) - since, points
    wanted = math.ceil(knots[-1] / dt - 1e-6) if count is None else count
    ticks = np.arange(1, max(1, wanted) + 1) * dt
    return list(np.stack([np.interp(ticks, knots, column) for column in values.T], axis=1))


def check_waypoint(positions: np.ndarray, count: int) -> None:
    """Raise a MessageError unless these are `count` finite numbers."""
    if positions.shape != (count,) or not np.isfinite(positions).all():
        raise MessageError(f"command {positions}, expected {count} finite numbers")
