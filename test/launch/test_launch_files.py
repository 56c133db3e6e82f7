"""The launch files, where a real launch_ros is installed."""

import importlib.util

import pytest

from wm_planner.paths import share_dir

launch = pytest.importorskip(
    "launch.actions", reason="launch is part of a ROS 2 installation, not of PyPI"
)
launch_package = pytest.importorskip("launch", reason="launch is not on PyPI")
launch_ros = pytest.importorskip("launch_ros.actions", reason="launch_ros is not on PyPI")


def module(name):
    spec = importlib.util.spec_from_file_location(
        name, share_dir() / "launch" / f"{name}.launch.py"
    )
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def description(name):
    return module(name).generate_launch_description()


def launch_context(configurations):
    """A context in which these launch arguments are set."""
    context = launch_package.LaunchContext()
    context.launch_configurations.update(configurations)
    return context


@pytest.mark.parametrize(("name", "least"), [("sim", 8), ("robot", 8), ("play", 8), ("trials", 3)])
def test_every_argument_is_described(name, least):
    arguments = description(name).get_launch_arguments()
    assert len(arguments) >= least
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


def test_play_starts_the_planner_and_what_imagines_its_robot():
    assert executables(description("play").entities) == {"play_node", "planner_node"}


def test_robot_starts_the_planner_only():
    assert executables(description("robot").entities) == {"planner_node"}


@pytest.mark.parametrize("task", ["grasp", "stack"])
def test_trials_start_all_three_with_what_their_file_says(task):
    """Simulation, planner and what runs the trials; the planner as the trials expect it."""
    file = share_dir() / "config" / "trials" / f"{task}.yaml"
    context = launch_context({"config": str(file), "out": "out"})
    simulation, planner, trials = module("trials").nodes(context)
    found = [node.node_executable for node in (simulation, planner, trials)]
    assert found == ["sim_node", "planner_node", "trials_node"]
