"""The families of world models there are; adding one is a folder, and a line here."""

from __future__ import annotations

from wm_planner.errors import UserError
from wm_planner.world_models import flow, jepa, rssm, td_latent, tokens
from wm_planner.world_models.family import Family
from wm_planner.world_models.latent_model import LatentModel
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


def rebuilt(model: LatentModel, network: NetworkConfig) -> LatentModel:
    """The same model with other parts, as `network` says; what it had no weights for is fresh."""
    made = family_of(network).build(network).to(model.device)
    known = model.state_dict()
    weights = {name: known.get(name, fresh) for name, fresh in made.state_dict().items()}
    made.load_state_dict(weights)
    return made.eval().requires_grad_(False)
