"""What `wm_planner` can do: every subcommand is a config dataclass and a function that takes it."""

from __future__ import annotations

from typing import NamedTuple


class Subcommand(NamedTuple):
    """Where a subcommand lives: `module.config` is its dataclass, `module.function` takes one.

    A dataclass that depends on the family of world models is made by a function of its name.
    """

    module: str
    config: str
    function: str
    help: str


SUBCOMMANDS = {
    "demo": Subcommand(
        "wm_planner.commands.demo",
        "DemoConfig",
        "demo",
        "run the task on two ROS 2 nodes, simulation and planner; write a video",
    ),
    "robot add": Subcommand(
        "wm_planner.commands.robot.add",
        "RobotAddConfig",
        "add_robot",
        "bring an arm of your own: its URDF or MJCF in, its file, simulation and a check out",
    ),
    "robot check": Subcommand(
        "wm_planner.commands.robot.check",
        "RobotCheckConfig",
        "check_robot",
        "measure what an arm's file promises: workspace, limits, home; with a picture",
    ),
    "collect": Subcommand(
        "wm_planner.learning.collect",
        "CollectConfig",
        "collect",
        "record episodes in simulation into an HDF5 dataset",
    ),
    "record": Subcommand(
        "wm_planner.commands.record",
        "RecordConfig",
        "record",
        "record episodes that somebody shows, on a robot or in simulation, into a bag",
    ),
    "import": Subcommand(
        "wm_planner.commands.import_data.command",
        "ImportConfig",
        "import_data",
        "make a dataset of bags, of robomimic's HDF5 or of LeRobot datasets",
    ),
    "export": Subcommand(
        "wm_planner.commands.export",
        "ExportConfig",
        "export",
        "write a dataset in LeRobot's format, for other policies",
    ),
    "check": Subcommand(
        "wm_planner.commands.check",
        "CheckConfig",
        "check",
        "look at a dataset before training: a page of films, actions, lag and what is missing",
    ),
    "streaming": Subcommand(
        "wm_planner.commands.streaming",
        "StreamingConfig",
        "streaming",
        "what a drive gets of recorded trajectories, by controller and network: how smooth it is",
    ),
    "replay": Subcommand(
        "wm_planner.commands.replay",
        "ReplayConfig",
        "replay",
        "do the actions of recorded episodes again in simulation, without looking",
    ),
    "video learn": Subcommand(
        "wm_planner.learning.video.learn",
        "VideoLearnConfig",
        "learn",
        "learn from video without actions what can be done: codes of a small codebook",
    ),
    "video label": Subcommand(
        "wm_planner.learning.video.label",
        "VideoLabelConfig",
        "label",
        "give video the actions that it shows, as a few labelled episodes tell",
    ),
    "train": Subcommand(
        "wm_planner.learning.rounds",
        "train_config",
        "train",
        "train a world model on a dataset",
    ),
    "improve": Subcommand(
        "wm_planner.commands.improve.command",
        "ImproveConfig",
        "improve",
        "let a model's planner try, train on what it tried, and keep what is no worse",
    ),
    "decoder": Subcommand(
        "wm_planner.learning.decoder",
        "DecoderConfig",
        "fit_decoder",
        "fit the decoder of a trained model anew; nothing else of the model changes",
    ),
    "repainter": Subcommand(
        "wm_planner.learning.repainter",
        "RepainterConfig",
        "fit_repainter",
        "fit to a trained model what paints its futures over the frames seen last",
    ),
    "enlarge": Subcommand(
        "wm_planner.learning.enlarge",
        "EnlargeConfig",
        "enlarge",
        "give a model that generates video larger pictures; it imagines and plans as before",
    ),
    "heads": Subcommand(
        "wm_planner.learning.heads",
        "HeadsConfig",
        "fit_heads",
        "fit reward, value, success and prior (also towards goals) anew, on latents that stay",
    ),
    "look": Subcommand(
        "wm_planner.learning.look",
        "LookConfig",
        "look",
        "tell beside a model what its cameras should show, which is asked before the arm moves",
    ),
    "compact": Subcommand(
        "wm_planner.learning.compact",
        "CompactConfig",
        "compact",
        "write a model in half or a quarter of the space, to be handed on",
    ),
    "play": Subcommand(
        "wm_planner.play.play",
        "PlayConfig",
        "play",
        "drive a learned world model by hand, in a window or into a video",
    ),
    "trials": Subcommand(
        "wm_planner.commands.trials",
        "TrialsConfig",
        "trials",
        "measure a planner beside its baselines on held-out seeds, with a report",
    ),
    "serve": Subcommand(
        "wm_planner.commands.serve",
        "ServeConfig",
        "serve_policy",
        "serve a model's action prior, or a LeRobot policy, to planners that ask policy servers",
    ),
    "goals": Subcommand(
        "wm_planner.evaluation.goals.command",
        "GoalsConfig",
        "goals",
        "measure how often what a goal image shows is brought about, in simulation",
    ),
    "robustness": Subcommand(
        "wm_planner.commands.robustness",
        "RobustnessConfig",
        "robustness",
        "measure success with one thing changed at a time: cameras, light, friction, disturbances",
    ),
    "alarms": Subcommand(
        "wm_planner.evaluation.alarms",
        "AlarmsConfig",
        "alarms",
        "what surprise notices, how fast, and how often it cries wolf",
    ),
    "soak": Subcommand(
        "wm_planner.commands.soak",
        "SoakConfig",
        "soak",
        "run trials over ROS for a long time; memory, threads, file handles and latency over it",
    ),
    "compare": Subcommand(
        "wm_planner.evaluation.compare",
        "CompareConfig",
        "compare",
        "compare two runs of trials, paired by seed",
    ),
    "evaluate": Subcommand(
        "wm_planner.evaluation.world_model.evaluate",
        "EvaluateConfig",
        "evaluate",
        "measure what a world model imagines beside what then happens, with a page of pictures",
    ),
    "rehearse": Subcommand(
        "wm_planner.commands.rehearse.command",
        "RehearseConfig",
        "rehearse",
        "let policies act in a world model's dream and in simulation: do both rank them alike?",
    ),
    "leaderboard": Subcommand(
        "wm_planner.commands.leaderboard.command",
        "LeaderboardConfig",
        "leaderboard",
        "train or take every family of world models, and measure which plans best, at what cost",
    ),
    "energy": Subcommand(
        "wm_planner.evaluation.goals.energy",
        "EnergyConfig",
        "energy",
        "rank true actions by the distance to the goal they led to, with heat maps",
    ),
    "doctor": Subcommand(
        "wm_planner.commands.doctor",
        "DoctorConfig",
        "doctor",
        "say what this machine can do, what is missing, and whether the demo holds its rate here",
    ),
    "bench": Subcommand(
        "wm_planner.evaluation.bench",
        "BenchConfig",
        "bench",
        "time encoding, planning and commanding on this machine",
    ),
}
