"""What holds for every planner, and how one is made from its name."""

from __future__ import annotations

import itertools

import pytest
import torch
from analytic_models import FixedPrior, Quadratic

from wm_planner.planning import (
    CEM,
    MPPI,
    PLANNERS,
    NoOp,
    PlannerConfig,
    PriorPolicy,
    RandomPlanner,
    make_planner,
    shift,
)
from wm_planner.types import ActionSpace, Latent, Plan

SPACE = ActionSpace(size=4, switches=(1, 3))


def plan(name: str, batch: int = 2, horizon: int = 3, seed: int = 0, space=SPACE) -> Plan:
    model = Quadratic(FixedPrior(torch.linspace(-0.8, 0.8, space.size)))
    config = PlannerConfig(planner=name, horizon=horizon, samples=32, prior_samples=4, elites=8)
    latent = Latent(torch.full((batch, space.size), 0.25))
    generator = torch.Generator().manual_seed(seed)
    return make_planner(model, space, config).plan(latent, None, generator)


@pytest.mark.parametrize("name", PLANNERS)
@pytest.mark.parametrize(("batch", "horizon"), itertools.product((1, 3), (1, 5)))
def test_shapes_range_and_switches(name, batch, horizon):
    found = plan(name, batch, horizon)
    assert found.actions.shape == found.spread.shape == (batch, horizon, 4)
    assert found.expected_return.shape == (batch,)
    assert found.actions.dtype == torch.float32
    assert found.actions.isfinite().all() and found.actions.abs().max() <= 1
    assert set(found.actions[..., [1, 3]].unique().tolist()) <= {-1.0, 1.0}
    assert (found.spread >= 0).all()
    assert found.statistics.non_finite == 0
    assert not found.failed.any()
    assert not found.actions.requires_grad


@pytest.mark.parametrize("name", PLANNERS)
def test_the_same_seed_gives_the_same_plan(name):
    assert torch.equal(plan(name, seed=3).actions, plan(name, seed=3).actions)


@pytest.mark.parametrize("name", PLANNERS)
def test_a_space_without_switches_is_all_continuous(name):
    found = plan(name, space=ActionSpace(size=3))
    at_the_ends = found.actions.abs() == 1
    assert not at_the_ends.all(dim=(0, 1)).any()


def test_doing_nothing_stands_still_with_the_gripper_open():
    assert plan("noop").actions[0, 0].tolist() == [0, 1, 0, 1]


def test_random_covers_the_range_and_both_sides_of_a_switch():
    drawn = plan("random", batch=200).actions.flatten(0, 1)
    assert drawn.amin(0).max() < -0.95
    assert drawn.amax(0).min() > 0.95
    assert drawn.mean(0).abs().max() < 0.15


def test_the_prior_alone_plays_its_mean_with_switches_on_the_likelier_side():
    torch.testing.assert_close(
        plan("prior").actions[0, 0], torch.tensor([-0.8, -1.0, 0.8 / 3, 1.0])
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [("noop", NoOp), ("random", RandomPlanner), ("prior", PriorPolicy), ("mppi", MPPI),
     ("cem", CEM)],
)  # fmt: skip
def test_a_planner_is_made_from_its_name(name, kind):
    config = PlannerConfig(planner=name)
    assert isinstance(make_planner(Quadratic(), SPACE, config), kind)


def test_an_unknown_planner_lists_those_there_are():
    with pytest.raises(ValueError, match="'icem', expected one of noop, random, prior, mppi, cem"):
        PlannerConfig(planner="icem")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("samples", 0), ("prior_samples", 127), ("prior_samples", -1), ("elites", 129),
        ("elites", 0), ("horizon", 0), ("iterations", 0), ("min_std", 0.0), ("min_std", 0.6),
        ("temperature", 0.0), ("switch_floor", 0.0), ("switch_renewal", 1.5), ("discount", 1.1),
        ("objectives", {"uncertainty": -1.0}), ("objectives", {"prior": float("nan")}),
        ("objectives", {"return": 0.0}), ("goal_distance", "l3"), ("keep_out", ((0.0,) * 6,)),
        ("keep_out", ((0.0, 1.0),)),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused(field, value):
    with pytest.raises(ValueError, match=r"expected|weigh"):
        PlannerConfig(**{field: value})


def test_a_switch_that_is_no_action_is_refused():
    with pytest.raises(ValueError, match=r"switch 4 .* expected 0 to 3"):
        plan("noop", space=ActionSpace(size=4, switches=(4,)))


def test_shift_drops_the_first_step_and_repeats_the_last():
    actions = torch.arange(3.0).reshape(1, 3, 1)
    assert shift(actions).flatten().tolist() == [1, 2, 2]
    assert shift(actions[:, :1]).flatten().tolist() == [0]
