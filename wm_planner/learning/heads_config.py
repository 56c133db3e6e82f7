"""What `wm_planner heads` is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.learning.reaction import check_reaction

HEADS = ("reward", "value", "prior", "landmarks", "success")
STEEPEST = 10.0  # norm of a gradient; longer ones are cut


@dataclass(frozen=True)
class HeadsConfig:
    """Fit the heads of a trained model anew; nothing else of the model changes.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        data: datasets to fit them to; default data/<task>.hdf5. One that is named twice counts
            twice.
        out: model folder to write; default runs/<task>_heads. The model's own is allowed.
        episodes: use only the first so many episodes of each dataset; 0 for all.
        only: names of the heads to fit, of reward, value, prior, landmarks and success; the others
            stay to the bit. A model that plans towards goal pictures has the prior alone.
        updates: gradient steps.
        reaction: control steps that whoever is imitated is late: switches are thrown so much
            earlier than they were shown.
        batch_size: moments a step.
        horizon: half of the latents are encoded, the others imagined up to so many steps ahead.
        dreamt: share of the latents that are imagined from the first frame of an episode on, so
            that heads know a long dream's latents as well; 0 for none.
        noise: standard deviation of the noise on latents, in units of that of each number.
        privileged: use what only a simulation knows, see `wm_planner train`.
        held_out: share of the episodes that only measures how sure the action prior may be.
        learning_rate: peak of AdamW's, cosine to zero.
        weight_decay: of AdamW.
        seed: of the batches.
        device: cpu or cuda.
        threads: processor threads.
    """

    model: str = "grasp"
    data: tuple[Path, ...] = ()
    out: Path | None = None
    episodes: int = 0
    only: tuple[str, ...] = HEADS
    updates: int = 4000
    reaction: int = 0
    batch_size: int = 256
    horizon: int = 1
    dreamt: float = 0.25
    noise: float = 0.1
    privileged: bool = False
    held_out: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    seed: int = 0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("updates", "batch_size", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")
        for name in ("episodes", "horizon", "noise", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if not 0 <= self.held_out < 0.5:
            raise UserError(f"held_out is {self.held_out}, expected a share in [0, 0.5)")
        if not 0 <= self.dreamt <= 1:
            raise UserError(f"dreamt is {self.dreamt}, expected a share in [0, 1]")
        if not self.only or not set(self.only) <= set(HEADS):
            raise UserError(f"only is {self.only}, expected some of {', '.join(HEADS)}")
        check_reaction(self.reaction, "prior" in self.only, "name prior in only")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}, expected above 0")
