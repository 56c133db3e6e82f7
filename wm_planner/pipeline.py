"""Frame to command, without ROS: the page to read first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wm_planner.assignments import Assignments, BadGoal
from wm_planner.errors import UserError
from wm_planner.interfaces import Adviser, Planner, Robot, WorldModel
from wm_planner.memory import Memory, Recollection
from wm_planner.monitoring.caution import Caution, Sight
from wm_planner.perception.goal import observe_goal
from wm_planner.perception.images import observe
from wm_planner.planning import UNTOLD, raise_if_failed, shift
from wm_planner.types import (
    Command,
    JointState,
    Latent,
    Observation,
    Plan,
    Seen,
    Situation,
    Suggestion,
    View,
)
from wm_planner.under_way import (
    actions_since,
    advanced,
    comparable,
    followed,
    look_for_delays,
    one_step_later,
)


class Thought(NamedTuple):
    """What came of the frames of B episodes."""

    latent: Latent  # when the plan begins
    plan: Plan  # it failed where what is seen is too far from what was foreseen
    surprise: tuple[float | None, ...]  # of each; 1: as one in 1,000 clean frames; None: not known
    seen: Seen  # what it came of


class Pipeline:
    """Encodes frames, plans in imagination, and turns plans into joint commands.

    `think` is the slow part and touches no robot state; `act` is fast.
    """

    def __init__(
        self,
        world_model: WorldModel,
        planner: Planner,
        robot: Robot,
        cameras: tuple[str, ...],
        image_size: int,
        device: torch.device | str = "cpu",
        period: float = 0.1,
        action_delay: float = UNTOLD,
        caution: Caution | None = None,
        budget: str = "",
        needs_goal: bool = False,
        vocabulary: Sequence[str] | None = None,
        adviser: Adviser | None = None,
    ) -> None:
        """`period`: seconds an action takes; `action_delay`: until the arm follows a command, below
        0 if that is to be found out from what is seen.

        `budget` says in words how much a plan imagines, and why. `needs_goal`: without a goal
        image there is nothing to plan for. With a `vocabulary` the model is told what to do. What
        an `adviser` says is for the planner to heed.
        """
        self.robot = robot
        self.world_model = world_model
        self._planner = planner
        self.image_size, self.budget = image_size, budget
        self._cameras, self._device = cameras, device
        self._period, self._action_delay = period, action_delay
        self._caution, self.adviser = caution, adviser
        self.assignments = Assignments(needs_goal, vocabulary, device)
        self.reset(seed=0)

    def reset(self, seed: int) -> None:
        """Forget the last episode, but not its goal or instruction.

        The same seed, goal, instruction and frames give the same commands.
        """
        self.reset_many([seed])

    def think(
        self,
        frames: Mapping[str, np.ndarray],
        proprio: np.ndarray,
        age: float = 0.0,
        speed_scale: float = 1.0,
        steps: int = 1,
    ) -> Thought:
        """Plan from a frame (h, w, 3) uint8 RGB of each camera and proprioception (P,).

        Raises what `check` does, NoGoal and NoInstruction.
        """
        thought = self.think_many({0: View(frames, proprio, age, speed_scale, steps)})
        self.check(thought)
        return thought

    def check(self, thought: Thought) -> None:
        """Raise Surprised when what is seen is too far from what was foreseen in some episode.

        Else raise PlanningError when there is no plan for some episode.
        """
        if self._caution is not None:
            self._caution.check(thought.surprise)
        raise_if_failed(thought.plan)

    def act(self, plan: Plan, joint_state: JointState) -> Command:
        """Joint trajectory for the plan's first action; PlanningError when it failed."""
        raise_if_failed(plan)
        action = plan.actions[0, 0].double().cpu().numpy()
        return self.robot.to_command(action, joint_state)

    def reset_many(self, seeds: Sequence[int]) -> None:
        """Begin an episode for each seed, to be planned in one batch."""
        if self.adviser is not None:
            self.adviser.forget()
        self._memory = Memory(seeds, self._device)

    @property
    def needs_goal(self) -> bool:
        """Whether it plans towards goal images."""
        return self.assignments.needs_goal

    @property
    def has_goal(self) -> bool:
        """Whether the first episode has a goal."""
        return self.assignments.has_goal

    @property
    def needs_instruction(self) -> bool:
        """Whether its model learned to be told what to do."""
        return self.assignments.vocabulary is not None

    def set_instruction(self, text: str | None, episode: int = 0) -> None:
        """What is to be done in an episode, in words; it holds until there is another.

        Raises a UserError where the model does not know the words.
        """
        self.assignments.set_instruction(text, episode)

    @torch.inference_mode()
    def set_goal(self, frames: Mapping[str, np.ndarray] | None, episode: int = 0) -> None:
        """What an episode is to look like, in frames (h, w, 3) uint8 RGB; None: it has no goal.

        Of all cameras, or of the first one only. A picture does not tell what the robot's own body
        felt, so proprioception is unknown. The goal holds until there is another. Raises BadGoal
        for a model that cannot do with a picture alone.
        """
        if frames is None:
            self.assignments.set_goal(None, episode)
            return
        told, proprio_size = self.assignments.told([episode]), self.robot.proprio_size
        goal = observe_goal(frames, proprio_size, self._cameras, self.image_size, self._device)
        try:
            encoded = self.world_model.encode(goal._replace(instruction=told))
        except UserError as error:  # it always felt its own body
            raise BadGoal(f"goal image: {error}") from error
        self.assignments.set_goal(encoded, episode)

    @torch.inference_mode()
    def think_many(self, views: Mapping[int, View]) -> Thought:
        """Plan for some of the episodes, by their number; the batch is in the views' order.

        An episode whose plan failed remembers nothing of this view; the others do not notice.
        Raises NoGoal where a goal is needed, and NoInstruction where an instruction is.
        """
        episodes = list(views)
        goal, told = self.assignments.goals(episodes), self.assignments.told(episodes)
        if self.adviser is not None:
            self.adviser.ask(views, self.assignments.instructions)
        self._foresee(i for i, view in views.items() if one_step_later(view))
        memory = self._memory.recall(episodes)
        observation = self._observe(views.values())
        seen = list(views.values())
        since = actions_since(memory, seen)
        coming = comparable(memory, seen)
        foreseen = memory.latent and followed(self.world_model, memory, since, coming)
        latent = self.world_model.encode(observation._replace(instruction=told), foreseen)
        now = Sight(latent, observation.images)
        surprise = self._surprise(memory, foreseen, since, now, seen)
        look_for_delays(memory, coming, latent)
        under_way = self._under_way(memory, seen)
        ahead = advanced(self.world_model, latent, under_way)
        advice = self._advice(dict(zip(episodes, map(len, under_way), strict=True)))
        plan = self._plan(ahead, memory, surprise, Situation(observation.proprio, goal, advice))
        failed = plan.failed.tolist()
        rows = {i: b for b, i in enumerate(episodes) if not failed[b]}
        self._memory.remember(
            rows, latent, observation.images, plan.actions[:, 0], shift(plan.actions)
        )
        return Thought(ahead, plan, surprise, Seen(observation.images, latent))

    @torch.inference_mode()
    def prepare(self) -> None:
        """Foresee and draw what the next frames are compared with: `think` is faster.

        To be called when there is time: after a plan, or not at all.
        """
        self._foresee(range(len(self._memory)))
        if self._caution is not None:
            self._memory.draw(self._caution.picture)

    def forget_actions(self) -> None:
        """The last commands were not carried out: the arm held instead."""
        if self.adviser is not None:
            self.adviser.forget()
        self._memory.forget_actions()

    def _surprise(
        self,
        memory: Recollection,
        foreseen: Latent | None,
        since: Sequence[Sequence[Tensor]],
        now: Sight,
        views: Sequence[View],
    ) -> tuple[float | None, ...]:
        """Of each episode; None where nothing was foreseen, or nothing is known to compare with.

        It counts less at reduced speed: the model learned at full speed, where the arm lags more.
        """
        nothing = (None,) * len(views)
        if self._caution is None:
            return nothing
        if memory.latent is None or memory.images is None:
            return tuple(self._caution.at_first(now.images) or nothing)
        if foreseen is None or not any(since):
            return nothing
        before = Sight(memory.latent, memory.images, memory.picture)
        found = self._caution.surprise(before, foreseen, now)  # (B,)
        if found is None:
            return nothing
        scaled = found * found.new_tensor([view.speed_scale for view in views])
        return tuple(
            value if known else None for value, known in zip(scaled.tolist(), since, strict=True)
        )

    def _plan(
        self,
        latent: Latent,
        memory: Recollection,
        surprise: Sequence[float | None],
        situation: Situation,
    ) -> Plan:
        warm_start, generators = memory.warm_start, memory.generators
        if self._caution is None:
            return self._planner.plan(latent, warm_start, generators, situation)
        if warm_start is None:
            plan = self._planner.plan(latent, warm_start, generators, situation)
            return self._caution.without_refused(plan, surprise)
        return self._caution.plan(latent, warm_start, generators, surprise, situation)

    def _foresee(self, episodes: Iterable[int]) -> None:
        """The next step of episodes whose arms may be late, nobody knows how much."""
        if self._action_delay < 0:
            self._memory.foresee(self.world_model.branches, episodes)

    def _under_way(self, memory: Recollection, views: Sequence[View]) -> list[list[Tensor]]:
        """The actions that each episode does from what is seen until its plan begins."""
        told = max(0.0, self._action_delay)
        delays = [(view.age + told) * view.speed_scale for view in views]
        steps = [
            max(round(delay / self._period), late.steps)
            for delay, late in zip(delays, memory.late, strict=True)
        ]
        return [
            past[max(0, len(past) - n) :] for past, n in zip(memory.actions, steps, strict=True)
        ]

    def _advice(self, under_way: Mapping[int, int]) -> Suggestion | None:
        """What the adviser says for episodes, so many actions after what they see."""
        advice = None if self.adviser is None else self.adviser.answer(under_way)
        return advice and advice._replace(actions=advice.actions.to(self._device))

    def _observe(self, views: Iterable[View]) -> Observation:
        observations = [
            observe(view.frames, view.proprio, self._cameras, self.image_size, self._device)
            for view in views
        ]
        images, proprio = zip(*(seen[:2] for seen in observations), strict=True)
        return Observation(torch.cat(images), torch.cat(proprio))
