"""Drift: does a long imagination stay where frames could be, or wander off?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.evaluation.world_model.futures import BEFORE, rms
from wm_planner.evaluation.world_model.readout import Readout
from wm_planner.evaluation.world_model.recording import Encoded, each
from wm_planner.interfaces import Decodable, WorldModel
from wm_planner.types import Latent, Observation

_GAP_EVERY = 10  # steps between looks at what the imagination decodes to


class Drift(NamedTuple):
    """Along imaginations of K steps, means over episodes."""

    errors: Tensor  # (K,) root mean square of imagined against encoded latents
    gap_steps: Tensor  # (G,) at which steps the gap was looked at, 0 first
    gaps: Tensor  # (G,) of a latent to what its own decoded frame is encoded to; empty: no decoder

    def ratio(self, late: int = 100, early: int = 10) -> float:
        """Error after `late` steps over that after `early`, means of five steps around; 1: none."""
        if len(self.errors) < late:
            return float("nan")
        late_error, early_error = (_around(self.errors, k) for k in (late, early))
        return late_error / max(early_error, 1e-9)


@torch.inference_mode()
def drift(world_model: WorldModel, encoded: Encoded, readout: Readout) -> Drift:
    """Imagine the actions taken from each episode's beginning to its end.

    The gap is between an imagined latent and the encoding of the frames it decodes to, with the
    proprioception that `readout` finds in it: zero if the latent is one that frames can have.
    """
    actions, real = encoded.recording.actions, encoded.latents.z  # (B, T, A), (B, T + 1, D)
    latent = each(encoded.latents, lambda part: part[:, BEFORE])
    errors, gap_steps, gaps = [], [], []
    decodes = isinstance(world_model, Decodable)
    for k in tqdm(range(actions.shape[1] - BEFORE + 1), desc="drift", unit="step", leave=False):
        if k:
            latent = world_model.advance(latent, actions[:, BEFORE + k - 1])
            errors.append(rms(latent.z - real[:, BEFORE + k]).mean())
        if decodes and k % _GAP_EVERY == 0:
            gap_steps.append(k)
            gaps.append(_gap(world_model, latent, readout, encoded.recording.instruction))
    return Drift(torch.stack(errors), torch.tensor(gap_steps), torch.tensor(gaps))


def _gap(
    world_model: WorldModel, latent: Latent, readout: Readout, instruction: Tensor | None
) -> float:
    assert isinstance(world_model, Decodable)
    seen = Observation(world_model.decode(latent), readout(latent.z), instruction)
    return float(rms(world_model.encode(seen, latent).z - latent.z).mean())


def _around(errors: Tensor, k: int) -> float:
    """Mean of the five steps around step k, as far as they are there."""
    return float(errors[max(0, k - 3) : k + 2].mean())
