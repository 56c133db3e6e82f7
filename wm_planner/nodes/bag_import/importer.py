"""Episodes of a bag, each with what is to be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wm_planner.bags.bag import Bag
from wm_planner.bags.message import Message, Topic
from wm_planner.contract import Contract, topic
from wm_planner.control.arm import CartesianArm
from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode, unknown
from wm_planner.nodes.bag_import.actions import Done, from_commands, from_joints, work_out
from wm_planner.nodes.bag_import.decode import commanded, decode
from wm_planner.nodes.bag_import.notes import Notes
from wm_planner.nodes.bag_import.spans import Span, spans
from wm_planner.nodes.bag_import.steps import Step, Steps
from wm_planner.nodes.messages import MessageError
from wm_planner.nodes.planned import read_planned
from wm_planner.nodes.record.episode_log import Event

FEWEST = 5  # steps of an episode
_HOLE = 1.5  # periods between two steps from which on something is missing
_SOURCES = ("statistics", "commands", "joints")


class Imported(NamedTuple):
    """What became of an episode of a bag."""

    number: int
    verdict: str
    episode: Episode | None  # None: it is not taken
    source: str  # of its actions
    notes: list[str]


class BagImporter:
    """Goes through a bag as the running node would have gone through its messages."""

    def __init__(self, bag: Bag, contract: Contract, arm: CartesianArm, unmarked: str = "") -> None:
        """`unmarked`: success or failure, for episodes of which nobody said; else left out."""
        self._bag, self._contract, self._arm = bag, contract, arm
        self._unmarked = {"success": Event.SUCCESS, "failure": Event.FAILURE}.get(unmarked)
        self._roles = self._found()
        self._source = self._source_of_actions()
        self._spans = spans(bag)

    def episodes(self) -> Iterator[Imported]:
        """In the order they were recorded."""
        messages = iter(self._bag.messages(set(self._roles)))
        waiting = next(messages, None)
        for span in self._spans:
            notes = Notes()
            steps = Steps(self._contract, self._arm, self._source == "statistics", notes)
            while waiting is not None and waiting.time <= span.end:
                if waiting.time >= span.start:
                    self._put(waiting, steps, notes)
                waiting = next(messages, None)
            yield self._imported(span, steps, notes)

    def _found(self) -> dict[Topic, str]:
        """What each topic of the bag is to us; one that is missing is an error."""
        c = self._contract
        cameras = {topic(camera.source): camera.name for camera in c.cameras}
        wanted = {
            topic(c.joint_states): "joints",
            topic(c.command): "command",
            topic(c.statistics): "statistics",
            **({topic(c.gripper.topic): "gripper"} if c.gripper.topic else {}),
            **{name: f"camera {camera}" for name, camera in cameras.items()},
        }
        found = {t: wanted[t.name] for t in self._bag.counts if t.name in wanted}
        needed = [topic(c.joint_states), *cameras]
        if missing := [name for name in needed if not self._bag.topics(name)]:
            names = sorted({t.name for t in self._bag.counts})
            raise UserError(
                f"{self._bag.path}: no messages on {missing}; it has {names[:20]}; name the "
                "topics in the robot's interface file"
            )
        return found

    def _source_of_actions(self) -> str:
        """The one that is wanted, or the best there is."""
        there = {role for role in self._roles.values()}
        if "statistics" not in there:
            self._check_hand("gripper" in there)
        if self._contract.actions != "auto":
            needed = {"commands": "command"}.get(self._contract.actions, self._contract.actions)
            if needed not in there:
                raise UserError(
                    f"{self._bag.path}: actions are to be told by {self._contract.actions}, of "
                    "which there is no message; set actions to auto, or name the topic"
                )
            return self._contract.actions
        known = {"statistics": "statistics", "commands": "command", "joints": "joints"}
        return next(source for source in _SOURCES if known[source] in there)

    def _check_hand(self, heard: bool) -> None:
        gripper = self._contract.gripper
        if not (gripper.measured or heard):
            raise UserError(
                f"{self._bag.path}: nothing tells when the hand closed and opened: its finger is "
                f"not measured, and what it is told by ({gripper.type} {gripper.name}) is not "
                "recorded; record through the planner node (--teleop), whose ~/plan_statistics "
                "tell it"
            )

    def _put(self, message: Message, steps: Steps, notes: Notes) -> None:
        role, arrived = self._roles[message.topic], message.time * 1e-9
        try:
            decoded = decode(message)
            if role == "joints":
                steps.put_joints(decoded, arrived)
            elif role == "statistics":
                steps.put_plan(read_planned(decoded, self._arm))
            elif role == "command":
                steps.commanded = self._commanded(decoded, steps)
            elif role == "gripper":
                steps.put_gripper(self._contract.gripper.opens(decoded.data))
            else:
                steps.put_image(role.removeprefix("camera "), decoded, arrived)
        except (MessageError, AttributeError, TypeError) as error:
            notes.add(f"messages of {message.topic.name} not read", str(error))

    def _commanded(self, message: Any, steps: Steps) -> np.ndarray:
        before = steps.commanded
        if before is None and steps.joints:
            before = steps.joints[-1].positions
        finger = self._arm.config.finger_range[1] if before is None else float(before[-1])
        if steps.finger is not None:
            finger = steps.finger
        elif self._contract.gripper.separate and steps.joints:
            finger = float(steps.joints[-1].positions[-1])
        return commanded(message, self._arm.joint_names, finger)

    def _imported(self, span: Span, steps: Steps, notes: Notes) -> Imported:
        """An episode that is whole enough, or the reason why it is not taken."""
        verdict = span.verdict or self._unmarked
        word = verdict.value if verdict else "unmarked"
        nothing = Imported(span.number, word, None, self._source, [])
        if span.cut:
            notes.add("the recording ends within this episode")
        if verdict is None:
            notes.add("left out: nobody said whether it worked; see --unmarked")
        elif verdict is Event.DISCARD:
            notes.add("left out: discarded")
        elif (refusal := self._offset(steps)) is not None:
            notes.add("left out", refusal)
        elif (taken := self._kept(steps, notes)) is not None:
            episode = self._episode(taken, steps, notes, span, verdict is Event.SUCCESS)
            return nothing._replace(episode=episode, notes=notes.told())
        return nothing._replace(notes=notes.told())

    def _offset(self, steps: Steps) -> str | None:
        """Why the stamps of cameras and joints cannot be put together."""
        for camera, offsets in steps.offsets.items():
            late = float(np.median(offsets))
            if abs(late) <= self._contract.max_offset:
                continue
            return (
                f"stamps of {camera} are {late:+.3f} s off those of the joints that arrive with "
                f"it, allowed {self._contract.max_offset:.3f} s; set the same clock on both "
                f"machines, or delay: {late:.3f} of that camera in the robot's interface file"
            )
        return None

    def _kept(self, steps: Steps, notes: Notes) -> slice | None:
        """What follows the last hole: the end tells how it went."""
        stamps = np.array([step.stamp for step in steps.steps])
        holes = np.flatnonzero(np.diff(stamps) > _HOLE / self._arm.config.control_rate_hz) + 1
        begin = int(holes[-1]) if len(holes) else 0
        if begin:
            longest = float(np.diff(stamps).max())
            notes.add("gaps", f"the longest is {longest:.2f} s", len(holes))
            notes.add("steps left out before the last gap", count=begin)
        if len(stamps) - begin < FEWEST:
            notes.add(f"left out: {len(stamps) - begin} steps, at least {FEWEST} are needed")
            return None
        return slice(begin, len(stamps))

    def _episode(
        self, kept: slice, steps: Steps, notes: Notes, span: Span, success: bool
    ) -> Episode:
        own = steps.steps[kept]
        done = self._done(own, kept, steps)
        if done.beyond > 0:
            notes.add(
                "faster than an action",
                f"{done.beyond:.0%} of the steps move the hand more than "
                f"{self._arm.config.action_step:g} m an axis: cut off; move slower, or raise "
                "action_step of the robot",
            )
        return Episode(
            frames={c: np.stack([step.frames[c] for step in own]) for c in own[0].frames},
            proprio=done.proprio,
            actions=done.actions,
            **unknown(done.actions),
            success=success,
            seed=span.seed,
            instruction=span.instruction,
        )

    def _done(self, own: list[Step], kept: slice, steps: Steps) -> Done:
        if self._source == "statistics":
            planned = steps.planned[kept]
            proprio = np.stack([plan.proprio for plan in planned])
            return Done(proprio, np.stack([plan.action for plan in planned]), 0.0)
        if self._source == "commands":
            last = own[-1].joints.positions if steps.commanded is None else steps.commanded
            targets = from_commands(own, last, self._arm)
        else:
            targets = from_joints(own, steps.joints, self._arm, self._contract.lead)
        return work_out(own, targets, self._arm)
