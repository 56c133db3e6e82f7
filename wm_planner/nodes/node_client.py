"""Calls the services of other nodes and waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from std_srvs.srv import Trigger

from wm_planner.errors import UserError

DISCOVERY = 60.0  # s a node gets to appear, imports included, on a busy machine too
_CALL = 30.0  # s a service call may take
_TRANSITION = 330.0  # s: configure loads the model and, the first time, compiles its imagination
_UP = (
    (
        Transition.TRANSITION_CONFIGURE,
        State.PRIMARY_STATE_UNCONFIGURED,
        State.PRIMARY_STATE_INACTIVE,
    ),
    (Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_ACTIVE),
)


class NodeClient:
    """Owns a node and its executor, which run while something is waited for."""

    def __init__(self, name: str, alive: Callable[[], None] = lambda: None) -> None:
        """`alive` is called while waiting and may raise to give up."""
        self.node = Node(name)
        self._alive = alive
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()

    def bring_up(self, node: str) -> None:
        """Configure and activate a node; a UserError says which transition it refused."""
        read = f"{node}/get_state"
        state = self.call(GetState, read, GetState.Request()).current_state
        for transition, start, goal in _UP:
            if state.id != start:
                continue  # somebody else has brought it further
            request = ChangeState.Request(transition=Transition(id=transition))
            self.call(ChangeState, f"{node}/change_state", request, _TRANSITION)
            state = self.call(GetState, read, GetState.Request()).current_state
            if state.id != goal:
                raise UserError(
                    f"the planner node is '{state.label}' after transition {transition}; its log "
                    "says why"
                )

    def trigger(self, service: str) -> None:
        """Call a Trigger service; a refusal is a UserError."""
        response = self.call(Trigger, service, Trigger.Request())
        if not response.success:
            raise UserError(f"{service}: {response.message}")

    def set_seed(self, node: str, seed: int) -> None:
        """Set a node's `seed` parameter."""
        value = Parameter("seed", value=seed).to_parameter_msg()
        request = SetParameters.Request(parameters=[value])
        result = self.call(SetParameters, f"{node}/set_parameters", request).results[0]
        if not result.successful:
            raise UserError(f"{node}: seed {seed} refused: {result.reason}")

    def check_parameters(self, node: str, wanted: Mapping[str, Any]) -> None:
        """A UserError unless a running node has these parameters."""
        request = GetParameters.Request(names=list(wanted))
        values = self.call(GetParameters, f"{node}/get_parameters", request).values
        for (name, expected), value in zip(wanted.items(), values, strict=True):
            found: Any = parameter_value_to_python(value)
            if isinstance(expected, list) and found is not None:
                found = list(found)
            if found != expected:
                raise UserError(
                    f"{node}: parameter {name} is {found!r}, the trials are of {expected!r}; "
                    "start the node with it, or change the trials' configuration"
                )

    def call(self, kind: type, service: str, request: Any, patience: float = _CALL) -> Any:
        """Call a service and wait for its answer, `patience` s at most."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
        client = self._clients[service]
        deadline = time.monotonic() + DISCOVERY
        while not client.wait_for_service(timeout_sec=0.2):
            self._alive()
            if time.monotonic() > deadline:
                raise UserError(f"no service {service} within {DISCOVERY:.0f} s; is the node up?")
        future = client.call_async(request)
        self._executor.spin_until_future_complete(future, timeout_sec=patience)
        if not future.done():
            raise UserError(f"service {service} gave no answer within {patience:.0f} s")
        return future.result()

    def spin_until(self, finished: Callable[[], bool], seconds: float) -> bool:
        """Handle messages until `finished`, for so long at most; returns whether it is."""
        end = time.monotonic() + seconds
        while not finished() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)
            self._alive()
        return finished()
