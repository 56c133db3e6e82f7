"""Tells joint measurements that an arm can have from those that it cannot."""

from __future__ import annotations

import numpy as np

from wm_planner.control.arm import InvalidInput
from wm_planner.control.robot_config import RobotConfig
from wm_planner.types import JointState

_OUTSIDE = 0.1  # rad an encoder may show beyond the position limits
_OUTSIDE_FINGER = 0.25  # of the finger's range
_NOISE = 0.05  # rad two states may differ by at any rate
_NOISE_FINGER = 0.5  # of its range
_FIRST = 3  # states in a row that must agree before the first one is believed
_LONGEST_GAP = 0.2  # s; what an arm may have done in longer ones is not believed either


class JointGuard:
    """Remembers the last good joint state and refuses what cannot follow it."""

    def __init__(self, config: RobotConfig) -> None:
        self._names = config.joint_names
        stroke = config.finger.stroke
        beyond = np.r_[np.full(len(config.arm_joints), _OUTSIDE), _OUTSIDE_FINGER * stroke]
        self._lower = np.r_[config.lower, config.finger.lower] - beyond
        self._upper = np.r_[config.upper, config.finger.upper] + beyond
        self._fastest = 2.0 * np.r_[config.velocity, config.finger_velocity]
        self._noise = np.r_[np.full(len(config.arm_joints), _NOISE), _NOISE_FINGER * stroke]
        self.forget()

    def forget(self) -> None:
        """Believe what comes next, wherever the arm is, once some states agree on it."""
        self._good: np.ndarray | None = None
        self._agreed = 0
        self._heard = 0.0  # stamp of the last state, good or bad

    @property
    def sure(self) -> bool:
        """Enough states have agreed on where the arm is."""
        return self._agreed >= _FIRST

    def check(self, state: JointState, commanded: np.ndarray | None) -> None:
        """Raise InvalidInput unless the state (finite, of the right size) can be true.

        Args:
            state: measured.
            commanded: where the arm was sent (J,): after a jump, a state near it is believed again.
        """
        self._check_limits(state.positions)
        gap = min(max(state.stamp - self._heard, 0.0), _LONGEST_GAP)
        self._heard = state.stamp
        reach = self._fastest * gap + self._noise
        far = self._good is not None and (np.abs(state.positions - self._good) > reach).any()
        self._agreed = 1 if far and not self.sure else self._agreed + 1
        if far and self.sure:
            recovered = commanded is not None and self._near(state.positions, commanded)
            if not recovered:
                self._refuse_jump(state.positions, reach, gap)
        self._good = state.positions

    def _near(self, positions: np.ndarray, commanded: np.ndarray) -> bool:
        """A finger that holds something stays behind its command."""
        return bool((np.abs(positions - commanded) <= self._noise)[:-1].all())

    def _check_limits(self, positions: np.ndarray) -> None:
        outside = (positions < self._lower) | (positions > self._upper)
        if outside.any():
            i = int(np.flatnonzero(outside)[0])
            raise InvalidInput(
                f"{self._names[i]} is measured at {positions[i]:.3f}, outside "
                f"[{self._lower[i]:.3f}, {self._upper[i]:.3f}]; check encoder, units and offsets"
            )

    def _refuse_jump(self, positions: np.ndarray, reach: np.ndarray, gap: float) -> None:
        assert self._good is not None
        jump = np.abs(positions - self._good)
        i = int(np.argmax(jump / reach))
        raise InvalidInput(
            f"{self._names[i]} jumped by {jump[i]:.3f} in {gap:.3f} s, {reach[i]:.3f} is possible; "
            "check names and encoders; where the arm really is there, call ~/reset"
        )
