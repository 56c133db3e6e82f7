"""The alarms command: what surprise notices, how fast, and how often it is wrong itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import mujoco
import numpy as np
from tqdm import tqdm

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.props import Cube
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.monitoring.surprise import FILE
from wm_planner.paths import model_dir
from wm_planner.pipeline import Pipeline
from wm_planner.planning import PlannerConfig
from wm_planner.processor import configure_torch
from wm_planner.statistics import wilson
from wm_planner.world_models.store import load_model

_NEVER = 1e9  # surprise that no frame has: trials run on, and alarms are found afterwards
_FIRST, _LAST = 5, 15  # control steps between which it happens
_WAIT = 20  # control steps within which it must be noticed
_VISITOR = Cube("visitor", 0.07, rgba=(0.15, 0.35, 0.75, 1.0), place=(-3.0, 0.0))


@dataclass(frozen=True)
class AlarmsConfig:
    """Count what surprise notices in trials where something happens, and in clean ones.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        max_surprise: what raises the alarm.
        clean: trials in which nothing is wrong.
        trials: of each thing that happens.
        seed: of the first trial; the others follow. 5,000,000 and up were never trained on.
        search: settings of the planner that drives; not its `max_surprise`.
        json: write the result to this file as well.
    """

    model: str = "grasp"
    max_surprise: float = 2.0
    clean: int = 200
    trials: int = 50
    seed: int = 5_000_000
    search: PlannerConfig = field(default_factory=PlannerConfig)
    json: Path | None = None

    def __post_init__(self) -> None:
        if min(self.clean, self.trials) < 1:
            raise UserError(f"clean {self.clean}, trials {self.trials}: expected at least 1 each")
        if not self.max_surprise > 1:
            raise UserError(f"max_surprise is {self.max_surprise}, expected above 1")


class Trace(NamedTuple):
    """The surprise of every frame of one trial."""

    surprise: list[float]  # NaN for the first frame: nothing was foreseen
    onset: int  # the first frame that shows what happened

    def noticed(self, limit: float) -> int | None:
        """Frames from the onset to the alarm; None when there is none in time."""
        for delay, value in enumerate(self.surprise[self.onset : self.onset + _WAIT]):
            if value > limit:
                return delay
        return None


Happening = Callable[[ManipulationEnv, np.random.Generator], None]


def cover_camera(env: ManipulationEnv, rng: np.random.Generator) -> None:
    """A dark cloth over the front camera: no longer black, so only surprise can tell."""
    render = env.simulation.render

    def covered(camera: str, size: tuple[int, int] | None = None) -> np.ndarray:
        frame = render(camera, size)
        cloth = rng.normal(50, 10, frame.shape).clip(0, 255).astype(np.uint8)
        return cloth if camera == env.config.cameras[0] else frame

    env.simulation.render = covered  # type: ignore[method-assign]


def show_object(env: ManipulationEnv, rng: np.random.Generator) -> None:
    """A 7 cm box that was not there stands on the table."""
    place = rng.uniform([0.40, -0.22], [0.62, 0.22])
    env.simulation.place(_VISITOR.name, np.r_[place, _VISITOR.edge / 2], rng.uniform(0, np.pi))


def move_camera(env: ManipulationEnv, rng: np.random.Generator) -> None:
    """The front camera is knocked 8 cm aside and turned by 8 degrees."""
    model = env.simulation.model
    camera = model.camera(env.config.cameras[0]).id
    direction, axis = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    model.cam_pos[camera] += 0.08 * direction
    turn, turned = np.empty(4), np.empty(4)
    mujoco.mju_axisAngle2Quat(turn, axis, np.deg2rad(8.0))
    mujoco.mju_mulQuat(turned, turn, model.cam_quat[camera])
    model.cam_quat[camera] = turned


def push_arm(env: ManipulationEnv, rng: np.random.Generator) -> None:
    """Somebody leans on the wrist with 150 N, from now on; 80 N hardly move this arm."""
    direction = rng.normal(size=3)
    hand = env.simulation.model.site(env.arm.config.hand_site).bodyid[0]
    wrist = env.simulation.model.body_parentid[hand]  # the hand itself is the disturber's
    env.simulation.data.xfrc_applied[wrist, :3] = 150.0 * direction / np.linalg.norm(direction)


HAPPENINGS: dict[str, Happening] = {
    "camera covered": cover_camera,
    "camera moved": move_camera,
    "new object": show_object,
    "arm pushed": push_arm,
}


def alarms(config: AlarmsConfig) -> dict[str, Any]:
    """Run the trials, print a table, return what --json writes."""
    configure_torch()
    model = load_model(model_dir(config.model))
    if not (model.directory / FILE).is_file():
        raise UserError(
            f"model '{config.model}' has no scale of surprise; measure it with "
            f"`wm_planner evaluate --model {config.model} --calibrate`"
        )
    c = model.config
    env = ManipulationEnv(EnvConfig(c.task, c.robot, c.cameras, c.image_size, visitors=(_VISITOR,)))
    pipeline = build_pipeline(model, replace(config.search, max_surprise=_NEVER))
    traces: dict[str, list[Trace]] = {}
    with tqdm(total=config.clean + config.trials * len(HAPPENINGS), unit="trial") as bar:
        for name, happening in {"": None, **HAPPENINGS}.items():
            count = config.trials if happening else config.clean
            for seed in range(config.seed, config.seed + count):
                traces.setdefault(name, []).append(run(env, pipeline, happening, seed))
                bar.update()
    result = summarise(traces, config, c.control_rate_hz)
    print(describe(result))
    if config.json is not None:
        write_json(config.json, result)
    return result


def run(env: ManipulationEnv, pipeline: Pipeline, happening: Happening | None, seed: int) -> Trace:
    """One trial, in which `happening` happens at a random step."""
    rng = np.random.default_rng([seed, 7])
    onset = int(rng.integers(_FIRST, _LAST))
    observation, _ = env.reset(seed=seed)
    pipeline.reset(seed)
    pipeline.assignments.tell([env.task.instruction])
    found: list[float] = []
    over = False
    try:
        while not over:
            thought = pipeline.think(observation, observation["proprio"])
            (surprise,) = thought.surprise
            found.append(float("nan") if surprise is None else surprise)
            if happening is not None and len(found) == onset:
                happening(env, rng)
            action = thought.plan.actions[0, 0].double().numpy()
            observation, _, success, truncated, _ = env.step(action)
            late = happening is not None and len(found) >= onset + _WAIT
            over = truncated or late or (success and happening is None)
    finally:
        env.simulation.__dict__.pop("render", None)
    return Trace(found, onset)


def summarise(
    traces: dict[str, list[Trace]], config: AlarmsConfig, rate_hz: float
) -> dict[str, Any]:
    """What is caught with which delay, and the false alarms of the clean trials."""
    limit = config.max_surprise
    clean = [trace.surprise[1:] for trace in traces[""]]
    false = sum(max(values) > limit for values in clean)
    frames = [value for values in clean for value in values]
    found: dict[str, Any] = {
        "model": config.model,
        "max_surprise": limit,
        "clean_trials": len(clean),
        "clean_frames": len(frames),
        "false_alarms": false,
        "false_alarm_interval": list(wilson(false, len(clean))),
        "largest_clean_surprise": round(max(frames), 3),
        "happenings": [],
    }
    for name in HAPPENINGS:
        delays = [trace.noticed(limit) for trace in traces[name]]
        caught = [delay / rate_hz for delay in delays if delay is not None]
        found["happenings"].append(
            {
                "name": name,
                "trials": len(delays),
                "caught": len(caught),
                "caught_interval": list(wilson(len(caught), len(delays))),
                "median_delay_s": float(np.median(caught)) if caught else None,
            }
        )
    return found


def describe(result: dict[str, Any]) -> str:
    """A line for each thing that happens."""
    lines = []
    for h in result["happenings"]:
        low, high = h["caught_interval"]
        delay = "-" if h["median_delay_s"] is None else f"{h['median_delay_s']:.1f} s later"
        lines.append(
            f"{h['name']:15} noticed {h['caught']}/{h['trials']} "
            f"({low:.1%} to {high:.1%}), in the median {delay}"
        )
    low, high = result["false_alarm_interval"]
    lines.append(
        f"false alarms in {result['false_alarms']}/{result['clean_trials']} clean trials "
        f"({low:.1%} to {high:.1%}) of {result['clean_frames']} frames; largest surprise there "
        f"{result['largest_clean_surprise']:.2f}, alarm above {result['max_surprise']:.2f}"
    )
    return "\n".join(lines)
