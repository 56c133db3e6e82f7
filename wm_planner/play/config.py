"""What `wm_planner play` is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.play.keys import read_script


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
        web: serve a page at http://127.0.0.1:<port>/ instead of opening a window: pictures, keys,
            gamepad, prior and planner, futures side by side, rewinding.
        port: of the page; 0 for any that is free.
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
    web: bool = False
    port: int = 8480
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
        given = [name for name in ("out", "strip", "joystick", "keys") if getattr(self, name)]
        if self.web and given:
            raise UserError(
                f"web and {given[0]} are both given; the page has its own: leave one out"
            )
        if not 0 <= self.port < 2**16:
            raise UserError(f"port is {self.port}, expected 0 to 65535")
        if not 0 <= self.rate_hz <= 1000:
            raise UserError(f"rate_hz is {self.rate_hz}, expected 0 (real time) to 1000")
        if self.threads < 1:
            raise UserError(f"threads is {self.threads}, expected at least 1")
        if self.keys:
            read_script(self.keys)
