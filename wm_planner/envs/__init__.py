"""MuJoCo scenes, tasks and environments."""

import os

if "DISPLAY" not in os.environ:
    os.environ.setdefault("MUJOCO_GL", "egl")  # cameras render off screen
