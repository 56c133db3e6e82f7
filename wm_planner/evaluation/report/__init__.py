"""The report of a run of trials."""

from wm_planner.evaluation.report.page import write_report

__all__ = ["write_report"]
