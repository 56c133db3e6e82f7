"""Runs every metric on one model: records, imagines, compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from wm_planner.evaluation.world_model.branches import (
    Follow,
    Moment,
    branch,
    collect_moments,
    encode_branches,
    latent_of,
)
from wm_planner.evaluation.world_model.calibration import Calibration, calibration
from wm_planner.evaluation.world_model.confidence import Confidence, Drive, confidence
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
from wm_planner.evaluation.world_model.disturbed import PlayedFirst
from wm_planner.evaluation.world_model.drift import Drift, drift
from wm_planner.evaluation.world_model.effort import Effort
from wm_planner.evaluation.world_model.fidelity import (
    Fidelity,
    FrameFidelity,
    frame_fidelity,
    latent_fidelity,
    proprio_fidelity,
    reward_fidelity,
)
from wm_planner.evaluation.world_model.futures import imagine, imagine_windows, joined
from wm_planner.evaluation.world_model.horizon import Horizon, horizon, horizon_by_stage
from wm_planner.evaluation.world_model.physics import Consistency, consistency
from wm_planner.evaluation.world_model.readout import Readout, fit_readout
from wm_planner.evaluation.world_model.recording import Encoded, encode, record
from wm_planner.evaluation.world_model.workbench import Workbench
from wm_planner.interfaces import Decodable

READOUT_SEEDS = 1_000  # after the first one: episodes that only the readout is fitted on
STATE_SEEDS = 2_000  # episodes whose states are gone back to
PHYSICS_SEEDS = 3_000
DISTURBED_SEEDS = 5_000  # episodes that begin with a mess
CALIBRATION_STEPS = 5  # imagined, before disagreement is compared with the error: the planner's


class OpenLoop(NamedTuple):
    """How far ahead it can be believed, over W imagined futures."""

    windows: int
    latent: Fidelity
    reward: Fidelity
    proprio: Fidelity
    frames: FrameFidelity | None  # None: the model does not decode
    readout_r2: float  # share of the variance that the readout of proprioception explains
    latent_horizon: Horizon
    reward_horizon: Horizon
    proprio_horizon: Horizon
    stage_horizons: dict[str, Horizon]  # of the latent, by the task's stage at the start
    calibration: Calibration

    @property
    def knows_rewards(self) -> bool:
        """Whether the model imagines rewards at all."""
        return bool(self.reward.model.isfinite().any())


class Evaluation(NamedTuple):
    """Everything that was measured of a model."""

    recorded: dict[str, Encoded]  # by who drove
    open_loop: OpenLoop
    drifts: dict[str, Drift]  # by who drove
    controllability: Controllability  # of the latent
    proprio_controllability: Controllability
    decision: Decision
    lemma: Lemma
    physics: list[Consistency]
    confidence: Confidence


def evaluate_model(bench: Workbench, effort: Effort) -> Evaluation:
    """All metrics."""
    model = bench.world_model
    recorded = _record(bench, effort)
    readout = _readout(bench, effort)
    moments = _moments(bench, effort)
    return Evaluation(
        recorded,
        _open_loop(bench, effort, recorded, readout),
        {name: drift(model, encoded, readout) for name, encoded in recorded.items()},
        *_controllability(bench, effort, moments, readout),
        *_decision(bench, effort, moments),
        consistency(
            bench.envs[0], model, bench.seeds(PHYSICS_SEEDS, effort.pairs), bench.vocabulary
        ),
        _confidence(bench, effort, recorded["policy"]),
    )


def _open_loop(
    bench: Workbench, effort: Effort, recorded: dict[str, Encoded], readout: Readout
) -> OpenLoop:
    """Windows that start in the first half of the time a task may take: later, little moves."""
    model, task = bench.world_model, bench.envs[0].task
    parts = {
        name: imagine_windows(model, encoded, effort.horizon, effort.stride, task.time_limit // 2)
        for name, encoded in recorded.items()
    }
    pooled, own = joined(list(parts.values())), parts["policy"]
    latent, reward = latent_fidelity(pooled), reward_fidelity(pooled)
    proprio = proprio_fidelity(pooled, readout)
    return OpenLoop(
        len(pooled.start),
        latent,
        reward,
        proprio,
        frame_fidelity(model, pooled) if isinstance(model, Decodable) else None,
        _explained(readout, recorded),
        horizon(latent.model, latent.null),
        horizon(reward.model, reward.null),
        horizon(proprio.model, proprio.null),
        horizon_by_stage(own.errors, own.null_errors, own.stages[:, 0], task.stages),
        calibration(pooled, CALIBRATION_STEPS),
    )


def _record(bench: Workbench, effort: Effort) -> dict[str, Encoded]:
    """Episodes of each pilot, all on seeds of their own."""
    found, first = {}, 0
    for name, pilot in bench.pilots.items():
        n = effort.episodes if name == "policy" else max(1, effort.episodes // 2)
        seeds = bench.seeds(first, n)
        steps = effort.long + 2
        recording = record(bench.envs[:n], pilot, seeds, steps, name, bench.vocabulary)
        found[name] = encode(bench.world_model, recording, name)
        first += n
    return found


def _confidence(bench: Workbench, effort: Effort, undisturbed: Encoded) -> Confidence:
    """On the policy's episodes, and on others that somebody else played in first."""
    n, env, steps = effort.episodes, bench.envs[0], effort.long + 2
    played = min(env.task.time_limit // 3, steps // 4)  # time is left to see what comes of it
    pilot = PlayedFirst(bench.pilots["policy"], played, env.arm.action_size)
    drives = [Drive(undisturbed, 0)]
    for i in range(effort.disturbed if bench.beliefs.value else 0):
        seeds, label = bench.seeds(DISTURBED_SEEDS + i * n, n), "disturbed"
        recording = record(bench.envs[:n], pilot, seeds, steps, label, bench.vocabulary)
        encoded = encode(bench.world_model, recording, label)
        kept = recording._replace(images=recording.images[:, :0])  # frames are large
        drives.append(Drive(encoded._replace(recording=kept), played))
    return confidence(bench.beliefs, drives, bench.discount, env.task.time_limit, bench.seed)


def _readout(bench: Workbench, effort: Effort) -> Readout:
    """Fitted on episodes of its own, as many of the policy as of random actions."""
    n = effort.readout_episodes
    z, proprio = [], []
    for i, name in enumerate(("policy", "random")):
        seeds = bench.seeds(READOUT_SEEDS + i * n, n)
        pilot, label = bench.pilots[name], "for the readout"
        recording = record(bench.envs[:n], pilot, seeds, effort.horizon, label, bench.vocabulary)
        encoded = encode(bench.world_model, recording, label)
        z.append(encoded.latents.z.flatten(0, 1))
        proprio.append(recording.proprio.flatten(0, 1))
    return fit_readout(torch.cat(z), torch.cat(proprio))


def _explained(readout: Readout, recorded: dict[str, Encoded]) -> float:
    """Share of the variance of proprioception, on other episodes than it was fitted on."""
    z = torch.cat([encoded.latents.z.flatten(0, 1) for encoded in recorded.values()])
    proprio = [encoded.recording.proprio.flatten(0, 1) for encoded in recorded.values()]
    return readout.explained(z, torch.cat(proprio))


def _moments(bench: Workbench, effort: Effort) -> list[Moment]:
    """States the policy comes through while it is at work."""
    episodes = max(1, effort.states // 5)
    env = bench.envs[0]
    return collect_moments(
        env,
        bench.world_model,
        bench.pilots["policy"],
        bench.seeds(STATE_SEEDS, episodes),
        -(-effort.states // episodes),
        max(10, round(0.4 * env.task.time_limit)),
        bench.vocabulary,
    )[: effort.states]


@torch.inference_mode()
def _controllability(
    bench: Workbench, effort: Effort, moments: Sequence[Moment], readout: Readout
) -> tuple[Controllability, Controllability]:
    """Of the latent, and of the proprioception."""
    actions = actions_to_try(moments, effort.hold, effort.others, bench.switches, bench.seed)
    m, n, _, a = actions.shape
    words = bench.vocabulary
    branches = branch(bench.envs[0], moments, actions, "other actions", vocabulary=words)
    real = encode_branches(bench.world_model, moments, branches).latents.z[:, -1]
    imagined = imagine(bench.world_model, latent_of(moments, n), actions.flatten(0, 1))[:, -1]
    felt = branches.proprio[:, -1]
    return (
        controllability(imagined.unflatten(0, (m, n)), real.unflatten(0, (m, n)), a),
        controllability(readout(imagined).unflatten(0, (m, n)), felt.unflatten(0, (m, n)), a),
    )


@torch.inference_mode()
def _decision(
    bench: Workbench, effort: Effort, moments: Sequence[Moment]
) -> tuple[Decision, Lemma]:
    """Candidate plans, imagined and executed; after them the action prior goes on."""
    model, gamma = bench.world_model, bench.discount
    chosen = np.linspace(0, len(moments) - 1, min(effort.plan_states, len(moments))).astype(int)
    states = [moments[i] for i in chosen]
    plans = candidate_plans(
        model, states, effort.plan_steps, effort.plans, bench.switches, bench.seed
    )
    follow, words = Follow(model, bench.seed), bench.vocabulary
    futures = branch(bench.envs[0], states, plans, "plans", follow, effort.tail, words)
    real = discounted(futures.rewards, gamma).unflatten(0, plans.shape[:2])
    imagined = imagined_returns(model, states, plans, gamma)
    encoded = encode_branches(model, states, futures)
    return decision(imagined, real), lemma(model, encoded, gamma)
