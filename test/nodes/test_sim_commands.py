"""What a simulation makes of trajectories, with a stamp and without."""

from __future__ import annotations

import numpy as np
import pytest
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from wm_planner.nodes.messages import MessageError, to_time
from wm_planner.nodes.sim_commands import check_waypoint, waypoints_of

NAMES, DT = ("a", "b"), 0.02


def line(first: int = 1, stamp: float = 0.0) -> JointTrajectory:
    """One unit each 20 ms, to 5."""
    message = JointTrajectory(joint_names=list(NAMES))
    message.header.stamp = to_time(stamp)
    for i in range(first, 6):
        point = JointTrajectoryPoint(positions=[float(i), -float(i)])
        point.time_from_start.nanosec = 20_000_000 * i
        message.points.append(point)
    return message


def followed(message, now=0.0, count=None):
    start = np.array([0.0, 0.0])
    return [float(a) for a, _ in waypoints_of(message, NAMES, start, now, DT, count)]


def test_without_a_stamp_it_goes_on_from_where_the_arm_is():
    assert followed(line()) == pytest.approx([1, 2, 3, 4, 5])
    assert followed(line(first=3)) == pytest.approx([1, 2, 3, 4, 5])
    assert followed(line(), count=7) == pytest.approx([1, 2, 3, 4, 5, 5, 5])


def test_with_a_stamp_it_is_where_it_should_be_by_now():
    assert followed(line(0, stamp=10.0), now=10.0) == pytest.approx([1, 2, 3, 4, 5])
    assert followed(line(0, stamp=10.0), now=10.03) == pytest.approx([2.5, 3.5, 4.5, 5])
    assert followed(line(0, stamp=10.0), now=12.0) == pytest.approx([5])


def test_in_lockstep_no_time_passes_on_the_way():
    assert followed(line(0, stamp=9.98), now=10.0, count=5) == pytest.approx([1, 2, 3, 4, 5])


def test_what_cannot_be_followed_is_told():
    message = line()
    with pytest.raises(MessageError, match=r"joint names \['a', 'b'\], expected \['a'\]"):
        waypoints_of(message, ("a",), np.zeros(1), 0.0, DT, None)
    message.points[0].positions = [1.0]
    with pytest.raises(MessageError, match=r"points of \[1, 2\] positions, expected 2"):
        waypoints_of(message, NAMES, np.zeros(2), 0.0, DT, None)
    with pytest.raises(MessageError, match="expected 2 finite numbers"):
        check_waypoint(np.array([1.0, np.nan]), 2)
