"""Physical consistency: is an impossible future more of a surprise than the possible one?

Pairs of futures of the same state and the same actions, one as physics has it, one tampered with:
violation of expectation (Riochet 2018, IntPhys, arXiv:1803.07616). A model that understands what
happens predicts the possible one better. Half of the pairs are right by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wm_planner.envs.expert import CLOSE, OPEN, Hand, move_to
from wm_planner.envs.manipulation import ManipulationEnv
from wm_planner.envs.snapshot import restore, take
from wm_planner.evaluation.world_model.futures import rms
from wm_planner.evaluation.world_model.recording import look
from wm_planner.interfaces import Decodable, WorldModel
from wm_planner.types import Latent

_CUBE = "cube"
_STEPS = 6  # of each future
_HEAVY = 25.0  # kg


class Pair(NamedTuple):
    """Two futures of one state."""

    frames: tuple[np.ndarray, np.ndarray]  # last first-camera frame: possible, impossible
    possible: Tensor  # (K,) surprise along it
    impossible: Tensor  # (K,)
    pictures: tuple[Tensor, Tensor] | None  # (K,) each: surprise of the frames; None: no decoder

    @property
    def told_by_pictures(self) -> bool:
        """The same, by how far the imagined frames are from those that came."""
        return self.pictures is not None and bool(self.pictures[1].mean() > self.pictures[0].mean())

    @property
    def told(self) -> bool:
        """Whether the impossible one surprised more, on average over its steps."""
        return bool(self.impossible.mean() > self.possible.mean())


class Consistency(NamedTuple):
    """The pairs of one case."""

    name: str  # key of CASES
    text: str
    pairs: tuple[Pair, ...]

    @property
    def told(self) -> int:
        """Pairs whose impossible future surprised more."""
        return sum(pair.told for pair in self.pairs)

    @property
    def share_by_pictures(self) -> float:
        """Share of the pairs told by their frames; NaN where the model shows none."""
        if not any(pair.pictures for pair in self.pairs):
            return float("nan")
        return sum(pair.told_by_pictures for pair in self.pairs) / len(self.pairs)

    @property
    def share(self) -> float:
        """The same, of all pairs."""
        return self.told / max(1, len(self.pairs))

    @property
    def ratio(self) -> float:
        """Median surprise of the impossible future over that of the possible one."""
        ratios = [float(p.impossible.mean() / p.possible.mean()) for p in self.pairs]
        return float(np.median(ratios)) if ratios else float("nan")


Tamper = Callable[[ManipulationEnv, int], None]
"""Changes the simulation before step i of a future."""


class Case(NamedTuple):
    """How a pair is made."""

    text: str  # the possible future, and the impossible one
    prepare: Callable[[ManipulationEnv, np.random.Generator], bool]  # False: it did not work out
    action: tuple[float, float, float, float]  # of every step
    tamper: Tamper  # of the impossible future
    seen_from: int = 1  # the first step whose frames count


def _lifted(env: ManipulationEnv, rng: np.random.Generator) -> bool:
    """The scripted expert lifts the cube by 6 cm."""
    return _held(env, 0.06)


def _grasped(env: ManipulationEnv, rng: np.random.Generator) -> bool:
    """The scripted expert holds the cube, which still stands on the table."""
    return _held(env, -1.0)


def _beside(env: ManipulationEnv, rng: np.random.Generator) -> bool:
    """The closed hand stands on the table, the cube 6 cm to its left."""
    _put(env, np.array([0.42, -0.2]))
    _go(env, np.array([0.5, -0.06, 0.02]) + np.r_[rng.uniform(-0.04, 0.04, 2), 0], CLOSE)
    _put(env, Hand.of(env.simulation).position[:2] + np.array([0, 0.06]))
    return Hand.of(env.simulation).position[2] < 0.05


def _away(env: ManipulationEnv, rng: np.random.Generator) -> bool:
    """The hand is where the episode began, the cube in plain view."""
    return True


def _closed_on_nothing(env: ManipulationEnv, rng: np.random.Generator) -> bool:
    """The closed hand stands beside the cube and holds nothing."""
    goal = np.r_[env.simulation.data.body(_CUBE).xpos[:2] - np.array([0.08, 0]), 0.03]
    _go(env, goal, OPEN)
    _go(env, goal, CLOSE, steps=3)
    return not Hand.of(env.simulation).touches(_CUBE)


def _hang(env: ManipulationEnv, step: int) -> None:
    """Without weight, and at rest: nothing lets it fall."""
    simulation = env.simulation
    simulation.model.body_gravcomp[simulation.model.body(_CUBE).id] = 1.0
    simulation.data.qvel[_dof(env) : _dof(env) + 6] = 0


def _pass_through(env: ManipulationEnv, step: int) -> None:
    """The hand no longer meets the cube, which the table still carries."""
    geom = env.simulation.model.geom(_CUBE)
    geom.contype[0], geom.conaffinity[0] = 0, 0
    env.simulation.model.body_gravcomp[env.simulation.model.body(_CUBE).id] = 1.0


def _elsewhere(env: ManipulationEnv, step: int) -> None:
    """While nobody sees it, the cube is moved 12 cm."""
    if step == 0:
        place = env.simulation.data.body(_CUBE).xpos[:2]
        _put(env, place + np.array([0, -0.12 if place[1] > 0 else 0.12]))


def _follow(env: ManipulationEnv, step: int) -> None:
    """The cube rises with a hand that does not hold it."""
    address = env.simulation.model.joint(_CUBE).qposadr[0]
    env.simulation.model.body_gravcomp[env.simulation.model.body(_CUBE).id] = 1.0
    env.simulation.data.qpos[address + 2] += 0.0 if step == 0 else 0.035
    env.simulation.data.qvel[_dof(env) : _dof(env) + 6] = 0


def _heavy(env: ManipulationEnv, step: int) -> None:
    """A constant force pulls the cube down: it looks as ever, and weighs too much to be lifted."""
    body = env.simulation.model.body(_CUBE)
    env.simulation.data.xfrc_applied[body.id, 2] = -_HEAVY * 9.81


CASES: dict[str, Case] = {
    "support": Case("let go: falls, or hangs in the air", _lifted, (0, 0, 0, OPEN), _hang),
    "blocked": Case(
        "pushed: the cube moves, or lets the hand through", _beside, (0, 1, 0, CLOSE), _pass_through
    ),
    "occluded": Case(
        "not seen for 0.6 s: back in its place, or elsewhere",
        _away,
        (-0.3, 0, 0, OPEN),
        _elsewhere,
        seen_from=_STEPS,
    ),
    "empty": Case(
        "closed on nothing: the cube stays, or rises too",
        _closed_on_nothing,
        (0, 0, 1, CLOSE),
        _follow,
    ),
    "heavy": Case("held and lifted: as ever, or too heavy", _grasped, (0, 0, 1, CLOSE), _heavy),
}


@torch.inference_mode()
def consistency(
    env: ManipulationEnv,
    world_model: WorldModel,
    seeds: Sequence[int],
    vocabulary: Sequence[str] = (),
) -> list[Consistency]:
    """Every case, a pair for each seed where it can be brought about; none without a cube."""
    found = []
    if not any(prop.name == _CUBE for prop in env.task.props()):
        seeds = ()
    see = _Sight(env, world_model, vocabulary)
    for name, case in tqdm(CASES.items(), desc="physics", unit="case", leave=False):
        pairs = [pair for seed in seeds if (pair := _pair(env, see, case, seed))]
        found.append(Consistency(name, case.text, tuple(pairs)))
    return found


class _Sight(NamedTuple):
    """A world model, and how it sees an environment."""

    env: ManipulationEnv
    world_model: WorldModel
    vocabulary: Sequence[str]

    def encode(self, view: dict[str, np.ndarray], foreseen: Latent | None = None) -> Latent:
        return self.world_model.encode(look(self.env, view, self.vocabulary), foreseen)


def _pair(env: ManipulationEnv, see: _Sight, case: Case, seed: int) -> Pair | None:
    env.reset(seed=seed)
    if not case.prepare(env, np.random.default_rng([seed, 5])):
        return None
    env.simulation.settle()
    start = take(env)
    latent = see.encode(env._observation())
    possible, shown, frame = _future(env, see, latent, case, None)
    restore(env, start)
    model = env.simulation.model
    kept = [part.copy() for part in _physics(model)]
    try:
        impossible, tampered, other = _future(env, see, latent, case, case.tamper)
    finally:
        for part, nominal in zip(_physics(model), kept, strict=True):
            part[:] = nominal
        env.simulation.data.xfrc_applied[:] = 0
    pictures = None if shown is None or tampered is None else (shown, tampered)
    return Pair((frame, other), possible, impossible, pictures)


def _physics(model: object) -> tuple[np.ndarray, ...]:
    """What tampering changes of a MuJoCo model."""
    return model.body_gravcomp, model.geom_contype, model.geom_conaffinity  # type: ignore[attr-defined]


def _future(
    env: ManipulationEnv, see: _Sight, latent: Latent, case: Case, tamper: Tamper | None
) -> tuple[Tensor, Tensor | None, np.ndarray]:
    """Surprise (K,), the error of what was imagined from the start on: of the latent, and of the
    decoded frames, where there are some; and the last frame."""
    action = env.whole_action(np.array(case.action))
    imagined, latest, surprise, pictures = latent, latent, [], []
    taken = torch.tensor(action[None], dtype=torch.float32)
    for step in range(_STEPS):
        if tamper is not None:
            tamper(env, step)
        view, *_ = env.step(action)
        imagined = see.world_model.advance(imagined, taken)
        latest = see.encode(view, see.world_model.advance(latest, taken))
        surprise.append(rms(imagined.z - latest.z)[0])
        if isinstance(see.world_model, Decodable):
            shown = see.world_model.decode(imagined).float()
            error = shown - look(env, view).images.float()
            pictures.append(rms(error.flatten()))
    told, frame = slice(case.seen_from - 1, None), view[env.config.cameras[0]]
    by_pictures = torch.stack(pictures)[told] if pictures else None
    return torch.stack(surprise)[told], by_pictures, frame


def _held(env: ManipulationEnv, above: float) -> bool:
    """The scripted expert holds the cube more than `above` m over the table; False: it fails."""
    for _ in range(70):
        if _height(env) > above and Hand.of(env.simulation).holds(_CUBE):
            return True
        env.step(env.whole_action(env.task.expert(env.simulation, env.arm.goal)))
    return False


def _go(env: ManipulationEnv, goal: np.ndarray, gripper: float, steps: int = 16) -> None:
    """Send the hand to `goal` (3,) m, sideways first, then down."""
    for step in range(steps):
        height = goal[2] if step > steps // 2 else max(goal[2], 0.12)
        move = move_to(env.arm.goal, np.r_[goal[:2], height], gripper)
        env.step(env.whole_action(move))


def _put(env: ManipulationEnv, place: np.ndarray) -> None:
    """The cube on the table at `place` (2,) m."""
    simulation = env.simulation
    simulation.place(_CUBE, np.r_[place, simulation.half_edge(_CUBE)], 0.0)
    simulation.settle()


def _height(env: ManipulationEnv) -> float:
    simulation = env.simulation
    return float(simulation.data.body(_CUBE).xpos[2] - simulation.half_edge(_CUBE))


def _dof(env: ManipulationEnv) -> int:
    """First of the cube's six velocities."""
    return int(env.simulation.model.joint(_CUBE).dofadr[0])
