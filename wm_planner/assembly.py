"""From configuration to a pipeline that is ready to run."""

from __future__ import annotations

import logging
from dataclasses import replace

from wm_planner.caution import Caution
from wm_planner.control.arm import CartesianArm
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.interfaces import Planner, WorldModel
from wm_planner.paths import mjcf_dir, robot_config
from wm_planner.pipeline import Pipeline
from wm_planner.planning import Pace, PlannerConfig, make_planner
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.store import LoadedModel
from wm_planner.world_models.surprise import SurpriseScale

_log = logging.getLogger(__name__)


def build_arm(robot: str) -> CartesianArm:
    """The controller of a robot in config/robots."""
    config = RobotConfig.load(robot_config(robot))
    return CartesianArm(config, mjcf_dir() / config.mjcf)


def build_pipeline(model: LoadedModel, planner: PlannerConfig, device: str = "cpu") -> Pipeline:
    """Model, planner and robot that fit together; a mismatch is a UserError."""
    config = model.config
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
    planner = replace(planner, discount=config.network.discount)
    world_model = with_backend(model.world_model, planner.backend)
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
