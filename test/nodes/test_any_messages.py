"""Whatever comes, in whatever order and however late: every command is inside every limit."""

from __future__ import annotations

import time as real_time
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import JointState as JointStateMsg

from wm_planner.assembly import build_arm
from wm_planner.nodes import command_output, planning_thread, session, watchdogs
from wm_planner.nodes.command_output import CommandOutput
from wm_planner.nodes.faults import limits_monitor
from wm_planner.nodes.frame_buffer import FrameBuffer
from wm_planner.nodes.messages import encode_image, to_time
from wm_planner.nodes.parameters import PARAMETERS
from wm_planner.nodes.session import Session
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.perception.frame_guard import FrameGuard
from wm_planner.pipeline import Pipeline
from wm_planner.types import JointState, Latent, Plan, PlanStatistics

CAMERAS = ("front", "wrist")
MODULES = (command_output, planning_thread, session, watchdogs, limits_monitor)
ACTIONS = {
    "gentle": (0.2, 0.1, -0.1, 1.0),
    "far": (1.0, -1.0, 1.0, -1.0),
    "back": (-1.0, 1.0, -1.0, 1.0),
    "huge": (1e30, -1e30, 1e9, 0.0),
    "nan": (0.5, float("nan"), 0.0, 1.0),
    "infinite": (float("inf"), 0.0, 0.0, 1.0),
    "short": (0.1, 0.2),
}


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Oracle:
    """A world model without a world, and a planner that plans what it is told."""

    action = ACTIONS["gentle"]
    latent = 0.0

    def encode(self, observation, foreseen=None):
        return Latent(torch.full((1, 8), self.latent))

    def advance(self, latent, action):
        return latent

    def branches(self, latent, actions):
        return latent.z[:, None].expand(-1, actions.shape[1], -1)

    def plan(self, latent, warm_start, generator, situation):
        if not torch.isfinite(latent.z).all():
            raise RuntimeError("no candidate has a finite score")
        actions = torch.tensor(self.action).repeat(1, 5, 1)
        nothing = torch.zeros(1)
        return Plan(actions, nothing, torch.zeros_like(actions), PlanStatistics(1, 0))


class World:
    """A session, and a robot that goes where it is told, a little late."""

    def __init__(self, arm, clock):
        self.arm, self.clock, self.oracle = arm, clock, Oracle()
        arm.reset(JointState(arm.home, 0 * arm.home, 0.0))
        self.ros_offset, self.frames, self.lies = -990.0, 0, 0
        self.pose = arm.home
        self.limits = limits_monitor.LimitsMonitor(arm.config)
        self.settings = {p.name: p.default for p in PARAMETERS}
        pipeline = Pipeline(self.oracle, self.oracle, arm, CAMERAS, 64)
        output = CommandOutput(arm, self.commanded, None, burst=False)
        around = Surroundings(
            now=lambda: clock.now + self.ros_offset,
            parameter=self.settings.__getitem__,
            warn=lambda text: None,
            heard=lambda: True,
            watched=lambda: False,
            send_statistics=lambda message: None,
            compared=lambda: False,
            send_candidates=lambda plan, stamp: None,
            send_surprise=lambda value: None,
            send_mark=lambda success: None,
            send_picture=lambda picture, stamp: None,
            report=lambda: self.session.statuses() if hasattr(self, "session") else None,
            wake=lambda: None,
        )
        buffer = FrameBuffer(CAMERAS, 0.05, 0.1)
        guard = FrameGuard(64, 4.0, 0.05)
        self.session = Session(pipeline, buffer, guard, output, False, around)

    def commanded(self, message):
        self.limits.measured = self.pose
        waypoint = np.array(message.data)
        self.limits.add(waypoint)
        self.pose = self.pose + 0.7 * (waypoint - self.pose)

    def joints(self, kind, delay):
        message = JointStateMsg(name=list(self.arm.joint_names), position=self.pose.tolist())
        message.header.stamp = to_time(self.clock.now + self.ros_offset - delay)
        self.lies += 1  # no lie is told twice in a row: from the start on, nobody could tell
        if kind == "nan":
            message.position[1] = float("nan")
        elif kind == "jump":
            message.position[3] += 0.4 + 0.3 * (self.lies % 3)
        elif kind == "mixed":
            message.position = np.roll(self.pose, 1 + self.lies % 3).tolist()
        elif kind == "short":
            message.position = message.position[:3]
        elif kind == "noisy":
            message.position = (self.pose + 0.01 * np.sin(np.arange(8) + delay)).tolist()
        self.session.put_joints(message)

    def images(self, kind, delay):
        for camera in CAMERAS if kind != "one" else CAMERAS[:1]:
            self.frames += kind != "same"
            size = 32 if kind == "small" else 64
            picture = np.random.default_rng(self.frames).integers(0, 255, (size, size, 3), np.uint8)
            picture[:] = 0 if kind == "black" else picture
            stamp = self.clock.now + self.ros_offset - delay
            message = encode_image(picture, max(stamp, 0.0), camera)
            if kind == "cut":
                message.data = message.data[:-7]
            self.session.put_image(camera, message)

    def think(self):
        """Let the planning thread finish; what it found is used when somebody asks for it."""
        for _ in range(20000):
            if not self.session._thread.busy:
                return
            real_time.sleep(0.0002)
        raise AssertionError("the planning thread hangs")

    def time_goes_back(self, by):
        self.ros_offset -= by
        self.session.clock_jumped_back()


class Event(NamedTuple):
    """Something that happens."""

    what: str
    kind: str = ""
    amount: float = 0.0


def happen(world: World, event: Event) -> None:
    s = world.session
    if event.what == "cycle":  # what a healthy robot does in a control period
        for waypoint in range(5):
            world.clock.now += 0.02
            world.joints("noisy" if event.amount > 0.5 else "good", 0.0)
            if waypoint == 0:
                world.images("new", 0.0)
                world.think()
                s.take_outcomes()
            s.stream()
            if waypoint % 3 == 0:
                s.watch()
    elif event.what == "joints":
        world.joints(event.kind, event.amount)
    elif event.what == "images":
        world.images(event.kind, event.amount)
        world.think()
    elif event.what == "pass":
        world.clock.now += event.amount
    elif event.what == "clock":
        world.time_goes_back(event.amount)
    elif event.what == "plan":
        world.oracle.action = ACTIONS[event.kind]
    elif event.what == "latent":
        world.oracle.latent = event.amount
    elif event.what == "speed":
        world.settings["speed_scale"] = event.amount
    elif event.what == "moved by hand":
        world.pose = world.pose + event.amount * np.r_[np.ones(7), 0.0]
    else:
        if event.what == "deactivate":
            s.deactivate("told to")
        else:
            getattr(s, event.what)()


def events(whats, kinds=("",), amounts=(0.0,)):
    choices = (st.sampled_from(values) for values in (whats, kinds, amounts))
    return st.tuples(*choices).map(lambda chosen: Event(*chosen))


DELAYS = (0.0, 0.0, 0.03, 0.2, 1.0, -1.0)
CYCLE = events(["cycle"], amounts=[0.0, 1.0])
CALLS = ("start", "start", "stop", "reset", "activate", "deactivate", "stream", "watch",
         "take_outcomes")  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        *[CYCLE] * 4,
        events(["joints"], ["good", "nan", "jump", "mixed", "short", "noisy"], DELAYS),
        events(["images"], ["new", "same", "one", "black", "small", "cut"], DELAYS),
        events(["plan"], sorted(ACTIONS)),
        events(["pass"], amounts=[0.01, 0.1, 0.3, 2.0]),
        events(["clock"], amounts=[0.05, 5.0]),
        events(["latent"], amounts=[0.0, 1e9, float("nan")]),
        events(["speed"], amounts=[1.0, 0.3, 0.05]),
        events(["moved by hand"], amounts=[0.01, 0.05, 0.3]),
        events(CALLS),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def arm():
    return build_arm("panda")


@given(events=EVENTS)
@example([Event("plan", "far"), *[Event("cycle")] * 8, Event("stop"), *[Event("cycle")] * 3])
@example([*[Event("cycle")] * 5, Event("pass", amount=2.0), *[Event("cycle")] * 3])
@example([*[Event("cycle")] * 5, Event("clock", amount=5.0), *[Event("cycle")] * 3])
@example([Event("pass", amount=0.3), Event("cycle", amount=1.0)])  # the finger is seen too far open
@example([Event("clock", amount=0.05), *[Event("joints", "jump"), Event("cycle")] * 2])
@example([Event("activate"), Event("cycle")])  # at once, and not quite at the commanded pose
@example([Event("activate"), Event("cycle"), Event("moved by hand", "", 0.3), Event("cycle")])
@example([Event("deactivate"), Event("activate"), Event("cycle")])
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_messages_make_a_command_leave_the_limits(arm, events):
    stays_inside(arm, events)


@pytest.mark.slow
@given(events=EVENTS)
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_streams_of_messages_do_not_make_a_command_leave_the_limits(arm, events):
    stays_inside(arm, events)


@contextmanager
def virtual_time():
    """A clock that the modules read, and that passes when told to."""
    clock, before = Clock(), [module.time for module in MODULES]
    for module in MODULES:
        module.time = clock
    try:
        yield clock
    finally:
        for module, original in zip(MODULES, before, strict=True):
            module.time = original


def stays_inside(arm, events):
    with virtual_time() as clock:
        world = World(arm, clock)
        for event in (Event("activate"), Event("cycle"), Event("start"), Event("cycle"), *events):
            happen(world, event)
            assert not world.limits.violations, (event, world.limits.violations[0])
        world.session.deactivate("the end")
        world.session.close()
        assert not world.limits.violations


def test_this_robot_is_commanded_at_all(arm):
    """Else nothing above would mean anything."""
    with virtual_time() as clock:
        world = World(arm, clock)
        start = world.pose
        for event in (Event("activate"), Event("cycle"), Event("start"), *[Event("cycle")] * 20):
            happen(world, event)
        assert world.limits.count > 80 and np.abs(world.pose - start).max() > 0.05
        assert world.session.report.fault is None
        world.session.close()


@pytest.mark.parametrize(("waited", "planned"), [(0.01, True), (0.06, False)])
def test_a_first_plan_is_made_from_frames_that_did_not_wait(arm, waited, planned):
    with virtual_time() as clock:
        world = World(arm, clock)
        for event in (Event("activate"), *[Event("cycle")] * 3, Event("images", "new")):
            happen(world, event)
        jobs = []
        world.session._thread.submit = jobs.append
        clock.now += waited
        world.joints("good", 0.0)
        world.session.start()
        assert bool(jobs) == planned
        world.images("new", 0.0)
        assert jobs and jobs[0].frames.arrived == (clock.now - waited if planned else clock.now)
        world.session.close()
