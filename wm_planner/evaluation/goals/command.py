"""The goals command: starts and goals from a scripted expert, and planners that get a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NamedTuple

from tqdm import tqdm

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.snapshot import restore
from wm_planner.errors import UserError
from wm_planner.evaluation.goals.config import GoalsConfig
from wm_planner.evaluation.goals.goal import make_goal
from wm_planner.evaluation.goals.picture import draw
from wm_planner.evaluation.goals.summary import describe, summarise
from wm_planner.evaluation.goals.trial import GoalTrial, run_trial
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.row_log import RowLog
from wm_planner.evaluation.video import write_picture
from wm_planner.paths import model_dir
from wm_planner.pipeline import Pipeline
from wm_planner.planning import SEARCHING
from wm_planner.planning.budget import Budget
from wm_planner.processor import configure_torch
from wm_planner.provenance import git_revision, machine
from wm_planner.workers import in_workers
from wm_planner.world_models.store import load_model


def goals(config: GoalsConfig) -> None:
    """The command."""
    run_goals(config)


def run_goals(config: GoalsConfig) -> dict[str, Any]:
    """Run the trials that are missing, print a line a planner, return what --json writes."""
    settings = _settings(config)
    done = _run(config, settings)
    rows = {
        label: summarise(own, config.distance)
        for label in config.contestants
        if (own := [trial for trial in done if trial.planner == label])
    }
    for label, row in rows.items():
        print(describe(config.task, label, row))
    result = {
        **settings,
        "git": git_revision(),
        "machine": machine(config.device),
        "seeds": [config.starts[0], config.starts[-1]],
        "model_steps_a_plan": {
            label: Budget(c.samples, c.iterations, c.horizon).steps if c.planner in SEARCHING else 0
            for label, c in config.contestants.items()
        },
        "planners": rows,
    }
    for path in (config.json, config.out and config.out / "summary.json"):
        if path is not None:
            write_json(path, result)
    return result


def _settings(config: GoalsConfig) -> dict[str, Any]:
    """What makes these trials what they are; a log goes on only with the same."""
    model = load_model(model_dir(config.model_name), config.device)
    if config.task != model.config.task:
        raise UserError(
            f"task is '{config.task}', but model '{config.model_name}' was trained for "
            f"'{model.config.task}'; give --task {model.config.task}, or another --model"
        )
    names = ("task", "prefix", "ahead", "patience", "distance", "first_camera")
    search = asdict(next(iter(config.contestants.values())))
    left_out = ("planner", "use_prior")  # differ from row to row
    return {
        **{name: _plain(getattr(config, name)) for name in names},
        "model": {"name": config.model_name, "sha256": model.sha256},
        "search": {k: _plain(v) for k, v in search.items() if k not in left_out},
        "randomization": {k: _plain(v) for k, v in asdict(config.randomization).items()},
    }


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _run(config: GoalsConfig, settings: dict[str, Any]) -> list[GoalTrial]:
    """All trials of the configuration, those of an earlier, killed run included, by seed."""
    log = None
    if config.out is not None:
        log = RowLog(config.out / "goals.jsonl", GoalTrial, settings)
    labels, known = list(config.contestants), log.rows if log else []
    trials = [t for t in known if t.planner in labels and t.seed in config.starts]
    done = {(t.planner, t.seed) for t in trials}
    missing = {
        seed: rows
        for seed in config.starts
        if (rows := tuple(label for label in labels if (label, seed) not in done))
    }
    total = len(labels) * config.trials
    with tqdm(total=total, initial=len(trials), unit="trial", desc=config.task) as bar:
        for trial in _trials(config, missing):
            if log is not None:
                log.add(trial)
            trials.append(trial)
            bar.set_postfix_str(_score(trials, labels))
            bar.update()
    if log is not None:
        log.close()
    return sorted(trials, key=lambda trial: (trial.planner, trial.seed))


def _score(trials: list[GoalTrial], labels: list[str]) -> str:
    """Successes so far, of each planner."""
    return " ".join(str(sum(t.success for t in trials if t.planner == label)) for label in labels)


def _trials(config: GoalsConfig, missing: dict[int, tuple[str, ...]]) -> Iterator[GoalTrial]:
    jobs = [(config, seed, labels) for seed, labels in missing.items()]
    for trials in in_workers(_of_seed, jobs, config.workers):
        yield from trials


def _of_seed(config: GoalsConfig, seed: int, labels: tuple[str, ...]) -> list[GoalTrial]:
    """The trials of one goal, and its picture."""
    env, pipeline = _workplace(config)
    goal = make_goal(env, seed, config)
    restore(env, goal.start)
    start = env.simulation.frames()
    reached = [run_trial(env, pipeline(label), label, seed, goal, config) for label in labels]
    if config.out is not None and seed - config.seed < config.pictures:
        write_picture(config.out / "pictures" / f"{seed}.png", draw(start, goal.frames, reached))
    return [trial for trial, _ in reached]


class _Workplace(NamedTuple):
    env: ManipulationEnv
    pipeline: Callable[[str], Pipeline]  # of a row's label


@lru_cache(maxsize=1)
def _workplace(config: GoalsConfig) -> _Workplace:
    """What this process keeps from goal to goal."""
    configure_torch()
    model = load_model(model_dir(config.model_name), config.device)
    c = model.config
    randomization = config.randomization
    described = EnvConfig(
        config.task, c.robot, c.cameras, c.image_size, randomization=randomization
    )

    @lru_cache
    def pipeline(label: str) -> Pipeline:
        return build_pipeline(model, config.contestants[label], config.device)

    return _Workplace(ManipulationEnv(described), pipeline)
