"""Proprioception may be unknown; where it is known, nothing changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from wm_planner.errors import UserError
from wm_planner.world_models.td_latent import TDLatent


@pytest.fixture
def half_known(observation):
    """Only the second of three observations lacks one number."""
    proprio = observation.proprio.clone()
    proprio[1, 2] = torch.nan
    return observation._replace(proprio=proprio)


def test_unknown_proprioception_changes_its_own_row_alone(model, observation, half_known):
    z, other = model.encode(observation).z, model.encode(half_known).z
    assert other.isfinite().all()
    assert torch.equal(z[[0, 2]], other[[0, 2]])
    assert not torch.allclose(z[1], other[1])


def test_what_stands_in_is_learned_and_is_no_function_of_what_is_known(model, half_known):
    encoder = model.encoder.requires_grad_(True)
    features = encoder(*half_known)
    features[1, -8:].sum().backward()
    assert encoder.unfelt.grad[-8:].tolist() == [1.0] * 8
    assert not any(p.grad.any() for p in encoder.bodily.parameters())


def test_a_network_that_never_learned_without_it_says_so(model, observation, half_known):
    torch.manual_seed(0)
    felt = TDLatent(replace(model.config, unfelt=False)).eval()
    assert not any("unfelt" in name for name in felt.state_dict())
    with torch.no_grad():
        assert torch.equal(felt.encode(observation).z, model.encode(observation).z)
    with pytest.raises(UserError, match=r"proprioception is NaN.*unfelt is false"):
        felt.encode(half_known)
