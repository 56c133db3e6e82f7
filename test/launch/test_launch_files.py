"""The launch files, where a real launch_ros is installed."""

import importlib.util

import pytest

from wm_planner.paths import share_dir

launch = pytest.importorskip(
    "launch.actions", reason="launch is part of a ROS 2 installation, not of PyPI"
)
launch_ros = pytest.importorskip("launch_ros.actions", reason="launch_ros is not on PyPI")


def description(name):
    spec = importlib.util.spec_from_file_location(
        name, share_dir() / "launch" / f"{name}.launch.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


@pytest.mark.parametrize("name", ["sim", "robot"])
def test_every_argument_is_described(name):
    arguments = description(name).get_launch_arguments()
    assert len(arguments) >= 8
    assert all(argument.description for argument in arguments)


def executables(entities):
    """Executables of all nodes, those of included files too."""
    found = set()
    for entity in entities:
        if isinstance(entity, launch_ros.Node):
            found.add(entity.node_executable)
        elif isinstance(entity, launch.IncludeLaunchDescription):
            source = entity.launch_description_source
            found |= executables(source.try_get_launch_description_without_context().entities)
    return found


def test_simulation_starts_both_nodes():
    assert executables(description("sim").entities) == {"sim_node", "planner_node"}


def test_robot_starts_the_planner_only():
    assert executables(description("robot").entities) == {"planner_node"}
