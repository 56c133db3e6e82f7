"""`wm_planner evaluate`: what a world model imagines, measured beside what then happens."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from wm_planner.errors import UserError
from wm_planner.evaluation.records import explained, write_json
from wm_planner.evaluation.report.video import VideoSection, video_section, write_video_page
from wm_planner.evaluation.report.world_model import write_page
from wm_planner.evaluation.world_model.calibrate import measure_scale, one_step_errors
from wm_planner.evaluation.world_model.config import (
    EXPERT,
    SURPRISE,
    VIDEO,
    EvaluateConfig,
)
from wm_planner.evaluation.world_model.effort import Effort
from wm_planner.evaluation.world_model.measure import Evaluation, evaluate_model
from wm_planner.evaluation.world_model.summary import flat, table
from wm_planner.evaluation.world_model.video.encoders import encoder_for
from wm_planner.evaluation.world_model.video.figures import video_figures, video_table
from wm_planner.evaluation.world_model.video.measure import measure_video
from wm_planner.evaluation.world_model.workbench import Workbench, driven_by_expert, prepare
from wm_planner.interfaces import Decodable
from wm_planner.monitoring.surprise import FILE, SurpriseScale, surprise
from wm_planner.paths import model_dir
from wm_planner.processor import configure_torch
from wm_planner.provenance import git_revision, machine
from wm_planner.types import Latent
from wm_planner.world_models.families import family_of
from wm_planner.world_models.store import LoadedModel, load_model


class Measured(NamedTuple):
    """What came of it."""

    figures: dict[str, Any]
    page: Path
    told: str  # in the terminal


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Measure, print a table, write the page and the figures, and return them."""
    configure_torch()
    started = time.perf_counter()
    model = load_model(model_dir(config.model))
    with explained(config.folder):  # before minutes of work
        config.folder.mkdir(parents=True, exist_ok=True)
    effort = config.effort
    _check(config, model)
    side_by_side = max(effort.episodes, effort.readout_episodes)
    bench = prepare(model, config.search, config.seed, side_by_side)
    if config.planner == EXPERT:
        bench = driven_by_expert(bench)
    measure = {VIDEO: _video_alone, SURPRISE: _scale_alone}.get(config.only, _everything)
    figures, page, told = measure(config, model, bench, started)
    for path in (config.folder / "evaluation.json", config.json):
        if path is not None:
            write_json(path, figures)
    for env in bench.envs:
        env.close()
    print(f"{told}\n\n{page}")
    return figures


def _everything(
    config: EvaluateConfig, model: LoadedModel, bench: Workbench, started: float
) -> Measured:
    effort = config.effort
    if config.calibrate:
        _measure_scale(bench, effort, model, model.directory / FILE)
    scale = SurpriseScale.beside(model.directory, model.sha256)
    evaluation = evaluate_model(bench, effort)
    clean = clean_surprise(bench, evaluation, scale)
    video, section = _video(config, model, bench) if _decodes(model) else ({}, None)
    figures = {
        **_described(config, model),
        **flat(evaluation),
        **_surprise(scale, clean),
        **video,
        "seconds": round(time.perf_counter() - started, 1),
    }
    page = config.folder / "evaluation.html"
    write_page(page, figures, evaluation, bench, clean, section)
    told = [table(figures)] + ([video_table(video)] if video else [])
    return Measured(figures, page, "\n\n".join(told))


def _video_alone(
    config: EvaluateConfig, model: LoadedModel, bench: Workbench, started: float
) -> Measured:
    video, section = _video(config, model, bench)
    seconds = round(time.perf_counter() - started, 1)
    figures = {**_described(config, model), **video, "seconds": seconds}
    page = write_video_page(config.folder / "video.html", figures, section)
    return Measured(figures, page, video_table(video))


def _scale_alone(
    config: EvaluateConfig, model: LoadedModel, bench: Workbench, started: float
) -> Measured:
    file = model.directory / FILE
    _measure_scale(bench, config.effort, model, file)
    scale = SurpriseScale.beside(model.directory, model.sha256)
    seconds = round(time.perf_counter() - started, 1)
    figures = {**_described(config, model), **_surprise(scale, []), "seconds": seconds}
    episodes = config.effort.clean_episodes
    return Measured(figures, file, f"scale of surprise, from {episodes} clean episodes")


def _video(
    config: EvaluateConfig, model: LoadedModel, bench: Workbench
) -> tuple[dict[str, Any], VideoSection]:
    metrics = measure_video(bench, config.effort, encoder_for(model, config.model))
    figures, rate = video_figures(metrics), model.config.control_rate_hz
    return figures, video_section(figures, metrics, rate, config.folder)


def clean_surprise(
    bench: Workbench, evaluation: Evaluation, scale: SurpriseScale | None
) -> list[float]:
    """Surprise of every step of the policy's episodes; nothing without a scale."""
    if scale is None:
        return []
    differences = one_step_errors(bench.world_model, evaluation.recorded["policy"]).latents
    zeros = torch.zeros_like(differences)
    return surprise(Latent(differences), Latent(zeros), scale).tolist()


def _decodes(model: LoadedModel) -> bool:
    return isinstance(model.world_model, Decodable)


def _check(config: EvaluateConfig, model: LoadedModel) -> None:
    if config.only == VIDEO and not _decodes(model):
        raise UserError(f"model {config.model} cannot decode its latent: there is no video of it")
    family = family_of(model.config.network)
    if not family.rewards and config.planner != EXPERT:
        raise UserError(
            f"planner is {config.planner}, and a model of family {family.name} knows no reward to "
            f"plan for: give --planner {EXPERT}"
        )


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
        "episodes": config.effort.episodes,
        "git": git_revision(),
        **machine("cpu"),
    }


def _surprise(scale: SurpriseScale | None, clean: list[float]) -> dict[str, float]:
    if scale is None:
        return {}
    share = {"surprise_false_alarm_share": sum(s > 1 for s in clean) / len(clean)} if clean else {}
    return {
        "surprise_median": scale.latent.median,
        "surprise_p95": scale.latent.p95,
        "surprise_p99": scale.latent.p99,
        "surprise_p999": scale.latent.p999,
        **share,
    }
