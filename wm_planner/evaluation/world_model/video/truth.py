"""Episodes recorded together with what each of their pixels shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np
import torch
from torch import Tensor

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.evaluation.world_model.recording import Pilot, Recording, Views, record

HAND = "hand"


class Thing(NamedTuple):
    """Something that has to be in the frames where it is in the world."""

    name: str
    bodies: frozenset[int]
    cameras: tuple[int, ...]  # those that do not move with it

    @property
    def is_hand(self) -> bool:
        """The robot's own hand; all others lie about."""
        return self.name == HAND


class Truth(NamedTuple):
    """B episodes of T steps."""

    recording: Recording
    shown: Tensor  # (B, T + 1, V, h, w) uint8: 1 + the index of a thing; 0: none of them
    things: tuple[Thing, ...]
    cameras: tuple[str, ...]  # V


def record_truth(
    envs: Sequence[ManipulationEnv],
    pilot: Pilot,
    seeds: Sequence[int],
    steps: int,
    label: str,
    vocabulary: Sequence[str] = (),
) -> Truth:
    """Drive an episode of each seed for `steps` control steps, whatever the task says of it.

    With a model's `vocabulary` it is noted what it is told, as `record` does.
    """
    own, things = envs[: len(seeds)], things_of(envs[0])
    watching = _Watching(pilot, own, things)
    recording = record(own, watching, seeds, steps + 1, label, vocabulary)
    kept = recording._replace(
        images=recording.images[:, :-1],
        proprio=recording.proprio[:, :-1],
        actions=recording.actions[:, :-1],
        rewards=recording.rewards[:, :-1],
        stages=recording.stages[:, :-1],
        done=recording.done[:, :-1],
    )  # the last frame's pixels were not looked at
    shown = torch.from_numpy(np.stack(watching.shown, 1))
    return Truth(kept, shown, things, envs[0].config.cameras)


def things_of(env: ManipulationEnv) -> tuple[Thing, ...]:
    """The hand, and every body of the scene that is free to move."""
    model = env.simulation.model
    hand = _subtree(model, int(model.site(env.simulation.robot.hand_site).bodyid[0]))
    mounted = [int(model.camera(camera).bodyid[0]) in hand for camera in env.config.cameras]
    fixed = tuple(i for i, moves in enumerate(mounted) if not moves)
    free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
    things = [Thing(HAND, hand, fixed)] if fixed else []
    for body in model.jnt_bodyid[free].tolist():
        everywhere = tuple(range(len(mounted)))
        things.append(Thing(model.body(body).name, frozenset({body}), everywhere))
    return tuple(things)


def shown_by(env: ManipulationEnv, things: Sequence[Thing]) -> np.ndarray:
    """Which thing each pixel shows now, (V, h, w) uint8; see Truth."""
    number = np.zeros(env.simulation.model.nbody + 1, np.uint8)  # the last: of nothing
    for i, thing in enumerate(things, 1):
        number[list(thing.bodies)] = i
    return np.stack([number[env.simulation.bodies(camera)] for camera in env.config.cameras])


class _Watching:
    """A pilot beside whom somebody notes what the pixels show."""

    def __init__(
        self, pilot: Pilot, envs: Sequence[ManipulationEnv], things: Sequence[Thing]
    ) -> None:
        self._pilot, self._envs, self._things = pilot, envs, things
        self.shown: list[np.ndarray] = []  # (B, V, h, w) each step

    def begin(self, seeds: Sequence[int]) -> None:
        """See Pilot."""
        self._pilot.begin(seeds)

    def act(self, views: Views) -> np.ndarray:
        """See Pilot."""
        self.shown.append(np.stack([shown_by(env, self._things) for env in self._envs]))
        return self._pilot.act(views)


def _subtree(model: mujoco.MjModel, root: int) -> frozenset[int]:
    """A body and all that hang on it; children come after their parents."""
    found = {root}
    for body in range(root + 1, model.nbody):
        if int(model.body_parentid[body]) in found:
            found.add(body)
    return frozenset(found)
