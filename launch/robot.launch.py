"""The planner alone, beside a robot's own driver and controllers: only names differ."""

from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode

from launch import LaunchDescription
from wm_planner.nodes.launching import (
    SHARE,
    argument,
    bring_up,
    command_type,
    model,
    shared_memory,
    switch,
    typed,
)

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
    model("grasp"),
    argument("device", "cpu", "Where the model runs: cpu, cuda or cuda:N."),
    argument("planner", "mppi", "Search method.", ["mppi", "cem", "prior", "random", "noop"]),
    argument(
        "budget",
        "auto",
        "auto: as much imagination as fits this machine; fixed: what the parameters say.",
        ["auto", "fixed"],
    ),
    command_type("trajectory"),
    switch("use_sim_time", "false", "Follow /clock instead of the system's clock."),
    switch("autostart", "false", "Configure and activate the planner."),
    switch("start", "false", "Plan as soon as the planner is active, without waiting for ~/start."),
    switch("lockstep", "false", "For a simulation that waits for the planner."),
    argument("seed", "0", "Seed of the search."),
    argument("goal", "", "PNG or JPEG of how the scene is to look; see parameter objectives."),
    argument("instruction", "", "What to do, in words that the model knows."),
    argument(
        "objectives",
        "",
        "What to want, by weight; empty: the goal, else what suits the model.",
    ),
    argument("max_surprise", "2.0", "Frames farther from the prediction hold the arm; 0: none."),
    argument(
        "params_file",
        PathJoinSubstitution([SHARE, "config", "planner.yaml"]),
        "Parameters of the planner; the arguments above win over it.",
    ),
    *(argument(name, default, f"Topic: {what}") for name, default, what in TOPICS.values()),
]


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
                "budget": typed("budget", str),
                "command_type": typed("command_type", str),
                "use_sim_time": typed("use_sim_time", bool),
                "autostart": typed("start", bool),
                "lockstep": typed("lockstep", bool),
                "seed": typed("seed", int),
                "max_surprise": typed("max_surprise", float),
                "goal": typed("goal", str),
                "instruction": typed("instruction", str),
                "objectives": typed("objectives", str),
            },
        ],
        remappings=[(name, LaunchConfiguration(topic)) for name, (topic, _, _) in TOPICS.items()],
    )
    up = bring_up(planner, IfCondition(LaunchConfiguration("autostart")))
    return LaunchDescription([*ARGUMENTS, *shared_memory(), planner, *up])
