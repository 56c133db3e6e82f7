"""Suggestions from elsewhere: tried, refined, never made worse, and no business of other rows."""

from __future__ import annotations

import pytest
import torch
from analytic_models import Analytic, FixedPrior, Quadratic

from wm_planner.planning import CEM, MPPI, PlannerConfig, SuggestionPenalty, make_planner
from wm_planner.types import ActionSpace, Latent, Rollout, Situation, Suggestion

SPACE = ActionSpace(size=2)
BEST = torch.tensor([0.7, -0.6])
HORIZON = 3


class NeedleAt(Analytic):
    """Nothing is worth anything but one sequence, which no search would come upon."""

    def rewards(self, latent, actions):
        far = (actions - BEST).abs().amax(-1)
        return -torch.where(far < 1e-4, 0.0, 5.0) - 0.01 * actions.square().sum(-1)


def planner(model, name: str = "mppi", **settings):
    config = PlannerConfig(planner=name, server="x:1", horizon=HORIZON, samples=32, elites=8)
    config = PlannerConfig(**{**vars(config), "objectives": {"return": 1.0}, **settings})
    return make_planner(model, SPACE, config)


def suggestion(*rows: torch.Tensor, steps: int = 5) -> Situation:
    actions = torch.stack([row.expand(steps, -1) for row in rows])
    return Situation(suggestion=Suggestion(actions, std=0.2))


def plan(searching, situation: Situation, latent: torch.Tensor, seed: int = 0):
    generators = [torch.Generator().manual_seed(seed + b) for b in range(len(latent))]
    return searching.plan(Latent(latent), None, generators, situation)


@pytest.mark.parametrize("name", ["mppi", "cem"])
@pytest.mark.parametrize("use_prior", [True, False])
def test_a_plan_is_never_worse_than_what_was_suggested(name, use_prior):
    searching = planner(NeedleAt(), name, use_prior=use_prior)
    found = plan(searching, suggestion(BEST), torch.zeros(1, 2))
    assert torch.allclose(found.actions[0], BEST.expand(HORIZON, -1), atol=1e-4)
    without = plan(searching, Situation(), torch.zeros(1, 2))
    assert without.expected_return < found.expected_return - 10


@pytest.mark.parametrize("name", ["mppi", "cem"])
def test_what_was_suggested_is_refined(name):
    latent, near = BEST[None], BEST + torch.tensor([0.25, -0.25])
    searching = planner(Quadratic(), name, use_prior=False, samples=128)
    found = plan(searching, suggestion(near), latent)
    assert (found.actions[0] - BEST).abs().max() < 0.7 * (near - BEST).abs().max()


def test_the_prior_is_not_asked_when_the_suggestion_takes_its_place():
    prior = FixedPrior(torch.zeros(2))
    plan(planner(Quadratic(prior), use_prior=False), suggestion(BEST), torch.zeros(1, 2))
    assert prior.calls == 0
    plan(planner(Quadratic(prior), use_prior=True), suggestion(BEST), torch.zeros(1, 2))
    assert prior.calls == 1


@pytest.mark.parametrize("use_prior", [True, False])
def test_a_row_without_a_suggestion_plans_as_if_there_were_no_server(use_prior):
    nothing = torch.full((2,), torch.nan)
    searching = planner(Quadratic(), use_prior=use_prior)
    latent = torch.stack([BEST, -BEST, BEST / 2])
    mixed = plan(searching, suggestion(BEST, nothing, BEST), latent)
    alone = plan(searching, Situation(), latent)
    all_told = plan(searching, suggestion(BEST, BEST, BEST), latent)
    assert torch.equal(mixed.actions[1], alone.actions[1])
    assert torch.equal(mixed.actions[[0, 2]], all_told.actions[[0, 2]])
    none = plan(searching, suggestion(nothing, nothing, nothing), latent)
    assert torch.equal(none.actions, alone.actions)


@pytest.mark.parametrize("samples", [4, 32])
def test_no_more_is_imagined_than_was_asked_for(samples):
    model = Quadratic()
    searching = planner(
        model, samples=samples, prior_samples=samples - 2, elites=2, iterations=1, use_prior=True
    )
    warm = torch.zeros(1, HORIZON, 2)
    searching.plan(Latent(torch.zeros(1, 2)), warm, torch.Generator(), suggestion(BEST))
    assert model.imagined <= samples + 4  # and at the end the mean beside three references


def test_following_does_what_is_suggested_and_fails_without():
    space = ActionSpace(size=2, switches=(1,))
    following = make_planner(
        Quadratic(), space, PlannerConfig(planner="server", server="x:1", horizon=3)
    )
    told = suggestion(torch.tensor([0.3, -0.2]), torch.full((2,), torch.nan), steps=2)
    found = plan(following, told, torch.zeros(2, 2))
    assert found.failed.tolist() == [False, True]
    assert found.actions[0].flatten().tolist() == pytest.approx([0.3, -1.0] * 3)
    assert plan(following, Situation(), torch.zeros(2, 2)).failed.all()


def test_a_suggestion_is_trusted_only_as_far_as_that_is_weighted():
    candidates = torch.stack([torch.zeros(HORIZON, 2), torch.ones(HORIZON, 2)])[None]
    rollout = Rollout(candidates, *torch.zeros(3, 1, 2).unbind(0))
    penalty = SuggestionPenalty(weight=1.0)
    told = suggestion(torch.ones(2))
    assert penalty.score(rollout, None, told).flatten().tolist() == pytest.approx([-50.0, 0.0])
    assert penalty.score(rollout, None, Situation()).tolist() == [[0.0, 0.0]]
    free, bound = (
        plan(
            planner(Quadratic(), use_prior=False, objectives={"return": 1.0, "server": weight}),
            suggestion(-BEST),
            BEST[None],
        ).actions[0, 0]
        for weight in (0.0, 100.0)
    )
    assert (free - BEST).abs().max() < 0.25
    assert (bound + BEST).abs().max() < 0.05


def test_a_server_planner_needs_an_address():
    with pytest.raises(ValueError, match="no address of one: give server, as in localhost:8000"):
        PlannerConfig(planner="server")
    assert {MPPI, CEM} == {type(planner(Quadratic(), n).search) for n in ("mppi", "cem")}
