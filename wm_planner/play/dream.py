"""A world model's own latent in place of a robot and its scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wm_planner.assembly import build_arm
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.errors import UserError
from wm_planner.interfaces import Decodable
from wm_planner.perception.images import observe
from wm_planner.types import JointState, Latent, Observation, Seen
from wm_planner.world_models.store import LoadedModel
from wm_planner.world_models.words import tokens

_SCENES, _STEPS = 4, 10  # driven at random, to learn how far apart latents usually are


class Belief(NamedTuple):
    """What the model believes at one moment."""

    frames: dict[str, np.ndarray]  # camera: (h, w, 3) uint8 RGB, decoded
    reward: float  # predicted for the step that led here; NaN at the start
    value: float  # predicted return from the next step on
    highest_value: float  # return of a reward of 1 for ever
    disagreement: float  # standard deviation of the value ensemble
    drift: float  # 0: encoded again, the frames give the latent they came from; see Dream
    seconds: float  # imagined since the start


class Outlook(NamedTuple):
    """What the model thinks of the last action."""

    reward: float  # predicted for it
    value: float  # predicted return after it
    disagreement: float  # standard deviation of the value ensemble about that


class DreamState(NamedTuple):
    """All that a dream is at one moment, to go back to."""

    latent: Latent
    seen: Seen
    joints: JointState
    arm: dict[str, Any]  # attributes of the controller: it replaces them, never changes them
    steps: int
    outlook: Outlook


class Dream:
    """Starts where a simulated scene does; from then on only the model says what happens.

    The latent is advanced by actions and never corrected; a model with a repainter paints it over
    the frames that it started from. The drift meter asks the model what it sees in its own picture:
    it decodes the latent z, encodes the frames again, and divides by how far apart two latents of
    the same scenes usually are, |encode(decode(z)) - z| / typical. At 1 the picture is as good as
    another scene's. Frames alone are not enough to encode: the latent has
    no head for proprioception, so that comes from the arm's own controller, which carries the same
    actions out on joints that follow without error. Where a real arm would be stopped by what it
    touches, or lag behind its command, this proprioception is wrong by as much.
    """

    def __init__(self, model: LoadedModel, device: str = "cpu", seed: int = 0) -> None:
        """Begin with the scene of `seed`.

        Raises:
            UserError: the model cannot decode, or its robot or task is not known here.
        """
        if not isinstance(model.world_model, Decodable):
            raise UserError(
                f"the model of task '{model.config.task}' cannot decode its latent, so there is "
                "nothing to look at; train one of a family that can"
            )
        config = self._config = model.config
        self.world_model, self._device = model.world_model, device
        described = EnvConfig(config.task, config.robot, config.cameras, config.image_size)
        self.env = ManipulationEnv(described)
        self.arm = build_arm(config.robot)
        self.period = 1.0 / config.control_rate_hz  # seconds
        self._typical = self._distance_between_latents()
        self.reset(seed)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Whose frames it shows."""
        return self._config.cameras

    @torch.inference_mode()
    def reset(self, seed: int) -> None:
        """Encode the start of the simulated scene of `seed`, and forget the last one."""
        observation, _ = self.env.reset(seed=seed)
        self._begin(observation, observation["proprio"], self.env.simulation.joint_state())

    @torch.inference_mode()
    def start(self, frames: Mapping[str, np.ndarray], proprio: np.ndarray | None = None) -> None:
        """Encode a frame (h, w, 3) uint8 RGB of each camera, and forget what was before.

        Proprioception (P,) says where the hand is; without it, the arm is taken to be at rest.

        Raises:
            UserError: a camera's frame is missing, or is none, or no pose fits `proprio`.
        """
        home = self.arm.home
        rest = JointState(home, np.zeros_like(home), 0.0)
        joints = rest if proprio is None else self.arm.pose_at(proprio)
        self.arm.reset(joints)
        told = self.arm.proprioception(joints) if proprio is None else proprio
        self._begin(frames, told, joints)

    def _begin(
        self, frames: Mapping[str, np.ndarray], proprio: np.ndarray, joints: JointState
    ) -> None:
        observation = self._observe(frames, proprio)
        self.latent = self.world_model.encode(observation)
        self._seen = Seen(observation.images, self.latent)
        self.joints = joints
        self.arm.reset(joints)
        self.steps = 0
        still = np.zeros(self.arm.action_size)
        still[list(self.arm.action_space.switches)] = 1.0  # the gripper starts open
        self._outlook, _ = self._imagine(still)

    @torch.inference_mode()
    def advance(self, action: np.ndarray) -> None:
        """Imagine that `action` (A,), in [-1, 1], is taken for one control step.

        Raises:
            InvalidInput: of the wrong size, or not finite.
        """
        self._drive(action)
        self._outlook, self.latent = self._imagine(action)
        self.steps += 1

    @torch.inference_mode()
    def frames(self) -> dict[str, np.ndarray]:
        """What the present latent shows: camera: (h, w, 3) uint8 RGB."""
        decoded = self.world_model.decode(self.latent, self._seen)[0]  # (V, C, h, w)
        pictures = decoded.permute(0, 2, 3, 1).cpu().numpy()  # (V, h, w, C)
        return dict(zip(self._config.cameras, pictures, strict=True))

    @torch.inference_mode()
    def believe(self) -> Belief:
        """Look at the present latent."""
        frames = self.frames()
        again = self._encode(frames, self.arm.proprioception(self.joints), self.latent)
        drift = float((_flat(again) - _flat(self.latent)).norm()) / self._typical
        reward, value, disagreement = self._outlook
        return Belief(
            frames=frames,
            reward=reward if self.steps else float("nan"),
            value=value,
            highest_value=1.0 / (1.0 - self._config.network.discount),
            disagreement=disagreement,
            drift=drift,
            seconds=self.steps * self.period,
        )

    @torch.inference_mode()
    def prior_action(self) -> np.ndarray:
        """What the learned action prior would do now (A,)."""
        generator = torch.Generator(self._device).manual_seed(0)  # its mean is taken: no chance
        proposal = self.world_model.propose(self.latent, 1, 1, generator)
        action = proposal.mean[0, 0].double().cpu().numpy()
        switches = list(self.arm.action_space.switches)
        action[switches] = np.where(action[switches] > 0, 1.0, -1.0)
        return action

    def capture(self) -> DreamState:
        """The state now."""
        arm = dict(vars(self.arm))
        return DreamState(self.latent, self._seen, self.joints, arm, self.steps, self._outlook)

    def restore(self, state: DreamState) -> None:
        """Go back: the same actions then have the same consequences."""
        self.latent, self._seen, self._outlook = state.latent, state.seen, state.outlook
        self.joints, self.steps = state.joints, state.steps
        vars(self.arm).update(state.arm)

    def close(self) -> None:
        self.env.close()

    def _drive(self, action: np.ndarray) -> None:
        """Let the controller carry `action` out on joints that follow it exactly."""
        self.arm.to_command(np.asarray(action, np.float64), self.joints)
        for _ in range(self.arm.config.waypoints_per_action):
            positions = self.arm.advance()
        stamp = self.joints.stamp + self.period
        self.joints = JointState(positions.copy(), np.zeros_like(positions), stamp)

    def _imagine(self, action: np.ndarray) -> tuple[Outlook, Latent]:
        """What to think of `action`, and the latent (1, D) after it."""
        imagined = self.world_model.rollout(self.latent, self._batch(action)[:, None, None])
        outlook = Outlook(
            float(imagined.rewards[0, 0, 0]),
            float(imagined.terminal_value[0, 0]),
            float(imagined.disagreement[0, 0]),
        )
        assert imagined.latents is not None  # no backend of its own computes what is played
        return outlook, Latent(imagined.latents[:, 0, 0])

    def _encode(
        self, frames: Mapping[str, np.ndarray], proprio: np.ndarray, foreseen: Latent | None = None
    ) -> Latent:
        return self.world_model.encode(self._observe(frames, proprio), foreseen)

    def _observe(self, frames: Mapping[str, np.ndarray], proprio: np.ndarray) -> Observation:
        size, cameras = self._config.image_size, self._config.cameras
        seen = observe(frames, proprio, cameras, size, self._device)
        if words := self._config.network.vocabulary:  # it is told what the scene's task says
            told = tokens([self.env.task.instruction], words).to(self._device)
            seen = seen._replace(instruction=told)
        return seen

    def _batch(self, action: np.ndarray) -> Tensor:
        return torch.as_tensor(action, dtype=torch.float32, device=self._device)[None]  # (1, A)

    @torch.inference_mode()
    def _distance_between_latents(self) -> float:
        """Mean distance of two moments of a few simulated scenes that are driven at random."""
        rng = np.random.default_rng(0)
        latents = []
        for scene in range(_SCENES):
            observation, _ = self.env.reset(seed=scene)
            for _ in range(_STEPS):
                latents.append(_flat(self._encode(observation, observation["proprio"])))
                observation, *_ = self.env.step(rng.uniform(-1, 1, self.arm.action_size))
        return float(torch.pdist(torch.stack(latents).float()).mean().clamp_min(1e-6))


def _flat(latent: Latent) -> Tensor:
    return torch.cat([part.flatten() for part in latent])
