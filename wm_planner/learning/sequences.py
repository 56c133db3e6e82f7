"""Episodes in memory, and batches of short sequences of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode, demo, demo_names, open_dataset, read_episode
from wm_planner.perception.images import fit


class Batch(NamedTuple):
    """B sequences of T + 1 states and the T actions between them."""

    images: Tensor  # (B, T + 1, V, C, h, w) uint8
    proprio: Tensor  # (B, T + 1, P)
    actions: Tensor  # (B, T, A) as executed
    rewards: Tensor  # (B, T) after each action
    returns: Tensor  # (B, T + 1) discounted, scaled by 1 - discount; NaN where not known
    labels: Tensor  # (B, T, A) expert's actions, NaN where there are none
    landmarks: Tensor  # (B, T + 1, K), NaN where not known


class EpisodeStore:
    """All episodes of some datasets, as flat arrays over time."""

    def __init__(
        self,
        paths: list[Path],
        cameras: tuple[str, ...],
        image_size: int,
        discount: float,
        limit: int | None = None,
    ) -> None:
        parts = []
        for path in paths:
            with open_dataset(path) as file:
                for name in tqdm(
                    demo_names(file)[:limit], desc=f"read {path.name}", unit="episode"
                ):
                    episode = read_episode(demo(file, name))
                    parts.append(_arrays(path, name, episode, cameras, image_size, discount))
        self.episodes = len(parts)
        lengths = np.array([len(part[1]) for part in parts])
        self.ends = np.cumsum(lengths)
        self.starts = self.ends - lengths
        parts = _with_landmarks(parts)
        for name, column in (("proprio", 1), ("actions", 2), ("landmarks", 6)):
            if len(sizes := {part[column].shape[-1] for part in parts}) > 1:
                raise UserError(
                    f"{name} has {sorted(sizes)} numbers in different episodes; the "
                    "datasets are not of one robot and task"
                )
        joined = [torch.from_numpy(np.concatenate(x)) for x in zip(*parts, strict=True)]
        self.images, self.proprio, self.actions, self.rewards = joined[:4]
        self.returns, self.labels, self.landmarks = joined[4:]

    @property
    def steps(self) -> int:
        return len(self.actions)

    def batches(
        self, horizon: int, size: int, shift: int, colour: float, seed: int
    ) -> Iterator[Batch]:
        """Endless random batches.

        A sequence's frames are shifted alike, up to `shift` pixels, and their channels are
        multiplied by 1 +- `colour` and shifted by +- `colour` of the range.
        """
        valid = np.concatenate(
            [np.arange(a, b - horizon) for a, b in zip(self.starts, self.ends, strict=True)]
        )
        if not len(valid):
            raise UserError(f"no episode is longer than {horizon} steps; collect longer ones")
        rng = np.random.default_rng(seed)
        while True:
            first = rng.choice(valid, size)
            states = torch.from_numpy(first[:, None] + np.arange(horizon + 1))  # (B, T + 1)
            steps = states[:, :-1]
            yield Batch(
                images=_coloured(_shifted(self.images[states], shift, rng), colour, rng),
                proprio=self.proprio[states],
                actions=self.actions[steps],
                rewards=self.rewards[steps],
                returns=self.returns[states],
                labels=self.labels[steps],
                landmarks=self.landmarks[states],
            )


class SequenceDataset(IterableDataset):
    """The endless batches of a store, for a Lightning Trainer."""

    def __init__(
        self, store: EpisodeStore, horizon: int, size: int, shift: int, colour: float, seed: int
    ) -> None:
        self._store, self._arguments = store, (horizon, size, shift, colour, seed)

    def __iter__(self) -> Iterator[Batch]:
        return self._store.batches(*self._arguments)


def _arrays(
    path: Path,
    name: str,
    episode: Episode,
    cameras: tuple[str, ...],
    image_size: int,
    discount: float,
) -> tuple[np.ndarray, ...]:
    missing = [camera for camera in cameras if camera not in episode.frames]
    if missing:
        raise UserError(f"{path}: {name} has cameras {list(episode.frames)}, lacks {missing}")
    images = np.stack(
        [np.stack([fit(f, image_size) for f in episode.frames[c]]) for c in cameras], axis=1
    )  # (T, V, h, w, C)
    returns = _returns(episode.rewards, discount)
    images = np.ascontiguousarray(images.transpose(0, 1, 4, 2, 3))
    labels, landmarks = episode.expert_actions, episode.landmarks
    return images, episode.proprio, episode.actions, episode.rewards, returns, labels, landmarks


def _with_landmarks(parts: list[tuple[np.ndarray, ...]]) -> list[tuple[np.ndarray, ...]]:
    """NaN landmarks for the episodes of a real robot that train beside simulated ones."""
    size = max(part[-1].shape[-1] for part in parts)
    return [
        (*part, known if known.shape[-1] else np.full((len(known), size), np.nan, np.float32))
        for *part, known in parts
    ]


def _returns(rewards: np.ndarray, discount: float) -> np.ndarray:
    """Return from each state (T,), as if the episode's last reward were paid for ever after."""
    returns = np.empty_like(rewards)
    following = rewards[-1]
    for t in reversed(range(len(rewards))):
        following = returns[t] = (1 - discount) * rewards[t] + discount * following
    return returns


def _shifted(images: Tensor, shift: int, rng: np.random.Generator) -> Tensor:
    """Random shift with edge replication (DrQ, arXiv:2004.13649), one for each sequence."""
    if shift == 0:
        return images
    h, w = images.shape[-2:]
    margins = [(0, 0)] * (images.ndim - 2) + [(shift, shift)] * 2
    padded = np.pad(images.numpy(), margins, mode="edge")
    out = np.empty_like(images.numpy())
    for i, (dy, dx) in enumerate(rng.integers(0, 2 * shift + 1, (len(images), 2)).tolist()):
        out[i] = padded[i, ..., dy : dy + h, dx : dx + w]
    return torch.from_numpy(out)


def _coloured(images: Tensor, colour: float, rng: np.random.Generator) -> Tensor:
    """Random gain and offset of each colour channel, one for each sequence and camera."""
    if colour == 0:
        return images
    b, t, v, c = images.shape[:4]
    tables = np.arange(256) * rng.uniform(1 - colour, 1 + colour, (b, v, c, 1))
    tables += 255 * rng.uniform(-colour, colour, (b, v, c, 1))
    tables = tables.clip(0, 255).round().astype(np.uint8)
    planes = images.numpy().copy()  # many times faster plane by plane than as floats
    for i, j, k, n in np.ndindex(b, t, v, c):
        cv2.LUT(planes[i, j, k, n], tables[i, k, n], dst=planes[i, j, k, n])
    return torch.from_numpy(planes)
