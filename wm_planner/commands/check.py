"""The check command: is this what a model can be trained on? A table, and a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from wm_planner.bags.bag import Bag
from wm_planner.contract import Contract
from wm_planner.control.robot_config import RobotConfig
from wm_planner.errors import UserError
from wm_planner.evaluation.dataset.findings import BAD, findings
from wm_planner.evaluation.dataset.lag import lag
from wm_planner.evaluation.dataset.survey import Survey, survey
from wm_planner.evaluation.report.dataset import Checked, Training, write_page
from wm_planner.learning.episodes import demo, demo_names, description, open_dataset, read_episode
from wm_planner.learning.speed import updates_per_second
from wm_planner.learning.train_config import train_config
from wm_planner.nodes.bag_import.times import check_times
from wm_planner.paths import robot_config
from wm_planner.processor import processor_name
from wm_planner.world_models.families import DEFAULT, find_family


@dataclass(frozen=True)
class CheckConfig:
    """Look at a dataset, or at the times of a bag, before anything is trained on it.

    Attributes:
        data: HDF5 dataset, or a bag.
        out: page to write, of a dataset; default <dataset without its ending>.html.
        robot: name of the robot in config/robots, or the path of a robot file.
        family: kind of world model whose training is timed; empty for none.
        strict: end with an error where something is to be mended first.
    """

    data: Path
    out: Path | None = None
    robot: str = "panda"
    family: str = DEFAULT
    strict: bool = False

    def __post_init__(self) -> None:
        if self.family:
            find_family(self.family)

    @property
    def page(self) -> Path:
        return self.out or self.data.with_suffix(".html")


def check(config: CheckConfig) -> int:
    """0; 1 where something is to be mended first and `strict` asks for that."""
    robot = RobotConfig.load(robot_config(config.robot))
    if config.data.is_dir() or config.data.suffix in (".mcap", ".db3"):
        check_times(Bag(config.data), Contract.load(config.robot), print)
        return 0
    with open_dataset(config.data) as file:
        names = demo_names(file)
        reading = (
            read_episode(demo(file, name), privileged=False)
            for name in tqdm(names, desc="look", unit="episode")
        )
        found = survey(reading)
        described = description(file)
    _check_sizes(found, config.data)
    period = 1 / robot.control_rate_hz
    measured = lag(found.actions, found.proprio)
    told = findings(found, measured, period)
    training = _training(found, config.family) if config.family else None
    write_page(
        Checked(config.data, found, measured, period, told, training, described), config.page
    )
    print(_table(found, measured.steps, period, training))
    for finding in told:
        print(f"{'mend' if finding.level == BAD else 'know'}   {finding.text}")
    print(f"page   {config.page}")
    return int(config.strict and any(finding.level == BAD for finding in told))


def _check_sizes(found: Survey, path: Path) -> None:
    for name, parts in (("actions", found.actions), ("proprio", found.proprio)):
        if len(sizes := {part.shape[1] for part in parts}) > 1:
            raise UserError(f"{path}: {name} has {sorted(sizes)} numbers in different episodes")


def _training(found: Survey, family: str) -> Training:
    """By a few updates on noise of the dataset's shapes."""
    own = train_config(family)()
    network = replace(
        own.network,
        cameras=len(found.sizes),
        proprio_size=found.proprio[0].shape[1],
        action_size=found.actions[0].shape[1],
    )
    rate = updates_per_second(network, torch.float32, torch.device("cpu"))
    return Training(family, own.updates, own.updates / rate / 60, processor_name())


def _table(found: Survey, steps: float, period: float, training: Training | None) -> str:
    worked = sum(found.successes)
    cameras = ", ".join(f"{name} {w} x {h}" for name, (h, w) in found.sizes.items())
    rows = [
        ("episodes", f"{len(found.lengths)}, {worked} worked"),
        ("steps", f"{found.steps}, {min(found.lengths)} to {max(found.lengths)} an episode"),
        ("cameras", cameras),
        ("action to motion", f"{steps:.1f} steps, {1e3 * steps * period:.0f} ms"),
        ("copies", str(len(found.duplicates))),
    ]
    if training is not None:
        rows.append(("training", f"{training.minutes:.0f} min for {training.updates} updates here"))
    return "\n".join(f"{name:18}{value}" for name, value in rows)
