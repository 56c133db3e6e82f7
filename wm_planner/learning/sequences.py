"""Episodes in memory, and batches of short sequences of them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.utils.data import IterableDataset
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.learning.augmentation import colour_tables, covered, recoloured, shift_into
from wm_planner.learning.episodes import (
    Episode,
    demo,
    demo_names,
    flown_by_planner,
    open_dataset,
    read_episode,
    task_of,
)
from wm_planner.learning.hindsight import keyframe_offsets, motion_of
from wm_planner.learning.reaction import meant
from wm_planner.perception.images import fit
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.words import tokens


class EpisodeStore:
    """All episodes of some datasets, as flat arrays over time."""

    def __init__(
        self,
        paths: list[Path],
        cameras: tuple[str, ...],
        image_size: int,
        discount: float,
        limit: int | None = None,
        privileged: bool = True,
        switches: Sequence[int] = (),
        held_out: float = 0.0,
    ) -> None:
        """Unless `privileged`, what only a simulation knows is not read, see Episode.

        A dataset that is named several times is read once and learned from so many times as often.
        Landmarks then are what hindsight tells of the keyframes, where `switches` are thrown. A
        share of the episodes, below a half, is `held_out`: these are in no batch.
        """
        parts = []
        self.instructions: list[str] = []  # of each episode, in words; empty where nobody said
        self.tasks: list[str] = []  # of each dataset, as far as it says
        by_planner: list[bool] = []
        edges: list[int] = []  # of the frames of each episode, as they were recorded
        often: list[int] = []  # how often to learn from each episode
        for path, times in Counter(paths).items():
            with open_dataset(path) as file:
                self.tasks += task_of(file)
                own = flown_by_planner(file)
                for name in tqdm(
                    demo_names(file)[:limit], desc=f"read {path.name}", unit="episode"
                ):
                    episode = read_episode(demo(file, name), privileged)
                    if not privileged:
                        episode = episode._replace(
                            landmarks=keyframe_offsets(
                                episode.proprio, episode.actions, switches, episode.success
                            )
                        )
                    self.instructions.append(episode.instruction)
                    by_planner.append(own)
                    often.append(times)
                    parts.append(_arrays(path, name, episode, cameras, image_size, discount))
                    edges += [min(episode.frames[c].shape[1:3]) for c in cameras]
        self.episodes = len(parts)
        self.recorded_size = min(edges)  # pixels, of the smallest frame before it was resized
        lengths = np.array([len(part[1]) for part in parts])
        self.ends = np.cumsum(lengths)
        self.starts = self.ends - lengths
        every = round(1 / held_out) if held_out else self.episodes + 1
        self._by_planner, self._often = np.array(by_planner), np.array(often)  # (episodes,)
        self._held_out = np.arange(1, self.episodes + 1) % every == 0  # (episodes,)
        parts = _with_landmarks(parts)
        for name, column in (("proprio", 1), ("actions", 2), ("landmarks", 7)):
            if len(sizes := {part[column].shape[-1] for part in parts}) > 1:
                raise UserError(
                    f"{name} has {sorted(sizes)} numbers in different episodes; the datasets are "
                    "not of one robot, or of several tasks, which are not learned with privilege"
                )
        joined = [torch.from_numpy(np.concatenate(x)) for x in zip(*parts, strict=True)]
        frames, self.proprio, self.actions, self.rewards = joined[:4]
        self.images = rearrange(frames, "t h w v c -> t v c h w")  # channels last in memory
        self.returns, self.labels, self.success, self.landmarks = joined[4:]
        self.motion: Tensor | None = None
        if not privileged:
            spans = [slice(a, b) for a, b in zip(self.starts, self.ends, strict=True)]
            motion = motion_of(self.proprio.numpy(), self.actions.numpy(), spans, switches)
            self.motion = torch.from_numpy(motion)

    @property
    def steps(self) -> int:
        return len(self.actions)

    @property
    def held_out(self) -> list[slice]:
        """Where the episodes lie that are in no batch."""
        return self._where(self._held_out)

    @property
    def learned_from(self) -> list[slice]:
        """Where all others lie, each as often as it is to be learned from."""
        return self._where(np.repeat(np.arange(self.episodes), self._often * ~self._held_out))

    def imitated(self, reaction: int, switches: Sequence[int]) -> Tensor:
        """Actions (T, A) as they were meant, see `meant`, by who was late; a planner is not."""
        by_hand = self._where(~self._by_planner)
        return meant(self.actions, by_hand, switches, reaction)

    def _where(self, chosen: np.ndarray) -> list[slice]:
        spans = zip(self.starts[chosen].tolist(), self.ends[chosen].tolist(), strict=True)
        return [slice(a, b) for a, b in spans]

    def resized(self, image_size: int) -> EpisodeStore:
        """The same episodes with frames of another size."""
        other = copy.copy(self)
        frames = rearrange(self.images, "t v c h w -> t v h w c").numpy()
        resized = [np.stack([fit(frame, image_size) for frame in moment]) for moment in frames]
        other.images = rearrange(torch.from_numpy(np.stack(resized)), "t v h w c -> t v c h w")
        return other

    def told(self, span: slice, vocabulary: Sequence[str]) -> Tensor | None:
        """What was to be done in the episode at `span`, (1, W); None without a vocabulary."""
        episode = int(np.searchsorted(self.ends, span.start, side="right"))
        return tokens([self.instructions[episode]], vocabulary) if vocabulary else None

    def _all_told(self, vocabulary: Sequence[str]) -> Tensor | None:
        """What was to be done in each episode, (episodes, W); None without a vocabulary."""
        if not vocabulary:
            return None
        if silent := self.instructions.count(""):
            raise UserError(
                f"{silent} of {self.episodes} episodes do not say what was to be done, and the "
                "model is to learn words: write it into the attribute `instruction` of each "
                "data/demo_*, or set network.instruction_size to 0"
            )
        return tokens(self.instructions, vocabulary)

    def batches(
        self,
        horizon: int,
        size: int,
        shift: int,
        colour: float,
        seed: int,
        first: int = 0,
        unfelt: float = 0.0,
        cover: float = 0.0,
        vocabulary: Sequence[str] = (),
    ) -> Iterator[Batch]:
        """Endless random batches from number `first` on; a seed and a number make a batch.

        A sequence's frames are shifted alike, up to `shift` pixels, and their channels are
        multiplied by 1 +- `colour` and shifted by +- `colour` of the range. With probability
        `unfelt` a sequence's proprioception is not known: NaN. With probability `cover` something
        covers one or all cameras for a while. With a `vocabulary`, batches hold instructions.
        """
        told = self._all_told(vocabulary)
        spans = self.learned_from
        valid = np.concatenate([np.arange(x.start, x.stop - horizon) for x in spans])
        if not len(valid):
            raise UserError(f"no episode is longer than {horizon} steps; collect longer ones")
        for number in count(first):
            rng = np.random.default_rng((seed, number))
            begin = rng.choice(valid, size)
            states = torch.from_numpy(begin[:, None] + np.arange(horizon + 1))  # (B, T + 1)
            steps = states[:, :-1]
            images = self._augmented(begin, horizon + 1, shift, colour, rng)
            episodes = torch.from_numpy(np.searchsorted(self.ends, begin, side="right"))
            not_felt = torch.from_numpy(rng.random(size) < unfelt)[:, None, None]
            yield Batch(
                images=covered(images, cover, rng) if cover else images,
                proprio=self.proprio[states].masked_fill(not_felt, torch.nan),
                actions=self.actions[steps],
                rewards=self.rewards[steps],
                returns=self.returns[states],
                labels=self.labels[steps],
                landmarks=self.landmarks[states],
                success=self.success[steps],
                scenes=images,
                motion=self.motion,
                instruction=None if told is None else told[episodes],
            )

    def _augmented(
        self, begin: np.ndarray, length: int, shift: int, colour: float, rng: np.random.Generator
    ) -> Tensor:
        """Frames (B, T, V, C, h, w) from states `begin` on, channels last in memory.

        Colours change as if each camera's light and white balance did; shifts replicate the edges
        (DrQ, arXiv:2004.13649).
        """
        images = rearrange(self.images, "t v c h w -> t h w (v c)").numpy()
        b, (_, h, w, channels) = len(begin), images.shape
        shifts = (shift - rng.integers(0, 2 * shift + 1, (b, 2))).tolist()  # down, right
        tables = colour_tables(colour, b, channels, rng)
        out = np.empty((b, length, h, w, channels), np.uint8)
        for i, first in enumerate(begin):  # few frames at a time stay in the cache
            frames = images[first : first + length]
            shown = recoloured(frames, tables[i]) if colour else frames
            shift_into(shown, shifts[i], out[i])
        cameras = self.images.shape[1]
        return rearrange(torch.from_numpy(out), "b t h w (v c) -> b t v c h w", v=cameras)


class SequenceDataset(IterableDataset):
    """The endless batches of a store, for a Lightning Trainer, from the update it has reached."""

    def __init__(
        self,
        store: EpisodeStore,
        horizon: int,
        size: int,
        shift: int,
        colour: float,
        seed: int,
        reached: Callable[[], int],
        unfelt: float = 0.0,
        cover: float = 0.0,
        vocabulary: Sequence[str] = (),
    ) -> None:
        self._store, self._arguments = store, (horizon, size, shift, colour, seed)
        self._reached, self._others = reached, (unfelt, cover, vocabulary)

    def __iter__(self) -> Iterator[Batch]:
        return self._store.batches(*self._arguments, self._reached(), *self._others)


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
        [np.stack([fit(f, image_size) for f in episode.frames[c]]) for c in cameras], axis=3
    )  # (T, h, w, V, C)
    rewards, done = episode.rewards, episode.dones.astype(np.float32)
    success, sparse = _as_seen(done), bool(np.isnan(rewards).any())
    returns = returns_of(done if sparse else rewards, discount)
    felt = (episode.proprio, episode.actions, success if sparse else rewards, returns)
    return images, *felt, episode.expert_actions, success, episode.landmarks


def _as_seen(done: np.ndarray) -> np.ndarray:
    """Which actions (T,) ended the task well, the one before an episode's last one as well.

    Of an action is learned what the frame after it shows, and the last action has none: where an
    episode ends with its success, no head would ever see one.
    """
    success = done.copy()
    success[-2:-1] = success[-2:-1].clip(success[-1:])
    return success


def _with_landmarks(parts: list[tuple[np.ndarray, ...]]) -> list[tuple[np.ndarray, ...]]:
    """NaN landmarks for the episodes of a real robot that train beside simulated ones."""
    size = max(part[-1].shape[-1] for part in parts)
    return [
        (*part, known if known.shape[-1] else np.full((len(known), size), np.nan, np.float32))
        for *part, known in parts
    ]


def returns_of(rewards: np.ndarray, discount: float) -> np.ndarray:
    """Return from each state (T,), as if the episode's last reward were paid for ever after."""
    returns = np.empty_like(rewards)
    following = rewards[-1]
    for t in reversed(range(len(rewards))):
        following = returns[t] = (1 - discount) * rewards[t] + discount * following
    return returns
