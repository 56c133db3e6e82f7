"""How a model is improved: how much is tried, trained and held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from wm_planner.envs.randomization import Randomization
from wm_planner.errors import UserError
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.learning.collect import EVALUATION_SEED, TRAINING
from wm_planner.learning.gate import FEWEST
from wm_planner.learning.tries import PERSON, TASK, TriesConfig
from wm_planner.planning import PlannerConfig

HELD_OUT_SEED = 4_000_000
"""From here up to the seeds of evaluation nothing is tried, or trained on."""
_MOST = {
    "trials": 10**6, "rounds": 1000, "updates": 10**9, "held_out": EVALUATION_SEED - HELD_OUT_SEED,
    "workers": 1024, "threads": 1024,
}  # fmt: skip


@dataclass(frozen=True)
class ImproveConfig:
    """Let a model's planner try, train on what it tried, and keep the new model if it is no worse.

    No worse: on the same held-out starts it solves at most `margin` of them fewer, and not
    significantly fewer (McNemar's p < 0.1), beside every model that was the best before. Run again,
    it goes on where it was.

    Attributes:
        model: name of a model in models/, or the path of a model folder; it is left as it is.
        data: datasets the model was trained on. They are trained on together with the tries, so
            that nothing is forgotten.
        trials: tries in all.
        rounds: the tries are split among them; after each one training goes on and a gate decides.
        updates: gradient steps a round.
        held_out: trials of the gate for each task, seeds from 4,000,000, never trained on.
        margin: share of these trials that the new model may solve less.
        task: what is tried; default the first task that the model knows.
        tasks: tasks that must be done no worse; default all that the model knows.
        out: folder for rounds, and for the best model so far; default runs/<model>_improved.
        seed: of the first try; the others follow. 4,000,000 and up are refused.
        exploration: while trying, weight of what the model is unsure of, by its value ensemble's
            disagreement, instead of the penalty for it; 0 for none.
        noise: of the actions of every other try, standard deviation, in action units.
        judge: who says whether a try worked: task; or person, with y and n in the terminal or the
            planner's services ~/mark_success and ~/mark_failure. A person's word always counts
            more; a try of which nobody says it is not trained on.
        patience: seconds a person has for that after a try.
        time_limit: seconds a try or a trial may take; 0 for the task's.
        ros: tries and trials on a simulation node and a planner node, over DDS.
        lockstep: with ros, let the simulation wait for the planner instead of the clock.
        batch_size: sequences an update; 0 for the family's.
        workers: processes for tries and trials, each with one thread.
        threads: processor threads of training.
        device: cpu or cuda.
        search: settings of the planner.
        randomization: what differs from try to try besides the start.
    """

    model: str = ""
    data: tuple[Path, ...] = ()
    trials: int = 200
    rounds: int = 2
    updates: int = 500
    held_out: int = 50
    margin: float = 0.04
    task: str = ""
    tasks: tuple[str, ...] = ()
    out: Path | None = None
    seed: int = 3_000_000
    exploration: float = 0.0
    noise: float = 0.1
    judge: str = TASK
    patience: float = 30.0
    time_limit: float = 0.0
    ros: bool = False
    lockstep: bool = True
    batch_size: int = 0
    workers: int = 2
    threads: int = 1
    device: str = "cpu"
    search: PlannerConfig = field(default_factory=PlannerConfig)
    randomization: Randomization = TRAINING

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise UserError(
                    f"{name} is {getattr(self, name)}, expected at least 1, up to {most}"
                )
        if self.rounds > self.trials:
            raise UserError(
                f"rounds is {self.rounds}, more than the {self.trials} trials that are split among "
                "them; give more --trials or fewer --rounds"
            )
        if self.held_out < FEWEST:
            raise UserError(
                f"held_out is {self.held_out}, expected at least {FEWEST}: fewer trials say nothing"
            )
        if self.seed < 0 or self.seed + self.trials > HELD_OUT_SEED:
            raise UserError(
                f"seeds {self.seed} to {self.seed + self.trials - 1} of the tries reach into those "
                f"held out for the gate ({HELD_OUT_SEED} and up) and for evaluation "
                f"({EVALUATION_SEED} and up); choose a smaller --seed"
            )
        for name, low, high in (
            ("margin", 0, 1), ("noise", 0, 1), ("exploration", 0, 1e6), ("patience", 0, 3600),
            ("time_limit", 0, 3600), ("batch_size", 0, 65_536),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise UserError(f"{name} is {getattr(self, name)}, expected {low} to {high:g}")
        if self.judge not in (TASK, PERSON):
            raise UserError(f"judge is {self.judge!r}, expected {TASK} or {PERSON}")
        if self.judge == PERSON and not self.ros:
            raise UserError("a person judges what the nodes do: --judge person needs --ros")

    @property
    def directory(self) -> Path:
        return self.out or Path("runs") / f"{Path(self.model).resolve().name}_improved"

    def folder(self, number: int) -> Path:
        """Of a round, from 1 on."""
        return self.directory / f"round_{number}"

    def seeds(self, number: int) -> list[int]:
        """Of the tries of a round, from 1 on."""
        first, end = (self.trials * i // self.rounds for i in (number - 1, number))
        return list(range(self.seed + first, self.seed + end))

    def tries(self, model: Path, task: str) -> TriesConfig:
        """How the planner of a model tries."""
        return TriesConfig(
            model=model,
            task=task,
            search=self.search,
            exploration=self.exploration,
            noise=self.noise,
            time_limit=self.time_limit,
            judge=self.judge,
            patience=self.patience,
            workers=self.workers,
            device=self.device,
            lockstep=self.lockstep,
            randomization=self.randomization,
        )

    def held_out_trials(self, model: Path, task: str, out: Path) -> TrialsConfig:
        """Of the gate."""
        return TrialsConfig(
            task=task,
            model=str(model),
            planner=self.search.planner,
            prior=self.search.use_prior,
            trials=self.held_out,
            seed=HELD_OUT_SEED,
            time_limit=self.time_limit,
            workers=self.workers,
            ros=self.ros,
            lockstep=self.lockstep,
            device=self.device,
            out=out,
            search=self.search,
        )
