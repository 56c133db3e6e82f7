"""Which goals, which planners, and how near is near enough."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.evaluation.trials import WITHOUT_PRIOR
from wm_planner.planning import PLANNERS, PlannerConfig

_ROWS = (*(name for name in PLANNERS if name != "random"), WITHOUT_PRIOR)


@dataclass(frozen=True)
class GoalsConfig:
    """Run trials of goal images: an expert shows what is wanted, a planner is to bring it about.

    Attributes:
        task: name of the task; its scripted expert, disturbed, makes starts and goals.
        model: name of a model in models/, or the path of a model folder; default the task's name.
        planners: rows of the table, of noop, prior (what the model proposes, given the goal),
            mppi, cem, and without-prior, which is mppi without its prior.
        trials: how many goals.
        seed: of the first; the others follow. 5,000,000 and up were never trained on.
        prefix: seconds that the expert acts before the start, drawn from this range.
        ahead: seconds that it goes on from there to the goal, drawn from this range.
        patience: time for a planner, in units of the expert's.
        distance: m that hand and cubes may be from where they were in the goal, at the same time.
        first_camera: show the goal as the first camera sees it only.
        workers: processes, each with one thread.
        device: cpu or cuda.
        out: folder for goals.jsonl and pictures; a killed run goes on there.
        pictures: with out, of so many goals: start, goal, and what each planner reached.
        json: write the summary to this file as well.
        search: settings of the planner; without objectives, goal_image 1 and prior 0.1.
        randomization: what differs from trial to trial besides the start.
    """

    task: str = "grasp"
    model: str = ""
    planners: tuple[str, ...] = ("noop", "prior", "mppi", WITHOUT_PRIOR)
    trials: int = 100
    seed: int = 5_000_000
    prefix: tuple[float, float] = (0.0, 1.5)
    ahead: tuple[float, float] = (1.5, 2.5)
    patience: float = 2.0
    distance: float = 0.03
    first_camera: bool = False
    workers: int = 1
    device: str = "cpu"
    out: Path | None = None
    pictures: int = 12
    json: Path | None = None
    search: PlannerConfig = field(default_factory=PlannerConfig)
    randomization: Randomization = field(default_factory=Randomization)

    def __post_init__(self) -> None:
        make_task(self.task)
        for name in self.planners:
            if name not in _ROWS:
                raise UserError(f"unknown planner '{name}'; there is {', '.join(_ROWS)}")
        for name, least in (("trials", 1), ("workers", 1), ("pictures", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least {least}")
        for name in ("prefix", "ahead"):
            low, high = getattr(self, name)
            if not 0 <= low <= high <= 60 or (name == "ahead" and low == 0):
                raise UserError(f"{name} is {low} to {high} s, expected a range within 0 to 60 s")
        if not 0 < self.distance < 1 or not 0 < self.patience <= 100:
            raise UserError(
                f"distance is {self.distance} m and patience {self.patience}, expected both above "
                "0, and at most 1 m and 100"
            )

    @property
    def model_name(self) -> str:
        return self.model or self.task

    @property
    def starts(self) -> range:
        """The seed of each goal."""
        return range(self.seed, self.seed + self.trials)

    @property
    def contestants(self) -> dict[str, PlannerConfig]:
        """Of each row."""
        search, rows = self.search.towards_goals(), {}
        for name in self.planners:
            planner = "mppi" if name == WITHOUT_PRIOR else name
            label = f"{planner} without prior" if name == WITHOUT_PRIOR else name
            rows[label] = replace(search, planner=planner, use_prior=name != WITHOUT_PRIOR)
        return rows
