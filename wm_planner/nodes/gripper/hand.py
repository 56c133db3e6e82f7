"""Hands that are told to close and to open, as their drivers listen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, final

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Bool
from std_srvs.srv import SetBool

from wm_planner.gripper_interface import GripperInterface

Answer = Callable[[str], None]
"""Is told, once, what went wrong; an empty text: nothing."""

_REPEAT = 1.0  # s; a driver that restarts may not ask for what was published before


class Hand(Protocol):
    """The driver of a gripper. No call of these waits for it."""

    where: str  # it listens, for people
    repeat: float  # s after which it is told the same again; infinite where it answers

    def missing(self) -> str:
        """Why nobody would hear; empty when somebody would."""
        ...

    def tell(self, opened: bool, answer: Answer) -> None:
        """Tell it; `answer` is called now or later, or never."""
        ...

    def give_up(self) -> None:
        """Wait no longer for the last answer."""
        ...

    def close(self) -> None:
        """Destroy what it was told with; it keeps its state."""
        ...


@final
class TopicHand:
    """Takes std_msgs/Bool; it answers nothing, so it is told again and again."""

    repeat = _REPEAT

    def __init__(self, publisher: Publisher, interface: GripperInterface) -> None:
        self.where = f"topic {publisher.topic_name}"
        self._publisher, self._interface = publisher, interface

    def missing(self) -> str:
        if self._publisher.get_subscription_count() > 0:
            return ""
        return "nobody listens to it: start the hand's driver, or remap its topic"

    def tell(self, opened: bool, answer: Answer) -> None:
        self._publisher.publish(Bool(data=self._interface.flag(opened)))
        answer("")

    def give_up(self) -> None:
        pass

    def close(self) -> None:
        pass  # whoever made the publisher destroys it


@final
class ServiceHand:
    """Takes std_srvs/SetBool."""

    repeat = math.inf

    def __init__(self, node: Node, interface: GripperInterface) -> None:
        self._node, self._interface = node, interface
        self._client: Any = node.create_client(SetBool, interface.name)
        self._call: Any = None
        self.where = f"service {self._client.service_name}"

    def missing(self) -> str:
        if self._client.service_is_ready():
            return ""
        return "there is no such service: start the hand's driver, or remap the service"

    def tell(self, opened: bool, answer: Answer) -> None:
        self._call = self._client.call_async(SetBool.Request(data=self._interface.flag(opened)))
        self._call.add_done_callback(lambda call: answer(_refusal(call)))

    def give_up(self) -> None:
        if self._call is not None and not self._call.done():
            self._client.remove_pending_request(self._call)
        self._call = None

    def close(self) -> None:
        self.give_up()
        self._node.destroy_client(self._client)


def _refusal(call: Any) -> str:
    if call.cancelled():
        return "the call was cancelled"
    if (error := call.exception()) is not None:
        return str(error)
    response: SetBool.Response = call.result()
    why = response.message or "it does not say why; look at the driver's log"
    return "" if response.success else f"the driver refused: {why}"
