"""Where the hand is, and which joint angles put it somewhere else."""

from __future__ import annotations

from pathlib import Path

import mink
import mujoco
import numpy as np

from wm_planner.control.arm_model import read_arm
from wm_planner.control.robot_config import RobotConfig
from wm_planner.control.rotation import rotation_vector

_ITERATIONS = 4
_POSITION_TOLERANCE = 0.01  # m
_TURN_TOLERANCE = 0.1  # rad, where actions turn the hand
_TURN_WEIGHT = 0.25  # m a rad, of turns beside ways in the Jacobian's singular values
_DAMPING = 0.1  # of the singular value from which on goals slow down


class Unreachable(Exception):
    """No joint angles near the present ones put the hand at the goal."""


class Kinematics:
    """Forward and differential inverse kinematics of the hand.

    Inverse kinematics is a quadratic program over joint steps (mink: frame task, posture task
    towards home for the free joint, joint limits with the margin), damped where the robot's file
    says from where on it is near a singularity.
    """

    def __init__(self, config: RobotConfig, mjcf: Path) -> None:
        self._model = read_arm(config, mjcf).compile()
        joints = [self._model.joint(name) for name in config.arm_joints]
        self._address = np.array([joint.qposadr[0] for joint in joints])
        self._dofs = np.array([joint.dofadr[0] for joint in joints])
        self._must_turn = config.rotation != "none"
        self._damping = max(1e-12, (_DAMPING * config.slow_near_singularity) ** 2)
        for joint, low, high in zip(joints, config.lower, config.upper, strict=True):
            joint.range = (low + config.position_margin, high - config.position_margin)
        self._configuration = mink.Configuration(self._model)
        self._site = self._model.site(config.hand_site).id
        self._home = np.array(config.home)

        self._hand_task = mink.FrameTask(
            config.hand_site, "site", position_cost=1.0, orientation_cost=0.3, lm_damping=1e-6
        )
        posture_cost = np.zeros(self._model.nv)
        posture_cost[[joint.dofadr[0] for joint in joints]] = 3e-3
        self._posture_task = mink.PostureTask(self._model, cost=posture_cost)
        self._update(self._home)
        self._posture_task.set_target_from_configuration(self._configuration)
        self.home_orientation = self.hand_orientation(self._home)
        self._limits = [mink.ConfigurationLimit(self._model)]

    def _update(self, arm_positions: np.ndarray) -> None:
        q = self._configuration.q.copy()
        q[self._address] = arm_positions
        self._configuration.update(q)

    def hand_position(self, arm_positions: np.ndarray) -> np.ndarray:
        """Hand position (3,) in m, base frame, for arm joint angles (n,) in rad."""
        self._update(arm_positions)
        return self._configuration.data.site_xpos[self._site].copy()

    def hand_orientation(self, arm_positions: np.ndarray) -> mink.SO3:
        """Orientation of the hand, base frame, for arm joint angles (n,) in rad."""
        self._update(arm_positions)
        return self._orientation()

    def _orientation(self) -> mink.SO3:
        name = self._model.site(self._site).name
        return self._configuration.get_transform_frame_to_world(name, "site").rotation()

    def _turned_from(self, wanted: mink.SO3) -> float:
        return float(
            np.linalg.norm(rotation_vector(wanted.inverse().multiply(self._orientation())))
        )

    def dexterity(self, arm_positions: np.ndarray) -> float:
        """Smallest singular value of the hand's Jacobian: 0 where it cannot move some way."""
        self._update(arm_positions)
        ways, turns = np.empty((2, 3, self._model.nv))
        mujoco.mj_jacSite(self._model, self._configuration.data, ways, turns, self._site)
        jacobian = np.vstack([ways, _TURN_WEIGHT * turns])[:, self._dofs]
        return float(np.linalg.svd(jacobian, compute_uv=False)[-1])

    def solve(
        self, arm_positions: np.ndarray, hand_goal: np.ndarray, orientation: mink.SO3 | None = None
    ) -> np.ndarray:
        """Joint angles (n,) near `arm_positions` with the hand at `hand_goal` (3,).

        `orientation` is the hand's there; None: home's.

        Raises:
            Unreachable: the hand would stay more than 1 cm away, or turned more than 0.1 rad off.
        """
        self._update(arm_positions)
        wanted = self.home_orientation if orientation is None else orientation
        goal = mink.SE3.from_rotation_and_translation(wanted, hand_goal)
        self._hand_task.set_target(goal)
        tasks = [self._hand_task, self._posture_task]
        for _ in range(_ITERATIONS):
            try:
                step = mink.solve_ik(
                    self._configuration, tasks, 1.0, "daqp", damping=self._damping,
                    limits=self._limits, safety_break=False,
                )  # fmt: skip
            except mink.MinkError as error:
                raise Unreachable(f"hand goal {hand_goal.round(3)}: {error}") from error
            self._configuration.integrate_inplace(step, 1.0)
        miss = np.linalg.norm(self._configuration.data.site_xpos[self._site] - hand_goal)
        if not miss < _POSITION_TOLERANCE:
            raise Unreachable(
                f"hand goal {hand_goal.round(3)} m is {miss:.3f} m from what the joints can reach"
            )
        turned = self._turned_from(wanted) if self._must_turn else 0.0
        if not turned < _TURN_TOLERANCE:
            raise Unreachable(
                f"hand goal {hand_goal.round(3)} m is reached only with the hand turned "
                f"{turned:.2f} rad another way"
            )
        return self._configuration.q[self._address].copy()
