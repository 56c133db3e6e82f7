"""Whether the clocks behind a bag's topics go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wm_planner.bags.bag import Bag
from wm_planner.contract import Contract, topic
from wm_planner.errors import UserError
from wm_planner.nodes.record.streams import header_stamp

_HEAD = "topic                      messages     Hz   gap s   stamp to host s  to joints ms"
_SIMULATED = 1e6  # s; stamps that are farther from the host's clock are of another one


class Times(NamedTuple):
    """Of a topic."""

    name: str
    messages: int
    rate_hz: float
    longest_gap: float  # s between arrivals
    offset: float  # s from stamp to arrival, median
    spread: float  # s, 5th to 95th percentile of it
    late: float  # s its stamps are later than those of the joints that arrive with it; NaN: joints


def times_of(bag: Bag, contract: Contract) -> list[Times]:
    """Of the joints and of each camera that the bag has."""
    joints = topic(contract.joint_states)
    names = [joints, *(topic(camera.source) for camera in contract.cameras)]
    arrivals: dict[str, list[float]] = {name: [] for name in names}
    offsets: dict[str, list[float]] = {name: [] for name in names}
    late: dict[str, list[float]] = {name: [] for name in names}
    for message in bag.messages({t for name in names for t in bag.topics(name)}):
        name, arrived = message.topic.name, message.time * 1e-9
        offset = arrived - header_stamp(message.data)
        if not np.isfinite(offset):
            continue
        arrivals[name].append(arrived)
        offsets[name].append(offset)
        if name != joints and offsets[joints]:
            late[name].append(offsets[joints][-1] - offset)
    return [_summed_up(n, arrivals[n], offsets[n], late[n]) for n in names if arrivals[n]]


def check_times(bag: Bag, contract: Contract, say: Callable[[str], object]) -> None:
    """Tell them; a UserError where cameras and joints are farther apart than they may be."""
    found = times_of(bag, contract)
    if not found:
        raise UserError(
            f"{bag.path}: none of the robot's topics is in it; it has "
            f"{sorted({t.name for t in bag.counts})[:20]}"
        )
    for note in bag.notes:
        say(f"{bag.path}: {note}")
    say(_HEAD)
    for t in found:
        to_joints = "" if np.isnan(t.late) else f"{1e3 * t.late:+.1f}"
        simulated = abs(t.offset) > _SIMULATED
        to_host = "simulated time" if simulated else f"{t.offset:.3f} ±{t.spread / 2:5.3f}"
        say(
            f"{t.name:26}{t.messages:9}{t.rate_hz:7.1f}{t.longest_gap:8.2f}"
            f"{to_host:>18}{to_joints:>14}"
        )
    for t in found:
        if abs(t.late) > contract.max_offset:
            raise UserError(
                f"stamps of {t.name} are {t.late:+.3f} s off those of the joints, allowed up to "
                f"{contract.max_offset:.3f} s; set the same clock on both machines, or "
                f"delay: {t.late:.3f} of that camera in the robot's interface file"
            )


def _summed_up(name: str, arrivals: list[float], offsets: list[float], late: list[float]) -> Times:
    gaps = np.diff(arrivals) if len(arrivals) > 1 else np.zeros(1)
    low, high = np.percentile(offsets, (5, 95))
    middle = float(np.median(gaps))
    return Times(
        name,
        len(arrivals),
        1 / middle if middle > 0 else 0.0,
        float(gaps.max()),
        float(np.median(offsets)),
        float(high - low),
        float(np.median(late)) if late else float("nan"),
    )
