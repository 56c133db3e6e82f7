"""What was rehearsed as one HTML page that opens from the disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from wm_planner.evaluation.report.charts import scatter
from wm_planner.evaluation.report.template import template


def render(result: Mapping[str, Any]) -> str:
    """The page; `result` is what --json writes."""
    rows, n = result["policies"], result["trials"]
    chart = scatter(
        [row["dreamt"] / n for row in rows],
        [row["simulated"] / n for row in rows],
        "success in the dream",
        "success in simulation",
    )
    return template("rehearsal.html.j2").render(result=result, chart=Markup(chart))
