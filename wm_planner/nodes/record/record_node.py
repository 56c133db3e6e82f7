"""Records episodes as a node of a launch file; somebody else moves the arm."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from wm_planner.contract import Contract
from wm_planner.nodes.record.desk import RecordingDesk
from wm_planner.nodes.spin import spin_until_signal

PARAMETERS = (
    ("robot", "panda", "Name of the robot in config/robots, or the path of a robot file."),
    ("out", "", "Folder of the bag, which must not exist; default bags/<robot>_<date and time>."),
    ("instruction", "", "What is done in the episodes, in words."),
)


class RecordNode(Node):
    """The services ~/start, ~/stop, ~/success, ~/failure and ~/discard begin and end episodes."""

    def __init__(self) -> None:
        super().__init__("record")
        for name, default, text in PARAMETERS:
            descriptor = ParameterDescriptor(description=text, read_only=True)
            self.declare_parameter(name, default, descriptor)
        robot, out, instruction = (self.get_parameter(name).value for name, _, _ in PARAMETERS)
        self._desk = RecordingDesk(
            self,
            Contract.load(robot),
            Path(out) if out else default_folder(robot),
            instruction,
            lambda text: self.get_logger().info(text),
        )
        self._desk.__enter__()

    def close(self) -> None:
        self._desk.__exit__(None, None, None)


def default_folder(robot: str) -> Path:
    """A folder of its own for each recording."""
    return Path("bags") / f"{Path(robot).stem}_{datetime.now():%Y-%m-%d_%H-%M-%S}"


def main() -> int:
    return spin_until_signal(RecordNode, RecordNode.close)


if __name__ == "__main__":
    raise SystemExit(main())
