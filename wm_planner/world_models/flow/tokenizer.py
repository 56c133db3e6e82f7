"""Frames to continuous latents: each is normalised, as of RAE (arXiv:2510.11690)."""

from __future__ import annotations

from typing import final

from torch import Tensor
from torch.nn import functional as F

from wm_planner.world_models.picture_tokenizer import PictureTokenizer


@final
class Tokenizer(PictureTokenizer):
    """Decoded with noise on them while it learns."""

    def bounded(self, latents: Tensor) -> Tensor:
        return F.layer_norm(latents, latents.shape[-1:])
