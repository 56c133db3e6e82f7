"""Tries on a simulation node and a planner node over DDS, recorded as a robot would."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.learning.tries import NOBODY, PERSON, TASK, TriesConfig, Try
from wm_planner.nodes.mark_keys import MarkKeys
from wm_planner.nodes.trial_client import TrialClient
from wm_planner.nodes.trials import trial_client
from wm_planner.nodes.try_recorder import TryRecorder
from wm_planner.world_models.store import read_config

_JUDGED = ("success", "time limit", "safety stop")  # endings of which the task knows the outcome


def tries_over_ros(config: TriesConfig, seeds: list[int]) -> Iterator[Try]:
    """Tries one at a time as they end; y and n in the terminal mark them."""
    cameras = read_config(config.model / "config.yaml").cameras
    for disturbed, own in config.groups(seeds).items():
        trials = trials_config(config, disturbed)
        logs = Path(tempfile.mkdtemp(prefix="wm_planner_logs_"))
        with trial_client(trials, logs) as client, MarkKeys(client.node):
            recorder = TryRecorder(client.node, cameras, client.rate_hz)
            for seed in own:
                yield record_try(client, recorder, seed, config)


def record_try(client: TrialClient, recorder: TryRecorder, seed: int, config: TriesConfig) -> Try:
    """Run one try and record it. A person's mark counts more than the task's judgement."""
    recorder.clear()
    judging = config.patience if config.judge == PERSON else None
    trial = client.run_trial(seed, time_limit=config.time_limit, judging=judging).trial
    judge = NOBODY
    if client.mark is not None:
        judge = PERSON
    elif config.judge == TASK and trial.ended in _JUDGED:
        judge = TASK
    if not client.stamps:
        return Try(seed, None, judge)
    first, last = (float(client.stamps[i]) for i in (0, max(0, trial.steps - 1)))
    return Try(seed, recorder.episode(seed, trial.success, first, last), judge)


def trials_config(config: TriesConfig, disturbed: bool) -> TrialsConfig:
    """With late frames only where there is a clock."""
    randomization = config.randomization
    if config.lockstep:
        randomization = replace(randomization, latency=(0.0, 0.0))
    search = config.planner(disturbed)
    return TrialsConfig(
        task=config.task,
        model=str(config.model),
        planner=search.planner,
        prior=search.use_prior,
        time_limit=config.time_limit,
        ros=True,
        lockstep=config.lockstep,
        device=config.device,
        search=search,
        randomization=randomization,
    )
