"""A recording's side of a planner in somebody's shadow: starts it, and measures their agreement."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, final

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import QoSProfile, ReliabilityPolicy

from wm_planner.assembly import build_arm
from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.evaluation.agreement import Agreement, AgreementLog
from wm_planner.nodes.messages import MessageError
from wm_planner.nodes.node_client import NodeClient
from wm_planner.nodes.planned import read_planned
from wm_planner.nodes.processes import start_node
from wm_planner.world_models.store import read_config

NAME = "/shadow"
_REMAPS = {
    "__node": NAME.removeprefix("/"),
    "/diagnostics": f"{NAME}/diagnostics",
    "~/instruction": "/wm_planner/instruction",
}
_NOT_OBEYED = 10.0  # rad the arm may be from the commands: it never gets them
_QOS = QoSProfile(depth=200, reliability=ReliabilityPolicy.RELIABLE)


def start_shadow(
    model: Path, driver: Mapping[str, Any], logs: Path, environment: Mapping[str, str]
) -> subprocess.Popen:
    """The node, beside a driver with these parameters."""
    parameters = {
        "model": str(model.resolve()),
        "max_tracking_error": _NOT_OBEYED,
        **{name: driver[name] for name in ("use_sim_time", "lockstep")},
    }
    return start_node("wm_planner.nodes.record.shadow_node", logs, environment, parameters, _REMAPS)


@final
class Shadow:
    """Hears both while the client's node is spun."""

    def __init__(
        self, client: NodeClient, contract: Contract, robot: str, counts: Callable[[], bool]
    ) -> None:
        """`counts`: whether what is done now is of an episode."""
        self._client, self._counts, self._arm = client, counts, build_arm(robot)
        self._log = AgreementLog(self._arm.config.control_rate_hz)
        for topic, put in (
            (contract.statistics, self._log.did),
            (f"{NAME}/plan_statistics", self._log.proposed),
        ):
            heard = partial(self._hear, put)
            client.node.create_subscription(DiagnosticStatus, topic, heard, _QOS)
        client.bring_up(NAME)

    @property
    def agreement(self) -> Agreement:
        """Of all episodes so far."""
        return self._log.so_far()

    def begin(self) -> None:
        """Forget the last episode, and plan."""
        for service in ("stop", "reset", "start"):
            self._client.trigger(f"{NAME}/{service}")

    def _hear(self, put: Callable[..., None], message: DiagnosticStatus) -> None:
        if not self._counts():
            return
        try:
            planned = read_planned(message, self._arm)
        except MessageError:
            return  # the node itself says so
        put(planned.stamp, planned.action)


def check_shadow(model: Path, robot: str, contract: Contract) -> None:
    """A UserError unless the model is of this robot, and sees with its cameras."""
    config = read_config(model / "config.yaml")
    if config.robot != robot:
        raise UserError(
            f"shadow is {model}, a model of robot {config.robot!r}, and {robot!r} is driven; give "
            f"--robot {config.robot}, or another model"
        )
    names = [camera.name for camera in contract.cameras]
    if missing := sorted(set(config.cameras) - set(names)):
        raise UserError(f"shadow is {model}, which sees with {missing}; the robot has {names}")
