"""A person's yes or no about what the planner tries, or tried last."""

from __future__ import annotations

from wm_planner.nodes.diagnostics import Report
from wm_planner.nodes.surroundings import Surroundings


class Marks:
    """One mark for each try: from start, until the reset after it. A later one corrects it."""

    def __init__(self, surroundings: Surroundings, report: Report) -> None:
        self._around, self._report = surroundings, report
        self._tried = False

    def begin(self) -> None:
        """Something is tried from now on, unless it is already."""
        self._tried = True

    def forget(self) -> None:
        """What was tried is over and done with."""
        self._tried, self._report.mark = False, None

    def success(self) -> tuple[bool, str]:
        """It worked; says whether there is anything to say it of."""
        return self._set(True)

    def failure(self) -> tuple[bool, str]:
        """It did not work; says whether there is anything to say it of."""
        return self._set(False)

    def _set(self, success: bool) -> tuple[bool, str]:
        if not self._tried:
            return False, "nothing was tried since the last reset; call start first"
        self._report.mark = success
        self._around.send_mark(success)
        self._around.report()
        return True, f"marked as a {'success' if success else 'failure'}"
