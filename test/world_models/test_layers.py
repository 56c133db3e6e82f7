"""Each layer is what its formula says."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from wm_planner.world_models.layers import EnsembleLinear, SimNorm, ValueEnsemble


def test_simplicial_groups_are_probabilities():
    x = torch.randn(5, 32) * 10
    y = SimNorm(8)(x)
    assert y.shape == x.shape
    assert (y >= 0).all()
    assert torch.allclose(y.unflatten(-1, (4, 8)).sum(-1), torch.ones(5, 4))


def test_simplicial_groups_are_neighbours():
    x = torch.zeros(16)
    x[3] = 50.0
    assert SimNorm(8)(x)[3] == pytest.approx(1.0)
    assert SimNorm(8)(x)[8:].tolist() == pytest.approx([1 / 8] * 8)


def test_the_value_ensemble_is_its_members_one_by_one():
    torch.manual_seed(0)
    ensemble = ValueEnsemble(4, inputs=6, hidden=5)
    for layer in (ensemble.first, ensemble.second, ensemble.last):
        torch.nn.init.normal_(layer.bias)
    z = torch.randn(7, 6)
    together = ensemble(z)
    assert together.shape == (4, 7)
    for k in range(4):
        x = z
        for layer in (ensemble.first, ensemble.second):
            x = F.silu(F.layer_norm(x @ layer.weight[k] + layer.bias[k], (5,)))
        alone = (x @ ensemble.last.weight[k] + ensemble.last.bias[k])[:, 0]
        assert torch.allclose(together[k], alone, atol=1e-6)


def test_members_start_different():
    torch.manual_seed(0)
    values = ValueEnsemble(4, inputs=6, hidden=5)(torch.randn(1, 6))[:, 0].tolist()
    assert len(set(values)) == 4


@pytest.mark.parametrize("shape", [(6,), (3, 6), (2, 3, 6)])
def test_values_keep_the_shape_of_the_latents(shape):
    assert ValueEnsemble(4, 6, 5)(torch.randn(shape)).shape == (4, *(shape[:-1] or (1,)))


def test_an_ensemble_layer_gives_each_member_its_own_weights():
    layer = EnsembleLinear(2, 3, 1)
    with torch.no_grad():
        layer.weight[0], layer.weight[1] = 1.0, 2.0
        layer.bias[1] = 5.0
    assert layer(torch.ones(2, 1, 3))[:, 0, 0].tolist() == [3.0, 11.0]
