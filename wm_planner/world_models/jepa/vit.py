"""A plain vision transformer, with weights named as DINOv2 and timm name them.

Patch embedding, learned places, pre-norm blocks (Dosovitskiy 2021, arXiv:2010.11929); blocks may
scale what they add (LayerScale, arXiv:2103.17239), as DINOv2's do (arXiv:2304.07193).
"""

from __future__ import annotations

from pathlib import Path
from typing import final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from wm_planner.errors import UserError
from wm_planner.world_models.jepa.config import JepaConfig

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, as it was shown
_OPTIONAL = ("ls1.gamma", "ls2.gamma")  # ones where a file has none


@final
class VisionTransformer(nn.Module):
    """Tokens of a frame's patches."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: JepaConfig) -> None:
        super().__init__()
        c = config
        self.patches = (c.image_size // c.vit_patch) ** 2
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(3, c.vit_width, c.vit_patch, stride=c.vit_patch)}
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, c.vit_width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.patches, c.vit_width))
        self.blocks = nn.ModuleList(Block(c.vit_width, c.vit_heads) for _ in range(c.vit_depth))
        self.norm = nn.LayerNorm(c.vit_width, eps=1e-6)
        for name, values in (("mean", _MEAN), ("std", _STD)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Tokens (M, patches, width) of frames (M, C, h, w) uint8."""
        scaled = (frames.to(self.pos_embed.dtype) / 255 - self.mean) / self.std
        x = self.patch_embed["proj"](scaled).flatten(2).transpose(1, 2)  # (M, patches, width)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 1:]


@final
class Block(nn.Module):
    """Attention, then two layers, each added to what it read."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict(
            {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        )
        self.ls1 = nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))})
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        )
        self.ls2 = nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))})

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (M, n, width) of tokens (M, n, width)."""
        qkv = self.attn["qkv"](self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (M, heads, n, width / heads) each
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.ls1["gamma"] * self.attn["proj"](seen)
        return x + self.ls2["gamma"] * self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


def load_weights(vit: VisionTransformer, path: Path) -> None:
    """Take the weights of a safetensors file; whatever is wrong with it is a UserError.

    Of what else such files hold, a classifier and a mask token, nothing is read.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; name a safetensors file of a vision transformer")
    own = vit.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            _check(path, found, own)
            weights = {name: file.get_tensor(name).float() for name in own if name in found}
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: not a whole safetensors file ({error}); copy it again") from error
    for name, values in weights.items():
        if not values.isfinite().all():
            raise UserError(f"{path}: {name} holds NaN or infinity; copy the file again")
    vit.load_state_dict({**own, **weights})


def _check(path: Path, found: dict[str, tuple[int, ...]], own: dict[str, Tensor]) -> None:
    missing = [name for name in own if name not in found and not name.endswith(_OPTIONAL)]
    if missing:
        raise UserError(
            f"{path}: lacks {missing[:3]}, of {len(missing)} weights missing; expected the names "
            "of DINOv2 or timm, and as many blocks as vit_depth says"
        )
    depth = sum(name.endswith("norm1.weight") for name in own)
    if more := sorted(name for name in found if name.startswith(f"blocks.{depth}.")):
        raise UserError(f"{path}: has {more[0]}, but vit_depth is {depth}; set it to the file's")
    for name, values in own.items():
        if name in found and found[name] != tuple(values.shape):
            raise UserError(
                f"{path}: {name} has shape {found[name]}, expected {tuple(values.shape)}; set "
                "vit_width, vit_patch and image_size to those of the file"
            )
