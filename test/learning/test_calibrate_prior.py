"""The spread of the action prior, from episodes it did not learn from."""

import pytest
import torch
from toy_episodes import toy_episode, write_dataset

from wm_planner.learning.calibrate_prior import calibrate_prior
from wm_planner.learning.held_out import held_out_successes
from wm_planner.learning.sequences import EpisodeStore


def spread_and_means(model, store):
    span = store.held_out[0]
    z = model.embed(store.images[span], store.proprio[span])
    prior = model.prior.at(z)
    return prior.std[:, :3], prior.mean[:, :3], prior.logit[:, 3]


def test_held_out_episodes_are_in_no_batch(store):
    held = torch.cat([store.actions[span] for span in store.held_out])
    assert len(store.held_out) == 5
    batch = next(store.batches(3, 500, 0, 0.0, 0))
    drawn = batch.actions.reshape(-1, 4)
    assert not (drawn[:, None] == held[None]).all(-1).any()


def test_a_prior_that_is_too_sure_becomes_as_unsure_as_it_errs(store, model):
    with torch.no_grad():
        model.prior[-1].bias[4:] -= 6.0
    before, means, _ = spread_and_means(model, store)
    calibrate_prior(model, held_out_successes(model, store))
    after, same, _ = spread_and_means(model, store)
    assert torch.equal(means, same)
    assert (after.mean() > 2 * before.mean()).item()
    errors = torch.cat([store.actions[span] for span in store.held_out])[:, :3]
    assert after.mean().item() == pytest.approx(errors.std().item(), rel=0.4)


def test_a_switch_that_is_wrong_as_often_as_right_becomes_unsure(store, model):
    with torch.no_grad():
        model.prior[-1].weight[3] *= 200
    _, _, before = spread_and_means(model, store)
    calibrate_prior(model, held_out_successes(model, store))
    _, _, after = spread_and_means(model, store)
    assert after.abs().mean() < 0.5 * before.abs().mean()


def test_where_nothing_is_held_out_nothing_changes(tmp_path, model):
    data = write_dataset(tmp_path / "d.hdf5", [toy_episode(0), toy_episode(2)])
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    store = EpisodeStore([data], ("front", "wrist"), 32, 0.9, privileged=False)
    calibrate_prior(model, held_out_successes(model, store))
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name]), name
