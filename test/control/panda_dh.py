"""The Panda's published kinematics, written down a second time.

Modified Denavit-Hartenberg parameters (Craig's convention) of the Franka Control Interface
documentation, "Denavit-Hartenberg parameters"; the hand's tool centre point as in libfranka.
"""

from __future__ import annotations

import numpy as np

_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)  # m
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)  # m
_ALPHA = (0.0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2)  # rad
_FLANGE, _HAND_TCP, _HAND_TURN = 0.107, 0.1034, -np.pi / 4  # m, m, rad


def hand_pose(q: np.ndarray) -> np.ndarray:
    """Pose (4, 4) of the point between the fingertips for joint angles (7,)."""
    pose = np.eye(4)
    for a, d, alpha, theta in zip(_A, _D, _ALPHA, q, strict=True):
        pose = pose @ _modified_dh(a, d, alpha, theta)
    pose = pose @ _modified_dh(0.0, _FLANGE, 0.0, 0.0)
    return pose @ _modified_dh(0.0, _HAND_TCP, 0.0, _HAND_TURN)


def _modified_dh(a: float, d: float, alpha: float, theta: float) -> np.ndarray:
    ca, sa, ct, st = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
    return np.array(
        [
            [ct, -st, 0.0, a],
            [st * ca, ct * ca, -sa, -d * sa],
            [st * sa, ct * sa, ca, d * ca],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
