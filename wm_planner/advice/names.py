"""What a policy server calls what it is told, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wm_planner.advice.wire import WireError
from wm_planner.errors import UserError

IMAGE = "observation.images."
STATE = "observation.state"
PROMPT = "prompt"
ACTIONS = "actions"
"""As `wm_planner export` writes them for LeRobot; prompt and actions as openpi says."""

_MOST_STEPS = 1000
_FAR = 1.5  # actions beyond mean something else than ours; nearer ones are clipped


@dataclass(frozen=True)
class Names:
    """Of cameras, state, prompt and actions, where they differ from the usual."""

    cameras: Mapping[str, str]
    """By camera."""

    state: str = STATE
    prompt: str = PROMPT
    actions: str = ACTIONS

    @classmethod
    def of(cls, cameras: Sequence[str], given: Mapping[str, str]) -> Names:
        """The usual ones, but for those that are `given`."""
        valid = (*cameras, "state", "prompt", "actions")
        if unknown := [name for name in given if name not in valid]:
            raise UserError(
                f"server_names has '{unknown[0]}'; what can be named is {', '.join(valid)}"
            )
        named = {camera: given.get(camera, f"{IMAGE}{camera}") for camera in cameras}
        others = {name: value for name, value in given.items() if name not in cameras}
        return cls(named, **others)

    def question(
        self, frames: Mapping[str, np.ndarray], proprio: np.ndarray, prompt: str
    ) -> dict[str, Any]:
        """What is sent: frames (h, w, 3) uint8 RGB, proprioception (P,), words if there are."""
        seen = {name: np.ascontiguousarray(frames[camera]) for camera, name in self.cameras.items()}
        told = {self.prompt: prompt} if prompt else {}
        return {**seen, self.state: np.asarray(proprio, np.float32), **told}

    def chunk(self, answer: Mapping[str, Any], action_size: int) -> np.ndarray:
        """The actions (H, A) float32 in [-1, 1] of an answer; a WireError if there are none."""
        found = answer.get(self.actions)
        if not isinstance(found, np.ndarray):
            raise WireError(
                f"the answer has {', '.join(map(str, answer))[:200] or 'nothing'}, expected an "
                f"array '{self.actions}'; say its name with server_names {{actions: ...}}"
            )
        actions = found[None] if found.ndim == 1 else found
        if actions.ndim != 2 or actions.shape[1] != action_size or not len(actions):
            raise WireError(
                f"its actions have shape {found.shape}, expected (steps, {action_size}) as this "
                "robot's: serve a policy that was trained on `wm_planner export`'s data"
            )
        actions = actions[:_MOST_STEPS].astype(np.float32)
        if not np.isfinite(actions).all():
            raise WireError("its actions are not all finite numbers: look at its log")
        if (largest := float(np.abs(actions).max())) > _FAR:
            raise WireError(
                f"its actions reach {largest:.3g}, expected -1 to 1: they mean something else than "
                "this robot's; serve a policy that was trained on `wm_planner export`'s data"
            )
        return actions.clip(-1, 1)
