"""ROS messages to and from arrays. Bad messages raise a MessageError that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from wm_planner.errors import UserError
from wm_planner.perception.pictures import check_size, decode_checked
from wm_planner.types import Command, JointState

try:
    from cv_bridge import CvBridge

    _BRIDGE: CvBridge | None = CvBridge()
except ImportError:
    _BRIDGE = None

_MOST_JOINTS = 256
_NEAREST = 0.5  # of the time between waypoints, that the first one of a trajectory is away
_HELD = 0.5  # s that the end of a trajectory with a stamp is held
_CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}


class MessageError(UserError):
    """A message that cannot be used."""


def seconds(stamp: Time) -> float:
    """A stamp as seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


def to_time(value: float) -> Time:
    """Seconds as a stamp."""
    nanoseconds = round(value * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def decode_image(message: Image | CompressedImage) -> np.ndarray:
    """Frame (h, w, 3) uint8 RGB of an rgb8, bgr8, rgba8, bgra8, mono8, JPEG or PNG image."""
    try:
        if isinstance(message, CompressedImage):
            frame = decode_checked(bytes(message.data))[:, :, ::-1]
        else:
            frame = _decode_raw(_without_padding(message))
    except MessageError:
        raise
    except Exception as error:  # cv2, cv_bridge and rosbags each have errors of their own
        raise MessageError(f"image cannot be decoded: {error}") from error
    if frame is None or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise MessageError("image cannot be decoded: no picture in its data")
    return np.ascontiguousarray(frame)


def _decode_raw(message: Image) -> np.ndarray:
    if _BRIDGE is not None:
        return _BRIDGE.imgmsg_to_cv2(message, "rgb8")
    from rosbags.image import image_to_cvimage

    return image_to_cvimage(message, "rgb8")


def _without_padding(message: Image) -> Image:
    """The image with rows of exactly width * channels bytes: rosbags-image ignores `step`."""
    if message.encoding not in _CHANNELS:
        raise MessageError(
            f"image encoding is '{message.encoding[:40]}', expected one of {', '.join(_CHANNELS)}"
        )
    if message.is_bigendian not in (0, 1):
        raise MessageError(f"image is_bigendian is {message.is_bigendian}, expected 0 or 1")
    row = message.width * _CHANNELS[message.encoding]
    expected = message.step * message.height
    if message.step < row or message.width == 0 or message.height == 0:
        raise MessageError(
            f"image {message.width} x {message.height} {message.encoding} has step "
            f"{message.step}, expected at least {row}"
        )
    if len(message.data) != expected:
        raise MessageError(
            f"image data has {len(message.data)} bytes, expected {expected}: "
            f"{message.height} rows of {message.step}"
        )
    check_size(message.width, message.height)
    if message.step == row:
        return message
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    return Image(
        header=message.header,
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        step=row,
        data=rows[:, :row].tobytes(),
    )


def encode_image(frame: np.ndarray, stamp: float, frame_id: str) -> Image:
    """A frame (h, w, 3) uint8 RGB as an rgb8 Image."""
    height, width = frame.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.header.stamp = to_time(stamp)
    message.header.frame_id = frame_id
    message.data = frame.tobytes()
    return message


def camera_info(size: int, fovy: float, stamp: float, frame_id: str) -> CameraInfo:
    """Pinhole of a square image of `size` pixels and a vertical field of view in degrees."""
    focal = size / 2 / np.tan(np.deg2rad(fovy) / 2)
    centre = (size - 1) / 2
    message = CameraInfo(height=size, width=size, distortion_model="plumb_bob")
    message.header.stamp = to_time(stamp)
    message.header.frame_id = frame_id
    message.k = [focal, 0.0, centre, 0.0, focal, centre, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [focal, 0.0, centre, 0.0, 0.0, focal, centre, 0.0, 0.0, 0.0, 1.0, 0.0]
    message.d = [0.0] * 5
    return message


def joint_state(
    message: JointStateMsg, names: Sequence[str], finger: float | None = None
) -> JointState:
    """Joints in the order of `names`, in whatever order they came; velocities may lack.

    `finger`: where the last one is taken to be, of a hand that nobody measures.
    """
    if finger is not None:
        arm = joint_state(message, names[:-1])
        return JointState(np.r_[arm.positions, finger], np.r_[arm.velocities, 0.0], arm.stamp)
    count = len(message.name)
    if count > _MOST_JOINTS:
        raise MessageError(f"joint state has {count} names, expected at most {_MOST_JOINTS}")
    index = {name: i for i, name in enumerate(message.name)}
    if missing := [name for name in names if name not in index]:
        raise MessageError(f"joint state lacks {missing}; it has {_shown(message.name)}")
    if twice := [name for name in names if list(message.name).count(name) > 1]:
        raise MessageError(f"joint state has {twice} more than once; which one holds?")
    if len(message.position) != count:
        raise MessageError(f"joint state has {len(message.position)} positions for {count} names")
    if len(message.velocity) not in (0, count):
        raise MessageError(
            f"joint state has {len(message.velocity)} velocities for {count} names, expected "
            "one for each, or none"
        )
    order = [index[name] for name in names]
    positions = np.array(message.position, np.float64)[order]
    velocities = np.zeros_like(positions)
    if count and len(message.velocity) == count:
        velocities = np.array(message.velocity, np.float64)[order]
    return JointState(positions, velocities, seconds(message.header.stamp))


def _shown(names: Sequence[str]) -> list[str]:
    """The first few names, cut where they are long: what came need not be what a robot sends."""
    return [name[:40] for name in names[:20]] + ["..."] * (len(names) > 20)


def joint_state_message(state: JointState, names: Sequence[str]) -> JointStateMsg:
    """A JointState message, of the first joints only where there are fewer names."""
    message = JointStateMsg(name=list(names))
    message.header.stamp = to_time(state.stamp)
    message.position = state.positions[: len(names)].tolist()
    message.velocity = state.velocities[: len(names)].tolist()
    return message


def waypoint_message(positions: np.ndarray, names: Sequence[str]) -> Float64MultiArray:
    """Joint positions (J,) for forward_command_controller; the layout's label says the order."""
    message = Float64MultiArray(data=positions.tolist())
    label, size = ",".join(names), len(names)
    message.layout.dim = [MultiArrayDimension(label=label, size=size, stride=size)]
    return message


def trajectory_message(
    command: Command, age: float = 0.0, stamp: float | None = None
) -> JointTrajectory:
    """The whole command for joint_trajectory_controller.

    It began `age` s ago. With a `stamp`, s, of that moment, it says so and has that point too; the
    last one is held for a while, for the controller refuses what has ended before it comes.
    Without, it starts on arrival, and points that are over or nearly so are left out.
    """
    times = (np.arange(len(command.positions)) + 1) * command.dt
    motion = np.stack([command.positions, command.velocities, command.accelerations], axis=1)
    motion[-1, 1:] = 0.0
    message = JointTrajectory(joint_names=list(command.joint_names))
    if stamp is None:
        ahead = times - age >= _NEAREST * command.dt
        ahead[-1] = True
        times, motion = np.maximum(times - age, _NEAREST * command.dt)[ahead], motion[ahead]
    else:
        message.header.stamp = to_time(stamp)
        times = np.r_[0.0, times, times[-1] + _HELD]
        motion = np.concatenate([command.start[None], motion, motion[-1:]])
    for time, point in zip(times, motion, strict=True):
        message.points.append(_point(time, point))
    return message


def _point(time: float, motion: np.ndarray) -> JointTrajectoryPoint:
    """A point of position, velocity and acceleration (3, J)."""
    positions, velocities, accelerations = motion.tolist()
    when = round(time * 1e9)
    return JointTrajectoryPoint(
        positions=positions,
        velocities=velocities,
        accelerations=accelerations,
        time_from_start=Duration(sec=when // 10**9, nanosec=when % 10**9),
    )


def status(level: bytes, name: str, text: str, values: dict[str, object]) -> DiagnosticStatus:
    """A DiagnosticStatus with key values."""
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticStatus(level=level, name=name, message=text, values=pairs)
