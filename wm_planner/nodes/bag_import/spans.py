"""Where the episodes of a bag are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wm_planner.bags.bag import Bag
from wm_planner.nodes.bag_import.decode import decode
from wm_planner.nodes.messages import MessageError
from wm_planner.nodes.record.episode_log import EPISODES, Event, Said, said_in

_VERDICTS = (Event.SUCCESS, Event.FAILURE, Event.DISCARD)


class Span(NamedTuple):
    """An episode of a bag."""

    number: int
    start: int  # ns
    end: int  # ns
    verdict: Event | None  # None: nobody said
    instruction: str
    seed: int
    cut: bool = False  # the bag ends within it


def spans(bag: Bag) -> list[Span]:
    """As somebody marked them while recording; a bag without marks is one episode."""
    events = list(_events(bag))
    found: dict[int, Span] = {}
    for time, said in events:
        span = found.get(said.number)
        if said.event is Event.START:
            found[said.number] = Span(
                said.number, time, 2**63, None, said.instruction, said.seed, True
            )
        elif span is not None:
            if span.cut:
                span = span._replace(end=time, cut=False)
            if said.event in _VERDICTS:
                span = span._replace(verdict=said.event)
            found[said.number] = span
    if events and not found:
        bag.notes.append("its marks tell of no episode that begins: taken as one")
    whole = Span(1, 0, 2**63, None, "", -1)
    return sorted(found.values(), key=lambda span: span.start) or [whole]


def _events(bag: Bag) -> Iterable[tuple[int, Said]]:
    for message in bag.messages(bag.topics(EPISODES)):
        try:
            yield message.time, said_in(decode(message))
        except (MessageError, ValueError, AttributeError) as error:
            bag.notes.append(f"an event of an episode is not understood: {error}")
