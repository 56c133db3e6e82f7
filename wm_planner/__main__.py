"""`python -m wm_planner` is the `wm_planner` command."""

from wm_planner.cli import main

raise SystemExit(main())
