"""What a policy server suggests, when it is due: answers belong to the frames they answer."""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
import torch

from wm_planner.advice.client import PolicyClient
from wm_planner.advice.names import Names
from wm_planner.perception.images import fit
from wm_planner.types import Suggestion, View

_MOST_TOLD = 10  # warnings
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdviceConfig:
    """How a server is asked, and how its answers are taken."""

    action_size: int
    image_size: int
    """Width and height of the frames that are sent."""

    prompt: str = ""
    """What it is told to do where an episode has no instruction."""

    wait: float = 0.05
    """Seconds that a plan waits for the answer to its own frames."""

    std: float = 0.2
    """How far from an answer to look as well, in action units."""


class _Asked(NamedTuple):
    """A question that is not answered yet."""

    step: int  # of the episode, at its frames
    answer: Future[dict[str, Any]]


class _Chunk(NamedTuple):
    """An answer."""

    step: int  # of the episode, at the frames it answers
    actions: np.ndarray  # (H, A)


@final
class ServerAdviser:
    """One question at a time for each episode; its answer serves as long as its actions last."""

    def __init__(self, client: PolicyClient, names: Names, config: AdviceConfig) -> None:
        self._client, self._names, self._config = client, names, config
        self._told: set[str] = set()  # troubles that were warned of
        self._trouble = ""
        self.answered = self.missed = 0  # plans
        self.forget()

    @property
    def state(self) -> str:
        """What became of the last question, in words."""
        counts = f"{self.answered} plans with its answer, {self.missed} without"
        return f"{self._trouble}; {counts}" if self._trouble else counts

    def forget(self) -> None:
        """No answer holds any more, nor one that is yet to come."""
        self._steps: dict[int, int] = {}
        self._asked: dict[int, _Asked] = {}
        self._chunks: dict[int, _Chunk] = {}
        self._due = 0.0

    def ask(self, views: Mapping[int, View], instructions: Mapping[int, str]) -> None:
        """Send what these episodes see, unless they still wait for an answer."""
        self._due = time.monotonic() + self._config.wait
        self._take()
        for episode, view in views.items():
            self._steps[episode] = step = self._steps.get(episode, 0) + view.steps
            if episode in self._asked:
                continue
            size = self._config.image_size
            frames = {camera: fit(view.frames[camera], size) for camera in self._names.cameras}
            prompt = instructions.get(episode) or self._config.prompt
            question = self._names.question(frames, view.proprio, prompt)
            self._asked[episode] = _Asked(step, self._client.ask(question))

    def answer(self, under_way: Mapping[int, int]) -> Suggestion | None:
        """What is due after the actions under way, of the newest answers; NaN where none is."""
        waiting = [self._asked[i].answer for i in under_way if i in self._asked]
        concurrent.futures.wait(waiting, max(0.0, self._due - time.monotonic()))
        self._take()
        left = [self._left(episode, steps) for episode, steps in under_way.items()]
        self.answered += sum(len(actions) > 0 for actions in left)
        self.missed += sum(not len(actions) for actions in left)
        longest = max(map(len, left))
        if not longest:
            return None
        rows = np.full((len(left), longest, self._config.action_size), np.nan, np.float32)
        for row, actions in zip(rows, left, strict=True):
            if len(actions):
                row[:] = actions[-1]  # shorter ones repeat their last action
                row[: len(actions)] = actions
        return Suggestion(torch.from_numpy(rows), self._config.std)

    def _left(self, episode: int, under_way: int) -> np.ndarray:
        """The actions (H, A) that are still to be done; none if there is no answer for now."""
        chunk = self._chunks.get(episode)
        past = 0 if chunk is None else self._steps[episode] - chunk.step + under_way
        if chunk is not None and past < len(chunk.actions):
            return chunk.actions[past:]
        if episode in self._asked:
            self._tell(
                f"no answer within {1e3 * self._config.wait:g} ms, and none before whose actions "
                "last until now; raise server_wait_ms, or serve a policy with longer chunks"
            )
        return np.empty((0, self._config.action_size), np.float32)

    def _take(self) -> None:
        """Take the answers that came."""
        for episode, (step, answer) in list(self._asked.items()):
            if not answer.done():
                continue
            del self._asked[episode]
            try:
                actions = self._names.chunk(answer.result(), self._config.action_size)
            except Exception as error:  # whatever it is, there is no answer, and this is why
                self._tell(str(error) or repr(error))
                continue
            self._trouble, self._chunks[episode] = "", _Chunk(step, actions)

    def _tell(self, trouble: str) -> None:
        """Keep it for who asks how it goes; warn of it once."""
        self._trouble = f"policy server {self._client.address}: {trouble}"
        if trouble not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(trouble)
            _log.warning("%s (told once; plans do without its answer)", self._trouble)
