"""What `wm_planner video learn` and `wm_planner video label` are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.world_models.latent_actions import LatentActionsConfig


@dataclass(frozen=True)
class VideoLearnConfig:
    """Learn what can be done from video without actions: frames alone are read of the datasets.

    An inverse model puts what was done between two frames into a code of a small codebook; a
    forward model must tell the later frame from the earlier one and the code.

    Attributes:
        data: datasets to watch; only their frames need be there.
        out: folder to write.
        cameras: cameras to watch, in this order.
        updates: gradient steps.
        batch_size: pairs of frames a step.
        network: shapes of the models.
        learning_rate: peak of AdamW's, cosine to zero.
        weight_decay: of AdamW.
        seed: of weights and batches.
        threads: processor threads.
    """

    data: tuple[Path, ...] = ()
    out: Path = Path("runs/video")
    cameras: tuple[str, ...] = ("front", "wrist")
    updates: int = 800
    batch_size: int = 48
    network: LatentActionsConfig = field(default_factory=LatentActionsConfig)
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-3
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.data:
            raise UserError("data is empty, expected datasets to watch: give --data video.hdf5")
        for name in ("updates", "batch_size", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}, expected above 0")
        if not self.weight_decay >= 0:
            raise UserError(f"weight_decay is {self.weight_decay}, expected 0 or more")
        if not self.cameras:
            raise UserError("cameras is empty, expected names of cameras such as front")


@dataclass(frozen=True)
class VideoLabelConfig:
    """Write a dataset: labelled episodes, then video with the actions it shows as they tell.

    The labelled episodes map codes to actions and to proprioception. Of the video only frames are
    read; what it shows is taken to have worked, and to have been filmed at the robot's rate.

    Attributes:
        model: folder that `wm_planner video learn` wrote.
        labelled: datasets with actions, of the robot.
        video: datasets whose frames are given actions.
        out: dataset to write.
        episodes: use only the first so many episodes of each labelled dataset; 0 for all.
        robot: name of the robot in config/robots.
        threads: processor threads.
    """

    model: Path = Path("runs/video")
    labelled: tuple[Path, ...] = ()
    video: tuple[Path, ...] = ()
    out: Path = Path("data/video.hdf5")
    episodes: int = 0
    robot: str = "panda"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("labelled", "video"):
            if not getattr(self, name):
                raise UserError(f"{name} is empty, expected datasets: give --{name} file.hdf5")
        if self.threads < 1:
            raise UserError(f"threads is {self.threads}, expected at least 1")
        if self.episodes < 0:
            raise UserError(f"episodes is {self.episodes}, expected 0 or more")
