"""Emulated controllers on trajectories whose course is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.control.robot_config import RobotConfig
from wm_planner.evaluation.streaming.controllers import ForwardController, TrajectoryController
from wm_planner.evaluation.streaming.picture import draw_streaming
from wm_planner.evaluation.streaming.sent import Delivery, Sent, arrivals, planned
from wm_planner.evaluation.streaming.smoothness import smoothness
from wm_planner.evaluation.streaming.study import FORWARD, TRAJECTORIES, Study
from wm_planner.paths import robot_config

PERIOD, DT, JOINTS = 0.1, 0.002, 8
PANDA = RobotConfig.load(robot_config("panda"))
ON_TIME = Delivery("on time")


def wave(times: np.ndarray) -> np.ndarray:
    """Position, velocity and acceleration (n, 3, J) of a slow sine in every joint."""
    w = 3.0
    parts = (np.sin(w * times), w * np.cos(w * times), -(w**2) * np.sin(w * times))
    return np.repeat(0.3 * np.stack(parts, axis=1)[:, :, None], JOINTS, axis=2)


def steady(times: np.ndarray) -> np.ndarray:
    """The same of a steady 0.5 rad/s."""
    motion = np.zeros((len(times), 3, JOINTS))
    motion[:, 0], motion[:, 1] = 0.5 * times[:, None], 0.5
    return motion


def sent_of(course, count: int = 6) -> list[Sent]:
    """A message each period, of the next half second: as of a plan that never changes."""
    times = 0.02 * np.arange(26)
    return [Sent(PERIOD * i, times, course(PERIOD * i + times)) for i in range(count)]


def followed(controller, sent, delivery=ON_TIME) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times = np.arange(0.0, sent[-1].at + 0.1, DT)
    arrived = arrivals(np.array([one.at for one in sent]), delivery, seed=1)
    return times, controller.follow(sent, arrived, times), planned(sent, times + DT)


@pytest.mark.parametrize("delivery", [ON_TIME, Delivery("late and lost", 0.02, 0.3)])
def test_stamped_trajectories_are_followed_as_planned_whenever_they_come(delivery):
    quintic, cubic = (TrajectoryController(known, stamped=True) for known in (True, False))
    times, exact, plan = followed(quintic, sent_of(wave), delivery)
    there = times > delivery.jitter  # the first message is
    np.testing.assert_allclose(exact[there], plan[there], atol=1e-9)
    near = followed(cubic, sent_of(wave), delivery)[1]
    assert 1e-9 < np.abs(near - plan)[there].max() < 1e-5


def test_what_is_sent_ahead_may_come_late():
    late = Delivery("late", 0.02)
    controller = TrajectoryController(True, stamped=True, ahead=0.02)
    _, commands, plan = followed(controller, sent_of(wave), late)
    np.testing.assert_allclose(commands, plan, atol=1e-9)


def test_on_arrival_a_cycles_way_is_made_twice():
    times, commands, plan = followed(TrajectoryController(True), sent_of(steady))
    steps = np.diff(commands[:, 0]) / (0.5 * DT)
    new = np.isclose((times[1:] + DT / 4) % PERIOD, 0.0, atol=DT / 2)
    assert new.sum() == 5 and (steps[new] > 1.8).all()
    assert (np.abs(steps[~new] - 1.0) < 0.35).all()
    assert np.abs(commands - plan).max() < 2e-3


def test_from_the_measured_state_the_arm_is_pulled_back_by_its_lag():
    controller = TrajectoryController(False, from_desired=False, lag=0.02)
    _, commands, _ = followed(controller, sent_of(steady))
    assert np.diff(commands[:, 0]).min() == pytest.approx(-0.5 * 0.02, abs=2 * 0.5 * DT)


def test_without_further_messages_a_trajectory_ends_at_its_end():
    sent = sent_of(wave, count=2)
    times = np.arange(0.0, 1.0, DT)
    arrived = np.array([0.0, np.inf])
    for stamped in (False, True):
        commands = TrajectoryController(True, stamped=stamped).follow(sent, arrived, times)
        assert np.abs(commands[times > 0.55] - sent[0].motion[-1, 0]).max() < 1e-9


def test_waypoints_are_a_staircase_that_a_drive_may_round_off():
    waypoints = np.arange(5.0)[:, None] * np.ones(JOINTS)
    due, times = 0.02 * np.arange(5), DT * np.arange(60)
    stairs = ForwardController(0.02, False).follow(waypoints, due, times)[:, 0]
    assert set(np.diff(stairs)) == {0.0, 1.0}
    lines = ForwardController(0.02, True).follow(waypoints, due, times)[:, 0]
    assert np.diff(lines).max() == pytest.approx(0.1) and lines[-1] == 4.0


def test_messages_arrive_in_order_and_some_never():
    due = 0.02 * np.arange(2000)
    arrived = arrivals(due, Delivery("", 0.05, 0.1), seed=3)
    there = np.isfinite(arrived)
    assert there.mean() == pytest.approx(0.9, abs=0.025) and there[0]
    assert (np.diff(arrived[there]) >= 0).all() and (arrived[there] >= due[there]).all()
    assert (arrived[there] - due[there]).max() <= 0.05
    np.testing.assert_array_equal(arrived, arrivals(due, Delivery("", 0.05, 0.1), seed=3))


def test_smoothness_is_in_shares_of_the_published_limits():
    robot = replace(PANDA, velocity=(2.0,) * 7, acceleration=(8.0,) * 7, jerk=(100.0,) * 7)
    times = np.arange(0.0, 4.0, 1e-3)
    positions = np.repeat(0.3 * np.sin(3.0 * times)[:, None], JOINTS, axis=1)
    found = smoothness(positions, positions + 0.004, 1e-3, robot)
    assert found == pytest.approx((0.45, 0.3375, 0.081, 0.081 / 2**0.5, 0.004), rel=0.02)


def test_a_study_ranks_them_and_draws_what_it_means(tmp_path):
    study = Study([sent_of(wave, 12), sent_of(wave, 12)], PANDA, 500.0, seed=0)
    late = Delivery("late", 0.02)
    rows = {row.controller: row.found for row in study.rows(late)}
    assert set(rows) == {*TRAJECTORIES, *FORWARD}
    best, arrival = rows["trajectories, stamped, quintic"], rows["trajectories, on arrival, cubic"]
    assert best.jerk < 1.1 * study.as_planned().jerk < arrival.jerk < rows["waypoints"].jerk
    pytest.importorskip("matplotlib")
    draw_streaming(study, late, tmp_path / "streaming.png")
    assert (tmp_path / "streaming.png").stat().st_size > 20_000
