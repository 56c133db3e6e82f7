"""Frame to command, without ROS: the page to read first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from wm_planner.interfaces import Planner, Robot, WorldModel
from wm_planner.perception.images import observe
from wm_planner.planning import shift
from wm_planner.types import Command, JointState, Latent, Plan


class Thought(NamedTuple):
    """What came of a frame."""

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
        self._generator = torch.Generator(device)
        self.reset(seed=0)

    def reset(self, seed: int) -> None:
        """Forget the last episode. The same seed and the same frames give the same commands."""
        self._generator.manual_seed(seed)
        self._latent: Latent | None = None
        self._warm_start: torch.Tensor | None = None

    @torch.inference_mode()
    def think(self, frames: Mapping[str, np.ndarray], proprio: np.ndarray) -> Thought:
        """Plan from a frame (h, w, 3) uint8 RGB of each camera and proprioception (P,)."""
        observation = observe(frames, proprio, self._cameras, self._image_size, self._device)
        self._latent = self.world_model.encode(observation, self._latent)
        plan = self._planner.plan(self._latent, self._warm_start, self._generator)
        self._warm_start = shift(plan.actions)
        return Thought(self._latent, plan)

    def act(self, plan: Plan, joint_state: JointState) -> Command:
        """Joint trajectory for the plan's first action."""
        action = plan.actions[0, 0].double().cpu().numpy()
        return self.robot.to_command(action, joint_state)
