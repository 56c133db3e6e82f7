"""What is measured and set, when a model has learned, on episodes that it did not learn from."""

from __future__ import annotations

from wm_planner.learning.calibrate_prior import calibrate_prior
from wm_planner.learning.held_out import held_out_successes
from wm_planner.learning.sequences import EpisodeStore
from wm_planner.learning.value_error import value_error
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.model_config import VALUE_ERROR


def calibrated(model: LatentModel, store: EpisodeStore, reaction: int = 0) -> dict[str, float]:
    """Set the spread of `model.prior`; what was measured, by its name in the provenance.

    `reaction` is that of whoever is imitated, see `reaction.meant`.
    """
    shown = held_out_successes(model, store, reaction)
    calibrate_prior(model, shown)
    error = value_error(model, shown)
    return {} if error is None else {VALUE_ERROR: error}
