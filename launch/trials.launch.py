"""Trials on the real nodes: simulation, planner and what runs and reports the trials."""

import os

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchDescription
from wm_planner.cli import parse_config
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.trials import node_parameters

SHARE = get_package_share_directory("wm_planner")

ARGUMENTS = [
    DeclareLaunchArgument("task", default_value="grasp", description="Chooses the default config."),
    DeclareLaunchArgument(
        "config",
        default_value=[
            PathJoinSubstitution([SHARE, "config", "trials", LaunchConfiguration("task")]),
            ".yaml",
        ],
        description="YAML file with the options of `wm_planner trials`.",
    ),
    DeclareLaunchArgument(
        "out", default_value="out/trials", description="Folder for trials, report and pictures."
    ),
]


def generate_launch_description():
    return LaunchDescription([*ARGUMENTS, *environment(), OpaqueFunction(function=nodes)])


def nodes(context):
    """All three, with what the YAML file says; the trials' end is the end of all."""
    file = LaunchConfiguration("config").perform(context)
    options = ["--config", file, "--ros", "--attach"]
    config = parse_config(TrialsConfig, options, "trials.launch.py", "Trials on the real nodes.")
    simulation, planner = node_parameters(config)
    return [
        Node(
            package="wm_planner",
            executable="sim_node",
            name="sim",
            output="screen",
            parameters=[simulation],
            remappings=[
                ("commands", "wm_planner/commands"),
                ("joint_trajectory", "wm_planner/joint_trajectory"),
            ],
        ),
        LifecycleNode(
            package="wm_planner",
            executable="planner_node",
            name="wm_planner",
            namespace="",
            output="screen",
            parameters=[planner, {"use_sim_time": True}],
        ),
        Node(
            package="wm_planner",
            executable="trials_node",
            name="trials",
            output="screen",
            arguments=["--config", file, "--out", LaunchConfiguration("out")],
            on_exit=Shutdown(),
        ),
    ]


def environment():
    """Room for camera frames in shared memory; cameras off screen where there is no screen."""
    settings = {
        "FASTDDS_DEFAULT_PROFILES_FILE": os.path.join(SHARE, "config", "fastdds.xml"),
        **({} if "DISPLAY" in os.environ else {"MUJOCO_GL": "egl"}),
    }
    return [SetEnvironmentVariable(k, v) for k, v in settings.items() if k not in os.environ]
