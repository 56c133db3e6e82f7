"""Shapes of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wm_planner.world_models.network_config import NetworkConfig


@dataclass(frozen=True)
class RSSMConfig(NetworkConfig):
    """Shapes of the networks.

    Attributes:
        memory_size: numbers of the deterministic part of the latent, the GRU's state.
        groups: discrete variables of the stochastic part.
        classes: values that each of them can take.
        dynamics_size: width of the layers before and after the GRU.
        unimix: share of the uniform distribution in every discrete one (arXiv:2301.04104).
        mode: at run time a discrete variable is its likeliest value; else its mean.
        prior_recalls: the action prior reads the memory as well. One that imitates persons should
            not: how they moved so far tells what they do next, and nobody moves before the arm does
            (copycats, de Haan 2019, arXiv:1905.11979).
    """

    bins: int = 101
    memory_size: int = 256
    groups: int = 32
    classes: int = 8
    dynamics_size: int = 128
    unimix: float = 0.01
    mode: bool = False
    prior_recalls: bool = False

    SIZES: ClassVar = {
        **NetworkConfig.SIZES,
        "memory_size": (1, 16384),
        "groups": (1, 1024),
        "classes": (2, 1024),
        "dynamics_size": (1, 16384),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.unimix, float) or not 0 < self.unimix < 1:
            raise ValueError(f"unimix {self.unimix!r} must be inside (0, 1)")

    @property
    def latent_size(self) -> int:
        return self.memory_size + self.groups * self.classes
