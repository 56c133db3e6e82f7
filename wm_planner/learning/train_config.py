"""What a training is told: the same for every family, but for its network and its losses."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.learning.collect import TRAINING
from wm_planner.learning.precision import check_precision
from wm_planner.learning.reaction import check_reaction
from wm_planner.planning import PlannerConfig
from wm_planner.world_models.families import DEFAULT, FAMILIES, find_family
from wm_planner.world_models.family import LossConfig
from wm_planner.world_models.network_config import NetworkConfig

_MOST = {
    "updates": 10**9, "round_updates": 10**9, "round_episodes": 10**6, "workers": 1024,
    "batch_size": 65_536, "horizon": 1000, "threads": 1024,
}  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """Train a world model on collected episodes, and in rounds on what its planner meets.

    Attributes:
        task: name of the task.
        family: kind of world model; `--network` and `--loss` have other options for another one.
        data: datasets to train on; default data/<task>.hdf5. One that is named twice counts twice.
        out: model folder to write; default runs/<task>. A run of that name goes on where it was.
        start: model to go on from, a name in models/ or a path: with its shapes, and its weights at
            first. Give the datasets it was trained on among `data`, so that it forgets nothing.
        robot: name of the robot in config/robots.
        cameras: cameras to use, in this order.
        episodes: use only the first so many episodes of each dataset; 0 for all.
        updates: gradient steps on these datasets.
        rounds: how often to let the planner of the model so far act in simulation, add to the data
            what a person who watches it shows from where it gets nowhere, and train on; with
            `privileged`, what it met, labelled by the expert.
        round_episodes: episodes a round.
        round_updates: gradient steps a round.
        search: settings of the planner that a person watches.
        randomization: what differs between episodes of rounds besides the start.
        prior_updates: gradient steps, at the end, on the action prior alone, by `wm_planner heads`.
        reaction: control steps that persons are late, for that prior to throw switches in time.
        decoder_updates: gradient steps, at the end, on the decoder alone; 0 for none. The model is
            the same but for its pictures; see `wm_planner decoder`.
        repainter_updates: gradient steps, at the end, on what paints futures over the frames seen
            last; 0 for none. Nothing else changes; see `wm_planner repainter`.
        decoder_data: datasets for both; default those of the training.
        workers: processes that collect a round's episodes.
        privileged: use what only a simulation knows, the reward, the expert's actions and
            landmarks, to measure a ceiling. Else all that is read is what a robot has: frames,
            joints, actions, and whether it worked.
        held_out: share of the episodes that is not trained on, but measures how sure the action
            prior may be, and how far off imagined values are; 0 for none.
        batch_size: sequences a step.
        horizon: steps of a sequence.
        shift: largest random shift of the frames, pixels.
        colour: largest random change of the gain and the offset of the frames' colour channels.
        unfelt: probability that a sequence's proprioception is not known, so that the model can do
            without it: a goal is often only a picture.
        cover: probability that something covers one or all cameras for a part of a sequence, up to
            25 steps, so that a model with a memory learns to use it.
        snapshots: also export the model after so many updates, to <out>/round_0/step_<n>.
        seed: of weights and batches.
        device: cpu or cuda.
        threads: processor threads; more than there are idle cores is many times slower.
        precision: of matrix products and convolutions: float32, bfloat16, or auto, the faster one
            on this machine.
        network: shapes of the networks.
        loss: weights of the losses and of the optimiser.
    """

    task: str = "grasp"
    family: str = DEFAULT
    data: tuple[Path, ...] = ()
    out: Path | None = None
    start: str = ""
    robot: str = "panda"
    cameras: tuple[str, ...] = ("front", "wrist")
    episodes: int = 0
    updates: int = 1500
    rounds: int = 0
    round_episodes: int = 300
    round_updates: int = 1500
    search: PlannerConfig = field(default_factory=PlannerConfig)
    randomization: Randomization = TRAINING
    prior_updates: int = 0
    reaction: int = 0
    decoder_updates: int = 0
    repainter_updates: int = 0
    decoder_data: tuple[Path, ...] = ()
    workers: int = 2
    privileged: bool = False
    held_out: float = 0.1
    batch_size: int = FAMILIES[DEFAULT].batch_size
    horizon: int = FAMILIES[DEFAULT].horizon
    shift: int = 2
    colour: float = 0.1
    unfelt: float = 0.1
    cover: float = 0.0
    snapshots: tuple[int, ...] = ()
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    precision: str = "auto"
    network: NetworkConfig = field(default_factory=FAMILIES[DEFAULT].config)
    loss: LossConfig = field(default_factory=FAMILIES[DEFAULT].loss_config)

    def __post_init__(self) -> None:
        make_task(self.task)
        family = find_family(self.family)
        for name, kind in (("network", family.config), ("loss", family.loss_config)):
            if type(getattr(self, name)) is not kind:
                raise UserError(
                    f"{name} is a {type(getattr(self, name)).__name__}, family {family.name} has "
                    f"{kind.__name__}; start from train_config({family.name!r})"
                )
        if self.network.instruction_size and not family.words:
            others = ", ".join(name for name, other in FAMILIES.items() if other.words)
            raise UserError(
                f"family {family.name} cannot be told what to do: set network.instruction_size to "
                f"0, or choose another family: {others}"
            )
        if self.network.repaint:
            raise UserError(
                "network.repaint is true, but a repainter is fitted to what is trained: set "
                "repainter_updates, or use `wm_planner repainter` later"
            )
        check_precision(self.precision)
        for name, most in _MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise UserError(
                    f"{name} is {getattr(self, name)}, expected at least 1, up to {most}"
                )
        for name in ("rounds", "prior_updates", "decoder_updates", "repainter_updates"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} is {getattr(self, name)}, expected 0 or more")
        check_reaction(self.reaction, self.prior_updates > 0, "set prior_updates")
        for name, end in (("unfelt", 1.0), ("cover", 1.0), ("held_out", 0.5)):
            if not 0 <= (share := getattr(self, name)) < end:
                raise UserError(f"{name} is {share}, expected a probability or share in [0, {end})")
        if self.search != PlannerConfig() and (self.privileged or not self.rounds):
            raise UserError(
                "search has settings of a planner that a person watches, but nobody does: set "
                "rounds, and privileged to false"
            )
        if self.unfelt > 0 and not self.network.unfelt:
            raise UserError(
                f"unfelt is {self.unfelt}, but network.unfelt is false: nothing would stand in for "
                "proprioception; set unfelt to 0, or network.unfelt to true"
            )

    @property
    def directory(self) -> Path:
        return self.out or Path("runs") / self.task

    @property
    def datasets(self) -> list[Path]:
        return list(self.data) or [Path("data") / f"{self.task}.hdf5"]


def train_config(family: str | None = None) -> type[TrainConfig]:
    """TrainConfig with the options and defaults of a family; of the default one without a name."""
    own = find_family(family or DEFAULT)
    fields: list[Any] = [
        ("family", "str", field(default=own.name)),
        ("batch_size", "int", field(default=own.batch_size)),
        ("horizon", "int", field(default=own.horizon)),
        ("network", own.config, field(default_factory=own.config)),
        ("loss", own.loss_config, field(default_factory=own.loss_config)),
    ]
    described = {"__doc__": TrainConfig.__doc__, "__module__": __name__}
    return make_dataclass(
        "TrainConfig", fields, bases=(TrainConfig,), frozen=True, namespace=described
    )
