"""The serve command: a policy that others may ask over a websocket, as openpi's servers."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.planning import PLANNERS, PlannerConfig
from wm_planner.serving.policy import Policy

_MOST_STEPS = 100


@dataclass(frozen=True)
class ServeConfig:
    """Serve a model's action prior or planner, or a policy that LeRobot trained.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        planner: what of the model acts: prior, mppi or cem.
        steps: actions in an answer of a model.
        policy: instead of a model, the folder `pretrained_model` of a policy that LeRobot trained,
            served where LeRobot is installed.
        host: network address to listen at; 0.0.0.0 lets other machines ask, without a password.
        port: to listen at, 0 for one that is free.
        device: cpu or cuda.
        threads: processor threads of the policy.
        seed: of what a planner draws.
        search: settings of the planner.
    """

    model: str = ""
    planner: str = "prior"
    steps: int = 10
    policy: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "cpu"
    threads: int = 1
    seed: int = 0
    search: PlannerConfig = field(default_factory=PlannerConfig)

    def __post_init__(self) -> None:
        if bool(self.model) == bool(self.policy):
            raise UserError("give either --model or --policy: what is to be served")
        if self.planner not in PLANNERS:
            raise UserError(f"unknown planner '{self.planner}'; there is {', '.join(PLANNERS)}")
        for name, low, high in (
            ("steps", 1, _MOST_STEPS), ("port", 0, 65535), ("threads", 1, 1024)
        ):  # fmt: skip
            if not low <= (value := getattr(self, name)) <= high:
                raise UserError(f"{name} is {value}, expected {low} to {high}")


def serve_policy(config: ServeConfig) -> None:
    """Serve until Ctrl-C."""
    from wm_planner.processor import configure_torch
    from wm_planner.serving.server import Address, serve

    configure_torch(config.threads)
    policy = _policy(config)
    for name, value in policy.metadata.items():
        print(f"{name}  {value if isinstance(value, str) else ' '.join(map(str, _listed(value)))}")
    address = Address(config.host, config.port)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(policy, address, lambda at: print(f"{at} (Ctrl-C ends)", flush=True)))


def _policy(config: ServeConfig) -> Policy:
    if config.policy is not None:
        from wm_planner.serving.lerobot_policy import LeRobotPolicy

        return LeRobotPolicy(config.policy, config.device)
    from wm_planner.paths import model_dir
    from wm_planner.serving.model_policy import ModelPolicy
    from wm_planner.world_models.store import load_model

    model = load_model(model_dir(config.model), config.device)
    search = replace(config.search, planner=config.planner, horizon=config.steps)
    return ModelPolicy(model, search, config.device, config.seed)


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
