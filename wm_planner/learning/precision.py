"""In which numbers a world model is trained: as asked for, or as is fastest on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import torch

from wm_planner.errors import UserError
from wm_planner.fastest import fastest
from wm_planner.world_models.encoder import make_encoder
from wm_planner.world_models.heads import Decoder
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.store import channels_last

PRECISIONS = ("auto", "float32", "bfloat16")
"""float32; bfloat16: products in bfloat16, all else in float32; auto: the faster of the two."""

_log = logging.getLogger(__name__)
_MOMENTS = 32  # whose frames are encoded to measure: of a few, bfloat16 shows nothing it can
_KEY_POINTS = 32  # as of most models


def check_precision(precision: str) -> None:
    """A UserError unless it is one of PRECISIONS."""
    if precision not in PRECISIONS:
        raise UserError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")


def training_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Type of the numbers in matrix products and convolutions, of one of PRECISIONS."""
    if precision == "auto":
        names = ("float32", "bfloat16")
        ways = {name: partial(_encoding, getattr(torch, name), device) for name in names}
        found = fastest("training an encoder of key points", ways, str(device))
        _log.info("training in %s", found)
        precision = found.name
    return getattr(torch, precision)


def autocast(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """Within it, products are of `dtype`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)


def _encoding(dtype: torch.dtype, device: torch.device) -> Callable[[], object]:
    """A gradient of an encoder and a decoder of the usual size."""
    config = NetworkConfig(key_points=_KEY_POINTS)
    with torch.random.fork_rng(devices=[]):  # whoever draws weights next draws the same
        encoder = make_encoder(config).to(device)
        decoder = Decoder(config, encoder.features).to(device)
    for network in (encoder, decoder):
        channels_last(network)
    frames = (_MOMENTS, config.cameras, 3, config.image_size, config.image_size)
    images = torch.zeros(frames, dtype=torch.uint8, device=device)
    proprio = torch.zeros(_MOMENTS, config.proprio_size, device=device)

    def step() -> None:
        with autocast(dtype, device):
            features = encoder(images, proprio)
            loss = features.float().square().sum() + decoder(features).float().square().sum()
        loss.backward()

    return step
