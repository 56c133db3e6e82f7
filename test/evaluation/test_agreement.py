"""Angles, grippers and rates of what was done beside what would have been done."""

import math

import numpy as np
import pytest

from wm_planner.evaluation.agreement import AgreementLog


def agreement(pairs, late=0.0):
    """Of (done, proposed) actions at 10 Hz; None where nothing was proposed."""
    log = AgreementLog(rate_hz=10.0)
    for i, (done, proposed) in enumerate(pairs):
        log.did(5 + i / 10, np.array(done, np.float32))
        if proposed is not None:
            log.proposed(5 + i / 10 + late, np.array(proposed, np.float32))
    return log.so_far()


RIGHT, FORWARD, STILL = (1.0, 0.0, 0.0, 1.0), (0.0, 0.4, 0.0, -1.0), (0.01, 0.0, 0.0, 1.0)


def test_motions_are_compared_by_direction_alone():
    found = agreement([(RIGHT, (0.2, 0.0, 0.0, 1.0)), (RIGHT, FORWARD), (RIGHT, (-1, 0, 0, 1))])
    assert (found.steps, found.proposals, found.moving) == (3, 3, 3)
    assert found.angle == pytest.approx(90.0, abs=1e-3)
    assert found.angle_p90 == pytest.approx(162.0, abs=1e-3)
    assert found.gripper == pytest.approx(2 / 3)


def test_who_hardly_moves_has_no_direction_but_a_gripper():
    found = agreement([(STILL, RIGHT), (RIGHT, STILL)])
    assert found.moving == 0 and math.isnan(found.angle)
    assert found.gripper == 1.0


def test_steps_without_a_proposal_lower_the_rate():
    found = agreement([(RIGHT, RIGHT), (RIGHT, None), (RIGHT, None), (RIGHT, RIGHT)])
    assert (found.proposals, found.rate_hz) == (2, 5.0)
    assert "2 of 4 steps planned (5.0 Hz)" in found.told()


@pytest.mark.parametrize(("late", "paired"), [(0.04, 2), (-0.04, 2), (0.06, 1)])
def test_a_proposal_is_of_the_step_within_half_a_period(late, paired):
    found = agreement([(RIGHT, RIGHT), (FORWARD, FORWARD)], late)
    assert found.proposals == paired
    assert (found.angle < 1.0) == (paired == 2)


def test_nothing_proposed_is_said():
    assert agreement([(RIGHT, None)]).told() == "shadow: no proposal in 1 steps"
