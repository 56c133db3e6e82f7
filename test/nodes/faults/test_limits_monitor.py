"""The judge of the fault suite must see what is wrong, and only that."""

import numpy as np
import pytest

from wm_planner.assembly import build_arm
from wm_planner.nodes.faults import limits_monitor
from wm_planner.nodes.faults.limits_monitor import LimitsMonitor
from wm_planner.types import JointState


class Time:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(limits_monitor, "time", time)
    return time


@pytest.fixture
def arm():
    return build_arm("panda")


@pytest.fixture
def monitor(arm, time):
    monitor = LimitsMonitor(arm.config)
    monitor.measured = arm.home
    return monitor


def feed(monitor, time, waypoints):
    for waypoint in waypoints:
        time.now += 0.02
        monitor.add(waypoint)


def motion(arm, steps=60):
    waypoints = []
    for i in range(steps):
        if i % 5 == 0:
            arm.to_command(np.array([1.0, 0.3, -0.5, -1.0]), JointState(arm.home, 0 * arm.home, 0))
        waypoints.append(arm.advance())
    return waypoints


def test_what_the_arm_sends_is_fine(arm, monitor, time):
    feed(monitor, time, motion(arm))
    assert monitor.count == 60 and not monitor.violations


def test_a_jump_is_seen(arm, monitor, time):
    waypoints = motion(arm)
    waypoints[30] = waypoints[30] + 0.05
    feed(monitor, time, waypoints)
    assert {v.limit for v in monitor.violations} >= {"velocity", "acceleration", "jerk"}


def test_abrupt_stopping_is_seen(arm, monitor, time):
    waypoints = motion(arm, 12)
    feed(monitor, time, [*waypoints, *[waypoints[-1]] * 5])
    assert monitor.violations and "velocity" not in {v.limit for v in monitor.violations}


def test_a_pose_outside_the_limits_is_seen(arm, monitor, time):
    beyond = arm.home
    beyond[3] = -0.06  # inside the joint's range, outside the margin
    feed(monitor, time, [beyond])
    assert [v.limit for v in monitor.violations] == ["position"]


@pytest.mark.parametrize("bad", [np.full(8, np.nan), np.zeros(7)])
def test_what_is_no_command_is_seen(monitor, time, bad):
    feed(monitor, time, [bad])
    assert "finite" in monitor.violations[0].limit


def test_commands_may_start_anew_after_a_pause_only_where_the_arm_is(arm, monitor, time):
    feed(monitor, time, [arm.home])
    elsewhere = arm.home
    elsewhere[0] += 0.5
    time.now += 1.0
    monitor.measured = elsewhere
    feed(monitor, time, [elsewhere])
    assert not monitor.violations
    time.now += 1.0
    feed(monitor, time, [arm.home])
    assert monitor.violations


def test_when_the_arm_came_to_rest(arm, monitor, time):
    waypoints = motion(arm, 10)
    feed(monitor, time, [*waypoints, *[waypoints[-1]] * 50])
    last = 100.0 + 10 * 0.02
    assert monitor.moved == pytest.approx(last)
    assert monitor.rested(100.1, 0.3) == pytest.approx(last)
    assert monitor.rested(100.5, 0.3) == pytest.approx(100.5)
    assert monitor.rested(100.1, 60.0) is None
