"""Unstacking: the wanted cube is in the air, and the other one lies on the table."""

from __future__ import annotations

import numpy as np
import pytest
from judging import follow_expert, place, succeeds

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv


@pytest.fixture(scope="module")
def pile():
    env = ManipulationEnv(EnvConfig("unstack", cameras=()))
    yield env
    env.close()


def test_one_lies_on_the_other_and_stays_there(pile):
    for seed in range(5):
        pile.reset(seed=seed)
        pile.simulation.advance(0.3)
        cube, upper = (pile.simulation.data.body(name).xpos for name in ("cube", "upper"))
        assert np.linalg.norm((cube - upper)[:2]) < 0.01
        assert (cube[2], upper[2]) == pytest.approx((0.02, 0.06), abs=1e-3)


def test_lifting_both_is_no_success(pile):
    follow_expert(pile, "hold")
    cube = pile.simulation.data.body("cube").xpos.copy()
    aside = pile.simulation.data.body("upper").xpos.copy()
    place(pile, "upper", *(cube + np.r_[0, 0, 0.04]))
    assert not succeeds(pile)
    place(pile, "upper", *aside)
    assert succeeds(pile)


def test_lifting_the_other_is_no_success(pile):
    """The two changed places."""
    follow_expert(pile, "hold")
    cube, upper = (pile.simulation.data.body(name).xpos.copy() for name in ("cube", "upper"))
    place(pile, "upper", *cube)
    place(pile, "cube", *upper)
    assert not succeeds(pile, 20)
    assert pile.task.instruction == "lift the red cube"
    assert pile.simulation.model.geom("cube").rgba[0] > 0.7


@pytest.mark.parametrize(("apart", "stage"), [(0.05, "reach upper"), (0.12, "reach")])
def test_the_other_must_be_far_enough_aside(pile, apart, stage):
    pile.reset(seed=0)
    x, y, z = pile.simulation.data.body("cube").xpos
    place(pile, "upper", x, y + apart, z)
    pile.simulation.settle()
    assert pile.task.stages[pile.task.judge(pile.simulation).stage] == stage
