"""Controllability and decisions of models whose errors are known, and rank correlation."""

import math

import pytest
import torch
from toy_worlds import ACTIONS, DISCOUNT, ToyModel, toy_futures, toy_moments

from wm_planner.evaluation.world_model.branches import latent_of
from wm_planner.evaluation.world_model.controllability import actions_to_try, controllability
from wm_planner.evaluation.world_model.decision import (
    candidate_plans,
    decision,
    discounted,
    imagined_returns,
    lemma,
)
from wm_planner.evaluation.world_model.futures import imagine
from wm_planner.evaluation.world_model.ranks import rank_correlation


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 2, 3, 4], [1, 10, 100, 1000], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4], [7, 7, 7, 7], 0.0),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486833),  # ties share a rank
        ([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 0.8),
    ],
)
def test_rank_correlation_is_spearmans(x, y, expected):
    assert rank_correlation(x, y) == pytest.approx(expected)


def test_rank_correlation_of_nothing_is_unknown_and_of_unequal_series_an_error():
    assert math.isnan(rank_correlation([1.0], [2.0]))
    with pytest.raises(ValueError, match="equally many"):
        rank_correlation([1, 2], [1, 2, 3])


def controlled(model):
    moments = toy_moments()
    actions = actions_to_try(moments, 3, 4, (2,), seed=0)
    m, n, _, a = actions.shape
    real = toy_futures(moments, actions).latents.z[:, -1].unflatten(0, (m, n))
    imagined = imagine(model, latent_of(moments, n), actions.flatten(0, 1))[:, -1]
    return controllability(imagined.unflatten(0, (m, n)), real, a)


def test_a_perfect_model_is_controllable_in_every_dimension():
    found = controlled(ToyModel())
    assert found.rank_correlation == pytest.approx(1, abs=1e-3)
    assert found.cosine == pytest.approx(1, abs=1e-4)
    assert found.size_ratio == pytest.approx(1, abs=1e-4)
    assert found.share_of_dimensions == 1


def test_a_model_that_ignores_actions_is_not_controllable():
    found = controlled(ToyModel(effect=0.0))
    assert found.rank_correlation == found.cosine == found.size_ratio == 0
    assert found.size_rank_correlation == found.share_of_dimensions == 0


def test_half_the_effect_has_half_the_size_and_the_right_direction():
    found = controlled(ToyModel(effect=0.5))
    assert found.size_ratio == pytest.approx(0.5, abs=1e-3)
    assert found.cosine == pytest.approx(1, abs=1e-3)


def test_the_opposite_effect_is_anticorrelated():
    found = controlled(ToyModel(effect=-1.0))
    assert found.rank_correlation < -0.99 and found.share_of_dimensions == 0
    assert found.size_rank_correlation > 0.9


def test_a_dimension_that_the_model_ignores_does_not_matter_to_it():
    found = controlled(ToyModel(effect=torch.tensor([1.0, 0.0, 1.0])))
    assert [d.matters for d in found.dimensions] == [True, False, True]


def test_tried_actions_hold_each_dimension_at_its_extremes():
    actions = actions_to_try(toy_moments(3), 2, 5, (2,), seed=0)
    assert actions.shape == (3, 2 * ACTIONS + 5, 2, ACTIONS)
    assert actions[0, :, 0, 0].tolist()[:3] == [-1, 1, 0]
    assert set(actions[:, 2 * ACTIONS :, :, 2].unique().tolist()) == {-1, 1}
    assert torch.equal(actions, actions_to_try(toy_moments(3), 2, 5, (2,), seed=0))


def decided(model, steps=6):
    moments = toy_moments()
    plans = candidate_plans(ToyModel(), moments, steps, 9, (2,), seed=0)
    futures = toy_futures(moments, plans)
    imagined = imagined_returns(model, moments, plans, DISCOUNT)
    value = futures.latents.z[:, -1, 0] * DISCOUNT**steps
    weights = DISCOUNT ** torch.arange(steps)
    real = (futures.recording.rewards @ weights + value).unflatten(0, plans.shape[:2])
    return decision(imagined, real), lemma(model, futures, DISCOUNT)


def test_a_perfect_model_ranks_plans_perfectly_and_regrets_nothing():
    found, bound = decided(ToyModel())
    assert found.rank_correlation == pytest.approx(1)
    assert found.regret == 0 and found.random_regret > 0.2
    assert bound.gap < 1e-5 and bound.bound < 1e-5


def test_a_model_that_prefers_the_worst_plan_regrets_everything():
    found, _ = decided(ToyModel())
    reversed_ = decision(-found.real, found.real)
    assert reversed_.rank_correlation == pytest.approx(-1)
    assert reversed_.regret == pytest.approx(1)


@pytest.mark.parametrize(
    "model",
    [ToyModel(bias=0.05), ToyModel(reward_bias=0.2), ToyModel(effect=0.3), ToyModel(still=True)],
)
def test_the_return_gap_keeps_below_the_simulation_lemmas_bounds(model):
    _, bound = decided(model)
    assert 0 < bound.gap <= bound.bound + 1e-6
    assert bound.bound <= bound.worst_case_bound


def test_a_reward_off_by_a_constant_is_off_by_its_discounted_sum_and_the_bound_is_tight():
    _, bound = decided(ToyModel(reward_bias=0.2))
    expected = 0.2 * sum(DISCOUNT**k for k in range(5))
    assert bound.gap == pytest.approx(expected, rel=1e-3)
    assert bound.bound == pytest.approx(expected, rel=1e-3)
    assert bound.one_step_error == pytest.approx(0.2, rel=1e-3)


def test_plans_are_valid_and_repeat_with_their_seed():
    plans = candidate_plans(ToyModel(), toy_moments(), 4, 7, (2,), seed=3)
    assert plans.shape == (8, 7, 4, ACTIONS) and plans.abs().max() <= 1
    assert set(plans[..., 2].unique().tolist()) == {-1, 1}
    assert torch.equal(plans, candidate_plans(ToyModel(), toy_moments(), 4, 7, (2,), seed=3))


def test_the_last_reward_is_paid_for_ever():
    assert discounted(torch.ones(3, 5), 0.9).tolist() == pytest.approx([10.0] * 3)


def test_where_all_plans_come_to_the_same_nothing_is_regretted():
    real = torch.tensor([[33.3, 33.3 + 1e-5, 33.3], [1.0, 2.0, 3.0]])
    found = decision(real.flip(1), real)
    assert found.regret == pytest.approx(0.5)  # the worst of the second state, nothing of the first
    assert found.random_regret == pytest.approx(0.25)
