"""The planner's launch with MuJoCo in place of the robot, planning at once."""

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
    DeclareLaunchArgument("task", default_value="grasp", description="Task to simulate."),
    DeclareLaunchArgument(
        "model",
        default_value=LaunchConfiguration("task"),
        description="Name of a model in models/, or the path of a model folder.",
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
]

FORWARDED = ("model", "command_type", "use_sim_time", "autostart", "lockstep", "seed")


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
    arguments = {name: LaunchConfiguration(name) for name in FORWARDED}
    planner = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "robot.launch.py")),
        launch_arguments={**arguments, "start": LaunchConfiguration("autostart")}.items(),
    )
    return LaunchDescription([*ARGUMENTS, *rendering(), planner, simulation])


def rendering():
    """Off screen where there is no screen."""
    return [] if "DISPLAY" in os.environ else [SetEnvironmentVariable("MUJOCO_GL", "egl")]
