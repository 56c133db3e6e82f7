"""Messages become steps as the running node makes them: with its own buffer and image code."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.contract import Contract
from wm_planner.control.arm import CartesianArm
from wm_planner.control.joint_guard import JointGuard
from wm_planner.errors import UserError
from wm_planner.learning.layout import MAX_BYTES
from wm_planner.nodes.bag_import.notes import Notes
from wm_planner.nodes.frame_buffer import FrameBuffer, FrameSet
from wm_planner.nodes.messages import decode_image, joint_state, seconds
from wm_planner.nodes.planned import Planned
from wm_planner.nodes.stamps import earlier
from wm_planner.types import JointState

_LONG = 0.5  # s without joint states
_RECENT = 150  # frames of each camera, for actions that are told later


class Step(NamedTuple):
    """What the cameras showed and the joints were, and where the arm had been sent by then."""

    stamp: float  # s, of the oldest frame
    frames: dict[str, np.ndarray]  # (h, w, 3) uint8, as they are stored
    joints: JointState
    commanded: np.ndarray | None  # (J,) None: nothing was commanded yet


class Steps:
    """Takes in an episode's messages in the order they arrived."""

    def __init__(self, contract: Contract, arm: CartesianArm, told: bool, notes: Notes) -> None:
        """`told`: a step is what an action was told of, and else what the running node would."""
        self._contract, self._arm, self._notes = contract, arm, notes
        self._told = told
        self._cameras = tuple(camera.name for camera in contract.cameras)
        self._buffer = FrameBuffer(self._cameras, contract.max_camera_skew, contract.max_joint_skew)
        self._guard = JointGuard(arm.config)
        self._period = 1 / arm.config.control_rate_hz
        self.commanded: np.ndarray | None = None
        self.finger: float | None = None  # where a hand that is apart from the arm was sent
        self.joints: list[JointState] = []  # all that came
        self.offsets: dict[str, list[float]] = {}  # s; how much later than joints' a camera's stamp
        self._joint_offset: float | None = None  # s from stamp to arrival, of the last joint state
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._buffer.clear()
        self._guard.forget()
        self._recent = {camera: deque[Any](maxlen=_RECENT) for camera in self._cameras}
        self._latest = float("-inf")  # stamp
        self._size = 0  # bytes of frames
        self.steps: list[Step] = []
        self.planned: list[Planned] = []

    def put_image(self, camera: str, message: Image | CompressedImage, arrived: float) -> None:
        message = earlier(message, self._contract.camera(camera).delay)
        stamp = seconds(message.header.stamp)
        self._hear(camera, stamp, arrived)
        self._recent[camera].append(message)
        self._buffer.put_image(camera, message, arrived)
        self._take()

    def put_gripper(self, opened: bool) -> None:
        """What a hand that is apart from the arm was told."""
        self.finger = self._arm.config.finger_range[int(opened)]
        if self.commanded is not None:
            self.commanded = np.r_[self.commanded[:-1], self.finger]
        if not self._contract.gripper.measured:
            self._guard.forget()  # it will be there at once

    def _unmeasured(self) -> float | None:
        """Where a finger that nobody measures is taken to be: open until the hand is told."""
        if self._contract.gripper.measured:
            return None
        return self._arm.config.finger_range[1] if self.finger is None else self.finger

    def put_joints(self, message: JointStateMsg, arrived: float) -> None:
        try:
            measured = joint_state(message, self._arm.joint_names, self._unmeasured())
            self._hear("joints", measured.stamp, arrived)
            self._arm.check(measured)
            if self.joints and measured.stamp - self.joints[-1].stamp > _LONG:
                self._guard.forget()  # it may be anywhere, and the gap is told
            self._guard.check(measured, self.commanded)
        except UserError as error:
            self._notes.add("joint states refused", str(error))
            return
        self.joints.append(measured)
        self._buffer.put_joints(measured, arrived)
        self._take()

    def put_plan(self, planned: Planned) -> None:
        """An action that was told; its frames came before."""
        if not self._told or (self.planned and planned.stamp <= self.planned[-1].stamp):
            return
        nearest = {c: self._nearest(c, planned.stamp) for c in self._cameras}
        if missing := [camera for camera, frame in nearest.items() if frame is None]:
            self._notes.add("actions without a frame", f"of {', '.join(missing)}")
            return
        if not self.joints:
            self._notes.add("actions before the first joint state")
            return
        joints = min(self.joints[-_RECENT:], key=lambda state: abs(state.stamp - planned.stamp))
        if self._add(planned.stamp, nearest, joints):
            self.planned.append(planned)

    def _take(self) -> None:
        if self._told:
            return
        found: FrameSet | None = self._buffer.take(self._period)
        if found is not None:
            self._add(found.stamp, found.images, found.joints)

    def _add(self, stamp: float, images: dict[str, Any], joints: JointState) -> bool:
        try:
            pictures = {camera: decode_image(image) for camera, image in images.items()}
            frames = self._contract.frames(pictures)
        except UserError as error:
            self._notes.add("frames refused", str(error))
            return False
        self._size += sum(frame.nbytes for frame in frames.values())
        if self._size > MAX_BYTES * len(frames):
            raise UserError(
                f"an episode of more than {len(self.steps)} steps has more than {self._size} bytes "
                "of frames; declare crop and size of the cameras in the robot's interface file, or "
                "record shorter episodes"
            )
        self.steps.append(Step(stamp, frames, joints, self.commanded))
        return True

    def _nearest(self, camera: str, stamp: float) -> Image | CompressedImage | None:
        """Of the frames that came lately, within half a period."""
        apart = partial(_apart, stamp)
        near = min(self._recent[camera], key=apart, default=None)
        return near if near is not None and apart(near) <= self._period / 2 else None

    def _hear(self, name: str, stamp: float, arrived: float) -> None:
        """Time runs forward; where it jumps back, what was before belongs to something else."""
        if name == "joints":
            self._joint_offset = arrived - stamp
        elif self._joint_offset is not None:
            late = self._joint_offset - (arrived - stamp)
            self.offsets.setdefault(name, []).append(late)
        if stamp < self._latest - 1.0:
            self._notes.add("time jumps back", f"by {self._latest - stamp:.3f} s, at {name}")
            self._notes.add("steps left out before it", count=len(self.steps))
            self._begin_anew()
        self._latest = max(self._latest, stamp)


def _apart(stamp: float, message: Image | CompressedImage) -> float:
    return abs(seconds(message.header.stamp) - stamp)
