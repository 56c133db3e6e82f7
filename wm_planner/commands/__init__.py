"""One file for each subcommand of `wm_planner` that is not of one part of the package alone."""
