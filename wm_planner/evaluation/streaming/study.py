"""Every controller on the same trajectories, as messages arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, final

import numpy as np

from wm_planner.control.robot_config import RobotConfig
from wm_planner.evaluation.streaming.controllers import ForwardController, TrajectoryController
from wm_planner.evaluation.streaming.sent import Delivery, Sent, arrivals, planned
from wm_planner.evaluation.streaming.smoothness import Smoothness, smoothness

TRAJECTORIES = {
    "trajectories, from the measured state": TrajectoryController(False, from_desired=False),
    "trajectories, on arrival, cubic": TrajectoryController(False),
    "trajectories, on arrival, quintic": TrajectoryController(True),
    "trajectories, stamped, cubic": TrajectoryController(False, stamped=True),
    "trajectories, stamped, quintic": TrajectoryController(True, stamped=True),
    "the same, sent 20 ms ahead": TrajectoryController(True, stamped=True, ahead=0.02),
}
FORWARD = {"waypoints": False, "waypoints, straight lines by the drive": True}
_REST = 0.5  # s after the last message


class Row(NamedTuple):
    """What a controller makes of what arrives."""

    delivery: str
    controller: str
    found: Smoothness  # the worst of all episodes; of the usual jerk, the mean


class Stream(NamedTuple):
    """What a drive gets in an episode."""

    times: np.ndarray  # (T,) s
    positions: np.ndarray  # (T, J) of all joints
    planned: np.ndarray  # (T, J)


@final
class Study:
    """Of recorded episodes at a rate of control."""

    def __init__(
        self, episodes: Sequence[Sequence[Sent]], robot: RobotConfig, rate_hz: float, seed: int
    ) -> None:
        self.robot, self.dt = robot, 1 / rate_hz
        self._episodes, self._seed = episodes, seed
        self._plans = [self._plan(episode) for episode in episodes]

    def as_planned(self) -> Smoothness:
        """Of a drive that gets what is planned."""
        return self._worst([plan._replace(positions=plan.planned) for plan in self._plans])

    def rows(self, delivery: Delivery) -> Iterator[Row]:
        """Of every controller."""
        for name in (*TRAJECTORIES, *FORWARD):
            streams = [self.stream(i, name, delivery) for i in range(len(self._episodes))]
            yield Row(delivery.name, name, self._worst(streams))

    def stream(self, episode: int, controller: str, delivery: Delivery) -> Stream:
        """What a drive gets in an episode by a controller, from the second message on."""
        sent, plan = self._episodes[episode], self._plans[episode]
        if controller in TRAJECTORIES:
            arrived = arrivals(np.array([one.at for one in sent]), delivery, self._seed + episode)
            positions = TRAJECTORIES[controller].follow(sent, arrived, plan.times)
        else:
            period = 1 / self.robot.command_rate_hz
            waypoints = self._waypoints(sent)
            due = period * np.arange(len(waypoints))
            arrived = arrivals(due, delivery, self._seed + episode)
            forward = ForwardController(period, FORWARD[controller])
            positions = forward.follow(waypoints, arrived, plan.times)
        return plan._replace(positions=positions)

    def _plan(self, sent: Sequence[Sent]) -> Stream:
        times = np.arange(0.0, sent[-1].at + _REST, self.dt)
        return Stream(times, np.empty(0), planned(sent, times + self.dt))

    def _waypoints(self, sent: Sequence[Sent]) -> np.ndarray:
        """Those that the planner sends of these trajectories with command_type: commands (n, J)."""
        first = np.arange(1, self.robot.waypoints_per_action + 1)
        return np.concatenate([s.motion[np.minimum(first, len(s.times) - 1), 0] for s in sent])

    def _worst(self, streams: Sequence[Stream]) -> Smoothness:
        """From the second message on: what was before the first is not known."""
        first = round(1 / self.robot.control_rate_hz / self.dt)
        rows = ((s.positions[first:], s.planned[first:]) for s in streams)
        found = np.array([smoothness(*row, self.dt, self.robot) for row in rows])
        worst = Smoothness._make(found.max(axis=0).tolist())
        return worst._replace(usual_jerk=float(found[:, 3].mean()))
