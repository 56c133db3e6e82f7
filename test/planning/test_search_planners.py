"""What MPPI and CEM find on models whose best plan is known."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from analytic_models import (
    Cliff,
    DoubleIntegrator,
    FixedPrior,
    GripperTiming,
    NothingKnown,
    Quadratic,
    TwoHills,
)

from wm_planner.planning import (
    CEM,
    MPPI,
    LearnedReturn,
    PlanningError,
    PriorPenalty,
    SearchConfig,
    raise_if_failed,
)
from wm_planner.types import UNKNOWN, ActionSpace, Latent

search = partial(SearchConfig, horizon=3)
RETURN = LearnedReturn(discount=1.0)
PLANE = ActionSpace(size=2)
GRIPPER = ActionSpace(size=2, switches=(1,))
THOROUGH = search(use_prior=False, samples=256, iterations=12, initial_std=1.0, min_std=0.01)

both = pytest.mark.parametrize("planner_class", [MPPI, CEM])


def score(model, latent, actions):
    return RETURN.score(model.rollout(latent, actions[:, None]), None, UNKNOWN)[:, 0]


@both
def test_finds_the_minimum_of_three_quadratics_at_once(planner_class, generator):
    targets = torch.tensor([[0.3, -0.7], [-0.9, 0.1], [0.0, 0.6]])
    planner = planner_class(Quadratic(), RETURN, PLANE, THOROUGH)
    plan = planner.plan(Latent(targets), None, generator)
    torch.testing.assert_close(plan.actions, targets[:, None].expand(3, 3, 2), atol=0.03, rtol=0)
    assert (plan.expected_return > -0.01).all()
    assert (plan.spread < 0.05).all()


@both
def test_comes_near_the_linear_quadratic_regulator(planner_class, generator):
    model = DoubleIntegrator()
    states = torch.tensor([[0.3, 0.0], [-0.2, 0.2], [0.1, -0.3]])
    optimal = model.optimal(states, horizon=3)
    assert (optimal.abs() < 1).all(), "the regulator must not want more than the limits allow"
    planner = planner_class(model, RETURN, ActionSpace(1), THOROUGH)
    plan = planner.plan(Latent(states), None, generator)
    torch.testing.assert_close(plan.actions, optimal, atol=0.06, rtol=0)
    best, idle = (score(model, Latent(states), a) for a in (optimal, torch.zeros_like(optimal)))
    lost = (best - plan.expected_return) / (best - idle)
    assert (lost < 0.01).all()


@both
def test_the_limits_hold_when_the_best_action_is_outside(planner_class, generator):
    planner = planner_class(Quadratic(), RETURN, PLANE, THOROUGH)
    plan = planner.plan(Latent(torch.tensor([[3.0, -3.0]])), None, generator)
    torch.testing.assert_close(plan.actions[0, 0], torch.tensor([1.0, -1.0]), atol=0.02, rtol=0)
    assert plan.actions.abs().max() <= 1


@both
@pytest.mark.parametrize("use_prior", [True, False])
def test_the_gripper_opens_when_it_pays_even_if_the_prior_never_would(
    planner_class, use_prior, generator
):
    model = GripperTiming(FixedPrior(torch.tensor([0.0, -1.0]), std=0.0))
    opens_at = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    config = search(use_prior=use_prior)
    plan = planner_class(model, RETURN, GRIPPER, config).plan(Latent(opens_at), None, generator)
    wanted = torch.where(torch.arange(3) >= opens_at, 1.0, -1.0)
    assert torch.equal(plan.actions[..., 1], wanted)


@both
@pytest.mark.parametrize("beyond", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_never_wins_and_is_counted(planner_class, beyond, generator):
    model = Cliff(FixedPrior(torch.tensor([0.6, 0.0])))
    model.beyond = beyond
    plan = planner_class(model, RETURN, PLANE, search()).plan(
        Latent(torch.zeros(1, 2)), None, generator
    )
    assert (plan.actions[..., 0] <= 0.5).all()
    assert plan.actions[..., 0].mean() > 0.3
    assert plan.expected_return.isfinite().all()
    assert plan.statistics.non_finite == model.non_finite > 0
    assert model.imagined >= 4 * SearchConfig.samples


@both
def test_prior_actions_that_are_no_number_do_not_spoil_the_plan(planner_class, generator):
    class OneBadSample(Quadratic):
        def propose(self, latent, n, horizon, generator, goal=None):
            prior = super().propose(latent, n, horizon, generator)
            prior.actions[:, 0] = torch.nan
            return prior

    config = search(elites=128)
    planner = planner_class(OneBadSample(), RETURN, PLANE, config)
    plan = planner.plan(Latent(torch.zeros(2, 2)), None, generator)
    assert plan.actions.isfinite().all() and plan.spread.isfinite().all()
    assert plan.statistics.non_finite == 2


@both
def test_a_batch_element_of_which_nothing_is_a_number_fails_and_says_so(planner_class, generator):
    latent = Latent(torch.tensor([[1.0, 1.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 1.0]]))
    plan = planner_class(NothingKnown(), RETURN, PLANE, search()).plan(latent, None, generator)
    assert plan.failed.tolist() == [False, True, False, True]
    assert plan.actions[plan.failed].isnan().all(), "no arm follows that"
    with pytest.raises(PlanningError, match=r"\[1, 3\]") as caught:
        raise_if_failed(plan)
    assert caught.value.batch_elements == (1, 3)


@both
@pytest.mark.parametrize("use_prior", [True, False])
def test_a_batch_element_that_fails_leaves_the_others_as_they_are(
    planner_class, use_prior, generator
):
    """To the bit, with the last plan known or not, one generator for all or one each."""
    planner = planner_class(NothingKnown(), RETURN, GRIPPER, search(use_prior=use_prior))
    fine = Latent(torch.tensor([[1.0, 1.0], [0.5, 0.0], [2.0, 0.0]]))
    broken = Latent(fine.z.clone())
    broken.z[1] = -1.0
    others = [0, 2]
    for last in (None, torch.full((3, 3, 2), 0.1)):
        for one_each in (False, True):
            plans = []
            for latent in (fine, broken):
                seeded = [torch.Generator().manual_seed(b) for b in range(3)]
                plans.append(planner.plan(latent, last, seeded if one_each else seeded[0]))
            assert plans[0].failed.tolist() == [False] * 3
            assert plans[1].failed.tolist() == [False, True, False]
            for name in ("actions", "expected_return", "spread", "candidates"):
                first, second = (getattr(plan, name)[others] for plan in plans)
                assert torch.equal(first, second), name


@both
def test_the_same_seed_gives_the_same_plan_and_another_seed_another(planner_class):
    planner = planner_class(Quadratic(), RETURN, GRIPPER)
    latent = Latent(torch.full((2, 2), 0.37))
    first, again, other = (
        planner.plan(latent, None, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    for a, b in zip(first[:3], again[:3], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.actions, other.actions)


@both
def test_the_global_random_state_is_neither_read_nor_written(planner_class):
    before = torch.get_rng_state()
    planner_class(Quadratic(), RETURN, GRIPPER).plan(
        Latent(torch.zeros(1, 2)), None, torch.Generator().manual_seed(1)
    )
    assert torch.equal(before, torch.get_rng_state())


@both
@pytest.mark.parametrize("space", [PLANE, GRIPPER])
def test_never_worse_than_the_prior_or_the_last_plan(planner_class, space, generator):
    """With eight samples a search finds little; the prior and last plan still bound it."""
    config = search(samples=8, prior_samples=2, elites=4, iterations=1, initial_std=1.0)
    targets = torch.rand(16, 2, generator=generator) - 0.5
    model = Quadratic(FixedPrior(torch.tensor([0.1, 0.2]), std=1.0))
    last = torch.where(torch.arange(16)[:, None, None] < 8, targets[:, None], 0.9).repeat(1, 3, 1)
    plan = planner_class(model, RETURN, space, config).plan(Latent(targets), last, generator)
    for reference in (model.prior.mean.expand(16, 3, 2), last):
        valid = reference.clone()
        for switch in space.switches:
            valid[..., switch] = torch.where(valid[..., switch] >= 0, 1.0, -1.0)
        assert (plan.expected_return >= score(model, Latent(targets), valid) - 1e-5).all()
    torch.testing.assert_close(plan.expected_return, score(model, Latent(targets), plan.actions))


@both
def test_the_mean_of_opposite_plans_is_not_played(planner_class, generator):
    """Elites on both sides of a valley average to its bottom."""
    config = search(use_prior=False, iterations=1, samples=512, initial_std=1.0)
    planner = planner_class(TwoHills(), RETURN, PLANE, config)
    plan = planner.plan(Latent(torch.zeros(1, 2)), None, generator)
    assert plan.actions.abs().min() > 0.7


@both
def test_a_lucky_find_of_the_first_round_is_not_lost(planner_class, generator):
    class Needle(Quadratic):
        def rewards(self, latent, actions):
            return (actions == 0.777).all(-1) * 100.0 - actions.square().sum(-1)

        def propose(self, latent, n, horizon, generator, goal=None):
            prior = super().propose(latent, n, horizon, generator)
            prior.actions[:, 5] = 0.777
            return prior

    plan = planner_class(Needle(), RETURN, PLANE, search()).plan(
        Latent(torch.zeros(1, 2)), None, generator
    )
    assert torch.equal(plan.actions, torch.full((1, 3, 2), 0.777))


@both
def test_even_a_sure_prior_is_improved_on(planner_class, generator):
    model = Quadratic(FixedPrior(torch.zeros(2), std=0.0))
    latent = Latent(torch.tensor([[0.5, -0.5]]))
    plan = planner_class(model, RETURN, PLANE, search(iterations=1)).plan(latent, None, generator)
    assert plan.expected_return > score(model, latent, torch.zeros(1, 3, 2)) + 0.01


@both
def test_without_prior_it_is_never_asked_nor_scored(planner_class, generator):
    class WantsNoPrior:
        needs_latents = False

        def score(self, rollout, prior, situation):
            assert prior is None
            return rollout.rewards.sum(-1)

    model = Quadratic()
    config = search(use_prior=False)
    planner_class(model, WantsNoPrior(), PLANE, config).plan(
        Latent(torch.zeros(1, 2)), None, generator
    )
    assert model.prior.calls == 0


@both
def test_a_strong_prior_keeps_the_plan_near_it(planner_class, generator):
    latent = Latent(torch.tensor([[0.9, 0.9]]))
    free, kept = (
        planner_class(Quadratic(FixedPrior(torch.zeros(2), std=0.2)), objective, PLANE)
        .plan(latent, None, generator)
        .actions.abs()
        .max()
        for objective in (RETURN, PriorPenalty(weight=100.0))
    )
    assert free > 0.4
    assert kept < 0.05


@both
def test_the_last_plan_is_where_a_search_without_prior_starts(planner_class, generator):
    """One round of narrow noise can only reach a far target from a start that is near it."""
    config = search(use_prior=False, iterations=1, initial_std=0.1)
    target = torch.tensor([[0.9, -0.9]])
    planner = planner_class(Quadratic(), RETURN, PLANE, config)
    cold = planner.plan(Latent(target), None, generator)
    warm = planner.plan(Latent(target), target[:, None].repeat(1, 3, 1), generator)
    assert warm.expected_return > -0.01
    assert cold.expected_return < -1


@both
@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_last_plan_of_another_length_is_fitted(planner_class, length, generator):
    planner = planner_class(Quadratic(), RETURN, PLANE, search())
    plan = planner.plan(Latent(torch.zeros(1, 2)), torch.zeros(1, length, 2), generator)
    assert plan.actions.shape == (1, 3, 2)


@both
def test_a_last_plan_of_other_actions_is_refused(planner_class, generator):
    planner = planner_class(Quadratic(), RETURN, PLANE, search())
    with pytest.raises(ValueError, match=r"\(1, 3, 4\), expected .*\(1, 3, 2\)"):
        planner.plan(Latent(torch.zeros(1, 2)), torch.zeros(1, 3, 4), generator)
