"""Trials: which starts, which planners and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from wm_planner.envs.disturbances import Disturbances
from wm_planner.envs.randomization import Randomization
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.planning import PLANNERS, SEARCHING, SERVER, PlannerConfig

EXPERT = "expert"  # scripted and privileged; not a planner, the ceiling
WITHOUT_PRIOR = "without-prior"  # a baseline: the planner itself, without its prior
WITHOUT_SERVER = "without-server"  # a baseline: the planner itself, without the policy server
_MOST = {"trials": 1_000_000, "workers": 1024, "batch": 65_536}


@dataclass(frozen=True)
class TrialsConfig:
    """Run trials on held-out starts and report how they went.

    Attributes:
        task: name of the task.
        model: name of a model in models/, or the path of a model folder; default the task's name.
        instruction: what a model with words is told to do, instead of what the task says. What
            counts as a success does not change.
        robot: name of a robot in config/robots; default the model's.
        planner: noop, random, prior, mppi, cem, or server, which does what the policy server of
            search.server says; expert is the privileged ceiling.
        prior: let the planner start from the learned action prior.
        baselines: planners to run on the same starts; also without-prior, without-server.
        trials: how many.
        seed: of the first trial; the others follow. 5,000,000 and up were never trained on.
        seeds: of each trial; instead of trials and seed.
        time_limit: seconds a trial may take; 0 for the task's.
        workers: processes, each with one thread.
        batch: trials that a process plans at once; pays on a GPU.
        ros: run them one at a time on a simulation node and a planner node, over DDS.
        attach: with ros, use the two nodes that run already, started with the same settings.
        lockstep: with ros, let the simulation wait for the planner instead of the clock.
        device: cpu or cuda.
        out: folder for trials.jsonl, report.html and film strips; a killed run goes on there.
        video: with out, a video of each trial.
        record: with out and ros, a rosbag2 (MCAP) of each trial with all topics.
        faults: instead of trials, make cameras, joints, clock, planner, model and processes fail on
            two real nodes, and measure how the arm comes to hold and goes on.
        only: with faults, only those of these names.
        json: write the summary to this file as well.
        search: settings of the planner.
        randomization: what differs from trial to trial besides the start.
        disturbances: what goes wrong on the way.
    """

    task: str = "grasp"
    model: str = ""
    instruction: str = ""
    robot: str = ""
    planner: str = "mppi"
    prior: bool = True
    baselines: tuple[str, ...] = ()
    trials: int = 100
    seed: int = 5_000_000
    seeds: tuple[int, ...] = ()
    time_limit: float = 0.0
    workers: int = 2
    batch: int = 1
    ros: bool = False
    attach: bool = False
    lockstep: bool = True
    device: str = "cpu"
    out: Path | None = None
    video: bool = False
    record: bool = False
    faults: bool = False
    only: tuple[str, ...] = ()
    json: Path | None = None
    search: PlannerConfig = field(default_factory=PlannerConfig)
    randomization: Randomization = field(default_factory=Randomization)
    disturbances: Disturbances = field(default_factory=Disturbances)

    def __post_init__(self) -> None:
        make_task(self.task)
        valid = (*PLANNERS, SERVER, EXPERT)
        _check_name("planner", self.planner, valid)
        for name in self.baselines:
            _check_name("baseline", name, (*valid, WITHOUT_PRIOR, WITHOUT_SERVER))
        if {SERVER, WITHOUT_SERVER} & {self.planner, *self.baselines} and not self.search.server:
            raise UserError(
                "a policy server is to act or to be left out, and there is none: give its address, "
                "as in --search.server localhost:8000 (`wm_planner serve` starts one)"
            )
        for name, most in _MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise UserError(
                    f"{name} is {getattr(self, name)}, expected at least 1, up to {most}"
                )
        if not 0 <= self.time_limit < 3600:
            raise UserError(f"time_limit is {self.time_limit} s, expected 0 to 3600")
        if any(seed < 0 for seed in (self.seed, *self.seeds)):
            raise UserError(f"seed {min((self.seed, *self.seeds))} is negative, expected 0 or more")
        if len(set(self.seeds)) < len(self.seeds):
            raise UserError("seeds: some are given twice; give each trial its own")
        self._check_ros()
        if self.only and not self.faults:
            raise UserError(f"--only {' '.join(self.only)} chooses faults: it needs --faults")
        if (self.video or self.record) and self.out is None:
            raise UserError("--video and --record write into a folder: name it with --out")

    def _check_ros(self) -> None:
        if not self.ros:
            if self.record or self.attach:
                raise UserError("--record and --attach are about ROS nodes: they need --ros")
            return
        if self.attach and self.baselines:
            raise UserError("baselines need nodes of their own: leave --attach out")
        if EXPERT in (self.planner, *self.baselines):
            raise UserError("the scripted expert is no node; run it without --ros")
        late = self.randomization.latency[1] > 0
        if self.lockstep and (late or self.disturbances.frame_loss > 0):
            raise UserError(
                "late or lost frames need a clock, and in lockstep the simulation waits for every "
                "command: run with --no-lockstep, or in process without --ros"
            )

    @property
    def model_name(self) -> str:
        return self.model or self.task

    @property
    def starts(self) -> tuple[int, ...]:
        """The seed of each trial."""
        return self.seeds or tuple(range(self.seed, self.seed + self.trials))

    @property
    def label(self) -> str:
        """How the main planner is called in results."""
        return self._contestant(self.planner, self.prior)[0]

    @property
    def contestants(self) -> dict[str, PlannerConfig]:
        """The main planner and the baselines by label; the expert's is there but not used."""
        main = self._contestant(self.planner, self.prior)
        return dict([main, *map(self._contestant, self.baselines)])

    def _contestant(self, name: str, prior: bool = True) -> tuple[str, PlannerConfig]:
        """Label and settings of a planner or a baseline."""
        planner, server = name, self.search.server
        if name in (WITHOUT_PRIOR, WITHOUT_SERVER):
            planner, prior = self.planner, self.prior and name != WITHOUT_PRIOR
            server = server if name == WITHOUT_PRIOR else ""
        label = planner
        if planner in SEARCHING:
            label += (" with server" if server else "") + ("" if prior else " without prior")
        acts = "noop" if planner == EXPERT else planner
        return label, replace(self.search, planner=acts, use_prior=prior, server=server)


def _check_name(kind: str, name: str, valid: tuple[str, ...]) -> None:
    if name not in valid:
        raise UserError(f"unknown {kind} '{name}'; there is {', '.join(valid)}")
