"""What is told of a family on a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wm_planner.statistics import percentile, wilson


@dataclass(frozen=True)
class Successes:
    """How often it went well.

    Attributes:
        successes: trials that succeeded.
        n: trials.
        low: of the 95 % interval (Wilson) of their share.
        high: of it.
    """

    successes: int
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, successes: int, n: int) -> Successes:
        return cls(successes, n, *wilson(successes, n))

    @property
    def rate(self) -> float:
        return self.successes / self.n

    def overlaps(self, other: Successes) -> bool:
        """Whether the intervals have a part in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Milliseconds:
    """Of a call that is timed again and again.

    Attributes:
        p50: median.
        p95: 95 of 100 are below.
    """

    p50: float
    p95: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Milliseconds:
        return cls(*(round(percentile(list(samples), q), 3) for q in (50, 95)))


@dataclass(frozen=True)
class Decision:
    """Whether the plans that are imagined best are the best ones.

    Attributes:
        regret: real return lost by the plan imagined best, share of best minus worst.
        random_regret: of a plan chosen by chance.
        rank_correlation: of imagined and real returns of plans from one state.
    """

    regret: float
    random_regret: float
    rank_correlation: float


@dataclass(frozen=True)
class Row:
    """A family on a task; what it cannot have is None, and `reasons` says why.

    Attributes:
        family: kind of world model.
        task: that it plans for.
        scene: task whose data the model learned from.
        model: its folder.
        sha256: of its weights.
        search: samples, iterations and horizon of a plan.
        planner: the search, with the prior; of `goal` towards a goal picture alone.
        prior: the action prior alone.
        without_prior: the search without the prior.
        noop: doing nothing.
        plan_ms: from frames to a plan, on one thread.
        encode_ms: of that, encoding.
        play_fps: steps a second, each imagined and drawn.
        updates_per_s: gradient steps a second of its training.
        batch_size: sequences of such an update.
        batch_steps: steps of such a sequence.
        training: what the training took, as the model's provenance tells.
        parameters: of the model without its decoder.
        decoder_parameters: of its decoder.
        horizon: steps until imagining is no better than predicting no change.
        horizon_limit: most steps that were looked at.
        drift: error of the latent after 100 steps over that after 10.
        controllability: rank correlation of imagined and real effects of actions.
        decision: quality of its choices between plans.
        reasons: why a figure is None, by its name.
    """

    family: str
    task: str
    scene: str
    model: str
    sha256: str
    search: dict[str, int]
    planner: Successes | None
    prior: Successes | None
    without_prior: Successes | None
    noop: Successes | None
    plan_ms: Milliseconds | None
    encode_ms: Milliseconds | None
    play_fps: float | None
    updates_per_s: float | None
    batch_size: int
    batch_steps: int
    training: dict[str, object]
    parameters: int
    decoder_parameters: int
    horizon: int | None
    horizon_limit: int | None
    drift: float | None
    controllability: float | None
    decision: Decision | None
    reasons: dict[str, str] = field(default_factory=dict)
