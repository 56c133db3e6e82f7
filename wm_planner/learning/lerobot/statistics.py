"""What LeRobot keeps of each feature of an episode, to normalise by."""

from __future__ import annotations

from typing import Any

import numpy as np

_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
_MOST_FRAMES = 100


def of_numbers(values: np.ndarray) -> dict[str, np.ndarray]:
    """Of values (T, N)."""
    found: dict[str, np.ndarray] = {
        "min": values.min(0),
        "max": values.max(0),
        "mean": values.mean(0),
        "std": values.std(0),
    }
    found |= {name: np.quantile(values, q, axis=0) for name, q in _QUANTILES.items()}
    return {**found, "count": np.array([len(values)])}


def of_frames(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Of frames (T, h, w, 3) uint8, by channel (3, 1, 1), scaled to [0, 1]."""
    every = max(1, len(frames) // _MOST_FRAMES)
    some = frames[::every]
    flat = of_numbers(some.reshape(-1, 3) / 255.0)
    shaped = {name: value.reshape(3, 1, 1) for name, value in flat.items() if name != "count"}
    return {**shaped, "count": np.array([len(some)])}


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """Of all episodes together; quantiles are means of theirs, as LeRobot does it."""
    counts = np.array([float(part["count"][0]) for part in parts])
    weights = (counts / counts.sum()).reshape(-1, *[1] * parts[0]["mean"].ndim)

    def mean(name: str) -> np.ndarray:
        return (weights * np.stack([part[name] for part in parts])).sum(0)

    middle = mean("mean")
    spread = np.stack([part["std"] ** 2 + (part["mean"] - middle) ** 2 for part in parts])
    found: dict[str, np.ndarray] = {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": middle,
        "std": np.sqrt((weights * spread).sum(0)),
        **{name: mean(name) for name in _QUANTILES},
        "count": np.array([int(counts.sum())]),
    }
    return {name: value.tolist() for name, value in found.items()}
