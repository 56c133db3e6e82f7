"""`wm_planner leaderboard`: every family of world models on the same data, on one page."""
