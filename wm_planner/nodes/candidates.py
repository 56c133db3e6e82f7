"""Where the considered plans would send the hand, as markers for RViz and Foxglove."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from wm_planner.control.arm import CartesianArm
from wm_planner.nodes.messages import to_time
from wm_planner.types import Plan

_LIFETIME = Duration(sec=1)
_CHOSEN, _BEST, _WORST = (0.05, 0.75, 0.55), (0.98, 0.75, 0.15), (0.75, 0.25, 0.15)  # RGB


def candidate_markers(plan: Plan, arm: CartesianArm, stamp: float, frame_id: str) -> MarkerArray:
    """A line for the chosen plan and one for each candidate of the first batch element.

    Each line is how the hand moves, in the workspace's frame, the arm's base, in m. Candidates fade
    from yellow, the best, to red.
    """
    chosen = plan.actions[0].double().cpu().numpy()  # (H, A)
    others = [] if plan.candidates is None else list(plan.candidates[0].double().cpu().numpy())
    markers = [_line(arm.preview(chosen), 0, _CHOSEN, 0.008, "chosen")]
    for i, actions in enumerate(others):
        share = i / max(1, len(others) - 1)
        colour = tuple(b + share * (w - b) for b, w in zip(_BEST, _WORST, strict=True))
        markers.append(_line(arm.preview(actions), i, colour, 0.003, "candidates"))
    for marker in markers:
        marker.header.stamp, marker.header.frame_id = to_time(stamp), frame_id
    return MarkerArray(markers=markers)


def _line(
    points: np.ndarray, number: int, colour: tuple[float, ...], width: float, namespace: str
) -> Marker:
    marker = Marker(ns=namespace, id=number, type=Marker.LINE_STRIP, lifetime=_LIFETIME)
    marker.points = [Point(x=x, y=y, z=z) for x, y, z in points.tolist()]
    marker.color = ColorRGBA(r=colour[0], g=colour[1], b=colour[2], a=0.9)
    marker.scale.x = width
    marker.pose.orientation.w = 1.0
    return marker
