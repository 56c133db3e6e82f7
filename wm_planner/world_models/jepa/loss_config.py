"""What the losses weigh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.errors import UserError
from wm_planner.world_models.family import LossConfig


@dataclass(frozen=True)
class JepaLossConfig(LossConfig):
    """Weights of the losses and of the optimiser.

    Attributes:
        prediction: imagined features against encoded ones, 1 to `unroll` steps ahead.
        views: a camera's features against what the others' and proprioception tell of them: what
            both cameras see is where hand and objects are, not the light (arXiv:1906.05849).
        motion: imagined proprioception against measured one.
        variance: against collapse, VICReg (arXiv:2105.04906): features vary by one unit.
        covariance: against collapse, VICReg: no two features vary together.
        sigreg: against collapse, LeJEPA (arXiv:2511.08544): features are isotropic Gaussian; an
            alternative to the two above.
        inverse: the action, from features before and k steps after it (arXiv:2207.08229).
        readout: the robot's own state, from its frames.
        distance: steps to a later frame.
        policy: the action towards a later frame, from detached latents.
        subgoal: what is seen a second ahead on the way to a later frame, from detached latents.
        decoder: frames, from detached latents.
        unroll: steps of foresight that are learned.
        later: frames of each sequence that serve as goals, besides those unrolled over.
        flicker: largest random change of gain and offset of a single frame's colour channels: what
            changes from frame to frame foretells nothing, so features do without it.
        one_camera: probability that a goal shows what the first camera saw, and grey for others.
        optimism: expectile of the distance (arXiv:2110.06169): above 0.5 the shorter ways count.
        farthest: steps at which a distance ends.
        advantage: weight of an action's gain in steps in the policy's loss, exp(advantage * gain).
        target_rate: of the distance target's moving average.
        encoder_weights: safetensors file of the frozen encoder, where the network has one.
    """

    prediction: float = 5.0
    views: float = 2.0
    motion: float = 10.0
    variance: float = 5.0
    covariance: float = 0.2
    sigreg: float = 0.0
    inverse: float = 1.0
    readout: float = 2.0
    distance: float = 1.0
    policy: float = 0.5
    subgoal: float = 1.0
    decoder: float = 1.0
    unroll: int = 4
    later: int = 2
    flicker: float = 0.15
    one_camera: float = 0.2
    optimism: float = 0.7
    farthest: float = 60.0
    advantage: float = 0.3
    target_rate: float = 0.02
    encoder_weights: Path | None = None

    def __post_init__(self) -> None:
        for name in ("unroll", "later"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected 1 or more")
        if not 0 <= self.one_camera <= 1:
            raise UserError(f"one_camera is {self.one_camera}, expected a probability in [0, 1]")
        if not 0 < self.optimism < 1:
            raise UserError(f"optimism is {self.optimism}, expected inside (0, 1); try 0.7")
