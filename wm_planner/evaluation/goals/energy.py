"""`wm_planner energy`: is the distance to a goal picture least where the true action leads?

Assran 2025 (arXiv:2506.09985, figure 9) looks at the same landscape: from a held-out state, the
goal is what was seen some steps later, and the energy of the actions that led there should be the
least of all candidates'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.evaluation.records import explained, write_json
from wm_planner.interfaces import MeasuresGoals
from wm_planner.learning.behaviour import Disturbance, Mix, follow_expert
from wm_planner.learning.collect import EVALUATION_SEED
from wm_planner.learning.drive import drive
from wm_planner.learning.episodes import Episode
from wm_planner.paths import model_dir
from wm_planner.perception.goal import observe_goal
from wm_planner.perception.images import observe
from wm_planner.planning.objectives.goal_image import DISTANCES, LEARNED, Distance, distance_of
from wm_planner.processor import configure_torch
from wm_planner.types import Latent
from wm_planner.world_models.latent_model import LatentModel
from wm_planner.world_models.store import load_model

_FROM_EACH = 8  # transitions of an episode
_NOISY = Mix(shares=(0.5, 0.5), noise=(0.1, 0.3))
_GRID = 25  # points an edge of a heat map
_TILE = 150  # pixels an edge of a heat map
_ROWS = 6  # transitions that are shown


@dataclass(frozen=True)
class EnergyConfig:
    """Rank the true action by the distance to what it led to, among random ones.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        out: folder for energy.json and energy.png; default runs/energy/<model>.
        transitions: how many states of held-out episodes.
        candidates: actions compared at each, the true one included.
        ahead: steps from a state to its goal; candidates are held as long.
        seed: of the first episode.
    """

    model: str
    out: Path | None = None
    transitions: int = 200
    candidates: int = 256
    ahead: tuple[int, ...] = (1, 3)
    seed: int = EVALUATION_SEED

    def __post_init__(self) -> None:
        for name, least in (("transitions", 1), ("candidates", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least {least}")
        if not self.ahead or not all(1 <= steps <= 20 for steps in self.ahead):
            raise UserError(f"ahead is {self.ahead}, expected steps from 1 to 20")

    @property
    def folder(self) -> Path:
        return self.out or Path("runs/energy") / Path(self.model).name


class Transition(NamedTuple):
    """A held-out state, what was done, and what was seen then."""

    latent: Latent  # (1, D)
    goal: Latent  # (1, D)
    actions: Tensor  # (K, A) in between


class Landscape(NamedTuple):
    """How a distance judges the true actions of all transitions."""

    rank: float  # median share of candidates that are judged better, in [0, 1]
    best_twentieth: float  # share of transitions whose true action is among the best 5 %
    off: float  # mean distance of the best candidate from the true action, in action units
    off_by_chance: float  # that of a random candidate


def energy(config: EnergyConfig) -> dict[str, Any]:
    """Measure, print a table, draw the landscapes, and return the figures."""
    configure_torch()
    model = load_model(model_dir(config.model))
    with explained(config.folder):
        config.folder.mkdir(parents=True, exist_ok=True)
    c = model.config
    env = ManipulationEnv(EnvConfig(c.task, c.robot, c.cameras, c.image_size))
    figures: dict[str, Any] = {"model": config.model, "transitions": config.transitions}
    lines = [f"{'steps':>5} {'distance':>10} {'rank':>7} {'best 5 %':>9} {'off':>6} {'chance':>7}"]
    for ahead in config.ahead:
        held_out = list(_transitions(model.world_model, env, ahead, config))
        for name, found in landscapes(model.world_model, held_out, config).items():
            figures[f"{name}_{ahead}"] = found._asdict()
            lines.append(
                f"{ahead:5} {name:>10} {found.rank:7.3f} {found.best_twentieth:9.2f} "
                f"{found.off:6.2f} {found.off_by_chance:7.2f}"
            )
        picture = heat_maps(model.world_model, held_out[:: max(1, len(held_out) // _ROWS)][:_ROWS])
        cv2.imwrite(str(config.folder / f"energy_{ahead}.png"), picture[..., ::-1])
    env.close()
    write_json(config.folder / "energy.json", figures)
    print("\n".join([*lines, f"\n{config.folder}"]))
    return figures


def distances_of(world_model: LatentModel) -> dict[str, Distance]:
    """All that are defined between this model's latents."""
    learned = world_model.goal_distance if isinstance(world_model, MeasuresGoals) else None
    names = [*DISTANCES, LEARNED] if learned else list(DISTANCES)
    return {name: distance_of(name, world_model.goal_features, learned) for name in names}


@torch.inference_mode()
def landscapes(
    world_model: LatentModel, transitions: Sequence[Transition], config: EnergyConfig
) -> dict[str, Landscape]:
    """Of the true actions among random ones that are held, by each distance."""
    distances = distances_of(world_model)
    ranks: dict[str, list[float]] = {name: [] for name in distances}
    off: dict[str, list[float]] = {name: [] for name in distances}
    by_chance = []
    generator = torch.Generator().manual_seed(config.seed)
    for transition in transitions:
        steps, size = transition.actions.shape
        drawn = torch.rand(config.candidates - 1, 1, size, generator=generator) * 2 - 1
        for switch in world_model.action_space.switches:
            drawn[..., switch] = drawn[..., switch].sign()
        actions = torch.cat([transition.actions[None], drawn.expand(-1, steps, -1)])
        apart = (actions.mean(1) - transition.actions.mean(0)).norm(dim=-1)[1:]  # (N - 1,)
        by_chance.append(float(apart.mean()))
        latents = imagined(world_model, transition, actions)
        for name, distance in distances.items():
            found = distance(latents, transition.goal.z)  # (N,)
            ranks[name].append(float((found[1:] < found[0]).float().mean()))
            off[name].append(float(apart[found[1:].argmin()]))
    return {
        name: Landscape(
            float(np.median(ranks[name])),
            float(np.mean(np.array(ranks[name]) < 0.05)),
            float(np.mean(off[name])),
            float(np.mean(by_chance)),
        )
        for name in distances
    }


def imagined(world_model: LatentModel, transition: Transition, actions: Tensor) -> Tensor:
    """Latents (N, D) after actions (N, K, A)."""
    latents = world_model.rollout(transition.latent, actions[None]).latents
    if latents is None:
        raise ValueError("this world model keeps no latents of what it imagines")
    return latents[0, :, -1]


@torch.inference_mode()
def heat_maps(world_model: LatentModel, transitions: Sequence[Transition]) -> np.ndarray:
    """A row for each transition, a column for each distance; picture (h, w, 3) uint8 RGB.

    Over the first two actions (right, up), all else as it was; dark is near the goal. The ring is
    the true action, the cross the least energy.
    """
    rows = []
    for transition in transitions:
        values = torch.linspace(-1, 1, _GRID)
        grid = torch.cartesian_prod(-values, values).flip(-1)  # (N, 2), as the rows of a picture
        actions = transition.actions[None].repeat(len(grid), 1, 1)
        actions[..., :2] = grid[:, None]
        latents = imagined(world_model, transition, actions)
        true = transition.actions[:, :2].mean(0)
        tiles = [
            _heat_map(name, distance(latents, transition.goal.z), grid, true)
            for name, distance in distances_of(world_model).items()
        ]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)


def _heat_map(name: str, found: Tensor, grid: Tensor, true: Tensor) -> np.ndarray:
    """Of energies (N,) at the first two actions `grid` (N, 2); the true ones are (2,)."""
    low, high = found.min(), found.max()
    scaled = ((found - low) / (high - low).clamp_min(1e-9) * 255).view(_GRID, _GRID)
    tile = cv2.applyColorMap(scaled.to(torch.uint8).numpy(), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    tile = np.ascontiguousarray(cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_NEAREST))
    cv2.circle(tile, _place(true), 6, (255, 255, 255), 2, cv2.LINE_AA)
    best = _place(grid[int(found.argmin())])
    cv2.drawMarker(tile, best, (255, 80, 80), cv2.MARKER_TILTED_CROSS, 12, 2, cv2.LINE_AA)
    bordered = cv2.copyMakeBorder(tile, 18, 2, 2, 2, cv2.BORDER_CONSTANT, value=(40, 40, 40))
    font, ink = cv2.FONT_HERSHEY_SIMPLEX, (245, 245, 245)
    return cv2.putText(bordered, name, (5, 13), font, 0.42, ink, 1, cv2.LINE_AA)


def _place(action: Tensor) -> tuple[int, int]:
    """Pixel of the first two actions in a heat map."""
    right, up = ((action.clamp(-1, 1) + 1) / 2 * (_TILE - 1)).tolist()
    return round(right), round(_TILE - 1 - up)


@torch.inference_mode()
def _transitions(
    world_model: LatentModel, env: ManipulationEnv, ahead: int, config: EnergyConfig
) -> Iterator[Transition]:
    """From episodes of the noisy expert, at random moments."""
    left = config.transitions
    for seed in range(config.seed, config.seed + config.transitions):
        rng = np.random.default_rng([seed, 1])
        episode = drive(
            env,
            seed,
            follow_expert,
            Disturbance(_NOISY, rng, env.arm.action_size - 1),
            env.task.time_limit,
        )
        moments = np.arange(len(episode.actions) - ahead)
        for t in sorted(rng.permutation(moments)[: min(left, _FROM_EACH)]):
            yield _transition(world_model, env, episode, int(t), ahead)
            left -= 1
        if not left:
            return


def _transition(
    world_model: LatentModel, env: ManipulationEnv, episode: Episode, t: int, ahead: int
) -> Transition:
    cameras, size = env.config.cameras, env.config.image_size
    frame: Callable[[int], dict[str, np.ndarray]] = lambda i: {  # noqa: E731
        camera: episode.frames[camera][i] for camera in cameras
    }
    proprio = episode.proprio[t]
    now = world_model.encode(observe(frame(t), proprio, cameras, size))
    goal = world_model.encode(observe_goal(frame(t + ahead), len(proprio), cameras, size))
    return Transition(now, goal, torch.from_numpy(episode.actions[t : t + ahead]))
