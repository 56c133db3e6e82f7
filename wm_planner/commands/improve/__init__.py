"""`wm_planner improve`: a model learns from what its own planner tries, behind a gate."""
