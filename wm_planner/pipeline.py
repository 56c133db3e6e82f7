"""Frame to command, without ROS: the page to read first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from wm_planner.interfaces import Planner, Robot, WorldModel
from wm_planner.memory import Memory
from wm_planner.perception.images import observe
from wm_planner.planning import shift
from wm_planner.types import Command, JointState, Latent, Observation, Plan


class View(NamedTuple):
    """What the robot of one episode knows."""

    frames: Mapping[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB
    proprio: np.ndarray  # (P,)


class Thought(NamedTuple):
    """What came of the frames of B episodes."""

    latent: Latent
    plan: Plan


class Pipeline:
    """Encodes frames, plans in imagination, and turns plans into joint commands.

    `think` is the slow part and touches no robot state; `act` is fast.
    """

    def __init__(
        self,
        world_model: WorldModel,
        planner: Planner,
        robot: Robot,
        cameras: tuple[str, ...],
        image_size: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.robot = robot
        self.world_model = world_model
        self._planner = planner
        self._cameras, self._image_size, self._device = cameras, image_size, device
        self.reset(seed=0)

    def reset(self, seed: int) -> None:
        """Forget the last episode. The same seed and the same frames give the same commands."""
        self.reset_many([seed])

    def think(self, frames: Mapping[str, np.ndarray], proprio: np.ndarray) -> Thought:
        """Plan from a frame (h, w, 3) uint8 RGB of each camera and proprioception (P,)."""
        return self.think_many({0: View(frames, proprio)})

    def act(self, plan: Plan, joint_state: JointState) -> Command:
        """Joint trajectory for the plan's first action."""
        action = plan.actions[0, 0].double().cpu().numpy()
        return self.robot.to_command(action, joint_state)

    def reset_many(self, seeds: Sequence[int]) -> None:
        """Begin an episode for each seed, to be planned in one batch."""
        self._memory = Memory(seeds, self._device)

    @torch.inference_mode()
    def think_many(self, views: Mapping[int, View]) -> Thought:
        """Plan for some of the episodes, by their number; the batch is in the views' order."""
        episodes = list(views)
        memory = self._memory.recall(episodes)
        latent = self.world_model.encode(self._observe(views.values()), memory.latent)
        plan = self._planner.plan(latent, memory.warm_start, memory.generators)
        self._memory.remember(episodes, latent, shift(plan.actions))
        return Thought(latent, plan)

    def _observe(self, views: Iterable[View]) -> Observation:
        observations = [
            observe(view.frames, view.proprio, self._cameras, self._image_size, self._device)
            for view in views
        ]
        return Observation(*map(torch.cat, zip(*observations, strict=True)))
