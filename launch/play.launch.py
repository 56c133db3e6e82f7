"""The planner's launch with its own world model in place of the robot, planning at once."""

import os

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchDescription

SHARE = get_package_share_directory("wm_planner")

# The planner's other arguments are those of robot.launch.py.
ARGUMENTS = [
    DeclareLaunchArgument(
        "model",
        default_value="grasp",
        description="Name of a model in models/, or the path of a model folder.",
    ),
    DeclareLaunchArgument(
        "imagined_by",
        default_value=LaunchConfiguration("model"),
        description="Model that stands in for the robot, if it is another one.",
    ),
    DeclareLaunchArgument(
        "command_type",
        default_value="trajectory",
        choices=["commands", "trajectory"],
        description="trajectory: the model is told the planner's actions; commands: the hand's.",
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="true",
        choices=["true", "false"],
        description="Follow the imagined /clock.",
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
        description="Let the imagination wait for the planner: slower, but repeatable.",
    ),
    DeclareLaunchArgument("seed", default_value="0", description="Seed of scene and search."),
]

FORWARDED = ("model", "command_type", "use_sim_time", "autostart", "lockstep", "seed")


def typed(argument, kind):
    """A launch argument as a parameter of this type."""
    return ParameterValue(LaunchConfiguration(argument), value_type=kind)


def generate_launch_description():
    imagination = Node(
        package="wm_planner",
        executable="play_node",
        name="play",
        output="screen",
        parameters=[
            {
                "model": typed("imagined_by", str),
                "lockstep": typed("lockstep", bool),
                "seed": typed("seed", int),
            }
        ],
        remappings=[
            ("commands", "wm_planner/commands"),
            ("joint_trajectory", "wm_planner/joint_trajectory"),
        ],
    )
    arguments = {name: LaunchConfiguration(name) for name in FORWARDED}
    arguments |= {"start": LaunchConfiguration("autostart"), "max_surprise": "0.0"}
    planner = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "robot.launch.py")),
        launch_arguments=arguments.items(),  # what is imagined is no surprise
    )
    return LaunchDescription([*ARGUMENTS, *rendering(), planner, imagination])


def rendering():
    """Off screen where there is no screen; the scene it starts from is rendered."""
    return [] if "DISPLAY" in os.environ else [SetEnvironmentVariable("MUJOCO_GL", "egl")]
