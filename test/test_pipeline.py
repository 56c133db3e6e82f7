"""Frame to command: repeatable with every planner, and mismatched parts are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import SEARCH, TINY, frames, tiny_model

from wm_planner.assembly import build_pipeline
from wm_planner.assignments import BadGoal, NoGoal
from wm_planner.errors import UserError
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PLANNERS, PlanningError
from wm_planner.types import Command, JointState, View
from wm_planner.world_models.store import LoadedModel
from wm_planner.world_models.td_latent import TDLatent


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return tiny_model()


def pipeline(model: LoadedModel, planner: str) -> Pipeline:
    return build_pipeline(model, replace(SEARCH, planner=planner))


def at_home(home: np.ndarray) -> JointState:
    return JointState(home, np.zeros_like(home), 0.0)


def run(running: Pipeline, seed: int, steps: int = 4) -> list[Command]:
    """Commands for a fixed sequence of frames, on an arm that follows exactly."""
    arm = running.robot
    state = at_home(arm.home)
    arm.reset(state)
    running.reset(seed)
    commands = []
    for step in range(steps):
        thought = running.think(frames(step), arm.proprioception(state))
        commands.append(running.act(thought.plan, state))
        for _ in range(arm.config.waypoints_per_action):
            positions = arm.advance()
        state = at_home(positions)
    return commands


def same(first: list[Command], second: list[Command]) -> bool:
    return all(
        np.array_equal(a.positions, b.positions) and np.array_equal(a.velocities, b.velocities)
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("planner", PLANNERS)
def test_the_same_seed_and_frames_give_the_same_commands(model, planner):
    running = pipeline(model, planner)
    first = run(running, seed=3)
    run(running, seed=4)  # something else in between
    assert same(first, run(running, seed=3)), "after a reset"
    assert same(first, run(pipeline(model, planner), seed=3)), "in another pipeline"


@pytest.mark.parametrize("planner", ["random", "mppi", "cem"])
def test_another_seed_gives_other_commands(model, planner):
    running = pipeline(model, planner)
    assert not same(run(running, seed=3), run(running, seed=4))


def test_thinking_does_not_draw_on_the_global_generator(model):
    running = pipeline(model, "mppi")
    first = run(running, seed=3)
    torch.manual_seed(99)
    np.random.seed(99)
    before = torch.get_rng_state()
    assert same(first, run(running, seed=3))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("planner", ["prior", "mppi", "cem"])
def test_what_the_cameras_show_changes_the_plan(model, planner):
    running = pipeline(model, planner)
    proprio = running.robot.proprioception(at_home(running.robot.home))
    plans = []
    for step in (0, 1):
        running.reset(0)
        plans.append(running.think(frames(step), proprio).plan.actions)
    assert not torch.equal(*plans)


def test_a_plan_starts_from_the_last_one(model):
    """The second plan differs from a first plan made with the same generator and frame."""
    running = pipeline(model, "mppi")
    proprio = running.robot.proprioception(at_home(running.robot.home))
    running.reset(0)
    running.think(frames(0), proprio)
    state = running._memory.recall([0]).generators[0].get_state()
    warm = running.think(frames(1), proprio).plan.actions
    running.reset(0)
    running._memory.recall([0]).generators[0].set_state(state)
    assert not torch.equal(warm, running.think(frames(1), proprio).plan.actions)


def test_a_command_is_a_whole_trajectory_of_named_joints(model):
    for command in run(pipeline(model, "mppi"), seed=0):
        assert command.joint_names == (
            *(f"panda_joint{i}" for i in range(1, 8)),
            "panda_finger_joint1",
        )
        assert command.positions.shape == command.velocities.shape
        assert command.positions.shape[1] == 8
        assert np.isfinite(command.positions).all()
        assert command.dt == 0.02
        assert command.velocities[-1] == pytest.approx(0, abs=1e-6)


def test_noop_stays_where_it_is(model):
    running = pipeline(model, "noop")
    for command in run(running, seed=0):
        assert command.positions == pytest.approx(np.tile(running.robot.home, (1, 1)), abs=2e-3)


def test_a_missing_camera_is_named_and_forgets_nothing(model):
    running = pipeline(model, "mppi")
    proprio = running.robot.proprioception(at_home(running.robot.home))

    def second_plan(*, disturbed: bool) -> torch.Tensor:
        running.reset(0)
        running.think(frames(0), proprio)
        if disturbed:
            with pytest.raises(UserError, match=r"no frame of camera \['wrist'\]"):
                running.think({"front": frames(1)["front"]}, proprio)
        return running.think(frames(1), proprio).plan.actions

    assert torch.equal(second_plan(disturbed=True), second_plan(disturbed=False))


def test_a_frame_of_the_wrong_kind_is_refused(model):
    running = pipeline(model, "prior")
    shown = frames(0) | {"wrist": np.zeros((48, 64), np.uint8)}
    with pytest.raises(UserError, match=r"\(48, 64\).*expected \(h, w, 3\)"):
        running.think(shown, np.zeros(8, np.float32))


@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_proprioception_that_is_not_finite_never_becomes_a_command(model, planner, bad):
    running = pipeline(model, planner)
    arm = running.robot
    proprio = arm.proprioception(at_home(arm.home))
    proprio[4] = bad
    running.reset(0)
    with pytest.raises(UserError, match=r"entries \[4\] that are not finite"):
        running.think(frames(0), proprio)
    good = arm.proprioception(at_home(arm.home))
    assert running.think(frames(0), good).plan.actions.isfinite().all(), "it must recover"


def test_a_plan_that_failed_is_not_acted_on(model):
    running = pipeline(model, "prior")
    state = at_home(running.robot.home)
    plan = running.think(frames(0), running.robot.proprioception(state)).plan
    with pytest.raises(PlanningError, match="hold"):
        running.act(plan._replace(actions=plan.actions * torch.nan), state)


class Blind:
    """A world model that encodes nothing usable of the first of its episodes."""

    def __init__(self, inner) -> None:
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def encode(self, observation, foreseen=None):
        latent = self._inner.encode(observation, foreseen)
        latent.z[0] = torch.nan
        return latent


@pytest.mark.parametrize("planner", ["prior", "mppi", "cem"])
def test_one_episode_whose_plan_cannot_be_made_is_an_error_until_it_can(model, planner):
    running = pipeline(model, planner)
    world_model, proprio = running.world_model, np.zeros(8, np.float32)
    running.world_model = Blind(world_model)
    for step in range(2):
        with pytest.raises(PlanningError, match=r"\[0\]"):
            running.think(frames(step), proprio)
    running.world_model = world_model
    assert not running.think(frames(2), proprio).plan.failed.any()


@pytest.mark.parametrize("planner", ["prior", "mppi", "cem"])
def test_in_a_batch_an_episode_fails_alone(model, planner):
    """The others' plans are the same to the bit; what the failed one knew it still knows."""
    proprio = np.zeros(8, np.float32)
    thoughts = []
    for blind in (False, True):
        running = pipeline(model, planner)
        running.reset_many([0, 1, 2])
        running.think_many({i: View(frames(i), proprio) for i in range(3)})
        world_model = running.world_model
        if blind:
            running.world_model = Blind(world_model)
        thoughts.append(running.think_many({i: View(frames(i + 3), proprio) for i in range(3)}))
    fine, broken = (thought.plan for thought in thoughts)
    assert fine.failed.tolist() == [False, False, False]
    assert broken.failed.tolist() == [True, False, False]
    assert torch.equal(fine.actions[1:], broken.actions[1:])
    running.world_model = world_model
    again = running.think_many({i: View(frames(i + 6), proprio) for i in range(3)})
    assert not again.plan.failed.any()


def test_a_goal_is_what_the_plan_is_for_until_there_is_another(model):
    wanted = {"goal_image": 1.0}
    running = build_pipeline(model, replace(SEARCH, objectives=wanted))
    proprio = running.robot.proprioception(at_home(running.robot.home))

    def plan(goal: int) -> torch.Tensor:
        running.set_goal(frames(goal))
        running.reset(0)  # forgets the episode, not the goal
        return running.think(frames(0), proprio).plan.actions

    with pytest.raises(NoGoal, match="waiting for a goal image"):
        running.think(frames(0), proprio)
    first, second, again = plan(1), plan(2), plan(1)
    assert torch.equal(first, again) and not torch.equal(first, second)
    running.set_goal(None)
    with pytest.raises(NoGoal):
        running.think(frames(0), proprio)


def test_every_episode_has_a_goal_of_its_own(model):
    running = build_pipeline(model, replace(SEARCH, objectives={"goal_image": 1.0}))
    proprio = running.robot.proprioception(at_home(running.robot.home))
    views = {i: View(frames(0), proprio) for i in range(2)}
    plans = []
    for goals in ((1, 1), (1, 2)):
        running.reset_many([7, 7])
        for episode, goal in enumerate(goals):
            running.set_goal({"front": frames(goal)["front"]}, episode)
        plans.append(running.think_many(views).plan.actions)
    assert torch.equal(plans[0][0], plans[0][1])
    assert torch.equal(plans[1][0], plans[0][0]) and not torch.equal(*plans[1])


def test_a_model_that_always_felt_its_body_takes_no_goal_image(model):
    sure = replace(TINY, unfelt=False)
    felt = model._replace(
        world_model=TDLatent(sure).eval(), config=replace(model.config, network=sure)
    )
    running = build_pipeline(felt, replace(SEARCH, objectives={"goal_image": 1.0}))
    with pytest.raises(BadGoal, match="goal image: proprioception is NaN"):
        running.set_goal(frames(1))
