"""The trials command for `ros2 run` and launch files: on the two nodes that run already."""

from __future__ import annotations

import sys

from rclpy.utilities import remove_ros_args

from wm_planner.cli import main as run_command


def main() -> int:
    """`wm_planner trials --ros --attach` with the options given."""
    return run_command(["trials", "--ros", "--attach", *remove_ros_args(sys.argv)[1:]])


if __name__ == "__main__":
    raise SystemExit(main())
