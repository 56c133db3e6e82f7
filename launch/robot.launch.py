"""The planner alone, beside a robot's own driver and controllers: only names differ."""

import os

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.conditions import IfCondition
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

from launch import LaunchDescription

SHARE = get_package_share_directory("wm_planner")

TOPICS = {  # name in the node: (argument, its default, what it is)
    "front/color": ("front_image", "front/color", "Frames of the fixed camera."),
    "wrist/color": ("wrist_image", "wrist/color", "Frames of the camera on the hand."),
    "joint_states": ("joint_states", "joint_states", "Measured joints."),
    "~/commands": ("commands", "~/commands", "Waypoints, for forward_command_controller."),
    "~/joint_trajectory": (
        "joint_trajectory",
        "~/joint_trajectory",
        "Trajectories, for joint_trajectory_controller.",
    ),
}

ARGUMENTS = [
    DeclareLaunchArgument(
        "model",
        default_value="grasp",
        description="Name of a model in models/, or the path of a model folder.",
    ),
    DeclareLaunchArgument(
        "device", default_value="cpu", description="Where the model runs: cpu, cuda or cuda:N."
    ),
    DeclareLaunchArgument(
        "planner",
        default_value="mppi",
        choices=["mppi", "cem", "prior", "random", "noop"],
        description="Search method.",
    ),
    DeclareLaunchArgument(
        "command_type",
        default_value="trajectory",
        choices=["commands", "trajectory"],
        description="commands: Float64MultiArray waypoints; trajectory: JointTrajectory.",
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="false",
        choices=["true", "false"],
        description="Follow /clock instead of the system's clock.",
    ),
    DeclareLaunchArgument(
        "autostart",
        default_value="false",
        choices=["true", "false"],
        description="Configure and activate the planner.",
    ),
    DeclareLaunchArgument(
        "start",
        default_value="false",
        choices=["true", "false"],
        description="Plan as soon as the planner is active, without waiting for ~/start.",
    ),
    DeclareLaunchArgument(
        "lockstep",
        default_value="false",
        choices=["true", "false"],
        description="For a simulation that waits for the planner.",
    ),
    DeclareLaunchArgument("seed", default_value="0", description="Seed of the search."),
    DeclareLaunchArgument(
        "max_surprise",
        default_value="2.0",
        description="Frames farther from the prediction hold the arm; 0: none.",
    ),
    DeclareLaunchArgument(
        "params_file",
        default_value=PathJoinSubstitution([SHARE, "config", "planner.yaml"]),
        description="Parameters of the planner; the arguments above win over it.",
    ),
    *(
        DeclareLaunchArgument(argument, default_value=default, description=f"Topic: {what}")
        for argument, default, what in TOPICS.values()
    ),
]


def typed(argument, kind):
    """A launch argument as a parameter of this type."""
    return ParameterValue(LaunchConfiguration(argument), value_type=kind)


def generate_launch_description():
    planner = LifecycleNode(
        package="wm_planner",
        executable="planner_node",
        name="wm_planner",
        namespace="",
        output="screen",
        parameters=[
            LaunchConfiguration("params_file"),
            {
                "model": typed("model", str),
                "device": typed("device", str),
                "planner": typed("planner", str),
                "command_type": typed("command_type", str),
                "use_sim_time": typed("use_sim_time", bool),
                "autostart": typed("start", bool),
                "lockstep": typed("lockstep", bool),
                "seed": typed("seed", int),
                "max_surprise": typed("max_surprise", float),
            },
        ],
        remappings=[
            (name, LaunchConfiguration(argument)) for name, (argument, _, _) in TOPICS.items()
        ],
    )
    autostart = IfCondition(LaunchConfiguration("autostart"))
    activate_when_configured = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=planner,
            start_state="configuring",
            goal_state="inactive",
            entities=[_transition(planner, Transition.TRANSITION_ACTIVATE)],
        ),
        condition=autostart,
    )
    configure = _transition(planner, Transition.TRANSITION_CONFIGURE, condition=autostart)
    return LaunchDescription(
        [*ARGUMENTS, *environment(), planner, activate_when_configured, configure]
    )


def environment():
    """Room for camera frames in shared memory."""
    if "FASTDDS_DEFAULT_PROFILES_FILE" in os.environ:
        return []
    profile = os.path.join(SHARE, "config", "fastdds.xml")
    return [SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", profile)]


def _transition(node, transition, **options):
    event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
    return EmitEvent(event=event, **options)
