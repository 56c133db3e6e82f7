"""Plans, encodings and pictures of every model, timed in turns; and how fast each family learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from wm_planner.assembly import give_any_task
from wm_planner.commands.leaderboard.row import Milliseconds
from wm_planner.errors import UserError
from wm_planner.evaluation.records import write_json
from wm_planner.evaluation.run_checks import parse_json
from wm_planner.interfaces import Decodable
from wm_planner.learning.precision import training_dtype
from wm_planner.learning.speed import updates_per_second
from wm_planner.perception.images import observe
from wm_planner.pipeline import Pipeline
from wm_planner.processor import configure_torch
from wm_planner.safe_yaml import read_text
from wm_planner.timing import interleaved_ms
from wm_planner.world_models.store import LoadedModel, check_device

_MAX_BYTES = 2**22
_PARTS = ("plan_ms", "encode_ms", "play_ms")


@dataclass(frozen=True)
class Times:
    """Of one row.

    Attributes:
        plan_ms: from frames to a plan; None: it cannot plan for this task.
        encode_ms: from frames to a latent.
        play_ms: of imagining a step and drawing it; None: it does not decode.
        updates_per_s: gradient steps a second.
    """

    plan_ms: Milliseconds | None
    encode_ms: Milliseconds
    play_ms: Milliseconds | None
    updates_per_s: float


Timed = Mapping[str, tuple[LoadedModel, Pipeline | None]]
"""What is to be timed, by the row's name."""


def measure_times(
    rows: Timed, machine: Mapping[str, str], repeats: int, device: str, threads: int, file: Path
) -> dict[str, Times]:
    """Times by the row's name; those in `file` if they are of the very same on this machine."""
    key = {
        "machine": dict(machine),
        "repeats": repeats,
        "threads": threads,
        "models": {name: model.sha256 for name, (model, _) in rows.items()},
        "searches": {name: pipeline and pipeline.budget for name, (_, pipeline) in rows.items()},
    }
    if (found := _read(file, key)) is not None:
        return found
    configure_torch()
    samples = _in_turns(rows, repeats, device)
    torch.set_num_threads(threads)
    dtype = training_dtype("auto", check_device(device))
    learning: dict[object, float] = {}
    times = {}
    for name, (model, _) in tqdm(rows.items(), desc="updates/s", unit="model"):
        network = model.config.network
        if network not in learning:
            learning[network] = updates_per_second(network, dtype, torch.device(device))
        plan, play = (samples.get(f"{name} {what}") for what in ("plan", "play"))
        times[name] = Times(
            Milliseconds.of(plan) if plan else None,
            Milliseconds.of(samples[f"{name} encode"]),
            Milliseconds.of(play) if play else None,
            round(learning[network], 3),
        )
    write_json(file, {**key, "times": {name: asdict(own) for name, own in times.items()}})
    return times


def _in_turns(rows: Timed, repeats: int, device: str) -> dict[str, list[float]]:
    calls: dict[str, Callable[[], object]] = {}
    for name, (model, pipeline) in rows.items():
        calls |= {f"{name} {what}": call for what, call in _calls(model, pipeline, device).items()}
    with torch.inference_mode(), tqdm(total=repeats, desc="times", unit="turn") as bar:
        return interleaved_ms(calls, repeats, device, bar.update)


def _calls(
    model: LoadedModel, pipeline: Pipeline | None, device: str
) -> dict[str, Callable[[], object]]:
    """Frames of noise take as long as any."""
    c, rng = model.config, np.random.default_rng(0)
    size = (c.image_size, c.image_size, 3)
    frames = {camera: rng.integers(0, 256, size, np.uint8) for camera in c.cameras}
    proprio = np.zeros(c.proprio_size, np.float32)
    seen = observe(frames, proprio, c.cameras, c.image_size, device)
    world_model = model.world_model
    seen = seen._replace(instruction=world_model.any_words())
    latent, action = world_model.encode(seen), torch.zeros(1, c.action_size, device=device)
    calls: dict[str, Callable[[], object]] = {
        "encode": lambda: world_model.encode(seen),
    }
    if pipeline is not None:
        give_any_task(pipeline, frames)
        calls["plan"] = partial(pipeline.think, frames, proprio)
    if isinstance(world_model, Decodable):
        calls["play"] = lambda: world_model.decode(world_model.advance(latent, action))
    return calls


def _read(file: Path, key: dict[str, Any]) -> dict[str, Times] | None:
    """What an earlier run measured; None where it was of other models or another machine."""
    if not file.is_file():
        return None
    try:
        found = parse_json(read_text(file, _MAX_BYTES))
        if any(found.get(k) != v for k, v in key.items()):
            return None
        return {name: _times(own) for name, own in found["times"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file}: not the times of a run ({error}); remove it") from error


def _times(own: dict[str, Any]) -> Times:
    plan, encode, play = (own[k] and Milliseconds(**own[k]) for k in _PARTS)
    return Times(plan, encode, play, float(own["updates_per_s"]))
