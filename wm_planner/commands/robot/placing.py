"""Joint angles that put a hand somewhere, pointing down: from near ones, or from anywhere."""

from __future__ import annotations

from typing import final

import mink
import mujoco
import numpy as np

from wm_planner.commands.robot.chain import Chain
from wm_planner.control.rotation import rotation_vector

DOWN = mink.SO3.from_matrix(np.diag([1.0, -1.0, -1.0]))
_ITERATIONS = 60
_NEAR, _TURNED = 2e-3, 0.02  # m, rad
_DAMPING = 1e-3
_TURN_WEIGHT = 0.25  # m a rad
_PATIENCE = 8  # iterations without coming nearer


@final
class Placing:
    """Inverse kinematics without a home yet."""

    def __init__(self, model: mujoco.MjModel, chain: Chain, site: str) -> None:
        self._configuration = mink.Configuration(model)
        joints = [model.joint(name) for name in chain.joints]
        self._address = np.array([joint.qposadr[0] for joint in joints])
        self._dofs = np.array([joint.dofadr[0] for joint in joints])
        self.lower, self.upper = np.array([joint.range for joint in joints]).T
        self._model, self._site = model, model.site(site).id

    def hand(self, joints: np.ndarray) -> np.ndarray:
        """Where the hand is (3,), m."""
        self._put(joints)
        return self._configuration.data.site_xpos[self._site].copy()

    def tilt(self, joints: np.ndarray) -> float:
        """How far the hand is from pointing down, turned as at home, rad."""
        self._put(joints)
        turned = mink.SO3.from_matrix(self._configuration.data.site_xmat[self._site].reshape(3, 3))
        return float(np.linalg.norm(rotation_vector(DOWN.inverse().multiply(turned))))

    def dexterity(self, joints: np.ndarray) -> float:
        """Smallest singular value of the hand's Jacobian, as Kinematics has it."""
        return float(np.linalg.svd(self._jacobian(joints), compute_uv=False)[-1])

    def elbow_height(self, joints: np.ndarray) -> float:
        """Height of the lowest joint from the third on, m."""
        self._put(joints)
        bodies = self._model.dof_bodyid[self._dofs[2:]]
        return float(self._configuration.data.xpos[bodies, 2].min())

    def place(self, goal: np.ndarray, start: np.ndarray) -> np.ndarray | None:
        """Joint angles (n,) with the hand at `goal` (3,), pointing down; None where none is found.

        Damped least squares from `start`, clipped to the limits.
        """
        joints, least, waited = np.clip(start, self.lower, self.upper), np.inf, 0
        for _ in range(_ITERATIONS):
            error, turned = self._error(goal, joints)
            size = float(np.linalg.norm(error) + _TURN_WEIGHT * np.linalg.norm(turned))
            if np.linalg.norm(error) < _NEAR and np.linalg.norm(turned) < _TURNED:
                return joints
            waited = 0 if size < 0.95 * least else waited + 1
            least = min(least, size)
            if waited > _PATIENCE:
                return None
            jacobian = self._jacobian(joints)
            wanted = np.r_[error, _TURN_WEIGHT * turned]
            damped = jacobian @ jacobian.T + _DAMPING * min(1.0, size) * np.eye(6)
            step = jacobian.T @ np.linalg.solve(damped, wanted)
            step *= min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-9))
            joints = np.clip(joints + step, self.lower, self.upper)
        return None

    def _error(self, goal: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is missing: m, and rad about the axes of the base."""
        self._put(joints)
        data = self._configuration.data
        turned = mink.SO3.from_matrix(data.site_xmat[self._site].reshape(3, 3))
        return goal - data.site_xpos[self._site], rotation_vector(DOWN.multiply(turned.inverse()))

    def _jacobian(self, joints: np.ndarray) -> np.ndarray:
        self._put(joints)
        ways, turns = np.empty((2, 3, self._model.nv))
        mujoco.mj_jacSite(self._model, self._configuration.data, ways, turns, self._site)
        return np.vstack([ways, _TURN_WEIGHT * turns])[:, self._dofs]

    def _put(self, joints: np.ndarray) -> None:
        q = self._configuration.q.copy()
        q[self._address] = joints
        self._configuration.update(q)
