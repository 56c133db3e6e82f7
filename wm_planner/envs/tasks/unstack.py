"""Unstack: the cube to lift lies under another one, which must lie on the table before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.envs.colours import rgba
from wm_planner.envs.expert import OPEN, carry, grasp, leave, move_to
from wm_planner.envs.props import Cube
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.lifting import HOLD_STEPS, Lift
from wm_planner.envs.tasks.lifting import STAGES as LIFT_STAGES
from wm_planner.envs.tasks.starts import AREA
from wm_planner.envs.tasks.task import Judgement
from wm_planner.envs.tasks.transfer import Transfer

_ASIDE = 0.09  # m between the two, so that an open hand fits over the lower one
_FAR_ASIDE = 0.13  # m, what the expert aims at
_CLEARANCE = 0.10  # m the expert carries it above the table: off the other, straight up
_FLAT = 0.008  # m above or below where a cube lies on the table
_SIDE = 0.02  # m that it is off, to be on one side
_ROOM = 0.12  # m from the middle, up to which there is room on both sides
_OFF_CENTRE = 0.006  # m that the upper one is off at the start, on each axis
_AWAY = 0.06  # m from the upper one to a hand that is done with it


class Unstack:
    """Two 4 cm cubes, one on the other, anywhere in a 24 x 36 cm area, each at any yaw."""

    name = "unstack"
    time_limit = 200
    landmark_size = 9
    stages: tuple[str, ...] = ("reach upper", "put aside", "let go", *LIFT_STAGES)

    def __init__(self) -> None:
        self.instruction = instructions.lift("the red cube")
        self._held = 0

    def props(self) -> tuple[Cube, ...]:
        return (Cube("cube", rgba=rgba("red")), Cube("upper", rgba=rgba("yellow")))

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._held = 0
        place, half = rng.uniform(*AREA), simulation.half_edge("cube")
        upper = place + rng.uniform(-_OFF_CENTRE, _OFF_CENTRE, 2)
        for name, xy, z in (("cube", place, half), ("upper", upper, 3 * half)):
            simulation.place(name, np.r_[xy, z], rng.uniform(-np.pi, np.pi))

    def judge(self, simulation: Simulation) -> Judgement:
        pair = _Pair.of(simulation)
        self._held = self._held + 1 if pair.free and pair.lower.up else 0
        flags = np.r_[float(pair.upper.grasped), float(pair.lower.grasped), float(pair.free)]
        offsets = np.r_[pair.upper.offset, pair.lower.offset] / 0.2
        landmarks = np.r_[offsets, flags].astype(np.float32)
        return Judgement(pair.reward, self._held >= HOLD_STEPS, landmarks, pair.stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        pair = _Pair.of(simulation)
        if pair.upper.grasped:
            if pair.flat and pair.apart > _ASIDE:
                return move_to(goal, pair.upper.hand.position, OPEN)
            return carry(pair.upper.hand, goal, pair.upper.gap, 2 * _FAR_ASIDE, _CLEARANCE)
        if not pair.free:
            return grasp(pair.upper.hand, goal, pair.upper.position, pair.upper.half)
        if np.linalg.norm(pair.upper.offset) < _AWAY and not pair.lower.grasped:
            return leave(pair.upper.hand, goal, pair.upper.position)
        return pair.lower.expert(goal)


class _Pair(NamedTuple):
    """Where the two are."""

    upper: Transfer  # to a place beside the other, on its side, or where there is room
    lower: Lift

    @classmethod
    def of(cls, simulation: Simulation) -> _Pair:
        lower = Lift.of(simulation, "cube", simulation.half_edge("cube"))
        x, y, _ = lower.position
        off = simulation.data.body("upper").xpos[1] - y
        side = off if abs(off) > _SIDE and abs(y) < _ROOM else -y
        beside = np.array([x, y + np.copysign(_FAR_ASIDE, side)])
        return cls(Transfer.onto_table(simulation, "upper", beside), lower)

    @property
    def apart(self) -> float:
        """m from one to the other, sideways."""
        return float(np.linalg.norm((self.upper.position - self.lower.position)[:2]))

    @property
    def flat(self) -> bool:
        """The upper one lies on the table."""
        return abs(self.upper.lift) < _FLAT

    @property
    def free(self) -> bool:
        """The upper one is out of the way and let go of."""
        out_of_the_way = self.apart > _ASIDE or self.lower.height > 0.03
        return self.flat and not self.upper.touched and out_of_the_way

    @property
    def reward(self) -> float:
        if self.free:
            return 0.5 + 0.5 * self.lower.reward
        reach = 0.1 * (1.0 - np.tanh(5.0 * np.linalg.norm(self.upper.offset)))
        aside = np.clip(self.apart / _ASIDE, 0.0, 1.0)
        down = 1.0 - np.tanh(12.0 * abs(self.upper.lift))
        return float(reach + self.upper.grasped * (0.1 + 0.2 * aside + 0.1 * aside * down))

    @property
    def stage(self) -> int:
        if self.free:
            return 3 + self.lower.stage
        if not self.upper.grasped:
            return 0
        return 2 if self.flat and self.apart > _ASIDE else 1
