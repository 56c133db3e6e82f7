"""Records topics into a rosbag2 in MCAP, which rosbags, `ros2 bag` and Foxglove open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, TypesysError, get_typestore

from wm_planner.errors import UserError
from wm_planner.evaluation.records import explained

_LEFT_OUT = ("/rosout", "/parameter_events")
_DISCOVERY_PERIOD = 0.5  # s
_FLUSH_PERIOD = 0.5  # s of messages that are lost when the process is killed
_DEPTH = 200  # messages
_CUT_SHORT = "this recording is incomplete"


class Recorder:
    """Records while its `with` block runs and the node is spun.

    Messages are stamped with the node's clock as they arrive and written as they came, serialized.
    All but the last half second of them is in the file if the process is killed, and can be read by
    `wm_planner import`.
    """

    def __init__(
        self,
        node: Node,
        folder: Path,
        topics: Collection[str] | None = None,
        heard: Callable[[str, int, bytes], bool] = lambda topic, time, serialized: True,
    ) -> None:
        """`topics` are all unless given; `heard` is told of each message whether it is written."""
        if folder.exists():
            raise UserError(f"{folder}: exists already; remove it or choose another --out")
        self.skipped: set[str] = set()  # topics of types that cannot be imported
        self._node, self._folder = node, folder
        self._topics, self._heard = topics, heard
        self._writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._typestore = get_typestore(Stores.ROS2_KILTED)
        self._subscriptions: dict[str, Subscription] = {}

    def __enter__(self) -> Recorder:
        with explained(self._folder):
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._writer.open()
        self._discover()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timers = [
            self._node.create_timer(period, act, clock=steady)
            for period, act in ((_DISCOVERY_PERIOD, self._discover), (_FLUSH_PERIOD, self.flush))
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            self._node.destroy_timer(timer)
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        try:
            with explained(self._folder, _CUT_SHORT):
                self._writer.close()
        except UserError:
            with suppress(OSError):  # as reported
                self._writer.abort()
            raise

    def flush(self) -> None:
        """Hand what was recorded so far to the operating system: a killed process loses none."""
        storage = self._writer.storage
        if not isinstance(storage, McapWriter):
            return  # closed
        with explained(self._folder, _CUT_SHORT):
            if storage.chunk.msgs:
                storage.close_chunk()
            storage.bio.flush()

    def write(self, topic: str, kind: str, serialized: bytes) -> None:
        """Write a message of the recorder's own, and see to it that it is in the file."""
        own = next((c for c in self._writer.connections if c.topic == topic), None)
        if own is None:
            own = self._writer.add_connection(topic, kind, typestore=self._typestore)
        with explained(self._folder, _CUT_SHORT):
            self._writer.write(own, self._node.get_clock().now().nanoseconds, serialized)
        self.flush()

    def _discover(self) -> None:
        """Subscribe to topics that are new, and anew to those of which less is offered now."""
        for topic, types in self._node.get_topic_names_and_types():
            offers = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
            wanted = topic not in _LEFT_OUT if self._topics is None else topic in self._topics
            if not offers or topic in self.skipped or not wanted:
                continue  # what will be offered is known once there is a publisher
            if topic in self._subscriptions:
                self._listen_to_all(topic, offers)
            else:
                self._subscribe(topic, types[0], _matching(offers))

    def _subscribe(self, topic: str, kind: str, qos: QoSProfile) -> None:
        try:
            message = self._message_class(kind)
            connection = self._writer.add_connection(topic, kind, typestore=self._typestore)
        except (ImportError, AttributeError, LookupError, TypesysError, WriterError) as error:
            self.skipped.add(topic)
            self._node.get_logger().warning(f"{topic} of type {kind} is not recorded: {error}")
            return
        self._subscriptions[topic] = self._node.create_subscription(
            message, topic, self._writes(connection), qos, raw=True
        )

    def _message_class(self, kind: str) -> type:
        """Of a type that rosbags knows: what strangers announce is not imported unseen."""
        if kind not in self._typestore.fielddefs:
            raise LookupError(f"rosbags knows no type {kind!r}")
        package, _, name = kind.split("/")
        return getattr(import_module(f"{package}.msg"), name)

    def _listen_to_all(self, topic: str, offers: Sequence[QoSProfile]) -> None:
        """Ask for less where a publisher that came later would not be heard."""
        old = self._subscriptions[topic]
        qos = _matching([*offers, old.qos_profile])
        if qos != old.qos_profile:
            self._node.destroy_subscription(old)
            self._subscriptions[topic] = self._node.create_subscription(
                old.msg_type, topic, old.callback, qos, raw=True
            )

    def _writes(self, connection: Connection) -> Callable[[bytes], None]:
        def write(serialized: bytes) -> None:
            now = self._node.get_clock().now().nanoseconds
            if self._heard(connection.topic, now, serialized):
                with explained(self._folder, _CUT_SHORT):
                    self._writer.write(connection, now, serialized)

        return write


def _matching(offers: Sequence[QoSProfile]) -> QoSProfile:
    """As reliable and durable as all publishers are: asking for more, some would not be heard."""
    reliable = all(q.reliability == ReliabilityPolicy.RELIABLE for q in offers)
    durable = all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offers)
    return QoSProfile(
        depth=_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if durable else DurabilityPolicy.VOLATILE,
    )
