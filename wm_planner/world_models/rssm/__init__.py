"""A memory and discrete variables, learned from pictures, after Dreamer (arXiv:2301.04104)."""

from dataclasses import replace
from typing import Any

from wm_planner.world_models.family import Family
from wm_planner.world_models.rssm.config import RSSMConfig
from wm_planner.world_models.rssm.losses import RSSMLossConfig, RSSMLosses
from wm_planner.world_models.rssm.network import RSSM


def _enlarged(config: RSSMConfig, size: int, **others: Any) -> RSSMConfig:
    return replace(config, memory_size=size, hidden_size=size, **others)


FAMILY = Family(
    name="rssm",
    about="recurrent state-space model: remembers what it does not see, draws what it believes "
    "(PlaNet, Dreamer)",
    config=RSSMConfig,
    build=RSSM,
    loss_config=RSSMLossConfig,
    losses=RSSMLosses,
    batch_size=48,
    horizon=12,
    words=True,
    enlarged=_enlarged,
)
