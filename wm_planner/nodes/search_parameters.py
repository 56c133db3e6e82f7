"""The node's parameters that are the planner's, which are flat, to its configuration and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from wm_planner.errors import UserError
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.planning import PlannerConfig
from wm_planner.safe_yaml import parse_yaml


def planner_config(found: dict[str, Any]) -> PlannerConfig:
    """The parameters that are the planner's; in lockstep time does not matter, repeating does."""
    names = {field.name for field in dataclasses.fields(PlannerConfig)}
    settings = {k: v for k, v in found.items() if k in names}
    settings["objectives"] = _objectives(found["objectives"])
    settings["keep_out"] = _boxes(found["keep_out"])
    settings["server_names"] = _names(found["server_names"])
    if found["lockstep"]:
        settings["budget"] = "fixed"
    try:
        config = PlannerConfig(**settings)
    except ValueError as error:
        raise UserError(str(error)) from error
    return config.towards_goals() if found["goal"] else config


def of_planner(search: PlannerConfig) -> dict[str, Any]:
    """The planner's parameters as values of the node's: the reverse of `planner_config`."""
    known = {parameter.name for parameter in PARAMETERS}
    values = {k: v for k, v in vars(search).items() if k in known}
    values["objectives"] = json.dumps(search.objectives) if search.objectives else ""
    values["server_names"] = json.dumps(search.server_names) if search.server_names else ""
    values["keep_out"] = json.dumps(search.keep_out) if search.keep_out else ""
    return values


def _objectives(text: str) -> dict[str, float]:
    """Weights by name."""
    found = parse_yaml(text, "parameter objectives") or {}
    if not isinstance(found, dict) or not all(map(_is_number, found.values())):
        raise UserError(
            f"parameter objectives is '{text}', expected names with numbers, such as "
            "{return: 1, goal_image: 10}"
        )
    return {name: float(weight) for name, weight in found.items()}


def _names(text: str) -> dict[str, str]:
    found = parse_yaml(text, "parameter server_names") or {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise UserError(
            f"parameter server_names is '{text}', expected names by name, such as "
            "{front: observation/image, state: observation/state}"
        )
    return {str(ours): theirs for ours, theirs in found.items()}


def _boxes(text: str) -> tuple[tuple[float, ...], ...]:
    found = parse_yaml(text, "parameter keep_out") or []
    boxes = found if isinstance(found, list) else [found]
    if not all(isinstance(box, list) and all(map(_is_number, box)) for box in boxes):
        raise UserError(
            f"parameter keep_out is '{text}', expected boxes, such as [[x0, y0, z0, x1, y1, z1]]"
        )
    return tuple(tuple(map(float, box)) for box in boxes)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
