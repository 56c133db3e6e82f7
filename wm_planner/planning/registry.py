"""From one flat configuration, as a command line or a ROS node sets it, to a planner."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

from wm_planner.errors import UserError
from wm_planner.interfaces import BACKENDS, Objective, Planner, ProposesSubgoals, WorldModel
from wm_planner.planning.baselines import FollowSuggestion, NoOp, PriorPolicy, RandomPlanner
from wm_planner.planning.cem import CEM
from wm_planner.planning.deadline import Pace
from wm_planner.planning.disturbed import Disturbed
from wm_planner.planning.mppi import MPPI, check_temperature
from wm_planner.planning.objectives import (
    DISTANCE_NAMES,
    FOR_GOALS,
    FOR_RETURN,
    LearnedReturn,
    Readings,
    make_objective,
)
from wm_planner.planning.objectives.checks import check_discount
from wm_planner.planning.objectives.keep_out import check_boxes
from wm_planner.planning.objectives.named import check_objectives
from wm_planner.planning.search_config import SearchConfig
from wm_planner.planning.subgoals import TowardsSubgoals
from wm_planner.planning.suggested import WhereSuggested
from wm_planner.types import ActionSpace

PLANNERS = ("noop", "random", "prior", "mppi", "cem")
SERVER = "server"
"""A planner that needs the address of a policy server, and does what that says."""
SEARCHING = ("mppi", "cem")
BUDGET_CHOICES = ("fixed", "auto")
UNTOLD = -1.0
"""An `action_delay` that is to be found out from what is seen."""
_NOTHING_READ = Readings()


@dataclass(frozen=True)
class PlannerConfig:
    """Which planner, what it wants and how long it searches.

    Attributes:
        planner: one of noop, random, prior, mppi, cem; or server, which does what a policy server
            says. Only mppi and cem heed more than `horizon`.
        budget: fixed takes samples, iterations, horizon, prior_samples and elites as they are; auto
            measures, when a pipeline is built, what fits the machine, and takes that instead.
        samples: action sequences imagined in each iteration, those from the prior included.
        prior_samples: sequences of the first iteration that are drawn from the action prior.
        horizon: steps imagined.
        iterations: rounds of imagining and refitting; the most there are, if there is a deadline.
        deadline_ms: milliseconds that a plan may take, 0 for any; plans then vary with the machine.
        elites: best sequences found so far that the distribution is refitted to.
        temperature: MPPI: sharpness of the elites' weights, relative to the spread of their scores.
        initial_std: standard deviation without a prior, and the largest one ever, in action units.
        min_std: smallest standard deviation, in action units.
        noise_correlation: of the noise from step to step; 1 shifts the whole sequence.
        switch_floor: least probability of either side of a switch, so that both are always tried.
        switch_renewal: probability that a switch is drawn anew at a step of a sequence.
        use_prior: start from the action prior; otherwise it is never asked.
        use_warm_start: try the last plan, and without a prior start from it.
        discount: worth of a reward one step later; the one the value was trained with.
        objectives: what to want, by weight: return (predicted), goal_image (near what a picture
            shows), success (its probability), uncertainty (of the value, to be small), curiosity
            (to be large), prior (near the action prior), server (near what a policy server says),
            smoothness (of the actions), keep_out (of boxes). Those not named count nothing. None at
            all: what suits the model, which is return 1, uncertainty 1, prior 0.5 or more, the
            worse its values were on held-out episodes, keep_out 100; or goal_image 1, prior 0.1,
            keep_out 100 if it learned without rewards.
        goal_distance: how far a latent is from a goal's: l2, l1, cosine, smooth_l1, or learned, the
            model's own.
        subgoals: plan to what the model's slower level would see next on the way to the goal, where
            the goal is far; a model without such a level is refused.
        keep_out: boxes the hand is to stay out of, each [x0, y0, z0, x1, y1, z1] in m, base frame.
        action_delay: seconds until the arm follows a command; the plan begins where it is by then.
            Below 0 it is found out from what is seen, in whole control periods.
        action_noise: standard deviation of the noise that is added to actions as they are taken, in
            action units, so that what is met differs; switches are left as they are.
        max_surprise: frames farther from the prediction are not planned from, in units of what one
            in a thousand clean frames exceeds; nearer ones shorten the horizon. 0: no notice.
        backend: code that imagines, one of auto, eager, float32, bfloat16.
        server: address of a policy server that speaks openpi's protocol, as in localhost:8000. What
            it says is tried and refined by mppi and cem beside the action prior, or with use_prior
            off instead of it. Without an answer they plan as if there were no server.
        server_wait_ms: milliseconds that a plan waits for the answer to its own frames. Later ones
            serve later plans, from the action on that is due then.
        server_std: how far from its answer to look as well, in action units.
        server_names: what the server calls things, as in {front: observation/image}: a camera,
            state, prompt, actions; others have LeRobot's names, as `wm_planner export` writes them.
        server_prompt: what it is told to do, where the model is not told anything.
        server_size: width and height of the frames it gets, in pixels; 0: as the model's.
    """

    planner: str = "mppi"
    budget: str = "fixed"
    samples: int = SearchConfig.samples
    prior_samples: int = SearchConfig.prior_samples
    horizon: int = SearchConfig.horizon
    iterations: int = SearchConfig.iterations
    deadline_ms: float = SearchConfig.deadline_ms
    elites: int = SearchConfig.elites
    temperature: float = 0.5
    initial_std: float = SearchConfig.initial_std
    min_std: float = SearchConfig.min_std
    noise_correlation: float = SearchConfig.noise_correlation
    switch_floor: float = SearchConfig.switch_floor
    switch_renewal: float = SearchConfig.switch_renewal
    use_prior: bool = SearchConfig.use_prior
    use_warm_start: bool = SearchConfig.use_warm_start
    discount: float = LearnedReturn.discount
    objectives: dict[str, float] = field(default_factory=dict, hash=False)
    goal_distance: str = "l2"
    subgoals: bool = False
    keep_out: tuple[tuple[float, ...], ...] = ()
    action_delay: float = UNTOLD
    action_noise: float = 0.0
    max_surprise: float = 0.0
    backend: str = "auto"
    server: str = ""
    server_wait_ms: float = 50.0
    server_std: float = 0.2
    server_names: dict[str, str] = field(default_factory=dict, hash=False)
    server_prompt: str = ""
    server_size: int = 0

    def __post_init__(self) -> None:
        for name, choices in (
            ("planner", (*PLANNERS, SERVER)), ("budget", BUDGET_CHOICES), ("backend", BACKENDS),
            ("goal_distance", DISTANCE_NAMES),
        ):  # fmt: skip
            if (value := getattr(self, name)) not in choices:
                raise ValueError(
                    f"{name} is {value!r}, expected one of {', '.join(choices)}: pick one"
                )
        if not UNTOLD <= self.action_delay <= 2:
            raise ValueError(
                f"action_delay is {self.action_delay} s, expected 0 to 2, or -1 to have "
                "it found out: measure it in seconds"
            )
        if not 0 <= self.action_noise <= 1:
            raise ValueError(
                f"action_noise is {self.action_noise}, expected 0 to 1: actions are in [-1, 1]"
            )
        if not (self.max_surprise == 0 or 1 < self.max_surprise < math.inf):
            raise ValueError(
                f"max_surprise is {self.max_surprise}, expected above 1, or 0 for no notice of it"
            )
        self._check_server()
        check_temperature(self.temperature)
        self.search()
        check_discount(self.discount)
        check_objectives(self.objectives, self.keep_out)
        check_boxes(self.keep_out)

    def _check_server(self) -> None:
        if self.planner == SERVER and not self.server:
            raise ValueError(
                "planner server does what a policy server says, and there is no address of one: "
                "give server, as in localhost:8000 (`wm_planner serve` starts one)"
            )
        for name, low, high in (
            ("server_wait_ms", 0.0, 60_000.0), ("server_std", 0.001, 1.0), ("server_size", 0, 4096)
        ):  # fmt: skip
            if not low <= (value := getattr(self, name)) <= high:
                raise ValueError(f"{name} is {value}, expected {low} to {high}")

    def towards_goals(self) -> PlannerConfig:
        """The same; where no objective is named, towards what a goal picture shows."""
        return replace(self, objectives=self.objectives or dict(FOR_GOALS))

    def search(self) -> SearchConfig:
        """The part that says how to search."""
        names = {part.name for part in fields(SearchConfig)}
        return SearchConfig(**{k: v for k, v in vars(self).items() if k in names})

    def objective(self, readings: Readings = _NOTHING_READ) -> Objective:
        """The part that says what to search for; terms of weight zero are left out."""
        weights = self.objectives or FOR_RETURN
        return make_objective(weights, self.discount, self.goal_distance, self.keep_out, readings)


def make_planner(
    world_model: WorldModel,
    action_space: ActionSpace,
    config: PlannerConfig,
    pace: Pace | None = None,
    readings: Readings = _NOTHING_READ,
) -> Planner:
    """The planner that `config` names; those that share a `pace` learn from each other's.

    `readings` is what its objectives need to know of latents and robot.
    """
    planner = _planner(world_model, action_space, config, pace, readings)
    if config.server and config.planner in SEARCHING:
        planner = WhereSuggested(planner)
    if config.subgoals:
        if not isinstance(world_model, ProposesSubgoals):
            raise UserError(
                "subgoals: this model has no slower level that proposes any; leave them out"
            )
        planner = TowardsSubgoals(world_model, planner)
    return Disturbed(planner, action_space, config.action_noise) if config.action_noise else planner


def _planner(
    world_model: WorldModel,
    action_space: ActionSpace,
    config: PlannerConfig,
    pace: Pace | None,
    readings: Readings,
) -> Planner:
    match config.planner:
        case "noop":
            return NoOp(action_space, config.horizon)
        case "random":
            return RandomPlanner(action_space, config.horizon)
        case "prior":
            return PriorPolicy(world_model, action_space, config.horizon)
        case "server":
            return FollowSuggestion(action_space, config.horizon)
        case "cem":
            return CEM(world_model, config.objective(readings), action_space, config.search(), pace)
        case _:  # mppi: PlannerConfig knows no other name
            return MPPI(
                world_model,
                config.objective(readings),
                action_space,
                config.search(),
                config.temperature,
                pace,
            )
