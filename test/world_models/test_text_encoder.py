"""The order of words counts, what comes after them does not, and what is heeded is learned."""

from __future__ import annotations

import torch

from wm_planner.world_models.text_encoder import Heed, TextEncoder


def encoder() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(words=6, size=8).requires_grad_(False)


def test_the_order_of_words_counts():
    one, other = encoder()(torch.tensor([[1, 2, 3], [3, 2, 1]]))
    assert not torch.allclose(one, other, atol=1e-3)


def test_zeros_after_the_last_word_change_no_bit():
    text = encoder()
    long, short = text(torch.tensor([[1, 2, 0, 0]])), text(torch.tensor([[1, 2]]))
    assert torch.equal(long, short)
    among_others = text(torch.tensor([[1, 2, 0], [3, 4, 5]]))
    assert torch.allclose(among_others[:1], short, atol=1e-6)


def test_any_axes_may_come_before_the_words():
    found = encoder()(torch.ones(2, 3, 4, dtype=torch.int64))
    assert found.shape == (2, 3, 8)


def test_features_stay_as_they_are_until_something_is_learned():
    heed, features = Heed(6, 8, features=5), torch.randn(2, 3, 5)
    told = torch.tensor([[[1, 2]], [[2, 1]]])  # (2, 1, W): the same at every step
    assert torch.equal(heed(features, told), features)
    torch.nn.init.normal_(heed.change.weight)
    changed = heed(features, told)
    assert changed.shape == features.shape
    assert not torch.allclose(changed[0] / features[0], changed[1] / features[1], atol=1e-3)
