"""The markers are where the hand would go."""

import numpy as np
import pytest
import torch

from wm_planner.assembly import build_arm
from wm_planner.nodes.candidates import candidate_markers
from wm_planner.types import Plan, PlanStatistics


@pytest.fixture
def arm():
    return build_arm("panda")


def plan(candidates=3):
    actions = torch.zeros(1, 5, 4)
    actions[..., 0] = 0.5
    others = None if candidates == 0 else torch.randn(1, candidates, 5, 4)
    return Plan(actions, torch.zeros(1), actions, PlanStatistics(1, 0), others)


def points(marker):
    return np.array([[p.x, p.y, p.z] for p in marker.points])


def test_the_chosen_plan_leads_from_the_hand_step_by_step(arm):
    chosen = candidate_markers(plan(), arm, 12.5, "panda_link0").markers[0]
    path = points(chosen)
    assert path[0] == pytest.approx(arm.goal)  # at rest the hand is where it was sent
    steps = np.diff(path, axis=0)
    assert (np.diff(steps[:, 0]) > 0).all()  # it gathers speed
    assert steps[-1] == pytest.approx([0.02, 0, 0], rel=0.1)
    assert (chosen.header.frame_id, chosen.header.stamp.sec) == ("panda_link0", 12)


def test_candidates_have_a_line_each_inside_the_workspace(arm):
    markers = candidate_markers(plan(3), arm, 0.0, "base").markers
    assert [(m.ns, m.id) for m in markers] == [
        ("chosen", 0),
        *(("candidates", i) for i in range(3)),
    ]
    for marker in markers:
        assert (points(marker) >= np.array(arm.config.workspace_lower) - 1e-9).all()
        assert (points(marker) <= np.array(arm.config.workspace_upper) + 1e-9).all()
    assert markers[1].color != markers[3].color


def test_a_planner_that_compares_nothing_shows_its_plan(arm):
    assert len(candidate_markers(plan(0), arm, 0.0, "base").markers) == 1
