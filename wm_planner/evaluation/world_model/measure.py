"""Runs every metric on one model: records, imagines, compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from wm_planner.assembly import build_pipeline
from wm_planner.envs.manipulation import EnvConfig, ManipulationEnv
from wm_planner.evaluation.imagination import Decodable
from wm_planner.evaluation.world_model.branches import (
    Moment,
    branch,
    collect_moments,
    encode_branches,
    latent_of,
)
from wm_planner.evaluation.world_model.calibration import Calibration, calibration
from wm_planner.evaluation.world_model.controllability import (
    Controllability,
    actions_to_try,
    controllability,
)
from wm_planner.evaluation.world_model.decision import (
    Decision,
    Lemma,
    candidate_plans,
    decision,
    discounted,
    imagined_returns,
    lemma,
)
from wm_planner.evaluation.world_model.drift import Drift, drift
from wm_planner.evaluation.world_model.fidelity import (
    Fidelity,
    FrameFidelity,
    frame_fidelity,
    latent_fidelity,
    proprio_fidelity,
    reward_fidelity,
)
from wm_planner.evaluation.world_model.futures import Futures, imagine, imagine_windows, joined
from wm_planner.evaluation.world_model.horizon import Horizon, horizon, horizon_by_stage
from wm_planner.evaluation.world_model.physics import Consistency, consistency
from wm_planner.evaluation.world_model.readout import Readout, fit_readout
from wm_planner.evaluation.world_model.recording import (
    ConstantPilot,
    Encoded,
    Pilot,
    PlannerPilot,
    RandomPilot,
    encode,
    record,
)
from wm_planner.interfaces import WorldModel
from wm_planner.planning import PlannerConfig
from wm_planner.types import Observation
from wm_planner.world_models.store import LoadedModel

READOUT_SEEDS = 1_000  # after the first one: episodes that only the readout is fitted on
STATE_SEEDS = 2_000  # episodes whose states are gone back to
PHYSICS_SEEDS = 3_000


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        episodes: driven by the planner; half as many by random and as many by constant actions.
        horizon: steps of open-loop prediction.
        long: steps of the imaginations that drift is measured on.
        stride: steps between the starts of predictions.
        readout_episodes: of the planner and of random actions each, for the readout.
        states: simulator states gone back to.
        hold: steps that the actions of controllability are held.
        others: random actions of controllability, beside two of each dimension.
        plan_states: states from which plans are compared.
        plans: plans of each of them.
        plan_steps: steps of a plan.
        tail: steps of the action prior after a plan, to see what it was worth.
        pairs: of each case of physical consistency, at most.
    """

    episodes: int = 8
    horizon: int = 100
    long: int = 200
    stride: int = 4
    readout_episodes: int = 4
    states: int = 40
    hold: int = 3
    others: int = 4
    plan_states: int = 14
    plans: int = 10
    plan_steps: int = 6
    tail: int = 20
    pairs: int = 10


QUICK = Effort(
    episodes=2, horizon=12, long=20, stride=4, readout_episodes=1, states=4, plan_states=3,
    plans=4, plan_steps=4, tail=4, pairs=1,
)  # fmt: skip


class Evaluation(NamedTuple):
    """Everything that was measured of a model."""

    stages: tuple[str, ...]
    windows: int
    latent: Fidelity
    reward: Fidelity
    proprio: Fidelity
    frames: FrameFidelity | None  # None: the model does not decode
    readout_r2: float
    horizon: Horizon  # of the latent
    reward_horizon: Horizon
    proprio_horizon: Horizon
    stage_horizons: dict[str, Horizon]
    controllability: Controllability  # of the latent
    proprio_controllability: Controllability
    drifts: dict[str, Drift]  # by who drove
    decision: Decision
    lemma: Lemma
    physics: list[Consistency]
    calibration: Calibration
    recorded: dict[str, Encoded]  # for the pictures


class Bench(NamedTuple):
    """What the metrics work on."""

    world_model: WorldModel
    envs: list[ManipulationEnv]
    pilots: dict[str, Pilot]
    switches: tuple[int, ...]
    discount: float
    seed: int


def prepare(model: LoadedModel, planner: PlannerConfig, seed: int, envs: int) -> Bench:
    """Simulations and pilots for a model."""
    c = model.config
    described = EnvConfig(c.task, c.robot, c.cameras, c.image_size)
    pilots: dict[str, Pilot] = {
        "policy": PlannerPilot(build_pipeline(model, planner)),
        "random": RandomPilot(),
        "constant": ConstantPilot(),
    }
    return Bench(
        model.world_model,
        [ManipulationEnv(described) for _ in range(envs)],
        pilots,
        c.network.switches,
        c.network.discount,
        seed,
    )


def evaluate_model(bench: Bench, effort: Effort) -> Evaluation:
    """All metrics."""
    model, task = bench.world_model, bench.envs[0].task
    recorded = _record(bench, effort)
    readout, r2 = _readout(bench, effort, recorded)
    futures = [
        imagine_windows(model, encoded, effort.horizon, effort.stride, task.time_limit // 2)
        for encoded in recorded.values()
    ]
    pooled = joined(futures)
    moments = _moments(bench, effort)
    latent, proprio = latent_fidelity(pooled), proprio_fidelity(pooled, readout)
    reward = reward_fidelity(pooled)
    own = futures[0]  # the policy's
    tried = _controllability(bench, effort, moments, readout)
    decided, bound = _decision(bench, effort, moments)
    return Evaluation(
        stages=task.stages,
        windows=len(pooled.start),
        latent=latent,
        reward=reward,
        proprio=proprio,
        frames=_frames(model, futures),
        readout_r2=r2,
        horizon=horizon(latent.model, latent.null),
        reward_horizon=horizon(reward.model, reward.null),
        proprio_horizon=horizon(proprio.model, proprio.null),
        stage_horizons=horizon_by_stage(own.errors, own.null_errors, own.stages[:, 0], task.stages),
        controllability=tried[0],
        proprio_controllability=tried[1],
        drifts={name: drift(model, encoded, readout) for name, encoded in recorded.items()},
        decision=decided,
        lemma=bound,
        physics=consistency(bench.envs[0], model, _seeds(bench, PHYSICS_SEEDS, effort.pairs)),
        calibration=calibration(pooled, 5),
        recorded=recorded,
    )


def _record(bench: Bench, effort: Effort) -> dict[str, Encoded]:
    """Episodes of each pilot, all on seeds of their own."""
    found, first = {}, 0
    for name, pilot in bench.pilots.items():
        n = effort.episodes if name == "policy" else max(1, effort.episodes // 2)
        seeds = _seeds(bench, first, n)
        recording = record(bench.envs[:n], pilot, seeds, effort.long + 2, name)
        found[name] = encode(bench.world_model, recording, name)
        first += n
    return found


def _readout(bench: Bench, effort: Effort, recorded: dict[str, Encoded]) -> tuple[Readout, float]:
    """Fitted on episodes of their own; and the share of variance it explains on the others."""
    n = effort.readout_episodes
    z, proprio = [], []
    for i, name in enumerate(("policy", "random")):
        seeds = _seeds(bench, READOUT_SEEDS + i * n, n)
        steps = effort.horizon
        recording = record(bench.envs[:n], bench.pilots[name], seeds, steps, "for the readout")
        encoded = encode(bench.world_model, recording, "for the readout")
        z.append(encoded.latents.z.flatten(0, 1))
        proprio.append(recording.proprio.flatten(0, 1))
    readout = fit_readout(torch.cat(z), torch.cat(proprio))
    tested_z = torch.cat([encoded.latents.z.flatten(0, 1) for encoded in recorded.values()])
    tested = torch.cat([encoded.recording.proprio.flatten(0, 1) for encoded in recorded.values()])
    return readout, readout.explained(tested_z, tested)


def _moments(bench: Bench, effort: Effort) -> list[Moment]:
    """States the policy comes through while it is at work."""
    episodes = max(1, effort.states // 5)
    env = bench.envs[0]
    return collect_moments(
        env,
        bench.world_model,
        bench.pilots["policy"],
        _seeds(bench, STATE_SEEDS, episodes),
        -(-effort.states // episodes),
        max(10, round(0.4 * env.task.time_limit)),
    )[: effort.states]


@torch.inference_mode()
def _controllability(
    bench: Bench, effort: Effort, moments: Sequence[Moment], readout: Readout
) -> tuple[Controllability, Controllability]:
    """Of the latent, and of the proprioception."""
    actions = actions_to_try(moments, effort.hold, effort.others, bench.switches, bench.seed)
    m, n, _, a = actions.shape
    branches = branch(bench.envs[0], moments, actions, "other actions")
    real = encode_branches(bench.world_model, moments, branches).latents.z[:, -1]
    imagined = imagine(bench.world_model, latent_of(moments, n), actions.flatten(0, 1))[:, -1]
    felt = branches.proprio[:, -1]
    return (
        controllability(imagined.unflatten(0, (m, n)), real.unflatten(0, (m, n)), a),
        controllability(readout(imagined).unflatten(0, (m, n)), felt.unflatten(0, (m, n)), a),
    )


@torch.inference_mode()
def _decision(bench: Bench, effort: Effort, moments: Sequence[Moment]) -> tuple[Decision, Lemma]:
    """Candidate plans, imagined and executed; after them the action prior goes on."""
    model, gamma = bench.world_model, bench.discount
    chosen = np.linspace(0, len(moments) - 1, min(effort.plan_states, len(moments))).astype(int)
    states = [moments[i] for i in chosen]
    plans = candidate_plans(
        model, states, effort.plan_steps, effort.plans, bench.switches, bench.seed
    )
    generator = torch.Generator().manual_seed(bench.seed)

    def follow(seen: Observation) -> np.ndarray:
        return model.propose(model.encode(seen), 1, 1, generator).mean[0, 0].double().numpy()

    futures = branch(bench.envs[0], states, plans, "plans", follow, effort.tail)
    real = discounted(futures.rewards, gamma).unflatten(0, plans.shape[:2])
    imagined = imagined_returns(model, states, plans, gamma)
    encoded = encode_branches(model, states, futures)
    return decision(imagined, real), lemma(model, encoded, gamma)


def _frames(world_model: WorldModel, futures: Sequence[Futures]) -> FrameFidelity | None:
    if not isinstance(world_model, Decodable):
        return None
    return frame_fidelity(world_model, joined(futures))


def _seeds(bench: Bench, first: int, n: int) -> list[int]:
    return list(range(bench.seed + first, bench.seed + first + n))
