"""The loop MPPI and CEM share: imagine candidates, keep the elites, refit, draw again.

Sources: the cross-entropy method (Rubinstein 1999, Methodology and Computing in Applied
Probability 1), elites kept from one iteration to the next (iCEM, Pinneri 2020, arXiv:2008.06389),
candidates from a learned action prior and a value after the horizon (TD-MPC2, Hansen 2024,
arXiv:2310.16828).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, final

import torch
from torch import Tensor

from wm_planner.interfaces import Objective, WorldModel
from wm_planner.noise import Generators, Noise
from wm_planner.planning.deadline import Deadline, Pace
from wm_planner.planning.distribution import SequenceDistribution
from wm_planner.planning.search_config import SearchConfig
from wm_planner.planning.sequence_noise import draw
from wm_planner.planning.suggested import proposal_around
from wm_planner.planning.switches import to_valid
from wm_planner.planning.warm_start import fit_warm_start
from wm_planner.types import (
    UNKNOWN,
    ActionSpace,
    Latent,
    Plan,
    PlanStatistics,
    Proposal,
    Situation,
)

_SHOWN = 8  # candidates that a plan comes with, for people to look at


class _Scored(NamedTuple):
    """Candidates and their scores; an unusable one scores -inf."""

    actions: Tensor  # (B, N, H, A)
    scores: Tensor  # (B, N)

    def non_finite(self) -> Tensor:
        """How many are unusable, () on the device."""
        return self.scores.isneginf().sum()

    def best(self, k: int) -> _Scored:
        """The `k` best, or all if fewer, best first; actions of unusable ones are zero."""
        scores, index = self.scores.topk(min(k, self.scores.shape[1]), dim=1)  # (B, k)
        actions = self.actions.take_along_dim(index[..., None, None], dim=1)  # (B, k, H, A)
        return _Scored(actions.masked_fill(scores.isneginf()[..., None, None], 0.0), scores)


def _joined(first: _Scored, second: _Scored) -> _Scored:
    return _Scored(*(torch.cat(pair, dim=1) for pair in zip(first, second, strict=True)))


class _Start(NamedTuple):
    """What a search begins from."""

    latent: Latent  # (B, D)
    prior: Proposal | None  # the learned action prior's
    suggested: Proposal | None  # around what a policy elsewhere suggests
    situation: Situation

    @property
    def proposals(self) -> list[Proposal]:
        """Those that there are."""
        return [given for given in (self.prior, self.suggested) if given is not None]


class _Found(NamedTuple):
    """What the iterations ended with."""

    elites: _Scored
    weights: Tensor  # (B, K)
    distribution: SequenceDistribution
    reference: Tensor  # (B,) the best score of those that the plan must not be worse than
    non_finite: Tensor  # ()
    iterations: int
    samples: int  # in each of them


@final
@dataclass(frozen=True)
class EliteSearch:
    """Refines a distribution over action sequences towards those that score best.

    `rollout` takes no generator and so is deterministic: kept elites need not be imagined again.
    """

    world_model: WorldModel
    objective: Objective
    action_space: ActionSpace
    config: SearchConfig
    weigh: Callable[[Tensor], Tensor]
    """From the elites' scores (B, K), best first, some perhaps -inf, to weights (B, K), sum 1."""

    pace: Pace = field(default_factory=Pace)
    """How slow the last plans were; only a deadline asks."""

    @torch.no_grad()
    def plan(
        self,
        latent: Latent,
        warm_start: Tensor | None,
        generator: Generators,
        situation: Situation = UNKNOWN,
    ) -> Plan:
        """Best sequence found; never scores worse than any proposal's own or the last plan.

        `generator`, or one for each batch element, lives on the latent's device. A batch element
        of which no candidate has a finite score failed, see Plan; the others do not notice.
        """
        deadline = Deadline(self.config.deadline_ms, latent.z.device, self.pace)
        start = self._start(latent, generator, situation)
        if not self.config.use_warm_start:
            warm_start = None
        if warm_start is not None:
            shape = (latent.z.shape[0], self.config.horizon, self.action_space.size)
            warm_start = fit_warm_start(warm_start, shape)
        distribution = self._initial(latent, start.prior, warm_start)
        references = self._references(distribution, start, warm_start)
        found = self._refine(start, distribution, references, generator, deadline)
        return self._choose(start, found, deadline)

    def _start(self, latent: Latent, generator: Generators, situation: Situation) -> _Start:
        """Prior and suggestion share the samples that are drawn from proposals."""
        config, suggestion, prior, suggested = self.config, situation.suggestion, None, None
        both = config.use_prior and suggestion is not None
        n = max(1, config.prior_samples // (2 if both else 1))
        if config.use_prior:
            prior = self.world_model.propose(latent, n, config.horizon, generator, situation.goal)
        if suggestion is not None:
            suggested = proposal_around(suggestion, n, config, self.action_space, generator)
        return _Start(latent, prior, suggested, situation)

    def _initial(
        self, latent: Latent, prior: Proposal | None, warm_start: Tensor | None
    ) -> SequenceDistribution:
        """Around the prior's sequence, else the last plan, else doing nothing.

        Never around a suggestion: a bad one would narrow the search to where it is bad.
        """
        config, device = self.config, latent.z.device
        shape = (latent.z.shape[0], config.horizon, self.action_space.size)
        std = torch.full(shape, config.initial_std, device=device)
        if prior is not None:
            mean, std = prior.mean, prior.std.clamp(config.min_std, config.initial_std)
        else:
            mean = torch.zeros(shape, device=device) if warm_start is None else warm_start
        return SequenceDistribution(mean.clamp(-1, 1), std, self.action_space, config.switch_floor)

    def _references(
        self,
        distribution: SequenceDistribution,
        start: _Start,
        warm_start: Tensor | None,
    ) -> Tensor:
        """Sequences (B, R, H, A) the plan must not be worse than: proposals' means, last plan."""
        others = [] if start.suggested is None else [start.suggested.mean]
        if start.prior is not None and warm_start is not None:
            others.append(warm_start)
        valid = [to_valid(other, distribution.is_switch) for other in others]
        return torch.stack([distribution.central(), *valid], dim=1)

    def _refine(
        self,
        start: _Start,
        distribution: SequenceDistribution,
        references: Tensor,
        generator: Generators,
        deadline: Deadline,
    ) -> _Found:
        given = references  # (B, G, H, A) candidates of the first iteration that are not sampled
        if self.config.prior_samples > 0:
            drawn = [to_valid(p.actions, distribution.is_switch) for p in start.proposals]
            given = torch.cat([given, *drawn], dim=1)[:, : self.config.samples]
        elites = _Scored(given[:, :0], given.new_zeros(given.shape[0], 0))  # none yet
        reference = elites.scores.new_full((len(given),), -torch.inf)
        non_finite = torch.zeros((), dtype=torch.int64, device=given.device)
        iterations = 0
        rounds = self._noise(start.latent, generator)
        deadline.begin_rounds()
        for noise in rounds:
            sampled = distribution.sample(noise)[:, given.shape[1] :]
            scored = self._imagine(start, torch.cat([given, sampled], dim=1))
            if iterations == 0:
                reference = scored.scores[:, : references.shape[1]].amax(1)
            non_finite = non_finite + scored.non_finite()
            elites = _joined(elites, scored).best(self.config.elites)  # (B, K)
            weights = self.weigh(elites.scores)
            distribution = distribution.refitted(
                elites.actions, weights, self.config.min_std, self.config.initial_std
            )
            given = given[:, :0]
            iterations += 1
            deadline.round_done()
            if not deadline.allows_round():
                break
        return _Found(
            elites, weights, distribution, reference, non_finite, iterations, self.config.samples
        )

    def _noise(self, latent: Latent, generator: Generators) -> list[Noise]:
        config = self.config
        return draw(
            config.iterations,
            (latent.z.shape[0], config.samples, config.horizon),
            self.action_space,
            config.noise_correlation,
            config.switch_renewal,
            generator,
            latent.z.device,
        )

    def _imagine(self, start: _Start, actions: Tensor) -> _Scored:
        rollout = self.world_model.rollout(start.latent, actions)
        scores = self.objective.score(rollout, start.prior, start.situation).float()  # (B, N)
        unusable = -torch.inf
        return _Scored(actions, scores.nan_to_num(unusable, posinf=unusable, neginf=unusable))

    def _choose(self, start: _Start, found: _Found, deadline: Deadline) -> Plan:
        """The elites' weighted mean, unless it falls between them: then the best elite.

        Averaging evens out the model's errors, which the single best candidate exploits. Where the
        score is concave the mean is at least as good as its elites on average (Jensen); where it is
        not, the elites lie in separate modes. Either way the plan is at least as good as each
        reference. Without time for that, the best elite it is: the references were among the
        candidates.
        """
        best = _best(found)
        if not deadline.allows_choice():
            return best
        central = found.distribution.central()  # (B, H, A)
        score = self._imagine(start, central[:, None]).scores[:, 0]  # (B,)
        usable = found.elites.scores.isfinite()
        average = (found.weights * found.elites.scores.where(usable, 0.0)).sum(1)  # (B,)
        take_mean = score >= torch.maximum(average, found.reference)
        non_finite = best.statistics.non_finite + int(score.isneginf().sum())
        deadline.choice_done()
        return best._replace(
            actions=torch.where(take_mean[:, None, None], central, best.actions),
            expected_return=torch.where(take_mean, score, best.expected_return),
            statistics=best.statistics._replace(non_finite=non_finite),
        )


def _best(found: _Found) -> Plan:
    """The best elite as a plan; NaN where not even that one has a finite score."""
    scores = found.elites.scores[:, 0]  # (B,)
    failed = scores.isneginf()[:, None, None]
    return Plan(
        actions=found.elites.actions[:, 0].masked_fill(failed, torch.nan),
        expected_return=scores,
        spread=found.distribution.std,
        statistics=PlanStatistics(found.iterations, int(found.non_finite), found.samples),
        candidates=found.elites.actions[:, :_SHOWN],
    )
