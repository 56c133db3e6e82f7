"""How sure the action prior may be: measured on episodes that it did not learn from.

A prior that learned from a few demonstrations knows them by heart and is too sure elsewhere, so a
planner that is held near it cannot mend it. Its means stay; one number for each action widens or
narrows its spread until held-out actions are as likely as can be (temperature scaling, Guo 2017,
arXiv:1706.04599). That number goes into the last layer's weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.learning.held_out import Shown
from wm_planner.world_models.heads import STD_RANGE
from wm_planner.world_models.latent_model import LatentModel

_SHIFTS = torch.linspace(-6, 6, 121)  # of the logit of the spread
_SHARPNESS = torch.logspace(-1, 0.5, 46, base=10)  # factor on the logit of a switch


@torch.no_grad()
def calibrate_prior(model: LatentModel, shown: Sequence[Shown]) -> None:
    """Change the spread of `model.prior` in place; nothing where no success was held out."""
    if not shown:
        return
    latents, _, actions = (torch.cat(parts) for parts in zip(*shown, strict=True))
    first, second = model.prior(latents).float().chunk(2, dim=-1)  # (T, A)
    last = model.prior[-1]
    assert isinstance(last, nn.Linear)  # an mlp ends so
    size = model.config.action_size
    for a in range(size):
        if bool(model.prior.is_switch[a]):
            factor = _sharpness(first[:, a], actions[:, a])
            last.weight[a] *= factor
            last.bias[a] *= factor
        else:
            error = torch.tanh(first[:, a]) - actions[:, a]
            last.bias[size + a] += _shift(error, second[:, a])


def _shift(error: Tensor, logit: Tensor) -> float:
    """What to add to the spread's logits (T,), so that errors (T,) are likeliest."""
    low, high = STD_RANGE
    shifts = _SHIFTS.to(logit)
    std = low + (high - low) * torch.sigmoid(logit + shifts[:, None])  # (shifts, T)
    unlikely = 0.5 * (error / std).square() + std.log()
    return float(shifts[unlikely.mean(1).argmin()])


def _sharpness(logit: Tensor, actions: Tensor) -> float:
    """What to multiply a switch's logits (T,) by, so that actions (T,) are likeliest."""
    factors = _SHARPNESS.to(logit)
    scaled = logit * factors[:, None]
    wanted = (actions > 0).to(logit).expand_as(scaled)
    unlikely = F.binary_cross_entropy_with_logits(scaled, wanted, reduction="none")
    return float(factors[unlikely.mean(1).argmin()])
