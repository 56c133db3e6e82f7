"""In whose features frames are compared: one model's for all, so that distances compare."""

from __future__ import annotations

from wm_planner.evaluation.world_model.video.frechet import Encoder
from wm_planner.paths import model_dir
from wm_planner.world_models.store import LoadedModel, load_model

REFERENCE = "grasp"  # model


def encoder_for(model: LoadedModel, name: str) -> Encoder:
    """The reference model, if it has the cameras of `model`; else that, known by its `name`."""
    reference = load_model(model_dir(REFERENCE))
    seen, own = reference.config, model.config
    if (seen.cameras, seen.robot) == (own.cameras, own.robot):
        return Encoder(REFERENCE, reference.world_model, seen.network.image_size)
    return Encoder(name, model.world_model, own.network.image_size)
