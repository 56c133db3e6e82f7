"""`wm_planner robot add`: an arm's file and simulation from its description, and a check."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from wm_planner.commands.robot.chain import Chain, find_chain
from wm_planner.commands.robot.check import RobotCheckConfig, check_robot
from wm_planner.commands.robot.description import Description, read_description
from wm_planner.commands.robot.file import SITE, Findings, write_file
from wm_planner.commands.robot.gripper import Gripper, find_finger, measure_gripper
from wm_planner.commands.robot.home import Home, find_home, home_in_box, reach_of
from wm_planner.commands.robot.placing import Placing
from wm_planner.commands.robot.simulated import drive, free_gripper, isolate
from wm_planner.commands.robot.suction import ACTUATOR, add_suction, find_cup, measure_cup
from wm_planner.commands.robot.workspace import propose_box
from wm_planner.commands.robot.written import write_mjcf
from wm_planner.control.robot_config import ROTATIONS
from wm_planner.errors import UserError
from wm_planner.paths import config_dir, mjcf_dir

_WOUND = 2.5  # rad: a joint that is turned so far at home is better not
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class RobotAddConfig:
    """Bring an arm of your own: from its description to a file, a simulation and a check.

    Attributes:
        name: what to call it, such as ur5e: lower case, digits and _.
        urdf: its description as URDF; expand a xacro first.
        mjcf: its description as MJCF; give one of both.
        srdf: also read which links may touch, and where the end effector is.
        hand_site: site between the fingertips, or at the flange; where it is measured, not taken.
        hand_body: link that the gripper is part of or fixed to, where no site says so.
        suction: body that is the hand's suction cup, or site at its lip, of a hand without a joint;
            the hand is then what it hangs on.
        gripper_joint: joint that stands for how far the gripper is open, where several could.
        rotation: what actions are to turn the hand by: none, yaw or full.
        without_meshes: leave shapes made of meshes out, for the kinematics alone.
        out: folder to write to; default config/robots and models/mjcf of this package.
        replace: write over a robot of that name.
        seed: of the search for a rest pose.
    """

    name: str = ""
    urdf: Path | None = None
    mjcf: Path | None = None
    srdf: Path | None = None
    hand_site: str = ""
    hand_body: str = ""
    suction: str = ""
    gripper_joint: str = ""
    rotation: str = "none"
    without_meshes: bool = False
    out: Path | None = None
    replace: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"name is {self.name!r}: call the robot something, --name ur5e: lower case, digits "
                "and _"
            )
        if self.rotation not in ROTATIONS:
            raise UserError(f"rotation is {self.rotation!r}, expected {' or '.join(ROTATIONS)}")
        if self.hand_site and self.hand_body:
            raise UserError("hand_site and hand_body are both given; leave one out")
        if self.suction and (self.hand_site or self.hand_body or self.gripper_joint):
            raise UserError(
                "suction names the hand: leave hand_site, hand_body and gripper_joint out"
            )

    @property
    def file(self) -> Path:
        """The robot's file."""
        return (self.out or config_dir() / "robots") / f"{self.name}.yaml"

    @property
    def model(self) -> Path:
        """Its MJCF."""
        return (self.out or mjcf_dir()) / f"{self.name}.xml"


def add_robot(config: RobotAddConfig) -> int:
    """Write the robot's file and MJCF, say what was found and what was not, and check them."""
    taken = [path for path in (config.file, config.model) if path.exists()]
    if taken and not config.replace:
        raise UserError(f"{taken[0]} is there already; choose another --name, or --replace it")
    found = examine(config)
    for path in (config.file, config.model):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(config.model.with_suffix(""), ignore_errors=True)
    write_mjcf(found.description, config.model)
    gaps = write_file(found, config.file)
    print(f"{config.file}\n{config.model}")
    for line in found.told:
        print(f"  {line}")
    for gap in gaps:
        print(f"  gap: {gap}")
    return check_robot(RobotCheckConfig(str(config.file)))


def examine(config: RobotAddConfig) -> Findings:
    """Find out what the robot's file must say; the description's spec becomes the arm's MJCF."""
    description = read_description(config.urdf, config.mjcf, config.srdf, config.without_meshes)
    if config.suction:
        chain, finger, gripper, keyframe, told = _with_cup(description, config)
    else:
        chain, finger, gripper, keyframe, told = _with_fingers(description, config)
    free_gripper(description, chain, gripper.bodies)
    rng = np.random.default_rng(config.seed)
    placing, reach, home = _settle(description, chain, gripper, keyframe, rng)
    box = propose_box(placing, home.joints, reach)
    home = home_in_box(placing, home, box)
    told = (
        chain.told,
        *told,
        home.told,
        f"reach {reach:.2f} m; of a grid in the workspace {box.share:.0%} is reached",
    )
    return Findings(
        config.name, description, chain, finger, gripper, home.joints, box, reach,
        placing.lower, placing.upper, config.rotation, told,
    )  # fmt: skip


class _Hand(NamedTuple):
    """What was found out about a hand, and about the arm on the way."""

    chain: Chain
    finger: str
    gripper: Gripper
    keyframe: dict[str, float]
    told: tuple[str, ...]


def _with_fingers(description: Description, config: RobotAddConfig) -> _Hand:
    hand_body = config.hand_body or ("" if config.hand_site else description.hand)
    chain = find_chain(description.spec, config.hand_site, hand_body)
    keyframe = isolate(description, chain)
    finger, how = find_finger(_compiled(description), chain, config.gripper_joint)
    drive(description, chain, finger)
    gripper = measure_gripper(_compiled(description), chain, finger)
    told = (
        how,
        f"its tips are {gripper.opening * 1e3:.0f} mm apart at {gripper.opened:g} {gripper.unit}, "
        f"which is open, and {gripper.left * 1e3:.0f} mm at {gripper.closed:g}",
        "the hand's point is between the tips, 10 mm from their end",
    )
    return _Hand(chain, finger, gripper, keyframe, told)


def _with_cup(description: Description, config: RobotAddConfig) -> _Hand:
    cup = find_cup(description, config.suction)
    chain = find_chain(description.spec, cup.site, "" if cup.site else cup.body)
    keyframe = isolate(description, chain)
    drive(description, chain, "")
    add_suction(description, cup)
    gripper = measure_cup(_compiled(description), chain, cup)
    told = (
        f"{cup.body} is a suction cup; the hand's point is "
        + (f"the site {cup.site}" if cup.site else "the middle of its end"),
    )
    return _Hand(chain, ACTUATOR, gripper, keyframe, told)


def _settle(
    description: Description,
    chain: Chain,
    gripper: Gripper,
    keyframe: dict[str, float],
    rng: np.random.Generator,
) -> tuple[Placing, float, Home]:
    """Mark the hand and find it a home; turned by half a turn where that is easier: it is alike."""
    known = np.array([keyframe[name] for name in chain.joints]) if keyframe else None
    found: dict[float, Home] = {}
    why: UserError | None = None
    for turn in (0.0, np.pi):
        placing = _placing(description, chain, gripper, turn)
        try:
            found[turn] = find_home(placing, known, reach_of(placing, rng), rng)
        except UserError as error:
            why = error
            continue
        if np.abs(found[turn].joints).max() < _WOUND:
            break
    if not found:
        assert why is not None
        raise why
    best = min(found, key=lambda turn: float(np.abs(found[turn].joints).max()))
    placing = _placing(description, chain, gripper, best)
    return placing, reach_of(placing, rng), found[best]


def _placing(description: Description, chain: Chain, gripper: Gripper, turn: float) -> Placing:
    _mark_hand(description, chain, gripper, turn)
    return Placing(_compiled(description), chain, SITE)


def _mark_hand(description: Description, chain: Chain, gripper: Gripper, turn: float) -> None:
    axes = gripper.axes @ np.diag([np.cos(turn), np.cos(turn), 1.0])
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(axes).ravel())
    spec = description.spec
    if spec.site(SITE) is not None:
        spec.delete(spec.site(SITE))
    spec.body(chain.hand).add_site(
        name=SITE, pos=gripper.position, quat=quaternion, size=[0.002] * 3, rgba=[0] * 4
    )


def _compiled(description: Description) -> mujoco.MjModel:
    try:
        return description.spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise UserError(f"{description.path}: MuJoCo cannot compile it: {error}") from error
