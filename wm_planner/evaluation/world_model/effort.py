"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        episodes: driven by the planner; half as many by random and as many by constant actions.
        disturbed: times as many by the planner after somebody else has played.
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
        short: steps of the imaginations of video that start later in an episode.
        later_starts: of those, in each episode; the first imagination is `long`.
        apart: steps between the starts.
        pixel_states: states gone back to for controllability in pixels.
        clean_episodes: that the scale of surprise is measured on.
    """

    episodes: int = 8
    disturbed: int = 2
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
    short: int = 50
    later_starts: int = 2
    apart: int = 10
    pixel_states: int = 8
    clean_episodes: int = 40


QUICK = Effort(
    episodes=2, horizon=12, long=20, stride=4, readout_episodes=1, states=4, plan_states=3,
    plans=4, plan_steps=4, tail=4, pairs=1, short=10,
    later_starts=1, apart=4, pixel_states=2, clean_episodes=2,
)  # fmt: skip
