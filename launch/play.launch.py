"""The planner's launch with its own world model in place of the robot, planning at once."""

from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription
from wm_planner.nodes.launching import (
    argument,
    command_type,
    include_planner,
    model,
    off_screen,
    switch,
    typed,
)
from wm_planner.nodes.processes import TO_PLANNER

# The planner's other arguments are those of robot.launch.py.
ARGUMENTS = [
    model("grasp"),
    argument(
        "imagined_by",
        LaunchConfiguration("model"),
        "Model that stands in for the robot, if it is another one.",
    ),
    command_type(
        "trajectory",
        "trajectory: the model is told the planner's actions; commands: the hand's.",
    ),
    switch("use_sim_time", "true", "Follow the imagined /clock."),
    switch("autostart", "true", "Configure and activate the planner and start planning."),
    switch(
        "lockstep", "false", "Let the imagination wait for the planner: slower, but repeatable."
    ),
    argument("seed", "0", "Seed of scene and search."),
]


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
        remappings=TO_PLANNER.items(),
    )
    planner = include_planner(  # what is imagined is no surprise
        start=LaunchConfiguration("autostart"), max_surprise="0.0"
    )
    # The scene that the imagination starts from is rendered.
    return LaunchDescription([*ARGUMENTS, *off_screen(), planner, imagination])
