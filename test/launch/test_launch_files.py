"""The launch files, where a real launch_ros is installed."""

import importlib.util
import subprocess
import sys

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


@pytest.mark.parametrize(
    ("name", "least"), [("sim", 8), ("robot", 8), ("play", 8), ("trials", 3), ("record", 8)]
)
def test_every_argument_is_described(name, least):
    arguments = description(name).get_launch_arguments()
    assert len(arguments) >= least
    assert all(argument.description for argument in arguments)


def settings(name, **given):
    """Every argument of a launch file and of what it includes, where these are given."""
    context = launch_context(given)
    _settle(description(name).entities, context)
    return context.launch_configurations


def _settle(entities, context):
    sets = (
        launch.DeclareLaunchArgument,
        launch.SetLaunchConfiguration,
        launch.IncludeLaunchDescription,
    )
    for entity in entities or ():
        if isinstance(entity, launch_package.LaunchDescription):
            _settle(entity.entities, context)
        elif isinstance(entity, sets):
            _settle(entity.visit(context), context)


@pytest.mark.parametrize("name", ["sim", "play"])
def test_what_stands_in_for_the_robot_tells_the_planner(name):
    """Its defaults win over those of robot.launch.py, which has others; what is given wins too."""
    of_planner = settings("robot")
    found = settings(name, planner="cem")
    assert found["start"] == found["use_sim_time"] == "true"
    assert of_planner["start"] == of_planner["use_sim_time"] == "false"
    assert found["planner"] == "cem"
    assert set(of_planner) <= set(found)


def test_the_model_is_the_one_of_the_simulated_task():
    assert settings("sim", task="stack")["model"] == "stack"
    assert settings("sim", task="stack", model="mine")["model"] == "mine"


def test_nothing_that_is_imagined_is_a_surprise():
    assert settings("play", max_surprise="3.0")["max_surprise"] == "0.0"


def test_an_argument_with_choices_takes_no_other():
    with pytest.raises(RuntimeError, match="lockstep"):
        settings("sim", lockstep="maybe")


def variables(name):
    """Environment variables that a launch file itself sets."""
    entities = description(name).entities
    actions = [e for e in entities if isinstance(e, launch.SetEnvironmentVariable)]
    return {"".join(part.text for part in action.name) for action in actions}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sim", {"MUJOCO_GL"}),
        ("play", {"MUJOCO_GL"}),
        ("robot", {"FASTDDS_DEFAULT_PROFILES_FILE"}),
        ("trials", {"MUJOCO_GL", "FASTDDS_DEFAULT_PROFILES_FILE"}),
        ("record", {"MUJOCO_GL", "FASTDDS_DEFAULT_PROFILES_FILE"}),
    ],
)
def test_variables_are_set_where_the_user_has_not(name, expected, monkeypatch):
    for variable in ("DISPLAY", "MUJOCO_GL", "FASTDDS_DEFAULT_PROFILES_FILE"):
        monkeypatch.delenv(variable, raising=False)
    assert variables(name) == expected
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "mine.xml")
    assert variables(name) == set()


@pytest.mark.parametrize("name", ["sim", "robot", "play", "record"])
def test_ros_is_enough_to_launch(name):
    """`ros2 launch` may run on ROS's own Python; only the nodes see the virtual environment."""
    file = share_dir() / "launch" / f"{name}.launch.py"
    code = f"import runpy, sys; runpy.run_path({str(file)!r}); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = set(result.stdout.split())
    assert "wm_planner.nodes.launching" in imported
    assert not imported & {"torch", "mujoco", "jsonargparse", "cv2", "h5py"}


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


def test_recording_starts_what_records_and_what_is_wanted_beside_it():
    found = executables(description("record").entities)
    assert found == {"record_node", "teleop_node", "sim_node"}


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
