"""The one gate for work: what the planner node may do now."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Of an active node, but for INACTIVE."""

    INACTIVE = "inactive"  # not activated: nothing is published
    HOLDING = "holding"  # active, the arm holds still
    RUNNING = "running"  # active, plans become commands
    STOPPED = "stopped"  # as holding, until reset


class Gate:
    """Start and stop; stop latches until reset."""

    def __init__(self) -> None:
        self.state = State.INACTIVE

    @property
    def running(self) -> bool:
        return self.state is State.RUNNING

    @property
    def active(self) -> bool:
        return self.state is not State.INACTIVE

    def activate(self) -> None:
        if self.state is State.INACTIVE:
            self.state = State.HOLDING

    def deactivate(self) -> None:
        """A latched stop does not survive: activating again is a decision of its own."""
        self.state = State.INACTIVE

    def start(self) -> tuple[bool, str]:
        """Begin to plan; says whether it may and why not."""
        if self.state is State.INACTIVE:
            return False, "the node is not active; activate it first"
        if self.state is State.STOPPED:
            return False, "stopped; call reset before start"
        self.state = State.RUNNING
        return True, "planning"

    def stop(self) -> tuple[bool, str]:
        """Stop until reset; always allowed."""
        if self.state is State.INACTIVE:
            return True, "the node is not active, nothing moves"
        self.state = State.STOPPED
        return True, "stopped; call reset, then start, to go on"

    def reset(self) -> tuple[bool, str]:
        """Leave a stop, or end planning; the arm holds until start."""
        if self.state is State.INACTIVE:
            return False, "the node is not active; activate it first"
        self.state = State.HOLDING
        return True, "holding; call start to plan"
