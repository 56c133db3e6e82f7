"""`wm_planner play`: drive a learned world model by hand, in a window or into a video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from wm_planner.errors import UserError
from wm_planner.evaluation.video import Video, write_picture
from wm_planner.paths import model_dir
from wm_planner.play.dream import Dream
from wm_planner.play.joystick import Joystick
from wm_planner.play.keys import Hands, Intent, intent_of, read_script
from wm_planner.play.screen import draw, strip
from wm_planner.play.window import Window
from wm_planner.world_models.store import check_device, load_model

_HELP = "wasd/arrows, e q: move; space: gripper\np: prior; r: again; n: next; esc: end"


@dataclass(frozen=True)
class PlayConfig:
    """Drive a learned world model by hand: nothing but the model says what happens.

    Keys, as the front camera sees it: w a s d or the arrows move in the plane, e and q up and down,
    j and l turn the hand if the robot's actions can, space opens or closes the gripper, p lets the
    learned action prior act, r starts again, n is the next scene, esc ends. A script has them with
    spaces between: "w*10 space a+e*5 . p*20" holds w for 10 control steps, a and e together for 5,
    waits one.

    Attributes:
        model: name of a model in models/, or the path of a model folder.
        seed: of the simulated scene it starts from; n adds one.
        keys: script of keys to press, instead of a keyboard.
        joystick: device to read instead of the keyboard, such as /dev/input/js0.
        out: video to write instead of opening a window; needs --keys.
        strip: also write a few moments side by side, as PNG.
        truth: carry the same actions out in simulation as well and show it below.
        rate_hz: control steps shown a second, in the window and the video; 0 for real time.
        device: cpu or cuda.
        threads: processor threads of the model.
    """

    model: str = "grasp"
    seed: int = 5_000_000
    keys: str = ""
    joystick: Path | None = None
    out: Path | None = None
    strip: Path | None = None
    truth: bool = False
    rate_hz: float = 0.0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.out is not None and not self.keys:
            raise UserError(
                f'out is {self.out}, and nobody can press keys there; give --keys "w*10 space"'
            )
        if self.keys and self.joystick is not None:
            raise UserError(f"keys and joystick {self.joystick} are both given; leave one out")
        if not 0 <= self.rate_hz <= 1000:
            raise UserError(f"rate_hz is {self.rate_hz}, expected 0 (real time) to 1000")
        if self.threads < 1:
            raise UserError(f"threads is {self.threads}, expected at least 1")
        if self.keys:
            read_script(self.keys)


class Pace(NamedTuple):
    """How fast it went."""

    steps: int
    seconds: float  # spent on imagining and drawing; not on waiting for the next moment

    @property
    def fps(self) -> float:
        return self.steps / max(self.seconds, 1e-9)


def play(config: PlayConfig) -> None:
    """Play until the end of the script, or until somebody quits; prints how fast it went."""
    check_device(config.device)
    torch.set_num_threads(config.threads)
    model = load_model(model_dir(config.model), config.device)
    rate = config.rate_hz or model.config.control_rate_hz
    with ExitStack() as stack:
        window = Window() if config.out is None else None
        if window is not None:
            stack.enter_context(window)
        dream = stack.enter_context(closing(Dream(model, config.device, config.seed)))
        moments: list[np.ndarray] = []
        show = _shower(stack, config, window, rate, moments)
        pace = run(dream, _intents(stack, config, window, rate), show, config)
    if config.strip is not None and moments:
        write_picture(config.strip, strip(moments))
    print(
        f"{pace.steps} steps, {pace.fps:.0f} frames/s could be shown, {rate:.0f} were; "
        f"{config.out or 'window closed'}"
    )


def run(
    dream: Dream,
    intents: Iterator[Intent],
    show: Callable[[np.ndarray], None],
    config: PlayConfig,
) -> Pace:
    """Show where the dream starts, then take each intent as a control step, and show it."""
    still = np.r_[np.zeros(dream.arm.action_size - 1), 1.0]
    truth: dict[str, np.ndarray] = dream.env.simulation.frames()

    def picture(action: np.ndarray) -> np.ndarray:
        return draw(dream.believe(), action, truth if config.truth else None, _HELP)

    show(picture(still))
    size = dream.arm.action_size
    hands, seed, steps, spent = Hands(size), config.seed, 0, 0.0
    for intent in intents:
        if intent.quit:
            break
        started = time.perf_counter()
        if intent.reset or intent.next:
            hands, seed, action = Hands(size), seed + intent.next, still
            dream.reset(seed)
            truth = dream.env.simulation.frames()
        else:
            action = hands.follow(dream.prior_action()) if intent.prior else hands.action(intent)
            dream.advance(action)
            if config.truth:
                truth = dream.env.step(action)[0]
        show(picture(action))
        steps, spent = steps + 1, spent + time.perf_counter() - started
    return Pace(steps, spent)


def _intents(
    stack: ExitStack, config: PlayConfig, window: Window | None, rate: float
) -> Iterator[Intent]:
    """Whose hands drive: a script's, a joystick's or a keyboard's."""
    if window is None:
        return iter(tqdm(list(read_script(config.keys)), desc="play", unit="step", mininterval=1.0))
    joystick = None
    if config.joystick is not None:
        joystick = stack.enter_context(closing(Joystick(config.joystick)))
    script_intents = read_script(config.keys) if config.keys else None
    return _live(window, joystick, script_intents, 1.0 / rate)


def _live(
    window: Window, joystick: Joystick | None, script: Iterator[Intent] | None, period: float
) -> Iterator[Intent]:
    """An intent each `period` seconds; esc in the window always ends."""
    due = time.monotonic()
    while True:
        due = max(due + period, time.monotonic())
        pressed: set[str] = set()
        while not pressed and (left := due - time.monotonic()) > 0:
            pressed = window.keys(left)
        if "esc" in pressed:
            return
        time.sleep(max(0.0, due - time.monotonic()))
        if script is not None:
            if (following := next(script, None)) is None:
                return
            yield following
        else:
            yield joystick.intent() if joystick is not None else intent_of(pressed)


def _shower(
    stack: ExitStack,
    config: PlayConfig,
    window: Window | None,
    rate: float,
    moments: list[np.ndarray],
) -> Callable[[np.ndarray], None]:
    """What is done with each picture."""
    video = stack.enter_context(Video(config.out, rate)) if config.out is not None else None

    def show(picture: np.ndarray) -> None:
        if video is not None:
            video.write(picture)
        if window is not None:
            window.show(picture)
        if config.strip is not None:
            moments.append(picture)

    return show
