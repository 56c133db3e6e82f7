"""The simulation with a scripted person beside it, who looks at the scene and moves a joystick.

What it does reaches the arm as anybody's teleoperation does, by sensor_msgs/Joy. Privileged: it
knows where things are, as a person does who looks.
"""

from __future__ import annotations

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Joy

from wm_planner.learning.behaviour import GaveUp
from wm_planner.learning.person import Person
from wm_planner.nodes.messages import status
from wm_planner.nodes.sim_node import SimNode
from wm_planner.nodes.spin import spin_until_signal


class PersonNode(SimNode):
    """Publishes `joy` once a control step, and `~/person` when it has had enough."""

    def _create_topics(self) -> None:
        super()._create_topics()
        reliable = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self._joy = self.create_publisher(Joy, "joy", reliable)
        self._moods = self.create_publisher(DiagnosticStatus, "~/person", reliable)
        self.create_subscription(
            DiagnosticStatus, "wm_planner/plan_statistics", self._on_statistics, reliable
        )

    def _begin_episode(self) -> None:
        seed = self._value("seed")
        self._person = Person(np.random.default_rng([seed, 1]))
        self._goal: np.ndarray | None = None  # where the hand is being sent (3,), m
        self._enough = False
        super()._begin_episode()

    def _publish_control_step(self) -> None:
        if not self._enough:
            self._steer()
        super()._publish_control_step()

    def _steer(self) -> None:
        hand = self._simulation.data.site(self._robot.hand_site).xpos.copy()
        goal = hand if self._goal is None else self._goal
        expert = self._task.expert(self._simulation, goal)
        try:
            action = self._person({}, expert)
        except GaveUp:
            self._enough = True
            told = status(
                DiagnosticStatus.OK, "sim: person", "gave up", {"seed": self._value("seed")}
            )
            self._moods.publish(told)
            return
        self._joy.publish(Joy(axes=action.tolist()))

    def _on_statistics(self, message: DiagnosticStatus) -> None:
        """Where an action has sent the hand, by the proprioception it was taken in."""
        values = {pair.key: pair.value for pair in message.values}
        proprio, action = (
            np.array(values[name].split(), np.float64) for name in ("proprio", "action")
        )
        c = self._robot
        lower, upper = np.array(c.workspace_lower), np.array(c.workspace_upper)
        hand = lower + (proprio[:3] + 1) / 2 * (upper - lower)  # see CartesianArm
        ahead = c.goal_reach * proprio[3:6] + c.action_step * action[:3]
        reach = c.goal_reach / max(float(np.linalg.norm(ahead)), c.goal_reach)
        self._goal = np.clip(hand + reach * ahead, lower, upper)


def main() -> int:
    return spin_until_signal(PersonNode, lambda node: node._simulation.close())


if __name__ == "__main__":
    raise SystemExit(main())
