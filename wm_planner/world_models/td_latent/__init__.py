"""A latent that only keeps what rewards and values need, after TD-MPC2 (arXiv:2310.16828)."""

from dataclasses import replace
from typing import Any

from wm_planner.world_models.family import Family
from wm_planner.world_models.td_latent.config import TDLatentConfig
from wm_planner.world_models.td_latent.losses import TDLatentLossConfig, TDLatentLosses
from wm_planner.world_models.td_latent.native import NativeTDLatent
from wm_planner.world_models.td_latent.network import TDLatent


def _enlarged(config: TDLatentConfig, size: int, **others: Any) -> TDLatentConfig:
    return replace(config, latent_size=size, hidden_size=size, **others)


FAMILY = Family(
    name="td_latent",
    about="latent trained by temporal differences, imagined by compiled code (TD-MPC2)",
    config=TDLatentConfig,
    build=TDLatent,
    loss_config=TDLatentLossConfig,
    losses=TDLatentLosses,
    batch_size=96,
    horizon=5,
    words=True,
    faster=NativeTDLatent,
    enlarged=_enlarged,
    renamed={f"encoder.{part}.": f"{part}." for part in ("convolutions", "visual", "bodily")},
)
