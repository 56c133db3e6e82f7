"""Several futures of the same simulator state: what only a simulation can record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.envs.snapshot import Snapshot, restore, take
from wm_planner.evaluation.world_model.recording import (
    Encoded,
    Pilot,
    Recording,
    encode,
    look,
)
from wm_planner.interfaces import WorldModel
from wm_planner.types import Latent, Observation


class Moment(NamedTuple):
    """A state that an episode came through, to go back to."""

    seed: int
    snapshot: Snapshot
    observation: Observation  # B = 1
    latent: Latent  # (1, ...)
    action: Tensor  # (A,) taken there
    stage: int


@torch.inference_mode()
def collect_moments(
    env: ManipulationEnv,
    world_model: WorldModel,
    pilot: Pilot,
    seeds: Sequence[int],
    each_seed: int,
    steps: int,
    vocabulary: Sequence[str] = (),
) -> list[Moment]:
    """`each_seed` states of an episode of each seed, evenly over its first `steps` steps."""
    moments = []
    wanted = set(np.linspace(2, steps - 1, each_seed).round().astype(int).tolist())
    for seed in tqdm(seeds, desc="save states", unit="episode", leave=False):
        view, info = env.reset(seed=seed)
        pilot.begin([seed])
        foreseen: Latent | None = None
        for t in range(steps):
            seen = look(env, view, vocabulary)
            latent = world_model.encode(seen, foreseen)
            action = np.clip(pilot.act([view])[0], -1, 1).astype(np.float32)
            chosen = torch.from_numpy(action)
            foreseen = world_model.advance(latent, chosen[None])
            if t in wanted:
                now = take(env)
                moments.append(Moment(seed, now, seen, latent, chosen, info["stage"]))
            view, _, _, _, info = env.step(action)
    return moments


class Follow:
    """The action prior in closed loop, from a moment on."""

    def __init__(self, world_model: WorldModel, seed: int) -> None:
        self._model, self._generator = world_model, torch.Generator().manual_seed(seed)

    def begin(self, latent: Latent) -> None:
        """From this latent (1, D) on."""
        self._latent = latent

    def watch(self, action: np.ndarray, seen: Observation) -> None:
        """What was done (A,), and what was seen then, B = 1."""
        done = torch.as_tensor(action, dtype=torch.float32)[None]
        self._latent = self._model.encode(seen, self._model.advance(self._latent, done))

    def act(self) -> np.ndarray:
        """Action (A,)."""
        proposal = self._model.propose(self._latent, 1, 1, self._generator)
        return proposal.mean[0, 0].double().numpy()


def branch(
    env: ManipulationEnv,
    moments: Sequence[Moment],
    actions: Tensor,
    label: str,
    follow: Follow | None = None,
    more: int = 0,
    vocabulary: Sequence[str] = (),
) -> Recording:
    """Take every action sequence (M, N, L, A) from its moment: M * N episodes of L + `more` steps.

    After its actions an episode goes on for `more` steps by `follow`, of which only the rewards
    are kept.
    """
    m, n = actions.shape[:2]
    parts = []
    for i in tqdm(range(m * n), desc=label, unit="plan", leave=False):
        moment = moments[i // n]
        parts.append(_one(env, moment, actions[i // n, i % n].numpy(), follow, more, vocabulary))
    images, proprio, rewards, stages, done = map(torch.stack, zip(*parts, strict=True))
    seeds = tuple(moments[i // n].seed for i in range(m * n))
    told = [moments[i // n].observation.instruction for i in range(m * n)]
    rows = [row[0] for row in told if row is not None]
    instruction = pad_sequence(rows, batch_first=True) if rows else None
    taken = actions.flatten(0, 1)
    return Recording(seeds, images, proprio, taken, rewards, stages, done, instruction)


def encode_branches(
    world_model: WorldModel, moments: Sequence[Moment], branches: Recording
) -> Encoded:
    """Encode branches, M * N of them, each on from its moment's latent."""
    n = len(branches.seeds) // len(moments)
    return encode(world_model, branches, "futures", latent_of(moments, n))


def latent_of(moments: Sequence[Moment], n: int = 1) -> Latent:
    """Of all M moments, each `n` times: parts (M * n, ...)."""
    parts = zip(*(moment.latent for moment in moments), strict=True)
    return Latent(*(torch.cat(part).repeat_interleave(n, 0) for part in parts))


def _one(
    env: ManipulationEnv,
    moment: Moment,
    actions: np.ndarray,
    follow: Follow | None,
    more: int,
    vocabulary: Sequence[str],
) -> tuple[Tensor, ...]:
    """As a Recording has it: images, proprio, rewards (L + more,), stages, done (L,)."""
    restore(env, moment.snapshot)
    if follow is not None:
        follow.begin(moment.latent)
    seen, stages, rewards, done = [moment.observation], [moment.stage], [], []
    for action in actions:
        view, reward, now_done, _, info = env.step(action)
        seen.append(look(env, view, vocabulary))
        if follow is not None:
            follow.watch(action, seen[-1])
        stages.append(info["stage"])
        rewards.append(reward)
        done.append(now_done)
    for _ in range(more if follow is not None else 0):
        assert follow is not None
        action = follow.act()
        view, reward, *_ = env.step(action)
        follow.watch(action, look(env, view, vocabulary))
        rewards.append(reward)
    images, proprio = (torch.cat(part) for part in zip(*(one[:2] for one in seen), strict=True))
    paid = torch.tensor(rewards, dtype=torch.float32)
    return images, proprio, paid, torch.tensor(stages), torch.tensor(done)
