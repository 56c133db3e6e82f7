"""Plans in a thread of its own, so that the executor stays responsive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wm_planner.evaluation.imagination import Decodable, imagine_strip
from wm_planner.nodes.frame_buffer import FrameSet
from wm_planner.nodes.messages import decode_image
from wm_planner.pipeline import Pipeline
from wm_planner.types import Plan


class Job(NamedTuple):
    """What to plan from."""

    frames: FrameSet
    proprio: np.ndarray  # (P,)
    epoch: int  # of the node; results of an older one are dropped
    seed: int | None  # reset the pipeline to this seed first
    age: float  # seconds since the frames
    held: bool  # the arm held since the last job: it did not do what was planned
    imagine: bool  # also draw what the plan is imagined to lead to


class Outcome(NamedTuple):
    """What came of a job: a plan or an error."""

    job: Job
    plan: Plan | None
    error: Exception | None
    plan_ms: float


class Picture(NamedTuple):
    """What a plan is imagined to lead to."""

    image: np.ndarray  # (h, w, 3) uint8 RGB
    stamp: float  # seconds, of the frames it was imagined from


class PlanningThread:
    """One job at a time; `done` is called in the thread when an outcome can be taken."""

    def __init__(self, pipeline: Pipeline, done: Callable[[], None]) -> None:
        self._pipeline, self._done = pipeline, done
        self._condition = threading.Condition()
        self._job: Job | None = None
        self._outcomes: list[Outcome] = []
        self._picture: Picture | None = None
        self._busy = self._closed = False
        self._thread = threading.Thread(target=self._run, name="planning", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._busy

    def submit(self, job: Job) -> None:
        """Start a job; only when not busy."""
        with self._condition:
            if self._busy:
                raise RuntimeError("a plan is under way; wait for its outcome")
            self._busy, self._job = True, job
            self._condition.notify()

    def take(self) -> list[Outcome]:
        """Outcomes since the last call."""
        with self._condition:
            outcomes, self._outcomes = self._outcomes, []
            return outcomes

    def take_picture(self) -> Picture | None:
        """The newest picture, once."""
        with self._condition:
            picture, self._picture = self._picture, None
            return picture

    def close(self, timeout: float = 5.0) -> None:
        """End the thread after the job under way."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._job is not None or self._closed)
                job, self._job = self._job, None
                if self._closed or job is None:
                    return
            self._work(job)

    def _work(self, job: Job) -> None:
        """Plan; then, with the command already on its way, draw."""
        thought, frames, picture = None, {}, None
        started = time.monotonic()
        try:
            frames = {camera: decode_image(image) for camera, image in job.frames.images.items()}
            if job.seed is not None:
                self._pipeline.reset(job.seed)
            if job.held:
                self._pipeline.forget_actions()
            started = time.monotonic()
            thought = self._pipeline.think(frames, job.proprio, job.age)
            outcome = Outcome(job, thought.plan, None, (time.monotonic() - started) * 1e3)
        except Exception as error:  # whatever it is, the arm holds and the diagnostics say why
            outcome = Outcome(job, None, error, (time.monotonic() - started) * 1e3)
        with self._condition:
            self._outcomes.append(outcome)
            self._busy = job.imagine
        self._done()
        if not job.imagine:
            return
        world_model = self._pipeline.world_model
        if thought is not None and isinstance(world_model, Decodable):
            image = imagine_strip(world_model, thought.latent, thought.plan, frames)
            picture = Picture(image, job.frames.stamp)
        with self._condition:
            self._picture, self._busy = picture, False
        self._done()
