"""The trials command: in process or over ROS, one log, one summary and one report for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from wm_planner.envs.tasks import learned_as, make_task
from wm_planner.errors import UserError
from wm_planner.evaluation.in_process import run_in_process
from wm_planner.evaluation.records import Trial, TrialLog, write_json
from wm_planner.evaluation.summary import describe, summarise
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.paths import model_dir
from wm_planner.provenance import git_revision, machine
from wm_planner.world_models.latent_model import check_told
from wm_planner.world_models.model_config import ModelConfig
from wm_planner.world_models.store import LoadedModel, load_model, read_card
from wm_planner.world_models.words import tokens


def trials(config: TrialsConfig) -> int:
    """The command; the exit code is 1 when a fault that was made did not pass."""
    result = run_trials(config)
    return int(config.faults and result["faults_passed"] < result["faults_total"])


def run_trials(config: TrialsConfig) -> dict[str, Any]:
    """Run the trials that are missing, print a line a planner, return what --json writes."""
    if config.faults:
        from wm_planner.nodes.faults.suite import run_faults  # rclpy only where it is needed

        return run_faults(config)
    model = load_model(model_dir(config.model_name), config.device)
    _check(config, model.config)
    settings = _settings(config, model)
    done = _run(config, settings)
    summaries = {
        label: summarise(own, settings["stages"])
        for label in config.contestants
        if (own := [trial for trial in done if trial.planner == label])
    }
    for label, summary in summaries.items():
        print(describe(config.task, label, summary))
    known = {k: settings[k] for k in ("task", "planner", "over", "git")}
    known["model"] = {k: settings["model"][k] for k in ("name", "sha256")}
    result = {**known, **summaries[config.label], "planners": summaries}
    if config.json is not None:
        write_json(config.json, result)
    if config.out is not None:
        from wm_planner.evaluation.report import write_report  # slow to import

        write_json(config.out / "summary.json", result)
        print(f"report  {write_report(config.out)}")
    return result


def _check(config: TrialsConfig, model: ModelConfig) -> None:
    """A UserError unless the model was trained for what it is to do."""
    for name, wanted, needed, trained in (
        ("task", config.task, learned_as(config.task), model.tasks),
        ("robot", robot := config.robot or model.robot, robot, (model.robot,)),
    ):
        if needed not in trained:
            raise UserError(
                f"{name} is '{wanted}', but model '{config.model_name}' was trained for "
                f"'{', '.join(trained)}'; give --{name} {trained[0]}, or another --model"
            )
    if config.search.server:
        from wm_planner.advice.client import PolicyClient  # slow to import

        PolicyClient(config.search.server).metadata()  # a UserError unless it is there
    if config.instruction:
        check_told(model.network, told=True)
        tokens([config.instruction], model.network.vocabulary)


def _settings(config: TrialsConfig, model: LoadedModel) -> dict[str, Any]:
    """What makes these trials what they are; a log goes on only with the same."""
    task, folder = make_task(config.task), model_dir(config.model_name)
    over = "process"
    if config.ros:
        over = "ros lockstep" if config.lockstep else "ros"
    return {
        "task": config.task,
        "planner": config.label,
        "stages": list(task.stages),
        "over": over,
        "config": {
            "time_limit": config.time_limit or task.time_limit / model.config.control_rate_hz,
            **({"instruction": config.instruction} if config.instruction else {}),
            "search": asdict(config.search),
            "randomization": asdict(config.randomization),
            "disturbances": asdict(config.disturbances),
        },
        "model": {
            "name": config.model_name,
            "sha256": model.sha256,
            "config": asdict(model.config),
            "card": read_card(folder),
        },
        "git": git_revision(),
        "machine": machine(config.device),
    }


def _run(config: TrialsConfig, settings: dict[str, Any]) -> list[Trial]:
    """All trials of the configuration, those of an earlier, killed run included, by seed."""
    log = TrialLog(config.out, settings) if config.out is not None else None
    wanted = {(label, seed) for label in config.contestants for seed in config.starts}
    trials = [t for t in (log.trials if log else []) if (t.planner, t.seed) in wanted]
    done = {(t.planner, t.seed) for t in trials}
    missing = {
        label: seeds
        for label in config.contestants
        if (seeds := [seed for seed in config.starts if (label, seed) not in done])
    }
    with tqdm(total=len(wanted), initial=len(done), unit="trial", desc=config.task) as bar:
        for trial in _trials(config, missing):
            if log is not None:
                log.add(trial)
            trials.append(trial)
            own = [t.success for t in trials if t.planner == trial.planner]
            bar.set_postfix_str(f"{trial.planner} {sum(own)}/{len(own)}")
            bar.update()
    if log is not None:
        log.close()
    return sorted(trials, key=lambda trial: (trial.planner, trial.seed))


def _trials(config: TrialsConfig, missing: dict[str, list[int]]) -> Iterator[Trial]:
    if not missing:
        return iter(())
    if not config.ros:
        return run_in_process(config, missing)
    from wm_planner.nodes.trials import run_over_ros  # rclpy only where it is needed

    return run_over_ros(config, missing)
