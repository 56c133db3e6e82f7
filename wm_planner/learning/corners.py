"""Where a path turns: the fewest places from which straight lines give it back.

Ramer 1972, Douglas & Peucker 1973. Of demonstrations such corners are way points, which imitation
learns better from than from single steps (Shi 2023, arXiv:2307.14326). Pauses and trembling make
none.
"""

from __future__ import annotations

import numpy as np


def corners(path: np.ndarray, tolerance: float) -> np.ndarray:
    """Steps at which a path (T, D) turns, in order; neither its first nor its last.

    No place of the path is further than `tolerance` from the line between the corners around it.
    """
    found, open_parts = [], [(0, len(path) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        away = _away(path[first : last + 1])
        if away.size and away.max() > tolerance:
            middle = first + int(away.argmax())
            found.append(middle)
            open_parts += [(first, middle), (middle, last)]
    return np.sort(np.array(found, np.int64))


def _away(path: np.ndarray) -> np.ndarray:
    """How far each place of a path (T, D) is from the line between its ends, (T,)."""
    way = path[-1:] - path[:1]
    length = max(float((way**2).sum()), 1e-12)
    along = np.clip((path - path[:1]) @ way.T / length, 0.0, 1.0)  # (T, 1)
    return np.linalg.norm(path - path[:1] - along * way, axis=1)
