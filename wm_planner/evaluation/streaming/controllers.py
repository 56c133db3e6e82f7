"""What a drive gets each cycle: the controllers of ros2_control, as their sources read.

From ros2_controllers 4.42.1 (Jazzy), 5.17.0 (Kilted) and 6.9.0, which agree in this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.interpolate import BPoly

from wm_planner.evaluation.streaming.sent import Sent, spline, state

_SAME = 1e-9  # s between times that are the same


class TrajectoryController(NamedTuple):
    """joint_trajectory_controller on a position interface, commanded by its topic.

    A trajectory without a stamp starts when it arrives. Its first segment begins at the state that
    was commanded last, with the time of the cycle in which it was commanded, though it was meant
    for the cycle after: at a new trajectory, a cycle's way is made twice. Without `from_desired`
    it begins at the measured state, now. A trajectory with a stamp and a point at that time starts
    there, and needs no such segment. One that is sent ahead has the end of the one before first.
    """

    accelerations: bool  # points have them: quintic splines; else cubic
    from_desired: bool = True  # parameter interpolate_from_desired_state
    stamped: bool = False
    ahead: float = 0.0  # s that a stamped one is sent before what is new in it begins
    lag: float = 0.02  # s by which the measured arm is behind its command

    def follow(self, sent: Sequence[Sent], arrived: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Commanded positions (T, J) of cycles at `times` (T,), messages `arrived` (n,)."""
        dt = times[1] - times[0]
        due = np.array([one.at for one in sent])
        needed = np.maximum(arrived - self.ahead, due)
        cycles = np.searchsorted(times, needed - _SAME)  # the first that needs each message
        heard = np.flatnonzero(cycles < len(times)).tolist()
        last = sent[0].motion[0]
        commands = np.tile(last[0], (len(times), 1))
        for i, end in zip(heard, [*cycles[heard[1:]], len(times)], strict=True):
            first = cycles[i]
            if end <= first:
                continue  # overtaken in the same cycle
            curve = self._curve(sent[i], times[first], dt, last, commands[:first])
            ahead = np.minimum(times[first:end] + dt, curve.x[-1])
            commands[first:end] = curve(ahead)
            last = state(curve, ahead[-1])
        return commands

    def _curve(
        self, sent: Sent, now: float, dt: float, last: np.ndarray, commands: np.ndarray
    ) -> BPoly:
        order = 5 if self.accelerations else 3
        if self.stamped:
            return spline(sent.at + sent.times, sent.motion, order)
        begin, before = now - dt, last
        if not self.from_desired:
            begin, before = now, self._measured(commands, dt) if len(commands) else last
        points = np.concatenate([before[None], sent.motion[1:]])
        return spline(np.r_[begin, now + sent.times[1:]], points, order)

    def _measured(self, commands: np.ndarray, dt: float) -> np.ndarray:
        """State (3, J) of an arm that follows its command after `lag`; no acceleration is known."""
        now = max(0, len(commands) - 1 - round(self.lag / dt))
        velocity = (commands[now] - commands[max(0, now - 1)]) / dt
        return np.stack([commands[now], velocity, np.zeros_like(velocity)])


class ForwardController(NamedTuple):
    """forward_command_controller on a position interface, sent a waypoint every `period` s."""

    period: float
    interpolated: bool  # by the drive: in a straight line, a period long

    def follow(self, waypoints: np.ndarray, arrived: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Positions (T, J) at `times` (T,), of waypoints (n, J) that `arrived` (n,)."""
        there = np.isfinite(arrived)
        values, moments = waypoints[there], arrived[there]
        newest = np.searchsorted(moments, times + _SAME, side="right") - 1
        if not self.interpolated:
            return values[np.maximum(newest, 0)]
        begins = values.copy()  # of each line: where the one before has come to
        for i in range(1, len(values)):
            share = min(1.0, (moments[i] - moments[i - 1]) / self.period)
            begins[i] = begins[i - 1] + share * (values[i - 1] - begins[i - 1])
        newest = np.maximum(newest, 0)
        shares = np.clip((times - moments[newest]) / self.period, 0.0, 1.0)[:, None]
        return begins[newest] + shares * (values[newest] - begins[newest])
