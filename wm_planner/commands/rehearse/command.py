"""`wm_planner rehearse`: does a policy that does better in the dream do better in simulation?"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torchmetrics.functional import pearson_corrcoef, spearman_corrcoef
from tqdm import tqdm

from wm_planner.assembly import build_pipeline
from wm_planner.commands.rehearse.config import RehearseConfig
from wm_planner.commands.rehearse.page import render
from wm_planner.commands.rehearse.stage import Stage
from wm_planner.errors import UserError
from wm_planner.evaluation.records import explained, write_json
from wm_planner.evaluation.row_log import RowLog
from wm_planner.paths import model_dir
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlannerConfig
from wm_planner.processor import configure_torch
from wm_planner.provenance import git_revision, machine
from wm_planner.statistics import wilson
from wm_planner.workers import in_workers
from wm_planner.world_models.store import LoadedModel, ModelConfig, load_model


class Start(NamedTuple):
    """How one policy did from one start."""

    policy: str
    action_noise: float
    seed: int
    dreamt: bool
    simulated: bool


class Rehearsed(NamedTuple):
    """How often one policy succeeded."""

    policy: str
    action_noise: float
    dreamt: int
    simulated: int
    agreed: int  # starts with the same outcome in both
    trials: int


def rehearse(config: RehearseConfig) -> dict[str, Any]:
    """Run all, print a table, write the page and the figures, and return them.

    A run that was killed goes on with the same command; a finished one with more starts or noises.
    """
    rows = [_row(*act, starts) for act, starts in _run(config).items()]
    result = _result(config, rows)
    for row in rows:
        print(
            f"{row.policy}, noise {row.action_noise:g}: dream {row.dreamt}/{row.trials}, "
            f"simulation {row.simulated}/{row.trials}, {row.agreed} starts alike"
        )
    print(f"correlation {result['pearson']}, of ranks {result['spearman']}")
    page = config.folder / "rehearsal.html"
    with explained(page):
        page.write_text(render(result))
    for path in (config.folder / "rehearsal.json", config.json):
        if path is not None:
            write_json(path, result)
    print(page)
    return result


def _run(config: RehearseConfig) -> dict[tuple[str, float], list[Start]]:
    """The starts of each policy and noise, those of an earlier, killed run included."""
    log = RowLog(config.folder / "starts.jsonl", Start, _settings(config))
    wanted = [(*act, seed) for seed in _seeds(config) for act in config.acts]
    known = [start for start in log.rows if start[:3] in wanted]
    done = {start[:3] for start in known}
    jobs = [(config, *job) for job in wanted if job not in done]
    with tqdm(total=len(wanted), initial=len(known), unit="start") as bar:
        for start in in_workers(_one, jobs, config.workers):
            log.add(start)
            known.append(start)
            bar.update()
    log.close()
    return {act: [start for start in known if start[:2] == act] for act in config.acts}


def _settings(config: RehearseConfig) -> dict[str, Any]:
    """What makes a start end as it does; raises a UserError where a policy does not fit."""
    dreaming = _model(config.model)
    acting = {policy: _model(policy) for policy in config.policies}
    for policy, model in acting.items():
        _check_same(dreaming.config, model.config, policy)
    return {
        "model": _named(config.model, dreaming),
        "policies": [_named(policy, model) for policy, model in acting.items()],
        "planner": config.planner,
        "likely": config.likely,
        "lasting": config.lasting,
    }


def _named(name: str, model: LoadedModel) -> dict[str, str]:
    return {"name": name, "sha256": model.sha256}


def _seeds(config: RehearseConfig) -> range:
    return range(config.seed, config.seed + config.trials)


def _row(policy: str, noise: float, starts: list[Start]) -> Rehearsed:
    dreamt, simulated = (sum(side) for side in zip(*(s[3:] for s in starts), strict=True))
    alike = sum(start.dreamt == start.simulated for start in starts)
    return Rehearsed(policy, noise, dreamt, simulated, alike, len(starts))


def _result(config: RehearseConfig, rows: list[Rehearsed]) -> dict[str, Any]:
    dreamt, simulated = (torch.tensor([float(r[i]) for r in rows]) for i in (2, 3))
    varied = min(len(side.unique()) for side in (dreamt, simulated)) > 1
    return {
        "model": config.model,
        "planner": config.planner,
        "seeds": [_seeds(config)[0], _seeds(config)[-1]],
        "trials": config.trials,
        "likely": config.likely,
        "lasting": config.lasting,
        "policies": [
            {
                **row._asdict(),
                "dreamt_interval": list(wilson(row.dreamt, row.trials)),
                "simulated_interval": list(wilson(row.simulated, row.trials)),
            }
            for row in rows
        ],
        "pearson": round(float(pearson_corrcoef(dreamt, simulated)), 3) if varied else None,
        "spearman": round(float(spearman_corrcoef(dreamt, simulated)), 3) if varied else None,
        "git": git_revision(),
        **machine("cpu"),
    }


def _one(config: RehearseConfig, policy: str, noise: float, seed: int) -> Start:
    stage = _stage(config)
    planner = PlannerConfig(planner=config.planner, action_noise=noise, action_delay=0.0)
    if config.planner == "prior":
        planner = replace(planner, horizon=1)  # what it would do later changes nothing
    pipeline = _pipeline(policy, planner)
    dreamt = stage.dream(pipeline, seed).success
    return Start(policy, noise, seed, dreamt, stage.simulate(pipeline, seed).success)


@lru_cache(maxsize=1)
def _stage(config: RehearseConfig) -> Stage:
    configure_torch()
    return Stage(_model(config.model), config.likely, config.lasting)


@lru_cache(maxsize=32)
def _pipeline(policy: str, planner: PlannerConfig) -> Pipeline:
    return build_pipeline(_model(policy), planner)


@lru_cache
def _model(name: str) -> LoadedModel:
    return load_model(model_dir(name))


def _check_same(dreaming: ModelConfig, acting: ModelConfig, policy: str) -> None:
    for name in ("task", "robot", "cameras"):
        wanted, found = getattr(dreaming, name), getattr(acting, name)
        if wanted != found:
            raise UserError(
                f"policy '{policy}': {name} {found}, the model that dreams has {wanted}; give a "
                "policy of the same"
            )
