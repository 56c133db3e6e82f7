"""Cartesian actions to joint commands that stay inside every limit of the arm."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from wm_planner.control.hand_path import HandPath
from wm_planner.control.kinematics import Kinematics, Unreachable
from wm_planner.control.path_guard import PathGuard
from wm_planner.control.recalled import recalled
from wm_planner.control.robot_config import RobotConfig
from wm_planner.control.rotation import HandRotation, continuous
from wm_planner.control.shaper import Motion, MotionState, ShapingError, TrajectoryShaper
from wm_planner.control.singularity import HandGoal, reach
from wm_planner.errors import UserError
from wm_planner.types import Command, JointState

_SHARES = (1.0, 0.5, 0.2)  # of a step that would come too near something, tried one by one
_ENCODER_NOISE = 0.02  # rad, or m of the finger


class InvalidInput(UserError):
    """An action or joint state that must not move the arm."""


class CartesianArm:
    """Robot whose actions (dx, dy, dz, rotation, gripper) in [-1, 1] move a goal for the hand.

    The rotation is no, one or three numbers; see HandRotation. An action moves the goal, inverse
    kinematics finds joint angles for it, and the shaper finds a trajectory there from where the
    last one is being executed. `advance` executes a waypoint.

    Attributes:
        clamps: how often each limit changed what an action asked for: `action` (outside [-1, 1]),
            `workspace` (goal outside the box), `reach` (goal too far ahead of the hand),
            `unreachable` (no joint angles or no trajectory), `path` (would have left the box),
            `rotation` (turned too far), `singularity` (slowed down near one), `clearance` (would
            have come too near itself or the table: a part of the step is gone, or none).
    """

    def __init__(self, config: RobotConfig, mjcf: Path) -> None:
        self.config = config
        self.joint_names = config.joint_names
        self.hand_path = HandPath(config)
        self._kinematics = Kinematics(config, mjcf)
        self._rotation = HandRotation(config, self._kinematics.home_orientation)
        self.action_space = config.action_space
        self.action_size = self.action_space.size
        self.proprio_size = 8 + self._rotation.proprio_size
        self._shaper = TrajectoryShaper(config)
        self._guard = PathGuard(config, self._kinematics, mjcf)
        self._workspace = (np.array(config.workspace_lower), np.array(config.workspace_upper))
        self._home = np.r_[config.home, config.finger_range[1]]
        self.clamps: Counter[str] = Counter()
        self.reset(JointState(self._home, np.zeros_like(self._home), 0.0))

    @property
    def home(self) -> np.ndarray:
        """Rest pose (J,), gripper open."""
        return self._home.copy()

    @property
    def goal(self) -> np.ndarray:
        """Where the hand is being sent (3,), m, base frame."""
        return self._goal.position.copy()

    @property
    def goal_orientation(self) -> np.ndarray:
        """How the hand is being turned: quaternion (4,), w first, that never changes its sign."""
        return self._quaternion.copy()

    def turn_towards(self, yaw: float) -> np.ndarray:
        """The rotation of an action that turns the goal to `yaw` rad from home's, about z."""
        return self._rotation.towards(self._goal.orientation, yaw)

    @property
    def speed_scale(self) -> float:
        """Share of the velocity limits in use, (0, 1]; can be set while the arm moves."""
        return self._shaper.speed_scale

    @speed_scale.setter
    def speed_scale(self, share: float) -> None:
        if not 0 < share <= 1:
            raise UserError(f"speed scale is {share}, expected above 0 and at most 1")
        self._shaper.speed_scale = share

    @property
    def commanded(self) -> np.ndarray:
        """Positions (J,) of the waypoint executed last."""
        return self._state().position.copy()

    @property
    def resting(self) -> bool:
        """The last command has been executed to its end."""
        return self._executed == len(self._motion.positions) - 1

    def tracking_error(self, joint_state: JointState) -> float:
        """How far the arm's worst joint is from where it was commanded to be, rad."""
        return float(np.abs(joint_state.positions - self._state().position)[:-1].max())

    def reset(self, joint_state: JointState) -> None:
        """Start from the measured pose, at rest: the first command is a soft start.

        What is measured a little outside the position limits is taken for noise of the encoders.
        """
        self.check(joint_state)
        position = joint_state.positions.astype(np.float64)
        inside = np.clip(position, self._shaper.lower, self._shaper.upper)
        position = np.where(np.abs(inside - position) < _ENCODER_NOISE, inside, position)
        rest = np.zeros_like(position)
        self._motion = Motion(position[None], rest[None], rest[None])
        self._executed, self._target = 0, inside
        self._quaternion = self._kinematics.home_orientation.wxyz
        self._send_hand(self._hand_at(position))
        self._gripper = 1.0 if self.config.finger.is_open(position[-1]) else -1.0

    def check(self, joint_state: JointState) -> None:
        """Raise InvalidInput unless the joint state has the right size and is finite."""
        expected = (len(self.joint_names),)
        for name in ("positions", "velocities"):
            values = getattr(joint_state, name)
            if values.shape != expected:
                raise InvalidInput(
                    f"joint {name} have shape {values.shape}, expected {expected}: "
                    f"{list(self.joint_names)}"
                )
            if not np.isfinite(values).all():
                bad = np.array(self.joint_names)[~np.isfinite(values)].tolist()
                raise InvalidInput(f"joint {name} of {bad} are not finite; check the joint encoder")

    def proprioception(self, joint_state: JointState) -> np.ndarray:
        """Hand in workspace, goal ahead, finger, gripper command, and HandRotation's: (P,)."""
        self.check(joint_state)
        lower, upper = self._workspace
        hand = self._kinematics.hand_position(joint_state.positions[:-1])
        closed, opened = self.config.finger_range
        finger = 2 * (joint_state.positions[-1] - closed) / (opened - closed) - 1
        place = 2 * (hand - lower) / (upper - lower) - 1
        ahead = (self._goal.position - hand) / self.config.goal_reach
        told = np.r_[place, ahead, finger, self._gripper]
        if self._rotation.size:
            hand_turned = self._kinematics.hand_orientation(joint_state.positions[:-1])
            told = np.r_[told, self._rotation.proprioception(hand_turned, self._goal.orientation)]
        return told.astype(np.float32)

    def pose_at(self, proprio: np.ndarray) -> JointState:
        """A pose at rest in which `proprioception` would say this (8,) of hand and finger.

        Raises:
            InvalidInput: there is none near the rest pose.
        """
        try:
            positions = recalled(self.config, self._kinematics, np.asarray(proprio, np.float64))
        except Unreachable as error:
            raise InvalidInput(f"no pose has its hand where it was: {error}") from error
        return JointState(positions, np.zeros_like(positions), 0.0)

    def to_command(self, action: np.ndarray, joint_state: JointState) -> Command:
        """Trajectory for `action` (A,) from where the last command's execution is now.

        An unreachable goal, or a path that leaves the workspace, becomes a hold.

        Raises:
            InvalidInput: action or joint state of the wrong size or not finite.
        """
        self.check(joint_state)
        if action.shape != (self.action_size,) or not np.isfinite(action).all():
            raise InvalidInput(
                f"action {action} must be {self.action_size} finite numbers; dropped, holding"
            )
        self.clamps["action"] += int((np.abs(action) > 1.0).any())
        action = np.clip(action, -1.0, 1.0)
        wanted = self._move_goal(action, joint_state.positions)
        self._gripper = 1.0 if action[-1] > 0 else -1.0
        finger = self.config.finger_range[int(self._gripper > 0)]
        self._target = np.r_[self._target[:-1], finger]
        start = self._target[:-1]
        for share in _SHARES:
            part = wanted if share == 1.0 else self._goal.towards(wanted, share)
            try:
                goal, motion = self._motion_to(part, start, finger)
            except (Unreachable, ShapingError):
                self.clamps["unreachable"] += 1
                return self.hold()
            why = self._guard.refuses(motion, self._state().position)
            if why != "clearance":  # a shorter way may still keep enough
                break
        if why:
            self.clamps[why] += 1
            return self.hold()
        if share < 1.0:
            self.clamps["clearance"] += 1
        self._send_hand(goal)
        return self._start(motion)

    def preview(self, actions: np.ndarray) -> np.ndarray:
        """Path of the commanded hand under actions (H, A), from now on: (H + 1, 3) m, base."""
        hand = self._kinematics.hand_position(self.commanded[:-1])
        known = map(torch.from_numpy, (hand, self._goal.position, actions))
        return self.hand_path.ahead(*known).numpy()

    def hold(self) -> Command:
        """Brake within the limits, then stay; the gripper keeps its command.

        Where braking would leave the workspace or come too near something, the last command is
        finished: it ends at rest too.
        """
        motion = self._rest()
        try:
            braking = self._shaper.brake(self._state())
            refused = self._guard.refuses(braking, self._state().position)
            motion = self._with_finger(motion if refused else braking)
        except ShapingError:
            pass
        return self._go(motion)

    def give_way(self, joint_state: JointState) -> Command:
        """Go to the measured pose, within the limits, and stay; the gripper keeps its command.

        For an arm that is blocked or pushed away: it must not go on pushing back.
        """
        self.check(joint_state)
        target = np.r_[joint_state.positions[:-1], self._target[-1]]
        try:
            motion = self._shaper.move(self._state(), target)
        except ShapingError:
            return self.hold()
        refused = self._guard.refuses(motion, self._state().position)
        return self.hold() if refused else self._go(motion)

    def advance(self) -> np.ndarray:
        """Execute the command's next waypoint: positions (J,); at its end, the last one again."""
        self._executed = min(self._executed + 1, len(self._motion.positions) - 1)
        return self._motion.positions[self._executed]

    def _move_goal(self, action: np.ndarray, positions: np.ndarray) -> HandGoal:
        """The goal after an action, inside the workspace and not too far ahead of the hand."""
        hand = self._kinematics.hand_position(positions[:-1])
        wanted = self._goal.position + self.config.action_step * action[:3]
        goal = np.clip(wanted, *self._workspace)
        ahead = goal - hand
        distance = max(float(np.linalg.norm(ahead)), 1e-9)
        self.clamps["workspace"] += int((goal != wanted).any())
        self.clamps["reach"] += int(distance > self.config.goal_reach)
        position = hand + ahead * min(1.0, self.config.goal_reach / distance)
        if not self._rotation.size:
            return HandGoal(position, self._goal.orientation)
        turned = self._kinematics.hand_orientation(positions[:-1])
        orientation, clipped = self._rotation.moved(self._goal.orientation, action[3:-1], turned)
        self.clamps["rotation"] += int(clipped)
        return HandGoal(position, orientation)

    def _motion_to(
        self, wanted: HandGoal, start: np.ndarray, finger: float
    ) -> tuple[HandGoal, Motion]:
        """Where the hand can go of it, from joint angles near `start` (n,), and how."""
        slow_below = self.config.slow_near_singularity
        goal, joints, slowed = reach(self._kinematics, slow_below, start, self._goal, wanted)
        if slowed:
            self.clamps["singularity"] += 1
        self._target = np.r_[joints, finger]
        return goal, self._shaper.move(self._state(), self._target)

    def _hand_at(self, positions: np.ndarray) -> HandGoal:
        """The goal that is where the hand is at joint positions (J,), as far as it may be."""
        turned = self._rotation.allowed(self._kinematics.hand_orientation(positions[:-1]))
        return HandGoal(self._kinematics.hand_position(positions[:-1]), turned)

    def _send_hand(self, goal: HandGoal) -> None:
        self._goal = goal
        self._quaternion = continuous(goal.orientation.wxyz, self._quaternion)

    def _go(self, motion: Motion) -> Command:
        """Send the hand where a motion ends."""
        self._target = np.r_[motion.positions[-1][:-1], self._target[-1]]
        self._send_hand(self._hand_at(motion.positions[-1]))
        return self._start(motion)

    def _with_finger(self, arm_motion: Motion) -> Motion:
        """`arm_motion`, with the finger still going where it was told."""
        return arm_motion.with_last(self._shaper.move(self._state(), self._target))

    def _state(self) -> MotionState:
        """Commanded state at the waypoint executed last."""
        return MotionState(*(part[self._executed] for part in self._motion))

    def _rest(self) -> Motion:
        """What is left of the last command, at least its end."""
        first = min(self._executed + 1, len(self._motion.positions) - 1)
        return Motion(*(part[first:] for part in self._motion))

    def _start(self, motion: Motion) -> Command:
        start = self._state()
        self._motion = Motion(*(np.vstack(parts) for parts in zip(start, motion, strict=True)))
        self._executed = 0  # waypoint 0 is where the motion starts
        return Command(self.joint_names, np.stack(start), *motion, self._shaper.dt)
