"""Imagined futures beside those that came: what fidelity, horizon and drift are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm, trange

from wm_planner.evaluation.world_model.recording import Encoded, Recording, each
from wm_planner.interfaces import WorldModel
from wm_planner.types import Latent

BEFORE = 2  # steps that a window needs before it, for the models that extrapolate


class Frames(NamedTuple):
    """Where the windows' frames are: kept once, however many windows show them."""

    recordings: tuple[Recording, ...]
    place: tuple[tuple[int, int, int], ...]  # W: which recording, its episode, the step there

    def at(self, windows: Sequence[int], k: int) -> Tensor:
        """Frames (M, V, C, h, w) uint8 of M windows, k steps after their start."""
        places = [self.place[w] for w in windows]
        return torch.stack([self.recordings[r].images[b, t + k] for r, b, t in places])


class Futures(NamedTuple):
    """W windows of K steps; entry 0 of the axis K + 1 is the moment the imagination starts."""

    start: Tensor  # (W,) step of the episode
    frames: Frames
    imagined: Tensor  # (W, K + 1, D)
    encoded: Tensor  # (W, K + 1, D) of the frames that came
    before: Tensor  # (W, D) encoded one step before the start
    imagined_rewards: Tensor  # (W, K)
    rewards: Tensor  # (W, K)
    rewards_before: Tensor  # (W, 2) the last two, older first
    disagreement: Tensor  # (W, K) of the value ensemble after each step
    proprio: Tensor  # (W, K + 1, P) as measured
    proprio_before: Tensor  # (W, P) one step before the start
    stages: Tensor  # (W, K + 1)

    @property
    def errors(self) -> Tensor:
        """Root mean square (W, K) over D of the latent's error after each step."""
        return rms(self.imagined[:, 1:] - self.encoded[:, 1:])

    @property
    def null_errors(self) -> Tensor:
        """The same (W, K), of a model that predicts no change."""
        return rms(self.encoded[:, :1] - self.encoded[:, 1:])


def rms(difference: Tensor) -> Tensor:
    """Root mean square over the last axis."""
    return difference.square().mean(-1).sqrt()


@torch.inference_mode()
def imagine_windows(
    world_model: WorldModel,
    encoded: Encoded,
    horizon: int,
    stride: int,
    last_start: int | None = None,
    every: int = 5,
) -> Futures:
    """Imagine `horizon` steps of the actions taken, from a start every `stride` steps.

    The last start is at step `last_start`, or where the windows still fit.
    The ensemble's disagreement is asked after 1 step and every `every` steps; NaN in between.
    """
    recording = encoded.recording
    episodes, steps = recording.actions.shape[:2]
    last = min(steps - horizon, steps if last_start is None else last_start)
    starts = torch.tensor(range(BEFORE, last + 1, stride), dtype=torch.int64)
    if not len(starts):
        raise ValueError(f"recordings of {steps} steps, expected {horizon + BEFORE} or more")
    episode = torch.arange(episodes).repeat_interleave(len(starts))  # (W,)
    start = starts.repeat(episodes)  # (W,)
    later = start[:, None] + torch.arange(horizon + 1)  # (W, K + 1)
    row = episode[:, None]
    actions = recording.actions[row, later[:, :-1]]  # (W, K, A)
    first = each(encoded.latents, lambda part: part[episode, start])
    imagined = imagine(world_model, first, actions)
    rewards, disagreement = _judge(world_model, imagined, actions, every)
    place = tuple((0, b, t) for b, t in zip(episode.tolist(), start.tolist(), strict=True))
    return Futures(
        start,
        Frames((recording,), place),
        imagined,
        encoded.latents.z[row, later],
        encoded.latents.z[episode, start - 1],
        rewards,
        recording.rewards[row, later[:, :-1]],
        torch.stack([recording.rewards[episode, start - i] for i in (2, 1)], 1),
        disagreement,
        recording.proprio[row, later],
        recording.proprio[episode, start - 1],
        recording.stages[row, later],
    )


def joined(parts: Sequence[Futures]) -> Futures:
    """Windows of several recordings as one."""
    recordings = tuple(r for part in parts for r in part.frames.recordings)
    place: list[tuple[int, int, int]] = []
    before = 0
    for part in parts:
        place += [(before + r, b, t) for r, b, t in part.frames.place]
        before += len(part.frames.recordings)
    frames = Frames(recordings, tuple(place))
    tensors = [part._replace(frames=None) for part in parts]  # type: ignore[arg-type]
    columns = zip(*tensors, strict=True)
    return Futures(*(frames if c[0] is None else torch.cat(c) for c in columns))  # type: ignore[arg-type]


@torch.inference_mode()
def imagine(world_model: WorldModel, latent: Latent, actions: Tensor) -> Tensor:
    """Latents (B, K + 1, D) while `actions` (B, K, A) are taken, the given one first."""
    imagined = [latent.z]
    for action in tqdm(actions.unbind(1), desc="imagine", unit="step", leave=False):
        latent = world_model.advance(latent, action)
        imagined.append(latent.z)
    return torch.stack(imagined, 1)


def _judge(
    world_model: WorldModel, imagined: Tensor, actions: Tensor, every: int
) -> tuple[Tensor, Tensor]:
    """Imagined rewards (W, K), and disagreement (W, K) at some steps, NaN at others.

    Of a step from each of the imagined latents (W, K + 1, D) by its action (W, K, A).
    """
    horizon = actions.shape[1]
    rewards = torch.empty(actions.shape[:2], device=imagined.device)
    disagreement = torch.full_like(rewards, torch.nan)
    asked = {1, *range(every, horizon + 1, every)}
    for k in trange(1, horizon + 1, desc="judge", unit="step", leave=False):
        step = world_model.rollout(Latent(imagined[:, k - 1]), actions[:, None, k - 1 : k])
        rewards[:, k - 1] = step.rewards[:, 0, 0].float()
        if k in asked:
            disagreement[:, k - 1] = step.disagreement[:, 0]
    return rewards, disagreement
