"""What each family imagines of one episode: the same start, the same actions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.world_model.futures import imagine
from wm_planner.evaluation.world_model.pictures import tile
from wm_planner.evaluation.world_model.recording import ExpertPilot, each, encode, record
from wm_planner.interfaces import Decodable
from wm_planner.types import Latent
from wm_planner.world_models.store import LoadedModel

_START = 10  # step of the episode at which imagining starts; until then the frames are seen
_SECONDS = (0.0, 0.5, 1.0, 2.0)  # shown


def imagined(scene: str, models: Mapping[str, LoadedModel], seed: int) -> dict[str, np.ndarray]:
    """By camera: a row of what came, then one of each model, by its name; a column for a time.

    Pictures (h, w, 3) uint8 RGB; a camera that a model does not have is left out of its picture.
    """
    rows: dict[str, list[np.ndarray]] = {}
    for name, model in models.items():
        real, drawn = _future(scene, model, seed)  # (S, V, C, h, w) each
        for v, camera in enumerate(model.config.cameras):
            own = rows.setdefault(camera, [])
            if not own:
                own.append(_row("camera", real[:, v]))
            own.append(_row(name, drawn[:, v]))
    return {camera: np.concatenate(own) for camera, own in rows.items()}


@torch.inference_mode()
def _future(scene: str, model: LoadedModel, seed: int) -> tuple[Tensor, Tensor]:
    """Frames (S, V, C, h, w) uint8 that came, and those that were imagined from step 10 on."""
    c, world_model = model.config, model.world_model
    assert isinstance(world_model, Decodable)
    steps = [round(t * c.control_rate_hz) for t in _SECONDS]
    env = ManipulationEnv(EnvConfig(scene, c.robot, c.cameras, c.image_size))
    words = c.network.vocabulary
    recording = record([env], ExpertPilot([env]), [seed], _START + max(steps), "pictures", words)
    env.close()
    encoded = encode(world_model, recording, "pictures")
    start = each(encoded.latents, lambda part: part[:, _START])
    latents = imagine(world_model, start, recording.actions[:, _START:])[0]  # (K + 1, D)
    real = recording.images[0, [_START + k for k in steps]]
    return real, world_model.decode(Latent(latents[steps])).cpu()


def _row(name: str, frames: Tensor) -> np.ndarray:
    """Tiles of frames (S, C, h, w) side by side."""
    pictures = frames.permute(0, 2, 3, 1).numpy()
    pairs = zip(pictures, _SECONDS, strict=True)
    return np.concatenate([tile(p, f"{name} {t:g} s") for p, t in pairs], axis=1)
