"""Records the episodes that somebody shows, and says each second how that goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.serialization import serialize_message
from std_srvs.srv import Trigger

from wm_planner.contract import Contract, topic
from wm_planner.errors import UserError
from wm_planner.nodes.record.episode_log import EPISODES, EpisodeLog, Event
from wm_planner.nodes.record.streams import Streams
from wm_planner.nodes.recorder import Recorder

_PERIOD = 1.0  # s between two reports
_LEAST_FREE = 2**28  # bytes
_KIND = "diagnostic_msgs/msg/DiagnosticStatus"


class RecordingDesk:
    """In its `with` block, and while the node is spun, the services /record/* are there.

    What the contract names is written into a bag from start to the end of an episode, as it comes.
    """

    def __init__(
        self,
        node: Node,
        contract: Contract,
        folder: Path,
        instruction: str = "",
        say: Callable[[str], object] = print,
    ) -> None:
        self._node, self._folder, self._say = node, folder, say
        self._topics = topics_of(contract)
        self._streams = Streams(contract)
        self._recorder = Recorder(node, folder, self._topics, self._hear)
        self.log = EpisodeLog(self._write, instruction)

    def __enter__(self) -> RecordingDesk:
        self._recorder.__enter__()
        self._services = [
            self._node.create_service(
                Trigger, f"/record/{event.value}", partial(self._serve, event)
            )
            for event in Event
        ]
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self._node.create_timer(_PERIOD, self._report, clock=steady)
        return self

    def __exit__(self, *error: object) -> None:
        if self.log.running:
            self.log.say(Event.STOP)
        self._node.destroy_timer(self._timer)
        for service in self._services:
            self._node.destroy_service(service)
        self._recorder.__exit__(*error)

    def event(self, event: Event) -> tuple[bool, str]:
        """As the service of that name."""
        if event is Event.START and (free := self._free()) < _LEAST_FREE:
            return False, f"{free // 2**20} MiB are free on the disk of {self._folder}: make room"
        answer = self.log.say(event)
        self._say(answer[1])
        return answer

    def _hear(self, name: str, now: int, serialized: bytes) -> bool:
        """Whether a message is written; what no episode is recorded of is only looked at."""
        self._streams.hear(name, now * 1e-9, serialized)
        return self.log.running

    def _serve(
        self, event: Event, _: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        response.success, response.message = self.event(event)
        return response

    def _write(self, message: DiagnosticStatus) -> None:
        self._recorder.write(EPISODES, _KIND, serialize_message(message))

    def _report(self) -> None:
        now = self._node.get_clock().now().nanoseconds * 1e-9
        free = self._free() / 2**30
        self._say(f"{self.log.told()}: {self._streams.told(now)}, {free:.1f} GiB free")
        if free * 2**30 < _LEAST_FREE and self.log.running:
            self.log.say(Event.STOP)
            raise UserError(f"{self._folder}: the disk is nearly full; what was recorded is safe")

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free


def topics_of(contract: Contract) -> frozenset[str]:
    """What is recorded of a robot."""
    names = (
        contract.joint_states,
        contract.command,
        contract.statistics,
        contract.joy,
        *filter(None, [contract.gripper.topic]),
        *(camera.source for camera in contract.cameras),
    )
    return frozenset(map(topic, names))
