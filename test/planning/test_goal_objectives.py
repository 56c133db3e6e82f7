"""Goal images, success and keep-out boxes against figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from test_objectives import PRIOR, ROLLOUT

from wm_planner.errors import UserError
from wm_planner.planning import (
    GoalImage,
    KeepOut,
    LearnedReturn,
    PlannerConfig,
    Readings,
    Success,
    Sum,
)
from wm_planner.planning.objectives.goal_image import DISTANCES, distance_of
from wm_planner.types import UNKNOWN, Latent, Situation

LATENTS = torch.tensor([[[[0.0, 0.0], [3.0, 4.0]]]])  # (1, 1, 2, 2)
SEEN = ROLLOUT._replace(latents=LATENTS)
GOAL = Situation(goal=Latent(torch.tensor([[3.0, 0.0]])))
BOX = (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("l2", 3 / math.sqrt(2), 4 / math.sqrt(2)), ("l1", 1.5, 2.0),
        ("smooth_l1", 1.25, 1.75), ("cosine", 1.0, 0.4),
    ],
)  # fmt: skip
def test_distances_to_a_goal_are_averaged_over_the_horizon(name, first, second):
    objective = GoalImage(DISTANCES[name], weight=2.0)
    found = objective.score(SEEN, PRIOR, GOAL)
    assert found.tolist() == [[pytest.approx(-2.0 * (first + second) / 2)]]


def test_a_goal_is_compared_by_the_features_a_model_names():
    distance = distance_of("l1", lambda z: z[..., :1], None)
    assert GoalImage(distance).score(SEEN, None, GOAL).tolist() == [[-1.5]]


def test_a_learned_distance_is_the_models_own():
    def learned(z, goal):
        assert z.shape == goal.shape
        return (z - goal).abs().amax(-1)

    distance = distance_of("learned", None, learned)
    assert GoalImage(distance).score(SEEN, None, GOAL).tolist() == [[-3.5]]
    with pytest.raises(UserError, match="no distance to goals; take one of l2, l1, cosine"):
        distance_of("learned", None, None)


def test_success_counts_where_it_is_likeliest_and_soon():
    objective = Success(lambda z: z[..., 0] / 4, weight=2.0, discount=0.5)
    assert objective.score(SEEN, None, UNKNOWN).tolist() == [[2.0 * 0.5 * 0.75]]


def test_what_an_objective_lacks_is_named():
    with pytest.raises(UserError, match="has no goal image"):
        GoalImage(DISTANCES["l2"]).score(SEEN, None, UNKNOWN)
    with pytest.raises(UserError, match="take backend eager"):
        GoalImage(DISTANCES["l2"]).score(ROLLOUT, None, GOAL)
    with pytest.raises(UserError, match="no head that tells success"):
        PlannerConfig(objectives={"success": 1.0}).objective()


def test_a_sum_needs_latents_as_soon_as_one_term_does():
    goal = GoalImage(DISTANCES["l2"])
    assert Sum((LearnedReturn(), goal)).needs_latents and not Sum((LearnedReturn(),)).needs_latents


def keep_out(*points, margin=0.0):
    path = torch.tensor(points)[None, None]  # (1, 1, points, 3)
    objective = KeepOut(lambda proprio, actions: path, (BOX,), margin, weight=1.0)
    return -float(objective.score(ROLLOUT, None, Situation(torch.zeros(1, 8))))


@pytest.mark.parametrize(
    ("points", "cost"),
    [
        (((2.0, 0.5, 0.5), (1.1, 0.5, 0.5)), 0.0),  # before it
        (((2.0, 0.5, 0.5), (-1.0, 0.5, 0.5)), 1.0),  # through it in one step
        (((2.0, 0.5, 0.5), (0.5, 2.0, 0.5)), 0.0),  # past its edge
        (((2.0, 0.5, 0.5), (0.9, 0.5, 0.5)), 2.0),  # 0.1 m deep
        (((0.5, 0.5, 0.9),) * 3, 4.0),  # staying inside costs every step
        (((0.5, 0.5, 0.9), (0.5, 0.5, 1.1), (0.5, 0.5, 2.0)), 1.0),  # the step that leaves
    ],
)
def test_steps_through_a_box_are_counted(points, cost):
    assert keep_out(*points) == pytest.approx(cost, abs=1e-5)


def test_a_margin_makes_boxes_larger():
    beside = ((1.01, 0.5, 0.5), (1.01, 0.5, 0.5))
    assert keep_out(*beside) == 0.0
    assert keep_out(*beside, margin=0.02) == pytest.approx(1.1, abs=1e-3)


def test_boxes_count_only_with_a_weight_and_say_so():
    assert not any(isinstance(term, KeepOut) for term in PlannerConfig().objective().terms)
    with pytest.raises(ValueError, match="add `keep_out: 100`"):
        PlannerConfig(objectives={"return": 1.0}, keep_out=(BOX,))
    with pytest.raises(UserError, match="where the hand goes"):
        PlannerConfig(keep_out=(BOX,)).objective()
    readings = Readings(hand_path=lambda proprio, actions: actions)
    *_, last = PlannerConfig(keep_out=(BOX,)).objective(readings).terms
    assert isinstance(last, KeepOut) and (last.boxes, last.weight) == ((BOX,), 100.0)


def test_unknown_names_list_those_there_are():
    with pytest.raises(ValueError, match="'retrun'; there is return, goal_image, success, unc"):
        replace(PlannerConfig(), objectives={"retrun": 1.0})
    with pytest.raises(ValueError, match="expected one of l2, l1, cosine, smooth_l1, learned"):
        PlannerConfig(goal_distance="l3")


def test_a_situation_of_some_rows():
    whole = Situation(torch.arange(6.0).reshape(3, 2), Latent(torch.arange(3.0)[:, None]))
    part = whole.of([2, 0])
    assert part.proprio.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert part.goal.z.tolist() == [[2.0], [0.0]]
    assert UNKNOWN.of([1]) == UNKNOWN
