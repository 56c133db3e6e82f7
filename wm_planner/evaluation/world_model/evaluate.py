"""`wm_planner evaluate`: what a world model imagines, measured beside what then happens."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from wm_planner.errors import UserError
from wm_planner.evaluation.records import explained, write_json
from wm_planner.evaluation.report.world_model import write_page
from wm_planner.evaluation.world_model.calibrate import measure_scale, one_step_errors
from wm_planner.evaluation.world_model.effort import QUICK, Effort
from wm_planner.evaluation.world_model.measure import Evaluation, evaluate_model
from wm_planner.evaluation.world_model.summary import flat, table
from wm_planner.evaluation.world_model.workbench import Workbench, driven_by_expert, prepare
from wm_planner.monitoring.surprise import FILE, SurpriseScale, surprise
from wm_planner.paths import model_dir
from wm_planner.planning import PlannerConfig
from wm_planner.provenance import git_revision, machine
from wm_planner.types import Latent
from wm_planner.world_models.families import family_of
from wm_planner.world_models.store import LoadedModel, load_model

EVALUATION_SEED = 5_000_000  # this seed and up are never trained on
_EXPERT = "expert"  # no planner: the task's own script


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
        quick: a few short episodes, to see that it works; the figures mean little.
        calibrate: also measure the scale of surprise, on other seeds, and write it to the model's
            folder.
    """

    model: str = "grasp"
    out: Path | None = None
    json: Path | None = None
    seed: int = EVALUATION_SEED
    planner: str = "mppi"
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
        if self.planner not in (known := ("mppi", "cem", "prior", _EXPERT)):
            raise UserError(f"planner is {self.planner!r}, expected one of {', '.join(known)}")

    @property
    def folder(self) -> Path:
        return self.out or Path("runs/evaluation") / Path(self.model).name


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure, print a table, write the page and the figures, and return them."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    started = time.perf_counter()
    model = load_model(model_dir(config.model))
    with explained(config.folder):  # before minutes of work
        config.folder.mkdir(parents=True, exist_ok=True)
    effort = QUICK if config.quick else Effort()
    _check_driver(config, model)
    bench = prepare(model, _planner(config), config.seed, effort.episodes)
    if config.planner == _EXPERT:
        bench = driven_by_expert(bench)
    if config.calibrate:
        _measure_scale(bench, effort, model, model.directory / FILE)
    scale = SurpriseScale.beside(model.directory, model.sha256)
    evaluation = evaluate_model(bench, effort)
    clean = clean_surprise(bench, evaluation, scale)
    figures = {
        **_described(config, model),
        **flat(evaluation),
        **_surprise(scale, clean),
        "seconds": round(time.perf_counter() - started, 1),
    }
    page = write_page(config.folder / "evaluation.html", figures, evaluation, bench, clean)
    for path in (config.folder / "evaluation.json", config.json):
        if path is not None:
            write_json(path, figures)
    for env in bench.envs:
        env.close()
    print(f"{table(figures)}\n\n{page}")
    return figures


def clean_surprise(
    bench: Workbench, evaluation: Evaluation, scale: SurpriseScale | None
) -> list[float]:
    """Surprise of every step of the policy's episodes; nothing without a scale."""
    if scale is None:
        return []
    differences = one_step_errors(bench.world_model, evaluation.recorded["policy"]).latents
    zeros = torch.zeros_like(differences)
    return surprise(Latent(differences), Latent(zeros), scale).tolist()


def _check_driver(config: EvaluateConfig, model: LoadedModel) -> None:
    family = family_of(model.config.network)
    if not family.rewards and config.planner != _EXPERT:
        raise UserError(
            f"planner is {config.planner}, and a model of family {family.name} knows no reward to "
            f"plan for: give --planner {_EXPERT}"
        )


def _planner(config: EvaluateConfig) -> PlannerConfig:
    planner = PlannerConfig(planner="noop" if config.planner == _EXPERT else config.planner)
    if not config.quick:
        return planner
    return replace(planner, backend="eager", samples=16, prior_samples=4, iterations=1, elites=4)


def _measure_scale(bench: Workbench, effort: Effort, model: LoadedModel, path: Path) -> None:
    """As the planner drives it, for as long as a trial may take; written to `path`."""
    steps, pilot = bench.envs[0].task.time_limit, bench.pilots["policy"]
    episodes, sha256 = effort.clean_episodes, model.sha256
    scale = measure_scale(
        bench.envs, bench.world_model, pilot, episodes, steps, sha256, bench.vocabulary
    )
    with explained(path):
        scale.save(path)


def _described(config: EvaluateConfig, model: LoadedModel) -> dict[str, Any]:
    return {
        "model": config.model,
        "task": model.config.task,
        "sha256": model.sha256,
        "seed": config.seed,
        "planner": config.planner,
        "quick": config.quick,
        "git": git_revision(),
        **machine("cpu"),
    }


def _surprise(scale: SurpriseScale | None, clean: list[float]) -> dict[str, float]:
    if scale is None:
        return {}
    return {
        "surprise_median": scale.latent.median,
        "surprise_p95": scale.latent.p95,
        "surprise_p99": scale.latent.p99,
        "surprise_p999": scale.latent.p999,
        "surprise_false_alarm_share": sum(s > 1 for s in clean) / max(1, len(clean)),
    }
