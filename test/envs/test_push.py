"""Pushing ends with the block at rest on the mark, and the hand off it."""

from __future__ import annotations

import numpy as np
import pytest
from judging import follow_expert, place, succeeds

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.props import Block
from wm_planner.envs.tasks.push import ON_MARK


@pytest.fixture(scope="module")
def pushing():
    env = ManipulationEnv(EnvConfig("push", cameras=()))
    yield env
    env.close()


def test_the_block_does_not_fit_into_the_hand(pushing):
    smallest = 0.88 * Block("block").edge  # of those collected
    assert smallest > 2 * pushing.arm.config.finger_range[1]


@pytest.mark.parametrize(("off", "success"), [(0.0, True), (0.02, True), (0.03, False)])
def test_the_block_must_lie_on_the_mark(pushing, off, success):
    pushing.reset(seed=0)
    pushing.simulation.mark("mark", np.array([0.5, 0.1]))
    place(pushing, "block", 0.5 + off, 0.1, 0.025)
    assert (off < ON_MARK) == success == succeeds(pushing)


def test_a_block_that_slides_across_the_mark_is_no_success(pushing):
    pushing.reset(seed=0)
    data, body = pushing.simulation.data, pushing.simulation.model.joint("block")
    pushing.simulation.mark("mark", np.array([0.5, 0.0]))
    place(pushing, "block", 0.5, -0.08, 0.025)
    data.qvel[body.dofadr[0] + 1] = 2.0
    crossed = False
    for _ in range(20):
        *_, done, _, info = pushing.step(np.array([0.0, 0.0, 0.0, 1.0]))
        crossed |= bool(data.body("block").xpos[1] > 0.03)
        assert not done and not info["success"]
    assert crossed


def test_a_hand_that_stays_on_the_block_is_no_success(pushing):
    follow_expert(pushing, "let go")
    assert not succeeds(pushing, 20)


def test_a_mark_bumps_into_nothing(pushing):
    model = pushing.simulation.model
    assert model.geom("mark").contype == model.geom("mark").conaffinity == 0
    pushing.reset(seed=0)
    pushing.simulation.mark("mark", pushing.simulation.data.body("block").xpos[:2])
    pushing.simulation.advance(0.2)
    assert pushing.simulation.data.body("block").xpos[2] == pytest.approx(0.025, abs=5e-4)
