"""A latent world model trained by temporal differences, after TD-MPC2 (arXiv:2310.16828).

Differences: a state value instead of an action value, so that planning without the prior never
asks the prior; rewards predicted from the latent they are paid in; a Gaussian and Bernoulli prior
trained by imitation; landmarks predicted from the latent, where a simulation knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, final

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.noise import Generators, draw_noise
from wm_planner.types import ActionSpace, Latent, Observation, Proposal, Rollout
from wm_planner.world_models.layers import SimNorm, ValueEnsemble, mlp, numbers

STD_RANGE = (0.05, 1.0)  # of the prior, in action units
_SIZES = {  # least and most; far above what any arm needs, far below what fills a machine
    "cameras": (1, 16),
    "image_size": (32, 1024),
    "proprio_size": (1, 4096),
    "action_size": (1, 256),
    "landmark_size": (0, 4096),
    "latent_size": (8, 16384),
    "hidden_size": (1, 16384),
    "value_members": (2, 64),
    "bins": (1, 4096),
}
_MOST_CHANNELS = 4096
_IN_CACHE = 32  # frames a processor convolves at a time; more would go through main memory


@dataclass(frozen=True)
class TDLatentConfig:
    """Shapes of the networks.

    Attributes:
        cameras: number of cameras.
        image_size: height and width of their frames, pixels, a multiple of 16.
        proprio_size: size of the proprioception vector.
        action_size: size of an action.
        switches: actions that are switches.
        landmark_size: numbers a simulation knows of a state and the latent must predict; 0 if none.
        latent_size: size of the latent, a multiple of 8.
        hidden_size: of every MLP.
        value_members: heads of the value ensemble.
        bins: outputs of a reward or value head: 1 for a number, more for two-hot regression.
        channels: of the encoder's four stride-2 convolutions.
        discount: worth of a reward one step later.
    """

    cameras: int = 2
    image_size: int = 64
    proprio_size: int = 8
    action_size: int = 4
    switches: tuple[int, ...] = (3,)
    landmark_size: int = 4
    latent_size: int = 256
    hidden_size: int = 256
    value_members: int = 4
    bins: int = 1
    channels: tuple[int, ...] = (32, 48, 64, 64)
    discount: float = 0.97

    def __post_init__(self) -> None:
        for name, (least, most) in _SIZES.items():
            if not _is_whole(size := getattr(self, name), least, most):
                raise ValueError(f"{name} {size!r} must be a whole number from {least} to {most}")
        if self.image_size % 16:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 16")
        if self.latent_size % 8:
            raise ValueError(f"latent_size {self.latent_size} must be a multiple of 8")
        if not isinstance(self.discount, float) or not 0 < self.discount < 1:
            raise ValueError(f"discount {self.discount!r} must be inside (0, 1)")
        if not _are_whole(self.channels, 1, _MOST_CHANNELS) or len(self.channels) != 4:
            raise ValueError(
                f"channels {self.channels!r} must be four whole numbers from 1 to {_MOST_CHANNELS}"
            )
        if not _are_whole(self.switches, 0, self.action_size - 1):
            raise ValueError(
                f"switches {self.switches!r} must be among 0 to {self.action_size - 1}"
            )


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _are_whole(values: object, least: int, most: int) -> bool:
    return isinstance(values, tuple) and all(_is_whole(v, least, most) for v in values)


class PriorParameters(NamedTuple):
    """The action prior at a latent."""

    mean: Tensor  # (..., A) in (-1, 1)
    std: Tensor  # (..., A)
    logit: Tensor  # (..., A) of a switch being +1; meaningless for other actions


@final
class TDLatent(nn.Module):
    """WorldModel: convolutional encoder, latent dynamics, reward, value ensemble, action prior."""

    is_switch: Tensor  # (A,) bool

    def __init__(self, config: TDLatentConfig) -> None:
        super().__init__()
        self.config = c = config
        self.action_space = ActionSpace(c.action_size, c.switches)
        mask = torch.zeros(c.action_size, dtype=torch.bool)
        mask[list(c.switches)] = True
        self.register_buffer("is_switch", mask, persistent=False)

        sizes = [3 * c.cameras, *c.channels]
        self.convolutions = nn.Sequential(
            *(
                layer
                for a, b in pairwise(sizes)
                for layer in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU(inplace=True))
            )
        )
        features = c.channels[-1] * (c.image_size // 2 ** len(c.channels)) ** 2
        self.visual = nn.Sequential(nn.Linear(features, c.hidden_size), nn.LayerNorm(c.hidden_size))
        self.bodily = mlp(c.proprio_size, 64, 64, depth=1)
        self.fuse = nn.Sequential(
            mlp(c.hidden_size + 64, c.hidden_size, c.latent_size, depth=1), SimNorm()
        )
        self.dynamics = nn.Sequential(
            mlp(c.latent_size + c.action_size, c.hidden_size, c.latent_size), SimNorm()
        )
        self.reward = mlp(c.latent_size, c.hidden_size, c.bins)
        self.read = numbers(c.bins)
        self.value = ValueEnsemble(c.value_members, c.latent_size, c.hidden_size, c.bins)
        self.prior = mlp(c.latent_size, c.hidden_size, 2 * c.action_size)
        self.landmarks = (
            mlp(c.latent_size, c.hidden_size, c.landmark_size) if c.landmark_size else None
        )
        self.decoder = Decoder(c)

    def encode(self, observation: Observation, previous: Latent | None = None) -> Latent:
        """Latent of one frame; this family has no memory, `previous` is not used."""
        return Latent(self.encode_frames(observation.images, observation.proprio))

    def encode_frames(self, images: Tensor, proprio: Tensor) -> Tensor:
        """Latents (..., D) of images (..., V, C, h, w) uint8 and proprio (..., P)."""
        frames = rearrange(images, "... v c h w -> ... h w (v c)").flatten(0, -4)
        frames = rearrange(frames, "b h w c -> b c h w").to(memory_format=torch.channels_last)
        parts = frames.split(len(frames) if frames.is_cuda else _IN_CACHE)
        x = torch.cat([self._features(part, proprio.dtype) for part in parts])
        x = x.unflatten(0, proprio.shape[:-1])
        x = torch.cat([F.silu(self.visual(x)), self.bodily(proprio)], dim=-1)
        return self.fuse(x)

    def _features(self, frames: Tensor, dtype: torch.dtype) -> Tensor:
        """What the convolutions make of frames (B, V * C, h, w) uint8: (B, features)."""
        return self.convolutions(frames.to(dtype).div_(255.0).sub_(0.5)).flatten(1)

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Next latent (..., D)."""
        return self.dynamics(torch.cat([z, action], dim=-1))

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        """Latent one step later, when `action` (B, A) was taken."""
        return Latent(self.step(latent.z, action))

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        """Imagine actions (B, N, H, A); values are returns from the last latent on."""
        b, n = actions.shape[:2]
        z = repeat(latent.z, "b d -> (b n) d", n=n)
        latents = []
        for action in rearrange(actions, "b n h a -> h (b n) a"):
            z = self.step(z, action)
            latents.append(z)
        rewards = self.read(self.reward(torch.stack(latents)))  # (H, B * N)
        scale = 1.0 / (1.0 - self.config.discount)
        values = self.value(z).unflatten(1, (b, n)) * scale  # (K, B, N)
        return Rollout(
            actions=actions,
            rewards=rearrange(rewards, "h (b n) -> b n h", b=b),
            terminal_value=values.mean(0),
            disagreement=values.std(0),
        )

    def prior_at(self, z: Tensor) -> PriorParameters:
        """The action prior at latents (..., D)."""
        first, second = self.prior(z).float().chunk(2, dim=-1)
        low, high = STD_RANGE
        std = low + (high - low) * torch.sigmoid(second)
        mean = torch.tanh(torch.where(self.is_switch, first / 2, first))
        std = torch.where(self.is_switch, (1 - mean**2).clamp_min(1e-6).sqrt(), std)
        return PriorParameters(mean, std.clamp_min(low), first)

    def propose(self, latent: Latent, n: int, horizon: int, generator: Generators) -> Proposal:
        """Roll the prior: once by its mean, and n times by samples."""
        b = latent.z.shape[0]
        shape = (b, n + 1, horizon, self.config.action_size)
        noise = draw_noise(shape, generator, latent.z.device)
        z = repeat(latent.z, "b d -> (b n) d", n=n + 1)  # entry 0 of n follows the mean
        actions, means, stds = [], [], []
        for step_noise in zip(noise.normal.unbind(2), noise.uniform.unbind(2), strict=True):
            prior = self.prior_at(z)
            prior = PriorParameters(*(part.unflatten(0, (b, n + 1)) for part in prior))
            action = self._sample(prior, *step_noise)  # (B, N + 1, A)
            mean = prior.mean[:, 0]
            action[:, 0] = torch.where(self.is_switch, mean.sign(), mean)
            actions.append(action[:, 1:])
            means.append(mean)
            stds.append(prior.std[:, 0])
            z = self.step(z, action.flatten(0, 1))
        return Proposal(torch.stack(actions, 2), torch.stack(means, 1), torch.stack(stds, 1))

    def _sample(self, prior: PriorParameters, noise: Tensor, drawn: Tensor) -> Tensor:
        switched = torch.where(drawn < torch.sigmoid(prior.logit), 1.0, -1.0)
        return torch.where(self.is_switch, switched, (prior.mean + prior.std * noise).clamp(-1, 1))

    def decode(self, latent: Latent) -> Tensor:
        """What the model believes the cameras show: (B, V, C, h, w) uint8."""
        frames = self.decoder(latent.z).float().add(0.5).clamp(0, 1).mul(255)
        return rearrange(frames, "b (v c) h w -> b v c h w", c=3).to(torch.uint8)


@final
class Decoder(nn.Module):
    """Latent to frames, for people to look at; no gradient of it ever shapes the latent."""

    def __init__(self, config: TDLatentConfig) -> None:
        super().__init__()
        self._edge = config.image_size // 16
        sizes = [*reversed(config.channels), 3 * config.cameras]
        self.expand = nn.Sequential(
            nn.LayerNorm(config.latent_size),
            nn.Linear(config.latent_size, sizes[0] * self._edge**2),
        )
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.ReLU(inplace=True), nn.ConvTranspose2d(a, b, 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Frames (B, V * C, h, w) near [-0.5, 0.5]."""
        x = self.expand(z.detach()).unflatten(-1, (-1, self._edge, self._edge))
        return self.layers(x.to(memory_format=torch.channels_last))
