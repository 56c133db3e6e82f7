"""Trials on the real nodes: simulation, planner and what runs and reports the trials."""

from launch.actions import OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchDescription
from wm_planner.cli import parse_config
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.nodes.launching import SHARE, argument, off_screen, shared_memory
from wm_planner.nodes.processes import TO_PLANNER
from wm_planner.nodes.trials import node_parameters

ARGUMENTS = [
    argument("task", "grasp", "Chooses the default config."),
    argument(
        "config",
        [PathJoinSubstitution([SHARE, "config", "trials", LaunchConfiguration("task")]), ".yaml"],
        "YAML file with the options of `wm_planner trials`.",
    ),
    argument("out", "out/trials", "Folder for trials, report and pictures."),
]


def generate_launch_description():
    return LaunchDescription(
        [*ARGUMENTS, *shared_memory(), *off_screen(), OpaqueFunction(function=nodes)]
    )


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
            remappings=TO_PLANNER.items(),
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
