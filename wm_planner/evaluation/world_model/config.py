"""What `wm_planner evaluate` is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.evaluation.world_model.effort import QUICK, Effort
from wm_planner.learning.collect import EVALUATION_SEED
from wm_planner.planning import PlannerConfig

EXPERT = "expert"  # no planner: the task's own script
VIDEO, SURPRISE = "video", "surprise"


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a world model: fidelity, horizon, controllability, drift, decisions, calibration.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        out: folder for evaluation.html and evaluation.json; default runs/evaluation/<model>.
        json: write the figures to this file as well.
        seed: of the first episode, 5,000,000 or more; the others follow.
        planner: who drives the policy's episodes: mppi, cem, prior, or expert, the task's scripted
            one, who has to where a model knows no reward.
        only: video, to measure nothing but imagined video; surprise, to calibrate and do nothing
            else; empty: all there is.
        episodes: driven by the planner; half as many by random and as many by constant actions, and
            twice as many by the planner after somebody else has played; 0: 8, or 2 with quick.
        quick: a few short episodes, to see that it works; the figures mean little.
        calibrate: also measure the scale of surprise, on other seeds, and write it to the model's
            folder.
    """

    model: str = "grasp"
    out: Path | None = None
    json: Path | None = None
    seed: int = EVALUATION_SEED
    planner: str = "mppi"
    only: str = ""
    episodes: int = 0
    quick: bool = False
    calibrate: bool = False

    def __post_init__(self) -> None:
        if self.seed < EVALUATION_SEED:
            raise UserError(
                f"seed is {self.seed}, expected {EVALUATION_SEED} or more: those below are for "
                "training and calibration"
            )
        if self.quick and self.calibrate:
            raise UserError(
                "--quick and --calibrate: a scale of a few steps says nothing; drop one"
            )
        if self.only not in ("", VIDEO, SURPRISE):
            raise UserError(
                f"only is {self.only!r}, expected {VIDEO} or {SURPRISE}, or nothing for all"
            )
        if self.only == VIDEO and self.calibrate:
            raise UserError(f"--only {self.only} and --calibrate: drop one")
        if self.only == SURPRISE and not self.calibrate:
            raise UserError(f"--only {self.only} measures the scale of surprise: add --calibrate")
        if self.episodes < 0:
            raise UserError(f"episodes is {self.episodes}, expected 1 or more, or 0 for as usual")
        if self.planner not in (known := ("mppi", "cem", "prior", EXPERT)):
            raise UserError(f"planner is {self.planner!r}, expected one of {', '.join(known)}")

    @property
    def folder(self) -> Path:
        return self.out or Path("runs/evaluation") / Path(self.model).name

    @property
    def effort(self) -> Effort:
        """How much is measured."""
        effort = QUICK if self.quick else Effort()
        return replace(effort, episodes=self.episodes) if self.episodes else effort

    @property
    def search(self) -> PlannerConfig:
        """How the planner that drives plans."""
        planner = PlannerConfig(planner="noop" if self.planner == EXPERT else self.planner)
        if not self.quick:
            return planner
        return replace(
            planner, backend="eager", samples=16, prior_samples=4, iterations=1, elites=4
        )
