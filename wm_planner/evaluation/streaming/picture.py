"""What the fastest joint gets, by controller."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wm_planner.errors import UserError
from wm_planner.evaluation.streaming.sent import Delivery
from wm_planner.evaluation.streaming.smoothness import derivatives
from wm_planner.evaluation.streaming.study import Stream, Study

_SHOWN = {  # controller: its title
    "waypoints": "waypoints\n(forward_command_controller)",
    "trajectories, from the measured state": "trajectories from the\nmeasured state",
    "trajectories, on arrival, quintic": "trajectories on arrival,\nfrom the desired state",
    "trajectories, stamped, quintic": "stamped trajectories",
}
_NAMES = ("velocity, rad/s", "acceleration, rad/s²", "jerk, rad/s³")
_SECONDS = 0.8


def draw_streaming(study: Study, delivery: Delivery, path: Path) -> None:
    """A column for each controller, of the first episode's fastest stretch."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError("a picture needs matplotlib: pip install '.[bench]'") from error
    streams = {name: study.stream(0, name, delivery) for name in _SHOWN}
    joint, window = _fastest(study, next(iter(streams.values())))
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = figure.subplots(3, len(streams), sharex=True, sharey="row")
    for column, (name, stream) in enumerate(streams.items()):
        parts = derivatives(stream.positions[:, [joint]], study.dt)
        ideal = derivatives(stream.planned[:, [joint]], study.dt)
        for row, (part, plan) in enumerate(zip(parts, ideal, strict=True)):
            axes = panels[row, column]
            axes.plot(stream.times[window], part[window, 0], color="#c8553d", linewidth=0.9)
            axes.plot(stream.times[window], plan[window, 0], color="#0b7a75", linewidth=1.2)
            axes.set_yscale("symlog", linthresh=_limit(study, joint, row))
            axes.grid(alpha=0.3)
            if column == 0:
                axes.set_ylabel(_NAMES[row])
        panels[0, column].set_title(_SHOWN[name], fontsize=10)
        panels[2, column].set_xlabel("s")
    for row, axes in enumerate(panels[:, 0]):
        axes.set_yticks(_ticks(_limit(study, joint, row), axes.get_ylim()))
    joint_name = study.robot.joint_names[joint]
    figure.suptitle(
        f"What {joint_name} gets (red) and what was planned (green); messages {delivery.name}, "
        f"{1 / study.dt:.0f} Hz\nlinear up to the published limit, logarithmic beyond",
        fontsize=11,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _fastest(study: Study, stream: Stream) -> tuple[int, slice]:
    """The joint that is planned to be fastest, and the stretch around that."""
    arm = len(study.robot.arm_joints)
    velocity = np.abs(derivatives(stream.planned[:, :arm], study.dt)[0])
    moment, joint = np.unravel_index(int(velocity.argmax()), velocity.shape)
    half = round(_SECONDS / 2 / study.dt)
    begin = max(round(0.1 / study.dt), int(moment) - half)
    return int(joint), slice(begin, begin + 2 * half)


def _limit(study: Study, joint: int, row: int) -> float:
    """The published limit: linear below it, logarithmic beyond."""
    limits = (study.robot.velocity, study.robot.acceleration, study.robot.jerk)
    return limits[row][joint]


def _ticks(limit: float, shown: tuple[float, float]) -> list[float]:
    """Zero, and the shown powers of ten beyond the limit."""
    powers = [10.0**n for n in range(9) if limit <= 10.0**n]
    ticks = [*(-power for power in reversed(powers)), 0.0, *powers]
    return [tick for tick in ticks if shown[0] <= tick <= shown[1]]
