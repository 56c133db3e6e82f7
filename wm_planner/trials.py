"""The trials command: in process or over ROS, one result for both."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tqdm import tqdm

from wm_planner.evaluation.trials import (
    Trial,
    TrialsConfig,
    describe,
    run_in_process,
    summarise,
)
from wm_planner.paths import model_dir
from wm_planner.world_models.store import load_model


def run_trials(config: TrialsConfig) -> dict:
    """Run all trials with a progress bar, print a line, and return what --json writes."""
    model = load_model(model_dir(config.model_name), config.device)
    trials: list[Trial] = []
    with tqdm(total=config.trials, unit="trial", desc=f"{config.task}, {config.planner}") as bar:
        for trial in _trials(config):
            trials.append(trial)
            bar.set_postfix_str(f"success {sum(t.success for t in trials)}/{len(trials)}")
            bar.update()
    result = summarise(config, sorted(trials))
    result["model"] = {"name": config.model_name, "sha256": model.sha256}
    result["git"] = model.config.provenance.get("git", "unknown")
    print(describe(result))
    if config.json is not None:
        config.json.parent.mkdir(parents=True, exist_ok=True)
        config.json.write_text(json.dumps(result, indent=2))
    return result


def _trials(config: TrialsConfig) -> Iterator[Trial]:
    if not config.ros:
        return run_in_process(config)
    from wm_planner.nodes.trials import run_over_ros  # rclpy only where it is needed

    return run_over_ros(config)
