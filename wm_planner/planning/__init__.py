"""Search for action sequences by imagining them. Knows world models by their protocol only."""

from wm_planner.planning.baselines import NoOp, PriorPolicy, RandomPlanner
from wm_planner.planning.cem import CEM
from wm_planner.planning.deadline import Pace
from wm_planner.planning.failure import PlanningError, raise_if_failed
from wm_planner.planning.join import Part, join
from wm_planner.planning.mppi import MPPI
from wm_planner.planning.objectives import (
    DISTANCE_NAMES,
    FOR_GOALS,
    FOR_RETURN,
    OBJECTIVES,
    ActionSmoothness,
    Curiosity,
    GoalImage,
    KeepOut,
    LearnedReturn,
    PriorPenalty,
    Readings,
    Success,
    SuggestionPenalty,
    Sum,
    UncertaintyPenalty,
    for_return,
)
from wm_planner.planning.registry import (
    BUDGET_CHOICES,
    PLANNERS,
    SEARCHING,
    SERVER,
    UNTOLD,
    PlannerConfig,
    make_planner,
)
from wm_planner.planning.search_config import SearchConfig
from wm_planner.planning.warm_start import shift

__all__ = [
    "BUDGET_CHOICES",
    "CEM",
    "DISTANCE_NAMES",
    "FOR_GOALS",
    "FOR_RETURN",
    "MPPI",
    "OBJECTIVES",
    "PLANNERS",
    "SEARCHING",
    "SERVER",
    "UNTOLD",
    "ActionSmoothness",
    "Curiosity",
    "GoalImage",
    "KeepOut",
    "LearnedReturn",
    "NoOp",
    "Pace",
    "Part",
    "PlannerConfig",
    "PlanningError",
    "PriorPenalty",
    "PriorPolicy",
    "RandomPlanner",
    "Readings",
    "SearchConfig",
    "Success",
    "SuggestionPenalty",
    "Sum",
    "UncertaintyPenalty",
    "for_return",
    "join",
    "make_planner",
    "raise_if_failed",
    "shift",
]
