"""Episodes recorded for the evaluation: equally long, whatever the task says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.interfaces import WorldModel
from wm_planner.perception.images import observe
from wm_planner.pipeline import Pipeline
from wm_planner.types import Latent, Observation, View
from wm_planner.world_models.words import tokens

_GRIPPER_FLIPS = 0.15  # probability a step, of random actions


class Recording(NamedTuple):
    """B episodes of T steps."""

    seeds: tuple[int, ...]  # B
    images: Tensor  # (B, T + 1, V, C, h, w) uint8
    proprio: Tensor  # (B, T + 1, P)
    actions: Tensor  # (B, T, A)
    rewards: Tensor  # (B, T) after each action
    stages: Tensor  # (B, T + 1) which of the task's stages
    done: Tensor  # (B, T) bool, whether the task is done after each action
    instruction: Tensor | None = None  # (B, W), for a model with words

    def observation(self, t: int) -> Observation:
        """Of all episodes at step t."""
        return Observation(self.images[:, t], self.proprio[:, t], self.instruction)


class Encoded(NamedTuple):
    """A recording, and what the world model makes of each of its frames."""

    recording: Recording
    latents: Latent  # parts (B, T + 1, ...)


Views = Sequence[dict[str, np.ndarray]]
"""Observations of B environments."""


class Pilot(Protocol):
    """Who drives."""

    def begin(self, seeds: Sequence[int]) -> None:
        """Episodes with these seeds start."""

    def act(self, views: Views) -> np.ndarray:
        """Actions (B, A)."""


class PlannerPilot:
    """The pipeline's planner in closed loop, as on the robot."""

    def __init__(self, pipeline: Pipeline, envs: Sequence[ManipulationEnv]) -> None:
        """The tasks of these environments say what is to be done."""
        self._pipeline, self._envs = pipeline, envs

    def begin(self, seeds: Sequence[int]) -> None:
        """See Pilot; the episodes are of the first environments."""
        self._pipeline.reset_many(seeds)
        own = self._envs[: len(seeds)]
        self._pipeline.assignments.tell([env.task.instruction for env in own])

    def act(self, views: Views) -> np.ndarray:
        """See Pilot."""
        seen = {i: View(view, view["proprio"]) for i, view in enumerate(views)}
        thought = self._pipeline.think_many(seen)
        self._pipeline.check(thought)
        return thought.plan.actions[:, 0].double().cpu().numpy()


class RandomPilot:
    """Uniform actions; the gripper, the last of them, changes its mind now and then."""

    def begin(self, seeds: Sequence[int]) -> None:
        """See Pilot."""
        self._rngs = [np.random.default_rng([seed, 3]) for seed in seeds]
        self._grippers = [1.0 for _ in seeds]

    def act(self, views: Views) -> np.ndarray:
        """See Pilot."""
        actions = []
        for i, rng in enumerate(self._rngs):
            if rng.random() < _GRIPPER_FLIPS:
                self._grippers[i] *= -1
            actions.append(np.r_[rng.uniform(-1, 1, 3), self._grippers[i]])
        return np.stack(actions)


class ConstantPilot:
    """One random action in each episode, again and again."""

    def begin(self, seeds: Sequence[int]) -> None:
        """See Pilot."""
        rngs = [np.random.default_rng([seed, 4]) for seed in seeds]
        self._actions = np.stack(
            [np.r_[rng.uniform(-1, 1, 3), rng.choice([-1.0, 1.0])] for rng in rngs]
        )

    def act(self, views: Views) -> np.ndarray:
        """See Pilot."""
        return self._actions


class ExpertPilot:
    """The task's scripted expert, who sees the state of these simulations."""

    def __init__(self, envs: Sequence[ManipulationEnv]) -> None:
        self._envs = envs

    def begin(self, seeds: Sequence[int]) -> None:
        """See Pilot."""

    def act(self, views: Views) -> np.ndarray:
        """See Pilot; the views are of the first environments."""
        own = self._envs[: len(views)]
        return np.stack([env.task.expert(env.simulation, env.arm.goal) for env in own])


def record(
    envs: Sequence[ManipulationEnv],
    pilot: Pilot,
    seeds: Sequence[int],
    steps: int,
    label: str,
    vocabulary: Sequence[str] = (),
) -> Recording:
    """Drive an episode of each seed for `steps` control steps, side by side in `envs`.

    With the `vocabulary` of a model that is told what to do, it is noted what it is told.
    """
    starts = [env.reset(seed=seed) for env, seed in zip(envs, seeds, strict=True)]
    pilot.begin(seeds)
    views, stages = [view for view, _ in starts], [[info["stage"] for _, info in starts]]
    frames, proprio = [_look(envs, views)], [_feel(views)]
    actions, rewards, done = [], [], []
    for _ in tqdm(range(steps), desc=f"record {label}", unit="step", leave=False):
        action = np.clip(pilot.act(views), -1, 1).astype(np.float32)
        after = [env.step(a) for env, a in zip(envs, action, strict=True)]
        views = [view for view, *_ in after]
        frames.append(_look(envs, views))
        proprio.append(_feel(views))
        actions.append(action)
        rewards.append([reward for _, reward, *_ in after])
        done.append([now_done for _, _, now_done, *_ in after])
        stages.append([info["stage"] for *_, info in after])
    return Recording(
        tuple(seeds),
        torch.stack(frames, 1),
        torch.from_numpy(np.stack(proprio, 1)),
        torch.from_numpy(np.stack(actions, 1)),
        torch.tensor(rewards, dtype=torch.float32).T.contiguous(),
        torch.tensor(stages).T.contiguous(),
        torch.tensor(done).T.contiguous(),
        tokens([env.task.instruction for env in envs], vocabulary) if vocabulary else None,
    )


def look(
    env: ManipulationEnv, view: dict[str, np.ndarray], vocabulary: Sequence[str] = ()
) -> Observation:
    """What the world model sees of one view, and is told of the task, B = 1."""
    c = env.config
    told = tokens([env.task.instruction], vocabulary) if vocabulary else None
    return observe(view, view["proprio"], c.cameras, c.image_size)._replace(instruction=told)


@torch.inference_mode()
def encode(
    world_model: WorldModel, recording: Recording, label: str, first: Latent | None = None
) -> Encoded:
    """Encode frame by frame, each with what was foreseen for it, as at run time.

    `first` is the latent (B, ...) of the first frames, where it is known.
    """
    latents = [] if first is None else [first]
    steps = range(len(latents), recording.images.shape[1])
    for t in tqdm(steps, desc=f"encode {label}", unit="frame", leave=False):
        foreseen = world_model.advance(latents[-1], recording.actions[:, t - 1]) if t else None
        latents.append(world_model.encode(recording.observation(t), foreseen))
    return Encoded(recording, stack_time(latents))


def stack_time(latents: Sequence[Latent]) -> Latent:
    """Latents (B, ...) of T moments as one, (B, T, ...)."""
    return Latent(*(torch.stack(parts, 1) for parts in zip(*latents, strict=True)))


def each(latent: Latent, change: Callable[[Tensor], Tensor]) -> Latent:
    """The same done to every part of a latent."""
    return Latent(*(change(part) for part in latent))


def _look(envs: Sequence[ManipulationEnv], views: Views) -> Tensor:
    """Frames (B, V, C, h, w) uint8."""
    return torch.cat([look(env, view).images for env, view in zip(envs, views, strict=True)])


def _feel(views: Views) -> np.ndarray:
    """Proprioception (B, P)."""
    return np.stack([view["proprio"] for view in views])
