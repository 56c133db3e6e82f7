"""Returns that came, and beliefs that are held beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_families import tiny, tiny_config

from wm_planner.evaluation.world_model.beliefs import Beliefs, unweighted
from wm_planner.evaluation.world_model.confidence import Drive, confidence, confidence_figures
from wm_planner.evaluation.world_model.disturbed import PlayedFirst
from wm_planner.evaluation.world_model.outcomes import outcomes
from wm_planner.evaluation.world_model.recording import Encoded, Recording
from wm_planner.types import Latent
from wm_planner.world_models.families import FAMILIES
from wm_planner.world_models.head_losses import SUCCESS_WEIGHT
from wm_planner.world_models.store import ModelConfig, load_model, save_model

STEPS, DISCOUNT = 100, 0.9
DONE_AT = (3, 20, 40, 45, None, None)  # after which action; None: never


def recorded() -> Recording:
    """Episodes whose task is done for good after some action, and dense rewards of a half."""
    done = torch.zeros(len(DONE_AT), STEPS, dtype=torch.bool)
    for b, at in enumerate(DONE_AT):
        done[b, STEPS if at is None else at :] = True
    rewards = torch.where(done, 1.0, 0.5)
    nothing = torch.zeros(len(DONE_AT), STEPS + 1, 1)
    return Recording(
        tuple(range(len(DONE_AT))), nothing, nothing, nothing[:, 1:], rewards, nothing[..., 0], done
    )


def test_the_return_is_the_discounted_time_to_success_as_in_training():
    came = outcomes(recorded(), DISCOUNT, privileged=False)
    assert came.returns[0, :4].tolist() == pytest.approx([0.9**3, 0.9**2, 0.9, 1])
    assert came.returns[4:].max() == 0
    assert came.known[0].nonzero().flatten().tolist() == [0, 1, 2, 3]  # nothing after success
    assert came.known[1].sum() == 21
    assert came.unseen == pytest.approx(0.9**29) and came.known[4].sum() == STEPS - 29


def test_a_success_that_came_too_late_to_be_seen_for_others_is_not_counted_either():
    came = outcomes(recorded(), DISCOUNT, privileged=False, begun=10, last=30)
    assert came.known.any(1).tolist() == [False, True, True, True, True, True]
    assert all(known[:10].sum() == known[30:].sum() == 0 for known in came.known)
    assert came.known[2:, 10:30].all()


def test_with_privilege_it_is_that_of_dense_rewards_the_last_one_paid_for_ever():
    came = outcomes(recorded(), DISCOUNT, privileged=True)
    assert came.returns[0, :4].tolist() == pytest.approx(
        [1 - 0.5 * (1 - 0.9**k) for k in (3, 2, 1, 0)]
    )
    assert came.returns[4].tolist() == pytest.approx([0.5] * STEPS)


def drives(began: int = 0) -> list[Drive]:
    """Latents that say the number of the episode and the step."""
    recording = recorded()
    b, t = torch.meshgrid(torch.arange(len(DONE_AT)), torch.arange(STEPS + 1), indexing="ij")
    return [Drive(Encoded(recording, Latent(torch.stack([b, t], -1).float())), began)]


def knowing(z: torch.Tensor) -> torch.Tensor:
    """The value of who knows the end."""
    ends = torch.tensor([np.inf if at is None else at for at in DONE_AT])[z[..., 0].long()]
    return DISCOUNT ** (ends - z[..., 1]).clamp_min(0)


def told(z: torch.Tensor) -> torch.Tensor:
    """Whether it is done in the state of a latent."""
    ends = torch.tensor([np.inf if at is None else at for at in DONE_AT])[z[..., 0].long()]
    return (z[..., 1] > ends).float()


def test_who_knows_the_end_is_calibrated_and_who_always_hopes_is_not():
    found = confidence(Beliefs(told, knowing, told), drives(), DISCOUNT, STEPS, 0)
    assert found.episodes == 6 and found.done == 4
    for known in found.shown.values():
        assert known is not None and known.calibration_error < 1e-6
    hopes = confidence(Beliefs(told, lambda z: z[..., 0] * 0 + 1), drives(), DISCOUNT, STEPS, 0)
    assert hopes.value is not None and hopes.value.signed_error > 0.5
    assert hopes.success is None
    shifted = confidence(
        Beliefs(lambda z: told(z - torch.tensor([0, 9])), knowing, told),
        drives(),
        DISCOUNT,
        STEPS,
        0,
    )
    assert shifted.reward is not None and shifted.reward.calibration_error > 0.03


def test_moments_before_the_pilot_began_say_nothing_of_its_value():
    all_of_it, later = (
        confidence(Beliefs(told, knowing, told), drives(began), DISCOUNT, 60, 0)
        for began in (0, 30)
    )
    assert all_of_it.value is not None and later.value is not None
    assert later.value.moments == 11 + 16 + 2 * 30 < all_of_it.value.moments
    assert later.success is not None and later.success.moments == 6 * 60


def test_the_weight_of_a_success_is_taken_out_of_what_it_made_best():
    true = torch.tensor([0.0, 0.01, 0.2, 0.5, 1.0])
    weighted = SUCCESS_WEIGHT * true / (SUCCESS_WEIGHT * true + 1 - true)
    assert torch.allclose(unweighted(weighted), true, atol=1e-6)
    assert weighted[1] > 0.15


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_says_what_it_believes_or_why_it_believes_nothing(family, tmp_path):
    network = tiny_config(family)
    provenance = {"privileged": False}
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, network, provenance)
    save_model(tmp_path / "m", tiny(family), config)
    beliefs = Beliefs.of(load_model(tmp_path / "m"))
    z = tiny(family).example(3).z
    if FAMILIES[family].rewards:
        read = [reading(z) for reading in beliefs[:3]]
        assert all(x.shape == (3,) and x.isfinite().all() for x in read)
        assert (read[2] >= 0).all() and (read[2] <= 1).all() and not beliefs.privileged
    else:
        figures = confidence_figures(confidence(beliefs, drives(), DISCOUNT, STEPS, 0))
        assert figures["reliability"]["value"] == {"missing": "the model learned no rewards"}
        assert "value_calibration_error" not in figures


def test_a_model_from_before_it_was_said_learned_with_privilege_and_has_no_success_head(tmp_path):
    network = replace(tiny_config("td_latent"), success=False)
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, network, {})
    save_model(tmp_path / "m", tiny("td_latent", success=False), config)
    beliefs = Beliefs.of(load_model(tmp_path / "m"))
    assert beliefs.privileged and beliefs.success is None and beliefs.value is not None
    assert beliefs.missing == "the model has no such head"


class Counting:
    """A pilot that does nothing, and remembers when it was asked to begin."""

    def __init__(self):
        self.seeds, self.acted = None, 0

    def begin(self, seeds):
        self.seeds = tuple(seeds)

    def act(self, views):
        self.acted += 1
        return np.zeros((len(views), 4))


def test_the_pilot_begins_when_the_play_is_over_and_every_seed_is_played_otherwise():
    pilot = Counting()
    played = PlayedFirst(pilot, 5, 4)
    for _ in range(2):  # episodes
        pilot.seeds = None
        played.begin([1, 2])
        actions = np.stack([played.act([{}, {}]) for _ in range(5)])
        assert pilot.seeds is None and np.abs(actions).max() <= 1
        assert not np.allclose(actions[:, 0], actions[:, 1])
        assert not played.act([{}, {}]).any() and pilot.seeds == (1, 2)
    assert pilot.acted == 2
