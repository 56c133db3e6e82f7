"""The latent is advanced by actions alone, and the drift meter asks the model about its picture."""

import numpy as np
import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.perception.images import observe
from wm_planner.play.dream import Dream
from wm_planner.types import Latent

ACTION = np.array([0.5, -0.5, 0.2, 1.0])


def test_it_starts_where_the_simulated_scene_does(dream, loaded):
    observation, _ = dream.env.reset(seed=1)
    seen = observe(observation, observation["proprio"], ("front", "wrist"), 32)
    torch.testing.assert_close(dream.latent.z, loaded.world_model.encode(seen).z)
    belief = dream.believe()
    assert np.isnan(belief.reward) and belief.seconds == 0
    assert {c: f.shape for c, f in belief.frames.items()} == {
        "front": (32, 32, 3),
        "wrist": (32, 32, 3),
    }


def test_a_step_is_the_models_and_nobody_elses(dream, loaded):
    model, before = loaded.world_model, dream.latent.z
    action = torch.as_tensor(ACTION, dtype=torch.float32)[None]
    dream.advance(ACTION)
    torch.testing.assert_close(dream.latent.z, model.step(before, action))
    belief = dream.believe()
    imagined = model.rollout(Latent(before), action[:, None, None])
    assert belief.reward == pytest.approx(float(imagined.rewards))
    assert belief.value == pytest.approx(float(imagined.terminal_value))
    assert belief.seconds == pytest.approx(0.1)
    decoded = model.decode(dream.latent)[0, 0].permute(1, 2, 0)
    np.testing.assert_array_equal(belief.frames["front"], decoded)


def test_the_same_seed_and_actions_are_the_same_dream(dream):
    latents = []
    for _ in range(2):
        dream.reset(3)
        dream.advance(ACTION)
        latents.append(dream.latent.z)
    torch.testing.assert_close(*latents, rtol=0, atol=0)
    dream.reset(4)
    dream.advance(ACTION)
    assert not torch.equal(latents[0], dream.latent.z)


def test_the_hand_of_its_proprioception_goes_where_it_is_sent(dream):
    before = dream.arm.proprioception(dream.joints)
    for _ in range(4):
        dream.advance(np.array([0.0, 1.0, 0.0, -1.0]))
    after = dream.arm.proprioception(dream.joints)
    assert after[1] > before[1] + 0.2, "y of the hand, in its workspace of 60 cm"
    assert after[6] == pytest.approx(-1.0, abs=0.05) and after[7] == -1, "finger and gripper"


def test_drift_is_none_where_the_picture_encodes_to_what_it_came_from(dream, monkeypatch):
    assert dream.believe().drift > 0
    monkeypatch.setattr(dream, "_encode", lambda *_: dream.latent)
    assert dream.believe().drift == 0


def test_drift_is_in_units_of_the_distance_between_latents(dream, monkeypatch):
    far = Latent(dream.latent.z + dream._typical / np.sqrt(dream.latent.z.numel()))
    monkeypatch.setattr(dream, "_encode", lambda *_: far)
    assert dream.believe().drift == pytest.approx(1.0, rel=1e-3)


def test_the_prior_can_drive(dream):
    action = dream.prior_action()
    assert action.shape == (4,) and (np.abs(action) <= 1).all() and abs(action[3]) == 1


def test_a_model_without_pictures_is_refused(loaded):
    with pytest.raises(UserError, match="cannot decode"):
        Dream(loaded._replace(world_model=object()))
