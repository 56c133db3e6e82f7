"""The demo: simulation and planner as two ROS 2 processes, a few trials, a video and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from wm_planner.envs.tasks import make_task
from wm_planner.evaluation.records import Trial, write_json
from wm_planner.evaluation.summary import describe, summarise
from wm_planner.evaluation.trials import TrialsConfig
from wm_planner.evaluation.video import Video, film_strip, paced, write_picture
from wm_planner.nodes.trials import trial_client
from wm_planner.planning import PlannerConfig
from wm_planner.planning.budget import Budget

_PLAN_MS = 40.0  # of the 100 that there are: what is left is for pictures


@dataclass(frozen=True)
class DemoConfig:
    """Run the task on two ROS 2 nodes and record what the planner sees and imagines.

    Attributes:
        task: name of the task.
        model: name of a model in models/, or the path of a model folder; default the task's name.
        planner: noop, random, prior, mppi or cem.
        trials: how many.
        seed: of the first trial.
        lockstep: let the simulation wait for the planner instead of running in real time.
        out: folder for the video, the picture and the logs.
        json: write the result to this file as well.
    """

    task: str = "grasp"
    model: str = ""
    planner: str = "mppi"
    trials: int = 5
    seed: int = 5_000_000
    lockstep: bool = False
    out: Path = Path("out/demo")
    json: Path | None = None

    @property
    def trials_config(self) -> TrialsConfig:
        return TrialsConfig(
            task=self.task,
            model=self.model,
            planner=self.planner,
            trials=self.trials,
            seed=self.seed,
            ros=True,
            lockstep=self.lockstep,
            search=PlannerConfig()
            if self.lockstep
            else PlannerConfig(budget="auto", deadline_ms=_PLAN_MS),
        )


def demo(config: DemoConfig) -> int:
    """Run it; the exit code is 1 when no trial succeeded."""
    pace = "in lockstep" if config.lockstep else "in real time, 10 plans a second"
    print(f"Starting simulation and planner as two ROS 2 nodes, {pace} ...")
    trials, strip, budget = _run(config)
    picture, video = config.out / "demo.png", config.out / "demo.mp4"
    if strip is not None:
        write_picture(picture, strip)
    result = summarise(trials, make_task(config.task).stages)
    print(_table(trials))
    print(describe(config.task, config.trials_config.label, result))
    command = result["frame_to_command_ms"]
    print(
        f"frame to command p50 {command['p50']:.1f} ms, p95 {command['p95']:.1f} ms, with {budget}"
    )
    print(f"video    {video}\npicture  {picture}\nlogs     {config.out / 'logs'}")
    if config.json is not None:
        write_json(config.json, result)
    return 0 if result["successes"] else 1


def _run(config: DemoConfig) -> tuple[list[Trial], np.ndarray | None, Budget | None]:
    """The trials, a film strip of the first that succeeded, and what a plan imagined."""
    trials: list[Trial] = []
    strip = None
    with (
        trial_client(config.trials_config, config.out / "logs") as client,
        Video(config.out / "demo.mp4", client.rate_hz) as video,
        tqdm(total=config.trials, unit="trial", desc=config.task) as bar,
    ):
        client.watch_imagination()
        for seed in range(config.seed, config.seed + config.trials):
            trial, _, pictures, times = client.run_trial(seed, config.trials_config.label)
            trials.append(trial)
            if strip is None and trial.success and pictures:
                strip = film_strip(pictures, times)
            for frame in paced(pictures, times, client.rate_hz):
                video.write(frame)
            bar.set_postfix_str(f"success {sum(t.success for t in trials)}/{len(trials)}")
            bar.update()
    return trials, strip, client.budget


def _table(trials: list[Trial]) -> str:
    lines = ["", "trial     seed  result      seconds"]
    for i, trial in enumerate(trials, 1):
        lines.append(f"{i:5d}  {trial.seed:7d}  {trial.ended:<10s}  {trial.seconds:7.1f}")
    return "\n".join([*lines, ""])
