"""Every parameter of the planner node, from which it declares them and the README lists them."""

from __future__ import annotations

import math
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from wm_planner.errors import UserError
from wm_planner.interfaces import BACKENDS
from wm_planner.nodes.parameter import Parameter
from wm_planner.nodes.server_parameters import SERVER_PARAMETERS
from wm_planner.planning import (
    BUDGET_CHOICES,
    DISTANCE_NAMES,
    OBJECTIVES,
    PLANNERS,
    SERVER,
    PlannerConfig,
)

_SEARCH = PlannerConfig()

PARAMETERS = (
    Parameter("model", "grasp", "Name of a model in models/, or the path of a model folder."),
    Parameter("device", "cpu", "Where the model runs: cpu, cuda or cuda:N."),
    Parameter(
        "threads", 1, "Processor threads of the model; more than idle cores is slower.", 1, 64
    ),
    Parameter(
        "backend",
        _SEARCH.backend,
        "Code that imagines; auto: the fastest there is here.",
        choices=BACKENDS,
    ),
    Parameter("planner", "mppi", "Search method.", choices=(*PLANNERS, SERVER)),
    Parameter(
        "budget",
        "auto",
        "auto: the largest samples, iterations and horizon that fit this machine, measured when "
        "configuring; fixed, and in lockstep: those given.",
        choices=BUDGET_CHOICES,
    ),
    Parameter("samples", _SEARCH.samples, "Action sequences imagined in an iteration.", 4, 65536),
    Parameter("prior_samples", _SEARCH.prior_samples, "Of those, drawn from the prior.", 0, 65536),
    Parameter("horizon", _SEARCH.horizon, "Steps imagined.", 1, 50),
    Parameter("iterations", _SEARCH.iterations, "Rounds of imagining and refitting.", 1, 50),
    Parameter(
        "deadline_ms",
        _SEARCH.deadline_ms,
        "Time for a plan, which then ends with the best so far; 0: none.",
        0.0,
        10000.0,
    ),
    Parameter("elites", _SEARCH.elites, "Best sequences the search is refitted to.", 1, 65536),
    Parameter(
        "temperature", _SEARCH.temperature, "MPPI: sharpness of the elites' weights.", 0.01, 100.0
    ),
    Parameter("use_prior", _SEARCH.use_prior, "Start from the learned action prior."),
    Parameter(
        "objectives",
        "",
        "What to want, by weight, as in {return: 1, goal_image: 10}: of "
        f"{', '.join(OBJECTIVES)}; empty: goal_image where there is a goal, else what suits the "
        "model.",
    ),
    Parameter(
        "goal",
        "",
        "PNG or JPEG of how the scene is to look, to all cameras side by side or to the first one; "
        "~/goal takes others.",
    ),
    Parameter(
        "instruction",
        "",
        "What to do, in words that the model knows; ~/instruction takes others.",
    ),
    Parameter(
        "goal_distance",
        _SEARCH.goal_distance,
        "From imagined to wanted latents; learned: the model's own.",
        choices=DISTANCE_NAMES,
    ),
    Parameter(
        "subgoals",
        _SEARCH.subgoals,
        "Plan to what the model's slower level would see next on the way to a far goal.",
    ),
    Parameter(
        "keep_out",
        "",
        "Boxes to keep the hand out of, as in [[x0, y0, z0, x1, y1, z1]], m, base frame.",
    ),
    Parameter(
        "action_delay",
        _SEARCH.action_delay,
        "Time until the arm follows a command, s; plans begin where it is by then; below 0: found "
        "out from what is seen.",
        -1.0,
        2.0,
    ),
    Parameter(
        "action_noise",
        _SEARCH.action_noise,
        "Noise added to actions as they are taken, standard deviation in action units.",
        0.0,
        1.0,
    ),
    Parameter(
        "max_surprise",
        2.0,
        "Frames farther from the prediction hold the arm; 1: as one in 1,000 clean ones; 0: none; "
        "taken when configuring.",
        0.0,
        1000.0,
        read_only=False,
    ),
    *SERVER_PARAMETERS,
    Parameter("seed", 0, "Seed of the search; taken at ~/reset.", 0, 2**31 - 1, read_only=False),
    Parameter(
        "command_type",
        "commands",
        "commands: Float64MultiArray; trajectory: JointTrajectory.",
        choices=("commands", "trajectory"),
    ),
    Parameter(
        "image_transport",
        "raw",
        "raw: sensor_msgs/Image; compressed: CompressedImage.",
        choices=("raw", "compressed"),
    ),
    Parameter(
        "lockstep", False, "Publish a plan's waypoints at once, for a simulation that waits."
    ),
    Parameter("autostart", False, "Plan as soon as the node is active, without ~/start."),
    Parameter(
        "speed_scale",
        1.0,
        "Share of the arm's velocity limits in use; an action takes 1 / speed_scale as long.",
        0.05,
        1.0,
        read_only=False,
    ),
    Parameter(
        "max_frame_age", 0.25, "Older camera frames hold the arm, s.", 0.05, 10.0, read_only=False
    ),
    Parameter(
        "min_frame_rate_hz",
        5.0,
        "Fewer frames a second of a camera hold the arm.",
        0.0,
        1000.0,
        read_only=False,
    ),
    Parameter(
        "max_joint_state_age",
        0.1,
        "Older joint states hold the arm, s.",
        0.01,
        10.0,
        read_only=False,
    ),
    Parameter(
        "max_camera_skew",
        -1.0,
        "Between the cameras' frames that are planned from, s; below 0: the robot's, 0.05.",
        -1.0,
        1.0,
    ),
    Parameter(
        "max_joint_skew",
        -1.0,
        "Between those frames and the nearest joint state, s; below 0: the robot's, 0.1.",
        -1.0,
        1.0,
    ),
    Parameter(
        "min_contrast",
        4.0,
        "Frames whose pixel values deviate less hold the arm; 0 to 255.",
        0.0,
        128.0,
    ),
    Parameter(
        "frozen_motion",
        0.05,
        "A joint may move so far while a camera's picture stays the same to the last bit, rad.",
        0.0,
        10.0,
    ),
    Parameter(
        "max_tracking_error",
        0.35,
        "An arm farther from its command is blocked: it holds until ~/reset, rad.",
        0.01,
        10.0,
        read_only=False,
    ),
    Parameter(
        "plan_timeout",
        0.3,
        "The last plan's tail is used for so long, then the arm holds, s.",
        0.05,
        10.0,
        read_only=False,
    ),
    Parameter(
        "max_loop_gap",
        0.25,
        "The node holds when it could not run for so long, s.",
        0.1,
        10.0,
        read_only=False,
    ),
    Parameter(
        "imagine_candidates",
        0,
        "So many of the best candidates are imagined below the chosen plan.",
        0,
        8,
        read_only=False,
    ),
    Parameter("base_frame", "panda_link0", "Frame of the arm's base, for ~/candidates."),
    Parameter("diagnostics_rate_hz", 2.0, "Diagnostics a second.", 0.1, 50.0),
)


def declare(node: Node) -> None:
    """Declare all parameters with description, range and read-only flag; check what is set."""

    def check(changes: list[RosParameter]) -> SetParametersResult:
        reason = refusal(node, changes)
        return SetParametersResult(successful=not reason, reason=reason)

    node.add_on_set_parameters_callback(check)
    for parameter in PARAMETERS:
        node.declare_parameter(parameter.name, parameter.default, _descriptor(parameter))


def values(node: Node) -> dict[str, Any]:
    """Present values by name; a value that is no valid choice is a UserError."""
    found = {p.name: node.get_parameter(p.name).value for p in PARAMETERS}
    for parameter in PARAMETERS:
        if parameter.choices and found[parameter.name] not in parameter.choices:
            raise UserError(
                f"parameter {parameter.name} is '{found[parameter.name]}', expected one of "
                f"{', '.join(parameter.choices)}"
            )
    return found


def refusal(node: Node, changes: list[RosParameter]) -> str:
    """Why these changes of a running node's parameters cannot be; empty when they can."""
    for change in changes:
        if isinstance(change.value, float) and not math.isfinite(change.value):
            return f"{change.name} is {change.value}, expected a finite number"
        if change.name == "max_surprise" and 0 < change.value <= 1:
            return f"max_surprise is {change.value}, expected above 1, or 0 for no notice of it"
        if change.name == "speed_scale" and change.value != 1.0 and _lockstep(node):
            return "speed_scale must be 1.0 in lockstep: the simulation waits for whole actions"
    return ""


def _lockstep(node: Node) -> bool:
    return node.has_parameter("lockstep") and bool(node.get_parameter("lockstep").value)


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    choices = f" One of {', '.join(parameter.choices)}." if parameter.choices else ""
    descriptor = ParameterDescriptor(
        description=parameter.description + choices, read_only=parameter.read_only
    )
    if parameter.low is not None and parameter.high is not None:
        if isinstance(parameter.default, float):
            span = FloatingPointRange(from_value=parameter.low, to_value=parameter.high)
            descriptor.floating_point_range = [span]
        else:
            whole = IntegerRange(
                from_value=int(parameter.low), to_value=int(parameter.high), step=1
            )
            descriptor.integer_range = [whole]
    return descriptor
