"""The families of world models there are; adding one is a folder, and a line here."""

from __future__ import annotations

from wm_planner.errors import UserError
from wm_planner.world_models import flow, jepa, rssm, td_latent, tokens
from wm_planner.world_models.family import Family
from wm_planner.world_models.network_config import NetworkConfig

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        td_latent.FAMILY,
        rssm.FAMILY,
        jepa.FAMILY,
        flow.FAMILY,
        tokens.FAMILY,
    )
}  # fmt: skip
DEFAULT = td_latent.FAMILY.name


def find_family(name: object) -> Family:
    """The family of that name; a UserError lists those there are."""
    if not isinstance(name, str) or name not in FAMILIES:
        raise UserError(f"unknown family {name!r}; there is {', '.join(FAMILIES)}")
    return FAMILIES[name]


def family_of(config: NetworkConfig) -> Family:
    """The family whose networks have such a config."""
    return next(family for family in FAMILIES.values() if type(config) is family.config)
