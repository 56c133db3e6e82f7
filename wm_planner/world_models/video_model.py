"""A generator of video that is a world model: it draws the next frame, and the agent lives inside.

A frame is a few tokens. A transformer reads the last two frames, whatever is done next: once for
all candidates, and for the heads, which read a token of its own (after GDM and GAIA). A second one
generates the next frame from that and an action. The robot's own motion is foreseen first, and the
frame drawn around it. How frames are generated is each family's own.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.world_models.body import Body
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.layers import mlp
from wm_planner.world_models.picture_tokenizer import PictureTokenizer
from wm_planner.world_models.transformer import Layer
from wm_planner.world_models.video_config import VideoConfig

_KNOWN = 128  # numbers that set the norms
_GLANCED = 16  # numbers of each token that the heads read beside their own
_DRAWN = 16  # numbers that say what the robot's body looks like in a token


class Window(NamedTuple):
    """The two last frames and what the robot's body did."""

    before: Tensor  # (M, S, K) tokens of the last frame but one
    now: Tensor  # (M, S, K)
    body_before: Tensor  # (M, P) proprioception
    body: Tensor  # (M, P)

    def then(self, frame: Tensor, body: Tensor) -> Window:
        """That a frame (M, S, K) and proprioception (M, P) later."""
        return Window(self.now, frame, self.body, body)


class Coming(NamedTuple):
    """What is known of a moment before its frame is drawn."""

    read: Tensor  # (M, 1 + S, W) hidden state before it
    window: Window  # up to the moment before it
    body: Tensor  # (M, P) proprioception then, as it is foreseen
    action: Tensor  # (M, A) that leads to it


@final
class Pictures(nn.Module):
    """Frames of latents."""

    def __init__(self, config: VideoConfig, tokenizer: PictureTokenizer) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer

    def forward(self, z: Tensor) -> Tensor:
        """Frames (B, V * C, h, w) near [-0.5, 0.5] of latents (B, D)."""
        c = self.config
        return self.tokenizer.decode(last_frame(c, z).unflatten(-1, (c.tokens, c.token_size)))


def last_frame(config: VideoConfig, z: Tensor) -> Tensor:
    """The tokens of the last frame in latents (..., D), (..., S * K)."""
    end = z.shape[-1] - 2 * config.proprio_size
    return z[..., end - config.frame_size : end]


class VideoModel(LatentModel, ABC):
    """A latent is glances at tokens, what was read, the frames' tokens, and proprioception.

    Heads read its front: the glances, and the first token of what was read, which is theirs.
    """

    config: VideoConfig

    def __init__(
        self, config: VideoConfig, tokenizer: PictureTokenizer, begun: int, told: int
    ) -> None:
        """`begun`: numbers that a token of the next frame is generated from; `told`: that come."""
        super().__init__(config)
        c = config
        self.take = nn.Linear(2 * c.token_size, c.width)
        self.places = nn.Parameter(0.02 * torch.randn(1 + c.tokens, c.width))
        self.felt = mlp(2 * c.proprio_size + 1, _KNOWN, _KNOWN, depth=1)
        self.reader = nn.ModuleList(Layer(c.width, c.heads, _KNOWN) for _ in range(c.read_layers))
        self.glance = nn.Linear(c.width, _GLANCED)
        self.drawn = mlp(c.proprio_size, c.hidden_size, c.tokens * _DRAWN, depth=1)
        self.mix = nn.Linear(begun + c.token_size + _DRAWN, c.width)
        self.done = mlp(2 * c.proprio_size + c.action_size + 1, _KNOWN, _KNOWN)
        self.generator = nn.ModuleList(Layer(c.width, c.heads, _KNOWN) for _ in range(c.layers))
        self.change = nn.Linear(c.width, told)
        nn.init.normal_(self.change.weight, std=1e-2)
        nn.init.zeros_(self.change.bias)
        self.body = Body(c.proprio_size, c.action_size, _KNOWN, c.width)
        self.posture = mlp(c.frame_size, _KNOWN, c.proprio_size, depth=1)
        self.glanced, self.read_size = c.tokens * _GLANCED, (1 + c.tokens) * c.width
        self.add_heads(
            self.glanced + self.read_size + 2 * (c.frame_size + c.proprio_size),
            front=self.glanced + c.width,
            decoder=Pictures(c, tokenizer),
        )

    @property
    def tokenizer(self) -> PictureTokenizer:
        """Frames to tokens, and back."""
        assert isinstance(self.decoder, Pictures)
        return self.decoder.tokenizer

    def embed(self, images: Tensor, proprio: Tensor, instruction: Tensor | None = None) -> Tensor:
        """Tokens of all cameras' frames, then proprioception; where that is not known, a guess.

        It cannot be told what to do yet.
        """
        tokens = self.tokenizer.encode(images, proprio.dtype).flatten(-2)
        known = ~proprio.isnan().any(-1, keepdim=True)
        body = torch.where(known, proprio, self.posture(tokens).to(proprio.dtype))
        return torch.cat([tokens, body], dim=-1)

    def correct(self, foreseen: Tensor | None, embedded: Tensor) -> Tensor:
        """The frame that is seen takes the place of the one foreseen."""
        c, lead = self.config, embedded.shape[:-1]
        tokens, body = embedded.flatten(0, -2).split([c.frame_size, c.proprio_size], dim=-1)
        now = tokens.unflatten(-1, (c.tokens, c.token_size))
        if foreseen is None:
            return self.latent(Window(now, now, body, body)).unflatten(0, lead)
        before = self.window(foreseen.flatten(0, -2))
        return self.latent(before._replace(now=now, body=body)).unflatten(0, lead)

    def filtered(
        self, images: Tensor, proprio: Tensor, actions: Tensor, instruction: Tensor | None = None
    ) -> Tensor:
        """See LatentModel; nothing need be generated where every frame is seen."""
        c, lead = self.config, proprio.shape[:2]
        tokens, body = self.embed(images, proprio).split([c.frame_size, c.proprio_size], dim=-1)
        now = tokens.unflatten(-1, (c.tokens, c.token_size))
        before, body_before = (torch.cat([x[:, :1], x[:, :-1]], dim=1) for x in (now, body))
        window = Window(*(part.flatten(0, 1) for part in (before, now, body_before, body)))
        return self.latent(window).unflatten(0, lead)

    def goal_features(self, z: Tensor) -> Tensor:
        """The tokens of the last frame."""
        return last_frame(self.config, z)

    def window(self, z: Tensor) -> Window:
        """What latents (M, D) hold of frames and body."""
        c = self.config
        tokens, bodies = z[:, -2 * (c.frame_size + c.proprio_size) :].split(
            [2 * c.frame_size, 2 * c.proprio_size], dim=-1
        )
        before, now = tokens.unflatten(-1, (2, c.tokens, c.token_size)).unbind(1)
        return Window(before, now, *bodies.chunk(2, dim=-1))

    def latent(self, window: Window) -> Tensor:
        """Latents (M, D)."""
        read = self.read_frames(window)
        window_parts = (part.flatten(1) for part in window)
        return torch.cat([self.front(read), read[:, 1:].flatten(1), *window_parts], dim=-1)

    def front(self, read: Tensor) -> Tensor:
        """What the heads read of a hidden state (M, 1 + S, W)."""
        return torch.cat([self.glance(read[:, 1:]).flatten(1), read[:, 0]], dim=-1)

    def own_token(self, body: Tensor) -> Tensor:
        """The heads' token (M, 1, W), of proprioception (M, 2 * P): it begins with nothing."""
        return body.new_zeros(len(body), 1, self.config.width)

    def read_frames(self, window: Window, noise: Tensor | None = None) -> Tensor:
        """Hidden state (M, 1 + S, W), the heads' token first.

        `noise` (M, 1) says how much of it lies on the frames (GameNGen, arXiv:2408.14837); None:
        there is none.
        """
        body = torch.cat([window.body_before, window.body], dim=-1)
        noise = torch.zeros_like(body[:, :1]) if noise is None else noise
        known = F.silu(self.felt(torch.cat([body, noise], dim=-1)))
        x = self.take(torch.cat([window.before, window.now], dim=-1))
        x = torch.cat([self.own_token(body).to(x.dtype), x], dim=1) + self.places
        for layer in self.reader:
            x = layer(x, known)
        return F.layer_norm(x, x.shape[-1:])

    def foresee_body(self, read: Tensor, window: Window, action: Tensor) -> Tensor:
        """Proprioception (M, P) after `action` (M, A)."""
        return self.body(window.body_before, window.body, action, read[:, 0])

    def drafted(self, coming: Coming, begun: Tensor, time: Tensor) -> Tensor:
        """What is told of each token of the next frame, (M, S, told).

        Of what it begins with (M, S, begun), `time` (M, 1) of 1 on the way to the frame.
        """
        c, (read, window, body, action) = self.config, coming
        given = torch.cat([window.body, body - window.body, action, time], dim=-1)
        known = F.silu(self.done(given))
        drawn = self.drawn(body).unflatten(-1, (c.tokens, _DRAWN))
        mixed = self.mix(torch.cat([begun, window.now, drawn], dim=-1))
        own = self.own_token(torch.cat([window.body, body], dim=-1)).to(mixed.dtype)
        x = read + torch.cat([own, mixed], dim=1)
        for layer in self.generator:
            x = layer(x, known)
        return self.change(F.layer_norm(x[:, 1:], x.shape[-1:]))

    def after(self, z: Tensor, action: Tensor, draw: Callable[[Coming], Tensor]) -> Tensor:
        """Latents (M, D) with a frame that is drawn (M, S, K) once the body is foreseen."""
        c, window = self.config, self.window(z)
        hidden = z[:, self.glanced : self.glanced + self.read_size]
        read = hidden.unflatten(-1, (1 + c.tokens, c.width))
        body = self.foresee_body(read, window, action)
        return self.latent(window.then(draw(Coming(read, window, body, action)), body))
