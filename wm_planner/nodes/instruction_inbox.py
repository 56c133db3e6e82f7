"""Instructions that come while the node runs: checked, and kept until the next plan."""

from __future__ import annotations

from collections.abc import Callable

from std_msgs.msg import String

from wm_planner.assignments import NoInstruction
from wm_planner.errors import UserError
from wm_planner.nodes.diagnostics import Report
from wm_planner.nodes.fault import Fault, fault_of
from wm_planner.nodes.surroundings import Surroundings
from wm_planner.pipeline import Pipeline


class InstructionInbox:
    """The newest instruction that can be used; one that cannot is refused, and changes nothing."""

    def __init__(self, pipeline: Pipeline, surroundings: Surroundings, report: Report) -> None:
        self._assignments = pipeline.assignments
        self._around, self._report = surroundings, report
        self._heeded = pipeline.needs_instruction
        self._missing = self._heeded and not self._assignments.instruction
        self._new: str | None = None
        report.instruction = self._assignments.instruction

    def put(self, message: String) -> None:
        """What is to be done, in words; a simulation tells models without words as well."""
        if not self._heeded:
            self._report.instruction = "not heeded: the model knows no words"
            return
        try:
            self._assignments.check(message.data)
        except UserError as error:
            self._report.instruction = f"refused: {error}"
            self._around.warn(f"refused: {error}")
        else:
            self._new, self._missing = message.data, False
            self._report.instruction = message.data
        self._around.report()
        self._around.wake()  # frames may be waiting

    def missing(self, hold: Callable[[Fault], None]) -> bool:
        """Whether nobody has said yet what is to be done; then the arm is told to hold."""
        if self._missing:
            hold(fault_of(NoInstruction()))
        return self._missing

    def take(self) -> str | None:
        """An instruction that is new, once."""
        text, self._new = self._new, None
        return text
