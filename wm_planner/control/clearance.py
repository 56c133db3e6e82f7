"""How near an arm comes to itself and to the table it stands on."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import final

import mujoco
import numpy as np

from wm_planner.control.arm_model import read_arm
from wm_planner.control.coupling import couplings
from wm_planner.control.robot_config import RobotConfig

_TABLE = "wm_planner_table"
_FAR = 10.0  # m
_TABLE_SIZE = (3.0, 3.0, 0.5)  # m, half edges


@final
class Clearance:
    """Distances between the parts of an arm, and from them to the table, by MuJoCo.

    Of a link with shapes that collide those count, of another all. Links that follow each other,
    fingers and hand, pairs that the MJCF excludes, and pairs that are too near at home already are
    left out: they touch by design. What stands fast is not measured against the table. Joints that
    only a linkage moves stay as the MJCF has them.
    """

    def __init__(self, config: RobotConfig, mjcf: Path, least: float = 0.0) -> None:
        """`least` is the distance that is enough, m; 0: the robot's clearance."""
        spec = read_arm(config, mjcf)
        spec.worldbody.add_geom(
            name=_TABLE,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=list(_TABLE_SIZE),
            pos=[0, 0, -_TABLE_SIZE[2]],
        )
        self._model = m = spec.compile()
        self._data = mujoco.MjData(m)
        self.enough = least or config.clearance
        self._qpos = np.array([m.joint(name).qposadr[0] for name in config.moving_joints])
        self._followers = [] if config.suction else couplings(m, config.finger_joint)
        table, hand = m.geom(_TABLE).id, int(m.site(config.hand_site).bodyid[0])
        self._pairs = np.array(_pairs(m, table, hand), int).reshape(-1, 2)
        self._reach = m.geom_rbound[self._pairs].sum(1)
        self._to_table = self._pairs[:, 0] == table
        self._place(np.r_[config.home, config.finger_range[1]])
        near = np.array([self._distance(*pair) for pair in self._pairs])
        keep = (near >= self.enough) | self._to_table
        self._near_at_home = {
            self._names(int(i)): float(near[i]) for i in np.flatnonzero(near < self.enough)
        }
        self._pairs, self._reach = self._pairs[keep], self._reach[keep]
        self._to_table = self._to_table[keep]

    def least(self, positions: np.ndarray) -> float:
        """The smallest distance at any of joint positions (T, J), m; `enough` if it is more."""
        return min((self._least(position) for position in positions), default=self.enough)

    @property
    def near_at_home(self) -> dict[tuple[str, str], float]:
        """Pairs of bodies that are too near at home, and how near, m: below 0 they overlap."""
        return dict(self._near_at_home)

    def nearest(self, position: np.ndarray) -> tuple[str, str, float]:
        """Bodies of the pair that is nearest at joint positions (J,), and its distance, m."""
        self._place(position)
        distances = [self._distance(one, other, _FAR) for one, other in self._pairs]
        i = int(np.argmin(distances))
        return (*self._names(i), distances[i])

    def _names(self, pair: int) -> tuple[str, str]:
        one, other = (self._model.body(self._model.geom_bodyid[g]).name for g in self._pairs[pair])
        return "table" if self._to_table[pair] else one, other

    def _least(self, position: np.ndarray) -> float:
        self._place(position)
        centres = self._data.geom_xpos
        one, other = self._pairs.T
        gap = np.linalg.norm(centres[one] - centres[other], axis=1) - self._reach
        below = centres[other, 2] - self._model.geom_rbound[other]
        close = self._pairs[np.where(self._to_table, below, gap) < self.enough]
        return min((self._distance(*pair) for pair in close), default=self.enough)

    def _place(self, position: np.ndarray) -> None:
        self._data.qpos[self._qpos] = position[: len(self._qpos)]
        for follower in self._followers:
            self._data.qpos[follower.address] = follower.position(position[-1])
        mujoco.mj_kinematics(self._model, self._data)

    def _distance(self, one: int, other: int, most: float | None = None) -> float:
        most = self.enough if most is None else most
        return mujoco.mj_geomDistance(self._model, self._data, one, other, most, None)


def _pairs(m: mujoco.MjModel, table: int, hand: int) -> list[tuple[int, int]]:
    """Geoms that must not meet; the table comes first in its pairs."""
    group = m.body_weldid.copy()  # links that move as one
    for body in range(1, m.nbody):
        parent = m.body_parentid[body]
        if parent == hand or group[parent] == m.body_weldid[hand]:
            group[body] = m.body_weldid[hand]  # fingers, and what is between them
    before = {g: group[m.body_parentid[g]] for g in set(group.tolist())}
    excluded = {(signature >> 16, signature & 0xFFFF) for signature in m.exclude_signature}
    solid = [g for g in range(m.ngeom) if g != table and _counts(m, g)]
    pairs = [(table, g) for g in solid if group[m.geom_bodyid[g]] != 0]
    for a, b in combinations(solid, 2):
        one, other = m.geom_bodyid[a], m.geom_bodyid[b]
        g, h = group[one], group[other]
        near = g == h or before[g] == h or before[h] == g
        if not near and not {(one, other), (other, one)} & excluded:
            pairs.append((a, b))
    return pairs


def _counts(m: mujoco.MjModel, geom: int) -> bool:
    """Shapes that collide, and all of a link that has no such shape."""
    body = m.geom_bodyid[geom]
    of_body = np.flatnonzero(m.geom_bodyid == body)
    collide = (m.geom_contype[of_body] | m.geom_conaffinity[of_body]) != 0
    return bool(not collide.any() or collide[of_body == geom][0])
