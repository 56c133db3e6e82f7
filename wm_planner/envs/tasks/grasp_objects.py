"""Grasp objects: lift a thing of some shape and colour, which training has shown, or has not."""

from __future__ import annotations

import numpy as np

from wm_planner.envs.colours import COLOURS, SEEN_COLOURS, UNSEEN_COLOURS
from wm_planner.envs.objects import Changeling
from wm_planner.envs.shapes import SEEN_SHAPES, UNSEEN_SHAPES, Shape
from wm_planner.envs.simulation import Simulation
from wm_planner.envs.tasks import instructions
from wm_planner.envs.tasks.instructions import thing
from wm_planner.envs.tasks.lifting import HOLD_STEPS, STAGES, Lift
from wm_planner.envs.tasks.starts import AREA
from wm_planner.envs.tasks.task import Judgement

_FUNNEL = 0.006  # m: some things nearly fill the hand


class GraspObjects:
    """One thing anywhere in a 24 x 36 cm area; its shape and colour are drawn for each episode."""

    time_limit = 100
    landmark_size = 4
    stages: tuple[str, ...] = STAGES

    def __init__(self, name: str, shapes: tuple[Shape, ...], colours: tuple[str, ...]) -> None:
        self.name = name
        self._colours = colours
        self._object = Changeling("object", shapes)
        self._held, self._rest = 0, 0.0
        self.instruction = instructions.lift(thing(colours[0], shapes[0].name))

    @classmethod
    def seen(cls) -> GraspObjects:
        """The things to train on."""
        return cls("grasp_objects", SEEN_SHAPES, SEEN_COLOURS)

    @classmethod
    def unseen(cls) -> GraspObjects:
        """Other shapes in other colours."""
        return cls("grasp_unseen", UNSEEN_SHAPES, UNSEEN_COLOURS)

    def props(self) -> tuple[Changeling, ...]:
        return (self._object,)

    def start(self, simulation: Simulation, rng: np.random.Generator) -> None:
        self._held = 0
        shape = self._object.shapes[rng.integers(len(self._object.shapes))]
        colour = self._colours[rng.integers(len(self._colours))]
        self._object.become(simulation.model, shape, COLOURS[colour])
        self.instruction = instructions.lift(thing(colour, shape.name))
        self._rest = self._object.height(simulation.model, shape)
        yaw = rng.uniform(-shape.turn, shape.turn) + np.pi * rng.integers(2)
        simulation.place("object", np.r_[rng.uniform(*AREA), self._rest], yaw)

    def judge(self, simulation: Simulation) -> Judgement:
        lift = Lift.of(simulation, "object", self._rest)
        self._held = self._held + 1 if lift.up else 0
        landmarks = np.r_[lift.offset / 0.2, float(lift.grasped)].astype(np.float32)
        return Judgement(lift.reward, self._held >= HOLD_STEPS, landmarks, lift.stage)

    def expert(self, simulation: Simulation, goal: np.ndarray) -> np.ndarray:
        return Lift.of(simulation, "object", self._rest).expert(goal, _FUNNEL)
