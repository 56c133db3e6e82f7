"""What is rehearsed, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.learning.collect import EVALUATION_SEED
from wm_planner.planning import PLANNERS, PlannerConfig


@dataclass(frozen=True)
class RehearseConfig:
    """Let policies act in a model's dream and in simulation, from the same starts.

    A world model in which a better policy does better tells which one to try on the arm.

    Attributes:
        model: name of the world model that dreams, in models/, or the path of a model folder.
        policies: models whose planner acts; they see frames only, in the dream its pictures.
        action_noise: each policy acts with noise of each of these standard deviations on its
            actions, so that there are some of different skill.
        planner: of the policies; one that searches imagines in the policy's own model.
        trials: starts of each.
        seed: of the first start, 5,000,000 or more; the others follow.
        likely: probability of success, by the dreaming model, at which a task looks done.
        lasting: steps running that it has to look done for a dream to have succeeded: success is
            what has lasted, and a generator shows many things for a moment.
        workers: processes.
        out: folder for starts.jsonl and rehearsal.html; a killed run goes on there; default
            runs/rehearsal/<model>.
        json: write the figures to this file as well.
    """

    model: str = "grasp"
    policies: tuple[str, ...] = ("grasp_person",)
    action_noise: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    planner: str = "prior"
    trials: int = 20
    seed: int = EVALUATION_SEED
    likely: float = 0.5
    lasting: int = 15
    workers: int = 2
    out: Path | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        if self.planner not in PLANNERS:
            raise UserError(f"unknown planner '{self.planner}'; there is {', '.join(PLANNERS)}")
        for name in ("trials", "workers", "lasting"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("policies", "action_noise"):
            if not getattr(self, name):
                raise UserError(f"{name} is empty: give at least one")
        for noise in self.action_noise:
            PlannerConfig(action_noise=noise)  # says what it may be
        if self.seed < EVALUATION_SEED:
            raise UserError(
                f"seed is {self.seed}, expected {EVALUATION_SEED:,} or more: others were learned"
            )
        if not 0 < self.likely < 1:
            raise UserError(f"likely is {self.likely}, expected a probability inside (0, 1)")

    @property
    def folder(self) -> Path:
        return self.out or Path("runs/rehearsal") / Path(self.model).name

    @property
    def acts(self) -> list[tuple[str, float]]:
        """Each policy with each noise."""
        return [(policy, noise) for policy in self.policies for noise in self.action_noise]
