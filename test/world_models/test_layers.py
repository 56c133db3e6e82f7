"""Each layer is what its formula says."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from wm_planner.world_models.heads import ValueEnsemble
from wm_planner.world_models.layers import EnsembleLinear, SimNorm, TwoHot


def test_simplicial_groups_are_probabilities():
    x = torch.randn(5, 32) * 10
    y = SimNorm(8)(x)
    assert y.shape == x.shape
    assert (y >= 0).all()
    assert torch.allclose(y.unflatten(-1, (8, 4)).sum(-2), torch.ones(5, 4))


def test_members_of_a_simplicial_group_lie_apart_by_the_number_of_groups():
    x = torch.zeros(16)
    x[3] = 50.0
    assert SimNorm(8)(x)[3] == pytest.approx(1.0)
    assert SimNorm(8)(x)[1] == pytest.approx(0.0)
    assert SimNorm(8)(x)[0::2].tolist() == pytest.approx([1 / 8] * 8)


def test_two_hot_reads_back_what_its_loss_asks_for():
    read, wanted = TwoHot(101), torch.tensor([-300.0, -0.5, 0.0, 0.01, 0.9, 20.0, 5000.0])
    outputs = torch.zeros(7, 101, requires_grad=True)
    optimizer = torch.optim.Adam([outputs], lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        read.loss(outputs, wanted).sum().backward()
        optimizer.step()
    torch.testing.assert_close(read(outputs), wanted, rtol=0.02, atol=2e-3)


def test_two_hot_beyond_its_bins_stays_at_the_last():
    read = TwoHot(11, limit=1.0)
    outputs = torch.full((11,), -50.0)
    outputs[-1] = 50.0
    assert read(outputs).item() == pytest.approx(math.e - 1)
    assert read.loss(outputs, torch.tensor(1e6)).item() == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("bins", [1, 5])
def test_values_are_read_off_their_outputs(bins):
    ensemble = ValueEnsemble(3, inputs=6, hidden=5, bins=bins)
    z = torch.randn(2, 7, 6)
    assert ensemble.outputs(z).shape == (3, 2, 7, bins)
    assert torch.equal(ensemble(z), ensemble.read(ensemble.outputs(z)))


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
