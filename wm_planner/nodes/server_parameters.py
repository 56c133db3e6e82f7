"""The planner node's parameters about a policy server that it may ask."""

from __future__ import annotations

from wm_planner.nodes.parameter import Parameter
from wm_planner.planning import PlannerConfig

_SEARCH = PlannerConfig()

SERVER_PARAMETERS = (
    Parameter(
        "server",
        _SEARCH.server,
        "Address of a policy server, as in localhost:8000, whose answers mppi and cem refine; "
        "empty: none.",
    ),
    Parameter(
        "server_wait_ms",
        _SEARCH.server_wait_ms,
        "Time that a plan waits for the answer to its own frames; later ones serve later plans.",
        0.0,
        60000.0,
    ),
    Parameter(
        "server_std",
        _SEARCH.server_std,
        "How far from its answer to look as well, in action units.",
        0.001,
        1.0,
    ),
    Parameter(
        "server_names",
        "",
        "What it calls cameras, state, prompt, actions, as in {front: observation/image}; others "
        "have LeRobot's names.",
    ),
    Parameter(
        "server_prompt",
        _SEARCH.server_prompt,
        "What it is told to do, where the model is not told anything.",
    ),
    Parameter(
        "server_size",
        _SEARCH.server_size,
        "Width and height of the frames it gets, pixels; 0: as the model's.",
        0,
        4096,
    ),
)
