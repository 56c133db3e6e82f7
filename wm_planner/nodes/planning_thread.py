"""Plans in a thread of its own, so that the executor stays responsive."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from wm_planner.evaluation.imagination import TILE, imagine_strip
from wm_planner.interfaces import Decodable
from wm_planner.nodes.frame_buffer import FrameSet
from wm_planner.nodes.messages import MessageError, decode_image
from wm_planner.nodes.surroundings import Prepare
from wm_planner.perception.frame_guard import BadFrame, FrameGuard
from wm_planner.pipeline import Pipeline, Thought
from wm_planner.types import Plan

_SELDOM = 3.0  # s, after which a picture is drawn even if the next plan has to wait for it


class Job(NamedTuple):
    """What to plan from."""

    frames: FrameSet
    proprio: np.ndarray  # (P,)
    epoch: int  # of the node; results of an older one are dropped
    seed: int | None  # reset the pipeline to this seed first
    age: float  # seconds since the frames
    speed_scale: float  # of the arm
    steps: int  # control periods since the last job's frames
    held: bool  # the arm held since the last job: it did not do what was planned
    goal: dict[str, np.ndarray] | None  # frames by camera, if there is a new one
    imagine: int  # draw what so many plans are imagined to lead to: 1 the chosen one, then others
    instruction: str | None = None  # if there is a new one
    spare: float | None = None  # seconds from these frames to the next; None: those wait


class Outcome(NamedTuple):
    """What came of a job: a plan or an error."""

    job: Job
    plan: Plan | None
    error: Exception | None
    plan_ms: float
    surprise: float | None = None  # of the frames; None where nothing was foreseen


class Picture(NamedTuple):
    """What a plan is imagined to lead to."""

    image: np.ndarray  # (h, w, 3) uint8 RGB
    stamp: float  # seconds, of the frames it was imagined from


class _DrawingTime:
    """Whether there is time for a picture before the next frames come: plans go first."""

    def __init__(self) -> None:
        self._takes, self._drawn = 0.0, -math.inf

    def allows(self, job: Job) -> bool:
        """Whether one would be ready in time, or none has been drawn for long."""
        now = time.monotonic()
        ready = now + self._takes - job.frames.arrived
        return job.spare is None or ready <= job.spare or now - self._drawn >= _SELDOM

    def took(self, since: float) -> None:
        """One was drawn, from `since` until now."""
        self._drawn = time.monotonic()
        self._takes = self._drawn - since


class PlanningThread:
    """One job at a time; `done` is called in the thread when an outcome can be taken."""

    def __init__(
        self,
        pipeline: Pipeline,
        guard: FrameGuard,
        done: Callable[[], None],
        prepare: Prepare = dict,
    ) -> None:
        self._pipeline, self._guard, self._done = pipeline, guard, done
        self._prepare = prepare
        self._condition = threading.Condition()
        self._job: Job | None = None
        self._outcomes: list[Outcome] = []
        self._picture: Picture | None = None
        self._busy = self._closed = False
        self._submitted = 0.0
        self._width = 0  # of the pictures, pixels
        self._drawing = _DrawingTime()
        self._thread = threading.Thread(target=self._run, name="planning", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._busy

    def busy_for(self) -> float:
        """Seconds since the job under way was submitted; 0 when there is none."""
        return time.monotonic() - self._submitted if self._busy else 0.0

    def submit(self, job: Job) -> None:
        """Start a job; only when not busy."""
        with self._condition:
            if self._busy:
                raise RuntimeError("a plan is under way; wait for its outcome")
            self._busy, self._job, self._submitted = True, job, time.monotonic()
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

    def close(self, timeout: float = 1.0) -> None:
        """End the thread after the job under way, for which it waits `timeout` s at most."""
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

    def _look(self, job: Job) -> dict[str, np.ndarray]:
        """The frames (h, w, 3) uint8 RGB by camera; BadFrame when one must not be planned from."""
        frames = {}
        for camera, image in job.frames.images.items():
            try:
                frames[camera] = decode_image(image)
            except MessageError as error:
                raise BadFrame("image", f"{camera}: {error}") from error
        self._guard.check(frames, job.frames.joints.positions)
        return self._prepare(frames)

    def _work(self, job: Job) -> None:
        """Plan; then, with the command already on its way, draw and prepare for the next frames."""
        thought, frames = None, {}
        started = time.monotonic()
        try:
            if job.seed is not None:
                self._pipeline.reset(job.seed)
                self._guard.forget()
            if job.instruction is not None:
                self._pipeline.set_instruction(job.instruction)
            if job.goal is not None:
                self._pipeline.set_goal(job.goal)
            frames = self._look(job)
            if job.held:
                self._pipeline.forget_actions()
            started = time.monotonic()
            thought = self._pipeline.think(frames, job.proprio, job.age, job.speed_scale, job.steps)
            took_ms = (time.monotonic() - started) * 1e3
            outcome = Outcome(job, thought.plan, None, took_ms, thought.surprise[0])
        except Exception as error:  # whatever it is, the arm holds and the diagnostics say why
            took_ms = (time.monotonic() - started) * 1e3
            outcome = Outcome(job, None, error, took_ms, getattr(error, "surprise", None))
        draws = thought is not None and job.imagine > 0 and self._drawing.allows(job)
        with self._condition:
            self._outcomes.append(outcome)
            self._busy = draws
        self._done()
        if thought is None:
            return
        planned, picture = time.monotonic(), None
        with suppress(Exception):  # the next plan meets what is wrong, and the arm holds
            self._pipeline.prepare()
            picture = self._draw(thought, frames, job) if draws else None
        if not draws:
            return
        self._drawing.took(planned)
        with self._condition:
            self._picture, self._busy = picture, False
        self._done()

    def _draw(self, thought: Thought, frames: dict[str, np.ndarray], job: Job) -> Picture | None:
        """The chosen plan, and below it the candidates that were asked for."""
        world_model, plan = self._pipeline.world_model, thought.plan
        if not isinstance(world_model, Decodable):
            return None
        plans = [plan]
        if plan.candidates is not None:
            others = plan.candidates.unbind(1)[: job.imagine - 1]
            plans += [plan._replace(actions=actions) for actions in others]
        latent, seen = thought.latent, thought.seen
        strips = [imagine_strip(world_model, latent, one, seen, frames) for one in plans]
        image = np.concatenate(strips, axis=0)
        while image.shape[1] < self._width:  # a shortened plan: its last tile again
            image = np.concatenate([image, image[:, -TILE:]], axis=1)
        self._width = image.shape[1]
        return Picture(image, job.frames.stamp)
