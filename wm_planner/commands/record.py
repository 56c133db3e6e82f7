"""The record command: episodes that somebody shows, into a bag."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.learning.collect import EVALUATION_SEED, TRAINING
from wm_planner.learning.takeover import PATIENCE
from wm_planner.nodes.record.episode_log import MAX_INSTRUCTION
from wm_planner.nodes.record.record_node import default_folder
from wm_planner.nodes.record.session import Recording, Wanted, recording
from wm_planner.nodes.record.terminal import HELP
from wm_planner.paths import model_dir
from wm_planner.play.joystick import Joystick

KEYBOARD, JOYSTICK, JOY, NOBODY, PERSON = "keyboard", "joystick", "joy", "none", "person"
_WHO = (KEYBOARD, JOYSTICK, JOY, NOBODY, PERSON)


@dataclass(frozen=True)
class RecordConfig:
    """Record episodes that somebody shows into an MCAP bag, on a robot or in simulation.

    Keys in the terminal, or the services /record/start, stop, success, failure and discard, begin
    and end episodes. If the process is killed, all but the last half second is in the bag.

    Attributes:
        robot: name of the robot in config/robots, or the path of a robot file.
        out: folder of the bag, which must not exist; default bags/<robot>_<date and time>.
        instruction: what is done in the episodes, in words; with a task, its own.
        teleop: who moves the arm. keyboard, keys of this terminal; joystick, a device of this
            machine; joy, whoever publishes sensor_msgs/Joy; none, somebody else's teleoperation,
            which is listened to; person, a scripted one, in simulation.
        joy_layout: with joy, where the device has what: gamepad, spacemouse or action.
        joystick: device of the joystick.
        shadow: a model, by its name in models/ or the path of its folder, whose planner plans
            beside whoever drives. It moves nothing; how far both agree is told at the end.
        task: simulate this task instead of using a robot; empty for the robot.
        image_size: height and width of the simulated frames, pixels.
        lockstep: let the simulation wait for whoever moves the arm.
        episodes: how many the scripted person shows.
        seed: of the first simulated start; the others follow. 5,000,000 and up are refused.
        randomization: what differs from start to start, in simulation.
    """

    robot: str = "panda"
    out: Path | None = None
    instruction: str = ""
    teleop: str = KEYBOARD
    joy_layout: str = "gamepad"
    joystick: Path = Path("/dev/input/js0")
    shadow: str = ""
    task: str = ""
    image_size: int = 64
    lockstep: bool = False
    episodes: int = 20
    seed: int = 0
    randomization: Randomization = field(default=TRAINING)

    def __post_init__(self) -> None:
        if self.teleop not in _WHO:
            raise UserError(f"teleop is {self.teleop!r}, expected one of {', '.join(_WHO)}")
        if len(self.instruction) > MAX_INSTRUCTION or not self.instruction.isprintable():
            raise UserError(
                f"instruction has {len(self.instruction)} characters, expected up to "
                f"{MAX_INSTRUCTION} that can be printed"
            )
        if self.task:
            make_task(self.task)
        if self.teleop == PERSON and not self.task:
            raise UserError("a scripted person sees the simulation only; give a --task")
        if self.teleop == NOBODY and self.shadow:
            raise UserError(
                "with teleop none nobody tells the actions that a shadow's are compared with; give "
                "another --teleop, or no --shadow"
            )
        if not 1 <= self.episodes <= 10**6 or not 16 <= self.image_size <= 1024:
            raise UserError(
                f"episodes {self.episodes} and image_size {self.image_size}: expected at least 1, "
                "and 16 to 1024 pixels"
            )
        if self.seed < 0 or self.seed + self.episodes > EVALUATION_SEED:
            raise UserError(
                f"seeds from {self.seed} reach into those kept for evaluation ({EVALUATION_SEED} "
                "and up); choose a smaller --seed"
            )


def record(config: RecordConfig) -> Path:
    """Record until Ctrl-C, or until the scripted person has shown all; returns the bag's folder."""
    folder = config.out or default_folder(config.robot)
    device = Joystick(config.joystick) if config.teleop == JOYSTICK else None
    with recording(_wanted(config, folder), tqdm.write) as found:
        if config.teleop == PERSON:
            _show(config, found)
        else:
            tqdm.write(HELP)
            with suppress(KeyboardInterrupt):
                found.by_hand(config.teleop == KEYBOARD, device)
    print(f"bag    {folder}; next: wm_planner import {folder}")
    return folder


def _wanted(config: RecordConfig, folder: Path) -> Wanted:
    layouts = {NOBODY: "", JOY: config.joy_layout}
    instruction = config.instruction
    simulation: dict[str, Any] | None = None
    if config.task:
        instruction = instruction or make_task(config.task).instruction
        simulation = {
            "task": config.task,
            "image_size": config.image_size,
            "lockstep": config.lockstep,
            "seed": config.seed,
            **{
                f"randomization.{name}": list(value) if isinstance(value, tuple) else value
                for name, value in vars(config.randomization).items()
            },
        }
    return Wanted(
        robot=config.robot,
        folder=folder,
        instruction=instruction,
        joy_layout=layouts.get(config.teleop, "action"),
        simulation=simulation,
        person=config.teleop == PERSON,
        lockstep=config.lockstep,
        shadow=model_dir(config.shadow) if config.shadow else None,
    )


def _show(config: RecordConfig, recording: Recording) -> None:
    """Let the scripted person show its episodes."""
    seeds = list(range(config.seed, config.seed + config.episodes))
    patience = round(PATIENCE * make_task(config.task).time_limit)
    worked = 0
    with tqdm(total=len(seeds), unit="episode") as bar:
        for success in recording.by_person(seeds, patience):
            worked += success
            bar.update()
            bar.set_postfix_str(f"{worked} worked")
