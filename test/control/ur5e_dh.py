"""The published kinematics of a UR5e: Denavit-Hartenberg parameters of Universal Robots."""

from __future__ import annotations

import numpy as np

_A = (0.0, -0.425, -0.3922, 0.0, 0.0, 0.0)  # m
_D = (0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996)  # m
_ALPHA = (np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0)  # rad
_TOOL = 0.0108 + 0.149  # m from the flange to the point between the fingers of a Robotiq 2F-85


def tool_pose(q: np.ndarray) -> np.ndarray:
    """Pose (4, 4) of the point between the fingertips in `base_link`, z out of the flange."""
    pose = np.diag([-1.0, -1.0, 1.0, 1.0])  # base_link is the controller's base, turned by pi
    for a, d, alpha, theta in zip(_A, _D, _ALPHA, q, strict=True):
        c, s, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
        pose = pose @ np.array(
            [[c, -s * ca, s * sa, a * c], [s, c * ca, -c * sa, a * s], [0, sa, ca, d], [0, 0, 0, 1]]
        )
    pose[:3, 3] += _TOOL * pose[:3, 2]
    return pose
