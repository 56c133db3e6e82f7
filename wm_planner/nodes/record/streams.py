"""What comes in while somebody records: how often, how late, and how well it fits together."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from wm_planner.contract import Contract, topic

_HISTORY = 400  # stamps of joint states
_WINDOW = 2.0  # s over which rates are counted


@dataclass
class _Stream:
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=4000))  # s
    offset: float = float("nan")  # s, of its last arrival after its stamp


class Streams:
    """Hears the contract's topics; `told` sums them up since the last call."""

    def __init__(self, contract: Contract) -> None:
        self._joints = topic(contract.joint_states)
        self._cameras = {topic(camera.source): camera.name for camera in contract.cameras}
        self._streams = {name: _Stream() for name in (*self._cameras, self._joints)}
        self._joint_stamps: deque[float] = deque(maxlen=_HISTORY)
        self._pending: list[float] = []  # stamps of frames that joints have not reached yet
        self._apart: list[float] = []  # s, of frames from the nearest joint state

    def hear(self, name: str, now: float, serialized: bytes) -> None:
        """A message of a topic, at `now` s of the recorder's clock."""
        if name not in self._streams:
            return
        stream, stamp = self._streams[name], header_stamp(serialized)
        stream.arrivals.append(now)
        stream.offset = now - stamp
        if name != self._joints:
            self._pending.append(stamp)
            return
        self._joint_stamps.append(stamp)  # those of frames before it are known by now
        self._apart += [self._from_joints(at) for at in self._pending if at <= stamp]
        self._pending = [at for at in self._pending if at > stamp][-_HISTORY:]

    def rates_hz(self, now: float) -> dict[str, float]:
        """Of the joint states and of each camera, by name."""
        found = {}
        for name, stream in self._streams.items():
            recent = sum(1 for at in stream.arrivals if now - _WINDOW < at <= now)
            found[self._cameras.get(name, "joints")] = recent / _WINDOW
        return found

    def told(self, now: float) -> str:
        """Rates, the worst distance between a frame and the joints, and what is missing."""
        rates = self.rates_hz(now)
        parts = [f"{name} {rate:.0f} Hz" for name, rate in rates.items()]
        if self._apart:
            parts.append(f"frames to joints {1e3 * max(self._apart):.0f} ms")
        offsets = [stream.offset for stream in self._streams.values()]
        if np.isfinite(offsets).all():
            parts.append(f"stamps apart {1e3 * (max(offsets) - min(offsets)):.0f} ms")
        if silent := [name for name, rate in rates.items() if not rate]:
            parts.append(f"NOTHING from {', '.join(silent)}")
        self._apart.clear()
        return ", ".join(parts)

    def _from_joints(self, stamp: float) -> float:
        stamps = self._joint_stamps
        i = bisect_left(stamps, stamp)
        near = [stamps[j] for j in (i - 1, i) if 0 <= j < len(stamps)]
        return min(abs(at - stamp) for at in near)


def header_stamp(serialized: bytes) -> float:
    """Seconds of the stamp that a message begins with; NaN where there is none."""
    if len(serialized) < 12:
        return float("nan")
    order = "<" if serialized[1] & 1 else ">"
    seconds, nanoseconds = struct.unpack_from(f"{order}iI", serialized, 4)
    return seconds + nanoseconds * 1e-9
