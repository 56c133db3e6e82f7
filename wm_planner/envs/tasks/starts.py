"""Where things lie when an episode begins."""

from __future__ import annotations

import numpy as np

AREA = np.array([[0.38, -0.18], [0.62, 0.18]])  # m: lower and upper corner
_TRIES = 200  # of one place, before all are drawn anew: the others may leave no room


def draw_places(rng: np.random.Generator, apart: np.ndarray, area: np.ndarray = AREA) -> np.ndarray:
    """Places (n, 2) m in an area (2, 2), two of them at least `apart` (n, n) m from each other."""
    places: list[np.ndarray] = []
    while len(places) < len(apart):
        for _ in range(_TRIES):
            place = rng.uniform(*area)
            least = apart[len(places)]
            if all(np.linalg.norm(p - place) >= a for p, a in zip(places, least, strict=False)):
                places.append(place)
                break
        else:
            places.clear()
    return np.array(places)
