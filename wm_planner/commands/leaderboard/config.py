"""What is compared: which families and tasks, on which data, with which budget."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.learning.collect import EVALUATION_SEED
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.families import FAMILIES, find_family

GOAL = "goal"  # a row's task: bring about what a picture shows, with no reward
_MOST = {"updates": 10**9, "trials": 1_000_000, "workers": 1024, "threads": 1024}
_QUICK_UPDATES, _QUICK_TRIALS = 20, 2


@dataclass(frozen=True)
class LeaderboardConfig:
    """Which kind of world model plans best, at what cost: all on the same data, on one page.

    Run again, it goes on where it was: what is trained, tried or measured is not done again.

    Attributes:
        families: kinds of world models; default all.
        tasks: tasks to plan for. `goal` is a picture to be brought about, without a reward, by the
            models of the first other task; families that know no reward have no other row.
        data: folder with <task>.hdf5 for each task.
        episodes: use only the first so many episodes of each dataset; 0 for all.
        updates: gradient steps of each training, the same for every family.
        minutes: instead, minutes of training for every family, by a measurement of its speed here.
        privileged: train with what only a simulation knows: reward, expert's actions, landmarks.
        models: trained models to take instead of training: family:task=folder.
        searches: settings of the planner where they are not the default, by family, or by
            family:task, which comes first: {FAMILY: {samples: 8, iterations: 1}}.
        trials: how many of each planner, on the same starts for all.
        seed: of the first trial and of the first episode of the evaluation, 5,000,000 or more; the
            others follow.
        training_seed: of weights and batches.
        workers: processes that run trials, each with one thread.
        threads: processor threads of training and of the timing; plans are timed on one.
        device: cpu or cuda.
        out: folder for models, trials, evaluations, leaderboard.html and leaderboard.json.
        json: write the rows to this file as well.
        quick: a few updates, trials and short episodes, to see that it works; the figures mean
            little.
    """

    families: tuple[str, ...] = tuple(FAMILIES)
    tasks: tuple[str, ...] = ("grasp", GOAL)
    data: Path = Path("data")
    episodes: int = 0
    updates: int = 1500
    minutes: float = 0.0
    privileged: bool = False
    models: tuple[str, ...] = ()
    searches: dict[str, PlannerConfig] = field(default_factory=dict)
    trials: int = 100
    seed: int = EVALUATION_SEED
    training_seed: int = 0
    workers: int = 2
    threads: int = 1
    device: str = "cpu"
    out: Path = Path("out/leaderboard")
    json: Path | None = None
    quick: bool = False

    def __post_init__(self) -> None:
        for name in self.families:
            find_family(name)
        for name in ("families", "tasks"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise UserError(f"{name} is {list(values)}, expected at least one, each once")
        for task in self.tasks:
            if task != GOAL:
                make_task(task)
        for name, most in _MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise UserError(
                    f"{name} is {getattr(self, name)}, expected at least 1, up to {most}"
                )
        if not 0 <= self.minutes < 1e6:
            raise UserError(f"minutes is {self.minutes}, expected above 0, or 0 to count updates")
        if self.episodes < 0:
            raise UserError(f"episodes is {self.episodes}, expected at least 1, or 0 for all")
        if self.seed < EVALUATION_SEED:
            raise UserError(
                f"seed is {self.seed}, expected {EVALUATION_SEED} or more: those below are for "
                "training and calibration"
            )
        self._check_models()
        self._check_searches()

    def search_of(self, family: str, task: str) -> PlannerConfig:
        """How a family is planned with for a task."""
        given = self.searches
        return given.get(f"{family}:{task}") or given.get(family) or PlannerConfig()

    @property
    def scene(self) -> str:
        """The task whose models and scene `goal` is measured on."""
        return next((task for task in self.tasks if task != GOAL), "grasp")

    @property
    def given(self) -> dict[tuple[str, str], Path]:
        """Folders of trained models by family and task."""
        found = {}
        for text in self.models:
            name, _, folder = text.partition("=")
            family, _, task = name.partition(":")
            found[family, task] = Path(folder)
        return found

    @property
    def budget(self) -> str:
        """Of each training, in words."""
        if self.minutes:
            return f"{self.minutes:g} minutes"
        return f"{self.updates:,} updates"

    def shortened(self) -> LeaderboardConfig:
        """As it is run: with `quick` only a little of everything."""
        if not self.quick:
            return self
        updates, trials = min(self.updates, _QUICK_UPDATES), min(self.trials, _QUICK_TRIALS)
        return replace(self, updates=updates, trials=trials, minutes=0.0)

    def _check_models(self) -> None:
        for text in self.models:
            name, equals, folder = text.partition("=")
            family, colon, task = name.partition(":")
            if not (equals and colon and folder):
                raise UserError(
                    f"models: {text!r} names no model; expected family:task=folder, such as "
                    f"{self.families[0]}:{self.tasks[0]}=models/{self.tasks[0]}"
                )
            for kind, value, valid in (
                ("families", family, self.families),
                ("tasks", task, (*self.tasks, self.scene)),
            ):
                if value not in valid:
                    raise UserError(
                        f"models: {text!r} is of {value!r}, which is none of the {kind} "
                        f"({', '.join(valid)}); add it with --{kind} or leave the model out"
                    )
        if len(self.given) < len(self.models):
            raise UserError("models: one is given twice for a family and task; leave one out")

    def _check_searches(self) -> None:
        for name in self.searches:
            family, colon, task = name.partition(":")
            if family not in self.families or (colon and task not in self.tasks):
                raise UserError(
                    f"searches: {name!r} is of no row; expected one of {', '.join(self.families)}, "
                    f"alone or with :task, of {', '.join(self.tasks)}"
                )
