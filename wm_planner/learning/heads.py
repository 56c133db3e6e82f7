"""Fit a trained model's heads anew, on latents that stay as they are.

What a model encodes and imagines is learned from few long sequences at a time; reward, value,
success, landmarks and action prior learn from many moments, and cost next to nothing once these are
encoded. Nothing else changes: what the model encodes, foresees and draws is the same to the bit.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.learning.calibrated import calibrated
from wm_planner.learning.goal_prior import fit_goal_prior
from wm_planner.learning.heads_config import HEADS, STEEPEST, HeadsConfig
from wm_planner.learning.refit import Clock, check_sizes, descend, described
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.monitoring.look import keep_look
from wm_planner.paths import model_dir
from wm_planner.processor import configure_torch
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.families import family_of
from wm_planner.world_models.head_losses import (
    landmark_loss,
    move_towards,
    prior_loss,
    reward_loss,
    success_loss,
    value_loss,
)
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.model_config import PRIVILEGED
from wm_planner.world_models.store import check_device, load_model, save_model

_TARGET_RATE = 0.02  # of the value target's moving average


class Moments(NamedTuple):
    """What heads learn from: M moments, each followed by its next one."""

    before: Tensor  # (K + 2, M, D) encoded, imagined from up to K steps earlier, and dreamt
    after: Tensor  # (2, M, D) a step later: encoded, and dreamt; without dreams a row less each
    at: Tensor  # (M,) numbers of the moments in the store


def fit_heads(config: HeadsConfig) -> Path:
    """Fit them, from the weights they have, and return the folder of the model with new heads.

    A run that was interrupted leaves nothing, and begins again.

    Raises:
        UserError: no such model or dataset, heads that it has not, or data of another robot.
    """
    device = check_device(config.device)
    configure_torch(config.threads)
    model = load_model(model_dir(config.model), config.device)
    c, network = model.config, model.config.network
    rewards = family_of(network).rewards
    if not rewards and set(config.only) not in (set(HEADS), {"prior"}):
        raise UserError(
            f"only is {config.only}, and model '{config.model}' learned no rewards: it has a prior "
            "towards goals and no other head, so give --only '[prior]'"
        )
    if rewards and not _named(model.world_model, config):
        raise UserError(f"only is {config.only}, of which model '{config.model}' has no head")
    datasets = list(config.data) or [Path("data") / f"{c.task}.hdf5"]
    store = EpisodeStore(
        datasets,
        c.cameras,
        network.image_size,
        network.discount,
        config.episodes or None,
        config.privileged,
        network.switches,
        config.held_out,
    )
    check_sizes(
        network,
        store,
        ("proprio", "actions", *(["landmarks"] if rewards and network.landmark_size else [])),
        "the robot and task the model was trained on, and `privileged` as it was then",
    )
    clock = Clock()
    measured: dict[str, float] = {}
    if rewards:
        measured = _fit_to_rewards(model.world_model, store, config)
    else:
        fit_goal_prior(model.world_model, store, config)
    fitted = {
        **described(datasets, store, config.updates, config.seed, clock),
        "privileged": config.privileged,
        **({"reaction": config.reaction} if config.reaction else {}),
        "device": str(device),
    }
    every = rewards and set(config.only) == set(HEADS)
    name = "heads" if every else "_".join(config.only if rewards else ["prior"])
    provenance = {**c.provenance, **measured, name: fitted}
    provenance[PRIVILEGED] = c.privileged or config.privileged
    out = config.out or Path("runs") / f"{c.task}_heads"
    save_model(out, model.world_model, replace(c, provenance=provenance))
    keep_look(model.directory, out)
    return out


def _fit_to_rewards(
    model: LatentModel, store: EpisodeStore, config: HeadsConfig
) -> dict[str, float]:
    """Fit heads of what rewards tell; what was measured, by its name in the provenance."""
    moments = prepare(model, store, config.horizon, config.dreamt > 0)
    optimise(model, moments, store, config)
    return (
        calibrated(model, store, config.reaction) if {"prior", "value"} & set(config.only) else {}
    )


@torch.no_grad()
def prepare(model: LatentModel, store: EpisodeStore, horizon: int, dreams: bool = True) -> Moments:
    """Encode all frames but the held-out ones, and imagine each moment from up to `horizon` before.

    Where an episode is younger than that, the imagination begins with the episode. What is dreamt,
    if `dreams`, is imagined from the first frame on, however far.
    """
    seen = model.reward.inputs  # of a latent, nothing else is kept
    before: list[list[Tensor]] = [[] for _ in range(horizon + 1 + dreams)]
    after: list[list[Tensor]] = [[] for _ in range(1 + dreams)]
    at = []
    for span in tqdm(store.learned_from, desc="encode", unit="episode"):
        images, proprio, actions = (
            part[span].to(model.device) for part in (store.images, store.proprio, store.actions)
        )
        told = store.told(span, model.config.vocabulary)
        latents = model.filtered(images[None], proprio[None], actions[None, :-1], told)[0]
        later = latents
        for k in range(horizon + 1):
            before[k].append(later[:-1, :seen].clone())
            if k < horizon:
                later = torch.cat([latents[:1], model.step(later[:-1], actions[:-1])])
        after[0].append(latents[1:, :seen].clone())
        if dreams:
            dream = _dream(model, latents[:1], actions[:-1])[:, :seen].clone()
            before[-1].append(dream[:-1])
            after[1].append(dream[1:])
        at.append(torch.arange(span.start, span.stop - 1))
    stacked = [torch.stack([torch.cat(x) for x in parts]) for parts in (before, after)]
    return Moments(stacked[0], stacked[1], torch.cat(at))


def _dream(model: LatentModel, first: Tensor, actions: Tensor) -> Tensor:
    """Latents (T + 1, D) imagined from `first` (1, D) on, by actions (T, A)."""
    latents = [first]
    for action in actions.split(1):
        latents.append(model.step(latents[-1], action))
    return torch.cat(latents)


def optimise(
    model: LatentModel, moments: Moments, store: EpisodeStore, config: HeadsConfig
) -> None:
    """Take `config.updates` steps on the heads of `model`."""
    parameters = [p.requires_grad_(True) for h in _named(model, config) for p in h.parameters()]
    target = copy.deepcopy(model.value).requires_grad_(False)
    generator = torch.Generator().manual_seed(config.seed)
    spread = config.noise * moments.after[0].std(0)  # (D,)
    imitated = store.imitated(config.reaction, model.config.switches)

    def loss() -> Tensor:
        latents, batch = _draw(moments, store, imitated, config, generator)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        return heads_loss(model, target, latents + spread * noise, batch)

    optimizer = torch.optim.AdamW(
        parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    descend(
        optimizer,
        loss,
        config.updates,
        STEEPEST,
        "heads",
        after=lambda: move_towards(target, model.value, _TARGET_RATE),
    )
    model.eval().requires_grad_(False)


def _named(model: LatentModel, config: HeadsConfig) -> list[nn.Module]:
    """The heads to fit; a model may lack landmarks and success."""
    return [head for name in config.only if (head := getattr(model, name)) is not None]


def heads_loss(model: LatentModel, target: nn.Module, latents: Tensor, batch: Batch) -> Tensor:
    """() of all heads at latents (B, 2, D); none of them has a weight that another one shares."""
    before, after = latents[:, :1], latents[:, 1:]
    with torch.no_grad():
        expected = target(latents).float()  # (K, B, 2)
    return (
        reward_loss(model, after, batch).mean()
        + value_loss(model, before, expected, batch).mean()
        + prior_loss(model, before, expected, batch).mean()
        + landmark_loss(model, latents, batch).mean()
        + success_loss(model, after, batch)
    )


def _draw(
    moments: Moments,
    store: EpisodeStore,
    imitated: Tensor,
    config: HeadsConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Batch]:
    """Latents (B, 2, D) of moments and those after them, and what is known of both.

    Actions are those `imitated` (T, A): nothing but the action prior looks at them.
    """
    size = config.batch_size
    drawn = torch.randint(len(moments.at), (size,), generator=generator)
    ahead = torch.randint(config.horizon + 1, (size,), generator=generator)
    ahead[: (size + 1) // 2] = 0
    dreamt = torch.rand(size, generator=generator) < config.dreamt
    ahead[dreamt] = len(moments.before) - 1
    after = moments.after[dreamt.long(), drawn]
    latents = torch.stack([moments.before[ahead, drawn], after], 1)
    first = moments.at[drawn][:, None]  # (B, 1)
    both = torch.cat([first, first + 1], dim=1)
    device = latents.device
    batch = Batch(
        images=store.images[:0],
        proprio=store.proprio[both].to(device),
        actions=imitated[first].to(device),
        rewards=store.rewards[first].to(device),
        returns=store.returns[both].to(device),
        labels=store.labels[first].to(device),
        landmarks=store.landmarks[both].to(device),
        success=store.success[first].to(device),
    )
    return latents, batch
