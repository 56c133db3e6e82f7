"""Training that goes on from a model: its weights, shapes and words, to which others may come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from wm_planner.errors import UserError
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.network_config import NetworkConfig
from wm_planner.world_models.store import LoadedModel, read_config
from wm_planner.world_models.words import vocabulary_of

_MAY_BE_FRESH = ("instruction_size", "landmark_size")  # where the earlier model has none


def shapes_of(start: Path, family: str, network: NetworkConfig) -> NetworkConfig:
    """Those of the model in `start`, which may learn words if `network` has a size for them.

    A repainter of its is no part of them: it would not learn what latents become.
    """
    earlier = read_config(start / "config.yaml").network
    if (found := family_of(earlier).name) != family:
        raise UserError(
            f"{start}: a model of family {found}, and family is {family}; give --family {found}, "
            "or begin anew"
        )
    size = earlier.instruction_size or network.instruction_size
    return replace(earlier, instruction_size=size, repaint=False)


def vocabulary(
    network: NetworkConfig, instructions: Sequence[str], earlier: LoadedModel | None
) -> tuple[str, ...]:
    """Words of the data, after those that were known before; none for a model without words."""
    if not network.instruction_size:
        return ()
    before = earlier.config.network.vocabulary if earlier is not None else ()
    return vocabulary_of(instructions, tuple(dict.fromkeys(before + network.vocabulary)))


@torch.no_grad()
def go_on_from(earlier: LoadedModel, world_model: LatentModel) -> None:
    """Give `world_model` the weights of an earlier one as far as it has them; others are fresh."""
    _check_shapes(earlier, world_model.config)
    weights = world_model.state_dict()
    for name, values in earlier.world_model.state_dict().items():
        if name in weights:
            weights[name][: len(values)] = values  # new words have rows after those it knew


def _check_shapes(earlier: LoadedModel, network: NetworkConfig) -> None:
    """What goes on from a model has its shapes, some of which are the data's, and its words."""
    known = earlier.config.network
    for name, value in vars(network).items():
        found = getattr(known, name, None)
        more_words = name == "vocabulary" and value[: len(known.vocabulary)] == found
        other_part = name == "repaint" or (name in _MAY_BE_FRESH and found == 0)
        if found != value and not more_words and not other_part:
            raise UserError(
                f"{earlier.directory}: {name} of the model is {found}, of what is to go on from it "
                f"{value}; train on data like those it was trained on, with the same network"
            )
