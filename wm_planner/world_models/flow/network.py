"""A generator of video that is a world model: it draws the next frame, and the agent lives inside.

A frame is a few tokens. A transformer reads the last two frames, whatever is done next: once for
all candidates, and for the heads, which read a token of its own (after GDM and GAIA). A second one
generates the next frame from that, an action and noise: flow matching (Lipman 2022,
arXiv:2210.02747) that predicts the clean frame, after DIAMOND (arXiv:2405.12399) and Oasis. The
robot's own motion is foreseen first, and the frame drawn around it.
"""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.noise import Generators, normal
from wm_planner.types import Latent
from wm_planner.world_models.flow.body import Body
from wm_planner.world_models.flow.config import FlowConfig
from wm_planner.world_models.flow.tokenizer import Tokenizer
from wm_planner.world_models.flow.transformer import Layer
from wm_planner.world_models.latent_model import LatentModel, one_by_one
from wm_planner.world_models.layers import mlp

_KNOWN = 128  # numbers that set the norms
_BY_CHANCE = 4  # steps from noise to one of several frames that may come
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


@final
class Pictures(nn.Module):
    """Frames of latents."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = Tokenizer(config)

    def forward(self, z: Tensor) -> Tensor:
        """Frames (B, V * C, h, w) near [-0.5, 0.5] of latents (B, D)."""
        c = self.config
        return self.tokenizer.decode(last_frame(c, z).unflatten(-1, (c.tokens, c.token_size)))


def last_frame(config: FlowConfig, z: Tensor) -> Tensor:
    """The tokens of the last frame in latents (..., D), (..., S * K)."""
    end = z.shape[-1] - 2 * config.proprio_size
    return z[..., end - config.frame_size : end]


@final
class Flow(LatentModel):
    """A latent is glances at tokens, what was read, the frames' tokens, and proprioception.

    Heads read its front: the glances, and the first token of what was read, which is theirs.
    """

    config: FlowConfig
    noise: Tensor  # (S, K)

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        c = config
        self.take = nn.Linear(2 * c.token_size, c.width)
        self.places = nn.Parameter(0.02 * torch.randn(1 + c.tokens, c.width))
        self.felt = mlp(2 * c.proprio_size + 1, _KNOWN, _KNOWN, depth=1)
        self.reader = nn.ModuleList(Layer(c.width, c.heads, _KNOWN) for _ in range(c.read_layers))
        self.glance = nn.Linear(c.width, _GLANCED)
        self.drawn = mlp(c.proprio_size, c.hidden_size, c.tokens * _DRAWN, depth=1)
        self.mix = nn.Linear(2 * c.token_size + _DRAWN, c.width)
        self.done = mlp(2 * c.proprio_size + c.action_size + 1, _KNOWN, _KNOWN)
        self.generator = nn.ModuleList(Layer(c.width, c.heads, _KNOWN) for _ in range(c.layers))
        self.change = nn.Linear(c.width, c.token_size)
        nn.init.normal_(self.change.weight, std=1e-2)
        nn.init.zeros_(self.change.bias)
        self.body = Body(c.proprio_size, c.action_size, _KNOWN, c.width)
        self.posture = mlp(c.frame_size, _KNOWN, c.proprio_size, depth=1)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(c.tokens, c.token_size, generator=generator)
        self.register_buffer("noise", noise, persistent=False)
        self.glanced, self.read_size = c.tokens * _GLANCED, (1 + c.tokens) * c.width
        self.add_heads(
            self.glanced + self.read_size + 2 * (c.frame_size + c.proprio_size),
            front=self.glanced + c.width,
            decoder=Pictures(c),
        )

    @property
    def tokenizer(self) -> Tokenizer:
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

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Latent (..., D) with the frame generated."""
        lead = z.shape[:-1]
        z, action = z.flatten(0, -2), action.flatten(0, -2)
        noise = self.noise.to(z.dtype).expand(len(z), -1, -1)
        return self._after(z, action, noise, self.config.samples).unflatten(0, lead)

    def sample(self, latent: Latent, action: Tensor, generator: Generators) -> Latent:
        """A latent (B, D) one step later, after `action` (B, A): one that may come, by chance.

        `step` always begins with the same noise, and is the same each time.
        """
        noise = normal((len(action), *self.noise.shape), generator, action.device)

        def one(z: Tensor, a: Tensor, e: Tensor) -> tuple[Tensor]:
            return (self._after(z, a, e, max(_BY_CHANCE, self.config.samples)),)

        return Latent(*one_by_one(one, latent.z, action, noise))

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

    def read_frames(self, window: Window, noise: Tensor | None = None) -> Tensor:
        """Hidden state (M, 1 + S, W), the heads' token first.

        `noise` (M, 1) says how much of it lies on the frames, as standard deviation (GameNGen,
        arXiv:2408.14837); None: there is none.
        """
        body = torch.cat([window.body_before, window.body], dim=-1)
        noise = torch.zeros_like(body[:, :1]) if noise is None else noise
        known = F.silu(self.felt(torch.cat([body, noise], dim=-1)))
        x = self.take(torch.cat([window.before, window.now], dim=-1))
        x = F.pad(x, (0, 0, 1, 0)) + self.places
        for layer in self.reader:
            x = layer(x, known)
        return F.layer_norm(x, x.shape[-1:])

    def foresee_body(self, read: Tensor, window: Window, action: Tensor) -> Tensor:
        """Proprioception (M, P) after `action` (M, A)."""
        return self.body(window.body_before, window.body, action, read[:, 0])

    def generate(
        self,
        read: Tensor,
        window: Window,
        body: Tensor,
        action: Tensor,
        noisy: Tensor,
        time: Tensor,
    ) -> Tensor:
        """The clean next frame (M, S, K) of a noisy one, `time` (M, 1) of 1 from noise to it.

        `body` (M, P) is the proprioception then.
        """
        c = self.config
        given = torch.cat([window.body, body - window.body, action, time], dim=-1)
        known = F.silu(self.done(given))
        x = read.clone()
        drawn = self.drawn(body).unflatten(-1, (c.tokens, _DRAWN))
        x[:, 1:] += self.mix(torch.cat([noisy, window.now, drawn], dim=-1))
        for layer in self.generator:
            x = layer(x, known)
        changed = window.now + self.change(F.layer_norm(x[:, 1:], x.shape[-1:]))
        return self.normalised(changed)

    def normalised(self, tokens: Tensor) -> Tensor:
        """Tokens (..., K) as the tokenizer puts them out."""
        latents = tokens.unflatten(-1, (-1, self.config.latent_channels))
        return F.layer_norm(latents, latents.shape[-1:]).flatten(-2)

    def _after(self, z: Tensor, action: Tensor, noise: Tensor, steps: int) -> Tensor:
        """Latents (M, D) with a frame drawn from noise (M, S, K), by so many of Euler's steps."""
        c, window = self.config, self.window(z)
        hidden = z[:, self.glanced : self.glanced + self.read_size]
        read = hidden.unflatten(-1, (1 + c.tokens, c.width))
        body = self.foresee_body(read, window, action)
        frame = noise
        for i in range(steps):
            time = torch.full_like(action[:, :1], i / steps)
            clean = self.generate(read, window, body, action, frame, time)
            frame = torch.lerp(frame, clean, 1 / (steps - i))
        return self.latent(window.then(frame, body))
