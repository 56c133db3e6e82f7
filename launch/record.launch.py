"""Records episodes of somebody else's teleoperation, or of the package's own by a joystick."""

from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from launch import LaunchDescription
from wm_planner.nodes.launching import (
    argument,
    bring_up,
    command_type,
    off_screen,
    shared_memory,
    switch,
    typed,
)
from wm_planner.nodes.processes import TO_PLANNER

ARGUMENTS = [
    argument("robot", "panda", "Name of a robot in config/robots, or the path of a robot file."),
    argument("out", "", "Folder of the bag; default bags/<robot>_<date and time>."),
    argument("instruction", "", "What is done in the episodes, in words."),
    switch("teleop", "false", "Move the arm by sensor_msgs/Joy; else somebody else does."),
    argument("joy_layout", "gamepad", "Device.", ["gamepad", "spacemouse", "action"]),
    command_type("commands"),
    switch("sim", "false", "Simulate a task instead of using a robot."),
    argument("task", "grasp", "Task to simulate."),
    switch("use_sim_time", LaunchConfiguration("sim"), "Follow /clock in teleoperation."),
]


def generate_launch_description():
    teleop = LifecycleNode(
        package="wm_planner",
        executable="teleop_node",
        name="wm_planner",
        namespace="",
        output="screen",
        condition=IfCondition(LaunchConfiguration("teleop")),
        parameters=[
            {
                "robot": typed("robot", str),
                "joy_layout": typed("joy_layout", str),
                "command_type": typed("command_type", str),
                "use_sim_time": typed("use_sim_time", bool),
                "autostart": True,
            }
        ],
    )
    record = Node(
        package="wm_planner",
        executable="record_node",
        name="record",
        output="screen",
        parameters=[{name: typed(name, str) for name in ("robot", "out", "instruction")}],
    )
    simulation = Node(
        package="wm_planner",
        executable="sim_node",
        name="sim",
        output="screen",
        condition=IfCondition(LaunchConfiguration("sim")),
        parameters=[{"task": typed("task", str), "robot": typed("robot", str)}],
        remappings=TO_PLANNER.items(),
    )
    up = bring_up(teleop, IfCondition(LaunchConfiguration("teleop")))
    nodes = [record, simulation, teleop, *up]
    return LaunchDescription([*ARGUMENTS, *shared_memory(), *off_screen(), *nodes])
