"""The robustness command: the same starts again and again, each time with one thing changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from wm_planner.commands.trials import run_trials
from wm_planner.envs.disturbances import Disturbances
from wm_planner.envs.randomization import Randomization
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json, write_whole
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.planning import PlannerConfig


class Condition(NamedTuple):
    """One row of the table."""

    text: str
    randomization: Randomization = Randomization()
    disturbances: Disturbances = Disturbances()


CONDITIONS = {
    "nominal": Condition("nothing changed"),
    "smaller": Condition("cube edges -10 %", Randomization(size=(0.9, 0.9))),
    "larger": Condition("cube edges +10 %", Randomization(size=(1.1, 1.1))),
    "slippery": Condition("friction x 0.5", Randomization(friction=(0.5, 0.5))),
    "sticky": Condition("friction x 2", Randomization(friction=(2.0, 2.0))),
    "camera": Condition(
        "each camera moved 2 cm and turned 3 degrees",
        Randomization(camera_position=(0.02, 0.02), camera_angle=(3.0, 3.0)),
    ),
    "dark": Condition("light x 0.5", Randomization(light=(0.5, 0.5))),
    "bright": Condition("light x 1.5", Randomization(light=(1.5, 1.5))),
    "colour": Condition("colours shifted by up to 0.15", Randomization(colour=(0.15, 0.15))),
    "latency": Condition("100 ms more latency", Randomization(latency=(0.1, 0.1))),
    "frame-loss": Condition("5 % of frames lost", disturbances=Disturbances(frame_loss=0.05)),
    "push": Condition(
        "40 N on the hand, 0.2 s about once a second", disturbances=Disturbances(push=40.0)
    ),
}


@dataclass(frozen=True)
class RobustnessConfig:
    """Measure success under one change at a time.

    Attributes:
        task: name of the task.
        model: name of a model in models/, or the path of a model folder; default the task's name.
        planner: noop, random, prior, mppi or cem; expert is the privileged ceiling.
        trials: how many for each condition.
        seed: of the first trial; the others follow, the same for all conditions.
        workers: processes, each with one thread.
        device: cpu or cuda.
        conditions: which ones; default all.
        out: folder for the table and, for each condition, trials and report; a killed run goes on.
        search: settings of the planner.
    """

    task: str = "grasp"
    model: str = ""
    planner: str = "mppi"
    trials: int = 50
    seed: int = 5_000_000
    workers: int = 2
    device: str = "cpu"
    conditions: tuple[str, ...] = tuple(CONDITIONS)
    out: Path = Path("out/robustness")
    search: PlannerConfig = field(default_factory=PlannerConfig)

    def __post_init__(self) -> None:
        for name in self.conditions:
            if name not in CONDITIONS:
                raise UserError(f"unknown condition '{name}'; there is {', '.join(CONDITIONS)}")

    @property
    def trials_config(self) -> TrialsConfig:
        names = ("task", "model", "planner", "trials", "seed", "workers", "device", "search")
        return TrialsConfig(**{name: getattr(self, name) for name in names})


def robustness(config: RobustnessConfig) -> dict[str, Any]:
    """Run all conditions, print and write the table; returns the summaries by condition."""
    results: dict[str, Any] = {}
    for name in config.conditions:
        condition = CONDITIONS[name]
        print(f"{name}: {condition.text}")
        results[name] = run_trials(
            replace(
                config.trials_config,
                out=config.out / name,
                randomization=condition.randomization,
                disturbances=condition.disturbances,
            )
        )
    table = _table(results)
    write_whole(config.out / "robustness.md", table)
    write_json(config.out / "robustness.json", results)
    print(table)
    return results


def _table(results: dict[str, Any]) -> str:
    lines = ["| Condition | Successes (interval) | Seconds to success |", "|---|---|---|"]
    for name, result in results.items():
        low, high = (100 * bound for bound in result["wilson95"])
        lines.append(
            f"| {CONDITIONS[name].text} | {result['successes']}/{result['trials']} "
            f"({low:.1f} to {high:.1f} %) | {result['seconds_to_success']:.1f} |"
        )
    return "\n".join(lines) + "\n"
