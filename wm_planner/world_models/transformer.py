"""Transformer layers whose norms are set by what is known of the whole frame.

Adaptive layer norm with gates that begin all but closed (DiT: Peebles 2022, arXiv:2212.09748).
"""

from __future__ import annotations

from typing import final

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

_WIDER = 4  # the layer inside, than a token
_AJAR = 0.02  # standard deviation of the first weights of norms and gates


@final
class Layer(nn.Module):
    """Attention over all tokens, then an MLP for each."""

    def __init__(self, width: int, heads: int, known: int) -> None:
        """`known`: size of what sets the norms."""
        super().__init__()
        self.heads = heads
        self.set = nn.Linear(known, 6 * width)
        self.asked = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.wide = nn.Linear(width, _WIDER * width)
        self.narrow = nn.Linear(_WIDER * width, width)
        nn.init.normal_(self.set.weight, std=_AJAR)
        nn.init.zeros_(self.set.bias)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Tokens (M, S, W), given what is known of each frame (M, known)."""
        shift, scale, gate, shift_2, scale_2, gate_2 = self.set(known)[:, None].chunk(6, dim=-1)
        x = x + gate * self._attend(_normed(x) * (1 + scale) + shift)
        inside = self.wide(_normed(x) * (1 + scale_2) + shift_2)
        return x + gate_2 * self.narrow(F.gelu(inside))

    def _attend(self, x: Tensor) -> Tensor:
        q, k, v = rearrange(
            self.asked(x), "m s (three h d) -> three m h s d", three=3, h=self.heads
        )
        found = F.scaled_dot_product_attention(q, k, v)
        return self.answer(rearrange(found, "m h s d -> m s (h d)"))


def _normed(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])
