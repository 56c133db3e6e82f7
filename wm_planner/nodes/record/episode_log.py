"""Where episodes begin and end in a bag, and what became of them."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticStatus

from wm_planner.nodes.messages import status

MAX_INSTRUCTION = 200  # characters
EPISODES = "/record/episode"
"""Topic of the events, DiagnosticStatus."""


class Event(enum.Enum):
    """What somebody says of an episode."""

    START = "start"
    STOP = "stop"  # it is over; nobody has said yet whether it worked
    SUCCESS = "success"
    FAILURE = "failure"
    DISCARD = "discard"


class Said(NamedTuple):
    """An event of a bag."""

    event: Event
    number: int  # of the episode
    instruction: str
    seed: int  # of the simulated start; -1 where there is none


class EpisodeLog:
    """One episode at a time; a verdict ends it, or corrects that of the last one."""

    def __init__(self, write: Callable[[DiagnosticStatus], None], instruction: str) -> None:
        self._write, self._instruction = write, instruction
        self.number, self.running, self.seed = 0, False, -1
        self._verdicts: dict[int, Event] = {}

    @property
    def counts(self) -> Counter[Event]:
        """How many episodes ended so."""
        return Counter(self._verdicts.values())

    def say(self, event: Event) -> tuple[bool, str]:
        """Returns whether it was heeded, and what is the case now."""
        if event is Event.START:
            if self.running:
                self.say(Event.STOP)
            self.number, self.running = self.number + 1, True
        elif self.number == 0 or (event is Event.STOP and not self.running):
            return False, "no episode is under way; call start first"
        else:
            self.running = False
            if event is not Event.STOP or self.number not in self._verdicts:
                self._verdicts[self.number] = event
        self._write(message_of(Said(event, self.number, self._instruction, self.seed)))
        return True, f"episode {self.number}: {event.value}"

    def told(self) -> str:
        """How many there are of what."""
        counts = ", ".join(f"{n} {event.value}" for event, n in self.counts.items())
        now = f"episode {self.number} is recorded" if self.running else "waiting"
        return f"{now} ({counts or 'none yet'})"


def message_of(said: Said) -> DiagnosticStatus:
    """For the bag."""
    values: dict[str, object] = {
        "number": said.number,
        "instruction": said.instruction,
        "seed": said.seed,
    }
    return status(DiagnosticStatus.OK, "record: episode", said.event.value, values)


def said_in(message: DiagnosticStatus) -> Said:
    """Of a bag; ValueError for what is none."""
    values = {pair.key: pair.value for pair in message.values}
    try:
        number, seed = int(values["number"]), int(values["seed"])
    except KeyError as error:
        raise ValueError(f"an event of an episode lacks {error}") from error
    if not 0 <= number < 10**6 or not -1 <= seed < 2**31:
        raise ValueError(f"an event is of episode {number} with seed {seed}")
    instruction = values.get("instruction", "")
    if len(instruction) > MAX_INSTRUCTION or not instruction.isprintable():
        raise ValueError(f"an instruction of {len(instruction)} characters")
    return Said(Event(message.message), number, instruction, seed)
