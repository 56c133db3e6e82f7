"""How far the world model is trusted."""

import math
from dataclasses import replace

import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.monitoring.caution import Caution, Sight, Surprised
from wm_planner.monitoring.look import Look
from wm_planner.monitoring.surprise import Percentiles, SurpriseScale
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlanningError
from wm_planner.types import Latent, Plan, PlanStatistics, View

SCALE = SurpriseScale((1.0,) * 4, Percentiles(0.1, 0.5, 0.8, 1.0), (), (), 1000, "abc")
SCALE_OF_FRAMES = replace(SCALE, frames=(SCALE.latent,), patches=((0.1,) * 64,))
BLANK = torch.zeros(1, 1, 3, 16, 16, dtype=torch.uint8)


class Planner:
    """Plans zeros, so many steps ahead."""

    def __init__(self, horizon):
        self.horizon = horizon

    def plan(self, latent, warm_start, generator, situation):
        actions = torch.zeros(len(generator), self.horizon, 2)
        return Plan(actions, torch.zeros(len(generator)), actions, PlanStatistics(1, 0))


class World:
    """Sees what it is told to see, in all episodes or in each; foresees that nothing changes."""

    seen = 0.0

    def encode(self, observation, foreseen=None):
        batch = observation.images.shape[0]
        return Latent(torch.zeros(batch, 4) + torch.tensor(self.seen).reshape(-1, 1))

    def advance(self, latent, action):
        return latent

    def branches(self, latent, actions):
        return latent.z[:, None].expand(-1, actions.shape[1], -1)


def caution(world=None, limit=2.0, horizon=5):
    return Caution(world or World(), SCALE, limit, horizon, Planner)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def pipeline(world):
    return Pipeline(world, Planner(5), None, ("front",), 16, caution=caution(world))


FRAMES = {"front": BLANK[0, 0].permute(1, 2, 0).numpy()}


def think(pipeline, steps=1, speed_scale=1.0):
    return pipeline.think(FRAMES, torch.zeros(1), speed_scale=speed_scale, steps=steps)


def think_many(pipeline, *steps):
    views = {i: View(FRAMES, torch.zeros(1), steps=n) for i, n in enumerate(steps)}
    return pipeline.think_many(views)


@pytest.mark.parametrize(
    ("surprise", "horizon"),
    [
        (None, 5),
        (0.0, 5),
        (1.0, 5),
        (1.2, 4),
        (1.5, 2),
        (1.8, 1),
        (2.0, 1),
        (2.1, 0),
        (math.nan, 0),
    ],
)
def test_the_horizon_shortens_from_one_to_the_limit(surprise, horizon):
    assert caution().steps(surprise) == horizon


@pytest.mark.parametrize("limit", [1.0, 0.5, float("nan")])
def test_a_limit_that_clean_frames_exceed_is_refused(limit):
    with pytest.raises(UserError, match="above 1"):
        caution(limit=limit)


def test_a_latent_is_compared_in_units_of_the_scale():
    before, now = (
        Sight(Latent(torch.zeros(1, 4)), BLANK),
        Sight(Latent(torch.full((1, 4), 3.0)), BLANK),
    )
    found = caution().surprise(before, Latent(torch.ones(1, 4)), now)
    assert found.tolist() == pytest.approx([2.0])


def test_the_first_frame_surprises_nobody(pipeline, world):
    world.seen = 50.0
    assert think(pipeline).surprise == (None,)


def test_first_frames_are_compared_with_those_that_were_learned_from(world):
    known = torch.full((100, 1, 3, 16, 16), 128, dtype=torch.uint8)
    known += torch.arange(100, dtype=torch.uint8)[:, None, None, None, None] % 8
    careful = Caution(world, None, 2.0, 5, Planner, Look.of(known, ("front",)))
    pipeline = Pipeline(world, Planner(5), None, ("front",), 16, caution=careful)
    grey = View({"front": known[50, 0].permute(1, 2, 0).numpy()}, torch.zeros(2).numpy(), 0.0)
    pipeline.reset_many([0, 1])
    blank = grey._replace(frames=FRAMES)
    for _ in range(2):
        thought = pipeline.think_many({0: grey, 1: blank})
        assert thought.plan.failed.tolist() == [False, True]
        with pytest.raises(Surprised, match=r"at first: from what the model learned from"):
            pipeline.check(thought)
        pipeline.reset_many([0, 1])
    assert thought.surprise[0] < 1 < 2 < thought.surprise[1]
    pipeline.reset(0)
    assert pipeline.think_many({0: grey}).surprise[0] < 1
    assert pipeline.think_many({0: blank}).surprise == (None,), "later frames are another's part"


def test_what_was_foreseen_is_planned_from_as_ever(pipeline):
    think(pipeline)
    thought = think(pipeline)
    assert thought.surprise == (0.0,) and thought.plan.actions.shape[1] == 5


def test_a_little_surprise_shortens_the_plan_and_calm_restores_it(pipeline, world):
    think(pipeline)
    world.seen = 1.5
    assert think(pipeline).plan.actions.shape[1] == 2
    assert think(pipeline).plan.actions.shape[1] == 5


def test_a_large_surprise_is_refused_until_a_reset(pipeline, world):
    think(pipeline)
    world.seen = 3.0
    for _ in range(2):
        with pytest.raises(Surprised, match=r"3\.00 times .* allowed 2\.00") as caught:
            think(pipeline)
    assert caught.value.surprise == pytest.approx(3.0)
    pipeline.reset(0)
    assert think(pipeline).surprise == (None,)


def test_surprise_counts_less_at_reduced_speed(pipeline, world):
    think(pipeline)
    world.seen = 3.0
    assert think(pipeline, speed_scale=0.5).surprise == pytest.approx((1.5,))


def test_nothing_is_foreseen_after_a_hold_or_a_long_gap(pipeline, world):
    think(pipeline)
    world.seen = 3.0
    assert think(pipeline, steps=4).surprise == (None,)
    world.seen = 6.0
    pipeline.forget_actions()
    assert think(pipeline).surprise == (None,)
    assert think(pipeline, steps=3).surprise == (0.0,)


@pytest.fixture
def batch(pipeline, world):
    """Three episodes that were seen once; then the second and the third surprise."""
    pipeline.reset_many([0, 1, 2])
    think_many(pipeline, 1, 1, 1)
    world.seen = [0.0, 3.0, 1.5]
    return pipeline


def test_in_a_batch_each_episode_has_its_own_surprise_and_horizon(batch):
    thought = think_many(batch, 1, 1, 1)
    assert thought.surprise == pytest.approx((0.0, 3.0, 1.5))
    assert thought.plan.failed.tolist() == [False, True, False]
    assert thought.plan.actions.shape == (3, 5, 2), "the shorter plan repeats its last action"
    with pytest.raises(Surprised, match=r"3\.00 times"):
        batch.check(thought)


def test_in_a_batch_only_the_surprised_one_is_refused_until_a_reset(batch, world):
    for _ in range(2):
        assert think_many(batch, 1, 1, 1).plan.failed.tolist() == [False, True, False]
    world.seen = 0.0
    assert think_many(batch, 1, 1, 1).surprise == pytest.approx((0.0, 0.0, 1.5))
    batch.reset_many([0, 1, 2])
    assert think_many(batch, 1, 1, 1).surprise == (None, None, None)


def test_in_a_batch_each_episode_is_foreseen_by_its_own_steps(batch):
    assert think_many(batch, 1, 4, 3).surprise == pytest.approx((0.0, None, 1.5))


def test_episodes_that_looked_differently_far_ahead_go_on_together(batch, world):
    world.seen = [1.5, 3.0, 1.5]
    assert think_many(batch, 1, 1, 1).plan.actions.shape == (3, 2, 2)
    assert think_many(batch, 1, 1, 1).plan.actions.shape == (3, 5, 2)


def test_a_latent_that_is_no_number_is_refused_alone(batch, world):
    world.seen = [0.0, math.nan, 0.0]
    thought = think_many(batch, 1, 1, 1)
    assert thought.plan.failed.tolist() == [False, True, False]


def test_when_nothing_surprises_a_missing_plan_is_still_an_error(pipeline):
    thought = think(pipeline)
    failed = thought.plan._replace(actions=thought.plan.actions * math.nan)
    with pytest.raises(PlanningError):
        pipeline.check(thought._replace(plan=failed))


class Painter(World):
    """Also decodes: a latent is the brightness of all pixels."""

    decoded = 0

    def decode(self, latent, seen=None):
        self.decoded += 1
        grey = (20 * latent.z[:, :1, None, None, None]).to(torch.uint8)
        return grey.expand(-1, 1, 3, 16, 16)


def test_what_is_believed_is_drawn_beforehand_when_there_is_time_and_once():
    surprises, decoded = [], []
    for prepared in (False, True):
        world = Painter()
        watchful = Caution(world, SCALE_OF_FRAMES, 100.0, 5, Planner)
        pipeline = Pipeline(world, Planner(5), None, ("front",), 16, caution=watchful)
        for seen in (0.0, 1.0, 3.0):
            world.seen = seen
            if prepared:
                pipeline.prepare()
                pipeline.prepare()
            before = world.decoded
            surprises.append(think(pipeline).surprise)
            decoded.append(world.decoded - before)
    assert decoded == [0, 2, 2, 0, 1, 1]
    assert surprises[:3] == surprises[3:] and surprises[2] > (0.0,)


def test_nothing_is_drawn_for_a_model_that_does_not_decode(pipeline):
    think(pipeline)
    pipeline.prepare()
    assert think(pipeline).surprise == (0.0,)
