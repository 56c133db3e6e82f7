"""What a process holds of the machine, as Linux tells, and never looks through again."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import NamedTuple


class Holdings(NamedTuple):
    """Of one process at one time."""

    memory_mb: float  # resident
    threads: int
    file_handles: int


def resident_mb(pid: int | str = "self") -> float:
    """Memory that a process holds, in MB; NaN where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def holdings(pid: int) -> Holdings:
    """Memory, threads and file handles of a running process; an OSError when it is gone."""
    process = Path(f"/proc/{pid}")
    threads, handles = (len(os.listdir(process / kind)) for kind in ("task", "fd"))
    return Holdings(resident_mb(pid), threads, handles)


def spare_garbage_collection() -> None:
    """Never look through what is there to stay: that stops everything for 80 ms."""
    gc.unfreeze()  # what an earlier configuration left may go
    gc.collect()
    gc.freeze()
