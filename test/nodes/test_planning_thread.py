"""What is done in the planning thread, and when."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from wm_planner.nodes.frame_buffer import FrameSet
from wm_planner.nodes.messages import encode_image
from wm_planner.nodes.planning_thread import Job, PlanningThread
from wm_planner.perception.frame_guard import FrameGuard
from wm_planner.pipeline import Thought
from wm_planner.types import JointState, Latent, Plan, PlanStatistics, Seen


class Pipeline:
    """Tells what it is asked, and what had come of it by then; what it imagines takes a while."""

    def __init__(self, fails: bool = False, slow: float = 0.0) -> None:
        self.fails, self.asked, self.thread, self.slow = fails, [], None, slow
        self.world_model = self

    def think(self, *view):
        self.asked.append("think")
        actions = torch.zeros(1, 1, 4)
        plan = Plan(actions, torch.zeros(1), actions, PlanStatistics(1, 0))
        latent = Latent(torch.zeros(1, 4))
        seen = Seen(torch.zeros(1, 1, 3, 16, 16, dtype=torch.uint8), latent)
        return Thought(latent, plan, (0.5,), seen)

    def prepare(self):
        self.asked.append(f"prepare after {len(self.thread.take())} outcomes")
        if self.fails:
            raise RuntimeError("no memory")

    def advance(self, latent, action):
        return latent

    def decode(self, latent, seen=None):
        self.asked.append("decode")
        time.sleep(self.slow)
        return torch.zeros(len(latent.z), 1, 3, 16, 16, dtype=torch.uint8)


def frames_now():
    frame = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    joints = JointState(np.zeros(8), np.zeros(8), 0.0)
    return FrameSet({"front": encode_image(frame, 0.0, "front")}, joints, 0.0, time.monotonic())


def a_job(imagine=0, spare=None):
    proprio = np.zeros(8, np.float32)
    return Job(frames_now(), proprio, 0, None, 0.0, 1.0, 1, False, None, imagine, None, spare)


@pytest.mark.parametrize("fails", [False, True])
def test_it_prepares_for_the_next_frames_when_the_plan_is_out_and_goes_on_if_that_fails(fails):
    done = threading.Semaphore(0)
    pipeline = Pipeline(fails)
    thread = PlanningThread(pipeline, FrameGuard(16, 4.0, 0.05), done.release)
    pipeline.thread = thread
    for _ in range(2):
        thread.submit(a_job())
        assert done.acquire(timeout=10)
    thread.close(10)
    assert pipeline.asked == ["think", "prepare after 1 outcomes"] * 2


@pytest.mark.parametrize(("spare", "drawn"), [(None, 4), (60.0, 4), (0.1, 1)])
def test_a_picture_that_would_delay_the_next_plan_is_not_drawn(spare, drawn):
    done = threading.Semaphore(0)
    pipeline = Pipeline(slow=0.2)
    thread = PlanningThread(pipeline, FrameGuard(16, 4.0, 0.05), done.release)
    pipeline.thread = thread
    for _ in range(4):
        thread.submit(a_job(imagine=1, spare=spare))
        assert done.acquire(timeout=10)
        if thread.busy:  # it draws
            assert done.acquire(timeout=10)
            assert thread.take_picture() is not None
    thread.close(10)
    assert pipeline.asked.count("think") == 4 and pipeline.asked.count("decode") == drawn
