"""Objectives against figures worked out by hand."""

from __future__ import annotations

import pytest
import torch

from wm_planner.planning import (
    ActionSmoothness,
    LearnedReturn,
    PlannerConfig,
    PriorPenalty,
    Sum,
    UncertaintyPenalty,
)
from wm_planner.types import UNKNOWN, Proposal, Rollout

ROLLOUT = Rollout(
    actions=torch.tensor([[[[0.0, 1.0], [0.5, -1.0]]]]),  # (1, 1, 2, 2)
    rewards=torch.tensor([[[1.0, 2.0]]]),
    terminal_value=torch.tensor([[8.0]]),
    disagreement=torch.tensor([[4.0]]),
)
PRIOR = Proposal(
    actions=torch.zeros(1, 1, 2, 2),
    mean=torch.zeros(1, 2, 2),
    std=torch.tensor([[[0.5, 1.0], [0.5, 0.0]]]),
)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (LearnedReturn(discount=0.5), 1 + 0.5 * 2 + 0.25 * 8),
        (LearnedReturn(discount=0.5, terminal=False), 1 + 0.5 * 2),
        (UncertaintyPenalty(weight=3.0, discount=0.5), -3 * 0.25 * 4),
        (PriorPenalty(weight=2.0, min_std=0.1), -2 * ((0 + 1) + (1 + 100)) / 2),
        (ActionSmoothness(weight=2.0), -2 * (0.25 + 4)),
        (Sum((LearnedReturn(0.5), UncertaintyPenalty(1.0, 0.5))), 4 - 1),
    ],
)
def test_score(objective, expected):
    assert objective.score(ROLLOUT, PRIOR, UNKNOWN).tolist() == [[pytest.approx(expected)]]


def test_without_a_prior_nothing_keeps_the_plan_near_it():
    assert PriorPenalty(weight=5.0).score(ROLLOUT, None, UNKNOWN).tolist() == [[0]]


def test_a_single_step_is_smooth():
    one_step = ROLLOUT._replace(actions=ROLLOUT.actions[:, :, :1])
    assert ActionSmoothness(weight=5.0).score(one_step, None, UNKNOWN).tolist() == [[0]]


@pytest.mark.parametrize("kind", [UncertaintyPenalty, PriorPenalty, ActionSmoothness])
def test_a_penalty_cannot_become_a_bonus(kind):
    with pytest.raises(ValueError, match=r"weight is -1\.0, expected"):
        kind(weight=-1.0)


@pytest.mark.parametrize("discount", [0.0, 1.01, float("nan")])
def test_a_discount_outside_0_to_1_is_refused(discount):
    with pytest.raises(ValueError, match=r"discount is .*, expected"):
        LearnedReturn(discount)


def test_a_sum_of_nothing_is_refused():
    with pytest.raises(ValueError, match="expected at least one objective"):
        Sum(())


def test_the_configuration_adds_up_the_terms_it_weighs():
    weights = {"return": 1.0, "uncertainty": 1.0, "prior": 0.1, "smoothness": 1.0, "success": 0.0}
    config = PlannerConfig(discount=0.5, objectives=weights)
    terms = (
        LearnedReturn(0.5),
        UncertaintyPenalty(1.0, 0.5),
        PriorPenalty(0.1),
        ActionSmoothness(1.0),
    )
    assert config.objective() == Sum(terms)
    only_return = PlannerConfig(objectives={"return": 2.0})
    assert only_return.objective() == Sum((LearnedReturn(weight=2.0),))
    unsaid = PlannerConfig().objective()
    assert unsaid == Sum((LearnedReturn(), UncertaintyPenalty(), PriorPenalty(0.5)))
    assert hash(PlannerConfig()) == hash(config.__class__())  # it is a key of caches


def test_a_score_has_gradients_even_after_one_without():
    objective = LearnedReturn(discount=0.5)
    with torch.inference_mode():
        objective.score(ROLLOUT, None, UNKNOWN)
    rewards = torch.zeros(1, 1, 2, requires_grad=True)
    objective.score(ROLLOUT._replace(rewards=rewards), None, UNKNOWN).sum().backward()
    assert rewards.grad is not None and rewards.grad.flatten().tolist() == [1.0, 0.5]
