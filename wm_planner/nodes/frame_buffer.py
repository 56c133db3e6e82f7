"""Collects one frame of every camera and the joints measured nearest to it."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from wm_planner.contract import Contract
from wm_planner.nodes.messages import seconds
from wm_planner.types import JointState

_HISTORY = 200  # joint states kept
_SPACING = 0.01  # s between those kept: 2 s of them, however fast they come
_RATE_WINDOW = 20  # frames of a camera
_EARLY = 0.4  # share of the period a frame may come before it is due


class FrameSet(NamedTuple):
    """One undecoded frame of every camera, taken at the same time."""

    images: dict[str, Image | CompressedImage]
    joints: JointState
    stamp: float  # seconds, of the oldest frame
    arrived: float  # seconds on the monotonic clock, of the newest frame


class _Newest(NamedTuple):
    stamp: float
    arrived: float
    message: Image | CompressedImage


class FrameBuffer:
    """Holds only the newest frames; a set is handed out once.

    Args:
        cameras: names of the cameras.
        skew: largest difference of the stamps within a set, seconds.
        joint_skew: largest difference between frames and joint state, seconds.
    """

    def __init__(self, cameras: tuple[str, ...], skew: float, joint_skew: float) -> None:
        self.cameras = cameras
        self._skew, self._joint_skew = skew, joint_skew
        self.clear()

    def clear(self) -> None:
        """Forget all frames and joint states."""
        self._newest: dict[str, _Newest] = {}
        self._arrivals: dict[str, deque[float]] = {
            camera: deque(maxlen=_RATE_WINDOW) for camera in self.cameras
        }
        self._joints: deque[JointState] = deque(maxlen=_HISTORY)
        self.joints_arrived = float("-inf")  # of the newest, seconds on the monotonic clock
        self._taken, self._due = float("-inf"), float("-inf")

    def put_image(self, camera: str, message: Image | CompressedImage, arrived: float) -> None:
        """A message with the stamp of the last one is that one again: it is not news."""
        stamp = seconds(message.header.stamp)
        if camera in self._newest and self._newest[camera].stamp == stamp:
            return
        self._newest[camera] = _Newest(stamp, arrived, message)
        self._arrivals[camera].append(arrived)

    def put_joints(self, joints: JointState, arrived: float) -> None:
        """The newest is always kept; of those before, one every 10 ms."""
        if self._joints and joints.stamp == self._joints[-1].stamp:
            return
        self.joints_arrived = arrived
        if len(self._joints) > 1 and joints.stamp - self._joints[-2].stamp < _SPACING:
            self._joints.pop()
        self._joints.append(joints)

    @property
    def joints(self) -> JointState | None:
        """The newest joint state."""
        return self._joints[-1] if self._joints else None

    @property
    def stamps(self) -> dict[str, float]:
        """Of each camera's newest frame, seconds."""
        return {camera: newest.stamp for camera, newest in self._newest.items()}

    @property
    def arrivals(self) -> dict[str, float]:
        """When each camera's newest frame arrived, seconds on the monotonic clock."""
        return {camera: newest.arrived for camera, newest in self._newest.items()}

    @property
    def rates_hz(self) -> dict[str, float]:
        """Frames a second of each camera that sent more than two: by the median interval."""
        return {
            camera: 1.0 / max(float(np.median(np.diff(times))), 1e-9)
            for camera, times in self._arrivals.items()
            if len(times) > 2
        }

    def take(self, period: float) -> FrameSet | None:
        """A complete set that is due, one a `period` s of stamps at most; or None."""
        if len(self._newest) < len(self.cameras):
            return None
        stamp = min(self.stamps.values())
        if stamp <= self._taken or stamp < self._due - _EARLY * period:
            return None  # asked at every message: the costly question comes last
        if self.complaint() is not None:
            return None
        self._taken = stamp
        late = stamp - self._due > 0.5 * period
        self._due = period + (stamp if late else self._due)
        images = {camera: self._newest[camera].message for camera in self.cameras}
        return FrameSet(images, self._nearest(stamp), stamp, max(self.arrivals.values()))

    def complaint(self) -> str | None:
        """Why the newest frames and joint states are no set."""
        if missing := [camera for camera in self.cameras if camera not in self._newest]:
            return f"no frame of {', '.join(missing)} yet"
        if not self._joints:
            return "no joint state yet"
        stamps = self.stamps.values()
        if (apart := max(stamps) - min(stamps)) > self._skew:
            return f"the cameras' frames are {apart:.3f} s apart, allowed {self._skew:.3f} s"
        apart = abs(self._nearest(min(stamps)).stamp - min(stamps))
        if apart > self._joint_skew:
            return (
                f"the nearest joint state is {apart:.3f} s from the frames, "
                f"allowed {self._joint_skew:.3f} s"
            )
        return None

    def _nearest(self, stamp: float) -> JointState:
        return min(self._joints, key=lambda state: abs(state.stamp - stamp))


def frame_buffer_of(
    cameras: tuple[str, ...], settings: dict[str, Any], contract: Contract
) -> FrameBuffer:
    """A lockstep simulation publishes frames and joints with one stamp; elsewhere they differ."""
    if settings["lockstep"]:
        return FrameBuffer(cameras, skew=1e-6, joint_skew=1e-6)
    skews = {name: settings[name] for name in ("max_camera_skew", "max_joint_skew")}
    skew, joint_skew = (getattr(contract, n) if s < 0 else s for n, s in skews.items())
    return FrameBuffer(cameras, skew, joint_skew)
