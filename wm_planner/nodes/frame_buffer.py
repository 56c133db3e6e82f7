"""Collects one frame of every camera and the joints measured nearest to it."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sensor_msgs.msg import CompressedImage, Image

from wm_planner.nodes.messages import seconds
from wm_planner.types import JointState

_HISTORY = 100  # joint states kept, 2 s at 50 Hz


class FrameSet(NamedTuple):
    """One undecoded frame of every camera, taken at the same time."""

    images: dict[str, Image | CompressedImage]
    joints: JointState
    stamp: float  # seconds, of the oldest frame
    arrived: float  # seconds on the monotonic clock, of the newest frame


class FrameBuffer:
    """Holds only the newest frames; a set is handed out once.

    Args:
        cameras: names of the cameras.
        skew: largest difference of the stamps within a set, seconds.
        joint_skew: largest difference between frames and joint state, seconds.
    """

    def __init__(self, cameras: tuple[str, ...], skew: float, joint_skew: float) -> None:
        self._cameras, self._skew, self._joint_skew = cameras, skew, joint_skew
        self.clear()

    def clear(self) -> None:
        """Forget all frames and joint states."""
        self._newest: dict[str, tuple[float, float, Image | CompressedImage]] = {}
        self._joints: deque[JointState] = deque(maxlen=_HISTORY)
        self._taken = float("-inf")

    def put_image(self, camera: str, message: Image | CompressedImage, arrived: float) -> None:
        self._newest[camera] = (seconds(message.header.stamp), arrived, message)

    def put_joints(self, joints: JointState) -> None:
        self._joints.append(joints)

    @property
    def joints(self) -> JointState | None:
        """The newest joint state."""
        return self._joints[-1] if self._joints else None

    @property
    def arrived(self) -> float | None:
        """When the last frame arrived, seconds on the monotonic clock."""
        return max((arrived for _, arrived, _ in self._newest.values()), default=None)

    @property
    def stamp(self) -> float | None:
        """Stamp of the oldest of the newest frames, seconds."""
        return min((stamp for stamp, _, _ in self._newest.values()), default=None)

    def take(self) -> FrameSet | None:
        """A complete set newer than the last one taken, or None."""
        if len(self._newest) < len(self._cameras) or not self._joints:
            return None
        stamps = [stamp for stamp, _, _ in self._newest.values()]
        stamp = min(stamps)
        if stamp <= self._taken or max(stamps) - stamp > self._skew:
            return None
        joints = min(self._joints, key=lambda state: abs(state.stamp - stamp))
        if abs(joints.stamp - stamp) > self._joint_skew:
            return None
        self._taken = stamp
        images = {camera: self._newest[camera][2] for camera in self._cameras}
        return FrameSet(images, joints, stamp, self.arrived or 0.0)
