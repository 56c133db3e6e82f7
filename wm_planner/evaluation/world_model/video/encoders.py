"""In whose features frames are compared: one model's for all, so that distances compare."""

from __future__ import annotations

from wm_planner.evaluation.world_model.video.measure import Encoder
from wm_planner.paths import model_dir
from wm_planner.world_models.store import LoadedModel, load_model

REFERENCE = "grasp"  # model


def encoder_for(model: LoadedModel, name: str) -> Encoder:
    """The reference model, if it sees what `model` sees; else `model`, known by its own `name`."""
    reference = load_model(model_dir(REFERENCE))
    seen, own = reference.config, model.config
    same = all(
        a == b
        for a, b in (
            (seen.cameras, own.cameras),
            (seen.network.image_size, own.network.image_size),
            (seen.robot, own.robot),
        )
    )
    return Encoder(REFERENCE, reference.world_model) if same else Encoder(name, model.world_model)
