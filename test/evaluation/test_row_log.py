"""Rows come back as they were written."""

from __future__ import annotations

import math
from typing import NamedTuple

from wm_planner.evaluation.row_log import RowLog


class Row(NamedTuple):
    name: str
    found: bool
    ms: float


def test_what_was_no_number_is_none_again_when_a_run_goes_on(tmp_path):
    path, rows = tmp_path / "rows.jsonl", [Row("a", True, math.nan), Row("b", False, 2.5)]
    log = RowLog(path, Row, {"task": "grasp"})
    for row in rows:
        log.add(row)
    log.close()
    assert '"ms": null' in path.read_text()
    again = RowLog(path, Row, {"task": "grasp"})
    again.close()
    assert math.isnan(again.rows[0].ms)
    assert again.rows[0][:2] == rows[0][:2] and again.rows[1] == rows[1]
