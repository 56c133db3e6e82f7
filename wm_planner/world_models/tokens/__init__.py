"""Video as discrete tokens that are all decoded at once (GAIA-1, Genie, IRIS)."""

from wm_planner.world_models.family import Family
from wm_planner.world_models.tokens.config import TokensConfig
from wm_planner.world_models.tokens.losses import TokensLossConfig, TokensLosses
from wm_planner.world_models.tokens.network import Tokens

FAMILY = Family(
    name="tokens",
    about="generates video of discrete tokens: a transformer tells how likely each one is, decodes "
    "all at once, and the agent reads its hidden state (GAIA-1, Genie, IRIS)",
    config=TokensConfig,
    build=Tokens,
    loss_config=TokensLossConfig,
    losses=TokensLosses,
    batch_size=12,
    horizon=8,
)
