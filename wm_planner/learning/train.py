"""Train a world model on a dataset; resumable."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from wm_planner.control.robot_config import RobotConfig
from wm_planner.envs.tasks import make_task
from wm_planner.errors import UserError
from wm_planner.learning.module import LossConfig, TDLatentModule
from wm_planner.learning.sequences import EpisodeStore, SequenceDataset
from wm_planner.paths import robot_config
from wm_planner.world_models.store import ModelConfig, channels_last, check_device, save_model
from wm_planner.world_models.td_latent import TDLatent, TDLatentConfig


@dataclass(frozen=True)
class TrainConfig:
    """Train a world model on collected episodes.

    Attributes:
        task: name of the task.
        data: datasets to train on; default data/<task>.hdf5.
        out: model folder to write; default runs/<task>. A run of that name goes on where it was.
        robot: name of the robot in config/robots.
        cameras: cameras to use, in this order.
        episodes: use only the first so many episodes of each dataset; 0 for all.
        updates: gradient steps.
        batch_size: sequences a step.
        horizon: imagined steps a sequence.
        shift: largest random shift of the frames, pixels.
        snapshots: also export the model after so many updates, to <out>/step_<n>.
        seed: of weights and batches.
        device: cpu or cuda.
        threads: processor threads; more than there are idle cores is many times slower.
        network: shapes of the networks.
        loss: weights of the losses and of the optimiser.
    """

    task: str = "grasp"
    data: tuple[Path, ...] = ()
    out: Path | None = None
    robot: str = "panda"
    cameras: tuple[str, ...] = ("front", "wrist")
    episodes: int = 0
    updates: int = 1500
    batch_size: int = 128
    horizon: int = 3
    shift: int = 3
    snapshots: tuple[int, ...] = ()
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    network: TDLatentConfig = field(default_factory=TDLatentConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        make_task(self.task)
        for name in ("updates", "batch_size", "horizon", "threads"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, expected at least 1")

    @property
    def directory(self) -> Path:
        return self.out or Path("runs") / self.task

    @property
    def datasets(self) -> list[Path]:
        return list(self.data) or [Path("data") / f"{self.task}.hdf5"]


def train(config: TrainConfig) -> Path:
    """Train, or go on training, and write the model; returns its folder."""
    device = check_device(config.device)
    pl.seed_everything(config.seed, verbose=False)
    torch.set_flush_denormal(True)
    torch.set_num_threads(config.threads)
    discount, size = config.network.discount, config.network.image_size
    limit = config.episodes or None
    store = EpisodeStore(config.datasets, config.cameras, size, discount, limit)
    network = replace(
        config.network,
        cameras=len(config.cameras),
        proprio_size=store.proprio.shape[-1],
        action_size=store.actions.shape[-1],
        landmark_size=store.landmarks.shape[-1],
    )
    world_model = TDLatent(network)
    channels_last(world_model)
    module = TDLatentModule(world_model, config.loss, config.updates)
    export = Export(config, _model_config(config, network, store))
    last = config.directory / "checkpoints" / "last.ckpt"
    trainer = _trainer(config, device, export)
    batches = SequenceDataset(
        store, config.horizon, config.batch_size, config.shift, _batch_seed(config.seed, last)
    )
    loader = DataLoader(batches, batch_size=None)
    try:
        trainer.fit(module, loader, ckpt_path=last if last.exists() else None, weights_only=True)
    except SystemExit as interrupted:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from interrupted
    export.write(module, config.directory)
    return config.directory


class Export(Callback):
    """Writes the model folder, at snapshots and at the end."""

    def __init__(self, config: TrainConfig, model_config: ModelConfig) -> None:
        self._config, self._model_config = config, model_config
        self._started = time.monotonic()
        self._cpu_started = time.process_time()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:  # type: ignore[override]
        if trainer.global_step in self._config.snapshots:
            self.write(pl_module, self._config.directory / f"step_{trainer.global_step}")

    def write(self, module: TDLatentModule, directory: Path) -> None:
        provenance = {
            **self._model_config.provenance,
            "updates": module.trainer.global_step,
            "wall_minutes": round((time.monotonic() - self._started) / 60, 1),
            "cpu_minutes": round((time.process_time() - self._cpu_started) / 60, 1),
        }
        save_model(
            directory, module.world_model, replace(self._model_config, provenance=provenance)
        )


def _trainer(config: TrainConfig, device: torch.device, export: Export) -> pl.Trainer:
    checkpoint = ModelCheckpoint(
        config.directory / "checkpoints",
        filename="last",  # also when interrupted
        save_last=True,
        save_top_k=0,
        save_on_exception=True,
        every_n_train_steps=250,
        enable_version_counter=False,
    )
    return pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed",
        max_steps=config.updates,
        max_epochs=-1,
        gradient_clip_val=10.0,
        callbacks=[checkpoint, export, TQDMProgressBar(refresh_rate=10)],
        logger=TensorBoardLogger(config.directory, name="", version="logs"),
        log_every_n_steps=25,
        enable_model_summary=False,
        default_root_dir=config.directory,
    )


def _model_config(config: TrainConfig, network: TDLatentConfig, store: EpisodeStore) -> ModelConfig:
    provenance = {
        "data": [path.name for path in config.datasets],
        "episodes": store.episodes,
        "steps": store.steps,
        "seed": config.seed,
        "git": git_revision(),
    }
    rate = RobotConfig.load(robot_config(config.robot)).control_rate_hz
    return ModelConfig(config.task, config.robot, config.cameras, rate, network, provenance)


def _batch_seed(seed: int, checkpoint: Path) -> int:
    """A resumed run draws other batches than it already had."""
    return seed if not checkpoint.exists() else seed + int(checkpoint.stat().st_mtime)


def git_revision() -> str:
    """Short revision of the checkout, or 'unknown' outside one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"
