"""Tasks by name."""

from collections.abc import Callable

from wm_planner.envs.tasks.grasp import Grasp
from wm_planner.envs.tasks.grasp_long import GraspLong
from wm_planner.envs.tasks.grasp_objects import GraspObjects
from wm_planner.envs.tasks.push import Push
from wm_planner.envs.tasks.sort import Sort
from wm_planner.envs.tasks.stack import Stack
from wm_planner.envs.tasks.stack3 import Stack3
from wm_planner.envs.tasks.task import Task
from wm_planner.envs.tasks.unstack import Unstack
from wm_planner.errors import UserError

__all__ = ["TASKS", "Task", "learned_as", "make_task"]

TASKS: dict[str, Callable[[], Task]] = {
    "grasp": Grasp,
    "stack": Stack,
    "grasp_long": GraspLong,
    "grasp_objects": GraspObjects.seen,
    "grasp_unseen": GraspObjects.unseen,
    "unstack": Unstack,
    "push": Push,
    "sort": Sort,
    "stack3": Stack3,
}

_TESTED = {"grasp_unseen": "grasp_objects"}  # shows what its training never does


def learned_as(name: str) -> str:
    """The task that a model for task `name` is trained on: itself, unless it only tests another."""
    return _TESTED.get(name, name)


def make_task(name: str) -> Task:
    """A new task; an unknown name raises a UserError that lists the valid ones."""
    if name not in TASKS:
        raise UserError(f"unknown task '{name}'; there is {', '.join(sorted(TASKS))}")
    return TASKS[name]()
