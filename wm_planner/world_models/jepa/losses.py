"""How features, their foresight and the way to a goal are learned, from video and actions alone."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import NamedTuple, final

import torch
from torch import Tensor
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.perception.goal import GREY
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.family import Losses
from wm_planner.world_models.head_losses import imitation, picture_loss
from wm_planner.world_models.jepa.encoders import FrozenEncoder
from wm_planner.world_models.jepa.loss_config import JepaLossConfig
from wm_planner.world_models.jepa.network import Jepa
from wm_planner.world_models.jepa.spread import covariance, sigreg, variance
from wm_planner.world_models.jepa.vit import load_weights


class _Seen(NamedTuple):
    """Latents of M = U + 2 + G frames of each sequence.

    U + 1 follow each other, one is a subgoal's distance after the first, G are any later ones.
    """

    times: Tensor  # (B, M) number of the frame in its sequence
    z: Tensor  # (B, M, D)
    proprio: Tensor  # (B, M, P)
    actions: Tensor  # (B, U, A) between the first
    first: Tensor  # (B, V, C, h, w) the frame that the first latent shows


class _Pairs(NamedTuple):
    """A state of a sequence and a frame as its goal, Q of each of the U states."""

    goal: Tensor  # (B, U, Q, D)
    steps: Tensor  # (B, U, Q) from state to goal; infinite where it is another sequence's


@final
class JepaLosses(Losses[Jepa]):
    """Sees parts of long sequences, unrolls over them, and takes what came later for goals."""

    def __init__(self, model: Jepa, config: JepaLossConfig) -> None:
        super().__init__(model)
        self.config = config
        self.target = copy.deepcopy(model.distance).requires_grad_(False)
        _load_encoders(model, config.encoder_weights)
        self.begun: Tensor  # () bool
        self.register_buffer("begun", torch.tensor(False))

    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See Losses; the generator chooses frames, goals and directions."""
        model = self.model
        seen = self._look(batch, generator)
        imagined, prediction, motion = self._unrolled(seen)
        features = model.goal_features(seen.z).float()
        pairs = self._pairs(seen, generator)
        drawn = slice(0, max(1, len(features) // 4))  # pictures only serve people
        return {
            "prediction": prediction,
            "views": (model.across_views(seen.z) - features).square().mean(),
            "motion": motion,
            "variance": variance(features.flatten(0, 1)),
            "covariance": covariance(features.flatten(0, 1)),
            "sigreg": sigreg(features.flatten(0, 1), generator),
            "inverse": self._inverse_loss(seen, pairs),
            "readout": _felt(model.readout(features) - seen.proprio),
            "distance": self._distance_loss(seen, imagined, pairs),
            "policy": self._policy_loss(seen, pairs),
            "subgoal": self._subgoal_loss(seen),
            "decoder": picture_loss(model, seen.z[drawn, 0].detach(), seen.first[drawn]),
        }

    def go_on(self) -> None:
        """Features that were learned keep where they are read."""
        self.begun.fill_(True)

    def after_update(self) -> None:
        """Move the distance's target towards the distance."""
        model = self.model
        for target, online in zip(
            self.target.parameters(), model.distance.parameters(), strict=True
        ):
            target.data.lerp_(online.data, self.config.target_rate)

    def _look(self, batch: Batch, generator: torch.Generator) -> _Seen:
        """A window of each sequence, and frames from there on."""
        model = self.model
        b, length = batch.actions.shape[:2]
        unroll, later = min(self.config.unroll, length), self.config.later
        start = torch.randint(length - unroll + 1, (b, 1), generator=generator)
        window = start + torch.arange(unroll + 1)  # (B, U + 1)
        share = torch.rand(b, later, generator=generator)
        goals = start + (share * (length + 1 - start)).long()  # (B, G)
        ahead = (start + model.config.subgoal_steps).clamp_max(length)
        times = torch.cat([window, ahead, goals], 1).to(batch.actions.device)
        rows = torch.arange(b, device=times.device)[:, None]
        images, proprio = batch.images[rows, times], batch.proprio[rows, times]
        flickering = self._flickering(images, generator)
        if not self.begun:
            model.encoder.begin(flickering)
            self.begun.fill_(True)
        z = model.embed(flickering, proprio)
        actions = batch.actions[rows, times[:, :unroll]]
        return _Seen(times, z, proprio, actions, images[:, 0])

    def _flickering(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Frames (B, M, V, C, h, w) uint8, each in a light of its own."""
        if not (most := self.config.flicker):
            return images
        drawn = torch.rand(2, *images.shape[:4], 1, 1, generator=generator).to(images.device)
        gain, offset = most * (2 * drawn - 1)
        return (images * (1 + gain) + 255 * offset).clamp_(0, 255).to(torch.uint8)

    def _unrolled(self, seen: _Seen) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (B, U, D) imagined from the first, and the errors of features and proprio ().

        Foresight starts at each frame of the window at once; steps far ahead count as near ones.
        """
        model = self.model
        unroll = seen.actions.shape[1]
        z, imagined, features, bodies = seen.z[:, :unroll], [], [], []
        for k in range(unroll):
            z = model.step(z[:, : unroll - k], seen.actions[:, k:])  # (B, U - k, D)
            imagined.append(z[:, 0])
            wanted = model.goal_features(seen.z[:, k + 1 : unroll + 1])
            features.append((model.goal_features(z) - wanted).float().square().mean())
            bodies.append(_felt(z[..., model.seen :] - seen.proprio[:, k + 1 : unroll + 1]))
        return torch.stack(imagined, 1), torch.stack(features).mean(), torch.stack(bodies).mean()

    def _pairs(self, seen: _Seen, generator: torch.Generator) -> _Pairs:
        """Three later frames of its own sequence for each state, and one of another sequence."""
        b, unroll = seen.actions.shape[:2]
        times = seen.times[:, None, :] - seen.times[:, :unroll, None]  # (B, U, M) ahead
        chances = (times >= 0).float().cpu().flatten(0, 1)
        chosen = torch.multinomial(chances, 3, replacement=True, generator=generator)
        chosen = chosen.view(b, unroll, 3).to(times.device)
        rows = torch.arange(b, device=times.device)[:, None, None]
        shift = torch.randint(1, max(2, b), (b, unroll, 1), generator=generator).to(times.device)
        other = torch.randint(seen.times.shape[1], shift.shape, generator=generator)
        goals = torch.cat([seen.z[rows, chosen], seen.z[(rows + shift) % b, other]], 2)
        goals = self._half_seen(goals, generator)
        steps = times.gather(2, chosen).float()
        return _Pairs(goals, torch.cat([steps, torch.full_like(steps[..., :1], torch.inf)], 2))

    def _half_seen(self, goals: Tensor, generator: torch.Generator) -> Tensor:
        """Goals (B, U, Q, D), some of them as if only the first camera had seen them."""
        model = self.model
        c = model.config
        half = torch.rand(goals.shape[:3], generator=generator) < self.config.one_camera
        grey = torch.full((c.cameras, 3, c.image_size, c.image_size), GREY, dtype=torch.uint8)
        unseen = model.goal_features(goals).clone()
        unseen[..., c.features :] = model.encoder(grey.to(goals.device))[c.features :]
        half_seen = torch.cat([unseen, goals[..., model.seen :]], -1)
        return torch.where(half[..., None].to(goals.device), half_seen, goals)

    def _distance_loss(self, seen: _Seen, imagined: Tensor, pairs: _Pairs) -> Tensor:
        """() expectile regression on the steps it took; elsewhere, one more than from the next.

        From encoded states and from imagined ones, which a planner asks about.
        """
        model = self.model
        unroll, q = pairs.steps.shape[1:]
        goal, farthest = pairs.goal, self.config.farthest
        with torch.no_grad():
            after = _repeated(seen.z[:, 1 : unroll + 1], q)
            left = model.steps_between(after, goal, self.target).mean(0)  # (B, U, Q)
            took = torch.where(pairs.steps.isfinite(), pairs.steps, 1 + left).clamp_max(farthest)
        encoded = model.steps_between(_repeated(seen.z[:, :unroll], q), goal, model.distance)
        loss = self._expectile(encoded, took)
        if unroll == 1:
            return loss
        ahead = _repeated(imagined[:, :-1], q)
        foreseen = model.steps_between(ahead, goal[:, 1:], model.distance)
        return loss + self._expectile(foreseen, took[:, 1:])

    def _expectile(self, found: Tensor, took: Tensor) -> Tensor:
        """() squared error of the logarithm of steps; where it is too far it counts more."""
        error = found.log1p() - took.log1p()
        weight = torch.where(error > 0, self.config.optimism, 1 - self.config.optimism)
        return (weight * error.square()).mean()

    def _inverse_loss(self, seen: _Seen, pairs: _Pairs) -> Tensor:
        """() squared error of actions, from what was seen before them and k steps later."""
        model = self.model
        goal, steps = pairs.goal[:, :, :-1], pairs.steps[..., :-1]
        before = _repeated(seen.z[:, : steps.shape[1]], steps.shape[2])
        found = model.inverse(
            torch.cat([model.towards(before, goal), steps[..., None] / 10], -1)
        )  # (B, U, Q, A)
        error = (found - seen.actions[:, :, None]).float().square().mean(-1)
        return (error * (steps > 0)).mean()

    def _policy_loss(self, seen: _Seen, pairs: _Pairs) -> Tensor:
        """() imitate the action taken, the more the nearer it came to the goal."""
        model = self.model
        goal, steps = pairs.goal[:, :, :-1].detach(), pairs.steps[..., :-1]
        unroll, q = steps.shape[1:]
        z = seen.z.detach()
        before, after = _repeated(z[:, :unroll], q), _repeated(z[:, 1 : unroll + 1], q)
        with torch.no_grad():
            left = [model.steps_between(x, goal, self.target).mean(0) for x in (before, after)]
            gain = left[0] - 1 - left[1]
            importance = (self.config.advantage * gain).exp().clamp_max(5.0) * (steps > 0)
        wanted = seen.actions[:, :, None].expand(-1, -1, q, -1)
        prior = model.policy.at(model.towards(before, goal))
        return (imitation(prior, model.policy.is_switch, wanted) * importance).mean()

    def _subgoal_loss(self, seen: _Seen) -> Tensor:
        """() features of the frame a second ahead, or of the goal if that is nearer."""
        model = self.model
        milestone = seen.actions.shape[1] + 1  # where that frame is among those seen
        z = seen.z.detach()
        goals, ahead = z[:, milestone + 1 :], z[:, milestone, None]  # (B, G, D), (B, 1, D)
        nearer = seen.times[:, milestone + 1 :] < seen.times[:, milestone, None]
        wanted = model.goal_features(torch.where(nearer[..., None], goals, ahead))
        now = z[:, :1].expand_as(goals)
        found = model.ahead(now, goals)
        return F.smooth_l1_loss(found.float(), wanted.float())


def _felt(error: Tensor) -> Tensor:
    """() squared error (..., P) where proprioception is known."""
    known = ~error.isnan()
    return error.nan_to_num().float().square().sum() / known.sum().clamp_min(1)


def _repeated(z: Tensor, q: int) -> Tensor:
    """Latents (B, U, Q, D) of latents (B, U, D), for Q goals each."""
    return z[:, :, None].expand(-1, -1, q, -1)


def _load_encoders(model: Jepa, path: Path | None) -> None:
    """Give each camera the frozen weights; a UserError where a model and a file do not belong."""
    frozen = [each for each in model.encoder.each if isinstance(each, FrozenEncoder)]
    if frozen and path is None:
        raise UserError("network.encoder is vit: name its weights, --loss.encoder_weights <file>")
    if path is not None and not frozen:
        raise UserError(
            f"loss.encoder_weights is {path}, but network.encoder is {model.config.encoder}: use "
            "--network.encoder vit, or leave the file out"
        )
    for each in frozen:
        load_weights(each.vit, path)  # type: ignore[arg-type]
