"""What the metrics of a world model work on: the model, simulations and who drives."""

from __future__ import annotations

from typing import NamedTuple

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.world_model.beliefs import Beliefs
from wm_planner.evaluation.world_model.recording import (
    ConstantPilot,
    ExpertPilot,
    Pilot,
    PlannerPilot,
    RandomPilot,
)
from wm_planner.interfaces import WorldModel
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.store import LoadedModel


class Workbench(NamedTuple):
    """What the metrics work on."""

    world_model: WorldModel
    envs: list[ManipulationEnv]
    pilots: dict[str, Pilot]
    switches: tuple[int, ...]
    discount: float
    seed: int
    vocabulary: tuple[str, ...] = ()  # of a model that is told what to do
    beliefs: Beliefs = Beliefs()  # of what it will come to

    def seeds(self, first: int, n: int) -> list[int]:
        """`n` seeds, from the `first`-th on."""
        return list(range(self.seed + first, self.seed + first + n))


def driven_by_expert(bench: Workbench) -> Workbench:
    """The scripted expert in place of the planner: the same episodes whatever the model."""
    return bench._replace(pilots={**bench.pilots, "policy": ExpertPilot(bench.envs)})


def prepare(model: LoadedModel, planner: PlannerConfig, seed: int, envs: int) -> Workbench:
    """Simulations and pilots for a model."""
    c = model.config
    described = EnvConfig(c.task, c.robot, c.cameras, c.image_size)
    simulations = [ManipulationEnv(described) for _ in range(envs)]
    pilots: dict[str, Pilot] = {
        "policy": PlannerPilot(build_pipeline(model, planner), simulations),
        "random": RandomPilot(),
        "constant": ConstantPilot(),
    }
    return Workbench(
        model.world_model,
        simulations,
        pilots,
        c.network.switches,
        c.network.discount,
        seed,
        c.network.vocabulary,
        Beliefs.of(model),
    )
