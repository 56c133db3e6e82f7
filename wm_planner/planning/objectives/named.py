"""Objectives by their names and weights, as a command line or a YAML file gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from wm_planner.errors import UserError
from wm_planner.interfaces import Objective
from wm_planner.planning.objectives.curiosity import Curiosity
from wm_planner.planning.objectives.goal_image import Distance, GoalImage, distance_of
from wm_planner.planning.objectives.keep_out import Box, KeepOut
from wm_planner.planning.objectives.learned_return import LearnedReturn
from wm_planner.planning.objectives.prior import PriorPenalty
from wm_planner.planning.objectives.smoothness import ActionSmoothness
from wm_planner.planning.objectives.success import Success
from wm_planner.planning.objectives.suggestion import SuggestionPenalty
from wm_planner.planning.objectives.total import Sum
from wm_planner.planning.objectives.uncertainty import UncertaintyPenalty

OBJECTIVES = (
    "return", "goal_image", "success", "uncertainty", "curiosity", "prior", "server", "smoothness",
    "keep_out",
)  # fmt: skip
FOR_RETURN = {"return": 1.0, "uncertainty": 1.0, "prior": 0.5, "keep_out": 100.0}
_DISTRUST = 30.0  # weight of the prior, a unit of the error of imagined values
_NEAREST = 2.0  # the largest: nearer to a prior that errs, its errors cannot be mended
_UNGUIDED = {"return": 1.0, "uncertainty": 1.0, "smoothness": 1.0, "keep_out": 100.0}
FOR_GOALS = {"goal_image": 1.0, "prior": 0.1, "keep_out": 100.0}
"""What is wanted unless it is said: of a model that learned rewards, and of one that did not."""


def for_return(value_error: float | None, use_prior: bool = True) -> dict[str, float]:
    """FOR_RETURN, of a model whose imagined values are known to be off by so much, relatively.

    What such values promise is not worth more of a departure from the action prior than they are
    good for: the worse they are, the nearer to the prior. Who plans without the prior has only
    `smoothness` against what values err by from one action to the next, or hands open and close.
    """
    if not use_prior:
        return dict(_UNGUIDED)
    if value_error is None:
        return dict(FOR_RETURN)
    weight = min(_NEAREST, _DISTRUST * value_error)
    return {**FOR_RETURN, "prior": max(FOR_RETURN["prior"], weight)}


class Readings(NamedTuple):
    """What objectives read off latents and bodies, from who knows world model and robot."""

    goal_features: Callable[[Tensor], Tensor] | None = None  # (..., D) -> (..., F)
    goal_distance: Distance | None = None  # learned, between latents (..., D)
    success: Callable[[Tensor], Tensor] | None = None  # probability (...) of latents (..., D)
    hand_path: Callable[[Tensor, Tensor], Tensor] | None = None  # see KeepOut.path


def check_objectives(weights: Mapping[str, float], boxes: Sequence[Box]) -> None:
    """Raise ValueError unless all names are known and boxes count."""
    if unknown := [name for name in weights if name not in OBJECTIVES]:
        raise ValueError(f"unknown objective {unknown[0]!r}; there is {', '.join(OBJECTIVES)}")
    for name, weight in weights.items():
        if not 0 <= weight < float("inf"):
            raise ValueError(
                f"objective {name} weighs {weight}, expected finite and at least 0: the sign is "
                "the objective's own"
            )
    if weights and not any(weights.values()):
        raise ValueError("objectives are all weighed 0: weigh one of them more, or name none")
    if boxes and weights and not weights.get("keep_out"):
        raise ValueError(
            "keep_out has boxes, but no weight among the objectives: add `keep_out: 100`"
        )


def make_objective(
    weights: Mapping[str, float],
    discount: float,
    goal_distance: str,
    boxes: tuple[Box, ...],
    readings: Readings,
) -> Objective:
    """The sum of all that weigh something; a UserError where what one reads is not there."""

    def made(name: str, weight: float) -> Objective:
        match name:
            case "return":
                return LearnedReturn(discount, weight=weight)
            case "goal_image":
                features, learned = readings.goal_features, readings.goal_distance
                return GoalImage(distance_of(goal_distance, features, learned), weight)
            case "success":
                if readings.success is None:
                    raise UserError("objective success: the model has no head that tells success")
                return Success(readings.success, weight, discount)
            case "uncertainty":
                return UncertaintyPenalty(weight, discount)
            case "curiosity":
                return Curiosity(weight, discount)
            case "prior":
                return PriorPenalty(weight)
            case "server":
                return SuggestionPenalty(weight)
            case "smoothness":
                return ActionSmoothness(weight)
            case _:
                if readings.hand_path is None:
                    raise UserError("objective keep_out: nobody tells where the hand goes")
                return KeepOut(readings.hand_path, boxes, weight=weight)

    wanted = {
        name: weight
        for name in OBJECTIVES
        if (weight := weights.get(name, 0.0)) and (name != "keep_out" or boxes)
    }
    return Sum(tuple(made(name, weight) for name, weight in wanted.items()))
