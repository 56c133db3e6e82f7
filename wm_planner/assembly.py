"""From configuration to a pipeline that is ready to run."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from wm_planner.control.arm import CartesianArm
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.evaluation.timing import interleaved_ms
from wm_planner.interfaces import Planner, WorldModel
from wm_planner.monitoring.caution import Caution
from wm_planner.monitoring.surprise import SurpriseScale
from wm_planner.paths import mjcf_dir, robot_config
from wm_planner.pipeline import Pipeline
from wm_planner.planning import SEARCHING, Pace, PlannerConfig, make_planner
from wm_planner.planning.budget import Budget, Fitted, fit_budget
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.store import LoadedModel, ModelConfig

_UNSHAKEN = 1e6  # a limit of surprise that nothing reaches: its cost counts, its verdict does not
_log = logging.getLogger(__name__)


def build_arm(robot: str) -> CartesianArm:
    """The controller of a robot in config/robots."""
    config = RobotConfig.load(robot_config(robot))
    return CartesianArm(config, mjcf_dir() / config.mjcf)


def build_pipeline(model: LoadedModel, planner: PlannerConfig, device: str = "cpu") -> Pipeline:
    """Model, planner and robot that fit together; a mismatch is a UserError.

    If the budget is to fit the machine, it is measured now, beside all else that runs.
    """
    arm = _arm_of(model.config)
    world_model = with_backend(model.world_model, planner.backend)
    fixed = replace(planner, budget="fixed")
    if planner.planner not in SEARCHING:
        why = f"none: {planner.planner} does not search"
    elif planner.budget == "fixed":
        why = f"as given: {Budget(planner.samples, planner.iterations, planner.horizon)}"
    else:
        fitted = _fitted_budget(model, world_model, arm, fixed, device)
        fixed, why = fitted.budget.of(fixed), f"measured to fit: {fitted}"
    return _pipeline(model, world_model, arm, fixed, device, why)


def _fitted_budget(
    model: LoadedModel,
    world_model: WorldModel,
    arm: CartesianArm,
    planner: PlannerConfig,
    device: str,
) -> Fitted:
    """What this machine has time for now; a warning if that is less than there is."""
    calm = replace(planner, max_surprise=_UNSHAKEN if planner.max_surprise else 0.0)

    def times_ms(budget: Budget, plans: int) -> list[float]:
        pipeline = _pipeline(model, world_model, arm, budget.of(calm), device)
        return plan_times_ms(pipeline, model.config, plans)

    fitted = fit_budget(times_ms, 1 / model.config.control_rate_hz)
    if not fitted.fits:
        _log.warning("this machine is too slow for its control rate, even with %s", fitted)
    return fitted


def plan_times_ms(pipeline: Pipeline, config: ModelConfig, plans: int) -> list[float]:
    """Of planning from frames on which nothing is to be seen, which takes as long as from any."""
    blank = np.zeros((config.image_size, config.image_size, 3), np.uint8)
    frames = dict.fromkeys(config.cameras, blank)
    proprio = np.zeros(config.proprio_size, np.float32)
    return interleaved_ms({"plan": lambda: pipeline.think(frames, proprio)}, plans)["plan"]


def _arm_of(config: ModelConfig) -> CartesianArm:
    """The arm that a model was trained for; a UserError if it is not that any more."""
    arm = build_arm(config.robot)
    for name, wanted, found in (
        ("control rate (Hz)", config.control_rate_hz, arm.config.control_rate_hz),
        ("action size", config.action_size, arm.action_size),
        ("switches among the actions", config.network.switches, arm.action_space.switches),
        ("proprioception size", config.proprio_size, arm.proprio_size),
    ):
        if wanted != found:
            raise UserError(
                f"{name} of the model is {wanted}, of robot '{config.robot}' {found}; "
                "use the robot the model was trained on, or train a model for this one"
            )
    return arm


def _pipeline(
    model: LoadedModel,
    world_model: WorldModel,
    arm: CartesianArm,
    planner: PlannerConfig,
    device: str,
    budget: str = "",
) -> Pipeline:
    config = model.config
    planner = replace(planner, discount=config.network.discount)
    pace = Pace()
    return Pipeline(
        world_model,
        make_planner(world_model, arm.action_space, planner, pace),
        arm,
        config.cameras,
        config.image_size,
        device,
        period=1 / config.control_rate_hz,
        action_delay=planner.action_delay,
        caution=_caution(model, world_model, arm, planner, pace),
        budget=budget,
    )


def _caution(
    model: LoadedModel,
    world_model: WorldModel,
    arm: CartesianArm,
    planner: PlannerConfig,
    pace: Pace,
) -> Caution | None:
    if planner.max_surprise == 0:
        return None
    scale = SurpriseScale.beside(model.directory, model.sha256)
    if scale is None:
        _log.warning(
            "the model has no scale of surprise, so nothing tells when it is wrong; measure it "
            "with `wm_planner evaluate --calibrate`"
        )
        return None

    def planner_of(horizon: int) -> Planner:
        shorter = replace(planner, horizon=horizon)
        return make_planner(world_model, arm.action_space, shorter, pace)

    return Caution(world_model, scale, planner.max_surprise, planner.horizon, planner_of)
