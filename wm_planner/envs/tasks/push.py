"""Push: move a block that is too wide to grasp onto the mark, and leave it there for a second."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wm_planner.envs.colours import rgba
from wm_planner.envs.expert import CLOSE, Hand, move_to
from wm_planner.envs.props import Block, Mark, Prop
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.starts import draw_places
from wm_planner.envs.tasks.task import Judgement

STAY_STEPS = 10  # control steps, 1 s
ON_MARK = 0.025  # m the block's centre may be off the mark's
_AREA = np.array([[0.40, -0.17], [0.60, 0.17]])  # m: the hand must get behind a block anywhere
_APART = 0.12  # m between block and mark at the start, at least
_TIP = 0.012  # m, half the width of the closed fingers
_HIGH = 0.045  # m the hand passes above the block's centre
_ENOUGH = 0.008  # m off the mark, where the expert stops pushing
_STEER = 0.5  # of how far the hand is off the line of push, that it moves across a step
_AHEAD = 0.03  # m the expert's goal is ahead of the hand while it pushes


class Push:
    """A 10 cm block and a mark, each anywhere in a 20 x 34 cm area; the block at any yaw."""

    name = "push"
    time_limit = 200
    landmark_size = 9
    stages: tuple[str, ...] = ("reach", "push", "let go", "stay")

    def __init__(self) -> None:
        self.instruction = instructions.push("the red block", "the blue mark")
        self._stayed = 0

    def props(self) -> tuple[Prop, ...]:
        return (Block("block", rgba=rgba("red")), Mark("mark", radius=0.065, rgba=rgba("blue")))

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._stayed = 0
        block, mark = draw_places(rng, np.full((2, 2), _APART), _AREA)
        half_height = simulation.model.geom("block").size[2]
        simulation.place("block", np.r_[block, half_height], rng.uniform(-np.pi, np.pi))
        simulation.mark("mark", mark)

    def judge(self, simulation: Simulation) -> Judgement:
        now = _Push.of(simulation)
        self._stayed = self._stayed + 1 if now.done else 0
        return Judgement(now.reward, self._stayed >= STAY_STEPS, now.landmarks, now.stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        return _Push.of(simulation).expert(goal)


class _Push(NamedTuple):
    """Hand, block and mark as they are now."""

    hand: Hand
    block: np.ndarray  # (3,) m
    half: float  # m, half its edge
    yaw: float  # rad
    gap: np.ndarray  # (2,) m from the block to the mark
    touched: bool

    @classmethod
    def of(cls, simulation: Simulation) -> _Push:
        hand, body = Hand.of(simulation), simulation.data.body("block")
        block, gap = body.xpos.copy(), simulation.data.body("mark").xpos[:2] - body.xpos[:2]
        yaw = float(np.arctan2(body.xmat[3], body.xmat[0]))
        half = simulation.half_edge("block")
        return cls(hand, block, half, yaw, gap, hand.touches("block"))

    @property
    def distance(self) -> float:
        """m from the block to the mark."""
        return float(np.linalg.norm(self.gap))

    @property
    def on_mark(self) -> bool:
        return self.distance < ON_MARK

    @property
    def done(self) -> bool:
        """On the mark, and let go of."""
        return self.on_mark and not self.touched

    @property
    def reward(self) -> float:
        """In [0, 1]; above 0.85 it is done."""
        to_hand = float(np.linalg.norm(self.block - self.hand.position))
        if self.done:
            return float(0.85 + 0.15 * np.clip(to_hand / 0.1, 0.0, 1.0))
        near = 1.0 - np.tanh(5.0 * max(0.0, to_hand - self.half))
        return float(0.2 * near + 0.6 * (1.0 - np.tanh(5.0 * self.distance)))

    @property
    def landmarks(self) -> np.ndarray:
        """(9,) float32; a square block looks the same after a quarter of a turn."""
        turn = np.r_[np.cos(4 * self.yaw), np.sin(4 * self.yaw)]
        offset = (self.block - self.hand.position) / 0.2
        flags = np.r_[float(self.touched), float(self.on_mark)]
        return np.r_[offset, self.gap / 0.2, turn, flags].astype(np.float32)

    @property
    def stage(self) -> int:
        if self.on_mark:
            return 2 if self.touched else 3
        return int(self.touched)

    def expert(self, goal: np.ndarray) -> np.ndarray:
        """Action (4,): over the block, down behind it, push; or again."""
        high = self.block[2] + _HIGH
        from_block = self.hand.position[:2] - self.block[:2]
        if self.distance < _ENOUGH or self.done:
            back = 0.03 * from_block / np.linalg.norm(from_block)
            return move_to(goal, np.r_[self.hand.position[:2] + back, high], CLOSE)
        way = self.gap / self.distance
        across = np.array([-way[1], way[0]])
        along, aside = way @ from_block, across @ from_block
        low = self.hand.position[2] < self.block[2] + 0.02
        if low and abs(aside) < 0.02 and 0 < -along - self._reach(way) + 0.015 < 0.06:
            push = min(self.distance, _AHEAD) * way - _STEER * aside * across
            return move_to(goal, np.r_[self.hand.position[:2] + push, self.block[2]], CLOSE)
        start = self.block[:2] - (self._reach(way) + 0.02) * way
        if np.linalg.norm(start - self.hand.position[:2]) < 0.015:
            return move_to(goal, np.r_[start, self.block[2]], CLOSE)
        if self.hand.position[2] < high - 0.015:
            return move_to(goal, np.r_[goal[:2], high], CLOSE)
        return move_to(goal, np.r_[start, high], CLOSE)

    def _reach(self, way: np.ndarray) -> float:
        """m from the block's centre to the hand's where it touches, to push it that way (2,)."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        faces = abs(c * way[0] + s * way[1]), abs(c * way[1] - s * way[0])
        return self.half / max(faces) + _TIP
