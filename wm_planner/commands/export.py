"""The export command: a dataset for those who train other policies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.learning.episodes import demo, demo_names, open_dataset, read_episode
from wm_planner.learning.lerobot.format2 import Format2Writer
from wm_planner.learning.lerobot.format3 import Format3Writer
from wm_planner.learning.lerobot.video import CODECS
from wm_planner.learning.lerobot.writer import LeRobotWriter
from wm_planner.paths import robot_config

VERSIONS: dict[str, type[LeRobotWriter]] = {"3.0": Format3Writer, "2.1": Format2Writer}


@dataclass(frozen=True)
class ExportConfig:
    """Write a dataset in LeRobot's format: parquet and videos.

    Attributes:
        dataset: HDF5 file of `collect`, `import` or `improve`.
        out: folder to write; default <dataset without its ending>_lerobot.
        robot: name of the robot in config/robots, whose control rate the frames have.
        version: of the format: 3.0, or 2.1 for what reads nothing newer.
        codec: of the videos, h264 or av1; both lose a little.
        episodes: only the first so many; 0 for all.
    """

    dataset: Path
    out: Path | None = None
    robot: str = "panda"
    version: str = "3.0"
    codec: str = "h264"
    episodes: int = 0

    def __post_init__(self) -> None:
        if self.version not in VERSIONS:
            raise UserError(f"version is {self.version!r}, expected one of {', '.join(VERSIONS)}")
        if self.codec not in CODECS:
            raise UserError(f"codec is {self.codec!r}, expected one of {', '.join(CODECS)}")

    @property
    def folder(self) -> Path:
        return self.out or self.dataset.with_name(f"{self.dataset.stem}_lerobot")


def export(config: ExportConfig) -> Path:
    """Write the folder, and return it."""
    fps = RobotConfig.load(robot_config(config.robot)).control_rate_hz
    with (
        open_dataset(config.dataset) as file,
        VERSIONS[config.version](
            config.folder, fps, Path(config.robot).stem, config.codec
        ) as writer,
    ):
        names = demo_names(file)[: config.episodes or None]
        for name in tqdm(names, unit="episode"):
            writer.add(read_episode(demo(file, name), privileged=False))
    print(f"{len(names)} episodes, {writer.frames} frames\ndata   {config.folder}")
    return config.folder
