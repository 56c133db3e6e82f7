"""The replay command: what was done in recorded episodes is done again, without looking."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.learning.collect import TRAINING
from wm_planner.learning.embodiment import embodiment
from wm_planner.learning.episodes import Episode, demo, demo_names, open_dataset, read_episode

_ELSEWHERE = 0.001  # m, the hand at the start


@dataclass(frozen=True)
class ReplayConfig:
    """Do the actions of recorded episodes again on the simulated arm, open loop.

    Where the hand then goes beside where it went tells whether actions mean what the robot makes of
    them. Success is counted where the episode is of a simulated start, which its seed tells.

    Attributes:
        dataset: HDF5 file of `import`, `collect` or `improve`.
        task: what is simulated around the arm.
        robot: name of the robot in config/robots.
        episodes: only the first so many; 0 for all.
        randomization: of the simulation that was recorded; frames were not late there.
    """

    dataset: Path
    task: str = "grasp"
    robot: str = "panda"
    episodes: int = 0
    randomization: Randomization = field(default_factory=lambda: TRAINING)

    def __post_init__(self) -> None:
        make_task(self.task)

    @property
    def env(self) -> EnvConfig:
        calm = replace(self.randomization, latency=(0.0, 0.0))
        return EnvConfig(self.task, self.robot, cameras=(), randomization=calm)


class Replayed(NamedTuple):
    """An episode done again."""

    success: bool
    distance: float  # m, mean, of the hand from where it was then
    farthest: float  # m
    elsewhere: bool  # it began at another place


def replay(config: ReplayConfig) -> int:
    """Print what came of each episode, and of all."""
    embodiment(config.robot, [config.dataset])
    env = ManipulationEnv(config.env)
    found: list[tuple[Episode, Replayed]] = []
    try:
        with open_dataset(config.dataset) as file:
            for name in tqdm(demo_names(file)[: config.episodes or None], unit="episode"):
                episode = read_episode(demo(file, name), privileged=False)
                found.append((episode, replayed := replay_episode(env, episode)))
                tqdm.write(_told(name, episode, replayed))
    finally:
        env.close()
    known = [(e.success, r.success) for e, r in found if e.seed >= 0 and not r.elsewhere]
    then, now = (sum(outcome[i] for outcome in known) for i in (0, 1))
    distance = 1e3 * float(np.mean([r.distance for _, r in found]))
    print(f"hand   {distance:.1f} mm from where it was, mean over {len(found)} episodes")
    print(f"worked {now} of {len(known)} again, {then} when they were recorded")
    return 0


def replay_episode(env: ManipulationEnv, episode: Episode) -> Replayed:
    """Do the actions of an episode again, from its start."""
    if episode.actions.shape[1] != env.arm.action_size or episode.proprio.shape[1] < 3:
        raise UserError(
            f"actions have {episode.actions.shape[1]} numbers, the robot takes "
            f"{env.arm.action_size}; name the robot of the dataset with --robot"
        )
    observation, info = env.reset(seed=max(0, episode.seed))
    robot = env.arm.config
    half = np.subtract(robot.workspace_upper, robot.workspace_lower) / 2  # m of proprioception's 1
    apart = []
    for action, felt in zip(episode.actions, episode.proprio, strict=True):
        apart.append(float(np.linalg.norm(half * (observation["proprio"][:3] - felt[:3]))))
        if info["success"]:
            break
        observation, _, _, _, info = env.step(action)
    return Replayed(bool(info["success"]), float(np.mean(apart)), max(apart), apart[0] > _ELSEWHERE)


def _told(name: str, episode: Episode, replayed: Replayed) -> str:
    outcome = "works again" if replayed.success else "does not work now"
    if replayed.success != episode.success:
        outcome += f", {'did' if episode.success else 'did not'} then"
    if replayed.elsewhere:
        outcome = "begins elsewhere: it is of another start"
    return (
        f"{name}: hand {1e3 * replayed.distance:.1f} mm off, at most "
        f"{1e3 * replayed.farthest:.1f}; {outcome}"
    )
