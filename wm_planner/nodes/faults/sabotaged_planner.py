"""The planner node with a world model that fails on demand: everything else is the real thing.

What it does is read from the file that the environment variable names, before every plan.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wm_planner.assembly import build_pipeline
from wm_planner.interfaces import WorldModel
from wm_planner.nodes.planner_node import PlannerNode
from wm_planner.nodes.spin import spin_until_signal
from wm_planner.noise import Generators
from wm_planner.pipeline import Pipeline
from wm_planner.types import Latent, Observation, Proposal, Rollout

ORDERS = "WM_PLANNER_SABOTAGE"  # environment variable: path of the file with the order
RAISE, NAN, MEMORY, HANG = "raise", "nan", "memory", "hang"  # orders; `hang <seconds>`
_TOO_MUCH = 2**50  # bytes; no machine has them


class SabotagedModel:
    """WorldModel that fails at encoding when it is told to."""

    def __init__(self, inner: WorldModel, orders: Path) -> None:
        self._inner, self._orders = inner, orders

    def encode(self, observation: Observation, foreseen: Latent | None = None) -> Latent:
        """Latent of the frames; or the failure that is ordered."""
        order, _, seconds = self._orders.read_text().strip().partition(" ")
        if order == RAISE:
            raise RuntimeError("sabotaged: the world model raises")
        if order == MEMORY:
            torch.empty(_TOO_MUCH, dtype=torch.uint8)
        if order == HANG:
            time.sleep(float(seconds))
        latent = self._inner.encode(observation, foreseen)
        return Latent(latent.z * float("nan")) if order == NAN else latent

    def advance(self, latent: Latent, action: Tensor) -> Latent:
        return self._inner.advance(latent, action)

    def branches(self, latent: Latent, actions: Tensor) -> Tensor:
        return self._inner.branches(latent, actions)

    def rollout(self, latent: Latent, actions: Tensor) -> Rollout:
        return self._inner.rollout(latent, actions)

    def propose(
        self,
        latent: Latent,
        n: int,
        horizon: int,
        generator: Generators,
        goal: Latent | None = None,
    ) -> Proposal:
        return self._inner.propose(latent, n, horizon, generator, goal)


def _build(*arguments: Any) -> Pipeline:
    pipeline = build_pipeline(*arguments)
    pipeline.world_model = SabotagedModel(pipeline.world_model, Path(os.environ[ORDERS]))
    return pipeline


def main() -> int:
    return spin_until_signal(partial(PlannerNode, build=_build), PlannerNode.take_down)


if __name__ == "__main__":
    raise SystemExit(main())
