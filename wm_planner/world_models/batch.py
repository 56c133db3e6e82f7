"""What a world model learns from."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """B sequences of T + 1 states and the T actions between them."""

    images: Tensor  # (B, T + 1, V, C, h, w) uint8
    proprio: Tensor  # (B, T + 1, P)
    actions: Tensor  # (B, T, A) as executed
    rewards: Tensor  # (B, T) after each action
    returns: Tensor  # (B, T + 1) discounted, scaled by 1 - discount; NaN where not known
    labels: Tensor  # (B, T, A) expert's actions, NaN where there are none
    landmarks: Tensor  # (B, T + 1, K) where things are, NaN where not known; see EpisodeStore
    success: Tensor  # (B, T) 1 where an action ended the task well, else 0
    scenes: Tensor | None = None  # as images, if nothing covered a camera; None: nothing does
    motion: Tensor | None = None  # (A, K) of landmarks by a unit of each action; None: not known
    instruction: Tensor | None = None  # (B, W) numbers of words, see `tokens`; None: no words

    @property
    def told(self) -> Tensor | None:
        """The instruction (B, 1, W), to be heeded at every state of a sequence."""
        return None if self.instruction is None else self.instruction[:, None]
