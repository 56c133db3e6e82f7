"""The faults: how each is made, what the planner must say, and how it comes back."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from wm_planner.nodes.faults.rig import Action, Rig
from wm_planner.nodes.faults.sabotaged_planner import HANG, MEMORY, NAN, RAISE
from wm_planner.nodes.messages import seconds, to_time

FRAMES, JOINTS, CLOCK = "front/color", "joint_states", "clock"
AUTOMATIC, RESET = "by itself", "reset and start"


class Case(NamedTuple):
    """One fault.

    `shown`: kinds of which the diagnostics must show one; none where the planner must go on.
    A fault that `passes` is over as soon as it has been noticed: the arm holds only for a moment.
    """

    name: str
    shown: tuple[str, ...]
    inject: Action
    heal: Action
    recovery: str = AUTOMATIC
    passes: bool = False


def spoil(topic: str, change: Callable[[Any], Any]) -> Action:
    """Pass the messages of a topic through `change`, which may alter the copy it gets."""

    def inject(rig: Rig) -> None:
        rig.relay.spoilers[topic] = lambda message: change(copy.deepcopy(message))

    return inject


def heal(rig: Rig) -> None:
    rig.relay.heal()
    rig.order("")


def ordered(text: str) -> Action:
    return lambda rig: rig.order(text)


# Camera


def freeze(rig: Rig) -> None:
    picture = rig.relay.newest[FRAMES].data
    spoil(FRAMES, lambda message: _with(message, data=picture))(rig)


def delay(rig: Rig) -> None:
    """Every frame comes 0.4 s after its stamp."""
    waiting: deque[Any] = deque()

    def late(message: Any) -> Any:
        waiting.append(message)
        return waiting.popleft() if len(waiting) > 4 else None

    rig.relay.spoilers[FRAMES] = late


def shrink(message: Any) -> Any:
    size = message.width // 2
    return _with(message, width=size, height=size, step=3 * size, data=bytes(3 * size * size))


# Joints


def without_first(message: Any) -> Any:
    return _with(message, name=message.name[1:], position=message.position[1:], velocity=[])


def with_nan(message: Any) -> Any:
    message.position[2] = float("nan")
    return message


def in_another_order(message: Any) -> Any:
    """Names and values together: nothing is wrong with that."""
    order = [3, 1, 0, 2, *range(len(message.name) - 1, 3, -1)]
    for field in ("name", "position", "velocity"):
        values = getattr(message, field)
        setattr(message, field, [values[i] for i in order])
    return message


def mixed_up(message: Any) -> Any:
    """Values that belong to other names."""
    first, *others, finger = message.position
    message.position = [*others, first, finger]
    return message


def pushed_away(rig: Rig) -> None:
    """A joint drifts from its command at 0.8 rad/s, as if something pushed the arm."""
    begun = time.monotonic()

    def drift(message: Any) -> Any:
        message.position[0] += min(0.8 * (time.monotonic() - begun), 0.5)
        return message

    spoil(JOINTS, drift)(rig)


# Clock


def set_back(rig: Rig) -> None:
    """From now on it is five seconds earlier; that stays so."""

    def earlier(message: Any) -> Any:
        if hasattr(message, "clock"):
            return _with(message, clock=to_time(seconds(message.clock) - 5.0))
        message.header.stamp = to_time(seconds(message.header.stamp) - 5.0)
        return message

    for topic in rig.relay.publishers:
        spoil(topic, earlier)(rig)


def nothing(_: Any) -> None:
    return None


def stop_all(rig: Rig) -> None:
    """Clock, joints and frames stand still, as when a simulation is paused."""
    for topic in rig.relay.publishers:
        rig.relay.spoilers[topic] = nothing


# Processes


def freeze_planner(rig: Rig) -> None:
    rig.pause("planner", 1.0)


def kill_simulation(rig: Rig) -> None:
    rig.kill("sim")


def flood(topic: str) -> Action:
    """A thousand messages a second for two seconds, each with a stamp of its own."""

    def inject(rig: Rig) -> None:
        begun, sent = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < 2.0:
            while sent < 1000 * passed:
                message = copy.deepcopy(rig.relay.newest[topic])
                message.header.stamp.nanosec += 1 + sent % 1000
                rig.relay.publishers[topic].publish(message)
                sent += 1
            rig.spin(0.001)

    return inject


def stay(_: Rig) -> None:
    """Nothing is to be healed."""


CASES = (
    Case("camera_dead", ("no frame",), spoil(FRAMES, nothing), heal),
    Case("camera_frozen", ("frozen frame",), freeze, heal),
    Case(
        "camera_black",
        ("blank frame",),
        spoil(FRAMES, lambda m: _with(m, data=bytes(len(m.data)))),
        heal,
    ),
    Case("camera_late", ("stale frame",), delay, heal),
    Case("camera_wrong_size", ("frame size",), spoil(FRAMES, shrink), heal),
    Case(
        "camera_wrong_encoding",
        ("image",),
        spoil(FRAMES, lambda m: _with(m, encoding="yuv422")),
        heal,
    ),
    Case("camera_truncated", ("image",), spoil(FRAMES, lambda m: _with(m, data=m.data[:-5])), heal),
    Case("joint_missing", ("joint state",), spoil(JOINTS, without_first), heal),
    Case("joint_nan", ("joint state",), spoil(JOINTS, with_nan), heal),
    Case("joints_permuted", (), spoil(JOINTS, in_another_order), heal),
    Case("joints_mixed_up", ("joint state",), spoil(JOINTS, mixed_up), heal),
    Case("joints_stopped", ("stale joint state",), spoil(JOINTS, nothing), heal),
    Case("arm_pushed_away", ("tracking",), pushed_away, heal, RESET),
    Case("clock_back", ("clock",), set_back, stay, passes=True),
    Case("clock_stalled", ("frame from the future",), spoil(CLOCK, nothing), heal),
    Case("time_stalled", ("no frame",), stop_all, heal),
    Case("planner_raises", ("planning",), ordered(RAISE), heal),
    Case("planner_out_of_memory", ("planning",), ordered(MEMORY), heal),
    Case("planner_imagines_nan", ("planning",), ordered(NAN), heal),
    Case("planner_hangs", ("plan timeout",), ordered(f"{HANG} 2.0"), heal),
    Case(
        "planner_frozen", ("node loop",), lambda rig: rig.pause("planner", 1.0), stay, passes=True
    ),
    Case("sim_killed", ("no frame",), kill_simulation, Rig.start_simulation),
    Case("flood_of_frames", (), flood(FRAMES), stay),
    Case("flood_of_joint_states", (), flood(JOINTS), stay),
)


def _with(message: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(message, name, value)
    return message
