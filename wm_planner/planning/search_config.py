"""How long and how widely MPPI and CEM search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class SearchConfig:
    """How long and how widely to search."""

    samples: int = 128
    """Action sequences imagined in each iteration, those from the prior included."""

    prior_samples: int = 24
    """Sequences of the first iteration that are drawn from the action prior."""

    horizon: int = 5
    """Steps imagined."""

    iterations: int = 4
    """Rounds of imagining and refitting; the most there are, if there is a deadline."""

    deadline_ms: float = 0.0
    """Milliseconds that a plan may take: no round starts that would not end in time. 0: none.

    What would is judged by the slowest of the last plans. The first round is always done. Plans
    then depend on how fast the machine is."""

    elites: int = 32
    """Best sequences found so far that the distribution is refitted to."""

    initial_std: float = 0.5
    """Standard deviation without a prior, and the largest one ever, in action units."""

    min_std: float = 0.05
    """Smallest standard deviation, in action units."""

    noise_correlation: float = 0.0
    """Correlation of the noise from step to step of a sequence; 1 shifts the whole sequence."""

    switch_floor: float = 0.1
    """Least probability of either side of a switch, so that both are always tried."""

    switch_renewal: float = 0.2
    """Probability that a switch is drawn anew at a step of a sequence; small: flips are rare."""

    use_prior: bool = True
    """Start from the action prior; otherwise it is never asked."""

    use_warm_start: bool = True
    """Try the last plan, and without a prior start from it."""

    def __post_init__(self) -> None:
        for name in ("samples", "horizon", "iterations", "elites"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1: raise it")
        drawn_from_prior = self.prior_samples if self.use_prior else 0
        if self.prior_samples < 0 or drawn_from_prior + 2 > self.samples:
            raise ValueError(
                f"prior_samples is {self.prior_samples}, expected 0 to samples - 2 = "
                f"{self.samples - 2} (the prior's mean and the last plan take two): "
                "lower it or raise samples"
            )
        if self.elites > self.samples:
            raise ValueError(
                f"elites is {self.elites}, expected at most samples = {self.samples}: lower it"
            )
        if not 0 < self.min_std <= self.initial_std < float("inf"):
            raise ValueError(
                f"min_std is {self.min_std} and initial_std {self.initial_std}, expected "
                "0 < min_std <= initial_std: actions are in [-1, 1], so try 0.05 and 0.5"
            )
        if not 0 <= self.noise_correlation <= 1:
            raise ValueError(
                f"noise_correlation is {self.noise_correlation}, expected in [0, 1]: try 0.5"
            )
        if not 0 <= self.deadline_ms < float("inf"):
            raise ValueError(
                f"deadline_ms is {self.deadline_ms}, expected finite and at least 0, for none"
            )
        if not 0 < self.switch_floor <= 0.5 or not 0 <= self.switch_renewal <= 1:
            raise ValueError(
                f"switch_floor is {self.switch_floor} and switch_renewal {self.switch_renewal}, "
                "expected in (0, 0.5] and [0, 1]: try 0.1 and 0.2"
            )
