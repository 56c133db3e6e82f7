"""Features that foresee features, planned towards pictures of goals (JEPA)."""

from wm_planner.world_models.family import Family
from wm_planner.world_models.jepa.config import JepaConfig
from wm_planner.world_models.jepa.loss_config import JepaLossConfig
from wm_planner.world_models.jepa.losses import JepaLosses
from wm_planner.world_models.jepa.network import Jepa

FAMILY = Family(
    name="jepa",
    about="features of frames that foresee features, no reward: plans towards goal pictures",
    config=JepaConfig,
    build=Jepa,
    loss_config=JepaLossConfig,
    losses=JepaLosses,
    batch_size=32,
    horizon=32,
    rewards=False,
)
