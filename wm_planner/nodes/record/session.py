"""A recording from a terminal: the nodes it needs, and who moves the arm."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.signals import SignalHandlerOptions

from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.nodes.node_client import NodeClient
from wm_planner.nodes.processes import TO_PLANNER, end_node, ros_environment, start_node
from wm_planner.nodes.record.desk import RecordingDesk
from wm_planner.nodes.record.episode_log import Event
from wm_planner.nodes.record.shadow import Shadow, check_shadow, start_shadow
from wm_planner.nodes.record.terminal import Terminal
from wm_planner.play.joystick import Joystick

_FOR_EVER = 10.0**9  # s
_BEFORE_RESET = 0.3  # s in which what was under way arrives


class Wanted(NamedTuple):
    """What is recorded, and with what."""

    robot: str
    folder: Path
    instruction: str
    joy_layout: str  # empty: somebody else moves the arm
    simulation: dict[str, Any] | None  # parameters of the simulation node; None: a robot
    person: bool  # scripted, beside the simulation
    lockstep: bool
    shadow: Path | None = None  # folder of a model that plans beside whoever drives


@contextmanager
def recording(wanted: Wanted, say: Callable[[str], None]) -> Iterator[Recording]:
    """The nodes that are wanted, up and spun by the block; they end with it."""
    logs = Path(tempfile.mkdtemp(prefix="wm_planner_logs_"))
    environment = dict(os.environ)
    if wanted.simulation is not None:
        environment = ros_environment(1 + os.getpid() % 100)
        os.environ.update(environment)
    contract = Contract.load(wanted.robot)
    if wanted.shadow is not None:
        check_shadow(wanted.shadow, wanted.robot, contract)
    with ExitStack() as stack:
        processes = _start(wanted, contract, logs, environment, stack)
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        stack.callback(rclpy.shutdown)
        client = NodeClient("record", _alive(processes, logs))
        stack.callback(client.close)
        desk = RecordingDesk(client.node, contract, wanted.folder, wanted.instruction, say)
        stack.enter_context(desk)
        if wanted.joy_layout:
            client.bring_up("/wm_planner")
        shadow = None
        if wanted.shadow is not None:
            shadow = Shadow(client, contract, wanted.robot, lambda: desk.log.running)
        yield Recording(wanted, client, desk, contract, shadow)
        if shadow is not None:
            say(shadow.agreement.told())


def _start(
    wanted: Wanted, contract: Contract, logs: Path, environment: dict[str, str], stack: ExitStack
) -> dict[str, subprocess.Popen]:
    """Simulation and teleoperation as processes, as far as they are wanted."""
    processes = {}
    if wanted.simulation is not None:
        module = "record.person_node" if wanted.person else "sim_node"
        cameras = [camera.name for camera in contract.cameras]
        parameters = {**wanted.simulation, "robot": wanted.robot, "cameras": cameras}
        processes["sim_node"] = start_node(
            f"wm_planner.nodes.{module}", logs, environment, parameters, TO_PLANNER
        )
    if wanted.joy_layout:
        parameters = {
            "robot": wanted.robot,
            "joy_layout": wanted.joy_layout,
            "use_sim_time": wanted.simulation is not None,
            "lockstep": wanted.lockstep,
            "command_type": contract.command_type,
        }
        processes["teleop_node"] = start_node(
            "wm_planner.nodes.record.teleop_node", logs, environment, parameters
        )
        if wanted.shadow is not None:
            processes["shadow_node"] = start_shadow(wanted.shadow, parameters, logs, environment)
    for process in processes.values():
        stack.callback(end_node, process)
    return processes


def _alive(processes: dict[str, subprocess.Popen], logs: Path) -> Callable[[], None]:
    def check() -> None:
        for name, process in processes.items():
            if process.poll() is not None:
                raise UserError(
                    f"{name} ended with code {process.returncode}; see the logs in {logs}"
                )

    return check


class Recording:
    """Under way: by hand in a terminal, or by the scripted person."""

    def __init__(
        self,
        wanted: Wanted,
        client: NodeClient,
        desk: RecordingDesk,
        contract: Contract,
        shadow: Shadow | None,
    ) -> None:
        self._wanted, self._contract = wanted, contract
        self._client, self._desk, self._shadow = client, desk, shadow
        self._state: dict[str, str] = {}
        self._gave_up = False
        for topic, heard in (
            ("/sim/task_state", self._on_state),
            ("/sim/person", self._on_person),
        ):
            client.node.create_subscription(DiagnosticStatus, topic, heard, 10)

    def by_hand(self, keyboard: bool, joystick: Joystick | None) -> None:
        """Until Ctrl-C: keys mark episodes, and keys or the joystick move the arm."""
        joy = self._contract.joy if keyboard or joystick is not None else ""
        with Terminal(self._client.node, self._desk.event, joy, joystick):
            if self._shadow is not None:
                self._shadow.begin()
            if self._wanted.joy_layout:
                self._client.trigger("/wm_planner/start")
            self._client.spin_until(lambda: False, _FOR_EVER)

    def by_person(self, seeds: list[int], patience: int) -> Iterator[bool]:
        """The scripted person's episodes, as they end: whether each worked.

        `patience` is in control steps.
        """
        for seed in seeds:
            yield self._show(seed, patience)

    def _show(self, seed: int, patience: int) -> bool:
        client = self._client
        client.trigger("/wm_planner/stop")
        client.trigger("/sim/pause")
        client.set_seed("/sim", seed)
        client.trigger("/wm_planner/reset")
        client.spin_until(lambda: False, _BEFORE_RESET)
        self._state, self._gave_up = {}, False
        if self._shadow is not None:
            self._shadow.begin()
        self._desk.log.seed = seed
        self._desk.event(Event.START)
        client.trigger("/sim/reset")
        client.trigger("/wm_planner/start")
        heard = time.monotonic()

        def over() -> bool:
            nonlocal heard
            if self._state.get("seed") != str(seed):
                if time.monotonic() - heard > 30.0:
                    raise UserError("the simulation says nothing; is the machine overloaded?")
                return False
            worked = self._state["success"] == "True"
            return worked or self._gave_up or int(self._state["step"]) >= patience

        client.spin_until(over, max(60.0, 2.0 * patience))
        worked = self._state.get("success") == "True"
        self._desk.event(Event.SUCCESS if worked else Event.FAILURE)
        return worked

    def _on_state(self, message: DiagnosticStatus) -> None:
        self._state = {pair.key: pair.value for pair in message.values}

    def _on_person(self, message: DiagnosticStatus) -> None:
        self._gave_up = True
