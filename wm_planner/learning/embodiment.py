"""Whose data it is: of what arm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.learning.episodes import description, open_dataset
from wm_planner.paths import robot_config


def embodiment(robot: str, datasets: Sequence[Path]) -> RobotConfig:
    """The robot of that name; a UserError where a dataset says that it is another's."""
    config = RobotConfig.load(robot_config(robot))
    for path in datasets:
        recorded = _recorded_robot(path)
        if recorded not in ("", robot):
            raise UserError(
                f"{path} was collected with robot {recorded!r}, and this is for {robot!r}; give "
                f"--robot {recorded}, or other data"
            )
    return config


def _recorded_robot(path: Path) -> str:
    """The robot that a simulated dataset names; "" where it names none."""
    with open_dataset(path) as file:
        settings = description(file).get("env_kwargs", {})
    return str(settings.get("robot", "")) if isinstance(settings, dict) else ""
