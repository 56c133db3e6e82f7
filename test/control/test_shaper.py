"""Every motion ends at rest inside the limits, jerk included, from wherever it starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.control.shaper import MotionState, ShapingError, TrajectoryShaper


@pytest.fixture(scope="module")
def shaper(panda_config) -> TrajectoryShaper:
    return TrajectoryShaper(panda_config)


@pytest.fixture(scope="module")
def fine(panda_config) -> TrajectoryShaper:
    """Waypoints every 0.5 ms: jerk acts for a few ms only, which no 20 ms waypoint shows."""
    return TrajectoryShaper(replace(panda_config, command_rate_hz=2000.0))


def at_rest(position: np.ndarray) -> MotionState:
    return MotionState(position, 0 * position, 0 * position)


@pytest.mark.parametrize("seed", range(10))
def test_jerk_stays_in_its_limit_through_changes_of_mind(fine, panda_config, seed):
    """A third difference is an average of the jerk; five targets, each left half way."""
    rng = np.random.default_rng(seed)
    positions = [rng.uniform(fine.lower, fine.upper)]
    state = at_rest(positions[0])
    for _ in range(5):
        target = np.clip(state.position + rng.normal(size=8) * 0.3, fine.lower, fine.upper)
        motion = fine.brake(state) if rng.random() < 0.3 else fine.move(state, target)
        keep = len(motion.positions) // 2 + 1
        positions += list(motion.positions[:keep])
        state = MotionState(*(part[keep - 1] for part in motion))
    jerk = np.abs(np.diff(positions, 3, axis=0)) * 2000.0**3
    limit = np.r_[np.array(panda_config.jerk) * panda_config.jerk_scale, panda_config.finger_jerk]
    assert (jerk.max(0) > 0.5 * limit).any(), "too slow to tell"
    rounding = 8 * 1e-9 * 2000.0**3  # of positions to a billionth, wherever a motion starts
    assert (jerk <= limit * 1.001 + rounding).all()


@pytest.mark.parametrize(("side", "sign"), [("lower", -1), ("upper", 1)])
def test_a_target_beyond_the_limits_ends_at_the_margin(shaper, panda_config, side, sign):
    start = at_rest(np.r_[panda_config.home, 0.02])
    last = shaper.move(start, start.position + sign * 100).positions[-1]
    margin = sign * panda_config.position_margin
    assert last[:7] == pytest.approx(np.array(getattr(panda_config, side)) - margin, abs=1e-6)
    assert last[7] == pytest.approx(panda_config.finger_range[int(sign > 0)], abs=1e-6)


def test_arm_joints_arrive_together(shaper, panda_config):
    start = at_rest(np.r_[panda_config.home, 0.04])
    motion = shaper.move(start, start.position + np.array([0.5, 0.01, 0, 0, 0, 0, 0, -0.04]))
    moving = np.abs(motion.velocities[:-1]) > 1e-6
    assert moving[-1, :2].all()
    assert not moving[-1, 7], "the finger need not wait"


def test_a_motion_ends_at_rest(shaper, panda_config):
    start = at_rest(np.r_[panda_config.home, 0.04])
    motion = shaper.move(start, start.position + 0.1)
    assert motion.velocities[-1] == pytest.approx(0, abs=1e-9)
    assert motion.accelerations[-1] == pytest.approx(0, abs=1e-9)


def test_braking_works_where_joints_all_but_at_rest_cannot_be_synchronised(shaper):
    """Found by test_limits: Ruckig gave up on this state, and the arm would not have held."""
    state = MotionState(
        np.array([-0.121731995, 0.151597077, -0.083230421, -1.732775345, 0.012952228,
                  1.891129434, 0.576342036, 0.04]),
        np.array([-0.003278376, 0.001639188, -0.002057147, 0.00273198, 0.000852533,
                  -0.004371168, -0.004371168, 0]),
        np.array([3.13610085, -1.568050425, 1.583906768, -2.613417375, -0.438411169,
                  4.1814678, 4.1814678, 0]),
    )  # fmt: skip
    motion = shaper.brake(state)
    assert motion.velocities[-1] == pytest.approx(0, abs=1e-9)
    assert np.abs(motion.positions[-1] - state.position).max() < 1e-3


def test_a_motion_that_takes_too_long_is_no_motion(panda_config):
    slow = TrajectoryShaper(replace(panda_config, velocity_scale=1e-3))
    start = at_rest(np.r_[panda_config.home, 0.04])
    with pytest.raises(ShapingError, match="the motion takes"):
        slow.move(start, start.position + 0.5)
