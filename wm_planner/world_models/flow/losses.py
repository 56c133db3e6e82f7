"""How tokenizer, generator and the agent in it are learned: first the one, then the others."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from einops import reduce
from torch import Tensor
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.family import LossConfig, Losses
from wm_planner.world_models.flow.network import Flow, Window
from wm_planner.world_models.head_losses import (
    landmark_loss,
    move_towards,
    prior_loss,
    reward_loss,
    success_loss,
    value_loss,
)
from wm_planner.world_models.pictures import Usual, as_decoded, decoder_loss

_EMPHASIS, _EDGES = 2.0, 0.5  # of the pixel loss, see `decoder_loss`
_USUAL_RATE = 0.01  # of the moving averages that say what a pixel usually shows
_SMALL = 0.02  # error of proprioception that is squared, and no more
_MOST_WEIGHT = 5.0  # of a token that changes, in units of one that changes as most do


@dataclass(frozen=True)
class FlowLossConfig(LossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        pictures: frames from the tokens they became, and from those generated.
        generation: the clean next frame's tokens, predicted from noisy ones.
        body: proprioception a step later, and from a frame alone.
        reward: reward.
        value: value against the better of bootstrapped and observed return.
        prior: action prior against the expert's label, or the action taken where it paid off.
        landmarks: what only a simulation knows, or what hindsight tells of keyframes.
        success: whether an action ended the task well, from detached latents.
        tokenizer_updates: the first ones, on frames alone; the encoder is then left as it is.
        tokenizer_noise: standard deviation on tokens that are decoded while it learns.
        context_noise: largest standard deviation on true frames that the generator is given.
        self_forced: share of sequences that go on from generated frames (arXiv:2506.08009), in the
            end.
        forced_updates: updates of the generator until that share is reached; at first it is 0.
        drawn: moments of a batch whose pictures are drawn.
        target_rate: of the value target's moving average.
    """

    learning_rate: float = 6e-4
    weight_decay: float = 1e-3
    decoder_rate: float = 3.0
    pictures: float = 1.0
    generation: float = 1.0
    body: float = 10.0
    reward: float = 5.0
    value: float = 5.0
    prior: float = 0.5
    landmarks: float = 1.0
    success: float = 0.2
    tokenizer_updates: int = 3000
    tokenizer_noise: float = 0.1
    context_noise: float = 0.3
    self_forced: float = 0.75
    forced_updates: int = 1500
    drawn: int = 16
    target_rate: float = 0.02

    def __post_init__(self) -> None:
        for name, least in (("tokenizer_updates", 0), ("forced_updates", 1), ("drawn", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}, expected {least} or more")
        if not 0 <= self.self_forced <= 1:
            raise UserError(f"self_forced is {self.self_forced}, expected a share from 0 to 1")
        for name in ("tokenizer_noise", "context_noise"):
            if not 0 <= getattr(self, name) <= 2:
                raise UserError(f"{name} is {getattr(self, name)}, expected from 0 to 2")


class Generated(NamedTuple):
    """Sequences that were rolled, some on generated frames."""

    read: Tensor  # (B, T + 1, front) what the heads read at each moment
    frames: Tensor  # (B, T, S, K) generated
    errors: Tensor  # (T,) of them
    body_errors: Tensor  # (T,)


@final
class FlowLosses(Losses[Flow]):
    """What a frame becomes is fixed before what becomes of frames is learned."""

    updates: Tensor  # ()
    seen: Tensor  # () batches of frames
    median: Tensor
    deviation: Tensor

    def __init__(self, model: Flow, config: FlowLossConfig) -> None:
        super().__init__(model)
        self.config = config
        self.target_value = copy.deepcopy(model.value).requires_grad_(False)
        edge = model.config.image_size
        shape = (3 * model.config.cameras, edge, edge)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("median", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See Losses; the generator is that of noise, and of what is drawn."""
        if self._generated < 0:
            return {"pictures": self._tokenized(batch, generator), "body": self._blind(batch)}
        model = self.model
        with torch.no_grad():
            tokens = model.tokenizer.encode(batch.images, batch.proprio.dtype)
        known = batch.proprio.isfinite().all(-1, keepdim=True)
        guess = model.posture(tokens.flatten(-2))
        body = torch.where(known, batch.proprio, guess.detach().to(batch.proprio.dtype))
        rolled = self._roll(batch, tokens, body, generator)
        before, after = rolled.read[:, :-1], rolled.read[:, 1:]
        with torch.no_grad():
            expected = self.target_value(rolled.read).float()  # (K, B, T + 1)
        off = guess.float() - batch.proprio.nan_to_num()
        return {
            "pictures": self._drawn(rolled.frames, batch, generator),
            "generation": rolled.errors.mean(),
            "body": rolled.body_errors.mean() + (off.square() * known).mean(),
            "reward": reward_loss(model, after, batch).mean(),
            "value": value_loss(model, before, expected, batch).mean(),
            "prior": prior_loss(model, before, expected, batch).mean(),
            "landmarks": landmark_loss(model, rolled.read, batch).mean(),
            "success": success_loss(model, after, batch),
        }

    def after_update(self) -> None:
        """Count, and move the value's target towards the value."""
        self.updates += 1
        move_towards(self.target_value, self.model.value, self.config.target_rate)

    def go_on(self) -> None:
        """The tokenizer has learned."""
        self.updates.fill_(self.config.tokenizer_updates)

    @property
    def _generated(self) -> int:
        """Updates of the generator so far."""
        return int(self.updates) - self.config.tokenizer_updates

    def _tokenized(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Error of frames from their own tokens, with noise on them."""
        frames = batch.images.flatten(0, 1)
        chosen = torch.randint(len(frames), (self.config.drawn,), generator=generator)
        frames = frames[chosen.to(frames.device)]
        tokens = self.model.tokenizer.encode(frames, batch.proprio.dtype)
        noise = _normal(tokens, generator) * self.config.tokenizer_noise
        return self._picture_error(self.model.tokenizer.decode(tokens + noise), as_decoded(frames))

    def _blind(self, batch: Batch) -> Tensor:
        """Error of the proprioception after each action, foreseen without any frame."""
        proprio = batch.proprio.nan_to_num()
        before, now, after = proprio[:, :-2], proprio[:, 1:-1], proprio[:, 2:]
        foreseen = self.model.body(before, now, batch.actions[:, 1:], None)
        known = batch.proprio.isfinite().all(-1, keepdim=True)
        return (_body_error(foreseen, after) * known[:, 2:]).mean()

    def _drawn(self, generated: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """Error of the pictures of some generated frames (B, T, S, K)."""
        tokens, frames = generated.flatten(0, 1), batch.images[:, 1:].flatten(0, 1)
        chosen = torch.randint(len(frames), (self.config.drawn,), generator=generator)
        chosen = chosen.to(frames.device)
        wanted = as_decoded(frames[chosen])
        return self._picture_error(self.model.tokenizer.decode(tokens[chosen]), wanted)

    def _picture_error(self, decoded: Tensor, wanted: Tensor) -> Tensor:
        self._get_used_to(wanted)
        usual = Usual(self.median, self.deviation)
        return decoder_loss(decoded.float(), wanted, usual, _EMPHASIS, _EDGES)

    @torch.no_grad()
    def _get_used_to(self, frames: Tensor) -> None:
        """Averages over the frames so far, soon only over the last ones."""
        self.seen += 1
        rate = max(_USUAL_RATE, 1.0 / int(self.seen))
        self.median.lerp_(frames.mean(0), rate)
        self.deviation.lerp_((frames - self.median).abs().mean(0), rate)

    def _roll(
        self, batch: Batch, tokens: Tensor, body: Tensor, generator: torch.Generator
    ) -> Generated:
        """Generate each frame of tokens (B, T + 1, S, K) from those before: true, or generated.

        What was generated is not learned through: errors are mended where they are met.
        """
        model, c = self.model, self.config
        size = len(tokens)
        share = c.self_forced * min(1.0, self._generated / c.forced_updates)
        own = torch.rand(size, 1, generator=generator).to(tokens.device) < share
        level = c.context_noise * torch.rand(size, 1, generator=generator).to(tokens)
        level = level.masked_fill(own, 0.0)
        first = _noised(tokens[:, 0], level, generator)
        window = Window(first, first, body[:, 0], body[:, 0])
        read = model.read_frames(window, level)
        reads, frames, errors, body_errors = [model.front(read)], [], [], []
        for t, action in enumerate(batch.actions.unbind(1)):
            true, true_body = tokens[:, t + 1], body[:, t + 1]
            foreseen = model.foresee_body(read, window, action)
            time = _times(size, generator).to(tokens)
            noisy = torch.lerp(_normal(true, generator), true, time[..., None])
            frame = model.generate(read, window, foreseen.detach(), action, noisy, time)
            errors.append(_error(frame, true, tokens[:, t], time))
            body_errors.append(_body_error(foreseen, true_body).mean())
            frames.append(frame)
            forced = _noised(true, level, generator)
            after = torch.where(own[..., None], frame.detach(), forced)
            window = window.then(after, torch.where(own, foreseen.detach(), true_body))
            read = model.read_frames(window, level)
            reads.append(model.front(read))
        return Generated(
            *(torch.stack(x, 1) for x in (reads, frames)), *map(torch.stack, (errors, body_errors))
        )


def _body_error(foreseen: Tensor, true: Tensor) -> Tensor:
    """(..., P); absolute where it is large, which is where the body met something."""
    return F.smooth_l1_loss(foreseen.float(), true, reduction="none", beta=_SMALL)


def _times(size: int, generator: torch.Generator) -> Tensor:
    """How far from noise to the frame (M, 1): for half of them not at all, as when planning."""
    normal = torch.randn(size, 1, generator=generator)
    begins = torch.rand(size, 1, generator=generator) < 0.5
    return torch.sigmoid(normal).masked_fill(begins, 0.0)


def _error(frame: Tensor, true: Tensor, before: Tensor, time: Tensor) -> Tensor:
    """() squared error of frames (M, S, K); tokens that change count more.

    In units of the noise that was left, up to a bound: the flow's own error.
    """
    changed = reduce((true - before).square(), "m s k -> m s", "mean")
    weight = 1.0 + (changed / changed.mean().clamp_min(1e-6)).clamp_max(_MOST_WEIGHT)
    error = reduce((frame.float() - true).square(), "m s k -> m s", "mean")
    left = (1.0 - time).square().clamp_min(0.1)  # (M, 1)
    return (error * weight / weight.mean() / left).mean()


def _noised(frame: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Frames (M, S, K) with noise of standard deviation `level` (M, 1)."""
    return frame + level[..., None] * _normal(frame, generator)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator).to(like)
