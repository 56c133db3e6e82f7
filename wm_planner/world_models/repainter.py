"""Frames of what is imagined, painted over the frames that were seen last.

A latent holds what matters to a plan, and forgets the rest: decoded alone, an arm is a ghost. But
most of what a camera will show half a second from now it shows already. So what was seen goes
through a U-Net (Ronneberger 2015, arXiv:1505.04597) whose features are scaled and shifted by what
the latents say has changed (FiLM: Perez 2018, arXiv:1709.07871), and a mask says for each pixel
whether it stays or is painted anew (after Finn 2016, arXiv:1605.07157).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.network_config import NetworkConfig

_DOWN = (24, 32, 48)  # channels at a half, a quarter and an eighth of the size
_DEEP = 64  # channels at an eighth, where things move
_KNOWN = 128  # numbers that say what has changed
_PLACED = 8  # channels of them that know where
_FINE = 16  # channels at the full size


@final
class Repainter(nn.Module):
    """What cameras will show, of what they showed and of two latents."""

    def __init__(self, config: NetworkConfig, latent_size: int) -> None:
        super().__init__()
        self.cameras = config.cameras
        colours, (half, quarter, eighth) = 3 * config.cameras, _DOWN
        self._edge = config.image_size // 8
        self.change = nn.Sequential(
            nn.LayerNorm(2 * latent_size), nn.Linear(2 * latent_size, _KNOWN), nn.SiLU()
        )
        self.place = nn.Linear(_KNOWN, _PLACED * self._edge**2)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1)
            for a, b in ((colours, half), (half, quarter), (quarter, eighth))
        )
        self.move = nn.ModuleList(
            nn.Conv2d(a, _DEEP, 3, padding=1) for a in (eighth + _PLACED, _DEEP, _DEEP)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, stride=2, padding=1)
            for a, b in ((_DEEP, quarter), (2 * quarter, half), (2 * half, _FINE))
        )
        told = (*_DOWN, *[_DEEP] * len(self.move), quarter, half, _FINE)
        self.told = nn.ModuleList(nn.Linear(_KNOWN, 2 * channels) for channels in told)
        self.paint = nn.Conv2d(_FINE + colours, colours + config.cameras, 3, padding=1)

    def forward(self, z: Tensor, before: Tensor, frames: Tensor) -> Tensor:
        """Frames (B, V * C, h, w) near [-0.5, 0.5] of latents `z` (B, D).

        `before` (B, D) is the latent of the moment that `frames` (B, V * C, h, w) show.
        """
        known = self.change(torch.cat([z, z - before], dim=-1))
        told = iter(self.told)
        x, seen = frames, []
        for layer in self.down:
            x = self._layer(layer, x, known, told)
            seen.append(x)
        placed = self.place(known).unflatten(-1, (_PLACED, self._edge, self._edge))
        x = self._layer(self.move[0], torch.cat([x, placed], dim=1), known, told)
        for layer in self.move[1:]:
            x = x + self._layer(layer, x, known, told)
        for layer, beside in zip(self.up, (None, seen[1], seen[0]), strict=True):
            x = x if beside is None else torch.cat([x, beside], dim=1)
            x = self._layer(layer, x, known, told)
        painted = self.paint(torch.cat([x, frames], dim=1)).float()
        colours, anew = painted.split([3 * self.cameras, self.cameras], dim=1)
        return torch.lerp(frames, colours, anew.sigmoid().repeat_interleave(3, dim=1))

    @staticmethod
    def _layer(layer: nn.Module, x: Tensor, known: Tensor, told: Iterator[nn.Module]) -> Tensor:
        scale, shift = next(told)(known)[..., None, None].chunk(2, dim=1)
        return F.relu(layer(x) * (1 + scale) + shift)
