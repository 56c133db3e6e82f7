"""The planner's launch with MuJoCo in place of the robot, planning at once."""

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
    argument("task", "grasp", "Task to simulate."),
    argument("robot", "panda", "Robot to simulate: that of the model."),
    model(LaunchConfiguration("task")),
    command_type("commands"),
    switch("use_sim_time", "true", "Follow the simulation's /clock."),
    switch("autostart", "true", "Configure and activate the planner and start planning."),
    switch("lockstep", "false", "Let the simulation wait for the planner: slower, but repeatable."),
    argument("seed", "0", "Seed of episode and search."),
    argument("instruction", "", "What to do, in words; empty: what the task says."),
]


def generate_launch_description():
    simulation = Node(
        package="wm_planner",
        executable="sim_node",
        name="sim",
        output="screen",
        parameters=[
            {
                "task": typed("task", str),
                "robot": typed("robot", str),
                "lockstep": typed("lockstep", bool),
                "seed": typed("seed", int),
                "instruction": typed("instruction", str),
            }
        ],
        remappings=TO_PLANNER.items(),
    )
    planner = include_planner(start=LaunchConfiguration("autostart"))
    return LaunchDescription([*ARGUMENTS, *off_screen(), planner, simulation])
