"""A TDLatent that imagines with compiled code: many times faster on a processor, same numbers."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from wm_planner.noise import Generators, draw_noise
from wm_planner.types import Latent, Observation, Proposal, Rollout, Seen
from wm_planner.world_models.heads import STD_RANGE, ValueEnsemble
from wm_planner.world_models.layers import SimNorm, TwoHot
from wm_planner.world_models.td_latent.library import LibraryError, load_library
from wm_planner.world_models.td_latent.network import TDLatent

_LANES = 16  # widths must be multiples of the widest vector registers there are
_PADDING = -1e30  # bias of bins that are not there
_TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 0.05}
"""Largest difference from the model's own rollout, in parts of the largest number in it."""
_SMALL = 0.01  # of a reward of 1: numbers in which nothing is larger are compared with this


@final
class NativeTDLatent:
    """WorldModel: rollouts and proposals by imagine.cpp, all else by the model it wraps.

    Raises LibraryError if the code cannot be built here, the model's sizes do not suit it, or it
    does not agree with the model on this processor.
    """

    def __init__(self, model: TDLatent, dtype: torch.dtype, loaded: bool = False) -> None:
        """With the library that is `loaded` already, or the one of this machine."""
        self._model, self.dtype = model, dtype
        c = model.config
        self._group = group = SimNorm().group
        for name, size in (("hidden_size", c.hidden_size), ("latent_size", c.latent_size // group)):
            if size % _LANES:
                factor = _LANES * (group if name == "latent_size" else 1)
                raise LibraryError(f"{name} is no multiple of {factor}")
        if not loaded:
            load_library()  # after the sizes: it may take a while
        self._scale = 1.0 / (1.0 - c.discount)
        self._pack()
        self._check()

    def encode(self, observation: Observation, foreseen: Latent | None = None) -> Latent:
        """See LatentModel.encode."""
        return self._model.encode(observation, foreseen)

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        """See LatentModel.advance."""
        return self._model.advance(latent, action)

    def branches(self, latent: Latent, actions: Tensor) -> Tensor:
        """See LatentModel.branches."""
        return self._model.branches(latent, actions)

    def decode(self, latent: Latent, seen: Seen | None = None) -> Tensor:
        """See LatentModel.decode."""
        return self._model.decode(latent, seen)

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        """See LatentModel.rollout."""
        rewards, value, disagreement = torch.ops.wm_planner.imagine(
            latent.z.to(self.dtype),
            actions,
            self._mlps,
            self._action_weight,
            self._centres,
            self._group,
        )
        return Rollout(actions, rewards, value.mul_(self._scale), disagreement.mul_(self._scale))

    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        """See LatentModel.propose."""
        z = latent.z
        shape = (z.shape[0], n + 1, horizon, self._model.config.action_size)
        noise = draw_noise(shape, generator, z.device)
        actions, mean, std = torch.ops.wm_planner.propose(
            z.to(self.dtype),
            *noise,
            self._model.prior.is_switch,
            self._mlps,
            self._action_weight,
            self._group,
            *STD_RANGE,
        )
        return Proposal(actions[:, 1:], mean, std)

    def _pack(self) -> None:
        model, read = self._model, self._model.read
        dynamics: nn.Sequential = model.dynamics[0]  # type: ignore[assignment]
        latent = model.config.latent_size
        weight, _ = _weight_and_bias(dynamics[0])  # (hidden, D + A)
        self._action_weight = _plain(_centred(weight.t())[latent:])  # (A, hidden)
        self._mlps = [
            *self._mlp(dynamics, inputs=latent),
            *self._mlp(model.prior),
            *self._mlp(model.reward),
            *self._ensemble(model.value),
        ]
        self._centres = None
        if isinstance(read, TwoHot):
            self._centres = _padded(read.centres[None], 0.0)[0].contiguous()

    def _mlp(self, layers: nn.Sequential, inputs: int | None = None) -> list[Tensor]:
        """Of an `mlp` of two hidden layers; of its first `inputs` inputs only."""
        packed: list[Tensor] = []
        for i in (0, 3):
            weight, bias = _weight_and_bias(layers[i])
            scale, shift = _weight_and_bias(layers[i + 1])
            weight = _centred(weight.t())[: inputs if i == 0 else None]
            packed += [self._panels(weight), *map(_plain, (_centred(bias), scale, shift))]
        weight, bias = _weight_and_bias(layers[6])
        return packed + self._last(weight.t(), bias)

    def _ensemble(self, ensemble: ValueEnsemble) -> list[Tensor]:
        packed: list[Tensor] = []
        for k in range(ensemble.members):
            for layer in (ensemble.first, ensemble.second):
                bias = _plain(_centred(layer.bias[k, 0]))
                packed += [self._panels(_centred(layer.weight[k])), bias]
                packed += [torch.ones_like(bias), torch.zeros_like(bias)]
            packed += self._last(ensemble.last.weight[k], ensemble.last.bias[k, 0])
        return packed

    def _last(self, weight: Tensor, bias: Tensor) -> list[Tensor]:
        if weight.shape[1] == 1:
            return [weight[:, 0].to(self.dtype).contiguous(), _plain(bias)]
        return [self._panels(_padded(weight, 0.0)), _plain(_padded(bias[None], _PADDING)[0])]

    def _panels(self, weight: Tensor) -> Tensor:
        """`weight` (inputs, outputs) in the order that the compiled products read it in."""
        return torch.ops.wm_planner.pack(weight.detach().to(self.dtype))

    @torch.inference_mode()
    def _check(self) -> None:
        """Against the model on this very processor, from a latent and actions of its own.

        Rewards count as much as they change returns: of a model that learned from successes alone
        they are next to nothing, and rounding is large beside that.
        """
        c, generator = self._model.config, torch.Generator().manual_seed(0)
        latent = Latent(SimNorm(self._group)(torch.randn(2, c.latent_size, generator=generator)))
        actions = torch.rand(2, 3, 2, c.action_size, generator=generator) * 2 - 1
        try:
            found = self.rollout(latent, actions)
        except RuntimeError as error:
            raise LibraryError(str(error).splitlines()[0]) from error
        wanted = self._model.rollout(latent, actions)
        value_size = torch.maximum(wanted.terminal_value.abs(), wanted.disagreement).max()
        for name, size in (
            ("rewards", torch.maximum(wanted.rewards.abs().max(), value_size / self._scale)),
            ("terminal_value", value_size),
            ("disagreement", value_size),
        ):
            size = size.clamp_min(_SMALL)
            off = float((getattr(found, name) - getattr(wanted, name)).abs().max() / size)
            if not off < _TOLERANCES[self.dtype]:
                raise LibraryError(f"{name} is off by {off:.2g} of its size")


def _weight_and_bias(layer: nn.Module) -> tuple[Tensor, Tensor]:
    return layer.weight, layer.bias  # type: ignore[return-value]


def _centred(x: Tensor) -> Tensor:
    """`x` (..., outputs) shifted so that products with it have mean 0, as LayerNorm wants them."""
    return x - x.mean(-1, keepdim=True)


def _plain(x: Tensor) -> Tensor:
    return x.detach().float().contiguous()


def _padded(x: Tensor, value: float) -> Tensor:
    """`x` (..., n) with columns added up to a multiple of the lanes."""
    return nn.functional.pad(x, (0, -x.shape[-1] % _LANES), value=value)
