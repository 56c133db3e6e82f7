"""Planner and MuJoCo simulation: what the robot's launch does, without the robot."""

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
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

from launch import LaunchDescription

SHARE = get_package_share_directory("wm_planner")

ARGUMENTS = [
    DeclareLaunchArgument("task", default_value="grasp", description="Task to simulate."),
    DeclareLaunchArgument(
        "model",
        default_value=LaunchConfiguration("task"),
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
        default_value="commands",
        choices=["commands", "trajectory"],
        description="commands: Float64MultiArray waypoints; trajectory: JointTrajectory.",
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="true",
        choices=["true", "false"],
        description="Follow the simulation's /clock.",
    ),
    DeclareLaunchArgument(
        "autostart",
        default_value="true",
        choices=["true", "false"],
        description="Configure and activate the planner and start planning.",
    ),
    DeclareLaunchArgument(
        "lockstep",
        default_value="false",
        choices=["true", "false"],
        description="Let the simulation wait for the planner: slower, but repeatable.",
    ),
    DeclareLaunchArgument("seed", default_value="0", description="Seed of episode and search."),
    DeclareLaunchArgument(
        "params_file",
        default_value=PathJoinSubstitution([SHARE, "config", "planner.yaml"]),
        description="Parameters of the planner; the arguments above win over it.",
    ),
]


def typed(argument, kind):
    """A launch argument as a parameter of this type."""
    return ParameterValue(LaunchConfiguration(argument), value_type=kind)


def generate_launch_description():
    simulation = Node(
        package="wm_planner",
        executable="sim_node",
        name="sim",
        output="screen",
        parameters=[
            {
                "task": typed("task", str),
                "lockstep": typed("lockstep", bool),
                "seed": typed("seed", int),
            }
        ],
        remappings=[
            ("commands", "wm_planner/commands"),
            ("joint_trajectory", "wm_planner/joint_trajectory"),
        ],
    )
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
                "autostart": typed("autostart", bool),
                "lockstep": typed("lockstep", bool),
                "seed": typed("seed", int),
            },
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
        [*ARGUMENTS, *environment(), simulation, planner, activate_when_configured, configure]
    )


def environment():
    """Room for camera frames in shared memory; off-screen rendering where there is no screen."""
    defaults = {"FASTDDS_DEFAULT_PROFILES_FILE": os.path.join(SHARE, "config", "fastdds.xml")}
    if "DISPLAY" not in os.environ:
        defaults["MUJOCO_GL"] = "egl"
    return [SetEnvironmentVariable(k, v) for k, v in defaults.items() if k not in os.environ]


def _transition(node, transition, **options):
    event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
    return EmitEvent(event=event, **options)
