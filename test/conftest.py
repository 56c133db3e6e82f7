"""Tiny tensors: one thread is fastest, and the machine is shared. Cameras render off screen.

Workers of pytest-xdist (gw0, gw1, ...) do not hear each other's ROS nodes.
"""

from __future__ import annotations

import os

os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("OMP_NUM_THREADS", "1")
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["ROS_DOMAIN_ID"] = str(90 + int(worker.removeprefix("gw")) % 10)

import torch

torch.set_num_threads(1)
