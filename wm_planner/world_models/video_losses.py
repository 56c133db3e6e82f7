"""How tokenizer, generator and the agent in it are learned: first the one, then the others."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from einops import reduce
from torch import Tensor
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.family import LossConfig, Losses
from wm_planner.world_models.head_losses import (
    landmark_loss,
    move_towards,
    prior_loss,
    reward_loss,
    success_loss,
    value_loss,
)
from wm_planner.world_models.pictures import Usual, as_decoded, decoder_loss
from wm_planner.world_models.video_model import Coming, VideoModel, Window

M = TypeVar("M", bound=VideoModel)

_EMPHASIS, _EDGES = 2.0, 0.5  # of the pixel loss, see `decoder_loss`
_USUAL_RATE = 0.01  # of the moving averages that say what a pixel usually shows
_SMALL = 0.02  # error of proprioception that is squared, and no more
_MOST_WEIGHT = 5.0  # of a token that changes, in units of one that changes as most do


@dataclass(frozen=True)
class VideoLossConfig(LossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        pictures: frames from the tokens they became, and from those generated.
        generation: the next frame's tokens.
        body: proprioception a step later, and from a frame alone.
        reward: reward.
        value: value against the better of bootstrapped and observed return.
        prior: action prior against the expert's label, or the action taken where it paid off.
        landmarks: what only a simulation knows, or what hindsight tells of keyframes.
        success: whether an action ended the task well, from detached latents.
        tokenizer_updates: the first ones, on frames alone; the encoder is then left as it is.
        context_noise: most noise on the true frames that the generator is given.
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
    context_noise: float = 0.3
    self_forced: float = 0.75
    forced_updates: int = 1500
    drawn: int = 16
    target_rate: float = 0.02

    MOST_NOISE: ClassVar = 2.0

    def __post_init__(self) -> None:
        for name, least in (("tokenizer_updates", 0), ("forced_updates", 1), ("drawn", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}, expected {least} or more")
        if not 0 <= self.self_forced <= 1:
            raise UserError(f"self_forced is {self.self_forced}, expected a share from 0 to 1")
        if not 0 <= self.context_noise <= self.MOST_NOISE:
            raise UserError(
                f"context_noise is {self.context_noise}, expected from 0 to {self.MOST_NOISE:g}"
            )


class Generated(NamedTuple):
    """Sequences that were rolled, some on generated frames."""

    read: Tensor  # (B, T + 1, front) what the heads read at each moment
    frames: Tensor  # (B, T, S, K) generated
    errors: Tensor  # (T,) of them
    body_errors: Tensor  # (T,)


class VideoLosses(Losses[M]):
    """What a frame becomes is fixed before what becomes of frames is learned."""

    config: VideoLossConfig
    updates: Tensor  # ()
    seen: Tensor  # () batches of frames
    median: Tensor
    deviation: Tensor

    def __init__(self, model: M, config: VideoLossConfig) -> None:
        super().__init__(model)
        self.config = config
        self.target_value = copy.deepcopy(model.value).requires_grad_(False)
        edge = model.config.image_size
        shape = (3 * model.config.cameras, edge, edge)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("median", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))
        self._made: int | None = None  # `updates`, which a GPU is asked for once
        self.register_load_state_dict_post_hook(_forget)

    @abstractmethod
    def softened(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """Tokens (M, S, K) as they are decoded while the tokenizer learns."""

    @abstractmethod
    def disturbed(self, frame: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
        """True frames (M, S, K) with noise on them, up to `level` (M, 1)."""

    @abstractmethod
    def attempt(
        self, coming: Coming, true: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A next frame (M, S, K), and the error (M, S) of each token, of what is truly next."""

    def terms(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See Losses; the generator is that of noise, and of what is drawn."""
        if self.generated < 0:
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
        self._made = None if self._made is None else self._made + 1
        move_towards(self.target_value, self.model.value, self.config.target_rate)

    def go_on(self) -> None:
        """The tokenizer has learned."""
        self.updates.fill_(self.config.tokenizer_updates)
        self._made = None

    @property
    def generated(self) -> int:
        """Updates of the generator so far; below 0, the tokenizer still learns."""
        if self._made is None:
            self._made = int(self.updates)
        return self._made - self.config.tokenizer_updates

    def _tokenized(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Error of frames from their own tokens."""
        frames = batch.images.flatten(0, 1)
        frames = frames[self._some_of(frames, generator)]
        tokens = self.model.tokenizer.encode(frames, batch.proprio.dtype)
        decoded = self.model.tokenizer.decode(self.softened(tokens, generator))
        return self._picture_error(decoded, as_decoded(frames))

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
        chosen = self._some_of(frames, generator)
        wanted = as_decoded(frames[chosen])
        return self._picture_error(self.model.tokenizer.decode(tokens[chosen]), wanted)

    def _some_of(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Numbers of the frames (M, ...) that are drawn."""
        shape, device = (self.config.drawn,), generator.device
        chosen = torch.randint(len(frames), shape, generator=generator, device=device)
        return chosen.to(frames.device)

    def _picture_error(self, decoded: Tensor, wanted: Tensor) -> Tensor:
        self._get_used_to(wanted)
        usual = Usual(self.median, self.deviation)
        return decoder_loss(decoded.float(), wanted, usual, _EMPHASIS, _EDGES)

    @torch.no_grad()
    def _get_used_to(self, frames: Tensor) -> None:
        """Averages over the frames so far, soon only over the last ones."""
        self.seen += 1
        rate = self.seen.reciprocal().clamp_min(_USUAL_RATE)
        self.median.lerp_(frames.mean(0), rate)
        self.deviation.lerp_((frames - self.median).abs().mean(0), rate)

    def _roll(
        self, batch: Batch, tokens: Tensor, body: Tensor, generator: torch.Generator
    ) -> Generated:
        """Generate each frame of tokens (B, T + 1, S, K) from those before: true, or generated.

        What was generated is not learned through: errors are mended where they are met.
        """
        model, c = self.model, self.config
        share = c.self_forced * min(1.0, self.generated / c.forced_updates)
        own = uniform_like(tokens[:, :1, 0, 0], generator) < share  # (B, 1)
        level = c.context_noise * uniform_like(tokens[:, :1, 0, 0], generator)
        level = level.masked_fill(own, 0.0)
        first = self.disturbed(tokens[:, 0], level, generator)
        window = Window(first, first, body[:, 0], body[:, 0])
        read = model.read_frames(window, level)
        reads, frames, errors, body_errors = [model.front(read)], [], [], []
        for t, action in enumerate(batch.actions.unbind(1)):
            true, true_body = tokens[:, t + 1], body[:, t + 1]
            foreseen = model.foresee_body(read, window, action)
            coming = Coming(read, window, foreseen.detach(), action)
            frame, error = self.attempt(coming, true, generator)
            errors.append((error * _change(true, tokens[:, t])).mean())
            body_errors.append(_body_error(foreseen, true_body).mean())
            frames.append(frame)
            forced = self.disturbed(true, level, generator)
            after = torch.where(own[..., None], frame.detach().to(forced), forced)
            window = window.then(after, torch.where(own, foreseen.detach(), true_body))
            read = model.read_frames(window, level)
            reads.append(model.front(read))
        return Generated(
            *(torch.stack(x, 1) for x in (reads, frames)), *map(torch.stack, (errors, body_errors))
        )


def _forget(losses: Any, _: Any) -> None:
    """What was loaded says how many updates were made."""
    losses._made = None


def _change(true: Tensor, before: Tensor) -> Tensor:
    """Weights (M, S) of tokens (M, S, K): 1 on average, more where they change."""
    changed = reduce((true - before).square(), "m s k -> m s", "mean")
    weight = 1.0 + (changed / changed.mean().clamp_min(1e-6)).clamp_max(_MOST_WEIGHT)
    return weight / weight.mean()


def _body_error(foreseen: Tensor, true: Tensor) -> Tensor:
    """(..., P); absolute where it is large, which is where the body met something."""
    return F.smooth_l1_loss(foreseen.float(), true, reduction="none", beta=_SMALL)


def normal_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, as a tensor is."""
    return torch.randn(tensor.shape, generator=generator, device=generator.device).to(tensor)


def uniform_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform numbers in [0, 1), as a tensor is."""
    return torch.rand(tensor.shape, generator=generator, device=generator.device).to(tensor)
