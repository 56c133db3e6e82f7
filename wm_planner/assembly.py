"""From configuration to a pipeline that is ready to run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle, islice

import numpy as np

from wm_planner.control.arm import CartesianArm
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.interfaces import Adviser, MeasuresGoals, Planner, WorldModel
from wm_planner.monitoring.caution import Caution
from wm_planner.monitoring.look import Look
from wm_planner.monitoring.surprise import SurpriseScale
from wm_planner.paths import robot_config
from wm_planner.pipeline import Pipeline
from wm_planner.planning import (
    FOR_GOALS,
    SEARCHING,
    SERVER,
    Pace,
    PlannerConfig,
    Readings,
    for_return,
    make_planner,
)
from wm_planner.planning.budget import Budget, Fitted, fit_budget
from wm_planner.timing import interleaved_ms
from wm_planner.world_models.backend import with_backend
from wm_planner.world_models.families import family_of
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.store import LoadedModel, ModelConfig

_SPOKEN = 16  # words
UNSHAKEN = 1e6  # a limit of surprise that nothing reaches: its cost counts, its verdict does not
_log = logging.getLogger(__name__)


def build_arm(robot: str) -> CartesianArm:
    """The controller of a robot in config/robots."""
    config = RobotConfig.load(robot_config(robot))
    return CartesianArm(config, config.mjcf_path)


def build_pipeline(model: LoadedModel, planner: PlannerConfig, device: str = "cpu") -> Pipeline:
    """Model, planner and robot that fit together; a mismatch is a UserError.

    If the budget is to fit the machine, it is measured now, beside all else that runs.
    """
    arm = _arm_of(model.config)
    planner = _wanted(model, planner)
    world_model = with_backend(model.world_model, _backend(model, arm, planner))
    fixed = replace(planner, budget="fixed")
    if planner.planner not in SEARCHING:
        why = f"none: {planner.planner} does not search"
    elif planner.budget == "fixed":
        why = f"as given: {Budget(planner.samples, planner.iterations, planner.horizon)}"
    else:
        fitted = _fitted_budget(model, world_model, arm, fixed, device)
        fixed, why = fitted.budget.of(fixed), f"measured to fit: {fitted}"
    asks = planner.server and planner.planner in (*SEARCHING, SERVER)
    adviser = _adviser(model.config, planner) if asks else None
    return _pipeline(model, world_model, arm, fixed, device, why, adviser)


def build_search(model: LoadedModel, planner: PlannerConfig) -> Planner:
    """A planner alone, which plans from latents; a mismatch is a UserError."""
    arm = _arm_of(model.config)
    planner = _wanted(model, replace(planner, budget="fixed"))
    planner = replace(planner, discount=model.config.network.discount)
    world_model = with_backend(model.world_model, _backend(model, arm, planner))
    readings = _readings(model.world_model, arm)
    return make_planner(world_model, arm.action_space, planner, Pace(), readings)


def _fitted_budget(
    model: LoadedModel,
    world_model: WorldModel,
    arm: CartesianArm,
    planner: PlannerConfig,
    device: str,
) -> Fitted:
    """What this machine has time for now; a warning if that is less than there is."""
    calm = replace(planner, max_surprise=UNSHAKEN if planner.max_surprise else 0.0)

    def times_ms(budget: Budget, plans: int) -> list[float]:
        pipeline = _pipeline(model, world_model, arm, budget.of(calm), device)
        return plan_times_ms(pipeline, model.config, plans)

    fitted = fit_budget(times_ms, 1 / model.config.control_rate_hz)
    if not fitted.fits:
        _log.warning("this machine is too slow for its control rate, even with %s", fitted)
    return fitted


def plan_times_ms(pipeline: Pipeline, config: ModelConfig, plans: int) -> list[float]:
    """Of planning from frames on which nothing is to be seen, which takes as long as from any.

    What is prepared between plans, when their commands are out, does not count.
    """
    blank = np.zeros((config.image_size, config.image_size, 3), np.uint8)
    frames = dict.fromkeys(config.cameras, blank)
    proprio = np.zeros(config.proprio_size, np.float32)
    give_any_task(pipeline, frames)
    try:
        plan = {"plan": lambda: pipeline.think(frames, proprio)}
        return interleaved_ms(plan, plans, tick=pipeline.prepare)["plan"]
    finally:
        pipeline.set_goal(None)
        pipeline.set_instruction(None)


def give_any_task(pipeline: Pipeline, frames: Mapping[str, np.ndarray]) -> None:
    """Something to plan for, whatever it is, where there is nothing to do without it: for timing.

    A goal in `frames` (h, w, 3) uint8 RGB by camera, and an instruction of as many words as any.
    """
    if pipeline.assignments.vocabulary:
        known = cycle(pipeline.assignments.vocabulary)
        pipeline.set_instruction(" ".join(islice(known, _SPOKEN)))
    if pipeline.needs_goal:
        pipeline.set_goal(frames)


def _wanted(model: LoadedModel, planner: PlannerConfig) -> PlannerConfig:
    """`planner` with the objectives that suit the model, where none is named."""
    family = family_of(model.config.network)
    learned = for_return(model.config.value_error, planner.use_prior)
    usual = learned if family.rewards else FOR_GOALS
    weights = planner.objectives or usual
    for name in ("return", "uncertainty", "curiosity"):
        if weights.get(name) and not family.rewards:
            raise UserError(
                f"objective {name}: a model of family {family.name} never saw a reward; give it a "
                'goal image, and weigh that: objectives "{goal_image: 1}"'
            )
    return replace(planner, objectives=dict(weights))


def _readings(model: LatentModel, arm: CartesianArm) -> Readings:
    """What objectives read off this model's latents, and off the arm."""
    head = model.success
    return Readings(
        goal_features=model.goal_features,
        goal_distance=model.goal_distance if isinstance(model, MeasuresGoals) else None,
        success=None if head is None else lambda z: head(z)[..., 0].float().sigmoid(),
        hand_path=arm.hand_path.from_proprio,
    )


def _backend(model: LoadedModel, arm: CartesianArm, planner: PlannerConfig) -> str:
    """The one that is asked for, unless it keeps no latents and an objective looks at them.

    Compiled code keeps none; what is recorded on a GPU does.
    """
    if planner.planner not in SEARCHING or model.world_model.device.type == "cuda":
        return planner.backend
    if not planner.objective(_readings(model.world_model, arm)).needs_latents:
        return planner.backend
    if planner.backend != "eager" and family_of(model.config.network).faster is not None:
        _log.info(
            "imagining with plain PyTorch: %s need imagined latents, which compiled code drops",
            ", ".join(name for name in planner.objectives if name in ("goal_image", "success")),
        )
    return "eager"


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
    adviser: Adviser | None = None,
) -> Pipeline:
    config = model.config
    planner = replace(planner, discount=config.network.discount)
    pace, readings = Pace(), _readings(model.world_model, arm)
    return Pipeline(
        world_model,
        make_planner(world_model, arm.action_space, planner, pace, readings),
        arm,
        config.cameras,
        config.image_size,
        device,
        period=1 / config.control_rate_hz,
        action_delay=planner.action_delay,
        caution=_caution(model, world_model, arm, planner, pace, readings),
        budget=budget,
        needs_goal=planner.objectives.get("goal_image", 0.0) > 0,
        vocabulary=config.network.vocabulary if config.network.instruction_size else None,
        adviser=adviser,
    )


def _adviser(config: ModelConfig, planner: PlannerConfig) -> Adviser:
    """The policy server that `planner` names, asked as a robot of this model can ask."""
    from wm_planner.advice.adviser import AdviceConfig, ServerAdviser  # slow to import
    from wm_planner.advice.client import PolicyClient
    from wm_planner.advice.names import Names

    names = Names.of(config.cameras, planner.server_names)
    asking = AdviceConfig(
        config.action_size,
        planner.server_size or config.image_size,
        planner.server_prompt,
        planner.server_wait_ms / 1e3,
        planner.server_std,
    )
    return ServerAdviser(PolicyClient(planner.server), names, asking)


def _caution(
    model: LoadedModel,
    world_model: WorldModel,
    arm: CartesianArm,
    planner: PlannerConfig,
    pace: Pace,
    readings: Readings,
) -> Caution | None:
    if planner.max_surprise == 0:
        return None
    scale = SurpriseScale.beside(model.directory, model.sha256)
    if scale is None:
        _log.warning(
            "the model has no scale of surprise, so nothing tells when it is wrong; measure it "
            "with `wm_planner evaluate --calibrate`"
        )
    look = Look.beside(model.directory, model.config.cameras)
    if scale is None and look is None:
        return None

    def planner_of(horizon: int) -> Planner:
        shorter = replace(planner, horizon=horizon)
        return make_planner(world_model, arm.action_space, shorter, pace, readings)

    return Caution(world_model, scale, planner.max_surprise, planner.horizon, planner_of, look)
