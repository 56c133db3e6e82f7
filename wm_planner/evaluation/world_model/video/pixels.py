"""Controllability in pixels: does another action change the imagined picture as the real one?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from wm_planner.evaluation.world_model.branches import branch, collect_moments, latent_of
from wm_planner.evaluation.world_model.controllability import (
    Controllability,
    actions_to_try,
    controllability,
)
from wm_planner.evaluation.world_model.video.likeness import unit
from wm_planner.evaluation.world_model.workbench import Workbench
from wm_planner.interfaces import Decodable
from wm_planner.types import Latent, Seen

_SEEDS = 4_000  # after the first one: episodes whose states are gone back to
_STATES_OF_EACH = 4


@torch.inference_mode()
def pixel_controllability(
    bench: Workbench, states: int, hold: int, others: int
) -> list[Controllability]:
    """Of each camera's pixels, after actions that are held for `hold` steps from saved states."""
    model, env = bench.world_model, bench.envs[0]
    assert isinstance(model, Decodable)
    episodes = -(-states // _STATES_OF_EACH)
    moments = collect_moments(
        env,
        model,
        bench.pilots["policy"],
        bench.seeds(_SEEDS, episodes),
        -(-states // episodes),
        max(10, round(0.4 * env.task.time_limit)),
        bench.vocabulary,
    )[:states]
    actions = actions_to_try(moments, hold, others, bench.switches, bench.seed)
    m, n, _, a = actions.shape
    real = branch(env, moments, actions, "other actions").images[:, -1]  # (M * N, V, C, h, w)
    images = torch.cat([moment.observation.images for moment in moments])
    seen = Seen(images, latent_of(moments)).repeated(n)
    guess = model.decode(_ahead(model, seen.latent, actions.flatten(0, 1)), seen)
    return [
        controllability(_flat(guess[:, v], m), _flat(real[:, v], m), a)
        for v in range(real.shape[1])
    ]


def _ahead(model: Decodable, latent: Latent, actions: Tensor) -> Latent:
    """After all of `actions` (B, K, A)."""
    for action in actions.unbind(1):
        latent = model.advance(latent, action)
    return latent


def _flat(frames: Tensor, states: int) -> Tensor:
    """Frames (M * N, C, h, w) of M states at half their size as (M, N, pixels)."""
    return avg_pool2d(unit(frames), 2).flatten(1).unflatten(0, (states, -1))
