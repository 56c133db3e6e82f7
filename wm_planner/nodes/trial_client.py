"""Runs trials on a simulation node and a planner node, from a third process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, Float64MultiArray

from wm_planner.errors import UserError
from wm_planner.evaluation.records import Trial
from wm_planner.nodes.messages import decode_image, seconds
from wm_planner.nodes.node_client import DISCOVERY, NodeClient
from wm_planner.planning.budget import Budget

_TOPICS = (
    "/sim/task_state", "/wm_planner/plan_statistics", "/wm_planner/commands", "/wm_planner/mark"
)  # fmt: skip


class RosTrial(NamedTuple):
    """One trial over ROS, what was commanded and what was imagined."""

    trial: Trial
    commands: list[np.ndarray]  # (J,) each, all waypoints in order; empty for trajectories
    pictures: list[np.ndarray]  # (h, w, 3) uint8 RGB, of ~/imagination, if it is watched
    times: list[float]  # of each picture, seconds: there is none where no time was left for it


class TrialClient(NodeClient):
    """Controls /sim and /wm_planner."""

    def __init__(
        self,
        rate_hz: float,
        alive: Callable[[], None] = lambda: None,
        processes: Mapping[str, int] | None = None,
    ) -> None:
        """`rate_hz` is of control; `alive` is called while waiting and may raise to give up.

        `processes` are the process ids of the nodes that were started for this client, by name.
        """
        super().__init__("trials", alive)
        self.processes = dict(processes or {})
        self.rate_hz = rate_hz
        reliable = QoSProfile(depth=200, reliability=ReliabilityPolicy.RELIABLE)
        kinds = (DiagnosticStatus, DiagnosticStatus, Float64MultiArray, Bool)
        callbacks = (self._on_task_state, self._on_statistics, self._on_command, self._on_mark)
        for kind, topic, callback in zip(kinds, _TOPICS, callbacks, strict=True):
            self.node.create_subscription(kind, topic, callback, reliable)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.budget: Budget | None = None  # of plans that nothing shortened
        self._recording: int | None = None
        self._by_task = True  # the task judges
        self._clear()

    def watch_imagination(self) -> None:
        """Keep every picture (h, w, 3) uint8 RGB that the planner draws during trials."""

        def on_image(message: Image) -> None:
            if self._recording is not None:
                self._pictures.append(decode_image(message))
                self._times.append(seconds(message.header.stamp))

        self.node.create_subscription(Image, "/wm_planner/imagination", on_image, 5)

    def configure_and_activate(self) -> None:
        """Bring the planner up; a UserError says which transition it refused."""
        self.bring_up("/wm_planner")
        deadline = time.monotonic() + DISCOVERY
        while any(self.node.count_publishers(topic) == 0 for topic in _TOPICS):
            self._executor.spin_once(timeout_sec=0.1)
            self._alive()
            if time.monotonic() > deadline:
                raise UserError(f"not all of {_TOPICS} appeared within {DISCOVERY:.0f} s")

    def run_trial(
        self,
        seed: int,
        planner: str = "mppi",
        time_limit: float = 0.0,
        patience: float = 10.0,
        judging: float | None = None,
    ) -> RosTrial:
        """Reset both nodes to `seed`, plan until success, the limit, a stop or a person's mark.

        Args:
            seed: of the start and of the search.
            planner: label for the record.
            time_limit: seconds; 0 for the task's.
            patience: seconds without news of the simulation that end a trial as a fault.
            judging: only a person judges, who has so many seconds for it after the end; None: the
                task does, unless a person has marked the trial.
        """
        self.trigger("/wm_planner/stop")
        self.trigger("/sim/pause")
        self.set_seed("/wm_planner", seed)
        self.set_seed("/sim", seed)
        self.trigger("/wm_planner/reset")
        self._clear(round(time_limit * self.rate_hz))
        self._recording, self._by_task = seed, judging is None
        self.trigger("/sim/reset")
        self.trigger("/wm_planner/start")
        self._running = True
        self._wait_for(lambda: self._ended() is not None, patience)
        ended = self._ended() or ("safety stop" if self._held else "fault")
        self._running = False
        self.trigger("/wm_planner/stop")  # what was still under way arrives meanwhile
        if judging is not None and self.mark is None:
            self.node.get_logger().info(
                f"trial {seed} is over. Did it work? {judging:.0f} s for y or n, or a mark"
            )
            self.spin_until(lambda: self.mark is not None, judging)
        if self.mark:
            ended = "success"
        elif ended == "success" and self.mark is False:
            ended = "operator stop"
        self._recording = None
        steps = len(self._rewards)
        trial = Trial(
            planner=planner,
            seed=seed,
            success=ended == "success",
            ended=ended,
            steps=steps,
            seconds=steps / self.rate_hz,
            reached=self._reached,
            rewards=self._rewards,
            expected_returns=[self._expected.get(stamp, math.nan) for stamp in self.stamps[:steps]],
            plan_ms=self._plan_ms,
            frame_to_command_ms=self._frame_to_command_ms,
        )
        return RosTrial(trial, self._commands, self._pictures, self._times)

    def _wait_for(self, finished: Callable[[], bool], patience: float) -> None:
        self._heard = time.monotonic()
        while not finished() and time.monotonic() - self._heard < patience:
            self._executor.spin_once(timeout_sec=0.1)
            self._alive()

    def _ended(self) -> str | None:
        """One of records.ENDINGS, or None while under way."""
        if self._success or self.mark:
            return "success"
        if self._stopped or self.mark is False:
            return "operator stop"
        if len(self._rewards) < self._time_limit:
            return None
        return "safety stop" if self._held else "time limit"

    def _clear(self, time_limit: int = 0) -> None:
        self.mark: bool | None = None  # what a person said of the last trial
        self._success = self._stopped = self._held = self._running = False
        self._own_limit, self._time_limit = time_limit, time_limit or 2**31
        self._rewards: list[float] = []
        self._reached: list[int] = []
        self.stamps: list[str] = []  # of the state before each step
        self._expected: dict[str, float] = {}  # by the stamp of the frames planned from
        self._plan_ms: list[float] = []
        self._frame_to_command_ms: list[float] = []
        self._commands: list[np.ndarray] = []
        self._pictures: list[np.ndarray] = []
        self._times: list[float] = []  # of the pictures
        self._heard = time.monotonic()

    def _on_task_state(self, message: DiagnosticStatus) -> None:
        values = {pair.key: pair.value for pair in message.values}
        if self._recording is None or int(values["seed"]) != self._recording:
            return
        self._heard = time.monotonic()
        self._time_limit = self._own_limit or int(values["time_limit"])
        if self._ended() is not None or int(values["step"]) < len(self.stamps):
            return  # over, or the start once more
        self.stamps.append(values["stamp"])
        if int(values["step"]) == 0:
            return
        self._rewards.append(float(values["reward"]))
        self._reached.append(int(values["stage"]))
        self._success = self._by_task and values["success"] == "True"

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        """Whether the planner holds the arm, or somebody else has called its ~/stop."""
        for report in message.status:
            state = {pair.key: pair.value for pair in report.values}.get("state")
            if self._running and state is not None:
                self._held = state == "running" and report.level == DiagnosticStatus.ERROR
                self._stopped = self._stopped or state == "stopped"

    def _on_statistics(self, message: DiagnosticStatus) -> None:
        if self._recording is not None:
            values = {pair.key: pair.value for pair in message.values}
            taken = Budget(*(int(values[name]) for name in Budget._fields))
            self.budget = max(self.budget or taken, taken, key=lambda budget: budget.steps)
            self._plan_ms.append(float(values["plan_ms"]))
            self._frame_to_command_ms.append(float(values["frame_to_command_ms"]))
            self._expected[values["frame_stamp"]] = float(values["expected_return"])

    def _on_mark(self, message: Bool) -> None:
        if self._recording is not None:
            self.mark = message.data

    def _on_command(self, message: Float64MultiArray) -> None:
        if self._recording is not None:
            self._commands.append(np.array(message.data))
