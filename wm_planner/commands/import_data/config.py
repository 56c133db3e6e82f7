"""What is imported, and how it is understood."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.errors import UserError

UNMARKED = ("", "success", "failure")


@dataclass(frozen=True)
class ImportConfig:
    """Make a dataset of recordings: rosbags (MCAP, SQLite), robomimic's HDF5, LeRobot datasets.

    Bags become steps as they would in the running planner node, by its own code; what does not fit
    is told for each episode. Nothing of the sources is changed.

    Attributes:
        sources: bags, HDF5 files, or folders of LeRobot datasets; several make one dataset.
        out: dataset to write (HDF5, robomimic's layout); default data/<name of the first>.hdf5.
        robot: name of the robot in config/robots, or the path of a robot file; its interface file
            says what a bag's topics mean.
        unmarked: success or failure, for episodes of which nobody said; else they are left out.
        actions: dataset of the actions, in foreign HDF5 and LeRobot files; default actions, and
            action.
        proprio: of what the robot felt; default obs/proprio, and observation.state.
        joints: states and actions of a LeRobot dataset are positions of this robot's joints, rad
            and m, and where they are sent: actions of the hand are worked out from them.
        cameras: names of the source's cameras, in the order of the robot's, where they differ.
        episodes: only the first so many of each source; 0 for all.
    """

    sources: tuple[Path, ...]
    out: Path | None = None
    robot: str = "panda"
    unmarked: str = ""
    actions: str = ""
    proprio: str = ""
    joints: bool = False
    cameras: tuple[str, ...] = ()
    episodes: int = 0

    def __post_init__(self) -> None:
        if not self.sources:
            raise UserError("nothing to import; name a bag, an HDF5 file or a LeRobot dataset")
        if self.unmarked not in UNMARKED:
            raise UserError(f"unmarked is {self.unmarked!r}, expected success or failure")
        if not 0 <= self.episodes <= 10**6:
            raise UserError(f"episodes is {self.episodes}, expected 0 to 1,000,000")

    @property
    def path(self) -> Path:
        return self.out or Path("data") / f"{self.sources[0].resolve().stem}.hdf5"
