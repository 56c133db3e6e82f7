"""How far off imagined values are, and what that means for the weight of the action prior."""

import math

import pytest
import torch
from toy_episodes import TINY, toy_episode, write_dataset

from wm_planner.errors import UserError
from wm_planner.learning.held_out import held_out_successes
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.value_error import value_error
from wm_planner.planning import FOR_RETURN, for_return
from wm_planner.world_models.store import ModelConfig


def test_values_that_are_the_same_everywhere_are_never_off(store, model):
    with torch.no_grad():
        model.value.last.weight.zero_()
        model.value.last.bias.fill_(0.5)
    assert value_error(model, held_out_successes(model, store)) == 0


def test_values_that_are_imagined_elsewhere_are_off(store, model):
    with torch.no_grad():
        model.value.last.bias.fill_(0.5)
    assert 0 < value_error(model, held_out_successes(model, store)) < math.inf


def test_nothing_held_out_is_not_measured(tmp_path, model):
    data = write_dataset(tmp_path / "d.hdf5", [toy_episode(0)])
    empty = EpisodeStore([data], ("front", "wrist"), 32, 0.9, privileged=False)
    assert value_error(model, held_out_successes(model, empty)) is None


def test_the_worse_the_values_the_nearer_to_the_prior():
    assert for_return(None) == FOR_RETURN
    assert for_return(0.0) == FOR_RETURN, "never less than of a model that was not measured"
    weights = [for_return(error)["prior"] for error in (0.0, 0.03, 0.06, 1.0, 10.0)]
    assert weights == sorted(weights)
    assert weights[0] < weights[1] < weights[2]
    assert weights[3] == weights[4], "but not without end: its errors are to be mended"


def test_without_the_prior_plans_are_held_smooth_instead():
    weights = for_return(0.06, use_prior=False)
    assert weights["smoothness"] > 0 and "prior" not in weights
    assert all(weights[name] == FOR_RETURN[name] for name in ("return", "uncertainty", "keep_out"))


@pytest.mark.parametrize("error", [-0.1, math.nan, math.inf, "much", True])
def test_an_error_that_is_none_is_refused(error):
    with pytest.raises(UserError, match="value_error"):
        ModelConfig("grasp", "panda", ("a", "b"), 10.0, TINY, {"value_error": error})
