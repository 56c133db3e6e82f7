"""Give video the actions that it shows, as a few labelled episodes tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.learning.dataset_writer import DatasetWriter
from wm_planner.learning.embodiment import embodiment
from wm_planner.learning.episodes import (
    Episode,
    demo,
    demo_names,
    description,
    open_dataset,
    read_episode,
    unknown,
)
from wm_planner.learning.video.config import VideoLabelConfig
from wm_planner.learning.video.frames import fitted, frames_of
from wm_planner.learning.video.meaning import Labelled, Meaning, fit_meaning, read_frames
from wm_planner.processor import configure_torch
from wm_planner.world_models.latent_actions_store import LoadedLatentActions, load_latent_actions


def label(config: VideoLabelConfig) -> Path:
    """Write the dataset and return its path."""
    configure_torch(config.threads)
    robot = embodiment(config.robot, list(config.labelled))
    watcher = load_latent_actions(config.model)
    shown = list(_labelled(config))
    examples = [_example(watcher, episode) for episode in shown]
    meaning = fit_meaning(examples, robot.action_space.switches)
    with open_dataset(config.labelled[0]) as first:
        described = {**description(first), "video": [path.name for path in config.video]}
    with DatasetWriter(config.out, described) as writer:
        for episode in shown:
            writer.add(episode)
        for episode in _told(config, watcher, meaning):
            writer.add(episode)
    print(f"{config.out}: {len(shown)} labelled episodes, {writer.episodes - len(shown)} of video")
    return config.out


def _labelled(config: VideoLabelConfig) -> Iterator[Episode]:
    for path in config.labelled:
        with open_dataset(path) as file:
            for name in demo_names(file)[: config.episodes or None]:
                yield read_episode(demo(file, name), privileged=False)


def _example(watcher: LoadedLatentActions, episode: Episode) -> Labelled:
    missing = [camera for camera in watcher.cameras if camera not in episode.frames]
    if missing:
        raise UserError(
            f"labelled episodes have cameras {list(episode.frames)}, the video that was learned "
            f"from was of {list(watcher.cameras)}"
        )
    frames = {camera: episode.frames[camera] for camera in watcher.cameras}
    images = fitted(frames, watcher.model.config.image_size)
    known = (torch.from_numpy(x) for x in (episode.actions, episode.proprio))
    return Labelled(read_frames(watcher.model, images), *known)


def _told(
    config: VideoLabelConfig, watcher: LoadedLatentActions, meaning: Meaning
) -> Iterator[Episode]:
    """The episodes of the video, with what they probably were."""
    for path in config.video:
        with open_dataset(path) as file:
            for name in tqdm(demo_names(file), desc=f"label {path.name}", unit="episode"):
                frames = frames_of(demo(file, name), watcher.cameras)
                images = fitted(frames, watcher.model.config.image_size)
                meant = meaning.meant(read_frames(watcher.model, images))
                actions = meant.actions.numpy().astype(np.float32)
                yield Episode(
                    frames=frames,
                    proprio=meant.proprio.numpy().astype(np.float32),
                    actions=actions,
                    success=True,
                    seed=-1,
                    **unknown(actions),
                )
