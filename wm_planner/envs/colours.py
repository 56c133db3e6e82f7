"""Colours by name, as instructions say them."""

from __future__ import annotations

RGB = tuple[float, float, float]

COLOURS: dict[str, RGB] = {
    "red": (0.80, 0.16, 0.13),
    "blue": (0.13, 0.32, 0.72),
    "green": (0.16, 0.58, 0.22),
    "yellow": (0.93, 0.80, 0.15),
    "white": (0.93, 0.93, 0.92),
    "black": (0.06, 0.06, 0.07),
    "grey": (0.47, 0.49, 0.51),
    "brown": (0.37, 0.21, 0.10),
    "navy": (0.07, 0.10, 0.36),
    "maroon": (0.50, 0.03, 0.18),
    "olive": (0.42, 0.42, 0.08),
    "magenta": (0.82, 0.10, 0.62),
    "turquoise": (0.15, 0.72, 0.68),
    "lavender": (0.72, 0.63, 0.92),
    "salmon": (0.95, 0.55, 0.47),
    "orange": (0.95, 0.48, 0.08),
    "purple": (0.44, 0.18, 0.62),
    "pink": (0.96, 0.60, 0.76),
    "lime": (0.62, 0.88, 0.18),
    "azure": (0.36, 0.66, 0.95),
}
"""Channels in [0, 1]; the last five are kept for what training never shows."""

_KEPT = 5
SEEN_COLOURS, UNSEEN_COLOURS = tuple(COLOURS)[:-_KEPT], tuple(COLOURS)[-_KEPT:]


def rgba(colour: str) -> tuple[float, float, float, float]:
    """Of an opaque thing."""
    return (*COLOURS[colour], 1.0)
