"""Imagine with a library that was just built: python -m ...trial_run LIBRARY.

Whoever built it runs this in a process of its own, which is the one to crash if that crashes.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import torch

from wm_planner.world_models.td_latent.config import TDLatentConfig
from wm_planner.world_models.td_latent.library import LibraryError
from wm_planner.world_models.td_latent.native import NativeTDLatent
from wm_planner.world_models.td_latent.network import TDLatent

_CANDIDATES, _HORIZON = 97, 3  # no multiple of any vector


@torch.inference_mode()
def main(library: str) -> None:
    """Imagine and propose, in every precision; what they differ by is checked where it is used."""
    torch.set_num_threads(1)
    torch.ops.load_library(library)
    model = TDLatent(TDLatentConfig(bins=21)).eval()
    latent, generator = model.example(), torch.Generator().manual_seed(0)
    for dtype in (torch.float32, torch.bfloat16):
        with suppress(LibraryError):
            native = NativeTDLatent(model, dtype, loaded=True)
            actions = native.propose(latent, _CANDIDATES, _HORIZON, generator).actions
            native.rollout(latent, actions)


if __name__ == "__main__":
    main(sys.argv[1])
