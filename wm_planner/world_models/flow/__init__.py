"""Video that is generated frame by frame, sharp, and planned in (DIAMOND, Oasis, GAIA, GDM)."""

from wm_planner.world_models.family import Family
from wm_planner.world_models.flow.config import FlowConfig
from wm_planner.world_models.flow.losses import FlowLossConfig, FlowLosses
from wm_planner.world_models.flow.network import Flow

FAMILY = Family(
    name="flow",
    about="generates video: a transformer draws the next frame's tokens from the action, by flow "
    "matching, and the agent reads its hidden state (DIAMOND, Oasis, GAIA)",
    config=FlowConfig,
    build=Flow,
    loss_config=FlowLossConfig,
    losses=FlowLosses,
    batch_size=16,
    horizon=6,
)
