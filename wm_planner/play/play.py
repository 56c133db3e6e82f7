"""`wm_planner play`: drive a learned world model by hand, in a window or into a video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from wm_planner.evaluation.video import Video, write_picture
from wm_planner.paths import model_dir
from wm_planner.play.config import PlayConfig
from wm_planner.play.dream import Dream
from wm_planner.play.joystick import Joystick
from wm_planner.play.keys import Hands, Intent, intent_of, read_script
from wm_planner.play.screen import draw, strip
from wm_planner.play.web.command import play_in_browser
from wm_planner.play.window import Window
from wm_planner.processor import configure_torch
from wm_planner.world_models.store import check_device, load_model

_HELP = "wasd/arrows, e q: move; space: gripper\np: prior; r: again; n: next; esc: end"


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
    if config.web:
        play_in_browser(config)
        return
    configure_torch(config.threads)
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
