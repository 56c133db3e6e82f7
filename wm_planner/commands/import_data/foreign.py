"""Datasets that somebody else made: robomimic's HDF5, and LeRobot's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wm_planner.assembly import build_arm
from wm_planner.commands.import_data.config import ImportConfig
from wm_planner.contract import Contract
from wm_planner.control.arm import CartesianArm
from wm_planner.errors import UserError
from wm_planner.learning.episodes import Episode, unknown
from wm_planner.learning.lerobot.read import LeRobotReader, Shown
from wm_planner.learning.robomimic import keys_of, read_foreign
from wm_planner.nodes.bag_import.actions import from_commands, work_out
from wm_planner.nodes.bag_import.importer import FEWEST, Imported
from wm_planner.nodes.bag_import.steps import Step
from wm_planner.types import JointState


def of_robomimic(source: Path, config: ImportConfig, contract: Contract) -> Iterator[Imported]:
    """Its episodes, with our names for the cameras."""
    ours = [camera.name for camera in contract.cameras]
    keys = keys_of(source, config.actions, config.proprio, config.cameras, ours)
    for number, episode in enumerate(read_foreign(source, keys)):
        framed = _framed(episode, contract)
        word = "success" if episode.success else "failure"
        yield Imported(number, word, framed, keys.actions, _beyond(framed.actions))


def of_lerobot(source: Path, config: ImportConfig, contract: Contract) -> Iterator[Imported]:
    """Its episodes, at the robot's control rate."""
    reader = LeRobotReader(source, config.actions, config.proprio)
    arm = build_arm(config.robot)
    pairs = _cameras(reader, config, contract)
    every = _every(reader, arm, config)
    for shown in reader.episodes([theirs for _, theirs in pairs]):
        notes: list[str] = []
        worked = shown.success
        if worked is None and config.unmarked:
            worked = config.unmarked == "success"
        word = {None: "unmarked", True: "success", False: "failure"}[worked]
        told = Imported(shown.number, word, None, config.actions or "action", notes)
        if worked is None:
            notes.append("left out: the dataset does not say whether it worked; see --unmarked")
        elif len(shown.times) // every < FEWEST:
            notes.append(f"left out: {len(shown.times) // every} steps, at least {FEWEST}")
        else:
            told = told._replace(episode=_episode(shown, pairs, arm, every, worked, config))
            assert told.episode is not None
            framed = _framed(told.episode, contract)
            told = told._replace(episode=framed, notes=_beyond(framed.actions))
        yield told


class Pair(NamedTuple):
    """A camera here, and there."""

    ours: str
    theirs: str


def _cameras(reader: LeRobotReader, config: ImportConfig, contract: Contract) -> list[Pair]:
    """By name, as far as they are alike; else in the order that is given."""
    ours = [camera.name for camera in contract.cameras]
    there = {name.rpartition(".")[2]: name for name in reader.cameras}
    theirs = list(config.cameras) or ours
    found = [there.get(name.rpartition(".")[2]) for name in theirs]
    if len(found) != len(ours) or None in found:
        raise UserError(
            f"{reader.info.root}: the robot's cameras are {ours}, there are {sorted(there)}; name "
            "one for each with --cameras"
        )
    return [Pair(a, str(b)) for a, b in zip(ours, found, strict=True)]


def _every(reader: LeRobotReader, arm: CartesianArm, config: ImportConfig) -> int:
    """How many of its steps make one of ours."""
    rate = arm.config.control_rate_hz
    ratio = reader.info.fps / rate
    if ratio < 1 or abs(ratio - round(ratio)) > 1e-6 or (ratio > 1 and not config.joints):
        raise UserError(
            f"{reader.info.root}: {reader.info.fps:g} steps a second, the robot has {rate:g}; give "
            "the robot that control_rate_hz, or, where states and actions are joint positions at a "
            "whole multiple of it, --joints"
        )
    return round(ratio)


def _episode(
    shown: Shown,
    pairs: list[Pair],
    arm: CartesianArm,
    every: int,
    worked: bool,
    config: ImportConfig,
) -> Episode:
    kept = slice(None, None, every)
    frames = {pair.ours: shown.frames[pair.theirs][kept] for pair in pairs}
    proprio, actions = shown.state, shown.actions
    if config.joints:
        proprio, actions = _by_kinematics(shown, arm, every)
    return Episode(
        frames=frames,
        proprio=proprio,
        actions=actions,
        **unknown(actions),
        success=worked,
        seed=-1,
        instruction=shown.instruction,
    )


def _by_kinematics(shown: Shown, arm: CartesianArm, every: int) -> tuple[np.ndarray, np.ndarray]:
    """States and actions that are joint positions and targets, as the arm would have them."""
    size = len(arm.joint_names)
    if shown.state.shape[1] != size or shown.actions.shape[1] != size:
        raise UserError(
            f"episode {shown.number}: {shown.state.shape[1]} states and {shown.actions.shape[1]} "
            f"actions, expected {size} joint positions: {list(arm.joint_names)}"
        )
    steps, targets = [], shown.actions.astype(np.float64)
    for t in range(0, len(shown.times), every):
        pose = shown.state[t].astype(np.float64)
        joints = JointState(pose, np.zeros(size), float(shown.times[t]))
        steps.append(Step(joints.stamp, {}, joints, targets[t - 1] if t else pose))
    done = work_out(steps, from_commands(steps, targets[-1], arm), arm)
    return done.proprio, done.actions


def _framed(episode: Episode, contract: Contract) -> Episode:
    """With the part of each picture that the contract keeps."""
    frames = {
        camera: np.stack([contract.frames({camera: picture})[camera] for picture in pictures])
        for camera, pictures in episode.frames.items()
    }
    return episode._replace(frames=frames)


def _beyond(actions: np.ndarray) -> list[str]:
    if (largest := float(np.abs(actions).max())) <= 1.0 + 1e-6:
        return []
    return [
        f"actions reach {largest:.3g}: the planner's are in [-1, 1], so that a model of these "
        "cannot be planned with; export them scaled, or see --joints"
    ]
