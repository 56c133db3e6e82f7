"""Records what the planner tries as an episode: frames, proprioception and actions, as it had them.

Nothing here comes from a simulation that a robot would not have.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import String

from wm_planner.learning.episodes import Episode, unknown
from wm_planner.nodes.messages import decode_image, seconds

_DEPTH = 200  # messages
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
_HOLE = 1.5  # periods between two plans from which on something is missing


class _Plan(NamedTuple):
    stamp: float  # seconds, of the frames it was made from
    proprio: np.ndarray  # (P,)
    action: np.ndarray  # (A,)


class TryRecorder:
    """Listens while its node is spun; `clear` before a try, `episode` after it."""

    def __init__(self, node: Node, cameras: Sequence[str], rate_hz: float) -> None:
        """`rate_hz` is of control."""
        self._cameras, self._period = tuple(cameras), 1.0 / rate_hz
        self._instruction = ""
        self.clear()
        node.create_subscription(String, "/wm_planner/instruction", self._on_instruction, LATCHED)
        reliable = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE)
        for camera in self._cameras:
            heard = partial(self._on_frame, camera)
            node.create_subscription(Image, f"/{camera}/color", heard, reliable)
        node.create_subscription(
            DiagnosticStatus, "/wm_planner/plan_statistics", self._on_plan, reliable
        )

    def clear(self) -> None:
        """Forget what was heard, but not what is to be done, which holds until it is said anew."""
        self._frames: dict[str, dict[float, Image]] = {camera: {} for camera in self._cameras}
        self._plans: dict[float, _Plan] = {}

    def episode(self, seed: int, success: bool, first: float, last: float) -> Episode | None:
        """Of the plans for frames of stamps `first` to `last`; None where there are none.

        The actions of an episode follow each other by a control step: where a plan or a frame is
        missing, what was before is left out.
        """
        half = self._period / 2
        wanted = [
            (plan, frames)
            for stamp in sorted(self._plans)
            if first - half <= stamp <= last + half
            for plan in [self._plans[stamp]]
            if (frames := self._seen(stamp)) is not None
        ]
        begin = 0
        for i in range(1, len(wanted)):
            if wanted[i][0].stamp - wanted[i - 1][0].stamp > _HOLE * self._period:
                begin = i
        if not (whole := wanted[begin:]) or whole[-1][0].stamp < last - _HOLE * self._period:
            return None  # the end, which tells how it went, was not seen
        plans, frames = zip(*whole, strict=True)
        actions = np.stack([plan.action for plan in plans])
        return Episode(
            frames={c: np.stack([decode_image(f[c]) for f in frames]) for c in self._cameras},
            proprio=np.stack([plan.proprio for plan in plans]),
            actions=actions,
            **unknown(actions),
            success=success,
            seed=seed,
            instruction=self._instruction,
        )

    def _seen(self, stamp: float) -> dict[str, Image] | None:
        """Each camera's frame nearest to a stamp, within half a period; None where one is not."""
        found = {}
        for camera, frames in self._frames.items():
            stamps = list(frames)  # they come in the order of their stamps
            i = bisect_left(stamps, stamp)
            near = min(stamps[max(0, i - 1) : i + 1], key=lambda s: abs(s - stamp), default=None)
            if near is None or abs(near - stamp) > self._period / 2:
                return None
            found[camera] = frames[near]
        return found

    def _on_instruction(self, message: String) -> None:
        self._instruction = message.data

    def _on_frame(self, camera: str, message: Image) -> None:
        self._frames[camera].setdefault(round(seconds(message.header.stamp), 6), message)

    def _on_plan(self, message: DiagnosticStatus) -> None:
        values = {pair.key: pair.value for pair in message.values}
        stamp = float(values["frame_stamp"])
        self._plans[stamp] = _Plan(stamp, _numbers(values["proprio"]), _numbers(values["action"]))


def _numbers(text: str) -> np.ndarray:
    return np.array(text.split(), np.float32)
