"""Fit anew how a model acts towards pictures of goals, on latents that stay as they are.

Goals are found in hindsight: whatever an episode came to show was the goal of the actions before it
(goal-conditioned supervised learning, arXiv:1912.06088). The result is a policy that never
searches: what a planner has to be better than, and what it begins from.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.learning.heads_config import STEEPEST, HeadsConfig
from wm_planner.learning.refit import descend
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.perception.goal import GREY
from wm_planner.world_models.head_losses import imitation
from wm_planner.world_models.latent_model import LatentModel

_CHUNK = 256  # frames that are encoded at a time
_NEAR = 30  # steps
_NEAR_SHARE = 0.7  # of the goals, which are no further away than that; the others are anywhere
_ONE_CAMERA = 0.2  # share of the goals that only the first camera saw


class Ways(NamedTuple):
    """N frames, and M moments of them at which something was done on the way to a later one."""

    latents: Tensor  # (N, D)
    one_camera: Tensor  # (N, D): of what the first camera alone saw
    actions: Tensor  # (N, A)
    at: Tensor  # (M,) number of the frame
    last: Tensor  # (M,) number of the last frame of its episode


class Drawn(NamedTuple):
    """A batch of moments."""

    latents: Tensor  # (B, D)
    goals: Tensor  # (B, D)
    actions: Tensor  # (B, A)


def fit_goal_prior(model: LatentModel, store: EpisodeStore, config: HeadsConfig) -> None:
    """Take `config.updates` steps on `model.goal_prior`; `horizon` and `dreamt` do not matter.

    Latents and goals get noise of `config.noise` times the standard deviation of each number.
    """
    ways = find_ways(model, store, config.reaction)
    policy = model.goal_prior
    assert policy is not None
    parameters = [p.requires_grad_(True) for p in policy.parameters()]
    generator = torch.Generator().manual_seed(config.seed)
    spread = config.noise * ways.latents.std(0)  # (D,)

    def loss() -> Tensor:
        drawn = draw(ways, config.batch_size, generator)
        latents, goals = (
            z + spread * torch.randn(z.shape, generator=generator).to(z) for z in drawn[:2]
        )
        prior = model.prior_at(latents, goals)
        return imitation(prior, model.prior.is_switch, drawn.actions).mean()

    optimizer = torch.optim.AdamW(
        parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    descend(
        optimizer,
        loss,
        config.updates,
        STEEPEST,
        "goal prior",
    )
    model.eval().requires_grad_(False)


@torch.no_grad()
def find_ways(model: LatentModel, store: EpisodeStore, reaction: int = 0) -> Ways:
    """Encode all frames but those of held-out episodes, each as if it were the first.

    Actions are those that were meant, see `reaction.meant`.
    """
    imitated = store.imitated(reaction, model.config.switches)
    frames: list[tuple[Tensor, Tensor, Tensor]] = []
    at, last, count = [], [], 0
    for span in tqdm(store.learned_from, desc="encode", unit="episode"):
        images, proprio, actions = (
            part[span].to(model.device) for part in (store.images, store.proprio, imitated)
        )
        hidden = images.clone()
        hidden[:, 1:] = GREY
        seen, half_seen = (
            torch.cat([model.correct(None, model.embed(*few)) for few in _few(pictures, proprio)])
            for pictures in (images, hidden)
        )
        frames.append((seen, half_seen, actions))
        steps = len(actions) - 1
        at.append(count + torch.arange(steps))
        last.append(torch.full((steps,), count + steps))
        count += len(actions)
    seen, half_seen, actions = (torch.cat(parts) for parts in zip(*frames, strict=True))
    return Ways(seen, half_seen, actions, torch.cat(at), torch.cat(last))


def _few(images: Tensor, proprio: Tensor) -> zip[tuple[Tensor, Tensor]]:
    """Few frames at a time."""
    return zip(images.split(_CHUNK), proprio.split(_CHUNK), strict=True)


def draw(ways: Ways, size: int, generator: torch.Generator) -> Drawn:
    """Moments, each with a later frame of its episode as the goal, mostly a near one."""
    chosen = torch.randint(len(ways.at), (size,), generator=generator)
    at, last = ways.at[chosen], ways.last[chosen]
    near = torch.rand(size, generator=generator) < _NEAR_SHARE
    farthest = torch.where(near, (last - at).clamp_max(_NEAR), last - at)
    ahead = 1 + (torch.rand(size, generator=generator) * farthest).long()
    goal = torch.minimum(at + ahead, last)
    one_camera = torch.rand(size, generator=generator) < _ONE_CAMERA
    goals = torch.where(
        one_camera[:, None].to(ways.latents.device), ways.one_camera[goal], ways.latents[goal]
    )
    return Drawn(ways.latents[at], goals, ways.actions[at])
