"""What makes an imagined future good: terms that score a rollout, higher is better, and add up."""

from wm_planner.planning.objectives.curiosity import Curiosity
from wm_planner.planning.objectives.goal_image import DISTANCE_NAMES, GoalImage
from wm_planner.planning.objectives.keep_out import KeepOut
from wm_planner.planning.objectives.learned_return import LearnedReturn
from wm_planner.planning.objectives.named import (
    FOR_GOALS,
    FOR_RETURN,
    OBJECTIVES,
    Readings,
    for_return,
    make_objective,
)
from wm_planner.planning.objectives.prior import PriorPenalty
from wm_planner.planning.objectives.smoothness import ActionSmoothness
from wm_planner.planning.objectives.success import Success
from wm_planner.planning.objectives.suggestion import SuggestionPenalty
from wm_planner.planning.objectives.total import Sum
from wm_planner.planning.objectives.uncertainty import UncertaintyPenalty

__all__ = [
    "DISTANCE_NAMES",
    "FOR_GOALS",
    "FOR_RETURN",
    "OBJECTIVES",
    "ActionSmoothness",
    "Curiosity",
    "GoalImage",
    "KeepOut",
    "LearnedReturn",
    "PriorPenalty",
    "Readings",
    "Success",
    "SuggestionPenalty",
    "Sum",
    "UncertaintyPenalty",
    "for_return",
    "make_objective",
]
