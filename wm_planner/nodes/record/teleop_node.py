"""Teleoperation: the planner node with a person's hands in place of a plan.

So what a person does goes through the same images, joints, limits, watchdogs and topics as what the
planner will do, and ~/plan_statistics tells each action with the proprioception it was taken in.
"""

from __future__ import annotations

from typing import Any, final

import torch
from rcl_interfaces.msg import ParameterDescriptor
from sensor_msgs.msg import Joy
from torch import Tensor

from wm_planner.assembly import build_arm
from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.nodes.planner_node import PlannerNode
from wm_planner.nodes.record.joy_hands import LAYOUTS, JoyHands
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.noise import Generators
from wm_planner.pipeline import Pipeline
from wm_planner.types import (
    UNKNOWN,
    Latent,
    Observation,
    Plan,
    PlanStatistics,
    Proposal,
    Rollout,
    Situation,
)

_LEAST = 16  # pixels of a frame that shows anything


@final
class NoModel:
    """A world model that believes nothing: a person looks."""

    def encode(self, observation: Observation, foreseen: Latent | None = None) -> Latent:
        return Latent(torch.zeros(len(observation.images), 1))

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        return latent

    def branches(self, latent: Latent, actions: Tensor) -> Tensor:
        return latent.z[:, None].expand(-1, actions.shape[1], -1)

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        raise UserError("a person imagines nothing that could be read")

    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        raise UserError("a person has no prior that could be read")


@final
class PersonalPlanner:
    """Plans what a person's hands say now; nothing after that."""

    def __init__(self, hands: JoyHands) -> None:
        self._hands = hands

    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """The action, then a step of standing still, in case the next frames are late."""
        action = torch.from_numpy(self._hands.action()).float()
        still = torch.cat([torch.zeros(len(action) - 1), action[-1:]])
        actions = torch.stack([action, still])[None]
        nothing = torch.full((1,), torch.nan)
        return Plan(actions, nothing, torch.zeros_like(actions), PlanStatistics(0, 0))


class TeleopNode(PlannerNode):
    """Hears Joy; everything else is as in the planner node."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, default, text in (
            ("robot", "panda", "Name of the robot in config/robots, or the path of a robot file."),
            ("joy_layout", "action", f"What sends Joy: one of {', '.join(LAYOUTS)}."),
        ):
            self.declare_parameter(name, default, ParameterDescriptor(description=text))

    def _load(self, settings: dict[str, Any]) -> tuple[Pipeline, tuple[str, ...]]:
        layout = self.get_parameter("joy_layout").value
        if layout not in LAYOUTS:
            raise UserError(f"joy_layout is {layout!r}, expected one of {', '.join(LAYOUTS)}")
        robot = self.get_parameter("robot").value
        self._contract = Contract.load(robot)
        hands = JoyHands(LAYOUTS[layout])
        self._kept(
            self.create_subscription(Joy, self._contract.joy, hands.hear, 10),
            self.destroy_subscription,
        )
        arm = build_arm(robot)
        cameras = tuple(camera.name for camera in self._contract.cameras)
        pipeline = Pipeline(
            NoModel(),
            PersonalPlanner(hands),
            arm,
            cameras,
            _LEAST,
            period=1 / arm.config.control_rate_hz,
            action_delay=0.0,
            budget="a person",
        )
        return pipeline, cameras


def main() -> int:
    return spin_until_signal(TeleopNode, TeleopNode.take_down)


if __name__ == "__main__":
    raise SystemExit(main())
