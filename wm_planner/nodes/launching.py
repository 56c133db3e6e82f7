"""What the launch files share; only ROS is imported, for `ros2 launch` may run without the rest."""

from __future__ import annotations

import os

from ament_index_python.packages import get_package_share_directory
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.condition import Condition
from launch.events import matches_action
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

SHARE = get_package_share_directory("wm_planner")


def argument(
    name: str, default: SomeSubstitutionsType, description: str, choices: list[str] | None = None
) -> DeclareLaunchArgument:
    """A launch argument, as `--show-args` describes it."""
    return DeclareLaunchArgument(
        name, default_value=default, description=description, choices=choices
    )


def switch(name: str, default: str, description: str) -> DeclareLaunchArgument:
    """A launch argument that is true or false."""
    return argument(name, default, description, ["true", "false"])


def model(default: SomeSubstitutionsType) -> DeclareLaunchArgument:
    """The argument `model`."""
    return argument("model", default, "Name of a model in models/, or the path of a model folder.")


def command_type(
    default: str,
    description: str = "commands: Float64MultiArray waypoints; trajectory: JointTrajectory.",
) -> DeclareLaunchArgument:
    """The argument `command_type`."""
    return argument("command_type", default, description, ["commands", "trajectory"])


def typed(name: str, kind: type) -> ParameterValue:
    """A launch argument as a parameter of this type."""
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def include_planner(**arguments: SomeSubstitutionsType) -> IncludeLaunchDescription:
    """robot.launch.py with these arguments; all others are those of the file that includes it."""
    source = PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "robot.launch.py"))
    return IncludeLaunchDescription(source, launch_arguments=arguments.items())


def bring_up(node: LifecycleNode, condition: Condition) -> list[Action]:
    """Configure a lifecycle node and then activate it, if the condition holds."""

    def change(transition: int, **options: Condition) -> EmitEvent:
        event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
        return EmitEvent(event=event, **options)

    activate_when_configured = RegisterEventHandler(
        OnStateTransition(
            target_lifecycle_node=node,
            start_state="configuring",
            goal_state="inactive",
            entities=[change(Transition.TRANSITION_ACTIVATE)],
        ),
        condition=condition,
    )
    return [activate_when_configured, change(Transition.TRANSITION_CONFIGURE, condition=condition)]


def shared_memory() -> list[SetEnvironmentVariable]:
    """Room for camera frames in shared memory."""
    profile = os.path.join(SHARE, "config", "fastdds.xml")
    return _unless_set("FASTDDS_DEFAULT_PROFILES_FILE", profile)


def off_screen() -> list[SetEnvironmentVariable]:
    """Cameras are rendered off screen where there is no screen."""
    return [] if "DISPLAY" in os.environ else _unless_set("MUJOCO_GL", "egl")


def _unless_set(variable: str, value: str) -> list[SetEnvironmentVariable]:
    return [] if variable in os.environ else [SetEnvironmentVariable(variable, value)]
