"""Tasks by name."""

from wm_planner.envs.tasks.grasp import Grasp
from wm_planner.envs.tasks.stack import Stack
from wm_planner.envs.tasks.task import Task
from wm_planner.errors import UserError

__all__ = ["TASKS", "Task", "make_task"]

TASKS: dict[str, type[Task]] = {"grasp": Grasp, "stack": Stack}


def make_task(name: str) -> Task:
    """A new task; an unknown name raises a UserError that lists the valid ones."""
    if name not in TASKS:
        raise UserError(f"unknown task '{name}'; there is {', '.join(sorted(TASKS))}")
    return TASKS[name]()
