"""Simulation, relay and planner as they are used, with instruments on every line between them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.nodes.faults.limits_monitor import LimitsMonitor
from wm_planner.nodes.faults.relay import RAW, Relay, simulation_remaps
from wm_planner.nodes.faults.sabotaged_planner import ORDERS
from wm_planner.nodes.messages import joint_state
from wm_planner.nodes.processes import TO_PLANNER, end_node, ros_environment, start_node
from wm_planner.nodes.trial_client import TrialClient
from wm_planner.paths import robot_config

PATIENCE = 8.0  # s for anything that is expected
_STARTING = 60.0  # s for a process to be known and ready
_SIMULATION = "wm_planner.nodes.sim_node"
_PLANNER = "wm_planner.nodes.faults.sabotaged_planner"


class Rig:
    """Two real nodes as processes, and what is seen of them from outside.

    Attributes:
        client: calls services, spins.
        relay: spoils what the planner hears.
        limits: checks what the planner commands.
        model: a copy of the model folder, which may be spoiled too.
        task: what the arm is at.
        fault: what the planner says it holds for, "" when it does not.
        since: when it began to say so, monotonic seconds.
        said: the last text of each of its diagnostics, by name.
        plans: how many plans it has reported.
    """

    def __init__(
        self, client: TrialClient, robot: str, domain_id: int, task: str, folder: Path
    ) -> None:
        self.client, self._robot_name = client, robot
        self.robot = RobotConfig.load(robot_config(robot))
        self.relay, self.limits = Relay(client.node), LimitsMonitor(self.robot)
        self.model, self._logs = folder / "model", folder / "logs"
        self.task, self._orders = task, folder / "orders"
        self.order("")
        self._environment = {**ros_environment(domain_id), ORDERS: str(self._orders)}
        self.fault, self.since, self.plans = "", 0.0, 0
        self.said: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen] = {}
        node = client.node
        node.create_subscription(Float64MultiArray, "/wm_planner/commands", self._on_command, 200)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 50)
        node.create_subscription(JointState, f"/{RAW}/joint_states", self._on_joints, 50)
        statistics = "/wm_planner/plan_statistics"
        node.create_subscription(DiagnosticStatus, statistics, self._on_plan, 50)

    # Processes

    def start_simulation(self) -> None:
        parameters = {"task": self.task, "robot": self._robot_name, "lockstep": False}
        remaps = {**simulation_remaps(), **TO_PLANNER}
        self.processes["sim"] = start_node(
            _SIMULATION, self._logs, self._environment, parameters, remaps
        )

    def start_planner(self) -> None:
        """Without notice of surprise: one fault at a time."""
        parameters = {"model": str(self.model), "use_sim_time": True, "max_surprise": 0.0}
        self.processes["planner"] = start_node(_PLANNER, self._logs, self._environment, parameters)

    def kill(self, name: str) -> None:
        """As the kernel would."""
        self.processes[name].kill()
        self.processes[name].wait()

    def pause(self, name: str, seconds: float) -> None:
        """Stop a process and let it go on."""
        self.processes[name].send_signal(signal.SIGSTOP)
        self.spin(seconds)
        self.processes[name].send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End both processes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            end_node(process)

    def order(self, text: str) -> None:
        """What the sabotaged world model does from now on; see sabotaged_planner."""
        partial = self._orders.with_suffix(".partial")
        partial.write_text(text)
        partial.replace(self._orders)

    def restore_model(self, original: Path) -> None:
        shutil.copytree(original, self.model, dirs_exist_ok=True)

    # What is done with the nodes

    def set(self, name: str, value: Any) -> SetParametersResult:
        """Ask the planner to change a parameter."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return self.client.call(SetParameters, "/wm_planner/set_parameters", request).results[0]

    def take_down(self) -> None:
        """Deactivate and clean up the planner."""
        self.client.trigger("/wm_planner/stop")
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
            self.transition(transition)

    def bring_up(self) -> None:
        """Configure and activate the planner, where it is not.

        A process that was killed is known to DDS for a while: what it is asked gets no answer.
        """
        end = time.monotonic() + _STARTING
        while True:
            try:
                self.client.call(GetState, "/wm_planner/get_state", GetState.Request(), 2.0)
                break
            except UserError:
                if time.monotonic() > end:
                    raise
        self.client.configure_and_activate()

    def transition(self, transition: int) -> bool:
        """Ask the planner for a lifecycle transition; returns whether it succeeded."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.client.call(ChangeState, "/wm_planner/change_state", request).success

    def begin_episode(self, seed: int) -> None:
        """A new scene in the simulation, and the planner at work on it: the arm moves."""
        self.bring_up()
        self.client.trigger("/wm_planner/stop")
        self.client.trigger("/sim/pause")
        self.client.set_seed("/sim", seed)
        self.client.trigger("/wm_planner/reset")
        self.client.trigger("/sim/reset")
        self.client.trigger("/wm_planner/start")
        self.expect(self.works, "the planner does not work before the fault")
        self.spin(0.4)

    def works(self) -> bool:
        """No fault is reported, and commands move the arm."""
        now = time.monotonic()
        return not self.fault and now - self.limits.moved < 0.1 and now - self.limits.arrived < 0.1

    def spin(self, seconds: float) -> None:
        """Let time pass."""
        self.client.spin_until(lambda: False, seconds)

    def expect(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait for a condition; a UserError when it does not come."""
        plans, now = self.plans, time.monotonic()
        if not self.client.spin_until(condition, PATIENCE):
            ages = {"command": self.limits.arrived, "motion": self.limits.moved}
            last = ", ".join(f"last {name} {then - now:+.1f} s" for name, then in ages.items())
            made = f"{self.plans - plans} plans in {PATIENCE:.0f} s"
            raise UserError(f"{complaint}: {made}, {last}; it says {self.said}")

    # What is heard

    def _on_command(self, message: Float64MultiArray) -> None:
        self.limits.add(np.array(message.data))

    def _on_joints(self, message: JointState) -> None:
        self.limits.measured = joint_state(message, self.robot.joint_names).positions

    def _on_plan(self, _: DiagnosticStatus) -> None:
        self.plans += 1

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.said[status.name] = status.message
            if status.name == "wm_planner: planner":
                error = status.level == DiagnosticStatus.ERROR
                fault = status.message.removeprefix("holding, ") if error else ""
                if bool(fault) != bool(self.fault):
                    self.since = time.monotonic()
                self.fault = fault


def free_domain() -> int:
    """A DDS domain that other processes of this machine hardly use."""
    return 1 + os.getpid() % 100


Action = Callable[[Rig], Any]
