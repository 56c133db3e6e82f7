"""Frames whose codes are all told at once, or in a few rounds.

Parallel decoding of masked tokens (MaskGIT: Chang 2022, arXiv:2202.04200; of frames after actions
in Genie, arXiv:2402.15391). Plans decode in one round, and what they are given are expected digits:
as the levels of a digit are ordered, these lie between two that are both likely. What is imagined
then changes little by little with the action, where the likeliest code would jump, and heads read
how unsure a frame is. By chance, codes are drawn instead, in rounds: the surest first, so that each
heeds what was drawn before.
"""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from wm_planner.noise import Generators, uniform
from wm_planner.types import Latent
from wm_planner.world_models.latent_model import one_by_one
from wm_planner.world_models.levels import middles
from wm_planner.world_models.tokens.config import TokensConfig
from wm_planner.world_models.tokens.tokenizer import Tokenizer
from wm_planner.world_models.video_model import Coming, VideoModel

_BY_CHANCE = 4  # rounds in which one of several frames that may come is drawn
_TEMPERATURE = 4.5  # of chance in which codes come first, falling to 0 (as in MaskGIT)
_STAYS = 2.0  # nats by which a level is less likely than its neighbour, nearer to what was


@final
class Tokens(VideoModel):
    """The heads' token is that of proprioception; a frame's tokens are 2 x 2 codes each."""

    config: TokensConfig
    middles: Tensor  # (L,)

    def __init__(self, config: TokensConfig) -> None:
        c = config
        begun, told = c.token_size + c.codes, c.token_size * c.levels
        super().__init__(c, Tokenizer(c), begun=begun, told=told)
        self.sense = nn.Linear(2 * c.proprio_size, c.width)
        self.stays = nn.Parameter(torch.full((c.token_size, 1), _STAYS))
        self.register_buffer("middles", middles(c.levels), persistent=False)

    def own_token(self, body: Tensor) -> Tensor:
        """See VideoModel."""
        return self.sense(body)[:, None]

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Latent (..., D) with the frame generated."""
        lead = z.shape[:-1]
        z, action = z.flatten(0, -2), action.flatten(0, -2)
        rounds = self.config.rounds
        return self.after(z, action, lambda coming: self.decoded(coming, rounds)).unflatten(0, lead)

    def sample(self, latent: Latent, action: Tensor, generator: Generators) -> Latent:
        """A latent (B, D) one step later, after `action` (B, A): one that may come, by chance."""
        c, rounds = self.config, max(_BY_CHANCE, self.config.rounds)
        shape = (len(action), rounds, c.tokens, c.token_size + c.codes)
        luck = uniform(shape, generator, action.device)

        def one(z: Tensor, a: Tensor, u: Tensor) -> tuple[Tensor]:
            return (self.after(z, a, lambda coming: self.decoded(coming, rounds, u)),)

        return Latent(*one_by_one(one, latent.z, action, luck))

    def logs(self, coming: Coming, frame: Tensor, masked: Tensor) -> Tensor:
        """Log probabilities (M, S, K, L) of the levels of each digit of the next frame.

        Of the frame (M, S, K), codes (M, S, codes) are not known yet, where they are `masked`.
        """
        begun = [frame.masked_fill(self.each_digit(masked), 0.0), masked.to(frame)]
        known = 1.0 - masked.to(frame).mean((1, 2))[:, None]
        told = self.drafted(coming, torch.cat(begun, dim=-1), known)
        away = (coming.window.now[..., None] - self.middles).abs() * (self.config.levels / 2)
        logits = told.unflatten(-1, (-1, self.config.levels)) - self.stays * away
        return logits.float().log_softmax(-1)

    def each_digit(self, codes: Tensor) -> Tensor:
        """What (M, S, codes) holds for codes, for each of their digits (M, S, K)."""
        return codes.repeat_interleave(self.config.latent_channels, dim=-1)

    def planned(self, logs: Tensor) -> Tensor:
        """Digits (M, S, K) of a frame that is not left to chance; see `likeliest`."""
        expected = (logs.exp() * self.middles).sum(-1)
        if not self.config.likeliest:
            return expected
        return expected + (self.middles[logs.argmax(-1)] - expected).detach()

    def decoded(self, coming: Coming, rounds: int, luck: Tensor | None = None) -> Tensor:
        """The next frame (M, S, K), its codes filled in within so many rounds.

        By chance, if there is `luck` (M, rounds, S, K + codes): uniform numbers.
        """
        now = coming.window.now
        frame, masked = (
            torch.zeros_like(now),
            now.new_ones(*now.shape[:2], self.config.codes).bool(),
        )
        for done in range(1, rounds + 1):
            logs = self.logs(coming, frame, masked)
            if luck is None:
                found = self.planned(logs)
                sure = self._by_code((logs.exp() * logs).sum(-1))
            else:
                found, sure = self._by_chance(logs, luck[:, done - 1], 1 - done / rounds)
            frame = torch.where(self.each_digit(masked), found.to(now), frame)
            left = int(math.cos(math.pi / 2 * done / rounds) * masked[0].numel())
            masked = masked & _least(sure.masked_fill(~masked, math.inf), left)
        return frame

    def _by_chance(self, logs: Tensor, luck: Tensor, warmth: float) -> tuple[Tensor, Tensor]:
        """Digits (M, S, K) that are drawn, and how sure their codes are (M, S, codes)."""
        c = self.config
        which, order = luck.split([c.token_size, c.codes], dim=-1)
        level = (logs.exp().cumsum(-1) < which[..., None]).sum(-1).clamp_max(c.levels - 1)
        log = logs.gather(-1, level[..., None])[..., 0]
        gumbel = -(-order.clamp(1e-6, 1 - 1e-6).log()).log()
        return self.middles[level], self._by_code(log) + _TEMPERATURE * warmth * gumbel

    def _by_code(self, digits: Tensor) -> Tensor:
        """Sums (M, S, codes) over the digits (M, S, K) of each code."""
        return digits.unflatten(-1, (self.config.codes, -1)).sum(-1)


def _least(sure: Tensor, count: int) -> Tensor:
    """Which `count` codes of each frame (M, S, codes) are least sure."""
    order = sure.flatten(1).argsort(dim=1, stable=True)
    rank = order.argsort(dim=1)
    return (rank < count).unflatten(1, sure.shape[1:])
