"""An instruction in words, and features as it bids to see them."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn


@final
class TextEncoder(nn.Module):
    """Words to a vector, one after the other: "red on blue" is not "blue on red"."""

    def __init__(self, words: int, size: int) -> None:
        """`words`: how many are known; 0 in place of a word's number is none."""
        super().__init__()
        self.words = nn.Embedding(words + 1, size, padding_idx=0)
        self.read = nn.GRU(size, size, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors (..., E) of the words' numbers (..., W), which end in zeros."""
        rows = tokens.flatten(0, -2)  # (M, W)
        count = (rows > 0).sum(-1).clamp_min(1)  # (M,)
        # no word changes what was read before it; a GPU would be waited for to be told how many
        most = rows.shape[1] if rows.is_cuda else int(count.max())
        states, _ = self.read(self.words(rows[:, :most]))
        last = states[torch.arange(len(rows), device=rows.device), count - 1]
        return last.unflatten(0, tokens.shape[:-1])


@final
class Heed(nn.Module):
    """Scales and shifts every feature as an instruction says (FiLM, arXiv:1709.07871).

    Before it has learned anything, it changes nothing.
    """

    def __init__(self, words: int, size: int, features: int) -> None:
        super().__init__()
        self.text = TextEncoder(words, size)
        self.change = nn.Linear(size, 2 * features)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Features (..., F), given the words' numbers (..., W) of as many axes, or of 1."""
        scale, shift = self.change(self.text(tokens)).chunk(2, dim=-1)
        return features * (1 + scale) + shift
