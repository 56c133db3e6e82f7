"""What came of each moment of recorded episodes, in the units that a model learned it in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wm_planner.evaluation.world_model.recording import Recording
from wm_planner.learning.sequences import returns_of

_UNSEEN = 0.05  # of a return: what may still come after the recording, at most


class Outcomes(NamedTuple):
    """Of B episodes of T steps."""

    rewards: Tensor  # (B, T) after each action
    done: Tensor  # (B, T) bool, whether the task is done then
    returns: Tensor  # (B, T) from before each action on, times 1 - discount
    known: Tensor  # (B, T) bool, whether that was seen to its end, of somebody undisturbed
    unseen: float  # share of a known return that lies after the recording, at most


def outcomes(
    recording: Recording, discount: float, privileged: bool, begun: int = 0, last: int | None = None
) -> Outcomes:
    """Rewards and returns as in training, see `learning.sequences`.

    There an episode ends when the task is done, and its last reward is paid for ever after: without
    `privilege` the return is discount ** (steps until it is done - 1), and 0 where it never is.
    Returns are known from step `begun` on, when the pilot began to act, and until the task is done;
    before step `last`, and as long as the recording goes on until the rest hardly counts.
    """
    done = recording.done
    rewards = recording.rewards if privileged else done.float()
    steps = done.shape[1]
    ahead = min(math.ceil(math.log(_UNSEEN) / math.log(discount)), steps // 2)
    returns, known = torch.zeros_like(rewards), torch.zeros_like(done)
    for b, own in enumerate(done):
        ends = int(own.int().argmax()) + 1 if own.any() else steps
        paid = rewards[b, :ends].numpy()
        returns[b, :ends] = torch.from_numpy(np.ascontiguousarray(returns_of(paid, discount)))
        known[b, begun : min(ends, steps - ahead, steps if last is None else last)] = True
    return Outcomes(rewards, done, returns, known, discount**ahead)
