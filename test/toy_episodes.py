"""Episodes made by hand: a dot on a line, moved by its action, seen by two small cameras."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from wm_planner.learning.episodes import Episode, write_episode
from wm_planner.learning.layout import PRIVILEGED
from wm_planner.world_models.td_latent import TDLatentConfig

TINY = TDLatentConfig(
    image_size=32, latent_size=32, hidden_size=32, value_members=2, channels=(4, 8, 8, 8)
)


def toy_episode(seed: int, steps: int = 12, size: int = 32, labelled: bool = True) -> Episode:
    """The dot's place is in the picture, the proprioception and the landmarks."""
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1, 1, (steps, 4)).astype(np.float32)
    actions[:, 3] = np.sign(actions[:, 3])
    place = np.clip(np.cumsum(np.r_[rng.uniform(-0.5, 0.5), 0.3 * actions[:-1, 0]]), -1, 1)
    frames = np.zeros((steps, size, size, 3), np.uint8)
    for t, x in enumerate(place):
        column = int((x + 1) / 2 * (size - 5))
        frames[t, size // 2 - 3 : size // 2 + 3, column : column + 5] = 255
    nothing = np.zeros((steps, 0), np.float32)
    proprio = np.repeat(place[:, None], 8, axis=1).astype(np.float32)
    return Episode(
        frames={"front": frames, "wrist": frames[:, ::-1].copy()},
        proprio=proprio,
        actions=actions,
        rewards=(1 - np.abs(place)).astype(np.float32),
        expert_actions=-np.sign(proprio[:, :4]) if labelled else np.full_like(actions, np.nan),
        landmarks=np.repeat(place[:, None], 4, axis=1).astype(np.float32) if labelled else nothing,
        success=seed % 2 == 0,
        seed=seed,
        instruction="push the dot to the middle",
    )


def write_dataset(path: Path, episodes: list[Episode], simulated: bool = True) -> Path:
    """A dataset as `collect` writes it, or as a real robot would: without privileged labels."""
    with h5py.File(path, "w") as file:
        for i, episode in enumerate(episodes):
            group = file.create_group(f"data/demo_{i}")
            write_episode(group, episode)
            if not simulated:
                for name in PRIVILEGED:
                    if name in group:
                        del group[name]
    return path
