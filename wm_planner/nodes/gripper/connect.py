"""From a robot's interface to the hand it speaks of."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.publisher import Publisher

from wm_planner.control.robot_config import RobotConfig
from wm_planner.gripper_interface import BOOL, SET_BOOL, GripperInterface
from wm_planner.nodes.gripper.action_hand import ActionHand
from wm_planner.nodes.gripper.hand import Hand, ServiceHand, TopicHand


def make_hand(
    node: Node,
    interface: GripperInterface,
    robot: RobotConfig,
    latched_publisher: Callable[[str], Publisher],
) -> Hand:
    """The hand of an interface that is `separate`; `latched_publisher` makes one of std_msgs/Bool.

    Raises a UserError where an action is wanted and control_msgs is not installed.
    """
    if interface.type == BOOL:
        return TopicHand(latched_publisher(interface.name), interface)
    if interface.type == SET_BOOL:
        return ServiceHand(node, interface)
    return ActionHand(node, interface, robot)
